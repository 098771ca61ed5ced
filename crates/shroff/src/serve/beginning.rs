//! Where rules that have judged nothing yet begin in a long log.
//!
//! Rules that are new to a log say nothing of the payments in it; but what they say of the next one rests on
//! those in sight of it, and on the alerts that these raised. So they begin at a place of which
//! nothing before is in sight of the next payment, with what is in sight of that place. It is kept beside the
//! rules: whatever is computed anew under them later begins there as well.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shroff_engine::Middle;
use shroff_store::{Frame, read_time};
use shroff_types::{Place, Span, Timestamp};

use super::disk::{Folder, sync_folder};
use super::setup::{self, Rulebook};
use super::shadow::each_frame;
use crate::progress::Bar;
use crate::{inputs, outputs};

/// Payments from one place where rules may begin to the next, at least.
const APART: u64 = if cfg!(debug_assertions) { 50 } else { 10_000 };

/// As it is written. Times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    shown_from_place: u32,
    from_place: u32,
    newest_before_shown: i64,
    newest_before: i64,
    log_begins: i64,
}

fn path_of(data: &Path, version: u64) -> PathBuf {
    setup::folder_of(data, version).join("begins.json")
}

/// Where the rules of a version begin; none where that is the first payment of all.
pub(crate) fn kept(data: &Path, version: u64) -> anyhow::Result<Option<Middle>> {
    let path = path_of(data, version);
    if !path.exists() {
        return Ok(None);
    }
    let text = inputs::text(&path)?;
    let written: Written = serde_json::from_str(&text)
        .with_context(|| format!("`{}` says nowhere where to begin", path.display()))?;
    Ok(Some(Middle {
        first: Place(written.shown_from_place),
        next: Place(written.from_place),
        before: Timestamp(written.newest_before_shown),
        newest: Timestamp(written.newest_before),
        begins: Timestamp(written.log_begins),
    }))
}

/// They begin at the first payment of all.
pub(crate) fn forget(data: &Path, version: u64) -> anyhow::Result<()> {
    let path = path_of(data, version);
    if path.exists() {
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove `{}`", path.display()))?;
        sync_folder(&setup::folder_of(data, version))?;
    }
    Ok(())
}

/// Decides where rules begin that have judged nothing yet, and keeps it. What does not go on is
/// asked now and then whether it is to end.
pub(crate) fn settle(
    data: &Path,
    rulebook: &Rulebook,
    goes_on: &dyn Fn() -> bool,
) -> anyhow::Result<Option<Middle>> {
    let sight = rulebook.live()?.sight();
    let times = Times::read(data, u64::MAX, goes_on)?;
    let Some(middle) = times.and_then(|times| times.middle(sight)) else {
        forget(data, rulebook.version())?;
        return Ok(None);
    };
    let written = Written {
        shown_from_place: middle.first.0,
        from_place: middle.next.0,
        newest_before_shown: middle.before.0,
        newest_before: middle.newest.0,
        log_begins: middle.begins.0,
    };
    let text = serde_json::to_string_pretty(&written)?;
    let path = path_of(data, rulebook.version());
    outputs::write_private(&path, |file| Ok(writeln!(file, "{text}")?))?;
    sync_folder(&setup::folder_of(data, rulebook.version()))?;
    tracing::info!(
        version = format_args!("{:016x}", rulebook.version()),
        from_place = middle.next.0,
        "new rules begin in the middle of the log: nothing before is in sight"
    );
    Ok(Some(middle))
}

/// A place where rules may begin, and the latest time of the payments before it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: u64,
    newest: Timestamp,
}

/// The times of a log up to some payment, as far as they matter.
#[derive(Debug)]
struct Times {
    candidates: Vec<Candidate>,
    /// The latest of all.
    newest: Timestamp,
    /// The frame that the payment is in.
    last: Candidate,
    begins: Option<Timestamp>,
}

/// Where a core may begin that says of a payment what one says that saw all: the latest place first, from which
/// it finds alerts of before the least often.
pub(crate) fn before(data: &Path, sight: Span, place: Place) -> anyhow::Result<Vec<Middle>> {
    let Some(times) = Times::read(data, place.0.into(), &|| true)? else { return Ok(Vec::new()) };
    let last = times.last;
    let places = [Some(last), times.out_of_sight(last.newest, sight)];
    Ok(places.into_iter().flatten().filter_map(|place| times.middle_at(place, sight)).collect())
}

/// Where a core may begin that says of payments of a time and later what one says that saw all.
pub(crate) fn of_time(
    data: &Path,
    sight: Span,
    time: Timestamp,
    goes_on: &dyn Fn() -> bool,
) -> anyhow::Result<Option<Middle>> {
    let Some(times) = Times::read(data, u64::MAX, goes_on)? else { return Ok(None) };
    let next = times.out_of_sight(time, sight);
    Ok(next.and_then(|next| times.middle_at(next, sight)))
}

const STOPPED: &str = "it was told to stop";

impl Times {
    /// Of the payments before one; none where there is no log. Times are not in its order, so no part of it
    /// says what another has: all of it is read.
    fn read(data: &Path, until: u64, goes_on: &dyn Fn() -> bool) -> anyhow::Result<Option<Times>> {
        let payments = data.join("payments");
        if !payments.exists() {
            return Ok(None);
        }
        let Some(log) = shroff_store::reach(&Folder::there(&payments))? else { return Ok(None) };
        let mut bar = Bar::of_payments("reading the log", log.next.min(until));
        let nothing = Candidate { place: 0, newest: Timestamp(i64::MIN) };
        let mut times =
            Times { candidates: Vec::new(), newest: nothing.newest, last: nothing, begins: None };
        let mut is_there = false;
        let read = each_frame((&payments, 0), &mut |frame| {
            is_there = frame.first > until;
            if is_there || !goes_on() {
                return Err(STOPPED);
            }
            times.take(frame)?;
            bar.at(frame.first);
            Ok(())
        });
        bar.done();
        if !is_there {
            read.with_context(|| format!("in `{}`", payments.display()))?;
        }
        Ok(Some(times))
    }

    fn take(&mut self, frame: Frame<'_>) -> Result<(), &'static str> {
        self.last = Candidate { place: frame.first, newest: self.newest };
        let before = self.candidates.last().map_or(0, |last| last.place);
        if frame.first - before >= APART {
            self.candidates.push(self.last);
        }
        for record in frame.records() {
            let time = read_time(record).ok_or("one of its records is no payment")?;
            self.newest = self.newest.max(time);
            self.begins.get_or_insert(time);
        }
        Ok(())
    }

    /// The last place of which nothing before is in sight of the next payment.
    fn middle(&self, sight: Span) -> Option<Middle> {
        self.middle_at(self.out_of_sight(self.newest, sight)?, sight)
    }

    /// A place, and the last of which nothing before is in sight of that.
    fn middle_at(&self, next: Candidate, sight: Span) -> Option<Middle> {
        let first = self.out_of_sight(next.newest, sight);
        let first = first.unwrap_or(Candidate { place: 0, newest: Timestamp(i64::MIN) });
        Some(Middle {
            first: Place(u32::try_from(first.place).ok()?),
            next: Place(u32::try_from(next.place).ok()?),
            before: first.newest,
            newest: next.newest,
            begins: self.begins?,
        })
    }

    fn out_of_sight(&self, newest: Timestamp, sight: Span) -> Option<Candidate> {
        let floor = newest.before(sight);
        let after = self.candidates.partition_point(|candidate| candidate.newest < floor);
        after.checked_sub(1).map(|at| self.candidates[at])
    }
}

#[cfg(test)]
mod tests {
    use shroff_store::sim::Dice;

    use super::*;

    #[test]
    fn nothing_before_is_in_sight_and_no_later_place_is_as_good() {
        let mut found = 0;
        for seed in 0..2_000 {
            let mut dice = Dice::new(seed);
            let mut time = |at: usize| {
                let late = if dice.once_in(5) { dice.below(40) } else { 0 };
                Timestamp(i64::try_from(100 + 3 * at - late).expect("small"))
            };
            let times: Vec<Timestamp> = (0..60).map(&mut time).collect();
            let newest = |end: usize| times[..end].iter().copied().max();
            let candidates: Vec<Candidate> = (10..60)
                .step_by(10)
                .map(|place| Candidate {
                    place: place as u64,
                    newest: newest(place).expect("some"),
                })
                .collect();
            let sight = Span::from_micros(i64::try_from(dice.below(120)).expect("small"));
            let sight = sight.expect("not negative");
            let of = Times {
                candidates,
                newest: newest(60).expect("some"),
                last: Candidate { place: 0, newest: Timestamp(i64::MIN) },
                begins: times.first().copied(),
            };
            let is_out = |place: usize, of: usize| {
                let floor = newest(of).expect("some").before(sight);
                times[..place].iter().all(|&time| time < floor)
            };
            let last_out = |of: usize| (10..60).step_by(10).rev().find(|&place| is_out(place, of));
            let middle = of.middle(sight);
            assert_eq!(middle.map(|middle| middle.next.0 as usize), last_out(60), "seed {seed}");
            let Some(middle) = middle else { continue };
            found += 1;
            let (first, next) = (middle.first.0 as usize, middle.next.0 as usize);
            assert_eq!(first, last_out(next).unwrap_or(0), "seed {seed}");
            assert_eq!((Some(middle.newest), middle.begins), (newest(next), times[0]));
            assert_eq!(middle.before, newest(first).unwrap_or(Timestamp(i64::MIN)));
        }
        assert!(found > 1_000, "{found}");
    }
}
