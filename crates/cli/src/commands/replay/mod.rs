//! `workshop replay`: plays the recordings of a log in this terminal, or shows the state at a moment.

mod filter;
mod keys;
mod page;
mod player;
mod recording;
mod state_at;
mod transcript;

use std::io::{IsTerminal, stdout};

use serde::Serialize;
use workshop_events::{State, Timestamp};
use workshop_projector::Projection;

use self::player::Player;
use self::recording::Recording;
use super::log_folder::{self, LogFolder};
use crate::arguments::ReplayOptions;
use crate::context::Context;
use crate::failure::Failure;
use crate::paint::{self, Paint, shown};

/// Plays a log.
pub(crate) async fn run(options: &ReplayOptions, context: &Context) -> Result<(), Failure> {
    let at = options.at.as_deref().map(time_of).transpose()?;
    for (flag, value) in [("--speed", options.speed), ("--idle", options.idle)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(Failure::input(format_args!(
                "{flag} {value}: write a number above 0, such as 2 or 0.5"
            )));
        }
    }
    let folder = log_folder::folder_of(&options.log, context).await?;
    let Some(at) = at else { return play(options, folder, context).await };
    let title = folder.title();
    let state = tokio::task::spawn_blocking(move || state_at::read(&folder, at)).await??;
    if context.output.is_json() {
        paint::print(&format!("{}\n", serde_json::to_string(&state)?))?;
    } else {
        paint::print(&page::text(&title, &state, Paint::stdout()))?;
    }
    Ok(())
}

fn time_of(text: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse(text).ok_or_else(|| {
        Failure::input(format_args!(
            "--at {text:?} is no moment; write an RFC 3339 time with its zone, such as 2026-11-20T09:21:44Z"
        ))
    })
}

/// A recording for machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal: Option<&'a str>,
    columns: u16,
    rows: u16,
    events: u64,
    seconds: f64,
    plays: bool,
}

async fn play(options: &ReplayOptions, folder: LogFolder, context: &Context) -> Result<(), Failure> {
    let wanted = options.recording.clone();
    let json = context.output.is_json();
    let chosen = tokio::task::spawn_blocking(move || choose(&folder, wanted.as_deref(), json));
    let (all, recordings) = chosen.await??;
    if json {
        let plays = |recording: &Recording| recordings.iter().any(|one| one.name == recording.name);
        let listed: Vec<_> = all.iter().map(|recording| listed(recording, plays(recording))).collect();
        return Ok(paint::print(&format!("{}\n", serde_json::to_string(&listed)?))?);
    }
    let live = stdout().is_terminal();
    if !live {
        return tokio::task::spawn_blocking(move || transcript::print(&recordings)).await?;
    }
    Player::new(options.speed, options.idle).play(&recordings).await
}

fn listed(recording: &Recording, plays: bool) -> Listed<'_> {
    Listed {
        name: &recording.name,
        terminal: recording.terminal.as_deref(),
        columns: recording.columns,
        rows: recording.rows,
        events: recording.events,
        seconds: recording.seconds,
        plays,
    }
}

/// The recordings to play, in order: the named one, else all of the last session. First all that there are, looked
/// into only when `all` asks for it.
fn choose(
    folder: &LogFolder,
    wanted: Option<&str>,
    all: bool,
) -> Result<(Vec<Recording>, Vec<Recording>), Failure> {
    let files = workshop_journal::recordings_in(&folder.path)?;
    let mut state = Projection::default();
    let log = folder.info.as_ref().map(|info| info.log);
    workshop_journal::replay_dir::<State>(&folder.path, log, |item| state.apply(item.seq, &item.record))?;
    let there = |name: &str| files.iter().any(|file| file.name == name);
    let names: Vec<&str> = match wanted {
        Some(name) if there(name) => vec![name],
        Some(name) => {
            let names: Vec<_> = files.iter().map(|file| format!("\n  {}", shown(&file.name))).collect();
            let has = if names.is_empty() {
                " It has none.".to_owned()
            } else {
                format!(" It has:{}", names.concat())
            };
            return Err(Failure::input(format_args!("the log has no recording {name:?}.{has}")));
        }
        None => {
            let sessions = state.sessions().iter().rev();
            let mut recorded = sessions.map(|session| session.casts.iter().map(|cast| cast.name.as_str()));
            let last = recorded.find_map(|casts| {
                let casts: Vec<&str> = casts.filter(|name| there(name)).collect();
                (!casts.is_empty()).then_some(casts)
            });
            last.unwrap_or_else(|| files.last().map(|file| file.name.as_str()).into_iter().collect())
        }
    };
    if names.is_empty() {
        return Err(Failure::input("the log has no recordings; --at TIME shows its state at a moment"));
    }
    let read = |name: &str| {
        let session =
            state.sessions().iter().find(|session| session.casts.iter().any(|cast| cast.name == name));
        Recording::read(&folder.path, name, session)
    };
    let chosen = names.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let listed =
        if all { files.iter().filter_map(|file| read(&file.name).ok()).collect() } else { Vec::new() };
    Ok((listed, chosen))
}
