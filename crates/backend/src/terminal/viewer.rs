//! Those who look at a session: what waits to be sent to each, and whose size the terminal has.

use std::time::Instant;

use workshop_wire::terminal::ServerMessage;

use super::{
    flow::{self, Reading, Window},
    outbox::{Frame, Outbox},
};

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

    /// Sends a message to one.
    pub fn send(&self, id: u64, message: &ServerMessage) {
        for viewer in self.all.iter().filter(|viewer| viewer.arrival.id == id) {
            viewer.arrival.outbox.push(Frame::Message(message.clone()));
        }
    }

    /// Sends a message to all, or to all but one.
    pub fn broadcast(&self, message: &ServerMessage, except: Option<u64>) {
        for viewer in self.all.iter().filter(|viewer| Some(viewer.arrival.id) != except) {
            viewer.arrival.outbox.push(Frame::Message(message.clone()));
        }
    }

    /// Sends a viewer, or all, a whole screen.
    pub fn restore(&mut self, id: Option<u64>, restored: &ServerMessage, screen: &str, now: Instant) {
        for viewer in self.all.iter_mut().filter(|viewer| id.is_none_or(|id| viewer.arrival.id == id)) {
            viewer.arrival.outbox.push(Frame::Message(restored.clone()));
            viewer.arrival.outbox.push_output(screen);
            viewer.window.restore(screen.len(), now);
        }
    }

    /// A viewer says that it has worked off so many bytes: believed for those that its socket took. Answers whether it
    /// is behind and is to be restored.
    pub fn acknowledge(&mut self, id: u64, total: u64, now: Instant) -> bool {
        self.find(id).is_some_and(|viewer| {
            let written = viewer.arrival.outbox.written();
            viewer.window.acknowledge(total.min(written), now)
        })
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
        viewers.broadcast(&ServerMessage::Exit { code: Some(0) }, None);
        viewers.broadcast(&ServerMessage::Exit { code: None }, Some(1));
        viewers.show("c", now);
        viewers.close();
        for expected in [
            Frame::Output("ab".into()),
            Frame::Message(ServerMessage::Exit { code: Some(0) }),
            Frame::Output("c".into()),
            Frame::Close,
        ] {
            assert_eq!(outbox.next().await, expected);
        }
    }

    #[test]
    fn only_what_was_written_can_be_acknowledged() {
        let (now, mut viewers) = (Instant::now(), Viewers::default());
        let (who, outbox) = arrival(1, Role::Student, (80, 24));
        viewers.arrive(who, now);
        let line = "y\r\n";
        for _ in 0..1_000_000 {
            viewers.show(line, now);
            assert!(!viewers.acknowledge(1, u64::MAX, now), "it read nothing");
        }
        assert!(matches!(viewers.reading(now), Reading::Now), "nobody waits for one that is behind");
        // The socket took all that waited: what is acknowledged now is true.
        let waited = flow::WINDOW.next_multiple_of(line.len() as u64);
        outbox.note_written(usize::try_from(waited).unwrap());
        assert!(!viewers.acknowledge(1, waited - flow::LOW - 1, now));
        assert!(viewers.acknowledge(1, u64::MAX, now));
    }
}
