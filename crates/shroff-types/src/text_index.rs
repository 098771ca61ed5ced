//! Where texts are that lie elsewhere: numbers, found by what their texts say.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Tables, each of which grows when it is full: for itself, so that nobody waits for all of them.
const TABLES: usize = 64;

/// The hash of a text in one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextHash(u32);

#[derive(Debug, Clone, Copy)]
struct Slot {
    // Kept beside the number, so that growing and a look that fails read no text: those lie
    // anywhere in memory.
    hash: TextHash,
    number: u32,
}

/// Numbers by text. The texts lie with whoever asks. 10 to 20 bytes for each.
///
/// Texts come from outside, so the hash is seeded at random against made-up collisions. It is only
/// ever looked up in, never walked, so no order depends on it.
#[derive(Debug, Clone)]
pub struct TextIndex {
    hasher: RandomState,
    tables: Vec<HashTable<Slot>>,
}

impl Default for TextIndex {
    fn default() -> TextIndex {
        TextIndex { hasher: RandomState::new(), tables: vec![HashTable::new(); TABLES] }
    }
}

impl TextHash {
    fn table(self) -> usize {
        self.0 as usize % TABLES
    }

    /// As many bits as a table wants, the upper ones and the lower ones of which it looks at.
    fn wide(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }
}

impl TextIndex {
    /// The hash that the index knows a text by.
    pub fn hash(&self, text: &str) -> TextHash {
        let hash = self.hasher.hash_one(text);
        TextHash(u32::try_from(hash >> 32).expect("32 bits are left"))
    }

    /// The number with this hash of which `is_it` says that its text is meant.
    pub fn find(&self, hash: TextHash, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let found = self.tables[hash.table()]
            .find(hash.wide(), |slot| slot.hash == hash && is_it(slot.number));
        found.map(|slot| slot.number)
    }

    /// Adds a number whose text is not there.
    pub fn insert(&mut self, hash: TextHash, number: u32) {
        let slot = Slot { hash, number };
        self.tables[hash.table()].insert_unique(hash.wide(), slot, |slot| slot.hash.wide());
    }

    /// Takes a number out; whether it was there.
    pub fn remove(&mut self, hash: TextHash, number: u32) -> bool {
        let entry = self.tables[hash.table()].find_entry(hash.wide(), |slot| slot.number == number);
        entry.map(hashbrown::hash_table::OccupiedEntry::remove).is_ok()
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, count: usize) {
        // Some tables get a few more than their share.
        let share = count / TABLES + count / TABLES / 8;
        self.tables.iter_mut().for_each(|table| table.reserve(share, |slot| slot.hash.wide()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn numbers_are_found_by_their_texts_while_tables_grow_and_shrink() {
        let texts: Vec<String> = (0..20_000).map(|n| format!("text {n}")).collect();
        let mut index = TextIndex::default();
        let mut there: BTreeMap<&str, u32> = BTreeMap::new();
        index.reserve(100);
        for (number, text) in (0_u32..).zip(&texts) {
            let hash = index.hash(text);
            index.insert(hash, number);
            there.insert(text, number);
            if number % 3 == 0 {
                let gone = &texts[number as usize / 2];
                let was_there = there.remove(gone.as_str());
                assert_eq!(index.remove(index.hash(gone), number / 2), was_there.is_some());
            }
        }
        for text in texts.iter().map(String::as_str).chain(["", "text", "text 20000"]) {
            let is_it = |number: u32| texts[number as usize] == text;
            assert_eq!(index.find(index.hash(text), is_it), there.get(text).copied(), "{text}");
        }
    }

    #[test]
    fn texts_of_one_hash_are_told_apart() {
        let texts = ["a", "b", "c"];
        let mut index = TextIndex::default();
        let hash = TextHash(7);
        (0..3).for_each(|number| index.insert(hash, number));
        let find = |index: &TextIndex, text| index.find(hash, |n| texts[n as usize] == text);
        assert_eq!(texts.map(|text| find(&index, text)), [Some(0), Some(1), Some(2)]);
        assert!(index.remove(hash, 1) && !index.remove(hash, 1));
        assert_eq!(texts.map(|text| find(&index, text)), [Some(0), None, Some(2)]);
    }
}
