//! A backtest on the terminal, and as JSON.

use std::collections::BTreeMap;
use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::bootstrap::{self, Interval};
use super::figures::Figures;
use super::files::{rule_names, share};
use super::parts::NAMES;
use super::{Outcome, Told};
use crate::cli::Backtest;
use crate::terminal::grouped;

/// A share in percent, with what it lies between.
pub(crate) fn percent(share: Option<f64>, interval: Option<Interval>) -> String {
    let Some(share) = share else { return "-".to_owned() };
    match interval {
        None => format!("{:.1} %", 100.0 * share),
        Some(Interval { low, high }) => {
            format!("{:.1} % ({:.0}-{:.0})", 100.0 * share, 100.0 * low, 100.0 * high)
        }
    }
}

/// A length of time, as short as it says enough.
pub(crate) fn span(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A rate: three digits or so.
pub(crate) fn rate(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let whole = format!("{number:.0}");
    whole.parse().map_or(whole, grouped)
}

fn figures_json(figures: &Figures) -> Value {
    let interval = |interval: Option<Interval>| json!(interval.map(|i| [i.low, i.high]));
    json!({
        "alerts": figures.alerts, "alerts_per_day": figures.alerts_per_day(),
        "right_alerts": figures.right_alerts,
        "alert_precision": share(figures.right_alerts, figures.alerts),
        "alert_precision_interval": interval(figures.intervals.alert_precision),
        "payments_touched": figures.touched, "payments_caught": figures.caught,
        "accounts_touched": figures.accounts,
        "attempts": figures.attempts, "attempts_touched": figures.attempts_touched,
        "attempts_half": figures.attempts_half,
        "attempts_half_interval": interval(figures.intervals.attempts_half),
        "innocent_accounts": figures.innocent_accounts,
        "innocent_accounts_again": figures.innocent_again,
        "innocent_accounts_held": figures.innocent_held,
        "only_attempts": figures.only_attempts, "only_alerts": figures.only_alerts,
    })
}

fn by_rule(outcome: &Outcome, part: usize) -> Value {
    let names = rule_names(outcome);
    let figures = &outcome.table.figures[part];
    names.iter().zip(figures).map(|(name, f)| ((*name).to_owned(), figures_json(f))).collect()
}

/// All that a program wants to know, as `run.json` has it.
pub(crate) fn summary(
    arguments: &Backtest,
    told: &Told<'_>,
    seconds: &BTreeMap<&'static str, f64>,
) -> Value {
    let (book, outcome) = (&told.opened.book, told.outcome);
    let version = &outcome.version;
    let parts: serde_json::Map<String, Value> = (0..NAMES.len())
        .map(|part| {
            let (begin, end) = outcome.split.bounds[part];
            let value = json!({
                "begin": begin.to_string(), "end": end.to_string(),
                "days": outcome.split.days(part), "rules": by_rule(outcome, part),
            });
            (NAMES[part].to_owned(), value)
        })
        .collect();
    let (others, changed) = match (told.other, &told.difference) {
        (Some(other), Some(difference)) => {
            let count = |word: &str| {
                difference.changed.iter().filter(|changed| changed.change() == word).count()
            };
            let changed = json!({
                "gained": count("gained"), "lost": count("lost"), "changed": count("changed"),
            });
            (by_rule(other, 0), changed)
        }
        _ => (Value::Null, Value::Null),
    };
    let hits: u64 = version.hits.by_typology.iter().map(|fired| fired.len() as u64).sum();
    let mode = if told.opened.horizon.micros() == 0 { "inline" } else { "retrospective" };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": mode, "horizon": version.kept.definitions.horizon.to_string(),
        "inputs": book.facts.inputs, "definitions_sha256": crate::outputs::sha256(
            shroff_detect::written(&version.kept.definitions).as_bytes()),
        "counts": {
            "payments": book.len(), "accounts": book.facts.accounts,
            "rejected": book.facts.refused, "rule_hits": hits,
            "alerts": outcome.replayed.drafts.len(),
            "payments_saturated": version.cut_short.unknown,
            "payments_passed_over": version.cut_short.known,
        },
        "work": {
            "payments_read": if book.was_read { book.len() } else { 0 },
            "payments_extracted": version.kept.computed,
            "blocks_extracted": version.kept.blocks_computed,
            "typologies_asked": version.hits.asked,
            "patterns_searched": outcome.replayed.searched,
            "payments_extracted_against": told.other.map(|o| o.version.kept.computed),
        },
        "average_precision": told.average_precision,
        "prevalence": share(outcome.table.figures[0][outcome.table.rules].labelled, book.len().into()),
        "bootstrap": {
            "replicates": bootstrap::REPLICATES, "seed": arguments.history.seed,
            "block_days": bootstrap::block_days(outcome.table.days.len()),
        },
        "gap": outcome.split.gap.to_string(),
        "parts": parts,
        "against": told.against, "against_rules": others, "difference": changed,
        "notes": told.notes, "seconds": seconds,
        "page": arguments.out.join("backtest.html").display().to_string(),
    })
}

fn table(outcome: &Outcome) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "rule",
        "alerts",
        "a day",
        "right",
        "attempts half found",
        "value",
        "found after",
        "only it",
        "innocent accounts",
    ]);
    let all = outcome.table.rules;
    for (name, row) in rule_names(outcome).iter().zip(&outcome.table.figures[0]) {
        if row.alerts == 0 && *name != "all" {
            continue;
        }
        let value =
            super::figures::real(row.value_caught_minor) / super::figures::real(row.value_minor);
        table.add_row([
            (*name).to_owned(),
            grouped(row.alerts),
            rate(row.alerts_per_day()),
            match outcome.table.figures[0][all].labelled {
                0 => "-".to_owned(),
                _ => percent(share(row.right_alerts, row.alerts), row.intervals.alert_precision),
            },
            percent(share(row.attempts_half, row.attempts), row.intervals.attempts_half),
            if row.value_minor == 0 { "-".to_owned() } else { percent(Some(value), None) },
            row.delay(0.5).map_or("-".to_owned(), span),
            if row.attempts == 0 { "-".to_owned() } else { grouped(row.only_attempts) },
            grouped(row.innocent_accounts),
        ]);
    }
    for at in [1, 2, 3, 4, 5, 6, 7, 8] {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What is shown on the terminal.
pub(crate) fn show(arguments: &Backtest, told: &Told<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let (book, outcome) = (&told.opened.book, told.outcome);
    writeln!(out, "{}", table(outcome))?;
    let mode = match told.opened.horizon.micros() {
        0 => "Inline: each payment with what was known at once.".to_owned(),
        _ => format!("Retrospective: each payment with the {} after it.", told.opened.horizon),
    };
    writeln!(
        out,
        "\n{mode} {} payments of {} accounts over {} days.",
        grouped(book.len().into()),
        grouped(book.facts.accounts.into()),
        rate(book.days())
    )?;
    if let Some(precision) = told.average_precision {
        let prevalence =
            share(outcome.table.figures[0][outcome.table.rules].labelled, book.len().into());
        writeln!(
            out,
            "Average precision {precision:.3}, where {:.3} of the payments are labelled.",
            prevalence.unwrap_or(0.0)
        )?;
    }
    if let (Some(difference), Some(against)) = (&told.difference, &told.against) {
        let count = |word: &str| {
            difference.changed.iter().filter(|changed| changed.change() == word).count() as u64
        };
        writeln!(
            out,
            "Against {against}: {} payments came into alerts, {} left them, {} are told otherwise.",
            grouped(count("gained")),
            grouped(count("lost")),
            grouped(count("changed"))
        )?;
    }
    let kept = &outcome.version.kept;
    if kept.computed == 0 {
        writeln!(out, "Features are those of a run before; none was computed.")?;
    } else if let Some(some) = kept.computed_of() {
        writeln!(out, "{some} were computed; the others are those of a run before.")?;
    }
    writeln!(out, "\nPage: {}", arguments.out.join("backtest.html").display())?;
    for note in told.notes.iter().skip(book.facts.notes.len()) {
        crate::terminal::note(note);
    }
    Ok(())
}
