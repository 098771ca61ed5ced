//! The deterministic core: payments in order in, alerts with their evidence out.
#![forbid(unsafe_code)]
#![deny(clippy::wildcard_enum_match_arm)]

mod engine;
mod example;
mod grouper;
mod grouping;
mod live;
mod mutes;
mod shared;
mod state;
mod told;
mod window;

pub use engine::{Counts, Engine, EngineError, Outcome};
pub use example::{ExampleError, ExampleLedger, run_example};
pub use grouper::{At, Grouper};
pub use grouping::{AlertId, Completion, Draft, Drafts, Ground, Hit, MOST_PAYMENTS};
pub use live::{AlertFilter, Gone, Live, LiveSettings, Middle, Refusal, Revision};
pub use mutes::{Mute, Mutes};
pub use state::Moment;
pub use told::{Fired, Told, Touched};
pub use window::Held;
