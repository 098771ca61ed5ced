//! Interned names: each distinct text gets a dense number, in order of first appearance.

use crate::TextIndex;

/// A table of distinct texts. A text's number is its order of first appearance, so equal input
/// gives equal numbers. Texts are kept back to back: about their length and 25 bytes each.
#[derive(Debug, Default, Clone)]
pub struct Names {
    bytes: String,
    ends: Vec<u64>,
    index: TextIndex,
}

impl Names {
    /// The number of `text`, given now if it is new.
    ///
    /// # Panics
    /// With more than 2^32 - 1 distinct texts.
    pub fn intern(&mut self, text: &str) -> u32 {
        let Self { bytes, ends, index } = self;
        let hash = index.hash(text);
        if let Some(found) = index.find(hash, |n| slice(bytes, ends, n) == text) {
            return found;
        }
        let number = u32::try_from(ends.len()).expect("fewer than 2^32 distinct names");
        bytes.push_str(text);
        ends.push(bytes.len() as u64);
        index.insert(hash, number);
        number
    }

    /// The number of `text`, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.index.find(self.index.hash(text), |n| slice(&self.bytes, &self.ends, n) == text)
    }

    /// The text of a number.
    ///
    /// # Panics
    /// If the number was not given by this table.
    pub fn text(&self, number: u32) -> &str {
        slice(&self.bytes, &self.ends, number)
    }

    /// How many distinct texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn slice<'a>(bytes: &'a str, ends: &[u64], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    let range = usize::try_from(start).expect("fits memory")
        ..usize::try_from(ends[number]).expect("fits memory");
    &bytes[range]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_numbers_are_dense() {
        let mut names = Names::default();
        let texts: Vec<String> = (0..5_000).map(|n| format!("account {}", n % 1_250)).collect();
        for (position, text) in texts.iter().enumerate() {
            assert_eq!(names.intern(text) as usize, position % 1_250);
        }
        assert_eq!(names.len(), 1_250);
        assert_eq!(names.text(7), "account 7");
        assert_eq!(names.find("account 1249"), Some(1_249));
        assert_eq!(names.find("account 1250"), None);
        assert_eq!(names.find(""), None);
    }
}
