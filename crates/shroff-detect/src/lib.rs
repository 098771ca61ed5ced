//! Feature definitions, exact features and rules: what a payment looks like, and why it is pointed at.
#![forbid(unsafe_code)]

mod alike;
mod archive;
mod batches;
mod cell;
mod closed;
mod counterparties;
mod definitions;
mod evidence;
mod extractor;
mod few;
mod filter;
mod fresh;
mod ladder;
mod lines;
mod moments;
mod patterns;
mod plan;
mod ranks;
mod recall;
mod rules;
mod snapshot;
pub mod sql;
mod tracker;
mod typology;
mod union;
mod verdict;
mod whole;
mod withdraw;
mod workers;

pub use archive::{Archive, ArchiveReader, History};
pub use batches::{BatchError, Batches, Features, RejectedRow, arrays_of, field};
pub use cell::Cell;
pub use definitions::{
    Block, Column, ColumnKind, DEFAULT_GATHER_BUDGET, DEFAULT_PATH_BUDGET, Definitions,
    DefinitionsError, ENDS_AND_WAYS, Filter, Kind, Measure, PatternSearch,
};
pub use evidence::{Evidence, EvidenceBounds, FindEvidence, Flow, LinePart};
pub use extractor::{Arrival, Extractor, Finished, Input, LateCounts, RanOut};
pub use recall::{PlacedInput, Recall, Wanted};
pub use rules::watch::Watch;
pub use rules::{Asked, Asking, BoundRule, Flags, Memo, Rules};
pub use snapshot::SnapshotError;
pub use typology::{BlockPattern, Case, Example, Parameter, Placed, RuleError, Typology};
pub use union::{check, extended, union, written};
pub use verdict::{Scoring, Thresholds, Verdict};
pub use workers::{Alone, Job, Workers};
