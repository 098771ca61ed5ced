//! Payments of the window, looked through piece by piece so that the engine goes on in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shroff_engine::Live;
use shroff_types::{AccountId, Amount, Place, Span, Timestamp};

use super::desk::Desk;
use super::problem::Problem;
use super::pseudonyms::Pseudonyms;

/// Payments that are looked at between two batches: a millisecond or two.
const PAYMENTS_AT_ONCE: u32 = 50_000;
/// Names that are handed out between two batches.
const NAMES_AT_ONCE: u32 = 20_000;

/// A payment of an account that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) time: Timestamp,
    pub(crate) debtor: AccountId,
    pub(crate) creditor: AccountId,
    pub(crate) amount: Amount,
    /// In the units of the engine.
    pub(crate) minor: i128,
    pub(crate) names: [String; 2],
}

/// The account of a token, where it has a payment that was ever seen since the start.
pub(crate) async fn account_of(
    desk: &Desk,
    pseudonyms: &Pseudonyms,
    token: &str,
) -> Result<Option<AccountId>, Problem> {
    if let Some(name) = pseudonyms.name_of(token) {
        return desk.ask(move |core| core.live.find_account(&name)).await;
    }
    let count = desk.ask(|core| core.live.account_count()).await?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let mut from = 0;
    while from < count {
        let to = count.min(from.saturating_add(NAMES_AT_ONCE));
        let names = desk.ask(move |core| {
            let name = |number| core.live.account(AccountId(number)).to_owned();
            (from..to).map(name).collect::<Vec<String>>()
        });
        for (number, name) in (from..to).zip(names.await?) {
            if pseudonyms.is_of(token, &name) {
                return Ok(Some(AccountId(number)));
            }
        }
        from = to;
    }
    Ok(None)
}

/// Nothing that is sent may have such an id.
fn is_withdrawal(id: &str) -> bool {
    id.starts_with(char::is_control)
}

/// The payments of some accounts, from the newest back: until there are `most` of them. Whether that
/// is all.
pub(crate) async fn payments_of(
    desk: &Desk,
    accounts: BTreeSet<AccountId>,
    most: usize,
) -> Result<(Vec<Seen>, bool), Problem> {
    let accounts = Arc::new(accounts);
    let mut found: Vec<Seen> = Vec::new();
    let mut end = desk.ask(|core| core.live.next()).await?.0;
    loop {
        let wanted = Arc::clone(&accounts);
        let room = most.saturating_add(1) - found.len();
        let piece = desk.ask(move |core| {
            let first = core.live.first_held().0;
            let begin = end.saturating_sub(PAYMENTS_AT_ONCE).max(first);
            let seen = (begin..end).rev().filter_map(|place| {
                let held = core.live.held(Place(place))?;
                let is_of = wanted.contains(&held.debtor) || wanted.contains(&held.creditor);
                let place = Place(place);
                // What was taken out counts for nothing, and what takes it out is no payment.
                let is_paid = || !is_withdrawal(held.id) && !core.live.is_withdrawn(place);
                (is_of && is_paid()).then(|| Seen {
                    place,
                    id: held.id.to_owned(),
                    time: held.time,
                    debtor: held.debtor,
                    creditor: held.creditor,
                    amount: held.amount,
                    minor: core.live.engine_minor(held.amount),
                    names: [held.debtor, held.creditor].map(|it| core.live.account(it).to_owned()),
                })
            });
            (seen.take(room).collect::<Vec<Seen>>(), begin, begin <= first)
        });
        let (seen, begin, is_last) = piece.await?;
        found.extend(seen);
        if found.len() > most {
            found.truncate(most);
            return Ok((found, false));
        }
        if is_last {
            return Ok((found, true));
        }
        end = begin;
    }
}

/// Days that are counted at most.
const MOST_DAYS: usize = 3_661;

/// How many payments of the window are of each day from a time on, by days since 1970. They are
/// searched for, not walked through, so that the engine is asked once: a late one counts with those
/// that it came among.
pub(crate) async fn payments_by_day(
    desk: &Desk,
    since: Timestamp,
) -> Result<BTreeMap<i64, u64>, Problem> {
    desk.ask(move |core| {
        let live = &core.live;
        let end = live.next();
        let mut days = BTreeMap::new();
        let mut from = first_of(live, live.first_held(), since);
        while let Some(held) = live.held(from).filter(|_| days.len() < MOST_DAYS) {
            let day = held.time.0.div_euclid(Span::DAY.micros());
            let midnight = Timestamp((day + 1).saturating_mul(Span::DAY.micros()));
            let next = first_of(live, Place(from.0 + 1), midnight);
            *days.entry(day).or_insert(0) += u64::from(next.0 - from.0);
            if next >= end {
                break;
            }
            from = next;
        }
        days
    })
    .await
}

/// The first payment from a place on that is not before a time.
fn first_of(live: &Live, from: Place, time: Timestamp) -> Place {
    let (mut low, mut high) = (from.0, live.next().0.max(from.0));
    while low < high {
        let middle = low + (high - low) / 2;
        if live.held(Place(middle)).is_some_and(|held| held.time < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Place(low)
}
