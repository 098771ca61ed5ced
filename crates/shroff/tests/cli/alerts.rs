//! Small ledgers with a story, and the alerts that they must give or must not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::{Expect, expect};

use crate::door::{Alert, Folder, ledger};

/// Scans a ledger told as a table; alerts come out one a line, by typology.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(table: &str, expected: Expect) {
    let alerts = Folder::with("in.csv", ledger(table)).scan("in.csv");
    expected.assert_eq(&told(&alerts));
}

/// Such a ledger must give none.
fn check_nothing(table: &str) {
    let alerts = Folder::with("in.csv", ledger(table)).scan("in.csv");
    assert_eq!(told(&alerts), "", "{table}");
}

fn told(alerts: &[Alert]) -> String {
    let mut alerts: Vec<&Alert> = alerts.iter().collect();
    alerts.sort_by(|a, b| (&a.typology, &a.id).cmp(&(&b.typology, &b.id)));
    let mut text = String::new();
    for alert in alerts {
        let accounts = alert.accounts.join(" ");
        let payments = alert.payments.join(" ");
        let (typology, amount, currency) = (&alert.typology, &alert.amount, &alert.currency);
        writeln!(text, "{typology}: {accounts}, payments {payments}, {amount} {currency}")
            .expect("a text");
        for reason in &alert.reasons {
            writeln!(text, "  {reason}").expect("a text");
        }
    }
    text
}

#[test]
fn four_accounts_that_pay_one_within_days_are_a_fan_in() {
    check(
        "day from to eur
         0   A    H  310.00
         1   B    H  290.00
         1   C    H  120.50
         2   D    H  99.99",
        expect![""],
    );
}

#[test]
fn four_accounts_paid_by_one_within_days_are_a_fan_out() {
    check(
        "day from to eur
         0   H    A  310.00
         1   H    B  290.00
         1   H    C  120.50
         2   H    D  99.99",
        expect![""],
    );
}

#[test]
fn an_account_that_gathers_and_scatters_is_one_alert_over_both_sides() {
    check(
        "day from to eur
         0   A    H  310.00
         0   B    H  290.00
         1   C    H  120.00
         1   D    H  100.00
         3   H    P  60.00
         3   H    Q  61.00
         4   H    R  62.00
         4   H    S  63.00",
        expect![""],
    );
}

#[test]
fn one_that_pays_three_who_pay_one_is_a_scatter_gather() {
    check(
        "hour from to eur
         0    S    A  310.00
         1    S    B  290.00
         2    S    C  120.00
         30   A    W  250.00
         31   B    W  230.00
         32   C    W  100.00",
        expect![[r#"
            scatter-gather: S A B C W, payments 1 2 3 4 5 6, 1300.00 EUR
              Money of one account reached one other through 3 accounts in between within 7 days, over pairs that had not paid before.
        "#]],
    );
}

#[test]
fn money_that_comes_back_in_the_order_of_time_is_a_cycle() {
    check(
        "day from to eur
         0   A    B  310.00
         1   B    C  200.00
         3   C    A  150.00",
        expect![[r#"
            cycle: A B C, payments 1 2 3, 660.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
        "#]],
    );
}

#[test]
fn what_leaves_as_it_came_is_a_pass_through() {
    check(
        "hour from to eur
         0    A    M  1000.00
         2    M    B  950.00",
        expect![[r#"
            pass-through: A M B, payments 1 2, 1950.00 EUR
              Of what reached the debtor in the 24 hours up to this payment, 95 % has left again.
        "#]],
    );
}

#[test]
fn four_hops_that_each_pass_on_most_of_it_are_a_layering_chain() {
    check(
        "hour from to eur
         0    A    B  400.00
         3    B    C  390.00
         9    C    D  380.00
         20   D    E  350.00",
        expect![[r#"
            layering-chain: A B C D E, payments 1 2 3 4, 1520.00 EUR
              4 payments in a row, each passing on 80 % or more of the one before within 24 hours.
        "#]],
    );
}

#[test]
fn three_payments_just_under_the_threshold_are_structuring() {
    check(
        "day from to eur
         0   A    M  9800.00
         2   A    M  9700.00
         4   A    M  9900.00",
        expect![[r#"
            structuring: A M, payments 1 2 3, 29400.00 EUR
              3 payments of one debtor between 8,000 and 10,000 in the 7 days up to this one, 29,400 in all.
              3 payments to one creditor between 8,000 and 10,000 in the 7 days up to this one, 29,400 in all.
        "#]],
    );
}

#[test]
fn what_looks_a_little_like_it_is_no_alert() {
    // A payment to oneself, a refund of small change, and a payment there alone.
    check_nothing("day from to eur\n0 A A 9000.00\n1 A A 9000.00\n2 A A 9000.00");
    check_nothing("day from to eur\n0 A B 99.00\n1 B A 99.00");
    check_nothing("day from to eur\n0 A B 5000.00");
    // Three payees, three payers, two middles, three hops, two payments near the threshold.
    check_nothing("day from to eur\n0 H A 10.00\n1 H B 20.00\n2 H C 30.00");
    check_nothing("day from to eur\n0 A H 10.00\n1 B H 20.00\n2 C H 30.00");
    check_nothing("day from to eur\n0 S A 40.00\n0 S B 40.00\n2 A W 30.00\n2 B W 30.00");
    check_nothing("hour from to eur\n0 A B 400.00\n3 B C 390.00\n9 C D 380.00");
    check_nothing("day from to eur\n0 A B 9500.00\n2 A B 9600.00");
    // The same people again and again are no fan; a cycle against the order of time is none.
    check_nothing("day from to eur\n0 A H 1.00\n1 A H 1.00\n2 A H 1.00\n3 A H 1.00\n4 A H 1.00");
    check_nothing("day from to eur\n0 C A 300.00\n2 B C 300.00\n4 A B 300.00");
    // Too slow: a cycle over two months, five payers over five weeks, a mule that waits two days.
    check_nothing("day from to eur\n0 A B 300.00\n30 B C 200.00\n60 C A 150.00");
    check_nothing("day from to eur\n0 A H 1.00\n7 B H 1.00\n14 C H 1.00\n21 D H 1.00\n28 E H 1.00");
    check_nothing("day from to eur\n0 A M 1000.00\n2 M B 950.00");
}

#[test]
fn a_landlord_whose_tenants_have_paid_before_is_asked_about_once() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for tenant in ["A", "B", "C", "D", "E"] {
            writeln!(table, "{} {tenant} LANDLORD 700.00", month * 30).expect("a text");
        }
    }
    check(
        &table,
        expect![[r#"
            alike-amounts: A LANDLORD B C D E, payments 1 2 3 4 5, 3500.00 EUR
              5 payments to one creditor in the 24 hours up to this one are within 10 % of this one's amount.
        "#]],
    );
}

#[test]
fn a_hub_of_three_hundred_payments_is_in_alerts_of_two_hundred_at_most_that_have_them_all() {
    let mut table = "minute from to eur\n0 HUB Z 5.00\n".to_owned();
    for payer in 0..300 {
        let minute = 20 * 1_440 + payer * 10;
        writeln!(table, "{minute} P{payer} HUB {}.00", 20 + payer % 7).expect("a text");
    }
    let alerts = Folder::with("in.csv", ledger(&table)).scan("in.csv");
    let [one, other] = &alerts[..] else { panic!("two alerts, not {}", alerts.len()) };
    for alert in [one, other] {
        assert_eq!(alert.typology, "fan-in");
        assert!(alert.payments.len() <= 200, "an alert is bounded");
    }
    let [one, other] = [one, other].map(|alert| -> BTreeSet<u32> {
        alert.payments.iter().map(|id| id.parse().expect("a number")).collect()
    });
    assert_eq!(&one | &other, (2..=301).collect(), "all of them");
    assert_eq!((&one & &other).len(), 99, "the second begins with a hundred, of which one is new");
}

/// The scores that the rules of a typology have in alerts about an account.
fn scores(alerts: &[Alert], typology: &str, hub: &str) -> Vec<f64> {
    let of_hub = alerts.iter().filter(|alert| alert.accounts.iter().any(|account| account == hub));
    let rules = of_hub.flat_map(|alert| alert.fields["rules"].as_array().expect("a list"));
    let of_typology = rules.filter(|rule| rule["typology"] == typology);
    of_typology.map(|rule| rule["score"].as_f64().expect("a number")).collect()
}

/// The highest of them; 0 where there is none.
fn most(scores: &[f64]) -> f64 {
    scores.iter().copied().fold(0.0, f64::max)
}

/// The scores of fans in and out at accounts with twelve strangers: every fifteen hours from the first hour
/// on, and one an hour from the second on, and what else a table has.
fn daily_and_at_once(mut table: String, [first, then]: [u32; 2]) -> [[Vec<f64>; 2]; 2] {
    for number in 0..12 {
        let (daily, at_once) = (first + number * 15, then + number);
        writeln!(table, "{daily} D{number} DAILY 2{number}.10").expect("a text");
        writeln!(table, "{at_once} O{number} ONCE 3{number}.20").expect("a text");
        writeln!(table, "{daily} PAYER P{number} 2{number}.30").expect("a text");
        writeln!(table, "{at_once} SOURCE S{number} 3{number}.40").expect("a text");
    }
    let alerts = Folder::with("in.csv", ledger(&table)).scan("in.csv --horizon 4d");
    let both = [("fan-in", ["DAILY", "ONCE"]), ("fan-out", ["PAYER", "SOURCE"])];
    both.map(|(typology, hubs)| hubs.map(|hub| scores(&alerts, typology, hub)))
}

#[test]
fn in_the_first_days_strangers_that_come_at_once_weigh_more_than_those_that_come_every_day() {
    let table = "hour from to eur\n0 A B 20.00\n".to_owned();
    for scores in daily_and_at_once(table, [4, 33]) {
        let [daily, at_once] = scores.map(|scores| most(&scores));
        assert!(at_once > daily + 0.1, "{at_once} and {daily}");
    }
}

#[test]
fn where_its_pace_is_known_strangers_that_come_at_once_weigh_more_as_well() {
    let mut table = "hour from to eur\n".to_owned();
    for turn in 0..10 {
        for hub in ["DAILY", "ONCE"] {
            writeln!(table, "{} X {hub} 40.10", turn * 48).expect("a text");
        }
        for hub in ["PAYER", "SOURCE"] {
            writeln!(table, "{} {hub} Y 30.20", turn * 48 + 9).expect("a text");
        }
    }
    for [daily, at_once] in daily_and_at_once(table, [484, 561]) {
        let daily = most(&daily);
        assert!(daily > 0.0, "so many are surprising whenever they come");
        // The rule that looks back a day, and the one that looks back four.
        assert_eq!(at_once.len(), 2);
        let least = at_once.into_iter().fold(1.0, f64::min);
        assert!(least > daily + 0.1, "{least} and {daily}");
    }
}

/// What gather-scatters score where BEFORE gathers before it scatters, and BEHIND behind: of so many
/// accounts on a side, one each five hours from the first hour of the side on, and what else a table has.
fn in_order_and_against_it(mut table: String, side: u32, [first, then]: [u32; 2]) -> [f64; 2] {
    for number in 0..side {
        let (first, then) = (first + number * 5, then + number * 5);
        writeln!(table, "{first} F{number} BEFORE 2{number}.10").expect("a text");
        writeln!(table, "{then} BEFORE T{number} 3{number}.20").expect("a text");
        writeln!(table, "{first} BEHIND U{number} 2{number}.30").expect("a text");
        writeln!(table, "{then} G{number} BEHIND 3{number}.40").expect("a text");
    }
    let alerts = Folder::with("in.csv", ledger(&table)).scan("in.csv --horizon 4d");
    ["BEFORE", "BEHIND"].map(|hub| most(&scores(&alerts, "gather-scatter", hub)))
}

#[test]
fn in_the_first_days_an_account_that_gathers_before_it_scatters_weighs_more_than_one_behind() {
    let table = "hour from to eur\n0 A B 20.00\n".to_owned();
    let [before, behind] = in_order_and_against_it(table, 7, [4, 40]);
    assert!(before > behind + 0.1, "{before} and {behind}");
}

#[test]
fn where_its_pace_is_known_an_account_that_gathers_before_it_scatters_weighs_more_as_well() {
    let mut table = "hour from to eur\n".to_owned();
    for hub in ["BEFORE", "BEHIND"] {
        for turn in 0..10 {
            writeln!(table, "{} X {hub} 40.10", turn * 48).expect("a text");
            writeln!(table, "{} {hub} Y 30.20", turn * 48 + 9).expect("a text");
        }
    }
    let [before, behind] = in_order_and_against_it(table, 12, [484, 545]);
    assert!(before > behind + 0.1, "{before} and {behind}");
}

#[test]
fn cycles_that_share_one_payment_of_three_are_two_alerts() {
    check(
        "hour from to eur
         0    A    B  310.00
         1    B    C  200.00
         2    C    A  150.00
         3    B    D  200.00
         4    D    A  150.00",
        expect![[r#"
            cycle: A B C, payments 1 2 3, 660.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
            cycle: A B D, payments 1 4 5, 660.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
        "#]],
    );
}

#[test]
fn cycles_that_share_no_payment_are_two_alerts_even_at_one_account() {
    check(
        "hour from to eur
         0    A    B  310.00
         1    B    C  20.00
         2    C    A  15.00
         30   A    D  31.00
         31   D    E  20.00
         32   E    A  15.00
         33   X    Y  90.00
         34   Y    Z  80.00
         35   Z    X  70.00",
        expect![[r#"
            cycle: A B C, payments 1 2 3, 345.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
            cycle: A D E, payments 4 5 6, 66.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
            cycle: X Y Z, payments 7 8 9, 240.00 EUR
              Money came back to where it started over 3 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
        "#]],
    );
}

#[test]
fn alerts_share_no_id_and_the_strongest_come_first() {
    let folder = Folder::new();
    folder.well("simulate --accounts 800 --payments 20000 --days 90 --seed 7 -o in.csv");
    let alerts = folder.scan("in.csv");
    assert!(alerts.len() > 100, "{}", alerts.len());
    let mut ids = BTreeSet::new();
    for alert in &alerts {
        assert!(ids.insert(&alert.id), "{}", alert.id);
        assert!(!alert.reasons.is_empty(), "{}", alert.id);
        assert!((0.0..=1.0).contains(&alert.score), "{}", alert.id);
        let distinct: BTreeSet<&String> = alert.payments.iter().collect();
        assert_eq!(distinct.len(), alert.payments.len(), "each payment once: {}", alert.id);
        assert!(alert.payments.len() <= 200, "an alert is bounded: {}", alert.id);
    }
    assert!(alerts.is_sorted_by(|a, b| a.score >= b.score), "strongest first");
}

#[test]
fn with_a_horizon_the_alerts_are_told_of_later_and_are_the_same() {
    let table = "hour from to eur
                 0    A    B  310.00
                 1    B    C  200.00
                 2    C    A  150.00
                 9    X    A  90.00";
    let definitions = "[[feature]]\nkind = \"cycle\"\nwindow = \"7d\"\nlongest = 5\n";
    let folder = Folder::with("in.csv", ledger(table));
    folder.write("inline.toml", definitions);
    folder.write("later.toml", format!("horizon = \"3h\"\n{definitions}"));
    let inline = folder.scan("in.csv --definitions inline.toml");
    let later = folder.scan("in.csv --definitions later.toml");
    for alerts in [inline, later] {
        let [cycle] = &alerts[..] else { panic!("one cycle, not {alerts:?}") };
        assert_eq!(cycle.payments, ["1", "2", "3"]);
    }
}

#[test]
fn every_alert_of_a_pattern_has_a_payment_that_completes_one() {
    let folder = Folder::new();
    folder.well("simulate --accounts 500 --payments 12000 --days 60 --seed 11 -o in.csv");
    let alerts = folder.scan("in.csv");
    folder.write(
        "all.toml",
        "[[feature]]\nkind = \"cycle\"\nwindow = \"28d\"\nlongest = 16\n\
         [[feature]]\nkind = \"chain\"\nwindow = \"24h\"\nretention_permille = 800\ndeepest = 10\n",
    );
    folder.well("features in.csv --definitions all.toml -o features.csv");
    let rows = folder.rows("features.csv");
    let shows = |row: &[String], name: &str, least: f64| {
        let is_named = |column: &str| {
            let number = column.strip_prefix("cycle_").and_then(|rest| rest.split('_').next());
            // A payment back between two accounts is asked about by its amount, so not here.
            let is_cycle = number.is_some_and(|k| k.parse::<u32>().is_ok_and(|k| k >= 3));
            if name == "cycle" { is_cycle } else { column.starts_with(name) }
        };
        rows[0].iter().zip(row).any(|(column, cell)| {
            is_named(column) && cell.parse::<f64>().is_ok_and(|value| value >= least)
        })
    };
    for (typology, feature, least) in
        [("cycle", "cycle", 1.0), ("layering-chain", "chain_depth", 4.0)]
    {
        let of_kind = || alerts.iter().filter(|alert| alert.typology == typology);
        let hits: BTreeSet<&str> = rows[1..]
            .iter()
            .filter(|row| shows(row, feature, least))
            .map(|row| row[0].as_str())
            .collect();
        assert!(hits.len() > 5, "{typology}: {hits:?}");
        assert!(typology != "cycle" || of_kind().count() > 5, "{typology}");
        let long = of_kind().filter(|alert| typology != "cycle" || alert.accounts.len() > 2);
        for alert in long {
            let has = alert.payments.iter().any(|payment| hits.contains(payment.as_str()));
            let small = alert.reasons.iter().any(|reason| reason.contains("2 accounts"));
            assert!(has || small, "{} has no hit: {:?}", alert.id, alert.reasons);
        }
    }
}
