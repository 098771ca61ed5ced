//! Features over Arrow: the types that a column may have, the rows that are no payments, and the
//! same bits as without Arrow.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, DictionaryArray, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::datatypes::{Int32Type, UInt64Type};
use shroff_detect::{Alone, Batches, Definitions, Extractor, Input};
use shroff_types::{AccountId, Currency, Names, Timestamp};

const DEFINITIONS: &str = r#"
    amount_exponent = 2
    [[feature]]
    kind = "activity"
    window = "1h"
    measures = ["count", "sum", "mean", "fan"]
    [[feature]]
    kind = "activity"
    as = "card"
    where = "method = 'card' AND currency = 'EUR'"
    window = "1h"
    measures = ["count"]
    [[feature]]
    kind = "cycle"
    window = "1h"
    longest = 3
"#;

fn definitions(horizon: &str) -> Definitions {
    Definitions::parse(&format!("horizon = \"{horizon}\"\n{DEFINITIONS}")).expect("right")
}

const SECOND: i64 = 1_000_000;

/// Time in seconds, debtor, creditor, cents, method.
const ROWS: [(i64, &str, &str, i64, &str); 6] = [
    (0, "a", "b", 10_000, "card"),
    (60, "b", "c", 9_950, "wire"),
    (120, "c", "a", 9_901, "card"),
    (120, "a", "b", 1, "card"),
    (4_000, "b", "a", 500, "cash"),
    (4_001, "a", "a", 700, "card"),
];

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn texts(texts: impl Iterator<Item = &'static str>) -> ArrayRef {
    Arc::new(texts.collect::<Vec<_>>().into_iter().map(Some).collect::<StringArray>())
}

fn amounts() -> ArrayRef {
    let amounts = Decimal128Array::from_iter_values(ROWS.iter().map(|row| row.3.into()));
    Arc::new(amounts.with_precision_and_scale(20, 2).expect("it fits"))
}

fn whole() -> RecordBatch {
    batch(vec![
        ("debtor", texts(ROWS.iter().map(|row| row.1))),
        ("creditor", texts(ROWS.iter().map(|row| row.2))),
        ("amount", amounts()),
        ("time", Arc::new(Int64Array::from_iter_values(ROWS.iter().map(|row| row.0 * SECOND)))),
        ("currency", texts(ROWS.iter().map(|_| "EUR"))),
        ("method", texts(ROWS.iter().map(|row| row.4))),
        ("comment", texts(ROWS.iter().map(|_| "never read"))),
    ])
}

/// Each feature of each row, as the extractor itself gives it.
fn expected(horizon: &str) -> Vec<Vec<u64>> {
    let (mut accounts, mut symbols) = (Names::default(), Names::default());
    let inputs: Vec<Input> = ROWS
        .iter()
        .map(|&(time, debtor, creditor, cents, method)| Input {
            time: Timestamp(time * SECOND),
            debtor: AccountId(accounts.intern(debtor)),
            creditor: AccountId(accounts.intern(creditor)),
            minor: cents.into(),
            currency: Currency::EUR,
            method: Some(shroff_types::Symbol(symbols.intern(method))),
        })
        .collect();
    let mut rows = Vec::new();
    let mut extractor = Extractor::new(&definitions(horizon), 2);
    let mut each = |f: shroff_detect::Finished<'_>| {
        rows.push(f.cells.iter().map(|cell| cell.bits()).collect());
    };
    extractor.push(&inputs, &symbols, &mut each);
    extractor.finish(&mut each);
    rows
}

/// The rows of a batch of features, by their number.
fn given(batches: &[RecordBatch]) -> Vec<(u64, Vec<u64>)> {
    let mut rows = Vec::new();
    for batch in batches {
        let numbers = batch.column(0).as_primitive::<UInt64Type>();
        for at in 0..batch.num_rows() {
            let cells = batch.columns()[1..].iter().map(|column| bits(column, at));
            rows.push((numbers.value(at), cells.collect()));
        }
    }
    rows
}

fn bits(column: &ArrayRef, at: usize) -> u64 {
    use shroff_detect::Cell;
    if column.is_null(at) {
        return Cell::NULL.bits();
    }
    match column.data_type() {
        arrow::datatypes::DataType::UInt64 => column.as_primitive::<UInt64Type>().value(at),
        arrow::datatypes::DataType::Boolean => column.as_boolean().value(at).into(),
        _ => column.as_primitive::<arrow::datatypes::Float64Type>().value(at).to_bits(),
    }
}

#[test]
fn batches_of_any_size_give_the_bits_that_the_extractor_gives() {
    for horizon in ["0s", "10m"] {
        let expected: Vec<(u64, Vec<u64>)> = (0..).zip(expected(horizon)).collect();
        for size in 1..=ROWS.len() {
            let mut batches = Batches::new(&definitions(horizon), 2);
            let mut out = Vec::new();
            for at in (0..ROWS.len()).step_by(size) {
                let part = whole().slice(at, size.min(ROWS.len() - at));
                let done = batches.push(&Alone, &part).expect("right");
                assert!(done.rejected.is_empty());
                out.push(done.features);
            }
            out.push(batches.finish());
            assert_eq!(given(&out), expected, "batches of {size}, horizon {horizon}");
        }
    }
}

#[test]
fn columns_may_have_any_type_that_holds_such_values_exactly() {
    let dictionary = |column: fn(&(i64, &'static str, &'static str, i64, &str)) -> &'static str| {
        let texts = ROWS.iter().map(column).map(Some);
        Arc::new(texts.collect::<DictionaryArray<Int32Type>>()) as ArrayRef
    };
    let millis = ROWS.iter().map(|row| row.0 * 1_000);
    let decimals = ROWS.iter().map(|row| format!("{}.{:02}", row.3 / 100, row.3 % 100));
    let other = batch(vec![
        ("time", Arc::new(TimestampMillisecondArray::from_iter_values(millis))),
        ("debtor", dictionary(|row| row.1)),
        ("creditor", dictionary(|row| row.2)),
        ("amount", Arc::new(decimals.map(Some).collect::<StringArray>())),
        ("currency", texts(ROWS.iter().map(|_| "EUR"))),
        ("method", texts(ROWS.iter().map(|row| row.4))),
    ]);
    let mut batches = Batches::new(&definitions("0s"), 2);
    let done = batches.push(&Alone, &other).expect("right");
    assert!(done.rejected.is_empty(), "{:?}", done.rejected);
    let expected: Vec<(u64, Vec<u64>)> = (0..).zip(expected("0s")).collect();
    assert_eq!(given(&[done.features]), expected);
    // Numbers for accounts, and whole amounts.
    let numbers = batch(vec![
        ("time", Arc::new(Int64Array::from(vec![0]))),
        ("debtor", Arc::new(UInt32Array::from(vec![7]))),
        ("creditor", Arc::new(UInt32Array::from(vec![8]))),
        ("amount", Arc::new(UInt32Array::from(vec![12]))),
    ]);
    let done = batches.push(&Alone, &numbers).expect("right");
    assert!(done.rejected.is_empty(), "{:?}", done.rejected);
}

/// Time in nanoseconds, debtor, creditor, amount, currency.
type Raw = (Option<i64>, Option<&'static str>, &'static str, &'static str, &'static str);

#[test]
fn a_row_that_is_no_payment_is_rejected_with_its_reason_and_the_rest_goes_on() {
    let rows: [Raw; 8] = [
        (Some(0), Some("a"), "b", "1.00", "EUR"),
        (None, Some("a"), "b", "1.00", "EUR"),
        (Some(1_500), Some("a"), "b", "1.00", "EUR"),
        (Some(2_000), None, "b", "1.00", "EUR"),
        (Some(3_000), Some("a"), "", "1.00", "EUR"),
        (Some(4_000), Some("a"), "b", "1.001", "EUR"),
        (Some(5_000), Some("a"), "b", "-1", "EUR"),
        (Some(6_000), Some("a"), "b", "1.00", "QQQ"),
    ];
    let times: TimestampNanosecondArray = rows.iter().map(|row| row.0).collect();
    let column = |text: fn(&Raw) -> Option<&'static str>| {
        Arc::new(rows.iter().map(text).collect::<StringArray>()) as ArrayRef
    };
    let bad = batch(vec![
        ("time", Arc::new(times)),
        ("debtor", column(|row| row.1)),
        ("creditor", column(|row| Some(row.2))),
        ("amount", column(|row| Some(row.3))),
        ("currency", column(|row| Some(row.4))),
    ]);
    let mut batches = Batches::new(&definitions("0s"), 2);
    let done = batches.push(&Alone, &bad).expect("its columns are right");
    assert_eq!(given(&[done.features]).iter().map(|row| row.0).collect::<Vec<_>>(), [0]);
    let told: Vec<_> = done.rejected.iter().map(|r| (r.row, r.column, r.value.as_str())).collect();
    assert_eq!(told[0].0..=told[1].0, 1..=2);
    assert_eq!(
        told[2..],
        [
            (3, "debtor", ""),
            (4, "creditor", ""),
            (5, "amount", "1.001"),
            (6, "amount", "-1"),
            (7, "currency", "QQQ")
        ]
    );
    assert!(done.rejected.iter().all(|rejected| !rejected.reason.is_empty()));
}

#[test]
fn a_batch_without_a_column_or_with_binary_fractions_is_an_error_with_a_hint() {
    let mut batches = Batches::new(&definitions("0s"), 2);
    for name in ["time", "debtor", "creditor", "amount"] {
        let at = whole().schema().index_of(name).expect("it is there");
        let mut less = whole();
        less.remove_column(at);
        let error = batches.push(&Alone, &less).expect_err("a column is missing");
        assert!(error.what.contains(name) && !error.hint.is_empty(), "{error}");
    }
    let columns = whole()
        .schema()
        .fields()
        .iter()
        .zip(whole().columns())
        .map(|(field, column)| {
            let binary = field.name() == "amount";
            let column = if binary {
                Arc::new(Float64Array::from(vec![0.1; ROWS.len()]))
            } else {
                Arc::clone(column)
            };
            (field.name().clone(), column)
        })
        .collect::<Vec<_>>();
    let floats = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let error = batches.push(&Alone, &floats).expect_err("binary fractions");
    assert!(error.what.contains("Float64") && error.hint.contains("not exact"), "{error}");
    // Nothing of them was taken in.
    let done = batches.push(&Alone, &whole()).expect("right");
    assert_eq!(given(&[done.features])[0].0, 0);
}
