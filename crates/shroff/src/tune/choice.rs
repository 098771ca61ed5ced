//! Which setting of each typology, for a goal.

use shroff_types::Map;

use crate::backtest::files::Sheet;
use crate::backtest::{Opened, Outcome, figures};
use crate::cli::History;

use super::VALIDATION;
use super::settings::{self, Setting};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// At most so many alerts a day.
    AlertsADay(f64),
    /// At least this share of the alerts is right.
    Precision(f64),
}

impl Goal {
    /// As the command line says it, which asks for one of them.
    pub(crate) fn of(alerts_a_day: Option<f64>, precision: Option<f64>) -> Goal {
        match (alerts_a_day, precision) {
            (Some(alerts), _) => Goal::AlertsADay(alerts),
            (None, precision) => Goal::Precision(precision.unwrap_or(1.0)),
        }
    }

    /// In words.
    pub(crate) fn told(self) -> String {
        match self {
            Goal::AlertsADay(alerts) => format!("{alerts} alerts a day at most"),
            Goal::Precision(share) => format!("{} % of the alerts right at least", 100.0 * share),
        }
    }

    /// Whether it is met by so many alerts a day and this precision.
    fn is_met(self, (alerts_a_day, precision): (f64, f64)) -> bool {
        match self {
            Goal::AlertsADay(most) => alerts_a_day <= most,
            Goal::Precision(least) => precision >= least,
        }
    }
}

/// A step on the way from the settings that there were: what they would cost and catch together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) typology: String,
    pub(crate) alerts_per_day: f64,
    /// The mean share of an attempt that is caught.
    pub(crate) caught: f64,
    pub(crate) precision: f64,
    /// Whether it is the one that was chosen.
    pub(crate) is_taken: bool,
}

/// What was chosen, replayed in full.
pub(crate) struct Chosen {
    pub(crate) outcome: Outcome,
    pub(crate) steps: Vec<Step>,
    pub(crate) is_met: bool,
}

/// How often what was chosen is replayed in full and the bound corrected.
const CORRECTIONS: usize = 5;

/// How often parameters are moved, each time from what was chosen before.
const ROUNDS: usize = 2;

/// Chooses; what is chosen meets the goal on the validation part, if any setting does.
pub(crate) fn choose(
    opened: &Opened,
    history: &History,
    goal: Goal,
    before: &Outcome,
) -> anyhow::Result<Chosen> {
    let mut best: Option<Chosen> = None;
    let mut base = before.version.typologies.clone();
    for _ in 0..ROUNDS {
        let settings = settings::measure(opened, before, &base, history.ruling.thresholds())?;
        let worth = Worth::of(opened, before);
        // Alerts of several typologies that are one flow are one: so the sum is too high.
        let mut correction = 1.0;
        for _ in 0..CORRECTIONS {
            let (picked, steps) = climb(&settings, &worth, goal, correction);
            let typologies = picked.iter().map(|setting| setting.typology.clone()).collect();
            let version = opened.version(history, typologies)?;
            let outcome = opened.outcome(history, version, None)?;
            let found = found(&outcome);
            let is_met = goal.is_met(found);
            let chosen = Chosen { outcome, steps, is_met };
            if best.as_ref().is_none_or(|best| is_better(&chosen, best)) {
                best = Some(chosen);
            }
            let ratio = match goal {
                Goal::AlertsADay(most) => found.0 / most,
                Goal::Precision(least) => least / found.1.max(1e-9),
            };
            if (0.92..=1.0).contains(&ratio) || !ratio.is_finite() {
                break;
            }
            correction *= ratio.clamp(0.2, 5.0) * if ratio > 1.0 { 1.02 } else { 1.0 };
        }
        if let Some(best) = &best {
            base.clone_from(&best.outcome.version.typologies);
        }
    }
    best.ok_or_else(|| anyhow::anyhow!("there is no typology to tune"))
}

/// Alerts a day and precision on the validation part.
fn found(outcome: &Outcome) -> (f64, f64) {
    let row = &outcome.table.figures[VALIDATION][outcome.table.rules];
    // Without an alert, none is wrong.
    let precision = crate::backtest::files::share(row.right_alerts, row.alerts).unwrap_or(1.0);
    (row.alerts_per_day(), precision)
}

/// What is caught on the validation part: attempts, then payments, then few alerts.
fn caught(outcome: &Outcome) -> (u64, u64, std::cmp::Reverse<u64>) {
    let row = &outcome.table.figures[VALIDATION][outcome.table.rules];
    (row.attempts_half, row.caught, std::cmp::Reverse(row.alerts))
}

fn is_better(one: &Chosen, other: &Chosen) -> bool {
    match (one.is_met, other.is_met) {
        (true, false) => true,
        (false, true) => false,
        (true, true) => caught(&one.outcome) > caught(&other.outcome),
        (false, false) => {
            let alerts = |chosen: &Chosen| found(&chosen.outcome).0;
            alerts(one) < alerts(other)
        }
    }
}

/// What a labelled payment is worth: a share of its attempt.
struct Worth {
    of: Map<u32, f64>,
    whole: f64,
    days: f64,
}

impl Worth {
    fn of(opened: &Opened, before: &Outcome) -> Worth {
        let book = &opened.book;
        let sizes: Map<u32, u32> =
            before.table.attempts.iter().map(|a| (a.name, a.payments)).collect();
        let own = book.places().filter(|&place| {
            book.is_labelled(place) && usize::from(before.table.parts[place as usize]) == VALIDATION
        });
        // Who belongs to no attempt is one by itself.
        let worth = |place: u32| {
            let size = book.attempt(place).and_then(|attempt| sizes.get(&attempt));
            (place, 1.0 / f64::from(size.copied().unwrap_or(1)))
        };
        let of: Map<u32, f64> = own.map(worth).collect();
        let mut all: Vec<f64> = of.values().copied().collect();
        all.sort_by(f64::total_cmp);
        Worth { whole: all.iter().sum(), of, days: before.split.days(VALIDATION) }
    }
}

/// What some settings cost and catch together.
struct Standing<'a> {
    picked: Vec<&'a Setting>,
    /// By how many of the settings a payment is caught.
    times: Map<u32, u32>,
    alerts: u64,
    right: u64,
    worth: f64,
}

impl<'a> Standing<'a> {
    fn new(picked: Vec<&'a Setting>, worth: &Worth) -> Standing<'a> {
        let mut standing =
            Standing { picked: Vec::new(), times: Map::default(), alerts: 0, right: 0, worth: 0.0 };
        for setting in picked {
            standing.picked.push(setting);
            standing.alerts += setting.alerts;
            standing.right += setting.right;
            for &place in &sorted(setting) {
                let times = standing.times.entry(place).or_default();
                *times += 1;
                standing.worth += if *times == 1 { worth.of[&place] } else { 0.0 };
            }
        }
        standing
    }

    /// What would be caught more, if one typology had another setting.
    fn gain(&self, at: usize, other: &Setting, worth: &Worth) -> f64 {
        let own = &self.picked[at].caught;
        let new = sorted(other).into_iter().filter(|place| !own.contains(place));
        let new = new.filter(|place| self.times.get(place).copied().unwrap_or(0) == 0);
        let gained: f64 = new.map(|place| worth.of[&place]).sum();
        let gone = sorted(self.picked[at]).into_iter().filter(|p| !other.caught.contains(p));
        let lost: f64 =
            gone.filter(|place| self.times[place] == 1).map(|place| worth.of[&place]).sum();
        gained - lost
    }

    /// The same with another setting of one typology.
    fn with(&self, at: usize, next: &'a Setting, worth: &Worth) -> Standing<'a> {
        let mut list = self.picked.clone();
        list[at] = next;
        Standing::new(list, worth)
    }

    fn alerts_per_day(&self, worth: &Worth) -> f64 {
        figures::float(self.alerts) / worth.days
    }

    fn step(&self, typology: String, worth: &Worth) -> Step {
        Step {
            typology,
            alerts_per_day: self.alerts_per_day(worth),
            caught: self.worth / worth.whole.max(f64::MIN_POSITIVE),
            precision: self.precision(),
            is_taken: false,
        }
    }

    fn precision(&self) -> f64 {
        if self.alerts == 0 {
            return 1.0;
        }
        figures::float(self.right) / figures::float(self.alerts)
    }
}

/// What a setting catches, in the order of the payments, so that sums have the same bits each time.
fn sorted(setting: &Setting) -> Vec<u32> {
    let mut places: Vec<u32> = setting.caught.iter().copied().collect();
    places.sort_unstable();
    places
}

/// From the settings that there are: first to fewer alerts, always by the step that loses least for
/// each alert, until the goal is met; then to more, as long as it is. The way to the strictest
/// settings is told to its end, so that the trade-off can be drawn.
fn climb<'a>(
    settings: &'a [Vec<Setting>],
    worth: &Worth,
    goal: Goal,
    correction: f64,
) -> (Vec<&'a Setting>, Vec<Step>) {
    let is_met = |standing: &Standing<'_>| {
        let (alerts, precision) = (standing.alerts_per_day(worth), standing.precision());
        goal.is_met(match goal {
            Goal::AlertsADay(_) => (alerts * correction, precision),
            Goal::Precision(_) => (alerts, precision / correction.max(1e-9)),
        })
    };
    let start = settings.iter().map(|all| all.first().expect("each has the one that it has"));
    let mut standing = Standing::new(start.collect(), worth);
    let mut steps = vec![standing.step(String::new(), worth)];
    let mut picked = is_met(&standing).then(|| standing.picked.clone());
    while let Some((at, next)) = best_step(&standing, settings, worth, false) {
        standing = standing.with(at, next, worth);
        steps.push(standing.step(next.typology.id.clone(), worth));
        if picked.is_none() && is_met(&standing) {
            picked = Some(standing.picked.clone());
        }
    }
    let picked = picked.unwrap_or_else(|| standing.picked.clone());
    standing = Standing::new(picked, worth);
    while let Some((at, next)) = best_step(&standing, settings, worth, true) {
        let further = standing.with(at, next, worth);
        steps.push(further.step(next.typology.id.clone(), worth));
        if !is_met(&further) {
            break;
        }
        standing = further;
    }
    let mut last = standing.step(String::new(), worth);
    last.is_taken = true;
    steps.push(last);
    (standing.picked, steps)
}

/// The step to more alerts that gains most for each of them, or to fewer that loses least. Among
/// equals the smallest: nobody wants a rule turned off where a little less of it will do.
fn best_step<'a>(
    standing: &Standing<'_>,
    settings: &'a [Vec<Setting>],
    worth: &Worth,
    is_up: bool,
) -> Option<(usize, &'a Setting)> {
    let mut best: Option<(f64, u64, usize, &Setting)> = None;
    for (at, all) in settings.iter().enumerate() {
        let now = standing.picked[at].alerts;
        for next in all.iter().filter(|next| (next.alerts > now) == is_up && next.alerts != now) {
            let gain = standing.gain(at, next, worth);
            let moved = next.alerts.abs_diff(now);
            let value = gain / figures::float(moved);
            let is_better = best.is_none_or(|(known, size, ..)| {
                value > known || value.to_bits() == known.to_bits() && moved < size
            });
            if is_better && (gain > 0.0 || !is_up) {
                best = Some((value, moved, at, next));
            }
        }
    }
    best.map(|(_, _, at, next)| (at, next))
}

/// The way as a table.
pub(crate) fn sheet(steps: &[Step]) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.text("moved", steps.iter().map(|step| &step.typology));
    sheet.real("alerts_per_day", steps.iter().map(|step| Some(step.alerts_per_day)));
    sheet.real("caught", steps.iter().map(|step| Some(step.caught)));
    sheet.real("alert_precision", steps.iter().map(|step| Some(step.precision)));
    sheet.count("taken", steps.iter().map(|step| u64::from(step.is_taken)));
    sheet
}
