//! The one door: a folder of one's own, the program run in it, its alerts read back.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The header of Shroff's own layout, as most ledgers here have it.
pub(crate) const HEAD: &str = "id,time,debtor,creditor,amount,currency\n";

/// 2024-01-01T00:00:00Z, where every ledger told in words begins.
pub(crate) const BEGIN_MICROS: i64 = 1_704_067_200_000_000;

/// A folder that is gone after the test; the program runs in it, so that names stay short.
pub(crate) struct Folder(TempDir);

/// How a run ended and what it said.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder of our own"))
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, bytes: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        folder.write(name, bytes);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file of our own");
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("UTF-8")
    }

    /// Looks again and again until something is so, which nobody tells of; a service of this folder may say
    /// why it never is.
    pub(crate) fn until(&self, what: &str, is_so: &dyn Fn() -> bool) {
        let begun = std::time::SystemTime::now();
        while !is_so() {
            let waited = begun.elapsed().expect("a clock that goes on");
            assert!(waited.as_secs() < 40, "{what}: {}", self.text("err.txt"));
        }
    }

    /// The names of the files in a folder, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(name)).expect("the folder is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs `shroff` with the words of `line`, which have no blanks in them.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(line, b"")
    }

    /// The same with something on standard input.
    pub(crate) fn run_with(&self, line: &str, input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it was piped");
        // What refuses its command line reads nothing; then the pipe is closed, which is no fault.
        drop(stdin.write_all(input));
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        let err = String::from_utf8(output.stderr).expect("messages are UTF-8");
        assert!(!err.contains("panicked"), "{line}: {err}");
        Ran { code: output.status.code(), out: output.stdout, err }
    }

    /// Runs what must succeed.
    pub(crate) fn well(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.err);
        ran
    }

    /// Scans with account names as they are; the alerts, strongest first.
    pub(crate) fn scan(&self, words: &str) -> Vec<Alert> {
        self.well(&format!("scan {words} --out report --accounts plain"));
        self.alerts("report")
    }

    /// The alerts that a run left in a folder.
    pub(crate) fn alerts(&self, out: &str) -> Vec<Alert> {
        self.text(&format!("{out}/alerts.jsonl")).lines().map(Alert::read).collect()
    }

    /// The rows of a CSV file, its header first.
    pub(crate) fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let bytes = self.bytes(name);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*bytes);
        let fields = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
        reader.records().map(|row| fields(row.expect("CSV"))).collect()
    }
}

impl Ran {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.out).expect("JSON")
    }

    /// Exit code and messages, for a snapshot.
    pub(crate) fn story(&self) -> String {
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        format!("exit {code}\n{}", self.err)
    }
}

/// A line of alerts.jsonl.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) typology: String,
    pub(crate) score: f64,
    pub(crate) accounts: Vec<String>,
    /// As it is written: an exact decimal.
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) payments: Vec<String>,
    pub(crate) fields: Value,
}

impl Alert {
    fn read(line: &str) -> Alert {
        let fields: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |name: &str| fields[name].as_str().expect("a text").to_owned();
        let list = |name: &str| -> Vec<String> {
            let list = fields[name].as_array().expect("a list");
            list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
        };
        let amount = line.split_once("\"amount\":").expect("an amount").1;
        Alert {
            id: text("id"),
            typology: text("typology"),
            score: fields["score"].as_f64().expect("a number"),
            accounts: list("accounts"),
            amount: amount.split(',').next().expect("a number").to_owned(),
            currency: text("currency"),
            reasons: list("reasons"),
            payments: list("payments"),
            fields,
        }
    }
}

/// A ledger told as a table, as CSV: the first word of the header is the unit of its times, the
/// last the currency; ids count from 1.
pub(crate) fn ledger(table: &str) -> String {
    let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let header: Vec<&str> = lines.next().expect("a header").split_whitespace().collect();
    let [unit, "from", "to", currency] = header[..] else { panic!("{header:?}") };
    let unit_micros = match unit {
        "minute" => 60_000_000,
        "hour" => 3_600_000_000,
        "day" => 86_400_000_000,
        other => panic!("`{other}` is no unit"),
    };
    let mut csv = HEAD.to_owned();
    for (row, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [time, from, to, amount] = fields[..] else { panic!("{line}") };
        let micros = BEGIN_MICROS + time.parse::<i64>().expect("a whole number") * unit_micros;
        let (id, currency) = (row + 1, currency.to_uppercase());
        writeln!(csv, "{id},{micros},{from},{to},{amount},{currency}").expect("a text");
    }
    csv
}

/// Random numbers that are the same on each run (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 to `below` - 1.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.roll(last as u64 + 1);
            items.swap(last, usize::try_from(other).expect("it is an index"));
        }
    }
}

/// A file that lies beside the project and not in it; nothing, with a message, where it is absent.
pub(crate) fn beside(name: &str) -> Option<PathBuf> {
    // Asked when running: two checkouts may share a target directory.
    let project = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let path = project.join("../../../shared").join(name);
    match path.canonicalize() {
        Ok(path) => Some(path),
        Err(_) => skipped(&format!("there is no {}", path.display())),
    }
}

/// Says that a test was skipped, and why.
pub(crate) fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

/// Lets only its owner read a file.
#[cfg(unix)]
pub(crate) fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode).expect("a file of our own");
}

pub(crate) fn shown(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
