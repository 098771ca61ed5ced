//! A node of any type, and nodes brought to one type.

use super::tree::{Exact, ExactOperation, Kind, Node, Real, RealOperation, Text, Truth, Whole};
use super::{Row, Type, Value, number};

/// A tree of some type.
#[derive(Debug, Clone)]
pub(super) enum Any {
    /// A NULL that fits every type.
    Null,
    Truth(Node<Truth>),
    Whole(Node<Whole>),
    Exact(Node<Exact>),
    Real(Node<Real>),
    Text(Node<Text>),
}

/// Trees of one type.
#[derive(Debug, Clone)]
pub(super) enum Group {
    Truth(Vec<Node<Truth>>),
    Whole(Vec<Node<Whole>>),
    Exact(Vec<Node<Exact>>),
    Real(Vec<Node<Real>>),
    Text(Vec<Node<Text>>),
}

/// The same for the nodes of a group, whatever their type.
macro_rules! each {
    ($group:expr, $nodes:ident => $body:expr) => {
        match $group {
            Group::Truth($nodes) => $body,
            Group::Whole($nodes) => $body,
            Group::Exact($nodes) => $body,
            Group::Real($nodes) => $body,
            Group::Text($nodes) => $body,
        }
    };
}
pub(super) use each;

/// A node made of the nodes of a group, of the same type.
macro_rules! join {
    ($group:expr, $nodes:ident => $node:expr) => {
        match $group {
            Group::Truth($nodes) => Any::Truth($node),
            Group::Whole($nodes) => Any::Whole($node),
            Group::Exact($nodes) => Any::Exact($node),
            Group::Real($nodes) => Any::Real($node),
            Group::Text($nodes) => Any::Text($node),
        }
    };
}
pub(super) use join;

impl Any {
    /// Its type; nothing for the NULL of every type.
    pub(super) fn kind(&self) -> Option<Type> {
        match self {
            Any::Null => None,
            Any::Truth(_) => Some(Type::Bool),
            Any::Whole(_) => Some(Type::Int),
            Any::Exact(_) => Some(Type::Decimal),
            Any::Real(_) => Some(Type::Real),
            Any::Text(_) => Some(Type::Text),
        }
    }

    /// Its value on a row.
    pub(super) fn evaluate<'r>(&'r self, row: &'r (impl Row + ?Sized)) -> Value<'r> {
        let value = match self {
            Any::Null => None,
            Any::Truth(node) => node.evaluate(row).map(Value::from),
            Any::Whole(node) => node.evaluate(row).map(Value::from),
            Any::Exact(node) => node.evaluate(row).map(Value::from),
            Any::Real(node) => node.evaluate(row).map(Value::from),
            Any::Text(node) => node.evaluate(row).map(Value::from),
        };
        value.unwrap_or(Value::Null)
    }

    /// Whether it is NULL on a row.
    pub(super) fn is_null(&self, row: &(impl Row + ?Sized)) -> bool {
        match self {
            Any::Null => true,
            Any::Truth(node) => node.evaluate(row).is_none(),
            Any::Whole(node) => node.evaluate(row).is_none(),
            Any::Exact(node) => node.evaluate(row).is_none(),
            Any::Real(node) => node.evaluate(row).is_none(),
            Any::Text(node) => node.evaluate(row).is_none(),
        }
    }

    /// -1, 0 or 1 by its sign; nothing for what is no number.
    pub(super) fn sign(&self, row: &(impl Row + ?Sized)) -> Option<i128> {
        match self {
            Any::Null | Any::Truth(_) | Any::Text(_) => None,
            Any::Whole(node) => Some(node.evaluate(row)?.signum()),
            Any::Exact(node) => Some(node.evaluate(row)?.digits.signum()),
            Any::Real(node) => {
                let real = node.evaluate(row)?;
                Some(i128::from(real > 0.0) - i128::from(real < 0.0))
            }
        }
    }

    /// The same as a literal; right only where it reads no column.
    pub(super) fn folded(&self) -> Any {
        match self {
            Any::Null => Any::Null,
            Any::Truth(node) => Any::Truth(node.folded()),
            Any::Whole(node) => Any::Whole(node.folded()),
            Any::Exact(node) => Any::Exact(node.folded()),
            Any::Real(node) => Any::Real(node.folded()),
            Any::Text(node) => Any::Text(node.folded()),
        }
    }

    /// As true or false, where it is.
    pub(super) fn truth(self) -> Option<Node<Truth>> {
        match self {
            Any::Null => Some(Node::Null),
            Any::Truth(node) => Some(node),
            Any::Whole(_) | Any::Exact(_) | Any::Real(_) | Any::Text(_) => None,
        }
    }

    /// As text, where it is.
    pub(super) fn text(self) -> Option<Node<Text>> {
        match self {
            Any::Null => Some(Node::Null),
            Any::Text(node) => Some(node),
            Any::Truth(_) | Any::Whole(_) | Any::Exact(_) | Any::Real(_) => None,
        }
    }

    /// As a whole number, where it is.
    pub(super) fn whole(self) -> Option<Node<Whole>> {
        match self {
            Any::Null => Some(Node::Null),
            Any::Whole(node) => Some(node),
            Any::Truth(_) | Any::Exact(_) | Any::Real(_) | Any::Text(_) => None,
        }
    }

    /// As an exact number, where it is or widens to one.
    pub(super) fn exact(self) -> Option<Node<Exact>> {
        match self {
            Any::Exact(node) => Some(node),
            other => other.whole().map(exact_of_whole),
        }
    }

    /// As a real number, where it is or widens to one.
    pub(super) fn real(self) -> Option<Node<Real>> {
        match self {
            Any::Real(node) => Some(node),
            Any::Exact(node) => Some(real_of_exact(node)),
            other => other.whole().map(real_of_whole),
        }
    }
}

fn exact_of_whole(node: Node<Whole>) -> Node<Exact> {
    match node {
        Node::Null => Node::Null,
        Node::Literal(digits) => Node::Literal(shroff_types::Decimal { digits, decimals: 0 }),
        other => Node::Operation(Box::new(ExactOperation::OfWhole(other))),
    }
}

fn real_of_whole(node: Node<Whole>) -> Node<Real> {
    match node {
        Node::Null => Node::Null,
        Node::Literal(whole) => Node::Literal(number::real_of_whole(whole)),
        other => Node::Operation(Box::new(RealOperation::OfWhole(other))),
    }
}

fn real_of_exact(node: Node<Exact>) -> Node<Real> {
    match node {
        Node::Null => Node::Null,
        Node::Literal(exact) => Node::Literal(number::real_of_exact(exact)),
        other => Node::Operation(Box::new(RealOperation::OfExact(other))),
    }
}

/// The type that all of them widen to; nothing where there is none, or all fit every type.
pub(super) fn widest(kinds: impl Iterator<Item = Option<Type>>) -> Result<Option<Type>, Mixed> {
    let mut widest = None;
    for (at, kind) in kinds.enumerate() {
        widest = match (widest, kind) {
            (known, None) => known,
            (None, known) => known,
            (Some(one), Some(other)) if one == other => Some(one),
            (Some(one), Some(other)) => match (rank(one), rank(other)) {
                (Some(left), Some(right)) => Some(if left > right { one } else { other }),
                _ => return Err(Mixed { at, before: one, found: other }),
            },
        };
    }
    Ok(widest)
}

/// Types that do not go together.
#[derive(Debug)]
pub(super) struct Mixed {
    /// Which of them is the first that does not go with those before.
    pub(super) at: usize,
    pub(super) before: Type,
    pub(super) found: Type,
}

/// How wide a number's type is; nothing for what is no number.
pub(super) fn rank(kind: Type) -> Option<u8> {
    match kind {
        Type::Int => Some(0),
        Type::Decimal => Some(1),
        Type::Real => Some(2),
        Type::Bool | Type::Text => None,
    }
}

/// All of them as the type that [`widest`] gave for them; nothing where one does not widen to it.
pub(super) fn unified(parts: Vec<Any>, kind: Type) -> Option<Group> {
    fn all<K: Kind>(parts: Vec<Any>, to: fn(Any) -> Option<Node<K>>) -> Option<Vec<Node<K>>> {
        parts.into_iter().map(to).collect()
    }
    Some(match kind {
        Type::Bool => Group::Truth(all(parts, Any::truth)?),
        Type::Int => Group::Whole(all(parts, Any::whole)?),
        Type::Decimal => Group::Exact(all(parts, Any::exact)?),
        Type::Real => Group::Real(all(parts, Any::real)?),
        Type::Text => Group::Text(all(parts, Any::text)?),
    })
}
