//! One account's payments in one direction, in order.
//!
//! Most accounts have a handful of payments in the window: theirs are one run of memory, a cache
//! line or two. A hub may have a million: its payments are in blocks, so that taking one in and
//! letting one go costs the same whatever the length, and nothing is ever moved as a whole.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::slice;

use prefetch_index::prefetch_index;
use shroff_types::{AccountId, Place, Timestamp};

use crate::store::{LARGEST, Room, Store};

/// Where a payment stands in the total order: by time, then by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// When.
    pub time: Timestamp,
    /// Which of the payments of that instant, by arrival.
    pub place: Place,
}

impl Key {
    /// After every payment at or before `time`.
    #[inline]
    pub fn end_of(time: Timestamp) -> Key {
        Key { time, place: Place(u32::MAX) }
    }
}

/// What a question sees: the payments after one key and up to another, which is included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Payments at or before this are out of sight.
    pub after: Key,
    /// Payments after this are out of sight.
    pub until: Key,
}

impl View {
    /// What lies after an instant (which is open) and up to a place in the order (included).
    #[inline]
    pub fn since(since: Timestamp, until: Key) -> View {
        View { after: Key::end_of(since), until }
    }

    /// Whether a payment at a place in the order is in sight.
    #[inline]
    pub fn sees(&self, key: Key) -> bool {
        self.after < key && key <= self.until
    }
}

/// One payment as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// When.
    pub time: Timestamp,
    /// The amount in minor units of the base currency where 63 bits hold it; else negative, the
    /// complement of its slot: read it through [`Edges::minor`].
    pub minor: i64,
    /// The account at the other end.
    pub other: AccountId,
    /// The payment's place.
    pub place: Place,
}

// Every payment in the window has two: at 2 M payments a day and 30 days that is 2.9 GB.
const _: () = assert!(size_of::<Edge>() == 24);

impl Edge {
    /// Its place in the order.
    #[inline]
    pub fn key(&self) -> Key {
        Key { time: self.time, place: self.place }
    }
}

/// Payments of one account in one direction, ascending in order.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(16))]
pub(crate) struct Line {
    place: Stored,
    /// What its owner noted.
    mark: u32,
    /// About when the payments have left whose leaving makes it stale.
    stale: Coarse,
}

// An account has two, side by side in a line of the cache, and idle ones keep theirs until their page
// goes.
const _: () = assert!(size_of::<Line>() == 16);

/// Where the payments of a line lie.
#[derive(Debug, Clone, Copy)]
enum Stored {
    /// How many, and the block that they begin: none where there are none. Oldest first; those at the
    /// front may have left the window already.
    Short(u16, Room),
    Long(u32),
}

impl Default for Stored {
    fn default() -> Stored {
        Stored::Short(0, Room::default())
    }
}

/// What a line looks like from near.
enum Held<'a> {
    Short(&'a [Edge]),
    Long(&'a Blocks),
}

/// A time in units of about a second, from 1970 to 2112, or else the nearest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Coarse(u32);

impl Coarse {
    #[inline]
    fn of(time: Timestamp) -> Coarse {
        Coarse(u32::try_from((time.0 >> 20).max(0)).unwrap_or(u32::MAX))
    }
}

/// A line is stale once one payment in so many has left.
const STALE: usize = 4;

/// A line longer than this is kept in blocks. No answer depends on it; builds with assertions
/// make it small, so that the tests' small ledgers have long lines.
const LONG: usize = if cfg!(debug_assertions) { 8 } else { 256 };
const _: () = assert!(LONG <= LARGEST);
/// Payments of a block: 6 kB, which is what a payment that comes late may have to move.
const BLOCK: usize = if cfg!(debug_assertions) { 4 } else { 256 };

/// The blocks of a long line, none of them empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    blocks: VecDeque<Block>,
}

#[derive(Debug, Clone)]
struct Block {
    /// Payments in the blocks before it, of those that ever were in this line.
    before: u64,
    /// Of its first payment: blocks are told apart without a look at what is in them.
    first: Key,
    edges: Vec<Edge>,
}

impl Line {
    #[inline]
    fn held<'a>(&self, store: &'a Store) -> Held<'a> {
        match self.place {
            Stored::Short(len, room) => Held::Short(store.run(room, len.into())),
            Stored::Long(number) => Held::Long(store.long(number)),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.place, Stored::Short(0, _))
    }

    /// Whether it holds more payments than `few`, which may be half of what a short line holds.
    #[inline]
    pub(crate) fn is_longer(&self, few: usize) -> bool {
        debug_assert!(few <= LONG / 2, "a long line is longer, whatever it holds");
        match self.place {
            Stored::Short(len, _) => usize::from(len) > few,
            Stored::Long(_) => true,
        }
    }

    /// What its owner noted last; 0 until then, and once it is empty.
    #[inline]
    pub(crate) fn mark(&self) -> u32 {
        self.mark
    }

    pub(crate) fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }

    /// Puts a payment at its place: at the end, unless it comes late.
    pub(crate) fn insert(&mut self, edge: Edge, store: &mut Store) {
        match self.place {
            Stored::Short(len, room) if usize::from(len) < LONG => {
                let count = usize::from(len);
                let room = if len == 0 {
                    store.take(1)
                } else if count == room.len() {
                    store.resize(room, count, count + 1)
                } else {
                    room
                };
                self.place = Stored::Short(len + 1, room);
                let edges = &mut store.room_mut(room)[..=count];
                let mut at = count;
                if count > 0 && edges[count - 1].key() > edge.key() {
                    at = edges[..count].partition_point(|e| e.key() < edge.key());
                    edges.copy_within(at..count, at + 1);
                }
                edges[at] = edge;
                // Else it is the same payment as before, which may be far from here.
                if at < count || count == 0 || edges.len().is_multiple_of(STALE) {
                    self.stale = Coarse::of(edges[edges.len() / STALE].time);
                }
            }
            Stored::Short(len, room) => {
                let mut long = Blocks::of(store.run(room, len.into()));
                long.insert(edge);
                store.give(room);
                self.place = Stored::Long(store.put_long(long));
                self.note_stale(store);
            }
            Stored::Long(number) => {
                let long = store.long_mut(number);
                if long.insert(edge) || long.blocks.len() == 1 {
                    self.note_stale(store);
                }
            }
        }
    }

    /// The payment that has left once the line is stale. A quarter of a short line, so that it is moved
    /// once for every few payments that leave it.
    fn stale(&self, store: &Store) -> Option<Timestamp> {
        let edge = match self.held(store) {
            Held::Short(edges) => edges.get(edges.len() / STALE),
            Held::Long(long) => long.blocks.front().and_then(|block| block.edges.last()),
        };
        edge.map(|edge| edge.time)
    }

    fn note_stale(&mut self, store: &Store) {
        self.stale = self.stale(store).map_or(Coarse::default(), Coarse::of);
    }

    /// Whether enough payments at or before `time` are held for letting them go to pay.
    #[inline]
    pub(crate) fn is_stale(&self, time: Timestamp, store: &Store) -> bool {
        debug_assert_eq!(self.stale, self.stale(store).map_or(Coarse::default(), Coarse::of));
        match self.stale.cmp(&Coarse::of(time)) {
            Ordering::Less => !self.is_empty(),
            Ordering::Equal => self.stale(store).is_some_and(|stale| stale <= time),
            Ordering::Greater => false,
        }
    }

    /// Lets go of payments at or before `time`, in whole blocks where the line has blocks;
    /// each is given to `gone`.
    pub(crate) fn expire(
        &mut self,
        time: Timestamp,
        store: &mut Store,
        gone: &mut impl FnMut(&Edge),
    ) {
        match self.place {
            Stored::Short(len, room) => {
                let edges = &mut store.room_mut(room)[..len.into()];
                let count = edges.partition_point(|e| e.time <= time);
                edges[..count].iter().for_each(gone);
                edges.copy_within(count.., 0);
                self.shorten(usize::from(len) - count, store);
            }
            Stored::Long(number) => {
                let long = store.long_mut(number);
                while long.is_stale(time) {
                    let block = long.blocks.pop_front().expect("a stale line has a block");
                    block.edges.iter().for_each(&mut *gone);
                }
                self.shorten_long(number, store);
            }
        }
        self.note_stale(store);
    }

    /// So many payments of a short line are left.
    fn shorten(&mut self, len: usize, store: &mut Store) {
        let Stored::Short(_, room) = self.place else { return };
        if len == 0 {
            store.give(room);
            *self = Line::default();
            return;
        }
        let room = if room.len() > 4 * len { store.resize(room, len, 2 * len) } else { room };
        self.place = Stored::Short(short(len), room);
    }

    /// A long line has fewer payments than before.
    fn shorten_long(&mut self, number: u32, store: &mut Store) {
        let len = store.long(number).held();
        if len > LONG / 2 {
            return;
        }
        let long = store.take_long(number);
        if len == 0 {
            *self = Line::default();
            return;
        }
        let room = store.take(len);
        let edges = long.blocks.into_iter().flat_map(|block| block.edges);
        store.room_mut(room).iter_mut().zip(edges).for_each(|(to, edge)| *to = edge);
        self.place = Stored::Short(short(len), room);
    }

    /// Takes a payment out of the middle. Costs what putting it there late would cost.
    pub(crate) fn remove(&mut self, key: Key, store: &mut Store) -> Option<Edge> {
        let gone = match self.place {
            Stored::Short(0, _) => return None,
            Stored::Short(len, room) => {
                let edges = &mut store.room_mut(room)[..len.into()];
                let at = edges.partition_point(|e| e.key() < key);
                let gone = *edges.get(at).filter(|e| e.key() == key)?;
                edges.copy_within(at + 1.., at);
                self.shorten(usize::from(len) - 1, store);
                gone
            }
            Stored::Long(number) => {
                let gone = store.long_mut(number).remove(key)?;
                self.shorten_long(number, store);
                gone
            }
        };
        self.note_stale(store);
        Some(gone)
    }

    /// Moves to another store.
    pub(crate) fn move_to(&mut self, from: &mut Store, to: &mut Store) {
        match self.place {
            Stored::Short(0, _) => {}
            Stored::Short(len, room) => {
                let edges = from.run(room, len.into());
                let new = to.take(edges.len());
                to.room_mut(new)[..edges.len()].copy_from_slice(edges);
                self.place = Stored::Short(len, new);
            }
            Stored::Long(number) => {
                self.place = Stored::Long(to.put_long(from.take_long(number)));
            }
        }
    }

    /// The part of the line that is in sight.
    #[inline]
    pub(crate) fn view<'a>(&self, view: View, store: &'a Store, wide: &'a [i128]) -> Edges<'a> {
        match self.held(store) {
            Held::Short(edges) => Edges::of(slice(edges, view), wide),
            Held::Long(long) => long.view(view, Near::ENDS, wide).0,
        }
    }

    /// As [`Line::view`], looking near some place first.
    pub(crate) fn view_near<'a>(
        &self,
        (view, near): (View, Near),
        store: &'a Store,
        wide: &'a [i128],
    ) -> (Edges<'a>, Near) {
        match self.held(store) {
            Held::Short(edges) => {
                let from = position(edges, view.after, dense(near.after));
                let to = position(edges, view.until, dense(near.until)).max(from);
                let found = Near { after: from as u64, until: to as u64 };
                (Edges::of(&edges[from..to], wide), found)
            }
            Held::Long(long) => long.view(view, near, wide),
        }
    }

    /// Fetches the oldest payments of a short line, a few lines of the cache of them.
    #[inline]
    pub(crate) fn fetch_oldest(&self, store: &Store) {
        if let Stored::Short(len, room) = self.place {
            store.fetch(room, (0..len.into()).step_by(2).take(8));
        }
    }

    /// Fetches the newest payments of a short line, up to so many, and the place of the next; of a
    /// long line, where its blocks are.
    #[inline]
    pub(crate) fn fetch_newest(&self, count: usize, store: &Store) {
        match self.place {
            Stored::Short(len, room) => {
                let len = usize::from(len);
                // Every second: they are not longer than a line of the cache.
                let newest = (len.saturating_sub(count)..len).step_by(2);
                store.fetch(room, newest.chain(around(len as u64)));
            }
            Stored::Long(number) => store.fetch_long(number),
        }
    }

    /// Fetches the blocks at the old end of a view and at the end of a long line.
    #[inline]
    pub(crate) fn fetch_blocks(&self, near: Near, store: &Store) {
        if let Stored::Long(number) = self.place {
            let long = store.long(number);
            let blocks = [long.near(near.after), long.blocks.back()];
            blocks
                .into_iter()
                .flatten()
                .for_each(|block| prefetch_index(slice::from_ref(block), 0));
        }
    }

    /// About the oldest payment of a view.
    #[inline]
    pub(crate) fn oldest(&self, near: Near, store: &Store) -> Option<Edge> {
        match self.held(store) {
            Held::Short(edges) => edges.get(dense(near.after)).copied(),
            Held::Long(long) => {
                let block = long.near(near.after)?;
                block.edges.get(dense(near.after.saturating_sub(block.before))).copied()
            }
        }
    }

    /// Fetches the oldest payment of a view and the one before it, and the place of the next to come.
    #[inline]
    pub(crate) fn fetch_ends(&self, near: Near, store: &Store) {
        match self.place {
            Stored::Short(_, room) => store.fetch(room, around(near.after).into_iter()),
            Stored::Long(number) => {
                let long = store.long(number);
                if let Some(block) = long.near(near.after) {
                    let at = near.after.saturating_sub(block.before);
                    fetch_around(&block.edges, at);
                }
                if let Some(block) = long.blocks.back() {
                    fetch_around(&block.edges, block.edges.len() as u64);
                }
            }
        }
    }
}

/// What is looked at to find a place again where it was.
fn around(at: u64) -> [usize; 2] {
    [dense(at.saturating_sub(1)), dense(at)]
}

fn fetch_around(edges: &[Edge], at: u64) {
    for at in around(at) {
        prefetch_index(edges, at);
    }
}

/// The length of a short line.
fn short(len: usize) -> u16 {
    u16::try_from(len).expect("a short line")
}

impl Blocks {
    /// Bytes held, room for growth included.
    pub(crate) fn bytes(&self) -> usize {
        let edges: usize = self.blocks.iter().map(|block| block.edges.capacity()).sum();
        edges * size_of::<Edge>() + self.blocks.capacity() * size_of::<Block>()
    }

    fn of(edges: &[Edge]) -> Blocks {
        let mut blocks = Blocks::default();
        for &edge in edges {
            blocks.insert(edge);
        }
        blocks
    }

    fn held(&self) -> usize {
        let (Some(first), Some(last)) = (self.blocks.front(), self.blocks.back()) else { return 0 };
        dense(last.before - first.before) + last.edges.len()
    }

    fn is_stale(&self, time: Timestamp) -> bool {
        let newest = self.blocks.front().and_then(|block| block.edges.last());
        newest.is_some_and(|edge| edge.time <= time)
    }

    /// Whether it came late.
    fn insert(&mut self, edge: Edge) -> bool {
        match self.blocks.back_mut() {
            Some(block)
                if block.edges.last().is_some_and(|last| last.key() < edge.key())
                    && block.edges.len() < BLOCK =>
            {
                if block.edges.len() == block.edges.capacity() {
                    // By half, and no further than the block goes.
                    let more = (block.edges.len() / 2).clamp(1, BLOCK - block.edges.len());
                    block.edges.reserve_exact(more);
                }
                block.edges.push(edge);
            }
            Some(block) if block.edges.last().is_some_and(|last| last.key() > edge.key()) => {
                self.insert_late(edge);
                return true;
            }
            back => {
                let before = back.map_or(0, |block| block.before + block.edges.len() as u64);
                let mut edges = Vec::with_capacity(BLOCK);
                edges.push(edge);
                self.blocks.push_back(Block { before, first: edge.key(), edges });
            }
        }
        false
    }

    /// Costs a block, and a step for each block behind it.
    fn insert_late(&mut self, edge: Edge) {
        let number = self.blocks.partition_point(|block| {
            block.edges.last().expect("no block is empty").key() < edge.key()
        });
        let block = &mut self.blocks[number];
        let at = block.edges.partition_point(|e| e.key() < edge.key());
        block.edges.insert(at, edge);
        block.first = block.edges[0].key();
        self.blocks.range_mut(number + 1..).for_each(|block| block.before += 1);
        let block = &mut self.blocks[number];
        if block.edges.len() > 2 * BLOCK {
            let edges = block.edges.split_off(BLOCK);
            let (before, first) = (block.before + BLOCK as u64, edges[0].key());
            self.blocks.insert(number + 1, Block { before, first, edges });
        }
    }

    /// Costs a block, and a step for each block behind it.
    fn remove(&mut self, key: Key) -> Option<Edge> {
        let number = self
            .blocks
            .partition_point(|block| block.edges.last().expect("no block is empty").key() < key);
        let block = self.blocks.get_mut(number)?;
        let at = block.edges.partition_point(|e| e.key() < key);
        block.edges.get(at).filter(|e| e.key() == key)?;
        let gone = block.edges.remove(at);
        let first = block.edges.first().map(Edge::key);
        block.first = first.unwrap_or(block.first);
        self.blocks.range_mut(number + 1..).for_each(|block| block.before -= 1);
        if first.is_none() {
            self.blocks.remove(number);
        }
        Some(gone)
    }

    /// Where a key stands: the block, the position in it, and the number among all. `near` is a
    /// number that may be near it.
    fn find(&self, key: Key, near: u64) -> Found {
        let number = self.block_of(key, near);
        let Some(block) = self.blocks.get(number) else {
            return Found { block: number, at: 0, number: 0 };
        };
        debug_assert_eq!(Some(block.first), block.edges.first().map(Edge::key));
        let near = dense(near.saturating_sub(block.before));
        let at = position(&block.edges, key, near);
        let found = block.before + at as u64;
        // What begins or ends behind its last payment does so with the next block.
        if at == block.edges.len() && number + 1 < self.blocks.len() {
            return Found { block: number + 1, at: 0, number: found };
        }
        Found { block: number, at, number: found }
    }

    /// The position of about the block that has a number among all that ever were in the line.
    fn guess(&self, number: u64) -> Option<usize> {
        let front = self.blocks.front()?;
        Some(dense(number.saturating_sub(front.before)) / BLOCK)
    }

    /// About the block that has a number among all that ever were in the line.
    fn near(&self, number: u64) -> Option<&Block> {
        self.blocks.get(self.guess(number)?)
    }

    /// The last block that begins at or before a key; the first where none does.
    fn block_of(&self, key: Key, near: u64) -> usize {
        let Some(last) = self.blocks.len().checked_sub(1) else { return 0 };
        let begins = |number: usize| self.blocks[number].first <= key;
        // As a rule it is at one of the ends, or where one looked last.
        if begins(last) {
            return last;
        }
        if last == 0 || !begins(1) {
            return 0;
        }
        let guess = self.guess(near).unwrap_or(0);
        for number in [guess, guess + 1] {
            if (1..last).contains(&number) && begins(number) && !begins(number + 1) {
                return number;
            }
        }
        self.blocks.partition_point(|block| block.first <= key) - 1
    }

    fn view<'a>(&'a self, view: View, near: Near, wide: &'a [i128]) -> (Edges<'a>, Near) {
        let (from, to) = (self.find(view.after, near.after), self.find(view.until, near.until));
        let found = Near { after: from.number, until: to.number };
        if to.number <= from.number {
            return (Edges::of(&[], wide), found);
        }
        let edges = |number: usize| self.blocks.get(number).map_or(&[][..], |b| &b.edges[..]);
        if from.block == to.block {
            return (Edges::of(&edges(from.block)[from.at..to.at], wide), found);
        }
        let edges = Edges {
            head: &edges(from.block)[from.at..],
            blocks: Some(&self.blocks),
            from: from.block + 1,
            to: to.block,
            tail: &edges(to.block)[..to.at],
            len: dense(to.number - from.number),
            wide,
        };
        (edges, found)
    }
}

/// How many payments of a run, ascending in order, are at or before a key; `near` may be nearly as
/// many.
fn position(edges: &[Edge], key: Key, near: usize) -> usize {
    let mut at = near.min(edges.len());
    for _ in 0..4 {
        if at < edges.len() && edges[at].key() <= key {
            at += 1;
        } else if at > 0 && edges[at - 1].key() > key {
            at -= 1;
        } else {
            return at;
        }
    }
    // What was near may have moved to the front since, with those before it gone.
    if edges[0].key() > key {
        return 0;
    }
    edges.partition_point(|e| e.key() <= key)
}

/// Where the ends of a view were on a line when it was last looked at: of a line in blocks, as
/// numbers among all that were ever in it. It makes looking again quick; wherever it points, what is
/// seen is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Of the old end.
    pub after: u64,
    /// Of the new end.
    pub until: u64,
}

impl Near {
    /// Nowhere in particular: the old end is sought from the front, the new one from the back.
    pub const ENDS: Near = Near { after: 0, until: u64::MAX };
}

struct Found {
    block: usize,
    at: usize,
    number: u64,
}

fn dense(count: u64) -> usize {
    usize::try_from(count).expect("fits memory")
}

/// The part of a run of edges, ascending in order, that is in sight.
#[inline]
fn slice(edges: &[Edge], view: View) -> &[Edge] {
    // As a rule the line ends at the asking payment, or a few after it.
    let mut end = edges.len();
    let mut step = 1;
    while end > 0 && edges[end - 1].key() > view.until {
        if step > 8 {
            end = edges[..end].partition_point(|e| e.key() <= view.until);
            break;
        }
        end -= 1;
        step += 1;
    }
    let seen = &edges[..end];
    match seen.first() {
        Some(first) if first.key() <= view.after => {
            &seen[seen.partition_point(|e| e.key() <= view.after)..]
        }
        Some(_) | None => seen,
    }
}

/// Payments of a line that are in sight, ascending in order.
#[derive(Debug, Clone, Copy)]
pub struct Edges<'a> {
    head: &'a [Edge],
    /// The blocks `from..to` lie between head and tail.
    blocks: Option<&'a VecDeque<Block>>,
    from: usize,
    to: usize,
    tail: &'a [Edge],
    len: usize,
    wide: &'a [i128],
}

impl<'a> Edges<'a> {
    /// None at all.
    pub const NONE: Edges<'static> =
        Edges { head: &[], blocks: None, from: 0, to: 0, tail: &[], len: 0, wide: &[] };

    #[inline]
    fn of(head: &'a [Edge], wide: &'a [i128]) -> Edges<'a> {
        Edges { head, blocks: None, from: 0, to: 0, tail: &[], len: head.len(), wide }
    }

    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The runs of memory they lie in, in order; of an ordinary account's line there is one.
    #[inline]
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &'a [Edge]> + Clone + use<'a> {
        let between = self.blocks.map(|blocks| blocks.range(self.from..self.to));
        let between = between.into_iter().flatten().map(|block| &block.edges[..]);
        std::iter::once(self.head).chain(between).chain(std::iter::once(self.tail))
    }

    /// The edges, oldest first.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a Edge> + Clone + use<'a> {
        self.runs().flatten()
    }

    /// Calls `each` with every edge, oldest first: quicker than a loop over [`Edges::iter`].
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(&'a Edge)) {
        self.head.iter().for_each(&mut each);
        if self.blocks.is_some() {
            self.runs().skip(1).flatten().for_each(each);
        }
    }

    /// The oldest.
    #[inline]
    pub fn first(&self) -> Option<&'a Edge> {
        self.head.first().or_else(|| self.iter().next())
    }

    /// The newest.
    #[inline]
    pub fn last(&self) -> Option<&'a Edge> {
        if self.blocks.is_none() { self.head.last() } else { self.iter().next_back() }
    }

    /// All of them, where they lie in one run of memory.
    #[inline]
    pub fn as_run(&self) -> Option<&'a [Edge]> {
        self.blocks.is_none().then_some(self.head)
    }

    /// An edge's amount in minor units; the edge must be one of these.
    #[inline]
    pub fn minor(&self, edge: &Edge) -> i128 {
        minor_of(edge, self.wide)
    }
}

#[inline]
pub(crate) fn minor_of(edge: &Edge, wide: &[i128]) -> i128 {
    if edge.minor >= 0 {
        return i128::from(edge.minor);
    }
    let slot = usize::try_from(!edge.minor).expect("the complement of a slot");
    wide[slot]
}
