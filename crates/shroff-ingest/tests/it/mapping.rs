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
    check_map(MAP, STATEMENT, expect![[r""]]);
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
    check_map(SMALL, "0.5,A,-150.5,EUR\n1,A,0,EUR\n2,B,7,USD\n", expect![[r""]]);
}

#[test]
fn a_direction_column_says_who_pays() {
    let map = MAP.replace(
        "sign = \"statement\"",
        "",
    ) + "[direction]\ncolumn = \"Ref\"\noutgoing = [\"a\"]\nincoming = [\"b\"]\n";
    check_map(&map, &STATEMENT.replace("-1.234,50", "1.234,50"), expect![[r""]]);
}

#[test]
fn a_mistake_in_a_mapping_is_shown_with_its_line() {
    for (from, to, expected) in [
        ("decimal = \",\"", "decimel = \",\"", expect![[r""]]),
        ("decimal = \",\"", "decimal = \";\"", expect![[r""]]),
        ("thousands = \".\"", "thousands = \",\"", expect![[r""]]),
        ("sign = \"statement\"", "sign = \"minus\"", expect![[r""]]),
        ("fixed = \"EUR\"", "fixed = \"EURO1\"", expect![[r""]]),
        ("fixed = \"EUR\"", "", expect![[r""]]),
        ("%d.%m.%Y %H:%M", "%d.%m.%Q", expect![[r""]]),
        ("%d.%m.%Y %H:%M", "dd.mm.yyyy", expect![[r""]]),
        ("+01:00", "CET", expect![[r""]]),
        ("column = \"Betrag\"", "column = \"Betrg\"", expect![[r""]]),
        ("column = \"Betrag\"", "column = 0", expect![[r""]]),
        ("column = \"Betrag\"", "column = 9", expect![[r""]]),
        ("column = \"Betrag\"", "column = \"FILL IN: how much\"", expect![[r""]]),
        ("column = \"Betrag\"", "column = 1.5", expect![[r""]]),
        ("[amount]", "[amount", expect![[r""]]),
        ("[amount]\ncolumn = \"Betrag\"", "[amount]", expect![[r""]]),
        ("delimiter = \";\"", "delimiter = \";;\"", expect![[r""]]),
        ("id = \"Ref\"", "nationality = \"Ref\"", expect![[r""]]),
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
    check_map(&map.replacen("column = 2", "column = \"a\"", 1), twice, expect![[r""]]);
    check_map(
        &map.replacen("[creditor]\ncolumn = 2", "[creditor]\ncolumn = 3", 1)
            .replace("[amount]\ncolumn = 3", "[amount]\ncolumn = 4"),
        twice,
        expect![[r""]],
    );
}

#[test]
fn an_account_may_lack_a_bank_and_not_a_number() {
    check_map(
        MAP,
        &STATEMENT.replace("00:30;100;77", "00:30;;77").replace("12:00;100;77", "12:00;100;"),
        expect![[r""]],
    );
}
