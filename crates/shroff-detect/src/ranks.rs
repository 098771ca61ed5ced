//! The least, the greatest and the median amount of a hub.
//!
//! Of up to [`MANY`] amounts three stretches of their sorted list are kept: its begin, its middle and
//! its end. Most amounts come and go outside of all three, and then nothing is moved and nothing sought
//! in memory far away. The middle wanders as they do, half a rank a payment up or down, until it
//! leaves its stretch; then the line is walked once, and the stretches are made anew. More amounts
//! than that are all kept, in a [`Ladder`], so that no payment walks a long line.

use std::slice;

use prefetch_index::prefetch_index;

use crate::ladder::Ladder;

/// As many amounts at most have a walk of them once in a while. Less in builds with assertions, so
/// that the tests' small ledgers have all there is.
const MANY: usize = if cfg!(debug_assertions) { 16 } else { 2_048 };
/// Amounts of the stretch in the middle.
const MIDDLE: usize = if cfg!(debug_assertions) { 8 } else { 32 };
/// Amounts of each of those at the ends.
const ENDS: usize = if cfg!(debug_assertions) { 4 } else { 8 };
/// Ranks known beyond those that are asked for: as many amounts can be taken out, and those still
/// are known. What asks leaves one payment out at most.
const SPARE: usize = 1;

/// Amounts of the ranks from `from` on in the sorted list of all.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Stretch<const N: usize> {
    from: usize,
    len: usize,
    // What is known of them, and then anything.
    amounts: [u32; N],
}

impl<const N: usize> Stretch<N> {
    const NOTHING: Stretch<N> = Stretch { from: 0, len: 0, amounts: [0; N] };

    /// Up to `N` amounts about a rank; the others come in any order.
    fn about(rank: usize, amounts: &mut [u32]) -> Stretch<N> {
        let len = amounts.len().min(N);
        let from = rank.saturating_sub(N / 2).min(amounts.len() - len);
        let mut stretch = Stretch { from, len, ..Stretch::NOTHING };
        if len > 0 {
            amounts.select_nth_unstable(from);
            let behind = &mut amounts[from..];
            behind.select_nth_unstable(len - 1);
            stretch.amounts[..len].copy_from_slice(&behind[..len]);
            stretch.amounts[..len].sort_unstable();
        }
        stretch
    }

    fn known(&self) -> &[u32] {
        &self.amounts[..self.len]
    }

    /// An amount comes to `count` others; where one has to go for it, it is the one farther from the
    /// rank that is wanted.
    fn enter(&mut self, amount: u32, count: usize, wanted: usize) {
        let Stretch { from, len, .. } = *self;
        match self.known() {
            // All there are are here, or none is.
            [] if count > 0 => return,
            [first, ..] if amount < *first && from > 0 => {
                self.from += 1;
                return;
            }
            [.., last] if amount > *last && from + len < count => return,
            _ => {}
        }
        let at = self.known().partition_point(|known| *known < amount);
        if len < N {
            self.amounts.copy_within(at..len, at + 1);
            self.amounts[at] = amount;
            self.from = if len == 0 { 0 } else { from };
            self.len += 1;
        } else if wanted.saturating_sub(from) > (from + N).saturating_sub(wanted) {
            self.from += 1;
            if let Some(last) = at.checked_sub(1) {
                self.amounts.copy_within(1..at, 0);
                self.amounts[last] = amount;
            }
        } else if at < N {
            self.amounts.copy_within(at..N - 1, at + 1);
            self.amounts[at] = amount;
        }
    }

    /// One of the amounts goes.
    fn leave(&mut self, amount: u32) {
        match self.known() {
            [first, ..] if amount < *first => self.from -= 1,
            [.., last] if amount <= *last => {
                let at = self.known().partition_point(|known| *known < amount);
                self.amounts.copy_within(at + 1..self.len, at);
                self.len -= 1;
            }
            _ => {}
        }
    }

    /// Whether ranks are known, and would be with [`SPARE`] fewer of the `count` amounts.
    fn has(&self, [first, last]: [usize; 2], count: usize) -> bool {
        let end = self.from + self.len;
        (self.from == 0 || self.from + SPARE <= first) && (end == count || last + SPARE < end)
    }
}

/// The order of amounts that come and go.
#[derive(Debug)]
pub(crate) struct Ranks {
    /// Amounts below 2^32.
    count: usize,
    kept: Kept,
    /// Amounts from 2^32 on. Few lines have any.
    wide: Option<Box<Ladder<i128>>>,
}

/// What is known of the amounts below 2^32.
#[derive(Debug)]
enum Kept {
    Stretches(Box<Stretches>),
    /// Where they are many.
    All(Box<Ladder<u32>>),
}

#[derive(Debug)]
// In whole lines of the cache, a length at the begin of the first: they are fetched one by one.
#[repr(C, align(64))]
struct Stretches {
    middle: Stretch<MIDDLE>,
    least: Stretch<ENDS>,
    greatest: Stretch<ENDS>,
}

const _: () = assert!(size_of::<Stretches>() <= 256);

/// Fetches all of a `T` that is in whole lines of the cache, of 64 bytes: by its first field.
pub(crate) fn fetch_lines<T, F>(first: &F) {
    for at in (0..size_of::<T>() / size_of::<F>()).step_by(64 / size_of::<F>()) {
        prefetch_index(slice::from_ref(first), at);
    }
}

impl Stretches {
    const NOTHING: Stretches =
        Stretches { middle: Stretch::NOTHING, least: Stretch::NOTHING, greatest: Stretch::NOTHING };
}

impl Default for Ranks {
    fn default() -> Ranks {
        let kept = Kept::Stretches(Box::new(Stretches::NOTHING));
        Ranks { count: 0, kept, wide: None }
    }
}

impl Ranks {
    fn wide_len(&self) -> usize {
        self.wide.as_ref().map_or(0, |wide| wide.len())
    }

    /// The one or two ranks in the middle, of all amounts.
    fn middle_ranks(&self) -> [usize; 2] {
        let count = self.count + self.wide_len();
        [count.saturating_sub(1) / 2, count / 2]
    }

    pub(crate) fn enter(&mut self, minor: i128) {
        let Ok(amount) = u32::try_from(minor) else {
            self.wide.get_or_insert_default().insert(minor);
            return;
        };
        let count = self.count;
        self.count += 1;
        let [_, wanted] = self.middle_ranks();
        match &mut self.kept {
            Kept::All(all) => all.insert(amount),
            Kept::Stretches(stretches) => {
                stretches.least.enter(amount, count, 0);
                stretches.middle.enter(amount, count, wanted);
                stretches.greatest.enter(amount, count, count);
            }
        }
    }

    /// Takes out an amount that has entered.
    pub(crate) fn leave(&mut self, minor: i128) {
        let Ok(amount) = u32::try_from(minor) else {
            let wide = self.wide.as_mut().expect("what leaves has entered");
            wide.remove(minor);
            if wide.len() == 0 {
                self.wide = None;
            }
            return;
        };
        self.count -= 1;
        match &mut self.kept {
            Kept::All(all) => all.remove(amount),
            Kept::Stretches(stretches) => {
                stretches.least.leave(amount);
                stretches.middle.leave(amount);
                stretches.greatest.leave(amount);
            }
        }
    }

    /// Sees to it that it can be [`Ranks::said`] of these amounts, and of one fewer. `walk` is asked
    /// for all of them once in a while.
    pub(crate) fn settle(&mut self, walk: impl FnOnce(&mut Vec<u32>)) {
        if self.is_settled() {
            return;
        }
        let mut amounts = Vec::with_capacity(self.count);
        walk(&mut amounts);
        debug_assert_eq!(amounts.len(), self.count, "a tracker has what its line shows");
        if amounts.len() > MANY {
            let mut all = Ladder::default();
            amounts.sort_unstable();
            for amount in amounts {
                all.insert(amount);
            }
            self.kept = Kept::All(Box::new(all));
        } else {
            let [_, wanted] = self.middle_ranks();
            let anew = Stretches {
                least: Stretch::about(0, &mut amounts),
                middle: Stretch::about(wanted, &mut amounts),
                greatest: Stretch::about(self.count, &mut amounts),
            };
            match &mut self.kept {
                Kept::Stretches(stretches) => **stretches = anew,
                Kept::All(_) => self.kept = Kept::Stretches(Box::new(anew)),
            }
        }
    }

    fn is_settled(&self) -> bool {
        let count = self.count;
        let Kept::Stretches(stretches) = &self.kept else { return count > MANY / 2 };
        let last = count.saturating_sub(1);
        // Where most amounts are wide, the middle is behind all others.
        count <= MANY
            && stretches.least.has([0, 0], count)
            && stretches.middle.has(self.middle_ranks(), count)
            && stretches.greatest.has([last, last], count)
    }

    /// The amount of a rank in the middle.
    fn ranked(&mut self, rank: usize) -> i128 {
        match (rank.checked_sub(self.count), &mut self.wide, &mut self.kept) {
            (Some(rank), Some(wide), _) => wide.get(rank),
            (_, _, Kept::All(all)) => all.get(rank).into(),
            (_, _, Kept::Stretches(stretches)) => {
                let middle = &stretches.middle;
                middle.known()[rank - middle.from].into()
            }
        }
    }

    /// Twice the median, which is whole, the least and the greatest, of at least one amount.
    pub(crate) fn said(&mut self) -> [i128; 3] {
        let [lower, upper] = self.middle_ranks();
        let twice = self.ranked(lower) + self.ranked(upper);
        let [least, greatest] = match &self.kept {
            Kept::All(all) => [all.first(), all.last()],
            Kept::Stretches(stretches) => {
                let Stretches { least, greatest, .. } = &**stretches;
                [least.known().first().copied(), greatest.known().last().copied()]
            }
        };
        let [first, last] = [Ladder::first, Ladder::last].map(|end| end(self.wide.as_deref()?));
        let least = least.map(i128::from).or(first);
        let greatest = last.or(greatest.map(i128::from));
        [twice, least.expect("there is an amount"), greatest.expect("there is an amount")]
    }

    /// About how many bytes it takes beyond itself.
    pub(crate) fn bytes(&self) -> usize {
        let kept = match &self.kept {
            Kept::Stretches(_) => size_of::<Stretches>(),
            Kept::All(all) => all.len() * size_of::<u32>() * 3 / 2,
        };
        kept + self.wide_len() * size_of::<i128>() * 3 / 2
    }

    /// Fetches what it leads to; see [`shroff_graph::Shard::fetch`].
    pub(crate) fn fetch(&self) {
        match &self.kept {
            Kept::Stretches(stretches) => {
                fetch_lines::<Stretches, _>(&stretches.middle.from);
            }
            Kept::All(all) => all.fetch(),
        }
    }

    /// Fetches what a list of all amounts leads to.
    pub(crate) fn fetch_ends(&self) {
        if let Kept::All(all) = &self.kept {
            all.fetch_ends();
        }
    }

    /// Fetches where an amount is, or would be, in a list of all.
    pub(crate) fn fetch_amount(&self, minor: i128) {
        if let (Kept::All(all), Ok(amount)) = (&self.kept, u32::try_from(minor)) {
            all.fetch_value(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// What a sorted list says.
    fn plain(amounts: &[i128]) -> [i128; 3] {
        let mut sorted = amounts.to_vec();
        sorted.sort_unstable();
        let last = sorted.len() - 1;
        [sorted[last / 2] + sorted[sorted.len() / 2], sorted[0], sorted[last]]
    }

    /// Amounts that come and go, and how often all of them were walked.
    #[derive(Default)]
    struct Line {
        amounts: Vec<i128>,
        ranks: Ranks,
        walks: Cell<usize>,
    }

    impl Line {
        fn enter(&mut self, amount: i128) {
            self.amounts.push(amount);
            self.ranks.enter(amount);
        }

        fn leave(&mut self, at: usize) -> i128 {
            let amount = self.amounts.remove(at);
            self.ranks.leave(amount);
            amount
        }

        fn settle(&mut self) {
            self.ranks.settle(|walk| {
                self.walks.set(self.walks.get() + 1);
                walk.extend(self.amounts.iter().filter_map(|&amount| u32::try_from(amount).ok()));
            });
        }

        /// One comes for each that goes, in order.
        fn slide(&mut self, amounts: impl Iterator<Item = i128>) {
            for amount in amounts {
                self.enter(amount);
                self.leave(0);
                self.settle();
                assert_eq!(self.ranks.said(), plain(&self.amounts));
            }
        }
    }

    fn any_amount() -> impl Strategy<Value = i128> {
        prop_oneof![3 => 0_i128..6, 3 => 0_i128..1_000, 1 => (1_i128 << 32) - 2..(1 << 32) + 2]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]
        #[test]
        fn ranks_are_those_of_a_sorted_list(
            changes in prop::collection::vec((0..10_u8, any_amount(), any::<prop::sample::Index>()), 1..200),
            // Up to so many stay, some of these more than are kept in stretches.
            most in 1..3 * MANY,
        ) {
            let mut line = Line::default();
            for (what, amount, at) in changes {
                // Several may come and go before anybody asks.
                if line.amounts.is_empty() || (what < 6 && line.amounts.len() < most) {
                    line.enter(amount);
                } else if what < 9 {
                    line.leave(at.index(line.amounts.len()));
                }
                if what % 3 == 0 || line.amounts.is_empty() {
                    continue;
                }
                line.settle();
                prop_assert_eq!(line.ranks.said(), plain(&line.amounts));
                if line.amounts.len() > 1 {
                    // Who asks may leave one out.
                    let out = line.leave(at.index(line.amounts.len()));
                    prop_assert_eq!(line.ranks.said(), plain(&line.amounts));
                    line.enter(out);
                    line.settle();
                    prop_assert_eq!(line.ranks.said(), plain(&line.amounts));
                }
            }
        }
    }

    /// 0, 1 and so on, mixed.
    fn mixed(number: usize) -> i128 {
        i128::try_from(number * 7_919 % 1_009).expect("small")
    }

    #[test]
    fn a_walk_lasts_for_some_payments_in_whatever_order_they_come() {
        // The same few again and again, and each greater than all before it.
        let few = |number: usize| [5_i128, 1, 4, 2, 3, 9, 7][number % 7];
        let rising = |number: usize| i128::try_from(number).expect("small");
        // How often it is walked, of so many payments at most.
        let rare = ENDS - SPARE;
        for (amount, most) in [
            (&few as &dyn Fn(usize) -> i128, rare),
            (&mixed, rare),
            (&rising, rare),
            (&|_| 10, usize::MAX),
        ] {
            let mut line = Line::default();
            (0..MANY).for_each(|number| line.enter(amount(number)));
            line.settle();
            line.walks.set(0);
            let changes = 40 * MANY;
            line.slide((MANY..MANY + changes).map(amount));
            assert!(line.walks.get() <= changes / most, "{} walks", line.walks.get());
        }
    }

    #[test]
    fn many_amounts_are_never_walked_but_to_become_many_and_few_again() {
        let mut line = Line::default();
        (0..MANY).for_each(|number| line.enter(mixed(number)));
        line.settle();
        line.walks.set(0);
        for number in MANY..4 * MANY {
            line.enter(mixed(number));
            line.settle();
        }
        line.slide((0..1_000).map(mixed));
        assert_eq!(line.walks.get(), 1);
        // They are few only where they are half as many.
        for _ in 0..10 {
            while line.amounts.len() > MANY / 2 + 1 {
                line.leave(0);
                line.settle();
            }
            (0..MANY).for_each(|number| line.enter(mixed(number)));
            line.settle();
        }
        assert_eq!(line.walks.get(), 1);
        while line.amounts.len() > MANY / 2 {
            line.leave(0);
        }
        line.settle();
        assert_eq!(line.walks.get(), 2);
        line.settle();
        assert_eq!(line.walks.get(), 2);
    }

    #[test]
    fn what_is_known_of_a_line_that_was_empty_is_nothing_of_before() {
        for count in 1..=2 * MIDDLE {
            let mut line = Line::default();
            (0..2 * MIDDLE).for_each(|number| line.enter(i128::try_from(number).expect("small")));
            line.settle();
            // The middle goes first, and then those about it.
            for at in [MIDDLE / 2, 0] {
                for _ in 0..MIDDLE {
                    line.leave(at);
                }
            }
            (0..count).for_each(|number| line.enter(mixed(number)));
            line.settle();
            assert_eq!(line.ranks.said(), plain(&line.amounts));
        }
    }
}
