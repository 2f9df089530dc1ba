//! What one student does, second by second of the class. Made a piece at a time, so that a thousand students take little
//! memory.

use std::collections::VecDeque;

use workshop_events::{Cause, Outcome, StateEvent, SwitchDone, SwitchKind, Tokens, Trigger};

use crate::act::{Act, Exchange};
use crate::events::{connected, disconnected, result, started};
use crate::random::Random;
use crate::student::{Habits, StudentKind};
use crate::typing;
use crate::workshop::{Failure, HARDEST, Line, TASKS, Task};

/// Seconds that a check takes in the workspace.
const CHECK: f64 = 0.3;

/// Where the student is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The workspace is there, the page not open.
    Before,
    /// Reading the step and typing its commands; this is the next.
    Working { line: usize },
    /// About to check, for so many times before.
    Checking { tries: u32 },
    /// Nothing more to do.
    Over,
}

pub(crate) struct Script {
    queue: VecDeque<(f64, Act)>,
    random: Random,
    kind: StudentKind,
    habits: Habits,
    length: f64,
    /// How far it is made, in seconds.
    clock: f64,
    phase: Phase,
    task: usize,
    /// The step in which an idle student stops, or one leaves.
    last_task: usize,
    session: String,
    client: String,
    /// How much more likely the next check passes, by the help that was read.
    helped: f64,
}

impl Script {
    pub(crate) fn new(kind: StudentKind, mut random: Random, length: f64) -> Self {
        let habits = Habits::of(kind, &mut random);
        let last_task = match kind {
            StudentKind::Idle => random.below(3),
            StudentKind::Leaves => 1 + random.below(3),
            _ => TASKS.len(),
        };
        let (session, client) = (random.id(), random.id());
        let (queue, phase) = (VecDeque::new(), Phase::Before);
        Self {
            queue,
            random,
            kind,
            habits,
            length,
            clock: 0.0,
            phase,
            task: 0,
            last_task,
            session,
            client,
            helped: 0.0,
        }
    }

    /// The next thing, if `due` says of its second that it has come.
    pub(crate) fn take_until(&mut self, due: impl Fn(f64) -> bool) -> Option<(f64, Act)> {
        while self.queue.is_empty() && self.phase != Phase::Over && due(self.clock) {
            self.go_on();
        }
        if due(self.queue.front()?.0) { self.queue.pop_front() } else { None }
    }

    /// Whether nothing more will come.
    pub(crate) fn over(&self) -> bool {
        self.phase == Phase::Over && self.queue.is_empty()
    }

    fn go_on(&mut self) {
        if self.clock > self.length {
            return self.end();
        }
        match self.phase {
            Phase::Before => self.begin(),
            Phase::Working { line } => self.work(line),
            Phase::Checking { tries } => self.check(tries),
            Phase::Over => {}
        }
    }

    fn begin(&mut self) {
        self.state(started(None));
        self.clock += 0.01;
        self.state(StateEvent::StepStart { step: TASKS[0].id.into(), cause: Cause::Initial });
        if self.kind == StudentKind::Absent {
            self.phase = Phase::Over;
            return;
        }
        self.wait(self.habits.comes);
        self.open();
        self.phase = Phase::Working { line: 0 };
    }

    /// The page is opened and gets a shell.
    fn open(&mut self) {
        self.act(Act::Open { session: self.session.clone() });
        self.clock += 0.02;
        self.state(connected(&self.session, &self.client));
        self.act(Act::Output(typing::prompt("/workspace")));
        self.state(StateEvent::StepViewed { step: self.now().id.into() });
    }

    /// One command of the step, with the thinking before it; after the last, the check.
    fn work(&mut self, line: usize) {
        let task = self.now();
        if line == 0 {
            let read = self.random.pause(45.0) * self.habits.pace;
            self.wait(read);
        }
        if self.kind == StudentKind::Idle && self.task == self.last_task && line == 4 {
            self.phase = Phase::Over;
            return;
        }
        if self.kind == StudentKind::Leaves && self.task == self.last_task && line == 7 {
            return self.give_up();
        }
        let Some(next) = task.lines.get(line) else {
            self.phase = Phase::Checking { tries: 0 };
            return;
        };
        self.think(14.0);
        if !self.random.chance(0.75 + 0.25 * self.habits.skill) {
            let slip = self.random.one(task.slips);
            self.run(slip);
            self.think(8.0);
        }
        self.run(next);
        if self.random.chance(0.004) {
            self.reload();
        }
        self.phase = Phase::Working { line: line + 1 };
    }

    /// A check by the student; when it fails, perhaps help, then the repair.
    fn check(&mut self, tries: u32) {
        let task = self.now();
        self.think(10.0);
        let stuck = self.kind == StudentKind::Stuck && self.task == HARDEST;
        let first = 1.0 - task.hard * (1.25 - self.habits.skill);
        let later = 0.35 + 0.25 * self.habits.skill + self.helped;
        let passes = !stuck && self.random.chance(if tries == 0 { first } else { later });
        if passes {
            self.state(result(task, &[], Trigger::Student));
            return self.pass();
        }
        let worst = stuck || self.random.chance(0.6);
        let at = if worst { 0 } else { self.random.below(task.failures.len()) };
        let failed = &task.failures[at..=at];
        self.state(result(task, failed, Trigger::Student));
        self.clock += CHECK;
        if stuck && tries >= 12 {
            return self.give_up();
        }
        if self.random.chance(0.25 + 0.5 * self.habits.asks) {
            self.help(task, tries);
        }
        self.repair(task, &failed[0], stuck);
        if tries == 3 && !stuck && self.random.chance(0.15) {
            return self.reset();
        }
        self.phase = Phase::Checking { tries: tries + 1 };
    }

    /// Tries things, and does what helps in the end; whoever is stuck does not find it.
    fn repair(&mut self, task: &'static Task, failure: &'static Failure, stuck: bool) {
        let attempts = if stuck { 2 } else { self.random.below(3) };
        for _ in 0..attempts {
            self.think(16.0);
            let slip = self.random.one(task.slips);
            self.run(slip);
        }
        if !stuck {
            self.think(14.0);
            self.run(&failure.fix);
        }
        if self.random.chance(0.3) {
            self.clock += 2.0;
            self.state(result(task, &task.failures[..1], Trigger::Periodic));
        }
    }

    /// Opens help: hints first, more the oftener the check failed.
    fn help(&mut self, task: &'static Task, tries: u32) {
        self.think(6.0);
        let by_model = self.random.chance(0.4);
        let (mode, helps) = match tries {
            0 | 1 if by_model || self.random.chance(0.7) => ("hints", 0.08),
            0..=2 => ("explain", 0.18),
            _ => ("solve", 0.45),
        };
        let source = if by_model { "llm" } else { "file" };
        self.state(StateEvent::HelpOpened { step: task.id.into(), mode: mode.into(), source: source.into() });
        if !by_model {
            self.helped = f64::max(self.helped, helps);
            return self.think(12.0);
        }
        let seconds = self.random.between(1.2, 6.0);
        self.wait(seconds);
        let outcome = match self.random.below(20) {
            0 => Outcome::Cancelled,
            1 => Outcome::Error,
            _ => Outcome::Done,
        };
        let response = match outcome {
            Outcome::Done => task.answer,
            Outcome::Cancelled => task.answer.split_once(". ").map_or(task.answer, |(first, _)| first),
            Outcome::Error => "",
        };
        if outcome == Outcome::Done {
            self.helped = f64::max(self.helped, helps + 0.15);
        }
        let tokens = Tokens {
            input: 900 + self.random.below(700) as u64,
            output: response.split_whitespace().count() as u64 * 4 / 3,
        };
        let question = if self.random.chance(0.7) { task.question } else { "" };
        let step = task.id;
        self.act(Act::Help(Exchange { step, mode, question, response, tokens, seconds, outcome }));
        self.think(15.0);
    }

    fn pass(&mut self) {
        self.helped = 0.0;
        self.think(5.0);
        self.task += 1;
        if self.task == TASKS.len() {
            return self.end();
        }
        let step = self.now().id;
        self.state(StateEvent::StepStart { step: step.into(), cause: Cause::Navigate });
        self.state(StateEvent::StepViewed { step: step.into() });
        self.phase = Phase::Working { line: 0 };
    }

    /// The browser loses its connection and comes back.
    fn reload(&mut self) {
        self.state(disconnected(&self.session, &self.client));
        let away = self.random.between(1.0, 40.0);
        self.wait(away);
        self.client = self.random.id();
        self.state(connected(&self.session, &self.client));
    }

    /// Asks for the step's beginning: another container takes the volume.
    fn reset(&mut self) {
        let step = self.now().id;
        let request = self.random.id();
        let kind = SwitchKind::Reset;
        self.state(StateEvent::SwitchRequested { step: step.into(), kind, request: request.clone().into() });
        self.wait(1.5);
        self.state(disconnected(&self.session, &self.client));
        self.act(Act::Close { session: self.session.clone(), exit: None });
        self.wait(2.0);
        let image = self.task.checked_sub(1).map_or("step-0", |before| TASKS[before].id);
        let done = SwitchDone { request: request.into(), kind, step: step.into() };
        self.state(started(Some((image, done))));
        self.clock += 0.01;
        self.state(StateEvent::StepStart { step: step.into(), cause: Cause::Reset });
        self.wait(1.0);
        (self.session, self.client) = (self.random.id(), self.random.id());
        self.open();
        self.phase = Phase::Working { line: 0 };
    }

    /// Closes the page; the shell goes on and nobody comes back.
    fn give_up(&mut self) {
        self.think(30.0);
        self.state(disconnected(&self.session, &self.client));
        self.phase = Phase::Over;
    }

    fn end(&mut self) {
        self.think(10.0);
        self.act(Act::Output("exit\r\n".to_owned()));
        self.act(Act::Close { session: self.session.clone(), exit: Some(0) });
        self.clock += 0.5;
        self.state(disconnected(&self.session, &self.client));
        self.phase = Phase::Over;
    }

    /// Types a command and has it run.
    fn run(&mut self, line: &'static Line) {
        let step = self.now().id;
        let cwd = if step == "small-service" { "/workspace/service" } else { "/workspace" };
        for (taken, keys) in typing::keys(line.cmd, self.habits.key, &mut self.random) {
            self.clock += taken;
            self.act(Act::Output(keys));
        }
        let began = self.clock;
        self.act(Act::Marker(line.cmd));
        self.clock += line.runs;
        if !line.output.is_empty() {
            self.act(Act::Output(typing::shown(line.output)));
        }
        self.act(Act::Command { began, line, step, cwd });
        self.act(Act::Output(typing::prompt(cwd)));
    }

    fn now(&self) -> &'static Task {
        &TASKS[self.task.min(TASKS.len() - 1)]
    }

    fn think(&mut self, usual: f64) {
        let pause = self.random.pause(usual) * self.habits.pace;
        self.wait(pause);
    }

    fn wait(&mut self, seconds: f64) {
        self.clock += seconds;
    }

    fn state(&mut self, event: StateEvent<'static>) {
        self.act(Act::State(event));
    }

    fn act(&mut self, act: Act) {
        self.queue.push_back((self.clock, act));
    }
}
