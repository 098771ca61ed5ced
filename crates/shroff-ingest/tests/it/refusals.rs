//! Every kind of bad record and bad input: its place, its value, what to do.

use std::fmt::Write as _;
use std::io::Write as _;

use expect_test::expect;
use shroff_ingest::Options;

use crate::door::{check, check_with};

const HEAD: &str = "id,time,debtor,creditor,amount,currency\n";

#[test]
fn a_bad_value_is_refused_and_the_run_goes_on() {
    check(
        format!(
            "{HEAD}a,2024-01-01,A,B,1.00,EUR
b,yesterday,A,B,1.00,EUR
c,2024-02-30,A,B,1.00,EUR
d,2024-01-01,A,B,-1.00,EUR
e,2024-01-01,A,B,0.00,EUR
f,2024-01-01,A,B,1.234,EUR
g,2024-01-01,A,B,1.5,JPY
h,2024-01-01,A,B,ten,EUR
i,2024-01-01,A,B,1,ERU
j,2024-01-01,A,B,999999999999999999999999999999999999999999,EUR
k,2024-01-01,A,B,1.00,EUR
"
        ),
        expect![[r#"
            a 2024-01-01T00:00:00Z A -> B 1.00 EUR
            k 2024-01-01T00:00:00Z A -> B 1.00 EUR
            REFUSED in.csv:3: time `yesterday`: the time is not a date of the form expected (hint: RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970)
            REFUSED in.csv:4: time `2024-02-30`: the time is not a date of the form expected (hint: RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970)
            REFUSED in.csv:5: amount `-1.00`: the amount is negative (hint: a reversal is a payment the other way round; in a mapping, say what the sign means with `sign` under `[amount]`)
            REFUSED in.csv:6: amount `0.00`: the amount is zero (hint: a payment moves money; leave such rows out)
            REFUSED in.csv:7: amount `1.234`: the amount is finer than EUR allows (2 decimals) (hint: check the currency, or round with `rounding = "round"` in a mapping)
            REFUSED in.csv:8: amount `1.5`: the amount is finer than JPY allows (0 decimals) (hint: check the currency, or round with `rounding = "round"` in a mapping)
            REFUSED in.csv:9: amount `ten`: the amount is not a number (hint: digits with a `.` before the decimals; a mapping can name another decimal mark and a mark between thousands)
            REFUSED in.csv:10: currency `ERU`: the currency is not known (hint: three letters of ISO 4217, such as EUR; is it `EUR`?)
            REFUSED in.csv:11: amount `999999999999999999999999999999999999999999`: the amount is larger than can be carried (hint: at most 38 digits; check the units)
            shroff (CSV): 11 records = 2 + 9 refused
        "#]],
    );
}

#[test]
fn a_missing_value_is_named() {
    check(
        format!(
            "{HEAD},2024-01-01,A,B,1.00,EUR
b,,A,B,1.00,EUR
c,2024-01-01,  ,B,1.00,EUR
d,2024-01-01,A,,1.00,EUR
e,2024-01-01,A,B,,EUR
f,2024-01-01,A,B,1.00,
"
        ),
        expect![[r#"
            REFUSED in.csv:2: id ``: the id is missing
            REFUSED in.csv:3: time ``: the time is missing
            REFUSED in.csv:4: debtor ``: the account is missing
            REFUSED in.csv:5: creditor ``: the account is missing
            REFUSED in.csv:6: amount ``: the amount is missing
            REFUSED in.csv:7: currency ``: the currency is missing
            shroff (CSV): 6 records = 0 + 6 refused
        "#]],
    );
}

#[test]
fn too_many_and_too_few_fields_are_refused() {
    check(
        format!(
            "{HEAD}a,2024-01-01,A,B,1.00,EUR,
b,2024-01-01,A,B,1.00
c,2024-01-01,A,B,1,000.00,EUR

d,2024-01-01,A,B,1.00,EUR
"
        ),
        expect![[r#"
            d 2024-01-01T00:00:00Z A -> B 1.00 EUR
            REFUSED in.csv:2: `a,2024-01-01,A,B,1.00,EUR,`: the record has too many fields: 7, not 6 (hint: is a delimiter inside a field without quotes, or a field missing?)
            REFUSED in.csv:3: `b,2024-01-01,A,B,1.00`: the record has too few fields: 5, not 6 (hint: is a delimiter inside a field without quotes, or a field missing?)
            REFUSED in.csv:4: `c,2024-01-01,A,B,1,000.00,EUR`: the record has too many fields: 7, not 6 (hint: is a delimiter inside a field without quotes, or a field missing?)
            shroff (CSV): 4 records = 1 + 3 refused
        "#]],
    );
}

#[test]
fn a_cut_off_last_line_is_said_to_be_one() {
    check(
        format!("{HEAD}a,2024-01-01,A,B,1.00,EUR\nb,2024-01-01,A,B,1."),
        expect![[r#"
        a 2024-01-01T00:00:00Z A -> B 1.00 EUR
        REFUSED in.csv:3: `b,2024-01-01,A,B,1.`: the last record looks cut off (hint: the file may not have been written or copied to its end)
        shroff (CSV): 2 records = 1 + 1 refused
    "#]],
    );
}

#[test]
fn a_last_line_without_a_line_end_is_whole() {
    check(
        format!("{HEAD}a,2024-01-01,A,B,1.00,EUR"),
        expect![[r#"
        a 2024-01-01T00:00:00Z A -> B 1.00 EUR
        shroff (CSV): 1 records = 1 + 0 refused
    "#]],
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_one_line_and_not_the_rest() {
    check(
        format!(
            "{HEAD}a,2024-01-01,\"A,B,1.00,EUR
b,2024-01-01,A,B,2.00,EUR
c,2024-01-01,A,B,3.00,EUR
"
        ),
        expect![[r#"
            b 2024-01-01T00:00:00Z A -> B 2.00 EUR
            c 2024-01-01T00:00:00Z A -> B 3.00 EUR
            REFUSED in.csv:2: `a,2024-01-01,"A,B,1.00,EUR`: a quote is opened and not closed (hint: double a quote inside a field)
            shroff (CSV): 3 records = 2 + 1 refused
        "#]],
    );
    check(
        format!(
            "{HEAD}a,2024-01-01,A,B,1.00,\"EUR
b,2024-01-01,A,B,2.00,EUR
c,2024-01-01,\"A\",B,3.00,EUR
"
        ),
        expect![[r#"
            b 2024-01-01T00:00:00Z A -> B 2.00 EUR
            c 2024-01-01T00:00:00Z A -> B 3.00 EUR
            REFUSED in.csv:2: `a,2024-01-01,A,B,1.00,"EUR`: a quote is opened and not closed (hint: double a quote inside a field)
            shroff (CSV): 3 records = 2 + 1 refused
        "#]],
    );
}

#[test]
fn damaged_text_is_refused_by_its_column() {
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend_from_slice(b"a,2024-01-01,M\xfcller,B,1.00,EUR\n");
    bytes.extend_from_slice(b"b,2024-01-01,A\0A,B,1.00,EUR\n");
    bytes.extend_from_slice(b"c,2024-01-01,A,B,1.00,EUR\n");
    // The binary check looks at the first bytes alone: push the zero byte behind it.
    let mut long = HEAD.as_bytes().to_vec();
    for _ in 0..400 {
        long.extend_from_slice(b"x,2024-01-01,A,B,0,EUR\n");
    }
    check(
        &bytes[..bytes.len() - 60],
        expect![[r#"
        REFUSED in.csv:2: `a,2024-01-01,M�ller,B,1.0`: the last record looks cut off (hint: the file may not have been written or copied to its end)
        shroff (CSV): 1 records = 0 + 1 refused
    "#]],
    );
    long.extend_from_slice(&bytes[HEAD.len()..]);
    let mut refused = Vec::new();
    let options = Options::default();
    let read = crate::door::read_all(&options, &[("in.csv", &long)], &mut refused);
    assert_eq!(read.expect("it is a table").payments.len(), 1);
    let last: Vec<String> = refused[400..].iter().map(ToString::to_string).collect();
    expect![[r#"
        in.csv:402: debtor `M�ller`: the text is not valid UTF-8 (hint: save the file as UTF-8, or run `iconv -f LATIN1 -t UTF-8`)
        in.csv:403: debtor `A\u{0}A`: the text has a control character (hint: is a quote missing, or is the file damaged?)"#]].assert_eq(&last.join("\n"));
}

#[test]
fn over_long_text_is_refused_and_bounded() {
    let id = "x".repeat(1_001);
    let line = "y".repeat(3 << 20);
    check(
        format!(
            "{HEAD}{id},2024-01-01,A,B,1.00,EUR\n{line}\nc,2024-01-01,A,B,1.00,EUR\n\"{line}\"\n\
             d,2024-01-01,A,B,1.00,EUR\n"
        ),
        expect![[r#"
            c 2024-01-01T00:00:00Z A -> B 1.00 EUR
            d 2024-01-01T00:00:00Z A -> B 1.00 EUR
            REFUSED in.csv:2: id `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...`: the text is longer than 1000 bytes (hint: is a quote or a delimiter missing?)
            REFUSED in.csv:3: `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...`: the record is too long (hint: no record is longer than 1 MiB; is a line end missing?)
            REFUSED in.csv:5: `"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...`: the record is too long (hint: no record is longer than 1 MiB; is a line end missing?)
            shroff (CSV): 5 records = 2 + 3 refused
        "#]],
    );
}

#[test]
fn inputs_that_are_no_table_are_refused_whole() {
    check(
        "",
        expect![[r#"
        in.csv: the input is empty
        hint: check the path; an export that failed often leaves an empty file
    "#]],
    );
    check(
        "\n \n",
        expect![[r#"
        in.csv: the input is empty
        hint: check the path; an export that failed often leaves an empty file
    "#]],
    );
    check(
        b"\x7fELF\0\0\0\0\0\0",
        expect![[r#"
        in.csv, line 1: it is a binary file of a kind that is not known: `\u{7f}ELF\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}`
        hint: export the payments as CSV, JSON Lines, Parquet or Arrow
    "#]],
    );
    check(
        b"\xff\xfei\0d\0",
        expect![[r#"
        in.csv, line 1: the text is UTF-16: `��i\u{0}d\u{0}`
        hint: save it as UTF-8, or run `iconv -f UTF-16 -t UTF-8`
    "#]],
    );
    check(
        b"PK\x03\x04....",
        expect![[r#"
        in.csv, line 1: it is a ZIP archive or an Excel workbook: `PK\u{3}\u{4}....`
        hint: unpack it, or save the sheet as CSV, and give that file
    "#]],
    );
    check(
        "[{\"id\": 1}]",
        expect![[r#"
        in.csv, line 1: it is a JSON array: `[{"id": 1}]`
        hint: write one JSON object a line, without the brackets
    "#]],
    );
    check(
        "<?xml version=\"1.0\"?>",
        expect![[r#"
        in.csv, line 1: it is XML or HTML: `<?xml version="1`
        hint: export the payments as CSV, JSON Lines, Parquet or Arrow
    "#]],
    );
    check(
        "# nothing here\n",
        expect![[r#"
        in.csv, line 1: the columns are those of no known layout: `# nothing here`
        hint: `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
}

#[test]
fn an_unknown_header_names_the_nearest_layout_and_what_is_missing() {
    check(
        "id,date,debtor,creditor,amount\n",
        expect![[r#"
        in.csv, line 1: the columns are those of no known layout: `id,date,debtor,creditor,amount`
        hint: nearest is `shroff`, which would also need `time`; `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
    check(
        "Buchungstag;Betrag\n",
        expect![[r#"
        in.csv, line 1: the columns are those of no known layout: `Buchungstag,Betrag`
        hint: `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
}

#[test]
fn two_columns_of_one_name_are_refused_where_it_matters() {
    check(
        "id,time,debtor,creditor,amount,Amount\n",
        expect![[r#"
        in.csv, columns 5 and 6 of the header: two columns have the same name: `amount`
        hint: rename one, or use a mapping (`--map`) that names columns by number from 1
    "#]],
    );
    check(
        "time,debtor,creditor,amount,note,note\n2024-01-01,A,B,1.00,x,y\n",
        expect![[r#"
        1 2024-01-01T00:00:00Z A -> B 1.00 XXX
        shroff (CSV): 1 records = 1 + 0 refused
    "#]],
    );
}

#[test]
fn a_layout_asked_for_must_fit() {
    let options = |format: &str| Options { format: Some(format.to_owned()), ..Options::default() };
    let input = [("in.csv", "time,from,to,amount\n".as_bytes())];
    check_with(
        &options("shrof"),
        &input,
        expect![[r#"
        in.csv: there is no layout of this name: `shrof`
        hint: is it `shroff`? known are `shroff`, `amlworld`, `amlsim`, `amlgentex`, `paysim`, `bitcoin-otc`, `berka`, `ethereum`
    "#]],
    );
    check_with(
        &options("shroff"),
        &input,
        expect![[r#"
        in.csv, the header: there is no column `debtor`: `time,from,to,amount`
        hint: nearest are `time`, `from`, `to`, `amount`
    "#]],
    );
    check_with(
        &options("amlworld"),
        &input,
        expect![[r#"
        in.csv, the header: the columns are not those of `amlworld`: `time,from,to,amount`
        hint: missing are `Timestamp`, `From Bank`, `Account`, `To Bank`, `Account`, `Amount Received`, `Receiving Currency`, `Amount Paid`, `Payment Currency`, `Payment Format`, `Is Laundering`; all must be there, in order
    "#]],
    );
}

#[test]
fn a_label_column_can_be_named() {
    let options = Options { label_column: Some("fraud".to_owned()), ..Options::default() };
    let rows = "time,debtor,creditor,amount,fraud,label\n2024-01-01,A,B,1,yes,0\n\
                2024-01-01,A,B,1,,0\n2024-01-01,A,B,1,maybe,0\n";
    check_with(
        &options,
        &[("in.csv", rows.as_bytes())],
        expect![[r#"
        1 2024-01-01T00:00:00Z A -> B 1.00 XXX LABELLED
        2 2024-01-01T00:00:00Z A -> B 1.00 XXX
        REFUSED in.csv:4: fraud `maybe`: the label is neither yes nor no (hint: 1 or 0, true or false, yes or no; a mapping can name other values)
        shroff (CSV): 3 records = 2 + 1 refused
    "#]],
    );
    let options = Options { label_column: Some("froud".to_owned()), ..Options::default() };
    check_with(
        &options,
        &[("in.csv", rows.as_bytes())],
        expect![[r#"
        in.csv, the header: there is no column `froud`: `time,debtor,creditor,amount,fraud,label`
        hint: nearest are `fraud`
    "#]],
    );
}

#[test]
fn a_compressed_file_that_is_cut_off_keeps_what_was_read() {
    let mut text = HEAD.to_owned();
    for number in 0..2_000 {
        let (account, cents) = (number * 7_919 % 1_000, number % 97 + 1);
        writeln!(text, "{number},2024-01-01,A,B{account},{number}.{cents:02},EUR")
            .expect("a string takes all");
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).expect("memory");
    let gzip = packer.finish().expect("memory");
    let zstd = zstd::encode_all(text.as_bytes(), 3).expect("memory");
    for packed in [gzip, zstd] {
        let whole = read(&packed);
        assert_eq!((whole.0, whole.1), (2_000, 0));
        assert!(whole.2.is_empty(), "{:?}", whole.2);
        let (payments, refused, notes) = read(&packed[..packed.len() * 2 / 3]);
        assert!(payments < 2_000 && refused <= 1, "{payments}, {refused}");
        assert_eq!(notes, ["the compressed data end too early: the file looks cut off"]);
    }
}

fn read(bytes: &[u8]) -> (u64, u64, Vec<String>) {
    match shroff_ingest::read_bytes("in.csv.gz", bytes, &Options::default()) {
        Ok((ledger, _)) => {
            let input = &ledger.inputs[0];
            crate::door::assert_adds_up(input);
            (input.payments, input.rejected, input.notes.clone())
        }
        // A small block is lost whole: then there is not even a header.
        Err(error) => (0, 0, vec![error.reason.to_string()]),
    }
}

#[test]
fn the_largest_amount_is_carried_and_a_cent_more_is_refused() {
    check(
        format!(
            "{HEAD}a,2024-01-01,A,B,12379400392853802748991242.23,EUR
b,2024-01-01,A,B,12379400392853802748991242.24,EUR
"
        ),
        expect![[r#"
            a 2024-01-01T00:00:00Z A -> B 12379400392853802748991242.23 EUR
            REFUSED in.csv:3: amount `12379400392853802748991242.24 EUR`: the amount is larger than can be carried (hint: are these minor units that should be major ones?)
            shroff (CSV): 2 records = 1 + 1 refused
        "#]],
    );
}
