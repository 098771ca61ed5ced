//! ISO 20022 and MT103: those of strangers, hostile ones, and small ones of our own.

use std::path::PathBuf;

use shroff_ingest::messages::{Instruction, Limits, Message, Unreadable, read_messages};

/// The files of a folder of the shared messages, by name; none where they are not there.
#[expect(clippy::disallowed_methods, reason = "a test opens its samples itself")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn shared(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/iso20022");
    let path = PathBuf::from(root).join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("it can be listed");
            let bytes = std::fs::read(entry.path()).expect("it can be read");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

fn tell(read: &Result<Vec<Message>, Unreadable>) -> String {
    match read {
        Err(error) => format!("refused: {error}"),
        Ok(messages) => {
            let told = messages.iter().map(|message| {
                let count = |wanted: fn(&Instruction) -> bool| {
                    message.instructions.iter().filter(|one| wanted(one)).count()
                };
                format!(
                    "{}.{} {} payments, {} returns, {} rejections, {} left out{}",
                    message.kind.name(),
                    message.version,
                    count(|one| matches!(one, Instruction::Payment(_))),
                    count(|one| matches!(one, Instruction::Return(_))),
                    count(|one| matches!(one, Instruction::Rejection(_))),
                    count(|one| matches!(one, Instruction::LeftOut(_))),
                    message.warnings.iter().map(|w| format!("\n        ! {w}")).collect::<String>(),
                )
            });
            told.collect::<Vec<_>>().join(" + ")
        }
    }
}

/// What `xml.etree` of Python counts in each sample: `CdtTrfTxInf`, `TxInfAndSts`, and of a statement
/// its `TxDtls`, or its `Ntry` where one has none. What is not here is refused.
const SAMPLES: [(&str, &str, usize); 29] = [
    ("genkgo__camt053.v2.all-balance-types.xml", "camt.053", 1),
    ("genkgo__camt053.v2.five.decimals.xml", "camt.053", 1),
    ("genkgo__camt053.v2.minimal.xml", "camt.053", 1),
    ("genkgo__camt053.v2.with-party-ids.xml", "camt.053", 1),
    ("genkgo__camt053.v2.wrong.xml", "camt.053", 0),
    ("genkgo__camt053.v3.xml", "camt.053", 1),
    ("genkgo__camt053.v4.xml", "camt.053", 1),
    ("genkgo__camt53.only-Dt-with-DtTm.xml", "camt.053", 0),
    ("iso20022js__camt_053_uk_v2_virtual_accounts.xml", "camt.053", 6),
    ("iso20022js__camt_053_us_v2_sample.xml", "camt.053", 15),
    ("iso20022js__example_camt.xml", "camt.053", 29),
    ("iso20022js__example_camt_2.xml", "camt.053", 9),
    ("iso20022js__pain_001_rtp_credit.xml", "pain.001", 1),
    ("iso20022js__sepa_pain_001_v3.xml", "pain.001", 1),
    ("iso20022js__sepa_pain_001_v3_multiple_pmtinf.xml", "pain.001", 2),
    ("iso20022js__swift_pain_001_v3.xml", "pain.001", 1),
    ("moov__International_payment_RUB_naujas_1.xml", "pain.001", 1),
    ("moov__International_payment_USD_naujas_1.xml", "pain.001", 1),
    ("moov__camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml", "camt.053", 5),
    ("moov__gistfile1.xml", "pain.001", 3),
    ("moov__valid_pacs_v11.xml", "pacs.002", 0),
    ("pm4ml__pacs.002.outgoing.valid.accepted.xml", "pacs.002", 1),
    ("pm4ml__pacs.002.outgoing.valid.rejected.xml", "pacs.002", 1),
    ("pm4ml__pacs.008.outgoing.invalid.xml", "pacs.008", 1),
    ("pm4ml__pacs.008.outgoing.valid.xml", "pacs.008", 1),
    ("prowide__camt.053.001.07.xml", "camt.053", 0),
    ("prowide__pacs.008.001.07.xml", "pacs.008", 1),
    // One rejection of a whole group each, which stands in no `TxInfAndSts`.
    ("prowide__pacs.002-CDATA-multiple-namespace.xml", "pacs.002", 1),
    ("prowide__pacs.002-CDATA-nonamespace.xml", "pacs.002", 1),
];

/// Why the others are refused.
const REFUSED: [(&str, &str); 11] = [
    ("genkgo__camt054.v8-with-UETR.xml", "it is a camt.054"),
    ("iso20022js__pain_002_v3_txn_reject.xml", "it is a pain.002"),
    ("moov__pain002-epo_p_0_0_0_2018031510491259.xml", "it is a pain.002"),
    ("moov__valid_pain_v11.xml", "it is a pain.002"),
    ("pm4ml__camt.003.xml", "it is a camt.003"),
    ("prowide__mx_sample_document.xml", "it is a camt.003"),
    ("prowide__mx_sample_payload.xml", "it is a camt.003"),
    ("prowide__mx_sample_request_wrapper.xml", "it is a camt.003"),
    ("prowide__header-with-signature.xml", "there is no message in it"),
    ("prowide__app_to_mqsq.xml", "it is no message that is read"),
    ("moov__invalid_pain_v11.xml", "it is no message that is read"),
];

#[test]
fn samples_of_strangers_are_read_with_all_that_they_say_or_refused_with_a_reason() {
    let mut known = 0;
    for (name, bytes) in shared("samples") {
        let read = read_messages(&bytes, &Limits::default());
        let told = tell(&read);
        if let Some((_, kind, count)) = SAMPLES.iter().find(|(sample, ..)| *sample == name) {
            let messages = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(messages.len(), 1, "{name}");
            assert_eq!(messages[0].kind.name(), *kind, "{name}");
            assert_eq!(messages[0].instructions.len(), *count, "{name}: {told}");
            known += 1;
        } else if let Some((_, why)) = REFUSED.iter().find(|(sample, _)| *sample == name) {
            assert!(told.starts_with(&format!("refused: {why}")), "{name}: {told}");
            known += 1;
        }
    }
    assert!(known == 0 || known == SAMPLES.len() + REFUSED.len(), "{known}");
}

/// Each file has as many messages as a `{1:F01` stands at the beginning of a line in it.
#[test]
fn every_mt103_of_strangers_is_one_payment() {
    for (name, bytes) in shared("mt103") {
        let count = bytes.split(|&b| b == b'\n').filter(|line| line.starts_with(b"{1:F01")).count();
        let messages = read_messages(&bytes, &Limits::default());
        let messages = messages.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(messages.len(), count, "{name}");
        for message in messages {
            assert!(matches!(message.instructions[..], [Instruction::Payment(_)]), "{name}");
        }
    }
}
