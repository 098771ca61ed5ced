//! Evidence of lines without a graph: a history whose payments are all at hand.
//!
//! A graph is made for payments that come one after another, and forgets. Who has all of a history
//! needs neither: the payments of an account in one direction are a run of places, and what a
//! payment sees of them is a part of that run, for places are in the order of time.

use std::fmt::Debug;

use shroff_types::{AccountId, Names, Place, Span, Timestamp};

use crate::definitions::Definitions;
use crate::evidence::{Flow, LinePart, is_growing};
use crate::extractor::Input;
use crate::filter::PaymentRow;
use crate::lines::lets_through;
use crate::plan::{Plan, filter_of};
use crate::recall::{PlacedInput, pending};
use crate::workers::{Job, Workers};

/// All payments of a history by their place in the order, from 0.
pub trait History: Sync + Debug {
    /// How many there are.
    fn len(&self) -> u32;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// How many accounts they have: all numbers are below.
    fn accounts(&self) -> usize;
    /// The payment at a place.
    fn input(&self, place: u32) -> Input;
    /// Its debtor and its creditor.
    fn ends(&self, place: u32) -> [AccountId; 2];
    /// When it was.
    fn time(&self, place: u32) -> Timestamp;
    /// The names of methods.
    fn symbols(&self) -> &Names;
}

/// A payment as one of its accounts sees it.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    place: u32,
    /// The account at the other end.
    other: AccountId,
}

/// The payments that left each account, or that reached each: 8 bytes a payment, 4 an account.
#[derive(Debug, Default)]
struct Lines {
    /// Where the line of each account begins, and where the last one ends.
    begins: Vec<u32>,
    /// Line after line, each ascending by place.
    entries: Vec<Entry>,
}

impl Lines {
    /// Of some payments, ascending: at 0 of their ends is the account, at 1 the other, or `turned`.
    fn of(history: &dyn History, places: impl Iterator<Item = u32> + Clone, turned: bool) -> Lines {
        let ends = |place: u32| {
            let [debtor, creditor] = history.ends(place);
            if turned { [creditor, debtor] } else { [debtor, creditor] }
        };
        let mut begins = vec![0_u32; history.accounts() + 1];
        let mut count = 0;
        for place in places.clone() {
            begins[ends(place)[0].0 as usize + 1] += 1;
            count += 1;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut entries = vec![Entry::default(); count];
        // Each line is filled from where it begins to where the next one does, and then put back.
        for place in places {
            let [account, other] = ends(place);
            let next = &mut begins[account.0 as usize];
            entries[*next as usize] = Entry { place, other };
            *next += 1;
        }
        begins.rotate_right(1);
        begins[0] = 0;
        Lines { begins, entries }
    }

    fn of_account(&self, account: AccountId) -> &[Entry] {
        let at = account.0 as usize;
        &self.entries[self.begins[at] as usize..self.begins[at + 1] as usize]
    }
}

/// The lines of all payments of a history.
#[derive(Debug)]
pub struct Archive<'h> {
    history: &'h dyn History,
    plan: Plan,
    /// By layer that a `where` makes, the one of all payments before them: out of accounts, and
    /// into them.
    layers: Vec<[Lines; 2]>,
}

impl<'h> Archive<'h> {
    /// The lines that blocks of these definitions speak of; amounts have `exponent` decimals. Costs
    /// two steps for each payment and layer, and a look at each for each `where`.
    pub fn new(
        (definitions, exponent): (&Definitions, u8),
        history: &'h dyn History,
        workers: &dyn Workers,
    ) -> Archive<'h> {
        let plan = Plan::new(definitions, exponent);
        let mut layers: Vec<[Lines; 2]> = Vec::new();
        layers.resize_with(1 + plan.filters.len(), Default::default);
        let (all, filtered) = layers.split_first_mut().expect("one layer has all payments");
        let [out, into] = all;
        let everything = 0..history.len();
        let mut jobs: Vec<Job<'_>> = vec![
            Box::new({
                let everything = everything.clone();
                move || *out = Lines::of(history, everything, false)
            }),
            Box::new({
                let everything = everything.clone();
                move || *into = Lines::of(history, everything, true)
            }),
        ];
        for (filter, lines) in plan.filters.iter().zip(filtered) {
            let everything = everything.clone();
            jobs.push(Box::new(move || {
                let symbols = history.symbols();
                let passes = |place: &u32| {
                    let input = history.input(*place);
                    filter.is_true(&PaymentRow { input: &input, exponent, symbols })
                };
                let places: Vec<u32> = everything.filter(passes).collect();
                *lines = [false, true].map(|way| Lines::of(history, places.iter().copied(), way));
            }));
        }
        workers.run(jobs);
        Archive { history, plan, layers }
    }

    /// Asks it.
    pub fn reader(&self) -> ArchiveReader<'_> {
        ArchiveReader { archive: self, begins: vec![0; self.plan.definitions.blocks.len()], end: 0 }
    }

    /// The first place after an instant; it is about at `near`.
    fn first_after(&self, time: Timestamp, near: u32) -> u32 {
        let is_before = |place: u32| self.history.time(place) <= time;
        let (mut low, mut high) = (0, self.history.len());
        // Whoever asks is a little later than the one before.
        let mut step = 1;
        if near == 0 || is_before(near - 1) {
            low = near;
            while let Some(next) = low.checked_add(step).filter(|next| *next < high) {
                if !is_before(next) {
                    high = next;
                    break;
                }
                (low, step) = (next + 1, step * 2);
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Asks an archive for the lines of payments, best in their order.
#[derive(Debug)]
pub struct ArchiveReader<'a> {
    archive: &'a Archive<'a>,
    /// By block: where the window of the payment asked about last began.
    begins: Vec<u32>,
    /// And where what it sees ended.
    end: u32,
}

impl ArchiveReader<'_> {
    /// As [`crate::FindEvidence::grows`].
    pub fn grows(&self, number: usize) -> bool {
        is_growing(&self.archive.plan.definitions.blocks[number])
    }

    /// As [`crate::FindEvidence::line_after`], of a payment of the history, as if it were asked with
    /// all that lies in its horizon.
    ///
    /// # Panics
    /// If asked for a pattern, which has no line.
    pub fn line_after(
        &mut self,
        payment: PlacedInput,
        (number, flow): (usize, Flow),
        after: Option<Place>,
    ) -> LinePart {
        let Archive { history, plan, layers } = self.archive;
        let block = &plan.definitions.blocks[number];
        let payment = pending(payment);
        let begins = self.begins(number, payment.key.time.before(block.window));
        let ends = self.ends(payment.key.place, payment.key.time);
        let Input { debtor, creditor, .. } = payment.input;
        let (account, way) = match flow {
            Flow::DebtorOut | Flow::Pair => (debtor, 0),
            Flow::DebtorIn => (debtor, 1),
            Flow::CreditorOut => (creditor, 0),
            Flow::CreditorIn => (creditor, 1),
            Flow::Pattern => panic!("a pattern has no line: ask for its payments"),
        };
        let line = layers[plan.layer_of[number]][way].of_account(account);
        let from = line.partition_point(|entry| entry.place < begins);
        let to = line.partition_point(|entry| entry.place < ends);
        let other = (flow == Flow::Pair).then_some(creditor);
        let filter = filter_of(&block.kind).filter(|_| !is_growing(block));
        let counts = |entry: &&Entry| {
            entry.other != account
                && other.is_none_or(|other| entry.other == other)
                && filter.is_none_or(|filter| {
                    let past = pending((Place(entry.place), history.input(entry.place)));
                    lets_through(filter, (past.key, past.input.minor), &payment)
                })
        };
        let line = line[from.min(to)..to].iter();
        LinePart::of(line, (|entry| Place(entry.place), counts), after)
    }

    fn begins(&mut self, number: usize, after: Timestamp) -> u32 {
        self.begins[number] = self.archive.first_after(after, self.begins[number]);
        self.begins[number]
    }

    /// Where what a payment sees ends.
    fn ends(&mut self, place: Place, time: Timestamp) -> u32 {
        let horizon = self.archive.plan.horizon;
        if horizon == Span::ZERO {
            return place.0 + 1;
        }
        self.end = self.archive.first_after(time.after(horizon), self.end);
        self.end
    }
}
