//! What is said of a payment, as JSON.

use std::fmt::Display;
use std::io::Write;

use shroff_detect::Arrival;
use shroff_engine::{AlertId, Fired, Told};
use shroff_store::Disk;
use shroff_types::Place;

use super::core::Core;

/// How a payment came, as replies write it.
fn arrival_name(arrival: Arrival) -> &'static str {
    match arrival {
        Arrival::InOrder => "in-order",
        Arrival::Late => "late",
        Arrival::TooLate => "too-late",
    }
}

/// A share of 1000, as short as it is exact.
pub(crate) fn permille(out: &mut Vec<u8>, permille: u16) {
    match permille {
        0 => out.push(b'0'),
        1_000 => out.push(b'1'),
        _ => {
            let text = format!("0.{permille:03}");
            out.extend_from_slice(text.trim_end_matches('0').as_bytes());
        }
    }
}

pub(crate) fn show(out: &mut Vec<u8>, value: impl Display) {
    // Writing to memory does not fail.
    write!(out, "{value}").unwrap_or_default();
}

/// A text in quotes.
pub(crate) fn quoted(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend(serde_json::to_vec(text).unwrap_or_default());
    }
}

/// Texts in brackets, each written by a closure.
pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    out.push(b'[');
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(b']');
    Ok(())
}

/// The verdict on a payment: the same bytes whenever it is asked for.
pub(crate) fn verdict<D: Disk>(
    out: &mut Vec<u8>,
    core: &Core<D>,
    (version, told): (u64, &Told),
) -> anyhow::Result<()> {
    out.extend_from_slice(b"{\"id\":");
    id(out, core, told.place)?;
    out.extend_from_slice(b",\"place\":");
    out.extend_from_slice(itoa::Buffer::new().format(told.place.0).as_bytes());
    out.extend_from_slice(b",\"arrival\":\"");
    out.extend_from_slice(arrival_name(told.arrival).as_bytes());
    out.extend_from_slice(b"\",\"score\":");
    match told.arrival {
        Arrival::TooLate => out.extend_from_slice(b"null"),
        Arrival::InOrder | Arrival::Late => permille(out, told.score_permille),
    }
    out.extend_from_slice(b",\"action\":\"");
    out.extend_from_slice(told.action.name().as_bytes());
    out.extend_from_slice(b"\",\"lower_bounds\":");
    out.extend_from_slice(if told.saturated { b"true" } else { b"false" });
    out.extend_from_slice(b",\"reasons\":");
    list(out, &told.fired, |out, fired| reason(out, core, (version, told, fired)))?;
    out.extend_from_slice(b",\"version\":\"");
    show(out, format_args!("{version:016x}"));
    out.extend_from_slice(b"\"}");
    Ok(())
}

fn reason<D: Disk>(
    out: &mut Vec<u8>,
    core: &Core<D>,
    (version, told, fired): (u64, &Told, &Fired),
) -> anyhow::Result<()> {
    let typologies = core.typologies_of(version);
    out.extend_from_slice(b"{\"typology\":");
    quoted(out, typologies.get(fired.hit.typology).map_or("", String::as_str));
    out.extend_from_slice(b",\"score\":");
    permille(out, fired.hit.score_permille);
    out.extend_from_slice(b",\"share\":");
    permille(out, fired.share_permille);
    out.extend_from_slice(b",\"text\":");
    quoted(out, &fired.text);
    out.extend_from_slice(b",\"alert\":");
    let touched = told.touched.iter().find(|touched| touched.draft == fired.draft);
    match touched {
        Some(touched) => {
            let name = typologies.get(touched.opened.0).map_or("", String::as_str);
            show(out, format_args!("\"{}\"", AlertId(name, touched.opened)));
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"evidence\":");
    list(out, &fired.evidence, |out, &place| id(out, core, place))?;
    out.extend_from_slice(b",\"evidence_is_complete\":");
    out.extend_from_slice(if fired.is_whole { b"true" } else { b"false" });
    out.push(b'}');
    Ok(())
}

fn id<D: Disk>(out: &mut Vec<u8>, core: &Core<D>, place: Place) -> anyhow::Result<()> {
    match core.live.held(place) {
        Some(held) => quoted(out, held.id),
        None => core.payment(place, |sent| quoted(out, sent.id))?,
    }
    Ok(())
}
