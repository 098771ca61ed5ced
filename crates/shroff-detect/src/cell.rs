//! Values of features.

/// A feature's value: a whole number, a real or a flag, as its column says, or null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell(u64);

impl Cell {
    /// No value. Its bits are those of one not-a-number that no arithmetic makes.
    pub const NULL: Cell = Cell(0x7FF8_0000_5EED_0001);

    /// A whole number.
    pub fn of_int(value: u64) -> Cell {
        Cell(value)
    }

    /// A real.
    pub fn of_real(value: f64) -> Cell {
        Cell(value.to_bits())
    }

    /// A flag.
    pub fn of_flag(value: bool) -> Cell {
        Cell(u64::from(value))
    }

    /// Whether there is no value.
    pub fn is_null(self) -> bool {
        self == Cell::NULL
    }

    /// The whole number of an [`crate::ColumnKind::Int`].
    pub fn int(self) -> Option<u64> {
        (!self.is_null()).then_some(self.0)
    }

    /// The real of an [`crate::ColumnKind::Real`].
    pub fn real(self) -> Option<f64> {
        (!self.is_null()).then(|| f64::from_bits(self.0))
    }

    /// The flag of an [`crate::ColumnKind::Bool`].
    pub fn flag(self) -> Option<bool> {
        (!self.is_null()).then_some(self.0 == 1)
    }

    /// The bits, for comparison and digests.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_null() { f.write_str("null") } else { write!(f, "{}", self.0) }
    }
}
