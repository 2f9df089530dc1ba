//! What a body of Vector's holds: the lines of each log, and those that are no records. Pure, no database.

use std::borrow::Cow;

use serde::Deserialize;
use workshop_events::codec::{Checksum, checksum};
use workshop_events::line::{leading_zeros, read_line};
use workshop_events::{Commands, FindingKind, Llm, LogId, State, Stream, Timestamp};

use crate::ingest::lines::Refused;
use crate::projections::Projected;

/// What stands for the stream of a line whose file is none of a log's.
const UNKNOWN: &str = "unknown";
/// A volume has one log, and a body perhaps one before it: more are none of a sidecar's.
const MAX_LOGS: usize = 16;

/// One line of a body, as Vector writes it.
#[derive(Deserialize)]
struct Event<'e> {
    /// Path of the file that the line stands in.
    #[serde(borrow)]
    file: Cow<'e, str>,
    /// The line. What was no UTF-8 in it is U+FFFD by now.
    #[serde(borrow)]
    message: Cow<'e, str>,
}

/// A record's line.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) ts: Timestamp,
    /// As `events.kind` has it.
    pub(super) kind: String,
    pub(super) text: String,
}

/// The lines of one log, in the order of the body.
pub(super) struct LogLines {
    pub(super) log: LogId,
    pub(super) state: Vec<Line>,
    pub(super) commands: Vec<Line>,
    pub(super) llm: Vec<Line>,
}

/// A line that is no record, or cannot be one here.
pub(super) struct Malformed {
    pub(super) stream: &'static str,
    /// The log that it is of, when that is known to be one of the workspace.
    pub(super) log: Option<LogId>,
    pub(super) line: Refused,
}

/// What a body holds.
#[derive(Default)]
pub(super) struct Batch {
    /// How many lines it has, blank ones aside.
    pub(super) lines: u64,
    /// Logs in the order in which they are named first.
    pub(super) logs: Vec<LogLines>,
    pub(super) malformed: Vec<Malformed>,
}

impl LogLines {
    fn new(log: LogId) -> Self {
        Self { log, state: Vec::new(), commands: Vec::new(), llm: Vec::new() }
    }

    fn of(&mut self, stream: Stream) -> &mut Vec<Line> {
        match stream {
            Stream::State => &mut self.state,
            Stream::Commands => &mut self.commands,
            Stream::Llm => &mut self.llm,
        }
    }

    /// All lines, each with its stream.
    pub(super) fn into_lines(self) -> impl Iterator<Item = (Stream, Line)> {
        let of = |stream, lines: Vec<Line>| lines.into_iter().map(move |line| (stream, line));
        of(Stream::State, self.state)
            .chain(of(Stream::Commands, self.commands))
            .chain(of(Stream::Llm, self.llm))
    }
}

impl Malformed {
    /// `line` is without its newline.
    pub(super) fn new(stream: &'static str, log: Option<LogId>, line: &[u8], reason: &str) -> Self {
        Self { stream, log, line: Refused::new(0, line, reason) }
    }
}

/// Reads a body: one JSON object a line, the last with or without a newline.
pub(super) fn read(body: &[u8]) -> Batch {
    let mut batch = Batch::default();
    for line in body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        batch.lines += 1;
        batch.event(line);
    }
    batch
}

impl Batch {
    fn event(&mut self, line: &[u8]) {
        let Event { file, message } = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => {
                let reason = format!("no line of Vector's with file and message: {error}");
                return self.malformed.push(Malformed::new(UNKNOWN, None, line, &reason));
            }
        };
        let name = file.rsplit('/').next().unwrap_or_default();
        let Some(stream) = Stream::ALL.into_iter().find(|stream| stream.file_name() == name) else {
            let reason = format!("{file} is no file of a stream");
            return self.malformed.push(Malformed::new(UNKNOWN, None, message.as_bytes(), &reason));
        };
        let message = message.as_bytes();
        // What stands after zeros that a crash left counts; the zeros are told.
        let zeros = leading_zeros(message);
        let read = match stream {
            Stream::State => record::<State>(&message[zeros..]),
            Stream::Commands => record::<Commands>(&message[zeros..]),
            Stream::Llm => record::<Llm>(&message[zeros..]),
        };
        let reason = match read.and_then(|read| self.take(stream, read)) {
            Ok(()) if zeros == 0 => return,
            Ok(()) => {
                let line =
                    Malformed::new(stream.name(), None, &message[..zeros], &FindingKind::Zeros.to_string());
                return self.malformed.push(line);
            }
            Err(reason) => reason.to_string(),
        };
        self.malformed.push(Malformed::new(stream.name(), None, message, &reason));
    }

    fn take(&mut self, stream: Stream, read: Option<(LogId, Line)>) -> Result<(), FindingKind> {
        let Some((log, line)) = read else { return Ok(()) };
        let at = self.logs.iter().position(|lines| lines.log == log);
        if at.is_none() && self.logs.len() == MAX_LOGS {
            return Err(FindingKind::Foreign(format!("{log}, beside {MAX_LOGS} others in one post")));
        }
        if at.is_none() {
            self.logs.push(LogLines::new(log));
        }
        let at = at.unwrap_or(self.logs.len() - 1);
        self.logs[at].of(stream).push(line);
        Ok(())
    }
}

/// Reads a record, which has to say its log and its `seq`: there is no file to tell them from. `None` for a blank line.
fn record<K: Projected>(line: &[u8]) -> Result<Option<(LogId, Line)>, FindingKind> {
    // Which line is the first of its file is not known: any may begin with a BOM.
    let Some(read) = read_line::<K>(line, 0, None)? else { return Ok(None) };
    let malformed = |reason: &str| FindingKind::Malformed(reason.to_owned());
    let (log, seq) = K::identity(&read.record);
    let log = log.ok_or_else(|| malformed("it does not say its log"))?;
    let log = log.parse().map_err(|_| malformed("its log is no log's id"))?;
    seq.ok_or_else(|| malformed("it has no seq"))?;
    // Vector writes it for what is no UTF-8, also where the checksum was.
    if read.text.contains(char::REPLACEMENT_CHARACTER) && checksum(read.text.as_bytes()).0 != Checksum::Right
    {
        return Err(malformed("it may have been no UTF-8"));
    }
    let line = Line {
        seq: read.number(0)?,
        ts: K::ts(&read.record),
        kind: K::kind(&read.record).to_owned(),
        text: read.text.to_owned(),
    };
    Ok(Some((log, line)))
}

#[cfg(test)]
mod tests {
    use workshop_events::StateEvent;
    use workshop_events::codec::Body;

    use super::*;

    const LOG: &str = "0123456789abcdef";

    fn event(file: &str, message: &str) -> String {
        format!("{}\n", serde_json::json!({"file": file, "message": message, "host": "ignored"}))
    }

    fn viewed(log: &str, seq: u64) -> String {
        format!(
            r#"{{"log":"{log}","seq":{seq},"ts":"2026-11-20T09:00:00.000Z","event":"step_viewed","step":"é\u0000"}}"#
        )
    }

    #[test]
    fn lines_of_logs() {
        let state = "/workshop/runtime/state-events.jsonl";
        let mut body =
            event(state, &viewed(LOG, 2)) + "\n \r\n" + &event(state, &viewed("ffffffffffffffff", 1));
        body += event("command-log.jsonl", &viewed(LOG, 1).replace("\"event\"", "\"cmd\"")).trim_end();
        let batch = read(body.as_bytes());
        assert!(batch.malformed.is_empty(), "{:?}", batch.malformed.first().map(|line| &line.line.reason));
        let found: Vec<_> =
            batch.logs.iter().map(|log| (log.log.to_string(), log.state.len(), log.commands.len())).collect();
        assert_eq!(found, [(LOG.to_owned(), 1, 1), ("ffffffffffffffff".to_owned(), 1, 0)]);
        let line = &batch.logs[0].state[0];
        assert_eq!(
            (batch.lines, line.seq, line.kind.as_str(), &line.text),
            (3, 2, "step_viewed", &viewed(LOG, 2))
        );
    }

    #[test]
    fn what_is_no_record() {
        let check = |body: &str, stream: &str, kept: &str, reason: &str| {
            let batch = read(body.as_bytes());
            let [line] = &batch.malformed[..] else { panic!("{body}: {}", batch.malformed.len()) };
            assert_eq!((line.stream, line.line.line.as_slice()), (stream, kept.as_bytes()), "{body}");
            assert!(line.line.reason.starts_with(reason), "{body}: {}", line.line.reason);
        };
        check("x", "unknown", "x", "no line of Vector's");
        check(r#"{"message":"x"}"#, "unknown", r#"{"message":"x"}"#, "no line of Vector's");
        check(&event("/etc/passwd", "x"), "unknown", "x", "/etc/passwd is no file of a stream");
        let state = |message: &str, reason: &str| {
            check(&event("state-events.jsonl", message), "state", message, reason)
        };
        state(&viewed(LOG, 2)[..40], "malformed line: EOF");
        state(&viewed(LOG, 2)[40..], "malformed line: ");
        state(&viewed(LOG, 0), "malformed line: seq is 0");
        state(&viewed(LOG, 2).replace("\"seq\":2,", ""), "malformed line: it has no seq");
        state(&viewed(LOG, 2).replace("\"log\"", "\"gol\""), "malformed line: it does not say its log");
        state(&viewed("x\\u0000", 2), "malformed line: its log is no log's id");
        state(&viewed(LOG, 2).replace('é', "\u{fffd}"), "malformed line: it may have been no UTF-8");
        check(
            &event("state-events.jsonl", &format!("\0\0{}", viewed(LOG, 2))),
            "state",
            "\0\0",
            "a run of zero bytes",
        );
    }

    #[test]
    fn a_checksum_tells_what_was_mangled() {
        let viewed = StateEvent::StepViewed { step: "\u{fffd}".into() };
        let mut line = Vec::new();
        let ts = Timestamp::from_millis(1_795_165_200_000);
        Body::new(&viewed).unwrap().write_line(LOG.parse().unwrap(), 1, ts, &mut line);
        let line = String::from_utf8(line).unwrap();
        let records = |line: &str| {
            read(event("state-events.jsonl", line.trim_end()).as_bytes())
                .logs
                .iter()
                .map(|log| log.state.len())
                .sum::<usize>()
        };
        assert_eq!(records(&line), 1);
        assert_eq!(records(&line.replace("crc", "cr\u{fffd}")), 0);
    }

    #[test]
    fn a_body_names_few_logs() {
        let body: String =
            (0..40).map(|n| event("state-events.jsonl", &viewed(&format!("{n:016x}"), 1))).collect();
        let batch = read(body.as_bytes());
        assert_eq!((batch.logs.len(), batch.malformed.len()), (MAX_LOGS, 40 - MAX_LOGS));
    }
}
