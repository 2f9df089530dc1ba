//! Saying things: text for people, JSON for machines, and progress where there is a terminal.

use std::env;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::arguments::Format;
use crate::paint;

/// Says what is being done, line by line, to whoever watches.
pub(crate) type Say<'a> = &'a (dyn Fn(String) + Sync);

/// How a command answers. Results go to the standard output, progress to the standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    live: bool,
}

impl Output {
    /// Progress moves only on a terminal, and never under CI.
    pub(crate) fn new(format: Format) -> Self {
        let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
        Self { format, live: format == Format::Text && stderr().is_terminal() && !ci }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: as JSON on one line, or what `text` makes of it.
    pub(crate) fn result<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let text = if self.is_json() { serde_json::to_string(value)? + "\n" } else { text(value) };
        paint::print(&text).context("cannot write to the standard output")
    }

    /// Says what is being done: a spinner on a terminal, a plain line elsewhere, nothing for machines.
    pub(crate) fn progress(self, what: impl Into<String>) -> Progress {
        let what = what.into();
        if self.live {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_message(what);
            bar.enable_steady_tick(Duration::from_millis(120));
            return Progress { bar: Some(bar), plain: false };
        }
        let progress = Progress { bar: None, plain: self.format == Format::Text };
        progress.now(what);
        progress
    }

    /// A line for people beside the result.
    pub(crate) fn note(self, line: &str) {
        if !self.is_json() {
            complain(line);
        }
    }
}

/// Prints a line on the standard error. Nobody may be reading it any more; that ends no command half-way.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Something that takes a while. The spinner goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
}

impl Progress {
    /// What is done now.
    pub(crate) fn now(&self, what: impl Into<String>) {
        let what = what.into();
        match &self.bar {
            Some(bar) => bar.set_message(what),
            None if self.plain => complain(&what),
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
