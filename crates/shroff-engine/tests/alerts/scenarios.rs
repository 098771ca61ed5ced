//! Ledgers with a story, and the alerts that our typologies make of them.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

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
        expect![[r#"
            615 cycle-0: 3460.00 in 3d, among A B C D
              payments 0-3, raised at 3
              at 3: Money came back to where it started over 4 accounts within 7d. Circles that its last payment closes: 1.
        "#]],
    );
}

#[test]
fn a_circle_against_the_order_of_time_is_no_cycle() {
    check(
        "day from to eur
         0   C    A  850
         1   B    C  870
         2   A    B  900",
        expect![[r#"
            no alert
        "#]],
    );
}

#[test]
fn a_few_coins_of_change_are_no_cycle() {
    check(
        "hour from to eur
         0    A    B  12
         1    B    A  5",
        expect![[r#"
            no alert
        "#]],
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
        expect![[r#"
            300 fan-in-0: 2250.00 in 50h, among A M B C D E
              payments 0-4, raised at 3
              at 4: 5 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
        "#]],
    );
}

#[test]
fn a_landlord_is_a_weak_fan_in_while_he_is_new_and_none_after() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for (day, tenant) in ["A", "B", "C", "D", "E", "F"].iter().enumerate() {
            writeln!(table, "{} {tenant} landlord 900", 30 * month + day / 3).expect("a string");
        }
    }
    check(
        &table,
        expect![[r#"
            327 fan-in-0: 5400.00 in 1d, among A landlord B C D E F
              payments 0-5, raised at 3
              at 5: 6 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
        "#]],
    );
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
        expect![[r#"
            300 fan-out-0: 2250.00 in 50h, among M A B C D E
              payments 0-4, raised at 3
              at 4: 5 accounts that had not done so in the 45 days before were paid by this one within 7d; before, as many days had 0 on average.
        "#]],
    );
}

#[test]
fn a_payroll_is_a_weak_fan_out_while_it_is_new_and_none_after() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for employee in ["A", "B", "C", "D", "E", "F", "G"] {
            writeln!(table, "{} firm {employee} 2_400", 30 * month).expect("a string");
        }
    }
    check(
        &table,
        expect![[r#"
            350 fan-out-0: 16800.00 in 0s, among firm A B C D E F G
              payments 0-6, raised at 3
              at 6: 7 accounts that had not done so in the 45 days before were paid by this one within 7d; before, as many days had 0 on average.
        "#]],
    );
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
        expect![[r#"
            343 gather-scatter-0: 3570.00 in 33h, among A M B C D P Q R S
              payments 0-7, raised at 7
              at 7: 4 payers and 4 payees of one account within 7d, none of them known to it in 45 days.
            267 fan-in-0: 1805.00 in 3h, among A M B C D
              payments 0-3, raised at 3
              at 3: 4 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
            267 fan-out-4: 1765.00 in 3h, among M P Q R S
              payments 4-7, raised at 7
              at 7: 4 accounts that had not done so in the 45 days before were paid by this one within 7d; before, as many days had 0 on average.
        "#]],
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
        expect![[r#"
            600 scatter-gather-0: 5290.00 in 22h, among S A B C W
              payments 0-5, raised at 5
              at 5: Money of one account reached this creditor through 3 accounts in between, within 7d.
            453 pass-through-0: 1770.00 in 20h, among S A W
              payments 0 3, raised at 3
              at 3: Of what reached the debtor within 24h, 96.67 % has left again with this payment.
            453 pass-through-2: 1790.00 in 20h, among S C W
              payments 2 5, raised at 5
              at 5: Of what reached the debtor within 24h, 96.70 % has left again with this payment.
            452 pass-through-1: 1730.00 in 20h, among S B W
              payments 1 4, raised at 4
              at 4: Of what reached the debtor within 24h, 96.59 % has left again with this payment.
        "#]],
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
        expect![[r#"
            714 layering-chain-0: 1900.00 in 30h, among A B C D E F
              payments 0-4, raised at 3
              at 4: 5 payments in a row, each passing on most of the one before within 24h.
        "#]],
    );
}

#[test]
fn what_leaves_as_it_came_is_a_pass_through() {
    check(
        "hour from to eur
         0    A    M  5_000
         9    M    B  4_800",
        expect![[r#"
            542 pass-through-0: 9800.00 in 9h, among A M B
              payments 0-1, raised at 1
              at 1: Of what reached the debtor within 24h, 96 % has left again with this payment.
        "#]],
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
        expect![[r#"
            no alert
        "#]],
    );
}

#[test]
fn splitting_below_the_threshold_is_structuring() {
    check(
        "day from to eur
         0   A    M  9_800
         1   A    M  9_700
         1   A    M  9_900",
        expect![[r#"
            590 structuring-0: 29400.00 in 1d, among A M
              payments 0-2, raised at 2
              at 2: 3 payments of one debtor just under a threshold within 7d, 29,400 in all.
              at 2: 3 payments to one creditor just under a threshold within 7d, 29,400 in all.
        "#]],
    );
}

#[test]
fn the_strongest_reason_comes_first_whichever_rule_came_first() {
    check(
        "day from to eur
         0   A    M  9_800
         1   A    M  9_700
         2   A    M  9_900
         3   B    M  9_500
         4   C    M  9_400",
        expect![[r#"
            750 structuring-0: 48300.00 in 4d, among A M B C
              payments 0-4, raised at 2
              at 4: 5 payments to one creditor just under a threshold within 7d, 48,300 in all.
              at 2: 3 payments of one debtor just under a threshold within 7d, 29,400 in all.
        "#]],
    );
}

#[test]
fn a_business_that_pays_all_sorts_of_bills_is_no_structuring() {
    check(
        "day from to eur
         0   A    M  9_800
         1   A    N  1_200
         1   A    O  9_700
         2   A    N  12_000
         2   A    N  300
         3   A    N  40
         3   A    O  9_900",
        expect![[r#"
            no alert
        "#]],
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
        expect![[r#"
            no alert
        "#]],
    );
}

#[test]
fn a_hub_gives_one_alert_that_grows() {
    let mut table = "hour from to eur\n".to_owned();
    for payer in 0..60 {
        writeln!(table, "{} payer{payer} M 200", 2 * payer).expect("a string");
    }
    check(
        &table,
        expect![[r#"
            554 fan-in-0: 12000.00 in 118h, among 61 accounts
              payments 0-59, raised at 3
              at 59: 60 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
        "#]],
    );
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
        expect![[r#"
            267 fan-in-0: 1805.00 in 3h, among A M B C X
              payments 0-3, raised at 3
              at 3: 4 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
            267 fan-in-4: 1810.00 in 3h, among X N D E F
              payments 4-7, raised at 7
              at 7: 4 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
        "#]],
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
        expect![[r#"
            444 fan-in-4: 1805.00 in 1d, among E M F G H
              payments 4-7, raised at 7
              at 7: 4 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
            267 fan-in-0: 1805.00 in 1d, among A M B C D
              payments 0-3, raised at 3
              at 3: 4 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 0 on average.
        "#]],
    );
}

#[test]
fn a_line_that_never_pauses_for_a_window_stays_one_alert() {
    // Six days apart: the first payments are long gone when the last come. Each time there are
    // twice as many, or it would be what is usual for M.
    let mut table = "day from to eur\n".to_owned();
    for week in 0..4 {
        for payer in 0..4 << week {
            writeln!(table, "{} p{week}-{payer} M 300", 6 * week).expect("a string");
        }
    }
    check(
        &table,
        expect![[r#"
            543 fan-in-0: 18000.00 in 18d, among 61 accounts
              payments 0-59, raised at 3
              at 59: 48 accounts that had not done so in the 45 days before paid this one within 7d; before, as many days had 7.64 on average.
        "#]],
    );
}

#[test]
fn a_payment_that_links_two_alerts_makes_them_one() {
    let two = "hour from to eur
         0    A    B  900
         1    B    A  890
         2    C    D  900
         3    D    C  880";
    check(
        two,
        expect![[r#"
        454 pass-through-0: 1790.00 in 1h, among A B
          payments 0-1, raised at 1
          at 1: Of what reached the debtor within 24h, 98.89 % has left again with this payment.
        453 pass-through-2: 1780.00 in 1h, among C D
          payments 2-3, raised at 3
          at 3: Of what reached the debtor within 24h, 97.78 % has left again with this payment.
        300 cycle-0: 1790.00 in 1h, among A B
          payments 0-1, raised at 1
          at 1: Money came back to where it started over 2 accounts within 7d. Circles that its last payment closes: 1.
        300 cycle-2: 1780.00 in 1h, among C D
          payments 2-3, raised at 3
          at 3: Money came back to where it started over 2 accounts within 7d. Circles that its last payment closes: 1.
    "#]],
    );
    // The second way round goes over payments of both.
    let one = format!(
        "{two}
         4    B    C  870
         5    C    D  860
         6    D    A  850
         7    A    B  840"
    );
    check(
        &one,
        expect![[r#"
        714 layering-chain-0: 4320.00 in 7h, among A B C D
          payments 0 4-7, raised at 6
          at 7: 5 payments in a row, each passing on most of the one before within 24h.
        615 cycle-0: 6990.00 in 7h, among A B C D
          payments 0-7, raised at 1
          at 6: Money came back to where it started over 4 accounts within 7d. Circles that its last payment closes: 1.
        454 pass-through-0: 6120.00 in 7h, among A B C D
          payments 0-3 5-7, raised at 1
          at 1: Of what reached the debtor within 24h, 98.89 % has left again with this payment.
    "#]],
    );
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
    expect![[r#"
        typology `cycle`, `when` of case 1: there is no column `cycle_longst`
          |
        1 | cycle_longst > 2
          | ^^^^^^^^^^^^
        hint: did you mean `cycle_longest`, `cycle_count`?
          hint: asked of the block `cycle` with window 7d
        typology `fan-in`, `score` of case 1: cannot mix a decimal number with text
          |
        1 | least(0.5, 'high')
          |            ^^^^^^
        hint: a number is written without quotes
          hint: asked of the block `novelty` with window 7d"#]]
    .assert_eq(&error.to_string());
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
