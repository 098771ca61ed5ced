//! Payments in, alerts out: each typology and its innocent look-alikes as tables, and grouping
//! against its slow twin.

mod completion;
mod grouping;
mod ledger;
mod live;
mod scenarios;
mod twin;

use proptest::prelude::ProptestConfig;

/// `cases` worlds, or as many as `PROPTEST_CASES` says, which proptest puts in its place.
fn cases(cases: u32) -> ProptestConfig {
    // A world that failed is written down as a scenario, with its story, not as a seed.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
