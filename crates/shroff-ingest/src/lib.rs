//! Foreign formats to payments, with a reason for every record that is refused.
//!
//! Nothing here reads a clock, opens a file or looks at the environment: the caller hands in
//! bytes ([`Source`]) and temporary files ([`Spill`]) and gets a [`Ledger`].
#![forbid(unsafe_code)]

mod columnar;
mod columns;
mod error;
mod guess;
mod instant;
mod json;
mod layout;
mod ledger;
mod mapping;
pub mod messages;
mod number;
mod patterns;
mod plan;
mod rates;
mod read;
mod record;
mod source;
mod store;

pub use columns::{
    ColumnRow, ColumnRows, ColumnStream, MOST_BATCH_ROWS, MOST_MESSAGE_BYTES, RowReader, RowTime,
    Unfit,
};
pub use error::{IngestError, Rejected};
pub use guess::{guess, guess_bytes};
pub use layout::{LAYOUTS, Layout};
pub use ledger::{Facts, InputSummary, Ledger};
pub use mapping::Mapping;
pub use rates::Rates;
pub use read::{Hooks, Options, Progress, messages_in, read, read_bytes};
pub use source::{Memory, MemorySpill, ReadSeek, ReadWriteSeek, Source, Spill};
pub use store::{Merge, Payments};
