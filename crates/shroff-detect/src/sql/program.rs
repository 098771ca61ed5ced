//! Conditions with their values as programs: small steps one after the other, side by side in memory, so
//! that a hundred of them are asked of a payment in the time that a few far nodes of a tree take.
//!
//! The tree says what an expression means, and is asked where a step cannot: a text, a whole number of
//! over 64 bits. What several programs compute is kept, and computed once for a row.

use std::cell::Cell;

use super::parts::{Apart, Asked, Made, Number, Parts};
use super::step::{self, Lane, Operation};
use super::tree::{Kind, Real, Truth, Whole};
use super::{Expression, Row};

/// How many values are kept of a row, at most.
const MOST_KEPT: usize = 1024;

/// How many steps a program may have; one of more is left to the tree.
const MOST_STEPS: usize = 256;

/// How deep a part may be made of others; one that is deeper is left to the tree. Programs are made by
/// recursion.
const DEEPEST: u32 = 128;

/// What costs less than this many steps is computed again rather than kept.
const LEAST_KEPT: u32 = 5;

/// What costs less than this many steps is computed rather than stepped over where it is not asked for.
const LEAST_SKIPPED: u32 = 8;

/// Where programs compute, and keep what they have in common: of one row, until it is told to forget.
#[derive(Debug)]
pub struct Scratch {
    registers: Box<[Cell<u64>; MOST_STEPS]>,
    /// A bit for each of those below that is known.
    known: [Cell<u64>; MOST_KEPT / 64],
    kept: Box<[Cell<u64>]>,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            registers: Box::new([const { Cell::new(0) }; MOST_STEPS]),
            known: [const { Cell::new(0) }; MOST_KEPT / 64],
            kept: vec![Cell::new(0); MOST_KEPT].into_boxed_slice(),
        }
    }
}

impl Scratch {
    /// Forgets the row before, and what was kept for programs that have nothing in common with those
    /// to come.
    #[inline]
    pub fn forget(&self) {
        self.known.iter().for_each(|known| known.set(0));
    }

    #[inline]
    fn recall(&self, slot: u16) -> Option<u64> {
        let slot = usize::from(slot);
        let is_known = self.known[slot / 64].get() >> (slot % 64) & 1 == 1;
        is_known.then(|| self.kept[slot].get())
    }

    #[inline]
    fn keep(&self, slot: u16, bits: u64) {
        let slot = usize::from(slot);
        let known = &self.known[slot / 64];
        known.set(known.get() | 1 << (slot % 64));
        self.kept[slot].set(bits);
    }
}

/// The step, and with it the register, of a program.
type At = u8;

/// What a step does. Its value goes into the register of its own number.
#[derive(Debug, Clone, Copy)]
enum Step {
    Column(Lane, u32),
    /// A literal, by its number.
    Literal(At),
    Of(Operation<At>),
    /// A tree, by its number.
    Asked(At),
    /// Ends where it is not true.
    Require(At),
    /// The kept value, and on to where it is no longer needed to compute it.
    Recall {
        slot: u16,
        past: At,
    },
    /// Keeps a value, and gives it to the step that would have recalled it.
    Keep {
        slot: u16,
        of: At,
        into: At,
    },
    /// The value, and on to another step where it decides: true for `OR`, false for `AND`.
    Decide {
        value: u8,
        of: At,
        past: At,
    },
    /// On to another step where it is not true.
    Unless {
        of: At,
        past: At,
    },
    /// Gives a value to another register, and on to another step.
    Give {
        of: At,
        into: At,
        past: At,
    },
}

// Eight of them to a cache line.
const _: () = assert!(size_of::<Step>() == 8);

/// Puts programs in steps that will be asked of one row, one after another, each with the number of the
/// schema that it is of; what they have in common is kept in one [`Scratch`]. One that would have too
/// many steps is left as it is.
pub fn put_in_steps<'p>(programs: impl IntoIterator<Item = (usize, &'p mut Program)>) {
    let mut common = Common::default();
    // What is met often has to be known before the first is made.
    let met: Vec<(Apart, &mut Program)> = programs
        .into_iter()
        .filter_map(|(schema, program)| Some((common.meet(schema, program)?, program)))
        .collect();
    for (apart, program) in met {
        let (steps, found, held) = Default::default();
        let mut making = Making { common: &mut common, steps, found, held };
        if let Some(result) = making.all(apart) {
            let Making { steps, held, .. } = making;
            (program.steps, program.held, program.result) = (steps.into(), held, result);
        }
    }
}

/// What programs have in common.
#[derive(Debug, Default)]
struct Common {
    parts: Parts,
    kept: u16,
}

impl Common {
    /// Nothing where the value is no number.
    fn meet(&mut self, schema: usize, program: &Program) -> Option<Apart> {
        let value = program.value.root.clone().real()?;
        let apart = self.parts.apart(schema, &program.condition.root, &value);
        self.parts.meet(&apart);
        Some(apart)
    }

    fn slot(&mut self, number: Number) -> Option<u16> {
        let part = self.parts.part_mut(number);
        if part.slot.is_none() && usize::from(self.kept) < MOST_KEPT {
            part.slot = Some(self.kept);
            self.kept += 1;
        }
        part.slot
    }
}

/// What steps name by number.
#[derive(Debug, Clone, Default)]
struct Held {
    literals: Vec<u64>,
    asked: Vec<Asked>,
}

/// A condition, and the value where it is true.
#[derive(Debug, Clone)]
pub struct Program {
    /// None where the trees are asked.
    steps: Box<[Step]>,
    held: Held,
    result: At,
    condition: Expression,
    value: Expression,
}

impl Program {
    /// Of a condition and a number, which are asked as they are until [`put_in_steps`].
    pub fn new(condition: Expression, value: Expression) -> Program {
        Program { steps: Box::default(), held: Held::default(), result: 0, condition, value }
    }

    /// The condition.
    pub fn condition(&self) -> &Expression {
        &self.condition
    }

    /// The value.
    pub fn value(&self) -> &Expression {
        &self.value
    }

    /// The value as [`Expression::real`] has it where the condition is true, and zero where it is NULL;
    /// nothing where the condition is not true.
    ///
    /// # Panics
    /// Where the row gives a value that is not of the column's type.
    #[inline]
    pub fn ask(&self, row: &(impl Row + ?Sized), scratch: &Scratch) -> Option<f64> {
        match self.run(row, scratch) {
            Ran::To(value) => Some(step::real(value).unwrap_or(0.0)),
            Ran::Untrue => None,
            Ran::Aground if self.condition.is_true(row) => {
                Some(self.value.real(row).unwrap_or(0.0))
            }
            Ran::Aground => None,
        }
    }

    #[inline]
    fn run(&self, row: &(impl Row + ?Sized), scratch: &Scratch) -> Ran {
        let registers = &*scratch.registers;
        let at = |register: At| registers[usize::from(register)].get();
        let mut next = 0;
        while let Some(step) = self.steps.get(next) {
            let mut on = next + 1;
            let bits = match *step {
                Step::Of(operation) => operation.run(at),
                Step::Column(lane, column) => column_of(row, lane, column),
                Step::Literal(number) => Some(self.held.literals[usize::from(number)]),
                Step::Require(of) => {
                    if at(of) != step::TRUE {
                        return Ran::Untrue;
                    }
                    next = on;
                    continue;
                }
                Step::Recall { slot, past } => match scratch.recall(slot) {
                    Some(bits) => {
                        on = usize::from(past);
                        Some(bits)
                    }
                    None => Some(0),
                },
                Step::Keep { slot, of, into } => {
                    scratch.keep(slot, at(of));
                    registers[usize::from(into)].set(at(of));
                    Some(0)
                }
                Step::Decide { value, of, past } => {
                    if at(of) == u64::from(value) {
                        on = usize::from(past);
                    }
                    Some(at(of))
                }
                Step::Unless { of, past } => {
                    if at(of) != step::TRUE {
                        on = usize::from(past);
                    }
                    Some(0)
                }
                Step::Give { of, into, past } => {
                    registers[usize::from(into)].set(at(of));
                    on = usize::from(past);
                    Some(0)
                }
                Step::Asked(number) => Some(self.held.asked[usize::from(number)].of(row)),
            };
            let Some(bits) = bits else { return Ran::Aground };
            registers[next % MOST_STEPS].set(bits);
            next = on;
        }
        if self.steps.is_empty() { Ran::Aground } else { Ran::To(at(self.result)) }
    }
}

/// How a program ended.
enum Ran {
    /// With a value.
    To(u64),
    /// The condition is not true.
    Untrue,
    /// Something does not fit a register: the tree knows.
    Aground,
}

#[inline]
fn column_of(row: &(impl Row + ?Sized), lane: Lane, column: u32) -> Option<u64> {
    let column = column as usize;
    match lane {
        Lane::Real => Some(step::of_real(Real::read(row, column))),
        Lane::Whole => Whole::read(row, column).map_or(Some(lane.null()), step::fitting),
        Lane::Truth => Some(step::of_truth(Truth::read(row, column))),
    }
}

impl Asked {
    #[inline(never)]
    fn of(&self, row: &(impl Row + ?Sized)) -> u64 {
        match self {
            Asked::Real(node) => step::of_real(node.evaluate(row)),
            Asked::Truth(node) => step::of_truth(node.evaluate(row)),
        }
    }
}

/// A program in the making.
struct Making<'c> {
    common: &'c mut Common,
    steps: Vec<Step>,
    /// Parts whose value is in a register from here on.
    found: Vec<(Number, At)>,
    held: Held,
}

impl Making<'_> {
    /// The register of the value; nothing where the program is too long.
    fn all(&mut self, Apart { mut conditions, value }: Apart) -> Option<At> {
        let is_deep = |&number: &Number| self.common.parts.part(number).depth > DEEPEST;
        if is_deep(&value) || conditions.iter().any(is_deep) {
            return None;
        }
        // What is quick first, and what others asked for is about as quick as they are many.
        conditions.sort_by_key(|number| {
            let part = self.common.parts.part(*number);
            part.cost / part.uses.max(1)
        });
        for condition in conditions {
            let of = self.part(condition, 1)?;
            self.step(Step::Require(of))?;
        }
        self.part(value, 1)
    }

    /// The number of a literal.
    fn literal(&mut self, bits: u64) -> Option<At> {
        let literals = &mut self.held.literals;
        let known = literals.iter().position(|literal| *literal == bits);
        let at = known.unwrap_or(literals.len());
        if known.is_none() {
            literals.push(bits);
        }
        At::try_from(at).ok()
    }

    fn step(&mut self, step: Step) -> Option<At> {
        // The last number is left for what is past the end.
        let at = At::try_from(self.steps.len()).ok().filter(|at| *at < At::MAX)?;
        self.steps.push(step);
        Some(at)
    }

    /// Where the next step will be.
    fn past(&self) -> At {
        At::try_from(self.steps.len()).unwrap_or(At::MAX)
    }

    /// Computes a part within another that is used so often; its register.
    fn part(&mut self, number: Number, within: u32) -> Option<At> {
        if let Some(&(_, at)) = self.found.iter().find(|(found, _)| *found == number) {
            return Some(at);
        }
        let part = self.common.parts.part(number);
        let uses = part.uses;
        let is_kept = uses > within && part.cost >= LEAST_KEPT;
        let at = match is_kept.then(|| self.common.slot(number)).flatten() {
            None => self.made(number, within)?,
            Some(slot) => {
                let recall = self.step(Step::Recall { slot, past: 0 })?;
                let of = self.aside(|making| making.made(number, uses))?;
                self.step(Step::Keep { slot, of, into: recall })?;
                self.steps[usize::from(recall)] = Step::Recall { slot, past: self.past() };
                recall
            }
        };
        self.found.push((number, at));
        Some(at)
    }

    /// What may be stepped over: the registers that it fills are not to be relied on behind it.
    fn aside(&mut self, make: impl FnOnce(&mut Self) -> Option<At>) -> Option<At> {
        let found = self.found.len();
        let at = make(self);
        self.found.truncate(found);
        at
    }

    fn made(&mut self, number: Number, within: u32) -> Option<At> {
        let step = match self.common.parts.part(number).made {
            Made::Column(lane, column) => Step::Column(lane, u32::try_from(column).ok()?),
            Made::Literal(bits) => Step::Literal(self.literal(bits)?),
            Made::Asked(asked) => {
                self.held.asked.push(self.common.parts.asked(asked).clone());
                Step::Asked(At::try_from(self.held.asked.len() - 1).ok()?)
            }
            Made::Of(operation) => match operation {
                Operation::And(pair) if self.is_slow(pair[1]) => {
                    return self.joined(Operation::And, step::FALSE, pair, within);
                }
                Operation::Or(pair) if self.is_slow(pair[1]) => {
                    return self.joined(Operation::Or, step::TRUE, pair, within);
                }
                Operation::Choose(parts) if self.is_slow(parts[1]) || self.is_slow(parts[2]) => {
                    return self.chosen(parts, within);
                }
                _ => Step::Of(operation.of(&mut |operand| self.part(operand, within))?),
            },
        };
        self.step(step)
    }

    fn is_slow(&self, number: Number) -> bool {
        self.common.parts.part(number).cost >= LEAST_SKIPPED
    }

    /// Gives a value to another register, and goes on with the next step.
    fn give(&mut self, of: At, into: At) -> Option<At> {
        let past = self.past().checked_add(1)?;
        self.step(Step::Give { of, into, past })
    }

    /// Two conditions, the second of which is not asked for where the first decides.
    fn joined(
        &mut self,
        join: fn([At; 2]) -> Operation<At>,
        value: u64,
        [first, second]: [Number; 2],
        within: u32,
    ) -> Option<At> {
        let value = u8::try_from(value).ok()?;
        let of = self.part(first, within)?;
        let decide = self.step(Step::Decide { value, of, past: 0 })?;
        let second = self.aside(|making| making.part(second, within))?;
        let both = self.step(Step::Of(join([of, second])))?;
        self.give(both, decide)?;
        self.steps[usize::from(decide)] = Step::Decide { value, of, past: self.past() };
        Some(decide)
    }

    /// One of two, and the other is not asked for.
    fn chosen(&mut self, [condition, yes, no]: [Number; 3], within: u32) -> Option<At> {
        let of = self.part(condition, within)?;
        let unless = self.step(Step::Unless { of, past: 0 })?;
        let yes = self.aside(|making| making.part(yes, within))?;
        let give = self.give(yes, unless)?;
        self.steps[usize::from(unless)] = Step::Unless { of, past: self.past() };
        let no = self.aside(|making| making.part(no, within))?;
        self.give(no, unless)?;
        self.steps[usize::from(give)] = Step::Give { of: yes, into: unless, past: self.past() };
        Some(unless)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql::{Schema, Type, Value};

    /// A row of one real number, that counts how often it was asked for.
    struct Counting {
        share: f64,
        asked: Cell<usize>,
    }

    impl Row for Counting {
        fn get(&self, _: usize) -> Value<'_> {
            self.asked.set(self.asked.get() + 1);
            Value::Real(self.share)
        }
    }

    fn schema() -> Schema {
        let columns = ["share", "other"].map(|name| (name.to_owned(), Type::Real));
        Schema::new(columns.to_vec())
    }

    fn program(text: &str) -> Program {
        let compiled = |text| Expression::compile(text, &schema()).expect("it compiles");
        let (condition, value) = text.split_once('|').unwrap_or(("TRUE", text));
        Program::new(compiled(condition), compiled(value))
    }

    /// Of a schema each, with what they have in common.
    fn programs<T: AsRef<str>>(texts: &[(usize, T)]) -> Vec<Program> {
        let mut programs: Vec<Program> =
            texts.iter().map(|(_, text)| program(text.as_ref())).collect();
        put_in_steps(texts.iter().map(|(schema, _)| *schema).zip(&mut programs));
        programs
    }

    /// How often each asks for a column, asked one after the other of a row; its value is that of
    /// the tree.
    fn columns_asked<T: AsRef<str>>(texts: &[(usize, T)], share: f64) -> Vec<usize> {
        let scratch = Scratch::default();
        let programs = programs(texts);
        let asked = programs.iter().map(|program| {
            let row = Counting { share, asked: Cell::default() };
            let value = program.ask(&row, &scratch);
            let asked = row.asked.get();
            let by_tree = program.condition().is_true(&row);
            let by_tree = by_tree.then(|| program.value().real(&row).unwrap_or(0.0));
            assert_eq!(value.map(f64::to_bits), by_tree.map(f64::to_bits));
            asked
        });
        asked.collect()
    }

    #[test]
    fn what_programs_share_is_computed_once() {
        let surprise = "surprise(3, 1 / share + share)";
        let texts = [
            surprise.to_owned(),
            format!("{surprise} + 1e0"),
            format!("{surprise} * {surprise} < 1e0 | {surprise} + share"),
            format!("share > 9e0 | {surprise}"),
        ];
        for share in [0.25, 2.0, 0.0, -3.0] {
            let asked = columns_asked(&texts.clone().map(|text| (3, text)), share);
            // Without it, it is known not to be true.
            let of_share = usize::from(share > 0.0);
            assert_eq!(asked, [1, 0, of_share, 1], "of {share}");
        }
    }

    #[test]
    fn equal_parts_of_other_schemas_are_not_shared() {
        let text = "surprise(3, share)";
        assert_eq!(columns_asked(&[(3, text), (4, text), (3, text)], 1.0), [1, 1, 0]);
    }

    #[test]
    fn zero_and_its_negative_are_not_shared() {
        let texts = ["1 / surprise(1, share * 0e0)", "1 / surprise(1, share * (-0e0))"];
        let texts = texts.map(|text| (0, format!("abs(ln({text}) * share * 2e0 - 7e0)")));
        assert_eq!(columns_asked(&[&texts[..], &texts].concat(), 1.0), [1, 1, 0, 0]);
    }

    #[test]
    fn there_may_be_more_to_keep_than_there_is_room_for() {
        let texts: Vec<(usize, String)> =
            (0..2 * MOST_KEPT).map(|n| (0, format!("surprise(share, {n}.5e-3)"))).collect();
        let asked = columns_asked(&[&texts[..], &texts].concat(), 2.0);
        assert_eq!(asked[..texts.len()], vec![1; texts.len()]);
        let again: usize = asked[texts.len()..].iter().sum();
        assert_eq!(again, texts.len() - MOST_KEPT);
    }

    #[test]
    fn what_is_too_long_for_a_program_is_asked_of_the_tree() {
        for terms in [10, 100, 125] {
            let terms: Vec<String> = (0..terms).map(|n| format!("share * {n}e0")).collect();
            let text = terms.join(" + ");
            let in_steps = !programs(&[(0, &text)])[0].steps.is_empty();
            assert_eq!(in_steps, terms.len() < 80, "{}", terms.len());
            columns_asked(&[(0, &text), (0, &text)], 1.5);
        }
    }

    #[test]
    fn what_is_wide_or_deep_is_asked_of_the_tree_where_no_program_holds_it() {
        let of = |count: u32, part: fn(u32) -> String, joint: &str| {
            (0..count).map(part).collect::<Vec<_>>().join(joint)
        };
        let list = of(7_000, |n| format!("{n}e0"), ", ");
        let nested = (0..60).fold("share".to_owned(), |inner, n| format!("abs({inner} - {n}e0)"));
        let texts = [
            of(500, |n| format!("share <> {n}e0"), " AND ") + "| share",
            of(500, |n| format!("share <> {n}e0"), " OR ") + "| share",
            format!("coalesce(share, {list})"),
            format!("least(share, {list})"),
            nested,
            format!("CASE {} END", of(200, |n| format!("WHEN share > {n}e0 THEN share"), " ")),
            of(120, |n| format!("share + {n}e0 > 0e0"), " OR ") + "| 1",
        ];
        for text in &texts {
            columns_asked(&[(0, text), (1, text), (0, text)], 2.0);
        }
        // What becomes a program is not so deep that a small stack does not hold it.
        let mut compiled: Vec<Program> = texts.iter().map(|text| program(text)).collect();
        let small = std::thread::Builder::new().stack_size(256 << 10);
        let asked = move || {
            put_in_steps(compiled.iter_mut().map(|program| (0, program)));
        };
        small.spawn(asked).expect("a thread").join().expect("it fits");
    }

    #[test]
    fn what_does_not_decide_is_not_computed() {
        let slow = "uneven(share, 2, 0.5) > ln(other)";
        let either = format!("share > 0e0 OR {slow} | 1");
        let both = format!("NOT (share > 0e0 AND {slow}) | 1");
        let case = format!("CASE WHEN share > 0e0 THEN 1e0 WHEN {slow} THEN share ELSE other END");
        assert_eq!(columns_asked(&[(0, &either), (1, &both), (2, &case)], 1.0), [1, 2, 1]);
        assert_eq!(columns_asked(&[(0, &either), (1, &both), (2, &case)], -1.0), [2, 1, 2]);
    }

    /// Decimal numbers made of two columns of whole numbers.
    fn decimal() -> impl Strategy<Value = String> {
        let leaves = ["i", "j", "i", "j", "0.5", "1.25", "3", "0.10", "2.000", "0.003"];
        let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 3, |inner| {
            let two =
                (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*", "%"]));
            let most = ["least", "greatest", "coalesce"];
            prop_oneof![
                4 => two.prop_map(|(a, b, sign)| format!("({a} {sign} {b})")),
                1 => inner.clone().prop_map(|a| format!("(-{a})")),
                1 => inner.clone().prop_map(|a| format!("abs({a})")),
                1 => (inner.clone(), inner.clone(), prop::sample::select(most.to_vec()))
                    .prop_map(|(a, b, most)| format!("{most}({a}, {b})")),
                1 => (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("CASE WHEN {a} < {b} THEN {b} ELSE {c} END")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn decimals_of_whole_numbers_are_exact_and_no_tree_is_asked(
            (left, right, value) in (decimal(), decimal(), decimal()),
            rows in prop::collection::vec(
                prop::array::uniform2(prop_oneof![
                    4 => (-3_i128..9).prop_map(Some),
                    1 => (-4_000_000_000_000_i128..4_000_000_000_000).prop_map(Some),
                    1 => Just(Some(i128::from(i64::MAX))),
                    1 => Just(None),
                ]),
                1..8,
            ),
        ) {
            let columns = ["i", "j"].map(|name| (name.to_owned(), Type::Int));
            let schema = Schema::new(columns.to_vec());
            let compiled = |text: &str| Expression::compile(text, &schema).expect("it compiles");
            for how in ["<", ">="] {
                let condition = format!("{left} {how} {right} OR {left} IS NULL");
                let mut program = Program::new(compiled(&condition), compiled(&value));
                put_in_steps([(0, &mut program)]);
                prop_assert!(!program.steps.is_empty() && program.held.asked.is_empty());
                for row in &rows {
                    let row = row.map(|whole| whole.map_or(Value::Null, Value::Int));
                    let by_steps = program.ask(&row[..], &Scratch::default());
                    let is_true = program.condition().is_true(&row[..]);
                    let by_tree = is_true.then(|| program.value().real(&row[..]).unwrap_or(0.0));
                    prop_assert_eq!(by_steps.map(f64::to_bits), by_tree.map(f64::to_bits));
                }
            }
        }
    }
}
