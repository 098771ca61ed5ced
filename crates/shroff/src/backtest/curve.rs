//! What the strongest alerts alone would cost and catch.

use shroff_types::{Map, Set};

use super::Outcome;
use super::book::Book;
use super::figures::float;
use super::replay::Replayed;

/// The strongest alerts, so many of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) alerts: u64,
    pub(crate) alerts_per_day: f64,
    /// The weakest score among them.
    pub(crate) score_permille: u16,
    pub(crate) right_alerts: u64,
    pub(crate) attempts_touched: u64,
    pub(crate) attempts_half: u64,
    pub(crate) caught: u64,
    pub(crate) value_caught_minor: i128,
}

/// Points of the curve: each about a sixth more alerts than the one before.
fn is_drawn(alerts: u64, all: u64) -> bool {
    let next = |from: u64| (from + from / 6).max(from + 1);
    let mut at = 1;
    while at < alerts {
        at = next(at);
    }
    at == alerts || alerts == all
}

/// The curve from the strongest alert to all of them. Alerts of one score come in the order of their
/// first payments.
pub(crate) fn by_strength(book: &Book, outcome: &Outcome) -> Vec<Step> {
    let Outcome { replayed, table, .. } = outcome;
    let mut order: Vec<usize> = (0..replayed.drafts.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(replayed.drafts[at].score_permille));
    let sizes: Map<u32, u32> = table.attempts.iter().map(|a| (a.name, a.payments)).collect();
    let mut found: Map<u32, u32> = Map::default();
    let mut seen: Set<u32> = Set::default();
    let mut steps = Vec::new();
    let mut step = Step {
        alerts: 0,
        alerts_per_day: 0.0,
        score_permille: 1_000,
        right_alerts: 0,
        attempts_touched: 0,
        attempts_half: 0,
        caught: 0,
        value_caught_minor: 0,
    };
    for at in order {
        let draft = &replayed.drafts[at];
        step.alerts += 1;
        step.alerts_per_day = float(step.alerts) / book.days();
        step.score_permille = draft.score_permille;
        step.right_alerts += u64::from(table.alerts[at].is_right);
        for place in draft.payments.iter().map(|place| place.0) {
            if !book.is_labelled(place) || !seen.insert(place) {
                continue;
            }
            step.caught += 1;
            step.value_caught_minor += book.minor(place);
            let Some(attempt) = book.attempt(place) else { continue };
            let (count, size) = (found.entry(attempt).or_default(), sizes[&attempt]);
            let was_half = 2 * *count >= size;
            *count += 1;
            step.attempts_touched += u64::from(*count == 1);
            step.attempts_half += u64::from(!was_half && 2 * *count >= size);
        }
        if is_drawn(step.alerts, replayed.drafts.len() as u64) {
            steps.push(step.clone());
        }
    }
    steps
}

/// The average precision of payments ranked by the strongest alert that each is evidence of: the
/// mean, over the labelled ones, of the precision among those ranked as high or higher. Payments in
/// no alert come last, all alike.
pub(crate) fn average_precision(book: &Book, replayed: &Replayed) -> Option<f64> {
    // By score: payments, and labelled ones; no alert is behind the lowest score.
    let mut ranks = vec![(0_u64, 0_u64); 1_002];
    let mut touches = replayed.touches.as_slice();
    for place in book.places() {
        let here = touches.iter().take_while(|touch| touch.place == place).count();
        let (own, rest) = touches.split_at(here);
        touches = rest;
        let score = own.iter().map(|t| replayed.drafts[t.alert as usize].score_permille + 1).max();
        let rank = &mut ranks[usize::from(score.unwrap_or(0))];
        rank.0 += 1;
        rank.1 += u64::from(book.is_labelled(place));
    }
    let labelled: u64 = ranks.iter().map(|rank| rank.1).sum();
    if labelled == 0 {
        return None;
    }
    let (mut above, mut right, mut sum) = (0, 0, 0.0);
    for (count, own) in ranks.into_iter().rev().filter(|rank| rank.0 > 0) {
        above += count;
        right += own;
        sum += float(own) * float(right) / float(above);
    }
    Some(sum / float(labelled))
}

#[cfg(test)]
mod tests {
    use super::is_drawn;

    #[test]
    fn the_first_the_last_and_ever_fewer_between_are_drawn() {
        let drawn: Vec<u64> = (1..=40).filter(|&alerts| is_drawn(alerts, 39)).collect();
        assert_eq!(
            drawn,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 21, 24, 28, 32, 37, 39]
        );
    }
}
