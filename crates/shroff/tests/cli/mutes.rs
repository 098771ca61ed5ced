//! A typology muted for an account: what it keeps back is counted, and it ends.

use std::fmt::Write as _;

use crate::door::{Folder, ledger};

/// Six payers of H in a day, after a quiet month, on the last of January.
fn folder(mutes: &str) -> Folder {
    let mut table = String::from("day from to eur");
    table.push_str("\n0 Z Y 20.00");
    for (at, payer) in ["A", "B", "C", "D", "E", "F"].iter().enumerate() {
        write!(table, "\n30 {payer} H {}.10", 4_000 + at * 7).expect("a text");
    }
    let folder = Folder::with("in.csv", ledger(&table));
    folder.write("mutes.toml", mutes);
    folder
}

fn fan_ins(folder: &Folder, more: &str) -> (u64, serde_json::Value) {
    let run = folder.well(&format!("scan in.csv --json {more}")).json();
    (run["alerts_by_typology"]["fan-in"].as_u64().expect("a count"), run)
}

const MUTE: &str = "[[mute]]\ntypology = \"fan-in\"\naccount = \"H\"\nowner = \"m.jansen\"\n\
                    reason = \"collects rents\"\n";

#[test]
fn a_mute_keeps_back_what_it_names_until_it_ends_and_is_told() {
    let folder = folder(&format!("{MUTE}until = 2024-01-31\n"));
    let (without, free) = fan_ins(&folder, "");
    let (with, run) = fan_ins(&folder, "--mutes mutes.toml");
    assert_eq!((without, with), (1, 0), "the last day is muted as a whole");
    let mutes = run["mutes"].as_array().expect("a list");
    assert_eq!(mutes.len(), 1);
    let kept_back = mutes[0]["hits"].as_u64().expect("a count");
    assert!(kept_back > 0);
    assert_eq!(run["counts"]["rule_hits_muted"], kept_back);
    assert_eq!(
        free["counts"]["rule_hits"].as_u64().expect("a count"),
        run["counts"]["rule_hits"].as_u64().expect("a count") + kept_back,
        "no hit is lost"
    );
    assert_eq!(mutes[0]["owner"], "m.jansen");
    let account = mutes[0]["account"].as_str().expect("a name");
    assert_ne!(account, "H", "accounts are tokens");
    let told = folder.well("scan in.csv --mutes mutes.toml").err;
    assert!(told.contains("m.jansen") && told.contains("collects rents"), "{told}");

    // A token means the account as well as its name does.
    let by_token = MUTE.replace("\"H\"", &format!("\"{account}\""));
    folder.write("mutes.toml", format!("{by_token}until = 2024-01-31\n"));
    assert_eq!(fan_ins(&folder, "--mutes mutes.toml").0, 0);
}

#[test]
fn a_mute_of_another_typology_or_time_keeps_nothing_back() {
    for (from, to) in [
        ("\"fan-in\"", "\"fan-out\""),
        ("until = 2024-01-31", "until = 2024-01-30"),
        ("until = 2024-01-31", "from = 2024-02-01\nuntil = 2024-02-15"),
        ("\"H\"", "\"Y\""),
        ("\"H\"", "\"nobody\""),
    ] {
        let folder = folder(&format!("{MUTE}until = 2024-01-31\n").replace(from, to));
        assert_eq!(fan_ins(&folder, "--mutes mutes.toml").0, 1, "{to}");
    }
}

#[test]
fn a_mute_without_owner_reason_or_end_is_refused_with_its_place() {
    for (text, why) in [
        (format!("{MUTE}until = 2024-01-15\n").replace("m.jansen", " "), "`owner` is empty"),
        (format!("{MUTE}until = 2024-01-15\n").replace("collects rents", ""), "`reason` is empty"),
        (MUTE.to_owned(), "until"),
        (format!("{MUTE}until = 2024-01-15\n").replace("fan-in", "fan-inn"), "rules list"),
        (format!("{MUTE}from = 2024-02-01\nuntil = 2024-01-15\n"), "before it begins"),
    ] {
        let folder = folder(&text);
        let ran = folder.run("scan in.csv --mutes mutes.toml");
        assert_eq!(ran.code, Some(2), "{text}");
        assert!(ran.err.contains(why) && ran.err.contains("mutes.toml"), "{text}: {}", ran.err);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
    }
}
