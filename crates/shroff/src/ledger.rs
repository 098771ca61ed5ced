//! Reading for a command: inputs to a ledger in order, with bad records in quarantine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::Context;
use shroff_detect::{Definitions, Input as EngineInput};
use shroff_ingest::{Hooks, Ledger, Mapping, Options, Rates, Rejected, Source};
use shroff_types::{Amount, Currency, Payment};

use crate::cli::{Reading, Sources};
use crate::inputs::{self, Digests, TemporaryFiles};
use crate::progress::Bar;
use crate::{Ending, outputs, terminal};

/// A ledger, and all that was decided about reading it.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) ledger: Ledger,
    pub(crate) definitions: Definitions,
    pub(crate) definitions_text: String,
    pub(crate) money: Money,
    pub(crate) digests: Digests,
    pub(crate) refused: Refused,
    pub(crate) notes: Vec<String>,
    pub(crate) seconds: f64,
}

/// How amounts become minor units of one currency.
#[derive(Debug)]
pub(crate) struct Money {
    rates: Option<Rates>,
    /// What sums are in; [`Currency::NONE`] where payments of several stand side by side.
    pub(crate) base: Currency,
    /// Decimals of the engine's minor unit.
    pub(crate) exponent: u8,
    unnamed_decimals: u8,
}

impl Money {
    /// A payment's amount in the engine's minor units.
    pub(crate) fn minor(&self, payment: &Payment) -> Result<i128, String> {
        if let Some(rates) = &self.rates {
            let minor = rates.convert(payment)?;
            return Amount { minor, currency: self.base }
                .minor_at(self.exponent)
                .ok_or_else(|| "the amount does not fit once converted".to_owned());
        }
        let decimals = match payment.amount.currency {
            Currency::NONE => self.unnamed_decimals,
            named => named.decimals(),
        };
        let number = shroff_types::Decimal { digits: payment.amount.minor, decimals };
        number.units(self.exponent).map_err(|_| "the amount does not fit".to_owned())
    }

    /// A payment as the engine takes it.
    pub(crate) fn input(&self, payment: &Payment) -> anyhow::Result<EngineInput> {
        let minor = self.minor(payment).and_then(|minor| {
            let fits = (1..=Amount::MAX_MINOR).contains(&minor);
            fits.then_some(minor).ok_or_else(|| "it is too large".to_owned())
        });
        let minor = minor.map_err(|reason| {
            anyhow::anyhow!(
                "payment `{}` of {} cannot be carried beside amounts of {} decimals: {reason}\n\
                 hint: convert the currencies into one with --rates",
                payment.id,
                payment.amount,
                self.exponent
            )
        })?;
        Ok(EngineInput {
            time: payment.time,
            debtor: payment.debtor,
            creditor: payment.creditor,
            minor,
            currency: payment.amount.currency,
            method: payment.method,
        })
    }
}

/// The records that were refused: counted by reason, with the first of each.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) total: u64,
    pub(crate) reasons: BTreeMap<String, (u64, Vec<Rejected>)>,
}

impl Refused {
    fn add(&mut self, rejected: Rejected) {
        self.total += 1;
        // A reason with a value in it would be a group of its own for each value.
        let (count, examples) = self.reasons.entry(rejected.reason.clone()).or_default();
        *count += 1;
        if examples.len() < 3 {
            examples.push(rejected);
        }
    }
}

/// A file of bad records, written as they come.
pub(crate) struct Quarantine<'a> {
    /// None until something is written: a run that fails at once leaves no file.
    writer: Option<csv::Writer<File>>,
    path: &'a Path,
    failed: Option<anyhow::Error>,
    refused: Refused,
}

impl Quarantine<'_> {
    pub(crate) fn at(path: &Path) -> Quarantine<'_> {
        Quarantine { writer: None, path, failed: None, refused: Refused::default() }
    }

    fn writer(&mut self) -> anyhow::Result<&mut csv::Writer<File>> {
        if self.writer.is_none() {
            let mut writer = csv::Writer::from_writer(outputs::create_private(self.path)?);
            writer.write_record(["file", "line", "column", "value", "reason", "hint"])?;
            self.writer = Some(writer);
        }
        Ok(self.writer.as_mut().expect("made above"))
    }

    pub(crate) fn add(&mut self, rejected: Rejected) {
        let line = rejected.line.to_string();
        let Rejected { source, column, value, reason, hint, .. } = &rejected;
        let row = [source, &line, column, value, reason, hint];
        let written = self.writer().and_then(|writer| Ok(writer.write_record(row)?));
        if let Err(error) = written {
            // Told once, at the end: the run does not stop, and the counts are right.
            self.failed.get_or_insert(error);
        }
        self.refused.add(rejected);
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<Refused> {
        let written = match self.failed.take() {
            Some(error) => Err(error),
            None => self.writer().and_then(|writer| Ok(writer.flush()?)),
        };
        written.with_context(|| format!("cannot write `{}`", self.path.display()))?;
        Ok(self.refused)
    }
}

/// Reads everything that a command line names. Bad records go to `quarantine`.
pub(crate) fn read(reading: &Reading, quarantine: &Path) -> anyhow::Result<Read> {
    read_for(reading, quarantine, Definitions::BUILTIN)
}

/// The same, with other definitions where the command line names none.
pub(crate) fn read_for(
    reading: &Reading,
    quarantine: &Path,
    built_in: &str,
) -> anyhow::Result<Read> {
    let files = inputs::open(&reading.sources.inputs)?;
    let digests = inputs::digests(&files)?;
    read_opened(reading, quarantine, built_in, (&files, digests))
}

/// The same of inputs that were opened already.
pub(crate) fn read_opened(
    reading: &Reading,
    quarantine: &Path,
    built_in: &str,
    (files, digests): (&[inputs::Input], Digests),
) -> anyhow::Result<Read> {
    let (definitions, definitions_text) = definitions(reading, built_in)?;
    let rates = rates(reading)?;
    let unnamed_decimals = definitions.amount_exponent.max(2);
    let options = Options {
        label_column: reading.label.clone(),
        sort_memory_bytes: (reading.sort_memory as usize) << 20,
        unnamed_decimals,
        rates: rates.clone(),
        ..options(&reading.sources)?
    };
    let mut quarantine = Quarantine::at(quarantine);
    let mut money = Money { rates, base: Currency::NONE, exponent: 0, unnamed_decimals };
    let (ledger, seconds) = read_files(files, &options, &mut quarantine)?;
    let refused = quarantine.finish()?;
    money.settle(&ledger, &definitions);
    let notes = notes(&ledger, &money);
    Ok(Read { ledger, definitions, definitions_text, money, digests, refused, notes, seconds })
}

/// How sources are read, where nothing else is asked for.
pub(crate) fn options(sources: &Sources) -> anyhow::Result<Options> {
    let map = match &sources.map {
        Some(path) => Some(Mapping::parse(&path.display().to_string(), &inputs::text(path)?)?),
        None => None,
    };
    Ok(Options { map, format: sources.format.clone(), ..Options::default() })
}

/// Reads files with a bar, and says how many seconds it took.
pub(crate) fn read_files(
    files: &[inputs::Input],
    options: &Options,
    quarantine: &mut Quarantine<'_>,
) -> anyhow::Result<(Ledger, f64)> {
    let mut bar = Bar::of_bytes("reading", files.iter().map(Source::size).sum());
    let (mut before, mut current, mut source) = (0, 0, String::new());
    let sources: Vec<&dyn Source> = files.iter().map(|file| file as &dyn Source).collect();
    let hooks = Hooks {
        spill: &mut TemporaryFiles,
        refused: &mut |rejected| quarantine.add(rejected),
        progress: &mut |progress| {
            if source != progress.source {
                before += current;
                progress.source.clone_into(&mut source);
            }
            current = progress.bytes;
            bar.at(before + current);
        },
    };
    let ledger = shroff_ingest::read(&sources, options, hooks)?;
    Ok((ledger, bar.done()))
}

pub(crate) fn definitions(
    reading: &Reading,
    built_in: &str,
) -> anyhow::Result<(Definitions, String)> {
    let (name, text) = match &reading.definitions {
        Some(path) => (path.display().to_string(), inputs::text(path)?),
        None => ("built-in definitions".to_owned(), built_in.to_owned()),
    };
    let parsed = Definitions::parse(&text).with_context(|| format!("in `{name}`"))?;
    Ok((parsed, text))
}

fn rates(reading: &Reading) -> anyhow::Result<Option<Rates>> {
    let Some(path) = &reading.rates else { return Ok(None) };
    let name = path.display().to_string();
    let text = inputs::text(path)?;
    let base = match &reading.base {
        Some(code) => Some(Currency::from_name(code).with_context(|| {
            format!("--base `{code}` is no currency\nhint: a code of ISO 4217, such as EUR")
        })?),
        None => None,
    };
    Ok(Some(Rates::parse(&name, text.as_bytes(), base)?))
}

impl Money {
    /// Decides on the base currency and its decimals, once all currencies are known.
    fn settle(&mut self, ledger: &Ledger, definitions: &Definitions) {
        let mut currencies = ledger.facts.currencies.keys();
        self.base = match (&self.rates, currencies.next(), currencies.next()) {
            (Some(rates), ..) => rates.base(),
            (None, Some(&only), None) => only,
            (None, ..) => Currency::NONE,
        };
        let needed =
            if self.rates.is_some() { self.base.decimals() } else { ledger.facts.decimals };
        self.exponent = needed.max(definitions.amount_exponent);
    }
}

/// What a reader must know of how the input was read.
fn notes(ledger: &Ledger, money: &Money) -> Vec<String> {
    let mut notes = Vec::new();
    let currencies = &ledger.facts.currencies;
    if currencies.len() > 1 && money.rates.is_none() {
        let names: Vec<&str> = currencies.keys().map(|c| c.code()).collect();
        notes.push(format!(
            "{} currencies and no --rates: amounts stand at face value, one unit of each as one of \
             any other, so sums over currencies say little ({})",
            names.len(),
            names.join(", ")
        ));
    }
    if let Some(rates) = &money.rates {
        notes.push(format!("amounts are converted into {} at the rates given", rates.base()));
    }
    for input in &ledger.inputs {
        if input.rounded > 0 {
            let count = terminal::grouped(input.rounded);
            notes.push(format!(
                "{}: {count} amounts had more decimals than their currency and were rounded, half \
                 to even",
                input.name
            ));
        }
        for (reason, count) in &input.left_out {
            let count = terminal::grouped(*count);
            notes.push(format!("{}: {count} records left out: {reason}", input.name));
        }
        notes.extend(input.notes.iter().map(|note| format!("{}: {note}", input.name)));
    }
    let late = ledger.payments.out_of_order();
    if late > 0 {
        let count = terminal::grouped(late);
        let were = if late == 1 { "payment was" } else { "payments were" };
        notes.push(format!("{count} {were} not in time order; all are in order now"));
    }
    let spilled = ledger.payments.spilled_bytes();
    if spilled > 0 {
        notes.push(format!(
            "payments were sorted on disk ({} KiB): they did not fit --sort-memory",
            terminal::grouped(spilled.div_ceil(1 << 10))
        ));
    }
    notes
}

impl Read {
    /// Whether more records were bad than allowed; says so.
    pub(crate) fn ending(&self, reading: &Reading) -> Ending {
        let records = self.ledger.inputs.iter().map(|input| input.records).sum();
        ending(self.refused.total, records, reading.max_bad)
    }

    /// Says on the terminal what was read and what must be known of it.
    pub(crate) fn tell(&self) {
        for input in &self.ledger.inputs {
            terminal::note(format_args!(
                "{}: {} records read as {} ({})",
                input.name,
                terminal::grouped(input.records),
                input.layout,
                input.form
            ));
        }
        for note in &self.notes {
            terminal::note(note);
        }
        for (reason, (count, examples)) in &self.refused.reasons {
            let Rejected { source, line, column, value, hint, .. } = &examples[0];
            let plural = if *count == 1 { "" } else { "s" };
            // A whole record may name accounts: it is in quarantine.csv, and nowhere else.
            let what =
                if column.is_empty() { String::new() } else { format!(", {column}: `{value}`") };
            let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {hint}") };
            terminal::warn(format_args!(
                "{} bad record{plural}: {reason}; the first in {source}, line {line}{what}{hint}",
                terminal::grouped(*count),
            ));
        }
    }
}

/// Whether more of the records were bad than allowed; says so.
pub(crate) fn ending(bad: u64, records: u64, max_bad: f64) -> Ending {
    #[expect(clippy::cast_precision_loss, reason = "counts of records are below 2^53")]
    let share = bad as f64 / records.max(1) as f64;
    if bad == 0 || share <= max_bad {
        return Ending::Well;
    }
    terminal::warn(format_args!(
        "{} of {} records were bad ({:.2} %), more than --max-bad allows ({:.2} %)\nhint: \
         quarantine.csv says why; --max-bad {:.0}% lets it pass",
        terminal::grouped(bad),
        terminal::grouped(records),
        100.0 * share,
        100.0 * max_bad,
        (100.0 * share).ceil()
    ));
    Ending::TooManyBad
}
