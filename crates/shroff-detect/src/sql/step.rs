//! One step of a program: what it makes of other steps' values.
//!
//! A value is 64 bits, as its lane has it: a real, not a number for NULL; a whole number, the least of
//! all for NULL, times a power of ten that is known before it runs where it is a decimal one; or what
//! a condition may be, a bit for true and one for false, both for NULL.

use std::cmp::Ordering;

use super::number::{self, finite};
use super::tree::{Arithmetic, Comparison, Curve, Kind, Real, surprise, uneven};

/// What sort of value a step makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Real,
    Whole,
    Truth,
}

pub(super) const TRUE: u64 = 0b01;
pub(super) const FALSE: u64 = 0b10;
/// What may be both is NULL: so `AND` and `OR` of three values are those of bits.
const UNKNOWN: u64 = TRUE | FALSE;
/// The whole number that stands for NULL.
const NO_WHOLE: i64 = i64::MIN;

impl Lane {
    /// NULL.
    pub(super) fn null(self) -> u64 {
        match self {
            Lane::Real => f64::NAN.to_bits(),
            Lane::Whole => of_whole(NO_WHOLE),
            Lane::Truth => UNKNOWN,
        }
    }

    #[inline]
    fn is_null(self, bits: u64) -> bool {
        match self {
            Lane::Real => f64::from_bits(bits).is_nan(),
            Lane::Whole => whole(bits) == NO_WHOLE,
            Lane::Truth => bits == UNKNOWN,
        }
    }
}

/// A real, or NULL, as bits.
#[inline]
pub(super) fn of_real(real: Option<f64>) -> u64 {
    real.unwrap_or(f64::NAN).to_bits()
}

/// The real of bits.
#[inline]
pub(super) fn real(bits: u64) -> Option<f64> {
    let real = f64::from_bits(bits);
    (!real.is_nan()).then_some(real)
}

/// A condition, or NULL, as bits.
#[inline]
pub(super) fn of_truth(truth: Option<bool>) -> u64 {
    match truth {
        Some(true) => TRUE,
        Some(false) => FALSE,
        None => UNKNOWN,
    }
}

#[inline]
pub(super) fn of_whole(whole: i64) -> u64 {
    whole.cast_unsigned()
}

#[inline]
fn whole(bits: u64) -> i64 {
    bits.cast_signed()
}

/// A whole number as bits; nothing where it does not fit.
#[inline]
pub(super) fn fitting(whole: i128) -> Option<u64> {
    let whole = i64::try_from(whole).ok()?;
    (whole != NO_WHOLE).then_some(of_whole(whole))
}

/// A step that asks nothing of the row; `O` says where its operands are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation<O> {
    /// Two reals.
    Two(Arithmetic, [O; 2]),
    Divide([O; 2]),
    Power([O; 2]),
    One(Curve, O),
    Surprise([O; 2]),
    SurpriseLearnt([O; 3]),
    Uneven([O; 3]),
    /// A whole number as a real: of so many decimals.
    Widen(O, u8),
    /// Two whole numbers.
    TwoWhole(Arithmetic, [O; 2]),
    Compare(Comparison, [O; 2]),
    CompareWhole(Comparison, [O; 2]),
    /// The least or greatest of two that are not NULL.
    Extreme(Ordering, [O; 2]),
    ExtremeWhole(Ordering, [O; 2]),
    And([O; 2]),
    Or([O; 2]),
    Not(O),
    Is(bool, O),
    IsNull(Lane, O),
    /// The first, or where it is NULL the second.
    Coalesce(Lane, [O; 2]),
    /// The second where the first is true, or else the third.
    Choose([O; 3]),
}

impl<O: Copy> Operation<O> {
    /// The same of operands elsewhere.
    pub(super) fn of<P>(self, at: &mut impl FnMut(O) -> Option<P>) -> Option<Operation<P>> {
        macro_rules! at {
            ($($operand:expr),*) => { [$(at($operand)?),*] };
        }
        Some(match self {
            Operation::Two(how, [a, b]) => Operation::Two(how, at!(a, b)),
            Operation::Divide([a, b]) => Operation::Divide(at!(a, b)),
            Operation::Power([a, b]) => Operation::Power(at!(a, b)),
            Operation::One(curve, a) => Operation::One(curve, at(a)?),
            Operation::Surprise([a, b]) => Operation::Surprise(at!(a, b)),
            Operation::SurpriseLearnt([a, b, c]) => Operation::SurpriseLearnt(at!(a, b, c)),
            Operation::Uneven([a, b, c]) => Operation::Uneven(at!(a, b, c)),
            Operation::Widen(a, decimals) => Operation::Widen(at(a)?, decimals),
            Operation::TwoWhole(how, [a, b]) => Operation::TwoWhole(how, at!(a, b)),
            Operation::Compare(how, [a, b]) => Operation::Compare(how, at!(a, b)),
            Operation::CompareWhole(how, [a, b]) => Operation::CompareWhole(how, at!(a, b)),
            Operation::Extreme(wanted, [a, b]) => Operation::Extreme(wanted, at!(a, b)),
            Operation::ExtremeWhole(wanted, [a, b]) => Operation::ExtremeWhole(wanted, at!(a, b)),
            Operation::And([a, b]) => Operation::And(at!(a, b)),
            Operation::Or([a, b]) => Operation::Or(at!(a, b)),
            Operation::Not(a) => Operation::Not(at(a)?),
            Operation::Is(wanted, a) => Operation::Is(wanted, at(a)?),
            Operation::IsNull(lane, a) => Operation::IsNull(lane, at(a)?),
            Operation::Coalesce(lane, [a, b]) => Operation::Coalesce(lane, at!(a, b)),
            Operation::Choose([a, b, c]) => Operation::Choose(at!(a, b, c)),
        })
    }

    /// What it costs, in quick steps: about.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Operation::Surprise(_)
            | Operation::SurpriseLearnt(_)
            | Operation::Uneven(_)
            | Operation::Power(_) => 20,
            Operation::One(Curve::Negate | Curve::Magnitude, _) => 1,
            Operation::One(..) | Operation::Two(Arithmetic::Remainder, _) => 8,
            Operation::Divide(_) => 3,
            _ => 1,
        }
    }

    /// Its value; nothing where that does not fit, and has to be computed in another way.
    #[inline]
    pub(super) fn run(self, at: impl Fn(O) -> u64 + Copy) -> Option<u64> {
        let real = |operand| f64::from_bits(at(operand));
        Some(match self {
            Operation::Two(how, [a, b]) => {
                let (a, b) = (real(a), real(b));
                checked(match how {
                    Arithmetic::Add => a + b,
                    Arithmetic::Subtract => a - b,
                    Arithmetic::Multiply => a * b,
                    Arithmetic::Remainder => a % b,
                })
            }
            Operation::Divide([a, b]) => checked(real(a) / real(b)),
            Operation::Widen(a, decimals) => widen(whole(at(a)), decimals)?,
            Operation::TwoWhole(how, [a, b]) => two_whole(how, [a, b].map(|o| whole(at(o))))?,
            Operation::Compare(how, pair) => compare(how, pair.map(at)),
            Operation::CompareWhole(how, pair) => compare_whole(how, pair.map(at)),
            Operation::And([a, b]) => {
                let (a, b) = (at(a), at(b));
                (a & b & TRUE) | ((a | b) & FALSE)
            }
            Operation::Or([a, b]) => {
                let (a, b) = (at(a), at(b));
                ((a | b) & TRUE) | (a & b & FALSE)
            }
            Operation::Not(a) => {
                let a = at(a);
                (a << 1 & FALSE) | (a >> 1)
            }
            Operation::Is(wanted, a) => known(at(a) == of_truth(Some(wanted))),
            Operation::IsNull(lane, a) => known(lane.is_null(at(a))),
            Operation::Coalesce(lane, [a, b]) => {
                let first = at(a);
                if lane.is_null(first) { at(b) } else { first }
            }
            Operation::Choose([a, b, c]) => at(if at(a) == TRUE { b } else { c }),
            Operation::Extreme(wanted, [a, b]) => extreme(wanted, [a, b].map(real)),
            Operation::ExtremeWhole(wanted, [a, b]) => {
                extreme_whole(wanted, [a, b].map(|operand| whole(at(operand))))
            }
            Operation::Power(pair) => power(pair.map(real)),
            Operation::One(curve, a) => checked(curve.of(real(a))),
            Operation::Surprise([a, b]) => surprising([a, b].map(real), None),
            Operation::SurpriseLearnt([a, b, c]) => surprising([a, b].map(real), Some(real(c))),
            Operation::Uneven(parts) => unevenly(parts.map(real)),
        })
    }
}

#[inline]
fn known(truth: bool) -> u64 {
    FALSE - u64::from(truth)
}

/// Whether two reals compare so.
#[inline]
fn compare(how: Comparison, pair: [u64; 2]) -> u64 {
    let [a, b] = pair.map(f64::from_bits);
    if a.is_nan() || b.is_nan() { UNKNOWN } else { known(how.holds(Real::order(&a, &b))) }
}

/// Whether two whole numbers compare so.
#[inline]
fn compare_whole(how: Comparison, pair: [u64; 2]) -> u64 {
    let [a, b] = pair.map(whole);
    if a == NO_WHOLE || b == NO_WHOLE { UNKNOWN } else { known(how.holds(a.cmp(&b))) }
}

/// NULL where it is not finite.
#[inline]
fn checked(real: f64) -> u64 {
    either(u64::from(real.is_finite()), [real, f64::NAN].map(f64::to_bits))
}

#[inline]
fn widen(whole: i64, decimals: u8) -> Option<u64> {
    if whole == NO_WHOLE {
        return Some(Lane::Real.null());
    }
    let widened = number::real_of_scaled(whole, decimals)?;
    Some(widened.to_bits())
}

#[inline]
fn two_whole(how: Arithmetic, [a, b]: [i64; 2]) -> Option<u64> {
    if a == NO_WHOLE || b == NO_WHOLE {
        return Some(Lane::Whole.null());
    }
    let made = match how {
        Arithmetic::Add => a.checked_add(b)?,
        Arithmetic::Subtract => a.checked_sub(b)?,
        Arithmetic::Multiply => a.checked_mul(b)?,
        Arithmetic::Remainder if b == 0 => return Some(Lane::Whole.null()),
        Arithmetic::Remainder => a % b,
    };
    (made != NO_WHOLE).then_some(of_whole(made))
}

#[inline]
fn extreme(wanted: Ordering, [a, b]: [f64; 2]) -> u64 {
    // No number is less or greater than what is not one.
    let is_beyond = if wanted == Ordering::Less { b < a } else { b > a };
    either(u64::from(is_beyond) | u64::from(a.is_nan()), [b, a].map(f64::to_bits))
}

/// The first of two where something is 1, and the second where it is 0. Without a branch: the outcome is
/// that of data, and not foreseen.
#[inline]
fn either(one: u64, [first, second]: [u64; 2]) -> u64 {
    let mask = one.wrapping_neg();
    (first & mask) | (second & !mask)
}

#[inline(never)]
fn extreme_whole(wanted: Ordering, [a, b]: [i64; 2]) -> u64 {
    let is_second = a == NO_WHOLE || (b != NO_WHOLE && b.cmp(&a) == wanted);
    of_whole(if is_second { b } else { a })
}

#[inline(never)]
fn power([base, exponent]: [f64; 2]) -> u64 {
    // What is not a number is 1 where the exponent is 0, or the base is 1: NULL is not.
    let is_known = !base.is_nan() && !exponent.is_nan();
    checked(if is_known { base.powf(exponent) } else { f64::NAN })
}

#[inline(never)]
fn surprising([count, expected]: [f64; 2], seen: Option<f64>) -> u64 {
    // Of the others, what is not a number makes none; a count that is expected does not look at `seen`.
    let is_known = seen.is_none_or(|seen| !seen.is_nan());
    of_real(if is_known { surprise(count, expected, seen).and_then(finite) } else { None })
}

#[inline(never)]
fn unevenly(parts: [f64; 3]) -> u64 {
    // What is not a number lies in no range.
    of_real(uneven(parts).and_then(finite))
}
