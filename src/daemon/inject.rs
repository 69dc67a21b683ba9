//! A test message through the whole way: recognised as the source would, matched, decided and acted upon.
//!
//! Layer: shell

use super::clock;
use super::drive::Drive;
use super::reader::Reading;
use crate::agent::{Effect, Event};
use crate::control::Answer;
use crate::engine::Matched;
use crate::journal::{Checkpoint, Entry, FileKey, Origin};
use crate::record::{Encoding, Flush, Options, Position, Record, Stream};
use crate::rule::Seen;

/// Source of the position that goes with an injected record. No source of `wtor.toml` can have this name.
const NO_SOURCE: &str = "(injected)";

impl Drive<'_> {
    /// Takes these lines as if the source had read them now, and says what was decided.
    pub(super) fn inject(&mut self, text: &str, source: Option<&str>, user: &str) -> (Answer, Vec<Effect>) {
        let reading = match source {
            Some(name) => self.readings.iter().find(|reading| &*reading.source == name),
            None => self.readings.first(),
        };
        let Some(reading) = reading.cloned() else {
            let names: Vec<&str> = self.readings.iter().map(|reading| &*reading.source).collect();
            let reason = format!("there is no source `{}`; there is {}", source.unwrap_or_default(), names.join(", "));
            return (Answer::Refused { reason }, Vec::new());
        };
        self.state.injected += 1;
        let file = FileKey(format!("injected {}-{}", self.session, self.state.injected).into());
        let origin = Origin {
            source: reading.source.clone(),
            path: format!("(injected by {user})").into(),
            file: file.clone(),
            offset: 0,
            line: 1,
        };
        let (records, matched) = self.recognise(text, &reading, &origin);
        let mut effects: Vec<Effect> =
            matched.into_iter().flat_map(|matched| self.agent.handle(Event::Matched(Box::new(matched)))).collect();
        effects.extend(self.agent.handle(Event::Gone(file)));
        let decisions = effects.iter().flat_map(decided).collect();
        (Answer::Injected { records, decisions }, effects)
    }

    fn recognise(&self, text: &str, reading: &Reading, origin: &Origin) -> (usize, Vec<Matched>) {
        let Ok(matcher) = self.current.read().map(|current| current.clone()) else { return (0, Vec::new()) };
        let read = Checkpoint {
            source: NO_SOURCE.into(),
            path: "".into(),
            file: origin.file.clone(),
            offset: 0,
            line: 1,
            head: String::new(),
            done: false,
        };
        let (mut records, mut found) = (0, Vec::new());
        let mut sink = |record: &Record<'_>| {
            records += 1;
            let server = reading.server.as_deref();
            let seen = Seen { record, source: &reading.source, server };
            matcher.hits(seen, &mut |hit| {
                found.push(Matched {
                    target: hit.target(),
                    origin: Origin { offset: record.position.offset, line: record.position.line, ..origin.clone() },
                    at: clock::now(),
                    // What somebody types now is not old, whatever stamp it has.
                    age: None,
                    age_max: None,
                    captures: hit.condition.captures(seen),
                    read: read.clone(),
                });
            });
        };
        // It comes as text, whatever the source's character set.
        let options = Options { encoding: Some(Encoding::Ascii), record_length: None, ..reading.options_now() };
        let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
        stream.feed(text.as_bytes(), &mut sink);
        stream.flush(Flush::Everything, &mut sink);
        (records, found)
    }
}

fn decided(effect: &Effect) -> Vec<String> {
    let Effect::Append { entries, .. } = effect else { return Vec::new() };
    let line = |entry: &Entry| match entry {
        Entry::Decided(decision) => {
            Some(format!("{} {} ({})", decision.rule, decision.verdict.name(), decision.reason))
        }
        Entry::Noted(note) => Some(format!("{} noted ({}{})", note.rule, note.part.name(), note.key.clause())),
        _ => None,
    };
    entries.iter().filter_map(line).collect()
}
