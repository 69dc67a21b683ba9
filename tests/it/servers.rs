//! A web server and a mail server of the tests' own, on the loopback: they keep what they are sent, and
//! answer as they are told.

use crate::world::{PATIENCE, eventually};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What somebody has sent.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// The first line of a request; for mail, the commands one a line.
    pub first: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Header lines, repeated ones too.
    pub header_lines: usize,
    /// Bytes behind the headers.
    pub body: Vec<u8>,
}

impl Received {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    fn header(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
        self.header_lines += 1;
        self.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// A server that listens until the test ends.
pub struct Server {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// How a server talks to one client.
type Talk = dyn Fn(&mut BufReader<Box<dyn Stream>>) -> Option<Received> + Send + Sync;

impl Server {
    fn start(secure: bool, talk: Box<Talk>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (kept, talk): (_, Arc<Talk>) = (received.clone(), talk.into());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, talk) = (kept.clone(), talk.clone());
                thread::spawn(move || {
                    let stream: Box<dyn Stream> = if secure { Box::new(tls(stream)) } else { Box::new(stream) };
                    kept.lock().expect("unharmed").extend(talk(&mut BufReader::new(stream)));
                });
            }
        });
        Server { port, received }
    }

    /// A web server that answers every request with these lines and this body.
    pub fn web(status: &str, body: impl Into<Vec<u8>>) -> Server {
        Server::start(false, web(status, body.into()))
    }

    /// The same over TLS, with a certificate of the tests' authority.
    pub fn web_tls(status: &str) -> Server {
        Server::start(true, web(status, Vec::new()))
    }

    /// A web server that takes every request and never answers.
    pub fn silent() -> Server {
        let talk = |stream: &mut BufReader<Box<dyn Stream>>| {
            let request = request(stream);
            // Ends when the client goes.
            let _ = stream.read(&mut [0]);
            request
        };
        Server::start(false, Box::new(talk))
    }

    /// A mail server that answers this to every recipient.
    pub fn mail(to_recipients: &'static str) -> Server {
        Server::start(false, Box::new(move |stream| mail(stream, to_recipients)))
    }

    /// One that is TLS from the beginning.
    pub fn mail_tls() -> Server {
        Server::start(true, Box::new(move |stream| mail(stream, "250 fine")))
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("unharmed").clone()
    }

    /// The one thing that has come.
    #[track_caller]
    pub fn one(&self) -> Received {
        assert!(eventually(PATIENCE, || !self.received().is_empty()), "nothing has come");
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

/// A port on which nobody listens.
pub fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// A file of tests/fixtures/tls.
pub fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn tls(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificates("server.pem")).expect("certificates").collect();
    let key = PrivateKeyDer::from_pem_file(certificates("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.expect("certificates"), key)
        .expect("they fit");
    StreamOwned::new(ServerConnection::new(Arc::new(config)).expect("a connection"), stream)
}

fn line(stream: &mut BufReader<Box<dyn Stream>>) -> Option<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).ok().filter(|read| *read > 0)?;
    let text = String::from_utf8(bytes).expect("UTF-8");
    Some(text.strip_suffix("\r\n").unwrap_or_else(|| panic!("a line that ends otherwise: {text:?}")).to_owned())
}

fn request(stream: &mut BufReader<Box<dyn Stream>>) -> Option<Received> {
    let mut received = Received { first: line(stream)?, ..Received::default() };
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        received.header(&line);
    }
    let length = received.headers.get("content-length").map_or(0, |length| length.parse().expect("a number"));
    received.body = vec![0; length];
    stream.read_exact(&mut received.body).ok()?;
    Some(received)
}

fn web(status: &str, body: Vec<u8>) -> Box<Talk> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Box::new(move |stream| {
        let received = request(stream)?;
        // A client may have read enough before it is told all.
        let _ = stream.get_mut().write_all(head.as_bytes()).and_then(|()| stream.get_mut().write_all(&body));
        let _ = stream.get_mut().flush();
        Some(received)
    })
}

fn mail(stream: &mut BufReader<Box<dyn Stream>>, to_recipients: &str) -> Option<Received> {
    let mut received = Received::default();
    let mut say = "220 sink".to_owned();
    loop {
        stream.get_mut().write_all(format!("{say}\r\n").as_bytes()).ok()?;
        stream.get_mut().flush().ok()?;
        let command = line(stream)?;
        received.first += &format!("{command}\n");
        let word = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        say = match word.as_str() {
            "EHLO" => "250-sink\r\n250-AUTH PLAIN\r\n250 8BITMIME".into(),
            "AUTH" => "235 welcome".into(),
            "RCPT" => to_recipients.into(),
            "QUIT" => return Some(received),
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n").ok()?;
                stream.get_mut().flush().ok()?;
                take_mail(stream, &mut received)?;
                "250 taken as 4711".into()
            }
            _ => "250 fine".into(),
        };
    }
}

/// The lines of a mail up to the dot, its folded headers as one line each.
fn take_mail(stream: &mut BufReader<Box<dyn Stream>>, received: &mut Received) -> Option<()> {
    let mut headers: Vec<String> = Vec::new();
    loop {
        match line(stream)? {
            end if end.is_empty() => break,
            more if more.starts_with([' ', '\t']) => *headers.last_mut().expect("a header before") += &more,
            header => headers.push(header),
        }
    }
    headers.iter().for_each(|header| received.header(header));
    loop {
        match line(stream)? {
            end if end == "." => return Some(()),
            text => received.body.extend(format!("{}\n", text.strip_prefix('.').unwrap_or(&text)).bytes()),
        }
    }
}
