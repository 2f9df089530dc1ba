//! The command `workshop`: its output, its engines, its workspaces and its images.

mod command;
mod engine;
mod images;
mod keyboard;
mod recorded;
mod user;

pub use command::{answer, said, workshop};
pub use engine::{Engine, On, given};
pub use images::{Built, Workshop};
pub use keyboard::Terminal;
pub use recorded::{BEGIN, EVENTS, Recorded};
pub use user::{Images, Supervisor, User, examples};
