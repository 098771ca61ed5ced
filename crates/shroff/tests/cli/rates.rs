//! Several currencies: converted exactly by dated rates, or said to be at face value.

use expect_test::expect;

use crate::door::Folder;

const LEDGER: &str = "id,time,debtor,creditor,amount,currency
1,2024-01-01T08:00:00Z,A,B,1000.00,USD
2,2024-01-01T09:00:00Z,B,C,950.05,EUR
3,2024-02-01T10:00:00Z,P,Q,100000,JPY
4,2024-02-02T10:00:00Z,Q,R,333.33,USD
5,2024-02-03T10:00:00Z,R,P,0.07,USD
";

const RATES: &str = "date,currency,rate_in_EUR
2024-01-01,USD,0.955
2024-02-01,USD,0.925
2024-02-02,USD,0.905
2024-01-15,JPY,0.0064
";

fn cycle(folder: &Folder, words: &str) -> (String, String) {
    let alerts = folder.scan(words);
    let cycle = alerts.iter().find(|alert| alert.typology == "cycle").expect("a cycle");
    assert_eq!(cycle.payments, ["3", "4", "5"]);
    (cycle.amount.clone(), cycle.currency.clone())
}

#[test]
fn amounts_are_converted_at_the_last_rate_on_or_before_their_day_half_to_even() {
    let folder = Folder::with("in.csv", LEDGER);
    folder.write("rates.csv", RATES);
    // 640.00, and 333.33 at 0.905 is 301.66365, and 0.07 is 0.06335: cents each.
    assert_eq!(cycle(&folder, "in.csv --rates rates.csv"), ("941.72".into(), "EUR".into()));
    // 950.05 of 955.00 is 99.5 %: it passes through, which without rates is 95 %.
    let alerts = folder.alerts("report");
    let through = alerts.iter().find(|alert| alert.typology == "pass-through").expect("one");
    assert_eq!(through.payments, ["1", "2"]);
    assert_eq!(through.amount, "1905.05");
    let ran = folder.well("scan in.csv --rates rates.csv --out report --json");
    assert_eq!(ran.json()["settings"]["base_currency"], "EUR");
    let ran = folder.well("scan in.csv --rates rates.csv --out report");
    assert!(ran.err.contains("converted into EUR"), "{}", ran.err);
    assert!(folder.text("report/report.html").contains("converted into EUR"));
}

#[test]
fn the_base_may_be_named_beside_the_table_and_must_not_contradict_it() {
    let folder = Folder::with("in.csv", LEDGER);
    folder.write("rates.csv", RATES.replace("rate_in_EUR", "rate"));
    assert_eq!(cycle(&folder, "in.csv --rates rates.csv --base EUR").0, "941.72");
    let ran = folder.run("scan in.csv --rates rates.csv --out report");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    folder.write("rates.csv", RATES);
    let ran = folder.run("scan in.csv --rates rates.csv --base USD --out report");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let ran = folder.run("scan in.csv --base USD --out report");
    assert_eq!(ran.code, Some(2), "a base without rates: {}", ran.err);
}

#[test]
fn a_payment_without_a_rate_is_set_aside_with_the_reason() {
    let folder = Folder::with(
        "in.csv",
        format!("{LEDGER}6,2023-12-31T10:00:00Z,A,B,5.00,USD\n7,2024-02-04,A,B,5.00,GBP\n"),
    );
    folder.write("rates.csv", RATES);
    let ran = folder.run("scan in.csv --rates rates.csv --out report --max-bad 50%");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let rows: Vec<String> =
        folder.rows("report/quarantine.csv").iter().map(|row| row.join(" | ") + "\n").collect();
    expect![[r#"
        file | line | column | value | reason | hint
        in.csv | 7 | amount | 5.00 USD | the first rate for USD is of 2024-01-01, after the payment | add a rate of that currency and day to the table of --rates
        in.csv | 8 | amount | 5.00 GBP | the table of rates has none for GBP | add a rate of that currency and day to the table of --rates
    "#]].assert_eq(&rows.concat());
    let ran = folder.run("scan in.csv --rates rates.csv --out report");
    assert_eq!(ran.code, Some(1), "two of seven are more than one in a hundred: {}", ran.err);
}

#[test]
fn without_rates_amounts_stand_at_face_value_and_that_is_said() {
    let folder = Folder::with("in.csv", LEDGER);
    assert_eq!(cycle(&folder, "in.csv"), ("100333.40".into(), "XXX".into()));
    let ran = folder.well("scan in.csv --out report");
    for said in ["3 currencies", "no --rates", "face value", "EUR, JPY, USD"] {
        assert!(ran.err.contains(said), "`{said}`: {}", ran.err);
        assert!(folder.text("report/report.html").contains(said), "`{said}`: not in the report");
    }
    let one = "id,time,debtor,creditor,amount,currency\n1,2024-01-01,A,B,1.00,EUR\n";
    let ran = Folder::with("in.csv", one).well("scan in.csv --out report");
    assert!(!ran.err.contains("currenc"), "{}", ran.err);
}
