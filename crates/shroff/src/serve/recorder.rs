//! What is new of alerts, from the engine to the register.
//!
//! The engine's thread never waits for SQL: it lays what is new into an inbox, where what is new of
//! the same alert becomes one, so that the inbox is bounded by the alerts of the window. A task takes
//! it from there and writes it, together with the place up to which the register then knows the
//! log. A start hands over what was not written before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shroff_engine::{AlertId, Draft, Gone, Ground, Revision, Told};
use shroff_store::Disk;
use shroff_store::register::{
    AlertChange, Evidence, NewHold, Register, RevisionRow, RuleShare, Sum, Watermark,
};
use shroff_types::{Action, Currency, Decimal, Place, Span, Timestamp};
use tokio::sync::{Notify, watch};

use super::core::Core;
use super::events::Events;
use super::pseudonyms::Pseudonyms;
use super::traces::{self, What};
use crate::settings;

/// Alerts of one unit of work: other writers wait for no more than this.
const ALERTS_AT_ONCE: usize = 200;
/// Payments of one unit of work, about.
const PAYMENTS_AT_ONCE: usize = 4_000;
/// Alerts of other rules that are handed over between two batches: some milliseconds at most.
const ALERTS_BETWEEN: usize = 16;
/// Alerts that are handed over before a service takes payments, well below a second; and so many
/// wait at most while others are handed over between batches.
const ALERTS_AT_START: usize = 2_000;
/// How long a reader waits for what was handed over before it asked.
const READ_YOUR_WRITES: Duration = Duration::from_secs(2);
/// How long what is new is gathered before it is written, unless somebody waits for it: what changes
/// more than once meanwhile is written once.
const GATHERING: Duration = Duration::from_millis(100);
/// The shortest and the longest pause before a database is asked again that refused.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// What is handed over and not written yet.
#[derive(Debug, Default)]
struct Waiting {
    alerts: BTreeMap<String, AlertChange>,
    holds: Vec<NewHold>,
    upto: Option<Watermark>,
    /// How often something was handed over.
    handed: u64,
    is_closed: bool,
}

/// Between the engine and the register.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// Somebody waits for what was handed over.
    hurry: Notify,
    written: watch::Sender<u64>,
    /// Up to where the register knows the log, and one more; zero where that is not known.
    known: AtomicU64,
}

impl Inbox {
    pub(crate) fn new() -> Arc<Inbox> {
        let (written, _) = watch::channel(0);
        let known = AtomicU64::new(0);
        let (waiting, wake, hurry) = (Mutex::default(), Notify::new(), Notify::new());
        Arc::new(Inbox { waiting, wake, hurry, written, known })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing under the lock leaves it half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hand_over(
        &self,
        alerts: Vec<AlertChange>,
        holds: Vec<NewHold>,
        upto: Option<Watermark>,
    ) {
        let mut waiting = self.lock();
        for change in alerts {
            waiting.take_in(change);
        }
        waiting.holds.extend(holds);
        waiting.upto = upto.or(waiting.upto);
        waiting.handed += 1;
        drop(waiting);
        self.wake.notify_one();
    }

    /// How often something was handed over.
    pub(crate) fn handed(&self) -> u64 {
        self.lock().handed
    }

    /// Waits until the register knows all that was handed over by then.
    pub(crate) async fn reached(&self, handed: u64) {
        let mut written = self.written.subscribe();
        self.hurry.notify_one();
        // The sender lives as long as we do.
        drop(written.wait_for(|&written| written >= handed).await);
    }

    /// Waits until the register knows what it was handed before, for a while at most.
    pub(crate) async fn caught_up(&self) {
        // Where it takes longer, what the register knows is what is told.
        drop(tokio::time::timeout(READ_YOUR_WRITES, self.reached(self.handed())).await);
    }

    /// Up to where the register knows the log, since it was written.
    pub(crate) fn known(&self) -> Option<u64> {
        self.known.load(Ordering::Acquire).checked_sub(1)
    }

    /// How many alerts wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().alerts.len()
    }

    /// Nothing more is handed over: the task ends once all is written.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
        self.hurry.notify_one();
    }

    /// Waits for what is new, and for what comes with it.
    async fn gather(&self) {
        if self.lock().is_closed {
            return;
        }
        self.wake.notified().await;
        // Either way it is written now.
        drop(tokio::time::timeout(GATHERING, self.hurry.notified()).await);
    }

    /// All that waits. It is written before more is taken, so that none waits for ever while others
    /// go on changing.
    fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        let rest =
            Waiting { handed: waiting.handed, is_closed: waiting.is_closed, ..Waiting::default() };
        std::mem::replace(&mut waiting, rest)
    }
}

impl Waiting {
    fn take_in(&mut self, change: AlertChange) {
        match self.alerts.get_mut(&change.id) {
            Some(before) => before.merge(change),
            None => drop(self.alerts.insert(change.id.clone(), change)),
        }
    }

    fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.holds.is_empty() && self.upto.is_none()
    }
}

/// Alerts that are written together.
fn pieces(alerts: BTreeMap<String, AlertChange>) -> Vec<Vec<AlertChange>> {
    let mut pieces = vec![Vec::new()];
    let mut payments = 0;
    for change in alerts.into_values() {
        let is_full = pieces.last().is_some_and(|piece| piece.len() >= ALERTS_AT_ONCE);
        if is_full || payments >= PAYMENTS_AT_ONCE {
            payments = 0;
            pieces.push(Vec::new());
        }
        payments += change.evidence.len() + change.revisions.len();
        if let Some(piece) = pieces.last_mut() {
            piece.push(change);
        }
    }
    pieces
}

/// Writes what is handed over until there is nothing more to come.
pub(crate) async fn write(inbox: Arc<Inbox>, register: Register, events: Arc<Events>) {
    loop {
        inbox.gather().await;
        let taken = inbox.take();
        if taken.is_empty() {
            if taken.is_closed {
                return;
            }
            continue;
        }
        let Waiting { alerts, mut holds, upto, handed, .. } = taken;
        let mut pieces = pieces(alerts).into_iter().peekable();
        while let Some(changes) = pieces.next() {
            // Before the last piece the register does not know all of it, and is told of no place.
            let upto = upto.filter(|_| pieces.peek().is_none());
            let holds = std::mem::take(&mut holds);
            let doing = traces::begin();
            write_piece(&register, &changes, &holds, upto).await;
            doing.end(What::Register { alerts: changes.len(), holds: holds.len() });
            events.outbox.notify_one();
            if !holds.is_empty() {
                events.holds_opened();
            }
            tell(&register, &events, changes).await;
        }
        if let Some(upto) = upto {
            inbox.known.store(upto.next.saturating_add(1), Ordering::Release);
        }
        inbox.written.send_replace(handed);
    }
}

/// Writes a piece, as often as it takes.
async fn write_piece(
    register: &Register,
    changes: &[AlertChange],
    holds: &[NewHold],
    upto: Option<Watermark>,
) {
    let mut pause = PAUSES[0];
    while let Err(error) = register.write_alerts(changes, holds, upto, settings::wall()).await {
        tracing::error!(%error, "the register was not written: it is tried again");
        tokio::time::sleep(pause).await;
        pause = PAUSES[1].min(pause * 2);
    }
}

/// Tells whoever listens.
async fn tell(register: &Register, events: &Events, changes: Vec<AlertChange>) {
    if !events.is_heard() {
        return;
    }
    let ids: Vec<String> = changes.into_iter().map(|change| change.id).collect();
    match register.alerts_of(&ids).await {
        Ok(rows) => rows.iter().for_each(|row| events.alert(row)),
        Err(error) => tracing::warn!(%error, "listeners were not told of alerts"),
    }
}

/// What was handed over of an alert.
#[derive(Debug)]
struct Followed {
    payments: usize,
    revisions: usize,
    first: Timestamp,
    last: Timestamp,
    sum: i128,
    /// None where it has several.
    currency: Option<Currency>,
    raised: (Place, Timestamp, String),
}

/// Follows the alerts of a core.
#[derive(Debug)]
pub(crate) struct Recorder {
    inbox: Arc<Inbox>,
    pseudonyms: Arc<Pseudonyms>,
    /// The titles of typologies, by position.
    titles: Vec<String>,
    hold_for: Span,
    followed: BTreeMap<u32, Followed>,
    /// Alerts of other rules than before, which the register was not told of as they are now.
    backlog: BTreeSet<u32>,
    /// Whether a batch could not be handed over: a start anew does it, so that the register is told
    /// of no later place.
    is_behind: bool,
}

impl Recorder {
    pub(crate) fn new(
        inbox: Arc<Inbox>,
        pseudonyms: Arc<Pseudonyms>,
        titles: Vec<String>,
        hold_for: Span,
    ) -> Recorder {
        Recorder {
            inbox,
            pseudonyms,
            titles,
            hold_for,
            followed: BTreeMap::new(),
            backlog: BTreeSet::new(),
            is_behind: false,
        }
    }

    /// Begins anew with the alerts of other rules, which are handed over piece by piece.
    pub(crate) fn begin_anew<D: Disk>(&mut self, core: &mut Core<D>, titles: Vec<String>) {
        self.titles = titles;
        self.followed.clear();
        self.backlog = core.live.alert_numbers().collect();
        core.live.keep_gone_from(core.live.next());
        tracing::info!(alerts = self.backlog.len(), "alerts of other rules go to the register");
    }

    /// Whether alerts wait to be handed over.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Whether some of them can be handed over: what waits to be written takes memory.
    pub(crate) fn has_room(&self) -> bool {
        self.inbox.waiting() < ALERTS_AT_START
    }

    /// Hands some of them over.
    pub(crate) fn hand_some<D: Disk>(&mut self, core: &mut Core<D>) {
        let mut changes = Vec::new();
        while changes.len() < ALERTS_BETWEEN
            && let Some(number) = self.backlog.pop_first()
        {
            // What left the window meanwhile is not told, as it is not at a start.
            let Some(draft) = core.live.growing(number) else { continue };
            match self.change(core, (number, draft), core.live.revisions(number)) {
                Ok(change) => changes.push(AlertChange { is_whole: true, ..change }),
                Err(error) => {
                    tracing::error!(%error, "an alert was not handed to the register: a start anew does it");
                    self.is_behind = true;
                }
            }
        }
        self.end(core, changes, Vec::new());
    }

    /// How often something was handed to the register; none where some of it could not be, or was
    /// not yet.
    pub(crate) fn handed(&self) -> Option<u64> {
        (!self.is_behind && self.backlog.is_empty()).then(|| self.inbox.handed())
    }

    /// Hands over what the register does not know, after a start: `known` is what it knows. Of many
    /// alerts, as after a history was loaded, the rest follow between batches.
    pub(crate) fn begin<D: Disk>(
        &mut self,
        core: &mut Core<D>,
        known: Option<Watermark>,
    ) -> anyhow::Result<()> {
        let next = known.map_or(0, |known| known.next);
        let is_same = known.is_some_and(|known| known.version == core.version());
        let is_new = |revisions: &[Revision]| {
            let last = revisions.last().map_or(0, |revision| u64::from(revision.place.0));
            !is_same || last >= next
        };
        let mut changes = Vec::new();
        for Gone { number, draft, revisions } in core.live.take_gone() {
            if is_new(&revisions) {
                changes.push(self.change(core, (number, &draft), &revisions)?);
            }
            self.followed.remove(&number);
        }
        // What the register knows already is told as a whole when it changes.
        let live = &core.live;
        let new: Vec<u32> =
            live.alert_numbers().filter(|&number| is_new(live.revisions(number))).collect();
        let (now, later) = new.split_at(new.len().min(ALERTS_AT_START));
        for &number in now {
            let Some(draft) = live.growing(number) else { continue };
            changes.push(self.change(core, (number, draft), live.revisions(number))?);
        }
        self.backlog.extend(later);
        for change in &mut changes {
            change.is_whole = true;
        }
        let mut holds = Vec::new();
        core.each_told(next, |told, received| holds.extend(self.hold(core, told, received)))?;
        let (alerts, later) = (changes.len(), self.backlog.len());
        tracing::info!(alerts, later, holds = holds.len(), "handed to the register");
        self.end(core, changes, holds);
        Ok(())
    }

    /// Hands over what a batch changed. Where that fails, the next start does it.
    pub(crate) fn record<D: Disk>(
        &mut self,
        core: &mut Core<D>,
        told: &[Told],
        received: Timestamp,
    ) {
        if let Err(error) = self.try_record(core, told, received) {
            tracing::error!(%error, "alerts were not handed to the register: a start anew does it");
            self.is_behind = true;
            // What is told of an alert from now on is told as a whole.
            self.followed.clear();
        }
    }

    fn try_record<D: Disk>(
        &mut self,
        core: &mut Core<D>,
        told: &[Told],
        received: Timestamp,
    ) -> anyhow::Result<()> {
        // What is told of an alert for the first time takes the place of what was told before a start.
        let begun = told.first().map(|told| told.place);
        let was_there = |revisions: &[Revision]| revisions.first().map(|it| it.place) < begun;
        let touched: BTreeSet<u32> =
            told.iter().flat_map(|told| &told.touched).map(|touched| touched.draft).collect();
        let mut changes = Vec::new();
        for Gone { number, draft, revisions } in core.live.take_gone() {
            if touched.contains(&number) {
                self.backlog.remove(&number);
                let change = self.change(core, (number, &draft), &revisions)?;
                let is_whole = change.is_whole && was_there(&revisions);
                changes.push(AlertChange { is_whole, ..change });
            }
        }
        for number in touched {
            let Some(draft) = core.live.growing(number) else { continue };
            self.backlog.remove(&number);
            let revisions = core.live.revisions(number);
            let change = self.change(core, (number, draft), revisions)?;
            let is_whole = change.is_whole && was_there(revisions);
            changes.push(AlertChange { is_whole, ..change });
        }
        if self.followed.len() > core.live.alert_count() {
            self.followed.retain(|&number, _| core.live.growing(number).is_some());
        }
        let holds = told.iter().filter_map(|told| self.hold(core, told, received)).collect();
        self.end(core, changes, holds);
        Ok(())
    }

    fn end<D: Disk>(&mut self, core: &mut Core<D>, changes: Vec<AlertChange>, holds: Vec<NewHold>) {
        let next = core.live.next();
        // What the next batch changes is told even where the batch lets it go.
        core.live.keep_gone_from(next);
        let upto = Watermark { next: u64::from(next.0), version: core.version() };
        // While some wait, the register does not know the log under these rules.
        let is_all = !self.is_behind && self.backlog.is_empty();
        self.inbox.hand_over(changes, holds, is_all.then_some(upto));
    }

    /// What is new of an alert; all of it where nothing was handed over since the start.
    fn change<D: Disk>(
        &mut self,
        core: &Core<D>,
        (number, draft): (u32, &Draft),
        revisions: &[Revision],
    ) -> anyhow::Result<AlertChange> {
        let raised = match self.followed.get(&number) {
            Some(followed) if followed.raised.0 == draft.raised_at => followed.raised.clone(),
            _ => core.payment(draft.raised_at, |sent| {
                (draft.raised_at, sent.time, sent.id.to_owned())
            })?,
        };
        let is_whole = !self.followed.contains_key(&number);
        let followed = self.followed.entry(number).or_insert_with(|| Followed {
            payments: 0,
            revisions: 0,
            first: Timestamp(i64::MAX),
            last: Timestamp(i64::MIN),
            sum: 0,
            currency: None,
            raised: raised.clone(),
        });
        followed.raised = raised;
        let mut evidence = Vec::new();
        for &place in &draft.payments[followed.payments..] {
            let pseudonyms = &self.pseudonyms;
            let payment = core.payment(place, |sent| Evidence {
                place: place.0,
                payment: sent.id.to_owned(),
                time: sent.time,
                debtor: pseudonyms.token(sent.debtor),
                creditor: pseudonyms.token(sent.creditor),
                amount: sent.amount,
            })?;
            followed.add(&payment, core.live.engine_minor(payment.amount));
            evidence.push(payment);
        }
        let mut rows = Vec::new();
        for (revision, number) in revisions.iter().zip(1_u64..).skip(followed.revisions) {
            rows.push(core.payment(revision.place, |sent| RevisionRow {
                revision: number,
                payment: sent.id.to_owned(),
                time: sent.time,
                score_permille: revision.score_permille,
                action: revision.action,
                payment_count: revision.payments as u64,
            })?);
        }
        followed.payments = draft.payments.len();
        followed.revisions = revisions.len();
        let mut told = draft.clone();
        told.put_in_order();
        let typologies = core.live.typologies();
        let (_, raised_at, raised_by) = followed.raised.clone();
        let (first_time, last_time) = (followed.first, followed.last);
        let sum = followed.sum(core.live.exponent());
        Ok(AlertChange {
            id: told.id(typologies),
            typology: typologies[told.typology].clone(),
            title: self.title(told.typology),
            score_permille: told.score_permille,
            action: told.action,
            first_time,
            last_time,
            raised_at,
            raised_by,
            sum,
            payment_count: told.payments.len() as u64,
            evidence_is_complete: told.is_whole,
            revision: revisions.len() as u64,
            rules: self.shares(&told, typologies),
            evidence,
            revisions: rows,
            is_whole,
        })
    }

    fn title(&self, typology: usize) -> String {
        self.titles.get(typology).cloned().unwrap_or_default()
    }

    /// Why an alert was raised, as the register keeps it.
    fn shares(&self, draft: &Draft, typologies: &[String]) -> Vec<RuleShare> {
        let share = |ground: &Ground| RuleShare {
            typology: typologies[ground.hit.typology].clone(),
            title: self.title(ground.hit.typology),
            score_permille: ground.hit.score_permille,
            share_permille: ground.share_permille,
            reason: ground.text.clone(),
        };
        draft.grounds.iter().map(share).collect()
    }

    /// The hold that a verdict opens.
    fn hold<D: Disk>(&self, core: &Core<D>, told: &Told, received: Timestamp) -> Option<NewHold> {
        if told.action != Action::Hold {
            return None;
        }
        let strongest = told.touched.iter().max_by_key(|it| (it.action, it.score_permille));
        let typologies = core.live.typologies();
        let alert = strongest.and_then(|touched| {
            let opener = typologies.get(touched.opened.0)?;
            Some(AlertId(opener, touched.opened).to_string())
        });
        let payment = core.payment(told.place, |sent| (sent.id.to_owned(), sent.time));
        let (payment, time) = payment
            .map_err(|error| tracing::error!(%error, "a payment to hold could not be read"))
            .ok()?;
        // What was paid longer ago than a hold lasts, as in a history, went its way.
        if time.after(self.hold_for) <= received {
            return None;
        }
        let ends_at = received.after(self.hold_for);
        Some(NewHold { place: told.place.0, payment, alert, opened_at: received, ends_at })
    }
}

impl Followed {
    fn add(&mut self, payment: &Evidence, minor: i128) {
        self.currency = match self.currency {
            None if self.payments == 0 && self.last.0 == i64::MIN => Some(payment.amount.currency),
            same => same.filter(|&currency| currency == payment.amount.currency),
        };
        self.first = self.first.min(payment.time);
        self.last = self.last.max(payment.time);
        // Amounts are below 2^90 and 200 at most, so the sum fits.
        self.sum += minor;
    }

    fn sum(&self, exponent: u8) -> Sum {
        let currency = self.currency.unwrap_or(Currency::NONE);
        let exact = Decimal { digits: self.sum, decimals: exponent };
        // Where several currencies stand side by side, the sum has the decimals of the finest.
        let shown = currency.decimals().max(2).min(exponent);
        let amount = exact.units(shown).map_or(exact, |digits| Decimal { digits, decimals: shown });
        Sum { amount, currency: currency.code() }
    }
}
