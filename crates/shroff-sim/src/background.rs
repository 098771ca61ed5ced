//! The innocent traffic of a world: salaries, rent and bills by the calendar, then the everyday.

use shroff_types::Map;

use crate::calendar::{DAY, HOUR};
use crate::dice::{Dice, mix};
use crate::flow::{Kind, Lookalike};
use crate::ledger::{FlowId, Ledger, Leg, Method};
use crate::stage::{Claims, sleepers_awake};

/// Payrolls and rent rolls: one for each payer or payee and month.
type Rolls = Map<(u32, u32), FlowId>;

/// Writes what recurs by the calendar, account after account, while fewer than `until` payments
/// are written: where payments are scarce, the later accounts have no job and no home.
pub(crate) fn regular(ledger: &mut Ledger, until: u64) {
    let mut dice = Dice::new(ledger.scene.seed, 2);
    early_lives(ledger, &mut dice);
    // A fifth for the firms among themselves, the rest for the households.
    let share = until / 5;
    for firm in 0..ledger.scene.cast.firms.count {
        if ledger.len() >= share {
            break;
        }
        invoices(ledger, &mut dice, firm);
    }
    let mut rolls = Rolls::default();
    for household in 0..ledger.scene.cast.households.count {
        if ledger.len() >= until {
            break;
        }
        salary(ledger, &mut dice, &mut rolls, household);
        home(ledger, &mut dice, &mut rolls, household);
        bills(ledger, &mut dice, household);
    }
    ledger.entries.truncate(usize::try_from(until).expect("a billion fits an address"));
}

/// The few payments of a sleeper before it falls silent.
fn early_lives(ledger: &mut Ledger, dice: &mut Dice) {
    let scene = ledger.scene;
    let first_days = (scene.calendar.seconds() / 20).clamp(1, 5 * DAY);
    for sleeper in 0..sleepers_awake(scene, ledger.capacity()) {
        for second in dice.instants(0, first_days, 3) {
            let debtor = scene.cast.sleepers.nth(sleeper);
            let creditor = scene.cast.shops.any(dice, 3);
            let amount_minor = dice.price(6_000, 900);
            ledger.push(Leg { second, debtor, creditor, amount_minor, method: Method::Card }, None);
        }
    }
}

/// A firm's suppliers, each paid once a month, 30 days after an invoice of changing amount.
fn invoices(ledger: &mut Ledger, dice: &mut Dice, firm: u32) {
    let scene = ledger.scene;
    let debtor = scene.cast.firms.nth(firm);
    for _ in 0..dice.within(1..=4) {
        let creditor = scene.cast.firms.any(dice, 3);
        let usual = dice.around(90_000, 1_500);
        let due = dice.within(1..=28);
        for month in 0..scene.calendar.months() {
            let Some(day) = scene.calendar.day_of(month, due) else { continue };
            let second =
                scene.calendar.workday_after(day) * DAY + dice.within(8 * HOUR..=17 * HOUR);
            let amount_minor = dice.part(usual, 700..=1_300);
            if creditor != debtor {
                let method = Method::Transfer;
                ledger.push(Leg { second, debtor, creditor, amount_minor, method }, None);
            }
        }
    }
}

/// The roll of a month, opened when its first payment comes.
fn roll(ledger: &mut Ledger, rolls: &mut Rolls, kind: Lookalike, key: (u32, u32)) -> FlowId {
    *rolls.entry(key).or_insert_with(|| ledger.open(Kind::Lookalike(kind)))
}

/// A salary from an employer on its payday, the 25th to the 28th or the Friday before, in the
/// small hours, when batches settle. One household in seven has none.
fn salary(ledger: &mut Ledger, dice: &mut Dice, rolls: &mut Rolls, household: u32) {
    let scene = ledger.scene;
    let creditor = scene.cast.households.nth(household);
    let debtor = scene.cast.firms.any(dice, 4);
    let amount_minor = dice.around(230_000, 600).max(40_000);
    if dice.permille(140) {
        return;
    }
    let habit = mix(u64::from(debtor) ^ scene.seed);
    let payday = 25 + u32::try_from(habit % 4).expect("below 4");
    let batch = HOUR + u32::try_from(habit >> 32).expect("32 bits") % (5 * HOUR);
    for month in 0..scene.calendar.months() {
        let Some(day) = scene.calendar.day_of(month, payday) else { continue };
        let second = scene.calendar.workday(day) * DAY + batch + dice.below(120);
        let flow = roll(ledger, rolls, Lookalike::Payroll, (debtor, month));
        let method = Method::Transfer;
        ledger.push(Leg { second, debtor, creditor, amount_minor, method }, Some(flow));
    }
}

/// Rent, on the 1st to the 3rd, for six households in ten.
fn home(ledger: &mut Ledger, dice: &mut Dice, rolls: &mut Rolls, household: u32) {
    let scene = ledger.scene;
    let debtor = scene.cast.households.nth(household);
    let creditor = scene.cast.landlords.any(dice, 2);
    let amount_minor = (dice.around(80_000, 450) / 1_000 * 1_000).clamp(25_000, 250_000);
    let due = dice.within(1..=3);
    if dice.permille(400) {
        return;
    }
    for month in 0..scene.calendar.months() {
        let Some(day) = scene.calendar.day_of(month, due) else { continue };
        let second = day * DAY + dice.within(2 * HOUR..=7 * HOUR);
        let flow = roll(ledger, rolls, Lookalike::Rent, (creditor, month));
        let method = Method::StandingOrder;
        ledger.push(Leg { second, debtor, creditor, amount_minor, method }, Some(flow));
    }
}

/// Power, water, telephone: two direct debits a month, one of them for a fixed price.
fn bills(ledger: &mut Ledger, dice: &mut Dice, household: u32) {
    let scene = ledger.scene;
    let debtor = scene.cast.households.nth(household);
    for fixed in [true, false] {
        let creditor = scene.cast.utilities.any(dice, 2);
        let usual = if fixed { dice.price(2_500, 700) } else { dice.around(7_500, 600) };
        let due = dice.within(4..=24);
        for month in 0..scene.calendar.months() {
            let Some(day) = scene.calendar.day_of(month, due) else { continue };
            let second = scene.calendar.workday_after(day) * DAY + dice.within(3 * HOUR..=6 * HOUR);
            let amount_minor = if fixed { usual } else { dice.part(usual, 850..=1_150) };
            let method = Method::DirectDebit;
            ledger.push(Leg { second, debtor, creditor, amount_minor, method }, None);
        }
    }
}

/// Fills the ledger up to `until` payments with purchases, transfers among friends and firms,
/// refunds and payments to oneself. Sealed accounts take no part.
pub(crate) fn everyday(ledger: &mut Ledger, claims: &Claims, until: u64) {
    // A stream of its own for each call: the second one comes after the attempts.
    let mut dice = Dice::new(ledger.scene.seed, 1_000 + ledger.len());
    while ledger.len() < until {
        let mut leg = day_to_day(ledger, &mut dice);
        // A sealed account's past is settled; firms are never sealed, so they stand in.
        if claims.is_sealed(leg.debtor) || claims.is_sealed(leg.creditor) {
            leg = between_firms(ledger, &mut dice);
        }
        ledger.push(leg, None);
        let friends = leg.method == Method::Instant;
        if friends && ledger.len() < until && dice.permille(250) {
            ledger.push(answer(ledger, &mut dice, leg), None);
        }
    }
}

fn day_to_day(ledger: &Ledger, dice: &mut Dice) -> Leg {
    match dice.below(1_000) {
        0..690 => purchase(ledger, dice),
        690..850 => among_friends(ledger, dice),
        850..935 => between_firms(ledger, dice),
        935..965 => restock(ledger, dice),
        965..977 => refund(ledger, dice),
        _ => to_oneself(ledger, dice),
    }
}

/// By card in a shop: half of the time in one of the household's three usual ones.
fn purchase(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let scene = ledger.scene;
    let debtor = scene.cast.households.any(dice, 2);
    let creditor = if dice.permille(500) {
        let usual = mix(scene.seed ^ (u64::from(debtor) << 2 | u64::from(dice.below(3))));
        scene.cast.shops.of(usual, 4)
    } else {
        scene.cast.shops.any(dice, 4)
    };
    let second = scene.calendar.everyday(dice);
    let amount_minor = dice.price(2_600, 1_500);
    Leg { second, debtor, creditor, amount_minor, method: Method::Card }
}

/// Between neighbours in the order of households, which stand for family and friends.
fn among_friends(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let scene = ledger.scene;
    let households = scene.cast.households;
    let index = dice.skewed(households.count, 2);
    let reach = dice.within(1..=households.count.min(10) - 1);
    let second = scene.calendar.everyday(dice);
    let amount_minor = match dice.below(10) {
        0..5 => (dice.around(3_500, 1_500) / 500 * 500).max(500),
        // Now and then more: a holiday, a used car, help with a flat.
        9 => dice.around(90_000, 1_400),
        _ => dice.price(2_800, 1_300),
    };
    Leg {
        second,
        debtor: households.nth(index),
        creditor: households.nth(index + reach),
        amount_minor,
        method: Method::Instant,
    }
}

/// A friend's share of what was paid, within two days.
fn answer(ledger: &Ledger, dice: &mut Dice, leg: Leg) -> Leg {
    let last = ledger.scene.calendar.seconds() - 1;
    Leg {
        second: (leg.second + dice.within(600..=2 * DAY)).min(last),
        debtor: leg.creditor,
        creditor: leg.debtor,
        amount_minor: dice.part(leg.amount_minor, 300..=1_100),
        method: leg.method,
    }
}

fn between_firms(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let scene = ledger.scene;
    let firms = scene.cast.firms;
    let index = dice.skewed(firms.count, 2);
    let other = index + 1 + dice.skewed(firms.count - 1, 2);
    let second = scene.calendar.office(dice);
    let amount_minor = dice.around(110_000, 2_000);
    Leg {
        second,
        debtor: firms.nth(index),
        creditor: firms.nth(other),
        amount_minor,
        method: Method::Transfer,
    }
}

/// A shop pays one of its suppliers.
fn restock(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let scene = ledger.scene;
    let debtor = scene.cast.shops.any(dice, 3);
    let usual = mix(scene.seed ^ (u64::from(debtor) << 3 | u64::from(dice.below(4)) | 4));
    Leg {
        second: scene.calendar.office(dice),
        debtor,
        creditor: scene.cast.firms.of(usual, 3),
        amount_minor: dice.around(160_000, 1_500),
        method: Method::Transfer,
    }
}

fn refund(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let bought = purchase(ledger, dice);
    Leg { debtor: bought.creditor, creditor: bought.debtor, ..bought }
}

/// Savings: the account stands for all that its owner holds.
fn to_oneself(ledger: &Ledger, dice: &mut Dice) -> Leg {
    let scene = ledger.scene;
    let debtor = scene.cast.households.any(dice, 2);
    let second = scene.calendar.everyday(dice);
    let amount_minor = (dice.around(20_000, 1_200) / 5_000 * 5_000).max(5_000);
    Leg { second, debtor, creditor: debtor, amount_minor, method: Method::Transfer }
}
