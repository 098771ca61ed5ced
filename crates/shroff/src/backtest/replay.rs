//! Alerts out of hits: what fired passes by once more, with the evidence that is found for it, and
//! is grouped by the code that a scan groups it by.

use shroff_detect::{
    Archive, ArchiveReader, FindEvidence, Flow, LinePart, PlacedInput, Rules, Scoring, Workers,
};
use shroff_engine::{At, Draft, Grouper, Hit};
use shroff_types::{Map, Place};

use super::book::Book;
use super::hits::{Fired, Hits, rules_of};
use super::kept::{Kept, Pattern};
use super::patterns::{self, Patterns};
use super::slices;
use crate::progress::Bar;
use crate::threads::Threads;

/// A payment that is evidence of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touch {
    pub(crate) place: u32,
    /// The alert, by its position.
    pub(crate) alert: u32,
    /// The typologies that named it, a bit for each.
    pub(crate) mask: u64,
}

/// When a labelled payment first was evidence that a typology named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct First {
    pub(crate) place: u32,
    pub(crate) typology: usize,
    pub(crate) alert: u32,
    /// The payment at which the rule fired.
    pub(crate) fired_at: u32,
}

/// Alerts, and who named which payment.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// In the order of their first payments.
    pub(crate) drafts: Vec<Draft>,
    /// By place, then alert.
    pub(crate) touches: Vec<Touch>,
    /// By place, then typology.
    pub(crate) firsts: Vec<First>,
    /// Alerts that a budget left out.
    pub(crate) left_out: u64,
    /// Of how many patterns of payments the replay had to search for the evidence.
    pub(crate) searched: u64,
}

/// What is replayed: the same payments for one set of rules or for many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replay<'a> {
    pub(crate) book: &'a Book,
    pub(crate) kept: &'a Kept,
    pub(crate) threads: &'a Threads,
}

/// Rules and what they said.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) hits: &'a Hits,
    pub(crate) scoring: Scoring,
}

/// What is collected on the way.
struct Run<'a> {
    rules: &'a Rules,
    queue: Queue<'a>,
    grouper: Grouper,
    /// By draft: its payments, ascending, each with the typologies that named it, a bit for each.
    masks: Vec<Vec<(u32, u64)>>,
    /// By place, typology and draft.
    firsts: Map<(u32, usize, u32), u32>,
}

impl Replay<'_> {
    /// The alerts of each set; the strongest so many where there is a bound.
    pub(crate) fn run(
        self,
        sets: &[RuleSet<'_>],
        (from, end): (u32, u32),
        most: Option<usize>,
    ) -> anyhow::Result<Vec<Replayed>> {
        let Replay { book, kept, threads } = self;
        let wanted = self.patterns_of(sets, (from, end));
        let searched = patterns::search((book, kept, threads), &wanted)?;
        let archive = Archive::new((&kept.definitions, book.facts.exponent), book, threads);
        // Each share of the sets has all payments pass by once, whatever the others do.
        let shares = threads.threads().min(sets.len());
        let replayed = slices::each(threads, shares, &|share| {
            let sets = sets.iter().skip(share).step_by(shares);
            let mut runs: Vec<Run<'_>> = sets.map(|set| Run::new(set, from)).collect();
            let patterns = Patterns::new(kept, &wanted);
            let mut found = Found { kept, lines: archive.reader(), patterns, payment: None };
            self.pass_by(&mut runs, &mut found, (from, end))?;
            let finish = |run: Run<'_>| Replayed { searched, ..run.finish(most) };
            Ok(runs.into_iter().map(finish).collect::<Vec<_>>())
        })?;
        // They were dealt out in turn.
        let mut dealt: Vec<_> = replayed.into_iter().map(Vec::into_iter).collect();
        Ok((0..sets.len()).filter_map(|at| dealt[at % shares].next()).collect())
    }

    /// Groups what fired, payment after payment.
    fn pass_by(
        self,
        runs: &mut [Run<'_>],
        found: &mut Found<'_>,
        (from, end): (u32, u32),
    ) -> anyhow::Result<()> {
        let mut bar = Bar::of_payments("alerts", u64::from(end - from));
        while let Some(place) = runs.iter().filter_map(|run| run.queue.place()).min()
            && place < end
        {
            found.turn_to(self.book, place)?;
            for run in &mut *runs {
                if let Some(hits) = run.queue.at(place) {
                    run.group(self.book, hits, found);
                }
            }
            bar.at(u64::from(place - from));
        }
        bar.done();
        Ok(())
    }

    /// The patterns that are evidence of what fired, each once.
    fn patterns_of(self, sets: &[RuleSet<'_>], (from, end): (u32, u32)) -> patterns::Wanted {
        let mut wanted: patterns::Wanted = vec![Vec::new(); self.kept.parts.len()];
        for set in sets {
            let ranges = rules_of(set.rules, set.hits.by_typology.len());
            for (fired, range) in set.hits.by_typology.iter().zip(ranges) {
                let of_rule = |rule: usize| -> Vec<Pattern> {
                    let flows = set.rules.bound[rule].evidence().iter();
                    let patterns = flows.filter(|(_, flow)| *flow == Flow::Pattern);
                    patterns.filter_map(|(block, _)| self.kept.pattern_of(*block)).collect()
                };
                let patterns: Vec<Vec<Pattern>> = range.map(of_rule).collect();
                let inside = fired.iter().filter(|fired| (from..end).contains(&fired.place));
                let asked = inside.flat_map(|fired| {
                    patterns[usize::from(fired.rule)].iter().map(|pattern| (fired.place, pattern))
                });
                asked.for_each(|(place, pattern)| {
                    wanted[pattern.part].push((place, pattern.number));
                });
            }
        }
        for wanted in &mut wanted {
            wanted.sort_unstable();
            wanted.dedup();
        }
        wanted
    }
}

/// The evidence of one payment after another.
struct Found<'a> {
    kept: &'a Kept,
    lines: ArchiveReader<'a>,
    patterns: Patterns<'a>,
    payment: Option<PlacedInput>,
}

impl Found<'_> {
    fn turn_to(&mut self, book: &Book, place: u32) -> anyhow::Result<()> {
        self.payment = Some((Place(place), book.input(place)));
        self.patterns.turn_to(place)
    }

    fn payment(&self) -> PlacedInput {
        self.payment.expect("it was turned to one")
    }
}

impl FindEvidence for Found<'_> {
    fn payments(&mut self, number: usize, flow: Flow) -> Vec<Place> {
        if flow != Flow::Pattern {
            return self.line_after(number, flow, None).payments;
        }
        let (Place(place), _) = self.payment();
        self.kept.pattern_of(number).map_or(Vec::new(), |pattern| self.patterns.of(place, pattern))
    }

    fn grows(&self, number: usize) -> bool {
        self.lines.grows(number)
    }

    fn line_after(&mut self, number: usize, flow: Flow, after: Option<Place>) -> LinePart {
        self.lines.line_after(self.payment(), (number, flow), after)
    }
}

impl<'a> Run<'a> {
    fn new(set: &RuleSet<'a>, from: u32) -> Run<'a> {
        Run {
            rules: set.rules,
            queue: Queue::new(set, from),
            grouper: Grouper::new(set.scoring.clone()),
            masks: Vec::new(),
            firsts: Map::default(),
        }
    }

    /// Puts what fired at a payment into drafts.
    fn group(&mut self, book: &Book, hits: Vec<Hit>, found: &mut Found<'_>) {
        let (Place(place), input) = found.payment();
        let mut drafts: Vec<(u32, Hit)> = Vec::new();
        for hit in hits {
            let flows = self.rules.bound[hit.rule].evidence();
            let mut at = At { input: &input, evidence: found };
            let draft = self.grouper.group(&hit, flows, &mut at);
            // The sentence is not made: that it fired is what an alert's typology hangs on.
            if self.grouper.drafts().wants_reason(draft, &hit) {
                self.grouper.drafts_mut().give_reason(draft, &hit, String::new());
            }
            let at = draft as usize;
            self.masks.resize_with(self.masks.len().max(at + 1), Vec::new);
            mark(&mut self.masks[at], self.grouper.brought(), 1 << hit.typology);
            for &Place(brought) in self.grouper.brought() {
                if book.is_labelled(brought) {
                    self.firsts.entry((brought, hit.typology, draft)).or_insert(place);
                }
            }
            drafts.push((draft, hit));
        }
        self.grouper.score(&mut drafts);
    }

    fn finish(self, most: Option<usize>) -> Replayed {
        let drafts = self.grouper.into_drafts();
        let openers: Vec<_> =
            (0..).zip(&self.masks).map(|(draft, _)| drafts.opened_by(draft)).collect();
        let mut drafts = drafts.finish();
        let before = drafts.len();
        if let Some(most) = most {
            crate::scan::keep_first(&mut drafts, most);
        }
        let places: Map<_, u32> = (0..).zip(&drafts).map(|(at, d)| (d.opened, at)).collect();
        let alert = |draft: u32| places.get(&openers[draft as usize]).copied();
        let mut touches: Vec<Touch> = Vec::new();
        for (draft, masks) in (0..).zip(&self.masks) {
            let Some(alert) = alert(draft) else { continue };
            touches.extend(masks.iter().map(|&(place, mask)| Touch { place, alert, mask }));
        }
        touches.sort_unstable();
        let firsts = self.firsts.iter().filter_map(|(&(place, typology, draft), &fired_at)| {
            Some(First { place, typology, alert: alert(draft)?, fired_at })
        });
        let mut firsts: Vec<First> = firsts.collect();
        firsts.sort_unstable();
        let left_out = (before - drafts.len()) as u64;
        Replayed { drafts, touches, firsts, left_out, searched: 0 }
    }
}

/// Marks the payments that a typology named; both are ascending.
fn mark(masks: &mut Vec<(u32, u64)>, named: &[Place], bit: u64) {
    let mut at = 0;
    for &Place(place) in named {
        at += masks[at..].partition_point(|(known, _)| *known < place);
        match masks.get_mut(at) {
            Some((known, mask)) if *known == place => *mask |= bit,
            _ => masks.insert(at, (place, bit)),
        }
    }
}

/// What fired, payment after payment, in the order in which a scan asks.
struct Queue<'a> {
    /// What is left of each typology, and where its rules begin.
    left: Vec<(&'a [Fired], usize)>,
}

impl<'a> Queue<'a> {
    fn new(set: &RuleSet<'a>, from: u32) -> Queue<'a> {
        let ranges = rules_of(set.rules, set.hits.by_typology.len());
        let left = set.hits.by_typology.iter().zip(ranges).map(|(fired, range)| {
            let first = fired.partition_point(|fired| fired.place < from);
            (&fired[first..], range.start)
        });
        Queue { left: left.collect() }
    }

    /// The next payment at which something fired.
    fn place(&self) -> Option<u32> {
        self.left.iter().filter_map(|(left, _)| Some(left.first()?.place)).min()
    }

    /// What fired at a payment, if it is the next.
    fn at(&mut self, place: u32) -> Option<Vec<Hit>> {
        let mut hits = Vec::new();
        for (typology, (left, first)) in self.left.iter_mut().enumerate() {
            while let Some((fired, rest)) = left.split_first()
                && fired.place == place
            {
                *left = rest;
                hits.push(Hit {
                    typology,
                    rule: *first + usize::from(fired.rule),
                    place: Place(place),
                    score_permille: fired.score_permille,
                });
            }
        }
        (!hits.is_empty()).then_some(hits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::backtest::bootstrap::Draws;

    #[test]
    fn who_named_a_payment_is_marked_beside_it() {
        for seed in 0..500 {
            let mut draws = Draws(seed);
            let (mut marked, mut known) = (Vec::new(), BTreeMap::<u32, u64>::new());
            for _ in 0..draws.below(12) {
                let bit = 1 << draws.below(4);
                let place = |draws: &mut Draws| u32::try_from(draws.below(30)).expect("few");
                let places: BTreeSet<u32> =
                    (0..draws.below(9)).map(|_| place(&mut draws)).collect();
                let ascending: Vec<Place> = places.iter().copied().map(Place).collect();
                mark(&mut marked, &ascending, bit);
                for place in places {
                    *known.entry(place).or_default() |= bit;
                }
            }
            assert_eq!(marked, known.into_iter().collect::<Vec<_>>());
        }
    }
}
