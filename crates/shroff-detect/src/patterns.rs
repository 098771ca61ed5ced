//! Patterns: found when a payment completes them, told to the payments in them.

use shroff_graph::{Bound, GatherRule, PathRule, gathering_payments, path_payments};
use shroff_types::{Place, Span};

use crate::definitions::Kind;
use crate::extractor::{Pending, Plan, State, chain_rule, path_rule};

/// How many payments pass between two looks for trackers that nobody asks any more.
const SWEEP: u32 = 1 << 17;

impl State {
    /// Finds what the newest pending payment completes, and tells those it concerns.
    pub(crate) fn complete_patterns(&mut self) {
        let newest = *self.pending.back().expect("a payment was just taken");
        for number in 0..self.blocks.len() {
            let block = &self.blocks[number];
            let bound = if let Some(rule) = path_rule(block) {
                self.complete_paths(number, rule, newest)
            } else if let Kind::ScatterGather { budget } = block.kind {
                let rule = GatherRule { window: block.window, budget };
                self.complete_gathers(number, rule, newest)
            } else if let Some(rule) = chain_rule(block) {
                let plan = &mut self.plans[number];
                let graph = &self.graphs[plan.graph];
                let (depth, bound) =
                    plan.depths.insert(graph, newest.closing(), newest.input.minor, rule);
                let at = self.counters.len() - self.width + plan.counter;
                self.counters[at] = u64::from(depth);
                bound
            } else {
                continue;
            };
            if bound == Bound::Saturated {
                self.plans[number].saturated.push_back(newest.key);
            }
        }
    }

    fn complete_paths(&mut self, number: usize, rule: PathRule, newest: Pending) -> Bound {
        let State { paths, graphs, plans, counters, width, .. } = self;
        let plan = &plans[number];
        let graph = &graphs[plan.graph];
        if self.horizon == Span::ZERO {
            let at = counters.len() - *width + plan.counter;
            return paths.closed_by(graph, newest.closing(), rule, &mut |accounts| {
                counters[at + accounts.len() - 2] += 1;
            });
        }
        // Whoever is in a path and still pending is told of it.
        let mut told: Vec<(usize, Vec<Place>)> = Vec::new();
        let bound = paths.closed_by(graph, newest.closing(), rule, &mut |accounts| {
            let payments = path_payments(graph, newest.closing(), rule, accounts);
            told.push((accounts.len() - 2, payments));
        });
        for (column, payments) in told {
            self.tell(number, newest.key.place, &payments, |counters| counters[column] += 1);
        }
        bound
    }

    fn complete_gathers(&mut self, number: usize, rule: GatherRule, newest: Pending) -> Bound {
        let State { gathers, graphs, plans, counters, width, .. } = self;
        let plan = &plans[number];
        let graph = &graphs[plan.graph];
        if self.horizon == Span::ZERO {
            let at = counters.len() - *width + plan.counter;
            return gathers.closed_by(graph, newest.closing(), rule, &mut |gathering| {
                counters[at] += 1;
                counters[at + 1] = counters[at + 1].max(u64::from(gathering.middles));
            });
        }
        let mut told: Vec<(u32, Vec<Place>)> = Vec::new();
        let bound = gathers.closed_by(graph, newest.closing(), rule, &mut |gathering| {
            let source = gathering.source;
            let payments = gathering_payments(graph, newest.closing(), rule.window, source);
            told.push((gathering.middles, payments));
        });
        for (middles, payments) in told {
            self.tell(number, newest.key.place, &payments, |counters| {
                counters[0] += 1;
                counters[1] = counters[1].max(u64::from(middles));
            });
        }
        bound
    }

    /// Raises the counters of those of `payments` that are pending.
    fn tell(
        &mut self,
        number: usize,
        completer: Place,
        payments: &[Place],
        raise: impl Fn(&mut [u64]),
    ) {
        let Plan { counter, counters, .. } = self.plans[number];
        let oldest = self.pending[0].key.place;
        let first = payments.partition_point(|&place| place < oldest);
        let all = self.counters.make_contiguous();
        for place in &payments[first..] {
            let row = (place.0 - oldest.0) as usize;
            let at = row * self.width + counter;
            raise(&mut all[at..at + counters]);
            let completers = &mut self.completers[row];
            if completers.last() != Some(&(number, completer)) {
                completers.push((number, completer));
            }
        }
    }

    /// Lets go of the oldest pending payment.
    pub(crate) fn forget_oldest(&mut self) {
        let gone = self.pending.pop_front().expect("only a pending payment is forgotten");
        self.counters.drain(..self.width);
        self.completers.pop_front();
        let sweep = gone.key.place.0.is_multiple_of(SWEEP);
        for (plan, block) in self.plans.iter_mut().zip(&self.blocks) {
            if sweep {
                // Values do not depend on when: a tracker made anew says the same.
                plan.trackers.forget_before(gone.key.time.before(block.window.times(2)));
            }
            while plan.saturated.front().is_some_and(|&key| key <= gone.key) {
                plan.saturated.pop_front();
            }
        }
    }
}

impl State {
    /// The payments of each pattern of a block that a payment completed, each ascending.
    pub(crate) fn closed_by(&mut self, number: usize, completer: Pending) -> Vec<Vec<Place>> {
        let State { blocks, plans, graphs, paths, gathers, .. } = self;
        let (block, plan) = (&blocks[number], &plans[number]);
        let graph = &graphs[plan.graph];
        let closing = completer.closing();
        let mut found = Vec::new();
        if let Some(rule) = path_rule(block) {
            paths.closed_by(graph, closing, rule, &mut |accounts| {
                found.push(path_payments(graph, closing, rule, accounts));
            });
        } else if let Kind::ScatterGather { budget } = block.kind {
            let rule = GatherRule { window: block.window, budget };
            gathers.closed_by(graph, closing, rule, &mut |gathering| {
                found.push(gathering_payments(graph, closing, rule.window, gathering.source));
            });
        } else if let Some(rule) = chain_rule(block) {
            found.push(plan.depths.payments_of(graph, closing, completer.input.minor, rule));
        }
        found
    }
}
