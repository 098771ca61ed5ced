//! Rules asked of features that were kept: slices side by side, only the columns that a rule reads.
//!
//! What a typology's rules say of all payments is kept too, by what they ask. So another threshold
//! of one typology costs the few columns that it reads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt16Array, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, UInt16Type, UInt32Type};
use shroff_detect::{Asked, BoundRule, Cell, Memo, Rules, Typology};
use shroff_types::{Clock, Span, Timestamp};

use super::book::Book;
use super::kept::{self, Kept};
use super::slices;
use crate::outputs;
use crate::threads::Threads;

/// A rule that fired at a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) place: u32,
    /// The rule, by its position among those of its typology.
    pub(crate) rule: u16,
    pub(crate) score_permille: u16,
}

/// What fired, by typology; of each, by place and rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits {
    pub(crate) by_typology: Vec<Arc<[Fired]>>,
    /// Typologies that were asked in this run, and not in one before.
    pub(crate) asked: u64,
}

/// Whoever asks rules of kept features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) book: &'a Book,
    pub(crate) kept: &'a Kept,
    pub(crate) clock: &'a Clock,
    pub(crate) threads: &'a Threads,
}

/// The rules of each typology: positions among those that are bound.
pub(crate) fn rules_of(rules: &Rules, typologies: usize) -> Vec<std::ops::Range<usize>> {
    let at = |typology: usize| rules.bound.partition_point(|rule| rule.typology() < typology);
    (0..typologies).map(|typology| at(typology)..at(typology + 1)).collect()
}

impl Asker<'_> {
    /// Asks all rules of all payments, or reads what they said before.
    pub(crate) fn hits(&self, typologies: &[Typology], rules: &Rules) -> anyhow::Result<Hits> {
        let ranges = rules_of(rules, typologies.len());
        let paths: Vec<_> = typologies
            .iter()
            .zip(&ranges)
            .map(|(typology, own)| self.path(typology, &rules.bound[own.clone()]))
            .collect();
        let missing: Vec<usize> =
            (0..typologies.len()).filter(|&at| !kept::is_there(&paths[at])).collect();
        let sets: Vec<&[BoundRule]> =
            missing.iter().map(|&at| &rules.bound[ranges[at].clone()]).collect();
        if !sets.is_empty() {
            let all: Vec<usize> = (0..slices::count(self.book.len())).collect();
            for (fired, &at) in self.ask(&sets, &all)?.iter().zip(&missing) {
                write(&paths[at], fired)?;
            }
        }
        let by_typology = paths.iter().map(|path| Ok(Arc::from(read(path)?)));
        Ok(Hits {
            by_typology: by_typology.collect::<anyhow::Result<_>>()?,
            asked: missing.len() as u64,
        })
    }

    /// Where the answers of a typology are kept, by all that they depend on.
    fn path(&self, typology: &Typology, bound: &[BoundRule]) -> PathBuf {
        let cells: Vec<usize> = bound.iter().flat_map(BoundRule::cells).collect();
        let (features, folder) = self.kept.home_of(&cells);
        // Which cases are asked, and of which blocks, is a matter of what the others need as well.
        let name = |at: usize| &self.kept.columns[at].name;
        let asked = bound
            .iter()
            .map(|rule| (rule.case(), rule.cells().into_iter().map(name).collect::<Vec<_>>()));
        let cases = typology.cases.iter().map(|case| {
            let block = format!("{:?}", case.block);
            (block, &case.needs, &case.unless, &case.when.text, &case.score.text)
        });
        let values = typology.values.iter().map(|(name, text)| (name, &text.text));
        let parameters = typology.parameters.iter().map(|(name, number)| (name, number.value));
        let all = format!(
            "{} {:?} {} {:?} {:?} {:?} {:?}",
            features,
            asked.collect::<Vec<_>>(),
            // Days of history are counted up to this.
            self.kept.definitions.look_back(),
            self.clock,
            cases.collect::<Vec<_>>(),
            values.collect::<Vec<_>>(),
            parameters.collect::<Vec<_>>(),
        );
        folder.join(format!("hits-{}.parquet", &outputs::sha256(all.as_bytes())[..16]))
    }

    /// Asks sets of rules of the payments of some slices; for each set, what fired.
    pub(crate) fn ask(
        &self,
        sets: &[&[BoundRule]],
        numbers: &[usize],
    ) -> anyhow::Result<Vec<Vec<Fired>>> {
        let mut wanted: Vec<usize> =
            sets.iter().flat_map(|rules| rules.iter()).flat_map(BoundRule::cells).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = slices::each(self.threads, numbers.len(), &|at| {
            self.ask_slice(sets, numbers[at], &wanted)
        })?;
        let mut all: Vec<Vec<Fired>> = vec![Vec::new(); sets.len()];
        for slice in found {
            for (all, fired) in all.iter_mut().zip(slice) {
                all.extend(fired);
            }
        }
        Ok(all)
    }

    fn ask_slice(
        &self,
        sets: &[&[BoundRule]],
        number: usize,
        wanted: &[usize],
    ) -> anyhow::Result<Vec<Vec<Fired>>> {
        let mut fired: Vec<Vec<Fired>> = vec![Vec::new(); sets.len()];
        let mut memo = Memo::default();
        self.each_row(number, wanted, &mut |place, asked| {
            let asking = memo.turn_to(asked);
            for (rules, fired) in sets.iter().zip(&mut fired) {
                fired.extend((0..).zip(rules.iter()).filter_map(|(rule, bound)| {
                    bound.fires(&asking).map(|score_permille| Fired { place, rule, score_permille })
                }));
            }
        })?;
        Ok(fired)
    }

    /// Shows the payments of a slice that are not to oneself, with some of their features.
    pub(crate) fn each_row(
        &self,
        number: usize,
        wanted: &[usize],
        each: &mut dyn FnMut(u32, Asked<'_>),
    ) -> anyhow::Result<()> {
        let Asker { book, kept, clock, .. } = *self;
        let columns = kept.cells(number, wanted)?;
        let mut cells = vec![Cell::NULL; kept.columns.len()];
        for (row, place) in slices::places(number, book.len())?.enumerate() {
            let [debtor, creditor] = book.ends(place);
            // Money that an account moves to itself says nothing of a flow.
            if debtor == creditor {
                continue;
            }
            for (column, &at) in columns.iter().zip(wanted) {
                cells[at] = column[row];
            }
            let time = book.time(place);
            let asked = Asked {
                cells: &cells,
                amount: Asked::major(book.minor(place), book.facts.exponent),
                currency: book.currency(place),
                method: book.method(place),
                clock_micros: clock.micros(time),
                history_days: self.history_days(time),
            };
            each(place, asked);
        }
        Ok(())
    }

    /// Days of payments before `time`, as the engine counts them.
    fn history_days(&self, time: Timestamp) -> f64 {
        let look_back = self.kept.definitions.look_back();
        let micros = time.micros_since(self.book.time(0)).min(look_back.micros());
        #[expect(clippy::cast_precision_loss, reason = "a look-back is below 2^53 microseconds")]
        let days = micros as f64 / Span::DAY.micros() as f64;
        days
    }
}

fn schema() -> Arc<Schema> {
    let fields = [
        Field::new("place", DataType::UInt32, false),
        Field::new("rule", DataType::UInt16, false),
        Field::new("score_permille", DataType::UInt16, false),
    ];
    Arc::new(Schema::new(fields.to_vec()))
}

fn write(path: &Path, fired: &[Fired]) -> anyhow::Result<()> {
    let places = fired.iter().map(|fired| fired.place);
    let rules = fired.iter().map(|fired| fired.rule);
    let scores = fired.iter().map(|fired| fired.score_permille);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(places)),
        Arc::new(UInt16Array::from_iter_values(rules)),
        Arc::new(UInt16Array::from_iter_values(scores)),
    ];
    slices::write(path, &schema(), columns)
}

fn read(path: &Path) -> anyhow::Result<Vec<Fired>> {
    let batch = slices::read(path, None)?;
    let places = batch.column(0).as_primitive::<UInt32Type>().values();
    let rules = batch.column(1).as_primitive::<UInt16Type>().values();
    let scores = batch.column(2).as_primitive::<UInt16Type>().values();
    let rows = places.iter().zip(rules).zip(scores);
    Ok(rows
        .map(|((&place, &rule), &score_permille)| Fired { place, rule, score_permille })
        .collect())
}
