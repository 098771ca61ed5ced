//! Claims about the page, held over a flow of every shape.

use std::collections::BTreeSet;

use super::lanes::Lanes;
use super::samples;
use super::text::{Date, Esc, Prose, clock, compact, duration, ellipsised, grouped, number};
use super::{FlowPayment, Report, ReportAlert, flow, render};
use shroff_types::{Amount, Currency, Timestamp};

fn page(report: &Report) -> String {
    let mut bytes = vec![];
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn draw(alert: &ReportAlert) -> String {
    flow::draw(alert, Currency::EUR, 1)
}

/// What the attribute `name` says, for each element of a picture that has it.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    text.split(&start).skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect()
}

/// One arrow of a picture: its number in the table, who pays, who is paid, its outline.
struct Drawn<'a> {
    number: usize,
    debtor: usize,
    creditor: usize,
    outline: &'a str,
}

fn arrows(svg: &str) -> Vec<Drawn<'_>> {
    let parts = svg.split("<path id=\"p1-").skip(1);
    let mut arrows: Vec<Drawn<'_>> = parts
        .map(|part| Drawn {
            number: part[..part.find('"').unwrap()].parse().unwrap(),
            debtor: values(part, "data-f")[0].parse().unwrap(),
            creditor: values(part, "data-t")[0].parse().unwrap(),
            outline: values(part, "d")[0],
        })
        .collect();
    arrows.sort_by_key(|arrow| arrow.number);
    arrows
}

/// The numbers of an outline.
fn numbers(outline: &str) -> Vec<f64> {
    let spaced = outline.replace(|c: char| c.is_ascii_alphabetic() || c == ',', " ");
    spaced.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// The tip of an arrow between two lanes: the point after `L`, the first of two.
fn tip(outline: &str) -> (f64, f64) {
    let at = outline.find('L').unwrap();
    let numbers = numbers(&outline[at..]);
    (numbers[0], numbers[1])
}

/// The width of the shaft: its right side is in the first command, its left after the head.
fn width(outline: &str) -> f64 {
    let first = outline.find(['Q', 'H']).unwrap();
    let right = numbers(&outline[first..])[0];
    let head = outline.find('V').unwrap();
    let left = numbers(&outline[head..])[6];
    right - left
}

/// Elements that have no end tag in HTML, as this page uses them.
const VOID: [&str; 3] = ["meta", "input", "!doctype"];

/// Whether each tag is closed in order; style and script are skipped.
fn check_balanced(html: &str) {
    let mut open: Vec<String> = vec![];
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes pair up in <{tag}>");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is open");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap().to_lowercase();
        if name == "style" || name == "script" {
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).unwrap() + close.len()..];
        } else if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn every_page_is_well_formed() {
    for report in [samples::full(), samples::nothing(), samples::empty()] {
        check_balanced(&page(&report));
    }
}

#[test]
fn ids_are_unique_and_links_lead_somewhere() {
    let html = page(&samples::full());
    let ids = values(&html, "id");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len());
    for link in values(&html, "href") {
        assert!(known.contains(link.strip_prefix('#').expect("links stay on the page")), "{link}");
    }
}

#[test]
fn the_page_asks_the_network_for_nothing_and_its_policy_forbids_it() {
    let mut report = samples::full();
    // Hostile text may well say such words.
    report.alerts.pop();
    report.quarantine.reasons.clear();
    let html = page(&report);
    for word in ["http:", "https:", "//", " src=", "url(", "@import", "<link", "<img", " style=\""]
    {
        let start = html.find("</style>").unwrap();
        let (style, body) = html.split_at(start);
        let script = body.find("<script>").unwrap();
        assert!(!body[..script].contains(word), "{word}");
        assert!(word == "//" || !style.contains(word), "{word}");
    }
    assert!(html.contains("default-src 'none'; style-src 'sha256-"));
    assert!(html.contains("script-src 'sha256-"));
    assert!(!html.contains("unsafe-inline"));
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert_eq!(page(&samples::full()), page(&samples::full()));
}

#[test]
fn hostile_text_is_shown_and_never_obeyed() {
    let html = page(&samples::full());
    for text in ["<script>alert", "<img", "\u{202e}", "\u{0}", "\u{7}"] {
        assert!(!html.contains(text), "{text:?}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("evil[U+202E]txt.exe[U+0000][U+0007]"));
    assert_eq!(html.matches("<script>").count(), 1);
    let names = samples::hostile();
    let svg = draw(&names);
    check_balanced(&svg);
    assert!(svg.contains('\u{2026}'), "a long name is cut");
}

#[test]
fn every_payment_is_an_arrow_and_a_row() {
    let report = samples::full();
    let html = page(&report);
    let ids: BTreeSet<&str> = values(&html, "id").into_iter().collect();
    for (n, alert) in report.alerts.iter().enumerate() {
        for payment in 1..=alert.payments.len() {
            for kind in ["p", "r"] {
                let id = format!("{kind}{}-{payment}", n + 1);
                assert!(ids.contains(id.as_str()), "{id}");
            }
        }
    }
}

#[test]
fn no_two_arrows_lie_on_one_another() {
    for alert in samples::alerts() {
        let svg = draw(&alert);
        let arrows = arrows(&svg);
        let outlines: BTreeSet<&str> = arrows.iter().map(|arrow| arrow.outline).collect();
        assert_eq!(outlines.len(), alert.payments.len(), "{}", alert.id);
    }
}

#[test]
fn arrows_stand_in_the_order_of_payments() {
    for alert in samples::alerts() {
        let svg = draw(&alert);
        let tips: Vec<f64> = arrows(&svg)
            .iter()
            .filter(|arrow| arrow.debtor != arrow.creditor)
            .map(|arrow| tip(arrow.outline).0)
            .collect();
        assert!(tips.windows(2).all(|pair| pair[0] < pair[1]), "{}: {tips:?}", alert.id);
    }
}

#[test]
fn more_money_is_never_drawn_narrower() {
    for alert in samples::alerts() {
        let svg = draw(&alert);
        let order = flow::in_order(&alert);
        let mut drawn: Vec<(i128, f64)> = arrows(&svg)
            .iter()
            .filter(|arrow| arrow.debtor != arrow.creditor)
            .map(|arrow| {
                let payment = &alert.payments[order[arrow.number - 1]];
                (payment.base_minor, width(arrow.outline))
            })
            .collect();
        drawn.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        // Both sides of a shaft are rounded to a tenth.
        assert!(drawn.windows(2).all(|pair| pair[1].1 > pair[0].1 - 0.21), "{}", alert.id);
    }
    let svg = draw(&samples::cycle_over_days());
    let arrows = arrows(&svg);
    assert!(width(arrows[0].outline) > width(arrows[4].outline) + 0.5);
}

#[test]
fn a_cycle_is_a_staircase_that_returns() {
    for alert in [samples::cycle_over_days(), samples::cycle_in_a_minute()] {
        let svg = draw(&alert);
        let arrows = arrows(&svg);
        let tips: Vec<f64> = arrows.iter().map(|arrow| tip(arrow.outline).1).collect();
        let (steps, back) = tips.split_at(tips.len() - 1);
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "down, step by step: {tips:?}");
        assert!(back[0] < steps[0], "and up to where it began: {tips:?}");
        assert_eq!(arrows.last().unwrap().creditor, arrows[0].debtor);
    }
}

/// The lanes of an alert from top to bottom, a band as its accounts.
fn lanes(alert: &ReportAlert) -> Vec<Vec<usize>> {
    let lanes = Lanes::new(alert, &flow::in_order(alert), 0.0);
    lanes.rows.into_iter().map(|row| row.accounts).collect()
}

#[test]
fn lanes_run_from_sources_to_sinks() {
    let one = |accounts: std::ops::Range<usize>| accounts.map(|n| vec![n]).collect::<Vec<_>>();
    assert_eq!(lanes(&samples::cycle_over_days()), one(0..5));
    assert_eq!(lanes(&samples::chain_with_silence()), one(0..6));
    assert_eq!(lanes(&samples::scatter_gather()), one(0..10));
    assert_eq!(lanes(&samples::fan_in_of_12()), one(0..13));
    assert_eq!(lanes(&samples::gather_scatter(10)), one(0..21));
    let bipartite = lanes(&samples::bipartite());
    assert!(bipartite[..4].iter().all(|row| row[0] < 4), "payers above payees: {bipartite:?}");
}

#[test]
fn a_large_hub_has_bands_of_all_its_partners() {
    let fan = lanes(&samples::hub_of_500());
    assert_eq!(fan.iter().map(Vec::len).collect::<Vec<_>>(), [340, 1]);
    let both = lanes(&samples::gather_scatter(120));
    assert_eq!(both.iter().map(Vec::len).collect::<Vec<_>>(), [120, 1, 120]);
    assert!(draw(&samples::hub_of_500()).contains(">340 payers<"));
}

#[test]
fn a_tangle_of_many_accounts_stays_of_a_readable_height() {
    let mut random = samples::Lcg(23);
    let told: Vec<_> = (0..400)
        .map(|n| (n, random.index(150), 150 + random.index(3), 10 + n))
        .flat_map(|(n, a, b, euros)| [(n, a, b, euros), (n, b, (a + 7) % 150, euros)])
        .collect();
    let alert = samples::flow(0, &told);
    let svg = draw(&alert);
    let height: f64 = values(&svg, "height")[0].parse().unwrap();
    assert!(height < 1_200.0, "{height}");
    let outlines: BTreeSet<&str> = arrows(&svg).iter().map(|arrow| arrow.outline).collect();
    assert_eq!(outlines.len(), 800);
}

#[test]
fn nothing_is_drawn_outside_the_picture() {
    for alert in samples::alerts() {
        let svg = draw(&alert);
        let size: Vec<f64> =
            values(&svg, "viewBox")[0].split(' ').map(|n| n.parse().unwrap()).collect();
        for arrow in arrows(&svg).iter().filter(|arrow| arrow.debtor != arrow.creditor) {
            // Up to the first disc all numbers are absolute, but H and V have one each.
            let (x, y) = tip(arrow.outline);
            assert!(x > 158.0 && x < size[2] && y > 0.0 && y < size[3], "{}", alert.id);
        }
    }
}

#[test]
fn a_silence_is_cut_and_named() {
    let svg = draw(&samples::chain_with_silence());
    assert!(svg.contains("17 d 20 h without a payment, cut short"));
    assert!(!draw(&samples::structuring()).contains("cut short"));
}

#[test]
fn what_was_left_out_is_said() {
    let mut report = samples::full();
    report.alerts[0].evidence_left_out = 37;
    let html = page(&report);
    assert!(html.contains("37 further payments of the evidence are not shown here; they are in"));
    assert!(html.contains("214 other payments of these accounts in this time are left out"));
    assert!(html.contains("The 17 strongest of 462."));
}

#[test]
fn a_picture_stops_at_a_bound_and_says_so_while_the_table_has_all() {
    let told: Vec<_> = (0..2_100).map(|n| (n, 0, 1, 1 + n % 9)).collect();
    let mut report = samples::full();
    report.alerts = vec![samples::flow(7, &told)];
    let html = page(&report);
    assert!(html.contains("The picture has the first 2,000 of 2,100 payments"));
    assert!(html.contains(" id=\"r1-2100\""));
    assert!(!html.contains("#p1-2001"));
    let ids: BTreeSet<&str> = values(&html, "id").into_iter().collect();
    assert!(values(&html, "href").iter().all(|link| ids.contains(&link[1..])));
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let report = samples::nothing();
    let html = page(&report);
    assert!(html.contains("Nothing was raised"));
    assert!(report.typologies.iter().all(|summary| html.contains(&summary.what)));
    assert!(page(&samples::empty()).contains("No payments were read"));
}

#[test]
fn fifty_alerts_of_a_hundred_payments_stay_below_three_megabytes() {
    let mut report = samples::full();
    let mut alert = samples::gather_scatter(120);
    alert.payments.truncate(100);
    report.alerts = vec![alert; 50];
    assert!(page(&report).len() < 3_000_000);
}

#[test]
fn extreme_instants_and_amounts_are_drawn() {
    let mut alert = samples::flow(0, &[(0, 0, 1, 1), (1, 1, 2, 1), (2, 2, 0, 1)]);
    let extremes = [(i64::MIN, i128::MAX), (0, 1), (i64::MAX, i128::MAX)];
    for (payment, (time, minor)) in alert.payments.iter_mut().zip(extremes) {
        let FlowPayment { time: old, base_minor, amount, .. } = payment;
        *old = Timestamp(time);
        *base_minor = minor;
        *amount = Amount { minor, currency: Currency::ETH };
    }
    (alert.first_time, alert.last_time) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let svg = draw(&alert);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    check_balanced(&svg);
}

#[test]
fn text_is_written_for_humans() {
    assert_eq!(Esc("a<b>&\"'\u{200f}").to_string(), "a&lt;b&gt;&amp;&quot;&#39;[U+200F]");
    assert_eq!(Prose("give `--rates`").to_string(), "give <code>--rates</code>");
    assert_eq!(Prose("an odd ` one").to_string(), "an odd ` one");
    assert_eq!(ellipsised("0123456789", 7), "0123\u{2026}89");
    assert_eq!(ellipsised("\u{0}\u{0}", 9), "[U+00\u{2026}00]");
    assert_eq!(
        [0, 999, 1_000, -1_234_567].map(grouped::<i128>),
        ["0", "999", "1,000", "-1,234,567"]
    );
    let amount = |minor, currency| number(Amount { minor, currency });
    assert_eq!(amount(123_456, Currency::EUR), "1,234.56");
    assert_eq!(amount(-5, Currency::EUR), "-0.05");
    assert_eq!(amount(1_500_000_000_000_000_000, Currency::ETH), "1.50");
    assert_eq!(
        [99, 980_000, 1_234_567, 456_000_000, 999_999_999].map(|n| compact(n, Currency::EUR)),
        ["0.99", "9,800", "12.3k", "4.56M", "9.99M"]
    );
    assert_eq!(duration(0), "one moment");
    assert_eq!(duration(3 * samples::DAY + 4 * samples::HOUR), "3 d 4 h");
}

#[test]
fn dates_agree_with_the_calendar() {
    for text in ["1969-12-31", "2000-02-29", "2024-02-29", "2100-03-01", "1600-01-01", "9999-12-31"]
    {
        let time = Timestamp::parse(text).unwrap();
        let Date { year, month, day } = Date::of(time);
        assert_eq!(format!("{year:04}-{month:02}-{day:02}"), text);
    }
    let time = Timestamp::parse("2022-09-01T13:05:09.25Z").unwrap();
    assert_eq!((clock(time), Date::of(time).long()), ("13:05:09.25".into(), "1 Sep 2022".into()));
}
