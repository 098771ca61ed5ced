//! The extractor: payments in order in, the features of each out, as of its place in the order.
//!
//! A payment enters the graph, completes what patterns it completes, and is then pending until
//! nothing it may still see can come: at once when inline, else when the order has passed its
//! horizon. What it is told then is read from the graph, and from the counters that later
//! payments raised while it was pending.

use std::collections::VecDeque;

use shroff_graph::{
    Bound, ChainRule, Closing, Depths, Edge, GatherRule, Graph, Key, PathRule, Paths,
    ScatterGathers, View, gathering_payments, path_payments,
};
use shroff_types::{AccountId, Currency, Names, Place, Span, Symbol, Timestamp};

use crate::definitions::{Block, Column, Definitions, Filter, Kind, Measure};
use crate::filter::PaymentRow;
use crate::moments;
use crate::sql::Expression;

/// The largest amount the engine carries, in minor units: 2^90 - 1, over a billion ether in wei.
/// A sum of 2^32 of them fits 128 bits, and its fourth power 512.
pub const MAX_MINOR: i128 = (1 << 90) - 1;

/// A payment as the engine takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, in minor units of the base currency: 1 to [`MAX_MINOR`].
    pub minor: i128,
    /// The currency it was paid in.
    pub currency: Currency,
    /// How it was paid, where the file says.
    pub method: Option<Symbol>,
}

/// A feature's value: a whole number, a real or a flag, as its column says, or null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell(u64);

impl Cell {
    /// No value. Its bits are those of one not-a-number that no arithmetic makes.
    pub const NULL: Cell = Cell(0x7FF8_0000_5EED_0001);

    /// A whole number.
    pub fn of_int(value: u64) -> Cell {
        Cell(value)
    }

    /// A real.
    pub fn of_real(value: f64) -> Cell {
        Cell(value.to_bits())
    }

    /// A flag.
    pub fn of_flag(value: bool) -> Cell {
        Cell(u64::from(value))
    }

    /// Whether there is no value.
    pub fn is_null(self) -> bool {
        self == Cell::NULL
    }

    /// The whole number of an [`crate::ColumnKind::Int`].
    pub fn int(self) -> Option<u64> {
        (!self.is_null()).then_some(self.0)
    }

    /// The real of an [`crate::ColumnKind::Real`].
    pub fn real(self) -> Option<f64> {
        (!self.is_null()).then(|| f64::from_bits(self.0))
    }

    /// The flag of an [`crate::ColumnKind::Bool`].
    pub fn flag(self) -> Option<bool> {
        (!self.is_null()).then_some(self.0 == 1)
    }

    /// The bits, for comparison and digests.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_null() { f.write_str("null") } else { write!(f, "{}", self.0) }
    }
}

/// A payment whose features are complete.
#[derive(Debug)]
pub struct Finished<'a> {
    /// Its place in the order.
    pub place: Place,
    /// The payment.
    pub input: Input,
    /// Its features, one for each of [`Extractor::columns`].
    pub cells: &'a [Cell],
    /// Which payments stand behind them, on request.
    pub evidence: Evidence<'a>,
}

/// Finds the payments behind a feature, while they are in sight.
#[derive(Debug)]
pub struct Evidence<'a> {
    payment: Pending,
    state: &'a mut State,
}

/// Which payments a piece of evidence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Those that left the debtor.
    DebtorOut,
    /// Those that reached the debtor.
    DebtorIn,
    /// Those that left the creditor.
    CreditorOut,
    /// Those that reached the creditor.
    CreditorIn,
    /// Those from the debtor to the creditor.
    Pair,
    /// Those of the cycles, rings, scatter-gathers or chain of the block.
    Pattern,
}

/// A part of a line of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePart {
    /// The payments of the part, ascending by place.
    pub payments: Vec<Place>,
    /// Whether payments before the part are still in sight.
    pub goes_on: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    key: Key,
    input: Input,
}

impl Pending {
    fn closing(&self) -> Closing {
        let Input { debtor, creditor, .. } = self.input;
        Closing { debtor, creditor, key: self.key }
    }
}

/// What a block needs while it runs.
#[derive(Debug)]
struct Plan {
    /// The graph of the payments it speaks of.
    graph: usize,
    /// Its first column.
    first: usize,
    /// Its first pending counter; patterns only.
    counter: usize,
    /// How many counters it has.
    counters: usize,
    /// Where a search ran out of its budget, ascending, from the oldest pending payment on.
    saturated: VecDeque<Key>,
    /// Chains only.
    depths: Depths,
}

#[derive(Debug)]
struct State {
    exponent: u8,
    horizon: Span,
    blocks: Vec<Block>,
    plans: Vec<Plan>,
    /// All payments, then those that pass each distinct `where`.
    graphs: Vec<Graph>,
    pending: VecDeque<Pending>,
    /// One run of `width` for each pending payment.
    counters: VecDeque<u64>,
    width: usize,
    /// With a horizon: which payment completed a pattern (block, completer) of a pending one.
    completers: VecDeque<Vec<(usize, Place)>>,
    paths: Paths,
    gathers: ScatterGathers,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    edges: Vec<Edge>,
    accounts: Vec<AccountId>,
    others: Vec<AccountId>,
    minors: Vec<i128>,
}

/// Computes features, payment after payment; see the module's page.
#[derive(Debug)]
pub struct Extractor {
    state: State,
    columns: Vec<Column>,
    filters: Vec<Expression>,
    row: Vec<Cell>,
    next: u32,
    last: Timestamp,
}

impl Extractor {
    /// An extractor for amounts in minor units of `exponent` decimals (0 to 18), which may be
    /// finer than the definitions ask for.
    pub fn new(definitions: &Definitions, exponent: u8) -> Extractor {
        let look_back = definitions.look_back().plus(definitions.horizon);
        let columns = definitions.columns();
        let mut predicates: Vec<&str> = Vec::new();
        let mut plans = Vec::new();
        let (mut first, mut width) = (0, 0);
        for (number, block) in definitions.blocks.iter().enumerate() {
            let graph = match filter_of(&block.kind).and_then(|f| f.predicate.as_deref()) {
                None => 0,
                Some(text) => 1 + position_or_push(&mut predicates, text),
            };
            let own = columns.iter().filter(|c| c.block == number).count();
            // The last column of a pattern says whether it saturated, and is not counted.
            let counters = if is_pattern(&block.kind) { own - 1 } else { 0 };
            plans.push(Plan {
                graph,
                first,
                counter: width,
                counters,
                saturated: VecDeque::new(),
                depths: Depths::new(look_back),
            });
            first += own;
            width += counters;
        }
        let filters = predicates.iter().map(|text| {
            crate::filter::compile(text).expect("compiled when the definitions were read")
        });
        let filters: Vec<Expression> = filters.collect();
        let graphs = (0..=filters.len()).map(|_| Graph::new(look_back)).collect();
        let state = State {
            exponent,
            horizon: definitions.horizon,
            blocks: definitions.blocks.clone(),
            plans,
            graphs,
            pending: VecDeque::new(),
            counters: VecDeque::new(),
            width,
            completers: VecDeque::new(),
            paths: Paths::default(),
            gathers: ScatterGathers::default(),
            scratch: Scratch::default(),
        };
        let row = vec![Cell::NULL; columns.len()];
        Extractor { state, columns, filters, row, next: 0, last: Timestamp(i64::MIN) }
    }

    /// The feature columns, in the order of the cells.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Takes the next payments of the order and hands out each that is complete.
    ///
    /// # Panics
    /// If a payment lies before the one that came before it: sort them first.
    pub fn push(
        &mut self,
        payments: &[Input],
        symbols: &Names,
        each: &mut dyn FnMut(Finished<'_>),
    ) {
        for input in payments {
            assert!(input.time >= self.last, "payments come in time order: sorted by the caller");
            self.last = input.time;
            // Whatever this payment is too late for is complete without it.
            while let Some(oldest) = self.state.pending.front()
                && oldest.key.time.after(self.state.horizon) < input.time
            {
                self.emit(each);
            }
            self.take(input, symbols);
            if self.state.horizon == Span::ZERO {
                self.emit(each);
            }
        }
    }

    /// Hands out the payments that still waited for what might come.
    pub fn finish(&mut self, each: &mut dyn FnMut(Finished<'_>)) {
        while !self.state.pending.is_empty() {
            self.emit(each);
        }
    }

    /// Bytes that payments and accounts take in the window.
    pub fn bytes(&self) -> usize {
        self.state.graphs.iter().map(Graph::bytes).sum()
    }

    fn take(&mut self, input: &Input, symbols: &Names) {
        assert!((0..=MAX_MINOR).contains(&input.minor), "amounts are checked where they are read");
        let key = Key { time: input.time, place: Place(self.next) };
        self.next = self.next.checked_add(1).expect("fewer than 2^32 payments");
        let row = PaymentRow { input, exponent: self.state.exponent, symbols };
        let Input { debtor, creditor, minor, .. } = *input;
        self.state.graphs[0].insert(debtor, creditor, minor, key);
        for (filter, graph) in self.filters.iter().zip(&mut self.state.graphs[1..]) {
            if filter.is_true(&row) {
                graph.insert(debtor, creditor, minor, key);
            }
        }
        self.state.pending.push_back(Pending { key, input: *input });
        self.state.counters.extend(std::iter::repeat_n(0, self.state.width));
        if self.state.horizon != Span::ZERO {
            self.state.completers.push_back(Vec::new());
        }
        self.state.complete_patterns();
    }

    fn emit(&mut self, each: &mut dyn FnMut(Finished<'_>)) {
        let payment = self.state.pending[0];
        self.state.fill(payment, &mut self.row);
        each(Finished {
            place: payment.key.place,
            input: payment.input,
            cells: &self.row,
            evidence: Evidence { payment, state: &mut self.state },
        });
        self.state.forget_oldest();
    }
}

fn filter_of(kind: &Kind) -> Option<&Filter> {
    match kind {
        Kind::Activity { filter, .. } | Kind::Pair { filter } => Some(filter),
        Kind::Novelty { .. }
        | Kind::Passthrough
        | Kind::Cycle { .. }
        | Kind::Ring { .. }
        | Kind::ScatterGather { .. }
        | Kind::Chain { .. } => None,
    }
}

fn is_pattern(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Cycle { .. } | Kind::Ring { .. } | Kind::ScatterGather { .. } | Kind::Chain { .. }
    )
}

fn position_or_push<'a>(known: &mut Vec<&'a str>, text: &'a str) -> usize {
    known.iter().position(|&other| other == text).unwrap_or_else(|| {
        known.push(text);
        known.len() - 1
    })
}

/// The rule of a block of cycles or rings.
fn path_rule(block: &Block) -> Option<PathRule> {
    let (rising, longest, budget) = match block.kind {
        Kind::Cycle { longest, budget } => (true, longest, budget),
        Kind::Ring { longest, budget } => (false, longest, budget),
        _ => return None,
    };
    Some(PathRule { rising, window: block.window, longest, budget })
}

fn chain_rule(block: &Block) -> Option<ChainRule> {
    match block.kind {
        Kind::Chain { retention_permille, deepest, budget } => {
            Some(ChainRule { window: block.window, retention_permille, deepest, budget })
        }
        _ => None,
    }
}

// Patterns: found when a payment completes them, told to the payments in them.
impl State {
    /// Finds what the newest pending payment completes, and tells those it concerns.
    fn complete_patterns(&mut self) {
        let newest = *self.pending.back().expect("a payment was just taken");
        for number in 0..self.blocks.len() {
            let block = &self.blocks[number];
            let bound = if let Some(rule) = path_rule(block) {
                self.complete_paths(number, rule, newest)
            } else if let Kind::ScatterGather { budget } = block.kind {
                let rule = GatherRule { window: block.window, budget };
                self.complete_gathers(number, rule, newest)
            } else if let Some(rule) = chain_rule(block) {
                let plan = &mut self.plans[number];
                let graph = &self.graphs[plan.graph];
                let (depth, bound) =
                    plan.depths.insert(graph, newest.closing(), newest.input.minor, rule);
                let at = self.counters.len() - self.width + plan.counter;
                self.counters[at] = u64::from(depth);
                bound
            } else {
                continue;
            };
            if bound == Bound::Saturated {
                self.plans[number].saturated.push_back(newest.key);
            }
        }
    }

    fn complete_paths(&mut self, number: usize, rule: PathRule, newest: Pending) -> Bound {
        let State { paths, graphs, plans, counters, width, .. } = self;
        let plan = &plans[number];
        let graph = &graphs[plan.graph];
        if self.horizon == Span::ZERO {
            let at = counters.len() - *width + plan.counter;
            return paths.closed_by(graph, newest.closing(), rule, &mut |accounts| {
                counters[at + accounts.len() - 2] += 1;
            });
        }
        // Whoever is in a path and still pending is told of it.
        let mut told: Vec<(usize, Vec<Place>)> = Vec::new();
        let bound = paths.closed_by(graph, newest.closing(), rule, &mut |accounts| {
            let payments = path_payments(graph, newest.closing(), rule, accounts);
            told.push((accounts.len() - 2, payments));
        });
        for (column, payments) in told {
            self.tell(number, newest.key.place, &payments, |counters| counters[column] += 1);
        }
        bound
    }

    fn complete_gathers(&mut self, number: usize, rule: GatherRule, newest: Pending) -> Bound {
        let State { gathers, graphs, plans, counters, width, .. } = self;
        let plan = &plans[number];
        let graph = &graphs[plan.graph];
        if self.horizon == Span::ZERO {
            let at = counters.len() - *width + plan.counter;
            return gathers.closed_by(graph, newest.closing(), rule, &mut |gathering| {
                counters[at] += 1;
                counters[at + 1] = counters[at + 1].max(u64::from(gathering.middles));
            });
        }
        let mut told: Vec<(u32, Vec<Place>)> = Vec::new();
        let bound = gathers.closed_by(graph, newest.closing(), rule, &mut |gathering| {
            let source = gathering.source;
            let payments = gathering_payments(graph, newest.closing(), rule.window, source);
            told.push((gathering.middles, payments));
        });
        for (middles, payments) in told {
            self.tell(number, newest.key.place, &payments, |counters| {
                counters[0] += 1;
                counters[1] = counters[1].max(u64::from(middles));
            });
        }
        bound
    }

    /// Raises the counters of those of `payments` that are pending.
    fn tell(
        &mut self,
        number: usize,
        completer: Place,
        payments: &[Place],
        raise: impl Fn(&mut [u64]),
    ) {
        let Plan { counter, counters, .. } = self.plans[number];
        let oldest = self.pending[0].key.place;
        let first = payments.partition_point(|&place| place < oldest);
        let all = self.counters.make_contiguous();
        for place in &payments[first..] {
            let row = (place.0 - oldest.0) as usize;
            let at = row * self.width + counter;
            raise(&mut all[at..at + counters]);
            let completers = &mut self.completers[row];
            if completers.last() != Some(&(number, completer)) {
                completers.push((number, completer));
            }
        }
    }

    /// Lets go of the oldest pending payment.
    fn forget_oldest(&mut self) {
        let gone = self.pending.pop_front().expect("only a pending payment is forgotten");
        self.counters.drain(..self.width);
        self.completers.pop_front();
        for plan in &mut self.plans {
            while plan.saturated.front().is_some_and(|&key| key <= gone.key) {
                plan.saturated.pop_front();
            }
        }
    }
}

// What the graph says of a payment that is complete.
impl State {
    fn fill(&mut self, payment: Pending, row: &mut [Cell]) {
        for number in 0..self.blocks.len() {
            let block = &self.blocks[number];
            let Plan { graph, first, counter, counters, .. } = self.plans[number];
            let looker = Looker {
                graph: &self.graphs[graph],
                payment,
                view: View { since: payment.key.time.before(block.window), until: END },
                exponent: self.exponent,
            };
            let scratch = &mut self.scratch;
            let out = &mut row[first..];
            match &block.kind {
                Kind::Activity { measures, filter } => {
                    looker.activity(filter, measures, scratch, out);
                }
                Kind::Pair { filter } => looker.pair(filter, out),
                Kind::Novelty { memory } => looker.novelty(*memory, scratch, out),
                Kind::Passthrough => out[0] = looker.passthrough(),
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
const END: Key = Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) };

/// One payment looking at the payments around it.
#[derive(Clone, Copy)]
struct Looker<'g> {
    graph: &'g Graph,
    payment: Pending,
    view: View,
    exponent: u8,
}

impl<'g> Looker<'g> {
    /// The lines of `ENDS_AND_WAYS`, in its order: whose it is, and its payments.
    fn lines(&self, view: View) -> [(AccountId, &'g [Edge]); 4] {
        let Input { debtor, creditor, .. } = self.payment.input;
        [
            (debtor, self.graph.out(debtor, view)),
            (debtor, self.graph.into(debtor, view)),
            (creditor, self.graph.out(creditor, view)),
            (creditor, self.graph.into(creditor, view)),
        ]
    }

    /// Whether a filter lets a past payment through; its predicate chose the graph already.
    fn passes(&self, filter: &Filter, edge: &Edge) -> bool {
        if filter.without_current && edge.place == self.payment.key.place {
            return false;
        }
        filter.similar_permille.is_none_or(|share| {
            let difference = (self.graph.minor(edge) - self.payment.input.minor).abs();
            difference * 1_000 <= i128::from(share) * self.payment.input.minor
        })
    }

    fn activity(
        &self,
        filter: &Filter,
        measures: &[Measure],
        scratch: &mut Scratch,
        out: &mut [Cell],
    ) {
        let narrowed = filter.without_current || filter.similar_permille.is_some();
        for (number, (account, line)) in self.lines(self.view).into_iter().enumerate() {
            let mut kept = std::mem::take(&mut scratch.edges);
            let line = if narrowed {
                kept.clear();
                kept.extend(line.iter().filter(|edge| self.passes(filter, edge)));
                &kept
            } else {
                line
            };
            let out = &mut out[number * measures.len()..][..measures.len()];
            self.measures(account, line, measures, scratch, out);
            scratch.edges = kept;
        }
    }

    fn measures(
        &self,
        account: AccountId,
        line: &[Edge],
        measures: &[Measure],
        scratch: &mut Scratch,
        out: &mut [Cell],
    ) {
        let amounts = line.iter().map(|edge| self.graph.minor(edge));
        let moments =
            measures.iter().any(|m| matches!(m, Measure::Std | Measure::Skew | Measure::Kurtosis));
        let central = moments.then(|| moments::central(line.len(), amounts.clone()));
        for (cell, measure) in out.iter_mut().zip(measures) {
            *cell = match measure {
                Measure::Count => Cell::of_int(line.len() as u64),
                Measure::Fan => Cell::of_int(fan(account, line, &mut scratch.accounts)),
                Measure::Age => self.age(line),
                Measure::Sum => Cell::of_real(self.major(amounts.clone().sum(), 1)),
                _ if line.is_empty() => Cell::NULL,
                Measure::Mean => Cell::of_real(self.major(amounts.clone().sum(), line.len())),
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
        let (count, sum) = self.between(debtor, creditor, filter);
        let (back_count, back_sum) =
            if debtor == creditor { (0, 0) } else { self.between(creditor, debtor, filter) };
        let line = self.graph.out(debtor, self.view);
        let before = line.iter().rev().find(|edge| {
            edge.other == creditor && edge.key() < self.payment.key && self.passes(filter, edge)
        });
        out[0] = Cell::of_int(count);
        out[1] = Cell::of_real(self.major(sum, 1));
        out[2] = before.map_or(Cell::NULL, |edge| self.age(std::slice::from_ref(edge)));
        out[3] = Cell::of_int(back_count);
        out[4] = Cell::of_real(self.major(back_sum, 1));
    }

    /// Count and sum of the payments from one account to another; costs the shorter line.
    fn between(&self, from: AccountId, to: AccountId, filter: &Filter) -> (u64, i128) {
        let (out, into) = (self.graph.out(from, self.view), self.graph.into(to, self.view));
        let (line, other) = if out.len() <= into.len() { (out, to) } else { (into, from) };
        let same = line.iter().filter(|edge| edge.other == other && self.passes(filter, edge));
        same.fold((0, 0), |(count, sum), edge| (count + 1, sum + self.graph.minor(edge)))
    }

    fn novelty(&self, memory: Span, scratch: &mut Scratch, out: &mut [Cell]) {
        let older = View { since: self.payment.key.time.before(memory), ..self.view };
        let recent = self.lines(self.view);
        for (number, (account, all)) in self.lines(older).into_iter().enumerate() {
            let (now, known) = (&mut scratch.accounts, &mut scratch.others);
            let line = recent[number].1;
            distinct(account, line, now);
            distinct(account, &all[..all.len() - line.len()], known);
            let new = now.iter().filter(|a| known.binary_search(a).is_err()).count();
            out[number] = Cell::of_int(new as u64);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "this is where a value leaves the engine")]
    fn passthrough(&self) -> Cell {
        let debtor = self.payment.input.debtor;
        let sum = |line: &[Edge]| -> i128 {
            let others = line.iter().filter(|edge| edge.other != debtor);
            others.map(|edge| self.graph.minor(edge)).sum()
        };
        let come = sum(self.graph.into(debtor, self.view));
        let gone = sum(self.graph.out(debtor, self.view));
        if come == 0 { Cell::NULL } else { Cell::of_real(gone as f64 / come as f64) }
    }
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

// Which payments stand behind a feature.
impl Evidence<'_> {
    /// The payments that make up a flow as the block at `number` of the definitions sees it,
    /// ascending by place; payments to oneself left out. Costs their line, or the search for the
    /// pattern.
    pub fn payments(&mut self, number: usize, flow: Flow) -> Vec<Place> {
        if flow == Flow::Pattern {
            return self.pattern(number);
        }
        self.line_after(number, flow, None).payments
    }

    /// Whether a block's lines only ever gain payments at their end and lose them at their
    /// beginning, so that they can be asked for in parts.
    pub fn grows(&self, number: usize) -> bool {
        filter_of(&self.state.blocks[number].kind)
            .is_none_or(|filter| !filter.without_current && filter.similar_permille.is_none())
    }

    /// The payments of a flow that come after a place in the order. Costs a step for each.
    ///
    /// # Panics
    /// If asked for a pattern, which has no line.
    pub fn line_after(&self, number: usize, flow: Flow, after: Option<Place>) -> LinePart {
        let State { blocks, plans, graphs, .. } = &*self.state;
        let block = &blocks[number];
        let payment = self.payment;
        let view = View { since: payment.key.time.before(block.window), until: END };
        let looker = Looker { graph: &graphs[plans[number].graph], payment, view, exponent: 0 };
        let open = Filter::default();
        let filter = filter_of(&block.kind).unwrap_or(&open);
        let lines = looker.lines(view);
        let (account, line) = match flow {
            Flow::DebtorOut | Flow::Pair => lines[0],
            Flow::DebtorIn => lines[1],
            Flow::CreditorOut => lines[2],
            Flow::CreditorIn => lines[3],
            Flow::Pattern => panic!("a pattern has no line: ask for its payments"),
        };
        let counts = |edge: &&Edge| {
            edge.other != account
                && (flow != Flow::Pair || edge.other == payment.input.creditor)
                && looker.passes(filter, edge)
        };
        let old = |edge: &&Edge| after.is_some_and(|after| edge.place <= after);
        let mut payments: Vec<Place> =
            line.iter().rev().take_while(|e| !old(e)).filter(counts).map(|e| e.place).collect();
        payments.reverse();
        LinePart { payments, goes_on: line.iter().find(counts).as_ref().is_some_and(old) }
    }

    fn pattern(&mut self, number: usize) -> Vec<Place> {
        let payment = self.payment;
        let mut found = self.state.closed_by(number, payment);
        let completers = match self.state.completers.front() {
            Some(completers) => completers.clone(),
            None => Vec::new(),
        };
        let oldest = self.state.pending[0].key.place.0;
        for (block, place) in completers {
            if block == number && place != payment.key.place {
                let completer = self.state.pending[(place.0 - oldest) as usize];
                found.extend(self.state.closed_by(number, completer));
            }
        }
        found.retain(|payments| payments.binary_search(&payment.key.place).is_ok());
        let mut payments = found.concat();
        payments.sort_unstable();
        payments.dedup();
        payments
    }
}

impl State {
    /// The payments of each pattern of a block that a payment completed, each ascending.
    fn closed_by(&mut self, number: usize, completer: Pending) -> Vec<Vec<Place>> {
        let State { blocks, plans, graphs, paths, gathers, .. } = self;
        let (block, plan) = (&blocks[number], &plans[number]);
        let graph = &graphs[plan.graph];
        let closing = completer.closing();
        let mut found = Vec::new();
        if let Some(rule) = path_rule(block) {
            paths.closed_by(graph, closing, rule, &mut |accounts| {
                found.push(path_payments(graph, closing, rule, accounts));
            });
        } else if let Kind::ScatterGather { budget } = block.kind {
            let rule = GatherRule { window: block.window, budget };
            gathers.closed_by(graph, closing, rule, &mut |gathering| {
                found.push(gathering_payments(graph, closing, rule.window, gathering.source));
            });
        } else if let Some(rule) = chain_rule(block) {
            found.push(plan.depths.payments_of(graph, closing, completer.input.minor, rule));
        }
        found
    }
}
