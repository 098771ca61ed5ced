//! The test command: every test of the workspace and of the review desk, and what was left out for
//! want of a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell;

/// Something that some tests want and a fresh machine may not have.
struct Wanted {
    name: &'static str,
    is_there: bool,
    without_it: &'static str,
}

/// Runs all tests. The runner's own summary is the last thing printed.
pub(crate) fn run(root: &Path, extra: &[&str]) -> bool {
    let has_nextest = shell::works("cargo", &["nextest", "--version"]);
    report(&wanted(root));
    // With arguments only a part is wanted.
    let desk = extra.is_empty().then(|| run_desk(root, has_nextest));
    if !has_nextest {
        let tests =
            shell::run(&mut shell::cargo(root, &arguments_for_cargo(shell::is_ci(), extra)));
        return tests && desk != Some(false);
    }
    let doc_tests = has_doc_tests(root).then(|| {
        shell::run(&mut shell::cargo(root, &["test", "--quiet", "--doc", "-p", "shroff-engine"]))
    });
    let tests = shell::run(&mut shell::cargo(root, &arguments_for_nextest(shell::is_ci(), extra)));
    tests && doc_tests != Some(false) && desk != Some(false)
}

/// The review desk in a browser, on the binary that the other tests use: it is built with them, so
/// that nothing is built twice.
fn run_desk(root: &Path, has_nextest: bool) -> bool {
    let is_ci = shell::is_ci();
    let mut build = if has_nextest {
        arguments_for_nextest(is_ci, &[])
    } else {
        arguments_for_cargo(is_ci, &[])
    };
    build.push("--no-run");
    if !shell::run(&mut shell::cargo(root, &build)) {
        return false;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(PathBuf::from(target)));
    let mut desk = Command::new("bash");
    desk.current_dir(root).arg("web/test.sh").env("SHROFF", target.join("debug/shroff"));
    shell::run(&mut desk)
}

fn arguments_for_nextest<'a>(is_ci: bool, extra: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["nextest", "run"];
    arguments.extend(which_crates(extra));
    arguments.push("--profile");
    arguments.extend(if is_ci { ["ci", "--locked"].as_slice() } else { &["default"] });
    arguments.extend(extra);
    arguments
}

fn arguments_for_cargo<'a>(is_ci: bool, extra: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["test"];
    arguments.extend(which_crates(extra));
    if is_ci {
        arguments.extend(["--locked", "--no-fail-fast"]);
    }
    arguments.extend(extra);
    arguments
}

/// All, unless `extra` names some: cargo takes `--workspace` to mean more than `-p`.
fn which_crates(extra: &[&str]) -> Option<&'static str> {
    let mut for_cargo = extra.iter().take_while(|argument| **argument != "--");
    let names_some = for_cargo.any(|a| a.starts_with("-p") || a.starts_with("--package"));
    (!names_some).then_some("--workspace")
}

/// nextest runs no doc tests, so the engine's, the only crate to have any, are run beside it.
fn has_doc_tests(root: &Path) -> bool {
    std::fs::read_to_string(root.join("crates/shroff-engine/Cargo.toml"))
        .is_ok_and(|manifest| !manifest.lines().any(|line| line.trim() == "doctest = false"))
}

fn wanted(root: &Path) -> Vec<Wanted> {
    let has_python = shell::works("python3", &["-c", "pass"]);
    let has_module =
        |name: &str| has_python && shell::works("python3", &["-c", &format!("import {name}")]);
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    let shared = root.join("../shared");
    vec![
        Wanted {
            name: "python3",
            is_there: has_python,
            without_it: "features are not compared with spec/oracle.py",
        },
        Wanted {
            name: "the Python module duckdb",
            is_there: has_module("duckdb"),
            without_it: "rules are not compared with DuckDB",
        },
        Wanted {
            name: "the Python module pyarrow",
            is_there: has_module("pyarrow"),
            without_it: "Parquet is not compared with another reader's",
        },
        Wanted {
            name: "the Python module opentelemetry.proto",
            is_there: has_module("opentelemetry.proto"),
            without_it: "traces are not read as a collector reads them",
        },
        Wanted {
            name: "chromium",
            is_there: chromium.iter().any(|name| shell::is_on_path(name)),
            without_it: "neither report nor review desk is looked at in a browser",
        },
        Wanted {
            name: "npm",
            is_there: shell::is_on_path("npm"),
            without_it: "the review desk is not tested",
        },
        Wanted {
            name: "../shared/spec",
            is_there: shared.join("spec/oracle.py").is_file(),
            without_it: "features are not compared with spec/oracle.py",
        },
        Wanted {
            name: "../shared/data",
            is_there: shared.join("data").is_dir(),
            without_it: "layouts are read from our own samples only",
        },
    ]
}

fn report(wanted: &[Wanted]) {
    let mut is_complete = true;
    for missing in wanted.iter().filter(|wanted| !wanted.is_there) {
        is_complete = false;
        eprintln!("skipped: {} is not here, so {}", missing.name, missing.without_it);
    }
    if is_complete {
        eprintln!("nothing is skipped: all that the tests want is here");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_arguments_reach_either_runner() {
        let extra = ["-p", "shroff-types"];
        assert_eq!(
            arguments_for_nextest(true, &extra).join(" "),
            "nextest run --profile ci --locked -p shroff-types"
        );
        assert_eq!(
            arguments_for_nextest(false, &[]).join(" "),
            "nextest run --workspace --profile default"
        );
        assert_eq!(
            arguments_for_cargo(true, &extra).join(" "),
            "test --locked --no-fail-fast -p shroff-types"
        );
        assert_eq!(arguments_for_cargo(false, &["cycle"]).join(" "), "test --workspace cycle");
    }
}
