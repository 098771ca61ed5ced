//! How right the alerts are, where the input has labels: precision and burden first.

use std::collections::BTreeMap;

use serde::Serialize;
use shroff_ingest::Ledger;
use shroff_types::{AccountId, Alert, Map, Payment, Set, Symbol};

use crate::story::Witnesses;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Share {
    /// The part.
    pub(crate) part: u64,
    /// The whole.
    pub(crate) whole: u64,
}

impl Share {
    /// The share in percent, as it is printed: rounded down, so that all of them means all; a
    /// dash of nothing.
    pub(crate) fn percent(self) -> String {
        if self.whole == 0 {
            return "-".to_owned();
        }
        let permille = u128::from(self.part) * 1_000 / u128::from(self.whole);
        format!("{}.{} %", permille / 10, permille % 10)
    }
}

/// The labelled attempts of one typology, and how many of them were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AttemptsFound {
    /// Labelled payments in alerts, of all that are labelled.
    pub(crate) payments: Share,
    /// Attempts with a payment in an alert.
    pub(crate) touched: Share,
    /// Attempts with half of their payments or more in alerts.
    pub(crate) half: Share,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Evaluation {
    /// Whether labels are on `payments` or on `accounts`.
    pub(crate) labels_on: &'static str,
    /// Of the payments in alerts, those that are labelled.
    pub(crate) payment_precision: Share,
    /// Of the labelled payments, those in alerts.
    pub(crate) payment_recall: Share,
    /// Of the alerts, those with a labelled payment (or account).
    pub(crate) alert_precision: Share,
    /// Of the accounts in alerts, those that are labelled or have a labelled payment.
    pub(crate) account_precision: Share,
    /// Of the labelled accounts, those in alerts.
    pub(crate) account_recall: Share,
    /// Alerts for each 1,000 accounts.
    pub(crate) alerts_per_1000_accounts: f64,
    /// Accounts in alerts that no label touches.
    pub(crate) accounts_alerted_wrongly: u64,
    /// The same for each 1,000 accounts that no label touches.
    pub(crate) wrongly_per_1000_innocent: f64,
    /// By the typology of the labels, where the input names it.
    pub(crate) by_typology: BTreeMap<String, AttemptsFound>,
    /// Alerts by our typology, and those of them with a labelled payment (or account).
    pub(crate) by_alert: BTreeMap<String, Share>,
}

/// Counts while payments go by.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Labelled payments and those of them in alerts, by attempt.
    attempts: Map<Symbol, Share>,
    labelled: Share,
    alerted: u64,
    guilty: Set<AccountId>,
    by_accounts: bool,
    has_labels: bool,
}

impl Tally {
    pub(crate) fn new(ledger: &Ledger) -> Tally {
        let on_payments = ledger.inputs.iter().any(|input| input.has_labels);
        let labels = ledger.account_labels.iter();
        let guilty: Set<AccountId> = labels.filter(|(_, bad)| **bad).map(|(a, _)| *a).collect();
        Tally {
            attempts: Map::default(),
            labelled: Share::default(),
            alerted: 0,
            by_accounts: !on_payments && !ledger.account_labels.is_empty(),
            has_labels: on_payments || !ledger.account_labels.is_empty(),
            guilty: if on_payments { Set::default() } else { guilty },
        }
    }

    pub(crate) fn add(&mut self, payment: &Payment, alerted: bool) {
        self.alerted += u64::from(alerted);
        let labelled = if self.by_accounts {
            // Money between two labelled accounts is what the labels mean.
            self.guilty.contains(&payment.debtor) && self.guilty.contains(&payment.creditor)
        } else {
            payment.label == Some(true)
        };
        if !labelled {
            return;
        }
        self.labelled.whole += 1;
        self.labelled.part += u64::from(alerted);
        if !self.by_accounts {
            self.guilty.insert(payment.debtor);
            self.guilty.insert(payment.creditor);
        }
        if let Some(attempt) = payment.attempt {
            let share = self.attempts.entry(attempt).or_default();
            share.whole += 1;
            share.part += u64::from(alerted);
        }
    }

    /// The figures; none where the input has no labels.
    pub(crate) fn finish(
        self,
        alerts: &[Alert],
        witnesses: &Witnesses,
        ledger: &Ledger,
    ) -> Option<Evaluation> {
        if !self.has_labels {
            return None;
        }
        let mut by_alert: BTreeMap<String, Share> = BTreeMap::new();
        let mut alerted_accounts: Set<AccountId> = Set::default();
        let mut right = 0;
        for alert in alerts {
            let is_right = if self.by_accounts {
                alert.accounts.iter().any(|account| self.guilty.contains(account))
            } else {
                alert.payments.iter().any(|&place| witnesses.is_labelled(place))
            };
            right += u64::from(is_right);
            let share = by_alert.entry(alert.typology.clone()).or_default();
            share.whole += 1;
            share.part += u64::from(is_right);
            alerted_accounts.extend(&alert.accounts);
        }
        let found = alerted_accounts.intersection(&self.guilty).count() as u64;
        let (alerted, guilty) = (alerted_accounts.len() as u64, self.guilty.len() as u64);
        let accounts = ledger.accounts.len() as u64;
        Some(Evaluation {
            labels_on: if self.by_accounts { "accounts" } else { "payments" },
            payment_precision: Share { part: self.labelled.part, whole: self.alerted },
            payment_recall: self.labelled,
            alert_precision: Share { part: right, whole: alerts.len() as u64 },
            account_precision: Share { part: found, whole: alerted },
            account_recall: Share { part: found, whole: guilty },
            alerts_per_1000_accounts: per_thousand(alerts.len() as u64, accounts),
            accounts_alerted_wrongly: alerted - found,
            wrongly_per_1000_innocent: per_thousand(alerted - found, accounts - guilty),
            by_typology: by_typology(&self.attempts, ledger),
            by_alert,
        })
    }
}

fn by_typology(attempts: &Map<Symbol, Share>, ledger: &Ledger) -> BTreeMap<String, AttemptsFound> {
    let mut rows: BTreeMap<String, AttemptsFound> = BTreeMap::new();
    let mut sorted: Vec<(&Symbol, &Share)> = attempts.iter().collect();
    sorted.sort_unstable_by_key(|(symbol, _)| **symbol);
    for (symbol, share) in sorted {
        let name = ledger.symbols.text(symbol.0);
        let typology = name.split_once(':').map_or(name, |(_, typology)| typology);
        let row = rows.entry(typology.to_owned()).or_default();
        row.payments.whole += share.whole;
        row.payments.part += share.part;
        row.touched.whole += 1;
        row.touched.part += u64::from(share.part > 0);
        row.half.whole += 1;
        row.half.part += u64::from(2 * share.part >= share.whole);
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn per_thousand(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 1_000.0 * part as f64 / whole as f64 }
}
