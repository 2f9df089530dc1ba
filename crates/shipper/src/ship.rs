//! The whole of shipping: waits for a log, asks what is stored of it, compares, ships, and begins anew with another log.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinSet, block_in_place},
    time::{Instant, sleep, sleep_until},
};
use workshop_journal::has_writer;
use workshop_wire::ingest::{Diverged, LogPosition, LogState};

use crate::{
    end::{End, Phase},
    error::ShipError,
    ingest_client::{IngestClient, Refusal},
    lane::{Lane, Outcome},
    metrics::Metrics,
    pause::{LONGEST_ENDING, Pause, slow},
    settings::{Only, Settings},
    shared::Shared,
    source::Fault,
    volume::{self, Changes, Volume},
};

/// How often a volume without a log is looked at.
const POLL: Duration = Duration::from_millis(100);
/// Records that come within this time after a post are posted together.
const GATHER: Duration = Duration::from_millis(50);
/// A difference to what was stored has to last this long: a volume may just be replaced by another.
const SETTLE: Duration = Duration::from_secs(2);
const SETTLE_LOOK: Duration = Duration::from_millis(500);

/// What shipping a log has come to.
enum Session {
    Outcome(Outcome),
    /// A file is not the one that was stored; perhaps the volume is being replaced.
    Differs(Diverged),
}

/// Ships until the end. Whether all was shipped by then. Needs a runtime of several threads: files are read on them.
///
/// # Errors
/// When there is no way to send anything.
pub async fn ship(settings: Settings, end: End, metrics: Metrics) -> Result<bool, ShipError> {
    let client = IngestClient::new(&settings)?;
    let shared = Arc::new(Shared::new(settings, client, metrics, end, GATHER));
    Ok(Shipper { shared, warned: None, differs: None }.run().await)
}

struct Shipper {
    shared: Arc<Shared>,
    /// The last warning, so that it is not repeated.
    warned: Option<String>,
    /// Since when a file of a log differs from what was stored.
    differs: Option<(String, Instant)>,
}

impl Shipper {
    async fn run(mut self) -> bool {
        loop {
            let Some(volume) = self.wait_for_log().await else {
                return self.shared.end.phase() == Phase::Draining;
            };
            let log = volume.info.log;
            let (_watch, changes) = volume::changes(&volume.dir);
            let outcome = match self.session(&volume, &changes).await {
                Session::Outcome(outcome) => outcome,
                Session::Differs(difference) => self.differs(&volume, &difference).await,
            };
            match outcome {
                Outcome::Done { all } => return all,
                Outcome::Again(reason) => {
                    tracing::info!(%log, "asking the dashboard again: {reason}");
                    self.pause(self.shared.next_retry(), None).await;
                }
                Outcome::Closed(reason) => {
                    self.warn(&format!("nothing of the log {log} is shipped: {reason}"));
                    if self.shared.end.phase() != Phase::Running {
                        return false;
                    }
                    self.pause(slow(), Some(volume)).await;
                }
            }
            if self.shared.end.phase() == Phase::Over {
                return false;
            }
        }
    }

    /// The log of the volume, as soon as it has one; none when the end comes first.
    async fn wait_for_log(&mut self) -> Option<Volume> {
        loop {
            let dir = &self.shared.settings.dir;
            let reason = match block_in_place(|| Volume::read(dir)) {
                Ok(Some(volume)) => return Some(volume),
                Ok(None) => format!("no log in {} yet", dir.display()),
                Err(error) => format!("cannot read log.json in {}: {error}", dir.display()),
            };
            self.warn(&reason);
            let gone = match self.shared.end.phase() {
                Phase::Running => false,
                Phase::Draining => has_writer(&self.shared.settings.dir).is_ok_and(|writer| !writer),
                Phase::Finishing | Phase::Over => true,
            };
            if gone {
                return None;
            }
            sleep(POLL).await;
        }
    }

    /// Ships one log for as long as nothing changes.
    async fn session(&mut self, volume: &Volume, changes: &Changes) -> Session {
        let position = match self.position(volume).await {
            Ok(position) => position,
            Err(outcome) => return Session::Outcome(outcome),
        };
        if position.state != LogState::Open {
            let reason = position.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Session::Outcome(Outcome::Closed(format!("it is {}{reason}", position.state.as_str())));
        }
        let lanes = match block_in_place(|| self.lanes(volume, changes, position)) {
            Ok(lanes) => lanes,
            Err((stream, _, Fault::Io(error))) => {
                return Session::Outcome(Outcome::Again(format!("{stream}: {error}")));
            }
            Err((stream, next, fault)) => {
                return Session::Differs(Diverged { stream, next, reason: fault.to_string() });
            }
        };
        self.differs = None;
        let url = self.shared.settings.url.as_str();
        if self.warned.take().is_some() {
            tracing::info!(log = %volume.info.log, workshop = volume.info.workshop, url, "shipping");
        }
        let mut running = JoinSet::new();
        for lane in lanes {
            running.spawn(lane.run());
        }
        let mut shipped = true;
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(Outcome::Done { all }) => shipped &= all,
                // Dropping the set ends the other lane: a post that is under way is asked about.
                Ok(outcome) => return Session::Outcome(outcome),
                Err(error) => return Session::Outcome(Outcome::Again(error.to_string())),
            }
        }
        Session::Outcome(Outcome::Done { all: shipped })
    }

    fn lanes(
        &self,
        volume: &Volume,
        changes: &Changes,
        position: LogPosition,
    ) -> Result<Vec<Lane>, (String, u64, Fault)> {
        self.shared.metrics.begin();
        let only = self.shared.settings.only;
        let mut lanes = Vec::new();
        if only != Some(Only::Casts) {
            lanes.push(Lane::records(&self.shared, volume, changes, &position.streams)?);
        }
        if only != Some(Only::Streams) {
            lanes.push(Lane::casts(&self.shared, volume, changes, position.streams)?);
        }
        Ok(lanes)
    }

    /// Asks until there is an answer.
    async fn position(&mut self, volume: &Volume) -> Result<LogPosition, Outcome> {
        let mut pause = Pause::default();
        loop {
            let mut end = self.shared.end.clone();
            let answer = tokio::select! {
                answer = self.shared.client.position(volume.info.log) => answer,
                () = end.reached(Phase::Over) => return Err(Outcome::Done { all: false }),
            };
            let (reason, after) = match answer {
                Ok(position) => return Ok(position),
                Err(Refusal::NotNow { reason, after }) => (reason, after),
                // The dashboard sorts out what it has.
                Err(Refusal::OtherPath(_)) => return Ok(LogPosition::default()),
                Err(refusal) => {
                    self.shared.metrics.refused();
                    return Err(Outcome::Closed(refusal.to_string()));
                }
            };
            self.shared.metrics.retried();
            self.warn(&format!("the dashboard cannot be asked now, and is asked again: {reason}"));
            let mut next = pause.next(after);
            if self.shared.end.phase() != Phase::Running {
                next = next.min(LONGEST_ENDING);
            }
            if self.pause(next, Some(volume.clone())).await {
                return Err(Outcome::Again("the volume has another log".into()));
            }
            if end.phase() == Phase::Over {
                return Err(Outcome::Done { all: false });
            }
        }
    }

    /// A file is not the one that was stored. When that lasts while the volume has the same log, it was set back: the
    /// dashboard is told, and nothing more of this log is shipped.
    async fn differs(&mut self, volume: &Volume, difference: &Diverged) -> Outcome {
        let Diverged { stream, next, reason } = difference;
        let log = volume.info.log.to_string();
        let since = match &self.differs {
            Some((known, since)) if *known == log => *since,
            _ => Instant::now(),
        };
        self.differs = Some((log.clone(), since));
        if since.elapsed() < SETTLE {
            self.pause(SETTLE_LOOK, Some(volume.clone())).await;
            return Outcome::Again(format!("{stream}: {reason}"));
        }
        tracing::error!(%log, stream, next, "this is not the volume that was shipped: {reason}");
        let mut pause = Pause::default();
        loop {
            let mut end = self.shared.end.clone();
            let answer = tokio::select! {
                answer = self.shared.client.diverged(volume.info.log, difference) => answer,
                () = end.reached(Phase::Over) => return Outcome::Done { all: false },
            };
            let (refused, after) = match answer {
                Ok(()) => return Outcome::Closed(format!("it has diverged ({stream}: {reason})")),
                Err(Refusal::NotNow { reason, after }) => (reason, after),
                Err(Refusal::Gap { .. }) => {
                    return Outcome::Again(format!("{stream} was shipped on by another shipper"));
                }
                Err(refusal) => return Outcome::Closed(format!("it has diverged; {refusal}")),
            };
            self.shared.metrics.retried();
            self.warn(&format!("the dashboard cannot be told now, and is told again: {refused}"));
            if self.pause(pause.next(after), Some(volume.clone())).await {
                return Outcome::Again("the volume has another log".into());
            }
        }
    }

    /// Waits so long, or until the end comes nearer. With a volume, also until it has another log, and tells so.
    async fn pause(&self, pause: Duration, volume: Option<Volume>) -> bool {
        let until = Instant::now() + pause;
        let mut end = self.shared.end.clone();
        let next = match end.phase() {
            Phase::Running => Phase::Draining,
            _ => Phase::Over,
        };
        let mut volume = volume;
        loop {
            let step = until.min(Instant::now() + SETTLE_LOOK);
            tokio::select! {
                () = sleep_until(step) => {}
                () = end.reached(next) => return false,
            }
            if let Some(volume) = &mut volume
                && !block_in_place(|| volume.still())
            {
                return true;
            }
            if step == until {
                return false;
            }
        }
    }

    fn warn(&mut self, reason: &str) {
        if self.warned.as_deref() != Some(reason) {
            tracing::warn!("{reason}");
            self.warned = Some(reason.to_owned());
        }
    }
}
