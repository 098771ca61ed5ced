//! Rules: typologies read from files, bound to the feature blocks there are, and asked of payments.
//!
//! A typology has cases. A case speaks of one kind of block and is asked of every such block of
//! the definitions, whatever its window, so replacing the definitions never silences a rule. It
//! names the block's columns without prefix and window (`creditor_in_fan`), any other column in
//! full (`creditor_in_fan_30d`), and the payment's own `amount`, `currency` and `method`.

use std::borrow::Cow;

use serde::Deserialize;
use shroff_types::{Currency, Decimal};

use crate::cell::Cell;
use crate::definitions::{Block, Column, ColumnKind, Definitions, Kind, Measure};
use crate::evidence::Flow;
use crate::sql::{Expression, Row, Schema, Type, Value};

/// A typology: a documented kind of crime, and the cases that find it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typology {
    /// Its id, as in alerts: `fan-in`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What it is.
    pub what: String,
    /// Why it is suspicious.
    pub why: String,
    /// What innocent explanation fits.
    pub innocent: String,
    /// Where this is from.
    pub sources: Vec<String>,
    /// What finds it.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// One way in which a typology shows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Which blocks it is asked of.
    pub block: BlockPattern,
    /// Columns, in full, without which it is not asked.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Columns, in full, with all of which it is not asked: a better case is, then.
    #[serde(default)]
    pub unless: Vec<String>,
    /// The SQL condition that raises it.
    pub when: String,
    /// An SQL expression from 0 to 1: how strongly.
    pub score: String,
    /// A sentence, with SQL expressions in braces; `{window}` is the block's.
    pub reason: String,
    /// The flows that are its evidence.
    pub evidence: Vec<EvidenceName>,
}

/// Which blocks of the definitions a case speaks of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockPattern {
    /// The kind, as in a definitions file.
    pub kind: String,
    /// How its prefix begins; none is a block without one.
    #[serde(default)]
    pub prefix: String,
    /// What it must measure.
    #[serde(default)]
    pub measures: Vec<Measure>,
}

/// A flow of payments, as a rule names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the `Flow` of the same name")]
pub enum EvidenceName {
    DebtorOut,
    DebtorIn,
    CreditorOut,
    CreditorIn,
    Pair,
    Pattern,
}

impl EvidenceName {
    fn flow(self) -> Flow {
        match self {
            EvidenceName::DebtorOut => Flow::DebtorOut,
            EvidenceName::DebtorIn => Flow::DebtorIn,
            EvidenceName::CreditorOut => Flow::CreditorOut,
            EvidenceName::CreditorIn => Flow::CreditorIn,
            EvidenceName::Pair => Flow::Pair,
            EvidenceName::Pattern => Flow::Pattern,
        }
    }
}

/// A typology that can't be used: which, where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("typology `{typology}`, {place}: {what}\n  hint: {hint}")]
pub struct RuleError {
    /// Its id, or its file's name.
    pub typology: String,
    /// The key in it.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl Typology {
    /// Reads a typology file. Its conditions are checked when it is bound to definitions.
    ///
    /// # Errors
    /// Where a key is missing, unknown or of the wrong kind.
    pub fn parse(name: &str, text: &str) -> Result<Typology, RuleError> {
        let error = |place: &str, what: &str, hint: &str| RuleError {
            typology: name.to_owned(),
            place: place.to_owned(),
            what: what.to_owned(),
            hint: hint.to_owned(),
        };
        let parsed: Typology = toml::from_str(text).map_err(|e| {
            error("file", e.to_string().trim(), "docs: typologies, for the keys of a file")
        })?;
        if parsed.cases.is_empty() {
            return Err(error("case", "there is none", "add a [[case]]"));
        }
        for case in &parsed.cases {
            if case.evidence.is_empty() {
                return Err(error("evidence", "is empty", "every alert names its payments"));
            }
        }
        Ok(parsed)
    }
}

/// A payment that is asked about: its features and its own columns.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its features.
    pub cells: &'a [Cell],
    /// Its amount in minor units of the base currency.
    pub minor: i128,
    /// The currency it was paid in.
    pub currency: Currency,
    /// How it was paid.
    pub method: Option<&'a str>,
    /// How long payments have been seen before it, in days; no longer than the engine looks back.
    pub history_days: f64,
}

/// A case bound to one block.
#[derive(Debug, Clone)]
pub struct BoundRule {
    typology: usize,
    block: usize,
    evidence: Vec<Flow>,
    when: Expression,
    score: Expression,
    reason: Vec<Piece>,
    columns: Vec<Source>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Value(Expression),
}

/// Where a column of a rule's schema is read.
#[derive(Debug, Clone)]
enum Source {
    Cell(usize, ColumnKind),
    /// The sum of a run of counters: how many patterns of any length.
    Total {
        first: usize,
        last: usize,
    },
    /// The longest pattern of which there is one; the first counter is of two accounts.
    Longest {
        first: usize,
        last: usize,
    },
    /// The block's window in days.
    WindowDays(f64),
    HistoryDays,
    Amount,
    Currency,
    Method,
}

/// Typologies bound to definitions.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The bound cases, by typology and then by block.
    pub bound: Vec<BoundRule>,
    /// Typologies that found no block to ask, by position.
    pub idle: Vec<usize>,
}

impl Rules {
    /// Binds each case to each block it speaks of, and compiles its expressions.
    ///
    /// # Errors
    /// Every expression that does not compile, each with its place.
    pub fn bind(
        typologies: &[Typology],
        definitions: &Definitions,
    ) -> Result<Rules, Vec<RuleError>> {
        let columns = definitions.columns();
        let mut rules = Rules::default();
        let mut errors = Vec::new();
        for (number, typology) in typologies.iter().enumerate() {
            let before = rules.bound.len();
            for (position, block) in definitions.blocks.iter().enumerate() {
                let place = BlockPlace { number: position, block, columns: &columns };
                bind_block(typology, number, place, &mut rules.bound, &mut errors);
            }
            if rules.bound.len() == before {
                rules.idle.push(number);
            }
        }
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }
}

#[derive(Clone, Copy)]
struct BlockPlace<'a> {
    number: usize,
    block: &'a Block,
    columns: &'a [Column],
}

fn bind_block(
    typology: &Typology,
    number: usize,
    place: BlockPlace<'_>,
    bound: &mut Vec<BoundRule>,
    errors: &mut Vec<RuleError>,
) {
    for (position, case) in typology.cases.iter().enumerate() {
        let has = |name: &String| place.columns.iter().any(|c| c.name == *name);
        let better = !case.unless.is_empty() && case.unless.iter().all(has);
        if better || !matches(&case.block, place.block) || !case.needs.iter().all(has) {
            continue;
        }
        match bind_case(case, number, place) {
            Ok(rule) => bound.push(rule),
            Err((key, what)) => errors.push(RuleError {
                typology: typology.id.clone(),
                place: format!("`{key}` of case {}", position + 1),
                what,
                hint: format!(
                    "asked of the block `{}` with window {}",
                    kind_name(&place.block.kind),
                    place.block.window_text
                ),
            }),
        }
    }
}

fn bind_case(
    case: &Case,
    typology: usize,
    place: BlockPlace<'_>,
) -> Result<BoundRule, (&'static str, String)> {
    let (schema, columns) = schema(place);
    let condition =
        |key, text| Expression::compile_condition(text, &schema).map_err(|e| (key, e.to_string()));
    let when = condition("when", case.when.as_str())?;
    let score = Expression::compile(&case.score, &schema).map_err(|e| ("score", e.to_string()))?;
    if matches!(score.result_type(), Type::Bool | Type::Text) {
        let what =
            format!("a score is a number from 0 to 1, this is {}", score.result_type().name());
        return Err(("score", what));
    }
    let reason = template(&case.reason, &place.block.window_text, &schema)?;
    let evidence = case.evidence.iter().map(|name| name.flow()).collect();
    Ok(BoundRule { typology, block: place.number, evidence, when, score, reason, columns })
}

fn template(
    text: &str,
    window: &str,
    schema: &Schema,
) -> Result<Vec<Piece>, (&'static str, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        pieces.push(Piece::Text(before.to_owned()));
        let Some((expression, after)) = after.split_once('}') else {
            return Err(("reason", format!("`{{{after}` has no closing brace")));
        };
        pieces.push(match expression {
            "window" => Piece::Text(window.to_owned()),
            _ => Piece::Value(
                Expression::compile(expression, schema).map_err(|e| ("reason", e.to_string()))?,
            ),
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

fn matches(pattern: &BlockPattern, block: &Block) -> bool {
    let prefix = if pattern.prefix.is_empty() {
        block.prefix.is_empty()
    } else {
        block.prefix.starts_with(&pattern.prefix)
    };
    let measured = match &block.kind {
        Kind::Activity { measures, .. } => pattern.measures.iter().all(|m| measures.contains(m)),
        Kind::Pair { .. }
        | Kind::Novelty { .. }
        | Kind::Passthrough
        | Kind::Cycle { .. }
        | Kind::Ring { .. }
        | Kind::ScatterGather { .. }
        | Kind::Chain { .. } => true,
    };
    kind_name(&block.kind) == pattern.kind && prefix && measured
}

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Activity { .. } => "activity",
        Kind::Pair { .. } => "pair",
        Kind::Novelty { .. } => "novelty",
        Kind::Passthrough => "passthrough",
        Kind::Cycle { .. } => "cycle",
        Kind::Ring { .. } => "ring",
        Kind::ScatterGather { .. } => "scatter_gather",
        Kind::Chain { .. } => "chain",
    }
}

/// What a case of a block may name, and where each is read.
fn schema(place: BlockPlace<'_>) -> (Schema, Vec<Source>) {
    let mut schema = Schema::default();
    let mut sources = Vec::new();
    let mut add = |name: &str, kind: Type, source: Source| {
        schema.push(name, kind);
        sources.push(source);
    };
    let sql = |kind| match kind {
        ColumnKind::Int => Type::Int,
        ColumnKind::Real => Type::Real,
        ColumnKind::Bool => Type::Bool,
    };
    let BlockPlace { number, block, columns } = place;
    let prefix = if block.prefix.is_empty() { String::new() } else { format!("{}_", block.prefix) };
    let suffix = format!("_{}", block.window_text);
    let own: Vec<usize> = (0..columns.len()).filter(|&at| columns[at].block == number).collect();
    for &at in &own {
        let column = &columns[at];
        let short = column.name.strip_prefix(&prefix).and_then(|n| n.strip_suffix(&suffix));
        add(short.unwrap_or(&column.name), sql(column.kind), Source::Cell(at, column.kind));
    }
    if matches!(block.kind, Kind::Cycle { .. } | Kind::Ring { .. }) {
        let name = kind_name(&block.kind);
        let (first, last) = (own[0], own[own.len() - 1]);
        add(&format!("{name}_count"), Type::Int, Source::Total { first, last });
        add(&format!("{name}_longest"), Type::Int, Source::Longest { first, last });
    }
    #[expect(clippy::cast_precision_loss, reason = "a window is far below 2^53 microseconds")]
    let days = block.window.micros() as f64 / shroff_types::Span::DAY.micros() as f64;
    add("window_days", Type::Real, Source::WindowDays(days));
    add("history_days", Type::Real, Source::HistoryDays);
    add("amount", Type::Real, Source::Amount);
    add("currency", Type::Text, Source::Currency);
    add("method", Type::Text, Source::Method);
    for (at, column) in columns.iter().enumerate() {
        add(&column.name, sql(column.kind), Source::Cell(at, column.kind));
    }
    (schema, sources)
}

struct RuleRow<'a> {
    sources: &'a [Source],
    asked: Asked<'a>,
    exponent: u8,
}

impl Row for RuleRow<'_> {
    fn get(&self, column: usize) -> Value<'_> {
        let cells = self.asked.cells;
        match &self.sources[column] {
            Source::Cell(at, kind) => value(cells[*at], *kind),
            Source::Total { first, last } => {
                let counts = cells[*first..*last].iter().filter_map(|cell| cell.int());
                Value::Int(counts.map(i128::from).sum())
            }
            Source::Longest { first, last } => {
                let longest = cells[*first..*last].iter().rposition(|c| c.int() > Some(0));
                longest.map_or(Value::Int(0), |at| Value::Int(at as i128 + 2))
            }
            Source::WindowDays(days) => Value::Real(*days),
            Source::HistoryDays => Value::Real(self.asked.history_days),
            Source::Amount => Value::Real(
                Value::Decimal(Decimal { digits: self.asked.minor, decimals: self.exponent })
                    .as_real()
                    .unwrap_or(0.0),
            ),
            Source::Currency if self.asked.currency == Currency::NONE => Value::Null,
            Source::Currency => Value::Text(Cow::Borrowed(self.asked.currency.code())),
            Source::Method => {
                self.asked.method.map_or(Value::Null, |text| Value::Text(Cow::Borrowed(text)))
            }
        }
    }
}

fn value(cell: Cell, kind: ColumnKind) -> Value<'static> {
    match kind {
        ColumnKind::Int => cell.int().map_or(Value::Null, |n| Value::Int(i128::from(n))),
        ColumnKind::Real => cell.real().map_or(Value::Null, Value::Real),
        ColumnKind::Bool => cell.flag().map_or(Value::Null, Value::Bool),
    }
}

impl BoundRule {
    /// The typology, by its position in what was bound.
    pub fn typology(&self) -> usize {
        self.typology
    }

    /// The block, by its position in the definitions.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The flows that are its evidence.
    pub fn evidence(&self) -> &[Flow] {
        &self.evidence
    }

    /// How strongly the rule fires at a payment, 0 to 1000; none where it does not.
    pub fn fires(&self, asked: Asked<'_>, exponent: u8) -> Option<u16> {
        let row = RuleRow { sources: &self.columns, asked, exponent };
        if !self.when.is_true(&row) {
            return None;
        }
        let score = self.score.evaluate(&row).as_real().unwrap_or(0.0).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1000 after the clamp"
        )]
        let permille = (score * 1_000.0).round() as u16;
        Some(permille)
    }

    /// The sentence that says why, with its values.
    pub fn reason(&self, asked: Asked<'_>, exponent: u8) -> String {
        let row = RuleRow { sources: &self.columns, asked, exponent };
        let mut text = String::new();
        for piece in &self.reason {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Value(expression) => text.push_str(&written(&expression.evaluate(&row))),
            }
        }
        text
    }
}

/// A value in a sentence: reals with two decimals at most, thousands apart.
fn written(value: &Value<'_>) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Real(real) => {
            let text = format!("{real:.2}");
            // What rounds to nothing has no sign.
            let text = if text == "-0.00" { "0.00".to_owned() } else { text };
            let (whole, part) = text.split_once('.').unwrap_or((&text, "00"));
            let part = if part == "00" { String::new() } else { format!(".{part}") };
            format!("{}{part}", grouped(whole))
        }
        Value::Int(whole) => grouped(&whole.to_string()),
        Value::Bool(_) | Value::Decimal(_) | Value::Text(_) => value.to_string(),
    }
}

fn grouped(whole: &str) -> String {
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut text = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
