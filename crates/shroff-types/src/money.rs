//! Exact money: whole minor units with a currency, never a float.

use std::fmt;

/// A currency of ISO 4217, or one of the few that payment files use beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

/// Code, decimals of the minor unit and English name. ISO 4217 list one (active codes of money,
/// as of 2025), then `ETH` and `XBT`, which it does not know, and its own `XXX`, no currency.
const CURRENCIES: &[(&str, u8, &str)] = &[
    ("AED", 2, "AED"),
    ("AFN", 2, "AFN"),
    ("ALL", 2, "ALL"),
    ("AMD", 2, "AMD"),
    ("ANG", 2, "ANG"),
    ("AOA", 2, "AOA"),
    ("ARS", 2, "ARS"),
    ("AUD", 2, "Australian Dollar"),
    ("AWG", 2, "AWG"),
    ("AZN", 2, "AZN"),
    ("BAM", 2, "BAM"),
    ("BBD", 2, "BBD"),
    ("BDT", 2, "BDT"),
    ("BGN", 2, "BGN"),
    ("BHD", 3, "BHD"),
    ("BIF", 0, "BIF"),
    ("BMD", 2, "BMD"),
    ("BND", 2, "BND"),
    ("BOB", 2, "BOB"),
    ("BOV", 2, "BOV"),
    ("BRL", 2, "Brazilian Real"),
    ("BSD", 2, "BSD"),
    ("BTN", 2, "BTN"),
    ("BWP", 2, "BWP"),
    ("BYN", 2, "BYN"),
    ("BZD", 2, "BZD"),
    ("CAD", 2, "Canadian Dollar"),
    ("CDF", 2, "CDF"),
    ("CHE", 2, "CHE"),
    ("CHF", 2, "Swiss Franc"),
    ("CHW", 2, "CHW"),
    ("CLF", 4, "CLF"),
    ("CLP", 0, "CLP"),
    ("CNY", 2, "Yuan Renminbi"),
    ("COP", 2, "COP"),
    ("COU", 2, "COU"),
    ("CRC", 2, "CRC"),
    ("CUP", 2, "CUP"),
    ("CVE", 2, "CVE"),
    ("CZK", 2, "Czech Koruna"),
    ("DJF", 0, "DJF"),
    ("DKK", 2, "Danish Krone"),
    ("DOP", 2, "DOP"),
    ("DZD", 2, "DZD"),
    ("EGP", 2, "EGP"),
    ("ERN", 2, "ERN"),
    ("ETB", 2, "ETB"),
    ("ETH", 18, "Ether"),
    ("EUR", 2, "Euro"),
    ("FJD", 2, "FJD"),
    ("FKP", 2, "FKP"),
    ("GBP", 2, "Pound Sterling"),
    ("GEL", 2, "GEL"),
    ("GHS", 2, "GHS"),
    ("GIP", 2, "GIP"),
    ("GMD", 2, "GMD"),
    ("GNF", 0, "GNF"),
    ("GTQ", 2, "GTQ"),
    ("GYD", 2, "GYD"),
    ("HKD", 2, "Hong Kong Dollar"),
    ("HNL", 2, "HNL"),
    ("HTG", 2, "HTG"),
    ("HUF", 2, "Forint"),
    ("IDR", 2, "IDR"),
    ("ILS", 2, "New Israeli Sheqel"),
    ("INR", 2, "Indian Rupee"),
    ("IQD", 3, "IQD"),
    ("IRR", 2, "IRR"),
    ("ISK", 0, "ISK"),
    ("JMD", 2, "JMD"),
    ("JOD", 3, "JOD"),
    ("JPY", 0, "Japanese Yen"),
    ("KES", 2, "Kenyan Shilling"),
    ("KGS", 2, "KGS"),
    ("KHR", 2, "KHR"),
    ("KMF", 0, "KMF"),
    ("KPW", 2, "KPW"),
    ("KRW", 0, "Won"),
    ("KWD", 3, "KWD"),
    ("KYD", 2, "KYD"),
    ("KZT", 2, "KZT"),
    ("LAK", 2, "LAK"),
    ("LBP", 2, "LBP"),
    ("LKR", 2, "LKR"),
    ("LRD", 2, "LRD"),
    ("LSL", 2, "LSL"),
    ("LYD", 3, "LYD"),
    ("MAD", 2, "MAD"),
    ("MDL", 2, "MDL"),
    ("MGA", 2, "MGA"),
    ("MKD", 2, "MKD"),
    ("MMK", 2, "MMK"),
    ("MNT", 2, "MNT"),
    ("MOP", 2, "MOP"),
    ("MRU", 2, "MRU"),
    ("MUR", 2, "MUR"),
    ("MVR", 2, "MVR"),
    ("MWK", 2, "MWK"),
    ("MXN", 2, "Mexican Peso"),
    ("MXV", 2, "MXV"),
    ("MYR", 2, "MYR"),
    ("MZN", 2, "MZN"),
    ("NAD", 2, "NAD"),
    ("NGN", 2, "Naira"),
    ("NIO", 2, "NIO"),
    ("NOK", 2, "Norwegian Krone"),
    ("NPR", 2, "NPR"),
    ("NZD", 2, "New Zealand Dollar"),
    ("OMR", 3, "OMR"),
    ("PAB", 2, "PAB"),
    ("PEN", 2, "PEN"),
    ("PGK", 2, "PGK"),
    ("PHP", 2, "PHP"),
    ("PKR", 2, "PKR"),
    ("PLN", 2, "Zloty"),
    ("PYG", 0, "PYG"),
    ("QAR", 2, "QAR"),
    ("RON", 2, "RON"),
    ("RSD", 2, "RSD"),
    ("RUB", 2, "Russian Ruble"),
    ("RWF", 0, "RWF"),
    ("SAR", 2, "Saudi Riyal"),
    ("SBD", 2, "SBD"),
    ("SCR", 2, "SCR"),
    ("SDG", 2, "SDG"),
    ("SEK", 2, "Swedish Krona"),
    ("SGD", 2, "Singapore Dollar"),
    ("SHP", 2, "SHP"),
    ("SLE", 2, "SLE"),
    ("SOS", 2, "SOS"),
    ("SRD", 2, "SRD"),
    ("SSP", 2, "SSP"),
    ("STN", 2, "STN"),
    ("SVC", 2, "SVC"),
    ("SYP", 2, "SYP"),
    ("SZL", 2, "SZL"),
    ("THB", 2, "THB"),
    ("TJS", 2, "TJS"),
    ("TMT", 2, "TMT"),
    ("TND", 3, "TND"),
    ("TOP", 2, "TOP"),
    ("TRY", 2, "Turkish Lira"),
    ("TTD", 2, "TTD"),
    ("TWD", 2, "TWD"),
    ("TZS", 2, "TZS"),
    ("UAH", 2, "UAH"),
    ("UGX", 0, "UGX"),
    ("USD", 2, "US Dollar"),
    ("USN", 2, "USN"),
    ("UYI", 0, "UYI"),
    ("UYU", 2, "UYU"),
    ("UYW", 4, "UYW"),
    ("UZS", 2, "UZS"),
    ("VED", 2, "VED"),
    ("VES", 2, "VES"),
    ("VND", 0, "VND"),
    ("VUV", 0, "VUV"),
    ("WST", 2, "WST"),
    ("XAF", 0, "XAF"),
    ("XBT", 8, "Bitcoin"),
    ("XCD", 2, "XCD"),
    ("XCG", 2, "XCG"),
    ("XOF", 0, "XOF"),
    ("XPF", 0, "XPF"),
    ("XXX", 2, "no currency"),
    ("YER", 2, "YER"),
    ("ZAR", 2, "Rand"),
    ("ZMW", 2, "ZMW"),
    ("ZWG", 2, "ZWG"),
];

impl Currency {
    /// No currency named (`XXX` of ISO 4217); two decimals.
    pub const NONE: Currency = Currency(position("XXX"));
    /// Euro.
    pub const EUR: Currency = Currency(position("EUR"));
    /// Ether, with the eighteen decimals of the wei.
    pub const ETH: Currency = Currency(position("ETH"));

    /// The currency of a code in capitals (`EUR`).
    pub fn from_code(code: &str) -> Option<Currency> {
        let found = CURRENCIES.binary_search_by_key(&code, |&(code, ..)| code).ok()?;
        Some(Currency(index(found)))
    }

    /// The currency of a code in any case, or of an English name as data sets write it
    /// (`US Dollar`, `Bitcoin`).
    pub fn from_name(text: &str) -> Option<Currency> {
        if text.len() == 3
            && let Some(found) = Currency::from_code(&text.to_ascii_uppercase())
        {
            return Some(found);
        }
        let found = CURRENCIES.iter().position(|(_, _, name)| name.eq_ignore_ascii_case(text));
        let other = || {
            let (_, code) = OTHER_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text))?;
            Currency::from_code(code)
        };
        found.map(|n| Currency(index(n))).or_else(other)
    }

    /// Its three letters.
    pub fn code(self) -> &'static str {
        CURRENCIES[self.0 as usize].0
    }

    /// How many decimals its minor unit has.
    pub fn decimals(self) -> u8 {
        CURRENCIES[self.0 as usize].1
    }

    /// A small dense number, to be kept in a column; see [`Currency::from_index`].
    pub fn index(self) -> u8 {
        self.0
    }

    /// The currency of a number that [`Currency::index`] gave.
    pub fn from_index(index: u8) -> Option<Currency> {
        ((index as usize) < CURRENCIES.len()).then_some(Currency(index))
    }

    /// Every currency known, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        (0..CURRENCIES.len()).map(|n| Currency(index(n)))
    }
}

/// Names of AMLworld's files where they are not ISO's.
const OTHER_NAMES: [(&str, &str); 14] = [
    ("UK Pound", "GBP"),
    ("Yuan", "CNY"),
    ("Yen", "JPY"),
    ("Rupee", "INR"),
    ("Ruble", "RUB"),
    ("Shekel", "ILS"),
    ("Mexican Peso", "MXN"),
    ("Brazil Real", "BRL"),
    ("Saudi Riyal", "SAR"),
    ("Swiss Franc", "CHF"),
    ("Bitcoin", "XBT"),
    ("Ether", "ETH"),
    ("Ethereum", "ETH"),
    ("Canadian Dollar", "CAD"),
];

const fn position(code: &str) -> u8 {
    let wanted = code.as_bytes();
    let mut n = 0;
    while n < CURRENCIES.len() {
        let here = CURRENCIES[n].0.as_bytes();
        if here[0] == wanted[0] && here[1] == wanted[1] && here[2] == wanted[2] {
            return index(n);
        }
        n += 1;
    }
    panic!("the code is in the table");
}

const _: () = assert!(CURRENCIES.len() < 256);

#[expect(clippy::cast_possible_truncation, reason = "the table has fewer than 256 rows, asserted")]
const fn index(position: usize) -> u8 {
    position as u8
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whole minor units of a currency. 128 bits: ether counts in 10^-18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Minor units: cents of a euro, yen, wei.
    pub minor: i128,
    /// Of what.
    pub currency: Currency,
}

impl Amount {
    /// The largest amount that is carried, in minor units: 2^90 - 1, over a billion ether in wei.
    /// A sum of 2^32 of them fits 128 bits, and its fourth power 512.
    pub const MAX_MINOR: i128 = (1 << 90) - 1;

    /// The sum; nothing where the currencies differ or it does not fit.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        if self.currency != other.currency {
            return None;
        }
        let minor = self.minor.checked_add(other.minor)?;
        Some(Amount { minor, currency: self.currency })
    }

    /// The amount in minor units of `decimals` decimals, at face value; nothing where it is not
    /// whole there or does not fit.
    pub fn minor_at(self, decimals: u8) -> Option<i128> {
        Decimal { digits: self.minor, decimals: self.currency.decimals() }.scaled(decimals)
    }
}

impl fmt::Display for Amount {
    /// `1234.50 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = Decimal { digits: self.minor, decimals: self.currency.decimals() };
        write!(f, "{number} {}", self.currency)
    }
}

/// An exact decimal number: `digits` times ten to the power of minus `decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All its digits as a whole number.
    pub digits: i128,
    /// How many of them stand behind the point.
    pub decimals: u8,
}

/// Why a text is not an exact decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// It is empty, or has a character that no number has.
    NotANumber,
    /// It has more digits than are carried (38 in all).
    TooLong,
    /// It has more decimals than asked for, and they are not zero.
    TooFine,
}

impl Decimal {
    /// Reads `-12.50`, `1e-3` or `+7`; `point` is `.` or `,`. Digits are all kept.
    ///
    /// # Errors
    /// Where it is no number, or has over 38 digits.
    pub fn parse(text: &str, point: char) -> Result<Decimal, DecimalError> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => {
                let exponent = text[at + 1..].parse().map_err(|_| DecimalError::NotANumber)?;
                (&text[..at], exponent)
            }
            None => (text, 0_i32),
        };
        let (negative, body) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            Some(_) | None => (false, mantissa),
        };
        let (mut digits, mut decimals, mut seen_point, mut seen_digit) =
            (0_i128, 0_i32, false, false);
        for c in body.chars() {
            if let Some(digit) = c.to_digit(10) {
                seen_digit = true;
                digits = digits
                    .checked_mul(10)
                    .and_then(|d| d.checked_add(i128::from(digit)))
                    .ok_or(DecimalError::TooLong)?;
                decimals += i32::from(seen_point);
            } else if c == point && !seen_point {
                seen_point = true;
            } else {
                return Err(DecimalError::NotANumber);
            }
        }
        if !seen_digit {
            return Err(DecimalError::NotANumber);
        }
        let digits = if negative { -digits } else { digits };
        Decimal::with_exponent(digits, decimals.saturating_sub(exponent))
    }

    fn with_exponent(mut digits: i128, mut decimals: i32) -> Result<Decimal, DecimalError> {
        if digits == 0 {
            return Ok(Decimal { digits: 0, decimals: 0 });
        }
        while decimals > 0 && digits % 10 == 0 {
            digits /= 10;
            decimals -= 1;
        }
        while decimals < 0 {
            digits = digits.checked_mul(10).ok_or(DecimalError::TooLong)?;
            decimals += 1;
        }
        let decimals = u8::try_from(decimals).map_err(|_| DecimalError::TooLong)?;
        Ok(Decimal { digits, decimals })
    }

    /// The number as a whole count of units of `decimals` decimals.
    ///
    /// # Errors
    /// Where it has finer decimals than that, or does not fit 128 bits.
    pub fn units(self, decimals: u8) -> Result<i128, DecimalError> {
        if self.decimals <= decimals {
            let factor = power_of_ten(decimals - self.decimals).ok_or(DecimalError::TooLong)?;
            return self.digits.checked_mul(factor).ok_or(DecimalError::TooLong);
        }
        match power_of_ten(self.decimals - decimals) {
            Some(factor) if self.digits % factor == 0 => Ok(self.digits / factor),
            Some(_) | None => Err(DecimalError::TooFine),
        }
    }

    /// The number as a whole count of units of `decimals` decimals, rounded half to even.
    ///
    /// # Errors
    /// Where it does not fit 128 bits.
    pub fn units_rounded(self, decimals: u8) -> Result<i128, DecimalError> {
        match self.units(decimals) {
            Err(DecimalError::TooFine) => {}
            exact => return exact,
        }
        let Some(factor) = power_of_ten(self.decimals - decimals) else { return Ok(0) };
        let (whole, rest) = (self.digits.div_euclid(factor), self.digits.rem_euclid(factor));
        let up = match (rest * 2).cmp(&factor) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => whole % 2 != 0,
            std::cmp::Ordering::Greater => true,
        };
        Ok(whole + i128::from(up))
    }

    fn scaled(self, decimals: u8) -> Option<i128> {
        self.units(decimals).ok()
    }
}

/// Ten to the power of `exponent`, up to 10^37, so that twice a remainder fits too.
fn power_of_ten(exponent: u8) -> Option<i128> {
    if exponent > 37 { None } else { 10_i128.checked_pow(u32::from(exponent)) }
}

impl fmt::Display for Decimal {
    /// With all its decimals: `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        let decimals = self.decimals as usize;
        if decimals == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, part) = padded.split_at(padded.len() - decimals);
        write!(f, "{sign}{whole}.{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_each_code_finds_itself() {
        for currency in Currency::all() {
            assert_eq!(Currency::from_code(currency.code()), Some(currency));
            assert_eq!(Currency::from_index(currency.index()), Some(currency));
        }
        assert_eq!(Currency::from_name("jpy").map(Currency::decimals), Some(0));
        assert_eq!(Currency::from_name("US Dollar").map(Currency::code), Some("USD"));
        assert_eq!(Currency::from_name("Bitcoin").map(Currency::code), Some("XBT"));
        assert_eq!(Currency::from_name("ZZZ"), None);
        assert_eq!(Currency::from_code("BHD").map(Currency::decimals), Some(3));
    }

    #[test]
    fn every_currency_of_the_data_sets_has_a_code() {
        for (name, code) in OTHER_NAMES {
            assert_eq!(Currency::from_name(name).map(Currency::code), Some(code));
        }
        assert_eq!(Currency::from_name("Australian Dollar").map(Currency::code), Some("AUD"));
        assert_eq!(Currency::from_name("Euro"), Some(Currency::EUR));
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, decimals, units) in [
            ("12.50", 2, Ok(1_250)),
            ("12.5", 2, Ok(1_250)),
            ("-0.01", 2, Ok(-1)),
            ("1e3", 2, Ok(100_000)),
            ("1.5E-1", 2, Ok(15)),
            ("12.500", 2, Ok(1_250)),
            ("12.505", 2, Err(DecimalError::TooFine)),
            ("50000000000000000000000", 18, Err(DecimalError::TooLong)),
            ("50000.000000000000000001", 18, Ok(50_000_000_000_000_000_000_001)),
            ("1,5", 2, Err(DecimalError::NotANumber)),
            ("", 2, Err(DecimalError::NotANumber)),
            (".", 2, Err(DecimalError::NotANumber)),
            ("1e", 2, Err(DecimalError::NotANumber)),
            ("1e999999999", 2, Err(DecimalError::TooLong)),
            ("1e-999999999", 2, Err(DecimalError::TooLong)),
            ("NaN", 2, Err(DecimalError::NotANumber)),
            ("0e99999", 2, Ok(0)),
        ] {
            assert_eq!(Decimal::parse(text, '.').and_then(|d| d.units(decimals)), units, "{text}");
        }
        assert_eq!(Decimal::parse("1,5", ',').and_then(|d| d.units(2)), Ok(150));
    }

    #[test]
    fn rounding_is_half_to_even() {
        for (text, units) in [
            ("274.8807955972867", 27_488),
            ("0.005", 0),
            ("0.015", 2),
            ("0.025", 2),
            ("-0.015", -2),
        ] {
            let number = Decimal::parse(text, '.').expect("a number");
            assert_eq!(number.units_rounded(2), Ok(units), "{text}");
        }
    }

    #[test]
    fn amounts_are_written_with_their_decimals() {
        let write = |minor, code| {
            Amount { minor, currency: Currency::from_code(code).expect("known") }.to_string()
        };
        assert_eq!(write(123_450, "EUR"), "1234.50 EUR");
        assert_eq!(write(-5, "EUR"), "-0.05 EUR");
        assert_eq!(write(500, "JPY"), "500 JPY");
    }

    #[test]
    fn amounts_of_two_currencies_do_not_add() {
        let euro = Amount { minor: 1, currency: Currency::EUR };
        assert_eq!(euro.checked_add(Amount { minor: 1, currency: Currency::NONE }), None);
        assert_eq!(euro.checked_add(Amount { minor: i128::MAX, ..euro }), None);
        assert_eq!(euro.checked_add(euro).map(|sum| sum.minor), Some(2));
    }
}
