//! Bytes as the caller hands them in: opened, unpacked, buffered, and recognised by their magic.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::IngestError;

/// Bytes that can be read at any place.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A temporary file: written, then read at any place.
pub trait ReadWriteSeek: Read + Write + Seek + Send {}
impl<T: Read + Write + Seek + Send> ReadWriteSeek for T {}

/// One input as the caller opens it: a file, a pipe, or bytes.
pub trait Source {
    /// What messages and row ids call it.
    fn name(&self) -> &str;

    /// Its bytes from the beginning. It is called once, unless [`Source::seekable`] gives a file.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;

    /// Its bytes at any place, which Parquet and the Arrow file format need; none for a pipe,
    /// which is then copied to a temporary file first.
    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>>;

    /// How many bytes it has, where that is known; for progress alone.
    fn size(&self) -> Option<u64> {
        None
    }
}

/// Temporary files for what does not fit the memory limit. A file is gone when it is dropped.
pub trait Spill {
    /// A new and empty temporary file.
    fn create(&mut self) -> io::Result<Box<dyn ReadWriteSeek>>;
}

/// Bytes in memory as an input, for tests and for callers that have them already.
#[derive(Debug, Clone)]
pub struct Memory {
    /// What messages call it.
    pub name: String,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

impl Memory {
    /// An input of these bytes.
    pub fn new(name: &str, bytes: &[u8]) -> Memory {
        Memory { name: name.to_owned(), bytes: bytes.into() }
    }
}

impl Source for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(Arc::clone(&self.bytes))))
    }

    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>> {
        Ok(Some(Box::new(io::Cursor::new(Arc::clone(&self.bytes)))))
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }
}

/// Temporary "files" in memory, for tests and for callers that must not touch a disk.
#[derive(Debug, Default)]
pub struct MemorySpill;

impl Spill for MemorySpill {
    fn create(&mut self) -> io::Result<Box<dyn ReadWriteSeek>> {
        Ok(Box::new(io::Cursor::new(Vec::new())))
    }
}

/// How a stream was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// What the first bytes of an unpacked stream say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines of delimited fields.
    Delimited,
    /// A JSON object a line.
    JsonLines,
    /// AMLworld's `*_Patterns.txt`.
    Patterns,
    Parquet,
    ArrowFile,
    ArrowStream,
}

/// A record longer than this is refused: no payment needs it, and memory stays bounded.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;

/// How much is read at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// An unpacked stream with a window of bytes that can be looked at before they are taken.
pub(crate) struct Stream {
    inner: Box<dyn Read + Send>,
    raw: Arc<Raw>,
    packing: Packing,
    window: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    cut: Option<String>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("packing", &self.packing).finish_non_exhaustive()
    }
}

/// What is known about the bytes below the unpacking.
#[derive(Debug, Default)]
struct Raw {
    bytes: Arc<AtomicU64>,
    failed: AtomicBool,
}

struct Counted {
    inner: Box<dyn Read + Send>,
    raw: Arc<Raw>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                self.raw.bytes.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.raw.failed.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }
}

impl Stream {
    /// Opens a source, unpacks it if its first bytes say so, and looks at the beginning.
    pub(crate) fn open(source: &dyn Source) -> Result<Stream, IngestError> {
        let name = source.name();
        let failed = |error| IngestError::io(name, "opening", error);
        let raw = Arc::new(Raw::default());
        let mut inner: Box<dyn Read + Send> =
            Box::new(Counted { inner: source.open().map_err(failed)?, raw: Arc::clone(&raw) });
        let mut magic = Vec::with_capacity(4);
        (&mut inner)
            .take(4)
            .read_to_end(&mut magic)
            .map_err(|error| IngestError::io(name, "reading", error))?;
        let packing = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
            _ => Packing::Plain,
        };
        let whole = io::Cursor::new(magic).chain(inner);
        let inner: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(whole),
            Packing::Gzip => {
                let buffered = io::BufReader::with_capacity(BLOCK_BYTES, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(buffered))
            }
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(whole).map_err(failed)?),
        };
        let (window, cut) = (Vec::new(), None);
        let mut stream =
            Stream { inner, raw, packing, window, start: 0, end: 0, ended: false, cut };
        // Enough of the beginning to know the kind and to see the header.
        while stream.ahead().len() < BLOCK_BYTES / 4 && stream.fill(name)? {}
        Ok(stream)
    }

    /// The bytes that are there to be looked at.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    /// Takes the first `count` of them away.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "no more is taken than is there");
    }

    /// Reads more behind what is there; false at the end.
    pub(crate) fn fill(&mut self, name: &str) -> Result<bool, IngestError> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.window.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.window.len() - self.end < BLOCK_BYTES / 2 {
            self.window.resize(self.end + BLOCK_BYTES, 0);
        }
        loop {
            match self.inner.read(&mut self.window[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.broken(name, error),
            }
        }
    }

    /// A packed stream that stops or is damaged keeps what was read; a failing disk does not.
    fn broken(&mut self, name: &str, error: io::Error) -> Result<bool, IngestError> {
        self.ended = true;
        if self.packing == Packing::Plain || self.raw.failed.load(Ordering::Relaxed) {
            return Err(IngestError::io(name, "reading", error));
        }
        self.cut = Some(if error.kind() == io::ErrorKind::UnexpectedEof {
            "the compressed data end too early: the file looks cut off".to_owned()
        } else {
            format!("the compressed data are damaged ({error}): the rest cannot be read")
        });
        Ok(false)
    }

    /// Whether all was read.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Why a packed stream stopped before its end, if it did.
    pub(crate) fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Writes all that is left to a file.
    pub(crate) fn copy_to(&mut self, file: &mut dyn Write, name: &str) -> Result<(), IngestError> {
        loop {
            file.write_all(self.ahead())
                .map_err(|error| IngestError::io(name, "copying it to a temporary file", error))?;
            self.consume(self.ahead().len());
            if !self.fill(name)? {
                return Ok(());
            }
        }
    }

    /// How it was packed, for notes.
    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// How many bytes of the source itself were read.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw.bytes.load(Ordering::Relaxed)
    }

    /// The count of those bytes, for who goes on reading where this is out of sight.
    pub(crate) fn raw_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.raw.bytes)
    }

    /// What the beginning says it is.
    pub(crate) fn kind(&mut self, name: &str) -> Result<Kind, IngestError> {
        if self.ahead().starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        let head = self.ahead();
        if let Some((reason, hint)) = unreadable(head) {
            let shown = &head[..head.len().min(16)];
            return Err(IngestError::new(name, reason).at("line 1").value(shown).hint(hint));
        }
        let first = head.iter().position(|b| !b.is_ascii_whitespace());
        Ok(match first.map(|at| &head[at..]) {
            Some([b'P', b'A', b'R', b'1', ..]) => Kind::Parquet,
            Some([b'A', b'R', b'R', b'O', b'W', b'1', ..]) => Kind::ArrowFile,
            Some([0xff, 0xff, 0xff, 0xff, ..]) => Kind::ArrowStream,
            Some([b'{', ..]) => Kind::JsonLines,
            Some(text) if text.starts_with(b"BEGIN LAUNDERING ATTEMPT") => Kind::Patterns,
            Some(_) => Kind::Delimited,
            None => {
                let reason = "the input is empty";
                let hint = "check the path; an export that failed often leaves an empty file";
                let error = IngestError::new(name, self.cut().unwrap_or(reason).to_owned());
                return Err(error.hint(hint));
            }
        })
    }
}

/// Why such a beginning is not read at all, and what to do; none where it may be.
fn unreadable(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const COLUMNAR: [&[u8]; 3] = [b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"];
    if COLUMNAR.iter().any(|magic| head.starts_with(magic)) {
        return None;
    }
    let known: [(&[u8], &str, &str); 9] = [
        (b"\xff\xfe", "the text is UTF-16", UTF_16),
        (b"\xfe\xff", "the text is UTF-16", UTF_16),
        (b"PK\x03\x04", "it is a ZIP archive or an Excel workbook", UNZIP),
        (b"BZh", "it is packed with bzip2", "unpack it, or pack it with gzip or zstd"),
        (b"\xfd7zXZ", "it is packed with xz", "unpack it, or pack it with gzip or zstd"),
        (b"%PDF", "it is a PDF document", EXPORT),
        (b"SQLite format 3", "it is an SQLite database", EXPORT),
        (b"[", "it is a JSON array", "write one JSON object a line, without the brackets"),
        (b"<", "it is XML or HTML", EXPORT),
    ];
    if let Some((_, reason, hint)) = known.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some((reason, hint));
    }
    let sample = &head[..head.len().min(8_192)];
    sample.contains(&0).then_some(("it is a binary file of a kind that is not known", EXPORT))
}

const UTF_16: &str = "save it as UTF-8, or run `iconv -f UTF-16 -t UTF-8`";
const UNZIP: &str = "unpack it, or save the sheet as CSV, and give that file";
const EXPORT: &str = "export the payments as CSV, JSON Lines, Parquet or Arrow";
