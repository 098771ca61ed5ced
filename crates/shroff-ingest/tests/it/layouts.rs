//! Each layout known by name, in small.

use expect_test::expect;
use shroff_ingest::Options;

use crate::door::{check, check_with};

#[test]
fn shroffs_own_layout_in_any_order_with_or_without_its_optional_columns() {
    check(
        "currency,amount,creditor,debtor,time,id,note,method,label,pattern
EUR,1.5,B,A,1661990400000000,p1,x,ACH,1,12:FAN-IN
JPY,700,A,C,2022-09-01T02:00:00+02:00,p2,,,0,
",
        expect![[r#"
            p1 2022-09-01T00:00:00Z A -> B 1.50 EUR ACH 12:FAN-IN LABELLED
            p2 2022-09-01T00:00:00Z C -> A 700 JPY good
            shroff (CSV): 2 records = 2 + 0 refused
        "#]],
    );
    check(
        "time,debtor,creditor,amount\n2024-01-01,A,B,7\n2023-01-01,A,B,8\n",
        expect![[r#"
        2 2023-01-01T00:00:00Z A -> B 8.00 XXX
        1 2024-01-01T00:00:00Z A -> B 7.00 XXX
        shroff (CSV): 2 records = 2 + 0 refused
    "#]],
    );
}

#[test]
fn quotes_line_ends_marks_and_tabs_change_nothing() {
    check(
        "\u{feff}\"id\",\"time\",\"debtor\",\"creditor\",\"amount\",\"currency\"\r\n\
         \"a\",\"2024-01-01\",\"A, \"\"the\"\" B\",\"B\",\"1.00\",\"EUR\"\r\n\r\n\
         b,2024-01-02,A,B,2.00,eur\r\n",
        expect![[r#"
            a 2024-01-01T00:00:00Z A, "the" B -> B 1.00 EUR
            b 2024-01-02T00:00:00Z A -> B 2.00 EUR
            shroff (CSV): 2 records = 2 + 0 refused
        "#]],
    );
    check(
        "id\ttime\tdebtor\tcreditor\tamount\na\t2024-01-01\tA\tB\t1\n",
        expect![[r#"
        a 2024-01-01T00:00:00Z A -> B 1.00 XXX
        shroff (TSV): 1 records = 1 + 0 refused
    "#]],
    );
    check(
        "id;time;debtor;creditor;amount\na;2024-01-01;A,1;B,2;1\n",
        expect![[r#"
        a 2024-01-01T00:00:00Z A,1 -> B,2 1.00 XXX
        shroff (CSV): 1 records = 1 + 0 refused
    "#]],
    );
}

#[test]
fn a_spreadsheets_first_line_that_names_the_delimiter_is_skipped() {
    check(
        "sep=;\r\ntime;debtor;creditor;amount\r\n5;A,A;B;0\r\n6;A,A;B;1\r\n",
        expect![[r#"
        2 1970-01-01T00:00:00.000006Z A,A -> B 1.00 XXX
        REFUSED in.csv:3: amount `0`: the amount is zero (hint: a payment moves money; leave such rows out)
        shroff (CSV): 2 records = 1 + 1 refused
    "#]],
    );
}

#[test]
fn a_json_member_that_comes_late_is_not_dropped_in_silence() {
    let late = "{\"time\": 5, \"debtor\": \"A\", \"creditor\": \"B\", \"amount\": 1}\n"
        .repeat(3_000)
        + "{\"time\": 6, \"debtor\": \"A\", \"creditor\": \"B\", \"amount\": 1, \"label\": 1}\n\
           {\"time\": 6, \"debtor\": \"A\", \"creditor\": \"B\", \"amount\": 1, \"currency\": \"EUR\"}\n";
    let (ledger, refused) =
        shroff_ingest::read_bytes("in.jsonl", late.as_bytes(), &Options::default()).expect("JSON");
    assert_eq!((ledger.payments.len(), ledger.facts.labelled_true), (3_001, 1));
    assert!(ledger.inputs[0].has_labels);
    assert_eq!((refused.len(), refused[0].line), (1, 3_002));
    assert!(refused[0].reason.contains("`currency`"), "{}", refused[0]);
}

#[test]
fn a_quoted_line_end_in_a_column_that_is_not_read_is_kept_together() {
    check(
        "id,time,debtor,creditor,amount,note\na,2024-01-01,A,B,1,\"two\nlines\"\n\
         b,2024-01-01,A,B,0,x\n",
        expect![[r#"
            a 2024-01-01T00:00:00Z A -> B 1.00 XXX
            REFUSED in.csv:4: amount `0`: the amount is zero (hint: a payment moves money; leave such rows out)
            shroff (CSV): 2 records = 1 + 1 refused
        "#]],
    );
}

#[test]
fn amlworld_is_read_by_position_and_keeps_leading_zeros() {
    check(
        "Timestamp,From Bank,Account,To Bank,Account,Amount Received,Receiving Currency,\
         Amount Paid,Payment Currency,Payment Format,Is Laundering
2022/09/01 00:20,010,8000EBD30,0010,8000EBD30,3697.34,US Dollar,3697.34,US Dollar,Reinvestment,0
2022/09/01 00:26,012,8000F4580,001,8000F5340,0.01,Euro,1.55,Yen,Cheque,1
2022/09/01 00:26,012,8000F4580,001,,0.01,Euro,1.55,Yen,Cheque,1
",
        expect![[r#"
            1 2022-09-01T00:20:00Z 010/8000EBD30 -> 0010/8000EBD30 3697.34 USD Reinvestment good
            2 2022-09-01T00:26:00Z 012/8000F4580 -> 001/8000F5340 2 JPY Cheque LABELLED
            REFUSED in.csv:4: Account ``: the account is missing
            amlworld (CSV): 3 records = 2 + 1 refused, 1 rounded
        "#]],
    );
}

const PATTERNS: &str = "BEGIN LAUNDERING ATTEMPT - CYCLE:  Max 2 hops
2022/09/01 00:20,010,A,012,B,5.00,Euro,5.00,Euro,ACH,1
2022/09/01 00:25,012,B,010,A,4.00,Euro,4.00,Euro,ACH,1
END LAUNDERING ATTEMPT - CYCLE

2022/09/01 00:25,012,B,010,A,4.00,Euro,4.00,Euro,ACH,1
BEGIN LAUNDERING ATTEMPT - STACK
2022/09/01 00:30,010,A,012,B,5.00,Euro,5.00,Euro,ACH,1
2022/09/01 00:31,010,A,0";

#[test]
fn amlworlds_patterns_are_attempts_counted_over_the_file() {
    check(
        PATTERNS,
        expect![[r#"
            1 2022-09-01T00:20:00Z 010/A -> 012/B 5.00 EUR ACH 1:CYCLE LABELLED
            2 2022-09-01T00:25:00Z 012/B -> 010/A 4.00 EUR ACH 1:CYCLE LABELLED
            4 2022-09-01T00:30:00Z 010/A -> 012/B 5.00 EUR ACH 2:STACK LABELLED
            REFUSED in.csv:6: `2022/09/01 00:25,012,B,010,A,4.00,Euro,4.00,Euro,ACH,1`: the payment stands in no attempt (hint: is a BEGIN line missing?)
            REFUSED in.csv:9: `2022/09/01 00:31,010,A,0`: the last record looks cut off (hint: the columns are those of AMLworld's transactions)
            amlworld (patterns): 5 records = 3 + 2 refused
            note: the last attempt has no end: the file looks cut off
        "#]],
    );
}

#[test]
fn patterns_beside_their_transactions_mark_them_and_add_nothing() {
    let transactions = "Timestamp,From Bank,Account,To Bank,Account,Amount Received,\
         Receiving Currency,Amount Paid,Payment Currency,Payment Format,Is Laundering
2022/09/01 00:20,010,A,012,B,5.00,Euro,5.00,Euro,ACH,1
2022/09/01 00:21,010,A,012,B,5.00,Euro,5.00,Euro,ACH,0
2022/09/01 00:25,012,B,010,A,4.00,Euro,4.00,Euro,ACH,1
";
    let inputs = [("trans.csv", transactions.as_bytes()), ("patterns.txt", PATTERNS.as_bytes())];
    check_with(
        &Options::default(),
        &inputs,
        expect![[r#"
            trans.csv:1 2022-09-01T00:20:00Z 010/A -> 012/B 5.00 EUR ACH 1:CYCLE LABELLED
            trans.csv:2 2022-09-01T00:21:00Z 010/A -> 012/B 5.00 EUR ACH good
            trans.csv:3 2022-09-01T00:25:00Z 012/B -> 010/A 4.00 EUR ACH 1:CYCLE LABELLED
            REFUSED patterns.txt:6: `2022/09/01 00:25,012,B,010,A,4.00,Euro,4.00,Euro,ACH,1`: the payment stands in no attempt (hint: is a BEGIN line missing?)
            REFUSED patterns.txt:9: `2022/09/01 00:31,010,A,0`: the last record looks cut off (hint: the columns are those of AMLworld's transactions)
            amlworld (CSV): 3 records = 3 + 0 refused
            amlworld (patterns): 5 records = 0 + 2 refused + 3 marks an attempt among the transactions given beside it
            note: the last attempt has no end: the file looks cut off
            note: payments of attempts that are not among the transactions: 1
        "#]],
    );
}

#[test]
fn amlsim_counts_days_and_labels_accounts() {
    let inputs = [
        (
            "transactions.csv",
            "sourceNodeId,targetNodeId,value,time\n0,1,163.3,1\n1,0,5,0\n".as_bytes(),
        ),
        (
            "nodes.csv",
            "nodeid,isFraud,init_balance,fraudStep\n1,1,5.0,-1\n2,0,5.0,-1\n3,x,1,1\n".as_bytes(),
        ),
    ];
    check_with(
        &Options::default(),
        &inputs,
        expect![[r#"
        transactions.csv:2 1970-01-01T00:00:00Z 1 -> 0 5.00 XXX
        transactions.csv:1 1970-01-02T00:00:00Z 0 -> 1 163.30 XXX
        account 1 true
        account 2 false
        REFUSED nodes.csv:4: isFraud `x`: the label is neither yes nor no
        amlsim (CSV): 2 records = 2 + 0 refused
        accounts (CSV): 3 records = 2 + 1 refused
    "#]],
    );
}

#[test]
fn amlgentex_leaves_the_outside_out_and_counts_a_labelled_one_apart() {
    check(
        "step,type,amount,nameOrig,nameDest,isSAR,patternID,modelType
1,TRANSFER,274.8807955972867,649,481,0,1337,15
2,TRANSFER,0.125,649,481,1,7,3
2,TRANSFER,0.004,649,481,1,7,9
2,TRANSFER,10,649,481,1,7,9
0,INITALBALANCE,5,-2,481,0,-1,0
3,TRANSFER,5,481,-1,1,7,3
",
        expect![[r#"
            1 1970-01-02T00:00:00Z 649 -> 481 274.88 XXX TRANSFER good
            2 1970-01-03T00:00:00Z 649 -> 481 0.12 XXX TRANSFER 7:CYCLE LABELLED
            4 1970-01-03T00:00:00Z 649 -> 481 10.00 XXX TRANSFER 7:MODEL-9 LABELLED
            REFUSED in.csv:4: amount `0.004`: the amount is zero once it is rounded to the currency's decimals (hint: a payment moves money; leave such rows out)
            amlgentex (CSV): 6 records = 3 + 1 refused + 1 from the outside + 1 to the outside, but labelled as laundering, 2 rounded
        "#]],
    );
}

#[test]
fn paysim_counts_hours() {
    check(
        "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,\
         newbalanceDest,isFraud,isFlaggedFraud
1,PAYMENT,9839.64,C1,170136.0,160296.36,M1,0.0,0.0,0,0
25,TRANSFER,181.0,C2,181.0,0.0,C3,0.0,0.0,1,0
",
        expect![[r#"
            1 1970-01-01T01:00:00Z C1 -> M1 9839.64 XXX PAYMENT good
            2 1970-01-02T01:00:00Z C2 -> C3 181.00 XXX TRANSFER LABELLED
            paysim (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn bitcoin_otc_has_a_header_or_none() {
    check(
        "6,2,-4,1289241911.72836\n6,5,2,1289241941.53378\n",
        expect![[r#"
        1 2010-11-08T18:45:11.728360Z 6 -> 2 4.00 XXX
        2 2010-11-08T18:45:41.533780Z 6 -> 5 2.00 XXX
        bitcoin-otc (CSV): 2 records = 2 + 0 refused
    "#]],
    );
    check(
        "source,target,rating,time\n6,2,4,1289241911.72836\n",
        expect![[r#"
        1 2010-11-08T18:45:11.728360Z 6 -> 2 4.00 XXX
        bitcoin-otc (CSV): 1 records = 1 + 0 refused
    "#]],
    );
}

#[test]
fn berka_turns_transfers_in_round_and_leaves_out_what_names_no_counterparty() {
    check(
        "\"trans_id\";\"account_id\";\"date\";\"type\";\"operation\";\"amount\";\"balance\";\
         \"k_symbol\";\"bank\";\"account\"\r
695247;2378;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;\r
7;2378;930102;\"PRIJEM\";\"PREVOD Z UCTU\";5.50;0;\"\";\"YZ\";\"0062457513\"\r
8;2378;930103;\"VYDAJ\";\"PREVOD NA UCET\";6.50;0;\"SIPO\";\"YZ\";\"62457513\"\r
3526882;11021;940331;\"PRIJE",
        expect![[r#"
            7 1993-01-02T00:00:00Z YZ/0062457513 -> 2378 5.50 CZK PREVOD Z UCTU
            8 1993-01-03T00:00:00Z 2378 -> YZ/62457513 6.50 CZK PREVOD NA UCET
            REFUSED in.csv:5: `3526882;11021;940331;"PRIJE`: the last record looks cut off (hint: the file may not have been written or copied to its end)
            berka (CSV): 4 records = 2 + 1 refused + 1 names no counterparty
            note: koruna amounts are written as CZK, whose predecessor CSK has no code
        "#]],
    );
}

#[test]
fn ethereum_counts_wei_beyond_64_bits() {
    check(
        "hash,from_address,to_address,value,block_timestamp
0x1,0xa,0xb,50000000000000000000001,1488775107
0x2,0xa,,0,1488775106
0x3,0xa,0xb,0,1488775106
0x4,0xa,0xb,1,1488775106
",
        expect![[r#"
            0x4 2017-03-06T04:38:26Z 0xa -> 0xb 0.000000000000000001 ETH
            0x1 2017-03-06T04:38:27Z 0xa -> 0xb 50000.000000000000000001 ETH
            ethereum (CSV): 4 records = 2 + 0 refused + 1 creates a contract + 1 moves no ether
        "#]],
    );
}

#[test]
fn json_lines_are_read_by_name_with_all_their_digits() {
    check(
        "{\"id\": \"a\", \"time\": \"2024-01-01T00:00:00Z\", \"debtor\": \"A\", \"creditor\": \"B\", \
         \"amount\": 1.10, \"currency\": \"EUR\"}
{\"amount\": \"50000.000000000000000001\", \"time\": 1704067200000001, \"id\": 7, \"debtor\": 1, \
         \"creditor\": \"B\", \"currency\": \"ETH\", \"label\": true}

{\"id\": \"c\"
[1]
{\"id\": \"d\", \"time\": \"2024-01-01\", \"debtor\": null, \"creditor\": \"B\", \"amount\": 1, \
         \"currency\": \"EUR\"}
{\"id\": \"e\", \"time\": \"2024-",
        expect![[r#"
            a 2024-01-01T00:00:00Z A -> B 1.10 EUR
            7 2024-01-01T00:00:00.000001Z 1 -> B 50000.000000000000000001 ETH LABELLED
            REFUSED in.csv:4: `{"id": "c"`: the line is not a JSON object: EOF while parsing an object at line 1 column 10 (hint: each line must be one whole object)
            REFUSED in.csv:5: `[1]`: the line is not a JSON object: invalid type: sequence, expected a JSON object at line 1 column 0 (hint: each line must be one whole object)
            REFUSED in.csv:6: debtor ``: the account is missing
            REFUSED in.csv:7: `{"id": "e", "time": "2024-`: the last record looks cut off (hint: the file may not have been written or copied to its end)
            shroff (JSON Lines): 6 records = 2 + 4 refused
        "#]],
    );
    check(
        "{\"a\": 1}\n",
        expect![[r#"
        in.csv, line 1: the columns are those of no known layout: `a`
        hint: `shroff formats` lists the layouts, and `shroff formats guess FILE` writes a mapping to start from, to be given with `--map`
    "#]],
    );
}
