//! Secrets of webhooks, and what is signed with them.
//!
//! No secret is kept: each is made of a key beside the register and of the salt of its endpoint, so
//! that neither the register nor a copy of it can sign.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::outputs;
use crate::serve::setup;

/// The file of the key.
pub(crate) const FILE: &str = "webhook.key";

/// The key that secrets are made of.
pub(crate) struct Secrets {
    key: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl Secrets {
    /// Those of a file, which is made where it is not there.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Secrets> {
        Ok(Secrets { key: setup::token_key(path)? })
    }

    fn secret(&self, salt: &str) -> [u8; 32] {
        hmac(&self.key, &[b"webhook secret\n", salt.as_bytes()])
    }

    /// The secret of a salt as its receiver is given it, once.
    pub(crate) fn shown(&self, salt: &str) -> String {
        format!("whsec_{}", STANDARD.encode(self.secret(salt)))
    }

    /// What tells whether the secret of a salt is still the one that was given.
    pub(crate) fn mark(&self, salt: &str) -> String {
        outputs::sha256(&self.secret(salt))[..16].to_owned()
    }

    /// The signatures of a message, one for each salt, as its header has them.
    pub(crate) fn sign(&self, salts: &[&str], (id, seconds): (&str, i64), body: &str) -> String {
        let head = format!("{id}.{seconds}.");
        let one = |salt: &&str| {
            let signature = hmac(&self.secret(salt), &[head.as_bytes(), body.as_bytes()]);
            format!("v1,{}", STANDARD.encode(signature))
        };
        salts.iter().map(one).collect::<Vec<String>>().join(" ")
    }
}
