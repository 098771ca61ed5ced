//! `shroff rules`: check, test, list, show and document typologies.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::{Value, json};
use shroff_detect::{Placed, RanOut, RuleError, Typology};
use shroff_engine::run_example;
use shroff_types::Span;

use crate::backtest::observed;
use crate::cli::{RulesCommand, RulesOf};
use crate::library::{self, Library};
use crate::zone::Zone;
use crate::{Ending, outputs, rules_page, terminal};

pub(crate) fn run(command: RulesCommand) -> anyhow::Result<Ending> {
    match command {
        RulesCommand::Check { of, observed, time_zone, set } => {
            check(&of, (&observed, &set), time_zone)
        }
        RulesCommand::Test(of) => test(&of),
        RulesCommand::List(of) => list(&of),
        RulesCommand::Show { id, of } => show(&id, &of),
        RulesCommand::Docs { out, of } => docs(&out, &of),
        RulesCommand::Definitions { horizon, of } => definitions(&horizon, &of),
    }
}

/// Payments that a search which ran out of its budget concerns, as a reader must know of them.
#[derive(Debug)]
pub(crate) struct CutShort {
    /// Where what is said rests on lower bounds.
    pub(crate) unknown: u64,
    /// Where what the search found is passed over.
    pub(crate) known: u64,
    /// The columns that say of which payments.
    pub(crate) columns: Vec<String>,
    pub(crate) horizon: Span,
    /// The searches, where they were counted.
    pub(crate) searches: Vec<RanOut>,
}

impl CutShort {
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.unknown > 0 {
            let what = ran_out(self.unknown, self.horizon);
            notes.push(format!("{what}: their counts are lower bounds"));
        }
        if self.known > 0 {
            let what = ran_out(self.known, self.horizon);
            let columns = self.columns.join(", ");
            notes.push(format!("{what}, and what it found is passed over: {columns}"));
        }
        notes.extend(searches(&self.searches, self.horizon));
        notes
    }
}

/// How many searches ran out, which without a horizon are as many as the payments.
pub(crate) fn searches(ran_out: &[RanOut], horizon: Span) -> Option<String> {
    let all: u64 = ran_out.iter().map(|of| of.searches).sum();
    if all == 0 || horizon == Span::ZERO {
        return None;
    }
    let each = ran_out.iter().map(|RanOut { column, searches }| {
        format!("{} for {column}", terminal::grouped(*searches))
    });
    let each: Vec<String> = each.collect();
    let all = terminal::grouped(all);
    Some(format!("{all} searches ran out of their budget: {}", each.join(", ")))
}

/// Of so many payments that a search ran out. With a horizon it need not be their own: they may be part of
/// what a later one would have found.
pub(crate) fn ran_out(payments: u64, horizon: Span) -> String {
    let payments = terminal::grouped(payments);
    if horizon == Span::ZERO {
        format!("{payments} payments had a search that ran out of its budget")
    } else {
        format!("{payments} payments have a search within their horizon that ran out of its budget")
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Some errors as JSON.
pub(crate) fn as_json(errors: &[RuleError]) -> Vec<Value> {
    let one = |e: &RuleError| {
        json!({
            "file": e.file, "line": e.line, "column": e.column, "key": e.place,
            "what": e.what.lines().next().unwrap_or_default(), "message": e.what, "hint": e.hint,
        })
    };
    errors.iter().map(one).collect()
}

fn check(
    of: &RulesOf,
    (observed, set): (&[String], &[String]),
    zone: Zone,
) -> anyhow::Result<Ending> {
    let Library { mut typologies, mut errors } = library::read(of.typologies.as_deref())?;
    if errors.is_empty() && !observed.is_empty() {
        library::change(&mut typologies, set)?;
        errors = observed::never_true(observed, zone, &typologies)?;
    }
    let read = typologies.len();
    if of.json {
        let report = json!({"typologies": read, "errors": as_json(&errors)});
        print(&format!("{report:#}"))?;
    } else {
        for error in &errors {
            print(&format!("{error}\n"))?;
        }
        let count = errors.len();
        let plural = if count == 1 { "error" } else { "errors" };
        print(&format!("{read} typologies read, {count} {plural}"))?;
    }
    Ok(if errors.is_empty() { Ending::Well } else { Ending::TooManyBad })
}

/// All that is right in a library; what is wrong is the error.
fn right(of: &RulesOf) -> anyhow::Result<Vec<Typology>> {
    library::for_run(of.typologies.as_deref(), &[])
}

/// How one example went.
struct Tried<'a> {
    typology: &'a Typology,
    name: &'a str,
    line: usize,
    expected: Vec<String>,
    found: Result<Vec<String>, String>,
}

impl Tried<'_> {
    fn passed(&self) -> bool {
        self.found.as_ref().is_ok_and(|found| *found == self.expected)
    }

    fn told(&self) -> String {
        let (file, line) = (&self.typology.file, self.line);
        let head = format!("{file}:{line}: `{}`", self.name);
        let alerts = |list: &[String]| match list {
            [] => "no alert".to_owned(),
            _ => list.iter().map(|p| format!("[{p}]")).collect::<Vec<_>>().join(" "),
        };
        match &self.found {
            Ok(found) => format!(
                "{head}: the alerts are not those that it must give\n  must:  {}\n  gives: {}",
                alerts(&self.expected),
                alerts(found)
            ),
            Err(error) => format!("{head}: {error}"),
        }
    }
}

/// The line of the file that a line of a text is.
fn line_in(text: &Placed, line: usize) -> usize {
    text.line + line.saturating_sub(1)
}

fn tried(typologies: &[Typology]) -> Vec<Tried<'_>> {
    let mut tried = Vec::new();
    for typology in typologies {
        for example in &typology.examples {
            let mut expected = example.alerts.clone();
            let mut line = example.ledger.line;
            expected.sort();
            let found = run_example(typology, example);
            if let Err(error) = &found {
                line = line_in(&example.ledger, error.line);
            }
            let found = found.map_err(|error| error.what).map(|mut found| {
                found.sort();
                found
            });
            tried.push(Tried { typology, name: &example.name, line, expected, found });
        }
    }
    tried
}

/// How the examples of typologies go, as JSON.
pub(crate) fn tests_as_json(typologies: &[Typology]) -> Vec<Value> {
    let one = |tried: Tried<'_>| {
        let passed = tried.passed();
        json!({
            "typology": tried.typology.id, "file": tried.typology.file, "test": tried.name,
            "line": tried.line, "passed": passed,
            "message": if passed { String::new() } else { tried.told() },
        })
    };
    tried(typologies).into_iter().map(one).collect()
}

/// Typologies without an example of an innocent flow that looks alike.
pub(crate) fn without_look_alike(typologies: &[Typology]) -> Vec<&Typology> {
    let has_none =
        |t: &&Typology| !t.examples.iter().any(|e| e.alerts.is_empty()) || t.examples.len() < 2;
    typologies.iter().filter(has_none).collect()
}

fn test(of: &RulesOf) -> anyhow::Result<Ending> {
    let typologies = right(of)?;
    let tried = tried(&typologies);
    let failed: Vec<&Tried<'_>> = tried.iter().filter(|one| !one.passed()).collect();
    let untested: Vec<&str> =
        without_look_alike(&typologies).into_iter().map(|t| t.id.as_str()).collect();
    if of.json {
        let one = |t: &&Tried<'_>| json!({"typology": t.typology.id, "test": t.name, "line": t.line, "message": t.told()});
        let failed: Vec<Value> = failed.iter().map(one).collect();
        print(&format!(
            "{:#}",
            json!({"tests": tried.len(), "failed": failed, "without_look_alike": untested})
        ))?;
    } else {
        for one in &failed {
            print(&format!("{}\n", one.told()))?;
        }
        for id in &untested {
            terminal::note(format_args!("{id} has no example of an innocent look-alike"));
        }
        print(&format!(
            "{} examples of {} typologies, {} failed",
            tried.len(),
            typologies.len(),
            failed.len()
        ))?;
    }
    Ok(if failed.is_empty() { Ending::Well } else { Ending::TooManyBad })
}

/// A typology as JSON, without its texts of SQL.
fn summary(typology: &Typology) -> Value {
    let parameters: serde_json::Map<String, Value> = typology
        .parameters
        .iter()
        .map(|(name, p)| {
            let value = json!({
                "value": p.value, "range": [p.range.0, p.range.1], "unit": p.unit, "what": p.what,
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "id": typology.id, "title": typology.title, "file": typology.file, "what": typology.what,
        "group": typology.group, "weight": typology.weight, "action": typology.action.name(),
        "parameters": parameters, "cases": typology.cases.len(),
        "examples": typology.examples.len(),
    })
}

fn list(of: &RulesOf) -> anyhow::Result<Ending> {
    let typologies = right(of)?;
    if of.json {
        let all: Vec<Value> = typologies.iter().map(summary).collect();
        print(&format!("{:#}", Value::Array(all)))?;
        return Ok(Ending::Well);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["id", "group", "weight", "suggests", "parameters"]);
    for typology in &typologies {
        let parameters = typology.parameters.iter().map(|(name, p)| format!("{name}={}", p.value));
        table.add_row([
            typology.id.clone(),
            typology.group.clone(),
            typology.weight.to_string(),
            typology.action.name().to_owned(),
            parameters.collect::<Vec<_>>().join(" "),
        ]);
    }
    print(&table.to_string())?;
    Ok(Ending::Well)
}

fn show(id: &str, of: &RulesOf) -> anyhow::Result<Ending> {
    let typologies = right(of)?;
    let Some(typology) = typologies.iter().find(|typology| typology.id == id) else {
        let ids: Vec<&str> = typologies.iter().map(|typology| typology.id.as_str()).collect();
        bail!("there is no typology `{id}`\nhint: there are {}", ids.join(", "));
    };
    let text = library::text_of(of.typologies.as_deref(), typology)?;
    if of.json {
        let mut value = summary(typology);
        value["text"] = Value::String(text);
        print(&format!("{value:#}"))?;
    } else {
        print(text.trim_end())?;
    }
    Ok(Ending::Well)
}

fn definitions(horizon: &str, of: &RulesOf) -> anyhow::Result<Ending> {
    let typologies = right(of)?;
    let horizon = span(horizon)?;
    print(shroff_detect::written(&union(&typologies, horizon)?).trim_end())?;
    Ok(Ending::Well)
}

/// A span of the command line.
pub(crate) fn span(text: &str) -> anyhow::Result<Span> {
    text.parse().map_err(|hint| anyhow::anyhow!("`{text}` is no span\nhint: {hint}"))
}

/// What a library needs, each block once.
pub(crate) fn union(
    typologies: &[Typology],
    horizon: Span,
) -> anyhow::Result<shroff_detect::Definitions> {
    shroff_detect::union(typologies, horizon).map_err(all)
}

/// Definitions with all that a library needs besides.
pub(crate) fn extended(
    definitions: &shroff_detect::Definitions,
    typologies: &[Typology],
) -> anyhow::Result<shroff_detect::Definitions> {
    shroff_detect::extended(definitions, typologies).map_err(all)
}

fn all(errors: Vec<RuleError>) -> anyhow::Error {
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", text.join("\n"))
}

fn docs(out: &Path, of: &RulesOf) -> anyhow::Result<Ending> {
    let typologies = right(of)?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for typology in &typologies {
        files.push((out.join(format!("{}.md", typology.id)), rules_page::page(typology)));
    }
    files.push((out.join("index.md"), rules_page::index(&typologies)));
    for (path, text) in &files {
        outputs::write_file(path, |file| file.write_all(text.as_bytes()))?;
    }
    if of.json {
        let paths: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        print(&format!("{:#}", json!({"written": paths})))?;
    } else {
        print(&format!("{} pages in {}", files.len(), out.display()))?;
    }
    Ok(Ending::Well)
}
