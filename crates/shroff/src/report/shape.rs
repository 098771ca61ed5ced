//! Shapes of the drawn flow, as path data with one decimal.

use std::fmt;

/// A coordinate, rounded to a tenth: equal input gives equal text, and a tenth of a pixel is
/// finer than anybody sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct R(pub(crate) f64);

impl fmt::Display for R {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns the negative zero into zero.
        let rounded = (self.0 * 10.0).round() / 10.0 + 0.0;
        write!(f, "{rounded}")
    }
}

/// An arrow that leaves its debtor's lane to the right, turns, and lands on its creditor's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrow {
    /// Where it runs up or down: the payment's instant.
    pub(crate) x: f64,
    /// The debtor's lane.
    pub(crate) from: f64,
    /// The creditor's lane.
    pub(crate) to: f64,
    /// The width of the shaft: the amount.
    pub(crate) width: f64,
    /// The radius of the turn; zero where there is no room for one.
    pub(crate) turn: f64,
    /// How far the head stands out on either side of the shaft.
    pub(crate) barb: f64,
}

impl Arrow {
    /// Its outline, to be filled.
    pub(crate) fn outline(&self) -> String {
        if (self.from - self.to).abs() < 1.0 {
            return self.loop_outline();
        }
        let down = if self.to > self.from { 1.0 } else { -1.0 };
        let half = self.width / 2.0;
        let length = (self.to - self.from).abs();
        let head = (3.5 + self.width * 0.55 + self.barb * 0.6).min(length * 0.5);
        let turn = self.turn.min(length - head - half).max(0.0);
        let neck = R(self.to - down * head);
        let (left, right) = (R(self.x - half), R(self.x + half));
        let head_part = format!(
            "V{neck}H{}L{},{}L{},{neck}H{left}",
            R(self.x + half + self.barb),
            R(self.x),
            R(self.to),
            R(self.x - half - self.barb),
        );
        if turn < 1.5 {
            return format!("M{left},{y}H{right}{head_part}Z", y = R(self.from));
        }
        let (outer, inner) = (R(self.from - down * half), R(self.from + down * half));
        let (start, past) = (R(self.x - half - turn), R(self.from + down * (half + turn)));
        format!(
            "M{start},{outer}Q{right},{outer} {right},{past}{head_part}V{past}Q{left},{inner} {start},{inner}Z"
        )
    }

    /// A payment to oneself: a ring that stands on the lane, with a head where it lands.
    fn loop_outline(&self) -> String {
        let outer = self.loop_radius();
        let inner = (outer - self.width.max(1.0)).max(outer * 0.35);
        let (x, y) = (self.x, self.from - outer);
        let middle = f64::midpoint(outer, inner);
        let head = self.barb + (outer - inner) * 0.5;
        // The inner circle runs the other way round, so that it is a hole.
        format!(
            "{}M{},{}a{i},{i} 0 1 1 {d},0a{i},{i} 0 1 1 -{d},0ZM{},{}h-{}l{h},{t}Z",
            disc(x, y, outer),
            R(x - inner),
            R(y),
            R(x - middle + head),
            R(y - 2.0),
            R(head * 2.0),
            i = R(inner),
            d = R(inner * 2.0),
            h = R(head),
            t = R(head + 2.0),
        )
    }

    /// How large the ring of a payment to oneself is.
    pub(crate) fn loop_radius(&self) -> f64 {
        (self.turn + self.width * 0.5).clamp(3.0, 10.0)
    }
}

/// A disc, as a further part of a path.
pub(crate) fn disc(x: f64, y: f64, radius: f64) -> String {
    let (r, d) = (R(radius), R(radius * 2.0));
    format!("M{},{}a{r},{r} 0 1 0 {d},0a{r},{r} 0 1 0 -{d},0Z", R(x - radius), R(y))
}

/// A rectangle, as a further part of a path.
pub(crate) fn block(x: (f64, f64), y: (f64, f64)) -> String {
    format!("M{},{}H{}V{}H{}Z", R(x.0), R(y.0), R(x.1), R(y.1), R(x.0))
}

/// An exact number as a coordinate's raw material; pictures need no more than a float's 53 bits.
#[expect(clippy::cast_precision_loss, reason = "a width on a screen; sums stay whole numbers")]
pub(crate) fn float(number: impl Into<i128>) -> f64 {
    number.into() as f64
}

/// A length as a coordinate's raw material.
pub(crate) fn size(length: usize) -> f64 {
    float(i128::try_from(length).expect("a length fits 127 bits"))
}
