//! Shroff watches payments: the command line.
#![forbid(unsafe_code)]

mod backtest;
mod bench;
mod cli;
mod config;
mod demo;
mod evaluation;
mod features;
mod formats;
mod inputs;
mod ledger;
mod library;
mod mutes;
mod outputs;
mod progress;
mod report;
mod rules;
mod rules_page;
mod scan;
mod serve;
mod settings;
mod simulate;
mod story;
mod terminal;
mod threads;
mod tokens;
mod tune;
mod zone;

use std::process::ExitCode;

use clap::CommandFactory;

use cli::{Arguments, Command, FormatsCommand};

/// How a run ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is well: exit code 0.
    Well,
    /// Everything is written, but more records were bad than allowed: exit code 1.
    TooManyBad,
}

fn main() -> ExitCode {
    let arguments = config::arguments(std::env::args_os().collect());
    match arguments.and_then(|arguments| run(arguments.command)) {
        Ok(Ending::Well) => ExitCode::SUCCESS,
        Ok(Ending::TooManyBad) => ExitCode::from(1),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> anyhow::Result<Ending> {
    match command {
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Rules { command } => rules::run(command),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Formats { command: None } => formats::list(),
        Command::Formats { command: Some(FormatsCommand::Guess { file }) } => formats::guess(&file),
        Command::Config(arguments) => config::run(&arguments),
        Command::Openapi => serve::run_openapi(),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Ingest(arguments) => serve::run_ingest(&arguments),
        Command::Explain(arguments) => serve::run_explain(&arguments),
        Command::Verify(arguments) => serve::run_verify(&arguments),
        Command::Audit(command) => serve::run_audit(&command),
        Command::Ready { address } => serve::run_ready(address),
        Command::Backup(arguments) => serve::run_backup(&arguments),
        Command::Restore(arguments) => serve::run_restore(&arguments),
        Command::Keys { command } => serve::run_keys(&command),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "shroff", &mut std::io::stdout().lock());
            Ok(Ending::Well)
        }
    }
}

/// Whether whoever read our output has stopped reading, as `head` does: that is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(closed))
}
