//! Chains: runs of accounts that each pass on most of what they got, soon after they got it.
//!
//! The longest run that ends at a payment is one longer than the longest that ends at a payment
//! it can have come from, so a number kept for each payment is all that it takes. A run of at
//! most `deepest` payments spans less than `deepest` windows, so no number kept from before can
//! be of a payment that is out of sight.

use std::collections::VecDeque;

use shroff_types::{Place, Span, Timestamp};

use crate::graph::{Graph, View};
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
    keep: Span,
}

impl Depths {
    /// No depths yet; keeps those of payments up to `keep` before the newest.
    pub fn new(keep: Span) -> Depths {
        Depths { by_place: VecDeque::new(), times: VecDeque::new(), first: 0, keep }
    }

    /// The depth of the newest payment, which is in the graph already; kept for those after it.
    /// Payments come here in order of place. Costs the payments that reached its debtor in the
    /// window.
    pub fn insert(
        &mut self,
        graph: &Graph,
        payment: Closing,
        minor: i128,
        rule: ChainRule,
    ) -> (u32, Bound) {
        let place = payment.key.place.0;
        if self.by_place.is_empty() {
            self.first = place;
        }
        let (depth, bound) = if payment.debtor == payment.creditor {
            (0, Bound::Exact)
        } else {
            self.depth(graph, payment, minor, rule)
        };
        self.by_place.push_back(depth << 1 | u32::from(bound == Bound::Saturated));
        self.times.push_back(payment.key.time);
        let oldest = payment.key.time.before(self.keep);
        while self.times.front().is_some_and(|&time| time <= oldest) {
            self.times.pop_front();
            self.by_place.pop_front();
            self.first += 1;
        }
        (depth, bound)
    }

    fn depth(&self, graph: &Graph, payment: Closing, minor: i128, rule: ChainRule) -> (u32, Bound) {
        let before = source_view(payment, rule.window);
        let edges = graph.into(payment.debtor, before);
        let mut budget = Budget::new(rule.budget);
        let (mut best, mut bound) = (0, Bound::Exact);
        for edge in edges.iter().rev() {
            if !budget.take(1) {
                bound = Bound::Saturated;
                break;
            }
            if edge.key() >= payment.key
                || edge.other == payment.creditor
                || edge.other == payment.debtor
            {
                continue;
            }
            if passes_on(graph.minor(edge), minor, rule.retention_permille) {
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

    fn get(&self, place: Place) -> (u32, Bound) {
        let kept = self.by_place[(place.0 - self.first) as usize];
        (kept >> 1, if kept & 1 == 1 { Bound::Saturated } else { Bound::Exact })
    }

    /// The payments of one longest run that ends at `payment`, ascending. Costs the lines into
    /// its accounts.
    pub fn payments_of(
        &self,
        graph: &Graph,
        payment: Closing,
        minor: i128,
        rule: ChainRule,
    ) -> Vec<Place> {
        let mut wanted = self.get(payment.key.place).0;
        // A self-payment ends no run, not even its own.
        if wanted == 0 {
            return Vec::new();
        }
        let mut places = vec![payment.key.place];
        let (mut at, mut minor) = (payment, minor);
        while wanted > 1 {
            let edges = graph.into(at.debtor, source_view(at, rule.window)).iter().rev();
            let before = edges.filter(|e| {
                e.key() < at.key
                    && e.other != at.creditor
                    && e.other != at.debtor
                    && passes_on(graph.minor(e), minor, rule.retention_permille)
            });
            // A capped run may go on at the cap, so the step before is the deepest there is.
            let Some(edge) = before.max_by_key(|e| (self.get(e.place).0, e.key())) else { break };
            places.push(edge.place);
            minor = graph.minor(edge);
            at = Closing { debtor: edge.other, creditor: at.debtor, key: edge.key() };
            wanted -= 1;
        }
        places.reverse();
        places
    }
}

/// What may have come before a payment: strictly less than a window earlier.
fn source_view(payment: Closing, window: Span) -> View {
    View { since: payment.key.time.before(window), until: payment.key }
}

fn passes_on(got: i128, paid: i128, retention_permille: u32) -> bool {
    paid <= got && paid * 1_000 >= got * i128::from(retention_permille)
}
