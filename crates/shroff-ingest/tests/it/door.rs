//! The one door of these tests: an input as text, what became of it as a text table.

use std::fmt::Write as _;

use expect_test::Expect;
use shroff_ingest::{
    Hooks, IngestError, InputSummary, Ledger, Mapping, Memory, MemorySpill, Options, Rejected,
    Source, read,
};
use shroff_types::Payment;

/// Reads one input and compares what became of it.
pub(crate) fn check(input: impl AsRef<[u8]>, expected: Expect) {
    check_with(&Options::default(), &[("in.csv", input.as_ref())], expected);
}

/// The same with a mapping.
pub(crate) fn check_map(map: &str, input: &str, expected: Expect) {
    match Mapping::parse("map.toml", map) {
        Ok(map) => {
            let options = Options { map: Some(map), ..Options::default() };
            check_with(&options, &[("in.csv", input.as_bytes())], expected);
        }
        Err(error) => expected.assert_eq(&format!("{error}\n")),
    }
}

/// The same with options and several inputs.
pub(crate) fn check_with(options: &Options, inputs: &[(&str, &[u8])], expected: Expect) {
    let mut refused = Vec::new();
    match read_all(options, inputs, &mut refused) {
        Ok(ledger) => expected.assert_eq(&table(&ledger, &refused)),
        Err(error) => expected.assert_eq(&format!("{error}\n")),
    }
}

pub(crate) fn read_all(
    options: &Options,
    inputs: &[(&str, &[u8])],
    refused: &mut Vec<Rejected>,
) -> Result<Ledger, IngestError> {
    let sources: Vec<Memory> =
        inputs.iter().map(|(name, bytes)| Memory::new(name, bytes)).collect();
    let sources: Vec<&dyn Source> = sources.iter().map(|source| source as &dyn Source).collect();
    let hooks = Hooks {
        spill: &mut MemorySpill,
        refused: &mut |one| refused.push(one),
        progress: &mut |_| {},
    };
    let ledger = read(&sources, options, hooks)?;
    for input in &ledger.inputs {
        assert_adds_up(input);
    }
    Ok(ledger)
}

/// Nothing is lost: every record is a payment, refused, or left out.
pub(crate) fn assert_adds_up(input: &InputSummary) {
    let sum = input.payments + input.rejected + input.left_out_total();
    assert_eq!(input.records, sum, "{input:?}");
}

/// A payment a line, then refusals, then a summary of each input.
pub(crate) fn table(ledger: &Ledger, refused: &[Rejected]) -> String {
    let mut text = String::new();
    for payment in ledger.payments.iter().expect("memory does not fail") {
        let payment = payment.expect("memory does not fail");
        writeln!(text, "{}", row(ledger, &payment)).expect("a string takes all");
    }
    for (account, label) in &ledger.account_labels {
        let account = ledger.accounts.text(account.0);
        writeln!(text, "account {account} {label}").expect("a string takes all");
    }
    for one in refused {
        writeln!(text, "REFUSED {one}").expect("a string takes all");
    }
    for input in &ledger.inputs {
        let InputSummary { layout, form, records, payments, rejected, rounded, .. } = input;
        write!(text, "{layout} ({form}): {records} records = {payments} + {rejected} refused")
            .expect("a string takes all");
        for (reason, count) in &input.left_out {
            write!(text, " + {count} {reason}").expect("a string takes all");
        }
        if *rounded > 0 {
            write!(text, ", {rounded} rounded").expect("a string takes all");
        }
        text.push('\n');
        for note in &input.notes {
            writeln!(text, "note: {note}").expect("a string takes all");
        }
    }
    text
}

fn row(ledger: &Ledger, payment: &Payment) -> String {
    let Payment { id, time, debtor, creditor, amount, method, label, attempt } = payment;
    let (debtor, creditor) = (ledger.accounts.text(debtor.0), ledger.accounts.text(creditor.0));
    let mut text = format!("{id} {time} {debtor} -> {creditor} {amount}");
    for symbol in [method, attempt].into_iter().flatten() {
        write!(text, " {}", ledger.symbols.text(symbol.0)).expect("a string takes all");
    }
    match label {
        None => {}
        Some(true) => text.push_str(" LABELLED"),
        Some(false) => text.push_str(" good"),
    }
    text
}
