//! `shroff simulate`: a made-up world, for tests, demonstrations and first steps.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use flate2::write::GzEncoder;
use shroff_sim::{Shortfall, Simulation, World};

use crate::cli::Simulate;
use crate::{Ending, outputs, terminal};

pub(crate) fn run(arguments: &Simulate) -> anyhow::Result<Ending> {
    let world = World::new(arguments.accounts, arguments.payments, arguments.days, arguments.seed);
    let simulation = simulate(&world)?;
    write(&simulation, &arguments.out)
        .with_context(|| format!("cannot write `{}`", arguments.out.display()))?;
    let summary = simulation.summary();
    let attempts: u32 = summary.attempts.iter().map(|(_, count)| count).sum();
    let lookalikes: u32 = summary.lookalikes.iter().map(|(_, count)| count).sum();
    terminal::note(format_args!(
        "{} payments: {attempts} attempts of laundering or fraud in {} of them, {lookalikes} \
         innocent look-alikes in {}",
        terminal::grouped(summary.payments),
        terminal::grouped(summary.labelled),
        terminal::grouped(summary.lookalike_payments),
    ));
    for shortfall in &summary.shortfalls {
        terminal::note(match shortfall {
            Shortfall::Absent(typology) => {
                format!("{}: none; the world is too small for one", typology.name())
            }
            Shortfall::ShortSilence(typology) => {
                format!("{}: after a silence under 90 days; give it --days 120", typology.name())
            }
        });
    }
    Ok(Ending::Well)
}

pub(crate) fn simulate(world: &World) -> anyhow::Result<Simulation> {
    shroff_sim::simulate(world).map_err(|error| anyhow!("{error}\nhint: {}", error.hint()))
}

/// Writes the payments as CSV, packed as the file's ending says.
pub(crate) fn write(simulation: &Simulation, path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        simulation.write_csv(&mut out)?;
        return Ok(out.flush()?);
    }
    let file: File = outputs::create(path)?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => {
            let mut out = GzEncoder::new(file, flate2::Compression::default());
            simulation.write_csv(&mut out)?;
            out.finish()?;
        }
        Some("zst") => {
            let mut out = zstd::Encoder::new(file, 0)?;
            simulation.write_csv(&mut out)?;
            out.finish()?;
        }
        Some(_) | None => {
            let mut out = BufWriter::new(file);
            simulation.write_csv(&mut out)?;
            out.flush()?;
        }
    }
    Ok(())
}
