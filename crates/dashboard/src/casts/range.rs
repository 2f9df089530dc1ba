//! What a Range header asks for.

/// Part of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: no range, several, or none that can be understood.
    Whole,
    /// From the first to before the second byte.
    Part(u64, u64),
    /// Nothing that is there.
    Outside,
}

/// Reads the header for a resource of `len` bytes.
pub(super) fn asked(header: &str, len: u64) -> Asked {
    let Some((unit, range)) = header.split_once('=') else { return Asked::Whole };
    let Some((first, last)) = range.split_once('-') else { return Asked::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let (first, end) = match (number(first), number(last)) {
        (Number::Is(first), Number::Missing) => (first, len),
        (Number::Is(first), Number::Is(last)) if first <= last => (first, last.saturating_add(1).min(len)),
        (Number::Missing, Number::Is(suffix)) => (len - suffix.min(len), len),
        _ => return Asked::Whole,
    };
    if first < end { Asked::Part(first, end) } else { Asked::Outside }
}

enum Number {
    Missing,
    Is(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    let text = text.trim();
    if text.is_empty() {
        return Number::Missing;
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Number::Wrong;
    }
    // A number too large for us is beyond every end.
    Number::Is(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked};

    #[test]
    fn ranges() {
        let check = |text: &str, expected| assert_eq!(asked(text, 100), expected, "{text}");
        check("bytes=0-", Asked::Part(0, 100));
        check("bytes=0-0", Asked::Part(0, 1));
        check("Bytes = 10 - 19", Asked::Part(10, 20));
        check("bytes=90-500", Asked::Part(90, 100));
        check("bytes=99-99999999999999999999999", Asked::Part(99, 100));
        check("bytes=-30", Asked::Part(70, 100));
        check("bytes=-500", Asked::Part(0, 100));
        for outside in ["bytes=100-", "bytes=200-300", "bytes=-0", "bytes=99999999999999999999-"] {
            check(outside, Asked::Outside);
        }
        for whole in
            ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=x-y", "bytes=-", "bytes", "bytes=+1-2", ""]
        {
            check(whole, Asked::Whole);
        }
        assert_eq!(asked("bytes=0-", 0), Asked::Outside);
        assert_eq!(asked("bytes=-5", 0), Asked::Outside);
    }
}
