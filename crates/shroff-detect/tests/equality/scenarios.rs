//! Small ledgers with a story, told as tables.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use crate::ledgers::World;
use crate::twin::Value;
use crate::{engine, equals_the_twin, values};

#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(toml: &str, table: &str, expected: Expect) {
    let world = World::table(toml, table);
    equals_the_twin(&world).expect("as the twin");
    let definitions = world.definitions();
    let mut text = String::new();
    for (row, cells) in world.rows.iter().zip(engine(&definitions, &world, 1)) {
        let letter = |account: u32| char::from(b'A' + u8::try_from(account).expect("a letter"));
        write!(text, "{} {}:", letter(row.debtor), letter(row.creditor)).expect("a string");
        for (name, value) in values(&definitions, &cells) {
            match value {
                None | Some(Value::Int(0)) => {}
                Some(Value::Int(count)) => write!(text, " {name}={count}").expect("a string"),
                Some(Value::Real(real)) => write!(text, " {name}={real}").expect("a string"),
            }
        }
        text.push('\n');
    }
    expected.assert_eq(&text);
}

const CYCLE: &str = "[[feature]]\nkind = \"cycle\"\nwindow = \"1h\"\nlongest = 4";
const RETROSPECTIVE_CYCLE: &str =
    "horizon = \"30m\"\n[[feature]]\nkind = \"cycle\"\nwindow = \"1h\"\nlongest = 4";
const RING: &str = "[[feature]]\nkind = \"ring\"\nwindow = \"1h\"\nlongest = 4";
const GATHER: &str = "[[feature]]\nkind = \"scatter_gather\"\nwindow = \"1h\"";
const RETROSPECTIVE_GATHER: &str =
    "horizon = \"1h\"\n[[feature]]\nkind = \"scatter_gather\"\nwindow = \"1h\"";
const CHAIN: &str =
    "[[feature]]\nkind = \"chain\"\nwindow = \"1h\"\nretention_permille = 800\ndeepest = 5";
const COUNT: &str =
    "[[feature]]\nkind = \"activity\"\nwindow = \"1h\"\nmeasures = [\"count\", \"age\"]";

#[test]
fn a_cycle_within_a_minute_follows_the_order_of_arrival() {
    check(
        CYCLE,
        "minute from to minor
         0      A    B  100
         0      B    C  100
         0      C    A  100",
        expect![[r#"
            A B:
            B C:
            C A: cycle_3_1h=1
        "#]],
    );
}

#[test]
fn a_cycle_that_the_order_breaks_is_a_ring() {
    let table = "minute from to minor
                 0      B    C  100
                 0      A    B  100
                 0      C    A  100";
    check(
        CYCLE,
        table,
        expect![[r#"
        B C:
        A B:
        C A:
    "#]],
    );
    check(
        RING,
        table,
        expect![[r#"
        B C:
        A B:
        C A: ring_3_1h=1
    "#]],
    );
}

#[test]
fn a_parallel_payment_makes_no_second_cycle_but_is_told_of_it() {
    check(
        RETROSPECTIVE_CYCLE,
        "minute from to minor
         0      A    B  100
         1      A    B  200
         2      B    C  100
         3      A    B  300
         20     C    A  100",
        expect![[r#"
            A B: cycle_3_1h=1
            A B: cycle_3_1h=1
            B C: cycle_3_1h=1
            A B:
            C A: cycle_3_1h=1
        "#]],
    );
}

#[test]
fn the_hops_of_a_cycle_are_told_of_it_up_to_their_horizon() {
    check(
        RETROSPECTIVE_CYCLE,
        "minute from to minor
         0      A    B  100
         15     B    C  100
         45     C    A  100",
        expect![[r#"
            A B:
            B C: cycle_3_1h=1
            C A: cycle_3_1h=1
        "#]],
    );
}

#[test]
fn a_scatter_gather_has_two_middles_or_more() {
    check(
        GATHER,
        "minute from to minor
         0      S    M  100
         1      S    N  100
         2      M    W  100
         3      N    W  100
         4      S    O  100
         5      O    W  100",
        expect![[r#"
            S M:
            S N:
            M W:
            N W: scatter_gather_count_1h=1 scatter_gather_size_1h=2
            S O:
            O W: scatter_gather_count_1h=1 scatter_gather_size_1h=3
        "#]],
    );
}

#[test]
fn a_pattern_of_strangers_is_of_pairs_that_had_not_paid_before() {
    check(
        "[[feature]]\nkind = \"cycle\"\nwindow = \"1h\"\nlongest = 2\nfresh = \"2h\"",
        "minute from to minor
         0      A    B  100
         1      B    A  100
         2      A    B  100
         3      B    A  100
         200    A    B  100
         201    B    A  100",
        expect![[r#"
            A B:
            B A: cycle_2_1h=1
            A B:
            B A:
            A B:
            B A: cycle_2_1h=1
        "#]],
    );
}

#[test]
fn a_middle_that_paid_before_it_was_paid_is_none() {
    check(
        RETROSPECTIVE_GATHER,
        "minute from to minor
         0      M    W  100
         1      S    M  100
         2      S    N  100
         3      N    W  100
         4      M    W  100",
        expect![[r#"
            M W:
            S M: scatter_gather_count_1h=1 scatter_gather_size_1h=2
            S N: scatter_gather_count_1h=1 scatter_gather_size_1h=2
            N W: scatter_gather_count_1h=1 scatter_gather_size_1h=2
            M W: scatter_gather_count_1h=1 scatter_gather_size_1h=2
        "#]],
    );
}

#[test]
fn a_source_that_pays_itself_is_no_middle_of_its_own() {
    check(
        GATHER,
        "minute from to minor
         0      S    S  100
         1      S    W  100
         2      S    M  100
         3      M    W  100",
        expect![[r#"
            S S:
            S W:
            S M:
            M W:
        "#]],
    );
}

#[test]
fn a_chain_passes_on_four_fifths_and_no_less() {
    check(
        CHAIN,
        "minute from to minor
         0      A    B  10_000
         1      B    C  8_000
         2      C    D  6_399
         3      B    E  10_001
         60     B    F  9_000",
        expect![[r#"
            A B: chain_depth_1h=1
            B C: chain_depth_1h=2
            C D: chain_depth_1h=1
            B E: chain_depth_1h=1
            B F: chain_depth_1h=1
        "#]],
    );
}

#[test]
fn back_and_forth_is_no_chain() {
    check(
        CHAIN,
        "minute from to minor
         0      A    B  100
         1      B    A  100
         2      A    B  100
         3      B    B  100
         4      B    C  100",
        expect![[r#"
            A B: chain_depth_1h=1
            B A: chain_depth_1h=1
            A B: chain_depth_1h=1
            B B:
            B C: chain_depth_1h=2
        "#]],
    );
}

#[test]
fn a_window_is_open_at_its_old_end() {
    check(
        COUNT,
        "second from to minor
         0      A    B  100
         3599   C    B  100
         3600   D    B  100",
        expect![[r#"
            A B: debtor_out_count_1h=1 creditor_in_count_1h=1
            C B: debtor_out_count_1h=1 creditor_in_count_1h=2 creditor_in_age_1h=3599
            D B: debtor_out_count_1h=1 creditor_in_count_1h=2 creditor_in_age_1h=1
        "#]],
    );
}

/// The strangers who pay U make the search go forwards from V alone. It comes to X by the short
/// way, too late, and must go on from there again once it has come by the longer way, in time.
#[test]
fn a_longer_way_that_is_quicker_is_followed_on() {
    check(
        "[[feature]]\nkind = \"cycle\"\nwindow = \"1h\"\nlongest = 6",
        "minute from to minor
         0      P    U  100
         0      Q    U  100
         0      R    U  100
         0      S    U  100
         0      T    U  100
         0      P    U  100
         0      Q    U  100
         1      V    B  100
         2      V    A  100
         3      A    C  100
         4      C    X  100
         5      X    Y  100
         6      Y    U  100
         10     B    X  100
         11     U    V  100",
        expect![[r#"
            P U:
            Q U:
            R U:
            S U:
            T U:
            P U:
            Q U:
            V B:
            V A:
            A C:
            C X:
            X Y:
            Y U:
            B X:
            U V: cycle_6_1h=1
        "#]],
    );
}
