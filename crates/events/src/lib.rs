//! The vocabulary of the streams: what a line of each log says, and how a line is written and read.
//!
//! Pure: no tokio, no file system, no clock. A record borrows from the line that it was read from, so that a
//! replay of a million lines allocates next to nothing.

pub mod cast;
pub mod codec;
mod command;
mod help;
pub mod line;
mod log;
pub mod reader;
pub mod schema;
mod state;
mod state_line;
mod text;
mod timestamp;

pub use command::{CommandRecord, MAX_CMD_CHARS};
pub use help::{HelpRecord, Outcome, Tokens};
pub use log::{Cursor, LogId, LogInfo, Stream};
pub use reader::{Commands, Finding, FindingKind, Item, Kind, Llm, State, StreamReader};
pub use state::{
    Cause, CheckCount, FailedCheck, StateEvent, StateRecord, StepInfo, SwitchDone, SwitchKind, Trigger,
};
pub use text::Text;
pub use timestamp::Timestamp;
