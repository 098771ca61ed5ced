//! The days of a world: weekdays, months, and the hours at which people pay.

use shroff_types::Timestamp;

use crate::dice::Dice;

/// Seconds of a day.
pub(crate) const DAY: u32 = 86_400;
/// Seconds of an hour.
pub(crate) const HOUR: u32 = 3_600;

/// How many payments an hour of the day gets, beside the others.
const HOURS: [u8; 24] =
    [2, 1, 1, 1, 1, 2, 5, 12, 22, 30, 36, 44, 52, 48, 42, 42, 48, 56, 54, 40, 28, 18, 10, 5];

/// One day of the Gregorian calendar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    pub(crate) year: u16,
    /// 1 to 12.
    pub(crate) month: u8,
    /// 1 to 31.
    pub(crate) of_month: u8,
    /// Saturday or Sunday.
    pub(crate) weekend: bool,
}

/// The days from the start of a world to its end.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) days: Vec<Day>,
    /// For each month the world touches, the index of its first day; negative if before the start.
    months: Vec<i64>,
    /// An hour for each draw: hours stand as often as their weight.
    hours: Vec<u8>,
}

impl Calendar {
    /// `start` is a midnight of the years 1970 to 2200 and `days` at least 1: checked by `World`.
    pub(crate) fn new(start: Timestamp, days: u32) -> Calendar {
        let first = start.0.div_euclid(86_400_000_000);
        let days: Vec<Day> = (first..first + i64::from(days)).map(day).collect();
        let mut months = vec![1 - i64::from(days[0].of_month)];
        for (index, day) in (0_i64..).zip(&days).skip(1) {
            if day.of_month == 1 {
                months.push(index);
            }
        }
        let hours = (0_u8..).zip(HOURS).flat_map(|(hour, weight)| vec![hour; usize::from(weight)]);
        Calendar { hours: hours.collect(), days, months }
    }

    /// Seconds from the start to the end.
    pub(crate) fn seconds(&self) -> u32 {
        u32::try_from(self.days.len()).expect("a few thousand days") * DAY
    }

    pub(crate) fn months(&self) -> u32 {
        u32::try_from(self.months.len()).expect("fewer months than days")
    }

    /// The index of a month's day (1 to 28), if the world has it.
    pub(crate) fn day_of(&self, month: u32, day_of_month: u32) -> Option<u32> {
        let index = self.months[month as usize] + i64::from(day_of_month) - 1;
        u32::try_from(index).ok().filter(|&index| (index as usize) < self.days.len())
    }

    /// The Friday before a day of a weekend, if the world has it; other days as they are.
    pub(crate) fn workday(&self, index: u32) -> u32 {
        let back = (0..=index.min(2)).find(|b| !self.days[(index - b) as usize].weekend);
        index - back.unwrap_or(0)
    }

    /// The Monday after a day of a weekend, if the world has it, else the Friday before; other
    /// days as they are.
    pub(crate) fn workday_after(&self, index: u32) -> u32 {
        let count = u32::try_from(self.days.len()).expect("a few thousand days");
        let next = (index..count.min(index + 3)).find(|&i| !self.days[i as usize].weekend);
        next.unwrap_or_else(|| self.workday(index))
    }

    /// A second at which people buy: most by day, weekends at half.
    pub(crate) fn everyday(&self, dice: &mut Dice) -> u32 {
        let index = self.day(dice, 500);
        let hour = dice.one_of(&self.hours);
        index * DAY + u32::from(hour) * HOUR + dice.below(HOUR)
    }

    /// A second of a firm's working time.
    pub(crate) fn office(&self, dice: &mut Dice) -> u32 {
        self.day(dice, 60) * DAY + dice.within(8 * HOUR..=18 * HOUR - 1)
    }

    /// A day; one of a weekend in so many of a thousand cases in which it comes up.
    fn day(&self, dice: &mut Dice, weekend_permille: u32) -> u32 {
        let count = u32::try_from(self.days.len()).expect("a few thousand days");
        let mut index = dice.below(count);
        // Sixteen draws: a world may be one Sunday.
        for _ in 0..16 {
            if !self.days[index as usize].weekend || dice.permille(weekend_permille) {
                break;
            }
            index = dice.below(count);
        }
        index
    }
}

/// The day so many days after 1970-01-01 (not before it), by eras of 400 years that start in March.
fn day(since_epoch: i64) -> Day {
    let shifted = since_epoch + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Day {
        year: u16::try_from(year).expect("years 1970 to 2210"),
        month: u8::try_from(month).expect("1 to 12"),
        of_month: u8::try_from(day_of_month).expect("1 to 31"),
        // 1970-01-01 was a Thursday.
        weekend: (since_epoch + 3).rem_euclid(7) >= 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for index in 0..84_000 {
            let ours = day(index);
            let text = Timestamp(index * 86_400_000_000).to_string();
            let date = format!("{:04}-{:02}-{:02}", ours.year, ours.month, ours.of_month);
            assert_eq!(date, text[..10]);
        }
        // 2024-01-06 was a Saturday.
        let weekend: Vec<bool> = (19_727..19_734).map(|index| day(index).weekend).collect();
        assert_eq!(weekend, [false, true, true, false, false, false, false]);
    }

    #[test]
    fn months_start_where_they_do() {
        // 2024-01-30, for 33 days: to 2024-03-02.
        let calendar = Calendar::new(Timestamp(19_752 * 86_400_000_000), 33);
        assert_eq!(calendar.months(), 3);
        assert_eq!(calendar.day_of(0, 1), None);
        assert_eq!(calendar.day_of(0, 30), Some(0));
        assert_eq!(calendar.day_of(1, 1), Some(2));
        assert_eq!(calendar.day_of(2, 1), Some(31));
        assert_eq!(calendar.day_of(2, 3), None);
        assert_eq!((calendar.workday_after(3), calendar.workday_after(4)), (3, 6));
        // The last day is a Saturday, and the world has no Monday after it.
        assert_eq!(calendar.workday_after(32), 31);
        // 2024-02-03 is index 4, a Saturday.
        assert_eq!((calendar.workday(4), calendar.workday(5), calendar.workday(6)), (3, 3, 6));
    }
}
