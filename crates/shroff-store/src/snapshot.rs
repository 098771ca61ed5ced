//! Snapshots: the state of whoever reads a log, at a place of it, so that a start need not read all.
//!
//! A snapshot is a file of its own with a checksum over all of it, written and synced before an older
//! one is removed: one that was torn is not whole, and the one before it is used. What is in it is
//! the caller's; the form of the file is that of `docs/src/log-format.md`.

use twox_hash::XxHash3_64;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::log::{failed, number_of};

/// What a snapshot is of. It is used where all of this is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of {
    /// The number of the first record that is not in it.
    pub next: u64,
    /// The salt of the log: which log it is.
    pub salt: u64,
    /// What the state depends on beside the log: rules and program.
    pub version: u64,
}

/// A snapshot that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its file.
    pub file: String,
    /// What it is of.
    pub of: Of,
    /// What its writer put into it.
    pub state: Vec<u8>,
}

/// A file that is no snapshot, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub file: String,
    /// What does not fit.
    pub what: &'static str,
}

const MARK: [u8; 8] = *b"shroffSN";
const FORM: u32 = 2;
const HEADER: usize = 48;
const ENDING: &str = ".snapshot";
/// How many are kept: one that rots leaves another.
const KEPT: usize = 2;

impl Of {
    /// The bytes of a snapshot, to be handed to [`write_snapshot`]. What `state` appends is its state.
    pub fn seal(self, state: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        state(&mut bytes);
        let length = (bytes.len() - HEADER) as u64;
        bytes[..8].copy_from_slice(&MARK);
        bytes[8..12].copy_from_slice(&FORM.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.next.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.version.to_le_bytes());
        bytes[40..48].copy_from_slice(&length.to_le_bytes());
        bytes
    }
}

/// Makes a snapshot durable, and then removes all but the newest. `bytes` are of [`Of::seal`].
///
/// # Errors
/// Where the disk refuses; what was there before is still there.
pub fn write_snapshot(disk: &mut dyn Disk, mut bytes: Vec<u8>) -> Result<(), StoreError> {
    let name = format!("{:020}{ENDING}", u64_at(&bytes, 16));
    let sum = XxHash3_64::oneshot(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    let names = names(disk)?;
    let written = if names.contains(&name) { remove(disk, &name) } else { Ok(()) };
    let written = written.and_then(|()| append(disk, &name, &bytes));
    if let Err(error) = written {
        // What is there of it is no snapshot; a disk that is full has room again.
        drop(disk.remove(&name));
        return Err(error);
    }
    let older = names.iter().rev().filter(|older| **older != name);
    for old in older.skip(KEPT - 1) {
        remove(disk, old)?;
    }
    Ok(())
}

/// The snapshots that there are, the newest first, and the files that are none.
///
/// # Errors
/// Where the disk refuses.
pub fn read_snapshots(disk: &dyn Disk) -> Result<(Vec<Snapshot>, Vec<Damaged>), StoreError> {
    let (mut snapshots, mut damaged) = (Vec::new(), Vec::new());
    for file in names(disk)?.into_iter().rev() {
        let length = disk.length(&file).map_err(|error| failed("read", &file, error))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a snapshot fits memory")];
        let read = disk.read_at(&file, 0, &mut bytes);
        let read = read.map_err(|error| failed("read", &file, error))?;
        bytes.truncate(read);
        match open(&mut bytes) {
            Ok(of) => snapshots.push(Snapshot { file, of, state: bytes }),
            Err(what) => damaged.push(Damaged { file, what }),
        }
    }
    Ok((snapshots, damaged))
}

/// Checks a file, and leaves its state of it.
fn open(bytes: &mut Vec<u8>) -> Result<Of, &'static str> {
    if bytes.len() < HEADER + 8 {
        return Err("it ends too early");
    }
    if bytes[..8] != MARK {
        return Err("this is no snapshot");
    }
    let state = bytes.len() - 8;
    if XxHash3_64::oneshot(&bytes[..state]) != u64_at(bytes, state) {
        return Err("its bytes are not what was written");
    }
    if bytes[8..16] != [FORM.to_le_bytes(), [0; 4]].concat() {
        return Err("it is of another version of Shroff");
    }
    let (next, salt, version) = (u64_at(bytes, 16), u64_at(bytes, 24), u64_at(bytes, 32));
    if u64_at(bytes, 40) != (state - HEADER) as u64 {
        return Err("its length is not what was written");
    }
    bytes.truncate(state);
    bytes.drain(..HEADER);
    Ok(Of { next, salt, version })
}

fn names(disk: &dyn Disk) -> Result<Vec<String>, StoreError> {
    let mut names = disk.list().map_err(|error| failed("list", ".", error))?;
    names.retain(|name| number_of(name, ENDING).is_some());
    names.sort();
    Ok(names)
}

fn append(disk: &mut dyn Disk, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let mut done = 0;
    while done < bytes.len() {
        match disk.append(name, &bytes[done..]) {
            Ok(0) => return Err(failed("write", name, std::io::ErrorKind::WriteZero.into())),
            Ok(taken) => done += taken,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("write", name, error)),
        }
    }
    disk.sync(name).map_err(|error| failed("sync", name, error))
}

fn remove(disk: &mut dyn Disk, name: &str) -> Result<(), StoreError> {
    disk.remove(name).map_err(|error| failed("remove", name, error))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("its length was looked at"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Dice, Faults, SimDisk};

    fn of(next: u64) -> Of {
        Of { next, salt: 7, version: 9 }
    }

    fn write(disk: &mut SimDisk, next: u64) -> Result<(), StoreError> {
        write_snapshot(disk, of(next).seal(|out| out.extend_from_slice(&[5; 600])))
    }

    fn whole(disk: &SimDisk) -> Vec<u64> {
        let (snapshots, _) = read_snapshots(disk).expect("it reads");
        assert!(snapshots.iter().all(|snapshot| snapshot.state == [5; 600]));
        snapshots.iter().map(|snapshot| snapshot.of.next).collect()
    }

    #[test]
    fn the_newest_two_are_kept_and_a_flipped_bit_is_named() {
        let mut disk = SimDisk::new(1, Faults::default());
        for next in [10, 20, 30] {
            write(&mut disk, next).expect("it is written");
        }
        assert_eq!(whole(&disk), [30, 20]);
        let file = format!("{:020}{ENDING}", 30);
        for at in 0..disk.bytes(&file).len() {
            disk.rot(&file, at, 3);
            let (snapshots, damaged) = read_snapshots(&disk).expect("it reads");
            assert_eq!((snapshots.len(), damaged.len()), (1, 1), "byte {at}");
            assert_eq!((&damaged[0].file, snapshots[0].of), (&file, of(20)));
            disk.rot(&file, at, 3);
        }
        // The same place again, as after a change of rules.
        write(&mut disk, 30).expect("it is written");
        assert_eq!(whole(&disk), [30, 20]);
    }

    #[test]
    fn whatever_the_disk_does_what_was_made_durable_is_there() {
        for seed in 0..2_000 {
            let mut dice = Dice::new(seed);
            let faults = Faults { short_write: dice.below(3), full: 4, failed_sync: 4 };
            let mut disk = SimDisk::new(seed, faults);
            let (mut kept, mut torn) = (Vec::new(), 0);
            for next in 1..8 {
                match write(&mut disk, next) {
                    Ok(()) => kept.insert(0, next),
                    Err(_) => torn += 1,
                }
                if dice.once_in(3) {
                    disk.crash();
                }
                let there = whole(&disk);
                let newest: Vec<u64> = kept.iter().copied().take(KEPT).collect();
                assert!(newest.iter().all(|next| there.contains(next)), "seed {seed}: {torn}");
            }
        }
    }
}
