//! Typology files: read, with the place of every text in them, before anything is bound.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use shroff_types::Action;
use toml::Spanned;

use crate::definitions::{Block, Definitions, Measure};

/// Text of a typology file, and where its content begins there, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placed {
    /// The text.
    pub text: String,
    /// Its line.
    pub line: usize,
    /// Its column.
    pub column: usize,
}

impl Placed {
    /// Where in the file a line and column of this text are, each from 1.
    pub(crate) fn at(&self, (line, column): (usize, usize)) -> (usize, usize) {
        match line {
            1 => (self.line, self.column + column - 1),
            _ => (self.line + line - 1, column),
        }
    }
}

/// A typology: a documented kind of crime, and the cases that find it.
#[derive(Debug, Clone, PartialEq)]
pub struct Typology {
    /// The file it was read from, as messages name it.
    pub file: String,
    /// Its id, as in alerts: `fan-in`; and where it stands.
    pub id: String,
    /// Where the id stands in the file.
    pub id_place: (usize, usize),
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
    /// Typologies of one group say the same: the strongest of them counts. Its own id unless named.
    pub group: String,
    /// From 0 to 1: how much of its score counts.
    pub weight: f64,
    /// The most that it suggests.
    pub action: Action,
    /// Numbers that a user may set, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Expressions with a name, which its cases use.
    pub values: BTreeMap<String, Placed>,
    /// The feature blocks that it needs, each with its line.
    pub features: Vec<(usize, Block)>,
    /// What finds it.
    pub cases: Vec<Case>,
    /// Example ledgers.
    pub examples: Vec<Example>,
}

/// A number in a typology that a user may set.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The number.
    pub value: f64,
    /// The least and the most that it may be.
    pub range: (f64, f64),
    /// What it counts: `accounts`, `days`, `of 1`.
    pub unit: String,
    /// What it is.
    pub what: String,
}

/// One way in which a typology shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Which blocks it is asked of; once, over the columns that it names in full, where none.
    pub block: Option<BlockPattern>,
    /// Columns, in full, without which it is not asked.
    pub needs: Vec<String>,
    /// Columns, in full, with all of which it is not asked: a better case is, then.
    pub unless: Vec<String>,
    /// The SQL condition that raises it.
    pub when: Placed,
    /// An SQL expression from 0 to 1: how strongly.
    pub score: Placed,
    /// A sentence, with SQL expressions in braces; `{window}` is the block's.
    pub reason: Placed,
    /// What is its evidence: flows of the block, or columns whose payments are meant.
    pub evidence: Vec<Placed>,
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

/// An example: payments as a table, and the alerts that they must give.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What it shows, as a sentence.
    pub name: String,
    /// The payments as a table.
    pub ledger: Placed,
    /// How far its features look ahead, as in a definitions file.
    pub horizon: String,
    /// The payments of each alert, as `1-4 7`; none for an innocent look-alike.
    pub alerts: Vec<String>,
}

/// A typology that can't be used: which, where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {place}: {what}\n  hint: {hint}")]
pub struct RuleError {
    /// Its file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key in it.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl RuleError {
    /// In the order in which files are read.
    pub fn by_place(&self, other: &RuleError) -> std::cmp::Ordering {
        let key = |error: &RuleError| (error.line, error.column);
        self.file.cmp(&other.file).then_with(|| key(self).cmp(&key(other)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTypology {
    id: Spanned<String>,
    title: String,
    what: String,
    why: String,
    innocent: String,
    sources: Vec<String>,
    group: Option<String>,
    weight: Option<Spanned<f64>>,
    #[serde(default)]
    action: RawAction,
    #[serde(default)]
    parameters: BTreeMap<Spanned<String>, Spanned<RawParameter>>,
    #[serde(default)]
    values: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    feature: Vec<Spanned<toml::Value>>,
    #[serde(default)]
    case: Vec<Spanned<RawCase>>,
    #[serde(default)]
    test: Vec<RawExample>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum RawAction {
    None,
    #[default]
    Review,
    Hold,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParameter {
    value: f64,
    range: [f64; 2],
    unit: String,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    block: Option<BlockPattern>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    when: Spanned<String>,
    score: Spanned<RawScore>,
    reason: Spanned<String>,
    evidence: Vec<Spanned<String>>,
}

/// A score: a number, or an SQL expression.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawScore {
    Number(f64),
    Expression(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExample {
    name: String,
    ledger: Spanned<String>,
    #[serde(default = "inline")]
    horizon: String,
    alerts: Vec<String>,
}

fn inline() -> String {
    "0s".to_owned()
}

impl Typology {
    /// Reads a typology file. Its conditions are checked when it is bound to definitions.
    ///
    /// # Errors
    /// The first key that is missing, unknown or of the wrong kind.
    pub fn parse(file: &str, text: &str) -> Result<Typology, RuleError> {
        Typology::read(file, text).map_err(|mut errors| errors.swap_remove(0))
    }

    /// The same, and everything wrong in it that can be seen at once.
    ///
    /// # Errors
    /// At least one, in the order of the file.
    pub fn read(file: &str, text: &str) -> Result<Typology, Vec<RuleError>> {
        let reader = Reader { file, text };
        let raw: RawTypology = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            let hint = "docs: typologies, for the keys of a file";
            vec![reader.error(at, "file", error.message(), hint)]
        })?;
        let mut errors = Vec::new();
        reader.check(&raw, &mut errors);
        let features = reader.features(&raw.feature, &mut errors);
        let parameters = reader.parameters(raw.parameters, &mut errors);
        if !errors.is_empty() {
            errors.sort_by_key(|error| (error.line, error.column));
            return Err(errors);
        }
        let id = raw.id.get_ref().clone();
        Ok(Typology {
            file: file.to_owned(),
            id_place: reader.place(raw.id.span().start),
            group: raw.group.unwrap_or_else(|| id.clone()),
            id,
            title: raw.title,
            what: raw.what,
            why: raw.why,
            innocent: raw.innocent,
            sources: raw.sources,
            weight: raw.weight.map_or(1.0, Spanned::into_inner),
            action: match raw.action {
                RawAction::None => Action::None,
                RawAction::Review => Action::Review,
                RawAction::Hold => Action::Hold,
            },
            parameters,
            values: raw
                .values
                .into_iter()
                .map(|(name, text)| (name, reader.placed(text.span(), text.into_inner())))
                .collect(),
            features,
            cases: raw.case.into_iter().map(|case| reader.case(case.into_inner())).collect(),
            examples: raw.test.into_iter().map(|example| reader.example(example)).collect(),
        })
    }

    /// An error of this typology at a place of its file.
    pub(crate) fn error(
        &self,
        (line, column): (usize, usize),
        place: &str,
        what: impl Into<String>,
        hint: &str,
    ) -> RuleError {
        RuleError {
            file: self.file.clone(),
            line,
            column,
            place: place.to_owned(),
            what: what.into(),
            hint: hint.to_owned(),
        }
    }

    /// Sets a parameter, as a user does.
    ///
    /// # Errors
    /// Where there is none of the name, or the number is out of its range.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
        let known: Vec<String> = self.parameters.keys().map(|name| format!("`{name}`")).collect();
        let Some(parameter) = self.parameters.get_mut(name) else {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "`{}` has no parameter `{name}`\nhint: there are {known}",
                self.id
            ));
        };
        let (low, high) = parameter.range;
        if !(low..=high).contains(&value) {
            let (id, unit) = (&self.id, &parameter.unit);
            return Err(format!(
                "`{id}.{name}` cannot be {value}\nhint: it is {low} to {high} {unit}"
            ));
        }
        parameter.value = value;
        Ok(())
    }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    fn error(&self, at: Range<usize>, place: &str, what: &str, hint: &str) -> RuleError {
        let (line, column) = self.place(at.start);
        RuleError {
            file: self.file.to_owned(),
            line,
            column,
            place: place.to_owned(),
            what: what.trim().to_owned(),
            hint: hint.to_owned(),
        }
    }

    fn check(&self, raw: &RawTypology, errors: &mut Vec<RuleError>) {
        if raw.case.is_empty() {
            errors.push(self.error(0..0, "case", "there is none", "add a [[case]]"));
        }
        for case in &raw.case {
            if case.get_ref().evidence.is_empty() {
                let hint = "every alert names its payments";
                errors.push(self.error(case.span(), "evidence", "is empty", hint));
            }
        }
        let id = raw.id.get_ref();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
            let hint = "an id is 1 to 64 of a-z, 0-9 and -";
            errors.push(self.error(raw.id.span(), "id", &format!("is `{id}`"), hint));
        }
        if let Some(weight) = &raw.weight
            && !(0.0..=1.0).contains(weight.get_ref())
        {
            let what = format!("is {}", weight.get_ref());
            errors.push(self.error(weight.span(), "weight", &what, "it is from 0 to 1"));
        }
    }

    /// Each block by itself, so that all that are wrong are told.
    fn features(
        &self,
        raw: &[Spanned<toml::Value>],
        errors: &mut Vec<RuleError>,
    ) -> Vec<(usize, Block)> {
        let mut blocks = Vec::new();
        for block in raw {
            let mut table = toml::Table::new();
            let list = toml::Value::Array(vec![block.get_ref().clone()]);
            table.insert("feature".to_owned(), list);
            match Definitions::parse(&table.to_string()) {
                Ok(parsed) => {
                    let line = self.place(block.span().start).0;
                    blocks.extend(parsed.blocks.into_iter().map(|block| (line, block)));
                }
                Err(error) => {
                    errors.push(self.error(block.span(), "feature", &error.what, &error.hint));
                }
            }
        }
        blocks
    }

    fn parameters(
        &self,
        raw: BTreeMap<Spanned<String>, Spanned<RawParameter>>,
        errors: &mut Vec<RuleError>,
    ) -> BTreeMap<String, Parameter> {
        let mut parameters = BTreeMap::new();
        for (name, parameter) in raw {
            let (at, place) = (name.span(), format!("parameter `{}`", name.get_ref()));
            let RawParameter { value, range: [low, high], unit, what } = parameter.into_inner();
            if let Some(reason) = crate::sql::protected(name.get_ref()) {
                let hint = "features speak of payments, never of who somebody is";
                let what = format!("names what no rule may ask for: {reason}");
                errors.push(self.error(at.clone(), &place, &what, hint));
            }
            if !(low..=high).contains(&value) {
                let what = format!("value = {value}");
                let hint = format!("its own range is {low} to {high}");
                errors.push(self.error(at, &place, &what, &hint));
            }
            let parameter = Parameter { value, range: (low, high), unit, what };
            parameters.insert(name.into_inner(), parameter);
        }
        parameters
    }

    fn case(&self, raw: RawCase) -> Case {
        let at = raw.score.span();
        let score = match raw.score.into_inner() {
            RawScore::Expression(text) => self.placed(at, text),
            RawScore::Number(number) => {
                let (line, column) = self.place(at.start);
                Placed { text: number.to_string(), line, column }
            }
        };
        let text = |text: Spanned<String>| self.placed(text.span(), text.into_inner());
        Case {
            block: raw.block,
            needs: raw.needs,
            unless: raw.unless,
            when: text(raw.when),
            score,
            reason: text(raw.reason),
            evidence: raw.evidence.into_iter().map(text).collect(),
        }
    }

    fn example(&self, raw: RawExample) -> Example {
        let at = raw.ledger.span();
        Example {
            name: raw.name,
            ledger: self.placed(at, raw.ledger.into_inner()),
            horizon: raw.horizon,
            alerts: raw.alerts,
        }
    }

    /// Where the content of a quoted text begins: behind its quotes, and the line break that TOML
    /// drops after three of them. An escape within moves what comes after it by a character.
    fn placed(&self, at: Range<usize>, text: String) -> Placed {
        let raw = self.text.get(at.clone()).unwrap_or_default();
        let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
        let rest = raw.get(quotes..).unwrap_or_default();
        let dropped = match rest {
            _ if quotes == 1 => 0,
            _ if rest.starts_with("\r\n") => 2,
            _ if rest.starts_with('\n') => 1,
            _ => 0,
        };
        let (line, column) = self.place(at.start + quotes + dropped);
        Placed { text, line, column }
    }
}
