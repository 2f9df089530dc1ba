//! What the shell integration says: OSC 133 and 633 with the session's nonce.

/// The longest command line or directory that is kept, in characters; longer ones are cut when they are recorded.
const MAX_CHARS: usize = 16 * 1024;

/// One word of the shell integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `133;A`: a prompt follows.
    Prompt,
    /// `633;E`: the command line, its first line or all of it.
    Line(String),
    /// `633;L`: a further line of it.
    NextLine(String),
    /// `633;P;Cwd=`: the working directory.
    Cwd(String),
    /// `133;C`: the command begins.
    Begin,
    /// `133;D`: it ended with this exit code.
    End(Option<i32>),
}

impl Mark {
    /// Reads the string of an OSC. `None` when it is not one of ours: another kind, or without `nonce`.
    pub fn parse(body: &[u8], nonce: &str) -> Option<Self> {
        if nonce.is_empty() {
            return None;
        }
        let body = body.strip_suffix(nonce.as_bytes())?;
        if let Some(rest) = body.strip_prefix(b"133;") {
            let rest = rest.strip_suffix(b";aid=")?;
            return match rest {
                b"A" => Some(Self::Prompt),
                b"C" => Some(Self::Begin),
                b"D" => Some(Self::End(None)),
                _ => {
                    let code = std::str::from_utf8(rest.strip_prefix(b"D;")?).ok()?;
                    Some(Self::End(Some(code.parse().ok()?)))
                }
            };
        }
        let rest = body.strip_prefix(b"633;")?.strip_suffix(b";")?;
        if let Some(line) = rest.strip_prefix(b"E;") {
            Some(Self::Line(unescape(line)))
        } else if let Some(line) = rest.strip_prefix(b"L;") {
            Some(Self::NextLine(unescape(line)))
        } else {
            rest.strip_prefix(b"P;Cwd=").map(|path| Self::Cwd(unescape(path)))
        }
    }
}

/// Undoes `\\` and `\xHH`. What is not UTF-8, and NUL, becomes U+FFFD: no reader of the log has to cope with them.
fn unescape(escaped: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (byte, after) = match (first, tail) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'x', high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (first, tail),
            },
            _ => (first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes)
        .chars()
        .take(MAX_CHARS)
        .map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let line = |text: &str| Some(Mark::Line(text.to_owned()));
        for (body, expected) in [
            ("133;A;aid=n1", Some(Mark::Prompt)),
            ("133;C;aid=n1", Some(Mark::Begin)),
            ("133;D;aid=n1", Some(Mark::End(None))),
            ("133;D;0;aid=n1", Some(Mark::End(Some(0)))),
            ("133;D;130;aid=n1", Some(Mark::End(Some(130)))),
            ("633;E;ls -l;n1", line("ls -l")),
            ("633;E;a\\x3b b\\x0ac\\\\x0a;n1", line("a; b\nc\\x0a")),
            ("633;E;;n1", line("")),
            ("633;E;n1;n1", line("n1")),
            ("633;E;\\x00\\xff\\xe7\\x95\\x8c界;n1", line("\u{fffd}\u{fffd}界界")),
            ("633;E;\\xzz\\x1;n1", line("\\xzz\\x1")),
            ("633;L; two;n1", Some(Mark::NextLine(" two".to_owned()))),
            ("633;P;Cwd=/a b;n1", Some(Mark::Cwd("/a b".to_owned()))),
            // Without the nonce, with another, or of another kind: not ours.
            ("133;A", None),
            ("133;C;aid=n2", None),
            ("133;D;0", None),
            ("133;D;x;aid=n1", None),
            ("133;D;99999999999;aid=n1", None),
            ("133;Cn1", None),
            ("633;E;rm -rf /;n2", None),
            ("633;E;rm -rf /", None),
            ("633;En1", None),
            ("633;P;Task=1;n1", None),
            ("0;title n1", None),
            ("n1", None),
            ("", None),
        ] {
            assert_eq!(Mark::parse(body.as_bytes(), "n1"), expected, "{body}");
        }
        assert_eq!(Mark::parse(b"133;A;aid=", ""), None, "no nonce, no marks");
    }
}
