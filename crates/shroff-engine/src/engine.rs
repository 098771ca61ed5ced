//! Payments in order in, drafts of alerts out: features, then rules, then grouping.

use shroff_detect::{
    Alone, Arrival, Asked, Definitions, EvidenceBounds, Extractor, Finished, Flags, Flow, Input,
    LateCounts, Memo, RanOut, RuleError, Rules, Scoring, Thresholds, Typology, Workers,
};
use shroff_types::{Clock, Names, Place, Span, Timestamp};

use crate::grouper::{At, Grouper};
use crate::grouping::{Drafts, Hit, trim};
use crate::mutes::Mutes;
use crate::state::Standing;
use crate::told::{Fired, Told, Touched};

/// Why an engine can't be made: everything wrong in its rules, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError(pub Vec<RuleError>);

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for EngineError {}

/// What an engine has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Payments whose features are complete.
    pub payments: u64,
    /// Payments with a search that ran out of its budget, of which a rule may not know it: their counts are
    /// lower bounds.
    pub saturated: u64,
    /// Payments with a search that ran out of its budget where only rules that ask for that read it.
    pub passed_over: u64,
    /// Times that a rule fired.
    pub hits: u64,
    /// Times that a rule would have fired, but its typology is muted for one of the accounts.
    pub muted: u64,
    /// Payments that came too late: they have no features, and no rule was asked of them.
    pub too_late: u64,
}

/// What an engine came to.
#[derive(Debug)]
pub struct Outcome {
    /// The alerts.
    pub drafts: Drafts,
    /// What was counted.
    pub counts: Counts,
    /// What was muted.
    pub mutes: Mutes,
    /// Searches that ran out of their budget, by block.
    pub ran_out: Vec<RanOut>,
}

/// The deterministic core of a scan.
#[derive(Debug)]
pub struct Engine {
    extractor: Extractor,
    core: Core,
}

/// What is asked of each payment that the extractor hands out.
#[derive(Debug)]
struct Core {
    rules: Rules,
    memo: Memo,
    grouper: Grouper,
    exponent: u8,
    flags: Flags,
    counts: Counts,
    clock: Clock,
    mutes: Mutes,
    /// The first payment seen, and how far back a rule may know of it.
    first: Option<Timestamp>,
    look_back: Span,
    /// What was said of each payment since it was last taken, where that is asked for.
    told: Option<Vec<Told>>,
}

/// How much of the evidence of a hit is told with a verdict: half of what an alert holds.
const TOLD_EVIDENCE: EvidenceBounds =
    EvidenceBounds { most: crate::MOST_PAYMENTS / 2, most_steps: 4_096 };

impl Engine {
    /// An engine over amounts of `exponent` decimals.
    ///
    /// # Errors
    /// Where an expression of a rule does not fit the definitions.
    pub fn new(
        definitions: &Definitions,
        typologies: &[Typology],
        exponent: u8,
    ) -> Result<Engine, EngineError> {
        let rules = Rules::bind(typologies, definitions).map_err(EngineError)?;
        let extractor = Extractor::new(definitions, exponent);
        let flags = rules.flags(definitions);
        let core = Core {
            grouper: Grouper::new(Scoring::new(typologies, Thresholds::default())),
            rules,
            memo: Memo::default(),
            exponent,
            flags,
            counts: Counts::default(),
            clock: Clock::default(),
            mutes: Mutes::default(),
            first: None,
            look_back: definitions.look_back(),
            told: None,
        };
        Ok(Engine { extractor, core })
    }

    /// The same, with times of day as the institution's clock shows them; UTC otherwise.
    #[must_use]
    pub fn on_clock(mut self, clock: Clock) -> Engine {
        self.core.clock = clock;
        self
    }

    /// The same, with other thresholds for what is suggested.
    #[must_use]
    pub fn suggesting(mut self, typologies: &[Typology], thresholds: Thresholds) -> Engine {
        self.core.grouper = Grouper::new(Scoring::new(typologies, thresholds));
        self
    }

    /// The same, with typologies muted for some accounts.
    #[must_use]
    pub fn muting(mut self, mutes: Mutes) -> Engine {
        self.core.mutes = mutes;
        self
    }

    /// The same, taking payments that come late by no more than `lateness`.
    #[must_use]
    pub fn allowing(mut self, lateness: Span) -> Engine {
        self.extractor = self.extractor.allowing(lateness);
        self
    }

    /// The same, keeping what is said of each payment for [`Engine::take_told`].
    #[must_use]
    pub fn telling(mut self) -> Engine {
        self.core.told = Some(Vec::new());
        self
    }

    /// What was said of each payment since the last time, in order.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.core.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The drafts as they stand.
    pub fn drafts(&self) -> &Drafts {
        self.core.grouper.drafts()
    }

    /// Payments that did not come in order so far.
    pub fn late(&self) -> LateCounts {
        self.extractor.late()
    }

    /// Lets drafts go of which nobody sees a payment any more.
    pub(crate) fn let_go(&mut self, drafts: &[u32], first: Place) {
        self.core.grouper.let_go(drafts, first);
    }

    /// What is written of it for a later start.
    pub(crate) fn grouper(&self) -> &Grouper {
        &self.core.grouper
    }

    /// The same, to be put back.
    pub(crate) fn grouper_mut(&mut self) -> &mut Grouper {
        &mut self.core.grouper
    }

    /// When the history begins.
    pub(crate) fn begins(&self) -> Option<Timestamp> {
        self.core.first
    }

    /// Makes this the engine that the first payment held is about to come to again, and those after
    /// it up to a time.
    pub(crate) fn begin_at(&mut self, first: Place, before: Timestamp, last: Timestamp) {
        self.extractor.begin_at(first, before, last);
    }

    /// Takes payments in of which all was said before.
    pub(crate) fn remember(&mut self, payments: &[Input], symbols: &Names) {
        self.extractor.remember(payments, symbols);
    }

    /// How many payments wait to be taken in.
    pub(crate) fn unsettled(&self) -> usize {
        self.extractor.unsettled()
    }

    /// Takes them in.
    pub(crate) fn settle(&mut self, workers: &dyn Workers) {
        self.extractor.settle(workers);
    }

    /// Takes a payment out again of which that was said before.
    pub(crate) fn withdraw_again(&mut self, place: Place, input: &Input) {
        self.extractor.withdraw(place, input);
    }

    /// Ends that.
    pub(crate) fn remembered(&mut self, standing: &Standing) {
        self.extractor.remembered(standing.late);
        (self.core.counts, self.core.first) = (standing.counts, standing.begins);
    }

    /// Typologies that found no block of the definitions to ask, by position.
    pub fn idle(&self) -> &[usize] {
        &self.core.rules.idle
    }

    /// The columns that say of a search that ran out of its budget that what it found is passed over.
    pub fn known_flags(&self) -> Vec<String> {
        let columns = self.extractor.columns();
        self.core.flags.known.iter().map(|&at| columns[at].name.clone()).collect()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.core.counts
    }

    /// Bytes that the window takes.
    pub fn bytes(&self) -> usize {
        self.extractor.bytes()
    }

    /// Takes the next payments of the order.
    pub fn push(&mut self, payments: &[Input], symbols: &Names) {
        self.push_with(&Alone, payments, symbols);
    }

    /// As [`Engine::push`], with the features shared out among threads.
    pub fn push_with(&mut self, workers: &dyn Workers, payments: &[Input], symbols: &Names) {
        let Engine { extractor, core } = self;
        extractor.push_with(workers, payments, symbols, &mut |finished| {
            core.ask(finished, symbols);
        });
    }

    /// Takes the payment at a place out again; what comes later is told as if it had not been there.
    /// It has a place of its own, and where that is asked for, a verdict that says nothing.
    pub fn withdraw(&mut self, place: Place, input: &Input) -> bool {
        let Engine { extractor, core } = self;
        let own = extractor.next_place();
        let was_there = extractor.withdraw(place, input);
        if let Some(all) = &mut core.told {
            all.push(Told::of(own, Arrival::InOrder));
        }
        was_there
    }

    /// Completes what still waited.
    pub fn finish(mut self, symbols: &Names) -> Outcome {
        let Engine { extractor, core } = &mut self;
        extractor.finish(&mut |finished| core.ask(finished, symbols));
        let ran_out = extractor.ran_out();
        let Core { grouper, counts, mutes, .. } = self.core;
        Outcome { drafts: grouper.into_drafts(), counts, mutes, ran_out }
    }
}

impl Core {
    fn ask(&mut self, mut finished: Finished<'_>, symbols: &Names) {
        let arrival = finished.arrival;
        let mut told = Told::of(finished.place, arrival);
        if arrival == Arrival::TooLate {
            self.counts.too_late += 1;
        } else {
            self.counts.payments += 1;
            let is_any =
                |flags: &[usize]| flags.iter().any(|&at| finished.cells[at].flag() == Some(true));
            told.saturated = is_any(&self.flags.unknown);
            self.counts.saturated += u64::from(told.saturated);
            self.counts.passed_over += u64::from(is_any(&self.flags.known));
            let input = finished.input;
            let history_days = self.history_days(input.time);
            // Money that an account moves to itself says nothing of a flow.
            if input.debtor != input.creditor {
                self.ask_rules(&mut finished, (symbols, history_days), &mut told);
            }
        }
        if let Some(all) = &mut self.told {
            all.push(told);
        }
    }

    fn ask_rules(
        &mut self,
        finished: &mut Finished<'_>,
        (symbols, history_days): (&Names, f64),
        told: &mut Told,
    ) {
        let input = finished.input;
        let asked = Asked {
            cells: finished.cells,
            amount: Asked::major(input.minor, self.exponent),
            currency: input.currency,
            method: input.method.map(|symbol| symbols.text(symbol.0)),
            clock_micros: self.clock.micros(input.time),
            history_days,
        };
        let asking = self.memo.turn_to(asked);
        let mut found: Vec<(u32, Hit)> = Vec::new();
        for number in 0..self.rules.bound.len() {
            let rule = &self.rules.bound[number];
            let Some(score_permille) = rule.fires(&asking) else { continue };
            let typology = rule.typology();
            let accounts = [input.debtor, input.creditor];
            if self.mutes.keeps_back(typology, accounts, input.time) {
                self.counts.muted += 1;
                continue;
            }
            let hit = Hit { typology, rule: number, place: finished.place, score_permille };
            self.counts.hits += 1;
            let draft = {
                let mut at = At { input: &input, evidence: &mut finished.evidence };
                self.grouper.group(&hit, rule.evidence(), &mut at)
            };
            let is_told = self.told.is_some();
            let is_wanted = self.grouper.drafts().wants_reason(draft, &hit);
            if is_told || is_wanted {
                let text = rule.reason(asked);
                if is_wanted {
                    self.grouper.drafts_mut().give_reason(draft, &hit, text.clone());
                }
                if is_told {
                    let (evidence, is_whole) = whole_evidence(rule.evidence(), finished);
                    let hit = hit.clone();
                    told.fired.push(Fired {
                        hit,
                        share_permille: 0,
                        draft,
                        text,
                        evidence,
                        is_whole,
                    });
                }
            }
            found.push((draft, hit));
        }
        self.grouper.score(&mut found);
        if self.told.is_some() && !found.is_empty() {
            self.conclude(&found, told);
        }
    }

    /// The verdict on a payment at which rules fired, and what it made of the drafts.
    fn conclude(&self, found: &[(u32, Hit)], told: &mut Told) {
        let hits: Vec<(usize, u16)> =
            told.fired.iter().map(|fired| (fired.hit.typology, fired.hit.score_permille)).collect();
        let verdict = self.grouper.drafts().verdict(&hits);
        told.score_permille = verdict.score_permille;
        told.action = verdict.action;
        for (fired, share) in told.fired.iter_mut().zip(verdict.shares_permille) {
            fired.share_permille = share;
        }
        for here in found.chunk_by(|one, other| one.0 == other.0) {
            let draft = self.grouper.drafts().get(here[0].0).expect("a hit was put into it");
            told.touched.push(Touched {
                draft: here[0].0,
                opened: draft.opened,
                score_permille: draft.score_permille,
                action: draft.action,
                payments: draft.payments.len(),
            });
        }
    }

    /// Days of payments before `time`, up to the look-back: a slice of the ledger that begins a
    /// look-back early says the same as the whole.
    fn history_days(&mut self, time: Timestamp) -> f64 {
        let first = *self.first.get_or_insert(time);
        let micros = time.micros_since(first).min(self.look_back.micros());
        #[expect(clippy::cast_precision_loss, reason = "a look-back is below 2^53 microseconds")]
        let days = micros as f64 / Span::DAY.micros() as f64;
        days
    }
}

/// The newest of the payments that a hit names, ascending, its own among them; whether that is all.
fn whole_evidence(flows: &[(usize, Flow)], finished: &mut Finished<'_>) -> (Vec<Place>, bool) {
    let mut places = vec![finished.place];
    let mut is_whole = true;
    for &(block, flow) in flows {
        let (payments, is_all) = finished.evidence.newest(block, flow, TOLD_EVIDENCE);
        places.extend(payments);
        is_whole &= is_all;
    }
    is_whole &= trim(&mut places, finished.place).is_some_and(|left_out| left_out.is_empty());
    (places, is_whole)
}
