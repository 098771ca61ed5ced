//! What changes, as server-sent events: after a break exactly what was missed, and for who reads too
//! slowly a word that it was too much.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::door::Folder;
use crate::serve::{GOOD, Request, Service};
use crate::signed;

/// A stream of events.
struct Stream {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

/// An event: its id, its name, and the version of the case in it.
type Event = (Option<String>, String, Option<u64>);

impl Stream {
    fn open(service: &Service, who: &str, last: Option<&str>) -> Stream {
        let mut stream = TcpStream::connect(&service.address).expect("it listens");
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: x\r\n{last}{who}\r\n\r\n")
            .expect("it reads");
        let mut lines = BufReader::new(stream).lines();
        let heard = lines.any(|line| line.expect("UTF-8") == ": shroff");
        assert!(heard, "it says that it listens");
        Stream { lines }
    }

    fn next(&mut self) -> Event {
        let (mut id, mut name, mut version) = (None, String::new(), None);
        loop {
            let line = self.lines.next().expect("it goes on").expect("UTF-8");
            if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(text).expect("JSON");
                version = data["version"].as_u64();
            } else if line.is_empty() && !name.is_empty() {
                return (id, name, version);
            }
        }
    }
}

/// Someone with so many cases, which are at version 1.
fn with_cases(service: &Service, folder: &Folder, (count, title): (usize, &str)) -> String {
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(service, folder, "ada");
    for case in 0..count {
        let hop = |n: usize, debtor: &str, creditor: &str| {
            let payment = GOOD.replace("\"p\"", &format!("\"{case}-{n}\"")).replace("1.50", "900");
            let payment = payment.replace("2024-01-01T00", &format!("2024-01-0{}T0{n}", case + 1));
            payment
                .replace("\"A\"", &format!("\"{debtor}{case}\""))
                .replace("\"B\"", &format!("\"{creditor}{case}\""))
        };
        let hops = [hop(0, "X", "Y"), hop(1, "Y", "Z"), hop(2, "Z", "X")].join("\n");
        let (status, said) = service.post("application/x-ndjson", &key, &hops);
        assert_eq!(status, 200, "{said}");
    }
    let alerts = service.json("/v1/alerts", &ada)["alerts"].clone();
    let alerts = alerts.as_array().expect("a list");
    assert_eq!(alerts.len(), count);
    for alert in alerts {
        let body = json!({ "alerts": [alert["id"]], "title": title });
        post(service, &ada, "/v1/cases", &body, 201);
    }
    ada
}

fn post(service: &Service, who: &str, path: &str, body: &Value, wanted: u16) {
    let (kind, body) = ("application/json", body.to_string());
    let request = Request { method: "POST", path, key: Some(who), kind, body: &body };
    let (status, said) = service.ask(&request);
    assert_eq!(status, wanted, "{said}");
}

fn note(service: &Service, who: &str, case: usize, versions: std::ops::Range<u64>) {
    for version in versions {
        let body = json!({ "command": "note", "text": "n", "version": version });
        post(service, who, &format!("/v1/cases/case-{case}/commands"), &body, 200);
    }
}

/// KiB of memory that a process has.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().split(' ').next().and_then(|text| text.parse().ok()).expect("a number")
}

#[test]
fn after_a_break_exactly_what_was_missed_is_told_and_after_a_long_one_that_it_was_too_much() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let ada = with_cases(&service, &folder, (1, "t"));
    let mut stream = Stream::open(&service, &ada, None);
    note(&service, &ada, 1, 1..4);
    let heard: Vec<Event> = (0..3).map(|_| stream.next()).collect();
    let versions: Vec<Option<u64>> = heard.iter().map(|event| event.2).collect();
    assert_eq!(versions, [Some(2), Some(3), Some(4)]);
    drop(stream);
    note(&service, &ada, 1, 4..12);
    // From the second on, as if the third had been lost on its way.
    let last = heard[1].0.clone().expect("an id");
    let mut stream = Stream::open(&service, &ada, Some(&last));
    note(&service, &ada, 1, 12..13);
    let again: Vec<Event> = (0..10).map(|_| stream.next()).collect();
    let versions: Vec<Option<u64>> = again.iter().map(|event| event.2).collect();
    assert_eq!(versions, (4..14).map(Some).collect::<Vec<_>>());
    assert_eq!(again[0], heard[2], "the same event has the same id");
    drop(stream);
    // Nothing was missed: nothing is told again.
    let last = again[9].0.clone().expect("an id");
    let mut stream = Stream::open(&service, &ada, Some(&last));
    note(&service, &ada, 1, 13..14);
    assert_eq!(stream.next().2, Some(14));
    drop(stream);
    for unknown in ["0-0", "nonsense", "ffffffffffffffff-7"] {
        let mut stream = Stream::open(&service, &ada, Some(unknown));
        assert_eq!(stream.next(), (None, "restart".to_owned(), None), "{unknown}");
    }
    note(&service, &ada, 1, 14..1_020);
    let mut stream = Stream::open(&service, &ada, Some(&last));
    assert_eq!(stream.next().1, "restart", "more was missed than is kept");
}

#[test]
#[cfg(target_os = "linux")]
fn who_reads_too_slowly_is_told_so_and_takes_no_memory() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    // Events of 24 KB: what the machine keeps for a connection is soon full.
    let title = "\u{20ac}".repeat(8_000);
    let ada = with_cases(&service, &folder, (4, &title));
    let mut slow: Vec<Stream> = (0..20).map(|_| Stream::open(&service, &ada, None)).collect();
    let before = resident_kib(service.pid());
    for case in 1..=4 {
        note(&service, &ada, case, 1..501);
    }
    let grown = resident_kib(service.pid()).saturating_sub(before);
    // A thousand events are kept, 24 MB; twenty times what was not read would be 700 MB.
    assert!(grown < 200 << 10, "{grown} KiB");
    let stream = &mut slow[0];
    let number = |event: &Event| {
        let id = event.0.as_deref().expect("an id");
        id.split_once('-').and_then(|(_, number)| number.parse::<u64>().ok()).expect("a number")
    };
    let mut last = number(&stream.next());
    loop {
        let event = stream.next();
        if event.1 == "restart" {
            break;
        }
        assert_eq!(number(&event), last + 1, "nothing is left out before it says so");
        last += 1;
    }
    note(&service, &ada, 1, 501..502);
    assert_eq!(stream.next().2, Some(502), "what comes after that is told again");
}
