//! Webhooks, with a receiver that answers, refuses, hangs and goes away; signatures are checked by the
//! library of Standard Webhooks, where Node and npm are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use shroff_types::Timestamp;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};

use crate::door::{Folder, skipped};
use crate::postgres::Postgres;
use crate::serve::{NDJSON, Request, SECRET, Service, holds, mode_of, world};
use crate::signed;
use crate::tls::certificate;

/// What a receiver does with a message.
#[derive(Clone, Copy)]
enum Does {
    Answers(u16),
    /// Reads it and says nothing, as long as the test runs.
    Hangs,
    /// Sends whoever asks to another path of it.
    SendsOn,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Came {
    path: String,
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Came {
    fn told(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn kind(&self) -> String {
        self.told()["type"].as_str().expect("a text").to_owned()
    }
}

#[derive(Default)]
struct Book {
    /// What is done with the next ones; with those after them 204 is answered.
    next: VecDeque<Does>,
    always: Option<u16>,
    came: Vec<Came>,
    open: Vec<TcpStream>,
}

/// A receiver. It is there as long as the test runs.
#[derive(Clone)]
struct Receiver {
    address: String,
    book: Arc<(Mutex<Book>, Condvar)>,
}

impl Receiver {
    fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of our own");
        let address = listener.local_addr().expect("a port of our own").to_string();
        let receiver = Receiver { address, book: Arc::default() };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                let stream = stream.expect("somebody comes");
                std::thread::spawn(move || own.listen(&stream));
            }
        });
        receiver
    }

    fn url(&self) -> String {
        format!("http://{}/in?token=of-the-receiver", self.address)
    }

    /// A receiver that speaks TLS, by a certificate of the folder.
    fn start_tls(folder: &Folder, name: &str) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of our own");
        let port = listener.local_addr().expect("a port of our own").port();
        let receiver = Receiver { address: format!("localhost:{port}"), book: Arc::default() };
        let shown = CertificateDer::from_pem_file(folder.path(&format!("{name}.pem")));
        let key = PrivateKeyDer::from_pem_file(folder.path(&format!("{name}.key")));
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that fit")
            .with_no_client_auth()
            .with_single_cert(vec![shown.expect("PEM")], key.expect("PEM"));
        let config = Arc::new(config.expect("a certificate and its key"));
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (own, config) = (own.clone(), Arc::clone(&config));
                let stream = stream.expect("somebody comes");
                std::thread::spawn(move || own.listen_by_tls(stream, config));
            }
        });
        receiver
    }

    fn listen_by_tls(&self, stream: TcpStream, config: Arc<ServerConfig>) {
        let server = ServerConnection::new(config).expect("a server");
        let mut reader = BufReader::new(StreamOwned::new(server, stream));
        // Whoever does not trust it breaks off.
        while let Some(came) = read(&mut reader) {
            self.book.0.lock().expect("no test broke").came.push(came);
            self.book.1.notify_all();
            if reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                return;
            }
        }
    }

    fn listen(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        while let Some(came) = read(&mut reader) {
            let mut book = self.book.0.lock().expect("no test broke");
            book.came.push(came);
            let always = Does::Answers(book.always.unwrap_or(204));
            let does = book.next.pop_front().unwrap_or(always);
            if matches!(does, Does::Hangs) {
                book.open.push(stream.try_clone().expect("a socket"));
            }
            self.book.1.notify_all();
            drop(book);
            let answer = match does {
                Does::Hangs => return,
                Does::Answers(204) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                Does::Answers(status) => {
                    format!("HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\nso")
                }
                Does::SendsOn => "HTTP/1.1 307 There\r\nLocation: /elsewhere\r\n\
                                  Content-Length: 0\r\n\r\n"
                    .to_owned(),
            };
            if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn does(&self, next: &[Does]) {
        self.book.0.lock().expect("no test broke").next = next.iter().copied().collect();
    }

    fn always(&self, status: u16) {
        self.book.0.lock().expect("no test broke").always = Some(status);
    }

    /// What came, once it is enough.
    fn until(&self, what: &str, is_enough: impl Fn(&[Came]) -> bool) -> Vec<Came> {
        let book = self.book.0.lock().expect("no test broke");
        let patience = Duration::from_secs(40);
        let (book, waited) = self
            .book
            .1
            .wait_timeout_while(book, patience, |book| !is_enough(&book.came))
            .expect("no test broke");
        assert!(!waited.timed_out(), "{what}: {:#?}", book.came);
        book.came.clone()
    }
}

/// A request with its body; none at the end.
fn read(reader: &mut impl std::io::BufRead) -> Option<Came> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |wanted: &str| {
        let mut found = lines.iter().filter_map(|line| line.split_once(": "));
        found.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|it| it.1)
    };
    assert_eq!(header("content-type"), Some("application/json"), "{lines:?}");
    let length = header("content-length").expect("a length").parse().expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let text = |name| header(name).unwrap_or_else(|| panic!("no {name}: {lines:?}")).to_owned();
    Some(Came {
        path: lines[0].split(' ').nth(1).expect("a path").to_owned(),
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body: String::from_utf8(body).expect("UTF-8"),
    })
}

/// Checks messages with the library of Standard Webhooks; false where it is not at hand.
fn are_good(folder: &Folder, secret: &str, came: &[Came]) -> Option<Vec<bool>> {
    const SCRIPT: &str = r#"
        import { readFileSync } from "node:fs";
        import { Webhook } from "standardwebhooks";
        const { secret, messages } = JSON.parse(readFileSync(0, "utf8"));
        const webhook = new Webhook(secret);
        console.log(JSON.stringify(messages.map(({ body, headers }) => {
          try { webhook.verify(body, headers); return true; } catch { return false; }
        })));
    "#;
    if !folder.path("node_modules/standardwebhooks").exists() {
        folder.write("package.json", "{\"private\":true}");
        let installed = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "standardwebhooks@1"])
            .current_dir(folder.path("."))
            .stdout(Stdio::null())
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            return skipped("npm does not install standardwebhooks");
        }
        folder.write("check.mjs", SCRIPT);
    }
    let message = |came: &Came| {
        json!({ "body": came.body, "headers": {
            "webhook-id": came.id, "webhook-timestamp": came.timestamp,
            "webhook-signature": came.signature,
        } })
    };
    let input =
        json!({ "secret": secret, "messages": came.iter().map(message).collect::<Vec<_>>() });
    let mut child = Command::new("node")
        .arg("check.mjs")
        .current_dir(folder.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts, as npm did");
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(input.to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let mut said = String::new();
    child.stdout.take().expect("it was piped").read_to_string(&mut said).expect("UTF-8");
    assert!(child.wait().expect("it ends").success());
    Some(serde_json::from_str(&said).expect("JSON"))
}

fn ask(service: &Service, who: &str, (method, path): (&str, &str), body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let kind = "application/json";
    let (status, text) = service.ask(&Request { method, path, key: Some(who), kind, body: &body });
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// An endpoint that is told of events; its id and its secret.
fn endpoint(service: &Service, ada: &str, url: &str, events: &[&str]) -> (String, String) {
    let body = json!({ "url": url, "name": "of a test", "events": events });
    let (status, made) = ask(service, ada, ("POST", "/v1/webhooks"), &body);
    assert_eq!(status, 201, "{made}");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

const ALL: [&str; 15] = [
    "alert.opened",
    "alert.revised",
    "case.opened",
    "case.assigned",
    "case.unassigned",
    "case.waiting",
    "case.resumed",
    "case.escalated",
    "case.proposed",
    "case.decided",
    "case.rejected",
    "case.reopened",
    "case.changed",
    "hold.opened",
    "hold.ended",
];

/// Money that goes round, as far ahead as the service allows with ease; one account is a secret.
fn circle(of: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let time = Timestamp(i64::try_from(now.as_micros()).expect("some years") + 3_600_000_000);
    let (a, b, c) = (SECRET.to_owned() + of, format!("L{of}"), format!("M{of}"));
    let hops = [("1", &a, &b), ("2", &b, &c), ("3", &c, &a)];
    let line = |(n, debtor, creditor): (&str, &String, &String)| {
        let payment = json!({ "id": format!("{of}{n}"), "time": time.to_string(), "debtor": debtor,
            "creditor": creditor, "amount": "9000.00", "currency": "EUR" });
        payment.to_string()
    };
    hops.map(line).join("\n")
}

/// The key of the payment system; the first start makes the folder.
fn bank(folder: &Folder) -> String {
    Service::start(folder).stop();
    folder.well("keys add bank --role payment-system --data data").text().trim().to_owned()
}

/// A command to the first case, as it is now.
fn tell(service: &Service, who: &str, mut command: Value) {
    command["version"] = service.json("/v1/cases/case-1", who)["version"].clone();
    let told = ask(service, who, ("POST", "/v1/cases/case-1/commands"), &command);
    assert_eq!(told.0, 200, "{}", told.1);
}

/// Every file of a folder but those of the log of payments.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the service");
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths
        .filter(|path| !path.ends_with("payments"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in the order in which it happens")]
fn what_changes_is_told_in_order_and_signed_without_numbers_and_without_what_people_wrote() {
    let folder = Folder::new();
    let (bank, receiver) = (bank(&folder), Receiver::start());
    let service = Service::start_with(&folder, &["--webhook-private", "--hold-from", "0.3"]);
    let ada = signed::first(&service, &folder, "ada");
    let ray = signed::invited(&service, &ada, ("ray", "reviewer"));
    let (id, secret) = endpoint(&service, &ada, &receiver.url(), &ALL);
    assert_eq!(service.post(NDJSON, &bank, &circle("k")).0, 200);
    let alert = service.json("/v1/alerts", &ray)["alerts"][0].clone();
    let (status, case) = ask(
        &service,
        &ray,
        ("POST", "/v1/cases"),
        &json!({
        "alerts": [alert["id"]], "title": "a title of mine" }),
    );
    assert_eq!(status, 201, "{case}");
    tell(&service, &ray, json!({ "command": "assign", "to": "ray" }));
    tell(&service, &ray, json!({ "command": "note", "text": "a note of mine" }));
    tell(
        &service,
        &ray,
        json!({ "command": "decide", "outcome": "report",
        "reason": "a reason of mine", "evidence": ["k1"] }),
    );
    let held = service.json("/v1/holds?state=open", &ray)["holds"][0].clone();
    let path = format!("/v1/holds/{}/commands", held["payment"].as_str().expect("a text"));
    let body = json!({ "command": "release", "reason": "a reason of mine" });
    assert_eq!(ask(&service, &ray, ("POST", &path), &body).0, 200);
    let is_done = |came: &[Came]| came.iter().any(|it| it.kind() == "hold.ended");
    let came = receiver.until("the end of the hold", is_done);
    let kinds: Vec<String> = came.iter().map(Came::kind).collect();
    let of = |wanted: &str| {
        came.iter().find(|it| it.kind() == wanted).unwrap_or_else(|| panic!("{wanted}: {kinds:?}"))
    };
    let place = |wanted: &str| kinds.iter().position(|kind| kind == wanted);
    for (one, other) in [
        ("alert.opened", "case.opened"),
        ("hold.opened", "case.opened"),
        ("case.opened", "case.assigned"),
        ("case.assigned", "case.changed"),
        ("case.changed", "case.decided"),
        ("case.decided", "hold.ended"),
    ] {
        assert!(place(one).is_some() && place(one) < place(other), "{one} {other}: {kinds:?}");
    }
    assert_eq!(kinds.iter().filter(|kind| *kind == "alert.opened").count(), 1, "{kinds:?}");
    // The last word on it is what the list said then.
    let about = came.iter().rfind(|it| it.told()["data"]["id"] == alert["id"]);
    assert_eq!(about.expect("it is told").told()["data"], alert);
    assert_eq!(of("case.decided").told()["data"]["outcome"], "report");
    assert_eq!(of("case.assigned").told()["data"]["assignee"], "ray");
    assert_eq!(of("hold.ended").told()["data"]["payment"], held["payment"]);
    for came in &came {
        assert!(!came.body.contains(SECRET) && !came.body.contains("of mine"), "{}", came.body);
    }
    rotated(&service, &folder, &ada, (&receiver, &id, &secret));
    let listed = service.json(&format!("/v1/webhooks/{id}/deliveries?limit=500"), &ada);
    let listed = listed["deliveries"].as_array().expect("a list").clone();
    assert!(listed.iter().all(|it| it["attempts"] == 1 && it["last_status"] == 204), "{listed:?}");
    let trail = service.get("/v1/audit?limit=500", &ada).1;
    for action in ["webhook.create", "webhook.rotate", "webhook.test"] {
        assert!(trail.contains(action), "{action}");
    }
    assert!(!trail.contains("of-the-receiver") && !trail.contains("whsec_"));
    let metrics = service.get("/metrics", &ada).1;
    let count = format!("shroff_webhook_messages_delivered_total {}\n", listed.len());
    assert!(metrics.contains(&count), "{metrics}");
    service.stop();
    folder.well("audit verify --data data");
    let modes = mode_of(&folder, &["webhook.key"]);
    assert_eq!(modes, BTreeSet::from(["600".to_owned()]));
    let bare = secret.strip_prefix("whsec_").expect("a secret");
    for path in files(&folder.path("data")) {
        assert!(!holds(&std::fs::read(&path).expect("a file"), bare), "{}", path.display());
    }
    let said = folder.text("err.txt");
    assert!(!said.contains(bare) && !said.contains("of-the-receiver"), "{said}");
}

/// While a secret is rotated, both sign; at once, the new one alone.
fn rotated(
    service: &Service,
    folder: &Folder,
    ada: &str,
    (receiver, id, secret): (&Receiver, &str, &str),
) {
    let rotate = format!("/v1/webhooks/{id}/rotate");
    let test = format!("/v1/webhooks/{id}/test");
    let told = |path: &str, body: &Value, wanted: u16| {
        let (status, answer) = ask(service, ada, ("POST", path), body);
        assert_eq!(status, wanted, "{path}: {answer}");
        answer
    };
    let new = told(&rotate, &json!({ "at_once": false }), 200)["secret"].clone();
    assert!(service.json("/v1/webhooks", ada)["webhooks"][0]["former_secret_until"].is_string());
    let first = told(&test, &Value::Null, 202)["id"].clone();
    let newest = told(&rotate, &json!({ "at_once": true }), 200)["secret"].clone();
    let second = told(&test, &Value::Null, 202)["id"].clone();
    let came = receiver.until("two tests", |came| {
        [&first, &second].iter().all(|id| came.iter().any(|it| it.id == **id))
    });
    let of = |id: &Value| came.iter().find(|it| it.id == *id).expect("it came").clone();
    // The first may have been signed before or after the second rotation: what it says is checked.
    let (one, two) = (of(&first), of(&second));
    assert_eq!(two.signature.split(' ').count(), 1, "{}", two.signature);
    let all: Vec<Came> = came.iter().filter(|it| it.kind() != "webhook.test").cloned().collect();
    let Some(good) = are_good(folder, secret, &all) else { return };
    assert!(good.len() > 6 && good.iter().all(|good| *good), "{good:?}");
    let mut changed = all[0].clone();
    changed.body = changed.body.replacen("alert", "blert", 1);
    let by = |secret: &Value, came: &Came| {
        let secret = secret.as_str().expect("a text");
        are_good(folder, secret, std::slice::from_ref(came)).expect("as before")[0]
    };
    let secret = Value::from(secret);
    assert!(!by(&secret, &changed), "a body that was changed is not signed");
    let is_by_both = one.signature.split(' ').count() == 2;
    if is_by_both {
        assert!(by(&secret, &one) && by(&new, &one));
    }
    assert!(by(&newest, &two) && !by(&new, &two) && !by(&secret, &two));
}

/// The tests that are laid out, in the order in which they come.
fn tests_of(service: &Service, ada: &str, id: &str, count: usize) -> Vec<String> {
    let test = format!("/v1/webhooks/{id}/test");
    let one = |_| {
        let (status, answer) = ask(service, ada, ("POST", &test), &Value::Null);
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().expect("a text").to_owned()
    };
    (0..count).map(one).collect()
}

fn delivery(service: &Service, ada: &str, (id, message): (&str, &str)) -> Value {
    let page = service.json(&format!("/v1/webhooks/{id}/deliveries?limit=500"), ada);
    let all = page["deliveries"].as_array().expect("a list");
    all.iter().find(|it| it["id"] == message).expect("it is listed").clone()
}

#[test]
fn who_is_away_is_waited_for_who_refuses_is_passed_and_what_is_given_up_can_be_sent_again() {
    let folder = Folder::new();
    let service = Service::start_with(
        &folder,
        &["--webhook-private", "--webhook-retries", "1s,1s", "--webhook-timeout", "1s"],
    );
    let ada = signed::first(&service, &folder, "ada");
    let receiver = Receiver::start();
    let (id, _) = endpoint(&service, &ada, &receiver.url(), &ALL);
    // Nobody is there: all wait, and come in order.
    receiver.does(&[Does::Answers(503), Does::Hangs]);
    let sent = tests_of(&service, &ada, &id, 3);
    let came = receiver.until("three", |came| came.iter().any(|it| it.id == sent[2]));
    let ids: Vec<&str> = came.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, [&sent[0], &sent[0], &sent[0], &sent[1], &sent[2]]);
    let bodies: BTreeSet<&str> = came[..3].iter().map(|it| it.body.as_str()).collect();
    assert_eq!(bodies.len(), 1, "an attempt says what the one before said");
    // One is refused, and so is a redirect: others come before it is tried again.
    receiver.does(&[Does::Answers(400), Does::SendsOn]);
    let sent = tests_of(&service, &ada, &id, 3);
    let is_there = |came: &[Came]| {
        sent.iter().all(|id| {
            came.iter().filter(|it| it.id == *id).count() == 1 + usize::from(*id != sent[2])
        })
    };
    let came = receiver.until("two of them twice", is_there);
    assert!(came.iter().all(|it| it.path.starts_with("/in")), "no redirect is followed");
    let at = |id: &str| came.iter().rposition(|it| it.id == id);
    assert!(at(&sent[2]) < at(&sent[0]), "it was passed");
    // Given up after the last attempt, listed, counted, and sent again.
    receiver.always(500);
    let lost = tests_of(&service, &ada, &id, 1).remove(0);
    receiver.until("three attempts", |came| came.iter().filter(|it| it.id == lost).count() == 3);
    let given_up = loop_until(|| {
        let it = delivery(&service, &ada, (&id, &lost));
        (it["state"] == "dead").then_some(it)
    });
    assert_eq!(
        (&given_up["attempts"], &given_up["last_status"], &given_up["last_error"]),
        (&3.into(), &500.into(), &"answered 500".into())
    );
    let dead = service.json(&format!("/v1/webhooks/{id}/deliveries?state=dead"), &ada);
    assert_eq!(dead["deliveries"], json!([given_up]));
    assert_eq!(service.json("/v1/webhooks", &ada)["webhooks"][0]["dead"], 1);
    let metrics = service.get("/metrics", &ada).1;
    assert!(metrics.contains("shroff_webhook_dead_letters_total 1\n"), "{metrics}");
    receiver.always(204);
    let retry = format!("/v1/webhooks/{id}/deliveries/{lost}/retry");
    assert_eq!(ask(&service, &ada, ("POST", &retry), &Value::Null).0, 202);
    receiver.until("once more", |came| came.iter().filter(|it| it.id == lost).count() == 4);
    // Gone is gone, until a person says otherwise; what waits stays.
    receiver.does(&[Does::Answers(410)]);
    let gone = tests_of(&service, &ada, &id, 1).remove(0);
    let told = loop_until(|| {
        let webhook = service.json("/v1/webhooks", &ada)["webhooks"][0].clone();
        (webhook["disabled"] == true).then_some(webhook)
    });
    assert_eq!(told["disabled_because"], "it answered 410: it is gone");
    assert_eq!(delivery(&service, &ada, (&id, &gone))["state"], "dead");
    let test = format!("/v1/webhooks/{id}/test");
    assert_eq!(ask(&service, &ada, ("POST", &test), &Value::Null).0, 409);
    assert!(service.get("/v1/audit?action=webhook.disable", &ada).1.contains("410"));
    let on = json!({ "disabled": false, "events": ["hold.ended"], "name": "another" });
    let path = format!("/v1/webhooks/{id}");
    let (status, changed) = ask(&service, &ada, ("PATCH", &path), &on);
    assert_eq!((status, &changed["events"]), (200, &json!(["hold.ended"])), "{changed}");
    let last = tests_of(&service, &ada, &id, 1).remove(0);
    receiver.until("the last", |came| came.iter().any(|it| it.id == last));
    assert_eq!(ask(&service, &ada, ("DELETE", &path), &Value::Null).0, 204);
    assert_eq!(service.json("/v1/webhooks", &ada)["webhooks"], json!([]));
    assert_eq!(ask(&service, &ada, ("DELETE", &path), &Value::Null).0, 404);
}

#[test]
fn who_changes_a_webhook_that_was_changed_since_is_told_so_and_overwrites_nothing() {
    let folder = Folder::new();
    let receiver = Receiver::start();
    let service = Service::start_with(&folder, &["--webhook-private"]);
    let ada = signed::first(&service, &folder, "ada");
    let (id, _) = endpoint(&service, &ada, &receiver.url(), &["hold.ended"]);
    let path = format!("/v1/webhooks/{id}");
    let change = |body: Value| ask(&service, &ada, ("PATCH", &path), &body);
    let (status, first) = change(json!({ "name": "of one", "version": 1 }));
    assert_eq!((status, &first["version"]), (200, &json!(2)), "{first}");
    let (status, stale) = change(json!({ "name": "of another", "version": 1 }));
    assert_eq!((status, &stale["current_version"]), (409, &json!(2)), "{stale}");
    assert_eq!(stale["type"], "urn:shroff:problem:stale");
    assert_eq!(service.json("/v1/webhooks", &ada)["webhooks"], json!([first]));
    // A new secret is a change too, and whoever names no version changes the one of now.
    assert_eq!(
        ask(&service, &ada, ("POST", &format!("{path}/rotate")), &json!({ "at_once": true })).0,
        200
    );
    assert_eq!(change(json!({ "name": "of another", "version": 2 })).0, 409);
    let (status, last) = change(json!({ "disabled": true }));
    assert_eq!(
        (status, &last["version"], &last["name"]),
        (200, &json!(4), &json!("of one")),
        "{last}"
    );
}

/// Asks until there is an answer. Each question is a request, so that it is no busy loop.
fn loop_until<T>(ask: impl Fn() -> Option<T>) -> T {
    let begun = SystemTime::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let waited = begun.elapsed().expect("a clock that goes on");
        assert!(waited < Duration::from_secs(40), "it did not come");
    }
}

#[test]
fn nobody_is_told_where_nobody_may_be() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let ada = signed::first(&service, &folder, "ada");
    let receiver = Receiver::start();
    for url in [
        receiver.url().as_str(),
        "https://127.0.0.1/in",
        "https://[::1]/in",
        "https://169.254.169.254/latest",
        "http://hooks.bank.example/in",
        "https://user:secret@hooks.bank.example/in",
        "file:///etc/passwd",
    ] {
        let body = json!({ "url": url, "events": ["alert.opened"] });
        let (status, said) = ask(&service, &ada, ("POST", "/v1/webhooks"), &body);
        assert_eq!((status, &said["field"]), (400, &"url".into()), "{url}: {said}");
    }
    for events in [json!([]), json!(["alert"]), json!(["webhook.test"])] {
        let body = json!({ "url": "https://hooks.bank.example/in", "events": events });
        let (status, said) = ask(&service, &ada, ("POST", "/v1/webhooks"), &body);
        assert_eq!((status, &said["field"]), (400, &"events".into()), "{events}: {said}");
    }
    // A name that leads to this machine is found out when it is asked for.
    let (id, _) = endpoint(&service, &ada, "https://localhost/in", &["alert.opened"]);
    let sent = tests_of(&service, &ada, &id, 1).remove(0);
    let tried = loop_until(|| {
        let it = delivery(&service, &ada, (&id, &sent));
        (it["attempts"] == 1).then_some(it)
    });
    let why = tried["last_error"].as_str().expect("a text");
    assert!(why.contains("--webhook-private"), "{why}");
    assert!(service.json("/v1/webhooks", &ada)["webhooks"][0]["paused_until"].is_string());
}

#[test]
fn who_speaks_tls_is_told_where_the_machine_trusts_it_and_no_other() {
    let folder = Folder::new();
    certificate(&folder, "own");
    certificate(&folder, "other");
    let (trusted, stranger) =
        (Receiver::start_tls(&folder, "own"), Receiver::start_tls(&folder, "other"));
    // What the machine trusts, as any program on it is told.
    let mut program = Command::new(env!("CARGO_BIN_EXE_shroff"));
    program.env("SSL_CERT_FILE", folder.path("own.pem")).env_remove("SSL_CERT_DIR");
    let service = Service::start_by(&folder, &mut program, &["--webhook-private"]);
    let ada = signed::first(&service, &folder, "ada");
    let url = |receiver: &Receiver| format!("https://{}/in", receiver.address);
    let (id, secret) = endpoint(&service, &ada, &url(&trusted), &ALL);
    let sent = tests_of(&service, &ada, &id, 1);
    let came = trusted.until("a message by TLS", |came| !came.is_empty());
    assert_eq!((&came[0].id, came[0].path.as_str()), (&sent[0], "/in"));
    if let Some(good) = are_good(&folder, &secret, &came) {
        assert_eq!(good, [true]);
    }
    let (id, _) = endpoint(&service, &ada, &url(&stranger), &ALL);
    let sent = tests_of(&service, &ada, &id, 1);
    let tried = loop_until(|| {
        let it = delivery(&service, &ada, (&id, &sent[0]));
        (it["attempts"] == 1).then_some(it)
    });
    let why = tried["last_error"].as_str().expect("a text");
    assert!(why.contains("certificate"), "{why}");
    assert!(stranger.book.0.lock().expect("no test broke").came.is_empty());
}

/// Messages about alerts, by alert: which revisions are told, under which ids.
fn by_alert(came: &[Came]) -> BTreeMap<String, Vec<(String, String, u64)>> {
    let mut all: BTreeMap<String, Vec<(String, String, u64)>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for came in came.iter().filter(|came| ids.insert(came.id.clone())) {
        let told = came.told();
        let revision = told["data"]["revision"].as_u64().expect("a number");
        let alert = told["data"]["id"].as_str().expect("a text").to_owned();
        all.entry(alert).or_default().push((came.id.clone(), came.kind(), revision));
    }
    all
}

fn a_kill_loses_nothing(more: &[&str]) {
    let folder = Folder::new();
    let bank = bank(&folder);
    let lines = world(&folder);
    let retries = ["1s"; 60].join(",");
    let mut options = vec!["--webhook-private", "--webhook-retries", &retries];
    options.extend(more);
    let receiver = Receiver::start();
    let mut service = Service::start_with(&folder, &options);
    let ada = signed::first(&service, &folder, "ada");
    endpoint(&service, &ada, &receiver.url(), &["alert.opened", "alert.revised"]);
    // Killed again and again: while nobody takes anything, and in the middle of messages.
    receiver.always(503);
    let mut heard = 0;
    for (at, part) in lines.chunks(lines.len().div_ceil(4)).enumerate() {
        let (status, said) = service.post(NDJSON, &bank, &part.join("\n"));
        assert_eq!((status, said.lines().count()), (200, part.len()));
        let came = receiver.until("something", |came| came.len() > heard);
        heard = came.len() + 2;
        drop(service);
        receiver.always(if at % 2 == 0 { 204 } else { 503 });
        service = Service::start_with(&folder, &options);
    }
    receiver.always(204);
    let alerts = service.alerts(&ada);
    assert!(alerts.len() > 20, "{}", alerts.len());
    let newest = |came: &[Came]| {
        let told = by_alert(came);
        let last = |id: &String| told.get(id).and_then(|all| all.iter().map(|it| it.2).max());
        alerts.keys().map(|id| last(id).unwrap_or(0)).collect::<Vec<u64>>()
    };
    let revisions: Vec<u64> = alerts
        .keys()
        .map(|id| service.json(&format!("/v1/alerts/{id}"), &ada)["revision"].as_u64())
        .map(|revision| revision.expect("a number"))
        .collect();
    let came = receiver.until("all that is known", |came| newest(came) == revisions);
    let told = by_alert(&came);
    assert_eq!(told.keys().collect::<Vec<_>>(), alerts.keys().collect::<Vec<_>>());
    for (alert, told) in told {
        let opened = told.iter().filter(|it| it.1 == "alert.opened").count();
        assert_eq!(opened, 1, "{alert}: it is opened once: {told:?}");
        let revisions: BTreeSet<u64> = told.iter().map(|it| it.2).collect();
        assert_eq!(revisions.len(), told.len(), "{alert}: nothing is told twice: {told:?}");
    }
    service.stop();
    folder.well(&format!("audit verify --data data {}", more.join(" ")));
}

#[test]
fn a_kill_loses_no_message_and_makes_none_up_on_sqlite() {
    a_kill_loses_nothing(&[]);
}

#[test]
fn a_kill_loses_no_message_and_makes_none_up_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    a_kill_loses_nothing(&["--register", &postgres.url()]);
}
