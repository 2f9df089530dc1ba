//! What waits to be sent to one viewer: bounded, whatever the viewer reads or claims.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use workshop_wire::terminal::ServerMessage;

/// Output is sent in frames of at most this many bytes; shorter ones are joined while they wait.
const MAX_FRAME: usize = 64 * 1024;
/// A viewer that lets more output than this wait is closed. Windows keep an honest one far below.
const MAX_BYTES: usize = 1024 * 1024;
/// A viewer that lets more frames than this wait is closed.
const MAX_FRAMES: usize = 4096;

/// Something for a viewer, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Message(ServerMessage),
    /// A binary frame.
    Output(String),
    /// The last one: the backend goes away.
    Close,
}

/// The frames of one viewer. Clones are the same outbox.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    more: Notify,
    full: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    /// Bytes of output among the frames.
    bytes: usize,
    /// Bytes of output that the viewer's socket took.
    written: u64,
    /// The viewer let too much wait: it gets nothing more.
    full: bool,
}

impl Outbox {
    /// Waits for the next frame. May be cancelled. For one receiver.
    pub async fn next(&self) -> Frame {
        loop {
            if let Some(frame) = self.waiting().pop() {
                return frame;
            }
            self.0.more.notified().await;
        }
    }

    /// Notes that the viewer's socket took so many bytes of output. Only these can be acknowledged.
    pub fn note_written(&self, bytes: usize) {
        self.waiting().written += bytes as u64;
    }

    /// Bytes of output that the viewer's socket took.
    pub fn written(&self) -> u64 {
        self.waiting().written
    }

    /// Resolves when more waits than may: the viewer is to be closed. For one receiver.
    pub async fn full(&self) {
        self.0.full.notified().await;
    }

    /// Puts a frame at the end. A size replaces one that waits there.
    pub fn push(&self, frame: Frame) {
        let is_size = |frame: &Frame| matches!(frame, Frame::Message(ServerMessage::Size { .. }));
        self.change(|waiting| match waiting.frames.back_mut() {
            Some(last) if is_size(last) && is_size(&frame) => *last = frame,
            _ => waiting.frames.push_back(frame),
        });
    }

    /// Puts output at the end, joined with what waits there.
    pub fn push_output(&self, text: &str) {
        self.change(|waiting| {
            waiting.bytes += text.len();
            let mut rest = text;
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_FRAME));
                rest = after;
                match waiting.frames.back_mut() {
                    Some(Frame::Output(last)) if last.len() + piece.len() <= MAX_FRAME => {
                        last.push_str(piece)
                    }
                    _ => waiting.frames.push_back(Frame::Output(piece.to_owned())),
                }
            }
        });
    }

    /// Changes what waits, unless that is too much already.
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        if waiting.full {
            return;
        }
        if waiting.bytes > MAX_BYTES || waiting.frames.len() > MAX_FRAMES {
            waiting.full = true;
            waiting.frames = VecDeque::new();
            self.0.full.notify_one();
        } else {
            change(&mut waiting);
            self.0.more.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        if let Frame::Output(text) = &frame {
            self.bytes -= text.len();
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Frame = Frame::Message(ServerMessage::Size { cols: 80, rows: 24 });

    /// Pushes until the outbox is full, and tells how many frames and bytes waited at most.
    fn fill(push: impl Fn(&Outbox)) -> (usize, usize) {
        let outbox = Outbox::default();
        let (mut frames, mut bytes) = (0, 0);
        for _ in 0..100_000 {
            push(&outbox);
            let waiting = outbox.waiting();
            if waiting.full {
                assert!(waiting.frames.is_empty(), "nothing waits for a viewer that is to be closed");
                return (frames, bytes);
            }
            (frames, bytes) = (frames.max(waiting.frames.len()), bytes.max(waiting.bytes));
        }
        panic!("{frames} frames and {bytes} bytes wait, and it is not full");
    }

    #[test]
    fn what_nobody_reads_is_bounded() {
        let flood = fill(|outbox| outbox.push_output(&"y\r\n".repeat(1000)));
        assert!(flood.0 < 20 && flood.1 <= MAX_BYTES + 3000, "{flood:?}");
        let exits = fill(|outbox| outbox.push(Frame::Message(ServerMessage::Exit { code: None })));
        assert_eq!(exits, (MAX_FRAMES + 1, 0));
        let resizes = fill(|outbox| {
            outbox.push(SIZE);
            outbox.push_output("x");
        });
        assert!(resizes.0 <= MAX_FRAMES + 2 && resizes.1 <= MAX_FRAMES, "{resizes:?}");
        let screens = fill(|outbox| {
            outbox.push(Frame::Message(ServerMessage::Exit { code: None }));
            outbox.push_output(&"x".repeat(200_000));
        });
        assert!(screens.1 <= MAX_BYTES + 200_000, "{screens:?}");
    }

    #[test]
    fn sizes_that_follow_each_other_are_one() {
        let outbox = Outbox::default();
        for _ in 0..100_000 {
            outbox.push(SIZE);
        }
        assert_eq!(outbox.waiting().frames.len(), 1);
    }

    #[tokio::test]
    async fn a_large_screen_is_sent_in_pieces_of_whole_characters() {
        let (outbox, screen) = (Outbox::default(), "界x".repeat(100_000));
        outbox.push_output(&screen);
        let mut sent = String::new();
        while sent.len() < screen.len() {
            let Frame::Output(piece) = outbox.next().await else { panic!("no output") };
            assert!(piece.len() <= MAX_FRAME);
            sent.push_str(&piece);
        }
        assert!(sent == screen && outbox.waiting().bytes == 0);
    }

    #[tokio::test]
    async fn who_is_to_be_closed_is_told() {
        let outbox = Outbox::default();
        for _ in 0..=MAX_FRAMES + 1 {
            outbox.push(Frame::Message(ServerMessage::Exit { code: None }));
        }
        outbox.full().await;
        outbox.push(Frame::Close);
        assert!(outbox.waiting().frames.is_empty());
    }
}
