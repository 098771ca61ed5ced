//! `shroff serve`: payments in, verdicts out in the reply, durable and reproducible.

mod actor;
mod alerts;
mod assets;
mod audit;
mod changes;
mod compare;
mod core;
mod desk;
mod disk;
mod events;
mod explain;
mod feed;
mod holds;
mod http;
mod ingest;
mod keys;
mod limits;
mod messages;
mod metrics;
mod people;
mod problem;
mod pseudonyms;
mod quarantine;
mod recorder;
mod register;
mod reply;
mod routes;
mod setup;
mod shadow;
mod snapshots;
mod trial;
mod versions;
mod window;
mod wire;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use shroff_engine::Live;
use shroff_types::Place;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::changes::Rules;
use self::core::{Core, Disks};
use self::desk::Desk;
use self::disk::Folder;
pub(crate) use self::feed::Feed;
use self::http::Shared;
use self::keys::Keys;
pub(crate) use self::keys::Role;
use self::metrics::Metrics;
use self::people::People;
use self::pseudonyms::Pseudonyms;
use self::register::Registry;
pub(crate) use self::setup::Rulebook;
use self::snapshots::{Keeper, Snapshots};
use self::versions::Versions;
use crate::cli::{AuditCommand, Explain, Ingest, KeysCommand, Serve, Verify};
use crate::threads::Threads;
use crate::{Ending, settings, terminal};

/// From how many bytes on a segment of a log is full.
const SEGMENT_BYTES: u32 = 64 << 20;
/// How long a request that is under way may take once the service is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Serve) -> anyhow::Result<Ending> {
    serve(arguments, None)
}

/// A service that is fed with payments beside those that are sent.
pub(crate) fn run_fed(arguments: &Serve, feed: Feed) -> anyhow::Result<Ending> {
    serve(arguments, Some(feed))
}

fn serve(arguments: &Serve, feed: Option<Feed>) -> anyhow::Result<Ending> {
    refuse_open_network(arguments.listen)?;
    let data = arguments.data.as_path();
    setup::make_private_folder(data)?;
    let lock = setup::lock(data)?;
    start_logs(arguments.log_json);
    let (versions, rulebook) = rules_of(arguments)?;
    let token_key = setup::token_key(&arguments.token_key_file())?;
    let keys = keys_of(data)?;
    let begun = settings::now();
    let runtime = runtime()?;
    let pseudonyms = Arc::new(Pseudonyms::new(token_key));
    let active_from = versions.active_from().filter(|_| versions.is_by_people()).unwrap_or(0);
    let known_as = (Arc::clone(&pseudonyms), active_from);
    let registry = Registry::open(&runtime, arguments, &rulebook, known_as)?;
    let people = runtime.block_on(People::of(&registry.register, settings::wall()))?;
    let live = registry.follow(rulebook.live()?);
    let (mut core, resumed) = open(data, live, rulebook.version())?;
    tracing::info!(
        payments = core.live.next().0,
        alerts = core.live.alert_count(),
        seconds = begun.elapsed().as_secs_f64(),
        version = format_args!("{:016x}", rulebook.version()),
        "the log is replayed"
    );
    let metrics = Arc::new(Metrics::new());
    metrics.state(&core);
    let recorder = registry.recorder(&mut core)?;
    let snapshots = Snapshots {
        keeper: Keeper {
            verdicts: folder(data, "verdicts")?,
            snapshots: folder(data, "snapshots")?,
        },
        every: std::num::NonZeroU32::new(arguments.snapshot_every),
        last: resumed,
        inbox: Arc::clone(&registry.inbox),
        runtime: runtime.handle().clone(),
        patience: PATIENCE,
    };
    let (desk, engine) = Desk::start(core, Arc::clone(&metrics), recorder, snapshots)?;
    let rules = Rules::new(data, rulebook, versions)?;
    let shared = Arc::new(Shared {
        desk: desk.clone(),
        keys,
        metrics,
        room: Arc::new(Semaphore::new(http::ROOM_KIB)),
        pseudonyms,
        ahead: arguments.ahead,
        quarantine: quarantine::Quarantine::at(data.join("quarantine")),
        register: registry.register.clone(),
        inbox: Arc::clone(&registry.inbox),
        events: Arc::clone(&registry.events),
        rules: Arc::clone(&rules),
        second_review: arguments.second_review,
        people,
        is_secure: false,
    });
    let tasks = registry.start(&runtime, arguments.hold_end);
    rules.begin(desk.clone())?;
    if let Some(feed) = feed {
        runtime.spawn(feed::send_all(Arc::clone(&shared), feed));
    }
    runtime.block_on(listen(arguments.listen, shared))?;
    rules.stop();
    desk.stop();
    engine.join().map_err(|_| anyhow::anyhow!("the engine stopped in the middle of its work"))?;
    runtime.block_on(registry.finish(tasks, PATIENCE));
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("stopped");
    drop(lock);
    Ok(Ending::Well)
}

/// The versions of the rules, and the one that verdicts are given under.
fn rules_of(arguments: &Serve) -> anyhow::Result<(Versions, Rulebook)> {
    let data = arguments.data.as_path();
    let next = shroff_store::reach(&folder(data, "payments")?)?.map_or(0, |log| log.next);
    let next = u32::try_from(next).context("a log has fewer than 2^32 payments")?;
    let asked = Rulebook::of(arguments)?;
    let is_asked = arguments.ruling.typologies.is_some() || !arguments.ruling.set.is_empty();
    let (versions, rulebook) = Versions::at_start(data, asked, next)?;
    if versions.is_by_people() && is_asked {
        terminal::warn(format_args!(
            "the rules of the command line are not used: people made version {} active\nhint: \
             propose them to the service, or remove `rules/versions.json` of the data folder",
            versions.active()
        ));
    }
    Ok((versions, rulebook))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("shroff-http")
        .enable_all()
        .build()
        .context("cannot start the threads of the service")
}

/// Without TLS a key would be sent in the open.
fn refuse_open_network(address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    bail!(
        "{address} can be reached from other machines, and this service speaks no TLS\nhint: listen \
         on 127.0.0.1 and put a proxy that speaks TLS in front of it"
    );
}

fn start_logs(is_json: bool) {
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false);
    // Where one is set already, it stays.
    if is_json {
        logs.json().try_init().unwrap_or_default();
    } else {
        logs.try_init().unwrap_or_default();
    }
}

/// The keys of a data directory; at the first start one is made, and shown this once.
fn keys_of(data: &Path) -> anyhow::Result<Keys> {
    if let Some(keys) = Keys::read(data)? {
        return Ok(keys);
    }
    let mut keys = Keys::default();
    let key = keys.add(data, "first", Role::Administrator)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "key of the administrator, shown this once: {key}")?;
    out.flush()?;
    Ok(keys)
}

fn folder(data: &Path, name: &str) -> anyhow::Result<Folder> {
    let path = data.join(name);
    Folder::at(&path).with_context(|| format!("cannot make the folder `{}`", path.display()))
}

/// Opens the data; the core, and the first payment that no snapshot has.
fn open(data: &Path, live: Live, version: u64) -> anyhow::Result<(Core<Folder>, Place)> {
    let disks = Disks {
        payments: folder(data, "payments")?,
        verdicts: folder(data, "verdicts")?,
        snapshots: folder(data, "snapshots")?,
        salt: u64::from_le_bytes(settings::random()?),
        segment_bytes: SEGMENT_BYTES,
    };
    let (core, recovered) = Core::open(disks, live, version, &Threads::new(0)?)
        .with_context(|| format!("in `{}`", data.display()))?;
    if let Some(cut) = &recovered.cut {
        tracing::warn!(
            file = cut.file,
            offset = cut.offset,
            bytes = cut.bytes,
            "a torn end of the log was cut off: nobody was told that it is durable"
        );
    }
    for passed in &recovered.passed {
        tracing::info!("a snapshot is not used: {passed}");
    }
    if let Some(resumed) = &recovered.resumed {
        tracing::info!(file = resumed.file, payments = resumed.next.0, "begun from a snapshot");
    }
    tracing::info!(verdicts = recovered.compared, "what was said is said again");
    Ok((core, recovered.resumed.map_or(Place(0), |resumed| resumed.next)))
}

async fn listen(address: SocketAddr, shared: Arc<Shared>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}\nhint: is another service there? --listen names another"
        )
    })?;
    let address = listener.local_addr()?;
    // Before the address is told: whoever reads that may stop the service at once.
    if let Some(token) = shared.people.first(&shared.register, settings::wall()).await? {
        terminal::note(format_args!(
            "nobody can sign in yet: http://{address}/#/setup/{token} makes the first \
             administrator, once and within a day"
        ));
    }
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on http://{address}")?;
        out.flush()?;
    }
    let (told, mut stopping) = tokio::sync::watch::channel(false);
    let events = Arc::clone(&shared.events);
    let signal = async move {
        stop_signal().await;
        events.close();
        tracing::info!("told to stop: what is under way is answered");
        // Whoever waits for it is there until the end.
        told.send(true).unwrap_or_default();
    };
    let serving = axum::serve(listener, http::router(shared)).with_graceful_shutdown(signal);
    let late = async {
        // Without a signal this never ends.
        if stopping.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        served = serving => served.context("the service cannot go on"),
        () = late => {
            tracing::warn!("requests were still under way and are cut off");
            Ok(())
        }
    }
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// `shroff ingest`.
pub(crate) fn run_ingest(arguments: &Ingest) -> anyhow::Result<Ending> {
    ingest::run(arguments)
}

/// `shroff keys`.
pub(crate) fn run_keys(command: &KeysCommand) -> anyhow::Result<Ending> {
    let KeysCommand::Add { name, role, data } = command;
    let mut keys = Keys::read(data)?.with_context(|| {
        format!("`{}` is no data directory\nhint: `shroff serve` makes one", data.display())
    })?;
    let key = keys.add(data, name, *role)?;
    writeln!(std::io::stdout().lock(), "{key}")?;
    terminal::note(format_args!(
        "it is shown this once; a running service knows it after a restart"
    ));
    Ok(Ending::Well)
}

/// `shroff explain`.
pub(crate) fn run_explain(arguments: &Explain) -> anyhow::Result<Ending> {
    explain::explain(arguments)
}

/// `shroff verify`.
pub(crate) fn run_verify(arguments: &Verify) -> anyhow::Result<Ending> {
    explain::verify(arguments)
}

/// `shroff audit`.
pub(crate) fn run_audit(command: &AuditCommand) -> anyhow::Result<Ending> {
    let AuditCommand::Verify { file, data, register } = command;
    audit::verify(file.as_deref(), data, register.as_deref())
}
