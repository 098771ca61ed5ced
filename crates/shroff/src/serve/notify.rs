//! What systemd is told: that the service is ready, that it stops, that it is alive. Elsewhere nobody
//! is told anything.
//!
//! A datagram to the socket that `NOTIFY_SOCKET` names is all there is to it, so no library is needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::desk::Desk;
use crate::settings;

/// How often more time is asked for while the log is replayed, and how much.
const ASK_EVERY: Duration = Duration::from_secs(5);
const MORE: &str = "EXTEND_TIMEOUT_USEC=30000000";

/// The way to whoever started the service.
#[derive(Debug)]
pub(crate) struct Notify {
    #[cfg(unix)]
    socket: Option<std::os::unix::net::UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment says. Where the socket cannot be reached, nobody is told.
    pub(crate) fn new() -> Notify {
        // Half of it, so that one that is late is still in time.
        let watchdog = settings::watchdog_micros().map(|micros| Duration::from_micros(micros / 2));
        Notify {
            #[cfg(unix)]
            socket: settings::notify_socket().and_then(|name| connect(&name)),
            watchdog: watchdog.filter(|pause| !pause.is_zero()),
        }
    }

    /// Tells something, such as `READY=1`.
    pub(crate) fn tell(&self, what: &str) {
        #[cfg(unix)]
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(what.as_bytes())
        {
            tracing::debug!(%error, "whoever started the service was not told");
        }
        #[cfg(not(unix))]
        let _ = what;
    }

    /// Asks for more time until the service is ready.
    pub(crate) fn ask_for_time(self: &Arc<Notify>, runtime: &Runtime) -> Asking {
        let told = Arc::clone(self);
        Asking(runtime.spawn(async move {
            loop {
                told.tell(MORE);
                tokio::time::sleep(ASK_EVERY).await;
            }
        }))
    }

    /// Says that the service is alive, as long as its engine answers.
    pub(crate) fn watch(self: Arc<Notify>, desk: Desk) {
        let Some(pause) = self.watchdog else { return };
        tokio::spawn(async move {
            while desk.ask(|_| ()).await.is_ok() {
                self.tell("WATCHDOG=1");
                tokio::time::sleep(pause).await;
            }
        });
    }
}

/// Asks until it is dropped.
#[derive(Debug)]
pub(crate) struct Asking(tokio::task::JoinHandle<()>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A path, or a name of Linux that begins with `@`.
#[cfg(unix)]
fn connect(name: &std::ffi::OsStr) -> Option<std::os::unix::net::UnixDatagram> {
    use std::os::unix::ffi::OsStrExt;
    let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
    match name.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?;
            socket.connect_addr(&address).ok()?;
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => return None,
        None => socket.connect(name).ok()?,
    }
    // Nothing waits for long for whoever does not read.
    socket.set_write_timeout(Some(Duration::from_millis(100))).ok()?;
    Some(socket)
}
