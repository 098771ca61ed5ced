//! The thread that tells the collector. What it cannot keep up with is dropped, and counted.

use std::sync::mpsc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;
use ureq::tls::RootCerts;

use super::otlp::{self, Clock, Note};
use super::{TRACES, Traces};
use crate::cli::Tracing;
use crate::serve::metrics::TraceMetrics;
use crate::serve::{oidc, place, tls};
use crate::settings;

/// Spans that wait to be sent: some hundred KiB.
const MOST_WAITING: usize = 2_048;
/// Spans that are sent at once, and how long others are waited for after the first.
const MOST_AT_ONCE: usize = 512;
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// How long the collector may take, and how much it may say.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
const MOST_BYTES: u64 = 64 << 10;
/// The pauses after which what was not taken is sent again; after the last it is dropped.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// What sends spans as long as it is there; at its end it sends what is left.
#[derive(Debug)]
pub(crate) struct Sending {
    queue: SyncSender<Option<Note>>,
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.ending = None;
        // It takes up what waits and does not pause any more, so there is soon room.
        drop(self.queue.send(None));
        self.thread.take().map_or(Ok(()), JoinHandle::join).unwrap_or_default();
    }
}

/// Begins to note spans and to send them; none where no collector is named.
pub(crate) fn start(tracing: &Tracing, metrics: &TraceMetrics) -> anyhow::Result<Option<Sending>> {
    let Some(url) = &tracing.otlp else {
        let is_alone = tracing.otlp_headers_file.is_some();
        anyhow::ensure!(!is_alone, "--otlp-headers-file without --otlp");
        return Ok(None);
    };
    oidc::must_be_safe(url, "--otlp")?;
    let base = url.trim_end_matches('/').trim_end_matches("/v1/traces");
    let headers = tracing.otlp_headers_file.as_deref().map(place::private_text).transpose()?;
    let headers = headers.map_or(Ok(HeaderMap::new()), |text| headers_of(&text))?;
    let config = tls::asking(RootCerts::PlatformVerifier);
    let agent = config.timeout_global(Some(ANSWERS_WITHIN)).build().new_agent();
    let (queue, waiting) = mpsc::sync_channel(MOST_WAITING);
    let (ending, ended) = mpsc::channel();
    let dropped = metrics.dropped.clone();
    TRACES.get_or_init(|| Traces { queue: queue.clone(), dropped, sample: tracing.otlp_sample });
    let sender = Collector {
        url: format!("{base}/v1/traces"),
        headers,
        agent,
        metrics: metrics.clone(),
        clock: Clock::now(),
        ended,
        is_away: false,
    };
    let thread = std::thread::Builder::new()
        .name("shroff-traces".to_owned())
        .spawn(move || sender.work(&waiting))
        .context("cannot start a thread")?;
    Ok(Some(Sending { queue, ending: Some(ending), thread: Some(thread) }))
}

/// Headers, one a line. What is wrong is not quoted: there are secrets among them.
fn headers_of(text: &str) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let header = text.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
        });
        let Some((name, value)) = header else {
            bail!("--otlp-headers-file, line {line} is no header\nhint: as in `Name: value`");
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// Why spans were not taken.
struct Refused {
    why: String,
    /// Whether they may be another time.
    is_for_now: bool,
}

struct Collector {
    url: String,
    headers: HeaderMap,
    agent: ureq::Agent,
    metrics: TraceMetrics,
    clock: Clock,
    /// It is told nothing: that whoever could tell it is gone is the end.
    ended: Receiver<()>,
    is_away: bool,
}

impl Collector {
    fn work(mut self, waiting: &Receiver<Option<Note>>) {
        let mut goes_on = true;
        while goes_on {
            let (notes, more) = gather(waiting);
            goes_on = more;
            // At the end one that does not answer is not waited for twice.
            if self.is_ending() && self.is_away {
                self.metrics.dropped.inc_by(notes.len() as u64);
            } else if !notes.is_empty() {
                self.send(&notes);
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.ended.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn send(&mut self, notes: &[Note]) {
        self.clock.follow();
        let body = otlp::export(notes, self.clock).encode_to_vec();
        let count = notes.len() as u64;
        let mut pauses = PAUSES.iter();
        loop {
            match self.post(&body) {
                Ok(refused) => {
                    let refused = refused.min(count);
                    self.metrics.sent.inc_by(count - refused);
                    self.metrics.dropped.inc_by(refused);
                    if std::mem::take(&mut self.is_away) {
                        tracing::info!("traces are taken again");
                    }
                    return;
                }
                Err(Refused { why, is_for_now }) => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        tracing::warn!(why, "traces are not taken");
                    }
                    let pause = pauses.next().filter(|_| is_for_now && !self.is_ending());
                    let Some(pause) = pause else {
                        self.metrics.dropped.inc_by(count);
                        return;
                    };
                    // Where it is told to stop meanwhile, it tries at once, for the last time.
                    self.ended.recv_timeout(*pause).unwrap_or_default();
                }
            }
        }
    }

    /// How many spans were not taken of those that were.
    fn post(&self, body: &[u8]) -> Result<u64, Refused> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = request
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("shroff/", env!("CARGO_PKG_VERSION")))
            .send(body);
        // What went wrong may have the address in it, and that a secret.
        let away = |_| Refused { why: "no answer".to_owned(), is_for_now: true };
        let mut response = sent.map_err(away)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        if !(200..300).contains(&status) {
            let is_for_now = matches!(status, 429 | 502..=504);
            return Err(Refused { why: format!("answered {status}"), is_for_now });
        }
        let answer = otlp::Answer::decode(body.unwrap_or_default().as_slice());
        Ok(answer.map_or(0, |answer| answer.refused()))
    }
}

/// What comes within a while of the first, and whether more may come.
fn gather(waiting: &Receiver<Option<Note>>) -> (Vec<Note>, bool) {
    let mut notes = Vec::new();
    let Ok(Some(first)) = waiting.recv() else { return (notes, false) };
    notes.push(first);
    let until = settings::now() + GATHERED_FOR;
    while notes.len() < MOST_AT_ONCE {
        let left = until.saturating_duration_since(settings::now());
        match waiting.recv_timeout(left) {
            Ok(Some(note)) => notes.push(note),
            Err(RecvTimeoutError::Timeout) => break,
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return (notes, false),
        }
    }
    (notes, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_what_is_none_is_named_and_not_quoted() {
        let headers = headers_of("Authorization: Bearer x:y\n\nx-tenant:bank\n").expect("headers");
        assert_eq!(headers["authorization"], "Bearer x:y");
        assert_eq!(headers["x-tenant"], "bank");
        for bad in ["Authorization: a\nsecret", "sec ret: x", ": secret"] {
            let error = headers_of(bad).expect_err("no header").to_string();
            assert!(error.contains("line ") && !error.contains("secret"), "{error}");
        }
    }
}
