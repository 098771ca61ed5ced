//! Scatter-gathers: one account pays many, who pay one, as closed by a payment to the last.
//!
//! The payment is m -> w. A source s counts when two or more accounts, m among them, had money
//! from s before they paid w. What links s to w are the accounts between them, so the search walks
//! from one side only: over the lines into the other middles, or over the lines out of the
//! sources, whichever are shorter together.

use shroff_types::{AccountId, Span};

use crate::graph::{Sheet, closing_view};
use crate::line::{Edge, Key, View};
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

/// Finds the payments of scatter-gathers; keep one and use it again.
#[derive(Debug, Default)]
pub struct GatherPayments {
    known: Table,
    /// Of those on the shorter side, by number: whether the other side has a payment too.
    met: Vec<bool>,
    begins: Vec<(AccountId, Key)>,
    ends: Vec<(AccountId, Key)>,
}

impl GatherPayments {
    /// The payments of the scatter-gather from `source` that `closing` completed, ascending: each
    /// payment from the source to a middle that came before one onwards, and each of those.
    /// Costs a look at the lines out of the source and into the sink, and a sort of what they have
    /// in common: one of the two is a hub's as a rule, and the other is not.
    pub fn of(
        &mut self,
        sheet: Sheet<'_>,
        closing: Closing,
        window: Span,
        source: AccountId,
    ) -> Vec<Key> {
        let view = closing_view(closing.key, window);
        let sink = closing.creditor;
        let (out, into) = (sheet.out(source, view), sheet.into(sink, view));
        let GatherPayments { known, met, begins, ends } = self;
        let is_middle = |edge: &&Edge| edge.other != source && edge.other != sink;
        let from_source = out.len() <= into.len();
        let (shorter, longer) = if from_source { (out, into) } else { (into, out) };
        let (of_shorter, of_longer) = if from_source { (begins, ends) } else { (ends, begins) };
        known.clear();
        met.clear();
        for edge in shorter.iter().filter(is_middle) {
            let fresh = dense(met.len());
            if known.put(edge.other, fresh) == fresh {
                met.push(false);
            }
        }
        of_longer.clear();
        for edge in longer.iter().filter(is_middle) {
            if let Some(number) = known.get(edge.other) {
                met[number as usize] = true;
                of_longer.push((edge.other, edge.key()));
            }
        }
        of_shorter.clear();
        let has_met =
            |edge: &&Edge| known.get(edge.other).is_some_and(|number| met[number as usize]);
        let both = shorter.iter().filter(is_middle).filter(has_met);
        of_shorter.extend(both.map(|edge| (edge.other, edge.key())));
        of_longer.sort_unstable();
        of_shorter.sort_unstable();
        self.passed_on()
    }

    /// Each payment to a middle before one onwards, and each of those, ascending.
    fn passed_on(&self) -> Vec<Key> {
        let GatherPayments { begins, ends, .. } = self;
        let mut keys = Vec::new();
        for chunk in ends.chunk_by(|a, b| a.0 == b.0) {
            let (middle, last) = chunk[chunk.len() - 1];
            let from = begins.partition_point(|b| b.0 < middle);
            let firsts = begins[from..].iter().take_while(|b| b.0 == middle && b.1 < last);
            let before = keys.len();
            keys.extend(firsts.map(|b| b.1));
            if let Some(&first) = keys.get(before) {
                keys.extend(chunk.iter().map(|e| e.1).filter(|&key| key > first));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shroff_types::{Place, Timestamp};

    use super::*;
    use crate::{Entry, Graph};

    fn key(place: usize, time: i64) -> Key {
        Key { time: Timestamp(time), place: Place(dense(place)) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_payments_of_a_scatter_gather_are_those_of_its_definition(
            payments in prop::collection::vec((0_u32..7, 0_u32..7, 0_i64..3), 1..60),
            source in 0_u32..7,
            window in 1_i64..40,
        ) {
            let mut graph = Graph::new(1);
            let mut all = Vec::new();
            let mut time = 0;
            for (place, (debtor, creditor, later)) in payments.into_iter().enumerate() {
                time += later;
                let entry = Entry {
                    debtor: AccountId(debtor),
                    creditor: AccountId(creditor),
                    minor: 1,
                    key: key(place, time),
                };
                graph.insert(0, entry);
                all.push(entry);
            }
            let (source, last) = (AccountId(source), all[all.len() - 1]);
            let Entry { debtor, creditor: sink, key, .. } = last;
            let closing = Closing { debtor, creditor: sink, key };
            let seen = |entry: &&Entry| entry.key.time.0 > time - window;
            let is_middle = |account: AccountId| account != source && account != sink;
            let mut expected: Vec<Key> = Vec::new();
            for first in all.iter().filter(seen).filter(|e| e.debtor == source) {
                for second in all.iter().filter(seen).filter(|e| e.creditor == sink) {
                    if first.creditor == second.debtor
                        && is_middle(second.debtor)
                        && first.key < second.key
                    {
                        expected.extend([first.key, second.key]);
                    }
                }
            }
            expected.sort_unstable();
            expected.dedup();
            let window = Span::from_micros(window).expect("it is positive");
            // Asked twice: what a search left behind says nothing to the next.
            let mut found = GatherPayments::default();
            found.of(graph.sheet(0), closing, window, sink);
            prop_assert_eq!(found.of(graph.sheet(0), closing, window, source), expected);
        }
    }
}
