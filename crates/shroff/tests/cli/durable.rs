//! The service and what can happen to it: kills, full and read-only disks, snapshots that rot, too
//! much at once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::door::{Folder, skipped};
use crate::serve::{GOOD, NDJSON, Request, SECRET, Service, alike, holds, scanned, world};

fn start(folder: &Folder) -> Service {
    // A snapshot every few batches, so that most lives begin from one.
    let program = &mut Command::new(env!("CARGO_BIN_EXE_shroff"));
    Service::start_by(folder, program, &["--snapshot-every", "100"])
}

/// A shell that runs the program with the arguments that follow.
fn by_shell(before: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_shroff")]);
    shell
}

fn json_of(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

fn id_of(line: &str) -> String {
    let record = json_of(line);
    record["id"].as_str().expect("an id").to_owned()
}

/// One life: sends lines from `begin` on, and kills the service once `wanted` of them were
/// acknowledged, in the middle of the others. Returns how far it came.
fn killed(
    (service, key): (Service, &str),
    (lines, begin, wanted): (&[String], usize, usize),
    said: &mut BTreeMap<usize, String>,
) -> usize {
    let mut body = lines[begin..].join("\n");
    body.push('\n');
    let (method, path) = ("POST", "/v1/payments");
    let request = Request { method, path, key: Some(key), kind: NDJSON, body: &body };
    let stream = service.send(&request);
    let mut writer = stream.try_clone().expect("a socket");
    let sent = body.clone();
    let sending = std::thread::spawn(move || drop(writer.write_all(sent.as_bytes())));
    let mut number = begin;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if line.starts_with("{\"id\"") && line.ends_with('}') {
            let before = said.insert(number, line.clone());
            assert!(before.is_none_or(|before| before == line), "the same is said again");
            number += 1;
        }
        if number >= begin + wanted {
            break;
        }
    }
    drop(service);
    sending.join().expect("it was sent");
    number
}

/// `SHROFF_KILLS=100 cargo test -p shroff kills` makes as many lives.
#[test]
fn what_was_acknowledged_survives_kills_and_nothing_counts_twice() {
    let kills: usize =
        std::env::var("SHROFF_KILLS").map_or(10, |text| text.parse().expect("a number"));
    let folder = Folder::new();
    let lines = world(&folder);
    let mut said: BTreeMap<usize, String> = BTreeMap::new();
    let (mut begin, mut key) = (0, String::new());
    // A client goes on a little before the last that it knows of.
    let again = 10;
    for _ in 0..kills {
        let service = start(&folder);
        if let Some(told) = &service.key {
            key.clone_from(told);
        }
        let wanted = again + lines.len() / kills;
        let number = killed((service, &key), (&lines, begin, wanted), &mut said);
        begin = number.saturating_sub(again);
    }
    assert!(said.len() > lines.len() / 2, "{}", said.len());
    let service = start(&folder);
    for (number, line) in said.iter().filter(|(number, _)| *number % 50 == 0) {
        let path = format!("/v1/payments/{}/verdict", id_of(&lines[*number]));
        assert_eq!(&service.get(&path, &key).1, line);
    }
    let (_, all) = service.post(NDJSON, &key, &lines.join("\n"));
    assert_eq!(all.lines().count(), lines.len());
    for (number, line) in all.lines().enumerate() {
        assert!(said.get(&number).is_none_or(|said| said == line), "{line}");
    }
    let metrics = service.get("/metrics", &key).1;
    assert!(metrics.contains(&format!("shroff_payments {}\n", lines.len())), "{metrics}");
    assert_eq!(alike(&service.alerts(&key)), alike(&scanned(&folder)));
    service.stop();
    let verified = folder.well("verify --data data");
    let verified = verified.text();
    assert!(verified.starts_with(&format!("verdicts={} different=0 ", lines.len())), "{verified}");
    assert!(verified.trim().ends_with("damaged_snapshots=0"), "{verified}");
}

/// Sends some hundred at once, and gives the answers.
pub(crate) fn send_all(service: &Service, key: &str, lines: &[String]) -> Vec<String> {
    let mut said = Vec::new();
    for part in lines.chunks(100) {
        let (status, body) = service.post(NDJSON, key, &part.join("\n"));
        assert_eq!(status, 200, "{body}");
        said.extend(body.lines().map(str::to_owned));
    }
    said
}

#[test]
fn a_start_from_a_snapshot_says_the_same_and_a_damaged_one_is_named_and_passed_over() {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let half = lines.len() / 2;
    let mut said = send_all(&service, &key, &lines[..half]);
    service.stop();
    // A bit of the newest turns: the one before it is used.
    let newest = folder.list("data/snapshots").pop().expect("one is kept at the end");
    assert_eq!(newest, format!("{half:020}.snapshot"));
    let path = format!("data/snapshots/{newest}");
    let mut bytes = folder.bytes(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write(&path, &bytes);
    let looked = folder.run("verify --data data");
    assert!(looked.code == Some(1) && looked.err.contains(&newest), "{}", looked.err);
    let service = start(&folder);
    let err = folder.text("err.txt");
    assert!(err.contains(&format!("a snapshot is not used: `{newest}`")), "{err}");
    assert!(err.contains("begun from a snapshot"), "{err}");
    said.extend(send_all(&service, &key, &lines[half..]));
    assert_eq!(said.len(), lines.len());
    let alerts = service.alerts(&key);
    assert_eq!(alike(&alerts), alike(&scanned(&folder)));
    service.stop();
    // Without any, all is computed anew and compared.
    for name in folder.list("data/snapshots") {
        std::fs::remove_file(folder.path(&format!("data/snapshots/{name}"))).expect("it is there");
    }
    let service = start(&folder);
    assert!(folder.text("err.txt").contains(&format!("verdicts={}", lines.len())));
    assert_eq!(send_all(&service, &key, &lines), said);
    assert_eq!(service.alerts(&key), alerts);
    service.stop();
    let (id, alert) = alerts
        .iter()
        .max_by_key(|(_, alert)| alert["payments"].as_array().map(Vec::len))
        .expect("there are some");
    let explained = folder.well(&format!("explain {id} --data data"));
    assert_eq!(explained.json()["payments"], alert["payments"]);
    assert!(explained.err.contains("this is what was said"), "{}", explained.err);
    for told in [explained.text(), &explained.err, &folder.text("err.txt")] {
        assert!(!told.contains(SECRET), "accounts leave as tokens");
    }
    for name in folder.list("data/snapshots") {
        let bytes = folder.bytes(&format!("data/snapshots/{name}"));
        assert!(!holds(&bytes, SECRET), "no account is in a snapshot");
    }
    let nothing = folder.run("explain cycle-0-7 --data data");
    assert!(nothing.code == Some(2) && nothing.err.contains("no alert"), "{}", nothing.err);
}

/// A rule that looks back a day.
pub(crate) const SHORT: &str = r#"
id = "many"
title = "Many"
what = "w"
why = "w"
innocent = "i"
sources = []
[[feature]]
kind = "activity"
window = "24h"
measures = ["count"]
[[case]]
when = "debtor_out_count_24h >= 3"
score = 0.5
reason = "{debtor_out_count_24h} payments within a day"
evidence = ["debtor_out_count_24h"]
"#;

#[test]
fn new_rules_begin_where_a_long_log_is_out_of_sight_and_say_what_they_would_have_said() {
    let folder = Folder::new();
    let lines = world(&folder);
    let start = |folder: &Folder, least: u32| {
        let text = SHORT.replace(">= 3", &format!(">= {least}"));
        folder.write(&format!("rules-{least}/many.toml"), text);
        let program = &mut Command::new(env!("CARGO_BIN_EXE_shroff"));
        Service::start_by(folder, program, &["--typologies", &format!("rules-{least}")])
    };
    let wanted = {
        let folder = Folder::new();
        let service = start(&folder, 2);
        let key = service.key.clone().expect("the first start shows a key");
        send_all(&service, &key, &lines)
    };
    let service = start(&folder, 3);
    let key = service.key.clone().expect("the first start shows a key");
    let part = lines.len() / 3;
    let under_three = send_all(&service, &key, &lines[..part]);
    service.stop();
    let service = start(&folder, 2);
    let err = folder.text("err.txt");
    assert!(err.contains("new rules begin in the middle of the log"), "{err}");
    let mut said = send_all(&service, &key, &lines[part..2 * part]);
    assert_eq!(said, wanted[part..2 * part]);
    service.stop();
    // Another start, from no snapshot, begins there too; and so does whoever looks at it all.
    let begins = || -> Value {
        let names = folder.list("data/rules").into_iter().filter(|it| !it.ends_with("json"));
        let written = names.map(|name| format!("data/rules/{name}/begins.json"));
        let mut there = written.filter(|path| folder.path(path).exists());
        let path = there.next().expect("one has it");
        assert!(there.next().is_none(), "the first ones saw all");
        serde_json::from_str(&folder.text(&path)).expect("JSON")
    };
    let begun = begins();
    let [shown, from] = ["shown_from_place", "from_place"].map(|name| begun[name].as_u64());
    assert!(shown > Some(0) && shown < from && from < u64::try_from(part).ok(), "{begun}");
    let look = |count: usize| {
        let verified = folder.well("verify --data data").text().to_owned();
        assert!(verified.starts_with(&format!("verdicts={count} different=0 ")), "{verified}");
    };
    look(2 * part);
    std::fs::remove_dir_all(folder.path("data/snapshots")).expect("it is there");
    let service = start(&folder, 2);
    said.extend(send_all(&service, &key, &lines[2 * part..]));
    assert_eq!(said, wanted[part..]);
    let alerts = service.alerts(&key);
    service.stop();
    assert_eq!(begins(), begun);
    look(lines.len());
    let newest = alerts.keys().next_back().expect("there are some");
    let explained = folder.well(&format!("explain {newest} --data data"));
    assert!(explained.err.contains("this is what was said"), "{}", explained.err);
    // Where a part of what was said is gone, or all, it is said again under the rules of now.
    for is_all_gone in [false, true] {
        if is_all_gone {
            for gone in ["verdicts", "snapshots"] {
                std::fs::remove_dir_all(folder.path(&format!("data/{gone}"))).expect("it is there");
            }
        } else {
            flip(&folder, &format!("data/verdicts/{:020}.log", 0), 5_000);
            folder.write("data/damaged", "verdicts");
        }
        let service = start(&folder, 2);
        assert_eq!(service.alerts(&key).last_key_value(), alerts.last_key_value());
        service.stop();
        look(lines.len());
    }
    let first = folder.well(&format!("explain {} --data data", id_of(&lines[0])));
    assert_ne!(first.json()["version"], json_of(&under_three[0])["version"]);
}

/// Flips a bit of a file.
fn flip(folder: &Folder, path: &str, at: usize) {
    let mut bytes = folder.bytes(path);
    bytes[at] ^= 1;
    folder.write(path, &bytes);
}

#[test]
fn a_start_reads_what_is_in_sight_and_what_rots_before_it_is_found_behind_it() {
    let folder = Folder::new();
    let lines = world(&folder);
    folder.write("rules/many.toml", SHORT);
    let start = || {
        let program = &mut Command::new(env!("CARGO_BIN_EXE_shroff"));
        Service::start_by(&folder, program, &["--typologies", "rules"])
    };
    let service = start();
    let key = service.key.clone().expect("the first start shows a key");
    let said = send_all(&service, &key, &lines);
    service.stop();
    let unread = |service: &Service| -> u64 {
        let metrics = service.get("/metrics", &key).1;
        let line = metrics.lines().find_map(|line| line.strip_prefix("shroff_log_unread_bytes "));
        line.expect("it is told").parse().expect("a number")
    };
    // All is looked at.
    let service = start();
    folder.until("all is read", &|| unread(&service) == 0);
    folder.until("it is told", &|| {
        folder.text("err.txt").contains("passed over of the logs is whole")
    });
    service.stop();
    // What rots in what was said is found, and payments are taken all the same.
    let segment = format!("{:020}.log", 0);
    let verdicts = folder.list("data/verdicts");
    assert!(verdicts.len() > 1 && verdicts[0] == segment, "{verdicts:?}");
    flip(&folder, &format!("data/verdicts/{segment}"), 5_000);
    let service = start();
    folder.until("it is found", &|| folder.path("data/damaged").exists());
    assert_eq!(service.post(NDJSON, &key, lines.last().expect("some")).0, 200);
    service.stop();
    // The next start says it anew.
    let service = start();
    assert!(!folder.path("data/damaged").exists());
    assert_eq!(folder.list("data/verdicts"), verdicts);
    service.stop();
    let verified = folder.well("verify --data data");
    let all = format!("verdicts={} different=0 ", lines.len());
    assert!(verified.text().starts_with(&all), "{}", verified.text());
    // What rots in the payments stops the service, and the next start.
    let payments = folder.list("data/payments");
    assert!(payments.len() > 2 && payments[0] == segment, "{payments:?}");
    let path = format!("data/payments/{segment}");
    flip(&folder, &path, 5_000);
    let service = start();
    folder.until("it is found", &|| service.get("/ready", &key).0 == 503);
    let (_, problem) = until_refused(&service, &key, &lines[..1]);
    assert_eq!(problem["title"], "Nothing can be made durable");
    service.stop();
    let refused = folder.run("serve --data data --typologies rules --listen 127.0.0.1:0");
    let names = refused.err.contains(&format!("`{segment}` at byte"));
    assert!(refused.code == Some(2) && names, "{}", refused.err);
    flip(&folder, &path, 5_000);
    let service = start();
    assert!(!folder.path("data/damaged").exists(), "it was put back");
    assert_eq!(send_all(&service, &key, &lines[lines.len() - 20..]), said[lines.len() - 20..]);
    service.stop();
}

#[test]
fn what_was_said_under_other_typologies_keeps_their_names() {
    let folder = Folder::new();
    let lines = world(&folder);
    let library = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../typologies");
    let start = |names: &[&str], round: &str| {
        for name in names {
            let text = std::fs::read_to_string(library.join(name)).expect("it is in the library");
            folder.write(&format!("{round}/{name}"), text);
        }
        let program = &mut Command::new(env!("CARGO_BIN_EXE_shroff"));
        Service::start_by(&folder, program, &["--typologies", round])
    };
    let service = start(&["fan-in.toml", "cycle.toml", "fan-out.toml"], "three");
    let key = service.key.clone().expect("the first start shows a key");
    let said = send_all(&service, &key, &lines);
    // Those that the window of fewer typologies still has.
    let newest = lines.len() - 500;
    let is_told = |line: &String| line.contains("\"typology\":\"fan-out\"");
    assert!(said[newest..].iter().any(is_told));
    service.stop();
    // All that come after the first one have another position now.
    let service = start(&["fan-in.toml", "fan-out.toml"], "two");
    assert_eq!(send_all(&service, &key, &lines[newest..]), said[newest..]);
}

#[test]
fn a_change_of_rules_passes_snapshots_over_and_leaves_what_was_said() {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let said = send_all(&service, &key, &lines[..800]);
    service.stop();
    let program = &mut Command::new(env!("CARGO_BIN_EXE_shroff"));
    let service = Service::start_by(&folder, program, &["--hold-from", "0.2"]);
    let err = folder.text("err.txt");
    assert!(err.contains("it is of other rules"), "{err}");
    assert_eq!(send_all(&service, &key, &lines[..800]), said);
    let more = send_all(&service, &key, &lines[800..]);
    let version = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["version"].as_str().expect("a version").to_owned()
    };
    assert_ne!(version(&more[0]), version(&said[0]));
    service.stop();
    let verified = folder.well("verify --data data");
    assert!(verified.text().starts_with(&format!("verdicts={} different=0 ", lines.len())));
    // Without the rules nothing can be said of what was said under them.
    std::fs::remove_dir_all(folder.path("data/rules")).expect("it is there");
    let unruled = folder.run("verify --data data");
    assert!(unruled.code == Some(2) && unruled.err.contains("rules of version"), "{}", unruled.err);
}

/// Sends payments one after the other until one is not taken; how many were, and the problem.
fn until_refused(service: &Service, key: &str, lines: &[String]) -> (usize, Value) {
    for (number, line) in lines.iter().enumerate() {
        let (status, body) = service.post("application/json", key, line);
        if status != 200 {
            let problem: Value = serde_json::from_str(&body).expect("a problem is JSON");
            assert_eq!((status, &problem["status"]), (503, &503.into()), "{body}");
            return (number, problem);
        }
    }
    panic!("all {} were taken", lines.len());
}

#[test]
fn a_disk_without_room_refuses_and_loses_nothing() {
    let folder = Folder::new();
    let lines = world(&folder);
    // The register is there before: its tables alone are larger than the log may become.
    let service = start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    // Who is stopped while it starts may not have got as far as the register.
    assert_eq!(service.get("/metrics", &key).0, 200);
    service.stop();
    // Files may not grow beyond 64 KiB, and whoever tries is told so.
    let limited = &mut by_shell("trap '' XFSZ; ulimit -f 128;");
    let service = Service::start_by(&folder, limited, &[]);
    let (taken, problem) = until_refused(&service, &key, &lines);
    assert!(taken > 100, "{taken}: {problem}");
    assert_eq!(until_refused(&service, &key, &lines[taken..]).0, 0, "the next neither");
    drop(service);
    let service = start(&folder);
    // What was not acknowledged may be there.
    let metrics = service.get("/metrics", &key).1;
    let kept = metrics.lines().find_map(|line| line.strip_prefix("shroff_payments "));
    let kept: usize = kept.and_then(|kept| kept.parse().ok()).expect("it is counted");
    assert!((taken..=taken + 2).contains(&kept), "{taken} were acknowledged, {kept} are there");
    assert_eq!(send_all(&service, &key, &lines).len(), lines.len());
    assert_eq!(alike(&service.alerts(&key)), alike(&scanned(&folder)));
}

#[test]
fn a_folder_that_cannot_be_written_takes_nothing_and_is_named() {
    let folder = Folder::new();
    let service = start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    assert_eq!(service.post("application/json", &key, GOOD).0, 200);
    service.stop();
    let payments = shell_quoted(&folder, "data/payments");
    // Root may write everywhere but on what is mounted to be read.
    let mount =
        format!("mount --bind {payments} {payments} && mount -o remount,ro,bind {payments}");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|ran| ran.stdout == b"0\n");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_shroff"));
    if is_root {
        let mounts = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
        if !mounts.is_ok_and(|ran| ran.status.success()) {
            skipped::<()>("nothing can be mounted here");
            return;
        }
    } else {
        use std::os::unix::fs::PermissionsExt as _;
        let read_only = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(folder.path("data/payments"), read_only).expect("it is ours");
        for name in folder.list("data/payments") {
            let file = folder.path(&format!("data/payments/{name}"));
            let read_only = std::fs::Permissions::from_mode(0o400);
            std::fs::set_permissions(file, read_only).expect("it is ours");
        }
        command = Command::new(env!("CARGO_BIN_EXE_shroff"));
    }
    let service = Service::start_by(&folder, &mut command, &[]);
    let other = GOOD.replace("\"p\"", "\"q\"");
    let (status, body) = service.post("application/json", &key, &other);
    assert_eq!(status, 503, "{body}");
    // What was said before can still be read.
    assert_eq!(service.get("/v1/payments/p/verdict", &key).0, 200);
    let err = folder.text("err.txt");
    assert!(err.contains("the folder cannot be written"), "{err}");
}

fn shell_quoted(folder: &Folder, name: &str) -> String {
    let path = folder.path(name);
    let path = path.to_str().expect("a path in UTF-8");
    assert!(!path.contains('\''), "{path}");
    format!("'{path}'")
}

/// What a service says to a request that asks whether its body is wanted.
fn asked(service: &Service, key: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(&service.address).expect("it listens");
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        4 << 20
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it answers");
        bytes.push(byte[0]);
    }
    (stream, String::from_utf8(bytes).expect("UTF-8"))
}

#[test]
fn who_comes_when_there_is_no_room_is_told_when_to_come_again() {
    let folder = Folder::new();
    let service = start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    // 64 MiB are room for sixteen of the largest bodies.
    let mut waiting = Vec::new();
    for number in 0..16 {
        let (stream, said) = asked(&service, &key);
        assert!(said.starts_with("HTTP/1.1 100 "), "{number}: {said}");
        waiting.push(stream);
    }
    let said = asked(&service, &key).1;
    assert!(said.starts_with("HTTP/1.1 429 "), "{said}");
    assert!(said.to_ascii_lowercase().contains("\r\nretry-after: "), "{said}");
    let metrics = service.get("/metrics", &key).1;
    assert!(metrics.contains("shroff_turned_away_requests_total 1\n"), "{metrics}");
    // Once one of them is served, there is room again.
    let mut first = waiting.remove(0);
    let body = format!("{GOOD}{}", " ".repeat((4 << 20) - GOOD.len()));
    first.write_all(body.as_bytes()).expect("it reads");
    let mut status = [0; 12];
    first.read_exact(&mut status).expect("it answers");
    assert_eq!(&status, b"HTTP/1.1 200");
    // The engine answers this once it has let go of what it answered before.
    assert_eq!(service.get("/metrics", &key).0, 200);
    assert!(asked(&service, &key).1.starts_with("HTTP/1.1 100 "));
}
