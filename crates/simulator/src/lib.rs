//! A simulated class: many workspaces whose logs say what believable students did, the same for the same seed.
//!
//! For tests, benchmarks and the demo of the dashboard. One [`SimulatedClass`] writes the volumes of all its workspaces, whole
//! lines at a time as a backend does, with checksums; it holds each volume's `writer.lock` meanwhile. It has no clock:
//! whoever calls [`SimulatedClass::advance`] says what time it is.

mod act;
mod error;
mod events;
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

pub use error::SimulatorError;
pub use names::student_name;
pub use student::StudentKind;
pub use volume::Written;
pub use workshop::{WORKSHOP, step_ids};

/// The size, the pace and the length of a simulated class.
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

/// A student of a class, and the workspace that the student works in.
#[derive(Clone, Debug)]
pub struct SimulatedStudent {
    /// The workspace's name, such as `class-0007`.
    pub workspace: String,
    /// The student's name.
    pub name: String,
    /// How the student is.
    pub kind: StudentKind,
    /// The log volume.
    pub dir: PathBuf,
    /// The log in it.
    pub log: LogId,
}

/// All workspaces of a class.
pub struct SimulatedClass {
    places: Vec<Place>,
    times: Times,
}

struct Place {
    student: SimulatedStudent,
    script: Script,
    volume: LogVolume,
}

impl SimulatedClass {
    /// Makes the volumes in `folder`, one folder a workspace, and takes them. `now` is the time in milliseconds since the
    /// epoch at which the class is first seen: [`Options::past`] of it is over then.
    ///
    /// # Errors
    /// A folder is there already and holds another log, or cannot be made.
    pub fn new(options: &Options, folder: &Path, now: i64) -> Result<Self, SimulatorError> {
        let times = Times::new(now, options.past, options.speed);
        let mut places = Vec::with_capacity(options.workspaces);
        for index in 0..options.workspaces {
            let mut random = Random::new(options.seed, index as u64);
            let log = LogId::from_bits(random.bits());
            let workspace = format!("class-{:04}", index + 1);
            let dir = folder.join(&workspace);
            let kind = StudentKind::of_student(index);
            let name = student_name(options.seed, index);
            let volume = LogVolume::take(&dir, log, times.at(0.0))?;
            let script = Script::new(kind, random, options.length.as_secs_f64());
            let student = SimulatedStudent { workspace, name, kind, dir, log };
            places.push(Place { student, script, volume });
        }
        Ok(Self { places, times })
    }

    /// The students, in the order of their workspaces' names.
    pub fn students(&self) -> impl Iterator<Item = &SimulatedStudent> {
        self.places.iter().map(|place| &place.student)
    }

    /// Writes all that has happened by `now`, in milliseconds since the epoch, and says how much that was.
    ///
    /// # Errors
    /// A volume cannot be written to.
    pub fn advance(&mut self, now: i64) -> Result<Written, SimulatorError> {
        let mut written = Written::default();
        for Place { student, script, volume } in &mut self.places {
            while let Some((second, act)) = script.take_until(|second| self.times.at(second) <= now) {
                volume.apply(&self.times, second, act);
            }
            let flushed = volume.flush();
            written +=
                flushed.map_err(|source| SimulatorError::Write { dir: student.dir.clone(), source })?;
        }
        Ok(written)
    }

    /// Whether everybody is done: nothing more will be written.
    pub fn over(&self) -> bool {
        self.places.iter().all(|place| place.script.over())
    }

    /// The last `seq` of each stream that is in a file, workspace by workspace, in the order of
    /// [`workshop_events::Stream::ALL`].
    pub fn ends(&self) -> impl Iterator<Item = (&SimulatedStudent, [u64; 3])> {
        self.places.iter().map(|place| (&place.student, place.volume.total().lines))
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
pub fn write_list<'a>(path: &Path, students: impl Iterator<Item = &'a SimulatedStudent>) -> io::Result<()> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = String::from("workspace,workshop,student\n");
    for student in students {
        text += &format!("{},{WORKSHOP},{}\n", student.workspace, quoted(&student.name));
    }
    fs::write(path, text)
}
