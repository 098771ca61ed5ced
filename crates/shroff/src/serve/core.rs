//! The log, what was said, and the engine between them: what a service is without a network.
//!
//! A batch goes through four steps: its payments are admitted, written, made durable while what is
//! said of them is computed, and what was said is kept. Nothing here reads a clock or starts a
//! thread, so that a simulation can stop it anywhere.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, bail};
use shroff_detect::Workers;
use shroff_engine::{Live, Middle, Refusal, Told};
use shroff_ingest::messages::Withdrawal;
use shroff_store::{
    Access, Cut, Disk, Frame, Log, Options, Records, StoreError, Unread, read_payment,
};
use shroff_types::{Place, SentPayment, Timestamp};

use super::snapshots::{Candidates, Resumed, Sealing};
use crate::threads::Threads;

/// What became of a payment that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is new, and has this place.
    New(Place),
    /// It was sent before.
    Known(Place),
    /// Another payment with its id was sent before.
    Conflict(Place),
    /// It cannot be carried.
    Refused(Refusal),
}

/// What was found when the data was opened.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Payments in the log.
    pub(crate) payments: u64,
    /// A torn tail of the log, which nobody was told is durable.
    pub(crate) cut: Option<Cut>,
    /// Verdicts that were computed anew and are what was said.
    pub(crate) compared: u64,
    /// The snapshot that it went on from.
    pub(crate) resumed: Option<Resumed>,
    /// Snapshots that it did not go on from, and why.
    pub(crate) passed: Vec<String>,
    /// What of the two logs nobody has looked at.
    pub(crate) unread: Behind,
}

/// Where a start begins that has no snapshot.
pub(crate) struct Begin<'a> {
    pub(crate) middle: Option<Middle>,
    /// Whoever has to forget that, where what was said before it is gone: then all is said again, from the first
    /// payment on.
    pub(crate) forget: &'a mut dyn FnMut() -> anyhow::Result<()>,
    /// Who is told how far it is, and how far it goes.
    pub(crate) told: &'a mut dyn FnMut(u64, u64),
}

impl Begin<'_> {
    fn held(&mut self, live: &mut Live, verdicts: u64) -> anyhow::Result<Range<u64>> {
        match self.middle {
            Some(middle) if u64::from(middle.next.0) <= verdicts => Ok(begin_in(live, middle)),
            Some(_) => (self.forget)().map(|()| 0..0),
            None => Ok(0..0),
        }
    }
}

/// Segments of the logs that a start passed over.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    pub(crate) payments: Vec<Unread>,
    pub(crate) verdicts: Vec<Unread>,
    /// Where names are sealed.
    pub(crate) sealed: Vec<Unread>,
}

/// The disks, and what a log on them is salted with.
#[derive(Debug)]
pub(crate) struct Disks<D> {
    pub(crate) payments: D,
    pub(crate) verdicts: D,
    pub(crate) snapshots: D,
    pub(crate) salt: u64,
    pub(crate) segment_bytes: u32,
    /// Whether all of the logs is read, and not only what is needed.
    pub(crate) is_all_read: bool,
}

/// What becomes of a return or a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// The payment at this place is out, and was not before.
    Out(Place, bool),
    /// Less comes back than was paid: the payment stays.
    Part,
    /// No payment of the window.
    Unknown,
    Refused(Refusal),
}

/// A service without a network.
#[derive(Debug)]
pub(crate) struct Core<D> {
    pub(crate) live: Live,
    workers: Threads,
    /// Lent to whoever syncs it, and given back.
    log: Option<Log<D>>,
    verdicts: Log<D>,
    /// Which rules and definitions verdicts are given under.
    version: u64,
    /// The typologies of other versions, by position: what was said under one names them.
    others: BTreeMap<u64, Vec<String>>,
    /// What was admitted and is not written.
    records: Vec<u8>,
    count: u32,
    /// What was written last.
    written: Vec<u8>,
    told: Vec<u8>,
}

impl<D: Disk> Core<D> {
    /// Opens the data, and runs the log through the engine from the newest snapshot on: the same
    /// state, verdict for verdict, as before. What is said anew is compared with what was said under
    /// the same version.
    pub(crate) fn open(
        disks: Disks<D>,
        (mut live, version): (Live, u64),
        workers: Threads,
        mut begin: Begin<'_>,
    ) -> anyhow::Result<(Core<D>, Recovered)> {
        let Disks { payments, verdicts, snapshots, salt, segment_bytes, is_all_read } = disks;
        let options = |access, from| {
            let from = if is_all_read { 0 } else { from };
            Options { access, segment_bytes, salt, from }
        };
        let mut recovered = Recovered::default();
        let passed = &mut recovered.passed;
        let reached = shroff_store::reach(&payments)?;
        let candidates = match reached {
            Some(log) => Candidates::of(&snapshots, (log, version), passed)?,
            None => Candidates::default(),
        };
        let of = reached.map_or(0, |log| log.next);
        let begins = begin.middle.map_or(0, |middle| u64::from(middle.next.0));
        // What was said of payments that every one of them has is not said again.
        let options_there = options(Access::Derived, candidates.least_next().unwrap_or(begins));
        let mut verdicts = Log::open(verdicts, options_there, &mut |_| Ok(()))?;
        recovered.resumed = candidates.resume(&mut live, verdicts.next(), passed);
        let held = match &recovered.resumed {
            Some(resumed) => resumed.held(),
            None => begin.held(&mut live, verdicts.next())?,
        };
        let options_here = options(Access::Owner, held.start);
        let mut intake = Intake::showing(held);
        let mut replay = Replay { said: Said::default(), version, bytes: Vec::new() };
        let mut failed = None;
        let log = Log::open(payments, options_here, &mut |frame| {
            let told = intake.take(&mut live, &workers, frame)?;
            (begin.told)(frame.first, of);
            match replay.compare(&mut verdicts, &told) {
                Ok(compared) => recovered.compared += compared,
                Err(error) => failed = failed.take().or(Some(error)),
            }
            Ok(())
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        if verdicts.next() > log.next() {
            bail!(
                "there are verdicts of {} payments, and the log has {}\nhint: a part of the log is \
                 gone; put it back from a copy",
                verdicts.next(),
                log.next()
            );
        }
        if !live.is_whole() {
            bail!(
                "the log is shorter than it was a moment ago\nhint: does another program write it?"
            );
        }
        recovered.payments = log.next();
        recovered.cut = log.cut_off().cloned();
        recovered.unread =
            Behind { payments: log.unread(), verdicts: verdicts.unread(), ..Behind::default() };
        Ok((Core::at_rest((live, workers), log, verdicts, version), recovered))
    }

    /// A core whose state is that after some log.
    pub(crate) fn at_rest(
        (live, workers): (Live, Threads),
        log: Log<D>,
        verdicts: Log<D>,
        version: u64,
    ) -> Core<D> {
        let (records, written, told) = (Vec::new(), Vec::new(), Vec::new());
        let others = BTreeMap::new();
        Core {
            live,
            workers,
            log: Some(log),
            verdicts,
            version,
            others,
            records,
            count: 0,
            written,
            told,
        }
    }

    /// Puts another engine, under a version of its own, into the place of this one, which is given
    /// back: verdicts from the next payment on are those of the other.
    ///
    /// # Panics
    /// Where a batch is under way, or the other has not seen the same payments.
    pub(crate) fn exchange(&mut self, mut live: Box<Live>, version: u64) -> Box<Live> {
        assert!(self.count == 0 && self.log.is_some(), "rules change between two batches");
        assert!(live.next() == self.live.next(), "both have seen the whole log");
        self.others.insert(self.version, self.live.typologies().to_vec());
        self.version = version;
        std::mem::swap(&mut self.live, &mut live);
        live
    }

    /// The records of the batch that was written last.
    pub(crate) fn last_written(&self) -> &[u8] {
        &self.written
    }

    /// A snapshot of the state between two batches, to be written by whoever has the time.
    pub(crate) fn snapshot(&self) -> Sealing {
        let log = self.log.as_ref().expect("the log was given back");
        let next = u64::from(self.live.next().0);
        let of = shroff_store::Of { next, salt: log.salt(), version: self.version };
        let moment = self.live.moment();
        Box::new(move || of.seal(|out| moment.write(out)))
    }

    /// Takes a payment into the batch, or says why not.
    pub(crate) fn admit(&mut self, sent: &SentPayment<'_>) -> Admission {
        if let Some(place) = self.live.find(sent.id) {
            let same = self.live.is_same(place, sent);
            return if same { Admission::Known(place) } else { Admission::Conflict(place) };
        }
        match self.live.admit(sent) {
            Ok(place) => {
                shroff_store::write_payment(sent, &mut self.records);
                self.count += 1;
                Admission::New(place)
            }
            Err(refusal) => Admission::Refused(refusal),
        }
    }

    /// Takes a payment that is held out again, in its turn: what comes later is told as if it had not
    /// been there. Known where that was done before.
    pub(crate) fn withdraw(&mut self, place: Place) -> Option<Admission> {
        if let Some(own) = self.live.find(&SentPayment::withdrawal_id(place)) {
            return Some(Admission::Known(own));
        }
        let held = self.live.held(place)?;
        let debtor = self.live.account(held.debtor).to_owned();
        let creditor = self.live.account(held.creditor).to_owned();
        let method = held.method.map(|symbol| self.live.method(symbol).to_owned());
        let sent = SentPayment {
            id: &SentPayment::withdrawal_id(place),
            time: held.time,
            debtor: &debtor,
            creditor: &creditor,
            amount: held.amount,
            method: method.as_deref(),
        };
        Some(self.admit(&sent))
    }

    /// Takes out again what a return or a rejection names, all of it or nothing.
    pub(crate) fn take_back(&mut self, withdrawal: &Withdrawal) -> TakenBack {
        let original = withdrawal.originals.iter().find_map(|id| self.live.find(id));
        let held = original.and_then(|place| Some((place, self.live.held(place)?)));
        let Some((original, held)) = held else { return TakenBack::Unknown };
        let is_part = withdrawal.amount.is_some_and(|back| {
            back.currency != held.amount.currency || back.minor < held.amount.minor
        });
        if is_part {
            return TakenBack::Part;
        }
        match self.withdraw(original) {
            Some(Admission::New(_)) => TakenBack::Out(original, true),
            Some(Admission::Known(_)) => TakenBack::Out(original, false),
            Some(Admission::Refused(refusal)) => TakenBack::Refused(refusal),
            Some(Admission::Conflict(_)) | None => TakenBack::Unknown,
        }
    }

    /// Writes the batch. Where that fails, none of its payments was ever there.
    pub(crate) fn write(&mut self, received: Timestamp) -> Result<(), StoreError> {
        if self.count == 0 {
            return Ok(());
        }
        let log = self.log.as_mut().expect("the log was given back");
        let written = log.append(&self.records, self.count, received);
        if written.is_err() {
            self.live.take_back();
        }
        std::mem::swap(&mut self.records, &mut self.written);
        self.records.clear();
        self.count = 0;
        written.map(|_| ())
    }

    /// Lends the log, to be synced elsewhere meanwhile.
    pub(crate) fn lend_log(&mut self) -> Log<D> {
        self.log.take().expect("the log was given back")
    }

    /// Takes the log back.
    pub(crate) fn return_log(&mut self, log: Log<D>) {
        self.log = Some(log);
    }

    /// Says of each payment of the batch what there is to say.
    pub(crate) fn run(&mut self) -> Vec<Told> {
        self.live.run(&self.workers)
    }

    /// Keeps what was said, once the payments are durable.
    pub(crate) fn keep(&mut self, told: &[Told]) -> Result<(), StoreError> {
        keep(&mut self.verdicts, &mut self.told, (self.version, told))
    }

    /// What was said of a payment, and under which version.
    pub(crate) fn told(&self, place: Place) -> anyhow::Result<Option<(u64, Told)>> {
        read_told(&self.verdicts, place)
    }

    /// Hands what was said of payments from a place on to a closure, with the time at which each was
    /// received; where rules fired under the version of now.
    pub(crate) fn each_told(
        &self,
        from: u64,
        mut each: impl FnMut(&Told, Timestamp),
    ) -> anyhow::Result<()> {
        let log = self.log.as_ref().context("the log is being written")?;
        let (mut bytes, mut around) = (Vec::new(), Vec::new());
        let (mut number, mut together, mut received) = (from, 0..0, Timestamp(0));
        while let Some(frame) = self.verdicts.frame(number, &mut bytes)? {
            for (record, at) in frame.records().zip(frame.first..).filter(|(_, at)| *at >= from) {
                let place = Place(u32::try_from(at).context("a place has 32 bits")?);
                let Some((version, told)) = parse_told(place, record) else { continue };
                if version != self.version || told.fired.is_empty() {
                    continue;
                }
                if !together.contains(&at)
                    && let Some(frame) = log.frame(at, &mut around)?
                {
                    together = frame.first..frame.first + u64::from(frame.count);
                    received = frame.received;
                }
                each(&told, received);
            }
            number = frame.first + u64::from(frame.count);
        }
        Ok(())
    }

    /// Notes the typologies of other versions.
    pub(crate) fn know(&mut self, versions: impl IntoIterator<Item = (u64, Vec<String>)>) {
        self.others.extend(versions);
    }

    /// The typologies of a version, by position; none where its rules are not there any more.
    pub(crate) fn typologies_of(&self, version: u64) -> &[String] {
        if version == self.version {
            return self.live.typologies();
        }
        self.others.get(&version).map_or(&[], Vec::as_slice)
    }

    /// The version that verdicts are given under.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Hands the id of a payment to a closure: from memory, or from the log.
    pub(crate) fn payment<T>(
        &self,
        place: Place,
        read: impl FnOnce(&SentPayment<'_>) -> T,
    ) -> anyhow::Result<T> {
        if let Some(held) = self.live.held(place) {
            return Ok(read(&SentPayment {
                id: held.id,
                time: held.time,
                debtor: self.live.account(held.debtor),
                creditor: self.live.account(held.creditor),
                amount: held.amount,
                method: held.method.map(|symbol| self.live.method(symbol)),
            }));
        }
        let log = self.log.as_ref().context("the log is being written")?;
        let record =
            log.record(u64::from(place.0), |record| read_payment(record).map(|p| read(&p)))?;
        record.flatten().with_context(|| format!("payment {} is not in the log", place.0))
    }

    /// Makes everything durable, at the end.
    pub(crate) fn close(&mut self) -> Result<(), StoreError> {
        if let Some(log) = &mut self.log {
            log.sync()?;
        }
        self.verdicts.sync()
    }

    /// What tells the log from any other.
    pub(crate) fn log_salt(&self) -> Option<u64> {
        self.log.as_ref().map(Log::salt)
    }

    /// Why the log takes nothing more.
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.log.as_ref().and_then(Log::poisoned)
    }

    /// Bytes of the log on the disk.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::bytes)
    }
}

/// Runs payments of the log through an engine that nothing else is pushed to; or shows them again,
/// some thousands at once, where a snapshot has them.
#[derive(Debug)]
pub(crate) struct Intake {
    /// What is in sight of the snapshot.
    held: Range<u64>,
    /// Payments from there on are left out.
    end: u64,
    /// Records that are to be shown, and how many.
    records: Vec<u8>,
    count: usize,
}

impl Default for Intake {
    fn default() -> Intake {
        Intake::showing(0..0)
    }
}

impl Intake {
    /// Of a log, and of a snapshot of which these payments are in sight.
    pub(crate) fn showing(held: Range<u64>) -> Intake {
        Intake { held, end: u64::MAX, records: Vec::new(), count: 0 }
    }

    /// The same, of the payments before a place alone.
    pub(crate) fn until(self, end: u64) -> Intake {
        Intake { end, ..self }
    }

    /// The number of the payment that it takes in next.
    pub(crate) fn next(&self, live: &Live) -> u64 {
        u64::from(live.next().0) + self.count as u64
    }

    /// The number of the first payment that it needs.
    pub(crate) fn wants(&self, live: &Live) -> u64 {
        let next = self.next(live);
        if next < self.held.end { next.max(self.held.start) } else { next }
    }

    /// Takes the next frame in, and says what there is to say of its payments where none was said.
    pub(crate) fn take(
        &mut self,
        live: &mut Live,
        workers: &dyn Workers,
        frame: Frame<'_>,
    ) -> Result<Vec<Told>, &'static str> {
        if frame.first < self.held.end {
            return self.show(live, workers, frame).map(|()| Vec::new());
        }
        admit_all(live, frame, self.end)?;
        Ok(live.run(workers))
    }

    /// Keeps payments to be shown that are in sight of the snapshot; those before are passed over.
    fn show(
        &mut self,
        live: &mut Live,
        workers: &dyn Workers,
        frame: Frame<'_>,
    ) -> Result<(), &'static str> {
        let end = frame.first + u64::from(frame.count);
        if end > self.held.end {
            return Err("a snapshot was taken in the middle of it");
        }
        if end <= self.held.start {
            return Ok(());
        }
        let before = self.held.start.saturating_sub(frame.first);
        let mut records = frame.records();
        for _ in 0..before {
            records.next();
        }
        self.records.extend_from_slice(records.bytes());
        self.count += usize::try_from(u64::from(frame.count) - before).expect("within a frame");
        if self.count < SHOWN_AT_ONCE && end < self.held.end {
            return Ok(());
        }
        let sent: Option<Vec<_>> = Records::of(&self.records).map(read_payment).collect();
        let sent = sent.ok_or("one of its records is no payment")?;
        live.remember(workers, &sent).map_err(|_| "one of its payments cannot be carried")?;
        self.records.clear();
        self.count = 0;
        Ok(())
    }
}

/// Begins a core in the middle of a log; the payments that it is to be shown.
pub(crate) fn begin_in(live: &mut Live, middle: Middle) -> Range<u64> {
    live.begin_in(middle);
    u64::from(middle.first.0)..u64::from(middle.next.0)
}

/// Enough for two threads to be busy with for a while.
const SHOWN_AT_ONCE: usize = if cfg!(debug_assertions) { 8 } else { 32_768 };

fn admit_all(live: &mut Live, frame: Frame<'_>, end: u64) -> Result<(), &'static str> {
    if frame.first >= end {
        return Ok(());
    }
    if frame.first != u64::from(live.next().0) {
        return Err("its first payment is not the next one");
    }
    for (record, _) in frame.records().zip(frame.first..end) {
        let sent = read_payment(record).ok_or("one of its records is no payment")?;
        live.admit(&sent).map_err(|_| "one of its payments cannot be carried")?;
    }
    Ok(())
}

fn keep<D: Disk>(
    verdicts: &mut Log<D>,
    bytes: &mut Vec<u8>,
    (version, told): (u64, &[Told]),
) -> Result<(), StoreError> {
    let Some(first) = told.first() else { return Ok(()) };
    assert!(verdicts.next() == u64::from(first.place.0), "verdicts are kept in order");
    bytes.clear();
    for told in told {
        write_told(bytes, version, told);
    }
    let count = u32::try_from(told.len()).expect("a batch is short");
    verdicts.append(bytes, count, Timestamp(0)).map(|_| ())
}

/// A verdict as a record: its length, its version, and itself.
fn write_told(bytes: &mut Vec<u8>, version: u64, told: &Told) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&version.to_le_bytes());
    told.write(bytes);
    let length = u32::try_from(bytes.len() - start - 4).expect("a verdict is short");
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// A record of the log of verdicts.
pub(crate) fn parse_told(place: Place, record: &[u8]) -> Option<(u64, Told)> {
    let (version, told) = record.split_first_chunk()?;
    Some((u64::from_le_bytes(*version), Told::read(place, told)?))
}

/// What a log of verdicts says of a payment.
pub(crate) fn read_told<D: Disk>(
    verdicts: &Log<D>,
    place: Place,
) -> anyhow::Result<Option<(u64, Told)>> {
    let read = verdicts.record(u64::from(place.0), |record| parse_told(place, record))?;
    match read {
        Some(None) => bail!("the verdict on payment {} cannot be read", place.0),
        Some(Some(told)) => Ok(Some(told)),
        None => Ok(None),
    }
}

/// The records of the frame of verdicts that was read last.
#[derive(Debug, Default)]
struct Said {
    first: u64,
    records: Vec<Vec<u8>>,
}

struct Replay {
    said: Said,
    version: u64,
    bytes: Vec<u8>,
}

impl Replay {
    /// Compares what is said now with what was said, and keeps what is missing.
    fn compare<D: Disk>(&mut self, verdicts: &mut Log<D>, told: &[Told]) -> anyhow::Result<u64> {
        let mut compared = 0;
        for told in told {
            let number = u64::from(told.place.0);
            if number >= verdicts.next() {
                break;
            }
            let Some(said) = self.said.at(verdicts, number)? else {
                bail!("the verdict on payment {number} cannot be read");
            };
            if said.first_chunk() != Some(&self.version.to_le_bytes()) {
                continue;
            }
            self.bytes.clear();
            told.write(&mut self.bytes);
            if said[8..] != self.bytes {
                bail!(
                    "what is said of payment {number} is not what was said before\nhint: the data \
                     or the program is not what it was; `shroff explain` shows both"
                );
            }
            compared += 1;
        }
        let missing = told.partition_point(|told| u64::from(told.place.0) < verdicts.next());
        keep(verdicts, &mut self.bytes, (self.version, &told[missing..]))?;
        Ok(compared)
    }
}

impl Said {
    fn at<D: Disk>(&mut self, verdicts: &Log<D>, number: u64) -> anyhow::Result<Option<&[u8]>> {
        let is_here =
            |said: &Said| number >= said.first && number - said.first < said.records.len() as u64;
        if !is_here(self) {
            let mut bytes = Vec::new();
            let Some(frame) = verdicts.frame(number, &mut bytes)? else { return Ok(None) };
            self.first = frame.first;
            self.records = frame.records().map(<[u8]>::to_vec).collect();
        }
        let at = usize::try_from(number - self.first).context("a frame fits memory")?;
        Ok(self.records.get(at).map(Vec::as_slice))
    }
}

#[cfg(test)]
mod simulation;
