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

/// Pairs are let go when they have doubled, and not before a part has so many. No value depends on
/// it; builds with assertions make it small, so that the tests' small ledgers let some go.
const FEW: usize = if cfg!(debug_assertions) { 1 } else { 1 << 10 };

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
    /// Looks a pair up, and says nothing: so that it is in the cache when it is asked for in earnest.
    pub(crate) fn touch(&self, pair: (AccountId, AccountId)) -> i64 {
        self.parts[part_of(pair)].last.get(&pair).map_or(0, |last| last.0)
    }

    /// Notes a payment as the last of its pair, and says when that paid last before.
    pub(crate) fn note(&mut self, entry: Entry, floor: Timestamp) -> Option<Timestamp> {
        let pair = (entry.debtor, entry.creditor);
        let part = &mut self.parts[part_of(pair)];
        if part.last.len() >= FEW.max(2 * part.kept) {
            part.last.retain(|_, last| *last > floor);
            part.kept = part.last.len();
        }
        if let Some(last) = part.last.get_mut(&pair) {
            let before = *last;
            *last = entry.key.time.max(before);
            return Some(before);
        }
        part.last.insert(pair, entry.key.time);
        None
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
}

/// Whether a payment that came late is the first of its pair within `memory`: all that lies before it
/// is in the graph, and others may lie behind it.
pub(crate) fn is_fresh_though_late(entry: Entry, memory: Span, graph: &Graph) -> bool {
    let since = entry.key.time.before(memory);
    let before = graph.edges(0, (entry.debtor, Way::Out), View::since(since, entry.key));
    before.iter().all(|edge| edge.other != entry.creditor)
}
