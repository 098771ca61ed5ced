//! What definitions come to when they are carried out: which totals to keep, shared by all blocks
//! that look at the same payments, and where each block's columns are.

use shroff_graph::{ChainRule, GatherRule, PathRule};
use shroff_types::Span;

use crate::alike::AlikeNeeds;
use crate::definitions::{Block, Column, Definitions, Filter, Kind, Measure, PatternSearch};
use crate::sql::Expression;
use crate::tracker::Needs;

/// Payments that several blocks speak of: those of a layer, within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) layer: usize,
    pub(crate) window: Span,
    pub(crate) needs: Needs,
}

/// What a block does with the lines of a payment's accounts.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// Measures of a group.
    Activity { group: usize, measures: Vec<Measure>, filter: Filter },
    /// The payments between the two accounts.
    Pair { group: usize, filter: Filter },
    /// New counterparties; the number is that of the block among those of its kind.
    Novelty { number: usize, window: Span, memory: Span },
    /// What left over what came.
    Passthrough { group: usize },
}

/// A pattern that a block searches for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Search {
    Path(PathRule),
    Gather(GatherRule),
    /// The number is that of the block among those of its kind.
    Chain(usize),
}

/// A block of lines, and where its columns are.
#[derive(Debug, Clone)]
pub(crate) struct LineBlock {
    pub(crate) task: Task,
    /// Its first column.
    pub(crate) column: usize,
    /// How many of its columns are about the debtor, and how many about the creditor.
    pub(crate) widths: [usize; 2],
}

/// A block of patterns, and where its columns are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatternBlock {
    /// Its number among all blocks.
    pub(crate) block: usize,
    /// The layer that it walks.
    pub(crate) layer: usize,
    pub(crate) search: Search,
    /// Whether what a search found before it ran out does not count.
    pub(crate) whole: bool,
    pub(crate) window: Span,
    /// Its first column.
    pub(crate) column: usize,
    /// Its first counter.
    pub(crate) counter: usize,
    /// How many counters it has: one for each column but the last, which says if it saturated.
    pub(crate) counters: usize,
    /// A pattern of rings that finds whatever this one would, by position: where that one finds
    /// nothing, there is nothing.
    pub(crate) within: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) definitions: Definitions,
    /// Decimals of the amounts, and minor units in a major one.
    pub(crate) exponent: u8,
    pub(crate) unit: f64,
    pub(crate) horizon: Span,
    /// By layer: how long before a payment that asks one may have been paid that it sees there.
    /// The first layer is seen as far back as any block looks.
    pub(crate) reach: Vec<Span>,
    pub(crate) columns: Vec<Column>,
    /// The predicates of the layers behind the first, which holds all payments.
    pub(crate) filters: Vec<Expression>,
    /// How long a pair must not have paid, of the layers behind those.
    pub(crate) fresh: Vec<Span>,
    pub(crate) groups: Vec<Group>,
    pub(crate) lines: Vec<LineBlock>,
    pub(crate) patterns: Vec<PatternBlock>,
    pub(crate) chains: Vec<ChainRule>,
    pub(crate) novelties: usize,
    /// The layer of the lines of each block.
    pub(crate) layer_of: Vec<usize>,
    /// Cells that the lines of a debtor fill, and those of a creditor.
    pub(crate) side_widths: [usize; 2],
    /// Counters of all patterns.
    pub(crate) counters: usize,
}

impl Plan {
    pub(crate) fn new(definitions: &Definitions, exponent: u8) -> Plan {
        let mut plan = Plan {
            definitions: definitions.clone(),
            exponent,
            unit: 10_f64.powi(i32::from(exponent)),
            horizon: definitions.horizon,
            reach: vec![definitions.look_back()],
            columns: definitions.columns(),
            filters: Vec::new(),
            fresh: Vec::new(),
            groups: Vec::new(),
            lines: Vec::new(),
            patterns: Vec::new(),
            chains: Vec::new(),
            novelties: 0,
            layer_of: Vec::new(),
            side_widths: [0, 0],
            counters: 0,
        };
        let mut predicates: Vec<&str> = Vec::new();
        for block in &definitions.blocks {
            let predicate = filter_of(&block.kind).and_then(|f| f.predicate.as_deref());
            if let Some(text) = predicate {
                push_new(&mut predicates, text);
            }
            block.fresh().into_iter().for_each(|memory| push_new(&mut plan.fresh, memory));
        }
        plan.reach.resize(1 + predicates.len() + plan.fresh.len(), Span::ZERO);
        let mut column = 0;
        for (number, block) in definitions.blocks.iter().enumerate() {
            let predicate = filter_of(&block.kind).and_then(|f| f.predicate.as_deref());
            let layer = match (predicate, block.fresh()) {
                (Some(text), _) => 1 + position(&predicates, &text),
                (None, Some(memory)) => 1 + predicates.len() + position(&plan.fresh, &memory),
                (None, None) => 0,
            };
            plan.reach[layer] = plan.reach[layer].max(block.window);
            // The lines of a pattern are those of all payments.
            plan.layer_of.push(if block.fresh().is_some() { 0 } else { layer });
            let width = plan.columns.iter().filter(|c| c.block == number).count();
            match plan.task(block, layer) {
                Some(task) => plan.add_lines(task, column, width),
                None => plan.add_pattern((number, layer), column, width),
            }
            column += width;
        }
        plan.filters = predicates
            .iter()
            .map(|text| crate::filter::compile(text).expect("compiled when definitions were read"))
            .collect();
        plan.find_patterns_within_others();
        plan
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The longest that a pair must not have paid.
    pub(crate) fn longest_memory(&self) -> Span {
        self.fresh.iter().copied().max().unwrap_or(Span::ZERO)
    }

    /// Layers of the graph, the first among them.
    pub(crate) fn layers(&self) -> usize {
        1 + self.filters.len() + self.fresh.len()
    }

    fn task(&mut self, block: &Block, layer: usize) -> Option<Task> {
        let window = block.window;
        let mut group = |needs| self.group(Group { layer, window, needs });
        Some(match &block.kind {
            Kind::Activity { measures, filter } => {
                // What is chosen by its amount is found by its amount.
                let by_amount = Some(AlikeNeeds::of(measures));
                let similar = Needs { by_amount, ..Needs::default() };
                let needs = match filter.similar_permille {
                    Some(_) => similar,
                    None => Needs::of(measures),
                };
                let group = group(needs);
                Task::Activity { group, measures: measures.clone(), filter: filter.clone() }
            }
            Kind::Pair { filter } => {
                let pairs_by_amount = filter.similar_permille.is_some();
                let group = group(Needs { pairs: true, pairs_by_amount, ..Needs::default() });
                Task::Pair { group, filter: filter.clone() }
            }
            Kind::Novelty { memory } => {
                self.novelties += 1;
                Task::Novelty { number: self.novelties - 1, window, memory: *memory }
            }
            Kind::Passthrough => {
                Task::Passthrough { group: group(Needs { sum: true, ..Needs::default() }) }
            }
            Kind::Cycle { .. }
            | Kind::Ring { .. }
            | Kind::ScatterGather { .. }
            | Kind::Chain { .. } => return None,
        })
    }

    fn group(&mut self, wanted: Group) -> usize {
        let same = |g: &Group| g.layer == wanted.layer && g.window == wanted.window;
        let number = self.groups.iter().position(same).unwrap_or_else(|| {
            self.groups.push(wanted);
            self.groups.len() - 1
        });
        let group = &mut self.groups[number];
        group.needs = group.needs.and(wanted.needs);
        number
    }

    fn add_lines(&mut self, task: Task, column: usize, width: usize) {
        let widths = match task {
            Task::Activity { .. } | Task::Novelty { .. } => [width / 2, width / 2],
            Task::Pair { .. } | Task::Passthrough { .. } => [width, 0],
        };
        for (sum, width) in self.side_widths.iter_mut().zip(widths) {
            *sum += width;
        }
        self.lines.push(LineBlock { task, column, widths });
    }

    fn add_pattern(&mut self, (number, layer): (usize, usize), column: usize, width: usize) {
        let block = &self.definitions.blocks[number];
        let window = block.window;
        let search = match block.kind {
            Kind::Cycle { longest, search: PatternSearch { budget, .. } } => {
                Search::Path(PathRule { rising: true, window, longest, budget })
            }
            Kind::Ring { longest, search: PatternSearch { budget, .. } } => {
                Search::Path(PathRule { rising: false, window, longest, budget })
            }
            Kind::ScatterGather { search: PatternSearch { budget, .. } } => {
                Search::Gather(GatherRule { window, budget })
            }
            Kind::Chain { retention_permille, deepest } => {
                self.chains.push(ChainRule { window, retention_permille, deepest });
                Search::Chain(self.chains.len() - 1)
            }
            Kind::Activity { .. }
            | Kind::Pair { .. }
            | Kind::Novelty { .. }
            | Kind::Passthrough => unreachable!("these have a task"),
        };
        let whole = block.kind.search().is_some_and(|search| search.whole);
        let counters = width - 1;
        let counter = self.counters;
        self.counters += counters;
        self.patterns.push(PatternBlock {
            block: number,
            layer,
            search,
            whole,
            window,
            column,
            counter,
            counters,
            within: None,
        });
    }

    /// The position among the patterns of the block at a position, if it is one.
    pub(crate) fn pattern_of(&self, block: usize) -> Option<usize> {
        self.patterns.iter().position(|pattern| pattern.block == block)
    }

    fn find_patterns_within_others(&mut self) {
        for at in 0..self.patterns.len() {
            let PatternBlock { search: Search::Path(rule), layer, .. } = self.patterns[at] else {
                continue;
            };
            if !rule.rising {
                continue;
            }
            self.patterns[at].within = self.patterns.iter().position(|other| {
                matches!(other.search, Search::Path(ring) if !ring.rising
                    && other.layer == layer
                    && ring.window >= rule.window && ring.longest >= rule.longest)
            });
        }
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

fn push_new<T: PartialEq>(known: &mut Vec<T>, new: T) {
    if !known.contains(&new) {
        known.push(new);
    }
}

fn position<T: PartialEq>(known: &[T], wanted: &T) -> usize {
    known.iter().position(|other| other == wanted).expect("every one was put in before")
}
