//! ISO 20022 and MT103 at the door of the service.

use std::collections::BTreeSet;

use std::fmt::Write as _;

use serde_json::Value;

use crate::door::Folder;
use crate::serve::{Request, Service};

const XML: &str = "application/xml";

/// A payment of a message of ours: UETR number, debtor, creditor, amount.
struct Part(u32, &'static str, &'static str, &'static str);

fn uetr(number: u32) -> String {
    format!("7a562c67-ca16-48ba-b074-65581be6{number:04x}")
}

fn account(number: &str) -> String {
    format!("<Id><Othr><Id>SECRET-{number}</Id></Othr></Id>")
}

fn agent(name: &str) -> String {
    format!("<{name}><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></{name}>")
}

fn pacs_008(id: &str, time: &str, parts: &[Part]) -> String {
    let mut body = String::new();
    for Part(number, debtor, creditor, amount) in parts {
        let (uetr, count) = (uetr(*number).to_uppercase(), number);
        write!(
            body,
            "<CdtTrfTxInf><PmtId><EndToEndId>E{count}</EndToEndId><TxId>T{count}</TxId><UETR>{uetr}</UETR>\
             </PmtId><IntrBkSttlmAmt Ccy=\"EUR\">{amount}</IntrBkSttlmAmt><Dbtr><Nm>PLANTED NAME</Nm></Dbtr>\
             <DbtrAcct>{}</DbtrAcct>{}{}<CdtrAcct>{}</CdtrAcct><RmtInf><Ustrd>PLANTED TEXT</Ustrd></RmtInf>\
             </CdtTrfTxInf>",
            account(debtor),
            agent("DbtrAgt"),
            agent("CdtrAgt"),
            account(creditor)
        )
        .expect("a string");
    }
    let count = parts.len();
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr>\
         <MsgId>{id}</MsgId><CreDtTm>{time}</CreDtTm><NbOfTxs>{count}</NbOfTxs></GrpHdr>{body}\
         </FIToFICstmrCdtTrf></Document>"
    )
}

fn pacs_004(number: u32, amount: &str) -> String {
    let uetr = uetr(number);
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09\"><PmtRtr><GrpHdr><MsgId>R{number}</MsgId>\
         <CreDtTm>2026-03-02T00:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr><TxInf><RtrId>R</RtrId>\
         <OrgnlUETR>{uetr}</OrgnlUETR><RtrdIntrBkSttlmAmt Ccy=\"EUR\">{amount}</RtrdIntrBkSttlmAmt></TxInf>\
         </PmtRtr></Document>"
    )
}

fn pacs_002(number: u32, status: &str) -> String {
    let uetr = uetr(number);
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10\"><FIToFIPmtStsRpt><GrpHdr><MsgId>S</MsgId>\
         <CreDtTm>2026-03-02T00:00:00Z</CreDtTm></GrpHdr><TxInfAndSts><OrgnlUETR>{uetr}</OrgnlUETR>\
         <TxSts>{status}</TxSts></TxInfAndSts></FIToFIPmtStsRpt></Document>"
    )
}

fn post(service: &Service, key: &str, kind: &str, body: &str) -> (u16, Value) {
    let request = Request { method: "POST", path: "/v1/messages", key: Some(key), kind, body };
    let (status, body) = service.ask(&request);
    assert!(!body.contains("SECRET") && !body.contains("PLANTED"), "{body}");
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}")))
}

/// What is said of the first instruction of the first message.
fn first(service: &Service, key: &str, body: &str) -> Value {
    let (status, told) = post(service, key, XML, body);
    assert_eq!(status, 200, "{told}");
    told["messages"][0]["instructions"][0].clone()
}

/// The typologies that fired.
fn fired(verdict: &Value) -> Vec<&str> {
    let rules = verdict["reasons"].as_array().unwrap_or_else(|| panic!("no verdict: {verdict}"));
    rules.iter().filter_map(|rule| rule["typology"].as_str()).collect()
}

/// Three payments around a cycle, a minute apart.
fn cycle(from: u32, [a, b, c]: [&'static str; 3]) -> [String; 3] {
    let time = |minute: u32| format!("2026-03-01T10:{minute:02}:00Z");
    [
        pacs_008("M1", &time(from), &[Part(from, a, b, "900.00")]),
        pacs_008("M2", &time(from + 1), &[Part(from + 1, b, c, "890.00")]),
        pacs_008("M3", &time(from + 2), &[Part(from + 2, c, a, "880.00")]),
    ]
}

#[test]
fn what_comes_back_or_is_rejected_is_in_no_later_cycle_and_a_restart_knows_it() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let whole = cycle(10, ["1", "2", "3"]);
    let told: Vec<Value> = whole.iter().map(|body| first(&service, &key, body)).collect();
    assert_eq!(told[0]["id"], uetr(10), "a UETR in small letters");
    assert!(fired(&told[2]).contains(&"cycle"), "{}", told[2]);
    for (from, names, taken, back) in [
        (20, ["4", "5", "6"], 20, pacs_004(20, "900.00")),
        (30, ["7", "8", "9"], 31, pacs_002(31, "RJCT")),
    ] {
        let [one, two, three] = cycle(from, names);
        first(&service, &key, &one);
        first(&service, &key, &two);
        assert_eq!(first(&service, &key, &back)["withdrawn"], uetr(taken));
        // Once more: it counts once, and is no error.
        assert_eq!(first(&service, &key, &back)["withdrawn"], uetr(taken));
        let told = first(&service, &key, &three);
        assert!(!fired(&told).contains(&"cycle"), "{told}");
    }
    // What was taken out, and the message that did it, are in no view either.
    first(&service, &key, &pacs_008("M4", "2026-03-01T10:39:00Z", &[Part(50, "1", "13", "7.00")]));
    let id = told[2]["reasons"][0]["alert"].as_str().expect("an id");
    let seen = || {
        let graph = service.json(&format!("/v1/alerts/{id}/graph?hops=1"), &key);
        let payments = graph["payments"].as_array().expect("a list").iter();
        payments.map(|it| it["id"].as_str().expect("an id").to_owned()).collect::<BTreeSet<_>>()
    };
    let before = BTreeSet::from([10, 11, 12, 50].map(uetr));
    assert_eq!(seen(), before, "the circle, and what one of it paid beside it");
    assert_eq!(first(&service, &key, &pacs_004(50, "7.00"))["withdrawn"], uetr(50));
    assert_eq!(seen(), BTreeSet::from([10, 11, 12].map(uetr)));
    // A part of the money, an accepted payment, an unknown one: nothing is taken out.
    let [one, two, three] = cycle(40, ["10", "11", "12"]);
    first(&service, &key, &one);
    first(&service, &key, &two);
    let part = first(&service, &key, &pacs_004(40, "899.99"));
    assert!(part["left_out"].as_str().is_some_and(|why| why.contains("a part")), "{part}");
    let fine = first(&service, &key, &pacs_002(41, "ACSC"));
    assert!(fine["left_out"].is_string(), "{fine}");
    assert_eq!(first(&service, &key, &pacs_004(99, "1.00"))["status"], 404);
    assert!(fired(&first(&service, &key, &three)).contains(&"cycle"));
    // Killed, and begun again: the log is compared with what was said.
    drop(service);
    let service = Service::start(&folder);
    let again = first(&service, &key, &whole[2]);
    assert_eq!(again, told[2]);
    // The money of the cycle that was cut comes around once more: still no cycle.
    let late = pacs_008("M9", "2026-03-01T11:00:00Z", &[Part(60, "6", "4", "870.00")]);
    assert!(!fired(&first(&service, &key, &late)).contains(&"cycle"));
    service.stop();
    let explained = folder.well(&format!("explain {} --data data", uetr(22)));
    assert!(explained.err.contains("to the bit"), "{}", explained.err);
    // Names and remittance text are nowhere.
    for name in ["payments", "verdicts", "snapshots"] {
        for file in folder.list(&format!("data/{name}")) {
            let bytes = folder.bytes(&format!("data/{name}/{file}"));
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains("PLANTED"), "{name}/{file}");
        }
    }
}

/// An MT103 from the bank of the creditor to that of the debtor, or the reverse.
fn mt_103(is_back: bool, user: &str, fields: &str) -> String {
    let (own, other) = if is_back { ("BNPAFRPP", "DEUTDEFF") } else { ("DEUTDEFF", "BNPAFRPP") };
    format!(
        "{{1:F01{other}AXXX0000000000}}{{2:O1031200260301{own}AXXX00000000002603011200N}}{user}{{4:\r\n{fields}\r\n-}}"
    )
}

#[test]
fn an_mt103_that_comes_back_is_a_return_of_the_one_it_names() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let parties = ":50K:/SECRET-1\r\nPLANTED NAME\r\n:59:/SECRET-2\r\nPLANTED NAME";
    let send = |body: &str| {
        let (status, told) = post(&service, &key, "text/plain", body);
        assert_eq!(status, 200, "{told}");
        told["messages"][0]["instructions"][0].clone()
    };
    let paid = |reference: &str, user: &str| {
        let fields = format!(":20:{reference}\r\n:23B:CRED\r\n:32A:260301EUR7,5\r\n{parties}");
        send(&mt_103(false, user, &fields))
    };
    let back = |user: &str, amount: &str, words: &str| {
        let fields =
            format!(":20:BACK\r\n:23B:CRED\r\n:32A:260301EUR{amount}\r\n{parties}\r\n:72:{words}");
        send(&mt_103(true, user, &fields))
    };
    // Before its original nothing is known of it, and nothing is kept; after it, it is taken out.
    let returned =
        || back("", "7,5", "/RETN/59\r\n/AC01/CLOSED\r\n/MREF/REF1\r\n/TEXT/PLANTED TEXT");
    let early = returned();
    assert_eq!(early["status"], 404, "{early}");
    assert!(early["hint"].as_str().is_some_and(|hint| hint.contains("send it again")), "{early}");
    assert_eq!(paid("REF1", "")["id"], "DEUTDEFFXXX/MT103/REF1");
    for _ in 0..2 {
        assert_eq!(returned()["withdrawn"], "DEUTDEFFXXX/MT103/REF1");
    }
    // By its UETR; a rejection says no amount.
    let user = format!("{{3:{{121:{}}}}}", uetr(1));
    assert_eq!(paid("REF2", &user)["id"], uetr(1));
    assert_eq!(back(&user, "1,", "/REJT/59\r\n/AC01/")["withdrawn"], uetr(1));
    // Less than was paid is a part of it, unless charges are what is missing.
    paid("REF3", "");
    let part = back("", "7,", "/RETN/59\r\n/MREF/REF3");
    assert!(part["left_out"].as_str().is_some_and(|why| why.contains("a part")), "{part}");
    let whole = back("", "7,\r\n:33B:EUR7,5", "/RETN/59\r\n/MREF/REF3");
    assert_eq!(whole["withdrawn"], "DEUTDEFFXXX/MT103/REF3");
    // What only speaks of one is a payment.
    let other = back("", "7,5", "/INS/BNPAFRPP\r\n//NOT /RETN/");
    assert_eq!(other["id"], "BNPAFRPPXXX/MT103/BACK", "{other}");
    // Of nobody knows what.
    assert_eq!(back("", "7,5", "/RETN/59")["status"], 404);
}

#[test]
fn a_return_that_comes_before_its_original_is_told_so_and_counts_once_it_is_sent_again() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let [one, two, three] = cycle(10, ["1", "2", "3"]);
    for early in [pacs_004(10, "900.00"), pacs_002(10, "RJCT")] {
        let told = first(&service, &key, &early);
        assert_eq!(told["status"], 404, "{told}");
        assert!(told["hint"].as_str().is_some_and(|hint| hint.contains("send it again")), "{told}");
    }
    // What was not acknowledged changes nothing: the payment is judged as if it had not been there.
    for body in [&one, &two] {
        assert!(first(&service, &key, body)["place"].is_u64());
    }
    assert_eq!(first(&service, &key, &pacs_004(10, "900.00"))["withdrawn"], uetr(10));
    assert!(!fired(&first(&service, &key, &three)).contains(&"cycle"));
    // Parts are not added up: each is less than the payment.
    for _ in 0..2 {
        let part = first(&service, &key, &pacs_004(11, "445.00"));
        assert!(part["left_out"].is_string(), "{part}");
    }
}

#[test]
fn one_payment_in_several_messages_counts_once() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let parts = [Part(1, "1", "2", "5.00"), Part(1, "1", "2", "5.00"), Part(2, "1", "2", "5.00")];
    let (status, told) = post(&service, &key, XML, &pacs_008("M1", "2026-03-01T10:00:00Z", &parts));
    assert_eq!(status, 200, "{told}");
    let message = &told["messages"][0];
    assert_eq!(message["instructions"][0], message["instructions"][1]);
    assert_ne!(message["instructions"][0], message["instructions"][2]);
    assert!(message["warnings"].to_string().contains("one identification"), "{message}");
    // The same UETR later, as another message says it, with another time.
    let again = pacs_008("M2", "2026-03-01T12:00:00Z", &[Part(1, "1", "2", "5.00")]);
    assert_eq!(first(&service, &key, &again), message["instructions"][0]);
    // Another amount under it is another payment, and is refused in its place.
    let other = pacs_008("M3", "2026-03-01T12:00:00Z", &[Part(1, "1", "2", "6.00")]);
    assert_eq!(first(&service, &key, &other)["status"], 409);
    // Several documents behind each other, and an MT103.
    let both = format!(
        "{}\n{}",
        pacs_008("M4", "2026-03-01T12:00:01Z", &[Part(3, "1", "2", "5.00")]),
        pacs_004(3, "5.00")
    );
    let (_, told) = post(&service, &key, XML, &both);
    assert_eq!(told["messages"][1]["instructions"][0]["withdrawn"], uetr(3), "{told}");
    let fin = "{1:F01DEUTDEFFAXXX0000000000}{2:O1031200260301BNPAFRPPAXXX00000000002603011200N}\
               {4:\r\n:20:REF1\r\n:23B:CRED\r\n:32A:260301EUR7,5\r\n:50K:/SECRET-1\r\nPLANTED NAME\r\n\
               :59:/SECRET-2\r\nPLANTED NAME\r\n-}";
    let (status, told) = post(&service, &key, "text/plain", fin);
    assert_eq!((status, &told["messages"][0]["kind"]), (200, &Value::from("MT103")), "{told}");
    assert_eq!(told["messages"][0]["instructions"][0]["id"], "BNPAFRPPXXX/MT103/REF1");
    let metrics = service.get("/metrics", &key).1;
    // Three payments, the one of MT103, and the withdrawal has a place as well.
    assert!(metrics.contains("shroff_payments 5\n"), "{metrics}");
}

#[test]
fn what_cannot_be_read_is_kept_aside_whole_and_nothing_of_it_is_taken() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let good = pacs_008("M1", "2026-03-01T10:00:00Z", &[Part(1, "1", "2", "5.00")]);
    let bad = good.replace("5.00", "5.001");
    let both = format!("{good}{bad}");
    let (status, problem) = post(&service, &key, XML, &both);
    assert_eq!(status, 422, "{problem}");
    assert!(
        problem["detail"].as_str().is_some_and(|why| why.contains("more decimals")),
        "{problem}"
    );
    let (_, dtd) = post(&service, &key, XML, &format!("<!DOCTYPE d [<!ENTITY a \"b\">]>{good}"));
    assert!(dtd["detail"].as_str().is_some_and(|why| why.contains("DTD")), "{dtd}");
    let kept = folder.list("data/quarantine");
    let messages: Vec<&String> = kept.iter().filter(|name| name.ends_with(".message")).collect();
    assert_eq!((messages.len(), kept.len()), (2, 4));
    assert!(messages.iter().any(|name| folder.text(&format!("data/quarantine/{name}")) == both));
    for name in &kept {
        let mode = std::fs::metadata(folder.path(&format!("data/quarantine/{name}")));
        assert_eq!(mode.expect("it is there").permissions().mode() & 0o777, 0o600, "{name}");
    }
    // Again: it is kept once.
    post(&service, &key, XML, &both);
    assert_eq!(folder.list("data/quarantine").len(), 4);
    assert_eq!(service.get(&format!("/v1/payments/{}/verdict", uetr(1)), &key).0, 404);
    assert_eq!(post(&service, &key, "application/json", &good).0, 415);
}

#[test]
fn a_history_is_loaded_once_however_often_and_the_service_goes_on_from_it() {
    let folder = Folder::new();
    let whole = cycle(10, ["1", "2", "3"]);
    let cut = cycle(20, ["4", "5", "6"]);
    let back = pacs_004(20, "900.00").replace("2026-03-02T00:00:00Z", "2026-03-01T10:20:30Z");
    folder.write("history.xml", [&whole[..2], &cut[..2], &[back][..]].concat().concat());
    folder.write("rows.csv", "id,time,debtor,creditor,amount,currency\nr1,2026-03-01T09:00:00Z,A,B,5.00,EUR\nr2,2099-03-01T09:00:00Z,A,B,5.00,EUR\n");
    folder.write("bad.xml", whole[2].replace("880.00", "-1"));
    let line = "ingest history.xml rows.csv bad.xml --data data --max-bad 0.9";
    let told = folder.well(line).err;
    assert!(told.contains("5 new, 0 known, 1 taken out again, 2 refused"), "{told}");
    let again = folder.well(line).err;
    assert!(again.contains("0 new, 5 known, 0 taken out again, 2 refused"), "{again}");
    let refused = folder.text("data/quarantine.csv");
    assert!(refused.contains("bad.xml") && refused.contains("too far ahead"), "{refused}");
    assert!(!refused.contains("SECRET") && !told.contains("SECRET"), "{refused}");
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    assert!(folder.run("ingest rows.csv --data data").err.contains("is in use"));
    let close = |time: &str, part: Part| first(&service, &key, &pacs_008("M9", time, &[part]));
    let told = close("2026-03-01T10:40:00Z", Part(12, "3", "1", "880.00"));
    assert!(fired(&told).contains(&"cycle"), "{told}");
    let told = close("2026-03-01T10:41:00Z", Part(22, "6", "4", "880.00"));
    assert!(!fired(&told).contains(&"cycle"), "{told}");
    service.stop();
}
