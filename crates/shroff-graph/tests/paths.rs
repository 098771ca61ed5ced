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

/// What a search finds that may take so many steps, by its accounts.
fn found(
    payments: &[(u32, u32)],
    (rising, longest, budget): (bool, u8, u64),
) -> (Bound, Vec<Vec<u32>>) {
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
    let rule = PathRule { rising, window, longest, budget };
    let [debtor_id, creditor_id] = [debtor, creditor].map(AccountId);
    let closing = Closing { debtor: debtor_id, creditor: creditor_id, key: key(last) };
    let mut given = Vec::new();
    let bound = Paths::default().closed_by(graph.sheet(0), closing, rule, &mut |path| {
        let accounts: Vec<u32> = path.accounts().iter().map(|account| account.0).collect();
        assert_eq!(accounts.len(), path.len());
        given.push(accounts);
    });
    given.sort_unstable();
    (bound, given)
}

/// What there is to be found.
fn expected(payments: &[(u32, u32)], rising: bool, longest: u8) -> Vec<Vec<u32>> {
    let last = payments.len() - 1;
    let (debtor, creditor) = payments[last];
    let mut expected = std::collections::BTreeSet::new();
    if debtor != creditor {
        let path = &mut vec![creditor];
        let how = (None, rising, longest.into());
        walk(&payments[..last], (path, debtor), how, &mut expected);
    }
    expected.into_iter().collect()
}

fn check(payments: &[(u32, u32)], rising: bool, longest: u8) {
    let (bound, given) = found(payments, (rising, longest, 4_000_000_000));
    assert_eq!(bound, Bound::Exact);
    assert_eq!(given, expected(payments, rising, longest), "rising: {rising}, {longest}");
}

#[test]
fn where_the_budget_does_not_reach_for_the_longest_those_that_it_reaches_for_are_found() {
    // Between 0 and 1 lie two short ways, and behind each of the two a wood: a search for the longest
    // would walk both of them.
    let mut payments = vec![(0, 2), (0, 3)];
    let wood = |root: u32, from: u32| -> Vec<(u32, u32)> {
        let trunks = (0..20).map(move |trunk| (root, from + trunk));
        let branches = (0..600).map(move |branch| (from + branch / 30, from + 100 + branch));
        let leaves = (0..6_000).map(move |leaf| (from + 100 + leaf / 10, from + 1_000 + leaf));
        trunks.chain(branches).chain(leaves).collect()
    };
    payments.extend(wood(0, 10_000));
    payments.extend([(3, 4)]);
    payments.extend(wood(1, 30_000).into_iter().rev().map(|(root, tip)| (tip, root)));
    payments.extend([(2, 1), (4, 1), (1, 0)]);
    for rising in [true, false] {
        let (bound, given) = found(&payments, (rising, 16, 5_000));
        assert_eq!(bound, Bound::Saturated);
        assert_eq!(given, [vec![0, 2, 1], vec![0, 3, 4, 1]], "rising: {rising}");
        assert_eq!(given, expected(&payments, rising, 4), "rising: {rising}");
        check(&payments, rising, 16);
    }
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
