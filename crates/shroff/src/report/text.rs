//! Text for humans: escaped, with its digits grouped and its instants in UTC.

use std::fmt;

use shroff_types::{Amount, Currency, Decimal, Timestamp};

/// Text from data, safe in HTML content and in quoted attributes. Characters that cannot be seen
/// or that change the direction of what follows are written as `[U+202E]`.
pub(crate) struct Esc<'a>(pub(crate) &'a str);

impl fmt::Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                hidden if is_hidden(hidden) => write!(f, "[U+{:04X}]", u32::from(hidden))?,
                plain => write!(f, "{plain}")?,
            }
        }
        Ok(())
    }
}

/// A sentence, escaped like [`Esc`], with what stands between backticks as code.
pub(crate) struct Prose<'a>(pub(crate) &'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.0.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return Esc(self.0).fmt(f);
        }
        for (n, part) in parts.into_iter().enumerate() {
            if n % 2 == 0 {
                Esc(part).fmt(f)?;
            } else {
                write!(f, "<code>{}</code>", Esc(part))?;
            }
        }
        Ok(())
    }
}

/// Controls, marks and overrides of direction, invisible spaces and the byte-order mark.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text with what cannot be seen written out, at most `most` characters of it; where it is cut an
/// ellipsis stands in it.
pub(crate) fn ellipsised(text: &str, most: usize) -> String {
    let mut characters: Vec<char> = vec![];
    for character in text.chars() {
        if is_hidden(character) {
            characters.extend(format!("[U+{:04X}]", u32::from(character)).chars());
        } else {
            characters.push(character);
        }
    }
    if characters.len() <= most {
        return characters.into_iter().collect();
    }
    // The end is kept too: long names of accounts differ there.
    let tail = most / 3;
    let head = most - tail - 1;
    let mut short: String = characters[..head].iter().collect();
    short.push('\u{2026}');
    short.extend(&characters[characters.len() - tail..]);
    short
}

/// A whole number with commas: `1,234,567`.
pub(crate) fn grouped<N: Into<i128>>(number: N) -> String {
    group(&number.into().to_string())
}

fn group(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, part) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut text = sign.to_owned();
    for (position, digit) in whole.char_indices() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(part);
    text
}

/// The number of an amount, exact, with commas: `1,234.50`. Zeros beyond the second decimal, as
/// ether has many, are left out.
pub(crate) fn number(amount: Amount) -> String {
    let decimals = amount.currency.decimals();
    let mut text = Decimal { digits: amount.minor, decimals }.to_string();
    if let Some(point) = text.find('.') {
        while text.len() > point + 3 && text.ends_with('0') {
            text.pop();
        }
    }
    group(&text)
}

/// An amount with its currency, where one is named: `1,234.50 EUR`.
pub(crate) fn money(amount: Amount) -> String {
    let number = number(amount);
    if amount.currency == Currency::NONE {
        number
    } else {
        format!("{number} {}", amount.currency.code())
    }
}

/// `1 payment`, `2 payments`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// A calendar date in UTC, of the Gregorian calendar without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    /// The date of an instant.
    pub(crate) fn of(time: Timestamp) -> Date {
        Date::from_days(time.0.div_euclid(MICROS_OF_DAY))
    }

    /// The date so many days after 1970-01-01. Eras of 400 years, which all have 146,097 days,
    /// counted from 1 March so that the leap day comes last.
    pub(crate) fn from_days(days: i64) -> Date {
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Date { year: year + era * 400 + i64::from(month <= 2), month, day }
    }

    /// `3 Sep`.
    pub(crate) fn short(self) -> String {
        let month = usize::try_from(self.month - 1).expect("a month is from 1 to 12");
        format!("{} {}", self.day, MONTHS[month])
    }

    /// `3 Sep 2022`.
    pub(crate) fn long(self) -> String {
        format!("{} {}", self.short(), self.year)
    }
}

/// The time of day as `13:05`, `13:05:09` or with its fraction, as short as it is exact.
pub(crate) fn clock(time: Timestamp) -> String {
    let micros = time.0.rem_euclid(MICROS_OF_DAY);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60);
    if seconds % 60 != 0 || fraction != 0 {
        text = format!("{text}:{:02}", seconds % 60);
    }
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

/// `2022-09-03 13:05`, for a column; seconds where there are any.
pub(crate) fn instant(time: Timestamp) -> String {
    let Date { year, month, day } = Date::of(time);
    format!("{year:04}-{month:02}-{day:02} {}", clock(time))
}

/// `3 Sep 2022` or, with another end, `3 Sep to 5 Oct 2022`.
pub(crate) fn period(first: Timestamp, last: Timestamp) -> String {
    let (from, to) = (Date::of(first), Date::of(last));
    if from == to {
        from.long()
    } else if from.year == to.year {
        format!("{} to {}", from.short(), to.long())
    } else {
        format!("{} to {}", from.long(), to.long())
    }
}

/// A length of time in its two largest units: `3 d 4 h`, `12 min`, `1 y 40 d`.
pub(crate) fn duration(micros: i64) -> String {
    const UNITS: [(i64, &str); 5] = [
        (365 * MICROS_OF_DAY, "y"),
        (MICROS_OF_DAY, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "min"),
        (1_000_000, "s"),
    ];
    for (position, (unit, name)) in UNITS.into_iter().enumerate() {
        if micros < unit {
            continue;
        }
        let rest = UNITS.get(position + 1).map(|&(next, name)| (micros % unit / next, name));
        return match rest {
            Some((more, next)) if more > 0 => format!("{} {name} {more} {next}", micros / unit),
            Some(_) | None => format!("{} {name}", micros / unit),
        };
    }
    if micros == 0 { "one moment".to_owned() } else { "under a second".to_owned() }
}

/// A sum in about four digits, rounded down: `9,800`, `12.3k`, `4.56M`; whole units of the
/// currency, without its name.
pub(crate) fn compact(minor: i128, currency: Currency) -> String {
    const NAMES: [(u128, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    let unit = 10_i128.pow(u32::from(currency.decimals()));
    let whole = minor / unit;
    let size = whole.unsigned_abs();
    if size == 0 && minor > 0 {
        return number(Amount { minor, currency });
    }
    let sign = if whole < 0 { "-" } else { "" };
    for (factor, name) in NAMES {
        if size < factor || size < 10_000 {
            continue;
        }
        let digits = match size / factor {
            0..=9 => 2_u8,
            10..=99 => 1,
            _ => 0,
        };
        let parts = size / (factor / 10_u128.pow(digits.into()));
        let text = Decimal { digits: parts.cast_signed(), decimals: digits }.to_string();
        return format!("{sign}{}{name}", group(&text));
    }
    grouped(whole)
}

/// A length of time in words, in its largest unit that says it exactly: `1 day`, `4 hours`.
pub(crate) fn long_duration(micros: i64) -> String {
    const UNITS: [(i64, &str, &str); 5] = [
        (7 * MICROS_OF_DAY, "week", "weeks"),
        (MICROS_OF_DAY, "day", "days"),
        (3_600_000_000, "hour", "hours"),
        (60_000_000, "minute", "minutes"),
        (1_000_000, "second", "seconds"),
    ];
    let unit = UNITS.into_iter().find(|&(unit, ..)| micros >= unit && micros % unit == 0);
    let (unit, one, many) = unit.unwrap_or((1, "microsecond", "microseconds"));
    count((micros / unit).unsigned_abs(), one, many)
}
