//! The crate from outside: text goes in, a table of payments and refusals comes out.

mod columnar;
mod door;
mod guess;
mod layouts;
mod mapping;
mod properties;
mod refusals;
mod samples;
mod streams;
