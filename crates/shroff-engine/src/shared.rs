//! A map by number of which a copy costs next to nothing: a snapshot is taken between two payments,
//! and written while others come.
//!
//! Numbers lie in pages. A copy shares all of them; whoever changes a value afterwards copies its
//! page, a list of references, and the value.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers of a page. No value depends on it.
const PAGE: u32 = if cfg!(debug_assertions) { 4 } else { 256 };

type Page<T> = BTreeMap<u32, Arc<T>>;

/// Values by number.
#[derive(Debug, Clone)]
pub(crate) struct Shared<T> {
    /// By number of the page, none of them empty.
    pages: BTreeMap<u32, Arc<Page<T>>>,
    len: usize,
}

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared { pages: BTreeMap::new(), len: 0 }
    }
}

impl<T> Shared<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.pages.get(&(number / PAGE))?.get(&number).map(Arc::as_ref)
    }

    /// All of them, ascending by number.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.below(u32::MAX)
    }

    /// Those with a number below one.
    pub(crate) fn below(&self, end: u32) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        let pages = self.pages.range(..=end / PAGE);
        let values = pages.flat_map(move |(_, page)| page.range(..end));
        values.map(|(&number, value)| (number, value.as_ref()))
    }
}

impl<T: Clone> Shared<T> {
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let page = self.pages.get_mut(&(number / PAGE))?;
        // A page that is not changed is not copied.
        if !page.contains_key(&number) {
            return None;
        }
        Arc::make_mut(page).get_mut(&number).map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, number: u32, value: T) {
        let page = Arc::make_mut(self.pages.entry(number / PAGE).or_default());
        self.len += usize::from(page.insert(number, Arc::new(value)).is_none());
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let page = self.pages.get_mut(&(number / PAGE))?;
        if !page.contains_key(&number) {
            return None;
        }
        let page = Arc::make_mut(page);
        let value = page.remove(&number);
        if page.is_empty() {
            self.pages.remove(&(number / PAGE));
        }
        self.len -= usize::from(value.is_some());
        value.map(Arc::unwrap_or_clone)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        let pages = self.pages.into_values().map(Arc::unwrap_or_clone);
        pages.flat_map(BTreeMap::into_values).map(Arc::unwrap_or_clone)
    }
}

impl<T: Clone> FromIterator<(u32, T)> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = (u32, T)>>(values: I) -> Shared<T> {
        let mut shared = Shared::default();
        values.into_iter().for_each(|(number, value)| shared.insert(number, value));
        shared
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_copy_stays_as_it_was_and_the_map_is_a_map(
            steps in prop::collection::vec((0_u32..20, 0_u8..4, any::<u8>()), 1..200)
        ) {
            let (mut shared, mut map) = (Shared::default(), BTreeMap::new());
            let mut copies = Vec::new();
            for (number, what, value) in steps {
                match what {
                    0 => {
                        shared.insert(number, value);
                        map.insert(number, value);
                    }
                    1 => prop_assert_eq!(shared.remove(number), map.remove(&number)),
                    2 => {
                        let change = |old: &mut u8| *old = old.wrapping_add(value);
                        prop_assert_eq!(
                            shared.get_mut(number).map(change),
                            map.get_mut(&number).map(change)
                        );
                    }
                    _ => copies.push((shared.clone(), map.clone())),
                }
                prop_assert_eq!(shared.get(number), map.get(&number));
                prop_assert_eq!(shared.len(), map.len());
                let below: Vec<_> = shared.below(number).rev().collect();
                let wanted: Vec<_> = map.range(..number).rev().map(|(n, v)| (*n, v)).collect();
                prop_assert_eq!(below, wanted);
            }
            copies.push((shared, map));
            for (shared, map) in copies {
                let all: Vec<_> = shared.iter().map(|(number, value)| (number, *value)).collect();
                prop_assert_eq!(all, map.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
