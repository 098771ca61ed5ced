//! Arithmetic of exact decimals, and their way to reals. What does not fit is nothing.

use std::cmp::Ordering;

use shroff_types::Decimal;

use super::Value;

/// The most digits an exact number carries.
pub(super) const MOST_DIGITS: u8 = 38;

/// The finite number, or nothing.
pub(super) fn finite(real: f64) -> Option<f64> {
    real.is_finite().then_some(real)
}

/// The real nearest to a whole number.
#[expect(clippy::cast_precision_loss, reason = "rounds to the nearest, as SQL's cast does")]
#[inline]
pub(super) fn real_of_whole(whole: i128) -> f64 {
    // Counts fit 64 bits, of which the machine itself makes a real.
    i64::try_from(whole).map_or_else(|_| whole as f64, |whole| whole as f64)
}

/// Whole numbers up to here are reals without rounding.
const EXACT_IN_REAL: u128 = 1 << 53;

/// The powers of ten that are reals without rounding.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Ten to a power of at most 22, exactly.
pub(super) fn real_power_of_ten(exponent: u8) -> f64 {
    POWERS[usize::from(exponent)]
}

/// The real nearest to a whole number over a power of ten; nothing where that takes more than a division.
#[expect(
    clippy::cast_precision_loss,
    reason = "what has decimals is checked, and the rest rounds once"
)]
#[inline]
pub(super) fn real_of_scaled(digits: i64, decimals: u8) -> Option<f64> {
    if decimals == 0 {
        return Some(digits as f64);
    }
    if u128::from(digits.unsigned_abs()) > EXACT_IN_REAL {
        return None;
    }
    // Both are exact, so the division rounds once.
    Some(digits as f64 / POWERS.get(usize::from(decimals))?)
}

/// The real nearest to a decimal number.
pub(super) fn real_of_exact(exact: Decimal) -> f64 {
    let digits = i64::try_from(exact.digits).ok();
    if let Some(real) = digits.and_then(|digits| real_of_scaled(digits, exact.decimals)) {
        return real;
    }
    // Rare: more than fifteen digits. Reading the text rounds once, too.
    let text = format!("{}e-{}", exact.digits, exact.decimals);
    text.parse().expect("digits and an exponent are a real number")
}

/// The powers of ten that fit 128 bits.
const WHOLE_POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Ten to a power, where it fits.
#[inline]
fn power_of_ten(exponent: u8) -> Option<i128> {
    WHOLE_POWERS.get(usize::from(exponent)).copied()
}

/// The product of two whole numbers, where it fits.
#[inline]
pub(super) fn times(left: i128, right: i128) -> Option<i128> {
    // Nearly all fit 64 bits: there it is one instruction, and cannot overflow.
    match (i64::try_from(left), i64::try_from(right)) {
        (Ok(left), Ok(right)) => Some(i128::from(left) * i128::from(right)),
        _ => left.checked_mul(right),
    }
}

/// The order of two decimals, exact whatever their decimals.
#[inline]
pub(super) fn compare(left: Decimal, right: Decimal) -> Ordering {
    match left.decimals.cmp(&right.decimals) {
        Ordering::Equal => left.digits.cmp(&right.digits),
        Ordering::Less => compare_scaled(left.digits, right.decimals - left.decimals, right.digits),
        Ordering::Greater => {
            compare_scaled(right.digits, left.decimals - right.decimals, left.digits).reverse()
        }
    }
}

/// The order of `digits` times a power of ten, and another. What does not fit 128 bits is further
/// from zero than anything that does, so that its sign decides.
fn compare_scaled(digits: i128, exponent: u8, other: i128) -> Ordering {
    if digits == 0 {
        return 0.cmp(&other);
    }
    match power_of_ten(exponent).and_then(|power| times(digits, power)) {
        Some(scaled) => scaled.cmp(&other),
        None => digits.cmp(&0),
    }
}

/// Both as whole counts of the finer one's unit.
fn aligned(left: Decimal, right: Decimal) -> Option<(i128, i128, u8)> {
    if left.decimals == right.decimals {
        return Some((left.digits, right.digits, left.decimals));
    }
    let decimals = left.decimals.max(right.decimals);
    let scale = |n: Decimal| times(n.digits, power_of_ten(decimals - n.decimals)?);
    Some((scale(left)?, scale(right)?, decimals))
}

/// The sum.
pub(super) fn add(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (left, right, decimals) = aligned(left, right)?;
    Some(Decimal { digits: left.checked_add(right)?, decimals })
}

/// The difference.
pub(super) fn subtract(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (left, right, decimals) = aligned(left, right)?;
    Some(Decimal { digits: left.checked_sub(right)?, decimals })
}

/// The product.
pub(super) fn multiply(left: Decimal, right: Decimal) -> Option<Decimal> {
    let digits = times(left.digits, right.digits)?;
    Some(Decimal { digits, decimals: left.decimals.checked_add(right.decimals)? })
}

/// What a division to whole numbers leaves, with the sign of `left`; nothing where `right` is zero.
pub(super) fn remainder(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (left, right, decimals) = aligned(left, right)?;
    Some(Decimal { digits: left.checked_rem(right)?, decimals })
}

/// Which whole number an in-between one becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the nearest; halves away from zero.
    Nearest,
    /// Down.
    Floor,
    /// Up.
    Ceiling,
}

/// A decimal rounded to so many decimals; fewer than none are tens, hundreds and so on.
pub(super) fn round(number: Decimal, decimals: i8, how: Rounding) -> Option<Decimal> {
    let dropped = i16::from(number.decimals) - i16::from(decimals);
    let Ok(dropped) = u8::try_from(dropped) else { return Some(number) };
    if dropped == 0 {
        return Some(number);
    }
    let kept = round_digits(number.digits, dropped, how);
    if let Ok(decimals) = u8::try_from(decimals) {
        return Some(Decimal { digits: kept, decimals });
    }
    let digits = kept.checked_mul(power_of_ten(decimals.unsigned_abs())?)?;
    Some(Decimal { digits, decimals: 0 })
}

/// A whole number divided by a power of ten and rounded.
fn round_digits(digits: i128, dropped: u8, how: Rounding) -> i128 {
    let Some(power) = power_of_ten(dropped) else {
        // Over 38 digits are dropped: what is left is between -1 and 1, and nearer to zero.
        return match how {
            Rounding::Nearest => 0,
            Rounding::Floor => -i128::from(digits < 0),
            Rounding::Ceiling => i128::from(digits > 0),
        };
    };
    let (whole, rest) = (digits / power, digits % power);
    whole
        + match how {
            Rounding::Nearest
                if rest.unsigned_abs() >= (power.unsigned_abs() - rest.unsigned_abs()) =>
            {
                rest.signum()
            }
            Rounding::Nearest => 0,
            Rounding::Floor => -i128::from(rest < 0),
            Rounding::Ceiling => i128::from(rest > 0),
        }
}

/// A whole number rounded to tens, hundreds and so on.
pub(super) fn round_whole(whole: i128, zeros: u8) -> Option<i128> {
    round_digits(whole, zeros, Rounding::Nearest).checked_mul(power_of_ten(zeros)?)
}

/// A real rounded to so many decimals, halves away from zero, by DuckDB's formula.
pub(super) fn round_real(real: f64, decimals: i8) -> Option<f64> {
    let power = real_power_of_ten(decimals.unsigned_abs());
    if decimals < 0 {
        return finite((real / power).round() * power);
    }
    let rounded = (real * power).round() / power;
    Some(if rounded.is_finite() { rounded } else { real })
}

/// Ten to the power of 38, the first that an exact number cannot have as digits.
const TOO_LARGE: f64 = 1e38;

/// The whole number of a real that is one.
#[expect(clippy::cast_possible_truncation, reason = "checked against the bound before")]
pub(super) fn whole_of_real(real: f64) -> Option<i128> {
    (real.abs() < TOO_LARGE).then_some(real as i128)
}

/// The number with so many decimals where it has at most `digits` digits.
pub(super) fn fit(number: Decimal, digits: u8, decimals: u8) -> Option<Decimal> {
    let signed = i8::try_from(decimals).ok()?;
    let number = round(number, signed, Rounding::Nearest)?;
    let bound = power_of_ten(digits)?;
    let units = number.digits.checked_mul(power_of_ten(decimals - number.decimals)?)?;
    (units.unsigned_abs() < bound.unsigned_abs()).then_some(Decimal { digits: units, decimals })
}

/// Whether two values are equal in the wider of their types; NULL equals nothing.
pub(super) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        _ => match (exact(left), exact(right)) {
            (Some(left), Some(right)) => compare(left, right).is_eq(),
            _ => left.as_real().is_some_and(|left| Some(left) == right.as_real()),
        },
    }
}

fn exact(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Int(digits) => Some(Decimal { digits: *digits, decimals: 0 }),
        Value::Decimal(exact) => Some(*exact),
        Value::Null | Value::Bool(_) | Value::Real(_) | Value::Text(_) => None,
    }
}
