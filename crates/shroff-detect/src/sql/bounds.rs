//! What a condition asks of single columns: where one of them is out of its bounds, the condition
//! is not true. Most rules say no to most payments by such a comparison, and need not be evaluated.

use shroff_types::Decimal;

use super::kinds::{Any, Group};
use super::never::widened;
use super::number;
use super::tree::{Bound, Check, Comparison, Exact, Node, Test, Truth};

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

/// Takes out of a condition what the bounds of some columns say as a whole.
pub(super) fn take_out(root: &mut Any, is_bounded: impl Fn(usize) -> bool) {
    let Any::Truth(Node::Operation(test)) = root else { return };
    let is_said = |check: &Check| is_bounded(check.column) && of_check(check).is_some();
    match &mut **test {
        Test::All(links) => links.checks.retain(|check| !is_said(check)),
        Test::Against(check) if is_said(check) => *root = Any::Truth(Node::Literal(true)),
        _ => {}
    }
}

fn collect(node: &Node<Truth>, bounds: &mut Vec<Bounds>) {
    let Node::Operation(test) = node else { return };
    match &**test {
        Test::All(links) => {
            links.checks.iter().filter_map(of_check).for_each(|found| add(found, bounds));
            links.rest.iter().for_each(|node| collect(node, bounds));
        }
        Test::Against(check) => {
            if let Some(found) = of_check(check) {
                add(found, bounds);
            }
        }
        Test::Compare(how, Group::Exact(nodes)) => {
            let found = match nodes.as_slice() {
                [left, Node::Literal(right)] => of_decimal(*how, left, *right),
                [Node::Literal(left), right] => of_decimal(how.flipped(), right, *left),
                _ => None,
            };
            if let Some(found) = found {
                add(found, bounds);
            }
        }
        _ => {}
    }
}

/// Where a check is true.
fn of_check(check: &Check) -> Option<Bounds> {
    let value = match &check.bound {
        Bound::Whole(whole) if whole.abs() < EXACT => number::real_of_whole(*whole),
        Bound::Real(real) => *real,
        Bound::Whole(_) | Bound::Exact(_) | Bound::Text(_) => return None,
    };
    let (least, most) = match check.how {
        Comparison::Less => (f64::MIN, value.next_down()),
        Comparison::Greater => (value.next_up(), f64::MAX),
        how => with_value(how, (value, value))?,
    };
    Some(Bounds { column: check.column, low: least, high: most })
}

/// Where a column of whole numbers, compared with a decimal number, makes it true: about there, as
/// the decimal number lies between two reals.
fn of_decimal(how: Comparison, whole: &Node<Exact>, exact: Decimal) -> Option<Bounds> {
    let column = widened(whole)?;
    let value = number::real_of_exact(exact);
    let (low, high) = with_value(how, (value.next_down(), value.next_up()))?;
    Some(Bounds { column, low, high })
}

/// What compares so with something between two reals, itself included; what is not finite is NULL.
fn with_value(how: Comparison, (low, high): (f64, f64)) -> Option<(f64, f64)> {
    match how {
        Comparison::Equal => Some((low, high)),
        Comparison::Less | Comparison::LessOrEqual => Some((f64::MIN, high)),
        Comparison::Greater | Comparison::GreaterOrEqual => Some((low, f64::MAX)),
        Comparison::NotEqual => None,
    }
}

fn add(found: Bounds, bounds: &mut Vec<Bounds>) {
    match bounds.iter_mut().find(|known| known.column == found.column) {
        Some(known) => {
            known.low = known.low.max(found.low);
            known.high = known.high.min(found.high);
        }
        None => bounds.push(found),
    }
}
