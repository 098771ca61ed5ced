//! What others can be told of.

use super::life::{CaseState, CommandKind};

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// An alert is new.
    AlertOpened,
    /// An alert has grown, or is scored anew.
    AlertRevised,
    /// A case is new.
    CaseOpened,
    /// Somebody has it.
    CaseAssigned,
    /// Nobody has it any more.
    CaseUnassigned,
    /// It rests.
    CaseWaiting,
    /// It rests no more.
    CaseResumed,
    /// It needs somebody with more to say.
    CaseEscalated,
    /// One person decided it, and a second one is asked.
    CaseProposed,
    /// It is decided.
    CaseDecided,
    /// The second person disagrees.
    CaseRejected,
    /// It is begun again, on appeal.
    CaseReopened,
    /// Something else of it changed: a note, a link, its alerts, its title, when it is due.
    CaseChanged,
    /// A payment is held.
    HoldOpened,
    /// It is held no more.
    HoldEnded,
    /// Nothing happened: somebody tries whether they are told.
    WebhookTest,
}

impl EventKind {
    /// All that an endpoint may choose.
    pub const ALL: [EventKind; 15] = [
        EventKind::AlertOpened,
        EventKind::AlertRevised,
        EventKind::CaseOpened,
        EventKind::CaseAssigned,
        EventKind::CaseUnassigned,
        EventKind::CaseWaiting,
        EventKind::CaseResumed,
        EventKind::CaseEscalated,
        EventKind::CaseProposed,
        EventKind::CaseDecided,
        EventKind::CaseRejected,
        EventKind::CaseReopened,
        EventKind::CaseChanged,
        EventKind::HoldOpened,
        EventKind::HoldEnded,
    ];

    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::AlertOpened => "alert.opened",
            EventKind::AlertRevised => "alert.revised",
            EventKind::CaseOpened => "case.opened",
            EventKind::CaseAssigned => "case.assigned",
            EventKind::CaseUnassigned => "case.unassigned",
            EventKind::CaseWaiting => "case.waiting",
            EventKind::CaseResumed => "case.resumed",
            EventKind::CaseEscalated => "case.escalated",
            EventKind::CaseProposed => "case.proposed",
            EventKind::CaseDecided => "case.decided",
            EventKind::CaseRejected => "case.rejected",
            EventKind::CaseReopened => "case.reopened",
            EventKind::CaseChanged => "case.changed",
            EventKind::HoldOpened => "hold.opened",
            EventKind::HoldEnded => "hold.ended",
            EventKind::WebhookTest => "webhook.test",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a command to a case is told as, with the state after it.
    pub fn of_case(command: CommandKind, after: CaseState) -> EventKind {
        match command {
            CommandKind::Assign => EventKind::CaseAssigned,
            CommandKind::Unassign => EventKind::CaseUnassigned,
            CommandKind::Wait => EventKind::CaseWaiting,
            CommandKind::Resume => EventKind::CaseResumed,
            CommandKind::Escalate => EventKind::CaseEscalated,
            CommandKind::Decide if after == CaseState::Proposed => EventKind::CaseProposed,
            CommandKind::Decide | CommandKind::Approve => EventKind::CaseDecided,
            CommandKind::Reject => EventKind::CaseRejected,
            CommandKind::Reopen => EventKind::CaseReopened,
            CommandKind::Note
            | CommandKind::Link
            | CommandKind::Unlink
            | CommandKind::Due
            | CommandKind::Join
            | CommandKind::Leave
            | CommandKind::Title => EventKind::CaseChanged,
        }
    }
}
