//! Population moments of amounts: exact integer sums, rounded once.
//!
//! With `S_k` the sum of the k-th powers of n amounts, the central moments are the whole numbers
//! `A2 = n S2 - S1^2`, `A3 = n^2 S3 - 3 n S1 S2 + 2 S1^3` and
//! `A4 = n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4`, over n^2, n^3 and n^4. They do not change
//! when the same number is taken from every amount, so the sums may be of small differences, and
//! whichever difference and width of integer is used, the bits that leave are the same.

use bnum::cast::As;
use bnum::types::I512;

/// The central moments of n amounts, as exact whole numbers rounded once to a real.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Central {
    /// n^2 times the variance, in squared minor units.
    pub(crate) second: f64,
    /// n^3 times the third central moment.
    pub(crate) third: f64,
    /// n^4 times the fourth central moment.
    pub(crate) fourth: f64,
}

/// The central moments of `count` amounts.
///
/// Amounts are below 2^90 (see `Amount::MAX_MINOR`) and counts below 2^32, so the greatest number in
/// here, 14 (n m)^4, is below 2^492 and fits 512 bits.
pub(crate) fn central(count: usize, amounts: impl Iterator<Item = i128> + Clone) -> Central {
    let Some(pivot) = amounts.clone().next() else {
        return Central { second: 0.0, third: 0.0, fourth: 0.0 };
    };
    let largest = amounts.clone().map(|m| (m - pivot).unsigned_abs()).max().unwrap_or(0);
    let differences = amounts.map(|m| m - pivot);
    // 14 (n d)^4 is below 2^124 then, and no product or sum on the way is larger.
    if largest.saturating_mul(count as u128) < 1 << 30 {
        narrow(count, differences)
    } else {
        wide(count, differences)
    }
}

fn narrow(count: usize, differences: impl Iterator<Item = i128>) -> Central {
    let n = i128::try_from(count).expect("a count fits 128 bits");
    let (mut s1, mut s2, mut s3, mut s4) = (0_i128, 0_i128, 0_i128, 0_i128);
    for d in differences {
        let square = d * d;
        s1 += d;
        s2 += square;
        s3 += square * d;
        s4 += square * square;
    }
    let second = n * s2 - s1 * s1;
    let third = n * n * s3 - 3 * n * s1 * s2 + 2 * s1 * s1 * s1;
    let fourth =
        n * n * n * s4 - 4 * n * n * s1 * s3 + 6 * n * s1 * s1 * s2 - 3 * s1 * s1 * s1 * s1;
    #[expect(clippy::cast_precision_loss, reason = "this is the one rounding")]
    let central = Central { second: second as f64, third: third as f64, fourth: fourth as f64 };
    central
}

fn wide_of(number: i128) -> I512 {
    number.as_::<I512>()
}

fn wide(count: usize, differences: impl Iterator<Item = i128>) -> Central {
    let n = wide_of(i128::try_from(count).expect("a count fits 128 bits"));
    let zero = wide_of(0);
    let (mut s1, mut s2, mut s3, mut s4) = (zero, zero, zero, zero);
    for d in differences {
        let d = wide_of(d);
        let square = d * d;
        s1 += d;
        s2 += square;
        s3 += square * d;
        s4 += square * square;
    }
    let [two, three, four, six] = [2_i128, 3, 4, 6].map(wide_of);
    let second = n * s2 - s1 * s1;
    let third = n * n * s3 - three * n * s1 * s2 + two * s1 * s1 * s1;
    let fourth = n * n * n * s4 - four * n * n * s1 * s3 + six * n * s1 * s1 * s2
        - three * s1 * s1 * s1 * s1;
    Central { second: second.as_::<f64>(), third: third.as_::<f64>(), fourth: fourth.as_::<f64>() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_widths_give_the_same_bits(amounts in prop::collection::vec(-100_000_i128..100_000, 1..100)) {
            let (n, m) = (amounts.len(), amounts.iter().copied());
            prop_assert_eq!(narrow(n, m.clone()), wide(n, m));
        }

        #[test]
        fn a_shift_changes_nothing(
            amounts in prop::collection::vec(0_i128..1_000_000_000_000, 1..50),
            shift in 0_i128..(1 << 80),
        ) {
            let n = amounts.len();
            let shifted = amounts.iter().map(|m| m + shift);
            prop_assert_eq!(wide(n, amounts.iter().copied()), central(n, shifted));
        }
    }

    #[test]
    fn wide_numbers_round_as_narrow_ones_do() {
        for bits in [1_i128 << 53, (1 << 53) + 1, (1 << 54) + 2, (1 << 54) + 6, -(1 << 60) - 129] {
            #[expect(clippy::cast_precision_loss, reason = "the rounding under test")]
            let narrow = bits as f64;
            assert_eq!(wide_of(bits).as_::<f64>().to_bits(), narrow.to_bits(), "{bits}");
        }
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let amounts = [1_i128, shroff_types::Amount::MAX_MINOR, 1, shroff_types::Amount::MAX_MINOR];
        let central = central(4, amounts.into_iter());
        assert!(central.second > 0.0 && central.fourth.is_finite());
        assert_eq!(central.third.to_bits(), 0.0_f64.to_bits());
    }
}
