//! Ships several streams of one log in turn, one post at a time: the records in one lane, the recordings in another, so
//! that neither holds up the other.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{task::block_in_place, time::Instant};
use workshop_events::Stream;
use workshop_journal::{has_writer, recordings_in};
use workshop_wire::ingest::StreamPosition;

mod answers;

use crate::{
    end::{End, Phase},
    ingest_client::Refusal,
    pause::Pause,
    shared::Shared,
    source::{Fault, Found, Kind, Source, Trouble},
    volume::{Changes, Volume},
};

/// How often files are looked at while no event of the file system has told of a change in time, and afterwards.
const POLL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// This much goes at once; less waits for its time.
const FULL: u64 = 256 * 1024;
/// Looking through a folder may take this part of the time.
const LOOK_PART: u32 = 20;

/// What a lane has come to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The end; whether all is shipped.
    Done { all: bool },
    /// Something is not as it was: the dashboard has to be asked, and the files compared.
    Again(String),
    /// The dashboard takes nothing more of this log.
    Closed(String),
}

/// Some streams of a log.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    volume: Volume,
    kind: Kind,
    sources: Vec<Source>,
    /// What was stored of recordings.
    stored: BTreeMap<String, StreamPosition>,
    changes: Changes,
    end: End,
    pause: Pause,
    /// Nothing is posted before this: the dashboard does not answer, or takes these streams by another path.
    not_before: Option<Instant>,
    /// The last warning, so that it is not repeated.
    warned: Option<String>,
    other_path: bool,
    /// When the folder was looked through last, and for how long.
    looked: Option<(Instant, Duration)>,
    /// Whether the file system tells of changes.
    told: bool,
}

impl Lane {
    /// The three streams of records, which must begin with what was stored.
    ///
    /// # Errors
    /// With the stream and how far it was stored, when its file does not.
    pub(crate) fn records(
        shared: &Arc<Shared>,
        volume: &Volume,
        changes: &Changes,
        stored: &BTreeMap<String, StreamPosition>,
    ) -> Result<Self, (String, u64, Fault)> {
        let mut lane = Self::new(shared, volume, changes, Kind::Records);
        for stream in Stream::ALL {
            let path = volume.dir.join(stream.file_name());
            let name = stream.name().to_owned();
            let source = Source::new(name, path, Kind::Records, stored.get(stream.name()));
            lane.add(source)?;
        }
        Ok(lane)
    }

    /// The recordings; those that are there must begin with what was stored.
    ///
    /// # Errors
    /// As [`Lane::records`].
    pub(crate) fn casts(
        shared: &Arc<Shared>,
        volume: &Volume,
        changes: &Changes,
        stored: BTreeMap<String, StreamPosition>,
    ) -> Result<Self, (String, u64, Fault)> {
        let mut lane = Self::new(shared, volume, changes, Kind::Cast);
        lane.stored = stored;
        lane.look().map_err(|fault| (String::new(), 0, fault))?;
        for source in &mut lane.sources {
            source.check().map_err(|fault| (source.name.clone(), source.offset(), fault))?;
            source.close();
        }
        Ok(lane)
    }

    fn new(shared: &Arc<Shared>, volume: &Volume, changes: &Changes, kind: Kind) -> Self {
        Self {
            shared: Arc::clone(shared),
            volume: volume.clone(),
            kind,
            sources: Vec::new(),
            stored: BTreeMap::new(),
            changes: changes.clone(),
            end: shared.end.clone(),
            pause: Pause::default(),
            not_before: None,
            warned: None,
            other_path: false,
            looked: None,
            told: false,
        }
    }

    fn add(&mut self, mut source: Source) -> Result<(), (String, u64, Fault)> {
        source.check().map_err(|fault| (source.name.clone(), source.offset(), fault))?;
        self.shared.metrics.at(&source.name, &source.path, source.offset(), None);
        self.sources.push(source);
        Ok(())
    }

    /// Ships until the end, or until it cannot go on as it is.
    pub(crate) async fn run(mut self) -> Outcome {
        let mut woken = false;
        loop {
            // Asked before the files are looked at: what a backend wrote before it ended is seen.
            let last_look = match self.end.phase() {
                Phase::Running => false,
                Phase::Draining => has_writer(&self.volume.dir).is_ok_and(|writer| !writer),
                Phase::Finishing | Phase::Over => true,
            };
            let posted = match self.pass().await {
                Ok(posted) => posted,
                Err(outcome) => return outcome,
            };
            if posted {
                self.told = woken;
            }
            let (settled, all) = self.settled();
            if (last_look && settled) || self.end.phase() == Phase::Over {
                return Outcome::Done { all };
            }
            if self.end.phase() != Phase::Running && self.other_path {
                return Outcome::Done { all: false };
            }
            woken = self.wait().await;
        }
    }

    /// Posts whatever is due. Whether something was posted.
    async fn pass(&mut self) -> Result<bool, Outcome> {
        if !block_in_place(|| self.volume.still()) {
            return Err(Outcome::Again("the volume has another log".into()));
        }
        let mut posted = false;
        if self.not_before.is_some_and(|then| Instant::now() < then) {
            return Ok(posted);
        }
        if self.kind == Kind::Cast && self.may_look() {
            block_in_place(|| self.look()).map_err(again)?;
        }
        loop {
            let mut more = false;
            for index in 0..self.sources.len() {
                if self.is_due(index)? {
                    more |= self.ship(index).await?;
                }
                if self.not_before.is_some_and(|then| Instant::now() < then) {
                    return Ok(posted);
                }
            }
            if !more {
                return Ok(posted);
            }
            posted = true;
        }
    }

    /// Whether something of a source may be there and its time has come.
    fn is_due(&mut self, index: usize) -> Result<bool, Outcome> {
        let ending = self.end.phase() != Phase::Running;
        let once = self.end.phase() == Phase::Finishing;
        let now = Instant::now();
        let Some(source) = self.sources.get_mut(index) else { return Ok(false) };
        if source.trouble.is_some() {
            return Ok(now >= source.due);
        }
        if source.is_unchanged() {
            return Ok(false);
        }
        let waiting = block_in_place(|| {
            if once {
                source.stop_here()?;
            }
            source.waiting()
        });
        match waiting {
            Ok(0) => {
                self.idle(index);
                Ok(false)
            }
            Ok(waiting) if ending || now >= source.due || waiting >= FULL => Ok(true),
            Ok(_) => {
                source.behind.get_or_insert(now);
                Ok(false)
            }
            Err(fault) => self.fault(index, fault).map(|()| false),
        }
    }

    /// Posts what is next of a source. Whether it may have more.
    async fn ship(&mut self, index: usize) -> Result<bool, Outcome> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(false) };
        let found = block_in_place(|| source.take());
        // What was read may be of another log since.
        if !block_in_place(|| self.volume.still()) {
            return Err(Outcome::Again("the volume has another log".into()));
        }
        let (offset, lines, long) = match found {
            Ok(Found::Lines(chunk)) => (chunk.offset, bytes::Bytes::from(chunk.bytes), None),
            Ok(Found::Long { offset, len }) => (offset, bytes::Bytes::new(), Some(len)),
            Ok(Found::Unknown) => return Ok(true),
            Ok(Found::Nothing) => {
                self.idle(index);
                return Ok(false);
            }
            Err(fault) => return self.fault(index, fault).map(|()| false),
        };
        let begun = Instant::now();
        source.behind.get_or_insert(begun);
        self.shared.metrics.at(&source.name, &source.path, offset, source.behind);
        source.due = begun + if source.is_cast() { self.shared.pace.1 } else { self.shared.pace.0 };
        let (log, name) = (self.volume.info.log, source.name.clone());
        let client = &self.shared.client;
        let posting = async {
            match long {
                None => client.post(log, &name, offset, lines.clone()).await,
                Some(len) => client.too_long(log, &name, offset, len).await,
            }
        };
        self.shared.metrics.posted();
        let answer = tokio::select! {
            answer = posting => answer,
            () = self.end.reached(Phase::Over) => return Err(Outcome::Done { all: false }),
        };
        match answer {
            Ok(next) if next > offset => {
                self.stored(index, next, long.is_none().then_some(&lines));
                Ok(true)
            }
            Ok(next) => {
                let reason = format!("the dashboard took a post at {offset} and is at {next} all the same");
                self.not_now(index, reason, None);
                Ok(false)
            }
            Err(Refusal::TooLarge(reason)) if long.is_none() => {
                self.too_large(index, offset, &lines, reason).await
            }
            Err(refusal) => self.refused(index, refusal),
        }
    }

    /// Nothing of a source waits.
    fn idle(&mut self, index: usize) {
        let Some(source) = self.sources.get_mut(index) else { return };
        if source.behind.take().is_some() {
            self.shared.metrics.at(&source.name, &source.path, source.offset(), None);
        }
        source.trouble = None;
        source.rest();
    }

    /// Whether nothing more can be done now, and whether all is shipped.
    fn settled(&self) -> (bool, bool) {
        let waits = |source: &Source| match &source.trouble {
            None => source.behind.is_some(),
            Some(Trouble::Passing(_)) => true,
            Some(Trouble::Refused(_)) => false,
        };
        let settled =
            self.not_before.is_none_or(|then| Instant::now() >= then) && !self.sources.iter().any(waits);
        let all = settled && !self.other_path && self.sources.iter().all(|source| source.trouble.is_none());
        (settled, all)
    }

    /// Whether the folder may be looked through: a folder with many recordings less often.
    fn may_look(&self) -> bool {
        self.end.phase() != Phase::Running
            || self.looked.is_none_or(|(when, took)| when.elapsed() >= took * LOOK_PART)
    }

    /// Finds recordings that are new, and forgets those that are gone.
    fn look(&mut self) -> Result<(), Fault> {
        let begun = Instant::now();
        let found = recordings_in(&self.volume.dir)?;
        let known = std::mem::take(&mut self.sources).into_iter();
        let mut known: HashMap<String, Source> = known.map(|source| (source.name.clone(), source)).collect();
        for recording in found {
            let name = format!("cast/{}", recording.name);
            let mut source = known.remove(&name).unwrap_or_else(|| {
                let path = self.volume.dir.join(&recording.name);
                let source = Source::new(name.clone(), path, Kind::Cast, self.stored.get(&name));
                self.shared.metrics.at(&name, &source.path, source.offset(), None);
                source
            });
            source.seen(recording.len);
            self.sources.push(source);
        }
        self.looked = Some((begun, begun.elapsed()));
        Ok(())
    }

    /// Waits until there may be something to do. Whether the file system told so.
    async fn wait(&mut self) -> bool {
        let now = Instant::now();
        let poll = if self.told { POLL.1 } else { POLL.0 };
        let poll = if self.end.phase() == Phase::Running { poll } else { POLL.0 };
        let waiting =
            self.sources.iter().filter(|source| source.behind.is_some() || source.trouble.is_some());
        let due = waiting.map(|source| source.due).min();
        let at = match self.not_before {
            Some(then) if then > now => then.min(now + POLL.1),
            _ => due.unwrap_or(now + poll).min(now + poll).max(now + Duration::from_millis(1)),
        };
        let phase = self.end.phase();
        let next = match phase {
            Phase::Running => Phase::Draining,
            _ => Phase::Over,
        };
        tokio::select! {
            () = self.changes.next(), if self.not_before.is_none_or(|then| then <= now) => true,
            () = self.end.reached(next) => {
                // What made it wait may take longer than is left.
                self.not_before = None;
                false
            }
            () = tokio::time::sleep_until(at) => false,
        }
    }
}

fn again(fault: Fault) -> Outcome {
    Outcome::Again(format!("the volume: {fault}"))
}
