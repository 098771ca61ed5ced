//! What the service counts, as Prometheus reads it. No payment and no account is in it.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use shroff_engine::Told;
use shroff_store::Disk;
use shroff_store::register::OpenCounts;
use shroff_types::Action;

use super::core::Core;

/// The counters.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) repeated: Counter<u64, AtomicU64>,
    pub(crate) refused: Counter<u64, AtomicU64>,
    pub(crate) failed_batches: Counter<u64, AtomicU64>,
    pub(crate) turned_away: Counter<u64, AtomicU64>,
    payments: Gauge,
    late: Gauge,
    too_late: Gauge,
    hits: Gauge,
    saturated: Gauge,
    held: Gauge,
    alerts: Gauge,
    accounts: Gauge,
    window_bytes: Gauge,
    waiting_alerts: Gauge,
    log_bytes: Gauge,
    batch_payments: Histogram,
    batch_seconds: Histogram,
    snapshot_seconds: Histogram,
    labelled: Labelled,
    pub(crate) webhooks: WebhookMetrics,
    pub(crate) traces: TraceMetrics,
    state: State,
}

/// What is counted of webhooks.
#[derive(Debug)]
pub(crate) struct WebhookMetrics {
    pub(crate) delivered: Counter<u64, AtomicU64>,
    pub(crate) failed: Counter<u64, AtomicU64>,
    pub(crate) dead: Counter<u64, AtomicU64>,
    waiting: Gauge,
}

impl WebhookMetrics {
    fn of(registry: &mut Registry) -> WebhookMetrics {
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::<u64, AtomicU64>::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let delivered = counter("webhook_messages_delivered", "Messages that receivers took");
        let failed = counter("webhook_attempts_failed", "Attempts at messages that were not taken");
        let dead = counter("webhook_dead_letters", "Messages that were given up");
        let waiting = Gauge::default();
        let help = "Messages of webhooks that wait to be sent";
        registry.register("webhook_messages_waiting", help, waiting.clone());
        WebhookMetrics { delivered, failed, dead, waiting }
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self, count: u64) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Counts what is dropped, by whoever drops it.
pub(crate) type DropCount = Counter<u64, AtomicU64>;

/// What is counted of traces.
#[derive(Debug, Clone)]
pub(crate) struct TraceMetrics {
    pub(crate) sent: Counter<u64, AtomicU64>,
    pub(crate) dropped: DropCount,
}

impl TraceMetrics {
    fn of(registry: &mut Registry) -> TraceMetrics {
        let (sent, dropped) = (Counter::default(), DropCount::default());
        registry.register("spans_sent", "Spans that the collector took", sent.clone());
        let help = "Spans that were dropped: the collector is away, or too slow";
        registry.register("spans_dropped", help, dropped.clone());
        TraceMetrics { sent, dropped }
    }
}

type Labels = Vec<(&'static str, String)>;

/// Times and counts with labels.
#[derive(Debug)]
struct Labelled {
    sync_seconds: Histogram,
    answer_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    answers: Family<Labels, Counter<u64, AtomicU64>>,
    suggested: Family<Labels, Counter<u64, AtomicU64>>,
}

impl Labelled {
    fn new(registry: &mut Registry) -> Labelled {
        let sync_seconds = Histogram::new(exponential_buckets(0.000_125, 2.0, 15));
        let help = "How long the disk took to make a batch durable";
        registry.register_with_unit("sync", help, Unit::Seconds, sync_seconds.clone());
        let answer_seconds: Family<Labels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_5, 2.0, 14)));
        let help = "How long an answer took to its first byte, by path";
        registry.register_with_unit("answer", help, Unit::Seconds, answer_seconds.clone());
        let answers = Family::default();
        registry.register("answers", "Answers, by the first digit of the status", answers.clone());
        let suggested = Family::default();
        registry.register("suggested", "Verdicts, by the action they suggest", suggested.clone());
        Labelled { sync_seconds, answer_seconds, answers, suggested }
    }
}

/// What is looked up when somebody asks.
#[derive(Debug)]
struct State {
    waiting_requests: Gauge,
    body_bytes: Gauge,
    ready: Gauge,
    register_behind: Gauge,
    open_alerts: Gauge,
    open_cases: Gauge,
    open_holds: Gauge,
    snapshot_age: Gauge,
    disk_free: Gauge,
    unread_bytes: Gauge,
}

impl State {
    fn new(registry: &mut Registry) -> State {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        State {
            waiting_requests: gauge(
                "waiting_requests",
                "Requests with payments that the engine has not taken up",
            ),
            body_bytes: gauge("body_bytes", "Room that bodies take; beyond 64 MiB there is 429"),
            ready: gauge("ready", "1 where payments can be made durable, else 0"),
            register_behind: gauge(
                "register_behind_payments",
                "Payments of the log that the register does not know yet",
            ),
            open_alerts: gauge("open_alerts", "Alerts that nobody decided"),
            open_cases: gauge("open_cases", "Cases that nobody decided"),
            open_holds: gauge("open_holds", "Payments that are held"),
            snapshot_age: gauge("snapshot_age_seconds", "Since the newest snapshot was written"),
            disk_free: gauge("disk_free_bytes", "Bytes that may be written where the data lies"),
            unread_bytes: gauge(
                "log_unread_bytes",
                "Bytes of the logs that the start passed over and nobody has looked at since",
            ),
        }
    }
}

fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

impl Metrics {
    /// All at nothing.
    pub(crate) fn new() -> Metrics {
        let mut registry = Registry::with_prefix("shroff");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::<u64, AtomicU64>::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let repeated = counter("repeated_payments", "Payments that had been sent before");
        let refused = counter("refused_records", "Records that were no payment");
        let failed_batches = counter("failed_batches", "Batches that were not made durable");
        let turned_away = counter("turned_away_requests", "Requests answered with 429");
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let payments = gauge("payments", "Payments in the log");
        let late =
            gauge("late_payments", "Payments that came late and were taken, since the start");
        let too_late =
            gauge("too_late_payments", "Payments too late for features, since the start");
        let hits = gauge("hits", "Times that a rule fired, since the start");
        let saturated = gauge("saturated_payments", "Payments whose counts are lower bounds");
        let held = gauge("held_payments", "Payments in memory");
        let alerts = gauge("held_alerts", "Alerts in memory");
        let accounts = gauge("accounts", "Accounts that have a name");
        let window_bytes = gauge("window_bytes", "Bytes of the window of the engine, about");
        let waiting_alerts =
            gauge("waiting_alerts", "Alerts that changed and are not in the register yet");
        let log_bytes = gauge("log_bytes", "Bytes of the log on the disk");
        let batch_payments = Histogram::new(exponential_buckets(1.0, 4.0, 8));
        registry.register("batch_payments", "Payments of a batch", batch_payments.clone());
        let batch_seconds = Histogram::new(exponential_buckets(0.000_25, 2.0, 14));
        let help = "From taking up a batch to its being durable and judged";
        registry.register_with_unit("batch", help, Unit::Seconds, batch_seconds.clone());
        let snapshot_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 12));
        let help = "How long the engine stood still for a snapshot";
        registry.register_with_unit("snapshot", help, Unit::Seconds, snapshot_seconds.clone());
        let webhooks = WebhookMetrics::of(&mut registry);
        let traces = TraceMetrics::of(&mut registry);
        let info: Labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        registry.register("build", "The program", Info::new(info));
        let labelled = Labelled::new(&mut registry);
        let state = State::new(&mut registry);
        Metrics {
            registry,
            repeated,
            refused,
            failed_batches,
            turned_away,
            payments,
            late,
            too_late,
            hits,
            saturated,
            held,
            alerts,
            accounts,
            window_bytes,
            waiting_alerts,
            log_bytes,
            batch_payments,
            batch_seconds,
            snapshot_seconds,
            labelled,
            webhooks,
            traces,
            state,
        }
    }

    /// Notes a batch that is durable, and the state after it.
    pub(crate) fn batch<D: Disk>(&self, told: &[Told], time: Duration, core: &Core<D>) {
        #[expect(clippy::cast_precision_loss, reason = "a batch is short")]
        self.batch_payments.observe(told.len() as f64);
        for action in [Action::None, Action::Review, Action::Hold] {
            let count = told.iter().filter(|told| told.action == action).count();
            let labels = vec![("action", action.name().to_owned())];
            self.labelled.suggested.get_or_create(&labels).inc_by(count as u64);
        }
        self.batch_seconds.observe(time.as_secs_f64());
        self.state(core);
    }

    /// Notes a snapshot that was taken.
    pub(crate) fn snapshot(&self, time: Duration) {
        self.snapshot_seconds.observe(time.as_secs_f64());
    }

    /// Notes the state.
    pub(crate) fn state<D: Disk>(&self, core: &Core<D>) {
        let live = &core.live;
        let (counts, late) = (live.counts(), live.late());
        set(&self.payments, u64::from(live.next().0));
        set(&self.late, late.taken);
        set(&self.too_late, counts.too_late);
        set(&self.hits, counts.hits);
        set(&self.saturated, counts.saturated);
        set(&self.held, live.held_count() as u64);
        set(&self.alerts, live.alert_count() as u64);
        set(&self.accounts, live.account_count() as u64);
        set(&self.log_bytes, core.log_bytes());
    }

    /// How much of the logs was not looked at since the start.
    pub(crate) fn unread_bytes(&self, bytes: u64) {
        set(&self.state.unread_bytes, bytes);
    }

    /// What costs a walk over the state, for whoever asks.
    pub(crate) fn window_bytes(&self, bytes: usize) {
        self.window_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// How many alerts the register is behind.
    pub(crate) fn waiting_alerts(&self, count: usize) {
        self.waiting_alerts.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Notes how long a sync took.
    pub(crate) fn synced(&self, time: Duration) {
        self.labelled.sync_seconds.observe(time.as_secs_f64());
    }

    /// Notes an answer on a path, as it is described.
    pub(crate) fn answered(&self, path: &str, status: u16, time: Duration) {
        let labels = vec![("path", path.to_owned())];
        self.labelled.answer_seconds.get_or_create(&labels).observe(time.as_secs_f64());
        let labels = vec![("status", format!("{}xx", status / 100))];
        self.labelled.answers.get_or_create(&labels).inc();
    }

    /// How many requests wait for the engine.
    pub(crate) fn waiting_requests(&self, count: usize) {
        set(&self.state.waiting_requests, count as u64);
    }

    /// How much room bodies take.
    pub(crate) fn body_bytes(&self, bytes: usize) {
        set(&self.state.body_bytes, bytes as u64);
    }

    /// Whether payments can be made durable.
    pub(crate) fn ready(&self, is_ready: bool) {
        set(&self.state.ready, u64::from(is_ready));
    }

    /// How many payments the register is behind.
    pub(crate) fn register_behind(&self, payments: u64) {
        set(&self.state.register_behind, payments);
    }

    /// How much people have to do.
    pub(crate) fn open(&self, open: OpenCounts) {
        set(&self.state.open_alerts, open.alerts);
        set(&self.state.open_cases, open.cases);
        set(&self.state.open_holds, open.holds);
    }

    /// How old the newest snapshot is.
    pub(crate) fn snapshot_age(&self, age: Duration) {
        set(&self.state.snapshot_age, age.as_secs());
    }

    /// How much room the disk has.
    pub(crate) fn disk_free(&self, bytes: u64) {
        set(&self.state.disk_free, bytes);
    }

    /// All of them as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}
