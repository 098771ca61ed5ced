//! People who sign in to a service: the first by the link that it shows, the others by invitation.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::door::Folder;
use crate::serve::{Request, Service};

/// Good enough for everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The headers of a session, which stand where a key may stand.
pub(crate) type Session = String;

/// Takes a link or an invitation up, or signs in.
pub(crate) fn enter(service: &Service, path: &str, body: &Value) -> Session {
    let body = body.to_string();
    let kind = "application/json";
    let mut stream = service.send(&Request { method: "POST", path, key: None, kind, body: &body });
    std::io::Write::write_all(&mut stream, body.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap_or_else(|| panic!("no cookie: {text}"));
    let cookie = cookie.split(';').next().expect("a pair");
    let csrf: Value = serde_json::from_str(body).expect("JSON");
    format!("Cookie: {cookie}\r\nX-CSRF-Token: {}", csrf["csrf"].as_str().expect("a text"))
}

/// The first administrator of a service that has nobody yet.
pub(crate) fn first(service: &Service, folder: &Folder, name: &str) -> Session {
    let said = folder.text("err.txt");
    let link = said.rsplit("/#/setup/").next().and_then(|rest| rest.split(' ').next());
    let token = link.expect("a link is shown");
    enter(service, "/v1/setup", &json!({ "token": token, "name": name, "password": PASSWORD }))
}

/// Somebody whom an administrator invites.
pub(crate) fn invited(service: &Service, admin: &str, (name, role): (&str, &str)) -> Session {
    let body = json!({ "name": name, "role": role }).to_string();
    let (path, kind) = ("/v1/users", "application/json");
    let request = Request { method: "POST", path, key: Some(admin), kind, body: &body };
    let (status, invitation) = service.ask(&request);
    assert_eq!(status, 201, "{invitation}");
    let token = serde_json::from_str::<Value>(&invitation).expect("JSON")["token"].clone();
    enter(service, "/v1/setup", &json!({ "token": token, "name": name, "password": PASSWORD }))
}
