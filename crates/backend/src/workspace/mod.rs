//! The workspace: its log, the fold of it, and those who follow.
//!
//! Everything that happens is appended to the journal; the fold is fed by what reached the disk, in order, whoever
//! appended it. So what anyone is shown is what a restart would show.

mod handle;
mod identity;
mod open;
mod recent;

pub use handle::{Health, NewCommand, Workspace, now};
pub use identity::{Identity, Switch};
pub use open::{OpenError, Opened, open};
pub use recent::{Batch, Entry, Position, Recent};
