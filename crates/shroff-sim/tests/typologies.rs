//! What is planted is what it says: each attempt is checked against its definition, by code that
//! knows only the payments.

use std::collections::{BTreeMap, BTreeSet};

use shroff_sim::{Flow, Kind, Lookalike, Row, Shortfall, Simulation, Typology, World, simulate};
use shroff_types::AccountId;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The payments of a flow, in the order, and all there are.
struct Case<'a> {
    rows: Vec<Row>,
    first: u32,
    all: &'a [Row],
}

impl Case<'_> {
    fn span(&self) -> i64 {
        self.rows[self.rows.len() - 1].time.micros_since(self.rows[0].time)
    }

    fn payers(&self) -> BTreeSet<AccountId> {
        self.rows.iter().map(|row| row.debtor).collect()
    }

    fn payees(&self) -> BTreeSet<AccountId> {
        self.rows.iter().map(|row| row.creditor).collect()
    }

    fn both(&self) -> BTreeSet<AccountId> {
        self.payers().intersection(&self.payees()).copied().collect()
    }

    /// All payments before the flow.
    fn before(&self) -> &[Row] {
        &self.all[..self.first as usize]
    }
}

/// What `amount` is of `whole`, in thousandths, rounded down.
fn permille(amount: u32, whole: u32) -> u64 {
    u64::from(amount) * 1_000 / u64::from(whole)
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>) -> u64 {
    rows.into_iter().map(|row| u64::from(row.amount_minor)).sum()
}

fn fan(case: &Case, one: &BTreeSet<AccountId>, many: &BTreeSet<AccountId>) {
    assert_eq!(one.len(), 1);
    assert_eq!(many.len(), case.rows.len());
    assert!((5..=16).contains(&many.len()));
    assert!(one.is_disjoint(many));
    assert!(case.span() <= 3 * DAY);
}

fn gather_scatter(case: &Case) {
    let both = case.both();
    assert_eq!(both.len(), 1, "one hub");
    let (outs, ins): (Vec<Row>, Vec<Row>) =
        case.rows.iter().partition(|row| both.contains(&row.debtor));
    assert!(ins.iter().all(|row| both.contains(&row.creditor)));
    assert!(ins.len() >= 5 && outs.len() >= 5);
    assert_eq!(ins.iter().map(|row| row.debtor).collect::<BTreeSet<_>>().len(), ins.len());
    assert_eq!(outs.iter().map(|row| row.creditor).collect::<BTreeSet<_>>().len(), outs.len());
    assert!(ins.iter().all(|row| row.time < outs[0].time), "gather, then scatter");
    assert!((800..1_000).contains(&(sum(&outs) * 1_000 / sum(&ins))));
}

fn scatter_gather(case: &Case) {
    let middles = case.both();
    assert!(middles.len() >= 3);
    let source: Vec<_> = case.payers().difference(&middles).copied().collect();
    let sink: Vec<_> = case.payees().difference(&middles).copied().collect();
    assert_eq!((source.len(), sink.len()), (1, 1));
    for middle in middles {
        let inward: Vec<_> = case.rows.iter().filter(|row| row.creditor == middle).collect();
        let outward: Vec<_> = case.rows.iter().filter(|row| row.debtor == middle).collect();
        assert_eq!((inward.len(), outward.len()), (1, 1));
        assert!(inward[0].time < outward[0].time, "first in, then out");
        assert_eq!((inward[0].debtor, outward[0].creditor), (source[0], sink[0]));
        assert!(permille(outward[0].amount_minor, inward[0].amount_minor) >= 800);
    }
    assert!(case.span() <= 21 * DAY);
}

/// Each payment starts where the one before it ended, and takes most of its money on.
fn run(case: &Case) {
    for pair in case.rows.windows(2) {
        assert_eq!(pair[0].creditor, pair[1].debtor);
        assert!(pair[0].time <= pair[1].time);
        assert!((800..=1_000).contains(&permille(pair[1].amount_minor, pair[0].amount_minor)));
    }
}

fn cycle(case: &Case) {
    run(case);
    assert_eq!(case.rows[case.rows.len() - 1].creditor, case.rows[0].debtor, "it closes");
    assert_eq!(case.payers().len(), case.rows.len(), "distinct accounts");
    assert!((3..=10).contains(&case.rows.len()));
    assert!(case.span() <= 90 * DAY);
}

fn layering_chain(case: &Case) {
    run(case);
    assert!(case.rows.len() >= 4);
    assert_eq!(case.payers().union(&case.payees()).count(), case.rows.len() + 1);
    assert!(case.rows.windows(2).all(|pair| pair[1].time.micros_since(pair[0].time) < DAY));
}

fn round_trip(case: &Case) {
    assert_eq!(case.payers().len(), 2);
    for trip in case.rows.chunks(2) {
        assert_eq!((trip[0].debtor, trip[0].creditor), (trip[1].creditor, trip[1].debtor));
        assert!((900..=1_100).contains(&permille(trip[1].amount_minor, trip[0].amount_minor)));
    }
    assert!(case.span() <= 90 * DAY);
}

fn layers(case: &Case, depth: usize) {
    let both = case.both();
    let first: BTreeSet<_> = case.payers().difference(&both).copied().collect();
    let last: BTreeSet<_> = case.payees().difference(&both).copied().collect();
    assert!(first.len() >= 3 && last.len() >= 3);
    assert_eq!(both.len(), if depth == 3 { first.len() } else { 0 });
    let mut payees: BTreeMap<AccountId, BTreeSet<AccountId>> = BTreeMap::new();
    for row in &case.rows {
        payees.entry(row.debtor).or_default().insert(row.creditor);
        assert!(!(depth == 3 && first.contains(&row.debtor) && last.contains(&row.creditor)));
    }
    assert!(payees.values().all(|payees| payees.len() >= 2), "each pays two and more");
    for middle in both {
        let latest = case.rows.iter().filter(|row| row.creditor == middle).map(|row| row.time);
        let earliest = case.rows.iter().filter(|row| row.debtor == middle).map(|row| row.time);
        assert!(latest.max() <= earliest.min(), "layer after layer");
    }
}

fn pass_through(case: &Case) {
    let both = case.both();
    let mule = *both.first().expect("one account in the middle");
    assert_eq!(both.len(), 1);
    let ins: Vec<usize> =
        (0..case.rows.len()).filter(|&place| case.rows[place].creditor == mule).collect();
    assert_eq!(ins[0], 0);
    for (round, &place) in ins.iter().enumerate() {
        let next = ins.get(round + 1).copied().unwrap_or(case.rows.len());
        let (came, outs) = (case.rows[place], &case.rows[place + 1..next]);
        assert!(outs.iter().all(|row| row.debtor == mule));
        assert!(outs.iter().all(|row| row.time.micros_since(came.time) <= DAY));
        assert!((800..1_000).contains(&(sum(outs) * 1_000 / u64::from(came.amount_minor))));
    }
}

fn structuring(case: &Case) {
    assert!(case.rows.len() >= 3);
    assert!(case.rows.iter().all(|row| (800_000..1_000_000).contains(&row.amount_minor)));
    assert!(case.span() <= 30 * DAY);
    assert!(case.payers().len() == 1 || case.payees().len() == 1, "one account in common");
}

fn dormant_wakes(case: &Case, silence: i64) {
    let last = case.rows[case.rows.len() - 1];
    let past = case.before().iter().filter(|row| [row.debtor, row.creditor].contains(&last.debtor));
    let latest = past.map(|row| row.time).max().expect("it was awake before");
    let slept = case.rows[0].time.micros_since(latest);
    assert!(slept >= silence, "{} days of silence", slept / DAY);
    assert!(last.amount_minor >= 400_000);
    assert!(case.span() <= DAY);
}

fn unlike_itself(case: &Case) {
    assert_eq!(case.payers().len(), 1);
    let debtor = case.rows[0].debtor;
    let past = case.before().iter().filter(|row| row.debtor == debtor && row.creditor != debtor);
    let amounts: Vec<u32> = past.map(|row| row.amount_minor).collect();
    assert!(amounts.len() >= 4, "{} payments are no past", amounts.len());
    let largest = amounts.into_iter().max().expect("a past");
    assert!(case.rows.iter().all(|row| permille(row.amount_minor, largest) >= 1_500));
    assert!(case.span() <= DAY);
}

fn new_payee(case: &Case) {
    let row = case.rows[0];
    assert_eq!(case.rows.len(), 1);
    let known = |old: &&Row| (old.debtor, old.creditor) == (row.debtor, row.creditor);
    assert_eq!(case.before().iter().find(known), None, "never paid before");
    let lately = case.before().iter().filter(|old| {
        old.creditor == row.debtor
            && old.debtor != row.debtor
            && row.time.micros_since(old.time) < 30 * DAY
    });
    assert!(u64::from(row.amount_minor) * 2 >= sum(lately), "a large part of what came in");
}

fn testing(case: &Case) {
    let (large, tiny) = case.rows.split_last().expect("payments");
    assert!(tiny.len() >= 2 && tiny.iter().all(|row| row.amount_minor < 100));
    assert!(large.amount_minor > 50_000);
    assert_eq!(case.payers().len(), 1);
    assert!(case.span() <= HOUR);
}

fn check(simulation: &Simulation, all: &[Row], flow: Flow) {
    let Kind::Attempt(typology) = flow.kind else { return };
    let rows = flow.rows.iter().map(|&row| all[row as usize]).collect();
    let case = Case { rows, first: flow.rows[0], all };
    assert!(flow.rows.is_sorted());
    assert!(case.rows.iter().all(|row| row.debtor != row.creditor), "no self-payments");
    match typology {
        Typology::FanIn => fan(&case, &case.payees(), &case.payers()),
        Typology::FanOut => fan(&case, &case.payers(), &case.payees()),
        Typology::GatherScatter => gather_scatter(&case),
        Typology::ScatterGather => scatter_gather(&case),
        Typology::Cycle => cycle(&case),
        Typology::RoundTrip => round_trip(&case),
        Typology::Stack => layers(&case, 3),
        Typology::Bipartite => layers(&case, 2),
        Typology::PassThrough => pass_through(&case),
        Typology::LayeringChain => layering_chain(&case),
        Typology::Structuring => structuring(&case),
        Typology::DormantWakes => {
            let days = simulation.world().days;
            dormant_wakes(&case, if days >= 120 { 90 * DAY } else { i64::from(days) * DAY / 2 });
        }
        Typology::UnlikeItself => unlike_itself(&case),
        Typology::Burst => {
            assert!(case.rows.len() >= 5 && case.payers().len() == 1);
            assert!(case.span() < 5 * MINUTE);
        }
        Typology::NewPayee => new_payee(&case),
        Typology::AlikeAmounts => {
            let amounts: Vec<u32> = case.rows.iter().map(|row| row.amount_minor).collect();
            let (least, most) = (amounts.iter().min(), amounts.iter().max());
            assert!(permille(*least.expect("five"), *most.expect("five")) >= 900);
            assert!(case.rows.len() >= 5 && case.span() <= DAY);
            assert!(case.payers().len() == 1 || case.payees().len() == 1);
        }
        Typology::Testing => testing(&case),
    }
}

fn check_world(world: World) -> Simulation {
    let simulation = simulate(&world).expect("a world");
    let all: Vec<Row> = simulation.rows().collect();
    simulation.attempts().for_each(|flow| check(&simulation, &all, flow));
    simulation
}

#[test]
fn every_attempt_is_what_it_says() {
    for seed in 1..=6 {
        let simulation = check_world(World {
            attempts_permille: 20,
            ..World::new(4_000, 40_000, if seed % 2 == 0 { 45 } else { 150 }, seed)
        });
        let summary = simulation.summary();
        assert!(summary.attempts.iter().all(|&(_, count)| count >= 2), "{:?}", summary.attempts);
    }
}

#[test]
fn attempts_hold_in_small_short_and_crowded_worlds() {
    for (accounts, payments, days) in
        [(20, 100, 1), (20, 20_000, 1), (25, 3_000, 12), (60, 600, 9), (500, 4_000, 400)]
    {
        for seed in 0..8 {
            for attempts_permille in [2, 60] {
                let world = World::new(accounts, payments, days, seed);
                check_world(World { attempts_permille, ..world });
            }
        }
    }
}

#[test]
fn from_20_000_payments_on_every_typology_is_there() {
    for seed in 0..10 {
        for days in [120, 30] {
            let summary = check_world(World::new(2_000, 20_000, days, seed)).summary();
            for (typology, count) in summary.attempts {
                assert!(count >= 1, "{typology:?} with seed {seed} in {days} days");
            }
            let short: &[Shortfall] = &[Shortfall::ShortSilence(Typology::DormantWakes)];
            assert_eq!(summary.shortfalls, if days == 30 { short } else { &[] });
        }
    }
}

fn check_lookalike(lookalike: Lookalike, case: &Case) {
    match lookalike {
        Lookalike::Payroll | Lookalike::ProductRecall => {
            assert!(case.payers().len() == 1 && case.payees().len() >= 4);
        }
        Lookalike::Rent | Lookalike::CharityDrive | Lookalike::ClubDues => {
            assert!(case.payees().len() == 1 && case.payers().len() >= 4);
        }
        Lookalike::TreasurySweep => {
            assert_eq!(case.rows[case.rows.len() - 1].creditor, case.rows[0].debtor);
            assert!(case.rows.windows(2).all(|pair| pair[0].creditor == pair[1].debtor));
        }
        Lookalike::SavingsCircle => {
            assert_eq!(case.payers(), case.payees());
            assert_eq!(case.rows.len(), case.payers().len() * (case.payers().len() - 1));
        }
        Lookalike::LoanRepaid => round_trip(case),
        Lookalike::SupplyChain => layers(case, 3),
        Lookalike::Wholesale => layers(case, 2),
        Lookalike::Escrow => pass_through(case),
        Lookalike::Subcontract => layering_chain(case),
        Lookalike::StagePayments => structuring(case),
        Lookalike::HolidayHome => {
            let row = case.rows[0];
            let mut past = case.before().iter().rev();
            let last = past.find(|old| old.debtor == row.debtor).expect("it was awake before");
            assert!(row.time.micros_since(last.time) >= 90 * DAY);
        }
        Lookalike::InvoiceRun => {
            assert!(case.rows.len() >= 5 && case.payers().len() == 1);
            assert!(case.span() < 5 * MINUTE);
        }
        Lookalike::Marketplace | Lookalike::PayrollBureau => assert!(!case.both().is_empty()),
        Lookalike::Subcontractors => assert!(case.both().len() >= 3),
        Lookalike::CarPurchase | Lookalike::HouseDeposit => {
            assert!(case.rows.len() == 1 && case.rows[0].amount_minor >= 100_000);
        }
        Lookalike::AccountCheck => {
            let (large, tiny) = case.rows.split_last().expect("payments");
            assert!(!tiny.is_empty() && tiny.iter().all(|row| row.amount_minor < 100));
            assert!(large.amount_minor > 50_000 && case.span() <= HOUR);
        }
    }
}

#[test]
fn every_lookalike_has_the_shape_it_is_mistaken_for() {
    for seed in 1..=4 {
        let simulation = simulate(&World::new(6_000, 80_000, 150, seed)).expect("a world");
        let all: Vec<Row> = simulation.rows().collect();
        for flow in simulation.lookalikes() {
            let Kind::Lookalike(lookalike) = flow.kind else { unreachable!("a look-alike") };
            let rows = flow.rows.iter().map(|&row| all[row as usize]).collect();
            check_lookalike(lookalike, &Case { rows, first: flow.rows[0], all: &all });
        }
    }
}

#[test]
fn attempts_use_accounts_that_live_in_the_world() {
    let simulation = simulate(&World::new(5_000, 100_000, 120, 3)).expect("a world");
    let rows: Vec<Row> = simulation.rows().collect();
    let plain = rows.iter().filter(|row| row.planted.is_none());
    let living: BTreeSet<AccountId> = plain.flat_map(|row| [row.debtor, row.creditor]).collect();
    let attempts = rows.iter().filter(|row| matches!(row.planted, Some((Kind::Attempt(_), _))));
    let players: BTreeSet<AccountId> =
        attempts.flat_map(|row| [row.debtor, row.creditor]).collect();
    assert!(players.intersection(&living).count() * 100 >= players.len() * 95);
}
