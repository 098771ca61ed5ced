//! The drawn flow of money: a lane an account, time to the right, an arrow a payment.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use shroff_types::{Amount, Currency};

use super::axis::Scale;
use super::lanes::{Lanes, Row};
use super::shape::{Arrow, R, block, disc, float, size};
use super::text::{
    Date, Esc, clock, compact, count, ellipsised, instant, long_duration, money, number, period,
};
use super::{FlowPayment, ReportAlert};

/// The picture's width; it is scaled as a whole where there is less room.
const WIDTH: f64 = 1060.0;
/// Where lanes begin: the labels are to the left.
const LEFT: f64 = 158.0;
const TOP: f64 = 30.0;
/// Payments beyond which none more are drawn: a pixel holds no more than two. All are in the
/// table.
const MOST_DRAWN: usize = 2_000;
/// Evidence up to which each arrow may have its amount beside it.
const MOST_WITH_AMOUNTS: usize = 14;
/// Evidence beyond which its sums over time are drawn below the lanes.
const SUMS_FROM: usize = 60;

/// An alert's picture, laid out.
#[derive(Debug)]
struct Picture<'a> {
    alert: &'a ReportAlert,
    base: Currency,
    /// The number of the alert on the page, for ids.
    number: usize,
    /// Drawn payments: its number in the table and its index in the alert.
    drawn: Vec<(usize, usize)>,
    lanes: Lanes,
    scale: Scale,
    /// The arrow of each of `drawn`.
    arrows: Vec<Arrow>,
    /// The largest amount of the evidence and its width.
    widest: (i128, f64),
}

/// The indices of an alert's payments in order of time; equal times stay as they are given.
pub(crate) fn in_order(alert: &ReportAlert) -> Vec<usize> {
    let mut order: Vec<usize> = (0..alert.payments.len()).collect();
    order.sort_by_key(|&index| alert.payments[index].time);
    order
}

/// The payments that are drawn: its number in the table and its index in the alert, ascending.
/// Where not all can be drawn, the evidence comes first.
pub(crate) fn drawn(alert: &ReportAlert, order: &[usize]) -> Vec<(usize, usize)> {
    let numbered = || order.iter().enumerate().map(|(n, &index)| (n + 1, index));
    let is_evidence = |&(_, index): &(usize, usize)| alert.payments[index].evidence;
    let mut drawn: Vec<(usize, usize)> =
        numbered().filter(is_evidence).chain(numbered().filter(|p| !is_evidence(p))).collect();
    drawn.truncate(MOST_DRAWN);
    drawn.sort_unstable();
    drawn
}

/// Draws an alert. `number` is its number on the page.
pub(crate) fn draw(alert: &ReportAlert, base: Currency, number: usize) -> String {
    let order = in_order(alert);
    let mut svg = String::new();
    if order.is_empty() {
        return svg;
    }
    let picture = Picture::new(alert, base, number, &order);
    let sums = picture.drawn.iter().filter(|&&(_, n)| alert.payments[n].evidence).count();
    let sums_height = if sums > SUMS_FROM { 58.0 } else { 0.0 };
    let floor = picture.lanes.bottom + 24.0 + sums_height;
    let height = floor + 40.0;
    let (w, h) = (R(WIDTH), R(height));
    put(
        &mut svg,
        format_args!(
            "<svg class=\"flow\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-labelledby=\"ft{number} fd{number}\">"
        ),
    );
    picture.describe(&mut svg);
    picture.axis(&mut svg, floor);
    picture.rows(&mut svg);
    picture.resting(&mut svg);
    picture.breaks(&mut svg, floor);
    picture.arrows(&mut svg);
    picture.figures(&mut svg);
    picture.labels(&mut svg, height);
    if sums_height > 0.0 {
        picture.sums(&mut svg, floor);
    }
    svg.push_str("</svg>");
    if order.len() > picture.drawn.len() {
        put(
            &mut svg,
            format_args!(
                "<p class=\"bound\">The picture has the first {} of {} payments; the table has all.</p>",
                super::text::grouped(picture.drawn.len() as u64),
                super::text::grouped(order.len() as u64),
            ),
        );
    }
    svg
}

/// The line of a lane.
fn line(row: &Row) -> String {
    format!("M{},{}H{}", R(LEFT), R(row.top), R(WIDTH))
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a string takes what is written to it");
}

impl<'a> Picture<'a> {
    fn new(alert: &'a ReportAlert, base: Currency, number: usize, order: &[usize]) -> Picture<'a> {
        let drawn = drawn(alert, order);
        let drawn_order: Vec<usize> = drawn.iter().map(|&(_, index)| index).collect();
        let lanes = Lanes::new(alert, &drawn_order, TOP);
        let times: Vec<_> = drawn_order.iter().map(|&n| alert.payments[n].time).collect();
        let evidence = drawn_order.iter().filter(|&&n| alert.payments[n].evidence).count();
        // Few arrows leave room for their amounts, also for that of the last.
        let right = if evidence <= MOST_WITH_AMOUNTS { WIDTH - 96.0 } else { WIDTH - 36.0 };
        let scale = Scale::new(&times, LEFT + 26.0, right);
        let largest = drawn_order.iter().map(|&n| &alert.payments[n]);
        let largest =
            largest.filter(|p| p.evidence).map(|p| p.base_minor).max().unwrap_or(1).max(1);
        let bound = (lanes.spacing * 0.36).min(15.0).min(scale.slot * 0.62).max(0.9);
        let widest = (largest, bound);
        let mut picture =
            Picture { alert, base, number, drawn, lanes, scale, arrows: vec![], widest };
        picture.arrows = (0..picture.drawn.len()).map(|n| picture.arrow(n)).collect();
        picture
    }

    fn payment(&self, drawn: usize) -> &'a FlowPayment {
        &self.alert.payments[self.drawn[drawn].1]
    }

    fn height_of(&self, account: usize) -> f64 {
        self.lanes.heights[account].expect("every account of a drawn payment has a height")
    }

    /// A width in proportion to the amount, not below what can be seen, and for context not above
    /// the widest of the evidence.
    fn width(&self, base_minor: i128) -> f64 {
        let (largest, bound) = self.widest;
        let least = (bound * 0.4).min(1.3);
        (bound * float(base_minor) / float(largest)).clamp(least, bound)
    }

    fn arrow(&self, drawn: usize) -> Arrow {
        let payment = self.payment(drawn);
        let slot = self.scale.slot;
        let width = self.width(payment.base_minor);
        let turn = ((slot - width) * 0.55).min(self.lanes.spacing * 0.24).clamp(0.0, 9.0);
        Arrow {
            x: self.scale.positions[drawn],
            from: self.height_of(payment.debtor),
            to: self.height_of(payment.creditor),
            width,
            turn,
            barb: ((slot - width) * 0.4).clamp(0.5, 3.6),
        }
    }

    /// The title and the description for those who cannot see the picture.
    fn describe(&self, svg: &mut String) {
        let alert = self.alert;
        let evidence: Vec<usize> =
            (0..self.drawn.len()).filter(|&n| self.payment(n).evidence).collect();
        let accounts: BTreeSet<usize> = evidence
            .iter()
            .flat_map(|&n| [self.payment(n).debtor, self.payment(n).creditor])
            .collect();
        put(
            svg,
            format_args!(
                "<title id=\"ft{n}\">Flow of {} between {}, {}</title><desc id=\"fd{n}\">",
                count(evidence.len() as u64, "payment", "payments"),
                count(accounts.len() as u64, "account", "accounts"),
                period(alert.first_time, alert.last_time),
                n = self.number,
            ),
        );
        for &n in evidence.iter().take(12) {
            let payment = self.payment(n);
            put(
                svg,
                format_args!(
                    "{} {}: {} pays {} {}. ",
                    Date::of(payment.time).short(),
                    clock(payment.time),
                    Esc(&ellipsised(&alert.accounts[payment.debtor].name, 40)),
                    Esc(&ellipsised(&alert.accounts[payment.creditor].name, 40)),
                    money(payment.amount),
                ),
            );
        }
        if evidence.len() > 12 {
            let more = count(evidence.len() as u64 - 12, "payment", "payments");
            put(svg, format_args!("And {more} more, all in the table below."));
        }
        svg.push_str("</desc>");
    }

    fn axis(&self, svg: &mut String, floor: f64) {
        let mut lines = String::new();
        let mut texts = String::new();
        for tick in self.scale.ticks() {
            let x = R(tick.x);
            put(&mut lines, format_args!("M{x},{}V{}", R(TOP - 14.0), R(floor)));
            if !tick.label.is_empty() {
                let y = R(floor + 16.0);
                put(&mut texts, format_args!("<text x=\"{x}\" y=\"{y}\">{}</text>", tick.label));
            }
            if !tick.context.is_empty() {
                let y = R(floor + 31.0);
                put(
                    &mut texts,
                    format_args!("<text class=\"far\" x=\"{x}\" y=\"{y}\">{}</text>", tick.context),
                );
            }
        }
        let floor_line = format!("M{},{}H{}", R(LEFT), R(floor), R(WIDTH));
        put(svg, format_args!("<path class=\"grid\" d=\"{lines}\"/>"));
        put(svg, format_args!("<path class=\"floor\" d=\"{floor_line}\"/>"));
        // Where payments stand closer than this a tie is no stretch that could be seen.
        let apart = self.scale.slot > 5.0;
        let ties: String = self
            .scale
            .ties()
            .filter(|_| apart)
            .map(|tie| block((tie.enter - 2.0, tie.leave + 2.0), (floor - 1.5, floor + 1.5)))
            .collect();
        if !ties.is_empty() {
            put(
                svg,
                format_args!(
                    "<path class=\"tie\" d=\"{ties}\"><title>Payments at the same instant, in their order</title></path>"
                ),
            );
        }
        put(svg, format_args!("<g class=\"ticks\">{texts}</g>"));
    }

    fn rows(&self, svg: &mut String) {
        for (class, evidence) in [("lane other", false), ("lane", true)] {
            let rows = self.lanes.rows.iter().filter(|row| row.evidence == evidence);
            let path: String = rows.filter(|row| !row.is_band()).map(line).collect();
            if !path.is_empty() {
                put(svg, format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
            }
        }
        for row in self.lanes.rows.iter().filter(|row| row.is_band()) {
            put(
                svg,
                format_args!(
                    "<rect class=\"band\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\"/>",
                    R(LEFT),
                    R(row.top),
                    R(WIDTH - LEFT),
                    R(row.bottom - row.top),
                ),
            );
        }
    }

    /// The money of the evidence that rests on an account between coming in and going out, as
    /// high as it is much; a circle or a chain becomes one unbroken band.
    fn resting(&self, svg: &mut String) {
        let rows = self.lanes.rows.iter().filter(|row| !row.is_band() && row.evidence);
        let path: String = rows.map(|row| self.resting_on(row.accounts[0], row.top)).collect();
        if !path.is_empty() {
            put(svg, format_args!("<path class=\"rest\" d=\"{path}\"/>"));
        }
    }

    fn resting_on(&self, account: usize, y: f64) -> String {
        let (largest, bound) = self.widest;
        let mut path = String::new();
        let mut balance: i128 = 0;
        let mut from = 0.0;
        let highest = (self.lanes.spacing * 0.5).min(18.0);
        let mut rest = |balance: i128, from: f64, to: f64| {
            if balance > 0 && to > from + 0.2 {
                let high = (bound * float(balance) / float(largest)).clamp(1.5, highest) / 2.0;
                path.push_str(&block((from, to), (y - high, y + high)));
            }
        };
        for (n, arrow) in self.arrows.iter().enumerate() {
            let payment = self.payment(n);
            let moves = payment.debtor == account || payment.creditor == account;
            if !payment.evidence || !moves || payment.debtor == payment.creditor {
                continue;
            }
            let leaves = payment.debtor == account;
            let bend =
                arrow.x - arrow.width / 2.0 - if arrow.turn < 1.5 { 0.0 } else { arrow.turn };
            let to = if leaves { bend } else { arrow.x };
            rest(balance, from, to);
            let change = if leaves { -payment.base_minor } else { payment.base_minor };
            balance = balance.saturating_add(change);
            from = if leaves { to } else { arrow.x };
        }
        // What stays is drawn a little further, so that it is seen to stay.
        rest(balance, from, (from + 26.0).min(WIDTH - 6.0));
        path
    }

    fn breaks(&self, svg: &mut String, floor: f64) {
        for cut in &self.scale.breaks {
            let (x, top) = (cut.x, TOP - 16.0);
            let mut left = format!("M{},{}", R(x - 4.0), R(top));
            let mut right = format!("M{},{}", R(x + 4.0), R(top));
            let mut y = top;
            let mut side = 2.0;
            while y < floor + 4.0 {
                y += 7.0;
                side = -side;
                put(&mut left, format_args!("L{},{}", R(x - 4.0 + side), R(y)));
                put(&mut right, format_args!("L{},{}", R(x + 4.0 + side), R(y)));
            }
            put(
                svg,
                format_args!(
                    "<g class=\"cut\"><title>{} without a payment, cut short</title><rect x=\"{}\" y=\"{}\" width=\"9\" height=\"{}\"/><path d=\"{left}{right}\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
                    cut.length,
                    R(x - 4.5),
                    R(top),
                    R(y - top),
                    R(x),
                    R(top - 4.0),
                    cut.length,
                ),
            );
        }
    }

    fn arrows(&self, svg: &mut String) {
        // Context first, so that evidence lies on top.
        for evidence in [false, true] {
            let class = if evidence { "evidence" } else { "context" };
            let chosen: Vec<usize> =
                (0..self.drawn.len()).filter(|&n| self.payment(n).evidence == evidence).collect();
            if chosen.is_empty() {
                continue;
            }
            put(svg, format_args!("<g class=\"{class}\">"));
            for n in chosen {
                self.draw_arrow(svg, n);
            }
            svg.push_str("</g>");
        }
    }

    fn draw_arrow(&self, svg: &mut String, n: usize) {
        let (arrow, payment) = (&self.arrows[n], self.payment(n));
        let mut outline = arrow.outline();
        for account in [payment.debtor, payment.creditor] {
            if self.lanes.banded[account] {
                let radius = (0.8 + arrow.width * 0.5).min(self.scale.slot.max(1.6) * 0.62);
                outline.push_str(&disc(arrow.x, self.height_of(account), radius));
            }
        }
        let names = &self.alert.accounts;
        put(
            svg,
            format_args!(
                "<path id=\"p{a}-{p}\" data-f=\"{f}\" data-t=\"{t}\" d=\"{outline}\"><title>{p}: {time}, {from} to {to}, {amount}</title></path>",
                a = self.number,
                p = self.drawn[n].0,
                f = payment.debtor,
                t = payment.creditor,
                time = instant(payment.time),
                from = Esc(&ellipsised(&names[payment.debtor].name, 40)),
                to = Esc(&ellipsised(&names[payment.creditor].name, 40)),
                amount = money(payment.amount),
            ),
        );
    }

    /// Beside each arrow its amount where all have room for one, otherwise its number in the
    /// table where there is room for that.
    fn figures(&self, svg: &mut String) {
        const DIGIT: f64 = 6.3;
        let evidence: Vec<usize> =
            (0..self.drawn.len()).filter(|&n| self.payment(n).evidence).collect();
        if evidence.len() > 60 || self.lanes.rows.iter().any(Row::is_band) {
            return;
        }
        let amounts: Vec<String> =
            evidence.iter().map(|&n| number(self.payment(n).amount)).collect();
        // Cents that nobody paid only take room.
        let whole = amounts.iter().all(|text| text.ends_with(".00"));
        let amounts: Vec<&str> = amounts
            .iter()
            .map(|text| if whole { text.trim_end_matches(".00") } else { text.as_str() })
            .collect();
        let room = |n: usize| {
            let next = self.arrows.get(n + 1).map_or(WIDTH, |arrow| arrow.x - arrow.turn);
            next - self.arrows[n].x - self.arrows[n].width - self.arrows[n].barb - 8.0
        };
        let fits = |(&n, text): (&usize, &&str)| size(text.len() + 3) * DIGIT <= room(n);
        let all_fit =
            evidence.len() <= MOST_WITH_AMOUNTS && evidence.iter().zip(&amounts).all(fits);
        svg.push_str("<g class=\"figures\">");
        for (&n, amount) in evidence.iter().zip(&amounts) {
            let number = self.drawn[n].0.to_string();
            let text = if all_fit {
                format!("{number}<tspan dx=\"6\">{amount}</tspan>")
            } else {
                number.clone()
            };
            if size(number.len()) * DIGIT > room(n) + 4.0 || self.lanes.spacing < 19.0 {
                continue;
            }
            let (arrow, payment) = (&self.arrows[n], self.payment(n));
            let down = (arrow.to - arrow.from).signum();
            let mut y = arrow.from + down * self.lanes.spacing * 0.5 + 4.0;
            let mut x = arrow.x + arrow.width / 2.0 + 4.0;
            if payment.debtor == payment.creditor {
                y = arrow.from - 6.0;
                x = arrow.x + arrow.loop_radius() + 4.0;
            }
            put(svg, format_args!("<text x=\"{}\" y=\"{}\">{text}</text>", R(x), R(y)));
        }
        svg.push_str("</g>");
    }

    /// The sums of the evidence in steps of equal time.
    fn sums(&self, svg: &mut String, floor: f64) {
        const HIGH: f64 = 34.0;
        let (steps, step) = self.scale.steps(62.0);
        let mut sums: Vec<i128> = vec![0; steps.len()];
        for n in 0..self.drawn.len() {
            let payment = self.payment(n);
            let after = steps.partition_point(|&(start, ..)| start <= payment.time.0);
            if payment.evidence && after > 0 {
                sums[after - 1] = sums[after - 1].saturating_add(payment.base_minor);
            }
        }
        let Some(&most) = sums.iter().max().filter(|&&most| most > 0) else { return };
        let mut path = String::new();
        for (&(_, from, to), &sum) in steps.iter().zip(&sums) {
            let top = floor - HIGH * float(sum) / float(most);
            let to = (to - 1.0).max(from + 1.0);
            path.push_str(&block((from, to), (top, floor)));
        }
        let unit = long_duration(step);
        let unit = unit.strip_prefix("1 ").unwrap_or(&unit);
        let most = compact(most, self.base);
        put(
            svg,
            format_args!(
                "<path class=\"sums\" d=\"{path}\"/><g class=\"names\"><text class=\"small\" x=\"4\" y=\"{}\">Evidence per {unit}</text><text class=\"small\" x=\"4\" y=\"{}\">at most {most}</text></g>",
                R(floor - 16.0),
                R(floor - 3.0),
            ),
        );
    }

    /// The names of the lanes, in a picture of their own so that none runs into the payments.
    fn labels(&self, svg: &mut String, height: f64) {
        put(
            svg,
            format_args!(
                "<g class=\"names\"><svg width=\"{w}\" height=\"{h}\"><rect class=\"back\" width=\"{w}\" height=\"{h}\"/>",
                w = R(LEFT - 8.0),
                h = R(height)
            ),
        );
        for row in &self.lanes.rows {
            if row.is_band() {
                self.band_label(svg, row);
            } else {
                self.lane_label(svg, row);
            }
        }
        svg.push_str("</svg></g>");
    }

    fn lane_label(&self, svg: &mut String, row: &Row) {
        let account = row.accounts[0];
        let name = &self.alert.accounts[account].name;
        let (came, went) = self.in_and_out(account);
        let class = if row.evidence { "name" } else { "name other" };
        let two_lines = row.evidence && self.lanes.spacing >= 32.0;
        let y = if two_lines { row.top - 1.0 } else { row.top + 4.0 };
        let base = |minor| money(Amount { minor, currency: self.base });
        put(
            svg,
            format_args!(
                "<text class=\"{class}\" data-a=\"{account}\" x=\"4\" y=\"{}\">{}<title>{}: evidence in {}, out {}</title></text>",
                R(y),
                Esc(&ellipsised(name, 19)),
                Esc(&ellipsised(name, 200)),
                base(came),
                base(went),
            ),
        );
        if two_lines {
            let part = |word: &str, sum: i128| {
                if sum > 0 { format!("{word} {}", compact(sum, self.base)) } else { String::new() }
            };
            let text = [part("in", came), part("out", went)];
            let text = text.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
            put(
                svg,
                format_args!(
                    "<text class=\"small\" x=\"4\" y=\"{}\">{}</text>",
                    R(row.top + 13.0),
                    text.join(", ")
                ),
            );
        }
    }

    fn band_label(&self, svg: &mut String, row: &Row) {
        let members: BTreeSet<usize> = row.accounts.iter().copied().collect();
        let (mut pays, mut paid) = (0_u64, 0_u64);
        for n in 0..self.drawn.len() {
            let payment = self.payment(n);
            if row.evidence && !payment.evidence {
                continue;
            }
            pays += u64::from(members.contains(&payment.debtor));
            paid += u64::from(members.contains(&payment.creditor));
        }
        let accounts = row.accounts.len() as u64;
        let who = match (row.evidence, pays, paid) {
            (true, _, 0) => count(accounts, "payer", "payers"),
            (true, 0, _) => count(accounts, "payee", "payees"),
            (true, ..) => count(accounts, "account", "accounts"),
            (false, ..) => count(accounts, "other account", "other accounts"),
        };
        let middle = f64::midpoint(row.top, row.bottom);
        put(
            svg,
            format_args!(
                "<text class=\"name many\" x=\"4\" y=\"{}\">{who}</text><text class=\"small\" x=\"4\" y=\"{}\">{}</text>",
                R(middle - 2.0),
                R(middle + 13.0),
                count(pays + paid, "payment", "payments"),
            ),
        );
    }

    /// The evidence that came to an account and that went from it, in base units.
    fn in_and_out(&self, account: usize) -> (i128, i128) {
        let evidence = self.alert.payments.iter().filter(|payment| payment.evidence);
        evidence.fold((0, 0), |(came, went): (i128, i128), payment| {
            let into = if payment.creditor == account { payment.base_minor } else { 0 };
            let out = if payment.debtor == account { payment.base_minor } else { 0 };
            (came.saturating_add(into), went.saturating_add(out))
        })
    }
}
