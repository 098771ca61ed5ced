//! Which payments stand behind a feature.

use shroff_graph::{Edge, View};
use shroff_types::Place;

use crate::definitions::Filter;
use crate::extractor::{Pending, State, filter_of};
use crate::look::{END, Looker};

/// Finds the payments behind a feature, while they are in sight.
#[derive(Debug)]
pub struct Evidence<'a> {
    pub(crate) payment: Pending,
    pub(crate) state: &'a mut State,
}

/// Which payments a piece of evidence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Those that left the debtor.
    DebtorOut,
    /// Those that reached the debtor.
    DebtorIn,
    /// Those that left the creditor.
    CreditorOut,
    /// Those that reached the creditor.
    CreditorIn,
    /// Those from the debtor to the creditor.
    Pair,
    /// Those of the cycles, rings, scatter-gathers or chain of the block.
    Pattern,
}

/// A part of a line of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePart {
    /// The payments of the part, ascending by place.
    pub payments: Vec<Place>,
    /// Whether payments before the part are still in sight.
    pub goes_on: bool,
}

impl Evidence<'_> {
    /// The payments that make up a flow as the block at `number` of the definitions sees it,
    /// ascending by place; payments to oneself left out. Costs their line, or the search for the
    /// pattern.
    pub fn payments(&mut self, number: usize, flow: Flow) -> Vec<Place> {
        if flow == Flow::Pattern {
            return self.pattern(number);
        }
        self.line_after(number, flow, None).payments
    }

    /// Whether a block's lines only ever gain payments at their end and lose them at their
    /// beginning, so that they can be asked for in parts.
    pub fn grows(&self, number: usize) -> bool {
        filter_of(&self.state.blocks[number].kind)
            .is_none_or(|filter| !filter.without_current && filter.similar_permille.is_none())
    }

    /// The payments of a flow that come after a place in the order. Costs a step for each.
    ///
    /// # Panics
    /// If asked for a pattern, which has no line.
    pub fn line_after(&self, number: usize, flow: Flow, after: Option<Place>) -> LinePart {
        let State { blocks, plans, graphs, .. } = &*self.state;
        let block = &blocks[number];
        let payment = self.payment;
        let view = View { since: payment.key.time.before(block.window), until: END };
        let looker = Looker { graph: &graphs[plans[number].graph], payment, view, exponent: 0 };
        let open = Filter::default();
        let filter = filter_of(&block.kind).unwrap_or(&open);
        let lines = looker.lines(view);
        let (account, line) = match flow {
            Flow::DebtorOut | Flow::Pair => lines[0],
            Flow::DebtorIn => lines[1],
            Flow::CreditorOut => lines[2],
            Flow::CreditorIn => lines[3],
            Flow::Pattern => panic!("a pattern has no line: ask for its payments"),
        };
        let counts = |edge: &&Edge| {
            edge.other != account
                && (flow != Flow::Pair || edge.other == payment.input.creditor)
                && looker.passes(filter, edge)
        };
        let old = |edge: &&Edge| after.is_some_and(|after| edge.place <= after);
        let mut payments: Vec<Place> =
            line.iter().rev().take_while(|e| !old(e)).filter(counts).map(|e| e.place).collect();
        payments.reverse();
        LinePart { payments, goes_on: line.iter().find(counts).as_ref().is_some_and(old) }
    }

    fn pattern(&mut self, number: usize) -> Vec<Place> {
        let payment = self.payment;
        let mut found = self.state.closed_by(number, payment);
        let completers = match self.state.completers.front() {
            Some(completers) => completers.clone(),
            None => Vec::new(),
        };
        let oldest = self.state.pending[0].key.place.0;
        for (block, place) in completers {
            if block == number && place != payment.key.place {
                let completer = self.state.pending[(place.0 - oldest) as usize];
                found.extend(self.state.closed_by(number, completer));
            }
        }
        found.retain(|payments| payments.binary_search(&payment.key.place).is_ok());
        let mut payments = found.concat();
        payments.sort_unstable();
        payments.dedup();
        payments
    }
}
