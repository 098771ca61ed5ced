//! The service over real sockets: what it answers, what it keeps, and what a kill cannot take.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::door::Folder;

/// A service that runs, and is killed at the end.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: String,
    pub(crate) key: Option<String>,
    out: BufReader<ChildStdout>,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Service {
    pub(crate) fn start(folder: &Folder) -> Service {
        Service::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Folder, more: &[&str]) -> Service {
        Service::start_by(folder, &mut Command::new(env!("CARGO_BIN_EXE_shroff")), more)
    }

    /// Starts it by another program, or with more options.
    pub(crate) fn start_by(folder: &Folder, program: &mut Command, more: &[&str]) -> Service {
        let words = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
        Service::start_as(folder, program.args(words).args(more))
    }

    /// Starts a program that serves.
    pub(crate) fn start_as(folder: &Folder, program: &mut Command) -> Service {
        let err = std::fs::File::options().create(true).append(true).open(folder.path("err.txt"));
        let mut child = program
            .current_dir(folder.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(err.expect("a file of our own"))
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut service = Service { child, address: String::new(), key: None, out };
        while service.address.is_empty() {
            let mut line = String::new();
            let read = service.out.read_line(&mut line).expect("it tells where it is");
            assert!(read > 0, "it starts: {}", folder.text("err.txt"));
            let told = |before: &str| line.trim().strip_prefix(before).map(str::to_owned);
            if let Some(key) = told("key of the administrator, shown this once: ") {
                service.key = Some(key);
            }
            service.address = told("listening on http://").unwrap_or_default();
        }
        service
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(killed.success());
        assert!(self.child.wait().expect("it ends").success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("UTF-8");
        assert_eq!(rest, "", "it says no more");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, request: &Request<'_>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let Request { method, path, key, kind, body } = request;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        if let Some(key) = key {
            let headers = if key.contains(": ") { "" } else { "Authorization: Bearer " };
            write!(head, "{headers}{key}\r\n").expect("a string");
        }
        if !kind.is_empty() {
            write!(head, "Content-Type: {kind}\r\n").expect("a string");
        }
        write!(head, "Content-Length: {}\r\n\r\n", body.len()).expect("a string");
        stream.write_all(head.as_bytes()).expect("it reads");
        stream
    }

    pub(crate) fn ask(&self, request: &Request<'_>) -> (u16, String) {
        let mut stream = self.send(request);
        let mut writer = stream.try_clone().expect("a socket");
        let body = request.body.to_owned();
        // It answers while it still reads.
        let sending = std::thread::spawn(move || drop(writer.write_all(body.as_bytes())));
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes));
        sending.join().expect("it was sent");
        read_response(&bytes)
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> (u16, String) {
        self.ask(&Request { method: "GET", path, key: Some(key), kind: "", body: "" })
    }

    pub(crate) fn json(&self, path: &str, key: &str) -> Value {
        let (status, body) = self.get(path, key);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    pub(crate) fn post(&self, kind: &str, key: &str, body: &str) -> (u16, String) {
        self.ask(&Request { method: "POST", path: "/v1/payments", key: Some(key), kind, body })
    }

    /// Every alert, page by page, as a scan writes it, accounts left out.
    pub(crate) fn alerts(&self, key: &str) -> BTreeMap<String, Value> {
        let mut alerts = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self.json(&format!("/v1/alerts?limit=7{cursor}"), key);
            for alert in page["alerts"].as_array().expect("a list") {
                let id = alert["id"].as_str().expect("an id").to_owned();
                let mut whole = self.json(&format!("/v1/alerts/{id}"), key);
                let revisions = whole["revisions"].as_array().expect("a list");
                assert_eq!(revisions.last().expect("one at least")["score"], whole["score"]);
                let fields = whole.as_object_mut().expect("an object");
                // A list knows no less of it than itself.
                for (name, value) in alert.as_object().expect("an object") {
                    assert_eq!(&fields[name], value, "{name}");
                }
                fields.retain(|name, _| SCANNED.contains(&name.as_str()));
                for rule in fields["rules"].as_array_mut().expect("a list") {
                    let rule = rule.as_object_mut().expect("an object");
                    assert!(rule.remove("title").is_some() && rule.remove("reason").is_some());
                }
                assert!(alerts.insert(id, whole).is_none(), "a page repeats nothing");
            }
            let Some(next) = page["next_cursor"].as_str() else { return alerts };
            cursor = format!("&cursor={next}");
        }
    }
}

pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// A key, or the headers of a session.
    pub(crate) key: Option<&'a str>,
    pub(crate) kind: &'a str,
    pub(crate) body: &'a str,
}

/// Status and body; a body in chunks is put together.
pub(crate) fn read_response(bytes: &[u8]) -> (u16, String) {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return (status, body.to_owned());
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        whole.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap_or("");
    }
    (status, whole)
}

/// What a scan says of an alert, accounts left out.
const SCANNED: [&str; 12] = [
    "id",
    "typology",
    "score",
    "action",
    "first_time",
    "last_time",
    "raised_by",
    "amount",
    "currency",
    "reasons",
    "rules",
    "payments",
];

pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const SECRET: &str = "DE89370400440532013000";

/// A world as a scan reads it and as a client sends it, with one account that nobody may be shown.
pub(crate) fn world(folder: &Folder) -> Vec<String> {
    folder.well("simulate --accounts 200 --payments 2500 --days 60 --seed 5 -o world.csv");
    let text = folder.text("world.csv");
    let first = text.lines().nth(1).and_then(|line| line.split(',').nth(2)).expect("a debtor");
    folder.write("world.csv", text.replace(&format!(",{first},"), &format!(",{SECRET},")));
    let rows = folder.rows("world.csv");
    let at = |name: &str| rows[0].iter().position(|column| column == name).expect("a column");
    let names = ["id", "time", "debtor", "creditor", "amount", "currency", "method"];
    let columns = names.map(|name| (name, at(name)));
    let line = |row: &Vec<String>| {
        let fields = columns.map(|(name, at)| (name.to_owned(), Value::from(row[at].clone())));
        Value::Object(fields.into_iter().collect()).to_string()
    };
    rows[1..].iter().map(line).collect()
}

/// The alerts of a scan, accounts left out.
pub(crate) fn scanned(folder: &Folder) -> BTreeMap<String, Value> {
    folder.well("scan world.csv --out report");
    let text = folder.text("report/alerts.jsonl");
    let alert = |line: &str| {
        let mut alert: Value = serde_json::from_str(line).expect("JSON");
        alert.as_object_mut().expect("an object").remove("accounts");
        (alert["id"].as_str().expect("an id").to_owned(), alert)
    };
    text.lines().map(alert).collect()
}

/// `1` and `1.0` are one number.
pub(crate) fn alike(alerts: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.to_string().replace(".0,", ",").replace(".0}", "}");
    alerts.iter().map(|(id, alert)| (id.clone(), text(alert))).collect()
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn verdicts_and_alerts_are_those_of_a_scan_and_outlive_a_restart() {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let (status, said) = service.post(NDJSON, &key, &lines.join("\n"));
    assert_eq!((status, said.lines().count()), (200, lines.len()));
    let alerts = service.alerts(&key);
    assert!(alerts.len() > 20, "{}", alerts.len());
    assert_eq!(alike(&alerts), alike(&scanned(&folder)));
    let metrics = service.get("/metrics", &key).1;
    service.stop();
    // What it computes anew is what it said, to the byte; and it counts nothing twice.
    let service = Service::start(&folder);
    assert_eq!(service.key, None, "a key is shown once");
    assert_eq!(alike(&service.alerts(&key)), alike(&alerts));
    assert_eq!(service.post(NDJSON, &key, &lines.join("\n")).1, said);
    let again = service.get("/metrics", &key).1;
    assert!(again.contains(&format!("shroff_payments {}\n", lines.len())), "{again}");
    let fired = said.lines().rfind(|line| line.contains("\"text\"")).expect("a rule fired");
    let id = serde_json::from_str::<Value>(fired).expect("JSON")["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    assert_eq!(service.get(&format!("/v1/payments/{id}/verdict"), &key).1, fired);
    service.stop();
    let explained = folder.well(&format!("explain {id} --data data"));
    assert_eq!(explained.text().trim_end(), fired);
    // The secret account is in the log of payments, and nowhere else.
    for told in [said, metrics, again, folder.text("err.txt"), explained.err] {
        assert!(!told.contains(SECRET));
    }
    let shown = alerts.values().any(|alert| alert.to_string().contains(SECRET));
    assert!(!shown, "accounts leave as tokens");
    let with = |name: &str| {
        let files = folder.list(&format!("data/{name}"));
        files.iter().any(|file| holds(&folder.bytes(&format!("data/{name}/{file}")), SECRET))
    };
    assert_eq!((with("payments"), with("verdicts")), (true, false));
    assert!(!holds(&folder.bytes("data/register.sqlite"), SECRET), "tokens alone are in SQL");
}

pub(crate) const GOOD: &str = r#"{"id":"p","time":"2024-01-01T00:00:00Z","debtor":"A","creditor":"B","amount":"1.50","currency":"EUR"}"#;

#[test]
fn what_cannot_be_answered_is_a_problem_with_a_type_and_the_rest_goes_on() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let admin = service.key.clone().expect("the first start shows a key");
    let add = |name: &str, role: &str| {
        let ran = folder.well(&format!("keys add {name} --role {role} --data data"));
        ran.text().trim().to_owned()
    };
    let (sender, analyst) = (add("sender", "payment-system"), add("analyst", "analyst"));
    service.stop();
    let service = Service::start(&folder);
    let json = "application/json";
    let bad = GOOD.replace("1.50", "1.505");
    let other = GOOD.replace("1.50", "2.50");
    let big = format!("[{}]", vec![GOOD; 60_000].join(","));
    for (method, path, key, kind, body, wanted) in [
        ("POST", "/v1/payments", sender.as_str(), json, GOOD, 200),
        ("POST", "/v1/payments", &sender, json, GOOD, 200),
        ("POST", "/v1/payments", &sender, json, &other, 409),
        ("POST", "/v1/payments", &sender, json, &bad, 422),
        ("POST", "/v1/payments", &sender, json, "{", 422),
        ("POST", "/v1/payments", &sender, json, "[{]", 400),
        ("POST", "/v1/payments", &sender, json, &big, 413),
        ("POST", "/v1/payments", &sender, "text/csv", "a,b", 415),
        ("POST", "/v1/payments", &analyst, json, GOOD, 403),
        ("POST", "/v1/payments", "nobody", json, GOOD, 401),
        ("DELETE", "/v1/payments", &sender, json, "", 405),
        ("GET", "/v1/payments/p/verdict", &sender, "", "", 200),
        ("GET", "/v1/payments/q/verdict", &analyst, "", "", 404),
        ("GET", "/v1/alerts", &sender, "", "", 403),
        ("GET", "/v1/alerts?limit=0", &analyst, "", "", 400),
        ("GET", "/v1/alerts?limit=1&limit=%FF", &analyst, "", "", 400),
        ("GET", "/v1/alerts/cycle-7", &analyst, "", "", 404),
        ("GET", "/metrics", &analyst, "", "", 403),
        ("GET", "/metrics", &admin, "", "", 200),
        ("GET", "/nowhere", &admin, "", "", 404),
    ] {
        let (status, body) = service.ask(&Request { method, path, key: Some(key), kind, body });
        assert_eq!(status, wanted, "{method} {path}: {body}");
        if wanted >= 400 {
            let problem: Value = serde_json::from_str(&body).expect("a problem is JSON");
            assert_eq!(problem["status"], wanted, "{body}");
            assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:shroff:")));
        }
    }
    let many = format!("[{GOOD},{bad},{}]", GOOD.replace("\"p\"", "\"r\""));
    let (status, body) = service.post(json, &sender, &many);
    let answers: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (status, &answers[1]["status"], &answers[1]["index"]),
        (200, &422.into(), &1.into())
    );
    assert_eq!((&answers[0]["place"], &answers[2]["place"]), (&0.into(), &1.into()));
}

#[test]
fn a_service_refuses_what_would_lose_or_show_something() {
    let folder = Folder::new();
    let open = folder.run("serve --listen 0.0.0.0:0 --data data");
    assert!(open.code == Some(2) && open.err.contains("speaks no TLS"), "{}", open.err);
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let second = folder.run("serve --listen 127.0.0.1:0 --data data");
    assert!(second.code == Some(2) && second.err.contains("is in use"), "{}", second.err);
    for id in ["one", "two", "three"] {
        let payment = GOOD.replace("\"p\"", &format!("\"{id}\""));
        assert_eq!(service.post("application/json", &key, &payment).0, 200);
    }
    service.stop();
    // A bit that rots in the middle of the log stops the service, with its place.
    let name = "data/payments/00000000000000000000.log";
    let mut bytes = folder.bytes(name);
    bytes[100] ^= 4;
    folder.write(name, &bytes);
    let damaged = folder.run("serve --listen 127.0.0.1:0 --data data");
    assert_eq!(damaged.code, Some(2));
    assert!(damaged.err.contains("00000000000000000000.log` at byte 40"), "{}", damaged.err);
    assert_eq!(folder.bytes(name), bytes, "nothing was changed");
    let modes: BTreeSet<String> = mode_of(&folder, &["keys.json", "token.key", "register.sqlite"]);
    assert_eq!(modes, BTreeSet::from(["600".to_owned()]));
    assert!(!holds(&folder.bytes("data/keys.json"), &key), "a key is stored hashed");
}

#[test]
fn a_stop_in_the_middle_of_a_start_is_heard() {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", "data"])
        .current_dir(folder.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("UTF-8");
    assert!(line.contains("shown this once"), "the first word that it says: {line}");
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    assert!(child.wait().expect("it ends").success());
}

pub(crate) fn mode_of(folder: &Folder, names: &[&str]) -> BTreeSet<String> {
    let mode = |name: &&str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path(&format!("data/{name}"));
        let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
        format!("{:o}", mode & 0o777)
    };
    names.iter().map(mode).collect()
}
