//! The crate from outside: text goes in, a table of payments and refusals comes out.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes its texts with them")]

mod columnar;
mod columns;
mod door;
mod guess;
mod layouts;
mod mapping;
mod messages;
mod properties;
mod refusals;
mod samples;
mod streams;
