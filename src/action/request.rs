//! What `wtor send` is told on standard input: the message of the plan with the secrets in it, and for a
//! mail the server of `wtor.toml`.
//!
//! Layer: shell

use super::attempt::Attempt;
use super::secret;
use crate::job::{Body, Mail, MailServer, MailTls, Message};
use crate::rule::Template;
use crate::secret::Secret;
use crate::send::{Request, Server, Tls};

/// The request, as text. `secrets` are those of the job; what is read beside them is added, so that all are
/// masked.
///
/// # Errors
/// Why it cannot be sent, with its message id.
pub(super) fn request(attempt: &Attempt<'_>, message: &Message, secrets: &mut Vec<Secret>) -> Result<String, String> {
    let secret = |name: &str| {
        let at = attempt.plan.secrets.iter().position(|(secret, _)| secret == name);
        at.map(|at| secrets[at].reveal().to_owned()).unwrap_or_default()
    };
    let request = match message.reveal(secret) {
        Message::Webhook(hook) => Request::Webhook {
            method: hook.method,
            url: hook.url.shown(),
            headers: hook.headers.iter().map(|(name, value)| (name.clone(), value.shown())).collect(),
            body: match &hook.body {
                Body::Empty => None,
                Body::Text(text) => Some(text.shown()),
                Body::Json(json) => Some(json.value().to_string()),
            },
            expect: hook.expect.iter().map(|range| (*range.start(), *range.end())).collect(),
        },
        Message::Mail(mail) => {
            let server = attempt.site.mail.as_ref();
            let server = server.ok_or("WTR260E wtor.toml has no `[mail]`: there is no server to hand mail in at")?;
            mail_by(server, &mail, secrets)?
        }
    };
    serde_json::to_string(&request).map_err(|error| format!("WTR252E the request could not be written: {error}"))
}

fn mail_by(server: &MailServer, mail: &Mail, secrets: &mut Vec<Secret>) -> Result<Request, String> {
    let login = match &server.login {
        None => None,
        Some((user, reference)) => {
            let password = secret::read("password", reference)?;
            secrets.push(password.clone());
            Some((user.clone(), password.reveal().to_owned()))
        }
    };
    let tls = match server.tls {
        MailTls::StartTls => Tls::StartTls,
        MailTls::Tls => Tls::Tls,
        MailTls::None => Tls::None,
    };
    Ok(Request::Mail {
        server: Server { name: server.server.clone(), port: server.port, tls, login },
        from: server.from.clone(),
        to: mail.to.iter().map(Template::shown).collect(),
        subject: mail.subject.shown(),
        body: mail.body.shown(),
    })
}
