//! `shroff backtest`: a history replayed under a set of rules, as the engine would have seen it.
//!
//! Features are computed once and kept. What rules say of them is asked slice by slice, and alerts
//! are grouped by the code of a scan over the evidence found again, so they are those of a scan.

pub(crate) mod book;
pub(crate) mod bootstrap;
mod curve;
mod difference;
pub(crate) mod figures;
pub(crate) mod files;
pub(crate) mod hits;
pub(crate) mod kept;
pub(crate) mod observed;
pub(crate) mod page;
pub(crate) mod parts;
pub(crate) mod patterns;
pub(crate) mod plots;
pub(crate) mod replay;
mod samples;
pub(crate) mod slices;
pub(crate) mod terminal;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use shroff_detect::{Definitions, Rules, Scoring, Typology};
use shroff_types::{Clock, Span, Timestamp};

use crate::cli::{Backtest, History};
use crate::threads::Threads;
use crate::tokens::Namer;
use crate::{Ending, ledger, library, outputs, rules, scan, settings};

use book::Book;
use figures::Table;
use hits::{Asker, Hits};
use kept::Kept;
use parts::Split;
use replay::{Replay, Replayed, RuleSet};

/// A history that is open, and how it is looked at.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) book: Book,
    pub(crate) cache: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) horizon: Span,
    pub(crate) threads: Threads,
}

/// A set of rules over it.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) typologies: Vec<Typology>,
    pub(crate) rules: Rules,
    pub(crate) kept: Kept,
    pub(crate) hits: Hits,
    pub(crate) cut_short: rules::CutShort,
}

/// What a set of rules came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) version: Version,
    pub(crate) replayed: Replayed,
    pub(crate) table: Table,
    pub(crate) split: Split,
}

/// The most typologies that are told apart at once: a bit for each.
const MOST_TYPOLOGIES: usize = 64;

/// Days from one instant to another; one at least.
pub(crate) fn days_between(first: Timestamp, last: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a span is below 2^53 microseconds")]
    let days = last.micros_since(first) as f64 / Span::DAY.micros() as f64;
    days.max(1.0)
}

/// Opens a history, its payments kept from a run before or read now.
pub(crate) fn open(history: &History, out: &Path) -> anyhow::Result<Opened> {
    let horizon = rules::span(history.horizon.as_deref().unwrap_or("0s"))?;
    let cache = history.cache.clone().unwrap_or_else(|| out.join("features-cache"));
    let threads = Threads::new(history.work.threads)?;
    let book = book::open(&history.reading, &cache, out, &threads)?;
    if !history.json {
        book.tell();
    }
    let clock = history.ruling.clock();
    Ok(Opened { book, cache, clock, horizon, threads })
}

impl Opened {
    /// Asks a set of rules; features that are missing are computed.
    pub(crate) fn version(
        &self,
        history: &History,
        typologies: Vec<Typology>,
    ) -> anyhow::Result<Version> {
        if typologies.len() > MOST_TYPOLOGIES {
            bail!(
                "there are {} typologies, and {MOST_TYPOLOGIES} are compared at once at most\nhint: \
                 put some of them into another folder",
                typologies.len()
            );
        }
        let definitions = self.definitions(history, &typologies)?;
        let rules = Rules::bind(&typologies, &definitions)
            .map_err(shroff_engine::EngineError)
            .context("the rules do not fit the features")?;
        let kept = kept::keep(&self.cache, &self.book, &definitions, &history.work)?;
        let hits = self.asker(&kept).hits(&typologies, &rules)?;
        let flags = rules.flags(&definitions);
        let count = |flags: &[usize]| kept.count(&self.book, flags, &self.threads);
        let cut_short = rules::CutShort {
            unknown: count(&flags.unknown)?,
            known: count(&flags.known)?,
            columns: flags.known.iter().map(|&at| kept.columns[at].name.clone()).collect(),
            horizon: definitions.horizon,
            searches: Vec::new(),
        };
        Ok(Version { typologies, rules, kept, hits, cut_short })
    }

    fn definitions(
        &self,
        history: &History,
        typologies: &[Typology],
    ) -> anyhow::Result<Definitions> {
        let needed = rules::union(typologies, self.horizon)?;
        if history.reading.definitions.is_none() {
            return Ok(needed);
        }
        let text = shroff_detect::written(&needed);
        let (own, _) = ledger::definitions(&history.reading, &text)?;
        rules::extended(&own, typologies)
    }

    pub(crate) fn asker<'a>(&'a self, kept: &'a Kept) -> Asker<'a> {
        Asker { book: &self.book, kept, clock: &self.clock, threads: &self.threads }
    }

    /// Groups what fired into alerts, and counts.
    pub(crate) fn outcome(
        &self,
        history: &History,
        version: Version,
        budget: Option<f64>,
    ) -> anyhow::Result<Outcome> {
        let (replayed, table, split) = self.counted(history, &version, budget)?;
        Ok(Outcome { version, replayed, table, split })
    }

    fn counted(
        &self,
        history: &History,
        version: &Version,
        budget: Option<f64>,
    ) -> anyhow::Result<(Replayed, Table, Split)> {
        let book = &self.book;
        let scoring = Scoring::new(&version.typologies, history.ruling.thresholds());
        let most = budget.map(|b| scan::allowed(b, book.days(), book.facts.accounts as usize));
        let Version { rules, kept, hits, .. } = version;
        let set = RuleSet { rules, hits, scoring };
        let mut replayed =
            Replay { book, kept, threads: &self.threads }.run(&[set], (0, book.len()), most)?;
        let replayed = replayed.pop().expect("one set was replayed");
        let definitions = &kept.definitions;
        let horizon = definitions.horizon;
        let split = Split::of(book, definitions.look_back().plus(horizon));
        let counting = figures::Counting { book, hits, replayed: &replayed, split: &split };
        let table = counting.table(&self.threads, (horizon, history.seed));
        Ok((replayed, table, split))
    }
}

/// All that is written of a backtest.
pub(crate) struct Told<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) outcome: &'a Outcome,
    pub(crate) other: Option<&'a Outcome>,
    pub(crate) difference: Option<difference::Difference>,
    pub(crate) samples: Vec<samples::Sample>,
    pub(crate) curve: Vec<curve::Step>,
    pub(crate) average_precision: Option<f64>,
    pub(crate) notes: Vec<String>,
    pub(crate) against: Option<String>,
}

pub(crate) fn run(arguments: &Backtest) -> anyhow::Result<Ending> {
    let history = &arguments.history;
    let mut seconds = BTreeMap::new();
    let begun = settings::now();
    let typologies = history.ruling.typologies()?;
    let other = match arguments.against.as_deref() {
        Some(folder) if folder == Path::new("built-in") => Some(library::for_run(None, &[])?),
        Some(folder) => Some(library::for_run(Some(folder), &[])?),
        None => None,
    };
    let out = &arguments.out;
    // Written last, so that a folder without it is of a run that did not end.
    outputs::remove_if_there(&out.join("run.json"))?;
    let opened = open(history, out)?;
    seconds.insert("read", begun.elapsed().as_secs_f64());
    let begun = settings::now();
    let version = opened.version(history, typologies)?;
    let other = other.map(|typologies| opened.version(history, typologies)).transpose()?;
    seconds.insert("features_and_rules", begun.elapsed().as_secs_f64());
    let begun = settings::now();
    let (beside, counted) = opened.threads.both(
        || -> anyhow::Result<_> {
            // Near the line is what rules say, whatever alerts come of it.
            let samples = samples::draw(&opened, &version, (arguments.samples, history.seed))?;
            let outcome = |other| opened.outcome(history, other, arguments.budget);
            Ok((samples, other.map(outcome).transpose()?))
        },
        || opened.counted(history, &version, arguments.budget),
    );
    let (replayed, table, split) = counted?;
    let outcome = Outcome { version, replayed, table, split };
    let (samples, other) = beside?;
    seconds.insert("alerts_and_figures", begun.elapsed().as_secs_f64());
    let begun = settings::now();
    let told = Told { samples, ..told(arguments, &opened, &outcome, other.as_ref()) };
    let namer = Namer::new(&opened.book.accounts, opened.book.secret, history.accounts);
    // First, because somebody waits for it; the large tables take longer.
    outputs::write_file(&out.join("backtest.html"), |file| page::render(&told, &namer, file))?;
    files::write(out, &told, &namer)?;
    seconds.insert("write", begun.elapsed().as_secs_f64());
    let summary = terminal::summary(arguments, &told, &seconds);
    outputs::write_file(&out.join("run.json"), |file| writeln!(file, "{summary:#}"))?;
    if history.json {
        writeln!(std::io::stdout().lock(), "{summary:#}")?;
    } else {
        terminal::show(arguments, &told)?;
    }
    let facts = &opened.book.facts;
    Ok(ledger::ending(facts.refused, facts.records, history.reading.max_bad))
}

/// Puts together what is told.
fn told<'a>(
    arguments: &Backtest,
    opened: &'a Opened,
    outcome: &'a Outcome,
    other: Option<&'a Outcome>,
) -> Told<'a> {
    let (curve, (average_precision, difference)) = opened.threads.both(
        || curve::by_strength(&opened.book, outcome),
        || {
            let difference = other.map(|other| difference::of(&opened.book, outcome, other));
            (curve::average_precision(&opened.book, &outcome.replayed), difference)
        },
    );
    Told {
        samples: Vec::new(),
        curve,
        average_precision,
        notes: notes(opened, outcome),
        against: arguments.against.as_ref().map(|folder| folder.display().to_string()),
        opened,
        outcome,
        other,
        difference,
    }
}

/// What a reader must know of the figures.
fn notes(opened: &Opened, outcome: &Outcome) -> Vec<String> {
    let mut notes = opened.book.facts.notes.clone();
    notes.extend(outcome.split.note());
    notes.extend(outcome.version.cut_short.notes());
    for &idle in &outcome.version.rules.idle {
        notes.push(format!(
            "{} was not looked for: the definitions have no block that it speaks of",
            outcome.version.typologies[idle].title
        ));
    }
    if outcome.replayed.left_out > 0 {
        notes.push(format!(
            "{} alerts are beyond the budget and left out: the weaker ones",
            crate::terminal::grouped(outcome.replayed.left_out)
        ));
    }
    if !opened.book.facts.has_labels {
        notes.push(
            "the history has no labels: what was caught, and whether an alert is right, is unknown"
                .to_owned(),
        );
    } else if opened.book.facts.by_accounts {
        notes.push(
            "labels are on accounts: a payment between two of them counts as labelled, and an alert \
             with one of them as right"
                .to_owned(),
        );
    }
    notes
}
