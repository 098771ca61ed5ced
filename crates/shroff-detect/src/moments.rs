//! Population moments of amounts: exact integer sums, rounded once.
//!
//! With `S_k` the sum of the k-th powers of n amounts, the central moments are the whole numbers
//! `A2 = n S2 - S1^2`, `A3 = n^2 S3 - 3 n S1 S2 + 2 S1^3` and
//! `A4 = n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4`, over n^2, n^3 and n^4. The sums are whole
//! numbers of as many bits as it takes, so an amount leaves them as it came, and whichever width
//! of integer is used, the bits that leave are the same.

use std::ops::{Mul, Sub};

use bnum::cast::As;
use bnum::types::{I256, I512};

/// The central moments of n amounts, as exact whole numbers rounded once to a real.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Central {
    /// n^2 times the variance, in squared minor units.
    pub(crate) second: f64,
    /// n^3 times the third central moment.
    pub(crate) third: f64,
    /// n^4 times the fourth central moment.
    pub(crate) fourth: f64,
}

/// Sums of the powers of amounts, exact whatever enters and leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    /// Of amounts below 2^32, of which there are fewer than 2^32.
    s1: u64,
    s2: u128,
    s3: u128,
    s4: u128,
    /// What `s4` carried over: 2^128 times this.
    s4_carried: u32,
    count: u64,
    large: Option<Box<Large>>,
}

/// Sums of the powers of the other amounts. They are below 2^90 (see `Amount::MAX_MINOR`).
#[derive(Debug, Clone, Default)]
struct Large {
    count: u64,
    powers: [I512; 4],
}

impl Large {
    fn powers_of(minor: i128) -> [I512; 4] {
        let one = wide(minor);
        let two = one * one;
        [one, two, two * one, two * two]
    }
}

impl Sums {
    /// An amount of zero or more comes in.
    #[inline]
    pub(crate) fn add(&mut self, minor: i128) {
        self.count += 1;
        let Ok(small) = u32::try_from(minor) else {
            let large = self.large.get_or_insert_default();
            large.count += 1;
            for (sum, power) in large.powers.iter_mut().zip(Large::powers_of(minor)) {
                *sum += power;
            }
            return;
        };
        let one = u64::from(small);
        let two = u128::from(one * one);
        self.s1 += one;
        self.s2 += two;
        self.s3 += two * u128::from(one);
        let (s4, carried) = self.s4.overflowing_add(two * two);
        self.s4 = s4;
        self.s4_carried += u32::from(carried);
    }

    /// An amount that came in goes.
    #[inline]
    pub(crate) fn subtract(&mut self, minor: i128) {
        self.count -= 1;
        let Ok(small) = u32::try_from(minor) else {
            let large = self.large.as_mut().expect("what leaves has entered");
            large.count -= 1;
            for (sum, power) in large.powers.iter_mut().zip(Large::powers_of(minor)) {
                *sum -= power;
            }
            if large.count == 0 {
                self.large = None;
            }
            return;
        };
        let one = u64::from(small);
        let two = u128::from(one * one);
        self.s1 -= one;
        self.s2 -= two;
        self.s3 -= two * u128::from(one);
        let (s4, borrowed) = self.s4.overflowing_sub(two * two);
        self.s4 = s4;
        self.s4_carried -= u32::from(borrowed);
    }

    /// All that came into another comes in.
    pub(crate) fn merge(&mut self, other: &Sums) {
        self.count += other.count;
        self.s1 += other.s1;
        self.s2 += other.s2;
        self.s3 += other.s3;
        let (s4, carried) = self.s4.overflowing_add(other.s4);
        self.s4 = s4;
        self.s4_carried += other.s4_carried + u32::from(carried);
        if let Some(theirs) = &other.large {
            let large = self.large.get_or_insert_default();
            large.count += theirs.count;
            for (sum, power) in large.powers.iter_mut().zip(theirs.powers) {
                *sum += power;
            }
        }
    }

    /// Their central moments.
    pub(crate) fn central(&self) -> Central {
        if self.count < 2 {
            return Central::default();
        }
        // By the inequality of power means n^3 S4 is the greatest of the numbers in there, up to
        // a factor below 8, and one bit is the sign.
        let bits = |number: u128| u128::BITS - number.leading_zeros();
        let greatest = 3 * bits(u128::from(self.count)) + bits(self.s4) + 4;
        if self.large.is_none() && self.s4_carried == 0 {
            if greatest <= 127 {
                return self.narrow();
            }
            if greatest <= 255 {
                return self.middle();
            }
        }
        self.wide()
    }

    fn narrow(&self) -> Central {
        let of = |number: u128| number.cast_signed();
        let sums = [self.s1.into(), self.s2, self.s3, self.s4].map(of);
        combine(of(self.count.into()), sums, [of(2), of(3)]).rounded(real)
    }

    fn middle(&self) -> Central {
        let of = |number: u128| number.as_::<I256>();
        let sums = [self.s1.into(), self.s2, self.s3, self.s4].map(of);
        combine(of(self.count.into()), sums, [of(2), of(3)]).rounded(As::as_::<f64>)
    }

    /// Counts are below 2^32, so the greatest number in here, 14 (n m)^4, is below 2^492.
    fn wide(&self) -> Central {
        let of = |number: u128| number.as_::<I512>();
        let mut sums = [self.s1.into(), self.s2, self.s3, self.s4].map(of);
        sums[3] += of(self.s4_carried.into()) << 128;
        if let Some(large) = &self.large {
            for (sum, power) in sums.iter_mut().zip(large.powers) {
                *sum += power;
            }
        }
        combine(of(self.count.into()), sums, [of(2), of(3)]).rounded(As::as_::<f64>)
    }
}

/// The second, third and fourth central moment, times n^2, n^3 and n^4.
struct Whole<I>([I; 3]);

impl<I> Whole<I> {
    fn rounded(self, real: impl Fn(I) -> f64) -> Central {
        let [second, third, fourth] = self.0.map(real);
        Central { second, third, fourth }
    }
}

/// The moments of n amounts from the sums of their powers, in integers wide enough for them.
fn combine<I>(n: I, [s1, s2, s3, s4]: [I; 4], [two, three]: [I; 2]) -> Whole<I>
where
    I: Copy + Mul<Output = I> + Sub<Output = I>,
{
    let second = n * s2 - s1 * s1;
    let with_square = n * s3 - s1 * s2;
    let with_cube = n * s4 - s1 * s3;
    let third = n * with_square - two * s1 * second;
    let fourth = n * n * with_cube - three * s1 * (n * with_square - s1 * second);
    Whole([second, third, fourth])
}

/// A number rounded once; the shorter way for a short one gives the same bits.
#[expect(clippy::cast_precision_loss, reason = "this is the one rounding")]
fn real(number: i128) -> f64 {
    i64::try_from(number).map_or_else(|_| number as f64, |narrow| narrow as f64)
}

fn wide(number: i128) -> I512 {
    number.as_::<I512>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shroff_types::Amount;

    use super::*;

    fn sums(amounts: &[i128]) -> Sums {
        let mut sums = Sums::default();
        for &minor in amounts {
            sums.add(minor);
        }
        sums
    }

    /// The definition, on numbers wide enough for everything.
    fn plain(amounts: &[i128]) -> Central {
        let n = wide(amounts.len().try_into().expect("few"));
        let sum = amounts.iter().fold(wide(0), |sum, &minor| sum + wide(minor));
        let moment = |power: u32| {
            let powers = amounts.iter().map(|&minor| (n * wide(minor) - sum).pow(power));
            powers.fold(wide(0), |sum, power| sum + power)
        };
        // Each is n times what it should be, exactly.
        let rounded = |power| (moment(power) / n).as_::<f64>();
        Central { second: rounded(2), third: rounded(3), fourth: rounded(4) }
    }

    fn any_amount() -> impl Strategy<Value = i128> {
        prop_oneof![
            0_i128..100_000,
            0_i128..(1 << 32),
            (1_i128 << 32) - 2..(1 << 32) + 2,
            0_i128..=Amount::MAX_MINOR,
        ]
    }

    proptest! {
        #[test]
        fn moments_are_those_of_the_definition(amounts in prop::collection::vec(any_amount(), 2..40)) {
            prop_assert_eq!(sums(&amounts).central(), plain(&amounts));
        }

        #[test]
        fn all_widths_give_the_same_bits(amounts in prop::collection::vec(0_i128..100_000, 2..100)) {
            let sums = sums(&amounts);
            prop_assert_eq!(sums.narrow(), sums.middle());
            prop_assert_eq!(sums.narrow(), sums.wide());
        }

        #[test]
        fn what_came_and_went_leaves_no_trace(
            stay in prop::collection::vec(any_amount(), 0..20),
            go in prop::collection::vec(any_amount(), 0..20),
        ) {
            let mut both = sums(&go);
            for minor in stay.iter().copied() {
                both.add(minor);
            }
            for minor in go {
                both.subtract(minor);
            }
            prop_assert_eq!(both.central(), sums(&stay).central());
        }
    }

    #[test]
    fn fourth_powers_beyond_128_bits_are_carried() {
        let amounts = vec![i128::from(u32::MAX); 40];
        let mut sums = sums(&amounts);
        assert!(sums.s4_carried > 0);
        assert_eq!(sums.central(), Central::default());
        sums.add(1);
        sums.subtract(i128::from(u32::MAX));
        let mut expected = amounts;
        expected[0] = 1;
        assert_eq!(sums.central(), plain(&expected));
    }

    #[test]
    fn wide_numbers_round_as_narrow_ones_do() {
        for bits in [1_i128 << 53, (1 << 53) + 1, (1 << 54) + 2, (1 << 54) + 6, -(1 << 60) - 129] {
            #[expect(clippy::cast_precision_loss, reason = "the rounding under test")]
            let narrow = bits as f64;
            assert_eq!(wide(bits).as_::<f64>().to_bits(), narrow.to_bits(), "{bits}");
            assert_eq!(bits.as_::<I256>().as_::<f64>().to_bits(), narrow.to_bits(), "{bits}");
        }
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let central = sums(&[1, Amount::MAX_MINOR, 1, Amount::MAX_MINOR]).central();
        assert!(central.second > 0.0 && central.fourth.is_finite());
        assert_eq!(central.third.to_bits(), 0.0_f64.to_bits());
    }
}
