//! Parquet files of a slice of the payments each: written whole or not at all, read side by side.

use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shroff_detect::{Job, Workers};

use crate::threads::Threads;
use crate::{inputs, outputs};

/// The form of what is kept; another one is kept beside it and never read as this.
pub(crate) const FORM: &str = concat!("2 of ", env!("CARGO_PKG_VERSION"));

/// Payments of a slice: 60 MB of features while it is made. Few where tests want several of them.
pub(crate) const SLICE: NonZero<usize> =
    NonZero::new(if cfg!(debug_assertions) { 1 << 12 } else { 1 << 16 }).unwrap();

/// How many slices so many payments are.
pub(crate) fn count(payments: u32) -> usize {
    (payments as usize).div_ceil(SLICE.get())
}

/// The slice that a payment is in.
pub(crate) fn of(place: u32) -> usize {
    place as usize / SLICE.get()
}

/// Which of the payments of its slice a payment is.
pub(crate) fn row(place: u32) -> usize {
    place as usize % SLICE.get()
}

/// The places of the payments of a slice, of so many in all.
pub(crate) fn places(number: usize, payments: u32) -> anyhow::Result<Range<u32>> {
    let first = u32::try_from(number * SLICE.get()).context("more than 2^32 payments")?;
    Ok(first..payments.min(first.saturating_add(u32::try_from(SLICE.get())?)))
}

/// Does something for each slice, side by side; what it gives, in order.
pub(crate) fn each<T: Send>(
    threads: &Threads,
    count: usize,
    work: &(dyn Fn(usize) -> anyhow::Result<T> + Sync),
) -> anyhow::Result<Vec<T>> {
    let mut done: Vec<Option<anyhow::Result<T>>> = Vec::new();
    done.resize_with(count, || None);
    let next = Mutex::new(done.iter_mut().enumerate());
    let jobs = (0..threads.threads()).map(|_| -> Job<'_> {
        Box::new(|| {
            loop {
                let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((number, place)) = taken else { return };
                *place = Some(work(number));
            }
        })
    });
    threads.run(jobs.collect());
    done.into_iter().map(|done| done.expect("every slice was worked on")).collect()
}

/// Writes a file with one row group.
pub(crate) fn write(
    path: &Path,
    schema: &Arc<Schema>,
    columns: Vec<ArrayRef>,
) -> anyhow::Result<()> {
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    outputs::write_private_batches(path, schema, |writer| Ok(writer.write(&batch)?))
}

/// Reads a file whole, or the columns at some positions of it.
pub(crate) fn read(path: &Path, columns: Option<&[usize]>) -> anyhow::Result<RecordBatch> {
    let read = || -> anyhow::Result<RecordBatch> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(inputs::file(path)?)?;
        let mask = match columns {
            // Of no column at all, not even the rows would be known.
            Some([]) => ProjectionMask::roots(builder.parquet_schema(), [0]),
            Some(columns) => ProjectionMask::roots(builder.parquet_schema(), columns.to_vec()),
            None => ProjectionMask::all(),
        };
        let reader = builder.with_projection(mask).with_batch_size(SLICE.get()).build()?;
        let schema = RecordBatchReader::schema(&reader);
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    };
    read().with_context(|| damaged(path))
}

fn damaged(path: &Path) -> String {
    format!("cannot read `{}`\nhint: delete its folder, and it is made again", path.display())
}
