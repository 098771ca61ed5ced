//! From text to the typed tree. `sqlparser` reads the text; what it reads beyond scalar expressions
//! is refused here, at its place.

use std::collections::BTreeSet;
use std::ops::Range;

use shroff_types::Decimal;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, ExactNumberInfo, Expr, Ident, InTarget, Spanned,
    UnaryOperator, Value as SqlValue, ValueWithSpan,
};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::kinds::{Any, Group, each, join, unified, widest};
use super::number::MOST_DIGITS;
use super::text::{self, Reading};
use super::tree::{
    Arithmetic, Bound, Case, Check, Comparison, Curve, Exact, ExactOperation, Joins, Links, Node,
    Real, RealOperation, Switch, Test, Text, TextOperation, Truth, Whole, WholeOperation,
};
use super::{LONGEST_TEXT, Schema, SqlError, Type};

/// How deep parentheses and functions nest. The parser recurses about twice for each.
const DEEPEST_NESTING: usize = 64;

/// How deep the tree may be, counting also each step of a chain such as `a + b + c`; `AND` and
/// `OR` chains count as one. Evaluation recurses that deep.
const DEEPEST_TREE: usize = 128;

/// How many words and signs an expression may have, not counting literals and commas, of which a
/// list may have many. It bounds the depth of the parser's tree, which is dropped recursively.
const MOST_TOKENS: usize = 2_048;

/// The words and signs of the language, as the parser asks for them.
#[derive(Debug)]
struct Analyst;

impl Dialect for Analyst {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"'
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }
}

/// The typed tree of a text, and the columns that it names, ascending.
pub(super) fn compile(text: &str, schema: &Schema) -> Result<(Any, Vec<usize>), SqlError> {
    let parsed = parse(text)?;
    let mut compiler = Compiler { text, schema, used: BTreeSet::new(), depth: 0 };
    let typed = compiler.expression(&parsed)?;
    Ok((typed.any, compiler.used.into_iter().collect()))
}

fn parse(text: &str) -> Result<Expr, SqlError> {
    if text.trim().is_empty() {
        return Err(SqlError::at_text(text, 0..0, "the expression is empty"));
    }
    if text.len() > LONGEST_TEXT {
        let what = format!("the expression has {} bytes", text.len());
        let hint = format!("{LONGEST_TEXT} are the most; is there a list that could be a column?");
        return Err(SqlError::at_text(text, 0..0, what).with_hint(hint));
    }
    let tokens = Tokenizer::new(&Analyst, text).tokenize_with_location().map_err(|error| {
        SqlError::at_text(text, at(text, error.location)..text.len(), error.message)
    })?;
    check_length(text, &tokens)?;
    let mut parser = Parser::new(&Analyst)
        .with_recursion_limit(DEEPEST_NESTING)
        .with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr().map_err(|error| parser_error(text, error))?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(parsed);
    }
    let what = format!("`{}` comes after the end of the expression", next.token);
    Err(SqlError::at_text(text, range(text, next.span), what)
        .with_hint("is AND or OR missing before it, or an operator?"))
}

/// The conditions that the outermost `AND` joins, each with its place in the text and, where it
/// compares, with what it compares.
pub(super) fn conjuncts(text: &str) -> Result<Vec<super::Conjunct>, SqlError> {
    let parsed = parse(text)?;
    let (mut open, mut found) = (vec![&parsed], Vec::new());
    while let Some(expression) = open.pop() {
        match expression {
            Expr::Nested(inner) => open.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                open.extend([&**right, &**left]);
            }
            _ => {
                let compared = match expression {
                    Expr::BinaryOp { left, op, right } if comparison(op).is_some() => {
                        vec![left.to_string(), right.to_string()]
                    }
                    Expr::Between { expr, .. } | Expr::In { expr, .. } => vec![expr.to_string()],
                    _ => Vec::new(),
                };
                let Location { line, column } = expression.span().start;
                // A span that is not known starts at zero.
                let place = [line, column].map(|at| usize::try_from(at).unwrap_or(1).max(1)).into();
                found.push(super::Conjunct { place, text: expression.to_string(), compared });
            }
        }
    }
    Ok(found)
}

fn check_length(text: &str, tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let mut counted = tokens.iter().filter(|token| {
        let free = matches!(
            token.token,
            Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_)
        );
        !free
    });
    let Some(first_over) = counted.nth(MOST_TOKENS) else { return Ok(()) };
    let what = format!("the expression has over {MOST_TOKENS} words and signs");
    Err(SqlError::at_text(text, range(text, first_over.span), what)
        .with_hint("use IN with a list, or several rules"))
}

fn parser_error(text: &str, error: ParserError) -> SqlError {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => return too_deep(text, 0..text.len()),
    };
    // The parser tells the place only in its message: `... at Line: 1, Column: 7`.
    let (what, place) = match message.rfind(" at Line: ") {
        Some(split) => {
            let (what, tail) = message.split_at(split);
            (what, location(tail).map_or(text.len(), |location| at(text, location)))
        }
        None => (message.as_str(), text.len()),
    };
    let what = what.replace("found: EOF", "found the end of the expression");
    let what = what.replacen("Expected: ", "expected ", 1).replace(", found: ", ", found ");
    SqlError::at_text(text, place..place, what)
}

fn location(tail: &str) -> Option<Location> {
    let numbers = tail.strip_prefix(" at Line: ")?;
    let (line, column) = numbers.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// The byte of a place; the parser counts lines and characters from 1, and 0 is no place.
fn at(text: &str, place: Location) -> usize {
    let mut start = 0;
    for _ in 1..place.line {
        start += text[start..].find('\n').map_or(text.len() - start, |end| end + 1);
    }
    let before = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
    text[start..].char_indices().nth(before).map_or(text.len(), |(byte, _)| start + byte)
}

fn range(text: &str, span: Span) -> Range<usize> {
    if span == Span::empty() {
        return 0..text.len();
    }
    at(text, span.start)..at(text, span.end)
}

fn too_deep(text: &str, place: Range<usize>) -> SqlError {
    SqlError::at_text(text, place, "the expression nests too deeply")
        .with_hint("use fewer parentheses, or several rules")
}

/// A part of the expression with its type, where it stands, and whether it reads no column.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) any: Any,
    pub(super) place: Span,
    pub(super) constant: bool,
}

/// From the parser's tree to ours.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    text: &'a str,
    schema: &'a Schema,
    used: BTreeSet<usize>,
    depth: usize,
}

/// Operators that ask something of values: one directly within another is refused, as
/// `a = b IN (c)` is read in two ways by different databases.
fn is_predicate(expression: &Expr) -> bool {
    match expression {
        Expr::BinaryOp { op, .. } => comparison(op).is_some(),
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::In { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. } => true,
        _ => false,
    }
}

fn comparison(operator: &BinaryOperator) -> Option<Comparison> {
    match operator {
        BinaryOperator::Eq => Some(Comparison::Equal),
        BinaryOperator::NotEq => Some(Comparison::NotEqual),
        BinaryOperator::Lt => Some(Comparison::Less),
        BinaryOperator::LtEq => Some(Comparison::LessOrEqual),
        BinaryOperator::Gt => Some(Comparison::Greater),
        BinaryOperator::GtEq => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

impl Compiler<'_> {
    pub(super) fn error(&self, place: Span, what: impl Into<String>) -> SqlError {
        SqlError::at_text(self.text, range(self.text, place), what)
    }

    pub(super) fn expression(&mut self, expression: &Expr) -> Result<Typed, SqlError> {
        if self.depth == DEEPEST_TREE {
            return Err(too_deep(self.text, 0..self.text.len()));
        }
        self.depth += 1;
        let typed = self.any_expression(expression);
        self.depth -= 1;
        typed
    }

    fn any_expression(&mut self, expression: &Expr) -> Result<Typed, SqlError> {
        match expression {
            Expr::Nested(inner) => self.expression(inner),
            Expr::Identifier(name) => self.column(name),
            Expr::Value(value) => self.literal(value),
            Expr::BinaryOp { left, op, right } => match (op, comparison(op)) {
                (_, Some(how)) => self.comparison(how, left, right),
                (BinaryOperator::And | BinaryOperator::Or, _) => self.chain(op, expression),
                _ => self.binary(op, left, right),
            },
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => self.is_null(inner, false),
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => self.is_null(inner, true),
            Expr::IsTrue(inner) => self.is(inner, true),
            Expr::IsNotTrue(inner) => self.is(inner, true).map(not),
            Expr::IsFalse(inner) => self.is(inner, false),
            Expr::IsNotFalse(inner) => self.is(inner, false).map(not),
            Expr::IsDistinctFrom(left, right) => self.distinct(left, right, false),
            Expr::IsNotDistinctFrom(left, right) => self.distinct(left, right, true),
            Expr::Between { expr, negated, low, high } => {
                let parts = self.operands([&**expr, low, high])?;
                let (group, place, constant) = self.unify(parts, "compare")?;
                Ok(test(negate(*negated, between(group)), place, constant))
            }
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let parts = self.operands([&**expr].into_iter().chain(list))?;
                let (group, place, constant) = self.unify(parts, "compare")?;
                Ok(test(negate(*negated, Test::In(group)), place, constant))
            }
            Expr::Like { .. } | Expr::ILike { .. } => self.like(expression),
            Expr::Case { operand, conditions, else_result, case_token, .. } => {
                let values = self.case_values(conditions, else_result.as_deref())?;
                let mut typed = match operand {
                    None => self.case(conditions, values)?,
                    Some(operand) => self.switch(operand, conditions, values)?,
                };
                typed.place = typed.place.union(&case_token.0.span);
                Ok(typed)
            }
            Expr::Cast { expr, data_type, format: None, .. } => self.cast(expr, data_type),
            Expr::Function(_)
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. } => self.function(expression),
            other => Err(self.refused(other)),
        }
    }

    fn refused(&self, expression: &Expr) -> SqlError {
        let (what, hint) = match expression {
            Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::In { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. } => (
                "a rule reads the columns of one payment: no subquery",
                "what lies in other payments is told by features",
            ),
            Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. } => (
                "a column stands alone, without a table",
                "write its name without what is before the point",
            ),
            Expr::SimilarTo { .. } | Expr::RLike { .. } => {
                ("patterns are those of LIKE", "use LIKE, starts_with, ends_with or contains")
            }
            Expr::Extract { .. } | Expr::AtTimeZone { .. } | Expr::Interval(_) => (
                "this is not how rules read a time",
                "use hour(time), minute(time), isodow(time), day(time), month(time), year(time)",
            ),
            Expr::Tuple(_) | Expr::Array(_) => ("a list stands only after IN", "use x IN (1, 2)"),
            _ => (
                "this is not part of the language of rules",
                "see the list of its operators and functions",
            ),
        };
        self.error(expression.span(), what).with_hint(hint)
    }

    fn column(&mut self, name: &Ident) -> Result<Typed, SqlError> {
        if let Some(reason) = self.schema.refusal(&name.value) {
            let what = format!("`{}` cannot be used: {reason}", name.value);
            return Err(self.error(name.span, what));
        }
        let Some(column) = self.schema.position(&name.value) else {
            if let Some(text) = self.schema.expression(&name.value) {
                return self.named_value(name, text);
            }
            let Some(value) = self.schema.number(&name.value) else {
                return Err(self.unknown_column(name));
            };
            // A whole number stays one, so that it is compared with counts as such.
            let any = number(&value.to_string()).unwrap_or(Any::Real(Node::Literal(value)));
            return Ok(Typed { any, place: name.span, constant: true });
        };
        self.used.insert(column);
        let any = match self.schema.columns()[column].1 {
            Type::Bool => Any::Truth(Node::Column(column)),
            Type::Int => Any::Whole(Node::Column(column)),
            Type::Decimal => Any::Exact(Node::Column(column)),
            Type::Real => Any::Real(Node::Column(column)),
            Type::Text => Any::Text(Node::Column(column)),
        };
        Ok(Typed { any, place: name.span, constant: false })
    }

    /// What a name stands for, compiled where it is used.
    fn named_value(&mut self, name: &Ident, text: &str) -> Result<Typed, SqlError> {
        let mut inner =
            Compiler { text, schema: self.schema, used: BTreeSet::new(), depth: self.depth };
        let typed = parse(text).and_then(|parsed| inner.expression(&parsed));
        let mut used = inner.used;
        let typed = typed
            .map_err(|error| self.error(name.span, format!("`{}`: {}", name.value, error.what)))?;
        self.used.append(&mut used);
        Ok(Typed { place: name.span, ..typed })
    }

    fn unknown_column(&self, name: &Ident) -> SqlError {
        if let Some(reason) = super::protected(&name.value) {
            let what = format!("`{}` cannot be used: {reason}", name.value);
            let hint = "rules speak of payments, never of who somebody is";
            return self.error(name.span, what).with_hint(hint);
        }
        let error = self.error(name.span, format!("there is no column `{}`", name.value));
        if let Some(reason) = self.schema.explain.and_then(|explain| explain(&name.value)) {
            return error.with_hint(reason);
        }
        if name.quote_style == Some('"') && !self.text.contains('\'') {
            return error.with_hint(format!("text is in single quotes: '{}'", name.value));
        }
        let columns = self.schema.columns().iter().map(|(column, _)| column.as_str());
        let names = columns.chain(self.schema.constants.iter().map(|(name, _)| name.as_str()));
        let names = names.chain(self.schema.values.iter().map(|(name, _)| name.as_str()));
        match nearest(&name.value, names) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error,
        }
    }

    fn literal(&self, value: &ValueWithSpan) -> Result<Typed, SqlError> {
        let any = match &value.value {
            SqlValue::Null => Any::Null,
            SqlValue::Boolean(truth) => Any::Truth(Node::Literal(*truth)),
            SqlValue::SingleQuotedString(text) => Any::Text(Node::Literal(text.as_str().into())),
            SqlValue::Number(digits, false) => number(digits)
                .ok_or_else(|| self.error(value.span, format!("`{digits}` is not a number")))?,
            _ => {
                return Err(self
                    .error(value.span, "this kind of literal is not part of the language")
                    .with_hint("text is in single quotes, a number in digits: 'card', 1250.50"));
            }
        };
        Ok(Typed { any, place: value.span, constant: true })
    }

    /// The operands of a predicate.
    fn operands<'e>(
        &mut self,
        expressions: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Vec<Typed>, SqlError> {
        expressions.into_iter().map(|expression| self.operand(expression)).collect()
    }

    fn operand(&mut self, expression: &Expr) -> Result<Typed, SqlError> {
        if is_predicate(expression) {
            return Err(self
                .error(expression.span(), "a comparison stands directly within another")
                .with_hint("put it in parentheses, or join the two with AND"));
        }
        self.expression(expression)
    }

    /// All parts as one type, with their place, and whether all are constant.
    pub(super) fn unify(
        &self,
        parts: Vec<Typed>,
        purpose: &str,
    ) -> Result<(Group, Span, bool), SqlError> {
        let kind = self.common_type(&parts, purpose)?;
        let place = parts.iter().map(|part| part.place).reduce(|a, b| a.union(&b));
        let constant = parts.iter().all(|part| part.constant);
        let parts = parts.into_iter().map(|part| part.any).collect();
        let group = unified(parts, kind.unwrap_or(Type::Bool))
            .expect("the widest type is one that all widen to");
        Ok((group, place.unwrap_or(Span::empty()), constant))
    }

    /// The type that all parts widen to.
    fn common_type(&self, parts: &[Typed], purpose: &str) -> Result<Option<Type>, SqlError> {
        widest(parts.iter().map(|part| part.any.kind())).map_err(|mixed| {
            let (found, before) = (mixed.found, mixed.before);
            let what = format!("cannot {purpose} {} with {}", before.name(), found.name());
            let error = self.error(parts[mixed.at].place, what);
            match (before, found) {
                (Type::Text, Type::Bool) | (Type::Bool, Type::Text) => error,
                (Type::Text, _) => error.with_hint("text is in single quotes: '5'"),
                (_, Type::Text) => error.with_hint("a number is written without quotes"),
                _ => {
                    error.with_hint("CASE WHEN ... THEN 1 ELSE 0 END makes true or false a number")
                }
            }
        })
    }

    /// Whether the parts can be compared.
    pub(super) fn comparable(&self, parts: &[Typed]) -> Result<(), SqlError> {
        self.common_type(parts, "compare").map(|_| ())
    }

    pub(super) fn condition(&self, part: Typed, who: &str) -> Result<Node<Truth>, SqlError> {
        let kind = part.any.kind();
        part.any.truth().ok_or_else(|| {
            let found = kind.map_or("NULL", Type::name);
            self.error(part.place, format!("{who} takes conditions, this is {found}"))
                .with_hint("compare it with something, for example `... > 0`")
        })
    }

    fn comparison(
        &mut self,
        how: Comparison,
        left: &Expr,
        right: &Expr,
    ) -> Result<Typed, SqlError> {
        let parts = vec![self.operand(left)?, self.operand(right)?];
        let (group, place, constant) = self.unify(parts, "compare")?;
        Ok(test(compared(how, group), place, constant))
    }

    /// `a AND b AND c`, which the parser nests to the left, without recursion.
    fn chain(&mut self, operator: &BinaryOperator, mut last: &Expr) -> Result<Typed, SqlError> {
        let mut links = Vec::new();
        while let Expr::BinaryOp { left, op, right } = last
            && op == operator
        {
            links.push(&**right);
            last = left;
        }
        links.push(last);
        let who = if *operator == BinaryOperator::And { "AND" } else { "OR" };
        let (mut nodes, mut constant, mut place) = (Vec::new(), true, None::<Span>);
        let mut wrong: Option<SqlError> = None;
        for link in links.into_iter().rev() {
            let node = self.expression(link).and_then(|part| {
                constant &= part.constant;
                place = Some(place.map_or(part.place, |before| before.union(&part.place)));
                self.condition(part, who)
            });
            match (node, &mut wrong) {
                (Ok(node), _) => nodes.push(node),
                // The other parts are looked at as well, so that all that is wrong is told.
                (Err(error), None) => wrong = Some(error),
                (Err(error), Some(first)) => first.more.push(error),
            }
        }
        if let Some(error) = wrong {
            return Err(error);
        }
        let made = if *operator == BinaryOperator::And {
            Test::All(Links::new(Joins::All, nodes))
        } else {
            Test::Some(Links::new(Joins::Some, nodes))
        };
        Ok(test(made, place.unwrap_or(Span::empty()), constant))
    }

    fn is_null(&mut self, inner: &Expr, negated: bool) -> Result<Typed, SqlError> {
        let Typed { any, place, constant } = self.operand(inner)?;
        Ok(test(negate(negated, Test::IsNull(any)), place, constant))
    }

    fn is(&mut self, inner: &Expr, wanted: bool) -> Result<Typed, SqlError> {
        let part = self.operand(inner)?;
        let (place, constant) = (part.place, part.constant);
        let node = self.condition(part, if wanted { "IS TRUE" } else { "IS FALSE" })?;
        Ok(test(Test::Is(wanted, node), place, constant))
    }

    fn distinct(&mut self, left: &Expr, right: &Expr, negated: bool) -> Result<Typed, SqlError> {
        let parts = vec![self.operand(left)?, self.operand(right)?];
        let (group, place, constant) = self.unify(parts, "compare")?;
        Ok(test(negate(negated, Test::Distinct(group)), place, constant))
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr) -> Result<Typed, SqlError> {
        let part = self.expression(inner)?;
        let (place, constant) = (part.place, part.constant);
        match operator {
            UnaryOperator::Not => {
                let node = self.condition(part, "NOT")?;
                Ok(test(Test::Not(node), place, constant))
            }
            UnaryOperator::Plus => Ok(Typed { any: self.numeric(part, "+")?, place, constant }),
            UnaryOperator::Minus => {
                let any = match self.numeric(part, "-")? {
                    Any::Exact(node) => exact(ExactOperation::Negate(node)),
                    Any::Real(node) => real(RealOperation::One(Curve::Negate, node)),
                    other => whole(WholeOperation::Negate(other.whole().unwrap_or(Node::Null))),
                };
                Ok(finish(any, place, constant))
            }
            other => Err(self.error(place, format!("`{other}` is not an operator of rules"))),
        }
    }

    /// The part where it is a number or NULL.
    pub(super) fn numeric(&self, part: Typed, who: &str) -> Result<Any, SqlError> {
        match part.any {
            Any::Null | Any::Whole(_) | Any::Exact(_) | Any::Real(_) => Ok(part.any),
            Any::Truth(_) | Any::Text(_) => {
                let found = part.any.kind().map_or("NULL", Type::name);
                let error =
                    self.error(part.place, format!("`{who}` takes numbers, this is {found}"));
                Err(match part.any {
                    Any::Text(_) => error
                        .with_hint("a number is written without quotes; texts are joined by `||`"),
                    _ => error
                        .with_hint("CASE WHEN ... THEN 1 ELSE 0 END makes true or false a number"),
                })
            }
        }
    }

    /// The part where it is text or NULL.
    pub(super) fn textual(&self, part: Typed, who: &str) -> Result<Node<Text>, SqlError> {
        let kind = part.any.kind();
        part.any.text().ok_or_else(|| {
            let found = kind.map_or("NULL", Type::name);
            self.error(part.place, format!("`{who}` takes text, this is {found}"))
        })
    }

    fn binary(
        &mut self,
        operator: &BinaryOperator,
        left: &Expr,
        right: &Expr,
    ) -> Result<Typed, SqlError> {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let (place, constant) = (left.place.union(&right.place), left.constant && right.constant);
        let who = operator.to_string();
        let how = match operator {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Modulo => Arithmetic::Remainder,
            BinaryOperator::Divide => {
                let pair = [left, right].map(|part| self.real(part, &who));
                let [left, right] = pair;
                return Ok(finish(real(RealOperation::Divide([left?, right?])), place, constant));
            }
            BinaryOperator::StringConcat => {
                let pair = [self.textual(left, &who)?, self.textual(right, &who)?];
                return Ok(finish(text_node(TextOperation::Join(pair)), place, constant));
            }
            other => {
                let error = self.error(place, format!("`{other}` is not an operator of rules"));
                return Err(error.with_hint(match other {
                    BinaryOperator::BitwiseXor | BinaryOperator::PGExp => "a power is power(a, b)",
                    BinaryOperator::DuckIntegerDivide => "a whole quotient is floor(a / b)",
                    _ => "there are + - * / % || and comparisons",
                }));
            }
        };
        let places = [left.place, right.place];
        let parts = [self.numeric(left, &who)?, self.numeric(right, &who)?];
        let [left, right] = parts;
        let parts = vec![
            Typed { any: left, place: places[0], constant },
            Typed { any: right, place: places[1], constant },
        ];
        let any = match self.unify(parts, "combine")?.0 {
            Group::Exact(nodes) => exact(ExactOperation::Two(how, pair(nodes))),
            Group::Real(nodes) => real(RealOperation::Two(how, pair(nodes))),
            Group::Whole(nodes) => whole(WholeOperation::Two(how, pair(nodes))),
            Group::Truth(_) | Group::Text(_) => Any::Whole(Node::Null),
        };
        Ok(finish(any, place, constant))
    }

    /// The part as a real number.
    pub(super) fn real(&self, part: Typed, who: &str) -> Result<Node<Real>, SqlError> {
        Ok(self.numeric(part, who)?.real().unwrap_or(Node::Null))
    }

    fn like(&mut self, expression: &Expr) -> Result<Typed, SqlError> {
        let (Expr::Like { negated, any, expr, pattern, escape_char }
        | Expr::ILike { negated, any, expr, pattern, escape_char }) = expression
        else {
            return Err(self.refused(expression));
        };
        if *any {
            return Err(self.error(pattern.span(), "LIKE takes one pattern, not ANY"));
        }
        let escape = match escape_char.as_deref() {
            None => None,
            Some(given) => self.escape(given)?,
        };
        let reading = Reading { escape, any_case: matches!(expression, Expr::ILike { .. }) };
        let (value, pattern) = (self.operand(expr)?, self.operand(pattern)?);
        let place = value.place.union(&pattern.place);
        let (constant, pattern_place) = (value.constant && pattern.constant, pattern.place);
        let (value, pattern) = (self.textual(value, "LIKE")?, self.textual(pattern, "LIKE")?);
        if let Node::Literal(literal) = &pattern
            && text::ends_in_escape(literal, escape)
        {
            return Err(self.error(pattern_place, "the pattern ends within an escape"));
        }
        Ok(test(negate(*negated, Test::Like([value, pattern], reading)), place, constant))
    }

    fn escape(&self, given: &Expr) -> Result<Option<char>, SqlError> {
        if let Expr::Value(ValueWithSpan { value: SqlValue::SingleQuotedString(text), .. }) = given
        {
            let mut characters = text.chars();
            if let (one, None) = (characters.next(), characters.next()) {
                return Ok(one);
            }
        }
        Err(self.error(given.span(), "ESCAPE takes one character in quotes"))
    }

    fn case_values(
        &mut self,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Vec<Typed>, SqlError> {
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            values.push(self.expression(&when.result)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expression(otherwise)?,
            None => Typed { any: Any::Null, place: Span::empty(), constant: true },
        });
        Ok(values)
    }

    fn case(&mut self, conditions: &[CaseWhen], values: Vec<Typed>) -> Result<Typed, SqlError> {
        let (mut nodes, mut constant) = (Vec::new(), true);
        for when in conditions {
            let part = self.expression(&when.condition)?;
            constant &= part.constant;
            nodes.push(self.condition(part, "WHEN")?);
        }
        let (group, place, values_constant) = self.unify(values, "mix")?;
        let any = join!(group, values => {
            Node::Case(Box::new(Case { conditions: nodes, values }))
        });
        Ok(finish(any, place, constant && values_constant))
    }

    fn switch(
        &mut self,
        operand: &Expr,
        conditions: &[CaseWhen],
        values: Vec<Typed>,
    ) -> Result<Typed, SqlError> {
        let candidates = conditions.iter().map(|when| &when.condition);
        let operands = self.operands([operand].into_iter().chain(candidates))?;
        let (operands, _, constant) = self.unify(operands, "compare")?;
        let (group, place, values_constant) = self.unify(values, "mix")?;
        let any = join!(group, values => Node::Switch(Box::new(Switch { operands, values })));
        Ok(finish(any, place, constant && values_constant))
    }

    fn cast(&mut self, inner: &Expr, to: &DataType) -> Result<Typed, SqlError> {
        let part = self.expression(inner)?;
        let (place, constant) = (part.place, part.constant);
        let any = match to {
            DataType::Int(None) | DataType::Integer(None) | DataType::BigInt(None) => {
                match part.any {
                    Any::Truth(node) => whole(WholeOperation::OfTruth(node)),
                    _ => match self.numeric(part, "CAST")? {
                        Any::Exact(node) => whole(WholeOperation::OfExact(node)),
                        Any::Real(node) => whole(WholeOperation::OfReal(node)),
                        other => Any::Whole(other.whole().unwrap_or(Node::Null)),
                    },
                }
            }
            DataType::Double(_) | DataType::DoublePrecision => Any::Real(self.real(part, "CAST")?),
            DataType::Decimal(size) | DataType::Numeric(size) => {
                let (digits, decimals) = decimal_size(size).ok_or_else(|| {
                    self.error(
                        place,
                        "a decimal has up to 38 digits, and up to 22 decimals of them",
                    )
                })?;
                match self.numeric(part, "CAST")? {
                    Any::Real(node) => exact(ExactOperation::FitReal(node, digits, decimals)),
                    other => {
                        let node = other.exact().unwrap_or(Node::Null);
                        exact(ExactOperation::Fit(node, digits, decimals))
                    }
                }
            }
            other => {
                return Err(self
                    .error(place, format!("there is no cast to {other}"))
                    .with_hint("there are BIGINT, DOUBLE and DECIMAL(digits, decimals)"));
            }
        };
        Ok(finish(any, place, constant))
    }
}

/// Digits and decimals of a type; DuckDB's 18 and 3 where it says none.
fn decimal_size(size: &ExactNumberInfo) -> Option<(u8, u8)> {
    let (digits, decimals) = match size {
        ExactNumberInfo::None => (18, 3),
        ExactNumberInfo::Precision(digits) => (*digits, 0),
        ExactNumberInfo::PrecisionAndScale(digits, decimals) => (*digits, *decimals),
    };
    let (digits, decimals) = (u8::try_from(digits).ok()?, u8::try_from(decimals).ok()?);
    let fits = (1..=MOST_DIGITS).contains(&digits) && decimals <= digits.min(22);
    fits.then_some((digits, decimals))
}

/// A number as SQL types it: with an exponent real, with a point exact, otherwise whole; real
/// where it has too many digits to be exact.
fn number(digits: &str) -> Option<Any> {
    let plain = digits.replace('_', "");
    let real = || {
        let real = plain.parse::<f64>().ok()?;
        real.is_finite().then_some(Any::Real(Node::Literal(real)))
    };
    if plain.contains(['e', 'E']) {
        return real();
    }
    if !plain.contains('.') {
        return plain.parse().ok().map(|n| Any::Whole(Node::Literal(n))).or_else(real);
    }
    Decimal::parse(&plain, '.').ok().map(|n| Any::Exact(Node::Literal(n))).or_else(real)
}

fn negate(negated: bool, test: Test) -> Test {
    if negated { Test::Not(Node::Operation(Box::new(test))) } else { test }
}

/// The opposite of a part that is true or false.
fn not(part: Typed) -> Typed {
    let node = part.any.truth().unwrap_or(Node::Null);
    test(Test::Not(node), part.place, part.constant)
}

fn test(test: Test, place: Span, constant: bool) -> Typed {
    finish(Any::Truth(Node::Operation(Box::new(test))), place, constant)
}

/// A made part; one that reads no column becomes a literal.
pub(super) fn finish(any: Any, place: Span, constant: bool) -> Typed {
    Typed { any: if constant { any.folded() } else { any }, place, constant }
}

fn compared(how: Comparison, group: Group) -> Test {
    let check = check(how, &group, [0, 1]).or_else(|| check(how.flipped(), &group, [1, 0]));
    check.map_or(Test::Compare(how, group), Test::Against)
}

/// `BETWEEN`, by two quick comparisons where a column is between literals.
fn between(group: Group) -> Test {
    let low = check(Comparison::GreaterOrEqual, &group, [0, 1]);
    let high = check(Comparison::LessOrEqual, &group, [0, 2]);
    match (low, high) {
        (Some(low), Some(high)) => Test::All(Links { checks: vec![low, high], ..Links::default() }),
        (None, _) | (_, None) => Test::Between(group),
    }
}

/// A comparison of two parts of a group, where the first is a column and the second a literal.
fn check(how: Comparison, group: &Group, [column, literal]: [usize; 2]) -> Option<Check> {
    let column = each!(group, nodes => match nodes[column] {
        Node::Column(column) => Some(column),
        _ => None,
    })?;
    let bound = match group {
        Group::Whole(nodes) => Bound::Whole(*literal_of(&nodes[literal])?),
        Group::Exact(nodes) => Bound::Exact(*literal_of(&nodes[literal])?),
        Group::Real(nodes) => Bound::Real(*literal_of(&nodes[literal])?),
        Group::Text(nodes) => Bound::Text(literal_of(&nodes[literal])?.clone()),
        Group::Truth(_) => return None,
    };
    Some(Check { how, column, bound })
}

fn literal_of<K: super::tree::Kind>(node: &Node<K>) -> Option<&K::Literal> {
    match node {
        Node::Literal(literal) => Some(literal),
        _ => None,
    }
}

fn pair<K: super::tree::Kind>(nodes: Vec<Node<K>>) -> [Node<K>; 2] {
    nodes.try_into().unwrap_or([Node::Null, Node::Null])
}

pub(super) fn whole(operation: WholeOperation) -> Any {
    Any::Whole(Node::<Whole>::Operation(Box::new(operation)))
}

pub(super) fn exact(operation: ExactOperation) -> Any {
    Any::Exact(Node::<Exact>::Operation(Box::new(operation)))
}

pub(super) fn real(operation: RealOperation) -> Any {
    Any::Real(Node::<Real>::Operation(Box::new(operation)))
}

pub(super) fn text_node(operation: TextOperation) -> Any {
    Any::Text(Node::<Text>::Operation(Box::new(operation)))
}

/// Up to three of the names, the most alike first, as a phrase; nothing where none is alike.
pub(super) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    // Above 0.75 are typing errors and words in another order, below it mostly chance.
    const ALIKE: f64 = 0.75;
    let wanted = name.to_lowercase();
    let mut scored = names
        .map(|known| (strsim::jaro_winkler(&wanted, &known.to_lowercase()), known))
        .filter(|(score, _)| *score > ALIKE)
        .collect::<Vec<_>>();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    // Others are named only where they are nearly as alike as the first.
    let best = scored.first().map_or(0.0, |(score, _)| *score);
    let shown = scored.iter().take(3).filter(|(score, _)| *score > best - 0.08);
    let shown = shown.map(|(_, known)| format!("`{known}`")).collect::<Vec<_>>();
    (!shown.is_empty()).then(|| shown.join(", "))
}
