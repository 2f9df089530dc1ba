//! The recording of one session: what is shown, typed and resized, as a cast; and a new cast when one had to stop.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use workshop_events::cast::{CastEvent, Header};
use workshop_journal::{CastStopped, CastWriter};

use super::{session_log::SessionLog, utf8::Decoder};

/// A recording that had to stop is tried again this often.
const RETRY: Duration = Duration::from_secs(2);

/// What is recorded is in the file, or has failed to get there, after this.
const SURE_AFTER: Duration = Duration::from_millis(250);

/// Output is written in events of at most this many bytes, so that a line of the cast stays below 64 KiB.
const MAX_EVENT: usize = 10 * 1024;

/// Records one session. Times are counted from its opening.
pub struct Recorder {
    log: Arc<SessionLog>,
    session: String,
    header: Header,
    cast: Option<CastWriter>,
    /// Something was recorded, and it is not known yet whether it came into the file.
    unsure: bool,
    /// When to try to begin a new cast.
    retry: Option<Instant>,
    /// A new cast that is being made.
    opening: Option<JoinHandle<io::Result<CastWriter>>>,
    typed: Decoder,
    /// Hidden input was typed and stands as one dot.
    hidden: bool,
}

impl Recorder {
    /// Begins to record a session. When that is not possible, it begins as soon as it is.
    pub async fn open(
        log: Arc<SessionLog>,
        session: &str,
        title: &str,
        shell: &str,
        size: (u16, u16),
    ) -> Self {
        let env = [("SHELL", shell), ("TERM", "xterm-256color")];
        let header = Header {
            version: 2,
            width: size.0,
            height: size.1,
            timestamp: Some(log.now().as_millis().div_euclid(1000)),
            title: Some(title.to_owned()),
            env: Some(env.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        };
        let mut recorder = Self {
            log,
            session: session.to_owned(),
            header,
            cast: None,
            unsure: false,
            retry: None,
            opening: None,
            typed: Decoder::default(),
            hidden: false,
        };
        match flat(recorder.new_cast(size).await) {
            Ok(cast) => recorder.cast = Some(cast),
            Err(error) => recorder.stop(&error.to_string(), true),
        }
        recorder
    }

    /// The file that is being written.
    pub fn cast(&self) -> Option<&str> {
        self.cast.as_ref().map(CastWriter::name)
    }

    /// Records output.
    pub fn output(&mut self, mut text: &str, at: Duration) {
        while text.len() > MAX_EVENT {
            let (now, rest) = text.split_at(text.floor_char_boundary(MAX_EVENT));
            self.write('o', now, at);
            text = rest;
        }
        self.write('o', text, at);
    }

    /// Records what was typed; of what is hidden, only that something was, once a line.
    pub fn input(&mut self, bytes: &[u8], hidden: bool, at: Duration) {
        if hidden {
            if !self.hidden {
                self.write('i', "•", at);
            }
            self.hidden = !bytes.ends_with(b"\r") && !bytes.ends_with(b"\n");
            return;
        }
        self.hidden = false;
        let mut text = String::new();
        self.typed.push(bytes, &mut text);
        if !text.is_empty() {
            self.write('i', &text, at);
        }
    }

    /// Records a change of the size.
    pub fn resize(&mut self, cols: u16, rows: u16, at: Duration) {
        self.write('r', &format!("{cols}x{rows}"), at);
    }

    /// Records where a command begins.
    pub fn marker(&mut self, label: &str, at: Duration) {
        self.write('m', label, at);
    }

    /// Waits until a recording that had to stop can go on in a new cast; for ever when none had to. May be cancelled.
    pub async fn resumable(&mut self, size: (u16, u16)) -> CastWriter {
        while let Some(cast) = &self.cast {
            if !self.unsure {
                return std::future::pending().await;
            }
            // A write fails behind the event's back, and an idle terminal has no next event that would tell.
            sleep(SURE_AFTER).await;
            self.unsure = false;
            if let Some(reason) = cast.stopped() {
                self.end(&reason);
            }
        }
        loop {
            let Some(retry) = self.retry else { return std::future::pending().await };
            if self.opening.is_none() {
                sleep_until(retry).await;
                self.opening = Some(self.new_cast(size));
            }
            if let Some(opening) = &mut self.opening {
                let made = flat(opening.await);
                self.opening = None;
                match made {
                    Ok(cast) => return cast,
                    Err(_) => self.retry = Some(Instant::now() + RETRY),
                }
            }
        }
    }

    /// Goes on in a new cast, which begins with the screen.
    pub fn resume(&mut self, cast: CastWriter, screen: &str, at: Duration) {
        self.retry = None;
        self.log.recording_started(&self.session, cast.name(), at);
        self.cast = Some(cast);
        self.output(screen, at);
    }

    fn new_cast(&self, (width, height): (u16, u16)) -> JoinHandle<io::Result<CastWriter>> {
        let (log, header) = (Arc::clone(&self.log), Header { width, height, ..self.header.clone() });
        tokio::task::spawn_blocking(move || log.new_cast(&header))
    }

    fn write(&mut self, code: char, data: &str, at: Duration) {
        let Some(cast) = &mut self.cast else { return };
        let event = CastEvent { time: at.as_secs_f64(), code, data: data.into() };
        self.unsure = true;
        if let Err(reason) = cast.write(&event) {
            self.end(&reason);
        }
    }

    fn end(&mut self, reason: &CastStopped) {
        self.cast = None;
        self.stop(&reason.to_string(), *reason != CastStopped::Limit);
    }

    fn stop(&mut self, reason: &str, again: bool) {
        self.log.recording_stopped(&self.session, reason);
        self.retry = again.then(|| Instant::now() + RETRY);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.cast.is_none() {
            self.log.unrecorded_session_ended();
        }
    }
}

fn flat(made: Result<io::Result<CastWriter>, tokio::task::JoinError>) -> io::Result<CastWriter> {
    made.unwrap_or_else(|error| Err(io::Error::other(error)))
}
