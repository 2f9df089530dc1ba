//! Processes and accounts: starts programs as the student or as root, in the backend's own container or in a sandbox.
//!
//! Every program leads a session and process group of its own, has exactly the environment it is given, and inherits
//! no descriptor but its standard three.
//!
//! A sandbox is one bubblewrap per workspace, for machines without a container engine. Inside are the host's programs,
//! read-only, the student's workspace and home, and nothing else of the host. The backend stays outside with log and
//! artifact. It starts bubblewrap, whose first process ([`init`]) starts shells and checks on request, so that checks see
//! what the student's shells started. The student has one uid and gid; when the backend is root it is a user of its own,
//! else it is the user that the backend is.

mod account;
mod bubblewrap;
mod client;
mod descriptors;
mod direct;
mod error;
mod etc;
mod folder;
mod host;
pub mod init;
mod inside;
mod launcher;
mod layout;
mod program;
mod protocol;
mod running;
mod sandbox;
pub mod shell;

pub use account::Account;
pub use descriptors::polled;
pub use direct::{Direct, DirectError};
pub use error::SandboxError;
pub use folder::environment;
pub use host::{Programs, find_program};
pub use inside::GOSS;
pub use launcher::Launcher;
pub use layout::{LayoutError, lay_out};
pub use program::{Exit, Pipes, Program, RunAs, TerminalSize};
pub use running::{Running, Signal};
pub use sandbox::Sandbox;
