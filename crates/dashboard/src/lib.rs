//! The dashboard: takes in the logs of many workspaces, keeps them in Postgres and in a cast store, and shows them.

mod api;
pub mod arguments;
mod auth;
mod cards;
pub mod casts;
mod client;
mod error;
pub mod healthcheck;
pub mod ingest;
mod live;
pub mod projections;
pub mod rebuild;
mod relay;
pub mod retention;
mod router;
mod serve;
mod service;
pub mod settings;
pub mod store;
mod values;
mod webhooks;

pub use router::{openapi, router};
pub use serve::serve;
pub use service::{Dashboard, DashboardError};
