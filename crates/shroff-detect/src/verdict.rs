//! One score out of all that fired, with the share of each, and what is suggested.
//!
//! A rule that fired counts with x, its score times its typology's weight. Of the typologies of one
//! group only the strongest x counts, for they say the same. The groups are taken as independent
//! reasons to look: the score is 1 - (1 - x1)(1 - x2)..., so it grows with each, and never beyond 1.
//! The share of each is the part of the logarithm of that product which it makes.

use shroff_types::{Action, Map};

use crate::typology::Typology;

/// From which score on an action is suggested, if a typology that fired goes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// To look at it.
    pub review_permille: u16,
    /// To hold the payment.
    pub hold_permille: u16,
}

impl Default for Thresholds {
    /// Everything that fires is for review, and what is nearly sure of itself for a hold.
    fn default() -> Thresholds {
        Thresholds { review_permille: 0, hold_permille: 900 }
    }
}

/// How scores of typologies become one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scoring {
    /// Weight, group and action of each typology, by position.
    parts: Vec<(f64, usize, Action)>,
    thresholds: Thresholds,
}

/// What is said of all that fired together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// From 0 to 1000.
    pub score_permille: u16,
    /// The share of each that fired in the score, from 0 to 1000, in the order given.
    pub shares_permille: Vec<u16>,
    /// What is suggested.
    pub action: Action,
}

impl Scoring {
    /// The scoring of a library.
    pub fn new(typologies: &[Typology], thresholds: Thresholds) -> Scoring {
        let mut groups: Map<&str, usize> = Map::default();
        let part = |typology: &'_ Typology, group| (typology.weight, group, typology.action);
        let mut parts = Vec::with_capacity(typologies.len());
        for typology in typologies {
            let next = groups.len();
            let group = *groups.entry(typology.group.as_str()).or_insert(next);
            parts.push(part(typology, group));
        }
        Scoring { parts, thresholds }
    }

    /// How much a score of a typology counts, from 0 to below 1.
    pub fn weighed(&self, typology: usize, score_permille: u16) -> f64 {
        (self.parts[typology].0 * f64::from(score_permille) / 1_000.0).clamp(0.0, 0.999)
    }

    /// Combines what fired: typologies by position, each with its score.
    pub fn verdict(&self, fired: &[(usize, u16)]) -> Verdict {
        // Of a group, the strongest; among equals the first.
        let mut strongest: Vec<(usize, usize)> = Vec::new();
        let x = |at: usize| self.weighed(fired[at].0, fired[at].1);
        for (at, (typology, _)) in fired.iter().enumerate() {
            let group = self.parts[*typology].1;
            match strongest.iter_mut().find(|(known, _)| *known == group) {
                Some((_, best)) if x(at) > x(*best) => *best = at,
                Some(_) => {}
                None => strongest.push((group, at)),
            }
        }
        let mut logs = vec![0.0; fired.len()];
        for &(_, at) in &strongest {
            logs[at] = -(1.0 - x(at)).ln();
        }
        let total: f64 = logs.iter().sum();
        let share = |log: &f64| if total > 0.0 { permille(log / total) } else { 0 };
        let score_permille = permille(1.0 - (-total).exp());
        let wanted = fired.iter().map(|(typology, _)| self.parts[*typology].2).max();
        let Thresholds { review_permille, hold_permille } = self.thresholds;
        let allowed = if score_permille >= hold_permille {
            Action::Hold
        } else if score_permille >= review_permille {
            Action::Review
        } else {
            Action::None
        };
        Verdict {
            score_permille,
            shares_permille: logs.iter().map(share).collect(),
            action: wanted.unwrap_or_default().min(allowed),
        }
    }
}

fn permille(share: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000 after the clamp"
    )]
    let permille = (share.clamp(0.0, 1.0) * 1_000.0).round() as u16;
    permille
}

#[cfg(test)]
mod tests {
    use super::{Scoring, Thresholds, Verdict};
    use crate::typology::Typology;
    use shroff_types::Action;

    fn typology(id: &str, more: &str) -> Typology {
        let text = format!(
            "id = \"{id}\"\ntitle = \"T\"\nwhat = \"a\"\nwhy = \"b\"\ninnocent = \"c\"\n\
             sources = []\n{more}\n[[case]]\nwhen = \"true\"\nscore = 0.5\nreason = \"r\"\n\
             evidence = [\"x\"]\n"
        );
        Typology::parse(id, &text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn verdict(fired: &[(usize, u16)]) -> Verdict {
        let library = [
            typology("a", "action = \"hold\""),
            typology("b", "group = \"a\""),
            typology("c", "weight = 0.5\naction = \"none\""),
        ];
        Scoring::new(&library, Thresholds::default()).verdict(fired)
    }

    #[test]
    fn groups_are_independent_reasons_and_a_group_says_a_thing_once() {
        for (fired, score, shares) in [
            (&[][..], 0, &[][..]),
            (&[(0, 500)], 500, &[1_000]),
            (&[(0, 500), (1, 400)], 500, &[1_000, 0]),
            (&[(0, 400), (1, 500)], 500, &[0, 1_000]),
            // 1 - 0.5 * 0.75; ln 0.75 is 0.2933 of ln 0.375.
            (&[(0, 500), (2, 500)], 625, &[707, 293]),
            (&[(0, 1_000)], 999, &[1_000]),
            (&[(0, 0)], 0, &[0]),
        ] {
            let told = verdict(fired);
            assert_eq!(
                (told.score_permille, &told.shares_permille[..]),
                (score, shares),
                "{fired:?}"
            );
        }
    }

    #[test]
    fn an_action_needs_a_typology_that_goes_so_far_and_a_score_that_does() {
        assert_eq!(verdict(&[(0, 950)]).action, Action::Hold);
        assert_eq!(verdict(&[(0, 500)]).action, Action::Review);
        assert_eq!(verdict(&[(1, 950)]).action, Action::Review);
        assert_eq!(verdict(&[(2, 950)]).action, Action::None);
        assert_eq!(verdict(&[]).action, Action::None);
    }
}
