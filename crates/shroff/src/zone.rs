//! The time zone that an institution's clock keeps.

use std::str::FromStr;

use jiff::tz::TimeZoneDatabase;
use serde::{Deserialize, Serialize};
use shroff_types::{Clock, Timestamp};

/// A zone, told by name or by its distance from UTC, as steps of that distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zone {
    /// From which instant on local time is how many microseconds ahead of UTC.
    steps: Vec<(Timestamp, i64)>,
}

/// Where the years end in which a payment can be: steps beyond are asked for by nobody.
const LAST: i64 = 7_258_118_400;

impl Zone {
    pub(crate) fn utc() -> Zone {
        Zone { steps: Vec::new() }
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::new(self.steps.clone())
    }

    /// The zone of a name, from the database that is built in: what a machine has installed would
    /// give two machines two sets of verdicts.
    fn named(name: &str) -> Option<Zone> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        let first = jiff::Timestamp::UNIX_EPOCH;
        let step = |at: i64, seconds: i32| (Timestamp(at), i64::from(seconds) * 1_000_000);
        let mut steps = vec![step(i64::MIN, zone.to_offset(first).seconds())];
        let later = zone.following(first).take_while(|next| next.timestamp().as_second() < LAST);
        steps.extend(
            later.map(|next| step(next.timestamp().as_microsecond(), next.offset().seconds())),
        );
        Some(Zone { steps })
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Zone, String> {
        if text.starts_with(['+', '-']) {
            let micros = offset(text).ok_or("an offset is hours and minutes, as in +01:00")?;
            return Ok(Zone { steps: vec![(Timestamp(i64::MIN), micros)] });
        }
        Zone::named(text).ok_or_else(|| {
            let zones = TimeZoneDatabase::bundled();
            let far = |name: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &text.to_lowercase());
            let nearest = zones.available().min_by_key(|name| far(name.as_str()));
            let hint = nearest.map_or_else(String::new, |name| format!("; the nearest is `{name}`"));
            format!("it is no zone of the IANA database, such as Europe/Amsterdam, and no offset, such as +01:00{hint}")
        })
    }
}

fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| plain && *number <= most)
    };
    Some(sign * (number(hours, 14)? * 60 + number(minutes, 59)?) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the clock of a zone shows at an instant of UTC.
    fn check(zone: &str, utc: &str, local: &str) {
        let clock = Zone::from_str(zone).expect("a zone").clock();
        let time = Timestamp::parse(utc).expect("a time");
        let shown = Timestamp(clock.micros(time)).to_string();
        assert_eq!(shown.trim_end_matches('Z'), local, "{zone} at {utc}");
    }

    // The changes are those of the laws: EU directive 2000/84/EC, the US Energy Policy Act of 2005,
    // Samoa's move across the date line, and India, which has none.
    #[test]
    fn a_zone_changes_its_clock_when_the_law_says() {
        for (zone, utc, local) in [
            ("Europe/Amsterdam", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59"),
            ("Europe/Amsterdam", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00"),
            ("Europe/Amsterdam", "2026-10-25T00:59:59Z", "2026-10-25T02:59:59"),
            ("Europe/Amsterdam", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00"),
            ("Europe/Amsterdam", "2150-07-01T12:00:00Z", "2150-07-01T14:00:00"),
            ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00"),
            ("America/New_York", "2006-03-12T07:00:00Z", "2006-03-12T02:00:00"),
            ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00"),
            ("Asia/Kolkata", "2026-06-01T00:00:00Z", "2026-06-01T05:30:00"),
            ("europe/amsterdam", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00"),
            ("UTC", "2026-06-01T00:00:00Z", "2026-06-01T00:00:00"),
            ("-03:30", "2026-06-01T00:00:00Z", "2026-05-31T20:30:00"),
        ] {
            check(zone, utc, local);
        }
    }

    #[test]
    fn what_is_no_zone_is_refused_with_the_nearest() {
        let refused = |text: &str| Zone::from_str(text).expect_err("it is no zone");
        assert!(refused("Europe/Amsterdm").contains("`Europe/Amsterdam`"));
        for text in ["", "+1:00", "+15:00", "01:00", "+01:60", "../etc/passwd", "CEST "] {
            assert!(!refused(text).is_empty(), "{text}");
        }
    }
}
