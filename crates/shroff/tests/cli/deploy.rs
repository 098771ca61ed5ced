//! What lies in `deploy/` fits the program: units, container, dashboard and alert rules name what there is.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::door::{Folder, skipped};
use crate::postgres::Postgres;
use crate::serve::{GOOD, NDJSON, Request, Service, world};
use crate::signed;

fn deployed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(deployed(name)).expect("it is in the repository")
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success())
}

/// Words that begin with `shroff_`.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("shroff_")).collect()
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alert_rules_is_measured() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    assert_eq!(service.post(NDJSON, &key, GOOD).0, 200);
    // A list waits for the register.
    assert_eq!(service.get("/v1/alerts", &key).0, 200);
    let all = service.get("/metrics", &key).1;
    let samples: BTreeSet<&str> =
        all.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    for name in ["grafana.json", "alerts.yml"] {
        let text = text(name);
        let named = metrics_in(&text);
        assert!(named.len() > 10, "{name}: {named:?}");
        for metric in named {
            assert!(samples.contains(metric), "{name}: there is no {metric} in\n{all}");
        }
    }
    for wanted in [
        "shroff_ready 1\n",
        "shroff_open_holds 0\n",
        "shroff_waiting_requests 0\n",
        "shroff_suggested_total{action=\"none\"} 1\n",
        "shroff_answer_seconds_count{path=\"/v1/payments\"} 1\n",
        "shroff_sync_seconds_count 1\n",
        "shroff_register_behind_payments 0\n",
    ] {
        assert!(all.contains(wanted), "{wanted} in\n{all}");
    }
    let free = all.lines().find_map(|line| line.strip_prefix("shroff_disk_free_bytes "));
    assert!(free.is_some_and(|bytes| bytes != "0"), "{all}");
    // No path has an id in it, and one that is not described is one of the others.
    service.get("/v1/payments/secret-id/verdict", &key);
    service.get("/nowhere/secret-id", &key);
    let all = service.get("/metrics", &key).1;
    assert!(!all.contains("secret-id"), "{all}");
    assert!(all.contains("path=\"/v1/payments/{id}/verdict\""), "{all}");
}

#[test]
fn prometheus_takes_the_alert_rules() {
    if !is_there("promtool") {
        skipped::<()>("promtool is not installed (Debian: apt-get install prometheus)");
        return;
    }
    let ran =
        Command::new("promtool").args(["check", "rules"]).arg(deployed("alerts.yml")).output();
    let ran = ran.expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// The highest exposure that systemd may find in the unit, in tenths.
const MOST_EXPOSURE: u32 = 15;

#[test]
fn systemd_takes_the_unit_and_finds_little_exposed() {
    if !is_there("systemd-analyze") {
        skipped::<()>("systemd is not installed");
        return;
    }
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_shroff");
    let unit = text("shroff.service").replace("/usr/local/bin/shroff", program);
    folder.write("shroff.service", unit);
    let run = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(words).arg(folder.path("shroff.service"));
        let ran = command.output().expect("it runs");
        let said =
            [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (ran.status.success(), said.concat())
    };
    let (is_good, said) = run(&["verify"]);
    assert!(is_good && !said.contains("shroff.service:"), "{said}");
    let threshold = format!("--threshold={MOST_EXPOSURE}");
    let (is_good, said) = run(&["security", "--offline=true", &threshold]);
    assert!(is_good, "{said}");
}

#[test]
fn the_unit_and_the_container_start_the_program_with_options_that_it_has() {
    let folder = Folder::new();
    let help = ["serve", "ready"].map(|command| folder.well(&format!("{command} --help")).out);
    let help = String::from_utf8_lossy(&help.concat()).into_owned();
    for name in ["shroff.service", "Containerfile"] {
        let text = text(name);
        let starts = |line: &&str| {
            ["ExecStart=", "CMD [", "# LoadCredential"]
                .iter()
                .any(|it| line.trim_start().starts_with(it))
        };
        let words = text.lines().filter(starts).flat_map(|line| line.split([' ', '"', ',']));
        let options: BTreeSet<&str> = words.filter(|word| word.starts_with("--")).collect();
        assert!(options.len() >= 3, "{name}: {options:?}");
        for option in options {
            assert!(help.contains(option), "{name}: {option}");
        }
    }
}

#[test]
fn who_starts_it_is_told_that_it_is_ready_that_it_lives_and_that_it_stops() {
    let folder = Folder::new();
    let socket = UnixDatagram::bind(folder.path("notify")).expect("a socket of our own");
    socket.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
    let mut program = Command::new(env!("CARGO_BIN_EXE_shroff"));
    program.env("NOTIFY_SOCKET", folder.path("notify")).env("WATCHDOG_USEC", "400000");
    let service = Service::start_by(&folder, &mut program, &[]);
    let heard = |wanted: &str| {
        let mut bytes = [0; 256];
        loop {
            let count = socket.recv(&mut bytes).expect("it tells");
            let said = String::from_utf8_lossy(&bytes[..count]).into_owned();
            assert!(wanted != "READY=1" || !said.contains("WATCHDOG"), "first it is ready");
            if said.lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    heard("READY=1");
    heard("WATCHDOG=1");
    heard("WATCHDOG=1");
    folder.well(&format!("ready --address {}", service.address));
    let address = service.address.clone();
    service.stop();
    heard("STOPPING=1");
    assert_eq!(folder.run(&format!("ready --address {address}")).code, Some(1), "it is gone");
}

#[test]
fn it_stops_at_once_while_it_is_being_started() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    service.stop();
    // A database that takes the connection and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("postgres://shroff@{}/shroff", silent.local_addr().expect("a port"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", "data", "--register", &url])
        .current_dir(folder.path("."))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let waiting = silent.accept().expect("it asks the database");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    let mut said = String::new();
    let mut out = child.stdout.take().expect("it was piped");
    std::io::Read::read_to_string(&mut out, &mut said).expect("UTF-8");
    assert!(child.wait().expect("it ends").success());
    assert!(!said.contains("listening"), "{said}");
    drop(waiting);
}

/// Runs SQL of `deploy/` on a database of a server.
fn sql(url: &str, words: &[&str]) -> (bool, String) {
    let ran = Command::new("psql").args([url, "-v", "ON_ERROR_STOP=1"]).args(words).output();
    let ran = ran.expect("it runs");
    (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn the_roles_of_postgresql_may_do_what_they_need_and_no_more() {
    let Some(postgres) = Postgres::start() else { return };
    if !is_there("psql") {
        skipped::<()>("psql is not installed");
        return;
    }
    let file = |name: &str| deployed(name).to_str().expect("UTF-8").to_owned();
    let (is_good, said) = sql(&postgres.url(), &["-f", &file("postgresql.sql")]);
    assert!(is_good, "{said}");
    let url = |role: &str| {
        postgres.url().replace("shroff@localhost/postgres", &format!("{role}@localhost/shroff"))
    };
    let [owner, service, backup] = ["shroff_owner", "shroff_service", "shroff_backup"].map(url);
    let folder = Folder::new();
    let lines = world(&folder);
    // Who may not make tables cannot begin; the key that a first start shows is shown by it.
    let refused =
        folder.run(&format!("serve --data data --listen 127.0.0.1:0 --register {service}"));
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    let key = refused.text().rsplit(' ').next().expect("a key").trim().to_owned();
    Service::start_with(&folder, &["--register", &owner]).stop();
    let (is_good, said) = sql(&owner, &["-f", &file("postgresql-tables.sql")]);
    assert!(is_good, "{said}");
    let running = Service::start_with(&folder, &["--register", &service]);
    assert_eq!(running.post(NDJSON, &key, &lines.join("\n")).0, 200);
    let ada = signed::first(&running, &folder, "ada");
    let alerts = running.json("/v1/alerts?limit=1", &ada);
    let body = serde_json::json!({ "alerts": [alerts["alerts"][0]["id"]] }).to_string();
    let (method, path, kind) = ("POST", "/v1/cases", "application/json");
    let request = Request { method, path, key: Some(&ada), kind, body: &body };
    assert_eq!(running.ask(&request).0, 201);
    folder.well(&format!("backup kept --data data --register {backup}"));
    running.stop();
    for (url, statement) in [
        (&service, "UPDATE audit SET actor = 'nobody'"),
        (&service, "DELETE FROM case_log"),
        (&service, "CREATE TABLE mine (n BIGINT)"),
        (&backup, "DELETE FROM alerts"),
        (&backup, "INSERT INTO meta VALUES ('a', 'b')"),
    ] {
        let (is_good, said) = sql(url, &["-c", statement]);
        assert!(!is_good && said.contains("permission denied"), "{statement}: {said}");
    }
    folder.well(&format!("audit verify --data data --register {backup}"));
}
