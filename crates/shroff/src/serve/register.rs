//! The register of a service: opened before the log, filled from it, and written until the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use shroff_engine::Live;
use shroff_store::Disk;
use shroff_store::register::{HoldEnd, Register, RegisterError, Watermark};
use shroff_types::{Place, Span};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::core::Core;
use super::events::Events;
use super::place;
use super::pseudonyms::Pseudonyms;
use super::recorder::{self, Inbox, Recorder};
use super::setup::Rulebook;
use super::timers;
use super::webhooks::{self, Webhooks};
use crate::cli::{self, Serve};
use crate::{outputs, settings};

/// The file of the register, where no PostgreSQL is named.
pub(crate) const FILE: &str = "register.sqlite";

/// The register, and what stands between it and the engine.
pub(crate) struct Registry {
    pub(crate) register: Register,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) events: Arc<Events>,
    in_order: Vec<String>,
    pseudonyms: Arc<Pseudonyms>,
    hold_for: Span,
    known: Option<Watermark>,
    version: u64,
    /// The first payment that was judged under it.
    active_from: u32,
}

/// What runs beside the service.
pub(crate) struct Tasks {
    writer: JoinHandle<()>,
    timers: JoinHandle<()>,
    webhooks: JoinHandle<()>,
}

impl Registry {
    pub(crate) fn open(
        runtime: &Runtime,
        arguments: &Serve,
        rulebook: &Rulebook,
        (pseudonyms, active_from): (Arc<Pseudonyms>, u32),
    ) -> anyhow::Result<Registry> {
        let url = place::url(arguments.register.as_deref(), arguments.register_file.as_deref())?;
        let register = match &url {
            Some(url) => of_url(runtime, url)?,
            None => of_file(runtime, &arguments.data.join(FILE))?,
        };
        let known = runtime.block_on(register.watermark())?;
        let typologies = rulebook.typologies();
        let run = u64::from_le_bytes(settings::random()?);
        Ok(Registry {
            register: register.telling(webhooks::wording()),
            inbox: Inbox::new(),
            events: Events::new(run),
            in_order: typologies.iter().map(|it| it.title.clone()).collect(),
            pseudonyms,
            hold_for: arguments.hold_for,
            known,
            version: rulebook.version(),
            active_from,
        })
    }

    /// A core of which nothing is forgotten that the register does not know.
    pub(crate) fn follow(&self, mut live: Live) -> Live {
        let same = self.known.filter(|known| known.version == self.version);
        // Where people made other rules active, what ended before is not told anew.
        let next =
            same.map_or(self.active_from, |known| u32::try_from(known.next).unwrap_or(u32::MAX));
        live.keep_gone_from(Place(next));
        live
    }

    /// Hands over what the register does not know, and goes on from there.
    pub(crate) fn recorder<D: Disk>(&self, core: &mut Core<D>) -> anyhow::Result<Recorder> {
        let next = u64::from(core.live.next().0);
        if let Some(known) = self.known.filter(|known| known.next > next) {
            anyhow::bail!(
                "the register knows {} payments, and the log has {next}\nhint: they belong to \
                 different data; put the log back from a copy, or name another register",
                known.next
            );
        }
        let mut recorder = Recorder::new(
            Arc::clone(&self.inbox),
            Arc::clone(&self.pseudonyms),
            self.in_order.clone(),
            self.hold_for,
        );
        recorder.begin(core, self.known)?;
        Ok(recorder)
    }

    pub(crate) fn start(
        &self,
        runtime: &Runtime,
        end: cli::HoldEnd,
        webhooks: Arc<Webhooks>,
    ) -> Tasks {
        let end = match end {
            cli::HoldEnd::Release => HoldEnd::Released,
            cli::HoldEnd::Return => HoldEnd::Returned,
        };
        let (register, events) = (self.register.clone(), Arc::clone(&self.events));
        let writer =
            recorder::write(Arc::clone(&self.inbox), register.clone(), Arc::clone(&events));
        let timers = timers::run(register.clone(), Arc::clone(&events), end);
        let webhooks = webhooks::tell(register, events, webhooks);
        Tasks {
            writer: runtime.spawn(writer),
            timers: runtime.spawn(timers),
            webhooks: runtime.spawn(webhooks),
        }
    }

    /// Writes what is left, for so long at most: a start anew hands over the rest.
    pub(crate) async fn finish(&self, tasks: Tasks, patience: Duration) {
        self.inbox.close();
        tasks.timers.abort();
        // What is under way is sent again by the next start, unless it is noted by then.
        tasks.webhooks.abort();
        if tokio::time::timeout(patience, tasks.writer).await.is_err() {
            tracing::warn!("the register is behind: the next start hands over the rest");
        }
        self.register.close().await;
    }
}

fn of_url(runtime: &Runtime, url: &str) -> anyhow::Result<Register> {
    let opened = runtime.block_on(Register::open(url));
    if matches!(opened, Err(RegisterError::InUse)) {
        anyhow::bail!(
            "another service writes to the PostgreSQL of the register\nhint: a register serves one \
             service at a time; stop the other one, or name another database"
        );
    }
    opened.context(
        "the register cannot be opened\nhint: does PostgreSQL run there, and may the user make \
         tables?",
    )
}

/// The file, for its owner alone; what SQLite puts beside it is as the file.
fn of_file(runtime: &Runtime, path: &Path) -> anyhow::Result<Register> {
    if !path.exists() {
        drop(outputs::create_private(path)?);
    }
    let opened = runtime.block_on(Register::sqlite(path));
    opened.with_context(|| format!("cannot open `{}`", path.display()))
}
