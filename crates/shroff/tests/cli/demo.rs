//! A made-up world that an administrator loads into a service without payments, and nobody else and
//! nowhere else.

use serde_json::Value;

use crate::door::Folder;
use crate::serve::{GOOD, Request, Service};
use crate::signed;

fn ask(service: &Service, method: &'static str, who: &str) -> (u16, Value) {
    let request =
        Request { method, path: "/v1/demo", key: Some(who), kind: "application/json", body: "" };
    let (status, text) = service.ask(&request);
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Waits until none is being loaded.
fn ended(service: &Service, who: &str) -> Value {
    loop {
        let seen = ask(service, "GET", who).1;
        if seen["phase"] != "running" {
            return seen;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_made_up_world_is_loaded_once_into_an_empty_service_and_can_be_cancelled_and_gone_on_with() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    assert_eq!(ask(&service, "POST", &key).0, 403, "a machine begins none");
    let none = ask(&service, "GET", &ada).1;
    assert_eq!((&none["phase"], &none["may_begin"]), (&"none".into(), &true.into()));

    let (status, begun) = ask(&service, "POST", &ada);
    assert_eq!((status, &begun["may_begin"]), (202, &false.into()), "{begun}");
    assert_eq!(ask(&service, "POST", &ada).0, 409, "one at a time");
    assert_eq!(ask(&service, "DELETE", &ada).0, 200);
    let held = ended(&service, &ada);
    let taken = held["taken"].as_u64().expect("a count");
    assert!(held["phase"] == "cancelled" && taken < 40_000 && held["may_begin"] == true, "{held}");
    let counted = service.json("/v1/overview", &ada);
    assert_eq!(counted["payments_total"], taken, "what was taken stays");

    assert_eq!(ask(&service, "POST", &ada).0, 202, "it goes on");
    let done = ended(&service, &ada);
    assert_eq!((&done["phase"], &done["taken"]), (&"done".into(), &40_000.into()), "{done}");
    let counted = service.json("/v1/overview", &ada);
    assert_eq!(counted["payments_total"], 40_000, "each payment once");
    assert!(counted["alerts_total"].as_u64() > Some(200), "{counted}");
    let counted = service.json("/v1/overview?days=366", &ada);
    let days = counted["per_day"].as_array().expect("a list");
    let paid: u64 = days.iter().filter_map(|day| day["payments"].as_u64()).sum();
    assert_eq!((paid, days.len() > 100), (40_000, true), "each in one day");
    let (status, refused) = ask(&service, "POST", &ada);
    assert_eq!(status, 409, "{refused}");
    assert!(refused["hint"].as_str().is_some_and(|hint| hint.contains("--data")), "{refused}");

    let trail = service.json("/v1/audit?object=demo", &ada);
    let acts = trail["entries"].as_array().expect("a list").iter();
    let acts: Vec<String> = acts.map(|it| format!("{} {}", it["actor"], it["action"])).collect();
    let [load, cancel] = [r#""ada" "demo.load""#, r#""ada" "demo.cancel""#];
    assert_eq!(acts, [load, cancel, load], "the newest first");
}

#[test]
fn a_made_up_world_never_comes_to_payments_that_are_there() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ada = signed::first(&service, &folder, "ada");
    assert_eq!(service.post("application/json", &key, GOOD).0, 200);
    let (status, refused) = ask(&service, "POST", &ada);
    assert_eq!((status, &refused["detail"]), (409, &"the log has payments".into()));
    assert_eq!(service.json("/v1/overview", &ada)["payments_total"], 1);
    let seen = ask(&service, "GET", &ada).1;
    assert_eq!((&seen["phase"], &seen["may_begin"]), (&"none".into(), &false.into()));
}
