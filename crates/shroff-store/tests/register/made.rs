//! Alerts that are made up.

use shroff_store::register::{AlertChange, Evidence, RevisionRow, RuleShare, Sum};
use shroff_types::{Action, Amount, Currency, Decimal, Timestamp};

/// The alert of a number: its score, time, sum and accounts follow from it.
pub(crate) fn alert(number: u32) -> AlertChange {
    let typology = ["cycle", "fan-in", "structuring"][number as usize % 3];
    let score_permille =
        u16::try_from(number.wrapping_mul(7_919) % 1_001).expect("what the test is set up with");
    let action = if score_permille > 900 { Action::Hold } else { Action::Review };
    let time = Timestamp(i64::from(number) * 60_000_000);
    let evidence: Vec<Evidence> = (0..4).map(|at| payment(number, at, time)).collect();
    AlertChange {
        id: format!("{typology}-{number}"),
        typology: typology.to_owned(),
        title: typology.to_uppercase(),
        score_permille,
        action,
        first_time: time,
        last_time: time,
        raised_at: time,
        raised_by: evidence[0].payment.clone(),
        sum: Sum {
            amount: Decimal { digits: i128::from(number) + 1, decimals: 2 },
            currency: "EUR",
        },
        payment_count: 4,
        evidence_is_complete: true,
        revision: 1,
        rules: vec![RuleShare {
            typology: typology.to_owned(),
            title: typology.to_uppercase(),
            score_permille,
            share_permille: 1_000,
            reason: "four payments in a circle within a day".to_owned(),
        }],
        revisions: vec![RevisionRow {
            revision: 1,
            payment: evidence[3].payment.clone(),
            time,
            score_permille,
            action,
            payment_count: 4,
        }],
        evidence,
        is_whole: false,
    }
}

fn payment(number: u32, at: u32, time: Timestamp) -> Evidence {
    let account = |at: u32| format!("{:04x}-{:04x}", number % 997, at % 4);
    Evidence {
        place: number * 4 + at,
        payment: format!("p{}", number * 4 + at),
        time,
        debtor: account(at),
        creditor: account(at + 1),
        amount: Amount { minor: (1 << 80) + i128::from(at), currency: Currency::EUR },
    }
}
