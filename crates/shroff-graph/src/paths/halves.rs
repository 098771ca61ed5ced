//! The second and third part of a search: the small graph, and the half paths that are joined.

use super::meeting::Seen;
use super::{FIRST, Path, Search, dense};
use crate::Budget;
use crate::line::Key;

/// A payment of the small graph, between accounts by their position among those seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arc {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) key: Key,
}

/// Whether anything was left to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pruned {
    NothingLeft,
    SomeLeft,
}

/// Where v and u are among the accounts seen.
const V: u32 = 0;
const U: u32 = 1;
const FAR: u8 = u8::MAX;
const NONE: u32 = u32::MAX;

/// All payments from one account to another.
#[derive(Debug, Clone, Copy)]
struct Step {
    to: u32,
    /// Theirs in `Sided::keys`; of a ring none, because any will do.
    keys: (u32, u32),
}

/// A path from v, or to u, of distinct accounts.
#[derive(Debug, Clone, Copy)]
struct Half {
    /// The account that it has come to.
    end: u32,
    /// The half path of one hop less, by position.
    before: u32,
    /// A bit for each account on it; several accounts may share one.
    accounts: u64,
    /// The earliest that money comes here along it; of the backward side, the latest that it may
    /// leave.
    key: Key,
}

/// The small graph as one of the two sides walks it, and its half paths.
#[derive(Debug, Default)]
struct Sided {
    steps: Vec<Step>,
    keys: Vec<Key>,
    /// Where the steps of an account begin; one more than there are accounts.
    first: Vec<u32>,
    /// Hops from where this side begins, within the small graph.
    hops: Vec<u8>,
    /// Level after level.
    halves: Vec<Half>,
    /// Where each level begins; one more than there are levels.
    levels: Vec<u32>,
}

/// Both sides, and what joins them.
#[derive(Debug, Default)]
pub(super) struct Halves {
    ahead: Sided,
    behind: Sided,
    /// Pairs of accounts, packed.
    pairs: Vec<u64>,
    queue: Vec<u32>,
    /// By account: its bit in `Half::accounts`. Those that are on a path may have one each.
    bits: Vec<u64>,
    /// Whether they have.
    exact: bool,
    /// By account: the first backward half of a level that ends there, by position.
    ends: Vec<u32>,
    /// By backward half: the next that ends in the same account.
    next_end: Vec<u32>,
}

impl Halves {
    /// The accounts of a forward half, from its end.
    pub(super) fn ahead(&self, half: u32) -> impl Iterator<Item = u32> {
        self.ahead.chain(half).map(|half| half.end)
    }

    /// The accounts of a backward half, from its end.
    pub(super) fn behind(&self, half: u32) -> impl Iterator<Item = u32> {
        self.behind.chain(half).map(|half| half.end)
    }

    /// Makes the small graph of its arcs.
    pub(super) fn fill(&mut self, accounts: usize, arcs: &mut [Arc], rising: bool) -> Pruned {
        if arcs.is_empty() {
            return Pruned::NothingLeft;
        }
        let Halves { ahead, behind, pairs, .. } = self;
        if rising {
            arcs.sort_unstable();
            ahead.fill_keyed(accounts, arcs.iter().copied());
            arcs.sort_unstable_by_key(|arc| (arc.to, arc.from, arc.key));
            let turned = arcs.iter().map(|arc| Arc { from: arc.to, to: arc.from, ..*arc });
            behind.fill_keyed(accounts, turned);
        } else {
            pairs.clear();
            pairs.extend(arcs.iter().map(|arc| pack(arc.from, arc.to)));
            pairs.sort_unstable();
            pairs.dedup();
            ahead.fill(accounts, pairs);
            for pair in pairs.iter_mut() {
                *pair = pair.rotate_left(32);
            }
            pairs.sort_unstable();
            behind.fill(accounts, pairs);
        }
        Pruned::SomeLeft
    }

    /// Counts the hops of each account from both ends, within the small graph. Whether v leads to
    /// u at all.
    pub(super) fn measure(&mut self, hops: u8) -> bool {
        self.ahead.measure(V, hops, &mut self.queue);
        if self.ahead.hops[U as usize] == FAR {
            return false;
        }
        self.behind.measure(U, hops, &mut self.queue);
        let mut on_paths = 0_u32;
        self.bits.clear();
        self.bits.extend(self.ahead.hops.iter().zip(&self.behind.hops).map(|(&from, &to)| {
            let bit = 1 << (on_paths % 64);
            on_paths += u32::from(u16::from(from) + u16::from(to) <= hops.into());
            bit
        }));
        self.exact = on_paths <= 64;
        true
    }

    /// Grows the half paths of both sides to half of the longest path each.
    pub(super) fn grow(
        &mut self,
        search: Search<'_>,
        seen: &[Seen],
        budget: &mut Budget,
    ) -> Option<()> {
        let Search { hops, rising, closing, .. } = search;
        let Halves { ahead, behind, bits, exact, .. } = self;
        let (bits, exact) = (&bits[..], *exact);
        ahead.begin(V, bits[V as usize], FIRST);
        behind.begin(U, bits[U as usize], closing.key);
        for level in 0..hops.div_ceil(2) {
            let rule = Grow { level, stop: U, left: hops - level - 1, bits, exact };
            let after = |keys: &[Key], half: &Half, to: u32| {
                let key = *keys.iter().find(|&&key| key > half.key)?;
                (key < seen[to as usize].keys[1]).then_some(key)
            };
            if rising {
                ahead.grow(rule, &behind.hops, after, budget)?;
            } else {
                ahead.grow(rule, &behind.hops, |_, _, _| Some(FIRST), budget)?;
            }
        }
        for level in 0..hops / 2 {
            let rule = Grow { level, stop: V, left: hops - level - 1, bits, exact };
            let before = |keys: &[Key], half: &Half, to: u32| {
                let key = *keys.iter().rfind(|&&key| key < half.key)?;
                (key > seen[to as usize].keys[0]).then_some(key)
            };
            if rising {
                behind.grow(rule, &ahead.hops, before, budget)?;
            } else {
                behind.grow(rule, &ahead.hops, |_, _, _| Some(closing.key), budget)?;
            }
        }
        Some(())
    }

    /// Calls `found` with each path: a half of each sort that end in the same account and share no
    /// other.
    pub(super) fn join(
        &mut self,
        search: Search<'_>,
        seen: &[Seen],
        budget: &mut Budget,
        found: &mut impl FnMut(Path<'_>),
    ) -> Option<()> {
        self.ends.clear();
        self.ends.resize(seen.len(), NONE);
        self.next_end.clear();
        self.next_end.resize(self.behind.halves.len(), NONE);
        for short in 0..=search.hops / 2 {
            let (first, last) = self.behind.level(short);
            for at in (first..last).rev() {
                let end = &mut self.ends[self.behind.halves[at as usize].end as usize];
                self.next_end[at as usize] = *end;
                *end = at;
            }
            // Of an odd number of hops the forward half has one more.
            for long in [short, short + 1] {
                if long > 0 && long + short <= search.hops {
                    self.join_levels((long, short), seen, budget, found)?;
                }
            }
            for at in first..last {
                self.ends[self.behind.halves[at as usize].end as usize] = NONE;
            }
        }
        Some(())
    }

    fn join_levels(
        &self,
        (long, short): (u8, u8),
        seen: &[Seen],
        budget: &mut Budget,
        found: &mut impl FnMut(Path<'_>),
    ) -> Option<()> {
        let accounts = usize::from(long + short) + 1;
        let (first, last) = self.ahead.level(long);
        for forward in first..last {
            let ahead = self.ahead.halves[forward as usize];
            // Without its end, which both halves hold and whose bit may hide another account.
            let on_the_way = self.ahead.halves[ahead.before as usize].accounts;
            let mut back = self.ends[ahead.end as usize];
            while let Some(behind) = self.behind.halves.get(back as usize) {
                if !budget.take(1) {
                    return None;
                }
                let apart = on_the_way & behind.accounts == 0
                    || !self.exact && self.meet_only_at_the_end(forward, back);
                if apart && ahead.key < behind.key {
                    found(Path { paths: self, seen, forward, back, accounts });
                }
                back = self.next_end[back as usize];
            }
        }
        Some(())
    }

    fn meet_only_at_the_end(&self, forward: u32, back: u32) -> bool {
        let mut ahead = self.ahead.chain(forward).skip(1);
        ahead.all(|half| !self.behind.holds(back, half.end))
    }
}

/// How one side grows its half paths by a hop.
#[derive(Clone, Copy)]
struct Grow<'b> {
    level: u8,
    /// Where the other side begins, and no half path goes on.
    stop: u32,
    /// Hops that a path may still have after this one.
    left: u8,
    /// By account, and whether each has one of its own.
    bits: &'b [u64],
    exact: bool,
}

impl Sided {
    /// Takes in arcs with their keys, ascending.
    fn fill_keyed(&mut self, accounts: usize, arcs: impl Iterator<Item = Arc>) {
        self.steps.clear();
        self.keys.clear();
        self.first.clear();
        let mut last = (NONE, NONE);
        for Arc { from, to, key } in arcs {
            let keys = dense(self.keys.len());
            self.keys.push(key);
            if last == (from, to) {
                self.steps.last_mut().expect("the last arc made a step").keys.1 = keys + 1;
                continue;
            }
            last = (from, to);
            self.first.resize(from as usize + 1, dense(self.steps.len()));
            self.steps.push(Step { to, keys: (keys, keys + 1) });
        }
        self.first.resize(accounts + 1, dense(self.steps.len()));
    }

    /// Takes in distinct pairs of accounts, packed and ascending.
    fn fill(&mut self, accounts: usize, pairs: &[u64]) {
        self.steps.clear();
        self.keys.clear();
        self.first.clear();
        for &pair in pairs {
            let (from, to) = unpack(pair);
            self.first.resize(from as usize + 1, dense(self.steps.len()));
            self.steps.push(Step { to, keys: (0, 0) });
        }
        self.first.resize(accounts + 1, dense(self.steps.len()));
    }

    fn measure(&mut self, start: u32, hops: u8, queue: &mut Vec<u32>) {
        self.hops.clear();
        self.hops.resize(self.first.len() - 1, FAR);
        self.hops[start as usize] = 0;
        queue.clear();
        queue.push(start);
        let mut at = 0;
        while let Some(&here) = queue.get(at) {
            at += 1;
            let next = self.hops[here as usize] + 1;
            if next > hops {
                break;
            }
            for step in self.steps_of(here) {
                let to = self.steps[step as usize].to;
                if self.hops[to as usize] == FAR {
                    self.hops[to as usize] = next;
                    queue.push(to);
                }
            }
        }
    }

    fn steps_of(&self, account: u32) -> std::ops::Range<u32> {
        self.first[account as usize]..self.first[account as usize + 1]
    }

    fn begin(&mut self, end: u32, accounts: u64, key: Key) {
        self.halves.clear();
        self.halves.push(Half { end, before: NONE, accounts, key });
        self.levels.clear();
        self.levels.extend([0, 1]);
    }

    fn level(&self, level: u8) -> (u32, u32) {
        (self.levels[usize::from(level)], self.levels[usize::from(level) + 1])
    }

    /// Adds the half paths of one hop more. `key` says by which of the payments of a step money
    /// goes on, if any.
    fn grow(
        &mut self,
        rule: Grow<'_>,
        other: &[u8],
        key: impl Fn(&[Key], &Half, u32) -> Option<Key>,
        budget: &mut Budget,
    ) -> Option<()> {
        let (first, last) = self.level(rule.level);
        for at in first..last {
            let half = self.halves[at as usize];
            if half.end == rule.stop {
                continue;
            }
            let steps = self.steps_of(half.end);
            if !budget.take(steps.len()) {
                return None;
            }
            for step in steps {
                let Step { to, keys } = self.steps[step as usize];
                let bit = rule.bits[to as usize];
                if other[to as usize] > rule.left
                    || half.accounts & bit != 0 && (rule.exact || self.holds(at, to))
                {
                    continue;
                }
                let keys = &self.keys[keys.0 as usize..keys.1 as usize];
                let Some(key) = key(keys, &half, to) else { continue };
                let accounts = half.accounts | bit;
                self.halves.push(Half { end: to, before: at, accounts, key });
            }
        }
        self.levels.push(dense(self.halves.len()));
        Some(())
    }

    /// A half path from its end to its beginning.
    fn chain(&self, half: u32) -> impl Iterator<Item = &Half> {
        let at = |half: u32| self.halves.get(half as usize);
        std::iter::successors(at(half), move |half| at(half.before))
    }

    fn holds(&self, half: u32, account: u32) -> bool {
        self.chain(half).any(|half| half.end == account)
    }
}

fn pack(from: u32, to: u32) -> u64 {
    u64::from(from) << 32 | u64::from(to)
}

fn unpack(pair: u64) -> (u32, u32) {
    let half = |bits: u64| u32::try_from(bits).expect("32 bits");
    (half(pair >> 32), half(pair & u64::from(u32::MAX)))
}
