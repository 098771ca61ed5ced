//! Precision, recall and burden, counted once more from the alerts and the raw files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::door::{Alert, Folder, beside, shown};

/// What a file says of a payment, read without the program.
#[derive(Debug, Clone)]
struct Row {
    ends: [String; 2],
    labelled: bool,
    typology: Option<(String, String)>,
}

/// All that figures are counted from.
struct Truth {
    /// By the payment's id.
    rows: BTreeMap<String, Row>,
    /// Accounts that are labelled themselves, where payments are not.
    guilty: Option<BTreeSet<String>>,
    accounts: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share(u64, u64);

impl Share {
    fn count(&mut self, is_part: bool) {
        self.0 += u64::from(is_part);
        self.1 += 1;
    }

    fn of(items: impl IntoIterator<Item = bool>) -> Share {
        let mut share = Share::default();
        items.into_iter().for_each(|is_part| share.count(is_part));
        share
    }

    fn json(self) -> Value {
        json!({ "part": self.0, "whole": self.1 })
    }
}

impl Truth {
    fn new(rows: BTreeMap<String, Row>, guilty: Option<BTreeSet<String>>) -> Truth {
        let accounts = rows.values().flat_map(|row| row.ends.clone()).collect();
        Truth { rows, guilty, accounts }
    }

    fn is_labelled(&self, row: &Row) -> bool {
        match &self.guilty {
            Some(guilty) => row.ends.iter().all(|end| guilty.contains(end)),
            None => row.labelled,
        }
    }

    /// The figures as `--json` gives them.
    fn figures(&self, alerts: &[Alert]) -> Value {
        let row = |id: &String| &self.rows[id.rsplit(':').next().expect("a name")];
        let touched: BTreeSet<String> = self.guilty.clone().unwrap_or_else(|| {
            let bad = self.rows.values().filter(|row| row.labelled);
            bad.flat_map(|row| row.ends.clone()).collect()
        });
        let mut payments: BTreeSet<&str> = BTreeSet::new();
        let mut accounts: BTreeSet<String> = BTreeSet::new();
        let mut by_alert: BTreeMap<&str, Share> = BTreeMap::new();
        for alert in alerts {
            payments.extend(alert.payments.iter().map(|id| id.rsplit(':').next().expect("a name")));
            let ends: BTreeSet<String> =
                alert.payments.iter().flat_map(|id| row(id).ends.clone()).collect();
            let is_right = match &self.guilty {
                Some(guilty) => ends.iter().any(|end| guilty.contains(end)),
                None => alert.payments.iter().any(|id| row(id).labelled),
            };
            by_alert.entry(&alert.typology).or_default().count(is_right);
            let given: BTreeSet<String> = alert.accounts.iter().cloned().collect();
            assert_eq!(given, ends, "{}: its accounts are those of its payments", alert.id);
            accounts.extend(ends);
        }
        let precision = Share::of(payments.iter().map(|&id| self.is_labelled(&self.rows[id])));
        let labelled = self.rows.iter().filter(|(_, row)| self.is_labelled(row));
        let recall = Share::of(labelled.map(|(id, _)| payments.contains(id.as_str())));
        let right = Share::of(accounts.iter().map(|account| touched.contains(account)));
        let found = Share::of(touched.iter().map(|account| accounts.contains(account)));
        let wrongly = right.1 - right.0;
        let alerted = by_alert.values().fold(Share::default(), |a, b| Share(a.0 + b.0, a.1 + b.1));
        let by_alert: BTreeMap<_, _> = by_alert.iter().map(|(k, v)| (k, v.json())).collect();
        json!({
            "labels_on": if self.guilty.is_some() { "accounts" } else { "payments" },
            "payment_precision": precision.json(),
            "payment_recall": recall.json(),
            "alert_precision": alerted.json(),
            "account_precision": right.json(),
            "account_recall": found.json(),
            "alerts_per_1000_accounts": per_thousand(alerts.len(), self.accounts.len()),
            "accounts_alerted_wrongly": wrongly,
            "wrongly_per_1000_innocent":
                per_thousand(usize::try_from(wrongly).expect("few"), self.accounts.len() - touched.len()),
            "by_typology": self.by_typology(&payments),
            "by_alert": by_alert,
        })
    }

    fn by_typology(&self, alerted: &BTreeSet<&str>) -> BTreeMap<String, Value> {
        let mut attempts: BTreeMap<(String, String), Share> = BTreeMap::new();
        for (id, row) in self.rows.iter().filter(|(_, row)| row.labelled) {
            let Some(attempt) = row.typology.clone() else { continue };
            attempts.entry(attempt).or_default().count(alerted.contains(id.as_str()));
        }
        let mut rows: BTreeMap<String, [Share; 3]> = BTreeMap::new();
        for ((typology, _), share) in attempts {
            let [payments, touched, half] = rows.entry(typology).or_default();
            *payments = Share(payments.0 + share.0, payments.1 + share.1);
            touched.count(share.0 > 0);
            half.count(2 * share.0 >= share.1);
        }
        let told = |[payments, touched, half]: [Share; 3]| {
            json!({
                "payments": payments.json(), "touched": touched.json(), "half": half.json(),
            })
        };
        rows.into_iter().map(|(typology, shares)| (typology, told(shares))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn per_thousand(part: usize, whole: usize) -> f64 {
    1_000.0 * part as f64 / whole as f64
}

/// Scans, and holds the figures against those counted here.
fn check(folder: &Folder, words: &str, truth: &Truth) -> Value {
    let ran = folder.well(&format!("scan {words} --out report --accounts plain --json"));
    let run = ran.json();
    let alerts = folder.alerts("report");
    assert!(!alerts.is_empty(), "there is something to count");
    // As text and back, as those of the run have gone.
    let figures: Value =
        serde_json::from_str(&truth.figures(&alerts).to_string()).expect("what was just written");
    assert_eq!(run["evaluation"], figures, "{words}");
    assert_eq!(run["counts"]["payments"], json!(truth.rows.len()), "{words}");
    assert_eq!(run["counts"]["accounts"], json!(truth.accounts.len()), "{words}");
    run
}

/// A CSV file's rows by their numbers from 1, each as `of` sees it; nothing where it sees none.
fn rows(text: &str, of: impl Fn(&dyn Fn(&str) -> String) -> Option<Row>) -> BTreeMap<String, Row> {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let place = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let numbered = lines.enumerate().filter_map(|(number, fields)| {
        let field = |name: &str| fields[place(name)].to_owned();
        Some(((number + 1).to_string(), of(&field)?))
    });
    numbered.collect()
}

#[test]
fn the_figures_over_amlsim_are_those_of_its_labelled_accounts() {
    let Some(data) = beside("data/amlsim") else { return };
    let [payments, nodes] = ["transactions.csv", "nodes.csv"].map(|name| data.join(name));
    let read = |path| std::fs::read_to_string(path).expect("a sample");
    let rows = rows(&read(&payments), |field| {
        let ends = [field("sourceNodeId"), field("targetNodeId")];
        Some(Row { ends, labelled: false, typology: None })
    });
    let (mut accounts, mut guilty) = (BTreeSet::new(), BTreeSet::new());
    for line in read(&nodes).lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        accounts.insert(fields[0].to_owned());
        if fields[1] == "1" {
            guilty.insert(fields[0].to_owned());
        }
    }
    let mut truth = Truth::new(rows, Some(guilty));
    truth.accounts.extend(accounts);
    let folder = Folder::new();
    let (payments, nodes) = (shown(&payments), shown(&nodes));
    let given = check(&folder, &format!("{payments} {nodes}"), &truth);
    let found = check(&folder, &payments, &truth);
    assert_eq!(given["evaluation"], found["evaluation"], "its nodes.csv is found beside it");
}

#[test]
fn the_figures_over_amlgentex_are_those_of_its_labels_by_attempt() {
    const TYPOLOGIES: [&str; 8] = [
        "FAN-OUT",
        "FAN-IN",
        "CYCLE",
        "BIPARTITE",
        "STACK",
        "RANDOM",
        "SCATTER-GATHER",
        "GATHER-SCATTER",
    ];
    let Some(data) = beside("data/amlgentex/transfers_account_to_account.csv") else { return };
    let rows = rows(&std::fs::read_to_string(&data).expect("a sample"), |field| {
        let ends = [field("nameOrig"), field("nameDest")];
        let amount: f64 = field("amount").parse().expect("a number");
        // The outside is no account, and what is zero in whole cents is no payment.
        if ends.iter().any(|end| end.starts_with('-')) || amount <= 0.005 {
            return None;
        }
        let model: usize = field("modelType").parse().expect("a number");
        let typology = (1..=8).contains(&model).then(|| TYPOLOGIES[model - 1].to_owned());
        let labelled = field("isSAR") == "1";
        Some(Row { ends, labelled, typology: typology.map(|name| (name, field("patternID"))) })
    });
    let truth = Truth::new(rows, None);
    let folder = Folder::new();
    let csv = check(&folder, &shown(&data), &truth);
    let parquet = beside("data/amlgentex/tx_log.parquet").expect("it lies beside the CSV");
    let ran = folder.well(&format!("scan {} --out whole --accounts plain --json", shown(&parquet)));
    assert_eq!(ran.json()["evaluation"], csv["evaluation"], "as Parquet, with the outside");
}

#[test]
fn the_figures_over_a_simulated_world_are_those_of_its_labels() {
    let folder = Folder::new();
    folder.well("simulate --accounts 1500 --payments 20000 --days 100 --seed 4 -o world.csv");
    let text = folder.text("world.csv");
    let rows = rows(&text, |field| {
        let pattern = field("pattern");
        let typology = pattern.split_once(':');
        Some(Row {
            ends: [field("debtor"), field("creditor")],
            labelled: field("label") == "1",
            typology: typology.map(|(number, name)| (name.to_owned(), number.to_owned())),
        })
    });
    // Its ids count from 0.
    let earlier = |id: &str| (id.parse::<u64>().expect("a number") - 1).to_string();
    let rows = rows.into_iter().map(|(id, row)| (earlier(&id), row)).collect();
    let truth = Truth::new(rows, None);
    let run = check(&folder, "world.csv", &truth);
    folder.write("renamed.csv", text.replacen(",label,", ",is_bad,", 1));
    check(&folder, "renamed.csv --label is_bad", &truth);
    let printed = folder.well("scan world.csv --out report");
    let recall = &run["evaluation"]["payment_recall"];
    let of = format!("{} of {} labelled payments", recall["part"], recall["whole"]);
    assert!(printed.text().contains(&of), "`{of}` is not in {}", printed.text());
    for typology in run["evaluation"]["by_typology"].as_object().expect("an object").keys() {
        assert!(printed.text().contains(typology.as_str()), "{typology} is not printed");
    }
    for heading in ["Precision", "Recall", "Burden"] {
        assert!(printed.text().contains(heading), "{heading} is not printed");
        assert!(
            folder.text("report/report.html").contains(heading),
            "{heading}: not in the report"
        );
    }
}

#[test]
fn labels_change_no_alert_and_without_labels_nothing_is_said_of_them() {
    let folder = Folder::new();
    folder.well("simulate --accounts 400 --payments 6000 --days 60 --seed 4 -o world.csv");
    let text = folder.text("world.csv");
    let blind: String = text
        .lines()
        .map(|line| line.splitn(8, ',').take(7).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    folder.write("blind.csv", blind);
    folder.well("scan world.csv --out seeing --accounts plain");
    let ran = folder.well("scan blind.csv --out blind --accounts plain --json");
    assert_eq!(ran.json()["evaluation"], Value::Null);
    assert!(folder.bytes("seeing/alerts.jsonl") == folder.bytes("blind/alerts.jsonl"));
    let ran = folder.well("scan blind.csv --out blind");
    assert!(!ran.text().contains("label"), "{}", ran.text());
    let ran = folder.run("scan world.csv --out seeing --label is_bad");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("`is_bad`") && ran.err.contains("hint:"), "{}", ran.err);
}
