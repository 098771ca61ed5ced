//! A segment of a log: its frames, and where some of them are.

use std::sync::{Arc, OnceLock};

use crate::disk::Disk;
use crate::error::StoreError;
use crate::frame::{Frame, HEADER, Head, MARK, SEGMENT_HEADER, read_segment_header};
use crate::log::{damaged, failed};

/// Where some frame is: of those in a row that take little room, the first. So a log of lone payments needs
/// a thousandth of its size in memory, and a record is found by one read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) first: u64,
    pub(crate) offset: u32,
}

const _: () = assert!(size_of::<At>() == 16);

/// Bytes from one frame whose place is kept to the next, at least.
pub(crate) const APART: u32 = if cfg!(debug_assertions) { 256 } else { 16_384 };

/// Where some frames of a segment are, in order.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<At>);

impl Places {
    /// Keeps the place of a frame, unless one not far before it is known.
    pub(crate) fn note(&mut self, at: At) {
        if self.0.last().is_none_or(|last| at.offset - last.offset >= APART) {
            self.0.push(at);
        }
    }

    /// The last known frame that does not begin behind a record, and where the next known one is.
    pub(crate) fn before(&self, number: u64) -> Option<(At, Option<u32>)> {
        let after = self.0.partition_point(|at| at.first <= number);
        let at = self.0.get(after.checked_sub(1)?)?;
        Some((*at, self.0.get(after).map(|next| next.offset)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A segment as a log knows it.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) first: u64,
    pub(crate) length: u64,
    /// Where its frames are, once it is full and was read.
    pub(crate) places: Arc<OnceLock<Places>>,
}

impl Segment {
    pub(crate) fn new(name: String, first: u64, length: u64) -> Segment {
        Segment { name, first, length, places: Arc::default() }
    }
}

/// What was found when the frames of a segment were read.
pub(crate) struct Walked {
    pub(crate) places: Places,
    /// The number of the record after its last.
    pub(crate) next: u64,
    /// The offset of the first frame that is not whole.
    pub(crate) torn: Option<usize>,
}

/// Hands out the frames of a segment, of which the header was read: its salt, and its first number.
///
/// # Errors
/// Where a frame is whole and does not go on where the one before it ends.
pub(crate) fn walk(
    name: &str,
    bytes: &[u8],
    (salt, first): (u64, u64),
    each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
) -> Result<Walked, StoreError> {
    let (mut places, mut next, mut at) = (Places::default(), first, SEGMENT_HEADER);
    while at < bytes.len() {
        let Some((head, frame)) = whole(&bytes[at..], salt) else {
            return Ok(Walked { places, next, torn: Some(at) });
        };
        let told = frame_of(&head, frame);
        if head.first != next || !told.is_sound() {
            return Err(damaged(name, at as u64, "its records are not those that come next"));
        }
        each(told).map_err(|what| damaged(name, at as u64, what))?;
        let offset = u32::try_from(at).expect("segments are below 2^31 bytes and a frame");
        places.note(At { first: next, offset });
        next += u64::from(head.count);
        at += frame.len();
    }
    Ok(Walked { places, next, torn: None })
}

/// A full segment that was passed over when its log was opened: nobody has looked at its frames.
#[derive(Debug)]
pub struct Unread {
    pub(crate) name: String,
    pub(crate) header: (u64, u64),
    /// The number of the record after its last.
    pub(crate) next: u64,
    pub(crate) length: u64,
    pub(crate) places: Arc<OnceLock<Places>>,
    /// Told where it is damaged, so that its log takes nothing more.
    pub(crate) found: Option<Arc<OnceLock<String>>>,
}

impl Unread {
    /// Its file.
    pub fn file(&self) -> &str {
        &self.name
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads it whole, from any thread and by any hand on its disk, and hands out every frame in order. Where
    /// it is damaged, an owner's log takes nothing more from then on.
    ///
    /// # Errors
    /// Where the disk refuses, or it is damaged. What `each` finds wrong in a frame is damage too.
    pub fn check(
        &self,
        disk: &dyn Disk,
        bytes: &mut Vec<u8>,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
    ) -> Result<(), StoreError> {
        let read = self.read(disk, bytes, each);
        if let (Err(error @ StoreError::Damaged { .. }), Some(found)) = (&read, &self.found) {
            found.get_or_init(|| error.to_string());
        }
        let places = read?;
        self.places.get_or_init(|| places);
        Ok(())
    }

    fn read(
        &self,
        disk: &dyn Disk,
        bytes: &mut Vec<u8>,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
    ) -> Result<Places, StoreError> {
        read_whole(disk, &self.name, self.length, bytes)?;
        let header = read_segment_header(bytes).map_err(|what| damaged(&self.name, 0, what))?;
        if header != self.header {
            return Err(damaged(&self.name, 0, OTHER_HEADER));
        }
        let Walked { places, next, torn } = walk(&self.name, bytes, header, each)?;
        if let Some(offset) = torn {
            return Err(damaged(&self.name, offset as u64, CHANGED));
        }
        if next != self.next {
            return Err(damaged(&self.name, self.length, "the segment after it begins elsewhere"));
        }
        Ok(places)
    }
}

/// Reads a file into a buffer, which is used again.
pub(crate) fn read_whole(
    disk: &dyn Disk,
    name: &str,
    length: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), StoreError> {
    bytes.resize(usize::try_from(length).expect("a segment fits memory"), 0);
    read_into(disk, (name, 0), bytes)
}

/// Reads as many bytes as there is room for.
pub(crate) fn read_into(
    disk: &dyn Disk,
    (name, offset): (&str, u64),
    bytes: &mut [u8],
) -> Result<(), StoreError> {
    let read = disk.read_at(name, offset, bytes).map_err(|error| failed("read", name, error))?;
    if read < bytes.len() {
        return Err(damaged(name, offset, "the file ends before the frame does"));
    }
    Ok(())
}

pub(crate) const CHANGED: &str = "its bytes are not what was written";
pub(crate) const OTHER_HEADER: &str = "it does not go on where the segment before it ends";

/// The frame that some bytes begin with, if it is what was written.
pub(crate) fn whole(bytes: &[u8], salt: u64) -> Option<(Head, &[u8])> {
    let head = Head::read(bytes)?;
    let frame = bytes.get(..HEADER + head.length)?;
    head.holds(salt, frame).then_some((head, frame))
}

/// Whether a whole frame is anywhere behind the first byte.
pub(crate) fn whole_after(bytes: &[u8], salt: u64) -> bool {
    let marks = bytes.windows(MARK.len()).enumerate().skip(1);
    marks.filter(|(_, window)| **window == MARK).any(|(at, _)| whole(&bytes[at..], salt).is_some())
}

pub(crate) fn frame_of<'a>(head: &Head, frame: &'a [u8]) -> Frame<'a> {
    let Head { first, count, received, .. } = *head;
    Frame { first, count, received, bytes: &frame[HEADER..] }
}
