//! Jobs from TOML. A file is one job, named by the file; every mistake in it is noted.
//!
//! Layer: core

mod guard;
mod program;
mod send;
mod step;

pub use send::mail_address;

use super::{Job, OnDoubt, Param, Retry};
use crate::diagnostic::id;
use crate::document::{Document, Key, Table, Value};
use crate::limits::ATTEMPTS_MAX;
use crate::rule::Template;
use crate::rule::decode::{KnownNames, template};
use crate::span::Span;
use std::sync::Arc;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 9] = [
    ("steps", "[[step]]"),
    ("environment", "env"),
    ("directory", "cwd"),
    ("dir", "cwd"),
    ("parameters", "params"),
    ("args", "params"),
    ("retries", "retry"),
    ("secret", "secrets"),
    ("run_as", "user"),
];

/// The name of the job that a file holds: its own, without directories and ending.
#[must_use]
pub fn job_name(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Reads a job; none if there is a mistake in it.
pub fn decode<'d>(doc: &'d Document<'d>) -> Option<Job> {
    let name: Arc<str> = job_name(doc.file().name()).into();
    let named = check_name(doc, &name);
    let mut root = doc.root("a job file");
    let description = root.take("description").and_then(Value::string);
    let on_doubt = root.take("on_doubt").map_or(Some(OnDoubt::default()), on_doubt);
    let params = root.take("params").map_or(Some(Vec::new()), params);
    let names = match &params {
        Some(params) => KnownNames::of_job(params.iter().map(|p| &*p.name)),
        None => KnownNames::unsure(),
    };
    let secrets = root.take("secrets").map_or(Some(Vec::new()), guard::secrets);
    let with_secrets = match &secrets {
        Some(secrets) => names.clone().and(secrets.iter().map(|(name, _)| name.as_str())),
        None => KnownNames::unsure(),
    };
    let params_named = params.iter().flatten().map(|p| p.name.clone()).collect();
    let context = Context { names, with_secrets, params: params_named };
    let cwd = root.take("cwd").map_or(Some(None), |value| context.directory(value).map(Some));
    let env = root.take("env").map_or(Some(Vec::new()), |value| context.environment(value));
    let keep_env = root.take("keep_env").map_or(Some(Vec::new()), guard::keep_env);
    let user = root.take("user").map_or(Some(None), |value| guard::user(value).map(Some));
    let retry = root.take("retry").map_or(Some(Retry::default()), retry);
    let steps = root.require("step").and_then(|value| step::steps(value, &context));
    let whole = root.is_empty() && named;
    root.finish_with(&MEANT);
    let place = doc.file().place(0);
    let job = Job {
        name,
        place,
        description,
        on_doubt: on_doubt?,
        params: params?,
        env: env?,
        keep_env: keep_env?,
        secrets: secrets?,
        user: user?,
        cwd: cwd?,
        retry: retry?,
        steps: steps?,
        text: crate::span::fingerprint(doc.file().text()),
    };
    whole.then_some(job)
}

fn check_name(doc: &Document<'_>, name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let good = !name.is_empty() && name.bytes().all(good);
    if !good {
        let mistake = doc.mistake(id::BAD_NAME, &(0..0), &format!("`{name}` cannot be the name of a job"));
        doc.note(&(0..0), mistake.help("name the file by letters, digits, `-` and `_`, and `.toml`"));
    }
    good
}

fn on_doubt(value: Value<'_>) -> Option<OnDoubt> {
    value.word(&["hold", "rerun"], |word| match word {
        "hold" => Some(OnDoubt::Hold),
        "rerun" => Some(OnDoubt::Rerun),
        _ => None,
    })
}

fn params(value: Value<'_>) -> Option<Vec<Param>> {
    let entries = value.table("`params`")?.take_rest();
    let params: Vec<Option<Param>> = entries.into_iter().map(|(key, value)| param(&key, value)).collect();
    params.into_iter().collect()
}

/// A text is the default; `{ required = true }` says that the rule must give a value.
fn param(key: &Key<'_>, value: Value<'_>) -> Option<Param> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let named = !key.name.is_empty() && key.name.bytes().all(good) && !key.name.as_bytes()[0].is_ascii_digit();
    if !named {
        let mistake = value.doc().mistake(id::BAD_NAME, &key.span, &format!("`{}` cannot name a parameter", key.name));
        value.doc().note(&key.span, mistake.help("a parameter's name is made of letters, digits and `_`"));
    }
    let default = match value.is_table() {
        false => {
            value.text("its default in quotes, or `{ required = true }`").map(|text| Some(text.as_str().to_owned()))
        }
        true => {
            let mut table = value.table("a parameter")?;
            let required = table.take("required").map_or(Some(true), |required| {
                let answer = required.boolean()?;
                if !answer {
                    required.error(id::ONE_OF, "a parameter that is not required needs its default, in quotes");
                }
                answer.then_some(true)
            });
            table.finish();
            required.map(|_| None)
        }
    };
    let default = default?;
    named.then(|| Param { name: key.name.into(), default })
}

fn retry(value: Value<'_>) -> Option<Retry> {
    let mut table = value.table("`retry`")?;
    let plain = Retry::default();
    let attempts = table.require("attempts").and_then(|v| v.integer(1..=ATTEMPTS_MAX));
    let delay = table.take("delay").map_or(Some(plain.delay), Value::duration);
    let backoff = table.take("backoff").map_or(Some(plain.backoff), |v| v.number(1.0..=100.0));
    let delay_max = table.take("delay_max").map_or(Some(plain.delay_max), Value::duration);
    let whole = table.is_empty();
    table.finish_with(&[("count", "attempts"), ("times", "attempts"), ("max_delay", "delay_max"), ("pause", "delay")]);
    let attempts = u32::try_from(attempts?).ok()?;
    whole.then_some(Retry { attempts, delay: delay?, backoff: backoff?, delay_max: delay_max? })
}

/// What the templates of a job may use.
struct Context {
    names: KnownNames,
    /// The same with the job's secrets, for what is sent.
    with_secrets: KnownNames,
    params: Vec<Arc<str>>,
}

impl Context {
    fn template(&self, value: Value<'_>) -> Option<Template> {
        let text = value.text("a text in quotes")?;
        warn_not_expanded(&text, 0..text.as_str().len());
        template(&text, &self.names)
    }

    fn environment(&self, value: Value<'_>) -> Option<Vec<(String, Template)>> {
        let entries = value.table("`env`")?.take_rest();
        let variable = |(key, value): (Key<'_>, Value<'_>)| {
            let name = variable(value, key.name, &key.span);
            let template = self.template(value)?;
            Some((name?, template))
        };
        let all: Vec<_> = entries.into_iter().map(variable).collect();
        all.into_iter().collect()
    }

    /// A directory, which no text of a log may name.
    fn directory(&self, value: Value<'_>) -> Option<Template> {
        let text = value.filled_text("a directory in quotes")?;
        warn_not_expanded(&text, 0..text.as_str().len());
        let template = template(&text, &self.names)?;
        self.is_ours(&text, 0, &template, "a directory").then_some(template)
    }

    /// Notes it where a field of the record names a program or a directory: what stands in a log is
    /// data. The job's parameters may, since whoever writes a rule decides what they are, and so may
    /// the names of source and server, which come from `wtor.toml`.
    fn is_ours(&self, text: &crate::document::Text<'_>, from: usize, template: &Template, what: &str) -> bool {
        let ours = |name: &str| matches!(name, "source" | "server") || self.params.iter().any(|p| &**p == name);
        let Some((name, at)) = template.names().find(|(name, _)| !ours(name)) else { return true };
        let span = text.part(from + at, name.len() + "${}".len());
        let why = format!("`{name}` comes from the log and cannot name {what}");
        let mistake = text.doc().mistake(id::LOG_TEXT, &span, &why);
        text.doc().note(&span, mistake.help("use a parameter of the job, and let the rule decide its value"));
        false
    }
}

/// The name of an environment variable; that it is none is noted.
fn variable(value: Value<'_>, name: &str, span: &Span) -> Option<String> {
    let good = is_variable(name);
    if !good {
        let mistake = value.doc().mistake(id::BAD_NAME, span, &format!("`{name}` cannot name an environment variable"));
        value.doc().note(span, mistake.help("use letters, digits and `_`, and no digit first"));
    }
    good.then(|| name.to_owned())
}

/// A name that a shell can use.
fn is_variable(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.bytes().all(good) && !name.as_bytes()[0].is_ascii_digit()
}

/// Warns of `$NAME` where no shell will expand it.
fn warn_not_expanded(text: &crate::document::Text<'_>, part: std::ops::Range<usize>) {
    let source = &text.as_str()[part.clone()];
    let mut from = 0;
    while let Some(found) = source[from..].find('$') {
        let at = from + found;
        let length = source[at + 1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &source[at + 1..length.map_or(source.len(), |l| at + 1 + l)];
        if is_variable(name) {
            let span = text.part(part.start + at, name.len() + 1);
            let what = format!("`${name}` is not expanded: no shell reads this");
            let mistake = text.doc().mistake(id::NOT_EXPANDED, &span, &what);
            let help = format!("use a parameter, `${{{}}}`, or an `SH` line", name.to_lowercase());
            text.doc().note(&span, mistake.help(&help));
            return;
        }
        from = at + 1;
    }
}

/// What is left of a table, and whether anything was.
fn finish(table: Table<'_>, meant: &[(&str, &str)]) -> bool {
    let whole = table.is_empty();
    table.finish_with(meant);
    whole
}
