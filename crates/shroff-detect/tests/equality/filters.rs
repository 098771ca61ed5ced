//! `where` over currency and method, against a plain walk over the payments.

use proptest::prelude::*;
use proptest::sample::select;
use shroff_detect::{Definitions, Extractor, FindEvidence, Finished, Flow, Input};
use shroff_types::{AccountId, Currency, Names, Symbol, Timestamp};

use crate::cases;

/// A payment as a predicate sees it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    cents: i128,
    currency: Option<&'static str>,
    method: Option<&'static str>,
}

/// A predicate, and the same in plain Rust: true only where SQL's is true, and not null.
type Predicate = (&'static str, fn(Seen) -> bool);

const PREDICATES: [Predicate; 12] = [
    ("method = 'card'", |p| p.method == Some("card")),
    ("method <> 'card'", |p| p.method.is_some_and(|method| method != "card")),
    ("NOT (method = 'card')", |p| p.method.is_some_and(|method| method != "card")),
    ("method IS NULL", |p| p.method.is_none()),
    ("method IS NOT NULL", |p| p.method.is_some()),
    ("method IN ('card', 'wire') AND amount < 50", |p| {
        matches!(p.method, Some("card" | "wire")) && p.cents < 5_000
    }),
    ("method LIKE 'c%'", |p| p.method.is_some_and(|method| method.starts_with('c'))),
    ("currency = 'EUR'", |p| p.currency == Some("EUR")),
    ("currency IS NULL", |p| p.currency.is_none()),
    ("currency <> 'EUR' OR amount = 50", |p| {
        p.currency.is_some_and(|code| code != "EUR") || p.cents == 5_000
    }),
    ("currency = 'USD' AND method = 'wire'", |p| {
        p.currency == Some("USD") && p.method == Some("wire")
    }),
    ("coalesce(method, 'card') = 'card'", |p| p.method.is_none_or(|method| method == "card")),
];

#[derive(Debug, Clone, Copy)]
struct Row {
    minute: i64,
    debtor: u32,
    creditor: u32,
    seen: Seen,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let gap = select(vec![0_i64, 0, 1, 5, 30, 59, 60]);
    let seen = (
        select(vec![4_999_i128, 5_000, 5_001, 20_000]),
        select(vec![None, Some("EUR"), Some("EUR"), Some("USD")]),
        select(vec![None, Some("card"), Some("wire"), Some("cash"), Some("Card")]),
    );
    prop::collection::vec((gap, 0_u32..4, 0_u32..4, seen), 1..50).prop_map(|drafts| {
        let mut minute = 0;
        let rows = drafts.into_iter().map(|(gap, debtor, creditor, (cents, currency, method))| {
            minute += gap;
            Row { minute, debtor, creditor, seen: Seen { cents, currency, method } }
        });
        rows.collect()
    })
}

/// The block of pairs; those before it have four columns each.
const PAIR: usize = 4;

/// Several blocks with the first predicate, one with the second, one with none.
fn blocks(first: &str, second: &str) -> String {
    format!(
        r#"
        [[feature]]
        kind = "activity"
        as = "a"
        where = "{first}"
        window = "1h"
        measures = ["count"]
        [[feature]]
        kind = "activity"
        as = "b"
        where = "{second}"
        window = "3h"
        measures = ["count"]
        [[feature]]
        kind = "activity"
        window = "1h"
        measures = ["count"]
        [[feature]]
        kind = "activity"
        as = "c"
        where = "{first}"
        window = "3h"
        measures = ["count"]
        [[feature]]
        kind = "pair"
        as = "d"
        where = "{first}"
        window = "2h"
        "#
    )
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn a_where_chooses_as_a_plain_filter_does(
        rows in rows(),
        first in select(PREDICATES.to_vec()),
        second in select(PREDICATES.to_vec()),
    ) {
        let definitions = Definitions::parse(&blocks(first.0, second.0)).expect("they are right");
        let open: Predicate = ("", |_| true);
        let blocks = [(first, 60), (second, 180), (open, 60), (first, 180), (first, 120)];
        let mut symbols = Names::default();
        let inputs: Vec<Input> = rows.iter().map(|row| input(row, &mut symbols)).collect();
        let mut result = Ok(());
        let mut extractor = Extractor::new(&definitions, 2);
        extractor.push(&inputs, &symbols, &mut |mut finished| {
            for (number, (predicate, minutes)) in blocks.into_iter().enumerate() {
                let place = finished.place.0 as usize;
                let since = rows[place].minute - minutes;
                let chosen = (0..=place)
                    .filter(|&at| rows[at].minute > since && (predicate.1)(rows[at].seen));
                let chosen: Vec<usize> = chosen.collect();
                if result.is_ok() {
                    result = as_chosen(&rows, &chosen, number, &mut finished);
                }
            }
        });
        result?;
    }
}

fn input(row: &Row, symbols: &mut Names) -> Input {
    let Row { minute, debtor, creditor, seen } = *row;
    let currency = seen.currency.map(|code| Currency::from_code(code).expect("a currency"));
    Input {
        time: Timestamp(minute * 60_000_000),
        debtor: AccountId(debtor),
        creditor: AccountId(creditor),
        minor: seen.cents,
        currency: currency.unwrap_or(Currency::NONE),
        method: seen.method.map(|method| Symbol(symbols.intern(method))),
    }
}

/// Whether a block's counts and evidence are those of the payments that were chosen for it.
fn as_chosen(
    rows: &[Row],
    chosen: &[usize],
    number: usize,
    finished: &mut Finished<'_>,
) -> Result<(), TestCaseError> {
    let Row { debtor, creditor, .. } = rows[finished.place.0 as usize];
    let of = |keep: &dyn Fn(&Row) -> bool| -> Vec<usize> {
        chosen.iter().copied().filter(|&at| keep(&rows[at])).collect()
    };
    let lines = [
        (Flow::DebtorOut, of(&|row| row.debtor == debtor)),
        (Flow::DebtorIn, of(&|row| row.creditor == debtor)),
        (Flow::CreditorOut, of(&|row| row.debtor == creditor)),
        (Flow::CreditorIn, of(&|row| row.creditor == creditor)),
    ];
    let between = of(&|row| (row.debtor, row.creditor) == (debtor, creditor));
    let place = finished.place.0;
    if number == PAIR {
        let count = finished.cells[4 * PAIR].int();
        prop_assert_eq!(count, Some(between.len() as u64), "pair_count of payment {}", place);
    }
    for (at, (flow, chosen)) in lines.into_iter().enumerate() {
        if number != PAIR {
            let count = finished.cells[4 * number + at].int();
            prop_assert_eq!(count, Some(chosen.len() as u64), "{:?} of payment {}", flow, place);
        }
        let evidence = finished.evidence.payments(number, flow);
        let evidence: Vec<usize> = evidence.iter().map(|place| place.0 as usize).collect();
        let others: Vec<usize> =
            chosen.into_iter().filter(|&at| rows[at].debtor != rows[at].creditor).collect();
        prop_assert_eq!(evidence, others, "{:?} of payment {}", flow, place);
    }
    Ok(())
}
