//! Ledgers with a story, and the alerts that our typologies make of them.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use shroff_detect::{Definitions, Typology};
use shroff_engine::Engine;
use shroff_types::Span;

use crate::ledger::{Ledger, tell, typologies, written};

/// The alerts of the built-in definitions and all typologies of the repository.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(table: &str, expected: Expect) {
    let definitions =
        shroff_detect::union(&typologies(), Span::ZERO).expect("the library is right");
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
            889 cycle-3: 3460.00 in 3d, among A B C D
              payments 0-3, raised at 3
              at 3: Money came back to where it started over 4 accounts within 7 days, each hop the first of its pair in a week. Circles of three or more that this payment is in: 1.
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
         0    M    X  30
         240  X    M  20
         480  A    M  450
         483  B    M  440
         489  C    M  460
         510  D    M  455
         530  E    M  445",
        expect![[r#"
            849 fan-in-5: 2250.00 in 50h, among A M B C D E
              payments 2-6, raised at 5
              at 6: 5 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.31 payments are usual for it in that time.
        "#]],
    );
}

#[test]
fn a_landlord_is_no_fan_in_month_after_month() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for (day, tenant) in ["A", "B", "C", "D", "E", "F"].iter().enumerate() {
            writeln!(table, "{} {tenant} landlord 900", 30 * month + day / 3).expect("a string");
        }
    }
    check(
        &table,
        expect![[r#"
            no alert
        "#]],
    );
}

#[test]
fn one_who_pays_many_is_a_fan_out() {
    check(
        "hour from to eur
         0    X    M  30
         240  M    X  20
         480  M    A  450
         483  M    B  440
         489  M    C  460
         510  M    D  455
         530  M    E  445",
        expect![[r#"
            849 fan-out-5: 2250.00 in 50h, among M A B C D E
              payments 2-6, raised at 5
              at 6: 5 accounts that were strangers to it in the 45 days before were paid by this account in the 4 days up to this payment; 0.31 payments are usual for it in that time.
        "#]],
    );
}

#[test]
fn a_payroll_is_told_once_while_it_is_new_and_never_after() {
    let mut table = "day from to eur\n".to_owned();
    for month in 0..4 {
        for employee in ["A", "B", "C", "D", "E", "F", "G"] {
            writeln!(table, "{} firm {employee} 2_400", 30 * month).expect("a string");
        }
    }
    check(
        &table,
        expect![[r#"
            448 alike-amounts-4: 16800.00 in 0s, among firm A B C D E F G
              payments 0-6, raised at 4
              at 6: 7 payments of one debtor within 5 minutes; in a day it makes 0.
              at 6: 7 payments of one debtor in the 24 hours up to this one are within 10 % of this one's amount.
        "#]],
    );
}

#[test]
fn one_who_gathers_and_scatters_is_a_gather_scatter() {
    check(
        "hour from to eur
         0    M    X  30
         240  X    M  20
         480  A    M  450
         481  B    M  440
         482  C    M  460
         483  D    M  455
         510  M    P  440
         511  M    Q  450
         512  M    R  430
         513  M    S  445",
        expect![[r#"
            977 fan-in-5: 3570.00 in 33h, among A M B C D P Q R S
              payments 2-9, raised at 5
              at 9: 4 strangers paid this account and it paid 4 strangers, in the 4 days up to this payment.
              at 9: 4 accounts that were strangers to it in the 45 days before were paid by this account in the 4 days up to this payment; 0.33 payments are usual for it in that time.
              at 5: 4 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.35 payments are usual for it in that time.
              at 5: 4 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 0.30 payments are usual for it in that time.
              at 9: 4 accounts that were strangers to it in the 45 days before were paid by this account in the day up to this payment; 0.30 payments are usual for it in that time.
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
            857 scatter-gather-5: 5290.00 in 22h, among S A B C W
              payments 0-5, raised at 5
              at 5: Money of one account reached one other through 3 accounts in between within 7 days, over pairs that had not paid before.
            236 pass-through-3: 1770.00 in 20h, among S A W
              payments 0 3, raised at 3
              at 3: Of what reached the debtor in the 24 hours up to this payment, 96.67 % has left again.
            236 pass-through-4: 1730.00 in 20h, among S B W
              payments 1 4, raised at 4
              at 4: Of what reached the debtor in the 24 hours up to this payment, 96.59 % has left again.
            236 pass-through-5: 1790.00 in 20h, among S C W
              payments 2 5, raised at 5
              at 5: Of what reached the debtor in the 24 hours up to this payment, 96.70 % has left again.
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
    let definitions =
        shroff_detect::union(&typologies(), Span::ZERO).expect("the library is right");
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
            625 layering-chain-3: 1900.00 in 30h, among A B C D E F
              payments 0-4, raised at 3
              at 4: 5 payments in a row, each passing on 80 % or more of the one before within 24 hours.
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
            281 pass-through-1: 9800.00 in 9h, among A M B
              payments 0-1, raised at 1
              at 1: Of what reached the debtor in the 24 hours up to this payment, 96 % has left again.
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
            530 structuring-2: 29400.00 in 1d, among A M
              payments 0-2, raised at 2
              at 2: 3 payments of one debtor between 8,000 and 10,000 in the 7 days up to this one, 29,400 in all.
              at 2: 3 payments to one creditor between 8,000 and 10,000 in the 7 days up to this one, 29,400 in all.
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
            650 structuring-2: 48300.00 in 4d, among A M B C
              payments 0-4, raised at 2
              at 4: 5 payments to one creditor between 8,000 and 10,000 in the 7 days up to this one, 48,300 in all.
              at 2: 3 payments of one debtor between 8,000 and 10,000 in the 7 days up to this one, 29,400 in all.
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
            716 alike-amounts-4: 12000.00 in 118h, among 61 accounts
              payments 0-59, raised at 4
              at 47: 48 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; the payments begin 3.92 days before, so what is usual is not known yet.
              at 11: 12 payments to one creditor in the 24 hours up to this one are within 10 % of this one's amount.
        "#]],
    );
}

#[test]
fn two_hubs_that_share_a_payer_stay_two_alerts() {
    check(
        "hour from to eur
         0    M    Z  30
         240  Z    N  20
         480  A    M  450
         481  B    M  440
         482  C    M  460
         483  X    M  455
         484  X    N  455
         485  D    N  445
         486  E    N  450
         487  F    N  460",
        expect![[r#"
            887 fan-in-9: 1810.00 in 3h, among X N D E F
              payments 6-9, raised at 9
              at 9: 4 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.35 payments are usual for it in that time.
              at 9: 4 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 0.30 payments are usual for it in that time.
            833 fan-in-5: 1805.00 in 3h, among A M B C X
              payments 2-5, raised at 5
              at 5: 4 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.30 payments are usual for it in that time.
              at 5: 4 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 0.30 payments are usual for it in that time.
        "#]],
    );
}

#[test]
fn flows_of_one_account_a_long_silence_apart_are_two_alerts() {
    check(
        "day from to eur
         0   M    X  30
         10  X    M  20
         20  A    M  450
         20  B    M  440
         21  C    M  460
         21  D    M  455
         90  E    M  450
         90  F    M  440
         91  G    M  460
         91  H    M  455",
        expect![[r#"
            752 fan-in-5: 1805.00 in 1d, among A M B C D
              payments 2-5, raised at 5
              at 5: 4 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.33 payments are usual for it in that time.
            617 fan-in-9: 1805.00 in 1d, among E M F G H
              payments 6-9, raised at 9
              at 9: 4 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 0.30 payments are usual for it in that time.
        "#]],
    );
}

#[test]
fn a_line_that_never_pauses_is_told_where_it_quickens() {
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
            999 fan-in-16: 4800.00 in 0s, among 17 accounts
              payments 12-27, raised at 16
              at 26: 15 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 1.04 payments are usual for it in that time.
              at 27: 16 payments to one creditor in the 24 hours up to this one are within 10 % of this one's amount.
              at 27: 16 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 5.56 payments are usual for it in that time.
            999 fan-in-33: 9600.00 in 0s, among 33 accounts
              payments 28-59, raised at 33
              at 43: 16 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 1.58 payments are usual for it in that time.
              at 50: 23 accounts that were strangers to it in the 45 days before paid this account in the 4 days up to this payment; 7.60 payments are usual for it in that time.
              at 59: 32 payments to one creditor in the 24 hours up to this one are within 10 % of this one's amount.
            971 fan-in-7: 2400.00 in 0s, among p1-0 M p1-1 p1-2 p1-3 p1-4 p1-5 p1-6 p1-7
              payments 4-11, raised at 7
              at 11: 8 accounts that were strangers to it in the 45 days before paid this account in the day up to this payment; 0.75 payments are usual for it in that time.
              at 11: 8 payments to one creditor in the 24 hours up to this one are within 10 % of this one's amount.
        "#]],
    );
}

#[test]
fn a_payment_that_two_flows_share_leaves_them_two_alerts() {
    let two = "hour from to eur
         0    A    B  900
         1    B    A  890
         2    C    D  900
         3    D    C  880";
    check(
        two,
        expect![[r#"
            237 pass-through-1: 1790.00 in 1h, among A B
              payments 0-1, raised at 1
              at 1: Of what reached the debtor in the 24 hours up to this payment, 98.89 % has left again.
            236 pass-through-3: 1780.00 in 1h, among C D
              payments 2-3, raised at 3
              at 3: Of what reached the debtor in the 24 hours up to this payment, 97.78 % has left again.
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
            509 layering-chain-6: 3480.00 in 6h, among A B C D
              payments 0 4-6, raised at 6
              at 6: 4 payments in a row, each passing on 80 % or more of the one before within 24 hours.
            237 pass-through-1: 1790.00 in 1h, among A B
              payments 0-1, raised at 1
              at 1: Of what reached the debtor in the 24 hours up to this payment, 98.89 % has left again.
            236 pass-through-3: 3490.00 in 4h, among C D A
              payments 2-3 5-6, raised at 3
              at 3: Of what reached the debtor in the 24 hours up to this payment, 97.78 % has left again.
        "#]],
    );
}

#[test]
fn typologies_that_find_no_block_are_idle() {
    let of = |id: &str, kind: &str| {
        let text = format!(
            "id = '{id}'\ntitle = 'T'\nwhat = 'w'\nwhy = 'w'\ninnocent = 'i'\nsources = []\n[[case]]\n\
             block = {{ kind = '{kind}' }}\nwhen = 'true'\nscore = 1\nreason = 'r'\nevidence = ['pattern']"
        );
        Typology::parse(id, &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let typologies = [of("rings", "ring"), of("cycles", "cycle"), of("chains", "chain")];
    let definitions = Definitions::parse("[[feature]]\nkind = 'cycle'\nwindow = '3d'\nlongest = 4");
    let definitions = definitions.expect("it is checked");
    let engine = Engine::new(&definitions, &typologies, 2).expect("what binds is right");
    assert_eq!(engine.idle(), [0, 2]);
}

#[test]
fn everything_wrong_in_the_rules_is_said_at_once() {
    let definitions =
        shroff_detect::union(&typologies(), Span::ZERO).expect("the library is right");
    let mut typologies = typologies();
    typologies[0].cases[0].when.text = "cycle_longst > 2".to_owned();
    typologies[1].cases[0].score.text = "least(0.5, 'high')".to_owned();
    let error = Engine::new(&definitions, &typologies, 2).expect_err("two rules are wrong");
    expect![[r#"
        alike-amounts:48:1: `when` of case 1: there is no column `cycle_longst`
          |
        1 | cycle_longst > 2
          | ^^^^^^^^^^^^
          hint: did you mean `back_cycle_longest_45d`, `new_cycle_longest_7d`?
        bipartite:60:12: `score` of case 1: cannot mix a decimal number with text
          |
        1 | least(0.5, 'high')
          |            ^^^^^^
          hint: a number is written without quotes"#]]
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
    let told = tell(&ledger, &definitions.expect("it is checked"), &[], 1);
    assert_eq!((told.counts.payments, told.counts.saturated, told.counts.hits), (3, 1, 0));
}
