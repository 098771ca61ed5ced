//! Any bytes as an input: read or refused, and every record accounted for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shroff_ingest::{Options, guess_bytes, read_bytes};

fuzz_target!(|bytes: &[u8]| {
    let options = Options { sort_memory_bytes: 4_096, ..Options::default() };
    if let Ok((ledger, refused)) = read_bytes("in", bytes, &options) {
        let input = &ledger.inputs[0];
        assert_eq!(input.records, input.payments + input.rejected + input.left_out_total());
        assert_eq!(input.rejected, refused.len() as u64);
    }
    guess_bytes("in", bytes);
});
