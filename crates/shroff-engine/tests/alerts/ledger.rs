//! Ledgers as text tables, and what an engine tells of them as text.

use std::fmt::Write as _;
use std::path::Path;

use shroff_detect::{Alone, Definitions, Input, Job, Typology, Workers};
use shroff_engine::{Completion, Counts, Draft, Engine, Outcome};
use shroff_types::{AccountId, Alert, Currency, Decimal, Names, Place, Span, Symbol, Timestamp};

/// Payments in order, with the names of their accounts and methods.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ledger {
    pub(crate) payments: Vec<Input>,
    pub(crate) accounts: Names,
    pub(crate) symbols: Names,
}

impl Ledger {
    /// Reads a table whose header begins with a unit of time and names the columns `from`, `to`,
    /// `eur`, and where wanted `currency` and `method`. `-` is nothing.
    pub(crate) fn read(table: &str) -> Ledger {
        let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let header: Vec<&str> = lines.next().expect("a header").split_whitespace().collect();
        let mut ledger = Ledger::default();
        for line in lines {
            let fields: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(fields.len(), header.len(), "`{line}` has a field for each column");
            let field = |name: &str| {
                let at = header.iter().position(|column| *column == name)?;
                Some(fields[at]).filter(|text| *text != "-")
            };
            let amount = field("eur").expect("an amount").replace('_', "");
            let currency = field("currency").map_or(Currency::EUR, |code| match code {
                "?" => Currency::NONE,
                _ => Currency::from_code(code).expect("a currency"),
            });
            let mut account = |name| AccountId(ledger.accounts.intern(field(name).expect(name)));
            ledger.payments.push(Input {
                time: Timestamp(instant(header[0], fields[0])),
                debtor: account("from"),
                creditor: account("to"),
                minor: Decimal::parse(&amount, '.').and_then(|d| d.units(2)).expect("cents"),
                currency,
                method: field("method").map(|text| Symbol(ledger.symbols.intern(text))),
            });
        }
        ledger
    }

    fn names(&self, accounts: &[AccountId]) -> String {
        let names: Vec<&str> = accounts.iter().map(|id| self.accounts.text(id.0)).collect();
        // A hub's are too many to read.
        if names.len() > 10 { format!("{} accounts", names.len()) } else { names.join(" ") }
    }
}

/// `3` of a unit, or `3.5`, in microseconds.
fn instant(unit: &str, text: &str) -> i64 {
    let micros = match unit {
        "day" => Span::DAY.micros(),
        "hour" => 3_600_000_000,
        "minute" => 60_000_000,
        _ => panic!("`{unit}` is no unit of time"),
    };
    let number = Decimal::parse(text, '.').expect("a number");
    let tenths = i64::try_from(number.units(1).expect("one decimal")).expect("not that long");
    tenths * (micros / 10)
}

/// The typologies of the repository, by the name of their file.
#[expect(clippy::disallowed_methods, reason = "the typologies are files, as for an analyst")]
pub(crate) fn typologies() -> Vec<Typology> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../typologies"));
    let entries = std::fs::read_dir(folder).expect("the repository has typologies");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = paths.iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a typology is read");
        Typology::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"))
    });
    read.collect()
}

/// All that an engine finds in a ledger.
pub(crate) struct Told {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) counts: Counts,
}

/// Threads that are started for their jobs alone.
#[derive(Debug)]
pub(crate) struct Threads(pub(crate) usize);

impl Workers for Threads {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        std::thread::scope(|scope| {
            for job in jobs {
                scope.spawn(job);
            }
        });
    }
}

/// Runs an engine over a ledger in batches, and completes its drafts.
pub(crate) fn tell(
    ledger: &Ledger,
    definitions: &Definitions,
    typologies: &[Typology],
    batch: usize,
) -> Told {
    tell_with(ledger, definitions, typologies, (&Alone, batch))
}

/// The same, with the features shared out among workers.
pub(crate) fn tell_with(
    ledger: &Ledger,
    definitions: &Definitions,
    typologies: &[Typology],
    (workers, batch): (&dyn Workers, usize),
) -> Told {
    let mut engine = Engine::new(definitions, typologies, definitions.amount_exponent)
        .unwrap_or_else(|error| panic!("{error}"));
    for payments in ledger.payments.chunks(batch) {
        engine.push_with(workers, payments, &ledger.symbols);
    }
    let Outcome { drafts, counts, .. } = engine.finish(&ledger.symbols);
    let drafts = drafts.finish();
    let alerts = complete(ledger, drafts.clone(), typologies);
    Told { drafts, alerts, counts }
}

/// Fills drafts in, as a caller does that reads its payments once more.
pub(crate) fn complete(ledger: &Ledger, drafts: Vec<Draft>, typologies: &[Typology]) -> Vec<Alert> {
    let ids: Vec<String> = typologies.iter().map(|typology| typology.id.clone()).collect();
    let mut completion = Completion::new(drafts, &ids);
    for (place, payment) in (0..).map(Place).zip(&ledger.payments) {
        if completion.wants(place) {
            let accounts = [payment.debtor, payment.creditor];
            completion.see(place, payment.time, accounts, payment.minor);
        }
    }
    completion.finish()
}

/// One line an alert, then its reasons.
pub(crate) fn written(ledger: &Ledger, alerts: &[Alert]) -> String {
    let mut text = String::new();
    for alert in alerts {
        let amount = Decimal { digits: alert.amount_minor, decimals: 2 };
        let span = alert.last_time.micros_since(alert.first_time);
        let span = Span::from_micros(span).expect("the last is not before the first");
        writeln!(
            text,
            "{} {}: {amount} in {span}, among {}",
            alert.score_permille,
            alert.id,
            ledger.names(&alert.accounts)
        )
        .expect("a string");
        let payments = ranges(&alert.payments);
        writeln!(text, "  payments {payments}, raised at {}", alert.raised_at.0).expect("a string");
        for reason in &alert.reasons {
            writeln!(text, "  at {}: {}", reason.place.0, reason.text).expect("a string");
        }
    }
    if text.is_empty() { "no alert\n".to_owned() } else { text }
}

/// `0-3 5`: runs of places that follow on each other.
fn ranges(places: &[Place]) -> String {
    let runs = places.chunk_by(|a, b| a.0 + 1 == b.0).map(|run| match run {
        [one] => one.0.to_string(),
        _ => format!("{}-{}", run[0].0, run[run.len() - 1].0),
    });
    runs.collect::<Vec<_>>().join(" ")
}
