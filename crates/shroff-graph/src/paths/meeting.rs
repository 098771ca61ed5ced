//! The first part of a search: two frontiers that grow towards each other.

use shroff_types::AccountId;

use super::halves::{Arc, Halves, Pruned};
use super::{Closing, FIRST, NEVER, Search, dense};
use crate::line::{Edges, Key, View};
use crate::table::Table;
use crate::{Budget, LINE};

/// A side of a search: forwards from v, or backwards from u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ahead = 0,
    Behind = 1,
}

/// Steps that it takes to note the account at the other end of a payment.
const SEEING: usize = 4;
const FAR: u8 = u8::MAX;
const NONE: u32 = u32::MAX;

/// What the search knows of an account, by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) account: AccountId,
    /// Fewest hops from v, and to u; `FAR` where that side has not been.
    hops: [u8; 2],
    queued: [bool; 2],
    /// The earliest that money from v can have come here, and the latest that it may leave and
    /// still reach u in time.
    pub(super) keys: [Key; 2],
    /// Where that side went on from here, in `Front::gone`.
    gone: [u32; 2],
}

/// What is kept from search to search, so that it need not be made anew.
#[derive(Debug, Default)]
pub(super) struct Memory {
    table: Table,
    seen: Vec<Seen>,
    next: Vec<u32>,
    arcs: Vec<Arc>,
}

/// An account that a side goes on from, and its payments in sight.
#[derive(Debug, Clone, Copy)]
struct Going<'g> {
    at: u32,
    key: Key,
    edges: Edges<'g>,
}

/// One of the two frontiers.
#[derive(Debug)]
struct Front<'g> {
    depth: u8,
    /// The accounts that it goes on from next, and how many payments they have in all.
    going: Vec<Going<'g>>,
    cost: usize,
    /// Those that it went on from.
    gone: Vec<Going<'g>>,
}

/// What came of the first part of a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) met: bool,
    /// Whether the two sides do not span the longest path that was asked for.
    pub(super) cut_short: bool,
}

#[derive(Debug)]
pub(super) struct Meeting<'m, 'g> {
    search: Search<'g>,
    memory: &'m mut Memory,
    fronts: [Front<'g>; 2],
}

impl<'m, 'g> Meeting<'m, 'g> {
    /// A search whose first step is known to be possible on both sides.
    pub(super) fn new(
        search: Search<'g>,
        memory: &'m mut Memory,
        first: [Edges<'g>; 2],
    ) -> Meeting<'m, 'g> {
        memory.table.clear();
        memory.seen.clear();
        let Closing { debtor, creditor, key } = search.closing;
        let (v, u) = (memory.see(creditor), memory.see(debtor));
        memory.seen[v as usize].hops[Side::Ahead as usize] = 0;
        let end = &mut memory.seen[u as usize];
        end.hops[Side::Behind as usize] = 0;
        end.keys[Side::Behind as usize] = key;
        let front = |at: u32, key: Key, edges: Edges<'g>| Front {
            depth: 0,
            going: vec![Going { at, key, edges }],
            cost: SEEING * edges.len(),
            gone: Vec::new(),
        };
        let [out, into] = first;
        Meeting { search, memory, fronts: [front(v, FIRST, out), front(u, key, into)] }
    }

    pub(super) fn seen(&self) -> &[Seen] {
        &self.memory.seen
    }

    /// Grows both sides until they span the longest path, or as long a one as the budget allows: it is
    /// the longest from then on. Whether they met.
    pub(super) fn meet(&mut self, budget: &mut Budget) -> Met {
        let mut met = Met { met: false, cut_short: false };
        loop {
            let [ahead, behind] = &self.fronts;
            let spanned = ahead.depth + behind.depth;
            if spanned == self.search.hops || ahead.going.is_empty() || behind.going.is_empty() {
                return met;
            }
            let side = if ahead.cost <= behind.cost { Side::Ahead } else { Side::Behind };
            let grown = self.grow(side, budget, &mut met.met);
            if grown.is_none() {
                let [ahead, behind] = &self.fronts;
                self.search.hops = ahead.depth + behind.depth;
                met.cut_short = true;
                return met;
            }
        }
    }

    /// The search, with hops of the longest path that both sides span.
    pub(super) fn search(&self) -> Search<'g> {
        self.search
    }

    /// One hop more. Notes whether it came upon an account of the other side; none where the budget is too
    /// small for it, or for the next of this side.
    fn grow(&mut self, side: Side, budget: &mut Budget, met: &mut bool) -> Option<()> {
        let Meeting { search, memory, fronts } = self;
        let (mine, theirs) = match side {
            Side::Ahead => (side as usize, Side::Behind as usize),
            Side::Behind => (side as usize, Side::Ahead as usize),
        };
        let Closing { debtor, creditor, .. } = search.closing;
        let (start, stop) =
            if side == Side::Ahead { (creditor, debtor) } else { (debtor, creditor) };
        // What can't be looked at as a whole need not be begun.
        if !budget.has(fronts[mine].cost) {
            return None;
        }
        let spanned = fronts[0].depth + fronts[1].depth + 1 == search.hops;
        let front = &mut fronts[mine];
        front.depth += 1;
        let mut next = std::mem::take(&mut memory.next);
        next.clear();
        for going in std::mem::take(&mut front.going) {
            let account = front.go(going, side, &mut memory.seen);
            if !budget.take(SEEING * going.edges.len()) {
                return None;
            }
            for edge in going.edges.iter() {
                if edge.other == start || edge.other == account {
                    continue;
                }
                let at = memory.see(edge.other);
                let there = &mut memory.seen[at as usize];
                let new = there.hops[mine] == FAR;
                let better = search.rising && side.is_better(edge.key(), there.keys[mine]);
                if !(new || better) {
                    continue;
                }
                there.keys[mine] = edge.key();
                if new {
                    there.hops[mine] = front.depth;
                }
                *met |= there.hops[theirs] != FAR;
                // Nothing goes on from where the other side begins.
                if !there.queued[mine] && edge.other != stop {
                    there.queued[mine] = true;
                    next.push(at);
                }
            }
        }
        front.cost = 0;
        if !spanned {
            // Asked first: what is left is for joining the sides as far as they came.
            let looks = LINE * next.len();
            if !budget.has(looks) {
                memory.next = next;
                return None;
            }
            budget.take(looks);
            for &at in &next {
                let there = &mut memory.seen[at as usize];
                there.queued[mine] = false;
                let key = there.keys[mine];
                let edges = search.edges(side, there.account, key);
                if !edges.is_empty() {
                    front.cost += SEEING * edges.len();
                    front.going.push(Going { at, key, edges });
                }
            }
        }
        memory.next = next;
        Some(())
    }

    /// Copies the payments that may lie on a path into the small graph: those out of accounts that
    /// the forward side went on from, and those into accounts that the backward side did. On a
    /// path that is short enough, each payment is one of these.
    pub(super) fn gather(&mut self, halves: &mut Halves, budget: &mut Budget) -> Option<Pruned> {
        let Meeting { search, memory, fronts: [ahead, behind] } = self;
        let Memory { table, seen, arcs, .. } = &mut **memory;
        let Closing { debtor, creditor, .. } = search.closing;
        arcs.clear();
        // What a side has not seen is farther than it went.
        let from_v = |at: u32| seen[at as usize].hops[0].min(ahead.depth + 1);
        let to_u = |at: u32| seen[at as usize].hops[1].min(behind.depth + 1);
        for &Going { at: from, edges, .. } in &ahead.gone {
            if !budget.take(edges.len()) {
                return None;
            }
            let here = seen[from as usize].account;
            for edge in edges.iter().filter(|e| e.other != creditor && e.other != here) {
                let to = table.get(edge.other).expect("the forward side has seen it");
                if from_v(from) + 1 + to_u(to) <= search.hops {
                    arcs.push(Arc { from, to, key: edge.key() });
                }
            }
        }
        for &Going { at: to, edges, .. } in &behind.gone {
            if !budget.take(edges.len()) {
                return None;
            }
            let here = seen[to as usize].account;
            for edge in edges.iter().filter(|e| e.other != debtor && e.other != here) {
                let from = table.get(edge.other).expect("the backward side has seen it");
                let gone = ahead.gone.get(seen[from as usize].gone[0] as usize);
                let taken = gone.is_some_and(|gone| !search.rising || edge.key() > gone.key);
                if !taken && from_v(from) + 1 + to_u(to) <= search.hops {
                    arcs.push(Arc { from, to, key: edge.key() });
                }
            }
        }
        if search.rising {
            keep_what_rises(seen, arcs, search.closing);
        }
        Some(halves.fill(seen.len(), arcs, search.rising))
    }
}

impl<'g> Front<'g> {
    /// Notes that it goes on from an account, and which that is.
    fn go(&mut self, going: Going<'g>, side: Side, seen: &mut [Seen]) -> AccountId {
        let here = &mut seen[going.at as usize];
        let gone = &mut here.gone[side as usize];
        if let Some(before) = self.gone.get_mut(*gone as usize) {
            // For a second time, and with a longer part of the same line.
            *before = going;
        } else {
            *gone = dense(self.gone.len());
            self.gone.push(going);
        }
        here.account
    }
}

impl Side {
    /// Whether money can go on from `key` where it could from `other`, and more.
    fn is_better(self, key: Key, other: Key) -> bool {
        match self {
            Side::Ahead => key < other,
            Side::Behind => key > other,
        }
    }
}

impl<'g> Search<'g> {
    /// The payments by which a side goes on from an account, to which money came at `key`, or
    /// which it must leave by then.
    fn edges(&self, side: Side, account: AccountId, key: Key) -> Edges<'g> {
        let view = match side {
            _ if !self.rising => self.view,
            Side::Ahead => View { after: self.view.after.max(key), ..self.view },
            // A payment into an account is never the one out of it, so `key` may be included.
            Side::Behind => View { until: self.view.until.min(key), ..self.view },
        };
        match side {
            Side::Ahead => self.sheet.out(account, view),
            Side::Behind => self.sheet.into(account, view),
        }
    }
}

impl Memory {
    /// The position of an account among those seen, which it enters now if it is new.
    fn see(&mut self, account: AccountId) -> u32 {
        let fresh = dense(self.seen.len());
        let at = self.table.put(account, fresh);
        if at == fresh {
            self.seen.push(Seen {
                account,
                hops: [FAR; 2],
                queued: [false; 2],
                keys: [FIRST; 2],
                gone: [NONE; 2],
            });
        }
        at
    }
}

/// Drops the arcs that lie on no rising run from v to u, and notes when money can first come to
/// each account and last leave it.
fn keep_what_rises(seen: &mut [Seen], arcs: &mut Vec<Arc>, closing: Closing) {
    for here in &mut *seen {
        here.keys = [
            if here.account == closing.creditor { FIRST } else { NEVER },
            if here.account == closing.debtor { closing.key } else { FIRST },
        ];
    }
    arcs.sort_unstable_by_key(|arc| arc.key);
    arcs.retain(|arc| {
        let comes = seen[arc.from as usize].keys[0] < arc.key;
        if comes {
            let earliest = &mut seen[arc.to as usize].keys[0];
            *earliest = arc.key.min(*earliest);
        }
        comes
    });
    arcs.reverse();
    arcs.retain(|arc| {
        let leaves = seen[arc.to as usize].keys[1] > arc.key;
        if leaves {
            let latest = &mut seen[arc.from as usize].keys[1];
            *latest = arc.key.max(*latest);
        }
        leaves
    });
}
