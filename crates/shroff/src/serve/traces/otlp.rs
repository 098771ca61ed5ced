//! What is sent, as OTLP has it: its messages, of each what we fill in. Their numbers are those of
//! `opentelemetry/proto/trace/v1/trace.proto`, which is stable.

use std::time::Instant;

use axum::extract::MatchedPath;

use super::{Parent, Span, What};
use crate::settings;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) span: Span,
    pub(super) what: What,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
}

/// How far the clock of the day may be from where it was thought to be, before that is thought anew.
const CLOCK_NANOS: u64 = 1_000_000;

/// The time of day of what was measured by another clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    at: Instant,
    /// Since 1970.
    nanos: u64,
}

impl Clock {
    pub(super) fn now() -> Clock {
        let nanos = u64::try_from(settings::wall().0).unwrap_or(0).saturating_mul(1_000);
        Clock { at: settings::now(), nanos }
    }

    /// Follows the clock of the day where it was set; else parents and children keep their order.
    pub(super) fn follow(&mut self) {
        let now = Clock::now();
        if self.of(now.at).abs_diff(now.nanos) > CLOCK_NANOS {
            *self = now;
        }
    }

    fn of(self, at: Instant) -> u64 {
        let nanos = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        match at.checked_duration_since(self.at) {
            Some(after) => self.nanos.saturating_add(nanos(after)),
            None => self.nanos.saturating_sub(nanos(self.at - at)),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Sent>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

/// `Span`.
#[derive(Clone, PartialEq, prost::Message)]
struct Sent {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

/// One of several; on the wire that is the one that is there.
#[derive(Clone, PartialEq, prost::Message)]
struct AnyValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(int64, optional, tag = "3")]
    number: Option<i64>,
}

/// What a collector answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

impl Answer {
    /// How many spans it did not take.
    pub(super) fn refused(&self) -> u64 {
        let refused = self.partial_success.as_ref().map_or(0, |part| part.rejected_spans);
        u64::try_from(refused).unwrap_or(0)
    }
}

/// `SpanKind`.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;
/// `SpanFlags`: it is kept; whether its parent is another's is known; it is.
const KEPT: u32 = 1;
const IS_KNOWN: u32 = 0x100;
const IS_THEIRS: u32 = 0x200;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { text: Some(value.to_owned()), number: None };
    KeyValue { key: key.to_owned(), value: Some(value) }
}

fn number(key: &str, value: usize) -> KeyValue {
    let number = Some(i64::try_from(value).unwrap_or(i64::MAX));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { text: None, number }) }
}

/// Spans as they are sent.
pub(super) fn export(notes: &[Note], clock: Clock) -> Export {
    let scope = Scope { name: "shroff".to_owned(), version: VERSION.to_owned() };
    let spans = notes.iter().map(|note| sent(note, clock)).collect();
    let attributes = vec![text("service.name", "shroff"), text("service.version", VERSION)];
    Export {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans }],
        }],
    }
}

fn sent(note: &Note, clock: Clock) -> Sent {
    let Span { trace, own, parent } = note.span;
    let Told { name, kind, attributes, is_error } = told(&note.what);
    let (parent, of_parent) = match parent {
        Parent::Nothing => (Vec::new(), 0),
        Parent::Ours(span) => (span.to_vec(), IS_KNOWN),
        Parent::Theirs(span) => (span.to_vec(), IS_KNOWN | IS_THEIRS),
    };
    Sent {
        trace_id: trace.to_vec(),
        span_id: own.to_vec(),
        parent_span_id: parent,
        name,
        kind,
        start_time_unix_nano: clock.of(note.begun),
        end_time_unix_nano: clock.of(note.ended),
        attributes,
        status: is_error.then_some(Status { code: ERROR }),
        flags: KEPT | of_parent,
    }
}

struct Told {
    name: String,
    kind: i32,
    attributes: Vec<KeyValue>,
    is_error: bool,
}

/// What is told of what was done: names of our own, and those of the conventions for HTTP.
fn told(what: &What) -> Told {
    let (name, kind, attributes, is_error) = match what {
        What::Request { method, path, status } => {
            return request(method, path.as_ref(), *status);
        }
        What::Piece => ("payments.piece", INTERNAL, Vec::new(), false),
        What::Wait => ("engine.wait", INTERNAL, Vec::new(), false),
        What::Batch(batch) => {
            let payments = number("shroff.payments", batch.payments);
            let requests = number("shroff.requests", batch.requests);
            ("engine.batch", INTERNAL, vec![payments, requests], !batch.is_durable)
        }
        What::Sync => ("log.sync", INTERNAL, Vec::new(), false),
        What::Register { alerts, holds } => {
            let told = vec![number("shroff.alerts", *alerts), number("shroff.holds", *holds)];
            ("register.write", INTERNAL, told, false)
        }
        What::Delivery { status, is_taken } => {
            let code = |status: u16| number("http.response.status_code", usize::from(status));
            let told = status.map(code).into_iter().collect();
            ("webhook.delivery", CLIENT, told, !is_taken)
        }
        What::SnapshotTaken => ("snapshot.take", INTERNAL, Vec::new(), false),
        What::SnapshotKept { bytes, is_kept } => {
            ("snapshot.keep", INTERNAL, vec![number("shroff.bytes", *bytes)], !is_kept)
        }
    };
    Told { name: name.to_owned(), kind, attributes, is_error }
}

fn request(method: &str, path: Option<&MatchedPath>, status: u16) -> Told {
    let code = number("http.response.status_code", usize::from(status));
    let mut attributes = vec![text("http.request.method", method), code];
    let path = path.map(MatchedPath::as_str);
    attributes.extend(path.map(|path| text("http.route", path)));
    let name = [Some(method), path].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Told { name, kind: SERVER, attributes, is_error: status >= 500 }
}
