//! The description of the service for programs: kept as a file, and true of the service.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect_file;
use serde_json::Value;

use crate::door::{Folder, skipped};
use crate::serve::{GOOD, Request, Service};

#[test]
fn the_description_is_the_one_that_is_kept() {
    let printed = Folder::new().well("openapi");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    expect_file![kept].assert_eq(printed.text());
}

#[test]
fn each_path_has_the_methods_that_it_is_said_to_have_and_anybody_may_read_the_description() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let ask = |method, path: &str| {
        let mut stream =
            service.send(&Request { method, path, key: Some(&key), kind: "", body: "" });
        let mut head = Vec::new();
        // Events go on for ever: the head is enough.
        let mut bytes = [0; 4096];
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let read = stream.read(&mut bytes).expect("an answer");
            assert!(read > 0, "{method} {path}");
            head.extend_from_slice(&bytes[..read]);
        }
        String::from_utf8_lossy(&head).to_ascii_lowercase()
    };
    let told = service.ask(&Request {
        method: "GET",
        path: "/openapi.json",
        key: None,
        kind: "",
        body: "",
    });
    assert_eq!((told.0, told.1.as_str()), (200, folder.well("openapi").text()));
    let told: Value = serde_json::from_str(&told.1).expect("JSON");
    for (path, item) in told["paths"].as_object().expect("paths") {
        let item = item.as_object().expect("an item");
        let mut described: Vec<String> = item.keys().map(|it| it.to_ascii_uppercase()).collect();
        if item.contains_key("get") {
            described.push("HEAD".to_owned());
        }
        described.sort();
        let path = path.replace(['{', '}'], "x");
        let answer = ask("TRACE", &path);
        assert!(answer.starts_with("http/1.1 405"), "{path}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
        let allowed = answer.lines().find_map(|line| line.strip_prefix("allow: ")).expect("Allow");
        let mut allowed: Vec<String> =
            allowed.split(',').map(|it| it.trim().to_ascii_uppercase()).collect();
        allowed.sort();
        assert_eq!(allowed, described, "{path}");
    }
}

/// The program that asks a service what its description allows, and what it does not; nothing, with
/// a message, where it is not installed.
fn schemathesis() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").unwrap_or_default();
    let own = Path::new(&home).join(".cache/shroff/python/bin");
    let folders = std::env::split_paths(&path).chain([own]);
    let found = folders.map(|folder| folder.join("schemathesis")).find(|file| file.is_file());
    found.or_else(|| skipped("schemathesis is not installed"))
}

#[test]
fn whatever_is_asked_the_answer_is_one_that_is_described() {
    let Some(program) = schemathesis() else { return };
    let folder = Folder::new();
    let service = Service::start(&folder);
    let key = service.key.clone().expect("the first start shows a key");
    let (status, said) = service.post("application/json", &key, GOOD);
    assert_eq!(status, 200, "{said}");
    folder.write("openapi.json", folder.well("openapi").out);
    let output = Command::new(program)
        .args(["run", "openapi.json", "--url", &format!("http://{}", service.address)])
        .args(["-H", &format!("Authorization: Bearer {key}"), "--no-color", "--seed", "7"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "15"])
        .args(["--request-timeout", "20"])
        // Events go on for ever.
        .args(["--exclude-path", "/v1/events", "--checks"])
        .arg(
            "not_a_server_error,status_code_conformance,content_type_conformance,\
             response_headers_conformance,response_schema_conformance",
        )
        .current_dir(folder.path("."))
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Fuzzing"), "{told}");
}
