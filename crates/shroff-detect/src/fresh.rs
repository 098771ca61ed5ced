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
#[derive(Debug)]
pub(crate) struct Pairs {
    /// Each grows, and lets go, for itself: nobody waits for all of them.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Default)]
struct Part {
    last: Map<(AccountId, AccountId), Timestamp>,
    /// How many there were after those that nobody remembers had been let go.
    kept: usize,
}

const PARTS: usize = 64;

/// Pairs are let go when they have doubled, and not before a part has so many.
const FEW: usize = 1 << 10;

impl Default for Pairs {
    fn default() -> Pairs {
        Pairs { parts: vec![Part::default(); PARTS] }
    }
}

/// The part of a pair.
fn part_of((debtor, creditor): (AccountId, AccountId)) -> usize {
    let mixed = u64::from(debtor.0) << 32 | u64::from(creditor.0);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

impl Pairs {
    /// Notes a payment as the last of its pair.
    pub(crate) fn note(&mut self, entry: Entry, floor: Timestamp) {
        let pair = (entry.debtor, entry.creditor);
        let part = &mut self.parts[part_of(pair)];
        if part.last.len() >= FEW.max(2 * part.kept) {
            part.last.retain(|_, last| *last > floor);
            part.kept = part.last.len();
        }
        let last = part.last.entry(pair).or_insert(entry.key.time);
        *last = entry.key.time.max(*last);
    }

    /// Forgets a payment that is in the graph no more: `last` is the latest that is left of its pair.
    pub(crate) fn withdraw(&mut self, entry: Entry, last: Option<Timestamp>) {
        let pair = (entry.debtor, entry.creditor);
        let Part { last: known, .. } = &mut self.parts[part_of(pair)];
        if known.get(&pair) != Some(&entry.key.time) {
            return;
        }
        match last {
            Some(last) => drop(known.insert(pair, last)),
            None => drop(known.remove(&pair)),
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
            let pair = (entry.debtor, entry.creditor);
            let last = self.parts[part_of(pair)].last.get(&pair);
            return last.is_none_or(|last| *last <= since);
        }
        // The last may lie behind it: all that lies before it is in the graph.
        let before = graph.edges(0, (entry.debtor, Way::Out), View::since(since, entry.key));
        before.iter().all(|edge| edge.other != entry.creditor)
    }
}
