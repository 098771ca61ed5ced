//! The mapping file: says of any columns which is what, in TOML.
//!
//! There is no key for a name, an age, a nationality or any other trait of a person: a mapping
//! can name the columns of a payment and nothing else.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use shroff_types::Currency;
use toml::Spanned;

use crate::IngestError;
use crate::error::{nearest, quoted};
use crate::instant::{Pattern, TimeForm};
use crate::number::NumberForm;
use crate::plan::{
    AccountPart, AttemptPart, CurrencyPart, Direction, LabelPart, LeaveOut, Plan, Sign, TimePart,
};
use crate::record::count_lines;

/// What begins a column's name where `guess` could not find one.
pub(crate) const FILL_IN: &str = "FILL IN";

/// A mapping that was read and checked; its columns are looked up in each input.
#[derive(Debug, Clone)]
pub struct Mapping {
    name: String,
    text: String,
    file: File,
    time_form: TimeForm,
    offset_micros: i64,
    number: NumberForm,
    fixed_currency: Option<Currency>,
}

/// The mapping as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    delimiter: Option<Spanned<String>>,
    header: Option<bool>,
    skip_lines: Option<u32>,
    id: Option<Spanned<Column>>,
    time: Time,
    debtor: Account,
    creditor: Account,
    amount: Money,
    currency: CurrencyKey,
    method: Option<Spanned<Column>>,
    attempt: Option<Spanned<Column>>,
    label: Option<Label>,
    direction: Option<Ways>,
    #[serde(default)]
    leave_out: Vec<Leave>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    #[serde(alias = "columns")]
    column: Spanned<Columns>,
    format: Spanned<String>,
    utc_offset: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    #[serde(alias = "columns")]
    column: Spanned<Columns>,
    join: Option<String>,
    #[serde(default)]
    strip_spaces: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Money {
    column: Spanned<Column>,
    decimal: Option<Spanned<String>>,
    thousands: Option<Spanned<String>>,
    #[serde(default)]
    units: Units,
    #[serde(default)]
    rounding: Rounding,
    #[serde(default)]
    sign: SignKey,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Units {
    #[default]
    Major,
    Minor,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rounding {
    #[default]
    Exact,
    Round,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignKey {
    #[default]
    Positive,
    Absolute,
    Statement,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CurrencyKey {
    column: Option<Spanned<Column>>,
    fixed: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    column: Spanned<Column>,
    #[serde(rename = "true")]
    truths: Option<Vec<Word>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ways {
    column: Spanned<Column>,
    outgoing: Vec<Word>,
    incoming: Vec<Word>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    column: Spanned<Column>,
    values: Vec<Word>,
    reason: String,
}

impl Ways {
    fn at(&self, column: usize) -> Direction {
        Direction {
            column,
            outgoing: words(&self.outgoing),
            incoming: words(&self.incoming),
            reason: "goes neither out nor in by its direction".to_owned(),
        }
    }
}

impl Leave {
    fn at(&self, column: usize) -> LeaveOut {
        LeaveOut {
            column,
            values: words(&self.values),
            reason: self.reason.clone(),
            labelled_reason: Some(format!("{}, but labelled", self.reason)),
        }
    }
}

impl From<SignKey> for Sign {
    fn from(key: SignKey) -> Sign {
        match key {
            SignKey::Positive => Sign::Positive,
            SignKey::Absolute => Sign::Absolute,
            SignKey::Statement => Sign::Statement,
        }
    }
}

fn words(list: &[Word]) -> Vec<String> {
    list.iter().map(|word| word.0.clone()).collect()
}

/// A column by its name, or by its number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Name(String),
    Number(usize),
}

/// One column, or a list of them.
#[derive(Debug, Clone)]
struct Columns(Vec<Column>);

/// A value of a column, written as a text, a whole number or a truth.
#[derive(Debug, Clone)]
struct Word(String);

struct ColumnVisitor;

impl Visitor<'_> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a column: its name in quotes, or its number from 1")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Column, E> {
        Ok(Column::Name(name.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Column, E> {
        match usize::try_from(number) {
            Ok(number) if number > 0 => Ok(Column::Number(number)),
            Ok(_) | Err(_) => Err(E::custom(format!("columns are numbered from 1, not {number}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Column, D::Error> {
        input.deserialize_any(ColumnVisitor)
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = Columns;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a column (its name in quotes, or its number from 1) or a list of columns")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Columns, E> {
        ColumnVisitor.visit_str(name).map(|column| Columns(vec![column]))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Columns, E> {
        ColumnVisitor.visit_i64(number).map(|column| Columns(vec![column]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Columns, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = list.next_element()? {
            columns.push(column);
        }
        if columns.is_empty() {
            return Err(de::Error::custom("the list of columns is empty"));
        }
        Ok(Columns(columns))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Columns, D::Error> {
        input.deserialize_any(ColumnsVisitor)
    }
}

struct WordVisitor;

impl Visitor<'_> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value: a text, a whole number, or true or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
        Ok(Word(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Word, E> {
        Ok(Word(truth.to_string()))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Word, D::Error> {
        input.deserialize_any(WordVisitor)
    }
}

impl Mapping {
    /// Reads a mapping; `name` is what messages call it.
    ///
    /// # Errors
    /// A key that there is not or that is missing, a value of the wrong kind, a time format, an
    /// offset, a currency or a mark that is none: each with its line.
    pub fn parse(name: &str, text: &str) -> Result<Mapping, IngestError> {
        let file: File = toml::from_str(text).map_err(|error| refused(name, text, &error))?;
        let at = |key: &str, span: std::ops::Range<usize>| {
            format!("line {}, key `{key}`", line_of(text, span.start))
        };
        let complain = |key: &str, value: &Spanned<String>, reason: &str, hint: &str| {
            IngestError::new(name, reason)
                .at(at(key, value.span()))
                .value(value.get_ref().as_bytes())
                .hint(hint)
        };
        let format = &file.time.format;
        let time_form = time_form(format.get_ref())
            .ok_or_else(|| complain("time.format", format, "the time format is none", TIME_HINT))?;
        let offset_micros = match &file.time.utc_offset {
            None => 0,
            Some(offset) => offset_micros(offset.get_ref()).ok_or_else(|| {
                let hint = "hours and minutes ahead of UTC, such as `+01:00` or `-05:30`";
                complain("time.utc_offset", offset, "the offset is none", hint)
            })?,
        };
        let fixed_currency = match &file.currency.fixed {
            None => None,
            Some(code) => Some(Currency::from_name(code.get_ref()).ok_or_else(|| {
                let hint = "three letters of ISO 4217, such as `EUR`";
                complain("currency.fixed", code, "the currency is not known", hint)
            })?),
        };
        if file.currency.fixed.is_some() == file.currency.column.is_some() {
            let hint = "write `column = \"...\"` if a column names the currency, or \
                        `fixed = \"EUR\"` if all payments are in one";
            let at = format!("line {}, key `currency`", line_of_table(text, "[currency]"));
            let reason = "it needs either a column or a fixed currency";
            return Err(IngestError::new(name, reason).at(at).hint(hint));
        }
        let number = number_form(&file.amount, complain)?;
        if let Some(delimiter) = &file.delimiter
            && (delimiter.get_ref().len() != 1 || !delimiter.get_ref().is_ascii())
        {
            let hint = "one character, such as `;` or `\\t`";
            return Err(complain("delimiter", delimiter, "the delimiter is none", hint));
        }
        let (name, text) = (name.to_owned(), text.to_owned());
        Ok(Mapping { name, text, file, time_form, offset_micros, number, fixed_currency })
    }

    /// The delimiter, if it says one.
    pub(crate) fn delimiter(&self) -> Option<u8> {
        self.file.delimiter.as_ref().map(|text| text.get_ref().as_bytes()[0])
    }

    /// Whether the first row names the columns.
    pub(crate) fn has_header(&self) -> bool {
        self.file.header.unwrap_or(true)
    }

    /// How many lines stand before the header.
    pub(crate) fn skip_lines(&self) -> u32 {
        self.file.skip_lines.unwrap_or(0)
    }

    /// The plan for an input with these columns; without a header, their names are numbers.
    pub(crate) fn plan(&self, header: &[String], input: &str) -> Result<Plan, IngestError> {
        let find = |key: &str, column: &Spanned<Column>| {
            self.find(header, input, (key, column.get_ref(), column.span()))
        };
        let find_all = |key: &str, columns: &Spanned<Columns>| {
            let each = columns.get_ref().0.iter();
            each.map(|column| self.find(header, input, (key, column, columns.span())))
                .collect::<Result<Vec<usize>, IngestError>>()
        };
        let maybe = |key: &str, column: &Option<Spanned<Column>>| {
            column.as_ref().map(|column| find(key, column)).transpose()
        };
        let account = |key: &str, part: &Account| {
            Ok::<_, IngestError>(AccountPart {
                columns: find_all(key, &part.column)?,
                join: part.join.clone().unwrap_or_else(|| "/".to_owned()),
                strip_spaces: part.strip_spaces,
                all_required: false,
            })
        };
        let file = &self.file;
        let label = file.label.as_ref().map(|label| {
            let column = find("label.column", &label.column)?;
            let truths = label.truths.as_deref().map(words);
            Ok::<_, IngestError>(LabelPart { column, truths })
        });
        let direction = file.direction.as_ref().map(|ways| {
            let column = find("direction.column", &ways.column)?;
            Ok::<_, IngestError>(ways.at(column))
        });
        let leave_out = file.leave_out.iter().map(|leave| {
            let column = find("leave_out.column", &leave.column)?;
            Ok::<_, IngestError>(leave.at(column))
        });
        let currency = match (&self.fixed_currency, &file.currency.column) {
            (Some(fixed), _) => CurrencyPart::Fixed(*fixed),
            (None, Some(column)) => CurrencyPart::Column(find("currency.column", column)?),
            (None, None) => CurrencyPart::Fixed(Currency::NONE),
        };
        Ok(Plan {
            layout: "mapping",
            columns: header.to_vec(),
            id: maybe("id", &file.id)?,
            time: TimePart {
                columns: find_all("time.column", &file.time.column)?,
                form: self.time_form.clone(),
                offset_micros: self.offset_micros,
            },
            debtor: account("debtor.column", &file.debtor)?,
            creditor: account("creditor.column", &file.creditor)?,
            amount: find("amount.column", &file.amount.column)?,
            number: self.number,
            sign: file.amount.sign.into(),
            currency,
            method: maybe("method", &file.method)?,
            label: label.transpose()?,
            attempt: maybe("attempt", &file.attempt)?
                .map_or(AttemptPart::None, AttemptPart::Column),
            direction: direction.transpose()?,
            leave_out: leave_out.collect::<Result<_, _>>()?,
            unnamed_decimals: 2,
            notes: Vec::new(),
        })
    }

    fn find(
        &self,
        header: &[String],
        input: &str,
        (key, column, span): (&str, &Column, std::ops::Range<usize>),
    ) -> Result<usize, IngestError> {
        let at = format!("line {}, key `{key}`", line_of(&self.text, span.start));
        let error = |reason: String| IngestError::new(&self.name, reason).at(at);
        let name = match column {
            Column::Number(number) if *number <= header.len() => return Ok(number - 1),
            Column::Number(number) => {
                let count = header.len();
                return Err(error(format!("`{input}` has only {count} columns"))
                    .value(number.to_string().as_bytes())
                    .hint(format!("columns are numbered from 1 to {count}")));
            }
            Column::Name(name) => name,
        };
        let all = || quoted(header.iter().map(String::as_str).take(30));
        if name.starts_with(FILL_IN) {
            return Err(error("this is still to be filled in".to_owned())
                .value(name.as_bytes())
                .hint(format!("put a column's name there; `{input}` has {}", all())));
        }
        let is = |column: &&String| column.as_str() == name.as_str();
        let found = header.iter().position(|column| is(&column)).or_else(|| {
            header.iter().position(|column| column.trim().eq_ignore_ascii_case(name.trim()))
        });
        match found {
            Some(_) if header.iter().filter(is).count() > 1 => {
                Err(error(format!("`{input}` has two columns of this name"))
                    .value(name.as_bytes())
                    .hint("name the column by its number, from 1, without quotes"))
            }
            Some(found) => Ok(found),
            None => {
                let near = nearest(name, header.iter().map(String::as_str));
                let hint = if near.is_empty() {
                    format!("its columns are {}", all())
                } else {
                    format!("nearest are {}", quoted(near))
                };
                let reason = format!("`{input}` has no column of this name");
                Err(error(reason).value(name.as_bytes()).hint(hint))
            }
        }
    }
}

const TIME_HINT: &str = "`rfc3339`, `micros`, `millis`, `seconds`, `hours`, `days`, or a pattern \
                         such as `%d.%m.%Y %H:%M`";

fn time_form(format: &str) -> Option<TimeForm> {
    let count = |unit_micros| Some(TimeForm::Count { unit_micros });
    match format {
        "rfc3339" => Some(TimeForm::Rfc3339),
        "micros" => count(1),
        "millis" => count(1_000),
        "seconds" => count(1_000_000),
        "minutes" => count(60_000_000),
        "hours" => count(3_600_000_000),
        "days" => count(86_400_000_000),
        "%Y/%m/%d %H:%M" => Some(TimeForm::Slashed),
        pattern if pattern.contains('%') => Pattern::new(pattern).map(TimeForm::Pattern),
        _ => None,
    }
}

/// `+01:00` in microseconds; also `+0100`, `+01`, `Z`.
fn offset_micros(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z" | "UTC") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.split(':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000_000)
}

fn number_form(
    money: &Money,
    complain: impl Fn(&str, &Spanned<String>, &str, &str) -> IngestError,
) -> Result<NumberForm, IngestError> {
    let point = match &money.decimal {
        None => b'.',
        Some(mark) => match mark.get_ref().as_str() {
            "." => b'.',
            "," => b',',
            _ => {
                let hint = "`.` or `,`";
                return Err(complain("amount.decimal", mark, "the decimal mark is none", hint));
            }
        },
    };
    let thousands = match &money.thousands {
        None => None,
        Some(mark) => {
            let mut chars = mark.get_ref().chars();
            match (chars.next(), chars.next()) {
                (None, _) => None,
                (Some(c @ ('.' | ',' | ' ' | '\'' | '_' | '\u{2019}')), None)
                    if c != char::from(point) =>
                {
                    Some(c)
                }
                _ => {
                    let hint = "one of `.`, `,`, a space, `'` or `_`, and not the decimal mark";
                    let reason = "the mark between thousands is none";
                    return Err(complain("amount.thousands", mark, reason, hint));
                }
            }
        }
    };
    let (minor_units, round) = (money.units == Units::Minor, money.rounding == Rounding::Round);
    Ok(NumberForm { point, thousands, minor_units, round })
}

/// A mapping that TOML or its schema refuses.
fn refused(name: &str, text: &str, error: &toml::de::Error) -> IngestError {
    let message = error.message();
    let mut hint = "`shroff formats guess FILE` writes a mapping to start from".to_owned();
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field")
        && let Some((unknown, known)) = words.split_first()
    {
        let near = nearest(unknown, known.iter().copied());
        let listed = if near.is_empty() { known.to_vec() } else { near };
        hint = format!("nearest are {}", quoted(listed));
    }
    let place =
        error.span().map_or_else(String::new, |span| format!("line {}", line_of(text, span.start)));
    let value = error.span().and_then(|span| text.get(span)).unwrap_or("");
    let value = value.lines().next().unwrap_or("");
    IngestError::new(name, message.trim_end().replace('\n', "; "))
        .at(place)
        .value(value.as_bytes())
        .hint(hint)
}

/// The line of a byte of a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + count_lines(before)
}

fn line_of_table(text: &str, table: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(table)).map_or(1, |n| n + 1)
}
