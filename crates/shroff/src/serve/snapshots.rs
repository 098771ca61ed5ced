//! Snapshots of the core beside its log: which is used at a start, and how one is kept.
//!
//! Taking one costs the engine the alerts that it holds; writing it is another thread's work.

use shroff_engine::Live;
use shroff_store::{Disk, Of, Reach, Snapshot, StoreError, read_snapshots, write_snapshot};
use shroff_types::Place;

/// A snapshot that a start goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resumed {
    /// Its file.
    pub(crate) file: String,
    /// The first payment that is in sight of it.
    pub(crate) first: Place,
    /// The first payment that is not in it.
    pub(crate) next: Place,
}

/// Loads the newest snapshot that fits into a core that nothing was pushed to. `passed` is told of
/// each that does not fit, and why.
pub(crate) fn resume(
    live: &mut Live,
    disk: &dyn Disk,
    wanted: Wanted,
    passed: &mut Vec<String>,
) -> Result<Option<Resumed>, StoreError> {
    let (snapshots, damaged) = read_snapshots(disk)?;
    passed.extend(damaged.iter().map(|damaged| format!("`{}`: {}", damaged.file, damaged.what)));
    for Snapshot { file, of, state } in snapshots {
        if let Some(why) = wanted.refuses(of) {
            passed.push(format!("`{file}`: {why}"));
            continue;
        }
        match live.load(&state) {
            Some((first, next)) if u64::from(next.0) == of.next => {
                return Ok(Some(Resumed { file, first, next }));
            }
            Some(_) | None => passed.push(format!("`{file}`: it is no state of this program")),
        }
    }
    Ok(None)
}

/// What a snapshot has to be of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The log, as far as it goes.
    pub(crate) log: Reach,
    /// Of so many payments it is known what was said.
    pub(crate) verdicts: u64,
    /// The rules.
    pub(crate) version: u64,
}

impl Wanted {
    fn refuses(&self, of: Of) -> Option<&'static str> {
        if of.salt != self.log.salt {
            Some("it is of another log")
        } else if of.version != self.version {
            Some("it is of other rules")
        } else if of.next > self.log.next {
            Some("it knows payments that the log has not")
        } else if of.next > self.verdicts {
            Some("it knows payments of which no verdict is kept")
        } else {
            None
        }
    }
}

/// Where snapshots are kept, and the verdicts that one needs.
#[derive(Debug)]
pub(crate) struct Keeper<D> {
    pub(crate) verdicts: D,
    pub(crate) snapshots: D,
}

impl<D: Disk> Keeper<D> {
    /// Keeps a snapshot of [`super::core::Core::snapshot`]. Verdicts before it are made durable
    /// first: they are not computed anew once it is there.
    pub(crate) fn keep(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        shroff_store::sync_all(&mut self.verdicts)?;
        write_snapshot(&mut self.snapshots, bytes)
    }
}
