//! Everything in the journal, in order, as objects that stay as they are: what the entries say, and the positions.
//!
//! Layer: shell

use super::{Error, Reader, schema};
use crate::journal::Entry;
use serde_json::{Value, json};
use std::ops::ControlFlow;

impl Reader {
    /// Gives first an object about the journal (`"entry": "journal"`), then each entry with its number, and at the end
    /// the positions. The times are microseconds since 1970, universal.
    ///
    /// # Errors
    /// If the journal cannot be read, or an entry is not what was written; what came before has been given.
    pub fn export(&self, sink: &mut dyn FnMut(Value) -> ControlFlow<()>) -> Result<(), Error> {
        let from = self.tables();
        let failed = |source| schema::refusal(from.path, "read", source);
        // One state of the journal for all of it, though an agent may write meanwhile.
        let _snapshot = from.connection.unchecked_transaction().map_err(failed)?;
        let version: i64 =
            from.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        let sessions = schema::sessions(from.connection, from.path)?;
        let mut flow = sink(json!({ "entry": "journal", "schema": version, "sessions": sessions }));
        from.each_entry(&mut |row| {
            if flow.is_continue() {
                let mut object = json!({ "seq": row.seq });
                if let (Value::Object(all), Value::Object(said)) = (&mut object, json!(row.entry?)) {
                    all.extend(said);
                }
                flow = sink(object);
            }
            Ok(flow)
        })?;
        for checkpoint in from.checkpoints(version)? {
            if flow.is_continue() {
                flow = sink(json!(Entry::Position(checkpoint)));
            }
        }
        Ok(())
    }
}
