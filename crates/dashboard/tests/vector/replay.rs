//! The files of a log as Vector posts them: in batches, again after a crash, out of order, now and then with half a line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};
use workshop_events::Stream;
use workshop_testing::Random;

/// An event of Vector's file source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub file: String,
    pub message: String,
}

impl Event {
    pub fn new(stream: Stream, message: &str) -> Self {
        Self { file: format!("/workshop/runtime/{}", stream.file_name()), message: message.to_owned() }
    }

    pub fn state(message: &str) -> Self {
        Self::new(Stream::State, message)
    }
}

/// A body of `framing: newline_delimited` and `codec: json`: nothing after the last event.
pub fn body(events: &[Event]) -> Vec<u8> {
    let lines: Vec<String> = events
        .iter()
        .map(|event| json!({"file": event.file, "message": event.message}).to_string())
        .collect();
    lines.join("\n").into_bytes()
}

/// What is posted of a volume, every line of it whole at least once.
pub struct Plan {
    pub posts: Vec<Vec<Event>>,
    /// Stream and hash of what is posted and is no record.
    pub broken: BTreeSet<(String, Vec<u8>)>,
}

impl Plan {
    /// Of all lines in the folder.
    pub fn new(folder: &Path, random: &mut Random) -> Self {
        let mut plan = Self { posts: Vec::new(), broken: BTreeSet::new() };
        let mut files: Vec<(Stream, Vec<String>, usize)> = Stream::ALL
            .into_iter()
            .map(|stream| {
                let text = fs::read_to_string(folder.join(stream.file_name())).unwrap_or_default();
                (stream, text.lines().map(str::to_owned).collect(), 0)
            })
            .collect();
        // Lines of which only halves were posted yet.
        let mut whole_later = Vec::new();
        while files.iter().any(|(_, lines, at)| *at < lines.len()) {
            let (stream, lines, at) = &mut files[random.index(3)];
            let end = lines.len().min(*at + 1 + random.index(8));
            let mut post: Vec<Event> = lines[*at..end].iter().map(|line| Event::new(*stream, line)).collect();
            *at = end;
            if random.one_in(6) {
                // A crash: it goes on from where it had written down.
                *at = at.saturating_sub(random.index(20));
            }
            plan.break_some(*stream, &mut post, random, &mut whole_later);
            if random.one_in(4) {
                random.shuffle(&mut post);
            }
            if random.one_in(3) {
                post.append(&mut whole_later);
            }
            plan.posts.push(post);
        }
        plan.posts.push(whole_later);
        plan.disorder(random);
        plan
    }

    /// Splits lines, and mangles others as Vector does with bytes that are no UTF-8. Both come whole in a later post.
    fn break_some(
        &mut self,
        stream: Stream,
        post: &mut Vec<Event>,
        random: &mut Random,
        later: &mut Vec<Event>,
    ) {
        if post.is_empty() || !random.one_in(3) {
            return;
        }
        let at = random.index(post.len());
        let event = post.remove(at);
        let text = &event.message;
        let cut = text.floor_char_boundary(1 + random.index(text.len() - 1)).max(1);
        let mut broken = vec![text[..cut].to_owned(), text[cut..].to_owned()];
        if random.one_in(3) {
            let (before, after) = text.split_at(cut);
            let rest = after.chars().next().map_or("", |c| &after[c.len_utf8()..]);
            broken = vec![format!("{before}\u{fffd}{rest}")];
        }
        for (n, piece) in broken.into_iter().enumerate() {
            self.broken.insert((stream.name().to_owned(), Sha256::digest(piece.as_bytes()).to_vec()));
            post.insert((at + n).min(post.len()), Event::new(stream, &piece));
        }
        later.push(event);
    }

    /// Posts overtake each other, some come again, some are put together.
    fn disorder(&mut self, random: &mut Random) {
        for at in 1..self.posts.len() {
            if random.one_in(4) {
                self.posts.swap(at - 1, at);
            }
        }
        for _ in 0..self.posts.len() / 6 {
            let again = self.posts[random.index(self.posts.len())].clone();
            self.posts.insert(random.index(self.posts.len() + 1), again);
        }
        for at in (1..self.posts.len()).rev() {
            if random.one_in(4) {
                let mut next = self.posts.remove(at);
                self.posts[at - 1].append(&mut next);
            }
        }
    }
}
