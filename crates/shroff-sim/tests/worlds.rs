//! A world is believable, of the size asked for, and a function of its parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use proptest::prelude::*;
use shroff_sim::{Kind, Lookalike, Method, Row, SimError, Typology, World, simulate};
use shroff_types::{Span, Timestamp};

const DAY: i64 = 86_400_000_000;

fn csv(world: World) -> String {
    let mut bytes = Vec::new();
    let simulation = simulate(&world).expect("a world");
    simulation.write_csv(&mut bytes).expect("memory does not fail");
    String::from_utf8(bytes).expect("ASCII")
}

/// FNV-1a over what is written, however it is cut.
struct Digest(u64);

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes: a caller that forgets the rest is found out.
        let part = &bytes[..bytes.len().min(1_000)];
        for byte in part {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn digest(world: World) -> u64 {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    let simulation = simulate(&world).expect("a world");
    simulation.write_csv(&mut digest).expect("memory does not fail");
    digest.0
}

#[test]
fn the_same_seed_gives_the_same_bytes_everywhere() {
    let world = World::new(2_000, 30_000, 120, 7);
    // A change of this number is a change of every simulated world: say so in the changelog.
    assert_eq!(digest(world), 0xe904_6ff9_adcb_be7b, "got {:#x}", digest(world));
    let mut whole = Digest(0xcbf2_9ce4_8422_2325);
    whole.write_all(csv(world).as_bytes()).expect("memory does not fail");
    assert_eq!(digest(world), whole.0);
    assert_ne!(digest(world), digest(World { seed: 8, ..world }));
    assert_ne!(digest(world), digest(World { attempts_permille: 30, ..world }));
}

#[test]
fn the_file_has_the_layout_and_one_row_a_payment() {
    let text = csv(World { start: Timestamp(DAY * 19_782), ..World::new(300, 5_000, 40, 1) });
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("id,time,debtor,creditor,amount,currency,method,label,pattern,lookalike")
    );
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 5_000);
    assert!(text.ends_with('\n') && text.is_ascii());
    let mut last = Timestamp(i64::MIN);
    for (id, line) in lines.iter().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), 10, "{line}");
        assert_eq!(fields[0], id.to_string());
        let time = Timestamp::parse(fields[1]).expect("RFC 3339");
        assert_eq!(time.to_string(), fields[1]);
        assert!(time >= last, "sorted");
        last = time;
        for account in &fields[2..4] {
            assert!(account.len() == 8 && account.starts_with('A'), "{account}");
            assert!(account[1..].parse::<u32>().expect("a number") < 300);
        }
        let (euro, cents) = fields[4].split_once('.').expect("two decimals");
        assert!(cents.len() == 2 && fields[4] != "0.00", "{line}");
        assert!(euro == "0" || !euro.starts_with('0'));
        assert_eq!(fields[5], "EUR");
        assert_eq!(fields[7] == "1", !fields[8].is_empty(), "label and pattern go together");
        assert!(["0", "1"].contains(&fields[7]));
        assert!(fields[8].is_empty() || fields[9].is_empty(), "guilty or innocent");
    }
    assert!(text.starts_with("id,") && text.contains("\n0,2024-02-29T"));
}

#[test]
fn the_file_says_what_the_rows_say() {
    let simulation = simulate(&World::new(400, 8_000, 60, 2)).expect("a world");
    let mut bytes = Vec::new();
    simulation.write_csv(&mut bytes).expect("memory does not fail");
    let text = String::from_utf8(bytes).expect("ASCII");
    let (_, file) = text.split_once('\n').expect("a header");
    for ((id, row), line) in simulation.rows().enumerate().zip(file.lines()) {
        let (label, pattern, lookalike) = match row.planted {
            None => (0, String::new(), String::new()),
            Some((Kind::Attempt(t), n)) => (1, format!("{n}:{}", t.name()), String::new()),
            Some((Kind::Lookalike(l), n)) => (0, String::new(), format!("{}:{n}", l.name())),
        };
        let (debtor, creditor) =
            (simulation.account_name(row.debtor), simulation.account_name(row.creditor));
        let (euro, cents) = (row.amount_minor / 100, row.amount_minor % 100);
        let (time, method) = (row.time, row.method.name());
        let expected = format!(
            "{id},{time},{debtor},{creditor},{euro}.{cents:02},EUR,{method},{label},{pattern},{lookalike}"
        );
        assert_eq!(line, expected);
    }
    assert_eq!(file.lines().count(), simulation.rows().len());
}

#[test]
fn flows_and_rows_agree() {
    let simulation = simulate(&World::new(1_000, 20_000, 120, 4)).expect("a world");
    let mut seen = BTreeSet::new();
    let mut counted = (0, 0);
    for flow in simulation.flows() {
        assert!(seen.insert((matches!(flow.kind, Kind::Attempt(_)), flow.number)), "numbers once");
        for &index in flow.rows {
            let row = simulation.row(index).expect("a row");
            assert_eq!(row.planted, Some((flow.kind, flow.number)));
        }
        match flow.kind {
            Kind::Attempt(_) => counted.0 += flow.rows.len() as u64,
            Kind::Lookalike(_) => counted.1 += flow.rows.len() as u64,
        }
    }
    let summary = simulation.summary();
    assert_eq!(counted, (summary.labelled, summary.lookalike_payments));
    let planted = simulation.rows().filter(|row| row.planted.is_some()).count() as u64;
    assert_eq!(planted, counted.0 + counted.1);
    assert_eq!(simulation.row(20_000), None);
    assert_eq!(simulation.attempts().map(|flow| flow.number).min(), Some(1));
}

#[test]
fn every_typology_has_innocent_lookalikes() {
    let summary = simulate(&World::new(3_000, 60_000, 150, 1)).expect("a world").summary();
    for (lookalike, count) in &summary.lookalikes {
        assert!(*count >= 1, "{lookalike:?}");
    }
    for typology in Typology::ALL {
        assert!(Lookalike::ALL.iter().any(|look| look.resembles() == *typology), "{typology:?}");
    }
}

#[test]
fn a_few_creditors_get_most_and_weekends_are_quiet() {
    let simulation = simulate(&World::new(10_000, 200_000, 84, 5)).expect("a world");
    let (mut received, mut weekend, mut night, mut oneself) = (BTreeMap::new(), 0, 0, 0);
    for row in simulation.rows() {
        *received.entry(row.creditor).or_insert(0) += 1;
        weekend += usize::from((row.time.0 / DAY + 3) % 7 >= 5);
        night += usize::from(row.time.0 % DAY < DAY / 24 && row.planted.is_none());
        oneself += usize::from(row.debtor == row.creditor);
    }
    let mut counts: Vec<usize> = received.into_values().collect();
    counts.sort_unstable();
    let top: usize = counts.iter().rev().take(counts.len() / 100).sum();
    assert!((60_000..140_000).contains(&top), "the top 1 % get {top}");
    // Two sevenths of the days, 57,000 payments if they were like the others.
    assert!((15_000..35_000).contains(&weekend), "{weekend} at weekends");
    assert!(night < 200_000 / 100, "{night} in the hour after midnight");
    assert!((1_200..3_000).contains(&oneself), "{oneself} to oneself");
}

#[test]
fn a_few_shops_get_most_purchases_and_weekends_half_as_many() {
    let simulation = simulate(&World::new(10_000, 200_000, 84, 8)).expect("a world");
    let cards = simulation.rows().filter(|row| row.method == Method::Card);
    let (mut bought, mut all, mut weekend) = (BTreeMap::new(), 0, 0);
    for row in cards.filter(|row| row.planted.is_none()) {
        *bought.entry(row.creditor).or_insert(0) += 1;
        all += 1;
        weekend += usize::from((row.time.0 / DAY + 3) % 7 >= 5);
    }
    // Two days at half of five at full: a sixth.
    assert!((all * 15 / 100..all * 18 / 100).contains(&weekend), "{weekend} of {all}");
    let mut counts: Vec<usize> = bought.into_values().collect();
    counts.sort_unstable();
    // A power of four: the first hundredth of 500 shops gets 32 %.
    let top: usize = counts.iter().rev().take(5).sum();
    assert!((all * 27 / 100..all * 37 / 100).contains(&top), "{top} of {all}");
}

#[test]
fn what_recurs_leaves_room_for_the_rest() {
    for payments in 1..=120 {
        for days in [1, 100, 3_650] {
            let simulation = simulate(&World::new(20, payments, days, 3)).expect("a world");
            assert_eq!(simulation.rows().len() as u64, payments);
        }
    }
    // Five payments an account in two months or two years: salaries and bills, firms and the
    // everyday all fit.
    let cases = [
        (Method::Card, 30_000, 60_000),
        (Method::Transfer, 15_000, 40_000),
        (Method::DirectDebit, 8_000, 30_000),
        (Method::StandingOrder, 3_000, 15_000),
    ];
    for (days, (method, least, most)) in
        cases.into_iter().flat_map(|case| [(60, case), (720, case)])
    {
        let simulation = simulate(&World::new(20_000, 100_000, days, 3)).expect("a world");
        let count = simulation.rows().filter(|row| row.method == method).count();
        assert!((least..most).contains(&count), "{count} by {method:?} in {days} days");
    }
}

#[test]
fn a_salary_comes_each_month_at_its_end() {
    let simulation = simulate(&World::new(500, 20_000, 182, 6)).expect("a world");
    let mut months: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in simulation.rows() {
        if matches!(row.planted, Some((Kind::Lookalike(Lookalike::Payroll), _))) {
            months.entry((row.debtor, row.creditor)).or_default().push(row);
        }
    }
    let recurring = months.values().filter(|rows| rows.len() >= 6).count();
    assert!(recurring >= 100, "{recurring} of {} jobs last", months.len());
    for rows in months.values() {
        assert!(rows.iter().all(|row| row.amount_minor == rows[0].amount_minor));
        for row in rows {
            let text = row.time.to_string();
            assert!((23..=28).contains(&text[8..10].parse::<u32>().expect("a day")), "{text}");
        }
    }
}

#[test]
fn no_attempts_are_planted_where_none_are_wanted() {
    let world = World { attempts_permille: 0, ..World::new(500, 10_000, 30, 1) };
    let summary = simulate(&world).expect("a world").summary();
    assert_eq!((summary.labelled, summary.payments), (0, 10_000));
    assert_eq!(summary.shortfalls.len(), Typology::ALL.len());
}

#[test]
fn the_share_of_attempts_is_kept() {
    for permille in [1, 5, 50, 300, 500] {
        let world = World { attempts_permille: permille, ..World::new(20_000, 100_000, 120, 2) };
        let labelled = simulate(&world).expect("a world").summary().labelled;
        let wanted = u64::from(permille) * 100;
        let least = if permille == 1 { 100 } else { wanted - 20 };
        assert!((least..=wanted.max(200)).contains(&labelled), "{labelled} of {wanted}");
    }
}

#[test]
fn parameters_that_make_no_world_are_refused_with_a_hint() {
    let good = World::new(100, 1_000, 30, 1);
    let late = good.start.after(Span::from_micros(1).expect("not negative"));
    for (world, error) in [
        (World { accounts: 19, ..good }, SimError::Accounts(19)),
        (World { accounts: u32::MAX, ..good }, SimError::Accounts(u32::MAX)),
        (World { payments: 0, ..good }, SimError::Payments(0)),
        (World { payments: u64::MAX, ..good }, SimError::Payments(u64::MAX)),
        (World { days: 0, ..good }, SimError::Days(0)),
        (World { days: 3_651, ..good }, SimError::Days(3_651)),
        (World { start: late, ..good }, SimError::Start(late)),
        (World { start: Timestamp(-DAY), ..good }, SimError::Start(Timestamp(-DAY))),
        (World { attempts_permille: 501, ..good }, SimError::AttemptsPermille(501)),
    ] {
        assert_eq!(simulate(&world).map(|_| ()), Err(error));
        assert!(error.to_string().contains('`'), "{error}");
        assert!(error.hint().contains("to") || error.hint().contains("most"), "{}", error.hint());
    }
}

#[test]
fn a_writer_that_fails_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let simulation = simulate(&World::new(20, 1, 1, 1)).expect("a world");
    let error = simulation.write_csv(&mut Full).expect_err("it is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_world_has_its_size_and_order(
        accounts in 15..400_u32,
        payments in 0..3_000_u64,
        days in 0..500_u32,
        seed: u64,
        attempts_permille in 0..520_u32,
        start in 0..80_000_i64,
    ) {
        let start = Timestamp(start * DAY);
        let world = World { accounts, payments, days, seed, start, attempts_permille };
        let good = accounts >= 20 && payments > 0 && days > 0 && attempts_permille <= 500;
        let simulation = simulate(&world);
        prop_assert_eq!(simulation.is_ok(), good);
        if let Ok(simulation) = simulation {
            prop_assert_eq!(simulation.rows().len() as u64, payments);
            let end = start.0 + i64::from(days) * DAY;
            let sound = simulation.rows().all(|row| {
                row.amount_minor > 0
                    && row.debtor.0 < accounts
                    && row.creditor.0 < accounts
                    && (start.0..end).contains(&row.time.0)
            });
            prop_assert!(sound);
            prop_assert!(simulation.rows().map(|row| row.time).is_sorted());
        }
    }
}
