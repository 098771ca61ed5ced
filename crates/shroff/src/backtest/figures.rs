//! The figures of a backtest: what each rule costs, what it catches, and what it adds.

use shroff_types::{Action, Map, Span};

use super::book::Book;
use super::bootstrap::{self, Interval, Replicate};
use super::hits::Hits;
use super::parts::{NAMES, Split};
use super::replay::{Replayed, Touch};
use crate::threads::Threads;

/// What a row of figures is of: the typologies in their order, and behind them all together.
pub(crate) type RuleAt = usize;

/// An innocent account in so many alerts was looked at again and again.
pub(crate) const AGAIN: u8 = 3;

/// The figures of one rule over one part of the history.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) days: f64,
    /// Payments of the part.
    pub(crate) payments: u64,
    pub(crate) labelled: u64,
    /// Payments at which it fired.
    pub(crate) fired: u64,
    pub(crate) alerts: u64,
    /// Alerts with a labelled payment.
    pub(crate) right_alerts: u64,
    /// Payments that are evidence.
    pub(crate) touched: u64,
    pub(crate) caught: u64,
    pub(crate) accounts: u64,
    /// Accounts that no label touches: in an alert, in three or more, and those of payments in
    /// alerts that suggest a hold.
    pub(crate) innocent_accounts: u64,
    pub(crate) innocent_again: u64,
    pub(crate) innocent_held: u64,
    pub(crate) attempts: u64,
    pub(crate) attempts_touched: u64,
    pub(crate) attempts_half: u64,
    pub(crate) value_minor: i128,
    pub(crate) value_caught_minor: i128,
    /// What no other rule does.
    pub(crate) only_payments: u64,
    pub(crate) only_caught: u64,
    pub(crate) only_alerts: u64,
    pub(crate) only_attempts: u64,
    pub(crate) only_value_minor: i128,
    /// From an attempt's first payment to when it was first pointed at, ascending.
    pub(crate) delays_micros: Vec<i64>,
    pub(crate) intervals: Intervals,
}

/// Between what figures lie.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Intervals {
    pub(crate) alerts_per_day: Option<Interval>,
    pub(crate) alert_precision: Option<Interval>,
    pub(crate) payment_precision: Option<Interval>,
    pub(crate) attempts_touched: Option<Interval>,
    pub(crate) attempts_half: Option<Interval>,
    pub(crate) recall: Option<Interval>,
    pub(crate) value: Option<Interval>,
}

impl Figures {
    /// So many days and nights of alerts.
    pub(crate) fn alerts_per_day(&self) -> f64 {
        float(self.alerts) / self.days
    }

    /// How long it took, half of the times at most; in microseconds.
    pub(crate) fn delay(&self, share: f64) -> Option<i64> {
        let last = self.delays_micros.len().checked_sub(1)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a position among attempts"
        )]
        let at = ((share * self.delays_micros.len() as f64).ceil() as usize).saturating_sub(1);
        Some(self.delays_micros[at.min(last)])
    }
}

/// A labelled attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attempt {
    /// The number of its name.
    pub(crate) name: u32,
    /// Its part of the history, by its first payment.
    pub(crate) part: Option<usize>,
    pub(crate) payments: u32,
    pub(crate) value_minor: i128,
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// By rule: payments in alerts, their value, and when the first was pointed at.
    pub(crate) by_rule: Vec<AttemptAt>,
}

/// What a rule has of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct AttemptAt {
    pub(crate) payments: u32,
    pub(crate) value_minor: i128,
    /// The payment at which a rule first named one of its payments.
    pub(crate) fired_at: Option<u32>,
}

impl Attempt {
    /// The typology in its name, as in `7:FAN-IN`.
    pub(crate) fn typology<'a>(&self, book: &'a Book) -> &'a str {
        let name = book.symbols.text(self.name);
        name.split_once(':').map_or(name, |(_, typology)| typology)
    }

    /// Whether half of its payments or more are in alerts.
    pub(crate) fn is_half(&self, rule: RuleAt) -> bool {
        2 * self.by_rule[rule].payments >= self.payments
    }

    pub(crate) fn is_touched(&self, rule: RuleAt) -> bool {
        self.by_rule[rule].payments > 0
    }
}

/// What is counted on one day, for one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Day {
    pub(crate) alerts: u64,
    pub(crate) right: u64,
    pub(crate) touched: u64,
    pub(crate) caught: u64,
    /// Labelled payments that belong to no attempt, and their value.
    pub(crate) loose: u64,
    pub(crate) loose_caught: u64,
    pub(crate) loose_value: i128,
    pub(crate) loose_value_caught: i128,
}

/// All figures.
#[derive(Debug)]
pub(crate) struct Table {
    /// How many typologies there are; their sum stands behind them.
    pub(crate) rules: usize,
    /// By part, then by rule.
    pub(crate) figures: Vec<Vec<Figures>>,
    pub(crate) attempts: Vec<Attempt>,
    /// By day since 1970, then by rule.
    pub(crate) days: Vec<(i64, u64, Vec<Day>)>,
    /// By rule and rule: payments in both, alerts of both, labelled payments in both.
    pub(crate) overlap: Vec<Vec<[u64; 3]>>,
    /// By payment: the part that it counts in.
    pub(crate) parts: Vec<u8>,
    /// By alert: whether it is right, its part, and the typologies of it.
    pub(crate) alerts: Vec<AlertAt>,
}

/// What the figures know of an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct AlertAt {
    pub(crate) is_right: bool,
    /// By place among [`NAMES`]; 0 in a gap.
    pub(crate) part: u8,
    pub(crate) mask: u64,
    pub(crate) day: i64,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting<'a> {
    pub(crate) book: &'a Book,
    pub(crate) hits: &'a Hits,
    pub(crate) replayed: &'a Replayed,
    pub(crate) split: &'a Split,
}

impl Counting<'_> {
    /// Counts everything.
    pub(crate) fn table(self, threads: &Threads, (horizon, seed): (Span, u64)) -> Table {
        let Counting { book, hits, replayed, split } = self;
        let rules = hits.by_typology.len();
        let days = days_of(book, rules);
        // Side by side: what is counted of alerts, and all else.
        let (of_alerts, mut table) = threads.both(
            || {
                let mut table = Table::new(rules, split, days.clone());
                table.count_alerts(book, (replayed, split));
                table
            },
            || {
                let mut table = Table::new(rules, split, days.clone());
                table.attempts = attempts(book, split, rules);
                table.divide(book, split);
                table.count_fired(hits);
                table.count_payments(book, replayed);
                table.count_attempts(book, replayed, horizon);
                table
            },
        );
        table.take_alerts(of_alerts);
        table.draw(split, seed);
        table
    }
}

fn attempts(book: &Book, split: &Split, rules: usize) -> Vec<Attempt> {
    let mut at: Map<u32, usize> = Map::default();
    let mut attempts: Vec<Attempt> = Vec::new();
    for place in book.places() {
        let Some(name) = book.attempt(place) else { continue };
        let number = *at.entry(name).or_insert_with(|| {
            attempts.push(Attempt {
                name,
                part: split.part(book.time(place)).map(super::parts::Part::at),
                payments: 0,
                value_minor: 0,
                first: place,
                last: place,
                by_rule: vec![AttemptAt::default(); rules + 1],
            });
            attempts.len() - 1
        });
        let attempt = &mut attempts[number];
        attempt.payments += 1;
        attempt.value_minor += book.minor(place);
        attempt.last = place;
    }
    attempts
}

/// The days of a book by rule, with nothing counted but payments.
fn days_of(book: &Book, rules: usize) -> Vec<(i64, u64, Vec<Day>)> {
    let mut days: Vec<(i64, u64, Vec<Day>)> = Vec::new();
    for place in book.places() {
        let day = crate::story::day_of(book.time(place));
        match days.last_mut() {
            Some((last, payments, _)) if *last == day => *payments += 1,
            _ => days.push((day, 1, vec![Day::default(); rules + 1])),
        }
    }
    days
}

/// The typologies of a mask, and behind them all together.
fn each_of(mask: u64, rules: usize) -> impl Iterator<Item = RuleAt> {
    (0..rules).filter(move |rule| mask >> rule & 1 == 1).chain((mask != 0).then_some(rules))
}

impl Table {
    fn new(rules: usize, split: &Split, days: Vec<(i64, u64, Vec<Day>)>) -> Table {
        let of_part = |at| Figures { days: split.days(at), ..Figures::default() };
        Table {
            rules,
            figures: (0..NAMES.len()).map(|at| vec![of_part(at); rules + 1]).collect(),
            attempts: Vec::new(),
            days,
            overlap: vec![vec![[0; 3]; rules]; rules],
            parts: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn day(&mut self, day: i64) -> &mut [Day] {
        let at = self.days.partition_point(|(other, ..)| *other < day);
        &mut self.days[at].2
    }

    /// Takes over what was counted of alerts in a table of their own.
    fn take_alerts(&mut self, of_alerts: Table) {
        let theirs = of_alerts.figures.into_iter().flatten();
        for (own, theirs) in self.figures.iter_mut().flatten().zip(theirs) {
            (own.alerts, own.right_alerts) = (theirs.alerts, theirs.right_alerts);
            (own.only_alerts, own.innocent_again) = (theirs.only_alerts, theirs.innocent_again);
        }
        let theirs = of_alerts.days.into_iter().flat_map(|(_, _, rules)| rules);
        let own = self.days.iter_mut().flat_map(|(_, _, rules)| rules);
        for (own, theirs) in own.zip(theirs) {
            (own.alerts, own.right) = (theirs.alerts, theirs.right);
        }
        let theirs = of_alerts.overlap.into_iter().flatten();
        for (own, theirs) in self.overlap.iter_mut().flatten().zip(theirs) {
            own[1] = theirs[1];
        }
        self.alerts = of_alerts.alerts;
    }

    /// Puts each payment into its part: that of its attempt, so that an attempt stays on one side.
    fn divide(&mut self, book: &Book, split: &Split) {
        let of: Map<u32, Option<usize>> =
            self.attempts.iter().map(|attempt| (attempt.name, attempt.part)).collect();
        self.parts = vec![0; book.len() as usize];
        for place in book.places() {
            let part = match book.attempt(place) {
                Some(attempt) => of[&attempt],
                None => split.part(book.time(place)).map(super::parts::Part::at),
            };
            self.parts[place as usize] = u8::try_from(part.unwrap_or(0)).expect("four parts");
        }
    }

    /// The tables that a payment counts in.
    fn parts_of(&self, place: u32) -> impl Iterator<Item = usize> + use<> {
        let part = usize::from(self.parts[place as usize]);
        std::iter::once(0).chain((part > 0).then_some(part))
    }

    fn count_fired(&mut self, hits: &Hits) {
        let mut places: Vec<u32> = Vec::new();
        for (rule, fired) in hits.by_typology.iter().enumerate() {
            let mut own: Vec<u32> = fired.iter().map(|fired| fired.place).collect();
            own.dedup();
            places.extend(&own);
            self.add_fired(rule, &own);
        }
        places.sort_unstable();
        places.dedup();
        self.add_fired(self.rules, &places);
    }

    fn add_fired(&mut self, rule: RuleAt, places: &[u32]) {
        for &place in places {
            for part in self.parts_of(place) {
                self.figures[part][rule].fired += 1;
            }
        }
    }

    fn count_payments(&mut self, book: &Book, replayed: &Replayed) {
        let mut touches = replayed.touches.as_slice();
        let mut accounts: [Vec<u64>; 4] =
            std::array::from_fn(|_| vec![0; book.facts.accounts as usize]);
        let mut held = accounts.clone();
        for place in book.places() {
            let here = touches.iter().take_while(|touch| touch.place == place).count();
            let (own, rest) = touches.split_at(here);
            touches = rest;
            let mask = own.iter().fold(0, |mask, touch| mask | touch.mask);
            let holds = own
                .iter()
                .filter(|touch| replayed.drafts[touch.alert as usize].action == Action::Hold);
            let hold = holds.fold(0, |mask, touch| mask | touch.mask);
            for part in self.parts_of(place) {
                self.add_payment(book, (place, part), mask);
                name_ends(&mut accounts[part], book.ends(place), mask);
                name_ends(&mut held[part], book.ends(place), hold);
            }
            self.add_overlap(book, place, mask);
            if mask != 0 || book.is_labelled(place) {
                self.add_day(book, place, mask);
            }
        }
        for (part, (touched, held)) in accounts.iter().zip(&held).enumerate() {
            for (account, (&mask, &held)) in touched.iter().zip(held).enumerate() {
                let innocent = u64::from(!book.guilty[account]);
                for rule in each_of(mask, self.rules) {
                    let figures = &mut self.figures[part][rule];
                    figures.accounts += 1;
                    figures.innocent_accounts += innocent;
                }
                for rule in each_of(held, self.rules) {
                    self.figures[part][rule].innocent_held += innocent;
                }
            }
        }
    }

    fn add_payment(&mut self, book: &Book, (place, part): (u32, usize), mask: u64) {
        let labelled = book.is_labelled(place);
        let value = if labelled { book.minor(place) } else { 0 };
        let of_part = &mut self.figures[part];
        // What all rules have in common is counted at their sum, and copied at the end.
        of_part[self.rules].payments += 1;
        of_part[self.rules].labelled += u64::from(labelled);
        of_part[self.rules].value_minor += value;
        for rule in each_of(mask, self.rules) {
            let figures = &mut of_part[rule];
            figures.touched += 1;
            figures.caught += u64::from(labelled);
            figures.value_caught_minor += value;
            if mask.is_power_of_two() && rule < self.rules {
                figures.only_payments += 1;
                figures.only_caught += u64::from(labelled);
                figures.only_value_minor += value;
            }
        }
    }

    fn add_overlap(&mut self, book: &Book, place: u32, mask: u64) {
        if mask.count_ones() < 2 {
            return;
        }
        let labelled = u64::from(book.is_labelled(place));
        let here: Vec<RuleAt> = each_of(mask, self.rules).filter(|&r| r < self.rules).collect();
        for &one in &here {
            for &other in &here {
                self.overlap[one][other][0] += 1;
                self.overlap[one][other][2] += labelled;
            }
        }
    }

    fn count_alerts(&mut self, book: &Book, (replayed, split): (&Replayed, &Split)) {
        self.alerts = vec![AlertAt::default(); replayed.drafts.len()];
        let mut touches: Vec<Touch> = replayed.touches.clone();
        touches.sort_unstable_by_key(|touch| (touch.alert, touch.place));
        let width = self.rules + 1;
        let mut often: [Vec<u8>; 4] =
            std::array::from_fn(|_| vec![0; width * book.facts.accounts as usize]);
        for own in touches.chunk_by(|one, other| one.alert == other.alert) {
            let alert = own[0].alert as usize;
            let raised = book.time(replayed.drafts[alert].raised_at.0);
            let mask = own.iter().fold(0, |mask, touch| mask | touch.mask);
            let is_right = own.iter().any(|touch| is_right(book, touch.place));
            let part = split.part(raised).map_or(0, super::parts::Part::at);
            let day = crate::story::day_of(raised);
            let at = u8::try_from(part).expect("four parts");
            self.alerts[alert] = AlertAt { is_right, part: at, mask, day };
            let mut ends: Vec<(u32, u64)> = own
                .iter()
                .flat_map(|touch| book.ends(touch.place).map(|end| (end, touch.mask)))
                .filter(|(end, _)| !book.guilty[*end as usize])
                .collect();
            ends.sort_unstable();
            for part in std::iter::once(0).chain((part > 0).then_some(part)) {
                self.add_alert(part, (mask, is_right));
                count_ends(&ends, self.rules, &mut often[part]);
            }
            for rule in each_of(mask, self.rules) {
                let day = &mut self.day(day)[rule];
                day.alerts += 1;
                day.right += u64::from(is_right);
            }
        }
        for (part, counts) in often.iter().enumerate() {
            for (at, _) in counts.iter().enumerate().filter(|(_, count)| **count >= AGAIN) {
                self.figures[part][at % width].innocent_again += 1;
            }
        }
        self.count_shared_alerts();
    }

    fn add_alert(&mut self, part: usize, (mask, is_right): (u64, bool)) {
        for rule in each_of(mask, self.rules) {
            let figures = &mut self.figures[part][rule];
            figures.alerts += 1;
            figures.right_alerts += u64::from(is_right);
            figures.only_alerts += u64::from(mask.is_power_of_two() && rule < self.rules);
        }
    }

    fn add_day(&mut self, book: &Book, place: u32, mask: u64) {
        let rules = self.rules;
        let day = crate::story::day_of(book.time(place));
        let labelled = book.is_labelled(place);
        let loose = labelled && book.attempt(place).is_none();
        let value = if loose { book.minor(place) } else { 0 };
        for (rule, day) in self.day(day).iter_mut().enumerate() {
            let touched = rule == rules && mask != 0 || rule < rules && mask >> rule & 1 == 1;
            day.touched += u64::from(touched);
            day.caught += u64::from(touched && labelled);
            day.loose += u64::from(loose);
            day.loose_caught += u64::from(loose && touched);
            day.loose_value += value;
            day.loose_value_caught += if touched { value } else { 0 };
        }
    }

    fn count_shared_alerts(&mut self) {
        for alert in &self.alerts {
            let here = each_of(alert.mask, self.rules).filter(|&r| r < self.rules);
            let here: Vec<RuleAt> = here.collect();
            for &one in &here {
                for &other in here.iter().filter(|&&other| other != one) {
                    self.overlap[one][other][1] += 1;
                }
            }
        }
    }

    fn count_attempts(&mut self, book: &Book, replayed: &Replayed, horizon: Span) {
        let rules = self.rules;
        let at: Map<u32, usize> =
            self.attempts.iter().enumerate().map(|(at, attempt)| (attempt.name, at)).collect();
        for own in replayed.touches.chunk_by(|one, other| one.place == other.place) {
            let place = own[0].place;
            let Some(attempt) = book.attempt(place) else { continue };
            let mask = own.iter().fold(0, |mask, touch| mask | touch.mask);
            for rule in each_of(mask, rules) {
                let found = &mut self.attempts[at[&attempt]].by_rule[rule];
                found.payments += 1;
                found.value_minor += book.minor(place);
            }
        }
        for first in &replayed.firsts {
            let Some(attempt) = book.attempt(first.place) else { continue };
            for rule in [first.typology, rules] {
                let found = &mut self.attempts[at[&attempt]].by_rule[rule].fired_at;
                *found = Some(found.map_or(first.fired_at, |other| other.min(first.fired_at)));
            }
        }
        for attempt in &self.attempts {
            for part in std::iter::once(0).chain(attempt.part) {
                let finders = (0..rules).filter(|&rule| attempt.is_touched(rule)).count();
                for rule in 0..=rules {
                    let figures = &mut self.figures[part][rule];
                    figures.attempts += 1;
                    figures.attempts_touched += u64::from(attempt.is_touched(rule));
                    figures.attempts_half += u64::from(attempt.is_half(rule));
                    let only = finders == 1 && rule < rules && attempt.is_touched(rule);
                    figures.only_attempts += u64::from(only);
                    let begun = book.time(attempt.first);
                    figures.delays_micros.extend(
                        attempt.by_rule[rule]
                            .fired_at
                            .map(|at| book.time(at).after(horizon).micros_since(begun)),
                    );
                }
            }
        }
        for of_part in &mut self.figures {
            let Figures { payments, labelled, value_minor, .. } = of_part[rules];
            for figures in of_part {
                (figures.payments, figures.labelled) = (payments, labelled);
                figures.value_minor = value_minor;
                figures.delays_micros.sort_unstable();
            }
        }
    }

    /// Draws the intervals of each part.
    fn draw(&mut self, split: &Split, seed: u64) {
        for part in 0..NAMES.len() {
            let (begin, end) = split.bounds[part];
            let inside = |day: i64| {
                let (first, last) = (crate::story::day_of(begin), crate::story::day_of(end));
                first <= day && day <= last
            };
            let days: Vec<&Vec<Day>> = self
                .days
                .iter()
                .filter(|(day, ..)| inside(*day))
                .map(|(_, _, days)| days)
                .collect();
            let own = |attempt: &&Attempt| part == 0 || attempt.part == Some(part);
            let attempts: Vec<&Attempt> = self.attempts.iter().filter(own).collect();
            let drawn = bootstrap::replicates(seed, days.len(), attempts.len());
            let intervals: Vec<Intervals> =
                (0..=self.rules).map(|rule| intervals(&drawn, rule, &days, &attempts)).collect();
            for (figures, intervals) in self.figures[part].iter_mut().zip(intervals) {
                figures.intervals = intervals;
            }
        }
    }
}

/// Whether a payment makes an alert a right one.
pub(crate) fn is_right(book: &Book, place: u32) -> bool {
    if book.facts.by_accounts {
        book.ends(place).iter().any(|&end| book.guilty[end as usize])
    } else {
        book.is_labelled(place)
    }
}

/// Says of the accounts of a payment that rules named it. Most payments are no evidence, and accounts
/// lie far apart in memory.
fn name_ends(named: &mut [u64], ends: [u32; 2], mask: u64) {
    if mask == 0 {
        return;
    }
    for end in ends {
        named[end as usize] |= mask;
    }
}

/// Counts an alert for each of its accounts, by rule; the accounts are sorted.
fn count_ends(ends: &[(u32, u64)], rules: usize, often: &mut [u8]) {
    for here in ends.chunk_by(|one, other| one.0 == other.0) {
        let mask = here.iter().fold(0, |mask, (_, more)| mask | more);
        for rule in each_of(mask, rules) {
            let count = &mut often[here[0].0 as usize * (rules + 1) + rule];
            *count = count.saturating_add(1);
        }
    }
}

/// The sums of one replicate, or of what there is.
#[derive(Default)]
struct Sums {
    days: f64,
    alerts: f64,
    right: f64,
    touched: f64,
    caught: f64,
    attempts: f64,
    found: f64,
    half: f64,
    /// Labelled payments and their value, and what of them was caught.
    whole: f64,
    part: f64,
    value: f64,
    value_caught: f64,
}

fn sums(drawn: &Replicate, rule: RuleAt, days: &[&Vec<Day>], attempts: &[&Attempt]) -> Sums {
    let mut sums = Sums::default();
    for (&times, day) in drawn.days.iter().zip(days).filter(|(times, _)| **times > 0) {
        let times = f64::from(times);
        let day = &day[rule];
        sums.days += times;
        sums.alerts += times * float(day.alerts);
        sums.right += times * float(day.right);
        sums.touched += times * float(day.touched);
        sums.caught += times * float(day.caught);
        sums.whole += times * float(day.loose);
        sums.part += times * float(day.loose_caught);
        sums.value += times * real(day.loose_value);
        sums.value_caught += times * real(day.loose_value_caught);
    }
    for (&times, attempt) in drawn.attempts.iter().zip(attempts).filter(|(times, _)| **times > 0) {
        let times = f64::from(times);
        let found = attempt.by_rule[rule];
        sums.attempts += times;
        sums.found += times * f64::from(u8::from(attempt.is_touched(rule)));
        sums.half += times * f64::from(u8::from(attempt.is_half(rule)));
        sums.whole += times * f64::from(attempt.payments);
        sums.part += times * f64::from(found.payments);
        sums.value += times * real(attempt.value_minor);
        sums.value_caught += times * real(found.value_minor);
    }
    sums
}

fn intervals(
    drawn: &[Replicate],
    rule: RuleAt,
    days: &[&Vec<Day>],
    attempts: &[&Attempt],
) -> Intervals {
    let all: Vec<Sums> = drawn.iter().map(|drawn| sums(drawn, rule, days, attempts)).collect();
    let of = |ratio: &dyn Fn(&Sums) -> f64| bootstrap::interval(all.iter().map(ratio).collect());
    Intervals {
        alerts_per_day: of(&|sums| sums.alerts / sums.days),
        alert_precision: of(&|sums| sums.right / sums.alerts),
        payment_precision: of(&|sums| sums.caught / sums.touched),
        attempts_touched: of(&|sums| sums.found / sums.attempts),
        attempts_half: of(&|sums| sums.half / sums.attempts),
        recall: of(&|sums| sums.part / sums.whole),
        value: of(&|sums| sums.value_caught / sums.value),
    }
}

/// A count as a real.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A sum of minor units as a real: rounded, for ratios alone.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than a real's 53 bits")]
pub(crate) fn real(minor: i128) -> f64 {
    minor as f64
}
