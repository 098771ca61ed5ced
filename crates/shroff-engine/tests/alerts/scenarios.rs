//! Ledgers with a story, and the alerts that our typologies make of them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use shroff_detect::Definitions;
use shroff_engine::Engine;

use crate::ledger::{Ledger, tell, typologies, written};

/// The alerts of the built-in definitions and all typologies of the repository.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(table: &str, expected: Expect) {
    let definitions = Definitions::parse(Definitions::BUILTIN).expect("it is checked");
    let ledger = Ledger::read(table);
    let told = tell(&ledger, &definitions, &typologies(), 3);
    expected.assert_eq(&written(&ledger, &told.alerts));
}

#[test]
fn money_that_comes_back_is_a_cycle() {
    check(
        "day from to eur
         0   A    B  900
         1   B    C  870
         2   C    D  850
         3   D    A  840",
        expect![[r#""#]],
    );
}

#[test]
fn a_purse_that_takes_a_different_way_round_is_no_cycle() {
    check(
        "day from to eur
         0   C    A  850
         1   B    C  870
         2   A    B  900",
        expect![[r#""#]],
    );
}

#[test]
fn a_few_coins_of_change_are_no_cycle() {
    check(
        "hour from to eur
         0    A    B  12
         1    B    A  5",
        expect![[r#""#]],
    );
}

#[test]
fn many_who_pay_one_are_a_fan_in() {
    check(
        "hour from to eur
         0    A    M  450
         3    B    M  440
         9    C    M  460
         30   D    M  455
         50   E    M  445",
        expect![[r#""#]],
    );
}

#[test]
fn a_landlord_with_the_same_tenants_is_no_fan_in() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for (day, tenant) in ["A", "B", "C", "D", "E", "F"].iter().enumerate() {
            writeln!(table, "{} {tenant} landlord 900", 30 * month + day / 3).expect("a string");
        }
    }
    check(&table, expect![[r#""#]]);
}

#[test]
fn one_who_pays_many_is_a_fan_out() {
    check(
        "hour from to eur
         0    M    A  450
         3    M    B  440
         9    M    C  460
         30   M    D  455
         50   M    E  445",
        expect![[r#""#]],
    );
}

#[test]
fn a_payroll_of_the_same_people_is_no_fan_out() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for employee in ["A", "B", "C", "D", "E", "F", "G"] {
            writeln!(table, "{} firm {employee} 2_400", 30 * month).expect("a string");
        }
    }
    check(&table, expect![[r#""#]]);
}

#[test]
fn one_who_gathers_and_scatters_is_a_gather_scatter() {
    check(
        "hour from to eur
         0    A    M  450
         1    B    M  440
         2    C    M  460
         3    D    M  455
         30   M    P  440
         31   M    Q  450
         32   M    R  430
         33   M    S  445",
        expect![[r#""#]],
    );
}

#[test]
fn money_by_several_ways_to_one_place_is_a_scatter_gather() {
    check(
        "hour from to eur
         0    S    A  900
         1    S    B  880
         2    S    C  910
         20   A    W  870
         21   B    W  850
         22   C    W  880",
        expect![[r#""#]],
    );
}

#[test]
fn customers_of_one_shop_are_no_scatter_gather() {
    let mut table = "hour from to eur\n".to_owned();
    // An employer pays three people, who buy where everybody buys.
    for (hour, who) in ["A", "B", "C"].iter().enumerate() {
        writeln!(table, "{hour} employer {who} 80").expect("a string");
    }
    for customer in 0..12 {
        writeln!(table, "{} customer{customer} shop 20", 10 + customer).expect("a string");
    }
    for (hour, who) in ["A", "B", "C"].iter().enumerate() {
        writeln!(table, "{} {who} shop 20", 30 + hour).expect("a string");
    }
    let definitions = Definitions::parse(Definitions::BUILTIN).expect("it is checked");
    let told = tell(&Ledger::read(&table), &definitions, &typologies(), 3);
    assert!(told.alerts.iter().all(|alert| alert.typology != "scatter-gather"));
}

#[test]
fn what_is_passed_on_and_on_is_a_layering_chain() {
    check(
        "hour from to eur
         0    A    B  400
         3    B    C  390
         8    C    D  380
         20   D    E  370
         30   E    F  360",
        expect![[r#""#]],
    );
}

#[test]
fn what_leaves_as_it_came_is_a_pass_through() {
    check(
        "hour from to eur
         0    A    M  5_000
         9    M    B  4_800",
        expect![[r#""#]],
    );
}

#[test]
fn who_keeps_most_of_what_comes_is_no_pass_through() {
    check(
        "hour from to eur
         0    A    M  5_000
         9    M    B  3_900
         50   A    M  5_000
         75   M    B  5_000",
        expect![[r#""#]],
    );
}

#[test]
fn splitting_below_the_threshold_is_structuring() {
    check(
        "day from to eur
         0   A    M  9_800
         1   A    M  9_700
         1   A    M  9_900",
        expect![[r#""#]],
    );
}

#[test]
fn a_business_that_pays_all_sorts_of_bills_is_no_structuring() {
    check(
        "day from to eur
         0   A    M  9_800
         1   A    N  1_200
         1   A    M  9_700
         2   A    N  12_000
         2   A    M  300
         3   A    N  40
         3   A    M  9_900",
        expect![[r#""#]],
    );
}

#[test]
fn payments_to_oneself_raise_nothing() {
    check(
        "hour from to eur
         0    A    A  9_800
         1    A    A  9_700
         2    A    A  9_900
         3    A    A  9_900",
        expect![[r#""#]],
    );
}

#[test]
fn a_hub_gives_one_alert_that_grows() {
    let mut table = "hour from to eur\n".to_owned();
    for payer in 0..60 {
        writeln!(table, "{} payer{payer} M 200", 7 * payer).expect("a string");
    }
    check(&table, expect![[r#""#]]);
}

#[test]
fn two_hubs_that_share_a_payer_stay_two_alerts() {
    check(
        "hour from to eur
         0    A    M  450
         1    B    M  440
         2    C    M  460
         3    X    M  455
         4    X    N  455
         5    D    N  445
         6    E    N  450
         7    F    N  460",
        expect![[r#""#]],
    );
}

#[test]
fn flows_of_one_account_a_long_silence_apart_are_two_alerts() {
    check(
        "day from to eur
         0   A    M  450
         0   B    M  440
         1   C    M  460
         1   D    M  455
         90  E    M  450
         90  F    M  440
         91  G    M  460
         91  H    M  455",
        expect![[r#""#]],
    );
}

#[test]
fn a_line_that_never_pauses_for_a_window_stays_one_alert() {
    // Six days apart: the first payments are long gone when the last come.
    let mut table = "day from to eur\n".to_owned();
    for week in 0..6 {
        for payer in 0..4 {
            writeln!(table, "{} p{week}{payer} M 300", 6 * week).expect("a string");
        }
    }
    let definitions = Definitions::parse(Definitions::BUILTIN).expect("it is checked");
    let ledger = Ledger::read(&table);
    let told = tell(&ledger, &definitions, &typologies(), 3);
    let fans: Vec<_> = told.alerts.iter().filter(|alert| alert.typology == "fan-in").collect();
    expect![[r#""#]].assert_eq(&fans.len().to_string());
}

#[test]
fn a_payment_that_links_two_alerts_makes_them_one() {
    let two = "hour from to eur
         0    A    B  900
         1    B    A  890
         2    C    D  900
         3    D    C  880";
    check(two, expect![[r#""#]]);
    // The second way round goes over payments of both.
    let one = format!(
        "{two}
         4    B    C  870
         5    C    D  860
         6    D    A  850
         7    A    B  840"
    );
    check(&one, expect![[r#""#]]);
}

#[test]
fn typologies_that_find_no_block_are_idle() {
    let definitions = Definitions::parse(
        "[[feature]]\nkind = \"cycle\"\nwindow = \"3d\"\nlongest = 4
         [[feature]]\nkind = \"passthrough\"\nwindow = \"3d\"",
    );
    let (definitions, typologies) = (definitions.expect("it is checked"), typologies());
    let engine = Engine::new(&definitions, &typologies, 2).expect("what binds is right");
    let idle: Vec<&str> = engine.idle().iter().map(|&at| typologies[at].id.as_str()).collect();
    assert_eq!(
        idle,
        ["fan-in", "fan-out", "gather-scatter", "layering-chain", "scatter-gather", "structuring"]
    );
}

#[test]
fn everything_wrong_in_the_rules_is_said_at_once() {
    let definitions = Definitions::parse(Definitions::BUILTIN).expect("it is checked");
    let mut typologies = typologies();
    typologies[0].cases[0].when = "cycle_longst > 2".to_owned();
    typologies[1].cases[0].score = "least(0.5, 'high')".to_owned();
    let error = Engine::new(&definitions, &typologies, 2).expect_err("two rules are wrong");
    expect![[r#""#]].assert_eq(&error.to_string());
}

#[test]
fn a_search_that_ran_out_is_counted() {
    let definitions = Definitions::parse(
        "[[feature]]\nkind = \"cycle\"\nwindow = \"1d\"\nlongest = 6\nbudget = 1",
    );
    let ledger = Ledger::read(
        "hour from to eur
         0    A    B  900
         1    B    C  890
         2    C    A  880",
    );
    let told = tell(&ledger, &definitions.expect("it is checked"), &typologies(), 1);
    assert_eq!((told.counts.payments, told.counts.saturated, told.counts.hits), (3, 1, 0));
}
