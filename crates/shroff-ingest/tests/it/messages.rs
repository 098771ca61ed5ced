//! ISO 20022 and MT103: those of strangers, hostile ones, and small ones of our own.

use std::path::PathBuf;

use shroff_ingest::messages::{
    Instruction, Limits, Message, PartyNames, Unreadable, read_messages,
};

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
                    if message.warnings.is_empty() {
                        String::new()
                    } else {
                        format!(": {}", message.warnings.join("; "))
                    },
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

/// The hostile files that are read, each with how many payments it has; all others are refused.
const HOSTILE_READ: [(&str, usize); 58] = [
    ("amount_bhd_3dec.xml", 1),
    ("amount_leading_zeros.xml", 1),
    ("amount_plus.xml", 1),
    ("amount_space.xml", 1),
    ("batch_50k.xml", 50_000),
    ("bom_utf8.xml", 1),
    ("cdata_in_name.xml", 1),
    ("comment_splits_amount.xml", 1),
    ("comment_splits_iban.xml", 1),
    ("credttm_date_only.xml", 1),
    ("credttm_far_future.xml", 1),
    ("credttm_feb30.xml", 1),
    ("credttm_hour24.xml", 1),
    ("credttm_leap60.xml", 1),
    ("credttm_no_tz.xml", 1),
    ("credttm_ns.xml", 1),
    ("credttm_offset14.xml", 1),
    ("credttm_year10000.xml", 1),
    ("crlf.xml", 1),
    ("ctrlsum_mismatch.xml", 2),
    ("document_in_cdata.xml", 1),
    ("dup_uetr_in_batch.xml", 2),
    ("e2e_notprovided.xml", 1),
    ("envelope_bizmsgidr_mismatch.xml", 1),
    ("envelope_msgdefidr_mismatch.xml", 1),
    ("envelope_ok.xml", 1),
    ("envelope_two_documents.xml", 2),
    ("iban_bad_checksum.xml", 1),
    ("iban_spaces_lower.xml", 1),
    ("latin1_declared.xml", 1),
    ("leading_whitespace_before_decl.xml", 1),
    ("many_comments_20k.xml", 1),
    ("many_pi_20k.xml", 1),
    ("multi_currency_batch.xml", 3),
    ("name_homoglyph.xml", 1),
    ("name_rtl_override.xml", 1),
    ("name_zero_width.xml", 1),
    ("nboftxs_mismatch.xml", 2),
    ("no_declaration.xml", 1),
    ("no_namespace.xml", 1),
    ("othr_id.xml", 1),
    ("othr_same_id_two_banks.xml", 1),
    ("prefix_everywhere.xml", 1),
    ("self_transfer.xml", 1),
    ("standalone_yes.xml", 1),
    ("supplementary_data_nested_document.xml", 1),
    ("swift_ns_root.xml", 1),
    ("two_roots.xml", 2),
    ("uetr_missing.xml", 1),
    ("uetr_uppercase.xml", 1),
    ("unknown_version_99.xml", 1),
    ("ustrd_formula_injection.xml", 1),
    ("ustrd_html.xml", 1),
    ("ustrd_newline_log_forgery.xml", 1),
    ("ustrd_repeated.xml", 1),
    ("utf16be_bom.xml", 1),
    ("utf16le_bom.xml", 1),
    ("xinclude.xml", 1),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test measures itself")]
fn hostile_files_are_read_or_refused_in_a_time_that_goes_with_their_length() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/iso20022");
    let folder = tempfile::tempdir().expect("a folder of our own");
    let made = std::process::Command::new("python3")
        .args([&format!("{root}/gen_hostile.py"), folder.path().to_str().expect("UTF-8"), "--big"])
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: no python3, or no gen_hostile.py");
        return;
    }
    let files = shared(folder.path().to_str().expect("UTF-8"));
    let mut read_files = 0;
    for (name, bytes) in &files {
        let begun = std::time::Instant::now();
        let read = read_messages(bytes, &Limits::default());
        let took = begun.elapsed();
        // 10 ns a byte is what it takes; a hundred times that is a fault whatever the machine does.
        let most = std::time::Duration::from_millis(200 + bytes.len() as u64 / 1_000);
        assert!(took < most, "{name}: {took:?} for {} bytes", bytes.len());
        let wanted = HOSTILE_READ.iter().find(|(file, _)| file == name).map(|(_, count)| *count);
        let count = read.as_ref().ok().map(|messages| {
            messages.iter().map(|message| message.instructions.len()).sum::<usize>()
        });
        assert_eq!(count, wanted, "{name}: {}", tell(&read));
        read_files += usize::from(count.is_some());
    }
    assert_eq!(read_files, HOSTILE_READ.len(), "of {}", files.len());
}

/// A pacs.008 with one payment; what stands in braces is put in.
const PACS_008: &str = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.{version}'><FIToFICstmrCdtTrf>\
<GrpHdr><MsgId>M1</MsgId><CreDtTm>{time}</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr><CdtTrfTxInf><PmtId>{ids}</PmtId>\
{amount}<DbtrAcct>{debtor}</DbtrAcct><DbtrAgt><FinInstnId><BICFI>AAAADEFF</BICFI></FinInstnId></DbtrAgt>\
<CdtrAgt><FinInstnId><BICFI>BBBBFRPPXXX</BICFI></FinInstnId></CdtrAgt><CdtrAcct>{creditor}</CdtrAcct>{more}\
</CdtTrfTxInf></FIToFICstmrCdtTrf></Document>";

const DEFAULTS: [(&str, &str); 7] = [
    ("{version}", "08"),
    ("{time}", "2026-01-02T03:04:05Z"),
    ("{ids}", "<EndToEndId>E1</EndToEndId><TxId>T1</TxId>"),
    ("{amount}", "<IntrBkSttlmAmt Ccy='EUR'>10.00</IntrBkSttlmAmt>"),
    ("{debtor}", "<Id><Othr><Id>1</Id></Othr></Id>"),
    ("{creditor}", "<Id><Othr><Id>1</Id></Othr></Id>"),
    ("{more}", ""),
];

fn pacs_008(changes: &[(&str, &str)]) -> String {
    let put = |text: String, (hole, value): &(&str, &str)| text.replace(hole, value);
    let text = changes.iter().fold(PACS_008.to_owned(), put);
    DEFAULTS.iter().fold(text, put)
}

fn payments(text: &str) -> Vec<String> {
    let messages = read_messages(text.as_bytes(), &Limits::default());
    let messages = messages.unwrap_or_else(|error| panic!("{error}: {text}"));
    let instructions = messages.iter().flat_map(|message| &message.instructions);
    instructions
        .map(|instruction| match instruction {
            Instruction::Payment(p) => format!(
                "{} {} {} {} {} {}",
                p.key, p.time, p.debtor, p.creditor, p.amount.minor, p.amount.currency
            ),
            Instruction::Return(one) => format!("return {:?} {:?}", one.originals, one.amount),
            Instruction::Rejection(one) => format!("rejection {:?}", one.originals),
            Instruction::LeftOut(why) => format!("left out: {why}"),
        })
        .collect()
}

#[test]
fn a_payment_says_who_pays_whom_when_how_much_and_under_which_key() {
    const REST: &str = "2026-01-02T03:04:05Z AAAADEFFXXX/-/1 BBBBFRPPXXX/-/1 1000 EUR";
    let key = |key: &str| format!("{key} {REST}");
    let uetr = "<TxId>T1</TxId><UETR>7A562C67-CA16-48BA-B074-65581BE6F001</UETR>";
    for (changes, wanted) in [
        // A number is unique only within its agent.
        (vec![], key("AAAADEFFXXX/M1/T1")),
        (vec![("{ids}", uetr)], key("7a562c67-ca16-48ba-b074-65581be6f001")),
        (
            vec![("{ids}", "<InstrId>I</InstrId><EndToEndId>NOTPROVIDED</EndToEndId>")],
            key("AAAADEFFXXX/M1/I"),
        ),
        (
            vec![(
                "{more}",
                "<InstgAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>021</MmbId></ClrSysMmbId></FinInstnId></InstgAgt>",
            )],
            key("USABA:021/M1/T1"),
        ),
        (
            vec![("{time}", "2026-01-02T24:00:00+01:00")],
            key("AAAADEFFXXX/M1/T1").replace("2026-01-02T03:04:05Z", "2026-01-02T23:00:00Z"),
        ),
        // What is settled moves, and not what was instructed in another currency.
        (vec![("{more}", "<InstdAmt Ccy='USD'>99</InstdAmt>")], key("AAAADEFFXXX/M1/T1")),
        (
            vec![("{amount}", "<IntrBkSttlmAmt Ccy='JPY'>1000.000</IntrBkSttlmAmt>")],
            key("AAAADEFFXXX/M1/T1").replace("EUR", "JPY"),
        ),
        (
            vec![(
                "{amount}",
                "<IntrBkSttlmAmt Ccy='BHD'>1<!-- x -->.0<![CDATA[0]]></IntrBkSttlmAmt>",
            )],
            key("AAAADEFFXXX/M1/T1").replace("EUR", "BHD"),
        ),
        (
            vec![("{debtor}", "<Id><IBAN>de89 3704 0044 0532 0130 00</IBAN></Id>")],
            key("AAAADEFFXXX/M1/T1").replace("AAAADEFFXXX/-/1", "iban:DE89370400440532013000"),
        ),
        (
            vec![(
                "{debtor}",
                "<Id><Othr><Id>1</Id><SchmeNm><Prtry>A/B</Prtry></SchmeNm></Othr></Id>",
            )],
            key("AAAADEFFXXX/M1/T1").replace("AAAADEFFXXX/-/1", "AAAADEFFXXX/A%2FB/1"),
        ),
        (
            vec![("{debtor}", "<Prxy><Id>+49 1</Id></Prxy>")],
            key("AAAADEFFXXX/M1/T1").replace("AAAADEFFXXX/-/1", "AAAADEFFXXX/proxy/+49%201"),
        ),
        (
            vec![("{debtor}", "")],
            key("AAAADEFFXXX/M1/T1").replace("AAAADEFFXXX/-/1", "AAAADEFFXXX/-/-"),
        ),
    ] {
        assert_eq!(payments(&pacs_008(&changes)), [wanted], "{changes:?}");
    }
    for version in 1..=13 {
        let text = pacs_008(&[("{version}", &format!("{version:02}"))]);
        assert_eq!(payments(&text), [key("AAAADEFFXXX/M1/T1")], "{version}");
    }
    // In version 01 the body is called as the message.
    let first = pacs_008(&[("{version}", "01")]).replace("FIToFICstmrCdtTrf", "pacs.008.001.01");
    assert_eq!(payments(&first), [key("AAAADEFFXXX/M1/T1")]);
}

#[test]
fn whatever_is_around_a_document_it_is_the_same_payment() {
    let bare = pacs_008(&[]);
    let wanted = payments(&bare);
    let header = "<AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.04'><Fr><FIId><FinInstnId>\
        <BICFI>AAAADEFF</BICFI></FinInstnId></FIId></Fr><BizMsgIdr>M1</BizMsgIdr>\
        <MsgDefIdr>pacs.008.001.08</MsgDefIdr></AppHdr>";
    let prefixed = bare
        .replace("</", "@")
        .replace('<', "<p:")
        .replace('@', "</p:")
        .replace("xmlns=", "xmlns:p=");
    let nested = bare.replace("10.00", "99.00");
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(bare.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let texts = [
        format!("\u{feff}{bare}"),
        format!("<?xml version='1.0'?>{bare}"),
        format!("<?xml version='1.0' encoding='ISO-8859-1'?>{bare}"),
        format!("<E>{header}{bare}</E>"),
        format!("<E><H>{header}</H><B><C>{bare}</C></B></E>"),
        format!("{header}{bare}"),
        format!("<E><P><![CDATA[<?xml version='1.0'?>{bare}]]></P></E>"),
        prefixed,
        pacs_008(&[("{more}", &format!("<SplmtryData><Envlp>{nested}</Envlp></SplmtryData>"))]),
    ];
    for text in &texts {
        assert_eq!(payments(text), wanted, "{text}");
        let messages = read_messages(text.as_bytes(), &Limits::default()).expect("it is read");
        assert_eq!(messages[0].warnings, [] as [String; 0], "{text}");
    }
    let read = read_messages(&utf16, &Limits::default()).expect("it is read");
    assert_eq!(read[0].instructions.len(), 1);
}

#[test]
fn in_an_initiation_the_debtor_stands_over_its_payments_and_in_a_statement_only_what_is_booked_counts()
 {
    let initiation = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn>\
        <GrpHdr><MsgId>M</MsgId><CreDtTm>2026-01-02T00:00:00Z</CreDtTm></GrpHdr><PmtInf><PmtInfId>B</PmtInfId>\
        <ReqdExctnDt><Dt>2026-01-03</Dt></ReqdExctnDt><DbtrAcct><Id><Othr><Id>7</Id></Othr></Id></DbtrAcct>\
        <DbtrAgt><FinInstnId><BICFI>AAAADEFF</BICFI></FinInstnId></DbtrAgt>@1@2</PmtInf></CstmrCdtTrfInitn></Document>";
    let one = |id: u32| {
        format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>E{id}</EndToEndId></PmtId><Amt><InstdAmt Ccy='EUR'>{id}\
        </InstdAmt></Amt><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct></CdtTrfTxInf>"
        )
    };
    let text = initiation.replace("@1", &one(1)).replace("@2", &one(2));
    assert_eq!(
        payments(&text),
        [
            "AAAADEFFXXX/M/B%20E1 2026-01-02T00:00:00Z AAAADEFFXXX/-/7 iban:DE89370400440532013000 100 EUR",
            "AAAADEFFXXX/M/B%20E2 2026-01-02T00:00:00Z AAAADEFFXXX/-/7 iban:DE89370400440532013000 200 EUR",
        ]
    );
    let detail = |uetr: u32, amount: &str, other: &str| {
        format!(
            "<TxDtls><Refs><UETR>7a562c67-ca16-48ba-b074-65581be6f00{uetr}</UETR></Refs>{amount}\
        <RltdPties><DbtrAcct>{other}</DbtrAcct><CdtrAcct>{other}</CdtrAcct></RltdPties></TxDtls>"
        )
    };
    let other = "<Id><Othr><Id>9</Id></Othr></Id>";
    let entry = |direction: &str, status: &str, more: &str, details: &str| {
        format!(
            "<Ntry><Amt Ccy='EUR'>5</Amt><CdtDbtInd>{direction}</CdtDbtInd>\
        {more}<Sts>{status}</Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt><NtryDtls>{details}</NtryDtls></Ntry>"
        )
    };
    let half = "<Amt Ccy='EUR'>2.50</Amt>";
    let entries = [
        entry("CRDT", "BOOK", "", &detail(1, "", other)),
        entry("DBIT", "<Cd>BOOK</Cd>", "", &(detail(2, half, other) + &detail(3, half, other))),
        entry("DBIT", "PDNG", "", &detail(4, "", other)),
        entry("CRDT", "BOOK", "<RvslInd>true</RvslInd>", &detail(2, half, other)),
        entry("DBIT", "BOOK", "", &(detail(5, "", other) + &detail(6, half, ""))),
        entry("DBIT", "BOOK", "", ""),
    ];
    let statement = |entries: &str| {
        format!(
            "<Stmt><Id>S</Id><Acct><Id><Othr><Id>7</Id></Othr></Id><Svcr><FinInstnId><BIC>AAAADEFF</BIC></FinInstnId></Svcr></Acct>{entries}</Stmt>"
        )
    };
    let text = format!(
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>{}{}</BkToCstmrStmt></Document>",
        statement(&entries[..3].concat()),
        statement(&entries[3..].concat())
    );
    let booked = |uetr: u32, rest: &str| {
        format!("7a562c67-ca16-48ba-b074-65581be6f00{uetr} 2026-01-02T00:00:00Z {rest} EUR")
    };
    assert_eq!(payments(&text), [
        booked(1, "-/-/9 AAAADEFFXXX/-/7 500"),
        booked(2, "AAAADEFFXXX/-/7 -/-/9 250"),
        booked(3, "AAAADEFFXXX/-/7 -/-/9 250"),
        "left out: an entry of a statement is not booked".to_owned(),
        "return [\"7a562c67-ca16-48ba-b074-65581be6f002\"] Some(Amount { minor: 250, currency: EUR })".to_owned(),
        "left out: a payment of an entry of several has no amount of its own".to_owned(),
        "left out: an entry of a statement names no other account".to_owned(),
        "left out: an entry of a statement names no other account".to_owned(),
    ]);
}

#[test]
fn a_return_and_a_rejection_name_the_original_by_its_uetr_or_by_agent_message_and_id() {
    let text = |ids: &str| {
        format!(
            "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09'><PmtRtr><GrpHdr><MsgId>R</MsgId>\
        <CreDtTm>2026-01-02T00:00:00Z</CreDtTm><InstdAgt><FinInstnId><BICFI>AAAADEFF</BICFI></FinInstnId></InstdAgt></GrpHdr>\
        <TxInf>{ids}<RtrdIntrBkSttlmAmt Ccy='EUR'>1.00</RtrdIntrBkSttlmAmt></TxInf></PmtRtr></Document>"
        )
    };
    let amount = "Some(Amount { minor: 100, currency: EUR })";
    let uetr = "<OrgnlUETR>7A562C67-CA16-48BA-B074-65581BE6F001</OrgnlUETR>";
    assert_eq!(
        payments(&text(uetr)),
        [format!("return [\"7a562c67-ca16-48ba-b074-65581be6f001\"] {amount}")]
    );
    let ids = "<OrgnlGrpInf><OrgnlMsgId>M1</OrgnlMsgId></OrgnlGrpInf><OrgnlTxId>T1</OrgnlTxId>";
    // The key that the payment of the test above has is the first of them.
    assert_eq!(
        payments(&text(ids)),
        [format!("return [\"AAAADEFFXXX/M1/T1\", \"-/M1/T1\"] {amount}")]
    );
}

#[test]
fn whatever_is_cut_or_changed_in_a_message_nothing_panics() {
    let fin = "{1:F01AAAADEFFAXXX0000000000}{2:I103BBBBFRPPXXXXN}{3:{121:7a562c67-ca16-48ba-b074-65581be6f001}}\
        {4:\n:20:R\n:23B:CRED\n:32A:260102EUR1,5\n:50K:/1\nN\n:59:/2\nN\n-}{5:{CHK:1}}";
    assert_eq!(
        payments(fin),
        [
            "7a562c67-ca16-48ba-b074-65581be6f001 2026-01-02T00:00:00Z AAAADEFFXXX/-/1 BBBBFRPPXXX/-/2 150 EUR"
        ]
    );
    assert_eq!(payments(&format!("{fin}\n$\n{fin}")).len(), 2);
    for text in [pacs_008(&[]), fin.to_owned()] {
        for cut in 0..text.len() {
            drop(read_messages(&text.as_bytes()[..cut], &Limits::default()));
            for byte in *b"<>&{}:/\0\xFF\n" {
                let mut bytes = text.clone().into_bytes();
                bytes[cut] = byte;
                drop(read_messages(&bytes, &Limits::default()));
            }
        }
    }
}

#[test]
fn every_limit_is_one() {
    let text = pacs_008(&[]);
    let all = Limits::default();
    for (limits, why) in [
        (Limits { bytes: 100, ..all }, "longer than 100 bytes"),
        (Limits { depth: 3, ..all }, "more than 3 deep"),
        (Limits { name_bytes: 9, ..all }, "the name of an element is too long"),
        (Limits { text_bytes: 9, ..all }, "longer than 9 bytes"),
        (Limits { namespaces: 0, ..all }, "too many namespaces"),
        (Limits { attributes: 0, ..all }, "more than 0 attributes"),
        (Limits { instructions: 0, ..all }, "too many instructions"),
        (Limits { steps: 9, ..all }, "too many parts"),
    ] {
        let told = tell(&read_messages(text.as_bytes(), &limits));
        assert!(told.contains(why), "{why}: {told}");
    }
}

#[test]
fn a_scan_reads_the_payments_of_messages_once_and_refuses_a_bad_one_whole() {
    let one = pacs_008(&[]);
    let two = one.replace("T1", "T2");
    let read = |text: &str| {
        let options = shroff_ingest::Options::default();
        let read = shroff_ingest::read_bytes("in.xml", text.as_bytes(), &options);
        let (ledger, refused) = read.unwrap_or_else(|error| panic!("{error}"));
        crate::door::assert_adds_up(&ledger.inputs[0]);
        let left_out = ledger.inputs[0].left_out_total();
        (ledger.payments.len(), left_out, refused.first().map(|one| one.reason.clone()))
    };
    assert_eq!(read(&format!("{one}{two}{one}")), (2, 1, None));
    let (count, _, why) = read(&format!("{one}{}", two.replace("10.00", "-1")));
    assert_eq!(count, 0);
    assert!(why.is_some_and(|why| why.contains("no decimal number")));
}

#[test]
fn the_book_lists_every_field_that_is_read() {
    let book = include_str!("../../../../docs/src/messages.md");
    for (message, path) in shroff_ingest::messages::allowed_fields() {
        assert!(book.contains(&format!("`{path}`")), "{message}: {path}");
    }
}

#[test]
fn names_and_remittance_text_are_read_where_they_are_asked_for_and_nowhere_else() {
    let pacs = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf>\
        <GrpHdr><MsgId>M</MsgId><CreDtTm>2024-01-01T00:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr>\
        <CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>T</TxId></PmtId>\
        <IntrBkSttlmAmt Ccy=\"EUR\">5.00</IntrBkSttlmAmt><Dbtr><Nm>Ada &amp; Co</Nm></Dbtr>\
        <DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
        <DbtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></DbtrAgt>\
        <CdtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></CdtrAgt>\
        <Cdtr><Nm>Bob</Nm></Cdtr><CdtrAcct><Id><Othr><Id>7</Id></Othr></Id></CdtrAcct>\
        <RmtInf><Ustrd>rent</Ustrd><Ustrd> for &lt;May&gt;\n</Ustrd><Ustrd/>\
        <Ustrd>flat 7</Ustrd></RmtInf></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>";
    let swift = "{1:F01DEUTDEFFAXXX0000000000}{2:I103DEUTDEFFXXXXN}{4:\n:20:R\n:23B:CRED\n\
        :32A:240101EUR5,00\n:50K:/12345\nAda & Co\nStreet 1\n:59:/67890\nBob\n:70:rent\nfor <May>\nflat 7\n-}";
    for text in [pacs, swift] {
        let with = |has_names| {
            let limits = Limits { has_names, ..Limits::default() };
            let messages = read_messages(text.as_bytes(), &limits).expect("it is read");
            let Instruction::Payment(payment) = &messages[0].instructions[0] else {
                panic!("a payment")
            };
            (payment.names.clone(), payment.key.clone(), payment.debtor.clone())
        };
        let (asked, key, debtor) = with(true);
        let told = [asked.debtor.as_str(), &asked.creditor];
        let words: Vec<&str> = asked.remittance.split_whitespace().collect();
        assert_eq!(words, ["rent", "for", "<May>", "flat", "7"]);
        assert_eq!(told, ["Ada & Co", "Bob"]);
        let (nothing, same, too) = with(false);
        assert_eq!((nothing, same, too), (PartyNames::default(), key, debtor));
    }
}

#[test]
fn remittance_text_that_is_too_long_is_cut_between_two_letters_and_the_payment_is_read() {
    let line = format!("<Ustrd>{}</Ustrd>", "\u{e4}".repeat(700));
    let text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf>\
         <GrpHdr><MsgId>M</MsgId><CreDtTm>2024-01-01T00:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr>\
         <CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>T</TxId></PmtId>\
         <IntrBkSttlmAmt Ccy=\"EUR\">5.00</IntrBkSttlmAmt>\
         <DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
         <CdtrAcct><Id><Othr><Id>7</Id></Othr></Id></CdtrAcct>\
         <RmtInf>{}</RmtInf></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>",
        line.repeat(5)
    );
    for has_names in [false, true] {
        let limits = Limits { has_names, ..Limits::default() };
        let messages = read_messages(text.as_bytes(), &limits).expect("it is read");
        let Instruction::Payment(payment) = &messages[0].instructions[0] else {
            panic!("a payment")
        };
        let length = payment.names.remittance.len();
        assert!(
            if has_names { (4_095..=4_096).contains(&length) } else { length == 0 },
            "{length}"
        );
        let warned =
            messages[0].warnings.iter().any(|it| it.contains("remittance text is too long"));
        assert_eq!(warned, has_names, "{:?}", messages[0].warnings);
    }
}
