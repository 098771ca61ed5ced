//! Expressions on rows, as tables.

use proptest::prelude::*;
use shroff_types::Decimal;

use super::{Expression, Program, Schema, Scratch, SqlError, Type, Value, put_in_steps};

fn schema() -> Schema {
    let columns = [
        ("amount", Type::Decimal),
        ("fan", Type::Int),
        ("share", Type::Real),
        ("method", Type::Text),
        ("yes", Type::Bool),
        ("no", Type::Bool),
        ("unknown", Type::Bool),
        ("none", Type::Int),
        ("wei", Type::Decimal),
        ("debtor_out_count_24h", Type::Int),
    ];
    let mut schema = Schema::new(columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec());
    schema.refuse("label", "it is read for evaluation alone");
    schema
        .explain_with(|name| name.starts_with("cycle_").then(|| "add a block `cycle`".to_owned()));
    schema
}

fn row() -> [Value<'static>; 10] {
    [
        Value::Decimal(Decimal { digits: 800_010, decimals: 2 }),
        Value::Int(7),
        Value::Real(0.5),
        Value::from("ACH_in%"),
        Value::Bool(true),
        Value::Bool(false),
        Value::Null,
        Value::Null,
        Value::Decimal(Decimal { digits: 12_345_678_901_234_567_890_123, decimals: 18 }),
        Value::Int(i128::from(i64::MAX)),
    ]
}

/// Each line is an expression, `=>` and its value on [`row`].
fn check(table: &str) {
    let row = row();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (text, expected) = line.rsplit_once("=>").expect("a line has an arrow");
        let value = match Expression::compile(text.trim(), &schema()) {
            Ok(expression) => expression.evaluate(&row[..]).to_string(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(value, expected.trim(), "{text}");
    }
}

fn error(text: &str) -> SqlError {
    match Expression::compile(text, &schema()) {
        Ok(_) => panic!("`{text}` compiles"),
        Err(error) => error,
    }
}

#[test]
fn logic_has_three_values() {
    check(
        "yes AND yes => true
         yes AND no => false
         no AND yes => false
         no AND no => false
         yes AND unknown => NULL
         unknown AND yes => NULL
         no AND unknown => false
         unknown AND no => false
         unknown AND unknown => NULL
         yes OR yes => true
         yes OR no => true
         no OR yes => true
         no OR no => false
         yes OR unknown => true
         unknown OR yes => true
         no OR unknown => NULL
         unknown OR no => NULL
         unknown OR unknown => NULL
         NOT yes => false
         NOT no => true
         NOT unknown => NULL
         unknown IS TRUE => false
         unknown IS NOT TRUE => true
         unknown IS FALSE => false
         unknown IS NOT FALSE => true
         yes IS TRUE => true
         no IS TRUE => false
         no IS FALSE => true
         yes IS NOT FALSE => true
         unknown IS NULL => true
         unknown IS UNKNOWN => true
         unknown IS NOT NULL => false
         yes IS NULL => false
         NULL AND no => false
         NULL => NULL
         yes AND (NOT no) AND (unknown OR yes) => true
         no OR yes AND no => false
         NOT no AND no => false",
    );
}

#[test]
fn comparisons_know_null_and_all_orders() {
    check(
        "fan = 7 => true
         fan <> 7 => false
         fan != 8 => true
         fan < 7 => false
         fan < 8 => true
         fan <= 7 => true
         fan <= 6 => false
         fan > 7 => false
         fan > 6 => true
         fan >= 7 => true
         fan >= 8 => false
         7 < fan => false
         6 < fan => true
         8 > fan => true
         7 <= fan => true
         8 >= fan => true
         none = 1 => NULL
         none = none => NULL
         none IS DISTINCT FROM 1 => true
         none IS DISTINCT FROM NULL => false
         none IS NOT DISTINCT FROM NULL => true
         fan IS DISTINCT FROM 7 => false
         fan IS NOT DISTINCT FROM 7.0 => true
         method = 'ACH_in%' => true
         method > 'ACH' => true
         'B' > method => true
         method < 'ACH_in%' => false
         no < yes => true
         TRUE < no => false
         FALSE < yes => true
         no >= FALSE => true
         FAN = 7 AND \"fan\" = 7 => true
         fan BETWEEN 7 AND 7 => true
         fan BETWEEN 8 AND 9 => false
         fan NOT BETWEEN 8 AND 9 => true
         fan BETWEEN 8 AND none => false
         fan BETWEEN 1 AND none => NULL
         fan BETWEEN none AND 6 => false
         fan IN (1, 7) => true
         fan IN (1, none) => NULL
         fan IN (7, none) => true
         fan NOT IN (1, 2) => true
         fan NOT IN (1, none) => NULL
         fan NOT IN (7, none) => false
         none IN (1) => NULL
         method IN ('wire', 'ACH_in%') => true
         (fan = 7) = yes => true
         (fan IN (7)) IS TRUE => true",
    );
}

#[test]
fn amounts_are_exact() {
    check(
        "amount >= 8000 AND amount < 10000 => true
         amount = 8000.1 => true
         amount = 8000.10 => true
         amount = 8000.100000000000000000000000000001 => false
         amount < 8000.100000000000000000000000000001 => true
         amount > 8000.09999 => true
         amount BETWEEN 8000.1 AND 8000.1 => true
         0.1 + 0.2 = 0.3 => true
         1e-1 + 2e-1 = 3e-1 => false
         amount * 3 = 24000.3 => true
         amount - 0.1 => 8000.00
         amount % 1000 => 0.10
         -amount % 1000 => -0.10
         amount / 2 => 4000.05
         wei = 12345.678901234567890123 => true
         wei > 12345.678901234567890122 => true
         wei < 12345.678901234567890124 => true
         wei * wei * wei => NULL
         wei > 99999999999999999999999999999999999999 => false
         -99999999999999999999999999999999999999 < wei => true
         wei > 12345.6789012345678e0 => false
         wei = 12345.6789012345678e0 => true
         floor(amount) => 8000
         ceil(amount) => 8001
         floor(-amount) => -8001
         ceil(-amount) => -8000
         round(amount, -3) => 8000
         round(8500.5, -3) => 9000
         round(-8500.5, -3) => -9000
         round(2.345, 2) => 2.35
         round(-2.5) => -3
         round(2.4) => 2
         CAST(amount AS BIGINT) => 8000
         CAST(2.5 AS BIGINT) => 3
         CAST(2.5e0 AS BIGINT) => 2
         2.345e0::DECIMAL(10, 2) => 2.35
         CAST(12345.6 AS DECIMAL(6, 2)) => NULL
         CAST(1234.5 AS DECIMAL(6, 2)) => 1234.50",
    );
}

#[test]
fn numbers_widen_and_what_does_not_fit_is_null() {
    check(
        "fan / 2 => 3.5
         fan % 4 => 3
         -fan % 4 => -3
         fan / 0 => NULL
         fan % 0 => NULL
         amount % 0 => NULL
         share / 0 => NULL
         share % 0 => NULL
         ln(0) => NULL
         sqrt(-1) => NULL
         power(-8, 0.5) => NULL
         1e300 * 1e300 => NULL
         90071992547409.93 + 0e0 = 90071992547409.93e0 => true
         900719925474099.5 + 0e0 = 900719925474099.5e0 => true
         debtor_out_count_24h + 1 => 9223372036854775808
         debtor_out_count_24h * debtor_out_count_24h > 0 => true
         debtor_out_count_24h * debtor_out_count_24h * debtor_out_count_24h => NULL
         fan + share => 7.5
         fan + amount => 8007.10
         amount + share => 8000.6
         1 + 2 * 3 - 4 % 3 => 6
         (1 + 2) * 3 => 9
         - - 3 => 3
         +fan - -1 => 8
         1_000 => 1000
         round(share) => 1
         round(-2.5e0) => -3
         round(2.675e0, 2) => 2.68
         round(1254.56e0, -2) => 1300
         round(1250, -2) => 1300
         abs(-fan) => 7
         abs(-2.50) => 2.5
         abs(-share) => 0.5
         sign(-2.5) + sign(fan) + sign(0.0) => 0
         sqrt(2.25) => 1.5
         power(2, 10) => 1024
         pow(2, 10) => 1024
         log10(1000) => 3
         log2(8) => 3
         ln(exp(1)) => 1
         least(fan, none, 3) => 3
         greatest(fan, none, 7.5) => 7.5
         least(none, NULL) => NULL
         coalesce(none, fan) => 7
         coalesce(none, NULL) => NULL
         nullif(fan, 7.0) => NULL
         nullif(fan, 8) => 7
         nullif(fan, none) => 7
         nullif(none, 1) => NULL
         nullif(amount, 8000.1e0) IS NULL => true",
    );
}

#[test]
fn text_is_matched_as_duckdb_does() {
    check(
        "method LIKE 'ACH%' => true
         method LIKE '%' => true
         method LIKE 'ACH' => false
         method LIKE 'ach%' => false
         method ILIKE 'ach%' => true
         method NOT LIKE 'ACH%' => false
         method LIKE '%in_' => true
         method LIKE '%in\\%' => false
         method LIKE '%in\\%' ESCAPE '\\' => true
         method LIKE 'ACHx_in%' ESCAPE 'x' => true
         method LIKE '%x_inx%' ESCAPE 'x' => true
         method LIKE NULL => NULL
         '' LIKE '' => true
         '' LIKE '_' => false
         '' LIKE '%%' => true
         'aab' LIKE '%ab' => true
         'abcbc' LIKE 'a%bc' => true
         'mississippi' LIKE '%iss%ip%' => true
         'mississippi' LIKE '%iss%ix%' => false
         '\u{e4}b' LIKE '_b' => true
         '\u{c4}B' ILIKE '\u{e4}b' => true
         'a' || 'b' || 'c' => abc
         'a' || NULL => NULL
         lower(method) => ach_in%
         upper(method) => ACH_IN%
         length('\u{e4}\u{f6}\u{fc}') => 3
         substr('hello', 2) => ello
         substr('hello', 0) => hello
         substr('hello', 0, 2) => h
         substr('hello', -3) => llo
         substr('hello', -2, 1) => l
         substr('hello', 2, -1) => h
         substr('hello', -10, 7) => he
         substring('hello', 4, -2) => el
         substring('hello' FROM 2 FOR 2) => el
         '|' || substr('hello', 9) => |
         trim('  a ') || '|' => a|
         ltrim('  a ') || '|' => a |
         '|' || rtrim('  a ') || '|' => |  a|

         trim('xxaxx', 'x') => a
         ltrim('xxaxx', 'x') => axx
         trim(LEADING 'x' FROM 'xxaxx') => axx
         starts_with(method, 'ACH') => true
         ends_with(method, 'ACH') => false
         contains(method, 'H_i') => true
         contains(method, '') => true",
    );
}

#[test]
fn case_takes_the_first_that_is_true() {
    check(
        "CASE WHEN unknown THEN 1 WHEN yes THEN 2 ELSE 3 END => 2
         CASE WHEN no THEN 1 END => NULL
         CASE WHEN no THEN 1 ELSE 2.5 END => 2.5
         CASE fan WHEN 1 THEN 'a' WHEN 7 THEN 'b' WHEN 7 THEN 'c' END => b
         CASE fan WHEN 1 THEN 'a' ELSE 'z' END => z
         CASE none WHEN NULL THEN 'a' ELSE 'z' END => z
         CASE WHEN fan > 5 THEN amount ELSE 0 END > 8000 => true",
    );
}

/// Text and error: the place, what is there, what is wrong, and the hint.
const ERRORS: &[(&str, &str)] = &[
    ("amont > 5", "1:1 `amont` there is no column `amont` / did you mean `amount`?"),
    ("fan > 1\n  AND fun < 3", "2:7 `fun` there is no column `fun` / did you mean `fan`?"),
    ("cycle_9_7d > 0", "1:1 `cycle_9_7d` there is no column `cycle_9_7d` / add a block `cycle`"),
    ("fan > 1 OR label", "1:12 `label` `label` cannot be used: it is read for evaluation alone / "),
    (
        "method = \"wire\"",
        "1:10 `\"wire\"` there is no column `wire` / text is in single quotes: 'wire'",
    ),
    (
        "method = 5",
        "1:10 `5` cannot compare text with a whole number / text is in single quotes: '5'",
    ),
    (
        "amount > '5'",
        "1:10 `'5'` cannot compare a decimal number with text / a number is written without quotes",
    ),
    (
        "fan AND yes",
        "1:1 `fan` AND takes conditions, this is a whole number / compare it with something, for example `... > 0`",
    ),
    (
        "NOT fan",
        "1:5 `fan` NOT takes conditions, this is a whole number / compare it with something, for example `... > 0`",
    ),
    (
        "1 < fan < 5",
        "1:1 `1 < fan` a comparison stands directly within another / put it in parentheses, or join the two with AND",
    ),
    (
        "yes = fan IN (1)",
        "1:1 `yes = fan` a comparison stands directly within another / put it in parentheses, or join the two with AND",
    ),
    (
        "fan + yes > 1",
        "1:7 `yes` `+` takes numbers, this is true or false / CASE WHEN ... THEN 1 ELSE 0 END makes true or false a number",
    ),
    (
        "fan IN (SELECT 1)",
        "1:1 `fan IN (SELECT 1` a rule reads the columns of one payment: no subquery / what lies in other payments is told by features",
    ),
    (
        "sum(fan) > 1",
        "1:1 `sum` `sum` speaks of many rows, a rule of one payment / what lies in other payments is told by features",
    ),
    (
        "max(fan, 1) > 1",
        "1:1 `max` `max` speaks of many rows, a rule of one payment / the greatest of several columns is greatest(a, b)",
    ),
    ("lenght(method)", "1:1 `lenght` there is no function `lenght` / did you mean `length`?"),
    ("abs(fan, 2)", "1:1 `abs(fan, 2` `abs` takes 1 argument, here are 2 / "),
    ("fan >", "1:6 `` expected an expression, found the end of the expression / "),
    (
        "fan > 1 fan",
        "1:9 `fan` `fan` comes after the end of the expression / is AND or OR missing before it, or an operator?",
    ),
    ("", "1:1 `` the expression is empty / "),
    ("fan = 'a", "1:7 `'a` Unterminated string literal / "),
    (
        "'\u{e4}\u{f6}' = method AND nope",
        "1:19 `nope` there is no column `nope` / did you mean `no`, `none`?",
    ),
    ("method LIKE 'a!' ESCAPE '!'", "1:13 `'a!'` the pattern ends within an escape / "),
    (
        "t.fan > 1",
        "1:1 `t.fan` a column stands alone, without a table / write its name without what is before the point",
    ),
    (
        "round(amount, fan)",
        "1:15 `fan` the decimals to round to are a whole number / it is written out, as in round(amount, 2)",
    ),
];

#[test]
fn errors_tell_the_place_and_what_to_do() {
    let shown = |text: &str| {
        let error = error(text);
        let start = error.column - 1;
        let meant = error.source.chars().skip(start).take(error.width).collect::<String>();
        let hint = error.hint.unwrap_or_default();
        format!("{}:{} `{meant}` {} / {hint}", error.line, error.column, error.what)
    };
    for (text, expected) in ERRORS {
        assert_eq!(shown(text), *expected, "{text}");
    }
}

#[test]
fn an_error_is_shown_with_a_caret() {
    let text = format!(
        "fan > 1 AND\n{} amont > 3 OR {}",
        "yes AND ".repeat(20),
        "no OR ".repeat(20) + "no"
    );
    expect_test::expect![[r"
        there is no column `amont`
          |
        2 | ... es AND yes AND yes AND yes AND yes AND yes AND  amont > 3 OR no OR no OR no OR no OR no OR no OR no O ...
          |                                                     ^^^^^
        hint: did you mean `amount`?"]]
    .assert_eq(&error(&text).to_string());
}

#[test]
fn what_is_deep_or_long_is_refused_and_what_is_wide_is_not() {
    let compile = |text: String| Expression::compile(&text, &schema());
    assert!(compile(format!("{}1{} = 1", "(".repeat(20), ")".repeat(20))).is_ok());
    for open in
        ["(", "NOT ", "-", "abs(", "CASE WHEN ", "yes AND (", "fan IN (", "+", "not(", "- -"]
    {
        for times in [100, 1_000, 20_000] {
            assert!(compile(open.repeat(times)).is_err(), "{open}");
            assert!(compile(format!("{}1", open.repeat(times))).is_err(), "{open}");
        }
    }
    for (link, most) in [(" + fan", 100), (" AND yes", 1_000), (" OR no", 1_000), (" IS NULL", 1)] {
        let chain = |times| {
            format!("{}{}", if link.contains('+') { "1" } else { "yes" }, link.repeat(times))
        };
        assert!(compile(chain(most)).is_ok(), "{link}");
        for times in [1_500, 2_000, 2_048, 5_000, 100_000] {
            assert!(compile(chain(times)).is_err() || times < 1_024, "{link}");
        }
    }
    for link in
        [" || 'a'", "::BIGINT", ".a", " = 1", " LIKE 'a'", " BETWEEN 1 AND 2", " ^ 2", "[1]"]
    {
        for times in [1_000, 2_000, 5_000] {
            assert!(compile(format!("fan{}", link.repeat(times))).is_err(), "{link}");
        }
    }
    let list = (0..8_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert!(compile(format!("fan IN ({list})")).is_ok());
}

#[test]
fn columns_are_those_used() {
    let expression =
        Expression::compile("share > 1 OR fan = 2 AND fan < share", &schema()).unwrap();
    assert_eq!(expression.columns(), [1, 2]);
    assert_eq!(expression.result_type(), Type::Bool);
    let row = row();
    assert!(!expression.is_true(&row[..]));
    let types = [
        ("fan + 1", Type::Int),
        ("fan / 1", Type::Real),
        ("fan + 0.5", Type::Decimal),
        ("amount * share", Type::Real),
        ("coalesce(NULL, 'a')", Type::Text),
        ("NULL", Type::Bool),
        ("nullif(fan, 1.5)", Type::Int),
    ];
    for (text, kind) in types {
        assert_eq!(Expression::compile(text, &schema()).unwrap().result_type(), kind, "{text}");
    }
    assert!(Expression::compile_condition("fan", &schema()).is_err());
    assert!(Expression::compile_condition("fan = 1", &schema()).is_ok());
}

#[test]
fn a_condition_that_cannot_be_true_says_why() {
    for (text, reason) in [
        ("fan > 5 AND fan < 3", "`fan` cannot be above 5 and below 3"),
        ("fan > 5 AND yes AND fan < 6", "`fan` cannot be above 5 and below 6"),
        ("fan > 5 AND (yes AND 5 >= fan)", "`fan` cannot be above 5 and at most 5"),
        ("fan = 2.5", "`fan` cannot be equal to 2.5"),
        (
            "amount >= 10000 AND amount < 9999.99",
            "`amount` cannot be at least 10000 and below 9999.99",
        ),
        ("share > 1 AND share < 0.5", "`share` cannot be above 1 and below 0.5"),
        ("method = 'a' AND method = 'b'", "`method` cannot be equal to 'a' and equal to 'b'"),
        ("fan BETWEEN 5 AND 3", "`fan` cannot be at least 5 and at most 3"),
        ("fan IS NULL AND fan > 3", "`fan` cannot be above 3 and NULL"),
        ("fan IS NULL AND fan <> 3", "`fan` cannot be unequal to 3 and NULL"),
        ("yes AND NOT yes", "`yes` cannot be true and false"),
        ("fan = NULL", "it compares with NULL, which is never true; use IS NULL"),
        ("NOT (fan = NULL)", "it compares with NULL, which is never true; use IS NULL"),
        ("1 > 2", "it is always false"),
        ("yes AND 1 = 2", "it is always false"),
        ("NULL", "it is always NULL"),
        (
            "1 > 2 OR fan > 5 AND fan < 3",
            "it is always false; and `fan` cannot be above 5 and below 3",
        ),
    ] {
        let expression = Expression::compile(text, &schema()).unwrap();
        assert_eq!(expression.never_true(), Some(reason), "{text}");
    }
    for text in [
        "fan > 5 AND fan < 7",
        "amount > 5 AND amount < 6",
        "fan > 5 OR fan < 3",
        "fan >= 5 AND fan <= 5",
        "fan BETWEEN 3 AND 3",
        "share > 1 AND share < 1.1",
        "fan IS NULL",
        "fan IS NOT NULL AND fan > 1",
        "method > 'a' AND method < 'b'",
        "NOT (fan > 5 AND fan < 3)",
        "fan <> 1 AND fan <> 2",
        "yes AND NOT no",
        "amount = 2.5",
        "fan > 2.5 AND fan < 3.5",
        "fan",
        "fan IN (1, NULL)",
        "share = 5 AND share < 5.5",
    ] {
        assert_eq!(Expression::compile(text, &schema()).unwrap().never_true(), None, "{text}");
    }
}

/// Words and signs of the language and around it, in any order.
fn soup() -> impl Strategy<Value = String> {
    const WORDS: &str = "( ) , + - * / % || = <> < >= AND OR NOT IS NULL TRUE FALSE DISTINCT FROM \
        BETWEEN IN LIKE ILIKE ESCAPE CASE WHEN THEN ELSE END fan amount share method \
        yes none 1 0.5 1e3 'a' '%' round substr trim coalesce nullif least CAST AS \
        BIGINT :: DECIMAL SELECT EXISTS * . -- /* ; [ ] { interval date extract floor \
        ? $1 999999999999999999999999999999999999999999 OVER DISTINCT ANY position x' \
        @";
    let words = WORDS.split(' ').chain(["'\u{e4}", "\"x\"", "\n", "\t", "\\"]);
    let word = prop::sample::select(words.collect::<Vec<_>>());
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![soup(), "\\PC{0,60}", ".{0,60}"]) {
        let row = row();
        match Expression::compile(&text, &schema()) {
            Ok(expression) => {
                let value = expression.evaluate(&row[..]);
                // What is said to be never true is not.
                prop_assert!(expression.never_true().is_none() || value != Value::Bool(true));
                let by_tree = (value == Value::Bool(true)).then_some(value.as_real().unwrap_or(0.0));
                let mut program = Program::new(expression.clone(), expression);
                put_in_steps([(0, &mut program)]);
                prop_assert_eq!(program.ask(&row[..], &Scratch::default()), by_tree);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn bounds_are_what_every_part_of_a_condition_asks_of_one_column() {
    let bounds = |text: &str| {
        let compiled = Expression::compile_condition(text, &schema()).expect("it compiles");
        let written = |b: &super::Bounds| {
            let low = if b.low > f64::MIN { b.low.to_string() } else { "least".to_owned() };
            let high = if b.high < f64::MAX { b.high.to_string() } else { "most".to_owned() };
            format!("{} {low} {high}", b.column)
        };
        let (bounds, _) = compiled.behind_bounds(|_| true);
        bounds.iter().map(written).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        bounds("fan >= 3 AND share <= 0.5e0 AND fan < 3"),
        "1 3 2.9999999999999996, 2 least 0.5"
    );
    assert_eq!(bounds("fan BETWEEN 2 AND 5 AND (fan > 7 OR yes)"), "1 2 5");
    assert_eq!(bounds("3 < fan"), "1 3.0000000000000004 most");
    // A decimal number need not be a real: the next ones are within.
    assert_eq!(bounds("fan > 0.25 AND fan < 0.5"), "1 0.24999999999999997 0.5000000000000001");
    // What asks of two columns, of NULL, or of something else than a range, has none.
    assert_eq!(bounds("fan >= none AND fan IS NULL AND NOT fan = 2 AND fan <> 3"), "");
    assert_eq!(bounds("fan >= 9007199254740993 OR fan = 1"), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_condition_is_true_within_its_bounds_alone(
        parts in prop::collection::vec((0_usize..7, -2_i32..3, 0_usize..3), 1..5),
        fan in prop::option::of(-3_i64..4),
        share in prop::option::of(prop_oneof![
            4 => (-3_i32..4).prop_map(f64::from),
            1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
        ]),
        is_bounded in any::<[bool; 2]>(),
    ) {
        let mut text = String::new();
        for (number, (how, bound, kind)) in parts.into_iter().enumerate() {
            let joined = match (number, how % 3) { (0, _) => "", (_, 0) => " OR ", _ => " AND " };
            let (column, bound) = match kind {
                0 => ("share", format!("{bound}e0")),
                1 => ("fan", bound.to_string()),
                _ => ("fan", format!("{bound}.5")),
            };
            let part = match how {
                6 => format!("{column} BETWEEN {bound} AND 1"),
                _ => format!("{column} {} {bound}", ["<", "<=", "=", "<>", ">=", ">"][how]),
            };
            text = format!("{text}{joined}{part}");
        }
        let condition = Expression::compile_condition(&text, &schema()).expect("it compiles");
        let mut row = row();
        row[1] = fan.map_or(Value::Null, |fan| Value::Int(fan.into()));
        row[2] = share.map_or(Value::Null, Value::Real);
        let (bounds, rest) = condition.clone().behind_bounds(|column| is_bounded[column - 1]);
        let within = |bounds: &super::Bounds| {
            let value = row[bounds.column].as_real();
            value.is_some_and(|value| bounds.low <= value && value <= bounds.high)
        };
        let within = bounds.iter().all(within);
        prop_assert_eq!(within && rest.is_true(&row[..]), condition.is_true(&row[..]), "{}", text);
    }
}

#[test]
fn uneven_bounds_how_likely_a_part_is() {
    let names = ["part", "whole", "share"].map(|name| (name.to_owned(), Type::Real));
    let schema = Schema::new(names.to_vec());
    let uneven = Expression::compile("uneven(part, whole, share)", &schema).expect("it compiles");
    let of = |row: [f64; 3]| uneven.real(&row.map(Value::Real)[..]);
    for (whole, share) in [(5_u32, 0.625), (12, 0.25), (40, 0.7)] {
        // The chance of each part, one after the other: binomial.
        let (mut chances, mut chance) = (Vec::new(), (1.0_f64 - share).powf(f64::from(whole)));
        for part in 0..=whole {
            chances.push(chance);
            chance *= f64::from(whole - part) / f64::from(part + 1) * share / (1.0 - share);
        }
        for part in 0..=whole {
            let uneven = of([f64::from(part), f64::from(whole), share]).expect("a number");
            let is_less = f64::from(part) < f64::from(whole) * share;
            assert!(
                if is_less { uneven < 0.0 } else { uneven >= 0.0 },
                "{part} of {whole}: {uneven}"
            );
            let uneven = uneven.abs();
            let (below, above) = (&chances[..=part as usize], &chances[part as usize..]);
            let as_far: f64 = if is_less { below } else { above }.iter().sum();
            assert!(as_far <= (-uneven).exp() + 1e-12, "{part} of {whole}: {as_far}");
            assert!(as_far >= (-uneven).exp() / 30.0, "{part} of {whole}: {as_far}");
        }
    }
    assert_eq!(of([0.0, 4.0, 0.0]), Some(0.0));
    assert_eq!(of([4.0, 4.0, 1.0]), Some(0.0));
    for none in
        [[1.0, 4.0, 0.0], [3.0, 4.0, 1.0], [5.0, 4.0, 0.5], [-1.0, 4.0, 0.5], [1.0, 4.0, 1.5]]
    {
        assert_eq!(of(none), None, "{none:?}");
    }
}

/// How likely so many events or more are, where `expected` are expected at a pace that was learnt
/// from `seen` of them: negative binomial, one term after the other.
fn tail(count: u32, expected: f64, seen: f64) -> f64 {
    let mut term = (seen / (expected + seen)).powf(seen);
    let mut below = 0.0;
    for number in 0..count {
        below += term;
        term *= (f64::from(number) + seen) / f64::from(number + 1) * expected / (expected + seen);
    }
    1.0 - below
}

#[test]
fn surprise_bounds_how_likely_a_count_is() {
    let names = ["n", "e", "k"].map(|name| (name.to_owned(), Type::Real));
    let schema = Schema::new(names.to_vec());
    let compile = |text| Expression::compile(text, &schema).expect("it compiles");
    let (learnt, certain) = (compile("surprise(n, e, k)"), compile("surprise(n, e)"));
    let real = |of: &Expression, row: [f64; 3]| match of.evaluate(&row.map(Value::Real)[..]) {
        Value::Real(value) => value,
        other => panic!("{other:?} of {row:?}"),
    };
    for (count, expected, seen) in [(6, 0.5, 2.0), (12, 3.0, 0.5), (9, 2.5, 40.0), (30, 8.0, 5.5)] {
        let surprise = real(&learnt, [f64::from(count), expected, seen]);
        let chance = tail(count, expected, seen);
        assert!(chance <= (-surprise).exp(), "{count} of {expected} by {seen}: {chance}");
        // And it is no idle bound.
        assert!(chance >= (-surprise).exp() / 30.0, "{count} of {expected} by {seen}: {chance}");
        let sure = real(&certain, [f64::from(count), expected, 0.0]);
        assert!(surprise < sure, "what is not certain surprises less");
        let nearly = real(&learnt, [f64::from(count), expected, 1e9]);
        assert!((nearly - sure).abs() < 1e-5, "{nearly} and {sure}");
    }
    assert_eq!(real(&learnt, [3.0, 4.0, 1.0]).to_bits(), 0.0_f64.to_bits());
    let row = [3.0, 1.0, -1.0].map(Value::Real);
    assert_eq!(learnt.evaluate(&row[..]), Value::Null, "nobody saw fewer than none");
}
