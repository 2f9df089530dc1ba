//! The audit as a page for people.

use std::fmt::Write as _;

use super::findings::Finding;
use super::report::Report;
use crate::paint::{self, Paint, count, shown, size};

/// The whole page.
pub(super) fn text(title: &str, report: &Report, paint: Paint) -> String {
    let mut page = format!("{}\n", paint.bold(title));
    if let Some(created) = report.created {
        let _ = writeln!(page, "{}", paint.dim(format_args!("taken by a backend first on {created}")));
    }
    page.push('\n');
    let _ = writeln!(
        page,
        "{}",
        paint.dim(format_args!("  {:<34} {:>8} {:>10}  {}", "STREAM", "RECORDS", "SIZE", "LAST RECORD"))
    );
    for stream in &report.streams {
        let last = stream.last.map_or_else(|| "–".to_owned(), |last| last.to_string());
        row(
            &mut page,
            paint,
            stream.wrong,
            &format!("{:<34}", stream.file),
            stream.records,
            stream.bytes,
            &last,
        );
    }
    for recording in &report.recordings {
        let length = paint::duration((recording.seconds * 1000.0) as u64);
        let window = match (recording.columns, recording.rows) {
            (Some(columns), Some(rows)) => format!("{length}, {columns}×{rows}"),
            _ => length,
        };
        let name = format!("{:<34}", shown(&recording.file));
        row(&mut page, paint, recording.wrong, &name, recording.events, recording.bytes, &window);
    }
    page.push('\n');
    list(&mut page, &report.findings, report.wrong, |place| paint.red(place));
    list(&mut page, &report.notes, report.noted, |place| paint.dim(place));
    let notes = match report.noted {
        0 => String::new(),
        noted => format!(", {}", count(noted, "note")),
    };
    let _ = match report.wrong {
        0 => writeln!(page, "{} Nothing is wrong{notes}.", paint.green("✓")),
        wrong => writeln!(page, "{} {} found{notes}.", paint.red("✗"), count(wrong, "fault")),
    };
    page
}

fn row(page: &mut String, paint: Paint, wrong: u64, name: &str, records: u64, bytes: u64, last: &str) {
    let mark = if wrong == 0 { paint.green("✓") } else { paint.red("✗") };
    let _ = writeln!(page, "{mark} {name} {records:>8} {:>10}  {last}", size(bytes));
}

fn list(page: &mut String, findings: &[Finding], total: u64, colour: impl Fn(String) -> String) {
    for finding in findings {
        let place = match finding.offset {
            Some(offset) => format!("{} at byte {offset}:", shown(&finding.file)),
            None => format!("{}:", shown(&finding.file)),
        };
        let _ = writeln!(page, "{} {}", colour(place), shown(&finding.message));
    }
    if total > findings.len() as u64 {
        let _ = writeln!(page, "… and {} more", total - findings.len() as u64);
    }
    if total > 0 {
        page.push('\n');
    }
}
