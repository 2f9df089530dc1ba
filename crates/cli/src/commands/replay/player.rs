//! Plays recordings on this terminal, at the pace at which they were made.

use std::io::{self, Write, stdout};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::filter::Filter;
use super::keys::{BACK, Key, Keyboard, LEAVE};
use super::recording::{Events, Recording};
use crate::failure::Failure;
use crate::paint::{Paint, duration, shown};

/// How far an arrow goes, in seconds as they are played.
const JUMP: f64 = 5.0;

/// How recordings are played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Player {
    speed: f64,
    idle: f64,
}

/// How the playing of one recording ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Played,
    Quit,
    Interrupted,
}

/// A recording that is being played.
struct Track {
    events: Events,
    filter: Filter,
    /// Time of the last event, as recorded.
    recorded: f64,
    /// The same with pauses cut short.
    played: f64,
}

impl Track {
    fn new(recording: &Recording) -> Result<Self, Failure> {
        let (_, events) = recording.open()?;
        Ok(Self { events, filter: Filter::for_terminal(), recorded: recording.begins, played: 0.0 })
    }

    /// Reads the next event into `text`, which gets what it draws. False at the end.
    fn next(&mut self, idle: f64, text: &mut String) -> io::Result<bool> {
        text.clear();
        let Some(event) = self.events.next()? else { return Ok(false) };
        self.played += (event.time - self.recorded).clamp(0.0, idle);
        self.recorded = self.recorded.max(event.time);
        if event.code == 'o' {
            self.filter.pass(&event.data, text);
        }
        Ok(true)
    }
}

impl Player {
    /// So many times as fast, with pauses of at most `idle` seconds.
    pub(super) fn new(speed: f64, idle: f64) -> Self {
        Self { speed, idle }
    }

    /// Plays one after the other.
    ///
    /// # Errors
    /// Ctrl-C, or a recording or the terminal failed. The terminal is as before in any case.
    pub(super) async fn play(self, recordings: &[Recording]) -> Result<(), Failure> {
        let mut keyboard = Keyboard::take().ok();
        let window = keyboard.as_ref().and_then(Keyboard::size);
        for recording in recordings {
            show(&head(recording, window, self.speed, keyboard.is_some()))?;
            match self.track(recording, &mut keyboard).await? {
                End::Played => {}
                end => {
                    drop(keyboard.take());
                    show("\r\n")?;
                    return if end == End::Quit { Ok(()) } else { Err(Failure::Interrupted) };
                }
            }
        }
        drop(keyboard);
        Ok(show(&format!("\r\n{}\r\n", Paint::stdout().dim("── end ──")))?)
    }

    async fn track(self, recording: &Recording, keyboard: &mut Option<Keyboard>) -> Result<End, Failure> {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut track = Track::new(recording)?;
        let mut text = String::new();
        // The moment at which second 0 would have been played at this pace, or where it is held.
        let mut began = Instant::now();
        let mut held: Option<f64> = None;
        let mut more = track.next(self.idle, &mut text)?;
        while more {
            let due = began + self.wait(track.played);
            let key = tokio::select! {
                biased;
                key = pressed(keyboard) => key,
                _ = interrupted.recv() => Key::Interrupt,
                _ = terminated.recv() => Key::Interrupt,
                () = sleep_until(due), if held.is_none() => {
                    show(&text)?;
                    if let Some(keyboard) = keyboard {
                        keyboard.alternate = track.filter.on_alternate_screen();
                    }
                    more = track.next(self.idle, &mut text)?;
                    continue;
                }
            };
            let now = held.unwrap_or_else(|| began.elapsed().as_secs_f64() * self.speed);
            match key {
                Key::Quit => return Ok(End::Quit),
                Key::Interrupt => return Ok(End::Interrupted),
                Key::Pause => match held.take() {
                    Some(at) => began = Instant::now() - self.wait(at),
                    None => held = Some(now),
                },
                Key::Forward | Key::Back => {
                    let to = if key == Key::Forward { now + JUMP } else { (now - JUMP).max(0.0) };
                    if key == Key::Back {
                        track = Track::new(recording)?;
                        show(&format!("{LEAVE}{BACK}\x1b[H\x1b[2J"))?;
                        more = track.next(self.idle, &mut text)?;
                    }
                    while more && track.played <= to {
                        show(&text)?;
                        more = track.next(self.idle, &mut text)?;
                    }
                    if let Some(keyboard) = keyboard {
                        keyboard.alternate = track.filter.on_alternate_screen();
                    }
                    held = held.map(|_| to);
                    began = Instant::now() - self.wait(to);
                }
            }
        }
        Ok(End::Played)
    }

    /// How long it takes to play so many seconds.
    fn wait(self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds / self.speed).unwrap_or(Duration::from_secs(u32::MAX.into()))
    }
}

async fn pressed(keyboard: &mut Option<Keyboard>) -> Key {
    match keyboard {
        Some(keyboard) => keyboard.next().await,
        None => std::future::pending().await,
    }
}

/// What is played, and the keys.
fn head(recording: &Recording, window: Option<(u16, u16)>, speed: f64, keys: bool) -> String {
    let paint = Paint::stdout();
    let mut parts = vec![shown(&recording.name)];
    parts.extend(recording.terminal.as_deref().map(shown));
    parts.push(duration(((recording.seconds - recording.begins) * 1000.0) as u64));
    let (columns, rows) = (recording.columns, recording.rows);
    match window {
        Some((width, height)) if width < columns || height < rows => {
            parts.push(format!("made for {columns}×{rows}, this window is {width}×{height}"));
        }
        _ => parts.push(format!("{columns}×{rows}")),
    }
    if speed != 1.0 {
        parts.push(format!("{speed}× speed"));
    }
    let mut head = format!("{}\r\n", paint.dim(format_args!("── {} ──", parts.join(" · "))));
    if keys {
        head.push_str(&format!("{}\r\n", paint.dim("   space pauses, ← and → go 5 s, q quits")));
    }
    head
}

fn show(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
