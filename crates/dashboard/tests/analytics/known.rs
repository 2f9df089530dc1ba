//! What the files of a class say, read without the dashboard, its fold or its tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use workshop_events::{Commands, Llm, Outcome, State, StateEvent, Trigger};
use workshop_journal::replay_dir;
use workshop_simulator::SimulatedStudent;

/// A check by the student.
pub(crate) struct Check {
    seq: u64,
    ts: i64,
    step: String,
    passed: bool,
    failed: Vec<String>,
}

pub(crate) struct Command {
    pub(crate) step: String,
    pub(crate) cmd: String,
    pub(crate) exit: i32,
}

pub(crate) struct Student {
    pub(crate) simulated: SimulatedStudent,
    /// Whether the page was ever open.
    pub(crate) came: bool,
    pub(crate) clients: usize,
    /// The steps as they became active, with when.
    starts: Vec<(String, i64)>,
    pub(crate) checks: Vec<Check>,
    /// Opened help: its `seq`, step and mode.
    pub(crate) helps: Vec<(u64, String, String)>,
    pub(crate) commands: Vec<Command>,
    /// Whole answers of the language model: when, step, mode.
    answers: Vec<(i64, String, String)>,
    last: i64,
}

/// The students and number of times of each failed test, by step and title.
pub(crate) fn failures(students: &[Student]) -> BTreeMap<(String, String), (BTreeSet<&str>, i64)> {
    let mut failures: BTreeMap<_, (BTreeSet<&str>, i64)> = BTreeMap::new();
    for student in students {
        for check in &student.checks {
            for title in &check.failed {
                let (of, times) = failures.entry((check.step.clone(), title.clone())).or_default();
                of.insert(student.name());
                *times += 1;
            }
        }
    }
    failures
}

impl Student {
    pub(crate) fn read(simulated: &SimulatedStudent) -> Self {
        let mut student = Self {
            simulated: simulated.clone(),
            came: false,
            clients: 0,
            starts: Vec::new(),
            checks: Vec::new(),
            helps: Vec::new(),
            commands: Vec::new(),
            answers: Vec::new(),
            last: 0,
        };
        let log = Some(simulated.log);
        replay_dir::<State>(&simulated.dir, log, |item| {
            let ts = item.record.ts.as_millis();
            student.last = student.last.max(ts);
            student.event(item.record.seq.unwrap(), ts, &item.record.event);
        })
        .unwrap();
        replay_dir::<Commands>(&simulated.dir, log, |item| {
            let record = item.record;
            student.last = student.last.max(record.ts.as_millis());
            let [step, cmd] = [record.step.unwrap(), record.cmd].map(String::from);
            student.commands.push(Command { step, cmd, exit: record.exit.unwrap() });
        })
        .unwrap();
        replay_dir::<Llm>(&simulated.dir, log, |item| {
            let record = item.record;
            student.last = student.last.max(record.ts.as_millis());
            if record.outcome == Outcome::Done {
                let [step, mode] = [record.step, record.mode].map(String::from);
                student.answers.push((record.ts.as_millis(), step, mode));
            }
        })
        .unwrap();
        student
    }

    fn event(&mut self, seq: u64, ts: i64, event: &StateEvent<'_>) {
        match event {
            StateEvent::Connected { .. } => (self.came, self.clients) = (true, self.clients + 1),
            StateEvent::Disconnected { .. } => self.clients -= 1,
            StateEvent::StepStart { step, .. } => self.starts.push((step.to_string(), ts)),
            StateEvent::HelpOpened { step, mode, .. } => {
                self.helps.push((seq, step.to_string(), mode.to_string()));
            }
            StateEvent::GossResult { step, passed, trigger: Trigger::Student, failed, .. } => {
                let failed = failed.iter().map(|test| test.title.to_string()).collect();
                self.checks.push(Check { seq, ts, step: step.to_string(), passed: *passed, failed });
            }
            _ => {}
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.simulated.name
    }

    pub(crate) fn active(&self) -> Option<&str> {
        self.starts.last().map(|(step, _)| step.as_str())
    }

    pub(crate) fn started(&self, step: &str) -> bool {
        self.starts.iter().any(|(started, _)| started == step)
    }

    pub(crate) fn passed(&self, step: &str) -> bool {
        self.completed().contains(step)
    }

    pub(crate) fn completed(&self) -> BTreeSet<&str> {
        self.checks.iter().filter(|check| check.passed).map(|check| check.step.as_str()).collect()
    }

    fn checks_of<'s>(&'s self, step: &'s str) -> impl Iterator<Item = &'s Check> {
        self.checks.iter().filter(move |check| check.step == step)
    }

    pub(crate) fn first_check(&self, step: &str) -> Option<bool> {
        self.checks_of(step).next().map(|check| check.passed)
    }

    /// In the step that they are in, with the last one failed.
    pub(crate) fn fails_three_times(&self) -> bool {
        let Some(step) = self.active() else { return false };
        let last = self.checks_of(step).last().is_some_and(|check| !check.passed);
        !self.passed(step) && last && self.checks_of(step).count() >= 3
    }

    /// Seconds in a step, each time it was active, up to the last thing that happened.
    pub(crate) fn seconds_in(&self, step: &str) -> f64 {
        let ends = self.starts.iter().skip(1).map(|(_, ts)| *ts).chain([self.last]);
        let times = self.starts.iter().zip(ends).filter(|((started, _), _)| started == step);
        times.map(|((_, from), to)| (to - from) as f64 / 1000.0).sum()
    }

    /// Seconds since the last thing that happened, so many seconds from now.
    pub(crate) fn silent_for(&self, after: i64) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        now + after as f64 - self.last as f64 / 1000.0
    }

    /// The most that was opened between a failed check and the next of that step, and whether that one passed.
    pub(crate) fn retries(&self) -> Vec<(&str, bool)> {
        let mut retries = Vec::new();
        for step in workshop_simulator::step_ids() {
            let checks: Vec<&Check> = self.checks_of(step).collect();
            for pair in checks.windows(2).filter(|pair| !pair[0].passed) {
                let between = |seq: u64| pair[0].seq < seq && seq < pair[1].seq;
                let opened: Vec<&str> = self
                    .helps
                    .iter()
                    .filter(|(seq, of, _)| of == step && between(*seq))
                    .map(|(_, _, mode)| mode.as_str())
                    .collect();
                let most = ["solve", "explain", "hints"].into_iter().find(|mode| opened.contains(mode));
                retries.push((most.unwrap_or("none"), pair[1].passed));
            }
        }
        retries
    }

    /// The mode of each whole answer, and whether the next check of its step passed.
    pub(crate) fn answers(&self) -> Vec<(&str, Option<bool>)> {
        let next =
            |ts: i64, step: &str| self.checks_of(step).find(|check| check.ts >= ts).map(|check| check.passed);
        self.answers.iter().map(|(ts, step, mode)| (mode.as_str(), next(*ts, step))).collect()
    }

    /// The last commands of the step that is active.
    pub(crate) fn last_commands(&self, most: usize) -> Vec<&str> {
        let commands = self.commands.iter().filter(|command| Some(command.step.as_str()) == self.active());
        let commands: Vec<&str> = commands.map(|command| command.cmd.as_str()).collect();
        commands[commands.len().saturating_sub(most)..].to_vec()
    }
}
