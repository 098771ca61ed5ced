//! What was read: all payments in order, the names in them, and an account of every record.

use std::collections::BTreeMap;

use shroff_types::{AccountId, Currency, Names, Payment, Timestamp};

use crate::messages::Withdrawal;
use crate::store::Payments;

/// Everything that was read from all inputs.
#[derive(Debug)]
pub struct Ledger {
    /// The accounts' names, by [`AccountId`].
    pub accounts: Names,
    /// The names of methods and attempts, by [`shroff_types::Symbol`].
    pub symbols: Names,
    /// Labels of whole accounts, where an input has them: true for one called fraudulent.
    pub account_labels: BTreeMap<AccountId, bool>,
    /// One summary an input, in the order given.
    pub inputs: Vec<InputSummary>,
    /// What the payments have in common.
    pub facts: Facts,
    /// The payments, in the one total order.
    pub payments: Payments,
    /// Returns and rejections that came in messages, as they came. They are left out of the payments.
    pub withdrawals: Vec<Withdrawal>,
}

/// What all payments of a ledger have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many payments there are in each currency.
    pub currencies: BTreeMap<Currency, u64>,
    /// The most decimals that any of these currencies has.
    pub decimals: u8,
    /// The time of the first payment.
    pub first_time: Option<Timestamp>,
    /// The time of the last.
    pub last_time: Option<Timestamp>,
    /// How many payments carry a label, of either kind.
    pub labelled: u64,
    /// How many are called laundering or fraud.
    pub labelled_true: u64,
    /// How many payments go from an account to itself.
    pub to_oneself: u64,
}

impl Facts {
    pub(crate) fn add(&mut self, payment: &Payment, unnamed_decimals: u8) {
        let currency = payment.amount.currency;
        let decimals =
            if currency == Currency::NONE { unnamed_decimals } else { currency.decimals() };
        *self.currencies.entry(currency).or_default() += 1;
        self.decimals = self.decimals.max(decimals);
        self.first_time = Some(self.first_time.map_or(payment.time, |t| t.min(payment.time)));
        self.last_time = self.last_time.max(Some(payment.time));
        self.labelled += u64::from(payment.label.is_some());
        self.labelled_true += u64::from(payment.label == Some(true));
        self.to_oneself += u64::from(payment.is_self_payment());
    }
}

/// What became of one input. `records` is always `payments + rejected + left out`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// The input's name.
    pub name: String,
    /// The layout it was read as: one of [`crate::LAYOUTS`], `mapping`, or `accounts`.
    pub layout: String,
    /// How it is written: `CSV`, `TSV`, `JSON Lines`, `Parquet`, ... and how packed.
    pub form: String,
    /// Records seen, headers and blank lines not counted. Of an accounts file, its accounts.
    pub records: u64,
    /// Records that became payments (of an accounts file, labels).
    pub payments: u64,
    /// Records that were refused, each reported with its reason.
    pub rejected: u64,
    /// Records that by the layout's nature are no payments between accounts, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Payments whose amount was rounded to the currency's decimals.
    pub rounded: u64,
    /// Whether payments can carry labels: there is such a column.
    pub has_labels: bool,
    /// What else a reader should know, in sentences.
    pub notes: Vec<String>,
}

impl InputSummary {
    /// How many records were left out, for whatever reason.
    pub fn left_out_total(&self) -> u64 {
        self.left_out.values().sum()
    }
}
