//! A backtest within the service: the log run once more under rules that are looked at and under the
//! active ones, on a thread of its own, and what both say of its newest days.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use shroff_detect::Alone;
use shroff_engine::{AlertId, Live, Told};
use shroff_store::read_payment;
use shroff_types::{Place, Span, Timestamp};

use super::beginning;
use super::changes::Rules;
use super::compare::Comparison;
use super::core::{Intake, begin_in};
use super::setup::Rulebook;
use super::shadow::each_frame;

/// Alerts of one side whose decisions are looked up: the newest.
const MOST_ALERTS: usize = 5_000;

/// How it ended, or that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    Done,
    Cancelled,
    Failed,
}

impl Phase {
    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Done => "done",
            Phase::Cancelled => "cancelled",
            Phase::Failed => "failed",
        }
    }
}

/// What is seen of it from outside.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    /// The next payment that it will see.
    pub(crate) next: u32,
    pub(crate) comparison: Comparison,
    /// Alerts by day since 1970 and by typology: of the active rules, and of the others.
    pub(crate) days: BTreeMap<(i64, String), [u64; 2]>,
    /// The newest alerts of both: id and typology.
    pub(crate) alerts: [VecDeque<(String, String)>; 2],
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// What is earlier is run, and not counted.
    pub(crate) since: Timestamp,
    pub(crate) days: u32,
    /// Where the log ends, between two batches.
    pub(crate) to: Place,
}

/// A backtest that runs, or has ended.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) asked: Asked,
    seen: Mutex<Seen>,
    is_stopped: AtomicBool,
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Trial {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is seen of it.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Whether it goes on.
    pub(crate) fn is_running(&self) -> bool {
        self.lock().phase == Phase::Running
    }

    /// Ends it.
    pub(crate) fn cancel(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Starts one over two sets of rules: the active one, and another.
    pub(crate) fn start(
        rules: Arc<Rules>,
        both: [Rulebook; 2],
        asked: Asked,
    ) -> anyhow::Result<Arc<Trial>> {
        let seen = Seen {
            phase: Phase::Running,
            next: 0,
            comparison: Comparison::default(),
            days: BTreeMap::new(),
            alerts: [VecDeque::new(), VecDeque::new()],
        };
        let is_stopped = AtomicBool::new(false);
        let trial = Arc::new(Trial { asked, seen: Mutex::new(seen), is_stopped });
        let own = Arc::clone(&trial);
        let work = move || {
            let ended = own.work(&rules, &both);
            let is_cancelled = own.is_stopped.load(Ordering::Acquire);
            own.lock().phase = match ended {
                _ if is_cancelled => Phase::Cancelled,
                Ok(()) => Phase::Done,
                Err(error) => {
                    tracing::error!(error = format_args!("{error:#}"), "a backtest failed");
                    Phase::Failed
                }
            };
        };
        std::thread::Builder::new()
            .name("shroff-backtest".to_owned())
            .spawn(work)
            .context("cannot start a thread")?;
        Ok(trial)
    }

    fn work(&self, rules: &Rules, both: &[Rulebook; 2]) -> anyhow::Result<()> {
        let [mut active, mut other] = [both[0].live()?, both[1].live()?];
        let sight = active.sight().max(other.sight());
        let goes_on = || !self.is_stopped.load(Ordering::Acquire);
        let middle = beginning::of_time(rules.data(), sight, self.asked.since, &goes_on)?;
        let [mut taking, mut taking_other] = [&mut active, &mut other]
            .map(|live| Intake::showing(middle.map_or(0..0, |middle| begin_in(live, middle))));
        let from = taking.wants(&active);
        each_frame((&rules.data().join("payments"), from), &mut |frame| {
            if !goes_on() {
                return Err("it was cancelled");
            }
            if frame.first >= u64::from(self.asked.to.0) {
                return Ok(());
            }
            let told = [
                taking.take(&mut active, &Alone, frame)?,
                taking_other.take(&mut other, &Alone, frame)?,
            ];
            let mut seen = self.lock();
            seen.next = active.next().0;
            let sides = [&active, &other];
            for ((record, one), two) in frame.records().zip(&told[0]).zip(&told[1]) {
                let sent = read_payment(record).ok_or("one of its records is no payment")?;
                if sent.time >= self.asked.since {
                    seen.take((sent.id, sent.time), sides, [one, two]);
                }
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Seen {
    fn take(&mut self, (id, time): (&str, Timestamp), sides: [&Live; 2], told: [&Told; 2]) {
        let day = time.0.div_euclid(Span::DAY.micros());
        for (side, (live, told)) in sides.into_iter().zip(told).enumerate() {
            let names = live.typologies();
            for touched in told.touched.iter().filter(|it| it.opened.1 == told.place) {
                let name = &names[touched.opened.0];
                self.days.entry((day, name.clone())).or_default()[side] += 1;
                if self.alerts[side].len() == MOST_ALERTS {
                    self.alerts[side].pop_front();
                }
                let id = AlertId(name, touched.opened).to_string();
                self.alerts[side].push_back((id, name.clone()));
            }
        }
        let [active, other] = [0, 1].map(|side| (sides[side].typologies(), told[side]));
        self.comparison.take(active, other, || id.to_owned());
    }
}
