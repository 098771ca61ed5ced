//! The service without its network on disks that break: clients that repeat, kills anywhere,
//! snapshots that rot, rules that change, a clock that goes backwards.
//!
//! Every run is a seed. `SHROFF_RUNS=5000 cargo test -p shroff simulation` makes more of them; one
//! that fails names the command that repeats it.
#![expect(clippy::disallowed_methods, reason = "a test asks for its seed")]

use std::collections::BTreeMap;

use shroff_detect::{Alone, Thresholds, Typology};
use shroff_engine::{AlertFilter, Draft, Live, LiveSettings, Revision, Told};
use shroff_store::sim::{Dice, Faults, SimDisk};
use shroff_types::{Amount, Clock, Currency, Place, SentPayment, Span, Timestamp};

use super::super::snapshots::Keeper;
use super::{Access, Admission, Begin, Core, Disks, Intake, Log, Options, Recovered};
use crate::threads::Threads;

const RUNS: u64 = 200;
const PAYMENTS: usize = 60;

const TYPOLOGY: &str = r#"
id = "few"
title = "T"
what = "w"
why = "w"
innocent = "i"
sources = []
[[feature]]
kind = "activity"
window = "1h"
measures = ["count"]
[[case]]
when = "debtor_out_count_1h >= LEAST"
score = 0.5
reason = "{debtor_out_count_1h} payments of one debtor within an hour"
evidence = ["debtor_out_count_1h"]
"#;

const LATENESS: &str = "10m";
const SIGHT: &str = "70m";

/// Rules, of which there are two: they fire at so many payments.
fn live(version: u64) -> Live {
    let text = TYPOLOGY.replace("LEAST", &version.to_string());
    let typologies = [Typology::parse("few", &text).unwrap_or_else(|error| panic!("{error}"))];
    let definitions = shroff_detect::union(&typologies, Span::ZERO).expect("it is right");
    let settings = LiveSettings {
        exponent: 2,
        clock: Clock::default(),
        thresholds: Thresholds::default(),
        lateness: LATENESS.parse().expect("a span"),
    };
    Live::new(&definitions, &typologies, settings).unwrap_or_else(|error| panic!("{error}"))
}

/// The payments of a seed: a few debtors, minutes apart, some of them late.
fn minutes(seed: u64) -> Vec<(i64, usize)> {
    let mut dice = Dice::new(seed ^ 0xFEED);
    let late = |dice: &mut Dice| if dice.once_in(6) { dice.below(20) } else { 0 };
    let minute = |n: usize, dice: &mut Dice| 100 + 7 * n - late(dice);
    (0..PAYMENTS)
        .map(|n| (i64::try_from(minute(n, &mut dice)).expect("small"), dice.below(3)))
        .collect()
}

fn admit(core: &mut Core<SimDisk>, number: usize, (minute, debtor): (i64, usize)) -> Admission {
    // Now and then a payment is taken out again, of the last hour.
    if number % 9 == 5 {
        let place = Place(u32::try_from(number - 1).expect("small"));
        return core.withdraw(place).expect("it is in sight");
    }
    core.admit(&SentPayment {
        id: &format!("p{number}"),
        time: Timestamp(minute * 60_000_000),
        debtor: &format!("debtor {debtor}"),
        creditor: "shop",
        amount: Amount { minor: 100, currency: Currency::EUR },
        method: None,
    })
}

/// The disks of payments, verdicts and snapshots.
type Three = [SimDisk; 3];

fn open(disks: &Three, version: u64) -> (Core<SimDisk>, Recovered) {
    let [payments, verdicts, snapshots] = disks.clone();
    let disks =
        Disks { payments, verdicts, snapshots, salt: 9, segment_bytes: 1_500, is_all_read: false };
    let begin = Begin { middle: None, forget: &mut || Ok(()), told: &mut |_, _| {} };
    Core::open(disks, (live(version), version), Threads::alone(), begin)
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// The alerts of which something is in sight, and how they grew.
fn alerts(core: &Core<SimDisk>) -> BTreeMap<String, (Draft, Vec<Revision>)> {
    let live = &core.live;
    let count = live.next().0;
    let newest = (0..count).filter_map(|n| core.payment(Place(n), |sent| sent.time).ok()).max();
    let since = newest.map(|newest| newest.before(SIGHT.parse().expect("a span")));
    let filter = AlertFilter { since, ..AlertFilter::default() };
    let numbers = live.alerts(filter, None, usize::MAX).into_iter();
    let alert = |number: u32| {
        let draft = live.draft(number).expect("it is listed");
        (draft.id(live.typologies()), (draft, live.revisions(number).to_vec()))
    };
    numbers.map(alert).collect()
}

/// What disks that never fail say of the same payments.
struct Undisturbed {
    told: Vec<Told>,
    alerts: BTreeMap<String, (Draft, Vec<Revision>)>,
}

fn undisturbed(seed: u64, version: u64) -> Undisturbed {
    let disks = [0, 1, 2].map(|n| SimDisk::new(n, Faults::default()));
    let (mut core, _) = open(&disks, version);
    let mut told = Vec::new();
    for (number, payment) in minutes(seed).into_iter().enumerate() {
        admit(&mut core, number, payment);
        core.write(Timestamp(0)).expect("no faults");
        let mut log = core.lend_log();
        log.sync().expect("no faults");
        core.return_log(log);
        told.extend(core.run());
    }
    Undisturbed { told, alerts: alerts(&core) }
}

/// What a client knows.
#[derive(Default)]
struct Client {
    /// So many payments were acknowledged.
    done: usize,
    /// With these verdicts.
    said: BTreeMap<u32, (u64, Told)>,
}

impl Client {
    /// Who was told nothing of many payments asks what became of them, before their ids are out of
    /// sight: sent again after that, they would be new ones.
    fn ask(&mut self, core: &Core<SimDisk>) {
        let kept = core.live.next().0 as usize;
        if kept < self.done + 4 {
            return;
        }
        for place in (0..core.live.next().0).map(Place) {
            let told = core.told(place).expect("it reads").expect("it is there");
            self.said.insert(place.0, told);
        }
        self.done = kept;
    }
}

/// One life: batches until the power goes or the disk fails. Payments from `done` on are new to the
/// client; it begins a little before.
fn live_once(
    core: &mut Core<SimDisk>,
    disks: &Three,
    dice: &mut Dice,
    (payments, happened): (&[(i64, usize)], &mut Happened),
    client: &mut Client,
) {
    let [_, verdicts, snapshots] = disks.clone();
    let mut keeper = Keeper { verdicts, snapshots };
    let mut next = client.done.saturating_sub(dice.below(6));
    while next < payments.len() && !dice.once_in(12) {
        let end = (next + 1 + dice.below(6)).min(payments.len());
        for (number, &payment) in payments.iter().enumerate().take(end).skip(next) {
            let place = Place(u32::try_from(number).expect("small"));
            let admitted = admit(core, number, payment);
            assert!(matches!(admitted, Admission::New(at) | Admission::Known(at) if at == place));
        }
        // The clock of the machine says anything.
        let received = Timestamp(i64::try_from(dice.roll() >> 8).expect("56 bits") - (1 << 55));
        if let Err(error) = core.write(received) {
            if error.is_passing() && core.poisoned().is_none() {
                continue;
            }
            return;
        }
        let mut log = core.lend_log();
        let told = core.run();
        // Killed between the write and the sync, or the sync fails: nobody is told anything.
        let synced = if dice.once_in(15) { false } else { log.sync().is_ok() };
        core.return_log(log);
        if !synced || core.keep(&told).is_err() {
            return;
        }
        for told in told {
            client.said.insert(told.place.0, (core.version(), told));
        }
        client.done = client.done.max(end);
        next = end;
        // Where it fails, there is one less.
        if dice.once_in(4) && keeper.keep(core.snapshot()()).is_err() && dice.once_in(2) {
            return;
        }
        if dice.once_in(8) && change_rules(core, disks) {
            happened.changes_while_it_runs += 1;
        }
    }
}

/// Puts the other rules into the place of those of now, as a service does while it runs: an engine
/// that ran the log, what was said before made durable first. Whether that went well.
fn change_rules(core: &mut Core<SimDisk>, disks: &Three) -> bool {
    let [payments, mut verdicts, _] = disks.clone();
    let version = 5 - core.version();
    let mut other = live(version);
    let options = Options { access: Access::Reader, segment_bytes: 1_500, salt: 9, from: 0 };
    let read = Log::open(payments, options, &mut |frame| {
        Intake::default().take(&mut other, &Alone, frame).map(|_| ())
    });
    if read.is_err() || shroff_store::sync_all(&mut verdicts).is_err() {
        return false;
    }
    drop(core.exchange(Box::new(other), version));
    true
}

/// Says what repeats a run that fails.
struct Repeat(u64);

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Repeat(seed) = self;
            eprintln!("repeat it with: SHROFF_SEED={seed} cargo test -p shroff simulation");
        }
    }
}

/// What a start found, against what the client knows and what undisturbed runs say.
fn check(
    (core, recovered): &(Core<SimDisk>, Recovered),
    client: &Client,
    wanted: &BTreeMap<u64, Undisturbed>,
) {
    let kept = core.live.next().0;
    let done = client.done;
    assert!(kept as usize >= done, "{done} were acknowledged, and {kept} are there");
    for (place, at) in (0..kept).map(Place).zip(0_usize..) {
        let (version, told) = core.told(place).expect("it reads").expect("it is there");
        assert_eq!(told, wanted[&version].told[at], "payment {at}");
        let said = client.said.get(&place.0);
        assert!(said.is_none_or(|said| *said == (version, told)), "payment {at}");
    }
    let resumed = recovered.resumed.as_ref().map_or(0, |resumed| resumed.next.0);
    assert!(
        recovered.compared <= u64::from(kept - resumed),
        "what a snapshot has is not done anew"
    );
}

/// What happens while the service is down.
fn pause(disks: &Three, dice: &mut Dice) {
    for disk in disks {
        disk.set_faults(Faults::default());
        disk.crash();
    }
    let snapshots = &disks[2];
    let names = shroff_store::Disk::list(snapshots).expect("it lists");
    if let Some(name) = names.first().filter(|_| dice.once_in(4)) {
        let length = snapshots.bytes(name).len();
        if length > 0 {
            snapshots.rot(name, dice.below(length), 5);
        }
    }
}

/// How often something happened over all runs: a simulation in which it never does shows nothing.
#[derive(Debug, Default)]
struct Happened {
    lives: u64,
    resumed: u64,
    passed: u64,
    changes_of_rules: u64,
    changes_while_it_runs: u64,
    repeats: u64,
}

fn run(seed: u64, happened: &mut Happened) {
    let repeat = Repeat(seed);
    let mut dice = Dice::new(seed);
    let faults = Faults {
        short_write: dice.below(4),
        full: [0, 12][dice.below(2)],
        failed_sync: [0, 20][dice.below(2)],
    };
    let disks = [1, 2, 3].map(|n| SimDisk::new(seed ^ n, Faults::default()));
    let payments = minutes(seed);
    let wanted: BTreeMap<u64, Undisturbed> =
        [2, 3].map(|version| (version, undisturbed(seed, version))).into();
    let mut client = Client::default();
    let mut version = 2;
    for _ in 0..200 {
        happened.lives += 1;
        let mut opened = open(&disks, version);
        check(&opened, &client, &wanted);
        if dice.once_in(6) {
            // Stopped in order, and started under other rules.
            opened.0.close().expect("no faults");
            version = 5 - version;
            happened.changes_of_rules += 1;
            opened = open(&disks, version);
            check(&opened, &client, &wanted);
        }
        let (mut core, recovered) = opened;
        happened.resumed += u64::from(recovered.resumed.is_some());
        happened.passed += recovered.passed.len() as u64;
        if client.done == payments.len() {
            assert_eq!(alerts(&core), wanted[&version].alerts);
            drop(repeat);
            return;
        }
        client.ask(&core);
        for disk in &disks {
            disk.set_faults(faults);
        }
        let before = client.done;
        live_once(&mut core, &disks, &mut dice, (&payments, happened), &mut client);
        // A file beside the log says so.
        version = core.version();
        happened.repeats += u64::from(before > 0);
        drop(core);
        pause(&disks, &mut dice);
    }
    panic!("it never came to its end");
}

#[test]
fn whatever_the_disk_does_verdicts_are_those_of_an_undisturbed_run() {
    let mut happened = Happened::default();
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}")))
    };
    if let Some(seed) = number("SHROFF_SEED") {
        run(seed, &mut happened);
        return;
    }
    let runs = number("SHROFF_RUNS").unwrap_or(RUNS);
    (0..runs).for_each(|seed| run(seed, &mut happened));
    println!("{runs} runs: {happened:?}");
    let Happened { lives, resumed, passed, changes_of_rules, changes_while_it_runs, repeats } =
        happened;
    let all = [lives, resumed, passed, changes_of_rules, changes_while_it_runs, repeats];
    let least = all.into_iter().min();
    assert!(least >= Some(runs / 2), "each happens");
}
