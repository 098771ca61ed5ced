//! Money in columns: whole numbers, exact up to the largest sum there can be.

use shroff_types::Decimal;

/// Bits of the lower column: both are positive 64-bit integers for every amount.
const LOW_BITS: u32 = 62;
/// Decimals of what amounts are sorted by.
const RANK_DECIMALS: u8 = 4;

/// High and low column of an amount.
pub(super) fn split(minor: i128) -> (i64, i64) {
    let high = i64::try_from(minor >> LOW_BITS).expect("amounts are below 2^90, and 2^32 of them");
    let low = i64::try_from(minor & ((1 << LOW_BITS) - 1)).expect("62 bits");
    (high, low)
}

/// The amount of two columns.
pub(super) fn join(high: i64, low: i64) -> i128 {
    (i128::from(high) << LOW_BITS) + i128::from(low)
}

/// What amounts of all currencies are sorted by: ten-thousandths, rounded down; the largest there is
/// where it would be larger.
pub(super) fn rank(amount: Decimal) -> i64 {
    let Decimal { digits, decimals } = amount;
    let ten = |power: u8| 10_i128.checked_pow(u32::from(power));
    let rank = if decimals <= RANK_DECIMALS {
        ten(RANK_DECIMALS - decimals).and_then(|factor| digits.checked_mul(factor))
    } else {
        ten(decimals - RANK_DECIMALS).map(|factor| digits.div_euclid(factor))
    };
    rank.and_then(|rank| i64::try_from(rank).ok()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_go_through_columns_exactly() {
        for minor in [0, 1, (1 << 62) - 1, 1 << 62, (1 << 90) - 1, (1_i128 << 122) + 7] {
            let (high, low) = split(minor);
            assert!(high >= 0 && low >= 0);
            assert_eq!(join(high, low), minor);
        }
    }

    #[test]
    fn amounts_are_ranked_by_what_they_are_and_not_by_their_decimals() {
        for (digits, decimals, wanted) in [
            (12_34, 2, 123_400),
            (12, 0, 120_000),
            (123_456_789, 8, 12_345),
            (1_i128 << 90, 0, i64::MAX),
        ] {
            assert_eq!(rank(Decimal { digits, decimals }), wanted);
        }
    }
}
