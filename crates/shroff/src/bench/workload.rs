//! The canonical workload: a simulated world, and each family of features by itself.

use anyhow::Context;
use shroff_detect::{Definitions, Input};
use shroff_sim::World;
use shroff_types::Currency;

use crate::simulate;

pub(super) const ACCOUNTS: u32 = 50_000;
pub(super) const DAYS: u32 = 60;
pub(super) const WARM_UP_DAYS: i64 = 30;
const SEED: u64 = 1;

/// The payments of the world, in order.
pub(super) fn payments(count: u64) -> anyhow::Result<Vec<Input>> {
    let simulation = simulate::simulate(&World::new(ACCOUNTS, count, DAYS, SEED))?;
    let payments = simulation.rows().map(|row| Input {
        time: row.time,
        debtor: row.debtor,
        creditor: row.creditor,
        minor: row.amount_minor.into(),
        currency: Currency::EUR,
        method: None,
    });
    Ok(payments.collect())
}

const FAMILIES: [(&str, &str); 10] = [
    ("activity", "kind = 'activity'\nwindow = '24h'\nmeasures = ['count', 'sum', 'mean', 'age']"),
    ("fan", "kind = 'activity'\nwindow = '24h'\nmeasures = ['fan']"),
    ("moments", "kind = 'activity'\nwindow = '24h'\nmeasures = ['std', 'skew', 'kurtosis']"),
    ("order", "kind = 'activity'\nwindow = '24h'\nmeasures = ['min', 'max', 'median']"),
    ("pair", "kind = 'pair'\nwindow = '30d'"),
    ("novelty", "kind = 'novelty'\nwindow = '24h'\nmemory = '30d'"),
    ("cycle", "kind = 'cycle'\nwindow = '24h'\nlongest = 10"),
    ("ring", "kind = 'ring'\nwindow = '24h'\nlongest = 10"),
    ("scatter-gather", "kind = 'scatter_gather'\nwindow = '24h'"),
    ("chain", "kind = 'chain'\nwindow = '24h'\nretention_permille = 800\ndeepest = 10"),
];

/// Each family, and last all of them at once.
pub(super) fn families() -> anyhow::Result<Vec<(&'static str, Definitions)>> {
    let block = |text: &str| format!("[[feature]]\n{text}\n");
    let parse = |text: &str| Definitions::parse(text).context("a family of the benchmark");
    let mut families = Vec::new();
    let mut whole = String::new();
    for (name, text) in FAMILIES {
        families.push((name, parse(&block(text))?));
        whole.push_str(&block(text));
    }
    families.push(("all", parse(&whole)?));
    Ok(families)
}
