//! Chains: runs of accounts that each pass on most of what they got, soon after they got it.
//!
//! The longest run that ends at a payment is one longer than the longest that ends at a payment
//! it can have come from, so a number kept for each payment is all that it takes. A run of at
//! most `deepest` payments spans less than `deepest` windows, so no number kept from before can
//! be of a payment that is out of sight.

use std::collections::{BTreeMap, VecDeque};

use shroff_types::{Place, Span, Timestamp};

use crate::graph::Graph;
use crate::line::{Key, View};
use crate::paths::Closing;
use crate::{Bound, Budget};

/// When one payment passes on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainRule {
    /// An account passes money on in less than this.
    pub window: Span,
    /// It passes on at least this share, and no more than all.
    pub retention_permille: u32,
    /// The longest run told apart: 1 or more payments.
    pub deepest: u32,
    /// The most steps of one search.
    pub budget: u64,
}

/// The depth of every payment kept, and whether the search was complete. 12 bytes a payment.
#[derive(Debug, Clone)]
pub struct Depths {
    /// From the place `first` on: the depth, and the lowest bit set where it is a lower bound.
    by_place: VecDeque<u32>,
    times: VecDeque<Timestamp>,
    first: u32,
    rule: ChainRule,
}

/// A payment as a chain sees it.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Its accounts and its place in the order.
    pub closing: Closing,
    /// Its amount in minor units.
    pub minor: i128,
}

impl Depths {
    /// No depths yet.
    pub fn new(rule: ChainRule) -> Depths {
        Depths { by_place: VecDeque::new(), times: VecDeque::new(), first: 0, rule }
    }

    /// The depth of a payment that came just now and is in the graph already; kept for those after
    /// it, of which none may be in the graph yet but where `late` says so. Costs the payments that
    /// reached its debtor in the window; for one that comes late, the runs that go on from it too.
    pub fn insert(&mut self, graph: &Graph, link: Link, late: bool) -> (u32, Bound) {
        let (depth, bound) = self.depth(graph, link, Timestamp(i64::MIN));
        self.put(link.closing.key, pack(depth, bound));
        if late {
            self.go_on_from(graph, link, Timestamp(i64::MIN));
        }
        (depth, bound)
    }

    /// As [`Depths::insert`], of a payment that may be out of sight of all at `oldest` or later: then
    /// it has no depth.
    pub fn remember(&mut self, graph: &Graph, link: Link, late: bool, oldest: Timestamp) {
        if self.floor(oldest) < link.closing.key.time {
            self.insert(graph, link, late);
        } else if !self.by_place.is_empty() {
            self.skip(link.closing.key);
        }
    }

    /// Computes the runs anew that a payment was part of, which is in the graph no more, as far as
    /// a payment at `oldest` or later may tell.
    pub fn withdraw(&mut self, graph: &Graph, link: Link, oldest: Timestamp) {
        self.go_on_from(graph, link, self.floor(oldest));
    }

    /// Payments at or before this are out of sight of one at `oldest` or later.
    ///
    /// A run that goes on from just behind it may be found shorter than it is, and no such payment
    /// can tell: it is `deepest` windows further, so every run that joins the two is as long as runs
    /// are told apart either way.
    fn floor(&self, oldest: Timestamp) -> Timestamp {
        oldest.before(self.rule.window.times(self.rule.deepest))
    }

    /// A payment that was not taken in has a place all the same.
    pub fn skip(&mut self, key: Key) {
        self.put(key, 0);
    }

    fn put(&mut self, key: Key, packed: u32) {
        // A place whose payment is still to come must not be forgotten before.
        const TO_COME: Timestamp = Timestamp(i64::MAX);
        if self.by_place.is_empty() {
            self.first = key.place.0;
        }
        while key.place.0 < self.first {
            self.by_place.push_front(0);
            self.times.push_front(TO_COME);
            self.first -= 1;
        }
        let at = (key.place.0 - self.first) as usize;
        if at >= self.by_place.len() {
            self.by_place.resize(at + 1, 0);
            self.times.resize(at + 1, TO_COME);
        }
        self.by_place[at] = packed;
        self.times[at] = key.time;
    }

    /// Forgets what no payment at `oldest` or later can tell.
    pub fn forget(&mut self, oldest: Timestamp) {
        let floor = self.floor(oldest);
        while self.times.front().is_some_and(|&time| time <= floor) {
            self.times.pop_front();
            self.by_place.pop_front();
            self.first += 1;
        }
    }

    /// Computes the runs anew that a payment is or was part of, in their order.
    fn go_on_from(&mut self, graph: &Graph, from: Link, floor: Timestamp) {
        let mut changed = BTreeMap::from([(from.closing.key, from)]);
        while let Some((key, link)) = changed.pop_first() {
            let account = link.closing.creditor;
            let last = key.time.after(self.rule.window);
            let edges = graph.out(account, View { after: key, until: Key::end_of(last) });
            for edge in edges.iter().filter(|edge| floor < edge.time && edge.time < last) {
                let closing = Closing { debtor: account, creditor: edge.other, key: edge.key() };
                let next = Link { closing, minor: edges.minor(edge) };
                let (depth, bound) = self.depth(graph, next, floor);
                let kept = &mut self.by_place[(edge.place.0 - self.first) as usize];
                if *kept != pack(depth, bound) {
                    *kept = pack(depth, bound);
                    changed.insert(edge.key(), next);
                }
            }
        }
    }

    fn depth(&self, graph: &Graph, link: Link, floor: Timestamp) -> (u32, Bound) {
        let Link { closing, minor } = link;
        let rule = self.rule;
        // A self-payment ends no run, not even its own.
        if closing.debtor == closing.creditor {
            return (0, Bound::Exact);
        }
        let since = closing.key.time.before(rule.window).max(floor);
        let edges = graph.into(closing.debtor, View::since(since, closing.key));
        let mut budget = Budget::new(rule.budget);
        let (mut best, mut bound) = (0, Bound::Exact);
        for edge in edges.iter().rev() {
            if !budget.take(1) {
                bound = Bound::Saturated;
                break;
            }
            if edge.key() >= closing.key
                || edge.other == closing.creditor
                || edge.other == closing.debtor
            {
                continue;
            }
            if passes_on(edges.minor(edge), minor, rule.retention_permille) {
                let (depth, exact) = self.get(edge.place);
                best = best.max(depth);
                if exact == Bound::Saturated {
                    bound = Bound::Saturated;
                }
                // No run is told apart beyond the deepest, so nothing more can be found.
                if best >= rule.deepest {
                    return (rule.deepest, Bound::Exact);
                }
            }
        }
        ((best + 1).min(rule.deepest), bound)
    }

    /// The depth of a payment that was inserted; none of one that is forgotten.
    pub fn get(&self, place: Place) -> (u32, Bound) {
        let at = place.0.checked_sub(self.first);
        let kept = at.and_then(|at| self.by_place.get(at as usize)).map_or(0, |kept| *kept);
        (kept >> 1, if kept & 1 == 1 { Bound::Saturated } else { Bound::Exact })
    }

    /// The payments of one longest run that ends at a payment, ascending. Costs the lines into its
    /// accounts.
    pub fn payments_of(&self, graph: &Graph, link: Link) -> Vec<Key> {
        let rule = self.rule;
        let mut wanted = self.get(link.closing.key.place).0;
        // A self-payment ends no run, not even its own.
        if wanted == 0 {
            return Vec::new();
        }
        let mut keys = vec![link.closing.key];
        let Link { closing: mut at, mut minor } = link;
        while wanted > 1 {
            let edges = graph.into(at.debtor, source_view(at, rule.window));
            let before = edges.iter().rev().filter(|e| {
                e.key() < at.key
                    && e.other != at.creditor
                    && e.other != at.debtor
                    && passes_on(edges.minor(e), minor, rule.retention_permille)
            });
            // A capped run may go on at the cap, so the step before is the deepest there is.
            let Some(edge) = before.max_by_key(|e| (self.get(e.place).0, e.key())) else { break };
            keys.push(edge.key());
            minor = edges.minor(edge);
            at = Closing { debtor: edge.other, creditor: at.debtor, key: edge.key() };
            wanted -= 1;
        }
        keys.sort_unstable();
        keys
    }
}

fn pack(depth: u32, bound: Bound) -> u32 {
    depth << 1 | u32::from(bound == Bound::Saturated)
}

/// What may have come before a payment: strictly less than a window earlier.
fn source_view(payment: Closing, window: Span) -> View {
    View::since(payment.key.time.before(window), payment.key)
}

fn passes_on(got: i128, paid: i128, retention_permille: u32) -> bool {
    paid <= got && paid * 1_000 >= got * i128::from(retention_permille)
}
