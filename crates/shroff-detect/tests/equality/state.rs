//! What must change nothing: threads, the numbers that accounts have, another process in the
//! middle. And payments that come late.

use proptest::prelude::*;
use shroff_detect::{
    Arrival, Cell, Definitions, Extractor, Finished, Input, Job, SnapshotError, Workers,
};
use shroff_types::{AccountId, Currency, Names, Place, Span, Timestamp};

use crate::ledgers::{PATTERNS, Row, Shape, World, world};
use crate::{cases, check_row, engine, inputs, run_on, small, twin_of};

#[derive(Debug)]
pub(crate) struct Threads(pub(crate) usize);

impl Workers for Threads {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        std::thread::scope(|scope| {
            for job in jobs {
                scope.spawn(job);
            }
        });
    }
}

/// The jobs one after the other, the last first: what threads may do at worst.
#[derive(Debug)]
struct Backwards(usize);

impl Workers for Backwards {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        jobs.into_iter().rev().for_each(|job| job());
    }
}

fn engine_with(
    definitions: &Definitions,
    rows: &[Row],
    workers: &dyn Workers,
    batch: usize,
) -> Vec<Vec<Cell>> {
    let mut extractor = Extractor::new(definitions, definitions.amount_exponent);
    let mut cells = Vec::new();
    for batch in inputs(rows).chunks(batch) {
        let mut each = |finished: Finished<'_>| cells.push(finished.cells.to_vec());
        extractor.push_with(workers, batch, &Names::default(), &mut each);
    }
    extractor.finish(&mut |finished| cells.push(finished.cells.to_vec()));
    cells
}

/// Definitions that saturate and do not.
fn any_world() -> impl Strategy<Value = World> {
    prop_oneof![world(small()), world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() }),]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_number_of_threads_changes_no_bit(
        world in any_world(),
        threads in 2_usize..70,
        batch in 2_usize..40,
    ) {
        let definitions = world.definitions();
        let alone = engine(&definitions, &world, usize::MAX);
        prop_assert_eq!(&engine_with(&definitions, &world.rows, &Backwards(threads), batch), &alone);
        prop_assert_eq!(&engine_with(&definitions, &world.rows, &Threads(2), batch), &alone);
    }

    #[test]
    fn the_numbers_of_accounts_change_no_bit(world in any_world(), by in 1_u32..1_000) {
        // Another slice of a history meets the accounts in another order.
        let definitions = world.definitions();
        let mut other = world.clone();
        for row in &mut other.rows {
            for account in [&mut row.debtor, &mut row.creditor] {
                *account = (*account * 7_919 + by * 104_729) % 5_003;
            }
        }
        prop_assert_eq!(
            engine(&definitions, &other, usize::MAX),
            engine(&definitions, &world, usize::MAX)
        );
    }

    #[test]
    fn another_process_in_the_middle_changes_no_bit(
        world in any_world(),
        at in any::<prop::sample::Index>(),
        batch in 1_usize..20,
    ) {
        let definitions = world.definitions();
        let (early, late) = world.rows.split_at(at.index(world.rows.len()));
        let mut first = Extractor::new(&definitions, definitions.amount_exponent);
        let mut cells = Vec::new();
        let mut each = |finished: Finished<'_>| cells.push(finished.cells.to_vec());
        for batch in inputs(early).chunks(batch) {
            first.push(batch, &Names::default(), &mut each);
        }
        let mut second = moved(&definitions, &first);
        cells.extend(run_on(&mut second, late, batch));
        prop_assert_eq!(cells, engine(&definitions, &world, usize::MAX));
    }
}

/// The same extractor in another process.
fn moved(definitions: &Definitions, extractor: &Extractor) -> Extractor {
    let mut bytes = Vec::new();
    extractor.save(&mut bytes).expect("a vector takes it");
    Extractor::restore(definitions, &mut &bytes[..]).expect("what was saved")
}

/// A world whose payments do not come in order: each of some is put off by some places.
pub(crate) fn out_of_order() -> impl Strategy<Value = (World, Vec<Row>)> {
    let put_off = prop::collection::vec((any::<prop::sample::Index>(), 1_usize..12), 0..12);
    let shape = prop_oneof![
        world(Shape { payments: 5..40, ..small() }),
        world(Shape { payments: 5..40, kinds: PATTERNS.to_vec(), ..small() }),
    ];
    (shape, put_off).prop_map(|(world, put_off)| {
        let mut arrivals = world.rows.clone();
        for (at, places) in put_off {
            let at = at.index(arrivals.len());
            let row = arrivals.remove(at);
            let to = (at + places).min(arrivals.len());
            arrivals.insert(to, row);
        }
        (world, arrivals)
    })
}

/// How far the latest of all is behind the newest before it.
pub(crate) fn behind(arrivals: &[Row]) -> Span {
    let mut newest = i64::MIN;
    let mut most = 0;
    for row in arrivals {
        most = most.max(newest.saturating_sub(row.micros));
        newest = newest.max(row.micros);
    }
    Span::from_micros(most).expect("not negative")
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn a_late_payment_sees_what_came_before_it_in_either_sense(
        (mut world, arrivals) in out_of_order(),
        batch in 1_usize..20,
    ) {
        world.toml = world.toml.lines().filter(|l| !l.trim().starts_with("horizon") && !l.trim().starts_with("fresh")).collect::<Vec<_>>().join("\n");
        let definitions = world.definitions();
        let mut extractor = Extractor::new(&definitions, definitions.amount_exponent)
            .allowing(behind(&arrivals));
        let mut given = Vec::new();
        for batch in inputs(&arrivals).chunks(batch) {
            let mut each = |f: Finished<'_>| given.push((f.place.0, f.arrival, f.cells.to_vec()));
            extractor.push(batch, &Names::default(), &mut each);
        }
        prop_assert_eq!(given.len(), arrivals.len());
        let mut late = 0;
        for (number, (place, arrival, cells)) in given.iter().enumerate() {
            prop_assert_eq!(*place as usize, number);
            // The ledger as it was when the payment came, in order.
            let mut order: Vec<usize> = (0..=number).collect();
            order.sort_by_key(|&at| (arrivals[at].micros, at));
            let rows = order.iter().map(|&at| arrivals[at]).collect();
            let then = World { rows, toml: world.toml.clone() };
            let at = order.iter().position(|&at| at == number).expect("it came");
            prop_assert_eq!(*arrival == Arrival::Late, arrivals[..number].iter().any(|row| row.micros > arrivals[number].micros));
            late += u64::from(*arrival == Arrival::Late);
            check_row(&definitions, (at, cells), &twin_of(&then))?;
        }
        prop_assert_eq!(extractor.late().taken, late);
        prop_assert_eq!(extractor.late().refused, 0);
        prop_assert_eq!(extractor.late().most, behind(&arrivals));
    }

    #[test]
    fn with_a_horizon_it_is_as_if_no_payment_had_been_late(
        (mut world, arrivals) in out_of_order(),
        batch in 1_usize..20,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut toml: Vec<&str> =
            world.toml.lines().filter(|l| !l.trim().starts_with("horizon")).collect();
        toml.insert(0, "horizon = \"3h\"");
        world.toml = toml.join("\n");
        let definitions = world.definitions();
        let mut order: Vec<usize> = (0..arrivals.len()).collect();
        order.sort_by_key(|&at| (arrivals[at].micros, at));
        let rows = order.iter().map(|&at| arrivals[at]).collect();
        let sorted = World { rows, toml: world.toml.clone() };
        let expected = engine(&definitions, &sorted, usize::MAX);
        let mut extractor = Extractor::new(&definitions, definitions.amount_exponent)
            .allowing(behind(&arrivals));
        let mut given = Vec::new();
        let mut each = |f: Finished<'_>| given.push((f.place.0 as usize, f.cells.to_vec()));
        let (early, late) = arrivals.split_at(cut.index(arrivals.len()));
        for batch in inputs(early).chunks(batch) {
            extractor.push(batch, &Names::default(), &mut each);
        }
        extractor = moved(&definitions, &extractor);
        for batch in inputs(late).chunks(batch) {
            extractor.push(batch, &Names::default(), &mut each);
        }
        extractor.finish(&mut each);
        let expected: Vec<_> = order.into_iter().zip(expected).collect();
        prop_assert_eq!(given, expected);
    }

    #[test]
    fn what_is_in_sight_shown_again_changes_no_bit(
        (mut world, arrivals) in out_of_order(),
        (batch, allowed) in (1_usize..20, 0..=2_i64),
        cut in any::<prop::sample::Index>(),
        begin in any::<prop::sample::Index>(),
        settled in 0_usize..60,
    ) {
        world.toml = world.toml.lines().filter(|l| !l.trim().starts_with("horizon")).collect::<Vec<_>>().join("\n");
        let definitions = world.definitions();
        // All, some or none of what comes late is taken.
        let lateness = Span::from_micros(behind(&arrivals).micros() * allowed / 2).expect("a span");
        let new = || Extractor::new(&definitions, definitions.amount_exponent).allowing(lateness);
        let names = Names::default();
        let cells = |extractor: &mut Extractor, rows: &[Row]| {
            let mut cells = Vec::new();
            for batch in inputs(rows).chunks(batch) {
                extractor.push(batch, &names, &mut |f| cells.push((f.place, f.cells.to_vec())));
            }
            cells
        };
        let cut = cut.index(arrivals.len());
        let mut whole = new();
        cells(&mut whole, &arrivals[..cut]);
        let late = whole.late();
        let expected = cells(&mut whole, &arrivals[cut..]);
        // From anywhere on where all that is before is out of sight.
        let newest = |rows: &[Row]| rows.iter().map(|row| row.micros).max().map_or(Timestamp(i64::MIN), Timestamp);
        let floor = newest(&arrivals[..cut]).before(definitions.look_back().plus(lateness));
        let seen = arrivals[..cut].iter().position(|row| Timestamp(row.micros) >= floor);
        let begin = begin.index(seen.unwrap_or(cut) + 1);
        let mut again = new();
        let last = newest(&arrivals[..cut]);
        again.begin_at(Place(u32::try_from(begin).expect("few")), newest(&arrivals[..begin]), last);
        for shown in inputs(&arrivals[begin..cut]).chunks(batch) {
            again.remember(shown, &names);
            if again.unsettled() > settled {
                again.settle(&Threads(2));
            }
        }
        again.settle(&Threads(2));
        again.remembered(late);
        prop_assert_eq!(cells(&mut again, &arrivals[cut..]), expected);
        prop_assert_eq!(again.late(), whole.late());
    }

    /// Runs of several windows that go through an account which many pay, some of it late: what is
    /// shown again lies windows before whatever will ask.
    #[test]
    fn chains_through_a_hub_shown_again_change_no_bit(
        steps in prop::collection::vec((0_i64..4, 0_u32..8, 0_u32..8, 96_i128..=104, 0_i64..6), 30..90),
        batch in 1_usize..40,
        cut in any::<prop::sample::Index>(),
        settled in 0_usize..60,
    ) {
        let toml = "[[feature]]\nkind = \"chain\"\nwindow = \"12m\"\nretention_permille = 900\ndeepest = 6";
        let definitions = Definitions::parse(toml).expect("right");
        let mut minute = 0;
        let arrivals: Vec<Row> = steps.iter().map(|&(step, debtor, creditor, minor, late)| {
            minute += step;
            // Half of all ends are the hub's, and one in six comes late.
            let [debtor, creditor] = [debtor, creditor].map(|account| account.saturating_sub(3));
            let late = if late == 5 { 3 } else { 0 };
            Row { micros: (minute - late) * 60_000_000, debtor, creditor, minor }
        }).collect();
        let lateness: Span = "3m".parse().expect("a span");
        let new = || Extractor::new(&definitions, definitions.amount_exponent).allowing(lateness);
        let cut = cut.index(arrivals.len());
        let mut whole = new();
        run_on(&mut whole, &arrivals[..cut], batch);
        let newest = arrivals[..cut].iter().map(|row| Timestamp(row.micros)).max();
        let newest = newest.unwrap_or(Timestamp(i64::MIN));
        let mut again = new();
        again.begin_at(Place(0), Timestamp(i64::MIN), newest);
        for shown in inputs(&arrivals[..cut]).chunks(batch) {
            again.remember(shown, &Names::default());
            if again.unsettled() > settled {
                again.settle(&Threads(2));
            }
        }
        again.settle(&Threads(2));
        again.remembered(whole.late());
        let rest = &arrivals[cut..];
        prop_assert_eq!(run_on(&mut again, rest, batch), run_on(&mut whole, rest, batch));
    }

    #[test]
    fn a_payment_that_comes_too_late_is_told_so_and_changes_nothing(
        (mut world, arrivals) in out_of_order(),
        batch in 1_usize..20,
    ) {
        world.toml = world.toml.lines().filter(|l| !l.trim().starts_with("horizon")).collect::<Vec<_>>().join("\n");
        let definitions = world.definitions();
        let mut extractor = Extractor::new(&definitions, definitions.amount_exponent);
        let mut given = Vec::new();
        let mut refused = 0;
        for batch in inputs(&arrivals).chunks(batch) {
            extractor.push(batch, &Names::default(), &mut |f| match f.arrival {
                Arrival::InOrder => given.push(f.cells.to_vec()),
                Arrival::Late => panic!("nothing late is allowed"),
                Arrival::TooLate => {
                    refused += 1;
                    assert!(f.cells.iter().all(|cell| cell.is_null()));
                }
            });
        }
        let mut newest = i64::MIN;
        let mut kept = Vec::new();
        for row in &arrivals {
            if row.micros >= newest {
                kept.push(*row);
                newest = row.micros;
            }
        }
        prop_assert_eq!(extractor.late().refused, refused);
        prop_assert_eq!(kept.len() + usize::try_from(refused).expect("few"), arrivals.len());
        let kept = World { rows: kept, toml: world.toml.clone() };
        prop_assert_eq!(given, engine(&definitions, &kept, usize::MAX));
    }

    #[test]
    fn a_damaged_state_is_refused_and_never_gone_on_from(
        world in any_world(),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let definitions = world.definitions();
        let mut extractor = Extractor::new(&definitions, definitions.amount_exponent);
        extractor.push(&inputs(&world.rows), &Names::default(), &mut |_| {});
        let mut bytes = Vec::new();
        extractor.save(&mut bytes).expect("a vector takes it");
        let short = &bytes[..cut.index(bytes.len())];
        prop_assert!(Extractor::restore(&definitions, &mut &short[..]).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Extractor::restore(&definitions, &mut &bytes[..]).is_err());
    }
}

#[test]
fn a_state_of_other_definitions_is_refused_with_what_to_do() {
    let block = |window: &str| {
        let text = format!(
            "[[feature]]\nkind = \"activity\"\nwindow = \"{window}\"\nmeasures = [\"count\"]"
        );
        Definitions::parse(&text).expect("right")
    };
    let mut bytes = Vec::new();
    Extractor::new(&block("1h"), 2).save(&mut bytes).expect("a vector takes it");
    assert!(Extractor::restore(&block("1h"), &mut &bytes[..]).is_ok());
    let error = Extractor::restore(&block("2h"), &mut &bytes[..]).expect_err("another window");
    assert!(matches!(error, SnapshotError::OtherDefinitions { .. }), "{error}");
    assert!(error.to_string().contains("hint: "), "{error}");
    let error = Extractor::restore(&block("2h"), &mut &b"id,time,debtor"[..]).expect_err("a table");
    assert!(error.to_string().contains("hint: "), "{error}");
}

/// Whether each payment, as it came, closed a cycle of two strangers: (minute, debtor, creditor).
fn closes_of_strangers(arrivals: &[(i64, u32, u32)]) -> Vec<bool> {
    let toml = "[[feature]]\nkind = \"cycle\"\nwindow = \"1h\"\nlongest = 2\nfresh = \"2h\"";
    let definitions = Definitions::parse(toml).expect("right");
    let hour: Span = "1h".parse().expect("a span");
    let mut extractor = Extractor::new(&definitions, 2).allowing(hour);
    let mut closes = Vec::new();
    for &(minute, debtor, creditor) in arrivals {
        let input = Input {
            time: Timestamp(minute * 60_000_000),
            debtor: AccountId(debtor),
            creditor: AccountId(creditor),
            minor: 100,
            currency: Currency::NONE,
            method: None,
        };
        extractor.push(&[input], &Names::default(), &mut |finished| {
            closes.push(finished.cells[0].int() == Some(1));
        });
    }
    closes
}

#[test]
fn a_late_payment_is_a_strangers_by_what_lies_before_it() {
    // Their second payment came first: it was the first of its pair when it came, and stays so.
    assert_eq!(closes_of_strangers(&[(200, 4, 3), (185, 3, 4), (190, 4, 3)]), [false, false, true]);
    // One that lies before it makes it none.
    assert_eq!(
        closes_of_strangers(&[(180, 4, 3), (200, 8, 9), (185, 3, 4), (190, 4, 3)]),
        [false, false, true, false]
    );
    // What came late is known to those who come in order after it.
    assert_eq!(
        closes_of_strangers(&[(200, 8, 9), (185, 4, 3), (201, 3, 4), (202, 4, 3)]),
        [false, false, true, false]
    );
}
