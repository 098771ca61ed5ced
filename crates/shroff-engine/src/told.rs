//! What is said of a payment the moment it is taken: the verdict, with all that it rests on.
//!
//! It is a function of the log. As bytes, it is what a service keeps of what it said.

use shroff_detect::Arrival;
use shroff_types::{Action, Place};

use crate::grouping::Hit;

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The payment, by its place in the log.
    pub place: Place,
    /// How it came.
    pub arrival: Arrival,
    /// Whether a search ran out of its budget: counts are lower bounds.
    pub saturated: bool,
    /// What fired, together: 0 to 1000.
    pub score_permille: u16,
    /// What is suggested.
    pub action: Action,
    /// The rules that fired, in the order of the library.
    pub fired: Vec<Fired>,
    /// The drafts that it changed, as they stood then.
    pub touched: Vec<Touched>,
}

/// A rule that fired at a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The hit.
    pub hit: Hit,
    /// Its share in the score of the payment, 0 to 1000.
    pub share_permille: u16,
    /// The draft that it is in.
    pub draft: u32,
    /// Why, with its values.
    pub text: String,
    /// The payments behind it, ascending: the newest where there are many.
    pub evidence: Vec<Place>,
    /// Whether that is all of them.
    pub is_whole: bool,
}

/// A draft, as a payment left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its number.
    pub draft: u32,
    /// Typology, payment and count of its opening: what its id is made of.
    pub opened: (usize, Place, usize),
    /// Its score then.
    pub score_permille: u16,
    /// What was suggested then.
    pub action: Action,
    /// How many payments it held.
    pub payments: usize,
}

const ACTIONS: [Action; 3] = [Action::None, Action::Review, Action::Hold];
const ARRIVALS: [Arrival; 3] = [Arrival::InOrder, Arrival::Late, Arrival::TooLate];

impl Told {
    pub(crate) fn of(place: Place, arrival: Arrival) -> Told {
        Told {
            place,
            arrival,
            saturated: false,
            score_permille: 0,
            action: Action::None,
            fired: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Appends it as bytes, its place left out: one byte where nothing fired.
    pub fn write(&self, out: &mut Vec<u8>) {
        let arrival = ARRIVALS.iter().position(|&a| a == self.arrival).unwrap_or_default();
        let arrival = u8::try_from(arrival).unwrap_or_default();
        let spoke = u8::from(!self.fired.is_empty());
        out.push(arrival | u8::from(self.saturated) << 2 | spoke << 3);
        if self.fired.is_empty() {
            return;
        }
        let mut out = Out(out);
        out.number(u32::from(self.score_permille));
        out.action(self.action);
        out.count(self.fired.len());
        for Fired { hit, share_permille, draft, text, evidence, is_whole } in &self.fired {
            out.count(hit.typology);
            out.count(hit.rule);
            out.number(u32::from(hit.score_permille) | u32::from(*is_whole) << 16);
            out.number(u32::from(*share_permille));
            out.number(*draft);
            out.count(text.len());
            out.0.extend_from_slice(text.as_bytes());
            out.count(evidence.len());
            for place in evidence {
                out.number(place.0);
            }
        }
        out.count(self.touched.len());
        for Touched { draft, opened, score_permille, action, payments } in &self.touched {
            out.number(*draft);
            out.count(opened.0);
            out.number(opened.1.0);
            out.count(opened.2);
            out.number(u32::from(*score_permille));
            out.action(*action);
            out.count(*payments);
        }
    }

    /// Reads the verdict on a payment; none where these bytes are none.
    pub fn read(place: Place, bytes: &[u8]) -> Option<Told> {
        let (&flags, rest) = bytes.split_first()?;
        let mut told = Told::of(place, *ARRIVALS.get(usize::from(flags & 3))?);
        told.saturated = flags & 4 != 0;
        let mut from = In(rest);
        if flags & 8 != 0 {
            told.score_permille = from.permille()?;
            told.action = from.action()?;
            for _ in 0..from.count()? {
                told.fired.push(from.fired(place)?);
            }
            for _ in 0..from.count()? {
                told.touched.push(from.touched()?);
            }
        }
        (flags < 16 && from.0.is_empty()).then_some(told)
    }
}

struct Out<'a>(&'a mut Vec<u8>);

impl Out<'_> {
    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).expect("far fewer than 2^32"));
    }

    fn action(&mut self, action: Action) {
        let at = ACTIONS.iter().position(|&a| a == action).unwrap_or_default();
        self.0.push(u8::try_from(at).unwrap_or_default());
    }
}

struct In<'a>(&'a [u8]);

impl In<'_> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn permille(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    fn action(&mut self) -> Option<Action> {
        let (&at, rest) = self.0.split_first()?;
        self.0 = rest;
        ACTIONS.get(usize::from(at)).copied()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn fired(&mut self, place: Place) -> Option<Fired> {
        let (typology, rule) = (self.count()?, self.count()?);
        let strength = self.number()?;
        let score_permille = u16::try_from(strength & 0xFFFF).ok()?;
        let share_permille = self.permille()?;
        let draft = self.number()?;
        let text = self.text()?;
        let mut evidence = Vec::new();
        for _ in 0..self.count()? {
            evidence.push(Place(self.number()?));
        }
        let hit = Hit { typology, rule, place, score_permille };
        let is_whole = strength >> 16 == 1;
        Some(Fired { hit, share_permille, draft, text, evidence, is_whole })
    }

    fn touched(&mut self) -> Option<Touched> {
        let draft = self.number()?;
        let opened = (self.count()?, Place(self.number()?), self.count()?);
        let (score_permille, action) = (self.permille()?, self.action()?);
        Some(Touched { draft, opened, score_permille, action, payments: self.count()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_as_it_was_written_and_a_cut_one_is_none() {
        let place = Place(9);
        let hit = Hit { typology: 2, rule: 5, place, score_permille: 731 };
        let evidence = vec![Place(3), place];
        let text = "why".to_owned();
        let fired = Fired { hit, share_permille: 1_000, draft: 4, text, evidence, is_whole: true };
        let touched = Touched {
            draft: 4,
            opened: (2, Place(3), 0),
            score_permille: 800,
            action: Action::Hold,
            payments: 7,
        };
        let quiet = Told { saturated: true, ..Told::of(place, Arrival::Late) };
        let loud = Told {
            score_permille: 731,
            action: Action::Review,
            fired: vec![fired],
            touched: vec![touched],
            ..Told::of(place, Arrival::InOrder)
        };
        for told in [quiet, loud] {
            let mut bytes = Vec::new();
            told.write(&mut bytes);
            assert_eq!(Told::read(place, &bytes).as_ref(), Some(&told));
            for cut in 0..bytes.len() {
                assert_eq!(Told::read(place, &bytes[..cut]), None, "{cut}");
            }
        }
    }
}
