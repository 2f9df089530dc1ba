//! The only fold: what a log says about a workspace, now or at any moment.
//!
//! Pure: records in, values out. The backend, the command line and the dashboard run this same code.

mod moment;
mod navigation;
mod projection;
mod switches;
mod timeline;

pub use moment::MomentFold;
pub use navigation::Access;
pub use projection::{Cast, Check, Failed, MissingStart, Projection, Session, Step, StepRecord};
pub use switches::{FailedSwitch, OpenSwitch};
pub use timeline::{Band, Help, Moment, Timeline};
