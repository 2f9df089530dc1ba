//! One shell on its terminal: the loop that reads what it prints, types what is typed, records, and shows.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep_until, timeout},
};
use workshop_wire::terminal::ServerMessage;

use super::{
    commands::{Change, Commands},
    flow::Reading,
    pty::Master,
    recorder::Recorder,
    screen::{Screen, Shown},
    session_log::SessionLog,
    shell::ShellSetup,
    viewer::{Arrival, Role, Viewers},
};
use workshop_sandbox::{Launcher, Running, Signal, TerminalSize};

/// Answers to programs wait for the shell to read them up to this many bytes; more are left out.
const MAX_ANSWERS: usize = 64 * 1024;
/// What a shell that has ended left in its terminal is shown up to this many bytes: others may print on.
const MAX_LAST_WORDS: usize = 1024 * 1024;
/// How long a shell has to end when the backend stops.
const GRACE: Duration = Duration::from_millis(500);

/// What sessions of one workspace have in common.
pub struct Setup {
    /// Starts the shells.
    pub launcher: Launcher,
    /// How a shell is started.
    pub shell: ShellSetup,
    /// Where things are told.
    pub log: Arc<SessionLog>,
}

/// What a viewer, or the backend, wants of a terminal.
#[derive(Debug)]
pub enum Request {
    /// Someone comes to look.
    Arrive(Arrival),
    /// They leave.
    Leave(u64),
    /// They type.
    Type(u64, Bytes),
    /// Their page has another size: columns and rows.
    Resize(u64, (u16, u16)),
    /// They have worked off so many bytes in all.
    Acknowledge(u64, u64),
    /// The backend stops.
    Close,
}

/// The viewers of a terminal and their requests: what stays when its shell ends.
pub struct Seats {
    /// The terminal's name.
    pub name: String,
    /// Who looks.
    pub viewers: Viewers,
    /// What they want.
    pub requests: mpsc::Receiver<Request>,
    /// Room for what is typed: given back as the shell takes it.
    pub room: Arc<Semaphore>,
    /// What others see of the terminal.
    pub status: Arc<Mutex<Status>>,
}

/// A terminal as a list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The shell session, the last one if none runs.
    pub session: String,
    /// The title that the program in it has set; empty if none.
    pub title: String,
    /// Whether its shell runs.
    pub running: bool,
}

impl Seats {
    /// Changes what others see.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What is left of a session when its shell has ended.
pub struct Ended {
    /// Its id.
    pub session: String,
    /// What it showed last.
    pub screen: Screen,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The shell's exit code; `None` when it never ran, or the backend stops.
    pub code: Option<i32>,
    /// The backend stops.
    pub closed: bool,
}

/// A running shell.
pub struct Session {
    id: String,
    log: Arc<SessionLog>,
    master: Master,
    running: Running,
    screen: Screen,
    size: (u16, u16),
    commands: Commands,
    recorder: Recorder,
    /// CLOCK_BOOTTIME of the opening.
    opened: Duration,
    /// What is to be typed, and how much of it is the viewers'.
    input: VecDeque<u8>,
    typed: usize,
    /// Nobody has the terminal open any more.
    hung_up: bool,
}

impl Session {
    /// Starts a shell.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn open(setup: &Setup, name: &str, (cols, rows): (u16, u16)) -> io::Result<Self> {
        let (id, nonce) = (random_hex::<8>()?, random_hex::<16>()?);
        let shell = &setup.shell.program;
        let recorder = Recorder::open(Arc::clone(&setup.log), &id, name, shell, (cols, rows)).await;
        let program = setup.shell.program(&nonce);
        let (master, running) =
            setup.launcher.spawn_on_terminal(&program, TerminalSize { rows, cols }).await?;
        // Together with the event, from which a reader counts; nothing was read from the shell before.
        let opened = boot_time();
        setup.log.session_opened(&id, name, recorder.cast());
        Ok(Self {
            id,
            log: Arc::clone(&setup.log),
            master: Master::new(master)?,
            running,
            screen: Screen::new(cols, rows, &nonce),
            size: (cols, rows),
            commands: Commands::default(),
            recorder,
            opened,
            input: VecDeque::new(),
            typed: 0,
            hung_up: false,
        })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs until the shell ends or the backend stops.
    pub async fn run(mut self, seats: &mut Seats) -> Ended {
        self.restore(None, seats);
        let mut read = Vec::new();
        loop {
            let pause = match seats.viewers.reading(Instant::now()) {
                Reading::Now => None,
                Reading::From(moment) => Some(moment.into()),
            };
            tokio::select! {
                request = seats.requests.recv() => match request {
                    None | Some(Request::Close) => return self.close(seats).await,
                    Some(request) => self.serve(request, seats),
                },
                got = self.master.read(&mut read), if pause.is_none() && !self.hung_up => {
                    self.hung_up = !matches!(got, Ok(1..));
                    self.show(&read, seats);
                    read.clear();
                }
                wrote = self.master.write(self.input.as_slices().0), if !self.input.is_empty() => {
                    // A terminal that takes nothing any more belongs to a shell that is ending.
                    self.written(wrote.unwrap_or(self.input.len()), seats);
                }
                exit = self.running.wait() => {
                    return self.finish(exit.ok().map(workshop_sandbox::Exit::shell_code), seats);
                }
                cast = self.recorder.resumable(self.size) => {
                    let screen = self.screen.dump();
                    self.recorder.resume(cast, &screen, self.at());
                }
                () = sleep_until(pause.unwrap_or_else(tokio::time::Instant::now)), if pause.is_some() => {}
            }
        }
    }

    fn serve(&mut self, request: Request, seats: &mut Seats) {
        match request {
            Request::Arrive(arrival) => {
                let (id, role) = (arrival.id, arrival.role);
                seats.viewers.arrive(arrival, Instant::now());
                self.follow_size(seats, Some(id));
                self.restore(Some(id), seats);
                if role == Role::Student {
                    self.log.connected(&self.id, id);
                }
            }
            Request::Leave(id) => {
                if seats.viewers.leave(id) == Some(Role::Student) {
                    self.log.disconnected(&self.id, id);
                }
                self.follow_size(seats, None);
            }
            Request::Type(id, bytes) => {
                if seats.viewers.types(id) {
                    self.follow_size(seats, None);
                    self.recorder.input(&bytes, self.master.hides_input(), self.at());
                    self.input.extend(&bytes);
                    self.typed += bytes.len();
                } else {
                    seats.room.add_permits(bytes.len());
                }
            }
            Request::Resize(id, size) => {
                seats.viewers.resize(id, size);
                self.follow_size(seats, Some(id));
                if self.size != size {
                    // Another page's size holds: this one draws the screen as it is.
                    let (cols, rows) = self.size;
                    seats.viewers.send(id, &ServerMessage::Size { cols, rows });
                }
            }
            Request::Acknowledge(id, total) => {
                if seats.viewers.acknowledge(id, total, Instant::now()) {
                    self.restore(Some(id), seats);
                }
            }
            Request::Close => {}
        }
    }

    /// Takes what the shell printed.
    fn show(&mut self, bytes: &[u8], seats: &mut Seats) {
        let (at, now) = (self.at(), Instant::now());
        let Self { id, log, screen, commands, recorder, input, .. } = self;
        let mut changes = Vec::new();
        screen.feed(bytes, &mut |shown| match shown {
            Shown::Text(text) => {
                recorder.output(text, at);
                seats.viewers.show(text, now);
            }
            Shown::Mark(mark) => {
                changes = commands.take(mark, at, || log.active_step());
                for change in changes.drain(..) {
                    tell(change, id, log, recorder, at);
                }
            }
            Shown::Answer(answer) if input.len() < MAX_ANSWERS => input.extend(answer.bytes()),
            Shown::Answer(_) => {}
        });
        let title = screen.title();
        seats.update(|status| {
            if status.title != title {
                title.clone_into(&mut status.title);
            }
        });
    }

    fn written(&mut self, n: usize, seats: &Seats) {
        self.input.drain(..n);
        let given_back = n.min(self.typed);
        self.typed -= given_back;
        seats.room.add_permits(given_back);
    }

    /// Sends a viewer, or all, the whole screen.
    fn restore(&mut self, id: Option<u64>, seats: &mut Seats) {
        let (cols, rows) = self.size;
        let (session, terminal) = (self.id.clone(), seats.name.clone());
        let restored = ServerMessage::Restored { session, terminal, cols, rows, running: true };
        seats.viewers.restore(id, &restored, &self.screen.dump(), Instant::now());
    }

    /// Takes the size of the one who typed last, and tells all others.
    fn follow_size(&mut self, seats: &Seats, but: Option<u64>) {
        let Some(size) = seats.viewers.size().filter(|size| *size != self.size) else { return };
        let (cols, rows) = size;
        self.size = size;
        self.screen.resize(cols, rows);
        self.recorder.resize(cols, rows, self.at());
        self.master.resize(cols, rows);
        seats.viewers.broadcast(&ServerMessage::Size { cols, rows }, but);
    }

    async fn close(mut self, seats: &mut Seats) -> Ended {
        self.running.signal_group(Signal::HUP);
        // It ends now or when its terminal hangs up.
        let _ = timeout(GRACE, self.running.wait()).await;
        Ended { closed: true, ..self.finish(None, seats) }
    }

    /// Shows and records what the shell left, and its end.
    fn finish(mut self, code: Option<i32>, seats: &mut Seats) -> Ended {
        let mut last = Vec::new();
        while last.len() < MAX_LAST_WORDS && matches!(self.master.read_now(&mut last), Ok((Some(1..), _))) {}
        self.show(&last, seats);
        let (at, now) = (self.at(), Instant::now());
        let Self { id, log, mut screen, mut commands, mut recorder, size, .. } = self;
        screen.finish(&mut |shown| {
            if let Shown::Text(text) = shown {
                recorder.output(text, at);
                seats.viewers.show(text, now);
            }
        });
        for change in commands.end(code, at) {
            tell(change, &id, &log, &mut recorder, at);
        }
        log.session_closed(&id, code);
        seats.room.add_permits(self.typed);
        Ended { session: id, screen, size, code, closed: false }
    }

    /// Time since the opening; sleep of the machine counts.
    fn at(&self) -> Duration {
        boot_time().saturating_sub(self.opened)
    }
}

fn tell(change: Change, session: &str, log: &SessionLog, recorder: &mut Recorder, at: Duration) {
    match change {
        Change::Began(cmd) => recorder.marker(&cmd, at),
        Change::Ended(ended) => log.command(session, ended),
    }
}

fn boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

/// So many random bytes, in hexadecimal.
fn random_hex<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
