//! What a start passed over of the logs is looked at behind it, while payments are taken.
//!
//! What was made durable may rot. A start reads what it needs; the rest is read here, a segment at a time
//! and most of the time idle, so that replies do not wait for the disk. Damage is named, and a file in
//! the data folder makes the next start read all before it serves. A log takes nothing more then, unless
//! it is that of what was said: this can be computed anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;

use anyhow::Context;
use shroff_store::{Frame, StoreError, Unread};

use super::core::Behind;
use super::disk::Folder;
use super::sealed::Vault;
use crate::{outputs, settings};

/// The folders of the logs.
const PAYMENTS: &str = "payments";
const VERDICTS: &str = "verdicts";
const SEALED: &str = "sealed";
/// In the data folder, where damage was found.
const FILE: &str = "damaged";
/// It rests so many times as long as it reads.
const REST: u32 = 3;

/// Whether damage was found since a start that read all.
pub(crate) fn is_damage_known(data: &Path) -> bool {
    data.join(FILE).exists()
}

/// All was read, and is whole or mended.
pub(crate) fn forget_damage(data: &Path) -> anyhow::Result<()> {
    let path = data.join(FILE);
    if path.exists() {
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(())
}

/// Whoever is told how it goes.
pub(crate) struct Listener {
    /// How many bytes are left.
    pub(crate) left: Box<dyn Fn(u64) + Send>,
    /// A log is damaged of which nothing can be computed anew.
    pub(crate) damaged: Box<dyn Fn() + Send>,
}

/// A thread that looks at what was passed over.
#[derive(Debug)]
pub(crate) struct Looking {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Looking {
    /// Starts it, where there is something to look at.
    pub(crate) fn start(
        data: &Path,
        behind: Behind,
        vault: Option<Arc<Vault>>,
        told: Listener,
    ) -> anyhow::Result<Looking> {
        let Behind { payments, verdicts, sealed } = behind;
        let logs = [(PAYMENTS, payments), (VERDICTS, verdicts), (SEALED, sealed)];
        let work = Work { data: data.to_owned(), logs, vault, told };
        (work.told.left)(work.left());
        if work.left() == 0 {
            return Ok(Looking { stop: None, thread: None });
        }
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("shroff-behind".to_owned())
            .spawn(move || work.all(&stopped))
            .context("cannot start a thread")?;
        Ok(Looking { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.stop = None;
        // Where it panicked, that was told.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

struct Work {
    data: PathBuf,
    logs: [(&'static str, Vec<Unread>); 3],
    vault: Option<Arc<Vault>>,
    told: Listener,
}

impl Work {
    fn left(&self) -> u64 {
        self.logs.iter().flat_map(|(_, unread)| unread).map(Unread::length).sum()
    }

    /// Looks at all of them, the payments first; until it is told to stop.
    fn all(self, stopped: &mpsc::Receiver<()>) {
        let begun = settings::now();
        let (mut left, mut damaged, mut bytes) = (self.left(), 0, Vec::new());
        for (name, unread) in &self.logs {
            let folder = Folder::there(&self.data.join(name));
            for unread in unread {
                let before = settings::now();
                let vault = self.vault.as_deref().filter(|_| *name == SEALED);
                let mut each = |frame: Frame<'_>| vault.map_or(Ok(()), |vault| vault.look(frame));
                match unread.check(&folder, &mut bytes, &mut each) {
                    Ok(()) => vault.into_iter().for_each(Vault::looked),
                    Err(error) => {
                        damaged += 1;
                        self.found(name, &error);
                    }
                }
                left -= unread.length();
                (self.told.left)(left);
                let rest = before.elapsed() * REST;
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        }
        if damaged == 0 {
            let seconds = begun.elapsed().as_secs_f64();
            tracing::info!(seconds, "what the start passed over of the logs is whole");
        }
    }

    fn found(&self, name: &str, error: &StoreError) {
        tracing::error!(%error, log = name, "a segment that the start passed over");
        if !matches!(error, StoreError::Damaged { .. }) {
            return;
        }
        let noted = outputs::write_private(&self.data.join(FILE), |file| {
            Ok(std::io::Write::write_all(file, format!("{name}: {error}\n").as_bytes())?)
        });
        if let Err(error) = noted {
            tracing::error!(error = format_args!("{error:#}"), "the damage could not be noted");
        }
        if name == VERDICTS {
            tracing::warn!("the next start computes anew what was said from there on");
        } else {
            (self.told.damaged)();
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test turns a bit of a file")]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use shroff_store::{Access, Log, Options};
    use shroff_types::Timestamp;

    use super::*;

    fn log(data: &Path, name: &str) -> Log<Folder> {
        let folder = Folder::at(&data.join(name)).expect("a folder of our own");
        let access = if name == "payments" { Access::Owner } else { Access::Derived };
        let options = Options { access, segment_bytes: 300, salt: 5, from: u64::MAX };
        let mut log = Log::open(folder, options, &mut |_| Ok(())).expect("it opens");
        while log.next() < 70 {
            log.append(&[3, 0, 0, 0, 1, 2, 3].repeat(10), 10, Timestamp(1)).expect("room");
            log.sync().expect("a disk");
        }
        log
    }

    /// What was told while all was looked at: bytes left, and how often that the payments are damaged.
    fn looked(data: &Path) -> (Vec<u64>, usize) {
        let [payments, verdicts] = ["payments", "verdicts"].map(|name| log(data, name).unread());
        let (left, damaged) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<AtomicUsize>::default());
        let (lefts, times) = (Arc::clone(&left), Arc::clone(&damaged));
        let told = Listener {
            left: Box::new(move |bytes| lefts.lock().expect("no panic").push(bytes)),
            damaged: Box::new(move || {
                times.fetch_add(1, Ordering::AcqRel);
            }),
        };
        let mut looking =
            Looking::start(data, Behind { payments, verdicts, sealed: Vec::new() }, None, told)
                .expect("a thread");
        if let Some(thread) = looking.thread.take() {
            thread.join().expect("it does not panic");
        }
        (left.lock().expect("no panic").clone(), damaged.load(Ordering::Acquire))
    }

    #[test]
    fn what_a_start_passed_over_is_looked_at_and_damage_makes_the_next_one_read_all() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let data = folder.path();
        for name in ["payments", "verdicts"] {
            drop(log(data, name));
        }
        // A frame has 110 bytes: three fill a segment, and there are seven.
        let (left, damaged) = looked(data);
        let bytes = u64::try_from(40 + 3 * 110).expect("small");
        let lefts: Vec<u64> = (0..=4).rev().map(|segments| segments * bytes).collect();
        assert_eq!((left, damaged, is_damage_known(data)), (lefts, 0, false));
        for (name, times) in [("verdicts", 0), ("payments", 1)] {
            let path = data.join(name).join(format!("{:020}.log", 30));
            let mut file = std::fs::read(&path).expect("the second segment");
            file[200] ^= 4;
            std::fs::write(&path, &file).expect("a file of our own");
            let (left, damaged) = looked(data);
            assert_eq!((left.last(), damaged), (Some(&0), times), "the rest is looked at too");
            let told = std::fs::read_to_string(data.join(FILE)).expect("it is noted");
            assert!(told.starts_with(name) && told.contains("030.log` at byte 150"), "{told}");
            file[200] ^= 4;
            std::fs::write(&path, &file).expect("a file of our own");
            forget_damage(data).expect("it is removed");
            assert!(!is_damage_known(data));
        }
    }
}
