//! A payment, and the numbers that stand for its parts.

use compact_str::CompactString;

use crate::{Amount, Timestamp};

/// An account, as the number of its name (see [`crate::Names`]); dense from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AccountId(pub u32);

/// A repeated word of the input, such as a method of payment, as its number in [`crate::Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

/// A payment's place in the one total order, (time, position of arrival); dense from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u32);

/// The labelled laundering attempt that a payment belongs to, as `<number>:<TYPOLOGY>`, in
/// [`crate::Names`].
pub type Attempt = Symbol;

/// One payment, as its file says it. Every field was checked where it was read: the amount is
/// above zero, the currency known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The institution's own id; where the file has none, its file and row.
    pub id: CompactString,
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, in the currency in which it left the debtor.
    pub amount: Amount,
    /// How (`ACH`, `card`, ...), where the file says.
    pub method: Option<Symbol>,
    /// Whether somebody called it laundering or fraud; none where the file has no labels. Read
    /// for evaluation alone: no feature and no rule can name it.
    pub label: Option<bool>,
    /// The attempt it belongs to, where the file says. Read for evaluation alone.
    pub attempt: Option<Attempt>,
}

impl Payment {
    /// Whether an account pays itself.
    pub fn is_self_payment(&self) -> bool {
        self.debtor == self.creditor
    }
}

/// A payment as it was sent to a service: everything that is read of it, by name, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentPayment<'a> {
    /// The sender's own id: sent again, it is the same payment.
    pub id: &'a str,
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: &'a str,
    /// Who is paid.
    pub creditor: &'a str,
    /// How much: above zero.
    pub amount: Amount,
    /// How, where it says.
    pub method: Option<&'a str>,
}

/// What the id of a withdrawal begins with: no payment that is sent has a control character.
const WITHDRAWAL: char = '\u{1}';

/// A withdrawal is carried as the payment that it takes out, under an id that says so.
impl SentPayment<'_> {
    /// The id under which the payment at a place is taken out again.
    pub fn withdrawal_id(place: Place) -> String {
        format!("{WITHDRAWAL}{}", place.0)
    }

    /// Which payment it takes out, where it is a withdrawal.
    pub fn withdraws(&self) -> Option<Place> {
        self.id.strip_prefix(WITHDRAWAL)?.parse().ok().map(Place)
    }
}
