//! A world's parameters, and what comes of them.

use std::fmt;

use shroff_types::{AccountId, Timestamp};

use crate::attempts::Pasts;
use crate::calendar::Calendar;
use crate::cast::Cast;
use crate::flow::{Flow, Kind, Lookalike, Shortfall, Typology};
use crate::ledger::{Entry, Ledger, Method, Scene};
use crate::stage::Claims;
use crate::{attempts, background, lookalikes};

const DAY_MICROS: i64 = 86_400_000_000;
/// 2024-01-01T00:00:00Z, a Monday.
const START: Timestamp = Timestamp(1_704_067_200_000_000);
/// 2200-01-01T00:00:00Z.
const LAST_START: Timestamp = Timestamp(7_258_118_400_000_000);

/// The parameters of a world. Equal parameters give equal payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// Accounts there are, 20 to 100,000,000; not all of them need to pay.
    pub accounts: u32,
    /// Payments to make, exactly; 1 to 1,000,000,000, at 24 bytes each.
    pub payments: u64,
    /// Days from the first to the last payment, 1 to 3,650.
    pub days: u32,
    /// What makes it differ from other worlds of the same size.
    pub seed: u64,
    /// The first instant: a midnight (UTC) of the years 1970 to 2199.
    pub start: Timestamp,
    /// Planted laundering in a thousand payments, 0 to 500. Small worlds get up to 5 % so that
    /// every typology finds room; 0 gives none.
    pub attempts_permille: u32,
}

impl World {
    /// A world from 2024-01-01 on, two of its thousand payments planted laundering.
    pub fn new(accounts: u32, payments: u64, days: u32, seed: u64) -> World {
        World { accounts, payments, days, seed, start: START, attempts_permille: 2 }
    }

    fn check(&self) -> Result<(), SimError> {
        let World { accounts, payments, days, seed: _, start, attempts_permille } = *self;
        if !(20..=100_000_000).contains(&accounts) {
            return Err(SimError::Accounts(accounts));
        }
        if !(1..=1_000_000_000).contains(&payments) {
            return Err(SimError::Payments(payments));
        }
        if !(1..=3_650).contains(&days) {
            return Err(SimError::Days(days));
        }
        if start.0 % DAY_MICROS != 0 || !(Timestamp(0)..LAST_START).contains(&start) {
            return Err(SimError::Start(start));
        }
        if attempts_permille > 500 {
            return Err(SimError::AttemptsPermille(attempts_permille));
        }
        Ok(())
    }
}

/// Parameters that cannot make a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimError {
    /// Too few or too many accounts.
    Accounts(u32),
    /// No payments, or too many.
    Payments(u64),
    /// No days, or too many.
    Days(u32),
    /// Not a midnight, or out of the calendar's range.
    Start(Timestamp),
    /// More laundering than other payments.
    AttemptsPermille(u32),
}

impl SimError {
    /// What to change.
    pub fn hint(&self) -> &'static str {
        match self {
            SimError::Accounts(_) => {
                "a world has 20 to 100000000 accounts; try one for ten payments"
            }
            SimError::Payments(_) => "a world has 1 to 1000000000 payments",
            SimError::Days(_) => {
                "a world lasts 1 to 3650 days; 120 and more have room for a dormant account"
            }
            SimError::Start(_) => {
                "a world starts at a midnight (UTC) of 1970 to 2199, as 2024-01-01T00:00:00Z"
            }
            SimError::AttemptsPermille(_) => "at most 500 of a thousand payments can be attempts",
        }
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SimError::Accounts(value) => write!(f, "`{value}` accounts cannot make a world"),
            SimError::Payments(value) => write!(f, "`{value}` payments cannot make a world"),
            SimError::Days(value) => write!(f, "`{value}` days cannot make a world"),
            SimError::Start(value) => write!(f, "a world cannot start at `{value}`"),
            SimError::AttemptsPermille(value) => {
                write!(f, "`{value}` attempts in a thousand payments cannot make a world")
            }
        }
    }
}

impl std::error::Error for SimError {}

/// One payment. Its id is its place in [`Simulation::rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When, on a whole second.
    pub time: Timestamp,
    /// Who pays; its name is [`Simulation::account_name`].
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// Euro cents, above zero.
    pub amount_minor: u32,
    /// How.
    pub method: Method,
    /// The planted flow it belongs to: what, and its number from 1 among attempts or look-alikes.
    pub planted: Option<(Kind, u32)>,
}

/// A world's payments in the order (time, creation), and what was planted among them.
#[derive(Debug)]
pub struct Simulation {
    pub(crate) world: World,
    pub(crate) calendar: Calendar,
    pub(crate) entries: Vec<Entry>,
    pub(crate) planted: Vec<Planted>,
    /// The rows of all planted flows, flow by flow, each ascending.
    members: Vec<u32>,
    shortfalls: Vec<Shortfall>,
}

/// Payments with which a payroll or a rent roll begins to look like a fan.
const SMALLEST_ROLL: u32 = 5;

fn is_roll(kind: Kind) -> bool {
    matches!(kind, Kind::Lookalike(Lookalike::Payroll | Lookalike::Rent))
}

/// A planted flow with its number and its part of the members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    first: u32,
    count: u32,
}

/// What a world holds, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// All payments.
    pub payments: u64,
    /// Payments of attempts.
    pub labelled: u64,
    /// Payments of innocent look-alikes.
    pub lookalike_payments: u64,
    /// Attempts of each typology, in the order of [`Typology::ALL`].
    pub attempts: Vec<(Typology, u32)>,
    /// Innocent look-alikes of each kind, in the order of [`Lookalike::ALL`].
    pub lookalikes: Vec<(Lookalike, u32)>,
    /// Typologies that did not fit, or not in full.
    pub shortfalls: Vec<Shortfall>,
}

/// How many payments each part of a world may have.
#[derive(Debug, Clone, Copy)]
struct Budget {
    attempts: u64,
    lookalikes: u64,
    regular: u64,
}

impl Budget {
    fn of(world: &World) -> Budget {
        let payments = world.payments;
        // One attempt of each typology takes about 130 payments.
        let each_once = |share: u64| (payments / share).min(200);
        let attempts = match world.attempts_permille {
            0 => 0,
            permille => (payments * u64::from(permille) / 1_000).max(each_once(20)),
        };
        let lookalikes = (payments / 50).max(each_once(20));
        let rest = payments.saturating_sub(attempts + lookalikes);
        Budget { attempts, lookalikes, regular: rest * 45 / 100 }
    }
}

/// Makes a world: background, look-alikes, attempts, in time order.
///
/// Costs about 0.2 s and 36 MB for a million payments, and 5 bytes an account.
///
/// # Errors
/// If the parameters cannot make a world.
pub fn simulate(world: &World) -> Result<Simulation, SimError> {
    world.check()?;
    let scene = Scene {
        cast: Cast::new(world.accounts, world.seed),
        calendar: Calendar::new(world.start, world.days),
        seed: world.seed,
    };
    let budget = Budget::of(world);
    let mut ledger = Ledger::new(&scene, world.payments);
    let mut claims = Claims::new(&scene.cast);
    let pasts = Pasts::reserve(&scene, &mut claims, budget.attempts);
    background::regular(&mut ledger, budget.regular);
    let innocent = ledger.len() + budget.lookalikes;
    lookalikes::plant(&mut ledger, &mut claims, innocent);
    background::everyday(&mut ledger, &claims, world.payments - budget.attempts);
    let shortfalls = attempts::plant(&mut ledger, &mut claims, pasts, world.payments);
    background::everyday(&mut ledger, &claims, world.payments);
    let Ledger { entries, flows, .. } = ledger;
    Ok(Simulation::new(*world, scene.calendar, entries, &flows, shortfalls))
}

impl Simulation {
    fn new(
        world: World,
        calendar: Calendar,
        mut entries: Vec<Entry>,
        flows: &[Kind],
        shortfalls: Vec<Shortfall>,
    ) -> Simulation {
        // Stable: payments of one second keep the order of their creation.
        entries.sort_by_key(|entry| entry.second);
        let mut counts = vec![0_u32; flows.len()];
        for flow in entries.iter().filter_map(|entry| entry.flow) {
            counts[flow.index()] += 1;
        }
        for entry in &mut entries {
            entry.flow = entry.flow.filter(|flow| {
                let (kind, count) = (flows[flow.index()], counts[flow.index()]);
                count >= SMALLEST_ROLL || !is_roll(kind)
            });
        }
        let (mut attempts, mut lookalikes, mut first) = (0, 0, 0);
        let mut planted = Vec::with_capacity(flows.len());
        for (&kind, &count) in flows.iter().zip(&counts) {
            let count = if count >= SMALLEST_ROLL || !is_roll(kind) { count } else { 0 };
            let numbers = match kind {
                Kind::Attempt(_) => &mut attempts,
                Kind::Lookalike(_) => &mut lookalikes,
            };
            *numbers += u32::from(count > 0);
            planted.push(Planted { kind, number: *numbers, first, count });
            first += count;
        }
        let mut members = vec![0; first as usize];
        let mut next: Vec<u32> = planted.iter().map(|flow| flow.first).collect();
        for (row, entry) in (0_u32..).zip(&entries) {
            if let Some(flow) = entry.flow {
                let place = &mut next[flow.index()];
                members[*place as usize] = row;
                *place += 1;
            }
        }
        Simulation { world, calendar, entries, planted, members, shortfalls }
    }

    /// The parameters it was made from.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// All payments in the order (time, creation).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row> + '_ {
        self.entries.iter().map(|entry| self.row_of(entry))
    }

    /// The payment at a place of the order; none past the end.
    pub fn row(&self, index: u32) -> Option<Row> {
        self.entries.get(index as usize).map(|entry| self.row_of(entry))
    }

    fn row_of(&self, entry: &Entry) -> Row {
        Row {
            time: Timestamp(self.world.start.0 + i64::from(entry.second) * 1_000_000),
            debtor: entry.debtor,
            creditor: entry.creditor,
            amount_minor: entry.amount_minor,
            method: entry.method,
            planted: entry.flow.map(|flow| {
                let planted = self.planted[flow.index()];
                (planted.kind, planted.number)
            }),
        }
    }

    /// Everything planted, attempts and look-alikes.
    pub fn flows(&self) -> impl Iterator<Item = Flow<'_>> {
        self.planted.iter().filter(|flow| flow.count > 0).map(|flow| {
            let first = flow.first as usize;
            let rows = &self.members[first..first + flow.count as usize];
            Flow { number: flow.number, kind: flow.kind, rows }
        })
    }

    /// The planted laundering and fraud.
    pub fn attempts(&self) -> impl Iterator<Item = Flow<'_>> {
        self.flows().filter(|flow| matches!(flow.kind, Kind::Attempt(_)))
    }

    /// The innocent flows that look like it.
    pub fn lookalikes(&self) -> impl Iterator<Item = Flow<'_>> {
        self.flows().filter(|flow| matches!(flow.kind, Kind::Lookalike(_)))
    }

    /// The name of an account: `A` and at least seven digits, which say nothing of its role.
    pub fn account_name(&self, account: AccountId) -> String {
        format!("A{:07}", account.0)
    }

    /// What it holds, counted.
    pub fn summary(&self) -> Summary {
        let mut attempts: Vec<(Typology, u32)> = Typology::ALL.iter().map(|&t| (t, 0)).collect();
        let mut lookalikes: Vec<_> = Lookalike::ALL.iter().map(|&l| (l, 0)).collect();
        let (mut labelled, mut lookalike_payments) = (0, 0);
        for flow in self.planted.iter().filter(|flow| flow.count > 0) {
            match flow.kind {
                Kind::Attempt(typology) => {
                    attempts[typology as usize].1 += 1;
                    labelled += u64::from(flow.count);
                }
                Kind::Lookalike(lookalike) => {
                    lookalikes[lookalike as usize].1 += 1;
                    lookalike_payments += u64::from(flow.count);
                }
            }
        }
        let shortfalls = self.shortfalls.clone();
        let payments = self.entries.len() as u64;
        Summary { payments, labelled, lookalike_payments, attempts, lookalikes, shortfalls }
    }
}
