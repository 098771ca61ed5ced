//! A real PostgreSQL, started for a test in a folder of its own, and stopped after it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server that listens on a socket in its folder, and on nothing else.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    binaries: PathBuf,
}

/// Where the programs of PostgreSQL are.
fn binaries() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    folders.push(PathBuf::from("/usr/local/bin"));
    folders.push(PathBuf::from("/usr/bin"));
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}

/// A command as somebody whom the server obeys: it refuses to run as root.
fn as_nobody(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command
}

impl Postgres {
    /// Starts one; none, with a word, where it is not installed.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn start() -> Option<Postgres> {
        let Some(binaries) = binaries() else {
            eprintln!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("shroff-pg-")
            .tempdir_in("/tmp")
            .expect("what the test is set up with");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let open = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(folder.path(), open).expect("what the test is set up with");
        }
        let data = folder.path().join("data");
        let made = as_nobody(&binaries.join("initdb"))
            .args(["-U", "shroff", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .current_dir("/")
            .output()
            .expect("what the test is set up with");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let postgres = Postgres { folder, binaries };
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off",
            postgres.folder.path().display()
        );
        let log = postgres.folder.path().join("log");
        let mut start = postgres.control();
        start.args(["-w", "-t", "60", "-o", &options, "-l"]).arg(&log).arg("start");
        // The server keeps its own output; a pipe of ours would never end.
        let started = start
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("what the test is set up with");
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(started.success(), "pg_ctl start: {said}");
        Some(postgres)
    }

    fn control(&self) -> Command {
        let mut command = as_nobody(&self.binaries.join("pg_ctl"));
        command.arg("-D").arg(self.folder.path().join("data")).current_dir("/");
        command
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://shroff@localhost/postgres?host={}", self.folder.path().display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.control();
        stop.args(["-m", "immediate", "-w", "stop"]).stdout(Stdio::null()).stderr(Stdio::null());
        stop.status().map(|_| ()).unwrap_or_default();
    }
}
