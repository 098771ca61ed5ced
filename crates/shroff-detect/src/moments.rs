//! Population moments of amounts: exact integer sums, rounded once.
//!
//! With `S_k` the sum of the k-th powers of n amounts, the central moments are the whole numbers
//! `A2 = n S2 - S1^2`, `A3 = n^2 S3 - 3 n S1 S2 + 2 S1^3` and
//! `A4 = n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4`, over n^2, n^3 and n^4. The sums are whole
//! numbers of as many bits as it takes, so an amount leaves them as it came, and however many words
//! they are combined in, the bits that leave are the same.

use crate::whole::Whole;

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
    s1: u128,
    /// Of the second to the fourth powers.
    powers: [Whole<WIDEST>; 3],
}

/// Words that hold whatever amounts there are: counts are below 2^32, so the greatest number in
/// here, 14 (n m)^4, is below 2^492.
const WIDEST: usize = 8;

impl Large {
    fn powers_of(amount: u128) -> [Whole<WIDEST>; 3] {
        let two = Whole::of(amount) * amount;
        [two, two * amount, two * amount * amount]
    }
}

impl Sums {
    /// Of a few amounts of zero or more.
    #[inline]
    pub(crate) fn of(minors: &[i32]) -> Sums {
        let mut sums = Sums { count: minors.len() as u64, ..Sums::default() };
        for minor in minors {
            sums.add_small(minor.unsigned_abs());
        }
        sums
    }

    #[inline]
    fn add_small(&mut self, small: u32) {
        let one = u64::from(small);
        let two = u128::from(one * one);
        self.s1 += one;
        self.s2 += two;
        self.s3 += two * u128::from(one);
        let (s4, carried) = self.s4.overflowing_add(two * two);
        self.s4 = s4;
        self.s4_carried += u32::from(carried);
    }

    /// An amount of zero or more comes in.
    #[inline]
    pub(crate) fn add(&mut self, minor: i128) {
        self.count += 1;
        let Ok(small) = u32::try_from(minor) else {
            let large = self.large.get_or_insert_default();
            large.count += 1;
            let amount = minor.unsigned_abs();
            large.s1 += amount;
            for (sum, power) in large.powers.iter_mut().zip(Large::powers_of(amount)) {
                *sum = *sum + power;
            }
            return;
        };
        self.add_small(small);
    }

    /// An amount that came in goes.
    #[inline]
    pub(crate) fn subtract(&mut self, minor: i128) {
        self.count -= 1;
        let Ok(small) = u32::try_from(minor) else {
            let large = self.large.as_mut().expect("what leaves has entered");
            large.count -= 1;
            let amount = minor.unsigned_abs();
            large.s1 -= amount;
            for (sum, power) in large.powers.iter_mut().zip(Large::powers_of(amount)) {
                *sum = *sum - power;
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
            large.s1 += theirs.s1;
            for (sum, power) in large.powers.iter_mut().zip(theirs.powers) {
                *sum = *sum + power;
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
        let room = 3 * (u64::BITS - self.count.leading_zeros()) + 4;
        match room + self.bits() {
            0..=128 => self.in_words::<2>(),
            129..=192 => self.in_words::<3>(),
            193..=256 => self.in_words::<4>(),
            _ => self.in_words::<WIDEST>(),
        }
    }

    /// Bits of the sum of fourth powers, or one more.
    fn bits(&self) -> u32 {
        let small = match self.s4_carried {
            0 => u128::BITS - self.s4.leading_zeros(),
            carried => u128::BITS + u32::BITS - carried.leading_zeros(),
        };
        let large = self.large.as_ref();
        large.map_or(small, |large| large.powers[2].bits().max(small) + 1)
    }

    /// The central moments, in so many words.
    fn in_words<const N: usize>(&self) -> Central {
        let (n, mut s1) = (u128::from(self.count), u128::from(self.s1));
        let [mut s2, mut s3, mut s4] = [self.s2, self.s3, self.s4].map(Whole::<N>::of);
        s4 = s4 + Whole::of(self.s4_carried.into()).two_words_up();
        if let Some(large) = &self.large {
            s1 += large.s1;
            for (sum, power) in [&mut s2, &mut s3, &mut s4].into_iter().zip(large.powers) {
                *sum = *sum + power.in_words();
            }
        }
        let second = s2 * n - Whole::of(s1) * s1;
        let with_square = s3 * n - s2 * s1;
        let with_cube = s4 * n - s3 * s1;
        let inner = with_square * n - second * s1;
        let third = inner - second * s1;
        let fourth = with_cube * (n * n) - inner * (3 * s1);
        Central { second: second.real(), third: third.real(), fourth: fourth.real() }
    }
}

#[cfg(test)]
mod tests {
    use bnum::cast::As;
    use bnum::types::I512;
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

    fn wide(number: i128) -> I512 {
        number.as_::<I512>()
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
        fn however_many_words_give_the_same_bits(amounts in prop::collection::vec(
            prop_oneof![0_i128..100_000, 0_i128..1 << 28, Just(0)],
            2..100,
        )) {
            let sums = sums(&amounts);
            prop_assert_eq!(sums.in_words::<3>(), sums.in_words::<4>());
            prop_assert_eq!(sums.in_words::<3>(), sums.in_words::<WIDEST>());
            prop_assert_eq!(sums.central(), sums.in_words::<WIDEST>());
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

        #[test]
        fn sums_put_together_are_those_of_all(
            some in prop::collection::vec(any_amount(), 0..20),
            others in prop::collection::vec(any_amount(), 0..20),
        ) {
            let mut both = sums(&some);
            both.merge(&sums(&others));
            prop_assert_eq!(both.central(), sums(&[some, others].concat()).central());
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
    fn as_many_words_are_taken_as_hold_what_there_is() {
        let most = i128::from(u32::MAX);
        for greatest in [2, 1_000, 1 << 16, 1 << 24, 1 << 31, most, most + 1, 1 << 48, 1 << 60] {
            let mut sums = sums(&[greatest, 1, 0, greatest / 3]);
            // Of up to 2^30 amounts.
            for _ in 0..28 {
                sums.merge(&sums.clone());
                assert_eq!(sums.central(), sums.in_words::<WIDEST>(), "of {greatest}");
            }
        }
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let central = sums(&[1, Amount::MAX_MINOR, 1, Amount::MAX_MINOR]).central();
        assert!(central.second > 0.0 && central.fourth.is_finite());
        assert_eq!(central.third.to_bits(), 0.0_f64.to_bits());
    }
}
