//! `shroff serve`: payments in, verdicts out in the reply, durable and reproducible.

mod actor;
mod alerts;
mod api;
mod assets;
mod audit;
mod backup;
mod beginning;
mod behind;
mod changes;
mod columns;
mod compare;
mod core;
mod demo;
mod desk;
mod disk;
mod events;
mod explain;
mod feed;
mod gauges;
mod http;
mod ingest;
mod keys;
mod limits;
mod messages;
mod metrics;
mod notify;
mod oidc;
mod people;
mod place;
mod probe;
mod problem;
mod pseudonyms;
mod quarantine;
mod recorder;
mod register;
mod reply;
mod routes;
mod sealed;
mod setup;
mod shadow;
mod snapshots;
mod timers;
mod tls;
mod traces;
mod trial;
mod unmasked;
mod versions;
mod webhooks;
mod window;
mod wire;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::serve::Listener;
use shroff_engine::Live;
use shroff_types::{Place, Span, Timestamp};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

use self::behind::Looking;
use self::changes::Rules;
use self::core::{Begin, Behind, Core, Disks};
use self::demo::Demo;
use self::desk::Desk;
use self::disk::Folder;
pub(crate) use self::feed::Feed;
use self::http::Shared;
pub(crate) use self::keys::Role;
use self::keys::{Keys, NewKey, Ring};
use self::metrics::Metrics;
use self::notify::Notify;
use self::oidc::Oidc;
use self::people::People;
use self::pseudonyms::Pseudonyms;
use self::register::Registry;
use self::sealed::{SealKeys, Sealer, Vault};
pub(crate) use self::setup::Rulebook;
use self::snapshots::{Keeper, Snapshots};
use self::tls::{Handshaken, Pair};
use self::traces::Sending;
use self::unmasked::Grants;
use self::versions::Versions;
use self::webhooks::Webhooks;
use crate::cli::{AuditCommand, Backup, Explain, Ingest, KeysCommand, Restore, Serve, Verify};
use crate::progress::Bar;
use crate::threads::Threads;
use crate::{Ending, settings, terminal};

/// From how many bytes on a segment of a log is full.
///
/// Builds with assertions make it small, so that the tests' small ledgers have several.
const SEGMENT_BYTES: u32 = if cfg!(debug_assertions) { 64 << 10 } else { 64 << 20 };
/// How long a request that is under way may take once the service is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints the description of the service for programs.
pub(crate) fn run_openapi() -> anyhow::Result<Ending> {
    std::io::stdout().write_all(api::text()?.as_bytes())?;
    Ok(Ending::Well)
}

pub(crate) fn run(arguments: &Serve) -> anyhow::Result<Ending> {
    serve(arguments, None)
}

/// A service that is fed with payments beside those that are sent.
pub(crate) fn run_fed(arguments: &Serve, feed: Feed) -> anyhow::Result<Ending> {
    serve(arguments, Some(feed))
}

fn serve(arguments: &Serve, feed: Option<Feed>) -> anyhow::Result<Ending> {
    let tls = tls_of(arguments)?;
    refuse_open_network(arguments)?;
    let oidc = Oidc::of(&arguments.provider)?.map(Arc::new);
    let data = arguments.data.as_path();
    setup::make_private_folder(data)?;
    let lock = setup::lock(data)?;
    start_logs(arguments.log_json);
    let runtime = threads()?;
    // Before anything is told: whoever reads it may stop the service at once.
    let notify = Arc::new(Notify::new());
    let stopping = stopping(&runtime, &notify)?;
    let asking = notify.ask_for_time(&runtime);
    let (versions, rulebook) = rules_of(arguments)?;
    let pseudonyms = pseudonyms_of(arguments)?;
    let keys = keys_of(data)?;
    let active_from = versions.active_from().filter(|_| versions.is_by_people()).unwrap_or(0);
    let known_as = (Arc::clone(&pseudonyms), active_from);
    let registry = Registry::open(&runtime, arguments, &rulebook, known_as)?;
    let people = runtime.block_on(People::of(&registry.register, settings::wall()))?;
    let (mut core, resumed, mut behind) =
        open(arguments, registry.follow(rulebook.live()?), &rulebook)?;
    core.know(setup::typologies_kept(data)?);
    let (metrics, sending) = measured(arguments, &core)?;
    let recorder = registry.recorder(&mut core)?;
    let (vault, sealer) = sealed_of(arguments, &core, &mut behind)?;
    let snapshots = snapshots_of(arguments, resumed, (&registry, &runtime))?;
    let (desk, engine) = Desk::start(core, sealer, Arc::clone(&metrics), recorder, snapshots)?;
    let looking = look_behind(data, (behind, vault.clone()), (&desk, &metrics))?;
    let rules = Rules::new(data, rulebook, versions)?;
    let (keys, changes) = Ring::of(data, keys);
    runtime.spawn(keys::note(registry.register.clone(), changes));
    let shared = Arc::new(Shared {
        desk: desk.clone(),
        keys,
        webhooks: Webhooks::new(data, &arguments.hooks, Arc::clone(&metrics))?,
        metrics,
        room: Arc::new(Semaphore::new(http::ROOM_KIB)),
        columns: Arc::new(Semaphore::new(columns::MOST_STREAMS)),
        pseudonyms,
        ahead: arguments.ahead,
        quarantine: quarantine::Quarantine::at(data.join("quarantine")),
        register: registry.register.clone(),
        data: arguments.data.clone(),
        inbox: Arc::clone(&registry.inbox),
        events: Arc::clone(&registry.events),
        rules: Arc::clone(&rules),
        demo: Demo::default(),
        second_review: arguments.second_review,
        people,
        oidc,
        grants: Grants::new(arguments.unmask_for),
        vault,
        is_secure: tls.is_some() || arguments.behind_proxy,
    });
    let tasks = registry.start(&runtime, arguments.hold_end, Arc::clone(&shared.webhooks));
    begin(&rules, desk.clone(), (&runtime, &registry))?;
    if let Some(feed) = feed {
        feed_with(feed, &runtime, &shared)?;
    }
    let ready = Ready { notify, asking, stopping, desk: desk.clone() };
    runtime.block_on(listen(arguments.listen, tls, shared, ready))?;
    drop(looking);
    rules.stop();
    desk.stop();
    engine.join().map_err(|_| anyhow::anyhow!("the engine stopped in the middle of its work"))?;
    runtime.block_on(registry.finish(tasks, PATIENCE));
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(sending);
    tracing::info!("stopped");
    drop(lock);
    Ok(Ending::Well)
}

/// Looks at what the start passed over of the logs.
fn look_behind(
    data: &Path,
    (behind, vault): (Behind, Option<Arc<Vault>>),
    (desk, metrics): (&Desk, &Arc<Metrics>),
) -> anyhow::Result<Looking> {
    // Where there was some, all was read by now.
    behind::forget_damage(data)?;
    let (desk, metrics) = (desk.clone(), Arc::clone(metrics));
    let told = behind::Listener {
        left: Box::new(move |bytes| metrics.unread_bytes(bytes)),
        damaged: Box::new(move || desk.take_nothing_more()),
    };
    Looking::start(data, behind, vault, told)
}

/// What is counted, and what sends traces, where they are sent.
fn measured(
    arguments: &Serve,
    core: &Core<Folder>,
) -> anyhow::Result<(Arc<Metrics>, Option<Sending>)> {
    let metrics = Arc::new(Metrics::new());
    metrics.state(core);
    let sending = traces::start(&arguments.tracing, &metrics.traces)?;
    Ok((metrics, sending))
}

/// Goes on with rules that run beside the active ones, and notes what becomes active.
fn begin(
    rules: &Arc<Rules>,
    desk: Desk,
    (runtime, registry): (&Runtime, &Registry),
) -> anyhow::Result<()> {
    runtime.spawn(changes::note(Arc::clone(rules), registry.register.clone()));
    rules.begin(desk)
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

/// Where names are sealed, where there is a key for them; what of it the start passed over is noted.
fn sealed_of(
    arguments: &Serve,
    core: &Core<Folder>,
    behind: &mut Behind,
) -> anyhow::Result<(Option<Arc<Vault>>, Option<Sealer>)> {
    let Some(keys) = SealKeys::read(&arguments.seal_key)? else { return Ok((None, None)) };
    let of = core.log_salt().context("the log is at hand at a start")?;
    let is_all_read = behind::is_damage_known(&arguments.data);
    let (vault, unread) = Vault::open(&arguments.data, keys, (of, is_all_read))?;
    let vault = Arc::new(vault);
    behind.sealed = unread;
    let sealer = Sealer::start(Arc::clone(&vault), core.live.next())?;
    Ok((Some(vault), Some(sealer)))
}

fn snapshots_of(
    arguments: &Serve,
    last: Place,
    (registry, runtime): (&Registry, &Runtime),
) -> anyhow::Result<Snapshots> {
    Ok(Snapshots {
        keeper: keeper(&arguments.data)?,
        every: std::num::NonZeroU32::new(arguments.snapshot_every),
        last,
        inbox: Arc::clone(&registry.inbox),
        runtime: runtime.handle().clone(),
        patience: PATIENCE,
    })
}

/// What is fed in: its past before anybody is answered, and then what comes.
fn feed_with(mut feed: Feed, runtime: &Runtime, shared: &Arc<Shared>) -> anyhow::Result<()> {
    let begun = runtime.block_on(feed.begin(shared));
    anyhow::ensure!(begun.is_ok(), "the past of the made-up world was not taken");
    runtime.spawn(feed.go_on(Arc::clone(shared)));
    Ok(())
}

fn threads() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("shroff-http")
        .enable_all()
        .build()
        .context("cannot start the threads of the service")
}

/// Without TLS a key would be sent in the open.
fn refuse_open_network(arguments: &Serve) -> anyhow::Result<()> {
    let address = arguments.listen;
    if address.ip().is_loopback() || arguments.tls_cert.is_some() || arguments.behind_proxy {
        return Ok(());
    }
    bail!(
        "{address} can be reached from other machines, and without a certificate this service \
         speaks no TLS\nhint: --tls-cert and --tls-key; or --behind-proxy, where a proxy that speaks \
         TLS is in front of it and nobody else reaches it"
    );
}

/// What TLS is spoken with, where it is.
fn tls_of(arguments: &Serve) -> anyhow::Result<Option<Pair>> {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Pair::read(certificate, key).map(Some),
        (Some(_), None) => bail!("--tls-cert without --tls-key\nhint: it is the file of its key"),
        (None, Some(_)) => bail!("--tls-key without --tls-cert\nhint: it is the file of its chain"),
    }
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

fn pseudonyms_of(arguments: &Serve) -> anyhow::Result<Arc<Pseudonyms>> {
    let key = setup::token_key_of(&arguments.data, &arguments.token_key_file())?;
    Ok(Arc::new(Pseudonyms::new(key)))
}

/// The keys of a data directory; at the first start one is made, and shown this once.
fn keys_of(data: &Path) -> anyhow::Result<Keys> {
    if let Some(keys) = Keys::read(data)? {
        return Ok(keys);
    }
    let (keys, key) = Keys::first(data, settings::wall())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "key of the administrator, shown this once: {key}")?;
    out.flush()?;
    Ok(keys)
}

fn folder(data: &Path, name: &str) -> anyhow::Result<Folder> {
    let path = data.join(name);
    Folder::at(&path).with_context(|| format!("cannot make the folder `{}`", path.display()))
}

fn keeper(data: &Path) -> anyhow::Result<Keeper<Folder>> {
    Ok(Keeper { verdicts: folder(data, "verdicts")?, snapshots: folder(data, "snapshots")? })
}

/// Opens the data; the core, the first payment that no snapshot has, and what was not looked at.
fn open(
    arguments: &Serve,
    live: Live,
    rulebook: &Rulebook,
) -> anyhow::Result<(Core<Folder>, Place, Behind)> {
    let (data, begun) = (arguments.data.as_path(), settings::now());
    let workers = Threads::new(arguments.threads)?;
    let disks = Disks {
        payments: folder(data, "payments")?,
        verdicts: folder(data, "verdicts")?,
        snapshots: folder(data, "snapshots")?,
        salt: u64::from_le_bytes(settings::random()?),
        segment_bytes: SEGMENT_BYTES,
        is_all_read: behind::is_damage_known(data),
    };
    let mut bar = None;
    let begin = Begin {
        middle: beginning::kept(data, rulebook.version())?,
        forget: &mut || beginning::forget(data, rulebook.version()),
        told: &mut |place, of| {
            bar.get_or_insert_with(|| Bar::of_payments("replaying", of)).at(place);
        },
    };
    let (core, recovered) = Core::open(disks, (live, rulebook.version()), workers, begin)
        .with_context(|| format!("in `{}`", data.display()))?;
    bar.map(Bar::done);
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
    replayed(&core, begun.elapsed());
    let resumed = recovered.resumed.map_or(Place(0), |resumed| resumed.next);
    Ok((core, resumed, recovered.unread))
}

fn replayed(core: &Core<Folder>, after: Duration) {
    tracing::info!(
        payments = core.live.next().0,
        alerts = core.live.alert_count(),
        seconds = after.as_secs_f64(),
        version = format_args!("{:016x}", core.version()),
        "the log is replayed"
    );
}

/// Who is told that the service is ready, and how it hears that it is to stop.
struct Ready {
    notify: Arc<Notify>,
    asking: notify::Asking,
    stopping: Stopping,
    desk: Desk,
}

async fn listen(
    address: SocketAddr,
    tls: Option<Pair>,
    shared: Arc<Shared>,
    ready: Ready,
) -> anyhow::Result<()> {
    let Ready { notify, asking, stopping, desk } = ready;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}\nhint: is another service there? --listen names another"
        )
    })?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if let Some(oidc) = &shared.oidc {
        oidc.reached_at(format!("{scheme}://{address}"));
    }
    if let Some(token) = shared.people.first(&shared.register, settings::wall()).await? {
        terminal::note(format_args!(
            "nobody can sign in yet: {scheme}://{address}/#/setup/{token} makes the first \
             administrator, once and within a day"
        ));
        if shared.is_secure && tls.is_none() {
            terminal::note(format_args!("open it at the address of the proxy, by https"));
        }
    }
    // Before anything is told: whoever reads it may change the files at once.
    let tls = tls.map(Pair::follow).transpose()?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on {scheme}://{address}")?;
        out.flush()?;
    }
    drop(asking);
    stopping.serves();
    notify.tell("READY=1\nSTATUS=listening");
    notify.watch(desk);
    let stopping = stopping.told;
    match tls {
        Some(acceptor) => answer(Handshaken::of(listener, acceptor)?, shared, stopping).await,
        None => answer(listener, shared, stopping).await,
    }
}

/// Serves until it is told to stop, and what is under way then for a while at most.
async fn answer<L>(
    listener: L,
    shared: Arc<Shared>,
    mut stopping: watch::Receiver<bool>,
) -> anyhow::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let events = Arc::clone(&shared.events);
    let mut told = stopping.clone();
    let signal = async move {
        heard(&mut told).await;
        events.close();
    };
    let serving = axum::serve(listener, http::router(shared)).with_graceful_shutdown(signal);
    let late = async {
        heard(&mut stopping).await;
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

/// Waits until the service is told to stop.
async fn heard(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|told| *told).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How the service hears that it is to stop.
struct Stopping {
    told: watch::Receiver<bool>,
    is_serving: Arc<AtomicBool>,
}

impl Stopping {
    /// From now on what is under way is finished first.
    fn serves(&self) {
        self.is_serving.store(true, Ordering::Release);
    }
}

/// Hears from now on that the service is to stop. While it is being started nobody was answered, and
/// what is on the disk is whole at any moment: then it ends at once, however long the log is.
fn stopping(runtime: &Runtime, notify: &Arc<Notify>) -> anyhow::Result<Stopping> {
    let (told, stopping) = watch::channel(false);
    let inside = runtime.enter();
    let signal = stop_signal()?;
    drop(inside);
    let is_serving = Arc::new(AtomicBool::new(false));
    let (serving, notify) = (Arc::clone(&is_serving), Arc::clone(notify));
    runtime.spawn(async move {
        signal.await;
        notify.tell("STOPPING=1");
        if !serving.load(Ordering::Acquire) {
            tracing::info!("told to stop while it was being started: nothing was changed");
            #[expect(
                clippy::exit,
                reason = "the thread that replays the log cannot be interrupted"
            )]
            std::process::exit(0);
        }
        tracing::info!("told to stop: what is under way is finished");
        told.send_replace(true);
        // Whoever waits for it is there until the end.
        std::future::pending::<()>().await;
    });
    Ok(Stopping { told: stopping, is_serving })
}

/// The signals are taken when this returns, and not when it is waited for.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let told = "cannot hear the signals that stop the service";
    let mut terminate = signal(SignalKind::terminate()).context(told)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(told)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut stop = tokio::signal::windows::ctrl_c().context("cannot hear Ctrl-C")?;
    Ok(async move {
        stop.recv().await;
    })
}

/// `shroff ingest`.
pub(crate) fn run_ingest(arguments: &Ingest) -> anyhow::Result<Ending> {
    ingest::run(arguments)
}

/// `shroff keys`.
pub(crate) fn run_keys(command: &KeysCommand) -> anyhow::Result<Ending> {
    match command {
        KeysCommand::Add { name, role, expires, pace, data } => {
            let now = settings::wall();
            let ends = |span: &Span| now.0.checked_add(span.micros()).map(Timestamp);
            let ends = expires.as_ref().map(|span| ends(span).context("that is too far ahead"));
            let (role, expires, pace) = (*role, ends.transpose()?, *pace);
            let key =
                Keys::change(data, |keys| keys.add(NewKey { name, role, expires, pace, now }))?;
            writeln!(std::io::stdout().lock(), "{key}")?;
            terminal::note(format_args!("it is shown this once; a running service knows it now"));
        }
        KeysCommand::Seal { file } => {
            sealed::make_key(file)?;
            terminal::note(format_args!(
                "keep a copy of `{}` elsewhere: without it no name that it sealed can be read",
                file.display()
            ));
        }
        KeysCommand::List { data } => list_keys(data)?,
        KeysCommand::Revoke { name, data } => {
            Keys::change(data, |keys| keys.revoke(name))?;
            terminal::note(format_args!(
                "`{name}` is revoked; a running service lets it in for a second at most"
            ));
        }
    }
    Ok(Ending::Well)
}

fn list_keys(data: &Path) -> anyhow::Result<()> {
    let keys = Keys::read(data)?.with_context(|| {
        format!("`{}` is no data directory\nhint: `shroff serve` makes one", data.display())
    })?;
    let now = settings::wall();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["name", "role", "made", "expires", "pace"]);
    for entry in keys.all() {
        let ends = entry.expires.as_deref().unwrap_or("never");
        let ended = if entry.has_ended(now) { " (ended)" } else { "" };
        table.add_row([
            entry.name.clone(),
            entry.role.name().to_owned(),
            entry.made.clone().unwrap_or_else(|| "?".to_owned()),
            format!("{ends}{ended}"),
            entry.pace.map_or_else(|| "none".to_owned(), |pace| format!("{pace}/s")),
        ]);
    }
    let text = table.to_string();
    let lines = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    writeln!(std::io::stdout().lock(), "{lines}")?;
    Ok(())
}

/// `shroff explain`.
pub(crate) fn run_explain(arguments: &Explain) -> anyhow::Result<Ending> {
    explain::explain(arguments)
}

/// `shroff verify`.
pub(crate) fn run_verify(arguments: &Verify) -> anyhow::Result<Ending> {
    explain::verify(arguments)
}

/// `shroff ready`.
pub(crate) fn run_ready(address: SocketAddr) -> Ending {
    probe::ready(address)
}

/// `shroff backup`.
pub(crate) fn run_backup(arguments: &Backup) -> anyhow::Result<Ending> {
    backup::run(arguments)
}

/// `shroff restore`.
pub(crate) fn run_restore(arguments: &Restore) -> anyhow::Result<Ending> {
    backup::restore(arguments)
}

/// `shroff audit`.
pub(crate) fn run_audit(command: &AuditCommand) -> anyhow::Result<Ending> {
    let AuditCommand::Verify { file, data, register, register_file } = command;
    let url = place::url(register.as_deref(), register_file.as_deref())?;
    audit::verify(file.as_deref(), data, url)
}
