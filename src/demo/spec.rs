//! What a server is to look like: its endpoint, its applications, its server.xml.
//! Layer: shell
//!
//! [`ServerSpec::story`] is the server of the story, the one whose clients get
//! 404s when its endpoint is open from the start.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const TEMPLATE: &str = include_str!("app/server.xml");
/// Below what the kernel gives to outgoing connections: a client that polls a
/// closed port from that range sooner or later connects to itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Whether the endpoint listens from the start, or only after `server resume`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `enabled="true"`: the port opens when the server is ready.
    Enabled,
    /// `enabled="false"`: the port opens at `server resume`.
    Disabled,
}

/// An application that takes a while to start.
#[derive(Debug, Clone)]
pub struct App {
    /// Name, context root and file name.
    pub name: String,
    /// How long its initialiser sleeps.
    pub delay: Duration,
    /// How it comes to be started.
    pub start: AppStart,
}

/// When the server begins to start an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppStart {
    /// With the server; `CWWKF0011I` waits for it up to the start timeout.
    WithServer,
    /// When the named application has started; until then its URL is unknown (404).
    After(String),
    /// When [`super::liberty::Server::install_late`] is called, as a CICS bundle does it.
    Late,
}

/// What a server is to look like.
#[derive(Debug, Clone)]
pub struct ServerSpec {
    /// The server's name.
    pub name: String,
    /// Its `WLP_USER_DIR`; one server, one directory.
    pub user_dir: PathBuf,
    /// The endpoint's port; see [`free_port`].
    pub http_port: u16,
    /// Open from the start, or closed until resumed.
    pub endpoint: Endpoint,
    /// The applications.
    pub apps: Vec<App>,
    /// How long "ready" waits for the applications; Liberty's default is 30 s.
    pub start_timeout: Duration,
    /// Name of an application whose initialiser throws.
    pub failing_app: Option<String>,
    /// Further elements for server.xml.
    pub extra_xml: String,
    /// Further environment of the server, such as `WLP_LOGGING_MESSAGE_FORMAT`.
    pub environment: Vec<(String, String)>,
}

impl ServerSpec {
    /// One application `app` that takes `delay`, on a closed endpoint.
    ///
    /// # Errors
    /// When no port is free.
    pub fn one_app(user_dir: &Path, delay: Duration) -> io::Result<ServerSpec> {
        Ok(ServerSpec {
            name: "web1".to_owned(),
            user_dir: user_dir.to_owned(),
            http_port: free_port()?,
            endpoint: Endpoint::Disabled,
            apps: vec![App { name: "app".to_owned(), delay, start: AppStart::WithServer }],
            start_timeout: Duration::from_secs(120),
            failing_app: None,
            extra_xml: String::new(),
            environment: Vec::new(),
        })
    }

    /// The story's server: `app` waits for `warmup`, which takes longer than the
    /// start timeout. An enabled endpoint opens before `app` is there and
    /// answers 404 for about `warmup` less one second.
    ///
    /// # Errors
    /// When no port is free.
    pub fn story(user_dir: &Path, endpoint: Endpoint, warmup: Duration) -> io::Result<ServerSpec> {
        let mut spec = ServerSpec::one_app(user_dir, Duration::from_millis(500))?;
        spec.endpoint = endpoint;
        spec.start_timeout = Duration::from_secs(1);
        spec.apps[0].start = AppStart::After("warmup".to_owned());
        let warmup = App { name: "warmup".to_owned(), delay: warmup, start: AppStart::WithServer };
        spec.apps.insert(0, warmup);
        Ok(spec)
    }

    /// The text of server.xml.
    #[must_use]
    pub fn server_xml(&self) -> String {
        let enabled = (self.endpoint == Endpoint::Enabled).to_string();
        let configured = self.apps.iter().filter(|app| app.start != AppStart::Late);
        TEMPLATE
            .replace("@HTTP_PORT@", &self.http_port.to_string())
            .replace("@ENABLED@", &enabled)
            .replace("@START_TIMEOUT@", &format!("{}ms", self.start_timeout.as_millis()))
            .replace("@APPLICATIONS@", &applications(configured))
            .replace("@EXTRA@", &self.extra_xml)
    }
}

/// A free port on 127.0.0.1, outside the range of outgoing connections.
///
/// # Errors
/// When none can be bound.
pub fn free_port() -> io::Result<u16> {
    // Processes start at different places, so that tests side by side rarely meet.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(97) % ports;
    for _ in 0..ports {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = u16::try_from((first + step) % ports).unwrap_or_default();
        let port = PORTS.start + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port on 127.0.0.1"))
}

/// The elements that make the server start these applications.
pub(super) fn applications<'a>(apps: impl Iterator<Item = &'a App>) -> String {
    let mut xml = String::new();
    for App { name, start, .. } in apps {
        let after = match start {
            AppStart::After(other) => format!(" startAfterRef=\"{other}\""),
            AppStart::WithServer | AppStart::Late => String::new(),
        };
        // Writing to a String cannot fail.
        let _ =
            writeln!(xml, "  <webApplication id=\"{name}\" location=\"{name}.war\" contextRoot=\"/{name}\"{after}/>");
    }
    xml
}
