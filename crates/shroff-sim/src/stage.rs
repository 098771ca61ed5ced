//! How a planted flow finds its players, its time and its place in the ledger.

use std::ops::RangeInclusive;

use crate::calendar::DAY;
use crate::cast::{Block, Cast};
use crate::dice::Dice;
use crate::flow::Kind;
use crate::ledger::{Ledger, Leg, Method, Scene};

/// Which accounts already play in a planted flow.
#[derive(Debug)]
pub(crate) struct Claims {
    of: Vec<Claim>,
    reserved: usize,
    /// Whether the reserved accounts are sealed by now.
    closed: bool,
    /// Sleepers already woken.
    pub(crate) woken: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Free,
    /// In a planted flow; in another one only if none is free.
    Used,
    /// Kept for a flow that is told from its past: in no other flow, and once the past was read,
    /// sealed from everyday traffic too.
    Reserved,
}

impl Claims {
    pub(crate) fn new(cast: &Cast) -> Claims {
        Claims { of: vec![Claim::Free; cast.len()], reserved: 0, closed: false, woken: 0 }
    }

    pub(crate) fn is_sealed(&self, part: u32) -> bool {
        self.closed && self.of[part as usize] == Claim::Reserved
    }

    fn claim(&mut self, part: u32) {
        let claim = &mut self.of[part as usize];
        if *claim == Claim::Free {
            *claim = Claim::Used;
        }
    }

    /// Reserves a free account. Refused beyond a tenth of all, so that a small world goes on.
    pub(crate) fn reserve(&mut self, part: u32) -> bool {
        let free = self.of[part as usize] == Claim::Free && self.reserved < self.of.len() / 10;
        if free {
            self.of[part as usize] = Claim::Reserved;
            self.reserved += 1;
        }
        free
    }

    /// From now on nothing happens to reserved accounts but the flows they are kept for.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }
}

/// Sleepers with an early life in a world of so many payments; the others are never seen.
pub(crate) fn sleepers_awake(scene: &Scene, payments: u64) -> u32 {
    let enough = u32::try_from(payments / 200).unwrap_or(u32::MAX);
    scene.cast.sleepers.count.min(enough)
}

/// What a director of planted flows works with.
#[derive(Debug)]
pub(crate) struct Stage<'s, 'w> {
    pub(crate) ledger: &'s mut Ledger<'w>,
    pub(crate) claims: &'s mut Claims,
    pub(crate) dice: Dice,
    /// The number of payments at which the ledger is full.
    pub(crate) until: u64,
    /// Whether flows stay near their smallest size, so that one of each kind fits.
    pub(crate) small: bool,
}

impl<'w> Stage<'_, 'w> {
    pub(crate) fn scene(&self) -> &'w Scene {
        self.ledger.scene
    }

    /// How many players: of the range, near its start for a small flow.
    pub(crate) fn size(&mut self, range: RangeInclusive<u32>) -> u32 {
        let most = if self.small { range.start() + 1 } else { *range.end() };
        self.dice.within(*range.start()..=most.min(*range.end()))
    }

    /// Different accounts that play in no other flow, as far as there are; seven of eight are
    /// households, busy ones more often.
    pub(crate) fn crew(&mut self, count: u32) -> Option<Vec<u32>> {
        self.cast_from(count, |scene, dice| match dice.below(8) {
            0 => scene.cast.firms.any(dice, 2),
            _ => scene.cast.households.any(dice, 2),
        })
    }

    /// Different accounts of a role.
    pub(crate) fn troupe(&mut self, role: Block, count: u32) -> Option<Vec<u32>> {
        self.cast_from(count, |_, dice| role.any(dice, 2))
    }

    fn cast_from(
        &mut self,
        count: u32,
        draw: impl Fn(&Scene, &mut Dice) -> u32,
    ) -> Option<Vec<u32>> {
        let scene = self.scene();
        let mut crew = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let fits = |claims: &Claims, part: u32, attempt: u32| {
                // Thirty draws among the free, then as many again among all but the reserved.
                match claims.of[part as usize] {
                    Claim::Free => true,
                    Claim::Used => attempt >= 30,
                    Claim::Reserved => false,
                }
            };
            let player = (0..90).find_map(|attempt| {
                let part = draw(scene, &mut self.dice);
                (fits(self.claims, part, attempt) && !crew.contains(&part)).then_some(part)
            })?;
            crew.push(player);
        }
        Some(crew)
    }

    /// A length in seconds within a window: in one of seven cases beyond it, up to three times.
    pub(crate) fn span(&mut self, window: u32) -> u32 {
        let long = self.dice.permille(150);
        let range = if long { window..=3 * window } else { window / 8..=window };
        self.dice.within(range).min(self.longest())
    }

    /// A length in seconds within a window.
    pub(crate) fn span_within(&mut self, window: u32) -> u32 {
        self.dice.within(window / 8..=window - window / 20).min(self.longest())
    }

    /// Seconds a flow may last at most: four fifths of the world.
    pub(crate) fn longest(&self) -> u32 {
        self.scene().calendar.seconds() / 5 * 4
    }

    /// When a flow of so many seconds begins.
    pub(crate) fn opening(&mut self, span: u32) -> u32 {
        let room = self.scene().calendar.seconds() - span;
        let second = self.scene().calendar.everyday(&mut self.dice);
        if second < room { second } else { self.dice.below(room) }
    }

    /// `count` instants of a flow within `span` seconds, ascending.
    pub(crate) fn times(&mut self, span: u32, count: u32) -> Vec<u32> {
        let start = self.opening(span);
        self.dice.instants(start, span, count)
    }

    /// The two ways in which people and firms move larger sums.
    pub(crate) fn method(&mut self) -> Method {
        if self.dice.permille(550) { Method::Transfer } else { Method::Instant }
    }

    /// Writes a flow, if there is room for it. Its accounts are claimed.
    pub(crate) fn plant(&mut self, kind: Kind, legs: &[Leg]) -> bool {
        if legs.is_empty() || self.ledger.len() + legs.len() as u64 > self.until {
            return false;
        }
        let end = self.scene().calendar.seconds();
        let flow = self.ledger.open(kind);
        for leg in legs {
            assert!(leg.second < end, "a flow ends within the world");
            self.claims.claim(leg.debtor);
            self.claims.claim(leg.creditor);
            self.ledger.push(*leg, Some(flow));
        }
        true
    }

    /// A sleeper that was not woken yet, and when: after 90 days of silence if the world has
    /// them, else after as many as it has.
    /// Only one of `share` sleepers is there to be woken.
    pub(crate) fn wake(&mut self, share: u32) -> Option<(u32, u32)> {
        let scene = self.scene();
        let total = scene.calendar.seconds();
        // Shorter worlds have no silence worth the name.
        let awake = sleepers_awake(scene, self.ledger.capacity()) / share;
        if total < 10 * DAY || self.claims.woken >= awake {
            return None;
        }
        let sleeper = scene.cast.sleepers.nth(self.claims.woken);
        self.claims.woken += 1;
        let earliest = (96 * DAY).min(total / 10 * 9);
        Some((sleeper, self.dice.within(earliest..=total - DAY / 2)))
    }
}

/// One payment by transfer.
pub(crate) fn transfer(second: u32, (debtor, creditor): (u32, u32), amount_minor: u32) -> Leg {
    Leg { second, debtor, creditor, amount_minor, method: Method::Transfer }
}
