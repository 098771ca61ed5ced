//! What is handed to a human: a flow of payments, why it was raised, and its evidence.

use crate::{AccountId, Place, Timestamp};

/// Why an alert was raised: one sentence with its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The rule that fired: its position among those bound, which is that of this run alone.
    pub rule: String,
    /// The payment at which it fired most strongly.
    pub place: Place,
    /// The sentence.
    pub text: String,
}

/// One flow of money that a human should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// A name that stays the same for equal input: the typology and the first payment's place.
    pub id: String,
    /// The typology's id, such as `cycle`.
    pub typology: String,
    /// How strongly, from 0 to 1000. It orders alerts; it is not a probability.
    pub score_permille: u16,
    /// The time of the earliest payment of the evidence.
    pub first_time: Timestamp,
    /// The time of the latest payment of the evidence.
    pub last_time: Timestamp,
    /// The place of the payment at which it could first have been raised.
    pub raised_at: Place,
    /// The accounts of the evidence, each once, in the order in which its payments name them.
    pub accounts: Vec<AccountId>,
    /// The sum of the evidence in minor units of the base currency.
    pub amount_minor: i128,
    /// Why, strongest first; at least one.
    pub reasons: Vec<Reason>,
    /// The evidence: the payments' places in the order, ascending, each once; at least one.
    pub payments: Vec<Place>,
}
