//! Features that are computed once and kept: a Parquet file for each slice of the payments.
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

use super::book::Book;
use super::slices::{self, SLICE};
use crate::cli::Work;
use crate::progress::Bar;
use crate::threads::Threads;
use crate::{inputs, outputs};

/// The features of a book under some definitions.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) definitions: Definitions,
    pub(crate) columns: Vec<Column>,
    /// Which features these are.
    pub(crate) digest: String,
    /// Payments whose features were computed in this run.
    pub(crate) computed: u64,
    /// Payments with a search that ran out of its budget.
    pub(crate) saturated: u64,
}

/// The rows of a slice.
struct Rows {
    number: usize,
    cells: Vec<Cell>,
    /// With a horizon: for each row, pattern and place of who completed one.
    completers: ListBuilder<UInt64Builder>,
    saturated: u64,
}

impl Rows {
    fn new(number: usize) -> Rows {
        let completers = ListBuilder::new(UInt64Builder::new());
        Rows { number, cells: Vec::new(), completers, saturated: 0 }
    }
}

/// The word beside a slice that says how many of its payments were saturated.
const SATURATED: &str = "saturated";

/// Computes what is missing of the features of a book.
pub(crate) fn keep(
    cache: &Path,
    book: &Book,
    definitions: &Definitions,
    work: &Work,
) -> anyhow::Result<Kept> {
    let text = shroff_detect::written(definitions);
    let all = serde_json::json!({
        "form": slices::FORM, "payments": book.digest, "definitions": text,
        "exponent": book.facts.exponent,
    });
    let digest = outputs::sha256(all.to_string().as_bytes());
    let folder = cache.join(format!("features-{}", &digest[..16]));
    outputs::create_private_folder(&folder)?;
    let about = folder.join("definitions.toml");
    if !about.is_file() {
        outputs::write_file(&about, |file| file.write_all(text.as_bytes()))?;
    }
    let columns = definitions.columns();
    let definitions = definitions.clone();
    let mut kept = Kept { folder, definitions, columns, digest, computed: 0, saturated: 0 };
    let count = slices::count(book.len());
    let first = (0..count).find(|&number| !kept.path(number).is_file());
    if let Some(first) = first {
        kept.compute(book, first, work)?;
    }
    for number in 0..count {
        let word = slices::word(&kept.path(number), SATURATED)?;
        kept.saturated += word.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(kept)
}

impl Kept {
    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("features-{number:05}.parquet"))
    }

    fn has_horizon(&self) -> bool {
        self.definitions.horizon > Span::ZERO
    }

    /// Computes the features from a slice on.
    fn compute(&mut self, book: &Book, first: usize, work: &Work) -> anyhow::Result<()> {
        let from = u32::try_from(first * SLICE.get()).context("more than 2^32 payments")?;
        let exponent = book.facts.exponent;
        let oldest = book.first_from(book.time(from).before(self.definitions.look_back()));
        let told = Places { next: oldest.min(from), end: from, book };
        let extractor =
            Extractor::behind(&self.definitions, exponent, Place(from), told, &book.symbols);
        let (send, receive) = sync_channel(1);
        std::thread::scope(|scope| -> anyhow::Result<()> {
            // Slices are packed while the next is computed.
            let this = &*self;
            let writer = scope.spawn(move || this.write_all(&receive));
            let extracted = this.extract(book, (extractor, from), work, send);
            let written = writer.join().map_err(|_| anyhow!("writing the features failed"))?;
            // Where writing failed, that is why nobody took the next slice.
            written.and(extracted)
        })?;
        self.computed += u64::from(book.len() - from);
        Ok(())
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
        let mut rows = Rows::new(from as usize / SLICE.get());
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
        let flags = self.columns.iter().zip(finished.cells);
        let mut flags = flags.filter(|(column, _)| column.kind == ColumnKind::Bool);
        rows.saturated += u64::from(flags.any(|(_, cell)| cell.flag() == Some(true)));
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
            let word = Some((SATURATED, rows.saturated.to_string()));
            slices::write(&self.path(rows.number), &schema, arrays, word)?;
        }
        Ok(())
    }

    /// Some columns of a slice, each as cells.
    pub(crate) fn cells(&self, number: usize, wanted: &[usize]) -> anyhow::Result<Vec<Vec<Cell>>> {
        let batch = slices::read(&self.path(number), Some(wanted))?;
        let cells = wanted.iter().zip(batch.columns());
        Ok(cells.map(|(&at, array)| cells_of(self.columns[at].kind, array)).collect())
    }

    /// With a horizon: who completed the patterns of each payment of a slice.
    pub(crate) fn completers(&self, number: usize) -> anyhow::Result<Completers> {
        if !self.has_horizon() {
            return Ok(Completers(None));
        }
        let batch = slices::read(&self.path(number), Some(&[self.columns.len()]))?;
        Ok(Completers(Some(Arc::clone(batch.column(0)))))
    }
}

/// Who completed the patterns of the payments of a slice.
#[derive(Debug, Default)]
pub(crate) struct Completers(Option<ArrayRef>);

impl Completers {
    /// Pattern and place of each, for a row of the slice.
    pub(crate) fn of(&self, row: usize) -> Vec<(u32, u32)> {
        let Some(lists) = &self.0 else { return Vec::new() };
        let list = lists.as_list::<i32>().value(row);
        let halves = |&both: &u64| {
            let low = u32::try_from(both & u64::from(u32::MAX)).expect("32 bits");
            (u32::try_from(both >> 32).expect("32 bits"), low)
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

/// What lies in a folder of features, for a file beside it.
pub(crate) fn hits_path(kept: &Kept, digest: &str) -> PathBuf {
    kept.folder.join(format!("hits-{}.parquet", &digest[..16]))
}

/// Whether there is such a file.
pub(crate) fn is_there(path: &Path) -> bool {
    inputs::file(path).is_ok()
}
