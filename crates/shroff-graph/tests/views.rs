//! What a view shows of the graph, against a list of all payments; and what the graph lets go.

use proptest::prelude::*;
use shroff_graph::{Graph, Key, View};
use shroff_types::{AccountId, Place, Span, Timestamp};

#[derive(Debug, Clone, Copy)]
struct Payment {
    debtor: u32,
    creditor: u32,
    minor: i128,
    key: Key,
}

fn key(time: i64, place: u32) -> Key {
    Key { time: Timestamp(time), place: Place(place) }
}

fn keep(micros: i64) -> Span {
    Span::from_micros(micros).expect("not negative")
}

/// Payments in order, with ties; amounts on both sides of 63 bits.
fn ledger(payments: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Payment>> {
    let draft = (prop_oneof![Just(0_i64), 0_i64..4], 0_u32..3, 0_u32..3, -2_i128..=2);
    prop::collection::vec(draft, payments).prop_map(|drafts| {
        let (mut time, mut place) = (0, 0);
        let payments = drafts.into_iter().map(|(gap, debtor, creditor, beyond)| {
            time += gap;
            place += 1;
            let minor = i128::from(i64::MAX) + beyond;
            Payment { debtor, creditor, minor, key: key(time, place - 1) }
        });
        payments.collect()
    })
}

/// The edges of both lines of an account that a view should show: other end, amount, place.
type Seen = Vec<(u32, i128, Key)>;

fn expected(payments: &[Payment], account: u32, view: View) -> (Seen, Seen) {
    let seen = payments.iter().filter(|p| p.key.time > view.since && p.key <= view.until);
    let out = seen.clone().filter(|p| p.debtor == account);
    let into = seen.filter(|p| p.creditor == account);
    (
        out.map(|p| (p.creditor, p.minor, p.key)).collect(),
        into.map(|p| (p.debtor, p.minor, p.key)).collect(),
    )
}

fn shown(graph: &Graph, account: u32, view: View) -> (Seen, Seen) {
    let seen = |edges: &[shroff_graph::Edge]| {
        edges.iter().map(|e| (e.other.0, graph.minor(e), e.key())).collect()
    };
    (seen(graph.out(AccountId(account), view)), seen(graph.into(AccountId(account), view)))
}

fn insert(graph: &mut Graph, payment: &Payment) {
    let Payment { debtor, creditor, minor, key } = *payment;
    graph.insert(AccountId(debtor), AccountId(creditor), minor, key);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_shows_what_lies_between_its_ends(
        payments in ledger(1..60),
        since in -1_i64..120,
        until in any::<prop::sample::Index>(),
    ) {
        let mut graph = Graph::new(keep(1_000));
        for payment in &payments {
            insert(&mut graph, payment);
        }
        let until = payments[until.index(payments.len())].key;
        let view = View { since: Timestamp(since), until };
        for account in 0..4 {
            prop_assert_eq!(shown(&graph, account, view), expected(&payments, account, view));
        }
    }

    #[test]
    fn a_late_payment_is_put_in_its_place(
        payments in ledger(1..30),
        late in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut order = payments.clone();
        for late in late {
            let at = late.index(order.len());
            let payment = order.remove(at);
            order.push(payment);
        }
        let mut graph = Graph::new(keep(1_000));
        for payment in &order {
            insert(&mut graph, payment);
        }
        let view = View { since: Timestamp(-1), until: key(i64::MAX, u32::MAX) };
        for account in 0..3 {
            prop_assert_eq!(shown(&graph, account, view), expected(&payments, account, view));
        }
    }

    #[test]
    fn an_account_that_pays_lets_go_of_what_it_paid_too_long_ago(
        payments in ledger(1..120),
        micros in 1_i64..40,
    ) {
        let mut graph = Graph::new(keep(micros));
        let all = View { since: Timestamp(i64::MIN), until: key(i64::MAX, u32::MAX) };
        for (count, payment) in payments.iter().enumerate() {
            insert(&mut graph, payment);
            let since = Timestamp(payment.key.time.0 - micros);
            let kept = expected(&payments[..=count], payment.debtor, View { since, ..all }).0;
            prop_assert_eq!(shown(&graph, payment.debtor, all).0, kept);
            let kept = expected(&payments[..=count], payment.creditor, View { since, ..all }).1;
            prop_assert_eq!(shown(&graph, payment.creditor, all).1, kept);
        }
    }
}

#[test]
fn accounts_that_nobody_touches_again_are_swept() {
    let mut graph = Graph::new(keep(1_000));
    let payment = |n: u32, time, accounts: u32| Payment {
        debtor: n % accounts,
        creditor: (n + 1) % accounts,
        minor: i128::from(i64::MAX) + i128::from(n),
        key: key(time, n),
    };
    for n in 0..4_000 {
        insert(&mut graph, &payment(n, 0, 2_000));
    }
    let full = graph.bytes();
    assert_eq!(graph.payments(), 4_000);
    for n in 4_000..9_000 {
        insert(&mut graph, &payment(n, i64::from(n) * 1_000, 2));
    }
    assert!(graph.payments() < 4_200, "{} payments held", graph.payments());
    assert!(graph.bytes() < full / 2, "{} bytes of {full}", graph.bytes());
    // What is still in sight kept its amount.
    let all = View { since: Timestamp(i64::MIN), until: key(i64::MAX, u32::MAX) };
    let (out, into) = shown(&graph, 0, all);
    assert_eq!((out.len(), into.len()), (1, 1));
    assert_eq!(into[0].1, i128::from(i64::MAX) + 8_999);
}
