//! What runs workspaces: a container engine by the Docker API, or sandboxes in a folder.
//!
//! The engine's labels and states are the only registry of what runs: a command that is killed loses nothing. Every
//! change is idempotent, so that two supervisors that do the same thing do it once.

pub(crate) mod answers;
mod connect;
mod container;
mod containers;
mod dispatch;
mod ending;
mod extras;
mod inspect;
mod json_file;
mod labels;
mod log;
mod printed;
mod sandbox_process;
mod sandboxes;
mod volumes;

pub(crate) use connect::{connect, look_around};
pub(crate) use container::{Container, Creation, Plan, State};
pub(crate) use containers::{Containers, split_reference};
pub(crate) use dispatch::Engine;
pub(crate) use labels::{Labels, Volume, is_name};
