//! Other rules beside the active ones: a second engine on a thread of its own.
//!
//! It runs the log from where its rules begin, or from a snapshot of its own, is then fed with each batch
//! after that was answered, and is counted and compared. No reply ever waits for it: where too much
//! waits for it, it is dropped, and that is told. Because it saw all that is in sight, it can take the place
//! of the active engine between two batches, and says what a start under its rules would say.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use shroff_detect::Alone;
use shroff_engine::{Live, Told};
use shroff_store::{Access, Log, Options, Records, read_payment};
use shroff_types::Place;

use super::beginning;
use super::changes::Rules;
use super::compare::Comparison;
use super::core::{Intake, begin_in};
use super::desk::Desk;
use super::disk::Folder;
use super::setup::Rulebook;
use super::snapshots::Candidates;
use super::{SEGMENT_BYTES, versions};

/// Payments that may wait for it: some 50 MB, and a quarter of a minute of the fastest load.
const MOST_WAITING: usize = 400_000;
/// Where fewer payments than this came while it ran the log, the rest may wait for it.
const FEW: u32 = 50_000;

/// What it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It runs the log.
    Replaying,
    /// It is fed with what comes.
    Following,
    /// Too much waited for it, or it could not go on.
    Lost,
}

impl Phase {
    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Replaying => "replaying",
            Phase::Following => "following",
            Phase::Lost => "lost",
        }
    }
}

/// What is seen of it from outside.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) version: u64,
    pub(crate) phase: Phase,
    /// The next payment that it will see.
    pub(crate) next: u32,
    /// Payments of the log when it last looked.
    pub(crate) of: u64,
    pub(crate) comparison: Comparison,
}

#[derive(Debug)]
pub(crate) struct Status {
    seen: Mutex<Seen>,
    is_stopped: AtomicBool,
    waiting: AtomicUsize,
}

impl Status {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is seen of it.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Payments that wait for it.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

/// What it is told to do.
pub(crate) enum Order {
    /// A batch, and what the active rules said of it.
    Batch(Vec<u8>, Vec<Told>),
    /// To give its engine away.
    HandOver(SyncSender<Box<Live>>),
    /// To go on with an engine of a version, beside another with these typologies.
    GoOn(Box<Live>, u64, Vec<String>),
    /// To look whether something changed.
    Look,
}

/// The end of it that the engine feeds.
pub(crate) struct Feed {
    orders: Sender<Order>,
    status: Arc<Status>,
}

impl Feed {
    /// Feeds it; whether it goes on.
    pub(crate) fn feed(&self, records: &[u8], told: Vec<Told>) -> bool {
        if self.is_stopped() {
            return false;
        }
        let waiting = self.status.waiting.fetch_add(told.len(), Ordering::AcqRel) + told.len();
        if waiting > MOST_WAITING {
            self.status.lock().phase = Phase::Lost;
            self.status.is_stopped.store(true, Ordering::Release);
        }
        // A thread that is gone hears nothing, and is fed no more.
        self.orders.send(Order::Batch(records.to_vec(), told)).is_ok() && waiting <= MOST_WAITING
    }

    /// Whether it was told to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.status.is_stopped.load(Ordering::Acquire)
    }

    /// The version that it runs.
    pub(crate) fn version(&self) -> u64 {
        self.status.lock().version
    }

    /// Takes its engine, once it has seen all that it was fed.
    pub(crate) fn take(&self) -> Option<Box<Live>> {
        let (give, taken) = std::sync::mpsc::sync_channel(1);
        self.orders.send(Order::HandOver(give)).ok()?;
        taken.recv().ok()
    }

    /// Gives it an engine to go on with.
    pub(crate) fn give(&self, live: Box<Live>, version: u64, beside: Vec<String>) {
        // Where it is gone, so is what it would have shown.
        drop(self.orders.send(Order::GoOn(live, version, beside)));
    }
}

/// The end of it that people see.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) status: Arc<Status>,
    orders: Sender<Order>,
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.status.is_stopped.store(true, Ordering::Release);
        self.look();
    }
}

impl Shadow {
    /// Starts it.
    pub(crate) fn start(
        rules: Arc<Rules>,
        desk: Desk,
        rulebook: Rulebook,
    ) -> anyhow::Result<Shadow> {
        let (orders, waiting) = channel();
        let seen = Seen {
            version: rulebook.version(),
            phase: Phase::Replaying,
            next: 0,
            of: 0,
            comparison: Comparison::default(),
        };
        let status = Arc::new(Status {
            seen: Mutex::new(seen),
            is_stopped: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
        });
        let feed = Feed { orders: orders.clone(), status: Arc::clone(&status) };
        let own = Arc::clone(&status);
        let work = move || {
            let version = rulebook.version();
            let worker = Worker { rules: Arc::clone(&rules), desk, rulebook, status: own };
            if let Err(error) = worker.work(feed, &waiting) {
                tracing::error!(error = format_args!("{error:#}"), "the shadow cannot go on");
                worker.status.lock().phase = Phase::Lost;
            }
            let is_lost = worker.status.lock().phase == Phase::Lost;
            if is_lost {
                tracing::warn!(
                    version = versions::written(version),
                    "the shadow was dropped: what came was more than it could follow, or it failed"
                );
                rules.lost(&worker.status);
            }
        };
        std::thread::Builder::new()
            .name("shroff-shadow".to_owned())
            .spawn(work)
            .context("cannot start a thread")?;
        Ok(Shadow { status, orders })
    }

    /// Wakes it, to look whether something changed.
    pub(crate) fn look(&self) {
        // Where it is gone, nothing is to be seen.
        drop(self.orders.send(Order::Look));
    }
}

struct Worker {
    rules: Arc<Rules>,
    desk: Desk,
    rulebook: Rulebook,
    status: Arc<Status>,
}

/// What a frame says that is not run any more.
const STOPPED: &str = "it was told to stop";

impl Worker {
    fn is_stopped(&self) -> bool {
        self.status.is_stopped.load(Ordering::Acquire)
    }

    fn work(&self, feed: Feed, orders: &Receiver<Order>) -> anyhow::Result<()> {
        let mut live = self.rulebook.live()?;
        let resumed = self.resume(&mut live);
        if self.is_stopped() {
            return Ok(());
        }
        let mut intake = resumed?;
        loop {
            let before = live.next().0;
            let Some(next) = self.desk.next() else { return Ok(()) };
            self.replay(&mut live, &mut intake, next)?;
            if self.is_stopped() {
                return Ok(());
            }
            if live.next().0 - before < FEW {
                break;
            }
        }
        let Some((place, beside)) = self.desk.attach(feed) else { return Ok(()) };
        // What came until it was attached is in the log; what comes after it waits.
        self.replay(&mut live, &mut intake, place)?;
        if self.is_stopped() {
            return Ok(());
        }
        if live.next() != place {
            bail!("payment {} is not where a batch begins", place.0);
        }
        {
            let mut seen = self.status.lock();
            seen.phase = Phase::Following;
            seen.comparison = Comparison::begun_at(place);
        }
        self.follow(live, beside, orders);
        Ok(())
    }

    /// Loads a snapshot of its own version, where there is one; how the log is taken in after it.
    fn resume(&self, live: &mut Live) -> anyhow::Result<Intake> {
        let data = self.rules.data();
        let payments = Folder::there(&data.join("payments"));
        let Some(log) = shroff_store::reach(&payments)? else { return Ok(Intake::default()) };
        let disk = Folder::there(&data.join("snapshots"));
        let passed = &mut Vec::new();
        let candidates = Candidates::of(&disk, (log, self.rulebook.version()), passed)?;
        if let Some(resumed) = candidates.resume(live, log.next, passed) {
            return Ok(Intake::showing(resumed.held()));
        }
        let middle = if self.rules.has_judged(self.rulebook.version()) {
            beginning::kept(data, self.rulebook.version())?
        } else {
            beginning::settle(data, &self.rulebook, &|| !self.is_stopped())?
        };
        Ok(Intake::showing(middle.map_or(0..0, |middle| begin_in(live, middle))))
    }

    /// Runs what the log has behind what was seen, up to a place that a batch begins at.
    fn replay(&self, live: &mut Live, intake: &mut Intake, to: Place) -> anyhow::Result<()> {
        self.status.lock().of = u64::from(to.0);
        let from = intake.wants(live);
        let read = each_frame((&self.rules.data().join("payments"), from), &mut |frame| {
            if self.is_stopped() {
                return Err(STOPPED);
            }
            let is_new = frame.first + u64::from(frame.count) > intake.next(live);
            if is_new && frame.first < u64::from(to.0) {
                intake.take(live, &Alone, frame)?;
                self.status.lock().next = live.next().0;
            }
            Ok(())
        });
        if self.is_stopped() {
            return Ok(());
        }
        read?;
        *intake = Intake::default();
        anyhow::ensure!(live.is_whole(), "the log is shorter than it was a moment ago");
        Ok(())
    }

    fn follow(&self, live: Live, mut beside: Vec<String>, orders: &Receiver<Order>) {
        let mut live = Some(Box::new(live));
        let mut is_asked = false;
        while !self.is_stopped() {
            let order = match orders.try_recv() {
                Ok(order) => order,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    // All is seen that came: nobody waits long for it.
                    let version = self.status.lock().version;
                    if !is_asked && let Some(activation) = self.rules.activation(version) {
                        is_asked = true;
                        self.desk.activate(activation);
                    }
                    let Ok(order) = orders.recv() else { return };
                    order
                }
            };
            match order {
                Order::Batch(records, told) => {
                    if let Some(live) = &mut live {
                        self.compare(live, &beside, &records, &told);
                    }
                    self.status.waiting.fetch_sub(told.len(), Ordering::AcqRel);
                }
                Order::HandOver(give) => {
                    // Where nobody takes it, there is no engine any more that wants it.
                    let Some(Ok(())) = live.take().map(|live| give.send(live)) else { return };
                }
                Order::GoOn(given, version, names) => {
                    let mut seen = self.status.lock();
                    seen.comparison = Comparison::begun_at(given.next());
                    seen.version = version;
                    live = Some(given);
                    (beside, is_asked) = (names, false);
                }
                Order::Look => {}
            }
        }
    }

    /// Runs a batch, and compares what is said of it.
    fn compare(&self, live: &mut Live, beside: &[String], records: &[u8], told: &[Told]) {
        for record in Records::of(records) {
            let admitted = read_payment(record).map(|sent| live.admit(&sent));
            assert!(
                matches!(admitted, Some(Ok(_))),
                "the active engine took it, in the same units"
            );
        }
        let own = live.run(&Alone);
        let names = live.typologies();
        let mut seen = self.status.lock();
        for ((record, active), own) in Records::of(records).zip(told).zip(&own) {
            let id = || read_payment(record).map_or_else(String::new, |sent| sent.id.to_owned());
            seen.comparison.take((beside, active), (names, own), id);
        }
        seen.next = live.next().0;
        seen.of = u64::from(seen.next);
    }
}

/// Hands out the frames of a log that another thread writes meanwhile; about from a record on.
pub(crate) fn each_frame(
    (path, from): (&Path, u64),
    each: &mut dyn FnMut(shroff_store::Frame<'_>) -> Result<(), &'static str>,
) -> anyhow::Result<u64> {
    let options = Options { access: Access::Reader, segment_bytes: SEGMENT_BYTES, salt: 0, from };
    Ok(Log::open(Folder::there(path), options, each)?.next())
}
