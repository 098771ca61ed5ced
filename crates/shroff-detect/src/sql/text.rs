//! Functions of text: patterns, parts, and case by Unicode's simple mapping, one character to one.

use std::borrow::Cow;
use std::str::Chars;

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The character that makes the next one stand for itself.
    pub(super) escape: Option<char>,
    /// Whether capitals and small letters are the same.
    pub(super) any_case: bool,
}

/// Whether all of the text is like the pattern: `%` is any run of characters, `_` any one.
/// Nothing where the pattern ends within an escape. Takes length of text times length of pattern.
pub(super) fn like(text: &str, pattern: &str, reading: Reading) -> Option<bool> {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where the last `%` could next try to end, and the pattern after it.
    let mut resume: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        let matched = match rest.next() {
            None if text.as_str().is_empty() => return Some(true),
            None => false,
            Some(c) if reading.escape == Some(c) => {
                let literal = rest.next()?;
                text.next().is_some_and(|found| same(found, literal, reading.any_case))
            }
            Some('%') => {
                resume = Some((text.clone(), rest.clone()));
                true
            }
            Some('_') => text.next().is_some(),
            Some(c) => text.next().is_some_and(|found| same(found, c, reading.any_case)),
        };
        if matched {
            pattern = rest;
            continue;
        }
        let Some((again, after)) = &mut resume else { return Some(false) };
        if again.next().is_none() {
            return Some(false);
        }
        text = again.clone();
        pattern = after.clone();
    }
}

fn same(left: char, right: char, any_case: bool) -> bool {
    left == right || any_case && lower_char(left) == lower_char(right)
}

fn lower_char(c: char) -> char {
    // Its small letter is `i` with a combining dot; the simple mapping leaves the dot out.
    if c == '\u{130}' {
        return 'i';
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn upper_char(c: char) -> char {
    if c == '\u{df}' {
        return '\u{1e9e}';
    }
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// In small letters.
pub(super) fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    map(text, lower_char)
}

/// In capitals.
pub(super) fn upper(text: Cow<'_, str>) -> Cow<'_, str> {
    map(text, upper_char)
}

fn map(text: Cow<'_, str>, change: impl Fn(char) -> char) -> Cow<'_, str> {
    if text.chars().all(|c| change(c) == c) {
        return text;
    }
    Cow::Owned(text.chars().map(change).collect())
}

/// A part of a borrowed or owned text.
fn part(text: Cow<'_, str>, cut: impl FnOnce(&str) -> &str) -> Cow<'_, str> {
    match text {
        Cow::Owned(owned) => Cow::Owned(cut(&owned).to_owned()),
        Cow::Borrowed(borrowed) => Cow::Borrowed(cut(borrowed)),
    }
}

/// Which ends of a text are trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Both.
    Both,
    /// The first characters.
    Start,
    /// The last characters.
    End,
}

/// Without the given characters at its ends.
pub(super) fn trim<'a>(text: Cow<'a, str>, side: Side, characters: &str) -> Cow<'a, str> {
    let within = |c: char| characters.contains(c);
    part(text, |text| match side {
        Side::Both => text.trim_matches(within),
        Side::Start => text.trim_start_matches(within),
        Side::End => text.trim_end_matches(within),
    })
}

/// The part from a place on, counted from 1, or from the end where it is negative; so many
/// characters of it, backwards where that is negative.
pub(super) fn substring(text: Cow<'_, str>, start: i128, length: Option<i128>) -> Cow<'_, str> {
    let total = i128::try_from(text.chars().count()).unwrap_or(i128::MAX);
    let first = if start < 0 { start.saturating_add(total) } else { start - 1 };
    let (from, to) = match length {
        None => (first, total),
        Some(length) if length < 0 => (first.saturating_add(length), first),
        Some(length) => (first, first.saturating_add(length)),
    };
    let clamp = |at: i128| usize::try_from(at.clamp(0, total)).unwrap_or(0);
    let (from, to) = (clamp(from), clamp(to));
    part(text, |text| {
        let byte = |at| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
        &text[byte(from)..byte(to).max(byte(from))]
    })
}

/// Whether a pattern ends with an escape that nothing follows.
pub(super) fn ends_in_escape(pattern: &str, escape: Option<char>) -> bool {
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if Some(c) == escape && characters.next().is_none() {
            return true;
        }
    }
    false
}
