//! What a condition asks of single columns: where one of them is out of its bounds, the condition
//! is not true. Most rules say no to most payments by such a comparison, and need not be evaluated.

use super::kinds::Any;
use super::number;
use super::tree::{Bound, Check, Comparison, Node, Test, Truth};

/// Between what the value of a column lies wherever a condition is true, both ends included; there
/// it is not NULL either.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The column.
    pub column: usize,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// Whole numbers below are reals without rounding, and those beyond do not round to them.
const EXACT: i128 = 1 << 53;

/// The bounds of the columns that a condition compares with literals; each column once.
pub(super) fn of(root: &Any) -> Vec<Bounds> {
    let mut bounds = Vec::new();
    if let Any::Truth(node) = root {
        collect(node, &mut bounds);
    }
    bounds
}

fn collect(node: &Node<Truth>, bounds: &mut Vec<Bounds>) {
    let Node::Operation(test) = node else { return };
    match &**test {
        Test::All(links) => {
            links.checks.iter().for_each(|check| add(check, bounds));
            links.rest.iter().for_each(|node| collect(node, bounds));
        }
        Test::Against(check) => add(check, bounds),
        _ => {}
    }
}

fn add(check: &Check, bounds: &mut Vec<Bounds>) {
    let value = match &check.bound {
        Bound::Whole(whole) if whole.abs() < EXACT => number::real_of_whole(*whole),
        Bound::Real(real) => *real,
        Bound::Whole(_) | Bound::Exact(_) | Bound::Text(_) => return,
    };
    let (low, high) = match check.how {
        Comparison::Equal => (value, value),
        Comparison::Less => (f64::NEG_INFINITY, value.next_down()),
        Comparison::LessOrEqual => (f64::NEG_INFINITY, value),
        Comparison::Greater => (value.next_up(), f64::INFINITY),
        Comparison::GreaterOrEqual => (value, f64::INFINITY),
        Comparison::NotEqual => return,
    };
    match bounds.iter_mut().find(|known| known.column == check.column) {
        Some(known) => {
            known.low = known.low.max(low);
            known.high = known.high.min(high);
        }
        None => bounds.push(Bounds { column: check.column, low, high }),
    }
}
