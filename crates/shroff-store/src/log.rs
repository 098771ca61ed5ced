//! An append-only log: segments of frames, recovered after anything.

use std::sync::{Arc, OnceLock};

use shroff_types::Timestamp;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::frame::{
    Frame, HEADER, Head, MOST_FRAME_BYTES, SEGMENT_HEADER, read_segment_header, segment_header,
};
use crate::segment::{
    At, CHANGED, OTHER_HEADER, Places, Segment, Unread, Walked, frame_of, read_into, read_whole,
    walk, whole, whole_after,
};

/// What may be done to the files, and what a bad frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// What was acknowledged is kept: a torn tail is cut, and damage before it stops the log.
    Owner,
    /// It can be computed anew: whatever is behind the first bad frame is cut.
    Derived,
    /// Nothing is changed: a torn tail is left out, and damage before it stops the log.
    Reader,
}

/// How a log is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What may be done.
    pub access: Access,
    /// From how many bytes on a segment is full: below 2^31.
    pub segment_bytes: u32,
    /// What checksums of a new log are salted with: random, and nobody's to choose.
    pub salt: u64,
    /// The first record that is wanted: full segments that end before it are passed over, and are left
    /// to [`Log::unread`].
    pub from: u64,
}

/// What was cut off when a log was opened: it was never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub file: String,
    /// From where on.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Records in order, numbered from the first; see the crate's page.
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    options: Options,
    segments: Vec<Segment>,
    /// Where frames of the last segment are.
    places: Places,
    next: u64,
    /// Whether frames were written that no sync has made durable.
    unsynced: bool,
    poisoned: Option<String>,
    /// What was found to be damaged of what was passed over.
    found: Arc<OnceLock<String>>,
    cut: Option<Cut>,
    frame: Vec<u8>,
}

/// How reading a segment ended.
enum End {
    Whole,
    /// The first frame that is not whole.
    Torn(u64),
}

impl<D: Disk> Log<D> {
    /// Opens what is on the disk, or begins a log, and hands out every frame in order.
    ///
    /// # Errors
    /// Where the disk refuses, or what was durable is damaged: then nothing was changed. What
    /// `each` finds wrong in a frame is damage too.
    pub fn open(
        disk: D,
        options: Options,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
    ) -> Result<Log<D>, StoreError> {
        let mut names = disk.list().map_err(|error| failed("list", ".", error))?;
        names.retain(|name| name.ends_with(ENDING));
        names.sort();
        let mut log = Log {
            disk,
            options,
            segments: Vec::new(),
            places: Places::default(),
            next: 0,
            unsynced: false,
            poisoned: None,
            found: Arc::default(),
            cut: None,
            frame: Vec::new(),
        };
        let mut bytes = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let after = names.get(number + 1);
            let is_last = after.is_none();
            let end = after.and_then(|after| number_of(after, ENDING));
            let ended = match end.filter(|&end| end <= options.from) {
                Some(end) => log.pass_over(name, end)?,
                None => log.read_segment((name, is_last), &mut bytes, each)?,
            };
            if let End::Torn(offset) = ended {
                log.cut(&names[number..], offset)?;
                log.look_at_last(&mut bytes)?;
                break;
            }
        }
        Ok(log)
    }

    /// The segments that were passed over when it was opened. Whoever has the time checks them.
    pub fn unread(&self) -> Vec<Unread> {
        let ends = self.segments.iter().skip(1).map(|segment| segment.first);
        let is_owner = self.options.access == Access::Owner;
        let all = self.segments.iter().zip(ends);
        let unread = all.filter(|(segment, _)| segment.places.get().is_none());
        unread.map(|(segment, next)| self.unread_of(segment, next, is_owner)).collect()
    }

    fn unread_of(&self, segment: &Segment, next: u64, is_owner: bool) -> Unread {
        Unread {
            name: segment.name.clone(),
            header: (self.options.salt, segment.first),
            next,
            length: segment.length,
            places: Arc::clone(&segment.places),
            found: is_owner.then(|| Arc::clone(&self.found)),
        }
    }

    /// The number that the next record will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number of the first record that is kept.
    pub fn first(&self) -> u64 {
        self.segments.first().map_or(self.next, |segment| segment.first)
    }

    /// What its checksums are salted with: it tells the log from any other.
    pub fn salt(&self) -> u64 {
        self.options.salt
    }

    /// What was cut off when it was opened.
    pub fn cut_off(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Why it takes nothing more.
    pub fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref().or_else(|| self.found.get().map(String::as_str))
    }

    /// How many bytes it has on the disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Writes records as one frame, each with its length in front (4 bytes, little-endian), and
    /// returns the number of the first. They are durable after the next [`Log::sync`].
    ///
    /// # Errors
    /// Where the disk refuses; see [`StoreError::is_passing`].
    ///
    /// # Panics
    /// Where an owner's frame before was not synced: two torn frames could not be told from damage.
    pub fn append(
        &mut self,
        records: &[u8],
        count: u32,
        received: Timestamp,
    ) -> Result<u64, StoreError> {
        self.refuse_if_poisoned()?;
        let is_derived = self.options.access == Access::Derived;
        assert!(!self.unsynced || is_derived, "a frame is synced before the next is written");
        if records.len() > MOST_FRAME_BYTES {
            return Err(StoreError::TooLarge { bytes: records.len() });
        }
        let full = u64::from(self.options.segment_bytes);
        if self.segments.last().is_none_or(|segment| segment.length >= full) {
            self.begin_segment()?;
        }
        let first = self.next;
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.resize(HEADER, 0);
        frame.extend_from_slice(records);
        Head::seal(self.options.salt, first, count, received, &mut frame);
        let written = self.write(&frame);
        self.frame = frame;
        let offset = written?;
        let offset = u32::try_from(offset).expect("segments are below 2^31 bytes and a frame");
        self.places.note(At { first, offset });
        self.next += u64::from(count);
        self.unsynced = true;
        Ok(first)
    }

    /// Makes everything durable that was appended.
    ///
    /// # Errors
    /// Where the disk refuses. Then nobody knows what it holds, and the log takes nothing more.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        let Some(segment) = self.segments.last().filter(|_| self.unsynced) else { return Ok(()) };
        if let Err(error) = self.disk.sync(&segment.name) {
            let error = failed("sync", &segment.name, error);
            self.poisoned = Some(error.to_string());
            return Err(error);
        }
        self.unsynced = false;
        Ok(())
    }

    /// Reads the frame that holds a record.
    ///
    /// # Errors
    /// Where the disk refuses, or the frame is not what was written.
    pub fn frame<'b>(
        &self,
        number: u64,
        bytes: &'b mut Vec<u8>,
    ) -> Result<Option<Frame<'b>>, StoreError> {
        if number >= self.next {
            return Ok(None);
        }
        let after = self.segments.partition_point(|segment| segment.first <= number);
        let Some(segment) = after.checked_sub(1).map(|at| &self.segments[at]) else {
            return Ok(None);
        };
        let next = self.segments.get(after).map(|next| next.first);
        let places = self.places_of(segment, next, bytes)?;
        let Some((at, end)) = places.before(number) else { return Ok(None) };
        let Segment { name, length, .. } = segment;
        let begin = u64::from(at.offset);
        let end = end.map_or(*length, u64::from);
        bytes.resize(usize::try_from(end - begin).expect("a segment fits memory"), 0);
        read_into(&self.disk, (name, begin), bytes)?;
        let (mut from, mut first) = (0, at.first);
        loop {
            let wrong = |what| damaged(name, begin + from as u64, what);
            let frame = bytes.get(from..).unwrap_or_default();
            let head = Head::read(frame).filter(|head| head.first == first);
            let head = head.ok_or_else(|| wrong("this is no frame"))?;
            let behind = from + HEADER + head.length;
            first += u64::from(head.count);
            if number < first {
                let frame = bytes.get(from..behind).filter(|it| head.holds(self.options.salt, it));
                let frame = frame.ok_or_else(|| wrong(CHANGED))?;
                return Ok(Some(frame_of(&head, frame)));
            }
            from = behind;
        }
    }

    /// One record by its number, handed to a closure.
    ///
    /// # Errors
    /// As [`Log::frame`].
    pub fn record<T>(
        &self,
        number: u64,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        let mut bytes = Vec::new();
        let Some(frame) = self.frame(number, &mut bytes)? else { return Ok(None) };
        let within = usize::try_from(number - frame.first).expect("a frame fits memory");
        Ok(frame.records().nth(within).map(read))
    }

    /// Where the frames of a segment are: one that was passed over is read first, once.
    fn places_of<'s>(
        &'s self,
        segment: &'s Segment,
        next: Option<u64>,
        bytes: &mut Vec<u8>,
    ) -> Result<&'s Places, StoreError> {
        let Some(next) = next else { return Ok(&self.places) };
        if segment.places.get().is_none() {
            let is_owner = self.options.access == Access::Owner;
            self.unread_of(segment, next, is_owner).check(&self.disk, bytes, &mut |_| Ok(()))?;
        }
        Ok(segment.places.get().expect("it was read just now"))
    }

    fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        match self.poisoned() {
            Some(why) => Err(StoreError::Poisoned(why.to_owned())),
            None => Ok(()),
        }
    }

    /// Takes a segment as it is, by its header alone; the one after it begins with `end`.
    fn pass_over(&mut self, name: &str, end: u64) -> Result<End, StoreError> {
        let length = self.disk.length(name).map_err(|error| failed("read", name, error))?;
        let mut header = [0; SEGMENT_HEADER];
        let read = self.disk.read_at(name, 0, &mut header);
        let read = read.map_err(|error| failed("read", name, error))?;
        let begun = self.begin_reading((name, length), &header[..read], false)?;
        if begun.is_some() {
            self.next = end;
        }
        Ok(if begun.is_some() { End::Whole } else { End::Torn(0) })
    }

    /// Reads a segment and hands out its frames.
    fn read_segment(
        &mut self,
        (name, is_last): (&str, bool),
        bytes: &mut Vec<u8>,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
    ) -> Result<End, StoreError> {
        let length = self.disk.length(name).map_err(|error| failed("read", name, error))?;
        read_whole(&self.disk, name, length, bytes)?;
        let Some(header) = self.begin_reading((name, length), bytes, is_last)? else {
            return Ok(End::Torn(0));
        };
        let Walked { places, next, torn } = walk(name, bytes, header, each)?;
        (self.places, self.next) = (places, next);
        let Some(at) = torn else { return Ok(End::Whole) };
        let is_derived = self.options.access == Access::Derived;
        if is_derived || (is_last && !whole_after(&bytes[at..], header.0)) {
            Ok(End::Torn(at as u64))
        } else {
            Err(damaged(name, at as u64, CHANGED))
        }
    }

    /// Behind what was cut, the last segment may be one that was passed over: it is read after all.
    fn look_at_last(&mut self, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        let is_passed = |last: &mut Segment| last.length > SEGMENT_HEADER as u64;
        let last = if self.places.is_empty() { self.segments.pop_if(is_passed) } else { None };
        let Some(Segment { name, first, .. }) = last else { return Ok(()) };
        self.next = first;
        match self.read_segment((&name, false), bytes, &mut |_| Ok(()))? {
            End::Whole => Ok(()),
            End::Torn(offset) => self.cut(&[name], offset),
        }
    }

    /// Reads the header of a segment, which is the last one from then on; none where it may be cut.
    fn begin_reading(
        &mut self,
        (name, length): (&str, u64),
        bytes: &[u8],
        is_last: bool,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let is_derived = self.options.access == Access::Derived;
        let (salt, first) = match read_segment_header(bytes) {
            Ok(header) => header,
            // Its header is synced before its first frame is written.
            Err(_) if is_derived || (is_last && length <= SEGMENT_HEADER as u64) => {
                return Ok(None);
            }
            Err(what) => return Err(damaged(name, 0, what)),
        };
        if self.segments.is_empty() {
            (self.options.salt, self.next) = (salt, first);
        } else if (salt, first) != (self.options.salt, self.next) {
            return Err(damaged(name, 0, OTHER_HEADER));
        }
        self.segments.push(Segment::new(name.to_owned(), first, length));
        self.end_of_before();
        Ok(Some((salt, first)))
    }

    /// The segment before the last is full: what is known of its frames stays with it. Nothing is where
    /// it was passed over.
    fn end_of_before(&mut self) {
        let places = std::mem::take(&mut self.places);
        let before = self.segments.iter().rev().nth(1);
        if let Some(before) = before.filter(|_| !places.is_empty()) {
            before.places.get_or_init(|| places);
        }
    }

    /// Cuts the first of some files at an offset, and removes those behind it.
    fn cut(&mut self, names: &[String], offset: u64) -> Result<(), StoreError> {
        let mut bytes = 0;
        for (number, name) in names.iter().enumerate().rev() {
            let keep = if number == 0 { offset } else { 0 };
            let length = self.disk.length(name).map_err(|error| failed("read", name, error))?;
            bytes += length - keep;
            if self.options.access != Access::Reader {
                self.shorten(name, keep)?;
            }
        }
        if let Some(segment) = self.segments.last_mut().filter(|segment| segment.name == names[0]) {
            segment.length = offset;
        }
        self.cut = Some(Cut { file: names[0].clone(), offset, bytes });
        Ok(())
    }

    fn shorten(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        if length == 0 {
            return self.disk.remove(name).map_err(|error| failed("remove", name, error));
        }
        self.disk.truncate(name, length).map_err(|error| failed("cut", name, error))?;
        self.disk.sync(name).map_err(|error| failed("sync", name, error))
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            self.sync()?;
        }
        let name = format!("{:020}{ENDING}", self.next);
        let header = segment_header(self.options.salt, self.next);
        self.segments.push(Segment::new(name.clone(), self.next, 0));
        let begun = self.write(&header).and_then(|_| {
            self.disk.sync(&name).map_err(|error| {
                let error = failed("sync", &name, error);
                self.poisoned = Some(error.to_string());
                error
            })
        });
        if begun.is_ok() {
            self.end_of_before();
            return begun;
        }
        self.segments.pop();
        if self.poisoned.is_none()
            && let Err(error) = self.disk.remove(&name)
        {
            self.poisoned = Some(failed("remove", &name, error).to_string());
        }
        begun
    }

    /// Writes at the end of the last segment; what was written of a frame that does not fit is
    /// taken back.
    fn write(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        let segment = self.segments.last_mut().expect("a segment was begun");
        let (name, length) = (&segment.name, segment.length);
        let mut done = 0;
        while done < bytes.len() {
            let taken = self.disk.append(name, &bytes[done..]);
            let error = match taken {
                Ok(0) => std::io::ErrorKind::WriteZero.into(),
                Ok(taken) => {
                    done += taken;
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            // A segment that is being begun may not be there at all; it is removed then.
            if length > 0
                && let Err(cut) = self.disk.truncate(name, length)
            {
                self.poisoned = Some(failed("cut", name, cut).to_string());
            }
            return Err(failed("write", name, error));
        }
        segment.length += bytes.len() as u64;
        Ok(length)
    }
}

/// Which log it is, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// See [`Log::salt`].
    pub salt: u64,
    /// The number that the next record will have.
    pub next: u64,
}

/// How far a log goes, from its last segment alone: so that its reader knows beforehand where to
/// begin. None where there is no log, or [`Log::open`] has more to say of it.
///
/// # Errors
/// Where the disk refuses.
pub fn reach(disk: &dyn Disk) -> Result<Option<Reach>, StoreError> {
    let mut names = disk.list().map_err(|error| failed("list", ".", error))?;
    names.retain(|name| number_of(name, ENDING).is_some());
    names.sort();
    for name in names.iter().rev() {
        let length = disk.length(name).map_err(|error| failed("read", name, error))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a segment fits memory")];
        let read = disk.read_at(name, 0, &mut bytes);
        bytes.truncate(read.map_err(|error| failed("read", name, error))?);
        // One that was only begun may not have its header.
        let Ok((salt, mut next)) = read_segment_header(&bytes) else { continue };
        let mut at = SEGMENT_HEADER;
        while let Some((head, frame)) = whole(&bytes[at..], salt) {
            next = head.first + u64::from(head.count);
            at += frame.len();
        }
        return Ok(Some(Reach { salt, next }));
    }
    Ok(None)
}

/// What of a segment is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// See [`Log::salt`].
    pub salt: u64,
    /// The number of its first record.
    pub first: u64,
    /// The number of the record after its last.
    pub next: u64,
    /// How many of its bytes are whole frames behind a header.
    pub bytes: usize,
}

/// Looks at the bytes of a segment: of the last one of a log what is not whole at its end is left
/// out, as [`Log::open`] cuts it. None where it was only begun.
///
/// # Errors
/// Where it is damaged.
pub fn extent(name: &str, bytes: &[u8], is_last: bool) -> Result<Option<Extent>, StoreError> {
    let (salt, first) = match read_segment_header(bytes) {
        Ok(header) => header,
        Err(_) if is_last && bytes.len() <= SEGMENT_HEADER => return Ok(None),
        Err(what) => return Err(damaged(name, 0, what)),
    };
    let Walked { next, torn, .. } = walk(name, bytes, (salt, first), &mut |_| Ok(()))?;
    if let Some(at) = torn.filter(|&at| !is_last || whole_after(&bytes[at..], salt)) {
        return Err(damaged(name, at as u64, CHANGED));
    }
    let whole = torn.unwrap_or(bytes.len());
    Ok(Some(Extent { salt, first, next, bytes: whole }))
}

/// Makes what was appended to a log durable from outside of it: through another hand on its disk.
///
/// # Errors
/// Where the disk refuses.
pub fn sync_all(disk: &mut dyn Disk) -> Result<(), StoreError> {
    let mut names = disk.list().map_err(|error| failed("list", ".", error))?;
    names.retain(|name| number_of(name, ENDING).is_some());
    names.sort();
    // A segment is synced before the next is begun.
    let Some(last) = names.last() else { return Ok(()) };
    disk.sync(last).map_err(|error| failed("sync", last, error))
}

/// The number that the name of a file is.
pub(crate) fn number_of(name: &str, ending: &str) -> Option<u64> {
    name.strip_suffix(ending)?.parse().ok()
}

const ENDING: &str = ".log";
pub(crate) fn damaged(file: &str, offset: u64, what: &'static str) -> StoreError {
    StoreError::Damaged { file: file.to_owned(), offset, what }
}

pub(crate) fn failed(what: &'static str, file: &str, source: std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    let is = |kinds: [ErrorKind; 2]| kinds.contains(&source.kind());
    let hint = if is([ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) {
        "the disk is full: make room, and it goes on"
    } else if is([ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied]) {
        "the folder cannot be written: see to its owner and its mount"
    } else {
        "see to the disk"
    };
    StoreError::Disk { what, file: file.to_owned(), hint, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::APART;
    use crate::sim::{Faults, SimDisk};

    const LONE: u64 = 600;

    fn options(access: Access) -> Options {
        Options { access, segment_bytes: 9_000, salt: 7, from: 0 }
    }

    fn record(number: u64) -> Vec<u8> {
        "x".repeat(1 + usize::try_from(number % 7).expect("a few")).into_bytes()
    }

    fn opened(disk: &SimDisk, access: Access) -> Log<SimDisk> {
        Log::open(disk.clone(), options(access), &mut |_| Ok(())).expect("it is whole")
    }

    fn read(log: &Log<SimDisk>, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        log.record(number, <[u8]>::to_vec)
    }

    /// How many places of frames are in memory.
    fn kept(log: &Log<SimDisk>) -> u64 {
        let full = log.segments.iter().filter_map(|segment| segment.places.get());
        full.map(Places::len).sum::<usize>() as u64 + log.places.len() as u64
    }

    /// A log of records that were each written alone.
    fn lone() -> (SimDisk, Log<SimDisk>) {
        let disk = SimDisk::new(1, Faults::default());
        let mut log = opened(&disk, Access::Owner);
        for number in 0..LONE {
            let record = record(number);
            let length = u32::try_from(record.len()).expect("short").to_le_bytes();
            let bytes = [length.as_slice(), record.as_slice()].concat();
            log.append(&bytes, 1, Timestamp(1)).expect("no faults");
            log.sync().expect("no faults");
        }
        (disk, log)
    }

    #[test]
    fn lone_records_are_found_though_few_places_are_kept() {
        let (disk, written) = lone();
        let reader = opened(&disk, Access::Reader);
        for log in [&written, &reader] {
            for number in 0..LONE {
                assert_eq!(read(log, number).expect("it reads"), Some(record(number)));
            }
            assert_eq!(read(log, LONE).expect("it reads"), None);
            let most = log.bytes() / u64::from(APART) + log.segments.len() as u64;
            assert!(log.segments.len() > 2 && kept(log) <= most, "{log:?}");
            assert!(kept(log) < LONE / 4, "{log:?}");
        }
        assert_eq!(kept(&reader), kept(&written), "a start keeps the same ones");
    }

    #[test]
    fn what_rots_under_a_log_is_named_when_it_is_read() {
        let (disk, log) = lone();
        let name = log.segments[1].name.clone();
        let first = log.segments[1].first;
        let begins = |number: u64| -> usize {
            let frames = (first..number).map(|n| HEADER + 4 + record(n).len());
            SEGMENT_HEADER + frames.sum::<usize>()
        };
        for number in first..first + 12 {
            for (byte, bit) in [(0, 1), (4, 2), (9, 0), (24, 3), (HEADER + 4, 5)] {
                let at = begins(number) + byte;
                disk.rot(&name, at, bit);
                match read(&log, number) {
                    Err(StoreError::Damaged { file, offset, .. }) => {
                        assert_eq!((file, offset), (name.clone(), begins(number) as u64));
                    }
                    other => panic!("byte {byte} of record {number} gave {other:?}"),
                }
                disk.rot(&name, at, bit);
            }
        }
    }
}
