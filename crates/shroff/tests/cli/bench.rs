//! `shroff bench`: the line that scripts read, and the table by family.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::door::{BEGIN_MICROS, Dice, Folder, HEAD};

/// A payment every two minutes among few accounts.
fn stream(hours: u64) -> String {
    let (mut dice, mut csv) = (Dice(4), HEAD.to_owned());
    for id in 0..hours * 30 {
        let micros = BEGIN_MICROS + i64::try_from(id).expect("few") * 120_000_000;
        writeln!(csv, "{id},{micros},K{},K{},1.00,EUR", dice.roll(9), dice.roll(9))
            .expect("a text");
    }
    csv
}

const RING: &str = "[[feature]]\nkind = 'ring'\nwindow = '24h'\nlongest = 6\nbudget = 3000\n";

#[test]
fn a_stream_gives_one_line_of_fields_that_a_script_can_read() {
    let folder = Folder::with("payments.csv", stream(30));
    folder.write("rings.toml", RING);
    let ran = folder.well(
        "bench features payments.csv --definitions rings.toml --batch 16 --threads 2 --seconds 0",
    );
    assert_eq!(ran.text().lines().count(), 1, "{}", ran.text());
    let fields: BTreeMap<&str, &str> = ran
        .text()
        .split_whitespace()
        .map(|field| field.split_once('=').expect("a field"))
        .collect();
    let is = |name: &str, value: &str| assert_eq!(fields[name], value, "{}", ran.text());
    is("set", "rings");
    is("columns", "6");
    is("batch", "16");
    is("threads", "2");
    // Four hours of thirty payments behind the 26 that fill the window, in whole batches.
    is("payments", "112");
    let number = |name: &str| fields[name].parse::<f64>().expect("a number");
    for name in ["per_cpu_second", "per_second", "p50_us", "p99_us", "last_fifth_of_first"] {
        assert!(number(name) > 0.0, "{name}: {}", ran.text());
    }
    assert!(number("p50_us") <= number("p99_us") && number("p99_us") <= number("worst_us"));
    // A day of nine accounts that all pay each other has more rings than the budget; one payment
    // in nine is to oneself, and closes none.
    assert!(number("saturated") > 0.8 && number("saturated") <= 1.0, "{}", ran.text());
    let in_sight = number("in_sight");
    assert!((600.0..=720.0).contains(&in_sight), "a day of 720 payments: {in_sight}");
}

#[test]
fn a_stream_that_ends_before_the_clock_starts_is_an_error_with_a_hint() {
    let folder = Folder::with("payments.csv", stream(20));
    let ran = folder.run("bench features payments.csv");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("too short") && ran.err.contains("hint: "), "{}", ran.err);
}

#[test]
fn without_a_stream_it_is_a_table_by_family_and_the_same_as_json() {
    let folder = Folder::new();
    let ran = folder.well("bench --payments 60000 --seconds 0");
    let table = ran.text();
    for family in ["activity", "order", "novelty", "ring", "scatter-gather", "chain", "all"] {
        assert!(table.contains(family), "{family}: {table}");
    }
    let json = folder.well("bench --payments 60000 --seconds 0 --json").json();
    let families = json["families"].as_array().expect("a list");
    assert_eq!(families.len(), table.lines().count() - 1);
    for family in families {
        assert!(family["per_second"].as_f64().expect("a rate") > 0.0, "{family}");
        assert!(family["state_bytes"].as_u64().expect("bytes") > 0, "{family}");
    }
}

#[test]
#[cfg(unix)]
fn a_service_under_load_answers_all_and_tells_its_pace_in_one_line() {
    let folder = Folder::new();
    for shape in ["batches", "single", "rate"] {
        let line = format!(
            "bench serve {shape} --payments 600 --warm 1000 --accounts 400 --batch 50 \
             --connections 3 --hub"
        );
        let ran = folder.well(&line);
        assert_eq!(ran.text().lines().count(), 1, "{}", ran.text());
        for field in [&*format!("shape={shape}"), "payments=600", "turned_away=0", "failed=0"] {
            assert!(ran.text().split(' ').any(|told| told == field), "{}", ran.text());
        }
    }
}
