//! The engine's features against their slow twin, on thousands of small random worlds.
//!
//! `PROPTEST_CASES`, where set, says how many worlds each property is tried on.

mod evidence;
mod filters;
mod ledgers;
mod oracle;
mod scenarios;
mod state;
mod twin;
mod withdraw;

use proptest::prelude::*;
use shroff_detect::{Cell, ColumnKind, Definitions, Extractor, Finished, Input, RanOut};
use shroff_types::{AccountId, Currency, Names, Span, Timestamp};

use crate::ledgers::{ALL, PATTERNS, Row, Shape, World, world};
use crate::twin::{Payment, Twin, Value};

/// `cases` worlds, or as many as `PROPTEST_CASES` says, which proptest puts in its place.
fn cases(cases: u32) -> ProptestConfig {
    // A world that failed is written down as a scenario, with its story, not as a seed.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn small() -> Shape {
    Shape {
        payments: 5..60,
        dense: true,
        large: true,
        kinds: ALL.to_vec(),
        tight: false,
        fresh: true,
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn every_feature_is_that_of_the_twin(world in world(small())) {
        equals_the_twin(&world)?;
    }

    #[test]
    fn every_pattern_is_that_of_the_twin(
        world in world(Shape { kinds: PATTERNS.to_vec(), ..small() })
    ) {
        equals_the_twin(&world)?;
    }

    #[test]
    fn the_size_of_a_batch_changes_no_bit(world in world(small())) {
        let definitions = world.definitions();
        let whole = engine(&definitions, &world, usize::MAX);
        for size in [1, 7, 128] {
            prop_assert_eq!(&engine(&definitions, &world, size), &whole, "batches of {}", size);
        }
    }

    #[test]
    fn a_cut_in_time_changes_no_bit(
        world in world(small()),
        at in any::<prop::sample::Index>(),
        shift in -1_i64..=1,
    ) {
        let time = world.rows[at.index(world.rows.len())].micros + shift;
        prop_assert_eq!(cut(&world, time), engine(&world.definitions(), &world, usize::MAX));
    }

    #[test]
    fn a_finer_minor_unit_changes_no_value(
        world in world(Shape { large: false, ..small() }),
        finer in 1_u8..=8,
    ) {
        let definitions = world.definitions();
        let coarse = engine(&definitions, &world, usize::MAX);
        let mut fine = world.clone();
        fine.rows.iter_mut().for_each(|row| row.minor *= 10_i128.pow(finer.into()));
        let exponent = definitions.amount_exponent + finer;
        let fine = run(Extractor::new(&definitions, exponent), &fine.rows, usize::MAX);
        for (order, (coarse, fine)) in coarse.iter().zip(&fine).enumerate() {
            let pairs = values(&definitions, coarse).into_iter().zip(values(&definitions, fine));
            for ((name, coarse), (_, fine)) in pairs {
                prop_assert!(
                    same(coarse, fine, 1e-12),
                    "{} of payment {}: {:?} against {:?}", name, order, coarse, fine
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2_500))]

    #[test]
    fn what_a_tight_budget_gives_is_a_lower_bound_and_says_so(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })
    ) {
        let definitions = world.definitions();
        let twin = twin_of(&world);
        let columns = definitions.columns();
        let whole = engine(&definitions, &world, usize::MAX);
        for size in [1, 7] {
            prop_assert_eq!(&engine(&definitions, &world, size), &whole, "batches of {}", size);
        }
        for (order, cells) in whole.iter().enumerate() {
            let mut exact = twin.features(order).into_iter();
            for (column, cell) in columns.iter().zip(cells) {
                if column.kind == ColumnKind::Bool {
                    continue;
                }
                let (name, value) = exact.next().expect("the twin has the column");
                let Some(Value::Int(exact)) = value else { panic!("patterns are counts") };
                let given = cell.int().expect("patterns are never null");
                prop_assert!(given <= exact, "{} of payment {}: {} > {}", name, order, given, exact);
                let flag = columns.iter().rposition(|c| c.block == column.block);
                let flag = cells[flag.expect("its own block")].flag();
                prop_assert!(
                    given == exact || flag == Some(true),
                    "{} of payment {}: {} of {} without a flag", name, order, given, exact
                );
            }
        }
    }

    #[test]
    fn a_flag_says_that_a_search_in_reach_ran_out(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })
    ) {
        let definitions = world.definitions();
        let given = engine(&definitions, &world, usize::MAX);
        // Without a horizon, a flag is about the payment's own search alone.
        let inline = Definitions { horizon: Span::ZERO, ..definitions.clone() };
        let own = engine(&inline, &world, usize::MAX);
        let (columns, horizon) = (definitions.columns(), definitions.horizon.micros());
        for (at, column) in columns.iter().enumerate() {
            if column.kind != ColumnKind::Bool {
                continue;
            }
            let block = &definitions.blocks[column.block];
            let told = !matches!(block.kind, shroff_detect::Kind::Chain { .. });
            for (order, row) in world.rows.iter().enumerate() {
                let reach = world.rows.iter().zip(&own).skip(order).take_while(|(q, _)| {
                    let in_sight = row.micros > q.micros - block.window.micros();
                    told && in_sight && q.micros <= row.micros + horizon
                });
                let ran_out = own[order][at].flag() == Some(true)
                    || horizon > 0 && reach.clone().any(|(_, cells)| cells[at].flag() == Some(true));
                prop_assert_eq!(
                    given[order][at].flag(), Some(ran_out), "{} of payment {}", column.name, order
                );
            }
        }
    }

    #[test]
    fn searches_that_ran_out_are_counted_each_once(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })
    ) {
        let definitions = world.definitions();
        let inline = Definitions { horizon: Span::ZERO, ..definitions.clone() };
        let own = engine(&inline, &world, usize::MAX);
        let flags = definitions.columns().into_iter().enumerate();
        let flags = flags.filter(|(_, column)| column.kind == ColumnKind::Bool);
        let ran_out = flags.map(|(at, column)| RanOut {
            column: column.name,
            searches: own.iter().filter(|row| row[at].flag() == Some(true)).count() as u64,
        });
        let ran_out: Vec<RanOut> = ran_out.filter(|ran_out| ran_out.searches > 0).collect();
        for (definitions, batch) in [(&inline, 1), (&definitions, 1), (&definitions, usize::MAX)] {
            let mut extractor = Extractor::new(definitions, definitions.amount_exponent);
            run_on(&mut extractor, &world.rows, batch);
            prop_assert_eq!(extractor.ran_out(), ran_out.clone(), "batches of {}", batch);
        }
    }

    #[test]
    fn a_block_of_whole_searches_counts_what_those_found_that_did_not_run_out(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })
    ) {
        let definitions = world.definitions();
        let mut twin = twin_of(&world);
        let columns = definitions.columns();
        let is_whole = |block: usize| {
            definitions.blocks[block].kind.search().is_some_and(|search| search.whole)
        };
        let inline = Definitions { horizon: Span::ZERO, ..definitions.clone() };
        let own = engine(&inline, &world, usize::MAX);
        for (at, flag) in columns.iter().enumerate().filter(|(_, c)| c.kind == ColumnKind::Bool) {
            for (order, _) in own.iter().enumerate().filter(|(_, row)| row[at].flag() == Some(true)) {
                twin.drop_completed(order, flag.block);
            }
        }
        let given = engine(&definitions, &world, usize::MAX);
        for (order, cells) in given.iter().enumerate() {
            let counts = columns.iter().zip(cells).filter(|(c, _)| c.kind != ColumnKind::Bool);
            for ((column, cell), (name, value)) in counts.zip(twin.features(order)) {
                if is_whole(column.block) {
                    let Some(Value::Int(whole)) = value else { panic!("patterns are counts") };
                    prop_assert_eq!(cell.int(), Some(whole), "{} of payment {}", name, order);
                }
            }
        }
    }

    #[test]
    fn a_tight_budget_gives_the_same_bits_after_a_cut(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() }),
        at in any::<prop::sample::Index>(),
    ) {
        let time = world.rows[at.index(world.rows.len())].micros;
        prop_assert_eq!(cut(&world, time), engine(&world.definitions(), &world, usize::MAX));
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn long_ledgers_are_those_of_the_twin(
        world in world(Shape { payments: 200..400, dense: false, ..small() })
    ) {
        equals_the_twin(&world)?;
        let definitions = world.definitions();
        let whole = engine(&definitions, &world, usize::MAX);
        prop_assert_eq!(engine(&definitions, &world, 128), whole);
    }
}

/// Long enough for the graph to let go of accounts that nobody touches again, and of the amounts
/// over 63 bits that it keeps beside their payments.
#[test]
fn a_ledger_of_many_windows_is_that_of_the_twin() {
    let toml = r#"
        horizon = "30s"
        [[feature]]
        kind = "activity"
        window = "60s"
        measures = ["count", "fan", "sum", "median", "std", "age"]
        [[feature]]
        kind = "activity"
        as = "large"
        where = "amount > 1000"
        window = "300s"
        measures = ["count", "sum"]
        [[feature]]
        kind = "cycle"
        window = "60s"
        longest = 3
        [[feature]]
        kind = "chain"
        window = "20s"
        retention_permille = 500
        deepest = 3
    "#;
    let rows = (0..20_000_u32).map(|n| {
        // A multiplier with a long period: neighbours look unrelated.
        let draw = n.wrapping_mul(2_654_435_761) >> 12;
        // Every 5,000 payments another 40 accounts are at work.
        let account = |draw: u32| draw % 40 + n / 5_000 * 40;
        let wide = if draw % 3 == 0 { i128::from(i64::MAX) } else { 0 };
        Row {
            micros: i64::from(n) * 1_000_000,
            debtor: account(draw),
            creditor: account(draw / 40),
            minor: i128::from(draw % 200_000 + 1) + wide,
        }
    });
    let world = World { toml: toml.to_owned(), rows: rows.collect() };
    let definitions = world.definitions();
    let twin = twin_of(&world);
    let mut extractor = Extractor::new(&definitions, definitions.amount_exponent);
    let rows = run_on(&mut extractor, &world.rows, 128);
    for order in (0..world.rows.len()).step_by(97) {
        check_row(&definitions, (order, &rows[order]), &twin).expect("as the twin");
    }
    // 320 s of a payment a second, and what was not yet swept, out of 20,000.
    assert!(extractor.bytes() < 20_000 * 48, "old payments leave: {} bytes", extractor.bytes());
}

#[test]
fn a_layer_holds_payments_no_longer_than_its_own_blocks_look_back() {
    let long = r#"
        amount_exponent = 2
        [[feature]]
        kind = "activity"
        window = "30d"
        measures = ["count"]
    "#;
    let short = r#"
        [[feature]]
        kind = "activity"
        window = "1h"
        where = "amount >= 0"
        measures = ["count"]
        [[feature]]
        kind = "scatter_gather"
        window = "1h"
        fresh = "2h"
    "#;
    // 20 days, a payment each 90 seconds: 40 in an hour, and each is the first of its pair in two.
    let row = |n: u32| Row {
        micros: i64::from(n) * 90_000_000,
        debtor: n % 100,
        creditor: (n + 1) % 100,
        minor: 5_00,
    };
    let bytes = |toml: String| {
        let world = World { toml, rows: (0..19_200).map(row).collect() };
        let definitions = world.definitions();
        let mut extractor = Extractor::new(&definitions, definitions.amount_exponent);
        run_on(&mut extractor, &world.rows, 128);
        extractor.bytes()
    };
    let (alone, beside) = (bytes(long.to_owned()), bytes(format!("{long}{short}")));
    assert!(alone > 19_200 * 48, "a month of payments is held: {alone} bytes");
    // Accounts that are at work have room in each layer.
    assert!(beside < alone + alone / 2, "an hour of them beside it: {alone}, {beside} bytes");
}

fn equals_the_twin(world: &World) -> Result<(), TestCaseError> {
    let definitions = world.definitions();
    let twin = twin_of(world);
    let rows = engine(&definitions, world, usize::MAX);
    prop_assert_eq!(rows.len(), world.rows.len());
    for (order, row) in rows.iter().enumerate() {
        check_row(&definitions, (order, row), &twin)?;
    }
    Ok(())
}

fn check_row(
    definitions: &Definitions,
    (order, row): (usize, &Vec<Cell>),
    twin: &Twin,
) -> Result<(), TestCaseError> {
    let given = values(definitions, row);
    let expected = twin.features(order);
    prop_assert_eq!(given.len(), expected.len());
    for ((name, given), (expected_name, expected)) in given.into_iter().zip(expected) {
        prop_assert_eq!(&name, &expected_name);
        prop_assert!(
            same(expected, given, 1e-9),
            "{} of payment {}: {:?}, the twin has {:?}",
            name,
            order,
            given,
            expected
        );
    }
    let flags = definitions.columns().into_iter().zip(row);
    for (column, cell) in flags.filter(|(column, _)| column.kind == ColumnKind::Bool) {
        prop_assert_eq!(cell.flag(), Some(false), "{} of payment {}", column.name, order);
    }
    Ok(())
}

/// The rows of both sides of an instant, each computed with no more around it than it may need.
fn cut(world: &World, time: i64) -> Vec<Vec<Cell>> {
    let definitions = world.definitions();
    let (since, until) = (
        time.saturating_sub(definitions.look_back().micros()),
        time.saturating_add(definitions.horizon.micros()),
    );
    let slice = |keep: &dyn Fn(i64) -> bool| -> Vec<Row> {
        world.rows.iter().copied().filter(|row| keep(row.micros)).collect()
    };
    let extractor = || Extractor::new(&definitions, definitions.amount_exponent);
    let early = slice(&|micros| micros < time || micros <= until && until > time);
    let mut rows = run(extractor(), &early, 7);
    rows.truncate(world.rows.iter().filter(|row| row.micros < time).count());
    let late = slice(&|micros| micros > since);
    let halo = late.iter().filter(|row| row.micros < time).count();
    rows.extend(run(extractor(), &late, usize::MAX).into_iter().skip(halo));
    rows
}

fn twin_of(world: &World) -> Twin {
    let payments = world.rows.iter().enumerate().map(|(order, row)| {
        let Row { micros, debtor, creditor, minor } = *row;
        Payment { order, time: micros.into(), debtor, creditor, minor }
    });
    Twin::new(payments.collect(), world.definitions())
}

fn engine(definitions: &Definitions, world: &World, batch: usize) -> Vec<Vec<Cell>> {
    run(Extractor::new(definitions, definitions.amount_exponent), &world.rows, batch)
}

fn run(mut extractor: Extractor, rows: &[Row], batch: usize) -> Vec<Vec<Cell>> {
    run_on(&mut extractor, rows, batch)
}

fn run_on(extractor: &mut Extractor, rows: &[Row], batch: usize) -> Vec<Vec<Cell>> {
    let inputs = inputs(rows);
    let mut cells = Vec::new();
    for batch in inputs.chunks(batch.min(inputs.len()).max(1)) {
        let mut each = |finished: Finished<'_>| cells.push(finished.cells.to_vec());
        extractor.push(batch, &Names::default(), &mut each);
    }
    extractor.finish(&mut |finished| cells.push(finished.cells.to_vec()));
    cells
}

fn inputs(rows: &[Row]) -> Vec<Input> {
    let inputs = rows.iter().map(|row| Input {
        time: Timestamp(row.micros),
        debtor: AccountId(row.debtor),
        creditor: AccountId(row.creditor),
        minor: row.minor,
        currency: Currency::EUR,
        method: None,
    });
    inputs.collect()
}

/// The engine's cells as named values, the flags of saturation left out.
fn values(definitions: &Definitions, cells: &[Cell]) -> Vec<(String, Option<Value>)> {
    let columns = definitions.columns().into_iter().zip(cells);
    let named = columns.filter_map(|(column, cell)| match column.kind {
        ColumnKind::Int => Some((column.name, cell.int().map(Value::Int))),
        ColumnKind::Real => Some((column.name, cell.real().map(Value::Real))),
        ColumnKind::Bool => None,
    });
    named.collect()
}

/// Whole numbers equal, reals within a relative tolerance, null only as null.
fn same(expected: Option<Value>, given: Option<Value>, tolerance: f64) -> bool {
    match (expected, given) {
        (Some(Value::Int(expected)), Some(Value::Int(given))) => expected == given,
        (Some(Value::Real(expected)), Some(Value::Real(given))) => {
            (expected - given).abs() <= tolerance * expected.abs().max(given.abs())
        }
        (None, None) => true,
        _ => false,
    }
}
