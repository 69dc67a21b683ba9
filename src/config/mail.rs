//! `[mail]`: where mail is handed in, and who it is from.
//!
//! Layer: core

use crate::diagnostic::id;
use crate::document::Value;
use crate::job::decode::mail_address;
use crate::job::{MailServer, MailTls};
use crate::secret::reference;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 5] =
    [("host", "server"), ("smtp", "server"), ("sender", "from"), ("username", "user"), ("login", "user")];

pub(super) fn mail(value: Value<'_>) -> Option<MailServer> {
    let mut table = value.table("`mail`")?;
    let server = table.require("server").and_then(|value| value.filled_text("the name of a server in quotes"));
    let tls = table.take("tls").map_or(Some(MailTls::StartTls), tls);
    let port = table.take("port").map_or_else(|| tls.map(port_of), port);
    let from = table.require("from").and_then(|value| {
        let text = value.filled_text("a mail address in quotes")?;
        mail_address(&text, text.as_str()).then(|| text.as_str().to_owned())
    });
    let user = table.take("user").map_or(Some(None), |value| value.filled_text("a name in quotes").map(Some));
    let password = table.take("password").map_or(Some(None), |value| reference(value).map(Some));
    let whole = table.is_empty();
    let span = table.span().clone();
    table.finish_with(&MEANT);
    let login = match (user?, password?) {
        (Some(user), Some(password)) => Some((user.as_str().to_owned(), password)),
        (None, None) => None,
        _ => {
            value.doc().error(id::ONE_OF, &span, "`user` and `password` belong together: give both or neither");
            return None;
        }
    };
    let (server, from, tls, port) = (server?.as_str().to_owned(), from?, tls?, port?);
    whole.then_some(MailServer { server, port, tls, from, login })
}

fn tls(value: Value<'_>) -> Option<MailTls> {
    value.word(&["starttls", "tls", "none"], |word| match word {
        "starttls" => Some(MailTls::StartTls),
        "tls" => Some(MailTls::Tls),
        "none" => Some(MailTls::None),
        _ => None,
    })
}

fn port(value: Value<'_>) -> Option<u16> {
    value.integer(1..=65_535).and_then(|port| u16::try_from(port).ok())
}

/// The ports that mail programs use (RFC 8314, RFC 5321).
fn port_of(tls: MailTls) -> u16 {
    match tls {
        MailTls::StartTls => 587,
        MailTls::Tls => 465,
        MailTls::None => 25,
    }
}
