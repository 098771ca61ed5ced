//! Traces: what an answer waited for, told to a collector of OpenTelemetry.
//!
//! What is told is a type of its own, and no text has a place in it but ours and a path as it is
//! described: no payment, no account, no token, no id and no key can get in. Nobody waits for the
//! collector: where it is behind, spans are dropped, and counted.

mod otlp;
mod sending;

use std::sync::{OnceLock, mpsc};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};

use self::otlp::Note;
pub(crate) use self::sending::{Sending, start};
use super::metrics::DropCount;
use crate::outputs::from_hexadecimal;
use crate::settings;

/// Where spans go. It is the process's, as its log is: what is done anywhere is noted, and nobody
/// hands it on.
static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    /// None is the end.
    queue: mpsc::SyncSender<Option<Note>>,
    dropped: DropCount,
    /// The share of spans without a parent that are kept.
    sample: f64,
}

/// What was done, and all that is told of it.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A request was answered, up to the first byte.
    Request { method: &'static str, path: Option<MatchedPath>, status: u16 },
    /// Some hundred payments of a stream were answered.
    Piece,
    /// Payments waited for the engine.
    Wait,
    /// The engine made a batch durable and judged it.
    Batch(Batch),
    /// The disk made the log durable.
    Sync,
    /// Alerts and holds went to the register.
    Register { alerts: usize, holds: usize },
    /// A message was sent to a webhook.
    Delivery { status: Option<u16>, is_taken: bool },
    /// The engine stood still for a snapshot.
    SnapshotTaken,
    /// A snapshot was written.
    SnapshotKept { bytes: usize, is_kept: bool },
}

/// What is told of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) payments: usize,
    pub(crate) requests: usize,
    pub(crate) is_durable: bool,
}

/// What a span is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parent {
    Nothing,
    /// A span of ours.
    Ours([u8; 8]),
    /// One of whoever asks.
    Theirs([u8; 8]),
}

/// The name of a span that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    trace: [u8; 16],
    own: [u8; 8],
    parent: Parent,
}

impl Span {
    /// A span under this one. Its name need be another than all of its trace, and not random: to
    /// ask the machine would cost the engine more than all else here.
    fn child(self, number: u64) -> Span {
        let own = u64::from_le_bytes(self.own).wrapping_add(number).to_le_bytes();
        Span { trace: self.trace, own, parent: Parent::Ours(self.own) }
    }

    /// Notes what was done; nobody waits for that.
    pub(crate) fn note(self, what: What, (begun, ended): (Instant, Instant)) {
        let Some(traces) = TRACES.get() else { return };
        let note = Note { span: self, what, begun, ended };
        if traces.queue.try_send(Some(note)).is_err() {
            traces.dropped.inc();
        }
    }
}

/// A span under none, where chance keeps it.
pub(crate) fn root() -> Option<Span> {
    let sample = TRACES.get()?.sample;
    let random: [u8; 24] = settings::random().ok()?;
    let (trace, rest) = random.split_first_chunk::<16>()?;
    let (_, chance) = trace.split_last_chunk::<4>()?;
    let is_kept = f64::from(u32::from_le_bytes(*chance)) < sample * 4_294_967_296.0;
    is_kept.then_some(Span { trace: *trace, own: *rest.first_chunk()?, parent: Parent::Nothing })
}

/// The span of a request, where it is kept: whoever asks decides that, else chance does.
pub(crate) fn of_request(headers: &HeaderMap) -> Option<Span> {
    TRACES.get()?;
    match caller(headers) {
        None => root(),
        Some(Caller { is_kept: false, .. }) => None,
        Some(Caller { trace, span, .. }) => {
            let own = settings::random().ok()?;
            Some(Span { trace, own, parent: Parent::Theirs(span) })
        }
    }
}

/// Who asks, by W3C Trace Context.
#[derive(Debug, PartialEq, Eq)]
struct Caller {
    trace: [u8; 16],
    span: [u8; 8],
    is_kept: bool,
}

/// What `traceparent` says. `tracestate` may be anything, so it is not read.
fn caller(headers: &HeaderMap) -> Option<Caller> {
    let mut given = headers.get_all("traceparent").iter();
    let (one, None) = (given.next()?, given.next()) else { return None };
    let mut parts = one.to_str().ok()?.split('-');
    let [version] = bytes::<1>(parts.next()?)?;
    let (trace, span) = (bytes::<16>(parts.next()?)?, bytes::<8>(parts.next()?)?);
    let [flags] = bytes::<1>(parts.next()?)?;
    // What later versions add stands behind it.
    let is_good = version != 0xff && (version > 0 || parts.next().is_none());
    let is_named = trace != [0; 16] && span != [0; 8];
    (is_good && is_named).then_some(Caller { trace, span, is_kept: flags & 1 == 1 })
}

/// Bytes in hexadecimal; Trace Context knows small letters alone.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_small = !text.bytes().any(|it| it.is_ascii_uppercase());
    from_hexadecimal(text).filter(|_| is_small)
}

/// A method as it is told: one that nobody knows could say anything.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// Payments that are on their way through the engine, where that is noted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    span: Span,
    /// Whether the span is theirs, and not that of a request that is noted elsewhere.
    is_piece: bool,
    sent: Instant,
    taken_up: Instant,
}

impl Way {
    /// Those of a request.
    pub(crate) fn of(request: &Request) -> Option<Way> {
        request.extensions().get::<Span>().map(|span| Way::begun(*span, false))
    }

    /// Some of a stream: it may go on for days, so each some hundred are looked at by themselves.
    pub(crate) fn of_piece() -> Option<Way> {
        root().map(|span| Way::begun(span, true))
    }

    fn begun(span: Span, is_piece: bool) -> Way {
        let now = settings::now();
        Way { span, is_piece, sent: now, taken_up: now }
    }

    /// They are sent to the engine.
    pub(crate) fn sent(self) -> Way {
        Way { sent: settings::now(), ..self }
    }

    /// The engine takes them up.
    pub(crate) fn taken_up(self) -> Way {
        Way { taken_up: settings::now(), ..self }
    }

    /// The batch that they were in has ended, and the sync in it.
    pub(crate) fn done(self, batch: Batch, ended: Instant, sync: Option<(Instant, Instant)>) {
        self.span.child(1).note(What::Wait, (self.sent, self.taken_up));
        let own = self.span.child(2);
        own.note(What::Batch(batch), (self.taken_up, ended));
        if let Some(times) = sync {
            own.child(1).note(What::Sync, times);
        }
        if self.is_piece {
            self.span.note(What::Piece, (self.sent, ended));
        }
    }
}

/// Something that is noted by itself, from now on.
#[derive(Debug)]
pub(crate) struct Doing {
    span: Option<Span>,
    begun: Instant,
}

/// Begins something that is noted by itself, where chance keeps it.
pub(crate) fn begin() -> Doing {
    Doing { span: root(), begun: settings::now() }
}

impl Doing {
    /// It is done.
    pub(crate) fn end(self, what: What) {
        if let Some(span) = self.span {
            span.note(what, (self.begun, settings::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn who_asks_is_read_as_trace_context_says_and_anything_else_is_nobody() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let mut headers = HeaderMap::new();
        assert_eq!(caller(&headers), None);
        for (text, wanted) in [
            (format!("00-{trace}-{span}-01"), Some(true)),
            (format!("00-{trace}-{span}-00"), Some(false)),
            (format!("00-{trace}-{span}-03"), Some(true)),
            (format!("01-{trace}-{span}-01-more"), Some(true)),
            (format!("00-{trace}-{span}-01-more"), None),
            (format!("ff-{trace}-{span}-01"), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{span}-01", trace.to_uppercase()), None),
            (format!("00-{trace}-{span}"), None),
            (format!("00-{span}-{trace}-01"), None),
            ("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(), None),
            (String::new(), None),
        ] {
            headers.insert("traceparent", HeaderValue::from_str(&text).expect("letters"));
            assert_eq!(caller(&headers).map(|caller| caller.is_kept), wanted, "{text}");
        }
        let good = HeaderValue::from_str(&format!("00-{trace}-{span}-01")).expect("letters");
        headers.insert("traceparent", good.clone());
        assert_eq!(caller(&headers).map(|caller| caller.span[1]), Some(0xf0));
        headers.append("traceparent", good);
        assert_eq!(caller(&headers), None, "two say nothing");
    }
}
