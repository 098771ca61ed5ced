//! Alerts, cases, holds and the audit trail of a service, from outside: what people do is kept, on
//! SQLite and on PostgreSQL, and a kill takes nothing of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use shroff_types::Timestamp;

use crate::door::Folder;
use crate::postgres::Postgres;
use crate::serve::{NDJSON, Request, Service, world};
use crate::signed::{self, Session};

struct Person<'a> {
    service: &'a Service,
    key: &'a str,
}

impl Person<'_> {
    fn get(&self, path: &str) -> Value {
        self.service.json(path, self.key)
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (kind, body) = ("application/json", body.to_string());
        let request = Request { method: "POST", path, key: Some(self.key), kind, body: &body };
        let (status, text) = self.service.ask(&request);
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    /// Gives a command to a case as it is now.
    fn tell(&self, case: &str, command: Value) -> (u16, Value) {
        let version = self.get(&format!("/v1/cases/{case}"))["version"].clone();
        let mut body = command;
        body["version"] = version;
        self.post(&format!("/v1/cases/{case}/commands"), &body)
    }
}

/// Everything that people see, but for what the reading itself adds to.
fn all(person: &Person<'_>) -> Value {
    let alerts = person.get("/v1/alerts?limit=500&sort=score");
    let ids = alerts["alerts"].as_array().expect("a list");
    let whole = |alert: &Value| {
        let id = alert["id"].as_str().expect("an id");
        person.get(&format!("/v1/alerts/{id}"))
    };
    let mut case = person.get("/v1/cases/case-1");
    let seen = case["seen"].take();
    let mut looks = seen.as_array().expect("a list").iter();
    assert!(looks.any(|look| look["by"] == "ann"), "who looked at it is told");
    json!({
        "total": alerts["total"],
        "alerts": ids.iter().map(whole).collect::<Vec<Value>>(),
        "cases": person.get("/v1/cases"),
        "case": case,
        "holds": person.get("/v1/holds?limit=500"),
    })
}

/// The key of the payment system; the first start makes the folder.
fn bank(folder: &Folder) -> String {
    Service::start(folder).stop();
    folder.well("keys add bank --role payment-system --data data").text().trim().to_owned()
}

/// An analyst, a reviewer and an auditor.
fn people(service: &Service, folder: &Folder) -> [Session; 3] {
    let ada = signed::first(service, folder, "ada");
    [("ann", "analyst"), ("ray", "reviewer"), ("eve", "auditor")]
        .map(|who| signed::invited(service, &ada, who))
}

#[expect(clippy::too_many_lines, reason = "one story, told in the order in which it happens")]
fn what_people_do_survives_a_kill(more: &[&str]) {
    let folder = Folder::new();
    let bank = bank(&folder);
    let mut options = vec!["--second-review", "--hold-from", "0.3", "--hold-for", "9000d"];
    options.extend(more);
    let lines = world(&folder);
    let service = Service::start_with(&folder, &options);
    let [ann_in, ray_in, eve] = people(&service, &folder);
    let ann = Person { service: &service, key: &ann_in };
    let ray = Person { service: &service, key: &ray_in };
    assert_eq!(service.post(NDJSON, &bank, &lines.join("\n")).0, 200);
    let page = ann.get("/v1/alerts?limit=2&sort=score");
    let ids: Vec<&str> = page["alerts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|a| a["id"].as_str())
        .collect();
    let (status, case) = ann.post("/v1/cases", &json!({ "alerts": ids }));
    assert_eq!((status, &case["id"], &case["state"]), (201, &"case-1".into(), &"open".into()));
    let (status, other) = ann.post("/v1/cases", &json!({ "alerts": [ids[0]] }));
    assert_eq!((status, &other["status"]), (409, &409.into()), "an alert is in one case: {other}");
    let (status, nobody) = ann.tell("case-1", json!({ "command": "assign", "to": "nobody" }));
    assert_eq!((status, &nobody["field"]), (400, &"to".into()), "{nobody}");
    let assigned = ann.tell("case-1", json!({ "command": "assign", "to": "ann" }));
    assert_eq!((assigned.0, &assigned.1["assignee"]), (200, &"ann".into()));
    let stale = json!({ "version": 1, "command": "note", "text": "late" });
    let (status, problem) = ann.post("/v1/cases/case-1/commands", &stale);
    assert_eq!((status, &problem["current_version"]), (409, &2.into()));
    let (status, problem) = ann.tell("case-1", json!({ "command": "resume" }));
    assert_eq!((status, &problem["state"]), (409, &"assigned".into()));
    let shown = ann.get(&format!("/v1/alerts/{}", ids[0]))["payments"].clone();
    let decide = json!({ "command": "decide", "outcome": "report", "reason": "a circle", "evidence": shown });
    assert_eq!(ann.tell("case-1", decide).1["state"], "proposed");
    let yes = json!({ "command": "approve", "reason": "I see it too" });
    assert_eq!(ann.tell("case-1", yes.clone()).0, 403, "an analyst agrees with nobody");
    let (status, decided) = ray.tell("case-1", yes);
    assert_eq!((status, &decided["outcome"]), (200, &"report".into()));
    assert_eq!(decided["decision"]["approved_by"], "ray");
    assert_eq!(decided["log"].as_array().expect("a list").len(), 4);
    let wanted = ann.get("/v1/alerts?state=decided&assignee=ann");
    assert_eq!(wanted["total"], 2);
    let body = json!({ "alerts": ids }).to_string();
    let request = Request {
        method: "POST",
        path: "/v1/cases",
        key: Some(&bank),
        kind: "application/json",
        body: &body,
    };
    assert_eq!(service.ask(&request).0, 403, "a machine decides nothing");
    let holds = ray.get("/v1/holds?state=open");
    let payment = holds["holds"][0]["payment"].as_str().expect("something is held").to_owned();
    let release = json!({ "command": "release", "reason": "a customer of ours" });
    let path = format!("/v1/holds/{payment}/commands");
    assert_eq!(ray.post(&path, &release).1["state"], "released");
    assert_eq!(ray.post(&path, &release).0, 409, "it has ended");
    let graph = ann.get(&format!("/v1/alerts/{}/graph?hops=1", ids[0]));
    assert!(graph["payments"].as_array().expect("a list").len() > 2);
    let token = graph["accounts"][0]["token"].as_str().expect("a token");
    let account = ann.get(&format!("/v1/accounts/{token}"));
    assert!(!account["payments"].as_array().expect("a list").is_empty());
    let before = all(&ray);
    drop(service);

    let service = Service::start_with(&folder, &options);
    let ray = Person { service: &service, key: &ray_in };
    assert_eq!(all(&ray), before);
    let overview = ray.get("/v1/overview?days=3660");
    assert_eq!((&overview["reports"], &overview["alerts_total"]), (&2.into(), &before["total"]));
    let eve = Person { service: &service, key: &eve };
    let trail = eve.get("/v1/audit?action=case.approve");
    assert_eq!(
        (&trail["entries"][0]["actor"], &trail["entries"][0]["object"]),
        (&"ray".into(), &"case-1".into())
    );
    let (status, export) = service.get("/v1/audit/export", eve.key);
    assert_eq!(status, 200);
    folder.write("trail.ndjson", &export);
    assert_eq!(service.get("/v1/audit", ray.key).0, 403);
    let typologies = ray.get("/v1/typologies");
    assert!(typologies[0]["example"].as_array().expect("a list").len() > 2);
    service.stop();
    verify(&folder, more, &export);
}

/// The trail is checked without the service: what was done to an export is named.
fn verify(folder: &Folder, more: &[&str], export: &str) {
    folder.well(&format!("audit verify --data data {}", more.join(" ")));
    folder.well("audit verify trail.ndjson");
    let lines: Vec<&str> = export.lines().collect();
    let mut gone = lines.clone();
    gone.remove(3);
    let mut moved = lines.clone();
    moved.swap(4, 5);
    for (text, wanted) in [
        (export.replacen("I see it too", "I saw it too", 1), "was changed"),
        (gone.join("\n"), "entries 4 to 4 were deleted"),
        (moved.join("\n"), "entry 5 is not in its place"),
    ] {
        folder.write("bad.ndjson", text);
        let ran = folder.run("audit verify bad.ndjson");
        assert!(ran.code == Some(1) && ran.text().contains(wanted), "{wanted}: {}", ran.text());
    }
}

#[test]
fn what_people_do_survives_a_kill_on_sqlite() {
    what_people_do_survives_a_kill(&[]);
}

#[test]
fn what_people_do_survives_a_kill_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    what_people_do_survives_a_kill(&["--register", &postgres.url()]);
}

/// Money that goes round, as far ahead as the service allows with ease.
fn circle_in_an_hour() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let time = Timestamp(i64::try_from(now.as_micros()).expect("some years") + 3_600_000_000);
    let hops = [("k1", "K", "L"), ("k2", "L", "M"), ("k3", "M", "K")];
    let line = |(id, debtor, creditor): (&str, &str, &str)| {
        let payment = json!({ "id": id, "time": time.to_string(), "debtor": debtor,
            "creditor": creditor, "amount": "9000.00", "currency": "EUR" });
        payment.to_string()
    };
    hops.map(line).join("\n")
}

#[test]
fn a_hold_that_nobody_decides_ends_by_time_and_listeners_are_told() {
    let folder = Folder::new();
    let bank = bank(&folder);
    let lines = world(&folder);
    // The first life ends before any hold does; the second finds their time over.
    let service = Service::start_with(&folder, &["--hold-from", "0.3", "--hold-for", "9000d"]);
    let [ann, ray, _] = people(&service, &folder);
    assert_eq!(service.post(NDJSON, &bank, &lines[..lines.len() / 2].join("\n")).0, 200);
    let held = service.json("/v1/holds?state=open", &ray)["holds"].clone();
    assert!(!held.as_array().expect("a list").is_empty());
    drop(service);
    let options = ["--hold-from", "0.3", "--hold-for", "1s", "--hold-end", "return"];
    let service = Service::start_with(&folder, &options);
    assert_eq!(service.json("/v1/holds?state=open", &ray)["holds"], held, "none is forgotten");
    let mut stream = std::net::TcpStream::connect(&service.address).expect("it listens");
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: x\r\n{ann}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut told = BufReader::new(stream).lines().map(|line| line.expect("UTF-8"));
    assert!(told.any(|line| line == ": shroff"), "it says that it listens");
    assert_eq!(service.post(NDJSON, &bank, &lines[lines.len() / 2..].join("\n")).0, 200);
    assert!(told.any(|line| line == "event: alert"));
    assert_eq!(service.json("/v1/holds", &ray)["holds"], held, "years ago they went their way");
    assert_eq!(service.post(NDJSON, &bank, &circle_in_an_hour()).0, 200);
    assert!(told.any(|line| line == "event: hold"));
    let data = told.next().expect("its data");
    let hold: Value =
        serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
    assert_eq!((&hold["state"], &hold["ended_by"]), (&"returned".into(), &"time".into()));
    service.stop();
    folder.well("audit verify --data data");
}

#[test]
fn a_register_serves_one_service_at_a_time() {
    let Some(postgres) = Postgres::start() else { return };
    let folder = Folder::new();
    let url = postgres.url();
    let service = Service::start_with(&folder, &["--register", &url]);
    let words = format!("serve --listen 127.0.0.1:0 --data other --register {url}");
    let second = folder.run(&words);
    assert_eq!(second.code, Some(2), "{}", second.err);
    assert!(second.err.contains("another service writes to the PostgreSQL"), "{}", second.err);
    // Looking at it takes nothing from anybody.
    folder.well(&format!("audit verify --register {url}"));
    drop(service);
    // A kill lets it go.
    Service::start_with(&folder, &["--register", &url]).stop();
}

#[test]
fn a_case_that_rests_until_a_time_goes_on_by_itself_and_its_log_says_so() {
    let folder = Folder::new();
    let bank = bank(&folder);
    let service = Service::start(&folder);
    let [ann, _, _] = people(&service, &folder);
    let ann = Person { service: &service, key: &ann };
    assert_eq!(service.post(NDJSON, &bank, &circle_in_an_hour()).0, 200);
    let alert = ann.get("/v1/alerts")["alerts"][0]["id"].clone();
    assert_eq!(ann.post("/v1/cases", &json!({ "alerts": [alert] })).0, 201);
    assert_eq!(ann.tell("case-1", json!({ "command": "assign", "to": "ann" })).0, 200);
    let rest = |micros: i64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let now = i64::try_from(now.as_micros()).expect("some years");
        let until = Timestamp(now + micros).to_string();
        let wait = json!({ "command": "wait", "until": until, "reason": "the bank is asked" });
        assert_eq!(ann.tell("case-1", wait).0, 200);
    };
    let resumed = || loop {
        let case = ann.get("/v1/cases/case-1");
        if case["state"] == "assigned" {
            return case;
        }
        assert_eq!(case["state"], "waiting");
    };
    rest(1_500_000);
    assert_eq!(ann.get("/v1/cases/case-1")["state"], "waiting", "not before its time");
    let case = resumed();
    let last = case["log"].as_array().expect("a list").last().expect("a line").clone();
    assert_eq!((&last["command"], &last["by"]), (&"resume".into(), &"time".into()), "{last}");
    assert_eq!((&case["assignee"], &case["waits_until"]), (&"ann".into(), &Value::Null));
    // A restart finds what was due meanwhile.
    rest(1_000_000_000_000);
    let version = ann.get("/v1/cases/case-1")["version"].clone();
    assert_eq!(ann.tell("case-1", json!({ "command": "resume" })).0, 200);
    assert_eq!(ann.get("/v1/cases/case-1")["version"].as_u64(), version.as_u64().map(|v| v + 1));
    service.stop();
    folder.well("audit verify --data data");
}
