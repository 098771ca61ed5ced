//! The engine against a slow twin, which asks for the whole evidence of every hit.

use std::fmt;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use shroff_detect::{
    Alone, Asked, Definitions, Extractor, FindEvidence, Finished, Input, Memo, Rules, Typology,
    Workers,
};
use shroff_engine::{Counts, Draft, Hit, MOST_PAYMENTS};
use shroff_types::{AccountId, Currency, Place, Span, Symbol, Timestamp};

use crate::cases;
use crate::grouping::Told;
use crate::ledger::{Ledger, Threads, tell, tell_with, typologies};

/// Definitions, typologies and a ledger in time order.
pub(crate) struct World {
    definitions: String,
    typologies: Vec<(String, String)>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    minute: i64,
    debtor: u32,
    creditor: u32,
    eur: i128,
    method: Option<&'static str>,
    currency: Currency,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.definitions)?;
        for (_, text) in &self.typologies {
            writeln!(f, "{text}")?;
        }
        writeln!(f, "minute from to eur currency method")?;
        for row in &self.rows {
            let Row { minute, debtor, creditor, eur, method, currency } = row;
            let method = method.unwrap_or("-");
            writeln!(f, "{minute} {debtor} {creditor} {eur} {currency} {method}")?;
        }
        Ok(())
    }
}

impl World {
    pub(crate) fn definitions(&self) -> Definitions {
        Definitions::parse(&self.definitions).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn typologies(&self) -> Vec<Typology> {
        let read = self.typologies.iter().map(|(name, text)| Typology::parse(name, text));
        read.map(|read| read.unwrap_or_else(|error| panic!("{error}"))).collect()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for row in &self.rows {
            let method = row.method.map(|text| Symbol(ledger.symbols.intern(text)));
            ledger.payments.push(Input {
                time: Timestamp(row.minute * 60_000_000),
                debtor: AccountId(row.debtor),
                creditor: AccountId(row.creditor),
                minor: row.eur * 100,
                currency: row.currency,
                method,
            });
        }
        ledger
    }
}

/// Blocks of every kind; lines that grow, lines that are chosen anew for each payment, and patterns.
const BLOCKS: &str = r#"
[[feature]]
kind = "activity"
window = "60m"
measures = ["count", "fan", "sum"]
[[feature]]
kind = "activity"
window = "3h"
measures = ["count", "fan"]
[[feature]]
kind = "activity"
as = "card"
where = "method = 'card' AND currency IN ('EUR', 'USD')"
window = "2h"
measures = ["count"]
[[feature]]
kind = "activity"
as = "similar"
similar_permille = 200
window = "2h"
measures = ["count"]
[[feature]]
kind = "activity"
as = "past"
without_current = true
window = "60m"
measures = ["count"]
[[feature]]
kind = "pair"
window = "2h"
[[feature]]
kind = "novelty"
window = "60m"
memory = "5h"
[[feature]]
kind = "passthrough"
window = "60m"
[[feature]]
kind = "cycle"
window = "2h"
longest = 5
[[feature]]
kind = "ring"
window = "60m"
longest = 3
[[feature]]
kind = "scatter_gather"
window = "2h"
[[feature]]
kind = "chain"
window = "40m"
retention_permille = 500
deepest = 4
"#;

/// What a case asks of, its condition, its score and its evidence; conditions that often hold.
const CASES: [(&str, &str, &str, &str); 14] = [
    ("kind = 'activity'", "creditor_in_count >= 3", "0.1 * creditor_in_count", "'creditor-in'"),
    ("kind = 'activity'", "debtor_out_count >= 2", "amount / 1000", "'debtor-out'"),
    ("kind = 'activity'", "debtor_in_count >= 1", "0.5", "'debtor-in', 'debtor-out'"),
    (
        "kind = 'activity'",
        "creditor_out_count >= 2",
        "nullif(1, 1)",
        "'creditor-out', 'creditor-in'",
    ),
    ("kind = 'activity'", "amount >= 90", "0.7", "'debtor-out', 'creditor-in'"),
    ("kind = 'activity', prefix = 'c'", "debtor_out_count >= 1", "0.3", "'debtor-out', 'pair'"),
    ("kind = 'activity', prefix = 's'", "creditor_in_count >= 2", "2", "'creditor-in'"),
    ("kind = 'activity', prefix = 'p'", "debtor_out_count >= 1", "0.4", "'debtor-out'"),
    ("kind = 'pair'", "pair_count >= 2", "0.2 * pair_count", "'pair'"),
    ("kind = 'novelty'", "creditor_in_new_fan >= 2", "history_days", "'creditor-in'"),
    ("kind = 'passthrough'", "passthrough <= 1", "passthrough", "'debtor-in', 'debtor-out'"),
    ("kind = 'cycle'", "cycle_count >= 1", "0.1 * cycle_longest", "'pattern'"),
    ("kind = 'scatter_gather'", "scatter_gather_size >= 2", "0.6", "'pattern', 'debtor-in'"),
    ("kind = 'chain'", "chain_depth >= 2", "0.2 * chain_depth", "'pattern'"),
];

/// A typology of some of [`CASES`].
fn typology(name: &str, cases: &[usize]) -> String {
    let mut text = format!(
        "id = '{name}'\ntitle = 'T'\nwhat = 'w'\nwhy = 'w'\ninnocent = 'i'\nsources = ['s']\n"
    );
    for &case in cases {
        let (block, when, score, evidence) = CASES[case];
        write!(
            text,
            "[[case]]\nblock = {{ {block} }}\nwhen = '''{when}'''\nscore = '{score}'\n\
             reason = 'case {case}, {{amount}} within {{window}}'\nevidence = [{evidence}]\n"
        )
        .expect("a string");
    }
    text
}

fn row() -> impl Strategy<Value = (i64, u32, u32, i128, Option<&'static str>, bool)> {
    // Gaps up to and just beyond the windows, and silences longer than any of them.
    let gap = select(vec![0_i64, 0, 1, 3, 7, 10, 19, 20, 30, 59, 60, 61, 121, 400]);
    let method = select(vec![None, Some("card"), Some("card"), Some("wire")]);
    (gap, 0_u32..64, 0_u32..64, select(vec![100_i128, 100, 90, 80, 55, 400]), method, any::<bool>())
}

pub(crate) fn world(payments: std::ops::Range<usize>) -> impl Strategy<Value = World> {
    let horizon = select(vec!["0s", "0s", "20m", "60m", "5h"]);
    let cases_of_one = || prop::collection::vec(0..CASES.len(), 1..4);
    let kinds = (cases_of_one(), cases_of_one());
    let rows = prop::collection::vec(row(), payments);
    (horizon, kinds, 2_u32..9, any::<bool>(), rows).prop_map(
        |(horizon, (first, second), accounts, hub, rows)| {
            let mut minute = 0;
            let rows = rows.into_iter().map(|(gap, from, to, eur, method, euro)| {
                minute += gap;
                let account = |draw: u32| (if hub { draw * draw / 64 } else { draw }) % accounts;
                let currency = if euro { Currency::EUR } else { Currency::NONE };
                let (debtor, creditor) = (account(from), account(to));
                Row { minute, debtor, creditor, eur, method, currency }
            });
            let named = |name: &str, cases: &[usize]| (name.to_owned(), typology(name, cases));
            World {
                definitions: format!("horizon = \"{horizon}\"\n{BLOCKS}"),
                typologies: vec![named("first", &first), named("second", &second)],
                rows: rows.collect(),
            }
        },
    )
}

/// Every hit with all its evidence, one payment after the other.
fn all_hits(ledger: &Ledger, definitions: &Definitions, typologies: &[Typology]) -> Vec<Told> {
    let rules = Rules::bind(typologies, definitions).expect("the rules bind");
    let exponent = definitions.amount_exponent;
    let first = ledger.payments.first().map_or(Timestamp(0), |payment| payment.time);
    let mut told = Vec::new();
    let mut each = |mut finished: Finished<'_>| {
        let Input { time, debtor, creditor, minor, currency, method } = finished.input;
        let past = time.micros_since(first).min(definitions.look_back().micros());
        #[expect(clippy::cast_precision_loss, reason = "days, far below 2^53")]
        let history_days = past as f64 / Span::DAY.micros() as f64;
        let asked = Asked {
            cells: finished.cells,
            amount: Asked::major(minor, exponent),
            currency,
            method: method.map(|symbol| ledger.symbols.text(symbol.0)),
            clock_micros: time.0,
            history_days,
        };
        for (number, rule) in rules.bound.iter().enumerate() {
            let fires = rule.fires(&Memo::default().turn_to(asked));
            let Some(score_permille) = fires.filter(|_| debtor != creditor) else {
                continue;
            };
            let place = finished.place;
            let hit = Hit { typology: rule.typology(), rule: number, place, score_permille };
            let mut evidence = std::collections::BTreeSet::from([place]);
            for &(block, flow) in rule.evidence() {
                evidence.extend(finished.evidence.payments(block, flow));
            }
            let text = rule.reason(asked);
            told.push(Told { hit, text, evidence, known: None });
        }
    };
    let mut extractor = Extractor::new(definitions, exponent);
    extractor.push(&ledger.payments, &ledger.symbols, &mut each);
    extractor.finish(&mut each);
    told
}

fn equals_the_twin(
    ledger: &Ledger,
    definitions: &Definitions,
    typologies: &[Typology],
) -> Result<(), TestCaseError> {
    let hits = all_hits(ledger, definitions, typologies);
    let given = tell(ledger, definitions, typologies, ledger.payments.len());
    for told in &hits {
        let newest: Vec<Place> =
            told.evidence.iter().rev().take(MOST_PAYMENTS / 2).copied().collect();
        let holds = |draft: &&Draft| {
            let has = |place: &Place| draft.payments.binary_search(place).is_ok();
            has(&told.hit.place) && newest.iter().all(has)
        };
        let home = given.drafts.iter().find(holds);
        prop_assert!(home.is_some(), "no alert has all evidence of {:?}", told);
    }
    for ground in given.drafts.iter().flat_map(|draft| &draft.grounds) {
        let told = hits.iter().find(|told| told.hit == ground.hit);
        prop_assert_eq!(told.map(|told| &told.text), Some(&ground.text));
    }
    let held: u64 = given.drafts.iter().map(|draft| draft.hits).sum();
    prop_assert_eq!(held, hits.len() as u64, "no hit is lost");
    prop_assert_eq!(given.counts.hits, hits.len() as u64);
    prop_assert_eq!(given.counts.payments, ledger.payments.len() as u64);
    Ok(())
}

/// Whatever comes behind a payment in its batch is in the graph when its evidence is asked for.
fn batches_and_threads_change_nothing(
    ledger: &Ledger,
    definitions: &Definitions,
    typologies: &[Typology],
) -> Result<(), TestCaseError> {
    let all = ledger.payments.len();
    let given = tell(ledger, definitions, typologies, all);
    let (one, two) = (&Alone as &dyn Workers, &Threads(2) as &dyn Workers);
    for (workers, batch) in [(one, 1), (one, 7), (two, 1), (two, 7), (two, all)] {
        let again = tell_with(ledger, definitions, typologies, (workers, batch));
        let how = format!("in batches of {batch} with {workers:?}");
        prop_assert_eq!(&again.drafts, &given.drafts, "{}", how);
        prop_assert_eq!(&again.alerts, &given.alerts, "{}", how);
        prop_assert_eq!(again.counts, given.counts, "{}", how);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn alerts_are_those_of_the_twin(world in world(2..70)) {
        equals_the_twin(&world.ledger(), &world.definitions(), &world.typologies())?;
    }

    #[test]
    fn alerts_depend_on_neither_batches_nor_threads(world in world(2..70)) {
        let (definitions, typologies) = (world.definitions(), world.typologies());
        batches_and_threads_change_nothing(&world.ledger(), &definitions, &typologies)?;
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn alerts_of_our_typologies_are_those_of_the_twin(world in world(20..120)) {
        // The same ledger, a minute an hour, under what is built in.
        let mut ledger = world.ledger();
        ledger.payments.iter_mut().for_each(|payment| payment.time.0 *= 60);
        for horizon in ["0s", "3d"] {
            let horizon = horizon.parse().expect("a span");
            let definitions = shroff_detect::union(&typologies(), horizon).expect("it is right");
            equals_the_twin(&ledger, &definitions, &typologies())?;
            batches_and_threads_change_nothing(&ledger, &definitions, &typologies())?;
        }
    }
}

#[test]
fn no_rule_is_asked_of_a_payment_that_comes_too_late() {
    let typologies = [Typology::parse("first", &typology("first", &[4])).expect("it is right")];
    let definitions = Definitions::parse(BLOCKS).expect("they are right");
    let ledger = Ledger::read(
        "minute from to eur
         5      a    b  100
         3      c    d  100
         3      c    d  100
         6      e    f  100",
    );
    let given = tell(&ledger, &definitions, &typologies, 4);
    let raised: Vec<u32> = given.drafts.iter().map(|draft| draft.raised_at.0).collect();
    assert_eq!(raised, [0, 3]);
    let Counts { payments, too_late, hits, .. } = given.counts;
    // Each of the two is asked of two blocks.
    assert_eq!((payments, too_late, hits), (2, 2, 4));
    assert_eq!(tell(&ledger, &definitions, &typologies, 1).drafts, given.drafts);
}
