//! Rules that change while the service runs: what people say of versions, and what comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use shroff_store::register::{AuditEntry, AuditFilter, Register};
use shroff_types::Place;
use tokio::sync::watch;

use super::desk::{Activation, Desk};
use super::disk::Folder;
use super::routes::typologies_text;
use super::setup::Rulebook;
use super::shadow::{Seen, Shadow, Status};
use super::trial::{Asked, Trial};
use super::versions::{self, Activated, Command, Pending, State, Version, Versions};
use crate::settings;

/// What the desk shows of the active rules.
#[derive(Debug)]
pub(crate) struct Current {
    /// The titles of typologies, by id.
    pub(crate) titles: BTreeMap<String, String>,
    /// The typologies, as they are answered.
    pub(crate) typologies: String,
}

/// Versions of the rules, and the one that runs beside the active one.
#[derive(Debug)]
pub(crate) struct Rules {
    own: Weak<Rules>,
    data: PathBuf,
    /// What the service was started with: its other choices are those of every version.
    rulebook: Rulebook,
    versions: Mutex<Versions>,
    running: Mutex<Option<Shadow>>,
    /// The last backtest.
    trial: Mutex<Option<Arc<Trial>>>,
    current: Mutex<Arc<Current>>,
    desk: Mutex<Option<Desk>>,
    /// Counts what changed.
    changed: watch::Sender<u64>,
}

/// Why a command is not obeyed.
#[derive(Debug)]
pub(crate) enum Refused {
    NotFound,
    NotAllowed(State),
    /// Whoever proposed it does not approve it.
    SamePerson,
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Refused {
        Refused::Failed(error)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under the locks leaves it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn current(rulebook: &Rulebook) -> anyhow::Result<Current> {
    let typologies = rulebook.typologies();
    Ok(Current {
        titles: typologies.iter().map(|it| (it.id.clone(), it.title.clone())).collect(),
        typologies: typologies_text(typologies, rulebook.version())?,
    })
}

impl Rules {
    pub(crate) fn new(
        data: &Path,
        rulebook: Rulebook,
        versions: Versions,
    ) -> anyhow::Result<Arc<Rules>> {
        let current = Mutex::new(Arc::new(current(&rulebook)?));
        let (changed, _) = watch::channel(0);
        Ok(Arc::new_cyclic(|own| Rules {
            own: Weak::clone(own),
            data: data.to_owned(),
            rulebook,
            versions: Mutex::new(versions),
            running: Mutex::new(None),
            trial: Mutex::new(None),
            current,
            desk: Mutex::new(None),
            changed,
        }))
    }

    /// Whether something was ever said under a version.
    pub(crate) fn has_judged(&self, version: u64) -> bool {
        lock(&self.versions).has_judged(version)
    }

    /// Goes on with what ran before the start, beside the engine of now.
    pub(crate) fn begin(&self, desk: Desk) -> anyhow::Result<()> {
        *lock(&self.desk) = Some(desk);
        let Some(version) = lock(&self.versions).running().map(str::to_owned) else {
            return Ok(());
        };
        if let Err(error) = self.run(&version) {
            tracing::warn!(error = format_args!("{error:#}"), "a version runs no more beside");
            lock(&self.versions).lose(&version)?;
        }
        Ok(())
    }

    /// Ends what runs beside the engine.
    pub(crate) fn stop(&self) {
        drop(lock(&self.running).take());
        drop(lock(&self.desk).take());
        self.cancel_trial();
    }

    /// Starts a backtest; false where one goes on.
    pub(crate) fn try_out(&self, rulebook: Rulebook, asked: Asked) -> anyhow::Result<bool> {
        let active = self.kept(&self.all().0)?;
        let own = self.own.upgrade().context("the service stops")?;
        let mut trial = lock(&self.trial);
        if trial.as_ref().is_some_and(|trial| trial.is_running()) {
            return Ok(false);
        }
        *trial = Some(Trial::start(own, [active, rulebook], asked)?);
        Ok(true)
    }

    /// The last backtest.
    pub(crate) fn trial(&self) -> Option<Arc<Trial>> {
        lock(&self.trial).clone()
    }

    /// Ends the backtest that goes on.
    pub(crate) fn cancel_trial(&self) {
        lock(&self.trial).iter().for_each(|trial| trial.cancel());
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What the desk shows of the active rules.
    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&lock(&self.current))
    }

    /// The version that is active, all of them, and which runs beside it.
    pub(crate) fn all(&self) -> (String, Vec<Version>, Option<String>, Option<Pending>) {
        let versions = lock(&self.versions);
        let running = versions.running().map(str::to_owned);
        (versions.active().to_owned(), versions.all(), running, versions.pending().cloned())
    }

    /// What became active and is not in the audit trail yet.
    pub(crate) fn activated(&self) -> Vec<Activated> {
        lock(&self.versions).activated().to_vec()
    }

    /// The audit trail says that it became active.
    fn noted(&self, activated: &Activated) -> anyhow::Result<()> {
        lock(&self.versions).noted(activated)?;
        self.tell();
        Ok(())
    }

    /// A version.
    pub(crate) fn get(&self, version: &str) -> Option<Version> {
        lock(&self.versions).get(version).cloned()
    }

    /// What is seen of a version that runs beside the active one, and payments that wait for it.
    pub(crate) fn seen(&self, version: &str) -> Option<(Seen, usize)> {
        let running = lock(&self.running);
        let status = &running.as_ref()?.status;
        let seen = status.seen();
        (versions::written(seen.version) == version).then(|| (seen, status.waiting()))
    }

    /// What changes, for whoever waits for it.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Rules of files, with the other choices of the service.
    pub(crate) fn rulebook(&self, files: &[(String, String)]) -> anyhow::Result<Rulebook> {
        self.rulebook.with_files(files)
    }

    /// The rules of a version.
    pub(crate) fn kept(&self, version: &str) -> anyhow::Result<Rulebook> {
        let number = versions::number(version).context("it is no version")?;
        self.rulebook.with_those_kept(&self.data, number)
    }

    /// Keeps rules that somebody wants.
    pub(crate) fn propose(&self, rulebook: &Rulebook, said: &Pending) -> Result<Version, Refused> {
        let mut versions = lock(&self.versions);
        let before = versions.get(&said.version).map(|it| it.state);
        if let Some(state) = before
            && !matches!(state, State::Rejected | State::Retired)
        {
            return Err(Refused::NotAllowed(state));
        }
        rulebook.keep(&self.data)?;
        versions.propose(&said.version, said)?;
        versions.get(&said.version).cloned().ok_or(Refused::NotFound)
    }

    /// Whether a command may be given now.
    pub(crate) fn may(&self, said: &Pending) -> Result<(), Refused> {
        allowed(&lock(&self.versions), said)
    }

    /// Obeys a command. What becomes active does so once its engine has seen all that came.
    pub(crate) fn obey(&self, said: Pending) -> Result<(), Refused> {
        let mut versions = lock(&self.versions);
        allowed(&versions, &said)?;
        let version = said.version.clone();
        let was_running = versions.running() == Some(&version) && self.is_well(&version);
        match said.command {
            Command::Shadow => {
                versions.obey(&said)?;
                drop(versions);
                self.run(&version)?;
            }
            Command::Stop | Command::Reject => {
                versions.obey(&said)?;
                drop(versions);
                self.stop_running(&version);
            }
            Command::Approve | Command::RollBack => {
                versions.expect(said)?;
                drop(versions);
                if was_running {
                    lock(&self.running).iter().for_each(Shadow::look);
                } else {
                    self.run(&version)?;
                }
            }
        }
        self.tell();
        Ok(())
    }

    /// Whether a version runs, and was not dropped.
    fn is_well(&self, version: &str) -> bool {
        self.seen(version).is_some_and(|(seen, _)| seen.phase != super::shadow::Phase::Lost)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn stop_running(&self, version: &str) {
        let is_it =
            |shadow: &mut Shadow| versions::written(shadow.status.seen().version) == version;
        drop(lock(&self.running).take_if(is_it));
    }

    /// Runs a version beside the active one, in the place of what ran before.
    fn run(&self, version: &str) -> anyhow::Result<()> {
        let rulebook = self.kept(version)?;
        if versions::written(rulebook.version()) != version {
            anyhow::bail!(
                "version {version} is of other options or another version of Shroff\nhint: \
                 propose its files again"
            );
        }
        let own = self.own.upgrade().context("the service stops")?;
        let desk = lock(&self.desk).clone().context("the service stops")?;
        // The one before goes first: memory is for two engines.
        drop(lock(&self.running).take());
        let shadow = Shadow::start(own, desk, rulebook)?;
        *lock(&self.running) = Some(shadow);
        Ok(())
    }

    /// What puts a version into the place of the active one, where somebody wants that.
    pub(crate) fn activation(&self, version: u64) -> Option<Activation> {
        let text = versions::written(version);
        let is_wanted = lock(&self.versions).pending().is_some_and(|it| it.version == text);
        let own = self.own.upgrade().filter(|_| is_wanted)?;
        let prepared = self.kept(&text).and_then(|rulebook| {
            let titles = rulebook.typologies().iter().map(|it| it.title.clone()).collect();
            Ok((titles, current(&rulebook)?))
        });
        let (titles, current) =
            prepared.map_err(|error| tracing::error!(%error, "rules were not activated")).ok()?;
        let commit = Box::new(move |place: Place| own.commit(&text, place, current));
        Some(Activation { version, titles, commit })
    }

    /// Makes it durable that a version judges from a place on. What was said before is durable
    /// first, so that no start says it under the new version.
    fn commit(&self, version: &str, place: Place, current: Current) -> anyhow::Result<()> {
        shroff_store::sync_all(&mut Folder::there(&self.data.join("verdicts")))?;
        lock(&self.versions).activate(version, place.0)?;
        let mut now = lock(&self.current);
        // Alerts of typologies that are no more keep their titles.
        let mut titles = now.titles.clone();
        titles.extend(current.titles);
        *now = Arc::new(Current { titles, ..current });
        drop(now);
        self.tell();
        Ok(())
    }

    /// Notes that what ran beside the active one was dropped.
    pub(crate) fn lost(&self, status: &Status) {
        let version = versions::written(status.seen().version);
        if let Err(error) = lock(&self.versions).lose(&version) {
            tracing::error!(%error, "the versions of rules were not written");
        }
        self.tell();
    }
}

/// How long it waits before it tries again to note something.
const PAUSE: Duration = Duration::from_secs(1);

/// Notes what becomes active in the audit trail: once, however long it takes to become so, and
/// whatever is restarted meanwhile.
pub(crate) async fn note(rules: Arc<Rules>, register: Register) {
    let mut changes = rules.changes();
    loop {
        changes.mark_unchanged();
        for activated in rules.activated() {
            if let Err(error) = note_one(&rules, &register, activated).await {
                tracing::error!(
                    error = format_args!("{error:#}"),
                    "that rules became active was not noted: it is tried again"
                );
            }
        }
        let is_done = rules.activated().is_empty();
        tokio::select! {
            // The sender lives as long as the rules do.
            _ = changes.changed() => {}
            () = tokio::time::sleep(PAUSE), if !is_done => {}
        }
    }
}

async fn note_one(
    rules: &Arc<Rules>,
    register: &Register,
    activated: Activated,
) -> anyhow::Result<()> {
    let Activated { version, from_place, by, at } = &activated;
    let wanted = AuditFilter {
        action: Some("rules.activate".to_owned()),
        object: Some(version.clone()),
        most: 100,
        ..AuditFilter::default()
    };
    // A kill may have come between the trail and the file.
    let is_there = register.audit_rows(&wanted).await?.iter().any(|row| row.detail["said"] == *at);
    if !is_there {
        let detail = json!({ "from_place": from_place, "by": by, "said": at });
        let entry = AuditEntry {
            at: settings::wall(),
            actor: "shroff",
            role: "service",
            action: "rules.activate",
            object: version,
            detail: &detail,
        };
        register.audit(entry).await?;
    }
    let own = Arc::clone(rules);
    tokio::task::spawn_blocking(move || own.noted(&activated)).await?
}

fn allowed(versions: &Versions, said: &Pending) -> Result<(), Refused> {
    let version = versions.get(&said.version).ok_or(Refused::NotFound)?;
    if version.state.after(said.command).is_none() {
        return Err(Refused::NotAllowed(version.state));
    }
    let is_same = version.proposed_by.as_deref() == Some(&said.by);
    if said.command == Command::Approve && is_same {
        return Err(Refused::SamePerson);
    }
    Ok(())
}
