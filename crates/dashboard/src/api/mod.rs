//! Everything served besides ingest: the instructor API, the login, the pages, live terminals, health and metrics.

pub(crate) mod class;
mod download;
pub(crate) mod export;
pub(crate) mod funnel;
pub(crate) mod health;
pub(crate) mod lists;
pub(crate) mod login;
pub(crate) mod matrix;
pub(crate) mod pages;
pub(crate) mod params;
pub(crate) mod past;
pub(crate) mod recordings;
mod rows;
pub(crate) mod search;
pub(crate) mod stream;
pub(crate) mod terminal;
