//! Any bytes as a stream of columns, in two pieces: read or refused, the same as in one, and within
//! its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shroff_ingest::{ColumnStream, MOST_BATCH_ROWS};

fn read(pieces: [&[u8]; 2]) -> Option<usize> {
    let mut stream = ColumnStream::default();
    let mut count = 0;
    for piece in pieces {
        stream.feed(piece);
        while let Some(rows) = stream.next_rows().ok()? {
            assert!((1..=MOST_BATCH_ROWS).contains(&rows.count()));
            let reader = rows.reader().ok()?;
            for at in 0..rows.count() {
                std::hint::black_box(reader.row(at));
            }
            count += rows.count();
        }
    }
    stream.finish().ok().map(|()| count)
}

fuzz_target!(
    // The library panics on some damaged content, which is caught and told as any bad input; the
    // fuzzer's own hook would end there. What nobody catches still ends the run.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let middle = bytes.split_at(bytes.len() / 2);
        assert_eq!(read([bytes, b""]), read([middle.0, middle.1]));
    }
);
