//! Keys: who may ask what. A key is shown once, when it is made; its hash is kept.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

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
    /// To check, try and propose rules.
    WriteRules,
    /// To let rules judge, and to take the former ones again.
    ApproveRules,
}

/// Every right.
pub(crate) const RIGHTS: [Right; 11] = [
    Right::SendPayments,
    Right::ReadVerdicts,
    Right::ReadAlerts,
    Right::WorkOnCases,
    Right::ReviewDecisions,
    Right::EndHolds,
    Right::ReadAudit,
    Right::ReadMetrics,
    Right::ManageUsers,
    Right::WriteRules,
    Right::ApproveRules,
];

impl Right {
    /// Whether a machine has it in no role: it decides nothing, and lets nobody in.
    pub(crate) fn needs_a_person(self) -> bool {
        match self {
            Right::ReviewDecisions | Right::EndHolds | Right::ManageUsers | Right::ApproveRules => {
                true
            }
            Right::SendPayments
            | Right::ReadVerdicts
            | Right::ReadAlerts
            | Right::WorkOnCases
            | Right::ReadAudit
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
            Right::ReviewDecisions | Right::EndHolds | Right::ApproveRules => {
                matches!(self, Role::Administrator | Role::Reviewer)
            }
            Right::ReadAudit => matches!(self, Role::Administrator | Role::Auditor),
            Right::ManageUsers => matches!(self, Role::Administrator),
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    role: Role,
    /// SHA-256 of the key. It has 256 random bits, so that nothing slower is needed.
    sha256: String,
}

/// The keys there are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Entry>,
}

const FILE: &str = "keys.json";

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

    /// Adds a key and writes the file; the key itself is in what is returned, and nowhere else.
    pub(crate) fn add(&mut self, data: &Path, name: &str, role: Role) -> anyhow::Result<String> {
        if self.keys.iter().any(|entry| entry.name == name) {
            bail!("there is a key `{name}`\nhint: take another name");
        }
        let key = format!("shroff_{}", outputs::hexadecimal(&settings::random::<32>()?));
        let sha256 = outputs::sha256(key.as_bytes());
        self.keys.push(Entry { name: name.to_owned(), role, sha256 });
        let path = data.join(FILE);
        outputs::write_private(&path, |file| {
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            Ok(file.write_all(b"\n")?)
        })?;
        Ok(key)
    }

    /// The name and the role of a key. Hashes are compared, so that time says nothing of the key.
    pub(crate) fn who(&self, key: &str) -> Option<(&str, Role)> {
        let sha256 = outputs::sha256(key.as_bytes());
        let entry = self.keys.iter().find(|entry| entry.sha256 == sha256)?;
        Some((&entry.name, entry.role))
    }
}
