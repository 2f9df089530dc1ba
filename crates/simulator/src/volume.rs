//! One log volume of a class: turns what a student does into lines, and appends them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::{Add, AddAssign};
use std::path::{Path, PathBuf};

use serde::Serialize;
use workshop_events::cast::{CastEvent, Header};
use workshop_events::codec::{Body, EncodeError};
use workshop_events::{LogId, LogInfo, Outcome, StateEvent, Stream, Timestamp, Tokens};
use workshop_journal::Volume;

use crate::act::Act;
use crate::error::SimulatorError;
use crate::times::Times;
use crate::typing::SIZE;
use crate::workshop::WORKSHOP;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Lines of each stream, in the order of [`Stream::ALL`].
    pub lines: [u64; 3],
    /// Lines of recordings.
    pub cast_lines: u64,
    /// Bytes of all of it.
    pub bytes: u64,
}

impl Written {
    /// Lines of the three streams together.
    pub fn records(&self) -> u64 {
        self.lines.iter().sum()
    }
}

impl Add for Written {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            lines: std::array::from_fn(|stream| self.lines[stream] + other.lines[stream]),
            cast_lines: self.cast_lines + other.cast_lines,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// A volume that this process has taken. It appends whole lines, and leaves syncing to the system: nobody's work is lost
/// with a simulated student's.
pub(crate) struct LogVolume {
    dir: PathBuf,
    log: LogId,
    /// The last `seq` of each stream.
    seqs: [u64; 3],
    /// What is not in its file yet, by the file's name.
    waiting: BTreeMap<String, Vec<u8>>,
    session: Option<Session>,
    /// Written or waiting.
    fresh: Written,
    total: Written,
    /// Holds the volume's lock.
    _taken: Volume,
}

/// The session that is open.
struct Session {
    id: String,
    /// File name of its recording.
    cast: String,
    /// When it was opened, in milliseconds since the epoch.
    opened: i64,
}

/// A line of the commands stream, but for what every line has.
#[derive(Serialize)]
struct Command<'a> {
    cmd: &'a str,
    exit: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    step: &'a str,
    cwd: &'a str,
    ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<f64>,
}

/// A line of the llm stream, but for what every line has.
#[derive(Serialize)]
struct Help<'a> {
    step: &'a str,
    mode: &'a str,
    question: &'a str,
    response: &'a str,
    model: &'a str,
    tokens: Tokens,
    ms: i64,
    outcome: Outcome,
}

impl LogVolume {
    /// Makes the volume with its `log.json` and takes it as a backend does.
    pub(crate) fn take(dir: &Path, log: LogId, created: i64) -> Result<Self, SimulatorError> {
        let failed = |source| SimulatorError::Write { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let info = dir.join("log.json");
        if !info.exists() {
            let created = Timestamp::from_millis(created);
            let text = serde_json::to_string(&LogInfo { log, workshop: WORKSHOP.into(), created });
            fs::write(info, text.map_err(io::Error::from).map_err(failed)? + "\n").map_err(failed)?;
        }
        let taken = workshop_journal::open(dir, WORKSHOP, None, || ())?;
        if taken.info().log != log {
            return Err(failed(io::Error::other(format!("it holds the log {}", taken.info().log))));
        }
        if dir.join(Stream::State.file_name()).exists() {
            return Err(failed(io::Error::other("a class wrote to it already; name an empty folder")));
        }
        Ok(Self {
            dir: dir.to_owned(),
            log,
            seqs: [0; 3],
            waiting: BTreeMap::new(),
            session: None,
            fresh: Written::default(),
            total: Written::default(),
            _taken: taken,
        })
    }

    /// Turns an act into lines, which wait for [`Self::flush`].
    pub(crate) fn apply(&mut self, times: &Times, second: f64, act: Act) {
        let at = times.at(second);
        match act {
            Act::State(event) => self.line(Stream::State, at, &event),
            Act::Open { session } => self.open(session, at),
            Act::Close { session, exit } => {
                let closed = StateEvent::SessionClosed { session: session.into(), exit };
                self.line(Stream::State, at, &closed);
                self.session = None;
            }
            Act::Output(data) => self.cast_event(at, 'o', &data),
            Act::Marker(cmd) => self.cast_event(at, 'm', cmd),
            Act::Command { began, line, step, cwd } => {
                let began = times.at(began);
                let session = self.session.as_ref();
                let record = Body::new(&Command {
                    cmd: line.cmd,
                    exit: line.exit,
                    session: session.map(|session| session.id.as_str()),
                    step,
                    cwd,
                    ms: at - began,
                    at: session.map(|session| seconds(began - session.opened)),
                });
                self.body(Stream::Commands, at, record);
            }
            Act::Help(exchange) => self.line(
                Stream::Llm,
                at,
                &Help {
                    step: exchange.step,
                    mode: exchange.mode,
                    question: exchange.question,
                    response: exchange.response,
                    model: "simulated-1",
                    tokens: exchange.tokens,
                    ms: at - times.at(second - exchange.seconds),
                    outcome: exchange.outcome,
                },
            ),
        }
    }

    /// Appends what waits to its files, and says how much that was.
    pub(crate) fn flush(&mut self) -> io::Result<Written> {
        for (name, bytes) in std::mem::take(&mut self.waiting) {
            File::options().create(true).append(true).open(self.dir.join(name))?.write_all(&bytes)?;
            self.fresh.bytes += bytes.len() as u64;
        }
        self.total += self.fresh;
        Ok(std::mem::take(&mut self.fresh))
    }

    /// All that was written.
    pub(crate) fn total(&self) -> Written {
        self.total
    }

    /// A shell starts: its recording, with the header, and the line that names it.
    fn open(&mut self, session: String, at: i64) {
        let moment = Timestamp::from_millis(at).to_string();
        let moment: String = moment.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let taken = |name: &String| self.waiting.contains_key(name) || self.dir.join(name).exists();
        let cast = (1..).map(|n| format!("session-{moment}Z-{n}.cast")).find(|name| !taken(name));
        let cast = cast.unwrap_or_default();
        let env = [("SHELL", "/bin/bash"), ("TERM", "xterm-256color")];
        let header = Header {
            version: 2,
            width: SIZE.0,
            height: SIZE.1,
            timestamp: Some(at.div_euclid(1000)),
            title: None,
            env: Some(env.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        };
        let mut line = serde_json::to_vec(&header).unwrap_or_default();
        line.push(b'\n');
        self.waiting.insert(cast.clone(), line);
        self.fresh.cast_lines += 1;
        let opened = StateEvent::SessionOpened {
            session: session.clone().into(),
            name: "main".into(),
            cast: Some(cast.clone().into()),
        };
        self.session = Some(Session { id: session, cast, opened: at });
        self.line(Stream::State, at, &opened);
    }

    fn cast_event(&mut self, at: i64, code: char, data: &str) {
        let Some(session) = &self.session else { return };
        let event = CastEvent { time: seconds(at - session.opened), code, data: data.into() };
        event.write_line(self.waiting.entry(session.cast.clone()).or_default());
        self.fresh.cast_lines += 1;
    }

    fn line(&mut self, stream: Stream, at: i64, record: &impl Serialize) {
        self.body(stream, at, Body::new(record));
    }

    /// A record is refused only when it is too long, which none of the class's is.
    fn body(&mut self, stream: Stream, at: i64, body: Result<Body, EncodeError>) {
        let Ok(body) = body else { return };
        self.seqs[stream as usize] += 1;
        let out = self.waiting.entry(stream.file_name().to_owned()).or_default();
        body.write_line(self.log, self.seqs[stream as usize], Timestamp::from_millis(at), out);
        self.fresh.lines[stream as usize] += 1;
    }
}

/// Milliseconds as seconds, to the microsecond that recordings have.
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
