//! The tables of a backtest as Parquet. The book's page on files has every column.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use anyhow::anyhow;
use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Schema};
use shroff_types::{AccountId, Set, Timestamp};

use super::bootstrap::Interval;
use super::difference::{Changed, Passing};
use super::figures::{Figures, Intervals, RuleAt};
use super::parts::NAMES;
use super::slices;
use super::{Outcome, Told};
use crate::outputs;
use crate::progress::Bar;
use crate::tokens::Namer;

/// Columns of a table, each by its name and where it is read.
type Columns<'a, T, V> = &'a [(&'a str, fn(&T) -> V)];

/// A table while it is made, column by column.
#[derive(Default)]
pub(crate) struct Sheet {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Sheet {
    fn add(&mut self, name: &str, is_nullable: bool, column: ArrayRef) {
        self.fields.push(Field::new(name, column.data_type().clone(), is_nullable));
        self.columns.push(column);
    }

    pub(crate) fn text<T: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = T>) {
        self.add(name, false, Arc::new(StringArray::from_iter_values(values)));
    }

    fn some_text<T: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = Option<T>>) {
        let array: StringArray = values.collect();
        self.add(name, true, Arc::new(array));
    }

    pub(crate) fn count(&mut self, name: &str, values: impl Iterator<Item = u64>) {
        self.add(name, false, Arc::new(UInt64Array::from_iter_values(values)));
    }

    pub(crate) fn real(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        let array: Float64Array = values.map(|value| value.filter(|v| v.is_finite())).collect();
        self.add(name, true, Arc::new(array));
    }

    fn flag(&mut self, name: &str, values: impl Iterator<Item = Option<bool>>) {
        let array: BooleanArray = values.collect();
        self.add(name, true, Arc::new(array));
    }

    fn time(&mut self, name: &str, values: impl Iterator<Item = Option<Timestamp>>) {
        let array: TimestampMicrosecondArray = values.map(|time| time.map(|t| t.0)).collect();
        self.add(name, true, Arc::new(array.with_timezone("UTC")));
    }

    fn amount(
        &mut self,
        name: &str,
        exponent: u8,
        values: impl Iterator<Item = i128>,
    ) -> anyhow::Result<()> {
        let array: Decimal128Array = values.map(Some).collect();
        let array = array.with_precision_and_scale(38, i8::try_from(exponent)?)?;
        self.add(name, false, Arc::new(array));
        Ok(())
    }

    fn texts<T: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = impl IntoIterator<Item = T>>,
    ) {
        let mut list = ListBuilder::new(StringBuilder::new());
        for texts in values {
            for text in texts {
                list.values().append_value(text);
            }
            list.append(true);
        }
        self.add(name, false, Arc::new(list.finish()));
    }

    fn interval<'a>(
        &mut self,
        name: &str,
        rows: &[&'a Figures],
        of: impl Fn(&'a Intervals) -> Option<Interval>,
    ) {
        let found: Vec<Option<Interval>> = rows.iter().map(|row| of(&row.intervals)).collect();
        self.real(&format!("{name}_low"), found.iter().map(|i| i.map(|i| i.low)));
        self.real(&format!("{name}_high"), found.iter().map(|i| i.map(|i| i.high)));
    }

    fn batch(self) -> anyhow::Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns)?)
    }

    /// Writes the table as a file.
    pub(crate) fn write(self, path: &Path) -> anyhow::Result<()> {
        let batch = self.batch()?;
        outputs::write_batches(path, &batch.schema(), |writer| Ok(writer.write(&batch)?))
    }
}

/// Writes all of them.
pub(crate) fn write(out: &Path, told: &Told<'_>, namer: &Namer<'_>) -> anyhow::Result<()> {
    rules(told)?.write(&out.join("rules.parquet"))?;
    recall(told).write(&out.join("recall.parquet"))?;
    attempts(told)?.write(&out.join("attempts.parquet"))?;
    days(told).write(&out.join("days.parquet"))?;
    overlap(told).write(&out.join("overlap.parquet"))?;
    curve(told)?.write(&out.join("curve.parquet"))?;
    samples(told)?.write(&out.join("samples.parquet"))?;
    let known = out.join("difference.parquet");
    match (&told.difference, told.other) {
        (Some(difference), Some(other)) => {
            changes(told, other, &difference.changed)?.write(&known)?;
        }
        _ => outputs::remove_if_there(&known)?,
    }
    let ids = alert_ids(told.outcome);
    let accounts = 0..told.opened.book.facts.accounts;
    let accounts: Vec<String> = accounts.map(|account| namer.name(AccountId(account))).collect();
    // The two large ones side by side.
    std::thread::scope(|scope| {
        let alerts = scope.spawn(|| -> anyhow::Result<()> {
            alerts(told, &ids, &accounts)?.write(&out.join("alerts.parquet"))
        });
        let verdicts = verdicts(out, told, (&ids, &accounts));
        alerts.join().map_err(|_| anyhow!("writing the alerts failed"))?.and(verdicts)
    })
}

/// The names of the rules of a table, all together at the end.
pub(crate) fn rule_names(outcome: &Outcome) -> Vec<&str> {
    let ids = outcome.version.typologies.iter().map(|typology| typology.id.as_str());
    ids.chain(["all"]).collect()
}

/// A part of a whole, where there is a whole.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| super::figures::float(part) / super::figures::float(whole))
}

fn rules(told: &Told<'_>) -> anyhow::Result<Sheet> {
    let names = rule_names(told.outcome);
    let exponent = told.opened.book.facts.exponent;
    let mut sheet = Sheet::default();
    let figures = &told.outcome.table.figures;
    let rows: Vec<&Figures> = figures.iter().flatten().collect();
    let per_part = |at: usize| (NAMES[at / names.len()], names[at % names.len()]);
    sheet.text("part", (0..rows.len()).map(|at| per_part(at).0));
    sheet.text("rule", (0..rows.len()).map(|at| per_part(at).1));
    sheet.real("days", rows.iter().map(|row| Some(row.days)));
    let counts: Columns<'_, Figures, u64> = &[
        ("payments", |row| row.payments),
        ("labelled", |row| row.labelled),
        ("fired", |row| row.fired),
        ("alerts", |row| row.alerts),
        ("right_alerts", |row| row.right_alerts),
        ("payments_touched", |row| row.touched),
        ("payments_caught", |row| row.caught),
        ("accounts_touched", |row| row.accounts),
        ("innocent_accounts", |row| row.innocent_accounts),
        ("innocent_accounts_again", |row| row.innocent_again),
        ("innocent_accounts_held", |row| row.innocent_held),
        ("attempts", |row| row.attempts),
        ("attempts_touched", |row| row.attempts_touched),
        ("attempts_half", |row| row.attempts_half),
        ("only_payments", |row| row.only_payments),
        ("only_payments_caught", |row| row.only_caught),
        ("only_alerts", |row| row.only_alerts),
        ("only_attempts", |row| row.only_attempts),
        ("attempts_timed", |row| row.delays_micros.len() as u64),
        ("innocent_payments_touched", |row| row.touched - row.caught),
    ];
    for (name, of) in counts {
        sheet.count(name, rows.iter().map(|row| of(row)));
    }
    sheet.amount("value", exponent, rows.iter().map(|row| row.value_minor))?;
    sheet.amount("value_caught", exponent, rows.iter().map(|row| row.value_caught_minor))?;
    sheet.amount("only_value_caught", exponent, rows.iter().map(|row| row.only_value_minor))?;
    let shares: Columns<'_, Figures, Option<f64>> = &[
        ("alerts_per_day", |row| Some(row.alerts_per_day())),
        ("alert_precision", |row| share(row.right_alerts, row.alerts)),
        ("payment_precision", |row| share(row.caught, row.touched)),
        ("recall", |row| share(row.caught, row.labelled)),
        ("attempts_touched_share", |row| share(row.attempts_touched, row.attempts)),
        ("attempts_half_share", |row| share(row.attempts_half, row.attempts)),
    ];
    for (name, of) in shares {
        sheet.real(name, rows.iter().map(|row| of(row)));
    }
    let value = |row: &&Figures| {
        super::figures::real(row.value_caught_minor) / super::figures::real(row.value_minor)
    };
    sheet.real("value_share", rows.iter().map(value).map(Some));
    let intervals: Columns<'_, Intervals, Option<Interval>> = &[
        ("alerts_per_day", |all| all.alerts_per_day),
        ("alert_precision", |all| all.alert_precision),
        ("payment_precision", |all| all.payment_precision),
        ("recall", |all| all.recall),
        ("attempts_touched_share", |all| all.attempts_touched),
        ("attempts_half_share", |all| all.attempts_half),
        ("value_share", |all| all.value),
    ];
    for (name, of) in intervals {
        sheet.interval(name, &rows, of);
    }
    for (name, share) in [("delay_median_seconds", 0.5), ("delay_most_seconds", 0.9)] {
        sheet.real(name, rows.iter().map(|row| row.delay(share).map(seconds)));
    }
    Ok(sheet)
}

/// Microseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "spans are below 2^53 microseconds")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}

/// What a rule has of the attempts of one labelled typology.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Recall {
    pub(crate) part: usize,
    pub(crate) rule: RuleAt,
    pub(crate) typology: String,
    pub(crate) attempts: u64,
    pub(crate) touched: u64,
    pub(crate) half: u64,
    pub(crate) payments: u64,
    pub(crate) caught: u64,
}

/// Recall by labelled typology, by part and rule.
pub(crate) fn by_typology(told: &Told<'_>) -> Vec<Recall> {
    let table = &told.outcome.table;
    let mut rows: std::collections::BTreeMap<(usize, String, RuleAt), Recall> =
        std::collections::BTreeMap::new();
    for attempt in &table.attempts {
        let typology = attempt.typology(&told.opened.book);
        for part in std::iter::once(0).chain(attempt.part) {
            for rule in 0..=table.rules {
                let row = rows.entry((part, typology.to_owned(), rule)).or_default();
                (row.part, row.rule) = (part, rule);
                typology.clone_into(&mut row.typology);
                row.attempts += 1;
                row.touched += u64::from(attempt.is_touched(rule));
                row.half += u64::from(attempt.is_half(rule));
                row.payments += u64::from(attempt.payments);
                row.caught += u64::from(attempt.by_rule[rule].payments);
            }
        }
    }
    rows.into_values().collect()
}

fn recall(told: &Told<'_>) -> Sheet {
    let names = rule_names(told.outcome);
    let rows = by_typology(told);
    let mut sheet = Sheet::default();
    sheet.text("part", rows.iter().map(|row| NAMES[row.part]));
    sheet.text("rule", rows.iter().map(|row| names[row.rule]));
    sheet.text("labelled_typology", rows.iter().map(|row| &row.typology));
    sheet.count("attempts", rows.iter().map(|row| row.attempts));
    sheet.count("attempts_touched", rows.iter().map(|row| row.touched));
    sheet.count("attempts_half", rows.iter().map(|row| row.half));
    sheet.count("payments", rows.iter().map(|row| row.payments));
    sheet.count("payments_caught", rows.iter().map(|row| row.caught));
    sheet
}

fn attempts(told: &Told<'_>) -> anyhow::Result<Sheet> {
    let (book, table) = (&told.opened.book, &told.outcome.table);
    let horizon = told.outcome.version.kept.definitions.horizon;
    let names = rule_names(told.outcome);
    let width = names.len();
    let rows: Vec<_> = table
        .attempts
        .iter()
        .flat_map(|attempt| (0..width).map(move |rule| (attempt, rule)))
        .collect();
    let found = |row: &(&super::figures::Attempt, RuleAt)| row.0.by_rule[row.1];
    let exponent = book.facts.exponent;
    let mut sheet = Sheet::default();
    sheet.text("attempt", rows.iter().map(|row| book.symbols.text(row.0.name)));
    sheet.text("labelled_typology", rows.iter().map(|row| row.0.typology(book)));
    sheet.some_text("part", rows.iter().map(|row| row.0.part.map(|part| NAMES[part])));
    sheet.text("rule", rows.iter().map(|row| names[row.1]));
    sheet.count("payments", rows.iter().map(|row| row.0.payments.into()));
    sheet.count("payments_caught", rows.iter().map(|row| found(row).payments.into()));
    sheet.amount("value", exponent, rows.iter().map(|row| row.0.value_minor))?;
    sheet.amount("value_caught", exponent, rows.iter().map(|row| found(row).value_minor))?;
    sheet.time("first_time", rows.iter().map(|row| Some(book.time(row.0.first))));
    sheet.time("last_time", rows.iter().map(|row| Some(book.time(row.0.last))));
    let detected = |row: &(&super::figures::Attempt, RuleAt)| {
        found(row).fired_at.map(|at| book.time(at).after(horizon))
    };
    sheet.time("detected_time", rows.iter().map(detected));
    let delay = |row: &(&super::figures::Attempt, RuleAt)| {
        Some(seconds(detected(row)?.micros_since(book.time(row.0.first))))
    };
    sheet.real("delay_seconds", rows.iter().map(delay));
    Ok(sheet)
}

fn days(told: &Told<'_>) -> Sheet {
    let names = rule_names(told.outcome);
    let days = &told.outcome.table.days;
    let rows: Vec<_> = days
        .iter()
        .flat_map(|(day, payments, rules)| {
            rules.iter().enumerate().map(move |(rule, counted)| (*day, *payments, rule, counted))
        })
        .collect();
    let mut sheet = Sheet::default();
    let begin = |row: &(i64, u64, usize, &super::figures::Day)| {
        Some(Timestamp(row.0 * shroff_types::Span::DAY.micros()))
    };
    sheet.time("day", rows.iter().map(begin));
    sheet.text("rule", rows.iter().map(|row| names[row.2]));
    sheet.count("payments", rows.iter().map(|row| row.1));
    sheet.count("alerts", rows.iter().map(|row| row.3.alerts));
    sheet.count("right_alerts", rows.iter().map(|row| row.3.right));
    sheet.count("payments_touched", rows.iter().map(|row| row.3.touched));
    sheet.count("payments_caught", rows.iter().map(|row| row.3.caught));
    sheet
}

fn overlap(told: &Told<'_>) -> Sheet {
    let table = &told.outcome.table;
    let names = rule_names(told.outcome);
    let pairs: Vec<(usize, usize)> = (0..table.rules)
        .flat_map(|one| (0..table.rules).map(move |other| (one, other)))
        .filter(|(one, other)| one != other)
        .collect();
    let mut sheet = Sheet::default();
    sheet.text("rule", pairs.iter().map(|pair| names[pair.0]));
    sheet.text("other", pairs.iter().map(|pair| names[pair.1]));
    let both = |at: usize| pairs.iter().map(move |pair| table.overlap[pair.0][pair.1][at]);
    sheet.count("payments_in_both", both(0));
    sheet.count("alerts_of_both", both(1));
    sheet.count("payments_caught_by_both", both(2));
    sheet
}

fn curve(told: &Told<'_>) -> anyhow::Result<Sheet> {
    let rows = &told.curve;
    let mut sheet = Sheet::default();
    sheet.count("alerts", rows.iter().map(|row| row.alerts));
    sheet.real("alerts_per_day", rows.iter().map(|row| Some(row.alerts_per_day)));
    sheet.real("weakest_score", rows.iter().map(|row| Some(thousandths(row.score_permille))));
    sheet.count("right_alerts", rows.iter().map(|row| row.right_alerts));
    sheet.count("attempts_touched", rows.iter().map(|row| row.attempts_touched));
    sheet.count("attempts_half", rows.iter().map(|row| row.attempts_half));
    sheet.count("payments_caught", rows.iter().map(|row| row.caught));
    let value = rows.iter().map(|row| row.value_caught_minor);
    sheet.amount("value_caught", told.opened.book.facts.exponent, value)?;
    Ok(sheet)
}

fn thousandths(permille: u16) -> f64 {
    f64::from(permille) / 1_000.0
}

fn samples(told: &Told<'_>) -> anyhow::Result<Sheet> {
    let (book, rows) = (&told.opened.book, &told.samples);
    let typologies = &told.outcome.version.typologies;
    let mut sheet = Sheet::default();
    sheet.text("rule", rows.iter().map(|row| &typologies[row.typology].id));
    sheet.text("side", rows.iter().map(|row| if row.is_above { "above" } else { "below" }));
    sheet.text("id", rows.iter().map(|row| book.id(row.place)));
    sheet.time("time", rows.iter().map(|row| Some(book.time(row.place))));
    let exponent = book.facts.exponent;
    sheet.amount("amount", exponent, rows.iter().map(|row| book.minor(row.place)))?;
    sheet.text("parameter", rows.iter().map(|row| &row.parameter));
    sheet.real("set_to", rows.iter().map(|row| Some(row.value)));
    sheet.real("score", rows.iter().map(|row| Some(thousandths(row.score_permille))));
    sheet.flag("label", rows.iter().map(|row| label(told, row.place)));
    sheet.text("sentence", rows.iter().map(|row| &row.sentence));
    Ok(sheet)
}

/// The label of a payment, where the history has labels.
fn label(told: &Told<'_>, place: u32) -> Option<bool> {
    let book = &told.opened.book;
    book.facts.has_labels.then(|| book.is_labelled(place))
}

/// The ids of the alerts, as a scan gives them.
fn alert_ids(outcome: &Outcome) -> Vec<String> {
    let id = |draft: &shroff_engine::Draft| {
        let opener = &outcome.version.typologies[draft.opened.0];
        shroff_engine::AlertId(&opener.id, draft.opened).to_string()
    };
    outcome.replayed.drafts.iter().map(id).collect()
}

fn alerts(told: &Told<'_>, ids: &[String], accounts: &[String]) -> anyhow::Result<Sheet> {
    let (book, outcome) = (&told.opened.book, told.outcome);
    let names = rule_names(outcome);
    let mut order: Vec<usize> = (0..ids.len()).collect();
    let drafts = &outcome.replayed.drafts;
    // As a scan lists them: the strongest first.
    order.sort_by_key(|&at| {
        (std::cmp::Reverse(drafts[at].score_permille), drafts[at].payments[0], &ids[at])
    });
    let rows: Vec<(usize, &shroff_engine::Draft)> =
        order.iter().map(|&at| (at, &drafts[at])).collect();
    let of = |at: usize| &outcome.table.alerts[at];
    let mut sheet = Sheet::default();
    sheet.text("id", rows.iter().map(|row| &ids[row.0]));
    sheet.text("typology", rows.iter().map(|row| names[row.1.typology]));
    sheet.real("score", rows.iter().map(|row| Some(thousandths(row.1.score_permille))));
    sheet.text("action", rows.iter().map(|row| row.1.action.name()));
    sheet.some_text("part", rows.iter().map(|row| part_name(of(row.0).part)));
    sheet.flag("right", rows.iter().map(|row| book.facts.has_labels.then(|| of(row.0).is_right)));
    sheet.time("raised_time", rows.iter().map(|row| Some(book.time(row.1.raised_at.0))));
    sheet.text("raised_by", rows.iter().map(|row| book.id(row.1.raised_at.0)));
    let own = |row: &(usize, &shroff_engine::Draft)| -> Vec<u32> {
        row.1.payments.iter().map(|place| place.0).collect()
    };
    let sum = |row| own(row).iter().map(|&place| book.minor(place)).sum();
    sheet.amount("amount", book.facts.exponent, rows.iter().map(sum))?;
    sheet.texts(
        "rules",
        rows.iter().map(|row| {
            let mask = of(row.0).mask;
            rules_in(mask, &names)
        }),
    );
    let ends_of = |row| {
        let mut known: Set<u32> = Set::default();
        let ends = own(row).into_iter().flat_map(|place| book.ends(place));
        let seen = ends.filter(|&account| known.insert(account));
        seen.map(|account| accounts[account as usize].as_str()).collect::<Vec<&str>>()
    };
    sheet.texts("accounts", rows.iter().map(ends_of));
    sheet
        .texts("payments", rows.iter().map(|row| own(row).into_iter().map(|place| book.id(place))));
    Ok(sheet)
}

/// The rules of a mask, by name.
fn rules_in<'a>(mask: u64, names: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let rules = names.iter().enumerate().take(names.len() - 1);
    rules.filter(move |(rule, _)| mask >> rule & 1 == 1).map(|(_, name)| *name)
}

fn part_name(part: u8) -> Option<&'static str> {
    (part > 0).then(|| NAMES[usize::from(part)])
}

fn changes(told: &Told<'_>, other: &Outcome, rows: &[Changed]) -> anyhow::Result<Sheet> {
    let book = &told.opened.book;
    let (new, old) = (Passing::new(told.outcome), Passing::new(other));
    let mut sheet = Sheet::default();
    sheet.text("id", rows.iter().map(|row| book.id(row.place)));
    sheet.time("time", rows.iter().map(|row| Some(book.time(row.place))));
    let exponent = book.facts.exponent;
    sheet.amount("amount", exponent, rows.iter().map(|row| book.minor(row.place)))?;
    sheet.flag("label", rows.iter().map(|row| label(told, row.place)));
    let attempt = |row: &Changed| book.attempt(row.place).map(|name| book.symbols.text(name));
    sheet.some_text("attempt", rows.iter().map(attempt));
    sheet.text("change", rows.iter().map(Changed::change));
    sheet.texts("fired_before", rows.iter().map(|row| old.ids(&row.before)));
    sheet.texts("fired_after", rows.iter().map(|row| new.ids(&row.after)));
    let score = |permille: u16| Some(thousandths(permille));
    sheet.real("score_before", rows.iter().map(|row| score(row.before.score_permille)));
    sheet.real("score_after", rows.iter().map(|row| score(row.after.score_permille)));
    sheet.flag("alerted_before", rows.iter().map(|row| Some(row.before.is_alerted)));
    sheet.flag("alerted_after", rows.iter().map(|row| Some(row.after.is_alerted)));
    Ok(sheet)
}

/// A verdict for each payment, slice by slice.
fn verdicts(
    out: &Path,
    told: &Told<'_>,
    (ids, accounts): (&[String], &[String]),
) -> anyhow::Result<()> {
    let book = &told.opened.book;
    let path = out.join("verdicts.parquet");
    let mut passing = Passing::new(told.outcome);
    let mut bar = Bar::of_payments("verdicts", book.len().into());
    let mut slice = |number: usize| -> anyhow::Result<RecordBatch> {
        let places = slices::places(number, book.len())?;
        verdicts_of(told, places, &mut passing, (ids, accounts))?.batch()
    };
    let head = slice(0)?;
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let (send, receive) = sync_channel(1);
        // A slice is made while the one before is packed.
        scope.spawn(move || {
            for number in 1..slices::count(book.len()) {
                if send.send(slice(number)).is_err() {
                    // Who packs them gave up, and says why.
                    return;
                }
            }
        });
        outputs::write_batches(&path, &head.schema(), |writer| {
            writer.write(&head)?;
            let mut written = 0;
            for batch in receive {
                let batch = batch?;
                written += batch.num_rows() as u64;
                writer.write(&batch)?;
                bar.at(written);
            }
            Ok(())
        })
    })?;
    bar.done();
    Ok(())
}

fn verdicts_of(
    told: &Told<'_>,
    places: Range<u32>,
    passing: &mut Passing<'_>,
    (ids, accounts): (&[String], &[String]),
) -> anyhow::Result<Sheet> {
    let (book, outcome) = (&told.opened.book, told.outcome);
    let names = rule_names(outcome);
    let rows: Vec<_> = places.map(|place| (place, passing.next(place))).collect();
    let mut sheet = Sheet::default();
    sheet.text("id", rows.iter().map(|row| book.id(row.0)));
    sheet.time("time", rows.iter().map(|row| Some(book.time(row.0))));
    for (at, name) in ["debtor", "creditor"].into_iter().enumerate() {
        sheet.text(name, rows.iter().map(|row| &accounts[book.ends(row.0)[at] as usize]));
    }
    sheet.amount("amount", book.facts.exponent, rows.iter().map(|row| book.minor(row.0)))?;
    sheet.text("currency", rows.iter().map(|row| book.currency(row.0).code()));
    sheet.flag("label", rows.iter().map(|row| label(told, row.0)));
    let attempt = |place: u32| book.attempt(place).map(|name| book.symbols.text(name));
    sheet.some_text("attempt", rows.iter().map(|row| attempt(row.0)));
    let part = |place: u32| part_name(outcome.table.parts[place as usize]);
    sheet.some_text("part", rows.iter().map(|row| part(row.0)));
    sheet.texts("fired", rows.iter().map(|row| passing.ids(&row.1.0)));
    sheet.real("score", rows.iter().map(|row| Some(thousandths(row.1.0.score_permille))));
    let masks = rows.iter().map(|row| row.1.1.iter().fold(0, |mask, touch| mask | touch.mask));
    sheet.texts("touched", masks.map(|mask| rules_in(mask, &names)));
    let of_alerts = rows.iter().map(|row| row.1.1.iter());
    sheet.texts("alerts", of_alerts.map(|own| own.map(|touch| &ids[touch.alert as usize])));
    Ok(sheet)
}
