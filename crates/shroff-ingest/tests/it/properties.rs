//! What is written is read back, however it is quoted; and no bytes are a panic.

use proptest::prelude::*;
use shroff_ingest::{Mapping, Options, Rates, guess_bytes, read_bytes};
use shroff_types::{Amount, Currency, Timestamp};

/// A payment as it will be written.
#[derive(Debug, Clone)]
struct Row {
    id: String,
    time: i64,
    debtor: String,
    creditor: String,
    minor: i128,
    label: Option<bool>,
    as_date: bool,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Any visible text, quotes and delimiters among it, without blanks around: those are trimmed.
    let text = "[a-zA-Z0-9\",;'\u{e9}\u{4e2d}]([ -~]{0,8}[a-z\",;])?";
    let row = (
        text,
        0_i64..4_000_000_000_000_000,
        text,
        text,
        1_i128..=Amount::MAX_MINOR,
        any::<Option<bool>>(),
        any::<bool>(),
    );
    let row = row.prop_map(|(id, time, debtor, creditor, minor, label, as_date)| Row {
        id,
        time,
        debtor,
        creditor,
        minor,
        label,
        as_date,
    });
    prop::collection::vec(row, 0..40)
}

fn write(rows: &[Row], style: csv::QuoteStyle, (delimiter, crlf): (u8, bool)) -> Vec<u8> {
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new()
        .quote_style(style)
        .delimiter(delimiter)
        .terminator(terminator)
        .from_writer(Vec::new());
    writer
        .write_record(["id", "time", "debtor", "creditor", "amount", "currency", "label"])
        .expect("memory");
    for row in rows {
        let time = if row.as_date { Timestamp(row.time).to_string() } else { row.time.to_string() };
        let amount = Amount { minor: row.minor, currency: Currency::EUR }.to_string();
        let label = match row.label {
            None => "",
            Some(true) => "true",
            Some(false) => "0",
        };
        let amount = amount.trim_end_matches(" EUR");
        writer
            .write_record([&row.id, &time, &row.debtor, &row.creditor, amount, "EUR", label])
            .expect("memory");
    }
    writer.into_inner().expect("memory")
}

proptest! {
    #[test]
    fn payments_written_as_csv_are_read_back_equal(
        rows in rows(), quote_all in any::<bool>(), crlf in any::<bool>(),
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|'])
    ) {
        let style =
            if quote_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let bytes = write(&rows, style, (delimiter, crlf));
        let (ledger, refused) =
            read_bytes("in.csv", &bytes, &Options::default()).expect("a table");
        prop_assert_eq!(refused, vec![]);
        prop_assert_eq!(ledger.inputs[0].records, rows.len() as u64);
        let mut rows = rows;
        rows.sort_by_key(|row| row.time);
        for (read, row) in ledger.payments.iter().expect("memory").zip(&rows) {
            let read = read.expect("memory");
            prop_assert_eq!(read.id.as_str(), &row.id);
            prop_assert_eq!(read.time, Timestamp(row.time));
            prop_assert_eq!(ledger.accounts.text(read.debtor.0), &row.debtor);
            prop_assert_eq!(ledger.accounts.text(read.creditor.0), &row.creditor);
            prop_assert_eq!(read.amount.minor, row.minor);
            prop_assert_eq!(read.label, row.label);
        }
    }

    #[test]
    fn any_bytes_behind_a_header_add_up(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = b"id,time,debtor,creditor,amount\n".to_vec();
        bytes.extend_from_slice(&tail);
        let read = read_bytes("in.csv", &bytes, &Options::default());
        if let Ok((ledger, refused)) = read {
            let input = &ledger.inputs[0];
            crate::door::assert_adds_up(input);
            prop_assert_eq!(input.rejected, refused.len() as u64);
            prop_assert_eq!(input.payments, ledger.payments.len());
        }
    }

    #[test]
    fn rows_of_odd_quotes_add_up_and_lose_no_whole_line(
        lines in prop::collection::vec("[a,\" ]{0,12}", 0..12)
    ) {
        let text = format!("time,debtor,creditor,amount\n{}\n5,A,B,1\n", lines.join("\n"));
        let (ledger, _) = read_bytes("in.csv", text.as_bytes(), &Options::default())
            .expect("it has a header");
        crate::door::assert_adds_up(&ledger.inputs[0]);
        // A quoted column that is read cannot swallow the good line.
        prop_assert_eq!(ledger.payments.len(), 1);
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(read_bytes("in", &bytes, &Options::default()));
        drop(Rates::parse("in", &bytes, None));
        guess_bytes("in", &bytes);
        let text = String::from_utf8_lossy(&bytes);
        drop(Mapping::parse("in", &text));
    }

    #[test]
    fn bytes_behind_each_magic_are_no_panic(
        magic in prop::sample::select(vec![
            &b"PAR1"[..], b"ARROW1\0\0", b"\xff\xff\xff\xff", b"{\"time\":", b"\x1f\x8b\x08",
            b"\x28\xb5\x2f\xfd", b"BEGIN LAUNDERING ATTEMPT - X\n",
        ]),
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        small in any::<bool>()
    ) {
        // Small lengths come further into a reader than large ones.
        if small && bytes.len() > 4 {
            bytes[..4].copy_from_slice(&[40, 0, 0, 0]);
        }
        let input = [magic, &bytes, magic].concat();
        drop(read_bytes("in", &input, &Options::default()));
        guess_bytes("in", &input);
    }

    #[test]
    fn a_guess_is_always_a_mapping(text in "([a-zA-Z0-9 .:\"#=\\[\\]-]{0,6}[,;\n\t]){0,40}") {
        let guess = guess_bytes("in.csv", text.as_bytes());
        if !guess.is_empty() {
            let parsed = Mapping::parse("map.toml", &guess);
            prop_assert!(parsed.is_ok(), "{}\n{}", parsed.expect_err("checked"), guess);
        }
    }

    #[test]
    fn any_memory_limit_gives_the_same_ledger(rows in rows(), limit in 0_usize..3_000) {
        let bytes = write(&rows, csv::QuoteStyle::Necessary, (b',', false));
        let options = Options { sort_memory_bytes: limit, ..Options::default() };
        let (small, _) = read_bytes("in.csv", &bytes, &options).expect("a table");
        let (large, _) = read_bytes("in.csv", &bytes, &Options::default()).expect("a table");
        let walk = |ledger: &shroff_ingest::Ledger| {
            let payments: Result<Vec<_>, _> = ledger.payments.iter().expect("memory").collect();
            payments.expect("memory")
        };
        prop_assert_eq!(walk(&small), walk(&large));
        prop_assert_eq!(small.facts, large.facts);
    }
}
