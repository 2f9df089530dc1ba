//! The text frames of a terminal's WebSocket. Binary frames are bytes: keystrokes from the page, output to it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Close code: the first frame is not a hello, or not one that can be granted.
pub const CLOSE_HELLO: u16 = 4400;
/// Close code: the token is missing, wrong, or of another role.
pub const CLOSE_TOKEN: u16 = 4401;
/// Close code: there is no such terminal, or no such workspace.
pub const CLOSE_NO_TERMINAL: u16 = 4404;
/// Close code: no hello within five seconds.
pub const CLOSE_NO_HELLO: u16 = 4408;
/// Close code of the dashboard: the workspace cannot be reached.
pub const CLOSE_UNREACHABLE: u16 = 4502;

/// What a page sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    /// The first frame, within five seconds. Nothing is sent before it.
    Hello {
        /// The token; null where none is set, or where a cookie says who asks.
        token: Option<String>,
        /// Name of the terminal.
        terminal: String,
        /// Columns of the page's terminal.
        cols: u16,
        /// Rows of the page's terminal.
        rows: u16,
    },
    /// The page's terminal has another size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// Output was processed.
    Ack {
        /// Bytes of output processed since the connection opened.
        bytes: u64,
    },
}

/// What a page receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerMessage {
    /// Begin anew: the next output is the whole screen.
    Restored {
        /// The session.
        session: String,
        /// Name of the terminal.
        terminal: String,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
        /// Whether a shell runs.
        running: bool,
    },
    /// The terminal has another size.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The shell has ended; the next key starts one.
    Exit {
        /// Its exit code.
        #[schema(required)]
        code: Option<i32>,
    },
    /// The connection is refused; it is closed after this frame.
    Error {
        /// What is wrong, in a few words.
        title: String,
        /// What to do.
        detail: String,
    },
}
