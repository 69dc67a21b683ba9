//! What a step sends, from TOML: a webhook or a mail.
//!
//! Layer: core

use super::Context;
use crate::diagnostic::id;
use crate::document::{Key, Text, Value};
use crate::job::{Body, Json, Mail, Message, Webhook};
use crate::rule::decode::template;
use crate::rule::{Piece, Template};
use std::ops::RangeInclusive;

const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

/// Headers that follow from the rest of a request.
const OURS: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// What people write for our keys, and our keys.
const MEANT_WEBHOOK: [(&str, &str); 5] =
    [("address", "url"), ("uri", "url"), ("header", "headers"), ("data", "body"), ("status", "expect")];
const MEANT_MAIL: [(&str, &str); 3] = [("text", "body"), ("recipients", "to"), ("title", "subject")];

/// `webhook = { url = "…", … }`.
pub fn webhook(value: Value<'_>, context: &Context) -> Option<Message> {
    let mut table = value.table("`webhook`")?;
    let url = table.require("url").and_then(|value| url(value, context));
    let method = table
        .take("method")
        .map_or(Some("POST"), |value| value.word(&METHODS, |word| METHODS.into_iter().find(|method| *method == word)));
    let mut headers = table.take("headers").map_or(Some(Vec::new()), |value| headers(value, context));
    let text = table.take("body");
    let tree = table.take_entry("json");
    let expect = table.take("expect").map_or(Some(vec![200..=299]), expect);
    let whole = table.is_empty();
    table.finish_with(&MEANT_WEBHOOK);
    let (body, content) = match (text, tree) {
        (Some(_), Some((key, _))) => {
            value.doc().error(id::ONE_OF, &key.span, "a request has one body, and this one has both `body` and `json`");
            return None;
        }
        (Some(text), None) => (words(text, context).map(Body::Text), Some("text/plain; charset=utf-8")),
        (None, Some((_, tree))) => (json(tree, context).map(Body::Json), Some("application/json")),
        (None, None) => (Some(Body::Empty), None),
    };
    if let (Some(headers), Some(content)) = (&mut headers, content)
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("Content-Type".into(), Template::parse(content).ok()?));
    }
    let (method, url, headers, body, expect) = (method?.to_owned(), url?, headers?, body?, expect?);
    whole.then_some(Message::Webhook(Webhook { method, url, headers, body, expect }))
}

/// `mail = { to = [...], subject = "…", body = "…" }`.
pub fn mail(value: Value<'_>, context: &Context) -> Option<Message> {
    let mut table = value.table("`mail`")?;
    let to = table.require("to").and_then(|value| {
        let all: Vec<_> = value.filled_items().into_iter().map(|item| address(item, context)).collect();
        all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    });
    let mut text =
        |key| table.require(key).and_then(|value| template(&value.text("a text in quotes")?, &context.names));
    let (subject, body) = (text("subject"), text("body"));
    let whole = table.is_empty();
    table.finish_with(&MEANT_MAIL);
    let mail = Mail { to: to?, subject: subject?, body: body? };
    whole.then_some(Message::Mail(mail))
}

/// A text that may have secrets in it.
fn words(value: Value<'_>, context: &Context) -> Option<Template> {
    template(&value.text("a text in quotes")?, &context.with_secrets)
}

/// An address of the web. What a value could change is its path and what stands behind it, never the server.
fn url(value: Value<'_>, context: &Context) -> Option<Template> {
    let text = value.filled_text("an address in quotes: \"https://…\"")?;
    let template = template(&text, &context.with_secrets)?;
    let wrong = |what: &str, help: &str| {
        text.note(text.mistake(id::URL, what).help(help));
        None
    };
    let first = template.pieces().first();
    let Some(Piece::Text(first)) = first else {
        return wrong(
            "this address begins with a value",
            "write scheme and host as they are: \"https://host/${name}\"",
        );
    };
    let Some(rest) = first.strip_prefix("https://").or_else(|| first.strip_prefix("http://")) else {
        return wrong("this address begins with neither `https://` nor `http://`", "write it whole");
    };
    let host_end = rest.find(['/', '?', '#']);
    if host_end.is_none() && template.pieces().len() > 1 {
        return wrong("a value would be a part of the host", "write a `/` behind the host: no text chooses the server");
    }
    let host = &rest[..host_end.unwrap_or(rest.len())];
    if host.contains('@') {
        return wrong("this address has a name or a password in it", "name the secret in `secrets`, and use a header");
    }
    let example = template.fill_with(|_| "x".into());
    match example.parse::<ureq::http::Uri>() {
        Err(error) => wrong(&format!("this address does not read: {error}"), "see RFC 3986; a blank is `%20`"),
        Ok(uri) if !has_port_or_none(&uri) => {
            wrong("what stands behind the host is no port", "a port is a number up to 65535, and behind it comes a `/`")
        }
        Ok(_) => Some(template),
    }
}

/// True if nothing stands behind the host, or the number of a port.
fn has_port_or_none(uri: &ureq::http::Uri) -> bool {
    let behind = uri.authority().and_then(|authority| authority.as_str().strip_prefix(authority.host()));
    behind.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()))
}

fn headers(value: Value<'_>, context: &Context) -> Option<Vec<(String, Template)>> {
    let header = |(key, value): (Key<'_>, Value<'_>)| {
        let template = words(value, context);
        let why = if OURS.contains(&key.name.to_ascii_lowercase().as_str()) {
            format!("`{}` follows from the rest of the request", key.name)
        } else if key.name.parse::<ureq::http::HeaderName>().is_err() {
            format!("`{}` cannot be the name of a header", key.name.escape_debug())
        } else if template.as_ref().is_some_and(|t| t.fill_with(|_| String::new()).contains(char::is_control)) {
            format!("the header `{}` has more than one line", key.name)
        } else {
            return Some((key.name.to_owned(), template?));
        };
        value.doc().error(id::HEADER, &key.span, &why);
        None
    };
    let all: Vec<_> = value.table("`headers`")?.take_rest().into_iter().map(header).collect();
    all.into_iter().collect()
}

fn json(value: Value<'_>, context: &Context) -> Option<Json> {
    if value.is_text() {
        return words(value, context).map(Json::Text);
    }
    if value.is_table() {
        let entries = value.table("`json`")?.take_rest();
        let entry = |(key, value): (Key<'_>, Value<'_>)| Some((key.name.to_owned(), json(value, context)?));
        let all: Vec<_> = entries.into_iter().map(entry).collect();
        return all.into_iter().collect::<Option<_>>().map(Json::Table);
    }
    if let Some(items) = value.as_list() {
        let all: Vec<_> = items.into_iter().map(|item| json(item, context)).collect();
        return all.into_iter().collect::<Option<_>>().map(Json::List);
    }
    value.plain_json().map(Json::Plain)
}

/// Statuses and ranges of them: `[200, "202-204"]`.
fn expect(value: Value<'_>) -> Option<Vec<RangeInclusive<u16>>> {
    let status = |item: Value<'_>| {
        if !item.is_text() {
            let status = item.integer(100..=599).and_then(|status| u16::try_from(status).ok())?;
            return Some(status..=status);
        }
        let text = item.text("a status, or a range of them such as \"200-299\"")?;
        let range = text.as_str().split_once('-').and_then(|(from, to)| {
            let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            (100 <= from && from <= to && to <= 599).then_some(from..=to)
        });
        if range.is_none() {
            item.error(id::OUT_OF_RANGE, "a range of statuses is written \"200-299\", from 100 to 599");
        }
        range
    };
    let all: Vec<_> = value.filled_items().into_iter().map(status).collect();
    all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// To whom a mail goes, which no text of a log decides.
fn address(value: Value<'_>, context: &Context) -> Option<Template> {
    let text = value.filled_text("a mail address in quotes")?;
    let template = template(&text, &context.names)?;
    let ours = context.is_ours(&text, 0, &template, "who gets a mail");
    let read = template.pieces().len() != 1
        || matches!(template.pieces(), [Piece::Value { .. }])
        || mail_address(&text, text.as_str());
    (ours && read).then_some(template)
}

/// True if it is one mail address, with or without a name before it; else that is noted.
pub fn mail_address(text: &Text<'_>, address: &str) -> bool {
    let good = address.parse::<lettre::message::Mailbox>().is_ok();
    if !good {
        let mistake = text.mistake(id::MAIL_ADDRESS, &format!("`{address}` is not one mail address"));
        text.note(mistake.help("write \"ops@example.com\" or \"Operations <ops@example.com>\""));
    }
    good
}
