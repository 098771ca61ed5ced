//! Signing in by a provider: the certified one of npm, where Node and npm are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::door::{Folder, skipped};
use crate::serve::{Request, Service};
use crate::signed;

/// The provider, which is ended at the end.
struct Provider {
    child: Child,
    folder: PathBuf,
    issuer: String,
    said: BufReader<std::process::ChildStdout>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Provider {
    /// Installs it beside its script, and starts it.
    fn start(folder: &Folder) -> Option<Provider> {
        folder.write("provider.mjs", include_str!("provider.mjs"));
        folder.write("roles.json", "{}");
        folder.write("package.json", "{\"private\":true}");
        let installed = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "oidc-provider@9"])
            .current_dir(folder.path("."))
            .stdout(Stdio::null())
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            return skipped("npm does not install oidc-provider");
        }
        let mut child = Command::new("node")
            .args(["provider.mjs", "serve"])
            .current_dir(folder.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Node starts, as npm did");
        let mut said = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut issuer = String::new();
        said.read_line(&mut issuer).expect("it says where it is");
        let issuer = issuer.trim().to_owned();
        Some(Provider { child, folder: folder.path("."), issuer, said })
    }

    /// Where it sends people back to.
    fn knows(&mut self, service: &Service) {
        let back = format!("http://{}/v1/session/oidc/callback", service.address);
        let mut input = self.child.stdin.as_ref().expect("it was piped");
        writeln!(input, "{back}").expect("it reads");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it says that it is ready");
        assert_eq!(line, "ready\n");
    }

    /// What comes of signing in by it.
    fn visit(&self, service: &Service, name: &str) -> Value {
        let begin = format!("http://{}/v1/session/oidc", service.address);
        let output = Command::new("node")
            .args(["provider.mjs", "visit", &begin, name])
            .current_dir(&self.folder)
            .output()
            .expect("Node starts");
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).unwrap_or_else(|error| {
            panic!("{error}: {said} {}", String::from_utf8_lossy(&output.stderr))
        })
    }
}

#[test]
fn a_provider_says_who_it_is_and_in_which_role_and_takes_no_name_from_anybody() {
    let folder = Folder::new();
    let Some(mut provider) = Provider::start(&folder) else { return };
    let roles = |roles: Value| folder.write("roles.json", roles.to_string());
    roles(json!({ "ann": "reviewer", "ada": "administrator", "pay": "payment-system" }));
    folder.write("secret", "a secret of the client\n");
    crate::door::private(&folder.path("secret"));
    let words = [
        "--oidc-issuer",
        &provider.issuer,
        "--oidc-client",
        "shroff",
        "--oidc-secret-file",
        "secret",
    ];
    let service = Service::start_with(&folder, &words);
    provider.knows(&service);
    let ada = signed::first(&service, &folder, "ada");

    let ann = provider.visit(&service, "ann");
    assert_eq!(ann["status"], 200, "{ann}");
    assert_eq!(ann["body"]["user"], json!({ "name": "ann", "role": "reviewer" }));
    assert_eq!(ann["left"], Value::Null, "the attempt is over");
    let cookie = format!("Cookie: shroff_session={}", ann["cookie"].as_str().expect("a text"));
    assert_eq!(service.get("/v1/alerts", &cookie).0, 200);
    let trail = service.json("/v1/audit?action=user.create&actor=ann", &ada);
    assert_eq!(trail["entries"][0]["detail"], json!({ "by": "oidc", "role": "reviewer" }));

    // The provider's word on the role is that of each time, and what was opened before ends.
    roles(json!({ "ann": ["staff", "auditor"], "ada": "administrator" }));
    assert_eq!(provider.visit(&service, "ann")["body"]["user"]["role"], "auditor");
    assert_eq!(service.get("/v1/alerts", &cookie).0, 401);

    let refused = |name: &str, status: u16, wanted: &str| {
        let said = provider.visit(&service, name);
        assert_eq!(said["status"], status, "{name}: {said}");
        assert!(said["body"].to_string().contains(wanted), "{name}: {said}");
    };
    refused("ada", 403, "somebody else has your name");
    refused("pay", 401, "not enough");
    refused("nobody", 401, "not enough");
    let post = |who: Option<&str>, (method, path): (&str, &str), body: &Value| {
        let body = body.to_string();
        let kind = "application/json";
        service.ask(&Request { method, path, key: who, kind, body: &body }).0
    };
    for password in ["", "any", signed::PASSWORD] {
        let body = json!({ "name": "ann", "password": password });
        assert_eq!(post(None, ("POST", "/v1/session"), &body), 401, "ann has no password");
    }
    assert_eq!(post(Some(&ada), ("PATCH", "/v1/users/ann"), &json!({ "disabled": true })), 200);
    refused("ann", 403, "not let in here any more");

    // What another browser began, or nobody.
    let back = "/v1/session/oidc/callback?code=c&state=s";
    assert_eq!(service.get(back, "Cookie: shroff_attempt=other").0, 401);
    assert_eq!(service.get(back, "Cookie: shroff_attempt=s").0, 401);
    assert!(!folder.text("err.txt").contains("a secret of the client"));
    service.stop();
}

#[test]
fn a_provider_that_cannot_be_used_is_named_at_the_start() {
    let folder = Folder::new();
    folder.write("open", "secret");
    let base = "serve --listen 127.0.0.1:0 --data data";
    for (words, wanted) in [
        ("--oidc-issuer https://sso.example", "go together"),
        ("--oidc-issuer http://sso.example --oidc-client x", "no `https://` URL"),
        ("--oidc-issuer https://s.example --oidc-client x --oidc-secret-file open", "chmod 600"),
    ] {
        let ran = folder.run(&format!("{base} {words}"));
        assert!(ran.code == Some(2) && ran.err.contains(wanted), "{words}: {}", ran.err);
    }
    // One that is not there keeps nobody else from signing in.
    let words = ["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client", "x"];
    let service = Service::start_with(&folder, &words);
    assert_eq!(service.get("/v1/session/oidc", "x").0, 503);
    signed::first(&service, &folder, "ada");
}
