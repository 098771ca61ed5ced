//! Parquet and Arrow, written here and read back; and what is left when they are damaged.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use expect_test::expect;
use parquet::arrow::ArrowWriter;
use shroff_ingest::{Mapping, Options};

use crate::door::{check, check_with};

fn batch() -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![
        Some(1_704_067_200_000_001),
        Some(1_704_067_200_000_000),
        None,
    ]);
    let methods: DictionaryArray<Int32Type> =
        [Some("ACH"), Some("card"), None].into_iter().collect();
    let columns: [(&str, ArrayRef); 8] = [
        ("creditor", Arc::new(StringArray::from(vec!["B", "C", "D"]))),
        ("unused", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("debtor", Arc::new(Int64Array::from(vec![-7, 8, 9]))),
        ("time", Arc::new(times)),
        ("amount", Arc::new(Float64Array::from(vec![Some(0.1), Some(1e3), Some(f64::NAN)]))),
        ("currency", Arc::new(StringArray::from(vec![Some("EUR"), Some("EUR"), None]))),
        ("method", Arc::new(methods)),
        ("label", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .expect("columns of one length")
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a schema");
    writer.write(batch).expect("memory");
    writer.close().expect("memory");
    bytes
}

fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = FileWriter::try_new(&mut bytes, &batch.schema()).expect("a schema");
    writer.write(batch).expect("memory");
    writer.finish().expect("memory");
    drop(writer);
    bytes.into_inner()
}

fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).expect("a schema");
    writer.write(batch).expect("memory");
    writer.finish().expect("memory");
    drop(writer);
    bytes
}

#[test]
fn all_three_forms_give_the_same_payments() {
    check(
        parquet(&batch()),
        expect![[r#"
        2 2024-01-01T00:00:00Z 8 -> C 1000.00 EUR card good
        1 2024-01-01T00:00:00.000001Z -7 -> B 0.10 EUR ACH LABELLED
        REFUSED in.csv:3: time ``: the time is missing
        shroff (Parquet): 3 records = 2 + 1 refused
    "#]],
    );
    check(
        arrow_file(&batch()),
        expect![[r#"
            2 2024-01-01T00:00:00Z 8 -> C 1000.00 EUR card good
            1 2024-01-01T00:00:00.000001Z -7 -> B 0.10 EUR ACH LABELLED
            REFUSED in.csv:3: time ``: the time is missing
            shroff (Arrow file): 3 records = 2 + 1 refused
        "#]],
    );
    check(
        arrow_stream(&batch()),
        expect![[r#"
        2 2024-01-01T00:00:00Z 8 -> C 1000.00 EUR card good
        1 2024-01-01T00:00:00.000001Z -7 -> B 0.10 EUR ACH LABELLED
        REFUSED in.csv:3: time ``: the time is missing
        shroff (Arrow stream): 3 records = 2 + 1 refused
    "#]],
    );
    let packed = zstd::encode_all(parquet(&batch()).as_slice(), 3).expect("memory");
    check(
        packed,
        expect![[r#"
        2 2024-01-01T00:00:00Z 8 -> C 1000.00 EUR card good
        1 2024-01-01T00:00:00.000001Z -7 -> B 0.10 EUR ACH LABELLED
        REFUSED in.csv:3: time ``: the time is missing
        shroff (Parquet, zstd): 3 records = 2 + 1 refused
    "#]],
    );
}

#[test]
fn a_date_column_needs_no_word_on_how_it_is_written() {
    let columns: [(&str, ArrayRef); 4] = [
        ("Tag", Arc::new(Date32Array::from(vec![19_723]))),
        ("von", Arc::new(StringArray::from(vec!["A"]))),
        ("an", Arc::new(StringArray::from(vec!["B"]))),
        ("Betrag", Arc::new(StringArray::from(vec!["1,50"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("one length");
    let map = "[time]\ncolumn = \"Tag\"\nformat = \"%d.%m.%Y\"\n[debtor]\ncolumn = \"von\"\n\
               [creditor]\ncolumn = \"an\"\n[amount]\ncolumn = \"Betrag\"\ndecimal = \",\"\n\
               [currency]\nfixed = \"EUR\"\n";
    let map = Mapping::parse("map.toml", map).expect("a mapping");
    let options = Options { map: Some(map), ..Options::default() };
    check_with(
        &options,
        &[("in.parquet", &parquet(&batch))],
        expect![[r#"
        1 2024-01-01T00:00:00Z A -> B 1.50 EUR
        mapping (Parquet): 1 records = 1 + 0 refused
    "#]],
    );
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    for whole in [parquet(&batch()), arrow_file(&batch()), arrow_stream(&batch())] {
        for cut in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes.truncate(cut);
            drop(shroff_ingest::read_bytes("in", &bytes, &Options::default()));
            let mut bytes = whole.clone();
            bytes[cut] ^= 0x41;
            drop(shroff_ingest::read_bytes("in", &bytes, &Options::default()));
        }
    }
    check(
        &parquet(&batch())[..100],
        expect![[r#"
            in.csv: the columns cannot be read: Parquet error: Invalid Parquet file. Corrupt footer
            hint: the file may be damaged or cut off; Arrow files must not be compressed inside
        "#]],
    );
}
