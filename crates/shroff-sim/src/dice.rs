//! Portable chance: whole numbers only, so that a seed gives the same world on every platform.

use std::ops::RangeInclusive;

use rand::Rng;
use rand_pcg::Pcg64;

/// 2^(1/2), 2^(1/4), ... 2^(1/256), times 2^32: the bits of a fraction of an octave. A table and
/// not `exp2`, whose last bits differ from one mathematical library to another.
const ROOTS: [u64; 8] = [
    6_074_001_000,
    5_107_605_667,
    4_683_695_048,
    4_485_121_744,
    4_389_014_833,
    4_341_736_423,
    4_318_288_544,
    4_306_612_134,
];

/// Mixes 64 bits (the finaliser of `SplitMix64`): equal input, equal output; near input, far
/// output.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper part of `bits` as a number below `count`.
fn scale(bits: u64, count: u32) -> u32 {
    // At most (2^32 - 1) * count / 2^32, so below `count`.
    (((bits >> 32) * u64::from(count)) >> 32) as u32
}

/// A number below `count` by a power law: rank r comes up about r^(1/power - 1), so with power 4
/// the first 1 % of the ranks are drawn in 32 % of the cases.
pub(crate) fn skew(bits: u64, count: u32, power: u32) -> u32 {
    let unit = bits >> 32;
    let raised = (1..power).fold(unit, |product, _| (product * unit) >> 32);
    scale(raised << 32, count)
}

/// A seeded source of whole numbers. Parts of a world draw from streams of their own, so that
/// more of one does not change another.
#[derive(Debug)]
pub(crate) struct Dice(Pcg64);

impl Dice {
    pub(crate) fn new(seed: u64, stream: u64) -> Dice {
        let state = (u128::from(mix(seed)) << 64) | u128::from(mix(seed ^ mix(stream)));
        Dice(Pcg64::new(state, u128::from(stream)))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `count`; 0 if `count` is.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        scale(self.bits(), count)
    }

    /// A number of the range; its start if the range is empty.
    pub(crate) fn within(&mut self, range: RangeInclusive<u32>) -> u32 {
        let count = range.end().saturating_sub(*range.start()).saturating_add(1);
        range.start() + self.below(count)
    }

    /// True in so many of a thousand cases.
    pub(crate) fn permille(&mut self, share: u32) -> bool {
        self.below(1_000) < share
    }

    /// One of the items, each as likely; there must be one.
    pub(crate) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(u32::try_from(items.len()).expect("short lists")) as usize]
    }

    /// See [`skew`].
    pub(crate) fn skewed(&mut self, count: u32, power: u32) -> u32 {
        skew(self.bits(), count, power)
    }

    /// An amount, log-normal around `median_minor` with a standard deviation of so many
    /// thousandths of an octave (a doubling); at least 1, at most 40,000,000.00.
    pub(crate) fn around(&mut self, median_minor: u32, spread_permille: u32) -> u32 {
        // Eight uniform numbers sum to nearly a normal one (mean 262,140, deviation 53,510).
        let mut sum = 0;
        for bits in [self.bits(), self.bits()] {
            sum += [0, 16, 32, 48]
                .iter()
                .map(|shift| (bits >> shift & 0xffff).cast_signed())
                .sum::<i64>();
        }
        let octaves_q8 = (sum - 262_140) * i64::from(spread_permille) * 256 / 53_510_000;
        let fraction = octaves_q8.rem_euclid(256);
        // 2^fraction times 2^30, so below 2^31, and its product with the median below 2^63.
        let mut factor = 1_u64 << 30;
        for (place, root) in ROOTS.iter().enumerate() {
            if fraction >> (7 - place) & 1 == 1 {
                factor = (factor * root) >> 32;
            }
        }
        let whole = octaves_q8.div_euclid(256).clamp(-31, 12);
        let value = (u64::from(median_minor) * factor) >> (30 - whole);
        u32::try_from(value.clamp(1, 4_000_000_000)).expect("clamped below 2^32")
    }

    /// An amount that looks like a price: many end in .99 or .50 or are round.
    pub(crate) fn price(&mut self, median_minor: u32, spread_permille: u32) -> u32 {
        let amount = self.around(median_minor, spread_permille);
        match self.below(100) {
            0..25 => amount / 100 * 100 + 99,
            25..40 => amount / 100 * 100 + 50,
            40..55 => (amount / 100 * 100).max(100),
            55..62 => (amount / 500 * 500).max(500),
            _ => amount,
        }
    }

    /// `amount_minor` times a share of a thousand drawn from the range; at least 1.
    pub(crate) fn part(&mut self, amount_minor: u32, permille: RangeInclusive<u32>) -> u32 {
        let share = u64::from(self.within(permille));
        let part = (u64::from(amount_minor) * share / 1_000).clamp(1, 4_000_000_000);
        u32::try_from(part).expect("clamped below 2^32")
    }

    /// `count` instants from `start` to before `start + span` seconds, ascending.
    pub(crate) fn instants(&mut self, start: u32, span: u32, count: u32) -> Vec<u32> {
        let mut instants: Vec<u32> = (0..count).map(|_| start + self.below(span)).collect();
        instants.sort_unstable();
        instants
    }

    /// Any order of the items, each as likely (Fisher and Yates).
    pub(crate) fn shuffle(&mut self, items: &mut [u32]) {
        let count = u32::try_from(items.len()).expect("fewer than 2^32 accounts");
        for last in (1..count).rev() {
            items.swap(last as usize, self.below(last + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_what_it_gave() {
        let mut dice = Dice::new(1, 2);
        let drawn: Vec<u32> = (0..4).map(|_| dice.below(1_000)).collect();
        assert_eq!(drawn, [415, 292, 461, 142]);
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "the reference value of SplitMix64");
    }

    #[test]
    fn amounts_are_log_normal() {
        let mut dice = Dice::new(7, 0);
        let mut drawn: Vec<u32> = (0..100_001).map(|_| dice.around(10_000, 1_000)).collect();
        drawn.sort_unstable();
        let at = |permille: usize| drawn[permille * 100];
        assert!((9_800..10_200).contains(&at(500)), "median {}", at(500));
        // One deviation is one octave: 84.1 % lie below twice the median.
        assert!((19_400..20_600).contains(&at(841)), "{}", at(841));
        assert!((4_850..5_150).contains(&at(159)), "{}", at(159));
    }

    #[test]
    fn extremes_stay_in_range() {
        let mut dice = Dice::new(3, 0);
        for _ in 0..10_000 {
            assert!((1..=4_000_000_000).contains(&dice.around(3_000_000_000, 9_000)));
            assert!(dice.around(1, 9_000) >= 1);
            assert!(dice.price(1, 1_000) >= 1);
        }
        assert_eq!((dice.below(0), dice.below(1), dice.within(5..=5)), (0, 0, 5));
        assert!((0..10_000).all(|_| dice.skewed(3, 4) < 3));
    }

    #[test]
    fn a_power_of_four_gives_the_first_hundredth_a_third() {
        let mut dice = Dice::new(5, 0);
        let first = (0..100_000).filter(|_| dice.skewed(10_000, 4) < 100).count();
        assert!((30_500..32_800).contains(&first), "{first}");
    }
}
