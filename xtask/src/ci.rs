//! What continuous integration runs, so that a laptop runs the same, and how long each step took.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{shell, testing, tidy};

/// A part of continuous integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Lint,
    Test,
    Fuzz,
    All,
}

impl Job {
    /// The job of that name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Job> {
        Some(match name {
            "lint" => Job::Lint,
            "test" => Job::Test,
            "fuzz" => Job::Fuzz,
            "all" => Job::All,
            _ => return None,
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

impl From<bool> for Outcome {
    fn from(is_good: bool) -> Outcome {
        if is_good { Outcome::Passed } else { Outcome::Failed }
    }
}

#[derive(Debug)]
struct Step {
    name: String,
    outcome: Outcome,
    seconds: f64,
}

/// Runs every step of `job`, also after one has failed, and prints the table of them.
pub(crate) fn run(root: &Path, job: Job) -> bool {
    let mut steps = Vec::new();
    if matches!(job, Job::Lint | Job::All) {
        lint(root, &mut steps);
    }
    if matches!(job, Job::Fuzz | Job::All) {
        fuzz(root, &mut steps);
    }
    if matches!(job, Job::Test | Job::All) {
        steps.push(timed("test", || testing::run(root, &[]).into()));
    }
    print!("\n{}", table(&steps));
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

// All in one profile and, as far as cargo allows, over the same dependencies: clippy and doc share
// their metadata; only the tests generate code.
fn lint(root: &Path, steps: &mut Vec<Step>) {
    let cargo = |arguments: &[&str]| Outcome::from(shell::run(&mut shell::cargo(root, arguments)));
    steps.push(timed("tidy", || tidy::run(root).into()));
    steps.push(timed("fmt", || cargo(&["fmt", "--all", "--check"])));
    steps.push(timed("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    }));
    steps.push(timed("doc", || {
        let mut doc = shell::cargo(root, &["doc", "--no-deps", "--workspace", "--locked"]);
        shell::run(doc.env("RUSTDOCFLAGS", "-Dwarnings")).into()
    }));
    steps.push(timed("typos", || typos(root)));
    steps.push(timed("deny", || deny(root)));
    steps.push(timed("advisories", || advisories(root)));
}

fn typos(root: &Path) -> Outcome {
    if !shell::works("typos", &["--version"]) {
        return Outcome::Skipped("not installed".to_owned());
    }
    shell::run(Command::new("typos").current_dir(root)).into()
}

const NO_CARGO_DENY: &str = "not installed; hint: `cargo install cargo-deny --locked`";

fn deny(root: &Path) -> Outcome {
    if !shell::works("cargo", &["deny", "--version"]) {
        return Outcome::Skipped(NO_CARGO_DENY.to_owned());
    }
    let checks = ["licenses", "bans", "sources"];
    let arguments = ["deny", "--locked", "check", "--hide-inclusion-graph"];
    shell::run(shell::cargo(root, &arguments).args(checks)).into()
}

fn advisories(root: &Path) -> Outcome {
    if !shell::works("cargo", &["deny", "--version"]) {
        return Outcome::Skipped(NO_CARGO_DENY.to_owned());
    }
    let mut fetch = shell::cargo(root, &["deny", "fetch", "db"]);
    if let Err(reason) = shell::run_silently(fetch.env("GIT_TERMINAL_PROMPT", "0")) {
        return Outcome::Skipped(format!("the advisory database cannot be had ({reason})"));
    }
    let check = ["deny", "--locked", "check", "--hide-inclusion-graph", "advisories"];
    shell::run(&mut shell::cargo(root, &check)).into()
}

/// Long enough to find what a change has just broken; hours are for a machine with time.
const FUZZ_SECONDS: &str = "-max_total_time=20";

fn fuzz(root: &Path, steps: &mut Vec<Step>) {
    let targets = fuzz_targets(root);
    let reason = if targets.is_empty() {
        "there are no targets under fuzz/fuzz_targets"
    } else if !shell::works("cargo", &["+nightly", "fuzz", "--version"]) {
        "no nightly or no cargo-fuzz; the same targets run as a smoke test among the tests"
    } else {
        for target in &targets {
            let arguments = ["+nightly", "fuzz", "run", target, "--", FUZZ_SECONDS];
            let run = || shell::run(&mut shell::cargo(root, &arguments)).into();
            steps.push(timed(&format!("fuzz {target}"), run));
        }
        return;
    };
    steps.push(timed("fuzz", || Outcome::Skipped(reason.to_owned())));
}

fn fuzz_targets(root: &Path) -> Vec<String> {
    let Ok(entries) = root.join("fuzz/fuzz_targets").read_dir() else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let sources = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut names: Vec<String> =
        sources.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

fn timed(name: &str, work: impl FnOnce() -> Outcome) -> Step {
    eprintln!("\n== {name}");
    let start = Instant::now();
    let outcome = work();
    if let Outcome::Skipped(reason) = &outcome {
        eprintln!("skipped: {reason}");
    }
    Step { name: name.to_owned(), outcome, seconds: start.elapsed().as_secs_f64() }
}

fn table(steps: &[Step]) -> String {
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0).max(5);
    let rows = steps.iter().map(|step| {
        let outcome = match &step.outcome {
            Outcome::Passed => "ok".to_owned(),
            Outcome::Failed => "FAILED".to_owned(),
            Outcome::Skipped(reason) => format!("skipped: {reason}"),
        };
        format!("{:width$}  {:>7.1} s  {outcome}\n", step.name, step.seconds)
    });
    let total: f64 = steps.iter().map(|step| step.seconds).sum();
    rows.chain([format!("{:width$}  {total:>7.1} s\n", "total")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_step_its_time_and_what_was_skipped() {
        let step = |name: &str, outcome, seconds| Step { name: name.to_owned(), outcome, seconds };
        let steps = [
            step("fmt", Outcome::Passed, 0.52),
            step("clippy", Outcome::Failed, 61.0),
            step("deny", Outcome::Skipped("not installed".to_owned()), 0.0),
        ];
        assert_eq!(
            table(&steps),
            "fmt         0.5 s  ok\n\
             clippy     61.0 s  FAILED\n\
             deny        0.0 s  skipped: not installed\n\
             total      61.5 s\n"
        );
    }

    #[test]
    fn every_job_of_the_usage_has_its_name() {
        for name in ["lint", "test", "fuzz", "all"] {
            assert!(Job::named(name).is_some(), "{name}");
        }
        assert_eq!(Job::named("deploy"), None);
    }
}
