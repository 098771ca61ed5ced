//! Accounts as keyed tokens: who has the report alone learns no account number.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shroff_types::{AccountId, Names};

use crate::cli::Naming;

/// Letters and digits that nobody mistakes for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Names accounts as the user asked.
#[derive(Debug)]
pub(crate) struct Namer<'a> {
    accounts: &'a Names,
    key: [u8; 32],
    naming: Naming,
}

impl<'a> Namer<'a> {
    /// Tokens keyed by `key`, or names as they are.
    pub(crate) fn new(accounts: &'a Names, key: [u8; 32], naming: Naming) -> Namer<'a> {
        Namer { accounts, key, naming }
    }

    /// How an account is written.
    pub(crate) fn name(&self, account: AccountId) -> String {
        let plain = self.plain(account);
        match self.naming {
            Naming::Plain => plain.to_owned(),
            Naming::Tokens => token(&self.key, plain),
        }
    }

    /// What the input calls an account.
    pub(crate) fn plain(&self, account: AccountId) -> &'a str {
        self.accounts.text(account.0)
    }

    /// The token of an account, however accounts are written.
    pub(crate) fn token_of(&self, account: AccountId) -> String {
        token(&self.key, self.plain(account))
    }
}

/// Sixty bits of HMAC-SHA256: among a million accounts, two share a token once in two million
/// ledgers.
pub(crate) fn token(key: &[u8; 32], plain: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(plain.as_bytes());
    let bytes = mac.finalize().into_bytes();
    let mut text = String::with_capacity(14);
    let mut bits = bytes[..8].iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
    for at in 0..12 {
        if at == 4 || at == 8 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[(bits >> 59) as usize]));
        bits <<= 5;
    }
    text
}
