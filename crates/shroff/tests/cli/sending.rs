//! A history that is sent to a service that runs, and payments in columns, as clients send them.

use std::fmt::Write as _;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::door::{Folder, HEAD, private, skipped};
use crate::serve::{NDJSON, SECRET, Service, world};

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A service, and the files of a key that sends to it and of one that may not.
fn with_key(folder: &Folder, words: &str) -> Service {
    let first = Service::start(folder);
    let admin = first.key.clone();
    first.stop();
    for (file, rest) in [
        ("key", format!("bank --role payment-system{words}")),
        ("auditor", "eve --role auditor".to_owned()),
    ] {
        let key = folder.well(&format!("keys add {rest} --data data"));
        folder.write(file, key.text());
        private(&folder.path(file));
    }
    let mut service = Service::start(folder);
    service.key = admin;
    service
}

fn rows(ids: std::ops::Range<u32>) -> String {
    ids.fold(HEAD.to_owned(), |mut rows, n| {
        let (hour, minute) = (n / 60 % 24, n % 60);
        writeln!(rows, "r{n},2026-03-01T{hour:02}:{minute:02}:00Z,A{n},{SECRET},5.00,EUR")
            .expect("a string");
        rows
    })
}

fn message(number: u32, minute: u32, amount: &str) -> String {
    let account = |name: &str| format!("<Id><Othr><Id>{name}</Id></Othr></Id>");
    let agent =
        |name: &str| format!("<{name}><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></{name}>");
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr>\
         <MsgId>M{number}</MsgId><CreDtTm>2026-03-01T10:{minute:02}:00Z</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr>\
         <CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>T{number}</TxId></PmtId>\
         <IntrBkSttlmAmt Ccy=\"EUR\">{amount}</IntrBkSttlmAmt><DbtrAcct>{}</DbtrAcct>{}{}<CdtrAcct>{}</CdtrAcct>\
         </CdtTrfTxInf></FIToFICstmrCdtTrf></Document>",
        account("1"),
        agent("DbtrAgt"),
        agent("CdtrAgt"),
        account("2"),
    )
}

#[test]
fn a_history_is_sent_to_a_service_that_runs_and_counts_once_however_often() {
    let folder = Folder::new();
    let service = with_key(&folder, "");
    folder.write("half.csv", rows(0..700));
    folder
        .write("rows.csv", format!("{}future,2099-03-01T09:00:00Z,A,B,5.00,EUR\n", rows(0..1_400)));
    folder.write("a.xml", message(1, 5, "7.00"));
    folder.write("bad.xml", message(2, 6, "-1"));
    let line = |files: &str| {
        let address = &service.address;
        format!("ingest {files} --url http://{address}/ --key-file key --max-bad 0.9")
    };
    let told = folder.well(&line("half.csv")).err;
    assert!(told.contains("700 new, 0 known, 0 taken out again, 0 refused"), "{told}");
    // As after an interruption: what came before is known.
    let told = folder.well(&line("a.xml rows.csv bad.xml")).err;
    assert!(told.contains("701 new, 700 known, 0 taken out again, 2 refused"), "{told}");
    let again = folder.well(&line("a.xml rows.csv bad.xml")).err;
    assert!(again.contains("0 new, 1,401 known, 0 taken out again, 2 refused"), "{again}");
    let refused = folder.text("quarantine.csv");
    assert!(refused.contains("bad.xml") && refused.contains("ahead of the clock"), "{refused}");
    assert!(!refused.contains(SECRET) && !told.contains(SECRET), "{refused}");
    let key = service.key.clone().expect("the first start shows a key");
    let metrics = service.get("/metrics", &key).1;
    assert!(metrics.contains("shroff_payments 1401\n"), "{metrics}");
}

#[test]
fn what_is_sent_is_what_is_loaded() {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = with_key(&folder, "");
    folder.well(&format!("ingest world.csv --url http://{} --key-file key", service.address));
    let key = service.key.clone().expect("the first start shows a key");
    let sent = service.post(NDJSON, &key, &lines.join("\n")).1;
    let other = Folder::new();
    world(&other);
    other.well("ingest world.csv --data data");
    let loaded = Service::start(&other);
    let key = loaded.key.clone().expect("the first start shows a key");
    assert!(sent == loaded.post(NDJSON, &key, &lines.join("\n")).1, "equal bytes");
}

#[test]
fn a_pause_that_the_service_asks_for_is_kept() {
    let folder = Folder::new();
    let service = with_key(&folder, " --pace 1");
    folder.write("rows.csv", rows(0..1_400));
    let address = &service.address;
    let told = folder.well(&format!("ingest rows.csv --url http://{address} --key-file key")).err;
    assert!(told.contains("1,400 new, 0 known"), "{told}");
}

#[test]
fn what_keeps_a_history_from_being_sent_is_named() {
    let folder = Folder::new();
    let service = with_key(&folder, "");
    folder.write("rows.csv", rows(0..2));
    folder.write("wrong", "no-such-key\n");
    folder.write("open", "no-such-key\n");
    folder.write("empty.pem", "nothing\n");
    private(&folder.path("wrong"));
    let here = format!("http://{}", service.address);
    for (words, wanted) in [
        (format!("--url {here} --key-file wrong"), "does not know the key"),
        (format!("--url {here} --key-file auditor"), "the role payment-system may"),
        (format!("--url {here} --key-file open"), "open"),
        (format!("--url {here} --key-file none"), "none"),
        (format!("--url {here}/nowhere --key-file key"), "hint"),
        (format!("--url {here} --key-file key --ca-file empty.pem"), "has no certificate"),
        (format!("--url {here} --key-file key --data data"), "cannot be used with"),
        (format!("--url {here}"), "--key-file"),
        ("--url http://bank.example --key-file key".to_owned(), "no `https://` URL"),
        ("--url http://localhost:1 --key-file key".to_owned(), "no service answers at"),
        ("--url https://key@bank.example --key-file key".to_owned(), "and no more"),
    ] {
        let ran = folder.run(&format!("ingest rows.csv {words}"));
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{words}: {}", ran.err);
        assert!(!ran.err.contains("no-such-key") && !ran.err.contains(SECRET), "{}", ran.err);
    }
    let key = service.key.clone().expect("the first start shows a key");
    assert!(service.get("/metrics", &key).1.contains("shroff_payments 0\n"), "nothing came");
}

/// Sends bytes, as they are, and reads all of the answer.
pub(crate) fn post_bytes(service: &Service, key: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(&service.address).expect("it listens");
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: {ARROW}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut writer = stream.try_clone().expect("a socket");
    let body = body.to_vec();
    // It answers while it still reads.
    let sending = std::thread::spawn(move || drop(writer.write_all(&body)));
    let mut bytes = Vec::new();
    drop(BufReader::new(stream).read_to_end(&mut bytes));
    sending.join().expect("it was sent");
    crate::serve::read_response(&bytes)
}

/// What pyarrow makes of the rows of a world, in columns of several types.
const WRITES: &str = r#"
import json, sys, datetime, decimal, pyarrow as pa
rows = [json.loads(line) for line in open("world.jsonl")]
column = lambda name: [row[name] for row in rows]
utc = [datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00")) for row in rows]
micros = [int(t.timestamp()) * 1000000 + t.microsecond for t in utc]
text = {name: pa.array(column(name)) for name in ["id", "debtor", "creditor", "amount", "currency", "method"]}
plain = dict(text, time=pa.array(column("time")))
rich = {
    "id": pa.array(column("id"), pa.large_string()), "memo": pa.array(range(len(rows))),
    "time": pa.array(utc, pa.timestamp("ns", "Europe/Zurich")),
    "debtor": text["debtor"].dictionary_encode(), "creditor": pa.array(column("creditor"), pa.string_view()),
    "amount": pa.array([decimal.Decimal(a) for a in column("amount")], pa.decimal128(30, 4)),
    "currency": text["currency"].dictionary_encode(), "method": text["method"].dictionary_encode(),
}
third = dict(text, time=pa.array(micros, pa.int64()), amount=pa.array([float(a) for a in column("amount")]))
for name, columns, chunk in [("plain", plain, 400), ("rich", rich, 1000), ("third", third, 7)]:
    table = pa.table(columns)
    with pa.ipc.new_stream(f"{name}.arrows", table.schema) as out:
        out.write_table(table, max_chunksize=chunk)
"#;

fn pyarrow(folder: &Folder, script: &str) -> Option<()> {
    let known = Command::new("python3").args(["-c", "import pyarrow"]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        return skipped("python3 with the package pyarrow is needed");
    }
    let ran = Command::new("python3").args(["-c", script]).current_dir(folder.path(".")).output();
    let ran = ran.expect("python3 starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(())
}

#[test]
fn columns_give_the_verdicts_of_the_same_payments_as_lines() {
    let folder = Folder::new();
    let lines = world(&folder);
    folder.write("world.jsonl", lines.join("\n"));
    if pyarrow(&folder, WRITES).is_none() {
        return;
    }
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let (status, wanted) = service.post(NDJSON, &key, &lines.join("\n"));
    assert_eq!(status, 200);
    for name in ["plain", "rich", "third"] {
        let other = Folder::new();
        let service = Service::start(&other);
        let key = service.key.clone().expect("the first start shows a key");
        let (status, said) = post_bytes(&service, &key, &folder.bytes(&format!("{name}.arrows")));
        assert_eq!(status, 200, "{name}: {said}");
        assert!(said == wanted, "{name}: the bytes differ");
    }
}

const ODD: &str = r#"
import pyarrow as pa
def write(name, end=True, **columns):
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    open(name, "wb").write(sink.getvalue().to_pybytes())
good = dict(id=["a", "b", "c"], time=[5, 6, 7], debtor=["A", "B", "C"], creditor=["B", "C", "A"],
            amount=["1.00", "2.00", "3.00"], currency=["EUR"] * 3)
write("good", **good)
write("rows", **dict(good, debtor=["A", None, "C"], amount=["1.00", "2.00", "1.005"]))
write("missing", **{k: v for k, v in good.items() if k != "creditor"})
write("typed", **dict(good, debtor=[1, 2, 3]))
write("nested", **dict(good, memo=[[1], [2], [3]]))
write("flagged", **dict(good, amount=[True, False, True]))
table = pa.table(good)
with pa.OSFile("file", "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
    out.write_table(table)
packed = pa.BufferOutputStream()
with pa.ipc.new_stream(packed, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
    out.write_table(table)
open("packed", "wb").write(packed.getvalue().to_pybytes())
many = pa.table({k: v * 100000 for k, v in good.items()})
with pa.OSFile("large", "wb") as sink, pa.ipc.new_stream(sink, many.schema) as out:
    out.write_table(many)
"#;

#[test]
fn columns_that_do_not_fit_are_named_and_a_bad_row_stops_no_other() {
    let folder = Folder::new();
    if pyarrow(&folder, ODD).is_none() {
        return;
    }
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let post = |bytes: &[u8]| post_bytes(&service, &key, bytes);
    for (name, status, wanted, hint) in [
        ("missing", 400, "no column `creditor`", "id, time, debtor"),
        ("typed", 400, "`debtor` (Int64)", "`debtor` is text"),
        ("nested", 400, "`memo`", "leave it out"),
        ("flagged", 400, "`amount` (Boolean)", "a decimal"),
        ("file", 400, "no Arrow stream", "new_stream"),
    ] {
        let (told, body) = post(&folder.bytes(name));
        assert_eq!(told, status, "{name}: {body}");
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(wanted)), "{body}");
        assert!(problem["hint"].as_str().is_some_and(|it| it.contains(hint)), "{body}");
    }
    assert_eq!(post(b"").0, 400);
    assert_eq!(post(b"{\"id\":1}").0, 400);
    let lines = |body: &str| -> Vec<Value> {
        body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let (status, body) = post(&folder.bytes("rows"));
    let said = lines(&body);
    assert_eq!((status, said.len()), (200, 3), "{body}");
    assert_eq!((&said[0]["place"], &said[1]["status"]), (&0.into(), &422.into()), "{body}");
    assert_eq!((&said[1]["index"], &said[1]["field"]), (&1.into(), &"debtor".into()), "{body}");
    assert_eq!((&said[2]["index"], &said[2]["field"]), (&2.into(), &"amount".into()), "{body}");
    // What cannot be read behind a schema that fits ends the answer with why.
    for (name, wanted) in [("packed", "compressed"), ("large", "a message has")] {
        let (status, body) = post(&folder.bytes(name));
        let said = lines(&body);
        assert_eq!((status, said.len()), (200, 1), "{name}: {body}");
        assert!(said[0]["detail"].as_str().is_some_and(|it| it.contains(wanted)), "{body}");
    }
    // Cut anywhere, it is told so, or what was whole is taken; and nothing more.
    let good = folder.bytes("good");
    for cut in (0..good.len()).step_by(97) {
        let (status, body) = post(&good[..cut]);
        assert!(matches!(status, 200 | 400), "{cut}: {status} {body}");
        assert!(lines(&body).len() <= 4, "{cut}: {body}");
    }
    let (status, body) = post(&good);
    assert_eq!((status, lines(&body).len()), (200, 3), "{body}");
}
