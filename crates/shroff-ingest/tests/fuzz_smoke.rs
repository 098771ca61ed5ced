//! Fuzzing without a fuzzer: seeds, mutated deterministically for some seconds.
//!
//! The targets are those of the `fuzz` workspace, which goes on for as long as it is let.

use shroff_ingest::messages::{Limits, read_messages};
use shroff_ingest::{Mapping, Options, Rates, guess_bytes, read_bytes};

/// A small generator (xorshift64*): equal in every run, so that a failure can be found again.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound.max(1)
    }

    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        const TOKENS: [&[u8]; 16] = [
            b"\"",
            b"\n",
            b"\r\n",
            b",",
            b";",
            b"\0",
            b"\xff",
            b"-",
            b"1e999",
            b"9999999999999999999999",
            b"\"\"",
            b"{",
            b"=",
            b"[",
            b"\xef\xbb\xbf",
            b"%",
        ];
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                1 => bytes.truncate(at),
                2 => {
                    let token = TOKENS[self.below(TOKENS.len())];
                    bytes.splice(at..at, token.iter().copied());
                }
                3 => {
                    let end = (at + self.below(30)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, copy);
                }
                _ => {
                    let end = (at + self.below(10)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        bytes
    }
}

const TABLES: [&str; 9] = [
    "id,time,debtor,creditor,amount,currency,label,pattern\na,2024-01-01T10:00:00Z,A,B,1.00,EUR,1,1:X\n\"b\",5,\"A\",B,2,JPY,0,\n",
    "Timestamp,From Bank,Account,To Bank,Account,Amount Received,Receiving Currency,Amount Paid,Payment Currency,Payment Format,Is Laundering\n2022/09/01 00:20,010,A,010,B,3.34,US Dollar,3.34,US Dollar,Cash,0\n",
    "BEGIN LAUNDERING ATTEMPT - CYCLE:  Max 2 hops\n2022/09/01 00:20,010,A,012,B,5.00,Euro,5.00,Euro,ACH,1\nEND LAUNDERING ATTEMPT - CYCLE\n",
    "step,type,amount,nameOrig,nameDest,isSAR,patternID,modelType\n2,TRANSFER,0.125,649,481,1,7,3\n0,X,5,-2,4,0,-1,0\n",
    "\"trans_id\";\"account_id\";\"date\";\"type\";\"operation\";\"amount\";\"balance\";\"k_symbol\";\"bank\";\"account\"\r\n7;2378;930102;\"P\";\"PREVOD Z UCTU\";5.50;0;\"\";\"YZ\";\"00624\"\r\n",
    "hash,from_address,to_address,value,block_timestamp\n0x1,0xa,0xb,50000000000000000000001,1488775107\n",
    "6,2,-4,1289241911.72836\n6,5,2,1289241941.53378\n",
    "{\"id\": \"a\", \"time\": 5, \"debtor\": \"A\", \"creditor\": \"B\", \"amount\": 1.10, \"currency\": \"EUR\"}\n{\"id\": 2}\n",
    "nodeid,isFraud\n1,0\n2,1\n",
];

const MAP: &str = "delimiter = \";\"\nskip_lines = 1\nid = 1\n[time]\ncolumns = [\"t\", 2]\nformat = \"%d.%m.%Y %H:%M\"\nutc_offset = \"+01:00\"\n[debtor]\ncolumn = \"d\"\n[creditor]\ncolumn = 4\n[amount]\ncolumn = \"v\"\ndecimal = \",\"\nthousands = \".\"\nsign = \"statement\"\nrounding = \"round\"\n[currency]\nfixed = \"EUR\"\n[label]\ncolumn = 1\ntrue = [1]\n";
const MAPPED: &str = "x\nt;u;d;e;v\n31.12.2024;10:00;A;B;-1.234,50\n";

const ROUNDS: usize = 4_000;

#[test]
fn mutated_tables_are_read_or_refused_and_add_up() {
    let mut noise = Noise(0x5eed);
    for round in 0..ROUNDS {
        for seed in TABLES {
            let bytes = noise.mutate(seed.as_bytes());
            let limit = [0, 1 << 20][round % 2];
            let options = Options { sort_memory_bytes: limit, ..Options::default() };
            if let Ok((ledger, refused)) = read_bytes("in", &bytes, &options) {
                let input = &ledger.inputs[0];
                let sum = input.payments + input.rejected + input.left_out_total();
                assert_eq!(input.records, sum, "{:?}", String::from_utf8_lossy(&bytes));
                assert_eq!(input.rejected, refused.len() as u64);
            }
            if round % 8 == 0 {
                guess_bytes("in", &bytes);
            }
        }
    }
}

#[test]
fn mutated_mappings_are_read_or_refused() {
    let mut noise = Noise(0xfeed);
    for _ in 0..ROUNDS {
        let text = noise.mutate(MAP.as_bytes());
        if let Ok(map) = Mapping::parse("map.toml", &String::from_utf8_lossy(&text)) {
            let options = Options { map: Some(map), ..Options::default() };
            drop(read_bytes("in", &noise.mutate(MAPPED.as_bytes()), &options));
        }
    }
}

#[test]
fn mutated_rates_are_read_or_refused() {
    let mut noise = Noise(0xdeed);
    let seed = b"date,currency,rate_in_EUR\n2024-01-01,USD,0.92\n2024-01-02,JPY,0.0064\n";
    for _ in 0..ROUNDS {
        drop(Rates::parse("rates.csv", &noise.mutate(seed), None));
    }
}

/// A message of every kind, made of the fields that are read of it: the seeds.
fn messages() -> Vec<String> {
    let mut bodies: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
    for (message, path) in shroff_ingest::messages::allowed_fields() {
        let names: Vec<&str> = path.split('/').collect();
        let open = format!("<{} Ccy='EUR'>", names.join(" Ccy='EUR'><"));
        let close = format!("</{}>", names.iter().rev().copied().collect::<Vec<_>>().join("></"));
        for value in ["7", "2026-01-02T03:04:05Z", "RJCT", "7a562c67-ca16-48ba-b074-65581be6f001"] {
            bodies.entry(message).or_default().extend([&open, value, &close]);
        }
    }
    let names = [
        ("pacs.008", "FIToFICstmrCdtTrf"),
        ("pacs.004", "PmtRtr"),
        ("pacs.002", "FIToFIPmtStsRpt"),
        ("pain.001", "CstmrCdtTrfInitn"),
        ("camt.053", "BkToCstmrStmt"),
    ];
    let space = "urn:iso:std:iso:20022:tech:xsd";
    let document = |(kind, name): &(&str, &str)| {
        let body = &bodies[*kind];
        format!(
            "<?xml version='1.0'?><D:Document xmlns:D='{space}:{kind}.001.08'><{name}>{body}</{name}></D:Document>"
        )
    };
    let mut seeds: Vec<String> = names.iter().map(document).collect();
    seeds.push("<E><P><![CDATA[<Document><PmtRtr/></Document>]]></P></E>".to_owned());
    seeds.push(
        "{1:F01AAAADEFFAXXX0000000000}{2:O1031200260301BBBBFRPPAXXX00000000002603011200N}{3:{121:x}}         {4:\n:20:R\n:23B:CRED\n:32A:260102EUR1,5\n:50K:/1\nN\n:59:/2\nN\n-}{5:{CHK:1}}"
            .to_owned(),
    );
    seeds
}

#[test]
fn mutated_messages_are_read_or_refused() {
    let mut noise = Noise(0xface);
    let limits = Limits { instructions: 1_000, ..Limits::default() };
    for seed in messages() {
        for _ in 0..ROUNDS / 4 {
            let bytes = noise.mutate(seed.as_bytes());
            assert_eq!(read_messages(&bytes, &limits), read_messages(&bytes, &limits));
        }
    }
}
