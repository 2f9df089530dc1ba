//! What every HTTP service of the platform does alike: problems, who may ask, bounded bodies, ranges, and serving itself.
//!
//! A service's router has its roles as layers; this crate has what those layers are made of.

mod bearer;
mod body;
mod counted;
mod documented;
mod extract;
mod headers;
mod idle;
mod layers;
mod origin;
mod problem;
mod range;
mod serve;

pub use bearer::{Token, bearer};
pub use body::{JsonBody, NoBody};
pub use documented::with_problems;
pub use extract::{Path, Query, RawPath};
pub use headers::protect;
pub use layers::{known_host, own_site, protected};
pub use origin::{Hosts, check_origin, check_own};
pub use problem::Problem;
pub use range::{Outside, Part};
pub use serve::{Limits, raise_open_files, serve};
