//! Audits a stream of JSON lines: what reading it finds wrong, and whether its times go on.

use std::io;
use std::path::Path;

use serde::Serialize;
use workshop_events::codec::{self, Checksum};
use workshop_events::{FindingKind, Item, Kind, LogId, StateEvent, Stream, Timestamp};

use super::findings::Findings;

/// At most this many steps of the clock are remembered; a machine whose clock is set back more often has other worries.
const MAX_STEPS: usize = 10_000;

/// What a stream holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamReport {
    pub(super) stream: &'static str,
    pub(super) file: &'static str,
    pub(super) bytes: u64,
    /// Records that count.
    pub(super) records: u64,
    /// The highest `seq`.
    pub(super) highest: u64,
    /// Lines that repeat an earlier one, as the writer does after a failed sync.
    pub(super) repeats: u64,
    /// Records without a checksum: another tool wrote them.
    pub(super) unchecked: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Timestamp>,
    /// How many findings are about this file.
    pub(super) wrong: u64,
    /// How many of them are of reading it.
    #[serde(skip)]
    pub(super) unread: u64,
}

/// When the clock was set back, as the state stream tells it.
#[derive(Debug, Default)]
pub(super) struct ClockSteps(Vec<(Timestamp, Timestamp)>);

impl ClockSteps {
    /// Whether going back from one time to another is one of these steps.
    fn explain(&self, before: Timestamp, after: Timestamp) -> bool {
        self.0.iter().any(|(from, to)| *from >= before && *to <= after)
    }
}

/// A record of the state stream that tells a step of the clock.
fn clock_step(line: &str, stream: Stream) -> Option<(Timestamp, Timestamp)> {
    if stream != Stream::State || !line.contains("clock_stepped") {
        return None;
    }
    match workshop_events::StateRecord::from_line(line).ok()?.event {
        StateEvent::ClockStepped { from, to } => Some((from, to)),
        _ => None,
    }
}

/// Audits one stream. `each` looks at the sense of a record.
pub(super) fn audit<K: Kind>(
    folder: &Path,
    log: Option<LogId>,
    clock: &mut ClockSteps,
    findings: &mut Findings,
    mut each: impl FnMut(&Item<'_, K>, &mut Findings),
) -> io::Result<StreamReport> {
    let file = K::STREAM.file_name();
    let (mut records, mut unchecked) = (0, 0);
    let mut first = None;
    let mut before: Option<Timestamp> = None;
    let recovered = workshop_journal::replay_dir::<K>(folder, log, |item| {
        records += 1;
        unchecked += u64::from(codec::checksum(item.line.as_bytes()).0 == Checksum::Absent);
        let ts = K::ts(&item.record);
        first.get_or_insert(ts);
        if let Some((from, to)) = clock_step(item.line, K::STREAM) {
            findings.note(
                file,
                Some(item.offset),
                "clock_stepped",
                format!("the clock went back from {from} to {to}"),
            );
            if clock.0.len() < MAX_STEPS {
                clock.0.push((from, to));
            }
        }
        if let Some(before) = before
            && ts < before
            && !clock.explain(before, ts)
        {
            let message =
                format!("the time goes back from {before} to {ts}, and no clock_stepped tells of it");
            findings.wrong(file, Some(item.offset), "time", message);
        }
        before = Some(ts);
        each(&item, findings);
    })?;
    for finding in &recovered.findings {
        let mut message = match finding.kind {
            FindingKind::Gap { from, to } if from == to => format!("record {from} is missing"),
            ref kind => kind.to_string(),
        };
        if finding.len > 0 && !matches!(finding.kind, FindingKind::Gap { .. } | FindingKind::Conflict(_)) {
            message = format!("{message} ({} bytes)", finding.len);
        }
        findings.wrong(file, Some(finding.offset), word(&finding.kind), message);
    }
    findings.more(file, recovered.findings_total - recovered.findings.len() as u64);
    if recovered.repeats > 0 {
        let message = format!(
            "{} repeat an earlier one: a writer wrote them again after a failed sync",
            crate::paint::count(recovered.repeats, "line")
        );
        findings.note(file, None, "repeats", message);
    }
    if log.is_some() && unchecked > 0 {
        let message = format!(
            "{} without a checksum: another tool wrote them",
            crate::paint::count(unchecked, "record")
        );
        findings.note(file, None, "unchecked", message);
    }
    Ok(StreamReport {
        stream: K::STREAM.name(),
        file,
        bytes: recovered.len,
        records,
        highest: recovered.highest,
        repeats: recovered.repeats,
        unchecked,
        first,
        last: recovered.last_ts,
        wrong: findings.wrong_in(file),
        unread: recovered.findings_total,
    })
}

fn word(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::Malformed(_) => "malformed",
        FindingKind::Corrupt => "checksum",
        FindingKind::Zeros => "zeros",
        FindingKind::TooLong => "too_long",
        FindingKind::Torn => "torn",
        FindingKind::Foreign(_) => "foreign",
        FindingKind::Conflict(_) => "conflict",
        FindingKind::Gap { .. } => "gap",
    }
}
