//! Feature definitions, exact features and rules: what a payment looks like, and why it is pointed at.
#![forbid(unsafe_code)]

mod definitions;
mod extractor;
mod filter;
mod moments;
mod rules;
pub mod sql;

pub use definitions::{
    Block, Column, ColumnKind, DEFAULT_CHAIN_BUDGET, DEFAULT_GATHER_BUDGET, DEFAULT_PATH_BUDGET,
    Definitions, DefinitionsError, ENDS_AND_WAYS, Filter, Kind, Measure,
};
pub use extractor::{Cell, Evidence, Extractor, Finished, Flow, Input, LinePart, MAX_MINOR};
pub use rules::{Asked, BlockPattern, BoundRule, Case, EvidenceName, RuleError, Rules, Typology};
