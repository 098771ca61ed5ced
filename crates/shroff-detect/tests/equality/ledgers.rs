//! Ledgers to try the engine on: small worlds full of ties, borders and patterns, made at random,
//! and text tables, which a failing world prints itself as.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;
use shroff_detect::Definitions;
use shroff_types::Amount;

/// A payment of a ledger; its place in the order is its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) micros: i64,
    pub(crate) debtor: u32,
    pub(crate) creditor: u32,
    pub(crate) minor: i128,
}

/// Definitions and a ledger in time order.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) toml: String,
    pub(crate) rows: Vec<Row>,
}

const UNITS: [(&str, i64); 5] = [
    ("day", 86_400_000_000),
    ("hour", 3_600_000_000),
    ("minute", 60_000_000),
    ("second", 1_000_000),
    ("micro", 1),
];

impl World {
    pub(crate) fn definitions(&self) -> Definitions {
        Definitions::parse(&self.toml).unwrap_or_else(|error| panic!("{error}\n{}", self.toml))
    }

    /// Reads a table whose first line is `<unit> from to minor`; accounts are letters.
    pub(crate) fn table(toml: &str, table: &str) -> World {
        let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let header = lines.next().expect("a header");
        let unit = header.split_whitespace().next().expect("a unit of time");
        let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit).expect("a known unit");
        let account = |text: &str| u32::from(text.as_bytes()[0] - b'A');
        let rows = lines.map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [time, from, to, minor] = fields[..] else { panic!("`{line}` lacks a field") };
            let time: i64 = time.parse().expect("a whole number of units");
            let minor: i128 = minor.replace('_', "").parse().expect("whole minor units");
            Row { micros: time * micros, debtor: account(from), creditor: account(to), minor }
        });
        World { toml: toml.to_owned(), rows: rows.collect() }
    }
}

/// Prints as what [`World::table`] reads.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |micros: i64| self.rows.iter().all(|row| row.micros % micros == 0);
        let (name, micros) =
            UNITS.iter().find(|(_, micros)| whole(*micros)).expect("micros are always whole");
        let letter = |account: u32| char::from(b'A' + u8::try_from(account).unwrap_or(25).min(25));
        writeln!(f, "\n{}\n{name:>15} from to minor", self.toml)?;
        for row in &self.rows {
            let Row { debtor, creditor, minor, .. } = *row;
            let time = row.micros / micros;
            writeln!(f, "{time:>15} {:<4} {:<2} {minor}", letter(debtor), letter(creditor))?;
        }
        Ok(())
    }
}

/// Which worlds to make.
#[expect(clippy::struct_excessive_bools, reason = "any of them goes with any other")]
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// How many payments.
    pub(crate) payments: Range<usize>,
    /// Whether many of them may lie in one window.
    pub(crate) dense: bool,
    /// Whether amounts may be so large that no finer minor unit can carry them.
    pub(crate) large: bool,
    /// The kinds of block, of those of [`block`].
    pub(crate) kinds: Vec<Kind>,
    /// Whether searches run out of their budget.
    pub(crate) tight: bool,
    /// Whether patterns may be of strangers alone: the oracle knows none such, and one that comes late
    /// does not unsettle those behind it.
    pub(crate) fresh: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Activity,
    Pair,
    Novelty,
    Passthrough,
    Cycle,
    Ring,
    ScatterGather,
    Chain,
}

pub(crate) const ALL: [Kind; 8] = [
    Kind::Activity,
    Kind::Pair,
    Kind::Novelty,
    Kind::Passthrough,
    Kind::Cycle,
    Kind::Ring,
    Kind::ScatterGather,
    Kind::Chain,
];
pub(crate) const PATTERNS: [Kind; 4] = [Kind::Cycle, Kind::Ring, Kind::ScatterGather, Kind::Chain];

/// The measure of a world's time: windows are small multiples of it, gaps about as long as it.
#[derive(Debug, Clone, Copy)]
struct Beat {
    number: i64,
    letter: char,
    micros: i64,
}

impl Beat {
    fn text(self, times: i64) -> String {
        format!("{}{}", self.number * times, self.letter)
    }
}

const BEATS: [Beat; 5] = [
    Beat { number: 1, letter: 's', micros: 1_000_000 },
    Beat { number: 15, letter: 'm', micros: 900_000_000 },
    Beat { number: 1, letter: 'h', micros: 3_600_000_000 },
    Beat { number: 1, letter: 'd', micros: 86_400_000_000 },
    Beat { number: 30, letter: 'd', micros: 30 * 86_400_000_000 },
];

/// What all blocks and payments of a world share.
#[derive(Debug, Clone, Copy)]
struct Frame {
    beat: Beat,
    exponent: u8,
    scale: i128,
    horizon: i64,
    accounts: u32,
    hub: bool,
    crowd: Crowd,
    dense: bool,
}

/// Strangers around the accounts, which make their lines long on one side. A search goes another
/// way then: it starts from the side where there is less to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crowd {
    Nobody,
    Pays,
    IsPaid,
}

/// A payment before it has a frame: only small numbers, so that it shrinks well.
#[derive(Debug, Clone, Copy)]
struct Draft {
    gap: usize,
    from: u32,
    to: u32,
    selfish: u32,
    amount: usize,
    odd: i128,
    stranger: Option<u32>,
    /// Whether whoever was paid last pays now: so that chains and cycles are long.
    relays: bool,
}

/// Amounts at, just below and just above the shares that chains pass on, times the frame's scale.
const AMOUNTS: [i128; 14] = [
    10_000, 10_000, 10_000, 9_000, 8_000, 8_000, 7_999, 7_200, 6_400, 6_400, 9_999, 10_001, 5_120,
    1,
];

pub(crate) fn world(shape: Shape) -> impl Strategy<Value = World> {
    let large = shape.large;
    let scales: &[i128] = &[1, 1, 100, 1_000_000_000, 1_000_000_000_000_000, 10_i128.pow(22)];
    let scales = if large { scales } else { &scales[..4] };
    let frame = (
        select(&BEATS[..]),
        0_u8..=4,
        select(scales.to_vec()),
        select(vec![0_i64, 0, 0, 1, 2, 3, 6, 20]),
        2_u32..=8,
        any::<bool>(),
        (any::<bool>(), select(vec![Crowd::Nobody, Crowd::Nobody, Crowd::Pays, Crowd::IsPaid])),
    );
    let drafts = prop::collection::vec(draft(), shape.payments.clone());
    let blocks = prop::collection::vec(block(&shape), 1..=4);
    (frame, blocks, drafts).prop_map(move |(frame, blocks, drafts)| {
        let (beat, exponent, scale, horizon, accounts, hub, (dense, crowd)) = frame;
        let dense = dense && shape.dense;
        let frame = Frame { beat, exponent, scale, horizon, accounts, hub, crowd, dense };
        World { toml: toml(frame, &blocks), rows: rows(frame, &drafts, large) }
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    let parts = (
        (0_usize..20, 0_usize..18, 1..=Amount::MAX_MINOR),
        (0_u32..840, 0_u32..840, 0_u32..6, prop::option::of(8_u32..20)),
        any::<bool>(),
    );
    parts.prop_map(|((gap, amount, odd), (from, to, selfish, stranger), relays)| Draft {
        gap,
        from,
        to,
        selfish,
        amount,
        odd,
        stranger,
        relays,
    })
}

fn rows(frame: Frame, drafts: &[Draft], large: bool) -> Vec<Row> {
    let beat = frame.beat.micros;
    let sparse = [
        0,
        0,
        0,
        0,
        0,
        0,
        beat / 2,
        beat,
        beat,
        beat - 1,
        beat + 1,
        1,
        beat / 3,
        2 * beat,
        3 * beat,
        beat / 10,
        beat / 10,
        beat / 4,
        5 * beat,
        70 * beat,
    ];
    let crowded = [
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        beat / 20,
        beat / 20,
        beat / 10,
        beat / 10,
        beat / 10,
        beat / 5,
        beat / 4,
        beat / 2,
        0,
        beat,
        beat - 1,
        beat + 1,
        70 * beat,
    ];
    let gaps = if frame.dense { crowded } else { sparse };
    let (mut micros, mut last_paid) = (0, 0);
    let account = |draw: u32| {
        let draw = if frame.hub { draw * draw / 840 } else { draw };
        draw % frame.accounts
    };
    let rows = drafts.iter().map(|draft| {
        micros += gaps[draft.gap];
        let mut debtor = if draft.relays { last_paid } else { account(draft.from) };
        let mut creditor = account(draft.to);
        if debtor == creditor && draft.selfish > 0 {
            creditor = (debtor + draft.selfish) % frame.accounts;
        }
        match (frame.crowd, draft.stranger) {
            (Crowd::Pays, Some(stranger)) => debtor = stranger,
            (Crowd::IsPaid, Some(stranger)) => creditor = stranger,
            (Crowd::Nobody, _) | (_, None) => last_paid = creditor,
        }
        Row { micros, debtor, creditor, minor: minor(frame, draft, large) }
    });
    rows.collect()
}

fn minor(frame: Frame, draft: &Draft, large: bool) -> i128 {
    match AMOUNTS.get(draft.amount) {
        Some(amount) => amount * frame.scale,
        None if !large => 1 + draft.odd % 1_000_000_000_000,
        None => match draft.amount - AMOUNTS.len() {
            0 => Amount::MAX_MINOR,
            1 => i128::from(i64::MAX) + draft.odd % 2,
            2 => 1 + draft.odd % 1_000_000,
            _ => draft.odd,
        },
    }
}

/// A block before it has a frame.
#[derive(Debug, Clone)]
struct BlockDraft {
    kind: Kind,
    window: i64,
    measures: u16,
    filter: FilterDraft,
    memory: i64,
    longest: u8,
    retention: u32,
    deepest: u32,
    fresh: Option<i64>,
    budget: Option<u64>,
    whole: bool,
}

#[derive(Debug, Clone)]
struct FilterDraft {
    bounds: Vec<(&'static str, usize)>,
    similar: Option<u32>,
    without_current: bool,
}

fn block(shape: &Shape) -> impl Strategy<Value = BlockDraft> + use<> {
    let bound = (select(vec![">=", "<", "<=", ">", "="]), 0..AMOUNTS.len());
    let filter = (
        prop::option::of(prop::collection::vec(bound, 1..=2)),
        prop::option::of(select(vec![0_u32, 1, 100, 200, 250, 1_000, 3_000])),
        any::<bool>(),
    );
    let filter = filter.prop_map(|(bounds, similar, without_current)| FilterDraft {
        bounds: bounds.unwrap_or_default(),
        similar,
        without_current,
    });
    let tight = prop_oneof![1_u64..5, 1_u64..40, 40_u64..200];
    let budget = if shape.tight { tight.prop_map(Some).boxed() } else { Just(None).boxed() };
    let fresh = if shape.fresh { prop::option::of(1_i64..=8).boxed() } else { Just(None).boxed() };
    let params = (
        2_u8..=6,
        select(vec![800_u32, 800, 0, 500, 999, 1_000]),
        select(vec![1_u32, 2, 3, 5, 10]),
        fresh,
        budget,
        prop::bool::weighted(0.3),
    );
    let parts = (
        select(shape.kinds.clone()),
        select(vec![1_i64, 2, 3, 6]),
        prop_oneof![Just(0x7FF_u16), 1_u16..0x7FF],
        filter,
        1_i64..=8,
        params,
    );
    parts.prop_map(|(kind, window, measures, filter, memory, params)| {
        let (longest, retention, deepest, fresh, budget, whole) = params;
        BlockDraft {
            kind,
            window,
            measures,
            filter,
            memory: window + memory,
            longest,
            retention,
            deepest,
            fresh,
            budget,
            whole,
        }
    })
}

const MEASURES: [&str; 11] =
    ["count", "fan", "sum", "mean", "std", "min", "max", "median", "skew", "kurtosis", "age"];

fn toml(frame: Frame, blocks: &[BlockDraft]) -> String {
    let horizon = if frame.horizon == 0 { "0s".to_owned() } else { frame.beat.text(frame.horizon) };
    let mut toml = format!("amount_exponent = {}\nhorizon = \"{horizon}\"\n", frame.exponent);
    for (number, block) in blocks.iter().enumerate() {
        let line = match block.kind {
            Kind::Activity => format!("kind = \"activity\"\n{}", measures(block.measures)),
            Kind::Pair => "kind = \"pair\"".to_owned(),
            Kind::Novelty => {
                format!("kind = \"novelty\"\nmemory = \"{}\"", frame.beat.text(block.memory))
            }
            Kind::Passthrough => "kind = \"passthrough\"".to_owned(),
            Kind::Cycle => format!("kind = \"cycle\"\nlongest = {}", block.longest),
            Kind::Ring => format!("kind = \"ring\"\nlongest = {}", block.longest),
            Kind::ScatterGather => "kind = \"scatter_gather\"".to_owned(),
            Kind::Chain => format!(
                "kind = \"chain\"\nretention_permille = {}\ndeepest = {}",
                block.retention, block.deepest
            ),
        };
        let window = frame.beat.text(block.window);
        write!(toml, "[[feature]]\n{line}\nwindow = \"{window}\"\n").expect("a string");
        // The first stays without a prefix: such columns are names too.
        if number > 0 {
            writeln!(toml, "as = \"b{number}\"").expect("a string");
        }
        if matches!(block.kind, Kind::Activity | Kind::Pair) {
            toml.push_str(&filter(frame, &block.filter));
        }
        let walks = PATTERNS.contains(&block.kind) && block.kind != Kind::Chain;
        if let (Some(fresh), true) = (block.fresh, walks) {
            writeln!(toml, "fresh = \"{}\"", frame.beat.text(fresh)).expect("a string");
        }
        if block.whole && walks {
            toml.push_str("whole = true\n");
        }
        if let (Some(budget), true) = (block.budget, PATTERNS.contains(&block.kind)) {
            writeln!(toml, "budget = {budget}").expect("a string");
        }
    }
    toml
}

fn measures(mask: u16) -> String {
    let chosen = MEASURES.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
    let names: Vec<String> = chosen.map(|(_, name)| format!("\"{name}\"")).collect();
    format!("measures = [{}]", names.join(", "))
}

fn filter(frame: Frame, filter: &FilterDraft) -> String {
    let mut toml = String::new();
    if !filter.bounds.is_empty() {
        let terms = filter.bounds.iter().map(|(operator, amount)| {
            format!("amount {operator} {}", major(AMOUNTS[*amount] * frame.scale, frame.exponent))
        });
        let terms: Vec<String> = terms.collect();
        writeln!(toml, "where = \"{}\"", terms.join(" AND ")).expect("a string");
    }
    if let Some(share) = filter.similar {
        writeln!(toml, "similar_permille = {share}").expect("a string");
    }
    if filter.without_current {
        toml.push_str("without_current = true\n");
    }
    toml
}

/// Minor units as a decimal number of major ones.
pub(crate) fn major(minor: i128, exponent: u8) -> String {
    let unit = 10_i128.pow(exponent.into());
    let (whole, part) = (minor / unit, minor % unit);
    if exponent == 0 {
        return whole.to_string();
    }
    format!("{whole}.{part:0width$}", width = usize::from(exponent))
}
