//! The control socket: one JSON object a line, a request and its answer. Who may talk to the agent
//! is a matter of the socket's permissions: its owner.
//!
//! Layer: shell

use super::drive::Heard;
use crate::control::{Answer, Request};
use rustix::fs::Mode;
use rustix::process::umask;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// A request with the way back.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    /// The user who asks, as the system knows them.
    pub(super) user: String,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Longest request; a longer one is refused by closing.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// After a connection that could not be taken. It waits in its queue, so that trying at once would do nothing else.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Opens the socket. The lock on the journal has shown that no other agent uses it, so one that is
/// left from an earlier life is removed.
pub(super) fn listen(path: &Path, heard: mpsc::UnboundedSender<Heard>) -> io::Result<()> {
    let cannot = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen at the control socket {}: {error}", path.display()))
    };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
        _ => {}
    }
    // From the beginning, and not only after a moment in which others could connect.
    let usual = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = StdListener::bind(path);
    umask(usual);
    let listener = bound.map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let listener = UnixListener::from_std(listener).map_err(cannot)?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((peer, _)) => drop(tokio::spawn(serve(peer, heard.clone()))),
                // The client has gone, or there are too many open files: that passes.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
    });
    Ok(())
}

async fn serve(mut peer: UnixStream, heard: mpsc::UnboundedSender<Heard>) {
    let user = peer.peer_cred().map_or_else(|_| "unknown".into(), |peer| user_name(peer.uid()));
    let (read, mut write) = peer.split();
    let mut lines = AsyncReader::new(read.take(REQUEST_BYTES_MAX)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match serde_json::from_str::<Request>(&line) {
            Ok(request) => ask_loop(request, user.clone(), &heard).await,
            Err(error) => Answer::Refused { reason: format!("this request is not understood: {error}") },
        };
        let mut line = serde_json::to_string(&answer).unwrap_or_default();
        line.push('\n');
        if write.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The name of a user, or their number where this machine knows no name.
fn user_name(uid: u32) -> String {
    let number = uid.to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut names = named.filter(|fields| fields.get(2) == Some(&number.as_str())).map(|fields| fields[0].to_owned());
    names.next().unwrap_or(format!("user {number}"))
}

async fn ask_loop(request: Request, user: String, heard: &mpsc::UnboundedSender<Heard>) -> Answer {
    let (reply, answer) = oneshot::channel();
    let gone = || Answer::Refused { reason: "the agent is stopping".into() };
    if heard.send(Heard::Asked(Asked { request, user, reply })).is_err() {
        return gone();
    }
    answer.await.unwrap_or_else(|_| gone())
}

/// The client's side: asks the agent behind this socket.
///
/// # Errors
/// If no agent listens there, or it does not answer within 30 s.
pub fn ask(path: &Path, request: &Request) -> io::Result<Answer> {
    let mut peer = StdStream::connect(path)?;
    peer.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    peer.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(peer).read_line(&mut answer)?;
    serde_json::from_str(&answer).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}
