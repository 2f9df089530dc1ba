//! The only fold: what a log says about a workspace, now or at any moment.
//!
//! Pure: records in, values out. The backend, the command line and the dashboard run this same code.

mod fold;
mod navigation;
mod projection;
mod session;
mod step;
mod switches;
mod timeline;
mod until;

pub use navigation::Access;
pub use projection::Projection;
pub use session::{Cast, Session};
pub use step::{Check, MissingStart, Step, StepRecord};
pub use switches::{FailedSwitch, OpenSwitch};
pub use timeline::{Band, Help, Moment, Timeline};
pub use until::FoldUntil;
pub use workshop_definition::artifact::{HelpMode, Navigation};
