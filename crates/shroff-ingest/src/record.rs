//! One record as fields of bytes, and the reader that cuts delimited text into records.

use csv_core::{ReadRecordResult, ReaderBuilder};

use crate::IngestError;
use crate::source::{MAX_RECORD_BYTES, Stream};

/// The fields of one record, back to back in one buffer that is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl Record {
    /// A field's bytes; empty where the record has no such field.
    #[inline]
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        if index >= self.fields {
            return &[];
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// How many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.fields
    }

    /// All its fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.fields).map(|index| self.field(index))
    }

    /// Forgets all fields.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.fields = 0;
    }

    /// Adds a field behind the others.
    pub(crate) fn push(&mut self, field: &[u8]) {
        self.push_with(|bytes| bytes.extend_from_slice(field));
    }

    /// Adds a field that `write` appends to the buffer.
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
        self.fields += 1;
    }
}

/// How many line ends there are.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// What the reader found next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record; see [`Lines::record`].
    Record,
    /// A record of more bytes than are read.
    TooLong,
    /// Nothing more.
    End,
}

/// Delimited text, record by record, with physical line numbers.
#[derive(Debug)]
pub(crate) struct Lines {
    stream: Stream,
    core: csv_core::Reader,
    record: Record,
    /// The line of the next byte of the stream, from 1.
    line: u64,
    /// Bytes of the current record that the stream still holds.
    held: usize,
    /// Bytes parsed again after an unclosed quote, and bytes parsed in all: their ratio is
    /// bounded, or a hostile file could make the work quadratic.
    again: u64,
    parsed: u64,
}

impl Lines {
    /// A reader of fields between `delimiter`s; `line` is the number of the stream's next line.
    pub(crate) fn new(stream: Stream, delimiter: u8, line: u64) -> Lines {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        let record = Record::default();
        Lines { stream, core, record, line, held: 0, again: 0, parsed: 0 }
    }

    /// The record found last.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// The line where it begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The stream, for its progress and for whether it was cut off.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The bytes of the record as they stand in the file.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.stream.ahead()[..self.held]
    }

    /// Whether the record stands at the end of the stream without a line end behind it.
    pub(crate) fn is_unterminated(&self) -> bool {
        self.stream.ended()
            && self.held == self.stream.ahead().len()
            && !self.raw().ends_with(b"\n")
            && !self.raw().ends_with(b"\r")
    }

    /// Whether the record goes over more than one line, as a quoted field may.
    pub(crate) fn spans_lines(&self) -> bool {
        self.raw().trim_ascii_end().contains(&b'\n')
    }

    /// The next record. Blank lines are skipped.
    pub(crate) fn next(&mut self, name: &str) -> Result<Step, IngestError> {
        self.take_held();
        loop {
            self.skip_line_ends(name)?;
            let step = self.parse(name)?;
            let blank = step == Step::Record && self.record.fields == 1;
            if !(blank && self.record.field(0).trim_ascii().is_empty() && self.raw_is_blank()) {
                return Ok(step);
            }
            self.take_held();
        }
    }

    fn raw_is_blank(&self) -> bool {
        self.raw().trim_ascii().is_empty()
    }

    fn take_held(&mut self) {
        let ends = count_lines(self.raw());
        self.line += ends as u64;
        self.stream.consume(self.held);
        self.held = 0;
    }

    fn skip_line_ends(&mut self, name: &str) -> Result<(), IngestError> {
        loop {
            let bytes = self.stream.ahead();
            let blank = bytes.iter().take_while(|&&b| b == b'\n' || b == b'\r').count();
            self.line += count_lines(&bytes[..blank]) as u64;
            let all = blank == bytes.len();
            self.stream.consume(blank);
            if !all || !self.stream.fill(name)? {
                return Ok(());
            }
        }
    }

    fn parse(&mut self, name: &str) -> Result<Step, IngestError> {
        let Record { bytes, ends, fields } = &mut self.record;
        bytes.resize(bytes.capacity().max(1_024), 0);
        ends.resize(ends.capacity().max(32), 0);
        let (mut held, mut out, mut count) = (0, 0, 0);
        let step = loop {
            if held == self.stream.ahead().len() && !self.stream.ended() {
                if held > MAX_RECORD_BYTES {
                    break Step::TooLong;
                }
                self.stream.fill(name)?;
            }
            let input = &self.stream.ahead()[held..];
            let (result, nin, nout, nends) =
                self.core.read_record(input, &mut bytes[out..], &mut ends[count..]);
            (held, out, count) = (held + nin, out + nout, count + nends);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => bytes.resize(bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record if held > MAX_RECORD_BYTES => break Step::TooLong,
                ReadRecordResult::Record => break Step::Record,
                ReadRecordResult::End => break Step::End,
            }
        };
        (*fields, self.held) = (count, held);
        self.parsed += held as u64;
        Ok(step)
    }

    /// Gives back all of the record but its first line, to be read anew: what a quote that is
    /// never closed has swallowed. True if it was done, false if the record is one line.
    pub(crate) fn give_back_lines(&mut self) -> bool {
        let Some(first) = memchr::memchr(b'\n', self.raw()) else { return false };
        let rest = (self.held - first - 1) as u64;
        if rest == 0 || self.again + rest > self.parsed + 8 * MAX_RECORD_BYTES as u64 {
            return false;
        }
        self.again += rest;
        self.held = first + 1;
        self.core.reset();
        true
    }

    /// Drops the rest of a line that is too long, without holding it.
    pub(crate) fn skip_line(&mut self, name: &str) -> Result<(), IngestError> {
        self.core.reset();
        loop {
            let bytes = self.stream.ahead();
            if let Some(end) = memchr::memchr(b'\n', bytes) {
                self.stream.consume(end);
                self.held = 0;
                return Ok(());
            }
            let all = bytes.len();
            self.stream.consume(all);
            self.held = 0;
            if !self.stream.fill(name)? {
                return Ok(());
            }
        }
    }
}

/// Text line by line, each of bounded length.
#[derive(Debug)]
pub(crate) struct TextLines {
    stream: Stream,
    line: u64,
    held: usize,
    terminated: bool,
}

impl TextLines {
    pub(crate) fn new(stream: Stream) -> TextLines {
        TextLines { stream, line: 0, held: 0, terminated: true }
    }

    /// The line found last, with its end.
    pub(crate) fn text(&self) -> &[u8] {
        &self.stream.ahead()[..self.held]
    }

    /// Its number, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Whether it stands at the end of the stream without a line end.
    pub(crate) fn is_unterminated(&self) -> bool {
        !self.terminated
    }

    /// The stream, for its progress and for whether it was cut off.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The next line, or the beginning of one that is too long; none at the end.
    pub(crate) fn next(&mut self, name: &str) -> Result<Option<Step>, IngestError> {
        self.stream.consume(self.held);
        if !self.terminated {
            // The rest of a line that was too long.
            self.held = 0;
            while !self.skip_to_line_end() {
                if !self.stream.fill(name)? {
                    return Ok(None);
                }
            }
        }
        self.line += 1;
        let mut seen = 0;
        loop {
            let ahead = self.stream.ahead();
            let end = memchr::memchr(b'\n', &ahead[seen..]).map(|at| seen + at + 1);
            let all = ahead.len();
            self.terminated = end.is_some();
            self.held = end.unwrap_or(all).min(MAX_RECORD_BYTES);
            if all > MAX_RECORD_BYTES && end.is_none_or(|end| end > MAX_RECORD_BYTES) {
                self.terminated = false;
                return Ok(Some(Step::TooLong));
            }
            if end.is_some() {
                return Ok(Some(Step::Record));
            }
            seen = all;
            if !self.stream.fill(name)? {
                return Ok((all > 0).then_some(Step::Record));
            }
        }
    }

    fn skip_to_line_end(&mut self) -> bool {
        let ahead = self.stream.ahead();
        let end = memchr::memchr(b'\n', ahead);
        let count = end.map_or(ahead.len(), |end| end + 1);
        self.stream.consume(count);
        end.is_some()
    }
}
