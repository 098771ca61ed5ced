//! Whole numbers of a few words, for the moments of amounts.
//!
//! What moments need of numbers beyond 128 bits is sums, differences, products with a number of
//! amounts or their sum, and one rounding. Each is a step or two for each word here; see
//! `docs/decisions/money-and-moments.md` for what a library's numbers of 256 and 512 bits took.

use std::ops::{Add, Mul, Sub};

/// A whole number of `N` words of 64 bits, the lowest first, in two's complement. What does not fit
/// is cut off above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const N: usize>([u64; N]);

impl<const N: usize> Default for Whole<N> {
    fn default() -> Whole<N> {
        Whole([0; N])
    }
}

impl<const N: usize> Whole<N> {
    pub(crate) fn of(number: u128) -> Whole<N> {
        let [high, low] = halves(number);
        Whole(std::array::from_fn(|word| [low, high].get(word).copied().unwrap_or(0)))
    }

    /// 2^64 times as much.
    fn a_word_up(self) -> Whole<N> {
        Whole(std::array::from_fn(|word| word.checked_sub(1).map_or(0, |below| self.0[below])))
    }

    /// 2^128 times as much.
    pub(crate) fn two_words_up(self) -> Whole<N> {
        self.a_word_up().a_word_up()
    }

    /// The same in fewer or more words, if it is not below zero.
    pub(crate) fn in_words<const M: usize>(self) -> Whole<M> {
        Whole(std::array::from_fn(|word| self.0.get(word).copied().unwrap_or(0)))
    }

    /// How many bits it takes, if it is not below zero.
    pub(crate) fn bits(self) -> u32 {
        let up_to = (1..).zip(self.0).filter(|(_, word)| *word != 0);
        up_to.map(|(words, word)| words * u64::BITS - word.leading_zeros()).max().unwrap_or(0)
    }

    /// Of two words: most moments are, and the processor has what it takes.
    fn in_128_bits(self) -> u128 {
        u128::from(self.0[1]) << 64 | u128::from(self.0[0])
    }

    /// The sum, and one more where something is carried.
    fn sum(self, other: Whole<N>, mut carried: bool) -> Whole<N> {
        if N == 2 {
            let sum = self.in_128_bits().wrapping_add(other.in_128_bits());
            return Whole::of(sum.wrapping_add(carried.into()));
        }
        Whole(std::array::from_fn(|word| {
            let (sum, over) = self.0[word].overflowing_add(other.0[word]);
            let (sum, over_again) = sum.overflowing_add(u64::from(carried));
            carried = over || over_again;
            sum
        }))
    }

    fn times_word(self, factor: u64) -> Whole<N> {
        let mut carried = 0;
        Whole(self.0.map(|word| {
            let product = u128::from(word) * u128::from(factor) + u128::from(carried);
            let [high, low] = halves(product);
            carried = high;
            low
        }))
    }

    /// Rounded once, to the nearest, and to even between two.
    #[expect(clippy::cast_precision_loss, reason = "this is the one rounding")]
    pub(crate) fn real(self) -> f64 {
        let is_negative = self.0[N - 1] >> 63 == 1;
        let Whole(size) = if is_negative { Whole::default() - self } else { self };
        let top = size.iter().rposition(|word| *word != 0).unwrap_or(0);
        let size = if top == 0 {
            size[0] as f64
        } else {
            let zeros = size[top].leading_zeros();
            let begin = u128::from(size[top]) << 64 | u128::from(size[top - 1]);
            let [first, rest] = halves(begin << zeros);
            let is_more = rest != 0 || size[..top - 1].iter().any(|word| *word != 0);
            // More bits than a real has: the last of them can say whether there is anything behind.
            let power = 64 * top as u64 - u64::from(zeros);
            (first | u64::from(is_more)) as f64 * f64::from_bits((1_023 + power) << 52)
        };
        if is_negative { -size } else { size }
    }
}

impl<const N: usize> Add for Whole<N> {
    type Output = Whole<N>;

    fn add(self, other: Whole<N>) -> Whole<N> {
        self.sum(other, false)
    }
}

impl<const N: usize> Sub for Whole<N> {
    type Output = Whole<N>;

    fn sub(self, other: Whole<N>) -> Whole<N> {
        // What is below zero is the complement, and one.
        self.sum(Whole(other.0.map(|word| !word)), true)
    }
}

impl<const N: usize> Mul<u128> for Whole<N> {
    type Output = Whole<N>;

    fn mul(self, factor: u128) -> Whole<N> {
        if N == 2 {
            return Whole::of(self.in_128_bits().wrapping_mul(factor));
        }
        let [high, low] = halves(factor);
        let lower = self.times_word(low);
        if high == 0 { lower } else { lower + self.times_word(high).a_word_up() }
    }
}

/// The upper and the lower 64 bits.
fn halves(number: u128) -> [u64; 2] {
    [number >> 64, number & u128::from(u64::MAX)].map(|half| half.try_into().expect("64 bits"))
}

#[cfg(test)]
mod tests {
    use bnum::cast::As;
    use bnum::types::I512;
    use proptest::prelude::*;

    use super::*;

    /// The same number of a library.
    fn theirs<const N: usize>(number: Whole<N>) -> I512 {
        let is_negative = number.0[N - 1] >> 63 == 1;
        let size = if is_negative { Whole::default() - number } else { number };
        let words = size.0.into_iter().rev();
        let size = words.fold(0_u8.as_::<I512>(), |all, word| (all << 64) + word.as_::<I512>());
        if is_negative { 0_u8.as_::<I512>() - size } else { size }
    }

    /// Such as have few bits, many, and long runs of the same.
    fn any_number() -> impl Strategy<Value = u128> {
        (any::<u128>(), 0..128_u32, any::<bool>()).prop_map(|(bits, shift, is_shifted)| {
            if is_shifted { bits >> shift } else { u128::MAX << shift }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]
        #[test]
        fn a_whole_number_is_as_a_librarys(one in any_number(), other in any_number(), more in any_number(), words in 3..=5_usize) {
            fn checked<const N: usize>(one: u128, other: u128, more: u128) -> Result<(), TestCaseError> {
                let (mine, its) = (Whole::<N>::of(one), one.as_::<I512>());
                prop_assert_eq!(theirs(mine), its);
                prop_assert_eq!(mine.bits(), u128::BITS - one.leading_zeros());
                // Three times it has room, and its sign.
                let factor = other >> (128 - (64 * N - 132).min(128));
                let product = mine * factor;
                let its_product = its * factor.as_::<I512>();
                let added = Whole::<N>::of(more);
                let its_added = more.as_::<I512>();
                for (mine, its) in [
                    (product, its_product),
                    (product + added, its_product + its_added),
                    (product - added, its_product - its_added),
                    ((added - product) * 3, (its_added - its_product) * 3_u8.as_::<I512>()),
                ] {
                    prop_assert_eq!(theirs(mine), its);
                    prop_assert_eq!(mine.real().to_bits(), its.as_::<f64>().to_bits());
                }
                prop_assert_eq!(theirs(product.in_words::<8>()), its_product);
                Ok(())
            }
            match words {
                3 => checked::<3>(one, other, more)?,
                4 => checked::<4>(one, other, more)?,
                _ => checked::<8>(one, other, more)?,
            }
        }

        #[test]
        fn two_words_are_as_a_librarys(one in any_number(), factor in any::<u64>(), more in any_number()) {
            // Three times the product has room, and its sign.
            let (one, factor, more) = (one >> 68, u128::from(factor >> 3), more >> 4);
            let product = Whole::<2>::of(one) * factor;
            let its_product = one.as_::<I512>() * factor.as_::<I512>();
            let (added, its_added) = (Whole::of(more), more.as_::<I512>());
            for (mine, its) in [
                (product + added, its_product + its_added),
                (product - added, its_product - its_added),
                ((added - product) * 3, (its_added - its_product) * 3_u8.as_::<I512>()),
            ] {
                prop_assert_eq!(theirs(mine), its);
                prop_assert_eq!(mine.real().to_bits(), its.as_::<f64>().to_bits());
            }
        }
    }
}
