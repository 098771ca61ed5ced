//! What time does: it ends holds that nobody decided, and goes on with cases that rested.

use std::sync::Arc;
use std::time::Duration;

use shroff_store::register::{HoldEnd, Register, RegisterError};
use shroff_types::Timestamp;

use super::events::Events;
use crate::settings;

/// How long it sleeps at most: the clock of the machine may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// Does what is due, as long as it runs.
pub(crate) async fn run(register: Register, events: Arc<Events>, end: HoldEnd) {
    loop {
        let holds = end_holds(&register, &events, end).await;
        let cases = resume_cases(&register, &events).await;
        let pause = match holds.and_then(|holds| Ok(holds.min(cases?))) {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, "what is due was not done: it is tried again");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = events.timers.notified() => {}
        }
    }
}

/// How long nothing is due that is due next.
fn pause(next: Option<Timestamp>) -> Option<Duration> {
    let Some(next) = next else { return Some(LONGEST) };
    let micros = next.micros_since(settings::wall());
    let pause = u64::try_from(micros).ok().filter(|micros| *micros > 0);
    pause.map(|micros| Duration::from_micros(micros).min(LONGEST))
}

/// Ends the holds that are due, and says how long none is.
async fn end_holds(
    register: &Register,
    events: &Events,
    end: HoldEnd,
) -> Result<Duration, RegisterError> {
    loop {
        if let Some(pause) = pause(register.next_hold_end().await?) {
            return Ok(pause);
        }
        for hold in register.end_due_holds(settings::wall(), end).await? {
            events.hold(&hold);
        }
    }
}

/// Goes on with the cases that are due, and says how long none is.
async fn resume_cases(register: &Register, events: &Events) -> Result<Duration, RegisterError> {
    loop {
        if let Some(pause) = pause(register.next_resume().await?) {
            return Ok(pause);
        }
        for case in register.resume_due_cases(settings::wall()).await? {
            events.case(&case);
        }
    }
}
