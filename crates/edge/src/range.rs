//! Range requests: which part of a resource a client wants, and the answer that carries it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Problem;

/// What a Range header wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// Everything: no range, several, or none that can be understood.
    Whole,
    /// From the first to before the second byte.
    Part(u64, u64),
    /// Nothing that is there.
    Outside,
}

/// What a request gets of a resource: the bytes from `first` to before `end`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Offset of the first byte.
    pub first: u64,
    /// Offset after the last byte.
    pub end: u64,
    len: u64,
    status: StatusCode,
}

impl Part {
    /// Reads the Range header for a resource that has `len` bytes so far.
    ///
    /// # Errors
    /// It has nothing of that range.
    pub fn of(headers: &HeaderMap, len: u64) -> Result<Self, Outside> {
        let header = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        match header.map_or(Range::Whole, |header| parse(header, len)) {
            Range::Whole => Ok(Self { first: 0, end: len, len, status: StatusCode::OK }),
            Range::Part(first, end) => Ok(Self { first, end, len, status: StatusCode::PARTIAL_CONTENT }),
            Range::Outside => Err(Outside { len }),
        }
    }

    /// The answer with these bytes.
    pub fn answer(self, content_type: &'static str, bytes: Body) -> Response {
        let mut response = (self.status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.end - self.first));
        if self.status == StatusCode::PARTIAL_CONTENT
            && let Ok(value) = format!("bytes {}-{}/{}", self.first, self.end - 1, self.len).try_into()
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        response
    }
}

/// A request for a range of which the resource has nothing; answered 416.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    len: u64,
}

impl IntoResponse for Outside {
    fn into_response(self) -> Response {
        let len = self.len;
        let detail = format!("It has {len} bytes so far.");
        let problem =
            Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "Nothing in that range", detail);
        ([(header::CONTENT_RANGE, format!("bytes */{len}"))], problem).into_response()
    }
}

fn parse(header: &str, len: u64) -> Range {
    let Some((unit, range)) = header.split_once('=') else { return Range::Whole };
    let Some((first, last)) = range.split_once('-') else { return Range::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Range::Whole;
    }
    let (first, end) = match (number(first), number(last)) {
        (Number::Is(first), Number::Missing) => (first, len),
        (Number::Is(first), Number::Is(last)) if first <= last => (first, last.saturating_add(1).min(len)),
        (Number::Missing, Number::Is(suffix)) => (len - suffix.min(len), len),
        _ => return Range::Whole,
    };
    if first < end { Range::Part(first, end) } else { Range::Outside }
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
    use super::{Range, parse};

    #[test]
    fn ranges() {
        let check = |text: &str, expected| assert_eq!(parse(text, 100), expected, "{text}");
        check("bytes=0-", Range::Part(0, 100));
        check("bytes=0-0", Range::Part(0, 1));
        check("Bytes = 10 - 19", Range::Part(10, 20));
        check("bytes=90-500", Range::Part(90, 100));
        check("bytes=99-99999999999999999999999", Range::Part(99, 100));
        check("bytes=-30", Range::Part(70, 100));
        check("bytes=-500", Range::Part(0, 100));
        for outside in ["bytes=100-", "bytes=200-300", "bytes=-0", "bytes=99999999999999999999-"] {
            check(outside, Range::Outside);
        }
        for whole in
            ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=x-y", "bytes=-", "bytes", "bytes=+1-2", ""]
        {
            check(whole, Range::Whole);
        }
        assert_eq!(parse("bytes=0-", 0), Range::Outside);
        assert_eq!(parse("bytes=-5", 0), Range::Outside);
    }
}
