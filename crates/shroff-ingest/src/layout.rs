//! The layouts known by name, and how a header is recognised as one of them.

use shroff_types::Currency;

use crate::IngestError;
use crate::error::{nearest, quoted};
use crate::instant::TimeForm;
use crate::number::NumberForm;
use crate::plan::{
    AccountPart, AttemptPart, CurrencyPart, Direction, LabelPart, LeaveOut, Plan, Sign, TimePart,
};

/// A layout known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The name that `--format` takes.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// The columns by which its header is recognised.
    pub columns: &'static [&'static str],
    /// Columns that are read where they are there.
    pub optional: &'static [&'static str],
    /// What happens to its records, in a few sentences.
    pub notes: &'static str,
}

/// Every layout known by name.
pub const LAYOUTS: &[Layout] = &[
    Layout {
        name: "shroff",
        description: "Shroff's own: one payment a row",
        columns: &["time", "debtor", "creditor", "amount"],
        optional: &["id", "currency", "method", "label", "pattern"],
        notes: "Columns in any order; others are ignored. Time is RFC 3339 or whole microseconds \
                since 1970. Without an id the row's number is used, without a currency column XXX.",
    },
    Layout {
        name: "amlworld",
        description: "IBM AMLworld: a transactions CSV, or its Patterns.txt of attempts",
        columns: AMLWORLD,
        optional: &[],
        notes: "By position, since two columns are called Account. An account is bank/account, \
                with the bank's leading zeros. The amount is Amount Paid, rounded half to even where \
                it is finer than its currency (yen). Each block of a Patterns.txt is an attempt; \
                given beside its transactions, it marks them and adds no payments.",
    },
    Layout {
        name: "amlsim",
        description: "IBM AMLSim: transactions, and nodes.csv with labels of accounts",
        columns: &["sourceNodeId", "targetNodeId", "value", "time"],
        optional: &[],
        notes: "Time is a whole day, counted from 1970-01-01. Given nodes.csv (nodeid, isFraud), \
                accounts are labelled and not payments.",
    },
    Layout {
        name: "amlgentex",
        description: "AMLGentex: tx_log.parquet, or the same as CSV",
        columns: &["step", "type", "amount", "nameOrig", "nameDest", "isSAR"],
        optional: &["patternID", "modelType"],
        notes: "Step is a day. Amounts have a float's noise and are rounded half to even. \
                Payments from or to the outside (accounts -1 and -2) are left out.",
    },
    Layout {
        name: "paysim",
        description: "PaySim mobile money",
        columns: &["step", "type", "amount", "nameOrig", "nameDest", "isFraud"],
        optional: &[],
        notes: "Step is an hour, counted from 1970-01-01. The method is the type. Balances are not \
                read.",
    },
    Layout {
        name: "bitcoin-otc",
        description: "Bitcoin OTC ratings of SNAP, with a header or without",
        columns: &["source", "target", "rating", "time"],
        optional: &[],
        notes: "Time is seconds with a fraction. The amount is the rating without its sign.",
    },
    Layout {
        name: "berka",
        description: "The Berka bank's statements of PKDD'99, trans.asc",
        columns: BERKA,
        optional: &[],
        notes: "Transfers between two accounts are payments; rows that name no counterparty are \
                left out. The koruna before 1995 is written as CZK.",
    },
    Layout {
        name: "ethereum",
        description: "Ethereum transactions of ethereum-etl",
        columns: &["hash", "from_address", "to_address", "value", "block_timestamp"],
        optional: &[],
        notes: "Amounts are wei. Transactions that move no ether or create a contract are left \
                out.",
    },
];

const AMLWORLD: &[&str] = &[
    "Timestamp",
    "From Bank",
    "Account",
    "To Bank",
    "Account",
    "Amount Received",
    "Receiving Currency",
    "Amount Paid",
    "Payment Currency",
    "Payment Format",
    "Is Laundering",
];

const BERKA: &[&str] =
    &["trans_id", "account_id", "date", "type", "operation", "amount", "bank", "account"];

/// The columns of AMLSim's accounts file.
const NODES: [&str; 2] = ["nodeid", "isFraud"];

/// Layouts in the order in which a header is held against them: the more special first.
const ORDER: [&str; 7] =
    ["berka", "ethereum", "amlgentex", "paysim", "amlsim", "bitcoin-otc", "shroff"];

/// What a header was recognised as.
#[derive(Debug)]
pub(crate) enum Recognised {
    Payments(Box<Plan>),
    /// Accounts with labels: the columns of the account and of the label.
    Accounts {
        account: usize,
        label: usize,
        columns: Vec<String>,
    },
}

/// The layout of a header; nothing where it is none that is known. The more special come first.
pub(crate) fn recognise(header: &[String], name: &str) -> Result<Option<Recognised>, IngestError> {
    if has_all(header, &NODES) && !has(header, "value") {
        let [account, label] = columns(header, NODES, name)?;
        return Ok(Some(Recognised::Accounts { account, label, columns: header.to_vec() }));
    }
    if is_amlworld(header) {
        return by_name("amlworld", header, name).map(Some);
    }
    for candidate in ORDER {
        let layout = find(candidate).expect("the order names layouts");
        if has_all(header, layout.columns) {
            return by_name(candidate, header, name).map(Some);
        }
    }
    Ok(None)
}

/// The plan of a layout that was asked for by name, or recognised.
pub(crate) fn by_name(
    layout: &str,
    header: &[String],
    name: &str,
) -> Result<Recognised, IngestError> {
    let plan = match layout {
        "shroff" => shroff(header, name)?,
        "amlworld" => {
            if !is_amlworld(header) {
                return Err(missing(find("amlworld").expect("known"), header, name));
            }
            amlworld(header)
        }
        "amlsim" if has_all(header, &NODES) => {
            let [account, label] = columns(header, NODES, name)?;
            return Ok(Recognised::Accounts { account, label, columns: header.to_vec() });
        }
        "amlsim" => amlsim(header, name)?,
        "amlgentex" => amlgentex(header, name)?,
        "paysim" => paysim(header, name)?,
        "bitcoin-otc" => bitcoin_otc(header, name)?,
        "berka" => berka(header, name)?,
        "ethereum" => ethereum(header, name)?,
        other => return Err(unknown_layout(other, name)),
    };
    Ok(Recognised::Payments(Box::new(plan)))
}

/// The error for a layout name that there is not.
pub(crate) fn unknown_layout(layout: &str, name: &str) -> IngestError {
    let names = LAYOUTS.iter().map(|layout| layout.name);
    let near = match nearest(layout, names.clone()).first() {
        Some(near) => format!("is it `{near}`? "),
        None => String::new(),
    };
    IngestError::new(name, "there is no layout of this name")
        .value(layout.as_bytes())
        .hint(format!("{near}known are {}", quoted(names)))
}

/// The error for a header that is no layout's: what was found, and what is nearest.
pub(crate) fn unknown_header(header: &[String], name: &str, line: u64) -> IngestError {
    let found = |layout: &Layout| layout.columns.iter().filter(|c| has(header, c)).count();
    let best = LAYOUTS.iter().max_by_key(|layout| found(layout) * 1_000 / layout.columns.len());
    let near = match best {
        Some(layout) if found(layout) > 0 => {
            let missing = layout.columns.iter().copied().filter(|c| !has(header, c));
            format!("nearest is `{}`, which would also need {}; ", layout.name, quoted(missing))
        }
        Some(_) | None => String::new(),
    };
    let hint = format!(
        "{near}`shroff formats` lists the layouts, and `shroff formats guess FILE` writes a \
         mapping to start from, to be given with `--map`"
    );
    IngestError::new(name, "the columns are those of no known layout")
        .at(format!("line {line}"))
        .value(header.join(",").as_bytes())
        .hint(hint)
}

/// Whether a first row is a record of Bitcoin OTC, which has no header.
pub(crate) fn is_bitcoin_otc_record(row: &[String]) -> bool {
    let number = |text: &String| text.trim().parse::<u64>().is_ok();
    let [source, target, rating, time] = row else { return false };
    let rating = rating.trim().parse::<i64>().is_ok_and(|r| (-10..=10).contains(&r));
    let seconds = time.trim().split('.').next().is_some_and(|whole| whole.len() >= 9);
    let digits = time.trim().bytes().all(|b| b.is_ascii_digit() || b == b'.');
    number(source) && number(target) && rating && seconds && digits
}

/// The header that Bitcoin OTC would have.
pub(crate) fn bitcoin_otc_header() -> Vec<String> {
    owned(find("bitcoin-otc").expect("known").columns)
}

/// The header of an AMLworld transactions file, which its pattern files are written by.
pub(crate) fn amlworld_header() -> Vec<String> {
    owned(AMLWORLD)
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

/// The layout of a name.
pub(crate) fn find(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.name == name)
}

/// The column of a name: one is needed. `name` is the input's.
pub(crate) fn column(header: &[String], wanted: &str, name: &str) -> Result<usize, IngestError> {
    let mut found =
        header.iter().enumerate().filter(|(_, column)| same(column, wanted)).map(|(n, _)| n);
    let Some(first) = found.next() else {
        let near = nearest(wanted, header.iter().map(String::as_str));
        let near = if near.is_empty() {
            header.iter().map(String::as_str).take(20).collect()
        } else {
            near
        };
        return Err(IngestError::new(name, format!("there is no column `{wanted}`"))
            .at("the header")
            .value(header.join(",").as_bytes())
            .hint(format!("nearest are {}", quoted(near))));
    };
    let Some(second) = found.next() else { return Ok(first) };
    let places = format!("columns {} and {} of the header", first + 1, second + 1);
    Err(IngestError::new(name, "two columns have the same name")
        .at(places)
        .value(wanted.as_bytes())
        .hint("rename one, or use a mapping (`--map`) that names columns by number from 1"))
}

fn optional(header: &[String], wanted: &str, name: &str) -> Result<Option<usize>, IngestError> {
    if has(header, wanted) { column(header, wanted, name).map(Some) } else { Ok(None) }
}

fn same(column: &str, wanted: &str) -> bool {
    column.trim().eq_ignore_ascii_case(wanted)
}

fn has(header: &[String], wanted: &str) -> bool {
    header.iter().any(|column| same(column, wanted))
}

fn has_all(header: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|column| has(header, column))
}

fn is_amlworld(header: &[String]) -> bool {
    header.len() == AMLWORLD.len()
        && header.iter().zip(AMLWORLD).enumerate().all(|(position, (column, wanted))| {
            // Tools that want distinct names write the second account as `Account.1`.
            same(column, wanted) || (position == 4 && same(column, "Account.1"))
        })
}

fn missing(layout: &Layout, header: &[String], name: &str) -> IngestError {
    let missing = layout.columns.iter().copied().filter(|c| !has(header, c));
    IngestError::new(name, format!("the columns are not those of `{}`", layout.name))
        .at("the header")
        .value(header.join(",").as_bytes())
        .hint(format!("missing are {}; all must be there, in order", quoted(missing)))
}

fn columns<const N: usize>(
    header: &[String],
    wanted: [&str; N],
    name: &str,
) -> Result<[usize; N], IngestError> {
    let mut found = [0; N];
    for (place, wanted) in found.iter_mut().zip(wanted) {
        *place = column(header, wanted, name)?;
    }
    Ok(found)
}

/// A plan of the parts that every layout has; the rest is none, exact and positive.
fn plan(
    layout: &'static str,
    header: &[String],
    [time, debtor, creditor, amount]: [usize; 4],
    form: TimeForm,
) -> Plan {
    Plan {
        layout,
        columns: header.iter().map(|column| column.trim().to_owned()).collect(),
        id: None,
        time: TimePart { columns: vec![time], form, offset_micros: 0 },
        debtor: AccountPart::of(&[debtor]),
        creditor: AccountPart::of(&[creditor]),
        amount,
        number: NumberForm::PLAIN,
        sign: Sign::Positive,
        currency: CurrencyPart::Fixed(Currency::NONE),
        method: None,
        label: None,
        attempt: AttemptPart::None,
        direction: None,
        leave_out: Vec::new(),
        unnamed_decimals: 2,
        notes: Vec::new(),
    }
}

fn label(column: usize) -> LabelPart {
    LabelPart { column, truths: None }
}

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

fn shroff(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["time", "debtor", "creditor", "amount"], name)?;
    let mut plan = plan("shroff", header, parts, TimeForm::Rfc3339);
    plan.id = optional(header, "id", name)?;
    plan.method = optional(header, "method", name)?;
    plan.label = optional(header, "label", name)?.map(label);
    if let Some(column) = optional(header, "currency", name)? {
        plan.currency = CurrencyPart::Column(column);
    }
    if let Some(column) = optional(header, "pattern", name)? {
        plan.attempt = AttemptPart::Column(column);
    }
    Ok(plan)
}

fn amlworld(header: &[String]) -> Plan {
    let mut plan = plan("amlworld", header, [0, 2, 4, 7], TimeForm::Slashed);
    // Yen and other currencies without decimals are written with two.
    plan.number.round = true;
    plan.debtor = AccountPart::of(&[1, 2]);
    plan.creditor = AccountPart::of(&[3, 4]);
    plan.currency = CurrencyPart::Column(8);
    plan.method = Some(9);
    plan.label = Some(label(10));
    plan
}

fn amlsim(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["time", "sourceNodeId", "targetNodeId", "value"], name)?;
    Ok(plan("amlsim", header, parts, TimeForm::Count { unit_micros: DAY_MICROS }))
}

fn amlgentex(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["step", "nameOrig", "nameDest", "amount"], name)?;
    let [_, debtor, creditor, _] = parts;
    let mut plan = plan("amlgentex", header, parts, TimeForm::Count { unit_micros: DAY_MICROS });
    let [kind, sar] = columns(header, ["type", "isSAR"], name)?;
    plan.number.round = true;
    plan.method = Some(kind);
    plan.label = Some(label(sar));
    let pattern = optional(header, "patternID", name)?;
    if let (Some(pattern), Some(model)) = (pattern, optional(header, "modelType", name)?) {
        plan.attempt = AttemptPart::Gentex { pattern, model };
    }
    for (column, reason) in [(debtor, "from the outside"), (creditor, "to the outside")] {
        plan.leave_out.push(LeaveOut {
            column,
            values: vec!["-1".to_owned(), "-2".to_owned()],
            reason: reason.to_owned(),
            labelled_reason: Some(format!("{reason}, but labelled as laundering")),
        });
    }
    Ok(plan)
}

fn paysim(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["step", "nameOrig", "nameDest", "amount"], name)?;
    let mut plan = plan("paysim", header, parts, TimeForm::Count { unit_micros: HOUR_MICROS });
    let [kind, fraud] = columns(header, ["type", "isFraud"], name)?;
    plan.method = Some(kind);
    plan.label = Some(label(fraud));
    Ok(plan)
}

fn bitcoin_otc(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["time", "source", "target", "rating"], name)?;
    let form = TimeForm::Count { unit_micros: 1_000_000 };
    let mut plan = plan("bitcoin-otc", header, parts, form);
    plan.sign = Sign::Absolute;
    Ok(plan)
}

fn berka(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let parts = columns(header, ["date", "account_id", "account", "amount"], name)?;
    let [_, _, account, _] = parts;
    let mut plan = plan("berka", header, parts, TimeForm::Yymmdd);
    let [id, bank, operation] = columns(header, ["trans_id", "bank", "operation"], name)?;
    plan.id = Some(id);
    plan.creditor = AccountPart::of(&[bank, account]);
    plan.method = Some(operation);
    plan.currency = CurrencyPart::Fixed(Currency::from_code("CZK").expect("a code of ISO 4217"));
    plan.direction = Some(Direction {
        column: operation,
        outgoing: vec!["PREVOD NA UCET".to_owned()],
        incoming: vec!["PREVOD Z UCTU".to_owned()],
        reason: "names no counterparty".to_owned(),
    });
    plan.notes
        .push("koruna amounts are written as CZK, whose predecessor CSK has no code".to_owned());
    Ok(plan)
}

fn ethereum(header: &[String], name: &str) -> Result<Plan, IngestError> {
    let wanted = ["block_timestamp", "from_address", "to_address", "value"];
    let parts = columns(header, wanted, name)?;
    let [_, _, creditor, value] = parts;
    let form = TimeForm::Count { unit_micros: 1_000_000 };
    let mut plan = plan("ethereum", header, parts, form);
    plan.id = Some(column(header, "hash", name)?);
    plan.number.minor_units = true;
    plan.currency = CurrencyPart::Fixed(Currency::ETH);
    let leave = |column, text: &str, reason: &str| LeaveOut {
        column,
        values: vec![text.to_owned()],
        reason: reason.to_owned(),
        labelled_reason: None,
    };
    plan.leave_out.push(leave(creditor, "", "creates a contract"));
    plan.leave_out.push(leave(value, "0", "moves no ether"));
    Ok(plan)
}
