//! The expressions of rules and filters: SQL's scalar expressions, typed before they run, compiled
//! to a compact tree, and evaluated with three-valued logic.
//!
//! Meaning is DuckDB's, and a test compares the two, with these differences on purpose:
//! - What is an error or not a finite number there is NULL here: a division by zero, `ln(0)`, a
//!   result that does not fit. A rule must not stop the payments behind it, nor infinity fire it.
//! - Whole numbers are evaluated in 128 bits, so that no sum or product of two 64-bit columns
//!   overflows; decimals are exact to 38 digits, with as many decimals as their values have.
//! - Nothing is converted between text, numbers and truth by itself: `method = 5` is an error at
//!   its place. Numbers widen by themselves, whole to decimal to real.
//! - A comparison inside a comparison needs parentheses, as its reading differs between databases.

mod bounds;
mod clock;
mod compile;
mod error;
mod functions;
mod kinds;
mod never;
mod number;
mod parts;
mod program;
mod protected;
mod step;
mod text;
mod tree;

use std::borrow::Cow;

use shroff_types::Decimal;

pub use self::bounds::Bounds;
pub use self::error::SqlError;
use self::kinds::Any;
pub use self::program::{Program, Scratch, put_in_steps};
pub use self::protected::protected;

/// The longest text of an expression, in bytes.
pub const LONGEST_TEXT: usize = 65_536;

/// What a column or an expression holds, when it is not NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An exact decimal number: an amount in major units.
    Decimal,
    /// A finite real number.
    Real,
    /// Text.
    Text,
}

impl Type {
    /// As a message says it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Int => "a whole number",
            Type::Decimal => "a decimal number",
            Type::Real => "a real number",
            Type::Text => "text",
        }
    }
}

/// A value of a column or of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing is known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// An exact decimal number.
    Decimal(Decimal),
    /// A real number; one that is not finite reads as NULL.
    Real(f64),
    /// Text, borrowed unless an expression made it.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// As a number, rounded to the nearest real; true is 1. Nothing for NULL and text.
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Value::Null | Value::Text(_) => None,
            Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
            Value::Int(whole) => Some(number::real_of_whole(*whole)),
            Value::Decimal(exact) => Some(number::real_of_exact(*exact)),
            Value::Real(real) => Some(*real),
        }
    }
}

impl std::fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(whole) => write!(f, "{whole}"),
            Value::Decimal(exact) => write!(f, "{exact}"),
            Value::Real(real) => write!(f, "{real}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<i128> for Value<'_> {
    fn from(whole: i128) -> Self {
        Value::Int(whole)
    }
}

impl From<Decimal> for Value<'_> {
    fn from(exact: Decimal) -> Self {
        Value::Decimal(exact)
    }
}

impl From<f64> for Value<'_> {
    fn from(real: f64) -> Self {
        Value::Real(real)
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Value<'a> {
        Value::Text(text)
    }
}

/// The values that an expression is evaluated on.
pub trait Row {
    /// The value of a column, by its index in the [`Schema`]. It is NULL or of the column's type.
    fn get(&self, column: usize) -> Value<'_>;

    /// The value of a column of [`Type::Bool`]. This and those below may be written again where a
    /// row knows its types, to save the way through [`Value`].
    fn get_bool(&self, column: usize) -> Option<bool> {
        match self.get(column) {
            Value::Null => None,
            Value::Bool(truth) => Some(truth),
            other => mismatch(&other, Type::Bool),
        }
    }

    /// The value of a column of [`Type::Int`].
    fn get_int(&self, column: usize) -> Option<i128> {
        match self.get(column) {
            Value::Null => None,
            Value::Int(whole) => Some(whole),
            other => mismatch(&other, Type::Int),
        }
    }

    /// The value of a column of [`Type::Decimal`].
    fn get_decimal(&self, column: usize) -> Option<Decimal> {
        match self.get(column) {
            Value::Null => None,
            Value::Decimal(exact) => Some(exact),
            other => mismatch(&other, Type::Decimal),
        }
    }

    /// The value of a column of [`Type::Real`]; one that is not finite is NULL, also where this is
    /// written again.
    fn get_real(&self, column: usize) -> Option<f64> {
        match self.get(column) {
            Value::Null => None,
            Value::Real(real) => Some(real),
            other => mismatch(&other, Type::Real),
        }
    }

    /// The value of a column of [`Type::Text`].
    fn get_text(&self, column: usize) -> Option<Cow<'_, str>> {
        match self.get(column) {
            Value::Null => None,
            Value::Text(text) => Some(text),
            other => mismatch(&other, Type::Text),
        }
    }
}

/// A row broke its promise: a bug in the caller, never in an expression.
#[cold]
fn mismatch(value: &Value<'_>, wanted: Type) -> ! {
    panic!("a row gave {value:?} for a column that the schema calls {}", wanted.name())
}

impl Row for [Value<'_>] {
    fn get(&self, column: usize) -> Value<'_> {
        self[column].borrowed()
    }
}

impl Value<'_> {
    /// The same value, its text borrowed.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(truth) => Value::Bool(*truth),
            Value::Int(whole) => Value::Int(*whole),
            Value::Decimal(exact) => Value::Decimal(*exact),
            Value::Real(real) => Value::Real(*real),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
        }
    }
}

/// The columns that an expression may name. A name is found as written, or else whatever its case.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    columns: Vec<(String, Type)>,
    refused: Vec<(String, String)>,
    explain: Option<fn(&str) -> Option<String>>,
    constants: Vec<(String, f64)>,
    values: Vec<(String, String)>,
    ranges: Vec<(usize, Range)>,
}

/// Between what the values of a column lie, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: i64,
    /// The most, where there is one.
    pub high: Option<i64>,
}

impl Schema {
    /// A schema of these columns; their order is the index that [`Row::get`] is asked for.
    ///
    /// Where two have one name, it is ambiguous and the first is meant: callers refuse that before.
    pub fn new(columns: Vec<(String, Type)>) -> Schema {
        Schema { columns, ..Schema::default() }
    }

    /// Adds a column at the end, and returns its index.
    pub fn push(&mut self, name: impl Into<String>, kind: Type) -> usize {
        self.columns.push((name.into(), kind));
        self.columns.len() - 1
    }

    /// Makes a name known as one that no expression may use, and says why.
    pub fn refuse(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.refused.push((name.into(), reason.into()));
    }

    /// Lets a function say of an unknown name what is missing, such as a feature's block.
    pub fn explain_with(&mut self, explain: fn(&str) -> Option<String>) {
        self.explain = Some(explain);
    }

    /// Makes a name stand for a number.
    pub fn constant(&mut self, name: impl Into<String>, value: f64) {
        self.constants.push((name.into(), value));
    }

    /// Makes a name stand for an expression. Compile it by itself before, so that what is wrong in it
    /// is told at its place.
    pub fn value(&mut self, name: impl Into<String>, expression: impl Into<String>) {
        self.values.push((name.into(), expression.into()));
    }

    fn expression(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|(value, _)| value.eq_ignore_ascii_case(name));
        found.map(|(_, expression)| expression.as_str())
    }

    /// Says between what the values of a column lie, so that a condition that asks for more is
    /// known to be true on no row.
    pub fn bound(&mut self, column: usize, range: Range) {
        self.ranges.push((column, range));
    }

    /// The same, in place of what was said of it before.
    pub fn bound_again(&mut self, column: usize, range: Range) {
        self.ranges.retain(|(at, _)| *at != column);
        self.bound(column, range);
    }

    fn range(&self, column: usize) -> Option<Range> {
        self.ranges.iter().find(|(at, _)| *at == column).map(|(_, range)| *range)
    }

    fn number(&self, name: &str) -> Option<f64> {
        let found = self.constants.iter().find(|(constant, _)| constant.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }

    /// Name and type of each column.
    pub fn columns(&self) -> &[(String, Type)] {
        &self.columns
    }

    /// The index of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|(column, _)| column == name);
        exact.or_else(|| self.columns.iter().position(|(c, _)| c.eq_ignore_ascii_case(name)))
    }

    fn refusal(&self, name: &str) -> Option<&str> {
        let found = self.refused.iter().find(|(refused, _)| refused.eq_ignore_ascii_case(name));
        found.map(|(_, reason)| reason.as_str())
    }
}

/// One of the conditions that an `AND` joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conjunct {
    /// Its line and column in the text that it is a part of, from 1.
    pub place: (usize, usize),
    /// Itself.
    pub text: String,
    /// What it compares, where it does: one side or both.
    pub compared: Vec<String>,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Any,
    kind: Type,
    columns: Vec<usize>,
    never_true: Option<String>,
}

impl Expression {
    /// Parses, types and compiles an expression over the columns of `schema`.
    ///
    /// # Errors
    /// Where the text is not a scalar expression, names what does not exist, or mixes types.
    pub fn compile(text: &str, schema: &Schema) -> Result<Expression, SqlError> {
        let (root, columns) = compile::compile(text, schema)?;
        let kind = root.kind().unwrap_or(Type::Bool);
        let never_true = never::reason(&root, schema);
        Ok(Expression { root, kind, columns, never_true })
    }

    /// Parses, types and compiles a condition: an expression that is true, false or NULL.
    ///
    /// # Errors
    /// As [`Expression::compile`], and where the result is a number or text.
    pub fn compile_condition(text: &str, schema: &Schema) -> Result<Expression, SqlError> {
        let compiled = Expression::compile(text, schema)?;
        if compiled.kind == Type::Bool {
            return Ok(compiled);
        }
        let what = format!("a condition is true or false, this is {}", compiled.kind.name());
        let hint = "compare it with something, for example `... > 0`";
        Err(SqlError::at_text(text, 0..text.len(), what).with_hint(hint))
    }

    /// The type of its values; an expression that is always NULL counts as true or false.
    pub fn result_type(&self) -> Type {
        self.kind
    }

    /// The columns that it reads, ascending, each once.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Its value on a row. Allocates only where it makes new text.
    ///
    /// # Panics
    /// Where the row gives a value that is not of the column's type.
    pub fn evaluate<'r>(&'r self, row: &'r (impl Row + ?Sized)) -> Value<'r> {
        self.root.evaluate(row)
    }

    /// Its value on a row as [`Value::as_real`] has it.
    ///
    /// # Panics
    /// As [`Expression::evaluate`].
    pub fn real(&self, row: &(impl Row + ?Sized)) -> Option<f64> {
        match &self.root {
            Any::Real(node) => node.evaluate(row),
            Any::Null | Any::Truth(_) | Any::Whole(_) | Any::Exact(_) | Any::Text(_) => {
                self.evaluate(row).as_real()
            }
        }
    }

    /// Whether it is true on a row; NULL and false are both not.
    ///
    /// # Panics
    /// As [`Expression::evaluate`].
    pub fn is_true(&self, row: &(impl Row + ?Sized)) -> bool {
        match &self.root {
            Any::Truth(node) => node.is_true(row),
            Any::Null | Any::Whole(_) | Any::Exact(_) | Any::Real(_) | Any::Text(_) => false,
        }
    }

    /// Bounds of columns outside of which it is not true, where that is plain to see; of those that
    /// `is_bounded` says are looked at. And what is left of it: within the bounds it is true where the
    /// whole of it was.
    pub fn behind_bounds(
        mut self,
        is_bounded: impl Fn(usize) -> bool,
    ) -> (Vec<Bounds>, Expression) {
        let mut bounds = bounds::of(&self.root);
        bounds.retain(|bounds| is_bounded(bounds.column));
        bounds::take_out(&mut self.root, is_bounded);
        (bounds, self)
    }

    /// The conditions that the outermost `AND` of a text joins, in order.
    ///
    /// # Errors
    /// Where the text is no expression.
    pub fn conjuncts(text: &str) -> Result<Vec<Conjunct>, SqlError> {
        compile::conjuncts(text)
    }

    /// Why it is true on no row, where that is plain to see; nothing is no promise.
    pub fn never_true(&self) -> Option<&str> {
        self.never_true.as_deref()
    }
}

#[cfg(test)]
mod tests;
