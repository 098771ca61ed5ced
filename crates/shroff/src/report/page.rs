//! The page, section by section.

use std::io::{self, Write};

use sha2::{Digest, Sha256};
use shroff_types::Amount;

use super::charts::{bar, days, percent, swatch};
use super::text::{Date, Esc, Prose, clock, count, duration, ellipsised, grouped, money, period};
use super::{Evaluation, Quarantine, Report, ReportAlert, ShareTable, TypologySummary};
use super::{flow, payments};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the whole page.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    head(report, out)?;
    masthead(report, out)?;
    writeln!(out, "<main id=\"main\">")?;
    if report.total_alerts > 0 {
        typologies(report, out)?;
        by_day(report, out)?;
    }
    if let Some(evaluation) = &report.evaluation {
        write_evaluation(evaluation, out)?;
    }
    if report.total_alerts > 0 {
        alerts(report, out)?;
    } else {
        nothing_found(report, out)?;
    }
    inputs(report, out)?;
    quarantine(&report.quarantine, out)?;
    notes(&report.notes, out)?;
    footer(&report.version, out)?;
    writeln!(out, "<script>{SCRIPT}</script></body></html>")
}

/// The foot of a page.
pub(crate) fn footer(version: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "</main><footer><p>Written by Shroff {}. This file needs no network and asks for none. Times are UTC.</p></footer>",
        Esc(version)
    )
}

fn head(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    opening(&report.title, (STYLE, Some(SCRIPT)), out)
}

/// The head of a page that has one style sheet, and one script or none.
pub(crate) fn opening(
    title: &str,
    (style, script): (&str, Option<&str>),
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    let script = script.map_or("'none'".to_owned(), |text| format!("'{}'", source_digest(text)));
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'\">",
        source_digest(style),
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\"><title>{}</title>",
        Esc(&ellipsised(title, 120))
    )?;
    writeln!(out, "<style>{style}</style></head><body>")
}

/// The digest by which a security policy allows one inline text.
fn source_digest(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut source = "sha256-".to_owned();
    for chunk in Sha256::digest(text.as_bytes()).chunks(3) {
        let bits = (0..3).fold(0, |bits, n| bits << 8 | u32::from(*chunk.get(n).unwrap_or(&0)));
        for n in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * n) & 63) as usize];
            source.push(if n <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    source
}

fn masthead(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let when = match (report.first_time, report.last_time) {
        (Some(first), Some(last)) => {
            format!("{}, {} UTC to {} UTC", period(first, last), clock(first), clock(last))
        }
        _ => "No payments were read".to_owned(),
    };
    mast(&report.title, &when, out)?;
    let refused = report.quarantine.total;
    let per = burden(report.total_alerts, report.accounts);
    let mut figures = vec![
        (grouped(report.payments), "payments read", String::new()),
        (grouped(report.accounts), "accounts", String::new()),
        (grouped(report.total_alerts), "alerts", per),
    ];
    if refused > 0 {
        figures.push((grouped(refused), "records refused", "listed at the end".to_owned()));
    }
    big(&figures, out)?;
    writeln!(
        out,
        "<p class=\"stance\"><strong>An alert is a question, not an accusation.</strong> Shroff looks at payments, not at people. It shows flows of money that resemble known fraud or laundering, with the payments that made it say so; most such flows have an innocent explanation, and each alert names the one to rule out first. A score orders alerts and is not a probability. A person decides.</p></header>"
    )
}

/// The sign, the heading, and the time it speaks of.
pub(crate) fn mast(title: &str, when: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<a class=\"skip\" href=\"#main\">Skip to the alerts</a><header class=\"mast\"><p class=\"mark\"><svg viewBox=\"0 0 20 20\" width=\"20\" height=\"20\" aria-hidden=\"true\"><path fill-rule=\"evenodd\" d=\"M10,0a10,10 0 1 1 0,20a10,10 0 1 1 0-20ZM10,2.2a7.8,7.8 0 1 0 0,15.6a7.8,7.8 0 1 0 0-15.6ZM7.2,7.2h5.6v5.6h-5.6Z\"/></svg>Shroff</p><h1>{}</h1>",
        Esc(&ellipsised(title, 200))
    )?;
    writeln!(out, "<p class=\"when\">{when}</p>")
}

/// The figures at the top: value, label, and what more there is to say.
pub(crate) fn big(figures: &[(String, &str, String)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<dl class=\"big\">")?;
    for (value, label, more) in figures {
        write!(out, "<div><dt>{label}")?;
        if !more.is_empty() {
            write!(out, "<small>{more}</small>")?;
        }
        writeln!(out, "</dt><dd>{value}</dd></div>")?;
    }
    writeln!(out, "</dl>")
}

/// `3.2 for each 1,000 accounts`.
fn burden(alerts: u64, accounts: u64) -> String {
    if accounts == 0 || alerts == 0 {
        return String::new();
    }
    let tenths = u128::from(alerts) * 10_000 / u128::from(accounts);
    format!("{}.{} for each 1,000 accounts", tenths / 10, tenths % 10)
}

fn typologies(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"by-kind\"><h2 id=\"by-kind\">Alerts by typology</h2><div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"by-kind\"><table class=\"kinds\"><thead><tr><th scope=\"col\">Typology</th><th scope=\"col\" class=\"num\">Alerts</th><td class=\"wide\"></td><th scope=\"col\" class=\"num\">Payments</th></tr></thead><tbody>"
    )?;
    let most = report.typologies.iter().map(|summary| summary.alerts).max().unwrap_or(0);
    for (n, summary) in report.typologies.iter().enumerate() {
        let class = if summary.alerts == 0 { " none" } else { "" };
        let innocent = if summary.alerts == 0 {
            String::new()
        } else {
            format!("<span class=\"often\">Often innocent: {}</span>", Prose(&summary.innocent))
        };
        writeln!(
            out,
            "<tr class=\"t{}{class}\"><th scope=\"row\">{}{}<p class=\"what\">{}{}</p></th><td class=\"num\">{}</td><td class=\"wide\">{}</td><td class=\"num\">{}</td></tr>",
            n % 8,
            swatch(n),
            Esc(&summary.title),
            Prose(&summary.what),
            innocent,
            grouped(summary.alerts),
            bar(summary.alerts, most),
            grouped(summary.payments)
        )?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

fn by_day(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let chart = days(&report.typologies, &report.days);
    if chart.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"by-day\"><h2 id=\"by-day\">Alerts by day</h2><div class=\"card\"><ul class=\"legend\">"
    )?;
    for (n, summary) in report.typologies.iter().enumerate().filter(|(_, s)| s.alerts > 0) {
        writeln!(out, "<li>{}{}</li>", swatch(n), Esc(&summary.title))?;
    }
    writeln!(
        out,
        "</ul><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"by-day\">{chart}</div>"
    )?;
    writeln!(
        out,
        "<details class=\"same\"><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"by-day\"><table class=\"rows\"><thead><tr><th scope=\"col\">Day</th><th scope=\"col\" class=\"num\">Payments</th>"
    )?;
    let shown: Vec<usize> =
        (0..report.typologies.len()).filter(|&n| report.typologies[n].alerts > 0).collect();
    for &n in &shown {
        let title = Esc(&report.typologies[n].title);
        write!(out, "<th scope=\"col\" class=\"num\">{title}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for day in report.days.iter().filter(|day| day.alerts.iter().any(|&alerts| alerts > 0)) {
        let (date, payments) = (Date::of(day.date).long(), grouped(day.payments));
        write!(out, "<tr><th scope=\"row\">{date}</th><td class=\"num\">{payments}</td>")?;
        for &n in &shown {
            let alerts = day.alerts.get(n).copied().unwrap_or(0);
            write!(out, "<td class=\"num\">{}</td>", grouped(alerts))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div></details></div></section>")
}

fn write_evaluation(evaluation: &Evaluation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"labels\"><h2 id=\"labels\">Against the labels</h2><div class=\"card\"><p class=\"about\">{}</p><dl class=\"figures\">",
        Prose(&evaluation.about)
    )?;
    for figure in &evaluation.figures {
        writeln!(
            out,
            "<div><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>",
            Esc(&figure.label),
            Esc(&figure.value),
            Prose(&figure.explanation)
        )?;
    }
    writeln!(out, "</dl>")?;
    for table in &evaluation.tables {
        share_table(table, out)?;
    }
    writeln!(out, "</div></section>")
}

fn share_table(table: &ShareTable, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h3>{title}</h3><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\"><table class=\"shares\"><thead><tr><th scope=\"col\">{}</th>",
        Esc(&table.rows_are),
        title = Esc(&table.title),
    )?;
    for column in &table.columns {
        write!(out, "<th scope=\"col\" colspan=\"2\">{}</th>", Esc(column))?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for (name, shares) in &table.rows {
        let short = ellipsised(name, 60);
        write!(out, "<tr><th scope=\"row\"><bdi>{}</bdi></th>", Esc(&short))?;
        for share in shares {
            write!(
                out,
                "<td class=\"num\">{} of {}<small>{}</small></td><td class=\"narrow\">{}</td>",
                grouped(share.part),
                grouped(share.whole),
                percent(*share),
                bar(share.part, share.whole)
            )?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn alerts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let drawn = report.alerts.len() as u64;
    let which = if drawn < report.total_alerts {
        let total = grouped(report.total_alerts);
        format!(
            "The {} strongest of {total}. All are in <code>alerts.jsonl</code>.",
            grouped(drawn)
        )
    } else {
        format!("All {}, strongest first.", grouped(drawn))
    };
    writeln!(
        out,
        "<section aria-labelledby=\"alerts\"><h2 id=\"alerts\">Alerts</h2><p class=\"which\">{which}</p>"
    )?;
    if report.alerts.is_empty() {
        return writeln!(out, "</section>");
    }
    index(report, out)?;
    key(out)?;
    toolbar(report, out)?;
    writeln!(out, "<div id=\"list\">")?;
    for (n, alert) in report.alerts.iter().enumerate() {
        write_alert(report, alert, n + 1, out)?;
    }
    writeln!(out, "</div></section>")
}

/// The alerts as a list, to choose from.
fn index(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"alerts\"><table class=\"rows index\"><thead><tr><th scope=\"col\" class=\"num\">#</th><th scope=\"col\">Typology</th><th scope=\"col\" class=\"num\">Score</th><th scope=\"col\" class=\"num\">Amount</th><th scope=\"col\" class=\"num\">Payments</th><th scope=\"col\" class=\"num\">Accounts</th><th scope=\"col\">Period</th></tr></thead><tbody>"
    )?;
    for (n, alert) in report.alerts.iter().enumerate() {
        writeln!(
            out,
            "<tr><td class=\"num\">{n}</td><td><a href=\"#a{n}\">{}{}</a></td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td></tr>",
            swatch(alert.typology).replacen("swatch ", "swatch in ", 1),
            Esc(&typology(report, alert).title),
            alert.score_permille,
            total(report, alert),
            grouped(evidence_count(alert)),
            grouped(alert.account_count),
            period(alert.first_time, alert.last_time),
            n = n + 1,
        )?;
    }
    writeln!(out, "</tbody></table></div>")
}

/// How to read the pictures.
fn key(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<details class=\"key\" open><summary>How to read the pictures</summary><ul><li><svg viewBox=\"0 0 44 22\" width=\"44\" height=\"22\" aria-hidden=\"true\"><path class=\"k1\" d=\"M0,4H44M0,20H44\"/><path class=\"k2\" d=\"M6,2H20Q24,2 24,6V13H28L22,20L16,13H20V6H6Z\"/></svg>Each line is an account, time runs to the right, and each arrow is a payment from one account to another at its time, as wide as its amount.</li><li><svg viewBox=\"0 0 44 22\" width=\"44\" height=\"22\" aria-hidden=\"true\"><path class=\"k1\" d=\"M0,11H44\"/><path class=\"k3\" d=\"M8,7H36V15H8Z\"/></svg>A tinted bar is money that rests on an account before it goes on.</li><li><svg viewBox=\"0 0 44 22\" width=\"44\" height=\"22\" aria-hidden=\"true\"><path class=\"k2\" d=\"M11,2H15V12H19L13,20L7,12H11Z\"/><path class=\"k4\" d=\"M30,2H32V13H35L31,20L27,13H30Z\"/></svg>Filled arrows are evidence. Hollow grey ones are context: other payments of the same accounts, which nobody questions.</li><li><svg viewBox=\"0 0 44 22\" width=\"44\" height=\"22\" aria-hidden=\"true\"><path class=\"k1\" d=\"M0,11H18M26,11H44\"/><path class=\"k5\" d=\"M19,2L16,7L20,12L17,17L19,21M26,2L23,7L27,12L24,17L26,21\"/></svg>A torn strip is a long silence, cut short. A thick stretch of the time axis holds payments of the same instant, side by side in their order.</li></ul></details>"
    )
}

/// Controls that need the script; hidden until it runs.
fn toolbar(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<div class=\"tools\" id=\"tools\" hidden><label>Typology <select id=\"by-typology\"><option value=\"\">all</option>"
    )?;
    for summary in report.typologies.iter().filter(|summary| summary.alerts > 0) {
        let (id, title) = (Esc(&summary.id), Esc(&summary.title));
        write!(out, "<option value=\"{id}\">{title}</option>")?;
    }
    writeln!(
        out,
        "</select></label><label>Sort by <select id=\"sort\"><option value=\"n\">score</option><option value=\"amount\">amount</option><option value=\"time\">time, latest first</option><option value=\"accounts\">accounts</option></select></label><label>Find <input id=\"find\" type=\"search\" placeholder=\"account, payment, alert\" autocomplete=\"off\"></label><button type=\"button\" id=\"fold\">Collapse all</button><span id=\"shown\" role=\"status\"></span><span class=\"keys\"><kbd>j</kbd> <kbd>k</kbd> next, previous</span></div>"
    )
}

fn typology<'a>(report: &'a Report, alert: &ReportAlert) -> &'a TypologySummary {
    &report.typologies[alert.typology]
}

fn total(report: &Report, alert: &ReportAlert) -> String {
    money(Amount { minor: alert.amount_minor, currency: report.base })
}

fn evidence_count(alert: &ReportAlert) -> u64 {
    let drawn = alert.payments.iter().filter(|payment| payment.evidence).count() as u64;
    drawn.saturating_add(alert.evidence_left_out)
}

fn write_alert(
    report: &Report,
    alert: &ReportAlert,
    n: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let last = alert.last_time.0;
    writeln!(
        out,
        "<article class=\"alert t{}\" id=\"a{n}\" aria-labelledby=\"h{n}\" data-n=\"{n}\" data-typology=\"{}\" data-amount=\"{}\" data-time=\"{last}\" data-accounts=\"{}\"><details class=\"body\" open><summary><h3 id=\"h{n}\"><span class=\"no\">{n}</span>{}{}</h3>",
        alert.typology % 8,
        Esc(&typology(report, alert).id),
        alert.amount_minor,
        alert.account_count,
        swatch(alert.typology),
        Esc(&typology(report, alert).title),
    )?;
    writeln!(
        out,
        "<p class=\"facts\"><b>{}</b><span>{}</span><span>{}</span><span>{}</span><span>within {}</span><span class=\"score\">score {} of 1000{}</span></p></summary>",
        total(report, alert),
        count(evidence_count(alert), "payment", "payments"),
        count(alert.account_count, "account", "accounts"),
        period(alert.first_time, alert.last_time),
        duration(alert.last_time.micros_since(alert.first_time)),
        alert.score_permille,
        bar(u64::from(alert.score_permille), 1_000),
    )?;
    writeln!(
        out,
        "<div class=\"scroll picture\" tabindex=\"0\" role=\"group\" aria-label=\"Flow of money\">{}</div>",
        flow::draw(alert, report.base, n)
    )?;
    left_out(alert, out)?;
    writeln!(out, "<div class=\"words\"><div><h4>Why it was raised</h4><ul>")?;
    for reason in &alert.reasons {
        writeln!(out, "<li>{}</li>", Prose(reason))?;
    }
    writeln!(
        out,
        "</ul><p>{}</p></div><div class=\"innocent\"><h4>What would be innocent</h4><p>{}</p></div></div>",
        Prose(&alert.what),
        Prose(&alert.innocent)
    )?;
    payments::write(alert, report.base, n, out)?;
    writeln!(out, "<p class=\"id\">Alert <code>{}</code></p></details></article>", Esc(&alert.id))
}

/// A bound that was hit is shown.
fn left_out(alert: &ReportAlert, out: &mut dyn Write) -> io::Result<()> {
    if alert.evidence_left_out > 0 {
        let more = count(
            alert.evidence_left_out,
            "further payment of the evidence is not shown here; it is",
            "further payments of the evidence are not shown here; they are",
        );
        writeln!(out, "<p class=\"bound\">{more} in <code>alerts.jsonl</code>.</p>")?;
    }
    if alert.context_left_out > 0 {
        let more = count(
            alert.context_left_out,
            "other payment of these accounts in this time is",
            "other payments of these accounts in this time are",
        );
        writeln!(out, "<p class=\"bound\">{more} left out of the picture.</p>")?;
    }
    Ok(())
}

fn nothing_found(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.payments == 0 {
        return writeln!(
            out,
            "<section class=\"card empty\"><h2>No payments were read</h2><p>There was nothing to look at. What became of each input, and why records were refused, is below.</p></section>"
        );
    }
    writeln!(
        out,
        "<section class=\"card empty\"><h2>Nothing was raised</h2><p>{} between {} were looked at for {}. None of them reached a rule's limit. That is the usual result for most payments; it does not prove that nothing is wrong, only that these patterns are not there at these limits.</p><ul class=\"checked\">",
        count(report.payments, "payment", "payments"),
        count(report.accounts, "account", "accounts"),
        count(report.typologies.len() as u64, "typology", "typologies"),
    )?;
    for summary in &report.typologies {
        let (title, what) = (Esc(&summary.title), Esc(&summary.what));
        writeln!(out, "<li><b>{title}</b><span>{what}</span></li>")?;
    }
    writeln!(out, "</ul></section>")
}

fn inputs(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.inputs.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"inputs\"><h2 id=\"inputs\">What was read</h2><div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"inputs\"><table class=\"rows\"><thead><tr><th scope=\"col\">Input</th><th scope=\"col\">Read as</th><th scope=\"col\" class=\"num\">Payments</th><th scope=\"col\" class=\"num\">Refused</th><th scope=\"col\" class=\"num\">Left out</th></tr></thead><tbody>"
    )?;
    for input in &report.inputs {
        writeln!(
            out,
            "<tr><th scope=\"row\" class=\"id\"><bdi>{}</bdi></th><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            Esc(&ellipsised(&input.name, 80)),
            Esc(&input.layout),
            grouped(input.payments),
            grouped(input.rejected),
            grouped(input.left_out)
        )?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

fn quarantine(quarantine: &Quarantine, out: &mut dyn Write) -> io::Result<()> {
    if quarantine.total == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"refused\"><h2 id=\"refused\">Records that were refused</h2><p class=\"which\">{} in all, each with its place and reason in <code>quarantine.csv</code>. None of them took part in anything above.</p><div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"refused\"><table class=\"rows\"><thead><tr><th scope=\"col\" class=\"num\">Records</th><th scope=\"col\">Reason</th><th scope=\"col\">The first of them</th></tr></thead><tbody>",
        grouped(quarantine.total)
    )?;
    for reason in &quarantine.reasons {
        let text = Prose(&reason.reason);
        write!(out, "<tr><td class=\"num\">{}</td><td>{text}</td><td>", grouped(reason.count))?;
        for (place, value) in &reason.examples {
            write!(
                out,
                "<p class=\"first\"><bdi>{}</bdi> <code><bdi>{}</bdi></code></p>",
                Esc(&ellipsised(place, 80)),
                Esc(&ellipsised(value, 60))
            )?;
        }
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

/// What a reader must know.
pub(crate) fn notes(notes: &[String], out: &mut dyn Write) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"notes\"><h2 id=\"notes\">What to know about these numbers</h2><ul class=\"card notes\">"
    )?;
    for note in notes {
        writeln!(out, "<li>{}</li>", Prose(note))?;
    }
    writeln!(out, "</ul></section>")
}
