//! Which payments are between strangers: the first from one account to another in a while.
//!
//! Accounts that trade with each other all day make patterns by chance, and many of them. Those of
//! a scheme are made for it, and most of its pairs have not paid before. A block of patterns with
//! `fresh` walks a layer of the graph that has such payments alone.
//!
//! Whether a payment is one is settled when it is taken in, by what had come before it in the
//! order. One that comes late unsettles nothing that was taken in.

use shroff_graph::{Entry, Graph, View, Way};
use shroff_types::{AccountId, Map, Span, Timestamp};

use crate::extractor::Arrival;

/// When each pair of accounts paid last.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    last: Map<(AccountId, AccountId), Timestamp>,
    /// How many there were after those that nobody remembers had been let go.
    kept: usize,
}

/// Pairs are let go when they have doubled, and not before there are so many.
const FEW: usize = 1 << 16;

impl Pairs {
    /// Notes a payment as the last of its pair.
    pub(crate) fn note(&mut self, entry: Entry, floor: Timestamp) {
        if self.last.len() >= FEW.max(2 * self.kept) {
            self.last.retain(|_, last| *last > floor);
            self.kept = self.last.len();
        }
        let last = self.last.entry((entry.debtor, entry.creditor)).or_insert(entry.key.time);
        *last = entry.key.time.max(*last);
    }

    /// Forgets a payment that is in the graph no more: `last` is the latest that is left of its pair.
    pub(crate) fn withdraw(&mut self, entry: Entry, last: Option<Timestamp>) {
        let pair = (entry.debtor, entry.creditor);
        if self.last.get(&pair) != Some(&entry.key.time) {
            return;
        }
        match last {
            Some(last) => drop(self.last.insert(pair, last)),
            None => drop(self.last.remove(&pair)),
        }
    }

    /// Whether a payment that is not in the graph yet is the first of its pair within `memory`.
    pub(crate) fn is_fresh(
        &self,
        entry: Entry,
        memory: Span,
        (graph, arrival): (&Graph, Arrival),
    ) -> bool {
        let since = entry.key.time.before(memory);
        if arrival == Arrival::InOrder {
            let last = self.last.get(&(entry.debtor, entry.creditor));
            return last.is_none_or(|last| *last <= since);
        }
        // The last may lie behind it: all that lies before it is in the graph.
        let before = graph.edges(0, (entry.debtor, Way::Out), View::since(since, entry.key));
        before.iter().all(|edge| edge.other != entry.creditor)
    }
}
