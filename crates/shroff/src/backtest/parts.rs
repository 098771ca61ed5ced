//! The history in three parts, in order of time, with a gap between them.
//!
//! 60 % of the payments are to learn from, 20 % to choose thresholds on, 20 % to read once. What
//! lies in a gap is in no part, so that no feature of a part looks back into the one before.

use shroff_types::{Span, Timestamp};

use super::book::Book;

/// A part of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// To look at.
    Train,
    /// To choose thresholds on.
    Validation,
    /// To read once.
    Test,
}

/// All of it, and its parts, as rows of tables name them.
pub(crate) const NAMES: [&str; 4] = ["all", "train", "validation", "test"];

impl Part {
    /// Its place among [`NAMES`].
    pub(crate) fn at(self) -> usize {
        match self {
            Part::Train => 1,
            Part::Validation => 2,
            Part::Test => 3,
        }
    }
}

/// Where the parts begin and end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// Begin and end of all, train, validation and test; the end is not in it.
    pub(crate) bounds: [(Timestamp, Timestamp); 4],
    /// The gap between two parts.
    pub(crate) gap: Span,
    /// What the gap would have to be, where the history is too short for it.
    pub(crate) wanted: Option<Span>,
}

impl Split {
    /// Splits a history by its payments. The gap is what features look back and ahead, but a tenth
    /// of the history at most.
    pub(crate) fn of(book: &Book, reach: Span) -> Split {
        let count = book.len();
        if count == 0 {
            let none = (Timestamp(0), Timestamp(0));
            return Split { bounds: [none; 4], gap: Span::ZERO, wanted: None };
        }
        let time = |share: u64| {
            let place = u64::from(count) * share / 100;
            book.time(u32::try_from(place).unwrap_or(count - 1).min(count - 1))
        };
        let (begin, end) = (book.time(0), Timestamp(book.time(count - 1).0.saturating_add(1)));
        let tenth = Span::from_micros(end.micros_since(begin) / 10).unwrap_or(Span::ZERO);
        let gap = reach.min(tenth);
        let (validation, test) = (time(60), time(80));
        Split {
            bounds: [
                (begin, end),
                (begin, validation),
                (validation.after(gap).min(test), test),
                (test.after(gap).min(end), end),
            ],
            gap,
            wanted: (gap < reach).then_some(reach),
        }
    }

    /// The part of an instant; none in a gap.
    pub(crate) fn part(&self, time: Timestamp) -> Option<Part> {
        [Part::Train, Part::Validation, Part::Test].into_iter().find(|part| {
            let (begin, end) = self.bounds[part.at()];
            begin <= time && time < end
        })
    }

    /// Days of a part, by its place among [`NAMES`]; one at least.
    pub(crate) fn days(&self, at: usize) -> f64 {
        let (begin, end) = self.bounds[at];
        super::days_between(begin, end)
    }

    /// What to know of the parts.
    pub(crate) fn note(&self) -> Option<String> {
        let wanted = self.wanted?;
        Some(format!(
            "features look back and ahead over {wanted}, and the history is too short for such a gap \
             between its parts: the gap is a tenth of the history, so validation and test begin \
             with features that look back into the part before"
        ))
    }
}
