//! Scatter-gathers: one account pays many, who pay one, as closed by a payment to the last.
//!
//! The payment is m -> w. A source s counts when two or more accounts, m among them, had money
//! from s before they paid w. What links s to w are the accounts between them, so the search walks
//! from one side only: over the lines into the other middles, or over the lines out of the
//! sources, whichever are shorter together.

use shroff_types::{AccountId, Span};

use crate::graph::{Sheet, closing_view};
use crate::line::{Key, View};
use crate::paths::Closing;
use crate::table::Table;
use crate::{Bound, Budget, LINE};

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
    source_of: Table,
    sources: Vec<Gathering>,
    middle_of: Table,
    middles: Vec<Middle>,
    /// By source: the last middle it was counted for, by position.
    counted: Vec<u32>,
}

/// An account that may lie between.
#[derive(Debug, Clone, Copy)]
struct Middle {
    account: AccountId,
    /// Its latest payment to the sink, if it has one.
    latest: Option<Key>,
    /// The last source for which it was counted, by position.
    counted: u32,
}

const NOBODY: u32 = u32::MAX;

impl ScatterGathers {
    /// Calls `found` once for each source, in the order in which they first paid the closing
    /// payment's debtor, whose money reached its creditor through two or more accounts. Costs the
    /// lines of the smaller side.
    pub fn closed_by(
        &mut self,
        sheet: Sheet<'_>,
        closing: Closing,
        rule: GatherRule,
        found: &mut impl FnMut(Gathering),
    ) -> Bound {
        let Closing { debtor: middle, creditor: sink, .. } = closing;
        if middle == sink {
            return Bound::Exact;
        }
        let view = closing_view(closing.key, rule.window);
        let firsts = sheet.into(middle, view);
        let alone = firsts.is_empty() || sheet.into(sink, view).len() < 2;
        if alone || !sheet.holds(middle, view) {
            return Bound::Exact;
        }
        let mut budget = Budget::new(rule.budget);
        if !budget.take(firsts.len()) {
            return Bound::Saturated;
        }
        self.source_of.clear();
        self.sources.clear();
        for source in firsts.iter().map(|e| e.other).filter(|&s| s != sink && s != middle) {
            let fresh = dense(self.sources.len());
            if self.source_of.put(source, fresh) == fresh {
                self.sources.push(Gathering { source, middles: 1 });
            }
        }
        if self.sources.is_empty() {
            return Bound::Exact;
        }
        let complete = self.count(Asked { sheet, middle, sink, view }, &mut budget);
        self.sources.iter().filter(|source| source.middles >= 2).for_each(|&source| found(source));
        complete.map_or(Bound::Saturated, |()| Bound::Exact)
    }

    /// Counts the middles of each source, from the side that is cheaper to walk.
    fn count(&mut self, asked: Asked<'_>, budget: &mut Budget) -> Option<()> {
        let Asked { sheet, middle, sink, view } = asked;
        self.middle_of.clear();
        self.middles.clear();
        let seconds = sheet.into(sink, view);
        if !budget.take(LINE * self.sources.len()) {
            return None;
        }
        let source_cost: usize = self.sources.iter().map(|s| sheet.out(s.source, view).len()).sum();
        // A step from a source looks at the line of the account it comes to, too.
        if 2 * source_cost <= seconds.len() {
            return self.count_out_of_sources(asked, false, budget);
        }
        if !budget.take(seconds.len()) {
            return None;
        }
        // The latest payment of each comes first and stays.
        for edge in seconds.iter().rev().filter(|e| e.other != middle && e.other != sink) {
            let fresh = dense(self.middles.len());
            if self.middle_of.put(edge.other, fresh) == fresh {
                let latest = Some(edge.key());
                self.middles.push(Middle { account: edge.other, latest, counted: NOBODY });
            }
        }
        if !budget.take(LINE * self.middles.len()) {
            return None;
        }
        let middle_cost: usize =
            self.middles.iter().map(|m| sheet.into(m.account, view).len()).sum();
        if middle_cost <= source_cost {
            self.count_into_middles(asked, budget)
        } else {
            self.count_out_of_sources(asked, true, budget)
        }
    }

    fn count_into_middles(&mut self, asked: Asked<'_>, budget: &mut Budget) -> Option<()> {
        self.counted.clear();
        self.counted.resize(self.sources.len(), NOBODY);
        for number in 0..self.middles.len() {
            let Middle { account, latest, .. } = self.middles[number];
            let edges = asked.sheet.into(account, asked.view);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter().take_while(|e| Some(e.key()) < latest) {
                // A source that pays itself is no middle of its own.
                if edge.other == account {
                    continue;
                }
                let Some(source) = self.source_of.get(edge.other) else { continue };
                let counted = &mut self.counted[source as usize];
                if *counted != dense(number) {
                    *counted = dense(number);
                    self.sources[source as usize].middles += 1;
                }
            }
        }
        Some(())
    }

    /// `known` says whether the accounts that paid the sink are in the table already; otherwise
    /// each is looked up when money comes to it.
    fn count_out_of_sources(
        &mut self,
        asked: Asked<'_>,
        known: bool,
        budget: &mut Budget,
    ) -> Option<()> {
        let Asked { sheet, middle, sink, view } = asked;
        for number in 0..self.sources.len() {
            let source = self.sources[number].source;
            let edges = sheet.out(source, view);
            if !budget.take(edges.len()) {
                return None;
            }
            // The earliest payment to each account comes first, and it is the one that counts.
            for edge in edges.iter() {
                let account = edge.other;
                if account == source || account == middle || account == sink {
                    continue;
                }
                let at = match self.middle_of.get(account) {
                    Some(at) => at,
                    None if known => continue,
                    None => {
                        let latest = asked.latest_to_sink(account, budget)?;
                        let fresh = dense(self.middles.len());
                        self.middles.push(Middle { account, latest, counted: NOBODY });
                        self.middle_of.put(account, fresh)
                    }
                };
                let there = &mut self.middles[at as usize];
                let number = dense(number);
                if there.counted != number && there.latest.is_some_and(|last| edge.key() < last) {
                    there.counted = number;
                    self.sources[number as usize].middles += 1;
                }
            }
        }
        Some(())
    }
}

/// What one search asks.
#[derive(Clone, Copy)]
struct Asked<'g> {
    sheet: Sheet<'g>,
    middle: AccountId,
    sink: AccountId,
    view: View,
}

impl Asked<'_> {
    /// The latest payment from an account to the sink; none where the budget ran out.
    #[expect(clippy::option_option, reason = "the outer one is the budget, as everywhere here")]
    fn latest_to_sink(&self, account: AccountId, budget: &mut Budget) -> Option<Option<Key>> {
        if !budget.take(LINE) {
            return None;
        }
        for edge in self.sheet.out(account, self.view).iter().rev() {
            if !budget.take(1) {
                return None;
            }
            if edge.other == self.sink {
                return Some(Some(edge.key()));
            }
        }
        Some(None)
    }
}

fn dense(count: usize) -> u32 {
    u32::try_from(count).expect("bounded by the budget, which is under 2^32 steps")
}

/// The payments of the scatter-gather from `source` that `closing` completed, ascending: each
/// payment from the source to a middle that came before one onwards, and each of those.
/// Costs the lines out of the source and into the sink.
pub fn payments_of(
    sheet: Sheet<'_>,
    closing: Closing,
    window: Span,
    source: AccountId,
) -> Vec<Key> {
    let view = closing_view(closing.key, window);
    let seconds = sheet.into(closing.creditor, view);
    let mut ends: Vec<(AccountId, Key)> = seconds
        .iter()
        .filter(|e| e.other != closing.creditor && e.other != source)
        .map(|e| (e.other, e.key()))
        .collect();
    ends.sort_unstable();
    let mut begins: Vec<(AccountId, Key)> = sheet
        .out(source, view)
        .iter()
        .filter(|e| e.other != source && e.other != closing.creditor)
        .map(|e| (e.other, e.key()))
        .collect();
    begins.sort_unstable();
    let mut keys = Vec::new();
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
            keys.extend(&firsts);
            keys.extend(chunk.iter().map(|e| e.1).filter(|&key| key > first));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
