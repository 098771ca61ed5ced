//! The example ledgers of typologies: tables of payments, and the alerts that they give.

use shroff_detect::{Example, Input, Typology, union};
use shroff_types::{AccountId, Currency, Decimal, Names, Place, Span, Symbol, Timestamp};

use crate::engine::Engine;

/// What is wrong with an example, and in which line of its table, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ExampleError {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Payments in order, with the names of their accounts and methods.
#[derive(Debug, Default, Clone)]
pub struct ExampleLedger {
    /// The payments.
    pub payments: Vec<Input>,
    /// The names of accounts.
    pub accounts: Names,
    /// The names of methods.
    pub symbols: Names,
}

impl ExampleLedger {
    /// Reads a table whose header begins with a unit of time and names the columns `from`, `to`,
    /// `eur`, and where wanted `currency` and `method`; `-` is nothing. Rows stand in time order.
    ///
    /// # Errors
    /// The first row that is none.
    pub fn read(table: &str) -> Result<ExampleLedger, ExampleError> {
        let mut ledger = ExampleLedger::default();
        let mut header: Option<Vec<&str>> = None;
        for (number, line) in table.lines().enumerate() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields.is_empty() {
                continue;
            }
            let error = |what: String| ExampleError { line: number + 1, what };
            let Some(header) = &header else {
                unit(fields[0]).map_err(error)?;
                header = Some(fields);
                continue;
            };
            let input = ledger.row(header, &fields).map_err(error)?;
            if ledger.payments.last().is_some_and(|last| last.time > input.time) {
                return Err(error("a row is earlier than the one before".to_owned()));
            }
            ledger.payments.push(input);
        }
        Ok(ledger)
    }

    fn row(&mut self, header: &[&str], fields: &[&str]) -> Result<Input, String> {
        if fields.len() != header.len() {
            return Err(format!("{} fields for {} columns", fields.len(), header.len()));
        }
        let field = |name: &str| {
            let at = header.iter().position(|column| *column == name)?;
            Some(fields[at]).filter(|text| *text != "-")
        };
        let needed = |name: &str| field(name).ok_or_else(|| format!("`{name}` is missing"));
        let number = |text: &str| {
            let plain = text.replace('_', "");
            Decimal::parse(&plain, '.').map_err(|_| format!("`{text}` is no number"))
        };
        let amount = number(needed("eur")?)?.units(2);
        let minor = amount.map_err(|_| "an amount has two decimals at most".to_owned())?;
        if minor <= 0 {
            return Err("an amount is above zero".to_owned());
        }
        // Thousandths of a unit are enough for an example.
        let thousandths = number(fields[0])?.units(3);
        let thousandths = thousandths
            .ok()
            .and_then(|n| i64::try_from(n).ok())
            .ok_or_else(|| format!("`{}` has three decimals at most", fields[0]))?;
        let time = thousandths.checked_mul(unit(header[0])? / 1_000);
        let time = time.ok_or_else(|| format!("`{}` is too far away", fields[0]))?;
        let currency = match field("currency") {
            None => Currency::EUR,
            Some(code) => {
                Currency::from_code(code).ok_or_else(|| format!("`{code}` is no currency"))?
            }
        };
        Ok(Input {
            time: Timestamp(time),
            debtor: AccountId(self.accounts.intern(needed("from")?)),
            creditor: AccountId(self.accounts.intern(needed("to")?)),
            minor,
            currency,
            method: field("method").map(|text| Symbol(self.symbols.intern(text))),
        })
    }
}

fn unit(name: &str) -> Result<i64, String> {
    match name {
        "day" => Ok(Span::DAY.micros()),
        "hour" => Ok(3_600_000_000),
        "minute" => Ok(60_000_000),
        _ => Err(format!("`{name}` is no unit of time: the first column is day, hour or minute")),
    }
}

/// The payments of each alert that a typology gives of an example, as `1-4 7`, in their order.
///
/// # Errors
/// Where the ledger is none, or the typology does not bind.
pub fn run_example(typology: &Typology, example: &Example) -> Result<Vec<String>, ExampleError> {
    let whole = |what: String| ExampleError { line: 1, what };
    let ledger = ExampleLedger::read(&example.ledger.text)?;
    let horizon = example.horizon.parse::<Span>();
    let horizon =
        horizon.map_err(|hint| whole(format!("horizon = \"{}\": {hint}", example.horizon)))?;
    let library = std::slice::from_ref(typology);
    let definitions = union(library, horizon)
        .map_err(|errors| whole(errors.iter().map(ToString::to_string).collect()))?;
    let mut engine =
        Engine::new(&definitions, library, 2).map_err(|error| whole(error.to_string()))?;
    engine.push(&ledger.payments, &ledger.symbols);
    let drafts = engine.finish(&ledger.symbols).drafts;
    Ok(drafts.finish().iter().map(|draft| ranges(&draft.payments)).collect())
}

/// `1-4 7`: runs of payments that follow on each other, numbered from 1.
fn ranges(places: &[Place]) -> String {
    let runs = places.chunk_by(|a, b| a.0 + 1 == b.0).map(|run| match run {
        [one] => (one.0 + 1).to_string(),
        _ => format!("{}-{}", run[0].0 + 1, run[run.len() - 1].0 + 1),
    });
    runs.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::ExampleLedger;

    fn refused(table: &str, line: usize, what: &str) {
        let error = ExampleLedger::read(table).expect_err(table);
        assert_eq!((error.line, error.what.as_str()), (line, what), "{table}");
    }

    #[test]
    fn what_is_no_ledger_is_told_with_its_line() {
        refused(
            "week from to eur",
            1,
            "`week` is no unit of time: the first column is day, hour or minute",
        );
        refused("day from to eur\n0 A B", 2, "3 fields for 4 columns");
        refused("day from to eur\n\n0 A B x", 3, "`x` is no number");
        refused("day from to eur\n0 A B 0", 2, "an amount is above zero");
        refused("day from to eur\n0 A B 1.234", 2, "an amount has two decimals at most");
        refused("day from to eur\n1 A B 1\n0.5 A B 1", 3, "a row is earlier than the one before");
        refused("day from to eur currency\n1 A B 1 EU", 2, "`EU` is no currency");
    }

    #[test]
    fn a_table_is_read_with_its_units_and_names() {
        let ledger =
            ExampleLedger::read("hour from to eur\n0.5 A B 1_000.25\n2 B A 3").expect("it is one");
        assert_eq!(ledger.payments[0].time.0, 1_800_000_000);
        assert_eq!(ledger.payments[0].minor, 100_025);
        assert_eq!(ledger.payments[1].debtor, ledger.payments[0].creditor);
    }
}
