//! What comes from outside the command line: the environment and the clock, read here alone.
#![expect(clippy::disallowed_methods, reason = "the one place that asks the world")]

use std::time::{Duration, Instant};

/// Whether `NO_COLOR` is set to anything (no-color.org).
pub(crate) fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// The socket of whoever started the service and wants to be told (systemd).
pub(crate) fn notify_socket() -> Option<std::ffi::OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
}

/// Within how many microseconds it wants to hear that the service is alive.
pub(crate) fn watchdog_micros() -> Option<u64> {
    let is_other =
        std::env::var("WATCHDOG_PID").is_ok_and(|pid| pid != std::process::id().to_string());
    let micros = std::env::var("WATCHDOG_USEC").ok()?.parse().ok();
    micros.filter(|_| !is_other)
}

/// Now, for measuring how long things take; no result depends on it.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, to be noted with what is received; no verdict depends on it.
pub(crate) fn wall() -> shroff_types::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    shroff_types::Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// How long ago something was, by the clock of the day; nothing where it lies ahead.
pub(crate) fn since(time: std::time::SystemTime) -> Duration {
    std::time::SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Random bytes of the machine.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the machine gives no random bytes: {error}"))?;
    Ok(bytes)
}

/// Waits, on a thread that has nothing else to do.
pub(crate) fn pause(time: Duration) {
    let until = now() + time;
    while let Some(left) = until.checked_duration_since(now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
