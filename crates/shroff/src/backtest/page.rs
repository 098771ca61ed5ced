//! The page of a backtest: one HTML file without script and network, readable on a phone.
//!
//! It is a function of what is told, so equal input gives equal bytes; all text of data is escaped
//! where it is written.

use std::io::{self, Write};

use shroff_types::{AccountId, Span, Timestamp};

use super::figures::Figures;
use super::files::{by_typology, rule_names, share};
use super::parts::NAMES;
use super::plots::{Axis, Line, forest, heat, shares};
use super::terminal::{percent, rate, span};
use super::{Outcome, Told};
use crate::report::{self, Esc, Prose, grouped};
use crate::tokens::Namer;

pub(crate) const STYLE: &str =
    concat!(include_str!("../report/style.css"), include_str!("backtest.css"));

/// Writes the page.
pub(crate) fn render(told: &Told<'_>, namer: &Namer<'_>, out: &mut dyn Write) -> io::Result<()> {
    let title = match told.opened.horizon {
        Span::ZERO => "Backtest, inline".to_owned(),
        horizon => format!("Backtest, retrospective with {horizon}"),
    };
    report::head(&title, STYLE, out)?;
    masthead(told, &title, out)?;
    writeln!(out, "<main id=\"main\">")?;
    by_rule(told, 0, out)?;
    if told.difference.is_some() {
        difference(told, out)?;
    }
    days(told, out)?;
    if has_labels(told) {
        intervals(told, out)?;
        trade_off(told, out)?;
        recall(told, out)?;
    }
    overlap(told, out)?;
    adds(told, out)?;
    burden(told, out)?;
    samples(told, namer, out)?;
    parts(told, out)?;
    inputs(told, out)?;
    report::notes(&told.notes, out)?;
    report::foot(env!("CARGO_PKG_VERSION"), out)
}

fn has_labels(told: &Told<'_>) -> bool {
    told.opened.book.facts.has_labels
}

/// All rules together, over the whole history.
fn all(outcome: &Outcome) -> &Figures {
    &outcome.table.figures[0][outcome.table.rules]
}

fn masthead(told: &Told<'_>, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let book = &told.opened.book;
    let figures = all(told.outcome);
    let begin = (book.len() > 0).then(|| (book.time(0), book.time(book.len() - 1)));
    let when = begin.map_or("No payments were read".to_owned(), |(first, last)| {
        format!("{}, {} days", report::period(first, last), rate(book.days()))
    });
    report::masthead(title, &when, out)?;
    let mut big = vec![
        (grouped(book.len()), "payments replayed", String::new()),
        (
            rate(figures.alerts_per_day()),
            "alerts a day",
            format!("{} in all", grouped(figures.alerts)),
        ),
    ];
    if has_labels(told) {
        let precision = share(figures.right_alerts, figures.alerts);
        big.push((percent(precision, None), "of the alerts are right", String::new()));
        let half = share(figures.attempts_half, figures.attempts);
        let of = format!("of {}", grouped(figures.attempts));
        if figures.attempts > 0 {
            big.push((percent(half, None), "of the attempts half found", of));
        }
        if let Some(precision) = told.average_precision {
            let prevalence = share(figures.labelled, figures.payments).unwrap_or(0.0);
            let beside = format!("prevalence {prevalence:.4}");
            big.push((format!("{precision:.3}"), "average precision", beside));
        }
    }
    report::big(&big, out)?;
    let mode = match told.opened.horizon {
        Span::ZERO => {
            "Every payment was asked with what was known at once: nothing behind it in the order was seen. Figures of a retrospective run stand in a page of their own and are not to be mixed with these."
        }
        _ => {
            "Every payment was asked with what came within the horizon after it: this is for review after the fact. Figures of an inline run stand in a page of their own and are not to be mixed with these."
        }
    };
    let kept = &told.outcome.version.kept;
    let extracted = match (kept.computed, kept.computed_of()) {
        (0, _) => "Features are those of a run before.".to_owned(),
        (count, None) => format!("Features of {} payments were computed for it.", grouped(count)),
        (count, Some(some)) => format!(
            "{some} were computed for it, of {} payments; the others are those of a run before.",
            grouped(count)
        ),
    };
    writeln!(
        out,
        "<p class=\"stance\">{mode} {extracted} Intervals are those of 95 % of 1,000 draws of days and attempts.</p></header>"
    )
}

/// Opens a section with a card.
pub(crate) fn section(id: &str, title: &str, about: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{}</h2><p class=\"which\">{}</p><div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{id}\">",
        Esc(title),
        Prose(about)
    )
}

pub(crate) const END: &str = "</div></section>";

fn number_heads(names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    for name in names {
        write!(out, "<th scope=\"col\" class=\"num\">{}</th>", Esc(name))?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

/// The rules that have an alert, and all together.
fn shown(outcome: &Outcome, part: usize) -> Vec<(usize, &str, &Figures)> {
    let rows = rule_names(outcome).into_iter().zip(&outcome.table.figures[part]).enumerate();
    let rows = rows.map(|(at, (name, figures))| (at, name, figures));
    rows.filter(|row| row.2.alerts > 0 || row.2.fired > 0 || row.0 == outcome.table.rules).collect()
}

fn row_head(outcome: &Outcome, (at, name): (usize, &str)) -> String {
    if at == outcome.table.rules {
        return "<tr class=\"sum\"><th scope=\"row\">All together</th>".to_owned();
    }
    let title = outcome.version.typologies.get(at).map_or(name, |typology| &typology.title);
    format!("<tr class=\"t{}\"><th scope=\"row\">{}{}</th>", at % 8, report::swatch(at), Esc(title))
}

fn value_share(figures: &Figures) -> Option<f64> {
    (figures.value_minor > 0).then(|| {
        super::figures::real(figures.value_caught_minor) / super::figures::real(figures.value_minor)
    })
}

fn by_rule(told: &Told<'_>, part: usize, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let about = "An alert counts for each rule that fired in it. Right is an alert with a labelled payment. An attempt is half found when half of its payments or more are in alerts.";
    section("rules", "What each rule costs and catches", about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th>")?;
    let mut heads = vec!["Alerts a day", "Alerts", "Payments", "Accounts"];
    if has_labels(told) {
        heads.extend(["Right", "Attempts touched", "Half found", "Value caught", "Found after"]);
    }
    number_heads(&heads, out)?;
    for (at, name, row) in shown(outcome, part) {
        write!(out, "{}", row_head(outcome, (at, name)))?;
        let mut cells = vec![
            rate(row.alerts_per_day()),
            grouped(row.alerts),
            grouped(row.touched),
            grouped(row.accounts),
        ];
        if has_labels(told) {
            cells.extend([
                percent(share(row.right_alerts, row.alerts), None),
                percent(share(row.attempts_touched, row.attempts), None),
                percent(share(row.attempts_half, row.attempts), None),
                percent(value_share(row), None),
                row.delay(0.5).map_or("-".to_owned(), span),
            ]);
        }
        for cell in cells {
            write!(out, "<td class=\"num\">{cell}</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn days(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let summaries = outcome.version.typologies.iter().enumerate().map(|(at, typology)| {
        report::TypologySummary {
            id: typology.id.clone(),
            title: typology.title.clone(),
            alerts: outcome.table.figures[0][at].alerts,
            payments: 0,
            what: String::new(),
            innocent: String::new(),
        }
    });
    let summaries: Vec<report::TypologySummary> = summaries.collect();
    let days: Vec<report::Day> = outcome
        .table
        .days
        .iter()
        .map(|(day, payments, rules)| report::Day {
            date: Timestamp(day * Span::DAY.micros()),
            payments: *payments,
            alerts: rules[..outcome.table.rules].iter().map(|rule| rule.alerts).collect(),
        })
        .collect();
    let about = "By the day on which an alert was raised. An alert that several rules are in stands in the column once for each.";
    section("days", "Alerts a day by rule", about, out)?;
    writeln!(out, "<ul class=\"legend\">")?;
    for (at, summary) in summaries.iter().enumerate().filter(|(_, summary)| summary.alerts > 0) {
        writeln!(out, "<li>{}{}</li>", report::swatch(at), Esc(&summary.title))?;
    }
    writeln!(out, "</ul>{}{END}", report::days(&summaries, &days))
}

fn intervals(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let about = "Each line is 95 % of the draws, the dot what was found. The scale goes from 0 to 100 %. A wide line says that the history has few such cases.";
    section("intervals", "Precision and recall with their intervals", about, out)?;
    writeln!(
        out,
        "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\" colspan=\"2\">Alerts that are right</th><th scope=\"col\" colspan=\"2\">Attempts half found</th><th scope=\"col\" colspan=\"2\">Value caught</th></tr></thead><tbody>"
    )?;
    for (at, name, row) in shown(outcome, 0) {
        write!(out, "{}", row_head(outcome, (at, name)))?;
        let all = &row.intervals;
        for (found, interval) in [
            (share(row.right_alerts, row.alerts), all.alert_precision),
            (share(row.attempts_half, row.attempts), all.attempts_half),
            (value_share(row), all.value),
        ] {
            let low_high = found.and(interval).map_or(String::new(), |i| {
                format!("{:.0} to {:.0} %", 100.0 * i.low, 100.0 * i.high)
            });
            write!(
                out,
                "<td>{}</td><td>{}<small>{low_high}</small></td>",
                forest(found, interval),
                percent(found, None)
            )?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn trade_off(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let figures = all(told.outcome);
    let (Some(first), Some(last)) = (told.curve.first(), told.curve.last()) else { return Ok(()) };
    let accounts = super::figures::float(u64::from(told.opened.book.facts.accounts)) / 1_000.0;
    let about = format!(
        "If only the strongest alerts were kept, so many a day: the share of them that is right, and the share of the attempts of which half is found. {} alerts a day are one for each 1,000 accounts.",
        rate(accounts)
    );
    section("trade-off", "What a budget would cost and catch", &about, out)?;
    writeln!(
        out,
        "<div class=\"pair\"><div><h3>Alerts kept</h3><ul class=\"legend\"><li class=\"t0\"><span class=\"line\"></span>attempts half found</li><li class=\"t1\"><span class=\"line dashed\"></span>alerts that are right</li></ul>"
    )?;
    let axis = Axis::logarithmic("alerts a day", (first.alerts_per_day, last.alerts_per_day));
    let line = |class, of: &dyn Fn(&super::curve::Step) -> Option<f64>| {
        let points: Vec<(f64, f64)> =
            told.curve.iter().filter_map(|step| Some((step.alerts_per_day, of(step)?))).collect();
        Line { class, marked: points.last().copied(), points }
    };
    let found = line("t0", &|step| share(step.attempts_half, figures.attempts));
    let right = line("t1 dashed", &|step| share(step.right_alerts, step.alerts));
    writeln!(out, "{}</div>", shares("Trade-off by alerts kept", &axis, &[found, right]))?;
    delays(figures, out)?;
    writeln!(out, "</div>{END}")
}

/// How soon attempts are found.
fn delays(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Some(&longest) = figures.delays_micros.last() else { return Ok(()) };
    writeln!(
        out,
        "<div><h3>Time to detection</h3><ul class=\"legend\"><li class=\"t2\"><span class=\"line\"></span>attempts found within that time of their first payment</li></ul>"
    )?;
    let hours = |micros: i64| super::files::seconds(micros) / 3_600.0;
    let mut points = vec![(0.0, 0.0)];
    for (at, &delay) in figures.delays_micros.iter().enumerate() {
        if let Some(found) = share(at as u64 + 1, figures.attempts) {
            points.push((hours(delay), found));
        }
    }
    let to = hours(longest).max(1.0);
    let step = [1.0, 6.0, 12.0, 24.0, 48.0, 168.0, 720.0, 2_160.0];
    let step = step.into_iter().find(|step| to / step <= 6.0).unwrap_or(8_760.0);
    let mut ticks = Vec::new();
    let mut at = 0.0;
    while at <= to && ticks.len() < 10 {
        let label = if step >= 24.0 { format!("{:.0} d", at / 24.0) } else { format!("{at:.0} h") };
        ticks.push((at, label));
        at += step;
    }
    let axis = Axis {
        name: "after the attempt's first payment",
        ticks,
        from: 0.0,
        to,
        is_logarithmic: false,
    };
    let line = Line { class: "t2", marked: points.last().copied(), points };
    writeln!(out, "{}</div>", shares("Time to detection", &axis, &[line]))
}

/// Column heads of a map, with the names of what stands there.
fn heat_heads(names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<table class=\"heat\"><thead><tr><td></td>")?;
    for name in names {
        write!(out, "<th scope=\"col\">{}</th>", Esc(name))?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

fn heat_cell(part: u64, whole: u64, out: &mut dyn Write) -> io::Result<()> {
    match share(part, whole) {
        None => write!(out, "<td class=\"h0\">-</td>"),
        Some(found) => write!(
            out,
            "<td class=\"h{}\" title=\"{} of {}\">{:.0}</td>",
            heat(found),
            grouped(part),
            grouped(whole),
            (100.0 * found).floor()
        ),
    }
}

fn recall(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<_> = by_typology(told).into_iter().filter(|row| row.part == 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let about = "Of the attempts of each labelled typology, how many in 100 have half of their payments or more in alerts of a rule.";
    section("recall", "Which rule finds which attempts", about, out)?;
    let shown = shown(told.outcome, 0);
    let names: Vec<&str> = shown.iter().map(|row| row.1).collect();
    heat_heads(&names, out)?;
    let width = told.outcome.table.rules + 1;
    for own in rows.chunks(width) {
        let (typology, attempts) = (&own[0].typology, own[0].attempts);
        write!(
            out,
            "<tr><th scope=\"row\"><bdi>{}</bdi>, {}</th>",
            Esc(&report::ellipsised(typology, 40)),
            grouped(attempts)
        )?;
        for (at, ..) in &shown {
            heat_cell(own[*at].half, attempts, out)?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn overlap(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let mut shown = shown(outcome, 0);
    shown.pop();
    let about = "Of 100 payments in alerts that the rule on the left named, how many the rule above named too. A dark row is a rule that says little of its own.";
    section("overlap", "Overlap between rules", about, out)?;
    let names: Vec<&str> = shown.iter().map(|row| row.1).collect();
    heat_heads(&names, out)?;
    for (at, name, row) in &shown {
        write!(out, "<tr><th scope=\"row\">{}</th>", Esc(name))?;
        for (other, ..) in &shown {
            if at == other {
                write!(out, "<td class=\"h0\">\u{b7}</td>")?;
            } else {
                heat_cell(outcome.table.overlap[*at][*other][0], row.touched, out)?;
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn adds(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let about = "What nobody would see without the rule: alerts that no other rule is in, payments that no other names, attempts that no other touches. A rule with many such alerts and no such attempt can go.";
    section("adds", "What each rule adds beyond the others", about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th>")?;
    let mut heads = vec!["Alerts of its own", "Payments of its own"];
    if has_labels(told) {
        heads.extend(["Labelled of them", "Attempts of its own", "Value of its own"]);
    }
    number_heads(&heads, out)?;
    for (at, name, row) in shown(outcome, 0) {
        if at == outcome.table.rules {
            continue;
        }
        write!(out, "{}", row_head(outcome, (at, name)))?;
        let mut cells = vec![grouped(row.only_alerts), grouped(row.only_payments)];
        if has_labels(told) {
            cells.push(grouped(row.only_caught));
            cells.push(grouped(row.only_attempts));
            cells.push(Esc(&told.opened.book.money(row.only_value_minor)).to_string());
        }
        for cell in cells {
            write!(out, "<td class=\"num\">{cell}</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn burden(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let about = if has_labels(told) {
        "Accounts that no label touches: how many came into an alert, how many into three or more, and how many had a payment in an alert that suggests a hold."
    } else {
        "Without labels every account counts as innocent: how many came into an alert, how many into three or more, and how many had a payment in an alert that suggests a hold."
    };
    section("burden", "The burden on innocent accounts", about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th>")?;
    number_heads(&["Alerted", "For each 1,000", "Alerted again and again", "Held"], out)?;
    let guilty = told.opened.book.guilty.iter().filter(|guilty| **guilty).count() as u64;
    let innocent = u64::from(told.opened.book.facts.accounts).saturating_sub(guilty);
    for (at, name, row) in shown(outcome, 0) {
        write!(out, "{}", row_head(outcome, (at, name)))?;
        let per = share(row.innocent_accounts, innocent).map_or(0.0, |share| 1_000.0 * share);
        for cell in [
            grouped(row.innocent_accounts),
            rate(per),
            grouped(row.innocent_again),
            grouped(row.innocent_held),
        ] {
            write!(out, "<td class=\"num\">{cell}</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn samples(told: &Told<'_>, namer: &Namer<'_>, out: &mut dyn Write) -> io::Result<()> {
    if told.samples.is_empty() {
        return Ok(());
    }
    let book = &told.opened.book;
    let about = "Above: fires now and would not with the parameter a fifth stricter. Below: does not fire now and would with it a fifth looser. Read some of both before you move a line.";
    section("samples", "Just above and just below the line", about, out)?;
    for (at, typology) in outcome_typologies(told) {
        let own: Vec<_> = told.samples.iter().filter(|sample| sample.typology == at).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(
            out,
            "<details><summary>{}{} ({})</summary><table class=\"table near\"><thead><tr><th scope=\"col\">Side</th><th scope=\"col\">Parameter</th><th scope=\"col\">Payment</th><th scope=\"col\">From, to</th><th scope=\"col\" class=\"num\">Amount</th><th scope=\"col\">Label</th><th scope=\"col\">What the rule says</th></tr></thead><tbody>",
            report::swatch(at),
            Esc(&typology.title),
            own.len()
        )?;
        for sample in own {
            let [debtor, creditor] = book.ends(sample.place).map(|end| namer.name(AccountId(end)));
            let label = match (book.facts.has_labels, book.is_labelled(sample.place)) {
                (false, _) => "-",
                (true, true) => "yes",
                (true, false) => "no",
            };
            writeln!(
                out,
                "<tr><td>{}</td><td>{} = {}</td><td><bdi>{}</bdi><small>{}</small></td><td><bdi>{}</bdi><small><bdi>{}</bdi></small></td><td class=\"num\">{}</td><td>{label}</td><td>{}</td></tr>",
                if sample.is_above { "above" } else { "below" },
                Esc(&sample.parameter),
                sample.value,
                Esc(&report::ellipsised(book.id(sample.place), 40)),
                Esc(&book.time(sample.place).to_string()),
                Esc(&report::ellipsised(&debtor, 40)),
                Esc(&report::ellipsised(&creditor, 40)),
                Esc(&book.money(book.minor(sample.place))),
                Prose(&sample.sentence)
            )?;
        }
        writeln!(out, "</tbody></table></details>")?;
    }
    writeln!(out, "{END}")
}

fn outcome_typologies<'a>(
    told: &Told<'a>,
) -> impl Iterator<Item = (usize, &'a shroff_detect::Typology)> {
    told.outcome.version.typologies.iter().enumerate()
}

fn parts(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = told.outcome;
    let about = format!(
        "In order of time, 60, 20 and 20 % of the payments, with a gap of {} between them; an attempt is in the part of its first payment. Thresholds are chosen on validation, and test is read once.",
        outcome.split.gap
    );
    section("parts", "The parts of the history", &about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Part</th>")?;
    number_heads(&["Payments", "Labelled", "Alerts a day", "Right", "Attempts half found"], out)?;
    for (part, name) in NAMES.iter().enumerate() {
        let row = &outcome.table.figures[part][outcome.table.rules];
        let (begin, end) = outcome.split.bounds[part];
        let last = Timestamp(end.0.saturating_sub(1).max(begin.0));
        let half = match row.attempts {
            0 => "-".to_owned(),
            _ => format!(
                "{} of {}",
                percent(share(row.attempts_half, row.attempts), row.intervals.attempts_half),
                grouped(row.attempts)
            ),
        };
        writeln!(
            out,
            "<tr><th scope=\"row\">{name}<small>{}</small></th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{half}</td></tr>",
            report::period(begin, last),
            grouped(row.payments),
            grouped(row.labelled),
            rate(row.alerts_per_day()),
            percent(share(row.right_alerts, row.alerts), row.intervals.alert_precision),
        )?;
    }
    writeln!(out, "</tbody></table>{END}")
}

/// What changed between two versions, by rule and payment by payment.
fn difference(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (Some(difference), Some(other)) = (&told.difference, told.other) else { return Ok(()) };
    let against = told.against.as_deref().unwrap_or_default();
    let count = |word: &str| {
        let found = difference.changed.iter().filter(|changed| changed.change() == word);
        grouped(found.count() as u64)
    };
    let about = format!(
        "Against {against}: {} payments came into alerts, {} left them, {} are told otherwise. Each of them is in `difference.parquet`.",
        count("gained"),
        count("lost"),
        count("changed")
    );
    section("difference", "What changed", &about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Rule</th>")?;
    number_heads(
        &[
            "Alerts a day before",
            "now",
            "Right before",
            "now",
            "Half found before",
            "now",
            "Innocent before",
            "now",
        ],
        out,
    )?;
    let known = rule_names(other);
    for (at, name, now) in shown(told.outcome, 0) {
        let empty = Figures { days: now.days, ..Figures::default() };
        let before = known.iter().position(|other| *other == name);
        let before = before.map_or(&empty, |at| &other.table.figures[0][at]);
        write!(out, "{}", row_head(told.outcome, (at, name)))?;
        let cells = |figures: &Figures| {
            [
                rate(figures.alerts_per_day()),
                percent(share(figures.right_alerts, figures.alerts), None),
                percent(share(figures.attempts_half, figures.attempts), None),
                grouped(figures.innocent_accounts),
            ]
        };
        for (before, now) in cells(before).into_iter().zip(cells(now)) {
            let mark = if before == now { ("", "") } else { ("<b>", "</b>") };
            write!(
                out,
                "<td class=\"num\">{before}</td><td class=\"num\">{}{now}{}</td>",
                mark.0, mark.1
            )?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>{END}")
}

fn inputs(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let about = "The figures stand in `rules.parquet`, what was said of each payment in `verdicts.parquet`.";
    section("inputs", "What was read", about, out)?;
    write!(out, "<table class=\"table\"><thead><tr><th scope=\"col\">Input</th>")?;
    number_heads(&["Payments", "Refused", "Left out"], out)?;
    for input in &told.opened.book.facts.inputs {
        writeln!(
            out,
            "<tr><th scope=\"row\"><bdi>{}</bdi><small>{}</small></th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            Esc(&report::ellipsised(&input.name, 60)),
            Esc(&input.layout),
            grouped(input.payments),
            grouped(input.rejected),
            grouped(input.left_out)
        )?;
    }
    writeln!(out, "</tbody></table>{END}")
}
