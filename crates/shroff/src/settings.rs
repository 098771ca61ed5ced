//! What comes from outside the command line: the environment and the clock, read here alone.
#![expect(clippy::disallowed_methods, reason = "the one place that asks the world")]

use std::time::Instant;

/// Whether `NO_COLOR` is set to anything (no-color.org).
pub(crate) fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// Now, for measuring how long things take; no result depends on it.
pub(crate) fn now() -> Instant {
    Instant::now()
}
