//! Evidence again, long after the features were computed: payments in, evidence out, no feature.
//!
//! Whoever kept the features of payments needs their evidence only where a rule fires. So payments
//! are taken into the graph as before, nothing is counted, and the search for a pattern is made
//! again only where its payments are asked for. Lines need no graph: an [`crate::Archive`] has them.

use shroff_graph::Key;
use shroff_types::{Names, Place, Timestamp};

use crate::closed::Closed;
use crate::definitions::Definitions;
use crate::evidence::Evidence;
use crate::extractor::{Arrival, Extractor, Input, Order, Pending, Step};
use crate::workers::Workers;

/// A payment with its place in the order.
pub type PlacedInput = (Place, Input);

/// A payment of which the evidence of some patterns will be asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The payment.
    pub payment: PlacedInput,
    /// Those that [`Evidence::completers`] named for it.
    pub completers: Vec<(u32, PlacedInput)>,
    /// The blocks of the patterns, by position.
    pub blocks: Vec<usize>,
}

/// Finds the payments behind features that were computed before.
#[derive(Debug)]
pub struct Recall {
    extractor: Extractor,
    next: u32,
    steps: Vec<Step>,
}

impl Recall {
    /// Of the features of these definitions, for amounts of `exponent` decimals.
    pub fn new(definitions: &Definitions, exponent: u8) -> Recall {
        let mut extractor = Extractor::new(definitions, exponent);
        // All come in order, and none is taken out.
        extractor.state.closed = Closed::new(false);
        Recall { extractor, next: 0, steps: Vec::new() }
    }

    /// Leaves out the payments before a place: nobody who is asked about sees them.
    pub fn skip_to(&mut self, next: Place) {
        self.next = next.0;
    }

    /// Takes the next payments of the order in. `oldest` is the time of the oldest payment that
    /// will still be asked about. Costs what it takes to put them into the graph, account by
    /// account: the more payments at once, the less for each. They may run ahead of who asks.
    pub fn take(
        &mut self,
        workers: &dyn Workers,
        payments: &[Input],
        (symbols, oldest): (&Names, Timestamp),
    ) {
        for input in payments {
            let key = Key { time: input.time, place: Place(self.next) };
            self.next = self.next.checked_add(1).expect("fewer than 2^32 payments");
            let payment = Pending { key, input: *input };
            let arrival = Arrival::InOrder;
            let layers = self.extractor.layers(input, symbols)
                | self.extractor.state.fresh_layers(payment, arrival);
            self.steps.push(Step { payment, layers, tells: false, arrival });
        }
        if !self.steps.is_empty() {
            let state = &mut self.extractor.state;
            state.follow_lines(workers, &self.steps, (oldest, Order::ByAccount));
            state.follow_chains(&self.steps, oldest);
            self.steps.clear();
        }
    }

    /// Searches side by side for what will be asked for next, and has it at hand then: what the payments
    /// of `asking` and their completers completed of blocks.
    pub fn prepare<'w>(
        &mut self,
        workers: &dyn Workers,
        asking: impl Iterator<Item = &'w Wanted> + Clone,
    ) {
        let first = asking.clone().map(|wanted| pending(wanted.payment).key).min();
        let Some(first) = first else { return };
        let state = &mut self.extractor.state;
        let mut wanted = Vec::new();
        for Wanted { payment, completers, blocks } in asking {
            for &block in blocks {
                let Some(at) = state.plan.pattern_of(block) else { continue };
                wanted.push((at, pending(*payment)));
                let others = completers.iter().filter(|(pattern, _)| *pattern as usize == at);
                wanted.extend(others.map(|(_, completer)| (at, pending(*completer))));
            }
        }
        state.prepare_closed(workers, wanted, first);
    }

    /// The evidence of a payment that was taken in, with all that lies in its horizon. `completers`
    /// are those that [`Evidence::completers`] named for it, with their payments.
    pub fn evidence(
        &mut self,
        payment: PlacedInput,
        completers: &[(u32, PlacedInput)],
    ) -> Evidence<'_> {
        let state = &mut self.extractor.state;
        let found =
            completers.iter().map(|(pattern, payment)| (*pattern as usize, pending(*payment)));
        let found: Vec<(usize, Pending)> = found.collect();
        state.completers.clear();
        state.completers.push_back(found);
        Evidence { payment: Some(pending(payment)), state }
    }
}

/// A payment that stands at its place.
pub(crate) fn pending((place, input): PlacedInput) -> Pending {
    Pending { key: Key { time: input.time, place }, input }
}
