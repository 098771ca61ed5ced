//! The public data sets, read whole. The figures were counted by independent scripts.

use std::path::PathBuf;

use shroff_ingest::{Ledger, Memory, MemorySpill, Options, Rejected, guess};

/// What is known of a data set.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    records: u64,
    payments: u64,
    rejected: u64,
    left_out: u64,
    rounded: u64,
    accounts: usize,
    labelled_true: u64,
    out_of_order: u64,
}

const NONE: Counts = Counts {
    records: 0,
    payments: 0,
    rejected: 0,
    left_out: 0,
    rounded: 0,
    accounts: 0,
    labelled_true: 0,
    out_of_order: 0,
};

/// Reads a sample; nothing where the samples are not there.
fn read(file: &str) -> Option<(Ledger, Vec<Rejected>)> {
    let bytes = sample(file)?;
    Some(shroff_ingest::read_bytes(file, &bytes, &Options::default()).expect("a known layout"))
}

#[expect(clippy::disallowed_methods, reason = "a test opens its samples itself")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn sample(file: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let path = PathBuf::from(folder).join(file);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    bytes
}

fn check(file: &str, layout: &str, expected: Counts) -> Option<Ledger> {
    let (ledger, refused) = read(file)?;
    let input = &ledger.inputs[0];
    crate::door::assert_adds_up(input);
    assert_eq!(input.layout, layout);
    assert_eq!(input.rejected, refused.len() as u64);
    let counts = Counts {
        records: input.records,
        payments: input.payments,
        rejected: input.rejected,
        left_out: input.left_out_total(),
        rounded: input.rounded,
        accounts: ledger.accounts.len(),
        labelled_true: ledger.facts.labelled_true,
        out_of_order: ledger.payments.out_of_order(),
    };
    assert_eq!(counts, expected, "{file}");
    Some(ledger)
}

/// The sum of all amounts in minor units.
fn sum(ledger: &Ledger) -> i128 {
    let payments = ledger.payments.iter().expect("memory");
    payments.map(|payment| payment.expect("memory").amount.minor).sum()
}

/// How many distinct attempts there are.
fn attempts(ledger: &Ledger) -> usize {
    let payments = ledger.payments.iter().expect("memory");
    let mut found: Vec<_> =
        payments.filter_map(|payment| payment.expect("memory").attempt).collect();
    found.sort_unstable();
    found.dedup();
    found.len()
}

#[test]
fn amlworld_patterns_are_370_and_117_attempts() {
    let expected = Counts {
        records: 3_209,
        payments: 3_209,
        accounts: 3_170,
        labelled_true: 3_209,
        rounded: 88,
        out_of_order: 3_143,
        ..NONE
    };
    if let Some(ledger) = check("amlworld/HI-Small_Patterns.txt", "amlworld", expected) {
        assert_eq!(attempts(&ledger), 370);
        assert_eq!(ledger.facts.currencies.len(), 15);
        let cycles = (1..=370).filter(|n| ledger.symbols.find(&format!("{n}:CYCLE")).is_some());
        assert_eq!(cycles.count(), 54);
    }
    let expected = Counts {
        records: 1_023,
        payments: 1_023,
        accounts: 1_168,
        labelled_true: 1_023,
        rounded: 12,
        out_of_order: 979,
        ..NONE
    };
    if let Some(ledger) = check("amlworld/LI-Small_Patterns.txt", "amlworld", expected) {
        assert_eq!(attempts(&ledger), 117);
    }
}

#[test]
fn amlsim_is_in_order_and_labels_1804_accounts() {
    let expected = Counts { records: 120_558, payments: 120_558, accounts: 19_980, ..NONE };
    if let Some(ledger) = check("amlsim/transactions.csv", "amlsim", expected) {
        assert_eq!(sum(&ledger), 3_328_791_920);
    }
    if let Some((ledger, _)) = read("amlsim/nodes.csv") {
        assert_eq!(ledger.inputs[0].layout, "accounts");
        assert_eq!(ledger.account_labels.len(), 20_000);
        assert_eq!(ledger.account_labels.values().filter(|&&label| label).count(), 1_804);
    }
}

#[test]
fn amlgentex_is_the_same_as_parquet_and_as_csv() {
    let inner = Counts {
        records: 15_163,
        payments: 15_138,
        rejected: 25,
        rounded: 15_138,
        accounts: 2_876,
        labelled_true: 926,
        ..NONE
    };
    if let Some(ledger) = check("amlgentex/transfers_account_to_account.csv", "amlgentex", inner) {
        assert_eq!(attempts(&ledger), 84);
        assert_eq!(sum(&ledger), 906_330_651);
    }
    let whole = Counts {
        records: 601_143,
        payments: 15_138,
        rejected: 25,
        left_out: 585_980,
        rounded: 15_138,
        accounts: 2_876,
        labelled_true: 926,
        out_of_order: 0,
    };
    if let Some(ledger) = check("amlgentex/tx_log.parquet", "amlgentex", whole) {
        assert_eq!(attempts(&ledger), 84);
        assert_eq!(sum(&ledger), 906_330_651);
        let left_out: Vec<(&str, u64)> =
            ledger.inputs[0].left_out.iter().map(|(reason, &n)| (reason.as_str(), n)).collect();
        assert_eq!(left_out, [("from the outside", 42_000), ("to the outside", 543_980)]);
    }
}

#[test]
fn bitcoin_otc_has_fractions_of_seconds() {
    let expected = Counts { records: 35_592, payments: 35_592, accounts: 5_881, ..NONE };
    if let Some(ledger) = check("bitcoin_otc/soc-sign-bitcoinotc.csv", "bitcoin-otc", expected) {
        assert_eq!(sum(&ledger), 8_987_400);
        let first = ledger.payments.iter().expect("memory").next().expect("many").expect("memory");
        assert_eq!(first.time.to_string(), "2010-11-08T18:45:11.728360Z");
    }
}

#[test]
fn berkas_last_line_is_cut_off_and_most_rows_name_no_counterparty() {
    let expected = Counts {
        records: 49_103,
        payments: 10_115,
        rejected: 1,
        left_out: 38_987,
        accounts: 2_431,
        ..NONE
    };
    if let Some(ledger) = check("berka/trans.asc", "berka", expected) {
        assert_eq!(sum(&ledger), 6_407_733_280);
    }
}

#[test]
fn ethereum_counts_beyond_64_bits_and_is_out_of_order() {
    let expected = Counts {
        records: 19_999,
        payments: 17_945,
        left_out: 2_054,
        accounts: 10_694,
        out_of_order: 14_115,
        ..NONE
    };
    if let Some(ledger) = check("ethereum/transactions_03300400.csv.gz", "ethereum", expected) {
        assert_eq!(sum(&ledger), 4_444_745_723_742_655_536_222_408);
    }
}

#[test]
fn a_guess_at_a_known_file_reads_as_much_as_its_layout() {
    for (file, payments) in
        [("bitcoin_otc/soc-sign-bitcoinotc.csv", 35_592), ("amlsim/transactions.csv", 120_558)]
    {
        let Some(bytes) = sample(file) else { continue };
        let source = Memory::new(file, &bytes);
        let text = guess(&source, &mut MemorySpill).expect("a table");
        assert!(shroff_ingest::Mapping::parse("map.toml", &text).is_ok(), "{text}");
        if file.starts_with("amlsim") {
            let map = shroff_ingest::Mapping::parse("map.toml", &text).expect("checked");
            let options = Options { map: Some(map), ..Options::default() };
            let (ledger, _) = shroff_ingest::read_bytes(file, &bytes, &options).expect("a table");
            assert_eq!(ledger.payments.len(), payments);
        }
    }
}
