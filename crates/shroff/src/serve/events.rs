//! What changes, for whoever listens: a row of events with numbers, the last thousand kept for those
//! who were away for a moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde::Serialize;
use shroff_store::register::{AlertRow, CaseRow, HoldRow};
use tokio::sync::{Notify, broadcast};

use super::routes::bodies::{AlertHead, CaseHead, Hold};

/// Events that are kept, and that a listener may be behind.
const KEPT: usize = 1_000;

/// What says that something was missed.
const RESTART: Bytes = Bytes::from_static(b"event: restart\ndata: {}\n\n");

#[derive(Debug, Default)]
struct Past {
    next: u64,
    events: VecDeque<(u64, Bytes)>,
}

/// The events of a run of the service.
#[derive(Debug)]
pub(crate) struct Events {
    /// Tells this run's numbers from those of the run before.
    run: u64,
    past: Mutex<Past>,
    live: broadcast::Sender<Bytes>,
    /// For whoever does what time does: ends holds, goes on with cases.
    pub(crate) timers: Notify,
    /// For whoever tells others of what the register knows.
    pub(crate) outbox: Notify,
    closing: tokio::sync::watch::Sender<bool>,
}

/// What a listener gets first, and what it then listens to.
pub(crate) type Heard = (Vec<Bytes>, broadcast::Receiver<Bytes>);

impl Events {
    pub(crate) fn new(run: u64) -> Arc<Events> {
        let (live, _) = broadcast::channel(KEPT);
        let (closing, _) = tokio::sync::watch::channel(false);
        let (timers, outbox) = (Notify::new(), Notify::new());
        Arc::new(Events { run, past: Mutex::default(), live, timers, outbox, closing })
    }

    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody listens, or has and may come back.
    pub(crate) fn is_heard(&self) -> bool {
        self.live.receiver_count() > 0 || self.lock().next > 0
    }

    pub(crate) fn alert(&self, row: &AlertRow) {
        self.tell("alert", &AlertHead::of(row));
    }

    pub(crate) fn case(&self, case: &CaseRow) {
        self.outbox.notify_one();
        self.timers.notify_one();
        self.tell("case", &CaseHead::of(case));
    }

    pub(crate) fn hold(&self, hold: &HoldRow) {
        self.outbox.notify_one();
        self.tell("hold", &Hold::of(hold));
    }

    pub(crate) fn holds_opened(&self) {
        self.timers.notify_one();
    }

    fn tell(&self, kind: &str, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_default();
        let mut past = self.lock();
        let number = past.next;
        past.next += 1;
        let run = self.run;
        let bytes = Bytes::from(format!("id: {run:x}-{number}\nevent: {kind}\ndata: {data}\n\n"));
        if past.events.len() == KEPT {
            past.events.pop_front();
        }
        past.events.push_back((number, bytes.clone()));
        // Where nobody listens, nobody hears it.
        drop(self.live.send(bytes));
    }

    /// Listens: what came after the event of this id, if it is known, and what comes from now on.
    pub(crate) fn listen(&self, last: Option<&str>) -> Heard {
        let past = self.lock();
        let receiver = self.live.subscribe();
        let oldest = past.events.front().map_or(past.next, |(number, _)| *number);
        let after = last.map(|last| {
            let (run, number) = last.split_once('-')?;
            let is_ours = u64::from_str_radix(run, 16).ok()? == self.run;
            let next = number.parse::<u64>().ok()?.checked_add(1)?;
            (is_ours && next >= oldest && next <= past.next).then_some(next)
        });
        let missed = match after {
            None => Vec::new(),
            // What came in between is not known any more: all that is on the screen is to be read
            // anew.
            Some(None) => vec![RESTART],
            Some(Some(next)) => {
                let later = past.events.iter().filter(|(number, _)| *number >= next);
                later.map(|(_, bytes)| bytes.clone()).collect()
            }
        };
        (missed, receiver)
    }

    /// Listens anew: what says so, and what comes from now on.
    pub(crate) fn listen_anew(&self) -> (Bytes, broadcast::Receiver<Bytes>) {
        (RESTART, self.live.subscribe())
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until all streams are to end.
    pub(crate) async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives as long as this does.
        drop(closing.wait_for(|closed| *closed).await);
    }
}
