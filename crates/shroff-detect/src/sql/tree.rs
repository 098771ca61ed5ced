//! The compiled tree. Each type of value has its own nodes, so that a number where a text belongs
//! cannot be built, and evaluation asks nothing about types but at the columns.
//!
//! Nothing (`None`) is SQL's NULL throughout.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Debug;

use shroff_types::Decimal;

use super::clock::ClockPart;
use super::kinds::{Any, Group, each};
use super::number::{self, Rounding};
use super::text::{self, Reading, Side};
use super::{Row, Value};

/// A type of value: how it is kept, read from a column, ordered, and what makes it.
pub(super) trait Kind: Debug + Clone + Copy {
    /// One while it is computed.
    type Value<'r>: Clone + Into<Value<'r>>;
    /// One in the expression's text.
    type Literal: Debug + Clone;
    /// What makes one of other values.
    type Operation: Debug + Clone;

    /// The value of a column.
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<Self::Value<'_>>;
    /// The value of a literal.
    fn literal(literal: &Self::Literal) -> Self::Value<'_>;
    /// A value as a literal.
    fn keep(value: Self::Value<'_>) -> Self::Literal;
    /// The value of an operation.
    fn operate<'r>(
        operation: &'r Self::Operation,
        row: &'r (impl Row + ?Sized),
    ) -> Option<Self::Value<'r>>;
    /// The order of two values: total, as reals are finite.
    fn order(left: &Self::Value<'_>, right: &Self::Value<'_>) -> Ordering;
}

/// A tree that gives values of one type.
#[derive(Debug, Clone)]
pub(super) enum Node<K: Kind> {
    /// Always NULL.
    Null,
    /// Always this.
    Literal(K::Literal),
    /// A column's value.
    Column(usize),
    /// What only this type has.
    Operation(Box<K::Operation>),
    /// The first whose condition is true, else the last.
    Case(Box<Case<K>>),
    /// The one whose value an operand equals, else the last.
    Switch(Box<Switch<K>>),
    /// The first that is not NULL.
    Coalesce(Vec<Node<K>>),
    /// The first, but NULL where the other is equal to it; the other may be of another type.
    Nullif(Box<(Node<K>, Any)>),
    /// The least, or greatest, of those that are not NULL.
    Extreme(Ordering, Vec<Node<K>>),
}

/// `CASE WHEN condition THEN value ... ELSE otherwise END`.
#[derive(Debug, Clone)]
pub(super) struct Case<K: Kind> {
    pub(super) conditions: Vec<Node<Truth>>,
    /// One for each condition, and at the end the one for none of them.
    pub(super) values: Vec<Node<K>>,
}

/// `CASE operand WHEN candidate THEN value ... ELSE otherwise END`.
#[derive(Debug, Clone)]
pub(super) struct Switch<K: Kind> {
    /// The operand, then the candidates.
    pub(super) operands: Group,
    /// One for each candidate, and at the end the one for none of them.
    pub(super) values: Vec<Node<K>>,
}

impl<K: Kind> Node<K> {
    /// Its value on a row.
    #[inline]
    pub(super) fn evaluate<'r>(&'r self, row: &'r (impl Row + ?Sized)) -> Option<K::Value<'r>> {
        match self {
            Node::Null => None,
            Node::Literal(literal) => Some(K::literal(literal)),
            Node::Column(column) => K::read(row, *column),
            Node::Operation(operation) => K::operate(operation, row),
            Node::Case(_)
            | Node::Switch(_)
            | Node::Coalesce(_)
            | Node::Nullif(_)
            | Node::Extreme(..) => self.choose(row),
        }
    }

    /// The value of a node that picks one of its parts.
    fn choose<'r>(&'r self, row: &'r (impl Row + ?Sized)) -> Option<K::Value<'r>> {
        match self {
            Node::Case(case) => {
                let holds = |condition: &Node<Truth>| condition.evaluate(row) == Some(true);
                let chosen = case.conditions.iter().position(holds);
                case.values[chosen.unwrap_or(case.conditions.len())].evaluate(row)
            }
            Node::Switch(switch) => {
                let chosen = each!(&switch.operands, nodes => position(nodes, row));
                switch.values[chosen.unwrap_or(switch.values.len() - 1)].evaluate(row)
            }
            Node::Coalesce(nodes) => nodes.iter().find_map(|node| node.evaluate(row)),
            Node::Nullif(pair) => {
                let value = pair.0.evaluate(row)?;
                let equal = number::equal(&value.clone().into(), &pair.1.evaluate(row));
                (!equal).then_some(value)
            }
            Node::Extreme(wanted, nodes) => {
                let values = nodes.iter().filter_map(|node| node.evaluate(row));
                values.reduce(
                    |best, next| {
                        if K::order(&next, &best) == *wanted { next } else { best }
                    },
                )
            }
            Node::Null | Node::Literal(_) | Node::Column(_) | Node::Operation(_) => {
                self.evaluate(row)
            }
        }
    }

    /// The same as a literal; right only where it reads no column.
    pub(super) fn folded(&self) -> Node<K> {
        match self.evaluate(&NoRow) {
            None => Node::Null,
            Some(value) => Node::Literal(K::keep(value)),
        }
    }
}

impl Node<Truth> {
    /// Whether it is true on a row; NULL and false are both not.
    pub(super) fn is_true(&self, row: &(impl Row + ?Sized)) -> bool {
        match self {
            Node::Operation(test) => match &**test {
                Test::All(links) => links.all_true(row),
                _ => self.evaluate(row) == Some(true),
            },
            _ => self.evaluate(row) == Some(true),
        }
    }
}

/// Where in the rest of the nodes the first one's value is.
fn position<K: Kind>(nodes: &[Node<K>], row: &(impl Row + ?Sized)) -> Option<usize> {
    let (first, rest) = nodes.split_first()?;
    let value = first.evaluate(row)?;
    rest.iter().position(|node| {
        node.evaluate(row).is_some_and(|candidate| K::order(&value, &candidate).is_eq())
    })
}

/// The row of an expression without columns.
struct NoRow;

impl Row for NoRow {
    fn get(&self, _: usize) -> Value<'_> {
        Value::Null
    }
}

/// True or false.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth;

/// A comparison, as the set of orders in which it holds: bit 0 is less, 1 equal, 2 greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Comparison {
    Less = 0b001,
    Equal = 0b010,
    LessOrEqual = 0b011,
    Greater = 0b100,
    NotEqual = 0b101,
    GreaterOrEqual = 0b110,
}

impl Comparison {
    /// Whether it holds of two values in this order.
    #[inline]
    pub(super) fn holds(self, order: Ordering) -> bool {
        // Without a branch: most comparisons are of data, and their outcome is not foreseen.
        (self as u8) >> (order as i8 + 1) & 1 == 1
    }

    /// The one that says the same with its sides exchanged.
    pub(super) fn flipped(self) -> Comparison {
        match self {
            Comparison::Equal | Comparison::NotEqual => self,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }
}

/// What makes true or false.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// `AND`.
    All(Links),
    /// `OR`.
    Some(Links),
    /// `NOT`.
    Not(Node<Truth>),
    /// A comparison of two.
    Compare(Comparison, Group),
    /// A comparison of a column with a literal: most of a rule.
    Against(Check),
    /// `first BETWEEN second AND third`.
    Between(Group),
    /// `first IN (the rest)`.
    In(Group),
    /// `IS DISTINCT FROM`.
    Distinct(Group),
    /// `IS NULL`.
    IsNull(Any),
    /// `IS TRUE`, `IS FALSE`.
    Is(bool, Node<Truth>),
    /// `LIKE`, `ILIKE`: text and pattern.
    Like([Node<Text>; 2], Reading),
    /// Whether the second text is in the first.
    Find(Where, [Node<Text>; 2]),
}

/// The way in which conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    /// By `AND`.
    All,
    /// By `OR`.
    Some,
}

/// What `AND` or `OR` joins. Their order does not matter, as nothing has an effect or fails: the
/// quick ones come first, side by side in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    pub(super) checks: Vec<Check>,
    pub(super) rest: Vec<Node<Truth>>,
}

impl Links {
    /// Of conditions in any order; those joined in the same way become part of it.
    pub(super) fn new(joins: Joins, nodes: Vec<Node<Truth>>) -> Links {
        let mut links = Links::default();
        for node in nodes {
            match node {
                Node::Operation(test) => match *test {
                    Test::Against(check) => links.checks.push(check),
                    Test::All(inner) if joins == Joins::All => links.take(inner),
                    Test::Some(inner) if joins == Joins::Some => links.take(inner),
                    other => links.rest.push(Node::Operation(Box::new(other))),
                },
                other => links.rest.push(other),
            }
        }
        links
    }

    fn take(&mut self, inner: Links) {
        self.checks.extend(inner.checks);
        self.rest.extend(inner.rest);
    }

    /// Whether all of them are true; which of the others are NULL and which false is not asked.
    fn all_true(&self, row: &(impl Row + ?Sized)) -> bool {
        self.checks.iter().all(|check| check.evaluate(row) == Some(true))
            && self.rest.iter().all(|node| node.is_true(row))
    }

    /// `AND` is false as soon as one is false, `OR` true as soon as one is true: `decisive`.
    /// Otherwise it is NULL where one is NULL, or else the opposite.
    #[inline]
    fn evaluate(&self, decisive: bool, row: &(impl Row + ?Sized)) -> Option<bool> {
        let mut unknown = false;
        for check in &self.checks {
            match check.evaluate(row) {
                Some(truth) if truth == decisive => return Some(decisive),
                Some(_) => {}
                None => unknown = true,
            }
        }
        for node in &self.rest {
            match node.evaluate(row) {
                Some(truth) if truth == decisive => return Some(decisive),
                Some(_) => {}
                None => unknown = true,
            }
        }
        if unknown { None } else { Some(!decisive) }
    }
}

/// A comparison of a column with a literal.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) how: Comparison,
    pub(super) column: usize,
    pub(super) bound: Bound,
}

impl Check {
    #[inline]
    fn evaluate(&self, row: &(impl Row + ?Sized)) -> Option<bool> {
        let order = match &self.bound {
            Bound::Whole(bound) => Whole::read(row, self.column)?.cmp(bound),
            Bound::Exact(bound) => number::compare(Exact::read(row, self.column)?, *bound),
            Bound::Real(bound) => Real::order(&Real::read(row, self.column)?, bound),
            Bound::Text(bound) => {
                let text = Text::read(row, self.column)?;
                match self.how {
                    // Texts of different length are told apart without a look at them.
                    Comparison::Equal => return Some(*text == **bound),
                    Comparison::NotEqual => return Some(*text != **bound),
                    _ => (*text).cmp(bound),
                }
            }
        };
        Some(self.how.holds(order))
    }
}

/// The literal that a column is compared with.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Whole(i128),
    Exact(Decimal),
    Real(f64),
    Text(Box<str>),
}

/// Where a text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Start,
    End,
    Anywhere,
}

impl Kind for Truth {
    type Value<'r> = bool;
    type Literal = bool;
    type Operation = Test;

    #[inline]
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<bool> {
        row.get_bool(column)
    }

    fn literal(literal: &bool) -> bool {
        *literal
    }

    fn keep(value: bool) -> bool {
        value
    }

    fn operate(test: &Test, row: &(impl Row + ?Sized)) -> Option<bool> {
        match test {
            Test::All(links) => links.evaluate(false, row),
            Test::Some(links) => links.evaluate(true, row),
            Test::Against(check) => check.evaluate(row),
            _ => ask(test, row),
        }
    }

    fn order(left: &bool, right: &bool) -> Ordering {
        left.cmp(right)
    }
}

/// The tests that are less common; apart, so that the common ones stay small.
#[inline(never)]
fn ask(test: &Test, row: &(impl Row + ?Sized)) -> Option<bool> {
    match test {
        Test::All(_) | Test::Some(_) | Test::Against(_) => Truth::operate(test, row),
        Test::Not(node) => Some(!node.evaluate(row)?),
        Test::Compare(how, group) => {
            Some(how.holds(each!(group, nodes => order(&nodes[0], &nodes[1], row))?))
        }
        Test::Between(group) => each!(group, nodes => between(nodes, row)),
        Test::In(group) => each!(group, nodes => within(nodes, row)),
        Test::Distinct(group) => Some(each!(group, nodes => distinct(nodes, row))),
        Test::IsNull(any) => Some(any.is_null(row)),
        Test::Is(wanted, node) => Some(node.evaluate(row) == Some(*wanted)),
        Test::Like([text, pattern], reading) => {
            text::like(&text.evaluate(row)?, &pattern.evaluate(row)?, *reading)
        }
        Test::Find(place, [text, part]) => {
            let (text, part) = (text.evaluate(row)?, part.evaluate(row)?);
            Some(match place {
                Where::Start => text.starts_with(&*part),
                Where::End => text.ends_with(&*part),
                Where::Anywhere => text.contains(&*part),
            })
        }
    }
}

fn order<K: Kind>(left: &Node<K>, right: &Node<K>, row: &(impl Row + ?Sized)) -> Option<Ordering> {
    Some(K::order(&left.evaluate(row)?, &right.evaluate(row)?))
}

/// As `low <= value AND value <= high`: false where one side is known to fail.
fn between<K: Kind>(nodes: &[Node<K>], row: &(impl Row + ?Sized)) -> Option<bool> {
    let value = nodes[0].evaluate(row)?;
    let above = nodes[1].evaluate(row).map(|low| K::order(&low, &value).is_le());
    let below = nodes[2].evaluate(row).map(|high| K::order(&value, &high).is_le());
    match (above, below) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

/// As `value = first OR value = second ...`.
fn within<K: Kind>(nodes: &[Node<K>], row: &(impl Row + ?Sized)) -> Option<bool> {
    let (first, rest) = nodes.split_first()?;
    let value = first.evaluate(row)?;
    let mut unknown = false;
    for node in rest {
        match node.evaluate(row) {
            Some(candidate) if K::order(&value, &candidate).is_eq() => return Some(true),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

fn distinct<K: Kind>(nodes: &[Node<K>], row: &(impl Row + ?Sized)) -> bool {
    match (nodes[0].evaluate(row), nodes[1].evaluate(row)) {
        (None, None) => false,
        (Some(left), Some(right)) => K::order(&left, &right).is_ne(),
        (None, Some(_)) | (Some(_), None) => true,
    }
}

/// An operation of two numbers; a division is real whatever its parts, so only reals have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Remainder,
}

/// A whole number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole;

/// What makes a whole number.
#[derive(Debug, Clone)]
pub(super) enum WholeOperation {
    Two(Arithmetic, [Node<Whole>; 2]),
    Negate(Node<Whole>),
    Magnitude(Node<Whole>),
    /// Rounded to tens, hundreds and so on.
    Round(Node<Whole>, u8),
    Sign(Any),
    /// How many characters.
    Length(Node<Text>),
    OfTruth(Node<Truth>),
    /// Of an instant on the institution's clock.
    Clock(ClockPart, Node<Whole>),
    /// The nearest, halves away from zero.
    OfExact(Node<Exact>),
    /// The nearest, halves to the even one.
    OfReal(Node<Real>),
}

impl Kind for Whole {
    type Value<'r> = i128;
    type Literal = i128;
    type Operation = WholeOperation;

    #[inline]
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<i128> {
        row.get_int(column)
    }

    fn literal(literal: &i128) -> i128 {
        *literal
    }

    fn keep(value: i128) -> i128 {
        value
    }

    fn operate(operation: &WholeOperation, row: &(impl Row + ?Sized)) -> Option<i128> {
        match operation {
            WholeOperation::Two(how, [left, right]) => {
                let (left, right) = (left.evaluate(row)?, right.evaluate(row)?);
                match how {
                    Arithmetic::Add => left.checked_add(right),
                    Arithmetic::Subtract => left.checked_sub(right),
                    Arithmetic::Multiply => number::times(left, right),
                    Arithmetic::Remainder => left.checked_rem(right),
                }
            }
            WholeOperation::Negate(node) => node.evaluate(row)?.checked_neg(),
            WholeOperation::Magnitude(node) => node.evaluate(row)?.checked_abs(),
            WholeOperation::Round(node, zeros) => number::round_whole(node.evaluate(row)?, *zeros),
            WholeOperation::Sign(any) => any.sign(row),
            WholeOperation::Length(node) => {
                i128::try_from(node.evaluate(row)?.chars().count()).ok()
            }
            WholeOperation::Clock(part, node) => part.of(node.evaluate(row)?),
            WholeOperation::OfTruth(node) => Some(i128::from(node.evaluate(row)?)),
            WholeOperation::OfExact(node) => {
                Some(number::round(node.evaluate(row)?, 0, Rounding::Nearest)?.digits)
            }
            WholeOperation::OfReal(node) => {
                number::whole_of_real(node.evaluate(row)?.round_ties_even())
            }
        }
    }

    fn order(left: &i128, right: &i128) -> Ordering {
        left.cmp(right)
    }
}

/// An exact decimal number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact;

/// What makes an exact decimal number.
#[derive(Debug, Clone)]
pub(super) enum ExactOperation {
    Two(Arithmetic, [Node<Exact>; 2]),
    Negate(Node<Exact>),
    Magnitude(Node<Exact>),
    Round(Node<Exact>, i8, Rounding),
    OfWhole(Node<Whole>),
    /// Cast to so many digits, of them so many decimals.
    Fit(Node<Exact>, u8, u8),
    /// The same of a real.
    FitReal(Node<Real>, u8, u8),
}

impl Kind for Exact {
    type Value<'r> = Decimal;
    type Literal = Decimal;
    type Operation = ExactOperation;

    #[inline]
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<Decimal> {
        row.get_decimal(column)
    }

    fn literal(literal: &Decimal) -> Decimal {
        *literal
    }

    fn keep(value: Decimal) -> Decimal {
        value
    }

    fn operate(operation: &ExactOperation, row: &(impl Row + ?Sized)) -> Option<Decimal> {
        match operation {
            ExactOperation::Two(how, [left, right]) => {
                let (left, right) = (left.evaluate(row)?, right.evaluate(row)?);
                match how {
                    Arithmetic::Add => number::add(left, right),
                    Arithmetic::Subtract => number::subtract(left, right),
                    Arithmetic::Multiply => number::multiply(left, right),
                    Arithmetic::Remainder => number::remainder(left, right),
                }
            }
            ExactOperation::Negate(node) => {
                let Decimal { digits, decimals } = node.evaluate(row)?;
                Some(Decimal { digits: digits.checked_neg()?, decimals })
            }
            ExactOperation::Magnitude(node) => {
                let Decimal { digits, decimals } = node.evaluate(row)?;
                Some(Decimal { digits: digits.checked_abs()?, decimals })
            }
            ExactOperation::Round(node, decimals, how) => {
                number::round(node.evaluate(row)?, *decimals, *how)
            }
            ExactOperation::OfWhole(node) => {
                Some(Decimal { digits: node.evaluate(row)?, decimals: 0 })
            }
            ExactOperation::Fit(node, digits, decimals) => {
                number::fit(node.evaluate(row)?, *digits, *decimals)
            }
            ExactOperation::FitReal(node, digits, decimals) => {
                let scaled = node.evaluate(row)? * number::real_power_of_ten(*decimals);
                let units = number::whole_of_real(scaled.round())?;
                number::fit(Decimal { digits: units, decimals: *decimals }, *digits, *decimals)
            }
        }
    }

    fn order(left: &Decimal, right: &Decimal) -> Ordering {
        number::compare(*left, *right)
    }
}

/// A real number, always finite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Real;

/// What makes a real number; one that is not finite becomes NULL.
#[derive(Debug, Clone)]
pub(super) enum RealOperation {
    Two(Arithmetic, [Node<Real>; 2]),
    Divide([Node<Real>; 2]),
    Power([Node<Real>; 2]),
    /// How surprising a count is where another is expected; nothing up to that. Last, how many
    /// events the expectation was learnt from, where it is not certain.
    Surprise([Node<Real>; 2], Option<Node<Real>>),
    /// How surprising it is that a part of a whole is as large, where a share of it is expected; as small
    /// is below zero.
    Uneven([Node<Real>; 3]),
    One(Curve, Node<Real>),
    Round(Node<Real>, i8),
    OfWhole(Node<Whole>),
    OfExact(Node<Exact>),
}

/// Chernoff's bound for a count of events, as a logarithm: of independent ones at a known pace
/// (Poisson), or at a pace that was itself learnt from `seen` of them (negative binomial). The
/// second comes to the first as `seen` grows. Nothing where one of them is below zero.
pub(super) fn surprise(count: f64, expected: f64, seen: Option<f64>) -> Option<f64> {
    if count < 0.0 || expected < 0.0 || seen.is_some_and(|seen| seen < 0.0) {
        return None;
    }
    if count <= expected {
        return Some(0.0);
    }
    let more = count * (count / expected).ln();
    Some(match seen {
        None => more - count + expected,
        Some(seen) => more - (count + seen) * ((count + seen) / (expected + seen)).ln(),
    })
}

/// Chernoff's bound for a count among `whole` independent ones that each belong to it with a probability
/// of `share` (binomial), as a logarithm: that it is `part` or farther from what is expected on that side.
/// Below zero where that is the side of fewer; nothing where there is no such part or share.
pub(super) fn uneven([part, whole, share]: [f64; 3]) -> Option<f64> {
    if !(0.0..=whole).contains(&part) || !(0.0..=1.0).contains(&share) {
        return None;
    }
    let of = |count: f64, expected: f64| match count {
        0.0 => 0.0,
        _ => count * (count / expected).ln(),
    };
    let expected = whole * share;
    // Rounding must not say that it is the other side.
    let surprise = (of(part, expected) + of(whole - part, whole * (1.0 - share))).max(0.0);
    Some(if part < expected { -surprise } else { surprise })
}

/// A function of one real number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Curve {
    Negate,
    Magnitude,
    Floor,
    Ceiling,
    SquareRoot,
    Exponential,
    NaturalLogarithm,
    Logarithm10,
    Logarithm2,
}

impl Curve {
    /// Its value.
    pub(super) fn of(self, real: f64) -> f64 {
        match self {
            Curve::Negate => -real,
            Curve::Magnitude => real.abs(),
            Curve::Floor => real.floor(),
            Curve::Ceiling => real.ceil(),
            Curve::SquareRoot => real.sqrt(),
            Curve::Exponential => real.exp(),
            Curve::NaturalLogarithm => real.ln(),
            Curve::Logarithm10 => real.log10(),
            Curve::Logarithm2 => real.log2(),
        }
    }
}

impl Kind for Real {
    type Value<'r> = f64;
    type Literal = f64;
    type Operation = RealOperation;

    #[inline]
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<f64> {
        number::finite(row.get_real(column)?)
    }

    fn literal(literal: &f64) -> f64 {
        *literal
    }

    fn keep(value: f64) -> f64 {
        value
    }

    fn operate(operation: &RealOperation, row: &(impl Row + ?Sized)) -> Option<f64> {
        let result = match operation {
            RealOperation::Two(how, [left, right]) => {
                let (left, right) = (left.evaluate(row)?, right.evaluate(row)?);
                match how {
                    Arithmetic::Add => left + right,
                    Arithmetic::Subtract => left - right,
                    Arithmetic::Multiply => left * right,
                    Arithmetic::Remainder => left % right,
                }
            }
            RealOperation::Divide([left, right]) => left.evaluate(row)? / right.evaluate(row)?,
            RealOperation::Power([left, right]) => left.evaluate(row)?.powf(right.evaluate(row)?),
            RealOperation::Surprise([count, expected], seen) => {
                let (count, expected) = (count.evaluate(row)?, expected.evaluate(row)?);
                let seen = match seen {
                    Some(seen) => Some(seen.evaluate(row)?),
                    None => None,
                };
                surprise(count, expected, seen)?
            }
            RealOperation::Uneven([part, whole, share]) => {
                let (part, whole) = (part.evaluate(row)?, whole.evaluate(row)?);
                let share = share.evaluate(row)?;
                uneven([part, whole, share])?
            }
            RealOperation::One(curve, node) => curve.of(node.evaluate(row)?),
            RealOperation::Round(node, decimals) => {
                number::round_real(node.evaluate(row)?, *decimals)?
            }
            RealOperation::OfWhole(node) => number::real_of_whole(node.evaluate(row)?),
            RealOperation::OfExact(node) => number::real_of_exact(node.evaluate(row)?),
        };
        number::finite(result)
    }

    #[inline]
    fn order(left: &f64, right: &f64) -> Ordering {
        // Finite, as `read` and `operate` saw to: so one of the three holds, and -0 equals 0.
        (i8::from(left > right) - i8::from(left < right)).cmp(&0)
    }
}

/// Text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text;

/// What makes a text.
#[derive(Debug, Clone)]
pub(super) enum TextOperation {
    Join([Node<Text>; 2]),
    Lower(Node<Text>),
    Upper(Node<Text>),
    /// Without the characters of the second at its ends.
    Trim(Side, [Node<Text>; 2]),
    /// From where, and how many characters.
    Substring(Node<Text>, Node<Whole>, Option<Node<Whole>>),
}

impl Kind for Text {
    type Value<'r> = Cow<'r, str>;
    type Literal = Box<str>;
    type Operation = TextOperation;

    #[inline]
    fn read(row: &(impl Row + ?Sized), column: usize) -> Option<Cow<'_, str>> {
        row.get_text(column)
    }

    fn literal(literal: &Box<str>) -> Cow<'_, str> {
        Cow::Borrowed(literal)
    }

    fn keep(value: Cow<'_, str>) -> Box<str> {
        value.into()
    }

    fn operate<'r>(
        operation: &'r TextOperation,
        row: &'r (impl Row + ?Sized),
    ) -> Option<Cow<'r, str>> {
        Some(match operation {
            TextOperation::Join([left, right]) => left.evaluate(row)? + right.evaluate(row)?,
            TextOperation::Lower(node) => text::lower(node.evaluate(row)?),
            TextOperation::Upper(node) => text::upper(node.evaluate(row)?),
            TextOperation::Trim(side, [node, characters]) => {
                text::trim(node.evaluate(row)?, *side, &characters.evaluate(row)?)
            }
            TextOperation::Substring(node, start, length) => {
                let (text, start) = (node.evaluate(row)?, start.evaluate(row)?);
                match length {
                    None => text::substring(text, start, None),
                    Some(length) => text::substring(text, start, Some(length.evaluate(row)?)),
                }
            }
        })
    }

    fn order(left: &Cow<'_, str>, right: &Cow<'_, str>) -> Ordering {
        left.cmp(right)
    }
}
