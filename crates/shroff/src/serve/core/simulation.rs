//! The service without its network on a disk that breaks: clients that repeat, kills anywhere.
//!
//! Every run is a seed. A failing one is run again alone with
//! `SHROFF_SEED=<seed> cargo test -p shroff simulation`.
#![expect(clippy::disallowed_methods, reason = "a test asks for its seed")]

use shroff_detect::{Alone, Thresholds, Typology};
use shroff_engine::{Live, LiveSettings, Told};
use shroff_store::sim::{Dice, Faults, SimDisk};
use shroff_types::{Amount, Clock, Currency, Place, SentPayment, Span, Timestamp};

use super::{Admission, Core, Disks};

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
when = "debtor_out_count_1h >= 2"
score = 0.5
reason = "{debtor_out_count_1h} payments of one debtor within an hour"
evidence = ["debtor_out_count_1h"]
"#;

fn live() -> Live {
    let typologies = [Typology::parse("few", TYPOLOGY).unwrap_or_else(|error| panic!("{error}"))];
    let definitions = shroff_detect::union(&typologies, Span::ZERO).expect("it is right");
    let settings = LiveSettings {
        exponent: 2,
        clock: Clock::default(),
        thresholds: Thresholds::default(),
        lateness: "10m".parse().expect("a span"),
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
    core.admit(&SentPayment {
        id: &format!("p{number}"),
        time: Timestamp(minute * 60_000_000),
        debtor: &format!("debtor {debtor}"),
        creditor: "shop",
        amount: Amount { minor: 100, currency: Currency::EUR },
        method: None,
    })
}

fn open(disks: &[SimDisk; 2], seed: u64) -> Core<SimDisk> {
    let [payments, verdicts] = disks.clone();
    let disks = Disks { payments, verdicts, salt: 9, segment_bytes: 1_500 };
    match Core::open(disks, live(), 77, &Alone) {
        Ok((core, _)) => core,
        Err(error) => panic!("seed {seed}: {error:#}"),
    }
}

/// What a disk that never fails says of the same payments.
fn undisturbed(seed: u64) -> Vec<Told> {
    let disks = [0, 1].map(|n| SimDisk::new(n, Faults::default()));
    let mut core = open(&disks, seed);
    for (number, payment) in minutes(seed).into_iter().enumerate() {
        admit(&mut core, number, payment);
    }
    core.write(Timestamp(0)).expect("no faults");
    core.run(&Alone)
}

/// One life: batches until the power goes or the disk fails. Payments from `acknowledged` on are
/// new to the client; it begins a little before.
fn life(core: &mut Core<SimDisk>, dice: &mut Dice, payments: &[(i64, usize)], done: &mut usize) {
    let mut next = done.saturating_sub(dice.below(6));
    while next < payments.len() && !dice.once_in(12) {
        let end = (next + 1 + dice.below(6)).min(payments.len());
        for (number, &payment) in payments.iter().enumerate().take(end).skip(next) {
            let place = Place(u32::try_from(number).expect("small"));
            let admitted = admit(core, number, payment);
            assert!(matches!(admitted, Admission::New(at) | Admission::Known(at) if at == place));
        }
        if let Err(error) = core.write(Timestamp(0)) {
            if error.is_passing() && core.poisoned().is_none() {
                continue;
            }
            return;
        }
        let mut log = core.lend_log();
        let told = core.run(&Alone);
        // Killed between the write and the sync, or the sync fails: nobody is told anything.
        let synced = if dice.once_in(15) { false } else { log.sync().is_ok() };
        core.return_log(log);
        if !synced || core.keep(&told).is_err() {
            return;
        }
        *done = (*done).max(end);
        next = end;
    }
}

fn run(seed: u64) {
    let mut dice = Dice::new(seed);
    let faults = Faults {
        short_write: dice.below(4),
        full: [0, 12][dice.below(2)],
        failed_sync: [0, 20][dice.below(2)],
    };
    let disks = [1, 2].map(|n| SimDisk::new(seed ^ n, Faults::default()));
    let payments = minutes(seed);
    let wanted = undisturbed(seed);
    let mut done = 0;
    for _ in 0..200 {
        let mut core = open(&disks, seed);
        let kept = core.live.next().0 as usize;
        assert!(kept >= done, "seed {seed}: {done} were acknowledged, and {kept} are there");
        for (place, told) in (0..).map(Place).zip(&wanted[..kept]) {
            let said = core.told(place).expect("it reads");
            assert_eq!(said, Some((77, told.clone())), "seed {seed}");
        }
        if done == payments.len() {
            return;
        }
        for disk in &disks {
            disk.set_faults(faults);
        }
        life(&mut core, &mut dice, &payments, &mut done);
        drop(core);
        for disk in &disks {
            disk.set_faults(Faults::default());
            disk.crash();
        }
    }
    panic!("seed {seed}: it never came to its end");
}

#[test]
fn whatever_the_disk_does_verdicts_are_those_of_an_undisturbed_run() {
    match std::env::var("SHROFF_SEED") {
        Ok(seed) => run(seed.parse().expect("SHROFF_SEED is a number")),
        Err(_) => (0..RUNS).for_each(run),
    }
}
