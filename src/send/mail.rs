//! One mail, handed in at one server.
//!
//! Layer: shell

use super::{Sent, Server, Tls, causes};
use crate::limits::SEND_CONNECT;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};

/// Hands it in.
pub(super) fn send(server: Server, from: &str, to: &[String], subject: &str, body: String) -> Sent {
    let message = match message(from, to, subject, body) {
        Ok(message) => message,
        Err(why) => return Sent::not_sendable(&why),
    };
    let transport = match transport(server) {
        Ok(transport) => transport,
        Err(error) => return Sent::not_reached(&causes(&error)),
    };
    match transport.send(&message) {
        Ok(answer) => {
            let lines: Vec<&str> = answer.message().collect();
            Sent::taken(format!("{} {}\n", answer.code(), lines.join(" ")))
        }
        Err(error) if error.status().is_some() => Sent::refused("", &causes(&error)),
        Err(error) => Sent::not_reached(&causes(&error)),
    }
}

fn message(from: &str, to: &[String], subject: &str, body: String) -> Result<Message, String> {
    let mailbox = |text: &str| {
        let wrong = |error| format!("`{}` is not one mail address: {error}", text.escape_debug());
        text.parse::<Mailbox>().map_err(wrong)
    };
    let mut message = Message::builder().from(mailbox(from)?).message_id(None);
    for one in to {
        message = message.to(mailbox(one)?);
    }
    // What ends the mail begins a line of its own.
    let body = body.trim_end_matches(['\r', '\n']).to_owned();
    message.subject(subject).header(ContentType::TEXT_PLAIN).body(body).map_err(|error| causes(&error))
}

fn transport(server: Server) -> Result<SmtpTransport, lettre::transport::smtp::Error> {
    let name = server.name.as_str();
    let builder = match server.tls {
        Tls::StartTls => SmtpTransport::starttls_relay(name)?,
        Tls::Tls => SmtpTransport::relay(name)?,
        Tls::None => SmtpTransport::builder_dangerous(name),
    };
    let builder = builder.port(server.port).timeout(Some(SEND_CONNECT));
    Ok(match server.login {
        Some((user, password)) => builder.credentials(Credentials::new(user, password)),
        None => builder,
    }
    .build())
}
