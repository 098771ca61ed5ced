//! Two versions of the rules, payment by payment.

use shroff_detect::{Scoring, Thresholds};

use super::Outcome;
use super::book::Book;
use super::hits::Fired;

/// What a version says of a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Says {
    /// The typologies that fired at it, by position.
    pub(crate) fired: Vec<usize>,
    pub(crate) score_permille: u16,
    /// Whether it is evidence of an alert.
    pub(crate) is_alerted: bool,
}

/// A payment of which two versions say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) place: u32,
    pub(crate) before: Says,
    pub(crate) after: Says,
}

impl Changed {
    /// In a word.
    pub(crate) fn change(&self) -> &'static str {
        match (self.before.is_alerted, self.after.is_alerted) {
            (false, true) => "gained",
            (true, false) => "lost",
            (true, true) | (false, false) => "changed",
        }
    }
}

/// The payments of which they differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Difference {
    pub(crate) changed: Vec<Changed>,
}

/// How one version sees payments that pass by in order.
pub(crate) struct Passing<'a> {
    left: Vec<&'a [Fired]>,
    touches: &'a [super::replay::Touch],
    outcome: &'a Outcome,
    scoring: Scoring,
}

impl<'a> Passing<'a> {
    pub(crate) fn new(outcome: &'a Outcome) -> Passing<'a> {
        let hits = &outcome.version.hits.by_typology;
        Passing {
            left: hits.iter().map(|fired| &**fired).collect(),
            touches: &outcome.replayed.touches,
            outcome,
            scoring: Scoring::new(&outcome.version.typologies, Thresholds::default()),
        }
    }

    /// What is said of the next payment, and where it is evidence.
    pub(crate) fn next(&mut self, place: u32) -> (Says, &'a [super::replay::Touch]) {
        let mut says = Says::default();
        let mut scores: Vec<(usize, u16)> = Vec::new();
        for (typology, left) in self.left.iter_mut().enumerate() {
            while let Some((fired, rest)) = left.split_first()
                && fired.place == place
            {
                *left = rest;
                scores.push((typology, fired.score_permille));
                if says.fired.last() != Some(&typology) {
                    says.fired.push(typology);
                }
            }
        }
        if !scores.is_empty() {
            says.score_permille = self.scoring.verdict(&scores).score_permille;
        }
        let here = self.touches.iter().take_while(|touch| touch.place == place).count();
        let (own, rest) = self.touches.split_at(here);
        self.touches = rest;
        says.is_alerted = !own.is_empty();
        (says, own)
    }

    /// The ids of what fired.
    pub(crate) fn ids(&self, says: &Says) -> impl Iterator<Item = &'a str> {
        let typologies = &self.outcome.version.typologies;
        says.fired.iter().map(|&at| typologies[at].id.as_str())
    }
}

/// Compares what `after` says with what `before` said. Typologies are told apart by their ids.
pub(crate) fn of(book: &Book, after: &Outcome, before: &Outcome) -> Difference {
    let (mut new, mut old) = (Passing::new(after), Passing::new(before));
    let mut difference = Difference::default();
    for place in book.places() {
        let ((after, _), (before, _)) = (new.next(place), old.next(place));
        let same = after.is_alerted == before.is_alerted
            && after.score_permille == before.score_permille
            && new.ids(&after).eq(old.ids(&before));
        if !same {
            difference.changed.push(Changed { place, before, after });
        }
    }
    difference
}
