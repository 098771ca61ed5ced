//! `POST /v1/payments` with an Arrow stream: columns in, verdicts out line by line.
//!
//! The answer begins once the schema is known to fit. A payment that is none is told of in its place,
//! and the others go on; what cannot be read at all ends the answer with a problem.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use shroff_ingest::{ColumnRows, ColumnStream, Unfit};
use shroff_store::write_payment;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::actor::still;
use super::desk::Sent;
use super::http::{
    Answer, MOST_LINE_BYTES, MOST_LINES, MOST_UNDER_WAY, NDJSON, Shared, Waiting, end, room, taken,
    typed, write_answers,
};
use super::keys::Right;
use super::problem::{Kind, Problem};
use super::traces::Way;
use super::wire;
use crate::settings;

pub(super) const KIND: &str = "application/vnd.apache.arrow.stream";
/// Streams at once: each holds a message of 4 MiB, what is made of it, and the words of its columns.
pub(crate) const MOST_STREAMS: usize = 8;

fn unfit(unfit: Unfit) -> Problem {
    let Unfit { reason, hint, is_too_large } = unfit;
    let kind = if is_too_large { Kind::TooLarge } else { Kind::BadRequest };
    Problem::new(kind, reason).hint(&hint)
}

/// A stream of payments in columns.
pub(super) async fn stream(shared: Arc<Shared>, request: Request) -> Answer {
    drop(room(&shared, MOST_LINE_BYTES)?);
    let permit = Arc::clone(&shared.columns).try_acquire_owned().map_err(|_| {
        shared.metrics.turned_away.inc();
        Problem::new(Kind::Overloaded, format!("{MOST_STREAMS} streams of columns are under way"))
            .hint("send it again after the seconds of Retry-After; nothing of it was taken")
    })?;
    let (head, mut body) = request.into_parts();
    let mut columns = match shared.vault {
        Some(_) => ColumnStream::with_names(),
        None => ColumnStream::default(),
    };
    while !columns.begin().map_err(unfit)? {
        if !take_some(&mut columns, &mut body).await? {
            columns.finish().map_err(unfit)?;
        }
    }
    let (out, body_out) = Channel::<Bytes, Infallible>::new(MOST_UNDER_WAY);
    let (order, waiting) = mpsc::channel(MOST_UNDER_WAY);
    tokio::spawn(write_answers(waiting, out));
    tokio::spawn(async move {
        let mut stream = Stream { shared, headers: head.headers, body, columns, before: 0, permit };
        if let Err(problem) = stream.read(&order).await {
            end(problem, stream.before, &order).await;
        }
    });
    Ok(typed(NDJSON, Body::new(body_out)))
}

/// Takes more of a body in; false where there is no more.
async fn take_some(columns: &mut ColumnStream, body: &mut Body) -> Result<bool, Problem> {
    match body.frame().await {
        None => Ok(false),
        Some(Ok(frame)) => {
            columns.feed(frame.data_ref().map_or(&[][..], |data| data));
            Ok(true)
        }
        Some(Err(_)) => Err(Problem::new(Kind::BadRequest, "the body broke off")),
    }
}

struct Stream {
    shared: Arc<Shared>,
    headers: HeaderMap,
    body: Body,
    columns: ColumnStream,
    /// How many payments came before.
    before: u64,
    /// Held as long as it goes on.
    #[expect(dead_code, reason = "dropping it makes room for another stream")]
    permit: OwnedSemaphorePermit,
}

impl Stream {
    async fn read(&mut self, order: &mpsc::Sender<Waiting>) -> Result<(), Problem> {
        loop {
            while let Some(rows) = self.columns.next_rows().map_err(unfit)? {
                if !self.send(&rows, order).await? {
                    return Ok(());
                }
            }
            // A stream may go on for days: who was turned out since sends nothing more.
            still(&self.shared, &self.headers, Right::SendPayments)?;
            if !take_some(&mut self.columns, &mut self.body).await? {
                return self.columns.finish().map_err(unfit);
            }
        }
    }

    /// Sends payments on, some hundred at once; false where nobody waits for the answers any more.
    async fn send(
        &mut self,
        rows: &ColumnRows,
        order: &mpsc::Sender<Waiting>,
    ) -> Result<bool, Problem> {
        let reader = rows.reader().map_err(unfit)?;
        for first in (0..rows.count()).step_by(MOST_LINES) {
            let latest = wire::Latest { now: settings::wall(), ahead: self.shared.ahead };
            let way = Way::of_piece();
            let mut sent = Sent { before: self.before, way, ..Sent::default() };
            for at in first..rows.count().min(first + MOST_LINES) {
                let records = &mut sent.records;
                let row = reader.row(at);
                let read = wire::row_names(&row).and_then(|named| {
                    wire::read_row(&row, latest, |payment| write_payment(payment, records))?;
                    Ok(named)
                });
                taken(&mut sent, read);
            }
            let count = (sent.count + sent.refused.len()) as u64;
            let kib = u32::try_from(sent.records.len().div_ceil(1 << 10)).unwrap_or(u32::MAX);
            let permit = Arc::clone(&self.shared.room).acquire_many_owned(kib.max(1)).await;
            let Ok(permit) = permit else { return Ok(false) };
            let answer = self.shared.desk.send(sent, permit);
            if order.send((answer, self.before)).await.is_err() {
                return Ok(false);
            }
            self.before += count;
        }
        Ok(true)
    }
}
