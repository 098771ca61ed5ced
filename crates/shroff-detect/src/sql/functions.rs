//! The functions of the language: their names, how many arguments they take, and of what type.

use std::cmp::Ordering;

use sqlparser::ast::{
    CeilFloorKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned,
    TrimWhereField,
};
use sqlparser::tokenizer::Span;

use super::clock::ClockPart;
use super::compile::{Compiler, Typed, exact, finish, nearest, real, text_node, whole};
use super::kinds::{Any, Group, join};
use super::number::Rounding;
use super::text::Side;
use super::tree::{
    Curve, ExactOperation, Node, RealOperation, Test, TextOperation, Where, WholeOperation,
};
use super::{SqlError, Type};

/// Name, fewest and most arguments.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("abs", 1, 1),
    ("ceil", 1, 1),
    ("ceiling", 1, 1),
    ("coalesce", 1, usize::MAX),
    ("contains", 2, 2),
    ("day", 1, 1),
    ("ends_with", 2, 2),
    ("exp", 1, 1),
    ("floor", 1, 1),
    ("greatest", 1, usize::MAX),
    ("hour", 1, 1),
    ("isodow", 1, 1),
    ("least", 1, usize::MAX),
    ("length", 1, 1),
    ("ln", 1, 1),
    ("log10", 1, 1),
    ("log2", 1, 1),
    ("lower", 1, 1),
    ("ltrim", 1, 2),
    ("minute", 1, 1),
    ("month", 1, 1),
    ("nullif", 2, 2),
    ("pow", 2, 2),
    ("power", 2, 2),
    ("round", 1, 2),
    ("rtrim", 1, 2),
    ("sign", 1, 1),
    ("sqrt", 1, 1),
    ("starts_with", 2, 2),
    ("substr", 2, 3),
    ("substring", 2, 3),
    ("surprise", 2, 3),
    ("trim", 1, 2),
    ("uneven", 3, 3),
    ("upper", 1, 1),
    ("year", 1, 1),
];

/// Functions over many rows, which analysts know and rules do not have.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "count",
    "first",
    "kurtosis",
    "last",
    "list",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "quantile",
    "rank",
    "row_number",
    "skewness",
    "stddev",
    "string_agg",
    "sum",
    "var_pop",
    "variance",
];

/// What a call is being made of.
struct Call<'a> {
    name: &'a str,
    place: Span,
    constant: bool,
}

impl Compiler<'_> {
    /// A call of a function, also of those that the parser reads by a grammar of their own.
    pub(super) fn function(&mut self, expression: &Expr) -> Result<Typed, SqlError> {
        match expression {
            Expr::Function(function) => {
                let (name, arguments) = self.checked_call(function)?;
                self.call(&name, function.name.span(), &arguments)
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(_) } => {
                self.call("ceil", Span::empty(), &[expr])
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(_) } => {
                self.call("floor", Span::empty(), &[expr])
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments: Vec<&Expr> = vec![expr, from];
                arguments.extend(substring_for.as_deref());
                self.call("substr", Span::empty(), &arguments)
            }
            Expr::Trim { expr, trim_where, trim_what, trim_characters } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let mut arguments: Vec<&Expr> = vec![expr];
                arguments.extend(trim_what.as_deref());
                arguments.extend(trim_characters.iter().flatten());
                self.call(name, Span::empty(), &arguments)
            }
            other => Err(self.error(other.span(), "a function is called as name(a, b)")),
        }
    }

    /// The name in small letters and the arguments of a plain call.
    fn checked_call<'e>(
        &self,
        function: &'e Function,
    ) -> Result<(String, Vec<&'e Expr>), SqlError> {
        let place = function.name.span();
        let name = function.name.to_string().to_lowercase();
        if function.over.is_some() || AGGREGATES.contains(&name.as_str()) {
            let what = format!("`{name}` speaks of many rows, a rule of one payment");
            return Err(self.error(place, what).with_hint(match name.as_str() {
                "min" => "the least of several columns is least(a, b)",
                "max" => "the greatest of several columns is greatest(a, b)",
                _ => "what lies in other payments is told by features",
            }));
        }
        let plain = function.filter.is_none()
            && function.within_group.is_empty()
            && function.null_treatment.is_none()
            && function.parameters == FunctionArguments::None
            && !function.uses_odbc_syntax;
        if let FunctionArguments::List(list) = &function.args
            && plain
            && list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
        {
            let argument = |given: &'e FunctionArg| match given {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                _ => None,
            };
            if let Some(arguments) = list.args.iter().map(argument).collect() {
                return Ok((name, arguments));
            }
        }
        let what = format!("`{name}` is not called as a plain function");
        Err(self.error(place, what).with_hint("a function is called as name(a, b)"))
    }

    fn call(&mut self, name: &str, place: Span, arguments: &[&Expr]) -> Result<Typed, SqlError> {
        let Some((_, fewest, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            let error = self.error(place, format!("there is no function `{name}`"));
            let known = FUNCTIONS.iter().map(|(known, ..)| *known);
            return Err(match nearest(name, known.clone()) {
                Some(near) => error.with_hint(format!("did you mean {near}?")),
                None => {
                    error.with_hint(format!("there are {}", known.collect::<Vec<_>>().join(", ")))
                }
            });
        };
        let mut parts = Vec::with_capacity(arguments.len());
        for argument in arguments {
            parts.push(self.expression(argument)?);
        }
        let place = parts.iter().fold(place, |place, part| place.union(&part.place));
        if !(*fewest..=*most).contains(&parts.len()) {
            let wanted = match (fewest, most) {
                (1, &usize::MAX) => "at least 1 argument".to_owned(),
                (1, 1) => "1 argument".to_owned(),
                (fewest, most) if fewest == most => format!("{fewest} arguments"),
                (fewest, most) => format!("{fewest} or {most} arguments"),
            };
            let what = format!("`{name}` takes {wanted}, here are {}", parts.len());
            return Err(self.error(place, what));
        }
        let constant = parts.iter().all(|part| part.constant);
        let call = Call { name, place, constant };
        let any = match name {
            "coalesce" | "greatest" | "least" => self.choice(&call, parts)?,
            "nullif" => self.nullif(parts)?,
            "contains" | "ends_with" | "length" | "lower" | "ltrim" | "rtrim" | "starts_with"
            | "substr" | "substring" | "trim" | "upper" => self.text_call(&call, parts)?,
            "round" => self.round(&call, parts)?,
            "year" | "month" | "day" | "isodow" | "hour" | "minute" => {
                self.clock_call(&call, parts)?
            }
            _ => self.number_call(&call, parts)?,
        };
        Ok(finish(any, call.place, call.constant))
    }

    fn choice(&self, call: &Call<'_>, parts: Vec<Typed>) -> Result<Any, SqlError> {
        let (group, ..) = self.unify(parts, "mix")?;
        Ok(match call.name {
            "coalesce" => join!(group, nodes => Node::Coalesce(nodes)),
            "least" => join!(group, nodes => Node::Extreme(Ordering::Less, nodes)),
            _ => join!(group, nodes => Node::Extreme(Ordering::Greater, nodes)),
        })
    }

    /// `nullif` keeps the type of its first argument, whatever it is compared with.
    fn nullif(&self, parts: Vec<Typed>) -> Result<Any, SqlError> {
        self.comparable(&parts)?;
        let mut parts = parts.into_iter().map(|part| part.any);
        let (first, other) = (parts.next().unwrap_or(Any::Null), parts.next().unwrap_or(Any::Null));
        Ok(match first {
            Any::Null => Any::Null,
            Any::Truth(node) => Any::Truth(Node::Nullif(Box::new((node, other)))),
            Any::Whole(node) => Any::Whole(Node::Nullif(Box::new((node, other)))),
            Any::Exact(node) => Any::Exact(Node::Nullif(Box::new((node, other)))),
            Any::Real(node) => Any::Real(Node::Nullif(Box::new((node, other)))),
            Any::Text(node) => Any::Text(Node::Nullif(Box::new((node, other)))),
        })
    }

    fn text_call(&self, call: &Call<'_>, parts: Vec<Typed>) -> Result<Any, SqlError> {
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or(NONE);
        let first = self.textual(next(), call.name)?;
        let find = |place, part| {
            let pair = [first.clone(), self.textual(part, call.name)?];
            Ok(Any::Truth(Node::Operation(Box::new(Test::Find(place, pair)))))
        };
        match call.name {
            "contains" => find(Where::Anywhere, next()),
            "starts_with" => find(Where::Start, next()),
            "ends_with" => find(Where::End, next()),
            "length" => Ok(whole(WholeOperation::Length(first))),
            "lower" => Ok(text_node(TextOperation::Lower(first))),
            "upper" => Ok(text_node(TextOperation::Upper(first))),
            "substr" | "substring" => {
                let start = self.whole(next(), call.name)?;
                let length = parts.next().map(|part| self.whole(part, call.name)).transpose()?;
                Ok(text_node(TextOperation::Substring(first, start, length)))
            }
            _ => {
                let side = match call.name {
                    "ltrim" => Side::Start,
                    "rtrim" => Side::End,
                    _ => Side::Both,
                };
                let characters = match parts.next() {
                    Some(part) => self.textual(part, call.name)?,
                    None => Node::Literal(" ".into()),
                };
                Ok(text_node(TextOperation::Trim(side, [first, characters])))
            }
        }
    }

    fn whole(&self, part: Typed, who: &str) -> Result<Node<super::tree::Whole>, SqlError> {
        let kind = part.any.kind();
        part.any.whole().ok_or_else(|| {
            let found = kind.map_or("NULL", Type::name);
            self.error(part.place, format!("`{who}` counts in whole numbers, this is {found}"))
        })
    }

    fn round(&self, call: &Call<'_>, parts: Vec<Typed>) -> Result<Any, SqlError> {
        let mut parts = parts.into_iter();
        let number = self.numeric(parts.next().unwrap_or(NONE), call.name)?;
        let decimals = match parts.next() {
            None => 0,
            Some(Typed { any: Any::Whole(Node::Literal(decimals)), place, .. }) => {
                // Beyond 22 a power of ten is no longer an exact real.
                i8::try_from(decimals).ok().filter(|n| (-22..=22).contains(n)).ok_or_else(|| {
                    self.error(place, "a number is rounded to between -22 and 22 decimals")
                })?
            }
            Some(other) => {
                return Err(self
                    .error(other.place, "the decimals to round to are a whole number")
                    .with_hint("it is written out, as in round(amount, 2)"));
            }
        };
        Ok(match number {
            Any::Exact(node) => exact(ExactOperation::Round(node, decimals, Rounding::Nearest)),
            Any::Real(node) => real(RealOperation::Round(node, decimals)),
            other => {
                let node = other.whole().unwrap_or(Node::Null);
                let zeros = u8::try_from(-decimals).unwrap_or(0);
                whole(WholeOperation::Round(node, zeros))
            }
        })
    }

    fn clock_call(&self, call: &Call<'_>, parts: Vec<Typed>) -> Result<Any, SqlError> {
        let instant = self.whole(parts.into_iter().next().unwrap_or(NONE), call.name)?;
        let part = ClockPart::named(call.name);
        Ok(part.map_or(Any::Null, |part| whole(WholeOperation::Clock(part, instant))))
    }

    fn number_call(&self, call: &Call<'_>, parts: Vec<Typed>) -> Result<Any, SqlError> {
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or(NONE);
        let curve = match call.name {
            "sqrt" => Curve::SquareRoot,
            "exp" => Curve::Exponential,
            "ln" => Curve::NaturalLogarithm,
            "log10" => Curve::Logarithm10,
            "log2" => Curve::Logarithm2,
            "pow" | "power" => {
                let pair = [self.real(next(), call.name)?, self.real(next(), call.name)?];
                return Ok(real(RealOperation::Power(pair)));
            }
            "surprise" => {
                let pair = [self.real(next(), call.name)?, self.real(next(), call.name)?];
                let seen = parts.next().map(|seen| self.real(seen, call.name)).transpose()?;
                return Ok(real(RealOperation::Surprise(pair, seen)));
            }
            "uneven" => {
                let [part, whole, share] = [next(), next(), next()];
                let parts = [
                    self.real(part, call.name)?,
                    self.real(whole, call.name)?,
                    self.real(share, call.name)?,
                ];
                return Ok(real(RealOperation::Uneven(parts)));
            }
            "sign" => return Ok(whole(WholeOperation::Sign(self.numeric(next(), call.name)?))),
            "abs" => {
                return Ok(match self.numeric(next(), call.name)? {
                    Any::Exact(node) => exact(ExactOperation::Magnitude(node)),
                    Any::Real(node) => real(RealOperation::One(Curve::Magnitude, node)),
                    other => {
                        let node = other.whole().unwrap_or(Node::Null);
                        whole(WholeOperation::Magnitude(node))
                    }
                });
            }
            name => {
                let (how, curve) = match name {
                    "floor" => (Rounding::Floor, Curve::Floor),
                    _ => (Rounding::Ceiling, Curve::Ceiling),
                };
                return Ok(match self.numeric(next(), call.name)? {
                    Any::Exact(node) => exact(ExactOperation::Round(node, 0, how)),
                    Any::Real(node) => real(RealOperation::One(curve, node)),
                    other => Any::Whole(other.whole().unwrap_or(Node::Null)),
                });
            }
        };
        Ok(real(RealOperation::One(curve, self.real(next(), call.name)?)))
    }
}

/// An argument that is not there; their number was checked before.
const NONE: Typed =
    Typed { any: Any::Null, place: Span { start: NOWHERE, end: NOWHERE }, constant: true };
const NOWHERE: sqlparser::tokenizer::Location =
    sqlparser::tokenizer::Location { line: 0, column: 0 };
