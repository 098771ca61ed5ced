//! Grouping from first principles: hits are one alert when their evidence hangs together.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shroff_engine::{Draft, Drafts, Hit};
use shroff_types::{Place, Reason};

use crate::cases;

/// A hit with all its evidence, and what it belongs to whatever its evidence.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) hit: Hit,
    pub(crate) text: String,
    pub(crate) evidence: BTreeSet<Place>,
    /// Earlier hits, by position.
    pub(crate) known: Vec<usize>,
}

/// Groups hits the slow way: two of one typology that share a payment are one, until nothing
/// more is.
pub(crate) fn group(told: &[Told]) -> Vec<Draft> {
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for number in 0..told.len() {
        let hangs_on = |other: usize| {
            let (one, other_hit) = (&told[number], &told[other]);
            one.hit.typology == other_hit.hit.typology
                && (!one.evidence.is_disjoint(&other_hit.evidence) || one.known.contains(&other))
        };
        let (on, mut off): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(|&other| hangs_on(other)));
        let mut group: BTreeSet<usize> = on.into_iter().flatten().collect();
        group.insert(number);
        off.push(group);
        groups = off;
    }
    let mut drafts: Vec<Draft> = groups.iter().map(|group| draft(told, group)).collect();
    drafts.sort_by_key(|draft| (draft.payments[0], draft.typology));
    drafts
}

fn draft(told: &[Told], group: &BTreeSet<usize>) -> Draft {
    let told: Vec<&Told> = group.iter().map(|&number| &told[number]).collect();
    let payments: BTreeSet<Place> = told.iter().flat_map(|t| t.evidence.iter().copied()).collect();
    let mut strongest: BTreeMap<usize, &Told> = BTreeMap::new();
    for &one in &told {
        let known = strongest.entry(one.hit.rule).or_insert(one);
        let (new, old) = (&one.hit, &known.hit);
        if new.score_permille > old.score_permille
            || new.score_permille == old.score_permille && new.place < old.place
        {
            *known = one;
        }
    }
    let mut reasons: Vec<(u16, Reason, usize)> =
        strongest.values().map(|t| (t.hit.score_permille, reason(t), t.hit.rule)).collect();
    reasons.sort_by_key(|(score, reason, rule)| (1_000 - score, reason.place, *rule));
    Draft {
        typology: told[0].hit.typology,
        score_permille: told.iter().map(|t| t.hit.score_permille).max().expect("a hit"),
        raised_at: told.iter().map(|t| t.hit.place).min().expect("a hit"),
        hits: told.len() as u64,
        reasons,
        payments: payments.into_iter().collect(),
    }
}

fn reason(told: &Told) -> Reason {
    Reason { rule: told.hit.rule.to_string(), place: told.hit.place, text: told.text.clone() }
}

/// Grouping as an engine does it.
fn drafts_of(told: &[Told], typologies: usize) -> Drafts {
    let mut drafts = Drafts::new(typologies);
    let mut numbers: Vec<u32> = Vec::new();
    for one in told {
        let known: Vec<u32> = one.known.iter().map(|&other| numbers[other]).collect();
        // Twice and backwards: evidence comes in any order, and a payment of two flows comes twice.
        let evidence: Vec<Place> =
            one.evidence.iter().rev().chain(&one.evidence).copied().collect();
        let draft = drafts.add(&one.hit, &evidence, &known);
        if drafts.wants_reason(draft, &one.hit) {
            drafts.give_reason(draft, &one.hit, reason(one));
        }
        numbers.push(draft);
    }
    drafts
}

const TYPOLOGIES: usize = 3;

fn hits() -> impl Strategy<Value = Vec<Told>> {
    let evidence = prop_oneof![
        prop::collection::btree_set(0_u32..400, 1..4),
        prop::collection::btree_set(0_u32..60, 1..6),
        // A line of a hub.
        (0_u32..300, 1_u32..80).prop_map(|(from, count)| (from..from + count).collect()),
    ];
    let known = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let known = prop_oneof![3 => Just(Vec::new()), 1 => known];
    let hit = (0..TYPOLOGIES, 0_usize..4, 0_u16..=5, evidence, known);
    prop::collection::vec(hit, 1..60).prop_map(|hits| {
        let mut told: Vec<Told> = Vec::new();
        for (number, (typology, rule, score, evidence, known)) in hits.into_iter().enumerate() {
            // A rule is of one typology; of two rules at one payment, one is odd.
            let rule = typology + TYPOLOGIES * (2 * rule + number % 2);
            let place = Place(u32::try_from(number / 2).expect("few"));
            let hit = Hit { typology, rule, place, score_permille: score * 200 };
            let like: Vec<usize> =
                (0..number).filter(|&n| told[n].hit.typology == typology).collect();
            let known = known.iter().filter(|_| !like.is_empty()).map(|at| *at.get(&like));
            let known = known.collect();
            let evidence = evidence.into_iter().map(Place).collect();
            told.push(Told { hit, text: format!("hit {number}"), evidence, known });
        }
        told
    })
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn drafts_are_the_hits_that_hang_together(told in hits()) {
        let given = drafts_of(&told, TYPOLOGIES).finish();
        prop_assert_eq!(&given, &group(&told));
        prop_assert_eq!(given.iter().map(|draft| draft.hits).sum::<u64>(), told.len() as u64);
        for typology in 0..TYPOLOGIES {
            let of = |typology| given.iter().filter(move |draft| draft.typology == typology);
            let held = of(typology).flat_map(|draft| draft.payments.iter());
            let held: Vec<Place> = held.copied().collect();
            let distinct: BTreeSet<Place> = held.iter().copied().collect();
            prop_assert_eq!(held.len(), distinct.len(), "a payment is in one alert of a typology");
        }
    }
}

#[test]
fn a_long_row_of_hits_joins_into_one_whatever_their_order() {
    // Neighbours share a payment; the even ones come first, so each odd one joins two drafts.
    let one = |number: u32| Told {
        hit: Hit { typology: 0, rule: 0, place: Place(number), score_permille: 500 },
        text: number.to_string(),
        evidence: [Place(number), Place(number + 1)].into(),
        known: Vec::new(),
    };
    let even = (0..2_000).step_by(2);
    let told: Vec<Told> = even.chain((1..2_000).step_by(2)).map(one).collect();
    let drafts = drafts_of(&told, 1).finish();
    assert_eq!(drafts.len(), 1);
    assert_eq!((drafts[0].hits, drafts[0].payments.len()), (2_000, 2_001));
    assert_eq!(drafts[0].reasons[0].1.place, Place(0), "the earliest of equals tells why");
}
