//! Payments just above and just below the line of each typology, for a human to look at.
//!
//! A fifth more on every parameter, one at a time, is the narrow side of the line; a fifth less is
//! its other side. What fires now and would not there is above; what does not and would is below.

use shroff_detect::{BoundRule, Memo, Rules};
use shroff_types::Set;

use super::bootstrap::Draws;
use super::hits::Fired;
use super::slices;
use super::{Opened, Version};

/// A payment near the line of a typology.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// The typology, by position.
    pub(crate) typology: usize,
    pub(crate) is_above: bool,
    pub(crate) place: u32,
    /// The parameter that lies between, and what it is set to on the other side.
    pub(crate) parameter: String,
    pub(crate) value: f64,
    pub(crate) score_permille: u16,
    /// What the rule says, with its values.
    pub(crate) sentence: String,
}

/// Slices that are looked at: a quarter of a million payments, spread over the history.
const MOST_SLICES: usize = 4;

/// A parameter moved by a fifth.
struct Moved {
    typology: usize,
    parameter: String,
    value: f64,
    rules: Vec<BoundRule>,
}

impl Moved {
    fn is_of(&self, sample: &Sample) -> bool {
        self.typology == sample.typology
            && self.parameter == sample.parameter
            && self.value.to_bits() == sample.value.to_bits()
    }
}

/// Draws so many samples of each side of each typology.
pub(crate) fn draw(
    opened: &Opened,
    version: &Version,
    (most, seed): (usize, u64),
) -> anyhow::Result<Vec<Sample>> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let moved = all_moved(version);
    let numbers = spread(slices::count(opened.book.len()));
    let asker = opened.asker(&version.kept);
    let sets: Vec<&[BoundRule]> = moved.iter().map(|moved| moved.rules.as_slice()).collect();
    let found = asker.ask(&sets, &numbers)?;
    let mut samples = Vec::new();
    for typology in 0..version.typologies.len() {
        let now = &version.hits.by_typology[typology];
        let own = moved.iter().zip(&found).filter(|(moved, _)| moved.typology == typology);
        let mut sides: [Vec<(&Moved, Fired)>; 2] = [Vec::new(), Vec::new()];
        for (moved, there) in own {
            let [above, below] = beyond(now, there, &numbers);
            sides[0].extend(above.into_iter().map(|fired| (moved, fired)));
            sides[1].extend(below.into_iter().map(|fired| (moved, fired)));
        }
        for (side, mut near) in sides.into_iter().enumerate() {
            near.sort_by_key(|(_, fired)| fired.place);
            near.dedup_by_key(|(_, fired)| fired.place);
            let stream = seed ^ (((typology as u64) << 1 | side as u64) << 32);
            for (moved, fired) in some(near, most, &mut Draws(stream)) {
                samples.push(sample((typology, side == 0), moved, fired));
            }
        }
    }
    tell(opened, version, &moved, &mut samples)?;
    Ok(samples)
}

/// Each parameter moved to either side, where its rules bind there.
fn all_moved(version: &Version) -> Vec<Moved> {
    let mut values = Vec::new();
    let mut changed = Vec::new();
    for (at, typology) in version.typologies.iter().enumerate() {
        for (name, parameter) in &typology.parameters {
            for factor in [0.8, 1.25] {
                let value = beside(parameter.value, factor, parameter.range);
                let mut moved = typology.clone();
                if (value - parameter.value).abs() > f64::EPSILON && moved.set(name, value).is_ok()
                {
                    values.push((at, name, value));
                    changed.push(moved);
                }
            }
        }
    }
    let rules = Rules::bind_each(&changed, &version.kept.definitions);
    let moved = values.into_iter().zip(rules).filter_map(|((typology, name, value), rules)| {
        Some(Moved { typology, parameter: name.clone(), value, rules: rules.ok()?.bound })
    });
    moved.collect()
}

/// A value beside another, by a fifth and by one at least where both are whole.
fn beside(value: f64, factor: f64, (low, high): (f64, f64)) -> f64 {
    let moved = value * factor;
    let moved = match value.fract() == 0.0 && low.fract() == 0.0 {
        true if factor < 1.0 => moved.floor().min(value - 1.0),
        true => moved.ceil().max(value + 1.0),
        false => moved,
    };
    moved.clamp(low, high)
}

/// Some slices, spread evenly.
fn spread(count: usize) -> Vec<usize> {
    let some = count.min(MOST_SLICES);
    (0..some).map(|number| number * count / some).collect()
}

/// What fires now and not there, and what fires there and not now.
fn beyond(now: &[Fired], there: &[Fired], numbers: &[usize]) -> [Vec<Fired>; 2] {
    let looked_at = |fired: &&Fired| numbers.contains(&slices::of(fired.place));
    let now: Vec<Fired> = now.iter().filter(looked_at).copied().collect();
    let beyond = |one: &[Fired], other: &[Fired]| {
        let known: Set<u32> = other.iter().map(|fired| fired.place).collect();
        one.iter().filter(|fired| !known.contains(&fired.place)).copied().collect()
    };
    [beyond(&now, there), beyond(there, &now)]
}

/// Some of a list, in its order.
fn some<T>(mut list: Vec<T>, most: usize, draws: &mut Draws) -> Vec<T> {
    while list.len() > most {
        // Few are kept of many: draw those, and not those that are left out.
        if list.len() > 4 * most {
            let mut kept: Vec<usize> = Vec::new();
            while kept.len() < most {
                let at = draws.below(list.len());
                if !kept.contains(&at) {
                    kept.push(at);
                }
            }
            let mut at = 0;
            list.retain(|_| {
                at += 1;
                kept.contains(&(at - 1))
            });
            return list;
        }
        list.remove(draws.below(list.len()));
    }
    list
}

fn sample((typology, is_above): (usize, bool), moved: &Moved, fired: Fired) -> Sample {
    Sample {
        typology,
        is_above,
        place: fired.place,
        parameter: moved.parameter.clone(),
        value: moved.value,
        score_permille: fired.score_permille,
        sentence: String::new(),
    }
}

/// Makes the sentences: only of the slices that the samples are in.
fn tell(
    opened: &Opened,
    version: &Version,
    moved: &[Moved],
    samples: &mut [Sample],
) -> anyhow::Result<()> {
    let ranges = super::hits::rules_of(&version.rules, version.typologies.len());
    let mut numbers: Vec<usize> = samples.iter().map(|sample| slices::of(sample.place)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let asker = opened.asker(&version.kept);
    for number in numbers {
        let mut wanted: Vec<usize> =
            version.rules.bound.iter().flat_map(BoundRule::cells).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut memo = Memo::default();
        asker.each_row(number, &wanted, &mut |place, asked| {
            let asking = memo.turn_to(asked);
            for sample in samples.iter_mut().filter(|sample| sample.place == place) {
                let rules = if sample.is_above {
                    &version.rules.bound[ranges[sample.typology].clone()]
                } else {
                    moved.iter().find(|moved| moved.is_of(sample)).map_or(&[][..], |m| &m.rules)
                };
                let fires = rules.iter().find(|rule| rule.fires(&asking).is_some());
                sample.sentence = fires.map(|rule| rule.reason(asked)).unwrap_or_default();
            }
        })?;
    }
    Ok(())
}
