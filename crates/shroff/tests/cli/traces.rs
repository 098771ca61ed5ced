//! Traces, with a collector that takes them, hangs or is away; what it took is read by OpenTelemetry's
//! own messages, where Python has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use crate::door::{Folder, skipped};
use crate::serve::{GOOD, NDJSON, Request, SECRET, Service, holds};
use crate::signed;

/// Requests as they came: the head, and the body.
type Came = Vec<(String, Vec<u8>)>;

/// Where traces are sent to. It is there as long as the test runs.
struct Collector {
    address: String,
    came: Arc<Mutex<Came>>,
}

impl Collector {
    /// One that takes all, or one that says nothing to whoever comes.
    fn start(takes: bool) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of our own");
        let address = listener.local_addr().expect("a port of our own").to_string();
        let came = Arc::<Mutex<Came>>::default();
        let book = Arc::clone(&came);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let (stream, book) = (stream.expect("somebody comes"), Arc::clone(&book));
                if takes {
                    std::thread::spawn(move || listen(&stream, &book));
                } else {
                    held.push(stream);
                }
            }
        });
        Collector { address, came }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn came(&self) -> Came {
        self.came.lock().expect("no test broke").clone()
    }
}

fn listen(mut stream: &TcpStream, book: &Mutex<Came>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).is_ok_and(|read| read > 0) {
                continue;
            }
            return;
        }
        head.make_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        reader.read_exact(&mut body).expect("a body");
        book.lock().expect("no test broke").push((head, body));
        // What it would say of all that it took is nothing.
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                      Content-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).expect("it reads");
    }
}

#[derive(Debug, Clone, Deserialize, PartialEq)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
    kind: i32,
    begun: u64,
    ended: u64,
    is_error: bool,
    attributes: BTreeMap<String, String>,
}

const READ: &str = r#"
import json, sys
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
spans = []
for name in sys.argv[1:]:
    request = ExportTraceServiceRequest.FromString(open(name, "rb").read())
    for resource in request.resource_spans:
        of = {it.key: it.value.string_value for it in resource.resource.attributes}
        assert set(of) == {"service.name", "service.version"} and of["service.name"] == "shroff", of
        for scope in resource.scope_spans:
            assert scope.scope.name == "shroff"
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8
                assert span.flags & 1 and not span.trace_state and not span.events and not span.links
                values = {it.key: it.value for it in span.attributes}
                kinds = {key: value.WhichOneof("value") for key, value in values.items()}
                spans.append({
                    "name": span.name, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(), "kind": span.kind,
                    "begun": span.start_time_unix_nano, "ended": span.end_time_unix_nano,
                    "is_error": span.status.code == 2,
                    "attributes": {k: str(getattr(v, kinds[k])) for k, v in values.items()},
                })
print(json.dumps(spans))
"#;

/// What came, as a collector reads it; none where the messages are not at hand.
fn read(folder: &Folder, came: &Came) -> Option<Vec<Span>> {
    let known = Command::new("python3").args(["-c", "import opentelemetry.proto"]).output();
    if !known.is_ok_and(|ran| ran.status.success()) {
        return skipped("python3 with the package opentelemetry-proto is needed");
    }
    let name = |at: usize| format!("request-{at}.bin");
    for (at, (_, body)) in came.iter().enumerate() {
        folder.write(&name(at), body);
    }
    let ran = Command::new("python3")
        .args(["-c", READ])
        .args((0..came.len()).map(name))
        .current_dir(folder.path("."))
        .output()
        .expect("python3 starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(serde_json::from_slice(&ran.stdout).expect("JSON"))
}

/// A service of which traces are sent, with a file of headers.
fn traced(folder: &Folder, collector: &Collector, sample: &str, more: &[&str]) -> Service {
    folder.write("headers.txt", "Authorization: Bearer of-the-collector\nX-Tenant: bank\n");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path("headers.txt"), private).expect("a file of our own");
    let url = collector.url();
    let mut words = vec!["--otlp", &url, "--otlp-sample", sample];
    words.extend(["--otlp-headers-file", "headers.txt"]);
    words.extend(more);
    Service::start_with(folder, &words)
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A key, and who asks besides.
fn asking(key: &str, trace: &str, flags: &str) -> String {
    format!(
        "Authorization: Bearer {key}\r\ntraceparent: 00-{trace}-{CALLER}-{flags}\r\n\
         tracestate: x={SECRET}"
    )
}

fn payment(id: &str, debtor: &str, creditor: &str) -> String {
    let mut payment: serde_json::Value = serde_json::from_str(GOOD).expect("JSON");
    payment["id"] = json!(id);
    payment["debtor"] = json!(debtor);
    payment["creditor"] = json!(creditor);
    payment["amount"] = json!("9000.00");
    payment["debtor_name"] = json!("Ada Planted");
    payment["remittance"] = json!("rent planted");
    payment.to_string()
}

/// The one span of a name in a trace.
fn one<'a>(spans: &'a [Span], name: &str, trace: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name == name && span.trace == trace);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {trace}: {spans:#?}"));
    assert_eq!(found.next(), None, "{name}");
    span
}

/// The way of payments through the engine lies under a span, each part in its time.
fn goes_its_way(spans: &[Span], root: &Span) {
    let [wait, batch] = ["engine.wait", "engine.batch"].map(|it| one(spans, it, &root.trace));
    let sync = one(spans, "log.sync", &root.trace);
    assert_eq!((&wait.parent, &batch.parent), (&root.id, &root.id));
    assert_eq!(sync.parent, batch.id);
    assert_eq!(wait.ended, batch.begun, "what waits no more is worked on");
    let times = [root.begun, wait.begun, batch.begun, sync.begun, sync.ended, batch.ended];
    assert!(times.is_sorted() && batch.ended <= root.ended, "{times:?} {}", root.ended);
    assert!(batch.attributes["shroff.payments"].parse::<u32>().is_ok_and(|count| count > 0));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in the order in which it happens")]
fn a_request_is_traced_under_who_asks_and_nothing_of_a_payment_leaves() {
    let folder = Folder::new();
    let (collector, hook) = (Collector::start(true), Collector::start(true));
    folder.well("keys seal seal.key");
    Service::start(&folder).stop();
    let bank = folder.well("keys add planted --role payment-system --data data");
    let bank = bank.text().trim().to_owned();
    let more = ["--webhook-private", "--hold-from", "0.3", "--seal-key", "seal.key"];
    let service = traced(&folder, &collector, "1", &more);
    let ada = signed::first(&service, &folder, "ada");
    let body = json!({ "url": format!("{}/in?token=of-the-receiver", hook.url()), "name": "of a test",
        "events": ["alert.opened"] });
    let made = service.ask(&Request {
        method: "POST",
        path: "/v1/webhooks",
        key: Some(&ada),
        kind: "application/json",
        body: &body.to_string(),
    });
    assert_eq!(made.0, 201, "{}", made.1);
    let post = |key: &str, kind: &str, body: &str| {
        let (method, path, key) = ("POST", "/v1/payments", Some(key));
        service.ask(&Request { method, path, key, kind, body })
    };
    let circle = [
        payment("planted-1", SECRET, "PLANTED-2"),
        payment("planted-2", "PLANTED-2", "PLANTED-3"),
        payment("planted-3", "PLANTED-3", SECRET),
    ];
    let (status, said) =
        post(&asking(&bank, TRACE, "01"), "application/json", &format!("[{}]", circle.join(",")));
    assert_eq!(status, 200, "{said}");
    let unwanted = TRACE.replace('4', "5");
    assert_eq!(
        post(&asking(&bank, &unwanted, "00"), "application/json", &payment("u", "A", "B")).0,
        200
    );
    assert_eq!(post(&bank, NDJSON, &payment("planted-4", "C", "D")).0, 200);
    assert_eq!(service.get("/v1/payments/planted-1/verdict", &bank).0, 200);
    assert_eq!(service.get(&format!("/v1/{SECRET}"), &bank).0, 404);
    let (method, path, key) = ("PLANTED", "/v1/payments", Some(bank.as_str()));
    assert_eq!(service.ask(&Request { method, path, key, kind: "", body: "" }).0, 405);
    let alert = service.json("/v1/alerts", &ada)["alerts"][0].clone();
    let token = alert["accounts"][0].as_str().expect("a token").to_owned();
    while hook.came().is_empty() {
        assert_eq!(service.get("/health", &bank).0, 200);
    }
    service.stop();
    let came = collector.came();
    for (head, _) in &came {
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        for wanted in ["bearer of-the-collector", "x-tenant: bank", "application/x-protobuf"] {
            assert!(head.contains(wanted), "{wanted}: {head}");
        }
    }
    let id = alert["id"].as_str().expect("an id");
    let secrets = [SECRET, "lanted", "PLANTED", &token, &bank, id, "of-the-", "9000", "127."];
    for (secret, (_, body)) in secrets.iter().flat_map(|it| came.iter().map(move |came| (it, came)))
    {
        assert!(!holds(body, secret), "{secret} left");
    }
    let Some(spans) = read(&folder, &came) else { return };
    let request = one(&spans, "POST /v1/payments", TRACE);
    assert_eq!((request.parent.as_str(), request.kind, request.is_error), (CALLER, 2, false));
    let told: Vec<(&str, &str)> =
        request.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        told,
        [
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("http.route", "/v1/payments"),
        ]
    );
    goes_its_way(&spans, request);
    assert!(!spans.iter().any(|span| span.trace == unwanted), "who asks did not want it");
    let sent = spans.iter().filter(|span| span.name == "POST /v1/payments").count();
    assert_eq!(sent, 2, "nor is it noted elsewhere");
    let is_root = |span: &&Span| span.parent.is_empty();
    let piece = spans.iter().find(|span| span.name == "payments.piece").expect("of the stream");
    assert!(is_root(&piece));
    goes_its_way(&spans, piece);
    let names: BTreeSet<&str> =
        spans.iter().filter(is_root).map(|span| span.name.as_str()).collect();
    for wanted in [
        "GET /v1/payments/{id}/verdict",
        "GET",
        "_OTHER /v1/payments",
        "POST /v1/webhooks",
        "register.write",
        "webhook.delivery",
        "snapshot.take",
        "snapshot.keep",
    ] {
        assert!(names.contains(wanted), "{wanted}: {names:?}");
    }
    let keys: BTreeSet<&str> =
        spans.iter().flat_map(|span| span.attributes.keys()).map(String::as_str).collect();
    let known = [
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "shroff.alerts",
        "shroff.bytes",
        "shroff.holds",
        "shroff.payments",
        "shroff.requests",
    ];
    assert_eq!(keys, BTreeSet::from(known));
}

#[test]
fn chance_keeps_none_where_the_share_is_none_and_who_asks_is_heard_all_the_same() {
    let folder = Folder::new();
    let collector = Collector::start(true);
    let service = traced(&folder, &collector, "0", &[]);
    let key = service.key.clone().expect("the first start shows a key");
    for _ in 0..50 {
        assert_eq!(service.post("application/json", &key, GOOD).0, 200);
    }
    assert_eq!(service.post("application/json", &asking(&key, TRACE, "01"), GOOD).0, 200);
    service.stop();
    let Some(spans) = read(&folder, &collector.came()) else { return };
    assert_eq!(spans.len(), 4, "a request, and the three parts of its way: {spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE));
}

/// How many spans were dropped.
fn dropped(service: &Service, key: &str) -> u64 {
    let metrics = service.get("/metrics", key).1;
    let line = metrics.lines().find_map(|line| line.strip_prefix("shroff_spans_dropped_total "));
    line.expect("it is measured").parse().expect("a number")
}

#[test]
fn a_collector_that_hangs_or_is_away_slows_nobody_and_what_is_dropped_is_counted() {
    let away = TcpListener::bind("127.0.0.1:0").expect("a port of our own");
    let mut gone = Collector::start(false);
    gone.address = away.local_addr().expect("a port of our own").to_string();
    drop(away);
    for collector in [Collector::start(false), gone] {
        let (folder, other) = (Folder::new(), Folder::new());
        let (plain, traced) = (Service::start(&other), traced(&folder, &collector, "1", &[]));
        let services = [&plain, &traced];
        let keys = services.map(|it| it.key.clone().expect("the first start shows a key"));
        let mut took = [Duration::ZERO; 2];
        let begun = Instant::now();
        while dropped(&traced, &keys[1]) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(50), "nothing is dropped");
            // Turn by turn, so that whatever else the machine does is the same for both.
            for _ in 0..50 {
                for (at, service) in services.iter().enumerate() {
                    let begun = Instant::now();
                    assert_eq!(service.post("application/json", &keys[at], GOOD).0, 200);
                    took[at] += begun.elapsed();
                }
            }
        }
        let [plain, slowed] = took;
        assert!(slowed < plain * 2 + Duration::from_secs(1), "{plain:?} {slowed:?}");
        let begun = Instant::now();
        traced.stop();
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits for nobody for long");
        let said = folder.text("err.txt");
        assert_eq!(said.matches("traces are not taken").count(), 1, "{said}");
        assert!(!said.contains(&collector.address), "{said}");
    }
}

#[test]
fn a_collector_is_named_so_that_nobody_reads_along() {
    let folder = Folder::with("open.txt", "Authorization: Bearer x\n");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path("open.txt"), open).expect("a file of our own");
    for (words, wanted) in [
        ("--otlp http://collector.bank.example:4318", "--otlp is no `https://` URL"),
        ("--otlp-headers-file open.txt", "--otlp-headers-file without --otlp"),
        ("--otlp http://127.0.0.1:9 --otlp-headers-file open.txt", "open.txt"),
        ("--otlp-sample 1.5", "between 0 and 1"),
    ] {
        let ran = folder.run(&format!("serve --listen 127.0.0.1:0 --data data {words}"));
        assert_eq!(ran.code, Some(2), "{words}");
        assert!(ran.err.contains(wanted), "{words}: {}", ran.err);
    }
}
