//! Users, sessions, roles and the configuration file, from outside.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::door::Folder;

/// A service that runs, and is killed at the end.
struct Service {
    child: Child,
    address: String,
    key: String,
    /// The token of the first administrator's link.
    link: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What came back: status, headers in small letters, body.
struct Reply(u16, String, String);

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.2).unwrap_or_else(|error| panic!("{error}: {}", self.2))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The cookie to send.
    fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").expect("a cookie");
        assert!(cookie.contains("; httponly; samesite=strict; path=/"), "{cookie}");
        format!("Cookie: {}", cookie.split(';').next().expect("a pair").replace("set-cookie", ""))
    }
}

impl Service {
    fn start(folder: &Folder, words: &[&str]) -> Service {
        let err = folder.path("err.txt");
        let file = std::fs::File::create(&err).expect("a file of our own");
        let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
            .arg("serve")
            .args(words)
            .current_dir(folder.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut service =
            Service { child, address: String::new(), key: String::new(), link: String::new() };
        while service.address.is_empty() {
            let mut line = String::new();
            let read = out.read_line(&mut line).expect("it tells where it is");
            assert!(read > 0, "it starts: {}", folder.text("err.txt"));
            if let Some((_, key)) = line.trim().split_once("shown this once: ") {
                key.clone_into(&mut service.key);
            }
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                address.clone_into(&mut service.address);
            }
        }
        // It answers once the link is told.
        assert_eq!(service.ask("GET /health", &[], "").0, 200);
        let said = folder.text("err.txt");
        if let Some((_, rest)) = said.split_once("/#/setup/") {
            rest.split(' ').next().expect("a word").clone_into(&mut service.link);
        }
        service
    }

    fn ask(&self, what: &str, headers: &[&str], body: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let mut head = format!("{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        for header in headers {
            write!(head, "{header}\r\n").expect("a string");
        }
        write!(head, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len())
            .expect("a string");
        head.push_str(body);
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        let small = head.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) if !name.eq_ignore_ascii_case("set-cookie") => {
                format!("{}: {value}", name.to_ascii_lowercase())
            }
            _ => line.replace("HttpOnly; SameSite=Strict; Path", "httponly; samesite=strict; path"),
        });
        Reply(status, small.collect::<Vec<_>>().join("\n"), body.to_owned())
    }

    fn sign_in(&self, name: &str, password: &str) -> Reply {
        let body = serde_json::json!({ "name": name, "password": password }).to_string();
        self.ask("POST /v1/session", &[], &body)
    }

    fn set_up(&self, token: &str, name: &str) -> Reply {
        let body = serde_json::json!({ "token": token, "name": name, "password": PASSWORD });
        self.ask("POST /v1/setup", &[], &body.to_string())
    }
}

const PASSWORD: &str = "correct horse battery";
const AT: [&str; 4] = ["--listen", "127.0.0.1:0", "--data", "data"];

/// The cookie and the header of a session.
fn session(reply: &Reply) -> (String, String) {
    let csrf = reply.json()["csrf"].as_str().expect("a text").to_owned();
    (reply.cookie(), format!("X-CSRF-Token: {csrf}"))
}

#[test]
fn the_first_link_makes_one_administrator_and_sessions_outlive_a_restart() {
    let folder = Folder::new();
    let service = Service::start(&folder, &AT);
    assert_eq!(service.link.len(), 64, "{}", folder.text("err.txt"));
    assert_eq!(service.set_up("guessed", "mallory").0, 403);
    let ada = service.set_up(&service.link, "Ada");
    assert_eq!((ada.0, &ada.json()["user"]["role"]), (201, &"administrator".into()), "{}", ada.2);
    assert_eq!(service.set_up(&service.link, "mallory").0, 403, "a link is good once");
    let (cookie, csrf) = session(&ada);
    assert_eq!(service.ask("GET /v1/alerts", &[&cookie], "").0, 200);
    let invite = r#"{"name":"Rey","role":"reviewer"}"#;
    assert_eq!(service.ask("POST /v1/users", &[&cookie], invite).0, 403, "without its header");
    let other = "X-CSRF-Token: 00";
    assert_eq!(service.ask("POST /v1/users", &[&cookie, other], invite).0, 403);
    let invited = service.ask("POST /v1/users", &[&cookie, &csrf], invite);
    assert_eq!(invited.0, 201, "{}", invited.2);
    let token = invited.json()["token"].as_str().expect("a text").to_owned();
    assert_eq!(service.set_up(&token, "Someone else").0, 403, "an invitation is of one name");
    let rey = service.set_up(&token, "Rey");
    assert_eq!((rey.0, &rey.json()["user"]["role"]), (201, &"reviewer".into()));
    drop(service);
    let service = Service::start(&folder, &AT);
    assert_eq!(service.link, "", "there is somebody");
    let (rey_cookie, rey_csrf) = session(&rey);
    assert_eq!(service.ask("GET /v1/session", &[&rey_cookie], "").json(), rey.json());
    assert_eq!(service.ask("GET /v1/users", &[&rey_cookie], "").0, 403);
    let off = r#"{"disabled":true}"#;
    let last = service.ask("PATCH /v1/users/Ada", &[&cookie, &csrf], off);
    assert_eq!(last.0, 409, "the last administrator stays: {}", last.2);
    assert_eq!(service.ask("PATCH /v1/users/Rey", &[&cookie, &csrf], off).0, 200);
    assert_eq!(service.ask("GET /v1/session", &[&rey_cookie, &rey_csrf], "").0, 401);
    assert_eq!(service.sign_in("Rey", PASSWORD).0, 401);
    assert_eq!(service.ask("DELETE /v1/session", &[&cookie, &csrf], "").0, 204);
    assert_eq!(service.ask("GET /v1/session", &[&cookie], "").0, 401);
    let again = service.sign_in("Ada", PASSWORD);
    let (cookie, _) = session(&again);
    // Who came and went is in the trail, and neither a password nor a token is in any file.
    let trail = service.ask("GET /v1/audit?limit=100", &[&cookie], "").2;
    for action in ["user.invite", "user.create", "user.change", "session.open", "session.end"] {
        assert!(trail.contains(&format!("\"{action}\"")), "{action}: {trail}");
    }
    assert!(trail.contains("\"session.refuse\""), "{trail}");
    for name in folder.list("data").iter().filter(|name| name.starts_with("register")) {
        let bytes = folder.bytes(&format!("data/{name}"));
        for secret in [PASSWORD, &token, cookie.split('=').nth(1).expect("a token")] {
            assert!(!bytes.windows(secret.len()).any(|it| it == secret.as_bytes()), "{name}");
        }
    }
}

#[test]
fn whoever_guesses_a_password_waits_and_whether_there_is_a_user_is_not_told() {
    let folder = Folder::new();
    let service = Service::start(&folder, &AT);
    assert_eq!(service.set_up(&service.link, "Ada").0, 201);
    let (wrong, nobody) = (service.sign_in("Ada", "wrong"), service.sign_in("Bob", "wrong"));
    assert_eq!((wrong.0, nobody.0), (401, 401));
    assert_eq!(wrong.2, nobody.2);
    for _ in 0..4 {
        assert_eq!(service.sign_in("Ada", "wrong").0, 401);
    }
    let late = service.sign_in("Ada", PASSWORD);
    assert_eq!(late.0, 429, "{}", late.2);
    let wait: u32 = late.header("retry-after").and_then(|it| it.parse().ok()).expect("seconds");
    assert!((2..=31).contains(&wait), "{wait}");
}

const ROLES: [&str; 6] =
    ["analyst", "reviewer", "rule-author", "auditor", "payment-system", "monitor"];

// administrator, analyst, reviewer, rule-author, auditor, payment-system, monitor. y: who has
// the role may; p: a person may, and a key of the role may not; n: nobody of the role may.
const TABLE: &str = "
        POST /v1/payments                    y n n n n y n
        POST /v1/messages                    y n n n n y n
        GET  /v1/payments/x/verdict          y y y y y y n
        GET  /v1/alerts                      y y y y y n n
        GET  /v1/alerts/x                    y y y y y n n
        GET  /v1/alerts/x/graph              y y y y y n n
        GET  /v1/accounts/x                  y y y y y n n
        GET  /v1/overview                    y y y y y n n
        GET  /v1/typologies                  y y y y y n n
        GET  /v1/cases                       y y y y y n n
        POST /v1/cases                       y y y n n n n
        GET  /v1/cases/x                     y y y y y n n
        POST /v1/cases/x/commands            y y y n n n n
        GET  /v1/holds                       y y y y y n n
        POST /v1/holds/x/commands            p n p n n n n
        GET  /v1/audit                       y n n n y n n
        GET  /v1/audit/export                y n n n y n n
        GET  /v1/users                       p n n n n n n
        POST /v1/users                       p n n n n n n
        PATCH /v1/users/x                    p n n n n n n
        POST /v1/unmask                      p n p n n n n
        GET  /v1/unmask/x                    p n p n n n n
        GET  /v1/rules                       y y y y y n n
        GET  /v1/rules/x                     y y y y y n n
        GET  /v1/rules/x/shadow              y y y y y n n
        POST /v1/rules                       p n n p n n n
        POST /v1/rules/check                 y n n y n n n
        POST /v1/rules/test                  y n n y n n n
        POST /v1/rules/backtest              y n n y n n n
        GET  /v1/rules/backtest              y n n y n n n
        DELETE /v1/rules/backtest            y n n y n n n
        POST /v1/rules/x/commands            p n p p n n n
        GET  /v1/webhooks                    y n n n y n n
        POST /v1/webhooks                    p n n n n n n
        PATCH /v1/webhooks/x                 p n n n n n n
        DELETE /v1/webhooks/x                p n n n n n n
        POST /v1/webhooks/x/rotate           p n n n n n n
        POST /v1/webhooks/x/test             p n n n n n n
        GET  /v1/webhooks/x/deliveries       y n n n y n n
        POST /v1/webhooks/x/deliveries/y/retry p n n n n n n
        GET  /v1/demo                        p n n n n n n
        DELETE /v1/demo                      p n n n n n n
        POST /v1/demo                        p n n n n n n
        GET  /metrics                        y n n n y n y";

#[test]
fn every_path_asks_who_it_is_and_every_role_goes_as_far_as_the_table_says() {
    let folder = Folder::new();
    let first = Service::start(&folder, &AT).key.clone();
    let mut keys = vec![first];
    for role in ROLES {
        let made = folder.well(&format!("keys add {role} --role {role} --data data"));
        keys.push(made.text().trim().to_owned());
    }
    let service = Service::start(&folder, &AT);
    let ada = session(&service.set_up(&service.link, "Ada"));
    let mut people = vec![ada.clone()];
    for role in &ROLES[..4] {
        let invite = format!(r#"{{"name":"{role}","role":"{role}"}}"#);
        let invited = service.ask("POST /v1/users", &[&ada.0, &ada.1], &invite).json();
        people.push(session(&service.set_up(invited["token"].as_str().expect("a text"), role)));
    }
    for row in TABLE.lines().skip(1) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let what = format!("{} {}", words[0], words[1]);
        assert_eq!(service.ask(&what, &[], "{}").0, 401, "{what} without a key");
        assert_eq!(service.ask(&what, &["Authorization: Bearer x"], "{}").0, 401, "{what}");
        let check = |headers: &[&str], may: bool| {
            let reply = service.ask(&what, headers, "{}");
            let is_let_in = !matches!(reply.0, 401 | 403) && reply.0 < 500;
            assert_eq!(is_let_in, may, "{what} {headers:?}: {} {}", reply.0, reply.2);
            for name in ["content-security-policy", "x-content-type-options", "referrer-policy"] {
                assert!(reply.header(name).is_some(), "{what} has no {name}");
            }
        };
        for (key, &may) in keys.iter().zip(&words[2..]) {
            check(&[&format!("Authorization: Bearer {key}")], may == "y");
        }
        for ((cookie, csrf), &may) in people.iter().zip(&words[2..]) {
            check(&[cookie, csrf], may != "n");
        }
    }
}

/// Three payments whose money comes back to where it started: the alert.
fn circle(service: &Service, bearer: &str, accounts: [&str; 3]) -> String {
    let [a, b, c] = accounts;
    let payments = [(a, b, "900"), (b, c, "890"), (c, a, "880")];
    let payment = |(at, (debtor, creditor, amount)): (usize, &(&str, &str, &str))| {
        serde_json::json!({
            "id": format!("{a}-{at}"), "time": format!("2026-03-01T0{at}:00:00Z"),
            "debtor": debtor, "creditor": creditor, "amount": amount, "currency": "EUR",
        })
    };
    let payments: Value = payments.iter().enumerate().map(payment).collect();
    let said = service.ask("POST /v1/payments", &[bearer], &payments.to_string());
    let rules = &said.json()[2]["reasons"];
    rules[0]["alert"].as_str().unwrap_or_else(|| panic!("no alert: {}", said.2)).to_owned()
}

#[test]
fn a_key_decides_nothing_and_is_nobody_by_name() {
    const OF_PEOPLE: [&str; 9] = [
        r#""assign","to":"Ada""#,
        r#""unassign""#,
        r#""wait","until":"2030-01-01T00:00:00Z","reason":"r""#,
        r#""resume""#,
        r#""escalate","reason":"r""#,
        r#""decide","outcome":"report","reason":"r","evidence":[]"#,
        r#""approve","reason":"r""#,
        r#""reject","reason":"r""#,
        r#""reopen","reason":"r""#,
    ];
    let folder = Folder::new();
    drop(Service::start(&folder, &AT));
    let key = folder.well("keys add Ada --role administrator --data data").text().to_owned();
    let service = Service::start(&folder, &AT);
    let (cookie, csrf) = session(&service.set_up(&service.link, "Ada"));
    let bearer = format!("Authorization: Bearer {}", key.trim());
    let body = format!(r#"{{"alerts":["{}"]}}"#, circle(&service, &bearer, ["A", "B", "C"]));
    let made = service.ask("POST /v1/cases", &[&bearer], &body);
    assert_eq!((made.0, &made.json()["opened_by"]), (201, &"key:Ada".into()), "{}", made.2);
    let path = "POST /v1/cases/case-1/commands";
    for command in OF_PEOPLE {
        let body = format!(r#"{{"version":1,"command":{command}}}"#);
        let refused = service.ask(path, &[&bearer], &body);
        assert_eq!(refused.0, 403, "{command}: {}", refused.2);
        assert!(refused.2.contains("sign in"), "{}", refused.2);
    }
    let note = r#"{"version":1,"command":"note","text":"from a program"}"#;
    assert_eq!(service.ask(path, &[&bearer], note).0, 200, "it may write beside");
    let assign = r#"{"version":2,"command":"assign","to":"Ada"}"#;
    assert_eq!(service.ask(path, &[&cookie, &csrf], assign).json()["assignee"], "Ada");
    let trail = service.ask("GET /v1/audit?actor=key:Ada", &[&bearer], "").json();
    let actions = trail["entries"].as_array().expect("a list").iter();
    let actions: Vec<&str> = actions.filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["case.note", "case.open"], "a key is told apart");
    let invite = r#"{"name":"KEY:Ada","role":"reviewer"}"#;
    let refused = service.ask("POST /v1/users", &[&cookie, &csrf], invite);
    assert_eq!(refused.0, 400, "nobody is called as a key is: {}", refused.2);
}

#[test]
fn a_file_says_what_the_command_line_does_not() {
    let folder = Folder::new();
    folder.write("etc/shroff.toml", "listen = \"127.0.0.1:0\"\ndata = \"there\"\n");
    folder.well("config --check etc/shroff.toml");
    let service = Service::start(&folder, &["--config", "etc/shroff.toml"]);
    assert!(!folder.list("etc/there").is_empty(), "a path is taken from the folder of the file");
    drop(service);
    let service = Service::start(&folder, &["--data", "here", "--config", "etc/shroff.toml"]);
    assert!(!folder.list("here").is_empty(), "the command line comes first");
    drop(service);
    // What is printed is a file that says the same.
    let printed = folder.well("config").text().to_owned();
    let uncommented = printed.replace("\n# decimals = ", "\ndecimals = ");
    assert_ne!(printed, uncommented);
    folder.write("all.toml", uncommented.replace("decimals = \"4\"", "decimals = \"5\""));
    let again = folder.well("config --config all.toml").text().to_owned();
    assert!(again.contains("\ndecimals = \"5\"\n"), "{again}");
    folder.write("bad.toml", "listen = \"127.0.0.1:0\"\nlisten_on = 1\n");
    let bad = folder.run("config --check bad.toml");
    assert_eq!(bad.code, Some(2));
    assert!(
        bad.err.contains("line 2, column 1") && bad.err.contains("is `listen` meant"),
        "{}",
        bad.err
    );
}
