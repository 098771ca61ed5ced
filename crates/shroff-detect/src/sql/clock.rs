//! The parts of an instant: a count of microseconds since 1970 on the institution's own clock.

/// A part of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockPart {
    Year,
    Month,
    Day,
    /// 1 for Monday to 7 for Sunday.
    Weekday,
    Hour,
    Minute,
}

impl ClockPart {
    /// By the name of its function, which is DuckDB's.
    pub(super) fn named(name: &str) -> Option<ClockPart> {
        Some(match name {
            "year" => ClockPart::Year,
            "month" => ClockPart::Month,
            "day" => ClockPart::Day,
            "isodow" => ClockPart::Weekday,
            "hour" => ClockPart::Hour,
            "minute" => ClockPart::Minute,
            _ => return None,
        })
    }

    /// This part of an instant; nothing beyond what 64 bits of microseconds reach.
    pub(super) fn of(self, micros: i128) -> Option<i128> {
        const MINUTE: i64 = 60_000_000;
        let micros = i64::try_from(micros).ok()?;
        let days = micros.div_euclid(1_440 * MINUTE);
        let minute = micros.div_euclid(MINUTE).rem_euclid(1_440);
        Some(i128::from(match self {
            ClockPart::Minute => minute % 60,
            ClockPart::Hour => minute / 60,
            // 1970 began on a Thursday.
            ClockPart::Weekday => (days + 3).rem_euclid(7) + 1,
            ClockPart::Day => date(days).2,
            ClockPart::Month => date(days).1,
            ClockPart::Year => date(days).0,
        }))
    }
}

/// Year, month and day of a count of days since 1970, in the calendar of 400 years of 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that comes and goes is their last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}
