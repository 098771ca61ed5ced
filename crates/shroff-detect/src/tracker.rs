//! Running totals of a hub's line, so that no payment costs a walk along it.
//!
//! An ordinary account's line is a cache line or two, and walking it is the fastest there is. A
//! hub's is not: for the few lines longer than [`HUB`], the sums and the counterparties of the
//! window are kept and moved along as it slides, a step for each payment that enters or leaves.
//! What they say is what a walk would say, to the bit, because both are exact.

use shroff_graph::{Edge, Graph};
use shroff_types::{AccountId, Map, Timestamp};

/// Lines up to this long are walked. No value depends on it; builds with assertions make it small,
/// so that the tests' small ledgers have hubs.
pub(crate) const HUB: usize = if cfg!(debug_assertions) { 4 } else { 64 };

/// The line of a hub that a tracker follows.
pub(crate) type Followed = (AccountId, bool);

/// The trackers of a block.
#[derive(Debug, Default)]
pub(crate) struct Trackers {
    by_line: Map<Followed, Tracker>,
}

/// What slides: a recent window, and a longer memory of which it is the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Payments at or before this are no longer recent.
    pub(crate) recent: Timestamp,
    /// Payments at or before this are forgotten; not later than `recent`.
    pub(crate) memory: Timestamp,
    /// Whether counterparties are told apart: what takes memory. Always the same for one block.
    pub(crate) fans: bool,
}

/// Totals of one line over a window and the memory before it.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// Positions on the line: the memory is from `oldest` on, the window from `recent` to `end`.
    oldest: u64,
    recent: u64,
    end: u64,
    /// For each counterparty, its payments in the window and in the memory before it.
    seen: Map<AccountId, [u32; 2]>,
    /// Distinct counterparties in the window, the account itself left out.
    pub(crate) fan: u64,
    /// Those of them that are none of the memory before.
    pub(crate) new_fan: u64,
    /// The sum of the window.
    pub(crate) sum: i128,
    /// The same without payments to oneself.
    pub(crate) sum_of_others: i128,
    touched: Timestamp,
}

impl Trackers {
    /// The totals of a line as of now: all that is in the graph has come.
    pub(crate) fn follow(&mut self, graph: &Graph, line: Followed, reach: Reach) -> &Tracker {
        let tracker = self.by_line.entry(line).or_default();
        tracker.slide(graph, line, reach);
        tracker
    }

    /// Forgets the trackers of lines that nobody asked about since `time`.
    pub(crate) fn forget_before(&mut self, time: Timestamp) {
        self.by_line.retain(|_, tracker| tracker.touched > time);
    }
}

impl Tracker {
    fn slide(&mut self, graph: &Graph, (account, out): Followed, reach: Reach) {
        let (edges, first) = graph.line(account, out).expect("a hub has a line").held();
        let at = |position: u64| usize::try_from(position - first).expect("fits memory");
        // What has left the line before it left here cannot be taken back: count anew. The line
        // lets go of at least as many payments at a time as it keeps, so this pays for itself.
        if self.oldest < first {
            let start = first + edges.partition_point(|e| e.time <= reach.memory) as u64;
            *self = Tracker { oldest: start, recent: start, end: start, ..Tracker::default() };
        }
        for edge in &edges[at(self.end)..] {
            self.enter(graph, account, edge, reach.fans);
        }
        self.end = first + edges.len() as u64;
        while self.recent < self.end && edges[at(self.recent)].time <= reach.recent {
            self.age(graph, account, &edges[at(self.recent)], reach.fans);
            self.recent += 1;
        }
        while self.oldest < self.recent && edges[at(self.oldest)].time <= reach.memory {
            if reach.fans {
                self.leave(account, &edges[at(self.oldest)]);
            }
            self.oldest += 1;
        }
        self.touched = reach.recent;
    }

    /// A payment comes into the window.
    fn enter(&mut self, graph: &Graph, account: AccountId, edge: &Edge, fans: bool) {
        let minor = graph.minor(edge);
        self.sum += minor;
        if edge.other == account {
            return;
        }
        self.sum_of_others += minor;
        if !fans {
            return;
        }
        let [now, before] = self.seen.entry(edge.other).or_default();
        *now += 1;
        if *now == 1 {
            self.fan += 1;
            self.new_fan += u64::from(*before == 0);
        }
    }

    /// A payment leaves the window for the memory before it.
    fn age(&mut self, graph: &Graph, account: AccountId, edge: &Edge, fans: bool) {
        let minor = graph.minor(edge);
        self.sum -= minor;
        if edge.other == account {
            return;
        }
        self.sum_of_others -= minor;
        if !fans {
            return;
        }
        let counts = self.seen.get_mut(&edge.other).expect("what ages has entered");
        let [now, before] = counts;
        self.new_fan -= u64::from(*before == 0);
        *before += 1;
        *now -= 1;
        self.fan -= u64::from(*now == 0);
    }

    /// A payment is forgotten.
    fn leave(&mut self, account: AccountId, edge: &Edge) {
        if edge.other == account {
            return;
        }
        let counts = self.seen.get_mut(&edge.other).expect("what leaves has entered");
        let [now, before] = counts;
        *before -= 1;
        if *before == 0 {
            self.new_fan += u64::from(*now > 0);
            if *now == 0 {
                self.seen.remove(&edge.other);
            }
        }
    }
}
