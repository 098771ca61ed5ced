//! `shroff features` against the specification's oracle, and in each of its forms.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::door::{Dice, Folder, HEAD, beside, shown, skipped};

/// Every kind, over spans that suit ledgers of minutes; `HORIZON` stands for a span.
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
    window = "2h"
    longest = 5
    [[feature]]
    kind = "ring"
    window = "1h"
    longest = 4
    [[feature]]
    kind = "scatter_gather"
    window = "2h"
    [[feature]]
    kind = "chain"
    window = "30m"
    retention_permille = 800
    deepest = 6
"#;

fn oracle() -> Option<PathBuf> {
    let oracle = beside("spec/oracle.py")?;
    let python = Command::new("python3").arg("-c").arg("import tomllib").status();
    if python.is_ok_and(|status| status.success()) {
        return Some(oracle);
    }
    skipped("there is no Python of 3.11 or later")
}

/// Computes `features.csv` of `payments.csv`, and asks the oracle about `sample` of its payments.
fn check(folder: &Folder, oracle: &Path, definitions: &str, sample: u32) {
    folder.write("definitions.toml", definitions);
    folder.well("features payments.csv --definitions definitions.toml -o features.csv");
    ask(folder, oracle, sample);
}

fn ask(folder: &Folder, oracle: &Path, sample: u32) {
    let output = Command::new("python3")
        .arg(oracle)
        .args(["payments.csv", "definitions.toml", "--against", "features.csv", "--sample"])
        .arg(sample.to_string())
        .current_dir(folder.path(""))
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(", 0 wrong"), "{said}");
    let compared: u64 = said.split(' ').next().expect("a count").parse().expect("a number");
    assert!(compared > 100, "{said}");
}

/// Few accounts and few minutes, so that ties, self-payments and parallel payments abound.
fn random_ledger(seed: u64, payments: u64) -> String {
    let (mut dice, mut csv) = (Dice(seed), HEAD.to_owned());
    let mut micros = crate::door::BEGIN_MICROS;
    for id in 0..payments {
        micros += [0, 0, 60_000_000, 300_000_000][usize::try_from(dice.roll(4)).expect("few")];
        let [from, to] = [dice.roll(8), dice.roll(8)];
        let (major, minor) = (60 + dice.roll(60), dice.roll(100));
        writeln!(csv, "{id},{micros},K{from},K{to},{major}.{minor:02},EUR").expect("a text");
    }
    csv
}

#[test]
fn random_ledgers_have_the_oracles_features_inline_and_with_a_horizon() {
    let Some(oracle) = oracle() else { return };
    for (seed, horizon) in [(1, "0s"), (2, "45m")] {
        let folder = Folder::with("payments.csv", random_ledger(seed, 130));
        check(&folder, &oracle, &EVERY_KIND.replace("HORIZON", horizon), 60);
    }
}

#[test]
fn bitcoin_otc_has_the_oracles_features_in_its_own_layout_and_in_ours() {
    let Some(oracle) = oracle() else { return };
    let Some(data) = beside("data/bitcoin_otc/soc-sign-bitcoinotc.csv") else { return };
    let example = oracle.with_file_name("example.toml");
    let example = std::fs::read_to_string(example).expect("it lies beside the oracle");
    let folder = Folder::new();
    let mut csv = HEAD.to_owned();
    for (row, line) in std::fs::read_to_string(&data).expect("a sample").lines().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [source, target, rating, time] = fields[..] else { panic!("{line}") };
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        let (rating, id) = (rating.trim_start_matches('-'), row + 1);
        writeln!(csv, "{id},{seconds}{fraction:0<6},{source},{target},{rating},").expect("a text");
    }
    // The currency is not known, so there is no such column.
    folder.write("payments.csv", csv.replace(",currency\n", "\n").replace(",\n", "\n"));
    check(&folder, &oracle, &example, 60);
    let ours = folder.bytes("features.csv");
    let path = shown(&data);
    folder.well(&format!("features {path} --definitions definitions.toml -o features.csv"));
    assert!(folder.bytes("features.csv") == ours, "its own layout gives the same bytes");
}

#[test]
fn a_slice_of_amlsim_has_the_oracles_features() {
    let Some(oracle) = oracle() else { return };
    let Some(data) = beside("data/amlsim/transactions.csv") else { return };
    let text = std::fs::read_to_string(&data).expect("a sample");
    let mut csv = HEAD.to_owned();
    for (row, line) in text.lines().skip(1).take(3_000).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [source, target, value, day] = fields[..] else { panic!("{line}") };
        let (id, micros) = (row + 1, day.parse::<i64>().expect("a day") * 86_400_000_000);
        writeln!(csv, "{id},{micros},{source},{target},{value},EUR").expect("a text");
    }
    let folder = Folder::with("payments.csv", csv);
    let definitions = EVERY_KIND.replace("HORIZON", "0s");
    let definitions = definitions.replace("\"2h\"", "\"3d\"").replace("\"1h\"", "\"2d\"");
    let definitions = definitions.replace("\"6h\"", "\"7d\"").replace("\"30m\"", "\"2d\"");
    let definitions = definitions.replace("\"3h\"", "\"3d\"").replace("\"1d\"", "\"9d\"");
    check(&folder, &oracle, &definitions, 120);
}

#[test]
fn csv_and_parquet_have_the_same_values_and_null_is_an_empty_cell() {
    let folder = Folder::with("payments.csv", random_ledger(5, 400));
    folder.write("definitions.toml", EVERY_KIND.replace("HORIZON", "0s"));
    folder.well("features payments.csv --definitions definitions.toml -o features.csv");
    folder.well("features payments.csv --definitions definitions.toml -o features.parquet");
    let rows = folder.rows("features.csv");
    let file = std::fs::File::open(folder.path("features.parquet")).expect("it was written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let batches: Vec<RecordBatch> =
        reader.build().expect("Parquet").map(|batch| batch.expect("a batch")).collect();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one schema");
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(rows[0], names);
    assert_eq!(rows.len() - 1, batch.num_rows());
    let mut nulls = 0;
    for (number, row) in rows.iter().skip(1).enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let array = batch.column(column);
            nulls += usize::from(array.is_null(number));
            assert_eq!(*cell, cell_of(array, number), "row {number}, {}", names[column]);
        }
    }
    assert!(nulls > 100, "there are nulls");
}

fn cell_of(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        other => panic!("{other}"),
    }
}

#[test]
fn features_come_in_the_one_order_from_several_inputs_and_on_standard_output() {
    let folder = Folder::with("payments.csv", random_ledger(6, 300));
    folder.write("definitions.toml", EVERY_KIND.replace("HORIZON", "0s"));
    let text = folder.text("payments.csv");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let part = |lines: &[&str]| format!("{HEAD}{}\n", lines.join("\n"));
    folder.write("1.csv", part(&lines[..100]));
    folder.write("2.csv", part(&lines[100..]));
    let whole = folder.well("features payments.csv --definitions definitions.toml");
    let parts = folder.well("features 1.csv 2.csv --definitions definitions.toml");
    assert!(whole.out == parts.out, "in two files the features are the same");
    let piped = folder.run_with("features - --definitions definitions.toml", text.as_bytes());
    assert!(whole.out == piped.out, "and on standard input: {}", piped.err);
    let ids: Vec<&str> =
        whole.text().lines().skip(1).map(|l| l.split(',').next().unwrap()).collect();
    let expected: Vec<String> = (0..300).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_bad_record_has_no_features_and_is_in_quarantine_beside_the_output() {
    let bad = format!("{HEAD}1,2024-01-01,A,B,1.00,EUR\n2,2024-01-01,A,B,-1.00,EUR\n");
    let folder = Folder::with("in.csv", bad);
    let ran = folder.run("features in.csv -o out/features.csv");
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert_eq!(folder.rows("out/features.csv").len(), 2);
    assert_eq!(folder.rows("out/quarantine.csv").len(), 2);
    let ran = folder.run("features in.csv -o out/features.csv --quarantine bad.csv --max-bad 50%");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(folder.rows("bad.csv").len(), 2);
}

#[test]
fn batches_and_threads_change_no_byte() {
    let folder = Folder::with("payments.csv", random_ledger(6, 3_000));
    for horizon in ["0s", "45m"] {
        folder.write("definitions.toml", EVERY_KIND.replace("HORIZON", horizon));
        let command = "features payments.csv --definitions definitions.toml -o";
        folder.well(&format!("{command} one.csv --batch 1 --threads 1"));
        for (batch, threads) in [(7, 1), (128, 2), (1_000, 3), (32_768, 2), (32_768, 16)] {
            folder.well(&format!("{command} other.csv --batch {batch} --threads {threads}"));
            let equal = folder.bytes("other.csv") == folder.bytes("one.csv");
            assert!(equal, "batches of {batch} with {threads} threads, horizon {horizon}");
        }
    }
}
