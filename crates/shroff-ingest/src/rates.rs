//! Exchange rates that the user gives: a dated table with a named base currency.
//!
//! The table is CSV with three columns: `date` (year-month-day), `currency`, and the rate: how
//! many units of the base currency one unit of the currency is worth on that day. The base is
//! named by the third column's name (`rate_in_EUR`, `EUR`), or by the caller.

use std::collections::BTreeMap;

use bnum::cast::As;
use bnum::types::U256;
use chrono::NaiveDate;
use shroff_types::{Amount, Currency, Decimal, Payment, Timestamp};

use crate::IngestError;
use crate::error::{clip, nearest};
use crate::record::count_lines;

/// Rates into one base currency, by currency and by day.
#[derive(Debug, Clone)]
pub struct Rates {
    base: Currency,
    /// For each currency its rates by day since 1970-01-01, ascending.
    table: BTreeMap<Currency, Vec<(i64, Decimal)>>,
}

/// More decimals than any central bank gives, and few enough that a product fits 256 bits.
const MAX_RATE_DECIMALS: u8 = 18;
/// A bound on the digits of a rate, for the same reason.
const MAX_RATE_DIGITS: i128 = 1_000_000_000_000_000_000_000_000_000;

const FORM: &str = "three columns, as in `date,currency,rate_in_EUR` and `2024-01-31,USD,0.92`";

impl Rates {
    /// Reads a table; `name` is what messages call it. `base` names the base currency where the
    /// table does not.
    ///
    /// # Errors
    /// A header that is not this, no base or two of them, and any row with a date, currency or
    /// rate that is none, or a second rate for one day: each with its line.
    pub fn parse(name: &str, bytes: &[u8], base: Option<Currency>) -> Result<Rates, IngestError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + count_lines(&bytes[..error.valid_up_to()]);
            IngestError::new(name, "the table is not valid UTF-8")
                .at(format!("line {line}"))
                .hint("save it as UTF-8")
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
        let mut lines = lines.by_ref().filter(|(_, line)| !line.trim().is_empty());
        let Some((number, header)) = lines.next() else {
            return Err(IngestError::new(name, "the table of rates is empty").hint(FORM));
        };
        let delimiter = [',', ';', '\t'].into_iter().find(|&d| header.contains(d)).unwrap_or(',');
        let base = base_of(header, delimiter, base).map_err(|(reason, hint)| {
            let error = IngestError::new(name, reason).value(header.as_bytes());
            error.at(format!("line {number}")).hint(hint)
        })?;
        let mut table: BTreeMap<Currency, Vec<(i64, Decimal)>> = BTreeMap::new();
        for (number, line) in lines {
            let row = row_of(line, delimiter).map_err(|(value, reason)| {
                let error = IngestError::new(name, reason).value(value.as_bytes());
                error.at(format!("line {number}")).hint(FORM)
            })?;
            let (day, currency, rate) = row;
            table.entry(currency).or_default().push((day, rate));
        }
        for (currency, rates) in &mut table {
            rates.sort_by_key(|&(day, _)| day);
            if let Some(twice) = rates.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let reason = format!("{currency} has two rates on {}", date_of(twice[0].0));
                return Err(IngestError::new(name, reason).hint("keep one rate a day"));
            }
        }
        Ok(Rates { base, table })
    }

    /// The currency that amounts are converted to.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// A payment's amount in minor units of the base currency, rounded half to even, by the
    /// latest rate on or before the payment's day (UTC). Pure arithmetic: a search and a product.
    ///
    /// # Errors
    /// Why there is none, as a sentence: no rates for the currency, none so early, or too large.
    pub fn convert(&self, payment: &Payment) -> Result<i128, String> {
        self.convert_amount(payment.amount, payment.time)
    }

    /// The same of an amount at a time.
    ///
    /// # Errors
    /// As for [`Rates::convert`].
    pub fn convert_amount(&self, amount: Amount, time: Timestamp) -> Result<i128, String> {
        let Amount { minor, currency } = amount;
        if currency == self.base {
            return Ok(minor);
        }
        let Some(rates) = self.table.get(&currency) else {
            return Err(format!("the table of rates has none for {currency}"));
        };
        let day = time.0.div_euclid(86_400_000_000);
        let later = rates.partition_point(|&(first, _)| first <= day);
        let Some(&(_, rate)) = later.checked_sub(1).and_then(|n| rates.get(n)) else {
            let first = date_of(rates[0].0);
            return Err(format!("the first rate for {currency} is of {first}, after the payment"));
        };
        product(minor, currency.decimals(), rate, self.base.decimals())
            .ok_or_else(|| format!("the amount in {} is larger than can be carried", self.base))
    }
}

/// The base currency: of the caller, or of the third column's name.
fn base_of(
    header: &str,
    delimiter: char,
    given: Option<Currency>,
) -> Result<Currency, (String, &'static str)> {
    let names: Vec<String> =
        header.split(delimiter).map(|name| unquoted(name).to_lowercase()).collect();
    let [date, currency, rate] = names.as_slice() else {
        return Err((format!("the table has {} columns, not three", names.len()), FORM));
    };
    if date != "date" || currency != "currency" {
        return Err(("the columns are not those of a table of rates".to_owned(), FORM));
    }
    let named = rate
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 3)
        .find_map(|word| Currency::from_code(&word.to_ascii_uppercase()));
    match (given, named) {
        (Some(given), Some(named)) if given != named => {
            let reason = format!("the table's base is {named}, and {given} was asked for");
            Err((reason, "convert the table, or ask for its own base"))
        }
        (Some(base), _) | (None, Some(base)) => Ok(base),
        (None, None) => {
            let hint = "call the third column `rate_in_EUR`, say, or name the base currency";
            Err(("no base currency is named".to_owned(), hint))
        }
    }
}

fn row_of(line: &str, delimiter: char) -> Result<(i64, Currency, Decimal), (String, String)> {
    let fields: Vec<&str> = line.split(delimiter).map(unquoted).collect();
    let shown = |text: &str| clip(text.as_bytes());
    let &[date, currency, rate] = fields.as_slice() else {
        return Err((shown(line), format!("the row has {} fields, not three", fields.len())));
    };
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d")
        .map_err(|_| (shown(date), "the date is none".to_owned()))?;
    let currency = Currency::from_name(currency).ok_or_else(|| {
        let near = nearest(currency, Currency::all().map(Currency::code));
        let near = near.first().map_or_else(String::new, |near| format!("; is it `{near}`?"));
        (shown(currency), format!("the currency is not known{near}"))
    })?;
    let number =
        Decimal::parse(rate, if delimiter == ';' && rate.contains(',') { ',' } else { '.' })
            .map_err(|_| (shown(rate), "the rate is not a number".to_owned()))?;
    if number.digits <= 0 {
        return Err((shown(rate), "the rate is not above zero".to_owned()));
    }
    if number.decimals > MAX_RATE_DECIMALS || number.digits > MAX_RATE_DIGITS {
        let reason = "the rate has more than 18 decimals or 27 digits".to_owned();
        return Err((shown(rate), reason));
    }
    Ok((i64::from(day.to_epoch_days()), currency, number))
}

fn unquoted(field: &str) -> &str {
    field.trim().trim_matches('"').trim()
}

fn date_of(day: i64) -> String {
    let seconds = day.saturating_mul(86_400_000_000);
    let text = Timestamp(seconds).to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}

/// `minor` units of `decimals` decimals times a rate, in units of `base_decimals` decimals,
/// rounded half to even; nothing where it does not fit.
fn product(minor: i128, decimals: u8, rate: Decimal, base_decimals: u8) -> Option<i128> {
    let ten: U256 = 10_u8.as_();
    let (minor_wide, rate_wide): (U256, U256) =
        (minor.unsigned_abs().as_(), rate.digits.unsigned_abs().as_());
    let whole = minor_wide.checked_mul(rate_wide)?;
    let up = whole.checked_mul(ten.checked_pow(u32::from(base_decimals))?)?;
    let down = ten.checked_pow(u32::from(decimals) + u32::from(rate.decimals))?;
    let (quotient, rest) = (up / down, up % down);
    let twice = rest.checked_add(rest)?;
    let half = twice == down && quotient.bit(0);
    let rounded = if twice > down || half { quotient.checked_add(1_u8.as_())? } else { quotient };
    let largest: U256 = i128::MAX.as_();
    let units: i128 = (rounded <= largest).then(|| rounded.as_())?;
    Some(if minor < 0 { -units } else { units })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "date,currency,rate_in_EUR
2024-01-01,USD,0.9
2024-01-31,USD,0.925
2024-01-01,JPY,0.0064
2024-01-01,ETH,2083.125
";

    fn check(amount: &str, code: &str, time: &str, euro: &str) {
        let rates = Rates::parse("rates.csv", TABLE.as_bytes(), None).expect("a table");
        let currency = Currency::from_code(code).expect("known");
        let minor = Decimal::parse(amount, '.').and_then(|d| d.units(currency.decimals()));
        let amount = Amount { minor: minor.expect("an amount"), currency };
        let time = Timestamp::parse(time).expect("a time");
        let shown = match rates.convert_amount(amount, time) {
            Ok(minor) => Amount { minor, currency: rates.base() }.to_string(),
            Err(reason) => reason,
        };
        assert_eq!(shown, euro);
    }

    #[test]
    fn the_latest_rate_on_or_before_the_day_is_used() {
        check("100.00", "USD", "2024-01-01T00:00:00Z", "90.00 EUR");
        check("100.00", "USD", "2024-01-30T23:59:59Z", "90.00 EUR");
        check("100.00", "USD", "2024-01-31T00:00:00Z", "92.50 EUR");
        check("100.00", "USD", "2030-01-01", "92.50 EUR");
        check("12.34", "EUR", "1999-01-01", "12.34 EUR");
        let early = "the first rate for USD is of 2024-01-01, after the payment";
        check("100.00", "USD", "2023-12-31T23:59:59Z", early);
        check("1.00", "GBP", "2024-01-31", "the table of rates has none for GBP");
    }

    #[test]
    fn rounding_is_half_to_even_in_the_base_currencys_decimals() {
        // 0.05 USD are 0.045 and 0.15 USD are 0.135 euro.
        check("0.05", "USD", "2024-01-01", "0.04 EUR");
        check("0.15", "USD", "2024-01-01", "0.14 EUR");
        check("1000", "JPY", "2024-01-01", "6.40 EUR");
        check("50000", "ETH", "2024-01-01", "104156250.00 EUR");
        check("0.000000000000000001", "ETH", "2024-01-01", "0.00 EUR");
    }

    #[test]
    fn a_bad_table_is_refused_with_its_line() {
        for (table, error) in [
            ("", "the table of rates is empty"),
            ("day,code,x\n", "rates.csv, line 1: the columns are not those"),
            ("date,currency,rate\n", "rates.csv, line 1: no base currency is named"),
            ("date,currency\n", "rates.csv, line 1: the table has 2 columns, not three"),
            ("date,currency,EUR\n2024-02-30,USD,1\n", "line 2: the date is none: `2024-02-30`"),
            ("date,currency,EUR\n2024-02-01,USS,1\n", "is it `USD`?"),
            ("date,currency,EUR\n2024-02-01,USD,0\n", "line 2: the rate is not above zero: `0`"),
            ("date,currency,EUR\n2024-02-01,USD,-1\n", "line 2: the rate is not above zero"),
            ("date,currency,EUR\n2024-02-01,USD,x\n", "line 2: the rate is not a number: `x`"),
            ("date,currency,EUR\n2024-02-01,USD\n", "line 2: the row has 2 fields, not three"),
            (
                "date,currency,EUR\n2024-02-01,USD,1\n2024-02-01,USD,2\n",
                "USD has two rates on 2024-02-01",
            ),
        ] {
            let refused = Rates::parse("rates.csv", table.as_bytes(), None).expect_err(table);
            assert!(refused.to_string().contains(error), "{refused}");
        }
        let two = Rates::parse("rates.csv", TABLE.as_bytes(), Currency::from_code("USD"));
        let error = two.expect_err("the bases differ").to_string();
        assert!(error.contains("the table's base is EUR, and USD was asked for"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(Rates::parse("rates.csv", &bytes, Some(Currency::EUR)));
        }

        #[test]
        fn products_agree_with_plain_arithmetic_where_that_fits(
            minor in 1_i128..1_000_000_000_000, digits in 1_i128..1_000_000_000
        ) {
            let rate = Decimal { digits, decimals: 6 };
            let exact = minor * digits;
            let (quotient, rest) = (exact / 1_000_000, exact % 1_000_000);
            let up = rest > 500_000 || (rest == 500_000 && quotient % 2 == 1);
            prop_assert_eq!(product(minor, 2, rate, 2), Some(quotient + i128::from(up)));
        }

        #[test]
        fn the_largest_numbers_are_no_panic(minor in any::<i128>(), digits in 1..=MAX_RATE_DIGITS) {
            let rate = Decimal { digits, decimals: MAX_RATE_DECIMALS };
            for base in [0, 2, 18] {
                let units = product(minor, 18, rate, base);
                prop_assert!(units.is_none_or(|units| minor < 0 || units >= 0));
            }
        }
    }
}
