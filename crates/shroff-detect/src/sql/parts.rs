//! Trees taken apart: each part that can be a step of a program is there once, whichever and however
//! many expressions it is in.

use shroff_types::{Decimal, Map};

use super::kinds::{Any, Group};
use super::step::{self, Lane, Operation};
use super::tree::{
    Arithmetic, Bound, Case, Check, Comparison, Exact, ExactOperation, Kind, Links, Node, Real,
    RealOperation, Test, Truth, Whole, WholeOperation,
};

/// Which part it is.
pub(super) type Number = u32;

/// A decimal number of more decimals is left to the tree, as its digits hardly fit 64 bits.
const MOST_DECIMALS: u8 = 18;

/// A list to compare with of more values is left to the tree.
const LONGEST_LIST: usize = 8;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Made {
    /// A column of reals, of whole numbers, or of true and false.
    Column(Lane, usize),
    /// Always these bits.
    Literal(u64),
    /// Of other parts.
    Of(Operation<Number>),
    /// What no step makes: the tree that is asked for it, by its number.
    Asked(usize),
}

/// A tree that is asked as it is.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Real(Node<Real>),
    Truth(Node<Truth>),
}

/// A part, and what there is to know of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) made: Made,
    /// About how many quick steps it takes, with those that it is made of.
    pub(super) cost: u32,
    /// How many parts lie between it and the farthest of those that it is made of.
    pub(super) depth: u32,
    /// How many pairs of a condition and a value it is in.
    pub(super) uses: u32,
    /// Where a row's value of it is kept, once it has a place.
    pub(super) slot: Option<u16>,
}

/// A condition and a value, in parts.
#[derive(Debug)]
pub(super) struct Apart {
    /// All of them are true where the condition is.
    pub(super) conditions: Vec<Number>,
    /// It is of the lane of reals.
    pub(super) value: Number,
}

/// The parts of all expressions.
#[derive(Debug, Default)]
pub(super) struct Parts {
    all: Vec<Part>,
    /// By what they are, for each schema.
    numbers: Map<(usize, Made), Number>,
    asked: Vec<Asked>,
    /// By how they are written out: written, not compared, as 0 and -0 are equal, but not the same.
    written: Map<String, usize>,
}

impl Parts {
    pub(super) fn part(&self, number: Number) -> &Part {
        &self.all[index(number)]
    }

    pub(super) fn part_mut(&mut self, number: Number) -> &mut Part {
        &mut self.all[index(number)]
    }

    pub(super) fn asked(&self, number: usize) -> &Asked {
        &self.asked[number]
    }

    /// A condition and a value of a schema, which has a number, taken apart.
    pub(super) fn apart(&mut self, schema: usize, condition: &Any, value: &Node<Real>) -> Apart {
        let mut taking = Taking { parts: self, schema };
        let conditions = match condition {
            Any::Truth(Node::Operation(test)) => match &**test {
                Test::All(links) => taking.links(links),
                _ => vec![taking.test(test)],
            },
            Any::Truth(node) => vec![taking.truth(node)],
            // No number and no text is true.
            _ => vec![taking.literal(step::FALSE)],
        };
        Apart { conditions, value: taking.real(value) }
    }

    /// Counts each part of a pair once.
    pub(super) fn meet(&mut self, apart: &Apart) {
        let mut open = apart.conditions.clone();
        open.push(apart.value);
        let mut met = vec![false; self.all.len()];
        while let Some(number) = open.pop() {
            if std::mem::replace(&mut met[index(number)], true) {
                continue;
            }
            let part = self.part_mut(number);
            part.uses += 1;
            if let Made::Of(operation) = part.made {
                each_operand(operation, |operand| open.push(operand));
            }
        }
    }
}

fn index(number: Number) -> usize {
    number as usize
}

fn each_operand(operation: Operation<Number>, mut take: impl FnMut(Number)) {
    operation.of(&mut |operand| {
        take(operand);
        Some(operand)
    });
}

/// A whole number times a power of ten.
#[derive(Clone, Copy)]
struct Scaled {
    part: Number,
    decimals: u8,
}

/// A kind of value that steps make.
trait InSteps: Kind {
    const LANE: Lane;

    /// The part that a tree is; nothing where no steps make it.
    fn part(node: &Node<Self>, taking: &mut Taking<'_>) -> Option<Scaled>;

    /// A literal as bits, and its decimals.
    fn bits(literal: &Self::Literal) -> Option<(u64, u8)>;
}

struct Taking<'p> {
    parts: &'p mut Parts,
    schema: usize,
}

impl Taking<'_> {
    fn put(&mut self, made: Made) -> Number {
        let key = (self.schema, made);
        if let Some(&number) = self.parts.numbers.get(&key) {
            return number;
        }
        let (mut cost, mut depth) = match made {
            Made::Column(..) | Made::Literal(_) => (1, 0),
            Made::Of(operation) => (operation.cost(), 0),
            // A look at several nodes, far apart in memory.
            Made::Asked(_) => (20, 0),
        };
        if let Made::Of(operation) = made {
            each_operand(operation, |operand| {
                let operand = self.parts.part(operand);
                cost = u32::saturating_add(cost, operand.cost);
                depth = depth.max(operand.depth + 1);
            });
        }
        let number = Number::try_from(self.parts.all.len()).expect("rules are far fewer");
        self.parts.all.push(Part { made, cost, depth, uses: 0, slot: None });
        self.parts.numbers.insert(key, number);
        number
    }

    fn of(&mut self, operation: Operation<Number>) -> Number {
        self.put(Made::Of(operation))
    }

    fn literal(&mut self, bits: u64) -> Number {
        self.put(Made::Literal(bits))
    }

    fn ask(&mut self, asked: Asked) -> Number {
        let next = self.parts.asked.len();
        let number = *self.parts.written.entry(format!("{asked:?}")).or_insert(next);
        if number == next {
            self.parts.asked.push(asked);
        }
        self.put(Made::Asked(number))
    }

    fn real(&mut self, node: &Node<Real>) -> Number {
        match Real::part(node, self) {
            Some(real) => real.part,
            None => self.ask(Asked::Real(node.clone())),
        }
    }

    fn truth(&mut self, node: &Node<Truth>) -> Number {
        match Truth::part(node, self) {
            Some(truth) => truth.part,
            None => self.ask(Asked::Truth(node.clone())),
        }
    }

    fn test(&mut self, test: &Test) -> Number {
        match self.test_in_steps(test) {
            Some(part) => part,
            None => self.ask(Asked::Truth(Node::Operation(Box::new(test.clone())))),
        }
    }

    /// What all kinds have.
    fn common<K: InSteps>(&mut self, node: &Node<K>) -> Option<Scaled> {
        match node {
            Node::Null => Some(plain(self.literal(K::LANE.null()))),
            Node::Literal(literal) => {
                let (bits, decimals) = K::bits(literal)?;
                Some(Scaled { part: self.literal(bits), decimals })
            }
            Node::Column(column) => Some(plain(self.put(Made::Column(K::LANE, *column)))),
            Node::Case(case) => self.case(case),
            Node::Coalesce(nodes) => {
                let pair = |[first, next]: [Number; 2]| Operation::Coalesce(K::LANE, [first, next]);
                self.folded(nodes, pair)
            }
            Node::Extreme(wanted, nodes) => match K::LANE {
                Lane::Real => self.folded(nodes, |pair| Operation::Extreme(*wanted, pair)),
                Lane::Whole => self.folded(nodes, |pair| Operation::ExtremeWhole(*wanted, pair)),
                Lane::Truth => None,
            },
            Node::Operation(_) | Node::Switch(_) | Node::Nullif(_) => None,
        }
    }

    /// The first with the next, that with the next, and so on.
    fn folded<K: InSteps>(
        &mut self,
        nodes: &[Node<K>],
        pair: impl Fn([Number; 2]) -> Operation<Number>,
    ) -> Option<Scaled> {
        let (parts, decimals) = self.aligned(nodes)?;
        let (first, rest) = parts.split_first()?;
        let part = rest.iter().fold(*first, |made, next| self.of(pair([made, *next])));
        Some(Scaled { part, decimals })
    }

    fn case<K: InSteps>(&mut self, case: &Case<K>) -> Option<Scaled> {
        let (parts, decimals) = self.aligned(&case.values)?;
        let (otherwise, values) = parts.split_last()?;
        let mut part = *otherwise;
        for (condition, value) in case.conditions.iter().zip(values).rev() {
            let condition = self.truth(condition);
            part = self.of(Operation::Choose([condition, *value, part]));
        }
        Some(Scaled { part, decimals })
    }

    /// All as counts of one unit, and its decimals.
    fn aligned<K: InSteps>(&mut self, nodes: &[Node<K>]) -> Option<(Vec<Number>, u8)> {
        let scaled: Option<Vec<Scaled>> = nodes.iter().map(|node| K::part(node, self)).collect();
        let scaled = scaled?;
        let decimals = scaled.iter().map(|part| part.decimals).max()?;
        let parts = scaled.into_iter().map(|part| self.scaled(part, decimals));
        Some((parts.collect::<Option<_>>()?, decimals))
    }

    fn scaled(&mut self, from: Scaled, decimals: u8) -> Option<Number> {
        let more = decimals - from.decimals;
        if more == 0 {
            return Some(from.part);
        }
        let power = step::of_whole(10_i64.checked_pow(u32::from(more))?);
        let power = self.literal(power);
        let pair = [from.part, power];
        let times = Operation::TwoWhole(Arithmetic::Multiply, pair);
        match pair.map(|part| self.parts.part(part).made) {
            [Made::Literal(from), Made::Literal(power)] => {
                let times = Operation::TwoWhole(Arithmetic::Multiply, [from, power]);
                Some(self.literal(times.run(|bits| bits)?))
            }
            _ => Some(self.of(times)),
        }
    }

    fn links(&mut self, links: &Links) -> Vec<Number> {
        let checks: Vec<Number> = links.checks.iter().map(|check| self.check(check)).collect();
        let rest = links.rest.iter().map(|node| self.truth(node));
        checks.into_iter().chain(rest).collect()
    }

    /// What is joined, the quickest first: their order does not matter.
    fn joined(
        &mut self,
        links: &Links,
        pair: fn([Number; 2]) -> Operation<Number>,
    ) -> Option<Number> {
        let mut parts = self.links(links);
        parts.sort_by_key(|part| self.parts.part(*part).cost);
        parts.into_iter().reduce(|made, next| self.of(pair([made, next])))
    }

    fn check(&mut self, check: &Check) -> Number {
        let Check { how, column, bound } = check;
        let literal = match bound {
            Bound::Real(real) => Some((Lane::Real, real.to_bits())),
            Bound::Whole(whole) => step::fitting(*whole).map(|bits| (Lane::Whole, bits)),
            Bound::Exact(_) | Bound::Text(_) => None,
        };
        let Some((lane, bits)) = literal else {
            let test = Test::Against(check.clone());
            return self.ask(Asked::Truth(Node::Operation(Box::new(test))));
        };
        let pair = [self.put(Made::Column(lane, *column)), self.literal(bits)];
        self.of(compare(lane, *how, pair))
    }

    /// Nothing where it is left to the tree.
    fn test_in_steps(&mut self, test: &Test) -> Option<Number> {
        Some(match test {
            Test::All(links) => self.joined(links, Operation::And)?,
            Test::Some(links) => self.joined(links, Operation::Or)?,
            Test::Not(node) => {
                let inner = self.truth(node);
                self.of(Operation::Not(inner))
            }
            Test::Against(check) => self.check(check),
            Test::Compare(how, group) => {
                let (lane, parts) = self.group(group)?;
                self.of(compare(lane, *how, [parts[0], parts[1]]))
            }
            Test::Between(group) => {
                let (lane, parts) = self.group(group)?;
                let [value, low, high] = parts.try_into().ok()?;
                let sides = [[low, value], [value, high]];
                let sides = sides.map(|pair| self.of(compare(lane, Comparison::LessOrEqual, pair)));
                self.of(Operation::And(sides))
            }
            Test::In(group) => {
                let (lane, parts) = self.group(group)?;
                let (value, list) = parts.split_first()?;
                if list.len() > LONGEST_LIST {
                    return None;
                }
                let equal = |taking: &mut Self, other: Number| {
                    taking.of(compare(lane, Comparison::Equal, [*value, other]))
                };
                let (first, rest) = list.split_first()?;
                let first = equal(self, *first);
                rest.iter().fold(first, |any, other| {
                    let next = equal(self, *other);
                    self.of(Operation::Or([any, next]))
                })
            }
            Test::IsNull(any) => {
                let (lane, part) = match any {
                    Any::Null => return Some(self.literal(step::TRUE)),
                    Any::Truth(node) => (Lane::Truth, self.truth(node)),
                    Any::Real(node) => (Lane::Real, self.real(node)),
                    Any::Whole(node) => (Lane::Whole, Whole::part(node, self)?.part),
                    Any::Exact(node) => (Lane::Whole, Exact::part(node, self)?.part),
                    Any::Text(_) => return None,
                };
                self.of(Operation::IsNull(lane, part))
            }
            Test::Is(wanted, node) => {
                let inner = self.truth(node);
                self.of(Operation::Is(*wanted, inner))
            }
            Test::Distinct(_) | Test::Like(..) | Test::Find(..) => return None,
        })
    }

    /// Numbers that are compared, as counts of one unit.
    fn group(&mut self, group: &Group) -> Option<(Lane, Vec<Number>)> {
        match group {
            Group::Whole(nodes) => Some((Lane::Whole, self.aligned(nodes)?.0)),
            Group::Exact(nodes) => Some((Lane::Whole, self.aligned(nodes)?.0)),
            Group::Real(nodes) => Some((Lane::Real, self.aligned(nodes)?.0)),
            Group::Truth(_) | Group::Text(_) => None,
        }
    }

    /// The sum, product or another of two whole numbers, and its decimals.
    fn two<K: InSteps>(&mut self, how: Arithmetic, nodes: &[Node<K>; 2]) -> Option<Scaled> {
        if how == Arithmetic::Multiply {
            let [left, right] = nodes;
            let (left, right) = (K::part(left, self)?, K::part(right, self)?);
            let decimals = left.decimals + right.decimals;
            let part = self.of(Operation::TwoWhole(how, [left.part, right.part]));
            return (decimals <= MOST_DECIMALS).then_some(Scaled { part, decimals });
        }
        let (parts, decimals) = self.aligned(nodes)?;
        let part = self.of(Operation::TwoWhole(how, parts.try_into().ok()?));
        Some(Scaled { part, decimals })
    }

    /// The number with its sign turned around.
    fn negated(&mut self, number: Number) -> Number {
        let zero = self.literal(step::of_whole(0));
        self.of(Operation::TwoWhole(Arithmetic::Subtract, [zero, number]))
    }

    fn magnitude(&mut self, number: Scaled) -> Scaled {
        let pair = [number.part, self.negated(number.part)];
        let part = self.of(Operation::ExtremeWhole(std::cmp::Ordering::Greater, pair));
        Scaled { part, ..number }
    }
}

fn plain(part: Number) -> Scaled {
    Scaled { part, decimals: 0 }
}

fn compare(lane: Lane, how: Comparison, pair: [Number; 2]) -> Operation<Number> {
    match lane {
        Lane::Real => Operation::Compare(how, pair),
        Lane::Whole | Lane::Truth => Operation::CompareWhole(how, pair),
    }
}

impl InSteps for Truth {
    const LANE: Lane = Lane::Truth;

    fn part(node: &Node<Truth>, taking: &mut Taking<'_>) -> Option<Scaled> {
        match node {
            Node::Operation(test) => taking.test_in_steps(test).map(plain),
            _ => taking.common(node),
        }
    }

    fn bits(literal: &bool) -> Option<(u64, u8)> {
        Some((step::of_truth(Some(*literal)), 0))
    }
}

impl InSteps for Whole {
    const LANE: Lane = Lane::Whole;

    fn part(node: &Node<Whole>, taking: &mut Taking<'_>) -> Option<Scaled> {
        let Node::Operation(operation) = node else { return taking.common(node) };
        match &**operation {
            WholeOperation::Two(how, nodes) => taking.two(*how, nodes),
            WholeOperation::Negate(node) => {
                let inner = Whole::part(node, taking)?;
                Some(plain(taking.negated(inner.part)))
            }
            WholeOperation::Magnitude(node) => {
                let inner = Whole::part(node, taking)?;
                Some(taking.magnitude(inner))
            }
            _ => None,
        }
    }

    fn bits(literal: &i128) -> Option<(u64, u8)> {
        Some((step::fitting(*literal)?, 0))
    }
}

impl InSteps for Exact {
    const LANE: Lane = Lane::Whole;

    fn part(node: &Node<Exact>, taking: &mut Taking<'_>) -> Option<Scaled> {
        let operation = match node {
            Node::Operation(operation) => &**operation,
            // Its decimals are known where it is read, and not before.
            Node::Column(_) => return None,
            _ => return taking.common(node),
        };
        match operation {
            ExactOperation::Two(how, nodes) => taking.two(*how, nodes),
            ExactOperation::Negate(node) => {
                let inner = Exact::part(node, taking)?;
                Some(Scaled { part: taking.negated(inner.part), ..inner })
            }
            ExactOperation::Magnitude(node) => {
                let inner = Exact::part(node, taking)?;
                Some(taking.magnitude(inner))
            }
            ExactOperation::OfWhole(node) => Whole::part(node, taking),
            ExactOperation::Round(..) | ExactOperation::Fit(..) | ExactOperation::FitReal(..) => {
                None
            }
        }
    }

    fn bits(literal: &Decimal) -> Option<(u64, u8)> {
        let Decimal { mut digits, mut decimals } = *literal;
        // The fewer the decimals, the less is there to bring to one unit.
        while decimals > 0 && digits % 10 == 0 {
            (digits, decimals) = (digits / 10, decimals - 1);
        }
        Some((step::fitting(digits).filter(|_| decimals <= MOST_DECIMALS)?, decimals))
    }
}

impl InSteps for Real {
    const LANE: Lane = Lane::Real;

    fn part(node: &Node<Real>, taking: &mut Taking<'_>) -> Option<Scaled> {
        let Node::Operation(operation) = node else { return taking.common(node) };
        let real = |node: &Node<Real>, taking: &mut Taking<'_>| taking.real(node);
        let operation = match &**operation {
            RealOperation::Two(how, nodes) => {
                Operation::Two(*how, nodes.each_ref().map(|node| real(node, taking)))
            }
            RealOperation::Divide(nodes) => {
                Operation::Divide(nodes.each_ref().map(|node| real(node, taking)))
            }
            RealOperation::Power(nodes) => {
                Operation::Power(nodes.each_ref().map(|node| real(node, taking)))
            }
            RealOperation::Surprise(nodes, seen) => {
                let [count, expected] = nodes.each_ref().map(|node| real(node, taking));
                match seen {
                    None => Operation::Surprise([count, expected]),
                    Some(seen) => {
                        let seen = real(seen, taking);
                        Operation::SurpriseLearnt([count, expected, seen])
                    }
                }
            }
            RealOperation::Uneven(nodes) => {
                Operation::Uneven(nodes.each_ref().map(|node| real(node, taking)))
            }
            RealOperation::One(curve, node) => Operation::One(*curve, real(node, taking)),
            RealOperation::OfWhole(node) => Operation::Widen(Whole::part(node, taking)?.part, 0),
            RealOperation::OfExact(node) => {
                let exact = Exact::part(node, taking)?;
                Operation::Widen(exact.part, exact.decimals)
            }
            RealOperation::Round(..) => return None,
        };
        Some(plain(taking.of(operation)))
    }

    fn bits(literal: &f64) -> Option<(u64, u8)> {
        Some((literal.to_bits(), 0))
    }
}
