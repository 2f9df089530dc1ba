//! The fuzz targets: functions from any bytes, which must neither panic nor break what they assert.
//!
//! libFuzzer calls them through `fuzz_targets/`, the tests over the saved corpus in `corpus/<target>/`.

// A panic is how a target says no.
#![allow(clippy::panic)]

use workshop_backend::terminal::osc::Mark;
use workshop_backend::terminal::scanner::{Piece, Scanner};
use workshop_events::cast::{self, CastEvent, Header};
use workshop_events::{Commands, Finding, Kind, Llm, State, StreamReader};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] =
    &[("lines", lines), ("cast", cast), ("sequences", sequences), ("definition", definition)];

/// The readers of the JSONL streams: what they read does not depend on how the bytes arrive.
pub fn lines(data: &[u8]) {
    let Some((&[kind, cut, ..], bytes)) = data.split_at_checked(2) else { return };
    match kind % 3 {
        0 => any_split::<State>(bytes, usize::from(cut)),
        1 => any_split::<Commands>(bytes, usize::from(cut)),
        _ => any_split::<Llm>(bytes, usize::from(cut)),
    }
}

/// Reads `bytes` at once and in pieces of `piece` bytes; both must give the same.
fn any_split<K: Kind>(bytes: &[u8], piece: usize) {
    let whole = read::<K>([bytes]);
    let pieces = read::<K>(bytes.chunks(piece.max(1)));
    assert_eq!(whole, pieces, "read in pieces of {piece} bytes");
    let order: Vec<u64> = whole.0.iter().map(|(seq, _)| *seq).collect();
    assert!(order.is_sorted_by(|a, b| a < b), "records out of order or twice: {order:?}");
}

type Reading = (Vec<(u64, String)>, Vec<Finding>);

fn read<'a, K: Kind>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let mut reader = StreamReader::<K>::new(None);
    let mut records = Vec::new();
    for piece in pieces {
        reader.feed(piece, |item| records.push((item.seq, item.line.to_owned())));
    }
    reader.catch_up(|item| records.push((item.seq, item.line.to_owned())));
    reader.report_torn();
    (records, reader.take_findings())
}

/// The reader of casts: what it lets through is whole valid lines, and an event that is written again reads the same.
pub fn cast(data: &[u8]) {
    let whole = cast::whole_lines(data);
    let Ok(text) = std::str::from_utf8(&data[..whole]) else { panic!("let through what is no UTF-8") };
    let mut lines = text.split_inclusive('\n');
    let Some(header) = lines.next() else { return };
    assert!(Header::parse(header).is_ok(), "let through a header that does not read");
    for line in lines {
        let Ok(event) = CastEvent::parse(line) else { panic!("let through {line:?}") };
        let mut again = Vec::new();
        event.write_line(&mut again);
        let Ok(again) = std::str::from_utf8(&again) else { panic!("wrote no UTF-8: {again:?}") };
        let Ok(read) = CastEvent::parse(again) else { panic!("wrote {again:?} for {line:?}") };
        assert_eq!((read.code, &read.data), (event.code, &event.data), "wrote {again:?} for {line:?}");
    }
}

/// The scanner of terminal output: what it finds does not depend on how the bytes arrive, and it takes out only what
/// carries the nonce.
pub fn sequences(data: &[u8]) {
    const NONCE: &str = "5e55104e";
    let Some((&cut, output)) = data.split_first() else { return };
    let whole = scan(NONCE, [output]);
    assert_eq!(whole, scan(NONCE, output.chunks(usize::from(cut).max(1))), "read in pieces of {cut} bytes");
    if !output.windows(NONCE.len()).any(|window| window == NONCE.as_bytes()) {
        assert_eq!(whole, (output.to_vec(), Vec::new()), "changed output that carries no nonce");
    }
}

/// All output, and the marks with where in it they stood.
type Scan = (Vec<u8>, Vec<(usize, Mark)>);

fn scan<'a>(nonce: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Scan {
    let mut scanner = Scanner::new(nonce);
    let (mut output, mut marks) = Scan::default();
    let mut sink = |piece: Piece<'_>| match piece {
        Piece::Output(bytes) => output.extend_from_slice(bytes),
        Piece::Control(_) => (),
        Piece::Mark(mark) => marks.push((output.len(), mark)),
    };
    for piece in pieces {
        scanner.feed(piece, &mut sink);
    }
    scanner.finish(&mut sink);
    (output, marks)
}

/// The YAML front end: it answers with problems, each of them at a place in the file.
pub fn definition(data: &[u8]) {
    let Err(problems) = workshop_definition::parse_bytes("workshop.yaml", data) else { return };
    assert!(problems.len() > 0, "refused without a problem");
    let lines = data.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() + 1;
    for problem in problems.iter() {
        assert!(!problem.message.is_empty(), "a problem that says nothing: {problem:?}");
        let (line, column) = (problem.line, problem.column);
        assert!((1..=lines).contains(&line) && column >= 1, "outside of {lines} lines: {problem:?}");
    }
}
