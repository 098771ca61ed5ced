//! Payments as JSON, read without a copy where there is no escape in them; and as rows of columns.
//!
//! A field that is not named here is not read: it is neither kept nor looked at.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use shroff_ingest::{ColumnRow, RowTime};
use shroff_types::{Amount, Currency, Decimal, DecimalError, SentPayment, Span, Timestamp};

use super::problem::{Kind, Problem};
use super::sealed::{MOST_NAME_BYTES as MOST_PARTY_BYTES, MOST_REMITTANCE_BYTES, Names};

/// The longest id and account, in bytes.
pub(crate) const MOST_NAME_BYTES: usize = 128;
/// The longest method, in bytes.
pub(crate) const MOST_METHOD_BYTES: usize = 64;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    time: Option<&'a RawValue>,
    #[serde(borrow, default)]
    debtor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    creditor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    currency: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
}

/// Whether a payment may lie in the future: not after this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latest {
    pub(crate) now: Timestamp,
    pub(crate) ahead: Span,
}

/// Reads one payment and hands it to a closure.
pub(crate) fn read<T>(
    text: &str,
    latest: Latest,
    take: impl FnOnce(&SentPayment<'_>) -> T,
) -> Result<T, Problem> {
    // A list would be read as the fields in order.
    if text.trim_ascii_start().starts_with(['[', '"']) {
        return Err(Problem::new(Kind::BadRecord, "the record is no JSON object").hint(FIELDS));
    }
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| no_json(&error))?;
    let id = name("id", wire.id)?;
    let debtor = name("debtor", wire.debtor)?;
    let creditor = name("creditor", wire.creditor)?;
    let currency = currency(wire.currency)?;
    let amount = amount(wire.amount, currency)?;
    let time = time(wire.time, latest)?;
    let method = match given(wire.method) {
        None => None,
        Some(raw) => Some(string("method", raw, MOST_METHOD_BYTES)?),
    };
    let method = method.as_deref().filter(|method| !method.is_empty());
    Ok(take(&SentPayment { id: &id, time, debtor: &debtor, creditor: &creditor, amount, method }))
}

#[derive(Deserialize)]
struct WireNames<'a> {
    #[serde(borrow, default)]
    debtor_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    creditor_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    remittance: Option<&'a RawValue>,
}

/// The names and the remittance text of a payment, where there are any. Asked only where they are
/// sealed; what is no object is told by [`read`].
pub(crate) fn names(text: &str) -> Result<Option<Names>, Problem> {
    if text.trim_ascii_start().starts_with(['[', '"']) {
        return Ok(None);
    }
    let Ok(wire) = serde_json::from_str::<WireNames<'_>>(text) else { return Ok(None) };
    let names = Names {
        debtor: said("debtor_name", wire.debtor_name, MOST_PARTY_BYTES)?,
        creditor: said("creditor_name", wire.creditor_name, MOST_PARTY_BYTES)?,
        remittance: said("remittance", wire.remittance, MOST_REMITTANCE_BYTES)?,
    };
    Ok((!names.is_empty()).then_some(names))
}

/// The same of columns, where they are read.
pub(crate) fn row_names(row: &ColumnRow<'_>) -> Result<Option<Names>, Problem> {
    let [debtor, creditor, remittance] = row.names.map(Option::unwrap_or_default);
    let names = Names {
        debtor: told("debtor_name", debtor, MOST_PARTY_BYTES)?,
        creditor: told("creditor_name", creditor, MOST_PARTY_BYTES)?,
        remittance: told("remittance", remittance, MOST_REMITTANCE_BYTES)?,
    };
    Ok((!names.is_empty()).then_some(names))
}

fn said(field: &'static str, raw: Option<&RawValue>, most: usize) -> Result<String, Problem> {
    let Some(raw) = given(raw) else { return Ok(String::new()) };
    let text: String =
        serde_json::from_str(raw).map_err(|_| wrong(field, "is no text: it stands in quotes"))?;
    told(field, &text, most)
}

/// A text of people's own: it may have lines, which become blanks.
fn told(field: &'static str, text: &str, most: usize) -> Result<String, Problem> {
    let text = text.replace(char::is_control, " ");
    let text = text.trim();
    if text.len() > most {
        return Err(wrong(field, &format!("has {} bytes, and {most} are the most", text.len())));
    }
    Ok(text.to_owned())
}

/// Reads one payment of columns, by the same rules, and hands it to a closure.
pub(crate) fn read_row<T>(
    row: &ColumnRow<'_>,
    latest: Latest,
    take: impl FnOnce(&SentPayment<'_>) -> T,
) -> Result<T, Problem> {
    let name = |field: &'static str, text: Option<&'_ str>| {
        let text = text.ok_or_else(|| missing(field))?;
        plain(field, text, MOST_NAME_BYTES)?;
        not_empty(field, text)
    };
    let ColumnRow { id, debtor, creditor, currency, method, .. } = *row;
    for (field, text) in [("id", id), ("debtor", debtor), ("creditor", creditor)] {
        name(field, text)?;
    }
    let currency = match currency {
        None => Currency::NONE,
        Some(code) => {
            plain("currency", code, MOST_NAME_BYTES)?;
            currency_of(code)?
        }
    };
    let amount = row.amount.as_deref().ok_or_else(|| missing("amount"))?;
    plain("amount", amount, MOST_NAME_BYTES)?;
    let amount = amount_of(amount, currency)?;
    let time = match row.time {
        RowTime::None => return Err(missing("time")),
        RowTime::Text(text) => {
            plain("time", text, MOST_NAME_BYTES)?;
            time_of(Timestamp::parse(text), || Cow::Borrowed(text), latest)?
        }
        RowTime::Micros(micros) => {
            time_of(Some(Timestamp(micros)), || Cow::Owned(micros.to_string()), latest)?
        }
        RowTime::Beyond(number) => time_of(None, || Cow::Owned(number.to_string()), latest)?,
    };
    if let Some(method) = method {
        plain("method", method, MOST_METHOD_BYTES)?;
    }
    let method = method.filter(|method| !method.is_empty());
    let [id, debtor, creditor] = [id, debtor, creditor].map(Option::unwrap_or_default);
    Ok(take(&SentPayment { id, time, debtor, creditor, amount, method }))
}

/// The records of a JSON array, each as its text.
pub(crate) fn elements(text: &str) -> Result<Vec<&RawValue>, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::new(Kind::BadRequest, format!("the body is no JSON: {place}"))
    })
}

/// Serde's own words may quote what they could not read, and that may be an account.
fn no_json(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    let what = if error.is_data() { "the record is no JSON object" } else { "this is no JSON" };
    Problem::new(Kind::BadRecord, format!("{what}: {place}")).hint(FIELDS)
}

const FIELDS: &str = "a payment is an object with id, time, debtor, creditor, amount and currency";

fn given(raw: Option<&RawValue>) -> Option<&str> {
    raw.map(RawValue::get).filter(|text| *text != "null")
}

fn missing(field: &'static str) -> Problem {
    Problem::new(Kind::BadRecord, format!("`{field}` is not there")).field(field, None)
}

fn wrong(field: &'static str, what: &str) -> Problem {
    Problem::new(Kind::BadRecord, format!("`{field}` {what}")).field(field, None)
}

/// A text, without a copy where it has no escape in it.
fn string<'a>(field: &'static str, raw: &'a str, most: usize) -> Result<Cow<'a, str>, Problem> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return Err(wrong(field, "is no text: it stands in quotes")) };
    let text = if inner.contains('\\') {
        Cow::Owned(serde_json::from_str(raw).map_err(|_| wrong(field, "has a bad escape"))?)
    } else {
        Cow::Borrowed(inner)
    };
    plain(field, &text, most)?;
    Ok(text)
}

/// Refuses a text that is too long, or has a control character in it.
fn plain(field: &'static str, text: &str, most: usize) -> Result<(), Problem> {
    if text.len() > most {
        return Err(wrong(field, &format!("has {} bytes, and {most} are the most", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong(field, "has a control character in it"));
    }
    Ok(())
}

fn name<'a>(field: &'static str, raw: Option<&'a RawValue>) -> Result<Cow<'a, str>, Problem> {
    let text = string(field, given(raw).ok_or_else(|| missing(field))?, MOST_NAME_BYTES)?;
    not_empty(field, &text)?;
    Ok(text)
}

fn not_empty(field: &'static str, text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() { Err(wrong(field, "is empty")) } else { Ok(()) }
}

fn currency(raw: Option<&RawValue>) -> Result<Currency, Problem> {
    let Some(raw) = given(raw) else { return Ok(Currency::NONE) };
    currency_of(&string("currency", raw, MOST_NAME_BYTES)?)
}

fn currency_of(code: &str) -> Result<Currency, Problem> {
    Currency::from_code(code).ok_or_else(|| {
        wrong("currency", "is no currency")
            .field("currency", Some(code))
            .hint("a code of ISO 4217 in capitals, such as EUR")
    })
}

fn amount(raw: Option<&RawValue>, currency: Currency) -> Result<Amount, Problem> {
    let raw = given(raw).ok_or_else(|| missing("amount"))?;
    let text = match raw.as_bytes()[0] {
        b'"' => string("amount", raw, MOST_NAME_BYTES)?,
        _ => Cow::Borrowed(raw),
    };
    amount_of(&text, currency)
}

fn amount_of(text: &str, currency: Currency) -> Result<Amount, Problem> {
    let bad =
        |what: &str, hint: &str| Err(wrong("amount", what).field("amount", Some(text)).hint(hint));
    let Ok(number) = Decimal::parse(text, '.') else {
        return bad("is no decimal number", "such as 1250.00, as a number or as a text");
    };
    let minor = match number.units(currency.decimals()) {
        Ok(minor) => minor,
        Err(DecimalError::TooFine) => {
            let what =
                format!("has more decimals than {currency}, which has {}", currency.decimals());
            return bad(&what, "amounts are exact: nothing is rounded");
        }
        Err(DecimalError::TooLong | DecimalError::NotANumber) => {
            return bad("is too large", "at most 2^90 minor units");
        }
    };
    match minor {
        1..=Amount::MAX_MINOR => Ok(Amount { minor, currency }),
        ..=0 => bad("is not above zero", "a payment moves money from its debtor to its creditor"),
        _ => bad("is too large", "at most 2^90 minor units"),
    }
}

/// The years in which a payment can be.
const YEARS: std::ops::Range<i64> = 0..7_258_118_400_000_000;

fn time(raw: Option<&RawValue>, latest: Latest) -> Result<Timestamp, Problem> {
    let raw = given(raw).ok_or_else(|| missing("time"))?;
    let text = match raw.as_bytes()[0] {
        b'"' => string("time", raw, MOST_NAME_BYTES)?,
        _ => Cow::Borrowed(raw),
    };
    time_of(Timestamp::parse(&text), || text.clone(), latest)
}

/// An instant, where it is one that a payment can have; `shown` is how it was written.
fn time_of<'a>(
    time: Option<Timestamp>,
    shown: impl Fn() -> Cow<'a, str>,
    latest: Latest,
) -> Result<Timestamp, Problem> {
    let Some(time) = time.filter(|time| YEARS.contains(&time.0)) else {
        return Err(wrong("time", "is no instant between 1970 and 2200")
            .field("time", Some(&shown()))
            .hint("RFC 3339, such as 2026-03-01T09:30:00Z, or microseconds since 1970"));
    };
    not_ahead(time, latest).map_err(|problem| problem.field("time", Some(&shown())))?;
    Ok(time)
}

/// One payment of the far future would put all that follow out of sight.
pub(crate) fn not_ahead(time: Timestamp, latest: Latest) -> Result<(), Problem> {
    if time <= latest.now.after(latest.ahead) {
        return Ok(());
    }
    let what = format!("is more than {} ahead of the clock of the service", latest.ahead);
    Err(wrong("time", &what).hint("is it in the right zone? --ahead allows more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(text: &str) -> String {
        let latest = Latest { now: Timestamp(1_800_000_000_000_000), ahead: Span::DAY };
        match read(text, latest, |sent| format!("{sent:?}")) {
            Ok(sent) => sent,
            Err(problem) => {
                let mut bytes = Vec::new();
                problem.write(&mut bytes);
                String::from_utf8(bytes).expect("JSON is UTF-8")
            }
        }
    }

    #[test]
    fn a_payment_is_read_with_what_it_leaves_out_and_what_is_not_read() {
        for (text, wanted) in [
            (
                r#"{"id":"p","time":"2026-03-01T00:00:00Z","debtor":"A","creditor":"B","amount":12.5,"currency":"EUR"}"#,
                r#"SentPayment { id: "p", time: Timestamp(1772323200000000), debtor: "A", creditor: "B", amount: Amount { minor: 1250, currency: EUR }, method: None }"#,
            ),
            (
                r#"{"name":["x"],"amount":"7","creditor":"\u00e9","debtor":"A","time":5,"id":"p","method":"ACH"}"#,
                "SentPayment { id: \"p\", time: Timestamp(5), debtor: \"A\", creditor: \"\u{e9}\", amount: Amount { minor: 700, currency: XXX }, method: Some(\"ACH\") }",
            ),
        ] {
            assert_eq!(tell(text), wanted);
        }
    }

    #[test]
    fn what_is_no_payment_is_refused_with_its_field_and_never_an_account() {
        let with = |change: &str| {
            let mut record: serde_json::Value = serde_json::from_str(
                r#"{"id":"p","time":5,"debtor":"SECRET1","creditor":"SECRET2","amount":1,"currency":"EUR"}"#,
            )
            .expect("it is JSON");
            let change: serde_json::Value = serde_json::from_str(change).expect("it is JSON");
            for (key, value) in change.as_object().expect("an object") {
                record[key] = value.clone();
            }
            tell(&record.to_string())
        };
        for (change, wanted) in [
            (r#"{"id":""}"#, "`id` is empty"),
            (r#"{"id":7}"#, "`id` is no text"),
            (r#"{"id":null}"#, "`id` is not there"),
            (r#"{"debtor":123456789}"#, "`debtor` is no text"),
            (r#"{"creditor":"SECRET\n"}"#, "`creditor` has a control character"),
            (r#"{"amount":"1.234"}"#, "has more decimals than EUR"),
            (r#"{"amount":0}"#, "`amount` is not above zero"),
            (r#"{"amount":[1]}"#, "`amount` is no decimal number"),
            (r#"{"amount":1e40}"#, "`amount` is no decimal number"),
            (r#"{"currency":"eur"}"#, "`currency` is no currency"),
            (r#"{"time":"yesterday"}"#, "`time` is no instant"),
            (r#"{"time":"2099-01-01"}"#, "`time` is more than 1d ahead"),
        ] {
            let told = with(change);
            assert!(told.contains(wanted), "{change}: {told}");
            assert!(!told.contains("SECRET") && !told.contains("123456789"), "{told}");
        }
        assert!(tell("[1]").contains("no JSON object"), "{}", tell("[1]"));
        assert!(tell("{\"id\"").contains("this is no JSON"));
    }
}
