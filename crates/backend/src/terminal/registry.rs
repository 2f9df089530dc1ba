//! The terminals of a workspace, by name. Each outlives its shells: a shell that has ended is started anew by a key.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use workshop_wire::{backend::TerminalView, terminal::ServerMessage};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use super::{
    outbox::{Frame, Outbox},
    screen::Screen,
    session::{Ended, Request, Seats, Session, Setup, Status},
    session_log::SessionLog,
    shell::{Scripts, ShellSetup},
    viewer::{Arrival, Role, Viewers},
};
use crate::workspace::Workspace;
use workshop_sandbox::Launcher;

/// Terminals of one workspace, at most.
const MAX_TERMINALS: usize = 16;
/// Bytes that are typed and not yet taken by the shell, at most; then a browser's socket is not read.
const MAX_TYPED: usize = 1024 * 1024;
/// What is typed is handed on in pieces of this size.
const MAX_PIECE: usize = 4 * 1024;
/// Requests that wait for a terminal.
const MAX_REQUESTS: usize = 256;

/// What terminals are made of.
pub struct Settings {
    /// Where what happens is told.
    pub workspace: Workspace,
    /// Starts the shells.
    pub launcher: Launcher,
    /// The shell, such as `/bin/bash`.
    pub shell: String,
    /// Whether shells run in a sandbox, which has the integration scripts in its `/etc`.
    pub sandbox: bool,
    /// The author's variables, by name and value.
    pub author_env: Vec<(String, String)>,
    /// Where a shell starts.
    pub directory: PathBuf,
    /// A cast ends at so many bytes; 0 is no limit.
    pub cast_limit: u64,
}

/// Why there is no seat at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// Not `[a-z0-9-]{1,32}`.
    #[error("a terminal's name has 1 to 32 of a-z, 0-9 and -")]
    Name,
    /// An instructor looks for one that no student has opened.
    #[error("there is no such terminal")]
    NotFound,
    /// There are as many as there may be.
    #[error("there are {MAX_TERMINALS} terminals already")]
    TooMany,
    /// The backend stops, or has no random numbers.
    #[error("no terminal can be opened now")]
    Unavailable,
}

/// A handle; clones are the same terminals.
#[derive(Clone)]
pub struct Terminals(Arc<Inner>);

struct Inner {
    setup: Arc<Setup>,
    terminals: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_name: BTreeMap<String, Terminal>,
    closed: bool,
}

struct Terminal {
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    status: Arc<Mutex<Status>>,
    task: JoinHandle<()>,
}

impl Terminals {
    /// No terminals yet: the first viewer of each opens it. Call it in a runtime.
    ///
    /// # Errors
    /// The integration scripts are not there and cannot be placed.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let Settings { workspace, launcher, shell: program, sandbox, author_env, directory, cast_limit } =
            settings;
        let scripts = if sandbox { Scripts::installed() } else { Scripts::find_or_place()? };
        let env = [launcher.base_env(), author_env].concat();
        let shell = ShellSetup { program, scripts: Arc::new(scripts), env, cwd: directory };
        let setup = Arc::new(Setup { launcher, shell, log: SessionLog::new(workspace, cast_limit) });
        Ok(Self(Arc::new(Inner { setup, terminals: Mutex::default() })))
    }

    /// Takes a seat at a terminal; a student opens it.
    ///
    /// # Errors
    /// There is none, or there can be none.
    pub async fn attach(&self, name: &str, role: Role, size: (u16, u16)) -> Result<Seat, AttachError> {
        let outbox = Outbox::default();
        let id = getrandom::u64().map_err(|_| AttachError::Unavailable)?;
        let (requests, room) = self.find_or_open(name, role)?;
        let arrival = Arrival { id, role, size, outbox: outbox.clone() };
        requests.send(Request::Arrive(arrival)).await.map_err(|_| AttachError::Unavailable)?;
        Ok(Seat { id, outbox, requests, room })
    }

    /// All terminals, by name.
    pub fn list(&self) -> Vec<TerminalView> {
        let view = |(name, terminal): (&String, &Terminal)| {
            let Status { session, title, running } =
                terminal.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            TerminalView { name: name.clone(), session, title, running }
        };
        self.open().by_name.iter().map(view).collect()
    }

    /// Ends all shells, and waits until what they did is in the log. There are no terminals after this.
    pub async fn shut_down(&self) {
        let terminals = {
            let mut open = self.open();
            open.closed = true;
            std::mem::take(&mut open.by_name)
        };
        for terminal in terminals.values() {
            // One that does not listen is ended with the runtime.
            let _ = terminal.requests.try_send(Request::Close);
        }
        for (name, terminal) in terminals {
            drop((terminal.requests, terminal.room));
            if let Err(error) = terminal.task.await {
                tracing::error!(%error, name, "a terminal broke");
            }
        }
        self.0.setup.log.flush().await;
    }

    fn find_or_open(
        &self,
        name: &str,
        role: Role,
    ) -> Result<(mpsc::Sender<Request>, Arc<Semaphore>), AttachError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(AttachError::Name);
        }
        let mut open = self.open();
        if open.closed {
            return Err(AttachError::Unavailable);
        }
        // A terminal that broke is opened anew.
        open.by_name.retain(|_, terminal| !terminal.task.is_finished());
        if let Some(terminal) = open.by_name.get(name) {
            return Ok((terminal.requests.clone(), Arc::clone(&terminal.room)));
        }
        match role {
            Role::Instructor => return Err(AttachError::NotFound),
            Role::Student if open.by_name.len() >= MAX_TERMINALS => return Err(AttachError::TooMany),
            Role::Student => {}
        }
        let (requests, receiver) = mpsc::channel(MAX_REQUESTS);
        let room = Arc::new(Semaphore::new(MAX_TYPED));
        let status = Arc::new(Mutex::new(Status::default()));
        let seats = Seats {
            name: name.to_owned(),
            viewers: Viewers::default(),
            requests: receiver,
            room: Arc::clone(&room),
            status: Arc::clone(&status),
        };
        let task = tokio::spawn(serve(Arc::clone(&self.0.setup), seats));
        let terminal = Terminal { requests: requests.clone(), room: Arc::clone(&room), status, task };
        open.by_name.insert(name.to_owned(), terminal);
        Ok((requests, room))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.terminals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's place at a terminal.
pub struct Seat {
    id: u64,
    outbox: Outbox,
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
}

impl Seat {
    /// What is to be sent to the viewer.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Types. Waits while the shell does not take what was typed before.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn type_bytes(&self, mut bytes: Bytes) -> Result<(), AttachError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(MAX_PIECE));
            let len = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            self.room.acquire_many(len).await.map_err(|_| AttachError::Unavailable)?.forget();
            self.request(Request::Type(self.id, piece)).await?;
        }
        Ok(())
    }

    /// The page has another size.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn resize(&self, size: (u16, u16)) -> Result<(), AttachError> {
        self.request(Request::Resize(self.id, size)).await
    }

    /// The page has worked off so many bytes in all.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn acknowledge(&self, total: u64) -> Result<(), AttachError> {
        self.request(Request::Acknowledge(self.id, total)).await
    }

    /// Leaves.
    pub async fn leave(self) {
        // A terminal that is gone has no viewers.
        let _ = self.requests.send(Request::Leave(self.id)).await;
    }

    async fn request(&self, request: Request) -> Result<(), AttachError> {
        self.requests.send(request).await.map_err(|_| AttachError::Unavailable)
    }
}

/// A terminal: one session after the other, and its viewers in between.
async fn serve(setup: Arc<Setup>, mut seats: Seats) {
    // The first viewer says how large it is.
    let mut size = loop {
        match seats.requests.recv().await {
            Some(Request::Arrive(arrival)) => {
                let size = arrival.size;
                seats.viewers.arrive(arrival, Instant::now());
                break size;
            }
            Some(Request::Close) | None => return,
            Some(_) => {}
        }
    };
    loop {
        let mut ended = match Session::open(&setup, &seats.name, size).await {
            Ok(session) => {
                let id = session.id().to_owned();
                seats.update(|status| *status = Status { session: id, title: String::new(), running: true });
                for client in seats.viewers.students() {
                    setup.log.connected(session.id(), client);
                }
                session.run(&mut seats).await
            }
            Err(error) => not_started(&error, size, &mut seats),
        };
        seats.update(|status| status.running = false);
        seats.viewers.broadcast(&ServerMessage::Exit { code: ended.code }, None);
        if ended.closed || !wait_for_key(&setup, &mut ended, &mut seats).await {
            seats.viewers.close();
            return;
        }
        size = seats.viewers.size().unwrap_or(ended.size);
    }
}

/// Says on the screen that there is no shell.
fn not_started(error: &io::Error, size: (u16, u16), seats: &mut Seats) -> Ended {
    tracing::error!(%error, terminal = seats.name, "the shell cannot be started");
    let mut screen = Screen::new(size.0, size.1, "");
    screen.note(&format!("The shell cannot be started: {error}.\r\nPress a key to try again.\r\n"));
    let mut ended = Ended { session: String::new(), screen, size, code: None, closed: false };
    restore(None, &mut ended, seats);
    ended
}

/// Serves the viewers of a shell that has ended, until a student presses a key. False when the backend stops.
async fn wait_for_key(setup: &Setup, ended: &mut Ended, seats: &mut Seats) -> bool {
    while let Some(request) = seats.requests.recv().await {
        match request {
            Request::Arrive(arrival) => {
                let (id, role, outbox) = (arrival.id, arrival.role, arrival.outbox.clone());
                seats.viewers.arrive(arrival, Instant::now());
                restore(Some(id), ended, seats);
                outbox.push(Frame::Message(ServerMessage::Exit { code: ended.code }));
                if role == Role::Student {
                    setup.log.connected(&ended.session, id);
                }
            }
            Request::Leave(id) => {
                if seats.viewers.leave(id) == Some(Role::Student) {
                    setup.log.disconnected(&ended.session, id);
                }
            }
            Request::Type(id, bytes) => {
                seats.room.add_permits(bytes.len());
                if seats.viewers.types(id) {
                    return true;
                }
            }
            Request::Resize(id, size) => seats.viewers.resize(id, size),
            Request::Acknowledge(id, total) => {
                if seats.viewers.acknowledge(id, total, Instant::now()) {
                    restore(Some(id), ended, seats);
                }
            }
            Request::Close => return false,
        }
    }
    false
}

fn restore(id: Option<u64>, ended: &mut Ended, seats: &mut Seats) {
    let (cols, rows) = ended.size;
    let (session, terminal) = (ended.session.clone(), seats.name.clone());
    let restored = ServerMessage::Restored { session, terminal, cols, rows, running: false };
    seats.viewers.restore(id, &restored, &ended.screen.dump(), Instant::now());
}
