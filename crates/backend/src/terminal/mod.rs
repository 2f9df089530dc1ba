//! Terminals: the PTY, its screen, its recording, its shell integration, and its viewers.
//!
//! Output takes one way: the [`session`]'s loop reads it, [`screen`] makes text, marks and answers of it, and the loop
//! hands the text to the recording and then to every viewer. What was shown was recorded.

pub mod commands;
pub mod emulator;
pub mod flow;
pub mod modes;
pub mod osc;
pub mod outbox;
pub mod pty;
pub mod queries;
pub mod recorder;
pub mod registry;
pub mod scanner;
pub mod screen;
pub mod session;
pub mod session_log;
pub mod shell;
pub mod socket;
pub mod utf8;
pub mod viewer;

pub use outbox::Frame;
pub use registry::{AttachError, Seat, Settings, Terminals};
pub use shell::ShellSetup;
pub use viewer::Role;
