//! Guessed mappings: what they say, and that they read the file they were guessed from.

use expect_test::{Expect, expect};
use shroff_ingest::{Mapping, Memory, MemorySpill, Options, guess};

use crate::door::{read_all, table};

/// The guess without its comments' list of columns, and what it reads.
fn check(input: &str, expected: Expect) {
    let source = Memory::new("file.csv", input.as_bytes());
    let text = guess(&source, &mut MemorySpill).expect("a table");
    let telling = |line: &&str| {
        let comment = line.starts_with("# ") && !line.starts_with("# AMBIGUOUS");
        !line.is_empty() && !comment && !line.starts_with("# GUESSED")
    };
    let mut shown = text.lines().filter(telling).collect::<Vec<_>>().join("\n");
    shown.push_str("\n--\n");
    let map = Mapping::parse("map.toml", &text).expect("a guess is a mapping");
    let options = Options { map: Some(map), ..Options::default() };
    let mut refused = Vec::new();
    match read_all(&options, &[("file.csv", input.as_bytes())], &mut refused) {
        Ok(ledger) => shown.push_str(&table(&ledger, &refused)),
        Err(error) => shown += &error.to_string(),
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_german_statement_is_guessed() {
    check(
        "Umsatzanzeige;Datei vom 01.02.2024

Auftragskonto;Buchungstag;Valutadatum;Buchungstext;Verwendungszweck;Beguenstigter;\
         Kontonummer/IBAN;Betrag;Waehrung
DE02120300000000202051;31.01.2024;31.01.2024;LASTSCHRIFT;Miete;Vermieter;DE89370400440532013000;-1.250,00;EUR
DE02120300000000202051;15.01.2024;15.01.2024;GUTSCHRIFT;Lohn;Firma;DE75512108001245126199;2.500,00;EUR
",
        expect![[r#"
            delimiter = ";"
            skip_lines = 2
            method = "Buchungstext"
            [time]
            column = "Buchungstag"
            format = "%d.%m.%Y"
            [debtor]
            column = "Auftragskonto"
            [creditor]
            column = "Kontonummer/IBAN"
            [amount]
            column = "Betrag"
            decimal = ","
            thousands = "."
            sign = "statement"  # below zero the debtor column pays
            [currency]
            column = "Waehrung"
            --
            2 2024-01-15T00:00:00Z DE75512108001245126199 -> DE02120300000000202051 2500.00 EUR GUTSCHRIFT
            1 2024-01-31T00:00:00Z DE02120300000000202051 -> DE89370400440532013000 1250.00 EUR LASTSCHRIFT
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn english_columns_are_guessed_and_day_first_is_decided_by_the_data() {
    check(
        "Transaction ID,Value Date,IBAN from,Beneficiary,Beneficiary IBAN,Amount,CCY,Is Fraud
t1,13/02/2024,GB82WEST12345698765432,Jo,GB33BUKB20201555555555,\"1,250.00\",GBP,0
t2,02/03/2024,GB82WEST12345698765432,Al,GB33BUKB20201555555555,7.50,GBP,1
",
        expect![[r#"
            delimiter = ","
            id = "Transaction ID"
            [time]
            column = "Value Date"
            format = "%d/%m/%Y"
            [debtor]
            column = "IBAN from"
            [creditor]
            column = "Beneficiary IBAN"
            [amount]
            column = "Amount"
            decimal = "."
            thousands = ","
            [currency]
            column = "CCY"
            [label]
            column = "Is Fraud"
            --
            t1 2024-02-13T00:00:00Z GB82WEST12345698765432 -> GB33BUKB20201555555555 1250.00 GBP good
            t2 2024-03-02T00:00:00Z GB82WEST12345698765432 -> GB33BUKB20201555555555 7.50 GBP LABELLED
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn a_date_that_can_be_read_two_ways_is_said_to_be_ambiguous() {
    check(
        "date,from_account,to_account,amount (USD)\n01/02/2024 10:00,A,B,5\n03/04/2024 11:30,B,C,6.5\n",
        expect![[r#"
            delimiter = ","
            [time]
            column = "date"
            # AMBIGUOUS: every date in the sample can also be read as `%m/%d/%Y %H:%M`. Check it.
            format = "%d/%m/%Y %H:%M"
            [debtor]
            column = "from_account"
            [creditor]
            column = "to_account"
            [amount]
            column = "amount (USD)"
            decimal = "."
            [currency]
            fixed = "USD"
            --
            1 2024-02-01T10:00:00Z A -> B 5.00 USD
            2 2024-04-03T11:30:00Z B -> C 6.50 USD
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn french_columns_with_banks_are_guessed() {
    check(
        "Date op\u{e9}ration;From Bank;Compte \u{e9}metteur;To Bank;Compte b\u{e9}n\u{e9}ficiaire;Montant;Devise
2024-01-31 10:00:00;001;77;002;88;1 234,50;EUR
2024-02-01 10:00:00;001;78;002;88;34,50;EUR
",
        expect![[r#"
            delimiter = ";"
            [time]
            column = "Date opération"
            format = "rfc3339"
            [debtor]
            columns = ["From Bank", "Compte émetteur"]  # bank and number together
            [creditor]
            columns = ["To Bank", "Compte bénéficiaire"]  # bank and number together
            [amount]
            column = "Montant"
            decimal = ","
            thousands = " "
            [currency]
            column = "Devise"
            --
            1 2024-01-31T10:00:00Z 001/77 -> 002/88 1234.50 EUR
            2 2024-02-01T10:00:00Z 001/78 -> 002/88 34.50 EUR
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn what_is_not_found_is_left_to_be_filled_in() {
    check(
        "Buchungstag;Betrag\n31.01.2024;5,00\n",
        expect![[r#"
            delimiter = ";"
            [time]
            column = "Buchungstag"
            format = "%d.%m.%Y"
            [debtor]
            column = "FILL IN: the column of the account that pays"
            [creditor]
            column = "FILL IN: the column of the account that is paid"
            [amount]
            column = "Betrag"
            decimal = ","
            [currency]
            fixed = "XXX"  # no currency was found: write its code, such as EUR
            --
            map.toml, line 17, key `debtor.column`: this is still to be filled in: `FILL IN: the column of the account that pays`
            hint: put a column's name there; `file.csv` has `Buchungstag`, `Betrag`"#]],
    );
}

#[test]
fn a_file_without_a_header_is_guessed_by_its_values() {
    check(
        "2024-01-31,100,200,5.50\n2024-02-01,100,300,6.50\n",
        expect![[r#"
            delimiter = ","
            header = false  # columns are named by number
            [time]
            column = 1
            format = "rfc3339"
            [debtor]
            column = 2
            [creditor]
            column = 3
            [amount]
            column = 4
            decimal = "."
            [currency]
            fixed = "XXX"  # no currency was found: write its code, such as EUR
            --
            1 2024-01-31T00:00:00Z 100 -> 200 5.50 XXX
            2 2024-02-01T00:00:00Z 100 -> 300 6.50 XXX
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn a_time_of_day_in_its_own_column_and_an_attempt_are_found() {
    check(
        "Booking Date;Time;Sender Account;Receiver Account;Amt;Cur;Pattern ID;Payment Type
31-Jan-2024;09:30:00;A;B;5,5;EUR;7;card
1-Feb-2024;17:05:10;A;B;1000;EUR;;transfer
",
        expect![[r#"
            delimiter = ";"
            method = "Payment Type"
            attempt = "Pattern ID"
            [time]
            columns = ["Booking Date", "Time"]
            format = "%d-%b-%Y %H:%M:%S"
            [debtor]
            column = "Sender Account"
            [creditor]
            column = "Receiver Account"
            [amount]
            column = "Amt"
            decimal = ","
            [currency]
            column = "Cur"
            --
            1 2024-01-31T09:30:00Z A -> B 5.50 EUR card 7
            2 2024-02-01T17:05:10Z A -> B 1000.00 EUR transfer
            mapping (CSV): 2 records = 2 + 0 refused
        "#]],
    );
}

#[test]
fn json_lines_are_guessed() {
    check(
        "{\"createdAt\": 1704067200000, \"sender\": {\"iban\": \"A1\"}, \"receiver\": {\"iban\": \"B1\"}, \
         \"amount\": 12.5, \"currency\": \"EUR\"}\n",
        expect![[r#"
            [time]
            column = "createdAt"
            format = "millis"
            [debtor]
            column = "sender.iban"
            [creditor]
            column = "receiver.iban"
            [amount]
            column = "amount"
            decimal = "."
            [currency]
            column = "currency"
            --
            1 2024-01-01T00:00:00Z A1 -> B1 12.50 EUR
            mapping (JSON Lines): 1 records = 1 + 0 refused
        "#]],
    );
}
