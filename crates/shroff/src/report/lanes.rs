//! Which account lies where: lanes in an order that makes a typology look like what it is.
//!
//! Money runs downwards: sources on top, then those they pay, sinks at the bottom; a circle is in
//! the order in which it is visited. Where there are too many accounts to name, those with few
//! payments lie in bands, each still at a height of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::ReportAlert;
use super::shape::size;

/// A lane, or a band of many accounts.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Its accounts from top to bottom; more than one make a band.
    pub(crate) accounts: Vec<usize>,
    /// Its upper edge; that of a lane is its middle.
    pub(crate) top: f64,
    /// Its lower edge; that of a lane is its middle.
    pub(crate) bottom: f64,
    /// Whether a payment of the evidence touches it.
    pub(crate) evidence: bool,
}

impl Row {
    /// Whether it is a band.
    pub(crate) fn is_band(&self) -> bool {
        self.accounts.len() > 1
    }
}

/// All lanes of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Lanes {
    /// From top to bottom.
    pub(crate) rows: Vec<Row>,
    /// The height of each account, by its index in the alert; none where no payment names it.
    pub(crate) heights: Vec<Option<f64>>,
    /// Whether each account lies in a band.
    pub(crate) banded: Vec<bool>,
    /// The distance from one lane of the evidence to the next.
    pub(crate) spacing: f64,
    /// Where the lanes end.
    pub(crate) bottom: f64,
}

/// Lanes beyond which accounts with few payments are put into bands.
const MOST_LANES: usize = 30;
/// Lanes and bands beyond which a picture has only one band.
const MOST_ROWS: usize = 48;
/// The same for accounts that are context alone, which matter less.
const MOST_CONTEXT_LANES: usize = 5;

impl Lanes {
    /// The lanes of an alert. `order` has the indices of its drawn payments in order of time.
    pub(crate) fn new(alert: &ReportAlert, order: &[usize], top: f64) -> Lanes {
        let edges: Vec<(usize, usize)> = pairs(alert, order, true);
        let layers = layers(&edges);
        let evidence: BTreeSet<usize> = layers.iter().flatten().copied().collect();
        let groups = grouped(&layers, &edges);
        let spacing = (350.0 / size(groups.len().max(1))).clamp(20.0, 72.0);
        let accounts = alert.accounts.len();
        let mut lanes = Lanes {
            rows: vec![],
            heights: vec![None; accounts],
            banded: vec![false; accounts],
            spacing,
            bottom: top,
        };
        for group in groups {
            lanes.push(group, true);
        }
        let mut others = first_seen(&pairs(alert, order, false));
        others.retain(|account| !evidence.contains(account));
        if others.len() > MOST_CONTEXT_LANES {
            lanes.push(others, false);
        } else {
            for account in others {
                lanes.push(vec![account], false);
            }
        }
        lanes
    }

    fn push(&mut self, accounts: Vec<usize>, evidence: bool) {
        let many = size(accounts.len());
        let height = match (accounts.len(), evidence) {
            (1, _) => 0.0,
            (_, true) => (many * 4.0).clamp(56.0, 190.0),
            (_, false) => (many * 4.0).clamp(28.0, 80.0),
        };
        // A band keeps the room of a lane on either side, context less.
        let gap = if self.rows.is_empty() {
            0.0
        } else if evidence {
            if height > 0.0 || self.rows.iter().any(Row::is_band) { 34.0 } else { self.spacing }
        } else {
            26.0
        };
        let top = self.bottom + gap;
        for (position, &account) in accounts.iter().enumerate() {
            self.banded[account] = accounts.len() > 1;
            self.heights[account] = Some(top + height * (size(position) + 0.5) / many);
        }
        self.bottom = top + height;
        self.rows.push(Row { accounts, top, bottom: self.bottom, evidence });
    }
}

/// Debtor and creditor of the payments in order, of the evidence or of all.
fn pairs(alert: &ReportAlert, order: &[usize], evidence_only: bool) -> Vec<(usize, usize)> {
    let payments = order.iter().map(|&index| &alert.payments[index]);
    payments
        .filter(|payment| payment.evidence || !evidence_only)
        .map(|payment| (payment.debtor, payment.creditor))
        .collect()
}

/// The accounts in order of first appearance, a debtor before its creditor.
fn first_seen(edges: &[(usize, usize)]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let ends = edges.iter().flat_map(|&(debtor, creditor)| [debtor, creditor]);
    ends.filter(|&account| seen.insert(account)).collect()
}

/// The accounts from sources to sinks, layer by layer, each layer in order of first appearance.
fn layers(edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let seen = first_seen(edges);
    let distinct: BTreeSet<(usize, usize)> =
        edges.iter().copied().filter(|(debtor, creditor)| debtor != creditor).collect();
    let depth = match depths(&seen, &distinct) {
        Some(depth) => depth,
        None => match around_hub(&seen, edges) {
            Some(depth) => depth,
            None => seen.iter().enumerate().map(|(n, &account)| (account, n)).collect(),
        },
    };
    let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for account in seen {
        layers.entry(depth[&account]).or_default().push(account);
    }
    layers.into_values().collect()
}

/// How many payments lie at most between a source and each account; none where money runs in
/// circles. A source lies directly above the first it pays.
fn depths(seen: &[usize], distinct: &BTreeSet<(usize, usize)>) -> Option<BTreeMap<usize, usize>> {
    let mut payers: BTreeMap<usize, usize> = seen.iter().map(|&account| (account, 0)).collect();
    let mut paid: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(debtor, creditor) in distinct {
        *payers.entry(creditor).or_default() += 1;
        paid.entry(debtor).or_default().push(creditor);
    }
    let sources: Vec<usize> = seen.iter().copied().filter(|account| payers[account] == 0).collect();
    let mut depth: BTreeMap<usize, usize> = seen.iter().map(|&account| (account, 1)).collect();
    let mut open = sources.clone();
    let mut done = 0;
    while let Some(account) = open.pop() {
        done += 1;
        for creditor in paid.get(&account).into_iter().flatten() {
            let deeper = depth[&account] + 1;
            let (left, old) = (payers.get_mut(creditor)?, depth.get_mut(creditor)?);
            *old = deeper.max(*old);
            *left -= 1;
            if *left == 0 {
                open.push(*creditor);
            }
        }
    }
    for source in sources {
        let nearest = paid.get(&source).into_iter().flatten().map(|account| depth[account]).min();
        if let Some(nearest) = nearest {
            depth.insert(source, nearest - 1);
        }
    }
    (done == seen.len()).then_some(depth)
}

/// With one account in four of five payments and several partners: those who paid it first above
/// it, the others below.
fn around_hub(seen: &[usize], edges: &[(usize, usize)]) -> Option<BTreeMap<usize, usize>> {
    let touches =
        |account: usize| edges.iter().filter(|&&(d, c)| d == account || c == account).count();
    let hub = seen.iter().copied().max_by_key(|&account| touches(account))?;
    if touches(hub) * 5 < edges.len() * 4 || seen.len() < 5 {
        return None;
    }
    let mut depth = BTreeMap::from([(hub, 1)]);
    for &(debtor, creditor) in edges {
        depth.entry(debtor).or_insert(0);
        depth.entry(creditor).or_insert(2);
    }
    Some(depth)
}

/// The rows: each account its own, or the small accounts of a layer as one where there are too
/// many to name.
fn grouped(layers: &[Vec<usize>], edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let accounts: usize = layers.iter().map(Vec::len).sum();
    if accounts <= MOST_LANES {
        return layers.iter().flatten().map(|&account| vec![account]).collect();
    }
    let mut payments: BTreeMap<usize, usize> = BTreeMap::new();
    for &(debtor, creditor) in edges {
        *payments.entry(debtor).or_default() += 1;
        *payments.entry(creditor).or_default() += 1;
    }
    // A tenth of all payments, so that at most twenty accounts are named.
    let large = (edges.len() / 10).max(5);
    let mut rows = vec![];
    for layer in layers {
        let (named, small): (Vec<usize>, Vec<usize>) =
            layer.iter().partition(|account| payments[account] >= large);
        if small.len() >= 4 {
            rows.push(small);
            rows.extend(named.into_iter().map(|account| vec![account]));
        } else {
            rows.extend(layer.iter().map(|&account| vec![account]));
        }
    }
    if rows.len() <= MOST_ROWS {
        return rows;
    }
    // Nothing to hold on to: the large accounts, and one band of all the others.
    let all = layers.iter().flatten().copied();
    let (named, small): (Vec<usize>, Vec<usize>) = all.partition(|n| payments[n] >= large);
    named.into_iter().map(|account| vec![account]).chain([small]).collect()
}
