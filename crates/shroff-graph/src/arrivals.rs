//! What reached a hub in a window, by how deep a run it ends and by amount: which of it a payment may
//! pass on, without a walk over it.

use std::collections::{BTreeMap, VecDeque};

use shroff_types::{AccountId, Place, Timestamp};

use crate::chain::Sources;
use crate::line::Key;

/// A payment that reached the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) key: Key,
    pub(crate) minor: i128,
    /// Who paid it.
    pub(crate) other: AccountId,
    /// The longest run that ends at it: 1 or more.
    pub(crate) depth: u32,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    time: Timestamp,
    other: AccountId,
}

/// The payments that reached one account.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    /// What is at or before this was let go.
    floor: Timestamp,
    /// Ascending in order.
    all: VecDeque<Arrival>,
    /// None of them empty.
    by_depth: BTreeMap<u32, BTreeMap<(i128, Place), Source>>,
}

impl Arrivals {
    /// None yet, of those after a time.
    pub(crate) fn since(floor: Timestamp) -> Arrivals {
        Arrivals { floor, all: VecDeque::new(), by_depth: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// About how many bytes it takes. A tree is about two thirds full, and has links.
    pub(crate) fn bytes(&self) -> usize {
        let entry = size_of::<(i128, Place)>() + size_of::<Source>();
        self.all.capacity() * size_of::<Arrival>() + self.all.len() * entry * 3 / 2
    }

    /// Costs those behind it in order, where it came late.
    pub(crate) fn insert(&mut self, arrival: Arrival) {
        let Arrival { key, minor, other, depth } = arrival;
        if key.time <= self.floor {
            return;
        }
        match self.all.back() {
            Some(last) if last.key > key => {
                let at = self.all.partition_point(|it| it.key < key);
                self.all.insert(at, arrival);
            }
            Some(_) | None => self.all.push_back(arrival),
        }
        let source = Source { time: key.time, other };
        self.by_depth.entry(depth).or_default().insert((minor, key.place), source);
    }

    /// Takes a payment out, if it is there.
    pub(crate) fn remove(&mut self, key: Key) {
        let at = self.all.partition_point(|it| it.key < key);
        if self.all.get(at).is_some_and(|it| it.key == key)
            && let Some(gone) = self.all.remove(at)
        {
            self.leave(gone);
        }
    }

    /// Lets go of payments at or before `time`.
    pub(crate) fn expire(&mut self, time: Timestamp) {
        self.floor = self.floor.max(time);
        while let Some(gone) = self.all.pop_front_if(|it| it.key.time <= time) {
            self.leave(gone);
        }
    }

    fn leave(&mut self, gone: Arrival) {
        if let Some(all) = self.by_depth.get_mut(&gone.depth) {
            all.remove(&(gone.minor, gone.key.place));
            if all.is_empty() {
                self.by_depth.remove(&gone.depth);
            }
        }
    }

    /// The depth of the deepest of some sources; 0 where there is none. Nothing where they reach
    /// back to what was let go. Costs a look at each depth, and a step for each payment that is
    /// passed over: those of the same creditor, those that left the window since the last
    /// [`Arrivals::expire`], and those behind a payment that came late.
    pub(crate) fn deepest(&self, sources: &Sources) -> Option<u32> {
        let deepest =
            self.of_depths(sources)?.find_map(|(depth, mut all)| all.next().map(|_| depth));
        Some(deepest.unwrap_or(0))
    }

    /// The last of the deepest of some sources, if there is any, and they don't reach back to what
    /// was let go. Costs those of its depth.
    pub(crate) fn latest_of_deepest(&self, sources: &Sources) -> Option<Arrival> {
        let mut of_depths = self.of_depths(sources)?;
        of_depths.find_map(|(_, all)| all.max_by_key(|it| it.key))
    }

    /// Some sources by depth, the deepest first; of each depth ascending by amount.
    fn of_depths<'a>(
        &'a self,
        sources: &'a Sources,
    ) -> Option<impl Iterator<Item = (u32, impl Iterator<Item = Arrival> + 'a)> + 'a> {
        let Sources { view, least, most, .. } = *sources;
        // A range from the greater to the lesser would panic.
        let range = (least, Place(0))..=(most.max(least), Place(u32::MAX));
        (self.floor <= view.after.time).then(|| {
            self.by_depth.iter().rev().map(move |(&depth, all)| {
                let all = all.range(range.clone()).map(move |(&(minor, place), source)| {
                    let key = Key { time: source.time, place };
                    Arrival { key, minor, other: source.other, depth }
                });
                let all = all.filter(move |it| {
                    view.after < it.key && sources.may_be((it.key, it.other), it.minor)
                });
                (depth, all)
            })
        })
    }
}
