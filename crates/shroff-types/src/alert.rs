//! What is handed to a human: a flow of payments, why it was raised, and its evidence.

use crate::{AccountId, Place, Timestamp};

/// Why an alert was raised: one sentence with its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The typology whose rule fired.
    pub typology: String,
    /// How strongly it fired, from 0 to 1000.
    pub score_permille: u16,
    /// Its share in the score of the alert, from 0 to 1000; none where another of its group is
    /// stronger.
    pub share_permille: u16,
    /// The payment at which it fired most strongly.
    pub place: Place,
    /// The sentence.
    pub text: String,
}

/// One flow of money that a human should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// A name that it keeps while it grows: the typology that opened it, and the place of the
    /// payment that did.
    pub id: String,
    /// The id of the typology with the largest share, such as `cycle`.
    pub typology: String,
    /// How strongly, from 0 to 1000. It orders alerts; it is not a probability.
    pub score_permille: u16,
    /// What is suggested.
    pub action: Action,
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

/// What is suggested to whoever decides. Nothing happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Action {
    /// Nothing: it is counted and kept as evidence.
    #[default]
    None,
    /// To look at it.
    Review,
    /// To hold the payment for a bounded time while somebody looks at it.
    Hold,
}

impl Action {
    /// As files write it.
    pub fn name(self) -> &'static str {
        match self {
            Action::None => "none",
            Action::Review => "review",
            Action::Hold => "hold",
        }
    }
}
