//! The payments of the patterns behind what fired: searched for once, and kept beside the features.
//!
//! To find the payments of a pattern again takes a graph and a search. What was found for a payment
//! hangs on its features and on nothing that a rule says, so it is kept, slice by slice, and rules
//! with another threshold find it there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use arrow::array::{ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use shroff_detect::{FindEvidence, Flow, Input, PlacedInput, Recall, Wanted as Sought};
use shroff_types::{Map, Place, Span, Timestamp};

use super::book::Book;
use super::kept::{self, Completers, Kept, Part, Pattern};
use super::slices;
use crate::progress::Bar;
use crate::threads::Threads;

/// A payment, and a pattern by its number in the files of a part of the features.
pub(crate) type Key = (u32, u32);

/// By part of the features: the patterns that are asked for, ascending.
pub(crate) type Wanted = Vec<Vec<Key>>;

/// Payments whose patterns are searched for at once: many enough for threads to share.
const BATCH: u32 = if cfg!(debug_assertions) { 512 } else { 16_384 };

/// Payments that are taken in at once, as far ahead of those: a busy account has many among them, and is
/// looked up once for all of its own.
const AHEAD: u32 = if cfg!(debug_assertions) { 3_000 } else { 131_072 };

/// The payments of the patterns of a slice.
#[derive(Debug, Default)]
struct Found {
    /// Ascending.
    keys: Vec<Key>,
    /// For each key, where its payments end.
    ends: Vec<u32>,
    payments: Vec<u32>,
}

impl Found {
    fn push(&mut self, key: Key, payments: impl IntoIterator<Item = u32>) -> anyhow::Result<()> {
        self.keys.push(key);
        self.payments.extend(payments);
        self.ends.push(u32::try_from(self.payments.len())?);
        Ok(())
    }

    fn at(&self, at: usize) -> &[u32] {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.payments[from..self.ends[at] as usize]
    }

    fn get(&self, key: Key) -> Option<&[u32]> {
        self.keys.binary_search(&key).ok().map(|at| self.at(at))
    }

    /// What either has, ascending. Of a key that both have they know the same.
    fn and(&self, other: &Found) -> anyhow::Result<Found> {
        let mut all: Vec<(Key, &[u32])> = Vec::with_capacity(self.keys.len() + other.keys.len());
        for part in [self, other] {
            all.extend(part.keys.iter().enumerate().map(|(at, &key)| (key, part.at(at))));
        }
        all.sort_unstable_by_key(|(key, _)| *key);
        all.dedup_by_key(|(key, _)| *key);
        let mut both = Found::default();
        for (key, payments) in all {
            both.push(key, payments.iter().copied())?;
        }
        Ok(both)
    }

    /// Reads what was kept of a slice; nothing where nothing was.
    fn read(folder: &Path, slice: usize) -> anyhow::Result<Found> {
        let path = path(folder, slice);
        if !kept::is_there(&path) {
            return Ok(Found::default());
        }
        let batch = slices::read(&path, None)?;
        let lists = batch.column(2).as_list::<i32>();
        let mut found = Found { keys: keys(batch.columns()), ..Found::default() };
        let values = lists.values().as_primitive::<UInt32Type>().values();
        for ends in lists.value_offsets().windows(2) {
            let [from, to] = [ends[0], ends[1]].map(usize::try_from);
            found.payments.extend(&values[from?..to?]);
            found.ends.push(u32::try_from(found.payments.len())?);
        }
        Ok(found)
    }

    fn write(&self, folder: &Path, slice: usize) -> anyhow::Result<()> {
        let item = Arc::new(Field::new_list_field(DataType::UInt32, false));
        let schema = Schema::new(vec![
            Field::new("place", DataType::UInt32, false),
            Field::new("pattern", DataType::UInt32, false),
            Field::new("payments", DataType::List(Arc::clone(&item)), false),
        ]);
        let column = |of: fn(&Key) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(self.keys.iter().map(of)))
        };
        let lengths = (0..self.keys.len()).map(|at| self.at(at).len());
        let payments = UInt32Array::from_iter_values(self.payments.iter().copied());
        let ends = OffsetBuffer::from_lengths(lengths);
        let lists = ListArray::try_new(item, ends, Arc::new(payments), None)?;
        let columns = vec![column(|key| key.0), column(|key| key.1), Arc::new(lists)];
        slices::write(&path(folder, slice), &Arc::new(schema), columns)
    }
}

fn path(folder: &Path, slice: usize) -> PathBuf {
    folder.join(format!("patterns-{slice:05}.parquet"))
}

fn keys(columns: &[ArrayRef]) -> Vec<Key> {
    let [places, patterns] = [0, 1].map(|at| columns[at].as_primitive::<UInt32Type>().values());
    places.iter().copied().zip(patterns.iter().copied()).collect()
}

/// The payments of patterns, slice after slice, of those that were [searched for](search).
pub(crate) struct Patterns<'a> {
    parts: Vec<OfPart<'a>>,
}

impl<'a> Patterns<'a> {
    pub(crate) fn new(kept: &'a Kept, wanted: &'a Wanted) -> Patterns<'a> {
        let parts = kept.parts.iter().zip(wanted);
        let parts = parts.map(|(part, wanted)| OfPart::new(&part.folder, wanted));
        Patterns { parts: parts.collect() }
    }

    /// Has the patterns of a payment at hand. Payments come in order.
    pub(crate) fn turn_to(&mut self, place: u32) -> anyhow::Result<()> {
        self.parts.iter_mut().try_for_each(|part| part.turn_to(place))
    }

    /// The payments of a pattern of the payment that was turned to, ascending.
    pub(crate) fn of(&self, place: u32, pattern: Pattern) -> Vec<Place> {
        self.parts[pattern.part].of((place, pattern.number))
    }
}

/// Those of a part of the features.
struct OfPart<'a> {
    folder: &'a Path,
    /// What will be asked for, ascending: of this slice and behind it.
    wanted: &'a [Key],
    slice: Option<usize>,
    found: Found,
}

impl<'a> OfPart<'a> {
    fn new(folder: &'a Path, wanted: &'a [Key]) -> OfPart<'a> {
        OfPart { folder, wanted, slice: None, found: Found::default() }
    }

    fn turn_to(&mut self, place: u32) -> anyhow::Result<()> {
        let slice = slices::of(place);
        if self.slice != Some(slice) {
            self.found = Found::read(self.folder, slice)?;
            self.slice = Some(slice);
            let before = self.wanted.partition_point(|key| slices::of(key.0) < slice);
            self.wanted = &self.wanted[before..];
            let own = self.wanted.partition_point(|key| slices::of(key.0) == slice);
            if self.wanted[..own].iter().any(|&key| self.found.get(key).is_none()) {
                bail!(
                    "`{}` is not what this run left there\nhint: another run writes there at the same \
                     time: give it a --cache of its own, or run this again",
                    path(self.folder, slice).display()
                );
            }
        }
        Ok(())
    }

    fn of(&self, key: Key) -> Vec<Place> {
        let found = self.found.get(key).expect("whatever is asked for was searched for");
        found.iter().map(|&place| Place(place)).collect()
    }
}

/// One search at a time: each puts what it found beside what is kept in the same files.
static SEARCHING: Mutex<()> = Mutex::new(());

/// Searches for the payments of patterns of which they were not kept yet. Returns of how many.
pub(crate) fn search(
    (book, kept, threads): (&Book, &Kept, &Threads),
    wanted: &Wanted,
) -> anyhow::Result<u64> {
    let _alone = SEARCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let of_parts = kept.parts.iter().zip(wanted);
    of_parts.map(|(part, wanted)| search_part((book, part, threads), wanted)).sum()
}

fn search_part(
    (book, part, threads): (&Book, &Part, &Threads),
    wanted: &[Key],
) -> anyhow::Result<u64> {
    let by_slice: Vec<&[Key]> =
        wanted.chunk_by(|one, other| slices::of(one.0) == slices::of(other.0)).collect();
    let missing = slices::each(threads, by_slice.len(), &|at| {
        let wanted = by_slice[at];
        let path = path(&part.folder, slices::of(wanted[0].0));
        if !kept::is_there(&path) {
            return Ok(wanted.to_vec());
        }
        let known = keys(slices::read(&path, Some(&[0, 1]))?.columns());
        let is_missing = |key: &&Key| known.binary_search(key).is_err();
        Ok(wanted.iter().filter(is_missing).copied().collect())
    })?;
    let missing: Vec<Key> = missing.into_iter().flatten().collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(0) };
    let mut bar = Bar::of_payments("patterns", u64::from(last.0 - first.0));
    let mut search = Search::new((book, part, threads), &missing);
    for slice in missing.chunk_by(|one, other| slices::of(one.0) == slices::of(other.0)) {
        let mut found = Found::default();
        for batch in slice.chunk_by(|one, other| one.0 / BATCH == other.0 / BATCH) {
            search.find(batch, &mut found)?;
            bar.at(u64::from(batch[0].0 - first.0));
        }
        let number = slices::of(slice[0].0);
        Found::read(&part.folder, number)?.and(&found)?.write(&part.folder, number)?;
    }
    bar.done();
    Ok(missing.len() as u64)
}

/// A graph of the payments around those whose patterns are asked for.
struct Search<'a> {
    book: &'a Book,
    part: &'a Part,
    threads: &'a Threads,
    recall: Recall,
    horizon: Span,
    /// By number in the files: the position among the patterns that are searched for.
    numbers: Map<u32, usize>,
    /// The place of the next payment to be taken in, and of the first that nobody needs.
    taken: u32,
    last: u32,
    completers: (usize, Completers),
}

impl<'a> Search<'a> {
    /// Of some patterns of payments, ascending; one at least.
    fn new(
        (book, part, threads): (&'a Book, &'a Part, &'a Threads),
        missing: &[Key],
    ) -> Search<'a> {
        let mut patterns: Vec<u32> = Vec::new();
        for &(_, pattern) in missing {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns.sort_unstable();
        let definitions = part.patterns(&patterns);
        let mut recall = Recall::new(&definitions, book.facts.exponent);
        let (first, last) = (missing[0].0, missing[missing.len() - 1].0);
        // Only what the first can see need be there.
        let taken = book.first_from(book.time(first).before(definitions.look_back()));
        recall.skip_to(Place(taken));
        let mut search = Search {
            book,
            part,
            threads,
            recall,
            horizon: definitions.horizon,
            numbers: patterns.into_iter().zip(0..).collect(),
            taken,
            last,
            completers: (usize::MAX, Completers::default()),
        };
        search.last = search.behind(last);
        search
    }

    /// The first place that a payment does not see.
    fn behind(&self, place: u32) -> u32 {
        let seen = self.book.time(place).after(self.horizon);
        self.book.first_from(Timestamp(seen.0.saturating_add(1))).max(place + 1)
    }

    /// Finds the payments of patterns of a few payments.
    fn find(&mut self, batch: &[Key], found: &mut Found) -> anyhow::Result<()> {
        self.take(self.behind(batch[batch.len() - 1].0), batch[0].0);
        let of_payments = batch.chunk_by(|one, other| one.0 == other.0);
        let wanted: Vec<Sought> = of_payments
            .clone()
            .map(|keys| {
                let place = keys[0].0;
                Ok(Sought {
                    payment: (Place(place), self.book.input(place)),
                    completers: self.completers_of(place)?,
                    blocks: keys.iter().map(|(_, pattern)| self.numbers[pattern]).collect(),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        self.recall.prepare(self.threads, wanted.iter());
        for (wanted, keys) in wanted.iter().zip(of_payments) {
            let mut evidence = self.recall.evidence(wanted.payment, &wanted.completers);
            for (&block, &key) in wanted.blocks.iter().zip(keys) {
                let payments = evidence.payments(block, Flow::Pattern);
                found.push(key, payments.into_iter().map(|Place(place)| place))?;
            }
        }
        Ok(())
    }

    /// Takes payments in up to a place; those that `asking` sees are kept.
    fn take(&mut self, upto: u32, asking: u32) {
        let oldest = self.book.time(asking);
        while self.taken < upto {
            let some = self.last.min(self.taken.saturating_add(AHEAD));
            let inputs: Vec<Input> =
                (self.taken..some).map(|place| self.book.input(place)).collect();
            self.recall.take(self.threads, &inputs, (&self.book.symbols, oldest));
            self.taken = some;
        }
    }

    /// Who completed the patterns of a payment that are searched for.
    fn completers_of(&mut self, place: u32) -> anyhow::Result<Vec<(u32, PlacedInput)>> {
        let slice = slices::of(place);
        if self.completers.0 != slice {
            self.completers = (slice, self.part.completers(slice)?);
        }
        let found = self.completers.1.of(slices::row(place));
        let searched = found.into_iter().filter_map(|(pattern, at)| {
            let number = u32::try_from(*self.numbers.get(&pattern)?).ok()?;
            Some((number, (Place(at), self.book.input(at))))
        });
        Ok(searched.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(parts: &[(Key, &[u32])]) -> Found {
        let mut found = Found::default();
        for (key, payments) in parts {
            found.push(*key, payments.iter().copied()).expect("few");
        }
        found
    }

    #[test]
    fn what_two_searches_found_is_there_once_and_in_order() {
        let before = found(&[((3, 0), &[1, 3]), ((3, 2), &[]), ((9, 0), &[8, 9])]);
        let now = found(&[((3, 1), &[2, 3]), ((9, 0), &[8, 9]), ((12, 0), &[7])]);
        let both = now.and(&before).expect("few");
        assert_eq!(both.keys, [(3, 0), (3, 1), (3, 2), (9, 0), (12, 0)]);
        let get = |key| both.get(key).map(<[u32]>::to_vec);
        assert_eq!(get((3, 0)), Some(vec![1, 3]));
        assert_eq!(get((3, 1)), Some(vec![2, 3]));
        assert_eq!(get((3, 2)), Some(vec![]));
        assert_eq!(get((9, 0)), Some(vec![8, 9]));
        assert_eq!(get((12, 0)), Some(vec![7]));
        assert_eq!(get((4, 0)), None);
    }

    #[test]
    fn what_another_run_took_away_since_the_search_is_an_error_that_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        found(&[((3, 0), &[1, 3])]).write(folder.path(), 0).expect("it is written");
        let asked = |wanted: &[Key]| {
            let mut patterns = OfPart::new(folder.path(), wanted);
            patterns.turn_to(3)?;
            Ok::<_, anyhow::Error>(patterns.of(wanted[0]))
        };
        assert_eq!(asked(&[(3, 0)]).expect("it is there"), [Place(1), Place(3)]);
        let error = asked(&[(3, 0), (3, 1)]).expect_err("one is not there").to_string();
        assert!(error.contains("patterns-00000.parquet"), "{error}");
        assert!(error.contains("--cache"), "{error}");
    }
}
