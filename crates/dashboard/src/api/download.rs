//! Tables as downloads: CSV or JSON, written as they are read.

use crate::error::ApiError;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use workshop_wire::dashboard::Format;

/// Rows that are read at once.
pub(crate) const BATCH: i64 = 1000;

/// A row of a table.
pub(crate) trait Row: Serialize + Send + 'static {
    /// The names of its columns in CSV.
    const NAMES: &'static [&'static str];
    /// Its cells, in that order.
    fn cells(&self) -> Vec<Cell>;
}

/// A cell of CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// What somebody wrote. A spreadsheet must not take it for a formula.
    Text(String),
    /// A number, a time, a truth value: ours.
    Plain(String),
    /// Nothing.
    Empty,
}

impl Cell {
    /// What somebody may have written.
    pub(crate) fn text(text: Option<&String>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.clone()))
    }

    /// What has a form of its own.
    pub(crate) fn plain(value: impl ToString) -> Self {
        Self::Plain(value.to_string())
    }

    /// What has a form of its own, and may be absent.
    pub(crate) fn maybe(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Empty, |value| Self::Plain(value.to_string()))
    }

    /// As it stands in CSV. A text that a spreadsheet would compute begins with `'`. Some spreadsheets skip leading blanks.
    fn written(self) -> String {
        match self {
            Self::Text(text)
                if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) =>
            {
                format!("'{text}")
            }
            Self::Text(text) if text.starts_with(['\t', '\r', '\n']) => format!("'{text}"),
            Self::Text(text) | Self::Plain(text) => text,
            Self::Empty => String::new(),
        }
    }
}

/// The download of what comes in `batches`. The first of them decides whether there is one.
///
/// # Errors
/// The first batch could not be read.
pub(crate) async fn download<R: Row>(
    name: &str,
    format: Format,
    batches: impl Stream<Item = Result<Vec<R>, sqlx::Error>> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut batches = Box::pin(batches);
    let first = match batches.next().await {
        Some(first) => first?,
        None => Vec::new(),
    };
    let rest = stream::iter([Ok(first)]).chain(batches);
    let (kind, ending, body) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv", Body::from_stream(csv_text(rest))),
        Format::Json => ("application/json", "json", Body::from_stream(json_text(rest))),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// What makes an answer end in the middle: whoever downloads sees that something is missing.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Tells Excel that a CSV file is UTF-8; without it, Excel assumes the system's legacy code page.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn csv_text<R: Row>(
    batches: impl Stream<Item = Result<Vec<R>, sqlx::Error>> + Send,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
    let mut named = false;
    batches.map(move |batch| {
        let mut text = Vec::new();
        if !named {
            text.extend_from_slice(BYTE_ORDER_MARK);
        }
        let mut writer = csv::Writer::from_writer(text);
        if !named {
            named = true;
            writer.write_record(R::NAMES)?;
        }
        for row in batch? {
            writer.write_record(row.cells().into_iter().map(Cell::written))?;
        }
        Ok(writer.into_inner().map(Bytes::from).map_err(|error| error.to_string())?)
    })
}

fn json_text<R: Row>(
    batches: impl Stream<Item = Result<Vec<R>, sqlx::Error>> + Send,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
    let mut begun = false;
    let rows = batches.map(move |batch| {
        let mut text = Vec::new();
        for row in batch? {
            text.extend_from_slice(if begun { b",\n" } else { b"[\n" });
            begun = true;
            serde_json::to_writer(&mut text, &row)?;
        }
        Ok::<_, Broken>((Bytes::from(text), begun))
    });
    // The end has to know whether anything came before it.
    async_stream::stream! {
        let mut rows = std::pin::pin!(rows);
        let mut begun = false;
        while let Some(next) = rows.next().await {
            match next {
                Ok((text, some)) => {
                    begun = some;
                    yield Ok(text);
                }
                Err(error) => {
                    yield Err(error);
                    return;
                }
            }
        }
        yield Ok(Bytes::from_static(if begun { b"\n]\n" } else { b"[]\n" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Cell::Text(text.to_owned()).written(), expected);
        };
        check("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")");
        check("+1", "'+1");
        check("-rf", "'-rf");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check(" =1", "' =1");
        check("\n=1", "'\n=1");
        check("\u{a0}@SUM(A1)", "'\u{a0}@SUM(A1)");
        check("＝1", "'＝1");
        check("\nls", "'\nls");
        check("ls -la", "ls -la");
        check(" ls", " ls");
        check("", "");
        assert_eq!(Cell::plain(-1).written(), "-1");
    }
}
