//! The supervisor: keeps exactly one container of a workspace running, and swaps it when the log asks for that.
//!
//! It keeps nothing of its own: what has to be done follows from the labels and states of the containers ([`settle()`])
//! and from the request that is open in the log. So a supervisor that is killed at any point is made up for by the
//! next one, and two that do the same do it once.

mod client;
mod failpoint;
mod settle;
mod start;
mod supervise;
mod swap;
mod turn;
mod watch;

pub(crate) use client::{SwitchRequest, WorkspaceClient};
pub(crate) use settle::settle;
pub(crate) use start::{READY_WITHIN, start};
pub(crate) use supervise::{End, supervise};
pub(crate) use swap::{swap, switched_env};
pub(crate) use turn::{Turn, folder as locks};
pub(crate) use watch::Watch;
