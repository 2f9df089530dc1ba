//! The state stream: what happened in a workspace.

mod event;
mod record;
mod table;
mod values;

pub use event::StateEvent;
pub use record::StateRecord;
pub use values::{Cause, CheckCount, FailedTest, StepInfo, SwitchDone, SwitchKind, Trigger};
