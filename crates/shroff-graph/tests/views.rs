//! What a view shows of the graph, against a list of all payments; and what the graph lets go.

use proptest::prelude::*;
use shroff_graph::{Edges, Entry, Graph, Key, View, Way, shard_of};
use shroff_types::{AccountId, Place, Timestamp};

fn key(time: i64, place: u32) -> Key {
    Key { time: Timestamp(time), place: Place(place) }
}

/// Payments in order, with ties; amounts on both sides of 63 bits.
fn ledger(payments: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Entry>> {
    let draft = (prop_oneof![Just(0_i64), 0_i64..4], 0_u32..3, 0_u32..3, -2_i128..=2);
    prop::collection::vec(draft, payments).prop_map(|drafts| {
        let (mut time, mut place) = (0, 0);
        let payments = drafts.into_iter().map(|(gap, debtor, creditor, beyond)| {
            time += gap;
            place += 1;
            let minor = i128::from(i64::MAX) + beyond;
            let [debtor, creditor] = [debtor, creditor].map(AccountId);
            Entry { debtor, creditor, minor, key: key(time, place - 1) }
        });
        payments.collect()
    })
}

/// The edges of both lines of an account that a view should show: other end, amount, place.
type Seen = Vec<(u32, i128, Key)>;

fn expected(payments: &[Entry], account: u32, view: View) -> (Seen, Seen) {
    let account = AccountId(account);
    let seen = payments.iter().filter(|p| p.key > view.after && p.key <= view.until);
    let out = seen.clone().filter(|p| p.debtor == account);
    let into = seen.filter(|p| p.creditor == account);
    (
        out.map(|p| (p.creditor.0, p.minor, p.key)).collect(),
        into.map(|p| (p.debtor.0, p.minor, p.key)).collect(),
    )
}

fn shown(graph: &Graph, account: u32, view: View) -> (Seen, Seen) {
    let seen = |edges: Edges<'_>| -> Seen {
        let seen: Seen = edges.iter().map(|e| (e.other.0, edges.minor(e), e.key())).collect();
        assert_eq!(edges.len(), seen.len(), "the length is that of what is shown");
        assert_eq!(edges.is_empty(), seen.is_empty());
        assert_eq!(edges.first().map(shroff_graph::Edge::key), seen.first().map(|e| e.2));
        assert_eq!(edges.last().map(shroff_graph::Edge::key), seen.last().map(|e| e.2));
        seen
    };
    (seen(graph.out(AccountId(account), view)), seen(graph.into(AccountId(account), view)))
}

const ALL: View = View {
    after: Key { time: Timestamp(i64::MIN), place: Place(0) },
    until: Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) },
};

fn expire(graph: &mut Graph, account: u32, time: i64) {
    let account = AccountId(account);
    let shard = &mut graph.shards_mut()[shard_of(account)];
    shard.expire(0, (account, Way::Out), Timestamp(time));
    shard.expire(0, (account, Way::In), Timestamp(time));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_shows_what_lies_between_its_ends(
        payments in ledger(1..90),
        since in -1_i64..120,
        from in any::<prop::sample::Index>(),
        until in any::<prop::sample::Index>(),
    ) {
        let mut graph = Graph::new(1);
        for payment in &payments {
            graph.insert(0, *payment);
        }
        let [from, until] = [from, until].map(|at| payments[at.index(payments.len())].key);
        for view in [View::since(Timestamp(since), until), View { after: from, until }] {
            for account in 0..4 {
                prop_assert_eq!(shown(&graph, account, view), expected(&payments, account, view));
            }
        }
    }

    #[test]
    fn a_late_payment_is_put_in_its_place(
        payments in ledger(1..60),
        late in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut order = payments.clone();
        for late in late {
            let at = late.index(order.len());
            let payment = order.remove(at);
            order.push(payment);
        }
        let mut graph = Graph::new(1);
        for payment in &order {
            graph.insert(0, *payment);
        }
        for account in 0..3 {
            prop_assert_eq!(shown(&graph, account, ALL), expected(&payments, account, ALL));
            let view = View { after: payments[0].key, ..ALL };
            prop_assert_eq!(shown(&graph, account, view), expected(&payments, account, view));
        }
        prop_assert_eq!(graph.entries(0), payments);
    }

    #[test]
    fn what_is_let_go_is_old_and_the_rest_is_there(
        payments in ledger(1..120),
        micros in 1_i64..40,
    ) {
        let mut graph = Graph::new(1);
        for (count, payment) in payments.iter().enumerate() {
            graph.insert(0, *payment);
            let since = payment.key.time.0 - micros;
            let view = View::since(Timestamp(since), ALL.until);
            for account in 0..3 {
                expire(&mut graph, account, since);
                let kept = expected(&payments[..=count], account, view);
                prop_assert_eq!(shown(&graph, account, view), kept);
            }
        }
        // Blocks that are out of sight as a whole are not held.
        let held = graph.entries(0).len();
        let since = payments[payments.len() - 1].key.time.0 - micros;
        let in_sight = payments.iter().filter(|p| p.key.time.0 > since).count();
        prop_assert!(held <= in_sight + 3 * 8, "{} held, {} in sight", held, in_sight);
    }
}

#[test]
fn accounts_that_nobody_touches_again_are_swept_and_their_pages_go() {
    let mut graph = Graph::new(1);
    // The last thousand have amounts that are kept apart, and give their room back.
    let minor = |n: u32| i128::from(n) + if n < 19_000 { 0 } else { i128::from(i64::MAX) };
    let entry = |n: u32| Entry {
        debtor: AccountId(n % 20_000),
        creditor: AccountId((n + 1) % 20_000),
        minor: minor(n),
        key: key(i64::from(n), n),
    };
    for n in 0..20_000 {
        graph.insert(0, entry(n));
    }
    let full = graph.bytes();
    // Once around.
    for (number, shard) in graph.shards_mut().iter_mut().enumerate() {
        let around: Vec<AccountId> =
            (0..40_000).flat_map(|_| shard.next_to_sweep(number)).collect();
        for account in around {
            for way in [Way::Out, Way::In] {
                if shard.account(0, account).is_stale(way, Timestamp(19_899)) {
                    shard.expire(0, (account, way), Timestamp(19_899));
                }
            }
        }
    }
    assert_eq!(graph.entries(0).len(), 100);
    assert!(graph.bytes() < full / 10, "{} bytes of {full}", graph.bytes());
    // What is still in sight kept its amount, also where freed slots of wide ones are used again.
    for n in 20_000..20_050 {
        graph.insert(0, entry(n));
    }
    let entries = graph.entries(0);
    assert!(entries.iter().all(|e| e.minor == minor(e.key.place.0)));
}
