//! What an alert says of its payments, against the ledger itself.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shroff_engine::Completion;
use shroff_types::{AccountId, Place};

use crate::cases;
use crate::ledger::tell;
use crate::twin::world;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn an_alert_sums_up_its_payments(world in world(2..70)) {
        let (ledger, typologies) = (world.ledger(), world.typologies());
        let told = tell(&ledger, &world.definitions(), &typologies, usize::MAX);
        prop_assert_eq!(told.alerts.len(), told.drafts.len());
        for alert in &told.alerts {
            let payments =
                || alert.payments.iter().map(|place| &ledger.payments[place.0 as usize]);
            let mut accounts: Vec<AccountId> = Vec::new();
            for account in payments().flat_map(|payment| [payment.debtor, payment.creditor]) {
                if !accounts.contains(&account) {
                    accounts.push(account);
                }
            }
            prop_assert_eq!(&alert.accounts, &accounts, "in the order of the payments");
            prop_assert_eq!(alert.amount_minor, payments().map(|p| p.minor).sum::<i128>());
            prop_assert_eq!(Some(alert.first_time), payments().map(|p| p.time).min());
            prop_assert_eq!(Some(alert.last_time), payments().map(|p| p.time).max());
            let draft = told.drafts.iter().find(|draft| {
                let (opener, place, before) = draft.opened;
                let again = if before == 0 { String::new() } else { format!("-{}", before + 1) };
                format!("{}-{}{again}", typologies[opener].id, place.0) == alert.id
            });
            let draft = draft.expect("an alert is a draft that was filled in");
            prop_assert_eq!(alert.score_permille, draft.score_permille);
            prop_assert_eq!(alert.raised_at, draft.raised_at);
            prop_assert!(alert.payments.contains(&alert.raised_at), "what raised it is in it");
            let said: Vec<_> = alert.reasons.iter().map(|reason| &reason.text).collect();
            prop_assert_eq!(said, draft.grounds.iter().map(|g| &g.text).collect::<Vec<_>>());
            let shares = alert.reasons.iter().map(|reason| u32::from(reason.share_permille));
            let whole = shares.clone().sum::<u32>();
            prop_assert!(whole.abs_diff(1_000) <= 5 || alert.score_permille == 0, "{}", whole);
            prop_assert!(shares.is_sorted_by_key(|share| 1_000 - share));
        }
        let ids: BTreeSet<&str> = told.alerts.iter().map(|alert| alert.id.as_str()).collect();
        prop_assert_eq!(ids.len(), told.alerts.len(), "no two alerts have one id");
        let order = |pair: &[shroff_types::Alert]| {
            let key = |at: usize| {
                let alert: &shroff_types::Alert = &pair[at];
                (1_000 - alert.score_permille, alert.payments[0], alert.id.clone())
            };
            key(0) < key(1)
        };
        prop_assert!(told.alerts.windows(2).all(order), "the strongest come first");
    }

    #[test]
    fn only_evidence_is_wanted(world in world(2..70)) {
        let (ledger, typologies) = (world.ledger(), world.typologies());
        let told = tell(&ledger, &world.definitions(), &typologies, usize::MAX);
        let evidence: BTreeSet<Place> =
            told.drafts.iter().flat_map(|draft| draft.payments.iter().copied()).collect();
        let ids = ["first".to_owned(), "second".to_owned()];
        let mut completion = Completion::new(told.drafts, &ids);
        for (place, payment) in (0..).map(Place).zip(&ledger.payments) {
            let wanted = completion.wants(place);
            prop_assert_eq!(wanted, evidence.contains(&place));
            // Who shows them all does no harm.
            completion.see(place, payment.time, [payment.debtor, payment.creditor], payment.minor);
            prop_assert!(!completion.wants(place), "a payment is wanted once");
        }
        prop_assert_eq!(completion.finish(), told.alerts);
    }
}
