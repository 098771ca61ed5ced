//! Payments as an Arrow stream that comes over a network: piece by piece, within bounds.
//!
//! Nothing that a header claims is believed. A message is taken in up to a bound, all of its buffers
//! must lie in it, and only flat columns are read: what is made room for is what came.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use arrow::array::cast::AsArray as _;
use arrow::array::{
    Array, ArrayRef, LargeStringArray, RecordBatch, StringArray, StringViewArray, types,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{Endianness, MessageHeader, root_as_message};

use crate::columnar::unpanicked;

/// The most bytes of a message: a batch, or the words of a column.
pub const MOST_MESSAGE_BYTES: usize = 4 << 20;
/// The most payments of a batch.
pub const MOST_BATCH_ROWS: usize = 65_536;
/// The most bytes that say what is in a message.
const MOST_HEADER_BYTES: usize = 256 << 10;
/// The most bytes of the words of all columns.
const MOST_WORD_BYTES: usize = 1 << 20;
const MOST_COLUMNS: usize = 64;
/// Before each message: a mark, and the length of its header.
const PREFIX: usize = 8;
/// What is told of a name or a type.
const MOST_LETTERS: usize = 80;

const TEXTS: &str = "text (string, large_string, string_view, or a dictionary of one)";
const TIMES: &str = "a timestamp of any unit, int64 of microseconds since 1970, or text";
const AMOUNTS: &str = "a decimal, an integer, text, or a float that is written as short as it is";
const COLUMNS: &str =
    "id, time, debtor, creditor and amount, and where there are any currency and method";

/// Why a stream is not read any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong.
    pub reason: String,
    /// What helps.
    pub hint: String,
    /// Whether it is too much, and would be read in smaller pieces.
    pub is_too_large: bool,
}

impl Unfit {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Unfit {
        Unfit { reason: reason.into(), hint: hint.into(), is_too_large: false }
    }

    fn large(reason: impl Into<String>) -> Unfit {
        let hint = format!(
            "a batch has {MOST_BATCH_ROWS} payments and {MOST_MESSAGE_BYTES} bytes at most: with \
             pyarrow, `write_table(table, max_chunksize=10_000)`"
        );
        Unfit { reason: reason.into(), hint, is_too_large: true }
    }

    fn damaged(error: impl std::fmt::Display) -> Unfit {
        let error: String = error.to_string().chars().take(200).collect();
        Unfit::new(format!("the stream is damaged: {error}"), "nothing behind it is read")
    }
}

/// A stream that is taken in as it comes.
#[derive(Debug, Default)]
pub struct ColumnStream {
    pending: Vec<u8>,
    decoder: StreamDecoder,
    places: Option<Places>,
    /// The bytes of words that are held, by the number of their dictionary.
    words: BTreeMap<i64, usize>,
    ready: VecDeque<RecordBatch>,
    has_ended: bool,
    /// Whether names and remittance text are read: only where they are sealed.
    has_names: bool,
}

/// Where what is read of a payment stands.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    id: usize,
    time: usize,
    debtor: usize,
    creditor: usize,
    amount: usize,
    currency: Option<usize>,
    method: Option<usize>,
    /// Names and remittance text, where they are read.
    names: [Option<usize>; 3],
}

/// The columns of names and remittance text; where they are not read they may be anything.
const NAMES: [&str; 3] = ["debtor_name", "creditor_name", "remittance"];

/// A message as far as its header says: where it ends.
enum Part {
    More,
    End,
    Message(usize),
}

impl ColumnStream {
    /// One of which names and remittance text are read too: they are to be sealed.
    pub fn with_names() -> ColumnStream {
        ColumnStream { has_names: true, ..ColumnStream::default() }
    }

    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Whether the schema is there, which fits then.
    ///
    /// # Errors
    /// Where it does not fit, or these are no Arrow stream.
    pub fn begin(&mut self) -> Result<bool, Unfit> {
        if self.places.is_none() {
            match self.part()? {
                Part::More => {}
                Part::End => return Err(Unfit::new("the stream has no schema", COLUMNS)),
                Part::Message(end) => self.take(end)?,
            }
        }
        Ok(self.places.is_some())
    }

    /// The next payments; none where more has to come first.
    ///
    /// # Errors
    /// Where the stream is not read any further.
    pub fn next_rows(&mut self) -> Result<Option<ColumnRows>, Unfit> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                let places = self.places.unwrap_or_default();
                return Ok(Some(ColumnRows { batch, places }));
            }
            if !self.begin()? {
                return Ok(None);
            }
            match self.part()? {
                Part::More => return Ok(None),
                Part::End => {
                    self.pending.drain(..PREFIX);
                    self.has_ended = true;
                }
                Part::Message(end) => self.take(end)?,
            }
        }
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// Where it ends in the middle of something.
    pub fn finish(&self) -> Result<(), Unfit> {
        if self.places.is_none() && self.pending.is_empty() {
            return Err(Unfit::new("the body is empty", "an Arrow stream begins with its schema"));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        Err(Unfit::new("the stream ends in the middle of a message", "what came before is taken"))
    }

    /// What stands first in what is pending.
    fn part(&self) -> Result<Part, Unfit> {
        let bytes = self.pending.as_slice();
        if self.has_ended && !bytes.is_empty() {
            return Err(Unfit::new("bytes come behind the end of the stream", "send one stream"));
        }
        let is_marked = bytes.iter().take(4).all(|&byte| byte == 0xff);
        if !is_marked {
            let hint = if b"ARROW1".starts_with(&bytes[..bytes.len().min(6)]) {
                "it is an Arrow file: send the stream format (pyarrow's `ipc.new_stream`)"
            } else {
                "application/vnd.apache.arrow.stream is what pyarrow's `ipc.new_stream` writes"
            };
            return Err(Unfit::new("this is no Arrow stream", hint));
        }
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            return Ok(Part::More);
        };
        let [_, _, _, _, a, b, c, d] = *prefix;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length == 0 {
            return Ok(Part::End);
        }
        if length > MOST_HEADER_BYTES {
            return Err(Unfit::large(format!("the header of a message has {length} bytes")));
        }
        let Some(header) = rest.get(..length) else { return Ok(Part::More) };
        let body = checked(header)?;
        let end = PREFIX + length + body;
        Ok(if bytes.len() < end { Part::More } else { Part::Message(end) })
    }

    /// Takes the message that ends there.
    fn take(&mut self, end: usize) -> Result<(), Unfit> {
        let rest = self.pending.split_off(end);
        let whole = std::mem::replace(&mut self.pending, rest);
        let length = u32::from_le_bytes([whole[4], whole[5], whole[6], whole[7]]) as usize;
        let (header, body) = whole[PREFIX..].split_at(length);
        let body = body.len();
        let message = root_as_message(header).map_err(Unfit::damaged)?;
        match message.header_type() {
            MessageHeader::Schema if self.places.is_none() => {
                let schema = message.header_as_schema();
                let schema = schema.ok_or_else(|| Unfit::damaged("a schema is empty"))?;
                if schema.endianness() != Endianness::Little {
                    let hint = "write it on a machine that has the lowest byte first";
                    return Err(Unfit::new("the numbers have their highest byte first", hint));
                }
                let schema = unpanicked(|| Ok(fb_to_schema(schema))).map_err(Unfit::damaged)?;
                self.places = Some(places(&schema, self.has_names)?);
            }
            MessageHeader::RecordBatch if self.places.is_some() => {}
            MessageHeader::DictionaryBatch if self.places.is_some() => {
                let batch = message.header_as_dictionary_batch();
                let batch = batch.ok_or_else(|| Unfit::damaged("words are empty"))?;
                let held = self.words.entry(batch.id()).or_default();
                *held = if batch.isDelta() { *held + body } else { body };
                // Each has its place in a table, whatever its length.
                let held: usize = self.words.values().map(|bytes| bytes + 64).sum();
                if held > MOST_WORD_BYTES {
                    let what = format!("the dictionaries have more than {MOST_WORD_BYTES} bytes");
                    return Err(Unfit::large(what));
                }
            }
            _ => return Err(Unfit::damaged("a message comes where it must not")),
        }
        let mut buffer = Buffer::from(whole);
        while !buffer.is_empty() {
            let decoder = &mut self.decoder;
            let decoded =
                unpanicked(|| decoder.decode(&mut buffer).map_err(|error| error.to_string()));
            let batch = decoded.map_err(Unfit::damaged)?;
            self.ready.extend(batch.filter(|batch| batch.num_rows() > 0));
        }
        Ok(())
    }
}

/// The length of the body that a header tells of, where all that it says of it can be.
fn checked(header: &[u8]) -> Result<usize, Unfit> {
    let message = root_as_message(header).map_err(Unfit::damaged)?;
    let body = usize::try_from(message.bodyLength());
    let body = body.map_err(|_| Unfit::damaged("the length of a body is below zero"))?;
    if body > MOST_MESSAGE_BYTES {
        return Err(Unfit::large(format!("a message has {body} bytes")));
    }
    let words = message.header_as_dictionary_batch();
    let batch = match &words {
        Some(words) => words.data(),
        None => message.header_as_record_batch(),
    };
    let Some(batch) = batch else { return Ok(body) };
    if batch.compression().is_some() {
        return Err(Unfit::new(
            "the buffers of a batch are compressed",
            "write the stream without compression",
        ));
    }
    let most = i64::try_from(MOST_BATCH_ROWS).unwrap_or(i64::MAX);
    if batch.length() > most {
        return Err(Unfit::large(format!("a batch has {} rows", batch.length())));
    }
    let nodes = || batch.nodes().into_iter().flatten();
    let is_count = |count: i64| (0..=most).contains(&count);
    let is_sound = is_count(batch.length())
        && nodes().all(|node| is_count(node.length()) && is_count(node.null_count()));
    if !is_sound {
        return Err(Unfit::damaged("a column has a length that cannot be"));
    }
    let mut sum = 0_usize;
    for buffer in batch.buffers().into_iter().flatten() {
        let range =
            usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let range =
            range.filter(|(from, length)| from.checked_add(*length).is_some_and(|end| end <= body));
        sum += range.ok_or_else(|| Unfit::damaged("a buffer lies outside of its message"))?.1;
    }
    if sum > body {
        return Err(Unfit::damaged("buffers lie upon each other"));
    }
    Ok(body)
}

/// Where the columns stand, where each is of a type that is read.
fn places(schema: &Schema, has_names: bool) -> Result<Places, Unfit> {
    let fields = schema.fields();
    if fields.len() > MOST_COLUMNS {
        let what = format!("the schema has {} columns", fields.len());
        return Err(Unfit::new(what, format!("{MOST_COLUMNS} at most: {COLUMNS}")));
    }
    for field in fields {
        if field.data_type().is_nested() || has_runs(field.data_type()) {
            let what = format!("the column {} is nested", described(field));
            return Err(Unfit::new(what, "leave it out: only flat columns are read"));
        }
    }
    let find = |name: &str, fits: fn(&DataType) -> bool, takes: &str| {
        let mut found = fields.iter().enumerate().filter(|(_, field)| field.name() == name);
        let Some((place, field)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            let what = format!("there are two columns `{name}`");
            return Err(Unfit::new(what, "give one of them another name"));
        }
        if !fits(field.data_type()) {
            let what = format!("the column {} is of a type that is not read", described(field));
            return Err(Unfit::new(what, format!("`{name}` is {takes}")));
        }
        Ok(Some(place))
    };
    let must = |name: &str, fits: fn(&DataType) -> bool, takes: &str| {
        let place = find(name, fits, takes)?;
        place.ok_or_else(|| Unfit::new(format!("there is no column `{name}`"), COLUMNS))
    };
    let mut names = [None; 3];
    if has_names {
        for (place, name) in names.iter_mut().zip(NAMES) {
            *place = find(name, is_text, TEXTS)?;
        }
    }
    Ok(Places {
        names,
        id: must("id", is_text, TEXTS)?,
        time: must("time", is_time, TIMES)?,
        debtor: must("debtor", is_text, TEXTS)?,
        creditor: must("creditor", is_text, TEXTS)?,
        amount: must("amount", is_amount, AMOUNTS)?,
        currency: find("currency", is_text, TEXTS)?,
        method: find("method", is_text, TEXTS)?,
    })
}

fn described(field: &arrow::datatypes::Field) -> String {
    let short = |text: &str| text.chars().take(MOST_LETTERS).collect::<String>();
    format!("`{}` ({})", short(field.name()), short(&field.data_type().to_string()))
}

fn has_runs(data_type: &DataType) -> bool {
    match data_type {
        DataType::RunEndEncoded(..) => true,
        // Words of words.
        DataType::Dictionary(_, words) => {
            has_runs(words) || matches!(**words, DataType::Dictionary(..))
        }
        _ => false,
    }
}

fn is_plain_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, words) => is_plain_text(words),
        // A column in which nothing stands.
        DataType::Null => true,
        other => is_plain_text(other),
    }
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Int64) || is_plain_text(data_type)
}

fn is_amount(data_type: &DataType) -> bool {
    let is_decimal = matches!(
        data_type,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    );
    let is_float = matches!(data_type, DataType::Float32 | DataType::Float64);
    is_decimal || is_float || data_type.is_integer() || is_plain_text(data_type)
}

/// Payments that came together.
#[derive(Debug)]
pub struct ColumnRows {
    batch: RecordBatch,
    places: Places,
}

/// A payment as its columns have it; what is not there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRow<'b> {
    /// Its id.
    pub id: Option<&'b str>,
    /// When.
    pub time: RowTime<'b>,
    /// Who pays.
    pub debtor: Option<&'b str>,
    /// Who is paid.
    pub creditor: Option<&'b str>,
    /// How much, as a decimal number.
    pub amount: Option<Cow<'b, str>>,
    /// In what.
    pub currency: Option<&'b str>,
    /// How.
    pub method: Option<&'b str>,
    /// What the two are called and what it is for, where that is read.
    pub names: [Option<&'b str>; 3],
}

/// When a payment was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowTime<'b> {
    /// It is not said.
    None,
    /// As text.
    Text(&'b str),
    /// In microseconds since 1970.
    Micros(i64),
    /// Finer than a microsecond, or beyond all years: the number that stands there.
    Beyond(i64),
}

impl ColumnRows {
    /// How many there are: one at least.
    pub fn count(&self) -> usize {
        self.batch.num_rows()
    }

    /// Reads them one by one.
    ///
    /// # Errors
    /// Where what came is not what the schema says.
    pub fn reader(&self) -> Result<RowReader<'_>, Unfit> {
        let Places { id, time, debtor, creditor, amount, currency, method, names } = self.places;
        let column = |place: usize| self.batch.column(place);
        let text = |place: Option<usize>| place.map_or(Ok(Text::Nothing), |it| text(column(it)));
        unpanicked(|| {
            Ok(RowReader {
                id: text(Some(id))?,
                time: moments(column(time))?,
                debtor: text(Some(debtor))?,
                creditor: text(Some(creditor))?,
                amount: amounts(column(amount))?,
                currency: text(currency)?,
                method: text(method)?,
                names: [text(names[0])?, text(names[1])?, text(names[2])?],
            })
        })
        .map_err(Unfit::damaged)
    }
}

/// Reads payments of columns.
pub struct RowReader<'b> {
    id: Text<'b>,
    time: Moments<'b>,
    debtor: Text<'b>,
    creditor: Text<'b>,
    amount: Amounts<'b>,
    currency: Text<'b>,
    method: Text<'b>,
    names: [Text<'b>; 3],
}

impl std::fmt::Debug for RowReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").finish_non_exhaustive()
    }
}

impl<'b> RowReader<'b> {
    /// The payment at a position below [`ColumnRows::count`].
    ///
    /// # Panics
    /// Where there is none.
    pub fn row(&self, at: usize) -> ColumnRow<'b> {
        ColumnRow {
            id: self.id.at(at),
            time: match &self.time {
                Moments::Text(texts) => texts.at(at).map_or(RowTime::None, RowTime::Text),
                Moments::Number { nulls, .. } if is_null(*nulls, at) => RowTime::None,
                Moments::Number { values, unit, .. } => micros(values[at], *unit),
            },
            debtor: self.debtor.at(at),
            creditor: self.creditor.at(at),
            amount: (self.amount)(at),
            currency: self.currency.at(at),
            method: self.method.at(at),
            names: self.names.each_ref().map(|text| text.at(at)),
        }
    }
}

fn is_null(nulls: Option<&NullBuffer>, at: usize) -> bool {
    nulls.is_some_and(|nulls| nulls.is_null(at))
}

/// An instant of some unit in microseconds.
fn micros(value: i64, unit: TimeUnit) -> RowTime<'static> {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => (value % 1_000 == 0).then_some(value / 1_000),
    };
    micros.map_or(RowTime::Beyond(value), RowTime::Micros)
}

enum Text<'b> {
    Nothing,
    Short(&'b StringArray),
    Long(&'b LargeStringArray),
    View(&'b StringViewArray),
    Words { keys: Vec<usize>, nulls: Option<&'b NullBuffer>, words: Box<Text<'b>> },
}

impl<'b> Text<'b> {
    fn at(&self, at: usize) -> Option<&'b str> {
        match self {
            Text::Nothing => None,
            Text::Short(array) => array.is_valid(at).then(|| array.value(at)),
            Text::Long(array) => array.is_valid(at).then(|| array.value(at)),
            Text::View(array) => array.is_valid(at).then(|| array.value(at)),
            Text::Words { nulls, .. } if is_null(*nulls, at) => None,
            Text::Words { keys, words, .. } => words.at(keys[at]),
        }
    }
}

fn text(column: &ArrayRef) -> Result<Text<'_>, String> {
    Ok(match column.data_type() {
        DataType::Null => Text::Nothing,
        DataType::Utf8 => Text::Short(column.as_string()),
        DataType::LargeUtf8 => Text::Long(column.as_string()),
        DataType::Utf8View => Text::View(column.as_string_view()),
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary();
            if column.values().is_empty() {
                return Ok(Text::Nothing);
            }
            let words = Box::new(text(column.values())?);
            Text::Words { keys: column.normalized_keys(), nulls: column.keys().nulls(), words }
        }
        other => return Err(format!("a column of {other} came as text")),
    })
}

enum Moments<'b> {
    Text(Text<'b>),
    Number { values: &'b [i64], nulls: Option<&'b NullBuffer>, unit: TimeUnit },
}

fn moments(column: &ArrayRef) -> Result<Moments<'_>, String> {
    let nulls = column.nulls();
    let (values, unit): (&[i64], TimeUnit) = match column.data_type() {
        DataType::Int64 => {
            (column.as_primitive::<types::Int64Type>().values(), TimeUnit::Microsecond)
        }
        DataType::Timestamp(unit, _) => {
            let values: &[i64] = match unit {
                TimeUnit::Second => column.as_primitive::<types::TimestampSecondType>().values(),
                TimeUnit::Millisecond => {
                    column.as_primitive::<types::TimestampMillisecondType>().values()
                }
                TimeUnit::Microsecond => {
                    column.as_primitive::<types::TimestampMicrosecondType>().values()
                }
                TimeUnit::Nanosecond => {
                    column.as_primitive::<types::TimestampNanosecondType>().values()
                }
            };
            (values, *unit)
        }
        _ => return text(column).map(Moments::Text),
    };
    Ok(Moments::Number { values, nulls, unit })
}

type Amounts<'b> = Box<dyn Fn(usize) -> Option<Cow<'b, str>> + Send + Sync + 'b>;

/// Amounts as decimal text. A float is what its shortest text says that reads back equal.
fn amounts(column: &ArrayRef) -> Result<Amounts<'_>, String> {
    macro_rules! shown {
        ($kind:ident, $show:expr) => {{
            let array = column.as_primitive::<types::$kind>();
            Box::new(move |at| array.is_valid(at).then(|| Cow::Owned($show(array, at))))
        }};
        ($kind:ident) => {
            shown!($kind, |array: &arrow::array::PrimitiveArray<types::$kind>, at| {
                array.value(at).to_string()
            })
        };
        ($kind:ident as decimal) => {
            shown!($kind, |array: &arrow::array::PrimitiveArray<types::$kind>, at| {
                array.value_as_string(at)
            })
        };
    }
    Ok(match column.data_type() {
        DataType::Int8 => shown!(Int8Type),
        DataType::Int16 => shown!(Int16Type),
        DataType::Int32 => shown!(Int32Type),
        DataType::Int64 => shown!(Int64Type),
        DataType::UInt8 => shown!(UInt8Type),
        DataType::UInt16 => shown!(UInt16Type),
        DataType::UInt32 => shown!(UInt32Type),
        DataType::UInt64 => shown!(UInt64Type),
        DataType::Float32 => shown!(Float32Type),
        DataType::Float64 => shown!(Float64Type),
        DataType::Decimal32(..) => shown!(Decimal32Type as decimal),
        DataType::Decimal64(..) => shown!(Decimal64Type as decimal),
        DataType::Decimal128(..) => shown!(Decimal128Type as decimal),
        DataType::Decimal256(..) => shown!(Decimal256Type as decimal),
        _ => {
            let texts = text(column)?;
            Box::new(move |at| texts.at(at).map(Cow::Borrowed))
        }
    })
}
