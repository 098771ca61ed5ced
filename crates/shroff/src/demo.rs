//! `shroff demo`: a small world, scanned.

use shroff_sim::World;

use crate::cli::{Demo, Naming, Reading, Ruling, Scan, Work};
use crate::{Ending, scan, simulate, terminal};

/// Two thousand accounts over four months: every typology fits, and the report is read in minutes.
const ACCOUNTS: u32 = 2_000;
const PAYMENTS: u64 = 40_000;
const DAYS: u32 = 120;

pub(crate) fn run(arguments: &Demo) -> anyhow::Result<Ending> {
    let payments = arguments.out.join("payments.csv");
    let world = World::new(ACCOUNTS, PAYMENTS, DAYS, arguments.seed);
    simulate::write(&simulate::simulate(&world)?, &payments)?;
    terminal::note(format_args!(
        "a made-up world of {} accounts is in {}",
        terminal::grouped(u64::from(ACCOUNTS)),
        payments.display()
    ));
    scan::run(&Scan {
        reading: Reading::of(vec![payments.display().to_string()]),
        out: arguments.out.clone(),
        ruling: Ruling::built_in(),
        horizon: None,
        budget: None,
        mutes: None,
        accounts: Naming::Tokens,
        top: 50,
        json: false,
        work: Work { batch: 4_096, threads: 0 },
    })
}
