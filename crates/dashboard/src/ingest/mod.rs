//! Takes in what shippers post: whole lines of a file at a byte offset, each once, answered once they are stored.

pub mod access;
pub mod body;
pub(crate) mod casts;
pub mod commit;
pub mod counts;
pub(crate) mod diverged;
mod headers;
mod late;
pub(crate) mod layers;
pub mod lines;
pub(crate) mod position;
pub(crate) mod records;
pub mod vector;
