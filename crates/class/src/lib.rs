//! A simulated class: many workspaces whose logs say what believable students did, the same for the same seed.
//!
//! For tests, benchmarks and the demo of the dashboard. One [`Class`] writes the volumes of all its workspaces, whole
//! lines at a time as a backend does, with checksums; it holds each volume's `writer.lock` meanwhile. It has no clock:
//! whoever calls [`Class::advance`] says what time it is.

mod names;
mod random;
mod script;
mod student;
mod times;
mod typing;
mod volume;
mod workshop;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use workshop_events::LogId;

use random::Random;
use script::Script;
use times::Times;
use volume::LogVolume;

pub use names::student_name;
pub use student::Kind;
pub use volume::Written;
pub use workshop::{WORKSHOP, step_ids};

/// What class it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many workspaces there are.
    pub workspaces: usize,
    /// The same seed gives the same students, who do the same at the same minute of the class.
    pub seed: u64,
    /// How much of the class is over when it is first seen. It is written at once, with times in the past.
    pub past: Duration,
    /// How many times faster than real the rest of it goes.
    pub speed: f64,
    /// For how long the class works.
    pub length: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workspaces: 30,
            seed: 1,
            past: Duration::ZERO,
            speed: 1.0,
            length: Duration::from_secs(90 * 60),
        }
    }
}

/// Why a class cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ClassError {
    /// A volume is another's.
    #[error(transparent)]
    Volume(#[from] workshop_journal::OpenError),
    /// A volume cannot be written to.
    #[error("cannot write the log in {dir}: {source}")]
    Write {
        /// The volume.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// One workspace of a class, as an instructor would list it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The workspace's name, such as `class-0007`.
    pub workspace: String,
    /// The student's.
    pub student: String,
    /// How the student is.
    pub kind: Kind,
    /// The log volume.
    pub dir: PathBuf,
    /// The log in it.
    pub log: LogId,
}

/// All workspaces of a class.
pub struct Class {
    places: Vec<Place>,
    times: Times,
}

struct Place {
    seat: Seat,
    script: Script,
    volume: LogVolume,
}

impl Class {
    /// Makes the volumes in `folder`, one folder a workspace, and takes them. `now` is the time in milliseconds since the
    /// epoch at which the class is first seen: [`Options::past`] of it is over then.
    ///
    /// # Errors
    /// A folder is there already and holds another log, or cannot be made.
    pub fn new(options: &Options, folder: &Path, now: i64) -> Result<Self, ClassError> {
        let times = Times::new(now, options.past, options.speed);
        let mut places = Vec::with_capacity(options.workspaces);
        for index in 0..options.workspaces {
            let mut random = Random::new(options.seed, index as u64);
            let log = LogId::from_bits(random.bits());
            let workspace = format!("class-{:04}", index + 1);
            let dir = folder.join(&workspace);
            let kind = Kind::of_seat(index);
            let student = student_name(options.seed, index);
            let volume = LogVolume::take(&dir, log, times.at(0.0))?;
            let script = Script::new(kind, random, options.length.as_secs_f64());
            let seat = Seat { workspace, student, kind, dir, log };
            places.push(Place { seat, script, volume });
        }
        Ok(Self { places, times })
    }

    /// The workspaces, in the order of their names.
    pub fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.places.iter().map(|place| &place.seat)
    }

    /// Writes all that has happened by `now`, in milliseconds since the epoch, and says how much that was.
    ///
    /// # Errors
    /// A volume cannot be written to.
    pub fn advance(&mut self, now: i64) -> Result<Written, ClassError> {
        let mut written = Written::default();
        for Place { seat, script, volume } in &mut self.places {
            while let Some((second, act)) = script.take_until(|second| self.times.at(second) <= now) {
                volume.apply(&self.times, second, act);
            }
            let flushed = volume.flush();
            written += flushed.map_err(|source| ClassError::Write { dir: seat.dir.clone(), source })?;
        }
        Ok(written)
    }

    /// Whether everybody is done: nothing more will be written.
    pub fn over(&self) -> bool {
        self.places.iter().all(|place| place.script.over())
    }

    /// The last `seq` of each stream that is in a file, workspace by workspace, in the order of
    /// [`workshop_events::Stream::ALL`].
    pub fn ends(&self) -> impl Iterator<Item = (&Seat, [u64; 3])> {
        self.places.iter().map(|place| (&place.seat, place.volume.total().lines))
    }

    /// All that was written since the beginning.
    pub fn written(&self) -> Written {
        self.places.iter().fold(Written::default(), |sum, place| sum + place.volume.total())
    }
}

/// Writes a list of the workspaces that `workshop-dashboard workspace import` takes: workspace, workshop, student.
///
/// # Errors
/// The file cannot be written.
pub fn write_list<'a>(path: &Path, seats: impl Iterator<Item = &'a Seat>) -> io::Result<()> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = String::from("workspace,workshop,student\n");
    for seat in seats {
        text += &format!("{},{WORKSHOP},{}\n", seat.workspace, quoted(&seat.student));
    }
    fs::write(path, text)
}
