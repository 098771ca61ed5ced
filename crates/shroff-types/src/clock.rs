//! The institution's clock: how far its local time is from UTC, and since when.

use crate::Timestamp;

/// Local time as steps of its distance from UTC; UTC itself where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clock {
    /// From when on (ascending) local time is so many microseconds ahead of UTC.
    steps: Vec<(Timestamp, i64)>,
}

impl Clock {
    /// A clock of these steps; before the first, its distance holds as well.
    ///
    /// # Panics
    /// Where the steps are not in order.
    pub fn new(steps: Vec<(Timestamp, i64)>) -> Clock {
        assert!(steps.is_sorted_by_key(|step| step.0), "the steps of a clock ascend");
        Clock { steps }
    }

    /// Microseconds since 1970 as the local clock shows them.
    pub fn micros(&self, time: Timestamp) -> i64 {
        let after = self.steps.partition_point(|step| step.0 <= time);
        let step = self.steps.get(after.saturating_sub(1));
        time.0.saturating_add(step.map_or(0, |step| step.1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Timestamp};

    #[test]
    fn the_distance_of_the_last_step_holds_and_the_first_before_it() {
        let clock = Clock::new(vec![(Timestamp(100), 10), (Timestamp(200), 20)]);
        for (utc, local) in [(0, 10), (99, 109), (100, 110), (199, 209), (200, 220), (900, 920)] {
            assert_eq!(clock.micros(Timestamp(utc)), local, "{utc}");
        }
        assert_eq!(Clock::default().micros(Timestamp(5)), 5);
    }
}
