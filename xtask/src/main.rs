//! Tidiness checks, the test command and continuous integration.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "xtask is an outermost crate: it talks to a terminal, reads the checkout and the clock"
)]

mod ci;
mod shell;
mod testing;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <verb>

  test [ARGUMENTS]                run all tests; arguments go to the test runner
  tidy                            check what the compiler cannot: directions, documents, text
  ci [lint | test | fuzz | all]   what continuous integration runs (default: all)

Everything runs on a machine that has only rustup. What is missing beyond that is named and skipped.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = workspace_root();
    let is_good = match arguments.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            true
        }
        ["test", extra @ ..] => testing::run(&root, extra),
        ["tidy"] => tidy::run(&root),
        ["ci"] => ci::run(&root, ci::Job::All),
        ["ci", name] if let Some(job) = ci::Job::named(name) => ci::run(&root, job),
        other => {
            eprintln!("error: `{}` is not a verb\n\n{USAGE}", other.join(" "));
            return ExitCode::from(2);
        }
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of the workspace's `Cargo.toml`.
///
/// Asked of cargo when running, not when compiling: two checkouts may share a target directory,
/// and a binary built in one would look at the other.
fn workspace_root() -> PathBuf {
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    crate_dir.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
