//! Reports to test with and to look at: a flow of every shape, and the awkward ones.

use shroff_types::{Amount, Currency, Timestamp};

use super::{
    AccountLane, Day, Evaluation, Figure, FlowPayment, InputLine, Quarantine, QuarantineReason,
    Report, ReportAlert, Share, ShareTable, TypologySummary,
};

pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2022-09-01T08:00:00Z.
pub(crate) const START: i64 = 1_662_019_200_000_000;

const TYPOLOGIES: [(&str, &str, &str, &str); 8] = [
    (
        "cycle",
        "Cycle",
        "Money comes back to where it started through others, in the order of time.",
        "Friends or firms that settle debts among themselves, or a savings circle: look for the same round every month.",
    ),
    (
        "scatter-gather",
        "Scatter-gather",
        "One account pays several, who soon pay the same other account.",
        "A household or a firm that moves its budget through several of its own accounts.",
    ),
    (
        "fan-in",
        "Fan-in",
        "Many accounts pay one within a short time.",
        "A landlord, a club or a shop collects from its customers: look for a regular date and alike amounts.",
    ),
    (
        "fan-out",
        "Fan-out",
        "One account pays many within a short time.",
        "Payroll, or a refund to customers: look for a company's account and a monthly date.",
    ),
    (
        "gather-scatter",
        "Gather-scatter",
        "One account collects from many and pays out to many.",
        "A treasurer, a marketplace or a payment firm that works so by its nature.",
    ),
    (
        "pass-through",
        "Pass-through",
        "What comes in leaves at once, less a little.",
        "Somebody who forwards rent for a shared flat, or moves a salary to a second account.",
    ),
    (
        "layering-chain",
        "Layering chain",
        "Each account passes most of it on to the next.",
        "A supply chain that pays on the same day: look for invoices.",
    ),
    (
        "structuring",
        "Structuring",
        "Several payments just below a limit.",
        "Instalments of a fixed sum agreed in a contract.",
    ),
];

/// A flow told as (minutes after the start, from, to, euros), all of it evidence.
pub(crate) fn flow(typology: usize, told: &[(i64, usize, usize, i64)]) -> ReportAlert {
    let accounts = told.iter().map(|&(_, from, to, _)| from.max(to) + 1).max().unwrap_or(0);
    let payments: Vec<FlowPayment> = told
        .iter()
        .enumerate()
        .map(|(n, &(minutes, debtor, creditor, euros))| FlowPayment {
            id: format!("p{:06}", 120_400 + n * 37),
            time: Timestamp(START + minutes * MINUTE),
            debtor,
            creditor,
            amount: Amount { minor: i128::from(euros) * 100, currency: Currency::EUR },
            base_minor: i128::from(euros) * 100,
            evidence: true,
            method: None,
            label: None,
        })
        .collect();
    ReportAlert {
        id: format!("{}-{}", TYPOLOGIES[typology].0, told.first().map_or(0, |first| first.0)),
        typology,
        score_permille: 870,
        first_time: payments.iter().map(|p| p.time).min().unwrap_or_default(),
        last_time: payments.iter().map(|p| p.time).max().unwrap_or_default(),
        amount_minor: payments.iter().map(|p| p.base_minor).sum(),
        account_count: accounts as u64,
        reasons: vec![
            format!(
                "{} payments between {accounts} accounts fit the pattern, 9,700.00 EUR of 10,000.00 EUR came through.",
                payments.len()
            ),
            "No account of it had paid another of it in the 30 days before.".to_owned(),
        ],
        what: TYPOLOGIES[typology].2.to_owned(),
        innocent: TYPOLOGIES[typology].3.to_owned(),
        accounts: (0..accounts).map(|n| AccountLane { name: token(n) }).collect(),
        payments,
        evidence_left_out: 0,
        context_left_out: 0,
    }
}

/// A token as pseudonyms look.
pub(crate) fn token(n: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut state = Lcg(n as u64 * 7_919 + 11);
    let mut letters = || char::from(LETTERS[state.index(32)]);
    let mut text: String = (0..4).map(|_| letters()).collect();
    text.push('-');
    text.extend((0..4).map(|_| letters()));
    text
}

/// Numbers that look random and never change.
#[derive(Debug)]
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        self.0 >> 33
    }

    pub(crate) fn index(&mut self, bound: usize) -> usize {
        index(self.below(long(bound)))
    }

    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.unsigned_abs()).cast_signed()
    }
}

fn index(n: i64) -> usize {
    usize::try_from(n).unwrap()
}

fn long(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

pub(crate) fn cycle_over_days() -> ReportAlert {
    flow(
        0,
        &[
            (0, 0, 1, 10_000),
            (1_610, 1, 2, 9_650),
            (2_500, 2, 3, 9_400),
            (4_100, 3, 4, 9_150),
            (6_900, 4, 0, 8_900),
        ],
    )
}

pub(crate) fn cycle_in_a_minute() -> ReportAlert {
    flow(0, &[(5, 0, 1, 4_000), (5, 1, 2, 3_950), (5, 2, 0, 3_900)])
}

pub(crate) fn scatter_gather() -> ReportAlert {
    let mut told = vec![];
    for n in 0..8_usize {
        let minutes = 37 * long(n);
        told.push((minutes, 0, n + 1, 1_200 + 90 * long(n)));
        told.push((minutes + 420 + 11 * (long(n) % 3), n + 1, 9, 1_150 + 90 * long(n)));
    }
    told.sort_unstable();
    flow(1, &told)
}

pub(crate) fn fan_in_of_12() -> ReportAlert {
    let told: Vec<_> =
        (0..12).map(|n: i64| (n * n * 9 + n * 20, index(n), 12, 480 + (n * 37) % 90)).collect();
    flow(2, &told)
}

pub(crate) fn hub_of_500() -> ReportAlert {
    let mut random = Lcg(5);
    let mut told: Vec<_> = (0..500)
        .map(|n: i64| {
            let payer = if n < 340 { n } else { random.below(340) };
            let evening = random.below(12 * 60) * i64::from(random.below(3) > 0);
            (random.below(30) * 1_440 + evening, index(payer), 340, 20 + random.below(400))
        })
        .collect();
    told.sort_unstable();
    flow(2, &told)
}

pub(crate) fn fan_out_of_9() -> ReportAlert {
    let told: Vec<_> = (0..9).map(|n: i64| (n * 7, 0, index(n) + 1, 990)).collect();
    flow(3, &told)
}

pub(crate) fn gather_scatter(side: usize) -> ReportAlert {
    let hub = side;
    let mut told: Vec<_> =
        (0..side).map(|n| (long(n) * 13, n, hub, 700 + (long(n) * 53) % 400)).collect();
    let out = (0..side).map(|n| {
        (long(side) * 13 + 180 + long(n) * 6, hub, hub + 1 + n, 650 + (long(n) * 91) % 450)
    });
    told.extend(out);
    flow(4, &told)
}

pub(crate) fn pass_through() -> ReportAlert {
    flow(5, &[(0, 0, 1, 5_000), (9, 1, 2, 4_600)])
}

pub(crate) fn chain_with_silence() -> ReportAlert {
    flow(
        6,
        &[
            (0, 0, 1, 20_000),
            (140, 1, 2, 19_000),
            (200, 2, 3, 18_200),
            (18 * 1_440, 3, 4, 17_500),
            (18 * 1_440 + 95, 4, 5, 16_900),
        ],
    )
}

pub(crate) fn structuring() -> ReportAlert {
    let told: Vec<_> =
        (0..8).map(|n: i64| (n * 1_440 + n * 77 % 400, 0, 1, 9_900 - n * 31)).collect();
    flow(7, &told)
}

pub(crate) fn bipartite() -> ReportAlert {
    let told: Vec<_> =
        (0..20_i64).map(|n| (n * 55, index(n % 4), 4 + index(n * 7 % 5), 300 + n * 40)).collect();
    flow(4, &told)
}

pub(crate) fn with_context() -> ReportAlert {
    let mut alert = pass_through();
    alert.accounts.extend((3..40).map(|n| AccountLane { name: token(n) }));
    let mut random = Lcg(17);
    for n in 0..60 {
        let (near, far) = (random.index(3), 3 + random.index(37));
        let out = random.below(2) == 0;
        alert.payments.push(FlowPayment {
            id: format!("c{n}"),
            time: Timestamp(START - DAY + random.below(2 * 1_440) * MINUTE),
            debtor: if out { near } else { far },
            creditor: if out { far } else { near },
            amount: Amount { minor: i128::from(random.below(90_000)) + 5, currency: Currency::EUR },
            base_minor: i128::from(random.below(90_000)) + 5,
            evidence: false,
            method: Some("card".to_owned()),
            label: None,
        });
    }
    alert.context_left_out = 214;
    alert
}

pub(crate) fn whole_days() -> ReportAlert {
    let mut alert = scatter_gather();
    for payment in &mut alert.payments {
        let day = (payment.time.0 - START) / (4 * HOUR);
        payment.time = Timestamp((START / DAY + day) * DAY);
    }
    alert.first_time = alert.payments.iter().map(|p| p.time).min().unwrap();
    alert.last_time = alert.payments.iter().map(|p| p.time).max().unwrap();
    alert
}

pub(crate) const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "evil\u{202e}txt.exe\u{0}\u{7}",
    "\"><img src=x onerror=alert(1)>&amp;",
    "\u{5d7}\u{5e9}\u{5d1}\u{5d5}\u{5df} 12345 \u{628}\u{646}\u{643}",
    "a-very-long-name-that-somebody-put-into-the-column-of-accounts-0123456789-0123456789",
];

pub(crate) fn hostile() -> ReportAlert {
    let mut alert = cycle_over_days();
    for (lane, name) in alert.accounts.iter_mut().zip(HOSTILE) {
        name.clone_into(&mut lane.name);
    }
    for (payment, text) in alert.payments.iter_mut().zip(HOSTILE) {
        text.clone_into(&mut payment.id);
        payment.method = Some(text.to_owned());
        payment.label = Some(true);
    }
    alert.id = HOSTILE[0].to_owned();
    alert.reasons.push(HOSTILE[2].to_owned());
    alert
}

pub(crate) fn one_payment() -> ReportAlert {
    flow(7, &[(0, 0, 1, 12_000)])
}

pub(crate) fn to_itself() -> ReportAlert {
    flow(0, &[(0, 0, 0, 900), (30, 0, 1, 500), (31, 1, 0, 480), (90, 1, 1, 300)])
}

/// Every shape, once.
pub(crate) fn alerts() -> Vec<ReportAlert> {
    let mut alerts = vec![
        cycle_over_days(),
        scatter_gather(),
        fan_in_of_12(),
        hub_of_500(),
        gather_scatter(10),
        chain_with_silence(),
        fan_out_of_9(),
        pass_through(),
        with_context(),
        structuring(),
        bipartite(),
        cycle_in_a_minute(),
        whole_days(),
        gather_scatter(120),
        to_itself(),
        one_payment(),
        hostile(),
    ];
    for (n, alert) in alerts.iter_mut().enumerate() {
        alert.score_permille = u16::try_from(960 - 37 * n).unwrap();
    }
    alerts
}

/// A report with everything in it.
pub(crate) fn full() -> Report {
    let alerts = alerts();
    let mut random = Lcg(3);
    let days = (0..61)
        .map(|n: i64| Day {
            date: Timestamp(START + n * DAY),
            payments: 2_000 + random.next() % 900 - if n % 7 > 4 { 1_500 } else { 0 },
            alerts: (0..8).map(|_| (random.next() % 9).saturating_sub(5)).collect(),
        })
        .collect();
    let typologies = TYPOLOGIES.iter().enumerate().map(|(n, &(id, title, what, innocent))| {
        let alerts = [61, 14, 204, 33, 8, 120, 22, 0][n];
        TypologySummary {
            id: id.to_owned(),
            title: title.to_owned(),
            alerts,
            payments: alerts * 7,
            what: what.to_owned(),
            innocent: innocent.to_owned(),
        }
    });
    Report {
        title: "Payments of September and October".to_owned(),
        version: "0.1.0".to_owned(),
        inputs: vec![
            input("payments-2022-09.csv", "amlworld", 61_204),
            input("payments-2022-10.csv.gz", "amlworld", 59_871),
        ],
        payments: 121_075,
        accounts: 18_442,
        first_time: Some(Timestamp(START)),
        last_time: Some(Timestamp(START + 60 * DAY)),
        base: Currency::EUR,
        notes: vec![
            "Amounts in 4 other currencies were compared at face value, because no rates were given (`--rates`).".to_owned(),
            "The search for cycles stopped at 2,000 steps for 12 payments; longer ones through them may be missing.".to_owned(),
        ],
        typologies: typologies.collect(),
        days,
        evaluation: Some(evaluation()),
        total_alerts: 462,
        alerts,
        quarantine: Quarantine {
            total: 53,
            reasons: vec![
                reason("the amount is not above zero", 41, "-3.00"),
                reason("no such currency", 12, HOSTILE[0]),
            ],
        },
    }
}

/// A report in which nothing was raised.
pub(crate) fn nothing() -> Report {
    let mut report = full();
    report.alerts.clear();
    report.total_alerts = 0;
    report.evaluation = None;
    report.quarantine = Quarantine::default();
    report.notes.clear();
    for summary in &mut report.typologies {
        (summary.alerts, summary.payments) = (0, 0);
    }
    report
}

/// A report of no payments at all.
pub(crate) fn empty() -> Report {
    let mut report = nothing();
    (report.payments, report.accounts) = (0, 0);
    (report.first_time, report.last_time) = (None, None);
    report.days.clear();
    report
}

fn input(name: &str, layout: &str, payments: u64) -> InputLine {
    InputLine {
        name: name.to_owned(),
        layout: layout.to_owned(),
        payments,
        rejected: 26,
        left_out: 0,
    }
}

fn reason(reason: &str, count: u64, value: &str) -> QuarantineReason {
    QuarantineReason {
        reason: reason.to_owned(),
        count,
        examples: vec![
            ("payments-2022-09.csv, line 17, amount".to_owned(), value.to_owned()),
            ("payments-2022-09.csv, line 212, amount".to_owned(), value.to_owned()),
        ],
    }
}

fn evaluation() -> Evaluation {
    let figure = |label: &str, value: &str, explanation: &str| Figure {
        label: label.to_owned(),
        value: value.to_owned(),
        explanation: explanation.to_owned(),
    };
    let share = |part, whole| Share { part, whole };
    Evaluation {
        about: "The column `label` marks 1,284 of 121,075 payments. Rules never see it; it is compared with the alerts afterwards.".to_owned(),
        figures: vec![
            figure("Precision of payments", "31.4 %", "958 of 3,051 payments in alerts are labelled"),
            figure("Burden", "25.0", "alerts for each 1,000 accounts"),
            figure("Accounts alerted wrongly", "612", "of 18,442; none of their payments is labelled"),
            figure("Recall of payments", "74.6 %", "958 of 1,284 labelled payments are in an alert"),
        ],
        tables: vec![ShareTable {
            title: "Attempts found, by typology".to_owned(),
            rows_are: "Attempt".to_owned(),
            columns: vec!["At least one payment".to_owned(), "At least half".to_owned()],
            rows: vec![
                ("CYCLE".to_owned(), vec![share(40, 41), share(38, 41)]),
                ("FAN-IN".to_owned(), vec![share(12, 30), share(9, 30)]),
                ("RANDOM".to_owned(), vec![share(0, 18), share(0, 18)]),
                ("STACK".to_owned(), vec![share(0, 0), share(0, 0)]),
            ],
        }],
    }
}
