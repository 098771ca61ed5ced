//! Features that are computed once and kept: in folders, each of which has some of the blocks.
//!
//! Blocks say the same of equal payments whatever others are computed beside them. So what a run
//! before computed is read where it lies, and only the blocks that no folder has are computed, into one
//! of their own.

mod part;

use std::path::Path;

use shroff_detect::{Cell, Column, Definitions};

use super::book::Book;
use super::slices;
use crate::cli::Work;
use crate::inputs;
use crate::threads::Threads;

pub(crate) use part::{Completers, Part};

/// The features of a book under some definitions, put together from one folder or several.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) definitions: Definitions,
    pub(crate) columns: Vec<Column>,
    /// Where they are; one at least.
    pub(crate) parts: Vec<Part>,
    /// By block: where it is as a pattern, if it is one.
    patterns: Vec<Option<Pattern>>,
    /// By column: the part that has it, and its position in the files there.
    at: Vec<(usize, usize)>,
    /// Payments whose features were computed in this run, and how many blocks of them.
    pub(crate) computed: u64,
    pub(crate) blocks_computed: usize,
}

/// A pattern in the files: the part that has it, and its number among the patterns there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) part: usize,
    pub(crate) number: u32,
}

/// Computes what is missing of the features of a book.
pub(crate) fn keep(
    cache: &Path,
    book: &Book,
    definitions: &Definitions,
    work: &Work,
) -> anyhow::Result<Kept> {
    let (mut parts, mut blocks) = known(cache, book, definitions);
    let mut missing: Vec<usize> = (0..blocks.len()).filter(|&at| blocks[at].is_none()).collect();
    // What was begun as a whole is not begun again in pieces.
    if !missing.is_empty() && missing.len() < blocks.len() {
        let whole = Part::of(cache, book, definitions.clone());
        if whole.is_begun() {
            parts.clear();
            missing = (0..blocks.len()).collect();
        }
    }
    let mut computed = 0;
    if !missing.is_empty() {
        let part = Part::of(cache, book, definitions.only(&missing));
        computed = part.complete(book, work)?;
        for (own, &block) in missing.iter().enumerate() {
            blocks[block] = Some((parts.len(), own));
        }
        parts.push(part);
    }
    let blocks = blocks.into_iter().map(|block| block.expect("what no part had was computed"));
    let mut kept = Kept::new(definitions, parts, &blocks.collect::<Vec<_>>());
    kept.computed = computed;
    kept.blocks_computed = if computed == 0 { 0 } else { missing.len() };
    Ok(kept)
}

/// Features of the book that runs before computed to the end, and where each block is in them.
fn known(
    cache: &Path,
    book: &Book,
    definitions: &Definitions,
) -> (Vec<Part>, Vec<Option<(usize, usize)>>) {
    let folders = inputs::folders(cache);
    let mut found: Vec<Part> =
        folders.into_iter().filter_map(|folder| Part::found(folder, book)).collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut blocks = vec![None; definitions.blocks.len()];
    // First who has most of what is missing; among equals the least to be read past, and by name, so that
    // a run does as the one before.
    loop {
        let has = |part: &Part| {
            let places = definitions.found_in(&part.definitions);
            let of_missing = places.iter().zip(&blocks);
            of_missing.filter(|(place, known)| place.is_some() && known.is_none()).count()
        };
        let best = found.iter().enumerate().max_by_key(|(_, part)| {
            (has(part), std::cmp::Reverse((part.columns.len(), &part.folder)))
        });
        let Some((at, part)) = best.filter(|(_, part)| has(part) > 0) else { break };
        for (place, known) in definitions.found_in(&part.definitions).iter().zip(&mut blocks) {
            *known = known.or(place.map(|place| (parts.len(), place)));
        }
        parts.push(found.swap_remove(at));
    }
    (parts, blocks)
}

impl Kept {
    fn new(definitions: &Definitions, parts: Vec<Part>, blocks: &[(usize, usize)]) -> Kept {
        let columns = definitions.columns();
        let at = columns.iter().map(|column| {
            let (part, _) = blocks[column.block];
            let at = parts[part].columns.iter().position(|other| other.name == column.name);
            (part, at.expect("who has a block has its columns"))
        });
        let pattern = |&(part, block): &(usize, usize)| {
            let all = parts[part].definitions.patterns();
            let number = all.iter().position(|&other| other == block)?;
            Some(Pattern { part, number: u32::try_from(number).ok()? })
        };
        Kept {
            at: at.collect(),
            patterns: blocks.iter().map(pattern).collect(),
            definitions: definitions.clone(),
            columns,
            parts,
            computed: 0,
            blocks_computed: 0,
        }
    }

    /// Payments of which one of some flags is true.
    pub(crate) fn count(
        &self,
        book: &Book,
        flags: &[usize],
        threads: &Threads,
    ) -> anyhow::Result<u64> {
        if flags.is_empty() {
            return Ok(0);
        }
        let counts = slices::each(threads, slices::count(book.len()), &|number| {
            let flags = self.cells(number, flags)?;
            let is_true = |row: &usize| flags.iter().any(|cells| cells[*row].flag() == Some(true));
            Ok((0..flags[0].len()).filter(is_true).count() as u64)
        })?;
        Ok(counts.iter().sum())
    }

    /// How many of the blocks were computed in this run, in words; none where it were all or none.
    pub(crate) fn computed_of(&self) -> Option<String> {
        let (some, all) = (self.blocks_computed, self.patterns.len());
        (some > 0 && some < all).then(|| format!("{some} of {all} feature blocks"))
    }

    /// Some columns of a slice, each as cells.
    pub(crate) fn cells(&self, number: usize, wanted: &[usize]) -> anyhow::Result<Vec<Vec<Cell>>> {
        let mut cells: Vec<Vec<Cell>> = vec![Vec::new(); wanted.len()];
        for (number_of_part, part) in self.parts.iter().enumerate() {
            // Position in the files, and in what is wanted. They come in the order of the files.
            let own = wanted.iter().zip(0..).filter(|&(&at, _)| self.at[at].0 == number_of_part);
            let mut own: Vec<(usize, usize)> = own.map(|(&at, to)| (self.at[at].1, to)).collect();
            own.sort_unstable();
            if own.is_empty() {
                continue;
            }
            let places: Vec<usize> = own.iter().map(|(place, _)| *place).collect();
            for (&(_, to), column) in own.iter().zip(part.cells(number, &places)?) {
                cells[to] = column;
            }
        }
        Ok(cells)
    }

    /// A block as a pattern, if it is one.
    pub(crate) fn pattern_of(&self, block: usize) -> Option<Pattern> {
        self.patterns[block]
    }

    /// Which features some columns are, and the folder for what hangs on them: that of one of the parts
    /// that have them, the same whatever else is there.
    pub(crate) fn home_of(&self, columns: &[usize]) -> (String, &Path) {
        let is_theirs = |part: usize| columns.iter().any(|&at| self.at[at].0 == part);
        let theirs = self.parts.iter().enumerate().filter(|(part, _)| is_theirs(*part));
        let mut theirs: Vec<&Part> = theirs.map(|(_, part)| part).collect();
        theirs.sort_unstable_by_key(|part| &part.digest);
        if theirs.is_empty() {
            theirs.push(&self.parts[0]);
        }
        let digests: Vec<&str> = theirs.iter().map(|part| part.digest.as_str()).collect();
        (digests.join(" "), &theirs[0].folder)
    }
}

/// Whether there is such a file.
pub(crate) fn is_there(path: &Path) -> bool {
    inputs::file(path).is_ok()
}
