//! What people read: messages on standard error, data on standard output.
#![expect(clippy::print_stderr, reason = "this is where the program speaks to people")]

use std::fmt::Display;
use std::io::IsTerminal;

/// An error with its causes, and a hint where one of them has one.
pub(crate) fn complain(error: &anyhow::Error) {
    let word = if colours() { "\x1b[1;31merror\x1b[0m" } else { "error" };
    eprintln!("{word}: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        // Libraries often repeat their cause in their own message.
        if !said.contains(&text) {
            eprintln!("  because: {text}");
        }
        said.push_str(&text);
    }
}

/// Something a reader should know and need not act on.
pub(crate) fn note(text: impl Display) {
    let word = if colours() { "\x1b[1;36mnote\x1b[0m" } else { "note" };
    eprintln!("{word}: {text}");
}

/// Something that went wrong and did not stop the run.
pub(crate) fn warn(text: impl Display) {
    let word = if colours() { "\x1b[1;33mwarning\x1b[0m" } else { "warning" };
    eprintln!("{word}: {text}");
}

/// Colours only where someone looks, and never where `NO_COLOR` says so (no-color.org).
fn colours() -> bool {
    std::io::stderr().is_terminal() && !crate::settings::no_color()
}

/// A whole number with its thousands apart, as in the report.
pub(crate) fn grouped(number: u64) -> String {
    crate::report::grouped(number)
}
