//! Webhooks: others are told of what changes, at addresses that an administrator names, by the
//! specification of Standard Webhooks.
//!
//! What is to be told lies in the register. A task takes it from there, one endpoint beside the
//! others, and threads of their own wait for who is told: nothing in the way of a payment does.

pub(crate) mod reach;
pub(crate) mod secrets;
mod wording;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use shroff_store::register::{Attempted, DeliveryRow, Kept, Register, RegisterError, WebhookRow};
use shroff_types::{Span, Timestamp};
use tokio::task::JoinSet;

pub(crate) use self::reach::Reach;
use self::reach::{Came, Message};
pub(crate) use self::secrets::Secrets;
pub(crate) use self::wording::wording;
use super::events::Events;
use super::metrics::Metrics;
use super::traces::{self, What};
use crate::cli::Hooks;
use crate::settings;

/// The most endpoints that there are.
pub(crate) const MOST_ENDPOINTS: i64 = 32;
/// Messages that are sent to an endpoint before others are looked after.
const AT_ONCE: u32 = 20;
/// Messages that wait for an endpoint: whoever takes none for so long is told no more.
const MOST_WAITING: u64 = 100_000;
/// How long it sleeps while something waits, and while nothing does.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// How often what is done is let go.
const PRUNED_EVERY_MICROS: i64 = 3_600 * 1_000_000;
/// What is kept of it, of each endpoint: so many days, and so many messages.
const DELIVERED_KEPT: (u32, u32) = (7, 1_000);
const DEAD_KEPT: (u32, u32) = (30, 10_000);
/// The longest that a receiver can ask to be left alone for.
const MOST_ASKED_SECONDS: i64 = 3_600;

/// What tells others.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) secrets: Secrets,
    pub(crate) reach: Reach,
    retries: Vec<Span>,
    metrics: Arc<Metrics>,
}

/// The id of a message, which is the same at each attempt.
pub(crate) fn message_id(webhook: &WebhookRow, n: u64) -> String {
    format!("msg_{n}_{:x}", webhook.created_at.0)
}

/// The number of a message of an endpoint.
pub(crate) fn message_number(webhook: &WebhookRow, id: &str) -> Option<u64> {
    let n = id.strip_prefix("msg_")?.split('_').next()?.parse().ok()?;
    (message_id(webhook, n) == id).then_some(n)
}

impl Webhooks {
    pub(crate) fn new(
        data: &Path,
        hooks: &Hooks,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Arc<Webhooks>> {
        Ok(Arc::new(Webhooks {
            secrets: Secrets::of(&data.join(secrets::FILE))?,
            reach: Reach::new(hooks.webhook_private, hooks.webhook_timeout),
            retries: hooks.webhook_retries.clone(),
            metrics,
        }))
    }

    /// When a message is tried again that was tried so often; none where it is given up.
    fn again(&self, attempts: u32, now: Timestamp, asked: Option<i64>) -> Option<Timestamp> {
        let pause = self.retries.get(attempts as usize)?.micros();
        // A tenth at most is added by chance, so that not all come back at the same moment.
        let chance = settings::random::<2>().map_or(0, u16::from_le_bytes);
        let more = pause / 10 * i64::from(chance) / i64::from(u16::MAX);
        let asked = asked.unwrap_or(0).clamp(0, MOST_ASKED_SECONDS) * 1_000_000;
        Some(Timestamp(now.0.saturating_add((pause + more).max(asked))))
    }
}

/// Tells others as long as it runs.
pub(crate) async fn tell(register: Register, events: Arc<Events>, webhooks: Arc<Webhooks>) {
    let mut busy = BTreeSet::new();
    let mut working = JoinSet::new();
    let mut pruned = Timestamp(i64::MIN);
    loop {
        let now = settings::wall();
        let pause = match register.webhooks_due(now).await {
            Ok((due, waits)) => {
                for endpoint in due {
                    if busy.insert(endpoint) {
                        working.spawn(work(register.clone(), Arc::clone(&webhooks), endpoint));
                    }
                }
                PAUSES[usize::from(!waits)]
            }
            Err(error) => {
                tracing::error!(%error, "webhooks could not be looked after: it is tried again");
                PAUSES[0]
            }
        };
        if now.0.saturating_sub(pruned.0) > PRUNED_EVERY_MICROS {
            pruned = now;
            if let Err(error) = prune(&register, now).await {
                tracing::error!(%error, "messages of webhooks were not let go");
            }
        }
        if let Err(error) = count(&register, &webhooks, now).await {
            tracing::error!(%error, "messages of webhooks were not counted");
        }
        tokio::select! {
            Some(ended) = working.join_next(), if !working.is_empty() => match ended {
                Ok(endpoint) => {
                    busy.remove(&endpoint);
                }
                // None was ended by us: it broke, and all are looked after anew.
                Err(error) => {
                    tracing::error!(%error, "a webhook was left in the middle");
                    working.detach_all();
                    busy.clear();
                }
            },
            () = events.outbox.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends what is due at an endpoint, some of it; the endpoint.
async fn work(register: Register, webhooks: Arc<Webhooks>, endpoint: i64) -> i64 {
    if let Err(error) = try_work(&register, &webhooks, endpoint).await {
        tracing::error!(%error, endpoint, "what became of a message was not noted: it is sent again");
        tokio::time::sleep(PAUSES[0]).await;
    }
    endpoint
}

async fn try_work(
    register: &Register,
    webhooks: &Arc<Webhooks>,
    endpoint: i64,
) -> Result<(), RegisterError> {
    let Some(webhook) = register.webhook(endpoint).await? else { return Ok(()) };
    for delivery in register.deliveries_due(endpoint, settings::wall(), AT_ONCE).await? {
        let came = send(webhooks, &webhook, &delivery).await;
        let goes_on = note(register, webhooks, &delivery, came).await?;
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Sends a message, and waits on another thread for what is answered.
async fn send(webhooks: &Arc<Webhooks>, webhook: &WebhookRow, delivery: &DeliveryRow) -> Came {
    let now = settings::wall();
    let former = webhook.former.as_ref().filter(|(_, until)| *until > now);
    let salts: Vec<&str> = std::iter::once(webhook.salt.as_str())
        .chain(former.map(|(salt, _)| salt.as_str()))
        .collect();
    if webhooks.secrets.mark(&webhook.salt) != webhook.mark {
        let what = "its secret cannot be made: `webhook.key` is another one; rotate the secret";
        return Came::Away { status: None, why: what.to_owned(), asked: None };
    }
    let id = message_id(webhook, delivery.n);
    let seconds = now.0.div_euclid(1_000_000);
    let message = Message {
        url: webhook.url.clone(),
        signature: webhooks.secrets.sign(&salts, (&id, seconds), &delivery.body),
        id,
        seconds,
        body: delivery.body.clone(),
    };
    let webhooks = Arc::clone(webhooks);
    let doing = traces::begin();
    let sent = tokio::task::spawn_blocking(move || webhooks.reach.send(&message)).await;
    let (is_taken, status) = sent.as_ref().map_or((false, None), Came::status);
    doing.end(What::Delivery { status, is_taken });
    sent.unwrap_or_else(|_| Came::Away {
        status: None,
        why: "it broke off".to_owned(),
        asked: None,
    })
}

/// Notes what came of a message; whether others may be sent now.
async fn note(
    register: &Register,
    webhooks: &Webhooks,
    delivery: &DeliveryRow,
    came: Came,
) -> Result<bool, RegisterError> {
    let at = settings::wall();
    let none = Attempted { at, status: None, error: None, again: None, is_away: false, ends: None };
    let metrics = &webhooks.metrics.webhooks;
    let (attempted, goes_on) = match &came {
        Came::Taken(status) => {
            metrics.delivered.inc();
            (Attempted { status: Some(*status), ..none }, true)
        }
        Came::Gone => {
            let error = Some("answered 410: it is gone");
            let ends = Some("it answered 410: it is gone");
            (Attempted { status: Some(410), error, ends, ..none }, false)
        }
        Came::Refused { status, why } => {
            let again = webhooks.again(delivery.attempts, at, None);
            (Attempted { status: Some(*status), error: Some(why), again, ..none }, true)
        }
        Came::Away { status, why, asked } => {
            let again = webhooks.again(delivery.attempts, at, *asked);
            (Attempted { status: *status, error: Some(why), again, is_away: true, ..none }, false)
        }
    };
    register.attempted(delivery, attempted).await?;
    if let Some(error) = attempted.error {
        metrics.failed.inc();
        let (endpoint, message) = (delivery.endpoint, delivery.n);
        if attempted.again.is_none() {
            metrics.dead.inc();
            tracing::warn!(endpoint, message, error, "a message of a webhook was given up");
        } else {
            tracing::info!(endpoint, message, error, "a message of a webhook is sent again later");
        }
        if let Some(reason) = attempted.ends {
            tracing::warn!(endpoint, reason, "a webhook is told no more");
        }
    }
    Ok(goes_on)
}

/// Counts what waits; an endpoint for which too much does is told no more.
async fn count(
    register: &Register,
    webhooks: &Webhooks,
    now: Timestamp,
) -> Result<(), RegisterError> {
    let all = register.webhooks_waiting().await?;
    webhooks.metrics.webhooks.waiting(all.values().map(|one| one.waiting).sum());
    for (endpoint, _) in all.into_iter().filter(|(_, one)| one.waiting >= MOST_WAITING) {
        let reason = format!("{MOST_WAITING} messages wait for it");
        register.disable_webhook(endpoint, &reason, now).await?;
    }
    Ok(())
}

/// Lets go what was sent or given up some time ago.
async fn prune(register: &Register, now: Timestamp) -> Result<(), RegisterError> {
    let since = |days: u32| now.before(Span::DAY.times(days));
    let kept = Kept {
        delivered_since: since(DELIVERED_KEPT.0),
        delivered: DELIVERED_KEPT.1,
        dead_since: since(DEAD_KEPT.0),
        dead: DEAD_KEPT.1,
    };
    for webhook in register.webhooks().await? {
        let gone = register.prune_deliveries(webhook.number, kept).await?;
        if gone > 0 {
            let endpoint = webhook.number;
            tracing::warn!(endpoint, gone, "messages that were given up are not kept any more");
        }
    }
    Ok(())
}
