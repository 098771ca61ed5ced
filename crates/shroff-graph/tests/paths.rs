//! Cycles and rings in graphs wider than what is told apart by a bit, against a plain walk; and
//! the payments that a search is made of.

use proptest::prelude::*;
use shroff_graph::{Bound, Closing, Entry, Graph, Key, PathRule, Paths};
use shroff_types::{AccountId, Place, Span, Timestamp};

/// Every simple path from `at` to `end` over the payments before the last, by its accounts.
fn walk(
    payments: &[(u32, u32)],
    (path, end): (&mut Vec<u32>, u32),
    (last, rising, longest): (Option<usize>, bool, usize),
    found: &mut std::collections::BTreeSet<Vec<u32>>,
) {
    let here = path[path.len() - 1];
    if here == end {
        found.insert(path.clone());
        return;
    }
    if path.len() == longest {
        return;
    }
    for (order, &(from, to)) in payments.iter().enumerate() {
        let goes_on = !rising || last.is_none_or(|last| order > last);
        if from == here && goes_on && !path.contains(&to) {
            path.push(to);
            walk(payments, (path, end), (Some(order), rising, longest), found);
            path.pop();
        }
    }
}

fn check(payments: &[(u32, u32)], rising: bool, longest: u8) {
    let mut graph = Graph::new(1);
    let key = |order: usize| Key {
        time: Timestamp(i64::try_from(order).expect("few")),
        place: Place(u32::try_from(order).expect("few")),
    };
    for (order, &(debtor, creditor)) in payments.iter().enumerate() {
        let [debtor, creditor] = [debtor, creditor].map(AccountId);
        graph.insert(0, Entry { debtor, creditor, minor: 1, key: key(order) });
    }
    let last = payments.len() - 1;
    let (debtor, creditor) = payments[last];
    let window = Span::from_micros(1_000_000).expect("not negative");
    let rule = PathRule { rising, window, longest, budget: 4_000_000_000 };
    let [debtor_id, creditor_id] = [debtor, creditor].map(AccountId);
    let closing = Closing { debtor: debtor_id, creditor: creditor_id, key: key(last) };
    let mut given = Vec::new();
    let bound = Paths::default().closed_by(graph.sheet(0), closing, rule, &mut |path| {
        let accounts: Vec<u32> = path.accounts().iter().map(|account| account.0).collect();
        assert_eq!(accounts.len(), path.len());
        given.push(accounts);
    });
    assert_eq!(bound, Bound::Exact);
    let mut expected = std::collections::BTreeSet::new();
    if debtor != creditor {
        let path = &mut vec![creditor];
        let how = (None, rising, longest.into());
        walk(&payments[..last], (path, debtor), how, &mut expected);
    }
    given.sort_unstable();
    assert_eq!(given, expected.into_iter().collect::<Vec<_>>(), "rising: {rising}, {longest}");
}

#[test]
fn more_accounts_than_bits_are_told_apart() {
    // 0 pays 150 middles, each of which pays the next but 64 and account 1; 1 pays 0.
    let mut payments: Vec<(u32, u32)> = (2..152).map(|middle| (0, middle)).collect();
    payments.extend((2..152).map(|middle| (middle, 2 + (middle - 2 + 64) % 150)));
    payments.extend((2..152).map(|middle| (middle, 2 + (middle - 2 + 128) % 150)));
    payments.extend((2..152).map(|middle| (middle, 1)));
    payments.push((1, 0));
    for longest in [3, 4, 5, 6] {
        check(&payments, true, longest);
        check(&payments, false, longest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_are_those_of_a_plain_walk(
        payments in prop::collection::vec((0_u32..90, 0_u32..90), 1..40),
        hubs in prop::collection::vec((0_u32..6, 0_u32..6), 1..25),
        middles in 0_u32..90,
        longest in 2_u8..8,
    ) {
        // A busy core, a fan through many middles, and strangers.
        let mut all = payments;
        all.extend((10..10 + middles).flat_map(|middle| [(0, middle), (middle, 1)]));
        all.extend(hubs);
        check(&all, true, longest.min(6));
        check(&all, false, longest.min(5));
    }
}

#[test]
fn a_detour_back_to_an_account_in_the_middle_is_no_path() {
    let mut payments = vec![(0, 3)];
    payments.extend((10..72).flat_map(|middle| [(0, middle), (middle, 1)]));
    payments.extend([(1, 4), (3, 2), (0, 5), (3, 4), (2, 3), (5, 1), (4, 0)]);
    check(&payments, false, 5);
}
