//! The extractor: payments in, the features of each out, as of its place in the order.
//!
//! Payments are worked on in batches, of whatever size they come in, in three passes.
//! 1. **Lines.** Each end of each payment is taken into its account's lines, in order, and what
//!    those lines say of the payment is read at once. Accounts are independent of each other
//!    here, so threads share them out.
//! 2. **Patterns.** The graph now stands still. What each payment completes is searched for as
//!    of its place, so that what came after it is out of sight; threads share the payments out.
//! 3. **Rows.** What was found is put together, and handed out in order.
//!
//! Inline, a payment is told its features at once. With a horizon it is pending until nothing
//! that it may see can still come, and patterns that later payments complete are added to its
//! counters meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use prefetch_index::prefetch_index;
use shroff_graph::{
    Closing, Depths, Entry, GatherPayments, Graph, Key, Link, Paths, SHARDS, ScatterGathers, Shard,
    Way, shard_of,
};
use shroff_types::{AccountId, Amount, Currency, Names, Place, Span, Symbol, Timestamp};

use crate::cell::Cell;
use crate::closed::Closed;
use crate::definitions::{Column, Definitions};
use crate::evidence::Evidence;
use crate::filter::PaymentRow;
use crate::fresh::{Pairs, is_fresh_though_late};
use crate::lines::{Asking, End, Fetch, Keeper, Side};
use crate::plan::Plan;
use crate::snapshot::{Head, Saved, SavedState};
use crate::workers::{Alone, Job, Workers};

/// A payment as the engine takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, in minor units of the base currency: 0 to [`Amount::MAX_MINOR`].
    pub minor: i128,
    /// The currency it was paid in.
    pub currency: Currency,
    /// How it was paid, where the file says.
    pub method: Option<Symbol>,
}

/// How a payment came, seen from the newest before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// At or after the newest.
    InOrder,
    /// Before the newest, within what is allowed: it has its place and sees what lies before it.
    /// What was said of payments behind it is not unsaid.
    Late,
    /// Earlier than allowed: it was not taken in, and all its features are null.
    TooLate,
}

/// Payments that did not come in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LateCounts {
    /// Taken in at their place.
    pub taken: u64,
    /// Not taken in.
    pub refused: u64,
    /// How far the latest of all was behind the newest.
    pub most: Span,
}

/// A payment whose features are complete.
#[derive(Debug)]
pub struct Finished<'a> {
    /// Which payment it is, by arrival, from 0.
    pub place: Place,
    /// The payment.
    pub input: Input,
    /// Whether it came in order; with a horizon, all that was taken in is in order by now.
    pub arrival: Arrival,
    /// Its features, one for each of [`Extractor::columns`].
    pub cells: &'a [Cell],
    /// Which payments stand behind them, on request.
    pub evidence: Evidence<'a>,
}

/// A payment at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) key: Key,
    pub(crate) input: Input,
}

impl Pending {
    pub(crate) fn closing(&self) -> Closing {
        let Input { debtor, creditor, .. } = self.input;
        Closing { debtor, creditor, key: self.key }
    }

    pub(crate) fn entry(&self) -> Entry {
        let Input { debtor, creditor, minor, .. } = self.input;
        Entry { debtor, creditor, minor, key: self.key }
    }
}

/// What happens to a payment in a batch: it is taken in, or told its features, or both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) payment: Pending,
    /// The layers that it enters, a bit for each; none where it is in the graph already.
    pub(crate) layers: u128,
    pub(crate) tells: bool,
    pub(crate) arrival: Arrival,
}

impl Step {
    pub(crate) fn takes(&self) -> bool {
        self.layers != 0
    }
}

/// Where the cells of one end of a row are: in the output of a part, from a position on.
#[derive(Debug, Clone, Copy)]
struct Written {
    part: usize,
    at: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) graph: Graph,
    pub(crate) keepers: Vec<Keeper>,
    pub(crate) depths: Vec<Depths>,
    /// Kept where a block asks for strangers.
    pub(crate) pairs: Pairs,
    /// With a horizon: who waits for what may come, in order.
    pub(crate) pending: VecDeque<Pending>,
    /// One run of counters for each of them.
    pub(crate) counters: VecDeque<u64>,
    /// Which payments completed a pattern (by position in the plan) of each of them.
    pub(crate) completers: VecDeque<Vec<(usize, Pending)>>,
    /// By pattern: where a search ran out of its budget, from the oldest pending payment on.
    pub(crate) saturated: Vec<VecDeque<Key>>,
    pub(crate) searchers: Vec<Searcher>,
    pub(crate) closed: Closed,
    /// What the lines said, by part.
    sides: Vec<Outcome>,
    written: Vec<[Written; 2]>,
}

/// The working memory of the searches.
#[derive(Debug, Default)]
pub(crate) struct Searcher {
    pub(crate) paths: Paths,
    pub(crate) gathers: ScatterGathers,
    pub(crate) gather_payments: GatherPayments,
    /// By pattern: whether it surely found nothing.
    pub(crate) nothing: Vec<bool>,
    /// By pattern: how many searches ran out of their budget.
    pub(crate) ran_out: Vec<u64>,
}

impl Searcher {
    /// Before the searches of another payment.
    pub(crate) fn turn(&mut self, patterns: usize) {
        self.nothing.clear();
        self.nothing.resize(patterns, false);
        self.ran_out.resize(patterns, 0);
    }
}

/// Computes features, payment after payment; see the module's page.
#[derive(Debug)]
pub struct Extractor {
    pub(crate) state: State,
    lateness: Span,
    late: LateCounts,
    /// The payments of the batch that is being made up.
    steps: Vec<Step>,
    /// How many of them are told their features.
    told: usize,
    rows: Vec<Cell>,
    /// With a horizon and lateness: payments that may not be the next in order yet.
    waiting: BTreeMap<Key, (Pending, u128, Arrival)>,
    next: u32,
    newest: Timestamp,
    /// Whether what comes was told its features before.
    is_silent: bool,
    /// The earliest time of whatever will ask, of what was told its features before.
    asked_from: Timestamp,
}

/// Searches for a block's patterns that ran out of their budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RanOut {
    /// The column that says of which payments: their own search, or with a horizon any that might have
    /// found a pattern that they are in.
    pub column: String,
    /// How many.
    pub searches: u64,
}

/// Payments that are worked on at once at most: their rows and lines stay in the caches.
const BATCH: usize = 2_048;

impl Extractor {
    /// An extractor for amounts in minor units of `exponent` decimals (0 to 18), which may be
    /// finer than the definitions ask for. Payments come in time order: one that does not is
    /// [`Arrival::TooLate`], unless [`Extractor::allowing`] says otherwise.
    pub fn new(definitions: &Definitions, exponent: u8) -> Extractor {
        let plan = Plan::new(definitions, exponent);
        let state = State {
            graph: Graph::new(plan.layers()),
            keepers: (0..SHARDS).map(|_| Keeper::new(&plan)).collect(),
            depths: plan.chains.iter().map(|&rule| Depths::new(rule)).collect(),
            pairs: Pairs::default(),
            pending: VecDeque::new(),
            counters: VecDeque::new(),
            completers: VecDeque::new(),
            saturated: plan.patterns.iter().map(|_| VecDeque::new()).collect(),
            searchers: vec![Searcher::default()],
            closed: Closed::new(plan.horizon == Span::ZERO),
            sides: Vec::new(),
            written: Vec::new(),
            plan,
        };
        Extractor {
            state,
            lateness: Span::ZERO,
            late: LateCounts::default(),
            steps: Vec::new(),
            told: 0,
            rows: Vec::new(),
            waiting: BTreeMap::new(),
            next: 0,
            newest: Timestamp(i64::MIN),
            is_silent: false,
            asked_from: Timestamp(i64::MIN),
        }
    }

    /// Takes payments in that lie up to `lateness` before the newest. Payments stay in memory for
    /// that much longer. Inline, a late payment is answered at once, as of its place; with a
    /// horizon, every payment waits for that much longer, and all is as if none had been late.
    #[must_use]
    pub fn allowing(self, lateness: Span) -> Extractor {
        Extractor { lateness, ..self }
    }

    /// The feature columns, in the order of the cells.
    pub fn columns(&self) -> &[Column] {
        &self.state.plan.columns
    }

    /// Payments that did not come in order so far.
    pub fn late(&self) -> LateCounts {
        self.late
    }

    /// Searches that ran out of their budget so far, of each block that has some; none of those before a
    /// restored state.
    pub fn ran_out(&self) -> Vec<RanOut> {
        let State { plan, searchers, .. } = &self.state;
        let of = |at: usize| searchers.iter().filter_map(|searcher| searcher.ran_out.get(at)).sum();
        let counted = plan.patterns.iter().enumerate().map(|(at, pattern)| RanOut {
            column: plan.columns[pattern.flag()].name.clone(),
            searches: of(at),
        });
        counted.filter(|ran_out| ran_out.searches > 0).collect()
    }

    /// Takes the next payments and hands out each that is complete. `symbols` has the methods'
    /// names.
    ///
    /// # Panics
    /// If an amount is out of its range.
    pub fn push(
        &mut self,
        payments: &[Input],
        symbols: &Names,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        self.push_with(&Alone, payments, symbols, each);
    }

    /// As [`Extractor::push`], with the work shared out among threads. Equal bits for any number.
    ///
    /// # Panics
    /// If an amount is out of its range.
    pub fn push_with(
        &mut self,
        workers: &dyn Workers,
        payments: &[Input],
        symbols: &Names,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        for payments in payments.chunks(2 * TOUCHED) {
            self.state.touch_pairs(payments);
            for input in payments {
                self.enter(input, symbols, workers, each);
            }
        }
        self.work(workers, each);
    }

    fn enter(
        &mut self,
        input: &Input,
        symbols: &Names,
        workers: &dyn Workers,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        assert!(
            (0..=Amount::MAX_MINOR).contains(&input.minor),
            "amounts are checked where they are read"
        );
        let key = Key { time: input.time, place: Place(self.next) };
        self.next = self.next.checked_add(1).expect("fewer than 2^32 payments");
        let payment = Pending { key, input: *input };
        let arrival = self.arrival(input.time);
        if arrival == Arrival::TooLate {
            self.work(workers, each);
            self.refuse(payment, each);
            return;
        }
        self.newest = self.newest.max(input.time);
        let layers = self.layers(input, symbols);
        if self.state.plan.horizon > Span::ZERO && self.lateness > Span::ZERO {
            self.waiting.insert(key, (payment, layers, arrival));
            self.release(self.newest.before(self.lateness), workers, each);
        } else if arrival == Arrival::Late {
            // It must not see what comes behind it in the batch, and what came before it in
            // the batch must not see it.
            self.work(workers, each);
            self.take((payment, layers, arrival), workers, each);
            self.work(workers, each);
        } else {
            self.take((payment, layers, arrival), workers, each);
        }
    }

    /// Hands out the payments that still waited for what might come.
    pub fn finish(&mut self, each: &mut dyn FnMut(Finished<'_>)) {
        self.release(Timestamp(i64::MAX), &Alone, each);
        while !self.state.pending.is_empty() {
            self.tell_oldest(self.state.pending.len() - self.told);
            self.work(&Alone, each);
        }
    }

    /// About how many bytes payments, accounts, depths and the totals of hubs take in the window.
    pub fn bytes(&self) -> usize {
        let keepers = self.state.keepers.iter().map(Keeper::bytes);
        let depths = self.state.depths.iter().map(Depths::bytes);
        self.state.graph.bytes() + keepers.sum::<usize>() + depths.sum::<usize>()
    }

    fn arrival(&mut self, time: Timestamp) -> Arrival {
        if time >= self.newest {
            return Arrival::InOrder;
        }
        let behind = Span::from_micros(self.newest.micros_since(time)).expect("it is earlier");
        self.late.most = self.late.most.max(behind);
        if behind > self.lateness {
            self.late.refused += 1;
            Arrival::TooLate
        } else {
            self.late.taken += 1;
            Arrival::Late
        }
    }

    fn refuse(&mut self, payment: Pending, each: &mut dyn FnMut(Finished<'_>)) {
        self.state.depths.iter_mut().for_each(|depths| depths.skip(payment.key));
        self.rows.clear();
        self.rows.resize(self.state.plan.width(), Cell::NULL);
        each(Finished {
            place: payment.key.place,
            input: payment.input,
            arrival: Arrival::TooLate,
            cells: &self.rows,
            evidence: Evidence { payment: None, state: &mut self.state },
        });
    }

    /// The layers that a payment enters: the first, and those whose predicate it meets.
    pub(crate) fn layers(&self, input: &Input, symbols: &Names) -> u128 {
        let plan = &self.state.plan;
        let row = PaymentRow { input, exponent: plan.exponent, symbols };
        let in_reach = self.in_reach(input.time);
        let asked = plan.filters.iter().zip(1..).filter(|(_, layer)| in_reach >> layer & 1 == 1);
        let met = asked.filter(|(filter, _)| filter.is_true(&row));
        met.fold(1, |layers, (_, layer)| layers | 1 << layer)
    }

    /// The layers, a bit for each, in which anybody who asks could see a payment of a time.
    fn in_reach(&self, time: Timestamp) -> u128 {
        if !self.is_silent {
            return u128::MAX;
        }
        let reach = self.state.plan.reach.iter().enumerate();
        let seen = reach.filter(|(_, reach)| time > self.asked_from.before(**reach));
        seen.fold(0, |layers, (layer, _)| layers | 1 << layer)
    }

    /// Payments up to `time` can no longer be preceded by what comes late.
    fn release(
        &mut self,
        time: Timestamp,
        workers: &dyn Workers,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        while let Some(first) = self.waiting.first_entry()
            && first.key().time <= time
        {
            let next = first.remove();
            self.take(next, workers, each);
        }
    }

    fn take(
        &mut self,
        (payment, layers, arrival): (Pending, u128, Arrival),
        workers: &dyn Workers,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        let horizon = self.state.plan.horizon;
        let inline = horizon == Span::ZERO;
        // With a horizon, what comes late has waited, and is taken in at its place.
        let place = if inline { arrival } else { Arrival::InOrder };
        let fresh = self.state.fresh_layers(payment, place);
        let layers = layers | fresh & self.in_reach(payment.key.time);
        if !inline {
            // Whatever this payment is too late for is complete without it.
            while self.tell_oldest(self.complete_before(payment.key.time)) {
                self.work(workers, each);
            }
            self.state.pending.push_back(payment);
        }
        let tells = inline && !self.is_silent;
        self.steps.push(Step { payment, layers, tells, arrival });
        self.told += usize::from(tells);
        if self.steps.len() >= BATCH && !self.is_silent {
            self.work(workers, each);
        }
    }

    /// How many pending payments that were not told yet see nothing from `time` on.
    fn complete_before(&self, time: Timestamp) -> usize {
        let horizon = self.state.plan.horizon;
        let waiting = self.state.pending.iter().skip(self.told);
        waiting.take_while(|p| p.key.time.after(horizon) < time).count()
    }

    /// Puts the telling of the oldest pending payments into the batch; whether that makes it full.
    fn tell_oldest(&mut self, count: usize) -> bool {
        let room = BATCH.saturating_sub(self.steps.len());
        for payment in self.state.pending.iter().skip(self.told).take(count.min(room)) {
            let arrival = Arrival::InOrder;
            self.steps.push(Step { payment: *payment, layers: 0, tells: true, arrival });
        }
        self.told += count.min(room);
        count > room
    }

    /// Works on the batch that was made up.
    fn work(&mut self, workers: &dyn Workers, each: &mut dyn FnMut(Finished<'_>)) {
        if self.steps.is_empty() {
            return;
        }
        let steps = std::mem::take(&mut self.steps);
        let mut rows = std::mem::take(&mut self.rows);
        // Every cell is written anew, so what is left of the last batch need not be cleared.
        rows.resize(std::mem::take(&mut self.told) * self.state.plan.width(), Cell::NULL);
        let oldest = self.oldest(&steps);
        let order = if self.is_silent { Order::ByAccount } else { Order::AsTheyCame };
        self.state.follow_lines(workers, &steps, (oldest, order));
        self.state.follow_chains(&steps, oldest);
        if self.is_silent {
            // Nobody is told anything.
        } else if self.state.plan.horizon == Span::ZERO {
            self.state.fill_inline(workers, &steps, &mut rows);
            self.state.hand_out(&steps, &rows, each);
        } else {
            self.state.fill_and_hand_out(workers, &steps, &mut rows, each);
        }
        self.rows = rows;
        self.steps = steps;
        self.steps.clear();
    }

    /// The place that the next payment will have.
    pub fn next_place(&self) -> Place {
        Place(self.next)
    }

    /// Gives the next place in the order to what is no payment.
    pub(crate) fn skip_place(&mut self) {
        let key = Key { time: self.newest, place: Place(self.next) };
        self.next = self.next.checked_add(1).expect("fewer than 2^32 payments");
        self.state.depths.iter_mut().for_each(|depths| depths.skip(key));
    }

    /// The earliest time of whatever may come.
    pub(crate) fn to_come(&self) -> Timestamp {
        self.newest.before(self.lateness).max(self.asked_from)
    }

    /// The earliest time of whatever asks or may still ask: a layer is seen as far as its reach
    /// before this.
    fn oldest(&self, steps: &[Step]) -> Timestamp {
        if self.is_silent {
            return self.asked_from;
        }
        let first = steps[0].payment.key.time;
        let oldest = self.state.pending.front().map_or(first, |p| p.key.time.min(first));
        // Inline, a late payment may still come.
        oldest.min(self.to_come())
    }
}

/// Saving and going on.
impl Extractor {
    pub(crate) fn definitions(&self) -> &Definitions {
        &self.state.plan.definitions
    }

    pub(crate) fn head(&self) -> Head {
        let Extractor { lateness, late, next, newest, .. } = *self;
        Head { exponent: self.state.plan.exponent, lateness, late, next, newest }
    }

    /// Every payment that somebody may still see, ascending in order.
    pub(crate) fn saved(&self) -> Vec<Saved> {
        let State { plan, graph, pending, .. } = &self.state;
        let oldest = pending.front().map_or(self.newest, |p| p.key.time);
        let floor = oldest.min(self.to_come()).before(plan.reach[0]);
        let mut layers: BTreeMap<Key, u128> = BTreeMap::new();
        for layer in 1..plan.layers() {
            for entry in graph.entries(layer) {
                *layers.entry(entry.key).or_insert(1) |= 1 << layer;
            }
        }
        let mut waiting = pending.iter();
        let mut next_pending = waiting.next();
        let mut saved = Vec::new();
        for Entry { debtor, creditor, minor, key } in graph.entries(0) {
            if key.time <= floor {
                continue;
            }
            let layers = layers.get(&key).copied().unwrap_or(1);
            let arrival = Arrival::InOrder;
            if let Some(payment) = next_pending.filter(|p| p.key == key) {
                next_pending = waiting.next();
                saved.push(Saved {
                    payment: *payment,
                    layers,
                    arrival,
                    state: SavedState::Pending,
                });
                continue;
            }
            let (currency, method) = (Currency::NONE, None);
            let input = Input { time: key.time, debtor, creditor, minor, currency, method };
            let payment = Pending { key, input };
            saved.push(Saved { payment, layers, arrival, state: SavedState::Told });
        }
        saved.extend(self.waiting.values().map(|&(payment, layers, arrival)| Saved {
            payment,
            layers,
            arrival,
            state: SavedState::Waiting,
        }));
        saved
    }

    pub(crate) fn resume(definitions: &Definitions, head: Head, payments: &[Saved]) -> Extractor {
        let Head { exponent, lateness, late, next, newest } = head;
        let mut extractor = Extractor::new(definitions, exponent).allowing(lateness);
        (extractor.late, extractor.next, extractor.newest) = (late, next, newest);
        for saved in payments {
            let Saved { payment, layers, arrival, state } = *saved;
            if state == SavedState::Waiting {
                extractor.waiting.insert(payment.key, (payment, layers, arrival));
                continue;
            }
            extractor.state.remember(payment, layers);
            if state == SavedState::Pending {
                extractor.state.pending.push_back(payment);
            }
        }
        extractor.state.complete_pending();
        extractor
    }

    /// An extractor as it is when all payments before `next` were told their features: whoever kept
    /// the payments needs no saved state. `told` are the payments before `next`, in order, at least
    /// those of the look-back before it. Every feature from `next` on has the bits that it would
    /// have had.
    ///
    /// # Panics
    /// If there are more of `told` than places before `next`.
    pub fn behind(
        definitions: &Definitions,
        exponent: u8,
        next: Place,
        told: impl ExactSizeIterator<Item = Input>,
        symbols: &Names,
    ) -> Extractor {
        // Not by `Extractor::remember`: where there is a horizon, who was told does not wait.
        let mut extractor = Extractor::new(definitions, exponent);
        let count = u32::try_from(told.len()).expect("fewer than 2^32 payments");
        let first = next.0.checked_sub(count).expect("the payments before have a place each");
        for (place, input) in (first..).zip(told) {
            let key = Key { time: input.time, place: Place(place) };
            let payment = Pending { key, input };
            let layers = extractor.layers(&input, symbols)
                | extractor.state.fresh_layers(payment, Arrival::InOrder);
            extractor.state.remember(payment, layers);
            extractor.newest = extractor.newest.max(input.time);
        }
        extractor.next = next.0;
        extractor
    }

    /// Makes this the extractor that the payment at `first` is about to come to, to be shown those
    /// from there on once more by [`Extractor::remember`]. `newest` is the latest time before it, and
    /// `last` the latest of those that will be shown.
    /// What is shown must be all that is in sight of whatever is pushed later.
    pub fn begin_at(&mut self, first: Place, newest: Timestamp, last: Timestamp) {
        (self.next, self.newest) = (first.0, newest);
        self.asked_from = last.before(self.lateness);
    }

    /// Takes in payments that were told their features before: all but the features. Inline only.
    /// They are kept at hand, at 100 bytes each, until [`Extractor::settle`]: a million at once take
    /// about a third of the time that they take a few thousand at a time.
    ///
    /// # Panics
    /// If there is a horizon: then it is not known who was told.
    pub fn remember(&mut self, payments: &[Input], symbols: &Names) {
        assert!(self.state.plan.horizon == Span::ZERO, "nobody waits who was told");
        self.is_silent = true;
        for payments in payments.chunks(2 * TOUCHED) {
            self.state.touch_pairs(payments);
            for input in payments {
                self.enter(input, symbols, &Alone, &mut |_| {});
            }
        }
        self.is_silent = false;
    }

    /// How many payments wait for [`Extractor::settle`].
    pub fn unsettled(&self) -> usize {
        self.steps.len()
    }

    /// Works on what was remembered: before anything is pushed or taken out.
    pub fn settle(&mut self, workers: &dyn Workers) {
        self.is_silent = true;
        self.work(workers, &mut |_| {});
        self.is_silent = false;
    }

    /// Says what had come out of order by now, those that were not shown again included.
    pub fn remembered(&mut self, late: LateCounts) {
        self.late = late;
    }
}

impl State {
    /// Takes in a payment that was told its features before.
    fn remember(&mut self, payment: Pending, layers: u128) {
        let State { plan, graph, depths, pairs, .. } = self;
        for layer in (0..plan.layers()).filter(|layer| layers >> layer & 1 == 1) {
            graph.insert(layer, payment.entry());
        }
        if !plan.fresh.is_empty() {
            pairs.note(payment.entry(), Timestamp(i64::MIN));
        }
        let link = Link { closing: payment.closing(), minor: payment.input.minor };
        for depths in depths {
            depths.insert(graph, link, false);
        }
    }
}

/// The first pass.
impl State {
    /// Looks the pairs of some payments up, all at once, so that the memory answers side by side.
    fn touch_pairs(&self, payments: &[Input]) {
        if !self.plan.fresh.is_empty() {
            let pairs = payments.iter().map(|input| (input.debtor, input.creditor));
            std::hint::black_box(pairs.fold(0, |all, pair| all ^ self.pairs.touch(pair)));
        }
    }

    /// The layers of payments between strangers that a payment enters; it is noted as the last of
    /// its pair.
    pub(crate) fn fresh_layers(&mut self, payment: Pending, arrival: Arrival) -> u128 {
        let State { plan, graph, pairs, .. } = self;
        let entry = payment.entry();
        if plan.fresh.is_empty() || entry.debtor == entry.creditor {
            return 0;
        }
        let first = 1 + plan.filters.len();
        let last = pairs.note(entry, entry.key.time.before(plan.longest_memory()));
        let is_fresh = |memory: Span| match arrival {
            Arrival::InOrder => last.is_none_or(|last| last <= entry.key.time.before(memory)),
            Arrival::Late | Arrival::TooLate => is_fresh_though_late(entry, memory, graph),
        };
        let fresh = plan.fresh.iter().enumerate().filter(|(_, memory)| is_fresh(**memory));
        fresh.fold(0, |layers, (number, _)| layers | 1 << (first + number))
    }

    pub(crate) fn follow_lines(
        &mut self,
        workers: &dyn Workers,
        steps: &[Step],
        (oldest, order): (Timestamp, Order),
    ) {
        let State { plan, graph, keepers, sides, written, .. } = self;
        let threads = if steps.len() < PARALLEL { 1 } else { workers.threads().clamp(1, SHARDS) };
        // More parts than threads, because hubs make some dear.
        let parts = if threads == 1 { 1 } else { (PARTS * threads).min(SHARDS) };
        let share = SHARDS.div_ceil(parts);
        sides.resize_with(sides.len().max(parts), Outcome::default);
        sides.iter_mut().for_each(Outcome::clear);
        for (number, step) in (0..).zip(steps) {
            let Input { debtor, creditor, .. } = step.payment.input;
            let (first, second) = (shard_of(debtor) / share, shard_of(creditor) / share);
            sides[first].steps.push(number);
            if second != first {
                sides[second].steps.push(number);
            }
        }
        let shards = graph.shards_mut().chunks_mut(share);
        let parts = shards.zip(keepers.chunks_mut(share)).zip(&mut *sides).enumerate();
        let plan = &*plan;
        let stages = Fetch::stages(plan);
        let parts: Vec<_> = parts
            .map(|(number, ((shards, keepers), outcome))| {
                let part = Part { plan, stages, first: number * share, shards, keepers };
                Mutex::new(Some((part, outcome)))
            })
            .collect();
        // A thread begins with the parts that it had before: they are in its cache.
        let work = |thread: usize| {
            let first = thread * PARTS;
            for part in (first..parts.len()).chain(0..first.min(parts.len())) {
                let part = parts[part].lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((part, outcome)) = part {
                    match order {
                        Order::AsTheyCame => part.follow(steps, oldest, outcome),
                        Order::ByAccount => part.follow_by_account(steps, oldest, outcome),
                    }
                }
            }
        };
        if threads == 1 {
            work(0);
        } else {
            let work = &work;
            let jobs = (0..threads).map(|thread| -> Job<'_> { Box::new(move || work(thread)) });
            workers.run(jobs.collect());
        }
        written.clear();
        let mut ends = [0; SHARDS];
        for step in steps.iter().filter(|step| step.tells) {
            let mut of = |end: End, width: usize| {
                let part = shard_of(end.of(&step.payment.input)) / share;
                let at = ends[part];
                ends[part] += width;
                Written { part, at }
            };
            let [debtor, creditor] = plan.side_widths;
            written.push([of(End::Debtor, debtor), of(End::Creditor, creditor)]);
        }
    }

    /// Copies what the lines said of the payment of a row into it.
    pub(crate) fn copy_lines(&self, row: usize, cells: &mut [Cell]) {
        let [debtor, creditor] = self.written[row].map(|w| &self.sides[w.part].cells[w.at..]);
        let (mut debtor, mut creditor) = (debtor, creditor);
        for block in &self.plan.lines {
            let out = &mut cells[block.column..];
            let [first, second] = block.widths;
            let (mine, rest) = debtor.split_at(first);
            out[..first].copy_from_slice(mine);
            debtor = rest;
            let (mine, rest) = creditor.split_at(second);
            out[first..first + second].copy_from_slice(mine);
            creditor = rest;
        }
    }
}

/// Batches below this are done by one thread: sharing them out costs more than it gives.
pub(crate) const PARALLEL: usize = if cfg!(debug_assertions) { 2 } else { 256 };

/// Parts of the first pass for each thread.
const PARTS: usize = 4;

/// In which order the ends of a batch are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the payments.
    AsTheyCame,
    /// All of an account at once, for a batch that is only taken in: what lines hold is the same,
    /// and each is in the cache when it grows.
    ByAccount,
}

/// What a part has to do with a batch, and what came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// The steps with an end in its shards, by position.
    steps: Vec<u32>,
    /// What its lines said.
    cells: Vec<Cell>,
}

impl Outcome {
    fn clear(&mut self) {
        self.steps.clear();
        self.cells.clear();
    }
}

/// Some shards: what one thread works on at a time.
struct Part<'a> {
    plan: &'a Plan,
    /// What is fetched ahead.
    stages: &'static [Fetch],
    first: usize,
    shards: &'a mut [Shard],
    keepers: &'a mut [Keeper],
}

impl Part<'_> {
    /// Does what the steps say with the ends that are in these shards, in order.
    fn follow(mut self, steps: &[Step], oldest: Timestamp, outcome: &mut Outcome) {
        let horizon = self.plan.horizon;
        // The lengths of two parts' lists may share a line of the cache: this one's is here.
        let mut cells = std::mem::take(&mut outcome.cells);
        let ours = &outcome.steps;
        let first = &ours[..ours.len().min(AHEAD * self.stages.len())];
        for &stage in self.stages {
            for &number in first {
                self.fetch(stage, &steps[number as usize]);
            }
        }
        for (at, &number) in ours.iter().enumerate() {
            self.fetch_ahead(steps, &ours[at..], first.len().saturating_sub(at));
            let step = &steps[number as usize];
            let input = &step.payment.input;
            let ends = [End::Debtor, End::Creditor].map(|end| (end, self.position(end.of(input))));
            // Those of the two ends that are ours.
            let ends = ends.iter().filter_map(|(end, at)| at.map(|at| (*end, at)));
            let Step { payment, layers, tells, arrival } = *step;
            if step.takes() {
                let late = arrival == Arrival::Late && horizon == Span::ZERO;
                for (end, at) in ends.clone() {
                    self.side(at).take(payment.entry(), layers, end, late);
                }
            }
            if tells {
                let asking = Asking { payment, until: payment.sees_until(horizon) };
                for (end, at) in ends.clone() {
                    self.side(at).tell(&asking, end, &mut cells);
                }
            }
            if step.takes() {
                for (end, at) in ends {
                    self.let_go(end.of(&payment.input), at, oldest);
                }
            }
        }
        outcome.cells = cells;
    }

    /// Takes in the ends that are in these shards, account by account.
    fn follow_by_account(mut self, steps: &[Step], oldest: Timestamp, outcome: &mut Outcome) {
        let mut ends = Vec::with_capacity(2 * outcome.steps.len());
        for &number in &outcome.steps {
            let input = &steps[number as usize].payment.input;
            for (end, second) in [(End::Debtor, 0), (End::Creditor, 1)] {
                let account = end.of(input);
                if let Some(at) = self.position(account) {
                    // The order of the payments within an account, and its own two ends in theirs.
                    ends.push((account, number, second, at));
                }
            }
        }
        ends.sort_unstable();
        for (place, &(account, number, second, at)) in ends.iter().enumerate() {
            if place % TOUCHED == 0 {
                let soon = &ends[ends.len().min(place + TOUCHED)..];
                let soon = &soon[..soon.len().min(TOUCHED)];
                for &(account, number, _, at) in soon {
                    self.shards[at].fetch(0, account);
                    prefetch_index(steps, number as usize);
                }
            }
            let step = &steps[number as usize];
            let end = if second == 0 { End::Debtor } else { End::Creditor };
            let late = step.arrival == Arrival::Late;
            self.side(at).take(step.payment.entry(), step.layers, end, late);
            if ends.get(place + 1).is_none_or(|next| next.0 != account) {
                self.let_go(account, at, oldest);
            }
        }
    }

    /// The position of an account's shard among these.
    fn position(&self, account: AccountId) -> Option<usize> {
        let at = shard_of(account).checked_sub(self.first)?;
        (at < self.shards.len()).then_some(at)
    }

    fn side(&mut self, at: usize) -> Side<'_> {
        Side { plan: self.plan, shard: &mut self.shards[at], keeper: &mut self.keepers[at] }
    }

    fn let_go(&mut self, account: AccountId, at: usize, oldest: Timestamp) {
        let shard = self.first + at;
        self.side(at).retire(account, oldest);
        // So that accounts which nobody touches again are let go too, within a few windows.
        let swept = self.shards[at].next_to_sweep(shard);
        swept.clone().for_each(|account| self.side(at).fetch_stale(account, oldest));
        swept.for_each(|account| self.side(at).retire(account, oldest));
    }

    /// Fetches a stage each of the steps that are far enough ahead, of which the first few were fetched.
    fn fetch_ahead(&self, steps: &[Step], ahead: &[u32], fetched: usize) {
        for (&stage, behind) in self.stages.iter().zip((0..).step_by(AHEAD)) {
            let soon = AHEAD * self.stages.len() - behind;
            if let Some(&number) = ahead.get(soon).filter(|_| soon >= fetched) {
                self.fetch(stage, &steps[number as usize]);
            }
        }
    }

    /// Fetches a part of what a step needs, so that the memory answers side by side what would else be
    /// asked for one after the other.
    fn fetch(&self, stage: Fetch, step: &Step) {
        let entry = step.payment.entry();
        for (account, way) in [(entry.debtor, Way::Out), (entry.creditor, Way::In)] {
            if let Some(at) = self.position(account) {
                self.keepers[at].fetch(stage, (&self.shards[at], account), (way, &entry));
            }
        }
    }
}

/// Steps between two stages of fetching, and before the work: as long as memory takes to answer.
const AHEAD: usize = 6;

/// Steps that are fetched together where there are no stages.
pub(crate) const TOUCHED: usize = 8;

impl Pending {
    /// The last place in the order that the payment sees.
    pub(crate) fn sees_until(&self, horizon: Span) -> Key {
        if horizon == Span::ZERO { self.key } else { Key::end_of(self.key.time.after(horizon)) }
    }
}
