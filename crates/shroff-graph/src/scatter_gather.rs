//! Scatter-gathers: one account pays many, who pay one, as closed by a payment to the last.
//!
//! The payment is m -> w. A source s counts when two or more accounts, m among them, had money
//! from s before they paid w. What links s to w are the accounts between them, so the search walks
//! from one side only: over the lines into the other middles, or over the lines out of the
//! sources, whichever are shorter together.

use shroff_types::{AccountId, Place, Span};

use crate::graph::{Graph, View};
use crate::line::Key;
use crate::paths::Closing;
use crate::{Bound, Budget};

/// Which scatter-gathers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherRule {
    /// How far back a payment may lie.
    pub window: Span,
    /// The most steps of one search.
    pub budget: u64,
}

/// One scatter-gather: its source, and how many accounts lie between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    /// The account that paid the middles.
    pub source: AccountId,
    /// How many middles: 2 or more.
    pub middles: u32,
}

/// The working memory of the search; keep one and use it again.
#[derive(Debug, Default)]
pub struct ScatterGathers {
    /// Sources, ascending, with the number of middles and the last one counted.
    sources: Vec<(AccountId, u32, AccountId)>,
    /// Middles, ascending, with their latest payment to w.
    middles: Vec<(AccountId, Key)>,
    /// Where the sources' money went: the account, the source by number, and when first.
    ways: Vec<(AccountId, usize, Key)>,
}

impl ScatterGathers {
    /// Calls `found` once for each source, ascending, whose money reached the closing payment's
    /// creditor through two or more accounts. Costs the lines of the smaller side.
    pub fn closed_by(
        &mut self,
        graph: &Graph,
        closing: Closing,
        rule: GatherRule,
        found: &mut impl FnMut(Gathering),
    ) -> Bound {
        let Closing { debtor: middle, creditor: sink, .. } = closing;
        if middle == sink {
            return Bound::Exact;
        }
        let view = closing.view(rule.window);
        let mut budget = Budget::new(rule.budget);
        let firsts = graph.into(middle, view);
        let seconds = graph.into(sink, view);
        if firsts.is_empty() || seconds.len() < 2 {
            return Bound::Exact;
        }
        if !budget.take(firsts.len()) {
            return Bound::Saturated;
        }
        let others = firsts.iter().map(|e| e.other).filter(|&s| s != sink && s != middle);
        self.sources.clear();
        self.sources.extend(others.map(|s| (s, 1, middle)));
        self.sources.sort_unstable();
        self.sources.dedup();
        if self.sources.is_empty() {
            return Bound::Exact;
        }
        let complete = self.count(graph, Asked { middle, sink, view }, &mut budget);
        let bound = complete.map_or(Bound::Saturated, |()| Bound::Exact);
        for &(source, middles, _) in &self.sources {
            if middles >= 2 {
                found(Gathering { source, middles });
            }
        }
        bound
    }

    /// Counts the middles of each source, from the side that is cheaper to walk.
    fn count(&mut self, graph: &Graph, asked: Asked, budget: &mut Budget) -> Option<()> {
        let Asked { middle, sink, view } = asked;
        let seconds = graph.into(sink, view);
        let source_cost: usize = self.sources.iter().map(|s| graph.out(s.0, view).len()).sum();
        // A step from a source looks at the line of the account it comes to, too.
        if 2 * source_cost <= seconds.len() {
            return self.count_out_of_sources(graph, asked, budget);
        }
        if !budget.take(seconds.len()) {
            return None;
        }
        let others = seconds.iter().filter(|e| e.other != middle && e.other != sink);
        self.middles.clear();
        self.middles.extend(others.map(|e| (e.other, e.key())));
        // The latest payment of each comes first and stays.
        self.middles.sort_unstable_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        self.middles.dedup_by_key(|m| m.0);
        let middle_cost: usize = self.middles.iter().map(|m| graph.into(m.0, view).len()).sum();
        if middle_cost <= 2 * source_cost {
            self.count_into_middles(graph, view, budget)
        } else {
            self.count_out_of_sources(graph, asked, budget)
        }
    }

    fn count_into_middles(&mut self, graph: &Graph, view: View, budget: &mut Budget) -> Option<()> {
        for &(middle, latest) in &self.middles {
            let edges = graph.into(middle, view);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter().take_while(|e| e.key() < latest) {
                // A source that pays itself is no middle of its own.
                if edge.other == middle {
                    continue;
                }
                let Ok(at) = self.sources.binary_search_by_key(&edge.other, |s| s.0) else {
                    continue;
                };
                let (_, middles, counted) = &mut self.sources[at];
                if *counted != middle {
                    *middles += 1;
                    *counted = middle;
                }
            }
        }
        Some(())
    }

    fn count_out_of_sources(
        &mut self,
        graph: &Graph,
        asked: Asked,
        budget: &mut Budget,
    ) -> Option<()> {
        let Asked { middle, sink, view } = asked;
        self.ways.clear();
        for (number, source) in self.sources.iter().enumerate() {
            let edges = graph.out(source.0, view);
            if !budget.take(edges.len()) {
                return None;
            }
            let others = [source.0, middle, sink];
            let to = edges.iter().filter(|e| !others.contains(&e.other));
            self.ways.extend(to.map(|e| (e.other, number, e.key())));
        }
        // By account between, then source; the earliest payment of each comes first and stays.
        self.ways.sort_unstable();
        self.ways.dedup_by_key(|way| (way.0, way.1));
        for ways in self.ways.chunk_by(|a, b| a.0 == b.0) {
            let edges = graph.out(ways[0].0, view);
            if !budget.take(edges.len()) {
                return None;
            }
            let Some(last) = edges.iter().rev().find(|e| e.other == sink) else { continue };
            for &(_, number, _) in ways.iter().filter(|way| way.2 < last.key()) {
                self.sources[number].1 += 1;
            }
        }
        Some(())
    }
}

/// What one search asks.
#[derive(Debug, Clone, Copy)]
struct Asked {
    middle: AccountId,
    sink: AccountId,
    view: View,
}

/// The payments of the scatter-gather from `source` that `closing` completed, ascending: each
/// payment from the source to a middle that came before one onwards, and each of those.
/// Costs the lines out of the source and into the sink.
pub fn payments_of(graph: &Graph, closing: Closing, window: Span, source: AccountId) -> Vec<Place> {
    let view = closing.view(window);
    let seconds = graph.into(closing.creditor, view);
    let mut ends: Vec<(AccountId, Key)> = seconds
        .iter()
        .filter(|e| e.other != closing.creditor && e.other != source)
        .map(|e| (e.other, e.key()))
        .collect();
    ends.sort_unstable();
    let mut begins: Vec<(AccountId, Key)> = graph
        .out(source, view)
        .iter()
        .filter(|e| e.other != source && e.other != closing.creditor)
        .map(|e| (e.other, e.key()))
        .collect();
    begins.sort_unstable();
    let mut places = Vec::new();
    for chunk in ends.chunk_by(|a, b| a.0 == b.0) {
        let middle = chunk[0].0;
        let last = chunk[chunk.len() - 1].1;
        let from = begins.partition_point(|b| b.0 < middle);
        let firsts: Vec<Key> = begins[from..]
            .iter()
            .take_while(|b| b.0 == middle && b.1 < last)
            .map(|b| b.1)
            .collect();
        if let Some(&first) = firsts.first() {
            places.extend(firsts.iter().map(|key| key.place));
            places.extend(chunk.iter().filter(|e| e.1 > first).map(|e| e.1.place));
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}
