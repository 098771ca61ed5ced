//! What a second set of rules says of the same payments, beside what the active one says.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use shroff_engine::Told;
use shroff_types::Place;

/// The newest differences that are shown one by one.
const MOST_EXAMPLES: usize = 50;

/// What is counted of one typology.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Alerts that the active version opened.
    pub(crate) alerts_active: u64,
    /// Alerts that the other one opened.
    pub(crate) alerts_shadow: u64,
    /// Of these, at payments of which the active one says nothing by this typology.
    pub(crate) new: u64,
    /// Alerts of the active one at payments of which the other says nothing by it.
    pub(crate) gone: u64,
    /// Payments at which both fired, and one alone.
    pub(crate) fired_by_both: u64,
    pub(crate) fired_by_active: u64,
    pub(crate) fired_by_shadow: u64,
}

/// A payment of which the two say something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) payment: String,
    pub(crate) action_active: &'static str,
    pub(crate) action_shadow: &'static str,
    pub(crate) score_active: f64,
    pub(crate) score_shadow: f64,
    pub(crate) by_active: Vec<String>,
    pub(crate) by_shadow: Vec<String>,
    /// The first sentence of the other one, or else of the active one.
    pub(crate) reason: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Comparison {
    /// The first payment that was compared.
    pub(crate) from: u32,
    pub(crate) payments: u64,
    pub(crate) same: u64,
    pub(crate) by_typology: BTreeMap<String, Counts>,
    /// How often one said an action and the other another.
    pub(crate) actions: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) examples: VecDeque<Difference>,
}

/// The ids of typologies by position, and what was said under them.
pub(crate) type Side<'a> = (&'a [String], &'a Told);

impl Comparison {
    /// One that begins at a place.
    pub(crate) fn begun_at(from: Place) -> Comparison {
        Comparison { from: from.0, ..Comparison::default() }
    }

    /// Takes in what both say of a payment.
    pub(crate) fn take(&mut self, active: Side<'_>, shadow: Side<'_>, id: impl FnOnce() -> String) {
        self.payments += 1;
        let (by_active, by_shadow) = (fired(active), fired(shadow));
        if by_active.is_empty() && by_shadow.is_empty() {
            self.same += 1;
            return;
        }
        let mut all: Vec<&str> = by_active.iter().chain(&by_shadow).copied().collect();
        all.sort_unstable();
        all.dedup();
        for name in all {
            let (one, other) = (by_active.contains(&name), by_shadow.contains(&name));
            let counts = self.counts(name);
            counts.fired_by_both += u64::from(one && other);
            counts.fired_by_active += u64::from(one && !other);
            counts.fired_by_shadow += u64::from(other && !one);
        }
        for name in opened(active) {
            let is_gone = !by_shadow.contains(&name);
            let counts = self.counts(name);
            counts.alerts_active += 1;
            counts.gone += u64::from(is_gone);
        }
        for name in opened(shadow) {
            let is_new = !by_active.contains(&name);
            let counts = self.counts(name);
            counts.alerts_shadow += 1;
            counts.new += u64::from(is_new);
        }
        let actions = (active.1.action.name(), shadow.1.action.name());
        if actions.0 != actions.1 {
            *self.actions.entry(actions).or_default() += 1;
        }
        if by_active == by_shadow && actions.0 == actions.1 {
            self.same += 1;
            return;
        }
        if self.examples.len() == MOST_EXAMPLES {
            self.examples.pop_front();
        }
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let said = [shadow, active].into_iter().find_map(|(_, told)| told.fired.first());
        self.examples.push_back(Difference {
            payment: id(),
            action_active: actions.0,
            action_shadow: actions.1,
            score_active: f64::from(active.1.score_permille) / 1_000.0,
            score_shadow: f64::from(shadow.1.score_permille) / 1_000.0,
            by_active: owned(&by_active),
            by_shadow: owned(&by_shadow),
            reason: said.map(|fired| fired.text.clone()),
        });
    }

    fn counts(&mut self, name: &str) -> &mut Counts {
        if !self.by_typology.contains_key(name) {
            self.by_typology.insert(name.to_owned(), Counts::default());
        }
        self.by_typology.get_mut(name).expect("it was put there just now")
    }
}

/// The typologies that fired, each once.
fn fired((names, told): Side<'_>) -> Vec<&str> {
    let mut fired: Vec<&str> =
        told.fired.iter().map(|fired| names[fired.hit.typology].as_str()).collect();
    fired.sort_unstable();
    fired.dedup();
    fired
}

/// The typologies of the alerts that a payment opened.
fn opened((names, told): Side<'_>) -> Vec<&str> {
    let here = told.touched.iter().filter(|touched| touched.opened.1 == told.place);
    // What was opened here and joined by another hit is one alert still.
    here.map(|touched| names[touched.opened.0].as_str()).collect()
}
