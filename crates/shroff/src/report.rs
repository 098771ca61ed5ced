//! The report a human opens: one HTML file that needs no network, no server and no script.
//!
//! [`render`] is a function of its [`Report`] alone, so equal input gives equal bytes. All text in
//! a report is taken to be hostile and is escaped where it is written; the page's security policy
//! names the one style sheet and the one script by their digests.

mod axis;
mod charts;
mod flow;
mod lanes;
mod page;
mod payments;
mod shape;
mod text;

use std::io::{self, Write};

use shroff_types::{Amount, Currency, Timestamp};

pub(crate) use charts::{days, swatch};
pub(crate) use page::{big, mast as masthead, notes};
pub(crate) use shape::R;
pub(crate) use text::{Esc, Prose, ellipsised, grouped, money, period};

/// Everything the page shows. Whoever fills it decides what is left out, and says how much.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// The heading, such as `Payments of September`.
    pub(crate) title: String,
    /// The version of the program that wrote it.
    pub(crate) version: String,
    /// What was read, file by file.
    pub(crate) inputs: Vec<InputLine>,
    /// How many payments were examined.
    pub(crate) payments: u64,
    /// How many accounts they name.
    pub(crate) accounts: u64,
    /// The time of the first payment; none without payments.
    pub(crate) first_time: Option<Timestamp>,
    /// The time of the last payment; none without payments.
    pub(crate) last_time: Option<Timestamp>,
    /// The currency of every sum; [`Currency::NONE`] where none was named, and none is shown.
    pub(crate) base: Currency,
    /// What the reader must know: conversions without rates, rounding, bounds that were hit.
    /// A sentence each.
    pub(crate) notes: Vec<String>,
    /// Every typology that was looked for, also those without an alert. Their order gives them
    /// their colour.
    pub(crate) typologies: Vec<TypologySummary>,
    /// The days with payments or alerts, ascending; days without either may be left out.
    pub(crate) days: Vec<Day>,
    /// How right the alerts are, where the input has labels.
    pub(crate) evaluation: Option<Evaluation>,
    /// How many alerts there are, of which `alerts` has the first.
    pub(crate) total_alerts: u64,
    /// The alerts that are drawn, strongest first.
    pub(crate) alerts: Vec<ReportAlert>,
    /// The records that were refused.
    pub(crate) quarantine: Quarantine,
}

/// One input and what became of its records.
#[derive(Debug, Clone)]
pub(crate) struct InputLine {
    /// The file as the user named it, or `standard input`.
    pub(crate) name: String,
    /// The layout it was read as.
    pub(crate) layout: String,
    /// Payments read.
    pub(crate) payments: u64,
    /// Records refused; they are in quarantine.
    pub(crate) rejected: u64,
    /// Records left out on purpose, as the layout says (a header repeated, a balance line).
    pub(crate) left_out: u64,
}

/// A typology that was looked for, and what was found.
#[derive(Debug, Clone)]
pub(crate) struct TypologySummary {
    /// Its id, such as `scatter-gather`.
    pub(crate) id: String,
    /// Its name for humans, such as `Scatter-gather`.
    pub(crate) title: String,
    /// How many alerts.
    pub(crate) alerts: u64,
    /// How many payments are evidence of one.
    pub(crate) payments: u64,
    /// What it is, in a sentence.
    pub(crate) what: String,
    /// What is innocent about it, in a sentence.
    pub(crate) innocent: String,
}

/// One day of the chart.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// Any instant of the day; its UTC date is shown.
    pub(crate) date: Timestamp,
    /// Payments of the day.
    pub(crate) payments: u64,
    /// Alerts first raised by a payment of the day, a number for each typology, in the order of
    /// [`Report::typologies`].
    pub(crate) alerts: Vec<u64>,
}

/// How right the alerts are against the input's labels.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    /// What the labels are and how they were read, in a sentence or two.
    pub(crate) about: String,
    /// The figures in order of importance: precision and burden first.
    pub(crate) figures: Vec<Figure>,
    /// Recall by typology, by attempt, and whatever else comes in rows.
    pub(crate) tables: Vec<ShareTable>,
}

/// One figure with what it means.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Its name: `Precision of payments`.
    pub(crate) label: String,
    /// Its value as it is to be read: `41.2 %`.
    pub(crate) value: String,
    /// What it means, in a sentence: `1,204 of 2,922 payments in alerts are labelled`.
    pub(crate) explanation: String,
}

/// A table of parts of wholes, each drawn as a bar beside its numbers.
#[derive(Debug, Clone)]
pub(crate) struct ShareTable {
    /// Its heading.
    pub(crate) title: String,
    /// What a row is: `Typology`.
    pub(crate) rows_are: String,
    /// What each share is: `Attempts found`, `Payments found`.
    pub(crate) columns: Vec<String>,
    /// The rows: a name, and a share for each column.
    pub(crate) rows: Vec<(String, Vec<Share>)>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// The part; not more than the whole.
    pub(crate) part: u64,
    /// The whole; where it is zero the share is undefined, and shown as such.
    pub(crate) whole: u64,
}

/// The records that were refused, by reason.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quarantine {
    /// How many in all; they are in `quarantine.csv`.
    pub(crate) total: u64,
    /// By reason, most frequent first.
    pub(crate) reasons: Vec<QuarantineReason>,
}

/// One reason for refusing records.
#[derive(Debug, Clone)]
pub(crate) struct QuarantineReason {
    /// The reason: `the amount is not above zero`.
    pub(crate) reason: String,
    /// How many records.
    pub(crate) count: u64,
    /// The first of them, as `place` and `value`: `payments.csv, line 17, amount` and `-3.00`.
    pub(crate) examples: Vec<(String, String)>,
}

/// One alert as it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct ReportAlert {
    /// The alert's id, as in `alerts.jsonl`.
    pub(crate) id: String,
    /// Which of [`Report::typologies`] it is.
    pub(crate) typology: usize,
    /// From 0 to 1000. It orders alerts; it is not a probability.
    pub(crate) score_permille: u16,
    /// The time of the evidence's first payment.
    pub(crate) first_time: Timestamp,
    /// The time of the evidence's last payment.
    pub(crate) last_time: Timestamp,
    /// The sum of the evidence in minor units of [`Report::base`].
    pub(crate) amount_minor: i128,
    /// How many accounts the evidence names, also those not drawn.
    pub(crate) account_count: u64,
    /// Why it was raised: sentences with their values, strongest first.
    pub(crate) reasons: Vec<String>,
    /// What is suspicious about it, in a sentence or two.
    pub(crate) what: String,
    /// Which innocent explanation fits, in a sentence or two.
    pub(crate) innocent: String,
    /// The accounts of the payments below; each is a lane or part of one. The picture orders
    /// them itself.
    pub(crate) accounts: Vec<AccountLane>,
    /// The payments, evidence and context, in any order.
    pub(crate) payments: Vec<FlowPayment>,
    /// Payments of the evidence that are not in `payments`.
    pub(crate) evidence_left_out: u64,
    /// Other payments of these accounts in this time that are not in `payments`.
    pub(crate) context_left_out: u64,
}

/// An account in a flow.
#[derive(Debug, Clone)]
pub(crate) struct AccountLane {
    /// The token it is shown as.
    pub(crate) name: String,
}

/// A payment in a flow.
#[derive(Debug, Clone)]
pub(crate) struct FlowPayment {
    /// The institution's id.
    pub(crate) id: String,
    /// When.
    pub(crate) time: Timestamp,
    /// Who pays: an index into [`ReportAlert::accounts`].
    pub(crate) debtor: usize,
    /// Who is paid: an index into [`ReportAlert::accounts`].
    pub(crate) creditor: usize,
    /// How much, as paid.
    pub(crate) amount: Amount,
    /// How much in minor units of [`Report::base`]: the arrow's width.
    pub(crate) base_minor: i128,
    /// Whether it is evidence; otherwise it is context.
    pub(crate) evidence: bool,
    /// How it was paid, where the file says.
    pub(crate) method: Option<String>,
    /// Its label, where the file has labels.
    pub(crate) label: Option<bool>,
}

/// Writes the page. It streams: no more than one alert's picture is held in memory.
///
/// # Errors
/// Those of `out`.
///
/// # Panics
/// If a payment names an account, or an alert a typology, that is not in its list.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    page::write(report, out)
}

/// The head of another page of the same look, which has no script.
pub(crate) fn head(title: &str, style: &str, out: &mut dyn Write) -> io::Result<()> {
    page::opening(title, (style, None), out)
}

/// The end of such a page.
pub(crate) fn foot(version: &str, out: &mut dyn Write) -> io::Result<()> {
    page::footer(version, out)?;
    writeln!(out, "</body></html>")
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
