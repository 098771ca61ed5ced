//! The definitions of a scan: the blocks that its typologies need, each computed once.

use std::collections::BTreeMap;

use shroff_types::Span;

use crate::definitions::{Block, Definitions, Kind, PatternSearch};
use crate::rules::{BoundRule, Rules};
use crate::typology::{RuleError, Typology};

/// The blocks of all typologies, merged: equal ones are one, measures of the same payments stand in
/// one block, and of cycles the longest asked for is looked for.
///
/// # Errors
/// Where two typologies mean different things by one column.
pub fn union(typologies: &[Typology], horizon: Span) -> Result<Definitions, Vec<RuleError>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut errors = Vec::new();
    let mut owners: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for typology in typologies {
        for (line, block) in &typology.features {
            let at = blocks.iter_mut().position(|known| merge(known, block));
            let at = at.unwrap_or_else(|| {
                blocks.push(block.clone());
                blocks.len() - 1
            });
            let alone = Definitions { amount_exponent: 2, horizon, blocks: vec![block.clone()] };
            for column in alone.columns() {
                let (owner, first) =
                    owners.entry(column.name.clone()).or_insert((at, &typology.file));
                if *owner != at {
                    let what = format!("`{}` has another meaning in {first}", column.name);
                    let hint = "give one of the blocks a prefix of its own: as = \"...\"";
                    errors.push(typology.error((*line, 1), "feature", what, hint));
                    break;
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(Definitions { amount_exponent: 2, horizon, blocks })
    } else {
        Err(errors)
    }
}

/// Takes a block into another, where one can do the work of both.
fn merge(known: &mut Block, block: &Block) -> bool {
    if known.prefix != block.prefix || known.window_text != block.window_text {
        return false;
    }
    match (&mut known.kind, &block.kind) {
        (Kind::Activity { measures, filter }, Kind::Activity { measures: more, filter: other })
            if filter == other =>
        {
            for measure in more {
                if !measures.contains(measure) {
                    measures.push(*measure);
                }
            }
            true
        }
        (Kind::Cycle { longest, search }, Kind::Cycle { longest: more, search: other })
        | (Kind::Ring { longest, search }, Kind::Ring { longest: more, search: other })
            if search.is_done_by(*other) =>
        {
            *longest = (*longest).max(*more);
            search.budget = search.budget.max(other.budget);
            true
        }
        (known, other) => known == other,
    }
}

impl PatternSearch {
    /// Whether one search can do the work of both. One for longer paths runs out sooner: what is to be
    /// whole stays as it is.
    fn is_done_by(self, other: PatternSearch) -> bool {
        self.fresh == other.fresh && !self.whole && !other.whole
    }
}

/// Definitions as the text of a file that gives them again.
pub fn written(definitions: &Definitions) -> String {
    let mut text = format!(
        "amount_exponent = {}\nhorizon = \"{}\"\n",
        definitions.amount_exponent, definitions.horizon
    );
    for block in &definitions.blocks {
        text.push_str(&block_written(block));
    }
    text
}

fn block_written(block: &Block) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut lines = vec!["\n[[feature]]".to_owned()];
    let mut add = |key: &str, value: String| lines.push(format!("{key} = {value}"));
    let filter = crate::plan::filter_of(&block.kind);
    add("kind", quoted(crate::rules::kind_name(&block.kind)));
    add("window", quoted(&block.window_text));
    if !block.prefix.is_empty() {
        add("as", quoted(&block.prefix));
    }
    match &block.kind {
        Kind::Activity { measures, .. } => {
            let names: Vec<String> = measures.iter().map(|m| quoted(m.name())).collect();
            add("measures", format!("[{}]", names.join(", ")));
        }
        Kind::Novelty { memory } => add("memory", quoted(&memory.to_string())),
        Kind::Cycle { longest, .. } | Kind::Ring { longest, .. } => {
            add("longest", longest.to_string());
        }
        Kind::Chain { retention_permille, deepest } => {
            add("retention_permille", retention_permille.to_string());
            add("deepest", deepest.to_string());
        }
        Kind::Pair { .. } | Kind::Passthrough | Kind::ScatterGather { .. } => {}
    }
    if let Some(PatternSearch { fresh, budget, whole }) = block.kind.search() {
        add("budget", budget.to_string());
        if let Some(memory) = fresh {
            add("fresh", quoted(&memory.to_string()));
        }
        if whole {
            add("whole", "true".to_owned());
        }
    }
    if let Some(filter) = filter {
        if let Some(predicate) = &filter.predicate {
            add("where", quoted(predicate));
        }
        if let Some(share) = filter.similar_permille {
            add("similar_permille", share.to_string());
        }
        if filter.without_current {
            add("without_current", "true".to_owned());
        }
    }
    lines.join("\n") + "\n"
}

/// What to say of a rule that fires at no payment.
fn never(typology: &Typology, rule: &BoundRule) -> Option<RuleError> {
    let reason = rule.never_fires()?;
    let when = &typology.cases[rule.case()].when;
    let place = format!("`when` of case {}", rule.case() + 1);
    let what = format!("is true of no payment: {reason}");
    let hint = "loosen it, or remove the case";
    Some(typology.error((when.line, when.column), &place, what, hint))
}

/// Definitions with all that typologies need besides, each block once.
///
/// # Errors
/// Where a typology means something else by a column of the definitions.
pub fn extended(
    definitions: &Definitions,
    typologies: &[Typology],
) -> Result<Definitions, Vec<RuleError>> {
    let needed = union(typologies, definitions.horizon)?;
    let mut blocks = definitions.blocks.clone();
    for block in &needed.blocks {
        if !blocks.iter_mut().any(|known| merge(known, block)) {
            blocks.push(block.clone());
        }
    }
    let whole = Definitions { blocks, ..definitions.clone() };
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for column in whole.columns() {
        if seen.insert(column.name.clone(), column.block).is_some() {
            let what = format!("`{}` has another meaning in the definitions", column.name);
            let hint = "give the block of the definitions a prefix of its own: as = \"...\"";
            return Err(vec![RuleError {
                file: "definitions".to_owned(),
                line: 1,
                column: 1,
                place: "feature".to_owned(),
                what,
                hint: hint.to_owned(),
            }]);
        }
    }
    Ok(whole)
}

/// Everything wrong in a library of typologies, each asked of the blocks that it declares itself,
/// so that no file leans on another's.
pub fn check(typologies: &[Typology]) -> Vec<RuleError> {
    let mut errors = Vec::new();
    let mut ids: BTreeMap<&str, &Typology> = BTreeMap::new();
    for typology in typologies {
        if let Some(first) = ids.insert(&typology.id, typology) {
            let what = format!("`{}` is the id of {} too", typology.id, first.file);
            errors.push(typology.error(typology.id_place, "id", what, "give one of them another"));
        }
        match union(std::slice::from_ref(typology), Span::ZERO) {
            Ok(definitions) => match Rules::bind(std::slice::from_ref(typology), &definitions) {
                Ok(rules) if rules.idle.is_empty() => {
                    errors.extend(rules.bound.iter().filter_map(|rule| never(typology, rule)));
                }
                Ok(_) => {
                    let hint = "declare the [[feature]] blocks that it speaks of";
                    let what = "no case is asked of the blocks that the file declares";
                    errors.push(typology.error((1, 1), "case", what, hint));
                }
                Err(wrong) => errors.extend(wrong),
            },
            Err(wrong) => errors.extend(wrong),
        }
    }
    if let Err(wrong) = union(typologies, Span::ZERO) {
        errors.extend(wrong);
    }
    errors.sort_by(RuleError::by_place);
    errors.dedup();
    errors
}
