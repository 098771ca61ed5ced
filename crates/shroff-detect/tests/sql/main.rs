//! The language of rules: against `DuckDB`, and programs against the trees that they are made of.

mod duckdb;
mod programs;
mod random;
