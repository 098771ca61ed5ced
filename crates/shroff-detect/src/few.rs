//! What a few numbers say together, by comparing each with each.
//!
//! A processor guesses what a comparison will say, and of a dozen amounts that are sorted it guesses
//! wrong again and again. So here nothing depends on what a comparison says: eight numbers at a time
//! are compared with all the others, and what came of it is counted.

/// How many are a few.
pub(crate) const MOST: usize = 32;
/// Numbers that are compared at a time.
const LANES: usize = 8;

/// Twice the median, the least and the greatest of the first `count` amounts, one at least; those
/// behind them are `i32::MAX`.
pub(crate) fn order(minors: &[i32; MOST], count: usize) -> [i128; 3] {
    let [first, second] =
        [(count - 1) / 2, count / 2].map(|rank| i32::try_from(rank).expect("a few"));
    let filled = &minors[..count];
    let (mut low, mut high) = ([i32::MIN; LANES], [i32::MIN; LANES]);
    for lanes in minors.chunks_exact(LANES).take(count.div_ceil(LANES)) {
        // How many are below each.
        let mut below = [0_i32; LANES];
        for minor in filled {
            for (below, lane) in below.iter_mut().zip(lanes) {
                // A few: a check that it is not too many would take these one by one.
                *below = below.wrapping_add(i32::from(minor < lane));
            }
        }
        // The amount of a rank is the greatest that has so many below it or fewer. What is behind
        // the last has `count` below it, or is the greatest as well.
        let lanes = lanes.iter().zip(below);
        for ((low, high), (&lane, below)) in low.iter_mut().zip(&mut high).zip(lanes) {
            *low = (*low).max(if below <= first { lane } else { i32::MIN });
            *high = (*high).max(if below <= second { lane } else { i32::MIN });
        }
    }
    let most = |amounts: &[i32]| amounts.iter().copied().fold(i32::MIN, i32::max);
    let least = filled.iter().copied().fold(i32::MAX, i32::min);
    let twice = i128::from(most(&low)) + i128::from(most(&high));
    [twice, least.into(), most(filled).into()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_few_amounts_are_in_order_as_if_sorted(
            amounts in prop::collection::vec(prop_oneof![0..5_i32, 0..=i32::MAX, i32::MAX - 1..=i32::MAX], 1..=MOST),
        ) {
            let mut minors = [i32::MAX; MOST];
            minors[..amounts.len()].copy_from_slice(&amounts);
            let mut sorted: Vec<i128> = amounts.iter().map(|&minor| minor.into()).collect();
            sorted.sort_unstable();
            let (last, count) = (sorted.len() - 1, sorted.len());
            let expected = [sorted[last / 2] + sorted[count / 2], sorted[0], sorted[last]];
            prop_assert_eq!(order(&minors, amounts.len()), expected);
        }
    }
}
