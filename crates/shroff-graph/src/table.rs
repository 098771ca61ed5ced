//! A small table from accounts to numbers, made anew for each search.

use shroff_types::AccountId;

/// Open addressing over a power of two of slots, of which a search clears none: a slot counts
/// only with the search's own stamp. A search touches few accounts as a rule, so this stays in
/// the nearest cache, where a table of all accounts would not.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    /// The slots of a search that saw many accounts, for the next of that sort.
    spare: Vec<Slot>,
    stamp: u32,
    taken: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    stamp: u32,
    account: AccountId,
    number: u32,
}

const SMALLEST: usize = 256;
/// A search with more slots than this leaves the next one a smaller table.
const LARGEST_KEPT: usize = if cfg!(debug_assertions) { SMALLEST } else { 1 << 13 };

impl Table {
    /// Forgets all accounts.
    pub(crate) fn clear(&mut self) {
        self.taken = 0;
        if self.slots.is_empty() || self.slots.len() > LARGEST_KEPT {
            let large = std::mem::replace(&mut self.slots, vec![Slot::default(); SMALLEST]);
            if large.len() > self.spare.len() {
                self.spare = large;
            }
        }
        if self.stamp == u32::MAX {
            self.slots.fill(Slot::default());
            self.spare.fill(Slot::default());
            self.stamp = 0;
        }
        self.stamp += 1;
    }

    /// The number of an account, if it has one.
    #[inline]
    pub(crate) fn get(&self, account: AccountId) -> Option<u32> {
        let slot = &self.slots[self.find(account)];
        (slot.stamp == self.stamp).then_some(slot.number)
    }

    /// The number of an account: `fresh` where it had none.
    #[inline]
    pub(crate) fn put(&mut self, account: AccountId, fresh: u32) -> u32 {
        let at = self.find(account);
        if self.slots[at].stamp == self.stamp {
            return self.slots[at].number;
        }
        self.slots[at] = Slot { stamp: self.stamp, account, number: fresh };
        self.taken += 1;
        if self.taken * 2 > self.slots.len() {
            self.double();
        }
        fresh
    }

    /// The slot of an account, or the free one where it would go.
    #[inline]
    fn find(&self, account: AccountId) -> usize {
        let mask = self.slots.len() - 1;
        // Fibonacci hashing: the upper bits of the product are the well mixed ones.
        let product = u64::from(account.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut at = usize::try_from(product >> 32).expect("32 bits") & mask;
        while self.slots[at].stamp == self.stamp && self.slots[at].account != account {
            at = (at + 1) & mask;
        }
        at
    }

    fn double(&mut self) {
        let slots = if self.slots.len() >= LARGEST_KEPT && self.spare.len() > self.slots.len() {
            std::mem::take(&mut self.spare)
        } else {
            vec![Slot::default(); self.slots.len() * 2]
        };
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old.into_iter().filter(|slot| slot.stamp == self.stamp) {
            let at = self.find(slot.account);
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches that see few accounts, and many, in turn: none sees what another put there.
    #[test]
    fn each_search_begins_with_an_empty_table() {
        let mut table = Table::default();
        for (search, accounts) in (0_u32..).zip([3, 2_000, 3, 5_000, 700, 3, 5_000]) {
            table.clear();
            for number in 0..accounts {
                let account = AccountId(number * (search + 1));
                assert_eq!(table.get(account), None, "account {number} of search {search}");
                assert_eq!(table.put(account, number), number);
                assert_eq!(table.put(account, number + 1), number, "it has one already");
            }
            let numbers = (0..accounts).map(|number| table.get(AccountId(number * (search + 1))));
            assert!(numbers.eq((0..accounts).map(Some)), "search {search}");
        }
    }
}
