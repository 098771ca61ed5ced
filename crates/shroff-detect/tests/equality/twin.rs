//! The slow twin: `oracle.py` said again in Rust, function by function.
//!
//! It looks at every payment again for every question and shares nothing with the engine but the
//! definitions. Quadratic and worse; made to be read beside the oracle, which decides.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use bnum::cast::As;
use bnum::types::I512;
use shroff_detect::{Block, Definitions, Filter, Flow, Kind, Measure};
use shroff_types::Span;

/// A payment at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) order: usize,
    pub(crate) time: i128,
    pub(crate) debtor: u32,
    pub(crate) creditor: u32,
    pub(crate) minor: i128,
}

impl Payment {
    fn is_self(&self) -> bool {
        self.debtor == self.creditor
    }
}

/// A feature's value, where it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Int(u64),
    Real(f64),
}

/// A pattern: how many accounts (or middles) it has, and its payments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    accounts: usize,
    edges: BTreeSet<usize>,
}

pub(crate) struct Twin {
    payments: Vec<Payment>,
    definitions: Definitions,
    exponent: u8,
    horizon: i128,
    /// What each payment completes, by block: found when first asked for.
    completed: Vec<Vec<OnceCell<Vec<Found>>>>,
}

type Out = Vec<(String, Option<Value>)>;

impl Twin {
    /// Payments come in the order, `order` ascending from 0.
    pub(crate) fn new(payments: Vec<Payment>, definitions: Definitions) -> Twin {
        let count = payments.len();
        let completed =
            definitions.blocks.iter().map(|_| vec![OnceCell::new(); count]).collect::<Vec<_>>();
        let horizon = i128::from(definitions.horizon.micros());
        let exponent = definitions.amount_exponent;
        Twin { payments, definitions, exponent, horizon, completed }
    }

    fn until(&self, p: &Payment) -> usize {
        if self.horizon == 0 {
            return p.order + 1;
        }
        self.payments.partition_point(|e| e.time <= p.time + self.horizon)
    }

    fn since(&self, time: i128, window: Span) -> usize {
        self.payments.partition_point(|e| e.time <= time - i128::from(window.micros()))
    }

    fn visible(&self, p: &Payment, window: Span) -> &[Payment] {
        &self.payments[self.since(p.time, window)..self.until(p)]
    }

    fn past(&self, q: &Payment, window: Span) -> Vec<Payment> {
        let seen = &self.payments[self.since(q.time, window)..=q.order];
        seen.iter().copied().filter(|e| !e.is_self()).collect()
    }

    /// What a payment sees of those that are the first of their pair in so long; nothing where it
    /// is none of them.
    fn strangers(&self, q: &Payment, window: Span, fresh: Option<Span>) -> Vec<Payment> {
        let mut past = self.past(q, window);
        let Some(memory) = fresh else { return past };
        let first = |e: &Payment| {
            let before = &self.payments[self.since(e.time, memory)..e.order];
            before.iter().all(|b| (b.debtor, b.creditor) != (e.debtor, e.creditor))
        };
        past.retain(first);
        if !first(q) {
            past.clear();
        }
        past
    }

    fn completers(&self, p: &Payment) -> &[Payment] {
        &self.payments[p.order..self.until(p)]
    }

    fn chosen(&self, p: &Payment, window: Span, filter: &Filter) -> Vec<Payment> {
        let mut seen = self.visible(p, window).to_vec();
        if filter.without_current {
            seen.retain(|e| e.order != p.order);
        }
        if let Some(text) = &filter.predicate {
            seen.retain(|e| predicate(text, e.minor, self.exponent));
        }
        if let Some(share) = filter.similar_permille {
            let band = i128::from(share) * p.minor;
            seen.retain(|e| (e.minor - p.minor).abs() * 1_000 <= band);
        }
        seen
    }

    fn activity(&self, p: &Payment, seen: &[Payment], measures: &[Measure], out: &mut Out) {
        for (side, account) in [("debtor", p.debtor), ("creditor", p.creditor)] {
            for direction in ["out", "in"] {
                let these: Vec<Payment> =
                    seen.iter().copied().filter(|e| ends(direction, e).0 == account).collect();
                let minors: Vec<i128> = these.iter().map(|e| e.minor).collect();
                for &measure in measures {
                    let value = match measure {
                        Measure::Count => Some(int(these.len())),
                        Measure::Fan => Some(int(others(account, direction, &these).len())),
                        Measure::Age => age(p, &these),
                        _ => self.moment(measure, &minors),
                    };
                    out.push((format!("{side}_{direction}_{}", measure.name()), value));
                }
            }
        }
    }

    /// Population moments of amounts, from exact sums: with S the sum of n amounts, n times the
    /// distance of m from the mean is the whole number n m - S.
    fn moment(&self, measure: Measure, minors: &[i128]) -> Option<Value> {
        let sum: i128 = minors.iter().sum();
        if measure == Measure::Sum {
            return Some(self.major(sum, 1));
        }
        let n = i128::try_from(minors.len()).expect("few payments");
        let power = |k: u32| {
            let wide = |whole: i128| whole.as_::<I512>();
            let distances = minors.iter().map(|m| wide(n) * wide(*m) - wide(sum));
            let total = distances.fold(wide(0), |total, d| total + d.pow(k));
            total.as_::<f64>() / real(n).powi(i32::try_from(k).expect("small") + 1)
        };
        if minors.is_empty() {
            return None;
        }
        let second = power(2);
        let value = match measure {
            Measure::Mean => self.major(sum, n),
            Measure::Min => self.major(*minors.iter().min()?, 1),
            Measure::Max => self.major(*minors.iter().max()?, 1),
            Measure::Median => {
                let mut sorted = minors.to_vec();
                sorted.sort_unstable();
                let twice = sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2];
                self.major(twice, 2)
            }
            Measure::Std => Value::Real(second.sqrt() / self.unit()),
            Measure::Skew | Measure::Kurtosis if minors.iter().all(|m| *m == minors[0]) => {
                return None;
            }
            Measure::Skew => Value::Real(power(3) / second.powf(1.5)),
            Measure::Kurtosis => Value::Real(power(4) / (second * second)),
            Measure::Sum | Measure::Count | Measure::Fan | Measure::Age => {
                unreachable!("no moments")
            }
        };
        Some(value)
    }

    fn major(&self, minor: i128, parts: i128) -> Value {
        Value::Real(real(minor) / self.unit() / real(parts))
    }

    fn unit(&self) -> f64 {
        10_f64.powi(i32::from(self.exponent))
    }

    fn pair(&self, p: &Payment, seen: &[Payment], out: &mut Out) {
        let between = |from: u32, to: u32| -> Vec<Payment> {
            seen.iter().copied().filter(|e| (e.debtor, e.creditor) == (from, to)).collect()
        };
        let sum = |these: &[Payment]| {
            self.moment(Measure::Sum, &these.iter().map(|e| e.minor).collect::<Vec<_>>())
        };
        let same = between(p.debtor, p.creditor);
        let back = if p.is_self() { Vec::new() } else { between(p.creditor, p.debtor) };
        out.push(("pair_count".to_owned(), Some(int(same.len()))));
        out.push(("pair_sum".to_owned(), sum(&same)));
        out.push(("pair_age".to_owned(), age(p, &same)));
        out.push(("pair_back_count".to_owned(), Some(int(back.len()))));
        out.push(("pair_back_sum".to_owned(), sum(&back)));
    }

    fn novelty(&self, p: &Payment, window: Span, memory: Span, out: &mut Out) {
        let recent = self.visible(p, window);
        let before = &self.payments[self.since(p.time, memory)..self.since(p.time, window)];
        for (side, account) in [("debtor", p.debtor), ("creditor", p.creditor)] {
            for direction in ["out", "in"] {
                let of = |these: &[Payment]| {
                    let these: Vec<Payment> =
                        these.iter().copied().filter(|e| ends(direction, e).0 == account).collect();
                    others(account, direction, &these)
                };
                let new = of(recent).difference(&of(before)).count();
                out.push((format!("{side}_{direction}_new_fan"), Some(int(new))));
            }
        }
    }

    fn passthrough(&self, p: &Payment, window: Span) -> Option<Value> {
        let seen = self.visible(p, window).iter().filter(|e| !e.is_self());
        let come: i128 = seen.clone().filter(|e| e.creditor == p.debtor).map(|e| e.minor).sum();
        let gone: i128 = seen.filter(|e| e.debtor == p.debtor).map(|e| e.minor).sum();
        (come != 0).then(|| Value::Real(real(gone) / real(come)))
    }
}

// Patterns: found when a payment q completes them, told to the payments in them.
impl Twin {
    fn ways_back(q: &Payment, past: &[Payment], longest: u8, rising: bool) -> Vec<Found> {
        if q.is_self() {
            return Vec::new();
        }
        let mut walk =
            Walk { q, longest: longest.into(), steps: BTreeMap::new(), found: BTreeMap::new() };
        for &e in past {
            if e.order < q.order {
                walk.steps.entry(e.debtor).or_default().push(e);
            }
        }
        if rising {
            walk.cycle(&mut vec![q.creditor], &mut Vec::new());
        } else {
            walk.ring(&mut vec![q.creditor], &mut Vec::new());
        }
        let found = walk.found.into_iter();
        found
            .map(|(accounts, mut edges)| {
                edges.insert(q.order);
                Found { accounts: accounts.len(), edges }
            })
            .collect()
    }

    fn scatter_gathers(q: &Payment, past: &[Payment]) -> Vec<Found> {
        if q.is_self() {
            return Vec::new();
        }
        let into = |account: u32| past.iter().filter(move |e| e.creditor == account);
        let sources: BTreeSet<u32> = into(q.debtor)
            .filter(|e| e.order < q.order && e.debtor != q.creditor)
            .map(|e| e.debtor)
            .collect();
        let mut found = Vec::new();
        for s in sources {
            let (mut middles, mut edges) = (BTreeSet::new(), BTreeSet::new());
            for second in into(q.creditor) {
                let m = second.debtor;
                if m == s || m == q.creditor {
                    continue;
                }
                for first in into(m).filter(|e| e.debtor == s && e.order < second.order) {
                    middles.insert(m);
                    edges.extend([first.order, second.order]);
                }
            }
            if middles.len() >= 2 && middles.contains(&q.debtor) {
                found.push(Found { accounts: middles.len(), edges });
            }
        }
        found
    }

    fn chain_depth(&self, p: &Payment, dwell: Span, retention: u32, deepest: u32) -> u32 {
        let past = self.past(p, dwell.times(deepest));
        let mut depth: Vec<u32> = Vec::new();
        for e in &past {
            let befores =
                past.iter().zip(&depth).filter(|(f, _)| passes_on(f, e, dwell, retention));
            let best = befores.map(|(_, depth)| *depth).max().unwrap_or(0);
            depth.push((best + 1).min(deepest));
        }
        // Of a self-payment there is nothing: it is not in its own past.
        past.iter().zip(&depth).find(|(e, _)| e.order == p.order).map_or(0, |(_, depth)| *depth)
    }

    /// Makes a payment complete nothing of a block.
    pub(crate) fn drop_completed(&mut self, order: usize, number: usize) {
        self.completed[number][order] = Vec::new().into();
    }

    /// The patterns of a block of which a payment is told.
    fn told(&self, p: &Payment, number: usize) -> Vec<&Found> {
        let Block { window, kind, .. } = &self.definitions.blocks[number];
        let mut told = Vec::new();
        for q in self.completers(p) {
            let found = self.completed[number][q.order].get_or_init(|| match kind {
                Kind::Cycle { longest, search } => {
                    Self::ways_back(q, &self.strangers(q, *window, search.fresh), *longest, true)
                }
                Kind::Ring { longest, search } => {
                    Self::ways_back(q, &self.strangers(q, *window, search.fresh), *longest, false)
                }
                Kind::ScatterGather { search } => {
                    Self::scatter_gathers(q, &self.strangers(q, *window, search.fresh))
                }
                _ => unreachable!("asked of patterns alone"),
            });
            told.extend(found.iter().filter(|pattern| pattern.edges.contains(&p.order)));
        }
        told
    }

    /// All features of the payment at a place of the order, without the flags of saturation.
    pub(crate) fn features(&self, order: usize) -> Out {
        let p = &self.payments[order];
        let mut row = Vec::new();
        for (number, block) in self.definitions.blocks.iter().enumerate() {
            let Block { prefix, window, window_text, kind } = block;
            let mut out = Vec::new();
            match kind {
                Kind::Activity { measures, filter } => {
                    self.activity(p, &self.chosen(p, *window, filter), measures, &mut out);
                }
                Kind::Pair { filter } => self.pair(p, &self.chosen(p, *window, filter), &mut out),
                Kind::Novelty { memory } => self.novelty(p, *window, *memory, &mut out),
                Kind::Passthrough => {
                    out.push(("passthrough".to_owned(), self.passthrough(p, *window)));
                }
                Kind::Cycle { longest, .. } => {
                    self.counts("cycle", (p, number), *longest, &mut out);
                }
                Kind::Ring { longest, .. } => self.counts("ring", (p, number), *longest, &mut out),
                Kind::ScatterGather { .. } => {
                    let told = self.told(p, number);
                    let size = told.iter().map(|pattern| pattern.accounts).max().unwrap_or(0);
                    out.push(("scatter_gather_count".to_owned(), Some(int(told.len()))));
                    out.push(("scatter_gather_size".to_owned(), Some(int(size))));
                }
                Kind::Chain { retention_permille, deepest, .. } => {
                    let depth = self.chain_depth(p, *window, *retention_permille, *deepest);
                    out.push(("chain_depth".to_owned(), Some(Value::Int(depth.into()))));
                }
            }
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}_") };
            let named = out.into_iter();
            row.extend(named.map(|(name, value)| (format!("{prefix}{name}_{window_text}"), value)));
        }
        row
    }

    fn counts(&self, kind: &str, (p, number): (&Payment, usize), longest: u8, out: &mut Out) {
        let told = self.told(p, number);
        for accounts in 2..=usize::from(longest) {
            let count = told.iter().filter(|pattern| pattern.accounts == accounts).count();
            out.push((format!("{kind}_{accounts}"), Some(int(count))));
        }
    }
}

// Evidence: what the payments behind a feature must be.
impl Twin {
    /// The payments of a flow of a block, ascending, those to oneself left out; of a chain see
    /// [`Twin::is_chain`].
    pub(crate) fn evidence(&self, order: usize, number: usize, flow: Flow) -> Vec<usize> {
        let p = &self.payments[order];
        let Block { window, kind, .. } = &self.definitions.blocks[number];
        let open = Filter::default();
        let filter = match kind {
            Kind::Activity { filter, .. } | Kind::Pair { filter } => filter,
            _ => &open,
        };
        let keep = |e: &&Payment| match flow {
            Flow::DebtorOut => e.debtor == p.debtor,
            Flow::DebtorIn => e.creditor == p.debtor,
            Flow::CreditorOut => e.debtor == p.creditor,
            Flow::CreditorIn => e.creditor == p.creditor,
            Flow::Pair => (e.debtor, e.creditor) == (p.debtor, p.creditor),
            Flow::Pattern => unreachable!("answered below"),
        };
        if flow == Flow::Pattern {
            let told = self.told(p, number);
            let edges: BTreeSet<usize> =
                told.iter().flat_map(|pattern| pattern.edges.iter().copied()).collect();
            return edges.into_iter().collect();
        }
        let seen = self.chosen(p, *window, filter);
        seen.iter().filter(keep).filter(|e| !e.is_self()).map(|e| e.order).collect()
    }

    /// Whether payments are a run that a chain block counts, and end at the last of them.
    pub(crate) fn is_chain(&self, run: &[usize], dwell: Span, retention: u32) -> bool {
        run.iter().all(|&order| !self.payments[order].is_self())
            && run.windows(2).all(|two| {
                let (f, e) = (&self.payments[two[0]], &self.payments[two[1]]);
                passes_on(f, e, dwell, retention)
            })
    }
}

/// The search for ways back, as the oracle's two functions `go`.
struct Walk<'a> {
    q: &'a Payment,
    longest: usize,
    steps: BTreeMap<u32, Vec<Payment>>,
    found: BTreeMap<Vec<u32>, BTreeSet<usize>>,
}

impl Walk<'_> {
    fn cycle(&mut self, accounts: &mut Vec<u32>, edges: &mut Vec<usize>) {
        let here = accounts[accounts.len() - 1];
        if here == self.q.debtor {
            self.found.entry(accounts.clone()).or_default().extend(edges.iter().copied());
            return;
        }
        if accounts.len() == self.longest {
            return;
        }
        for e in self.steps.get(&here).cloned().unwrap_or_default() {
            let rises = edges.last().is_none_or(|&last| e.order > last);
            if !accounts.contains(&e.creditor) && rises {
                accounts.push(e.creditor);
                edges.push(e.order);
                self.cycle(accounts, edges);
                accounts.pop();
                edges.pop();
            }
        }
    }

    fn ring(&mut self, accounts: &mut Vec<u32>, edges: &mut Vec<usize>) {
        let here = accounts[accounts.len() - 1];
        if here == self.q.debtor {
            self.found.entry(accounts.clone()).or_default().extend(edges.iter().copied());
            return;
        }
        if accounts.len() == self.longest {
            return;
        }
        let mut there: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for e in self.steps.get(&here).into_iter().flatten() {
            there.entry(e.creditor).or_default().push(e.order);
        }
        for (account, orders) in there {
            if !accounts.contains(&account) {
                let length = edges.len();
                accounts.push(account);
                edges.extend(orders);
                self.ring(accounts, edges);
                accounts.pop();
                edges.truncate(length);
            }
        }
    }
}

fn passes_on(f: &Payment, e: &Payment, dwell: Span, retention: u32) -> bool {
    f.order < e.order
        && f.creditor == e.debtor
        && f.debtor != e.creditor
        && e.time - f.time < i128::from(dwell.micros())
        && e.minor <= f.minor
        && e.minor * 1_000 >= f.minor * i128::from(retention)
}

/// Whose payment it is, seen in a direction, and who is at the other end.
fn ends(direction: &str, e: &Payment) -> (u32, u32) {
    if direction == "out" { (e.debtor, e.creditor) } else { (e.creditor, e.debtor) }
}

fn others(account: u32, direction: &str, these: &[Payment]) -> BTreeSet<u32> {
    these.iter().map(|e| ends(direction, e).1).filter(|&other| other != account).collect()
}

fn age(p: &Payment, these: &[Payment]) -> Option<Value> {
    let before = these.iter().filter(|e| e.order < p.order).map(|e| e.time).max();
    before.map(|time| Value::Real(real(p.time - time) / 1e6))
}

fn int(count: usize) -> Value {
    Value::Int(count as u64)
}

#[expect(clippy::cast_precision_loss, reason = "values are compared up to a relative 1e-9")]
fn real(whole: i128) -> f64 {
    whole as f64
}

/// `amount >= 8000 AND amount < 10000`: comparisons of the amount with decimals, no more.
fn predicate(text: &str, minor: i128, exponent: u8) -> bool {
    text.split(" AND ").all(|term| {
        let term = term.trim().strip_prefix("amount").expect("terms are about the amount").trim();
        let end = term.find(|c: char| c.is_ascii_digit() || c == ' ').expect("a bound");
        let (operator, bound) = (&term[..end], term[end..].trim());
        // Both sides as whole numbers of ten decimals.
        let (whole, part) = bound.split_once('.').unwrap_or((bound, ""));
        let bound: i128 = format!("{whole}{part:0<10}").parse().expect("a number");
        let amount = minor * 10_i128.pow(10 - u32::from(exponent));
        match operator {
            "<" => amount < bound,
            "<=" => amount <= bound,
            "=" => amount == bound,
            ">" => amount > bound,
            ">=" => amount >= bound,
            _ => panic!("`{operator}` is none of the oracle's comparisons"),
        }
    })
}
