//! The master side of a session's terminal.

use std::{io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use tokio::io::unix::AsyncFd;

use workshop_sandbox::polled;

/// One read of the session's loop takes at most this much.
pub const MAX_READ: usize = 64 * 1024;

/// The master of a terminal. When it is dropped, the terminal hangs up.
pub struct Master(AsyncFd<OwnedFd>);

impl Master {
    /// Takes the descriptor of a master.
    ///
    /// # Errors
    /// The runtime cannot wait for it.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        polled(descriptor).map(Self)
    }

    /// Waits for output and appends what is there to `out`, at most [`MAX_READ`] bytes. 0 when the terminal was closed
    /// by all who had it. Loses nothing when it is cancelled.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read(&self, out: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            let (read, drained) = self.read_now(out)?;
            if drained {
                ready.clear_ready();
            }
            if let Some(read) = read {
                return Ok(read);
            }
        }
    }

    /// Appends what is there to `out`, without waiting: how much, 0 at the end, `None` when there is nothing; and
    /// whether nothing more is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_now(&self, out: &mut Vec<u8>) -> io::Result<(Option<usize>, bool)> {
        let before = out.len();
        while out.len() - before < MAX_READ {
            let room = MAX_READ - (out.len() - before);
            out.reserve(room);
            let got = rustix::io::read(self.0.get_ref(), rustix::buffer::spare_capacity(out));
            let so_far = (out.len() > before).then(|| out.len() - before);
            match got {
                Ok(1..) => {}
                // EIO is how a master learns that nobody has the terminal open any more.
                Ok(0) | Err(Errno::IO) => return Ok((so_far.or(Some(0)), so_far.is_none())),
                Err(Errno::AGAIN) => return Ok((so_far, true)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok((Some(out.len() - before), false))
    }

    /// Waits until the terminal takes input, and gives it some of `bytes`. Answers how many. May be cancelled.
    ///
    /// # Errors
    /// What the system says.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|fd| rustix::io::write(fd.get_ref(), bytes).map_err(io::Error::from)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(outcome) => return outcome,
                Err(_would_block) => {}
            }
        }
    }

    /// Changes the size; the foreground programs are told.
    pub fn resize(&self, cols: u16, rows: u16) {
        let size = Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        // It cannot fail on a terminal, and a size that is not taken harms nothing.
        let _ = tcsetwinsize(self.0.get_ref(), size);
    }

    /// Whether what is typed now is not to be seen: the terminal reads whole lines and does not echo them.
    pub fn hides_input(&self) -> bool {
        tcgetattr(self.0.get_ref()).is_ok_and(|attributes| {
            attributes.local_modes & (LocalModes::ICANON | LocalModes::ECHO) == LocalModes::ICANON
        })
    }
}
