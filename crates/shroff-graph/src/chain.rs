//! Chains: runs of accounts that each pass on most of what they got, soon after they got it.
//!
//! The longest run that ends at a payment is one longer than the longest that ends at a payment
//! it can have come from, so a number kept for each payment is all that it takes. A run of at
//! most `deepest` payments spans less than `deepest` windows, so no number kept from before can
//! be of a payment that is out of sight.
//!
//! Where few payments reached the debtor, they are walked. A hub's are kept by depth and amount
//! beside the graph, so that what it passes on costs a look at each depth and no walk. Either way
//! the depth is exact, and there is no budget.

use std::collections::{BTreeMap, VecDeque};

use shroff_types::{AccountId, Map, Place, Span, Timestamp};

use crate::arrivals::{Arrival, Arrivals};
use crate::graph::Graph;
use crate::line::{Edges, Key, View};
use crate::paths::Closing;

/// When one payment passes on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainRule {
    /// An account passes money on in less than this.
    pub window: Span,
    /// It passes on at least this share, and no more than all.
    pub retention_permille: u32,
    /// The longest run told apart: 1 or more payments.
    pub deepest: u32,
}

/// The depth of every payment kept: 12 bytes a payment, and about 120 more for each that reached a
/// hub in the window.
#[derive(Debug, Clone)]
pub struct Depths {
    /// From the place `first` on.
    by_place: VecDeque<u32>,
    times: VecDeque<Timestamp>,
    first: u32,
    rule: ChainRule,
    /// What reached the accounts that more payments than [`MANY`] reach in the window.
    hubs: Map<AccountId, Arrivals>,
    /// Each of them, the next to look at for payments that left first.
    in_turn: VecDeque<AccountId>,
    /// The earliest time of whatever asks or may still ask.
    oldest: Timestamp,
    /// The latest time that asked a hub.
    newest: Timestamp,
}

/// Up to this many payments into an account are walked. No depth depends on it; builds with
/// assertions make it small, so that the tests' small ledgers have hubs.
const MANY: usize = if cfg!(debug_assertions) { 3 } else { 128 };

/// A place whose payment is still to come must not be forgotten before.
const TO_COME: Timestamp = Timestamp(i64::MAX);

/// A payment as a chain sees it.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Its accounts and its place in the order.
    pub closing: Closing,
    /// Its amount in minor units.
    pub minor: i128,
}

impl Link {
    fn arrival(&self, depth: u32) -> Arrival {
        let Closing { debtor, key, .. } = self.closing;
        Arrival { key, minor: self.minor, other: debtor, depth }
    }
}

/// What a payment may pass on, of what reached its debtor.
#[derive(Debug)]
pub(crate) struct Sources {
    closing: Closing,
    pub(crate) view: View,
    /// Amounts of which it is at least the share, and no more than all.
    pub(crate) least: i128,
    pub(crate) most: i128,
}

/// What may have come before a payment: strictly less than a window earlier.
fn source_view(payment: Closing, window: Span) -> View {
    View::since(payment.key.time.before(window), payment.key)
}

impl Sources {
    fn of(Link { closing, minor }: Link, rule: ChainRule) -> Sources {
        let view = source_view(closing, rule.window);
        // Amounts are below 2^90.
        let most = match i128::from(rule.retention_permille) {
            0 => i128::MAX,
            retention => minor * 1_000 / retention,
        };
        Sources { closing, view, least: minor, most }
    }

    /// Whether a payment in the view is one of them.
    pub(crate) fn may_be(&self, (key, from): (Key, AccountId), minor: i128) -> bool {
        let Closing { debtor, creditor, key: paid_at } = self.closing;
        let is_near = self.least <= minor && minor <= self.most;
        is_near && key < paid_at && from != creditor && from != debtor
    }
}

impl Depths {
    /// No depths yet.
    pub fn new(rule: ChainRule) -> Depths {
        Depths {
            by_place: VecDeque::new(),
            times: VecDeque::new(),
            first: 0,
            rule,
            hubs: Map::default(),
            in_turn: VecDeque::new(),
            oldest: Timestamp(i64::MIN),
            newest: Timestamp(i64::MIN),
        }
    }

    /// The depth of a payment that came just now and is in the graph already; kept for those after
    /// it, of which none may be in the graph yet but where `late` says so. Costs the payments that
    /// reached its debtor in the window, up to some; for one that comes late, the runs that go on
    /// from it too.
    pub fn insert(&mut self, graph: &Graph, link: Link, late: bool) -> u32 {
        let depth = self.depth(graph, link);
        let Closing { creditor, key, .. } = link.closing;
        self.put(key, depth);
        if depth > 0
            && let Some(hub) = self.hubs.get_mut(&creditor)
        {
            hub.insert(link.arrival(depth));
        }
        if late {
            self.raise(graph, link);
        }
        depth
    }

    /// As [`Depths::insert`], of a payment that may be out of sight of all at `oldest` or later: then
    /// it has no depth.
    pub fn remember(&mut self, graph: &Graph, link: Link, late: bool, oldest: Timestamp) {
        self.oldest = self.oldest.max(oldest);
        if self.floor(oldest) < link.closing.key.time {
            self.insert(graph, link, late);
        } else if !self.by_place.is_empty() {
            self.skip(link.closing.key);
        }
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

    fn put(&mut self, key: Key, depth: u32) {
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
        self.by_place[at] = depth;
        self.times[at] = key.time;
    }

    /// Another depth of a payment that has one.
    fn put_anew(&mut self, link: Link, depth: u32) {
        let Closing { creditor, key, .. } = link.closing;
        self.put(key, depth);
        if let Some(hub) = self.hubs.get_mut(&creditor) {
            hub.remove(key);
            hub.insert(link.arrival(depth));
        }
    }

    /// Forgets what no payment at `oldest` or later can tell.
    pub fn forget(&mut self, oldest: Timestamp) {
        self.oldest = self.oldest.max(oldest);
        let floor = self.floor(oldest);
        while self.times.front().is_some_and(|&time| time <= floor) {
            self.times.pop_front();
            self.by_place.pop_front();
            self.first += 1;
        }
        let floor_of_hubs = self.floor_of_hubs();
        // So that hubs that nobody asks again are let go too.
        if let Some(account) = self.in_turn.pop_front() {
            let hub = self.hubs.get_mut(&account).expect("who is in turn is a hub");
            hub.expire(floor_of_hubs);
            if hub.len() > MANY / 2 {
                self.in_turn.push_back(account);
            } else {
                self.hubs.remove(&account);
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        // Hubs in turn, and not in the order of the table.
        let hubs = self.in_turn.iter().filter_map(|account| self.hubs.get(account));
        self.by_place.capacity() * size_of::<u32>()
            + self.times.capacity() * size_of::<Timestamp>()
            + hubs.map(Arrivals::bytes).sum::<usize>()
    }

    fn depth(&mut self, graph: &Graph, link: Link) -> u32 {
        let Closing { debtor, creditor, key } = link.closing;
        // A self-payment ends no run, not even its own.
        if debtor == creditor {
            return 0;
        }
        let edges = graph.into(debtor, source_view(link.closing, self.rule.window));
        if edges.is_empty() {
            return 1;
        }
        let sources = Sources::of(link, self.rule);
        if edges.len() <= MANY {
            return self.walk(&sources, edges, self.rule.deepest);
        }
        self.newest = self.newest.max(key.time);
        let floor = self.floor_of_hubs();
        if !self.hubs.contains_key(&debtor) {
            let hub = self.arrivals(graph, debtor, floor);
            self.hubs.insert(debtor, hub);
            self.in_turn.push_back(debtor);
        }
        let hub = self.hubs.get_mut(&debtor).expect("it was put there");
        hub.expire(floor);
        match hub.deepest(&sources) {
            Some(before) => (before + 1).min(self.rule.deepest),
            None => self.walk(&sources, edges, self.rule.deepest),
        }
    }

    /// Payments into a hub at or before this are let go. What is shown again after a start comes
    /// before whatever will ask; of that, one that came late may look further back, and walks.
    fn floor_of_hubs(&self) -> Timestamp {
        self.oldest.min(self.newest).before(self.rule.window)
    }

    /// What reached an account after a time, of what has a depth already.
    fn arrivals(&self, graph: &Graph, account: AccountId, since: Timestamp) -> Arrivals {
        let all = View::since(since, Key::end_of(TO_COME));
        let edges = graph.into(account, all);
        let mut arrivals = Arrivals::since(since);
        for edge in edges.iter() {
            let depth = self.get(edge.place);
            if depth > 0 {
                let (key, other) = (edge.key(), edge.other);
                arrivals.insert(Arrival { key, minor: edges.minor(edge), other, depth });
            }
        }
        arrivals
    }

    /// The depth of a payment by what may have come before it; looks for no more than `enough`.
    fn walk(&self, sources: &Sources, edges: Edges<'_>, enough: u32) -> u32 {
        let mut depth = 1;
        for edge in edges.iter().rev() {
            if depth >= enough {
                break;
            }
            let before = self.get(edge.place) + 1;
            if before > depth && sources.may_be((edge.key(), edge.other), edges.minor(edge)) {
                depth = before;
            }
        }
        depth.min(self.rule.deepest)
    }

    /// Makes the runs longer that a payment is part of that came late, in their order.
    fn raise(&mut self, graph: &Graph, from: Link) {
        let deepest = self.rule.deepest;
        self.go_on_from(graph, from, Timestamp(i64::MIN), &|_, depth, _, kept| {
            kept.max(depth + 1).min(deepest)
        });
    }

    /// Makes the runs shorter that a payment was part of, which is in the graph no more, as far as
    /// a payment at `oldest` or later may tell.
    pub fn withdraw(&mut self, graph: &Graph, link: Link, oldest: Timestamp) {
        let Closing { creditor, key, .. } = link.closing;
        if let Some(hub) = self.hubs.get_mut(&creditor) {
            hub.remove(key);
        }
        let floor = self.floor(oldest);
        self.go_on_from(graph, link, floor, &|depths, _, next, kept| {
            let sources = Sources::of(next, depths.rule);
            let View { after, until } = sources.view;
            let view = View { after: after.max(Key::end_of(floor)), until };
            // It is no longer than it was.
            depths.walk(&sources, graph.into(next.closing.debtor, view), kept)
        });
    }

    /// Computes the runs anew that a payment is or was part of, in their order: by the depth of one
    /// payment, one that may have come from it, and the depth of that as it is kept.
    fn go_on_from(
        &mut self,
        graph: &Graph,
        from: Link,
        floor: Timestamp,
        anew: &dyn Fn(&Depths, u32, Link, u32) -> u32,
    ) {
        let mut changed = BTreeMap::from([(from.closing.key, from)]);
        while let Some((key, link)) = changed.pop_first() {
            let Closing { debtor, creditor: account, .. } = link.closing;
            let depth = self.get(key.place);
            let last = key.time.after(self.rule.window);
            let edges = graph.out(account, View { after: key, until: Key::end_of(last) });
            for edge in edges.iter().filter(|edge| floor < edge.time && edge.time < last) {
                let closing = Closing { debtor: account, creditor: edge.other, key: edge.key() };
                let next = Link { closing, minor: edges.minor(edge) };
                let sources = Sources::of(next, self.rule);
                if edge.other == account || !sources.may_be((key, debtor), link.minor) {
                    continue;
                }
                let kept = self.get(edge.place);
                let depth = anew(self, depth, next, kept);
                if depth != kept {
                    self.put_anew(next, depth);
                    changed.insert(edge.key(), next);
                }
            }
        }
    }

    /// The depth of a payment that was inserted; none of one that is forgotten.
    pub fn get(&self, place: Place) -> u32 {
        let at = place.0.checked_sub(self.first);
        at.and_then(|at| self.by_place.get(at as usize)).map_or(0, |kept| *kept)
    }

    /// The payments of one longest run that ends at a payment, ascending. Costs the lines into its
    /// accounts, or what of a hub's lies within the same amounts.
    pub fn payments_of(&self, graph: &Graph, link: Link) -> Vec<Key> {
        let mut wanted = self.get(link.closing.key.place);
        // A self-payment ends no run, not even its own.
        if wanted == 0 {
            return Vec::new();
        }
        let mut keys = vec![link.closing.key];
        let mut at = link;
        while wanted > 1 {
            let account = at.closing.debtor;
            let sources = Sources::of(at, self.rule);
            let known = self.hubs.get(&account).and_then(|hub| hub.latest_of_deepest(&sources));
            // A capped run may go on at the cap, so the step before is the deepest there is.
            let Some(before) =
                known.or_else(|| self.deepest_of(graph.into(account, sources.view), &sources))
            else {
                break;
            };
            keys.push(before.key);
            let closing = Closing { debtor: before.other, creditor: account, key: before.key };
            at = Link { closing, minor: before.minor };
            wanted -= 1;
        }
        keys.sort_unstable();
        keys
    }

    /// The last of the deepest that a payment may have come from.
    fn deepest_of(&self, edges: Edges<'_>, sources: &Sources) -> Option<Arrival> {
        let all = edges.iter().map(|edge| {
            let (key, other, depth) = (edge.key(), edge.other, self.get(edge.place));
            Arrival { key, minor: edges.minor(edge), other, depth }
        });
        all.filter(|it| sources.may_be((it.key, it.other), it.minor))
            .max_by_key(|it| (it.depth, it.key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::Entry;

    fn rule() -> ChainRule {
        let window = Span::from_micros(12_000_000).expect("a span");
        ChainRule { window, retention_permille: 900, deepest: 5 }
    }

    /// The depth by its definition.
    fn defined(links: &[(Link, u32)], link: Link) -> u32 {
        let Closing { debtor, creditor, key } = link.closing;
        if debtor == creditor {
            return 0;
        }
        let rule = rule();
        let before = links.iter().filter(|(it, _)| {
            let Closing { debtor: from, creditor: at, key: came } = it.closing;
            at == debtor
                && from != creditor
                && from != at
                && key.time.micros_since(came.time) < rule.window.micros()
                && link.minor <= it.minor
                && link.minor * 1_000 >= it.minor * i128::from(rule.retention_permille)
        });
        let before = before.map(|(_, depth)| *depth).max().unwrap_or(0);
        (before + 1).min(rule.deepest)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn what_a_hub_passes_on_is_found_as_by_a_walk(
            steps in prop::collection::vec((0_i64..3, 0_u32..8, 0_u32..8, 96_i128..=104), 1..120),
        ) {
            let mut graph = Graph::new(1);
            let mut depths = Depths::new(rule());
            let mut links: Vec<(Link, u32)> = Vec::new();
            let mut second = 0;
            for (place, (step, debtor, creditor, minor)) in (0..).zip(steps) {
                second += step;
                // Half of all ends are the hub's.
                let [debtor, creditor] = [debtor, creditor].map(|it| AccountId(it.saturating_sub(3)));
                let key = Key { time: Timestamp(second * 1_000_000), place: Place(place) };
                let link = Link { closing: Closing { debtor, creditor, key }, minor };
                graph.insert(0, Entry { debtor, creditor, minor, key });
                let depth = depths.insert(&graph, link, false);
                prop_assert_eq!(depth, defined(&links, link));
                links.push((link, depth));
                let mut walking = depths.clone();
                walking.hubs.clear();
                let run = depths.payments_of(&graph, link);
                prop_assert_eq!(run.len(), depth as usize);
                prop_assert_eq!(run, walking.payments_of(&graph, link));
                if place % 7 == 0 {
                    depths.forget(key.time);
                }
            }
        }
    }
}
