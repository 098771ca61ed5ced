//! Taking a payment out again: every feature of what comes later is as though it had not been there.
//!
//! The state of an extractor is a function of the payments in sight, so each part of it that a payment
//! entered is entered backwards: the lines of its two accounts with their totals, the pairs that have
//! paid before, the payments that were no first ones because of it, and the runs that went through it.
//! That it moved time on is not undone: what left the window because of it does not come back.

use std::collections::VecDeque;

use shroff_graph::{Entry, Key, Link, View, Way, shard_of};
use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::extractor::{Extractor, Input, Pending, State};
use crate::lines::Side;

impl Extractor {
    /// Takes the payment at a place out again. Whether it was there: one that came too late was not,
    /// nor is one that left the window. Inline only. Takes a place in the order itself.
    ///
    /// Costs about what a late payment costs, and the payments of its pair within the memories of
    /// blocks with `fresh`.
    ///
    /// # Panics
    /// If there is a horizon: then others may have been told of it that still wait.
    pub fn withdraw(&mut self, place: Place, input: &Input) -> bool {
        assert!(self.unsettled() == 0, "what was remembered is settled before");
        assert!(self.state.plan.horizon == Span::ZERO, "with a horizon nothing is taken out");
        self.skip_place();
        let oldest = self.to_come();
        let payment = Pending { key: Key { time: input.time, place }, input: *input };
        self.state.withdraw(payment.entry(), oldest)
    }
}

impl State {
    fn withdraw(&mut self, entry: Entry, oldest: Timestamp) -> bool {
        let Entry { debtor, creditor, key, minor } = entry;
        let here = View { after: before(key), until: key };
        if self.graph.edges(0, (debtor, Way::Out), here).is_empty() {
            return false;
        }
        self.side(debtor).withdraw(key, (debtor, Way::Out));
        self.side(creditor).withdraw(key, (creditor, Way::In));
        if !self.plan.fresh.is_empty() && debtor != creditor {
            self.settle_pair(entry, oldest);
        }
        let closing = Pending {
            key,
            input: Input {
                time: key.time,
                debtor,
                creditor,
                minor,
                currency: shroff_types::Currency::NONE,
                method: None,
            },
        }
        .closing();
        let State { graph, depths, .. } = self;
        for depths in depths {
            depths.withdraw(graph, Link { closing, minor }, oldest);
        }
        true
    }

    fn side(&mut self, account: AccountId) -> Side<'_> {
        let at = shard_of(account);
        let State { plan, graph, keepers, .. } = self;
        Side { plan, shard: &mut graph.shards_mut()[at], keeper: &mut keepers[at] }
    }

    /// What is left of a pair: which of its payments are the first in a while now.
    fn settle_pair(&mut self, gone: Entry, oldest: Timestamp) {
        let State { plan, graph, pairs, .. } = self;
        let first = 1 + plan.filters.len();
        let memories = plan.fresh.clone();
        let longest = plan.longest_memory();
        let line = (gone.debtor, Way::Out);
        // Those that may have been no first ones because of it, and those that decide it.
        let time = gone.key.time;
        let around = View::since(time.before(longest), Key::end_of(time.after(longest)));
        let edges = graph.edges(0, line, around);
        let pair: Vec<Entry> = edges
            .iter()
            .filter(|edge| edge.other == gone.creditor)
            .map(|edge| Entry { minor: edges.minor(edge), key: edge.key(), ..gone })
            .collect();
        // What lies further back is nobody's last.
        pairs.withdraw(gone, pair.last().map(|entry| entry.key.time));
        for (number, memory) in memories.into_iter().enumerate() {
            let layer = first + number;
            let floor = oldest.before(self.plan.reach[layer]);
            for entry in first_of_pair(&pair, memory) {
                let Entry { debtor, creditor, key, .. } = entry;
                let here = View { after: before(key), until: key };
                let may_change = key > gone.key && key.place > gone.key.place;
                let is_in = !self.graph.edges(layer, (debtor, Way::Out), here).is_empty();
                if key.time > floor && may_change && key.time < time.after(memory) && !is_in {
                    self.side(debtor).enter_layer(layer, entry, Way::Out);
                    self.side(creditor).enter_layer(layer, entry, Way::In);
                }
            }
        }
    }
}

/// The payments of a pair, in order, that came when no other of it had come within `memory` before.
fn first_of_pair(pair: &[Entry], memory: Span) -> Vec<Entry> {
    // The payments within the memory that arrived first, from the oldest on, ascending by arrival.
    let mut arrived: VecDeque<Key> = VecDeque::new();
    let mut firsts = Vec::new();
    for entry in pair {
        let since = entry.key.time.before(memory);
        while arrived.front().is_some_and(|key| key.time <= since) {
            arrived.pop_front();
        }
        if arrived.front().is_none_or(|key| key.place > entry.key.place) {
            firsts.push(*entry);
        }
        while arrived.back().is_some_and(|key| key.place > entry.key.place) {
            arrived.pop_back();
        }
        arrived.push_back(entry.key);
    }
    firsts
}

/// The place in the order right before one.
fn before(key: Key) -> Key {
    match key.place.0.checked_sub(1) {
        Some(place) => Key { place: Place(place), ..key },
        None => Key::end_of(Timestamp(key.time.0.saturating_sub(1))),
    }
}
