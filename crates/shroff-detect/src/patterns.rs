//! Patterns: found when a payment completes them, told to the payments in them.

use std::sync::{Arc, Mutex, PoisonError};

use shroff_graph::{Bound, Closing, Graph, Key, Link, path_payments};
use shroff_types::{Span, Timestamp};

use crate::cell::Cell;
use crate::closed::Runs;
use crate::evidence::Evidence;
use crate::extractor::{Finished, PARALLEL, Pending, Searcher, State, Step, TOUCHED};
use crate::lines::WAYS;
use crate::plan::{PatternBlock, Plan, Search};
use crate::tracker::HUB;
use crate::workers::{Alone, Job, Workers};

/// Payments that a thread takes at a time: few enough to share a batch evenly.
const SHARE: usize = 32;

/// A pattern that a payment completed.
struct Completed {
    pattern: usize,
    /// The counter that it raises, or of a scatter-gather its size.
    number: usize,
    /// Its payments, ascending.
    payments: Vec<Key>,
}

/// What the searches of one payment came to, with a horizon.
#[derive(Default)]
struct Outcome {
    completed: Vec<Completed>,
    /// By position.
    saturated: Vec<usize>,
}

impl State {
    /// Chains: each payment's depth needs that of those before it, so this is done in order.
    pub(crate) fn follow_chains(&mut self, steps: &[Step], oldest: Timestamp) {
        let State { plan, graph, depths, .. } = self;
        for depths in depths {
            for steps in steps.chunks(2 * TOUCHED) {
                // All at once, so that the memory answers side by side.
                let debtors = steps.iter().map(|step| step.payment.input.debtor);
                for debtor in debtors.clone() {
                    graph.fetch(debtor);
                }
                for (debtor, way) in debtors.flat_map(|debtor| WAYS.map(|way| (debtor, way))) {
                    graph.account(0, debtor).fetch_newest(way, HUB);
                }
                for step in steps.iter().filter(|step| step.takes()) {
                    let link =
                        Link { closing: step.payment.closing(), minor: step.payment.input.minor };
                    depths.remember(graph, link, step.is_late(plan.horizon), oldest);
                }
            }
            depths.forget(oldest);
        }
    }

    /// The second pass, inline: fills the row of each step. Steps and rows are as many.
    pub(crate) fn fill_inline(&mut self, workers: &dyn Workers, steps: &[Step], rows: &mut [Cell]) {
        let width = self.plan.width();
        let workers = if steps.len() < PARALLEL { &Alone } else { workers };
        let shares = steps.chunks(SHARE).zip(rows.chunks_mut(SHARE * width)).enumerate();
        self.share_out(workers, shares, &|state, searcher, (share, (steps, rows))| {
            state.fill_all(searcher, (share * SHARE, steps), rows);
        });
    }

    /// Has each share worked on by whoever is free; the graph stands still.
    fn share_out<S>(
        &mut self,
        workers: &dyn Workers,
        shares: impl Iterator<Item = S> + Send,
        work: &(dyn Fn(&State, &mut Searcher, S) + Sync),
    ) {
        let mut searchers = std::mem::take(&mut self.searchers);
        let threads = workers.threads().max(1);
        searchers.resize_with(searchers.len().max(threads), Searcher::default);
        let state = &*self;
        if threads == 1 {
            shares.for_each(|share| work(state, &mut searchers[0], share));
        } else {
            let shares = Mutex::new(shares);
            let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).next();
            let work = |searcher: &mut Searcher| {
                while let Some(share) = next() {
                    work(state, searcher, share);
                }
            };
            let some = searchers.iter_mut().take(threads);
            workers.run(some.map(|searcher| -> Job<'_> { Box::new(|| work(searcher)) }).collect());
        }
        self.searchers = searchers;
    }

    /// Fills the rows of some steps, the first of which is at a position of the batch.
    fn fill_all(
        &self,
        searcher: &mut Searcher,
        (first, steps): (usize, &[Step]),
        rows: &mut [Cell],
    ) {
        let rows = rows.chunks_exact_mut(self.plan.width());
        for (number, (step, row)) in steps.iter().zip(rows).enumerate() {
            self.fill(searcher, (first + number, step), row);
        }
    }

    fn fill(&self, searcher: &mut Searcher, (number, step): (usize, &Step), row: &mut [Cell]) {
        self.copy_lines(number, row);
        let closing = step.payment.closing();
        let Plan { patterns, .. } = &self.plan;
        searcher.turn(patterns.len());
        for rising in [false, true] {
            for (at, pattern) in patterns.iter().enumerate() {
                if pattern.is_rising() != rising {
                    continue;
                }
                let (cells, flag) =
                    row[pattern.column..][..=pattern.counters].split_at_mut(pattern.counters);
                cells.fill(Cell::of_int(0));
                flag[0] = Cell::of_flag(false);
                if pattern.within.is_some_and(|ring| searcher.nothing[ring]) {
                    continue;
                }
                let bound = self.count(searcher, pattern, closing, cells);
                if pattern.drops(bound) {
                    cells.fill(Cell::of_int(0));
                }
                flag[0] = Cell::of_flag(bound == Bound::Saturated);
                searcher.ran_out[at] += u64::from(bound == Bound::Saturated);
                searcher.nothing[at] =
                    bound == Bound::Exact && cells.iter().all(|cell| cell.int() == Some(0));
            }
        }
    }

    /// Counts what a payment completes.
    fn count(
        &self,
        searcher: &mut Searcher,
        pattern: &PatternBlock,
        closing: Closing,
        cells: &mut [Cell],
    ) -> Bound {
        let raise = |cell: &mut Cell, to: &dyn Fn(u64) -> u64| {
            *cell = Cell::of_int(to(cell.int().unwrap_or(0)));
        };
        let sheet = self.graph.sheet(pattern.layer);
        match pattern.search {
            Search::Path(rule) => searcher.paths.closed_by(sheet, closing, rule, &mut |path| {
                raise(&mut cells[path.len() - 2], &|count| count + 1);
            }),
            Search::Gather(rule) => {
                searcher.gathers.closed_by(sheet, closing, rule, &mut |gathering| {
                    raise(&mut cells[0], &|count| count + 1);
                    raise(&mut cells[1], &|size| size.max(gathering.middles.into()));
                })
            }
            Search::Chain(number) => {
                cells[0] = Cell::of_int(self.depths[number].get(closing.key.place).into());
                Bound::Exact
            }
        }
    }

    /// The third pass, inline.
    pub(crate) fn hand_out(
        &mut self,
        steps: &[Step],
        rows: &[Cell],
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        let width = self.plan.width();
        for (step, cells) in steps.iter().zip(rows.chunks_exact(width)) {
            each(Finished {
                place: step.payment.key.place,
                input: step.payment.input,
                arrival: step.arrival,
                cells,
                evidence: Evidence { payment: Some(step.payment), state: self },
            });
        }
    }

    /// The second and the third pass, with a horizon.
    pub(crate) fn fill_and_hand_out(
        &mut self,
        workers: &dyn Workers,
        steps: &[Step],
        rows: &mut [Cell],
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        let mut outcomes = self.search(workers, steps).into_iter();
        let width = self.plan.width();
        let mut rows = rows.chunks_exact_mut(width).enumerate();
        for step in steps {
            if step.takes() {
                let outcome = outcomes.next().expect("a search for each payment taken in");
                self.complete(step.payment, outcome);
            }
            if step.tells {
                let (number, row) = rows.next().expect("a row for each payment told");
                self.copy_lines(number, row);
                self.fill_counters(step.payment, row);
                each(Finished {
                    place: step.payment.key.place,
                    input: step.payment.input,
                    arrival: step.arrival,
                    cells: row,
                    evidence: Evidence { payment: Some(step.payment), state: self },
                });
                self.forget_oldest();
            }
        }
    }

    /// Searches for what each payment that was taken in completes.
    fn search(&mut self, workers: &dyn Workers, steps: &[Step]) -> Vec<Outcome> {
        let taken: Vec<Closing> =
            steps.iter().filter(|step| step.takes()).map(|step| step.payment.closing()).collect();
        // Most payments complete nothing, which is soon found.
        let workers = if taken.len() < PARALLEL { &Alone } else { workers };
        self.side_by_side(workers, &taken, &|state, searcher, closing| {
            state.outcome(searcher, *closing)
        })
    }

    /// Searches for something of each of some payments; the graph stands still. What was found, in
    /// their order.
    fn side_by_side<T: Sync, F: Default + Send>(
        &mut self,
        workers: &dyn Workers,
        all: &[T],
        find: &(dyn Fn(&State, &mut Searcher, &T) -> F + Sync),
    ) -> Vec<F> {
        let mut found: Vec<F> = Vec::new();
        found.resize_with(all.len(), F::default);
        let share = all.len().div_ceil(4 * workers.threads().max(1)).clamp(1, SHARE);
        let shares = all.chunks(share).zip(found.chunks_mut(share));
        self.share_out(workers, shares, &|state, searcher, (some, found)| {
            for (one, found) in some.iter().zip(found) {
                *found = find(state, searcher, one);
            }
        });
        found
    }

    fn outcome(&self, searcher: &mut Searcher, closing: Closing) -> Outcome {
        let mut outcome = Outcome::default();
        let Plan { patterns, .. } = &self.plan;
        searcher.turn(patterns.len());
        for rising in [false, true] {
            for (at, pattern) in patterns.iter().enumerate() {
                if pattern.is_rising() != rising
                    || pattern.within.is_some_and(|ring| searcher.nothing[ring])
                {
                    continue;
                }
                let (found, bound) = completed(&self.graph, searcher, (at, pattern), closing);
                if bound == Bound::Saturated {
                    outcome.saturated.push(at);
                    searcher.ran_out[at] += 1;
                }
                searcher.nothing[at] = bound == Bound::Exact && found.is_empty();
                outcome.completed.extend(found);
            }
        }
        outcome
    }

    /// Tells those it concerns of what the newest pending payment completes.
    fn complete(&mut self, newest: Pending, outcome: Outcome) {
        self.counters.extend(std::iter::repeat_n(0, self.plan.counters));
        self.completers.push_back(Vec::new());
        for at in outcome.saturated {
            self.saturated[at].push_back(newest.key);
        }
        let row = self.counters.len() - self.plan.counters;
        for pattern in &self.plan.patterns {
            if let Search::Chain(number) = pattern.search {
                let depth = self.depths[number].get(newest.key.place);
                self.counters[row + pattern.counter] = depth.into();
            }
        }
        for done in &outcome.completed {
            self.tell(newest, done);
        }
    }

    /// Counts anew what the pending payments were told of, from the graph alone.
    pub(crate) fn complete_pending(&mut self) {
        let mut searcher = Searcher::default();
        for number in 0..self.pending.len() {
            let payment = self.pending[number];
            let outcome = self.outcome(&mut searcher, payment.closing());
            self.complete(payment, outcome);
        }
    }

    /// Raises the counters of those of a pattern's payments that are pending.
    fn tell(&mut self, completer: Pending, done: &Completed) {
        let State { plan, pending, counters, completers, .. } = self;
        let pattern = &plan.patterns[done.pattern];
        let oldest = pending[0].key;
        let first = done.payments.partition_point(|&key| key < oldest);
        for key in &done.payments[first..] {
            let row = pending.partition_point(|p| p.key < *key);
            let at = row * plan.counters + pattern.counter;
            match pattern.search {
                Search::Gather(_) => {
                    counters[at] += 1;
                    counters[at + 1] = counters[at + 1].max(done.number as u64);
                }
                Search::Path(_) | Search::Chain(_) => counters[at + done.number] += 1,
            }
            let completed = (done.pattern, completer);
            if completers[row].last() != Some(&completed) {
                completers[row].push(completed);
            }
        }
    }

    fn fill_counters(&self, payment: Pending, row: &mut [Cell]) {
        for (at, pattern) in self.plan.patterns.iter().enumerate() {
            let cells = &mut row[pattern.column..];
            let counters = self.counters.range(pattern.counter..pattern.counter + pattern.counters);
            for (cell, &count) in cells.iter_mut().zip(counters) {
                *cell = Cell::of_int(count);
            }
            cells[pattern.counters] = Cell::of_flag(self.is_saturated(at, payment.key));
        }
    }

    /// Whether a search that might have told this payment of a pattern ran out of its budget.
    fn is_saturated(&self, at: usize, key: Key) -> bool {
        let pattern = &self.plan.patterns[at];
        let Some(first) = self.saturated[at].front() else { return false };
        // A chain looks back only. A pattern is told to what lies in the window of the payment
        // that completes it.
        if matches!(pattern.search, Search::Chain(_)) {
            return *first == key;
        }
        *first == key
            || (first.time <= key.time.after(self.plan.horizon)
                && first.time.before(pattern.window) < key.time)
    }

    /// Lets go of the oldest pending payment.
    fn forget_oldest(&mut self) {
        let gone = self.pending.pop_front().expect("only a pending payment is forgotten");
        self.counters.drain(..self.plan.counters);
        self.completers.pop_front();
        for saturated in &mut self.saturated {
            while saturated.front().is_some_and(|&key| key <= gone.key) {
                saturated.pop_front();
            }
        }
    }

    /// The payments of each pattern of a block that a payment completed. `asking` is
    /// the payment for which they are wanted.
    pub(crate) fn closed_by(&mut self, at: usize, completer: Pending, asking: Key) -> Arc<Runs> {
        self.closed.turn_to(asking);
        if let Some(known) = self.closed.get(at, completer.key) {
            return known;
        }
        let mut searchers = std::mem::take(&mut self.searchers);
        let found = Arc::new(self.find_closed(&mut searchers[0], (at, completer)));
        self.searchers = searchers;
        self.closed.keep(at, completer.key, Arc::clone(&found));
        found
    }

    /// Searches side by side for what payments completed of blocks, for those who will ask for it: of
    /// them `asking` is the first.
    pub(crate) fn prepare_closed(
        &mut self,
        workers: &dyn Workers,
        mut wanted: Vec<(usize, Pending)>,
        asking: Key,
    ) {
        self.closed.turn_to(asking);
        wanted.sort_unstable_by_key(|(at, completer)| (completer.key, *at));
        wanted.dedup();
        wanted.retain(|(at, completer)| self.closed.get(*at, completer.key).is_none());
        let found = self.side_by_side(workers, &wanted, &|state, searcher, wanted| {
            state.find_closed(searcher, *wanted)
        });
        for ((at, completer), found) in wanted.into_iter().zip(found) {
            self.closed.keep(at, completer.key, Arc::new(found));
        }
    }

    fn find_closed(&self, searcher: &mut Searcher, (at, completer): (usize, Pending)) -> Runs {
        let State { plan, graph, depths, .. } = self;
        let pattern = &plan.patterns[at];
        let closing = completer.closing();
        let mut found = Runs::default();
        if let Search::Chain(number) = pattern.search {
            let link = Link { closing, minor: completer.input.minor };
            found.push(&depths[number].payments_of(graph, link));
        } else {
            let (all, _) = completed(graph, searcher, (at, pattern), closing);
            for done in &all {
                found.push(&done.payments);
            }
        }
        found
    }
}

/// Each pattern of a block that a payment completes and that counts, chains left out.
fn completed(
    graph: &Graph,
    searcher: &mut Searcher,
    (at, pattern): (usize, &PatternBlock),
    closing: Closing,
) -> (Vec<Completed>, Bound) {
    let mut found = Vec::new();
    let sheet = graph.sheet(pattern.layer);
    let Searcher { paths, gathers, gather_payments, .. } = searcher;
    let bound = match pattern.search {
        Search::Path(rule) => paths.closed_by(sheet, closing, rule, &mut |path| {
            let payments = path_payments(sheet, closing, rule, &path.accounts());
            found.push(Completed { pattern: at, number: path.len() - 2, payments });
        }),
        Search::Gather(rule) => gathers.closed_by(sheet, closing, rule, &mut |gathering| {
            let payments = gather_payments.of(sheet, closing, rule.window, gathering.source);
            found.push(Completed { pattern: at, number: gathering.middles as usize, payments });
        }),
        Search::Chain(_) => Bound::Exact,
    };
    if pattern.drops(bound) {
        found.clear();
    }
    (found, bound)
}

impl PatternBlock {
    /// Whether what a search found does not count.
    fn drops(&self, bound: Bound) -> bool {
        self.whole && bound == Bound::Saturated
    }

    /// The column that says whether a search ran out.
    pub(crate) fn flag(&self) -> usize {
        self.column + self.counters
    }

    /// Whether it may be spared where a pattern of rings finds nothing.
    fn is_rising(&self) -> bool {
        matches!(self.search, Search::Path(rule) if rule.rising)
    }
}

impl Step {
    fn is_late(&self, horizon: Span) -> bool {
        horizon == Span::ZERO && self.arrival == crate::extractor::Arrival::Late
    }
}
