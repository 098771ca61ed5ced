//! Any text as a mapping and, where it is one, any bytes read by it. A zero byte is between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shroff_ingest::{Mapping, Options, read_bytes};

fuzz_target!(|bytes: &[u8]| {
    let (text, input) = match bytes.iter().position(|&b| b == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"a,b,c,d\n1,A,B,5\n"[..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(map) = Mapping::parse("map.toml", text) {
        let options = Options { map: Some(map), ..Options::default() };
        drop(read_bytes("in", input, &options));
    }
});
