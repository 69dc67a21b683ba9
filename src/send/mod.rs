//! Sends what a step sends: a request to a web server, or a mail. It runs in a process of its own, `wtor
//! send`, which is told on standard input what to send; so nothing of it stands on a command line, and the
//! step has the deadline, the output and the condition code that any other step has.
//!
//! Layer: shell

mod mail;
mod webhook;

use serde::{Deserialize, Serialize};

/// What is to be sent, with every value and secret in it; so nothing prints it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A request to a web server.
    Webhook {
        /// `POST`, or another method.
        method: String,
        /// Its address.
        url: String,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// What is sent with it.
        body: Option<String>,
        /// The statuses with which it is taken: from, to.
        expect: Vec<(u16, u16)>,
    },
    /// A mail.
    Mail {
        /// Where it is handed in.
        server: Server,
        /// Who it is from.
        from: String,
        /// To whom.
        to: Vec<String>,
        /// Its subject.
        subject: String,
        /// Its text.
        body: String,
    },
}

/// A mail server.
#[derive(Serialize, Deserialize)]
pub struct Server {
    /// Its name or address.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// The name and the password to give.
    pub login: Option<(String, String)>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// It begins as text and must turn to TLS.
    StartTls,
    /// It is TLS from the beginning.
    Tls,
    /// It stays text.
    None,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent {
    /// The exit status: 0 taken, 8 refused, 12 not reached, 16 not sendable.
    pub code: u8,
    /// What the server has said.
    pub answer: Vec<u8>,
    /// Why it is not 0, with its message id.
    pub why: Option<String>,
}

impl Sent {
    fn taken(answer: impl Into<Vec<u8>>) -> Sent {
        Sent { code: 0, answer: answer.into(), why: None }
    }

    fn refused(answer: impl Into<Vec<u8>>, what: &str) -> Sent {
        Sent { code: 8, answer: answer.into(), why: Some(format!("WTR261E the server refused: {what}")) }
    }

    fn not_reached(what: &str) -> Sent {
        Sent { code: 12, answer: Vec::new(), why: Some(format!("WTR262E no answer was had: {what}")) }
    }

    fn not_sendable(what: &str) -> Sent {
        Sent { code: 16, answer: Vec::new(), why: Some(format!("WTR263E this cannot be sent: {what}")) }
    }
}

/// Sends what the text says, a [`Request`] in JSON.
#[must_use]
pub fn send(request: &str) -> Sent {
    match serde_json::from_str(request) {
        Ok(Request::Webhook { method, url, headers, body, expect }) => {
            webhook::send(&method, &url, &headers, body, &expect)
        }
        Ok(Request::Mail { server, from, to, subject, body }) => mail::send(server, &from, &to, &subject, body),
        Err(error) => Sent::not_sendable(&format!("standard input is no request of wtor's: {error}")),
    }
}

/// An error with all its causes, as one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text.replace(char::is_control, " ")
}
