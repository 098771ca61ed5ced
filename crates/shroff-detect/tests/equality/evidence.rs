//! The payments behind a feature, against those that the twin's patterns are made of.

use proptest::prelude::*;
use shroff_detect::{
    Alone, Archive, ColumnKind, Extractor, FindEvidence, Finished, Flow, History, Input, Kind,
};
use shroff_types::{AccountId, Names, Place, Timestamp};

use crate::ledgers::{ALL, PATTERNS, Shape, World, world};
use crate::twin::Twin;
use crate::{cases, inputs, small, twin_of};

const LINES: [Flow; 5] =
    [Flow::DebtorOut, Flow::DebtorIn, Flow::CreditorOut, Flow::CreditorIn, Flow::Pair];

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn evidence_is_what_the_patterns_are_made_of(
        world in world(Shape { kinds: PATTERNS.to_vec(), ..small() })
    ) {
        each_finished(&world, 7, |finished, twin| patterns(finished, twin, &world))?;
    }

    #[test]
    fn evidence_of_lines_is_what_the_filter_chooses(
        world in world(Shape { payments: 5..40, kinds: ALL.to_vec(), ..small() }),
        back in 0_u32..20,
    ) {
        let definitions = world.definitions();
        let blocks = definitions.blocks.len();
        let rows = Rows::of(&world);
        let archive = Archive::new((&definitions, definitions.amount_exponent), &rows, &Alone);
        // Of a history that is all at hand, payment after payment or in any order.
        let mut in_order = archive.reader();
        each_finished(&world, usize::MAX, |mut finished, twin| {
            let order = finished.place.0 as usize;
            let payment = (finished.place, finished.input);
            for number in 0..blocks {
                for flow in LINES {
                    let given = payments(&mut finished, number, flow);
                    let expected = twin.evidence(order, number, flow);
                    prop_assert_eq!(
                        &given, &expected,
                        "{:?} of payment {} in block {}", flow, order, number
                    );
                    let after = Place(finished.place.0.saturating_sub(back));
                    let part = finished.evidence.line_after(number, flow, Some(after));
                    let given: Vec<usize> = part.payments.iter().map(|p| p.0 as usize).collect();
                    let at = expected.partition_point(|&order| order <= after.0 as usize);
                    prop_assert_eq!(&given[..], &expected[at..]);
                    prop_assert_eq!(part.goes_on, at > 0);
                    let of_archive = in_order.line_after(payment, (number, flow), Some(after));
                    prop_assert_eq!(&of_archive, &part, "in the archive");
                    let mut apart = archive.reader();
                    let other = rows.inputs.len() - 1 - order;
                    let other = (place_of(other), rows.inputs[other]);
                    apart.line_after(other, (number, flow), None);
                    let of_archive = apart.line_after(payment, (number, flow), Some(after));
                    prop_assert_eq!(&of_archive, &part, "in the archive, asked after another");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn evidence_under_a_tight_budget_is_part_of_the_whole(
        world in world(Shape { kinds: PATTERNS.to_vec(), tight: true, ..small() })
    ) {
        let definitions = world.definitions();
        each_finished(&world, 7, |mut finished, twin| {
            let order = finished.place.0 as usize;
            for (number, block) in definitions.blocks.iter().enumerate() {
                if matches!(block.kind, Kind::Chain { .. }) {
                    continue;
                }
                let whole = twin.evidence(order, number, Flow::Pattern);
                let given = payments(&mut finished, number, Flow::Pattern);
                prop_assert!(given.iter().all(|place| whole.contains(place)));
                let columns = definitions.columns();
                let of_block = columns.iter().zip(finished.cells).filter(|(c, _)| c.block == number);
                let none = of_block
                    .filter(|(column, _)| column.kind == ColumnKind::Int)
                    .all(|(_, cell)| cell.int() == Some(0));
                prop_assert!(none || !given.is_empty(), "a count has payments behind it");
                let whole = block.kind.search().is_some_and(|search| search.whole);
                prop_assert!(!whole || !none || given.is_empty(), "what does not count is none");
            }
            Ok(())
        })?;
    }
}

fn place_of(order: usize) -> Place {
    Place(u32::try_from(order).expect("few"))
}

/// The payments of a world, all at hand.
#[derive(Debug)]
struct Rows {
    inputs: Vec<Input>,
    symbols: Names,
}

impl Rows {
    fn of(world: &World) -> Rows {
        Rows { inputs: inputs(&world.rows), symbols: Names::default() }
    }
}

impl History for Rows {
    fn len(&self) -> u32 {
        u32::try_from(self.inputs.len()).expect("few")
    }

    fn accounts(&self) -> usize {
        let ends = self.inputs.iter().map(|input| input.debtor.0.max(input.creditor.0));
        ends.max().map_or(0, |last| last as usize + 1)
    }

    fn input(&self, place: u32) -> Input {
        self.inputs[place as usize]
    }

    fn ends(&self, place: u32) -> [AccountId; 2] {
        let Input { debtor, creditor, .. } = self.input(place);
        [debtor, creditor]
    }

    fn time(&self, place: u32) -> Timestamp {
        self.input(place).time
    }

    fn symbols(&self) -> &Names {
        &self.symbols
    }
}

fn patterns(mut finished: Finished<'_>, twin: &Twin, world: &World) -> Result<(), TestCaseError> {
    let definitions = world.definitions();
    let order = finished.place.0 as usize;
    for (number, block) in definitions.blocks.iter().enumerate() {
        let given = payments(&mut finished, number, Flow::Pattern);
        let Kind::Chain { retention_permille, .. } = block.kind else {
            let expected = twin.evidence(order, number, Flow::Pattern);
            prop_assert_eq!(given, expected, "payment {} in block {}", order, number);
            continue;
        };
        let depth = definitions
            .columns()
            .iter()
            .zip(finished.cells)
            .find(|(column, _)| column.block == number && column.kind == ColumnKind::Int)
            .and_then(|(_, cell)| cell.int())
            .expect("a chain has a depth");
        prop_assert_eq!(given.len() as u64, depth, "payment {}: run {:?}", order, given);
        prop_assert!(twin.is_chain(&given, block.window, retention_permille), "{:?}", given);
        prop_assert!(given.last().is_none_or(|&last| last == order), "{:?}", given);
    }
    Ok(())
}

fn payments(finished: &mut Finished<'_>, number: usize, flow: Flow) -> Vec<usize> {
    let places = finished.evidence.payments(number, flow);
    places.into_iter().map(|place| place.0 as usize).collect()
}

/// Calls `check` on each payment as it is finished; stops at the first that it refuses.
fn each_finished(
    world: &World,
    batch: usize,
    mut check: impl FnMut(Finished<'_>, &Twin) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let definitions = world.definitions();
    let twin = twin_of(world);
    let mut result = Ok(());
    let mut extractor = Extractor::new(&definitions, definitions.amount_exponent);
    let inputs = inputs(&world.rows);
    let mut each = |finished: Finished<'_>| {
        if result.is_ok() {
            result = check(finished, &twin);
        }
    };
    for batch in inputs.chunks(batch.min(inputs.len())) {
        extractor.push(batch, &Names::default(), &mut each);
    }
    extractor.finish(&mut each);
    result
}
