//! The page of a tuning: what was changed, what it costs and catches, and the trade-off.

use std::io::{self, Write};

use crate::backtest::files::share;
use crate::backtest::page::{END, STYLE, section};
use crate::backtest::plots::{Axis, Line, shares};
use crate::backtest::terminal::{percent, rate};
use crate::report::{self, Esc, grouped};

use super::choice::Step;
use super::{TEST, Tuned, VALIDATION, figures};

/// Writes the page.
pub(crate) fn render(tuned: &Tuned<'_>, out: &mut dyn Write) -> io::Result<()> {
    report::head("Thresholds for a budget", STYLE, out)?;
    let told = tuned.goal.told();
    let when = format!("The goal: {}.", Esc(&told));
    report::masthead("Thresholds for a budget", &when, out)?;
    let now = figures(tuned.after, TEST);
    let mut big = vec![
        (rate(now.alerts_per_day()), "alerts a day on the test part", String::new()),
        (percent(share(now.right_alerts, now.alerts), None), "of them are right", String::new()),
    ];
    if now.attempts > 0 {
        let half = percent(share(now.attempts_half, now.attempts), None);
        big.push((half, "of the attempts half found", format!("of {}", grouped(now.attempts))));
    }
    report::big(&big, out)?;
    writeln!(
        out,
        "<p class=\"stance\">Thresholds were chosen on the validation part alone. The test part was read once, after that: its figures are what to expect, and choosing again after reading them makes them worthless.</p></header><main id=\"main\">"
    )?;
    parts(tuned, out)?;
    trade_off(tuned, out)?;
    changes(tuned, out)?;
    report::notes(&tuned.notes, out)?;
    report::foot(env!("CARGO_PKG_VERSION"), out)
}

fn parts(tuned: &Tuned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let about = "Before and after, all rules together, each replayed in full.";
    section("parts", "What it costs and catches", about, out)?;
    writeln!(
        out,
        "<table class=\"table\"><thead><tr><th scope=\"col\">Part</th><th scope=\"col\" class=\"num\">Alerts a day</th><th scope=\"col\" class=\"num\">Right</th><th scope=\"col\" class=\"num\">Attempts half found</th><th scope=\"col\" class=\"num\">Payments caught</th><th scope=\"col\" class=\"num\">Innocent accounts</th></tr></thead><tbody>"
    )?;
    for (part, name) in [(VALIDATION, "validation"), (TEST, "test")] {
        for (outcome, when) in [(tuned.before, "before"), (tuned.after, "after")] {
            let row = figures(outcome, part);
            let all = row.intervals;
            writeln!(
                out,
                "<tr><th scope=\"row\">{name}, {when}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{} of {}</td><td class=\"num\">{}</td></tr>",
                rate(row.alerts_per_day()),
                percent(share(row.right_alerts, row.alerts), all.alert_precision),
                percent(share(row.attempts_half, row.attempts), all.attempts_half),
                grouped(row.caught),
                grouped(row.labelled),
                grouped(row.innocent_accounts),
            )?;
        }
    }
    writeln!(out, "</tbody></table>{END}")
}

fn trade_off(tuned: &Tuned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let about = "From the settings that there were, to fewer alerts always by the step that loses least for each of them, to more by the one that gains most. The dot is what was chosen. Alerts of several rules that are one flow are counted once for each rule here, so the axis says more than the table above.";
    section("trade-off", "The trade-off on the validation part", about, out)?;
    writeln!(
        out,
        "<ul class=\"legend\"><li class=\"t0\"><span class=\"line\"></span>mean share of an attempt that is caught</li><li class=\"t1\"><span class=\"line dashed\"></span>alerts that are right</li></ul>"
    )?;
    let mut sorted: Vec<&Step> =
        tuned.steps.iter().filter(|step| step.alerts_per_day > 0.0).collect();
    sorted.sort_by(|one, other| one.alerts_per_day.total_cmp(&other.alerts_per_day));
    let drawn = || sorted.iter().copied();
    let line = |class, of: &dyn Fn(&Step) -> f64| Line {
        class,
        points: drawn().map(|step| (step.alerts_per_day, of(step))).collect(),
        marked: drawn().rfind(|step| step.is_taken).map(|step| (step.alerts_per_day, of(step))),
    };
    let ends = (
        drawn().map(|step| step.alerts_per_day).fold(f64::INFINITY, f64::min),
        drawn().map(|step| step.alerts_per_day).fold(0.0, f64::max),
    );
    if ends.1 > 0.0 {
        let axis = Axis::logarithmic("alerts a day, summed over the rules", ends);
        let lines = [line("t0", &|step| step.caught), line("t1 dashed", &|step| step.precision)];
        writeln!(out, "{}", shares("Trade-off", &axis, &lines))?;
    }
    writeln!(out, "{END}")
}

fn changes(tuned: &Tuned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let about = "The changed copy of the rules has the reason as a comment above each number. Run `shroff rules test` on it: an example may ask for what is below the line now.";
    section("changes", "What was changed", about, out)?;
    if tuned.changes.is_empty() {
        writeln!(out, "<p>Nothing: the thresholds that there are meet the goal best.</p>")?;
        return writeln!(out, "{END}");
    }
    writeln!(
        out,
        "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Parameter</th><th scope=\"col\" class=\"num\">Before</th><th scope=\"col\" class=\"num\">After</th><th scope=\"col\">Unit</th></tr></thead><tbody>"
    )?;
    for change in &tuned.changes {
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{}</td><td class=\"num\"><b>{}</b></td><td>{}</td></tr>",
            Esc(&change.title),
            Esc(&change.parameter),
            change.before,
            change.after,
            Esc(&change.unit)
        )?;
    }
    writeln!(out, "</tbody></table>{END}")
}
