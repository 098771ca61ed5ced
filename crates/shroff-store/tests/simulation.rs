//! The log on a disk that breaks: whatever happens, what was acknowledged is there, once, in order.
//!
//! Every run is a seed. A failing one is run again alone with
//! `SHROFF_SEED=<seed> cargo test -p shroff-store --test simulation`.
#![expect(clippy::disallowed_methods, reason = "a test asks for its seed")]

use shroff_store::sim::{Dice, Faults, SimDisk};
use shroff_store::{Access, Cut, Frame, Log, Options, StoreError};
use shroff_types::Timestamp;

const RUNS: u64 = 3_000;

fn seeds() -> Vec<u64> {
    match std::env::var("SHROFF_SEED") {
        Ok(seed) => vec![seed.parse().expect("SHROFF_SEED is a number")],
        Err(_) => (0..RUNS).collect(),
    }
}

fn options(access: Access) -> Options {
    Options { access, segment_bytes: 3_000, salt: 7, from: 0 }
}

/// Opens a log, and all records that it holds.
fn open(disk: &SimDisk, access: Access) -> Result<(Log<SimDisk>, Vec<Vec<u8>>), StoreError> {
    let mut found = Vec::new();
    let log = Log::open(disk.clone(), options(access), &mut |frame: Frame<'_>| {
        found.extend(frame.records().map(<[u8]>::to_vec));
        Ok(())
    })?;
    Ok((log, found))
}

/// Opens a log from some record on; what was passed over is checked, and read record by record.
fn open_from(disk: &SimDisk, dice: &mut Dice) -> Result<(Log<SimDisk>, Vec<Vec<u8>>), StoreError> {
    let next = shroff_store::reach(disk)?.map_or(0, |log| log.next);
    let from = dice.roll() % (next + 1);
    let (mut found, mut begin) = (Vec::new(), None);
    let options = Options { from, ..options(Access::Owner) };
    let log = Log::open(disk.clone(), options, &mut |frame: Frame<'_>| {
        begin.get_or_insert(frame.first);
        found.extend(frame.records().map(<[u8]>::to_vec));
        Ok(())
    })?;
    let begin = begin.unwrap_or(log.next());
    assert!(begin <= from || begin == log.first(), "what is wanted is handed out");
    let unread = log.unread();
    assert!(unread.is_empty() || begin > log.first(), "{from}: {unread:?}");
    let is_checked_first = dice.once_in(2);
    let check = || {
        unread.iter().try_for_each(|unread| unread.check(disk, &mut Vec::new(), &mut |_| Ok(())))
    };
    if is_checked_first {
        check()?;
        assert!(log.unread().is_empty(), "all was read");
    }
    let before = (0..begin).map(|number| log.record(number, <[u8]>::to_vec));
    let before: Result<Vec<Option<Vec<u8>>>, StoreError> = before.collect();
    let all = before?.into_iter().map(|record| record.expect("it is there")).chain(found).collect();
    check()?;
    Ok((log, all))
}

fn batch(dice: &mut Dice, from: usize) -> Vec<Vec<u8>> {
    let count = 1 + dice.below(8);
    (0..count)
        .map(|n| format!("record {} {}", from + n, "x".repeat(dice.below(400))).into())
        .collect()
}

fn joined(records: &[Vec<u8>]) -> (Vec<u8>, u32) {
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend_from_slice(&u32::try_from(record.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(record);
    }
    (bytes, u32::try_from(records.len()).expect("few"))
}

/// What one life of the log did: `kept` is acknowledged, `maybe` was not, and may be there or not.
fn live(log: &mut Log<SimDisk>, dice: &mut Dice, kept: &mut Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for _ in 0..dice.below(30) {
        let records = batch(dice, kept.len());
        let (bytes, count) = joined(&records);
        match log.append(&bytes, count, Timestamp(5)) {
            Ok(first) => assert_eq!(first, kept.len() as u64, "numbers have no gap"),
            Err(error) if error.is_passing() && log.poisoned().is_none() => continue,
            // What a failed sync of a new segment leaves is a header at most.
            Err(_) => return Vec::new(),
        }
        // The power may go between the write and the sync.
        if dice.once_in(20) {
            return records;
        }
        if log.sync().is_err() {
            let refused = log.append(&bytes, count, Timestamp(5));
            assert!(matches!(refused, Err(StoreError::Poisoned(_))), "{refused:?}");
            return records;
        }
        kept.extend(records);
    }
    Vec::new()
}

fn run(seed: u64) {
    let mut dice = Dice::new(seed);
    let faults = Faults {
        short_write: dice.below(5),
        full: [0, 15][dice.below(2)],
        failed_sync: [0, 25][dice.below(2)],
    };
    let disk = SimDisk::new(seed ^ 0xD15C, faults);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut maybe: Vec<Vec<u8>> = Vec::new();
    for life in 0..6 {
        disk.set_faults(Faults::default());
        let (mut log, found) = open_from(&disk, &mut dice)
            .unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
        let whole = [kept.clone(), maybe.clone()].concat();
        assert!(found == kept || found == whole, "seed {seed}, life {life}: acknowledged is kept");
        kept = found;
        assert_eq!(log.next(), kept.len() as u64, "seed {seed}");
        disk.set_faults(faults);
        maybe = live(&mut log, &mut dice, &mut kept);
        drop(log);
        disk.crash();
    }
}

#[test]
fn what_was_acknowledged_survives_crashes_full_disks_and_failed_syncs() {
    seeds().into_iter().for_each(run);
}

/// A log of some frames, closed in order.
fn closed(seed: u64) -> (SimDisk, Vec<Vec<u8>>) {
    let mut dice = Dice::new(seed);
    let disk = SimDisk::new(seed, Faults::default());
    let (mut log, mut kept) = open(&disk, Access::Owner).expect("an empty disk");
    for _ in 0..12 {
        let records = batch(&mut dice, kept.len());
        let (bytes, count) = joined(&records);
        log.append(&bytes, count, Timestamp(1)).expect("no faults");
        log.sync().expect("no faults");
        kept.extend(records);
    }
    (disk, kept)
}

/// Where the last frame begins: file and offset.
fn last_frame(disk: &SimDisk) -> (String, usize) {
    use shroff_store::Disk as _;
    let name = disk.list().expect("it lists").pop().expect("a segment");
    let bytes = disk.bytes(&name);
    let mark = [0xF5, 0xFE, 0xC0, 0xFF];
    let at = bytes.windows(4).rposition(|window| window == mark).expect("a frame");
    (name, at)
}

#[test]
fn a_bit_that_rots_before_the_last_frame_is_named_and_nothing_is_changed() {
    use shroff_store::Disk as _;
    for seed in 0..400 {
        let (disk, _) = closed(seed);
        let mut dice = Dice::new(seed ^ 0xB17);
        let names = disk.list().expect("it lists");
        let name = &names[dice.below(names.len())];
        let (last, end) = last_frame(&disk);
        let end = if *name == last { end } else { disk.bytes(name).len() };
        let at = dice.below(end);
        disk.rot(name, at, u8::try_from(dice.below(8)).expect("a bit"));
        let before = disk.bytes(name);
        for access in [Access::Reader, Access::Owner] {
            match open(&disk, access) {
                Err(StoreError::Damaged { file, offset, .. }) => {
                    assert_eq!(&file, name, "seed {seed}");
                    assert!(offset <= at as u64, "seed {seed}: {offset} for {at}");
                }
                other => panic!("seed {seed}: byte {at} of {name} gave {other:?}"),
            }
        }
        assert_eq!(disk.bytes(name), before, "seed {seed}: nothing is changed");
    }
}

#[test]
fn what_rots_in_what_a_start_passed_over_is_found_behind_it_and_an_owner_takes_nothing_more() {
    use shroff_store::Disk as _;
    for seed in 0..400 {
        let (disk, kept) = closed(seed);
        let mut dice = Dice::new(seed ^ 0xB17);
        let names = disk.list().expect("it lists");
        let Some((_, full)) = names.split_last().filter(|(_, full)| !full.is_empty()) else {
            continue;
        };
        let name = &full[dice.below(full.len())];
        // The header is looked at by the start.
        let at = 40 + dice.below(disk.bytes(name).len() - 40);
        disk.rot(name, at, u8::try_from(dice.below(8)).expect("a bit"));
        for access in [Access::Reader, Access::Derived, Access::Owner] {
            let options = Options { from: u64::MAX, ..options(access) };
            let mut log = Log::open(disk.clone(), options, &mut |_| Ok(())).expect("passed over");
            assert_eq!(log.next(), kept.len() as u64);
            let unread = log.unread();
            let files: Vec<&str> = unread.iter().map(shroff_store::Unread::file).collect();
            assert_eq!(files, full.iter().map(String::as_str).collect::<Vec<_>>());
            let mut found = Vec::new();
            for unread in unread {
                match unread.check(&disk, &mut Vec::new(), &mut |_| Ok(())) {
                    Ok(()) => {}
                    Err(StoreError::Damaged { file, offset, .. }) => found.push((file, offset)),
                    Err(other) => panic!("seed {seed}: {other}"),
                }
            }
            let [(file, offset)] = found.as_slice() else { panic!("seed {seed}: {found:?}") };
            assert!(file == name && *offset <= at as u64, "seed {seed}: {offset} for {at}");
            let left: Vec<String> = log.unread().iter().map(|it| it.file().to_owned()).collect();
            assert_eq!(left, std::slice::from_ref(name), "the others are known now");
            if access == Access::Owner {
                let (bytes, count) = joined(&batch(&mut dice, kept.len()));
                let appended = log.append(&bytes, count, Timestamp(1));
                assert!(matches!(appended, Err(StoreError::Poisoned(_))), "{appended:?}");
                assert!(log.poisoned().is_some_and(|why| why.contains(name.as_str())));
            } else {
                assert_eq!(log.poisoned(), None);
            }
        }
    }
}

#[test]
fn a_full_segment_that_lost_its_last_frame_is_damaged_though_every_frame_of_it_is_whole() {
    use shroff_store::Disk as _;
    for seed in 0..50 {
        let (disk, _) = closed(seed);
        let names = disk.list().expect("it lists");
        let Some(name) = names.split_last().and_then(|(_, full)| full.first()) else { continue };
        let bytes = disk.bytes(name);
        let mark = [0xF5, 0xFE, 0xC0, 0xFF];
        let at = bytes.windows(4).rposition(|window| window == mark).expect("a frame");
        disk.clone().truncate(name, at as u64).expect("no faults");
        for access in [Access::Reader, Access::Owner] {
            assert!(open(&disk, access).is_err(), "seed {seed}: where all is read");
            let options = Options { from: u64::MAX, ..options(access) };
            let log = Log::open(disk.clone(), options, &mut |_| Ok(())).expect("passed over");
            let checked = log.unread()[0].check(&disk, &mut Vec::new(), &mut |_| Ok(()));
            assert!(matches!(checked, Err(StoreError::Damaged { .. })), "seed {seed}: {checked:?}");
        }
    }
}

#[test]
fn a_torn_tail_is_cut_and_told_and_the_rest_is_kept() {
    for seed in 0..200 {
        let (disk, kept) = closed(seed);
        let (name, at) = last_frame(&disk);
        let whole = disk.bytes(&name).len();
        let mut dice = Dice::new(seed);
        let torn = at + 1 + dice.below(whole - at - 1);
        shroff_store::Disk::truncate(&mut disk.clone(), &name, torn as u64).expect("no faults");
        let (log, read) = open(&disk, Access::Reader).expect("a torn tail is no damage");
        assert!(log.cut_off().is_some() && read.len() < kept.len() && kept.starts_with(&read));
        assert_eq!(disk.bytes(&name).len(), torn, "a reader changes nothing");
        let (log, found) = open(&disk, Access::Owner).expect("a torn tail is no damage");
        let cut = Cut { file: name.clone(), offset: at as u64, bytes: (torn - at) as u64 };
        assert_eq!((log.cut_off(), found), (Some(&cut), read), "seed {seed}");
        assert_eq!(disk.bytes(&name).len(), at, "it is cut");
        assert_eq!(open(&disk, Access::Owner).expect("whole").0.cut_off(), None);
    }
}

#[test]
fn what_can_be_computed_anew_is_cut_at_its_first_bad_frame() {
    for seed in 0..200 {
        use shroff_store::Disk as _;
        let (disk, kept) = closed(seed);
        let mut dice = Dice::new(seed ^ 1);
        let names = disk.list().expect("it lists");
        let name = &names[dice.below(names.len())];
        disk.rot(name, dice.below(disk.bytes(name).len()), 3);
        let (mut log, found) = open(&disk, Access::Derived).expect("it is cut");
        assert!(log.cut_off().is_some() && kept.starts_with(&found), "seed {seed}");
        let rest = &kept[found.len()..];
        let (bytes, count) = joined(rest);
        log.append(&bytes, count, Timestamp(1)).expect("no faults");
        log.sync().expect("no faults");
        assert_eq!(open(&disk, Access::Derived).expect("whole").1, kept, "seed {seed}");
    }
}

#[test]
fn a_record_is_found_by_its_number() {
    let (disk, kept) = closed(3);
    let (log, _) = open(&disk, Access::Reader).expect("whole");
    for (number, record) in kept.iter().enumerate() {
        let found = log.record(number as u64, <[u8]>::to_vec).expect("it reads");
        assert_eq!(found.as_ref(), Some(record));
    }
    assert_eq!(log.record(kept.len() as u64, <[u8]>::to_vec).expect("it reads"), None);
}
