//! The newest lines of all streams, shared by all who follow: nobody's slowness costs memory.

use std::{collections::VecDeque, sync::Arc};

use workshop_events::{Cursor, LogId, StateEvent, StateRecord, Stream, Trigger};

/// At most this many bytes of lines are kept.
const KEEP_BYTES: usize = 1024 * 1024;
/// At most this many bytes are given out at once.
const BATCH_BYTES: usize = 32 * 1024;

/// A line that arrived.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its stream.
    pub stream: Stream,
    /// Its number in the stream.
    pub seq: u64,
    /// Whether students may see it.
    pub student: bool,
    /// The line as it stands in the file.
    pub line: Arc<str>,
}

/// How far one who follows has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    instructor: bool,
    seen: [u64; 3],
}

impl Position {
    /// The cursor of this position in `log`.
    pub fn cursor(&self, log: LogId) -> Cursor {
        let [state, commands, llm] = self.seen;
        Cursor { log, state, instructor: self.instructor.then_some((commands, llm)) }
    }

    /// The position after `entry`.
    pub fn after(mut self, entry: &Entry) -> Self {
        let seen = &mut self.seen[entry.stream as usize];
        *seen = (*seen).max(entry.seq);
        self
    }

    fn wants(&self, entry: &Entry) -> bool {
        let visible = self.instructor || entry.student;
        visible && entry.seq > self.seen[entry.stream as usize]
    }
}

/// What one who follows gets next.
#[derive(Debug)]
pub enum Batch {
    /// These, in the order of their arrival; none when nothing is new.
    Entries(Vec<Entry>),
    /// Some of it is not kept any more.
    TooFarBehind,
}

/// The newest lines of all streams.
#[derive(Debug, Default)]
pub struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Of each stream the last `seq` that arrived, and the last that is not kept any more.
    last: [u64; 3],
    forgotten: [u64; 3],
}

impl Recent {
    /// Takes a line that arrived.
    pub fn push(&mut self, stream: Stream, seq: u64, student: bool, line: &str) {
        self.bytes += line.len();
        self.last[stream as usize] = self.last[stream as usize].max(seq);
        self.entries.push_back(Entry { stream, seq, student, line: line.into() });
        while self.bytes > KEEP_BYTES
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.line.len();
            self.forgotten[oldest.stream as usize] = oldest.seq;
        }
    }

    /// The position of one who has seen everything.
    pub fn now(&self, instructor: bool) -> Position {
        Position { instructor, seen: self.last }
    }

    /// The position of one who has seen up to `cursor` of this log.
    pub fn position(&self, cursor: &Cursor) -> Option<Position> {
        let (commands, llm) = cursor.instructor.unwrap_or((self.last[1], self.last[2]));
        let seen = [cursor.state, commands, llm];
        let possible = (0..3).all(|s| (self.forgotten[s]..=self.last[s]).contains(&seen[s]));
        possible.then_some(Position { instructor: cursor.instructor.is_some(), seen })
    }

    /// What comes after a position.
    pub fn after(&self, position: &Position) -> Batch {
        let followed = if position.instructor { 0..3 } else { 0..1 };
        if followed.into_iter().any(|s| position.seen[s] < self.forgotten[s]) {
            return Batch::TooFarBehind;
        }
        let mut bytes = 0;
        let wanted = self.entries.iter().filter(|entry| position.wants(entry)).take_while(|entry| {
            let room = bytes < BATCH_BYTES;
            bytes += entry.line.len();
            room
        });
        Batch::Entries(wanted.cloned().collect())
    }
}

/// Periodic checks are for the instructor.
pub(super) fn is_for_student(record: &StateRecord<'_>) -> bool {
    !matches!(record.event, StateEvent::GossResult { trigger: Trigger::Periodic, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(batch: &Batch) -> Vec<(Stream, u64)> {
        match batch {
            Batch::Entries(entries) => entries.iter().map(|e| (e.stream, e.seq)).collect(),
            Batch::TooFarBehind => panic!("too far behind"),
        }
    }

    #[test]
    fn a_student_sees_states_and_an_instructor_everything_from_their_cursor_on() {
        let log = LogId::from_bits(7);
        let mut recent = Recent::default();
        recent.push(Stream::State, 1, true, "a");
        recent.push(Stream::Commands, 1, false, "b");
        recent.push(Stream::State, 2, false, "periodic");
        recent.push(Stream::State, 3, true, "c");
        let position = |text: &str| recent.position(&text.parse().unwrap());
        let student = position("0000000000000007.1").unwrap();
        assert_eq!(seqs(&recent.after(&student)), [(Stream::State, 3)]);
        let instructor = position("0000000000000007.1.0.0").unwrap();
        let batch = recent.after(&instructor);
        assert_eq!(seqs(&batch), [(Stream::Commands, 1), (Stream::State, 2), (Stream::State, 3)]);
        let Batch::Entries(entries) = batch else { unreachable!() };
        let end = entries.iter().fold(instructor, |p, e| p.after(e));
        assert_eq!(end.cursor(log).to_string(), "0000000000000007.3.1.0");
        assert!(seqs(&recent.after(&end)).is_empty());
        assert!(position("0000000000000007.4").is_none(), "from the future");
    }

    #[test]
    fn who_is_too_far_behind_is_told_so() {
        let mut recent = Recent::default();
        let line = "x".repeat(60_000);
        for seq in 1..=100 {
            recent.push(Stream::State, seq, true, &line);
        }
        assert!(recent.bytes <= KEEP_BYTES);
        assert!(recent.position(&"0000000000000007.1".parse().unwrap()).is_none());
        let early = Position { instructor: false, seen: [1, 0, 0] };
        assert!(matches!(recent.after(&early), Batch::TooFarBehind));
        let late = recent.position(&"0000000000000007.98".parse().unwrap()).unwrap();
        assert_eq!(seqs(&recent.after(&late)), [(Stream::State, 99)], "at most one batch at once");
    }
}
