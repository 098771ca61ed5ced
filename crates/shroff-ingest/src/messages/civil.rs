//! Times as XML and SWIFT write them.

use chrono::{NaiveDate, NaiveTime};
use shroff_types::Timestamp;

/// A date, or a date and a time of day, with a zone or without: `2026-01-02`,
/// `2026-01-02T24:00:00.5+01:00`. Without a zone it is UTC, and `false` says so. Finer than
/// microseconds is cut; a leap second is the second after it.
pub(super) fn parse(text: &str) -> Option<(Timestamp, bool)> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(
        number(text.get(..4)?)?,
        u32::try_from(number(text.get(5..7)?)?).ok()?,
        u32::try_from(number(text.get(8..10)?)?).ok()?,
    )?;
    if text.as_bytes()[4] != b'-' || text.as_bytes()[7] != b'-' {
        return None;
    }
    let rest = &text[10..];
    let (micros, zone) = match rest.strip_prefix('T') {
        Some(time) => time_of_day(time)?,
        None => (0, rest),
    };
    let (offset, has_zone) = offset(zone)?;
    let days = date.and_time(NaiveTime::MIN).and_utc().timestamp();
    let time = Timestamp(days * 1_000_000 + micros - offset * 60_000_000);
    YEARS.contains(&time.0).then_some((time, has_zone))
}

/// The years in which a payment can be: 1970 to 2199.
const YEARS: std::ops::Range<i64> = 0..7_258_118_400_000_000;

fn number(text: &str) -> Option<i32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Microseconds since midnight, and what stands behind.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let two = |at: usize| number(text.get(at..at + 2)?).map(i64::from);
    let (hours, minutes, seconds) = (two(0)?, two(3)?, two(6)?);
    let colons = text.as_bytes()[2] == b':' && text.as_bytes()[5] == b':';
    let mut rest = &text[8..];
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let kept = &fraction[..digits.min(6)];
        let scale = 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
        micros = i64::from(number(kept)?) * scale;
        rest = &fraction[digits..];
    }
    let ends_day = hours == 24 && minutes == 0 && seconds == 0 && micros == 0;
    let sound = colons && (hours < 24 || ends_day) && minutes < 60 && seconds <= 60;
    sound.then_some((((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, rest))
}

/// Minutes ahead of UTC, and whether a zone is there.
fn offset(text: &str) -> Option<(i64, bool)> {
    let sign = match text.as_bytes().first() {
        None => return Some((0, false)),
        Some(b'Z') if text.len() == 1 => return Some((0, true)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let hours = i64::from(number(text.get(1..3)?)?);
    let minutes = i64::from(number(text.get(4..6)?)?);
    let minutes_in_all = hours * 60 + minutes;
    let sound = text.len() == 6 && text.as_bytes()[3] == b':' && minutes < 60;
    (sound && minutes_in_all <= 14 * 60).then_some((sign * minutes_in_all, true))
}

/// SWIFT's `YYMMDD` and `HHMM`: of this century below 80.
pub(super) fn swift(date: &str, time: &str) -> Option<Timestamp> {
    if date.len() != 6 || time.len() != 4 || !date.is_ascii() || !time.is_ascii() {
        return None;
    }
    let year = number(&date[..2])?;
    let century = if year < 80 { 20 } else { 19 };
    let text = format!(
        "{century}{}-{}-{}T{}:{}:00",
        &date[..2],
        &date[2..4],
        &date[4..],
        &time[..2],
        &time[2..]
    );
    parse(&text).map(|(time, _)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_zones_are_read_and_what_is_no_day_is_not() {
        for (text, wanted) in [
            ("2026-01-02", "2026-01-02T00:00:00Z false"),
            ("2026-01-02Z", "2026-01-02T00:00:00Z true"),
            ("2026-01-02+01:00", "2026-01-01T23:00:00Z true"),
            ("2026-01-02T03:04:05", "2026-01-02T03:04:05Z false"),
            ("2026-01-02T03:04:05+14:00", "2026-01-01T13:04:05Z true"),
            ("2026-01-02T03:04:05.6875000-03:00", "2026-01-02T06:04:05.687500Z true"),
            ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z true"),
            ("2026-01-02T24:00:00Z", "2026-01-03T00:00:00Z true"),
            ("2026-06-30T23:59:60Z", "2026-07-01T00:00:00Z true"),
            ("2026-02-30T00:00:00Z", "none"),
            ("10000-01-01T00:00:00Z", "none"),
            ("2999-01-01T00:00:00Z", "none"),
            ("2026-01-02T24:00:01Z", "none"),
            ("2026-01-02T03:04", "none"),
            ("2026-01-02T03:04:05+15:00", "none"),
            ("2026-01-02T03:04:05.Z", "none"),
            ("2026-1-2", "none"),
            ("", "none"),
        ] {
            let told =
                parse(text).map_or("none".to_owned(), |(time, zone)| format!("{time} {zone}"));
            assert_eq!(told, wanted, "{text}");
        }
        assert_eq!(
            swift("260102", "0304").map(|t| t.to_string()).as_deref(),
            Some("2026-01-02T03:04:00Z")
        );
        assert_eq!(swift("260230", "0304"), None);
    }
}
