//! Account names stay where they came from, unless they are asked for.

use arrow::array::AsArray as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::door::{Folder, Ran};

const SECRET: &str = "SECRET-ACCT-123456";

/// A world in which the secret account is in alerts, and is drawn beside others.
fn world() -> Folder {
    let folder = Folder::new();
    folder.well("simulate --accounts 300 --payments 4000 --days 60 --seed 3 -o world.csv");
    let text = folder.text("world.csv");
    // The account that pays most often is sure to be in an alert.
    let mut counts = std::collections::BTreeMap::new();
    for line in text.lines().skip(1) {
        *counts.entry(line.split(',').nth(2).expect("a debtor").to_owned()).or_insert(0) += 1;
    }
    let busiest = counts.iter().max_by_key(|(_, count)| **count).expect("payments").0;
    folder.write("in.csv", text.replace(&format!(",{busiest},"), &format!(",{SECRET},")));
    folder
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn files_with(folder: &Folder, out: &str, text: &str) -> Vec<String> {
    let has = |name: &String| {
        let place = format!("{out}/{name}");
        let is_packed = name.ends_with(".parquet");
        holds(&folder.bytes(&place), text) || (is_packed && unpacked(folder, &place).contains(text))
    };
    folder.list(out).into_iter().filter(has).collect()
}

/// All values of a Parquet file.
fn unpacked(folder: &Folder, name: &str) -> String {
    let file = std::fs::File::open(folder.path(name)).expect("it is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut text = String::new();
    for batch in reader.build().expect("Parquet") {
        let batch = batch.expect("a batch");
        for list in ["accounts", "reasons", "payments"] {
            let values = batch.column_by_name(list).expect("a column").as_list::<i32>().values();
            values.as_string::<i32>().iter().flatten().for_each(|value| text.push_str(value));
        }
    }
    text
}

fn says(ran: &Ran, text: &str) -> bool {
    holds(&ran.out, text) || holds(ran.err.as_bytes(), text)
}

#[test]
fn by_default_accounts_are_tokens_and_only_their_key_has_the_names() {
    let folder = world();
    for words in ["", "--json"] {
        let ran = folder.well(&format!("scan in.csv --out report {words}"));
        assert!(!says(&ran, SECRET), "{words}");
        assert_eq!(files_with(&folder, "report", SECRET), ["accounts.csv"], "{words}");
    }
    let key = folder.rows("report/accounts.csv");
    let token = &key.iter().find(|row| row[1] == SECRET).expect("it is in the key")[0];
    assert_eq!(
        files_with(&folder, "report", token),
        ["accounts.csv", "alerts.jsonl", "alerts.parquet", "report.html"]
    );
}

#[test]
#[cfg(unix)]
fn what_has_names_in_it_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = world();
    folder.write("report/accounts.csv", "what an earlier run left, readable by all");
    folder.well("scan in.csv --out report");
    for name in ["accounts.csv", "quarantine.csv"] {
        let path = folder.path(&format!("report/{name}"));
        let mode = std::fs::metadata(path).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn every_token_of_the_alerts_is_in_the_key_once() {
    let folder = world();
    folder.well("scan in.csv --out report");
    let mut key: Vec<String> =
        folder.rows("report/accounts.csv").into_iter().skip(1).map(|row| row[0].clone()).collect();
    let count = key.len();
    key.sort();
    key.dedup();
    assert_eq!(key.len(), count, "no token stands for two accounts");
    for alert in folder.alerts("report") {
        for token in &alert.accounts {
            assert!(key.binary_search(token).is_ok(), "{token} of {} is not in the key", alert.id);
        }
    }
}

#[test]
fn tokens_of_other_bytes_are_other_tokens() {
    let folder = world();
    let token = |input: &str| {
        folder.well(&format!("scan {input} --out report"));
        let key = folder.rows("report/accounts.csv");
        key.iter().find(|row| row[1] == SECRET).expect("it is in the key")[0].clone()
    };
    let once = token("in.csv");
    assert_eq!(token("in.csv"), once, "the same input gives the same token");
    folder.write("more.csv", folder.text("in.csv").replacen("id,time", "id,Time", 1));
    assert_ne!(token("more.csv"), once, "who has not the bytes cannot compute it");
}

#[test]
fn plain_names_are_written_where_they_are_asked_for_and_then_there_is_no_key() {
    let folder = world();
    folder.well("scan in.csv --out report");
    let ran = folder.well("scan in.csv --out report --accounts plain");
    assert_eq!(
        files_with(&folder, "report", SECRET),
        ["alerts.jsonl", "alerts.parquet", "report.html"]
    );
    assert!(!folder.path("report/accounts.csv").exists(), "the key of the run before is gone");
    assert!(!says(&ran, SECRET), "the terminal shows no accounts");
}

#[test]
fn a_refused_record_is_quoted_in_quarantine_alone() {
    let folder = world();
    for line in [
        // No debtor, so the column's value is shown; a record cut off, so all of it is.
        format!("x,2024-01-01,,{SECRET},1.00,EUR,card,0,,\n"),
        format!("x,2024-01-01,{SECRET},{SECRET},1"),
    ] {
        folder.write("bad.csv", folder.text("world.csv") + &line);
        let ran = folder.well("scan bad.csv --out report");
        assert!(!says(&ran, SECRET), "{}", ran.err);
        let with = files_with(&folder, "report", SECRET);
        assert!(with.iter().all(|name| name == "quarantine.csv"), "{with:?}");
    }
}
