//! The log, and the register of alerts, cases and audit.
//!
//! A [`Log`] is a row of segments on a [`Disk`], a small trait, so that a simulation can break it
//! ([`sim`]). What is appended is durable once [`Log::sync`] has returned, and not before. The form
//! on disk is that of `docs/src/log-format.md`. Snapshots beside it ([`read_snapshots`]) spare its
//! reader most of it.
//!
//! The [`register`] is what people work with, in SQL; it is filled from the log, and can be again.
#![forbid(unsafe_code)]
#![deny(clippy::wildcard_enum_match_arm)]

mod disk;
mod error;
mod frame;
mod log;
mod record;
pub mod register;
mod segment;
pub mod sim;
mod snapshot;

pub use disk::Disk;
pub use error::StoreError;
pub use frame::{Frame, MOST_FRAME_BYTES, Records};
pub use log::{Access, Cut, Extent, Log, Options, Reach, extent, reach, sync_all};
pub use record::{MOST_TEXT_BYTES, read_payment, read_time, write_payment};
pub use segment::Unread;
pub use snapshot::{Damaged, Of, Snapshot, read_snapshots, write_snapshot};
