//! Several inputs as one stream, pipes, progress, and failures of the world.

use std::fmt::Write as _;
use std::io::{self, Read};

use expect_test::expect;
use shroff_ingest::{
    Hooks, Memory, MemorySpill, Options, Progress, ReadSeek, ReadWriteSeek, Source, Spill, read,
};

use crate::door::check_with;

#[test]
fn several_inputs_are_one_stream_and_row_numbers_name_their_file() {
    let inputs = [
        ("b.csv", &b"time,debtor,creditor,amount\n5,A,B,1\n5,B,C,2\n"[..]),
        ("a.csv", b"time;debtor;creditor;amount;id\n5;C;A;3;x\n4;A;B;4;y\n"),
    ];
    check_with(
        &Options::default(),
        &inputs,
        expect![[r#"
        y 1970-01-01T00:00:00.000004Z A -> B 4.00 XXX
        b.csv:1 1970-01-01T00:00:00.000005Z A -> B 1.00 XXX
        b.csv:2 1970-01-01T00:00:00.000005Z B -> C 2.00 XXX
        x 1970-01-01T00:00:00.000005Z C -> A 3.00 XXX
        shroff (CSV): 2 records = 2 + 0 refused
        shroff (CSV): 2 records = 2 + 0 refused
    "#]],
    );
}

/// A pipe: it can be read once and from the beginning.
struct Pipe(Memory);

impl Source for Pipe {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.0.open()
    }

    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>> {
        Ok(None)
    }
}

/// A source that fails after some bytes, as a disk may.
struct Failing(&'static [u8]);

impl Source for Failing {
    fn name(&self) -> &'static str {
        "failing.csv"
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.0.chain(Broken)))
    }

    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>> {
        Ok(None)
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

/// A disk without room.
struct Full;

impl Spill for Full {
    fn create(&mut self) -> io::Result<Box<dyn ReadWriteSeek>> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

fn hooks<'a>(
    spill: &'a mut dyn Spill,
    refused: &'a mut dyn FnMut(shroff_ingest::Rejected),
    progress: &'a mut dyn FnMut(Progress<'_>),
) -> Hooks<'a> {
    Hooks { spill, refused, progress }
}

#[test]
fn a_pipe_is_read_without_going_back() {
    let pipe = Pipe(Memory::new("-", b"time,debtor,creditor,amount\n5,A,B,1\n"));
    let ledger = read(
        &[&pipe, &pipe],
        &Options::default(),
        hooks(&mut MemorySpill, &mut |_| {}, &mut |_| {}),
    );
    assert_eq!(ledger.expect("it is a table").payments.len(), 2);
}

#[test]
fn progress_counts_bytes_and_records_to_the_end() {
    let mut text = "time,debtor,creditor,amount\n".to_owned();
    for number in 0..20_000 {
        writeln!(text, "{number},A,B,1").expect("a string takes all");
    }
    let source = Memory::new("in.csv", text.as_bytes());
    let mut seen = Vec::new();
    let mut progress = |at: Progress<'_>| seen.push((at.bytes, at.records));
    read(&[&source], &Options::default(), hooks(&mut MemorySpill, &mut |_| {}, &mut progress))
        .expect("a table");
    assert!(seen.len() >= 3 && seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&(text.len() as u64, 20_000)));
}

#[test]
fn a_failing_disk_is_an_error_and_not_a_short_ledger() {
    let source = Failing(b"time,debtor,creditor,amount\n5,A,B,1\n");
    let error =
        read(&[&source], &Options::default(), hooks(&mut MemorySpill, &mut |_| {}, &mut |_| {}));
    let error = error.expect_err("the disk failed").to_string();
    assert_eq!(error, "failing.csv: reading failed: the disk is gone");
}

#[test]
fn a_full_disk_is_said_with_what_to_do() {
    let source = Memory::new("in.csv", b"time,debtor,creditor,amount\n5,A,B,1\n4,A,B,1\n");
    let options = Options { sort_memory_bytes: 1, ..Options::default() };
    let error = read(&[&source], &options, hooks(&mut Full, &mut |_| {}, &mut |_| {}));
    let error = error.expect_err("there is no room").to_string();
    assert!(
        error.ends_with("hint: free some disk space, or allow more memory for sorting"),
        "{error}"
    );
}
