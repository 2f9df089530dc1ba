//! The three kinds of JSONL streams: which records each holds, and how they are read.

use crate::{CommandRecord, HelpRecord, StateRecord, Stream, Timestamp, codec};

/// What a JSONL stream holds.
pub trait Kind {
    /// The stream.
    const STREAM: Stream;
    /// Its records.
    type Record<'a>;
    /// Reads a line.
    ///
    /// # Errors
    /// When the line is not such a record; the text says why.
    fn parse(line: &str) -> Result<Self::Record<'_>, serde_json::Error>;
    /// The log that the record names, and its `seq`.
    fn identity<'r>(record: &'r Self::Record<'_>) -> (Option<&'r str>, Option<u64>);
    /// When it happened.
    fn ts(record: &Self::Record<'_>) -> Timestamp;
}

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $record:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Kind for $name {
            const STREAM: Stream = Stream::$name;
            type Record<'a> = $record<'a>;
            fn parse(line: &str) -> Result<$record<'_>, serde_json::Error> {
                $parse(line)
            }
            fn identity<'r>(record: &'r $record<'_>) -> (Option<&'r str>, Option<u64>) {
                (record.log.as_deref(), record.seq)
            }
            fn ts(record: &$record<'_>) -> Timestamp {
                record.ts
            }
        }
    };
}

kind!(
    /// The state stream.
    State, StateRecord, StateRecord::from_line
);
kind!(
    /// The commands stream.
    Commands, CommandRecord, codec::object
);
kind!(
    /// The llm stream.
    Llm, HelpRecord, codec::object
);
