//! Interned names: each distinct text gets a dense number, in order of first appearance.

use crate::{TextHash, TextIndex};

/// A table of distinct texts. A text's number is its order of first appearance, so equal input
/// gives equal numbers. Texts are kept back to back: about their length and 25 bytes each.
#[derive(Debug, Default, Clone)]
pub struct Names {
    bytes: String,
    ends: Vec<u64>,
    index: TextIndex,
}

impl Names {
    /// Texts that are looked up together: as many lines of cache as a core has on the way at once.
    pub const TOGETHER: usize = 16;

    /// The number of `text`, given now if it is new.
    ///
    /// # Panics
    /// With more than 2^32 - 1 distinct texts.
    pub fn intern(&mut self, text: &str) -> u32 {
        self.intern_hashed(text, self.index.hash(text))
    }

    /// The numbers of some texts, in their order; as [`Names::intern`] gives them one by one. They are
    /// looked up together, so that the memory answers side by side.
    ///
    /// # Panics
    /// With more than 2^32 - 1 distinct texts.
    pub fn intern_all(&mut self, texts: &[&str], numbers: &mut Vec<u32>) {
        for texts in texts.chunks(Self::TOGETHER) {
            let mut hashes = [TextHash::default(); Self::TOGETHER];
            for (hash, text) in hashes.iter_mut().zip(texts) {
                *hash = self.index.hash(text);
            }
            self.touch(&hashes[..texts.len()]);
            let hashed = texts.iter().zip(hashes);
            numbers.extend(hashed.map(|(text, hash)| self.intern_hashed(text, hash)));
        }
    }

    /// Looks up what these texts are likely to be, and says nothing.
    fn touch(&self, hashes: &[TextHash]) {
        let Self { bytes, ends, index } = self;
        let mut likely = [None; Self::TOGETHER];
        for (likely, &hash) in likely.iter_mut().zip(hashes) {
            *likely = index.find(hash, |_| true);
        }
        let mut starts = [0; Self::TOGETHER];
        for (start, number) in starts.iter_mut().zip(likely) {
            // The text before ends where this one starts.
            let before = number.and_then(|number| (number as usize).checked_sub(1));
            *start = before.map_or(0, |before| ends[before]);
        }
        let bytes = bytes.as_bytes();
        let first = |start: u64| usize::try_from(start).ok().and_then(|at| bytes.get(at));
        let touched =
            starts.iter().fold(0, |all, &start| all ^ first(start).map_or(0, |byte| *byte));
        std::hint::black_box(touched);
    }

    fn intern_hashed(&mut self, text: &str, hash: TextHash) -> u32 {
        let Self { bytes, ends, index } = self;
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
    fn names_that_come_together_get_the_numbers_that_they_would_get_one_by_one() {
        let texts: Vec<String> = (0..5_000).map(|n| format!("{}", n * n % 977)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (mut one_by_one, mut together) = (Names::default(), Names::default());
        let expected: Vec<u32> = texts.iter().map(|text| one_by_one.intern(text)).collect();
        let mut numbers = Vec::new();
        // The same text twice among some, and fewer than are looked up at once.
        for texts in texts.chunks(61) {
            together.intern_all(texts, &mut numbers);
        }
        assert_eq!(numbers, expected);
    }

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
