//! What a typology's parameters may be set to, and what each setting costs and catches alone.

use std::sync::Arc;

use shroff_detect::{BoundRule, Rules, Scoring, Thresholds, Typology};
use shroff_types::Set;

use crate::backtest::hits::{Fired, Hits};
use crate::backtest::replay::{Replay, Replayed, RuleSet};
use crate::backtest::slices;
use crate::backtest::{Opened, Outcome};

use super::VALIDATION;

/// A setting of one typology, measured on the validation part.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) typology: Typology,
    pub(crate) alerts: u64,
    pub(crate) right: u64,
    /// The labelled payments that it catches.
    pub(crate) caught: Set<u32>,
}

/// Settings of each typology that are tried beside the one that it has.
const MOST_VALUES: usize = 7;

/// What a value is multiplied with, to look where it makes a difference. Never far beyond what there
/// is: a rule that found nothing in a short history is not to be turned off by it.
const FACTORS: [f64; 17] =
    [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0];

/// A setting that was not measured yet.
struct Tried {
    of: usize,
    typology: Typology,
    rules: Rules,
}

/// The settings of each typology: as it is, and with one parameter moved.
pub(crate) fn measure(
    opened: &Opened,
    outcome: &Outcome,
    typologies: &[Typology],
    thresholds: Thresholds,
) -> anyhow::Result<Vec<Vec<Setting>>> {
    let version = &outcome.version;
    let (begin, end) = outcome.split.bounds[VALIDATION];
    let (from, to) = (opened.book.first_from(begin), opened.book.first_from(end));
    let numbers: Vec<usize> = (slices::of(from)..slices::count(to)).collect();
    let all: Vec<(usize, Typology)> = typologies
        .iter()
        .enumerate()
        .flat_map(|(of, typology)| {
            let all = std::iter::once(typology.clone()).chain(moved(typology));
            all.map(move |typology| (of, typology))
        })
        .collect();
    let rules =
        Rules::bind_each(all.iter().map(|(_, typology)| typology), &version.kept.definitions);
    let tried: Vec<Tried> = all
        .into_iter()
        .zip(rules)
        .filter_map(|((of, typology), rules)| Some(Tried { of, typology, rules: rules.ok()? }))
        .collect();
    let sets: Vec<&[BoundRule]> = tried.iter().map(|tried| tried.rules.bound.as_slice()).collect();
    let fired = opened.asker(&version.kept).ask(&sets, &numbers)?;
    let inside = |fired: &Fired| from <= fired.place && fired.place < to;
    let fired: Vec<Vec<Fired>> = fired
        .into_iter()
        .map(|fired| fired.into_iter().filter(|fired| inside(fired)).collect())
        .collect();
    let worth = worthwhile(&tried, &fired);
    let hits: Vec<Hits> = worth
        .iter()
        .map(|&at| Hits { by_typology: vec![Arc::from(fired[at].as_slice())], asked: 0 })
        .collect();
    let sets: Vec<RuleSet<'_>> = worth
        .iter()
        .zip(&hits)
        .map(|(&at, hits)| {
            let scoring = Scoring::new(std::slice::from_ref(&tried[at].typology), thresholds);
            RuleSet { rules: &tried[at].rules, hits, scoring }
        })
        .collect();
    let replay = Replay { book: &opened.book, kept: &version.kept, threads: &opened.threads };
    let replayed = replay.run(&sets, (from, to), None)?;
    let mut settings: Vec<Vec<Setting>> = vec![Vec::new(); typologies.len()];
    for (&at, replayed) in worth.iter().zip(&replayed) {
        let setting = counted(opened, outcome, &tried[at].typology, replayed);
        settings[tried[at].of].push(setting);
    }
    Ok(settings)
}

/// A typology with one parameter at another value, for each value that might be tried.
fn moved(typology: &Typology) -> Vec<Typology> {
    let mut moved = Vec::new();
    for (name, parameter) in &typology.parameters {
        let (low, high) = parameter.range;
        let is_whole = [parameter.value, low, high].iter().all(|number| number.fract() == 0.0);
        let value = |factor: &f64| {
            let value = parameter.value * factor;
            let value = if is_whole { value.round() } else { nice(value) };
            value.clamp(low, high)
        };
        let mut values: Vec<f64> = FACTORS.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        for value in values.into_iter().filter(|value| value.to_bits() != parameter.value.to_bits())
        {
            let mut other = typology.clone();
            if other.set(name, value).is_ok() {
                moved.push(other);
            }
        }
    }
    moved
}

/// A number of two digits: nobody sets a threshold to 6.4371.
fn nice(value: f64) -> f64 {
    if value == 0.0 {
        return value;
    }
    let unit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    let rounded = (value / unit).round() * unit;
    // As it is written: 0.35, and not 0.35000000000000003.
    format!("{rounded:.6}").parse().unwrap_or(rounded)
}

/// The settings whose number of hits is told apart from that of others: the one that there is, and
/// for each parameter a few that are spread over what was observed.
fn worthwhile(tried: &[Tried], fired: &[Vec<Fired>]) -> Vec<usize> {
    let mut worth = Vec::new();
    let mut first = 0;
    for own in tried.chunk_by(|one, other| one.of == other.of) {
        worth.push(first);
        let now = fired[first].len();
        let base = &own[0].typology;
        for name in base.parameters.keys() {
            let differs = |typology: &Typology| {
                typology.parameters[name].value.to_bits() != base.parameters[name].value.to_bits()
            };
            let mut at: Vec<usize> = (1..own.len())
                .filter(|&at| differs(&own[at].typology))
                .map(|at| first + at)
                .filter(|&at| fired[at].len() != now && fired[at].len() <= 4 * now + 1_000)
                .collect();
            at.sort_by_key(|&at| fired[at].len());
            at.dedup_by_key(|at| fired[*at].len());
            worth.extend(spread(&at));
        }
        first += own.len();
    }
    worth
}

/// A few of a list, its ends among them.
fn spread(list: &[usize]) -> Vec<usize> {
    if list.len() <= MOST_VALUES {
        return list.to_vec();
    }
    (0..MOST_VALUES).map(|at| list[at * (list.len() - 1) / (MOST_VALUES - 1)]).collect()
}

fn counted(
    opened: &Opened,
    outcome: &Outcome,
    typology: &Typology,
    replayed: &Replayed,
) -> Setting {
    let book = &opened.book;
    let right = replayed.drafts.iter();
    let right = right
        .filter(|draft| {
            draft.payments.iter().any(|place| crate::backtest::figures::is_right(book, place.0))
        })
        .count();
    let caught = replayed.touches.iter().map(|touch| touch.place).filter(|&place| {
        book.is_labelled(place) && usize::from(outcome.table.parts[place as usize]) == VALIDATION
    });
    Setting {
        typology: typology.clone(),
        alerts: replayed.drafts.len() as u64,
        right: right as u64,
        caught: caught.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{nice, spread};

    #[test]
    fn a_threshold_has_two_digits() {
        let pairs =
            [(0.0, 0.0), (6.4371, 6.4), (0.012_345, 0.012), (1_234.0, 1_200.0), (0.35, 0.35)];
        for (value, expected) in pairs {
            assert!((nice(value) - expected).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }

    #[test]
    fn a_few_of_many_keep_both_ends() {
        let list: Vec<usize> = (10..40).collect();
        let some = spread(&list);
        assert_eq!((some.len(), some[0], some[6]), (7, 10, 39));
        assert_eq!(spread(&[3, 4]), [3, 4]);
    }
}
