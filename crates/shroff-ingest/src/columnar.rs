//! Parquet and Arrow: batches of columns, handed on as records of text.
//!
//! The text of a value is exact (a float's shortest form that reads back equal), so that all
//! formats meet the same rules behind this door.

use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::IngestError;
use crate::record::Record;
use crate::source::{ReadSeek, Stream};

/// How many rows are unpacked at a time.
const BATCH_ROWS: usize = 8_192;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>>>;

/// A table of columns as it is opened.
pub(crate) struct Table {
    /// The columns' names.
    pub(crate) header: Vec<String>,
    /// Which columns are moments or dates by their type, so that no text form need be said.
    pub(crate) moments: Vec<bool>,
    /// How many bytes of the source were read so far.
    bytes: Arc<AtomicU64>,
    opened: Opened,
}

enum Opened {
    Parquet(ParquetRecordBatchReaderBuilder<Chunks>),
    Arrow(Batches),
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Table {
    pub(crate) fn parquet(file: Box<dyn ReadSeek>, name: &str) -> Result<Table, IngestError> {
        guarded(name, || {
            let chunks = Chunks::new(file)?;
            let bytes = Arc::clone(&chunks.bytes);
            let builder = ParquetRecordBatchReaderBuilder::try_new(chunks)
                .map_err(|error| error.to_string())?;
            let (header, moments) = describe(builder.schema());
            Ok(Table { header, moments, bytes, opened: Opened::Parquet(builder) })
        })
    }

    /// An Arrow stream. The file format is one too, between its magic with zeros behind it and a
    /// footer that only readers at random places need.
    pub(crate) fn arrow(mut stream: Stream, name: &str) -> Result<Table, IngestError> {
        if stream.ahead().starts_with(b"ARROW1") {
            let zeros = stream.ahead()[6..].iter().take_while(|&&b| b == 0).count();
            stream.consume(6 + zeros);
        }
        let bytes = stream.raw_counter();
        let mut messages = Messages {
            stream,
            name: name.to_owned(),
            decoder: StreamDecoder::new(),
            buffer: Buffer::from(Vec::<u8>::new()),
        };
        guarded(name, || {
            let mut first = None;
            while messages.decoder.schema().is_none() {
                first = messages.next().transpose()?;
                if first.is_none() && messages.decoder.schema().is_none() {
                    return Err("there is no schema in it".to_owned());
                }
            }
            let schema = messages.decoder.schema().expect("the loop waits for it");
            let (header, moments) = describe(&schema);
            let batches = first.map(Ok).into_iter().chain(messages);
            Ok(Table { header, moments, bytes, opened: Opened::Arrow(Box::new(batches)) })
        })
    }

    /// Its rows, of which only the columns `used` have values.
    pub(crate) fn rows(self, used: &[usize], name: &str) -> Result<Rows, IngestError> {
        let width = self.header.len();
        let batches: Batches = match self.opened {
            Opened::Arrow(batches) => batches,
            Opened::Parquet(builder) => guarded(name, || {
                let columns = used.iter().copied();
                let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
                let reader = builder
                    .with_projection(mask)
                    .with_batch_size(BATCH_ROWS)
                    .build()
                    .map_err(|error| error.to_string())?;
                let batches = reader.map(|batch| batch.map_err(|error| error.to_string()));
                Ok(Box::new(batches) as Batches)
            })?,
        };
        Ok(Rows { batches, used: used.to_vec(), header: self.header, width, bytes: self.bytes })
    }
}

/// Rows by the batch.
pub(crate) struct Rows {
    batches: Batches,
    used: Vec<usize>,
    header: Vec<String>,
    width: usize,
    bytes: Arc<AtomicU64>,
}

impl Rows {
    /// How many bytes of the source were read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Calls `each` with every row of the next batch; false if there is none.
    pub(crate) fn next_batch(
        &mut self,
        name: &str,
        each: &mut dyn FnMut(&Record) -> Result<(), IngestError>,
    ) -> Result<bool, IngestError> {
        let batches = &mut self.batches;
        let Some(batch) = guarded(name, || batches.next().transpose())? else {
            return Ok(false);
        };
        let options = FormatOptions::new().with_null("");
        // By name where the reader left columns out, else by place: names may stand twice.
        let all = batch.num_columns() == self.width;
        let arrays: Vec<ArrayRef> =
            batch.columns().iter().map(in_utc).collect::<Result<_, _>>().map_err(|error| {
                IngestError::new(name, format!("a column cannot be read as text: {error}"))
            })?;
        let mut columns: Vec<Option<ArrayFormatter<'_>>> = Vec::new();
        let mut left_to_right = 0;
        for place in 0..self.width {
            let found = match self.used.contains(&place) {
                true if all => Some(&arrays[place]),
                true => {
                    left_to_right += 1;
                    arrays.get(left_to_right - 1)
                }
                false => None,
            };
            let formatter = found.map(|column| {
                ArrayFormatter::try_new(column.as_ref(), &options).map_err(|error| {
                    IngestError::new(name, format!("a column cannot be read as text: {error}"))
                        .at(format!("column `{}`", self.header[place]))
                })
            });
            columns.push(formatter.transpose()?);
        }
        let mut record = Record::default();
        for row in 0..batch.num_rows() {
            record.clear();
            for column in &columns {
                record.push_with(|bytes| write_value(column.as_ref(), row, bytes));
            }
            each(&record)?;
        }
        Ok(true)
    }
}

/// The same column, an instant of any time zone as the instant in UTC that it is kept as: the zone
/// only says how to show it, and `UTC` or `Europe/Zurich` would need a database of zones.
fn in_utc(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, Some(_)) = column.data_type() else {
        return Ok(Arc::clone(column));
    };
    let data_type = DataType::Timestamp(*unit, Some("+00:00".into()));
    Ok(make_array(column.to_data().into_builder().data_type(data_type).build()?))
}

/// Writes a value; nothing of a column that is not read.
fn write_value(column: Option<&ArrayFormatter<'_>>, row: usize, bytes: &mut Vec<u8>) {
    let Some(column) = column else { return };
    let before = bytes.len();
    if io::Write::write_fmt(bytes, format_args!("{}", column.value(row))).is_err() {
        // A value that cannot be shown (a date beyond the calendar) is no value.
        bytes.truncate(before);
        bytes.extend_from_slice(b"(unreadable)");
    }
}

fn describe(schema: &Schema) -> (Vec<String>, Vec<bool>) {
    let is_moment = |data_type: &DataType| {
        matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
    };
    schema.fields().iter().map(|f| (f.name().clone(), is_moment(f.data_type()))).unzip()
}

/// Runs a reader of foreign bytes. The libraries check most of what a damaged file can say and
/// panic on some of the rest; here that is a bad input like any other.
pub(crate) fn unpanicked<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("its reader gave up on damaged content".to_owned()))
}

/// The same for a file, whose name is told.
fn guarded<T>(name: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, IngestError> {
    let hint = "the file may be damaged or cut off; Arrow files must not be compressed inside";
    unpanicked(work).map_err(|error| {
        IngestError::new(name, format!("the columns cannot be read: {error}")).hint(hint)
    })
}

/// The batches of an Arrow stream. The library's own reader makes room for as many bytes as a
/// message says it has; its decoder only for those that come, so that no length is believed.
struct Messages {
    stream: Stream,
    name: String,
    decoder: StreamDecoder,
    buffer: Buffer,
}

impl Iterator for Messages {
    type Item = Result<RecordBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(batch)) => return Some(Ok(batch)),
                Ok(None) => {}
                // Behind the end of the messages is a file's footer.
                Err(_) if self.decoder.finish().is_ok() => return None,
                Err(error) => return Some(Err(error.to_string())),
            }
            let ahead = self.stream.ahead();
            if !ahead.is_empty() {
                self.buffer = Buffer::from(ahead.to_vec());
                self.stream.consume(ahead.len());
                continue;
            }
            match self.stream.fill(&self.name) {
                Ok(true) => {}
                Ok(false) => {
                    let cut = || "the messages end too early: the file looks cut off".to_owned();
                    return self.decoder.finish().err().map(|_| Err(cut()));
                }
                Err(error) => return Some(Err(error.reason.to_string())),
            }
        }
    }
}

/// A file of which Parquet's reader takes ranges.
struct Chunks {
    file: Arc<Mutex<Box<dyn ReadSeek>>>,
    len: u64,
    bytes: Arc<AtomicU64>,
}

impl Chunks {
    fn new(mut file: Box<dyn ReadSeek>) -> Result<Chunks, String> {
        let len = file.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        Ok(Chunks { file: Arc::new(Mutex::new(file)), len, bytes: Arc::default() })
    }
}

impl Chunks {
    fn range(&self, start: u64) -> Range {
        Range { file: Arc::clone(&self.file), at: start, bytes: Arc::clone(&self.bytes) }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Chunks {
    type T = io::BufReader<Range>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(io::BufReader::new(self.range(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes, ParquetError> {
        // A damaged footer can ask for any length: no more is made room for than there is.
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF("a range beyond the end of the file".to_owned()));
        }
        let mut buffer = vec![0; length];
        self.range(start).read_exact(&mut buffer)?;
        Ok(buffer.into())
    }
}

/// Reads on from a place of a shared file.
struct Range {
    file: Arc<Mutex<Box<dyn ReadSeek>>>,
    at: u64,
    bytes: Arc<AtomicU64>,
}

impl Read for Range {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let count = file.read(buffer)?;
        self.at += count as u64;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
