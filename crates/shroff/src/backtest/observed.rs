//! Which conditions of rules were never true on a history, and what their values were there.

use shroff_detect::{BoundRule, RuleError, Rules, Typology, Watch};
use shroff_types::Span;

use super::{kept, open, slices};
use crate::cli::{History, Naming, Reading, Ruling, Work};
use crate::progress::Bar;
use crate::rules;
use crate::zone::Zone;

/// The conditions of the typologies that are true at no payment of some files, in the order in which
/// they stand in theirs.
pub(crate) fn never_true(
    inputs: &[String],
    time_zone: Zone,
    typologies: &[Typology],
) -> anyhow::Result<Vec<RuleError>> {
    let definitions = rules::union(typologies, Span::ZERO)?;
    let rules = Rules::bind(typologies, &definitions).map_err(shroff_engine::EngineError)?;
    // What is computed on the way is of no use to a later run.
    let folder = tempfile::tempdir()?;
    let history = history(inputs, time_zone);
    let opened = open(&history, folder.path())?;
    opened.book.tell();
    let kept = kept::keep(&opened.cache, &opened.book, &definitions, &history.work)?;
    let mut wanted: Vec<usize> = rules.bound.iter().flat_map(BoundRule::cells).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let watch = |rule: &BoundRule| Watch::new(rule, &typologies[rule.typology()], &definitions);
    let mut watches: Vec<Watch> = rules.bound.iter().map(watch).collect();
    let mut bar = Bar::of_payments("looking", u64::from(opened.book.len()));
    let asker = opened.asker(&kept);
    for number in 0..slices::count(opened.book.len()) {
        asker.each_row(number, &wanted, &mut |place, asked| {
            for watch in &mut watches {
                watch.see(asked);
            }
            bar.at(u64::from(place));
        })?;
    }
    bar.done();
    let told = watches
        .iter()
        .zip(&rules.bound)
        .flat_map(|(watch, rule)| watch.never_true(&typologies[rule.typology()], &definitions));
    let mut told: Vec<RuleError> = told.collect();
    told.sort_by(RuleError::by_place);
    Ok(told)
}

fn history(inputs: &[String], time_zone: Zone) -> History {
    History {
        reading: Reading::of(inputs.to_vec()),
        ruling: Ruling { time_zone, ..Ruling::built_in() },
        cache: None,
        horizon: None,
        seed: 1,
        accounts: Naming::Tokens,
        json: true,
        work: Work { batch: 4_096, threads: 0 },
    }
}
