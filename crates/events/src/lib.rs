//! The vocabulary of the streams: what a line of each log says, and how a line is written and read.
//!
//! Pure: no tokio, no file system, no clock. A record borrows from the line that it was read from, so that a
//! replay of a million lines allocates next to nothing.

pub mod cast;
pub mod codec;
mod command;
mod finding;
mod help;
mod kind;
pub mod line;
mod log;
mod reader;
pub mod schema;
mod state;
mod text;
mod timestamp;

pub use command::{CommandRecord, MAX_CMD_CHARS};
pub use finding::{Finding, FindingKind};
pub use help::{HelpRecord, Outcome, Tokens};
pub use kind::{Commands, Kind, Llm, State};
pub use log::{Cursor, LogId, LogInfo, Stream};
pub use reader::{Item, StreamReader};
pub use state::{
    Cause, CheckCount, FailedTest, StateEvent, StateRecord, StepInfo, SwitchDone, SwitchKind, Trigger,
};
pub use text::Text;
pub use timestamp::Timestamp;
