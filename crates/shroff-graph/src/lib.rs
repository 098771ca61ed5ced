//! The windowed temporal multigraph: insert, expire, cycles, rings, scatter-gathers, chains.
//!
//! Accounts are vertices, payments are edges in the one total order (time, place). Every question
//! is asked *as of* a payment and of a window, so what was inserted later never changes an answer.
#![forbid(unsafe_code)]

mod arrivals;
mod chain;
mod graph;
mod line;
mod paths;
mod scatter_gather;
mod store;
mod table;

pub use chain::{ChainRule, Depths, Link};
pub use graph::{Account, Entry, Graph, SHARDS, Shard, Sheet, Way, shard_of};
pub use line::{Edge, Edges, Key, Near, View};
pub use paths::{Closing, Path, PathRule, Paths, payments_of as path_payments};
pub use scatter_gather::{GatherPayments, GatherRule, Gathering, ScatterGathers};

/// What a bounded search found out about its own bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The search looked at everything: its answer is exact.
    Exact,
    /// The budget ran out: its answer is a lower bound.
    Saturated,
}

/// Steps that it takes to look an account's line up, wherever it lies in memory; each payment on it
/// is one more.
pub(crate) const LINE: usize = 16;

/// Counts the steps of a search against its budget: steps and not seconds, so that the answer
/// stays a function of the input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(steps: u64) -> Budget {
        Budget { left: steps }
    }

    /// Whether so many steps are left.
    pub(crate) fn has(self, steps: usize) -> bool {
        self.left >= steps as u64
    }

    /// Takes so many steps; `false` once there are not enough left, and ever after.
    pub(crate) fn take(&mut self, steps: usize) -> bool {
        if let Some(left) = self.left.checked_sub(steps as u64) {
            self.left = left;
            true
        } else {
            self.left = 0;
            false
        }
    }
}
