//! The payments that somebody may still ask for: by place and by their sender's id.
//!
//! Kept in chunks in the order of arrival; a chunk is let go once its newest payment is out of sight
//! and it is the oldest. About 55 bytes and the id for each payment.

use std::collections::VecDeque;

use shroff_types::{
    AccountId, Amount, Currency, Place, SentPayment, Symbol, TextHash, TextIndex, Timestamp,
};

/// A payment that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'a> {
    /// Its sender's id.
    pub id: &'a str,
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, as it was sent.
    pub amount: Amount,
    /// How.
    pub method: Option<Symbol>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    time: Timestamp,
    minor: [u8; 12],
    debtor: AccountId,
    creditor: AccountId,
    method: u32,
    currency: Currency,
    /// Where its id ends among those of its chunk.
    end: u32,
}

const _: () = assert!(size_of::<Row>() == 40);

#[derive(Debug)]
struct Chunk {
    rows: Vec<Row>,
    ids: String,
    newest: Timestamp,
}

impl Chunk {
    fn id(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.rows[before].end);
        &self.ids[start as usize..self.rows[at].end as usize]
    }
}

/// No value depends on it; builds with assertions make it small, so that the tests' small ledgers
/// let chunks go.
const CHUNK: usize = if cfg!(debug_assertions) { 8 } else { 4_096 };
const NO_METHOD: u32 = u32::MAX;

/// The payments that are held.
#[derive(Debug)]
pub(crate) struct Window {
    chunks: VecDeque<Chunk>,
    /// The place of the first payment that is held.
    first: u32,
    next: u32,
    /// The latest time of those before the first.
    before: Timestamp,
    /// Places by id.
    index: TextIndex,
}

fn position(first: u32, place: u32) -> Option<(usize, usize)> {
    let at = place.checked_sub(first)? as usize;
    Some((at / CHUNK, at % CHUNK))
}

fn id_at(chunks: &VecDeque<Chunk>, first: u32, place: u32) -> &str {
    let (chunk, at) = position(first, place).expect("the index has no payment that is not held");
    chunks[chunk].id(at)
}

impl Default for Window {
    fn default() -> Window {
        Window::from(Place(0), Timestamp(i64::MIN))
    }
}

impl Window {
    /// An empty one, in which the next payment has a place, and those before it a latest time.
    pub(crate) fn from(first: Place, before: Timestamp) -> Window {
        Window {
            chunks: VecDeque::new(),
            first: first.0,
            next: first.0,
            before,
            index: TextIndex::default(),
        }
    }

    /// The place of the first payment that is held, and the latest time of those before it.
    pub(crate) fn begin(&self) -> (Place, Timestamp) {
        (Place(self.first), self.before)
    }

    pub(crate) fn next(&self) -> Place {
        Place(self.next)
    }

    pub(crate) fn len(&self) -> usize {
        (self.next - self.first) as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Makes room in an empty one for so many, so that the index is not made anew as they come.
    pub(crate) fn expect(&mut self, count: usize) {
        self.index.reserve(count);
    }

    pub(crate) fn find(&self, id: &str) -> Option<Place> {
        let Window { chunks, first, index, .. } = self;
        index.find(index.hash(id), |place| id_at(chunks, *first, place) == id).map(Place)
    }

    pub(crate) fn get(&self, place: Place) -> Option<Held<'_>> {
        let (chunk, at) = position(self.first, place.0)?;
        let chunk = self.chunks.get(chunk)?;
        let Row { time, minor, debtor, creditor, method, currency, .. } = *chunk.rows.get(at)?;
        let mut wide = [0; 16];
        wide[..12].copy_from_slice(&minor);
        let amount = Amount { minor: i128::from_le_bytes(wide), currency };
        let method = (method != NO_METHOD).then_some(Symbol(method));
        Some(Held { id: chunk.id(at), time, debtor, creditor, amount, method })
    }

    /// Looks for room for some ids, and says nothing: so that it is in the cache when they come.
    pub(crate) fn touch(&self, ids: &[TextHash]) {
        let found = ids.iter().filter(|id| self.index.find(**id, |_| false).is_some());
        std::hint::black_box(found.count());
    }

    /// What an id is known by.
    pub(crate) fn hash(&self, id: &str) -> TextHash {
        self.index.hash(id)
    }

    /// Adds the next payment. Its id must not be held, and has this hash.
    pub(crate) fn push(
        &mut self,
        (sent, hash): (&SentPayment<'_>, TextHash),
        [debtor, creditor]: [AccountId; 2],
        method: Option<Symbol>,
    ) -> Place {
        let Window { chunks, next, index, .. } = self;
        if chunks.back().is_none_or(|chunk| chunk.rows.len() == CHUNK) {
            let newest = Timestamp(i64::MIN);
            let ids = chunks.back().map_or(0, |chunk| chunk.ids.len());
            let ids = String::with_capacity(ids);
            chunks.push_back(Chunk { rows: Vec::with_capacity(CHUNK), ids, newest });
        }
        let chunk = chunks.back_mut().expect("pushed above");
        chunk.ids.push_str(sent.id);
        chunk.newest = chunk.newest.max(sent.time);
        chunk.rows.push(Row {
            time: sent.time,
            minor: *sent.amount.minor.to_le_bytes().first_chunk().expect("12 of 16 bytes"),
            debtor,
            creditor,
            method: method.map_or(NO_METHOD, |symbol| symbol.0),
            currency: sent.amount.currency,
            end: u32::try_from(chunk.ids.len()).expect("ids are short"),
        });
        let place = *next;
        *next += 1;
        index.insert(hash, place);
        Place(place)
    }

    /// Takes the newest payments back, from a place on.
    pub(crate) fn take_back(&mut self, from: Place) {
        while self.next > from.0 {
            self.next -= 1;
            self.unlist(self.next);
            let chunk = self.chunks.back_mut().expect("a payment is in a chunk");
            chunk.rows.pop();
            chunk.ids.truncate(chunk.rows.last().map_or(0, |row| row.end as usize));
            if chunk.rows.is_empty() {
                self.chunks.pop_back();
            }
        }
    }

    /// Lets whole chunks go, from the oldest on, of which nothing is newer than `floor`.
    pub(crate) fn let_go(&mut self, floor: Timestamp) {
        while let Some(chunk) = self.chunks.front()
            && chunk.rows.len() == CHUNK
            && chunk.newest < floor
        {
            let newest = chunk.newest;
            for place in self.first..self.first + u32::try_from(CHUNK).expect("small") {
                self.unlist(place);
            }
            self.before = self.before.max(newest);
            self.chunks.pop_front();
            self.first += u32::try_from(CHUNK).expect("small");
        }
    }

    fn unlist(&mut self, place: u32) {
        let Window { chunks, first, index, .. } = self;
        let hash = index.hash(id_at(chunks, *first, place));
        assert!(index.remove(hash, place), "a payment that is held is in the index");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(id: &str, time: i64) -> SentPayment<'_> {
        let amount = Amount { minor: 5, currency: Currency::EUR };
        let time = Timestamp(time);
        SentPayment { id, time, debtor: "a", creditor: "b", amount, method: None }
    }

    #[test]
    fn payments_are_found_until_they_are_out_of_sight_or_taken_back() {
        let mut window = Window::from(Place(7), Timestamp(i64::MIN));
        let chunk = u32::try_from(CHUNK).expect("small");
        let count = 2 * chunk + chunk / 2;
        let ids: Vec<String> = (0..count).map(|n| format!("p{n}")).collect();
        for (number, id) in (7_u32..).zip(&ids) {
            let ends = [AccountId(1), AccountId(2)];
            assert_eq!(
                window.push((&sent(id, number.into()), window.hash(id)), ends, None),
                Place(number)
            );
        }
        let find = |window: &Window, number: u32| window.find(&format!("p{number}"));
        assert_eq!(window.find("p0"), Some(Place(7)));
        assert_eq!(
            window.get(Place(6 + count)).map(|held| held.id),
            ids.last().map(String::as_str)
        );
        assert_eq!(find(&window, count), None);
        window.take_back(Place(4 + count));
        assert_eq!(
            (find(&window, count - 3), find(&window, count - 4)),
            (None, Some(Place(3 + count)))
        );
        window.let_go(Timestamp(i64::from(7 + chunk + chunk / 2)));
        assert_eq!((find(&window, 0), find(&window, chunk - 1)), (None, None));
        assert_eq!(find(&window, chunk), Some(Place(chunk + 7)));
        assert_eq!(window.len(), usize::try_from(count - 3 - chunk).expect("small"));
        assert_eq!(window.next(), Place(4 + count));
        assert_eq!(window.begin(), (Place(chunk + 7), Timestamp(i64::from(chunk + 6))));
    }
}
