//! One JSON Schema per stream, generated from the types that read and write it.

use schemars::schema_for;
use serde_json::Value;

use crate::{CommandRecord, HelpRecord, LogInfo, StateRecord, cast};

/// File name and schema of every stream and of `log.json`.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("state.schema.json", schema_for!(StateRecord<'static>).to_value()),
        ("commands.schema.json", schema_for!(CommandRecord<'static>).to_value()),
        ("llm.schema.json", schema_for!(HelpRecord<'static>).to_value()),
        ("cast-header.schema.json", schema_for!(cast::Header).to_value()),
        ("log.schema.json", schema_for!(LogInfo).to_value()),
    ]
}
