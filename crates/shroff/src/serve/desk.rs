//! The thread that the engine runs on, and the queue in front of it.
//!
//! What came while the batch before was being synced is the next batch. It is written, and synced by
//! another thread while the engine says of each payment what there is to say; replies leave once
//! both are done. What is asked of the state is answered between two batches.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as blocking};
use std::time::{Duration, Instant};

use anyhow::Context;
use shroff_engine::{Refusal, Told};
use shroff_ingest::messages::Withdrawal;
use shroff_store::{Log, StoreError, read_payment};
use shroff_types::{Place, SentPayment, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::core::{Admission, Core, TakenBack};
use super::disk::Folder;
use super::metrics::Metrics;
use super::problem::{Kind, Problem};
use super::recorder::Recorder;
use super::reply;
use super::sealed::{Names, Sealer};
use super::shadow::Feed;
use super::snapshots::{Keeping, Snapshots};
use super::traces::{self, Way, What};
use crate::settings;

/// The most payments that are worked on at once.
const MOST_AT_ONCE: usize = 8_192;
/// How long the register is waited for where it has enough to write.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Payments that somebody sent together.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Those that could be read, as records of the log.
    pub(crate) records: Vec<u8>,
    pub(crate) count: usize,
    /// What they say beside, by number among them; where names are sealed.
    pub(crate) names: Vec<(usize, Names)>,
    /// Those that could not, by position.
    pub(crate) refused: Vec<(u64, Problem)>,
    /// How many were sent before in the same request.
    pub(crate) before: u64,
    /// What stands between them, by position, and is no payment to be taken.
    pub(crate) others: VecDeque<(u64, Other)>,
    /// Whether they came in a message, where the same payment has several descriptions.
    pub(crate) is_message: bool,
    /// Where their way is noted.
    pub(crate) way: Option<Way>,
}

/// What a message says beside payments.
#[derive(Debug)]
pub(crate) enum Other {
    Refused(Problem),
    Withdraw(Withdrawal),
    LeftOut(&'static str),
}

/// What is said of each, in order.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Each on a line of its own.
    pub(crate) lines: Vec<u8>,
    /// Where the first one is a problem: its status.
    pub(crate) problem: Option<Problem>,
    /// Whether all were sent before.
    pub(crate) is_repeat: bool,
    /// How many payments were.
    pub(crate) known: u64,
}

type Reply = oneshot::Sender<Result<Answers, Problem>>;
type Question = Box<dyn FnOnce(&Core<Folder>) + Send>;

enum Job {
    Payments(Sent, Reply, OwnedSemaphorePermit),
    Question(Question),
    Between(Between),
    Stop,
}

/// What is done where no batch is under way.
enum Between {
    /// Where the log ends.
    Next(oneshot::Sender<Place>),
    /// Other rules are fed from now on; where the log ends, and the typologies of now.
    Attach(Feed, oneshot::Sender<(Place, Vec<String>)>),
    Activate(Activation),
}

/// Rules that take the place of the active ones.
pub(crate) struct Activation {
    pub(crate) version: u64,
    /// The titles of their typologies, by position.
    pub(crate) titles: Vec<String>,
    /// Makes it durable that they judge the payments from a place on.
    pub(crate) commit: Box<dyn FnOnce(Place) -> anyhow::Result<()> + Send>,
}

/// The way to the engine.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    jobs: mpsc::UnboundedSender<Job>,
    stopped: Arc<AtomicBool>,
    /// Requests with payments that the engine has not taken up.
    waiting: Arc<AtomicUsize>,
}

impl Desk {
    /// Starts the threads.
    pub(crate) fn start(
        core: Core<Folder>,
        sealer: Option<Sealer>,
        metrics: Arc<Metrics>,
        recorder: Recorder,
        snapshots: Snapshots,
    ) -> anyhow::Result<(Desk, std::thread::JoinHandle<()>)> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let syncer = Syncer::start(Arc::clone(&metrics))?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let keeping = Keeping::start(snapshots)?;
        let is_behind = false;
        let stopped_by = Arc::clone(&stopped);
        let clerk = Clerk {
            core,
            sealer,
            is_behind,
            syncer,
            keeping,
            metrics,
            recorder,
            stopped: stopped_by,
            waiting: Arc::clone(&waiting),
            feed: None,
            is_snapshot_wanted: false,
            last_sync: None,
        };
        let thread = std::thread::Builder::new()
            .name("shroff-engine".to_owned())
            .spawn(move || clerk.work(queue))
            .context("cannot start a thread")?;
        Ok((Desk { jobs, stopped, waiting }, thread))
    }

    /// Whether payments can still be made durable.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.jobs.is_closed()
    }

    /// From now on nothing can be made durable: the log is damaged.
    pub(crate) fn take_nothing_more(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Requests with payments that the engine has not taken up.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Ends the engine, once it has answered what was sent before.
    pub(crate) fn stop(&self) {
        // Where it is gone, it has ended.
        drop(self.jobs.send(Job::Stop));
    }

    /// Sends payments, and gives what to wait for.
    pub(crate) fn send(
        &self,
        mut sent: Sent,
        permit: OwnedSemaphorePermit,
    ) -> oneshot::Receiver<Result<Answers, Problem>> {
        let (reply, answer) = oneshot::channel();
        sent.way = sent.way.map(Way::sent);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        // Where the engine is gone, the receiver hears that its sender is.
        drop(self.jobs.send(Job::Payments(sent, reply, permit)));
        answer
    }

    /// Asks something of the state, between two batches.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core<Folder>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |core| drop(reply.send(question(core))));
        drop(self.jobs.send(Job::Question(question)));
        answer.await.map_err(|_| stopped())
    }

    /// Where the log ends, for a thread that may wait; none where the engine is gone.
    pub(crate) fn next(&self) -> Option<Place> {
        let (reply, answer) = oneshot::channel();
        drop(self.jobs.send(Job::Between(Between::Next(reply))));
        answer.blocking_recv().ok()
    }

    /// Feeds other rules with each batch from now on; the place of the next payment, and the
    /// typologies of now. None where the engine is gone.
    pub(crate) fn attach(&self, feed: Feed) -> Option<(Place, Vec<String>)> {
        let (reply, answer) = oneshot::channel();
        drop(self.jobs.send(Job::Between(Between::Attach(feed, reply))));
        answer.blocking_recv().ok()
    }

    /// Puts the rules that are fed into the place of the active ones.
    pub(crate) fn activate(&self, activation: Activation) {
        // Where the engine is gone, the next start does it.
        drop(self.jobs.send(Job::Between(Between::Activate(activation))));
    }
}

/// What is said where nothing can be made durable any more.
pub(crate) fn stopped() -> Problem {
    Problem::new(Kind::Stopped, "the service takes no payments")
        .hint("what was acknowledged is kept; the log of the service says why")
}

/// A thread that makes a log durable while the engine works.
struct Syncer {
    logs: blocking::Sender<Log<Folder>>,
    done: blocking::Receiver<(Log<Folder>, Result<(), StoreError>, Times)>,
}

/// From when to when something was done.
type Times = (Instant, Instant);

impl Syncer {
    fn start(metrics: Arc<Metrics>) -> anyhow::Result<Syncer> {
        let (logs, lent) = blocking::channel::<Log<Folder>>();
        let (back, done) = blocking::channel();
        let work = move || {
            while let Ok(mut log) = lent.recv() {
                let begun = settings::now();
                let synced = log.sync();
                let ended = settings::now();
                metrics.synced(ended - begun);
                if back.send((log, synced, (begun, ended))).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new()
            .name("shroff-sync".to_owned())
            .spawn(work)
            .context("cannot start a thread")?;
        Ok(Syncer { logs, done })
    }
}

/// What becomes of one record of those that were sent together.
enum Item {
    /// It has this place, and is new or was sent before.
    At(Place, bool),
    Refused(Problem),
    /// This one is taken out again.
    Withdrawn(Place),
    LeftOut(&'static str),
}

#[derive(Default)]
struct Batch {
    jobs: Vec<(Vec<Item>, Reply)>,
    /// Of those that are noted.
    ways: Vec<Way>,
    /// Held until the replies are made: memory is bounded by them.
    permits: Vec<OwnedSemaphorePermit>,
    payments: usize,
}

struct Clerk {
    core: Core<Folder>,
    /// Where names are sealed.
    sealer: Option<Sealer>,
    /// Whether payments are durable of which no verdict could be kept: a start anew keeps it.
    is_behind: bool,
    syncer: Syncer,
    keeping: Keeping,
    metrics: Arc<Metrics>,
    recorder: Recorder,
    stopped: Arc<AtomicBool>,
    waiting: Arc<AtomicUsize>,
    /// Other rules that run beside these.
    feed: Option<Feed>,
    /// Whether no snapshot is of the rules of now.
    is_snapshot_wanted: bool,
    /// The last sync.
    last_sync: Option<Times>,
}

impl Clerk {
    /// The next job; alerts of other rules are handed over while there is none.
    fn next_job(&mut self, queue: &mut mpsc::UnboundedReceiver<Job>) -> Option<Job> {
        while self.recorder.has_backlog() {
            match queue.try_recv() {
                Ok(job) => return Some(job),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) if self.recorder.has_room() => {
                    self.recorder.hand_some(&mut self.core);
                }
                // Whoever comes meanwhile waits for no more than this.
                Err(mpsc::error::TryRecvError::Empty) => settings::pause(A_MOMENT),
            }
        }
        queue.blocking_recv()
    }

    fn between(&mut self, between: Between) {
        match between {
            // Where nobody waits for it any more, nobody is told.
            Between::Next(reply) => drop(reply.send(self.core.live.next())),
            // One that was told to stop meanwhile stands in nobody's way.
            Between::Attach(feed, _) if feed.is_stopped() => {}
            Between::Attach(feed, reply) => {
                self.feed = Some(feed);
                let live = &self.core.live;
                drop(reply.send((live.next(), live.typologies().to_vec())));
            }
            Between::Activate(activation) => self.activate(activation),
        }
    }

    /// Puts the rules that are fed into the place of those of now.
    fn activate(&mut self, activation: Activation) {
        let Activation { version, titles, commit } = activation;
        let is_broken = self.is_broken();
        let feed = self.feed.take_if(|feed| !is_broken && feed.version() == version);
        let Some(feed) = feed else {
            tracing::warn!("rules were not activated: they are not at hand, or nothing is durable");
            return;
        };
        let Some(live) = feed.take() else {
            tracing::error!("rules were not activated: their engine is gone");
            return;
        };
        let place = self.core.live.next();
        if let Err(error) = commit(place) {
            tracing::error!(error = format_args!("{error:#}"), "rules were not activated");
            feed.give(live, version, self.core.live.typologies().to_vec());
            self.feed = Some(feed);
            return;
        }
        let (before, beside) = (self.core.version(), live.typologies().to_vec());
        let former = self.core.exchange(live, version);
        feed.give(former, before, beside);
        self.feed = Some(feed);
        self.recorder.begin_anew(&mut self.core, titles);
        self.is_snapshot_wanted = true;
        self.metrics.state(&self.core);
        tracing::info!(
            version = format_args!("{version:016x}"),
            place = place.0,
            "other rules are active"
        );
    }

    fn work(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        while let Some(first) = self.next_job(&mut queue) {
            let mut batch = Batch::default();
            let mut next = Some(first);
            let mut between = None;
            while let Some(job) = next {
                match job {
                    Job::Question(question) => question(&self.core),
                    Job::Between(it) => {
                        between = Some(it);
                        break;
                    }
                    // What was sent before is still answered, and nothing is taken after it.
                    Job::Stop => queue.close(),
                    Job::Payments(sent, reply, permit) => {
                        self.waiting.fetch_sub(1, Ordering::AcqRel);
                        batch.payments += sent.count + sent.others.len();
                        batch.ways.extend(sent.way.map(Way::taken_up));
                        let items = self.admit(sent);
                        batch.jobs.push((items, reply));
                        batch.permits.push(permit);
                    }
                }
                next = if batch.payments < MOST_AT_ONCE { queue.try_recv().ok() } else { None };
            }
            if !batch.jobs.is_empty() {
                self.answer(batch);
            }
            if let Some(between) = between {
                self.between(between);
            }
            if self.recorder.has_backlog() && self.recorder.has_room() {
                self.recorder.hand_some(&mut self.core);
            }
            let is_due = self.is_snapshot_wanted && !self.recorder.has_backlog();
            if self.keeping.is_due(self.core.live.next(), is_due) {
                self.take_snapshot();
            }
        }
        let is_wanted = self.is_snapshot_wanted || self.keeping.last() < self.core.live.next();
        match self.core.close() {
            Ok(()) if is_wanted => self.take_snapshot(),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "the log could not be closed"),
        }
        self.keeping.finish();
    }

    fn take_snapshot(&mut self) {
        let handed = self.recorder.handed();
        if let Some(handed) = handed.filter(|_| !self.is_broken()) {
            let (begun, doing) = (settings::now(), traces::begin());
            self.keeping.take(&self.core, handed);
            self.is_snapshot_wanted = false;
            self.metrics.snapshot(begun.elapsed());
            doing.end(What::SnapshotTaken);
        }
    }

    /// Whether the state may be ahead of what is durable.
    fn is_broken(&self) -> bool {
        self.is_behind || self.stopped.load(Ordering::Acquire) || self.core.poisoned().is_some()
    }

    fn admit(&mut self, sent: Sent) -> Vec<Item> {
        let Sent { records, count, names, refused, before, mut others, is_message, .. } = sent;
        let mut names = names.into_iter().peekable();
        let mut refused = refused.into_iter().peekable();
        let mut items = Vec::with_capacity(count + refused.len() + others.len());
        let mut records = shroff_store::Records::of(&records).enumerate();
        loop {
            let index = items.len() as u64;
            if let Some((_, problem)) = refused.next_if(|(at, _)| *at == index) {
                items.push(Item::Refused(problem));
                continue;
            }
            let is_next = others.front().is_some_and(|(at, _)| *at == index);
            if is_next && let Some((_, other)) = others.pop_front() {
                items.push(self.other(other, before + index));
                continue;
            }
            let Some((number, record)) = records.next() else { break };
            let sent = read_payment(record).expect("it was written by us just now");
            // Whoever reads what is sent refuses control characters: this is a second lock.
            assert!(sent.withdraws().is_none(), "no payment that is sent takes another one out");
            let item = match self.core.admit(&sent) {
                Admission::New(place) => Item::At(place, false),
                Admission::Known(place) => Item::At(place, true),
                Admission::Conflict(place) if is_message && self.moves_the_same(place, &sent) => {
                    Item::At(place, true)
                }
                Admission::Conflict(_) => Item::Refused(conflict(before + index)),
                Admission::Refused(refusal) => Item::Refused(cannot(refusal, before + index)),
            };
            let names = names.next_if(|(at, _)| *at == number);
            if let (Some((_, names)), Item::At(place, is_known)) = (names, &item)
                && let Some(sealer) = &mut self.sealer
            {
                sealer.take((*place, !is_known), sent.id, names);
            }
            items.push(item);
        }
        items
    }

    /// Whether a payment that is held moves the same money between the same accounts: one payment is
    /// initiated, sent and booked, each in a message of its own with a time of its own.
    fn moves_the_same(&self, place: Place, sent: &SentPayment<'_>) -> bool {
        let live = &self.core.live;
        live.held(place).is_some_and(|held| {
            held.amount == sent.amount
                && live.account(held.debtor) == sent.debtor
                && live.account(held.creditor) == sent.creditor
        })
    }

    fn other(&mut self, other: Other, index: u64) -> Item {
        let withdrawal = match other {
            Other::Refused(problem) => return Item::Refused(problem),
            Other::LeftOut(why) => return Item::LeftOut(why),
            Other::Withdraw(withdrawal) => withdrawal,
        };
        match self.core.take_back(&withdrawal) {
            TakenBack::Out(original, _) => Item::Withdrawn(original),
            TakenBack::Part => {
                Item::LeftOut("a part of a payment comes back, and the payment stays")
            }
            TakenBack::Unknown => Item::Refused(unknown(index)),
            TakenBack::Refused(refusal) => Item::Refused(cannot(refusal, index)),
        }
    }

    fn answer(&mut self, batch: Batch) {
        let begun = settings::now();
        let received = settings::wall();
        let Batch { jobs, ways, permits, .. } = batch;
        self.last_sync = None;
        let mut noted = traces::Batch { payments: 0, requests: jobs.len(), is_durable: false };
        let told = match self.settle(received) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(%error, "payments were not made durable");
                self.metrics.failed_batches.inc();
                for (_, reply) in jobs {
                    drop(reply.send(Err(stopped())));
                }
                self.note(ways, noted, settings::now());
                return;
            }
        };
        self.metrics.batch(&told, begun.elapsed(), &self.core);
        // Before the replies leave, so that whoever has one finds its alert.
        self.recorder.record(&mut self.core, &told, received);
        let ended = settings::now();
        for (items, reply) in jobs {
            let answers = self.answers(items, &told).map_err(|error| {
                tracing::error!(%error, "a verdict could not be read");
                Problem::new(Kind::Internal, "a verdict could not be read")
            });
            drop(reply.send(answers));
        }
        drop(permits);
        (noted.payments, noted.is_durable) = (told.len(), true);
        self.note(ways, noted, ended);
        // After the replies: none waits for other rules.
        if !told.is_empty() {
            self.feed.take_if(|feed| !feed.feed(self.core.last_written(), told));
        }
    }

    /// Notes the way of those that are noted, once nobody waits for them any more.
    fn note(&self, ways: Vec<Way>, batch: traces::Batch, ended: Instant) {
        for way in ways {
            way.done(batch, ended, self.last_sync);
        }
    }

    /// Makes the batch durable and says what there is to say of it. A log that is poisoned says so
    /// each time, and nothing is written.
    fn settle(&mut self, received: Timestamp) -> anyhow::Result<Vec<Told>> {
        if self.is_behind {
            anyhow::bail!("verdicts could not be kept\nhint: see to the disk and start again");
        }
        let written = self.core.write(received);
        if written.is_err() {
            self.sealer.iter_mut().for_each(Sealer::forget);
            self.stopped.store(self.core.poisoned().is_some(), Ordering::Release);
        }
        written?;
        let sealing = self.sealer.as_mut().map_or(Ok(false), |sealer| sealer.begin(received));
        let log = self.core.lend_log();
        self.syncer.logs.send(log).ok().context("the thread that syncs is gone")?;
        let told = self.core.run();
        let (log, synced, times) =
            self.syncer.done.recv().context("the thread that syncs is gone")?;
        self.core.return_log(log);
        self.last_sync = Some(times);
        if synced.is_err() {
            self.stopped.store(true, Ordering::Release);
        }
        let sealed = match (sealing, &self.sealer) {
            (Ok(true), Some(sealer)) => sealer.finish(),
            (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(error),
        };
        synced?;
        // Payments are durable of which the names are not: sent again after a start they are taken.
        self.is_behind |= sealed.is_err();
        if sealed.is_err() {
            self.stopped.store(true, Ordering::Release);
        }
        sealed.context("names could not be sealed")?;
        let kept = self.core.keep(&told);
        if kept.is_err() {
            self.is_behind = true;
            self.stopped.store(true, Ordering::Release);
        }
        kept?;
        Ok(told)
    }

    fn answers(&self, items: Vec<Item>, told: &[Told]) -> anyhow::Result<Answers> {
        let mut answers = Answers { is_repeat: !items.is_empty(), ..Answers::default() };
        let first = told.first().map_or(u32::MAX, |told| told.place.0);
        for item in items {
            match item {
                Item::At(place, known) => {
                    answers.is_repeat &= known;
                    answers.known += u64::from(known);
                    self.metrics.repeated.inc_by(u64::from(known));
                    let at = place.0.checked_sub(first).and_then(|at| told.get(at as usize));
                    if let Some(told) = at {
                        let version = self.core.version();
                        reply::verdict(&mut answers.lines, &self.core, (version, told))?;
                    } else {
                        let (version, told) = self.core.told(place)?.context("it was kept")?;
                        reply::verdict(&mut answers.lines, &self.core, (version, &told))?;
                    }
                }
                Item::Withdrawn(original) => {
                    answers.is_repeat = false;
                    let id = self.core.payment(original, |sent| sent.id.to_owned())?;
                    answers.lines.extend_from_slice(b"{\"withdrawn\":");
                    reply::quoted(&mut answers.lines, &id);
                    answers.lines.push(b'}');
                }
                Item::LeftOut(why) => {
                    answers.is_repeat = false;
                    answers.lines.extend_from_slice(b"{\"left_out\":");
                    reply::quoted(&mut answers.lines, why);
                    answers.lines.push(b'}');
                }
                Item::Refused(problem) => {
                    answers.is_repeat = false;
                    self.metrics.refused.inc();
                    if answers.lines.is_empty() && answers.problem.is_none() {
                        answers.problem = Some(problem.clone());
                    }
                    problem.write(&mut answers.lines);
                }
            }
            answers.lines.push(b'\n');
        }
        Ok(answers)
    }
}

fn unknown(index: u64) -> Problem {
    Problem::new(Kind::NotFound, "what comes back or is rejected is no payment in the window")
        .hint(
            "its UETR, or its agent, message and identification, must be those it came with; nothing \
             of this was kept: where it came before its original, send it again after it",
        )
        .at(Some(index))
}

fn conflict(index: u64) -> Problem {
    Problem::new(Kind::Conflict, "a payment with this id and another content was taken")
        .field("id", None)
        .hint("send a payment again as it was, or give another payment another id")
        .at(Some(index))
}

fn cannot(refusal: Refusal, index: u64) -> Problem {
    let problem = match refusal {
        Refusal::TooFine => Problem::new(Kind::BadRecord, "`amount` is finer than is counted in")
            .field("amount", None)
            .hint("the service counts in units of --decimals"),
        Refusal::TooLarge => Problem::new(Kind::BadRecord, "`amount` is too large")
            .field("amount", None)
            .hint("at most 2^90 of the units that the service counts in"),
        Refusal::Full => Problem::new(Kind::Stopped, "2^32 payments were taken")
            .hint("begin a new data directory"),
    };
    problem.at(Some(index))
}
