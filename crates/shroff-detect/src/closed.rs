//! What payments completed, kept for the others that are part of it.
//!
//! With a horizon each payment of a pattern asks for its evidence, and so for what each payment that
//! completed one of its patterns completed: of a scatter-gather of twenty payments, ten times the
//! same search for each of the twenty. What was found once stays until nobody asks any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use shroff_graph::Key;

/// Payments that are kept at most, 32 MB of them: what is beyond is searched for again.
const MOST: usize = if cfg!(debug_assertions) { 64 } else { 1 << 21 };

/// Of what was found again: the payments of each pattern.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// By the payment that completed them and the block.
    found: BTreeMap<(Key, usize), Arc<[Vec<Key>]>>,
    payments: usize,
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
            self.payments -= payments_of(&first.remove());
        }
    }

    pub(crate) fn get(&self, pattern: usize, completer: Key) -> Option<Arc<[Vec<Key>]>> {
        self.found.get(&(completer, pattern)).cloned()
    }

    /// Keeps what a payment completed of a block, if there is room for it.
    pub(crate) fn keep(&mut self, pattern: usize, completer: Key, found: Arc<[Vec<Key>]>) {
        let more = payments_of(&found);
        if self.payments + more <= MOST {
            self.payments += more;
            if let Some(before) = self.found.insert((completer, pattern), found) {
                self.payments -= payments_of(&before);
            }
        }
    }
}

/// How many there are; what is empty takes room as well.
fn payments_of(found: &[Vec<Key>]) -> usize {
    found.iter().map(Vec::len).sum::<usize>() + found.len() + 1
}

#[cfg(test)]
mod tests {
    use shroff_types::{Place, Timestamp};

    use super::*;

    fn key(number: u32) -> Key {
        Key { time: Timestamp(number.into()), place: Place(number) }
    }

    /// A pattern of so many payments.
    fn found(payments: usize) -> Arc<[Vec<Key>]> {
        Arc::from(vec![vec![key(0); payments]])
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
        assert_eq!((closed.found.len(), closed.payments), (0, 0));
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
