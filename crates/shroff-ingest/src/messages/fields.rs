//! The texts of the instruction that is being read, by slot.

use super::table::{SLOTS, Slot};

#[derive(Debug)]
pub(super) struct Fields {
    texts: Vec<String>,
    set: u128,
}

impl Fields {
    pub(super) fn new() -> Fields {
        Fields { texts: vec![String::new(); SLOTS], set: 0 }
    }

    /// Begins a text; whether there was none yet.
    pub(super) fn begin(&mut self, slot: Slot) -> bool {
        let is_new = self.set >> slot & 1 == 0;
        if is_new {
            self.texts[usize::from(slot)].clear();
            self.set |= 1 << slot;
        }
        is_new
    }

    pub(super) fn append(&mut self, slot: Slot, text: &str) {
        self.texts[usize::from(slot)].push_str(text);
    }

    pub(super) fn length(&self, slot: Slot) -> usize {
        self.texts[usize::from(slot)].len()
    }

    pub(super) fn forget(&mut self, slots: u128) {
        self.set &= !slots;
    }

    /// A text, without spaces around it; none where it is empty.
    pub(super) fn get(&self, slot: Slot) -> Option<&str> {
        let text = self.texts[usize::from(slot)].trim();
        (self.set >> slot & 1 == 1 && !text.is_empty()).then_some(text)
    }
}
