//! Running other programs, with every command line shown.

use std::path::Path;
use std::process::{Command, Stdio};

/// `cargo` in `root`, not started yet.
///
/// The one on the path, not the one that runs us: only rustup's understands `+nightly`.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    command
}

/// Shows `command`, runs it to its end, and says whether it succeeded.
pub(crate) fn run(command: &mut Command) -> bool {
    eprintln!("$ {}", shown(command));
    match command.stdin(Stdio::null()).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("error: `{}` could not be started: {error}", shown(command));
            false
        }
    }
}

/// Runs `command` in silence. `Err` is the last line that it wrote to stderr.
pub(crate) fn run_silently(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr.trim_end().lines().next_back().unwrap_or("no message").to_owned())
}

/// True where `program arguments` runs and succeeds.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    run_silently(Command::new(program).args(arguments)).is_ok()
}

/// True where a program of this name lies on the path; for those that are slow to start.
pub(crate) fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// True in continuous integration (`CI=true`).
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), value?.to_string_lossy()))
    });
    let words = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command.env("RUSTDOCFLAGS", "-Dwarnings").args(["doc", "--no-deps"]);
        assert_eq!(shown(&command), "RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps");
    }

    #[test]
    fn a_program_that_does_not_exist_fails_without_a_panic() {
        assert!(!works("no-such-program-anywhere", &[]));
        assert!(!is_on_path("no-such-program-anywhere"));
    }
}
