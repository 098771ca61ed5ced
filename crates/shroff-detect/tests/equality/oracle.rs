//! The twin and the engine against the definition itself, `oracle.py`, cell by cell.
//!
//! Skipped, with a message, where the oracle or Python is not at hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::ledgers::{ALL, Shape, World, major, world};
use crate::twin::Value;
use crate::{engine, same, twin_of, values};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/oracle.py");

/// Every kind, all measures, all filters; `HORIZON` stands for a span.
const EVERY_KIND: &str = r#"
    amount_exponent = 2
    horizon = "HORIZON"
    [[feature]]
    kind = "activity"
    window = "2h"
    measures = ["count", "fan", "sum", "mean", "std", "min", "max", "median", "skew", "kurtosis", "age"]
    [[feature]]
    kind = "activity"
    as = "near"
    where = "amount >= 80 AND amount < 100"
    similar_permille = 200
    without_current = true
    window = "6h"
    measures = ["count", "fan", "sum", "median", "age"]
    [[feature]]
    kind = "pair"
    window = "6h"
    [[feature]]
    kind = "novelty"
    window = "1h"
    memory = "1d"
    [[feature]]
    kind = "passthrough"
    window = "3h"
    [[feature]]
    kind = "cycle"
    window = "3h"
    longest = 5
    [[feature]]
    kind = "ring"
    window = "2h"
    longest = 4
    [[feature]]
    kind = "scatter_gather"
    window = "3h"
    [[feature]]
    kind = "chain"
    window = "1h"
    retention_permille = 800
    deepest = 6
"#;

#[test]
fn twin_and_engine_give_what_the_oracle_gives() {
    let Some(directory) = directory() else { return };
    let mut runner = TestRunner::deterministic();
    let shape = |payments| Shape {
        payments,
        dense: true,
        large: true,
        kinds: ALL.to_vec(),
        tight: false,
        fresh: false,
    };
    for number in 0..32 {
        let strategy = world(shape(if number % 4 == 0 { 60..61 } else { 5..40 }));
        let mut world = strategy.new_tree(&mut runner).expect("a world").current();
        // Every other world has every kind of block, with each sort of horizon.
        if number % 2 == 0 {
            let horizon = ["0s", "30m", "3h", "5d"][number / 2 % 4];
            world.toml = EVERY_KIND.replace("HORIZON", horizon);
        }
        compare(&world, &directory);
    }
}

fn compare(world: &World, directory: &Path) {
    let definitions = world.definitions();
    let twin = twin_of(world);
    let engine = engine(&definitions, world, usize::MAX);
    let table = ask(world, directory);
    assert_eq!(table.len(), world.rows.len(), "the oracle gives a row for each payment");
    for (order, row) in table.iter().enumerate() {
        let given = twin.features(order);
        assert_eq!(given.len() + 1, row.len(), "the twin has the oracle's columns");
        let mut engine: BTreeMap<String, Option<Value>> =
            values(&definitions, &engine[order]).into_iter().collect();
        for (name, value) in given {
            let expected = read(&row[&name], value);
            assert!(
                same(expected, value, 1e-9),
                "{name} of payment {order}: the twin has {value:?}, the oracle {expected:?}{world:?}"
            );
            let value = engine.remove(&name).expect("the engine has the column");
            assert!(
                same(expected, value, 1e-9),
                "{name} of payment {order}: the engine has {value:?}, the oracle {expected:?}{world:?}"
            );
        }
        assert!(engine.is_empty(), "the engine has only the oracle's columns, and flags");
    }
}

/// A cell, as a value of the sort that it is compared with.
fn read(cell: &str, like: Option<Value>) -> Option<Value> {
    if cell.is_empty() {
        return None;
    }
    Some(match like {
        Some(Value::Int(_)) => Value::Int(cell.parse().expect("a whole number")),
        Some(Value::Real(_)) | None => Value::Real(cell.parse().expect("a real")),
    })
}

/// A directory to write to, where there is an oracle to ask.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn directory() -> Option<PathBuf> {
    let python = Command::new("python3").arg("-c").arg("import tomllib").status();
    if !Path::new(ORACLE).exists() || !python.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no {ORACLE}, or no Python 3.11 to run it");
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    Some(directory.join(format!("equality-{}", std::process::id())))
}

#[expect(clippy::disallowed_methods, reason = "the oracle reads files")]
fn ask(world: &World, directory: &Path) -> Vec<BTreeMap<String, String>> {
    std::fs::create_dir_all(directory).expect("a directory of our own");
    let exponent = world.definitions().amount_exponent;
    let mut payments = "id,time,debtor,creditor,amount\n".to_owned();
    for (order, row) in world.rows.iter().enumerate() {
        let amount = major(row.minor, exponent);
        writeln!(payments, "{order},{},{},{},{amount}", row.micros, row.debtor, row.creditor)
            .expect("a string");
    }
    let (csv, toml) = (directory.join("payments.csv"), directory.join("definitions.toml"));
    std::fs::write(&csv, payments).expect("the payments are written");
    std::fs::write(&toml, &world.toml).expect("the definitions are written");
    let run = Command::new("python3").arg(ORACLE).args([&csv, &toml]).output();
    let run = run.expect("Python runs");
    assert!(run.status.success(), "{}{world:?}", String::from_utf8_lossy(&run.stderr));
    std::fs::remove_dir_all(directory).expect("it was made above");
    let text = String::from_utf8(run.stdout).expect("the oracle writes UTF-8");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let header: Vec<String> = lines.next().expect("a header").collect();
    let rows = lines.map(|row| header.iter().cloned().zip(row).collect());
    rows.collect()
}
