//! The state of the core as bytes: what a start needs beside the log to go on from a place in it.
//!
//! Most of the state is the payments in sight, and these are in the log already. So what is written
//! is the rest: the alerts that still grow, which evidence was handed over, and the counters. It is
//! small, and neither an account nor an id is in it: both are named by places of the log.
//!
//! All numbers are little-endian. Whoever keeps the bytes sees to it that they are those that were
//! written, and that they are used under the same rules: no more is checked here than that nothing
//! that follows can panic.

use std::collections::BTreeMap;

use shroff_detect::LateCounts;
use shroff_types::{Action, Place, Span, Timestamp};

use crate::engine::Counts;
use crate::grouping::{Draft, Ground, Hit, MOST_PAYMENTS};
use crate::live::{Revision, Story};
use crate::shared::Shared;

/// A state between two batches, which later payments leave as it is.
#[derive(Debug)]
pub struct Moment {
    standing: Standing,
    drafts: Shared<Draft>,
    stories: Shared<Story>,
    links: Links,
}

impl Moment {
    pub(crate) fn of(
        standing: Standing,
        (drafts, stories): (Shared<Draft>, Shared<Story>),
        links: Links,
    ) -> Moment {
        Moment { standing, drafts, stories, links }
    }

    /// Appends it as bytes.
    ///
    /// # Panics
    /// Never: every draft has a story.
    pub fn write(mut self, out: &mut Vec<u8>) {
        let Moment { standing, drafts, stories, links } = &mut self;
        links.shared.sort_unstable();
        links.handed.sort_unstable();
        assert!(drafts.len() == stories.len(), "every draft has a story");
        write(out, standing, (drafts, stories), links);
    }
}

/// What was read, to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) standing: Standing,
    pub(crate) drafts: BTreeMap<u32, Draft>,
    /// By the same numbers: how each grew.
    pub(crate) stories: BTreeMap<u32, Story>,
    pub(crate) links: Links,
}

/// What ties drafts to payments beside their evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) next_draft: u32,
    /// Payments of several drafts, and the one that took each last.
    pub(crate) shared: Vec<(Place, Option<u32>)>,
    pub(crate) handed: Vec<HandedLine>,
}

/// Where the core stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The first payment that is held, and the next that comes.
    pub(crate) first: Place,
    pub(crate) next: Place,
    /// The latest time before the first that is held, and of all.
    pub(crate) before: Timestamp,
    pub(crate) newest: Timestamp,
    pub(crate) swept: Timestamp,
    pub(crate) late: LateCounts,
    pub(crate) counts: Counts,
    /// When the history begins.
    pub(crate) begins: Option<Timestamp>,
}

/// A line of payments that was handed over up to one of them: the account is an end of that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HandedLine {
    pub(crate) rule: usize,
    pub(crate) upto: Place,
    /// Whether it is that payment's debtor.
    pub(crate) is_debtor: bool,
    /// Whether the line is of payments that left the account.
    pub(crate) is_out: bool,
    pub(crate) draft: u32,
}

const ACTIONS: [Action; 3] = [Action::None, Action::Review, Action::Hold];

/// Appends a state as bytes. Drafts come by number, each with how it grew.
fn write(
    out: &mut Vec<u8>,
    standing: &Standing,
    (drafts, stories): (&Shared<Draft>, &Shared<Story>),
    links: &Links,
) {
    let mut out = Out(out);
    out.standing(standing);
    let Links { next_draft, shared, handed } = links;
    out.number(*next_draft);
    out.count(drafts.len());
    for ((number, draft), (same, story)) in drafts.iter().zip(stories.iter()) {
        assert!(number == same, "a story is that of a draft");
        out.number(number);
        out.draft(draft);
        out.story(story);
    }
    out.count(shared.len());
    for (place, holder) in shared {
        out.number(place.0);
        out.number(holder.unwrap_or(NOBODY));
    }
    out.count(handed.len());
    for line in handed {
        out.count(line.rule);
        out.number(line.upto.0);
        out.0.push(u8::from(line.is_debtor) | u8::from(line.is_out) << 1);
        out.number(line.draft);
    }
}

/// No draft: numbers are below it.
const NOBODY: u32 = u32::MAX;

impl State {
    /// Reads a state; none where these bytes are none.
    pub(crate) fn read(bytes: &[u8]) -> Option<State> {
        let mut from = In(bytes);
        let standing = from.standing()?;
        let next_draft = from.number()?;
        let (mut drafts, mut stories) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..from.count()? {
            let number = from.number()?;
            let rises = drafts.last_key_value().is_none_or(|(&last, _)| last < number);
            if !rises || number >= next_draft {
                return None;
            }
            drafts.insert(number, from.draft(standing.next)?);
            stories.insert(number, from.story()?);
        }
        let mut shared = Vec::new();
        for _ in 0..from.count()? {
            let place = Place(from.number()?);
            let holder = Some(from.number()?).filter(|&holder| holder != NOBODY);
            if place >= standing.next || holder.is_some_and(|draft| !drafts.contains_key(&draft)) {
                return None;
            }
            shared.push((place, holder));
        }
        let mut handed = Vec::new();
        for _ in 0..from.count()? {
            let (rule, upto) = (from.count()?, Place(from.number()?));
            let flags = from.byte()?;
            let draft = from.number()?;
            let is_held = (standing.first..standing.next).contains(&upto);
            if !is_held || flags > 3 || !drafts.contains_key(&draft) {
                return None;
            }
            let (is_debtor, is_out) = (flags & 1 == 1, flags & 2 == 2);
            handed.push(HandedLine { rule, upto, is_debtor, is_out, draft });
        }
        let links = Links { next_draft, shared, handed };
        from.0.is_empty().then_some(State { standing, drafts, stories, links })
    }
}

struct Out<'a>(&'a mut Vec<u8>);

impl Out<'_> {
    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn wide(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&time.0.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).expect("far fewer than 2^32"));
    }

    fn permille(&mut self, permille: u16) {
        self.0.extend_from_slice(&permille.to_le_bytes());
    }

    fn action(&mut self, action: Action) {
        let at = ACTIONS.iter().position(|&a| a == action).unwrap_or_default();
        self.0.push(u8::try_from(at).unwrap_or_default());
    }

    fn standing(&mut self, standing: &Standing) {
        let Standing { first, next, before, newest, swept, late, counts, begins } = *standing;
        self.number(first.0);
        self.number(next.0);
        for time in [before, newest, swept] {
            self.time(time);
        }
        let LateCounts { taken, refused, most } = late;
        self.wide(taken);
        self.wide(refused);
        self.time(Timestamp(most.micros()));
        let Counts { payments, saturated, passed_over, hits, muted, too_late } = counts;
        for number in [payments, saturated, passed_over, hits, muted, too_late] {
            self.wide(number);
        }
        self.0.push(u8::from(begins.is_some()));
        self.time(begins.unwrap_or(Timestamp(0)));
    }

    fn draft(&mut self, draft: &Draft) {
        let Draft { opened, typology, score_permille, action, raised_at, .. } = draft;
        let Draft { hits, is_whole, scored, grounds, payments, .. } = draft;
        self.count(opened.0);
        self.number(opened.1.0);
        self.count(opened.2);
        self.count(*typology);
        self.permille(*score_permille);
        self.action(*action);
        self.number(raised_at.0);
        self.wide(*hits);
        self.0.push(u8::from(*scored) | u8::from(*is_whole) << 1);
        self.count(grounds.len());
        for Ground { hit, text, share_permille } in grounds {
            self.count(hit.typology);
            self.count(hit.rule);
            self.number(hit.place.0);
            self.permille(hit.score_permille);
            self.permille(*share_permille);
            self.count(text.len());
            self.0.extend_from_slice(text.as_bytes());
        }
        self.count(payments.len());
        for place in payments {
            self.number(place.0);
        }
    }

    fn story(&mut self, story: &Story) {
        self.time(story.newest);
        self.count(story.revisions.len());
        for Revision { place, score_permille, action, payments } in &story.revisions {
            self.number(place.0);
            self.permille(*score_permille);
            self.action(*action);
            self.count(*payments);
        }
    }
}

struct In<'a>(&'a [u8]);

impl In<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn wide(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.array().map(|bytes| Timestamp(i64::from_le_bytes(bytes)))
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn permille(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes).filter(|&permille| permille <= 1_000)
    }

    fn action(&mut self) -> Option<Action> {
        ACTIONS.get(usize::from(self.byte()?)).copied()
    }

    fn standing(&mut self) -> Option<Standing> {
        let (first, next) = (Place(self.number()?), Place(self.number()?));
        let (before, newest, swept) = (self.time()?, self.time()?, self.time()?);
        let (taken, refused) = (self.wide()?, self.wide()?);
        let most = Span::from_micros(self.time()?.0)?;
        let late = LateCounts { taken, refused, most };
        let mut numbers = [0; 6];
        for number in &mut numbers {
            *number = self.wide()?;
        }
        let [payments, saturated, passed_over, hits, muted, too_late] = numbers;
        let counts = Counts { payments, saturated, passed_over, hits, muted, too_late };
        let has_begun = self.flag()?;
        let begins = Some(self.time()?).filter(|_| has_begun);
        let sound = first <= next;
        sound.then_some(Standing { first, next, before, newest, swept, late, counts, begins })
    }

    /// A draft of payments that are before `next`.
    fn draft(&mut self, next: Place) -> Option<Draft> {
        let opened = (self.count()?, Place(self.number()?), self.count()?);
        let (typology, score_permille) = (self.count()?, self.permille()?);
        let (action, raised_at) = (self.action()?, Place(self.number()?));
        let (hits, flags) = (self.wide()?, self.byte()?);
        let mut grounds = Vec::new();
        for _ in 0..self.count()? {
            let (typology, rule, place) = (self.count()?, self.count()?, Place(self.number()?));
            let (score_permille, share_permille) = (self.permille()?, self.permille()?);
            let length = self.count()?;
            let (text, rest) = self.0.split_at_checked(length)?;
            self.0 = rest;
            let text = std::str::from_utf8(text).ok()?.to_owned();
            let hit = Hit { typology, rule, place, score_permille };
            grounds.push(Ground { hit, text, share_permille });
        }
        let mut payments = Vec::new();
        for _ in 0..self.count()? {
            payments.push(Place(self.number()?));
        }
        // What was written before this was noted is whole where nothing can have been left out.
        let is_whole = flags & 2 == 2 || payments.len() < MOST_PAYMENTS / 2;
        let sound =
            flags <= 3 && !payments.is_empty() && payments.iter().all(|&place| place < next);
        sound.then_some(Draft {
            opened,
            typology,
            score_permille,
            action,
            raised_at,
            hits,
            is_whole,
            scored: flags & 1 == 1,
            grounds,
            payments,
        })
    }

    fn story(&mut self) -> Option<Story> {
        let newest = self.time()?;
        let mut revisions = Vec::new();
        for _ in 0..self.count()? {
            let (place, score_permille) = (Place(self.number()?), self.permille()?);
            let (action, payments) = (self.action()?, self.count()?);
            revisions.push(Revision { place, score_permille, action, payments });
        }
        Some(Story { revisions, newest })
    }
}
