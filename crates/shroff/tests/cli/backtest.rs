//! `shroff backtest` and `shroff tune`.

use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::door::{Folder, beside, ledger, shown, skipped};

/// A world with labelled attempts, small enough for tests.
const WORLD: &str = "simulate --accounts 1500 --payments 16000 --days 90 --seed 4 -o world.csv";

fn world() -> Folder {
    let folder = Folder::new();
    folder.well(WORLD);
    folder
}

fn table(folder: &Folder, name: &str) -> RecordBatch {
    let file = std::fs::File::open(folder.path(name)).expect("the file is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let schema = std::sync::Arc::clone(reader.schema());
    let batches: Result<Vec<_>, _> = reader.build().expect("a reader").collect();
    concat_batches(&schema, &batches.expect("batches")).expect("one schema")
}

fn column(batch: &RecordBatch, name: &str) -> ArrayRef {
    ArrayRef::clone(batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")))
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let array = column(batch, name);
    array.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

fn run_json(folder: &Folder, out: &str) -> Value {
    serde_json::from_str(&folder.text(&format!("{out}/run.json"))).expect("JSON")
}

/// A summary without what differs from run to run.
fn plain(mut summary: Value) -> Value {
    for key in ["seconds", "work", "page"] {
        summary[key] = Value::Null;
    }
    summary
}

#[test]
fn the_alerts_are_those_of_a_scan_inline_and_retrospective() {
    let folder = world();
    for (words, scan, out) in [
        ("--accounts plain", "s0", "b0"),
        ("--accounts plain --horizon 4d", "s4", "b4"),
        ("--accounts plain --budget 3 --set fan-in.least_payers=6 --hold-from 0.6", "s1", "b1"),
        ("--accounts plain --time-zone Asia/Kolkata --batch 7 --threads 1", "s2", "b2"),
    ] {
        folder.well(&format!("scan world.csv -o {scan} {words}"));
        folder.well(&format!("backtest world.csv -o {out} --samples 0 {words}"));
        let scanned = table(&folder, &format!("{scan}/alerts.parquet"));
        let replayed = table(&folder, &format!("{out}/alerts.parquet"));
        assert!(scanned.num_rows() > 20, "{words}: there are alerts");
        for name in ["id", "typology", "score", "action", "raised_by", "accounts", "payments"] {
            let [one, other] = [&scanned, &replayed].map(|batch| column(batch, name));
            assert!(one == other, "{words}: {name} differs");
        }
    }
}

#[test]
fn a_second_run_computes_no_feature_and_another_threshold_asks_one_typology() {
    let folder = world();
    let first = folder.well("backtest world.csv -o b --json").json();
    assert_eq!(first["work"]["payments_extracted"], 16_000);
    let before: Vec<Vec<u8>> =
        ["rules", "verdicts", "alerts", "samples"].map(|n| parquet(&folder, "b", n)).to_vec();
    let page = folder.text("b/backtest.html");
    let second = folder.well("backtest world.csv -o b --json").json();
    assert_eq!(second["work"]["payments_extracted"], 0);
    assert_eq!(second["work"]["payments_read"], 0);
    assert_eq!(second["work"]["typologies_asked"], 0);
    assert_ne!(first["work"]["patterns_searched"], 0);
    assert_eq!(second["work"]["patterns_searched"], 0);
    assert_eq!(plain(first), plain(second));
    let after: Vec<Vec<u8>> =
        ["rules", "verdicts", "alerts", "samples"].map(|n| parquet(&folder, "b", n)).to_vec();
    assert!(before == after, "equal input gives equal bytes");
    let said = |page: &str| page.replace("Features are those of a run before.", "");
    let told = "Features of 16,000 payments were computed for it.";
    assert!(said(&page.replace(told, "")) == said(&folder.text("b/backtest.html")));
    let third = folder.well("backtest world.csv -o b --json --set cycle.shortest=4").json();
    assert_eq!(third["work"]["payments_extracted"], 0);
    assert_eq!(third["work"]["typologies_asked"], 1);
    // What is kept for a label column is kept apart from that of another.
    let other = folder.well("backtest world.csv -o b --json --label label");
    assert_eq!(other.json()["work"]["payments_read"], 16_000);
}

#[test]
fn some_of_the_rules_in_another_order_are_asked_of_the_features_that_are_kept() {
    let folder = world();
    let shown = |id: &str| {
        let out = folder.well(&format!("rules show {id}")).out;
        String::from_utf8(out).expect("a typology is text")
    };
    // Of one whose cases are not asked where the columns of another are there, all are asked here alone.
    let own = shown("fan-out")
        .replace("id = \"fan-out\"", "id = \"own\"")
        .replace("[[case]]\n", "[[case]]\nunless = [\"new_cycle_2_7d\"]\n");
    for id in ["cycle", "fan-in", "layering-chain", "pass-through", "scatter-gather", "stack"] {
        folder.write(&format!("all/{id}.toml"), shown(id));
    }
    folder.write("all/own.toml", own.clone());
    // Fewer, and by name in another order.
    for (name, id) in [("z", "fan-in"), ("m", "scatter-gather"), ("a", "pass-through")] {
        folder.write(&format!("mine/{name}.toml"), shown(id));
    }
    folder.write("mine/b.toml", own);
    for horizon in ["0s", "4d"] {
        let line = |rest: &str| format!("backtest world.csv --json --horizon {horizon} {rest}");
        folder.well(&line("-o all-out --cache kept --typologies all"));
        let mine = "--typologies mine --set fan-in.least_payers=5";
        let with = folder.well(&line(&format!("-o with --cache kept {mine}"))).json();
        assert_eq!(with["work"]["payments_extracted"], 0);
        let without =
            folder.well(&line(&format!("-o without --cache apart-{horizon} {mine}"))).json();
        assert_eq!(without["work"]["payments_extracted"], 16_000);
        assert_eq!(plain(with), plain(without), "horizon {horizon}");
        for name in ["rules", "verdicts", "alerts", "samples", "attempts"] {
            let [one, other] = ["with", "without"].map(|out| parquet(&folder, out, name));
            assert!(one == other, "{name} differs with a horizon of {horizon}");
        }
        // The patterns that a looser threshold brings, and no other, are searched for.
        let loose = "--typologies mine --set scatter-gather.least_share=0.01";
        let more = folder.well(&line(&format!("-o with --cache kept {loose}"))).json();
        let apart = format!("-o without --cache loose-{horizon} {loose}");
        let all = folder.well(&line(&apart)).json();
        let [searched, of] = [&more, &all].map(|run| run["work"]["patterns_searched"].as_u64());
        assert!(Some(0) < searched && searched < of, "horizon {horizon}: {searched:?} of {of:?}");
        for name in ["verdicts", "alerts"] {
            let [one, other] = ["with", "without"].map(|out| parquet(&folder, out, name));
            assert!(one == other, "{name} differs with a horizon of {horizon}");
        }
    }
}

#[test]
fn blocks_of_features_that_no_run_had_are_computed_alone_and_say_the_same() {
    let folder = world();
    let shown = |id: &str| folder.well(&format!("rules show {id}")).out;
    for id in ["cycle", "fan-in", "scatter-gather", "stack"] {
        folder.write(&format!("before/{id}.toml"), shown(id));
        folder.write(&format!("after/{id}.toml"), shown(id));
    }
    // Of the patterns one is another and one is what it was, and a block has a measure more.
    let text = |id: &str| String::from_utf8(shown(id)).expect("a typology is text");
    let longer = |text: String| {
        let text = text.replace("\"7d\"\nlongest", "\"10d\"\nlongest");
        ["longest", "count", "2", "3"].iter().fold(text, |text, column| {
            text.replace(&format!("new_cycle_{column}_7d"), &format!("new_cycle_{column}_10d"))
        })
    };
    folder.write("after/cycle.toml", longer(text("cycle")));
    let more = "window = \"45d\"\nmeasures = [\"std\", ";
    let fan_in = text("fan-in").replace("window = \"45d\"\nmeasures = [", more);
    assert!(fan_in.contains(more));
    folder.write("after/fan-in.toml", fan_in);
    // Another block whose columns have the names of before.
    let scatter_gather = text("scatter-gather");
    let fresh = scatter_gather.replacen("fresh = \"45d\"", "fresh = \"1h\"", 1);
    assert_ne!(fresh, scatter_gather);
    folder.write("after/scatter-gather.toml", fresh);
    for horizon in ["0s", "4d"] {
        let line = |rest: &str| format!("backtest world.csv --json --horizon {horizon} {rest}");
        folder.well(&line("-o first --cache kept --typologies before"));
        let with = line("-o with --cache kept --typologies after");
        let ran = folder.well(&with).json();
        assert_eq!(ran["work"]["payments_extracted"], 16_000);
        assert_eq!(ran["work"]["blocks_extracted"], 3, "horizon {horizon}");
        let line_apart = line("-o without --typologies after");
        let without = folder.well(&format!("{line_apart} --cache apart-{horizon}")).json();
        let page = folder.text("with/backtest.html");
        let told = format!("3 of {} feature blocks were", without["work"]["blocks_extracted"]);
        assert!(page.contains(&told), "{told}");
        assert_ne!(without["work"]["patterns_searched"], 0);
        assert_eq!(plain(ran), plain(without), "horizon {horizon}");
        for name in ["rules", "verdicts", "alerts", "samples", "attempts"] {
            let [one, other] = ["with", "without"].map(|out| parquet(&folder, out, name));
            assert!(one == other, "{name} differs with a horizon of {horizon}");
        }
        let again = folder.well(&with).json();
        for work in ["payments_extracted", "blocks_extracted", "typologies_asked"] {
            assert_eq!(again["work"][work], 0, "horizon {horizon}: {work}");
        }
        assert_eq!(again["work"]["patterns_searched"], 0);
        // What another set of rules said of blocks that did not change still stands.
        let back = folder.well(&line("-o back --cache kept --typologies before")).json();
        let [before, after] = ["first", "with"].map(|out| parquet(&folder, out, "verdicts"));
        assert!(before != after, "the change changes what is said");
        assert_eq!(back["work"]["typologies_asked"], 0);
    }
}

#[test]
fn a_search_that_was_cut_short_is_told_as_what_the_rules_know_of_it() {
    let folder = world();
    let round = |when: &str| {
        format!(
            "id = \"round\"\ntitle = \"Round\"\nwhat = \"a\"\nwhy = \"b\"\ninnocent = \"c\"\nsources = []\n\
             [[feature]]\nkind = \"cycle\"\nwindow = \"7d\"\nlongest = 6\nbudget = 200\n\
             [[case]]\nwhen = \"cycle_3_7d > 0{when}\"\nscore = 0.5\nreason = \"r\"\nevidence = [\"cycle_3_7d\"]\n"
        )
    };
    for (name, when) in [("blind", ""), ("knows", " AND NOT cycle_saturated_7d")] {
        folder.write(&format!("{name}/round.toml"), round(when));
        folder.well(&format!("scan world.csv --typologies {name} -o s-{name}"));
        folder.well(&format!("backtest world.csv --samples 0 --typologies {name} -o b-{name}"));
    }
    let counted = |out: &str| {
        let run = run_json(&folder, out);
        ["payments_saturated", "payments_passed_over"].map(|key| run["counts"][key].as_u64())
    };
    let [cut, none] = counted("s-blind");
    assert!(cut > Some(0), "{cut:?}");
    assert_eq!(none, Some(0));
    assert_eq!(counted("s-knows"), [none, cut]);
    for name in ["blind", "knows"] {
        assert_eq!(counted(&format!("s-{name}")), counted(&format!("b-{name}")), "{name}");
    }
    // With a horizon each concerns many payments, and is one search all the same.
    folder.well("scan world.csv --typologies blind --horizon 4d -o ahead");
    assert!(counted("ahead")[0] > cut);
    for out in ["s-blind", "ahead"] {
        let searches = &run_json(&folder, out)["counts"]["searches_ran_out"];
        assert_eq!(searches["cycle_saturated_7d"].as_u64(), cut, "{out}");
    }
    let told = format!("{} searches ran out of their budget", cut.expect("it is a number"));
    assert!(folder.text("ahead/report.html").contains(&told), "{told}");
    for (name, words) in [("blind", "lower bounds"), ("knows", "cycle_saturated_7d")] {
        for out in ["s", "b"] {
            let page = if out == "s" { "report" } else { "backtest" };
            let page = folder.text(&format!("{out}-{name}/{page}.html"));
            assert!(page.contains(words), "{out}-{name}: {words}");
        }
    }
}

#[test]
fn what_was_begun_as_a_whole_is_not_begun_again_in_pieces() {
    let folder = world();
    for id in ["cycle", "fan-in"] {
        folder.write(&format!("all/{id}.toml"), folder.well(&format!("rules show {id}")).out);
    }
    folder.write("one/fan-in.toml", folder.well("rules show fan-in").out);
    let run = |typologies: &str| {
        let line = format!("backtest world.csv --json --samples 0 -o {typologies}-out");
        folder.well(&format!("{line} --cache kept --typologies {typologies}")).json()
    };
    let first = run("all");
    // As a run leaves it that stops before its last slice.
    let slices = kept(&folder, "kept").into_iter().filter(|name| name.starts_with("features-"));
    let last = slices.max().expect("there are slices");
    let path = format!("{}/{last}", features(&folder, "kept"));
    std::fs::remove_file(folder.path(&path)).expect("it is there");
    assert_eq!(run("one")["work"]["payments_extracted"], 16_000);
    let again = run("all");
    assert_eq!(again["work"]["payments_extracted"], 16_000 % SLICE);
    assert_eq!(plain(again), plain(first));
}

#[test]
fn what_was_said_where_more_of_the_past_was_known_is_not_what_is_said_where_less_is() {
    let folder = world();
    // It fires where 20 days of history are known: never, where nobody looks back so far.
    let old = "id = \"old\"\ntitle = \"Old\"\nwhat = \"a\"\nwhy = \"b\"\ninnocent = \"c\"\nsources = []\n\
               [[feature]]\nkind = \"activity\"\nwindow = \"24h\"\nmeasures = [\"count\"]\n\
               [[case]]\nwhen = \"history_days > 20 AND debtor_out_count_24h >= 2\"\nscore = 0.5\n\
               reason = \"r\"\nevidence = [\"debtor_out_count_24h\"]\n";
    folder.write("all/old.toml", old);
    folder.write("all/fan-in.toml", folder.well("rules show fan-in").out);
    folder.write("mine/old.toml", old);
    let hits = |typologies: &str| {
        let line = format!("backtest world.csv --json --samples 0 -o {typologies}-out");
        let ran = folder.well(&format!("{line} --cache kept --typologies {typologies}")).json();
        (ran["parts"]["all"]["rules"]["old"]["alerts"].as_u64(), ran["work"].clone())
    };
    let (with, _) = hits("all");
    assert!(with > Some(0), "{with:?}");
    let (without, work) = hits("mine");
    assert_eq!((without, &work["payments_extracted"]), (Some(0), &0.into()));
}

fn parquet(folder: &Folder, out: &str, name: &str) -> Vec<u8> {
    folder.bytes(&format!("{out}/{name}.parquet"))
}

/// Payments of a slice of what is kept.
const SLICE: u64 = if cfg!(debug_assertions) { 1 << 12 } else { 1 << 16 };

#[test]
fn a_run_that_is_killed_goes_on_where_it_was_and_leaves_the_same_bytes() {
    let folder = Folder::new();
    // Six slices of features, the last not full.
    let payments = 5 * SLICE + 100;
    folder.well(&format!(
        "simulate --accounts 3000 --payments {payments} --days 60 --seed 2 -o world.csv"
    ));
    for (horizon, name) in [("0s", "inline"), ("2d", "later")] {
        let line = format!("backtest world.csv --samples 0 --horizon {horizon} --typologies mine");
        folder.write("mine/cycle.toml", folder.well("rules show cycle").out);
        folder.write("mine/layering.toml", folder.well("rules show layering-chain").out);
        folder.write("mine/fan-in.toml", folder.well("rules show fan-in").out);
        folder.well(&format!("{line} -o whole-{name} --cache c-{name}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
            .args(line.split_whitespace())
            .args(["-o", &format!("cut-{name}"), "--cache", &format!("k-{name}")])
            .current_dir(folder.path("."))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        // As soon as the first slice has its name, the run is killed.
        let slice = |at: usize| format!("features-0000{at}.parquet");
        while child.try_wait().expect("it can be asked").is_none() {
            if kept(&folder, &format!("k-{name}")).contains(&slice(0)) {
                child.kill().expect("it is killed");
            }
            std::thread::yield_now();
        }
        child.wait().expect("it ends");
        let before = kept(&folder, &format!("k-{name}"));
        assert!(before.contains(&slice(0)), "{before:?}");
        assert!(!before.contains(&slice(5)), "it was killed in time: {before:?}");
        let ran = folder.well(&format!("{line} -o cut-{name} --cache k-{name} --json")).json();
        let extracted = ran["work"]["payments_extracted"].as_u64().expect("a count");
        assert!(extracted <= payments - SLICE, "{extracted}: what was kept is not computed again");
        for at in 0..6 {
            let [whole, cut] = ["c", "k"].map(|cache| {
                let cache = format!("{cache}-{name}");
                folder.bytes(&format!("{}/{}", features(&folder, &cache), slice(at)))
            });
            assert!(whole == cut, "{name}: slice {at} differs");
        }
        for table in ["rules", "verdicts", "alerts", "days", "attempts"] {
            let [whole, cut] =
                ["whole", "cut"].map(|out| parquet(&folder, &format!("{out}-{name}"), table));
            assert!(whole == cut, "{name}: {table} differs");
        }
    }
}

/// The folder of features in a cache.
fn features(folder: &Folder, cache: &str) -> String {
    let list = folder.list(cache);
    let found = list.iter().find(|name| name.starts_with("features-")).expect("there are features");
    format!("{cache}/{found}")
}

/// The files of features in a cache, where there are any yet.
fn kept(folder: &Folder, cache: &str) -> Vec<String> {
    let path = folder.path(cache);
    let list = |path: &Path| -> Vec<std::path::PathBuf> {
        std::fs::read_dir(path)
            .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
            .unwrap_or_default()
    };
    let folders = list(&path);
    let inside = folders.iter().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("features-"))
    });
    let files = inside.flat_map(|path| list(path));
    files.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}

/// Recounts every figure from the raw tables, in a language of its own.
fn recount(folder: &Folder, out: &str) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recount.py");
    let known = Command::new("python3").args(["-c", "import pyarrow"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        return skipped("python3 with the package pyarrow is needed");
    }
    let output =
        Command::new("python3").arg(script).arg(folder.path(out)).output().expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{wrong}");
    Some(said)
}

#[test]
fn an_independent_script_counts_the_same_figures_from_the_raw_tables() {
    let folder = world();
    for words in ["", "--horizon 4d --budget 20"] {
        folder.well(&format!("backtest world.csv -o b --samples 0 {words}"));
        let Some(said) = recount(&folder, "b") else { return };
        assert!(said.contains("figures agree"), "{said}");
    }
    let Some(data) = beside("data/amlgentex/transfers_account_to_account.csv") else { return };
    folder.well(&format!("backtest {} -o g --samples 0", shown(&data)));
    recount(&folder, "g");
}

#[test]
fn two_versions_of_the_rules_differ_payment_by_payment() {
    let folder = world();
    folder.write("new/fan-in.toml", folder.well("rules show fan-in").out);
    folder.write("new/cycle.toml", folder.well("rules show cycle").out);
    folder.write("old/fan-in.toml", folder.well("rules show fan-in").out);
    folder.write("old/cycle.toml", folder.well("rules show cycle").out);
    let same = folder.well("backtest world.csv -o d --typologies new --against old --json").json();
    assert_eq!(same["difference"], serde_json::json!({"gained": 0, "lost": 0, "changed": 0}));
    let strict = "backtest world.csv -o d --typologies new --set fan-in.least_payers=9";
    let changed = folder.well(&format!("{strict} --against old --json")).json();
    let difference = &changed["difference"];
    assert_eq!(difference["gained"], 0, "a stricter rule brings nobody in");
    assert!(difference["lost"].as_u64() > Some(0), "{difference}");
    let rows = table(&folder, "d/difference.parquet");
    let of = |word: &str| texts(&rows, "change").iter().filter(|w| *w == word).count() as u64;
    assert_eq!(Some(of("lost")), difference["lost"].as_u64());
    assert!(texts(&rows, "change").iter().all(|word| word != "gained"));
    assert!(folder.text("d/backtest.html").contains("What changed"));
    folder.well(strict);
    assert!(!folder.path("d/difference.parquet").exists(), "nothing is left of another run");
}

#[test]
fn a_copy_of_the_library_says_what_the_library_says() {
    let folder = world();
    let list = folder.well("rules list --json").json();
    for typology in list.as_array().expect("a list") {
        let id = typology["id"].as_str().expect("a name");
        folder.write(&format!("copy/{id}.toml"), folder.well(&format!("rules show {id}")).out);
    }
    folder.well("backtest world.csv -o built-in --horizon 4d");
    let ran = folder
        .well("backtest world.csv -o copied --horizon 4d --typologies copy --against built-in");
    let told = "0 payments came into alerts, 0 left them, 0 are told otherwise";
    assert!(ran.text().contains(told), "{}", ran.text());
    for name in ["rules", "verdicts", "alerts"] {
        let [one, other] = ["built-in", "copied"].map(|out| parquet(&folder, out, name));
        assert!(one == other, "{name} differs");
    }
}

#[test]
fn a_history_without_labels_has_costs_and_no_precision() {
    let folder = Folder::with(
        "in.csv",
        ledger(
            "hour from to eur
             0    A    B  900.00
             1    B    C  890.00
             2    C    A  880.00",
        ),
    );
    let ran = folder.well("backtest in.csv -o b --json").json();
    assert_eq!(ran["average_precision"], Value::Null);
    assert_eq!(ran["counts"]["alerts"], 1);
    assert!(ran["notes"].to_string().contains("no labels"), "{}", ran["notes"]);
    let page = folder.text("b/backtest.html");
    assert!(!page.contains("Half found"), "nothing is said of attempts");
    let tuned = folder.run("tune in.csv -o t --alerts-a-day 5");
    assert_eq!(tuned.code, Some(2));
    assert!(tuned.err.contains("no labels") && tuned.err.contains("hint:"), "{}", tuned.err);
    let empty = Folder::with("in.csv", "id,time,debtor,creditor,amount,currency\n");
    let ran = empty.run("backtest in.csv -o b");
    assert!(matches!(ran.code, Some(0 | 2)), "{}", ran.err);
}

#[test]
fn hostile_text_is_shown_and_never_obeyed_in_a_backtest() {
    let image = "<img/src=x/onerror=alert(1)>";
    let csv = format!(
        "id,time,debtor,creditor,amount,currency,label,pattern\n\
         {image},2024-01-01T01:00:00Z,{image},B,900.00,EUR,1,7:{image}\n\
         2,2024-01-01T02:00:00Z,B,C,890.00,EUR,1,7:{image}\n\
         3,2024-01-01T03:00:00Z,C,{image},880.00,EUR,1,7:{image}\n"
    );
    let folder = Folder::with("in.csv", csv);
    folder.well("backtest in.csv -o b --accounts plain");
    let page = folder.text("b/backtest.html");
    assert!(!page.contains("<img"), "no name is an element");
    assert!(page.contains("&lt;img/src"), "names are shown");
    assert!(page.contains("default-src 'none'") && page.contains("script-src 'none'"));
}

#[test]
fn tuning_meets_its_budget_and_writes_rules_that_say_why() {
    let folder = Folder::new();
    folder.well("simulate --accounts 4000 --payments 60000 --days 120 --seed 1 -o world.csv");
    let ran = folder.well("tune world.csv -o t --alerts-a-day 4 --json").json();
    let number = |value: &Value| value.as_f64().expect("a number");
    let now = &ran["validation"]["after"];
    assert!(number(&ran["validation"]["before"]["alerts_per_day"]) > 4.0);
    assert!(number(&now["alerts_per_day"]) <= 4.0, "{now}");
    assert!(number(&now["payments_caught"]) > 0.0, "{now}");
    let changes = ran["changes"].as_array().expect("a list");
    assert!(!changes.is_empty());
    folder.well("rules check --typologies t/typologies");
    for change in changes {
        let id = change["typology"].as_str().expect("an id");
        let text = folder.text(&format!("t/typologies/{id}.toml"));
        assert!(text.contains("# Chosen by `shroff tune` for 4 alerts a day"), "{text}");
        assert!(text.contains(&format!("# It was {}.", change["before"].as_f64().expect("it"))));
    }
    // The copy is what was measured: a backtest under it counts the same.
    folder.well("backtest world.csv -o b --samples 0 --typologies t/typologies");
    let again = run_json(&folder, "b");
    for part in ["validation", "test"] {
        let told = &again["parts"][part]["rules"]["all"];
        for key in ["alerts", "right_alerts", "attempts_half", "innocent_accounts"] {
            assert_eq!(told[key], ran[part]["after"][key], "{part} {key}");
        }
    }
    let wide = folder.well("tune world.csv -o w --alerts-a-day 1000 --json").json();
    let caught = |ran: &Value| number(&ran["validation"]["after"]["payments_caught"]);
    assert!(caught(&wide) >= caught(&ran), "more alerts catch no less");
    let precise = folder.well("tune world.csv -o p --precision 30% --json").json();
    assert!(number(&precise["validation"]["after"]["alert_precision"]) >= 0.3, "{precise}");
}
