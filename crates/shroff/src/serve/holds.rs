//! The timer that ends holds which nobody decided.

use std::sync::Arc;
use std::time::Duration;

use shroff_store::register::{HoldEnd, Register};

use super::events::Events;
use crate::settings;

/// How long it sleeps at most: the clock of the machine may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// Ends holds when their time is over, as long as it runs.
pub(crate) async fn end(register: Register, events: Arc<Events>, end: HoldEnd) {
    loop {
        let pause = match once(&register, &events, end).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, "holds could not be ended: it is tried again");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = events.holds.notified() => {}
        }
    }
}

/// Ends what is due, and says how long nothing is.
async fn once(
    register: &Register,
    events: &Events,
    end: HoldEnd,
) -> Result<Duration, shroff_store::register::RegisterError> {
    loop {
        let Some(next) = register.next_hold_end().await? else { return Ok(LONGEST) };
        let micros = next.micros_since(settings::wall());
        if micros > 0 {
            let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
            return Ok(pause.min(LONGEST));
        }
        for hold in register.end_due_holds(settings::wall(), end).await? {
            events.hold(&hold);
        }
    }
}
