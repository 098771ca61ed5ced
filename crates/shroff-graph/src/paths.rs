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

mod halves;
mod meeting;

use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::graph::{Sheet, closing_view};
use crate::line::{Key, View};
use crate::{Bound, Budget};
use halves::{Halves, Pruned};
use meeting::{Meeting, Met};

/// The payment that closes a pattern: it must be in the graph already. On a sheet without it, it
/// closes nothing.
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

const FIRST: Key = Key { time: Timestamp(i64::MIN), place: Place(0) };
const NEVER: Key = Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) };

/// One search: what it asks, and its view of the sheet.
#[derive(Debug, Clone, Copy)]
struct Search<'g> {
    sheet: Sheet<'g>,
    closing: Closing,
    view: View,
    rising: bool,
    /// Hops of the longest path, the closing payment left out.
    hops: u8,
}

/// The working memory of the search; keep one and use it again.
#[derive(Debug, Default)]
pub struct Paths {
    meeting: meeting::Memory,
    halves: Halves,
}

/// One path that was found.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    paths: &'p Halves,
    seen: &'p [meeting::Seen],
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
        let account = |at: u32| self.seen[at as usize].account;
        let mut accounts: Vec<AccountId> = self.paths.ahead(self.forward).map(account).collect();
        accounts.reverse();
        // Both halves hold the account in which they meet.
        accounts.extend(self.paths.behind(self.back).skip(1).map(account));
        accounts
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
        sheet: Sheet<'_>,
        closing: Closing,
        rule: PathRule,
        found: &mut impl FnMut(Path<'_>),
    ) -> Bound {
        assert!((2..=64).contains(&rule.longest), "checked when the definitions were read");
        if closing.debtor == closing.creditor {
            return Bound::Exact;
        }
        let view = closing_view(closing.key, rule.window);
        let out = sheet.out(closing.creditor, view);
        if out.is_empty() || !sheet.holds(closing.debtor, view) {
            return Bound::Exact;
        }
        let into = sheet.into(closing.debtor, view);
        if into.is_empty() {
            return Bound::Exact;
        }
        let search = Search { sheet, closing, view, rising: rule.rising, hops: rule.longest - 1 };
        let mut budget = Budget::new(rule.budget);
        let Paths { meeting: memory, halves } = self;
        let mut meeting = Meeting::new(search, memory, [out, into]);
        let Met { met, cut_short } = meeting.meet(&mut budget);
        // Where the budget does not reach for the longest, all of those are found that it reaches for.
        let search = meeting.search();
        let mut rest = || {
            if !met {
                return Some(());
            }
            let pruned = meeting.gather(halves, &mut budget)?;
            let seen = meeting.seen();
            if pruned == Pruned::NothingLeft || !halves.measure(search.hops) {
                return Some(());
            }
            halves.grow(search, seen, &mut budget)?;
            halves.join(search, seen, &mut budget, found)
        };
        if rest().is_none() || cut_short { Bound::Saturated } else { Bound::Exact }
    }
}

fn dense(count: usize) -> u32 {
    u32::try_from(count).expect("bounded by the budget, which is under 2^32 steps")
}

/// The payments of one path and the one that closed it, ascending: all that lie on some run
/// along these accounts that rises in the order, or of a ring all between them. Costs the lines
/// of its accounts.
pub fn payments_of(
    sheet: Sheet<'_>,
    closing: Closing,
    rule: PathRule,
    accounts: &[AccountId],
) -> Vec<Key> {
    let view = closing_view(closing.key, rule.window);
    let hops = accounts.windows(2);
    let mut hops: Vec<Vec<Key>> = hops.map(|pair| between(sheet, pair, view)).collect();
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
fn between(sheet: Sheet<'_>, pair: &[AccountId], view: View) -> Vec<Key> {
    let (from, to) = (pair[0], pair[1]);
    let (out, into) = (sheet.out(from, view), sheet.into(to, view));
    let (line, other) = if out.len() <= into.len() { (out, to) } else { (into, from) };
    line.iter().filter(|edge| edge.other == other).map(crate::Edge::key).collect()
}
