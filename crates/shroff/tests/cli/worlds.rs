//! `shroff simulate` and `shroff demo`, and what a scan leaves behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read as _;
use std::process::Command;

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Float64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use shroff_types::{Decimal, Timestamp};

use crate::door::{Folder, beside, shown};
use crate::serve::Service;

const SMALL: &str = "simulate --accounts 300 --payments 4000 --days 60";

#[test]
fn the_same_seed_gives_the_same_bytes_packed_or_not_and_another_seed_others() {
    let folder = Folder::new();
    let ran = folder.well(&format!("{SMALL} --seed 9 -o -"));
    folder.well(&format!("{SMALL} --seed 9 -o world.csv"));
    assert!(folder.bytes("world.csv") == ran.out, "standard output and file");
    assert!(folder.well(&format!("{SMALL} --seed 9")).out == ran.out, "no -o is standard output");
    folder.well(&format!("{SMALL} --seed 9 -o world.csv.gz"));
    folder.well(&format!("{SMALL} --seed 9 -o world.csv.zst"));
    let (packed, mut unpacked) = (folder.bytes("world.csv.gz"), Vec::new());
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == ran.out, "gzip");
    let unpacked = zstd::decode_all(&*folder.bytes("world.csv.zst")).expect("zstd");
    assert!(unpacked == ran.out, "zstd");
    assert!(folder.well(&format!("{SMALL} --seed 10")).out != ran.out, "another seed");
}

#[test]
fn a_world_has_what_was_asked_for_with_labels_attempts_and_look_alikes() {
    let folder = Folder::new();
    folder.well("simulate --accounts 4000 --payments 60000 --days 120 --seed 1 -o world.csv");
    let rows = folder.rows("world.csv");
    assert_eq!(rows.len(), 60_001);
    let column = |name: &str| rows[0].iter().position(|c| c == name).expect("a column");
    let all = |name: &str| -> BTreeSet<&str> {
        rows[1..].iter().map(|row| row[column(name)].as_str()).collect()
    };
    let accounts = all("debtor").union(&all("creditor")).count();
    assert!((3_500..=4_000).contains(&accounts), "{accounts}");
    let times: Vec<&String> = rows[1..].iter().map(|row| &row[column("time")]).collect();
    assert!(times.is_sorted(), "in the order of time");
    let [first, last] =
        [times[0], times[times.len() - 1]].map(|time| Timestamp::parse(time).expect("a time").0);
    let days = (last - first) / 86_400_000_000;
    assert!((110..120).contains(&days), "{days}");
    assert_eq!(all("id").len(), 60_000, "every payment has an id of its own");
    let typologies: BTreeSet<&str> =
        all("pattern").iter().filter_map(|pattern| Some(pattern.split_once(':')?.1)).collect();
    for typology in [
        "FAN-IN",
        "FAN-OUT",
        "GATHER-SCATTER",
        "SCATTER-GATHER",
        "CYCLE",
        "ROUND-TRIP",
        "STACK",
        "BIPARTITE",
        "PASS-THROUGH",
        "LAYERING-CHAIN",
        "STRUCTURING",
        "DORMANT-WAKES",
        "UNLIKE-ITSELF",
        "BURST",
        "NEW-PAYEE",
        "ALIKE-AMOUNTS",
        "TESTING",
    ] {
        assert!(typologies.contains(typology), "{typology} is not in {typologies:?}");
    }
    for row in &rows[1..] {
        let is_attempt = !row[column("pattern")].is_empty();
        assert_eq!(row[column("label")] == "1", is_attempt, "{row:?}");
        assert!(!is_attempt || row[column("lookalike")].is_empty(), "{row:?}");
    }
    let lookalikes: BTreeSet<&str> =
        all("lookalike").iter().filter_map(|name| Some(name.split_once(':')?.0)).collect();
    assert!(lookalikes.len() >= 5, "{lookalikes:?}");
}

#[test]
fn a_world_that_cannot_be_is_an_error_with_a_hint() {
    let folder = Folder::new();
    for words in ["--accounts 0", "--days 0", "--accounts 1 --payments 10"] {
        let ran = folder.run(&format!("simulate {words} -o world.csv"));
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        assert!(ran.err.contains("hint:"), "{words}: {}", ran.err);
        assert!(!folder.path("world.csv").exists(), "{words}");
    }
}

#[test]
fn the_report_of_the_demo_shows_nearly_every_typology() {
    let folder = Folder::new();
    let ran = folder.well("demo --report --out there");
    assert!(ran.text().contains("there/report.html"), "{}", ran.text());
    assert!(ran.err.contains("there/payments.csv"), "{}", ran.err);
    let files = folder.list("there");
    for name in [
        "accounts.csv",
        "alerts.jsonl",
        "alerts.parquet",
        "payments.csv",
        "quarantine.csv",
        "report.html",
        "run.json",
    ] {
        assert!(files.iter().any(|file| file == name), "{name} is not in {files:?}");
    }
    let report = folder.text("there/report.html");
    let typologies: BTreeSet<String> =
        folder.alerts("there").into_iter().map(|alert| alert.typology).collect();
    assert!(typologies.len() >= 14, "the demo shows nearly every typology: {typologies:?}");
    assert!(report.contains("<svg class=\"flow\""), "flows are drawn");
}

#[test]
fn the_demo_is_a_service_with_a_desk_whose_world_goes_on_where_it_was_left() {
    let folder = Folder::new();
    let start = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_shroff"));
        let words = ["demo", "--out", "there", "--listen", "127.0.0.1:0"];
        Service::start_as(&folder, program.args(words))
    };
    let payments = |service: &Service, key: &str| -> u64 {
        let metrics = service.get("/metrics", key).1;
        let count = metrics.lines().find_map(|line| line.strip_prefix("shroff_payments "));
        count.and_then(|count| count.parse().ok()).expect("it is counted")
    };
    let service = start();
    let key = service.key.clone().expect("the first start shows a key");
    let past = payments(&service, &key);
    // A hundred of its hundred and twenty days are behind it.
    assert!((30_000..36_000).contains(&past), "{past}");
    let alerts = service.json("/v1/alerts?limit=1", &key);
    assert!(alerts["total"].as_u64() > Some(100), "{alerts}");
    let (status, page) = service.get("/", &key);
    assert!(status == 200 && page.contains("<title>Shroff</title>"), "{status}: {page}");
    let err = folder.text("err.txt");
    assert!(err.contains("#/setup/"), "whoever starts it may sign in: {err}");
    service.stop();
    let begun = folder.text("there/world.json");
    let service = start();
    let again = payments(&service, &key);
    assert!(again >= past && again < past + 1_000, "{past}, and then {again}");
    assert_eq!(folder.text("there/world.json"), begun);
    service.stop();
    let other = folder.run("demo --out there --seed 2");
    assert!(other.code == Some(2) && other.err.contains("--seed 1"), "{}", other.err);
}

#[test]
fn the_report_is_one_file_that_fetches_nothing() {
    let folder = Folder::new();
    folder.well(&format!("{SMALL} --seed 2 -o world.csv"));
    folder.well("scan world.csv --out report");
    let report = folder.text("report/report.html");
    for fetch in ["http:", "https:", "url(", "<link", "<iframe", "@import", " src=", "fetch("] {
        assert!(!report.contains(fetch), "`{fetch}` is in the report");
    }
    assert!(report.contains("Content-Security-Policy") && report.contains("default-src 'none'"));
    assert!(report.trim_end().ends_with("</html>"));
}

#[test]
fn only_as_many_alerts_are_drawn_as_asked_for_and_all_are_in_the_list() {
    let folder = Folder::new();
    folder.well(&format!("{SMALL} --seed 2 -o world.csv"));
    folder.well("scan world.csv --out all --top 1000000");
    folder.well("scan world.csv --out few --top 3");
    assert!(folder.bytes("all/alerts.jsonl") == folder.bytes("few/alerts.jsonl"));
    let drawn = |out: &str| folder.text(&format!("{out}/report.html")).matches("<article").count();
    assert_eq!(drawn("few"), 3);
    assert_eq!(drawn("all"), folder.alerts("all").len());
}

#[test]
fn alerts_are_the_same_as_parquet_as_in_json_lines() {
    let folder = Folder::new();
    folder.well(&format!("{SMALL} --seed 2 -o world.csv"));
    let alerts = folder.scan("world.csv");
    let file = std::fs::File::open(folder.path("report/alerts.parquet")).expect("it was written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let batches: Vec<_> = reader.build().expect("Parquet").map(|b| b.expect("a batch")).collect();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one schema");
    assert_eq!(batch.num_rows(), alerts.len());
    let column = |name: &str| batch.column_by_name(name).expect("a column");
    let texts = |name: &str| column(name).as_string::<i32>();
    let list = |name: &str, row: usize| -> Vec<String> {
        let values = column(name).as_list::<i32>().value(row);
        values.as_string::<i32>().iter().map(|text| text.expect("a text").to_owned()).collect()
    };
    for (row, alert) in alerts.iter().enumerate() {
        assert_eq!(texts("id").value(row), alert.id);
        assert_eq!(texts("typology").value(row), alert.typology);
        assert_eq!(texts("currency").value(row), alert.currency);
        let score = column("score").as_primitive::<Float64Type>().value(row);
        assert!((score - alert.score).abs() < 1e-9, "{score} {}", alert.score);
        for name in ["first_time", "last_time"] {
            let micros = column(name).as_primitive::<TimestampMicrosecondType>().value(row);
            assert_eq!(Value::from(Timestamp(micros).to_string()), alert.fields[name]);
        }
        let digits = column("amount").as_primitive::<Decimal128Type>().value(row);
        assert_eq!(Decimal { digits, decimals: 2 }.to_string(), alert.amount);
        assert_eq!(list("accounts", row), alert.accounts);
        assert_eq!(list("reasons", row), alert.reasons);
        assert_eq!(list("payments", row), alert.payments);
    }
}

#[test]
fn run_json_says_what_was_read_and_how_and_is_what_json_prints() {
    let folder = Folder::new();
    folder.well(&format!("{SMALL} --seed 2 -o world.csv"));
    let ran = folder.well("scan world.csv --out report --json");
    let (mut printed, mut written) =
        (ran.json(), serde_json::from_str::<Value>(&folder.text("report/run.json")).expect("JSON"));
    for run in [&mut printed, &mut written] {
        let seconds = run["seconds"].take();
        let stages = seconds.as_object().expect("seconds by stage");
        assert!(stages.values().all(|s| s.as_f64().is_some_and(|s| s >= 0.0)), "{seconds}");
    }
    assert_eq!(printed, written);
    assert_eq!(written["version"], env!("CARGO_PKG_VERSION"));
    let input = &written["inputs"][0];
    assert_eq!(input["name"], "world.csv");
    assert_eq!(input["layout"], "shroff");
    assert_eq!(input["records"], 4_000);
    let digest = input["sha256"].as_str().expect("a digest");
    assert_eq!(digest, sha256(&folder, "world.csv"));
    assert_eq!(written["definitions_sha256"].as_str().map(str::len), Some(64));
    let alerts = folder.alerts("report");
    assert_eq!(written["counts"]["alerts"], alerts.len());
    let payments: BTreeSet<&String> = alerts.iter().flat_map(|alert| &alert.payments).collect();
    assert_eq!(written["counts"]["payments_in_alerts"], payments.len());
    for (typology, count) in written["alerts_by_typology"].as_object().expect("an object") {
        let here = alerts.iter().filter(|alert| alert.typology == *typology).count();
        assert_eq!(*count, here, "{typology}");
    }
}

fn sha256(folder: &Folder, name: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(folder.bytes(name));
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text");
        text
    })
}

#[test]
fn the_report_tells_of_each_alert_why_and_what_would_be_innocent_and_lists_its_payments() {
    let folder = Folder::new();
    folder.well(&format!("{SMALL} --seed 2 -o world.csv"));
    let alerts = folder.scan("world.csv --top 5");
    let report = folder.text("report/report.html");
    for heading in ["Alerts by typology", "Alerts by day", "Against the labels"] {
        assert!(report.contains(heading), "{heading}");
    }
    let articles: Vec<&str> = report.split("<article").skip(1).collect();
    assert_eq!(articles.len(), 5);
    for (article, alert) in articles.iter().zip(&alerts) {
        assert!(article.contains(&alert.id), "{}: strongest first", alert.id);
        for reason in &alert.reasons {
            let reason = reason.replace('\'', "&#39;");
            assert!(article.contains(&reason), "{}: {reason}", alert.id);
        }
        for payment in &alert.payments {
            assert!(article.contains(&format!(">{payment}<")), "{}: {payment}", alert.id);
        }
        assert!(article.contains("What would be innocent"), "{}", alert.id);
    }
}

#[test]
fn every_sample_is_scanned_by_its_own_layout() {
    for (file, layout) in [
        ("amlworld/LI-Small_Patterns.txt", "amlworld"),
        ("bitcoin_otc/soc-sign-bitcoinotc.csv", "bitcoin-otc"),
        ("berka/trans.asc", "berka"),
        ("ethereum/transactions_03300400.csv.gz", "ethereum"),
    ] {
        let Some(path) = beside(&format!("data/{file}")) else { continue };
        let folder = Folder::new();
        let path = shown(&path);
        let run = folder.well(&format!("scan {path} --out report --json")).json();
        assert_eq!(run["inputs"][0]["layout"], layout);
        assert!(run["counts"]["payments"].as_u64() > Some(1_000), "{file}");
        let ran = folder.well(&format!("scan {path} --out report"));
        assert!(ran.err.contains(&format!("read as {layout}")), "{}", ran.err);
    }
}
