//! Payments in the one total order, in memory or, beyond a limit, in sorted runs on disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::io::{self, SeekFrom};
use std::sync::{Mutex, PoisonError};

use shroff_types::{AccountId, Amount, Currency, Payment, Symbol, Timestamp};

use crate::IngestError;
use crate::plan::MAX_TEXT_BYTES;
use crate::source::{ReadWriteSeek, Spill};

/// More runs than this are merged into fewer: a scan reads all runs at once.
const MAX_RUNS: usize = 64;

/// What a scan reads of one run at a time.
const READ_BYTES: usize = 128 << 10;

/// The longest a payment can be when it is written: its numbers and the longest id.
const MAX_ENTRY_BYTES: usize = 64 + MAX_TEXT_BYTES;

/// Writes a payment behind `bytes`. It is a private form, for one run of the program: nothing
/// reads it later, so it has no version.
fn encode(payment: &Payment, bytes: &mut Vec<u8>) {
    let label = match payment.label {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    };
    let flags = label
        | (u8::from(payment.method.is_some()) << 2)
        | (u8::from(payment.attempt.is_some()) << 3);
    bytes.extend_from_slice(&payment.time.0.to_le_bytes());
    bytes.extend_from_slice(&[flags, payment.amount.currency.index()]);
    encode_count(u128::from(payment.debtor.0), bytes);
    encode_count(u128::from(payment.creditor.0), bytes);
    encode_count(payment.amount.minor.cast_unsigned(), bytes);
    for symbol in [payment.method, payment.attempt].into_iter().flatten() {
        encode_count(u128::from(symbol.0), bytes);
    }
    encode_count(payment.id.len() as u128, bytes);
    bytes.extend_from_slice(payment.id.as_bytes());
}

fn encode_count(mut count: u128, bytes: &mut Vec<u8>) {
    loop {
        let low = (count & 0x7f) as u8;
        count >>= 7;
        if count == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads a payment and the number of its bytes; nothing where the bytes are no payment, which
/// only a damaged temporary file can cause.
fn decode(bytes: &[u8]) -> Option<(Payment, usize)> {
    let mut rest = bytes;
    let (time, tail) = rest.split_first_chunk::<8>()?;
    let (&[flags, currency], tail) = tail.split_first_chunk::<2>()?;
    rest = tail;
    let debtor = decode_number(&mut rest)?;
    let creditor = decode_number(&mut rest)?;
    let minor = decode_count(&mut rest)?.cast_signed();
    let method = if flags & 4 != 0 { Some(Symbol(decode_number(&mut rest)?)) } else { None };
    let attempt = if flags & 8 != 0 { Some(Symbol(decode_number(&mut rest)?)) } else { None };
    let length = decode_number(&mut rest)? as usize;
    let id = std::str::from_utf8(rest.get(..length)?).ok()?;
    let label = match flags & 3 {
        0 => None,
        1 => Some(false),
        _ => Some(true),
    };
    let payment = Payment {
        id: id.into(),
        time: Timestamp(i64::from_le_bytes(*time)),
        debtor: AccountId(debtor),
        creditor: AccountId(creditor),
        amount: Amount { minor, currency: Currency::from_index(currency)? },
        method,
        label,
        attempt,
    };
    Some((payment, bytes.len() - rest.len() + length))
}

fn decode_number(rest: &mut &[u8]) -> Option<u32> {
    u32::try_from(decode_count(rest)?).ok()
}

#[inline]
fn decode_count(rest: &mut &[u8]) -> Option<u128> {
    let (&first, tail) = rest.split_first()?;
    *rest = tail;
    if first < 0x80 {
        return Some(u128::from(first));
    }
    // Nearly every count fits 64 bits, where shifts are cheap.
    let mut low = u64::from(first & 0x7f);
    for shift in (7..63).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        low |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(u128::from(low));
        }
    }
    let mut count = u128::from(low);
    for shift in (63..128).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        count |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(count);
        }
    }
    None
}

/// Where a payment's bytes are in an [`Arena`].
#[derive(Debug, Clone, Copy)]
struct Spot {
    chunk: u32,
    offset: u32,
}

/// Encoded payments in chunks, so that growing never copies what is there.
#[derive(Debug, Default)]
struct Arena {
    chunks: Vec<Vec<u8>>,
    chunk_bytes: usize,
    bytes: usize,
    len: usize,
    /// The time of the last payment, and whether all came in time order.
    last: Option<Timestamp>,
    sorted: bool,
    /// The order of the payments where they did not: times and places, sorted.
    index: Vec<(Timestamp, Spot)>,
}

impl Arena {
    fn new(chunk_bytes: usize) -> Arena {
        Arena { chunk_bytes, sorted: true, ..Arena::default() }
    }

    fn push(&mut self, time: Timestamp, entry: &[u8]) {
        let full = self.chunks.last().is_none_or(|last| last.capacity() - last.len() < entry.len());
        if full {
            self.chunks.push(Vec::with_capacity(self.chunk_bytes.max(entry.len())));
        }
        self.chunks.last_mut().expect("a chunk was just made").extend_from_slice(entry);
        self.sorted &= self.last.is_none_or(|last| last <= time);
        self.last = Some(time);
        self.bytes += entry.len();
        self.len += 1;
    }

    /// Bytes it holds, and would hold with one more payment that is `entry` long.
    fn bytes_with(&self, entry: usize, in_order: bool) -> usize {
        let index = if self.sorted && in_order { 0 } else { size_of::<(Timestamp, Spot)>() };
        self.bytes + entry + (self.len + 1) * index
    }

    /// Makes the index, if one is needed.
    fn sort(&mut self) {
        if self.sorted || self.index.len() == self.len {
            return;
        }
        let mut index = Vec::with_capacity(self.len);
        let mut spot = Spot { chunk: 0, offset: 0 };
        while let Some((payment, next)) = self.at(spot) {
            index.push((payment.time, self.entry_start(spot)));
            spot = next;
        }
        // Places rise with arrival, so equal times stay in the order of arrival.
        index.sort_unstable_by_key(|&(time, spot)| (time, spot.chunk, spot.offset));
        self.index = index;
    }

    /// The place itself, or the next chunk's beginning where a chunk ends there.
    fn entry_start(&self, spot: Spot) -> Spot {
        let ends = self.chunks.get(spot.chunk as usize).map(Vec::len);
        if ends == Some(spot.offset as usize) {
            return Spot { chunk: spot.chunk + 1, offset: 0 };
        }
        spot
    }

    /// The payment at a place, and the place behind it.
    fn at(&self, spot: Spot) -> Option<(Payment, Spot)> {
        let spot = self.entry_start(spot);
        let chunk = self.chunks.get(spot.chunk as usize)?;
        let (payment, length) = decode(&chunk[spot.offset as usize..])?;
        let length = u32::try_from(length).expect("an entry is short");
        Some((payment, Spot { chunk: spot.chunk, offset: spot.offset + length }))
    }
}

/// A sorted stretch of the temporary file.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    end: u64,
}

/// A temporary file and the end of what was written to it.
struct Disk {
    file: Mutex<Box<dyn ReadWriteSeek>>,
    end: u64,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("end", &self.end).finish_non_exhaustive()
    }
}

impl Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(buffer)
    }
}

/// Payments as they arrive, to be put in order within a limit of memory.
#[derive(Debug)]
pub(crate) struct Builder {
    limit_bytes: usize,
    arena: Arena,
    disk: Option<Disk>,
    runs: Vec<Run>,
    /// The latest time of the last run.
    last_run_time: Option<Timestamp>,
    latest: Option<Timestamp>,
    len: u64,
    out_of_order: u64,
    entry: Vec<u8>,
}

impl Builder {
    pub(crate) fn new(limit_bytes: usize) -> Builder {
        // An eighth of the limit, so that what a chunk leaves unused is little of it.
        let chunk_bytes = (limit_bytes / 8).clamp(4 << 10, 1 << 20);
        Builder {
            limit_bytes,
            arena: Arena::new(chunk_bytes),
            disk: None,
            runs: Vec::new(),
            last_run_time: None,
            latest: None,
            len: 0,
            out_of_order: 0,
            entry: Vec::new(),
        }
    }

    /// Adds a payment behind all that came before.
    pub(crate) fn push(
        &mut self,
        payment: &Payment,
        spill: &mut dyn Spill,
    ) -> Result<(), IngestError> {
        if self.len >= u64::from(u32::MAX) {
            let reason = "there are more than 4,294,967,295 payments, the most that are counted";
            let hint = "give fewer files, and cut the history into slices of time";
            return Err(IngestError::new("the inputs", reason).hint(hint));
        }
        self.entry.clear();
        encode(payment, &mut self.entry);
        let time = payment.time;
        let in_order = self.arena.last.is_none_or(|last| last <= time);
        let bytes = self.arena.bytes_with(self.entry.len(), in_order);
        if bytes > self.limit_bytes && self.arena.len > 0 {
            self.flush(spill)?;
        }
        self.out_of_order += u64::from(self.latest.is_some_and(|latest| time < latest));
        self.latest = self.latest.max(Some(time));
        self.arena.push(time, &self.entry);
        self.len += 1;
        Ok(())
    }

    /// Writes what is in memory to the temporary file as a sorted run.
    fn flush(&mut self, spill: &mut dyn Spill) -> Result<(), IngestError> {
        let empty = Arena::new(self.arena.chunk_bytes);
        let mut arena = std::mem::replace(&mut self.arena, empty);
        arena.sort();
        if self.disk.is_none() {
            self.disk = Some(create(spill)?);
        }
        let disk = self.disk.as_mut().expect("it was just made");
        let start = disk.end;
        let mut cursor = Cursor::Memory { arena: &arena, next: MemoryPlace::start(&arena) };
        let (first, last) = write_all(&mut cursor, disk)?;
        let run = Run { start, end: disk.end };
        // A run that goes on where the last one ended is the same run: a file that is in order
        // makes one run, whatever its size.
        match self.runs.last_mut() {
            Some(before) if self.last_run_time <= first => before.end = run.end,
            Some(_) | None => self.runs.push(run),
        }
        self.last_run_time = last;
        Ok(())
    }

    /// Ends the arrival: what is left is sorted, and runs merged until few enough are left.
    pub(crate) fn finish(mut self, spill: &mut dyn Spill) -> Result<Payments, IngestError> {
        let spilled_bytes = self.disk.as_ref().map_or(0, |disk| disk.end);
        while self.runs.len() > MAX_RUNS {
            let before = self.disk.take().expect("runs are on a disk");
            let mut disk = create(spill)?;
            let mut merged = Vec::new();
            for group in self.runs.chunks(MAX_RUNS) {
                let start = disk.end;
                let cursors = group.iter().map(|&run| Cursor::disk(&before, run)).collect();
                write_all(&mut Merge::new(cursors)?, &mut disk)?;
                merged.push(Run { start, end: disk.end });
            }
            (self.runs, self.disk) = (merged, Some(disk));
        }
        self.arena.sort();
        Ok(Payments {
            arena: self.arena,
            disk: self.disk,
            runs: self.runs,
            len: self.len,
            out_of_order: self.out_of_order,
            spilled_bytes,
        })
    }
}

fn create(spill: &mut dyn Spill) -> Result<Disk, IngestError> {
    let file = spill.create().map_err(|error| temporary("creating it", error))?;
    Ok(Disk { file: Mutex::new(file), end: 0 })
}

fn temporary(operation: &str, error: io::Error) -> IngestError {
    IngestError::io("the temporary file of the sort", operation, error)
        .hint("free some disk space, or allow more memory for sorting")
}

/// Writes a sorted stream of payments; gives the first and the last time.
fn write_all(
    payments: &mut dyn Iterator<Item = Result<Payment, IngestError>>,
    disk: &mut Disk,
) -> Result<(Option<Timestamp>, Option<Timestamp>), IngestError> {
    let (mut first, mut last) = (None, None);
    let mut buffer = Vec::with_capacity(READ_BYTES + MAX_ENTRY_BYTES);
    for payment in payments {
        let payment = payment?;
        first = first.or(Some(payment.time));
        last = Some(payment.time);
        encode(&payment, &mut buffer);
        if buffer.len() >= READ_BYTES {
            disk.append(&buffer).map_err(|error| temporary("writing it", error))?;
            buffer.clear();
        }
    }
    disk.append(&buffer).map_err(|error| temporary("writing it", error))?;
    Ok((first, last))
}

/// All payments of a ledger, in the one total order: by time, then by arrival. They can be
/// walked as often as needed, by several readers at once.
#[derive(Debug)]
pub struct Payments {
    arena: Arena,
    disk: Option<Disk>,
    runs: Vec<Run>,
    len: u64,
    out_of_order: u64,
    spilled_bytes: u64,
}

impl Payments {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many arrived after one that is later; 0 where the input was in time order.
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// How many bytes went to temporary files while sorting.
    pub fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }

    /// How many bytes of memory they take, indexes and unused room included.
    pub fn memory_bytes(&self) -> usize {
        let room: usize = self.arena.chunks.iter().map(Vec::capacity).sum();
        room + self.arena.index.capacity() * size_of::<(Timestamp, Spot)>()
    }

    #[expect(clippy::iter_not_returning_iterator, reason = "to begin to read a file can fail")]
    /// Walks them in order. It fails only where the temporary file does.
    pub fn iter(&self) -> Result<Merge<'_>, IngestError> {
        let disk = self.disk.as_ref();
        let mut cursors: Vec<Cursor<'_>> = self
            .runs
            .iter()
            .map(|&run| Cursor::disk(disk.expect("runs are on a disk"), run))
            .collect();
        cursors.push(Cursor::Memory { arena: &self.arena, next: MemoryPlace::start(&self.arena) });
        Merge::new(cursors)
    }
}

/// One sorted sequence of payments.
#[derive(Debug)]
enum Cursor<'p> {
    Memory { arena: &'p Arena, next: MemoryPlace },
    Disk { disk: &'p Disk, run: Run, buffer: Vec<u8>, at: usize },
}

/// What a walk through memory takes next: a place, or a position in the index.
#[derive(Debug, Clone, Copy)]
enum MemoryPlace {
    Spot(Spot),
    Index(usize),
}

impl MemoryPlace {
    fn start(arena: &Arena) -> MemoryPlace {
        if arena.sorted {
            MemoryPlace::Spot(Spot { chunk: 0, offset: 0 })
        } else {
            MemoryPlace::Index(0)
        }
    }
}

impl Cursor<'_> {
    fn disk(disk: &Disk, run: Run) -> Cursor<'_> {
        Cursor::Disk { disk, run, buffer: Vec::new(), at: 0 }
    }
}

impl Iterator for Cursor<'_> {
    type Item = Result<Payment, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Cursor::Memory { arena, next: MemoryPlace::Spot(spot) } => {
                let (payment, behind) = arena.at(*spot)?;
                *spot = behind;
                Some(Ok(payment))
            }
            Cursor::Memory { arena, next: MemoryPlace::Index(position) } => {
                let &(_, spot) = arena.index.get(*position)?;
                *position += 1;
                arena.at(spot).map(|(payment, _)| Ok(payment))
            }
            Cursor::Disk { disk, run, buffer, at } => {
                if buffer.len() - *at < MAX_ENTRY_BYTES && run.start < run.end {
                    buffer.drain(..*at);
                    *at = 0;
                    let room = (READ_BYTES as u64).min(run.end - run.start);
                    let kept = buffer.len();
                    buffer.resize(kept + usize::try_from(room).expect("a block"), 0);
                    if let Err(error) = disk.read(run.start, &mut buffer[kept..]) {
                        return Some(Err(temporary("reading it", error)));
                    }
                    run.start += room;
                }
                if *at == buffer.len() {
                    return None;
                }
                let Some((payment, length)) = decode(&buffer[*at..]) else {
                    let error = io::Error::from(io::ErrorKind::InvalidData);
                    return Some(Err(temporary("reading it back (it was changed)", error)));
                };
                *at += length;
                Some(Ok(payment))
            }
        }
    }
}

/// Several sorted sequences as one: the walk of [`Payments::iter`].
#[derive(Debug)]
pub struct Merge<'p> {
    cursors: Vec<Cursor<'p>>,
    heads: Vec<Option<Payment>>,
    /// The times of the heads. Runs are numbered in the order of arrival, so that equal times
    /// come out in it.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    failed: bool,
}

impl<'p> Merge<'p> {
    fn new(cursors: Vec<Cursor<'p>>) -> Result<Merge<'p>, IngestError> {
        let heads = cursors.iter().map(|_| None).collect();
        let mut merge = Merge { cursors, heads, queue: BinaryHeap::new(), failed: false };
        for number in 0..merge.cursors.len() {
            merge.advance(number)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, number: usize) -> Result<(), IngestError> {
        self.heads[number] = self.cursors[number].next().transpose()?;
        if let Some(head) = &self.heads[number] {
            self.queue.push(Reverse((head.time, number)));
        }
        Ok(())
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Payment, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let [only] = self.cursors.as_mut_slice() {
            return match self.heads[0].take() {
                Some(head) => Some(Ok(head)),
                None => only.next(),
            };
        }
        if self.failed {
            return None;
        }
        let Reverse((_, number)) = self.queue.pop()?;
        let head = self.heads[number].take().expect("a queued run has a head");
        if let Err(error) = self.advance(number) {
            self.failed = true;
            return Some(Err(error));
        }
        Some(Ok(head))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MemorySpill;

    fn payment((time, number, minor): (i64, u32, i128)) -> Payment {
        let odd = number % 2 == 1;
        Payment {
            id: format!("payment {number}").into(),
            time: Timestamp(time),
            debtor: AccountId(number % 7),
            creditor: AccountId(u32::MAX - number),
            amount: Amount { minor, currency: Currency::ETH },
            method: odd.then_some(Symbol(number)),
            label: [None, Some(false), Some(true)][number as usize % 3],
            attempt: (number % 5 == 0).then_some(Symbol(0)),
        }
    }

    fn arrivals() -> impl Strategy<Value = Vec<Payment>> {
        prop::collection::vec((-3_i64..40, 0_i128..i128::MAX), 0..400).prop_map(|rows| {
            let numbered = rows.into_iter().enumerate();
            numbered
                .map(|(n, (time, minor))| {
                    payment((time, u32::try_from(n).expect("few"), minor + 1))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn any_limit_gives_the_order_of_a_stable_sort(
            arrived in arrivals(), limit in 0_usize..20_000, sorted in any::<bool>()
        ) {
            let mut arrived = arrived;
            if sorted {
                arrived.sort_by_key(|payment| payment.time);
            }
            let mut builder = Builder::new(limit);
            let mut spill = MemorySpill;
            for payment in &arrived {
                builder.push(payment, &mut spill).expect("memory does not fail");
            }
            let payments = builder.finish(&mut spill).expect("memory does not fail");
            prop_assert!(payments.runs.len() <= MAX_RUNS);
            prop_assert!(!sorted || (payments.runs.len() <= 1 && payments.out_of_order == 0));
            let mut expected = arrived;
            expected.sort_by_key(|payment| payment.time);
            for _ in 0..2 {
                let walked: Result<Vec<Payment>, IngestError> =
                    payments.iter().expect("memory does not fail").collect();
                prop_assert_eq!(walked.expect("memory does not fail"), expected.clone());
            }
        }

        #[test]
        fn damaged_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some((_, length)) = decode(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }

    #[test]
    fn payments_in_memory_take_what_the_limit_says() {
        let limit = 2_000_000;
        let mut builder = Builder::new(limit);
        let mut spill = MemorySpill;
        for number in 0..30_000 {
            let time = i64::from(number * 7_919 % 30_000);
            builder.push(&payment((time, number, 12_345)), &mut spill).expect("memory");
        }
        let payments = builder.finish(&mut spill).expect("memory");
        assert_eq!(payments.spilled_bytes(), 0);
        assert!(payments.memory_bytes() <= limit, "{}", payments.memory_bytes());
        // The figure that the limit's documentation gives.
        assert!(payments.memory_bytes() / 30_000 <= 64, "{}", payments.memory_bytes());
    }

    #[test]
    fn a_cut_temporary_file_is_an_error_and_not_a_shorter_ledger() {
        let mut builder = Builder::new(1_000);
        let mut spill = MemorySpill;
        for number in 0..100 {
            builder.push(&payment((0, number, 1)), &mut spill).expect("memory");
        }
        let mut payments = builder.finish(&mut spill).expect("memory");
        let disk = payments.disk.as_mut().expect("it was spilled");
        disk.file = Mutex::new(Box::new(io::Cursor::new(vec![0; 10])));
        let error = payments.iter().expect_err("the file is shorter than its runs");
        assert!(error.to_string().contains("temporary file"), "{error}");
    }
}
