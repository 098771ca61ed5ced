//! Mutes: where an institution has said that a typology says nothing new of an account, for a while.
//!
//! What a mute keeps back is counted, never lost in silence, and it ends by itself.

use shroff_types::{AccountId, Map, Timestamp};

/// One typology muted for one account over a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mute {
    /// The typology, by position among those asked.
    pub typology: usize,
    /// Payments from or to this account.
    pub account: AccountId,
    /// From this instant on.
    pub from: Timestamp,
    /// Up to this instant, which is not included.
    pub until: Timestamp,
}

/// All mutes, and how many hits each kept back.
#[derive(Debug, Default)]
pub struct Mutes {
    all: Vec<(Mute, u64)>,
    by_account: Map<(usize, AccountId), Vec<usize>>,
}

impl Mutes {
    /// Of these, in this order.
    pub fn new(mutes: impl IntoIterator<Item = Mute>) -> Mutes {
        let mut known = Mutes::default();
        for mute in mutes {
            let at = known.all.len();
            known.by_account.entry((mute.typology, mute.account)).or_default().push(at);
            known.all.push((mute, 0));
        }
        known
    }

    /// Whether a typology is muted for one of these accounts at a time; the first mute that says so
    /// counts a hit.
    pub fn keeps_back(
        &mut self,
        typology: usize,
        accounts: [AccountId; 2],
        time: Timestamp,
    ) -> bool {
        if self.all.is_empty() {
            return false;
        }
        let Mutes { all, by_account } = self;
        let mutes = accounts.iter().filter_map(|&account| by_account.get(&(typology, account)));
        let in_force = mutes.flatten().copied().find(|&at| {
            let Mute { from, until, .. } = all[at].0;
            from <= time && time < until
        });
        if let Some(at) = in_force {
            all[at].1 += 1;
        }
        in_force.is_some()
    }

    /// How many hits each kept back, in the order in which they were given.
    pub fn kept_back(&self) -> impl Iterator<Item = u64> {
        self.all.iter().map(|(_, hits)| *hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(time: i64) -> Timestamp {
        Timestamp(time)
    }

    #[test]
    fn a_mute_is_of_one_typology_one_account_and_a_time_with_an_end() {
        let mute = Mute { typology: 2, account: AccountId(7), from: at(10), until: at(20) };
        let mut mutes = Mutes::new([mute]);
        let other = AccountId(1);
        let cases = [
            (2, [AccountId(7), other], 10, true),
            (2, [other, AccountId(7)], 19, true),
            (2, [AccountId(7), other], 9, false),
            (2, [AccountId(7), other], 20, false),
            (1, [AccountId(7), other], 15, false),
            (2, [other, AccountId(8)], 15, false),
        ];
        for (typology, accounts, time, kept) in cases {
            assert_eq!(
                mutes.keeps_back(typology, accounts, at(time)),
                kept,
                "{typology} {accounts:?} {time}"
            );
        }
        assert_eq!(mutes.kept_back().collect::<Vec<_>>(), [2]);
    }
}
