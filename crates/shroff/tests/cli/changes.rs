//! Rules that change while the service runs: proposed, in shadow, approved by another person, killed
//! right after, taken back.

use serde_json::{Value, json};

use crate::door::Folder;
use crate::durable::{SHORT, send_all};
use crate::serve::{NDJSON, Request, Service, alike, world};
use crate::signed;

fn post(service: &Service, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let (kind, body) = ("application/json", body.to_string());
    let request = Request { method: "POST", path, key: Some(key), kind, body: &body };
    let (status, text) = service.ask(&request);
    (status, serde_json::from_str(&text).expect("JSON"))
}

fn tell(service: &Service, key: &str, version: &str, command: &str) -> (u16, Value) {
    let body = json!({ "command": command, "reason": "as we agreed" });
    post(service, key, &format!("/v1/rules/{version}/commands"), &body)
}

/// What is sent in a test, said line by line.
fn send(service: &Service, key: &str, lines: &[String]) -> Vec<String> {
    let (status, said) = service.post(NDJSON, key, &lines.join("\n"));
    assert_eq!(status, 200, "{said}");
    said.lines().map(str::to_owned).collect()
}

/// Waits until a version that runs in shadow has seen all payments before a place.
fn followed(service: &Service, key: &str, version: &str, next: usize) -> Value {
    loop {
        let seen = service.json(&format!("/v1/rules/{version}/shadow"), key);
        assert_ne!(seen["phase"], "lost");
        if seen["phase"] == "following" && seen["next_place"] == next {
            return seen;
        }
        std::thread::yield_now();
    }
}

fn version(value: &Value) -> String {
    value["version"].as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// An author, a reviewer, the key of the payment system, and an administrator.
fn who(folder: &Folder) -> [String; 4] {
    drop(Service::start(folder));
    let bank = folder.well("keys add bank --role payment-system --data data").text().to_owned();
    let service = Service::start(folder);
    let admin = signed::first(&service, folder, "ada");
    let ann = signed::invited(&service, &admin, ("ann", "rule-author"));
    let ray = signed::invited(&service, &admin, ("ray", "reviewer"));
    [ann, ray, bank.trim().to_owned(), admin]
}

/// The active rules, changed: one typology less, and another with another number.
fn changed(service: &Service, key: &str) -> Value {
    let active = version_of_active(service, key);
    let files = service.json(&format!("/v1/rules/{active}"), key)["files"].clone();
    let mut files = files.as_array().expect("a list").clone();
    files.retain(|file| file["name"] != "fan-out.toml");
    files.sort_by_key(|file| file["name"].as_str().map(str::to_owned));
    let fan_in =
        files.iter_mut().find(|file| file["name"] == "fan-in.toml").expect("it is built in");
    let text = fan_in["text"].as_str().expect("a text");
    let other = text.replacen("value = 2.5\nrange = [1, 50]", "value = 3\nrange = [1, 50]", 1);
    assert_ne!(text, other);
    fan_in["text"] = other.into();
    json!(files)
}

fn version_of_active(service: &Service, key: &str) -> String {
    service.json("/v1/rules", key)["active"].as_str().expect("a text").to_owned()
}

/// What a service says that has one set of rules from the beginning to the end, and its alerts.
fn undisturbed(lines: &[String], files: Option<&Value>) -> (Vec<String>, Value) {
    let folder = Folder::new();
    let mut options = Vec::new();
    if let Some(files) = files {
        for file in files.as_array().expect("a list") {
            let (name, text) = (file["name"].as_str(), file["text"].as_str());
            folder.write(&format!("own/{}", name.expect("a name")), text.expect("a text"));
        }
        options = vec!["--typologies", "own"];
    }
    let service = Service::start_with(&folder, &options);
    let key = service.key.clone().expect("the first start shows a key");
    let said = send(&service, &key, lines);
    let alerts = json!(alike(&service.alerts(&key)));
    (said, alerts)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in the order in which it happens")]
fn rules_change_while_it_runs_and_say_what_a_start_under_them_says() {
    let folder = Folder::new();
    let [ann, ray, bank, admin] = who(&folder);
    let lines = world(&folder);
    let quarter = lines.len() / 4;
    let parts: Vec<&[String]> = lines.chunks(quarter).collect();
    let service = Service::start(&folder);
    let first = version_of_active(&service, &ann);
    send(&service, &bank, parts[0]);
    let files = changed(&service, &ann);

    // Proposed: not by whom it is not, and not where something is wrong.
    let proposal = json!({ "files": files, "note": "fewer payers are enough" });
    assert_eq!(post(&service, &ray, "/v1/rules", &proposal).0, 403, "a reviewer proposes nothing");
    let mut wrong = proposal.clone();
    wrong["files"][0]["text"] = "id = 1".into();
    let (status, refused) = post(&service, &ann, "/v1/rules", &wrong);
    assert_eq!((status, &refused["findings"][0]["severity"]), (422, &"error".into()), "{refused}");
    let (status, proposed) = post(&service, &ann, "/v1/rules", &proposal);
    assert_eq!((status, &proposed["state"]), (201, &"proposed".into()), "{proposed}");
    let second = version(&proposed);
    let (status, refused) = tell(&service, &ray, &second, "approve");
    assert_eq!((status, &refused["state"]), (409, &"proposed".into()), "it runs in shadow first");

    // In shadow: what it says leaves nowhere, and is compared.
    assert_eq!(tell(&service, &ann, &second, "shadow").1["state"], "shadow");
    followed(&service, &ann, &second, quarter);
    let said = send(&service, &bank, parts[1]);
    let (under_first, _) = undisturbed(&lines, None);
    let (under_second, alerts_of_second) = undisturbed(&lines, Some(&files));
    assert_eq!(said, under_first[quarter..2 * quarter]);
    let seen = followed(&service, &ann, &second, 2 * quarter);
    assert_eq!((&seen["payments"], &seen["waiting"]), (&quarter.into(), &0.into()));
    assert!(seen["same"].as_u64() < seen["payments"].as_u64(), "{seen}");
    let typologies = seen["typologies"].as_array().expect("a list");
    let fan_out = typologies.iter().find(|it| it["typology"] == "fan-out").expect("it fired");
    assert!(fan_out["counts"]["gone"].as_u64() > Some(0), "{fan_out}");
    assert_eq!(fan_out["counts"]["alerts_shadow"], 0);

    // Approved by another person, and killed right after.
    assert_eq!(tell(&service, &ann, &second, "approve").0, 403);
    let (status, active) = tell(&service, &ray, &second, "approve");
    assert_eq!((status, &active["state"]), (200, &"active".into()), "{active}");
    assert_eq!(
        (&active["active_from_place"], &active["approved_by"]),
        (&(2 * quarter).into(), &"ray".into())
    );
    let half = send(&service, &bank, &parts[2][..quarter / 2]);
    drop(service);
    let service = Service::start(&folder);
    assert_eq!(version_of_active(&service, &ann), second);
    let said = send(&service, &bank, parts[2]);
    assert_eq!(said[..quarter / 2], half, "what was said is said again");
    assert_eq!(said, under_second[2 * quarter..3 * quarter]);

    // Taken back in one step: the former one ran on beside it, before the kill and after.
    followed(&service, &ann, &first, 3 * quarter);
    let (status, back) = tell(&service, &ray, &first, "roll_back");
    assert_eq!((status, &back["active_from_place"]), (200, &(3 * quarter).into()), "{back}");
    let said = send(&service, &bank, &lines[3 * quarter..]);
    assert_eq!(said, under_first[3 * quarter..]);
    let rules = service.json("/v1/rules", &ray);
    let states = rules["versions"].as_array().expect("a list").iter();
    let states: Vec<_> = states.map(|it| (version(it), it["state"].clone())).collect();
    assert_eq!(states, [(first.clone(), "active".into()), (second.clone(), "retired".into())]);

    // Everything can still be computed anew.
    let trail = service.json("/v1/audit?limit=100", &admin).to_string();
    for action in ["propose", "shadow", "approve", "roll_back", "activate"] {
        assert!(trail.contains(&format!("\"rules.{action}\"")), "{action}: {trail}");
    }
    service.stop();
    let verified = folder.well("verify --data data");
    let wanted = format!("verdicts={} different=0", lines.len());
    assert!(verified.text().contains(&wanted), "{}", verified.text());
    for version in [&first, &second] {
        assert!(verified.err.contains(&format!("version {version}")), "{}", verified.err);
    }
    for place in [quarter, 2 * quarter, 3 * quarter] {
        let payment: Value = serde_json::from_str(&lines[place]).expect("JSON");
        let id = payment["id"].as_str().expect("an id");
        folder.well(&format!("explain {id} --data data"));
    }
    drop(alerts_of_second);
}

#[test]
fn in_a_long_log_a_shadow_begins_where_nothing_before_is_in_sight_and_so_does_a_start_after_it() {
    let folder = Folder::new();
    let [ann, ray, bank, _] = who(&folder);
    let lines = world(&folder);
    let third = lines.len() / 3;
    let many = |least: u32| SHORT.replace(">= 3", &format!(">= {least}"));
    folder.write("own/many.toml", many(3));
    let start = || Service::start_with(&folder, &["--typologies", "own"]);
    let service = start();
    // Rules begin between two batches: there are some.
    send_all(&service, &bank, &lines[..third]);
    let files = json!([{ "name": "many.toml", "text": many(2) }]);
    let proposal = json!({ "files": files, "note": "two are enough" });
    let second = version(&post(&service, &ann, "/v1/rules", &proposal).1);
    assert_eq!(tell(&service, &ann, &second, "shadow").0, 200);
    followed(&service, &ann, &second, third);
    let begins = format!("data/rules/{second}/begins.json");
    let begun: Value = serde_json::from_str(&folder.text(&begins)).expect("JSON");
    assert!(begun["from_place"].as_u64() > Some(0), "{begun}");
    assert_eq!(tell(&service, &ray, &second, "approve").1["state"], "active");
    let (wanted, _) = undisturbed(&lines, Some(&files));
    let said = send_all(&service, &bank, &lines[third..2 * third]);
    assert_eq!(said, wanted[third..2 * third]);
    service.stop();
    std::fs::remove_dir_all(folder.path("data/snapshots")).expect("it is there");
    let service = start();
    assert_eq!(version_of_active(&service, &ann), second);
    assert_eq!(send_all(&service, &bank, &lines[2 * third..]), wanted[2 * third..]);
    // A backtest of the last days begins there too, and says of them what one of all days says.
    let files = json!([{ "name": "many.toml", "text": many(3) }]);
    let [whole, last] = [366, 4].map(|days| {
        let done = backtested(&service, &ann, &json!({ "files": &files, "days": days }));
        assert_eq!(done["phase"], "done", "{done}");
        done
    });
    let days = last["days"].as_array().expect("a list");
    let all = whole["days"].as_array().expect("a list");
    assert!(days.len() > 1 && days.len() < all.len(), "{last}");
    assert!(last["payments"].as_u64() < whole["payments"].as_u64());
    // The first of them is a part of a day.
    assert_eq!(days[1..], all[all.len() + 1 - days.len()..]);
    service.stop();
    let verified = folder.well("verify --data data");
    let all = format!("verdicts={} different=0", lines.len());
    assert!(verified.text().contains(&all), "{}", verified.text());
}

#[test]
fn alerts_of_new_rules_reach_the_register_and_a_kill_takes_none() {
    let folder = Folder::new();
    let [ann, ray, bank, admin] = who(&folder);
    let lines = world(&folder);
    let half = lines.len() / 2;
    let service = Service::start(&folder);
    send(&service, &bank, &lines[..half]);
    let files = changed(&service, &admin);
    let proposal = json!({ "files": files, "note": "fewer payers are enough" });
    let second = version(&post(&service, &admin, "/v1/rules", &proposal).1);
    assert_eq!(tell(&service, &ann, &second, "shadow").0, 200);
    let (status, refused) = tell(&service, &admin, &second, "approve");
    assert_eq!(status, 403, "whoever proposed it does not approve it: {refused}");
    // It need not have caught up: it becomes active once it has.
    let (status, active) = tell(&service, &ray, &second, "approve");
    assert_eq!((status, &active["state"]), (200, &"active".into()), "{active}");
    drop(service);
    let service = Service::start(&folder);
    send(&service, &bank, &lines[half..]);
    let (_, wanted) = undisturbed(&lines, Some(&files));
    let alerts = json!(alike(&service.alerts(&ray)));
    let wanted = wanted.as_object().expect("an object");
    assert!(wanted.len() > 20, "{}", wanted.len());
    for (id, alert) in wanted {
        assert_eq!(&alerts[id], alert, "{id}");
    }
}

#[test]
fn rules_are_checked_and_tried_as_one_types() {
    let folder = Folder::new();
    let [ann, _, bank, _] = who(&folder);
    let service = Service::start(&folder);
    let files = changed(&service, &ann);
    let check = |files: &Value| post(&service, &ann, "/v1/rules/check", &json!({ "files": files }));
    assert_eq!(check(&files), (200, json!({ "findings": [] })));
    let mut wrong = files.clone();
    let text = wrong[0]["text"].as_str().expect("a text").replacen("action", "acton", 1);
    wrong[0]["text"] = text.into();
    let (status, told) = check(&wrong);
    let finding = &told["findings"][0];
    assert_eq!((status, &finding["file"]), (200, &files[0]["name"]), "{told}");
    assert!(finding["line"].as_u64() > Some(1) && finding["hint"].is_string(), "{finding}");
    let (_, tried) = post(&service, &ann, "/v1/rules/test", &json!({ "files": files }));
    let tests = tried["tests"].as_array().expect("a list");
    assert!(tests.len() > 20 && tests.iter().all(|test| test["passed"] == true), "{tried}");
    for name in ["../x.toml", "x.sh", "X.toml", ".toml", ""] {
        let files = json!([{ "name": name, "text": "" }]);
        assert_eq!(check(&files).0, 400, "{name}");
    }
    // A backtest over the last days of what was paid: counts are those of the log run anew.
    let lines = world(&folder);
    send(&service, &bank, &lines);
    let body = json!({ "files": files, "days": 366 });
    let done = backtested(&service, &ann, &body);
    assert_eq!((&done["of"], &done["phase"]), (&lines.len().into(), &"done".into()), "{done}");
    assert_eq!(done["payments"], lines.len());
    let sum = |side: &str| {
        let days = done["days"].as_array().expect("a list").iter();
        days.filter_map(|day| day[side].as_u64()).sum::<u64>()
    };
    let (_, alerts) = undisturbed(&lines, None);
    let (_, changed) = undisturbed(&lines, Some(&files));
    let count = |alerts: &Value| alerts.as_object().map(|it| it.len() as u64);
    assert_eq!(Some(sum("active")), count(&alerts));
    assert_eq!(Some(sum("candidate")), count(&changed));
    let large = json!([{ "name": "a.toml", "text": "#".repeat(70_000) }]);
    assert_eq!(check(&large).0, 400);
}

/// What a backtest within the service says at its end.
fn backtested(service: &Service, key: &str, body: &Value) -> Value {
    let (status, begun) = post(service, key, "/v1/rules/backtest", body);
    assert_eq!(status, 202, "{begun}");
    loop {
        let seen = service.json("/v1/rules/backtest", key);
        if seen["phase"] != "running" {
            return seen;
        }
        std::thread::yield_now();
    }
}

/// The entries of the trail that say that a version became active.
fn activations(service: &Service, admin: &str) -> Value {
    service.json("/v1/audit?action=rules.activate", admin)["entries"].clone()
}

#[test]
fn that_rules_became_active_is_in_the_trail_once_whenever_it_happens() {
    let folder = Folder::new();
    let [ann, _, bank, admin] = who(&folder);
    let lines = world(&folder);
    let service = Service::start(&folder);
    send(&service, &bank, &lines[..50]);
    let proposal = json!({ "files": changed(&service, &ann), "note": "fewer payers are enough" });
    let second = version(&post(&service, &ann, "/v1/rules", &proposal).1);
    assert_eq!(tell(&service, &ann, &second, "shadow").0, 200);
    followed(&service, &ann, &second, 50);
    service.stop();
    let file = "data/rules/versions.json";
    let mut kept: Value = serde_json::from_str(&folder.text(file)).expect("JSON");
    // As a kill leaves it between what somebody said and what comes of it.
    kept["pending"] = json!({ "version": second, "command": "approve", "by": "ray",
        "at": "2026-03-01T09:30:00Z", "reason": "as we agreed" });
    folder.write(file, kept.to_string());
    let service = Service::start(&folder);
    while activations(&service, &admin) == json!([]) {
        std::thread::yield_now();
    }
    let noted = activations(&service, &admin);
    assert_eq!(noted[0]["object"], second, "{noted}");
    assert_eq!(
        (&noted[0]["actor"], &noted[0]["detail"]["by"], &noted[0]["detail"]["from_place"]),
        (&"shroff".into(), &"ray".into(), &50.into())
    );
    assert_eq!(version_of_active(&service, &ann), second);
    service.stop();
    // As a kill leaves it between the trail and the file.
    let mut kept: Value = serde_json::from_str(&folder.text(file)).expect("JSON");
    assert_eq!(kept.get("activated"), None, "{kept}");
    kept["activated"] = json!([{ "version": second, "from_place": 50, "by": "ray",
        "at": "2026-03-01T09:30:00Z" }]);
    folder.write(file, kept.to_string());
    let service = Service::start(&folder);
    let is_open = || folder.text(file).contains("activated");
    while is_open() {
        std::thread::yield_now();
    }
    assert_eq!(activations(&service, &admin), noted, "once is enough");
    service.stop();
    folder.well("audit verify --data data");
}
