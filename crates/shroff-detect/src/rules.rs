//! Rules: typologies read from files, bound to the feature blocks there are, and asked of payments.
//!
//! A typology has cases. A case names columns in full (`creditor_in_fan_7d`) and is asked once, if
//! the definitions have them all. Or it speaks of one kind of block and is asked of every such
//! block, whatever its window; then it may name the block's columns without prefix and window
//! (`creditor_in_fan`). Both know the payment's own `amount`, `currency`, `method` and `time`.

pub(crate) mod watch;

use std::borrow::Cow;
use std::cell::Cell as Slot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shroff_types::{Currency, Decimal, Map, Span};

use crate::cell::Cell;
use crate::definitions::{Block, Column, ColumnKind, Definitions, Kind};
use crate::evidence::Flow;
use crate::sql::{
    Bounds, Expression, Program, Range, Row, Schema, Scratch, Type, Value, put_in_steps,
};
use crate::typology::{BlockPattern, Case, Placed, RuleError, Typology};

/// A flow of payments, as a case of a block names it.
fn flow_named(name: &str) -> Option<Flow> {
    Some(match name {
        "debtor-out" => Flow::DebtorOut,
        "debtor-in" => Flow::DebtorIn,
        "creditor-out" => Flow::CreditorOut,
        "creditor-in" => Flow::CreditorIn,
        "pair" => Flow::Pair,
        "pattern" => Flow::Pattern,
        _ => return None,
    })
}

/// A payment that is asked about: its features and its own columns.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its features.
    pub cells: &'a [Cell],
    /// Its amount in major units of the base currency: [`Asked::major`] makes it, once for all rules.
    pub amount: f64,
    /// The currency it was paid in.
    pub currency: Currency,
    /// How it was paid.
    pub method: Option<&'a str>,
    /// When, in microseconds since 1970 on the institution's clock.
    pub clock_micros: i64,
    /// How long payments have been seen before it, in days; no longer than the engine looks back.
    pub history_days: f64,
}

impl Asked<'_> {
    /// An amount of minor units of so many decimals, in major units, rounded once.
    pub fn major(minor: i128, exponent: u8) -> f64 {
        Value::Decimal(Decimal { digits: minor, decimals: exponent }).as_real().unwrap_or(0.0)
    }
}

/// Where rules compute, and what was computed of one payment that several of them ask for: once for all
/// that were bound together.
#[derive(Debug, Default)]
pub struct Memo {
    /// Of which rules it has parts.
    together: Slot<u64>,
    scratch: Scratch,
}

impl Memo {
    /// Forgets the payment before, for rules to be asked of another.
    pub fn turn_to<'a>(&'a mut self, asked: Asked<'a>) -> Asking<'a> {
        self.scratch.forget();
        Asking { asked, memo: self }
    }

    /// Has parts of rules that were bound together, and of no other.
    #[inline]
    fn of(&self, together: u64) -> &Scratch {
        if self.together.get() != together {
            self.scratch.forget();
            self.together.set(together);
        }
        &self.scratch
    }
}

/// A payment of which rules are asked, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    asked: Asked<'a>,
    memo: &'a Memo,
}

/// Told apart by this: rules that were bound together.
static TOGETHER: AtomicU64 = AtomicU64::new(1);

/// A case bound to one block.
#[derive(Debug, Clone)]
pub struct BoundRule {
    typology: usize,
    case: usize,
    /// The block that it is asked of, where it is of one.
    block: Option<usize>,
    evidence: Vec<(usize, Flow)>,
    /// What `when` asks of single columns; where one says no, it is not evaluated.
    guards: Vec<Guard>,
    /// What else it asks, and how strongly it fires then.
    program: Program,
    reason: Vec<Piece>,
    columns: Arc<[Source]>,
    /// Which rules have parts in common with it: those that were bound in one go.
    together: u64,
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
    /// How far features look ahead, in days.
    HorizonDays(f64),
    Time,
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
    /// Binds each case to each block it speaks of, or once, and compiles its expressions.
    ///
    /// # Errors
    /// Every expression that does not compile, each with its place.
    pub fn bind(
        typologies: &[Typology],
        definitions: &Definitions,
    ) -> Result<Rules, Vec<RuleError>> {
        let mut together = Together::new(definitions);
        let mut rules = Rules::default();
        let mut errors = Vec::new();
        for (number, typology) in typologies.iter().enumerate() {
            let wrong = errors.len();
            let bound = together.bind((number, typology), &mut errors);
            if bound.is_empty() && errors.len() == wrong {
                rules.idle.push(number);
            }
            rules.bound.extend(bound);
        }
        put_in_steps(rules.bound.iter_mut().map(BoundRule::program_of_schema));
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// Binds typologies each for itself, so that what is wrong with one leaves the others as they are;
    /// what they have in common is computed once all the same.
    pub fn bind_each<'a>(
        typologies: impl IntoIterator<Item = &'a Typology>,
        definitions: &Definitions,
    ) -> Vec<Result<Rules, Vec<RuleError>>> {
        let mut together = Together::new(definitions);
        let bind = |typology| {
            let mut errors = Vec::new();
            let bound = together.bind((0, typology), &mut errors);
            let idle = if bound.is_empty() { vec![0] } else { Vec::new() };
            if errors.is_empty() { Ok(Rules { bound, idle }) } else { Err(errors) }
        };
        let mut each: Vec<_> = typologies.into_iter().map(bind).collect();
        let bound = each.iter_mut().flatten().flat_map(|rules| &mut rules.bound);
        put_in_steps(bound.map(BoundRule::program_of_schema));
        each
    }
}

/// Columns that say of a search that it ran out of its budget, `..._saturated_...`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// Of blocks that some rule reads without asking, or that no rule reads: what is said there rests on
    /// lower bounds.
    pub unknown: Vec<usize>,
    /// Of blocks that count whole searches alone, or are read by rules that ask, and by no other: what such
    /// a search found is passed over.
    pub known: Vec<usize>,
}

impl Rules {
    /// The flags among the columns of the definitions that rules are bound to, by position.
    pub fn flags(&self, definitions: &Definitions) -> Flags {
        let columns = definitions.columns();
        let read: Vec<Vec<usize>> = self.bound.iter().map(BoundRule::cells).collect();
        let mut flags = Flags::default();
        for (at, flag) in columns.iter().enumerate() {
            if flag.kind != ColumnKind::Bool {
                continue;
            }
            let is_of_block = |&cell: &usize| columns[cell].block == flag.block;
            let mut readers = read.iter().filter(|cells| cells.iter().any(is_of_block)).peekable();
            let is_read = readers.peek().is_some();
            let is_asked = is_read && readers.all(|cells| cells.contains(&at));
            let search = definitions.blocks[flag.block].kind.search();
            let is_known = is_asked || search.is_some_and(|search| search.whole);
            if is_known { &mut flags.known } else { &mut flags.unknown }.push(at);
        }
        flags
    }
}

/// Typologies that are bound in one go.
struct Together<'a> {
    definitions: &'a Definitions,
    columns: Vec<Column>,
    /// What the columns of a rule's schema are, by its number: the same for all rules of a block, so that
    /// they are near at hand.
    sources: Map<usize, Arc<[Source]>>,
    /// Tells what is bound in one go apart from all else.
    number: u64,
}

impl<'a> Together<'a> {
    fn new(definitions: &'a Definitions) -> Together<'a> {
        let number = TOGETHER.fetch_add(1, Ordering::Relaxed);
        Together { definitions, columns: definitions.columns(), sources: Map::default(), number }
    }

    /// The rules of a typology, which has a number among those that it is a rule of.
    fn bind(
        &mut self,
        (number, typology): (usize, &Typology),
        errors: &mut Vec<RuleError>,
    ) -> Vec<BoundRule> {
        let mut bound = Vec::new();
        let Together { definitions, columns, sources, number: together } = self;
        let (definitions, columns, together) = (*definitions, columns.as_slice(), *together);
        for (position, case) in typology.cases.iter().enumerate() {
            let binder =
                Binder { typology, number, case, position, definitions, columns, together };
            binder.bind(&mut bound, errors);
        }
        for rule in &mut bound {
            let known = sources.entry(rule.schema()).or_insert_with(|| Arc::clone(&rule.columns));
            rule.columns = Arc::clone(known);
        }
        bound
    }
}

/// One case on its way to be bound.
#[derive(Clone, Copy)]
struct Binder<'a> {
    typology: &'a Typology,
    number: usize,
    case: &'a Case,
    position: usize,
    definitions: &'a Definitions,
    columns: &'a [Column],
    together: u64,
}

/// A text of a case, by its key in the file.
#[derive(Clone, Copy)]
struct Part<'a> {
    key: &'static str,
    text: &'a Placed,
}

impl Binder<'_> {
    fn bind(&self, bound: &mut Vec<BoundRule>, errors: &mut Vec<RuleError>) {
        let has = |name: &String| self.columns.iter().any(|c| c.name == *name);
        let better = !self.case.unless.is_empty() && self.case.unless.iter().all(has);
        if better || !self.case.needs.iter().all(has) {
            return;
        }
        let Some(pattern) = &self.case.block else {
            return self.bind_to(None, bound, errors);
        };
        for (number, block) in self.definitions.blocks.iter().enumerate() {
            if matches(pattern, block) {
                self.bind_to(Some(number), bound, errors);
            }
        }
    }

    /// Binds to a block, or to none; tells everything that is wrong.
    fn bind_to(
        &self,
        block: Option<usize>,
        bound: &mut Vec<BoundRule>,
        errors: &mut Vec<RuleError>,
    ) {
        let told = errors.len();
        let (schema, columns) = schema(self.definitions, self.columns, block, self.typology);
        let case = self.case;
        // What a name stands for is told once, and not again at each use of it.
        if self.position == 0 {
            for text in self.typology.values.values() {
                let part = Part { key: "values", text };
                self.compiled(part, block, errors, |text| Expression::compile(text, &schema));
            }
        }
        let part = Part { key: "when", text: &case.when };
        let when =
            self.compiled(part, block, errors, |text| Expression::compile_condition(text, &schema));
        let part = Part { key: "score", text: &case.score };
        let score = self.compiled(part, block, errors, |text| Expression::compile(text, &schema));
        let kind = score.as_ref().map(Expression::result_type);
        if let Some(kind @ (Type::Bool | Type::Text)) = kind {
            let what = format!("a score is a number from 0 to 1, this is {}", kind.name());
            errors.push(self.wrong(part, (case.score.line, case.score.column), block, &what));
        }
        let reason = self.template(&schema, block, errors);
        let evidence = self.evidence(block, errors);
        if errors.len() > told {
            return;
        }
        if let (Some(when), Some(score)) = (when, score) {
            let typology = self.number;
            let case = self.position;
            let (bounds, when) =
                when.behind_bounds(|column| Guarded::of(&columns[column]).is_some());
            let guards = bounds.iter().filter_map(|bounds| Guard::of(bounds, &columns)).collect();
            bound.push(BoundRule {
                typology,
                case,
                block,
                evidence,
                guards,
                program: Program::new(when, score),
                reason,
                columns: columns.into(),
                together: self.together,
            });
        }
    }

    fn compiled(
        &self,
        part: Part<'_>,
        block: Option<usize>,
        errors: &mut Vec<RuleError>,
        compile: impl FnOnce(&str) -> Result<Expression, crate::sql::SqlError>,
    ) -> Option<Expression> {
        let error = match compile(&part.text.text) {
            Ok(expression) => return Some(expression),
            Err(error) => error,
        };
        for error in std::iter::once(&error).chain(&error.more) {
            errors.push(self.wrong(
                part,
                part.text.at((error.line, error.column)),
                block,
                &error.to_string(),
            ));
        }
        None
    }

    fn wrong(
        &self,
        part: Part<'_>,
        at: (usize, usize),
        block: Option<usize>,
        what: &str,
    ) -> RuleError {
        let place = format!("`{}` of case {}", part.key, self.position + 1);
        // An SQL error ends in a hint of its own.
        let (what, hint) = match (what.rsplit_once("\nhint: "), block) {
            (Some((what, hint)), _) => (what, hint.to_owned()),
            (None, Some(number)) => {
                let block = &self.definitions.blocks[number];
                let (kind, window) = (kind_name(&block.kind), &block.window_text);
                (what, format!("asked of the block `{kind}` with window {window}"))
            }
            (None, None) => (what, "docs: typologies, for the language of rules".to_owned()),
        };
        self.typology.error(at, &place, what, &hint)
    }

    fn template(
        &self,
        schema: &Schema,
        block: Option<usize>,
        errors: &mut Vec<RuleError>,
    ) -> Vec<Piece> {
        let part = Part { key: "reason", text: &self.case.reason };
        let at = (part.text.line, part.text.column);
        let mut pieces = Vec::new();
        let mut rest = part.text.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            pieces.push(Piece::Text(before.to_owned()));
            let Some((expression, after)) = after.split_once('}') else {
                let what = format!("`{{{after}` has no closing brace");
                errors.push(self.wrong(part, at, block, &what));
                return pieces;
            };
            let window = block.map(|number| &self.definitions.blocks[number].window_text);
            match (expression, window) {
                ("later", _) => pieces.push(Piece::Text(self.later())),
                ("window", Some(window)) => pieces.push(Piece::Text(window.clone())),
                _ => match Expression::compile(expression, schema) {
                    Ok(compiled) => pieces.push(Piece::Value(compiled)),
                    Err(error) => errors.push(self.wrong(part, at, block, &error.to_string())),
                },
            }
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces
    }

    /// How far after a payment its features look, as the end of "in the 4 days up to it".
    fn later(&self) -> String {
        match self.definitions.horizon {
            Span::ZERO => String::new(),
            horizon => format!(" and the {horizon} after it"),
        }
    }

    /// The flows that a case names: of its block, or behind a column.
    fn evidence(&self, block: Option<usize>, errors: &mut Vec<RuleError>) -> Vec<(usize, Flow)> {
        let mut flows = Vec::new();
        for name in &self.case.evidence {
            let found = match block {
                Some(number) => flow_named(&name.text).map(|flow| vec![(number, flow)]),
                None => self.behind(&name.text),
            };
            if let Some(found) = found {
                flows.extend(found);
                continue;
            }
            let part = Part { key: "evidence", text: name };
            let what = match block {
                Some(_) => format!(
                    "`{}` is no flow\nhint: there are debtor-out, debtor-in, creditor-out, \
                     creditor-in, pair and pattern",
                    name.text
                ),
                None => format!(
                    "`{}` is no column of the definitions\nhint: the payments behind a feature \
                     are meant: name its column in full",
                    name.text
                ),
            };
            errors.push(self.wrong(part, (name.line, name.column), block, &what));
        }
        flows
    }

    /// The payments behind a feature.
    fn behind(&self, name: &str) -> Option<Vec<(usize, Flow)>> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        let block = &self.definitions.blocks[column.block];
        let flows: &[Flow] = match &block.kind {
            Kind::Activity { .. } | Kind::Novelty { .. } => {
                let rest = name.strip_prefix(&block.prefix)?.trim_start_matches('_');
                let flow = [
                    ("debtor_out", Flow::DebtorOut),
                    ("debtor_in", Flow::DebtorIn),
                    ("creditor_out", Flow::CreditorOut),
                    ("creditor_in", Flow::CreditorIn),
                ];
                let (_, flow) = flow.into_iter().find(|(line, _)| rest.starts_with(line))?;
                return Some(vec![(column.block, flow)]);
            }
            Kind::Pair { .. } => &[Flow::Pair],
            Kind::Passthrough => &[Flow::DebtorIn, Flow::DebtorOut],
            Kind::Cycle { .. }
            | Kind::Ring { .. }
            | Kind::ScatterGather { .. }
            | Kind::Chain { .. } => &[Flow::Pattern],
        };
        Some(flows.iter().map(|&flow| (column.block, flow)).collect())
    }
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

pub(crate) fn kind_name(kind: &Kind) -> &'static str {
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

/// What a case may name, and where each is read.
fn schema(
    definitions: &Definitions,
    columns: &[Column],
    block: Option<usize>,
    typology: &Typology,
) -> (Schema, Vec<Source>) {
    let mut made = Made::default();
    if let Some(number) = block {
        made.add_short(&definitions.blocks[number], number, columns);
    }
    #[expect(clippy::cast_precision_loss, reason = "a horizon is far below 2^53 microseconds")]
    let horizon = definitions.horizon.micros() as f64 / Span::DAY.micros() as f64;
    made.add("history_days", Type::Real, Source::HistoryDays, Some(0));
    made.add("horizon_days", Type::Real, Source::HorizonDays(horizon), Some(0));
    made.add("amount", Type::Real, Source::Amount, Some(0));
    made.add("currency", Type::Text, Source::Currency, None);
    made.add("method", Type::Text, Source::Method, None);
    made.add("time", Type::Int, Source::Time, None);
    for (at, column) in columns.iter().enumerate() {
        let kind = &definitions.blocks[column.block].kind;
        made.add_cell(&column.name, column, at, kind);
    }
    for (number, block) in definitions.blocks.iter().enumerate() {
        let prefix = if block.prefix.is_empty() { "" } else { "_" };
        let prefix = format!("{}{prefix}", block.prefix);
        made.add_path_totals(block, number, columns, |name| {
            format!("{prefix}{name}_{}", block.window_text)
        });
    }
    for (name, parameter) in &typology.parameters {
        made.schema.constant(name, parameter.value);
    }
    for (name, value) in &typology.values {
        made.schema.value(name, &value.text);
    }
    made.schema.explain_with(missing);
    (made.schema, made.sources)
}

/// A schema while it is made.
#[derive(Default)]
struct Made {
    schema: Schema,
    sources: Vec<Source>,
}

impl Made {
    fn add(&mut self, name: &str, kind: Type, source: Source, low: Option<i64>) {
        let at = self.schema.push(name, kind);
        self.sources.push(source);
        if let Some(low) = low {
            self.schema.bound(at, Range { low, high: None });
        }
    }

    fn add_cell(&mut self, name: &str, column: &Column, at: usize, kind: &Kind) {
        let sql = match column.kind {
            ColumnKind::Int => Type::Int,
            ColumnKind::Real => Type::Real,
            ColumnKind::Bool => Type::Bool,
        };
        // Skew is the one feature below zero; kurtosis, a mean of fourth powers, is not.
        let signed = column.kind == ColumnKind::Bool || column.name.contains("_skew_");
        self.add(name, sql, Source::Cell(at, column.kind), (!signed).then_some(0));
        if let Kind::Chain { deepest, .. } = kind
            && column.kind == ColumnKind::Int
        {
            let range = Range { low: 0, high: Some(i64::from(*deepest)) };
            self.schema.bound_again(self.sources.len() - 1, range);
        }
    }

    /// The block's own columns without prefix and window.
    fn add_short(&mut self, block: &Block, number: usize, columns: &[Column]) {
        let prefix =
            if block.prefix.is_empty() { String::new() } else { format!("{}_", block.prefix) };
        let suffix = format!("_{}", block.window_text);
        for (at, column) in columns.iter().enumerate().filter(|(_, c)| c.block == number) {
            let short = column.name.strip_prefix(&prefix).and_then(|n| n.strip_suffix(&suffix));
            self.add_cell(short.unwrap_or(&column.name), column, at, &block.kind);
        }
        self.add_path_totals(block, number, columns, str::to_owned);
        #[expect(clippy::cast_precision_loss, reason = "a window is far below 2^53 microseconds")]
        let days = block.window.micros() as f64 / Span::DAY.micros() as f64;
        self.add("window_days", Type::Real, Source::WindowDays(days), Some(0));
    }

    /// How many cycles or rings there are, and the longest of them.
    fn add_path_totals(
        &mut self,
        block: &Block,
        number: usize,
        columns: &[Column],
        named: impl Fn(&str) -> String,
    ) {
        let (Kind::Cycle { longest: most, .. } | Kind::Ring { longest: most, .. }) = &block.kind
        else {
            return;
        };
        let kind = kind_name(&block.kind);
        let mut own = (0..columns.len()).filter(|&at| columns[at].block == number);
        let (Some(first), Some(last)) = (own.next(), own.next_back()) else { return };
        let name = named(&format!("{kind}_count"));
        self.add(&name, Type::Int, Source::Total { first, last }, Some(0));
        let name = named(&format!("{kind}_longest"));
        self.add(&name, Type::Int, Source::Longest { first, last }, Some(0));
        let range = Range { low: 0, high: Some(i64::from(*most)) };
        self.schema.bound_again(self.sources.len() - 1, range);
    }
}

/// What a definitions file would need for a feature of this name.
fn missing(name: &str) -> Option<String> {
    let (stem, window) = name.rsplit_once('_')?;
    window.parse::<Span>().ok()?;
    let of_lines = |stem: &str| {
        crate::definitions::ENDS_AND_WAYS
            .iter()
            .find_map(|(end, way)| stem.split_once(&format!("{end}_{way}_")))
            .map(|(prefix, measure)| (prefix.to_owned(), measure.to_owned()))
    };
    let measures =
        ["count", "fan", "sum", "mean", "std", "min", "max", "median", "skew", "kurtosis", "age"];
    let block = match (of_lines(stem), stem) {
        (Some((prefix, measure)), _) if measures.contains(&measure.as_str()) => {
            let prefix = prefix.trim_end_matches('_');
            let prefix =
                if prefix.is_empty() { String::new() } else { format!(", as = \"{prefix}\"") };
            format!("kind = \"activity\"{prefix}, measures = [\"{measure}\"]")
        }
        (Some((_, measure)), _) if measure == "new_fan" => {
            "kind = \"novelty\", memory = \"90d\"".to_owned()
        }
        (_, "passthrough") => "kind = \"passthrough\"".to_owned(),
        (_, "chain_depth") => "kind = \"chain\", retention_permille = 800, deepest = 10".to_owned(),
        (_, "scatter_gather_count" | "scatter_gather_size") => {
            "kind = \"scatter_gather\"".to_owned()
        }
        (_, "pair_count" | "pair_sum" | "pair_age" | "pair_back_count" | "pair_back_sum") => {
            "kind = \"pair\"".to_owned()
        }
        (None, _) if stem.starts_with("cycle_") || stem.starts_with("ring_") => {
            let kind = stem.split('_').next()?;
            format!("kind = \"{kind}\", longest = 10")
        }
        _ => return None,
    };
    Some(format!("no block makes it: add [[feature]] with {block}, window = \"{window}\""))
}

/// What a condition asks of one column at least.
#[derive(Debug, Clone, Copy)]
struct Guard {
    of: Guarded,
    low: f64,
    high: f64,
}

/// What a guard looks at.
#[derive(Debug, Clone, Copy)]
enum Guarded {
    Int(usize),
    Real(usize),
    Amount,
    HistoryDays,
    /// What is the same for every payment.
    Known(f64),
}

impl Guarded {
    fn of(source: &Source) -> Option<Guarded> {
        match *source {
            Source::Cell(at, ColumnKind::Int) => Some(Guarded::Int(at)),
            Source::Cell(at, ColumnKind::Real) => Some(Guarded::Real(at)),
            Source::Amount => Some(Guarded::Amount),
            Source::HistoryDays => Some(Guarded::HistoryDays),
            Source::WindowDays(days) | Source::HorizonDays(days) => Some(Guarded::Known(days)),
            Source::Cell(_, ColumnKind::Bool)
            | Source::Total { .. }
            | Source::Longest { .. }
            | Source::Time
            | Source::Currency
            | Source::Method => None,
        }
    }
}

impl Guard {
    fn of(bounds: &Bounds, columns: &[Source]) -> Option<Guard> {
        let of = Guarded::of(&columns[bounds.column])?;
        Some(Guard { of, low: bounds.low, high: bounds.high })
    }

    /// Whether the condition may be true of a payment.
    #[inline]
    fn admits(self, asked: &Asked<'_>) -> bool {
        let value = match self.of {
            #[expect(clippy::cast_precision_loss, reason = "as SQL compares it with a real")]
            Guarded::Int(at) => asked.cells[at].int().map(|whole| {
                // Quicker than of 64 bits without a sign, of which no count needs the last.
                i64::try_from(whole).unwrap_or(i64::MAX) as f64
            }),
            Guarded::Real(at) => asked.cells[at].real(),
            Guarded::Amount => Some(asked.amount),
            Guarded::HistoryDays => Some(asked.history_days),
            Guarded::Known(real) => Some(real),
        };
        value.is_some_and(|value| self.low <= value && value <= self.high)
    }
}

struct RuleRow<'a> {
    sources: &'a [Source],
    asked: &'a Asked<'a>,
}

impl Row for RuleRow<'_> {
    #[inline]
    fn get_real(&self, column: usize) -> Option<f64> {
        match &self.sources[column] {
            Source::Cell(at, ColumnKind::Real) => {
                self.asked.cells[*at].real().filter(|real| real.is_finite())
            }
            Source::Amount => Some(self.asked.amount),
            Source::HistoryDays => Some(self.asked.history_days),
            Source::WindowDays(days) | Source::HorizonDays(days) => Some(*days),
            _ => match self.get(column) {
                Value::Real(real) if real.is_finite() => Some(real),
                _ => None,
            },
        }
    }

    #[inline]
    fn get_int(&self, column: usize) -> Option<i128> {
        // Most columns are counts: straight to them.
        if let Source::Cell(at, ColumnKind::Int) = self.sources[column] {
            return self.asked.cells[at].int().map(i128::from);
        }
        match self.get(column) {
            Value::Int(whole) => Some(whole),
            _ => None,
        }
    }

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
            Source::HorizonDays(days) => Value::Real(*days),
            Source::Time => Value::Int(i128::from(self.asked.clock_micros)),
            Source::Amount => Value::Real(self.asked.amount),
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

    /// The case of the typology, by position.
    pub fn case(&self) -> usize {
        self.case
    }

    /// Why it fires at no payment, where that is plain to see.
    pub fn never_fires(&self) -> Option<&str> {
        self.program.condition().never_true()
    }

    /// The flows that are its evidence, each as a block of the definitions sees it.
    pub fn evidence(&self) -> &[(usize, Flow)] {
        &self.evidence
    }

    /// The feature columns that its condition, its score and its sentence read, ascending.
    pub fn cells(&self) -> Vec<usize> {
        let reason = self.reason.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(expression) => Some(expression),
        });
        let asked = [self.program.condition(), self.program.value()];
        let expressions = asked.into_iter().chain(reason);
        let mut cells: Vec<usize> = Vec::new();
        for &column in expressions.flat_map(Expression::columns) {
            match self.columns[column] {
                Source::Cell(at, _) => cells.push(at),
                Source::Total { first, last } | Source::Longest { first, last } => {
                    cells.extend(first..last);
                }
                Source::WindowDays(_)
                | Source::HistoryDays
                | Source::HorizonDays(_)
                | Source::Time
                | Source::Amount
                | Source::Currency
                | Source::Method => {}
            }
        }
        cells.sort_unstable();
        cells.dedup();
        cells
    }

    /// How strongly the rule fires at a payment, 0 to 1000; none where it does not.
    #[inline]
    pub fn fires(&self, asking: &Asking<'_>) -> Option<u16> {
        let is_admitted = self.guards.iter().all(|guard| guard.admits(&asking.asked));
        if is_admitted { self.strength(asking) } else { None }
    }

    /// How strongly it fires where its guards admit the payment.
    #[inline(never)]
    fn strength(&self, asking: &Asking<'_>) -> Option<u16> {
        let Asking { asked, memo } = asking;
        let row = RuleRow { sources: &self.columns, asked };
        let score = self.program.ask(&row, memo.of(self.together))?;
        Some(permille(score.clamp(0.0, 1.0)))
    }

    /// The number of the schema of its columns, among rules that are bound together: those of a block call
    /// its columns by short names, which come before all others.
    fn schema(&self) -> usize {
        self.block.map_or(0, |block| block + 1)
    }

    fn program_of_schema(&mut self) -> (usize, &mut Program) {
        (self.schema(), &mut self.program)
    }

    /// The sentence that says why, with its values.
    pub fn reason(&self, asked: Asked<'_>) -> String {
        let row = RuleRow { sources: &self.columns, asked: &asked };
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

/// A share from 0 to 1 in thousandths, the nearest, halves upwards.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 1000, by what is said of the share"
)]
fn permille(share: f64) -> u16 {
    let exact = share * 1_000.0;
    let whole = exact as u16;
    // As `round` says, which is a call.
    whole + u16::from(exact - f64::from(whole) >= 0.5)
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
