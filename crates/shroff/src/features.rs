//! `shroff features`: every feature of every payment, as CSV or Parquet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use shroff_detect::{Cell, Column, ColumnKind, Extractor, Finished};
use shroff_types::Payment;

use crate::cli::{Features, Work};
use crate::ledger::{self, Read};
use crate::progress::Bar;
use crate::threads::Threads;
use crate::{Ending, outputs, rules, terminal};

/// Where rows go.
enum Sink<'a> {
    Csv(BufWriter<Box<dyn Write>>),
    Parquet(&'a mut ArrowWriter<File>),
}

pub(crate) fn run(arguments: &Features) -> anyhow::Result<Ending> {
    let quarantine = quarantine_path(arguments);
    let read = ledger::read(&arguments.reading, &quarantine)?;
    read.tell();
    let ending = read.ending(&arguments.reading);
    let extractor = Extractor::new(&read.definitions, read.money.exponent);
    let work = &arguments.work;
    match &arguments.out {
        None => write_csv(&read, work, extractor, Box::new(io::stdout().lock()))?,
        Some(path) => match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => outputs::write_whole(path, |file| {
                write_csv(&read, work, extractor, Box::new(file))
            })?,
            Some("parquet") => write_parquet(&read, work, extractor, path)?,
            Some(_) | None => bail!(
                "`{}` is neither .csv nor .parquet\nhint: name the output with one of these endings",
                path.display()
            ),
        },
    }
    Ok(ending)
}

fn quarantine_path(arguments: &Features) -> PathBuf {
    if let Some(path) = &arguments.quarantine {
        return path.clone();
    }
    let folder = arguments.out.as_deref().and_then(Path::parent);
    folder.unwrap_or(Path::new("")).join("quarantine.csv")
}

fn write_csv(
    read: &Read,
    work: &Work,
    extractor: Extractor,
    out: Box<dyn Write>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut header = csv::Writer::from_writer(&mut out);
    let names = extractor.columns().iter().map(|c| c.name.as_str());
    header.write_record(std::iter::once("id").chain(names))?;
    header.flush()?;
    drop(header);
    let mut sink = Sink::Csv(out);
    extract(read, work, extractor, &mut sink)?;
    let Sink::Csv(mut out) = sink else { unreachable!("the sink is the one made above") };
    Ok(out.flush()?)
}

fn write_parquet(
    read: &Read,
    work: &Work,
    extractor: Extractor,
    path: &Path,
) -> anyhow::Result<()> {
    let schema = schema(extractor.columns());
    outputs::write_batches(path, &schema, |writer| {
        extract(read, work, extractor, &mut Sink::Parquet(writer))
    })
}

fn schema(columns: &[Column]) -> Arc<Schema> {
    let mut fields = vec![Field::new("id", DataType::Utf8, false)];
    fields.extend(columns.iter().map(shroff_detect::field));
    Arc::new(Schema::new(fields))
}

fn extract(
    read: &Read,
    work: &Work,
    mut extractor: Extractor,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    let payments = &read.ledger.payments;
    let symbols = &read.ledger.symbols;
    let workers = Threads::new(work.threads)?;
    let columns = extractor.columns().to_vec();
    let mut bar = Bar::of_payments("computing", payments.len());
    let mut rows = Rows::new(columns);
    // With a horizon rows come after later payments were read, so ids are read a second time.
    let mut ids = payments.iter()?;
    let mut batch = Vec::new();
    let mut done = 0;
    for payment in payments.iter()? {
        batch.push(read.money.input(&payment?)?);
        if batch.len() == work.batch {
            let mut each = |finished: Finished<'_>| rows.add(finished.cells);
            extractor.push_with(&workers, &batch, symbols, &mut each);
            done += batch.len() as u64;
            batch.clear();
            if rows.are_many() {
                rows.drain(&mut ids, sink)?;
                bar.at(done);
            }
        }
    }
    extractor.push_with(&workers, &batch, symbols, &mut |finished| rows.add(finished.cells));
    extractor.finish(&mut |finished| rows.add(finished.cells));
    rows.drain(&mut ids, sink)?;
    bar.done();
    if rows.saturated > 0 {
        let what = rules::ran_out(rows.saturated, read.definitions.horizon);
        terminal::note(format_args!(
            "{what}: their counts are lower bounds, and the columns `..._saturated_...` say which"
        ));
        let searches = rules::searches(&extractor.ran_out(), read.definitions.horizon);
        searches.into_iter().for_each(terminal::note);
    }
    Ok(())
}

/// Rows that are written at once.
const WRITTEN: usize = 4_096;

/// Rows that are computed and not yet written.
struct Rows {
    columns: Vec<Column>,
    cells: Vec<Cell>,
    saturated: u64,
}

impl Rows {
    fn new(columns: Vec<Column>) -> Rows {
        Rows { columns, cells: Vec::new(), saturated: 0 }
    }

    fn add(&mut self, cells: &[Cell]) {
        let flags = self.columns.iter().zip(cells).filter(|(c, _)| c.kind == ColumnKind::Bool);
        self.saturated += u64::from(flags.into_iter().any(|(_, cell)| cell.flag() == Some(true)));
        self.cells.extend_from_slice(cells);
    }

    /// Whether there are enough of them to be written.
    fn are_many(&self) -> bool {
        self.cells.len() >= WRITTEN * self.columns.len()
    }

    fn drain<E: std::error::Error + Send + Sync + 'static>(
        &mut self,
        payments: &mut impl Iterator<Item = Result<Payment, E>>,
        sink: &mut Sink<'_>,
    ) -> anyhow::Result<()> {
        let width = self.columns.len();
        let mut ids = StringBuilder::new();
        for row in self.cells.chunks_exact(width) {
            let payment = payments.next().context("there is a payment for every row")??;
            match sink {
                Sink::Csv(out) => write_row(out, &payment.id, row, &self.columns)?,
                Sink::Parquet(_) => ids.append_value(&payment.id),
            }
        }
        if let Sink::Parquet(writer) = sink
            && !self.cells.is_empty()
        {
            let mut arrays: Vec<ArrayRef> = vec![Arc::new(ids.finish())];
            arrays.extend(shroff_detect::arrays_of(&self.columns, &self.cells));
            writer.write(&RecordBatch::try_new(schema(&self.columns), arrays)?)?;
        }
        self.cells.clear();
        Ok(())
    }
}

fn write_row(out: &mut impl Write, id: &str, row: &[Cell], columns: &[Column]) -> io::Result<()> {
    if id.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{}\"", id.replace('"', "\"\""))?;
    } else {
        out.write_all(id.as_bytes())?;
    }
    for (cell, column) in row.iter().zip(columns) {
        out.write_all(b",")?;
        if cell.is_null() {
            continue;
        }
        match column.kind {
            ColumnKind::Int => write!(out, "{}", cell.int().unwrap_or_default())?,
            // The shortest text that reads back to the same bits.
            ColumnKind::Real => write!(out, "{}", cell.real().unwrap_or_default())?,
            ColumnKind::Bool => write!(out, "{}", cell.flag().unwrap_or_default())?,
        }
    }
    out.write_all(b"\n")
}
