//! `deploy/vector/vector.yaml` against the endpoint that it posts to.

use std::path::Path;

use workshop_dashboard::ingest::body::{MAX_BODY, MAX_LINES};
use workshop_events::Stream;
use workshop_events::codec::MAX_LINE;

/// What follows `key:` in the file.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let mut lines = text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
    lines.next().unwrap_or_else(|| panic!("no {key}")).trim()
}

#[test]
fn what_vector_is_told_fits_the_endpoint() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/vector/vector.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    for (key, expected) in [
        ("read_from", "beginning"),
        ("file_key", "file"),
        ("only_fields", "[message, file]"),
        ("codec", "json"),
        ("method", "post"),
    ] {
        assert_eq!(value(&text, key), expected, "{key}");
    }
    for part in
        ["strategy: device_and_inode", "strategy: bearer", "method: newline_delimited", "enabled: true"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("/ingest/vector/<workspace>"));
    for stream in Stream::ALL {
        assert!(text.contains(&format!("/{}\n", stream.file_name())), "{stream:?}");
    }
    let number = |key: &str| value(&text, key).parse::<usize>().unwrap();
    assert!(number("max_line_bytes") > MAX_LINE);
    // A control character takes six bytes in JSON; a body that is too long would be dropped.
    assert!(6 * number("max_bytes") < MAX_BODY);
    assert!(6 * number("max_line_bytes") < MAX_BODY);
    assert!(number("max_events") < MAX_LINES);
}
