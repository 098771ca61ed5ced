//! A hub's payments by their amount: what there is to say of those within some range of it, without
//! a walk over them.
//!
//! They lie in rungs, ascending, and each rung knows its sums: a question adds up the rungs within
//! its range, and walks the two at its ends. Distinct counterparties add up as well. Each payment
//! knows the amount of its counterparty's payment before it in this order; of those within a range,
//! the ones whose predecessor lies below it are one of each counterparty.

use std::collections::BTreeSet;

use shroff_graph::Key;
use shroff_types::{AccountId, Place, Timestamp};

use crate::definitions::Measure;
use crate::moments::{Central, Sums};
use crate::tracker::Needs;

/// Payments of a rung at most.
const RUNG: usize = if cfg!(debug_assertions) { 4 } else { 256 };

/// Before the first payment of a counterparty.
const NOTHING: i128 = i128::MIN;
/// Before a payment to oneself, which is no counterparty's.
const NOBODY: i128 = i128::MAX;

/// What has to be known of payments that are chosen by their amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AlikeNeeds {
    fan: bool,
    moments: bool,
}

impl AlikeNeeds {
    pub(crate) fn of(measures: &[Measure]) -> AlikeNeeds {
        let Needs { fan, moments, .. } = Needs::of(measures);
        AlikeNeeds { fan, moments }
    }

    pub(crate) fn and(self, other: AlikeNeeds) -> AlikeNeeds {
        AlikeNeeds { fan: self.fan || other.fan, moments: self.moments || other.moments }
    }
}

/// Amounts from one to another, both of them among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) least: i128,
    pub(crate) greatest: i128,
}

/// What there is to say of the payments within a range.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Chosen {
    pub(crate) count: u64,
    pub(crate) sum: i128,
    pub(crate) fan: u64,
    pub(crate) central: Central,
    /// Twice the median, the least and the greatest.
    pub(crate) order: [i128; 3],
}

#[derive(Debug, Clone, Copy)]
struct Item {
    minor: i128,
    /// The amount of its counterparty's payment before it.
    before: i128,
    time: Timestamp,
    place: Place,
}

impl Item {
    fn rank(&self) -> (i128, Place) {
        (self.minor, self.place)
    }

    fn key(&self) -> Key {
        Key { time: self.time, place: self.place }
    }
}

#[derive(Debug, Default)]
struct Rung {
    /// Ascending by amount, and by place where amounts are equal; at least one.
    items: Vec<Item>,
    /// What lies before each of them, ascending.
    befores: Vec<i128>,
    sum: i128,
    sums: Sums,
    /// The latest of them.
    newest: Option<Key>,
}

impl Rung {
    fn of(items: Vec<Item>, needs: AlikeNeeds) -> Rung {
        let mut rung = Rung { newest: items.iter().map(Item::key).max(), ..Rung::default() };
        for item in &items {
            rung.sum += item.minor;
            if needs.moments {
                rung.sums.add(item.minor);
            }
        }
        if needs.fan {
            rung.befores = items.iter().map(|item| item.before).collect();
            rung.befores.sort_unstable();
        }
        Rung { items, ..rung }
    }

    fn first(&self) -> i128 {
        self.items[0].minor
    }

    fn last(&self) -> (i128, Place) {
        self.items[self.items.len() - 1].rank()
    }

    /// Those of it that lie within a range.
    fn within(&self, Range { least, greatest }: Range) -> &[Item] {
        let begin = self.items.partition_point(|item| item.minor < least);
        let end = self.items.partition_point(|item| item.minor <= greatest);
        &self.items[begin..end.max(begin)]
    }

    fn at(&self, rank: (i128, Place)) -> usize {
        self.items.partition_point(|item| item.rank() < rank)
    }

    fn take_before(&mut self, before: i128) {
        let at = self.befores.partition_point(|b| *b < before);
        self.befores.insert(at, before);
    }

    fn drop_before(&mut self, before: i128) {
        let at = self.befores.partition_point(|b| *b < before);
        self.befores.remove(at);
    }
}

/// The payments of a part of a line, by their amount.
#[derive(Debug)]
pub(crate) struct Alike {
    account: AccountId,
    needs: AlikeNeeds,
    /// Ascending, none of them empty.
    rungs: Vec<Rung>,
    /// Each counterparty's payments, where fans are asked for.
    by_other: BTreeSet<(AccountId, i128, Place)>,
    len: usize,
}

impl Alike {
    pub(crate) fn new(account: AccountId, needs: AlikeNeeds) -> Alike {
        Alike { account, needs, rungs: Vec::new(), by_other: BTreeSet::new(), len: 0 }
    }

    /// About how many bytes it takes. A tree is about two thirds full, and has links.
    pub(crate) fn bytes(&self) -> usize {
        let rungs = self.rungs.iter().map(|rung| {
            let befores = rung.befores.capacity() * size_of::<i128>();
            size_of::<Rung>() + rung.items.capacity() * size_of::<Item>() + befores
        });
        let others = self.by_other.len() * size_of::<(AccountId, i128, Place)>();
        rungs.sum::<usize>() + others * 3 / 2
    }

    pub(crate) fn enter(&mut self, other: AccountId, Key { time, place }: Key, minor: i128) {
        let mut item = Item { minor, before: NOTHING, time, place };
        if self.needs.fan {
            item.before = self.join(other, item.rank());
        }
        self.len += 1;
        let number = self.rung_of(item.rank());
        let Some(rung) = self.rungs.get_mut(number) else {
            self.rungs.push(Rung::of(vec![item], self.needs));
            return;
        };
        rung.sum += minor;
        rung.newest = rung.newest.max(Some(item.key()));
        if self.needs.moments {
            rung.sums.add(minor);
        }
        if self.needs.fan {
            rung.take_before(item.before);
        }
        let at = rung.at(item.rank());
        rung.items.insert(at, item);
        if rung.items.len() > RUNG {
            let upper = rung.items.split_off(RUNG / 2);
            let lower = std::mem::take(&mut rung.items);
            let halves = [lower, upper].map(|items| Rung::of(items, self.needs));
            self.rungs.splice(number..=number, halves);
        }
    }

    /// # Panics
    /// If it had not entered.
    pub(crate) fn leave(&mut self, other: AccountId, place: Place, minor: i128) {
        let rank = (minor, place);
        if self.needs.fan {
            self.part(other, rank);
        }
        self.len -= 1;
        let number = self.rung_of(rank);
        let rung = &mut self.rungs[number];
        let at = rung.at(rank);
        let item = rung.items.remove(at);
        assert!(item.rank() == rank, "what leaves has entered");
        if rung.items.is_empty() {
            self.rungs.remove(number);
            return;
        }
        rung.sum -= minor;
        if self.needs.moments {
            rung.sums.subtract(minor);
        }
        if self.needs.fan {
            rung.drop_before(item.before);
        }
        if rung.newest == Some(item.key()) {
            rung.newest = rung.items.iter().map(Item::key).max();
        }
    }

    /// The first rung whose last payment is not before a rank; the last one where there is none.
    fn rung_of(&self, rank: (i128, Place)) -> usize {
        let number = self.rungs.partition_point(|rung| rung.last() < rank);
        number.min(self.rungs.len().saturating_sub(1))
    }

    /// Puts a payment among those of its counterparty; the amount of the one before it.
    fn join(&mut self, other: AccountId, rank: (i128, Place)) -> i128 {
        if other == self.account {
            return NOBODY;
        }
        let (before, behind) = self.neighbours(other, rank);
        self.by_other.insert((other, rank.0, rank.1));
        if let Some(behind) = behind {
            self.follow(behind, rank.0);
        }
        before
    }

    /// Takes a payment out of those of its counterparty.
    fn part(&mut self, other: AccountId, rank: (i128, Place)) {
        if other == self.account {
            return;
        }
        self.by_other.remove(&(other, rank.0, rank.1));
        let (before, behind) = self.neighbours(other, rank);
        if let Some(behind) = behind {
            self.follow(behind, before);
        }
    }

    /// The amount of a counterparty's last payment before a rank, and the rank of the first behind.
    fn neighbours(
        &self,
        other: AccountId,
        (minor, place): (i128, Place),
    ) -> (i128, Option<(i128, Place)>) {
        let at = (other, minor, place);
        let before = self.by_other.range(..at).next_back();
        let before = before.filter(|it| it.0 == other).map_or(NOTHING, |it| it.1);
        let behind =
            self.by_other.range((std::ops::Bound::Excluded(at), std::ops::Bound::Unbounded)).next();
        (before, behind.filter(|it| it.0 == other).map(|it| (it.1, it.2)))
    }

    /// Says what lies before a payment that is there.
    fn follow(&mut self, rank: (i128, Place), before: i128) {
        let number = self.rung_of(rank);
        let rung = &mut self.rungs[number];
        let at = rung.at(rank);
        let old = std::mem::replace(&mut rung.items[at].before, before);
        rung.drop_before(old);
        rung.take_before(before);
    }

    /// The rungs that have something within a range.
    fn touched(&self, range: Range) -> &[Rung] {
        let begin = self.rungs.partition_point(|rung| rung.last().0 < range.least);
        let end = self.rungs.partition_point(|rung| rung.first() <= range.greatest);
        &self.rungs[begin..end.max(begin)]
    }

    /// What there is to say of the payments within a range.
    pub(crate) fn within(&self, range: Range) -> Chosen {
        let mut chosen = Chosen::default();
        let mut sums = Sums::default();
        let rungs = self.touched(range);
        for rung in rungs {
            if rung.first() >= range.least && rung.last().0 <= range.greatest {
                chosen.count += rung.items.len() as u64;
                chosen.sum += rung.sum;
                chosen.fan += rung.befores.partition_point(|b| *b < range.least) as u64;
                if self.needs.moments {
                    sums.merge(&rung.sums);
                }
                continue;
            }
            for item in rung.within(range) {
                chosen.count += 1;
                chosen.sum += item.minor;
                chosen.fan += u64::from(item.before < range.least);
                if self.needs.moments {
                    sums.add(item.minor);
                }
            }
        }
        chosen.central = sums.central();
        if let Some(last) = chosen.count.checked_sub(1) {
            let ranked = |rank| ranked(rungs, range, rank);
            let twice = ranked(last / 2) + ranked(chosen.count / 2);
            chosen.order = [twice, ranked(0), ranked(last)];
        }
        chosen
    }

    /// The latest payment within a range before a key.
    pub(crate) fn newest(&self, range: Range, until: Key) -> Option<Key> {
        let of = |rung: &Rung| {
            let is_whole = rung.first() >= range.least && rung.last().0 <= range.greatest;
            match rung.newest {
                Some(newest) if is_whole && newest < until => Some(newest),
                _ => rung.within(range).iter().map(Item::key).filter(|key| *key < until).max(),
            }
        };
        self.touched(range).iter().filter_map(of).max()
    }
}

/// The amount of a rank within a range.
fn ranked(rungs: &[Rung], range: Range, rank: u64) -> i128 {
    let mut left = usize::try_from(rank).expect("as many as there are");
    for rung in rungs {
        let items = rung.within(range);
        match items.get(left) {
            Some(item) => return item.minor,
            None => left -= items.len(),
        }
    }
    unreachable!("a rank is below the count")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use shroff_graph::Edge;

    use super::*;

    const ME: AccountId = AccountId(3);
    const ALL: AlikeNeeds = AlikeNeeds { fan: true, moments: true };

    fn edge((other, minor, time): (u32, i128, i64), place: u32) -> (Edge, i128) {
        let narrow = i64::try_from(minor).unwrap_or(-1);
        let place = Place(place);
        (Edge { time: Timestamp(time), minor: narrow, other: AccountId(other), place }, minor)
    }

    /// The same by a walk.
    fn walked(all: &[(Edge, i128)], range: Range) -> Chosen {
        let mut minors = Vec::new();
        let mut others = BTreeSet::new();
        let mut sums = Sums::default();
        for (edge, minor) in all {
            if (range.least..=range.greatest).contains(minor) {
                minors.push(*minor);
                sums.add(*minor);
                others.extend((edge.other != ME).then_some(edge.other));
            }
        }
        minors.sort_unstable();
        let order = match minors.len() {
            0 => [0; 3],
            n => [minors[(n - 1) / 2] + minors[n / 2], minors[0], minors[n - 1]],
        };
        Chosen {
            count: minors.len() as u64,
            sum: minors.iter().sum(),
            fan: others.len() as u64,
            central: sums.central(),
            order,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_chosen_by_amount_is_what_a_walk_chooses(
            steps in prop::collection::vec(
                (any::<prop::sample::Index>(), 0_u32..6, 0_i128..12, 0_i64..5, any::<bool>()), 1..60),
            far in 0_i128..=1 << 60,
            ranges in prop::collection::vec((0_i128..13, 0_i128..13), 1..6),
        ) {
            let mut alike = Alike::new(ME, ALL);
            let mut all: Vec<(Edge, i128)> = Vec::new();
            for (place, (which, other, minor, time, goes)) in (0_u32..).zip(steps) {
                if goes && !all.is_empty() {
                    let (edge, minor) = all.swap_remove(which.index(all.len()));
                    alike.leave(edge.other, edge.place, minor);
                } else {
                    let (edge, minor) = edge((other, minor * (1 + far), time), place);
                    alike.enter(edge.other, edge.key(), minor);
                    all.push((edge, minor));
                }
                for &(least, more) in &ranges {
                    let range = Range { least: least * (1 + far), greatest: (least + more) * (1 + far) };
                    prop_assert_eq!(alike.within(range), walked(&all, range));
                    for time in 0..5 {
                        let until = Key { time: Timestamp(time), place: Place(place / 2) };
                        let newest = all.iter()
                            .filter(|(_, minor)| (range.least..=range.greatest).contains(minor))
                            .map(|(edge, _)| edge.key())
                            .filter(|key| *key < until)
                            .max();
                        prop_assert_eq!(alike.newest(range, until), newest);
                    }
                }
            }
            prop_assert_eq!(alike.len, all.len());
        }
    }
}
