//! Any bytes as a message: read or refused, the same each time, and within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shroff_ingest::messages::{Limits, read_messages};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { instructions: 1_000, ..Limits::default() };
    let read = read_messages(bytes, &limits);
    assert_eq!(read, read_messages(bytes, &limits));
    if let Ok(messages) = read {
        let count: usize = messages.iter().map(|message| message.instructions.len()).sum();
        assert!(count <= limits.instructions);
    }
});
