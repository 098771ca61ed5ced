//! `shroff demo`: a small world that goes on living, watched by a service with its review desk; or
//! the same world scanned into a report.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Parser;
use serde::{Deserialize, Serialize};
use shroff_sim::{Row, Simulation, World};
use shroff_types::Timestamp;

use crate::cli::{Arguments, Command, Demo, Naming, Reading, Ruling, Scan, Serve, Work};
use crate::serve::Feed;
use crate::{Ending, inputs, outputs, scan, serve, settings, simulate, terminal};

/// Two thousand accounts over four months: every typology fits, and the report is read in minutes.
const ACCOUNTS: u32 = 2_000;
const PAYMENTS: u64 = 40_000;
const DAYS: u32 = 120;
/// Days of the world that lie behind it when it is begun.
const BEHIND: i64 = 100;
/// Its last two days pass quickly, so that something is seen to happen: in about a quarter of an hour.
const HURRIED_MICROS: i64 = 2 * DAY_MICROS;
const HURRY: i64 = 200;
const DAY_MICROS: i64 = 86_400_000_000;
/// Of the world that the desk loads.
const SEED: u64 = 1;

/// What is kept of a world, so that it goes on where it was left.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    seed: u64,
    /// The first midnight, in microseconds since 1970.
    start: i64,
}

pub(crate) fn run(arguments: &Demo) -> anyhow::Result<Ending> {
    if arguments.report { report(arguments) } else { live(arguments) }
}

fn live(arguments: &Demo) -> anyhow::Result<Ending> {
    let out = arguments.out.as_path();
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder `{}`", out.display()))?;
    let now = settings::wall();
    let world = world_of(out, arguments.seed, now)?;
    let simulation = simulate::simulate(&world)?;
    let left = (world.start.0 + i64::from(DAYS) * DAY_MICROS - now.0) / DAY_MICROS;
    if left < 0 {
        terminal::warn(format_args!(
            "this world has ended; `--out` with another folder begins a new one"
        ));
    } else {
        terminal::note(format_args!(
            "a made-up world of {} accounts pays: its last two days pass within a quarter of an \
             hour, and then it keeps to the clock for {left} days",
            terminal::grouped(u64::from(ACCOUNTS)),
        ));
    }
    serve::run_fed(&service(&out.join("data"), arguments.listen)?, feed(simulation, now))
}

/// The world of the folder, or a new one.
fn world_of(out: &Path, seed: u64, now: Timestamp) -> anyhow::Result<World> {
    let path = out.join("world.json");
    let kept = if path.exists() {
        serde_json::from_str(&inputs::text(&path)?).with_context(|| {
            format!("`{}` is no world\nhint: name another folder with --out", path.display())
        })?
    } else {
        let kept = Kept { seed, start: (now.0 / DAY_MICROS - BEHIND) * DAY_MICROS };
        outputs::write_file(&path, |file| Ok(serde_json::to_writer(file, &kept)?))?;
        kept
    };
    if kept.seed != seed {
        bail!(
            "`{}` has the world of --seed {}\nhint: name another folder with --out",
            out.display(),
            kept.seed
        );
    }
    Ok(World { start: Timestamp(kept.start), ..World::new(ACCOUNTS, PAYMENTS, DAYS, seed) })
}

/// A service as it is when nothing is said of it.
fn service(data: &Path, listen: SocketAddr) -> anyhow::Result<Serve> {
    let words = ["shroff", "serve", "--listen", &listen.to_string(), "--data"].map(str::to_owned);
    let words = words.map(std::ffi::OsString::from);
    match Arguments::try_parse_from(words.into_iter().chain([data.into()]))?.command {
        Command::Serve(serve) => Ok(serve),
        _ => bail!("it is no service"),
    }
}

/// What was paid before comes at once, the last days quickly, and what is to come at its time.
fn feed(simulation: Simulation, begun: Timestamp) -> Feed {
    let hurried_from = Timestamp(begun.0 - HURRIED_MICROS);
    let first = simulation.rows().take_while(|row| row.time < hurried_from).count();
    let past = simulation.rows().take(first).zip(0..).map(|(row, n)| payment(&simulation, n, row));
    let past = past.collect();
    let numbers = u32::try_from(first).unwrap_or(u32::MAX)..;
    let coming = numbers.map_while(move |number| {
        let row = simulation.row(number)?;
        let hurried = begun.0 + row.time.micros_since(hurried_from) / HURRY;
        let moment = Timestamp(hurried.max(row.time.0));
        Some((moment, payment(&simulation, number, row)))
    });
    Feed { past, coming: Box::new(coming) }
}

/// The payments of a world that ends now, each as JSON.
pub(crate) fn payments_until(now: Timestamp) -> anyhow::Result<Vec<String>> {
    let start = Timestamp((now.0 / DAY_MICROS - i64::from(DAYS)) * DAY_MICROS);
    let world = World { start, ..World::new(ACCOUNTS, PAYMENTS, DAYS, SEED) };
    let simulation = simulate::simulate(&world)?;
    Ok(simulation.rows().zip(0..).map(|(row, n)| payment(&simulation, n, row)).collect())
}

fn payment(simulation: &Simulation, number: u32, row: Row) -> String {
    let payment = serde_json::json!({
        "id": format!("demo-{number}"),
        "time": row.time.to_string(),
        "debtor": simulation.account_name(row.debtor),
        "creditor": simulation.account_name(row.creditor),
        "amount": format!("{}.{:02}", row.amount_minor / 100, row.amount_minor % 100),
        "currency": "EUR",
        "method": row.method.name(),
    });
    payment.to_string()
}

fn report(arguments: &Demo) -> anyhow::Result<Ending> {
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
