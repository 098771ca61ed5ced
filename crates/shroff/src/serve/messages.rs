//! `POST /v1/messages`: ISO 20022 and MT103. What cannot be read is not read at all, and is kept aside.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::value::RawValue;
use shroff_ingest::messages::{
    Instruction, Limits, Message, PartyNames, Unreadable, read_messages,
};
use shroff_store::write_payment;

use super::api::{Asked, Big, MessagesAnswer, Typed, Unprocessed};
use super::desk::{Other, Sent, stopped};
use super::http::{
    Answer, JSON, MOST_BODY_BYTES, Shared, allow, note_known, room, too_large, typed,
};
use super::keys::Right;
use super::problem::{Kind, Problem};
use super::sealed::Names;
use super::traces::Way;
use super::wire;
use crate::settings;

/// The most payments, returns and rejections of a request.
const MOST_INSTRUCTIONS: usize = 8_192;
/// Above this a body is read on a thread of its own: another request need not wait for it.
const SHORT: usize = 64 << 10;

/// Messages between banks in, verdicts out: ISO 20022 and MT103. A message is taken as a whole or not at all.
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "sendMessages",
    tag = "payments",
    request_body(content(
        (String = "application/xml"),
        (String = "text/xml"),
        (String = "text/plain"),
    )),
    responses(
        (
            status = 200,
            description = "What is said of each instruction",
            body = MessagesAnswer,
            headers(("Known-Payments" = Option<u64>, description = "How many payments were sent before")),
        ),
        Asked, Big, Typed, Unprocessed,
    ),
)]
pub(crate) async fn messages(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    allow(&shared, &request, Right::SendPayments)?;
    if shared.desk.is_stopped() {
        return Err(stopped());
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map_or("", |kind| kind.split(';').next().unwrap_or_default().trim());
    if !matches!(kind, "application/xml" | "text/xml" | "text/plain") {
        return Err(Problem::new(Kind::UnsupportedMediaType, "the `Content-Type` is another one")
            .hint("application/xml for ISO 20022, text/plain for MT103"));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(MOST_BODY_BYTES);
    if length > MOST_BODY_BYTES {
        return Err(too_large());
    }
    let permit = room(&shared, length)?;
    let way = Way::of(&request);
    let body = axum::body::to_bytes(request.into_body(), MOST_BODY_BYTES).await;
    let body = body.map_err(|_| too_large())?;
    let has_names = shared.vault.is_some();
    let messages = match read(&body, has_names).await? {
        Ok(messages) => messages,
        Err(error) => return Err(aside(shared, body, error).await),
    };
    let latest = wire::Latest { now: settings::wall(), ahead: shared.ahead };
    let sent = Sent { way, ..sent(&messages, latest) };
    let answers = shared.desk.send(sent, permit).await.map_err(|_| stopped())??;
    let mut response = typed(JSON, told(&messages, &answers.lines)?);
    note_known(&mut response, answers.known);
    Ok(response)
}

async fn read(body: &Bytes, has_names: bool) -> Result<Result<Vec<Message>, Unreadable>, Problem> {
    let limits = Limits {
        bytes: MOST_BODY_BYTES,
        instructions: MOST_INSTRUCTIONS,
        has_names,
        ..Limits::default()
    };
    if body.len() <= SHORT {
        return Ok(read_messages(body, &limits));
    }
    let body = body.clone();
    let reading = tokio::task::spawn_blocking(move || read_messages(&body, &limits));
    reading.await.map_err(|_| Problem::new(Kind::Internal, "a message could not be read"))
}

/// Keeps what could not be read, and says so.
async fn aside(shared: Arc<Shared>, body: Bytes, error: Unreadable) -> Problem {
    shared.metrics.refused.inc();
    let reason = error.to_string();
    let told = reason.clone();
    let keeping = tokio::task::spawn_blocking(move || {
        shared.quarantine.keep(&body, &reason, settings::wall())
    });
    let hint = match keeping.await {
        Ok(Ok(Some(name))) => {
            format!("nothing of it was taken; it lies in the quarantine as {name}")
        }
        Ok(Ok(None)) => {
            tracing::warn!("the quarantine is full: a message that cannot be read is not kept");
            "nothing of it was taken; the quarantine is full, and it was not kept".to_owned()
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "a message that cannot be read was not kept");
            "nothing of it was taken, and it could not be kept".to_owned()
        }
        Err(_) => "nothing of it was taken, and it could not be kept".to_owned(),
    };
    Problem::new(Kind::Unreadable, told).hint(&hint)
}

/// What goes to the engine, in order.
fn sent(messages: &[Message], latest: wire::Latest) -> Sent {
    let mut sent = Sent { is_message: true, ..Sent::default() };
    let all = messages.iter().flat_map(|message| &message.instructions);
    for (index, instruction) in (0..).zip(all) {
        let other = match instruction {
            Instruction::Payment(payment) => match wire::not_ahead(payment.time, latest) {
                Ok(()) => {
                    write_payment(&payment.sent(), &mut sent.records);
                    let PartyNames { debtor, creditor, remittance } = payment.names.clone();
                    let names = Names { debtor, creditor, remittance };
                    if !names.is_empty() {
                        sent.names.push((sent.count, names));
                    }
                    sent.count += 1;
                    continue;
                }
                Err(problem) => Other::Refused(problem.at(Some(index))),
            },
            Instruction::Return(one) | Instruction::Rejection(one) => Other::Withdraw(one.clone()),
            Instruction::LeftOut(why) => Other::LeftOut(why),
        };
        sent.others.push_back((index, other));
    }
    sent
}

/// The answers, put together by message.
fn told(messages: &[Message], lines: &[u8]) -> Result<Vec<u8>, Problem> {
    let broken = || Problem::new(Kind::Internal, "a verdict could not be written");
    let lines = std::str::from_utf8(lines).map_err(|_| broken())?;
    let mut lines = lines.lines();
    let mut all = Vec::with_capacity(messages.len());
    for message in messages {
        let mut instructions: Vec<&RawValue> = Vec::with_capacity(message.instructions.len());
        for line in lines.by_ref().take(message.instructions.len()) {
            instructions.push(serde_json::from_str(line).map_err(|_| broken())?);
        }
        all.push(Told {
            kind: message.kind.name(),
            version: &message.version,
            id: &message.id,
            warnings: &message.warnings,
            instructions,
        });
    }
    serde_json::to_vec(&Reply { messages: all }).map_err(|_| broken())
}

#[derive(serde::Serialize)]
struct Reply<'a> {
    messages: Vec<Told<'a>>,
}

#[derive(serde::Serialize)]
struct Told<'a> {
    kind: &'static str,
    version: &'a str,
    id: &'a str,
    warnings: &'a [String],
    instructions: Vec<&'a RawValue>,
}
