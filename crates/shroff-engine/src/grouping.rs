//! Alerts that are one story: hits that share most of their evidence belong together.
//!
//! A hit joins the draft that holds most of its evidence, if that is half of the evidence or more:
//! so a pattern found at each of its payments is one alert, a fan grows, and what says less of the
//! same payments stays with them, whatever the typology. Two flows that have a payment in common and little else stay two. A draft that has
//! [`MOST_PAYMENTS`] takes no more: what comes then opens another. No hit is lost: each is in one.

use std::collections::BTreeMap;
use std::fmt;

use shroff_detect::{Scoring, Verdict};
use shroff_types::{AccountId, Action, Alert, Map, Place, Reason, Set, Timestamp};

use crate::shared::Shared;

/// The most payments of one alert: more than a human follows in one picture.
pub const MOST_PAYMENTS: usize = 200;

/// A rule that fired at a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The typology, by position.
    pub typology: usize,
    /// The bound rule, by position.
    pub rule: usize,
    /// The payment at which it fired.
    pub place: Place,
    /// How strongly, 0 to 1000.
    pub score_permille: u16,
}

/// Why an alert was raised, by one rule: its strongest hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The hit.
    pub hit: Hit,
    /// Its sentence.
    pub text: String,
    /// Its share in the alert's score, 0 to 1000: none where it fired at another payment than the
    /// one that has it.
    pub share_permille: u16,
}

/// An alert while it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The typology that opened it, by position, the payment that did, and how many it had opened
    /// there before.
    pub opened: (usize, Place, usize),
    /// The typology with the largest share; the one that opened it until it is finished.
    pub typology: usize,
    /// The highest score of its payments: what the rules that fired at one say together.
    pub score_permille: u16,
    /// What is suggested.
    pub action: Action,
    /// The payment at which it could first have been raised.
    pub raised_at: Place,
    /// How many hits it holds.
    pub hits: u64,
    /// Whether all payments of these hits were among its own: of a hit with many, the newest are.
    pub is_whole: bool,
    /// Whether a payment of it was scored.
    pub scored: bool,
    /// The strongest hit of each rule.
    pub grounds: Vec<Ground>,
    /// Its evidence, ascending, each once.
    pub payments: Vec<Place>,
}

impl Draft {
    /// Puts payments and reasons in the order in which they are told, and names the typology with
    /// the largest share.
    pub fn put_in_order(&mut self) {
        self.payments.sort_unstable();
        // The largest share first; then the strongest, the earliest, by rule.
        self.grounds.sort_by_key(|ground| {
            let strength = (ground.share_permille, ground.hit.score_permille);
            (std::cmp::Reverse(strength), ground.hit.place, ground.hit.rule)
        });
        if let Some(first) = self.grounds.first() {
            self.typology = first.hit.typology;
        }
    }

    /// The name that it keeps while it grows; `typologies` are the ids by position.
    pub fn id(&self, typologies: &[String]) -> String {
        AlertId(&typologies[self.opened.0], self.opened).to_string()
    }
}

/// The id of an alert: the typology that opened it, by name, and [`Draft::opened`].
#[derive(Debug, Clone, Copy)]
pub struct AlertId<'n>(pub &'n str, pub (usize, Place, usize));

impl fmt::Display for AlertId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AlertId(typology, (_, place, before)) = self;
        write!(f, "{typology}-{}", place.0)?;
        // The second that a typology opens at a payment, and so on.
        if *before > 0 { write!(f, "-{}", before + 1) } else { Ok(()) }
    }
}

/// All drafts.
#[derive(Debug, Clone)]
pub struct Drafts {
    scoring: Scoring,
    /// By number, in the order in which they were opened.
    opened: Shared<Draft>,
    next: u32,
    /// The draft that took a payment last.
    holders: Map<Place, u32>,
    /// The drafts that have a payment and did not take it last, which few are.
    others: Set<(u32, Place)>,
    /// In how many drafts a payment is that was in several: of all others the one that has it took
    /// it last.
    shared: Map<Place, u32>,
    /// Whether a payment may be in drafts of which none took it last: the one that did was let go.
    has_orphans: bool,
}

impl Drafts {
    /// No drafts yet.
    pub fn new(scoring: Scoring) -> Drafts {
        Drafts {
            scoring,
            opened: Shared::default(),
            next: 0,
            holders: Map::default(),
            others: Set::default(),
            shared: Map::default(),
            has_orphans: false,
        }
    }

    /// Adds a hit with its evidence, and returns its draft. The hit's own payment is always kept;
    /// of more than half of [`MOST_PAYMENTS`] the newest are, so that what it opens has room to grow.
    ///
    /// `known` is a draft that the hit belongs to whatever its evidence, for evidence that is
    /// handed over in parts. Costs a look-up for each payment of evidence.
    pub fn add(&mut self, hit: &Hit, evidence: &[Place], known: Option<u32>) -> u32 {
        let mut evidence: Vec<Place> = evidence.to_vec();
        let left_out = trim(&mut evidence, hit.place);
        self.add_trimmed(hit, (&evidence, &left_out), known)
    }

    /// The same with evidence that [`trim`] was asked about, and what it said.
    pub(crate) fn add_trimmed(
        &mut self,
        hit: &Hit,
        (evidence, left_out): (&[Place], &LeftOut),
        known: Option<u32>,
    ) -> u32 {
        let home = known.filter(|&draft| self.takes(draft, evidence));
        let home = home.or_else(|| self.nearest(evidence)).unwrap_or_else(|| self.open(hit));
        let draft = self.opened.get_mut(home).expect("its number was given here");
        for &place in evidence {
            let before = self.holders.insert(place, home);
            if before == Some(home) {
                continue;
            }
            self.others.extend(before.map(|other| (other, place)));
            let is_new = before.is_none() && !self.has_orphans;
            if is_new || !self.others.contains(&(home, place)) {
                draft.payments.push(place);
                share(&mut self.shared, place, before);
            }
        }
        draft.hits += 1;
        // What is left out of the newest may have come with a hit before.
        let has = |place: &Place| self.has(home, *place);
        let is_whole =
            self.there(home).is_whole && left_out.as_ref().is_some_and(|all| all.iter().all(has));
        let draft = self.opened_mut(home);
        draft.is_whole = is_whole;
        draft.raised_at = draft.raised_at.min(hit.place);
        home
    }

    /// Whether a payment is one of a draft's.
    fn has(&self, draft: u32, place: Place) -> bool {
        match self.holders.get(&place) {
            Some(&holder) if holder == draft => true,
            // Most payments of evidence are in no draft yet: one look says so.
            None if !self.has_orphans => false,
            Some(_) | None => self.others.contains(&(draft, place)),
        }
    }

    /// What tells a draft from all others, before and after they are finished: [`Draft::opened`].
    pub fn opened_by(&self, draft: u32) -> (usize, Place, usize) {
        self.there(draft).opened
    }

    /// Whether a draft has room for all of some evidence.
    pub fn takes(&self, draft: u32, evidence: &[Place]) -> bool {
        let new = evidence.iter().filter(|&&place| !self.has(draft, place));
        let held = self.there(draft).payments.len();
        let new = new.count();
        new == 0 || held + new <= MOST_PAYMENTS
    }

    /// The draft that holds the most of some evidence, if it is enough and there is room.
    fn nearest(&self, evidence: &[Place]) -> Option<u32> {
        let mut shared: Vec<(u32, usize)> = Vec::new();
        for holder in evidence.iter().filter_map(|place| self.holders.get(place)) {
            match shared.iter_mut().find(|(draft, _)| draft == holder) {
                Some((_, count)) => *count += 1,
                None => shared.push((*holder, 1)),
            }
        }
        // The most; among equals the oldest.
        shared.sort_unstable_by_key(|&(draft, count)| (std::cmp::Reverse(count), draft));
        let fits = |&(draft, count): &(u32, usize)| {
            2 * count >= evidence.len() && self.takes(draft, evidence)
        };
        shared.into_iter().find(fits).map(|(draft, _)| draft)
    }

    /// Whether a hit would be the strongest of its rule in a draft, so that its sentence is wanted.
    pub fn wants_reason(&self, draft: u32, hit: &Hit) -> bool {
        let grounds = &self.there(draft).grounds;
        let known = grounds.iter().find(|ground| ground.hit.rule == hit.rule);
        known.is_none_or(|ground| hit.score_permille > ground.hit.score_permille)
    }

    /// Gives a draft the sentence of its strongest hit of a rule.
    pub fn give_reason(&mut self, draft: u32, hit: &Hit, text: String) {
        let grounds = &mut self.opened_mut(draft).grounds;
        match grounds.iter_mut().find(|old| old.hit.rule == hit.rule) {
            Some(old) => (old.hit, old.text) = (hit.clone(), text),
            None => grounds.push(Ground { hit: hit.clone(), text, share_permille: 0 }),
        }
    }

    /// Scores what fired at one payment in a draft; the draft has the highest such score.
    pub fn score(&mut self, draft: u32, hits: &[Hit]) {
        let fired: Vec<(usize, u16)> =
            hits.iter().map(|hit| (hit.typology, hit.score_permille)).collect();
        let verdict = self.scoring.verdict(&fired);
        let draft = self.opened_mut(draft);
        draft.action = draft.action.max(verdict.action);
        if verdict.score_permille <= draft.score_permille && draft.scored {
            return;
        }
        draft.scored = true;
        draft.score_permille = verdict.score_permille;
        for ground in &mut draft.grounds {
            let at = hits.iter().position(|hit| hit.rule == ground.hit.rule);
            ground.share_permille = at.map_or(0, |at| verdict.shares_permille[at]);
        }
    }

    fn open(&mut self, hit: &Hit) -> u32 {
        let number = self.next;
        self.next = number.checked_add(1).expect("fewer than 2^32 drafts");
        let same = |draft: &&Draft| draft.opened.0 == hit.typology;
        let newest = self.opened.iter().rev().map(|(_, draft)| draft);
        let here = newest.take_while(|draft| draft.opened.1 == hit.place);
        let opened = (hit.typology, hit.place, here.filter(same).count());
        let draft = Draft {
            opened,
            typology: hit.typology,
            score_permille: 0,
            action: Action::None,
            raised_at: hit.place,
            hits: 0,
            is_whole: true,
            scored: false,
            grounds: Vec::new(),
            payments: Vec::new(),
        };
        self.opened.insert(number, draft);
        number
    }

    fn there(&self, number: u32) -> &Draft {
        self.opened.get(number).expect("a draft is asked for by the number it was given")
    }

    fn opened_mut(&mut self, number: u32) -> &mut Draft {
        self.opened.get_mut(number).expect("a draft is asked for by the number it was given")
    }

    /// One score out of all that fired at a payment, whatever drafts it belongs to.
    pub fn verdict(&self, hits: &[(usize, u16)]) -> Verdict {
        self.scoring.verdict(hits)
    }

    /// A draft as it stands; none where it was let go, or never was.
    pub fn get(&self, number: u32) -> Option<&Draft> {
        self.opened.get(number)
    }

    /// The numbers of the drafts that are held, ascending.
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.opened.iter().map(|(number, _)| number)
    }

    /// Lets a draft go whose payments nobody sees any more: no hit could join it.
    pub fn let_go(&mut self, number: u32) {
        let Some(draft) = self.opened.remove(number) else { return };
        for place in draft.payments {
            self.others.remove(&(number, place));
            let mut others = 0;
            if let Some(count) = self.shared.get_mut(&place) {
                *count -= 1;
                others = *count;
                if others == 0 {
                    self.shared.remove(&place);
                }
            }
            if self.holders.get(&place) == Some(&number) {
                self.holders.remove(&place);
                self.has_orphans |= others > 0;
            }
        }
    }

    /// The number that the next draft will have.
    pub(crate) fn next_number(&self) -> u32 {
        self.next
    }

    /// All drafts that are held, by number.
    pub(crate) fn all(&self) -> &Shared<Draft> {
        &self.opened
    }

    /// The payments that are or were in several drafts, in any order, each with the one of them that
    /// took it last, if that is still held.
    pub(crate) fn shared(&self) -> Vec<(Place, Option<u32>)> {
        self.shared.keys().map(|&place| (place, self.holders.get(&place).copied())).collect()
    }

    /// Puts drafts back as they stood, with what [`Drafts::shared`] said of them.
    pub(crate) fn put_back(
        &mut self,
        drafts: BTreeMap<u32, Draft>,
        shared: &[(Place, Option<u32>)],
    ) {
        for (&number, draft) in &drafts {
            for &place in &draft.payments {
                let before = self.holders.insert(place, number);
                self.others.extend(before.map(|other| (other, place)));
                share(&mut self.shared, place, before);
            }
        }
        for &(place, holder) in shared {
            self.shared.entry(place).or_insert(1);
            self.has_orphans |= holder.is_none();
            let before = match holder {
                Some(holder) => self.holders.insert(place, holder),
                None => self.holders.remove(&place),
            };
            self.others.extend(before.map(|other| (other, place)));
        }
        self.opened = drafts.into_iter().collect();
    }

    /// Goes on with the numbers of drafts.
    pub(crate) fn number_from(&mut self, next: u32) {
        self.next = next;
    }

    /// The drafts with their scores, by the first payment of their evidence.
    pub fn finish(self) -> Vec<Draft> {
        let mut opened: Vec<Draft> = self.opened.into_values().collect();
        opened.iter_mut().for_each(Draft::put_in_order);
        opened.sort_by_key(|draft| (draft.payments[0], draft.opened));
        opened
    }
}

/// Counts the draft that a payment is new in, where `before` it another had taken it.
fn share(shared: &mut Map<Place, u32>, place: Place, before: Option<u32>) {
    if let Some(count) = shared.get_mut(&place) {
        *count += 1;
    } else if before.is_some() {
        shared.insert(place, 2);
    }
}

/// What is left out of some evidence; none where that is more than an alert could hold beside it.
pub(crate) type LeftOut = Option<Vec<Place>>;

/// What an alert keeps of some evidence: each payment once, the newest of many, and the hit's own.
pub(crate) fn trim(evidence: &mut Vec<Place>, own: Place) -> LeftOut {
    evidence.sort_unstable();
    evidence.dedup();
    let left_out = evidence.len().saturating_sub(MOST_PAYMENTS / 2);
    let older = evidence.drain(..left_out);
    let older = (left_out <= MOST_PAYMENTS / 2).then(|| older.collect());
    if let Err(at) = evidence.binary_search(&own) {
        evidence.insert(at, own);
    }
    older
}

/// Fills drafts in from the payments, read once more in order.
#[derive(Debug)]
pub struct Completion {
    alerts: Vec<Alert>,
    /// (payment, alert), ascending; what is before `next` was seen.
    wanted: Vec<(Place, u32)>,
    next: usize,
}

impl Completion {
    /// Prepares the alerts of drafts; `typologies` are the ids by position.
    pub fn new(drafts: Vec<Draft>, typologies: &[String]) -> Completion {
        let mut alerts = Vec::with_capacity(drafts.len());
        let mut wanted = Vec::new();
        for (number, draft) in drafts.into_iter().enumerate() {
            let number = u32::try_from(number).expect("fewer alerts than payments");
            wanted.extend(draft.payments.iter().map(|&place| (place, number)));
            let id = draft.id(typologies);
            let reasons = draft.grounds.into_iter().map(|ground| Reason {
                typology: typologies[ground.hit.typology].clone(),
                score_permille: ground.hit.score_permille,
                share_permille: ground.share_permille,
                place: ground.hit.place,
                text: ground.text,
            });
            alerts.push(Alert {
                id,
                typology: typologies[draft.typology].clone(),
                score_permille: draft.score_permille,
                action: draft.action,
                first_time: Timestamp(i64::MAX),
                last_time: Timestamp(i64::MIN),
                raised_at: draft.raised_at,
                accounts: Vec::new(),
                amount_minor: 0,
                reasons: reasons.collect(),
                payments: draft.payments,
            });
        }
        wanted.sort_unstable();
        Completion { alerts, wanted, next: 0 }
    }

    /// Whether a payment is evidence: ask for each in order, then show those that are.
    pub fn wants(&self, place: Place) -> bool {
        self.wanted.get(self.next).is_some_and(|wanted| wanted.0 == place)
    }

    /// Shows a payment; they come in order, and none that is wanted may be left out.
    pub fn see(&mut self, place: Place, time: Timestamp, accounts: [AccountId; 2], minor: i128) {
        while let Some(&(wanted, alert)) = self.wanted.get(self.next)
            && wanted <= place
        {
            assert!(wanted == place, "every payment of evidence is shown, in order");
            let alert = &mut self.alerts[alert as usize];
            alert.first_time = alert.first_time.min(time);
            alert.last_time = alert.last_time.max(time);
            // Amounts are below 2^90 and payments below 2^32, so the sum fits.
            alert.amount_minor += minor;
            alert.accounts.extend(accounts);
            self.next += 1;
        }
    }

    /// The alerts, strongest first, among equals in the order of their first payments.
    pub fn finish(self) -> Vec<Alert> {
        assert!(self.next == self.wanted.len(), "every payment of evidence was shown");
        let mut alerts = self.alerts;
        for alert in &mut alerts {
            let mut seen: Set<AccountId> = Set::default();
            alert.accounts.retain(|&account| seen.insert(account));
        }
        alerts.sort_by(|a, b| {
            let by_score = b.score_permille.cmp(&a.score_permille);
            by_score.then_with(|| (a.payments[0], &a.id).cmp(&(b.payments[0], &b.id)))
        });
        alerts
    }
}
