//! What payments completed, kept for the others that are part of it.
//!
//! With a horizon each payment of a pattern asks for its evidence, and so for what each payment that
//! completed one of its patterns completed: of a scatter-gather of twenty payments, ten times the
//! same search for each of the twenty. What was found once stays until nobody asks any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use shroff_graph::Key;
use shroff_types::Place;

/// Payments that are kept at most, 64 MB of them: what is beyond is searched for again.
const MOST: usize = if cfg!(debug_assertions) { 64 } else { 1 << 24 };

/// The payments of each of some patterns, one run behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Ascending within a run.
    places: Vec<Place>,
    /// Where each run ends.
    ends: Vec<u32>,
}

impl Runs {
    pub(crate) fn push(&mut self, payments: &[Key]) {
        let from = self.places.len();
        self.places.extend(payments.iter().map(|key| key.place));
        self.places[from..].sort_unstable();
        self.ends.push(u32::try_from(self.places.len()).expect("bounded by a budget"));
    }

    /// The runs that a payment is in.
    pub(crate) fn with(&self, place: Place) -> impl Iterator<Item = &[Place]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let runs =
            begins.zip(&self.ends).map(|(from, to)| &self.places[from as usize..*to as usize]);
        runs.filter(move |run| run.binary_search(&place).is_ok())
    }

    /// About how many payments take as much room; what is empty takes some as well.
    fn size(&self) -> usize {
        self.places.len() + self.ends.len() + 16
    }
}

/// Of what was found again: the payments of each pattern.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// By the payment that completed them and the block.
    found: BTreeMap<(Key, usize), Arc<Runs>>,
    size: usize,
    /// Who asked last.
    asking: Option<Key>,
    changes: bool,
}

impl Closed {
    /// Nothing yet. Where the graph `changes` behind who asks, because payments come late or are taken
    /// out, what was found for one who asks is not kept for the next.
    pub(crate) fn new(changes: bool) -> Closed {
        Closed { changes, ..Closed::default() }
    }

    /// Lets go of what a payment does not ask for. They ask in order, for what they and later ones
    /// completed.
    pub(crate) fn turn_to(&mut self, asking: Key) {
        if self.changes && self.asking != Some(asking) {
            *self = Closed::new(true);
        }
        self.asking = Some(asking);
        while let Some(first) = self.found.first_entry()
            && first.key().0 < asking
        {
            self.size -= first.remove().size();
        }
    }

    pub(crate) fn get(&self, pattern: usize, completer: Key) -> Option<Arc<Runs>> {
        self.found.get(&(completer, pattern)).cloned()
    }

    /// Keeps what a payment completed of a block, if there is room for it.
    pub(crate) fn keep(&mut self, pattern: usize, completer: Key, found: Arc<Runs>) {
        let more = found.size();
        if self.size + more <= MOST {
            self.size += more;
            if let Some(before) = self.found.insert((completer, pattern), found) {
                self.size -= before.size();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shroff_types::Timestamp;

    use super::*;

    fn key(number: u32) -> Key {
        Key { time: Timestamp(number.into()), place: Place(number) }
    }

    /// A pattern of so many payments.
    fn found(payments: usize) -> Arc<Runs> {
        let mut runs = Runs::default();
        runs.push(&vec![key(0); payments]);
        Arc::new(runs)
    }

    #[test]
    fn a_payment_is_in_the_runs_that_have_it() {
        let mut runs = Runs::default();
        // By time and then place, as a payment that came late has it.
        let late = Key { time: Timestamp(1), place: Place(9) };
        for run in [vec![key(3), key(4)], vec![], vec![late, key(4), key(8)], vec![key(9)]] {
            runs.push(&run);
        }
        let with = |place: u32| runs.with(Place(place)).map(<[Place]>::to_vec).collect::<Vec<_>>();
        assert_eq!(with(4), [vec![Place(3), Place(4)], vec![Place(4), Place(8), Place(9)]]);
        assert_eq!(with(9), [vec![Place(4), Place(8), Place(9)], vec![Place(9)]]);
        assert_eq!(with(5), Vec::<Vec<Place>>::new());
    }

    #[test]
    fn what_was_found_stays_until_nobody_asks_for_it() {
        let mut closed = Closed::new(false);
        closed.turn_to(key(1));
        closed.keep(0, key(5), found(3));
        closed.keep(1, key(7), found(4));
        closed.turn_to(key(5));
        assert_eq!(closed.get(0, key(5)), Some(found(3)));
        assert_eq!(closed.get(1, key(5)), None, "another block is another search");
        closed.turn_to(key(6));
        assert_eq!(closed.get(0, key(5)), None);
        assert_eq!(closed.get(1, key(7)), Some(found(4)));
        closed.turn_to(key(8));
        assert_eq!((closed.found.len(), closed.size), (0, 0));
    }

    #[test]
    fn where_the_graph_may_change_it_is_kept_for_the_one_who_asks() {
        let mut closed = Closed::new(true);
        closed.turn_to(key(5));
        closed.keep(0, key(5), found(3));
        closed.turn_to(key(5));
        assert_eq!(closed.get(0, key(5)), Some(found(3)), "two rules ask for it");
        // One comes late, and the first asks again.
        closed.turn_to(key(4));
        closed.turn_to(key(5));
        assert_eq!(closed.get(0, key(5)), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut closed = Closed::new(false);
        closed.keep(0, key(1), found(MOST));
        assert_eq!(closed.get(0, key(1)), None);
        closed.keep(0, key(1), found(MOST / 2));
        closed.keep(0, key(2), found(MOST / 2));
        assert_eq!(closed.get(0, key(2)), None);
        closed.turn_to(key(2));
        closed.keep(0, key(2), found(MOST / 2));
        assert_eq!(closed.get(0, key(2)), Some(found(MOST / 2)));
    }
}
