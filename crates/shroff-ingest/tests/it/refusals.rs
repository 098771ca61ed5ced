//! Every kind of bad record and bad input: its place, its value, what to do.

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
        expect![[r""]],
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
        expect![[r""]],
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
        expect![[r""]],
    );
}

#[test]
fn a_cut_off_last_line_is_said_to_be_one() {
    check(format!("{HEAD}a,2024-01-01,A,B,1.00,EUR\nb,2024-01-01,A,B,1."), expect![[r""]]);
}

#[test]
fn a_last_line_without_a_line_end_is_whole() {
    check(format!("{HEAD}a,2024-01-01,A,B,1.00,EUR"), expect![[r""]]);
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
        expect![[r""]],
    );
    check(
        format!(
            "{HEAD}a,2024-01-01,A,B,1.00,\"EUR
b,2024-01-01,A,B,2.00,EUR
c,2024-01-01,\"A\",B,3.00,EUR
"
        ),
        expect![[r""]],
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
    check(&bytes[..bytes.len() - 60], expect![[r""]]);
    long.extend_from_slice(&bytes[HEAD.len()..]);
    let mut refused = Vec::new();
    let options = Options::default();
    let read = crate::door::read_all(&options, &[("in.csv", &long)], &mut refused);
    assert_eq!(read.expect("it is a table").payments.len(), 1);
    let last: Vec<String> = refused[400..].iter().map(ToString::to_string).collect();
    expect![[r""]].assert_eq(&last.join("\n"));
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
        expect![[r""]],
    );
}

#[test]
fn inputs_that_are_no_table_are_refused_whole() {
    check("", expect![[r""]]);
    check("\n \n", expect![[r""]]);
    check(b"\x7fELF\0\0\0\0\0\0", expect![[r""]]);
    check(b"\xff\xfei\0d\0", expect![[r""]]);
    check(b"PK\x03\x04....", expect![[r""]]);
    check("[{\"id\": 1}]", expect![[r""]]);
    check("<?xml version=\"1.0\"?>", expect![[r""]]);
    check("# nothing here\n", expect![[r""]]);
}

#[test]
fn an_unknown_header_names_the_nearest_layout_and_what_is_missing() {
    check("id,date,debtor,creditor,amount\n", expect![[r""]]);
    check("Buchungstag;Betrag\n", expect![[r""]]);
}

#[test]
fn two_columns_of_one_name_are_refused_where_it_matters() {
    check("id,time,debtor,creditor,amount,Amount\n", expect![[r""]]);
    check("time,debtor,creditor,amount,note,note\n2024-01-01,A,B,1.00,x,y\n", expect![[r""]]);
}

#[test]
fn a_layout_asked_for_must_fit() {
    let options = |format: &str| Options { format: Some(format.to_owned()), ..Options::default() };
    let input = [("in.csv", "time,from,to,amount\n".as_bytes())];
    check_with(&options("shrof"), &input, expect![[r""]]);
    check_with(&options("shroff"), &input, expect![[r""]]);
    check_with(&options("amlworld"), &input, expect![[r""]]);
}

#[test]
fn a_label_column_can_be_named() {
    let options = Options { label_column: Some("fraud".to_owned()), ..Options::default() };
    let rows = "time,debtor,creditor,amount,fraud,label\n2024-01-01,A,B,1,yes,0\n\
                2024-01-01,A,B,1,,0\n2024-01-01,A,B,1,maybe,0\n";
    check_with(&options, &[("in.csv", rows.as_bytes())], expect![[r""]]);
    let options = Options { label_column: Some("froud".to_owned()), ..Options::default() };
    check_with(&options, &[("in.csv", rows.as_bytes())], expect![[r""]]);
}

#[test]
fn a_compressed_file_that_is_cut_off_keeps_what_was_read() {
    let mut text = HEAD.to_owned();
    for number in 0..2_000 {
        text.push_str(&format!(
            "{number},2024-01-01,A,B{},{}.{:02},EUR\n",
            number * 7_919 % 1_000,
            number,
            number % 97 + 1
        ));
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
