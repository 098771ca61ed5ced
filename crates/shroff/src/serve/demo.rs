//! A made-up world that an administrator loads into a service that has no payment yet.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shroff_types::Timestamp;

use super::http::{self, Shared};
use super::trial::Phase;
use crate::demo;

/// Payments that are taken together: between two of these it can be cancelled.
const TOGETHER: usize = 500;

/// The world that was loaded last.
#[derive(Debug, Default)]
pub(crate) struct Demo(Mutex<Option<Arc<Loading>>>);

/// A world that is being loaded, or was.
#[derive(Debug)]
pub(crate) struct Loading {
    /// When it was begun: its payments end there.
    begun: Timestamp,
    phase: Mutex<Phase>,
    taken: AtomicU64,
    /// None before the world is made.
    of: AtomicU64,
    is_stopped: AtomicBool,
}

/// Why none is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// One is.
    Running,
    /// There are other payments.
    NotEmpty,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// None where none was asked for.
    pub(crate) phase: Option<Phase>,
    pub(crate) taken: u64,
    pub(crate) of: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Demo {
    /// How far it is.
    pub(crate) fn seen(&self) -> Seen {
        let last = lock(&self.0);
        let Some(last) = &*last else { return Seen { phase: None, taken: 0, of: 0 } };
        let count = |of: &AtomicU64| of.load(Ordering::Acquire);
        Seen { phase: Some(last.phase()), taken: count(&last.taken), of: count(&last.of) }
    }

    /// Whether one may be begun, where the log has so many payments: none, or only those of a world
    /// that was cancelled.
    pub(crate) fn may_begin(&self, payments: u64) -> Result<(), Refused> {
        match self.seen() {
            Seen { phase: Some(Phase::Running), .. } => Err(Refused::Running),
            Seen { phase: Some(Phase::Cancelled), taken, .. } if taken == payments => Ok(()),
            _ if payments == 0 => Ok(()),
            _ => Err(Refused::NotEmpty),
        }
    }

    /// Takes the turn of loading one: from the beginning, or where it was cancelled.
    pub(crate) fn begin(&self, payments: u64, now: Timestamp) -> Result<Arc<Loading>, Refused> {
        self.may_begin(payments)?;
        let mut last = lock(&self.0);
        let begun = last.as_ref().filter(|_| payments > 0).map_or(now, |last| last.begun);
        if last.as_ref().is_some_and(|last| last.phase() == Phase::Running) {
            return Err(Refused::Running);
        }
        let next = Arc::new(Loading {
            begun,
            phase: Mutex::new(Phase::Running),
            taken: AtomicU64::new(payments),
            of: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        });
        *last = Some(Arc::clone(&next));
        Ok(next)
    }

    /// Ends the one that is under way, where one is: what is loaded stays.
    pub(crate) fn cancel(&self) {
        if let Some(last) = &*lock(&self.0) {
            last.is_stopped.store(true, Ordering::Release);
        }
    }
}

impl Loading {
    fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    /// Says that it could not be loaded.
    pub(crate) fn fail(&self) {
        *lock(&self.phase) = Phase::Failed;
    }

    /// Loads it, until it is done, cancelled, or nothing is taken any more.
    pub(crate) async fn load(self: Arc<Loading>, shared: Arc<Shared>) {
        let ended = self.take_all(&shared).await;
        match ended {
            Some(phase) => *lock(&self.phase) = phase,
            None => self.fail(),
        }
    }

    /// How it ended; none where it failed, which the log of the program says.
    async fn take_all(&self, shared: &Shared) -> Option<Phase> {
        let begun = self.begun;
        let made = tokio::task::spawn_blocking(move || demo::payments_until(begun)).await;
        let payments = made
            .map_err(anyhow::Error::from)
            .and_then(|payments| payments)
            .inspect_err(|error| tracing::error!(%error, "a made-up world was not made"))
            .ok()?;
        self.of.store(payments.len() as u64, Ordering::Release);
        let taken = usize::try_from(self.taken.load(Ordering::Acquire)).unwrap_or(usize::MAX);
        for some in payments.get(taken..).unwrap_or_default().chunks(TOGETHER) {
            if self.is_stopped.load(Ordering::Acquire) {
                return Some(Phase::Cancelled);
            }
            if http::take(shared, some).await.is_err() {
                tracing::error!("a made-up world was not taken as a whole");
                return None;
            }
            self.taken.fetch_add(some.len() as u64, Ordering::AcqRel);
        }
        Some(Phase::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(7);

    fn ended(demo: &Demo, phase: Phase, taken: u64) {
        let last = lock(&demo.0).clone().expect("one was begun");
        last.taken.store(taken, Ordering::Release);
        *lock(&last.phase) = phase;
    }

    #[test]
    fn a_world_is_loaded_into_an_empty_log_alone_and_goes_on_where_it_was_cancelled() {
        let demo = Demo::default();
        assert_eq!(demo.may_begin(1), Err(Refused::NotEmpty));
        assert!(demo.begin(0, NOW).is_ok());
        assert_eq!(demo.may_begin(0), Err(Refused::Running));
        assert_eq!(demo.begin(0, NOW).err(), Some(Refused::Running));
        ended(&demo, Phase::Cancelled, 500);
        // A payment came that is none of it.
        assert_eq!(demo.may_begin(501), Err(Refused::NotEmpty));
        let next = demo.begin(500, Timestamp(9)).expect("it goes on");
        assert_eq!((next.begun, next.taken.load(Ordering::Acquire)), (NOW, 500), "the same world");
        ended(&demo, Phase::Done, 1_000);
        assert_eq!(demo.may_begin(1_000), Err(Refused::NotEmpty));
    }
}
