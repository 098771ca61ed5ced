//! What was said, computed anew from the log alone: of one payment, of an alert, or of all.
//!
//! It reads, and changes nothing: it may run beside the service.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use shroff_engine::{AlertId, Middle, Told};
use shroff_store::{Access, Frame, Log, Options, Records, read_payment};
use shroff_types::Place;

use super::beginning;
use super::core::{Core, Intake, begin_in, parse_told, read_told};
use super::disk::Folder;
use super::setup::{self, Rulebook};
use super::{SEGMENT_BYTES, alerts, reply};
use crate::Ending;
use crate::cli::{Explain, Verify};
use crate::progress::Bar;
use crate::threads::Threads;

/// Reads a log without changing it, about from a record on.
fn reader(
    (path, from): (&Path, u64),
    each: &mut dyn FnMut(Frame<'_>) -> Result<(), &'static str>,
) -> anyhow::Result<Log<Folder>> {
    let options = Options { access: Access::Reader, segment_bytes: SEGMENT_BYTES, salt: 0, from };
    let log = Log::open(Folder::there(path), options, each);
    log.with_context(|| format!("in `{}`", path.display()))
}

/// What was said, to be looked up: a segment is read once something of it is wanted.
fn said(data: &Path) -> anyhow::Result<Log<Folder>> {
    reader((&data.join("verdicts"), u64::MAX), &mut |_| Ok(()))
}

/// Computes what was said of a payment or an alert anew, and compares.
pub(crate) fn explain(arguments: &Explain) -> anyhow::Result<Ending> {
    let Explain { subject, data, .. } = arguments;
    if let Some(place) = place_of(data, subject)? {
        return explain_payment(data, place);
    }
    if let Some(ending) = explain_alert(arguments)? {
        return Ok(ending);
    }
    bail!(
        "there is no payment and no alert `{subject}` in the log\nhint: an id is written as it was \
         sent, that of an alert as it was told, such as cycle-812"
    )
}

/// Where a payment is. Long after, an id may come again: the first is meant.
fn place_of(data: &Path, id: &str) -> anyhow::Result<Option<Place>> {
    let mut place = None;
    reader((&data.join("payments"), 0), &mut |frame| {
        if place.is_none() {
            let at = frame
                .records()
                .position(|record| read_payment(record).is_some_and(|sent| sent.id == id));
            place = at.and_then(|at| u32::try_from(frame.first + at as u64).ok()).map(Place);
        }
        Ok(())
    })?;
    Ok(place)
}

fn explain_payment(data: &Path, place: Place) -> anyhow::Result<Ending> {
    let verdicts = said(data)?;
    let (version, said) = read_told(&verdicts, place)?
        .context("the service has not said anything of it yet\nhint: start it once")?;
    let rulebook = Rulebook::kept(data, version)?;
    let opened = said.touched.iter().map(|touched| touched.opened.1).min().unwrap_or(place);
    let middles = beginning::before(data, rulebook.live()?.sight(), opened)?;
    let wanted = std::slice::from_ref(&said);
    let is_it = |told: &Told| told.place == place;
    let (core, now) = again(data, &rulebook, (middles, wanted), &is_it)?;
    let [now] = now.as_slice() else { bail!("payment {} is not in the log", place.0) };
    let mut text = Vec::new();
    reply::verdict(&mut text, &core, (version, now))?;
    show(&text)?;
    if is_same(std::slice::from_ref(now), wanted) {
        crate::terminal::note(format_args!("this is what was said, to the bit"));
        return Ok(Ending::Well);
    }
    crate::terminal::warn(format_args!(
        "this is not what was said\nhint: the verdict said then had the score {} and {} reasons",
        said.score_permille,
        said.fired.len()
    ));
    Ok(Ending::TooManyBad)
}

/// A verdict with the alerts that it touched numbered by themselves: their numbers are those of a run.
fn numbered(told: &Told) -> Told {
    let mut told = told.clone();
    let drafts: Vec<u32> = told.touched.iter().map(|touched| touched.draft).collect();
    let number = |draft: u32| {
        drafts.iter().position(|&it| it == draft).and_then(|at| u32::try_from(at).ok())
    };
    for fired in &mut told.fired {
        fired.draft = number(fired.draft).unwrap_or(u32::MAX);
    }
    for touched in &mut told.touched {
        touched.draft = number(touched.draft).unwrap_or(u32::MAX);
    }
    told
}

fn is_same(now: &[Told], said: &[Told]) -> bool {
    now.iter().map(numbered).eq(said.iter().map(numbered))
}

/// Computes some verdicts anew: from the first of some places in the middle of the log from which what was
/// said is said, and else from where the rules begin. The core after the last of them, and what it said of
/// those that are asked for.
fn again(
    data: &Path,
    rulebook: &Rulebook,
    (middles, said): (Vec<Middle>, &[Told]),
    is_asked: &dyn Fn(&Told) -> bool,
) -> anyhow::Result<(Core<Folder>, Vec<Told>)> {
    let [first, end] = [said.first(), said.last()].map(|it| it.map_or(0, |told| told.place.0));
    let begins = beginning::kept(data, rulebook.version())?;
    let run = |middle: Option<Middle>| -> anyhow::Result<_> {
        let mut now = Vec::new();
        let core = replay(data, rulebook, (middle, end + 1), &mut |told| {
            // Before the rules were these, other ones spoke of the same payments.
            if told.place.0 >= first && is_asked(&told) {
                now.push(told);
            }
        })?;
        Ok((core, now))
    };
    let is_later = |middle: &Middle| begins.is_none_or(|begins| begins.next < middle.next);
    for middle in middles.into_iter().filter(is_later) {
        let (core, now) = run(Some(middle))?;
        if is_same(&now, said) {
            return Ok((core, now));
        }
    }
    run(begins)
}

/// What was said of an alert: the payments that changed it, and what they left of it.
#[derive(Debug, Default)]
struct Grown {
    /// The verdicts that told of it, all under one version.
    said: Vec<Told>,
}

/// Explains an alert as the last rules that told of it saw it; none where nothing told of it.
fn explain_alert(arguments: &Explain) -> anyhow::Result<Option<Ending>> {
    let Explain { subject, data, .. } = arguments;
    let mut names: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut grown: BTreeMap<u64, Grown> = BTreeMap::new();
    let mut last = None;
    each_told(data, &mut |version, told| {
        if told.touched.is_empty() {
            return Ok(());
        }
        let typologies = match names.entry(version) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(Rulebook::kept(data, version)?.live()?.typologies().to_vec())
            }
        };
        if opening(&told, typologies, subject).is_some() {
            grown.entry(version).or_default().said.push(told);
            last = Some(version);
        }
        Ok(())
    })?;
    let Some(version) = last else { return Ok(None) };
    let Grown { said } = grown.remove(&version).unwrap_or_default();
    let typologies = &names[&version];
    let rulebook = Rulebook::kept(data, version)?;
    let opened = said.iter().find_map(|told| opening(told, typologies, subject));
    let opened = opened.context("a verdict told of it")?.opened.1;
    let middles = beginning::before(data, rulebook.live()?.sight(), opened)?;
    let is_of_it = |told: &Told| opening(told, typologies, subject).is_some();
    let (core, now) = again(data, &rulebook, (middles, &said), &is_of_it)?;
    let number = core.live.alert_number(subject).context("a verdict told of it")?;
    let key = setup::token_key_that_is_there(&arguments.token_key_file())?;
    let mut text = Vec::new();
    alerts::whole(&mut text, &core, (number, &key))?;
    show(&text)?;
    if is_same(&now, &said) {
        let changed = match said.len() {
            1 => "one payment".to_owned(),
            count => format!("{count} payments"),
        };
        crate::terminal::note(format_args!(
            "this is what was said, to the bit: {changed} changed it"
        ));
        return Ok(Some(Ending::Well));
    }
    crate::terminal::warn(format_args!(
        "this is not what was said\nhint: `shroff verify` names each payment"
    ));
    Ok(Some(Ending::TooManyBad))
}

/// What a verdict told of the alert with an id.
fn opening<'t>(
    told: &'t Told,
    typologies: &[String],
    id: &str,
) -> Option<&'t shroff_engine::Touched> {
    told.touched.iter().find(|touched| {
        let name = typologies.get(touched.opened.0);
        name.is_some_and(|name| AlertId(name, touched.opened).to_string() == id)
    })
}

fn show(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    writeln!(out)?;
    Ok(())
}

/// Hands out all that was said, in order, with its version.
fn each_told(
    data: &Path,
    each: &mut dyn FnMut(u64, Told) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut failed = None;
    let log = reader((&data.join("verdicts"), 0), &mut |frame| {
        if failed.is_some() {
            return Ok(());
        }
        for (record, number) in Records::of(frame.bytes).zip(frame.first..) {
            let place = u32::try_from(number).map_err(|_| "its numbers are too large")?;
            let (version, told) =
                parse_told(Place(place), record).ok_or("one of its records is no verdict")?;
            if let Err(error) = each(version, told) {
                failed = Some(error);
                return Ok(());
            }
        }
        Ok(())
    })?;
    failed.map_or(Ok(log.next()), Err)
}

/// Runs the payments before `end` through a new engine, from the first or from some place in the middle, and
/// hands out what it says of each.
fn replay(
    data: &Path,
    rulebook: &Rulebook,
    (middle, end): (Option<Middle>, u32),
    each: &mut dyn FnMut(Told),
) -> anyhow::Result<Core<Folder>> {
    let mut live = rulebook.live()?;
    let workers = Threads::new(0)?;
    let held = middle.map_or(0..0, |middle| begin_in(&mut live, middle));
    let mut intake = Intake::showing(held).until(u64::from(end));
    let from = intake.wants(&live);
    let mut bar = Bar::of_payments("computing", u64::from(end).saturating_sub(from));
    let log = reader((&data.join("payments"), from), &mut |frame| {
        intake.take(&mut live, &workers, frame)?.into_iter().for_each(&mut *each);
        bar.at(frame.first.saturating_sub(from));
        Ok(())
    })?;
    bar.done();
    if live.next().0 < end {
        bail!(
            "there are verdicts of {end} payments, and the log has {}\nhint: a part of the log is \
             gone; put it back from a copy",
            live.next().0
        );
    }
    Ok(Core::at_rest((live, Threads::alone()), log, said(data)?, rulebook.version()))
}

/// Computes all that was said anew, under every version that it was said under, and names what is
/// not the same.
pub(crate) fn verify(arguments: &Verify) -> anyhow::Result<Ending> {
    let data = arguments.data.as_path();
    let mut versions: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
    let all = each_told(data, &mut |version, told| {
        let (count, end) = versions.entry(version).or_default();
        (*count, *end) = (*count + 1, told.place.0 + 1);
        Ok(())
    })?;
    let mut different = 0_u64;
    for (&version, &(count, end)) in &versions {
        let rulebook = Rulebook::kept(data, version)?;
        let mut said = Said { verdicts: said(data)?, first: 0, records: Vec::new() };
        let mut failed = None;
        let mut here = 0_u64;
        let begins = beginning::kept(data, version)?;
        replay(data, &rulebook, (begins, end), &mut |told| match said.is_said(version, &told) {
            Ok(true) => {}
            Ok(false) => {
                here += 1;
                if different + here <= NAMED {
                    crate::terminal::warn(format_args!(
                        "what was said of payment {} is not what is said now",
                        told.place.0
                    ));
                }
            }
            Err(error) => failed = failed.take().or(Some(error)),
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        different += here;
        crate::terminal::note(format_args!(
            "version {version:016x}: {count} verdicts, {here} of them not what is said now"
        ));
    }
    let (whole, damaged) = shroff_store::read_snapshots(&Folder::there(&data.join("snapshots")))
        .or_else(|error| {
            // A folder of an older program has none.
            if data.join("snapshots").exists() { Err(error) } else { Ok((Vec::new(), Vec::new())) }
        })?;
    for damaged in &damaged {
        crate::terminal::warn(format_args!("the snapshot `{}`: {}", damaged.file, damaged.what));
    }
    writeln!(
        std::io::stdout().lock(),
        "verdicts={all} different={different} snapshots={} damaged_snapshots={}",
        whole.len(),
        damaged.len()
    )?;
    Ok(if different == 0 && damaged.is_empty() { Ending::Well } else { Ending::TooManyBad })
}

/// How many payments are named one by one.
const NAMED: u64 = 20;

/// What was said, read frame by frame.
struct Said {
    verdicts: Log<Folder>,
    first: u64,
    records: Vec<Vec<u8>>,
}

impl Said {
    /// Whether it was said, or something was said under another version.
    fn is_said(&mut self, version: u64, told: &Told) -> anyhow::Result<bool> {
        let number = u64::from(told.place.0);
        if number < self.first || number - self.first >= self.records.len() as u64 {
            let mut bytes = Vec::new();
            let frame = self.verdicts.frame(number, &mut bytes)?;
            let frame = frame.context("there is a verdict on every payment that is replayed")?;
            self.first = frame.first;
            self.records = frame.records().map(<[u8]>::to_vec).collect();
        }
        let at = usize::try_from(number - self.first).context("a frame fits memory")?;
        let record = self.records.get(at).context("a frame has what it says")?;
        let (then, said) =
            parse_told(told.place, record).context("one of the records is no verdict")?;
        Ok(then != version || said == *told)
    }
}
