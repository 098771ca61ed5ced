//! Snapshots of the core beside its log: which is used at a start, and how one is kept.
//!
//! Taking one costs the engine next to nothing; putting it into bytes and writing it is another
//! thread's work, and waits until the register knows what came before: a start from it hands over nothing older.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context;
use shroff_engine::Live;
use shroff_store::{Disk, Of, Reach, Snapshot, StoreError, read_snapshots, write_snapshot};
use shroff_types::Place;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::core::Core;
use super::disk::Folder;
use super::recorder::Inbox;
use super::traces::{self, What};
use crate::settings;

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

impl Resumed {
    /// The payments that are in sight of it.
    pub(crate) fn held(&self) -> Range<u64> {
        u64::from(self.first.0)..u64::from(self.next.0)
    }
}

/// The snapshots that a start may go on from, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Candidates(Vec<Snapshot>);

impl Candidates {
    /// Those that fit a log, as far as it goes, and the rules. `passed` is told of each that does not, and
    /// why.
    pub(crate) fn of(
        disk: &dyn Disk,
        (log, version): (Reach, u64),
        passed: &mut Vec<String>,
    ) -> Result<Candidates, StoreError> {
        let (mut snapshots, damaged) = read_snapshots(disk)?;
        let damaged = damaged.iter().map(|damaged| format!("`{}`: {}", damaged.file, damaged.what));
        passed.extend(damaged);
        snapshots.retain(|Snapshot { file, of, .. }| {
            let why = refused(*of, (log, version));
            passed.extend(why.map(|why| format!("`{file}`: {why}")));
            why.is_none()
        });
        Ok(Candidates(snapshots))
    }

    /// The first payment that is not in all of them.
    pub(crate) fn least_next(&self) -> Option<u64> {
        self.0.iter().map(|snapshot| snapshot.of.next).min()
    }

    /// Loads the newest one into a core that nothing was pushed to. Of so many payments it is known what
    /// was said.
    pub(crate) fn resume(
        self,
        live: &mut Live,
        verdicts: u64,
        passed: &mut Vec<String>,
    ) -> Option<Resumed> {
        for Snapshot { file, of, state } in self.0 {
            if of.next > verdicts {
                passed.push(format!("`{file}`: it knows payments of which no verdict is kept"));
                continue;
            }
            match live.load(&state) {
                Some((first, next)) if u64::from(next.0) == of.next => {
                    return Some(Resumed { file, first, next });
                }
                Some(_) | None => passed.push(format!("`{file}`: it is no state of this program")),
            }
        }
        None
    }
}

/// Why a snapshot is not used under a log and rules.
fn refused(of: Of, (log, version): (Reach, u64)) -> Option<&'static str> {
    if of.salt != log.salt {
        Some("it is of another log")
    } else if of.version != version {
        Some("it is of other rules")
    } else if of.next > log.next {
        Some("it knows payments that the log has not")
    } else {
        None
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

/// Where snapshots are kept, and how often one is taken.
pub(crate) struct Snapshots {
    pub(crate) keeper: Keeper<Folder>,
    /// After so many payments; none for at the end alone.
    pub(crate) every: Option<NonZeroU32>,
    /// The place after the last payment that one has.
    pub(crate) last: Place,
    /// What waits for the register.
    pub(crate) inbox: Arc<Inbox>,
    /// Where that is waited for.
    pub(crate) runtime: Handle,
    /// How long the last one waits for it at most.
    pub(crate) patience: Duration,
}

/// A thread that writes snapshots while the engine goes on.
pub(crate) struct Keeping {
    taken: mpsc::SyncSender<Taken>,
    thread: std::thread::JoinHandle<()>,
    ending: watch::Sender<bool>,
    is_busy: Arc<AtomicBool>,
    every: Option<NonZeroU32>,
    last: Place,
}

/// Puts what was taken into bytes, for [`Keeper::keep`].
pub(crate) type Sealing = Box<dyn FnOnce() -> Vec<u8> + Send>;

struct Taken {
    seal: Sealing,
    /// What the register has to know first.
    handed: u64,
}

impl Keeping {
    pub(crate) fn start(snapshots: Snapshots) -> anyhow::Result<Keeping> {
        let (taken, waiting) = mpsc::sync_channel(1);
        let (ending, ended) = watch::channel(false);
        let is_busy = Arc::new(AtomicBool::new(false));
        let (every, last) = (snapshots.every, snapshots.last);
        let done = Arc::clone(&is_busy);
        let thread = std::thread::Builder::new()
            .name("shroff-snapshot".to_owned())
            .spawn(move || snapshots.keep_all(&waiting, &ended, &done))
            .context("cannot start a thread")?;
        Ok(Keeping { taken, thread, ending, is_busy, every, last })
    }

    /// The place after the last payment of the last one.
    pub(crate) fn last(&self) -> Place {
        self.last
    }

    /// Whether one is due, or wanted in any case, and can be written.
    pub(crate) fn is_due(&self, next: Place, is_wanted: bool) -> bool {
        self.every.is_some_and(|every| is_wanted || next.0 - self.last.0 >= every.get())
            && !self.is_busy.load(Ordering::Acquire)
    }

    /// Takes one, to be written once the register knows what it was handed until now.
    pub(crate) fn take(&mut self, core: &Core<Folder>, handed: u64) {
        self.is_busy.store(true, Ordering::Release);
        self.last = core.live.next();
        // A thread that is gone writes nothing; the next start takes longer.
        drop(self.taken.send(Taken { seal: core.snapshot(), handed }));
    }

    /// Waits until all are written.
    pub(crate) fn finish(self) {
        self.ending.send_replace(true);
        drop(self.taken);
        drop(self.thread.join());
    }
}

impl Snapshots {
    fn keep_all(
        mut self,
        waiting: &mpsc::Receiver<Taken>,
        ended: &watch::Receiver<bool>,
        is_busy: &AtomicBool,
    ) {
        for Taken { seal, handed } in waiting {
            // At once: what changes meanwhile is copied.
            let bytes = seal();
            if self.is_known(handed, ended.clone()) {
                self.keep(bytes);
            } else {
                tracing::warn!("a snapshot is not kept: it is ahead of the register");
            }
            is_busy.store(false, Ordering::Release);
        }
    }

    /// Waits for the register; at the end for a while only.
    fn is_known(&self, handed: u64, mut ended: watch::Receiver<bool>) -> bool {
        let patience = self.patience;
        let too_late = async move {
            drop(ended.wait_for(|&ended| ended).await);
            tokio::time::sleep(patience).await;
        };
        self.runtime.block_on(async {
            tokio::select! {
                () = self.inbox.reached(handed) => true,
                () = too_late => false,
            }
        })
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        let (begun, doing, length) = (settings::now(), traces::begin(), bytes.len());
        let kept = self.keeper.keep(bytes);
        doing.end(What::SnapshotKept { bytes: length, is_kept: kept.is_ok() });
        match kept {
            Ok(()) => {
                let seconds = begun.elapsed().as_secs_f64();
                tracing::debug!(bytes = length, seconds, "a snapshot is kept");
            }
            Err(error) => {
                tracing::warn!(%error, "a snapshot was not kept: the next start takes longer");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shroff_store::register::{Register, Watermark};

    use super::super::events::Events;
    use super::super::recorder;
    use super::*;

    #[test]
    fn a_snapshot_is_kept_once_the_register_knows_what_came_before_and_at_the_end_not_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("threads");
        let inbox = Inbox::new();
        inbox.hand_over(Vec::new(), Vec::new(), Some(Watermark { next: 7, version: 1 }));
        let kept = |patience: Duration| {
            let at = |name: &str| Folder::at(&folder.path().join(name)).expect("a folder");
            let snapshots = Snapshots {
                keeper: Keeper { verdicts: at("verdicts"), snapshots: at("snapshots") },
                every: None,
                last: Place(0),
                inbox: Arc::clone(&inbox),
                runtime: runtime.handle().clone(),
                patience,
            };
            let (taken, waiting) = mpsc::sync_channel(1);
            taken
                .send(Taken { seal: Box::new(|| vec![1; 100]), handed: inbox.handed() })
                .expect("room");
            drop(taken);
            let (_ending, ended) = watch::channel(true);
            snapshots.keep_all(&waiting, &ended, &AtomicBool::new(true));
            at("snapshots").list().expect("it lists").len()
        };
        assert_eq!(kept(Duration::ZERO), 0, "nobody writes the register");
        let register = runtime.block_on(Register::sqlite(&folder.path().join("register.sqlite")));
        let register = register.expect("a register");
        let task = recorder::write(Arc::clone(&inbox), register.clone(), Events::new(1));
        runtime.spawn(task);
        assert_eq!(kept(Duration::MAX), 1, "as soon as it is written");
        let known = runtime.block_on(register.watermark()).expect("it reads");
        assert_eq!(known.map(|known| known.next), Some(7));
    }
}
