//! `shroff tune`: thresholds for a stated budget, chosen on the validation part of a history, and
//! read once on its test part.
//!
//! Each parameter of each typology is tried at values that make a difference there. From the settings
//! that there are, the step that loses least for each alert is taken until the budget is met, then
//! the one that gains most while it is. What was chosen is replayed in full, as a scan would see it.

mod choice;
mod page;
pub(crate) mod rewrite;
mod settings;

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};
use shroff_detect::Typology;

use crate::backtest::figures::Figures;
use crate::backtest::{self, Opened, Outcome};
use crate::cli::Tune;
use crate::terminal::grouped;
use crate::{Ending, ledger, library, outputs};

use choice::{Chosen, Goal, Step};

/// The parts that thresholds are chosen on and told of, by their place among the parts' names.
pub(crate) const VALIDATION: usize = 2;
pub(crate) const TEST: usize = 3;

/// What was tuned.
pub(crate) struct Tuned<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) goal: Goal,
    pub(crate) before: &'a Outcome,
    pub(crate) after: &'a Outcome,
    /// The way from the strictest settings on.
    pub(crate) steps: Vec<Step>,
    pub(crate) changes: Vec<Change>,
    pub(crate) notes: Vec<String>,
}

/// A parameter that was set to something else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) typology: String,
    pub(crate) title: String,
    pub(crate) parameter: String,
    pub(crate) unit: String,
    pub(crate) before: f64,
    pub(crate) after: f64,
}

/// The figures of all rules together on a part.
pub(crate) fn figures(outcome: &Outcome, part: usize) -> Figures {
    outcome.table.figures[part][outcome.table.rules].clone()
}

pub(crate) fn run(arguments: &Tune) -> anyhow::Result<Ending> {
    let history = &arguments.history;
    let out = &arguments.out;
    let typologies = history.ruling.typologies()?;
    outputs::remove_if_there(&out.join("run.json"))?;
    let opened = backtest::open(history, out)?;
    if !opened.book.facts.has_labels {
        bail!(
            "the history has no labels, so nothing says which alerts are right\nhint: name their \
             column with --label COLUMN, or `label = \"COLUMN\"` in the mapping"
        );
    }
    let version = opened.version(history, typologies)?;
    let before = opened.outcome(history, version, None)?;
    if before.table.figures[VALIDATION][0].labelled == 0 {
        bail!(
            "no payment of the validation part is labelled, so thresholds cannot be chosen there\n\
             hint: give a longer history; the validation part is the fourth fifth of its payments"
        );
    }
    let goal = Goal::of(arguments.alerts_a_day, arguments.precision);
    let Chosen { outcome: after, steps, is_met } = choice::choose(&opened, history, goal, &before)?;
    let mut tuned = Tuned {
        opened: &opened,
        goal,
        changes: changes(&before.version.typologies, &after.version.typologies),
        before: &before,
        after: &after,
        steps,
        notes: opened.book.facts.notes.clone(),
    };
    tuned.notes.extend(before.split.note());
    if !is_met {
        tuned.notes.push(format!(
            "the goal of {} is not met on the validation part, not even with the strictest settings \
             that were tried: leave out typologies, or widen the ranges of their parameters",
            goal.told()
        ));
    }
    write(arguments, &tuned)?;
    let summary = summary(arguments, &tuned);
    outputs::write_file(&out.join("run.json"), |file| writeln!(file, "{summary:#}"))?;
    if history.json {
        writeln!(std::io::stdout().lock(), "{summary:#}")?;
    } else {
        show(arguments, &tuned)?;
    }
    let facts = &opened.book.facts;
    Ok(ledger::ending(facts.refused, facts.records, history.reading.max_bad))
}

fn changes(before: &[Typology], after: &[Typology]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (old, new) in before.iter().zip(after) {
        for (name, parameter) in &old.parameters {
            let now = new.parameters[name].value;
            if now.to_bits() != parameter.value.to_bits() {
                changes.push(Change {
                    typology: old.id.clone(),
                    title: old.title.clone(),
                    parameter: name.clone(),
                    unit: parameter.unit.clone(),
                    before: parameter.value,
                    after: now,
                });
            }
        }
    }
    changes
}

fn write(arguments: &Tune, tuned: &Tuned<'_>) -> anyhow::Result<()> {
    let out = &arguments.out;
    let folder = arguments.history.ruling.typologies.as_deref();
    for (name, text) in library::files(folder)? {
        let after = &tuned.after.version.typologies;
        let text = rewrite::rewritten(&name, &text, after, &reason(tuned))?;
        let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = out.join("typologies").join(format!("{stem}.toml"));
        outputs::write_file(&path, |file| file.write_all(text.as_bytes()))?;
    }
    choice::sheet(&tuned.steps).write(&out.join("steps.parquet"))?;
    outputs::write_file(&out.join("tune.html"), |file| page::render(tuned, file))
}

/// Why a number stands in a file: what was asked for, on which days, and what came of it.
fn reason(tuned: &Tuned<'_>) -> Vec<String> {
    let day = |part: usize| {
        let (begin, end) = tuned.after.split.bounds[part];
        let date =
            |time: shroff_types::Timestamp| time.to_string().chars().take(10).collect::<String>();
        format!("{} to {}", date(begin), date(end))
    };
    let told = |part: usize| {
        let now = figures(tuned.after, part);
        format!(
            "{} alerts a day, {} right, {} of {} attempts half found",
            backtest::terminal::rate(now.alerts_per_day()),
            backtest::terminal::percent(backtest::files::share(now.right_alerts, now.alerts), None),
            now.attempts_half,
            now.attempts
        )
    };
    vec![
        format!("Chosen by `shroff tune` for {}.", tuned.goal.told()),
        format!("All rules on {}, where it was chosen: {}.", day(VALIDATION), told(VALIDATION)),
        format!("On {}, read once: {}.", day(TEST), told(TEST)),
    ]
}

fn part_json(tuned: &Tuned<'_>, part: usize) -> Value {
    let of = |outcome| {
        let figures = figures(outcome, part);
        json!({
            "alerts_per_day": figures.alerts_per_day(), "alerts": figures.alerts,
            "right_alerts": figures.right_alerts,
            "alert_precision": backtest::files::share(figures.right_alerts, figures.alerts),
            "attempts": figures.attempts, "attempts_half": figures.attempts_half,
            "payments_caught": figures.caught, "labelled": figures.labelled,
            "innocent_accounts": figures.innocent_accounts,
        })
    };
    json!({ "before": of(tuned.before), "after": of(tuned.after) })
}

fn summary(arguments: &Tune, tuned: &Tuned<'_>) -> Value {
    let changes: Vec<Value> = tuned
        .changes
        .iter()
        .map(|change| {
            json!({
                "typology": change.typology, "parameter": change.parameter,
                "before": change.before, "after": change.after,
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "goal": tuned.goal.told(), "changes": changes,
        "validation": part_json(tuned, VALIDATION), "test": part_json(tuned, TEST),
        "notes": tuned.notes,
        "typologies": arguments.out.join("typologies").display().to_string(),
        "page": arguments.out.join("tune.html").display().to_string(),
    })
}

fn show(arguments: &Tune, tuned: &Tuned<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["parameter", "before", "after", "unit"]);
    for change in &tuned.changes {
        table.add_row([
            format!("{}.{}", change.typology, change.parameter),
            change.before.to_string(),
            change.after.to_string(),
            change.unit.clone(),
        ]);
    }
    writeln!(out, "{table}\n")?;
    for (part, name) in [(VALIDATION, "validation"), (TEST, "test")] {
        for (outcome, when) in [(tuned.before, "before"), (tuned.after, "after")] {
            let row = figures(outcome, part);
            writeln!(
                out,
                "{name:10} {when:6} {} alerts a day, {} right, {} of {} attempts half found, {} innocent accounts",
                backtest::terminal::rate(row.alerts_per_day()),
                backtest::terminal::percent(
                    backtest::files::share(row.right_alerts, row.alerts),
                    None
                ),
                grouped(row.attempts_half),
                grouped(row.attempts),
                grouped(row.innocent_accounts),
            )?;
        }
    }
    writeln!(out, "\nRules: {}", arguments.out.join("typologies").display())?;
    writeln!(out, "Page: {}", arguments.out.join("tune.html").display())?;
    for note in tuned.notes.iter().skip(tuned.opened.book.facts.notes.len()) {
        crate::terminal::note(note);
    }
    Ok(())
}
