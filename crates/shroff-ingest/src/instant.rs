//! Times as files write them, to whole microseconds since the epoch.

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDate};
use shroff_types::{Decimal, Timestamp};

/// How a time column is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// RFC 3339, or whole microseconds since the epoch.
    Rfc3339,
    /// A count of units of so many microseconds since the epoch, with decimals or without.
    Count { unit_micros: i64 },
    /// `YYYY/MM/DD HH:MM`.
    Slashed,
    /// `YYMMDD`, in the twentieth century.
    Yymmdd,
    /// A strftime pattern.
    Pattern(Pattern),
}

/// A strftime pattern that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    items: Vec<Item<'static>>,
}

impl Pattern {
    /// The pattern, if it has no unknown specifier and no nonsense in it.
    pub(crate) fn new(text: &str) -> Option<Pattern> {
        let items: Vec<Item<'static>> =
            StrftimeItems::new(text).parse_to_owned().ok()?.into_iter().collect();
        Some(Pattern { text: text.to_owned(), items })
    }
}

/// Reads an instant; `offset_micros` is how far the file's clock is ahead of UTC where its times
/// do not say so themselves.
pub(crate) fn parse(text: &[u8], form: &TimeForm, offset_micros: i64) -> Option<Timestamp> {
    match form {
        TimeForm::Rfc3339 => parse_rfc3339(text, offset_micros),
        TimeForm::Count { unit_micros } => {
            parse_count(text, *unit_micros)?.checked_sub(offset_micros).map(Timestamp)
        }
        TimeForm::Slashed => {
            let micros = parse_slashed(text)?;
            micros.checked_sub(offset_micros).map(Timestamp)
        }
        TimeForm::Yymmdd => {
            let ([year, month, day], []) = text.as_chunks::<2>() else { return None };
            let days = days_of(1900 + two(*year)?, two(*month)?, two(*day)?)?;
            (days * DAY_MICROS).checked_sub(offset_micros).map(Timestamp)
        }
        TimeForm::Pattern(pattern) => parse_pattern(text, pattern, offset_micros),
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// Whole microseconds are instants already; a calendar time without a zone is the file's clock's.
fn parse_rfc3339(text: &[u8], offset_micros: i64) -> Option<Timestamp> {
    if let Some(micros) = parse_micros(text) {
        return Some(Timestamp(micros));
    }
    let text = std::str::from_utf8(text).ok()?;
    let time = Timestamp::parse(text)?;
    if offset_micros == 0 || names_zone(text) {
        return Some(time);
    }
    time.0.checked_sub(offset_micros).map(Timestamp)
}

/// Whether a calendar time says its own zone: a `Z`, or a sign behind the time of day. Bare
/// digits are microseconds since the epoch, which have no zone to miss.
fn names_zone(text: &str) -> bool {
    let clock = text.find(':').map_or("", |at| &text[at..]);
    let count = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
    clock.contains(['Z', 'z', '+', '-']) || count
}

/// The common case: up to 18 digits, with a sign or without.
fn parse_micros(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |sum, &digit| sum * 10 + i64::from(digit - b'0')))
}

fn parse_count(text: &[u8], unit_micros: i64) -> Option<i64> {
    if let Some(count) = parse_micros(text) {
        return count.checked_mul(unit_micros);
    }
    let number = Decimal::parse(std::str::from_utf8(text).ok()?, '.').ok()?;
    let scaled = Decimal { digits: number.digits.checked_mul(unit_micros.into())?, ..number };
    // Finer than a microsecond (a float's noise) is rounded: no two payments are told apart by it.
    i64::try_from(scaled.units_rounded(0).ok()?).ok()
}

fn parse_slashed(text: &[u8]) -> Option<i64> {
    let [y0, y1, y2, y3, b'/', m0, m1, b'/', d0, d1, b' ', h0, h1, b':', n0, n1] = *text else {
        return None;
    };
    let year = two([y0, y1])? * 100 + two([y2, y3])?;
    let days = days_of(year, two([m0, m1])?, two([d0, d1])?)?;
    let (hour, minute) = (two([h0, h1])?, two([n0, n1])?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60;
    Some(days * DAY_MICROS + i64::from(seconds) * 1_000_000)
}

fn two(digits: [u8; 2]) -> Option<u32> {
    let [a, b] = digits;
    (a.is_ascii_digit() && b.is_ascii_digit())
        .then(|| u32::from(a - b'0') * 10 + u32::from(b - b'0'))
}

fn days_of(year: u32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(i64::from(date.to_epoch_days()))
}

fn parse_pattern(text: &[u8], pattern: &Pattern, offset_micros: i64) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    // No date needs more; a short bound keeps a hostile field cheap.
    if text.len() > 80 {
        return None;
    }
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, pattern.items.iter()).ok()?;
    if let Some(seconds) = parsed.timestamp() {
        return seconds.checked_mul(1_000_000).map(Timestamp);
    }
    let date = parsed.to_naive_date().ok()?;
    let naive = match parsed.to_naive_time() {
        Ok(time) => date.and_time(time),
        // A pattern of a date alone means its midnight; half a time of day means nothing.
        Err(_) if parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none() => {
            date.and_hms_opt(0, 0, 0)?
        }
        Err(_) => return None,
    };
    let moment: DateTime<chrono::Utc> = naive.and_utc();
    if !moment.timestamp_subsec_nanos().is_multiple_of(1_000) {
        return None;
    }
    let ahead = match parsed.offset() {
        Some(seconds) => i64::from(seconds) * 1_000_000,
        None => offset_micros,
    };
    moment.timestamp_micros().checked_sub(ahead).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, form: &TimeForm) -> Option<String> {
        parse(text.as_bytes(), form, 0).map(|time| time.to_string())
    }

    fn pattern(text: &str) -> TimeForm {
        TimeForm::Pattern(Pattern::new(text).expect("a pattern"))
    }

    #[test]
    fn each_way_of_writing_a_time_is_read() {
        let seconds = TimeForm::Count { unit_micros: 1_000_000 };
        let days = TimeForm::Count { unit_micros: DAY_MICROS };
        for (text, form, time) in [
            ("2022/09/01 00:06", TimeForm::Slashed, Some("2022-09-01T00:06:00Z")),
            ("2022/09/01 24:00", TimeForm::Slashed, None),
            ("2022/02/30 00:06", TimeForm::Slashed, None),
            ("2022-09-01 00:06", TimeForm::Slashed, None),
            ("930101", TimeForm::Yymmdd, Some("1993-01-01T00:00:00Z")),
            ("931301", TimeForm::Yymmdd, None),
            ("1289241911.72836", seconds.clone(), Some("2010-11-08T18:45:11.728360Z")),
            ("1289241911.1234565", seconds.clone(), Some("2010-11-08T18:45:11.123456Z")),
            ("-1", seconds.clone(), Some("1969-12-31T23:59:59Z")),
            ("99999999999999999999", seconds, None),
            ("1", days, Some("1970-01-02T00:00:00Z")),
            ("31.12.2024", pattern("%d.%m.%Y"), Some("2024-12-31T00:00:00Z")),
            ("12/31/2024 1:05 PM", pattern("%m/%d/%Y %I:%M %p"), Some("2024-12-31T13:05:00Z")),
            ("31.12.2024 10", pattern("%d.%m.%Y"), None),
            (
                "2024-12-31T10:00:00+0200",
                pattern("%Y-%m-%dT%H:%M:%S%z"),
                Some("2024-12-31T08:00:00Z"),
            ),
        ] {
            assert_eq!(read(text, &form).as_deref(), time, "{text}");
        }
    }

    #[test]
    fn an_offset_moves_only_times_that_name_none() {
        let hour = 3_600_000_000;
        for (text, time) in [
            ("2024-01-01T10:00:00", "2024-01-01T09:00:00Z"),
            ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
            ("2024-01-01T10:00:00+02:00", "2024-01-01T08:00:00Z"),
            ("2024-01-01", "2023-12-31T23:00:00Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("-1000000", "1969-12-31T23:59:59Z"),
        ] {
            let read = parse(text.as_bytes(), &TimeForm::Rfc3339, hour).map(|t| t.to_string());
            assert_eq!(read.as_deref(), Some(time), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_short_ways_agree_with_the_calendar(
            text in "(19|20)[0-9][0-9]/[01][0-9]/[0-3][0-9] [0-2][0-9]:[0-6][0-9]"
        ) {
            let slow = pattern("%Y/%m/%d %H:%M");
            prop_assert_eq!(read(&text, &TimeForm::Slashed), read(&text, &slow));
        }

        #[test]
        fn whole_microseconds_agree_with_the_exact_reader(text in "-?[0-9]{0,20}") {
            let fast = parse(text.as_bytes(), &TimeForm::Rfc3339, 0);
            prop_assert_eq!(fast, Timestamp::parse(&text));
        }
    }
}
