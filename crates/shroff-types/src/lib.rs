//! Money, time, accounts, payments and alerts: plain values with their invariants.
//!
//! Nothing here reads a clock, a file or the environment, and no float enters: an amount leaves
//! this crate only as whole minor units.
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]
#![deny(clippy::wildcard_enum_match_arm)]

mod alert;
mod clock;
mod map;
mod money;
mod names;
mod payment;
mod text_index;
mod time;

pub use alert::{Action, Alert, Reason};
pub use clock::Clock;
pub use map::{Map, Set};
pub use money::{Amount, Currency, Decimal, DecimalError};
pub use names::Names;
pub use payment::{AccountId, Attempt, Payment, Place, SentPayment, Symbol};
pub use text_index::{TextHash, TextIndex};
pub use time::{Span, Timestamp};
