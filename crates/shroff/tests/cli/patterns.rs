//! The genuine attempts of AMLworld: what can be found of them is in alerts of their kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use shroff_types::Timestamp;

use crate::door::{Alert, Folder, beside, shown};

/// One attempt: its kind, and its payments as the file has them.
#[derive(Debug)]
struct Attempt {
    kind: String,
    payments: Vec<Payment>,
}

#[derive(Debug)]
struct Payment {
    /// Its number in the file, from 1, which is its id.
    id: String,
    micros: i64,
    from: String,
    to: String,
}

const DAY: i64 = 86_400_000_000;

fn attempts(text: &str) -> Vec<Attempt> {
    let (mut attempts, mut count) = (Vec::<Attempt>::new(), 0);
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("BEGIN LAUNDERING ATTEMPT - ") {
            let kind = title.split(':').next().expect("a title").trim().to_owned();
            attempts.push(Attempt { kind, payments: Vec::new() });
        } else if !line.is_empty() && !line.starts_with("END") {
            count += 1;
            let fields: Vec<&str> = line.split(',').collect();
            let time = fields[0].replace('/', "-").replace(' ', "T") + ":00Z";
            let payment = Payment {
                id: count.to_string(),
                micros: Timestamp::parse(&time).expect("a time").0,
                from: format!("{}/{}", fields[1], fields[2]),
                to: format!("{}/{}", fields[3], fields[4]),
            };
            attempts.last_mut().expect("a block").payments.push(payment);
        }
    }
    attempts
}

impl Attempt {
    fn ids(&self) -> Vec<&str> {
        self.payments.iter().map(|payment| payment.id.as_str()).collect()
    }

    fn accounts(&self) -> BTreeSet<&str> {
        self.payments.iter().flat_map(|p| [p.from.as_str(), p.to.as_str()]).collect()
    }

    fn length_micros(&self) -> i64 {
        let times = self.payments.iter().map(|payment| payment.micros);
        times.clone().max().expect("payments") - times.min().expect("payments")
    }

    /// Whether its payments, as the file has them, chain in the order of time and close.
    fn chains_and_closes(&self) -> bool {
        let steps = self.payments.windows(2);
        let chain = steps.into_iter().all(|pair| {
            let [before, after] = pair else { unreachable!("two at a time") };
            before.to == after.from && before.micros <= after.micros
        });
        let (first, last) = (&self.payments[0], &self.payments[self.payments.len() - 1]);
        chain && first.from == last.to
    }

    /// The payments that are part of a scatter-gather in the order of time: from the source to a
    /// middle, before one from that middle to the sink.
    fn through(&self) -> Vec<&str> {
        let outs: BTreeMap<&str, usize> = counted(self.payments.iter().map(|p| p.from.as_str()));
        let ins: BTreeMap<&str, usize> = counted(self.payments.iter().map(|p| p.to.as_str()));
        let most = |counts: &BTreeMap<&str, usize>| -> String {
            (*counts.iter().max_by_key(|(_, count)| **count).expect("payments").0).to_owned()
        };
        let (source, sink) = (most(&outs), most(&ins));
        let mut through = Vec::new();
        for first in self.payments.iter().filter(|p| p.from == source) {
            for then in self.payments.iter().filter(|p| p.to == sink && p.from == first.to) {
                if first.micros <= then.micros {
                    through.extend([first.id.as_str(), then.id.as_str()]);
                }
            }
        }
        through
    }
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// What of the attempts must be found, with definitions that look back for so many days.
struct Wanted {
    days: i64,
    longest: usize,
}

/// Holds alerts against attempts; how many of each kind were wanted, or what was missed.
fn check(attempts: &[Attempt], alerts: &[Alert], wanted: Wanted) -> BTreeMap<String, u32> {
    let (mut counts, mut missed) = (BTreeMap::new(), String::new());
    // The rule for cycles asks for strangers: those of others are expected, and may be missed.
    let (mut strangers, mut strangers_lost) = (0, 0);
    let all: Vec<&Payment> = attempts.iter().flat_map(|attempt| &attempt.payments).collect();
    let is_first = |payment: &Payment| {
        all.iter().all(|other| {
            (&other.from, &other.to) != (&payment.from, &payment.to)
                || other.micros >= payment.micros
        })
    };
    for (number, attempt) in attempts.iter().enumerate() {
        let in_time = attempt.length_micros() < wanted.days * DAY;
        let large = attempt.accounts().len() >= 5;
        // Some hubs hold two accounts, one of them for Bitcoin: those are two fans.
        let is_one = |end: fn(&Payment) -> &str| {
            attempt.payments.iter().all(|payment| end(payment) == end(&attempt.payments[0]))
        };
        let ids = match attempt.kind.as_str() {
            "CYCLE"
                if attempt.chains_and_closes()
                    && (3..=wanted.longest).contains(&attempt.payments.len()) =>
            {
                attempt.ids()
            }
            "FAN-IN" if large && is_one(|payment| &payment.to) => attempt.ids(),
            "FAN-OUT" if large && is_one(|payment| &payment.from) => attempt.ids(),
            "SCATTER-GATHER" if large => attempt.through(),
            _ => continue,
        };
        if !in_time {
            continue;
        }
        *counts.entry(attempt.kind.clone()).or_default() += 1;
        let of_strangers = attempt.kind != "CYCLE" || attempt.payments.iter().all(is_first);
        strangers += u32::from(of_strangers);
        let holds = |alert: &&Alert| {
            let has = |id: &&str| alert.payments.iter().any(|payment| payment == id);
            ids.iter().all(has)
        };
        if alerts.iter().find(holds).is_none() {
            strangers_lost += u32::from(of_strangers);
            writeln!(missed, "attempt {number}, {}: {ids:?}", attempt.kind).expect("a text");
        }
    }
    // Four payees at the beginning of the data, where nothing is usual: a few of a hundred.
    assert!(50 * strangers_lost <= strangers, "attempts of strangers in no one alert:\n{missed}");
    let wanted: u32 = counts.values().sum();
    let lost = u32::try_from(missed.lines().count()).expect("few");
    assert!(25 * lost <= wanted, "attempts that are in no one alert, of {wanted}:\n{missed}");
    counts
}

fn sample(name: &str) -> Option<(String, Vec<Attempt>)> {
    let path = beside(&format!("data/amlworld/{name}"))?;
    let attempts = attempts(&std::fs::read_to_string(&path).expect("a sample"));
    Some((shown(&path), attempts))
}

#[test]
fn the_library_finds_every_cycle_that_closes_and_every_fan_in_time() {
    for (name, cycles) in [("HI-Small_Patterns.txt", 30), ("LI-Small_Patterns.txt", 3)] {
        let Some((path, attempts)) = sample(name) else { return };
        let alerts = Folder::new().scan(&path);
        let wanted = check(&attempts, &alerts, Wanted { days: 4, longest: 12 });
        assert!(wanted["CYCLE"] >= cycles, "{wanted:?}");
    }
}

#[test]
fn every_cycle_that_closes_is_short_enough_for_the_library() {
    let Some((_, attempts)) = sample("HI-Small_Patterns.txt") else { return };
    for attempt in attempts.iter().filter(|a| a.kind == "CYCLE" && a.chains_and_closes()) {
        assert!(attempt.payments.len() <= 12 && attempt.length_micros() < 7 * DAY, "{attempt:?}");
    }
}

#[test]
fn definitions_of_ones_own_add_features_and_silence_no_rule() {
    let Some((path, _)) = sample("LI-Small_Patterns.txt") else { return };
    let own = "[[feature]]\nkind = \"ring\"\nwindow = \"2d\"\nlongest = 3\n";
    let folder = Folder::with("own.toml", own);
    let ours = folder.scan(&path);
    let alerts = folder.scan(&format!("{path} --definitions own.toml"));
    assert!(!ours.is_empty());
    let ids = |alerts: &[Alert]| alerts.iter().map(|alert| alert.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&ours), ids(&alerts));
}
