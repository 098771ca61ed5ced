//! How often somebody may ask: a bucket of tokens for each, with the time as an argument.

use std::collections::BTreeMap;
use std::sync::Mutex;

use shroff_types::Timestamp;

/// So many at once, and another after each span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) at_once: u32,
    pub(crate) micros_each: i64,
}

/// The buckets of all who ask, by name. One bucket is one instant: when it is full again.
#[derive(Debug)]
pub(crate) struct Buckets {
    pace: Pace,
    most: usize,
    full_at: Mutex<BTreeMap<String, i64>>,
}

impl Buckets {
    /// Nobody has asked yet; so many names are kept at most.
    pub(crate) fn new(pace: Pace, most: usize) -> Buckets {
        Buckets { pace, most, full_at: Mutex::new(BTreeMap::new()) }
    }

    /// Takes one, or says after how many whole seconds there is one.
    pub(crate) fn take(&self, name: &str, now: Timestamp) -> Result<(), u32> {
        self.take_at(self.pace, name, now)
    }

    /// The same at a pace of their own.
    pub(crate) fn take_at(&self, pace: Pace, name: &str, now: Timestamp) -> Result<(), u32> {
        let Pace { at_once, micros_each } = pace;
        let mut full_at = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if full_at.len() >= self.most && !full_at.contains_key(name) {
            full_at.retain(|_, at| *at > now.0);
            if full_at.len() >= self.most {
                return Err(1);
            }
        }
        let room = micros_each.saturating_mul(i64::from(at_once));
        let before = full_at.get(name).copied().unwrap_or(now.0);
        // A clock that goes back does not lock anybody out for longer than an empty bucket does.
        let before = before.clamp(now.0, now.0.saturating_add(room));
        let after = before.saturating_add(micros_each);
        let is_empty = after - now.0 > room;
        let noted = if is_empty { before } else { after };
        match full_at.get_mut(name) {
            Some(at) => *at = noted,
            None => {
                full_at.insert(name.to_owned(), noted);
            }
        }
        if is_empty {
            let wait = (after - now.0 - room).div_euclid(1_000_000) + 1;
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    /// Fills a bucket.
    pub(crate) fn forget(&self, name: &str) {
        self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_so_many_at_once_and_another_after_each_span() {
        let buckets = Buckets::new(Pace { at_once: 3, micros_each: 2_000_000 }, 2);
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        for _ in 0..3 {
            assert_eq!(buckets.take("a", at(10)), Ok(()));
        }
        assert_eq!(buckets.take("a", at(10)), Err(3));
        assert_eq!(buckets.take("b", at(10)), Ok(()), "another one has a bucket of their own");
        assert_eq!(buckets.take("c", at(10)), Err(1), "names are bounded");
        assert_eq!(buckets.take("a", at(12)), Ok(()));
        assert_eq!(buckets.take("a", at(12)), Err(3));
        assert_eq!(buckets.take("a", at(1)), Err(3), "a clock that went back");
        assert_eq!(buckets.take("a", at(3)), Ok(()), "for one span, and not for nine seconds");
        buckets.forget("a");
        assert_eq!(buckets.take("a", at(3)), Ok(()));
        assert_eq!(buckets.take("c", at(100)), Ok(()), "full buckets are let go");
    }
}
