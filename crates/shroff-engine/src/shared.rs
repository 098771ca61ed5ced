//! A map by number of which a copy costs next to nothing: a snapshot is taken between two payments,
//! and written while others come.
//!
//! Numbers lie in pages. A copy shares all of them; whoever changes a value afterwards copies its
//! page, references side by side, and the value.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers of a page. No value depends on it.
const PAGE: u32 = if cfg!(debug_assertions) { 4 } else { 256 };

/// The values of some numbers, side by side: one look finds one.
#[derive(Debug, Clone)]
struct Page<T> {
    values: Box<[Option<Arc<T>>]>,
    held: usize,
}

impl<T> Page<T> {
    fn at(number: u32) -> usize {
        (number % PAGE) as usize
    }

    fn get(&self, number: u32) -> Option<&Arc<T>> {
        self.values[Page::<T>::at(number)].as_ref()
    }
}

impl<T> Default for Page<T> {
    fn default() -> Page<T> {
        let mut values = Vec::new();
        values.resize_with(PAGE as usize, || None);
        Page { values: values.into_boxed_slice(), held: 0 }
    }
}

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
        self.pages.get(&(number / PAGE))?.get(number).map(Arc::as_ref)
    }

    /// All of them, ascending by number.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.below(u32::MAX)
    }

    /// Those with a number below one.
    pub(crate) fn below(&self, end: u32) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        let pages = self.pages.range(..=end / PAGE);
        let values = pages.flat_map(|(page, values)| {
            let numbers = (0..PAGE).map(move |at| page * PAGE + at);
            numbers.zip(values.values.iter())
        });
        let below = values.filter(move |(number, _)| *number < end);
        below.filter_map(|(number, value)| Some((number, value.as_deref()?)))
    }
}

impl<T: Clone> Shared<T> {
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let page = self.pages.get_mut(&(number / PAGE))?;
        // A page that is not changed is not copied.
        page.get(number)?;
        Arc::make_mut(page).values[Page::<T>::at(number)].as_mut().map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, number: u32, value: T) {
        let page = Arc::make_mut(self.pages.entry(number / PAGE).or_default());
        if page.values[Page::<T>::at(number)].replace(Arc::new(value)).is_none() {
            page.held += 1;
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let page = self.pages.get_mut(&(number / PAGE))?;
        page.get(number)?;
        let page = Arc::make_mut(page);
        let value = page.values[Page::<T>::at(number)].take()?;
        page.held -= 1;
        if page.held == 0 {
            self.pages.remove(&(number / PAGE));
        }
        self.len -= 1;
        Some(Arc::unwrap_or_clone(value))
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        let pages = self.pages.into_values().map(Arc::unwrap_or_clone);
        pages.flat_map(|page| page.values).flatten().map(Arc::unwrap_or_clone)
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
    use std::collections::BTreeSet;

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
                let pages: BTreeSet<u32> = map.keys().map(|number| number / PAGE).collect();
                prop_assert!(shared.pages.keys().eq(&pages), "no page is kept for nothing");
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
