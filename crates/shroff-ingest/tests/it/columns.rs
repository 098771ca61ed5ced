//! Payments in columns, as they come over a network: every type, every bound, and in any pieces.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, types::Int8Type,
};
use arrow::ipc::writer::StreamWriter;
use proptest::prelude::*;
use shroff_ingest::{ColumnStream, MOST_BATCH_ROWS, RowTime, Unfit};

type Columns = Vec<(&'static str, ArrayRef)>;

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// Two payments; a column of the same name takes the place of one of theirs.
fn columns(other: Columns) -> Columns {
    let mut all: Columns = vec![
        ("id", texts(&["a", "b"])),
        ("time", Arc::new(Int64Array::from(vec![5, 6]))),
        ("debtor", texts(&["A", "B"])),
        ("creditor", texts(&["B", "C"])),
        ("amount", texts(&["1.00", "2.50"])),
    ];
    for (name, column) in other {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = column,
            None => all.push((name, column)),
        }
    }
    all
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a stream");
    for batch in batches {
        writer.write(batch).expect("a batch");
    }
    writer.finish().expect("its end");
    writer.into_inner().expect("bytes")
}

fn batch(columns: Columns) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .expect("a batch")
}

/// All payments of a stream that comes in pieces, as text.
fn read(pieces: &[&[u8]]) -> Result<Vec<String>, Unfit> {
    let mut stream = ColumnStream::default();
    let mut told = Vec::new();
    for piece in pieces {
        stream.feed(piece);
        while let Some(rows) = stream.next_rows()? {
            let reader = rows.reader()?;
            for at in 0..rows.count() {
                let row = reader.row(at);
                let time = match row.time {
                    RowTime::None => "-".to_owned(),
                    RowTime::Text(text) => text.to_owned(),
                    RowTime::Micros(micros) => micros.to_string(),
                    RowTime::Beyond(number) => format!("({number})"),
                };
                let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
                let amount = row.amount.unwrap_or(Cow::Borrowed("-"));
                told.push(format!(
                    "{} {time} {} {} {amount} {} {}",
                    or(row.id),
                    or(row.debtor),
                    or(row.creditor),
                    or(row.currency),
                    or(row.method)
                ));
            }
        }
    }
    stream.finish()?;
    Ok(told)
}

fn check(other: Columns, wanted: [&str; 2]) {
    assert_eq!(read(&[&stream(&[batch(columns(other))])]).expect("it fits"), wanted);
}

#[test]
fn every_type_that_fits_is_read_exactly() {
    check(vec![], ["a 5 A B 1.00 - -", "b 6 B C 2.50 - -"]);
    let words: DictionaryArray<Int8Type> = [Some("EUR"), None].into_iter().collect();
    let views = StringViewArray::from(vec![Some("a long method beyond twelve bytes"), None]);
    check(
        vec![
            ("currency", Arc::new(words)),
            ("method", Arc::new(views)),
            ("debtor", Arc::new(LargeStringArray::from(vec![None, Some("\u{e9}")]))),
            ("memo", Arc::new(BinaryArray::from(vec![&b"12"[..], b"34"]))),
        ],
        ["a 5 - B 1.00 EUR a long method beyond twelve bytes", "b 6 \u{e9} C 2.50 - -"],
    );
    check(
        vec![("currency", Arc::new(NullArray::new(2)))],
        ["a 5 A B 1.00 - -", "b 6 B C 2.50 - -"],
    );
    let times: [(ArrayRef, [&str; 2]); 5] = [
        (Arc::new(TimestampSecondArray::from(vec![Some(7), None])), ["7000000", "-"]),
        (
            Arc::new(
                TimestampMillisecondArray::from(vec![7, i64::MAX]).with_timezone("Asia/Tokyo"),
            ),
            ["7000", "(9223372036854775807)"],
        ),
        (Arc::new(TimestampNanosecondArray::from(vec![7_000, 7_001])), ["7", "(7001)"]),
        (Arc::new(Int64Array::from(vec![Some(-1), None])), ["-1", "-"]),
        (texts(&["2026-03-01T00:00:00Z", ""]), ["2026-03-01T00:00:00Z", ""]),
    ];
    for (time, [one, two]) in times {
        let wanted = [format!("a {one} A B 1.00 - -"), format!("b {two} B C 2.50 - -")];
        check(vec![("time", time)], wanted.each_ref().map(String::as_str));
    }
    let exact = Decimal128Array::from(vec![Some(12_345), None]);
    let exact = exact.with_precision_and_scale(20, 4).expect("a scale");
    let coarse = Decimal128Array::from(vec![12, 7]).with_precision_and_scale(20, -2);
    let amounts: [(ArrayRef, [&str; 2]); 4] = [
        (Arc::new(exact), ["1.2345", "-"]),
        (Arc::new(coarse.expect("a scale")), ["1200", "700"]),
        (Arc::new(Int32Array::from(vec![Some(12), None])), ["12", "-"]),
        (Arc::new(Float64Array::from(vec![0.1, f64::NAN])), ["0.1", "NaN"]),
    ];
    for (amount, [one, two]) in amounts {
        let wanted = [format!("a 5 A B {one} - -"), format!("b 6 B C {two} - -")];
        check(vec![("amount", amount)], wanted.each_ref().map(String::as_str));
    }
}

#[test]
fn a_schema_that_does_not_fit_says_which_column_and_what_is_taken() {
    let refused = |columns: Columns| {
        let bytes = stream(&[batch(columns)]);
        let mut stream = ColumnStream::default();
        stream.feed(&bytes);
        let unfit = stream.begin().expect_err("it does not fit");
        assert_eq!(Err(unfit.clone()), read(&[&bytes]));
        format!("{} | {}", unfit.reason, unfit.hint)
    };
    let list = {
        let mut lists = arrow::array::ListBuilder::new(arrow::array::Int32Builder::new());
        lists.append(true);
        lists.append(true);
        Arc::new(lists.finish())
    };
    let without = |name: &str| {
        let mut all = columns(vec![]);
        all.retain(|(other, _)| *other != name);
        all
    };
    let twice = || {
        let mut all = columns(vec![]);
        all.push(("debtor", texts(&["x", "y"])));
        all
    };
    let wide = || {
        let mut all = columns(vec![]);
        all.extend((0..70).map(|_| ("more", texts(&["x", "y"]))));
        all
    };
    let flags = || -> ArrayRef { Arc::new(BooleanArray::from(vec![true, false])) };
    for (columns, wanted) in [
        (without("amount"), "there is no column `amount` | id, time, debtor"),
        (twice(), "there are two columns `debtor`"),
        (wide(), "the schema has 75 columns | 64 at most"),
        (columns(vec![("memo", list)]), "the column `memo` (List("),
        (
            columns(vec![("time", flags())]),
            "`time` (Boolean) is of a type that is not read | `time` is a timestamp",
        ),
        (
            columns(vec![("id", flags())]),
            "`id` (Boolean) is of a type that is not read | `id` is text",
        ),
        (
            columns(vec![("amount", flags())]),
            "`amount` (Boolean) is of a type that is not read | `amount` is a decimal",
        ),
        (columns(vec![("method", flags())]), "`method` (Boolean)"),
    ] {
        let told = refused(columns);
        assert!(told.contains(wanted), "{told}");
    }
    for bytes in [&b"ARROW1\0\0"[..], b"{}", b"PAR1", b"\xff\xff\xff\xff\xff\xff\xff\x7f"] {
        assert!(read(&[bytes]).is_err(), "{bytes:?}");
    }
    assert!(read(&[]).is_err_and(|unfit| unfit.reason.contains("empty")));
}

#[test]
fn what_a_header_claims_is_not_made_room_for() {
    // Each bound, by a header that says more.
    let many = MOST_BATCH_ROWS + 1;
    let long: Columns = vec![
        ("id", Arc::new(StringArray::from(vec!["a"; many]))),
        ("time", Arc::new(Int64Array::from(vec![5; many]))),
        ("debtor", Arc::new(StringArray::from(vec!["A"; many]))),
        ("creditor", Arc::new(StringArray::from(vec!["B"; many]))),
        ("amount", Arc::new(Int64Array::from(vec![5; many]))),
    ];
    let told = read(&[&stream(&[batch(long)])]).expect_err("too many");
    assert!(told.is_too_large && told.reason.contains("65537 rows"), "{told:?}");
    let wide = "x".repeat(3 << 20);
    let large = columns(vec![("debtor", texts(&[&wide, &wide]))]);
    let told = read(&[&stream(&[batch(large)])]).expect_err("too large");
    assert!(told.is_too_large, "{told:?}");
    let word = "y".repeat(2 << 20);
    let words: DictionaryArray<Int8Type> = [word.as_str(), "z"].into_iter().collect();
    let told = read(&[&stream(&[batch(columns(vec![("debtor", Arc::new(words))]))])]);
    assert!(told.expect_err("too many words").reason.contains("dictionaries"));
    // The length of the body of the batch, as the largest there is: nothing waits for it.
    let good = stream(&[batch(columns(vec![]))]);
    for at in 0..good.len() - 8 {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&i64::MAX.to_le_bytes());
        let mut stream = ColumnStream::default();
        stream.feed(&bytes);
        let mut rows = 0;
        while let Ok(Some(some)) = stream.next_rows() {
            rows += some.count();
        }
        assert!(rows <= 2, "{at}");
    }
}

fn some_batches() -> Vec<u8> {
    let words: DictionaryArray<Int8Type> = ["EUR", "USD"].into_iter().collect();
    let one = columns(vec![("currency", Arc::new(words))]);
    let words: DictionaryArray<Int8Type> = ["GBP", "GBP"].into_iter().collect();
    let two = columns(vec![("currency", Arc::new(words)), ("id", texts(&["c", "d"]))]);
    stream(&[batch(one), batch(two)])
}

proptest! {
    #[test]
    fn any_pieces_give_the_same_payments(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let bytes = some_batches();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let told = read(&pieces).expect("it fits");
        prop_assert_eq!(told, [
            "a 5 A B 1.00 EUR -", "b 6 B C 2.50 USD -", "c 5 A B 1.00 GBP -", "d 6 B C 2.50 GBP -",
        ]);
    }

    #[test]
    fn any_damage_is_told_or_read_and_is_no_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = some_batches();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let keep = cut.index(bytes.len() * 2).min(bytes.len());
        if let Ok(told) = read(&[&bytes[..keep]]) {
            prop_assert!(told.len() <= 4);
        }
    }
}

#[test]
fn names_are_read_where_they_are_asked_for_and_their_columns_are_anything_elsewhere() {
    let good = stream(&[batch(columns(vec![("debtor_name", texts(&["Ada", "Bob"]))]))]);
    let odd =
        stream(&[batch(columns(vec![("remittance", Arc::new(Int64Array::from(vec![1, 2])))]))]);
    let read = |mut stream: ColumnStream, bytes: &[u8]| {
        stream.feed(bytes);
        let rows = stream.next_rows()?.expect("a batch");
        Ok::<_, Unfit>(rows.reader()?.row(1).names.map(|name| name.map(str::to_owned)))
    };
    let bob = [Some("Bob".to_owned()), None, None];
    assert_eq!(read(ColumnStream::with_names(), &good), Ok(bob));
    assert_eq!(read(ColumnStream::default(), &good), Ok([None, None, None]));
    assert_eq!(read(ColumnStream::default(), &odd), Ok([None, None, None]));
    let refused = read(ColumnStream::with_names(), &odd).expect_err("it is no text");
    assert!(refused.reason.contains("`remittance` (Int64)"), "{refused:?}");
}
