//! Image swaps: which are asked for, done or failed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workshop_events::{SwitchKind, Timestamp};

/// A swap that was asked for and is neither done nor failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSwitch {
    /// Its id.
    pub request: String,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    pub step: String,
    /// When it was asked for.
    pub ts: Timestamp,
}

/// A swap that the supervisor could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSwitch {
    /// Its id.
    pub request: String,
    /// The step that it was to begin at.
    pub step: String,
    /// Why.
    pub reason: String,
    /// When.
    pub ts: Timestamp,
}

/// A request that is done or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    step: String,
    /// When a container was made for it: the step that was active before.
    before: Option<String>,
}

/// All requests of a log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Switches {
    /// In the order of asking.
    open: Vec<OpenSwitch>,
    ended: BTreeMap<String, Ended>,
    last_failed: Option<FailedSwitch>,
}

impl Switches {
    pub(crate) fn request(&mut self, request: &str, kind: SwitchKind, step: &str, ts: Timestamp) {
        let known = self.ended.contains_key(request) || self.open.iter().any(|o| o.request == request);
        if !known {
            self.last_failed = None;
            self.open.push(OpenSwitch { request: request.to_owned(), kind, step: step.to_owned(), ts });
        }
    }

    /// A backend says that its container was made for `request`. True for the first that says so: a restart of the
    /// same container is no second swap. A request that the log does not know counts as asked and fulfilled.
    pub(crate) fn fulfil(&mut self, request: &str, step: &str, active: Option<&str>) -> bool {
        if self.ended.contains_key(request) {
            return false;
        }
        self.open.retain(|o| o.request != request);
        self.last_failed = None;
        let ended = Ended { step: step.to_owned(), before: active.map(ToOwned::to_owned) };
        self.ended.insert(request.to_owned(), ended);
        true
    }

    /// The supervisor could not. Gives the step to go back to when the request had been fulfilled already.
    pub(crate) fn fail(&mut self, request: &str, step: &str, reason: &str, ts: Timestamp) -> Option<String> {
        self.open.retain(|o| o.request != request);
        self.last_failed = Some(FailedSwitch {
            request: request.to_owned(),
            step: step.to_owned(),
            reason: reason.to_owned(),
            ts,
        });
        let failed = Ended { step: step.to_owned(), before: None };
        self.ended.insert(request.to_owned(), failed).and_then(|fulfilled| fulfilled.before)
    }

    /// The oldest that is open.
    pub(crate) fn oldest_open(&self) -> Option<&OpenSwitch> {
        self.open.first()
    }

    /// The last one, when it failed and nothing was asked for or done since.
    pub(crate) fn last_failed(&self) -> Option<&FailedSwitch> {
        self.last_failed.as_ref()
    }

    /// The step that a request asked for.
    pub(crate) fn step(&self, request: &str) -> Option<&str> {
        let open = self.open.iter().find(|open| open.request == request).map(|open| open.step.as_str());
        open.or_else(|| self.ended.get(request).map(|ended| ended.step.as_str()))
    }
}
