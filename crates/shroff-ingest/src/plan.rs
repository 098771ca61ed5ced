//! What each column of a record means, and the one door from a record to a payment.
#![expect(
    clippy::unnecessary_box_returns,
    reason = "a refusal is rare and large: its box keeps the results of each field small"
)]

use shroff_types::{AccountId, Amount, Currency, Names, Payment, Symbol};

use crate::error::clip;
use crate::instant::{self, TimeForm};
use crate::number::{self, NumberError, NumberForm};
use crate::record::Record;

/// No id, account, method or attempt is longer in bytes: what is longer is another column.
pub(crate) const MAX_TEXT_BYTES: usize = 1_000;

/// Which column of a record is what; columns are counted from 0.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The layout's name, as it is reported.
    pub(crate) layout: &'static str,
    /// The columns' names, for messages.
    pub(crate) columns: Vec<String>,
    pub(crate) id: Option<usize>,
    pub(crate) time: TimePart,
    pub(crate) debtor: AccountPart,
    pub(crate) creditor: AccountPart,
    pub(crate) amount: usize,
    pub(crate) number: NumberForm,
    pub(crate) sign: Sign,
    pub(crate) currency: CurrencyPart,
    pub(crate) method: Option<usize>,
    pub(crate) label: Option<LabelPart>,
    pub(crate) attempt: AttemptPart,
    pub(crate) direction: Option<Direction>,
    pub(crate) leave_out: Vec<LeaveOut>,
    /// Decimals of an amount without a currency.
    pub(crate) unnamed_decimals: u8,
    /// What a reader of the summary should know.
    pub(crate) notes: Vec<String>,
}

/// When.
#[derive(Debug, Clone)]
pub(crate) struct TimePart {
    /// One column, or several that are read with a space between (a date and a time of day).
    pub(crate) columns: Vec<usize>,
    pub(crate) form: TimeForm,
    pub(crate) offset_micros: i64,
}

/// An account, of one column or of several joined.
#[derive(Debug, Clone)]
pub(crate) struct AccountPart {
    pub(crate) columns: Vec<usize>,
    pub(crate) join: String,
    /// Whether blanks inside are left out, as in a printed IBAN.
    pub(crate) strip_spaces: bool,
    /// Whether each column must have a value; else only the last.
    pub(crate) all_required: bool,
}

impl AccountPart {
    pub(crate) fn of(columns: &[usize]) -> AccountPart {
        AccountPart {
            columns: columns.to_vec(),
            join: "/".to_owned(),
            strip_spaces: false,
            all_required: true,
        }
    }

    /// The column of the number itself.
    fn last(&self) -> usize {
        *self.columns.last().expect("an account has a column")
    }
}

/// What the sign of an amount says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Amounts are above zero.
    Positive,
    /// The sign says nothing: it is dropped.
    Absolute,
    /// Below zero the debtor column pays, above zero it is paid, as on an account statement.
    Statement,
}

/// Of what.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CurrencyPart {
    Fixed(Currency),
    Column(usize),
}

/// Whether somebody called it laundering.
#[derive(Debug, Clone)]
pub(crate) struct LabelPart {
    pub(crate) column: usize,
    /// The values that mean yes, all others meaning no; none for the usual words for both.
    pub(crate) truths: Option<Vec<String>>,
}

/// Which attempt it belongs to.
#[derive(Debug, Clone)]
pub(crate) enum AttemptPart {
    None,
    /// A column, empty where there is none.
    Column(usize),
    /// AMLGentex: a pattern's number and its model, for labelled payments.
    Gentex {
        pattern: usize,
        model: usize,
    },
}

/// A column whose value says which way the money went; other values are left out.
#[derive(Debug, Clone)]
pub(crate) struct Direction {
    pub(crate) column: usize,
    pub(crate) outgoing: Vec<String>,
    pub(crate) incoming: Vec<String>,
    pub(crate) reason: String,
}

impl Direction {
    /// Whether the money goes out; nothing where it goes neither way.
    fn outgoing(&self, record: &Record) -> Option<bool> {
        let value = record.field(self.column).trim_ascii();
        let is = |list: &[String]| list.iter().any(|known| known.as_bytes() == value);
        if is(&self.outgoing) {
            return Some(true);
        }
        is(&self.incoming).then_some(false)
    }
}

/// Records that by the layout's nature are no payments between two accounts.
#[derive(Debug, Clone)]
pub(crate) struct LeaveOut {
    pub(crate) column: usize,
    /// The values that say so; an empty text is an empty field.
    pub(crate) values: Vec<String>,
    pub(crate) reason: String,
    /// The reason where the record carries a label of laundering: it is counted apart.
    pub(crate) labelled_reason: Option<String>,
}

/// What a record turned out to be.
pub(crate) enum Outcome<'p> {
    Payment(Payment, bool),
    LeftOut(&'p str),
    Bad(Box<Bad>),
}

/// Why a record is no payment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) column: String,
    pub(crate) value: String,
    pub(crate) reason: String,
    pub(crate) hint: String,
}

impl Bad {
    pub(crate) fn whole(value: &[u8], reason: &str, hint: &str) -> Box<Bad> {
        Box::new(Bad {
            column: String::new(),
            value: clip(value),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        })
    }
}

/// Names given so far, and buffers that are used again for each record.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) accounts: Names,
    pub(crate) symbols: Names,
    text: Vec<u8>,
    currencies: Vec<(Vec<u8>, Currency)>,
    last_method: Option<(Vec<u8>, Symbol)>,
}

type Refused = Box<Bad>;

impl Plan {
    /// The columns that are read.
    pub(crate) fn used(&self) -> impl Iterator<Item = usize> {
        let mut used: Vec<usize> = self.time.columns.clone();
        used.extend(&self.debtor.columns);
        used.extend(&self.creditor.columns);
        used.push(self.amount);
        used.extend(self.id);
        used.extend(self.method);
        used.extend(self.label.as_ref().map(|label| label.column));
        used.extend(self.direction.as_ref().map(|direction| direction.column));
        used.extend(self.leave_out.iter().map(|leave| leave.column));
        match self.currency {
            CurrencyPart::Column(column) => used.push(column),
            CurrencyPart::Fixed(_) => {}
        }
        match self.attempt {
            AttemptPart::None => {}
            AttemptPart::Column(column) => used.push(column),
            AttemptPart::Gentex { pattern, model } => used.extend([pattern, model]),
        }
        used.sort_unstable();
        used.dedup();
        used.into_iter()
    }

    /// Turns a record into a payment; `row_id` is its id where the layout has none.
    pub(crate) fn read(&self, record: &Record, row_id: &str, desk: &mut Desk) -> Outcome<'_> {
        let outcome = self.left_out(record).and_then(|left| match left {
            Some(reason) => Ok(Outcome::LeftOut(reason)),
            None => self.payment(record, row_id, desk),
        });
        outcome.unwrap_or_else(Outcome::Bad)
    }

    fn left_out(&self, record: &Record) -> Result<Option<&str>, Refused> {
        for rule in &self.leave_out {
            let value = record.field(rule.column).trim_ascii();
            if rule.values.iter().any(|known| known.as_bytes() == value) {
                let labelled = match &rule.labelled_reason {
                    Some(reason) if self.label(record)? == Some(true) => Some(reason),
                    Some(_) | None => None,
                };
                return Ok(Some(labelled.unwrap_or(&rule.reason)));
            }
        }
        if let Some(direction) = &self.direction
            && direction.outgoing(record).is_none()
        {
            return Ok(Some(&direction.reason));
        }
        Ok(None)
    }

    fn payment<'p>(
        &'p self,
        record: &Record,
        row_id: &str,
        desk: &mut Desk,
    ) -> Result<Outcome<'p>, Refused> {
        let id = match self.id {
            Some(column) => self.text(record, column, "id")?,
            None => row_id,
        };
        let time = self.time(record, desk)?;
        let currency = self.currency(record, desk)?;
        let (amount, rounded, negative) = self.amount(record, currency)?;
        let method = self.method(record, desk)?;
        let label = self.label(record)?;
        let attempt = self.attempt(record, label, desk)?;
        // Accounts last: a record that is refused leaves no account behind.
        desk.text.clear();
        self.append_account(record, &self.debtor, &mut desk.text)?;
        let debtor_end = desk.text.len();
        self.append_account(record, &self.creditor, &mut desk.text)?;
        let (debtor, creditor) = desk.text.split_at(debtor_end);
        let debtor = self.checked(debtor, self.debtor.last())?;
        let creditor = self.checked(creditor, self.creditor.last())?;
        let debtor = AccountId(desk.accounts.intern(debtor));
        let creditor = AccountId(desk.accounts.intern(creditor));
        let outgoing = match (&self.direction, self.sign) {
            (Some(direction), _) => direction.outgoing(record) == Some(true),
            (None, Sign::Statement) => negative,
            (None, Sign::Positive | Sign::Absolute) => true,
        };
        let (debtor, creditor) = if outgoing { (debtor, creditor) } else { (creditor, debtor) };
        let payment =
            Payment { id: id.into(), time, debtor, creditor, amount, method, label, attempt };
        Ok(Outcome::Payment(payment, rounded))
    }

    fn time(&self, record: &Record, desk: &mut Desk) -> Result<shroff_types::Timestamp, Refused> {
        let part = &self.time;
        let column = part.columns[0];
        let text = match part.columns.as_slice() {
            [only] => record.field(*only).trim_ascii(),
            several => {
                desk.text.clear();
                for (position, &column) in several.iter().enumerate() {
                    if position > 0 {
                        desk.text.push(b' ');
                    }
                    desk.text.extend_from_slice(record.field(column).trim_ascii());
                }
                desk.text.trim_ascii()
            }
        };
        if text.is_empty() {
            return Err(self.missing(column, "time"));
        }
        instant::parse(text, &part.form, part.offset_micros).ok_or_else(|| {
            let (reason, hint) = time_complaint(&part.form);
            self.bad(column, text, reason, &hint)
        })
    }

    fn currency(&self, record: &Record, desk: &mut Desk) -> Result<Currency, Refused> {
        let column = match self.currency {
            CurrencyPart::Fixed(currency) => return Ok(currency),
            CurrencyPart::Column(column) => column,
        };
        let text = record.field(column).trim_ascii();
        if let Some(place) = desk.currencies.iter().position(|(known, _)| known == text) {
            return Ok(desk.currencies[place].1);
        }
        if text.is_empty() {
            return Err(self.missing(column, "currency"));
        }
        let name = std::str::from_utf8(text).ok();
        let currency = name.and_then(Currency::from_name).ok_or_else(|| {
            let near =
                nearest_code(text).map_or_else(String::new, |near| format!("; is it `{near}`?"));
            let hint = format!("three letters of ISO 4217, such as EUR{near}");
            self.bad(column, text, "the currency is not known", &hint)
        })?;
        // A file has a few spellings; a bound keeps a hostile one from growing the list.
        if desk.currencies.len() < 64 {
            desk.currencies.push((text.to_vec(), currency));
        }
        Ok(currency)
    }

    fn amount(&self, record: &Record, currency: Currency) -> Result<(Amount, bool, bool), Refused> {
        let text = record.field(self.amount).trim_ascii();
        if text.is_empty() {
            return Err(self.missing(self.amount, "amount"));
        }
        let decimals =
            if currency == Currency::NONE { self.unnamed_decimals } else { currency.decimals() };
        let bad = |reason: &str, hint: &str| self.bad(self.amount, text, reason, hint);
        let number = match number::parse(text, self.number, decimals) {
            Ok(number) => number,
            Err(error) => return Err(self.amount_complaint(text, error, (currency, decimals))),
        };
        if number.minor == 0 {
            let reason = if number.rounded {
                "the amount is zero once it is rounded to the currency's decimals"
            } else {
                "the amount is zero"
            };
            return Err(bad(reason, "a payment moves money; leave such rows out"));
        }
        let negative = number.minor < 0;
        if negative && self.sign == Sign::Positive && self.direction.is_none() {
            let hint = "a reversal is a payment the other way round; in a mapping, say what the \
                        sign means with `sign` under `[amount]`";
            return Err(bad("the amount is negative", hint));
        }
        let minor = number.minor.checked_abs().ok_or_else(|| bad(TOO_LARGE, TOO_LARGE_HINT))?;
        Ok((Amount { minor, currency }, number.rounded, negative))
    }

    fn amount_complaint(
        &self,
        text: &[u8],
        error: NumberError,
        (currency, decimals): (Currency, u8),
    ) -> Refused {
        let column = self.amount;
        match error {
            NumberError::NotANumber => {
                let point = char::from(self.number.point);
                let hint = format!(
                    "digits with a `{point}` before the decimals{}; a mapping can name another \
                     decimal mark and a mark between thousands",
                    if self.number.thousands.is_some() { " and groups of three" } else { "" }
                );
                self.bad(column, text, "the amount is not a number", &hint)
            }
            NumberError::TooLarge => self.bad(column, text, TOO_LARGE, TOO_LARGE_HINT),
            NumberError::TooFine if self.number.minor_units => {
                let hint = "the mapping says that amounts count minor units, which are whole";
                self.bad(column, text, "the amount has a fraction of a minor unit", hint)
            }
            NumberError::TooFine => {
                let reason =
                    format!("the amount is finer than {currency} allows ({decimals} decimals)");
                let hint = "check the currency, or round with `rounding = \"round\"` in a mapping";
                self.bad(column, text, &reason, hint)
            }
        }
    }

    fn method(&self, record: &Record, desk: &mut Desk) -> Result<Option<Symbol>, Refused> {
        let Some(column) = self.method else { return Ok(None) };
        let text = record.field(column).trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        match &desk.last_method {
            Some((last, symbol)) if last == text => Ok(Some(*symbol)),
            Some(_) | None => {
                let symbol = Symbol(desk.symbols.intern(self.text(record, column, "method")?));
                desk.last_method = Some((text.to_vec(), symbol));
                Ok(Some(symbol))
            }
        }
    }

    fn label(&self, record: &Record) -> Result<Option<bool>, Refused> {
        let Some(part) = &self.label else { return Ok(None) };
        let text = record.field(part.column).trim_ascii();
        if let Some(truths) = &part.truths {
            return Ok(Some(truths.iter().any(|truth| truth.as_bytes() == text)));
        }
        match text {
            b"" => Ok(None),
            b"1" => Ok(Some(true)),
            b"0" => Ok(Some(false)),
            _ => word_of_label(text).map(Some).ok_or_else(|| {
                let hint = "1 or 0, true or false, yes or no; a mapping can name other values";
                self.bad(part.column, text, "the label is neither yes nor no", hint)
            }),
        }
    }

    fn attempt(
        &self,
        record: &Record,
        label: Option<bool>,
        desk: &mut Desk,
    ) -> Result<Option<Symbol>, Refused> {
        match self.attempt {
            AttemptPart::None => Ok(None),
            AttemptPart::Column(column) => {
                if record.field(column).trim_ascii().is_empty() {
                    return Ok(None);
                }
                let text = self.text(record, column, "pattern")?;
                Ok(Some(Symbol(desk.symbols.intern(text))))
            }
            AttemptPart::Gentex { pattern, model } => {
                if label != Some(true) {
                    return Ok(None);
                }
                let number = self.text(record, pattern, "patternID")?;
                let typology = gentex_typology(self.text(record, model, "modelType")?);
                Ok(Some(Symbol(desk.symbols.intern(&format!("{number}:{typology}")))))
            }
        }
    }

    fn append_account(
        &self,
        record: &Record,
        part: &AccountPart,
        text: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let last = part.columns.len() - 1;
        for (position, &column) in part.columns.iter().enumerate() {
            let field = record.field(column).trim_ascii();
            if field.is_empty() && (part.all_required || position == last) {
                return Err(self.missing(column, "account"));
            }
            if position > 0 {
                text.extend_from_slice(part.join.as_bytes());
            }
            if part.strip_spaces {
                text.extend(field.iter().filter(|b| !b.is_ascii_whitespace()));
            } else {
                text.extend_from_slice(field);
            }
        }
        Ok(())
    }

    /// A field as text that may be kept: not empty, not long, valid, without control characters.
    fn text<'r>(&self, record: &'r Record, column: usize, what: &str) -> Result<&'r str, Refused> {
        let text = record.field(column).trim_ascii();
        if text.is_empty() {
            return Err(self.missing(column, what));
        }
        self.checked(text, column)
    }

    fn checked<'t>(&self, text: &'t [u8], column: usize) -> Result<&'t str, Refused> {
        if text.len() > MAX_TEXT_BYTES {
            let reason = format!("the text is longer than {MAX_TEXT_BYTES} bytes");
            return Err(self.bad(column, text, &reason, "is a quote or a delimiter missing?"));
        }
        if text.iter().any(u8::is_ascii_control) {
            let hint = "is a quote missing, or is the file damaged?";
            return Err(self.bad(column, text, "the text has a control character", hint));
        }
        std::str::from_utf8(text).map_err(|_| {
            let hint = "save the file as UTF-8, or run `iconv -f LATIN1 -t UTF-8`";
            self.bad(column, text, "the text is not valid UTF-8", hint)
        })
    }

    fn missing(&self, column: usize, what: &str) -> Refused {
        self.bad(column, b"", &format!("the {what} is missing"), "")
    }

    fn bad(&self, column: usize, value: &[u8], reason: &str, hint: &str) -> Refused {
        let name = self.columns.get(column).cloned();
        Box::new(Bad {
            column: name.unwrap_or_else(|| format!("column {}", column + 1)),
            value: clip(value),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        })
    }
}

/// A file of accounts with labels: which columns are which.
#[derive(Debug)]
pub(crate) struct AccountsPlan {
    pub(crate) account: usize,
    pub(crate) label: usize,
    pub(crate) columns: Vec<String>,
}

impl AccountsPlan {
    pub(crate) fn read<'r>(&self, record: &'r Record) -> Result<(&'r str, bool), Refused> {
        let bad = |column: usize, reason: &str| {
            let mut bad = Bad::whole(record.field(column), reason, "");
            bad.column.clone_from(&self.columns[column]);
            bad
        };
        let account = record.field(self.account).trim_ascii();
        let text = std::str::from_utf8(account).ok().filter(|text| {
            !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.contains(char::is_control)
        });
        let account = text.ok_or_else(|| bad(self.account, "the account is none"))?;
        let label = match record.field(self.label).trim_ascii() {
            b"1" => true,
            b"0" => false,
            other => word_of_label(other)
                .ok_or_else(|| bad(self.label, "the label is neither yes nor no"))?,
        };
        Ok((account, label))
    }
}

const TOO_LARGE: &str = "the amount is larger than can be carried";
const TOO_LARGE_HINT: &str = "at most 38 digits; check the units";

fn time_complaint(form: &TimeForm) -> (&'static str, String) {
    let hint = match form {
        TimeForm::Rfc3339 => {
            "RFC 3339, such as `2024-02-29T13:00:00Z`, or whole microseconds since 1970".to_owned()
        }
        TimeForm::Count { unit_micros } => {
            let unit = match unit_micros {
                1 => "microseconds",
                1_000 => "milliseconds",
                1_000_000 => "seconds",
                3_600_000_000 => "hours",
                _ => "days",
            };
            format!("a number of {unit} since 1970-01-01")
        }
        TimeForm::Slashed => "year/month/day hour:minute, such as `2022/09/01 00:06`".to_owned(),
        TimeForm::Yymmdd => "year, month and day as six digits, such as `930131`".to_owned(),
        TimeForm::Pattern(pattern) => format!("written as `{}`", pattern.text),
    };
    ("the time is not a date of the form expected", hint)
}

fn word_of_label(text: &[u8]) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(&["true", "yes", "y", "t", "1.0"]) {
        return Some(true);
    }
    is(&["false", "no", "n", "f", "0.0"]).then_some(false)
}

fn nearest_code(text: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= 20)?;
    let sorted = |text: &str| {
        let mut letters = text.to_ascii_uppercase().into_bytes();
        letters.sort_unstable();
        letters
    };
    // Letters in the wrong order are the commonest slip.
    let swapped = Currency::all().map(Currency::code).find(|code| sorted(code) == sorted(text));
    let codes = Currency::all().map(Currency::code);
    swapped.or_else(|| crate::error::nearest(text, codes).first().copied())
}

/// The names of AMLGentex's models of laundering, as its generator numbers them.
fn gentex_typology(model: &str) -> String {
    const MODELS: [&str; 8] = [
        "FAN-OUT",
        "FAN-IN",
        "CYCLE",
        "BIPARTITE",
        "STACK",
        "RANDOM",
        "SCATTER-GATHER",
        "GATHER-SCATTER",
    ];
    let known = model.parse::<usize>().ok().and_then(|n| MODELS.get(n.checked_sub(1)?));
    known.map_or_else(|| format!("MODEL-{model}"), |&name| name.to_owned())
}
