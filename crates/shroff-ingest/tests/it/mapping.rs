//! Files of any columns, through a mapping.

use expect_test::expect;

use crate::door::check_map;

const MAP: &str = "
delimiter = \";\"
skip_lines = 2
id = \"Ref\"

[time]
columns = [\"Tag\", \"Uhrzeit\"]
format = \"%d.%m.%Y %H:%M\"
utc_offset = \"+01:00\"

[debtor]
columns = [\"BLZ\", \"Konto\"]
join = \"-\"

[creditor]
column = \"Gegenkonto\"
strip_spaces = true

[amount]
column = \"Betrag\"
decimal = \",\"
thousands = \".\"
sign = \"statement\"

[currency]
fixed = \"EUR\"

[label]
column = \"Verdacht\"
true = [\"ja\", 1]
";

const STATEMENT: &str = "Umsatzliste
vom 1.2.2024
Ref;Tag;Uhrzeit;BLZ;Konto;Gegenkonto;Betrag;Verdacht
a;31.12.2024;00:30;100;77;DE89 3704 0044 0532 0130 00;-1.234,50;ja
b;31.12.2024;12:00;100;77;DE89370400440532013000;+99,99;nein
c;31.12.2024;12:00;100;77;DE89370400440532013000;9.99;1
d;12/31/2024;12:00;100;77;DE89370400440532013000;9,99;1
";

#[test]
fn a_statement_of_a_german_bank_is_read() {
    check_map(
        MAP,
        STATEMENT,
        expect![[r#"
        a 2024-12-30T23:30:00Z 100-77 -> DE89370400440532013000 1234.50 EUR LABELLED
        b 2024-12-31T11:00:00Z DE89370400440532013000 -> 100-77 99.99 EUR good
        REFUSED in.csv:6: Betrag `9.99`: the amount is not a number (hint: digits with a `,` before the decimals and groups of three; a mapping can name another decimal mark and a mark between thousands)
        REFUSED in.csv:7: Tag `12/31/2024 12:00`: the time is not a date of the form expected (hint: written as `%d.%m.%Y %H:%M`)
        mapping (CSV): 4 records = 2 + 2 refused
    "#]],
    );
}

const SMALL: &str = "header = false
[time]
column = 1
format = \"seconds\"
[debtor]
column = 2
[creditor]
column = 2
[amount]
column = 3
units = \"minor\"
rounding = \"round\"
sign = \"absolute\"
[currency]
column = 4
[[leave_out]]
column = 3
values = [0]
reason = \"moves nothing\"
";

#[test]
fn columns_without_a_header_are_named_by_number() {
    check_map(
        SMALL,
        "0.5,A,-150.5,EUR\n1,A,0,EUR\n2,B,7,USD\n",
        expect![[r#"
        1 1970-01-01T00:00:00.500Z A -> A 1.50 EUR
        3 1970-01-01T00:00:02Z B -> B 0.07 USD
        mapping (CSV): 3 records = 2 + 0 refused + 1 moves nothing, 1 rounded
    "#]],
    );
}

#[test]
fn a_direction_column_says_who_pays() {
    let map = MAP.replace("sign = \"statement\"", "")
        + "[direction]\ncolumn = \"Ref\"\noutgoing = [\"a\"]\nincoming = [\"b\"]\n";
    check_map(
        &map,
        &STATEMENT.replace("-1.234,50", "1.234,50"),
        expect![[r#"
        a 2024-12-30T23:30:00Z 100-77 -> DE89370400440532013000 1234.50 EUR LABELLED
        b 2024-12-31T11:00:00Z DE89370400440532013000 -> 100-77 99.99 EUR good
        mapping (CSV): 4 records = 2 + 0 refused + 2 goes neither out nor in by its direction
    "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn a_mistake_in_a_mapping_is_shown_with_its_line() {
    for (from, to, expected) in [
        (
            "decimal = \",\"",
            "decimel = \",\"",
            expect![[r#"
            map.toml, line 21: unknown field `decimel`, expected one of `column`, `decimal`, `thousands`, `units`, `rounding`, `sign`: `decimel`
            hint: nearest are `decimal`
        "#]],
        ),
        (
            "decimal = \",\"",
            "decimal = \";\"",
            expect![[r#"
            map.toml, line 21, key `amount.decimal`: the decimal mark is none: `;`
            hint: `.` or `,`
        "#]],
        ),
        (
            "thousands = \".\"",
            "thousands = \",\"",
            expect![[r#"
            map.toml, line 22, key `amount.thousands`: the mark between thousands is none: `,`
            hint: one of `.`, `,`, a space, `'` or `_`, and not the decimal mark
        "#]],
        ),
        (
            "sign = \"statement\"",
            "sign = \"minus\"",
            expect![[r#"
            map.toml, line 23: unknown variant `minus`, expected one of `positive`, `absolute`, `statement`: `"minus"`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "fixed = \"EUR\"",
            "fixed = \"EURO1\"",
            expect![[r#"
            map.toml, line 26, key `currency.fixed`: the currency is not known: `EURO1`
            hint: three letters of ISO 4217, such as `EUR`
        "#]],
        ),
        (
            "fixed = \"EUR\"",
            "",
            expect![[r#"
            map.toml, line 25, key `currency`: it needs either a column or a fixed currency
            hint: write `column = "..."` if a column names the currency, or `fixed = "EUR"` if all payments are in one
        "#]],
        ),
        (
            "%d.%m.%Y %H:%M",
            "%d.%m.%Q",
            expect![[r#"
            map.toml, line 8, key `time.format`: the time format is none: `%d.%m.%Q`
            hint: `rfc3339`, `micros`, `millis`, `seconds`, `hours`, `days`, or a pattern such as `%d.%m.%Y %H:%M`
        "#]],
        ),
        (
            "%d.%m.%Y %H:%M",
            "dd.mm.yyyy",
            expect![[r#"
            map.toml, line 8, key `time.format`: the time format is none: `dd.mm.yyyy`
            hint: `rfc3339`, `micros`, `millis`, `seconds`, `hours`, `days`, or a pattern such as `%d.%m.%Y %H:%M`
        "#]],
        ),
        (
            "+01:00",
            "CET",
            expect![[r#"
            map.toml, line 9, key `time.utc_offset`: the offset is none: `CET`
            hint: hours and minutes ahead of UTC, such as `+01:00` or `-05:30`
        "#]],
        ),
        (
            "column = \"Betrag\"",
            "column = \"Betrg\"",
            expect![[r#"
            map.toml, line 20, key `amount.column`: `in.csv` has no column of this name: `Betrg`
            hint: nearest are `Betrag`
        "#]],
        ),
        (
            "column = \"Betrag\"",
            "column = 0",
            expect![[r#"
            map.toml, line 20: columns are numbered from 1, not 0: `0`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "column = \"Betrag\"",
            "column = 9",
            expect![[r#"
            map.toml, line 20, key `amount.column`: `in.csv` has only 8 columns: `9`
            hint: columns are numbered from 1 to 8
        "#]],
        ),
        (
            "column = \"Betrag\"",
            "column = \"FILL IN: how much\"",
            expect![[r#"
            map.toml, line 20, key `amount.column`: this is still to be filled in: `FILL IN: how much`
            hint: put a column's name there; `in.csv` has `Ref`, `Tag`, `Uhrzeit`, `BLZ`, `Konto`, `Gegenkonto`, `Betrag`, `Verdacht`
        "#]],
        ),
        (
            "column = \"Betrag\"",
            "column = 1.5",
            expect![[r#"
            map.toml, line 20: invalid type: floating point `1.5`, expected a column: its name in quotes, or its number from 1: `1.5`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "[amount]",
            "[amount",
            expect![[r#"
            map.toml, line 19: unclosed table, expected `]`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "[amount]\ncolumn = \"Betrag\"",
            "[amount]",
            expect![[r#"
            map.toml, line 19: missing field `column`: `[amount]`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "delimiter = \";\"",
            "delimiter = \";;\"",
            expect![[r#"
            map.toml, line 2, key `delimiter`: the delimiter is none: `;;`
            hint: one character, such as `;` or `\t`
        "#]],
        ),
        (
            "id = \"Ref\"",
            "nationality = \"Ref\"",
            expect![[r#"
            map.toml, line 4: unknown field `nationality`, expected one of `delimiter`, `header`, `skip_lines`, `id`, `time`, `debtor`, `creditor`, `amount`, `currency`, `method`, `attempt`, `label`, `direction`, `leave_out`: `nationality`
            hint: nearest are `delimiter`, `header`, `skip_lines`, `id`, `time`, `debtor`, `creditor`, `amount`, `currency`, `method`, `attempt`, `label`, `direction`, `leave_out`
        "#]],
        ),
    ] {
        assert!(MAP.contains(from), "{from}");
        check_map(&MAP.replacen(from, to, 1), STATEMENT, expected);
    }
}

#[test]
fn a_doubled_column_must_be_named_by_number() {
    let twice = "t,a,a,v\n1,A,B,5\n";
    let map = SMALL
        .replace("header = false", "")
        .replace("column = 4", "fixed = \"EUR\"")
        .replace("minor", "major");
    check_map(
        &map.replacen("column = 2", "column = \"a\"", 1),
        twice,
        expect![[r#"
        map.toml, line 6, key `debtor.column`: `in.csv` has two columns of this name: `a`
        hint: name the column by its number, from 1, without quotes
    "#]],
    );
    check_map(
        &map.replacen("[creditor]\ncolumn = 2", "[creditor]\ncolumn = 3", 1)
            .replace("[amount]\ncolumn = 3", "[amount]\ncolumn = 4"),
        twice,
        expect![[r#"
            1 1970-01-01T00:00:01Z A -> B 5.00 EUR
            mapping (CSV): 1 records = 1 + 0 refused
        "#]],
    );
}

#[test]
fn an_account_may_lack_a_bank_and_not_a_number() {
    check_map(
        MAP,
        &STATEMENT.replace("00:30;100;77", "00:30;;77").replace("12:00;100;77", "12:00;100;"),
        expect![[r#"
            a 2024-12-30T23:30:00Z -77 -> DE89370400440532013000 1234.50 EUR LABELLED
            REFUSED in.csv:5: Konto ``: the account is missing
            REFUSED in.csv:6: Betrag `9.99`: the amount is not a number (hint: digits with a `,` before the decimals and groups of three; a mapping can name another decimal mark and a mark between thousands)
            REFUSED in.csv:7: Tag `12/31/2024 12:00`: the time is not a date of the form expected (hint: written as `%d.%m.%Y %H:%M`)
            mapping (CSV): 4 records = 1 + 3 refused
        "#]],
    );
}
