//! Users and their sessions, in memory as the register keeps them: who is asked for at each request.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use clap::ValueEnum;
use shroff_store::register::{AuditEntry, InvitationRow, Register, SessionRow, UserRow};
use shroff_types::Timestamp;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::actor::{Actor, ActorKind};
use super::keys::{Right, Role};
use super::limits::{Buckets, Pace};
use crate::{outputs, settings};

/// A session ends after so long without a request, and after so long in any case.
const IDLE_MICROS: i64 = 30 * 60 * 1_000_000;
/// Twelve hours: a long day.
pub(crate) const MOST_SECONDS: i64 = 12 * 3_600;
/// An invitation is good for a day.
pub(crate) const INVITED_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Five attempts at once for a name, and another every half minute.
const ATTEMPTS: Pace = Pace { at_once: 5, micros_each: 30_000_000 };
/// Names whose attempts are counted at once.
const MOST_NAMES: usize = 10_000;
/// Passwords that are hashed at once: each takes 19 MiB.
const HASHES_AT_ONCE: usize = 2;

/// A session that goes on.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) hash: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) csrf: String,
    pub(crate) expires: Timestamp,
}

#[derive(Debug, Default)]
struct Tables {
    users: BTreeMap<String, UserRow>,
    /// By the hash of the token; with the time of the last request.
    sessions: BTreeMap<String, (SessionRow, Timestamp)>,
}

/// Who works with the service.
#[derive(Debug)]
pub(crate) struct People {
    tables: Mutex<Tables>,
    pub(crate) attempts: Buckets,
    hashing: Semaphore,
    /// What a password is compared with where there is no such user: it takes as long.
    nobody: String,
}

/// A token that nobody guesses, and its hash.
pub(crate) fn new_token() -> anyhow::Result<(String, String)> {
    let token = outputs::hexadecimal(&settings::random::<32>()?);
    let hash = outputs::sha256(token.as_bytes());
    Ok((token, hash))
}

fn hashed(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))?.to_string())
}

/// Whether two secrets are one; how long it takes says nothing of them.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

impl People {
    /// Those that the register knows.
    pub(crate) async fn of(register: &Register, now: Timestamp) -> anyhow::Result<People> {
        let users = register.users().await?;
        let sessions = register.sessions(now).await?;
        let users = users.into_iter().map(|user| (user.name.clone(), user)).collect();
        let sessions = sessions.into_iter().map(|it| (it.hash.clone(), (it, now))).collect();
        Ok(People {
            tables: Mutex::new(Tables { users, sessions }),
            attempts: Buckets::new(ATTEMPTS, MOST_NAMES),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            nobody: hashed(&new_token()?.0)?,
        })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is nobody yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables().users.is_empty()
    }

    /// Everybody, by name.
    pub(crate) fn users(&self) -> Vec<UserRow> {
        self.tables().users.values().cloned().collect()
    }

    /// Somebody.
    pub(crate) fn user(&self, name: &str) -> Option<UserRow> {
        self.tables().users.get(name).cloned()
    }

    /// Notes what the register was told of a user; what they were in before ends.
    pub(crate) fn put(&self, user: UserRow) {
        let mut tables = self.tables();
        tables.sessions.retain(|_, (session, _)| session.name != user.name);
        tables.users.insert(user.name.clone(), user);
    }

    /// Notes a session that the register was told of.
    pub(crate) fn begin(&self, session: SessionRow, now: Timestamp) {
        let mut tables = self.tables();
        tables.sessions.retain(|_, (session, _)| session.expires > now);
        tables.sessions.insert(session.hash.clone(), (session, now));
    }

    /// Ends a session.
    pub(crate) fn end(&self, hash: &str) {
        self.tables().sessions.remove(hash);
    }

    /// The session of a token, where it goes on; it was used now.
    pub(crate) fn session(&self, token: &str, now: Timestamp) -> Option<Session> {
        let session = self.look(token, now);
        let hash = outputs::sha256(token.as_bytes());
        let mut tables = self.tables();
        match (&session, tables.sessions.get_mut(&hash)) {
            (Some(_), Some((_, seen))) => *seen = now,
            (None, Some(_)) => {
                tables.sessions.remove(&hash);
            }
            (_, None) => {}
        }
        session
    }

    /// Whether somebody of this name may sign in and do something.
    pub(crate) fn may(&self, name: &str, right: Right) -> bool {
        self.user(name)
            .filter(|user| !user.is_disabled)
            .is_some_and(|user| Role::from_str(&user.role, false).is_ok_and(|role| role.may(right)))
    }

    /// A session as [`People::session`] finds it, without using it.
    pub(crate) fn look(&self, token: &str, now: Timestamp) -> Option<Session> {
        let hash = outputs::sha256(token.as_bytes());
        let tables = self.tables();
        let (session, seen) = tables.sessions.get(&hash)?;
        let user = tables.users.get(&session.name).filter(|user| !user.is_disabled)?;
        let goes_on = now < session.expires && now.0 - seen.0 < IDLE_MICROS;
        let role = Role::from_str(&user.role, false).ok().filter(|_| goes_on)?;
        let SessionRow { hash, name, csrf, expires } = session.clone();
        Some(Session { hash, name, role, csrf, expires })
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> anyhow::Result<String> {
        let permit = self.hashing.acquire().await.context("the service stops")?;
        let hash = tokio::task::spawn_blocking(move || hashed(&password)).await?;
        drop(permit);
        hash
    }

    /// Whether a name and a password are somebody's; where they are nobody's, it takes as long.
    pub(crate) async fn knows(&self, name: &str, password: String) -> anyhow::Result<bool> {
        // Whom a provider vouches for has no password.
        let is_known = |user: &UserRow| !user.is_disabled && user.password.starts_with('$');
        let user = self.user(name).filter(is_known);
        let is_there = user.is_some();
        let against = user.map_or_else(|| self.nobody.clone(), |user| user.password);
        let permit = self.hashing.acquire().await.context("the service stops")?;
        let is_right = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&against).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
        })
        .await?;
        drop(permit);
        Ok(is_right && is_there)
    }

    /// An invitation for the first administrator, where there is nobody yet: its token.
    pub(crate) async fn first(
        &self,
        register: &Register,
        now: Timestamp,
    ) -> anyhow::Result<Option<String>> {
        if !self.is_empty() {
            return Ok(None);
        }
        let (token, hash) = new_token()?;
        let invitation = InvitationRow {
            hash,
            name: String::new(),
            role: Role::Administrator.name().to_owned(),
            expires: Timestamp(now.0 + INVITED_MICROS),
        };
        let entry = AuditEntry {
            at: now,
            actor: "shroff",
            role: "service",
            action: "user.invite",
            object: "first administrator",
            detail: &serde_json::json!({}),
        };
        register.invite(&invitation, entry).await?;
        Ok(Some(token))
    }
}

impl Session {
    /// Who asks within it.
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.name.clone(), kind: ActorKind::User, role: self.role }
    }
}
