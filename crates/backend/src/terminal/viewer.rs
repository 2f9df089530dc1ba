//! Those who look at a session: what waits to be sent to each, and whose size the terminal has.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde::Serialize;
use tokio::sync::Notify;

use super::flow::{self, Reading, Window};

/// Frames of output are joined up to this size while they wait.
const MAX_FRAME: usize = 64 * 1024;

/// What a viewer is told beside output: the JSON of the text frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Told {
    /// Begin anew: the next output is the whole screen.
    Restored {
        /// The session.
        session: String,
        /// The terminal's name.
        terminal: String,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
        /// Whether a shell runs.
        running: bool,
    },
    /// The terminal has another size.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The shell has ended; the next key starts one.
    Exit {
        /// Its exit code.
        code: Option<i32>,
    },
}

/// Something for a viewer, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Told(Told),
    /// A binary frame.
    Output(String),
    /// The last one: the backend goes away.
    Close,
}

/// What waits to be sent to one viewer. Its size is bounded by the viewer's window. Clones are the same outbox.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    frames: Mutex<VecDeque<Frame>>,
    more: Notify,
}

impl Outbox {
    /// Waits for the next frame. May be cancelled. For one receiver.
    pub async fn next(&self) -> Frame {
        loop {
            let frame = self.0.frames.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match frame {
                Some(frame) => return frame,
                None => self.0.more.notified().await,
            }
        }
    }

    /// Puts a frame at the end.
    pub fn push(&self, frame: Frame) {
        self.0.frames.lock().unwrap_or_else(PoisonError::into_inner).push_back(frame);
        self.0.more.notify_one();
    }

    /// Puts output at the end, joined with what waits there.
    pub fn push_output(&self, text: &str) {
        let mut frames = self.0.frames.lock().unwrap_or_else(PoisonError::into_inner);
        match frames.back_mut() {
            Some(Frame::Output(last)) if last.len() + text.len() <= MAX_FRAME => last.push_str(text),
            _ => frames.push_back(Frame::Output(text.to_owned())),
        }
        drop(frames);
        self.0.more.notify_one();
    }
}

/// Who looks, and may type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The student: types, and has a say in the size; output waits for them.
    Student,
    /// The instructor: looks.
    Instructor,
}

/// One who comes to look.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Not the same as of anyone else.
    pub id: u64,
    /// Who it is.
    pub role: Role,
    /// Columns and rows of the page.
    pub size: (u16, u16),
    /// Where to send.
    pub outbox: Outbox,
}

struct Viewer {
    arrival: Arrival,
    window: Window,
    /// When it typed last, counted in turns; the one who came to an empty terminal has typed.
    typed: u64,
}

/// The viewers of one terminal.
#[derive(Default)]
pub struct Viewers {
    all: Vec<Viewer>,
    turn: u64,
}

impl Viewers {
    /// Someone came.
    pub fn arrive(&mut self, arrival: Arrival, now: Instant) {
        let alone = !self.all.iter().any(|viewer| viewer.arrival.role == Role::Student);
        let typed = if alone && arrival.role == Role::Student { self.next_turn() } else { 0 };
        self.all.push(Viewer { arrival, window: Window::new(now), typed });
    }

    /// Someone left. Answers who it was.
    pub fn leave(&mut self, id: u64) -> Option<Role> {
        let at = self.all.iter().position(|viewer| viewer.arrival.id == id)?;
        Some(self.all.remove(at).arrival.role)
    }

    /// The students among them.
    pub fn students(&self) -> impl Iterator<Item = u64> {
        self.all.iter().filter(|viewer| viewer.arrival.role == Role::Student).map(|viewer| viewer.arrival.id)
    }

    /// Whether someone may type, having this id. Notes the turn.
    pub fn types(&mut self, id: u64) -> bool {
        let turn = self.next_turn();
        let student = self.find(id).filter(|viewer| viewer.arrival.role == Role::Student);
        student.map(|viewer| viewer.typed = turn).is_some()
    }

    /// A viewer's page has another size.
    pub fn resize(&mut self, id: u64, size: (u16, u16)) {
        if let Some(viewer) = self.find(id) {
            viewer.arrival.size = size;
        }
    }

    /// The size that the terminal should have: that of the student who typed last. `None` without a student.
    pub fn size(&self) -> Option<(u16, u16)> {
        let students = self.all.iter().filter(|viewer| viewer.arrival.role == Role::Student);
        students.max_by_key(|viewer| viewer.typed).map(|viewer| viewer.arrival.size)
    }

    /// Shows text to all that are not behind.
    pub fn show(&mut self, text: &str, now: Instant) {
        for viewer in &mut self.all {
            if viewer.window.take(text.len(), now) {
                viewer.arrival.outbox.push_output(text);
            }
        }
    }

    /// Tells one.
    pub fn tell_one(&self, id: u64, told: &Told) {
        for viewer in self.all.iter().filter(|viewer| viewer.arrival.id == id) {
            viewer.arrival.outbox.push(Frame::Told(told.clone()));
        }
    }

    /// Tells all but one.
    pub fn tell(&self, told: &Told, but: Option<u64>) {
        for viewer in self.all.iter().filter(|viewer| Some(viewer.arrival.id) != but) {
            viewer.arrival.outbox.push(Frame::Told(told.clone()));
        }
    }

    /// Sends a viewer, or all, a whole screen.
    pub fn restore(&mut self, id: Option<u64>, told: &Told, screen: &str, now: Instant) {
        for viewer in self.all.iter_mut().filter(|viewer| id.is_none_or(|id| viewer.arrival.id == id)) {
            viewer.arrival.outbox.push(Frame::Told(told.clone()));
            viewer.arrival.outbox.push(Frame::Output(screen.to_owned()));
            viewer.window.restore(screen.len(), now);
        }
    }

    /// A viewer has worked off so many bytes. Answers whether it is behind and is to be restored.
    pub fn acknowledge(&mut self, id: u64, total: u64, now: Instant) -> bool {
        self.find(id).is_some_and(|viewer| viewer.window.acknowledge(total, now))
    }

    /// Whether the session's output may be read.
    pub fn reading(&self, now: Instant) -> Reading {
        let students = self.all.iter().filter(|viewer| viewer.arrival.role == Role::Student);
        flow::reading(students.map(|viewer| &viewer.window), now)
    }

    /// The backend goes away.
    pub fn close(&self) {
        for viewer in &self.all {
            viewer.arrival.outbox.push(Frame::Close);
        }
    }

    fn find(&mut self, id: u64) -> Option<&mut Viewer> {
        self.all.iter_mut().find(|viewer| viewer.arrival.id == id)
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(id: u64, role: Role, size: (u16, u16)) -> (Arrival, Outbox) {
        let outbox = Outbox::default();
        (Arrival { id, role, size, outbox: outbox.clone() }, outbox)
    }

    #[test]
    fn the_size_is_that_of_the_student_who_typed_last() {
        let (now, mut viewers) = (Instant::now(), Viewers::default());
        assert_eq!(viewers.size(), None);
        for (id, role, size) in [
            (1, Role::Instructor, (10, 10)),
            (2, Role::Student, (20, 20)),
            (3, Role::Student, (30, 30)),
            (4, Role::Instructor, (40, 40)),
        ] {
            viewers.arrive(arrival(id, role, size).0, now);
        }
        assert_eq!(viewers.size(), Some((20, 20)), "the first student's");
        assert!(viewers.types(3));
        assert_eq!(viewers.size(), Some((30, 30)));
        assert!(!viewers.types(4), "instructors do not type");
        viewers.resize(2, (21, 21));
        assert_eq!(viewers.size(), Some((30, 30)));
        viewers.leave(3);
        assert_eq!(viewers.size(), Some((21, 21)));
    }

    #[tokio::test]
    async fn output_waits_as_one_and_in_order() {
        let (now, mut viewers) = (Instant::now(), Viewers::default());
        let (who, outbox) = arrival(1, Role::Student, (80, 24));
        viewers.arrive(who, now);
        viewers.show("a", now);
        viewers.show("b", now);
        viewers.tell(&Told::Exit { code: Some(0) }, None);
        viewers.tell(&Told::Exit { code: None }, Some(1));
        viewers.show("c", now);
        viewers.close();
        for expected in [
            Frame::Output("ab".into()),
            Frame::Told(Told::Exit { code: Some(0) }),
            Frame::Output("c".into()),
            Frame::Close,
        ] {
            assert_eq!(outbox.next().await, expected);
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let (now, mut viewers) = (Instant::now(), Viewers::default());
        let (who, outbox) = arrival(1, Role::Instructor, (80, 24));
        viewers.arrive(who, now);
        for _ in 0..1_000_000 {
            viewers.show("y\r\n", now);
        }
        let frames = outbox.0.frames.lock().unwrap();
        let waiting: usize =
            frames.iter().map(|frame| if let Frame::Output(text) = frame { text.len() } else { 0 }).sum();
        assert!(
            waiting <= usize::try_from(flow::WINDOW).unwrap() + 3 && frames.len() < 10,
            "{waiting} in {}",
            frames.len()
        );
    }
}
