//! Instants and spans, in whole microseconds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// An instant: whole microseconds since 1970-01-01T00:00:00Z, leap seconds left out (POSIX).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `span` earlier; the earliest there is where that would be before it.
    #[must_use]
    pub fn before(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }

    /// The instant `span` later; the last there is where that would be after it.
    #[must_use]
    pub fn after(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }

    /// Microseconds from `earlier` to here; negative where `earlier` is later.
    pub fn micros_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 (`2024-02-29T13:00:00Z`; without a zone it is UTC; a space or a `T`), or whole
    /// microseconds since the epoch. Fractions finer than a microsecond are refused, not rounded.
    ///
    /// # Errors
    /// None of these, or an instant that 64 bits of microseconds do not hold.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(Timestamp);
        }
        // No calendar date in a payment needs more; a short bound keeps a hostile field cheap.
        if text.len() > 40 || !text.is_ascii() {
            return None;
        }
        let utc = match DateTime::parse_from_rfc3339(text) {
            Ok(moment) => moment.to_utc().naive_utc(),
            Err(_) => naive(text)?,
        };
        let moment = utc.and_utc();
        if moment.timestamp_subsec_nanos() % 1_000 != 0 {
            return None;
        }
        // chrono's micros do not fail within its own range of years.
        Some(Timestamp(moment.timestamp_micros()))
    }
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    const FORMS: [&str; 4] =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let moment = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    moment.or_else(|| {
        let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        date.and_hms_opt(0, 0, 0)
    })
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, as short as it is exact; plain microseconds beyond the calendar's range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(moment) => f.write_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A length of time: whole microseconds, zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// 24 hours.
    pub const DAY: Span = Span(86_400_000_000);

    /// A span of so many microseconds; nothing for a negative number.
    pub fn from_micros(micros: i64) -> Option<Span> {
        (micros >= 0).then_some(Span(micros))
    }

    /// The span in microseconds, zero or more.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The span `times` over; the longest there is where that would be longer.
    #[must_use]
    pub fn times(self, times: u32) -> Span {
        Span(self.0.saturating_mul(i64::from(times)))
    }

    /// Both spans, one after the other.
    #[must_use]
    pub fn plus(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl FromStr for Span {
    type Err = &'static str;

    /// `90s`, `15m`, `24h` or `30d`.
    fn from_str(text: &str) -> Result<Span, Self::Err> {
        const FORM: &str = "a span is a whole number and `s`, `m`, `h` or `d`, as in `24h`";
        let (number, micros) = match text.as_bytes().last() {
            Some(b's') => (&text[..text.len() - 1], 1_000_000),
            Some(b'm') => (&text[..text.len() - 1], 60_000_000),
            Some(b'h') => (&text[..text.len() - 1], 3_600_000_000),
            Some(b'd') => (&text[..text.len() - 1], 86_400_000_000),
            Some(_) | None => return Err(FORM),
        };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(FORM);
        }
        let count: i64 = number.parse().map_err(|_| "a span of over 292,000 years")?;
        count.checked_mul(micros).map(Span).ok_or("a span of over 292,000 years")
    }
}

impl fmt::Display for Span {
    /// In the largest unit that says it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 4] =
            [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
        for (micros, unit) in UNITS {
            if self.0 >= micros && self.0 % micros == 0 {
                return write!(f, "{}{unit}", self.0 / micros);
            }
        }
        if self.0 == 0 { f.write_str("0s") } else { write!(f, "{} microseconds", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_written() {
        for (text, micros) in [
            ("0", Some(0)),
            ("-5", Some(-5)),
            ("1661990400000000", Some(1_661_990_400_000_000)),
            ("2022-09-01T00:00:00Z", Some(1_661_990_400_000_000)),
            ("2022-09-01T02:00:00+02:00", Some(1_661_990_400_000_000)),
            ("2022-09-01 00:00:00.000001", Some(1_661_990_400_000_001)),
            ("2022-09-01T00:00", Some(1_661_990_400_000_000)),
            ("2022-09-01", Some(1_661_990_400_000_000)),
            ("2022-09-01T00:00:00.0000001Z", None),
            ("2022-02-30", None),
            ("99999999999999999999", None),
            ("yesterday", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(Timestamp::parse(text), micros.map(Timestamp), "{text}");
        }
    }

    #[test]
    fn instants_are_written_as_read() {
        for text in ["2022-09-01T00:00:00Z", "2022-09-01T00:00:00.000001Z", "1969-12-31T23:59:59Z"]
        {
            assert_eq!(Timestamp::parse(text).expect("an instant").to_string(), text);
        }
        assert_eq!(Timestamp(i64::MAX).to_string(), i64::MAX.to_string());
    }

    #[test]
    fn spans_are_read_and_bad_ones_refused() {
        for (text, micros) in [("0s", 0), ("90s", 90_000_000), ("15m", 900_000_000)] {
            assert_eq!(text.parse::<Span>().map(Span::micros), Ok(micros), "{text}");
        }
        assert_eq!("24h".parse::<Span>(), Ok(Span::DAY));
        assert_eq!("48h".parse::<Span>().expect("a span").to_string(), "2d");
        for text in ["", "h", "1", "-1h", "1.5h", "24H", "9999999999999999d", "1 h", "\u{a3}"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
