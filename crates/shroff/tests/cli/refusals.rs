//! Input that is not as it should be: every message has its place, its value and a hint, and no
//! record is lost in silence.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use crate::door::{Folder, HEAD};

/// Scans one file, or whatever `words` say; exit code, messages, and what is in quarantine.
#[expect(clippy::needless_pass_by_value, reason = "as `expect!` is written")]
fn check_in(folder: &Folder, words: &str, expected: Expect) {
    let ran = folder.run(&format!("scan {words} --out report --accounts plain"));
    let mut story = ran.story();
    if folder.path("report/quarantine.csv").exists() {
        story.push_str("quarantine.csv\n");
        for row in folder.rows("report/quarantine.csv").iter().skip(1) {
            let row = row.join(" | ");
            writeln!(story, "  {}", row.trim_end()).expect("a text");
        }
    }
    // An ending of 1 is not a failure to do the work: everything is written.
    if ran.code != Some(2) {
        let files = folder.list("report");
        for file in ["alerts.jsonl", "alerts.parquet", "quarantine.csv", "report.html", "run.json"]
        {
            assert!(files.iter().any(|f| f == file), "{file} is not among {files:?}");
        }
    }
    expected.assert_eq(&story);
}

fn check(bytes: impl AsRef<[u8]>, words: &str, expected: Expect) {
    check_in(&Folder::with("in.csv", bytes), &format!("in.csv {words}"), expected);
}

/// A ledger with one bad line among good ones.
fn with_line(line: &str) -> String {
    format!(
        "{HEAD}1,2024-01-01T10:00:00Z,A,B,10.00,EUR\n{line}\n3,2024-01-02T10:00:00Z,B,C,10.00,EUR\n"
    )
}

#[test]
fn a_bad_value_is_set_aside_with_its_place_and_reason_and_the_run_goes_on() {
    let lines = "2,2024-01-01T11:00:00Z,A,B,-10.00,EUR
3,2024-01-01T11:00:00Z,A,B,0.00,EUR
4,2024-02-30T11:00:00Z,A,B,10.00,EUR
5,2024-01-01T11:00:00Z,A,B,10.00,ERU
6,2024-01-01T11:00:00Z,,B,10.00,EUR
7,2024-01-01T11:00:00Z,A,B,ten,EUR";
    check(
        with_line(lines),
        "--max-bad 100%",
        expect![[r#"
            exit 0
            note: in.csv: 8 records read as shroff (CSV)
            warning: 1 bad record: the account is missing; the first in in.csv, line 7, debtor: ``
            warning: 1 bad record: the amount is negative; the first in in.csv, line 3, amount: `-10.00`
            hint: a reversal is a payment the other way round; in a mapping, say what the sign means with `sign` under `[amount]`
            warning: 1 bad record: the amount is not a number; the first in in.csv, line 8, amount: `ten`
            hint: digits with a `.` before the decimals; a mapping can name another decimal mark and a mark between thousands
            warning: 1 bad record: the amount is zero; the first in in.csv, line 4, amount: `0.00`
            hint: a payment moves money; leave such rows out
            warning: 1 bad record: the currency is not known; the first in in.csv, line 6, currency: `ERU`
            hint: three letters of ISO 4217, such as EUR; is it `EUR`?
            warning: 1 bad record: the time is not a date of the form expected; the first in in.csv, line 5, time: `2024-02-30T11:00:00Z`
            hint: RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970
            quarantine.csv
              in.csv | 3 | amount | -10.00 | the amount is negative | a reversal is a payment the other way round; in a mapping, say what the sign means with `sign` under `[amount]`
              in.csv | 4 | amount | 0.00 | the amount is zero | a payment moves money; leave such rows out
              in.csv | 5 | time | 2024-02-30T11:00:00Z | the time is not a date of the form expected | RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970
              in.csv | 6 | currency | ERU | the currency is not known | three letters of ISO 4217, such as EUR; is it `EUR`?
              in.csv | 7 | debtor |  | the account is missing |
              in.csv | 8 | amount | ten | the amount is not a number | digits with a `.` before the decimals; a mapping can name another decimal mark and a mark between thousands
        "#]],
    );
}

#[test]
fn more_bad_records_than_allowed_end_in_exit_code_1_with_everything_written() {
    check(
        with_line("2,2024-01-01T11:00:00Z,A,B,0.00,EUR"),
        "",
        expect![[r#"
        exit 1
        note: in.csv: 3 records read as shroff (CSV)
        warning: 1 bad record: the amount is zero; the first in in.csv, line 3, amount: `0.00`
        hint: a payment moves money; leave such rows out
        warning: 1 of 3 records were bad (33.33 %), more than --max-bad allows (1.00 %)
        hint: quarantine.csv says why; --max-bad 34% lets it pass
        quarantine.csv
          in.csv | 3 | amount | 0.00 | the amount is zero | a payment moves money; leave such rows out
    "#]],
    );
    check(
        with_line("2,2024-01-01T11:00:00Z,A,B,0.00,EUR"),
        "--max-bad 0.34",
        expect![[r#"
        exit 0
        note: in.csv: 3 records read as shroff (CSV)
        warning: 1 bad record: the amount is zero; the first in in.csv, line 3, amount: `0.00`
        hint: a payment moves money; leave such rows out
        quarantine.csv
          in.csv | 3 | amount | 0.00 | the amount is zero | a payment moves money; leave such rows out
    "#]],
    );
}

#[test]
fn a_share_of_bad_records_is_compared_exactly() {
    let mut ledger = HEAD.to_owned();
    for row in 0..99 {
        writeln!(ledger, "{row},2024-01-01,A,B,1.00,EUR").expect("a text");
    }
    let one_of_hundred = format!("{ledger}x,2024-01-01,A,B,none,EUR\n");
    let two_of_101 = format!("{one_of_hundred}y,2024-01-01,A,B,none,EUR\n");
    for (bytes, words, code) in [
        (&one_of_hundred, "", 0),
        (&two_of_101, "", 1),
        (&two_of_101, "--max-bad 2%", 0),
        (&one_of_hundred, "--max-bad 0.9%", 1),
        (&one_of_hundred, "--max-bad 0", 1),
        (&ledger, "--max-bad 0", 0),
    ] {
        let folder = Folder::with("in.csv", bytes);
        let ran = folder.run(&format!("scan in.csv --out report {words}"));
        assert_eq!(ran.code, Some(code), "{words}: {}", ran.err);
    }
}

#[test]
fn a_last_line_that_is_cut_off_is_set_aside() {
    check(
        format!("{HEAD}1,2024-01-01,A,B,10.00,EUR\n2,2024-01-02,A,B,1"),
        "--max-bad 100%",
        expect![[r#"
            exit 0
            note: in.csv: 2 records read as shroff (CSV)
            warning: 1 bad record: the last record looks cut off; the first in in.csv, line 3
            hint: the file may not have been written or copied to its end
            quarantine.csv
              in.csv | 3 |  | 2,2024-01-02,A,B,1 | the last record looks cut off | the file may not have been written or copied to its end
        "#]],
    );
}

#[test]
fn a_packed_file_that_is_cut_off_is_read_as_far_as_it_goes_and_said_to_be() {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(HEAD.as_bytes()).expect("memory");
    for row in 0..20_000 {
        writeln!(packer, "{row},2024-01-01,A{row},B,1.{:02},EUR", row % 97 + 1).expect("memory");
    }
    let packed = packer.finish().expect("memory");
    let folder = Folder::with("in.csv.gz", &packed[..packed.len() / 2]);
    let ran = folder.run("scan in.csv.gz --out report");
    let quarantine = folder.rows("report/quarantine.csv");
    assert_eq!(quarantine.len(), 2, "{quarantine:?}");
    assert!(quarantine[1].join(" ").contains("cut off"), "{quarantine:?}");
    assert!(ran.err.contains("cut off"), "{}", ran.err);
}

#[test]
fn marks_line_ends_and_quotes_change_nothing() {
    let plain = "id,time,debtor,creditor,amount,currency
1,2024-01-01,A,B,10.00,EUR
2,2024-01-02,B,C,10.00,EUR
3,2024-01-03,C,A,10.00,EUR
";
    let quoted = plain.replace(',', "\",\"").replace('\n', "\"\n\"");
    let quoted = format!("\"{}", quoted.trim_end_matches('"'));
    let expected = Folder::with("in.csv", plain).scan("in.csv");
    assert_eq!(expected.len(), 1, "a cycle");
    for bytes in [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        quoted.clone(),
        format!("\u{feff}{}", quoted.replace('\n', "\r\n")),
        plain.replace('\n', "\n\n"),
        plain.trim_end().to_owned(),
        plain.replace(',', ";"),
    ] {
        assert_eq!(Folder::with("in.csv", &bytes).scan("in.csv"), expected, "{bytes}");
    }
}

#[test]
fn two_columns_of_one_name_are_an_error_that_names_both() {
    check(
        "id,time,debtor,creditor,amount,amount\n1,2024-01-01,A,B,1.00,2.00\n",
        "",
        expect![[r#"
        exit 2
        error: in.csv, columns 5 and 6 of the header: two columns have the same name: `amount`
        hint: rename one, or use a mapping (`--map`) that names columns by number from 1
    "#]],
    );
}

#[test]
fn what_is_no_table_of_payments_is_an_error_that_says_what_it_is() {
    check(
        "",
        "",
        expect![[r#"
        exit 2
        error: in.csv: the input is empty
        hint: check the path; an export that failed often leaves an empty file
    "#]],
    );
    check(
        b"\x7fELF\x02\x01\x01\0\0\0\0\0",
        "",
        expect![[r#"
        exit 2
        error: in.csv, line 1: it is a binary file of a kind that is not known: `\u{7f}ELF\u{2}\u{1}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}`
        hint: export the payments as CSV, JSON Lines, Parquet or Arrow
    "#]],
    );
    check(
        b"PK\x03\x04\x14\0\x06\0",
        "",
        expect![[r#"
        exit 2
        error: in.csv, line 1: it is a ZIP archive or an Excel workbook: `PK\u{3}\u{4}\u{14}\u{0}\u{6}\u{0}`
        hint: unpack it, or save the sheet as CSV, and give that file
    "#]],
    );
    check(
        "Buchungstag;Betrag;Empf\u{e4}nger\n01.02.2024;12,50;X\n",
        "",
        expect![[r#"
        exit 2
        error: in.csv, line 1: the columns are those of no known layout: `Buchungstag,Betrag,Empfänger`
        hint: `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
    check(
        "id,date,debtor,creditor,amount\n1,2024-01-01,A,B,1.00\n",
        "",
        expect![[r#"
        exit 2
        error: in.csv, line 1: the columns are those of no known layout: `id,date,debtor,creditor,amount`
        hint: nearest is `shroff`, which would also need `time`; `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
}

#[test]
fn a_table_without_rows_is_no_error_and_gives_an_empty_report() {
    check(
        HEAD,
        "",
        expect![[r#"
        exit 0
        note: in.csv: 0 records read as shroff (CSV)
        quarantine.csv
    "#]],
    );
}

#[test]
fn a_table_of_nothing_but_bad_records_ends_in_exit_code_1_with_everything_written() {
    check(
        format!("{HEAD}1,yesterday,A,B,1.00,EUR\n2,today,A,B,1.00,EUR\n"),
        "",
        expect![[r#"
            exit 1
            note: in.csv: 2 records read as shroff (CSV)
            warning: 2 bad records: the time is not a date of the form expected; the first in in.csv, line 2, time: `yesterday`
            hint: RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970
            warning: 2 of 2 records were bad (100.00 %), more than --max-bad allows (1.00 %)
            hint: quarantine.csv says why; --max-bad 100% lets it pass
            quarantine.csv
              in.csv | 2 | time | yesterday | the time is not a date of the form expected | RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970
              in.csv | 3 | time | today | the time is not a date of the form expected | RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970
        "#]],
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_says_what_is() {
    let folder = Folder::with("payments.csv", HEAD);
    check_in(
        &folder,
        "payment.csv",
        expect![[r#"
        exit 2
        error: there is no file `payment.csv`
        hint: the folder `.` has payments.csv
    "#]],
    );
    check_in(
        &folder,
        "nowhere/payments.csv",
        expect![[r#"
        exit 2
        error: there is no file `nowhere/payments.csv`
        hint: there is no folder `nowhere` either
    "#]],
    );
    check_in(
        &folder,
        "2024-*.csv",
        expect![[r#"
        exit 2
        error: no file matches `2024-*.csv`
        hint: the shell's quotes keep a pattern as it is; is the folder right?
    "#]],
    );
    let folder = Folder::with("month/payments.csv", HEAD);
    check_in(
        &folder,
        "month",
        expect![[r#"
        exit 2
        error: `month` is a folder
        hint: name its files, as in 'month/*.csv'
    "#]],
    );
}

#[test]
fn bad_definitions_are_an_error_with_line_and_hint_before_anything_is_read() {
    for (text, expected) in [
        (
            "amount_exponent = 2\n",
            expect![[r#"
            exit 2
            error: in `definitions.toml`
              because: line 1: there is no [[feature]] block
              hint: add a block: [[feature]], kind = "activity", window = "24h", measures = ["count"]
        "#]],
        ),
        (
            "[[feature]]\nkind = \"cycles\"\nwindow = \"7d\"\n",
            expect![[r#"
            exit 2
            error: in `definitions.toml`
              because: line 2: kind = "cycles" is none that Shroff knows
              hint: did you mean `cycle`? There are activity, pair, novelty, passthrough, cycle, ring, scatter_gather, chain
        "#]],
        ),
        (
            "[[feature]]\nkind = \"cycle\"\nwindow = \"a week\"\nlongest = 4\n",
            expect![[r#"
            exit 2
            error: in `definitions.toml`
              because: line 3: window = "a week" is no span
              hint: a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`
        "#]],
        ),
        (
            "[[feature]]\nkind = \"cycle\"\nwindow = \"7d\"\n",
            expect![[r#"
            exit 2
            error: in `definitions.toml`
              because: line 1: the block lacks `longest`
              hint: as in longest = 6
        "#]],
        ),
        (
            "[[feature]\n",
            expect![[r#"
            exit 2
            error: in `definitions.toml`
              because: line 1: unclosed array table, expected `]`
              hint: docs: features, for the keys of each kind
        "#]],
        ),
    ] {
        check_definitions(text, expected);
    }
}

fn check_definitions(text: &str, expected: Expect) {
    let folder = Folder::with("in.csv", with_line("2,2024-01-01,A,B,1.00,EUR"));
    folder.write("definitions.toml", text);
    check_in(&folder, "in.csv --definitions definitions.toml", expected);
}

#[test]
fn definitions_that_are_not_there_are_an_error_that_says_what_is() {
    let folder = Folder::with("in.csv", HEAD);
    folder.write("definitions.toml", "");
    check_in(
        &folder,
        "in.csv --definitions missing.toml",
        expect![[r#"
            exit 2
            error: there is no file `missing.toml`
            hint: the folder `.` has definitions.toml, in.csv
        "#]],
    );
}

#[test]
fn a_condition_that_is_none_is_shown_with_its_place() {
    check_definitions(
        "[[feature]]\nkind = \"activity\"\nas = \"x\"\nwhere = \"amout > 5\"\n\
             window = \"7d\"\nmeasures = [\"count\"]\n",
        expect![[r#"
                exit 2
                error: in `definitions.toml`
                  because: line 4: where = "amout > 5"
                there is no column `amout`
                  |
                1 | amout > 5
                  | ^^^^^
                hint: did you mean `amount`?
                  hint: it is SQL over amount, currency and method
            "#]],
    );
}

#[test]
fn a_bad_mapping_is_an_error_with_line_and_hint() {
    let folder = Folder::with("in.csv", "when;who;whom;how much\n2024-01-01;A;B;1,00\n");
    for (text, expected) in [
        (
            "[time]\ncolumn = \"when\"\n",
            expect![[r#"
            exit 2
            error: map.toml, line 1: missing field `format`: `[time]`
            hint: `shroff formats guess FILE` writes a mapping to start from
        "#]],
        ),
        (
            "[time]\ncolumn = \"wen\"\nformat = \"%Y-%m-%d\"\n[debtor]\ncolumn = \"who\"\n[creditor]\ncolumn = \
             \"whom\"\n[amount]\ncolumn = \"how much\"\ndecimal = \",\"\n[currency]\nfixed = \"EUR\"\n",
            expect![[r#"
                exit 2
                error: map.toml, line 2, key `time.column`: `in.csv` has no column of this name: `wen`
                hint: nearest are `when`
            "#]],
        ),
        (
            "[tyme]\n",
            expect![[r#"
            exit 2
            error: map.toml, line 1: unknown field `tyme`, expected one of `delimiter`, `header`, `skip_lines`, `id`, `time`, `debtor`, `creditor`, `amount`, `currency`, `method`, `attempt`, `label`, `direction`, `leave_out`: `tyme`
            hint: nearest are `time`
        "#]],
        ),
    ] {
        folder.write("map.toml", text);
        check_in(&folder, "in.csv --map map.toml", expected);
    }
}

#[test]
fn a_bad_table_of_rates_is_an_error_with_line_and_value() {
    let folder = Folder::with("in.csv", with_line("2,2024-01-01,A,B,1.00,EUR"));
    for (text, expected) in [
        (
            "date,currency,rate_in_EUR\n2024-01-01,USD,0,9\n",
            expect![[r#"
            exit 2
            error: rates.csv, line 2: the row has 4 fields, not three: `2024-01-01,USD,0,9`
            hint: three columns, as in `date,currency,rate_in_EUR` and `2024-01-31,USD,0.92`
        "#]],
        ),
        (
            "date,currency,rate_in_EUR\n2024-01-01,DOLLAR,0.9\n",
            expect![[r#"
            exit 2
            error: rates.csv, line 2: the currency is not known: `DOLLAR`
            hint: three columns, as in `date,currency,rate_in_EUR` and `2024-01-31,USD,0.92`
        "#]],
        ),
        (
            "date,currency,rate\n2024-01-01,USD,0.9\n",
            expect![[r#"
            exit 2
            error: rates.csv, line 1: no base currency is named: `date,currency,rate`
            hint: call the third column `rate_in_EUR`, say, or name the base currency
        "#]],
        ),
    ] {
        folder.write("rates.csv", text);
        check_in(&folder, "in.csv --rates rates.csv", expected);
    }
    check_in(
        &folder,
        "in.csv --rates rates.csv --base EUX",
        expect![[r#"
            exit 2
            error: --base `EUX` is no currency
            hint: a code of ISO 4217, such as EUR
        "#]],
    );
}

#[test]
fn a_layout_that_there_is_not_is_an_error_that_names_those_there_are() {
    check(
        with_line("2,2024-01-01,A,B,1.00,EUR"),
        "--format shrof",
        expect![[r#"
        exit 2
        error: in.csv: there is no layout of this name: `shrof`
        hint: is it `shroff`? known are `shroff`, `amlworld`, `amlsim`, `amlgentex`, `paysim`, `bitcoin-otc`, `berka`, `ethereum`
    "#]],
    );
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_with_its_name() {
    let folder = Folder::with("in.csv", with_line("2,2024-01-01,A,B,1.00,EUR"));
    folder.write("taken", "a file, not a folder");
    let ran = folder.run("scan in.csv --out taken");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("`taken"), "{}", ran.err);
    let ran = folder.run("features in.csv -o features.xlsx");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("features.xlsx") && ran.err.contains("hint:"), "{}", ran.err);
}

#[test]
fn a_run_that_did_not_end_leaves_no_half_of_a_file_and_no_account_of_itself() {
    let folder = Folder::with("in.csv", with_line("2,2024-01-01,A,B,1.00,EUR"));
    // A run before left its account; a folder stands where the next one must put its report.
    folder.write("out/run.json", "{}");
    folder.write("out/report.html/taken", "");
    let ran = folder.run("scan in.csv --out out");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("report.html"), "{}", ran.err);
    assert!(!folder.path("out/run.json").exists(), "the account of another run is gone");
    assert!(folder.path("out/alerts.jsonl").exists(), "what was whole has its name");
}

#[test]
fn amounts_beyond_what_is_carried_are_refused_and_large_ones_are_exact() {
    let folder = Folder::with(
        "in.csv",
        format!(
            "{HEAD}1,2024-01-01,A,B,90000000.123456789012345678,ETH
2,2024-01-02,B,C,90000000.000000000000000001,ETH
3,2024-01-03,C,A,90000000.000000000000000001,ETH
4,2024-01-03,C,D,999999999999999999999999999999999999,EUR
"
        ),
    );
    let alerts = folder.scan("in.csv --max-bad 50%");
    let cycle = alerts.iter().find(|alert| alert.typology == "cycle").expect("a cycle");
    assert_eq!(cycle.amount, "270000000.123456789012345680");
    let quarantine = folder.rows("report/quarantine.csv");
    assert_eq!(quarantine.len(), 2, "{quarantine:?}");
    assert_eq!(quarantine[1][1..3], ["5", "amount"]);
}
