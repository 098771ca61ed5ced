//! Definitions files as tables: what each makes, and what each broken one is told.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

use std::path::Path;

use expect_test::{Expect, expect};

use super::{ColumnKind, Definitions, Kind, Measure, PatternSearch};

/// What is said of a broken file.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(text: &str, expected: Expect) {
    let error = Definitions::parse(text).expect_err("the file is broken");
    assert!(!error.what.is_empty() && !error.hint.is_empty(), "{error}");
    assert!((1..=text.lines().count().max(1)).contains(&error.line), "{error}");
    expected.assert_eq(&error.to_string());
}

/// What is said of a broken block, whose `kind` is at line 3.
fn check_block(lines: &str, expected: Expect) {
    check(&format!("amount_exponent = 2\n[[feature]]\n{lines}"), expected);
}

#[test]
fn a_file_without_blocks_says_how_to_write_one() {
    check(
        "",
        expect![[r#"
        line 1: there is no [[feature]] block
          hint: add a block: [[feature]], kind = "activity", window = "24h", measures = ["count"]"#]],
    );
    check(
        "amount_exponent = 2\nhorizon = \"1h\"\n",
        expect![[r#"
        line 1: there is no [[feature]] block
          hint: add a block: [[feature]], kind = "activity", window = "24h", measures = ["count"]"#]],
    );
}

#[test]
fn an_unknown_kind_has_a_nearest() {
    check_block(
        "kind = \"activty\"\nwindow = \"24h\"",
        expect![[r#"
        line 3: kind = "activty" is none that Shroff knows
          hint: did you mean `activity`? There are activity, pair, novelty, passthrough, cycle, ring, scatter_gather, chain"#]],
    );
    check_block(
        "kind = \"scatter-gather\"\nwindow = \"24h\"",
        expect![[r#"
        line 3: kind = "scatter-gather" is none that Shroff knows
          hint: did you mean `scatter_gather`? There are activity, pair, novelty, passthrough, cycle, ring, scatter_gather, chain"#]],
    );
    check_block(
        "kind = \"\"\nwindow = \"24h\"",
        expect![[r#"
        line 3: kind = "" is none that Shroff knows
          hint: did you mean `chain`? There are activity, pair, novelty, passthrough, cycle, ring, scatter_gather, chain"#]],
    );
}

#[test]
fn a_key_that_no_block_has_is_refused_at_its_line() {
    check_block(
        "kind = \"pair\"\nwindow = \"24h\"\nwindoww = \"7d\"",
        expect![[r#"
            line 5: unknown field `windoww`, expected one of `kind`, `window`, `as`, `measures`, `where`, `similar_permille`, `without_current`, `memory`, `longest`, `retention_permille`, `deepest`, `fresh`, `budget`, `whole`
              hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "amount_exponnt = 2",
        expect![[r#"
        line 1: unknown field `amount_exponnt`, expected one of `amount_exponent`, `horizon`, `feature`
          hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "amount_exponent = \"two\"",
        expect![[r#"
        line 1: invalid type: string "two", expected u8
          hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "amount_exponent = 2\namount_exponent = 3",
        expect![[r#"
        line 2: duplicate key
          hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "[[feature]",
        expect![[r#"
        line 1: unclosed array table, expected `]`
          hint: docs: features, for the keys of each kind"#]],
    );
}

#[test]
fn a_key_of_another_kind_is_refused_at_its_line() {
    check_block(
        "kind = \"pair\"\nwindow = \"24h\"\nlongest = 4",
        expect![[r#"
        line 5: `longest` means nothing in a block of kind `pair`
          hint: it takes where, similar_permille, without_current"#]],
    );
    check_block(
        "kind = \"passthrough\"\nwindow = \"24h\"\nbudget = 4",
        expect![[r#"
        line 5: `budget` means nothing in a block of kind `passthrough`
          hint: remove it"#]],
    );
    check_block(
        "kind = \"cycle\"\nlongest = 4\nwindow = \"24h\"\nwhere = \"amount > 1\"",
        expect![[r#"
            line 6: `where` means nothing in a block of kind `cycle`
              hint: it takes longest, fresh, budget, whole"#]],
    );
}

#[test]
fn a_kind_of_block_takes_the_keys_of_its_own_and_no_others() {
    let keys = [
        ("measures", "[\"count\"]"),
        ("where", "\"amount > 1\""),
        ("similar_permille", "100"),
        ("without_current", "true"),
        ("memory", "\"30d\""),
        ("longest", "4"),
        ("retention_permille", "800"),
        ("deepest", "4"),
        ("budget", "1000"),
        ("whole", "true"),
    ];
    // Of each kind, the keys that it must have and those that it may.
    let kinds: [(&str, &[&str], &[&str]); 8] = [
        ("activity", &["measures"], &["where", "similar_permille", "without_current"]),
        ("pair", &[], &["where", "similar_permille", "without_current"]),
        ("novelty", &["memory"], &[]),
        ("passthrough", &[], &[]),
        ("cycle", &["longest"], &["budget", "whole"]),
        ("ring", &["longest"], &["budget", "whole"]),
        ("scatter_gather", &[], &["budget", "whole"]),
        ("chain", &["retention_permille", "deepest"], &["budget"]),
    ];
    for (kind, must, may) in kinds {
        let text = |given: &[&str]| {
            let value = |key: &&str| keys.iter().find(|(name, _)| name == key).expect("a key").1;
            let lines = given.iter().map(|key| format!("{key} = {}\n", value(key)));
            let lines: String = lines.collect();
            format!("[[feature]]\nkind = \"{kind}\"\nwindow = \"24h\"\nas = \"x\"\n{lines}")
        };
        let all = [must, may].concat();
        Definitions::parse(&text(&all)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        Definitions::parse(&text(must)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        for (left_out, key) in must.iter().enumerate() {
            let others = [&must[..left_out], &must[left_out + 1..]].concat();
            let error = Definitions::parse(&text(&others)).expect_err("a key is missing");
            assert_eq!((error.line, error.what), (1, format!("the block lacks `{key}`")));
            assert!(error.hint.contains(key), "{}", error.hint);
        }
        for (key, _) in keys.iter().filter(|(key, _)| !all.contains(key)) {
            let given = [must, &[key]].concat();
            let error = Definitions::parse(&text(&given)).expect_err("no key of this kind");
            let expected = format!("`{key}` means nothing in a block of kind `{kind}`");
            assert_eq!((error.line, error.what), (4 + given.len(), expected));
        }
    }
}

#[test]
fn a_missing_parameter_is_named_with_an_example() {
    check_block(
        "window = \"24h\"",
        expect![[r#"
        line 2: missing field `kind`
          hint: docs: features, for the keys of each kind"#]],
    );
    check_block(
        "kind = \"pair\"",
        expect![[r#"
        line 2: missing field `window`
          hint: docs: features, for the keys of each kind"#]],
    );
    check_block(
        "kind = \"activity\"\nwindow = \"24h\"",
        expect![[r#"
        line 2: the block lacks `measures`
          hint: as in measures = ["count", "fan", "sum"]"#]],
    );
    check_block(
        "kind = \"activity\"\nwindow = \"24h\"\nmeasures = []",
        expect![[r#"
        line 5: measures = [] measures nothing
          hint: name at least one, as in ["count"]"#]],
    );
    check_block(
        "kind = \"activity\"\nwindow = \"24h\"\nmeasures = [\"fan\", \"age\", \"fan\"]",
        expect![[r#"
            line 5: measures names "fan" twice
              hint: name each measure once"#]],
    );
    check_block(
        "kind = \"activity\"\nwindow = \"24h\"\nmeasures = [\"cont\"]",
        expect![[r#"
        line 5: unknown variant `cont`, expected one of `count`, `fan`, `sum`, `mean`, `std`, `min`, `max`, `median`, `skew`, `kurtosis`, `age`
          hint: docs: features, for the keys of each kind"#]],
    );
    check_block(
        "kind = \"novelty\"\nwindow = \"24h\"",
        expect![[r#"
        line 2: the block lacks `memory`
          hint: as in memory = "30d""#]],
    );
    check_block(
        "kind = \"ring\"\nwindow = \"24h\"",
        expect![[r#"
        line 2: the block lacks `longest`
          hint: as in longest = 6"#]],
    );
    check_block(
        "kind = \"chain\"\nwindow = \"24h\"\ndeepest = 3",
        expect![[r#"
        line 2: the block lacks `retention_permille`
          hint: as in retention_permille = 800"#]],
    );
    check_block(
        "kind = \"chain\"\nwindow = \"24h\"\nretention_permille = 3",
        expect![[r#"
        line 2: the block lacks `deepest`
          hint: as in deepest = 10"#]],
    );
}

#[test]
fn a_window_is_a_span_of_some_length() {
    check_block(
        "kind = \"pair\"\nwindow = \"0s\"",
        expect![[r#"
        line 4: window = "0s" holds nothing
          hint: use a span of a second or more"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"day\"",
        expect![[r#"
        line 4: window = "day" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"\"",
        expect![[r#"
        line 4: window = "" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"1.5h\"",
        expect![[r#"
        line 4: window = "1.5h" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"-1h\"",
        expect![[r#"
        line 4: window = "-1h" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"999999999999d\"",
        expect![[r#"
        line 4: window = "999999999999d" is no span
          hint: a span of over 292,000 years"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = 24",
        expect![[r#"
        line 4: invalid type: integer `24`, expected a string
          hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "horizon = \"soon\"",
        expect![[r#"
        line 1: horizon = "soon" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
}

#[test]
fn a_number_out_of_its_range_is_refused_with_the_range() {
    check(
        "amount_exponent = 19",
        expect![[r#"
        line 1: amount_exponent = 19
          hint: use 0 to 18 decimals"#]],
    );
    check(
        "amount_exponent = 256",
        expect![[r#"
        line 1: invalid value: integer `256`, expected u8
          hint: docs: features, for the keys of each kind"#]],
    );
    check(
        "amount_exponent = -1",
        expect![[r#"
        line 1: invalid value: integer `-1`, expected u8
          hint: docs: features, for the keys of each kind"#]],
    );
    let cycle = "kind = \"cycle\"\nwindow = \"24h\"\nlongest =";
    check_block(
        &format!("{cycle} 1"),
        expect![[r#"
        line 5: longest = 1
          hint: use 2 to 64 accounts"#]],
    );
    check_block(
        &format!("{cycle} 65"),
        expect![[r#"
        line 5: longest = 65
          hint: use 2 to 64 accounts"#]],
    );
    check_block(
        &format!("{cycle} 300"),
        expect![[r#"
        line 5: invalid value: integer `300`, expected u8
          hint: docs: features, for the keys of each kind"#]],
    );
    check_block(
        &format!("{cycle} 6\nbudget = 0"),
        expect![[r#"
        line 6: budget = 0
          hint: use 1 to 4000000000 steps"#]],
    );
    check_block(
        &format!("{cycle} 6\nbudget = 4_000_000_001"),
        expect![[r#"
        line 6: budget = 4000000001
          hint: use 1 to 4000000000 steps"#]],
    );
}

#[test]
fn a_chain_and_a_likeness_have_ranges_too() {
    let chain = "kind = \"chain\"\nwindow = \"24h\"\nretention_permille";
    check_block(
        &format!("{chain} = 1001\ndeepest = 3"),
        expect![[r#"
        line 5: retention_permille = 1001
          hint: use 0 to 1000: 800 is 80 %"#]],
    );
    check_block(
        &format!("{chain} = 800\ndeepest = 0"),
        expect![[r#"
        line 6: deepest = 0
          hint: use 1 to 1000 payments"#]],
    );
    check_block(
        &format!("{chain} = 800\ndeepest = 1001"),
        expect![[r#"
        line 6: deepest = 1001
          hint: use 1 to 1000 payments"#]],
    );
    check_block(
        "kind = \"pair\"\nwindow = \"24h\"\nsimilar_permille = 1_000_001",
        expect![[r#"
            line 5: similar_permille = 1000001
              hint: 100 is within 10 %"#]],
    );
}

#[test]
fn a_memory_is_longer_than_the_window_at_its_end() {
    check_block(
        "kind = \"novelty\"\nwindow = \"24h\"\nmemory = \"24h\"",
        expect![[r#"
        line 5: memory = "24h" is no longer than the window, so everything would be new
          hint: use a memory longer than the window"#]],
    );
    check_block(
        "kind = \"novelty\"\nwindow = \"24h\"\nmemory = \"1h\"",
        expect![[r#"
        line 5: memory = "1h" is no longer than the window, so everything would be new
          hint: use a memory longer than the window"#]],
    );
    check_block(
        "kind = \"novelty\"\nwindow = \"24h\"\nmemory = \"long\"",
        expect![[r#"
        line 5: memory = "long" is no span
          hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`"#]],
    );
}

#[test]
fn two_columns_of_one_name_point_at_both_blocks() {
    let one = "[[feature]]\nkind = \"activity\"\nwindow = \"24h\"\nmeasures = [\"count\"]\n";
    check(
        &format!("{one}{one}"),
        expect![[r#"
        line 5: the column `debtor_out_count_24h` is made twice, first by the block of line 1
          hint: give one of the blocks a prefix of its own: as = "...""#]],
    );
    Definitions::parse(&format!("{one}{one}as = \"b\"")).expect("a prefix sets it apart");
    Definitions::parse(&format!("{one}{}", one.replace("24h", "1d"))).expect("names differ");
}

#[test]
fn a_where_that_cannot_be_asked_points_at_its_place() {
    let block = "kind = \"activity\"\nwindow = \"24h\"\nmeasures = [\"count\"]\nwhere =";
    check_block(
        &format!("{block} \"amout > 5\""),
        expect![[r#"
        line 6: where = "amout > 5"
        there is no column `amout`
          |
        1 | amout > 5
          | ^^^^^
        hint: did you mean `amount`?
          hint: it is SQL over amount, currency and method"#]],
    );
    check_block(
        &format!("{block} \"method = 5\""),
        expect![[r#"
        line 6: where = "method = 5"
        cannot compare text with a whole number
          |
        1 | method = 5
          |          ^
        hint: text is in single quotes: '5'
          hint: it is SQL over amount, currency and method"#]],
    );
    check_block(
        &format!("{block} \"amount + 1\""),
        expect![[r#"
        line 6: where = "amount + 1"
        a condition is true or false, this is a decimal number
          |
        1 | amount + 1
          | ^^^^^^^^^^
        hint: compare it with something, for example `... > 0`
          hint: it is SQL over amount, currency and method"#]],
    );
    check_block(
        &format!("{block} \"amount >\""),
        expect![[r#"
        line 6: where = "amount >"
        expected an expression, found the end of the expression
          |
        1 | amount >
          |         ^
          hint: it is SQL over amount, currency and method"#]],
    );
    check_block(
        &format!("{block} \"debtor = 'A'\""),
        expect![[r#"
        line 6: where = "debtor = 'A'"
        there is no column `debtor`
          |
        1 | debtor = 'A'
          | ^^^^^^
          hint: it is SQL over amount, currency and method"#]],
    );
    check_block(
        &format!("{block} \"\""),
        expect![[r#"
            line 6: where = ""
            the expression is empty
              |
            1 |
              | ^
              hint: it is SQL over amount, currency and method"#]],
    );
}

#[test]
fn a_prefix_is_plain_and_names_no_person() {
    let block = "kind = \"pair\"\nwindow = \"24h\"\nas =";
    check_block(
        &format!("{block} \"\""),
        expect![[r#"
        line 5: as = ""
          hint: a prefix is 1 to 64 of a-z, 0-9 and _"#]],
    );
    check_block(
        &format!("{block} \"Near\""),
        expect![[r#"
        line 5: as = "Near"
          hint: a prefix is 1 to 64 of a-z, 0-9 and _"#]],
    );
    check_block(
        &format!("{block} \"near 10k\""),
        expect![[r#"
        line 5: as = "near 10k"
          hint: a prefix is 1 to 64 of a-z, 0-9 and _"#]],
    );
    check_block(
        &format!("{block} \"{}\"", "x".repeat(65)),
        expect![[r#"
        line 5: as = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          hint: a prefix is 1 to 64 of a-z, 0-9 and _"#]],
    );
    check_block(
        &format!("{block} \"female\""),
        expect![[r#"
        line 5: as = "female" names what no feature may stand for: sex or gender is a protected attribute
          hint: features speak of payments, never of who somebody is"#]],
    );
    check_block(
        &format!("{block} \"by_postcode\""),
        expect![[r#"
        line 5: as = "by_postcode" names what no feature may stand for: where people live stands for origin and wealth
          hint: features speak of payments, never of who somebody is"#]],
    );
    let longest = "x".repeat(64);
    Definitions::parse(&format!("[[feature]]\n{block} \"{longest}\"")).expect("64 letters");
}

#[test]
fn the_ends_of_a_range_are_in_it() {
    let text = "amount_exponent = 18
        [[feature]]
        kind = \"cycle\"
        window = \"1s\"
        longest = 2
        budget = 1
        [[feature]]
        kind = \"ring\"
        window = \"1s\"
        longest = 64
        budget = 4_000_000_000
        [[feature]]
        kind = \"chain\"
        window = \"1s\"
        retention_permille = 1000
        deepest = 1000
        [[feature]]
        kind = \"chain\"
        as = \"x\"
        window = \"1s\"
        retention_permille = 0
        deepest = 1
        [[feature]]
        kind = \"pair\"
        window = \"1s\"
        similar_permille = 1_000_000";
    let definitions = Definitions::parse(text).expect("all within their ranges");
    assert_eq!(definitions.amount_exponent, 18);
    // A chain of a thousand payments a second apart.
    assert_eq!(definitions.look_back(), "1000s".parse().expect("a span"));
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = "[[feature]]\nkind = \"scatter_gather\"\nwindow = \"1h\"";
    let definitions = Definitions::parse(text).expect("nothing more is needed");
    assert_eq!(definitions.amount_exponent, 2);
    assert_eq!(definitions.horizon, shroff_types::Span::ZERO);
    let budget = super::DEFAULT_GATHER_BUDGET;
    let gather =
        Kind::ScatterGather { search: PatternSearch { fresh: None, budget, whole: false } };
    assert_eq!(definitions.blocks[0].kind, gather);
    assert_eq!(definitions.blocks[0].prefix, "");
    let text = "[[feature]]\nkind = \"activity\"\nwindow = \"1h\"\nmeasures = [\"fan\"]";
    let definitions = Definitions::parse(text).expect("nothing more is needed");
    let Kind::Activity { measures, filter } = &definitions.blocks[0].kind else {
        panic!("an activity")
    };
    assert_eq!(measures, &[Measure::Fan]);
    assert!(filter.is_open());
}

#[test]
fn the_look_back_is_the_longest_of_any_block() {
    let look_back = |text: &str| {
        let definitions = Definitions::parse(text).expect("it is right");
        definitions.look_back().to_string()
    };
    let pair = "[[feature]]\nkind = \"pair\"\nwindow = \"2h\"\n";
    let novelty = "[[feature]]\nkind = \"novelty\"\nwindow = \"1h\"\nmemory = \"3h\"\n";
    let chain =
        "[[feature]]\nkind = \"chain\"\nwindow = \"1h\"\nretention_permille = 9\ndeepest = ";
    assert_eq!(look_back(pair), "2h");
    assert_eq!(look_back(&format!("{pair}{novelty}")), "3h");
    assert_eq!(look_back(&format!("{pair}{novelty}{chain}7")), "7h");
    assert_eq!(look_back(&format!("{chain}1\n{pair}")), "2h");
}

/// The columns that FEATURES.md promises, written out by hand from its table.
#[test]
fn a_block_has_the_columns_of_its_kind() {
    let columns = |text: &str| -> Vec<(String, ColumnKind)> {
        let definitions = Definitions::parse(text).expect("it is right");
        definitions.columns().into_iter().map(|column| (column.name, column.kind)).collect()
    };
    let names = |text: &str| -> String {
        let named = columns(text).into_iter().map(|(name, kind)| format!("{name} {kind:?}\n"));
        named.collect()
    };
    let block = |kind: &str, rest: &str| {
        names(&format!("[[feature]]\nkind = \"{kind}\"\nwindow = \"24h\"\n{rest}"))
    };
    expect![[r#"
        debtor_out_age_24h Real
        debtor_out_count_24h Int
        debtor_out_mean_24h Real
        debtor_in_age_24h Real
        debtor_in_count_24h Int
        debtor_in_mean_24h Real
        creditor_out_age_24h Real
        creditor_out_count_24h Int
        creditor_out_mean_24h Real
        creditor_in_age_24h Real
        creditor_in_count_24h Int
        creditor_in_mean_24h Real
    "#]]
    .assert_eq(&block("activity", "measures = [\"age\", \"count\", \"mean\"]"));
    expect![[r#"
        big_pair_count_24h Int
        big_pair_sum_24h Real
        big_pair_age_24h Real
        big_pair_back_count_24h Int
        big_pair_back_sum_24h Real
    "#]]
    .assert_eq(&block("pair", "as = \"big\"\nwhere = \"amount > 1\""));
    expect![[r#"
        debtor_out_new_fan_24h Int
        debtor_in_new_fan_24h Int
        creditor_out_new_fan_24h Int
        creditor_in_new_fan_24h Int
    "#]]
    .assert_eq(&block("novelty", "memory = \"30d\""));
    expect![[r#"
        passthrough_24h Real
    "#]]
    .assert_eq(&block("passthrough", ""));
    expect![[r#"
        cycle_2_24h Int
        cycle_3_24h Int
        cycle_saturated_24h Bool
    "#]]
    .assert_eq(&block("cycle", "longest = 3"));
    expect![[r#"
        ring_2_24h Int
        ring_saturated_24h Bool
    "#]]
    .assert_eq(&block("ring", "longest = 2"));
    expect![[r#"
        scatter_gather_count_24h Int
        scatter_gather_size_24h Int
        scatter_gather_saturated_24h Bool
    "#]]
    .assert_eq(&block("scatter_gather", ""));
    expect![[r#"
        chain_depth_24h Int
        chain_saturated_24h Bool
    "#]]
    .assert_eq(&block("chain", "retention_permille = 800\ndeepest = 3"));
}

#[test]
fn every_measure_has_its_column_for_each_end_and_way() {
    let all = "\"count\", \"fan\", \"sum\", \"mean\", \"std\", \"min\", \"max\", \"median\", \"skew\", \
               \"kurtosis\", \"age\"";
    let text = format!(
        "[[feature]]\nkind = \"activity\"\nas = \"p\"\nwindow = \"30d\"\nmeasures = [{all}]"
    );
    let names = column_names(&text);
    let mut expected = Vec::new();
    for end in ["debtor", "creditor"] {
        for way in ["out", "in"] {
            for measure in all.split(", ") {
                expected.push(format!("p_{end}_{way}_{}_30d", measure.replace('"', "")));
            }
        }
    }
    assert_eq!(names, expected);
}

fn column_names(text: &str) -> Vec<String> {
    let definitions = Definitions::parse(text).unwrap_or_else(|error| panic!("{error}"));
    definitions.columns().into_iter().map(|column| column.name).collect()
}

#[test]
fn the_built_in_definitions_are_right() {
    let names = column_names(Definitions::BUILTIN);
    // What our typologies need by name.
    for name in ["creditor_in_fan_45d", "creditor_in_new_fan_7d", "near_10k_debtor_out_count_7d"] {
        assert!(names.iter().any(|column| column == name), "{name}");
    }
}

/// The files that everybody shares, where they are at hand.
#[expect(clippy::disallowed_methods, reason = "definitions are files")]
fn shared(path: &str) -> Option<String> {
    let shared = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let text = std::fs::read_to_string(shared.join(path)).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", shared.join(path).display());
    }
    text
}

#[test]
fn the_example_has_the_columns_that_its_page_promises() {
    let Some(text) = shared("spec/example.toml") else { return };
    let ways = ["debtor_out", "debtor_in", "creditor_out", "creditor_in"];
    let activity = |prefix: &str, measures: &[&str], window: &str| -> Vec<String> {
        let of = |way: &&str| {
            let named = measures.iter().map(|m| format!("{prefix}{way}_{m}_{window}"));
            named.collect::<Vec<_>>()
        };
        ways.iter().flat_map(of).collect()
    };
    let run = |name: &str, longest: usize, window: &str| -> Vec<String> {
        let counts = (2..=longest).map(|n| format!("{name}_{n}_{window}"));
        counts.chain([format!("{name}_saturated_{window}")]).collect()
    };
    let plain = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let all =
        ["count", "fan", "sum", "mean", "std", "min", "max", "median", "skew", "kurtosis", "age"];
    let expected = [
        activity("", &all, "24h"),
        activity("", &["count", "fan", "sum"], "7d"),
        activity("near_10k_", &["count", "fan", "sum"], "7d"),
        activity("similar_", &["count", "fan"], "24h"),
        plain(&[
            "pair_count_30d",
            "pair_sum_30d",
            "pair_age_30d",
            "pair_back_count_30d",
            "pair_back_sum_30d",
        ]),
        activity("past_", &["count", "max", "mean", "std"], "30d"),
        ways.iter().map(|way| format!("{way}_new_fan_24h")).collect(),
        plain(&["passthrough_24h"]),
        run("cycle", 6, "7d"),
        run("ring", 4, "24h"),
        plain(&[
            "scatter_gather_count_7d",
            "scatter_gather_size_7d",
            "scatter_gather_saturated_7d",
        ]),
        plain(&["chain_depth_24h", "chain_saturated_24h"]),
    ];
    assert_eq!(column_names(&text), expected.concat());
}

#[test]
fn the_sets_that_we_measure_by_are_right() {
    for (file, columns) in [("bench/sets/all.toml", 63), ("bench/sets/patterns.toml", 51)] {
        let Some(text) = shared(file) else { continue };
        assert_eq!(column_names(&text).len(), columns, "{file}");
    }
}

#[test]
fn as_many_predicates_as_fit_are_taken_and_one_more_is_refused() {
    let block = |number: usize| {
        format!(
            "[[feature]]\nkind = \"pair\"\nas = \"p{number}\"\nwindow = \"1h\"\n\
             where = \"amount > {number}\"\n"
        )
    };
    let text = |count: usize| (0..count).map(block).collect::<String>();
    assert!(Definitions::parse(&text(127)).is_ok());
    // The same text twice is one.
    let again = format!("{}{}", text(127), block(5).replace("\"p5\"", "\"again\""));
    assert!(Definitions::parse(&again).is_ok());
    let error = Definitions::parse(&text(128)).expect_err("one too many");
    assert!(error.what.contains("128th") && error.line == 127 * 5 + 1, "{error}");
}

#[test]
fn blocks_are_found_in_definitions_that_compute_all_of_them() {
    let of = |text: &str| {
        Definitions::parse(&format!("amount_exponent = 2\n{text}")).expect("it is right")
    };
    let count = "[[feature]]\nkind = \"activity\"\nwindow = \"1d\"\nmeasures = [\"count\"]\n";
    let more =
        "[[feature]]\nkind = \"activity\"\nwindow = \"1d\"\nmeasures = [\"sum\", \"count\"]\n";
    let where_large = format!("{count}as = \"large\"\nwhere = \"amount > 9\"\n");
    let cycle = |longest: u32, budget: u32| {
        format!(
            "[[feature]]\nkind = \"cycle\"\nwindow = \"1d\"\nlongest = {longest}\nbudget = {budget}\n"
        )
    };
    let pair = "[[feature]]\nkind = \"pair\"\nwindow = \"1d\"\n";
    let all = of(&format!("{pair}{more}{where_large}{}", cycle(4, 9_000)));
    let found = |text: &str| of(text).found_in(&all);
    assert_eq!(found(&format!("{}{count}", cycle(4, 9_000))), [Some(3), Some(1)]);
    assert_eq!(found(&format!("{where_large}{pair}")), [Some(2), Some(0)]);
    // A search that gives up later, or sees more accounts, says other things.
    assert_eq!(found(&cycle(4, 9_001)), [None]);
    assert_eq!(found(&cycle(3, 9_000)), [None]);
    let others = [
        count.replace("count", "fan"),
        count.replace("1d", "24h"),
        count.replace("\"1d\"", "\"1d\"\nas = \"other\""),
        where_large.replace('9', "8"),
        format!("horizon = \"1h\"\n{pair}"),
    ];
    for other in others {
        assert_eq!(found(&other), [None], "{other}");
    }
    assert_eq!(found(&format!("{}{pair}", pair.replace("1d", "2d"))), [None, Some(0)]);
    assert_eq!(all.patterns(), [3]);
}
