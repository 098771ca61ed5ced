//! The core of a service: a deterministic function of the log.
//!
//! Payments are admitted in the order of the log and run in batches of any size; what is said of each
//! depends on neither the batch nor the time of day. What nobody can see any more is let go: payments
//! and their ids behind the longest window, and alerts of which no payment is in sight.

use std::collections::BTreeMap;

use shroff_detect::{Alone, Definitions, Input, LateCounts, Thresholds, Typology, Workers};
use shroff_types::{
    AccountId, Action, Amount, Clock, Currency, Decimal, Names, Place, SentPayment, Span, Symbol,
    TextHash, Timestamp,
};

use crate::engine::{Counts, Engine, EngineError};
use crate::grouping::Draft;
use crate::shared::Shared;
use crate::state::{Links, Moment, Standing, State};
use crate::told::Told;
use crate::window::{Held, Window};

/// Why a payment is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its amount has more decimals than the service counts in.
    TooFine,
    /// Its amount does not fit beside those decimals.
    TooLarge,
    /// As many payments were taken as there are places.
    Full,
}

/// How an alert grew: one for each payment that changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// The payment.
    pub place: Place,
    /// Its score then.
    pub score_permille: u16,
    /// What was suggested then.
    pub action: Action,
    /// How many payments it held.
    pub payments: usize,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlertFilter<'a> {
    /// Of this typology, which has the largest share.
    pub typology: Option<&'a str>,
    /// At least so strong.
    pub least_permille: u16,
    /// For which this is suggested.
    pub action: Option<Action>,
    /// With a payment of this time or later.
    pub since: Option<Timestamp>,
}

/// What is not the same for every institution.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// Decimals of the unit that amounts are counted in.
    pub exponent: u8,
    /// What rules ask for the time of day.
    pub clock: Clock,
    /// From which score on an action is suggested.
    pub thresholds: Thresholds,
    /// How late a payment may come.
    pub lateness: Span,
}

/// How an alert grew, and the latest time of a payment that changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) revisions: Vec<Revision>,
    pub(crate) newest: Timestamp,
}

/// A place in the middle of a log from which on a core is to say something, though it has said nothing
/// before: the payments of which it says something find all that is in sight of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Middle {
    /// The first payment that has to be shown: all before are out of sight of `next`.
    pub first: Place,
    /// The first payment of which something is said.
    pub next: Place,
    /// The latest time of the payments before `first`.
    pub before: Timestamp,
    /// The latest time of the payments before `next`.
    pub newest: Timestamp,
    /// The time of the first payment of the log.
    pub begins: Timestamp,
}

/// What was admitted: a payment, or the place of one that is taken out again.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    input: Input,
    withdraws: Option<Place>,
}

/// An alert that was let go, as it was then.
#[derive(Debug, Clone)]
pub struct Gone {
    /// Its number.
    pub number: u32,
    /// The alert, payments and reasons in the order in which they came.
    pub draft: Draft,
    /// How it grew.
    pub revisions: Vec<Revision>,
}

/// The core; see the module's page.
#[derive(Debug)]
pub struct Live {
    engine: Engine,
    window: Window,
    accounts: Names,
    symbols: Names,
    typologies: Vec<String>,
    exponent: u8,
    /// Admitted, and not run yet.
    pending: Vec<Admitted>,
    /// Admitted again, and not shown to the engine yet.
    unshown: Vec<Admitted>,
    stories: Shared<Story>,
    by_opening: BTreeMap<(usize, Place, usize), u32>,
    newest: Timestamp,
    /// How far behind the newest payment something may still be seen.
    sight: Span,
    swept: Timestamp,
    /// Put back from bytes, and not whole until what is in sight was shown again.
    half: Option<State>,
    /// Alerts that were let go and had changed at this place or later, for whoever keeps them.
    gone: Vec<Gone>,
    keep_gone_from: Option<Place>,
}

impl Live {
    /// A core that nothing was pushed to.
    ///
    /// # Errors
    /// Where an expression of a rule does not fit the definitions.
    pub fn new(
        definitions: &Definitions,
        typologies: &[Typology],
        settings: LiveSettings,
    ) -> Result<Live, EngineError> {
        let LiveSettings { exponent, clock, thresholds, lateness } = settings;
        let engine = Engine::new(definitions, typologies, exponent)?
            .on_clock(clock)
            .suggesting(typologies, thresholds)
            .allowing(lateness)
            .telling();
        Ok(Live {
            engine,
            window: Window::default(),
            accounts: Names::default(),
            symbols: Names::default(),
            typologies: typologies.iter().map(|typology| typology.id.clone()).collect(),
            exponent,
            pending: Vec::new(),
            unshown: Vec::new(),
            stories: Shared::default(),
            by_opening: BTreeMap::new(),
            newest: Timestamp(i64::MIN),
            sight: definitions.look_back().plus(lateness),
            swept: Timestamp(i64::MIN),
            half: None,
            gone: Vec::new(),
            keep_gone_from: None,
        })
    }

    /// The payment with this id, if it is held.
    pub fn find(&self, id: &str) -> Option<Place> {
        self.window.find(id)
    }

    /// A payment, if it is held.
    pub fn held(&self, place: Place) -> Option<Held<'_>> {
        self.window.get(place)
    }

    /// Whether a payment that is held was taken out again.
    pub fn is_withdrawn(&self, place: Place) -> bool {
        self.window.find(&SentPayment::withdrawal_id(place)).is_some()
    }

    /// Whether a payment that is held is what is sent again.
    pub fn is_same(&self, place: Place, sent: &SentPayment<'_>) -> bool {
        self.held(place).is_some_and(|held| {
            let account = |account: AccountId| self.accounts.text(account.0);
            held.id == sent.id
                && held.time == sent.time
                && held.amount == sent.amount
                && account(held.debtor) == sent.debtor
                && account(held.creditor) == sent.creditor
                && held.method.map(|symbol| self.symbols.text(symbol.0)) == sent.method
        })
    }

    /// Gives the next payment its place. Its id must not be held. A withdrawal
    /// ([`SentPayment::withdraws`]) has a place as well, and is run in its turn.
    ///
    /// # Errors
    /// Where it cannot be carried; then nothing was changed.
    pub fn admit(&mut self, sent: &SentPayment<'_>) -> Result<Place, Refusal> {
        let method = sent.method.map(|method| Symbol(self.symbols.intern(method)));
        self.entering().enter(sent, method)
    }

    fn entering(&mut self) -> Entering<'_> {
        let Live { window, accounts, pending, exponent, .. } = self;
        Entering { window, accounts, pending, exponent: *exponent }
    }

    /// Takes back all that was admitted and not run.
    pub fn take_back(&mut self) {
        let count = u32::try_from(self.pending.len()).expect("a batch is short");
        self.window.take_back(Place(self.window.next().0 - count));
        self.pending.clear();
    }

    /// Computes what is said of the payments that were admitted, in order.
    pub fn run(&mut self, workers: &dyn Workers) -> Vec<Told> {
        let Live { engine, pending, symbols, .. } = self;
        let mut inputs = Vec::with_capacity(pending.len());
        for run in pending.split_inclusive(|admitted| admitted.withdraws.is_some()) {
            let (payments, withdrawal) = match run.split_last() {
                Some((last, before)) => match last.withdraws {
                    Some(place) => (before, Some((place, last.input))),
                    None => (run, None),
                },
                None => (run, None),
            };
            inputs.clear();
            inputs.extend(payments.iter().map(|admitted| admitted.input));
            engine.push_with(workers, &inputs, symbols);
            if let Some((place, input)) = withdrawal {
                engine.withdraw(place, &input);
            }
        }
        let all = engine.take_told();
        for (told, Admitted { input, .. }) in all.iter().zip(pending.iter()) {
            for touched in &told.touched {
                let revision = Revision {
                    place: told.place,
                    score_permille: touched.score_permille,
                    action: touched.action,
                    payments: touched.payments,
                };
                if let Some(story) = self.stories.get_mut(touched.draft) {
                    story.newest = story.newest.max(input.time);
                    story.revisions.push(revision);
                } else {
                    let story = Story { revisions: vec![revision], newest: input.time };
                    self.stories.insert(touched.draft, story);
                }
                self.by_opening.insert(touched.opened, touched.draft);
            }
            self.newest = self.newest.max(input.time);
        }
        self.pending.clear();
        self.let_go();
        all
    }

    /// Lets go of what nobody sees any more, once in a sixty-fourth of the longest window.
    fn let_go(&mut self) {
        let floor = self.newest.before(self.sight);
        let step = self.sight.micros() / 64;
        if floor.micros_since(self.swept) < step && self.swept.0 != i64::MIN {
            return;
        }
        self.swept = floor;
        self.window.let_go(floor);
        let gone = self.stories.iter().filter(|(_, story)| story.newest < floor);
        let gone: Vec<u32> = gone.map(|(draft, _)| draft).collect();
        for draft in &gone {
            let story = self.stories.remove(*draft);
            let Some(held) = self.engine.drafts().get(*draft) else { continue };
            self.by_opening.remove(&held.opened);
            let revisions = story.map(|story| story.revisions).unwrap_or_default();
            let last = revisions.last().map(|revision| revision.place);
            if self.keep_gone_from.is_some_and(|from| last >= Some(from)) {
                self.gone.push(Gone { number: *draft, draft: held.clone(), revisions });
            }
        }
        self.engine.let_go(&gone, self.window.begin().0);
    }
}

/// Whatever a payment enters when it is admitted: all but the engine.
struct Entering<'a> {
    window: &'a mut Window,
    accounts: &'a mut Names,
    pending: &'a mut Vec<Admitted>,
    exponent: u8,
}

impl Entering<'_> {
    fn enter(&mut self, sent: &SentPayment<'_>, method: Option<Symbol>) -> Result<Place, Refusal> {
        let minor = self.minor(sent)?;
        let ends = [sent.debtor, sent.creditor].map(|name| AccountId(self.accounts.intern(name)));
        let hash = self.window.hash(sent.id);
        Ok(self.put((sent, hash), minor, (ends, method)))
    }

    /// As [`Entering::enter`] for each, looked up together so that the memory answers side by side.
    fn enter_all(
        &mut self,
        sent: &[SentPayment<'_>],
        methods: &[Option<Symbol>],
    ) -> Result<(), Refusal> {
        let (mut names, mut numbers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (sent, methods) in sent.chunks(TOGETHER).zip(methods.chunks(TOGETHER)) {
            names.clear();
            names.extend(sent.iter().flat_map(|sent| [sent.debtor, sent.creditor]));
            numbers.clear();
            self.accounts.intern_all(&names, &mut numbers);
            ids.clear();
            ids.extend(sent.iter().map(|sent| self.window.hash(sent.id)));
            self.window.touch(&ids);
            let ends = numbers.as_chunks::<2>().0.iter();
            for (((sent, method), ends), hash) in sent.iter().zip(methods).zip(ends).zip(&ids) {
                let minor = self.minor(sent)?;
                self.put((sent, *hash), minor, (ends.map(AccountId), *method));
            }
        }
        Ok(())
    }

    /// The amount in the engine's units, where there is a place left.
    fn minor(&self, sent: &SentPayment<'_>) -> Result<i128, Refusal> {
        if self.window.next().0 == u32::MAX {
            return Err(Refusal::Full);
        }
        minor(sent.amount, self.exponent)
    }

    fn put(
        &mut self,
        (sent, hash): (&SentPayment<'_>, TextHash),
        minor: i128,
        (ends, method): ([AccountId; 2], Option<Symbol>),
    ) -> Place {
        let ([debtor, creditor], currency) = (ends, sent.amount.currency);
        let input = Input { time: sent.time, debtor, creditor, minor, currency, method };
        self.pending.push(Admitted { input, withdraws: sent.withdraws() });
        self.window.push((sent, hash), ends, method)
    }
}

/// Payments that are looked up together: each has two names.
const TOGETHER: usize = Names::TOGETHER / 2;

/// An amount in the units of the engine, of so many decimals.
fn minor(amount: Amount, exponent: u8) -> Result<i128, Refusal> {
    let decimals = match amount.currency {
        // Two decimals, as the currency says; what has no currency is of no other.
        Currency::NONE => 2,
        named => named.decimals(),
    };
    let number = Decimal { digits: amount.minor, decimals };
    let minor = number.units(exponent).map_err(|error| match error {
        shroff_types::DecimalError::TooFine => Refusal::TooFine,
        shroff_types::DecimalError::TooLong | shroff_types::DecimalError::NotANumber => {
            Refusal::TooLarge
        }
    })?;
    if (1..=Amount::MAX_MINOR).contains(&minor) { Ok(minor) } else { Err(Refusal::TooLarge) }
}

/// Going on in another process.
impl Live {
    /// What [`Live::load`] needs beside the payments in sight, as it is between two batches: it can be
    /// written while more come. Costs next to nothing for each alert that is held, and no payment.
    ///
    /// # Panics
    /// Where payments are admitted and not run.
    pub fn moment(&self) -> Moment {
        assert!(self.pending.is_empty(), "a state is saved between batches");
        let (first, before) = self.window.begin();
        let standing = Standing {
            first,
            next: self.window.next(),
            before,
            newest: self.newest,
            swept: self.swept,
            late: self.engine.late(),
            counts: self.engine.counts(),
            begins: self.engine.begins(),
        };
        let held = self.engine.drafts();
        let links = Links {
            next_draft: held.next_number(),
            shared: held.shared(),
            handed: self.engine.grouper().handed(),
        };
        Moment::of(standing, (held.all().clone(), self.stories.clone()), links)
    }

    /// Begins to put a core back that nothing was pushed to; the places of the first payment that
    /// has to be shown to [`Live::remember`], and of the first that is new. None where the bytes
    /// cannot be a state under these rules.
    pub fn load(&mut self, bytes: &[u8]) -> Option<(Place, Place)> {
        let state = State::read(bytes)?;
        let known = |typology: usize| typology < self.typologies.len();
        let sound = state.drafts.values().all(|draft| {
            known(draft.opened.0)
                && known(draft.typology)
                && draft.grounds.iter().all(|ground| known(ground.hit.typology))
        });
        if !sound {
            return None;
        }
        let Standing { first, next, .. } = state.standing;
        self.go_on_from(state);
        Some((first, next))
    }

    /// Begins a core that nothing was pushed to in the middle of a log. The payments from `first` to
    /// `next` have to be shown to [`Live::remember`]; there are no alerts yet.
    pub fn begin_in(&mut self, middle: Middle) {
        let Middle { first, next, before, newest, begins } = middle;
        let standing = Standing {
            first,
            next,
            before,
            newest,
            swept: Timestamp(i64::MIN),
            late: LateCounts::default(),
            counts: Counts::default(),
            begins: Some(begins),
        };
        let links = Links { next_draft: 0, shared: Vec::new(), handed: Vec::new() };
        let (drafts, stories) = (BTreeMap::new(), BTreeMap::new());
        self.go_on_from(State { standing, drafts, stories, links });
    }

    fn go_on_from(&mut self, state: State) {
        let Standing { first, before, newest, .. } = state.standing;
        self.window = Window::from(first, before);
        self.engine.begin_at(first, before, newest);
        self.half = Some(state);
        self.complete();
    }

    /// Shows payments again that were held when the state was saved, in order. The engine is shown
    /// those of the call before while these are admitted, so that two threads have something to do:
    /// some thousands at once are best.
    ///
    /// # Errors
    /// Where one could never have been admitted.
    ///
    /// # Panics
    /// Where more are shown than were held.
    pub fn remember(
        &mut self,
        workers: &dyn Workers,
        payments: &[SentPayment<'_>],
    ) -> Result<(), Refusal> {
        let Some(half) = &self.half else { panic!("the state is whole: nothing is left") };
        let end = half.standing.next;
        if self.window.is_empty() {
            self.window.expect((end.0 - self.window.next().0) as usize);
        }
        // The engine reads the names of methods meanwhile: all are there before.
        let name = |sent: &SentPayment<'_>, symbols: &mut Names| {
            sent.method.map(|method| Symbol(symbols.intern(method)))
        };
        let methods: Vec<_> = payments.iter().map(|sent| name(sent, &mut self.symbols)).collect();
        let Live { engine, window, accounts, symbols, pending, unshown, exponent, .. } = self;
        let mut entering = Entering { window, accounts, pending, exponent: *exponent };
        let mut entered = Ok(());
        let enter = || entered = entering.enter_all(payments, &methods);
        let show = || show_again(engine, unshown, symbols);
        workers.run(vec![Box::new(show), Box::new(enter)]);
        entered?;
        std::mem::swap(&mut self.unshown, &mut self.pending);
        assert!(self.next() <= end, "no more is shown than was held");
        let is_last = self.next() == end;
        if is_last {
            show_again(&mut self.engine, &mut self.unshown, &self.symbols);
        }
        if is_last || self.engine.unsettled() >= SETTLED_AT_ONCE {
            self.engine.settle(workers);
        }
        if is_last {
            self.complete();
        }
        Ok(())
    }

    /// Whether all that was in sight was shown again.
    pub fn is_whole(&self) -> bool {
        self.half.is_none()
    }

    /// Puts the rest back once all payments in sight are there.
    fn complete(&mut self) {
        let Some(state) = self.half.take_if(|half| half.standing.next == self.window.next()) else {
            return;
        };
        let State { standing, drafts, stories, links } = state;
        self.engine.remembered(&standing);
        (self.newest, self.swept) = (standing.newest, standing.swept);
        self.by_opening = drafts.iter().map(|(&number, draft)| (draft.opened, number)).collect();
        self.stories = stories.into_iter().collect();
        let Live { engine, window, .. } = self;
        let grouper = engine.grouper_mut();
        grouper.put_back(&links.handed, |place| ends_of(window, place));
        grouper.drafts_mut().number_from(links.next_draft);
        grouper.drafts_mut().put_back(drafts, &links.shared);
    }
}

/// The more, the more of an account come together; 100 bytes each.
const SETTLED_AT_ONCE: usize = if cfg!(debug_assertions) { 8 } else { 1 << 20 };

/// Shows the engine payments of which all was said before.
fn show_again(engine: &mut Engine, unshown: &mut Vec<Admitted>, symbols: &Names) {
    let mut inputs = Vec::with_capacity(unshown.len());
    for run in unshown.split_inclusive(|admitted| admitted.withdraws.is_some()) {
        inputs.clear();
        inputs.extend(run.iter().filter(|a| a.withdraws.is_none()).map(|a| a.input));
        engine.remember(&inputs, symbols);
        if let Some(&Admitted { input, withdraws: Some(place) }) = run.last() {
            engine.settle(&Alone);
            engine.withdraw_again(place, &input);
        }
    }
    unshown.clear();
}

/// The accounts of a payment that a line was handed over up to.
fn ends_of(window: &Window, place: Place) -> [AccountId; 2] {
    let held = window.get(place).expect("lines that end before what is held are let go with it");
    [held.debtor, held.creditor]
}

/// For whoever keeps alerts longer than the window.
impl Live {
    /// From now on, keeps a copy of each alert that is let go and had changed at `place` or later.
    pub fn keep_gone_from(&mut self, place: Place) {
        self.keep_gone_from = Some(place);
    }

    /// The copies that were kept.
    pub fn take_gone(&mut self) -> Vec<Gone> {
        std::mem::take(&mut self.gone)
    }

    /// The numbers of the alerts that are held, ascending.
    pub fn alert_numbers(&self) -> impl Iterator<Item = u32> {
        self.stories.iter().map(|(number, _)| number)
    }

    /// An alert with its payments in the order in which they came: none is ever taken out again.
    pub fn growing(&self, number: u32) -> Option<&Draft> {
        self.engine.drafts().get(number)
    }

    /// The account of this name, where there is one.
    pub fn find_account(&self, name: &str) -> Option<AccountId> {
        self.accounts.find(name).map(AccountId)
    }

    /// The place of the first payment that may be held.
    pub fn first_held(&self) -> Place {
        Place(self.next().0 - u32::try_from(self.held_count()).expect("fewer than places"))
    }
}

/// What may be asked of it between batches.
impl Live {
    /// The place that the next payment will have.
    pub fn next(&self) -> Place {
        self.window.next()
    }

    /// How many payments are held.
    pub fn held_count(&self) -> usize {
        self.window.len()
    }

    /// How many alerts are held.
    pub fn alert_count(&self) -> usize {
        self.stories.len()
    }

    /// How many accounts have a name.
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// About how many bytes the window of the engine takes.
    pub fn bytes(&self) -> usize {
        self.engine.bytes()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// Payments that did not come in order so far.
    pub fn late(&self) -> LateCounts {
        self.engine.late()
    }

    /// The name of an account.
    pub fn account(&self, account: AccountId) -> &str {
        self.accounts.text(account.0)
    }

    /// How a payment was made.
    pub fn method(&self, method: Symbol) -> &str {
        self.symbols.text(method.0)
    }

    /// The ids of the typologies, by position.
    pub fn typologies(&self) -> &[String] {
        &self.typologies
    }

    /// How far behind the newest payment something may still be seen.
    pub fn sight(&self) -> Span {
        self.sight
    }

    /// Decimals of the unit that amounts are counted in.
    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    /// A payment's amount in the engine's units.
    ///
    /// # Panics
    /// Where it was never admitted.
    pub fn engine_minor(&self, amount: Amount) -> i128 {
        minor(amount, self.exponent).expect("it was admitted")
    }

    /// The number of an alert, by its id.
    pub fn alert_number(&self, id: &str) -> Option<u32> {
        let found = self.typologies.iter().enumerate().find_map(|(typology, name)| {
            let rest = id.strip_prefix(name.as_str())?.strip_prefix('-')?;
            let (place, before) = match rest.split_once('-') {
                Some((place, again)) => (place, again.parse::<usize>().ok()?.checked_sub(1)?),
                None => (rest, 0),
            };
            self.by_opening.get(&(typology, Place(place.parse().ok()?), before)).copied()
        })?;
        // A number has other spellings (`07`); an id has one.
        let draft = self.engine.drafts().get(found)?;
        (draft.id(&self.typologies) == id).then_some(found)
    }

    /// An alert as it stands, payments and reasons in the order in which they are told.
    pub fn draft(&self, number: u32) -> Option<Draft> {
        let mut draft = self.engine.drafts().get(number)?.clone();
        draft.put_in_order();
        Some(draft)
    }

    /// How an alert grew.
    pub fn revisions(&self, number: u32) -> &[Revision] {
        self.stories.get(number).map_or(&[], |story| &story.revisions)
    }

    /// The numbers of alerts, from the newest on, below `before`: `most` at most.
    pub fn alerts(&self, filter: AlertFilter<'_>, before: Option<u32>, most: usize) -> Vec<u32> {
        let numbers = self.stories.below(before.unwrap_or(u32::MAX)).rev();
        let wanted = numbers.filter(|(number, story)| {
            let Some(draft) = self.engine.drafts().get(*number) else { return false };
            draft.score_permille >= filter.least_permille
                && filter.action.is_none_or(|action| draft.action == action)
                && filter.since.is_none_or(|since| story.newest >= since)
                && filter.typology.is_none_or(|typology| self.typology_of(draft) == typology)
        });
        wanted.map(|(number, _)| number).take(most).collect()
    }

    fn typology_of(&self, draft: &Draft) -> &str {
        let strongest = draft.grounds.iter().min_by_key(|ground| {
            let strength = (ground.share_permille, ground.hit.score_permille);
            (std::cmp::Reverse(strength), ground.hit.place, ground.hit.rule)
        });
        &self.typologies[strongest.map_or(draft.typology, |ground| ground.hit.typology)]
    }
}
