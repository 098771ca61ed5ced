//! The command line itself: help, formats, guesses, completions, colours, where things go.

use std::process::Command;

use expect_test::expect;

use crate::door::{Folder, HEAD, skipped};

#[test]
fn help_names_every_command_and_says_what_exit_codes_mean() {
    let folder = Folder::new();
    let help = folder.well("--help");
    for word in ["scan", "features", "simulate", "demo", "formats", "completions"] {
        assert!(help.text().contains(word), "{word}");
        let ran = folder.well(&format!("{word} --help"));
        assert!(ran.text().contains("Usage"), "{word}");
    }
    assert!(help.text().contains("Exit codes: 0"), "{}", help.text());
    let scan = folder.well("scan --help");
    for option in [
        "--out",
        "--format",
        "--map",
        "--label",
        "--rates",
        "--base",
        "--definitions",
        "--max-bad",
        "--sort-memory",
        "--accounts",
        "--top",
        "--json",
    ] {
        assert!(scan.text().contains(option), "{option}");
    }
    assert!(folder.well("--version").text().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_word_that_there_is_not_is_exit_code_2() {
    let folder = Folder::new();
    for line in ["", "scam in.csv", "scan", "scan in.csv --max-bad 200%", "scan in.csv --top x"] {
        let ran = folder.run(line);
        assert_eq!(ran.code, Some(2), "{line}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{line}");
    }
}

#[test]
fn every_shell_has_completions() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = folder.well(&format!("completions {shell}"));
        assert!(ran.text().contains("shroff") && ran.text().contains("simulate"), "{shell}");
    }
}

#[test]
fn formats_lists_every_layout_that_format_takes() {
    let folder = Folder::with("in.csv", format!("{HEAD}1,2024-01-01,A,B,1.00,EUR\n"));
    let ran = folder.well("formats");
    for name in
        ["shroff", "amlworld", "amlsim", "amlgentex", "paysim", "bitcoin-otc", "berka", "ethereum"]
    {
        assert!(ran.text().lines().any(|line| line == name), "{name}");
        let ran = folder.run(&format!("scan in.csv --format {name} --out report"));
        assert_eq!(ran.code == Some(0), name == "shroff", "{name}: {}", ran.err);
        assert!(!ran.err.contains("no layout of this name"), "{name}: {}", ran.err);
    }
}

#[test]
fn the_guess_at_a_banks_export_reads_it_without_a_word_changed() {
    let statement = "Buchungstag;Auftraggeber IBAN;Empf\u{e4}nger IBAN;Betrag;W\u{e4}hrung
31.01.2024;DE02120300000000202051;DE89370400440532013000;1.250,00;EUR
02.02.2024;DE89370400440532013000;DE75512108001245126199;1.200,50;EUR
05.02.2024;DE75512108001245126199;DE02120300000000202051;1.100,00;EUR
";
    let folder = Folder::with("umsatz.csv", statement);
    let guess = folder.well("formats guess umsatz.csv");
    folder.write("map.toml", &guess.out);
    let alerts = folder.scan("umsatz.csv --map map.toml");
    let cycle = alerts.iter().find(|alert| alert.typology == "cycle").expect("a cycle");
    assert_eq!((&*cycle.amount, &*cycle.currency), ("3550.50", "EUR"));
    assert_eq!(cycle.payments, ["1", "2", "3"]);
    assert_eq!(cycle.fields["last_time"], "2024-02-05T00:00:00Z");
    let piped = folder.run_with("formats guess -", statement.as_bytes());
    assert_eq!(piped.code, Some(0), "{}", piped.err);
    assert_eq!(settings(piped.text()), settings(guess.text()), "from standard input the same");
}

/// A mapping without its comments.
fn settings(map: &str) -> Vec<&str> {
    map.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn a_mapping_says_which_columns_make_an_account_and_which_is_the_label() {
    let folder = Folder::with(
        "in.csv",
        "when|bank|number|to bank|to number|how much|in|fraud
2024-01-01 10:00|001|A|002|A|10,00|EUR|no
2024-01-02 10:00|002|A|003|A|10,00|EUR|yes
2024-01-03 10:00|003|A|001|A|10,00|EUR|yes
",
    );
    folder.write(
        "map.toml",
        r#"
        delimiter = "|"
        [time]
        column = "when"
        format = "%Y-%m-%d %H:%M"
        [debtor]
        columns = ["bank", "number"]
        [creditor]
        columns = ["to bank", "to number"]
        [amount]
        column = "how much"
        decimal = ","
        [currency]
        column = "in"
        "#,
    );
    let alerts = folder.scan("in.csv --map map.toml --label fraud");
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].accounts, ["001/A", "002/A", "003/A"]);
    let ran = folder.well("scan in.csv --map map.toml --label fraud --out report --json");
    assert_eq!(ran.json()["evaluation"]["payment_recall"]["whole"], 2);
}

#[test]
fn data_goes_to_standard_output_and_everything_else_to_standard_error() {
    let folder = Folder::new();
    folder.well("simulate --accounts 300 --payments 3000 --days 60 -o world.csv");
    let ran = folder.well("scan world.csv --out report --json");
    assert!(ran.json().is_object());
    assert_eq!(ran.err, "", "--json is for machines");
    let ran = folder.well("scan world.csv --out report");
    assert!(ran.err.contains("read as shroff (CSV)"), "it says which layout it took: {}", ran.err);
    assert!(ran.text().contains("Report: report/report.html"), "{}", ran.text());
    assert!(!ran.text().contains("note:"), "{}", ran.text());
    let bad = format!("{HEAD}1,2024-01-01,A,B,1.00,EUR\n2,2024-01-01,A,B,0,EUR\n");
    folder.write("bad.csv", bad);
    let ran = folder.run("scan bad.csv --out report --json");
    assert_eq!(ran.code, Some(1));
    assert!(ran.json().is_object(), "also where too many are bad");
    assert!(ran.err.contains("--max-bad"), "{}", ran.err);
    assert_eq!(ran.json()["counts"]["rejected"], 1);
}

#[test]
fn the_summary_is_a_short_table() {
    let ledger = "minute from to eur
                  0      A    B  310.00
                  1      B    C  200.00
                  2      C    A  150.00";
    let folder = Folder::with("in.csv", crate::door::ledger(ledger));
    let ran = folder.well("scan in.csv --out report");
    let lines: Vec<&str> = ran.text().lines().map(str::trim_end).collect();
    expect![[r#"
         score  typology  payments  accounts  amount       from        to          id
          0.86  cycle            3         3  660.00  EUR  2024-01-01  2024-01-01  cycle-2
        1 of 1 alerts over 3 of 3 payments.

        Report: report/report.html
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn whoever_stops_reading_is_no_failure() {
    use std::io::Read as _;
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
        .args(["simulate", "--payments", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = [0; 10];
    child.stdout.take().expect("it was piped").read_exact(&mut first).expect("ten bytes");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(&first, b"id,time,de");
}

const ESCAPE: u8 = 0x1b;

#[test]
fn what_is_piped_has_no_colours() {
    let folder = Folder::with("in.csv", format!("{HEAD}1,2024-01-01,A,B,0,EUR\n"));
    for line in ["scan in.csv --out report", "scan nowhere.csv", "--help", "formats"] {
        let ran = folder.run(line);
        assert!(!ran.out.contains(&ESCAPE) && !ran.err.contains('\x1b'), "{line}");
    }
}

#[test]
fn a_terminal_has_colours_unless_no_color_is_set() {
    let folder = Folder::new();
    let run = |no_color: Option<&str>| {
        let program = env!("CARGO_BIN_EXE_shroff");
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c"]).arg(format!("'{program}' scan nowhere.csv"));
        script.arg("/dev/null").current_dir(folder.path("")).env_remove("NO_COLOR");
        if let Some(value) = no_color {
            script.env("NO_COLOR", value);
        }
        script.stdin(std::process::Stdio::null()).output().ok()
    };
    let Some(coloured) =
        run(None).filter(|o| String::from_utf8_lossy(&o.stdout).contains("nowhere"))
    else {
        skipped::<()>("there is no `script` that plays a terminal");
        return;
    };
    assert!(coloured.stdout.contains(&ESCAPE), "{coloured:?}");
    let plain = run(Some("1")).expect("it ran before");
    assert!(!plain.stdout.contains(&ESCAPE), "{plain:?}");
}
