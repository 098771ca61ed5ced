//! Payments that are taken out again: what comes later is told as if they had not been there.

use proptest::prelude::*;
use shroff_detect::{Cell, Definitions, Extractor, Input};
use shroff_types::{AccountId, Names, Place, Span};

use crate::ledgers::{PATTERNS, Row, Shape, World, world};
use crate::state::{Threads, behind, out_of_order};
use crate::{cases, inputs, small};

/// An account of nobody else: what it pays itself, nobody sees.
const NOBODY: AccountId = AccountId(70_001);

/// What is taken out, and after how many payments.
#[derive(Debug, Clone, Copy)]
struct Withdrawn {
    place: usize,
    after: usize,
}

fn some_withdrawn(
    count: usize,
    draws: &[(prop::sample::Index, prop::sample::Index)],
) -> Vec<Withdrawn> {
    let mut all: Vec<Withdrawn> = Vec::new();
    for (after, place) in draws {
        let after = 1 + after.index(count);
        let place = place.index(after);
        if all.iter().all(|one| one.place != place) {
            all.push(Withdrawn { place, after });
        }
    }
    all.sort_by_key(|one| one.after);
    all
}

/// The features of each payment; payments are taken out on the way.
fn with_withdrawals(
    mut extractor: Extractor,
    rows: &[Input],
    withdrawn: &[Withdrawn],
    (batch, threads): (usize, usize),
) -> Vec<Vec<Cell>> {
    let names = Names::default();
    let mut cells = Vec::new();
    let mut from = 0;
    // Where each payment is by place: a withdrawal has a place of its own.
    let mut places: Vec<Place> = Vec::new();
    let ends = withdrawn.iter().map(|one| one.after).chain([rows.len()]);
    for (number, end) in ends.enumerate() {
        for batch in rows[from..end].chunks(batch) {
            places.extend(
                (0..batch.len())
                    .map(|n| Place(extractor.next_place().0 + u32::try_from(n).expect("few"))),
            );
            let mut each =
                |finished: shroff_detect::Finished<'_>| cells.push(finished.cells.to_vec());
            extractor.push_with(&Threads(threads), batch, &names, &mut each);
        }
        from = end;
        if let Some(one) = withdrawn.get(number) {
            extractor.withdraw(places[one.place], &rows[one.place]);
            assert!(!extractor.withdraw(places[one.place], &rows[one.place]), "it is gone");
        }
    }
    cells
}

/// The same where the payments of `gone` are of nobody's, from the first on.
fn as_if_not_there(extractor: Extractor, rows: &[Input], gone: &[Withdrawn]) -> Vec<Vec<Cell>> {
    let mut rows = rows.to_vec();
    for one in gone {
        (rows[one.place].debtor, rows[one.place].creditor) = (NOBODY, NOBODY);
    }
    with_withdrawals(extractor, &rows, &[], (usize::MAX, 1))
}

fn check(
    new: impl Fn() -> Extractor,
    rows: &[Input],
    withdrawn: &[Withdrawn],
    how: (usize, usize),
) -> Result<(), TestCaseError> {
    let told = with_withdrawals(new(), rows, withdrawn, how);
    let ends = withdrawn.iter().skip(1).map(|one| one.after).chain([rows.len()]);
    for (number, (one, end)) in withdrawn.iter().zip(ends).enumerate() {
        let expected = as_if_not_there(new(), rows, &withdrawn[..=number]);
        prop_assert_eq!(&told[one.after..end], &expected[one.after..end], "{}", number);
    }
    Ok(())
}

fn inline(world: &mut World) -> Definitions {
    world.toml = world
        .toml
        .lines()
        .filter(|l| !l.trim().starts_with("horizon"))
        .collect::<Vec<_>>()
        .join("\n");
    world.definitions()
}

fn any_world() -> impl Strategy<Value = World> {
    prop_oneof![world(small()), world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_comes_after_a_withdrawal_is_as_if_the_payment_had_not_been_there(
        mut world in any_world(),
        draws in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 1..5),
        how in (1_usize..20, 1_usize..4),
    ) {
        let definitions = inline(&mut world);
        let new = || Extractor::new(&definitions, definitions.amount_exponent);
        let rows = inputs(&world.rows);
        prop_assume!(!rows.is_empty());
        let withdrawn = some_withdrawn(rows.len(), &draws);
        check(new, &rows, &withdrawn, how)?;
        // And truly without it, not only with a payment of nobody in its place.
        let one = withdrawn[0];
        let mut others = rows.clone();
        others.remove(one.place);
        let without = with_withdrawals(new(), &others, &[], (usize::MAX, 1));
        let told = with_withdrawals(new(), &rows, &[one], how);
        prop_assert_eq!(&told[one.after..], &without[one.after - 1..]);
    }

    #[test]
    fn late_payments_and_withdrawals_go_together(
        (mut world, arrivals) in out_of_order(),
        allowed in 0..=2_i64,
        draws in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 1..5),
        how in (1_usize..20, 1_usize..4),
    ) {
        let definitions = inline(&mut world);
        let lateness = Span::from_micros(behind(&arrivals).micros() * allowed / 2).expect("a span");
        let new = || Extractor::new(&definitions, definitions.amount_exponent).allowing(lateness);
        let rows = inputs(&arrivals);
        prop_assume!(!rows.is_empty());
        check(new, &rows, &some_withdrawn(rows.len(), &draws), how)?;
    }
}

/// Two payments of a pair that came late between the first and the last of it.
#[test]
fn every_payment_that_was_no_first_one_is_settled_anew() {
    let toml = "[[feature]]\nkind = \"cycle\"\nwindow = \"2d\"\nlongest = 2\nfresh = \"7d\"";
    let definitions = Definitions::parse(toml).expect("right");
    let day = 86_400_000_000;
    let row =
        |micros: i64, debtor: u32, creditor: u32| Row { micros, debtor, creditor, minor: 100 };
    let rows = [
        row(day, 1, 2),
        row(4 * day, 1, 2),
        row(2 * day, 1, 2),
        row(3 * day, 2, 1),
        row(4 * day + 1, 2, 1),
    ];
    let rows = inputs(&rows);
    let new = || Extractor::new(&definitions, 2).allowing(Span::DAY.times(3));
    let withdrawn = [Withdrawn { place: 0, after: 3 }];
    check(new, &rows, &withdrawn, (9, 1)).expect("equal");
    let closes = |withdrawn: &[Withdrawn], number: usize| {
        with_withdrawals(new(), &rows, withdrawn, (9, 1))[number][0].int()
    };
    assert_eq!([closes(&[], 3), closes(&withdrawn, 3)], [Some(0), Some(1)]);
}
