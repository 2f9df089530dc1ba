//! What containers printed, as their engine kept it.

use anyhow::Result;
use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::container::Container;

/// How much of the end says why a program ended: lines, and characters of them.
const END_LINES: usize = 12;
const END_CHARACTERS: usize = 2000;

/// All that a container printed; and with `follow` what it prints, until it ends.
pub(super) fn of_container<'a>(
    docker: &'a Docker,
    container: &Container,
    follow: bool,
) -> BoxStream<'a, Result<Bytes>> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).build();
    docker.logs(&container.id, Some(options)).map(|line| Ok(line?.into_bytes())).boxed()
}

/// The end of what a container printed, as [`end_of`] has it. Nothing when the engine does not say.
pub(super) async fn end(docker: &Docker, id: &str) -> String {
    let lines = END_LINES.to_string();
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&lines).build();
    let mut lines = std::pin::pin!(docker.logs(id, Some(options)));
    let mut text = String::new();
    while let Some(Ok(line)) = lines.next().await {
        text.push_str(&line.to_string());
    }
    end_of(&text)
}

/// The last lines of a text, without what would move a terminal's cursor.
pub(super) fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(END_LINES)..].join("\n");
    let shown: Vec<char> = last.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    shown[shown.len().saturating_sub(END_CHARACTERS)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_short_and_plain() {
        let long: String = (1..=20).map(|line| format!("line {line}\r\n")).collect();
        for (text, expected) in [
            ("", ""),
            ("\n one\ttwo \n\n", "one\ttwo"),
            ("\u{1b}[2Jcleared\u{7}", "[2Jcleared"),
            (&long, &(9..=20).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n")),
            (&"ü".repeat(5000), &"ü".repeat(2000)),
        ] {
            assert_eq!(end_of(text), expected);
        }
    }
}
