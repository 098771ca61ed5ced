//! Running totals of a hub's line, so that no payment costs a walk along it.
//!
//! An ordinary account's line is a cache line or two, and walking it is the fastest there is. A
//! hub's is not: for the few lines with more than [`HUB`] payments in sight, totals are kept and
//! moved along as the window slides, a step for each payment that enters or leaves. What they say
//! is what a walk would say, to the bit, because both are exact.
//!
//! A tracker knows which part of the line it is about, and can be moved to any other: forwards as
//! time goes on, and back and forth again for a payment that came late.

use std::collections::{BTreeMap, VecDeque};

use shroff_graph::{Account, Edge, Edges, Key, Near, View, Way};
use shroff_types::AccountId;

use crate::alike::{Alike, AlikeNeeds};
use crate::counterparties::Counterparties;
use crate::definitions::Measure;
use crate::few;
use crate::moments::Sums;
use crate::ranks::{Ranks, fetch_lines};

/// Lines with up to this many payments in sight are walked. No value depends on it; builds with
/// assertions make it small, so that the tests' small ledgers have hubs.
pub(crate) const HUB: usize = if cfg!(debug_assertions) { 4 } else { few::MOST };
/// Lines that hold up to this many have no totals. A little below, so that a line about as long as
/// that does not make them anew again and again.
pub(crate) const FEW: usize = HUB - HUB / 4;

/// What has to be known of a line.
#[expect(clippy::struct_excessive_bools, reason = "any of them goes with any other")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Needs {
    /// Distinct counterparties.
    pub(crate) fan: bool,
    /// The sum of the amounts.
    pub(crate) sum: bool,
    /// Sums of powers of the amounts.
    pub(crate) moments: bool,
    /// Least, greatest and median amount.
    pub(crate) order: bool,
    /// The payments with each counterparty.
    pub(crate) pairs: bool,
    /// Those by their amount as well.
    pub(crate) pairs_by_amount: bool,
    /// The payments by their amount.
    pub(crate) by_amount: Option<AlikeNeeds>,
}

impl Needs {
    /// What has to be known for measures.
    pub(crate) fn of(measures: &[Measure]) -> Needs {
        let any = |known: &[Measure]| measures.iter().any(|m| known.contains(m));
        Needs {
            fan: any(&[Measure::Fan]),
            sum: any(&[Measure::Sum, Measure::Mean]),
            moments: any(&[Measure::Std, Measure::Skew, Measure::Kurtosis]),
            order: any(&[Measure::Min, Measure::Max, Measure::Median]),
            ..Needs::default()
        }
    }

    /// Whether all there is to know of a whole line is how long it is. Pairs are not asked for at
    /// each payment of a line: if they did not come along, the first who asks would walk a hub.
    pub(crate) fn is_length(self) -> bool {
        !(self.fan || self.sum || self.moments || self.order || self.pairs)
    }

    pub(crate) fn and(self, other: Needs) -> Needs {
        Needs {
            fan: self.fan || other.fan,
            sum: self.sum || other.sum,
            moments: self.moments || other.moments,
            order: self.order || other.order,
            pairs: self.pairs || other.pairs,
            pairs_by_amount: self.pairs_by_amount || other.pairs_by_amount,
            by_amount: match (self.by_amount, other.by_amount) {
                (Some(mine), Some(theirs)) => Some(mine.and(theirs)),
                (mine, theirs) => mine.or(theirs),
            },
        }
    }
}

/// What moves with a window: takes payments in and lets them go.
pub(crate) trait Follow {
    /// A payment comes in sight.
    fn enter(&mut self, edge: &Edge, minor: i128);
    /// A payment that came in sight is so no more.
    fn leave(&mut self, edge: &Edge, minor: i128);
}

/// A part of a line: what is seen of it, and about where its ends are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) view: View,
    near: Near,
}

impl Reach {
    /// Nothing, where a view begins.
    fn nothing(view: View) -> Reach {
        Reach { view: View { after: view.after, until: view.after }, near: Near::ENDS }
    }
}

/// Moves what follows a line from one part of it to another.
pub(crate) fn slide<'e>(
    line: &impl Fn(View, Near) -> (Edges<'e>, Near),
    reach: &mut Reach,
    to: View,
    follower: &mut impl Follow,
) {
    let Reach { view: from, near } = *reach;
    reach.view = to;
    if from == to {
        return;
    }
    let old = |edge: u64| Near { after: edge, until: edge };
    let forwards = from.after <= to.after && from.until <= to.until && to.after <= from.until;
    if forwards {
        let gone = View { after: from.after, until: to.after };
        let come = View { after: from.until, until: to.until };
        if gone.after < gone.until {
            let (gone, at) = line(gone, old(near.after));
            reach.near.after = at.until;
            gone.for_each(|edge| follower.leave(edge, gone.minor(edge)));
        }
        if come.after < come.until {
            let (come, at) = line(come, old(near.until));
            reach.near.until = at.until;
            come.for_each(|edge| follower.enter(edge, come.minor(edge)));
        }
        return;
    }
    reach.near = Near::ENDS;
    let part = |after: Key, until: Key| line(View { after, until }, Near::ENDS).0;
    for gone in
        [part(from.after, from.until.min(to.after)), part(from.after.max(to.until), from.until)]
    {
        gone.for_each(|edge| follower.leave(edge, gone.minor(edge)));
    }
    for come in [part(to.after, to.until.min(from.after)), part(to.after.max(from.until), to.until)]
    {
        come.for_each(|edge| follower.enter(edge, come.minor(edge)));
    }
}

/// The payments with one counterparty.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// In order, with their amounts.
    pub(crate) payments: VecDeque<(Key, i128)>,
    pub(crate) sum: i128,
    /// By amount, where that is asked for and they are many.
    pub(crate) by_amount: Option<Box<Alike>>,
}

impl Pair {
    fn enter(&mut self, edge: &Edge, minor: i128, is_by_amount: bool) {
        self.sum += minor;
        let at = self.payments.partition_point(|(key, _)| *key < edge.key());
        self.payments.insert(at, (edge.key(), minor));
        if let Some(alike) = &mut self.by_amount {
            alike.enter(edge.other, edge.key(), minor);
        } else if is_by_amount && self.payments.len() > HUB {
            let mut alike = Alike::new(edge.other, AlikeNeeds::default());
            self.payments.iter().for_each(|&(key, minor)| alike.enter(edge.other, key, minor));
            self.by_amount = Some(Box::new(alike));
        }
    }

    fn leave(&mut self, edge: &Edge, minor: i128) {
        self.sum -= minor;
        let at = self.payments.partition_point(|(key, _)| *key < edge.key());
        self.payments.remove(at);
        if self.payments.len() <= FEW {
            self.by_amount = None;
        } else if let Some(alike) = &mut self.by_amount {
            alike.leave(edge.other, edge.place, minor);
        }
    }

    /// Whether a payment is one of them.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.payments.binary_search_by_key(&key, |(key, _)| *key).is_ok()
    }

    /// The last of them before a place in the order.
    pub(crate) fn last_before(&self, until: Key) -> Option<Key> {
        let before = self.payments.partition_point(|(key, _)| *key < until);
        before.checked_sub(1).map(|at| self.payments[at].0)
    }

    fn bytes(&self) -> usize {
        let alike = self.by_amount.as_ref().map_or(0, |alike| alike.bytes());
        size_of::<Pair>() + self.payments.capacity() * size_of::<(Key, i128)>() + alike
    }
}

/// The counterparties of a line, each with its payments in sight.
#[derive(Debug)]
enum Others {
    Unknown,
    Counted(Counterparties<u32>),
    Paired(BTreeMap<AccountId, Pair>),
}

/// Totals of the part of a line that a window sees.
#[derive(Debug)]
// In whole lines of the cache, the account at the begin of the first: they are fetched one by one.
#[repr(C, align(64))]
pub(crate) struct Tracker {
    account: AccountId,
    reach: Reach,
    needs: Needs,
    pub(crate) sums: Sums,
    pub(crate) sum: i128,
    /// Of payments to oneself.
    pub(crate) own: i128,
    pub(crate) count: u64,
    others: Others,
    ranks: Option<Ranks>,
    by_amount: Option<Box<Alike>>,
}

// A payment finds out up to four of them in memory.
const _: () = assert!(size_of::<Tracker>() <= 320);

impl Tracker {
    pub(crate) fn new(account: AccountId, needs: Needs, view: View) -> Tracker {
        let others = match needs {
            Needs { pairs: true, .. } => Others::Paired(BTreeMap::new()),
            Needs { fan: true, .. } => Others::Counted(Counterparties::default()),
            _ => Others::Unknown,
        };
        Tracker {
            account,
            reach: Reach::nothing(view),
            needs,
            sums: Sums::default(),
            sum: 0,
            own: 0,
            count: 0,
            others,
            ranks: needs.order.then(Ranks::default),
            by_amount: needs.by_amount.map(|needs| Box::new(Alike::new(account, needs))),
        }
    }

    /// What it is about.
    pub(crate) fn view(&self) -> View {
        self.reach.view
    }

    /// Moves to another part of its line.
    pub(crate) fn slide<'e>(&mut self, line: impl Fn(View, Near) -> (Edges<'e>, Near), view: View) {
        let mut reach = self.reach;
        slide(&line, &mut reach, view, self);
        self.reach = reach;
        if let Some(ranks) = &mut self.ranks {
            ranks.settle(|amounts| {
                let (seen, _) = line(view, Near::ENDS);
                seen.for_each(|edge| amounts.extend(u32::try_from(seen.minor(edge))));
            });
        }
    }

    /// Fetches it; see [`shroff_graph::Shard::fetch`].
    pub(crate) fn fetch(&self) {
        fetch_lines::<Tracker, _>(&self.account);
    }

    /// Fetches what it leads to, of which the counterparty of a payment that comes.
    pub(crate) fn fetch_parts(&self, lines: Account<'_>, way: Way, comes: Option<AccountId>) {
        lines.fetch_blocks(way, self.reach.near);
        if let Some(ranks) = &self.ranks {
            ranks.fetch();
        }
        if let (Others::Counted(others), Some(other)) = (&self.others, comes) {
            others.fetch(other);
        }
    }

    /// Fetches what those lead to: the ends of its line, and the middle of its amounts.
    pub(crate) fn fetch_ends(&self, lines: Account<'_>, way: Way) {
        lines.fetch_ends(way, self.reach.near);
        if let Some(ranks) = &self.ranks {
            ranks.fetch_ends();
        }
    }

    /// Fetches what a payment that comes and about the next to leave are counted in.
    pub(crate) fn fetch_counts(&self, lines: Account<'_>, way: Way, comes: Option<i128>) {
        let leaves = lines.oldest(way, self.reach.near);
        if let (Others::Counted(others), Some((edge, _))) = (&self.others, leaves) {
            others.fetch(edge.other);
        }
        if let Some(ranks) = &self.ranks {
            let leaves = leaves.map(|(_, minor)| minor);
            comes.into_iter().chain(leaves).for_each(|minor| ranks.fetch_amount(minor));
        }
    }

    /// The payments by their amount.
    ///
    /// # Panics
    /// If nobody said that this has to be known.
    pub(crate) fn by_amount(&self) -> &Alike {
        self.by_amount.as_deref().expect("who asks by amount is of a group that knows amounts")
    }

    /// Distinct counterparties, the account itself left out.
    pub(crate) fn fan(&self) -> u64 {
        match &self.others {
            Others::Unknown => 0,
            Others::Counted(others) => others.len() as u64,
            Others::Paired(others) => {
                others.len() as u64 - u64::from(others.contains_key(&self.account))
            }
        }
    }

    /// The payments with a counterparty.
    pub(crate) fn pair(&self, other: AccountId) -> Option<&Pair> {
        match &self.others {
            Others::Paired(others) => others.get(&other),
            Others::Unknown | Others::Counted(_) => None,
        }
    }

    /// About how many bytes it takes. A tree is about two thirds full, and has links.
    pub(crate) fn bytes(&self) -> usize {
        let others = match &self.others {
            Others::Unknown => 0,
            Others::Counted(others) => others.bytes(),
            Others::Paired(others) => others.values().map(Pair::bytes).sum::<usize>() * 3 / 2,
        };
        let amounts = self.by_amount.as_ref().map_or(0, |alike| alike.bytes());
        let ranks = self.ranks.as_ref().map_or(0, Ranks::bytes);
        size_of::<Tracker>() + amounts + others + ranks
    }

    /// What is known of the order of the amounts, if there are any.
    pub(crate) fn ranks(&mut self) -> Option<&mut Ranks> {
        self.ranks.as_mut().filter(|_| self.count > 0)
    }
}

impl Follow for Tracker {
    fn enter(&mut self, edge: &Edge, minor: i128) {
        self.count += 1;
        self.sum += minor;
        if self.needs.moments {
            self.sums.add(minor);
        }
        if let Some(ranks) = &mut self.ranks {
            ranks.enter(minor);
        }
        if let Some(alike) = &mut self.by_amount {
            alike.enter(edge.other, edge.key(), minor);
        }
        if edge.other == self.account {
            self.own += minor;
        }
        match &mut self.others {
            Others::Unknown => {}
            Others::Counted(others) => {
                if edge.other != self.account {
                    others.change(edge.other, |count| *count += 1);
                }
            }
            Others::Paired(others) => {
                let pair = others.entry(edge.other).or_default();
                pair.enter(edge, minor, self.needs.pairs_by_amount);
            }
        }
    }

    fn leave(&mut self, edge: &Edge, minor: i128) {
        self.count -= 1;
        self.sum -= minor;
        if self.needs.moments {
            self.sums.subtract(minor);
        }
        if let Some(ranks) = &mut self.ranks {
            ranks.leave(minor);
        }
        if let Some(alike) = &mut self.by_amount {
            alike.leave(edge.other, edge.place, minor);
        }
        if edge.other == self.account {
            self.own -= minor;
        }
        match &mut self.others {
            Others::Unknown => {}
            Others::Counted(others) => {
                if edge.other != self.account {
                    others.change(edge.other, one_less);
                }
            }
            Others::Paired(others) => {
                let pair = others.get_mut(&edge.other).expect("what leaves has entered");
                pair.leave(edge, minor);
                if pair.payments.is_empty() {
                    others.remove(&edge.other);
                }
            }
        }
    }
}

fn one_less(count: &mut u32) {
    *count = count.checked_sub(1).expect("what leaves has entered");
}

/// Counterparties of a window, and of the longer memory of which it is the end.
#[derive(Debug)]
pub(crate) struct Acquaintances {
    account: AccountId,
    /// The part that is recent, and the part before it.
    parts: [Reach; 2],
    /// For each counterparty, its payments in the window and in the memory before it.
    seen: Counterparties<[u32; 2]>,
    /// Distinct counterparties in the window that are none of the memory before it.
    pub(crate) new_fan: u64,
}

/// One of the two parts, as what follows it.
struct Part<'a> {
    known: &'a mut Acquaintances,
    part: usize,
}

impl Acquaintances {
    pub(crate) fn new(account: AccountId, views: [View; 2]) -> Acquaintances {
        let parts = views.map(Reach::nothing);
        Acquaintances { account, parts, seen: Counterparties::default(), new_fan: 0 }
    }

    pub(crate) fn views(&self) -> [View; 2] {
        self.parts.map(|part| part.view)
    }

    /// Moves to another window and another memory before it.
    pub(crate) fn slide<'e>(
        &mut self,
        line: impl Fn(View, Near) -> (Edges<'e>, Near),
        views: [View; 2],
    ) {
        for (part, view) in views.into_iter().enumerate() {
            let mut reach = self.parts[part];
            slide(&line, &mut reach, view, &mut Part { known: self, part });
            self.parts[part] = reach;
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Acquaintances>() + self.seen.bytes()
    }

    /// A payment that came late, if its part of the line is in sight.
    pub(crate) fn enter_late(&mut self, edge: &Edge) {
        for part in 0..2 {
            if self.parts[part].view.sees(edge.key()) {
                Part { known: self, part }.enter(edge, 0);
            }
        }
    }

    /// A payment that is taken out, if its part of the line is in sight.
    pub(crate) fn leave_early(&mut self, edge: &Edge) {
        for part in 0..2 {
            if self.parts[part].view.sees(edge.key()) {
                Part { known: self, part }.leave(edge, 0);
            }
        }
    }

    fn change(&mut self, other: AccountId, change: impl Fn(&mut [u32; 2])) {
        if other == self.account {
            return;
        }
        let is_new = |[now, before]: [u32; 2]| u64::from(now > 0 && before == 0);
        let new_fan = &mut self.new_fan;
        self.seen.change(other, |counts| {
            *new_fan -= is_new(*counts);
            change(counts);
            *new_fan += is_new(*counts);
        });
    }
}

impl Follow for Part<'_> {
    fn enter(&mut self, edge: &Edge, _: i128) {
        let part = self.part;
        self.known.change(edge.other, |counts| counts[part] += 1);
    }

    fn leave(&mut self, edge: &Edge, _: i128) {
        let part = self.part;
        self.known.change(edge.other, |counts| one_less(&mut counts[part]));
    }
}
