//! Plots of the page: drawn in numbers of one decimal, so that equal input gives equal bytes.

use std::fmt::Write as _;

use super::bootstrap::Interval;
use crate::report::{Esc, R};

const INFALLIBLE: &str = "a string takes what is written to it";

/// A share with its interval on a line from 0 to 1.
pub(crate) fn forest(share: Option<f64>, interval: Option<Interval>) -> String {
    let Some(share) = share else { return String::new() };
    let at = |share: f64| R(4.0 + 162.0 * share.clamp(0.0, 1.0));
    let mut svg = String::from(
        "<svg class=\"forest\" viewBox=\"0 0 170 16\" aria-hidden=\"true\"><path class=\"rail\" d=\"M4,8H166M4,4V12M85,6V10M166,4V12\"/>",
    );
    if let Some(Interval { low, high }) = interval {
        write!(svg, "<path class=\"span\" d=\"M{},8H{}\"/>", at(low), at(high)).expect(INFALLIBLE);
    }
    write!(svg, "<circle class=\"dot\" cx=\"{}\" cy=\"8\" r=\"3.6\"/></svg>", at(share))
        .expect(INFALLIBLE);
    svg
}

/// How dark a share is in a heat map: 0 is nothing, 6 is all.
pub(crate) fn heat(share: f64) -> u8 {
    match share {
        share if share <= 0.0 => 0,
        share if share < 0.05 => 1,
        share if share < 0.15 => 2,
        share if share < 0.35 => 3,
        share if share < 0.6 => 4,
        share if share < 0.85 => 5,
        _ => 6,
    }
}

/// A line of a plot: its name, how it is drawn, and its points; up is a share.
pub(crate) struct Line {
    pub(crate) class: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
    /// A point to be marked.
    pub(crate) marked: Option<(f64, f64)>,
}

/// Along: what is plotted against, its ticks with their labels, and from where to where.
pub(crate) struct Axis<'a> {
    pub(crate) name: &'a str,
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) is_logarithmic: bool,
}

impl Axis<'_> {
    fn at(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_logarithmic { value.max(1e-9).ln() } else { value };
        let (from, to) = (scale(self.from), scale(self.to));
        let width = if to > from { to - from } else { 1.0 };
        46.0 + 570.0 * ((scale(value) - from) / width).clamp(0.0, 1.0)
    }

    /// Powers of ten from a value to another, at least one.
    pub(crate) fn logarithmic(name: &str, (from, to): (f64, f64)) -> Axis<'_> {
        let (from, to) = (from.max(1e-6), to.max(1e-5));
        let mut power = from.log10().floor();
        let mut ticks = Vec::new();
        while power <= to.log10().ceil() && ticks.len() < 12 {
            let value = 10_f64.powf(power);
            if from <= value * 1.001 && value <= to * 1.001 {
                let label = if value >= 1.0 { format!("{value:.0}") } else { format!("{value}") };
                ticks.push((value, label));
            }
            power += 1.0;
        }
        Axis { name, ticks, from, to, is_logarithmic: true }
    }
}

/// Shares from 0 to 100 % over an axis.
pub(crate) fn shares(title: &str, axis: &Axis<'_>, lines: &[Line]) -> String {
    let (top, floor) = (14.0, 250.0);
    let up = |share: f64| floor - (floor - top) * share.clamp(0.0, 1.0);
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 640 300\" role=\"img\" aria-label=\"{}\">",
        Esc(title)
    );
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (class, y) = (if share == 0.0 { "base" } else { "axis" }, R(up(share)));
        write!(
            svg,
            "<path class=\"{class}\" d=\"M46,{y}H616\"/><text class=\"right\" x=\"40\" y=\"{}\">{:.0}</text>",
            R(up(share) + 4.0),
            100.0 * share
        )
        .expect(INFALLIBLE);
    }
    for (value, label) in &axis.ticks {
        let x = R(axis.at(*value));
        write!(
            svg,
            "<path class=\"axis\" d=\"M{x},{}V{}\"/><text class=\"middle\" x=\"{x}\" y=\"270\">{}</text>",
            R(top),
            R(floor),
            Esc(label)
        )
        .expect(INFALLIBLE);
    }
    write!(svg, "<text class=\"middle\" x=\"331\" y=\"292\">{}</text>", Esc(axis.name))
        .expect(INFALLIBLE);
    for line in lines {
        let mut path = String::new();
        for (at, &(x, share)) in line.points.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{},{}", R(axis.at(x)), R(up(share))).expect(INFALLIBLE);
        }
        if !path.is_empty() {
            write!(svg, "<path class=\"curve {}\" d=\"{path}\"/>", line.class).expect(INFALLIBLE);
        }
        if let Some((x, share)) = line.marked {
            let (x, y, class) = (R(axis.at(x)), R(up(share)), line.class);
            write!(svg, "<circle class=\"mark {class}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>")
                .expect(INFALLIBLE);
        }
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::{Axis, forest, heat};

    #[test]
    fn heat_grows_with_the_share_and_nothing_is_cold() {
        let heats: Vec<u8> = (0..=10).map(|tenth| heat(f64::from(tenth) / 10.0)).collect();
        assert!(heats.is_sorted());
        assert_eq!((heats[0], heats[10]), (0, 6));
    }

    #[test]
    fn an_axis_of_powers_marks_each_of_them_once() {
        let axis = Axis::logarithmic("alerts", (0.5, 2_000.0));
        let ticks: Vec<&str> = axis.ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(ticks, ["1", "10", "100", "1000"]);
    }

    #[test]
    fn what_is_unknown_is_not_drawn() {
        assert_eq!(forest(None, None), "");
        assert!(forest(Some(2.0), None).contains("cx=\"166\""), "no share is beyond all");
    }
}
