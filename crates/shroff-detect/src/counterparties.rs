//! Counts by counterparty, of which a hub has many: a hash table that grows a part at a time.
//!
//! A table that is made anew as a whole when it grows would make one payment in a million wait for
//! all the others. Here the slots lie in parts, each of a few hundred; a part that is full becomes
//! two, told apart by one more bit of the hash, and nothing else moves (extendible hashing; R. Fagin
//! et al., ACM TODS 4, 1979). A count is one look into a directory and one into a part. An account
//! with fewer counterparties has one part and no directory.

use prefetch_index::prefetch_index;
use shroff_types::AccountId;
use smallvec::SmallVec;

/// Slots of a part at first.
const SMALLEST: usize = if cfg!(debug_assertions) { 2 } else { 64 };
/// Slots of a part, unless no bit of the hash is left to tell two apart by.
const PART: usize = if cfg!(debug_assertions) { 4 } else { 512 };
/// Bits of the hash that tell parts apart at most: the directory has an entry for each of their
/// values.
const DEEPEST: u32 = 24;

/// What is counted of each counterparty; one of which nothing is counted is not there.
#[derive(Debug, Default)]
pub(crate) struct Counterparties<C> {
    /// The part of each value of the first bits of the hash; none where there is one part.
    directory: Vec<u32>,
    parts: SmallVec<[Part<C>; 1]>,
    len: usize,
}

#[derive(Debug)]
struct Part<C> {
    /// A power of two of them; free where nothing is counted, and at least a quarter of them is.
    slots: Box<[(AccountId, C)]>,
    taken: usize,
    /// As many first bits of the hash are those of all that is here.
    bits: u32,
}

/// Fibonacci hashing: the upper bits of the product are the well mixed ones.
fn hash(account: AccountId) -> u64 {
    u64::from(account.0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The first bits of a hash.
fn first(hash: u64, bits: u32) -> usize {
    let value = hash.checked_shr(64 - bits).unwrap_or(0);
    usize::try_from(value).expect("few bits")
}

impl<C: Copy + Default + PartialEq> Counterparties<C> {
    /// How many are there.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// About how many bytes it takes beyond itself.
    pub(crate) fn bytes(&self) -> usize {
        let slots: usize = self.parts.iter().map(|part| part.slots.len()).sum();
        let parts = if self.parts.spilled() { self.parts.capacity() } else { 0 };
        slots * size_of::<(AccountId, C)>()
            + parts * size_of::<Part<C>>()
            + self.directory.capacity() * size_of::<u32>()
    }

    /// Changes what is counted of a counterparty.
    pub(crate) fn change(&mut self, other: AccountId, change: impl FnOnce(&mut C)) {
        let hash = hash(other);
        let mut number = self.part_of(hash);
        if self.parts.is_empty() {
            self.parts.push(Part::new(SMALLEST, 0));
        }
        let mut at = self.parts[number].find(other, hash);
        while self.parts[number].slots[at].1 == C::default() && self.parts[number].is_full() {
            self.make_room(number, hash);
            number = self.part_of(hash);
            at = self.parts[number].find(other, hash);
        }
        let part = &mut self.parts[number];
        let slot = &mut part.slots[at];
        let was_there = slot.1 != C::default();
        slot.0 = other;
        change(&mut slot.1);
        let is_there = slot.1 != C::default();
        match (was_there, is_there) {
            (false, true) => {
                part.taken += 1;
                self.len += 1;
            }
            (true, false) => {
                part.close(at);
                part.taken -= 1;
                self.len -= 1;
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Fetches where a counterparty is, or would be; see [`shroff_graph::Shard::fetch`].
    pub(crate) fn fetch(&self, other: AccountId) {
        let hash = hash(other);
        if let Some(part) = self.parts.get(self.part_of(hash)) {
            prefetch_index(&part.slots, part.home(hash));
        }
    }

    fn part_of(&self, hash: u64) -> usize {
        let bits = self.directory.len().checked_ilog2().unwrap_or(0);
        self.directory.get(first(hash, bits)).map_or(0, |&number| number as usize)
    }

    /// Makes a part larger, or two of it.
    fn make_room(&mut self, number: usize, hash: u64) {
        let Part { slots, bits, .. } = &self.parts[number];
        let bits = *bits;
        if slots.len() < PART || bits == DEEPEST {
            let mut larger = Part::new(2 * slots.len(), bits);
            self.parts[number].for_each(|slot| larger.put(slot));
            self.parts[number] = larger;
            return;
        }
        if self.directory.is_empty() {
            self.directory = vec![0];
        }
        if 1 << bits == self.directory.len() {
            self.directory = self.directory.iter().flat_map(|&number| [number; 2]).collect();
        }
        let mut halves = [PART, PART].map(|slots| Part::new(slots, bits + 1));
        self.parts[number].for_each(|slot| {
            halves[first(self::hash(slot.0), bits + 1) & 1].put(slot);
        });
        let [lower, upper] = halves;
        let fresh = u32::try_from(self.parts.len()).expect("fewer parts than accounts");
        self.parts[number] = lower;
        self.parts.push(upper);
        // The second half of what led to the part.
        let share = self.directory.len() >> (bits + 1);
        let begin = (2 * first(hash, bits) + 1) * share;
        self.directory[begin..begin + share].fill(fresh);
    }
}

impl<C: Copy + Default + PartialEq> Part<C> {
    fn new(slots: usize, bits: u32) -> Part<C> {
        let slots = vec![(AccountId(0), C::default()); slots].into_boxed_slice();
        Part { slots, taken: 0, bits }
    }

    fn is_full(&self) -> bool {
        4 * (self.taken + 1) > 3 * self.slots.len()
    }

    /// Where the search for an account begins: by bits that tell no parts apart.
    fn home(&self, hash: u64) -> usize {
        first(hash << DEEPEST, self.slots.len().ilog2())
    }

    /// The slot of an account, or the free one where it would go.
    fn find(&self, account: AccountId, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash);
        while self.slots[at].1 != C::default() && self.slots[at].0 != account {
            at = (at + 1) & mask;
        }
        at
    }

    fn put(&mut self, slot: (AccountId, C)) {
        let at = self.find(slot.0, hash(slot.0));
        self.slots[at] = slot;
        self.taken += 1;
    }

    fn for_each(&self, each: impl FnMut((AccountId, C))) {
        self.slots.iter().copied().filter(|slot| slot.1 != C::default()).for_each(each);
    }

    /// Closes the gap that a slot leaves: none behind it may be beyond a free slot from its home.
    fn close(&mut self, mut gap: usize) {
        let mask = self.slots.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            if self.slots[at].1 == C::default() {
                break;
            }
            let home = self.home(hash(self.slots[at].0));
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
        }
        self.slots[gap].1 = C::default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn what_is_counted_is_what_a_tree_counts(
            changes in prop::collection::vec((0_u32..40, any::<bool>()), 1..400),
            // Such as are far apart, and such as share their first bits.
            step in prop::sample::select(vec![1_u32, 97, 1 << 20, 0x3504_F333]),
        ) {
            let mut counts = Counterparties::<u32>::default();
            let mut tree = BTreeMap::<AccountId, u32>::new();
            for (number, goes) in changes {
                let other = AccountId(number.wrapping_mul(step));
                if goes && tree.contains_key(&other) {
                    counts.change(other, |count| *count -= 1);
                    let count = tree.get_mut(&other).expect("it is there");
                    *count -= 1;
                    if *count == 0 {
                        tree.remove(&other);
                    }
                } else {
                    counts.change(other, |count| *count += 1);
                    *tree.entry(other).or_default() += 1;
                }
                prop_assert_eq!(counts.len(), tree.len());
            }
            for number in 0..40 {
                let other = AccountId(number * step.min(1 << 26));
                let mut said = None;
                counts.change(other, |count| said = Some(*count));
                prop_assert_eq!(said, Some(tree.get(&other).copied().unwrap_or(0)));
            }
        }
    }

    #[test]
    fn no_change_moves_more_than_a_part() {
        let mut counts = Counterparties::<u32>::default();
        for number in 0..20_000 {
            counts.change(AccountId(number), |count| *count += 1);
        }
        assert_eq!(counts.len(), 20_000);
        let largest = counts.parts.iter().map(|part| part.slots.len()).max();
        assert_eq!(largest, Some(PART));
        // A directory leads to each part by as many entries as there are values of the bits that
        // are left.
        for (number, part) in counts.parts.iter().enumerate() {
            let ways = counts.directory.iter().filter(|&&way| way as usize == number).count();
            assert_eq!(ways, counts.directory.len() >> part.bits, "part {number}");
        }
    }
}
