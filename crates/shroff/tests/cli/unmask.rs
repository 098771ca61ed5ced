//! The number behind a token leaves in one answer, to one person, for a reason; and is nowhere else.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::StreamWriter;
use serde_json::{Value, json};

use crate::door::Folder;
use crate::sending::post_bytes;
use crate::serve::{Request, SECRET, Service, holds};
use crate::signed;

const JSON: &str = "application/json";
/// What is planted beside the number.
const NAME: &str = "Wilhelmina Planted";
const WHAT_FOR: &str = "PLANTED-REMITTANCE-77";

/// Three payments whose money comes back to where it started: the alert.
fn circle(service: &Service, key: &str, accounts: [&str; 3], day: &str) -> String {
    let [a, b, c] = accounts;
    let payment = |n: usize, debtor: &str, creditor: &str| {
        let name = |account: &str| if account == SECRET { NAME } else { "" };
        json!({
            "id": format!("{b}{n}"), "time": format!("{day}T0{n}:00:00Z"), "debtor": debtor,
            "creditor": creditor, "amount": 900 - 10 * n, "currency": "EUR",
            "debtor_name": name(debtor), "creditor_name": name(creditor), "remittance": WHAT_FOR,
        })
    };
    let body = json!([payment(0, a, b), payment(1, b, c), payment(2, c, a)]).to_string();
    let (status, said) = service.post(JSON, key, &body);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(status, 200, "{said}");
    said[2]["reasons"][0]["alert"].as_str().expect("an alert").to_owned()
}

fn ask(service: &Service, who: &str, (method, path): (&str, &str), body: &Value) -> (u16, String) {
    let body = if method == "GET" { String::new() } else { body.to_string() };
    service.ask(&Request { method, path, key: Some(who), kind: JSON, body: &body })
}

/// Every file with a text in it; of a number, but for the log of payments.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the service") {
        let path = entry.expect("a file").path();
        if path.is_dir() && (text != SECRET || !path.ends_with("payments")) {
            found.extend(files_with(&path, text));
        } else if path.is_file() && holds(&std::fs::read(&path).expect("a file"), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn names(answer: &(u16, String)) -> Value {
    let answer: Value = serde_json::from_str(&answer.1).expect("JSON");
    answer["names"].clone()
}

fn account(answer: &(u16, String)) -> String {
    assert_eq!(answer.0, 200, "{}", answer.1);
    let answer: Value = serde_json::from_str(&answer.1).expect("JSON");
    answer["account"].as_str().expect("a text").to_owned()
}

#[expect(clippy::too_many_lines, reason = "one story, told in the order in which it happens")]
#[test]
fn a_number_is_in_one_answer_for_a_person_with_a_case_and_a_reason_and_nowhere_else() {
    let folder = Folder::new();
    folder.well("keys seal apart/seal.key");
    let sealing = ["--seal-key", "apart/seal.key"];
    let service = Service::start_with(&folder, &sealing);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    let [ann, ray] =
        [("ann", "analyst"), ("ray", "reviewer")].map(|who| signed::invited(&service, &ada, who));
    let alert = circle(&service, &key, [SECRET, "B", "C"], "2024-01-01");
    let other = circle(&service, &key, ["X", "Y", "Z"], "2024-01-02");
    let evidence = |alert: &str| {
        service.json(&format!("/v1/alerts/{alert}"), &ann)["evidence"][0]["debtor"].clone()
    };
    let (token, stranger) = (evidence(&alert), evidence(&other));
    assert_eq!(ask(&service, &ann, ("POST", "/v1/cases"), &json!({ "alerts": [alert] })).0, 201);

    let post = ("POST", "/v1/unmask");
    let wanted = |token: &Value, case: &str, reason: &str| json!({ "account": token, "case": case, "reason": reason });
    let good = wanted(&token, "case-1", "the report names it");
    for (who, body, status, why) in [
        (&key, &good, 403, "a key is nobody"),
        (&ann, &good, 403, "an analyst may not"),
        (&ray, &wanted(&token, "case-1", " \n "), 400, "a reason is given"),
        (&ray, &wanted(&token, "case-1", &"x".repeat(9_000)), 400, "a reason is short"),
        (&ray, &wanted(&token, "case-9", "r"), 404, "there is no such case"),
        (&ray, &wanted(&stranger, "case-1", "r"), 403, "the account is not in the case"),
        (&ray, &wanted(&json!("0000-0000-0000"), "case-1", "r"), 403, "it is nobody's"),
    ] {
        let refused = ask(&service, who, post, body);
        assert_eq!(refused.0, status, "{why}: {}", refused.1);
        assert!(!refused.1.contains(SECRET), "{why}");
    }
    let again = format!("/v1/unmask/{}", token.as_str().expect("a text"));
    assert_eq!(ask(&service, &ray, ("GET", &again), &json!(null)).0, 404, "not before");
    assert_eq!(account(&ask(&service, &ray, post, &good)), SECRET);
    let answer = ask(&service, &ray, ("GET", &again), &json!(null));
    assert_eq!(account(&answer), SECRET);
    let called =
        |payment: &str| json!({ "payment": payment, "name": NAME, "remittance": WHAT_FOR });
    // The newest first; the payment between the two others is not the account's.
    assert_eq!(names(&answer), json!([called("B2"), called("B0")]));
    assert_eq!(ask(&service, &ada, ("GET", &again), &json!(null)).0, 404, "for one person");

    let trail = service.json("/v1/audit?actor=ray&limit=100", &ada);
    let entries = trail["entries"].as_array().expect("a list");
    let told = |action: &str| {
        let of = entries.iter().filter(|entry| entry["action"] == action);
        of.map(|entry| (entry["object"].clone(), entry["detail"].clone())).collect::<Vec<_>>()
    };
    let detail = json!({ "case": "case-1", "reason": "the report names it" });
    assert_eq!(told("unmask"), [(token.clone(), detail)]);
    assert_eq!((told("unmask.refuse").len(), told("unmask.read").len()), (2, 1));
    // Those who work on the case see it there.
    let case = service.json("/v1/cases/case-1", &ann);
    let line = &case["log"][1];
    assert_eq!((&line["by"], &line["command"]), (&json!("ray"), &json!("unmask")), "{case}");
    assert_eq!(line["text"], "the report names it");
    assert_eq!(line["detail"], json!({ "account": token }));
    assert_eq!((&case["version"], &case["state"]), (&json!(2), &json!("open")));
    let (_, export) = service.get("/v1/audit/export", &ada);
    let metrics = service.get("/metrics", &key).1;
    assert_eq!(files_with(&folder.path("."), SECRET), Vec::<String>::new());

    // Long out of sight, and forgotten by a start anew: the log still knows.
    let later = json!({ "id": "later", "time": "2026-01-01T00:00:00Z", "debtor": "P",
        "creditor": "Q", "amount": 1, "currency": "EUR" });
    assert_eq!(service.post(JSON, &key, &later.to_string()).0, 200);
    service.stop();
    let service = Service::start_with(&folder, &sealing);
    assert_eq!(ask(&service, &ray, ("GET", &again), &json!(null)).0, 404, "a start forgets it");
    let answer = ask(&service, &ray, post, &good);
    assert_eq!(account(&answer), SECRET);
    assert_eq!(names(&answer), json!([called("B2"), called("B0")]));
    let shown = service.get(&format!("/v1/alerts/{alert}/graph?hops=1"), &ann).1;
    let verdict = service.get("/v1/payments/later/verdict", &key).1;
    service.stop();
    folder.well("backup kept --data data");
    for text in [export, metrics, folder.text("err.txt"), shown, verdict] {
        for planted in [SECRET, NAME, WHAT_FOR] {
            assert!(!text.contains(planted), "{text}");
        }
    }
    for planted in [NAME, WHAT_FOR] {
        assert_eq!(files_with(&folder.path("."), planted), Vec::<String>::new());
    }
    assert_eq!(files_with(&folder.path("."), SECRET), Vec::<String>::new());
}

/// A case over an alert, and the token of its first debtor.
fn case_over(service: &Service, ann: &str, alert: &str) -> Value {
    let body = json!({ "alerts": [alert] });
    assert_eq!(ask(service, ann, ("POST", "/v1/cases"), &body).0, 201);
    service.json(&format!("/v1/alerts/{alert}"), ann)["evidence"][0]["debtor"].clone()
}

#[test]
fn without_a_key_no_name_is_kept_and_a_lost_one_takes_names_and_nothing_else() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    let alert = circle(&service, &key, [SECRET, "B", "C"], "2024-01-01");
    let token = case_over(&service, &ada, &alert);
    let wanted = json!({ "account": token, "case": "case-1", "reason": "r" });
    let post = ("POST", "/v1/unmask");
    assert_eq!(names(&ask(&service, &ada, post, &wanted)), Value::Null);
    let verdict = service.get("/v1/payments/B2/verdict", &key).1;
    service.stop();
    assert_eq!(files_with(&folder.path("."), NAME), Vec::<String>::new());
    assert!(!folder.path("data/sealed").exists());

    // With a key, what is sent again brings its names.
    folder.well("keys seal one.key");
    let service = Service::start_with(&folder, &["--seal-key", "one.key"]);
    assert_eq!(circle(&service, &key, [SECRET, "B", "C"], "2024-01-01"), alert);
    let told = names(&ask(&service, &ada, post, &wanted));
    assert_eq!(told[0]["name"], NAME, "{told}");
    assert_eq!(service.get("/v1/payments/B2/verdict", &key).1, verdict, "it depends on no name");
    let long = json!({ "id": "long", "time": "2024-01-01T05:00:00Z", "debtor": "P", "creditor": "Q",
        "amount": 1, "currency": "EUR", "debtor_name": "x".repeat(641) });
    let (status, problem) = service.post(JSON, &key, &long.to_string());
    assert!(status == 422 && problem.contains("debtor_name"), "{problem}");
    service.stop();
    assert_eq!(folder.run("keys seal one.key").code, Some(2), "it is never written over");

    // Another key, and the old one lost: names of before are gone, and nothing else.
    folder.well("keys seal two.key");
    let service = Service::start_with(&folder, &["--seal-key", "two.key"]);
    let answer = ask(&service, &ada, post, &wanted);
    assert_eq!(account(&answer), SECRET);
    let told = names(&answer);
    assert!(told[0]["problem"].as_str().is_some_and(|why| why.contains("key")), "{told}");
    assert_eq!(service.get("/v1/payments/B2/verdict", &key).1, verdict);
    service.stop();
    let service = Service::start_with(&folder, &["--seal-key", "two.key", "--seal-key", "one.key"]);
    assert_eq!(names(&ask(&service, &ada, post, &wanted))[0]["name"], NAME);
    service.stop();
    folder.well("verify --data data");
}

/// A circle in columns, with names where the account is the secret one.
fn columns() -> Vec<u8> {
    let texts = |all: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(all.to_vec())) };
    let hours = [1, 2, 3].map(|hour| 1_704_067_200_000_000_i64 + hour * 3_600_000_000);
    let columns: [(&str, ArrayRef); 8] = [
        ("id", texts(["B0", "B1", "B2"])),
        ("time", Arc::new(Int64Array::from(hours.to_vec()))),
        ("debtor", texts([SECRET, "B", "C"])),
        ("creditor", texts(["B", "C", SECRET])),
        ("amount", texts(["900", "890", "880"])),
        ("debtor_name", texts([NAME, "", ""])),
        ("creditor_name", texts(["", "", NAME])),
        ("remittance", texts([WHAT_FOR; 3])),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a stream");
    writer.write(&batch).expect("a batch");
    writer.into_inner().expect("bytes")
}

#[test]
fn names_in_columns_are_sealed_as_those_in_lines_and_without_a_key_are_not_read() {
    for is_sealing in [true, false] {
        let folder = Folder::new();
        folder.well("keys seal apart/seal.key");
        let more = ["--seal-key", "apart/seal.key"];
        let service = Service::start_with(&folder, if is_sealing { &more } else { &[] });
        let key = service.key.clone().expect("the first start shows a key");
        let ada = signed::first(&service, &folder, "ada");
        let ray = signed::invited(&service, &ada, ("ray", "reviewer"));
        let (status, said) = post_bytes(&service, &key, &columns());
        assert_eq!((status, said.lines().count()), (200, 3), "{said}");
        let last: Value = serde_json::from_str(said.lines().last().expect("three")).expect("JSON");
        let alert = &last["reasons"][0]["alert"];
        let alert = alert.as_str().unwrap_or_else(|| panic!("no alert: {last}"));
        assert_eq!(
            ask(&service, &ray, ("POST", "/v1/cases"), &json!({ "alerts": [alert] })).0,
            201
        );
        let shown = service.json(&format!("/v1/alerts/{alert}"), &ray);
        let wanted = json!({ "account": shown["evidence"][0]["debtor"], "case": "case-1",
            "reason": "the report names it" });
        let answer = ask(&service, &ray, ("POST", "/v1/unmask"), &wanted);
        assert_eq!(account(&answer), SECRET);
        let called =
            |payment: &str| json!({ "payment": payment, "name": NAME, "remittance": WHAT_FOR });
        let told = names(&answer);
        if is_sealing {
            assert_eq!(told, json!([called("B2"), called("B0")]));
        } else {
            assert!(!answer.1.contains(NAME), "{told}");
        }
        service.stop();
        assert_eq!(
            files_with(&folder.path("."), NAME),
            Vec::<String>::new(),
            "sealed, or not there"
        );
    }
}
