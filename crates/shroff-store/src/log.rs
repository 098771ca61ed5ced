//! An append-only log: segments of frames, recovered after anything.

use shroff_types::Timestamp;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::frame::{
    Frame, HEADER, Head, MARK, MOST_FRAME_BYTES, SEGMENT_HEADER, read_segment_header,
    segment_header,
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

/// Where some frame is: of those in a row that take little room, the first. So a log of lone payments needs
/// a thousandth of its size in memory, and a record is found by one read.
#[derive(Debug, Clone, Copy)]
struct At {
    first: u64,
    segment: u32,
    offset: u32,
}

const _: () = assert!(size_of::<At>() == 16);

/// Bytes from one frame whose place is kept to the next, at least.
const APART: u32 = if cfg!(debug_assertions) { 256 } else { 16_384 };

#[derive(Debug)]
struct Segment {
    name: String,
    length: u64,
}

/// Records in order, numbered from the first; see the crate's page.
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    options: Options,
    segments: Vec<Segment>,
    frames: Vec<At>,
    next: u64,
    /// Whether frames were written that no sync has made durable.
    unsynced: bool,
    poisoned: Option<String>,
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
            frames: Vec::new(),
            next: 0,
            unsynced: false,
            poisoned: None,
            cut: None,
            frame: Vec::new(),
        };
        let count = names.len();
        for (number, name) in names.iter().enumerate() {
            let is_last = number + 1 == count;
            match log.read_segment(name, is_last, each)? {
                End::Whole => {}
                End::Torn(offset) => {
                    log.cut(&names[number..], offset)?;
                    break;
                }
            }
        }
        Ok(log)
    }

    /// The number that the next record will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number of the first record that is kept.
    pub fn first(&self) -> u64 {
        self.frames.first().map_or(self.next, |at| at.first)
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
        self.poisoned.as_deref()
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
        let segment = u32::try_from(self.segments.len() - 1).expect("fewer than 2^32 segments");
        let offset = u32::try_from(offset).expect("segments are below 2^31 bytes and a frame");
        self.note(At { first, segment, offset });
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
        let after = self.frames.partition_point(|at| at.first <= number);
        let Some(at) = after.checked_sub(1).map(|at| self.frames[at]) else { return Ok(None) };
        if number >= self.next {
            return Ok(None);
        }
        let Segment { name, length } = &self.segments[at.segment as usize];
        let next = self.frames.get(after).filter(|next| next.segment == at.segment);
        let begin = u64::from(at.offset);
        let end = next.map_or(*length, |next| u64::from(next.offset));
        bytes.resize(usize::try_from(end - begin).expect("a segment fits memory"), 0);
        self.read_into(name, begin, bytes)?;
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

    /// Keeps the place of a frame, unless one not far before it is known.
    fn note(&mut self, at: At) {
        let near = |last: &At| last.segment == at.segment && at.offset - last.offset < APART;
        if !self.frames.last().is_some_and(near) {
            self.frames.push(at);
        }
    }

    fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            Some(why) => Err(StoreError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    fn read_into(&self, name: &str, offset: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = self.disk.read_at(name, offset, bytes);
        if read.map_err(|error| failed("read", name, error))? < bytes.len() {
            return Err(damaged(name, offset, "the file ends before the frame does"));
        }
        Ok(())
    }

    /// Reads a segment and hands out its frames.
    fn read_segment(
        &mut self,
        name: &str,
        is_last: bool,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
    ) -> Result<End, StoreError> {
        let length = self.disk.length(name).map_err(|error| failed("read", name, error))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a segment fits memory")];
        self.read_into(name, 0, &mut bytes)?;
        let may_cut = is_last || self.options.access == Access::Derived;
        let (salt, first) = match read_segment_header(&bytes) {
            Ok(header) => header,
            // Its header is synced before its first frame is written.
            Err(_) if may_cut && bytes.len() <= SEGMENT_HEADER => return Ok(End::Torn(0)),
            Err(_) if self.options.access == Access::Derived => return Ok(End::Torn(0)),
            Err(what) => return Err(damaged(name, 0, what)),
        };
        if self.segments.is_empty() {
            (self.options.salt, self.next) = (salt, first);
        } else if (salt, first) != (self.options.salt, self.next) {
            return Err(damaged(name, 0, "it does not go on where the segment before it ends"));
        }
        let segment = u32::try_from(self.segments.len()).expect("fewer than 2^32 segments");
        self.segments.push(Segment { name: name.to_owned(), length });
        let mut at = SEGMENT_HEADER;
        while at < bytes.len() {
            let Some((head, frame)) = whole(&bytes[at..], salt) else {
                let is_torn = may_cut
                    && (self.options.access == Access::Derived || !whole_after(&bytes[at..], salt));
                let offset = at as u64;
                return if is_torn {
                    Ok(End::Torn(offset))
                } else {
                    Err(damaged(name, offset, CHANGED))
                };
            };
            let offset = u32::try_from(at).expect("segments are below 2^31 bytes and a frame");
            let told = frame_of(&head, frame);
            if head.first != self.next || !told.is_sound() {
                return Err(damaged(name, at as u64, "its records are not those that come next"));
            }
            each(told).map_err(|what| damaged(name, at as u64, what))?;
            self.note(At { first: head.first, segment, offset });
            self.next += u64::from(head.count);
            at += frame.len();
        }
        Ok(End::Whole)
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
        self.segments.push(Segment { name: name.clone(), length: 0 });
        let begun = self.write(&header).and_then(|_| {
            self.disk.sync(&name).map_err(|error| {
                let error = failed("sync", &name, error);
                self.poisoned = Some(error.to_string());
                error
            })
        });
        if begun.is_err() {
            self.segments.pop();
            if self.poisoned.is_none()
                && let Err(error) = self.disk.remove(&name)
            {
                self.poisoned = Some(failed("remove", &name, error).to_string());
            }
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
    let (mut at, mut next) = (SEGMENT_HEADER, first);
    while at < bytes.len() {
        let Some((head, frame)) = whole(&bytes[at..], salt) else {
            if is_last && !whole_after(&bytes[at..], salt) {
                break;
            }
            return Err(damaged(name, at as u64, CHANGED));
        };
        if head.first != next {
            return Err(damaged(name, at as u64, "its records are not those that come next"));
        }
        next += u64::from(head.count);
        at += frame.len();
    }
    Ok(Some(Extent { salt, first, next, bytes: at }))
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
const CHANGED: &str = "its bytes are not what was written";

/// The frame that some bytes begin with, if it is what was written.
fn whole(bytes: &[u8], salt: u64) -> Option<(Head, &[u8])> {
    let head = Head::read(bytes)?;
    let frame = bytes.get(..HEADER + head.length)?;
    head.holds(salt, frame).then_some((head, frame))
}

/// Whether a whole frame is anywhere behind the first byte.
fn whole_after(bytes: &[u8], salt: u64) -> bool {
    let marks = bytes.windows(MARK.len()).enumerate().skip(1);
    marks.filter(|(_, window)| **window == MARK).any(|(at, _)| whole(&bytes[at..], salt).is_some())
}

fn frame_of<'a>(head: &Head, frame: &'a [u8]) -> Frame<'a> {
    let Head { first, count, received, .. } = *head;
    Frame { first, count, received, bytes: &frame[HEADER..] }
}

fn damaged(file: &str, offset: u64, what: &'static str) -> StoreError {
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
    use crate::sim::{Faults, SimDisk};

    const LONE: u64 = 600;

    fn options(access: Access) -> Options {
        Options { access, segment_bytes: 9_000, salt: 7 }
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
            assert!(log.segments.len() > 2 && log.frames.len() as u64 <= most, "{log:?}");
            assert!((log.frames.len() as u64) < LONE / 4, "{log:?}");
        }
        assert_eq!(reader.frames.len(), written.frames.len(), "a start keeps the same ones");
    }

    #[test]
    fn what_rots_under_a_log_is_named_when_it_is_read() {
        let (disk, log) = lone();
        let name = log.segments[1].name.clone();
        let first = log.frames.iter().find(|at| at.segment == 1).expect("it has frames").first;
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
