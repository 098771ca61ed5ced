//! Grouping against a slow twin that looks at every alert for every hit.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shroff_detect::{Scoring, Thresholds, Typology};
use shroff_engine::{Draft, Drafts, Hit, MOST_PAYMENTS};
use shroff_types::Place;

use crate::cases;

/// A hit with all its evidence, and an earlier hit whose draft it belongs to whatever its evidence.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) hit: Hit,
    pub(crate) text: String,
    pub(crate) evidence: BTreeSet<Place>,
    pub(crate) known: Option<usize>,
}

/// What a draft is, told slowly: its hits and its payments.
#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    hits: Vec<usize>,
    payments: BTreeSet<Place>,
    /// Whether a hit had a payment that was not among them.
    is_cut: bool,
}

/// Groups hits the slow way, looking at every group for every hit.
fn group(told: &[Told]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    // Which group took a payment last.
    let mut last: BTreeMap<Place, usize> = BTreeMap::new();
    for (number, one) in told.iter().enumerate() {
        let newest = one.evidence.iter().rev().take(MOST_PAYMENTS / 2);
        let evidence: BTreeSet<Place> = newest.chain([&one.hit.place]).copied().collect();
        let fits = |at: usize| {
            let whole = groups[at].payments.union(&evidence).count();
            whole == groups[at].payments.len() || whole <= MOST_PAYMENTS
        };
        let of_known = one.known.and_then(|other| {
            groups.iter().position(|group| group.hits.contains(&other)).filter(|&at| fits(at))
        });
        let shared = |at: usize| evidence.iter().filter(|p| last.get(p) == Some(&at)).count();
        let nearest = (0..groups.len())
            .filter(|&at| shared(at) > 0 && 2 * shared(at) >= evidence.len() && fits(at))
            .max_by_key(|&at| (shared(at), std::cmp::Reverse(at)));
        let home = of_known.or(nearest).unwrap_or_else(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        groups[home].hits.push(number);
        for place in evidence {
            groups[home].payments.insert(place);
            last.insert(place, home);
        }
        groups[home].is_cut |= !one.evidence.is_subset(&groups[home].payments);
    }
    groups
}

/// Grouping as an engine does it.
fn drafts_of(told: &[Told]) -> Vec<Draft> {
    let mut drafts = Drafts::new(Scoring::new(&library(), Thresholds::default()));
    let mut numbers: Vec<u32> = Vec::new();
    for one in told {
        // Twice and backwards: evidence comes in any order, and a payment of two flows comes twice.
        let evidence: Vec<Place> =
            one.evidence.iter().rev().chain(&one.evidence).copied().collect();
        let draft = drafts.add(&one.hit, &evidence, one.known.map(|other| numbers[other]));
        if drafts.wants_reason(draft, &one.hit) {
            drafts.give_reason(draft, &one.hit, one.text.clone());
        }
        drafts.score(draft, std::slice::from_ref(&one.hit));
        numbers.push(draft);
    }
    drafts.finish()
}

/// As many typologies as the hits are of.
fn library() -> Vec<Typology> {
    let one = |number: usize| {
        let text = format!(
            "id = 't{number}'\ntitle = 'T'\nwhat = 'w'\nwhy = 'w'\ninnocent = 'i'\nsources = []\n\
             [[case]]\nwhen = 'true'\nscore = 1\nreason = 'r'\nevidence = ['x']"
        );
        Typology::parse("t", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    (0..TYPOLOGIES).map(one).collect()
}

const TYPOLOGIES: usize = 3;

fn hits() -> impl Strategy<Value = Vec<Told>> {
    let line = |(from, count): (u32, u32)| (from..from + count).collect::<BTreeSet<u32>>();
    let evidence = prop_oneof![
        4 => prop::collection::btree_set(0_u32..400, 1..4),
        4 => prop::collection::btree_set(0_u32..60, 1..6),
        // A line of a hub, and one that is longer than what is kept of it.
        4 => (0_u32..300, 1_u32..80).prop_map(line),
        1 => (0_u32..300, 90_u32..220).prop_map(line),
    ];
    let known = prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    let hit = (0..TYPOLOGIES, 0_usize..4, 0_u16..=5, evidence, known);
    prop::collection::vec(hit, 1..60).prop_map(|hits| {
        let mut told: Vec<Told> = Vec::new();
        for (number, (typology, rule, score, evidence, known)) in hits.into_iter().enumerate() {
            // A rule is of one typology; of two rules at one payment, one is odd.
            let rule = typology + TYPOLOGIES * (2 * rule + number % 2);
            let place = Place(u32::try_from(number / 2).expect("few"));
            let hit = Hit { typology, rule, place, score_permille: score * 200 };
            let known = known.filter(|_| number > 0).map(|at| at.index(number));
            let evidence = evidence.into_iter().map(Place).collect();
            told.push(Told { hit, text: format!("hit {number}"), evidence, known });
        }
        told
    })
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn a_hit_is_in_the_draft_that_has_most_of_its_evidence_and_none_is_lost(told in hits()) {
        let drafts = drafts_of(&told);
        let mut groups = group(&told);
        prop_assert_eq!(drafts.iter().map(|draft| draft.hits).sum::<u64>(), told.len() as u64);
        for draft in &drafts {
            let payments: BTreeSet<Place> = draft.payments.iter().copied().collect();
            prop_assert_eq!(payments.len(), draft.payments.len(), "each once");
            prop_assert!(payments.len() <= MOST_PAYMENTS, "an alert is bounded");
            let of = |number: &usize| &told[*number].hit;
            // Two may hold as many hits over the same payments: they began at different ones.
            let at = groups.iter().position(|group| {
                group.payments == payments
                    && group.hits.len() as u64 == draft.hits
                    && group.hits.iter().map(|n| of(n).place).min() == Some(draft.raised_at)
            });
            let group = groups.swap_remove(at.expect("the twin has the same"));
            let strongest = group.hits.iter().map(|n| of(n).score_permille).max();
            // One rule at a time, and none is sure: 999 is the most.
            prop_assert_eq!(Some(draft.score_permille), strongest.map(|score| score.min(999)));
            prop_assert_eq!(draft.is_whole, !group.is_cut);
        }
        prop_assert!(groups.is_empty(), "the twin has no more");
    }
}

#[test]
fn flows_that_share_a_payment_and_little_else_stay_apart() {
    let one = |number: u32| Told {
        hit: Hit { typology: 0, rule: 0, place: Place(3 * number), score_permille: 500 },
        text: number.to_string(),
        evidence: (3 * number..3 * number + 4).map(Place).collect(),
        known: None,
    };
    let told: Vec<Told> = (0..50).map(one).collect();
    assert_eq!(drafts_of(&told).len(), 50);
}

#[test]
fn what_grows_by_a_payment_is_one_alert_until_it_is_full() {
    let one = |number: u32| Told {
        hit: Hit { typology: 0, rule: 0, place: Place(number), score_permille: 500 },
        text: number.to_string(),
        evidence: (number.saturating_sub(50)..=number).map(Place).collect(),
        known: None,
    };
    let told: Vec<Told> = (0..1_000).map(one).collect();
    let drafts = drafts_of(&told);
    assert!((5..9).contains(&drafts.len()), "{}", drafts.len());
    assert!(drafts.iter().all(|draft| draft.payments.len() <= MOST_PAYMENTS));
}

#[test]
fn a_payment_whose_last_draft_was_let_go_is_not_taken_twice_by_another() {
    let mut drafts = Drafts::new(Scoring::new(&library(), Thresholds::default()));
    let hit = |place: u32| Hit { typology: 0, rule: 0, place: Place(place), score_permille: 500 };
    let one = drafts.add(&hit(1), &[1, 2].map(Place), None);
    let other = drafts.add(&hit(3), &[2, 3, 4, 5].map(Place), None);
    assert_ne!(one, other, "they have a quarter in common");
    drafts.let_go(other);
    assert!(drafts.takes(one, &[Place(2)]));
    assert_eq!(drafts.add(&hit(1), &[Place(2)], Some(one)), one);
    assert_eq!(drafts.get(one).map(|draft| draft.payments.clone()), Some([1, 2].map(Place).into()));
}
