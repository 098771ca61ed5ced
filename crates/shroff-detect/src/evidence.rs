//! Which payments stand behind a feature.

use shroff_graph::{Edge, Edges, View, Way};
use shroff_types::{AccountId, Place};

use crate::definitions::{Block, Filter};
use crate::extractor::{Input, Pending, State};
use crate::lines::passes;
use crate::plan::filter_of;

/// Finds the payments behind the features of a payment.
pub trait FindEvidence {
    /// The payments that make up a flow as the block at `number` of the definitions sees it,
    /// ascending by place; payments to oneself left out. Costs their line, or the search for the
    /// pattern. None for a payment that came too late.
    fn payments(&mut self, number: usize, flow: Flow) -> Vec<Place>;

    /// Whether a block's lines only ever gain payments at their end and lose them at their
    /// beginning, so that they can be asked for in parts.
    fn grows(&self, number: usize) -> bool;

    /// The payments of a flow that come after a place in the order. Costs a step for each.
    ///
    /// # Panics
    /// If asked for a pattern, which has no line.
    fn line_after(&mut self, number: usize, flow: Flow, after: Option<Place>) -> LinePart;
}

/// Finds the payments behind a feature, while they are in sight.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// None for a payment that was not taken in.
    pub(crate) payment: Option<Pending>,
    pub(crate) state: &'a mut State,
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

/// The payments that passed an account, and which of them count.
struct Line<'a> {
    edges: Edges<'a>,
    account: AccountId,
    other: Option<AccountId>,
    filter: Option<&'a Filter>,
    payment: Pending,
}

impl Line<'_> {
    fn counts(&self, edge: &Edge) -> bool {
        edge.other != self.account
            && self.other.is_none_or(|other| edge.other == other)
            && self
                .filter
                .is_none_or(|filter| passes(filter, (*edge, self.edges.minor(edge)), &self.payment))
    }
}

/// How much evidence is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceBounds {
    /// Payments at most.
    pub most: usize,
    /// Payments of a line that are looked at, at most.
    pub most_steps: usize,
}

/// A part of a line of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePart {
    /// The payments of the part, ascending by place.
    pub payments: Vec<Place>,
    /// Whether payments before the part are still in sight.
    pub goes_on: bool,
}

impl LinePart {
    const NOTHING: LinePart = LinePart { payments: Vec::new(), goes_on: false };

    /// Of a line in order, each payment by its place: those that count, after a place in the order.
    pub(crate) fn of<T>(
        line: impl DoubleEndedIterator<Item = T> + Clone,
        (place, counts): (impl Fn(&T) -> Place, impl Fn(&T) -> bool),
        after: Option<Place>,
    ) -> LinePart {
        let old = |payment: &T| after.is_some_and(|after| place(payment) <= after);
        let newest = line.clone().rev().take_while(|payment| !old(payment));
        let mut payments: Vec<Place> = newest.filter(&counts).map(|one| place(&one)).collect();
        payments.reverse();
        let mut line = line;
        LinePart { payments, goes_on: line.find(counts).as_ref().is_some_and(old) }
    }
}

impl FindEvidence for Evidence<'_> {
    fn payments(&mut self, number: usize, flow: Flow) -> Vec<Place> {
        if flow == Flow::Pattern {
            return self.pattern(number);
        }
        self.line_after(number, flow, None).payments
    }

    fn grows(&self, number: usize) -> bool {
        is_growing(&self.state.plan.definitions.blocks[number])
    }

    fn line_after(&mut self, number: usize, flow: Flow, after: Option<Place>) -> LinePart {
        let Some(payment) = self.payment else { return LinePart::NOTHING };
        let line = self.line(number, flow, payment);
        LinePart::of(line.edges.iter(), (|edge| edge.place, |edge| line.counts(edge)), after)
    }
}

/// Whether the lines of a block are the same for whoever asks, but for where they end.
pub(crate) fn is_growing(block: &Block) -> bool {
    filter_of(&block.kind)
        .is_none_or(|filter| !filter.without_current && filter.similar_permille.is_none())
}

impl Evidence<'_> {
    /// With a horizon: which later payments completed which pattern (by its number) of the payment.
    /// Who keeps them can ask [`crate::Recall`] for the evidence again.
    pub fn completers(&self) -> impl Iterator<Item = (u32, Place)> {
        let found = self.state.completers.front().into_iter().flatten();
        found.map(|(pattern, completer)| {
            (u32::try_from(*pattern).expect("few patterns"), completer.key.place)
        })
    }

    /// The newest payments of a flow, as [`FindEvidence::payments`] would give them: `most` at most, and
    /// of a line no more than `most_steps` are looked at. Whether that is all of them.
    pub fn newest(
        &mut self,
        number: usize,
        flow: Flow,
        bounds: EvidenceBounds,
    ) -> (Vec<Place>, bool) {
        let EvidenceBounds { most, most_steps } = bounds;
        if flow == Flow::Pattern {
            let mut payments = self.pattern(number);
            let left_out = payments.len().saturating_sub(most);
            payments.drain(..left_out);
            return (payments, left_out == 0);
        }
        let Some(payment) = self.payment else { return (Vec::new(), true) };
        let line = self.line(number, flow, payment);
        let mut payments = Vec::new();
        for (step, edge) in line.edges.iter().rev().enumerate() {
            if step == most_steps {
                return (payments, false);
            }
            if line.counts(edge) {
                if payments.len() == most {
                    return (payments, false);
                }
                payments.push(edge.place);
            }
        }
        (payments, true)
    }

    fn line(&self, number: usize, flow: Flow, payment: Pending) -> Line<'_> {
        let State { plan, graph, .. } = &*self.state;
        let block = &plan.definitions.blocks[number];
        let until = payment.sees_until(plan.horizon);
        let view = View::since(payment.key.time.before(block.window), until);
        let Input { debtor, creditor, .. } = payment.input;
        let of = match flow {
            Flow::DebtorOut | Flow::Pair => (debtor, Way::Out),
            Flow::DebtorIn => (debtor, Way::In),
            Flow::CreditorOut => (creditor, Way::Out),
            Flow::CreditorIn => (creditor, Way::In),
            Flow::Pattern => panic!("a pattern has no line: ask for its payments"),
        };
        Line {
            edges: graph.edges(plan.layer_of[number], of, view),
            account: of.0,
            other: (flow == Flow::Pair).then_some(creditor),
            filter: filter_of(&block.kind),
            payment,
        }
    }

    fn pattern(&mut self, number: usize) -> Vec<Place> {
        let Some(payment) = self.payment else { return Vec::new() };
        let Some(at) = self.state.plan.pattern_of(number) else { return Vec::new() };
        let own = (at, payment);
        let others = self.state.completers.front().into_iter().flatten();
        let others = others.filter(|(pattern, other)| *pattern == at && other.key != payment.key);
        let completers: Vec<Pending> =
            std::iter::once(&own).chain(others).map(|(_, completer)| *completer).collect();
        let mut payments: Vec<Place> = Vec::new();
        for completer in completers {
            let closed = self.state.closed_by(at, completer, payment.key);
            payments.extend(closed.with(payment.key.place).flatten());
        }
        payments.sort_unstable();
        payments.dedup();
        payments
    }
}
