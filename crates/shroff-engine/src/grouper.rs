//! Hits into drafts, payment by payment: which evidence is handed over, and to which draft.

use shroff_detect::{FindEvidence, Flow, Input, Scoring};
use shroff_types::{AccountId, Map, Place};

use crate::grouping::{Drafts, Hit, trim};
use crate::state::HandedLine;

/// A flow whose evidence was handed over up to some payment, and the draft that holds it.
#[derive(Debug, Clone, Copy)]
struct Handed {
    upto: Place,
    /// Whether the account of the line is that payment's debtor.
    is_debtor: bool,
    draft: u32,
}

/// Puts hits with their evidence into drafts. The engine uses it while it computes features; with
/// features that were kept, it gives the same drafts.
#[derive(Debug)]
pub struct Grouper {
    drafts: Drafts,
    /// By rule, account and direction.
    handed: Map<(usize, AccountId, bool), Handed>,
    places: Vec<Place>,
}

/// A payment at which rules fire.
#[derive(Debug)]
pub struct At<'a, E> {
    /// The payment.
    pub input: &'a Input,
    /// What stands behind its features.
    pub evidence: &'a mut E,
}

impl Grouper {
    /// No drafts yet.
    pub fn new(scoring: Scoring) -> Grouper {
        Grouper { drafts: Drafts::new(scoring), handed: Map::default(), places: Vec::new() }
    }

    /// Puts a hit into its draft, with the evidence of these flows, each as a block sees it.
    ///
    /// A line of a hub is handed over in parts. Whatever is still in sight of what it showed at
    /// the last hit is in a draft already, so only what came since is added: a payment costs a
    /// look-up for each line it is in, not for each payment of the line.
    pub fn group<E: FindEvidence>(
        &mut self,
        hit: &Hit,
        flows: &[(usize, Flow)],
        at: &mut At<'_, E>,
    ) -> u32 {
        let Grouper { drafts, handed, places } = self;
        let At { input, evidence } = at;
        let line = |block: usize, flow: Flow, evidence: &E| {
            let line = line_of(flow, input)?;
            evidence.grows(block).then_some((hit.rule, line.0, line.1))
        };
        // The draft that one of its lines is in, as long as some of what it showed is in sight; and
        // what came since on that line.
        let mut since = None;
        let known = flows.iter().enumerate().find_map(|(at, &(block, flow))| {
            let before = handed.get(&line(block, flow, evidence)?)?;
            let part = evidence.line_after(block, flow, Some(before.upto));
            let goes_on = part.goes_on && drafts.takes(before.draft, &part.payments);
            since = Some((at, part)).filter(|_| goes_on);
            goes_on.then_some(before.draft)
        });
        let mut lines = Vec::new();
        places.clear();
        places.push(hit.place);
        for (at, &(block, flow)) in flows.iter().enumerate() {
            let Some(line) = line(block, flow, evidence) else {
                places.extend(evidence.payments(block, flow));
                continue;
            };
            // What another draft holds of it, or a full one, is handed over anew.
            let before = handed.get(&line).filter(|before| Some(before.draft) == known);
            let part = match since.take_if(|(of, _)| *of == at) {
                Some((_, part)) => part,
                None => evidence.line_after(block, flow, before.map(|b| b.upto)),
            };
            // Who pays on a line that leaves an account is the account.
            let newest = part.payments.last().map(|&newest| (newest, line.2));
            let newest = newest.or(before.map(|before| (before.upto, before.is_debtor)));
            lines.push((line, newest.unwrap_or((hit.place, line.1 == input.debtor))));
            places.extend(part.payments);
        }
        let left_out = trim(places, hit.place);
        let draft = drafts.add_trimmed(hit, (places, &left_out), known);
        for (line, (upto, is_debtor)) in lines {
            handed.insert(line, Handed { upto, is_debtor, draft });
        }
        draft
    }

    /// The payments that the last hit brought into its draft, those that were there already included.
    pub fn brought(&self) -> &[Place] {
        &self.places
    }

    /// Scores what fired at one payment, draft by draft.
    pub fn score(&mut self, found: &mut [(u32, Hit)]) {
        found.sort_by_key(|(draft, hit)| (*draft, hit.rule));
        for here in found.chunk_by(|one, other| one.0 == other.0) {
            let hits: Vec<Hit> = here.iter().map(|(_, hit)| hit.clone()).collect();
            self.drafts.score(here[0].0, &hits);
        }
    }

    /// The lines that were handed over, in any order.
    pub(crate) fn handed(&self) -> Vec<HandedLine> {
        let lines = self.handed.iter().map(|(&(rule, _, is_out), handed)| {
            let Handed { upto, is_debtor, draft } = *handed;
            HandedLine { rule, upto, is_debtor, is_out, draft }
        });
        lines.collect()
    }

    /// Puts lines back that were handed over; `ends_of` gives the two ends of a payment.
    pub(crate) fn put_back(
        &mut self,
        lines: &[HandedLine],
        ends_of: impl Fn(Place) -> [AccountId; 2],
    ) {
        for &HandedLine { rule, upto, is_debtor, is_out, draft } in lines {
            let account = ends_of(upto)[usize::from(!is_debtor)];
            let handed = Handed { upto, is_debtor, draft };
            self.handed.insert((rule, account, is_out), handed);
        }
    }

    /// Lets drafts go of which nobody sees a payment any more; their numbers ascend. What lines
    /// showed up to a payment before `first` is out of sight too: all is handed over anew.
    pub(crate) fn let_go(&mut self, drafts: &[u32], first: Place) {
        self.handed.retain(|_, handed| {
            handed.upto >= first && drafts.binary_search(&handed.draft).is_err()
        });
        for &draft in drafts {
            self.drafts.let_go(draft);
        }
    }

    /// The drafts.
    pub fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// The drafts, to be told their reasons.
    pub fn drafts_mut(&mut self) -> &mut Drafts {
        &mut self.drafts
    }

    /// The drafts, with nothing more to come.
    pub fn into_drafts(self) -> Drafts {
        self.drafts
    }
}

fn line_of(flow: Flow, input: &Input) -> Option<(AccountId, bool)> {
    match flow {
        Flow::DebtorOut => Some((input.debtor, true)),
        Flow::DebtorIn => Some((input.debtor, false)),
        Flow::CreditorOut => Some((input.creditor, true)),
        Flow::CreditorIn => Some((input.creditor, false)),
        Flow::Pair | Flow::Pattern => None,
    }
}
