//! One account's payments in one direction, in order, as one slice.

use shroff_types::{AccountId, Place, Timestamp};

/// Where a payment stands in the total order: by time, then by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// When.
    pub time: Timestamp,
    /// Which of the payments of that instant, by arrival.
    pub place: Place,
}

/// One payment as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// When.
    pub time: Timestamp,
    /// The amount in minor units of the base currency, or [`Edge::WIDE`] where it needs over 63
    /// bits: read it through [`crate::Graph::minor`].
    pub minor: i64,
    /// The account at the other end.
    pub other: AccountId,
    /// The payment's place.
    pub place: Place,
}

// Every payment in the window has two: at 2 M payments a day and 30 days that is 2.9 GB.
const _: () = assert!(size_of::<Edge>() == 24);

impl Edge {
    /// The mark of an amount that is kept elsewhere.
    pub const WIDE: i64 = i64::MIN;

    /// Its place in the order.
    #[inline]
    pub fn key(&self) -> Key {
        Key { time: self.time, place: self.place }
    }
}

/// Payments of one account in one direction, ascending in order, as one contiguous slice: old
/// ones leave at the front by moving `start`, and the vector closes the gap now and then.
#[derive(Debug, Default, Clone)]
pub struct Line {
    edges: Vec<Edge>,
    start: u32,
    /// How many payments lay before the first of `edges`, ever.
    drained: u64,
}

impl Line {
    /// All payments held, oldest first.
    #[inline]
    pub fn all(&self) -> &[Edge] {
        &self.edges[self.start as usize..]
    }

    /// All payments whose bytes are still there, expired ones too, and the position of the first
    /// among all that the line ever held. Positions hold as long as payments come in order.
    #[inline]
    pub fn held(&self) -> (&[Edge], u64) {
        (&self.edges, self.drained)
    }

    /// Puts a payment at its place: at the end, unless it comes late.
    pub(crate) fn insert(&mut self, edge: Edge) {
        match self.edges.last() {
            Some(last) if last.key() > edge.key() => {
                let at = self.all().partition_point(|e| e.key() < edge.key());
                self.edges.insert(self.start as usize + at, edge);
            }
            Some(_) | None => self.edges.push(edge),
        }
    }

    /// Lets go of the payments at or before `time`; amortised, a move for each payment that left.
    pub(crate) fn expire(&mut self, time: Timestamp) {
        let gone = self.all().iter().take_while(|e| e.time <= time).count();
        let start = self.start as usize + gone;
        if start == self.edges.len() {
            self.drained += start as u64;
            self.edges = Vec::new();
            self.start = 0;
            return;
        }
        if start > self.edges.len() / 2 {
            self.drained += start as u64;
            self.edges.drain(..start);
            self.start = 0;
            if self.edges.capacity() > 4 * self.edges.len() {
                self.edges.shrink_to(2 * self.edges.len());
            }
            return;
        }
        // A line that outgrows 32 bits would need 100 GB before it got here.
        self.start = u32::try_from(start).expect("fewer than 2^32 payments a line");
    }

    /// Bytes held, room for growth included.
    pub(crate) fn bytes(&self) -> usize {
        self.edges.capacity() * size_of::<Edge>()
    }
}
