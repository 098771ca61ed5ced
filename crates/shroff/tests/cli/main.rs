//! The whole program from outside: files go in, alerts, tables and messages come out.
#![expect(clippy::disallowed_methods, reason = "a test writes and reads its own files")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes its texts with them")]

mod door;

mod alerts;
mod backtest;
#[cfg(unix)]
mod backup;
mod bench;
mod browser;
#[cfg(unix)]
mod changes;
mod demo;
#[cfg(unix)]
mod deploy;
#[cfg(unix)]
mod durable;
#[cfg(unix)]
mod events;
mod features;
mod forms;
#[cfg(unix)]
mod keys;
mod labels;
#[cfg(unix)]
mod lists;
#[cfg(unix)]
mod messages;
mod mutes;
#[cfg(unix)]
mod oidc;
mod openapi;
mod patterns;
#[cfg(unix)]
mod people;
#[cfg(unix)]
#[path = "../../../shroff-store/tests/register/postgres.rs"]
mod postgres;
mod rates;
mod refusals;
#[cfg(unix)]
mod register;
mod rules;
mod secrets;
#[cfg(unix)]
mod sending;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod signed;
#[cfg(unix)]
mod tls;
#[cfg(unix)]
mod traces;
#[cfg(unix)]
mod unmask;
#[cfg(unix)]
mod webhooks;
mod words;
mod worlds;
