//! The payments of an alert as a table, each row linked with its arrow.

use std::collections::BTreeSet;
use std::io::{self, Write};

use shroff_types::{Amount, Currency};

use super::flow::{drawn, in_order};
use super::text::{Esc, count, ellipsised, instant, money, number};
use super::{FlowPayment, ReportAlert};

/// Tables of more rows are closed until somebody opens them.
const MOST_OPEN: usize = 12;

/// The columns that not every table has.
#[derive(Debug, Clone, Copy)]
struct Columns {
    converted: Option<Currency>,
    method: bool,
    label: bool,
    context: bool,
}

/// Writes the table of alert `number`.
pub(crate) fn write(
    alert: &ReportAlert,
    base: Currency,
    page_number: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let payments = &alert.payments;
    let evidence = payments.iter().filter(|payment| payment.evidence).count();
    let context = payments.len() - evidence;
    let columns = Columns {
        converted: payments.iter().any(|p| p.amount.currency != base).then_some(base),
        method: payments.iter().any(|payment| payment.method.is_some()),
        label: payments.iter().any(|payment| payment.label.is_some()),
        context: context > 0,
    };
    let open = if payments.len() <= MOST_OPEN { " open" } else { "" };
    write!(out, "<details class=\"payments\"{open}><summary>")?;
    write!(out, "{}", count(evidence as u64, "payment is evidence", "payments are evidence"))?;
    if context > 0 {
        write!(out, ", {}", count(context as u64, "is context", "are context"))?;
    }
    write!(
        out,
        "</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Payments\"><table class=\"rows paid\"><thead><tr>"
    )?;
    head(columns, out)?;
    write!(out, "</tr></thead><tbody>")?;
    let order = in_order(alert);
    let drawn: BTreeSet<usize> = drawn(alert, &order).into_iter().map(|(n, _)| n).collect();
    for (n, index) in order.into_iter().enumerate() {
        let n = n + 1;
        // A row without an arrow has no link to one.
        let number = if drawn.contains(&n) {
            format!("<a href=\"#p{page_number}-{n}\">{n}</a>")
        } else {
            n.to_string()
        };
        write!(out, "<tr id=\"r{page_number}-{n}\"")?;
        if !payments[index].evidence {
            write!(out, " class=\"c\"")?;
        }
        write!(out, "><td>{number}</td>")?;
        cells(alert, &payments[index], columns, out)?;
    }
    writeln!(out, "</tbody></table></div></details>")
}

fn head(columns: Columns, out: &mut dyn Write) -> io::Result<()> {
    let mut heads = vec![("num", "#".to_owned()), ("", "Time (UTC)".to_owned())];
    heads.extend([("", "From".to_owned()), ("", "To".to_owned()), ("num", "Amount".to_owned())]);
    if let Some(base) = columns.converted {
        let name =
            if base == Currency::NONE { "Compared as".to_owned() } else { format!("In {base}") };
        heads.push(("num", name));
    }
    if columns.method {
        heads.push(("", "Method".to_owned()));
    }
    if columns.context {
        heads.push(("", "Part".to_owned()));
    }
    if columns.label {
        heads.push(("", "Label".to_owned()));
    }
    heads.push(("", "Payment".to_owned()));
    for (class, name) in heads {
        let class = if class.is_empty() { "" } else { " class=\"num\"" };
        write!(out, "<th scope=\"col\"{class}>{name}</th>")?;
    }
    Ok(())
}

/// The cells of a row, after its number.
fn cells(
    alert: &ReportAlert,
    payment: &FlowPayment,
    columns: Columns,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(
        out,
        "<td>{}</td>{}{}<td>{}</td>",
        instant(payment.time),
        named(&alert.accounts[payment.debtor].name),
        named(&alert.accounts[payment.creditor].name),
        money(payment.amount),
    )?;
    if let Some(currency) = columns.converted {
        let amount = Amount { minor: payment.base_minor, currency };
        write!(out, "<td class=\"num\">{}</td>", number(amount))?;
    }
    if columns.method {
        write!(out, "{}", named(payment.method.as_deref().unwrap_or("")))?;
    }
    if columns.context {
        let part = if payment.evidence { "evidence" } else { "context" };
        write!(out, "<td>{part}</td>")?;
    }
    if columns.label {
        let label = match payment.label {
            Some(true) => "<b>labelled</b>",
            Some(false) => "not labelled",
            None => "",
        };
        write!(out, "<td>{label}</td>")?;
    }
    writeln!(out, "{}</tr>", named(&payment.id))
}

/// A cell of text from data: kept to itself whatever its direction, cut where it is long.
fn named(text: &str) -> String {
    // Most names are tokens, which need none of it.
    if text.len() <= 28 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return format!("<td>{text}</td>");
    }
    let short = ellipsised(text, 28);
    let title = if short == text {
        String::new()
    } else {
        format!(" title=\"{}\"", Esc(&ellipsised(text, 400)))
    };
    format!("<td{title}><bdi>{}</bdi></td>", Esc(&short))
}
