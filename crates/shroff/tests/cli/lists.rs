//! Lists of the service that are asked for by several words at once, and what a decision may rest on.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::door::Folder;
use crate::serve::{NDJSON, Request, Service, world};
use crate::signed;

fn post(service: &Service, who: &str, path: &str, body: &Value) -> (u16, Value) {
    let (kind, body) = ("application/json", body.to_string());
    let request = Request { method: "POST", path, key: Some(who), kind, body: &body };
    let (status, text) = service.ask(&request);
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn a_list_takes_several_words_and_names_one_that_is_none() {
    let folder = Folder::new();
    let service = Service::start_with(&folder, &["--hold-from", "0.6"]);
    let key = service.key.clone().expect("the first start shows a key");
    assert_eq!(service.post(NDJSON, &key, &world(&folder).join("\n")).0, 200);
    let page = service.json("/v1/alerts?limit=500", &key);
    let all = page["alerts"].as_array().expect("a list");
    assert_eq!(all.len() as u64, page["total"].as_u64().expect("a count"), "one page holds them");
    let count = |name: &str, words: &[&str]| {
        let is_one = |alert: &&Value| words.contains(&alert[name].as_str().expect("a text"));
        all.iter().filter(is_one).count() as u64
    };
    let total = |query: &str| {
        let total = service.json(&format!("/v1/alerts?{query}"), &key)["total"].as_u64();
        total.expect("a count")
    };
    let typologies: BTreeSet<&str> =
        all.iter().filter_map(|alert| alert["typology"].as_str()).collect();
    let two: Vec<&str> = typologies.iter().take(2).copied().collect();
    assert_eq!(two.len(), 2, "{typologies:?}");
    assert!(count("typology", &two) > count("typology", &two[..1]));
    assert_eq!(total(&format!("typology={}", two.join(","))), count("typology", &two));
    assert_eq!(total(&format!("typology={}", two[0])), count("typology", &two[..1]));
    // All there are, which is longer than a single word may be.
    let every: Vec<&str> = typologies.iter().copied().collect();
    let every = vec![every.join("%2C"); 4].join(",");
    assert_eq!(total(&format!("typology={every}")), all.len() as u64);
    assert_eq!(total("action=hold,review"), count("action", &["hold", "review"]));
    assert_eq!(total("action=hold"), count("action", &["hold"]));
    assert!((1..all.len() as u64).contains(&total("action=hold")), "some, and not all");
    let ids = json!({ "alerts": [all[0]["id"]] });
    assert_eq!(post(&service, &key, "/v1/cases", &ids).0, 201);
    assert_eq!(total("state=open,assigned"), all.len() as u64);
    assert_eq!(total("state=assigned,waiting"), 0);
    let cases = |query: &str| {
        let page = service.json(&format!("/v1/cases?{query}"), &key);
        page["cases"].as_array().expect("a list").len()
    };
    assert_eq!((cases("state=waiting,open"), cases("state=waiting,decided")), (1, 0));
    for (path, word, known) in [
        ("/v1/alerts?state=open,closed", "`closed`", "escalated"),
        ("/v1/alerts?state=open,", "``", "escalated"),
        ("/v1/alerts?action=review,stop", "`stop`", "none, review, hold"),
        ("/v1/alerts?typology=cycle,circle", "`circle`", "fan-in"),
        ("/v1/cases?state=Open", "`Open`", "open, assigned"),
    ] {
        let (status, body) = service.get(path, &key);
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(status, 400, "{path}: {body}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(word)), "{body}");
        assert!(problem["hint"].as_str().is_some_and(|text| text.contains(known)), "{body}");
    }
}

#[test]
fn a_decision_rests_on_what_its_case_can_have_shown() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    assert_eq!(service.post(NDJSON, &key, &world(&folder).join("\n")).0, 200);
    let page = service.json("/v1/alerts?limit=500", &ada);
    let id = |at: usize| page["alerts"][at]["id"].as_str().expect("an id").to_owned();
    let whole = |at: usize| service.json(&format!("/v1/alerts/{}", id(at)), &ada);
    let own = whole(0);
    let payments = own["payments"].as_array().expect("a list").clone();
    // Of another alert, and of this one not.
    let strange = (1..).find_map(|at| {
        let other = whole(at);
        other["payments"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|it| !payments.contains(it))
            .cloned()
    });
    let strange = strange.expect("one is elsewhere");
    assert_eq!(post(&service, &ada, "/v1/cases", &json!({ "alerts": [id(0)] })).0, 201);
    let decide = |evidence: &[Value], alerts: &Value| {
        let body = json!({ "version": 1, "command": "decide", "outcome": "report",
            "reason": "a circle", "evidence": evidence, "alerts": alerts });
        post(&service, &ada, "/v1/cases/case-1/commands", &body)
    };
    let revision = own["revision"].as_u64().expect("a number");
    let seen = |revision: u64| json!([{ "id": id(0), "revision": revision }]);
    for (evidence, alerts, field, named) in [
        (vec![payments[0].clone(), strange.clone()], seen(revision), "evidence", &strange),
        (vec![json!("nothing")], json!([]), "evidence", &json!("nothing")),
        (payments.clone(), seen(revision + 1), "alerts", &json!(id(0))),
        (payments.clone(), seen(0), "alerts", &json!(id(0))),
        (payments.clone(), json!([{ "id": id(1), "revision": 1 }]), "alerts", &json!(id(1))),
    ] {
        let (status, problem) = decide(&evidence, &alerts);
        assert_eq!((status, &problem["field"]), (422, &field.into()), "{problem}");
        let named = named.as_str().expect("an id");
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(named)), "{problem}");
    }
    let case = service.json("/v1/cases/case-1", &ada);
    assert_eq!((&case["version"], &case["decision"]), (&1.into(), &Value::Null), "nothing is done");
    let (status, case) = decide(&payments, &seen(revision));
    assert_eq!(status, 200, "{case}");
    assert_eq!(case["decision"]["evidence"], Value::from(payments));
    assert_eq!(case["decision"]["alerts"], seen(revision));
    assert_eq!(case["log"][1]["detail"]["alerts"], seen(revision));
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str)
}

/// Payments of ever other accounts to one, a minute apart, in a history of some days.
fn hub(count: u32) -> String {
    let old = r#"{"id":"old","time":"2023-12-20T00:00:00Z","debtor":"X","creditor":"Y","amount":"1.00","currency":"EUR"}"#;
    (0..count).fold(format!("{old}\n"), |mut lines, n| {
        let (hour, minute) = (n / 60, n % 60);
        writeln!(
            lines,
            r#"{{"id":"p{n}","time":"2024-01-01T{hour:02}:{minute:02}:00Z","debtor":"D{n}","creditor":"HUB","amount":"9{:03}.00","currency":"EUR"}}"#,
            n % 7
        )
        .expect("a string");
        lines
    })
}

#[test]
fn evidence_is_said_to_be_complete_exactly_where_it_is() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let (status, told) = service.post(NDJSON, &key, &hub(260));
    assert_eq!(status, 200);
    // All payments that a rule rests on, of those that are told with verdicts.
    let verdicts: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seen = |service: &Service| {
        let page = service.json("/v1/alerts?limit=500", &key);
        let alerts = page["alerts"].as_array().expect("a list").iter();
        alerts
            .map(|alert| {
                let id = alert["id"].as_str().expect("an id");
                let whole = service.json(&format!("/v1/alerts/{id}"), &key);
                let graph = service.json(&format!("/v1/alerts/{id}/graph"), &key);
                assert_eq!(graph["is_complete"], whole["evidence_is_complete"], "{id}");
                whole
            })
            .collect::<Vec<Value>>()
    };
    let alerts = seen(&service);
    let mut kinds = BTreeSet::new();
    for alert in &alerts {
        let payments: BTreeSet<&str> = texts(&alert["payments"]).collect();
        let is_complete = alert["evidence_is_complete"].as_bool().expect("a flag");
        let reasons = verdicts.iter().flat_map(|it| it["reasons"].as_array().expect("a list"));
        for reason in reasons.filter(|reason| reason["alert"] == alert["id"]) {
            assert!(texts(&reason["evidence"]).all(|it| payments.contains(it)), "{reason}");
        }
        kinds.insert((payments.len() >= 100, is_complete));
    }
    // A fan that grew by a payment each time has all of them; one that was opened when the one before
    // it was full has the newest.
    assert!(kinds.contains(&(true, true)) && kinds.contains(&(true, false)), "{kinds:?}");
    // The first that is full is whole: its fan began with its first payment.
    let first = alerts.iter().min_by_key(|alert| alert["raised_at"].as_str()).expect("an alert");
    assert_eq!(first["evidence_is_complete"], true, "{}", first["id"]);
    // A snapshot knows it too.
    service.stop();
    let service = Service::start(&folder);
    assert_eq!(seen(&service), alerts);
    let next = hub(261).lines().last().expect("a line").to_owned();
    assert_eq!(service.post("application/json", &key, &next).0, 200);
    let grown = seen(&service);
    let is_cut = |alerts: &[Value]| {
        alerts.iter().filter(|alert| alert["evidence_is_complete"] == false).count()
    };
    assert!(is_cut(&grown) >= is_cut(&alerts), "what was left out stays left out");
}
