//! Bars and the chart of days.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::shape::{R, block, float, size};
use super::text::{Date, Esc, count, grouped};
use super::{Day, Share, TypologySummary};

/// A bar so long as a part is of a whole; decoration beside its number.
pub(crate) fn bar(part: u64, whole: u64) -> String {
    let long = if whole == 0 { 0.0 } else { 100.0 * float(part) / float(whole) };
    // What is there is seen, however little it is.
    let long = if part > 0 { long.max(0.8) } else { 0.0 };
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"rail\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{}\" height=\"8\"/></svg>",
        R(long)
    )
}

/// A share as text: `41.2 %`, rounded down so that all of them means all.
pub(crate) fn percent(Share { part, whole }: Share) -> String {
    if whole == 0 {
        return "no cases".to_owned();
    }
    let permille = u128::from(part) * 1_000 / u128::from(whole);
    format!("{}.{} %", permille / 10, permille % 10)
}

const WIDTH: f64 = 1060.0;
const LEFT: f64 = 46.0;
const ALERTS_HIGH: f64 = 130.0;
const PAYMENTS_HIGH: f64 = 34.0;
const TOP: f64 = 14.0;
/// A date and the space beside it.
const DATE_WIDE: f64 = 52.0;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Alerts by typology and payments of one column: a day, or several where there are many.
#[derive(Debug, Default, Clone)]
struct Column {
    alerts: Vec<u64>,
    payments: u64,
}

/// The chart of days: alerts stacked by typology, payments below them.
pub(crate) fn days(typologies: &[TypologySummary], days: &[Day]) -> String {
    let (columns, first, per) = columns(days, typologies.len());
    let mut svg = String::new();
    let most = columns.values().map(|column| column.alerts.iter().sum::<u64>()).max().unwrap_or(0);
    let busiest = columns.values().map(|column| column.payments).max().unwrap_or(0);
    let Some(&last) = columns.keys().next_back() else { return svg };
    let many = float(last + 1);
    let wide = ((WIDTH - LEFT - 22.0) / many).min(DATE_WIDE);
    let floor = TOP + ALERTS_HIGH;
    let height = floor + 18.0 + PAYMENTS_HIGH + 24.0;
    let unit = if per == 1 { "day".to_owned() } else { format!("{per} days") };
    write!(
        svg,
        "<svg class=\"days\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-labelledby=\"dt dd\"><title id=\"dt\">Alerts and payments per {unit}</title><desc id=\"dd\">At most {} and {} in one column. The same numbers are in the table below.</desc>",
        count(most, "alert", "alerts"),
        count(busiest, "payment", "payments"),
        w = R(WIDTH),
        h = R(height),
    )
    .expect(INFALLIBLE);
    frame(&mut svg, (most, busiest), floor);
    let place = |n: i64| {
        let from = LEFT + 4.0 + wide * float(n);
        (from, from + (wide * 0.82).max(wide - 2.0))
    };
    stacks(&mut svg, typologies, &columns, &|n| place(n), (most, floor));
    let base = floor + 18.0 + PAYMENTS_HIGH;
    let mut grey = String::new();
    for (&n, column) in &columns {
        let high = PAYMENTS_HIGH * float(column.payments) / float(busiest.max(1));
        if column.payments > 0 {
            grey.push_str(&block(place(n), (base - high.max(1.0), base)));
        }
    }
    write!(svg, "<path class=\"pay\" d=\"{grey}\"/><g class=\"ticks\">").expect(INFALLIBLE);
    let mut n = 0;
    let mut free = 0.0;
    while n <= last {
        let (from, to) = place(n);
        n += 1;
        // One date does not touch the next.
        if from < free {
            continue;
        }
        free = from + DATE_WIDE - 1.0;
        let date = Date::from_days(first + (n - 1) * per).short();
        let (x, y) = (R(f64::midpoint(from, to)), R(base + 16.0));
        write!(svg, "<text x=\"{x}\" y=\"{y}\">{date}</text>").expect(INFALLIBLE);
    }
    svg.push_str("</g></svg>");
    svg
}

const INFALLIBLE: &str = "a string takes what is written to it";

/// The columns by their number from the first, the first one's day and the days of each.
fn columns(days: &[Day], typologies: usize) -> (BTreeMap<i64, Column>, i64, i64) {
    let day = |day: &Day| day.date.0.div_euclid(MICROS_OF_DAY);
    let first = days.iter().map(day).min().unwrap_or(0);
    let last = days.iter().map(day).max().unwrap_or(0);
    // A column is at least three pixels wide.
    let per = (last - first) / 340 + 1;
    let mut columns: BTreeMap<i64, Column> = BTreeMap::new();
    for entry in days {
        let column = columns.entry((day(entry) - first) / per).or_default();
        column.payments += entry.payments;
        column.alerts.resize(typologies, 0);
        for (sum, alerts) in column.alerts.iter_mut().zip(&entry.alerts) {
            *sum += alerts;
        }
    }
    (columns, first, per)
}

/// The lines and numbers of the heights.
fn frame(svg: &mut String, (most, busiest): (u64, u64), floor: f64) {
    let base = floor + 18.0 + PAYMENTS_HIGH;
    let right = R(WIDTH);
    write!(
        svg,
        "<path class=\"grid\" d=\"M{l},{t}H{right}\"/><path class=\"floor\" d=\"M{l},{f}H{right}M{l},{b}H{right}\"/><g class=\"ends\"><text x=\"{e}\" y=\"{t4}\">{}</text><text x=\"{e}\" y=\"{f}\">0</text><text x=\"{e}\" y=\"{p}\">{}</text></g><g class=\"heads\"><text x=\"{h}\" y=\"{u}\">Alerts</text><text x=\"{h}\" y=\"{v}\">Payments</text></g>",
        grouped(most),
        compact_count(busiest),
        l = R(LEFT),
        t = R(TOP),
        t4 = R(TOP + 4.0),
        f = R(floor),
        b = R(base),
        e = R(LEFT - 6.0),
        h = R(LEFT + 4.0),
        u = R(TOP - 4.0),
        v = R(floor + 14.0),
        p = R(floor + 26.0),
    )
    .expect(INFALLIBLE);
}

fn compact_count(number: u64) -> String {
    if number < 10_000 { grouped(number) } else { format!("{}k", grouped(number / 1_000)) }
}

type Place<'a> = &'a dyn Fn(i64) -> (f64, f64);

/// The stacked columns, one path a typology so that the page stays small.
fn stacks(
    svg: &mut String,
    typologies: &[TypologySummary],
    columns: &BTreeMap<i64, Column>,
    place: Place<'_>,
    (most, floor): (u64, f64),
) {
    let scale = ALERTS_HIGH / float(most.max(1));
    for (typology, summary) in typologies.iter().enumerate() {
        let mut path = String::new();
        for (&n, column) in columns {
            let below: u64 = column.alerts[..typology].iter().sum();
            let alerts = column.alerts[typology];
            if alerts > 0 {
                let bottom = floor - scale * float(below);
                let top = bottom - scale * float(alerts);
                // A hair of background parts the layers where there is room for one.
                let hair = if bottom - top > 3.0 { 0.8 } else { 0.0 };
                path.push_str(&block(place(n), (top + hair, bottom)));
            }
        }
        if !path.is_empty() {
            write!(
                svg,
                "<path class=\"stack t{}\" d=\"{path}\"><title>{}</title></path>",
                typology % 8,
                Esc(&summary.title)
            )
            .expect(INFALLIBLE);
        }
    }
}

/// How wide a chart's legend swatch stands; shapes differ too, not colours alone.
pub(crate) fn swatch(typology: usize) -> String {
    let shape = match typology % 4 {
        0 => "<path d=\"M1,1h8v8h-8z\"/>",
        1 => "<circle cx=\"5\" cy=\"5\" r=\"4.4\"/>",
        2 => "<path d=\"M5,.4L9.8,9.2H.2z\"/>",
        _ => "<path d=\"M5,0l5,5-5,5-5-5z\"/>",
    };
    let class = R(size(typology % 8));
    format!(
        "<svg class=\"swatch t{class}\" viewBox=\"0 0 10 10\" width=\"10\" height=\"10\" aria-hidden=\"true\">{shape}</svg>"
    )
}
