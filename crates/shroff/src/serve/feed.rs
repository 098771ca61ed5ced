//! Payments that come by themselves, each at its moment: those of a made-up world.

use std::sync::Arc;
use std::time::Duration;

use shroff_types::Timestamp;

use super::http::{self, Shared};
use crate::settings;

/// When each payment comes, and the payment as JSON, in the order of the moments.
pub(crate) type Feed = Box<dyn Iterator<Item = (Timestamp, String)> + Send>;

/// What is due is sent together, up to so many.
const MOST_TOGETHER: usize = 500;

/// Sends what is due until nothing is left, or nothing is taken any more.
pub(crate) async fn send_all(shared: Arc<Shared>, mut feed: Feed) {
    let mut due = Vec::new();
    let mut sent = 0_usize;
    let mut next = feed.next();
    while let Some((moment, payment)) = next {
        let wait = moment.micros_since(settings::wall());
        if (wait > 0 && !due.is_empty()) || due.len() >= MOST_TOGETHER {
            // Where nothing is taken any more, the log of the service says why.
            if http::take(&shared, &due).await.is_err() {
                tracing::error!("the made-up world stands still");
                return;
            }
            sent += due.len();
            due.clear();
        }
        if let Ok(wait) = u64::try_from(wait) {
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        due.push(payment);
        next = feed.next();
    }
    drop(http::take(&shared, &due).await);
    tracing::info!(payments = sent + due.len(), "the made-up world has ended");
}
