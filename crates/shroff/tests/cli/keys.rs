//! Keys of programs: made, listed, ended, revoked and paced while the service runs; and whoever is
//! turned out hears and sends no more, even where they came in before.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use crate::door::Folder;
use crate::serve::{GOOD, NDJSON, Request, Service, world};
use crate::signed;

/// Asks until the answer is another one: the file of the keys is looked at once a second.
fn until(service: &Service, key: &str, wanted: u16) {
    let begun = std::time::Instant::now();
    loop {
        let status = service.get("/v1/payments/p/verdict", key).0;
        if status == wanted {
            return;
        }
        assert!(begun.elapsed().as_secs() < 20, "{status} stays");
    }
}

#[test]
fn a_service_that_runs_knows_new_keys_and_forgets_revoked_ones() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let first = service.key.clone().expect("the first start shows a key");
    let made = folder.well("keys add bank --role payment-system --expires 90d --data data");
    let bank = made.text().trim().to_owned();
    let listed = folder.well("keys list --data data");
    let row = listed.text().lines().find(|line| line.contains("bank")).expect("it is listed");
    assert!(row.contains("payment-system") && row.matches('T').count() == 2, "{row}");
    for secret in [&first, &bank] {
        assert!(!listed.text().contains(secret.as_str()));
        assert!(!folder.text("data/keys.json").contains(secret.as_str()));
    }
    until(&service, &bank, 404);
    assert_eq!(service.post("application/json", &bank, GOOD).0, 200);
    let again = folder.run("keys add bank --role auditor --data data");
    assert!(again.code == Some(2) && again.err.contains("there is a key `bank`"), "{}", again.err);
    folder.well("keys revoke bank --data data");
    until(&service, &bank, 401);
    assert_eq!(service.get("/v1/payments/p/verdict", &first).0, 200, "the others stay");
    let gone = folder.run("keys revoke bank --data data");
    assert!(gone.code == Some(2) && gone.err.contains("there is no key `bank`"), "{}", gone.err);
    // One that has ended already: its time is over as soon as it is made.
    let made = folder.well("keys add late --role payment-system --expires 0s --data data");
    let late = made.text().trim().to_owned();
    let begun = std::time::Instant::now();
    loop {
        let (status, body) = service.get("/v1/payments/p/verdict", &late);
        assert_eq!(status, 401, "{body}");
        if body.contains("the key has ended") {
            break;
        }
        assert!(begun.elapsed().as_secs() < 20, "{body}");
    }
    assert!(folder.well("keys list --data data").text().contains("(ended)"));
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let folder = Folder::new();
    Service::start(&folder).stop();
    let made = folder.well("keys add bank --role payment-system --pace 3 --data data");
    let bank = made.text().trim().to_owned();
    let service = Service::start(&folder);
    // Sent together, so that less than a second lies between them.
    let body = "";
    let path = "/v1/payments/p/verdict";
    let request = Request { method: "GET", path, key: Some(&bank), kind: "", body };
    let mut streams: Vec<_> = (0..40).map(|_| service.send(&request)).collect();
    let answers: Vec<String> = streams
        .iter_mut()
        .map(|stream| {
            stream.flush().expect("it reads");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("UTF-8");
            text
        })
        .collect();
    let with = |status: &str| answers.iter().filter(|it| it.contains(status)).count();
    assert!(with(" 404 ") >= 3, "a second's worth is let in at once");
    let refused: Vec<&String> = answers.iter().filter(|it| it.contains(" 429 ")).collect();
    assert!(refused.len() + with(" 404 ") == 40 && refused.len() >= 10, "{}", refused.len());
    assert!(refused[0].contains("\r\nretry-after: 1\r\n"), "{}", refused[0]);
}

#[test]
fn a_stream_of_payments_ends_with_its_key() {
    let folder = Folder::new();
    Service::start(&folder).stop();
    let made = folder.well("keys add bank --role payment-system --data data");
    let service = Service::start(&folder);
    let mut stream = std::net::TcpStream::connect(&service.address).expect("it listens");
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n",
        made.text().trim()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut told = BufReader::new(stream.try_clone().expect("a socket")).lines();
    // The same payment again and again: what it is answered is all that can change.
    let mut answer = || {
        write!(stream, "{:x}\r\n{GOOD}\n\r\n", GOOD.len() + 1).expect("it reads");
        told.find_map(|line| line.ok().filter(|line| line.starts_with('{'))).expect("an answer")
    };
    assert!(answer().contains("\"place\":0"));
    folder.well("keys revoke bank --data data");
    let begun = std::time::Instant::now();
    loop {
        let said = answer();
        if said.contains("\"status\":401") {
            break;
        }
        assert!(said.contains("\"place\":0") && begun.elapsed().as_secs() < 20, "{said}");
    }
}

#[test]
fn whoever_is_turned_out_hears_nothing_more() {
    let folder = Folder::new();
    let lines = world(&folder);
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    let ann = signed::invited(&service, &ada, ("ann", "analyst"));
    let listen = |who: &str| {
        let path = "/v1/events";
        let request = Request { method: "GET", path, key: Some(who), kind: "", body: "" };
        let mut told = BufReader::new(service.send(&request)).lines().map_while(Result::ok);
        assert!(told.any(|line| line == ": shroff"), "it says that it listens");
        told
    };
    let (mut ada_hears, ann_hears) = (listen(&ada), listen(&ann));
    let (path, body) = ("/v1/users/ann", "{\"disabled\":true}");
    let kind = "application/json";
    let request = Request { method: "PATCH", path, key: Some(&ada), kind, body };
    assert_eq!(service.ask(&request).0, 200);
    assert_eq!(service.post(NDJSON, &key, &lines.join("\n")).0, 200);
    assert!(ada_hears.any(|line| line == "event: alert"), "there is something to hear");
    let rest: Vec<String> = ann_hears.collect();
    assert!(!rest.iter().any(|line| line.starts_with("data: ")), "{rest:?}");
}
