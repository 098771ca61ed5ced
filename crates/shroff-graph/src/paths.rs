//! Cycles and rings: the simple paths by which money comes back, closed by one payment.
//!
//! A payment u -> v closes a path v = x0 -> x1 -> ... -> u of distinct accounts. In a *cycle* the
//! payments rise in the order; in a *ring* they may have come in any order.
//!
//! The search has three parts. Two frontiers, from v forwards and from u backwards, grow a hop at
//! a time, the cheaper one first, until together they span the longest path: as a rule one dies
//! out at once and there is nothing to find. Then the backward side goes on, but only into what
//! the forward side has seen, so that each account knows how few hops it is from u and how late
//! money may still leave it. The walk at the end takes no step that these two forbid, so nearly
//! every step lies on a path that is counted.

use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::graph::{Graph, View};
use crate::line::Key;
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

impl Closing {
    pub(crate) fn view(&self, window: Span) -> View {
        View { since: self.key.time.before(window), until: self.key }
    }
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

/// The accounts of one path, from the closing payment's creditor to its debtor.
pub type Sequence<'a> = &'a [AccountId];

const FAR: u8 = u8::MAX;
const FIRST: Key = Key { time: Timestamp(i64::MIN), place: Place(0) };

/// What the search knows of an account; only while `stamp` is that of the search.
#[derive(Debug, Clone, Copy)]
struct Mark {
    stamp: u32,
    /// Fewest hops from v; `FAR` where the forward side has not been.
    forward: u8,
    /// Fewest hops to u; `FAR` where the backward side has not been.
    back: u8,
    queued_forward: bool,
    queued_back: bool,
    /// Its number in the walk's own small graph, plus one.
    local: u32,
    /// The earliest that money from v can have come here.
    earliest: Key,
    /// The latest that money may leave here and still reach u in time.
    latest: Key,
}

const UNSEEN: Mark = Mark {
    stamp: 0,
    forward: FAR,
    back: FAR,
    queued_forward: false,
    queued_back: false,
    local: 0,
    earliest: FIRST,
    latest: FIRST,
};

/// An account of the walk, with the steps that may lie on a path.
#[derive(Debug, Clone, Copy)]
struct Local {
    account: AccountId,
    back: u8,
    on_path: bool,
    latest: Key,
    /// Its steps in `Paths::steps`; `None` until the walk first comes here.
    steps: Option<(u32, u32)>,
}

/// A step of the walk: to a local account, by the payments `keys` of `Paths::keys` (of a ring: one,
/// any).
#[derive(Debug, Clone, Copy)]
struct Step {
    to: u32,
    keys: (u32, u32),
}

/// The working memory of the search; keep one and use it again. 56 bytes an account.
#[derive(Debug, Default)]
pub struct Paths {
    stamp: u32,
    marks: Vec<Mark>,
    forward: Vec<AccountId>,
    back: Vec<AccountId>,
    next: Vec<AccountId>,
    locals: Vec<Local>,
    steps: Vec<Step>,
    keys: Vec<Key>,
    found_steps: Vec<(u32, Key)>,
    path: Vec<AccountId>,
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

impl Paths {
    /// Calls `found` once for each sequence of distinct accounts by which money came back when
    /// `closing` was paid.
    ///
    /// Costs a look at two lines where nothing comes back, else about a step for each hop of each
    /// path, and never over `rule.budget` steps.
    pub fn closed_by(
        &mut self,
        graph: &Graph,
        closing: Closing,
        rule: PathRule,
        found: &mut impl FnMut(Sequence<'_>),
    ) -> Bound {
        assert!((2..=64).contains(&rule.longest), "checked when the definitions were read");
        if closing.debtor == closing.creditor {
            return Bound::Exact;
        }
        let view = closing.view(rule.window);
        if graph.out(closing.creditor, view).is_empty()
            || graph.into(closing.debtor, view).is_empty()
        {
            return Bound::Exact;
        }
        let search = Search { graph, closing, view, rising: rule.rising, hops: rule.longest - 1 };
        let mut budget = Budget::new(rule.budget);
        self.begin(closing);
        match self.meet(search, &mut budget) {
            Some(true) => {}
            Some(false) => return Bound::Exact,
            None => return Bound::Saturated,
        }
        self.walk_all(search, &mut budget, found)
    }

    fn begin(&mut self, closing: Closing) {
        let most = closing.debtor.0.max(closing.creditor.0) as usize;
        if self.marks.len() <= most {
            self.marks.resize(most + 1, UNSEEN);
        }
        if self.stamp == u32::MAX {
            self.marks.fill(UNSEEN);
            self.stamp = 0;
        }
        self.stamp += 1;
        *self.mark(closing.creditor) = Mark { forward: 0, ..*self.mark(closing.creditor) };
        let end = self.mark(closing.debtor);
        *end = Mark { back: 0, latest: closing.key, ..*end };
        self.forward.clear();
        self.forward.push(closing.creditor);
        self.back.clear();
        self.back.push(closing.debtor);
    }

    fn mark(&mut self, account: AccountId) -> &mut Mark {
        let at = account.0 as usize;
        if at >= self.marks.len() {
            self.marks.resize(at + 1, UNSEEN);
        }
        let mark = &mut self.marks[at];
        if mark.stamp != self.stamp {
            *mark = Mark { stamp: self.stamp, ..UNSEEN };
        }
        mark
    }

    /// Grows both sides until they span the longest path, then the backward one through the
    /// forward one. Whether any walk leads back at all; none where the budget ran out.
    fn meet(&mut self, search: Search<'_>, budget: &mut Budget) -> Option<bool> {
        let (mut forth, mut back) = (0, 0);
        while forth + back < search.hops {
            let Search { graph, view, .. } = search;
            let forward_cost: usize =
                self.forward.iter().map(|&account| graph.out(account, view).len()).sum();
            let back_cost: usize =
                self.back.iter().map(|&account| graph.into(account, view).len()).sum();
            if forward_cost <= back_cost {
                forth += 1;
                self.grow_forward(search, forth, budget)?;
                if self.forward.is_empty() {
                    break;
                }
            } else {
                back += 1;
                self.grow_back(search, back, FAR, budget)?;
                if self.back.is_empty() {
                    break;
                }
            }
        }
        // A forward side that died out has seen all there is to see: without u, nothing comes back.
        if self.forward.is_empty() && self.mark(search.closing.debtor).forward == FAR {
            return Some(false);
        }
        while back < search.hops && !self.back.is_empty() {
            back += 1;
            self.grow_back(search, back, search.hops - back, budget)?;
        }
        Some(self.mark(search.closing.creditor).back != FAR)
    }

    fn grow_forward(&mut self, search: Search<'_>, hops: u8, budget: &mut Budget) -> Option<()> {
        let mut frontier = std::mem::take(&mut self.forward);
        let mut next = std::mem::take(&mut self.next);
        for &account in &frontier {
            let here = self.mark(account);
            here.queued_forward = false;
            let since = here.earliest;
            let mut edges = search.graph.out(account, search.view);
            if search.rising && since != FIRST {
                edges = &edges[edges.partition_point(|e| e.key() <= since)..];
            }
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges {
                if edge.other == search.closing.creditor || edge.other == account {
                    continue;
                }
                let there = self.mark(edge.other);
                let new = there.forward == FAR;
                if !new && (!search.rising || edge.key() >= there.earliest) {
                    continue;
                }
                there.earliest = edge.key();
                if new {
                    there.forward = hops;
                }
                // Nothing goes on from u: there the path ends.
                if !there.queued_forward && edge.other != search.closing.debtor {
                    there.queued_forward = true;
                    next.push(edge.other);
                }
            }
        }
        frontier.clear();
        self.next = frontier;
        self.forward = next;
        Some(())
    }

    /// One hop backwards, into accounts that v reaches in `within` hops at most (`FAR`: any).
    fn grow_back(
        &mut self,
        search: Search<'_>,
        hops: u8,
        within: u8,
        budget: &mut Budget,
    ) -> Option<()> {
        let mut frontier = std::mem::take(&mut self.back);
        let mut next = std::mem::take(&mut self.next);
        for &account in &frontier {
            let here = self.mark(account);
            here.queued_back = false;
            let before = here.latest;
            let mut edges = search.graph.into(account, search.view);
            if search.rising {
                edges = &edges[..edges.partition_point(|e| e.key() < before)];
            }
            if !budget.take(edges.len()) {
                return None;
            }
            for edge in edges.iter().rev() {
                if edge.other == search.closing.debtor || edge.other == account {
                    continue;
                }
                let there = self.mark(edge.other);
                if within != FAR
                    && (there.forward > within || (search.rising && there.earliest >= edge.key()))
                {
                    continue;
                }
                let new = there.back == FAR;
                if !new && (!search.rising || edge.key() <= there.latest) {
                    continue;
                }
                there.latest = edge.key();
                if new {
                    there.back = hops;
                }
                // Nothing goes on from v: there the path begins.
                if !there.queued_back && edge.other != search.closing.creditor {
                    there.queued_back = true;
                    next.push(edge.other);
                }
            }
        }
        frontier.clear();
        self.next = frontier;
        self.back = next;
        Some(())
    }
}

impl Paths {
    fn walk_all(
        &mut self,
        search: Search<'_>,
        budget: &mut Budget,
        found: &mut impl FnMut(Sequence<'_>),
    ) -> Bound {
        self.locals.clear();
        self.steps.clear();
        self.keys.clear();
        self.path.clear();
        let start = self.local(search.closing.creditor);
        match self.walk(search, Standing { at: start, since: FIRST }, budget, found) {
            Some(()) => Bound::Exact,
            None => Bound::Saturated,
        }
    }

    /// The number of an account in the walk's own graph.
    fn local(&mut self, account: AccountId) -> u32 {
        let fresh = u32::try_from(self.locals.len()).expect("fewer locals than accounts") + 1;
        let mark = self.mark(account);
        if mark.local == 0 {
            mark.local = fresh;
            let Mark { back, latest, .. } = *mark;
            self.locals.push(Local { account, back, on_path: false, latest, steps: None });
            return fresh - 1;
        }
        mark.local - 1
    }

    fn walk(
        &mut self,
        search: Search<'_>,
        here: Standing,
        budget: &mut Budget,
        found: &mut impl FnMut(Sequence<'_>),
    ) -> Option<()> {
        let (first, last) = self.steps_of(search, here.at, budget)?;
        let local = &mut self.locals[here.at as usize];
        local.on_path = true;
        self.path.push(local.account);
        let left = search.hops - u8::try_from(self.path.len()).expect("at most 64 hops");
        for at in first..last {
            if !budget.take(1) {
                return None;
            }
            let step = self.steps[at as usize];
            let there = self.locals[step.to as usize];
            // One hop is taken by the step itself.
            if there.on_path || there.back > left {
                continue;
            }
            let mut since = FIRST;
            if search.rising {
                let keys = &self.keys[step.keys.0 as usize..step.keys.1 as usize];
                match keys.iter().find(|&&key| key > here.since) {
                    Some(&key) if key < there.latest => since = key,
                    Some(_) | None => continue,
                }
            }
            if there.back == 0 {
                self.path.push(there.account);
                found(&self.path);
                self.path.pop();
            } else {
                self.walk(search, Standing { at: step.to, since }, budget, found)?;
            }
        }
        self.path.pop();
        self.locals[here.at as usize].on_path = false;
        Some(())
    }

    /// The steps from a local account that may lie on a path: made when the walk first comes there.
    fn steps_of(&mut self, search: Search<'_>, at: u32, budget: &mut Budget) -> Option<(u32, u32)> {
        let Local { account, steps, .. } = self.locals[at as usize];
        if let Some(known) = steps {
            return Some(known);
        }
        let edges = search.graph.out(account, search.view);
        if !budget.take(edges.len()) {
            return None;
        }
        let mut found = std::mem::take(&mut self.found_steps);
        found.clear();
        for edge in edges {
            if edge.other == search.closing.creditor || edge.other == account {
                continue;
            }
            if self.mark(edge.other).back != FAR {
                found.push((self.local(edge.other), edge.key()));
            }
        }
        found.sort_unstable();
        let first = dense(self.steps.len());
        for (to, key) in &found {
            let keys = dense(self.keys.len());
            match self.steps[first as usize..].last_mut() {
                Some(step) if step.to == *to && !search.rising => continue,
                Some(step) if step.to == *to => step.keys.1 = keys + 1,
                Some(_) | None => self.steps.push(Step { to: *to, keys: (keys, keys + 1) }),
            }
            self.keys.push(*key);
        }
        let known = (first, dense(self.steps.len()));
        self.locals[at as usize].steps = Some(known);
        self.found_steps = found;
        Some(known)
    }
}

/// Where the walk stands: at a local account, with money that came by a payment.
#[derive(Debug, Clone, Copy)]
struct Standing {
    at: u32,
    since: Key,
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
    accounts: Sequence<'_>,
) -> Vec<Place> {
    let view = closing.view(rule.window);
    let mut hops: Vec<Vec<Key>> = accounts
        .windows(2)
        .map(|pair| {
            let edges = graph.out(pair[0], view).iter();
            edges.filter(|e| e.other == pair[1]).map(crate::Edge::key).collect()
        })
        .collect();
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
    let mut places: Vec<Place> = hops.concat().into_iter().map(|key| key.place).collect();
    places.push(closing.key.place);
    places.sort_unstable();
    places
}
