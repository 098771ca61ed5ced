//! The payments of a backtest as columns in memory, and kept, so that a second run does not read
//! the inputs again.
//!
//! About 45 bytes a payment and the bytes of its id.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    StringBuilder, UInt8Array, UInt32Array,
};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema, UInt8Type, UInt32Type};
use serde::{Deserialize, Serialize};
use shroff_detect::{History, Input};
use shroff_types::{AccountId, Amount, Currency, Decimal, Map, Names, Symbol, Timestamp};

use super::slices::{self, SLICE};
use crate::cli::Reading;
use crate::inputs;
use crate::ledger::{self, Read};
use crate::threads::Threads;
use crate::{outputs, terminal};

/// What was read, as it is kept beside the payments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) payments: u32,
    pub(crate) accounts: u32,
    /// Decimals of the amounts.
    pub(crate) exponent: u8,
    /// The currency of sums; empty where there is none.
    pub(crate) base: String,
    pub(crate) has_labels: bool,
    /// Labels are on accounts: a payment between two of them is labelled.
    pub(crate) by_accounts: bool,
    pub(crate) records: u64,
    pub(crate) refused: u64,
    pub(crate) inputs: Vec<InputFacts>,
    pub(crate) notes: Vec<String>,
    symbols: Vec<String>,
}

/// One input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputFacts {
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) layout: String,
    pub(crate) payments: u64,
    pub(crate) rejected: u64,
    pub(crate) left_out: u64,
}

/// The payments, by place.
#[derive(Debug, Default)]
struct Columns {
    ids: Vec<StringArray>,
    times: Vec<i64>,
    debtors: Vec<u32>,
    creditors: Vec<u32>,
    minors: Vec<i64>,
    /// Amounts that 64 bits do not hold.
    wide: Map<u32, i128>,
    currencies: Vec<u8>,
    methods: Vec<u32>,
    labelled: Vec<bool>,
    attempts: Vec<u32>,
}

/// No method, no attempt.
const NONE: u32 = u32::MAX;

/// All payments of a history, in order.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) facts: Facts,
    pub(crate) accounts: Names,
    pub(crate) symbols: Names,
    /// What tokens of accounts are keyed by.
    pub(crate) secret: [u8; 32],
    /// Accounts that a label touches, by number.
    pub(crate) guilty: Vec<bool>,
    /// What the inputs and the way they were read come to.
    pub(crate) digest: String,
    /// Whether the inputs were read in this run.
    pub(crate) was_read: bool,
    columns: Columns,
}

/// Opens a history: from what was kept of it, or by reading it.
pub(crate) fn open(
    reading: &Reading,
    cache: &Path,
    out: &Path,
    threads: &Threads,
) -> anyhow::Result<Book> {
    let files = inputs::open(&reading.sources.inputs)?;
    let digests = inputs::digests(&files)?;
    let (definitions, _) = ledger::definitions(reading, EMPTY)?;
    let names: Vec<&str> = files.iter().map(shroff_ingest::Source::name).collect();
    let exponent = definitions.amount_exponent;
    let digest = digest(reading, &digests.inputs, (&names, exponent))?;
    let folder = cache.join(format!("payments-{}", &digest[..16]));
    let secret = digests.secret;
    let known = folder.join("facts.json");
    let quarantine = folder.join("quarantine.csv");
    let was_read = !known.is_file();
    if was_read {
        outputs::create_private_folder(&folder)?;
        let read = ledger::read_opened(reading, &quarantine, EMPTY, (&files, digests))?;
        keep(&read, &folder)?;
    }
    let text = inputs::text(&known)?;
    let facts: Facts = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is damaged\nhint: delete its folder", known.display()))?;
    if quarantine.is_file() {
        outputs::copy_private(&quarantine, &out.join("quarantine.csv"))?;
    }
    load(&folder, facts, threads).map(|book| Book { secret, digest, was_read, ..book })
}

/// Definitions without a block: what a payment is read for depends on none.
const EMPTY: &str = "amount_exponent = 2\n[[feature]]\nkind = \"pair\"\nwindow = \"1s\"\n";

/// What the payments depend on: the bytes of the inputs, and how they are read.
fn digest(
    reading: &Reading,
    inputs: &[String],
    (names, exponent): (&[&str], u8),
) -> anyhow::Result<String> {
    let text = |path: &Option<PathBuf>| -> anyhow::Result<Option<String>> {
        path.as_deref().map(inputs::text).transpose()
    };
    let all = serde_json::json!({
        "form": slices::FORM, "slice": SLICE.get(), "inputs": inputs, "names": names,
        "format": reading.sources.format, "map": text(&reading.sources.map)?, "label": reading.label,
        "rates": text(&reading.rates)?, "base": reading.base, "exponent": exponent,
    });
    Ok(outputs::sha256(all.to_string().as_bytes()))
}

fn schema() -> Arc<Schema> {
    let fields = [
        ("id", DataType::Utf8, false),
        ("time", DataType::Int64, false),
        ("debtor", DataType::UInt32, false),
        ("creditor", DataType::UInt32, false),
        ("minor", DataType::Decimal128(38, 0), false),
        ("currency", DataType::UInt8, false),
        ("method", DataType::UInt32, false),
        ("labelled", DataType::Boolean, false),
        ("attempt", DataType::UInt32, false),
    ];
    let fields = fields.map(|(name, kind, null)| Field::new(name, kind, null));
    Arc::new(Schema::new(fields.to_vec()))
}

fn accounts_schema() -> Arc<Schema> {
    let fields =
        [Field::new("name", DataType::Utf8, false), Field::new("guilty", DataType::Boolean, false)];
    Arc::new(Schema::new(fields.to_vec()))
}

/// Writes what was read: payments in slices, the names of accounts, and last the facts.
fn keep(read: &Read, folder: &Path) -> anyhow::Result<()> {
    let ledger = &read.ledger;
    let on_payments = ledger.inputs.iter().any(|input| input.has_labels);
    let by_accounts = !on_payments && !ledger.account_labels.is_empty();
    let mut guilty = vec![false; ledger.accounts.len()];
    if by_accounts {
        for (account, bad) in &ledger.account_labels {
            guilty[account.0 as usize] = *bad;
        }
    }
    let mut slice = Slice::default();
    let mut number = 0;
    for payment in ledger.payments.iter()? {
        let payment = payment?;
        let ends = [payment.debtor, payment.creditor];
        let labelled = if by_accounts {
            // Money between two labelled accounts is what the labels mean.
            ends.iter().all(|account| guilty[account.0 as usize])
        } else {
            payment.label == Some(true)
        };
        if labelled && !by_accounts {
            guilty[payment.debtor.0 as usize] = true;
            guilty[payment.creditor.0 as usize] = true;
        }
        let attempt = payment.attempt.filter(|_| labelled).map_or(NONE, |symbol| symbol.0);
        slice.add(&payment.id, &read.money.input(&payment)?, (labelled, attempt));
        if slice.times.len() == SLICE.get() {
            slice.write(&path(folder, number))?;
            number += 1;
        }
    }
    slice.write(&path(folder, number))?;
    let names = (0..).take(ledger.accounts.len()).map(|n| Some(ledger.accounts.text(n)));
    let columns: [ArrayRef; 2] =
        [Arc::new(names.collect::<StringArray>()), Arc::new(BooleanArray::from(guilty))];
    slices::write(&folder.join("accounts.parquet"), &accounts_schema(), columns.to_vec())?;
    let facts = facts(read, (on_payments || by_accounts, by_accounts))?;
    // It gets its own name last: a folder without it is of a run that did not end.
    outputs::write_file(&folder.join("facts.json"), |file| {
        file.write_all(&serde_json::to_vec_pretty(&facts)?)
    })
}

fn path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("payments-{number:05}.parquet"))
}

fn facts(read: &Read, (has_labels, by_accounts): (bool, bool)) -> anyhow::Result<Facts> {
    let ledger = &read.ledger;
    let inputs = ledger.inputs.iter().zip(&read.digests.inputs);
    let inputs = inputs.map(|(input, digest)| InputFacts {
        name: input.name.clone(),
        sha256: digest.clone(),
        layout: input.layout.clone(),
        payments: input.payments,
        rejected: input.rejected,
        left_out: input.left_out_total(),
    });
    let base = read.money.base;
    Ok(Facts {
        payments: u32::try_from(ledger.payments.len()).context("more than 2^32 payments")?,
        accounts: u32::try_from(ledger.accounts.len()).context("more than 2^32 accounts")?,
        exponent: read.money.exponent,
        base: if base == Currency::NONE { String::new() } else { base.code().to_owned() },
        has_labels,
        by_accounts,
        records: ledger.inputs.iter().map(|input| input.records).sum(),
        refused: read.refused.total,
        inputs: inputs.collect(),
        notes: read.notes.clone(),
        symbols: (0..)
            .take(ledger.symbols.len())
            .map(|n| ledger.symbols.text(n).to_owned())
            .collect(),
    })
}

/// Payments that are written together.
#[derive(Default)]
struct Slice {
    ids: StringBuilder,
    times: Vec<i64>,
    debtors: Vec<u32>,
    creditors: Vec<u32>,
    minors: Vec<i128>,
    currencies: Vec<u8>,
    methods: Vec<u32>,
    labelled: Vec<bool>,
    attempts: Vec<u32>,
}

impl Slice {
    fn add(&mut self, id: &str, input: &Input, (labelled, attempt): (bool, u32)) {
        self.ids.append_value(id);
        self.times.push(input.time.0);
        self.debtors.push(input.debtor.0);
        self.creditors.push(input.creditor.0);
        self.minors.push(input.minor);
        self.currencies.push(input.currency.index());
        self.methods.push(input.method.map_or(NONE, |method| method.0));
        self.labelled.push(labelled);
        self.attempts.push(attempt);
    }

    fn write(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut own = std::mem::take(self);
        if own.times.is_empty() {
            return Ok(());
        }
        let minors = Decimal128Array::from(own.minors).with_precision_and_scale(38, 0)?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(own.ids.finish()),
            Arc::new(Int64Array::from(own.times)),
            Arc::new(UInt32Array::from(own.debtors)),
            Arc::new(UInt32Array::from(own.creditors)),
            Arc::new(minors),
            Arc::new(UInt8Array::from(own.currencies)),
            Arc::new(UInt32Array::from(own.methods)),
            Arc::new(BooleanArray::from(own.labelled)),
            Arc::new(UInt32Array::from(own.attempts)),
        ];
        slices::write(path, &schema(), columns)
    }
}

/// Reads what was kept, slices side by side.
fn load(folder: &Path, facts: Facts, threads: &Threads) -> anyhow::Result<Book> {
    let count = slices::count(facts.payments);
    let read = slices::each(threads, count, &|number| slices::read(&path(folder, number), None))?;
    let mut columns = Columns::default();
    for batch in &read {
        columns.add(batch);
    }
    let kept = slices::read(&folder.join("accounts.parquet"), None)?;
    let mut accounts = Names::default();
    for name in kept.column(0).as_string::<i32>().iter().flatten() {
        accounts.intern(name);
    }
    let mut symbols = Names::default();
    for symbol in &facts.symbols {
        symbols.intern(symbol);
    }
    Ok(Book {
        guilty: kept.column(1).as_boolean().values().iter().collect(),
        facts,
        accounts,
        symbols,
        secret: [0; 32],
        digest: String::new(),
        was_read: false,
        columns,
    })
}

impl Columns {
    fn add(&mut self, batch: &RecordBatch) {
        let numbers = |at: usize| batch.column(at).as_primitive::<UInt32Type>().values().iter();
        self.ids.push(batch.column(0).as_string::<i32>().clone());
        let first = self.times.len();
        self.times.extend(batch.column(1).as_primitive::<Int64Type>().values());
        self.debtors.extend(numbers(2));
        self.creditors.extend(numbers(3));
        for (row, &minor) in
            batch.column(4).as_primitive::<Decimal128Type>().values().iter().enumerate()
        {
            self.minors.push(i64::try_from(minor).unwrap_or(WIDE));
            if minor >= i128::from(WIDE) {
                let place = u32::try_from(first + row).expect("fewer than 2^32 payments");
                self.wide.insert(place, minor);
            }
        }
        self.currencies.extend(batch.column(5).as_primitive::<UInt8Type>().values());
        self.methods.extend(numbers(6));
        self.labelled.extend(batch.column(7).as_boolean().values().iter());
        self.attempts.extend(numbers(8));
    }
}

/// The mark of an amount that stands elsewhere.
const WIDE: i64 = i64::MAX;

impl History for Book {
    fn len(&self) -> u32 {
        self.len()
    }

    fn accounts(&self) -> usize {
        self.facts.accounts as usize
    }

    fn input(&self, place: u32) -> Input {
        self.input(place)
    }

    fn ends(&self, place: u32) -> [AccountId; 2] {
        self.ends(place).map(AccountId)
    }

    fn time(&self, place: u32) -> Timestamp {
        self.time(place)
    }

    fn symbols(&self) -> &Names {
        &self.symbols
    }
}

impl Book {
    pub(crate) fn len(&self) -> u32 {
        self.facts.payments
    }

    /// All places, in order.
    pub(crate) fn places(&self) -> std::ops::Range<u32> {
        0..self.len()
    }

    pub(crate) fn id(&self, place: u32) -> &str {
        self.columns.ids[slices::of(place)].value(slices::row(place))
    }

    pub(crate) fn time(&self, place: u32) -> Timestamp {
        Timestamp(self.columns.times[place as usize])
    }

    pub(crate) fn ends(&self, place: u32) -> [u32; 2] {
        [self.columns.debtors[place as usize], self.columns.creditors[place as usize]]
    }

    pub(crate) fn minor(&self, place: u32) -> i128 {
        match self.columns.minors[place as usize] {
            WIDE => self.columns.wide[&place],
            minor => minor.into(),
        }
    }

    pub(crate) fn currency(&self, place: u32) -> Currency {
        Currency::from_index(self.columns.currencies[place as usize]).unwrap_or(Currency::NONE)
    }

    pub(crate) fn method(&self, place: u32) -> Option<&str> {
        let method = self.columns.methods[place as usize];
        (method != NONE).then(|| self.symbols.text(method))
    }

    pub(crate) fn is_labelled(&self, place: u32) -> bool {
        self.columns.labelled[place as usize]
    }

    /// The attempt of a labelled payment, as the number of its name.
    pub(crate) fn attempt(&self, place: u32) -> Option<u32> {
        Some(self.columns.attempts[place as usize]).filter(|&attempt| attempt != NONE)
    }

    /// A payment as the engine takes it.
    pub(crate) fn input(&self, place: u32) -> Input {
        let [debtor, creditor] = self.ends(place);
        let method = self.columns.methods[place as usize];
        Input {
            time: self.time(place),
            debtor: AccountId(debtor),
            creditor: AccountId(creditor),
            minor: self.minor(place),
            currency: self.currency(place),
            method: (method != NONE).then_some(Symbol(method)),
        }
    }

    /// The first place at or after a time.
    pub(crate) fn first_from(&self, time: Timestamp) -> u32 {
        let at = self.columns.times.partition_point(|&other| other < time.0);
        u32::try_from(at).expect("fewer than 2^32 payments")
    }

    /// The currency of sums.
    pub(crate) fn base(&self) -> Currency {
        Currency::from_code(&self.facts.base).unwrap_or(Currency::NONE)
    }

    /// A sum with its currency, for people.
    pub(crate) fn money(&self, minor: i128) -> String {
        let currency = self.base();
        let decimals = if currency == Currency::NONE { 2 } else { currency.decimals() };
        let sum = Decimal { digits: minor, decimals: self.facts.exponent };
        let minor = sum.units_rounded(decimals).unwrap_or(minor);
        crate::report::money(Amount { minor, currency })
    }

    /// Days from the first payment to the last, one at least.
    pub(crate) fn days(&self) -> f64 {
        match self.len().checked_sub(1) {
            Some(last) => super::days_between(self.time(0), self.time(last)),
            None => 1.0,
        }
    }

    /// Says on the terminal what was read, and what must be known of it.
    pub(crate) fn tell(&self) {
        for input in &self.facts.inputs {
            terminal::note(format_args!(
                "{}: {} payments, read as {}",
                input.name,
                terminal::grouped(input.payments),
                input.layout
            ));
        }
        self.facts.notes.iter().for_each(terminal::note);
        if self.facts.refused > 0 {
            let refused = terminal::grouped(self.facts.refused);
            terminal::warn(format_args!("{refused} records were refused: quarantine.csv says why"));
        }
    }
}
