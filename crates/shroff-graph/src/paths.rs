//! Cycles and rings: the simple paths by which money comes back, closed by one payment.
//!
//! A payment u -> v closes a path v = x0 -> x1 -> ... -> u of distinct accounts. In a *cycle* the
//! payments rise in the order; in a *ring* they may have come in any order.
//!
//! The search has three parts.
//! 1. **Meet.** Two frontiers, from v forwards and from u backwards, grow a hop at a time, the
//!    cheaper one first, until together they span the longest path. As a rule one dies out at
//!    once, and there is nothing to find.
//! 2. **Gather.** The payments that may lie on a path are copied into a small graph of their own,
//!    whose accounts know how few hops they are from v and from u.
//! 3. **Join.** Half paths are grown from v, and from u, to half of the longest path each. Every
//!    path is one half of each sort that end in the same account and share no other. A path of
//!    ten accounts in a busy community thus costs two walks of five, and not one of ten.
//!
//! No step depends on how accounts are numbered, so a search that runs out of its budget says the
//! same wherever the ledger was cut.

use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::graph::{Graph, closing_view};
use crate::line::{Edges, Key, View};
use crate::table::Table;
use crate::{Bound, Budget};

/// The payment that closes a pattern: it must be in the graph already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// Its place in the order.
    pub key: Key,
}

/// Which paths count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathRule {
    /// Whether the payments must rise in the order (a cycle) or not (a ring).
    pub rising: bool,
    /// How far back a payment may lie.
    pub window: Span,
    /// The most accounts, and so payments, 2 to 64.
    pub longest: u8,
    /// The most steps of one search.
    pub budget: u64,
}

const FAR: u8 = u8::MAX;
const FIRST: Key = Key { time: Timestamp(i64::MIN), place: Place(0) };

/// What the search knows of an account.
#[derive(Debug, Clone, Copy)]
struct Seen {
    account: AccountId,
    /// Fewest hops from v; `FAR` where the forward side has not been.
    forward: u8,
    /// Fewest hops to u; `FAR` where the backward side has not been.
    back: u8,
    queued_forward: bool,
    queued_back: bool,
    /// The earliest that money from v can have come here.
    earliest: Key,
    /// The latest that money may leave here and still reach u in time.
    latest: Key,
}

/// A payment of the small graph, between accounts by their position in `Paths::seen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arc {
    from: u32,
    to: u32,
    key: Key,
}

/// All payments from one account to another.
#[derive(Debug, Clone, Copy)]
struct Step {
    to: u32,
    /// Theirs in `Sided::keys`; of a ring, one of them.
    keys: (u32, u32),
}

/// The small graph as one of the two sides walks it.
#[derive(Debug, Default)]
struct Sided {
    steps: Vec<Step>,
    keys: Vec<Key>,
    /// Where the steps of an account begin; one more than there are accounts.
    first: Vec<u32>,
    /// The half paths, level after level.
    halves: Vec<Half>,
    /// Where each level begins; one more than there are levels.
    levels: Vec<u32>,
    /// Hops from where this side begins, within the small graph.
    hops: Vec<u8>,
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

const NONE: u32 = u32::MAX;

/// The working memory of the search; keep one and use it again.
#[derive(Debug, Default)]
pub struct Paths {
    table: Table,
    seen: Vec<Seen>,
    forward: Vec<u32>,
    back: Vec<u32>,
    next: Vec<u32>,
    arcs: Vec<Arc>,
    ahead: Sided,
    behind: Sided,
    /// By account: the first backward half of a level that ends there, by position.
    ends: Vec<u32>,
    /// By backward half: the next that ends in the same account.
    next_end: Vec<u32>,
}

/// One search: what it asks, and its view of the graph.
#[derive(Clone, Copy)]
struct Search<'g> {
    graph: &'g Graph,
    closing: Closing,
    view: View,
    rising: bool,
    hops: u8,
}

/// One path that was found.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    paths: &'p Paths,
    forward: u32,
    back: u32,
    accounts: usize,
}

impl Path<'_> {
    /// How many accounts are on it: 2 or more.
    #[expect(clippy::len_without_is_empty, reason = "no path is empty")]
    pub fn len(&self) -> usize {
        self.accounts
    }

    /// Its accounts, from the closing payment's creditor to its debtor.
    pub fn accounts(&self) -> Vec<AccountId> {
        let Paths { seen, ahead, behind, .. } = self.paths;
        let account = |half: &Half| seen[half.end as usize].account;
        let mut accounts = Vec::with_capacity(self.accounts);
        accounts.extend(ahead.chain(self.forward).map(account));
        accounts.reverse();
        // Both halves hold the account in which they meet.
        accounts.extend(behind.chain(self.back).skip(1).map(account));
        accounts
    }
}

impl Sided {
    /// A half path from its end to its beginning.
    fn chain(&self, half: u32) -> impl Iterator<Item = &Half> {
        let at = |half: u32| self.halves.get(half as usize);
        std::iter::successors(at(half), move |half| at(half.before))
    }

    fn holds(&self, half: u32, account: u32) -> bool {
        self.chain(half).any(|half| half.end == account)
    }
}

impl Paths {
    /// Calls `found` once for each sequence of distinct accounts by which money came back when
    /// `closing` was paid.
    ///
    /// Costs a look at two lines where nothing comes back, else about the half paths and a step
    /// for each path, and never over `rule.budget` steps.
    pub fn closed_by(
        &mut self,
        graph: &Graph,
        closing: Closing,
        rule: PathRule,
        found: &mut impl FnMut(Path<'_>),
    ) -> Bound {
        assert!((2..=64).contains(&rule.longest), "checked when the definitions were read");
        if closing.debtor == closing.creditor {
            return Bound::Exact;
        }
        let view = closing_view(closing.key, rule.window);
        let out = graph.out(closing.creditor, view).len();
        if out == 0 {
            return Bound::Exact;
        }
        let into = graph.into(closing.debtor, view).len();
        if into == 0 {
            return Bound::Exact;
        }
        let search = Search { graph, closing, view, rising: rule.rising, hops: rule.longest - 1 };
        let mut budget = Budget::new(rule.budget);
        let complete = self.search(search, (out, into), &mut budget, found);
        if complete.is_some() { Bound::Exact } else { Bound::Saturated }
    }

    /// None where the budget ran out.
    fn search(
        &mut self,
        search: Search<'_>,
        costs: (usize, usize),
        budget: &mut Budget,
        found: &mut impl FnMut(Path<'_>),
    ) -> Option<()> {
        self.begin(search.closing);
        let Some(depths) = self.meet(search, costs, budget)? else { return Some(()) };
        self.gather(search, depths, budget)?;
        if !self.measure(search.hops) {
            return Some(());
        }
        self.grow_halves(search, budget)?;
        self.join(search, budget, found)
    }

    fn begin(&mut self, closing: Closing) {
        self.table.clear();
        self.seen.clear();
        let v = self.seen(closing.creditor);
        self.seen[v as usize].forward = 0;
        let u = self.seen(closing.debtor);
        let end = &mut self.seen[u as usize];
        end.back = 0;
        end.latest = closing.key;
        self.forward.clear();
        self.forward.push(v);
        self.back.clear();
        self.back.push(u);
    }

    /// The position of an account among those seen, which it enters now if it is new.
    fn seen(&mut self, account: AccountId) -> u32 {
        let fresh = dense(self.seen.len());
        let at = self.table.put(account, fresh);
        if at == fresh {
            self.seen.push(Seen {
                account,
                forward: FAR,
                back: FAR,
                queued_forward: false,
                queued_back: false,
                earliest: FIRST,
                latest: FIRST,
            });
        }
        at
    }

    /// Grows both sides until they span the longest path. How deep each then is, or nothing
    /// where the two do not meet.
    fn meet(
        &mut self,
        search: Search<'_>,
        (mut forward_cost, mut back_cost): (usize, usize),
        budget: &mut Budget,
    ) -> Option<Option<(u8, u8)>> {
        let (mut forth, mut back) = (0, 0);
        let mut met = false;
        while forth + back < search.hops {
            if forward_cost <= back_cost {
                forth += 1;
                met |= self.grow_forward(search, forth, budget)?;
                if self.forward.is_empty() {
                    break;
                }
                forward_cost = self.cost(search, true);
            } else {
                back += 1;
                met |= self.grow_back(search, back, budget)?;
                if self.back.is_empty() {
                    break;
                }
                back_cost = self.cost(search, false);
            }
        }
        Some(met.then_some((forth, back)))
    }

    /// How many payments the next hop of a side looks at.
    fn cost(&self, search: Search<'_>, forwards: bool) -> usize {
        let frontier = if forwards { &self.forward } else { &self.back };
        let edges = frontier.iter().map(|&at| {
            let here = &self.seen[at as usize];
            if forwards { search.out_of(here).len() } else { search.into_it(here).len() }
        });
        edges.sum()
    }

    /// One hop forwards. Whether it came upon an account of the other side.
    fn grow_forward(&mut self, search: Search<'_>, hops: u8, budget: &mut Budget) -> Option<bool> {
        let mut frontier = std::mem::take(&mut self.forward);
        let mut next = std::mem::take(&mut self.next);
        let mut met = false;
        for &at in &frontier {
            let here = &mut self.seen[at as usize];
            here.queued_forward = false;
            let account = here.account;
            let edges = search.out_of(here);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter() {
                if edge.other == search.closing.creditor || edge.other == account {
                    continue;
                }
                let at = self.seen(edge.other);
                let there = &mut self.seen[at as usize];
                let new = there.forward == FAR;
                if !new && (!search.rising || edge.key() >= there.earliest) {
                    continue;
                }
                there.earliest = edge.key();
                if new {
                    there.forward = hops;
                }
                met |= there.back != FAR;
                // Nothing goes on from u: there the path ends.
                if !there.queued_forward && edge.other != search.closing.debtor {
                    there.queued_forward = true;
                    next.push(at);
                }
            }
        }
        frontier.clear();
        self.next = frontier;
        self.forward = next;
        Some(met)
    }

    /// One hop backwards. Whether it came upon an account of the other side.
    fn grow_back(&mut self, search: Search<'_>, hops: u8, budget: &mut Budget) -> Option<bool> {
        let mut frontier = std::mem::take(&mut self.back);
        let mut next = std::mem::take(&mut self.next);
        let mut met = false;
        for &at in &frontier {
            let here = &mut self.seen[at as usize];
            here.queued_back = false;
            let account = here.account;
            let edges = search.into_it(here);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter() {
                if edge.other == search.closing.debtor || edge.other == account {
                    continue;
                }
                let at = self.seen(edge.other);
                let there = &mut self.seen[at as usize];
                let new = there.back == FAR;
                if !new && (!search.rising || edge.key() <= there.latest) {
                    continue;
                }
                there.latest = edge.key();
                if new {
                    there.back = hops;
                }
                met |= there.forward != FAR;
                // Nothing goes on from v: there the path begins.
                if !there.queued_back && edge.other != search.closing.creditor {
                    there.queued_back = true;
                    next.push(at);
                }
            }
        }
        frontier.clear();
        self.next = frontier;
        self.back = next;
        Some(met)
    }
}

impl<'g> Search<'g> {
    fn out_of(&self, here: &Seen) -> Edges<'g> {
        let after = if self.rising { self.view.after.max(here.earliest) } else { self.view.after };
        self.graph.out(here.account, View { after, ..self.view })
    }

    fn into_it(&self, here: &Seen) -> Edges<'g> {
        // A payment into an account is never the one out of it, so `latest` may be included.
        let until = if self.rising { self.view.until.min(here.latest) } else { self.view.until };
        self.graph.into(here.account, View { until, ..self.view })
    }
}

/// The small graph.
impl Paths {
    /// Copies the payments that may lie on a path: those out of accounts that the forward side
    /// went on from, and those into accounts that the backward side did. On a path of at most
    /// `forth + back` hops, each payment is one of these.
    fn gather(
        &mut self,
        search: Search<'_>,
        (forth, back): (u8, u8),
        budget: &mut Budget,
    ) -> Option<()> {
        let Paths { table, seen, arcs, .. } = self;
        let Closing { debtor, creditor, .. } = search.closing;
        arcs.clear();
        // What a side has not seen is farther than it went.
        let ahead = |here: &Seen| here.forward.min(forth + 1);
        let behind = |here: &Seen| here.back.min(back + 1);
        let went_on = |here: &Seen| here.forward < forth && here.account != debtor;
        for (from, here) in (0..).zip(&*seen).filter(|(_, here)| went_on(here)) {
            let edges = search.out_of(here);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter().filter(|e| e.other != creditor && e.other != here.account) {
                let Some(to) = table.get(edge.other) else { continue };
                if ahead(here) + 1 + behind(&seen[to as usize]) <= search.hops {
                    arcs.push(Arc { from, to, key: edge.key() });
                }
            }
        }
        let came = |here: &Seen| here.back < back && here.account != creditor;
        for (to, here) in (0..).zip(&*seen).filter(|(_, here)| came(here)) {
            let edges = search.into_it(here);
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter().filter(|e| e.other != debtor && e.other != here.account) {
                let Some(from) = table.get(edge.other) else { continue };
                let there = &seen[from as usize];
                let taken = went_on(there) && (!search.rising || edge.key() > there.earliest);
                if !taken && ahead(there) + 1 + behind(here) <= search.hops {
                    arcs.push(Arc { from, to, key: edge.key() });
                }
            }
        }
        if search.rising {
            self.keep_what_rises(search.closing);
        }
        let Paths { seen, arcs, ahead, behind, .. } = self;
        arcs.sort_unstable();
        ahead.fill(seen.len(), arcs.iter().copied(), search.rising);
        arcs.sort_unstable_by_key(|arc| (arc.to, arc.from, arc.key));
        let turned = arcs.iter().map(|arc| Arc { from: arc.to, to: arc.from, ..*arc });
        behind.fill(seen.len(), turned, search.rising);
        Some(())
    }

    /// Drops the arcs that lie on no rising run from v to u, and notes when money can first come
    /// to each account and last leave it.
    fn keep_what_rises(&mut self, closing: Closing) {
        let Paths { seen, arcs, .. } = self;
        const NEVER: Key = Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) };
        for here in &mut *seen {
            here.earliest = if here.account == closing.creditor { FIRST } else { NEVER };
            here.latest = if here.account == closing.debtor { closing.key } else { FIRST };
        }
        arcs.sort_unstable_by_key(|arc| arc.key);
        arcs.retain(|arc| {
            let comes = seen[arc.from as usize].earliest < arc.key;
            if comes {
                let there = &mut seen[arc.to as usize];
                there.earliest = there.earliest.min(arc.key);
            }
            comes
        });
        arcs.reverse();
        arcs.retain(|arc| {
            let leaves = seen[arc.to as usize].latest > arc.key;
            if leaves {
                let there = &mut seen[arc.from as usize];
                there.latest = there.latest.max(arc.key);
            }
            leaves
        });
    }

    /// Counts the hops of each account from both ends, within the small graph. Whether v leads to
    /// u at all.
    fn measure(&mut self, hops: u8) -> bool {
        self.ahead.measure(0, hops, &mut self.next);
        self.behind.measure(1, hops, &mut self.next);
        self.ahead.hops[1] != FAR
    }
}

impl Sided {
    /// Takes arcs in, ascending.
    fn fill(&mut self, accounts: usize, arcs: impl Iterator<Item = Arc>, rising: bool) {
        self.steps.clear();
        self.keys.clear();
        self.first.clear();
        let mut last = None;
        for Arc { from, to, key } in arcs {
            let keys = dense(self.keys.len());
            if last == Some((from, to)) {
                if rising {
                    self.keys.push(key);
                    self.steps.last_mut().expect("the last arc made a step").keys.1 = keys + 1;
                }
                continue;
            }
            last = Some((from, to));
            self.first.resize(from as usize + 1, dense(self.steps.len()));
            self.keys.push(key);
            self.steps.push(Step { to, keys: (keys, keys + 1) });
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
            for step in self.first[here as usize]..self.first[here as usize + 1] {
                let to = self.steps[step as usize].to;
                if self.hops[to as usize] == FAR {
                    self.hops[to as usize] = next;
                    queue.push(to);
                }
            }
        }
        queue.clear();
    }
}

/// The halves.
impl Paths {
    fn grow_halves(&mut self, search: Search<'_>, budget: &mut Budget) -> Option<()> {
        let Search { hops, rising, closing, .. } = search;
        let Paths { seen, ahead, behind, .. } = self;
        let (v, u) = (0, 1);
        let exact = seen.len() <= 64;
        let begin = |side: &mut Sided, end: u32, key| {
            side.halves.clear();
            side.halves.push(Half { end, before: NONE, accounts: bit(end), key });
            side.levels.clear();
            side.levels.extend([0, 1]);
        };
        begin(ahead, v, FIRST);
        begin(behind, u, closing.key);
        for level in 0..hops.div_ceil(2) {
            let rule = Grow { level, stop: u, left: hops - level - 1, exact };
            let after = |keys: &[Key], half: &Half, to: u32| {
                let key = *keys.iter().find(|&&key| key > half.key)?;
                (key < seen[to as usize].latest).then_some(key)
            };
            let after = |keys: &[Key], half: &Half, to| {
                if rising { after(keys, half, to) } else { Some(FIRST) }
            };
            ahead.grow(rule, &behind.hops, after, budget)?;
        }
        for level in 0..hops / 2 {
            let rule = Grow { level, stop: v, left: hops - level - 1, exact };
            let before = |keys: &[Key], half: &Half, to: u32| {
                let key = *keys.iter().rfind(|&&key| key < half.key)?;
                (key > seen[to as usize].earliest).then_some(key)
            };
            let before = |keys: &[Key], half: &Half, to| {
                if rising { before(keys, half, to) } else { Some(closing.key) }
            };
            behind.grow(rule, &ahead.hops, before, budget)?;
        }
        Some(())
    }

    fn join(
        &mut self,
        search: Search<'_>,
        budget: &mut Budget,
        found: &mut impl FnMut(Path<'_>),
    ) -> Option<()> {
        let exact = self.seen.len() <= 64;
        self.ends.clear();
        self.ends.resize(self.seen.len(), NONE);
        self.next_end.clear();
        self.next_end.resize(self.behind.halves.len(), NONE);
        // Of an odd number of hops the forward half has one more.
        for short in 0..=search.hops / 2 {
            let (first, last) = self.behind.level(short);
            for at in (first..last).rev() {
                let end = &mut self.ends[self.behind.halves[at as usize].end as usize];
                self.next_end[at as usize] = *end;
                *end = at;
            }
            for long in [short, short + 1] {
                if long == 0 || long + short > search.hops {
                    continue;
                }
                let (first, last) = self.ahead.level(long);
                for forward in first..last {
                    let ahead = self.ahead.halves[forward as usize];
                    let mut back = self.ends[ahead.end as usize];
                    while back != NONE {
                        if !budget.take(1) {
                            return None;
                        }
                        let behind = self.behind.halves[back as usize];
                        let shared = ahead.accounts & behind.accounts;
                        if ahead.key < behind.key
                            && (shared == bit(ahead.end)
                                || !exact && self.meet_only_at_the_end(forward, back))
                        {
                            let accounts = usize::from(long + short) + 1;
                            found(Path { paths: self, forward, back, accounts });
                        }
                        back = self.next_end[back as usize];
                    }
                }
            }
            for at in first..last {
                self.ends[self.behind.halves[at as usize].end as usize] = NONE;
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
struct Grow {
    level: u8,
    /// Where the other side begins, and no half path goes on.
    stop: u32,
    /// Hops that a path may still have after this one.
    left: u8,
    /// Whether each account has a bit of its own.
    exact: bool,
}

impl Sided {
    fn level(&self, level: u8) -> (u32, u32) {
        (self.levels[usize::from(level)], self.levels[usize::from(level) + 1])
    }

    /// Adds the half paths of one hop more. `key` says by which of the payments of a step money
    /// goes on, if any.
    fn grow(
        &mut self,
        rule: Grow,
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
            let steps = self.first[half.end as usize]..self.first[half.end as usize + 1];
            if !budget.take(steps.len()) {
                return None;
            }
            for step in steps {
                let Step { to, keys } = self.steps[step as usize];
                if other[to as usize] > rule.left
                    || half.accounts & bit(to) != 0 && (rule.exact || self.holds(at, to))
                {
                    continue;
                }
                let keys = &self.keys[keys.0 as usize..keys.1 as usize];
                let Some(key) = key(keys, &half, to) else { continue };
                let accounts = half.accounts | bit(to);
                self.halves.push(Half { end: to, before: at, accounts, key });
            }
        }
        self.levels.push(dense(self.halves.len()));
        Some(())
    }
}

fn bit(account: u32) -> u64 {
    1 << (account % 64)
}

fn dense(count: usize) -> u32 {
    u32::try_from(count).expect("bounded by the budget, which is under 2^32 steps")
}

/// The payments of one path and the one that closed it, ascending: all that lie on some run
/// along these accounts that rises in the order, or of a ring all between them. Costs the lines
/// of its accounts.
pub fn payments_of(
    graph: &Graph,
    closing: Closing,
    rule: PathRule,
    accounts: &[AccountId],
) -> Vec<Key> {
    let view = closing_view(closing.key, rule.window);
    let hops = accounts.windows(2);
    let mut hops: Vec<Vec<Key>> = hops.map(|pair| between(graph, pair, view)).collect();
    if rule.rising {
        let mut earliest = FIRST;
        for keys in &mut hops {
            keys.retain(|&key| key > earliest);
            earliest = *keys.first().expect("a cycle has a payment at each hop");
        }
        let mut latest = closing.key;
        for keys in hops.iter_mut().rev() {
            keys.retain(|&key| key < latest);
            latest = *keys.last().expect("a cycle has a payment at each hop");
        }
    }
    let mut keys = hops.concat();
    keys.push(closing.key);
    keys.sort_unstable();
    keys
}

/// The payments from one account to another, by the shorter of their two lines.
fn between(graph: &Graph, pair: &[AccountId], view: View) -> Vec<Key> {
    let (from, to) = (pair[0], pair[1]);
    let (out, into) = (graph.out(from, view), graph.into(to, view));
    let (line, other) = if out.len() <= into.len() { (out, to) } else { (into, from) };
    line.iter().filter(|edge| edge.other == other).map(crate::Edge::key).collect()
}
