//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// What is wrong with an expression, with the place in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What is wrong, in a phrase.
    pub what: String,
    /// What to do about it, where that can be said.
    pub hint: Option<String>,
    /// The line of the place, from 1.
    pub line: usize,
    /// The column of the place in characters, from 1.
    pub column: usize,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
    /// The line itself.
    pub source: String,
    /// What else is wrong, in other parts that `AND` or `OR` joins.
    pub more: Vec<SqlError>,
}

impl std::error::Error for SqlError {}

impl SqlError {
    /// An error at a range of bytes of the text; ranges that are out of it are cut.
    pub(super) fn at_text(text: &str, place: Range<usize>, what: impl Into<String>) -> SqlError {
        let start = floor_char(text, place.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor_char(text, place.end).clamp(start, line_end);
        SqlError {
            what: what.into(),
            hint: None,
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].trim_end().chars().count().max(1),
            source: text[line_start..line_end].to_owned(),
            more: Vec::new(),
        }
    }

    /// The same, with a hint.
    #[must_use]
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> SqlError {
        self.hint = Some(hint.into());
        self
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&n| text.is_char_boundary(n)).unwrap_or(0)
}

/// Characters shown before and after the place in a long line.
const AROUND: usize = 48;

impl fmt::Display for SqlError {
    /// Several lines: what, the line with a caret under the place, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.column - 1;
        let skipped = before.saturating_sub(AROUND);
        let width = self.width.min(2 * AROUND);
        let shown = before - skipped + width + AROUND;
        let mut part = self.source.chars().skip(skipped);
        // Tabs and other control characters would move the caret.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let line = part.by_ref().take(shown).map(plain).collect::<String>();
        let (left, right) = (
            if skipped > 0 { "... " } else { "" },
            if part.next().is_some() { " ..." } else { "" },
        );
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(left.len() + before - skipped);
        writeln!(f, "{}", self.what)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{}", format!("{number} | {left}{line}{right}").trim_end())?;
        write!(f, "{margin} | {indent}{}", "^".repeat(width))?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
