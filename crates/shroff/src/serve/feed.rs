//! Payments that come by themselves, each at its moment: those of a made-up world.

use std::sync::Arc;
use std::time::Duration;

use shroff_types::Timestamp;

use super::http::{self, Shared};
use super::problem::Problem;
use crate::progress::Bar;
use crate::settings;

/// Payments as JSON.
pub(crate) struct Feed {
    /// Those that were made before: they are taken before anybody is let in.
    pub(crate) past: Vec<String>,
    /// Those that are to come, and when, in order.
    pub(crate) coming: Box<dyn Iterator<Item = (Timestamp, String)> + Send>,
}

/// What is due is sent together, up to so many.
const MOST_TOGETHER: usize = 500;

impl Feed {
    /// Sends what was before.
    pub(crate) async fn begin(&mut self, shared: &Shared) -> Result<(), Problem> {
        let past = std::mem::take(&mut self.past);
        let mut bar = Bar::of_payments("loading the past", past.len() as u64);
        let mut sent = 0;
        for payments in past.chunks(MOST_TOGETHER) {
            http::take(shared, payments).await?;
            sent += payments.len() as u64;
            bar.at(sent);
        }
        bar.done();
        Ok(())
    }

    /// Sends each payment when it is due, until there are no more or none is taken.
    pub(crate) async fn go_on(self, shared: Arc<Shared>) {
        let mut due = Vec::new();
        for (moment, payment) in self.coming {
            let wait = moment.micros_since(settings::wall());
            if (wait > 0 || due.len() >= MOST_TOGETHER) && !due.is_empty() {
                // Where nothing is taken any more, the log of the service says why.
                if http::take(&shared, &due).await.is_err() {
                    tracing::error!("the made-up world stands still");
                    return;
                }
                due.clear();
            }
            tokio::time::sleep(Duration::from_micros(u64::try_from(wait).unwrap_or(0))).await;
            due.push(payment);
        }
        drop(http::take(&shared, &due).await);
        tracing::info!("the made-up world has ended");
    }
}
