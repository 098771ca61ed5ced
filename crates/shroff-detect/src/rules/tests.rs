//! Rules as text: what binds to what, when they fire, and what they say.
#![expect(clippy::needless_raw_string_hashes, reason = "as `UPDATE_EXPECT=1` writes them")]

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use shroff_types::{AccountId, Currency, Names, Timestamp};

use super::{Asked, RuleError, Rules, Typology};
use crate::cell::Cell;
use crate::definitions::Definitions;
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
        minor: 123_450,
        currency: Currency::EUR,
        method: Some("wire"),
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
    rule.fires(asked, 2).map(|score| (score, rule.reason(asked, 2)))
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
    assert_eq!(rules.bound[0].reason(asked(&cells), 2), "5 3");
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
    rules.bound.iter().map(super::BoundRule::block).collect()
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
        typology `t`, `when` of case 1: there is no column `cycle_longst`
          |
        1 | cycle_longst > 2
          | ^^^^^^^^^^^^
        hint: did you mean `cycle_longest`, `cycle_count`?
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("when = \"amount\"")],
        expect![[r#"
        typology `t`, `when` of case 1: a condition is true or false, this is a real number
          |
        1 | amount
          | ^^^^^^
        hint: compare it with something, for example `... > 0`
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("score = \"0.5 +\"")],
        expect![[r#"
        typology `t`, `score` of case 1: expected an expression, found the end of the expression
          |
        1 | 0.5 +
          |      ^
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("score = \"'high'\"")],
        expect![[r#"
        typology `t`, `score` of case 1: a score is a number from 0 to 1, this is text
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("score = \"amount > 5\"")],
        expect![[r#"
        typology `t`, `score` of case 1: a score is a number from 0 to 1, this is true or false
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("reason = \"{cycle_9} accounts\"")],
        expect![[r#"
        typology `t`, `reason` of case 1: there is no column `cycle_9`
          |
        1 | cycle_9
          | ^^^^^^^
        hint: did you mean `cycle_2`, `cycle_3`, `cycle_4`?
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("reason = \"{cycle_2 accounts\"")],
        expect![[r#"
        typology `t`, `reason` of case 1: `{cycle_2 accounts` has no closing brace
          hint: asked of the block `cycle` with window 24h"#]],
    );
    check(
        &[case("reason = \"{}\"")],
        expect![[r#"
            typology `t`, `reason` of case 1: the expression is empty
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
    two.cases[0].when = "true".to_owned();
    check(
        &[two, case("score = \"nobody\""), case("when = \"true\"")],
        expect![[r#"
        typology `t`, `when` of case 2: there is no column `nothing`
          |
        1 | nothing > 2
          | ^^^^^^^
          hint: asked of the block `cycle` with window 24h
        typology `t`, `score` of case 1: there is no column `nobody`
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
    let bound: Vec<_> = rules.bound.iter().map(|rule| (rule.typology(), rule.block())).collect();
    assert_eq!(bound, [(1, 0), (1, 2), (2, 1)]);
    assert_eq!(rules.idle, [0]);
    assert_eq!(rules.bound[2].evidence(), [crate::Flow::DebtorIn, crate::Flow::DebtorOut]);
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
        typology `t.toml`, file: TOML parse error at line 1, column 1
          |
        1 | id = "t"
          | ^
        missing field `case`
          hint: docs: typologies, for the keys of a file"#]],
    );
    check(
        &format!("{HEAD}case = []"),
        expect![[r#"
        typology `t.toml`, case: there is none
          hint: add a [[case]]"#]],
    );
    let whole =
        "[[case]]\nblock = { kind = \"cycle\" }\nwhen = \"true\"\nscore = \"1\"\nreason = \"r\"\n";
    check(
        &format!("{HEAD}{whole}"),
        expect![[r#"
        typology `t.toml`, file: TOML parse error at line 7, column 1
          |
        7 | [[case]]
          | ^^^^^^^^
        missing field `evidence`
          hint: docs: typologies, for the keys of a file"#]],
    );
    check(
        &format!("{HEAD}{whole}evidence = []"),
        expect![[r#"
        typology `t.toml`, evidence: is empty
          hint: every alert names its payments"#]],
    );
    check(
        &format!("{HEAD}{whole}evidence = [\"patern\"]"),
        expect![[r#"
        typology `t.toml`, file: TOML parse error at line 12, column 13
           |
        12 | evidence = ["patern"]
           |             ^^^^^^^^
        unknown variant `patern`, expected one of `debtor-out`, `debtor-in`, `creditor-out`, `creditor-in`, `pair`, `pattern`
          hint: docs: typologies, for the keys of a file"#]],
    );
    check(
        &format!("{HEAD}{whole}evidence = [\"pattern\"]\nwhne = \"x\""),
        expect![[r#"
        typology `t.toml`, file: TOML parse error at line 13, column 1
           |
        13 | whne = "x"
           | ^^^^
        unknown field `whne`, expected one of `block`, `needs`, `unless`, `when`, `score`, `reason`, `evidence`
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
fn our_typologies_bind_whatever_the_windows() {
    let typologies = ours();
    assert!(typologies.len() >= 8);
    let builtin = Definitions::BUILTIN;
    let other = builtin.replace("\"24h\"", "\"36h\"").replace("\"7d\"", "\"9d\"");
    let other = other.replace("\"45d\"", "\"50d\"");
    for text in [builtin, other.as_str()] {
        let definitions = definitions(text);
        let rules = Rules::bind(&typologies, &definitions).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(RuleError::to_string).collect();
            panic!("{}", errors.join("\n"))
        });
        assert!(rules.idle.is_empty(), "every typology is asked: {:?}", rules.idle);
        // A condition that can never hold would silence a rule.
        for rule in &rules.bound {
            assert_eq!(rule.when.never_true(), None, "{}", typologies[rule.typology].id);
        }
        // And none breaks on a payment.
        let mut extractor = Extractor::new(&definitions, 2);
        let payments: Vec<Input> = (0..40).map(payment).collect();
        let mut asked_of = 0;
        extractor.push(&payments, &Names::default(), &mut |finished| {
            for rule in &rules.bound {
                let asked = Asked { method: None, ..asked(finished.cells) };
                if rule.fires(asked, 2).is_some() {
                    let reason = rule.reason(asked, 2);
                    assert!(!reason.contains("nothing") && !reason.contains('{'), "{reason}");
                }
                asked_of += 1;
            }
        });
        assert_eq!(asked_of, 40 * rules.bound.len());
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

#[test]
fn our_typologies_are_idle_where_nothing_speaks_of_them() {
    let typologies = ours();
    let definitions = definitions("[[feature]]\nkind = \"pair\"\nwindow = \"1d\"");
    let rules = Rules::bind(&typologies, &definitions).expect("nothing to compile");
    assert!(rules.bound.is_empty());
    assert_eq!(rules.idle, (0..typologies.len()).collect::<Vec<_>>());
}
