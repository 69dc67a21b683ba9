//! What a step executes, from TOML: BPXBATCH's PARM, its long form STDPARM, or an argument list; or what it
//! sends.
//!
//! Layer: core

use super::{Context, send, warn_not_expanded};
use crate::diagnostic::id;
use crate::document::{Table, Text, Value};
use crate::job::{Program, ShellLine};
use crate::rule::decode::{template, template_in};
use crate::rule::{Piece, Template};
use std::ops::Range;

/// Bytes that the PARM of a JCL EXEC statement can have.
const PARM_BYTES_MAX: usize = 100;

/// The program of a step, from exactly one of these keys.
pub fn program(table: &mut Table<'_>, context: &Context) -> Option<Program> {
    let doc = table.doc();
    let keys = ["parm", "stdparm", "argv", "webhook", "mail"].map(|key| table.take_entry(key));
    let mut given = keys.into_iter().flatten();
    let Some((key, value)) = given.next() else {
        doc.error(id::ONE_OF, table.span(), "this step has none of `parm`, `stdparm`, `argv`, `webhook` and `mail`");
        return None;
    };
    if let Some((second, _)) = given.next() {
        let text = format!("a step has one program, and this one has both `{}` and `{}`", key.name, second.name);
        doc.error(id::ONE_OF, &second.span, &text);
        return None;
    }
    match key.name {
        "argv" => argv(value, context),
        "webhook" => send::webhook(value, context).map(Program::Send),
        "mail" => send::mail(value, context).map(Program::Send),
        name => bpxbatch(value, name, context),
    }
}

/// `SH line` or `PGM program words`; without either word it is a line for the shell.
fn bpxbatch(value: Value<'_>, key: &str, context: &Context) -> Option<Program> {
    let text = value.filled_text("`SH …` or `PGM …` in quotes")?;
    let source = text.as_str();
    let first = source.len() - source.trim_start().len();
    let word_end = source[first..].find(char::is_whitespace).map_or(source.len(), |at| first + at);
    let word = &source[first..word_end];
    let from = if matches!(word, "SH" | "PGM") { word_end } else { first };
    let from = from + source[from..].len() - source[from..].trim_start().len();
    if from == source.len() {
        value.error(id::EMPTY, &format!("`{word}` has nothing to run"));
        return None;
    }
    if word == "PGM" {
        return pgm(&text, from, key, context);
    }
    let line = template_in(&text, from..source.len(), &context.names)?;
    // `SH ` is part of the PARM even where it is left out here.
    let implied = if word == "SH" { 0 } else { "SH ".len() };
    warn_length(&text, key, implied);
    let command = source[from..].find(char::is_whitespace).map_or(source.len(), |at| from + at);
    if let Ok(command) = Template::parse(&source[from..command])
        && !context.is_ours(&text, from, &command, "a program")
    {
        return None;
    }
    let wrong = match ShellLine::new(line) {
        Ok(line) => return Some(Program::Sh(line)),
        Err(wrong) => wrong,
    };
    for (why, at) in wrong {
        let length = source[from + at..].find('}').map_or(1, |end| end + 1);
        let span = text.part(from + at, length);
        let mistake = text.doc().mistake(id::SHELL_PLACE, &span, &why);
        let help = "put it outside the quotes: its value becomes one quoted word; or use `argv`";
        text.doc().note(&span, mistake.help(help));
    }
    None
}

/// BPXBATCH splits the rest at blanks, and quotes protect nothing.
fn pgm(text: &Text<'_>, from: usize, key: &str, context: &Context) -> Option<Program> {
    let source = text.as_str();
    if let Some(at) = source[from..].find(['\'', '"']) {
        let span = text.part(from + at, 1);
        let mistake = text.doc().mistake(id::PGM_QUOTES, &span, "under `PGM` a quote is a character like any other");
        text.doc().note(&span, mistake.help("use `argv`, where each word is one string, or `SH`"));
    }
    warn_not_expanded(text, from..source.len());
    warn_length(text, key, 0);
    let ranges = words(source, from);
    let line = shell_line(&ranges.iter().map(|word| &source[word.clone()]).collect::<Vec<_>>());
    let words: Vec<Option<Template>> = ranges
        .into_iter()
        .enumerate()
        .map(|(at, word)| {
            let template = template_in(text, word, &context.names)?;
            (Some(at) != line || is_data_only(text, &template)).then_some(template)
        })
        .collect();
    let words: Vec<Template> = words.into_iter().collect::<Option<_>>()?;
    context.is_ours(text, from, words.first()?, "a program").then_some(Program::Pgm(words))
}

fn words(source: &str, from: usize) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = from;
    for word in source[from..].split(char::is_whitespace) {
        if !word.is_empty() {
            words.push(at..at + word.len());
        }
        at += word.len() + source[at + word.len()..].chars().next().map_or(0, char::len_utf8);
    }
    words
}

fn argv(value: Value<'_>, context: &Context) -> Option<Program> {
    let items = value.list("a list: the program and its words, each in quotes")?;
    let Some(first) = items.first() else {
        value.error(id::EMPTY, "`argv` is an empty list; its first word is the program");
        return None;
    };
    let program = first.filled_text("a program in quotes");
    let line = shell_line(&items.iter().map_while(|item| item.as_text()).collect::<Vec<_>>());
    let words: Vec<Option<Template>> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let text = item.text("a word in quotes")?;
            let template = template(&text, &context.names)?;
            if Some(at) == line {
                return is_data_only(&text, &template).then_some(template);
            }
            warn_not_expanded(&text, 0..text.as_str().len());
            Some(template)
        })
        .collect();
    let words: Vec<Template> = words.into_iter().collect::<Option<_>>()?;
    context.is_ours(&program?, 0, words.first()?, "a program").then_some(Program::Argv(words))
}

/// Programs that read a line for a shell behind `-c`, and programs that run another program: one of the former.
const SHELLS: [&str; 11] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "tcsh", "csh", "su", "runuser"];
const RUNNERS: [&str; 11] =
    ["env", "sudo", "doas", "nice", "ionice", "nohup", "timeout", "setsid", "stdbuf", "chroot", "xargs"];

/// Which of these words a shell reads: the one behind the options of `sh -c`.
fn shell_line(words: &[&str]) -> Option<usize> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = name(words.first()?);
    let runner = RUNNERS.contains(&&*program);
    let is_shell = |(at, word): (usize, &&str)| (at == 0 || runner) && SHELLS.contains(&&*name(word));
    let shell = words.iter().enumerate().position(is_shell)?;
    let is_command =
        |word: &&str| *word == "--command" || !word.starts_with("--") && word.starts_with('-') && word.contains('c');
    let option = shell + 1 + words[shell + 1..].iter().position(is_command)?;
    let options = words[option..].iter().take_while(|word| word.starts_with(['-', '+'])).count();
    Some(option + options).filter(|line| *line < words.len())
}

/// No value of a record is a part of what a shell reads: there it would be syntax, and no quotes that could be put
/// around it are right everywhere.
fn is_data_only(text: &Text<'_>, template: &Template) -> bool {
    let has_value = template.pieces().iter().any(|piece| matches!(piece, Piece::Value { .. }));
    if has_value {
        let what = "a shell reads this word, and a value in it would be a part of its syntax";
        let mistake = text.mistake(id::SHELL_PLACE, what);
        text.note(
            mistake.help("write `parm = 'SH …'`, where a value is one quoted word, or put the value behind it: \"$1\""),
        );
    }
    !has_value
}

/// Warns of a PARM that JCL would not take. Values have no length yet and count nothing.
fn warn_length(text: &Text<'_>, key: &str, implied: usize) {
    if key != "parm" {
        return;
    }
    let template = Template::parse(text.as_str()).unwrap_or_default();
    let fixed = |piece: &Piece| if let Piece::Text(text) = piece { text.len() } else { 0 };
    let length = implied + template.pieces().iter().map(fixed).sum::<usize>();
    if length > PARM_BYTES_MAX {
        let what = format!("this PARM has {length} bytes without its values, and JCL takes {PARM_BYTES_MAX}");
        text.note(text.mistake(id::PARM_LENGTH, &what).help("write `stdparm` instead of `parm`: it has no such limit"));
    }
}
