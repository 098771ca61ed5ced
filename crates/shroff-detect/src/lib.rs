//! Feature definitions, exact features and rules: what a payment looks like, and why it is pointed at.
#![forbid(unsafe_code)]

mod definitions;
mod evidence;
mod extractor;
mod filter;
mod look;
mod moments;
mod patterns;
mod rules;
pub mod sql;
mod tracker;
mod typology;
mod union;
mod verdict;

pub use definitions::{
    Block, Column, ColumnKind, DEFAULT_CHAIN_BUDGET, DEFAULT_GATHER_BUDGET, DEFAULT_PATH_BUDGET,
    Definitions, DefinitionsError, ENDS_AND_WAYS, Filter, Kind, Measure,
};
pub use evidence::{Evidence, Flow, LinePart};
pub use extractor::{Cell, Extractor, Finished, Input};
pub use rules::{Asked, BoundRule, Rules};
pub use typology::{BlockPattern, Case, Example, Parameter, Placed, RuleError, Typology};
pub use union::{check, extended, union, written};
pub use verdict::{Scoring, Thresholds, Verdict};
