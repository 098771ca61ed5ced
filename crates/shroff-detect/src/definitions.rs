//! Which features to compute: the definitions file, checked before anything runs.

use std::ops::Range;

use serde::Deserialize;
use shroff_types::Span;
use toml::Spanned;

/// A definitions file, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    /// Decimals of the base currency's minor unit, 0 to 18.
    pub amount_exponent: u8,
    /// How far after a payment its features may look: zero inline.
    pub horizon: Span,
    /// The blocks, in the file's order, which is that of the columns.
    pub blocks: Vec<Block>,
}

/// One block: a kind of feature over one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The prefix of its columns (`as`), empty where it has none.
    pub prefix: String,
    /// The window.
    pub window: Span,
    /// The window as the file writes it: the last part of its columns' names.
    pub window_text: String,
    /// What it computes.
    pub kind: Kind,
}

/// Which past payments a block speaks of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// An SQL predicate over the past payment's own columns (`where`).
    pub predicate: Option<String>,
    /// Those whose amount is within this share of the current payment's.
    pub similar_permille: Option<u32>,
    /// All but the current payment itself.
    pub without_current: bool,
}

impl Filter {
    /// Whether it lets everything through.
    pub fn is_open(&self) -> bool {
        *self == Filter::default()
    }
}

/// What a block computes; FEATURES.md says what each means.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Counts, counterparties and amounts of the two accounts.
    Activity {
        /// Which measures.
        measures: Vec<Measure>,
        /// Of which payments.
        filter: Filter,
    },
    /// The history between the two accounts.
    Pair {
        /// Of which payments.
        filter: Filter,
    },
    /// Counterparties that are new against a longer memory.
    Novelty {
        /// The longer memory, which the window is the end of.
        memory: Span,
    },
    /// What left the debtor over what reached it.
    Passthrough,
    /// Temporal cycles.
    Cycle {
        /// The most accounts, 2 to 64.
        longest: u8,
        /// How it is sought.
        search: PatternSearch,
    },
    /// Cycles in any order.
    Ring {
        /// The most accounts, 2 to 64.
        longest: u8,
        /// How it is sought.
        search: PatternSearch,
    },
    /// One pays many who pay one.
    ScatterGather {
        /// How it is sought.
        search: PatternSearch,
    },
    /// Runs of accounts that pass on most of what they get.
    Chain {
        /// The least share that is passed on, 0 to 1000.
        retention_permille: u32,
        /// The longest run told apart, 1 to 1000.
        deepest: u32,
    },
}

/// How a pattern is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternSearch {
    /// Among payments between strangers alone: the first of their pair in so long.
    pub fresh: Option<Span>,
    /// The most steps of a search.
    pub budget: u64,
    /// Whether a search that runs out of its budget counts nothing, in place of what it found before.
    pub whole: bool,
}

/// A measure of an account's payments in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of FEATURES.md, which says what they mean")]
pub enum Measure {
    Count,
    Fan,
    Sum,
    Mean,
    Std,
    Min,
    Max,
    Median,
    Skew,
    Kurtosis,
    Age,
}

impl Measure {
    /// Its name in a column.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Count => "count",
            Measure::Fan => "fan",
            Measure::Sum => "sum",
            Measure::Mean => "mean",
            Measure::Std => "std",
            Measure::Min => "min",
            Measure::Max => "max",
            Measure::Median => "median",
            Measure::Skew => "skew",
            Measure::Kurtosis => "kurtosis",
            Measure::Age => "age",
        }
    }

    /// What its column holds.
    pub fn column(self) -> ColumnKind {
        match self {
            Measure::Count | Measure::Fan => ColumnKind::Int,
            _ => ColumnKind::Real,
        }
    }
}

/// What a feature column holds; any of them may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers.
    Int,
    /// Reals: major units, seconds, shares.
    Real,
    /// Whether a search ran out of its budget.
    Bool,
}

/// A feature column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, `<prefix_><feature>_<window>`.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// The block it belongs to, by position.
    pub block: usize,
}

/// A definitions file that can't be used: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}\n  hint: {hint}")]
pub struct DefinitionsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, with the value.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// Distinct `where`s and `fresh`es of one file.
const MOST_LAYERS: usize = 127;

/// Steps of one path search where the block has no `budget`. To look an account's payments up is
/// 16 steps, each payment one, and so is each half path and each pair of halves that is tried. On
/// a stream with 20 rings a payment, 3 payments in 1,000 need more.
pub const DEFAULT_PATH_BUDGET: u64 = 200_000;
/// Steps of one scatter-gather search where the block has no `budget`, counted alike.
pub const DEFAULT_GATHER_BUDGET: u64 = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default = "two")]
    amount_exponent: Spanned<u8>,
    horizon: Option<Spanned<String>>,
    #[serde(default)]
    feature: Vec<Spanned<RawBlock>>,
}

fn two() -> Spanned<u8> {
    Spanned::new(0..0, 2)
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawBlock {
    kind: Spanned<String>,
    window: Spanned<String>,
    r#as: Option<Spanned<String>>,
    measures: Option<Spanned<Vec<Measure>>>,
    r#where: Option<Spanned<String>>,
    similar_permille: Option<Spanned<u32>>,
    without_current: Option<Spanned<bool>>,
    memory: Option<Spanned<String>>,
    longest: Option<Spanned<u8>>,
    retention_permille: Option<Spanned<u32>>,
    deepest: Option<Spanned<u32>>,
    fresh: Option<Spanned<String>>,
    budget: Option<Spanned<u64>>,
    whole: Option<Spanned<bool>>,
}

impl Definitions {
    /// The built-in definitions file, as text: what a scan computes unless it is told otherwise.
    pub const BUILTIN: &str = include_str!("builtin.toml");

    /// Reads and checks a definitions file.
    ///
    /// # Errors
    /// The first thing wrong in it, with its line and what to do.
    pub fn parse(text: &str) -> Result<Definitions, DefinitionsError> {
        let reader = Reader { text };
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            reader.error(at, error.message(), "docs: features, for the keys of each kind")
        })?;
        if *raw.amount_exponent.get_ref() > 18 {
            let what = format!("amount_exponent = {}", raw.amount_exponent.get_ref());
            return Err(reader.error(raw.amount_exponent.span(), &what, "use 0 to 18 decimals"));
        }
        let horizon = match &raw.horizon {
            Some(text) => reader.span(text, "horizon")?,
            None => Span::ZERO,
        };
        if raw.feature.is_empty() {
            let hint = "add a block: [[feature]], kind = \"activity\", window = \"24h\", \
                        measures = [\"count\"]";
            return Err(reader.error(0..0, "there is no [[feature]] block", hint));
        }
        let mut blocks = Vec::new();
        for block in &raw.feature {
            blocks.push(reader.block(block)?);
        }
        let definitions =
            Definitions { amount_exponent: raw.amount_exponent.into_inner(), horizon, blocks };
        definitions.no_column_twice(&reader, &raw.feature)?;
        definitions.not_too_many_layers(&reader, &raw.feature)?;
        Ok(definitions)
    }

    /// Each distinct `where` and `fresh` has a graph of its own, and a bit of 128 for each payment.
    fn not_too_many_layers(
        &self,
        reader: &Reader<'_>,
        places: &[Spanned<RawBlock>],
    ) -> Result<(), DefinitionsError> {
        let mut distinct = std::collections::BTreeSet::new();
        let mut fresh = std::collections::BTreeSet::new();
        for (block, place) in self.blocks.iter().zip(places) {
            let filter = crate::plan::filter_of(&block.kind);
            distinct.extend(filter.and_then(|filter| filter.predicate.as_deref()));
            fresh.extend(block.fresh());
            if distinct.len() + fresh.len() > MOST_LAYERS {
                let count = distinct.len() + fresh.len();
                let what = format!("this is the {count}th distinct `where` or `fresh`");
                let hint = "127 is the most; let blocks share one, letter for letter";
                return Err(reader.error(place.span(), &what, hint));
            }
        }
        Ok(())
    }

    fn no_column_twice(
        &self,
        reader: &Reader<'_>,
        places: &[Spanned<RawBlock>],
    ) -> Result<(), DefinitionsError> {
        let mut seen = std::collections::BTreeMap::new();
        for column in self.columns() {
            if let Some(first) = seen.insert(column.name.clone(), column.block) {
                let line = reader.line(places[first].span().start);
                let what = format!(
                    "the column `{}` is made twice, first by the block of line {line}",
                    column.name
                );
                let hint = "give one of the blocks a prefix of its own: as = \"...\"";
                return Err(reader.error(places[column.block].span(), &what, hint));
            }
        }
        Ok(())
    }

    /// Every feature column, in order.
    pub fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        for (number, block) in self.blocks.iter().enumerate() {
            block.columns(number, &mut columns);
        }
        columns
    }

    /// The longest that any feature looks back: what a graph must keep.
    pub fn look_back(&self) -> Span {
        let longest = self.blocks.iter().map(Block::look_back).max();
        longest.unwrap_or(Span::ZERO)
    }

    /// The blocks that are patterns, by position: what [`crate::Evidence::completers`] counts in.
    pub fn patterns(&self) -> Vec<usize> {
        let blocks = self.blocks.iter().enumerate();
        blocks.filter(|(_, block)| block.kind.is_pattern()).map(|(at, _)| at).collect()
    }

    /// Some of the blocks, by position, and no other.
    #[must_use]
    pub fn only(&self, blocks: &[usize]) -> Definitions {
        let blocks = blocks.iter().map(|&at| self.blocks[at].clone()).collect();
        Definitions { blocks, ..*self }
    }

    /// Where other definitions compute each of these blocks, by position, or more than it: of equal
    /// payments they give its columns equal bits. None where they have no such block.
    pub fn found_in(&self, others: &Definitions) -> Vec<Option<usize>> {
        let same = self.horizon == others.horizon && self.amount_exponent == others.amount_exponent;
        let find = |block: &Block| others.blocks.iter().position(|other| block.is_part_of(other));
        self.blocks.iter().map(|block| if same { find(block) } else { None }).collect()
    }
}

impl Kind {
    fn is_pattern(&self) -> bool {
        match self {
            Kind::Cycle { .. }
            | Kind::Ring { .. }
            | Kind::ScatterGather { .. }
            | Kind::Chain { .. } => true,
            Kind::Activity { .. }
            | Kind::Pair { .. }
            | Kind::Novelty { .. }
            | Kind::Passthrough => false,
        }
    }
}

impl Block {
    /// Whether another computes all of it.
    fn is_part_of(&self, other: &Block) -> bool {
        let is_same = match (&self.kind, &other.kind) {
            (
                Kind::Activity { measures, filter },
                Kind::Activity { measures: all, filter: same },
            ) => filter == same && measures.iter().all(|measure| all.contains(measure)),
            (kind, other) => kind == other,
        };
        is_same && self.prefix == other.prefix && self.window_text == other.window_text
    }

    fn columns(&self, number: usize, columns: &mut Vec<Column>) {
        let prefix =
            if self.prefix.is_empty() { String::new() } else { format!("{}_", self.prefix) };
        let mut add = |name: &str, kind| {
            let name = format!("{prefix}{name}_{}", self.window_text);
            columns.push(Column { name, kind, block: number });
        };
        match &self.kind {
            Kind::Activity { measures, .. } => {
                for (end, way) in ENDS_AND_WAYS {
                    for &measure in measures {
                        add(&format!("{end}_{way}_{}", measure.name()), measure.column());
                    }
                }
            }
            Kind::Pair { .. } => {
                add("pair_count", ColumnKind::Int);
                add("pair_sum", ColumnKind::Real);
                add("pair_age", ColumnKind::Real);
                add("pair_back_count", ColumnKind::Int);
                add("pair_back_sum", ColumnKind::Real);
            }
            Kind::Novelty { .. } => {
                for (end, way) in ENDS_AND_WAYS {
                    add(&format!("{end}_{way}_new_fan"), ColumnKind::Int);
                }
            }
            Kind::Passthrough => add("passthrough", ColumnKind::Real),
            Kind::Cycle { longest, .. } => {
                for accounts in 2..=*longest {
                    add(&format!("cycle_{accounts}"), ColumnKind::Int);
                }
                add("cycle_saturated", ColumnKind::Bool);
            }
            Kind::Ring { longest, .. } => {
                for accounts in 2..=*longest {
                    add(&format!("ring_{accounts}"), ColumnKind::Int);
                }
                add("ring_saturated", ColumnKind::Bool);
            }
            Kind::ScatterGather { .. } => {
                add("scatter_gather_count", ColumnKind::Int);
                add("scatter_gather_size", ColumnKind::Int);
                add("scatter_gather_saturated", ColumnKind::Bool);
            }
            Kind::Chain { .. } => {
                add("chain_depth", ColumnKind::Int);
                add("chain_saturated", ColumnKind::Bool);
            }
        }
    }

    fn look_back(&self) -> Span {
        match &self.kind {
            Kind::Novelty { memory } => self.window.max(*memory),
            // A depth needs one window; the run that makes it, as evidence, needs them all.
            Kind::Chain { deepest, .. } => self.window.times(*deepest),
            // Its oldest payment was the first of its pair in a while.
            Kind::Cycle { .. } | Kind::Ring { .. } | Kind::ScatterGather { .. } => {
                self.window.plus(self.fresh().unwrap_or(Span::ZERO))
            }
            Kind::Activity { .. } | Kind::Pair { .. } | Kind::Passthrough => self.window,
        }
    }

    /// How long a pair must not have paid, where it is a pattern of payments between strangers.
    pub(crate) fn fresh(&self) -> Option<Span> {
        self.kind.search().and_then(|search| search.fresh)
    }
}

impl Kind {
    /// How it is sought, where it is.
    pub fn search(&self) -> Option<PatternSearch> {
        match self {
            Kind::Cycle { search, .. }
            | Kind::Ring { search, .. }
            | Kind::ScatterGather { search } => Some(*search),
            Kind::Activity { .. }
            | Kind::Pair { .. }
            | Kind::Novelty { .. }
            | Kind::Passthrough
            | Kind::Chain { .. } => None,
        }
    }
}

/// The four lines of payments that account features speak of, in the order of their columns.
pub const ENDS_AND_WAYS: [(&str, &str); 4] =
    [("debtor", "out"), ("debtor", "in"), ("creditor", "out"), ("creditor", "in")];

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
    }

    fn error(&self, at: Range<usize>, what: &str, hint: &str) -> DefinitionsError {
        DefinitionsError {
            line: self.line(at.start),
            what: what.trim().to_owned(),
            hint: hint.to_owned(),
        }
    }

    fn span(&self, text: &Spanned<String>, key: &str) -> Result<Span, DefinitionsError> {
        text.get_ref().parse().map_err(|hint| {
            self.error(text.span(), &format!("{key} = \"{}\" is no span", text.get_ref()), hint)
        })
    }

    fn window(&self, text: &Spanned<String>, key: &str) -> Result<Span, DefinitionsError> {
        let span = self.span(text, key)?;
        if span == Span::ZERO {
            let what = format!("{key} = \"{}\" holds nothing", text.get_ref());
            return Err(self.error(text.span(), &what, "use a span of a second or more"));
        }
        Ok(span)
    }

    fn block(&self, raw: &Spanned<RawBlock>) -> Result<Block, DefinitionsError> {
        let at = raw.span();
        let raw = raw.get_ref();
        let window = self.window(&raw.window, "window")?;
        let window_text = raw.window.get_ref().clone();
        let prefix = self.prefix(raw)?;
        let kind = self.kind(raw, at)?;
        Ok(Block { prefix, window, window_text, kind })
    }

    fn prefix(&self, raw: &RawBlock) -> Result<String, DefinitionsError> {
        let Some(prefix) = &raw.r#as else { return Ok(String::new()) };
        let name = prefix.get_ref();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            let hint = "a prefix is 1 to 64 of a-z, 0-9 and _";
            return Err(self.error(prefix.span(), &format!("as = \"{name}\""), hint));
        }
        if let Some(reason) = crate::sql::protected(name) {
            let what = format!("as = \"{name}\" names what no feature may stand for: {reason}");
            let hint = "features speak of payments, never of who somebody is";
            return Err(self.error(prefix.span(), &what, hint));
        }
        Ok(name.clone())
    }

    fn kind(&self, raw: &RawBlock, at: Range<usize>) -> Result<Kind, DefinitionsError> {
        let name = raw.kind.get_ref().as_str();
        let allowed: &[&str] = match name {
            "activity" => &["measures", "where", "similar_permille", "without_current"],
            "pair" => &["where", "similar_permille", "without_current"],
            "novelty" => &["memory"],
            "passthrough" => &[],
            "cycle" | "ring" => &["longest", "fresh", "budget", "whole"],
            "scatter_gather" => &["fresh", "budget", "whole"],
            "chain" => &["retention_permille", "deepest", "budget"],
            _ => {
                let what = format!("kind = \"{name}\" is none that Shroff knows");
                let hint = nearest(name, &KINDS);
                return Err(self.error(raw.kind.span(), &what, &hint));
            }
        };
        for (key, span) in raw.given() {
            if !allowed.contains(&key) {
                let what = format!("`{key}` means nothing in a block of kind `{name}`");
                let hint = if allowed.is_empty() {
                    "remove it".to_owned()
                } else {
                    format!("it takes {}", allowed.join(", "))
                };
                return Err(self.error(span, &what, &hint));
            }
        }
        match name {
            "activity" => self.activity(raw, at),
            "pair" => Ok(Kind::Pair { filter: self.filter(raw)? }),
            "novelty" => self.novelty(raw, at),
            "passthrough" => Ok(Kind::Passthrough),
            "cycle" | "ring" => self.paths(raw, at),
            "scatter_gather" => {
                Ok(Kind::ScatterGather { search: self.search(raw, DEFAULT_GATHER_BUDGET)? })
            }
            _ => self.chain(raw, at),
        }
    }

    fn missing(&self, key: &str, at: Range<usize>, example: &str) -> DefinitionsError {
        self.error(at, &format!("the block lacks `{key}`"), &format!("as in {key} = {example}"))
    }

    fn activity(&self, raw: &RawBlock, at: Range<usize>) -> Result<Kind, DefinitionsError> {
        let measures = raw
            .measures
            .as_ref()
            .ok_or_else(|| self.missing("measures", at, "[\"count\", \"fan\", \"sum\"]"))?;
        if measures.get_ref().is_empty() {
            let hint = "name at least one, as in [\"count\"]";
            return Err(self.error(measures.span(), "measures = [] measures nothing", hint));
        }
        let twice = measures.get_ref().iter().enumerate().find_map(|(at, measure)| {
            measures.get_ref()[..at].contains(measure).then(|| measure.name())
        });
        if let Some(name) = twice {
            let what = format!("measures names \"{name}\" twice");
            return Err(self.error(measures.span(), &what, "name each measure once"));
        }
        Ok(Kind::Activity { measures: measures.get_ref().clone(), filter: self.filter(raw)? })
    }

    fn novelty(&self, raw: &RawBlock, at: Range<usize>) -> Result<Kind, DefinitionsError> {
        let memory = raw.memory.as_ref().ok_or_else(|| self.missing("memory", at, "\"30d\""))?;
        let (span, window) = (self.window(memory, "memory")?, self.window(&raw.window, "window")?);
        if span <= window {
            let what = format!(
                "memory = \"{}\" is no longer than the window, so everything would be new",
                memory.get_ref()
            );
            return Err(self.error(memory.span(), &what, "use a memory longer than the window"));
        }
        Ok(Kind::Novelty { memory: span })
    }

    fn paths(&self, raw: &RawBlock, at: Range<usize>) -> Result<Kind, DefinitionsError> {
        let given = raw.longest.as_ref().ok_or_else(|| self.missing("longest", at, "6"))?;
        let longest = *given.get_ref();
        if !(2..=64).contains(&longest) {
            let what = format!("longest = {longest}");
            return Err(self.error(given.span(), &what, "use 2 to 64 accounts"));
        }
        let search = self.search(raw, DEFAULT_PATH_BUDGET)?;
        Ok(match raw.kind.get_ref().as_str() {
            "cycle" => Kind::Cycle { longest, search },
            _ => Kind::Ring { longest, search },
        })
    }

    fn search(&self, raw: &RawBlock, budget: u64) -> Result<PatternSearch, DefinitionsError> {
        Ok(PatternSearch {
            fresh: raw.fresh.as_ref().map(|text| self.window(text, "fresh")).transpose()?,
            budget: self.budget(raw, budget)?,
            whole: raw.whole.as_ref().is_some_and(|whole| *whole.get_ref()),
        })
    }

    fn chain(&self, raw: &RawBlock, at: Range<usize>) -> Result<Kind, DefinitionsError> {
        let retention = raw
            .retention_permille
            .as_ref()
            .ok_or_else(|| self.missing("retention_permille", at.clone(), "800"))?;
        let deepest = raw.deepest.as_ref().ok_or_else(|| self.missing("deepest", at, "10"))?;
        if *retention.get_ref() > 1_000 {
            let what = format!("retention_permille = {}", retention.get_ref());
            return Err(self.error(retention.span(), &what, "use 0 to 1000: 800 is 80 %"));
        }
        if !(1..=1_000).contains(deepest.get_ref()) {
            let what = format!("deepest = {}", deepest.get_ref());
            return Err(self.error(deepest.span(), &what, "use 1 to 1000 payments"));
        }
        // Depths are exact without one; files that give one stay valid.
        self.budget(raw, 0)?;
        Ok(Kind::Chain { retention_permille: *retention.get_ref(), deepest: *deepest.get_ref() })
    }

    fn budget(&self, raw: &RawBlock, default: u64) -> Result<u64, DefinitionsError> {
        let Some(budget) = &raw.budget else { return Ok(default) };
        // Under 2^32, so that what a search remembers can be numbered in 32 bits.
        if !(1..=4_000_000_000).contains(budget.get_ref()) {
            let what = format!("budget = {}", budget.get_ref());
            return Err(self.error(budget.span(), &what, "use 1 to 4000000000 steps"));
        }
        Ok(*budget.get_ref())
    }

    fn filter(&self, raw: &RawBlock) -> Result<Filter, DefinitionsError> {
        let filter = Filter {
            predicate: raw.r#where.as_ref().map(|text| text.get_ref().clone()),
            similar_permille: raw.similar_permille.as_ref().map(|share| *share.get_ref()),
            without_current: raw.without_current.as_ref().is_some_and(|flag| *flag.get_ref()),
        };
        if let Some(text) = &raw.r#where {
            crate::filter::compile(text.get_ref()).map_err(|error| {
                let what = format!("where = \"{}\"\n{error}", text.get_ref());
                self.error(text.span(), &what, "it is SQL over amount, currency and method")
            })?;
        }
        if let Some(share) = &raw.similar_permille
            && *share.get_ref() > 1_000_000
        {
            let what = format!("similar_permille = {}", share.get_ref());
            return Err(self.error(share.span(), &what, "100 is within 10 %"));
        }
        Ok(filter)
    }
}

const KINDS: [&str; 8] =
    ["activity", "pair", "novelty", "passthrough", "cycle", "ring", "scatter_gather", "chain"];

fn nearest(name: &str, known: &[&str]) -> String {
    let best = known
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    format!("did you mean `{}`? There are {}", best.unwrap_or(&""), known.join(", "))
}

impl RawBlock {
    /// The keys that not every kind takes and that this block has.
    fn given(&self) -> Vec<(&'static str, Range<usize>)> {
        fn at<T>(
            key: &'static str,
            value: Option<&Spanned<T>>,
        ) -> Option<(&'static str, Range<usize>)> {
            value.map(|value| (key, value.span()))
        }
        [
            at("measures", self.measures.as_ref()),
            at("where", self.r#where.as_ref()),
            at("similar_permille", self.similar_permille.as_ref()),
            at("without_current", self.without_current.as_ref()),
            at("memory", self.memory.as_ref()),
            at("longest", self.longest.as_ref()),
            at("retention_permille", self.retention_permille.as_ref()),
            at("deepest", self.deepest.as_ref()),
            at("fresh", self.fresh.as_ref()),
            at("budget", self.budget.as_ref()),
            at("whole", self.whole.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests;
