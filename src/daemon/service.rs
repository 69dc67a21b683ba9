//! What the service manager is told (systemd's `Type=notify`): that the agent is ready, reloads or
//! stops, how it fares, and that its loop is alive. Nobody is told where no `NOTIFY_SOCKET` is given.
//!
//! Layer: shell

use sd_notify::NotifyState;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// The way to the service manager.
#[derive(Debug, Default)]
pub(super) struct Service {
    socket: Option<UnixDatagram>,
    watchdog: Option<Watchdog>,
}

/// The service manager ends an agent of which it hears nothing for twice this time.
#[derive(Debug)]
struct Watchdog {
    every: Duration,
    next: Instant,
}

impl Service {
    /// The service manager that the environment names, if it does.
    ///
    /// # Errors
    /// It names one that cannot be reached.
    pub(super) fn from_environment() -> io::Result<Service> {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Ok(Service::default()) };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(&name)?)?;
        // A manager that does not listen keeps nobody waiting.
        socket.set_nonblocking(true)?;
        let every = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        let watchdog = every.map(|every| Watchdog { every, next: Instant::now() });
        Ok(Service { socket: Some(socket), watchdog })
    }

    /// The agent does what it is there for; `status` says so in short.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The policy is being read again, until the agent is ready.
    pub(super) fn reloading(&self) {
        // Without the time systemd could not tell this reload from an earlier one.
        let now = NotifyState::monotonic_usec_now();
        self.tell(&[Some(NotifyState::Reloading), now.ok()].into_iter().flatten().collect::<Vec<_>>());
    }

    /// The agent starts nothing more and will end.
    pub(super) fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// How the agent fares, in short.
    pub(super) fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// To be called by the loop, and by nothing else, each time it comes round: what does not come round is not alive.
    pub(super) fn came_round(&mut self) {
        let now = Instant::now();
        let Some(watchdog) = self.watchdog.as_mut().filter(|watchdog| watchdog.next <= now) else { return };
        watchdog.next = now + watchdog.every;
        self.tell(&[NotifyState::Watchdog]);
    }

    /// Until the loop has to come round; for ever where nobody watches it.
    pub(super) async fn next_round(&self) {
        match &self.watchdog {
            Some(watchdog) => tokio::time::sleep_until(watchdog.next.into()).await,
            None => std::future::pending().await,
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        // Whether the manager hears is its own affair; the agent goes on.
        let _ = socket.send(message.as_bytes());
    }
}

/// A path, or with `@` in front a name that stands in no directory (sd_notify(3)).
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}
