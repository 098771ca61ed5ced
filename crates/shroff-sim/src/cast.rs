//! Who lives in a world: blocks of accounts by role, hidden behind shuffled names.

use shroff_types::AccountId;

use crate::dice::{Dice, skew};

/// Accounts of one role, by their part in the play; names come from [`Cast::account`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    first: u32,
    pub(crate) count: u32,
}

impl Block {
    pub(crate) fn nth(self, index: u32) -> u32 {
        self.first + index % self.count
    }

    /// One by a power law (see [`skew`]): a few are drawn often.
    pub(crate) fn any(self, dice: &mut Dice, power: u32) -> u32 {
        self.first + dice.skewed(self.count, power)
    }

    /// The one that some bits stand for, by a power law.
    pub(crate) fn of(self, bits: u64, power: u32) -> u32 {
        self.first + skew(bits, self.count, power)
    }
}

/// All accounts of a world.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) households: Block,
    pub(crate) firms: Block,
    pub(crate) shops: Block,
    pub(crate) landlords: Block,
    pub(crate) utilities: Block,
    /// Accounts of holiday homes and forgotten savings, silent for most of the time.
    pub(crate) sleepers: Block,
    names: Vec<u32>,
}

impl Cast {
    /// At least 20 accounts: checked by `World`.
    pub(crate) fn new(accounts: u32, seed: u64) -> Cast {
        let mut first = 0;
        let mut block = |count: u32| {
            let block = Block { first, count };
            first += count;
            block
        };
        let firms = block((accounts / 12).max(2));
        let shops = block((accounts / 20).max(2));
        let landlords = block((accounts / 64).max(1));
        let utilities = block((accounts / 500).max(1));
        let sleepers = block((accounts / 100).max(2));
        let others = firms.count + shops.count + landlords.count + utilities.count + sleepers.count;
        let households = block(accounts - others);
        let mut names: Vec<u32> = (0..accounts).collect();
        Dice::new(seed, 1).shuffle(&mut names);
        Cast { households, firms, shops, landlords, utilities, sleepers, names }
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The account that plays a part.
    pub(crate) fn account(&self, part: u32) -> AccountId {
        AccountId(self.names[part as usize])
    }
}
