//! Alerts out of hits: the payments pass by once more, for the evidence of those at which a rule
//! fired, and are grouped by the code that a scan groups them by.

use shroff_detect::{Flow, Input, PlacedInput, Recall, Rules, Scoring, Wanted};
use shroff_engine::{At, Draft, Grouper, Hit};
use shroff_types::{Map, Place, Timestamp};

use super::book::Book;
use super::hits::{Fired, Hits, rules_of};
use super::kept::{Completers, Kept};
use super::slices::SLICE;
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

/// Payments whose evidence is searched for at once: many enough for threads to share.
const BATCH: u32 = if cfg!(debug_assertions) { 512 } else { 16_384 };

/// Payments that are taken in at once, as far ahead of those: a busy account has many among them, and is
/// looked up once for all of its own.
const AHEAD: u32 = if cfg!(debug_assertions) { 3_000 } else { 131_072 };

/// What is collected on the way.
struct Run<'a> {
    rules: &'a Rules,
    queue: Queue<'a>,
    grouper: Grouper,
    /// By draft and place.
    masks: Map<(u32, u32), u64>,
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
        let (horizon, look_back) = (kept.definitions.horizon, kept.definitions.look_back());
        let mut recall = Recall::new(&kept.definitions, book.facts.exponent);
        let mut runs: Vec<Run<'_>> = sets.iter().map(|set| Run::new(set, from)).collect();
        let mut bar = Bar::of_payments("alerts", u64::from(end - from));
        let mut completers = CompletersOf::new(self);
        // Only what the first can see need be there; places are kept, so all before are taken in.
        let mut taken =
            if from < end { book.first_from(book.time(from).before(look_back)) } else { from };
        recall.skip_to(Place(taken));
        let behind = |place: u32| {
            let seen = book.time(place).after(horizon);
            book.first_from(Timestamp(seen.0.saturating_add(1))).max(place + 1)
        };
        let last = if from < end { behind(end - 1) } else { taken };
        let mut inputs: Vec<Input> = Vec::new();
        let mut at = from;
        while at < end {
            let next = end.min(at.saturating_add(BATCH));
            let upto = behind(next - 1);
            while taken < upto {
                let some = last.min(taken.saturating_add(AHEAD));
                inputs.clear();
                inputs.extend((taken..some).map(|place| book.input(place)));
                recall.take(threads, &inputs, (&book.symbols, book.time(at)));
                taken = some;
            }
            let firings = self.firings(&mut runs, next, &mut completers)?;
            recall.prepare(threads, firings.iter().map(|firing| &firing.wanted));
            for firing in firings {
                runs[firing.run].group(book, &mut recall, firing);
            }
            at = next;
            bar.at(u64::from(at - from));
        }
        bar.done();
        Ok(runs.into_iter().map(|run| run.finish(most)).collect())
    }

    /// What fired before a place and was not grouped yet, payment after payment.
    fn firings(
        self,
        runs: &mut [Run<'_>],
        next: u32,
        completers: &mut CompletersOf<'_>,
    ) -> anyhow::Result<Vec<Firing>> {
        let mut firings = Vec::new();
        for (number, run) in runs.iter_mut().enumerate() {
            while run.queue.place().is_some_and(|place| place < next)
                && let Some((place, hits)) = run.queue.next()
            {
                let flows = hits.iter().flat_map(|hit| run.rules.bound[hit.rule].evidence());
                let patterns = flows.filter(|(_, flow)| *flow == Flow::Pattern);
                let mut blocks: Vec<usize> = patterns.map(|(block, _)| *block).collect();
                blocks.sort_unstable();
                blocks.dedup();
                let payment = (Place(place), self.book.input(place));
                let completers = completers.of(place)?;
                let wanted = Wanted { payment, completers, blocks };
                firings.push(Firing { run: number, hits, wanted });
            }
        }
        firings.sort_by_key(|firing| firing.wanted.payment.0);
        Ok(firings)
    }
}

/// What fired at a payment for a set of rules, and what its evidence is found by.
struct Firing {
    run: usize,
    hits: Vec<Hit>,
    wanted: Wanted,
}

/// Who completed the patterns of payments: of the slice that was asked about last, at hand.
struct CompletersOf<'a> {
    replay: Replay<'a>,
    slice: usize,
    completers: Completers,
}

impl<'a> CompletersOf<'a> {
    fn new(replay: Replay<'a>) -> CompletersOf<'a> {
        CompletersOf { replay, slice: usize::MAX, completers: Completers::default() }
    }

    fn of(&mut self, place: u32) -> anyhow::Result<Vec<(u32, PlacedInput)>> {
        let Replay { book, kept, .. } = self.replay;
        let slice = place as usize / SLICE.get();
        if self.slice != slice {
            self.completers = kept.completers(slice)?;
            self.slice = slice;
        }
        let found = self.completers.of(place as usize % SLICE.get());
        Ok(found.into_iter().map(|(pattern, at)| (pattern, (Place(at), book.input(at)))).collect())
    }
}

impl<'a> Run<'a> {
    fn new(set: &RuleSet<'a>, from: u32) -> Run<'a> {
        Run {
            rules: set.rules,
            queue: Queue::new(set, from),
            grouper: Grouper::new(set.scoring.clone()),
            masks: Map::default(),
            firsts: Map::default(),
        }
    }

    /// Puts what fired at a payment into drafts.
    fn group(&mut self, book: &Book, recall: &mut Recall, firing: Firing) {
        let Firing { hits, wanted, .. } = firing;
        let (Place(place), input) = wanted.payment;
        let mut evidence = recall.evidence(wanted.payment, &wanted.completers);
        let mut drafts: Vec<(u32, Hit)> = Vec::new();
        for hit in hits {
            let flows = self.rules.bound[hit.rule].evidence();
            let mut at = At { input: &input, evidence: &mut evidence };
            let draft = self.grouper.group(&hit, flows, &mut at);
            // The sentence is not made: that it fired is what an alert's typology hangs on.
            if self.grouper.drafts().wants_reason(draft, &hit) {
                self.grouper.drafts_mut().give_reason(draft, &hit, String::new());
            }
            for &Place(brought) in self.grouper.brought() {
                *self.masks.entry((draft, brought)).or_default() |= 1 << hit.typology;
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
        let count = self.masks.keys().map(|(draft, _)| draft + 1).max().unwrap_or(0);
        let openers: Vec<_> = (0..count).map(|draft| drafts.opened_by(draft)).collect();
        let mut drafts = drafts.finish();
        let before = drafts.len();
        if let Some(most) = most {
            crate::scan::keep_first(&mut drafts, most);
        }
        let places: Map<_, u32> = (0..).zip(&drafts).map(|(at, d)| (d.opened, at)).collect();
        let alert = |draft: u32| places.get(&openers[draft as usize]).copied();
        let touches = self.masks.iter().filter_map(|(&(draft, place), &mask)| {
            Some(Touch { place, alert: alert(draft)?, mask })
        });
        let mut touches: Vec<Touch> = touches.collect();
        touches.sort_unstable();
        let firsts = self.firsts.iter().filter_map(|(&(place, typology, draft), &fired_at)| {
            Some(First { place, typology, alert: alert(draft)?, fired_at })
        });
        let mut firsts: Vec<First> = firsts.collect();
        firsts.sort_unstable();
        let left_out = (before - drafts.len()) as u64;
        Replayed { drafts, touches, firsts, left_out }
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

    /// It, and what fired at it.
    fn next(&mut self) -> Option<(u32, Vec<Hit>)> {
        let place = self.place()?;
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
        Some((place, hits))
    }
}
