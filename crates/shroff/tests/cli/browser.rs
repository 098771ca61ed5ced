//! The report in a real browser, where there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::door::{Folder, HEAD, ledger, shown, skipped};

fn chromium() -> Option<PathBuf> {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = known.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_owned).or_else(|| skipped("there is no Chromium"))
}

/// The page as the browser has it once its script has run, and what it logged.
fn open(chromium: &Path, folder: &Folder, page: &str) -> (String, String) {
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--v=0",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", shown(&folder.path("profile"))))
        .arg(format!("file://{}", shown(&folder.path(page))))
        .output()
        .expect("the browser starts");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    (String::from_utf8(output.stdout).expect("UTF-8"), log)
}

#[test]
fn the_report_opens_with_every_arrow_and_its_script_runs() {
    let Some(chromium) = chromium() else { return };
    let table = "hour from to eur
                 0    S    A  310.00
                 1    S    B  290.00
                 2    S    C  120.00
                 30   A    W  250.00
                 31   B    W  230.00
                 32   C    W  100.00
                 33   C    X  10.00";
    let folder = Folder::with("in.csv", ledger(table));
    let alerts = folder.scan("in.csv");
    let (dom, log) = open(&chromium, &folder, "report/report.html");
    for fault in ["CONSOLE", "Content Security Policy", "Uncaught", "Refused to"] {
        assert!(!log.contains(fault), "{log}");
    }
    assert_eq!(dom.matches("<article").count(), alerts.len());
    for alert in &alerts {
        assert!(dom.contains(&alert.id), "{}", alert.id);
    }
    let first = dom.split("<article").nth(1).expect("an alert");
    let evidence = first.split("<g class=\"evidence\">").nth(1).expect("a picture");
    let arrows = evidence.split("</g>").next().expect("a group").matches("<path").count();
    assert_eq!(arrows, alerts[0].payments.len());
    let tools = dom.split("id=\"tools\"").nth(1).expect("controls").split('>').next();
    assert!(!tools.expect("a tag").contains("hidden"), "the script has shown its controls");
}

#[test]
fn hostile_names_are_shown_and_never_obeyed() {
    let Some(chromium) = chromium() else { return };
    let image = "<img/src=x/onerror=document.title='taken'>";
    let script = "C</script><script>document.title='taken'</script>";
    let csv = format!(
        "{HEAD}{image},2024-01-01T01:00:00Z,{image},B,900.00,EUR\n\
         {script},2024-01-01T02:00:00Z,B,{script},900.00,EUR\n"
    );
    let folder = Folder::with("in.csv", csv);
    folder.scan("in.csv");
    let (dom, log) = open(&chromium, &folder, "report/report.html");
    assert!(dom.contains("<title>Payments"), "{log}");
    assert!(!dom.contains("<img"), "no name is an element");
    assert!(dom.contains("&lt;img/src"), "names are shown");
}
