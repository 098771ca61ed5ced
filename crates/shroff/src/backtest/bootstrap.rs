//! Intervals by drawing blocks anew: days for what alerts cost, attempts for what they catch.
//!
//! Alerts of one day hang together, and so do the payments of one attempt; drawing single payments
//! would make intervals far too narrow. A replicate draws as many days as there are, in runs of
//! neighbouring days around a circle, and as many attempts as there are. The draws are `SplitMix64`
//! from a seed, so equal input gives equal intervals, and anybody can draw them again.

use serde::Serialize;

/// Replicates.
pub(crate) const REPLICATES: usize = 1_000;

/// Between what 95 % of the replicates lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Random numbers (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `below` - 1: the upper half of a product of 128 bits.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        let wide = u128::from(self.next()) * below as u128;
        usize::try_from(wide >> 64).expect("it is below a length")
    }
}

/// Days that hang together: a tenth of the days, one at least, seven at most.
pub(crate) fn block_days(days: usize) -> usize {
    (days / 10).clamp(1, 7)
}

/// One replicate: how often each day and each attempt was drawn.
#[derive(Debug, Clone)]
pub(crate) struct Replicate {
    pub(crate) days: Vec<u32>,
    pub(crate) attempts: Vec<u32>,
}

/// All replicates over so many days and attempts. For each, the days come first.
pub(crate) fn replicates(seed: u64, days: usize, attempts: usize) -> Vec<Replicate> {
    let mut draws = Draws(seed);
    let block = block_days(days);
    let one = |_| {
        let mut replicate = Replicate { days: vec![0; days], attempts: vec![0; attempts] };
        let mut drawn = 0;
        while drawn < days {
            let start = draws.below(days);
            for day in 0..block.min(days - drawn) {
                replicate.days[(start + day) % days] += 1;
            }
            drawn += block;
        }
        for _ in 0..attempts {
            let attempt = draws.below(attempts);
            replicate.attempts[attempt] += 1;
        }
        replicate
    };
    (0..REPLICATES).map(one).collect()
}

/// Between what 95 % of some values lie; none where there is no value.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<Interval> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let low = values.len() * 25 / 1_000;
    let high = (values.len() * 975).div_ceil(1_000).saturating_sub(1).min(last);
    Some(Interval { low: values[low], high: values[high] })
}

#[cfg(test)]
mod tests {
    use super::{Draws, block_days, interval, replicates};

    #[test]
    fn every_replicate_has_as_many_days_and_attempts_as_there_are() {
        for (days, attempts) in [(1, 0), (3, 5), (45, 2), (100, 17)] {
            for replicate in replicates(1, days, attempts) {
                assert_eq!(replicate.days.iter().sum::<u32>() as usize, days);
                assert_eq!(replicate.attempts.iter().sum::<u32>() as usize, attempts);
            }
        }
        assert_eq!([1, 9, 25, 365].map(block_days), [1, 1, 2, 7]);
    }

    #[test]
    fn draws_are_those_of_the_published_generator() {
        // The first two of SplitMix64 from 0.
        let mut draws = Draws(0);
        assert_eq!(draws.next(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(draws.next(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn an_interval_leaves_out_a_fortieth_at_each_end() {
        let values: Vec<f64> = (0..1_000).rev().map(f64::from).collect();
        let found = interval(values).expect("there are values");
        assert_eq!((found.low, found.high), (25.0, 974.0));
        assert!(interval(vec![f64::NAN]).is_none());
    }
}
