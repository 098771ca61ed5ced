//! Amounts as files write them: exact decimals, with a point or a comma, in groups or not.

use shroff_types::{Decimal, DecimalError};

/// What an amount column promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberForm {
    /// `.` or `,`.
    pub(crate) point: u8,
    /// What stands between groups of digits, if anything.
    pub(crate) thousands: Option<char>,
    /// Whether whole numbers count minor units (cents) and not major ones.
    pub(crate) minor_units: bool,
    /// Whether finer amounts are rounded half to even, not refused.
    pub(crate) round: bool,
}

impl NumberForm {
    /// `1234.5`, exact.
    pub(crate) const PLAIN: NumberForm =
        NumberForm { point: b'.', thousands: None, minor_units: false, round: false };
}

/// An amount as a count of minor units, with its sign, and whether it had to be rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) minor: i128,
    pub(crate) rounded: bool,
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    NotANumber,
    TooLarge,
    TooFine,
}

/// Reads an amount with `decimals` decimals of its currency.
pub(crate) fn parse(text: &[u8], form: NumberForm, decimals: u8) -> Result<Number, NumberError> {
    if form.thousands.is_none()
        && !form.minor_units
        && let Some(minor) = parse_short(text, form.point, decimals)
    {
        return Ok(Number { minor: i128::from(minor), rounded: false });
    }
    let text = std::str::from_utf8(text).map_err(|_| NumberError::NotANumber)?;
    let point = char::from(form.point);
    let number = match form.thousands {
        Some(mark) if text.contains(|c| is_mark(c, mark)) => {
            let plain = without_groups(text, mark, point).ok_or(NumberError::NotANumber)?;
            Decimal::parse(&plain, point)
        }
        Some(_) | None => Decimal::parse(text, point),
    };
    let number = number.map_err(number_error)?;
    let decimals = if form.minor_units { 0 } else { decimals };
    match number.units(decimals) {
        Ok(minor) => Ok(Number { minor, rounded: false }),
        Err(DecimalError::TooFine) if form.round => {
            let minor = number.units_rounded(decimals).map_err(number_error)?;
            Ok(Number { minor, rounded: true })
        }
        Err(error) => Err(number_error(error)),
    }
}

fn number_error(error: DecimalError) -> NumberError {
    match error {
        DecimalError::NotANumber => NumberError::NotANumber,
        DecimalError::TooLong => NumberError::TooLarge,
        DecimalError::TooFine => NumberError::TooFine,
    }
}

/// The common case without 128-bit arithmetic: digits and at most one point, no more decimals
/// than asked for. Anything else is left to the exact reader.
fn parse_short(text: &[u8], point: u8, decimals: u8) -> Option<i64> {
    // 18 digits always fit 64 bits.
    if text.is_empty() || text.len() > 16 || decimals > 4 {
        return None;
    }
    let (mut digits, mut behind) = (0_i64, None);
    for &byte in text {
        if byte.is_ascii_digit() {
            digits = digits * 10 + i64::from(byte - b'0');
            behind = behind.map(|count: u8| count + 1);
        } else if byte == point && behind.is_none() {
            behind = Some(0);
        } else {
            return None;
        }
    }
    let written = behind.unwrap_or(0);
    if text.len() == usize::from(behind.is_some()) || written > decimals {
        return None;
    }
    let missing = usize::from(decimals - written);
    digits.checked_mul([1, 10, 100, 1_000, 10_000][missing])
}

fn is_mark(c: char, mark: char) -> bool {
    // A space in numbers is as often a no-break or a narrow one.
    c == mark || (mark == ' ' && matches!(c, '\u{a0}' | '\u{202f}'))
}

/// The number without its group marks; nothing where they do not stand between groups: `1,5`
/// with a comma between thousands is not fifteen.
fn without_groups(text: &str, mark: char, point: char) -> Option<String> {
    let (whole, rest) = match text.find(point) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if rest.contains(|c| is_mark(c, mark)) {
        return None;
    }
    let groups: Vec<&str> = whole.split(|c| is_mark(c, mark)).collect();
    let first = groups.first()?.trim_start_matches(['-', '+']);
    let last = groups.last()?;
    // Groups of two are India's: 1,00,000.
    let inner = &groups[1..];
    let even = inner.iter().all(|group| matches!(group.len(), 2 | 3)) && last.len() == 3;
    (even && matches!(first.len(), 1..=3)).then(|| groups.concat() + rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, form: NumberForm, decimals: u8) -> Result<i128, NumberError> {
        parse(text.as_bytes(), form, decimals).map(|number| number.minor)
    }

    #[test]
    fn groups_are_read_only_where_groups_can_stand() {
        let german = NumberForm { point: b',', thousands: Some('.'), ..NumberForm::PLAIN };
        let english = NumberForm { thousands: Some(','), ..NumberForm::PLAIN };
        let french = NumberForm { point: b',', thousands: Some(' '), ..NumberForm::PLAIN };
        for (text, form, minor) in [
            ("1.234.567,89", german, Ok(123_456_789)),
            ("-1.234,50", german, Ok(-123_450)),
            ("1234,5", german, Ok(123_450)),
            ("1.5", german, Err(NumberError::NotANumber)),
            ("1,234.50", english, Ok(123_450)),
            ("1,00,000", english, Ok(10_000_000)),
            ("1,5", english, Err(NumberError::NotANumber)),
            ("1,234,", english, Err(NumberError::NotANumber)),
            (",123", english, Err(NumberError::NotANumber)),
            ("1 234,50", french, Ok(123_450)),
            ("1\u{202f}234,50", french, Ok(123_450)),
            ("1,234", NumberForm::PLAIN, Err(NumberError::NotANumber)),
        ] {
            assert_eq!(read(text, form, 2), minor, "{text}");
        }
    }

    #[test]
    fn minor_units_are_whole() {
        let cents = NumberForm { minor_units: true, ..NumberForm::PLAIN };
        assert_eq!(read("1250", cents, 2), Ok(1_250));
        assert_eq!(read("12.5", cents, 2), Err(NumberError::TooFine));
    }

    #[test]
    fn rounding_is_asked_for_and_reported() {
        let round = NumberForm { round: true, ..NumberForm::PLAIN };
        assert_eq!(parse(b"0.125", round, 2), Ok(Number { minor: 12, rounded: true }));
        assert_eq!(parse(b"0.12", round, 2), Ok(Number { minor: 12, rounded: false }));
        assert_eq!(read("0.125", NumberForm::PLAIN, 2), Err(NumberError::TooFine));
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_exact_one(
            text in "[0-9]{0,9}[.,]?[0-9]{0,9}", decimals in 0_u8..5
        ) {
            if let Some(minor) = parse_short(text.as_bytes(), b'.', decimals) {
                let exact = Decimal::parse(&text, '.').and_then(|d| d.units(decimals));
                prop_assert_eq!(exact, Ok(i128::from(minor)));
            }
        }
    }
}
