//! The bytes of a frame: a batch of records under one checksum.
//!
//! One frame is one write and one sync, so a torn write can only ever be the last frame.

use shroff_types::Timestamp;
use twox_hash::XxHash3_64;

/// The most bytes of the records of a frame.
pub const MOST_FRAME_BYTES: usize = 1 << 24;

/// What a frame begins with: no UTF-8 text has these bytes.
pub(crate) const MARK: [u8; 4] = [0xF5, 0xFE, 0xC0, 0xFF];
pub(crate) const HEADER: usize = 40;

pub(crate) const SEGMENT_MARK: [u8; 8] = *b"shroffLG";
pub(crate) const SEGMENT_VERSION: u32 = 1;
pub(crate) const SEGMENT_HEADER: usize = 40;

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of its first record.
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) received: Timestamp,
    /// Bytes of its records.
    pub(crate) length: usize,
    checksum: u64,
}

impl Head {
    /// Writes a frame's header in front of its records.
    pub(crate) fn seal(salt: u64, first: u64, count: u32, received: Timestamp, frame: &mut [u8]) {
        let length = u32::try_from(frame.len() - HEADER).expect("a frame is below 2^24 bytes");
        frame[0..4].copy_from_slice(&MARK);
        frame[4..8].copy_from_slice(&length.to_le_bytes());
        frame[8..16].copy_from_slice(&first.to_le_bytes());
        frame[16..24].copy_from_slice(&received.0.to_le_bytes());
        frame[24..28].copy_from_slice(&count.to_le_bytes());
        frame[28..32].copy_from_slice(&[0; 4]);
        let sum = checksum(salt, &frame[..32], &frame[HEADER..]);
        frame[32..40].copy_from_slice(&sum.to_le_bytes());
    }

    /// Reads a header; none where these bytes can be no frame.
    pub(crate) fn read(bytes: &[u8]) -> Option<Head> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = usize::try_from(u32_at(header, 4)).ok()?;
        let sound = header[..4] == MARK && length <= MOST_FRAME_BYTES && header[28..32] == [0; 4];
        sound.then(|| Head {
            first: u64_at(header, 8),
            count: u32_at(header, 24),
            received: Timestamp(i64::from_le_bytes(u64_at(header, 16).to_le_bytes())),
            length,
            checksum: u64_at(header, 32),
        })
    }

    /// Whether a frame is what was written; `frame` is its header and its records.
    pub(crate) fn holds(&self, salt: u64, frame: &[u8]) -> bool {
        frame.len() == HEADER + self.length
            && checksum(salt, &frame[..32], &frame[HEADER..]) == self.checksum
    }
}

/// The salt is the log's own and random, so that nobody can send a payment that looks like a frame.
fn checksum(salt: u64, header: &[u8], records: &[u8]) -> u64 {
    let seed = XxHash3_64::oneshot_with_seed(salt, header);
    XxHash3_64::oneshot_with_seed(seed, records)
}

fn u32_at(bytes: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("within the header"))
}

fn u64_at(bytes: &[u8; HEADER], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("within the header"))
}

/// The header of a segment.
pub(crate) fn segment_header(salt: u64, first: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[..8].copy_from_slice(&SEGMENT_MARK);
    header[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&first.to_le_bytes());
    header[24..32].copy_from_slice(&salt.to_le_bytes());
    let sum = XxHash3_64::oneshot(&header[..32]);
    header[32..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// The salt and the first number of a segment; what is wrong where it is none.
pub(crate) fn read_segment_header(bytes: &[u8]) -> Result<(u64, u64), &'static str> {
    let header: &[u8; SEGMENT_HEADER] = bytes.first_chunk().ok_or("its header is cut off")?;
    if header[..8] != SEGMENT_MARK {
        return Err("this is no segment of a log");
    }
    if u64_at(header, 32) != XxHash3_64::oneshot(&header[..32]) {
        return Err("the header of the segment is not what was written");
    }
    if u32_at(header, 8) != SEGMENT_VERSION {
        return Err("it is of another version of Shroff");
    }
    Ok((u64_at(header, 24), u64_at(header, 16)))
}

/// A batch of records, as it stands in the log.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The number of its first record.
    pub first: u64,
    /// How many records it has.
    pub count: u32,
    /// When it was received, as the caller said.
    pub received: Timestamp,
    /// Its records back to back, each with its length in front.
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Its records, in order.
    pub fn records(&self) -> Records<'a> {
        Records { bytes: self.bytes }
    }

    /// Whether its records are as many as it says, and fill it.
    pub(crate) fn is_sound(&self) -> bool {
        let mut records = self.records();
        let count = records.by_ref().count();
        count == self.count as usize && records.bytes.is_empty()
    }
}

/// The records of a frame.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    bytes: &'a [u8],
}

impl<'a> Records<'a> {
    /// Records back to back, each with its length in front.
    pub fn of(bytes: &'a [u8]) -> Records<'a> {
        Records { bytes }
    }

    /// Those that are left, with their lengths.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(*self.bytes.first_chunk()?);
        let (record, rest) = self.bytes[4..].split_at_checked(usize::try_from(length).ok()?)?;
        self.bytes = rest;
        Some(record)
    }
}
