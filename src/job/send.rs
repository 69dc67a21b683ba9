//! What a step sends instead of executing a program: a request to a web server, or a mail. Values are put
//! in so that none of them can be more than a value: not in a URL, a header, a subject or JSON. Secrets
//! stay places until the step starts, so that whatever shows a plan shows none.
//!
//! Layer: core

use crate::rule::{Captures, Template};
use crate::secret::Reference;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::fmt;
use std::ops::RangeInclusive;

/// What is sent, with places for values.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A request to a web server.
    Webhook(Webhook),
    /// A mail.
    Mail(Mail),
}

/// A request to a web server.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// `POST`, or another method.
    pub method: String,
    /// Its address. Scheme and host are text.
    pub url: Template,
    /// Its headers.
    pub headers: Vec<(String, Template)>,
    /// What is sent with it.
    pub body: Body,
    /// The statuses with which the server has taken it.
    pub expect: Vec<RangeInclusive<u16>>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// A text.
    Text(Template),
    /// JSON, whose shape no value can change.
    Json(Json),
}

/// A JSON value with places in its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// A text.
    Text(Template),
    /// A number, true or false.
    Plain(Value),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Table(Vec<(String, Json)>),
}

/// A mail. Where it is handed in, and who it is from, `wtor.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// To whom.
    pub to: Vec<Template>,
    /// Its subject.
    pub subject: Template,
    /// Its text.
    pub body: Template,
}

/// Where mail is handed in: `[mail]` of `wtor.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Who the mail is from.
    pub from: String,
    /// The name and the password to give.
    pub login: Option<(String, Reference)>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// It begins as text and must turn to TLS.
    StartTls,
    /// It is TLS from the beginning.
    Tls,
    /// It stays text, for a server on this machine.
    None,
}

/// What stands in a URL as it is: RFC 3986's unreserved characters.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Message {
    /// The message with all values put in; names that are `secret` stay places, but in a mail there is none.
    #[must_use]
    pub fn fill(&self, values: &Captures, secret: impl Fn(&str) -> bool) -> Message {
        let stays = |name: &str| matches!(self, Message::Webhook(_)) && secret(name);
        self.each(&|place, template| {
            template.fill_some(|name| (!stays(name)).then(|| place.safe(values.get(name).unwrap_or_default())))
        })
    }

    /// The message with the secrets put in as they are.
    #[must_use]
    pub fn reveal(&self, secret: impl Fn(&str) -> String) -> Message {
        self.each(&|_, template| template.fill_some(|name| Some(secret(name))))
    }

    fn each(&self, fill: &dyn Fn(Place, &Template) -> Template) -> Message {
        match self {
            Message::Webhook(hook) => Message::Webhook(Webhook {
                method: hook.method.clone(),
                url: fill(Place::Url, &hook.url),
                headers: hook.headers.iter().map(|(name, value)| (name.clone(), fill(Place::Line, value))).collect(),
                body: match &hook.body {
                    Body::Empty => Body::Empty,
                    Body::Text(text) => Body::Text(fill(Place::Text, text)),
                    Body::Json(json) => Body::Json(json.each(fill)),
                },
                expect: hook.expect.clone(),
            }),
            Message::Mail(mail) => Message::Mail(Mail {
                to: mail.to.iter().map(|to| fill(Place::Line, to)).collect(),
                subject: fill(Place::Line, &mail.subject),
                body: fill(Place::Text, &mail.body),
            }),
        }
    }

    /// What is sent, for programs to read; a secret is the name of its place.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Message::Webhook(hook) => {
                let headers: serde_json::Map<_, _> =
                    hook.headers.iter().map(|(name, value)| (name.clone(), json!(value.shown()))).collect();
                let mut shown = json!({ "method": hook.method, "url": hook.url.shown(), "headers": headers });
                match &hook.body {
                    Body::Empty => {}
                    Body::Text(text) => shown["body"] = json!(text.shown()),
                    Body::Json(json) => shown["json"] = json.value(),
                }
                json!({ "webhook": shown })
            }
            Message::Mail(mail) => {
                let to: Vec<_> = mail.to.iter().map(Template::shown).collect();
                json!({ "mail": { "to": to, "subject": mail.subject.shown(), "body": mail.body.shown() } })
            }
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Webhook(hook) => {
                write!(f, "{} {}", hook.method, hook.url.shown())?;
                match &hook.body {
                    Body::Empty => Ok(()),
                    Body::Text(text) => write!(f, " {}", text.shown()),
                    Body::Json(json) => write!(f, " {}", json.value()),
                }
            }
            Message::Mail(mail) => {
                let to: Vec<_> = mail.to.iter().map(Template::shown).collect();
                write!(f, "mail to {}: {}", to.join(", "), mail.subject.shown())
            }
        }
    }
}

/// Where a value is put in.
#[derive(Clone, Copy)]
enum Place {
    Url,
    Line,
    Text,
}

impl Place {
    /// The value as it may stand there.
    fn safe(self, value: &str) -> String {
        match self {
            Place::Url => utf8_percent_encode(value, IN_URL).to_string(),
            Place::Line => value.replace(char::is_control, " "),
            Place::Text => value.to_owned(),
        }
    }
}

impl Json {
    fn each(&self, fill: &dyn Fn(Place, &Template) -> Template) -> Json {
        match self {
            Json::Text(text) => Json::Text(fill(Place::Text, text)),
            Json::Plain(value) => Json::Plain(value.clone()),
            Json::List(items) => Json::List(items.iter().map(|item| item.each(fill)).collect()),
            Json::Table(entries) => {
                Json::Table(entries.iter().map(|(key, value)| (key.clone(), value.each(fill))).collect())
            }
        }
    }

    /// The value, in which a place that is left is its name.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Json::Text(text) => json!(text.shown()),
            Json::Plain(value) => value.clone(),
            Json::List(items) => items.iter().map(Json::value).collect(),
            Json::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), value.value())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> Template {
        Template::parse(source).expect("good")
    }

    fn hook() -> Message {
        Message::Webhook(Webhook {
            method: "POST".into(),
            url: template("http://host/a/${what}?q=${what}&k=${TOKEN}"),
            headers: vec![("X-What".into(), template("<${what}> ${TOKEN}"))],
            body: Body::Json(Json::Table(vec![
                ("text".into(), Json::Text(template("${what}"))),
                ("list".into(), Json::List(vec![Json::Plain(json!(1)), Json::Text(template("${TOKEN}"))])),
            ])),
            expect: vec![200..=299],
        })
    }

    fn what(value: &str) -> Captures {
        let mut values = Captures::default();
        values.set("what", value.as_bytes());
        values
    }

    fn filled(message: &Message, value: &str) -> Message {
        message.fill(&what(value), |name| name == "TOKEN")
    }

    #[test]
    fn a_value_is_a_value_wherever_it_stands() {
        let shown = filled(&hook(), "a/../b?\r\nHost: x\",\"y\":\"${TOKEN}#ü");
        let coded = "a%2F..%2Fb%3F%0D%0AHost%3A%20x%22%2C%22y%22%3A%22%24%7BTOKEN%7D%23%C3%BC";
        assert_eq!(
            shown.to_json()["webhook"],
            json!({
                "method": "POST",
                "url": format!("http://host/a/{coded}?q={coded}&k=${{TOKEN}}"),
                "headers": { "X-What": "<a/../b?  Host: x\",\"y\":\"${TOKEN}#ü> ${TOKEN}" },
                "json": { "text": "a/../b?\r\nHost: x\",\"y\":\"${TOKEN}#ü", "list": [1, "${TOKEN}"] },
            })
        );
    }

    #[test]
    fn a_secret_is_put_in_where_the_job_has_it_and_nowhere_else() {
        let message = filled(&hook(), "${TOKEN}").reveal(|_| "s3/cret".into());
        let json = &message.to_json()["webhook"];
        assert_eq!(json["url"], "http://host/a/%24%7BTOKEN%7D?q=%24%7BTOKEN%7D&k=s3/cret");
        assert_eq!(json["headers"]["X-What"], "<${TOKEN}> s3/cret");
        assert_eq!(json["json"], json!({ "text": "${TOKEN}", "list": [1, "s3/cret"] }));
    }

    #[test]
    fn a_subject_and_an_address_are_one_line() {
        let mail = Message::Mail(Mail {
            to: vec![template("${what}@example.org")],
            subject: template("wtor: ${what}"),
            body: template("${what}\n"),
        });
        let json = mail.fill(&what("x\r\nBcc: y\u{85}z"), |_| true).to_json();
        assert_eq!(json["mail"]["to"], json!(["x  Bcc: y z@example.org"]));
        assert_eq!(json["mail"]["subject"], "wtor: x  Bcc: y z");
        assert_eq!(json["mail"]["body"], "x\r\nBcc: y\u{85}z\n");
    }
}
