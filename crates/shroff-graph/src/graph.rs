//! The graph itself: lines of payments by account, and the views that a question has of them.

use shroff_types::{AccountId, Map, Place, Span, Timestamp};

use crate::line::{Edge, Key, Line};

#[derive(Debug, Default, Clone)]
struct Node {
    out: Line,
    into: Line,
}

/// Payments of a sliding window, by account and direction.
///
/// Costs 48 bytes a payment (and room for growth) and 80 an account.
#[derive(Debug, Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Amounts that 63 bits do not hold, such as of ether.
    wide: Map<Place, i128>,
    keep: Span,
    held: u64,
    since_sweep: usize,
}

/// What a question sees: the payments after `since` (which is open) and up to `until` (included).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Payments at or before this instant are out of sight.
    pub since: Timestamp,
    /// Payments after this place in the order are out of sight.
    pub until: Key,
}

impl View {
    /// The part of a line that is in sight.
    #[inline]
    pub fn of<'a>(&self, line: &'a Line) -> &'a [Edge] {
        self.slice(line.all())
    }

    /// The part of a run of edges, ascending in order, that is in sight.
    #[inline]
    pub(crate) fn slice<'a>(&self, edges: &'a [Edge]) -> &'a [Edge] {
        // As a rule the line ends at the asking payment, or a few after it.
        let mut end = edges.len();
        let mut step = 1;
        while end > 0 && edges[end - 1].key() > self.until {
            if step > 8 {
                end = edges[..end].partition_point(|e| e.key() <= self.until);
                break;
            }
            end -= 1;
            step += 1;
        }
        let seen = &edges[..end];
        match seen.first() {
            Some(first) if first.time <= self.since => {
                &seen[seen.partition_point(|e| e.time <= self.since)..]
            }
            Some(_) | None => seen,
        }
    }
}

impl Graph {
    /// An empty graph that keeps payments for `keep` before the newest one.
    pub fn new(keep: Span) -> Graph {
        Graph { nodes: Vec::new(), wide: Map::default(), keep, held: 0, since_sweep: 0 }
    }

    /// Takes a payment in: `minor` is its amount in minor units, `key` its place in the order.
    pub fn insert(&mut self, debtor: AccountId, creditor: AccountId, minor: i128, key: Key) {
        let most = debtor.0.max(creditor.0) as usize;
        if self.nodes.len() <= most {
            self.nodes.resize_with(most + 1, Node::default);
        }
        let narrow = i64::try_from(minor).ok().filter(|&narrow| narrow != Edge::WIDE);
        if narrow.is_none() {
            self.wide.insert(key.place, minor);
        }
        let Key { time, place } = key;
        let edge = |other| Edge { time, minor: narrow.unwrap_or(Edge::WIDE), other, place };
        let oldest = time.before(self.keep);
        let out = &mut self.nodes[debtor.0 as usize].out;
        out.expire(oldest);
        out.insert(edge(creditor));
        let into = &mut self.nodes[creditor.0 as usize].into;
        into.expire(oldest);
        into.insert(edge(debtor));
        self.held += 1;
        self.since_sweep += 1;
        // Accounts that nobody touches again are let go here, at a cost of a step a payment.
        if self.since_sweep > self.nodes.len().max(4_096) {
            self.sweep(oldest);
        }
    }

    fn sweep(&mut self, oldest: Timestamp) {
        let mut held = 0;
        for node in &mut self.nodes {
            node.out.expire(oldest);
            node.into.expire(oldest);
            held += node.out.all().len() as u64;
        }
        if !self.wide.is_empty() {
            let Graph { nodes, wide, .. } = self;
            let alive: shroff_types::Set<Place> = nodes
                .iter()
                // Also of payments that expired and whose bytes a tracker may still read.
                .flat_map(|node| node.out.held().0.iter().chain(node.into.held().0))
                .filter(|e| e.minor == Edge::WIDE)
                .map(|e| e.place)
                .collect();
            wide.retain(|place, _| alive.contains(place));
        }
        self.held = held;
        self.since_sweep = 0;
    }

    /// The payments that left an account, of those that a view sees.
    #[inline]
    pub fn out(&self, account: AccountId, view: View) -> &[Edge] {
        self.nodes.get(account.0 as usize).map_or(&[], |node| view.of(&node.out))
    }

    /// The payments that reached an account, of those that a view sees.
    #[inline]
    pub fn into(&self, account: AccountId, view: View) -> &[Edge] {
        self.nodes.get(account.0 as usize).map_or(&[], |node| view.of(&node.into))
    }

    /// The line of an account, of payments out of it or into it.
    #[inline]
    pub fn line(&self, account: AccountId, out: bool) -> Option<&Line> {
        let node = self.nodes.get(account.0 as usize)?;
        Some(if out { &node.out } else { &node.into })
    }

    /// An edge's amount in minor units.
    #[inline]
    pub fn minor(&self, edge: &Edge) -> i128 {
        if edge.minor != Edge::WIDE {
            return i128::from(edge.minor);
        }
        *self.wide.get(&edge.place).expect("a wide amount is kept as long as its payment")
    }

    /// Bytes that the payments and accounts take.
    pub fn bytes(&self) -> usize {
        let lines: usize = self.nodes.iter().map(|n| n.out.bytes() + n.into.bytes()).sum();
        lines + self.nodes.capacity() * size_of::<Node>() + self.wide.len() * 48
    }

    /// About how many payments are held: exact after each sweep, too many by those that left since.
    pub fn payments(&self) -> u64 {
        self.held
    }
}
