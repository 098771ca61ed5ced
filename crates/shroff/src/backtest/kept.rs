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

/// The features of a book under some definitions. The files may have more than these: of a run
/// with other rules, or with the same in another order.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) definitions: Definitions,
    pub(crate) columns: Vec<Column>,
    /// Where the files have each of these columns.
    at: Vec<usize>,
    /// Where they have the completers, with a horizon.
    completers_at: usize,
    /// By number among the patterns of the files: the block that it is, if it is one.
    patterns: Vec<Option<usize>>,
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
    if let Some(kept) = known(cache, book, definitions)? {
        return Ok(kept);
    }
    let text = shroff_detect::written(definitions);
    let digest = digest(book, &text);
    let folder = cache.join(folder_name(&digest));
    outputs::create_private_folder(&folder)?;
    let about = folder.join(ABOUT);
    if !about.is_file() {
        outputs::write_file(&about, |file| file.write_all(text.as_bytes()))?;
    }
    let mut kept = Kept::new((folder, digest), definitions, definitions)
        .context("definitions have what they ask for")?;
    if let Some(first) = (0..slices::count(book.len())).find(|&at| !kept.path(at).is_file()) {
        kept.compute(book, first, work)?;
    }
    kept.saturated = kept.count_saturated(book)?;
    Ok(kept)
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

/// Features of the book that a run before computed to the end, these among them.
fn known(cache: &Path, book: &Book, definitions: &Definitions) -> anyhow::Result<Option<Kept>> {
    let mut found: Vec<Kept> = Vec::new();
    for folder in inputs::folders(cache) {
        let Ok(text) = inputs::text(&folder.join(ABOUT)) else { continue };
        let digest = digest(book, &text);
        let is_named = folder.file_name().is_some_and(|name| name == folder_name(&digest).as_str());
        let Ok(of_files) = Definitions::parse(&text) else { continue };
        if is_named {
            let kept = Kept::new((folder, digest), definitions, &of_files);
            found.extend(kept.filter(|kept| kept.is_whole(book)));
        }
    }
    // Least to be read past; among equals by name, so that a run does as the one before.
    found.sort_by_key(|kept| (kept.completers_at, kept.folder.clone()));
    let Some(mut kept) = found.into_iter().next() else { return Ok(None) };
    kept.saturated = kept.count_saturated(book)?;
    Ok(Some(kept))
}

impl Kept {
    /// Features in a folder, which has those of `of_files`; none where these are not all there.
    fn new(
        (folder, digest): (PathBuf, String),
        definitions: &Definitions,
        of_files: &Definitions,
    ) -> Option<Kept> {
        let blocks = definitions.found_in(of_files)?;
        let (columns, all) = (definitions.columns(), of_files.columns());
        let at =
            columns.iter().map(|column| all.iter().position(|other| other.name == column.name));
        let block_of = |theirs: &usize| blocks.iter().position(|block| block == theirs);
        let patterns = of_files.patterns();
        let patterns = patterns.iter().map(block_of);
        Some(Kept {
            at: at.collect::<Option<_>>()?,
            completers_at: all.len(),
            patterns: patterns.collect(),
            folder,
            definitions: definitions.clone(),
            columns,
            digest,
            computed: 0,
            saturated: 0,
        })
    }

    fn is_whole(&self, book: &Book) -> bool {
        (0..slices::count(book.len())).all(|number| self.path(number).is_file())
    }

    /// Payments with a search that ran out of its budget, of all that the files have or, where they
    /// have more, of these.
    fn count_saturated(&self, book: &Book) -> anyhow::Result<u64> {
        let is_all = self.at.len() == self.completers_at;
        let flags: Vec<usize> = (0..self.columns.len())
            .filter(|&at| self.columns[at].kind == ColumnKind::Bool)
            .collect();
        let mut saturated = 0;
        for number in 0..slices::count(book.len()) {
            if is_all {
                let word = slices::word(&self.path(number), SATURATED)?;
                saturated += word.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
            } else if !flags.is_empty() {
                let flags = self.cells(number, &flags)?;
                let rows = 0..flags[0].len();
                let ran_out = |row: &usize| flags.iter().any(|c| c[*row].flag() == Some(true));
                saturated += rows.filter(ran_out).count() as u64;
            }
        }
        Ok(saturated)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("features-{number:05}.parquet"))
    }

    fn has_horizon(&self) -> bool {
        self.definitions.horizon > Span::ZERO
    }

    /// Computes the features from a slice on.
    fn compute(&mut self, book: &Book, first: usize, work: &Work) -> anyhow::Result<()> {
        let from = slices::places(first, book.len())?.start;
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
        let mut places: Vec<usize> = wanted.iter().map(|&at| self.at[at]).collect();
        places.sort_unstable();
        places.dedup();
        // They come in the order of the file.
        let batch = slices::read(&self.path(number), Some(&places))?;
        let cells = wanted.iter().map(|&at| {
            let column = places.partition_point(|&place| place < self.at[at]);
            cells_of(self.columns[at].kind, batch.column(column))
        });
        Ok(cells.collect())
    }

    /// With a horizon: who completed the patterns of each payment of a slice.
    pub(crate) fn completers(&self, number: usize) -> anyhow::Result<Completers> {
        if !self.has_horizon() {
            return Ok(Completers::default());
        }
        let batch = slices::read(&self.path(number), Some(&[self.completers_at]))?;
        Ok(Completers { lists: Some(Arc::clone(batch.column(0))) })
    }

    /// The number that a block has among the patterns of the files, if it is a pattern.
    pub(crate) fn pattern_of(&self, block: usize) -> Option<u32> {
        let at = self.patterns.iter().position(|other| *other == Some(block))?;
        u32::try_from(at).ok()
    }

    /// The block that has a number among the patterns of the files.
    ///
    /// # Panics
    /// If none of the definitions has.
    pub(crate) fn block_of(&self, pattern: u32) -> usize {
        self.patterns[pattern as usize].expect("it was a block's number")
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

/// What lies in a folder of features, for a file beside it.
pub(crate) fn hits_path(kept: &Kept, digest: &str) -> PathBuf {
    kept.folder.join(format!("hits-{}.parquet", &digest[..16]))
}

/// Whether there is such a file.
pub(crate) fn is_there(path: &Path) -> bool {
    inputs::file(path).is_ok()
}
