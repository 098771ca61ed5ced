//! A typology as a page of the book, with its first example drawn.

use std::fmt::Write as _;

use shroff_detect::Typology;
use shroff_engine::ExampleLedger;

/// The list of all pages.
pub(crate) fn index(typologies: &[Typology]) -> String {
    let mut text = "# The library\n\nMade by `shroff rules docs` from `typologies/*.toml`.\n\n\
                    | typology | what it is |\n|---|---|\n"
        .to_owned();
    for typology in typologies {
        let what = cell(&typology.what);
        writeln!(text, "| [{}]({}.md) | {what} |", typology.title, typology.id).expect(FITS);
    }
    text
}

const FITS: &str = "a string takes text";

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The page of a typology.
pub(crate) fn page(typology: &Typology) -> String {
    let mut text = format!(
        "# {}\n\nMade by `shroff rules docs` from `{}`.\n\n- **What:** {}\n- **Why:** {}\n- **Innocent:** {}\n- **Suggests:** {}, \
         weight {}, group `{}`\n",
        typology.title,
        typology.file.rsplit('/').next().unwrap_or_default(),
        typology.what,
        typology.why,
        typology.innocent,
        typology.action.name(),
        typology.weight,
        typology.group
    );
    if !typology.parameters.is_empty() {
        text.push_str(
            "\n## What you may set\n| parameter | value | from | to | unit | what it is |\n\
             |---|---|---|---|---|---|\n",
        );
    }
    for (name, p) in &typology.parameters {
        let what = cell(&p.what);
        writeln!(
            text,
            "| `{name}` | {} | {} | {} | {} | {what} |",
            p.value, p.range.0, p.range.1, p.unit
        )
        .expect(FITS);
    }
    if !typology.values.is_empty() {
        text.push_str("\n## Values\n```sql\n");
        for (name, value) in &typology.values {
            writeln!(text, "{name} = {}", value.text.trim()).expect(FITS);
        }
        text.push_str("```\n");
    }
    for (number, case) in typology.cases.iter().enumerate() {
        let number =
            if typology.cases.len() == 1 { String::new() } else { format!(" {}", number + 1) };
        let columns: Vec<String> = case.evidence.iter().map(|e| format!("`{}`", e.text)).collect();
        write!(
            text,
            "\n## Fires{number}\nwhen\n```sql\n{}\n```\nwith the score\n```sql\n{}\n```\nIt says: {}\n\nEvidence: \
             the payments behind {}.\n",
            flush_left(&case.when.text),
            flush_left(&case.score.text),
            case.reason.text,
            columns.join(", ")
        )
        .expect(FITS);
    }
    for example in &typology.examples {
        let must = match &example.alerts[..] {
            [] => "No alert.".to_owned(),
            alerts => format!("One alert each over the payments {}.", alerts.join("; ")),
        };
        write!(text, "\n## Example: {}\n{must}\n", example.name).expect(FITS);
        if !example.alerts.is_empty() {
            text.push_str(&drawing(&example.ledger.text));
        }
        write!(text, "```text\n{}\n```\n", example.ledger.text.trim()).expect(FITS);
    }
    text.push_str("\n## Sources\n");
    for source in &typology.sources {
        writeln!(text, "- {source}").expect(FITS);
    }
    text
}

/// Without the spaces that all lines begin with.
fn flush_left(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let spaces = |line: &&str| line.len() - line.trim_start().len();
    let indent = lines.iter().map(spaces).min().unwrap_or(0);
    lines.iter().map(|line| &line[indent..]).collect::<Vec<_>>().join("\n")
}

/// The most accounts that are drawn: more do not fit a page.
const MOST_LANES: usize = 16;

/// A ledger as a picture: an account is a line from left to right, a payment an arrow at its turn.
fn drawing(table: &str) -> String {
    let Ok(ledger) = ExampleLedger::read(table) else { return String::new() };
    let accounts = ledger.accounts.len();
    if accounts == 0 || accounts > MOST_LANES || ledger.payments.len() > 40 {
        return String::new();
    }
    let (left, step, lane) = (90, 34, 26);
    let width = left + step * (ledger.payments.len() + 1);
    let height = lane * (accounts + 1);
    let y = |account: u32| lane * (account as usize + 1);
    let mut svg = format!(
        "\n<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         aria-label=\"the payments of the example\" font-family=\"sans-serif\" font-size=\"12\">"
    );
    for account in 0..u32::try_from(accounts).unwrap_or(0) {
        let (y, name) = (y(account), escaped(ledger.accounts.text(account)));
        write!(svg, "<text x=\"4\" y=\"{}\" fill=\"currentColor\">{name}</text>", y + 4)
            .expect(FITS);
        write!(svg, "<line x1=\"{left}\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\" stroke=\"currentColor\" stroke-opacity=\"0.25\"/>").expect(FITS);
    }
    for (number, payment) in ledger.payments.iter().enumerate() {
        let x = left + step * number + step / 2;
        let (from, to) = (y(payment.debtor.0), y(payment.creditor.0));
        let tip = if to > from { to - 7 } else { to + 7 };
        write!(
            svg,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{from}\" y2=\"{tip}\" stroke=\"currentColor\" stroke-width=\"2\"/>\
             <circle cx=\"{x}\" cy=\"{from}\" r=\"3\" fill=\"currentColor\"/>\
             <path d=\"M{} {tip}L{} {tip}L{x} {to}Z\" fill=\"currentColor\"/>",
            x - 5,
            x + 5
        )
        .expect(FITS);
    }
    svg.push_str("</svg>\n\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{drawing, escaped, page};

    #[test]
    fn an_arrow_is_drawn_for_every_payment_and_names_are_shown_and_not_obeyed() {
        let svg = drawing("day from to eur\n0 <b>A B 5\n1 B C 4\n");
        assert_eq!(svg.matches("<path").count(), 2, "{svg}");
        assert!(svg.contains("&lt;b&gt;A") && !svg.contains("<b>"), "{svg}");
        assert_eq!(escaped("a&\"b\""), "a&amp;&quot;b&quot;");
    }

    #[test]
    fn every_built_in_typology_has_a_page_with_a_picture() {
        let library = crate::library::for_run(None, &[]).expect("the library is right");
        for typology in &library {
            let page = page(typology);
            assert!(page.contains("<svg"), "{} has no picture", typology.id);
            assert!(page.contains(&typology.innocent), "{page}");
        }
    }
}
