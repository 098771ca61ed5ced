//! What the operating system says of this process.

use std::time::Duration;

/// The CPU time of all threads of this process.
#[cfg(unix)]
pub(super) fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Elsewhere, the time since the first look at the clock.
#[cfg(not(unix))]
pub(super) fn cpu_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(crate::settings::now).elapsed()
}

/// The most memory that was in use, in MiB; none where the system does not say.
pub(super) fn peak_mib() -> Option<u64> {
    let status = crate::inputs::text(std::path::Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1_024)
}
