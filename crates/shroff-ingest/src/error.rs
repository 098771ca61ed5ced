//! What goes wrong: records that are refused one by one, and inputs that are refused whole.

use std::fmt;
use std::io;

/// One record that is not a payment as its layout promises. It is reported, and the run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The input's name.
    pub source: String,
    /// The physical line where the record begins, from 1; for Parquet and Arrow the row, from 1.
    pub line: u64,
    /// The column at fault by its name; empty where the whole record is.
    pub column: String,
    /// What stands there, cut after 200 characters, control characters escaped.
    pub value: String,
    /// Why it is refused.
    pub reason: String,
    /// What to do about it; empty where nothing sensible can be said.
    pub hint: String,
}

/// One line for people: place, column, value, reason, hint.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.source, self.line)?;
        if !self.column.is_empty() {
            write!(f, "{} ", self.column)?;
        }
        write!(f, "`{}`: {}", self.value, self.reason)?;
        if !self.hint.is_empty() {
            write!(f, " (hint: {})", self.hint)?;
        }
        Ok(())
    }
}

/// A whole input, mapping or table that cannot be read.
#[derive(Debug)]
pub struct IngestError {
    /// The input's name.
    pub source_name: Box<str>,
    /// Where in it, such as `line 3`; empty where it is the whole.
    pub place: Box<str>,
    /// What stands there; empty where nothing can be shown.
    pub value: Box<str>,
    /// What is wrong.
    pub reason: Box<str>,
    /// What to do about it.
    pub hint: Box<str>,
    /// The failure of the disk or pipe behind it, where that is the reason.
    pub cause: Option<io::Error>,
}

impl IngestError {
    /// An error that names the input and the reason; the rest is added by the methods below.
    pub(crate) fn new(source_name: &str, reason: impl Into<Box<str>>) -> IngestError {
        IngestError {
            source_name: source_name.into(),
            place: "".into(),
            value: "".into(),
            reason: reason.into(),
            hint: "".into(),
            cause: None,
        }
    }

    pub(crate) fn at(self, place: impl Into<Box<str>>) -> IngestError {
        IngestError { place: place.into(), ..self }
    }

    pub(crate) fn value(self, value: &[u8]) -> IngestError {
        IngestError { value: clip(value).into(), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<Box<str>>) -> IngestError {
        IngestError { hint: hint.into(), ..self }
    }

    /// A failure of the world while doing `operation`, such as `reading`.
    pub(crate) fn io(source_name: &str, operation: &str, cause: io::Error) -> IngestError {
        let reason = format!("{operation} failed: {cause}");
        IngestError { cause: Some(cause), ..IngestError::new(source_name, reason) }
    }
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source_name)?;
        if !self.place.is_empty() {
            write!(f, ", {}", self.place)?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.value.is_empty() {
            write!(f, ": `{}`", self.value)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for IngestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// How many characters of a bad value are shown: enough to find it, too few to fill a log.
const SHOWN_CHARS: usize = 200;

/// A value as it may be shown: valid text, without control characters, of bounded length.
pub(crate) fn clip(value: &[u8]) -> String {
    // Four bytes a character at most, so the prefix holds all that is shown.
    let head = &value[..value.len().min(SHOWN_CHARS * 4)];
    let text = String::from_utf8_lossy(head);
    let mut shown = String::new();
    let mut count = 0;
    for c in text.chars() {
        if count == SHOWN_CHARS {
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        count += 1;
    }
    if text.chars().nth(count).is_some() || head.len() < value.len() {
        shown.push_str("...");
    }
    shown
}

/// The names nearest to `wanted`, for hints: at most three, nearest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(i64, &str)> = names
        .map(|name| (permille(strsim::jaro_winkler(&wanted, &name.to_lowercase())), name))
        .filter(|&(score, _)| score >= 700)
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by_key(|&mut (_, name)| name);
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a similarity is from 0 to 1")]
fn permille(similarity: f64) -> i64 {
    (similarity * 1_000.0) as i64
}

/// Names in backticks with commas between, for messages.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_is_short_and_has_no_control_characters() {
        assert_eq!(clip(b"a\0b\nc"), "a\\u{0}b\\nc");
        assert_eq!(clip(&[b'x'; 500]).len(), 203);
        assert_eq!(clip(b"\xff"), "\u{fffd}");
        assert_eq!(clip("\u{e9}".repeat(200).as_bytes()), "\u{e9}".repeat(200));
    }

    #[test]
    fn the_nearest_name_comes_first_and_a_far_one_not_at_all() {
        let names = ["amount", "account", "debtor"];
        assert_eq!(nearest("Amout", names.into_iter()).first(), Some(&"amount"));
        assert!(nearest("zzz", names.into_iter()).is_empty());
    }
}
