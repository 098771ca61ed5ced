//! The core of a service against a scan of the same payments.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shroff_detect::{Alone, Arrival, Definitions, Input, Thresholds, Typology};
use shroff_engine::{AlertFilter, Draft, Live, LiveSettings, Middle, Told};
use shroff_types::{Amount, Clock, Currency, Place, SentPayment, Span, Timestamp};

use crate::cases;
use crate::ledger::{Ledger, Threads, tell};
use crate::twin::world;

fn core(definitions: &Definitions, typologies: &[Typology], lateness: Span) -> Live {
    let settings = LiveSettings {
        exponent: definitions.amount_exponent,
        clock: Clock::default(),
        thresholds: Thresholds::default(),
        lateness,
    };
    Live::new(definitions, typologies, settings).unwrap_or_else(|error| panic!("{error}"))
}

/// What a core said, and every alert as it stood last.
#[derive(Debug, Default, PartialEq)]
struct Lived {
    told: Vec<Told>,
    alerts: BTreeMap<String, Draft>,
}

/// A payment with the names that it is sent by.
struct Named<'l> {
    id: String,
    ends: [String; 2],
    input: Input,
    method: Option<&'l str>,
}

fn named<'l>(ledger: &'l Ledger, (number, payment): (usize, &Input)) -> Named<'l> {
    Named {
        id: format!("p{number}"),
        ends: [payment.debtor, payment.creditor].map(|account| format!("A{}", account.0)),
        input: *payment,
        method: payment.method.map(|symbol| ledger.symbols.text(symbol.0)),
    }
}

impl Named<'_> {
    fn sent(&self) -> SentPayment<'_> {
        let Input { time, minor, currency, .. } = self.input;
        let [debtor, creditor] = &self.ends;
        let amount = Amount { minor, currency };
        SentPayment { id: &self.id, time, debtor, creditor, amount, method: self.method }
    }
}

fn live(ledger: &Ledger, live: &mut Live, ids: &[String], batch: usize) -> Lived {
    live_from(ledger, live, (0, ids), batch)
}

/// The same, with payments that are numbered from somewhere on.
fn live_from(
    ledger: &Ledger,
    live: &mut Live,
    (first, ids): (usize, &[String]),
    batch: usize,
) -> Lived {
    let mut lived = Lived::default();
    for (number, payments) in ledger.payments.chunks(batch).enumerate() {
        for numbered in (first + number * batch..).zip(payments) {
            let named = named(ledger, numbered);
            let sent = named.sent();
            let place = live.admit(&sent).expect("it can be carried");
            assert_eq!((live.find(sent.id), live.is_same(place, &sent)), (Some(place), true));
        }
        lived.told.extend(live.run(&Alone));
        for alert in live.alerts(AlertFilter::default(), None, usize::MAX) {
            let draft = live.draft(alert).expect("it is listed");
            let id = draft.id(ids);
            assert_eq!(live.alert_number(&id), Some(alert), "{id}");
            assert_eq!(
                live.revisions(alert).last().map(|r| r.payments),
                Some(draft.payments.len())
            );
            lived.alerts.insert(id, draft);
        }
    }
    lived
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_service_raises_the_alerts_of_a_scan(world in world(2..70)) {
        let definitions = Definitions { horizon: Span::ZERO, ..world.definitions() };
        let (typologies, ledger) = (world.typologies(), world.ledger());
        let ids: Vec<String> = typologies.iter().map(|typology| typology.id.clone()).collect();
        let scanned = tell(&ledger, &definitions, &typologies, ledger.payments.len());
        let scanned: BTreeMap<String, Draft> =
            scanned.drafts.into_iter().map(|draft| (draft.id(&ids), draft)).collect();
        let mut first: Option<Lived> = None;
        for batch in [1, 7, 100] {
            let mut core = core(&definitions, &typologies, Span::ZERO);
            let lived = live(&ledger, &mut core, &ids, batch);
            if batch == 1 {
                prop_assert_eq!(&lived.alerts, &scanned);
            }
            // What a bigger batch lets go of within it is not seen; what is said is the same.
            prop_assert_eq!(&lived.told, &first.as_ref().unwrap_or(&lived).told);
            prop_assert!(lived.alerts.keys().all(|id| scanned.contains_key(id)));
            first.get_or_insert(lived);
        }
    }
}

/// A core in another process: what was saved, and what is in sight shown again.
fn moved(old: &Live, mut new: Live, batch: usize) -> Live {
    let mut bytes = Vec::new();
    old.moment().write(&mut bytes);
    let (first, next) = new.load(&bytes).expect("what was saved");
    assert_eq!(next, old.next());
    let shown: Vec<SentPayment<'_>> = (first.0..next.0)
        .map(|place| {
            let held = old.held(Place(place)).expect("all from the first on are held");
            SentPayment {
                id: held.id,
                time: held.time,
                debtor: old.account(held.debtor),
                creditor: old.account(held.creditor),
                amount: held.amount,
                method: held.method.map(|symbol| old.method(symbol)),
            }
        })
        .collect();
    for some in shown.chunks(batch) {
        assert!(!new.is_whole());
        new.remember(&Threads(2), some).expect("they were admitted before");
    }
    assert!(new.is_whole());
    let mut again = Vec::new();
    new.moment().write(&mut again);
    assert_eq!(again, bytes, "nothing is lost on the way");
    new
}

/// A ledger of which some payments come later than others that are newer.
fn put_off_some(mut ledger: Ledger, some: Vec<(prop::sample::Index, usize)>) -> Ledger {
    for (at, places) in some {
        let at = at.index(ledger.payments.len());
        let payment = ledger.payments.remove(at);
        let to = (at + places).min(ledger.payments.len());
        ledger.payments.insert(to, payment);
    }
    ledger
}

/// A core that begins in the middle of a ledger: what is out of sight there was never shown to it.
fn begun_in(ledger: &Ledger, next: usize, mut core: Live, batch: usize) -> Live {
    let newest = |end: usize| ledger.payments[..end].iter().map(|payment| payment.time).max();
    let sight = |end: usize| newest(end).map(|newest| newest.before(core.sight()));
    let is_out = |first: &usize| newest(*first) < sight(next) || *first == 0;
    let first = (0..=next).rev().find(is_out).expect("the first one is");
    let place = |at: usize| Place(u32::try_from(at).expect("few"));
    core.begin_in(Middle {
        first: place(first),
        next: place(next),
        before: newest(first).unwrap_or(Timestamp(i64::MIN)),
        newest: newest(next).unwrap_or(Timestamp(i64::MIN)),
        begins: ledger.payments[0].time,
    });
    for (at, payments) in ledger.payments[first..next].chunks(batch).enumerate() {
        let names: Vec<_> =
            (first + at * batch..).zip(payments).map(|it| named(ledger, it)).collect();
        let shown: Vec<SentPayment<'_>> = names.iter().map(Named::sent).collect();
        core.remember(&Threads(2), &shown).expect("they can be carried");
    }
    assert!(core.is_whole() && core.next() == place(next));
    core
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_core_that_begins_in_the_middle_says_of_the_rest_what_one_that_saw_all_says(
        world in world(2..90),
        put_off in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..12), 0..12),
        (batch, lateness) in (1_usize..12, 0_i64..40),
        next in any::<prop::sample::Index>(),
    ) {
        let definitions = Definitions { horizon: Span::ZERO, ..world.definitions() };
        let (typologies, ledger) = (world.typologies(), put_off_some(world.ledger(), put_off));
        let ids: Vec<String> = typologies.iter().map(|typology| typology.id.clone()).collect();
        let lateness = Span::from_micros(lateness * 60_000_000).expect("a span");
        let new = || core(&definitions, &typologies, lateness);
        let next = next.index(ledger.payments.len());
        let whole = live(&ledger, &mut new(), &ids, batch);
        let mut begun = begun_in(&ledger, next, new(), batch);
        let rest = Ledger { payments: ledger.payments[next..].to_vec(), ..ledger.clone() };
        let rest = live_from(&rest, &mut begun, (next, &ids), batch);
        prop_assert_eq!(rest.told.len(), ledger.payments.len() - next);
        // Alerts that began before are other ones, and so are their numbers.
        let said = |told: &Told| {
            let mut told = Told { touched: Vec::new(), ..told.clone() };
            told.fired.iter_mut().for_each(|fired| fired.draft = 0);
            told
        };
        for (one, other) in rest.told.iter().zip(&whole.told[next..]) {
            prop_assert_eq!(said(one), said(other));
        }
    }

    #[test]
    fn a_core_goes_on_in_another_process_with_the_same_bits(
        world in world(2..90),
        put_off in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..12), 0..12),
        (batch, moves, lateness) in (1_usize..12, 1_usize..6, 0_i64..40),
    ) {
        let definitions = Definitions { horizon: Span::ZERO, ..world.definitions() };
        let (typologies, ledger) = (world.typologies(), put_off_some(world.ledger(), put_off));
        let ids: Vec<String> = typologies.iter().map(|typology| typology.id.clone()).collect();
        let lateness = Span::from_micros(lateness * 60_000_000).expect("a span");
        let new = || core(&definitions, &typologies, lateness);
        let (mut whole, mut again) = (new(), new());
        let size = ledger.payments.len().div_ceil(moves).max(1);
        for (number, payments) in ledger.payments.chunks(size).enumerate() {
            let part = Ledger { payments: payments.to_vec(), ..ledger.clone() };
            let ids = (number * size, ids.as_slice());
            prop_assert_eq!(
                live_from(&part, &mut again, ids, batch),
                live_from(&part, &mut whole, ids, batch)
            );
            again = moved(&again, new(), batch);
            prop_assert_eq!(again.counts(), whole.counts());
            prop_assert_eq!(again.late(), whole.late());
        }
    }
}

const LIBRARY: &str = r#"
id = "few"
title = "T"
what = "w"
why = "w"
innocent = "i"
sources = []
[[feature]]
kind = "activity"
window = "1h"
measures = ["count"]
[[case]]
when = "debtor_out_count_1h >= 2"
score = 0.5
reason = "{debtor_out_count_1h} payments of one debtor within an hour"
evidence = ["debtor_out_count_1h"]
"#;

fn hour_of_two(lateness: Span) -> Live {
    hour_of(LIBRARY, lateness)
}

fn hour_of(library: &str, lateness: Span) -> Live {
    let typologies = [Typology::parse("few", library).unwrap_or_else(|error| panic!("{error}"))];
    let definitions = shroff_detect::union(&typologies, Span::ZERO).expect("it is right");
    core(&definitions, &typologies, lateness)
}

fn send(live: &mut Live, id: &str, minute: i64, debtor: &str) -> Told {
    send_to(live, id, minute, [debtor, "shop"])
}

fn send_to(live: &mut Live, id: &str, minute: i64, [debtor, creditor]: [&str; 2]) -> Told {
    let amount = Amount { minor: 500, currency: Currency::EUR };
    let time = Timestamp(minute * 60_000_000);
    let sent = SentPayment { id, time, debtor, creditor, amount, method: None };
    live.admit(&sent).expect("it can be carried");
    live.run(&Alone).pop().expect("one payment, one verdict")
}

#[test]
fn a_verdict_names_its_rule_its_values_and_the_payments_behind_it() {
    let mut live = hour_of_two(Span::ZERO);
    assert!(send(&mut live, "one", 0, "a").fired.is_empty());
    let told = send(&mut live, "two", 10, "a");
    assert_eq!((told.score_permille, told.fired[0].share_permille), (500, 1_000));
    assert_eq!(told.fired[0].text, "2 payments of one debtor within an hour");
    assert_eq!(told.fired[0].evidence, [Place(0), Place(1)]);
    assert_eq!(live.alert_number("few-1"), Some(0));
    assert_eq!(live.alert_number("few-01"), None);
}

#[test]
fn a_verdict_says_when_it_names_the_newest_of_its_evidence_alone() {
    // One line of more than a hundred.
    let mut live = hour_of_two(Span::ZERO);
    let mut last = None;
    for number in 0..101 {
        last = Some(send(&mut live, &format!("p{number}"), 0, "a"));
        let fired = &last.as_ref().expect("it was sent").fired;
        assert!(number == 100 || fired.iter().all(|fired| fired.is_whole), "{number}");
    }
    let fired = &last.expect("they were sent").fired[0];
    assert_eq!((fired.evidence.len(), fired.is_whole), (100, false));
    assert_eq!((fired.evidence[0], fired.evidence[99]), (Place(1), Place(100)));
    // Two lines that are more than a hundred together.
    let both = LIBRARY.replace(
        "[\"debtor_out_count_1h\"]",
        "[\"debtor_out_count_1h\", \"creditor_in_count_1h\"]",
    );
    for (each, wanted) in [(40, (81, true)), (60, (100, false))] {
        let mut live = hour_of(&both, Span::ZERO);
        for number in 0..each {
            send_to(&mut live, &format!("out{number}"), 0, ["a", "kiosk"]);
            send_to(&mut live, &format!("in{number}"), 0, [&format!("b{number}"), "shop"]);
        }
        let fired = &send_to(&mut live, "last", 0, ["a", "shop"]).fired[0];
        assert_eq!((fired.evidence.len(), fired.is_whole), wanted);
    }
}

#[test]
fn a_late_payment_is_taken_at_its_place_and_one_too_late_is_marked() {
    let hour: Span = "1h".parse().expect("a span");
    let mut live = hour_of_two(hour);
    send(&mut live, "one", 0, "a");
    send(&mut live, "two", 100, "b");
    let late = send(&mut live, "three", 50, "a");
    assert_eq!((late.arrival, late.fired[0].evidence.len()), (Arrival::Late, 2));
    assert_eq!(send(&mut live, "four", 39, "a").arrival, Arrival::TooLate);
    assert_eq!((live.late().taken, live.late().refused), (1, 1));
}

#[test]
fn what_is_out_of_sight_is_let_go_and_its_id_is_free_again() {
    let mut live = hour_of_two(Span::ZERO);
    for minute in 0..20_000 {
        send(&mut live, &format!("p{minute}"), minute, "a");
    }
    // An hour is sixty payments; whole chunks of 4,096 are let go.
    assert!(live.held_count() < 2 * 4_096, "{}", live.held_count());
    assert_eq!((live.find("p0"), live.find("p19999")), (None, Some(Place(19_999))));
    // An alert has 200 payments at most, and goes once its last is out of sight.
    assert!(live.alert_count() <= 2, "{}", live.alert_count());
}

#[test]
fn what_is_taken_back_was_never_there() {
    let mut live = hour_of_two(Span::ZERO);
    send(&mut live, "one", 0, "a");
    let amount = Amount { minor: 1, currency: Currency::EUR };
    let sent = SentPayment {
        id: "x",
        time: Timestamp(1),
        debtor: "q",
        creditor: "r",
        amount,
        method: None,
    };
    live.admit(&sent).expect("it can be carried");
    live.take_back();
    assert_eq!((live.find("x"), live.next()), (None, Place(1)));
    assert_eq!(send(&mut live, "two", 10, "a").fired[0].evidence, [Place(0), Place(1)]);
}

/// Takes a payment out that is held.
fn withdraw(live: &mut Live, place: Place) -> Told {
    let held = live.held(place).expect("it is held");
    let (debtor, creditor) = (live.account(held.debtor), live.account(held.creditor));
    let (debtor, creditor, time, amount) =
        (debtor.to_owned(), creditor.to_owned(), held.time, held.amount);
    let id = SentPayment::withdrawal_id(place);
    let sent =
        SentPayment { id: &id, time, debtor: &debtor, creditor: &creditor, amount, method: None };
    live.admit(&sent).expect("it can be carried");
    assert!(live.is_withdrawn(place));
    live.run(&Alone).pop().expect("a withdrawal has a verdict that says nothing")
}

#[test]
fn what_was_taken_out_counts_for_nothing_that_comes_later_and_in_no_other_process() {
    let mut live = hour_of_two(Span::ZERO);
    send(&mut live, "p0", 0, "anna");
    let told = send(&mut live, "p1", 1, "anna");
    assert_eq!(told.fired.len(), 1, "two of one debtor");
    let alerts = live.alert_count();
    let said = withdraw(&mut live, Place(1));
    assert_eq!((said.place, said.fired.len()), (Place(2), 0));
    // What was said stays said.
    assert_eq!(live.alert_count(), alerts);
    let mut live = moved(&live, hour_of_two(Span::ZERO), 3);
    assert!(live.is_withdrawn(Place(1)) && !live.is_withdrawn(Place(0)));
    withdraw(&mut live, Place(0));
    assert_eq!(send(&mut live, "p4", 2, "anna").fired, [], "the only one");
    assert_eq!(send(&mut live, "p5", 3, "anna").fired.len(), 1);
}
