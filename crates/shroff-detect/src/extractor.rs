//! The extractor: payments in order in, the features of each out, as of its place in the order.
//!
//! A payment enters the graph, completes what patterns it completes, and is then pending until
//! nothing it may still see can come: at once when inline, else when the order has passed its
//! horizon. What it is told then is read from the graph, and from the counters that later
//! payments raised while it was pending.

use std::collections::VecDeque;

use shroff_graph::{ChainRule, Closing, Depths, Edge, Graph, Key, PathRule, Paths, ScatterGathers};
use shroff_types::{AccountId, Amount, Currency, Names, Place, Span, Symbol, Timestamp};

use crate::definitions::{Block, Column, Definitions, Filter, Kind};
use crate::evidence::Evidence;
use crate::filter::PaymentRow;
use crate::sql::Expression;
use crate::tracker::Trackers;

/// A payment as the engine takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, in minor units of the base currency: 1 to [`Amount::MAX_MINOR`].
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

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) key: Key,
    pub(crate) input: Input,
}

impl Pending {
    pub(crate) fn closing(&self) -> Closing {
        let Input { debtor, creditor, .. } = self.input;
        Closing { debtor, creditor, key: self.key }
    }
}

/// What a block needs while it runs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The graph of the payments it speaks of.
    pub(crate) graph: usize,
    /// Its first column.
    pub(crate) first: usize,
    /// Its first pending counter; patterns only.
    pub(crate) counter: usize,
    /// How many counters it has.
    pub(crate) counters: usize,
    /// Where a search ran out of its budget, ascending, from the oldest pending payment on.
    pub(crate) saturated: VecDeque<Key>,
    /// Chains only.
    pub(crate) depths: Depths,
    /// Totals of the lines of hubs.
    pub(crate) trackers: Trackers,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) exponent: u8,
    pub(crate) horizon: Span,
    pub(crate) blocks: Vec<Block>,
    pub(crate) plans: Vec<Plan>,
    /// All payments, then those that pass each distinct `where`.
    pub(crate) graphs: Vec<Graph>,
    pub(crate) pending: VecDeque<Pending>,
    /// One run of `width` for each pending payment.
    pub(crate) counters: VecDeque<u64>,
    pub(crate) width: usize,
    /// With a horizon: which payment completed a pattern (block, completer) of a pending one.
    pub(crate) completers: VecDeque<Vec<(usize, Place)>>,
    pub(crate) paths: Paths,
    pub(crate) gathers: ScatterGathers,
    pub(crate) scratch: Scratch,
}

#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) edges: Vec<Edge>,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) others: Vec<AccountId>,
    pub(crate) minors: Vec<i128>,
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
                trackers: Trackers::default(),
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
        assert!(
            (0..=Amount::MAX_MINOR).contains(&input.minor),
            "amounts are checked where they are read"
        );
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

pub(crate) fn filter_of(kind: &Kind) -> Option<&Filter> {
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
pub(crate) fn path_rule(block: &Block) -> Option<PathRule> {
    let (rising, longest, budget) = match block.kind {
        Kind::Cycle { longest, budget } => (true, longest, budget),
        Kind::Ring { longest, budget } => (false, longest, budget),
        _ => return None,
    };
    Some(PathRule { rising, window: block.window, longest, budget })
}

pub(crate) fn chain_rule(block: &Block) -> Option<ChainRule> {
    match block.kind {
        Kind::Chain { retention_permille, deepest, budget } => {
            Some(ChainRule { window: block.window, retention_permille, deepest, budget })
        }
        _ => None,
    }
}
