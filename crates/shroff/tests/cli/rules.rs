//! `shroff rules`, as an analyst uses it: copy a typology, break it, read the errors, mend it.

use std::path::Path;

use crate::door::Folder;

#[test]
fn every_example_of_the_library_gives_its_alerts_and_no_others() {
    let told = Folder::new().well("rules test --json").json();
    assert_eq!(told["failed"], serde_json::json!([]));
    assert_eq!(told["without_look_alike"], serde_json::json!([]), "each has a look-alike");
    assert!(told["tests"].as_u64().is_some_and(|tests| tests >= 40), "{told}");
}

#[test]
fn nothing_is_wrong_in_the_library_and_each_has_parameters_with_a_range() {
    let folder = Folder::new();
    let told = folder.well("rules check --json").json();
    assert_eq!(told["errors"], serde_json::json!([]));
    let list = folder.well("rules list --json").json();
    let list = list.as_array().expect("a list");
    assert!(list.len() >= 16);
    for typology in list {
        let parameters = typology["parameters"].as_object().expect("parameters");
        assert!(!parameters.is_empty(), "{typology}");
    }
}

/// A folder with the text of a built-in typology, changed.
fn changed(id: &str, changes: &[(&str, &str)]) -> Folder {
    let mut text = Folder::new().well(&format!("rules show {id}")).text().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{id} has no `{from}`");
        text = text.replacen(from, to, 1);
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.path("mine")).expect("a folder");
    folder.write(&format!("mine/{id}.toml"), text);
    folder
}

#[test]
fn another_threshold_is_tried_on_the_payments_looked_at() {
    let folder = changed("layering-chain", &[]);
    folder.write(
        "in.csv",
        crate::door::ledger("hour from to eur\n0 A B 60000\n1 B C 59000\n2 C D 58000\n3 D E 57000"),
    );
    let told = |least: u32, code: i32| {
        let ran = folder.run(&format!(
            "rules check --typologies mine --json --observed in.csv --set layering-chain.least_amount={least}"
        ));
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        ran.json()["errors"].as_array().expect("a list").clone()
    };
    assert!(told(60_000, 0).is_empty());
    let [error] = &told(60_001, 1)[..] else { panic!("one error") };
    let what = error["what"].as_str().expect("a text");
    assert!(what.contains("amount >= least_amount") && what.contains("60,000"), "{what}");
    let ran =
        folder.run("rules check --typologies mine --observed in.csv --set layering-chain.most=1");
    assert!(ran.code == Some(2) && ran.err.contains("most"), "{}", ran.err);
}

#[test]
fn a_threshold_that_no_payment_reaches_is_told_with_what_the_values_are() {
    let folder =
        changed("layering-chain", &[("AND amount >= least_amount", "AND amount / 2 >= 30001")]);
    // A, B and C pass on most of what they get; the largest payment is 60,000.
    folder.write(
        "in.csv",
        crate::door::ledger("hour from to eur\n0 A B 60000\n1 B C 59000\n2 C D 58000\n3 D E 57000"),
    );
    let errors = |words: &str, code: i32| {
        let ran = folder.run(&format!("rules check --typologies mine --json {words}"));
        assert_eq!(ran.code, Some(code));
        ran.json()["errors"].as_array().expect("a list").clone()
    };
    assert!(errors("", 0).is_empty(), "it is a rule as any other");
    let told = errors("--observed in.csv", 1);
    let of_amount: Vec<_> = told
        .iter()
        .filter(|error| error["what"].as_str().expect("a text").contains("amount / 2 >= 30001"))
        .collect();
    let [error] = of_amount.as_slice() else { panic!("one error: {told:?}") };
    let what = error["what"].as_str().expect("a text");
    assert!(what.contains("none of the 4 payments"), "{what}");
    assert!(what.contains("`amount / 2` lies between 28,500 and 30,000"), "{what}");
    let line = folder.text("mine/layering-chain.toml");
    let line = line.lines().position(|line| line.contains("amount / 2")).expect("it is there") + 1;
    assert_eq!(error["line"], line);

    let reached = folder.text("mine/layering-chain.toml").replace("30001", "30000");
    folder.write("mine/layering-chain.toml", reached);
    assert!(errors("--observed in.csv", 0).is_empty(), "the threshold is reached now");

    let late =
        folder.text("mine/layering-chain.toml").replace("amount / 2 >= 30000", "hour(time) = 23");
    folder.write("mine/layering-chain.toml", late);
    assert_eq!(errors("--observed in.csv", 1).len(), 1, "payments come from midnight on");
    assert!(
        errors("--observed in.csv --time-zone -01:00", 0).is_empty(),
        "an hour before it there"
    );
}

#[test]
fn a_typology_broken_in_five_ways_is_told_all_five_at_their_places() {
    let folder = changed(
        "layering-chain",
        &[
            ("chain_depth_24h >= least_hops", "chain_dept_24h >= least_hops"),
            ("AND amount >= least_amount", "AND amount > 'much'"),
            ("AND pair_count_45d = 1", "AND religion = 'x'"),
            ("{chain_depth_24h} payments", "{creditor_in_fan_9d} payments"),
        ],
    );
    let copy = folder.text("mine/layering-chain.toml").replace("sources = [", "sources  = [");
    folder.write("mine/copy.toml", copy);
    let ran = folder.run("rules check --typologies mine --json");
    assert_eq!(ran.code, Some(1));
    let told = ran.json();
    let errors = told["errors"].as_array().expect("a list");
    let has = |file: &str, what: &str| {
        errors.iter().any(|e| {
            let line = e["line"].as_u64().unwrap_or(0);
            let ends = e["file"].as_str().is_some_and(|name| name.ends_with(file));
            let text = format!("{} {}", e["what"], e["hint"]);
            ends && line > 1 && text.contains(what)
        })
    };
    assert!(has("layering-chain.toml", "chain_dept_24h"), "{told:#}");
    assert!(has("layering-chain.toml", "cannot compare a real number with text"), "{told:#}");
    assert!(has("layering-chain.toml", "`religion` cannot be used"), "{told:#}");
    assert!(has("layering-chain.toml", "creditor_in_fan_9d"), "{told:#}");
    assert!(has("layering-chain.toml", "no block makes it: add [[feature]]"), "{told:#}");
    let twice = errors.iter().find(|e| e["key"] == "id").expect("two files of one id");
    assert!(
        twice["what"].as_str().is_some_and(|what| what.contains("layering-chain.toml")),
        "{twice}"
    );
    assert!(twice["file"].as_str().is_some_and(|file| file.ends_with("copy.toml")), "{twice}");
}

#[test]
fn a_scan_with_typologies_that_are_wrong_does_nothing_and_says_where() {
    let folder = changed("layering-chain", &[("AND pair_count_45d = 1", "AND religion = 'x'")]);
    folder.write("in.csv", "id,time,debtor,creditor,amount,currency\n1,0,A,B,5,EUR\n");
    let ran = folder.run("scan in.csv --typologies mine");
    assert_eq!(ran.code, Some(2));
    let story = ran.story();
    assert!(story.contains("layering-chain.toml:") && story.contains("religion"), "{story}");
    assert!(!folder.path("shroff-report").join("alerts.jsonl").exists());
}

#[test]
fn an_example_that_gives_other_alerts_is_told_with_both() {
    let folder = changed("layering-chain", &[("alerts = [\"1-4\"]", "alerts = [\"1-3\"]")]);
    let ran = folder.run("rules test --typologies mine");
    assert_eq!(ran.code, Some(1));
    let story = ran.text();
    assert!(story.contains("must:  [1-3]") && story.contains("gives: [1-4]"), "{story}");
}

#[test]
fn a_parameter_is_set_for_one_scan_and_must_be_in_its_range() {
    let table = "hour from to eur\n0 A B 400\n3 B C 390\n9 C D 380\n20 D E 350";
    let folder = Folder::with("in.csv", crate::door::ledger(table));
    let chains = |words: &str| {
        let alerts = folder.scan(&format!("in.csv {words}"));
        alerts.iter().filter(|alert| alert.typology == "layering-chain").count()
    };
    assert_eq!(chains(""), 1);
    assert_eq!(chains("--set layering-chain.least_hops=5"), 0);
    for (set, hint) in [
        ("layering-chain.least_hops=11", "it is 2 to 10 payments"),
        ("layering-chain.most=11", "there are `least_amount`, `least_hops`"),
        ("layering.least_hops=4", "`shroff rules list` names them"),
        ("least_hops", "as in --set fan-in.least_payers=6"),
    ] {
        let ran = folder.run(&format!("scan in.csv --set {set}"));
        assert_eq!(ran.code, Some(2), "{set}");
        assert!(ran.story().contains(hint), "{}", ran.story());
    }
}

#[test]
fn rules_ask_the_institutions_clock_for_the_hour_and_a_hold_needs_its_score() {
    let folder = changed(
        "layering-chain",
        &[
            ("chain_depth_24h >= least_hops", "hour(time) = 21"),
            ("action = \"review\"", "action = \"hold\""),
        ],
    );
    // 20:00 UTC on the first day.
    folder.write("in.csv", crate::door::ledger("hour from to eur\n20 D E 350"));
    let scan = |words: &str| folder.scan(&format!("in.csv --typologies mine {words}"));
    assert!(scan("").is_empty());
    assert_eq!(scan("--time-zone +01:00").len(), 1);
    assert!(scan("--time-zone -01:00").is_empty());
    let suggested = |words: &str, action: &str| {
        folder.well(&format!("scan in.csv -o acts --typologies mine --time-zone +01:00 {words}"));
        folder.text("acts/alerts.jsonl").contains(&format!("\"action\":\"{action}\""))
    };
    assert!(suggested("", "review"));
    assert!(suggested("--hold-from 0.0", "hold"));
    for wrong in ["1", "+1:00", "+15:00", "01:00", "+01:60"] {
        let ran = folder.run(&format!("scan in.csv --time-zone {wrong}"));
        assert_eq!(ran.code, Some(2), "{wrong}");
    }
}

#[test]
fn a_budget_keeps_the_strongest_alerts_and_says_what_it_left_out() {
    let folder = Folder::new();
    folder.well("simulate --accounts 800 --payments 20000 --days 90 --seed 7 -o in.csv");
    let all = folder.scan("in.csv");
    let ran = folder.well("scan in.csv --out kept --budget 0.5");
    let kept = folder.alerts("kept");
    assert!(!kept.is_empty() && kept.len() < all.len());
    let strongest: Vec<f64> = all.iter().take(kept.len()).map(|alert| alert.score).collect();
    assert_eq!(kept.iter().map(|alert| alert.score).collect::<Vec<_>>(), strongest);
    assert!(ran.story().contains("beyond the budget"), "{}", ran.story());
}

#[test]
fn the_pages_of_the_book_are_those_that_the_library_makes() {
    let folder = Folder::new();
    folder.well("rules docs -o pages");
    let book = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/library"));
    let names = folder.list("pages");
    assert!(names.len() > 16);
    for name in names {
        let committed = std::fs::read_to_string(book.join(&name)).unwrap_or_default();
        assert!(
            committed == folder.text(&format!("pages/{name}")),
            "docs/src/library/{name} is old: run `shroff rules docs`"
        );
    }
}
