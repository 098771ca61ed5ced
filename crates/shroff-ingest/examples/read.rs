//! Reads the files named on the command line and prints what became of their records.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
#![expect(clippy::disallowed_methods, reason = "the outermost caller opens the files")]

use std::fs::File;
use std::io::{self, Read};

use shroff_ingest::{Hooks, MemorySpill, Options, ReadSeek, Source};

struct Path(String);

impl Source for Path {
    fn name(&self) -> &str {
        &self.0
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.0)?))
    }

    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>> {
        Ok(Some(Box::new(File::open(&self.0)?)))
    }
}

fn main() {
    let paths: Vec<Path> = std::env::args().skip(1).map(Path).collect();
    let sources: Vec<&dyn Source> = paths.iter().map(|path| path as &dyn Source).collect();
    let hooks = Hooks {
        spill: &mut MemorySpill,
        refused: &mut |rejected| eprintln!("{rejected}"),
        progress: &mut |_| {},
    };
    match shroff_ingest::read(&sources, &Options::default(), hooks) {
        Ok(ledger) => {
            println!("{:#?}\n{:#?}", ledger.inputs, ledger.facts);
            let (len, bytes) = (ledger.payments.len(), ledger.payments.memory_bytes());
            println!("{len} payments, {} accounts, {bytes} bytes", ledger.accounts.len());
            println!("{} out of order", ledger.payments.out_of_order());
        }
        Err(error) => eprintln!("{error}"),
    }
}
