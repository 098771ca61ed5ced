//! The whole program from outside: files go in, alerts, tables and messages come out.
#![expect(clippy::disallowed_methods, reason = "a test writes and reads its own files")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod door;

mod alerts;
mod forms;
mod refusals;
