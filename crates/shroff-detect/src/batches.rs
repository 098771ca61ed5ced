//! Features over Arrow: record batches of payments in, record batches of features out.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, RecordBatch, StringArray,
    UInt64Array, UInt64Builder,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use shroff_types::{
    AccountId, Amount, Currency, Decimal, DecimalError, Names, Symbol, Timestamp,
};

use crate::cell::Cell;
use crate::definitions::{Column, ColumnKind, Definitions};
use crate::extractor::{Arrival, Extractor, Finished, Input, LateCounts};
use crate::workers::Workers;

/// A batch that can't be read as payments at all. Nothing of it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}\nhint: {hint}")]
pub struct BatchError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// A row that is no payment. The others of its batch were taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Which row, from 0, over all batches.
    pub row: u64,
    /// The column that is wrong.
    pub column: &'static str,
    /// Its value.
    pub value: String,
    /// Why.
    pub reason: &'static str,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Features {
    /// The features that are complete: `row`, which says of which row (from 0, over all batches),
    /// and a column for each feature.
    pub features: RecordBatch,
    /// The rows that are no payments.
    pub rejected: Vec<RejectedRow>,
}

/// An extractor over record batches.
///
/// A batch has the columns `time` (a timestamp of any unit, or 64-bit microseconds since the
/// epoch), `debtor` and `creditor` (text, plain or as a dictionary, or whole numbers), `amount`
/// (a decimal, a whole number or text, of major units, zero or more) and, where there are any,
/// `currency` (ISO 4217) and `method`. Others are not read.
#[derive(Debug)]
pub struct Batches {
    extractor: Extractor,
    exponent: u8,
    accounts: Names,
    symbols: Names,
    schema: Arc<Schema>,
    /// Rows that came so far.
    next: u64,
    /// The rows of the payments that are not complete, by arrival, and the first one's place.
    rows: VecDeque<u64>,
    first: u32,
}

impl Batches {
    /// An extractor for amounts of up to `exponent` decimals.
    pub fn new(definitions: &Definitions, exponent: u8) -> Batches {
        Batches::over(Extractor::new(definitions, exponent), exponent)
    }

    /// The same over an extractor of one's own, which nothing was pushed to.
    pub fn over(extractor: Extractor, exponent: u8) -> Batches {
        let mut fields = vec![Field::new("row", DataType::UInt64, false)];
        fields.extend(extractor.columns().iter().map(field));
        Batches {
            exponent,
            accounts: Names::default(),
            symbols: Names::default(),
            schema: Arc::new(Schema::new(fields)),
            next: 0,
            rows: VecDeque::new(),
            first: 0,
            extractor,
        }
    }

    /// The schema of the features.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Payments that did not come in order so far. Of those that came too late, all features are
    /// null.
    pub fn late(&self) -> LateCounts {
        self.extractor.late()
    }

    /// Takes a batch in, and gives the features that are complete.
    ///
    /// # Errors
    /// Where a column is missing or has a type that holds no such values.
    pub fn push(
        &mut self,
        workers: &dyn Workers,
        batch: &RecordBatch,
    ) -> Result<Features, BatchError> {
        let columns = Columns::of(batch)?;
        let mut inputs = Vec::with_capacity(batch.num_rows());
        let mut rejected = Vec::new();
        for at in 0..batch.num_rows() {
            let row = self.next;
            self.next += 1;
            match self.input(&columns, at) {
                Ok(input) => {
                    inputs.push(input);
                    self.rows.push_back(row);
                }
                Err((column, reason)) => {
                    let value = columns.text(column, at);
                    rejected.push(RejectedRow { row, column, value, reason });
                }
            }
        }
        let Batches { extractor, symbols, .. } = self;
        let mut done = Done::default();
        extractor.push_with(workers, &inputs, symbols, &mut |finished| done.add(&finished));
        Ok(Features { features: self.complete(done), rejected })
    }

    /// The features of the payments that still waited for what might come.
    pub fn finish(&mut self) -> RecordBatch {
        let mut done = Done::default();
        self.extractor.finish(&mut |finished| done.add(&finished));
        self.complete(done)
    }

    fn complete(&mut self, done: Done) -> RecordBatch {
        let at = |place: &u32| (place - self.first) as usize;
        let rows = done.places.iter().map(|place| self.rows[at(place)]);
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from_iter_values(rows))];
        arrays.extend(arrays_of(self.extractor.columns(), &done.cells));
        // Rows are asked for once. They are let go from the oldest on.
        for place in &done.places {
            let at = (place - self.first) as usize;
            self.rows[at] = TOLD;
        }
        while self.rows.front() == Some(&TOLD) {
            self.rows.pop_front();
            self.first += 1;
        }
        let schema = Arc::clone(&self.schema);
        RecordBatch::try_new(schema, arrays).expect("the arrays are made for the schema")
    }

    fn input(&mut self, columns: &Columns, at: usize) -> Result<Input, (&'static str, &'static str)> {
        let time = columns.time(at).ok_or(("time", "it is null, or finer than a microsecond"))?;
        let mut account = |column: &'static str, texts: &StringArray| {
            let text = text(texts, at).filter(|text| !text.is_empty());
            text.map(|text| AccountId(self.accounts.intern(text))).ok_or((column, "it is empty"))
        };
        let debtor = account("debtor", &columns.debtor)?;
        let creditor = account("creditor", &columns.creditor)?;
        let minor = columns.amount(at, self.exponent).map_err(|reason| ("amount", reason))?;
        let currency = match columns.currency.as_ref().and_then(|codes| text(codes, at)) {
            None => Currency::NONE,
            Some(code) => Currency::from_code(code).ok_or(("currency", "it is no code"))?,
        };
        let method = columns.method.as_ref().and_then(|methods| text(methods, at));
        let method = method.map(|method| Symbol(self.symbols.intern(method)));
        Ok(Input { time, debtor, creditor, minor, currency, method })
    }
}

/// The mark of a row whose features were given.
const TOLD: u64 = u64::MAX;

/// Payments that are complete.
#[derive(Default)]
struct Done {
    places: Vec<u32>,
    cells: Vec<Cell>,
}

impl Done {
    fn add(&mut self, finished: &Finished<'_>) {
        let Finished { place, cells, arrival, .. } = finished;
        let (Arrival::InOrder | Arrival::Late | Arrival::TooLate) = arrival;
        self.places.push(place.0);
        self.cells.extend_from_slice(cells);
    }
}

fn text(texts: &StringArray, at: usize) -> Option<&str> {
    texts.is_valid(at).then(|| texts.value(at))
}

/// The columns of a batch, in the types that they are read in.
struct Columns {
    time: ArrayRef,
    debtor: StringArray,
    creditor: StringArray,
    amount: ArrayRef,
    currency: Option<StringArray>,
    method: Option<StringArray>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Columns, BatchError> {
        let time = column(batch, "time")?;
        if !matches!(time.data_type(), DataType::Timestamp(..) | DataType::Int64) {
            return Err(wrong("time", &time, "a timestamp, or 64-bit microseconds since 1970"));
        }
        let amount = column(batch, "amount")?;
        let amount = match amount.data_type() {
            DataType::Decimal128(..) | DataType::Int64 => amount,
            kind if kind.is_integer() => {
                cast(&amount, &DataType::Int64).map_err(|_| wrong("amount", &amount, DECIMALS))?
            }
            _ => Arc::new(texts("amount", &amount, DECIMALS)?),
        };
        let optional = |name: &'static str| match batch.column_by_name(name) {
            None => Ok(None),
            Some(array) => texts(name, array, "text").map(Some),
        };
        let account = |name| texts(name, &column(batch, name)?, "text or whole numbers");
        Ok(Columns {
            time,
            debtor: account("debtor")?,
            creditor: account("creditor")?,
            amount,
            currency: optional("currency")?,
            method: optional("method")?,
        })
    }

    fn time(&self, at: usize) -> Option<Timestamp> {
        if self.time.is_null(at) {
            return None;
        }
        let time = &self.time;
        let micros = match time.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => {
                time.as_primitive::<TimestampSecondType>().value(at).checked_mul(1_000_000)?
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                time.as_primitive::<TimestampMillisecondType>().value(at).checked_mul(1_000)?
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                time.as_primitive::<TimestampMicrosecondType>().value(at)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let nanos = time.as_primitive::<TimestampNanosecondType>().value(at);
                (nanos % 1_000 == 0).then_some(nanos / 1_000)?
            }
            _ => time.as_primitive::<Int64Type>().value(at),
        };
        Some(Timestamp(micros))
    }

    fn amount(&self, at: usize, exponent: u8) -> Result<i128, &'static str> {
        if self.amount.is_null(at) {
            return Err("it is null");
        }
        let decimal = match self.amount.data_type() {
            DataType::Decimal128(_, scale) => {
                let digits = self.amount.as_primitive::<Decimal128Type>().value(at);
                match u8::try_from(*scale) {
                    Ok(decimals) => Decimal { digits, decimals },
                    Err(_) => return Err("it has a negative scale"),
                }
            }
            DataType::Int64 => {
                let digits = self.amount.as_primitive::<Int64Type>().value(at);
                Decimal { digits: digits.into(), decimals: 0 }
            }
            _ => {
                let text = self.amount.as_string::<i32>().value(at);
                Decimal::parse(text, '.').map_err(|_| "it is no decimal number")?
            }
        };
        let minor = decimal.units(exponent).map_err(|error| match error {
            DecimalError::TooFine => "it has more decimals than the extractor was made for",
            DecimalError::NotANumber | DecimalError::TooLong => "it is too large",
        })?;
        match minor {
            ..0 => Err("it is below zero"),
            0..=Amount::MAX_MINOR => Ok(minor),
            _ => Err("it is too large"),
        }
    }

    /// A value as text, to be shown.
    fn text(&self, column: &str, at: usize) -> String {
        let optional = |texts: &Option<StringArray>| -> Option<ArrayRef> {
            texts.as_ref().map(|texts| -> ArrayRef { Arc::new(texts.clone()) })
        };
        let array = match column {
            "time" => Some(Arc::clone(&self.time)),
            "amount" => Some(Arc::clone(&self.amount)),
            "currency" => optional(&self.currency),
            // Accounts are refused where they are empty, and are shown nowhere.
            _ => None,
        };
        let shown = array.and_then(|array| cast(&array.slice(at, 1), &DataType::Utf8).ok());
        shown.and_then(|shown| text(shown.as_string::<i32>(), 0).map(str::to_owned)).unwrap_or_default()
    }
}

const DECIMALS: &str = "decimals, whole numbers or text: binary fractions are not exact money";

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, BatchError> {
    batch.column_by_name(name).cloned().ok_or_else(|| BatchError {
        what: format!("there is no column `{name}`"),
        hint: "a batch has `time`, `debtor`, `creditor` and `amount`, in any order".to_owned(),
    })
}

fn wrong(name: &str, array: &ArrayRef, hint: &str) -> BatchError {
    BatchError {
        what: format!("the column `{name}` is of type {}", array.data_type()),
        hint: format!("make it {hint}"),
    }
}

fn texts(name: &str, array: &ArrayRef, hint: &str) -> Result<StringArray, BatchError> {
    let kind = array.data_type();
    let inner = match kind {
        DataType::Dictionary(_, values) => values,
        kind => kind,
    };
    let is_text = matches!(inner, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || inner.is_integer()
        || inner.is_null();
    if !is_text {
        return Err(wrong(name, array, hint));
    }
    let texts = cast(array, &DataType::Utf8).map_err(|_| wrong(name, array, hint))?;
    Ok(texts.as_string::<i32>().clone())
}

/// A feature as a column of Arrow.
pub fn field(column: &Column) -> Field {
    let kind = match column.kind {
        ColumnKind::Int => DataType::UInt64,
        ColumnKind::Real => DataType::Float64,
        ColumnKind::Bool => DataType::Boolean,
    };
    Field::new(&column.name, kind, true)
}

/// Rows of cells, one after the other, as an array for each column.
pub fn arrays_of(columns: &[Column], cells: &[Cell]) -> Vec<ArrayRef> {
    let array = |(at, column): (usize, &Column)| -> ArrayRef {
        let cells = cells.iter().skip(at).step_by(columns.len());
        match column.kind {
            ColumnKind::Int => {
                let mut builder = UInt64Builder::new();
                cells.for_each(|cell| builder.append_option(cell.int()));
                Arc::new(builder.finish())
            }
            ColumnKind::Real => {
                let mut builder = Float64Builder::new();
                cells.for_each(|cell| builder.append_option(cell.real()));
                Arc::new(builder.finish())
            }
            ColumnKind::Bool => {
                let mut builder = BooleanBuilder::new();
                cells.for_each(|cell| builder.append_option(cell.flag()));
                Arc::new(builder.finish())
            }
        }
    };
    columns.iter().enumerate().map(array).collect()
}
