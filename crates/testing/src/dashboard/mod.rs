//! Dashboards, the databases and cast stores that they use, and clients that post to them.

pub mod compare;
mod database;
mod login;
mod oracle;
mod poster;
mod process;
mod served;
mod server;
mod shipping;
mod store;

pub use database::{Database, postgres};
pub use login::{Browser, OIDC_CLIENT, OIDC_SECRET, Provider};
pub use oracle::{Log, assert_equal, differences};
pub use poster::{Answer, LOG, Poster, WORKSPACE, line_end};
pub use process::DashboardProcess;
pub use served::{INSTRUCTOR, Served, settings};
pub use server::{Server, give_to_postgres};
pub use shipping::ship_once;
pub use store::{CastStore, S3};
