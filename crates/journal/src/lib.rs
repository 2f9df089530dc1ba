//! The only code that touches log files: append, recover, follow.
//!
//! A backend calls [`open`], replays the three streams of the [`Volume`], and starts it: from then on the [`Journal`]
//! appends. What an append has acknowledged is on disk; nothing is ever truncated or rewritten. Others read with
//! [`replay_dir`], [`follow()`] and [`Tail`], which take no lock.

mod cast;
mod claim;
mod clock;
mod disk;
mod files;
mod follow;
mod inbox;
mod info;
mod journal;
mod log_file;
mod recordings;
mod regular;
mod replay;
mod tail;
mod volume;
mod watch;
mod writer;

pub use cast::{CastStopped, CastWriter};
pub use claim::has_writer;
pub use clock::Clock;
pub use files::{Contents, contents_of, remove_log};
pub use follow::{Follower, follow};
pub use inbox::{AppendError, Appended, Pending};
pub use info::read_info;
pub use journal::{Counters, Journal};
pub use recordings::{RecordingFile, recording_in, recordings_in};
pub use replay::{MAX_FINDINGS, Recovered, replay_dir};
pub use tail::{Chunk, Tail, count_lines};
pub use volume::{OpenError, Volume, open};
pub use watch::{Watch, watch};

#[cfg(debug_assertions)]
pub use disk::POINTS;
