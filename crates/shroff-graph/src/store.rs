//! Memory of the payments of one layer in a shard.
//!
//! Short lines are blocks of a few sizes, cut from large chunks. What a line outgrows goes to the next
//! that needs one of its size: none is asked of the allocator, which would put a header before each and
//! look for room in memory that nobody has at hand. Once most of it is free, what is held moves to a new
//! store (see [`Store::is_sparse`]).

use prefetch_index::prefetch_index;
use shroff_types::{AccountId, Place, Timestamp};

use crate::line::{Blocks, Edge};

/// Payments of a block, by its size.
const ROOMS: [u16; 15] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/// Payments of the largest block.
pub(crate) const LARGEST: usize = ROOMS[ROOMS.len() - 1] as usize;

/// Payments of a chunk at most, 786 kB, as bits of a place in it.
const CHUNK_BITS: u32 = if cfg!(debug_assertions) { 10 } else { 15 };
/// Payments of the first chunk. Each further one is half as large as all before it.
const FIRST: usize = if cfg!(debug_assertions) { 8 } else { 64 };

/// What a block holds where no payment is.
const NOTHING: Edge = Edge { time: Timestamp(0), minor: 0, other: AccountId(0), place: Place(0) };

/// A block: the chunk that it is in, the place where it begins, and its position among [`ROOMS`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room(u32);

const SIZE_BITS: u32 = 4;
const _: () = assert!(ROOMS.len() <= 1 << SIZE_BITS);

impl Room {
    fn of(chunk: usize, at: usize, size: usize) -> Room {
        let place = chunk << CHUNK_BITS | at;
        Room(u32::try_from(place << SIZE_BITS | size).expect("no shard has 2^28 payments"))
    }

    #[inline]
    fn size(self) -> usize {
        (self.0 & ((1 << SIZE_BITS) - 1)) as usize
    }

    /// The chunk, and the place in it.
    #[inline]
    fn place(self) -> (usize, usize) {
        let place = self.0 >> SIZE_BITS;
        ((place >> CHUNK_BITS) as usize, (place & ((1 << CHUNK_BITS) - 1)) as usize)
    }

    /// How many payments it holds at most.
    #[inline]
    pub(crate) fn len(self) -> usize {
        usize::from(ROOMS[self.size()])
    }
}

/// The payments of one layer in a shard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    /// Each cut from its begin on, and never moved.
    chunks: Vec<Vec<Edge>>,
    /// Blocks that nobody holds, by size.
    free: [Vec<Room>; ROOMS.len()],
    /// Payments that all chunks hold at most, and the blocks in use.
    total: usize,
    used: usize,
    longs: Vec<Blocks>,
    free_longs: Vec<u32>,
}

impl Store {
    /// The first `len` payments of a block.
    #[inline]
    pub(crate) fn run(&self, room: Room, len: usize) -> &[Edge] {
        let (chunk, at) = room.place();
        match self.chunks.get(chunk) {
            Some(chunk) => &chunk[at..at + len],
            None => &[],
        }
    }

    /// All of a block.
    #[inline]
    pub(crate) fn room_mut(&mut self, room: Room) -> &mut [Edge] {
        let (chunk, at) = room.place();
        &mut self.chunks[chunk][at..at + room.len()]
    }

    /// Fetches some payments of a block; see [`crate::Shard::fetch`].
    #[inline]
    pub(crate) fn fetch(&self, room: Room, ats: impl Iterator<Item = usize>) {
        let (chunk, first) = room.place();
        if let Some(chunk) = self.chunks.get(chunk) {
            ats.for_each(|at| prefetch_index(chunk, first + at));
        }
    }

    /// A block for so many payments, [`LARGEST`] at most; what is in it may be anything.
    pub(crate) fn take(&mut self, len: usize) -> Room {
        let size = ROOMS.partition_point(|&room| usize::from(room) < len);
        let room = self.free[size].pop().unwrap_or_else(|| self.cut(size));
        self.used += room.len();
        room
    }

    /// Takes a block back.
    pub(crate) fn give(&mut self, room: Room) {
        self.used -= room.len();
        self.free[room.size()].push(room);
    }

    /// Moves `len` payments to a block of another size, and takes theirs back.
    pub(crate) fn resize(&mut self, room: Room, len: usize, new_len: usize) -> Room {
        let new = self.take(new_len);
        let ((from, at), (to, new_at)) = (room.place(), new.place());
        if let Ok([from, to]) = self.chunks.get_disjoint_mut([from, to]) {
            to[new_at..new_at + len].copy_from_slice(&from[at..at + len]);
        } else {
            self.chunks[from].copy_within(at..at + len, new_at);
        }
        self.give(room);
        new
    }

    fn cut(&mut self, size: usize) -> Room {
        if let Some(room) = self.cut_last(size) {
            return room;
        }
        // What is left of the last chunk makes smaller blocks.
        for size in (0..ROOMS.len()).rev() {
            while let Some(room) = self.cut_last(size) {
                self.free[size].push(room);
            }
        }
        let len = (self.total / 2).clamp(FIRST.max(usize::from(ROOMS[size])), 1 << CHUNK_BITS);
        self.chunks.push(Vec::with_capacity(len));
        self.total += len;
        self.cut_last(size).expect("it is large enough")
    }

    /// A block of the last chunk, where it has so much left.
    fn cut_last(&mut self, size: usize) -> Option<Room> {
        let room = usize::from(ROOMS[size]);
        let number = self.chunks.len().checked_sub(1)?;
        let chunk = &mut self.chunks[number];
        let at = chunk.len();
        (chunk.capacity() - at >= room).then(|| {
            chunk.resize(at + room, NOTHING);
            Room::of(number, at, size)
        })
    }

    /// Whether so little of a store that is not small is in use that what is held had better move to a
    /// new one.
    pub(crate) fn is_sparse(&self) -> bool {
        self.total > 2 * FIRST && self.used < self.total / 4
    }

    /// The long line of a number.
    #[inline]
    pub(crate) fn long(&self, number: u32) -> &Blocks {
        &self.longs[number as usize]
    }

    #[inline]
    pub(crate) fn long_mut(&mut self, number: u32) -> &mut Blocks {
        &mut self.longs[number as usize]
    }

    /// Fetches where the blocks of a long line are.
    #[inline]
    pub(crate) fn fetch_long(&self, number: u32) {
        prefetch_index(&self.longs, number as usize);
    }

    /// Takes a long line in.
    pub(crate) fn put_long(&mut self, long: Blocks) -> u32 {
        let number = self.free_longs.pop().unwrap_or_else(|| {
            self.longs.push(Blocks::default());
            u32::try_from(self.longs.len() - 1).expect("fewer lines than payments")
        });
        self.longs[number as usize] = long;
        number
    }

    /// Lets a long line go.
    pub(crate) fn take_long(&mut self, number: u32) -> Blocks {
        self.free_longs.push(number);
        std::mem::take(&mut self.longs[number as usize])
    }

    /// Bytes held, room for growth included.
    pub(crate) fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Vec::len).sum();
        let free: usize = self.free.iter().map(Vec::capacity).sum();
        let longs: usize = self.longs.iter().map(Blocks::bytes).sum();
        chunks * size_of::<Edge>()
            + free * size_of::<Room>()
            + longs
            + self.longs.capacity() * size_of::<Blocks>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::Line;

    /// A payment that can be told from others.
    fn edge(number: u32) -> Edge {
        Edge { place: Place(number), ..NOTHING }
    }

    fn fill(store: &mut Store, room: Room, number: u32) {
        store.room_mut(room).fill(edge(number));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]
        #[test]
        fn no_block_is_anybody_elses(
            changes in prop::collection::vec((0..4_u8, 1..=LARGEST, any::<prop::sample::Index>()), 1..120),
        ) {
            let mut store = Store::default();
            let mut held: Vec<(Room, u32)> = Vec::new();
            for (number, (what, len, whose)) in (1..).zip(changes) {
                match what {
                    0 if !held.is_empty() => {
                        let at = whose.index(held.len());
                        let (room, _) = held.swap_remove(at);
                        store.give(room);
                    }
                    1 if !held.is_empty() => {
                        let at = whose.index(held.len());
                        let (room, number) = &mut held[at];
                        let kept = len.min(room.len());
                        *room = store.resize(*room, kept, len);
                        prop_assert!(room.len() >= len);
                        prop_assert!(store.run(*room, kept).iter().all(|e| *e == edge(*number)));
                        fill(&mut store, *room, *number);
                    }
                    _ => {
                        let room = store.take(len);
                        prop_assert!(room.len() >= len);
                        fill(&mut store, room, number);
                        held.push((room, number));
                    }
                }
                for (room, number) in &held {
                    prop_assert!(store.run(*room, room.len()).iter().all(|e| *e == edge(*number)));
                }
                prop_assert_eq!(store.used, held.iter().map(|(room, _)| room.len()).sum::<usize>());
                prop_assert!(store.chunks.iter().all(|chunk| chunk.capacity() <= 1 << CHUNK_BITS));
            }
        }
    }

    #[test]
    fn what_is_given_back_and_what_a_chunk_has_left_is_used_before_more_is_asked_for() {
        let mut store = Store::default();
        let rooms: Vec<Room> = (0..2_000).map(|number| store.take(1 + number % 7)).collect();
        let full = store.total;
        let free = |store: &Store| -> usize {
            let of = |(size, rooms): (usize, &Vec<Room>)| rooms.len() * usize::from(ROOMS[size]);
            store.free.iter().enumerate().map(of).sum()
        };
        // All but what is left of the last chunk is in use, or waits to be, or is one payment of a chunk.
        let last = &store.chunks[store.chunks.len() - 1];
        let known = store.used + free(&store) + last.capacity() - last.len();
        assert!((full - store.chunks.len()..=full).contains(&known), "{known} of {full}");
        for room in rooms {
            store.give(room);
        }
        assert!(store.is_sparse());
        for number in 0..2_000 {
            store.take(1 + number % 7);
        }
        assert_eq!(store.total, full);
        assert!(!store.is_sparse());
    }

    #[test]
    fn a_line_that_few_are_left_of_takes_a_smaller_block_and_is_stale_no_sooner_than_that_pays() {
        let (mut store, mut line) = (Store::default(), Line::default());
        let hour = |number: u32| Timestamp(i64::from(number) * 3_600_000_000);
        for number in 0..8 {
            line.insert(Edge { time: hour(number), ..edge(number) }, &mut store);
        }
        assert_eq!(store.used, 8);
        // The third of eight has to have left.
        let stale = [0, 1, 2, 6].map(|number| line.is_stale(hour(number), &store));
        assert_eq!(stale, [false, false, true, true]);
        line.expire(hour(6), &mut store, &mut |_| {});
        assert_eq!(store.used, 2);
        line.expire(hour(7), &mut store, &mut |_| {});
        assert_eq!(store.used, 0);
        assert!(line.is_empty() && !line.is_stale(hour(9), &store));
    }
}
