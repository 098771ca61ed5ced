//! Keys: who may ask what. A key is shown once, when it is made; its hash is kept.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shroff_store::register::{AuditEntry, Register};
use shroff_types::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::actor::KEY;
use super::limits::{Buckets, Pace};
use crate::{outputs, settings};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Everything.
    Administrator,
    /// To send payments and read their verdicts.
    PaymentSystem,
    /// To read alerts and verdicts, and to work on cases.
    Analyst,
    /// To do what an analyst does, to agree with what others decide, and to end holds.
    Reviewer,
    /// To write rules, and read what they find.
    RuleAuthor,
    /// To read everything, the audit trail too, and change nothing.
    Auditor,
    /// To read the metrics.
    Monitor,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    SendPayments,
    ReadVerdicts,
    /// Alerts, accounts, cases and holds, and what is counted of them.
    ReadAlerts,
    /// To open cases, and to give them commands.
    WorkOnCases,
    /// To agree or disagree with a decision of another.
    ReviewDecisions,
    EndHolds,
    ReadAudit,
    ReadMetrics,
    ManageUsers,
    /// To see the number of an account, within a case and for a reason.
    Unmask,
    /// To see who is told of what by webhooks, and what came of it.
    ReadWebhooks,
    /// To say who is.
    ManageWebhooks,
    /// To check, try and propose rules.
    WriteRules,
    /// To let rules judge, and to take the former ones again.
    ApproveRules,
    /// To load a made-up world into an empty log.
    LoadDemo,
}

/// Every right.
pub(crate) const RIGHTS: [Right; 15] = [
    Right::SendPayments,
    Right::ReadVerdicts,
    Right::ReadAlerts,
    Right::WorkOnCases,
    Right::ReviewDecisions,
    Right::EndHolds,
    Right::ReadAudit,
    Right::ReadMetrics,
    Right::ManageUsers,
    Right::Unmask,
    Right::ReadWebhooks,
    Right::ManageWebhooks,
    Right::WriteRules,
    Right::ApproveRules,
    Right::LoadDemo,
];

impl Right {
    /// Whether a machine has it in no role: it decides nothing, and lets nobody in.
    pub(crate) fn needs_a_person(self) -> bool {
        match self {
            Right::ReviewDecisions
            | Right::EndHolds
            | Right::ManageUsers
            | Right::Unmask
            | Right::ManageWebhooks
            | Right::ApproveRules
            | Right::LoadDemo => true,
            Right::SendPayments
            | Right::ReadVerdicts
            | Right::ReadAlerts
            | Right::WorkOnCases
            | Right::ReadAudit
            | Right::ReadWebhooks
            | Right::WriteRules
            | Right::ReadMetrics => false,
        }
    }

    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Right::SendPayments => "send-payments",
            Right::ReadVerdicts => "read-verdicts",
            Right::ReadAlerts => "read-alerts",
            Right::WorkOnCases => "work-on-cases",
            Right::ReviewDecisions => "review-decisions",
            Right::EndHolds => "end-holds",
            Right::ReadAudit => "read-audit",
            Right::ReadMetrics => "read-metrics",
            Right::ManageUsers => "manage-users",
            Right::WriteRules => "write-rules",
            Right::ApproveRules => "approve-rules",
            Right::Unmask => "unmask",
            Right::ReadWebhooks => "read-webhooks",
            Right::ManageWebhooks => "manage-webhooks",
            Right::LoadDemo => "load-demo",
        }
    }
}

impl Role {
    /// Whether it may do something.
    pub(crate) fn may(self, right: Right) -> bool {
        match right {
            Right::SendPayments => matches!(self, Role::Administrator | Role::PaymentSystem),
            Right::ReadVerdicts => !matches!(self, Role::Monitor),
            Right::ReadAlerts => !matches!(self, Role::PaymentSystem | Role::Monitor),
            Right::WorkOnCases => {
                matches!(self, Role::Administrator | Role::Analyst | Role::Reviewer)
            }
            Right::WriteRules => matches!(self, Role::Administrator | Role::RuleAuthor),
            Right::ReviewDecisions | Right::EndHolds | Right::Unmask | Right::ApproveRules => {
                matches!(self, Role::Administrator | Role::Reviewer)
            }
            Right::ReadAudit | Right::ReadWebhooks => {
                matches!(self, Role::Administrator | Role::Auditor)
            }
            Right::ManageUsers | Right::ManageWebhooks | Right::LoadDemo => {
                matches!(self, Role::Administrator)
            }
            Right::ReadMetrics => {
                matches!(self, Role::Administrator | Role::Auditor | Role::Monitor)
            }
        }
    }

    /// As it is written and told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::PaymentSystem => "payment-system",
            Role::Analyst => "analyst",
            Role::Reviewer => "reviewer",
            Role::RuleAuthor => "rule-author",
            Role::Auditor => "auditor",
            Role::Monitor => "monitor",
        }
    }

    /// Whether a person can have it.
    pub(crate) fn is_of_a_person(self) -> bool {
        match self {
            Role::Administrator
            | Role::Analyst
            | Role::Reviewer
            | Role::RuleAuthor
            | Role::Auditor => true,
            Role::PaymentSystem | Role::Monitor => false,
        }
    }
}

/// A key: all but itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// SHA-256 of the key. It has 256 random bits, so that nothing slower is needed.
    sha256: String,
    /// When it was made, as RFC 3339 writes it; older ones do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) made: Option<String>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// Requests a second at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pace: Option<u32>,
}

impl Entry {
    /// Whether it has ended. What cannot be read as a time has.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        let ends = self.expires.as_ref().map(|text| Timestamp::parse(text));
        ends.is_some_and(|ends| ends.is_none_or(|ends| ends <= now))
    }

    /// How often it may ask: a second's worth at once, and then evenly.
    pub(crate) fn pace(&self) -> Option<Pace> {
        let at_once = self.pace?;
        Some(Pace { at_once, micros_each: 1_000_000 / i64::from(at_once.max(1)) })
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) pace: Option<u32>,
    pub(crate) now: Timestamp,
}

/// The keys there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Entry>,
}

const FILE: &str = "keys.json";
/// The most that a name has.
const MOST_LETTERS: usize = 64;

impl Keys {
    /// Reads the keys of a data directory; none where there is no file yet.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Option<Keys>> {
        let path = data.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        let keys = serde_json::from_str(&text);
        keys.map(Some).with_context(|| format!("`{}` holds no keys", path.display()))
    }

    /// Changes the keys of a data directory that a service made. Whoever else changes them waits, so
    /// that neither takes back what the other did.
    pub(crate) fn change<T>(
        data: &Path,
        change: impl FnOnce(&mut Keys) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let keys = Keys::read(data)?.map(drop);
        keys.with_context(|| {
            format!("`{}` is no data directory\nhint: `shroff serve` makes one", data.display())
        })?;
        let lock = outputs::create_private(&data.join("keys.lock"))?;
        lock.lock().with_context(|| format!("cannot lock the keys of `{}`", data.display()))?;
        let mut keys = Keys::read(data)?.unwrap_or_default();
        let changed = change(&mut keys)?;
        keys.write(data)?;
        drop(lock);
        Ok(changed)
    }

    fn write(&self, data: &Path) -> anyhow::Result<()> {
        outputs::write_private(&data.join(FILE), |file| {
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            Ok(file.write_all(b"\n")?)
        })
    }

    /// The first key of a new data directory.
    pub(crate) fn first(data: &Path, now: Timestamp) -> anyhow::Result<(Keys, String)> {
        let mut keys = Keys::default();
        let role = Role::Administrator;
        let key = keys.add(NewKey { name: "first", role, expires: None, pace: None, now })?;
        keys.write(data)?;
        Ok((keys, key))
    }

    /// Adds a key; it is in what is returned, and nowhere else.
    pub(crate) fn add(&mut self, new: NewKey<'_>) -> anyhow::Result<String> {
        let NewKey { name, role, expires, pace, now } = new;
        let letters = name.chars().count();
        let is_good = (1..=MOST_LETTERS).contains(&letters)
            && name.trim() == name
            && !name.chars().any(char::is_control);
        if !is_good {
            bail!("a name has 1 to {MOST_LETTERS} letters, and no blank at its ends");
        }
        if self.keys.iter().any(|entry| entry.name == name) {
            bail!("there is a key `{name}`\nhint: take another name, or revoke that one first");
        }
        let key = format!("shroff_{}", outputs::hexadecimal(&settings::random::<32>()?));
        let sha256 = outputs::sha256(key.as_bytes());
        let (made, expires) = (Some(now.to_string()), expires.map(|time| time.to_string()));
        self.keys.push(Entry { name: name.to_owned(), role, sha256, made, expires, pace });
        Ok(key)
    }

    /// Takes a key away.
    pub(crate) fn revoke(&mut self, name: &str) -> anyhow::Result<()> {
        let before = self.keys.len();
        self.keys.retain(|entry| entry.name != name);
        if self.keys.len() == before {
            bail!("there is no key `{name}`\nhint: `shroff keys list` lists them");
        }
        Ok(())
    }

    /// All of them, in the order in which they were made.
    pub(crate) fn all(&self) -> &[Entry] {
        &self.keys
    }

    /// Whose a key is. Hashes are compared, so that time says nothing of the key.
    pub(crate) fn who(&self, key: &str) -> Option<&Entry> {
        let sha256 = outputs::sha256(key.as_bytes());
        self.keys.iter().find(|entry| entry.sha256 == sha256)
    }
}

/// What a file is known by: where it changes, the file may have.
type Stamp = (SystemTime, u64, u64);

#[derive(Debug)]
struct Read {
    keys: Arc<Keys>,
    stamp: Option<Stamp>,
    looked: Timestamp,
}

/// The keys of a service that runs, as their file says: it is looked at once a second at most, when
/// somebody asks.
#[derive(Debug)]
pub(crate) struct Ring {
    data: PathBuf,
    read: Mutex<Read>,
    /// Told of each change that is seen.
    changes: UnboundedSender<KeyChange>,
    /// How often keys ask that have a pace.
    pub(crate) asked: Buckets,
}

/// A key that is there, or not any more, since the file was looked at before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyChange {
    pub(crate) is_new: bool,
    pub(crate) entry: Entry,
}

fn changes(before: &Keys, after: &Keys) -> Vec<KeyChange> {
    let only = |one: &Keys, other: &Keys, is_new: bool| {
        let entries = one.keys.iter().filter(|entry| !other.keys.contains(entry)).cloned();
        entries.map(|entry| KeyChange { is_new, entry }).collect::<Vec<_>>()
    };
    let mut all = only(before, after, false);
    all.extend(only(after, before, true));
    all
}

/// Notes each change in the audit trail: keys are changed from outside, by whoever may write the data
/// folder.
pub(crate) async fn note(register: Register, mut changes: UnboundedReceiver<KeyChange>) {
    while let Some(KeyChange { is_new, entry }) = changes.recv().await {
        let Entry { name, role, expires, pace, .. } = entry;
        let detail = json!({ "role": role.name(), "expires": expires, "pace": pace });
        let said = AuditEntry {
            at: settings::wall(),
            actor: "shroff",
            role: "service",
            action: if is_new { "key.add" } else { "key.revoke" },
            object: &format!("{KEY}{name}"),
            detail: &detail,
        };
        if let Err(error) = register.audit(said).await {
            tracing::error!(%error, name, is_new, "a change of keys is not in the audit trail");
        }
    }
}

/// How often the file is looked at.
const LOOK_MICROS: i64 = 1_000_000;
/// Keys with a pace whose requests are counted.
const MOST_PACED: usize = 10_000;

impl Ring {
    /// The keys of a data directory, which were read a moment ago; and what is changed of them then.
    pub(crate) fn of(data: &Path, keys: Keys) -> (Ring, UnboundedReceiver<KeyChange>) {
        let (changes, seen) = unbounded_channel();
        // The stamp is not known, so that the first look reads the file.
        let read = Read { keys: Arc::new(keys), stamp: None, looked: Timestamp(i64::MIN) };
        let ring = Ring {
            data: data.to_owned(),
            read: Mutex::new(read),
            changes,
            asked: Buckets::new(Pace { at_once: 1, micros_each: 1_000_000 }, MOST_PACED),
        };
        (ring, seen)
    }

    /// The keys as they are now, or as they were a second ago.
    pub(crate) fn keys(&self, now: Timestamp) -> Arc<Keys> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that goes back is no reason to look later.
        let since = now.0.saturating_sub(read.looked.0);
        if (0..LOOK_MICROS).contains(&since) {
            return Arc::clone(&read.keys);
        }
        read.looked = now;
        let stamp = stamp(&self.data.join(FILE));
        if stamp.is_some() && stamp == read.stamp {
            return Arc::clone(&read.keys);
        }
        match Keys::read(&self.data) {
            Ok(Some(keys)) => {
                if *read.keys != keys {
                    tracing::info!(keys = keys.keys.len(), "the keys were changed");
                    for change in changes(&read.keys, &keys) {
                        // Where nobody notes it any more, the service stops.
                        drop(self.changes.send(change));
                    }
                    read.keys = Arc::new(keys);
                }
                read.stamp = stamp;
            }
            // Payments go on; what was read stays until there is something to read.
            Ok(None) => tracing::error!("the file of the keys is gone: they stay as they were"),
            Err(error) => {
                tracing::error!(%error, "the keys cannot be read: they stay as they were");
            }
        }
        Arc::clone(&read.keys)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some((metadata.modified().ok()?, metadata.len(), inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn new(name: &str, expires: Option<Timestamp>) -> NewKey<'_> {
        NewKey { name, role: Role::Monitor, expires, pace: Some(4), now: at(1) }
    }

    #[test]
    fn a_file_of_before_is_read_and_a_change_is_seen_a_second_later() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let old = r#"{"keys":[{"name":"a","role":"auditor","sha256":"00"}]}"#;
        std::fs::write(folder.path().join(FILE), old).expect("a file of our own");
        let keys = Keys::read(folder.path()).expect("it is read").expect("it is there");
        assert!(!keys.all()[0].has_ended(Timestamp(i64::MAX)) && keys.all()[0].pace().is_none());
        let (ring, mut seen) = Ring::of(folder.path(), keys);
        assert_eq!(ring.keys(at(10)).all().len(), 1);
        let key = Keys::change(folder.path(), |keys| keys.add(new("b", None))).expect("a key");
        assert_eq!(ring.keys(at(10)).who(&key), None, "it was looked at this second");
        assert_eq!(ring.keys(at(11)).who(&key).expect("it is known").name, "b");
        Keys::change(folder.path(), |keys| keys.revoke("b")).expect("it is there");
        assert_eq!(ring.keys(at(3)).who(&key), None, "a clock that went back looks at once");
        for wanted in [true, false] {
            let KeyChange { is_new, entry } = seen.try_recv().expect("it is told");
            assert_eq!((is_new, entry.name.as_str()), (wanted, "b"));
        }
        assert!(seen.try_recv().is_err(), "nothing else was changed");
        std::fs::write(folder.path().join(FILE), "{").expect("a file of our own");
        assert_eq!(ring.keys(at(5)).all().len(), 1, "what cannot be read changes nothing");
        let broken = Keys::change(folder.path(), |keys| keys.revoke("a"));
        assert!(broken.is_err(), "and is not written over");
    }

    #[test]
    fn a_key_ends_when_it_was_to_end_and_one_that_says_nothing_readable_has_ended() {
        let mut keys = Keys::default();
        let key = keys.add(new("a", Some(at(100)))).expect("a key");
        let entry = keys.who(&key).expect("it is known").clone();
        assert!(!entry.has_ended(at(99)) && entry.has_ended(at(100)));
        assert_eq!(entry.pace(), Some(Pace { at_once: 4, micros_each: 250_000 }));
        let odd = Entry { expires: Some("soon".to_owned()), ..entry };
        assert!(odd.has_ended(at(0)));
        assert!(keys.add(new("a", None)).is_err(), "a name is one key's");
        assert!(keys.add(new("a\n", None)).is_err(), "a name is one line");
    }
}
