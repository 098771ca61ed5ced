//! A disk in memory that breaks on demand: from a seed, the same each time.
//!
//! What was synced survives a crash; of what was not, each sector of 512 bytes may or may not have
//! reached the platter, and a new name may be gone. It stands in for the machine in tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::Disk;

/// A small generator of pseudo-random numbers (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).expect("below a usize")
    }

    /// True once in `times`; never for 0.
    pub fn once_in(&mut self, times: usize) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// How often each fault strikes: once in so many calls; never for 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// A write takes a part of what it is given.
    pub short_write: usize,
    /// A write takes a part, and the next says that the disk is full.
    pub full: usize,
    /// A sync fails, and what it should have made durable may or may not be.
    pub failed_sync: usize,
}

#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    /// What a crash cannot take; none where the name itself is not durable.
    synced: Option<Vec<u8>>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    dice: Dice,
    faults: Faults,
}

/// The disk. Clones are the same disk, so that a test keeps one while a log has another.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

const SECTOR: usize = 512;

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64, faults: Faults) -> SimDisk {
        let files = BTreeMap::new();
        SimDisk(Arc::new(Mutex::new(State { files, dice: Dice::new(seed), faults })))
    }

    /// Other faults from here on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The power goes: what was not synced is there in part, torn, or not at all.
    pub fn crash(&self) {
        let mut state = self.state();
        let State { files, dice, .. } = &mut *state;
        files.retain(|_, file| file.synced.is_some() || dice.once_in(2));
        for file in files.values_mut() {
            let synced = file.synced.take().unwrap_or_default();
            let longest = file.bytes.len();
            // The length is a change of its own: before, after, or between.
            let length = match dice.below(3) {
                0 => synced.len(),
                1 => longest,
                _ => synced.len().min(longest) + dice.below(longest.abs_diff(synced.len()) + 1),
            };
            let mut bytes = synced.clone();
            bytes.resize(length, 0);
            for start in (0..length).step_by(SECTOR) {
                let end = (start + SECTOR).min(length).min(longest);
                if start < end && dice.once_in(2) {
                    bytes[start..end].copy_from_slice(&file.bytes[start..end]);
                }
            }
            file.bytes.clone_from(&bytes);
            file.synced = Some(bytes);
        }
    }

    /// Turns one bit of what a file durably holds.
    ///
    /// # Panics
    /// Where there is no such byte.
    pub fn rot(&self, name: &str, offset: usize, bit: u8) {
        let mut state = self.state();
        let file = state.files.get_mut(name).expect("the file is there");
        file.bytes[offset] ^= 1 << (bit & 7);
        if let Some(synced) = &mut file.synced
            && let Some(byte) = synced.get_mut(offset)
        {
            *byte ^= 1 << (bit & 7);
        }
    }

    /// What a file holds now.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.state().files.get(name).map(|file| file.bytes.clone()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        let state = self.state();
        state.files.get(name).map(|file| file.bytes.len() as u64).ok_or_else(not_found)
    }

    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let state = self.state();
        let file = state.files.get(name).ok_or_else(not_found)?;
        let from = usize::try_from(offset).map_or(file.bytes.len(), |at| at.min(file.bytes.len()));
        let length = bytes.len().min(file.bytes.len() - from);
        bytes[..length].copy_from_slice(&file.bytes[from..from + length]);
        Ok(length)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        let State { files, dice, faults } = &mut *state;
        let full = dice.once_in(faults.full);
        let short = full || dice.once_in(faults.short_write);
        let length = if short { dice.below(bytes.len() + 1) } else { bytes.len() };
        files.entry(name.to_owned()).or_default().bytes.extend_from_slice(&bytes[..length]);
        if full || length == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(length) }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let State { files, dice, faults } = &mut *state;
        let file = files.get_mut(name).ok_or_else(not_found)?;
        let fails = dice.once_in(faults.failed_sync);
        if !fails || dice.once_in(2) {
            file.synced = Some(file.bytes.clone());
        }
        if fails { Err(io::Error::other("the device said EIO")) } else { Ok(()) }
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let file = state.files.get_mut(name).ok_or_else(not_found)?;
        file.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.state().files.remove(name).map(|_| ()).ok_or_else(not_found)
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}
