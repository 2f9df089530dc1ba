//! Texts of a record as columns hold them.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// What stands in an index has to fit its pages: longer texts are cut. No step or event of ours comes near it.
const MAX_KEY: usize = 256;

/// The text with U+2400 for every U+0000, which Postgres refuses.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{2400}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A text that columns are found by: one too long for an index is cut, and told from others by a hash.
pub fn key(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_KEY {
        return shown(text);
    }
    let hash = Sha256::digest(text.as_bytes());
    let end = text.floor_char_boundary(MAX_KEY);
    Cow::Owned(format!("{}…{}", shown(&text[..end]), hex::encode(&hash[..8])))
}

/// Numbers of a record are unsigned; a column holds at most this.
pub fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As [`bigint`], for smaller columns.
pub fn integer(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(shown("a\0b"), "a\u{2400}b");
        assert_eq!(key("step-1"), "step-1");
        let (one, other) = (key(&"é".repeat(400)).into_owned(), key(&"é".repeat(401)).into_owned());
        assert_ne!(one, other);
        assert!(one.starts_with(&"é".repeat(128)) && one.len() < 300, "{one}");
    }

    #[test]
    fn numbers() {
        assert_eq!(bigint(u64::MAX), i64::MAX);
        assert_eq!(integer(u32::MAX), i32::MAX);
        assert_eq!(integer(7usize), 7);
    }
}
