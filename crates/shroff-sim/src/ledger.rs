//! The payments of a world while it is written.

use std::num::NonZeroU32;

use shroff_types::AccountId;

use crate::calendar::Calendar;
use crate::cast::Cast;
use crate::flow::Kind;

/// How a payment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// A card, in a shop or online.
    Card,
    /// A credit transfer, settled in batches.
    Transfer,
    /// An instant credit transfer.
    Instant,
    /// A direct debit.
    DirectDebit,
    /// A standing order.
    StandingOrder,
}

impl Method {
    /// The name as the file has it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Card => "card",
            Method::Transfer => "transfer",
            Method::Instant => "instant",
            Method::DirectDebit => "direct-debit",
            Method::StandingOrder => "standing-order",
        }
    }
}

/// A planted flow, as its place in the list of flows, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowId(NonZeroU32);

impl FlowId {
    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// One payment of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) second: u32,
    pub(crate) debtor: AccountId,
    pub(crate) creditor: AccountId,
    pub(crate) amount_minor: u32,
    pub(crate) flow: Option<FlowId>,
    pub(crate) method: Method,
}

// Worlds of 10 M payments: 240 MB, and half as much again while they are sorted.
const _: () = assert!(size_of::<Entry>() == 24);

/// One payment between parts of the cast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg {
    /// Seconds from the start of the world.
    pub(crate) second: u32,
    pub(crate) debtor: u32,
    pub(crate) creditor: u32,
    /// Above zero.
    pub(crate) amount_minor: u32,
    pub(crate) method: Method,
}

/// Where a world plays.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) cast: Cast,
    pub(crate) calendar: Calendar,
    pub(crate) seed: u64,
}

/// Payments in the order in which they are thought of, and what was planted.
#[derive(Debug)]
pub(crate) struct Ledger<'w> {
    pub(crate) scene: &'w Scene,
    payments: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) flows: Vec<Kind>,
}

impl<'w> Ledger<'w> {
    pub(crate) fn new(scene: &'w Scene, payments: u64) -> Ledger<'w> {
        let capacity = usize::try_from(payments).expect("a billion fits an address");
        Ledger { scene, payments, entries: Vec::with_capacity(capacity), flows: Vec::new() }
    }

    /// Payments the world will have.
    pub(crate) fn capacity(&self) -> u64 {
        self.payments
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn open(&mut self, kind: Kind) -> FlowId {
        self.flows.push(kind);
        let number = u32::try_from(self.flows.len()).expect("fewer than 2^32 flows");
        FlowId(NonZeroU32::new(number).expect("just pushed"))
    }

    pub(crate) fn push(&mut self, leg: Leg, flow: Option<FlowId>) {
        assert!(leg.amount_minor > 0, "every payment moves money");
        self.entries.push(Entry {
            second: leg.second,
            debtor: self.scene.cast.account(leg.debtor),
            creditor: self.scene.cast.account(leg.creditor),
            amount_minor: leg.amount_minor,
            flow,
            method: leg.method,
        });
    }
}
