//! Tokens of accounts, and the way back for those that were shown: within the process alone.

use std::sync::{Mutex, PoisonError};

use shroff_types::Names;

use crate::tokens;

/// So many names at most: beyond, the tables are begun anew.
const MOST: usize = 2_000_000;

/// Names and their tokens, by the same numbers.
#[derive(Debug, Default)]
struct Tables {
    names: Names,
    tokens: Names,
}

/// Makes tokens, and knows whose those are that it made.
pub(crate) struct Pseudonyms {
    key: [u8; 32],
    tables: Mutex<Tables>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the key nor a name has a place in a log.
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    pub(crate) fn new(key: [u8; 32]) -> Pseudonyms {
        Pseudonyms { key, tables: Mutex::default() }
    }

    /// The token of an account.
    pub(crate) fn token(&self, name: &str) -> String {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = tables.names.find(name) {
            return tables.tokens.text(number).to_owned();
        }
        if tables.names.len() >= MOST {
            *tables = Tables::default();
        }
        let token = tokens::token(&self.key, name);
        if tables.names.intern(name) != tables.tokens.intern(&token) {
            // Two names of one token, which happens to nobody: neither may pass for the other.
            *tables = Tables::default();
        }
        token
    }

    /// Whether a token is that of a name, without keeping either.
    pub(crate) fn is_of(&self, token: &str, name: &str) -> bool {
        tokens::token(&self.key, name) == token
    }

    /// The account of a token that was made here.
    pub(crate) fn name_of(&self, token: &str) -> Option<String> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.tokens.find(token).map(|number| tables.names.text(number).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_account_where_it_was_made() {
        let one = Pseudonyms::new([7; 32]);
        let token = one.token("DE1");
        assert_eq!(token, one.token("DE1"));
        assert_eq!(one.name_of(&token).as_deref(), Some("DE1"));
        assert!(one.is_of(&token, "DE1") && !one.is_of(&token, "DE2"));
        assert_eq!(Pseudonyms::new([7; 32]).name_of(&token), None);
        assert_ne!(Pseudonyms::new([8; 32]).token("DE1"), token);
        assert_eq!(format!("{one:?}"), "Pseudonyms");
    }
}
