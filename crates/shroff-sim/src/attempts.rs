//! Planted laundering and fraud: one function for each typology, giving the payments of one
//! attempt; money shrinks by a commission at each hop.

use std::ops::RangeInclusive;

use shroff_types::{AccountId, Map};

use crate::calendar::{DAY, HOUR};
use crate::dice::Dice;
use crate::flow::{Kind, Shortfall, Typology};
use crate::ledger::{Ledger, Leg, Scene};
use crate::stage::{Claims, Stage, transfer};

/// What a hop leaves of a sum, in thousandths: a commission of 2 to 9 %.
const KEPT: RangeInclusive<u32> = 910..=980;
/// The first round, smallest attempts first, so that a small world has as many as fit.
const FIRST_ROUND: [Typology; 17] = [
    Typology::NewPayee,
    Typology::UnlikeItself,
    Typology::DormantWakes,
    Typology::RoundTrip,
    Typology::PassThrough,
    Typology::Testing,
    Typology::Cycle,
    Typology::Structuring,
    Typology::LayeringChain,
    Typology::Burst,
    Typology::AlikeAmounts,
    Typology::FanIn,
    Typology::FanOut,
    Typology::ScatterGather,
    Typology::Bipartite,
    Typology::GatherScatter,
    Typology::Stack,
];
const _: () = assert!(FIRST_ROUND.len() == Typology::ALL.len());
/// Payments of one attempt of each typology, about: for planning ahead.
const ROUND: u64 = 130;

/// Plants attempts of all typologies in turn until the ledger holds about `until` payments; tells
/// what did not fit.
pub(crate) fn plant(
    ledger: &mut Ledger,
    claims: &mut Claims,
    mut pasts: Pasts,
    until: u64,
) -> Vec<Shortfall> {
    let mut shortfalls = Vec::new();
    pasts.read(ledger, claims);
    let seed = ledger.scene.seed;
    let dice = Dice::new(seed, 4);
    let mut stage = Stage { ledger, claims, dice, until, small: true };
    for typology in FIRST_ROUND {
        if !attempt(&mut stage, &mut pasts, typology) {
            shortfalls.push(Shortfall::Absent(typology));
        } else if typology == Typology::DormantWakes && stage.longest() < 90 * DAY {
            shortfalls.push(Shortfall::ShortSilence(typology));
        }
    }
    stage.small = false;
    let mut missed = 0;
    for &typology in Typology::ALL.iter().cycle() {
        missed = if attempt(&mut stage, &mut pasts, typology) { 0 } else { missed + 1 };
        // Two rounds without success: the room that is left is too small for any.
        if missed >= 2 * Typology::ALL.len() {
            return shortfalls;
        }
    }
    shortfalls
}

fn attempt(stage: &mut Stage, pasts: &mut Pasts, typology: Typology) -> bool {
    let legs = match typology {
        Typology::FanIn => fan_in(stage),
        Typology::FanOut => fan_out(stage),
        Typology::GatherScatter => gather_scatter(stage),
        Typology::ScatterGather => scatter_gather(stage),
        Typology::Cycle => cycle(stage),
        Typology::RoundTrip => round_trip(stage),
        Typology::Stack => layers(stage, 3),
        Typology::Bipartite => layers(stage, 2),
        Typology::PassThrough => pass_through(stage),
        Typology::LayeringChain => layering_chain(stage),
        Typology::Structuring => structuring(stage),
        Typology::DormantWakes => dormant_wakes(stage),
        Typology::UnlikeItself => unlike_itself(stage, pasts),
        Typology::Burst => burst(stage),
        Typology::NewPayee => new_payee(stage, pasts),
        Typology::AlikeAmounts => alike_amounts(stage),
        Typology::Testing => testing(stage),
    };
    legs.is_some_and(|mut legs| {
        for leg in &mut legs {
            leg.method = stage.method();
        }
        stage.plant(Kind::Attempt(typology), &legs)
    })
}

/// The sum an attempt begins with: 100 to 200,000 euro, mostly thousands.
fn sum(stage: &mut Stage) -> u32 {
    stage.dice.around(220_000, 1_700).clamp(10_000, 20_000_000)
}

fn fan_in(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(5..=15);
    let crew = stage.crew(count + 1)?;
    let (hub, payers) = crew.split_last()?;
    let (each, span) = (sum(stage), stage.span(DAY));
    let times = stage.times(span, count);
    let legs = times.iter().zip(payers).map(|(&second, &payer)| {
        transfer(second, (payer, *hub), stage.dice.part(each, 850..=1_000))
    });
    Some(legs.collect())
}

fn fan_out(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(5..=15);
    let crew = stage.crew(count + 1)?;
    let (hub, payees) = crew.split_last()?;
    let (each, span) = (sum(stage), stage.span(DAY));
    let times = stage.times(span, count);
    let legs = times.iter().zip(payees).map(|(&second, &payee)| {
        transfer(second, (*hub, payee), stage.dice.part(each, 950..=1_000))
    });
    Some(legs.collect())
}

fn gather_scatter(stage: &mut Stage) -> Option<Vec<Leg>> {
    let (payers, payees) = (stage.size(5..=9), stage.size(5..=9));
    let crew = stage.crew(1 + payers + payees)?;
    let (hub, others) = crew.split_last()?;
    let window = if stage.dice.permille(500) { DAY } else { 7 * DAY };
    let (each, span) = (sum(stage), stage.span(window));
    let start = stage.opening(span);
    let (ins, outs) = others.split_at(payers as usize);
    let mut legs = Vec::new();
    let mut gathered = 0_u64;
    for (second, &payer) in stage.dice.instants(start, span / 2, payers).into_iter().zip(ins) {
        let amount = stage.dice.part(each, 800..=1_000);
        gathered += u64::from(amount);
        legs.push(transfer(second, (payer, *hub), amount));
    }
    let share = u32::try_from(gathered / u64::from(payees)).unwrap_or(u32::MAX);
    let times = stage.dice.instants(start + span / 2, span / 2, payees);
    for (second, &payee) in times.into_iter().zip(outs) {
        legs.push(transfer(second, (*hub, payee), stage.dice.part(share, KEPT)));
    }
    Some(legs)
}

fn scatter_gather(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=14);
    let crew = stage.crew(count + 2)?;
    let (ends, middles) = crew.split_at(2);
    let window = if stage.dice.permille(300) { 6 * HOUR } else { 7 * DAY };
    let (each, span) = (sum(stage), stage.span(window));
    let start = stage.opening(span);
    let times = stage.dice.instants(start, span / 2, count);
    let mut legs = Vec::new();
    for (&second, &middle) in times.iter().zip(middles) {
        let amount = stage.dice.part(each, 850..=1_000);
        let later = second + 1 + stage.dice.below(span / 2 - 1);
        legs.push(transfer(second, (ends[0], middle), amount));
        legs.push(transfer(later, (middle, ends[1]), stage.dice.part(amount, KEPT)));
    }
    Some(legs)
}

fn cycle(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=10);
    let crew = stage.crew(count)?;
    let window = if stage.dice.permille(500) { DAY } else { 30 * DAY };
    let (mut amount, span) = (sum(stage), stage.span(window));
    let times = stage.times(span, count);
    let mut legs = Vec::new();
    for (hop, &second) in times.iter().enumerate() {
        legs.push(transfer(second, (crew[hop], crew[(hop + 1) % crew.len()]), amount));
        amount = stage.dice.part(amount, KEPT);
    }
    Some(legs)
}

/// One to three times there and back.
fn round_trip(stage: &mut Stage) -> Option<Vec<Leg>> {
    let trips = stage.size(1..=3).min(if stage.small { 1 } else { 3 });
    let crew = stage.crew(2)?;
    let (amount, span) = (sum(stage), stage.span(30 * DAY));
    let times = stage.times(span, 2 * trips);
    let mut legs = Vec::new();
    for trip in times.chunks_exact(2) {
        let there = stage.dice.part(amount, 700..=1_000);
        legs.push(transfer(trip[0], (crew[0], crew[1]), there));
        legs.push(transfer(trip[1], (crew[1], crew[0]), stage.dice.part(there, 920..=995)));
    }
    Some(legs)
}

/// Layers of accounts, each paying two or three of the next layer, one layer after the other.
fn layers(stage: &mut Stage, depth: u32) -> Option<Vec<Leg>> {
    let width = stage.size(3..=5);
    let crew = stage.crew(width * depth)?;
    let layers: Vec<&[u32]> = crew.chunks_exact(width as usize).collect();
    let mut amount = sum(stage);
    let span = stage.span(7 * DAY);
    let (start, each) = (stage.opening(span), span / (depth - 1));
    let fan = if stage.small { 2 } else { stage.dice.within(2..=3) };
    let mut legs = Vec::new();
    for (step, pair) in (0..).zip(layers.windows(2)) {
        let times = stage.dice.instants(start + step * each, each, width * fan);
        for (place, second) in (0..).zip(times) {
            let payer = pair[0][(place % width) as usize];
            let payee = pair[1][((place % width + place / width) % width) as usize];
            legs.push(transfer(second, (payer, payee), stage.dice.part(amount, 800..=1_000)));
        }
        amount = stage.dice.part(amount, KEPT);
    }
    Some(legs)
}

/// A mule: what comes in leaves within a day, in one or two parts, less up to a tenth.
fn pass_through(stage: &mut Stage) -> Option<Vec<Leg>> {
    let rounds = stage.size(1..=4);
    let crew = stage.crew(rounds + 3)?;
    let (mule, payees, payers) = (crew[0], &crew[1..3], &crew[3..]);
    let each = sum(stage);
    let quick = stage.dice.within(15 * 60..=23 * HOUR).min(stage.longest() / (2 * rounds));
    let span = 2 * quick * rounds;
    let start = stage.opening(span + 60);
    let mut legs = Vec::new();
    for (round, &payer) in (0..).zip(payers) {
        let arrives = start + 2 * quick * round + stage.dice.below(quick);
        let amount = stage.dice.part(each, 500..=1_500);
        legs.push(transfer(arrives, (payer, mule), amount));
        let leaves = stage.dice.part(amount, 900..=980);
        let first =
            if stage.dice.permille(500) { leaves } else { stage.dice.part(leaves, 300..=700) };
        let at = arrives + 1 + stage.dice.below(quick - 1);
        legs.push(transfer(at, (mule, payees[0]), first));
        if leaves > first {
            legs.push(transfer(at + 60, (mule, payees[1]), leaves - first));
        }
    }
    Some(legs)
}

fn layering_chain(stage: &mut Stage) -> Option<Vec<Leg>> {
    let hops = stage.size(4..=10);
    let crew = stage.crew(hops + 1)?;
    let longest = (stage.longest() / hops).min(DAY) - 1;
    let mut amount = sum(stage);
    let mut second = stage.opening(longest * hops);
    let mut legs = Vec::new();
    for pair in crew.windows(2) {
        legs.push(transfer(second, (pair[0], pair[1]), amount));
        amount = stage.dice.part(amount, 850..=990);
        second += stage.dice.within(longest / 60..=longest - 1);
    }
    Some(legs)
}

/// Just under 10,000 again and again: from one to one, from one to many, or from many to one.
fn structuring(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=12);
    let way = stage.dice.below(3);
    let crew = stage.crew(if way == 0 { 2 } else { count + 1 })?;
    let window = if stage.dice.permille(500) { 7 * DAY } else { 30 * DAY };
    let span = stage.span_within(window);
    let times = stage.times(span, count);
    let legs = times.iter().enumerate().map(|(place, &second)| {
        let ends = match way {
            0 => (crew[0], crew[1]),
            1 => (crew[0], crew[1 + place]),
            _ => (crew[1 + place], crew[0]),
        };
        // Two in five are round to hundreds, as people choose them.
        let amount = stage.dice.within(805_000..=999_500);
        let round = stage.dice.permille(400);
        transfer(second, ends, if round { amount / 10_000 * 10_000 } else { amount })
    });
    Some(legs.collect())
}

/// Money arrives on an account silent for long, and leaves within a day; or it just leaves.
fn dormant_wakes(stage: &mut Stage) -> Option<Vec<Leg>> {
    let crew = stage.crew(2)?;
    let (sleeper, second) = stage.wake(1)?;
    let amount = sum(stage).max(500_000);
    let later = second + stage.dice.within(HOUR / 4..=DAY / 2 - 1);
    let arrives = transfer(second, (crew[0], sleeper), amount);
    let leaves = transfer(later, (sleeper, crew[1]), stage.dice.part(amount, KEPT));
    Some(if stage.dice.permille(600) { vec![arrives, leaves] } else { vec![leaves] })
}

/// Five and more payments within five minutes.
fn burst(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(5..=14);
    let one = stage.dice.permille(300);
    let crew = stage.crew(if one { 2 } else { count + 1 })?;
    let each = stage.dice.around(24_000, 1_000).clamp(2_000, 400_000);
    let times = stage.times(290, count);
    let legs = times.iter().enumerate().map(|(place, &second)| {
        let payee = crew[if one { 1 } else { 1 + place }];
        transfer(second, (crew[0], payee), stage.dice.part(each, 400..=1_600))
    });
    Some(legs.collect())
}

/// The same amount within a day, exactly or within 4 %: out of or into one account.
fn alike_amounts(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(5..=14);
    let crew = stage.crew(count + 1)?;
    let (exact, inward) = (stage.dice.permille(600), stage.dice.permille(500));
    let each = stage.dice.around(95_000, 1_200).clamp(5_000, 2_000_000);
    let span = stage.span_within(DAY);
    let times = stage.times(span, count);
    let legs = times.iter().zip(&crew[1..]).map(|(&second, &other)| {
        let ends = if inward { (other, crew[0]) } else { (crew[0], other) };
        let amount = if exact { each } else { stage.dice.part(each, 960..=1_000) };
        transfer(second, ends, amount)
    });
    Some(legs.collect())
}

/// Cents to see whether the stolen account works, then what it holds.
fn testing(stage: &mut Stage) -> Option<Vec<Leg>> {
    let tiny = stage.size(2..=6);
    let crew = stage.crew(3)?;
    let times = stage.times(HOUR - 60, tiny + 1);
    let (&last, first) = times.split_last()?;
    let mut legs: Vec<Leg> = first
        .iter()
        .map(|&second| transfer(second, (crew[0], crew[1]), stage.dice.within(1..=99)))
        .collect();
    let payee = if stage.dice.permille(500) { crew[1] } else { crew[2] };
    let large = stage.dice.around(140_000, 900).clamp(50_100, 2_000_000);
    legs.push(transfer(last, (crew[0], payee), large));
    Some(legs)
}

/// A few payments within a day, each over twice the largest the account ever made.
fn unlike_itself(stage: &mut Stage, pasts: &mut Pasts) -> Option<Vec<Leg>> {
    let total = stage.scene().calendar.seconds();
    let earliest = total / 10 * 7;
    let past = pasts.take(|past| {
        past.payments.iter().filter(|p| p.outward && p.second < earliest).count() >= 4
    })?;
    let largest = past.payments.iter().filter(|p| p.outward).map(|p| p.amount_minor).max()?;
    let count = stage.size(1..=4);
    let crew = stage.crew(count)?;
    let span = (DAY - HOUR).min(total / 10);
    let start = stage.dice.within(earliest..=total - span - 1);
    let times = stage.dice.instants(start, span, count);
    let legs = times.iter().zip(&crew).map(|(&second, &payee)| {
        let amount = stage.dice.part(largest, 2_000..=4_500).max(60_000);
        transfer(second, (past.part, payee), amount)
    });
    Some(legs.collect())
}

/// A victim sends most of what came in lately to somebody it never paid.
fn new_payee(stage: &mut Stage, pasts: &mut Pasts) -> Option<Vec<Leg>> {
    let past =
        pasts.take(|past| past.payments.iter().any(|p| !p.outward && p.amount_minor > 5_000))?;
    let total = stage.scene().calendar.seconds();
    let inward = past.payments.iter().filter(|p| !p.outward);
    let largest = inward.clone().max_by_key(|p| (p.amount_minor, p.second))?;
    let room = (total - largest.second).min(10 * DAY);
    let second = largest.second + stage.dice.below(room);
    let from = second.saturating_sub(30 * DAY);
    // Payments of the same second may come before or after it in the order: all are counted.
    let lately = inward.filter(|p| (from..=second).contains(&p.second));
    let came_in = lately.map(|p| u64::from(p.amount_minor)).sum::<u64>();
    let came_in = u32::try_from(came_in).unwrap_or(u32::MAX);
    let payee = (0..30).find_map(|_| {
        let payee = stage.crew(1)?[0];
        let account = stage.scene().cast.account(payee);
        past.payments.iter().all(|p| p.other != account).then_some(payee)
    })?;
    Some(vec![transfer(second, (past.part, payee), stage.dice.part(came_in, 600..=950))])
}

/// A payment of a past, seen from its account.
#[derive(Debug, Clone, Copy)]
struct PastPayment {
    second: u32,
    amount_minor: u32,
    other: AccountId,
    outward: bool,
}

/// All that an account paid and was paid before attempts are planted.
#[derive(Debug)]
struct Past {
    part: u32,
    payments: Vec<PastPayment>,
}

/// Reserved households with their pasts, for the attempts that are told from them.
#[derive(Debug)]
pub(crate) struct Pasts(Vec<Past>);

impl Pasts {
    /// Reserves about three households for each round of typologies.
    pub(crate) fn reserve(scene: &Scene, claims: &mut Claims, attempt_payments: u64) -> Pasts {
        let mut dice = Dice::new(scene.seed, 5);
        let mut pasts = Vec::new();
        if attempt_payments > 0 {
            for _ in 0..4 * (attempt_payments / ROUND + 1) {
                let part = scene.cast.households.any(&mut dice, 2);
                if claims.reserve(part) {
                    pasts.push(Past { part, payments: Vec::new() });
                }
            }
        }
        Pasts(pasts)
    }

    /// Reads the pasts from the ledger, once; from now on nothing may happen to the households.
    fn read(&mut self, ledger: &Ledger, claims: &mut Claims) {
        claims.close();
        let account = |past: &Past| ledger.scene.cast.account(past.part);
        let places: Map<AccountId, usize> =
            self.0.iter().enumerate().map(|(place, past)| (account(past), place)).collect();
        for entry in ledger.entries.iter().filter(|entry| entry.debtor != entry.creditor) {
            let (second, amount_minor) = (entry.second, entry.amount_minor);
            if let Some(&place) = places.get(&entry.debtor) {
                let payment =
                    PastPayment { second, amount_minor, other: entry.creditor, outward: true };
                self.0[place].payments.push(payment);
            }
            if let Some(&place) = places.get(&entry.creditor) {
                let payment =
                    PastPayment { second, amount_minor, other: entry.debtor, outward: false };
                self.0[place].payments.push(payment);
            }
        }
    }

    /// The next past that serves.
    fn take(&mut self, serves: impl Fn(&Past) -> bool) -> Option<Past> {
        let place = self.0.iter().rposition(serves)?;
        Some(self.0.swap_remove(place))
    }
}
