//! What a student does, as it ends up in the log.

use workshop_events::{Outcome, StateEvent, Tokens};

use crate::workshop::Line;

/// One thing that ends up in the log.
pub(crate) enum Act {
    /// A state event, as it is written.
    State(StateEvent<'static>),
    /// A shell starts, and its recording.
    Open { session: String },
    /// The shell of the session ends, with an exit code unless the backend ended it.
    Close { session: String, exit: Option<i32> },
    /// The terminal gets this.
    Output(String),
    /// A command begins.
    Marker(&'static str),
    /// A command ended.
    Command { began: f64, line: &'static Line, step: &'static str, cwd: &'static str },
    /// The language model answered.
    Help(Exchange),
}

/// A question to the language model, and its answer.
pub(crate) struct Exchange {
    pub(crate) step: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) question: &'static str,
    pub(crate) response: &'static str,
    pub(crate) tokens: Tokens,
    pub(crate) seconds: f64,
    pub(crate) outcome: Outcome,
}
