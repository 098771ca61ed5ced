//! Features in a folder: a Parquet file for each slice of the payments.
//!
//! A file has its name only once it is whole, so a run that was interrupted goes on behind the last
//! slice: the payments that the next ones look back at are in the book, and nothing else is needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, anyhow};
use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt64Type};
use shroff_detect::{Cell, Column, ColumnKind, Definitions, Extractor, Finished};
use shroff_types::{Place, Span};

use super::super::book::Book;
use super::super::slices::{self, SLICE};
use crate::cli::Work;
use crate::progress::Bar;
use crate::threads::Threads;
use crate::{inputs, outputs};

/// The features of a book under some definitions, in a folder that is named for both.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) folder: PathBuf,
    /// Which features these are.
    pub(crate) digest: String,
    pub(super) definitions: Definitions,
    pub(super) columns: Vec<Column>,
}

/// The rows of a slice.
struct Rows {
    number: usize,
    cells: Vec<Cell>,
    /// With a horizon: for each row, pattern and place of who completed one.
    completers: ListBuilder<UInt64Builder>,
}

impl Rows {
    fn new(number: usize) -> Rows {
        let completers = ListBuilder::new(UInt64Builder::new());
        Rows { number, cells: Vec::new(), completers }
    }
}

/// The file in a folder of features that says which these are.
const ABOUT: &str = "definitions.toml";

/// Which features these are.
fn digest(book: &Book, definitions: &str) -> String {
    let all = serde_json::json!({
        "form": slices::FORM, "payments": book.digest, "definitions": definitions,
        "exponent": book.facts.exponent,
    });
    outputs::sha256(all.to_string().as_bytes())
}

fn folder_name(digest: &str) -> String {
    format!("features-{}", &digest[..16])
}

impl Part {
    /// The features of some definitions in a cache, of which nothing need be there.
    pub(super) fn of(cache: &Path, book: &Book, definitions: Definitions) -> Part {
        let digest = digest(book, &shroff_detect::written(&definitions));
        Part::new(cache.join(folder_name(&digest)), digest, definitions)
    }

    /// The features in a folder, where they are of the book and were computed to the end.
    pub(super) fn found(folder: PathBuf, book: &Book) -> Option<Part> {
        let text = inputs::text(&folder.join(ABOUT)).ok()?;
        let digest = digest(book, &text);
        let is_named = folder.file_name().is_some_and(|name| name == folder_name(&digest).as_str());
        let definitions = Definitions::parse(&text).ok()?;
        let part = Part::new(folder, digest, definitions);
        (is_named && part.first_missing(book).is_none()).then_some(part)
    }

    fn new(folder: PathBuf, digest: String, definitions: Definitions) -> Part {
        Part { folder, digest, columns: definitions.columns(), definitions }
    }

    /// Whether a run before began with them.
    pub(super) fn is_begun(&self) -> bool {
        self.path(0).is_file()
    }

    /// The first slice that is not there.
    fn first_missing(&self, book: &Book) -> Option<usize> {
        (0..slices::count(book.len())).find(|&at| !self.path(at).is_file())
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("features-{number:05}.parquet"))
    }

    fn has_horizon(&self) -> bool {
        self.definitions.horizon > Span::ZERO
    }

    /// Computes what is missing; of how many payments.
    pub(super) fn complete(&self, book: &Book, work: &Work) -> anyhow::Result<u64> {
        outputs::create_private_folder(&self.folder)?;
        let about = self.folder.join(ABOUT);
        if !about.is_file() {
            let text = shroff_detect::written(&self.definitions);
            outputs::write_file(&about, |file| file.write_all(text.as_bytes()))?;
        }
        self.first_missing(book).map_or(Ok(0), |first| self.compute(book, first, work))
    }

    /// Computes the features from a slice on.
    fn compute(&self, book: &Book, first: usize, work: &Work) -> anyhow::Result<u64> {
        let from = slices::places(first, book.len())?.start;
        let exponent = book.facts.exponent;
        let oldest = book.first_from(book.time(from).before(self.definitions.look_back()));
        let told = Places { next: oldest.min(from), end: from, book };
        let extractor =
            Extractor::behind(&self.definitions, exponent, Place(from), told, &book.symbols);
        let (send, receive) = sync_channel(1);
        std::thread::scope(|scope| -> anyhow::Result<()> {
            // Slices are packed while the next is computed.
            let writer = scope.spawn(move || self.write_all(&receive));
            let extracted = self.extract(book, (extractor, from), work, send);
            let written = writer.join().map_err(|_| anyhow!("writing the features failed"))?;
            // Where writing failed, that is why nobody took the next slice.
            written.and(extracted)
        })?;
        Ok(u64::from(book.len() - from))
    }

    fn extract(
        &self,
        book: &Book,
        (mut extractor, from): (Extractor, u32),
        work: &Work,
        send: SyncSender<Rows>,
    ) -> anyhow::Result<()> {
        let workers = Threads::new(work.threads)?;
        let mut bar = Bar::of_payments("features", book.len().into());
        let mut rows = Rows::new(slices::of(from));
        let full = SLICE.get() * self.columns.len();
        let mut batch = Vec::new();
        let mut done = Vec::new();
        let mut next = from;
        while next < book.len() {
            let end = book.len().min(next.saturating_add(u32::try_from(work.batch)?));
            batch.clear();
            batch.extend((next..end).map(|place| book.input(place)));
            next = end;
            extractor.push_with(&workers, &batch, &book.symbols, &mut |finished| {
                self.add(&mut rows, &finished, full, &mut done);
            });
            bar.at(next.into());
            for whole in done.drain(..) {
                send.send(whole).context("nobody writes the features any more")?;
            }
        }
        extractor.finish(&mut |finished| self.add(&mut rows, &finished, full, &mut done));
        if !rows.cells.is_empty() {
            done.push(rows);
        }
        for whole in done {
            send.send(whole).context("nobody writes the features any more")?;
        }
        bar.done();
        Ok(())
    }

    fn add(&self, rows: &mut Rows, finished: &Finished<'_>, full: usize, done: &mut Vec<Rows>) {
        rows.cells.extend_from_slice(finished.cells);
        if self.has_horizon() {
            for (pattern, place) in finished.evidence.completers() {
                rows.completers
                    .values()
                    .append_value(u64::from(pattern) << 32 | u64::from(place.0));
            }
            rows.completers.append(true);
        }
        if rows.cells.len() == full {
            let next = Rows::new(rows.number + 1);
            done.push(std::mem::replace(rows, next));
        }
    }

    fn write_all(&self, rows: &Receiver<Rows>) -> anyhow::Result<()> {
        let mut fields: Vec<Field> = self.columns.iter().map(shroff_detect::field).collect();
        if self.has_horizon() {
            let item = Arc::new(Field::new_list_field(DataType::UInt64, true));
            fields.push(Field::new("completers", DataType::List(item), false));
        }
        let schema = Arc::new(Schema::new(fields));
        while let Ok(mut rows) = rows.recv() {
            let mut arrays = shroff_detect::arrays_of(&self.columns, &rows.cells);
            if self.has_horizon() {
                arrays.push(Arc::new(rows.completers.finish()));
            }
            slices::write(&self.path(rows.number), &schema, arrays)?;
        }
        Ok(())
    }

    /// Some columns of a slice, ascending, each as cells.
    pub(super) fn cells(&self, number: usize, wanted: &[usize]) -> anyhow::Result<Vec<Vec<Cell>>> {
        let batch = slices::read(&self.path(number), Some(wanted))?;
        let cells = wanted.iter().zip(batch.columns());
        Ok(cells.map(|(&at, array)| cells_of(self.columns[at].kind, array)).collect())
    }

    /// With a horizon: who completed the patterns of each payment of a slice.
    pub(crate) fn completers(&self, number: usize) -> anyhow::Result<Completers> {
        if !self.has_horizon() {
            return Ok(Completers::default());
        }
        let batch = slices::read(&self.path(number), Some(&[self.columns.len()]))?;
        Ok(Completers { lists: Some(Arc::clone(batch.column(0))) })
    }

    /// The definitions of some patterns, by their numbers in the files, and of nothing else.
    pub(crate) fn patterns(&self, numbers: &[u32]) -> Definitions {
        let all = self.definitions.patterns();
        let blocks: Vec<usize> = numbers.iter().map(|&number| all[number as usize]).collect();
        self.definitions.only(&blocks)
    }
}

/// Who completed the patterns of the payments of a slice.
#[derive(Debug, Default)]
pub(crate) struct Completers {
    lists: Option<ArrayRef>,
}

impl Completers {
    /// Pattern, by its number in the files, and place of each, for a row of the slice.
    pub(crate) fn of(&self, row: usize) -> Vec<(u32, u32)> {
        let Some(lists) = &self.lists else { return Vec::new() };
        let list = lists.as_list::<i32>().value(row);
        let halves = |&both: &u64| {
            let half = |both: u64| u32::try_from(both & u64::from(u32::MAX)).expect("32 bits");
            (half(both >> 32), half(both))
        };
        list.as_primitive::<UInt64Type>().values().iter().map(halves).collect()
    }
}

fn cells_of(kind: ColumnKind, array: &ArrayRef) -> Vec<Cell> {
    let present = |at: usize| array.is_valid(at);
    match kind {
        ColumnKind::Int => {
            let values = array.as_primitive::<UInt64Type>().values().iter().enumerate();
            let cell = |(at, &value)| if present(at) { Cell::of_int(value) } else { Cell::NULL };
            values.map(cell).collect()
        }
        ColumnKind::Real => {
            let values = array.as_primitive::<Float64Type>().values().iter().enumerate();
            let cell = |(at, &value)| if present(at) { Cell::of_real(value) } else { Cell::NULL };
            values.map(cell).collect()
        }
        ColumnKind::Bool => {
            let values = array.as_boolean().values().iter().enumerate();
            let cell = |(at, value)| if present(at) { Cell::of_flag(value) } else { Cell::NULL };
            values.map(cell).collect()
        }
    }
}

/// Payments of a book in a run of places.
struct Places<'a> {
    next: u32,
    end: u32,
    book: &'a Book,
}

impl Iterator for Places<'_> {
    type Item = shroff_detect::Input;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.end).then(|| {
            self.next += 1;
            self.book.input(self.next - 1)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Places<'_> {}
