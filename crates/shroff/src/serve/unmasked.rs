//! Which numbers of accounts a person may see, and until when. No number is kept here: only where
//! in the log it is read from.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shroff_types::{Place, Span, Timestamp};

/// What is kept at once; who is beyond that asks anew.
const MOST: usize = 10_000;

/// What somebody was granted, by name and token.
type Table = BTreeMap<(String, String), Grant>;

/// Somebody may see a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    /// A payment of the account.
    pub(crate) place: Place,
    /// The case that it was granted in.
    pub(crate) case: i64,
    pub(crate) expires: Timestamp,
}

/// All that was granted and has not ended. A restart forgets it.
#[derive(Debug)]
pub(crate) struct Grants {
    span: Span,
    table: Mutex<Table>,
}

impl Grants {
    /// Each is for so long.
    pub(crate) fn new(span: Span) -> Grants {
        Grants { span, table: Mutex::default() }
    }

    /// When what is granted now ends.
    pub(crate) fn until(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(self.span.micros()))
    }

    /// Notes what was granted.
    pub(crate) fn note(&self, (name, token): (&str, &str), grant: Grant, now: Timestamp) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, grant| grant.expires > now);
        if table.len() < MOST {
            table.insert((name.to_owned(), token.to_owned()), grant);
        }
    }

    /// What somebody may see of a token now.
    pub(crate) fn of(&self, (name, token): (&str, &str), now: Timestamp) -> Option<Grant> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = table.get(&(name.to_owned(), token.to_owned())).copied();
        grant.filter(|grant| grant.expires > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_for_one_person_and_one_account_and_ends() {
        let grants = Grants::new(Span::from_micros(10).expect("a span"));
        let grant = Grant { place: Place(3), case: 1, expires: grants.until(Timestamp(100)) };
        grants.note(("ann", "a"), grant, Timestamp(100));
        assert_eq!(grants.of(("ann", "a"), Timestamp(109)), Some(grant));
        assert_eq!(grants.of(("ann", "a"), Timestamp(110)), None, "it has ended");
        assert_eq!(grants.of(("ann", "b"), Timestamp(100)), None, "another account");
        assert_eq!(grants.of(("bob", "a"), Timestamp(100)), None, "another person");
    }
}
