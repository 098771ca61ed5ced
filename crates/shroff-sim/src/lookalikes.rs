//! Planted innocent flows of the shapes that laundering has: one function for each kind.
//!
//! Payrolls and rent rolls are not here: they belong to the background.

use crate::calendar::{DAY, HOUR};
use crate::dice::Dice;
use crate::flow::{Kind, Lookalike};
use crate::ledger::{Ledger, Leg, Method};
use crate::stage::{Claims, Stage, transfer};

/// Plants look-alikes of all kinds in turn until the ledger holds about `until` payments.
pub(crate) fn plant(ledger: &mut Ledger, claims: &mut Claims, until: u64) {
    let dice = Dice::new(ledger.scene.seed, 3);
    let mut stage = Stage { ledger, claims, dice, until, small: true };
    let mut missed = 0;
    for (turn, &lookalike) in Lookalike::ALL.iter().cycle().enumerate() {
        stage.small = turn < Lookalike::ALL.len();
        let legs = legs_of(&mut stage, lookalike);
        let planted = legs.is_some_and(|legs| stage.plant(Kind::Lookalike(lookalike), &legs));
        missed = if planted { 0 } else { missed + 1 };
        // Two rounds without success: the room that is left is too small for any.
        if missed >= 2 * Lookalike::ALL.len() {
            return;
        }
    }
}

fn legs_of(stage: &mut Stage, lookalike: Lookalike) -> Option<Vec<Leg>> {
    match lookalike {
        Lookalike::Payroll | Lookalike::Rent => None,
        Lookalike::CharityDrive => charity_drive(stage),
        Lookalike::ProductRecall => product_recall(stage),
        Lookalike::Marketplace => marketplace(stage),
        Lookalike::PayrollBureau => payroll_bureau(stage),
        Lookalike::Subcontractors => subcontractors(stage),
        Lookalike::SavingsCircle => savings_circle(stage),
        Lookalike::TreasurySweep => treasury_sweep(stage),
        Lookalike::LoanRepaid => loan_repaid(stage),
        Lookalike::SupplyChain => trade(stage, 3),
        Lookalike::Wholesale => trade(stage, 2),
        Lookalike::Escrow => escrow(stage),
        Lookalike::Subcontract => subcontract(stage),
        Lookalike::StagePayments => stage_payments(stage),
        Lookalike::HolidayHome => holiday_home(stage),
        Lookalike::CarPurchase => car_purchase(stage),
        Lookalike::InvoiceRun => invoice_run(stage),
        Lookalike::HouseDeposit => house_deposit(stage),
        Lookalike::ClubDues => club_dues(stage),
        Lookalike::AccountCheck => account_check(stage),
    }
}

/// Gifts of round sums within hours of an appeal.
fn charity_drive(stage: &mut Stage) -> Option<Vec<Leg>> {
    let givers = stage.size(6..=40);
    let households = stage.troupe(stage.scene().cast.households, givers)?;
    let cause = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let times = stage.times(6 * HOUR, givers);
    let legs = times.iter().zip(&households).map(|(&second, &giver)| Leg {
        method: Method::Instant,
        ..transfer(second, (giver, cause), stage.dice.one_of(&[1_000, 2_000, 2_500, 5_000, 10_000]))
    });
    Some(legs.collect())
}

/// Every buyer gets back what the product cost.
fn product_recall(stage: &mut Stage) -> Option<Vec<Leg>> {
    let buyers = stage.size(6..=20);
    let households = stage.troupe(stage.scene().cast.households, buyers)?;
    let shop = stage.troupe(stage.scene().cast.shops, 1)?[0];
    let price = stage.dice.price(8_000, 800);
    let times = stage.times(2 * HOUR, buyers);
    let legs = times.iter().zip(&households);
    Some(legs.map(|(&second, &buyer)| transfer(second, (shop, buyer), price)).collect())
}

/// For one to four weeks: the week's buyers, then the payout to the sellers less a fee.
fn marketplace(stage: &mut Stage) -> Option<Vec<Leg>> {
    let (buyers, sellers) = (stage.size(6..=24), stage.size(5..=8));
    let hub = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let selling = stage.crew(sellers).filter(|sellers| !sellers.contains(&hub))?;
    let most = (stage.longest() / (7 * DAY)).clamp(1, 4);
    let weeks = if stage.small { 1 } else { stage.dice.within(1..=most) };
    let week = (7 * DAY).min(stage.longest());
    let start = stage.opening(week * weeks);
    let mut legs = Vec::new();
    for monday in (0..weeks).map(|number| start + number * week) {
        let buying = stage.troupe(stage.scene().cast.households, buyers)?;
        let mut taken = 0;
        let times = stage.dice.instants(monday, week - HOUR, buyers);
        for (second, &buyer) in times.into_iter().zip(&buying) {
            let price = stage.dice.price(6_000, 1_200);
            taken += price;
            legs.push(Leg { method: Method::Card, ..transfer(second, (buyer, hub), price) });
        }
        for (place, &seller) in (0..).zip(&selling) {
            let payout = stage.dice.part(taken / sellers, 760..=1_000);
            legs.push(transfer(monday + week - HOUR + 30 * place, (hub, seller), payout));
        }
    }
    Some(legs)
}

/// Firms pay their wage bill to a bureau; the next morning it pays the staff.
fn payroll_bureau(stage: &mut Stage) -> Option<Vec<Leg>> {
    let (client_count, staff) = (stage.size(5..=8), stage.size(5..=24));
    let firms = stage.troupe(stage.scene().cast.firms, client_count + 1)?;
    let (bureau, clients) = firms.split_last()?;
    let workers = stage.troupe(stage.scene().cast.households, staff)?;
    let wages: Vec<u32> = workers.iter().map(|_| stage.dice.around(230_000, 500)).collect();
    let span = DAY.min(stage.longest());
    let start = stage.opening(span);
    let mut legs = Vec::new();
    let times = stage.dice.instants(start, span / 2, client_count);
    for (place, (second, &client)) in times.into_iter().zip(clients).enumerate() {
        let bill: u32 = wages.iter().skip(place).step_by(clients.len()).sum();
        // A client without staff this month pays the bureau's fee alone.
        legs.push(transfer(second, (client, *bureau), bill + 4_900));
    }
    for (place, (&worker, wage)) in (0..).zip(workers.iter().zip(wages)) {
        legs.push(transfer(start + span / 2 + 3 * place, (*bureau, worker), wage));
    }
    Some(legs)
}

/// A builder pays its subcontractors, who buy their material from the same wholesaler.
fn subcontractors(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=8);
    let firms = stage.crew(count + 2)?;
    let (ends, middles) = firms.split_at(2);
    let span = (7 * DAY).min(stage.longest());
    let start = stage.opening(span);
    let times = stage.dice.instants(start, span / 2, count);
    let mut legs = Vec::new();
    for (&second, &middle) in times.iter().zip(middles) {
        let pay = stage.dice.around(240_000, 800);
        let later = second + HOUR + stage.dice.below(span / 2 - HOUR);
        legs.push(transfer(second, (ends[0], middle), pay));
        legs.push(transfer(later, (middle, ends[1]), stage.dice.part(pay, 250..=700)));
    }
    Some(legs)
}

/// In each round all members pay the same to the one whose turn it is.
fn savings_circle(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(4..=7);
    let members = stage.troupe(stage.scene().cast.households, count)?;
    let period = (30 * DAY).min(stage.longest() / count);
    let start = stage.opening(period * count);
    let due = stage.dice.one_of(&[5_000, 10_000, 15_000, 20_000, 50_000]);
    let mut legs = Vec::new();
    for (round, &receiver) in (0..).zip(&members) {
        for &member in members.iter().filter(|&&member| member != receiver) {
            let second = start + round * period + stage.dice.below(period / 4);
            legs.push(transfer(second, (member, receiver), due));
        }
    }
    Some(legs)
}

/// In the evening, the balance of each of a firm's accounts moves to the next, and back to the
/// first for the night.
fn treasury_sweep(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=5);
    let accounts = stage.troupe(stage.scene().cast.firms, count)?;
    let start = stage.opening(2 * HOUR);
    let mut balance = stage.dice.around(1_500_000, 1_200) / 10_000 * 10_000 + 10_000;
    let mut legs = Vec::new();
    for (hop, &account) in (0..).zip(&accounts) {
        let next = accounts[((hop + 1) % count) as usize];
        legs.push(transfer(start + 600 * hop, (account, next), balance));
        balance = balance.saturating_add(stage.dice.below(20) * 10_000).min(3_900_000_000);
    }
    Some(legs)
}

/// A round sum among friends, paid back in full within the month.
fn loan_repaid(stage: &mut Stage) -> Option<Vec<Leg>> {
    let friends = stage.troupe(stage.scene().cast.households, 2)?;
    let span = stage.span_within(30 * DAY);
    let times = stage.times(span, 2);
    let loan = (stage.dice.around(40_000, 1_300) / 5_000 * 5_000).max(5_000);
    Some(vec![
        transfer(times[0], (friends[0], friends[1]), loan),
        transfer(times[1], (friends[1], friends[0]), loan),
    ])
}

/// Shops order from wholesalers, and these, where the trade is deeper, from producers.
fn trade(stage: &mut Stage, depth: u32) -> Option<Vec<Leg>> {
    let width = stage.size(3..=4);
    let firms = stage.crew(width * depth)?;
    let layers: Vec<&[u32]> = firms.chunks_exact(width as usize).collect();
    let span = (7 * DAY).min(stage.longest());
    let (start, each) = (stage.opening(span), span / (depth - 1));
    let mut legs = Vec::new();
    for (step, pair) in (0..).zip(layers.windows(2)) {
        let times = stage.dice.instants(start + step * each, each, 2 * width);
        for (place, second) in (0..).zip(times) {
            let buyer = pair[0][place % width as usize];
            let seller = pair[1][(place + place / width as usize) % width as usize];
            legs.push(transfer(second, (buyer, seller), stage.dice.around(130_000, 1_300)));
        }
    }
    Some(legs)
}

/// The price of a house by way of a notary, less a fee of 1 to 2 %.
fn escrow(stage: &mut Stage) -> Option<Vec<Leg>> {
    let parties = stage.troupe(stage.scene().cast.households, 2)?;
    let notary = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let span = stage.span_within(DAY);
    let start = stage.opening(span);
    let price =
        stage.dice.around(18_000_000, 700).clamp(2_000_000, 200_000_000) / 100_000 * 100_000;
    let paid_out = stage.dice.part(price, 980..=990);
    Some(vec![
        transfer(start, (parties[0], notary), price),
        transfer(start + span - 1, (notary, parties[1]), paid_out),
    ])
}

/// A contract handed down: each keeps its margin of 6 to 15 % and pays the next at once.
fn subcontract(stage: &mut Stage) -> Option<Vec<Leg>> {
    let hops = stage.size(4..=6);
    let firms = stage.crew(hops + 1)?;
    let gap = (stage.longest() / hops).min(DAY) - 1;
    let mut second = stage.opening(gap * hops);
    let mut pay = stage.dice.around(900_000, 900);
    let mut legs = Vec::new();
    for pair in firms.windows(2) {
        legs.push(transfer(second, (pair[0], pair[1]), pay));
        pay = stage.dice.part(pay, 850..=940);
        second += stage.dice.within(gap / 4..=gap - 1);
    }
    Some(legs)
}

/// A house owner pays a builder stage by stage, each a round sum below 10,000.
fn stage_payments(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(3..=5);
    let owner = stage.troupe(stage.scene().cast.households, 1)?[0];
    let builder = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let span = stage.span_within(30 * DAY);
    let times = stage.times(span, count);
    let due = stage.dice.within(82..=98) * 10_000;
    Some(times.iter().map(|&second| transfer(second, (owner, builder), due)).collect())
}

/// The yearly charge of a home that is empty for most of the year.
fn holiday_home(stage: &mut Stage) -> Option<Vec<Leg>> {
    let (sleeper, second) = stage.wake(2)?;
    let creditor = stage.scene().cast.utilities.any(&mut stage.dice, 2);
    let charge = stage.dice.around(240_000, 600);
    let method = Method::DirectDebit;
    Some(vec![Leg { method, ..transfer(second, (sleeper, creditor), charge) }])
}

fn car_purchase(stage: &mut Stage) -> Option<Vec<Leg>> {
    let buyer = stage.troupe(stage.scene().cast.households, 1)?[0];
    let dealer = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let price = stage.dice.around(1_600_000, 600) / 10_000 * 10_000 + 9_000;
    let second = stage.scene().calendar.office(&mut stage.dice);
    Some(vec![transfer(second, (buyer, dealer), price)])
}

/// The invoices that are due, sent by the firm's software in one go.
fn invoice_run(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(5..=20);
    let debtor = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let suppliers = stage.crew(count).filter(|suppliers| !suppliers.contains(&debtor))?;
    let times = stage.times(240, count);
    let legs = times.iter().zip(&suppliers).map(|(&second, &supplier)| {
        transfer(second, (debtor, supplier), stage.dice.around(70_000, 1_500))
    });
    Some(legs.collect())
}

fn house_deposit(stage: &mut Stage) -> Option<Vec<Leg>> {
    let buyer = stage.troupe(stage.scene().cast.households, 1)?[0];
    let notary = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let deposit = stage.dice.around(2_400_000, 600) / 100_000 * 100_000 + 100_000;
    let second = stage.scene().calendar.office(&mut stage.dice);
    Some(vec![transfer(second, (buyer, notary), deposit)])
}

/// Members pay the year's due on the day it falls due.
fn club_dues(stage: &mut Stage) -> Option<Vec<Leg>> {
    let count = stage.size(6..=24);
    let members = stage.troupe(stage.scene().cast.households, count)?;
    let club = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let due = stage.dice.within(4..=24) * 500;
    let times = stage.times(14 * HOUR, count);
    let legs = times.iter().zip(&members).map(|(&second, &member)| Leg {
        method: Method::StandingOrder,
        ..transfer(second, (member, club), due)
    });
    Some(legs.collect())
}

/// A cent or two to see that the account is the right one, then the purchase.
fn account_check(stage: &mut Stage) -> Option<Vec<Leg>> {
    let debtor = stage.troupe(stage.scene().cast.households, 1)?[0];
    let creditor = stage.troupe(stage.scene().cast.firms, 1)?[0];
    let cents = stage.size(1..=2);
    let times = stage.times(HOUR - 60, cents + 1);
    let mut legs: Vec<Leg> = times[..cents as usize]
        .iter()
        .map(|&second| transfer(second, (debtor, creditor), stage.dice.within(1..=2)))
        .collect();
    let price = stage.dice.price(110_000, 700).max(50_100);
    legs.push(transfer(times[cents as usize], (debtor, creditor), price));
    Some(legs)
}
