//! `shroff scan`: payments in, alerts and a report out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use shroff_detect::{RanOut, Typology};
use shroff_engine::{Counts, Draft, Engine, Outcome};
use shroff_types::{AccountId, Currency, Names, Timestamp};

use crate::cli::{Naming, Scan, Work};
use crate::evaluation::Evaluation;
use crate::ledger::{self, Read};
use crate::mutes::{Muted, Muting};
use crate::progress::Bar;
use crate::story::{self, Picture, Stories, Told};
use crate::threads::Threads;
use crate::tokens::Namer;
use crate::{Ending, outputs, report, rules, settings, terminal};

/// What a scan found, before it is written.
struct Found {
    typologies: Vec<Typology>,
    counts: Counts,
    ran_out: Vec<RanOut>,
    stories: Stories,
    notes: Vec<String>,
    muted: Vec<Muted>,
    seconds: BTreeMap<&'static str, f64>,
}

pub(crate) fn run(arguments: &Scan) -> anyhow::Result<Ending> {
    let typologies = arguments.ruling.typologies()?;
    let horizon = rules::span(arguments.horizon.as_deref().unwrap_or("0s"))?;
    let needed = shroff_detect::written(&rules::union(&typologies, horizon)?);
    let quarantine = arguments.out.join("quarantine.csv");
    let mut read = ledger::read_for(&arguments.reading, &quarantine, &needed)?;
    if arguments.reading.definitions.is_some() {
        read.definitions = rules::extended(&read.definitions, &typologies)?;
    }
    if !arguments.json {
        read.tell();
    }
    let ending = read.ending(&arguments.reading);
    let namer = Namer::new(&read.ledger.accounts, read.digests.secret, arguments.accounts);
    let muting = match &arguments.mutes {
        Some(file) => Muting::read(file, &typologies, (&read.ledger.accounts, &namer))?,
        None => Muting::default(),
    };
    let mut found = find(&read, typologies, (arguments, &muting))?;
    write(arguments, &read, &namer, &mut found)?;
    if arguments.json {
        let summary = summary(arguments, &read, &found);
        writeln!(std::io::stdout().lock(), "{summary:#}")?;
    } else {
        show(arguments, &read, &namer, &found)?;
    }
    Ok(ending)
}

fn find(
    read: &Read,
    typologies: Vec<Typology>,
    (arguments, muting): (&Scan, &Muting),
) -> anyhow::Result<Found> {
    let engine = Engine::new(&read.definitions, &typologies, read.money.exponent)?
        .on_clock(arguments.ruling.clock())
        .suggesting(&typologies, arguments.ruling.thresholds())
        .muting(muting.mutes());
    let mut notes = read.notes.clone();
    notes.extend(muting.notes.iter().cloned());
    for &idle in engine.idle() {
        notes.push(format!(
            "{} was not looked for: the definitions have no block that it speaks of",
            typologies[idle].title
        ));
    }
    let known_flags = engine.known_flags();
    let mut seconds = BTreeMap::from([("read", read.seconds)]);
    let outcome = detect(read, engine, &arguments.work, &mut seconds)?;
    let Outcome { drafts, counts, mutes, ran_out } = outcome;
    let mut drafts = drafts.finish();
    if let Some(budget) = arguments.budget {
        notes.extend(keep_strongest(&mut drafts, budget, read));
    }
    let muted = muting.told(&mutes);
    notes.extend(muted.iter().map(Muted::note));
    let cut_short = rules::CutShort {
        unknown: counts.saturated,
        known: counts.passed_over,
        columns: known_flags,
        horizon: read.definitions.horizon,
        searches: ran_out,
    };
    notes.extend(cut_short.notes());
    let begun = settings::now();
    let ids: Vec<String> = typologies.iter().map(|t| t.id.clone()).collect();
    let stories = Stories::gather(drafts, &ids, &read.ledger, &read.money)?;
    seconds.insert("gather", begun.elapsed().as_secs_f64());
    let ran_out = cut_short.searches;
    Ok(Found { typologies, counts, ran_out, stories, notes, muted, seconds })
}

/// Keeps what a budget of alerts a day for each 1,000 accounts allows; says what it left out.
fn keep_strongest(drafts: &mut Vec<Draft>, budget: f64, read: &Read) -> Option<String> {
    let facts = &read.ledger.facts;
    let (first, last) = (facts.first_time?, facts.last_time?);
    #[expect(clippy::cast_precision_loss, reason = "a span is below 2^53 microseconds")]
    let days = last.micros_since(first) as f64 / shroff_types::Span::DAY.micros() as f64;
    let before = drafts.len();
    keep_first(drafts, allowed(budget, days.max(1.0), read.ledger.accounts.len()));
    let left_out = before - drafts.len();
    (left_out > 0).then(|| {
        format!(
            "{} alerts are beyond the budget and left out: the weaker ones",
            terminal::grouped(left_out as u64)
        )
    })
}

/// How many alerts a budget of so many a day for each 1,000 accounts allows.
pub(crate) fn allowed(budget: f64, days: f64, accounts: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a count of accounts is below 2^53")]
    let most = (budget * days * accounts as f64 / 1_000.0).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of alerts; more than there are keeps them all"
    )]
    let most = most as usize;
    most
}

/// Keeps the strongest drafts, at most so many, in the order of their first payments.
pub(crate) fn keep_first(drafts: &mut Vec<Draft>, most: usize) {
    if drafts.len() > most {
        drafts.sort_by_key(|draft| (std::cmp::Reverse(draft.score_permille), draft.opened));
        drafts.truncate(most);
        drafts.sort_by_key(|draft| (draft.payments[0], draft.opened));
    }
}

fn detect(
    read: &Read,
    mut engine: Engine,
    work: &Work,
    seconds: &mut BTreeMap<&'static str, f64>,
) -> anyhow::Result<Outcome> {
    let payments = &read.ledger.payments;
    let symbols: &Names = &read.ledger.symbols;
    let mut bar = Bar::of_payments("detecting", payments.len());
    let workers = Threads::new(work.threads)?;
    let mut batch = Vec::new();
    let mut done = 0;
    for payment in payments.iter()? {
        batch.push(read.money.input(&payment?)?);
        if batch.len() == work.batch {
            engine.push_with(&workers, &batch, symbols);
            done += batch.len() as u64;
            bar.at(done);
            batch.clear();
        }
    }
    engine.push_with(&workers, &batch, symbols);
    let outcome = engine.finish(symbols);
    seconds.insert("detect", bar.done());
    Ok(outcome)
}

fn write(
    arguments: &Scan,
    read: &Read,
    namer: &Namer<'_>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let begun = settings::now();
    let out = &arguments.out;
    // Written last, so that a folder without it is of a run that did not end.
    outputs::remove_if_there(&out.join("run.json"))?;
    let tell = |alert| found.stories.tell(alert, namer, &read.money);
    outputs::write_file(&out.join("alerts.jsonl"), |file| {
        let mut alerts = found.stories.alerts.iter();
        alerts.try_for_each(|alert| outputs::write_json_line(file, &tell(alert)))
    })?;
    let schema = outputs::alerts_schema(read.money.exponent)?;
    outputs::write_batches(&out.join("alerts.parquet"), &schema, |writer| {
        for alerts in found.stories.alerts.chunks(1_024) {
            let told: Vec<Told<'_>> = alerts.iter().map(tell).collect();
            writer.write(&outputs::alerts_batch(&schema, &told)?)?;
        }
        Ok(())
    })?;
    let pictures =
        story::pictures(&found.stories, arguments.top, &read.ledger, namer, &read.money)?;
    let alerted = found.stories.alerts.iter().flat_map(|alert| &alert.accounts);
    let accounts: BTreeSet<AccountId> =
        alerted.chain(pictures.iter().flat_map(|picture| &picture.accounts)).copied().collect();
    let key = out.join("accounts.csv");
    match arguments.accounts {
        Naming::Tokens => write_key(&key, namer, &accounts)?,
        Naming::Plain => outputs::remove_if_there(&key)?,
    }
    let report = report_of(arguments, read, found, pictures);
    outputs::write_file(&out.join("report.html"), |file| report::render(&report, file))?;
    found.seconds.insert("write", begun.elapsed().as_secs_f64());
    let run = summary(arguments, read, found);
    outputs::write_file(&out.join("run.json"), |file| writeln!(file, "{run:#}"))
}

/// Which token is which account: of those in alerts, and of those drawn beside them.
fn write_key(path: &Path, namer: &Namer<'_>, accounts: &BTreeSet<AccountId>) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(outputs::create_private(path)?);
    writer.write_record(["token", "account"])?;
    for &account in accounts {
        writer.write_record([&namer.name(account), namer.plain(account)])?;
    }
    writer.flush()?;
    Ok(())
}

fn report_of(
    arguments: &Scan,
    read: &Read,
    found: &Found,
    pictures: Vec<Picture>,
) -> report::Report {
    let facts = &read.ledger.facts;
    let alerts = found.stories.alerts.iter().zip(pictures).map(|(alert, picture)| {
        let typology = position(&found.typologies, &alert.typology);
        report::ReportAlert {
            id: alert.id.clone(),
            typology,
            score_permille: alert.score_permille,
            first_time: alert.first_time,
            last_time: alert.last_time,
            amount_minor: alert.amount_minor,
            account_count: alert.accounts.len() as u64,
            reasons: alert.reasons.iter().map(|reason| reason.text.clone()).collect(),
            what: found.typologies[typology].why.clone(),
            innocent: found.typologies[typology].innocent.clone(),
            accounts: picture.lanes,
            payments: picture.payments,
            evidence_left_out: picture.evidence_left_out,
            context_left_out: picture.context_left_out,
        }
    });
    report::Report {
        title: "Payments that ask for a look".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inputs: read.ledger.inputs.iter().map(input_line).collect(),
        payments: read.ledger.payments.len(),
        accounts: read.ledger.accounts.len() as u64,
        first_time: facts.first_time,
        last_time: facts.last_time,
        base: read.money.base,
        notes: found.notes.clone(),
        typologies: typology_summaries(found),
        days: days(found),
        evaluation: found.stories.evaluation.as_ref().map(evaluation_for_report),
        total_alerts: found.stories.alerts.len() as u64,
        alerts: alerts.collect(),
        quarantine: quarantine(read, arguments.accounts),
    }
}

fn position(typologies: &[Typology], id: &str) -> usize {
    typologies.iter().position(|t| t.id == id).expect("an alert's typology is one of those asked")
}

fn input_line(input: &shroff_ingest::InputSummary) -> report::InputLine {
    report::InputLine {
        name: input.name.clone(),
        layout: input.layout.clone(),
        payments: input.payments,
        rejected: input.rejected,
        left_out: input.left_out_total(),
    }
}

fn typology_summaries(found: &Found) -> Vec<report::TypologySummary> {
    let alerts = &found.stories.alerts;
    let summary = |typology: &Typology| {
        let own = alerts.iter().filter(|alert| alert.typology == typology.id);
        report::TypologySummary {
            id: typology.id.clone(),
            title: typology.title.clone(),
            alerts: own.clone().count() as u64,
            payments: own.map(|alert| alert.payments.len() as u64).sum(),
            what: typology.what.clone(),
            innocent: typology.innocent.clone(),
        }
    };
    found.typologies.iter().map(summary).collect()
}

fn days(found: &Found) -> Vec<report::Day> {
    let mut raised: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for alert in &found.stories.alerts {
        let time = found.stories.witnesses.time(alert.raised_at);
        let day = raised.entry(story::day_of(time)).or_default();
        day.resize(found.typologies.len(), 0);
        day[position(&found.typologies, &alert.typology)] += 1;
    }
    let day = |(&number, &payments): (&i64, &u64)| report::Day {
        date: Timestamp(number * shroff_types::Span::DAY.micros()),
        payments,
        alerts: raised.get(&number).cloned().unwrap_or(vec![0; found.typologies.len()]),
    };
    found.stories.days.iter().map(day).collect()
}

fn quarantine(read: &Read, naming: Naming) -> report::Quarantine {
    let mut reasons: Vec<report::QuarantineReason> = read
        .refused
        .reasons
        .iter()
        .map(|(reason, (count, examples))| report::QuarantineReason {
            reason: reason.clone(),
            count: *count,
            examples: examples
                .iter()
                .map(|e| {
                    let place = format!("{}, line {}, {}", e.source, e.line, e.column);
                    // A value may be an account's number, or a whole line with one in it.
                    let value = match naming {
                        Naming::Plain => e.value.clone(),
                        Naming::Tokens => "in quarantine.csv".to_owned(),
                    };
                    (place, value)
                })
                .collect(),
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    report::Quarantine { total: read.refused.total, reasons }
}

fn evaluation_for_report(evaluation: &Evaluation) -> report::Evaluation {
    let share =
        |share: &crate::evaluation::Share| report::Share { part: share.part, whole: share.whole };
    let figure = |(label, value, explanation): (&str, String, String)| report::Figure {
        label: label.to_owned(),
        value,
        explanation,
    };
    let attempts = evaluation.by_typology.iter().map(|(name, found)| {
        (name.clone(), vec![share(&found.touched), share(&found.half), share(&found.payments)])
    });
    let alerts = evaluation.by_alert.iter().map(|(name, right)| (name.clone(), vec![share(right)]));
    let mut tables = vec![report::ShareTable {
        title: "Precision by typology of the alert".to_owned(),
        rows_are: "Typology".to_owned(),
        columns: vec!["Alerts with a label".to_owned()],
        rows: alerts.collect(),
    }];
    if !evaluation.by_typology.is_empty() {
        tables.push(report::ShareTable {
            title: "Recall by typology of the label".to_owned(),
            rows_are: "Labelled typology".to_owned(),
            columns: ["Attempts touched", "Attempts half found", "Payments found"]
                .map(str::to_owned)
                .to_vec(),
            rows: attempts.collect(),
        });
    }
    report::Evaluation {
        about: format!(
            "The input labels {}. Labels are read for this alone: no feature and no rule sees them.",
            match evaluation.labels_on {
                "accounts" =>
                    "accounts; a payment counts as labelled where both of its accounts are",
                on => on,
            }
        ),
        figures: figures(evaluation).into_iter().map(figure).collect(),
        tables,
    }
}

/// The figures in order of importance: name, value, what it is of what.
fn figures(e: &Evaluation) -> Vec<(&'static str, String, String)> {
    let of = |share: crate::evaluation::Share, what: &str| {
        let (part, whole) = (terminal::grouped(share.part), terminal::grouped(share.whole));
        (share.percent(), format!("{part} of {whole} {what}"))
    };
    let row = |label, (value, explanation): (String, String)| (label, value, explanation);
    let wrongly =
        format!("{:.1} of 1,000 accounts that no label touches", e.wrongly_per_1000_innocent);
    vec![
        row("Precision, alerts", of(e.alert_precision, "alerts have a label")),
        row("Precision, payments", of(e.payment_precision, "payments in alerts are labelled")),
        row("Recall, payments", of(e.payment_recall, "labelled payments are in an alert")),
        row("Precision, accounts", of(e.account_precision, "accounts in alerts have a label")),
        row("Recall, accounts", of(e.account_recall, "labelled accounts are in an alert")),
        (
            "Burden, alerts",
            format!("{:.1}", e.alerts_per_1000_accounts),
            "alerts for each 1,000 accounts".to_owned(),
        ),
        ("Burden, accounts", terminal::grouped(e.accounts_alerted_wrongly), wrongly),
    ]
}

/// The run as JSON: what was read, with which settings, what was found, how long it took.
fn summary(arguments: &Scan, read: &Read, found: &Found) -> serde_json::Value {
    let inputs = read.ledger.inputs.iter().zip(&read.digests.inputs);
    let inputs: Vec<_> = inputs
        .map(|(input, digest)| {
            json!({
                "name": input.name, "sha256": digest, "layout": input.layout, "form": input.form,
                "records": input.records, "payments": input.payments,
                "rejected": input.rejected, "left_out": input.left_out, "rounded": input.rounded,
            })
        })
        .collect();
    let mut by_typology: BTreeMap<&str, u64> =
        found.typologies.iter().map(|t| (t.id.as_str(), 0)).collect();
    for alert in &found.stories.alerts {
        *by_typology.entry(&alert.typology).or_default() += 1;
    }
    let alerted: u64 = found.stories.witnesses.len();
    let facts = &read.ledger.facts;
    let top = found.stories.alerts.iter().take(TOP).map(|alert| {
        json!({
            "id": alert.id, "typology": alert.typology,
            "score": f64::from(alert.score_permille) / 1_000.0,
            "payments": alert.payments.len(), "accounts": alert.accounts.len(),
        })
    });
    let top: Vec<_> = top.collect();
    let ran_out = found.ran_out.iter().map(|of| (of.column.as_str(), of.searches));
    let ran_out: BTreeMap<&str, u64> = ran_out.collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "inputs": inputs,
        "definitions_sha256": outputs::sha256(read.definitions_text.as_bytes()),
        "settings": {
            "accounts": match arguments.accounts { Naming::Tokens => "tokens", Naming::Plain => "plain" },
            "base_currency": if read.money.base == Currency::NONE { None } else { Some(read.money.base.code()) },
            "amount_decimals": read.money.exponent,
            "max_bad": arguments.reading.max_bad,
            "sort_memory_mib": arguments.reading.sort_memory,
        },
        "counts": {
            "payments": read.ledger.payments.len(), "accounts": read.ledger.accounts.len(),
            "rejected": read.refused.total, "alerts": found.stories.alerts.len(),
            "payments_in_alerts": alerted, "rule_hits": found.counts.hits,
            "rule_hits_muted": found.counts.muted,
            "payments_saturated": found.counts.saturated,
            "payments_passed_over": found.counts.passed_over,
            "searches_ran_out": ran_out,
            "first_time": facts.first_time.map(|t| t.to_string()),
            "last_time": facts.last_time.map(|t| t.to_string()),
        },
        "alerts_by_typology": by_typology,
        "evaluation": found.stories.evaluation,
        "mutes": found.muted,
        "notes": found.notes,
        "seconds": found.seconds,
        "top_alerts": top,
        "report": arguments.out.join("report.html").display().to_string(),
    })
}

fn show(arguments: &Scan, read: &Read, namer: &Namer<'_>, found: &Found) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let alerts = &found.stories.alerts;
    if alerts.is_empty() {
        writeln!(out, "No alert: none of the {} typologies shows.", found.typologies.len())?;
    } else {
        writeln!(out, "{}", top_table(read, namer, found))?;
        let shown = alerts.len().min(TOP);
        writeln!(
            out,
            "{shown} of {} alerts over {} of {} payments.",
            terminal::grouped(alerts.len() as u64),
            terminal::grouped(found.stories.witnesses.len()),
            terminal::grouped(read.ledger.payments.len()),
        )?;
    }
    if let Some(evaluation) = &found.stories.evaluation {
        writeln!(out, "\nAgainst the labels of the input:")?;
        let mut table = plain_table();
        for (label, value, explanation) in figures(evaluation) {
            table.add_row([label.to_owned(), value, explanation]);
        }
        right_align(&mut table, &[1]);
        writeln!(out, "{table}")?;
        if !evaluation.by_typology.is_empty() {
            writeln!(out, "\n{}", typology_table(evaluation))?;
        }
    }
    writeln!(out, "\nReport: {}", arguments.out.join("report.html").display())?;
    for note in found.notes.iter().skip(read.notes.len()) {
        terminal::note(note);
    }
    Ok(())
}

const TOP: usize = 10;

fn top_table(read: &Read, namer: &Namer<'_>, found: &Found) -> Table {
    let mut table = plain_table();
    table.set_header([
        "score", "typology", "payments", "accounts", "amount", "", "from", "to", "id",
    ]);
    for alert in found.stories.alerts.iter().take(TOP) {
        let told = found.stories.tell(alert, namer, &read.money);
        let day = |time: Timestamp| time.to_string().chars().take(10).collect::<String>();
        table.add_row([
            format!("{:.2}", f64::from(alert.score_permille) / 1_000.0),
            alert.typology.clone(),
            terminal::grouped(told.payments.len() as u64),
            terminal::grouped(told.accounts.len() as u64),
            told.amount.to_string(),
            if told.currency == Currency::NONE { String::new() } else { told.currency.to_string() },
            day(alert.first_time),
            day(alert.last_time),
            alert.id.clone(),
        ]);
    }
    right_align(&mut table, &[0, 2, 3, 4]);
    table
}

fn typology_table(evaluation: &Evaluation) -> Table {
    let mut table = plain_table();
    table.set_header(["labelled typology", "attempts", "touched", "half found", "payments found"]);
    for (name, found) in &evaluation.by_typology {
        table.add_row([
            name.clone(),
            terminal::grouped(found.touched.whole),
            found.touched.percent(),
            found.half.percent(),
            found.payments.percent(),
        ]);
    }
    right_align(&mut table, &[1, 2, 3, 4]);
    table
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn right_align(table: &mut Table, columns: &[usize]) {
    for &at in columns {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
