//! Reads inputs one after the other into a ledger.

mod messages;

pub use self::messages::messages_in;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;

use shroff_types::{AccountId, Amount, Payment, Symbol};

use crate::columnar::Table;
use crate::error::Rejected;
use crate::instant::TimeForm;
use crate::json;
use crate::layout::{self, Recognised};
use crate::ledger::{Facts, InputSummary, Ledger};
use crate::messages::Withdrawal;
use crate::patterns;
use crate::plan::{AccountsPlan, Bad, Desk, LabelPart, Outcome, Plan};
use crate::record::{Lines, Record, Step, TextLines};
use crate::source::{Kind, Memory, MemorySpill, Packing, ReadSeek, Source, Spill, Stream};
use crate::store::Builder;
use crate::{IngestError, Mapping, Payments, Rates};

/// How inputs are to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the columns are, where the layout is not one that is known.
    pub map: Option<Mapping>,
    /// A layout's name, where it is not to be recognised.
    pub format: Option<String>,
    /// The column that carries labels, where it is not the layout's own.
    pub label_column: Option<String>,
    /// How many bytes of payments are held in memory before they go to temporary files. A
    /// payment takes about 35 bytes and its id, and 16 more where the input is not in order.
    pub sort_memory_bytes: usize,
    /// How many decimals an amount without a currency has.
    pub unnamed_decimals: u8,
    /// The rates that amounts will be converted at: a payment that they cannot convert is refused.
    pub rates: Option<Rates>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            map: None,
            format: None,
            label_column: None,
            // 5,000,000 payments out of order fit in 400 MB.
            sort_memory_bytes: 512 << 20,
            unnamed_decimals: 2,
            rates: None,
        }
    }
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The input that is being read.
    pub source: &'a str,
    /// Bytes read of it, as it is stored (packed, if it is).
    pub bytes: u64,
    /// Records seen of it.
    pub records: u64,
}

/// Where a run hands out what it cannot keep: temporary files, refusals, progress.
pub struct Hooks<'a> {
    /// Gives temporary files.
    pub spill: &'a mut dyn Spill,
    /// Is told of every record that is refused.
    pub refused: &'a mut dyn FnMut(Rejected),
    /// Is told every few thousand records how far the reading is.
    pub progress: &'a mut dyn FnMut(Progress<'_>),
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Reads all inputs as one stream: in the order given, then in the order of their rows.
///
/// # Errors
/// An input that cannot be read as a whole: it cannot be opened, is empty or binary, its columns
/// are those of no layout, two needed columns have the same name; or a temporary file fails.
pub fn read<'a>(
    sources: &[&dyn Source],
    options: &'a Options,
    hooks: Hooks<'a>,
) -> Result<Ledger, IngestError> {
    let mut run = Run {
        options,
        hooks,
        many: sources.len() > 1,
        desk: Desk::default(),
        builder: Builder::new(options.sort_memory_bytes),
        facts: Facts::default(),
        account_labels: BTreeMap::new(),
        attempts: 0,
        attempt: None,
        marks: None,
        summary: InputSummary::default(),
        row_id: String::new(),
        keys: BTreeSet::new(),
        withdrawals: Vec::new(),
    };
    let inputs = run.inputs(sources)?;
    let Run { desk: Desk { accounts, symbols, .. }, builder, hooks, .. } = run;
    let payments: Payments = builder.finish(hooks.spill)?;
    Ok(Ledger {
        accounts,
        symbols,
        account_labels: run.account_labels,
        inputs,
        facts: run.facts,
        payments,
        withdrawals: run.withdrawals,
    })
}

/// Reads one input that is in memory: for tests, for fuzzing, for callers with bytes.
///
/// # Errors
/// As for [`read`].
pub fn read_bytes(
    name: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<(Ledger, Vec<Rejected>), IngestError> {
    let mut rejected = Vec::new();
    let source = Memory::new(name, bytes);
    let hooks = Hooks {
        spill: &mut MemorySpill,
        refused: &mut |one| rejected.push(one),
        progress: &mut |_| {},
    };
    let ledger = read(&[&source], options, hooks)?;
    Ok((ledger, rejected))
}

/// The state of a run over all inputs.
struct Run<'a> {
    options: &'a Options,
    hooks: Hooks<'a>,
    many: bool,
    desk: Desk,
    builder: Builder,
    facts: Facts,
    account_labels: BTreeMap<AccountId, bool>,
    /// Attempts of pattern files so far, and the one that is being read.
    attempts: u64,
    attempt: Option<Symbol>,
    /// Where AMLworld's patterns and transactions are both given: the rows of the patterns, which
    /// are rows of the transactions too, and the attempts they belong to.
    marks: Option<BTreeMap<Vec<u8>, VecDeque<Symbol>>>,
    summary: InputSummary,
    row_id: String,
    /// Keys of payments that came in messages: the same one may come in several.
    keys: BTreeSet<String>,
    withdrawals: Vec<Withdrawal>,
}

/// How many records pass between two reports of progress.
const PROGRESS_RECORDS: u64 = 8_192;

impl Run<'_> {
    fn inputs(&mut self, sources: &[&dyn Source]) -> Result<Vec<InputSummary>, IngestError> {
        let patterns = if self.many { self.pattern_files(sources)? } else { Vec::new() };
        let mut summaries = vec![InputSummary::default(); sources.len()];
        let is_pattern = |place: &usize| patterns.contains(place);
        let (first, then): (Vec<usize>, Vec<usize>) = (0..sources.len()).partition(is_pattern);
        for place in first.iter().chain(&then).copied() {
            summaries[place] = self.input(sources[place])?;
        }
        let unmarked: usize = self.marks.iter().flat_map(BTreeMap::values).map(VecDeque::len).sum();
        if let (Some(&place), true) = (first.first(), unmarked > 0) {
            let note =
                format!("payments of attempts that are not among the transactions: {unmarked}");
            summaries[place].notes.push(note);
        }
        Ok(summaries)
    }

    /// The pattern files that stand beside their transactions, and so only mark them; none where
    /// there are no transactions. Only what can be opened twice is looked at.
    fn pattern_files(&mut self, sources: &[&dyn Source]) -> Result<Vec<usize>, IngestError> {
        let (mut patterns, mut transactions) = (Vec::new(), false);
        for (place, source) in sources.iter().enumerate() {
            let twice = source.seekable();
            if twice.map_err(|error| IngestError::io(source.name(), "opening", error))?.is_none() {
                continue;
            }
            let mut stream = Stream::open(*source)?;
            match stream.kind(source.name()) {
                Ok(Kind::Patterns) => patterns.push(place),
                Ok(Kind::Delimited) => {
                    transactions |= stream.ahead().starts_with(b"Timestamp,From Bank,Account,");
                }
                // What is wrong with it is said when it is read.
                Ok(Kind::JsonLines | Kind::Parquet | Kind::ArrowFile | Kind::ArrowStream)
                | Err(_) => {}
            }
        }
        if transactions && !patterns.is_empty() {
            self.marks = Some(BTreeMap::new());
            return Ok(patterns);
        }
        Ok(Vec::new())
    }

    fn input(&mut self, source: &dyn Source) -> Result<InputSummary, IngestError> {
        let name = source.name();
        self.summary = InputSummary { name: name.to_owned(), ..InputSummary::default() };
        let mut stream = Stream::open(source)?;
        if messages::are_messages(stream.ahead()) {
            self.messages(stream, name)?;
            return Ok(std::mem::take(&mut self.summary));
        }
        match stream.kind(name)? {
            Kind::Delimited => self.delimited(stream, name)?,
            Kind::JsonLines => self.json_lines(stream, name)?,
            Kind::Patterns => self.patterns(stream, name)?,
            Kind::Parquet => {
                self.summary.form = form("Parquet", stream.packing());
                let file = at_any_place(source, stream, self.hooks.spill)?;
                self.table(Table::parquet(file, name)?, name)?;
            }
            Kind::ArrowFile => {
                self.summary.form = form("Arrow file", stream.packing());
                self.table(Table::arrow(stream, name)?, name)?;
            }
            Kind::ArrowStream => {
                self.summary.form = form("Arrow stream", stream.packing());
                self.table(Table::arrow(stream, name)?, name)?;
            }
        }
        Ok(std::mem::take(&mut self.summary))
    }

    fn delimited(&mut self, mut stream: Stream, name: &str) -> Result<(), IngestError> {
        let map = self.options.map.as_ref();
        let mut line = 1;
        for _ in 0..map.map_or(0, Mapping::skip_lines) {
            line += skip_one_line(&mut stream, name)?;
        }
        let named = delimiter_named(stream.ahead());
        if named.is_some() {
            line += skip_one_line(&mut stream, name)?;
        }
        let delimiter = map.and_then(Mapping::delimiter).or(named);
        let delimiter = delimiter.unwrap_or_else(|| delimiter_of(stream.ahead()));
        let kind = if delimiter == b'\t' { "TSV" } else { "CSV" };
        self.summary.form = form(kind, stream.packing());
        let mut lines = Lines::new(stream, delimiter, line);
        match lines.next(name)? {
            Step::Record => {}
            Step::End => {
                let reason = lines.stream().cut().unwrap_or("the input has no header and no rows");
                return Err(IngestError::new(name, reason.to_owned()).hint("check the path"));
            }
            Step::TooLong => {
                let error = IngestError::new(name, "the first line is longer than 1 MiB");
                return Err(error.at(format!("line {line}")).hint("is this a table of payments?"));
            }
        }
        let line = lines.line();
        let mut header = header_of(lines.record());
        let mut first_is_data = false;
        if map.is_some_and(|map| !map.has_header()) {
            first_is_data = true;
            header = (1..=header.len()).map(|number| format!("column {number}")).collect();
        } else if map.is_none()
            && matches!(self.options.format.as_deref(), None | Some("bitcoin-otc"))
            && layout::is_bitcoin_otc_record(&header)
        {
            first_is_data = true;
            header = layout::bitcoin_otc_header();
        }
        match self.recognise(&header, name, line)? {
            Recognised::Payments(plan) => self.rows(&mut lines, &plan, first_is_data, name),
            Recognised::Accounts { account, label, columns } => {
                let plan = AccountsPlan { account, label, columns };
                self.account_rows(&mut lines, &plan, name)
            }
        }
    }

    /// What the columns are: by the mapping, by the layout asked for, or by their names.
    fn recognise(
        &mut self,
        header: &[String],
        name: &str,
        line: u64,
    ) -> Result<Recognised, IngestError> {
        let recognised = match (&self.options.map, &self.options.format) {
            (Some(map), _) => Recognised::Payments(Box::new(map.plan(header, name)?)),
            (None, Some(format)) => layout::by_name(format, header, name)?,
            (None, None) => layout::recognise(header, name)?
                .ok_or_else(|| layout::unknown_header(header, name, line))?,
        };
        match recognised {
            Recognised::Payments(mut plan) => {
                self.settle(&mut plan, name)?;
                Ok(Recognised::Payments(plan))
            }
            accounts @ Recognised::Accounts { .. } => {
                "accounts".clone_into(&mut self.summary.layout);
                Ok(accounts)
            }
        }
    }

    /// What the options say goes over what the layout says.
    fn settle(&mut self, plan: &mut Plan, name: &str) -> Result<(), IngestError> {
        plan.unnamed_decimals = self.options.unnamed_decimals;
        if let Some(wanted) = &self.options.label_column {
            let column = layout::column(&plan.columns, wanted, name)?;
            plan.label = Some(LabelPart { column, truths: None });
        }
        plan.layout.clone_into(&mut self.summary.layout);
        self.summary.has_labels = plan.label.is_some();
        self.summary.notes.append(&mut plan.notes);
        Ok(())
    }

    fn rows(
        &mut self,
        lines: &mut Lines,
        plan: &Plan,
        mut held: bool,
        name: &str,
    ) -> Result<(), IngestError> {
        let used: Vec<usize> = plan.used().collect();
        loop {
            let step = if held { Step::Record } else { lines.next(name)? };
            held = false;
            match step {
                Step::End => break,
                Step::TooLong => {
                    let bad = if lines.give_back_lines() {
                        unclosed(lines.raw())
                    } else {
                        let hint = "no record is longer than 1 MiB; is a line end missing?";
                        let bad = Bad::whole(lines.raw(), "the record is too long", hint);
                        lines.skip_line(name)?;
                        bad
                    };
                    self.refuse(lines.line(), *bad);
                }
                Step::Record => self.row(lines, plan, &used)?,
            }
            self.report_at_times(lines.stream());
        }
        self.finish_text(lines.stream());
        Ok(())
    }

    fn row(&mut self, lines: &mut Lines, plan: &Plan, used: &[usize]) -> Result<(), IngestError> {
        let width = plan.columns.len();
        let fields = lines.record().len();
        if lines.spans_lines() && swallows(lines, used, width) && lines.give_back_lines() {
            self.refuse(lines.line(), *unclosed(lines.raw()));
            return Ok(());
        }
        if lines.is_unterminated() && (fields < width || lines.stream().cut().is_some()) {
            let reason = "the last record looks cut off";
            let hint = "the file may not have been written or copied to its end";
            self.refuse(lines.line(), *Bad::whole(lines.raw(), reason, hint));
            return Ok(());
        }
        if fields != width {
            let few = if fields < width { "few" } else { "many" };
            let reason = format!("the record has too {few} fields: {fields}, not {width}");
            let hint = "is a delimiter inside a field without quotes, or a field missing?";
            self.refuse(lines.line(), *Bad::whole(lines.raw().trim_ascii(), &reason, hint));
            return Ok(());
        }
        self.record(plan, lines.record(), lines.line())
    }

    /// One record through its plan.
    fn record(&mut self, plan: &Plan, record: &Record, line: u64) -> Result<(), IngestError> {
        let row = self.summary.records + 1;
        if plan.id.is_none() {
            self.name_row(row);
        }
        match plan.read(record, &self.row_id, &mut self.desk) {
            Outcome::Payment(mut payment, rounded) => {
                payment.attempt = self.attempt.or(payment.attempt);
                if payment.label == Some(true)
                    && plan.layout == "amlworld"
                    && let Some(marks) = &mut self.marks
                    && let Some(waiting) = marks.get_mut(&row_key(record))
                {
                    payment.attempt = waiting.pop_front();
                }
                if let Some(bad) = self.too_much(&payment) {
                    self.refuse(line, bad);
                    return Ok(());
                }
                self.summary.records += 1;
                self.summary.payments += 1;
                self.summary.rounded += u64::from(rounded);
                self.facts.add(&payment, plan.unnamed_decimals);
                self.builder.push(&payment, self.hooks.spill)?;
            }
            Outcome::LeftOut(reason) => {
                self.summary.records += 1;
                match self.summary.left_out.get_mut(reason) {
                    Some(count) => *count += 1,
                    None => {
                        self.summary.left_out.insert(reason.to_owned(), 1);
                    }
                }
            }
            Outcome::Bad(bad) => self.refuse(line, *bad),
        }
        Ok(())
    }

    /// What is wrong with an amount that can be read and not be carried further.
    fn too_much(&self, payment: &Payment) -> Option<Bad> {
        let bad = |reason: String, hint: &str| Bad {
            column: "amount".to_owned(),
            value: payment.amount.to_string(),
            reason,
            hint: hint.to_owned(),
        };
        if payment.amount.minor > Amount::MAX_MINOR {
            let hint = "are these minor units that should be major ones?";
            return Some(bad("the amount is larger than can be carried".to_owned(), hint));
        }
        let reason = match self.options.rates.as_ref()?.convert(payment) {
            Ok(1..=Amount::MAX_MINOR) => return None,
            Ok(..=0) => "the amount is nothing once it is converted".to_owned(),
            Ok(_) => "the amount is larger than can be carried once it is converted".to_owned(),
            Err(reason) => reason,
        };
        Some(bad(reason, "add a rate of that currency and day to the table of --rates"))
    }

    fn account_rows(
        &mut self,
        lines: &mut Lines,
        plan: &AccountsPlan,
        name: &str,
    ) -> Result<(), IngestError> {
        loop {
            match lines.next(name)? {
                Step::End => break,
                Step::TooLong => {
                    let hint = "no record is longer than 1 MiB; is a line end missing?";
                    let bad = Bad::whole(lines.raw(), "the record is too long", hint);
                    let line = lines.line();
                    lines.skip_line(name)?;
                    self.refuse(line, *bad);
                }
                Step::Record => match plan.read(lines.record()) {
                    Ok((account, label)) => {
                        let account = AccountId(self.desk.accounts.intern(account));
                        self.account_labels.insert(account, label);
                        self.summary.records += 1;
                        self.summary.payments += 1;
                    }
                    Err(bad) => self.refuse(lines.line(), *bad),
                },
            }
        }
        self.finish_text(lines.stream());
        Ok(())
    }

    fn json_lines(&mut self, stream: Stream, name: &str) -> Result<(), IngestError> {
        self.summary.form = form("JSON Lines", stream.packing());
        let labelled_before = self.facts.labelled;
        let mut lines = TextLines::new(stream);
        let mut record = Record::default();
        let mut plan: Option<Box<Plan>> = None;
        while let Some(step) = lines.next(name)? {
            if step == Step::Record && lines.text().trim_ascii().is_empty() {
                continue;
            }
            let members = match step {
                Step::Record => json::members(lines.text().trim_ascii()),
                Step::TooLong | Step::End => Err("the line is longer than 1 MiB".to_owned()),
            };
            let members = match members {
                Ok(members) => members,
                Err(reason) => {
                    let bad = json_complaint(&lines, &reason);
                    self.refuse(lines.line(), *bad);
                    continue;
                }
            };
            let plan = if let Some(plan) = &plan {
                plan
            } else {
                let header = json_header(&members, lines.stream().ahead());
                plan.insert(self.json_plan(header, name, lines.line())?)
            };
            if let Some(late) = late_member(plan, &members) {
                let reason = format!("there is a member `{late}`, which the first objects lack");
                let hint = "put it into every object, or at least into the first";
                self.refuse(lines.line(), *Bad::whole(lines.text().trim_ascii(), &reason, hint));
                continue;
            }
            // An object may lack what is none in it, and have more; both are by name.
            record.clear();
            for column in &plan.columns {
                let value = members.iter().find(|(name, _)| name == column);
                record.push(value.map_or(&[], |(_, value)| value.as_slice()));
            }
            self.record(plan, &record, lines.line())?;
            self.report_at_times(lines.stream());
        }
        // Columns of labels are looked for in any case; whether there are any, the rows say.
        self.summary.has_labels = self.facts.labelled > labelled_before;
        self.finish_text(lines.stream());
        Ok(())
    }

    fn json_plan(
        &mut self,
        mut header: Vec<String>,
        name: &str,
        line: u64,
    ) -> Result<Box<Plan>, IngestError> {
        // The first object may lack members that later ones have: those that Shroff's own layout
        // may have are looked for in any case.
        let own = layout::find("shroff").expect("it is known");
        if self.options.map.is_none() && own.columns.iter().all(|c| header.iter().any(|h| h == c)) {
            for &column in own.optional {
                if column != "currency" && column != "id" && !header.iter().any(|h| h == column) {
                    header.push(column.to_owned());
                }
            }
        }
        match self.recognise(&header, name, line)? {
            Recognised::Payments(plan) => Ok(plan),
            Recognised::Accounts { .. } => {
                let error = IngestError::new(name, "accounts are read from CSV alone");
                Err(error.hint("give nodes.csv as it is"))
            }
        }
    }

    /// Each block of an AMLworld patterns file is an attempt; its lines are payments.
    fn patterns(&mut self, stream: Stream, name: &str) -> Result<(), IngestError> {
        self.summary.form = form("patterns", stream.packing());
        let recognised = layout::by_name("amlworld", &layout::amlworld_header(), name)?;
        let Recognised::Payments(mut plan) = recognised else {
            unreachable!("transactions are payments");
        };
        self.settle(&mut plan, name)?;
        let mut lines = TextLines::new(stream);
        let mut record = Record::default();
        let mut attempt: Option<Symbol> = None;
        while let Some(step) = lines.next(name)? {
            let text = match step {
                Step::Record => std::str::from_utf8(lines.text()).unwrap_or("\u{fffd}"),
                Step::TooLong | Step::End => "(a line longer than 1 MiB)",
            };
            match patterns::classify(text) {
                patterns::Line::Begin(typology) => {
                    self.attempts += 1;
                    let title = format!("{}:{typology}", self.attempts);
                    attempt = Some(Symbol(self.desk.symbols.intern(&title)));
                }
                patterns::Line::End => attempt = None,
                patterns::Line::Blank => {}
                patterns::Line::Payment => {
                    record.clear();
                    text.trim_end().split(',').for_each(|field| record.push(field.as_bytes()));
                    self.pattern_row(&plan, &record, (&lines, attempt))?;
                }
            }
            self.report_at_times(lines.stream());
        }
        if attempt.is_some() {
            self.summary
                .notes
                .push("the last attempt has no end: the file looks cut off".to_owned());
        }
        self.finish_text(lines.stream());
        Ok(())
    }

    fn pattern_row(
        &mut self,
        plan: &Plan,
        record: &Record,
        (lines, attempt): (&TextLines, Option<Symbol>),
    ) -> Result<(), IngestError> {
        let (fields, width) = (record.len(), plan.columns.len());
        let bad = if fields != width {
            let few = if fields < width { "few" } else { "many" };
            let cut = lines.is_unterminated() && fields < width;
            let reason = if cut {
                "the last record looks cut off".to_owned()
            } else {
                format!("the record has too {few} fields: {fields}, not {width}")
            };
            let hint = "the columns are those of AMLworld's transactions";
            Bad::whole(lines.text().trim_ascii(), &reason, hint)
        } else if attempt.is_none() {
            let reason = "the payment stands in no attempt";
            Bad::whole(lines.text().trim_ascii(), reason, "is a BEGIN line missing?")
        } else if let (Some(marks), Some(attempt)) = (&mut self.marks, attempt) {
            marks.entry(row_key(record)).or_default().push_back(attempt);
            self.summary.records += 1;
            *self.summary.left_out.entry(MARKS.to_owned()).or_default() += 1;
            return Ok(());
        } else {
            self.attempt = attempt;
            let done = self.record(plan, record, lines.line());
            self.attempt = None;
            return done;
        };
        self.refuse(lines.line(), *bad);
        Ok(())
    }

    fn table(&mut self, table: Table, name: &str) -> Result<(), IngestError> {
        let plan = match self.recognise(&table.header, name, 1)? {
            Recognised::Payments(mut plan) => {
                // A moment or a date by its type needs no word on how it is written.
                if plan.time.columns.iter().all(|&column| table.moments[column]) {
                    plan.time.form = TimeForm::Rfc3339;
                }
                plan
            }
            Recognised::Accounts { .. } => {
                let error = IngestError::new(name, "accounts are read from CSV alone");
                return Err(error.hint("give nodes.csv as it is"));
            }
        };
        let used: Vec<usize> = plan.used().collect();
        let mut rows = table.rows(&used, name)?;
        let mut row = 0;
        loop {
            let more = rows.next_batch(name, &mut |record| {
                row += 1;
                self.record(&plan, record, row)
            });
            self.report(rows.bytes());
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // What was read before is kept, as with a packed text that is cut off.
                Err(error) if row > 0 && error.cause.is_none() => {
                    let reason = &error.reason;
                    self.summary.notes.push(format!("after row {row} {reason}"));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn finish_text(&mut self, stream: &Stream) {
        self.report(stream.raw_bytes());
        if let Some(cut) = stream.cut() {
            self.summary.notes.push(cut.to_owned());
        }
    }

    fn report_at_times(&mut self, stream: &Stream) {
        if self.summary.records.is_multiple_of(PROGRESS_RECORDS) {
            self.report(stream.raw_bytes());
        }
    }

    fn name_row(&mut self, row: u64) {
        self.row_id.clear();
        if self.many {
            self.row_id.push_str(&self.summary.name);
            self.row_id.push(':');
        }
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = row;
        while rest > 0 {
            at -= 1;
            digits[at] = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        self.row_id.extend(digits[at..].iter().map(|&digit| char::from(digit)));
    }

    fn refuse(&mut self, line: u64, bad: Bad) {
        self.summary.records += 1;
        self.summary.rejected += 1;
        let Bad { column, value, reason, hint } = bad;
        let source = self.summary.name.clone();
        (self.hooks.refused)(Rejected { source, line, column, value, reason, hint });
    }

    fn report(&mut self, bytes: u64) {
        let records = self.summary.records;
        (self.hooks.progress)(Progress { source: &self.summary.name, bytes, records });
    }
}

/// The source at any place: itself, or a copy of what a pipe gave.
pub(crate) fn at_any_place(
    source: &dyn Source,
    mut stream: Stream,
    spill: &mut dyn Spill,
) -> Result<Box<dyn ReadSeek>, IngestError> {
    let name = source.name();
    if stream.packing() == Packing::Plain
        && let Some(file) =
            source.seekable().map_err(|error| IngestError::io(name, "opening", error))?
    {
        return Ok(file);
    }
    let failed = |error| IngestError::io(name, "making a temporary file", error);
    let mut copy = spill.create().map_err(failed)?;
    stream.copy_to(&mut copy, name)?;
    Ok(Box::new(Spooled(copy)))
}

/// A temporary file that is only read from now on.
struct Spooled(Box<dyn crate::ReadWriteSeek>);

impl io::Read for Spooled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl io::Seek for Spooled {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Skips to behind the next line end; 1 if there was one, for the line number.
fn skip_one_line(stream: &mut Stream, name: &str) -> Result<u64, IngestError> {
    loop {
        if let Some(end) = memchr::memchr(b'\n', stream.ahead()) {
            stream.consume(end + 1);
            return Ok(1);
        }
        stream.consume(stream.ahead().len());
        if !stream.fill(name)? {
            return Ok(0);
        }
    }
}

/// The names of the first object's members, and of those behind it that can be seen.
fn json_header(first: &[(String, Vec<u8>)], ahead: &[u8]) -> Vec<String> {
    let mut header: Vec<String> = first.iter().map(|(name, _)| name.clone()).collect();
    let whole = ahead.iter().rposition(|&b| b == b'\n').map_or(&[][..], |end| &ahead[..end]);
    for line in whole.split(|&b| b == b'\n').take(1_000) {
        for (name, _) in json::members(line).unwrap_or_default() {
            if header.len() < 1_000 && !header.contains(&name) {
                header.push(name);
            }
        }
    }
    header
}

/// A member that would say what a payment is, and that came too late to be read.
fn late_member(plan: &Plan, members: &[(String, Vec<u8>)]) -> Option<&'static str> {
    let late = |name: &&str| {
        plan.layout == "shroff"
            && !plan.columns.iter().any(|column| column == name)
            && members.iter().any(|(member, _)| member == name)
    };
    ["currency", "id"].into_iter().find(late)
}

#[expect(clippy::unnecessary_box_returns, reason = "as all refusals are")]
fn json_complaint(lines: &TextLines, reason: &str) -> Box<Bad> {
    if lines.is_unterminated() && reason.starts_with("EOF") {
        let hint = "the file may not have been written or copied to its end";
        return Bad::whole(lines.text().trim_ascii(), "the last record looks cut off", hint);
    }
    let reason = format!("the line is not a JSON object: {reason}");
    Bad::whole(lines.text().trim_ascii(), &reason, "each line must be one whole object")
}

/// Why the rows of a pattern file are no payments of their own.
const MARKS: &str = "marks an attempt among the transactions given beside it";

/// A row as a key: its fields as they are written.
fn row_key(record: &Record) -> Vec<u8> {
    record.iter().map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b',')
}

#[expect(clippy::unnecessary_box_returns, reason = "as all refusals are")]
fn unclosed(raw: &[u8]) -> Box<Bad> {
    Bad::whole(
        raw.trim_ascii(),
        "a quote is opened and not closed",
        "double a quote inside a field",
    )
}

/// Whether a record over several lines is the work of a quote that is not closed: its fields are
/// too few or too many, one that is read has a line end, or the stream ends within it.
fn swallows(lines: &Lines, used: &[usize], width: usize) -> bool {
    let record = lines.record();
    record.len() != width
        || used.iter().any(|&column| record.field(column).contains(&b'\n'))
        || (lines.is_unterminated() && !lines.raw().ends_with(b"\""))
}

fn header_of(record: &Record) -> Vec<String> {
    record.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect()
}

/// The delimiter of a first line such as `sep=;`, which spreadsheets write.
fn delimiter_named(head: &[u8]) -> Option<u8> {
    match head {
        [b's', b'e', b'p', b'=', delimiter @ (b',' | b';' | b'\t' | b'|'), b'\r' | b'\n', ..] => {
            Some(*delimiter)
        }
        _ => None,
    }
}

/// The delimiter that stands most often in the first line, outside quotes.
pub(crate) fn delimiter_of(head: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    let blank = head.iter().take_while(|&&b| b == b'\n' || b == b'\r').count();
    for &byte in &head[blank..] {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += usize::from(*delimiter == byte);
                }
            }
            _ => {}
        }
    }
    // Of equals the first.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |&(delimiter, _)| delimiter)
}

fn form(kind: &str, packing: Packing) -> String {
    match packing {
        Packing::Plain => kind.to_owned(),
        Packing::Gzip => format!("{kind}, gzip"),
        Packing::Zstd => format!("{kind}, zstd"),
    }
}
