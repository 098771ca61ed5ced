//! Conditions that no row can fulfil, where that is plain to see: constants, and what an `AND` asks
//! of one column. What is found is sure; much is not found.

use shroff_types::Decimal;

use super::kinds::{Any, Group, each};
use super::number::{self, Rounding};
use super::tree::{Bound, Check, Comparison, Exact, ExactOperation, Kind, Node, Test, Truth};
use super::{Schema, Type};

/// Why a condition is true on no row, where that is plain to see.
pub(super) fn reason(root: &Any, schema: &Schema) -> Option<String> {
    match root {
        Any::Null => Some("it is always NULL".to_owned()),
        Any::Truth(node) => never(node, schema),
        Any::Whole(_) | Any::Exact(_) | Any::Real(_) | Any::Text(_) => None,
    }
}

fn never(node: &Node<Truth>, schema: &Schema) -> Option<String> {
    if unknown(node) {
        return Some("it compares with NULL, which is never true; use IS NULL".to_owned());
    }
    match node {
        Node::Literal(false) => Some("it is always false".to_owned()),
        Node::Operation(test) => match &**test {
            // One comparison of a column with a literal can always be true.
            Test::Some(links) if !links.checks.is_empty() => None,
            Test::Some(links) => {
                let reasons = links.rest.iter().map(|node| never(node, schema));
                reasons.collect::<Option<Vec<_>>>().map(|reasons| reasons.join("; and "))
            }
            Test::All(links) => {
                let within = links.rest.iter().find_map(|node| never(node, schema));
                within.or_else(|| clash(node, schema))
            }
            _ => clash(node, schema),
        },
        _ => None,
    }
}

/// Whether it is NULL on every row.
fn unknown(node: &Node<Truth>) -> bool {
    let Node::Operation(test) = node else { return matches!(node, Node::Null) };
    match &**test {
        Test::Not(inner) => unknown(inner),
        Test::Compare(_, group) => each!(group, nodes => nodes.iter().any(is_null)),
        Test::In(group) => each!(group, nodes => nodes.iter().skip(1).all(is_null)),
        _ => false,
    }
}

fn is_null<K: Kind>(node: &Node<K>) -> bool {
    matches!(node, Node::Null)
}

/// A place in the order of a column's values.
#[derive(Debug, Clone, PartialEq)]
enum Point {
    Truth(bool),
    Exact(Decimal),
    Real(f64),
    Text(String),
}

impl Point {
    fn is_above(&self, other: &Point) -> bool {
        match (self, other) {
            (Point::Truth(left), Point::Truth(right)) => left > right,
            (Point::Exact(left), Point::Exact(right)) => number::compare(*left, *right).is_gt(),
            (Point::Real(left), Point::Real(right)) => left > right,
            (Point::Text(left), Point::Text(right)) => left > right,
            _ => false,
        }
    }
}

/// An end of a range, and whether it belongs to the range.
type End = Option<(Point, bool)>;

/// What a condition asks of a column: to be NULL, or to be in a range.
#[derive(Debug, Clone)]
struct Demand {
    column: usize,
    null: bool,
    low: End,
    high: End,
    shown: String,
}

/// Two demands of one column that no value fulfils.
fn clash(node: &Node<Truth>, schema: &Schema) -> Option<String> {
    let mut demands = Vec::new();
    collect(node, schema, &mut demands);
    for (at, demand) in demands.iter().enumerate() {
        let name = &schema.columns()[demand.column].0;
        if contradict(demand, demand) {
            return Some(format!("`{name}` cannot be {}", demand.shown));
        }
        if let Some(range) = schema.range(demand.column) {
            let real = schema.columns()[demand.column].1 == Type::Real;
            let end = |digits: i64| {
                let point = if real {
                    Point::Real(number::real_of_whole(digits.into()))
                } else {
                    Point::Exact(Decimal { digits: digits.into(), decimals: 0 })
                };
                Some((point, true))
            };
            let within = Demand {
                low: end(range.low),
                high: range.high.and_then(end),
                shown: String::new(),
                ..demand.clone()
            };
            if !demand.null && (contradict(demand, &within) || contradict(&within, demand)) {
                let lies = match range.high {
                    Some(high) => format!("it lies between {} and {high}", range.low),
                    None => format!("it is never below {}", range.low),
                };
                return Some(format!("`{name}` cannot be {}: {lies}", demand.shown));
            }
        }
        let others = demands[..at].iter().filter(|other| other.column == demand.column);
        for other in others {
            if contradict(demand, other) || contradict(other, demand) {
                let shown = (&other.shown, &demand.shown);
                return Some(format!("`{name}` cannot be {} and {}", shown.0, shown.1));
            }
        }
    }
    None
}

fn contradict(one: &Demand, other: &Demand) -> bool {
    if one.null != other.null {
        return true;
    }
    match (&one.low, &other.high) {
        (Some((low, low_within)), Some((high, high_within))) => {
            low.is_above(high) || low == high && !(*low_within && *high_within)
        }
        (None, _) | (_, None) => false,
    }
}

fn collect(node: &Node<Truth>, schema: &Schema, demands: &mut Vec<Demand>) {
    let equals = |column, truth| {
        let end = Some((Point::Truth(truth), true));
        Demand { column, null: false, low: end.clone(), high: end, shown: truth.to_string() }
    };
    match node {
        Node::Column(column) => demands.push(equals(*column, true)),
        Node::Operation(test) => {
            match &**test {
                Test::All(links) => {
                    demands.extend(links.checks.iter().map(|check| demand(check, schema)));
                    links.rest.iter().for_each(|node| collect(node, schema, demands));
                }
                Test::Not(Node::Column(column)) => demands.push(equals(*column, false)),
                Test::Is(truth, Node::Column(column)) => demands.push(equals(*column, *truth)),
                Test::IsNull(any) => demands.extend(column_of_any(any).map(|column| Demand {
                    column,
                    null: true,
                    low: None,
                    high: None,
                    shown: "NULL".to_owned(),
                })),
                Test::Against(check) => demands.push(demand(check, schema)),
                Test::Compare(how, Group::Exact(nodes)) => match nodes.as_slice() {
                    [left, Node::Literal(right)] => demands.extend(
                        widened(left)
                            .map(|column| compared(*how, column, &Point::Exact(*right), schema)),
                    ),
                    [Node::Literal(left), right] => demands.extend(widened(right).map(|column| {
                        compared(how.flipped(), column, &Point::Exact(*left), schema)
                    })),
                    _ => {}
                },
                _ => {}
            }
        }
        _ => {}
    }
}

fn column_of_any(any: &Any) -> Option<usize> {
    match any {
        Any::Truth(Node::Column(column))
        | Any::Whole(Node::Column(column))
        | Any::Exact(Node::Column(column))
        | Any::Real(Node::Column(column))
        | Any::Text(Node::Column(column)) => Some(*column),
        _ => None,
    }
}

/// The whole column that was widened to be compared with a decimal.
pub(super) fn widened(node: &Node<Exact>) -> Option<usize> {
    match node {
        Node::Operation(operation) => match &**operation {
            ExactOperation::OfWhole(Node::Column(column)) => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

fn demand(check: &Check, schema: &Schema) -> Demand {
    let point = match &check.bound {
        Bound::Whole(digits) => Point::Exact(Decimal { digits: *digits, decimals: 0 }),
        Bound::Exact(exact) => Point::Exact(*exact),
        Bound::Real(real) => Point::Real(*real),
        Bound::Text(text) => Point::Text(text.to_string()),
    };
    compared(check.how, check.column, &point, schema)
}

fn compared(how: Comparison, column: usize, point: &Point, schema: &Schema) -> Demand {
    let within = |point: &Point| Some((point.clone(), true));
    let without = |point: &Point| Some((point.clone(), false));
    let (low, high, word) = match how {
        Comparison::Equal => (within(point), within(point), "equal to"),
        Comparison::NotEqual => (None, None, "unequal to"),
        Comparison::Less => (None, without(point), "below"),
        Comparison::LessOrEqual => (None, within(point), "at most"),
        Comparison::Greater => (without(point), None, "above"),
        Comparison::GreaterOrEqual => (within(point), None, "at least"),
    };
    let shown = match point {
        Point::Truth(truth) => format!("{word} {truth}"),
        Point::Exact(exact) => format!("{word} {exact}"),
        Point::Real(real) => format!("{word} {real}"),
        Point::Text(text) => format!("{word} '{text}'"),
    };
    let (low, high) = match schema.columns()[column].1 {
        Type::Int => (whole_end(low, Rounding::Ceiling), whole_end(high, Rounding::Floor)),
        Type::Bool | Type::Decimal | Type::Real | Type::Text => (low, high),
    };
    Demand { column, null: false, low, high, shown }
}

/// The end of a range of whole numbers, within the range: the next whole number.
fn whole_end(end: End, how: Rounding) -> End {
    let (point, within) = end?;
    let Point::Exact(exact) = point else { return Some((point, within)) };
    let rounded = number::round(exact, 0, how)?;
    let step = if how == Rounding::Ceiling { 1 } else { -1 };
    let was_whole = number::compare(rounded, exact).is_eq();
    let digits =
        if was_whole && !within { rounded.digits.checked_add(step)? } else { rounded.digits };
    Some((Point::Exact(Decimal { digits, decimals: 0 }), true))
}
