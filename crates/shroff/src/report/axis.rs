//! Time to the right: where each payment stands, and how the axis is marked.
//!
//! Every payment has a place of its own, also at the same instant, in the order of payments; the
//! rest of the width is shared in proportion to time. A silence that dwarfs all others is cut
//! short and marked as cut. The axis bends with it, so a mark always stands at its instant.

use shroff_types::Timestamp;

use super::shape::{float, size};
use super::text::{Date, clock, duration};

/// The part of the width that is dealt out evenly, so that no payment hides another.
const EVEN_SHARE: f64 = 0.62;
/// The widest even part of one payment.
const WIDEST_SLOT: f64 = 26.0;
/// The widest slot where all payments have one instant.
const WIDEST_TIE: f64 = 90.0;

/// Instants as positions.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// The position of each payment, ascending.
    pub(crate) positions: Vec<f64>,
    /// The least distance from a payment to the next.
    pub(crate) slot: f64,
    /// The silences that were cut short.
    pub(crate) breaks: Vec<Break>,
    knots: Vec<Knot>,
    /// Marks are no closer: a day where all payments stand on whole days.
    least_step: i64,
}

/// A silence that was cut short.
#[derive(Debug, Clone)]
pub(crate) struct Break {
    /// The middle of what is left of it.
    pub(crate) x: f64,
    /// How long it was: `14 d`.
    pub(crate) length: String,
    after_knot: usize,
}

/// The payments of one instant, from the first to the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knot {
    /// Microseconds since 1970.
    time: i64,
    /// The position of the first.
    pub(crate) enter: f64,
    /// The position of the last.
    pub(crate) leave: f64,
    /// How many.
    pub(crate) payments: usize,
}

/// A mark on the axis.
#[derive(Debug, Clone)]
pub(crate) struct Tick {
    /// Where.
    pub(crate) x: f64,
    /// The nearer line of its label, empty for a mark without one.
    pub(crate) label: String,
    /// The further line, where it differs from the one before.
    pub(crate) context: String,
}

impl Scale {
    /// Lays `times`, ascending, between two positions.
    pub(crate) fn new(times: &[Timestamp], left: f64, right: f64) -> Scale {
        let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1].micros_since(pair[0])).collect();
        let total: f64 = gaps.iter().map(|&gap| float(gap)).sum();
        let longest = longest_shown(&gaps, total);
        let shown: Vec<f64> = gaps.iter().map(|&gap| float(gap).min(longest)).collect();
        let shown_total: f64 = shown.iter().sum();
        let width = right - left;
        let many = size(gaps.len().max(1));
        let slot = if total > 0.0 {
            (width * EVEN_SHARE / many).min(WIDEST_SLOT)
        } else {
            (width / (many + 1.0)).min(WIDEST_TIE)
        };
        let free = if total > 0.0 { width - slot * size(gaps.len()) } else { 0.0 };
        let used = slot * size(gaps.len()) + free;
        let mut x = left + (width - used) / 2.0;
        if times.len() == 1 {
            x = f64::midpoint(left, right);
        }
        let mut positions = vec![x; times.len().min(1)];
        for part in shown {
            x += slot + if shown_total > 0.0 { free * part / shown_total } else { 0.0 };
            positions.push(x);
        }
        let slot = least(&positions).unwrap_or(WIDEST_TIE);
        let knots = knots(times, &positions);
        let breaks = breaks(&knots, longest);
        let whole_days = times.iter().all(|time| time.0.rem_euclid(DAY) == 0);
        let least_step = if whole_days { DAY } else { 1 };
        Scale { positions, slot, breaks, knots, least_step }
    }

    /// The position of an instant; nothing outside the payments' own time or in a cut.
    pub(crate) fn at(&self, time: i64) -> Option<f64> {
        let after = self.knots.partition_point(|knot| knot.time < time);
        let next = self.knots.get(after)?;
        if next.time == time {
            return Some(next.enter);
        }
        let before = self.knots.get(after.checked_sub(1)?)?;
        if self.breaks.iter().any(|cut| cut.after_knot + 1 == after) {
            return None;
        }
        let part =
            float(time.saturating_sub(before.time)) / float(next.time.saturating_sub(before.time));
        Some(before.leave + (next.enter - before.leave) * part)
    }

    /// Instants with more than one payment.
    pub(crate) fn ties(&self) -> impl Iterator<Item = &Knot> {
        self.knots.iter().filter(|knot| knot.payments > 1)
    }

    /// The marks of the axis, from left to right, their labels apart.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let mut raw = vec![];
        let mut start = 0;
        let ends = self.breaks.iter().map(|cut| cut.after_knot);
        for end in ends.chain(self.knots.len().checked_sub(1)) {
            self.ticks_between(&self.knots[start..=end], &mut raw);
            start = end + 1;
        }
        labelled(raw)
    }

    /// The marks of one piece without a cut: whole units, at least one.
    fn ticks_between(&self, knots: &[Knot], raw: &mut Vec<(f64, i64, Unit)>) {
        let (Some(first), Some(last)) = (knots.first(), knots.last()) else { return };
        let most = ((last.leave - first.enter) / 84.0).max(1.0);
        let step = step(last.time.saturating_sub(first.time), most).max(self.least_step);
        let before = raw.len();
        let mut time = next_multiple(first.time, step);
        while time <= last.time {
            raw.extend(self.at(time).map(|x| (x, time, unit_of(step))));
            let Some(next) = time.checked_add(step) else { break };
            time = next;
        }
        let wide_start = raw.get(before).is_none_or(|&(x, ..)| x - first.enter > 84.0);
        if wide_start {
            raw.insert(before, (first.enter, first.time, Unit::of_instant(first.time)));
        }
    }

    /// Steps of equal time over the whole picture, at most `most`, as positions from and to and
    /// the step's length. A step that falls in a cut is left out.
    pub(crate) fn steps(&self, most: f64) -> (Vec<(i64, f64, f64)>, i64) {
        let (Some(first), Some(last)) = (self.knots.first(), self.knots.last()) else {
            return (vec![], 0);
        };
        let step = step(last.time.saturating_sub(first.time), most).max(self.least_step);
        let mut steps = vec![];
        let mut start = first.time.div_euclid(step).saturating_mul(step);
        while start <= last.time {
            let end = start.saturating_add(step);
            let from = self.at(start.max(first.time));
            let to = if end > last.time { Some(last.leave) } else { self.at(end) };
            if let (Some(from), Some(to)) = (from, to) {
                steps.push((start, from, to));
            }
            start = end;
        }
        (steps, step)
    }
}

/// The longest gap that is drawn in proportion: one that takes more than a seventh of the time
/// and is eight times the middle one is cut to half again the longest of the others.
fn longest_shown(gaps: &[i64], total: f64) -> f64 {
    let mut sorted: Vec<f64> = gaps.iter().filter(|&&gap| gap > 0).map(|&gap| float(gap)).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(&middle) = sorted.get((sorted.len().max(1) - 1) / 2) else { return 0.0 };
    let bound = (middle * 8.0).max(total / 7.0);
    let others = sorted.iter().copied().filter(|&gap| gap <= bound).fold(0.0, f64::max);
    if sorted.last().is_some_and(|&longest| longest > bound) { others * 1.5 } else { bound }
}

fn least(positions: &[f64]) -> Option<f64> {
    positions.windows(2).map(|pair| pair[1] - pair[0]).min_by(f64::total_cmp)
}

fn knots(times: &[Timestamp], positions: &[f64]) -> Vec<Knot> {
    let mut knots: Vec<Knot> = vec![];
    for (time, &x) in times.iter().zip(positions) {
        match knots.last_mut() {
            Some(knot) if knot.time == time.0 => {
                knot.leave = x;
                knot.payments += 1;
            }
            Some(_) | None => knots.push(Knot { time: time.0, enter: x, leave: x, payments: 1 }),
        }
    }
    knots
}

fn breaks(knots: &[Knot], longest: f64) -> Vec<Break> {
    let mut breaks = vec![];
    for (after_knot, pair) in knots.windows(2).enumerate() {
        let gap = pair[1].time.saturating_sub(pair[0].time);
        if float(gap) > longest * 1.01 {
            let x = f64::midpoint(pair[0].leave, pair[1].enter);
            breaks.push(Break { x, length: duration(gap), after_knot });
        }
    }
    breaks
}

/// How finely an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Exact,
    Minute,
    Day,
}

impl Unit {
    fn of_instant(time: i64) -> Unit {
        if time.rem_euclid(DAY) == 0 { Unit::Day } else { Unit::Exact }
    }
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps that fall on whole units of the clock and the calendar's weeks and months, near enough.
const STEPS: [i64; 24] = [
    1_000,
    10_000,
    100_000,
    SECOND,
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
    3_640 * DAY,
];

/// The least step that divides a span into no more than `most` parts.
fn step(span: i64, most: f64) -> i64 {
    let fits = |&&step: &&i64| float(span) / float(step) <= most;
    STEPS.iter().find(fits).copied().unwrap_or_else(|| span.max(1))
}

fn unit_of(step: i64) -> Unit {
    match step {
        step if step >= DAY => Unit::Day,
        step if step >= MINUTE => Unit::Minute,
        _ => Unit::Exact,
    }
}

fn next_multiple(time: i64, step: i64) -> i64 {
    time.div_euclid(step).saturating_add(i64::from(time.rem_euclid(step) != 0)).saturating_mul(step)
}

/// Labels, the further line only where it changes, none where it would touch the one before.
fn labelled(raw: Vec<(f64, i64, Unit)>) -> Vec<Tick> {
    // A digit of the axis' type is about 6.4 wide.
    const DIGIT: f64 = 6.4;
    let mut ticks: Vec<Tick> = vec![];
    let mut free_from = f64::MIN;
    let mut context_before = String::new();
    for (x, time, unit) in raw {
        let date = Date::of(Timestamp(time));
        let (label, context) = match unit {
            Unit::Day => (date.short(), date.year.to_string()),
            Unit::Minute | Unit::Exact => (clock(Timestamp(time)), date.long()),
        };
        // `8 Sep` after `1 Sep 2022` needs no year.
        let wide = if context_before.ends_with(&context) { 0 } else { context.len() };
        let half = size(label.len().max(wide)) * DIGIT / 2.0;
        if x - half < free_from {
            ticks.push(Tick { x, label: String::new(), context: String::new() });
            continue;
        }
        free_from = x + half + 8.0;
        let shown = if wide > 0 { context.clone() } else { String::new() };
        context_before = context;
        ticks.push(Tick { x, label, context: shown });
    }
    ticks
}
