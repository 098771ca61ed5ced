//! Who asks, and what they may: the one table of roles and rights.

use axum::http::Extensions;
use serde::{Deserialize, Serialize};

use super::problem::{Kind, Problem};

/// What somebody is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Everything.
    Administrator,
    /// To read alerts and work on cases.
    Analyst,
    /// What an analyst may, and to approve, to end holds, to see an account behind its token.
    Reviewer,
    /// To read alerts, and to propose rules.
    RuleAuthor,
    /// To read everything, the audit trail too, and to change nothing.
    Auditor,
    /// To send payments and read their verdicts.
    PaymentSystem,
    /// To read the metrics.
    Monitor,
}

/// Every role.
pub(crate) const ROLES: [Role; 7] = [
    Role::Administrator,
    Role::Analyst,
    Role::Reviewer,
    Role::RuleAuthor,
    Role::Auditor,
    Role::PaymentSystem,
    Role::Monitor,
];

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Right {
    SendPayments,
    ReadVerdicts,
    ReadAlerts,
    ReadCases,
    WorkCases,
    Review,
    Unmask,
    ProposeRules,
    ReadAudit,
    ReadMetrics,
    ManageUsers,
}

/// Every right.
pub(crate) const RIGHTS: [Right; 11] = [
    Right::SendPayments,
    Right::ReadVerdicts,
    Right::ReadAlerts,
    Right::ReadCases,
    Right::WorkCases,
    Right::Review,
    Right::Unmask,
    Right::ProposeRules,
    Right::ReadAudit,
    Right::ReadMetrics,
    Right::ManageUsers,
];

impl Role {
    /// What it may. An administrator sends no payments by being one who reads; that everything is
    /// theirs is what the role means.
    pub(crate) fn rights(self) -> &'static [Right] {
        match self {
            Role::Administrator => &RIGHTS,
            Role::Analyst => &[
                Right::ReadVerdicts,
                Right::ReadAlerts,
                Right::ReadCases,
                Right::WorkCases,
            ],
            Role::Reviewer => &[
                Right::ReadVerdicts,
                Right::ReadAlerts,
                Right::ReadCases,
                Right::WorkCases,
                Right::Review,
                Right::Unmask,
            ],
            Role::RuleAuthor => &[
                Right::ReadVerdicts,
                Right::ReadAlerts,
                Right::ReadCases,
                Right::ProposeRules,
            ],
            Role::Auditor => &[
                Right::ReadVerdicts,
                Right::ReadAlerts,
                Right::ReadCases,
                Right::ReadAudit,
                Right::ReadMetrics,
            ],
            Role::PaymentSystem => &[Right::SendPayments, Right::ReadVerdicts],
            Role::Monitor => &[Right::ReadMetrics],
        }
    }

    /// Whether it may do something.
    pub(crate) fn may(self, right: Right) -> bool {
        self.rights().contains(&right)
    }

    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Analyst => "analyst",
            Role::Reviewer => "reviewer",
            Role::RuleAuthor => "rule-author",
            Role::Auditor => "auditor",
            Role::PaymentSystem => "payment-system",
            Role::Monitor => "monitor",
        }
    }

    /// The role of that name.
    pub(crate) fn named(name: &str) -> Option<Role> {
        ROLES.into_iter().find(|role| role.name() == name)
    }
}

/// A person, or a program with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActorKind {
    User,
    Key,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) kind: ActorKind,
    pub(crate) role: Role,
}

impl Actor {
    /// Whether they may do something, or why not.
    pub(crate) fn must(&self, right: Right) -> Result<(), Problem> {
        if self.role.may(right) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::Forbidden,
            format!("the role `{}` does not go so far", self.role.name()),
        ))
    }
}

/// Who asks, where they may do something. Who it is was found out before any path is reached.
pub(crate) fn allow(found: &Extensions, right: Right) -> Result<Actor, Problem> {
    let actor = found.get::<Actor>().cloned().ok_or_else(nobody)?;
    actor.must(right)?;
    Ok(actor)
}

/// What is said to whoever does not say who they are.
pub(crate) fn nobody() -> Problem {
    Problem::new(Kind::Unauthorized, "there is neither a key nor a session")
        .hint("send `Authorization: Bearer` with a key, or sign in")
}
