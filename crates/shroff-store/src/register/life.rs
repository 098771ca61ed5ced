//! The life of a case: what may be done in which state, and what state it is in then. Pure.

use serde::{Deserialize, Serialize};

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Nobody works on it.
    Open,
    /// Somebody does.
    Assigned,
    /// Somebody does, and waits for something.
    Waiting,
    /// It needs somebody with more to say.
    Escalated,
    /// It is decided by one person, and waits for a second one.
    Proposed,
    /// It is decided.
    Decided,
}

/// What may be done with a case, without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// To give it to somebody.
    Assign,
    /// To take it from whoever has it.
    Unassign,
    /// To let it rest until a time.
    Wait,
    /// To go on with it.
    Resume,
    /// To hand it to somebody with more to say.
    Escalate,
    /// To decide it.
    Decide,
    /// To agree with what another decided.
    Approve,
    /// To disagree with it.
    Reject,
    /// To begin again, on appeal.
    Reopen,
    /// To note something.
    Note,
    /// To name a case that belongs beside it.
    Link,
    /// To name it no more.
    Unlink,
    /// To say until when it must be decided.
    Due,
    /// To take alerts in.
    Join,
    /// To take one out.
    Leave,
    /// To call it something else.
    Title,
}

impl CaseState {
    /// All of them.
    pub const ALL: [CaseState; 6] = [
        CaseState::Open,
        CaseState::Assigned,
        CaseState::Waiting,
        CaseState::Escalated,
        CaseState::Proposed,
        CaseState::Decided,
    ];

    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            CaseState::Open => "open",
            CaseState::Assigned => "assigned",
            CaseState::Waiting => "waiting",
            CaseState::Escalated => "escalated",
            CaseState::Proposed => "proposed",
            CaseState::Decided => "decided",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<CaseState> {
        CaseState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What alerts of the case are told to be: one that waits for a second person is with somebody
    /// who has more to say.
    pub fn of_alerts(self) -> &'static str {
        match self {
            CaseState::Proposed => CaseState::Escalated.name(),
            CaseState::Open
            | CaseState::Assigned
            | CaseState::Waiting
            | CaseState::Escalated
            | CaseState::Decided => self.name(),
        }
    }

    /// The state after a command; none where it may not be given. `second` is whether a decision
    /// needs a second person.
    pub fn after(self, command: CommandKind, second: bool) -> Option<CaseState> {
        use CaseState::{Assigned, Decided, Escalated, Open, Proposed, Waiting};
        use CommandKind as C;
        match (self, command) {
            (Open | Assigned, C::Assign) => Some(Assigned),
            // Who has it changes, and not what it needs.
            (Waiting, C::Assign) => Some(Waiting),
            (Escalated, C::Assign | C::Unassign) => Some(Escalated),
            (Assigned | Waiting, C::Unassign) => Some(Open),
            (Assigned | Escalated, C::Wait) => Some(Waiting),
            (Waiting, C::Resume) => Some(Assigned),
            (Open | Assigned | Waiting, C::Escalate) => Some(Escalated),
            (Open | Assigned | Escalated, C::Decide) if second => Some(Proposed),
            (Open | Assigned | Escalated, C::Decide) => Some(Decided),
            (Proposed, C::Approve) => Some(Decided),
            (Proposed, C::Reject) => Some(Escalated),
            (Decided, C::Reopen) => Some(Open),
            (_, C::Note | C::Link | C::Unlink) => Some(self),
            // What was decided is what was on the screen: it stays as it was.
            (Open | Assigned | Waiting | Escalated, C::Due | C::Join | C::Leave | C::Title) => {
                Some(self)
            }
            (Open | Proposed | Decided, C::Unassign)
            | (Proposed | Decided, C::Assign | C::Due | C::Join | C::Leave | C::Title)
            | (Open | Waiting | Proposed | Decided, C::Wait)
            | (Open | Assigned | Escalated | Proposed | Decided, C::Resume)
            | (Escalated | Proposed | Decided, C::Escalate)
            | (Waiting | Proposed | Decided, C::Decide)
            | (Open | Assigned | Waiting | Escalated | Decided, C::Approve | C::Reject)
            | (Open | Assigned | Waiting | Escalated | Proposed, C::Reopen) => None,
        }
    }

    /// What may be done now.
    pub fn allowed(self) -> Vec<CommandKind> {
        CommandKind::ALL.into_iter().filter(|&kind| self.after(kind, false).is_some()).collect()
    }
}

impl CommandKind {
    /// All of them.
    pub const ALL: [CommandKind; 16] = [
        CommandKind::Assign,
        CommandKind::Unassign,
        CommandKind::Wait,
        CommandKind::Resume,
        CommandKind::Escalate,
        CommandKind::Decide,
        CommandKind::Approve,
        CommandKind::Reject,
        CommandKind::Reopen,
        CommandKind::Note,
        CommandKind::Link,
        CommandKind::Unlink,
        CommandKind::Due,
        CommandKind::Join,
        CommandKind::Leave,
        CommandKind::Title,
    ];

    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            CommandKind::Assign => "assign",
            CommandKind::Unassign => "unassign",
            CommandKind::Wait => "wait",
            CommandKind::Resume => "resume",
            CommandKind::Escalate => "escalate",
            CommandKind::Decide => "decide",
            CommandKind::Approve => "approve",
            CommandKind::Reject => "reject",
            CommandKind::Reopen => "reopen",
            CommandKind::Note => "note",
            CommandKind::Link => "link",
            CommandKind::Unlink => "unlink",
            CommandKind::Due => "due",
            CommandKind::Join => "join",
            CommandKind::Leave => "leave",
            CommandKind::Title => "title",
        }
    }

    /// Whether a named person alone may give it: it settles a case, or says who works on it and how
    /// it goes on. A machine may put things together and write beside them.
    pub fn needs_a_person(self) -> bool {
        match self {
            CommandKind::Assign
            | CommandKind::Unassign
            | CommandKind::Wait
            | CommandKind::Resume
            | CommandKind::Escalate
            | CommandKind::Decide
            | CommandKind::Approve
            | CommandKind::Reject
            | CommandKind::Reopen => true,
            CommandKind::Note
            | CommandKind::Link
            | CommandKind::Unlink
            | CommandKind::Due
            | CommandKind::Join
            | CommandKind::Leave
            | CommandKind::Title => false,
        }
    }

    /// Whether it settles something.
    pub fn settles(self) -> bool {
        match self {
            CommandKind::Decide
            | CommandKind::Approve
            | CommandKind::Reject
            | CommandKind::Reopen => true,
            CommandKind::Assign
            | CommandKind::Unassign
            | CommandKind::Wait
            | CommandKind::Resume
            | CommandKind::Escalate
            | CommandKind::Note
            | CommandKind::Link
            | CommandKind::Unlink
            | CommandKind::Due
            | CommandKind::Join
            | CommandKind::Leave
            | CommandKind::Title => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows are states, columns commands that change something: the letter of the state after, or a
    /// dot. With a second person, `decide` gives P.
    const TABLE: &str = "
                assign unassign wait resume escalate decide approve reject reopen title
        open        A      .      .     .       E       D       .      .      .     O
        assigned    A      O      W     .       E       D       .      .      .     A
        waiting     W      O      .     A       E       .       .      .      .     W
        escalated   E      E      W     .       .       D       .      .      .     E
        proposed    .      .      .     .       .       .       D      E      .     .
        decided     .      .      .     .       .       .       .      .      O     .";

    fn letter(state: Option<CaseState>) -> String {
        state.map_or(".".to_owned(), |state| state.name()[..1].to_uppercase())
    }

    #[test]
    fn each_command_in_each_state_does_what_the_table_says() {
        let mut lines = TABLE.trim_start_matches('\n').lines();
        let commands: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
        for line in lines {
            let mut cells = line.split_whitespace();
            let state = CaseState::from_name(cells.next().unwrap()).unwrap();
            for (command, wanted) in commands.iter().zip(cells) {
                let kind = CommandKind::ALL.into_iter().find(|kind| kind.name() == *command);
                let kind = kind.unwrap();
                assert_eq!(letter(state.after(kind, false)), wanted, "{state:?} {command}");
                let second =
                    if *command == "decide" { wanted.replace('D', "P") } else { wanted.into() };
                assert_eq!(letter(state.after(kind, true)), second, "{state:?} {command}");
            }
            for kind in [CommandKind::Note, CommandKind::Link, CommandKind::Unlink] {
                assert_eq!(state.after(kind, true), Some(state));
            }
            for kind in [CommandKind::Due, CommandKind::Join, CommandKind::Leave] {
                assert_eq!(state.after(kind, false), state.after(CommandKind::Title, false));
            }
        }
    }

    proptest! {
        #[test]
        fn a_case_is_decided_by_persons_alone_and_by_two_where_two_are_asked_for(
            commands in prop::collection::vec((0..CommandKind::ALL.len(), any::<bool>()), 0..40),
        ) {
            let mut state = CaseState::Open;
            for (at, second) in commands {
                let kind = CommandKind::ALL[at];
                let Some(after) = state.after(kind, second) else {
                    continue;
                };
                if after != state && (state == CaseState::Decided || after == CaseState::Decided) {
                    prop_assert!(kind.settles());
                }
                if after != state {
                    prop_assert!(kind.needs_a_person());
                }
                if after == CaseState::Decided && state != CaseState::Decided {
                    let is_second = state == CaseState::Proposed && kind == CommandKind::Approve;
                    prop_assert!(is_second || (!second && kind == CommandKind::Decide));
                }
                // Whatever was done, it can still be decided or begun again.
                prop_assert!(!after.allowed().is_empty());
                state = after;
            }
        }
    }
}
