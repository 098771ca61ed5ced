//! What the graph says of a payment that is complete.

use shroff_graph::{Edge, Graph, Key, View};
use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::definitions::{Filter, Kind, Measure};
use crate::extractor::{Cell, Input, Pending, Plan, Scratch, State, chain_rule};
use crate::moments;
use crate::tracker::{HUB, Reach, Tracker, Trackers};

impl State {
    pub(crate) fn fill(&mut self, payment: Pending, row: &mut [Cell]) {
        for number in 0..self.blocks.len() {
            let State { blocks, graphs, plans, scratch, exponent, .. } = &mut *self;
            let block = &blocks[number];
            let Plan { graph, first, counter, counters, ref mut trackers, .. } = plans[number];
            let looker = Looker {
                graph: &graphs[graph],
                payment,
                view: View { since: payment.key.time.before(block.window), until: END },
                exponent: *exponent,
            };
            let tools = Tools { scratch, trackers };
            let out = &mut row[first..];
            match &block.kind {
                Kind::Activity { measures, filter } => {
                    looker.activity(filter, measures, tools, out);
                }
                Kind::Pair { filter } => looker.pair(filter, out),
                Kind::Novelty { memory } => looker.novelty(*memory, tools, out),
                Kind::Passthrough => out[0] = looker.passthrough(tools.trackers),
                Kind::Cycle { .. }
                | Kind::Ring { .. }
                | Kind::ScatterGather { .. }
                | Kind::Chain { .. } => {
                    for (cell, &count) in
                        out.iter_mut().zip(self.counters.range(counter..counter + counters))
                    {
                        *cell = Cell::of_int(count);
                    }
                    out[counters] = Cell::of_flag(self.saturated(number, payment.key));
                }
            }
        }
    }

    /// Whether a search that might have told this payment of a pattern ran out of its budget.
    fn saturated(&self, number: usize, key: Key) -> bool {
        let block = &self.blocks[number];
        let Some(first) = self.plans[number].saturated.front() else { return false };
        // A chain looks back only. A pattern is told to what lies in the window of the payment
        // that completes it.
        if chain_rule(block).is_some() {
            return *first == key;
        }
        *first == key
            || (first.time <= key.time.after(self.horizon)
                && first.time.before(block.window) < key.time)
    }
}

/// After everything: a payment is complete only when all that it may see is in the graph, and
/// nothing else is.
pub(crate) const END: Key = Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) };

/// One payment looking at the payments around it.
#[derive(Clone, Copy)]
pub(crate) struct Looker<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) payment: Pending,
    pub(crate) view: View,
    pub(crate) exponent: u8,
}

impl<'g> Looker<'g> {
    /// The lines of `ENDS_AND_WAYS`, in its order: whose it is, and its payments.
    pub(crate) fn lines(&self, view: View) -> [(AccountId, &'g [Edge]); 4] {
        let Input { debtor, creditor, .. } = self.payment.input;
        [
            (debtor, self.graph.out(debtor, view)),
            (debtor, self.graph.into(debtor, view)),
            (creditor, self.graph.out(creditor, view)),
            (creditor, self.graph.into(creditor, view)),
        ]
    }

    /// Whether a filter lets a past payment through; its predicate chose the graph already.
    pub(crate) fn passes(&self, filter: &Filter, edge: &Edge) -> bool {
        if filter.without_current && edge.place == self.payment.key.place {
            return false;
        }
        filter.similar_permille.is_none_or(|share| {
            let difference = (self.graph.minor(edge) - self.payment.input.minor).abs();
            difference * 1_000 <= i128::from(share) * self.payment.input.minor
        })
    }

    fn activity(&self, filter: &Filter, measures: &[Measure], tools: Tools<'_>, out: &mut [Cell]) {
        let Tools { scratch, trackers } = tools;
        let narrowed = filter.without_current || filter.similar_permille.is_some();
        for (number, (account, line)) in self.lines(self.view).into_iter().enumerate() {
            let out = &mut out[number * measures.len()..][..measures.len()];
            if narrowed {
                let mut kept = std::mem::take(&mut scratch.edges);
                kept.clear();
                kept.extend(line.iter().filter(|edge| self.passes(filter, edge)));
                self.measures(Lined { account, line: &kept, totals: None }, measures, scratch, out);
                scratch.edges = kept;
                continue;
            }
            let hub = line.len() > HUB && measures.iter().any(|m| is_total(*m));
            let totals = hub.then(|| {
                let since = self.view.since;
                let fans = measures.contains(&Measure::Fan);
                let reach = Reach { recent: since, memory: since, fans };
                trackers.follow(self.graph, (account, is_out(number)), reach)
            });
            self.measures(Lined { account, line, totals }, measures, scratch, out);
        }
    }

    fn measures(
        &self,
        lined: Lined<'_>,
        measures: &[Measure],
        scratch: &mut Scratch,
        out: &mut [Cell],
    ) {
        let Lined { account, line, totals } = lined;
        let amounts = line.iter().map(|edge| self.graph.minor(edge));
        let sum = || totals.map_or_else(|| amounts.clone().sum(), |totals| totals.sum);
        let is_moment = |m: &Measure| matches!(m, Measure::Std | Measure::Skew | Measure::Kurtosis);
        let moments = measures.iter().any(is_moment);
        let central = moments.then(|| moments::central(line.len(), amounts.clone()));
        for (cell, measure) in out.iter_mut().zip(measures) {
            *cell = match measure {
                Measure::Count => Cell::of_int(line.len() as u64),
                Measure::Fan => Cell::of_int(match totals {
                    Some(totals) => totals.fan,
                    None => fan(account, line, &mut scratch.accounts),
                }),
                Measure::Age => self.age(line),
                Measure::Sum => Cell::of_real(self.major(sum(), 1)),
                _ if line.is_empty() => Cell::NULL,
                Measure::Mean => Cell::of_real(self.major(sum(), line.len())),
                Measure::Min => self.extreme(amounts.clone().min()),
                Measure::Max => self.extreme(amounts.clone().max()),
                Measure::Median => {
                    scratch.minors.clear();
                    scratch.minors.extend(amounts.clone());
                    Cell::of_real(self.major(twice_median(&mut scratch.minors), 2))
                }
                Measure::Std | Measure::Skew | Measure::Kurtosis => {
                    let central = central.expect("computed above where a moment is asked for");
                    self.moment(*measure, line.len(), central)
                }
            };
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of payments is far below 2^53")]
    fn moment(&self, measure: Measure, count: usize, central: moments::Central) -> Cell {
        let moments::Central { second, third, fourth } = central;
        match measure {
            Measure::Std => Cell::of_real(second.sqrt() / count as f64 / self.unit()),
            _ if second <= 0.0 => Cell::NULL,
            Measure::Skew => Cell::of_real(third / (second * second.sqrt())),
            _ => Cell::of_real(fourth / (second * second)),
        }
    }

    fn extreme(&self, minor: Option<i128>) -> Cell {
        minor.map_or(Cell::NULL, |minor| Cell::of_real(self.major(minor, 1)))
    }

    /// Major units of `minor` over `parts`, rounded to a real.
    #[expect(clippy::cast_precision_loss, reason = "this is where a value leaves the engine")]
    fn major(&self, minor: i128, parts: usize) -> f64 {
        minor as f64 / (parts as f64 * self.unit())
    }

    fn unit(&self) -> f64 {
        10_f64.powi(i32::from(self.exponent))
    }

    /// Seconds since the last payment of a line before this one.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are below 2^53")]
    fn age(&self, line: &[Edge]) -> Cell {
        let before = line.iter().rev().find(|edge| edge.key() < self.payment.key);
        before.map_or(Cell::NULL, |edge| {
            Cell::of_real(self.payment.key.time.micros_since(edge.time) as f64 / 1e6)
        })
    }

    fn pair(&self, filter: &Filter, out: &mut [Cell]) {
        let Input { debtor, creditor, .. } = self.payment.input;
        let there = self.between(debtor, creditor, filter);
        let back = if debtor == creditor {
            Between::default()
        } else {
            self.between(creditor, debtor, filter)
        };
        out[0] = Cell::of_int(there.count);
        out[1] = Cell::of_real(self.major(there.sum, 1));
        out[2] = there.last.map_or(Cell::NULL, |edge| self.age(&[edge]));
        out[3] = Cell::of_int(back.count);
        out[4] = Cell::of_real(self.major(back.sum, 1));
    }

    /// The payments from one account to another; costs the shorter line.
    fn between(&self, from: AccountId, to: AccountId, filter: &Filter) -> Between {
        let (out, into) = (self.graph.out(from, self.view), self.graph.into(to, self.view));
        let (line, other) = if out.len() <= into.len() { (out, to) } else { (into, from) };
        let mut between = Between::default();
        for edge in line.iter().filter(|edge| edge.other == other && self.passes(filter, edge)) {
            between.count += 1;
            between.sum += self.graph.minor(edge);
            if edge.key() < self.payment.key {
                between.last = Some(*edge);
            }
        }
        between
    }

    fn novelty(&self, memory: Span, tools: Tools<'_>, out: &mut [Cell]) {
        let Tools { scratch, trackers } = tools;
        let older = View { since: self.payment.key.time.before(memory), ..self.view };
        let recent = self.lines(self.view);
        for (number, (account, all)) in self.lines(older).into_iter().enumerate() {
            if all.len() > HUB {
                let reach = Reach { recent: self.view.since, memory: older.since, fans: true };
                let totals = trackers.follow(self.graph, (account, is_out(number)), reach);
                out[number] = Cell::of_int(totals.new_fan);
                continue;
            }
            let (now, known) = (&mut scratch.accounts, &mut scratch.others);
            let line = recent[number].1;
            distinct(account, line, now);
            distinct(account, &all[..all.len() - line.len()], known);
            let new = now.iter().filter(|a| known.binary_search(a).is_err()).count();
            out[number] = Cell::of_int(new as u64);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "this is where a value leaves the engine")]
    fn passthrough(&self, trackers: &mut Trackers) -> Cell {
        let debtor = self.payment.input.debtor;
        let mut sum = |line: &[Edge], out: bool| -> i128 {
            if line.len() > HUB {
                let since = self.view.since;
                let reach = Reach { recent: since, memory: since, fans: false };
                return trackers.follow(self.graph, (debtor, out), reach).sum_of_others;
            }
            let others = line.iter().filter(|edge| edge.other != debtor);
            others.map(|edge| self.graph.minor(edge)).sum()
        };
        let come = sum(self.graph.into(debtor, self.view), false);
        let gone = sum(self.graph.out(debtor, self.view), true);
        if come == 0 { Cell::NULL } else { Cell::of_real(gone as f64 / come as f64) }
    }
}

/// What a block's computation may use and change.
struct Tools<'a> {
    scratch: &'a mut Scratch,
    trackers: &'a mut Trackers,
}

/// A line of payments, whose it is, and its totals where it is a hub's.
#[derive(Clone, Copy)]
struct Lined<'a> {
    account: AccountId,
    line: &'a [Edge],
    totals: Option<&'a Tracker>,
}

/// The payments from one account to another.
#[derive(Default)]
struct Between {
    count: u64,
    sum: i128,
    /// The last before the current payment.
    last: Option<Edge>,
}

/// Whether a line of `ENDS_AND_WAYS` is of payments out of its account.
fn is_out(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// Whether a hub's tracker knows a measure.
fn is_total(measure: Measure) -> bool {
    matches!(measure, Measure::Fan | Measure::Sum | Measure::Mean)
}

/// The distinct counterparties of a line, ascending, the account itself left out.
fn distinct(account: AccountId, line: &[Edge], into: &mut Vec<AccountId>) {
    into.clear();
    into.extend(line.iter().map(|edge| edge.other).filter(|&other| other != account));
    into.sort_unstable();
    into.dedup();
}

fn fan(account: AccountId, line: &[Edge], scratch: &mut Vec<AccountId>) -> u64 {
    distinct(account, line, scratch);
    scratch.len() as u64
}

/// The median of at least one amount, doubled so that it is whole.
fn twice_median(minors: &mut [i128]) -> i128 {
    let (count, half) = (minors.len(), minors.len() / 2);
    let (below, &mut upper, _) = minors.select_nth_unstable(half);
    if count % 2 == 1 {
        return 2 * upper;
    }
    upper + below.iter().max().expect("two amounts or more lie on both sides of the middle")
}
