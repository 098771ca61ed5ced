//! The same payments in another form are the same payments: equal alerts, byte for byte.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use shroff_types::Timestamp;

use crate::door::{Dice, Folder, HEAD};

/// A row of the world: id, micros, debtor, creditor, cents, method.
#[derive(Debug, Clone)]
struct Row {
    id: i64,
    micros: i64,
    ends: [String; 2],
    cents: i128,
    method: String,
}

/// A simulated world; each payment at a time of its own, so that any order of rows is one order.
fn world(folder: &Folder, accounts: u32, payments: u32) -> Vec<Row> {
    folder.well(&format!(
        "simulate --accounts {accounts} --payments {payments} --days 60 --seed 5 -o world.csv"
    ));
    let rows = folder.rows("world.csv");
    let row = |(place, row): (usize, &Vec<String>)| Row {
        id: row[0].parse().expect("a number"),
        micros: Timestamp::parse(&row[1]).expect("a time").0 + i64::try_from(place).expect("few"),
        ends: [row[2].clone(), row[3].clone()],
        cents: row[4].replace('.', "").parse().expect("a number"),
        method: row[6].clone(),
    };
    rows.iter().skip(1).enumerate().map(row).collect()
}

fn amount(cents: i128) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn delimited(rows: &[Row], mark: &str) -> String {
    let names = ["id", "time", "debtor", "creditor", "amount", "currency", "method"];
    let mut text = names.join(mark) + "\n";
    for Row { id, micros, ends: [debtor, creditor], cents, method } in rows {
        let (id, micros, amount) = (id.to_string(), micros.to_string(), amount(*cents));
        let fields = [&id, &micros, debtor, creditor, &amount, "EUR", method];
        text.push_str(&(fields.join(mark) + "\n"));
    }
    text
}

fn json_lines(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { id, micros, ends: [debtor, creditor], cents, method } in rows {
        let (time, amount) = (Timestamp(*micros), amount(*cents));
        writeln!(
            text,
            "{{\"creditor\":\"{creditor}\",\"id\":{id},\"time\":\"{time}\",\"amount\":{amount},\
             \"currency\":\"EUR\",\"method\":\"{method}\",\"debtor\":\"{debtor}\"}}"
        )
        .expect("a text");
    }
    text
}

fn batch(rows: &[Row]) -> RecordBatch {
    let texts = |text: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.micros));
    let amounts: Decimal128Array = rows.iter().map(|row| Some(row.cents)).collect();
    let amounts = amounts.with_precision_and_scale(20, 2).expect("it fits");
    RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))) as ArrayRef),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("debtor", texts(|row| &row.ends[0])),
        ("creditor", texts(|row| &row.ends[1])),
        ("amount", Arc::new(amounts)),
        ("currency", texts(|_| "EUR")),
        ("method", texts(|row| &row.method)),
    ])
    .expect("columns of one length")
}

fn create(folder: &Folder, name: &str) -> File {
    File::create(folder.path(name)).expect("a file of our own")
}

fn write_columnar(folder: &Folder, rows: &[Row]) {
    let batch = batch(rows);
    let schema = batch.schema();
    let mut parquet = ArrowWriter::try_new(create(folder, "in.parquet"), Arc::clone(&schema), None)
        .expect("a schema");
    parquet.write(&batch).expect("a batch");
    parquet.close().expect("a footer");
    let mut arrow = arrow::ipc::writer::FileWriter::try_new(create(folder, "in.arrow"), &schema)
        .expect("a schema");
    // Two batches: where one ends is no matter either.
    arrow.write(&batch.slice(0, 1_000)).expect("a batch");
    arrow.write(&batch.slice(1_000, batch.num_rows() - 1_000)).expect("a batch");
    arrow.finish().expect("a footer");
    let mut stream =
        arrow::ipc::writer::StreamWriter::try_new(create(folder, "in.arrows"), &schema)
            .expect("a schema");
    stream.write(&batch).expect("a batch");
    stream.finish().expect("an end");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn write_all_forms(folder: &Folder, rows: &[Row]) {
    let csv = delimited(rows, ",");
    folder.write("in.csv", &csv);
    folder.write("in.tsv", delimited(rows, "\t"));
    folder.write("in.csv.gz", gzip(csv.as_bytes()));
    folder.write("in.csv.zst", zstd::encode_all(csv.as_bytes(), 1).expect("memory"));
    folder.write("in.jsonl", json_lines(rows));
    folder.write("in.jsonl.gz", gzip(json_lines(rows).as_bytes()));
    write_columnar(folder, rows);
    let (early, late) = rows.split_at(rows.len() / 3);
    folder.write("parts/2024-01.csv", delimited(early, ","));
    folder.write("parts/2024-02.csv", delimited(late, ","));
    folder.write("parts/2024-02.jsonl", json_lines(late));
    let mut shuffled = rows.to_vec();
    Dice(3).shuffle(&mut shuffled);
    folder.write("shuffled.csv", delimited(&shuffled, ","));
}

#[test]
fn any_form_and_any_order_of_rows_gives_the_same_alerts() {
    let folder = Folder::new();
    let rows = world(&folder, 400, 6_000);
    write_all_forms(&folder, &rows);
    folder.well("scan in.csv --accounts plain --out expected");
    let expected = folder.text("expected/alerts.jsonl");
    assert!(expected.lines().count() > 50, "the world has alerts");
    for inputs in [
        "in.tsv",
        "in.csv.gz",
        "in.csv.zst",
        "in.jsonl",
        "in.jsonl.gz",
        "in.parquet",
        "in.arrow",
        "in.arrows",
        "parts/2024-01.csv parts/2024-02.csv",
        "parts/2024-02.csv parts/2024-01.csv",
        "parts/2024-*.csv",
        "parts/2024-01.csv parts/2024-02.jsonl",
        "shuffled.csv",
        "shuffled.csv --sort-memory 1",
    ] {
        folder.well(&format!("scan {inputs} --accounts plain --out given"));
        assert!(folder.text("given/alerts.jsonl") == expected, "{inputs} gives other alerts");
    }
    for name in ["in.csv", "in.csv.gz", "in.parquet", "in.arrow", "in.arrows", "in.jsonl"] {
        let ran = folder.run_with("scan - --accounts plain --out given", &folder.bytes(name));
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.err);
        assert!(folder.text("given/alerts.jsonl") == expected, "{name} on standard input");
    }
    let ran = folder.run_with(
        "scan parts/2024-01.csv - --accounts plain --out given",
        &folder.bytes("parts/2024-02.csv"),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(folder.text("given/alerts.jsonl") == expected, "a file, then standard input");
}

#[test]
fn rows_sorted_on_disk_give_the_same_alerts_and_say_so() {
    let folder = Folder::new();
    let mut rows = world(&folder, 3_000, 60_000);
    folder.write("in.csv", delimited(&rows, ","));
    Dice(9).shuffle(&mut rows);
    folder.write("shuffled.csv", delimited(&rows, ","));
    let ran = folder.well("scan in.csv --accounts plain --out expected");
    assert!(!ran.err.contains("time order"), "{}", ran.err);
    let ran = folder.well("scan shuffled.csv --accounts plain --out given --sort-memory 1");
    assert!(ran.err.contains("not in time order"), "{}", ran.err);
    assert!(ran.err.contains("sorted on disk"), "{}", ran.err);
    assert!(folder.bytes("given/alerts.jsonl") == folder.bytes("expected/alerts.jsonl"));
}

#[test]
fn payments_of_one_instant_keep_the_order_of_arrival() {
    let rows = |lines: [&str; 3]| format!("{}{}\n", HEAD, lines.join("\n"));
    let at = "2024-01-01T10:00:00Z";
    let [ab, bc, ca] = [("A", "B"), ("B", "C"), ("C", "A")]
        .map(|(from, to)| format!("{from},{at},{from},{to},100.00,EUR"));
    let cycle = Folder::with("in.csv", rows([&ab, &bc, &ca])).scan("in.csv");
    assert_eq!(cycle.len(), 1, "{cycle:?}");
    assert_eq!(cycle[0].payments, ["A", "B", "C"]);
    let against = Folder::with("in.csv", rows([&ca, &bc, &ab])).scan("in.csv");
    assert_eq!(against, [], "in this order no money comes back");
    let folder = Folder::new();
    for (name, line) in [("1.csv", &ab), ("2.csv", &bc), ("3.csv", &ca)] {
        folder.write(name, format!("{HEAD}{line}\n"));
    }
    assert_eq!(folder.scan("1.csv 2.csv 3.csv").len(), 1, "files come one after the other");
    assert_eq!(folder.scan("2.csv 1.csv 3.csv").len(), 0, "in the order given");
}

#[test]
fn a_second_run_writes_the_same_bytes_but_for_the_seconds() {
    let folder = Folder::new();
    folder.well("simulate --accounts 400 --payments 6000 --days 60 --seed 2 -o in.csv");
    let run = || {
        let ran = folder.well("scan in.csv --out report");
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for name in folder.list("report") {
            let mut bytes = folder.bytes(&format!("report/{name}"));
            if name == "run.json" {
                let mut run: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                let seconds = run["seconds"].take();
                assert!(seconds.as_object().is_some_and(|stages| stages.len() >= 3), "{seconds}");
                bytes = run.to_string().into_bytes();
            }
            files.push((name, bytes));
        }
        (ran.out, files)
    };
    let (first, second) = (run(), run());
    assert!(first.0 == second.0, "standard output differs");
    for ((name, before), (_, after)) in first.1.iter().zip(&second.1) {
        assert!(before == after, "{name} differs");
    }
    assert_eq!(first.1.len(), second.1.len());
}
