//! A backup is taken while payments come, and goes on elsewhere as if nothing had happened.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::door::{Folder, Ran};
use crate::postgres::Postgres;
use crate::serve::{NDJSON, Request, Service, alike, world};
use crate::signed;

const JSON: &str = "application/json";

fn fails(folder: &Folder, line: &str, wanted: &str) -> Ran {
    let ran = folder.run(line);
    assert_eq!(ran.code, Some(2), "{line}: {}", ran.text());
    assert!(ran.err.contains(wanted), "{line}: {}", ran.err);
    ran
}

/// Sends payments one by one, until all are sent or the flag is up; how many were answered is noted.
fn load(
    (service, key): (&Service, &str),
    lines: &[String],
    (told, answered): (&AtomicBool, &AtomicUsize),
) -> Vec<String> {
    let mut said = Vec::new();
    for line in lines {
        if told.load(Ordering::Acquire) {
            break;
        }
        let (status, answer) = service.post(JSON, key, line);
        assert_eq!(status, 200, "{answer}");
        said.push(answer);
        answered.fetch_add(1, Ordering::AcqRel);
    }
    said
}

/// What people see of what they did.
fn seen(service: &Service, who: &str) -> Value {
    let mut case = service.json("/v1/cases/case-1", who);
    // Reading it adds to that.
    case["seen"].take();
    json!([case, service.json("/v1/holds?limit=500", who)])
}

fn goes_on_elsewhere(register: &str, other: &str) {
    let folder = Folder::new();
    let lines = world(&folder);
    let mut options: Vec<&str> = register.split_whitespace().collect();
    let more = ["--snapshot-every", "100", "--hold-from", "0.3", "--hold-for", "9000d"];
    options.extend(more);
    let service = Service::start_with(&folder, &options);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    let (status, first) = service.post(NDJSON, &key, &lines[..900].join("\n"));
    assert_eq!(status, 200);
    let alerts = service.json("/v1/alerts?limit=1", &ada);
    let body = json!({ "alerts": [alerts["alerts"][0]["id"]] }).to_string();
    let (method, path, kind) = ("POST", "/v1/cases", JSON);
    let request = Request { method, path, key: Some(&ada), kind, body: &body };
    assert_eq!(service.ask(&request).0, 201);
    let before = seen(&service, &ada);

    let (told, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = std::sync::Barrier::new(2);
    let command = format!("backup kept --data data --with-keys --json {register}");
    let (made, said) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            begun.wait();
            load((&service, &key), &lines[900..], (&told, &answered))
        });
        begun.wait();
        let early = folder.well(&command).json();
        let from = answered.load(Ordering::Acquire) as u64;
        let made = folder.well(&command).json();
        told.store(true, Ordering::Release);
        let payments = made["payments"].as_u64().expect("a number");
        assert!(payments >= 900 + from, "what was answered before is in it: {made}");
        assert!(made["register_payments"].as_u64() <= Some(payments), "{made}");
        assert!(early["payments"].as_u64() <= Some(payments), "{early}");
        (made, sending.join().expect("it was sent"))
    });
    assert!(900 + said.len() < lines.len(), "payments came all the while");
    // It is killed, and its folder is gone.
    drop(service);
    std::fs::rename(folder.path("data"), folder.path("gone")).expect("it was ours");

    let verified = folder.well("backup kept --verify --json").json();
    assert_eq!(verified["payments"], made["payments"]);
    let restored = folder.well(&format!("restore kept --data data --json {other}")).json();
    assert_eq!(restored["audit_hash"], made["audit_hash"]);
    folder.well("verify --data data");
    let trail = folder.well(&format!("audit verify --data data {other}"));
    let hash = made["audit_hash"].as_str().expect("people did something");
    assert!(trail.text().contains(hash), "{}", trail.text());

    let mut options: Vec<&str> = other.split_whitespace().collect();
    options.extend(more);
    let service = Service::start_with(&folder, &options);
    assert_eq!(service.key, None, "its keys are there");
    assert_eq!(seen(&service, &ada)[0]["log"], before[0]["log"]);
    assert_eq!(service.json("/v1/holds?limit=500", &ada)["holds"][0], before[1]["holds"][0]);
    let (_, all) = service.post(NDJSON, &key, &lines.join("\n"));
    let all: Vec<&str> = all.lines().collect();
    assert_eq!(all.len(), lines.len());
    let mut answers = first.lines().chain(said.iter().map(String::as_str)).zip(&all);
    assert!(answers.all(|(before, now)| before == *now), "the same is said again");
    assert_eq!(alike(&service.alerts(&key)), alike(&scanned_with(&folder)));
    let metrics = service.get("/metrics", &key).1;
    assert!(metrics.contains(&format!("shroff_payments {}\n", lines.len())), "{metrics}");
    service.stop();
    let verified = folder.well("verify --data data");
    assert!(verified.text().contains("different=0 "), "{}", verified.text());
}

/// The alerts of a scan that suggests to hold as early.
fn scanned_with(folder: &Folder) -> std::collections::BTreeMap<String, Value> {
    folder.well("scan world.csv --out report --hold-from 0.3");
    let text = folder.text("report/alerts.jsonl");
    let alert = |line: &str| {
        let mut alert: Value = serde_json::from_str(line).expect("JSON");
        alert.as_object_mut().expect("an object").remove("accounts");
        (alert["id"].as_str().expect("an id").to_owned(), alert)
    };
    text.lines().map(alert).collect()
}

#[test]
fn a_backup_under_load_goes_on_elsewhere_on_sqlite() {
    goes_on_elsewhere("", "");
}

#[test]
fn a_backup_under_load_goes_on_elsewhere_on_postgresql() {
    let Some(one) = Postgres::start() else { return };
    let Some(other) = Postgres::start() else { return };
    goes_on_elsewhere(&format!("--register {}", one.url()), &format!("--register {}", other.url()));
}

/// A folder with a service that has stopped, and a backup of it.
fn kept() -> Folder {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    assert_eq!(service.post(NDJSON, &key, &lines[..600].join("\n")).0, 200);
    service.stop();
    folder.well("backup kept --data data");
    folder
}

/// Every file of a backup, by its name in it.
fn stored(folder: &Folder, within: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in folder.list(within) {
        let path = format!("{within}/{name}");
        if folder.path(&path).is_dir() {
            found.extend(stored(folder, &path));
        } else if name != "backup.lock" {
            found.push(path);
        }
    }
    found
}

#[test]
fn whatever_of_a_backup_is_damaged_is_named_and_nothing_is_restored() {
    let folder = kept();
    let files = stored(&folder, "kept");
    for part in ["payments/", "verdicts/", "snapshots/", "rules/", "keys.json", "register.ndjson"] {
        assert!(files.iter().any(|file| file.contains(part)), "{part}: {files:?}");
    }
    for file in &files {
        let bytes = folder.bytes(file);
        let mut other = bytes.clone();
        other[bytes.len() / 2] ^= 4;
        // The end of the last line of the manifest is no part of it.
        let shorter = bytes[..bytes.len() - 2].to_vec();
        for bad in [Some(other), Some(shorter), None] {
            match bad {
                Some(bad) => folder.write(file, bad),
                None => std::fs::remove_file(folder.path(file)).expect("it is there"),
            }
            let name = if file.ends_with("manifest.json") { "kept" } else { file };
            fails(&folder, "backup kept --verify", name);
            fails(&folder, "restore kept --data new", name);
            assert!(!folder.path("new").exists(), "{file}");
        }
        folder.write(file, bytes);
    }
    folder.well("backup kept --verify");
    // A file that is lost is copied again while the service is there.
    let register = files.iter().find(|file| file.contains("register.ndjson")).expect("found above");
    std::fs::remove_file(folder.path(register)).expect("it is there");
    folder.well("backup kept --data data");
    folder.well("backup kept --verify");
}

#[test]
fn a_backup_has_no_secret_unless_it_is_told_to_and_another_key_is_refused() {
    let folder = kept();
    let key = folder.bytes("data/token.key");
    let has_key = |folder: &Folder| {
        let files = stored(folder, "kept");
        files.iter().any(|file| folder.bytes(file).windows(32).any(|window| window == key))
    };
    assert!(!has_key(&folder));
    let ran = folder.well("restore kept --data new");
    assert!(ran.err.contains("the key of tokens is not in the backup"), "{}", ran.err);
    let start = "serve --data new --listen 127.0.0.1:0";
    fails(&folder, start, "there is no key of tokens");
    folder.write("new/token.key", [7; 32]);
    fails(&folder, start, "is not the key that the tokens");
    folder.write("other.key", [7; 32]);
    fails(&folder, "restore kept --data third --token-key other.key", "is not the key");
    folder.write("new/token.key", &key);
    let service = Service::start_as(
        &folder,
        std::process::Command::new(env!("CARGO_BIN_EXE_shroff")).args(start.split(' ')),
    );
    service.stop();
    folder.well("backup kept --data data --with-keys");
    assert!(has_key(&folder));
    folder.well("restore kept --data fourth");
    assert_eq!(folder.bytes("fourth/token.key"), key);
    folder.well("backup kept --data data");
    assert!(!has_key(&folder), "it is taken out again");
}

#[test]
fn a_service_that_was_sent_nothing_is_restored_as_one() {
    let folder = Folder::new();
    Service::start(&folder).stop();
    folder.well("backup kept --data data --with-keys");
    folder.well("restore kept --data new");
    folder.well("verify --data new");
    folder.well("backup again --data new");
}

#[test]
fn folders_that_are_not_meant_are_refused_and_left_as_they_are() {
    let folder = kept();
    folder.write("full/a", "b");
    fails(&folder, "restore kept --data full", "is not empty");
    fails(&folder, "backup full --data data", "is not empty, and no backup");
    assert_eq!(folder.list("full"), ["a"]);
    fails(&folder, "backup data/backup --data data", "outside of what it is of");
    fails(&folder, "backup new --data full", "is no data directory");
    fails(&folder, "backup full --verify", "is no backup");
    fails(&folder, "restore full --data new", "is no backup");
    // Half of a restore is no data folder.
    folder.well("restore kept --data new");
    folder.write("new/restoring", "");
    fails(&folder, "serve --data new --listen 127.0.0.1:0", "was not restored as a whole");
    // That of another service does not go on top.
    let other = kept();
    let line = format!("backup {} --data data", folder.path("kept").display());
    fails(&other, &line, "has the backup of another log");
    folder.well("backup kept --verify");
}
