//! What the backend and the sandbox's first process say to each other: one JSON value a packet, with descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::descriptors::polled;
use crate::program::{Exit, Program, TerminalSize};

/// The longest packet in bytes. The kernel's default socket buffer holds one of these.
const MAX_PACKET: usize = 128 * 1024;

/// The most descriptors in a packet: a program's three pipes.
const MAX_DESCRIPTORS: usize = 3;

/// From the backend.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Start a program: on a terminal of this size, or on pipes.
    Spawn { id: u64, program: Program, terminal: Option<TerminalSize> },
    /// Send a signal, by its number, to the process group of the program that was started as `id`.
    Signal { id: u64, signal: i32 },
}

/// From the sandbox's first process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The sandbox is ready.
    Ready,
    /// The program runs. With descriptors: the terminal's master, or our ends of stdin, stdout and stderr.
    Started { id: u64 },
    /// The program could not be started.
    Failed { id: u64, errno: Option<i32>, message: String },
    /// The program ended.
    Exited { id: u64, exit: Exit },
}

/// A packet ready to be sent.
#[derive(Debug)]
pub(crate) struct Packet(Vec<u8>);

/// One end of the connection.
pub(crate) struct Socket(AsyncFd<OwnedFd>);

impl Packet {
    /// # Errors
    /// The value is longer than a packet may be.
    pub(crate) fn new(value: &impl Serialize) -> io::Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        if bytes.len() > MAX_PACKET {
            let message =
                format!("the program's arguments and environment are longer than {MAX_PACKET} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(Self(bytes))
    }
}

impl Socket {
    pub(crate) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        Ok(Self(polled(descriptor)?))
    }

    pub(crate) async fn send(&self, packet: &Packet, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let send = |socket: &OwnedFd| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            sendmsg(socket, &[IoSlice::new(&packet.0)], &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        };
        self.0.async_io(Interest::WRITABLE, send).await
    }

    /// The next packet and its descriptors, or none at the end of the connection.
    pub(crate) async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut buffer = vec![0; MAX_PACKET];
        let (length, descriptors) =
            self.0.async_io(Interest::READABLE, |socket| receive(socket, &mut buffer)).await?;
        if length == 0 {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&buffer[..length])?, descriptors)))
    }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of the sandbox was cut"));
    }
    Ok((received.bytes, descriptors))
}
