//! Order statistics of a changing multitude: a sorted list in rungs.
//!
//! A value is found, put in and taken out at the cost of one rung and a search over the rungs'
//! ends; the value of a rank is found from the last one asked for, which as a rule is near.

use std::slice;

use prefetch_index::prefetch_index;
use smallvec::SmallVec;

/// Values of a rung at most: 1 kB of 32-bit numbers, which a change moves half of.
const RUNG: usize = if cfg!(debug_assertions) { 4 } else { 256 };

/// A sorted list of values.
#[derive(Debug, Clone)]
pub(crate) struct Ladder<T> {
    /// Ascending, none of them empty.
    // Most lists are one rung.
    rungs: SmallVec<[Vec<T>; 1]>,
    /// The last value of each, side by side, so that the search over them reads little memory.
    ends: SmallVec<[T; 1]>,
    len: usize,
    /// A rung, and how many values lie before it.
    at: (usize, usize),
}

impl<T> Default for Ladder<T> {
    fn default() -> Ladder<T> {
        Ladder { rungs: SmallVec::new(), ends: SmallVec::new(), len: 0, at: (0, 0) }
    }
}

impl<T: Ord + Copy> Ladder<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) {
        self.len += 1;
        if self.rungs.is_empty() {
            self.rungs.push(vec![value]);
            self.ends.push(value);
            self.at = (0, 0);
            return;
        }
        let mut number = self.rung_of(value).min(self.rungs.len() - 1);
        if self.rungs[number].len() == RUNG {
            self.split(number);
            number += usize::from(self.ends[number] < value);
        }
        let rung = &mut self.rungs[number];
        let at = rung.partition_point(|v| *v < value);
        rung.insert(at, value);
        self.ends[number] = self.ends[number].max(value);
        if number < self.at.0 {
            self.at.1 += 1;
        }
    }

    fn split(&mut self, number: usize) {
        let rung = &mut self.rungs[number];
        let mut upper = Vec::with_capacity(RUNG);
        upper.extend(rung.drain(RUNG / 2..));
        rung.shrink_to(RUNG);
        let end = rung[rung.len() - 1];
        self.ends.insert(number, end);
        self.rungs.insert(number + 1, upper);
        if number < self.at.0 {
            self.at.0 += 1;
        }
    }

    /// Takes out one of the values equal to `value`.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn remove(&mut self, value: T) {
        self.len -= 1;
        let number = self.rung_of(value);
        let rung = &mut self.rungs[number];
        let at = rung.binary_search(&value).expect("what leaves has entered");
        rung.remove(at);
        if number < self.at.0 {
            self.at.1 -= 1;
        }
        match rung.last() {
            Some(last) => self.ends[number] = *last,
            None => {
                self.ends.remove(number);
            }
        }
        if rung.is_empty() {
            self.rungs.remove(number);
            if number < self.at.0 {
                self.at.0 -= 1;
            } else if number == self.at.0 {
                // The next one came in its place, or the cursor stood at the end.
                self.at = if number < self.rungs.len() { self.at } else { (0, 0) };
            }
        }
    }

    /// The first rung whose last value is not below `value`.
    fn rung_of(&self, value: T) -> usize {
        self.ends.partition_point(|end| *end < value)
    }

    /// Fetches it; see [`shroff_graph::Shard::fetch`].
    pub(crate) fn fetch(&self) {
        prefetch_index(slice::from_ref(&self.rungs), 0);
        prefetch_index(slice::from_ref(&self.at), 0);
    }

    /// Fetches the value that was asked for last, and what says where others are.
    pub(crate) fn fetch_ends(&self) {
        let line = (64 / size_of::<T>()).max(1);
        for at in (0..self.ends.len()).step_by(line).take(8) {
            prefetch_index(&self.ends, at);
        }
        if let Some(rung) = self.rungs.get(self.at.0) {
            prefetch_index(rung, rung.len() / 2);
        }
    }

    /// Fetches what is looked at to put a value in or take it out.
    pub(crate) fn fetch_value(&self, value: T) {
        if let Some(rung) = self.rungs.get(self.rung_of(value)) {
            for quarter in 1..=4 {
                prefetch_index(rung, rung.len() * quarter / 4);
            }
        }
    }

    /// The least value.
    pub(crate) fn first(&self) -> Option<T> {
        self.rungs.first().map(|rung| rung[0])
    }

    /// The greatest value.
    pub(crate) fn last(&self) -> Option<T> {
        self.ends.last().copied()
    }

    /// The value of a rank, from 0.
    pub(crate) fn get(&mut self, rank: usize) -> T {
        assert!(rank < self.len, "a rank is below the length");
        let (mut number, mut before) = self.at;
        while rank < before {
            number -= 1;
            before -= self.rungs[number].len();
        }
        while rank >= before + self.rungs[number].len() {
            before += self.rungs[number].len();
            number += 1;
        }
        self.at = (number, before);
        self.rungs[number][rank - before]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_ladder_is_a_sorted_list(changes in prop::collection::vec((any::<bool>(), 0_i64..30, 0_usize..1_000), 1..300)) {
            let (mut ladder, mut list) = (Ladder::default(), Vec::new());
            for (goes, value, rank) in changes {
                if goes && list.contains(&value) {
                    ladder.remove(value);
                    list.remove(list.binary_search(&value).expect("it is there"));
                } else {
                    ladder.insert(value);
                    list.insert(list.partition_point(|&v| v < value), value);
                }
                prop_assert_eq!(ladder.len(), list.len());
                prop_assert_eq!(ladder.first(), list.first().copied());
                prop_assert_eq!(ladder.last(), list.last().copied());
                if !list.is_empty() {
                    let rank = rank % list.len();
                    prop_assert_eq!(ladder.get(rank), list[rank]);
                }
            }
        }
    }
}
