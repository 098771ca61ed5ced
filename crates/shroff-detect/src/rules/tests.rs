//! Rules as text: what binds to what, when they fire, and what they say.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use shroff_types::{AccountId, Currency, Names, Span, Timestamp};

use super::{Asked, Memo, RuleError, Rules, Typology};
use crate::cell::Cell;
use crate::definitions::{Definitions, Kind};
use crate::extractor::{Extractor, Input};

const HEAD: &str =
    "id = \"t\"\ntitle = \"T\"\nwhat = \"a\"\nwhy = \"b\"\ninnocent = \"c\"\nsources = []\n";

/// A typology of one case, given as its lines; what they leave out has a plain value.
fn case(lines: &str) -> Typology {
    let mut text = format!("{HEAD}[[case]]\n{lines}\n");
    for (key, value) in [
        ("block", "{ kind = \"cycle\" }"),
        ("when", "\"true\""),
        ("score", "\"0.5\""),
        ("reason", "\"r\""),
        ("evidence", "[\"pattern\"]"),
    ] {
        if !lines.lines().any(|line| line.trim_start().starts_with(key)) {
            writeln!(text, "{key} = {value}").expect("a string");
        }
    }
    Typology::parse("t.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn definitions(text: &str) -> Definitions {
    Definitions::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Cycles and activity over a day, activity and pairs over half a day.
fn some() -> Definitions {
    definitions(
        r#"
        [[feature]]
        kind = "cycle"
        window = "24h"
        longest = 5
        [[feature]]
        kind = "activity"
        window = "24h"
        measures = ["count", "fan", "mean"]
        [[feature]]
        kind = "activity"
        as = "near_10k"
        where = "amount >= 8000 AND amount < 10000"
        window = "12h"
        measures = ["count"]
        [[feature]]
        kind = "passthrough"
        window = "12h"
        "#,
    )
}

/// Cells for [`some`], all null but those given by name.
fn cells(definitions: &Definitions, given: &[(&str, Cell)]) -> Vec<Cell> {
    let columns = definitions.columns();
    for (name, _) in given {
        assert!(columns.iter().any(|column| column.name == *name), "{name}");
    }
    let cell = |name: &str| given.iter().find(|(other, _)| *other == name).map(|(_, cell)| *cell);
    columns.iter().map(|column| cell(&column.name).unwrap_or(Cell::NULL)).collect()
}

fn asked(cells: &[Cell]) -> Asked<'_> {
    Asked {
        cells,
        amount: 1_234.5,
        currency: Currency::EUR,
        method: Some("wire"),
        // 2024-02-29, a Thursday, 22:05.
        clock_micros: 1_709_244_300_000_000,
        history_days: 30.0,
    }
}

/// What the only rule of a case says and how strongly, of these cells.
fn told(lines: &str, given: &[(&str, Cell)]) -> Option<(u16, String)> {
    let definitions = some();
    let cells = cells(&definitions, given);
    told_of(lines, asked(&cells))
}

fn told_of(lines: &str, asked: Asked<'_>) -> Option<(u16, String)> {
    let rules = Rules::bind(&[case(lines)], &some()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let [rule] = &rules.bound[..] else { panic!("one rule, not {}", rules.bound.len()) };
    rule.fires(&Memo::default().turn_to(asked)).map(|score| (score, rule.reason(asked)))
}

/// Everything that is said of typologies that do not bind.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check(typologies: &[Typology], expected: Expect) {
    let errors = Rules::bind(typologies, &some()).expect_err("something is wrong");
    let errors: Vec<String> = errors.iter().map(RuleError::to_string).collect();
    expected.assert_eq(&errors.join("\n"));
}

#[test]
fn a_reason_is_a_sentence_with_its_values() {
    let given = [
        ("cycle_2_24h", Cell::of_int(1_234)),
        ("cycle_4_24h", Cell::of_int(1)),
        ("debtor_out_mean_24h", Cell::of_real(1_234_567.891)),
        ("passthrough_12h", Cell::of_real(0.5)),
    ];
    let reason = |text: &str| {
        let told = told(&format!("reason = '''{text}'''"), &given);
        told.expect("it fires").1
    };
    for (template, sentence) in [
        ("plain", "plain"),
        ("", ""),
        ("{window}", "24h"),
        ("{cycle_2} of {cycle_count}, up to {cycle_longest}", "1,234 of 1,235, up to 4"),
        ("{cycle_3}{cycle_4}.", "nothing1."),
        ("{debtor_out_mean_24h} and {passthrough_12h}", "1,234,567.89 and 0.50"),
        ("{-debtor_out_mean_24h}", "-1,234,567.89"),
        ("{amount} {currency} by {method}", "1,234.50 EUR by wire"),
        ("{100 * passthrough_12h} %", "50 %"),
        ("{passthrough_12h / 1000}", "0"),
        ("{-passthrough_12h / 1000}", "0"),
        ("{1 - 1000}", "-999"),
        ("{upper(method)}", "WIRE"),
        ("{cycle_2 > 3}", "true"),
        ("closing } alone", "closing } alone"),
    ] {
        assert_eq!(reason(template), sentence, "{template}");
    }
}

#[test]
fn a_score_is_a_share_of_a_thousand() {
    for (score, permille) in [
        ("0", 0),
        ("1", 1_000),
        ("0.5", 500),
        ("0.1234", 123),
        ("0.1236", 124),
        ("2", 1_000),
        ("-3.5", 0),
        ("nullif(1, 1)", 0),
        ("debtor_out_mean_24h", 0),
        ("1.0 / 0", 0),
        ("0.1 * cycle_longest", 300),
    ] {
        let told = told(&format!("score = \"{score}\""), &[("cycle_3_24h", Cell::of_int(2))]);
        assert_eq!(told.map(|told| told.0), Some(permille), "{score}");
    }
}

#[test]
fn a_condition_over_nothing_does_not_hold() {
    for (when, fires) in [
        ("passthrough_12h > 0", false),
        ("NOT passthrough_12h > 0", false),
        ("passthrough_12h IS NULL", true),
        ("passthrough_12h > 0 OR amount > 1", true),
        ("passthrough_12h > 0 AND amount > 1", false),
        ("passthrough_12h = passthrough_12h", false),
        ("coalesce(passthrough_12h, 7) = 7", true),
        ("NULL", false),
        ("cycle_saturated", false),
        ("cycle_saturated IS NULL", true),
    ] {
        assert_eq!(told(&format!("when = \"{when}\""), &[]).is_some(), fires, "{when}");
    }
}

#[test]
fn what_a_payment_says_of_itself_can_be_asked() {
    let definitions = some();
    let cells = cells(&definitions, &[]);
    let fires =
        |when: &str, asked: Asked<'_>| told_of(&format!("when = \"{when}\""), asked).is_some();
    let plain = asked(&cells);
    assert!(fires("amount = 1234.5", plain));
    assert!(fires("currency = 'EUR' AND method = 'wire'", plain));
    assert!(fires("history_days = 30", plain));
    let bare = Asked { currency: Currency::NONE, method: None, ..plain };
    assert!(fires("currency IS NULL AND method IS NULL", bare));
    assert!(!fires("method <> 'wire'", bare));
}

#[test]
fn counts_of_patterns_are_summed_up() {
    let of = |given: &[(&str, Cell)]| {
        let told = told("reason = '{cycle_count} {cycle_longest}'", given);
        told.expect("it fires").1
    };
    let int = Cell::of_int;
    assert_eq!(of(&[]), "0 0");
    assert_eq!(of(&[("cycle_2_24h", int(0)), ("cycle_5_24h", int(0))]), "0 0");
    assert_eq!(of(&[("cycle_2_24h", int(3))]), "3 2");
    assert_eq!(
        of(&[("cycle_2_24h", int(3)), ("cycle_4_24h", int(2)), ("cycle_5_24h", int(0))]),
        "5 4"
    );
    assert_eq!(of(&[("cycle_5_24h", int(1))]), "1 5");
    // The flag behind the counts is no count.
    assert_eq!(of(&[("cycle_3_24h", int(1)), ("cycle_saturated_24h", Cell::of_flag(true))]), "1 3");
}

#[test]
fn rings_are_summed_up_as_cycles_are() {
    let definitions = definitions("[[feature]]\nkind = \"ring\"\nwindow = \"1d\"\nlongest = 3");
    let typology = case("block = { kind = \"ring\" }\nreason = \"{ring_count} {ring_longest}\"");
    let rules = Rules::bind(&[typology], &definitions).expect("it binds");
    let cells = [Cell::of_int(4), Cell::of_int(1), Cell::of_flag(false)];
    assert_eq!(rules.bound[0].reason(asked(&cells)), "5 3");
}

#[test]
fn the_window_of_the_block_is_known_in_days() {
    let definitions = some();
    let cells = cells(&definitions, &[]);
    for (block, days) in [("cycle", "1"), ("passthrough", "0.50")] {
        let lines = format!("block = {{ kind = \"{block}\" }}\nreason = \"{{window_days}}\"");
        assert_eq!(told_of(&lines, asked(&cells)).expect("it fires").1, days, "{block}");
    }
}

/// The blocks of [`some`] that a case is asked of, by their window and prefix.
fn asked_of(lines: &str) -> Vec<usize> {
    let rules = Rules::bind(&[case(lines)], &some()).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(rules.idle.is_empty(), !rules.bound.is_empty());
    rules.bound.iter().map(|rule| rule.evidence()[0].0).collect()
}

#[test]
fn a_case_is_asked_of_the_blocks_that_match() {
    for (block, blocks) in [
        ("kind = \"cycle\"", &[0][..]),
        ("kind = \"ring\"", &[]),
        ("kind = \"activity\"", &[1]),
        ("kind = \"activity\", prefix = \"near_\"", &[2]),
        ("kind = \"activity\", prefix = \"near_10k\"", &[2]),
        ("kind = \"activity\", prefix = \"near_10kk\"", &[]),
        ("kind = \"activity\", prefix = \"10k\"", &[]),
        ("kind = \"activity\", measures = [\"count\", \"mean\"]", &[1]),
        ("kind = \"activity\", measures = [\"count\", \"max\"]", &[]),
        ("kind = \"activity\", prefix = \"near\", measures = [\"fan\"]", &[]),
        // Measures are a matter of activity alone.
        ("kind = \"passthrough\", measures = [\"fan\"]", &[3]),
    ] {
        assert_eq!(asked_of(&format!("block = {{ {block} }}")), blocks, "{block}");
    }
}

#[test]
fn a_case_needs_columns_or_gives_way_to_them() {
    for (lines, bound) in [
        ("needs = [\"debtor_out_fan_24h\"]", true),
        ("needs = [\"debtor_out_fan\"]", false),
        ("needs = [\"debtor_out_fan_24h\", \"debtor_out_fan_7d\"]", false),
        ("unless = [\"debtor_out_fan_24h\"]", false),
        ("unless = [\"debtor_out_fan_7d\"]", true),
        ("unless = [\"debtor_out_fan_24h\", \"debtor_out_fan_7d\"]", true),
        ("unless = [\"debtor_out_fan_24h\", \"passthrough_12h\"]", false),
        ("unless = []", true),
        ("needs = [\"passthrough_12h\"]\nunless = [\"debtor_out_fan_7d\"]", true),
        ("needs = [\"passthrough_12h\"]\nunless = [\"debtor_out_fan_24h\"]", false),
    ] {
        assert_eq!(asked_of(lines), if bound { vec![0] } else { vec![] }, "{lines}");
    }
}

#[test]
fn the_columns_of_a_block_are_named_without_its_prefix_and_window() {
    let given = [
        ("debtor_out_count_24h", Cell::of_int(7)),
        ("near_10k_debtor_out_count_12h", Cell::of_int(3)),
    ];
    let lines = |prefix: &str| {
        format!(
            "block = {{ kind = \"activity\"{prefix} }}
             reason = '{{debtor_out_count}} {{debtor_out_count_24h}} {{near_10k_debtor_out_count_12h}}'"
        )
    };
    assert_eq!(told(&lines(""), &given).expect("it fires").1, "7 7 3");
    assert_eq!(told(&lines(", prefix = \"near_\""), &given).expect("it fires").1, "3 7 3");
}

#[test]
fn what_does_not_compile_names_typology_case_and_key() {
    check(
        &[case("when = \"cycle_longst > 2\"")],
        expect![[r#"
            t.toml:8:9: `when` of case 1: there is no column `cycle_longst`
              |
            1 | cycle_longst > 2
              | ^^^^^^^^^^^^
              hint: did you mean `cycle_longest`, `cycle_longest_24h`, `cycle_count`?"#]],
    );
    check(
        &[case("when = \"amount\"")],
        expect![[r#"
            t.toml:8:9: `when` of case 1: a condition is true or false, this is a real number
              |
            1 | amount
              | ^^^^^^
              hint: compare it with something, for example `... > 0`"#]],
    );
    check(
        &[case("score = \"0.5 +\"")],
        expect![[r#"
            t.toml:8:15: `score` of case 1: expected an expression, found the end of the expression
              |
            1 | 0.5 +
              |      ^
              hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("score = \"'high'\"")],
        expect![[r#"
            t.toml:8:10: `score` of case 1: a score is a number from 0 to 1, this is text
              hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("score = \"amount > 5\"")],
        expect![[r#"
            t.toml:8:10: `score` of case 1: a score is a number from 0 to 1, this is true or false
              hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("reason = \"{cycle_9} accounts\"")],
        expect![[r#"
            t.toml:8:11: `reason` of case 1: there is no column `cycle_9`
              |
            1 | cycle_9
              | ^^^^^^^
              hint: did you mean `cycle_2`, `cycle_3`, `cycle_4`?"#]],
    );
    check(
        &[case("reason = \"{cycle_2 accounts\"")],
        expect![[r#"
            t.toml:8:11: `reason` of case 1: `{cycle_2 accounts` has no closing brace
              hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("reason = \"{}\"")],
        expect![[r#"
            t.toml:8:11: `reason` of case 1: the expression is empty
              |
            1 |
              | ^
              hint: asked of the block `cycle` with window 24h"#]],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut two = case("when = \"nothing > 2\"");
    two.cases.push(two.cases[0].clone());
    two.cases[0].when.text = "true".to_owned();
    check(
        &[two, case("score = \"nobody\""), case("when = \"true\"")],
        expect![[r#"
            t.toml:8:9: `when` of case 2: there is no column `nothing`
              |
            1 | nothing > 2
              | ^^^^^^^
              hint: asked of the block `cycle` with window 24h
            t.toml:8:10: `score` of case 1: there is no column `nobody`
              |
            1 | nobody
              | ^^^^^^
              hint: asked of the block `cycle` with window 24h"#]],
    );
}

#[test]
fn a_typology_is_asked_of_every_block_it_speaks_of() {
    let definitions = definitions(
        "[[feature]]\nkind = \"cycle\"\nwindow = \"1d\"\nlongest = 3
         [[feature]]\nkind = \"passthrough\"\nwindow = \"1d\"
         [[feature]]\nkind = \"cycle\"\nwindow = \"7d\"\nlongest = 5",
    );
    let typologies = [
        case("block = { kind = \"pair\" }"),
        case("reason = \"{cycle_longest} {window}\""),
        case("block = { kind = \"passthrough\" }\nevidence = [\"debtor-in\", \"debtor-out\"]"),
    ];
    let rules = Rules::bind(&typologies, &definitions).expect("they bind");
    let bound: Vec<_> =
        rules.bound.iter().map(|rule| (rule.typology(), rule.evidence()[0].0)).collect();
    assert_eq!(bound, [(1, 0), (1, 2), (2, 1)]);
    assert_eq!(rules.idle, [0]);
    let flows: Vec<_> = rules.bound[2].evidence().iter().map(|(_, flow)| *flow).collect();
    assert_eq!(flows, [crate::Flow::DebtorIn, crate::Flow::DebtorOut]);
}

#[test]
fn a_broken_file_is_refused_with_its_place() {
    let check = |text: &str, expected: Expect| {
        let error = Typology::parse("t.toml", text).expect_err("it is broken");
        expected.assert_eq(&error.to_string());
    };
    check(
        HEAD,
        expect![[r#"
            t.toml:1:1: case: there is none
              hint: add a [[case]]"#]],
    );
    check(
        &format!("{HEAD}case = []"),
        expect![[r#"
            t.toml:1:1: case: there is none
              hint: add a [[case]]"#]],
    );
    let whole =
        "[[case]]\nblock = { kind = \"cycle\" }\nwhen = \"true\"\nscore = \"1\"\nreason = \"r\"\n";
    check(
        &format!("{HEAD}{whole}"),
        expect![[r#"
            t.toml:7:1: file: missing field `evidence`
              hint: docs: typologies, for the keys of a file"#]],
    );
    check(
        &format!("{HEAD}{whole}evidence = []"),
        expect![[r#"
            t.toml:7:1: evidence: is empty
              hint: every alert names its payments"#]],
    );
    check(
        &format!("{HEAD}{whole}evidence = [\"pattern\"]\nwhne = \"x\""),
        expect![[r#"
            t.toml:13:1: file: unknown field `whne`, expected one of `block`, `needs`, `unless`, `when`, `score`, `reason`, `evidence`
              hint: docs: typologies, for the keys of a file"#]],
    );
}

/// The typologies of the repository, by the name of their file.
#[expect(clippy::disallowed_methods, reason = "the typologies are files, as for an analyst")]
fn ours() -> Vec<Typology> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../typologies"));
    let entries = std::fs::read_dir(folder).expect("the repository has typologies");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = paths.iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a typology is read");
        let typology = Typology::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(typology.id, name, "a file is named as its typology");
        typology
    });
    read.collect()
}

#[test]
fn our_typologies_are_right_and_none_breaks_on_a_payment() {
    let typologies = ours();
    assert!(typologies.len() >= 16);
    let wrong: Vec<String> = crate::check(&typologies).iter().map(RuleError::to_string).collect();
    assert_eq!(wrong.join("\n"), "");
    for horizon in [Span::ZERO, Span::DAY] {
        let definitions = crate::union(&typologies, horizon).expect("it was checked");
        let rules = Rules::bind(&typologies, &definitions).expect("it was checked");
        // Bound apart, what they have in common has other numbers.
        let reversed: Vec<Typology> = typologies.iter().rev().cloned().collect();
        let apart = Rules::bind(&reversed, &definitions).expect("it was checked");
        let mut extractor = Extractor::new(&definitions, 2);
        let payments: Vec<Input> = (0..40).map(payment).collect();
        let mut asked_of = 0;
        let mut memo = Memo::default();
        let mut ask = |finished: crate::Finished<'_>| {
            let asked = Asked { method: None, ..asked(finished.cells) };
            let asking = memo.turn_to(asked);
            for rule in rules.bound.iter().chain(&apart.bound).chain(&rules.bound) {
                let alone = rule.fires(&Memo::default().turn_to(asked));
                assert_eq!(rule.fires(&asking), alone, "what others computed changes nothing");
                if alone.is_some() {
                    let reason = rule.reason(asked);
                    assert!(!reason.contains("nothing") && !reason.contains('{'), "{reason}");
                }
                asked_of += 1;
            }
        };
        extractor.push(&payments, &Names::default(), &mut ask);
        extractor.finish(&mut ask);
        assert_eq!(asked_of, 3 * 40 * rules.bound.len());
    }
}

#[test]
fn of_typologies_that_are_bound_each_for_itself_the_wrong_ones_alone_are_left_out() {
    let rule = |least: &str, column: &str| {
        case(&format!(
            "when = '{column} >= {least} AND {column} * 2 <> 8'\nscore = '1 - exp(-{column} / 5.0)'"
        ))
    };
    let typologies = [
        rule("2", "cycle_2"),
        rule("2", "cycle_twoo"),
        rule("4.5", "cycle_2"),
        rule("3", "cycle_2"),
    ];
    let definitions = some();
    let bound = Rules::bind_each(&typologies, &definitions);
    let is_right: Vec<bool> = bound.iter().map(Result::is_ok).collect();
    assert_eq!(is_right, [true, false, true, true]);
    let mut memo = Memo::default();
    for count in 0..7 {
        let cells = cells(&definitions, &[("cycle_2_24h", Cell::of_int(count))]);
        let asking = memo.turn_to(asked(&cells));
        for (typology, bound) in typologies.iter().zip(&bound) {
            let Ok(bound) = bound else { continue };
            assert_eq!(bound.bound[0].typology(), 0);
            let alone =
                Rules::bind(std::slice::from_ref(typology), &definitions).expect("it binds");
            let alone = alone.bound[0].fires(&Memo::default().turn_to(asked(&cells)));
            assert_eq!(bound.bound[0].fires(&asking), alone, "{count}");
        }
        let fires = |at: usize| bound[at].as_ref().ok().and_then(|b| b.bound[0].fires(&asking));
        assert_eq!(fires(0).is_some(), count >= 2 && count != 4, "{count}");
        assert_eq!(fires(2).is_some(), count >= 5, "{count}");
        assert_eq!(fires(3).is_some(), count >= 3 && count != 4, "{count}");
    }
}

proptest! {
    #[test]
    fn thousandths_are_rounded_as_numbers_are(share in 0.0..=1.0_f64, whole in 0_u32..1_000) {
        let halfway = (f64::from(whole) + 0.5) / 1_000.0;
        for share in [share, halfway, halfway.next_down(), halfway.next_up(), 0.0, 1.0] {
            let thousandths = f64::from(super::permille(share));
            prop_assert_eq!(thousandths.to_bits(), (share * 1_000.0).round().to_bits(), "{}", share);
        }
    }
}

#[test]
fn a_search_that_was_cut_short_is_known_where_it_counts_nothing_or_every_rule_that_reads_it_asks() {
    let mut definitions = some();
    let columns = definitions.columns();
    let flag = columns.iter().position(|c| c.name == "cycle_saturated_24h").expect("it is there");
    let asks = case("when = \"cycle_3 > 0 AND NOT cycle_saturated\"");
    let by_score =
        case("when = \"cycle_3 > 0\"\nscore = \"CASE WHEN cycle_saturated THEN 0.1 ELSE 0.9 END\"");
    let blind = case("when = \"cycle_count > 0\"");
    let other = case(
        "block = { kind = \"passthrough\" }\nwhen = \"passthrough > 1\"\nevidence = [\"debtor-out\"]",
    );
    for (typologies, is_asked) in [
        (vec![asks.clone(), other.clone()], true),
        (vec![asks.clone(), by_score], true),
        (vec![blind.clone()], false),
        (vec![asks, blind], false),
        (vec![other], false),
    ] {
        let rules = Rules::bind(&typologies, &definitions).expect("they are right");
        for whole in [false, true] {
            let Kind::Cycle { search, .. } = &mut definitions.blocks[0].kind else {
                panic!("the first is one of cycles")
            };
            search.whole = whole;
            let flags = rules.flags(&definitions);
            let (own, none) = (vec![flag], Vec::new());
            let expected = if is_asked || whole { (own, none) } else { (none, own) };
            assert_eq!((flags.known, flags.unknown), expected);
        }
    }
}

#[test]
fn definitions_written_out_are_read_back_the_same() {
    let definitions = crate::union(&ours(), Span::DAY).expect("it is right");
    let text = crate::written(&definitions);
    assert_eq!(Definitions::parse(&text), Ok(definitions), "{text}");
}

#[test]
fn blocks_of_several_typologies_are_one_block() {
    let block = |lines: &str| {
        let text = format!(
            "{HEAD}[[feature]]\n{lines}\n[[case]]\nwhen = 'true'\nscore = 1\nreason = 'r'\nevidence = ['x']"
        );
        Typology::parse("t.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let merged = |one: &str, other: &str| {
        crate::union(&[block(one), block(other)], Span::ZERO)
            .map(|definitions| crate::written(&definitions).matches("[[feature]]").count())
            .map_err(|errors| errors[0].what.clone())
    };
    let activity = "kind = 'activity'\nwindow = '1d'\nmeasures = ['count']";
    let sums = "kind = 'activity'\nwindow = '1d'\nmeasures = ['sum', 'count']";
    let large = "kind = 'activity'\nwindow = '1d'\nmeasures = ['count']\nwhere = 'amount > 9'";
    let cycle = "kind = 'cycle'\nwindow = '1d'\nlongest = 4";
    let longer = "kind = 'cycle'\nwindow = '1d'\nlongest = 9";
    let week = "kind = 'cycle'\nwindow = '7d'\nlongest = 9";
    assert_eq!(merged(activity, sums), Ok(1));
    assert_eq!(merged(cycle, longer), Ok(1));
    assert_eq!(merged(cycle, week), Ok(2));
    // A longer search runs out sooner: what is to be whole is done by no other.
    let [whole, longer_whole] = [cycle, longer].map(|block| format!("{block}\nwhole = true"));
    assert_eq!(merged(&whole, &whole), Ok(1));
    let clash = Err("`cycle_2_1d` has another meaning in t.toml".to_owned());
    for (one, other) in [(&*whole, &*longer_whole), (&whole, cycle), (longer, &whole)] {
        assert_eq!(merged(one, other), clash, "{one} and {other}");
    }
    let clash = "`debtor_out_count_1d` has another meaning in t.toml".to_owned();
    assert_eq!(merged(activity, large), Err(clash));
}

/// What is wrong in a typology with one case over one day of cycles and chains.
fn checked(lines: &str) -> String {
    let features = "[[feature]]\nkind = 'cycle'\nwindow = '1d'\nlongest = 5\n[[feature]]\nkind = \
                    'chain'\nwindow = '1d'\nretention_permille = 800\ndeepest = 10\n";
    let parameters = "[parameters.most]\nvalue = 3\nrange = [1, 9]\nunit = 'a'\nwhat = 'b'\n";
    let rest = "reason = 'r'\nscore = 0.5\nevidence = ['cycle_3_1d']";
    let text = format!("{HEAD}{parameters}{features}[[case]]\n{lines}\n{rest}");
    let wrong = match Typology::read("t.toml", &text) {
        Ok(typology) => crate::check(&[typology]),
        Err(errors) => errors,
    };
    let told: Vec<String> = wrong
        .iter()
        .map(|e| {
            let what = e.what.lines().next().unwrap_or_default();
            format!("{}:{} {what} ({})", e.line, e.column, e.hint)
        })
        .collect();
    told.join("\n")
}

#[test]
fn a_check_points_at_the_place_and_says_what_would_do() {
    for (when, wrong) in [
        ("cycle_3_1d > most", ""),
        (
            "cycle_3_1d > 0 AND\ncycle_3_d > 1",
            "24:1 there is no column `cycle_3_d` (did you mean `cycle_3_1d`, `cycle_2_1d`, `cycle_4_1d`?)",
        ),
        (
            "creditor_in_fan_30d > 4",
            "23:1 there is no column `creditor_in_fan_30d` (no block makes it: add [[feature]] with kind = \
             \"activity\", measures = [\"fan\"], window = \"30d\")",
        ),
        (
            "nationality = 'X'",
            "23:1 `nationality` cannot be used: nationality and origin are protected attributes (rules speak of \
             payments, never of who somebody is)",
        ),
        (
            "chain_depth_1d > 10",
            "23:1 is true of no payment: `chain_depth_1d` cannot be above 10: it lies between 0 and 10 (loosen it, \
             or remove the case)",
        ),
        (
            "cycle_longest_1d >= most + 3",
            "23:1 is true of no payment: `cycle_longest_1d` cannot be at least 6: it lies between 0 and 5 (loosen it, or remove the case)",
        ),
        (
            "amount < 0",
            "23:1 is true of no payment: `amount` cannot be below 0: it is never below 0 (loosen it, or remove the case)",
        ),
        (
            "cycle_3_1d > 5 AND cycle_3_1d < 5",
            "23:1 is true of no payment: `cycle_3_1d` cannot be above 5 and below 5 (loosen it, or remove the case)",
        ),
    ] {
        let lines = format!("when = \"\"\"\n{when}\"\"\"");
        assert_eq!(checked(&lines), wrong, "{when}");
    }
}

#[test]
fn two_typologies_of_one_id_are_told_with_both_files() {
    let mut one = ours();
    let mut twin = one[0].clone();
    twin.file = "copy.toml".to_owned();
    one.push(twin);
    let wrong = crate::check(&one);
    let [wrong] = &wrong[..] else { panic!("one error, not {wrong:?}") };
    assert_eq!(wrong.what, format!("`{}` is the id of {} too", one[0].id, one[0].file));
    assert_eq!((wrong.file.as_str(), wrong.line, wrong.column), ("copy.toml", 1, 6));
}

#[test]
fn a_parameter_is_set_within_its_range_and_changes_when_a_rule_fires() {
    let text = format!(
        "{HEAD}[parameters.least]\nvalue = 3\nrange = [1, 9]\nunit = 'cycles'\nwhat = 'b'\n[values]\n\
         many = 'cycle_2_24h * 2'\n[[case]]\nwhen = 'many >= least'\nscore = 1\nreason = '{{many}} of {{least}}'\n\
         evidence = ['cycle_3_24h']"
    );
    let mut typology = Typology::parse("t.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert!(typology.set("least", 10.0).is_err() && typology.set("most", 1.0).is_err());
    let definitions = some();
    let cells = cells(&definitions, &[("cycle_2_24h", Cell::of_int(2))]);
    let mut told = |value| {
        typology.set("least", value).expect("it is in range");
        let rules = Rules::bind(std::slice::from_ref(&typology), &definitions).expect("it binds");
        let fires = rules.bound[0].fires(&Memo::default().turn_to(asked(&cells)));
        fires.map(|_| rules.bound[0].reason(asked(&cells)))
    };
    assert_eq!(told(4.0).as_deref(), Some("4 of 4"));
    assert_eq!(told(5.0), None);
}

#[test]
fn the_time_is_that_of_the_institutions_clock() {
    for (when, fires) in [
        ("hour(time) = 22 AND minute(time) = 5", true),
        ("isodow(time) = 4", true),
        ("year(time) = 2024 AND month(time) = 2 AND day(time) = 29", true),
        ("hour(time) BETWEEN 6 AND 21", false),
    ] {
        assert_eq!(told(&format!("when = \"{when}\""), &[]).is_some(), fires, "{when}");
    }
}

fn payment(number: u32) -> Input {
    Input {
        time: Timestamp(i64::from(number) * 1_000_000),
        debtor: AccountId(number % 7),
        creditor: AccountId(number * 5 % 11),
        minor: 900_000 - i128::from(number),
        currency: Currency::EUR,
        method: None,
    }
}
