//! `shroff bench`: how fast the engine is, and what it holds in memory.

mod process;
mod service;
mod workload;

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use shroff_detect::{ColumnKind, Definitions, Extractor, Input, Workers};
use shroff_types::{Names, Span};

use crate::cli::{Bench, BenchCommand, BenchFeatures};
use crate::progress::Bar;
use crate::threads::Threads;
use crate::{Ending, ledger, settings, terminal};

pub(crate) fn run(arguments: &Bench) -> anyhow::Result<Ending> {
    match &arguments.command {
        Some(BenchCommand::Features(features)) => run_features(features),
        Some(BenchCommand::Serve(serve)) => {
            service::tell(serve);
            service::run(serve)
        }
        None => run_families(arguments),
    }
}

/// What comes before the clock starts: more than a day, so that a window of a day is full.
const WARM_UP_HOURS: i64 = 26;
/// Times that the clock is started, further and further into the stream.
const ROUNDS: usize = 3;

/// Payments and what to do with them.
struct Work<'a> {
    definitions: &'a Definitions,
    exponent: u8,
    payments: &'a [Input],
    symbols: &'a Names,
    workers: &'a dyn Workers,
    batch: usize,
    warm_up: Span,
    /// CPU time of a round; none to go on to the end of the stream.
    round: Option<Duration>,
}

/// What one run over a stream came to.
struct Measured {
    columns: usize,
    payments: usize,
    per_cpu_second: f64,
    per_second: f64,
    /// Of one call, in microseconds.
    p50_us: f64,
    p99_us: f64,
    worst_us: f64,
    /// Payments with a search that ran out of its budget, per payment.
    saturated: f64,
    /// Payments a second in the last fifth over those in the first.
    last_over_first: f64,
    /// What the engine held at the end, and payments that were in sight then.
    bytes: usize,
    in_sight: usize,
}

fn run_features(arguments: &BenchFeatures) -> anyhow::Result<Ending> {
    let folder = tempfile::tempdir()?;
    let read = ledger::read(&arguments.reading, &folder.path().join("quarantine.csv"))?;
    read.tell();
    let mut payments = Vec::new();
    for payment in read.ledger.payments.iter()? {
        payments.push(read.money.input(&payment?)?);
    }
    let workers = Threads::new(arguments.threads)?;
    let measured = measure(&Work {
        definitions: &read.definitions,
        exponent: read.money.exponent,
        payments: &payments,
        symbols: &read.ledger.symbols,
        workers: &workers,
        batch: arguments.batch,
        warm_up: hours(WARM_UP_HOURS),
        round: (arguments.seconds > 0.0).then(|| Duration::from_secs_f64(arguments.seconds)),
    });
    let Some(measured) = measured else {
        bail!(
            "the stream is too short: nothing is left after its first {WARM_UP_HOURS} hours, which \
             fill the window before the clock starts\nhint: give it days of payments"
        );
    };
    let name = arguments.reading.definitions.as_deref().and_then(std::path::Path::file_stem);
    let name = name.map_or("built-in".into(), |name| name.to_string_lossy().into_owned());
    let peak = process::peak_mib().map_or(String::new(), |mib| format!(" peak_mib={mib}"));
    writeln!(
        std::io::stdout().lock(),
        "set={name} columns={} batch={} threads={} payments={} per_cpu_second={:.0} \
         per_second={:.0} p50_us={:.2} p99_us={:.2}{peak} worst_us={:.2} saturated={:.5} \
         last_fifth_of_first={:.3} state_mib={} in_sight={}",
        measured.columns,
        arguments.batch,
        workers.threads(),
        measured.payments,
        measured.per_cpu_second,
        measured.per_second,
        measured.p50_us,
        measured.p99_us,
        measured.worst_us,
        measured.saturated,
        measured.last_over_first,
        measured.bytes >> 20,
        measured.in_sight,
    )?;
    Ok(read.ending(&arguments.reading))
}

/// Runs the engine over a stream; none where nothing is left after the warm-up.
fn measure(work: &Work<'_>) -> Option<Measured> {
    let Work { definitions, payments, symbols, workers, batch, .. } = *work;
    let start = payments.first()?.time.after(work.warm_up);
    let warm = payments.partition_point(|payment| payment.time < start);
    let mut extractor = Extractor::new(definitions, work.exponent);
    let flags: Vec<usize> = extractor
        .columns()
        .iter()
        .enumerate()
        .filter_map(|(at, column)| (column.kind == ColumnKind::Bool).then_some(at))
        .collect();
    let mut bar = Bar::of_payments("warming up", warm as u64);
    for (number, some) in payments[..warm].chunks(4_096).enumerate() {
        extractor.push_with(workers, some, symbols, &mut |_| {});
        bar.at(number as u64 * 4_096);
    }
    bar.done();
    let mut saturated = 0_u64;
    let mut calls = Vec::new();
    let mut rates = Vec::new();
    let mut at = warm;
    let mut bar = Bar::of_payments("measuring", (payments.len() - warm) as u64);
    for _ in 0..ROUNDS {
        let (first, cpu, wall) = (at, process::cpu_time(), settings::now());
        while at + batch <= payments.len() {
            let begun = settings::now();
            extractor.push_with(workers, &payments[at..at + batch], symbols, &mut |finished| {
                let hit = flags.iter().any(|&flag| finished.cells[flag].flag() == Some(true));
                saturated += u64::from(hit);
            });
            calls.push(begun.elapsed());
            at += batch;
            // Reading the process's clock costs more than a payment.
            let due = calls.len() % 64 == 0 || batch >= 64;
            if due
                && work.round.is_some_and(|round| process::cpu_time().saturating_sub(cpu) >= round)
            {
                break;
            }
            if calls.len() % 4_096 == 0 {
                bar.at((at - warm) as u64);
            }
        }
        if at > first {
            #[expect(clippy::cast_precision_loss, reason = "a count of payments")]
            let count = (at - first) as f64;
            let cpu = process::cpu_time().saturating_sub(cpu).as_secs_f64();
            rates.push((count / cpu, count / wall.elapsed().as_secs_f64()));
        }
    }
    bar.done();
    let newest = payments[..at].last()?.time;
    let sight = newest.before(definitions.look_back());
    let in_sight = at - payments[..at].partition_point(|payment| payment.time <= sight);
    measured(&calls, rates, at - warm).map(|measured| Measured {
        columns: extractor.columns().len(),
        saturated: share(saturated, at - warm),
        bytes: extractor.bytes(),
        in_sight,
        ..measured
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of payments")]
fn share(some: u64, all: usize) -> f64 {
    some as f64 / all as f64
}

fn measured(calls: &[Duration], rates: Vec<(f64, f64)>, payments: usize) -> Option<Measured> {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let (cpu, wall): (Vec<f64>, Vec<f64>) = rates.into_iter().unzip();
    let fifth = calls.len() / 5;
    let time = |calls: &[Duration]| calls.iter().sum::<Duration>().as_secs_f64();
    let (first, last) = (time(&calls[..fifth]), time(&calls[calls.len() - fifth..]));
    let mut micros: Vec<f64> = calls.iter().map(|call| call.as_secs_f64() * 1e6).collect();
    micros.sort_by(f64::total_cmp);
    Some(Measured {
        columns: 0,
        payments,
        per_cpu_second: median(cpu)?,
        per_second: median(wall)?,
        p50_us: micros[micros.len() / 2],
        p99_us: micros[micros.len() * 99 / 100],
        worst_us: *micros.last()?,
        saturated: 0.0,
        last_over_first: if last > 0.0 { first / last } else { 1.0 },
        bytes: 0,
        in_sight: 0,
    })
}

fn hours(hours: i64) -> Span {
    Span::from_micros(hours * 3_600_000_000).unwrap_or(Span::ZERO)
}

/// The canonical workload, family by family.
fn run_families(arguments: &Bench) -> anyhow::Result<Ending> {
    let workers = Threads::new(arguments.threads)?;
    let payments = workload::payments(arguments.payments)?;
    terminal::note(format_args!(
        "{} simulated payments of {} accounts in {} days; batches of {}, {} thread{}; the first {} \
         days fill the windows; bytes a payment include the accounts, 32 each",
        terminal::grouped(payments.len() as u64),
        terminal::grouped(u64::from(workload::ACCOUNTS)),
        workload::DAYS,
        arguments.batch,
        workers.threads(),
        if workers.threads() == 1 { "" } else { "s" },
        workload::WARM_UP_DAYS,
    ));
    let mut families = Vec::new();
    for (name, definitions) in workload::families()? {
        let measured = measure(&Work {
            definitions: &definitions,
            exponent: 2,
            payments: &payments,
            symbols: &Names::default(),
            workers: &workers,
            batch: arguments.batch,
            warm_up: hours(24 * workload::WARM_UP_DAYS),
            round: (arguments.seconds > 0.0).then(|| Duration::from_secs_f64(arguments.seconds)),
        });
        let Some(measured) = measured else {
            bail!("{} payments are too few\nhint: --payments 100000", arguments.payments);
        };
        families.push((name, measured));
    }
    if arguments.json { tell_json(&families) } else { show(&families) }?;
    Ok(Ending::Well)
}

#[expect(clippy::cast_precision_loss, reason = "bytes and counts")]
fn bytes_a_payment(measured: &Measured) -> f64 {
    measured.bytes as f64 / measured.in_sight.max(1) as f64
}

fn show(families: &[(&str, Measured)]) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "family",
        "columns",
        "payments/s",
        "p50 us",
        "p99 us",
        "saturated",
        "MiB",
        "bytes/payment",
    ]);
    for (name, measured) in families {
        table.add_row([
            (*name).to_owned(),
            measured.columns.to_string(),
            terminal::grouped(whole(measured.per_second)),
            format!("{:.1}", measured.p50_us),
            format!("{:.1}", measured.p99_us),
            format!("{:.2} %", 100.0 * measured.saturated),
            (measured.bytes >> 20).to_string(),
            format!("{:.0}", bytes_a_payment(measured)),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(std::io::stdout().lock(), "{table}")?;
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, to be shown")]
fn whole(rate: f64) -> u64 {
    rate as u64
}

fn tell_json(families: &[(&str, Measured)]) -> anyhow::Result<()> {
    let rows: Vec<serde_json::Value> = families
        .iter()
        .map(|(name, measured)| {
            json!({
                "family": name,
                "columns": measured.columns,
                "payments": measured.payments,
                "per_cpu_second": measured.per_cpu_second,
                "per_second": measured.per_second,
                "p50_us": measured.p50_us,
                "p99_us": measured.p99_us,
                "worst_us": measured.worst_us,
                "saturated": measured.saturated,
                "state_bytes": measured.bytes,
                "payments_in_sight": measured.in_sight,
            })
        })
        .collect();
    writeln!(std::io::stdout().lock(), "{:#}", json!({ "families": rows }))?;
    Ok(())
}
