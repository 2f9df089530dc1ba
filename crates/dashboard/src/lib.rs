//! The dashboard: takes in the logs of many workspaces, keeps them in Postgres and in a cast store, and shows them.

pub mod api;
pub mod arguments;
pub mod auth;
pub mod casts;
pub mod client;
pub mod error;
pub mod healthcheck;
pub mod ingest;
pub mod live;
pub mod projections;
pub mod rebuild;
pub mod relay;
pub mod retention;
mod router;
mod serve;
mod service;
pub mod settings;
pub mod store;
mod values;
pub mod webhooks;

pub use router::{openapi, router};
pub use serve::serve;
pub use service::{Dashboard, DashboardError};
