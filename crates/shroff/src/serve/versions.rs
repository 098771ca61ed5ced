//! Versions of the rules: what became of each, and which is active. One file beside the log says so,
//! and is written before anything is done under it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::beginning;
use super::disk::sync_folder;
use super::setup::Rulebook;
use crate::outputs;

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Verdicts are given under it.
    Active,
    /// It runs beside the active one, and what it says leaves nowhere.
    Shadow,
    /// Somebody wants it.
    Proposed,
    /// It was active.
    Retired,
    /// Somebody said no.
    Rejected,
}

/// What people do with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// Run it beside the active one.
    Shadow,
    /// Run it no more.
    Stop,
    /// Give verdicts under it.
    Approve,
    Reject,
    /// Give verdicts under it again.
    RollBack,
}

/// All of them, in the order in which they are told.
const COMMANDS: [Command; 5] =
    [Command::Shadow, Command::Stop, Command::Approve, Command::Reject, Command::RollBack];

impl State {
    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Shadow => "shadow",
            State::Proposed => "proposed",
            State::Retired => "retired",
            State::Rejected => "rejected",
        }
    }

    /// The state after a command; none where it is not allowed.
    pub(crate) fn after(self, command: Command) -> Option<State> {
        match (self, command) {
            // Again where it fell behind.
            (State::Proposed | State::Shadow | State::Retired, Command::Shadow) => {
                Some(State::Shadow)
            }
            (State::Shadow, Command::Stop) => Some(State::Proposed),
            // The former one runs on for a while, ready for a way back.
            (State::Retired, Command::Stop) => Some(State::Retired),
            (State::Shadow, Command::Approve) | (State::Retired, Command::RollBack) => {
                Some(State::Active)
            }
            (State::Proposed | State::Shadow, Command::Reject) => Some(State::Rejected),
            (
                State::Active | State::Rejected,
                Command::Shadow
                | Command::Stop
                | Command::Approve
                | Command::Reject
                | Command::RollBack,
            )
            | (State::Proposed, Command::Stop | Command::Approve | Command::RollBack)
            | (State::Shadow, Command::RollBack)
            | (State::Retired, Command::Approve | Command::Reject) => None,
        }
    }

    /// What may be done in it.
    pub(crate) fn allowed(self) -> Vec<&'static str> {
        let may = COMMANDS.into_iter().filter(|&command| self.after(command).is_some());
        may.map(Command::name).collect()
    }
}

impl Command {
    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Command::Shadow => "shadow",
            Command::Stop => "stop",
            Command::Approve => "approve",
            Command::Reject => "reject",
            Command::RollBack => "roll_back",
        }
    }

    /// As the audit trail calls it.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Command::Shadow => "rules.shadow",
            Command::Stop => "rules.stop",
            Command::Approve => "rules.approve",
            Command::Reject => "rules.reject",
            Command::RollBack => "rules.roll_back",
        }
    }
}

/// A version as people see it.
#[expect(clippy::struct_field_names, reason = "it is told by these names")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) state: State,
    pub(crate) proposed_by: Option<String>,
    pub(crate) proposed_at: Option<String>,
    pub(crate) approved_by: Option<String>,
    pub(crate) approved_at: Option<String>,
    pub(crate) note: Option<String>,
    /// Why it was approved, rejected or taken again.
    pub(crate) reason: Option<String>,
    /// The first payment that it judged, the last time that it became active.
    pub(crate) active_from_place: Option<u32>,
}

/// Somebody said that a version is to be active, and it is not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) version: String,
    pub(crate) command: Command,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) reason: String,
}

/// A version became active, and the audit trail does not say so yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Activated {
    pub(crate) version: String,
    pub(crate) from_place: u32,
    /// Who said so, and when.
    pub(crate) by: String,
    pub(crate) at: String,
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    active: String,
    /// Whether people made it active; else the command line did, and may again.
    by_people: bool,
    /// The version that runs beside the active one.
    running: Option<String>,
    pending: Option<Pending>,
    /// What the audit trail is still to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    activated: Vec<Activated>,
    /// In the order in which they came.
    versions: Vec<Version>,
}

/// The versions of a data directory.
#[derive(Debug)]
pub(crate) struct Versions {
    path: PathBuf,
    kept: Kept,
}

/// A version as it is written.
pub(crate) fn written(version: u64) -> String {
    format!("{version:016x}")
}

/// The number that is written.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_it = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_it.then(|| u64::from_str_radix(text, 16).ok())?
}

fn path_of(data: &Path) -> PathBuf {
    data.join("rules").join("versions.json")
}

fn read(path: &Path) -> anyhow::Result<Option<Kept>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = crate::inputs::text(path)?;
    let kept = serde_json::from_str(&text);
    kept.map(Some).with_context(|| format!("`{}` holds no versions of rules", path.display()))
}

impl Versions {
    /// Decides under which rules a start gives verdicts: those that people made active, or else
    /// those that the command line asks for. `next` is the place of the next payment.
    pub(crate) fn at_start(
        data: &Path,
        asked: Rulebook,
        next: u32,
    ) -> anyhow::Result<(Versions, Rulebook)> {
        let path = path_of(data);
        let found = read(&path)?;
        let by_people = found.as_ref().filter(|kept| kept.by_people);
        let rulebook = match by_people.and_then(|kept| number(&kept.active)) {
            Some(active) => asked.with_those_kept(data, active).with_context(|| {
                format!(
                    "the rules that people made active cannot be used\nhint: put them right in \
                     `rules/{active:016x}`, or remove `{}` to start with those of the command line",
                    path.display()
                )
            })?,
            None => asked,
        };
        let version = written(rulebook.version());
        let mut kept = found.unwrap_or_else(|| Kept {
            active: version.clone(),
            by_people: false,
            running: None,
            pending: None,
            activated: Vec::new(),
            versions: Vec::new(),
        });
        let is_known = kept.versions.iter().any(|it| it.version == version);
        rulebook.keep(data)?;
        if kept.active != version || !is_known {
            let note = if is_known || kept.versions.is_empty() {
                "what the service was first started with"
            } else {
                "the command line, an option or the program is another"
            };
            if !kept.has_judged(&version) {
                beginning::settle(data, &rulebook, &|| true)?;
            }
            let mut it = kept.take(&version).unwrap_or_else(|| Version::new(&version));
            it.note = it.note.or_else(|| Some(note.to_owned()));
            kept.make_active(it, next);
            // What ran beside it had the options of before.
            (kept.running, kept.pending) = (None, None);
            for other in &mut kept.versions {
                if other.state == State::Shadow {
                    other.state = State::Proposed;
                }
            }
        }
        let versions = Versions { path, kept };
        versions.save(&versions.kept)?;
        Ok((versions, rulebook))
    }

    /// Whether people made the active version so: the rules of the command line are not used.
    pub(crate) fn is_by_people(&self) -> bool {
        self.kept.by_people
    }

    fn save(&self, kept: &Kept) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(kept)?;
        outputs::write_private(&self.path, |file| Ok(writeln!(file, "{text}")?))?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok(())
    }

    /// Changes what is kept: durable, or not at all.
    fn change<T>(&mut self, change: impl FnOnce(&mut Kept) -> T) -> anyhow::Result<T> {
        let mut kept = self.kept.clone();
        let changed = change(&mut kept);
        self.save(&kept)?;
        self.kept = kept;
        Ok(changed)
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Version> {
        self.kept.versions.iter().rev().cloned().collect()
    }

    /// One of them.
    pub(crate) fn get(&self, version: &str) -> Option<&Version> {
        self.kept.versions.iter().find(|it| it.version == version)
    }

    /// Whether something was ever said under a version.
    pub(crate) fn has_judged(&self, version: u64) -> bool {
        self.kept.has_judged(&written(version))
    }

    /// The active one.
    pub(crate) fn active(&self) -> &str {
        &self.kept.active
    }

    /// From where on the active one judges.
    pub(crate) fn active_from(&self) -> Option<u32> {
        self.get(&self.kept.active).and_then(|it| it.active_from_place)
    }

    /// The one that runs beside it.
    pub(crate) fn running(&self) -> Option<&str> {
        self.kept.running.as_deref()
    }

    /// What waits to become active.
    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.kept.pending.as_ref()
    }

    /// Notes that somebody wants a version.
    pub(crate) fn propose(&mut self, version: &str, by: &Pending) -> anyhow::Result<()> {
        self.change(|kept| {
            let mut it = kept.take(version).unwrap_or_else(|| Version::new(version));
            it.state = State::Proposed;
            (it.proposed_by, it.proposed_at) = (Some(by.by.clone()), Some(by.at.clone()));
            (it.approved_by, it.approved_at, it.reason) = (None, None, None);
            it.note = Some(by.reason.clone());
            kept.versions.push(it);
        })
    }

    /// Notes a command that is allowed and makes nothing active.
    pub(crate) fn obey(&mut self, said: &Pending) -> anyhow::Result<()> {
        self.change(|kept| {
            let is_running = kept.running.as_deref() == Some(&said.version);
            kept.pending = None;
            match said.command {
                Command::Shadow => {
                    let others = kept.versions.iter_mut().filter(|it| it.state == State::Shadow);
                    others.for_each(|it| it.state = State::Proposed);
                    kept.running = Some(said.version.clone());
                }
                Command::Stop | Command::Reject if is_running => kept.running = None,
                Command::Stop | Command::Reject | Command::Approve | Command::RollBack => {}
            }
            let Some(it) = kept.versions.iter_mut().find(|it| it.version == said.version) else {
                return;
            };
            if it.state == State::Retired && said.command == Command::Shadow {
                // It is wanted anew, by whoever says so.
                (it.proposed_by, it.proposed_at) = (Some(said.by.clone()), Some(said.at.clone()));
                (it.approved_by, it.approved_at) = (None, None);
            }
            if said.command == Command::Reject {
                it.reason = Some(said.reason.clone());
            }
            it.state = it.state.after(said.command).unwrap_or(it.state);
        })
    }

    /// Notes that a version is to become active.
    pub(crate) fn expect(&mut self, said: Pending) -> anyhow::Result<()> {
        self.change(|kept| {
            if kept.running.as_deref() != Some(&said.version) {
                let others = kept.versions.iter_mut().filter(|it| it.state == State::Shadow);
                others.for_each(|it| it.state = State::Proposed);
            }
            kept.running = Some(said.version.clone());
            kept.pending = Some(said);
        })
    }

    /// Notes that what was to become active is so, from a place on; the former one runs beside it.
    pub(crate) fn activate(&mut self, version: &str, from: u32) -> anyhow::Result<()> {
        let is_wanted = self.pending().is_some_and(|pending| pending.version == version);
        anyhow::ensure!(is_wanted, "nobody wants version {version} to be active any more");
        self.change(|kept| {
            let said = kept.pending.take_if(|pending| pending.version == version);
            let Some(mut it) = kept.take(version) else { return };
            if let Some(Pending { by, at, reason, .. }) = said {
                kept.activated.push(Activated {
                    version: version.to_owned(),
                    from_place: from,
                    by: by.clone(),
                    at: at.clone(),
                });
                (it.approved_by, it.approved_at) = (Some(by), Some(at));
                it.reason = Some(reason);
            }
            let former = kept.active.clone();
            kept.make_active(it, from);
            (kept.running, kept.by_people) = (Some(former), true);
        })
    }

    /// What became active and is not in the audit trail yet.
    pub(crate) fn activated(&self) -> &[Activated] {
        &self.kept.activated
    }

    /// The audit trail says that it became active.
    pub(crate) fn noted(&mut self, activated: &Activated) -> anyhow::Result<()> {
        self.change(|kept| kept.activated.retain(|it| it != activated))
    }

    /// Notes that nothing runs beside the active one any more.
    pub(crate) fn lose(&mut self, version: &str) -> anyhow::Result<()> {
        self.change(|kept| {
            kept.running.take_if(|running| running == version);
            kept.pending.take_if(|pending| pending.version == version);
            let it = kept.versions.iter_mut().find(|it| it.version == version);
            if let Some(it) = it.filter(|it| it.state == State::Shadow) {
                it.state = State::Proposed;
                it.reason = Some("it was dropped from shadow: it could not follow".to_owned());
            }
        })
    }
}

impl Kept {
    /// Whether something was ever said under a version.
    fn has_judged(&self, version: &str) -> bool {
        let was_active = |it: &Version| it.version == version && it.active_from_place.is_some();
        self.versions.iter().any(was_active)
    }

    fn take(&mut self, version: &str) -> Option<Version> {
        let at = self.versions.iter().position(|it| it.version == version)?;
        Some(self.versions.remove(at))
    }

    /// The newest one is the last one that became active.
    fn make_active(&mut self, mut it: Version, from: u32) {
        for other in &mut self.versions {
            if other.state == State::Active {
                other.state = State::Retired;
            }
        }
        self.active.clone_from(&it.version);
        (it.state, it.active_from_place) = (State::Active, Some(from));
        self.versions.push(it);
    }
}

impl Version {
    fn new(version: &str) -> Version {
        Version {
            version: version.to_owned(),
            state: State::Proposed,
            proposed_by: None,
            proposed_at: None,
            approved_by: None,
            approved_at: None,
            note: None,
            reason: None,
            active_from_place: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, State};

    #[test]
    fn each_command_in_each_state_does_what_the_table_says() {
        // shadow, stop, approve, reject, roll_back
        for (state, row) in [
            (State::Active, "- - - - -"),
            (State::Shadow, "shadow proposed active rejected -"),
            (State::Proposed, "shadow - - rejected -"),
            (State::Retired, "shadow retired - - active"),
            (State::Rejected, "- - - - -"),
        ] {
            let after = COMMANDS.map(|command| state.after(command).map_or("-", State::name));
            assert_eq!(after.join(" "), row, "{}", state.name());
        }
    }
}
