//! One TCP connection: what has been read of it and what waits to be written.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use tokio::net::TcpStream;

use super::arrival::Arrival;
use super::outbox::Outbox;
use crate::fsm::{CloseReason, ConnectionId};
use crate::wire::Framer;

/// Octets read at a time of what nobody wants to know any more.
const AWAY_OCTETS: usize = 64 * 1024;

/// Reads of what nobody wants any more, in one go.
const READS_AWAY: usize = 8;

/// A connection and its buffers.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) framer: Framer,
    pub(crate) outbox: Outbox,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// Set once the machine has asked to close: what is queued is written until this time, then what
    /// the peer still sends is read away so that the last message is not lost to a TCP reset.
    pub(crate) closing: Option<Instant>,
    /// Set from an accepted connection's arrival to its OPEN.
    pub(super) arrival: Option<Arrival>,
    finished_writing: bool,
    stream: TcpStream,
}

/// What can be done on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Readable,
    Writable,
}

impl Connection {
    /// Wraps a connected socket.
    ///
    /// # Errors
    /// The system's, where the socket is no longer connected.
    pub(crate) fn new(id: ConnectionId, stream: TcpStream) -> io::Result<Self> {
        Ok(Self {
            id,
            framer: Framer::default(),
            outbox: Outbox::default(),
            local: stream.local_addr()?,
            remote: stream.peer_addr()?,
            closing: None,
            arrival: None,
            finished_writing: false,
            stream,
        })
    }

    /// Waits for bytes (unless `paused`) or for room to write what waits.
    pub(crate) fn poll_ready(&self, context: &mut Context<'_>, paused: bool) -> Poll<Readiness> {
        if !paused && self.stream.poll_read_ready(context).is_ready() {
            return Poll::Ready(Readiness::Readable);
        }
        if !self.outbox.is_empty() && self.stream.poll_write_ready(context).is_ready() {
            return Poll::Ready(Readiness::Writable);
        }
        Poll::Pending
    }

    /// Reads so many octets at most into the framer, which has room from `scratch` until
    /// [`Connection::leave_rest`]; `None` where nothing was there.
    pub(crate) fn read(
        &mut self,
        scratch: BytesMut,
        octets: usize,
    ) -> Option<Result<(), CloseReason>> {
        let buffer = self.framer.buffer();
        let rest = std::mem::replace(buffer, scratch);
        buffer.clear();
        buffer.reserve(rest.len() + octets);
        buffer.extend_from_slice(&rest);
        match self.stream.try_read_buf(&mut buffer.limit(octets)) {
            Ok(0) => Some(Err(CloseReason::EndOfStream)),
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(CloseReason::Error(error.to_string()))),
        }
    }

    /// Gives the framer's room back; what is not a whole message yet stays, in no more than it takes.
    pub(crate) fn leave_rest(&mut self) -> BytesMut {
        let buffer = self.framer.buffer();
        let rest = BytesMut::from(&buffer[..]);
        std::mem::replace(buffer, rest)
    }

    /// Writes what waits, as far as the kernel takes it; returns how many octets that were.
    pub(crate) fn write(&mut self) -> Result<usize, CloseReason> {
        let mut taken = 0;
        while !self.outbox.is_empty() {
            match self.stream.try_write_vectored(&self.outbox.slices()) {
                Ok(written) => {
                    self.outbox.advance(written);
                    taken += written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(CloseReason::Error(error.to_string())),
            }
        }
        Ok(taken)
    }

    /// Goes on with an orderly close; `true` once the connection can be dropped.
    pub(crate) fn close_step(&mut self, now: Instant) -> bool {
        if self.closing.is_none_or(|until| now >= until) || self.write().is_err() {
            return true;
        }
        if !self.outbox.is_empty() {
            return false;
        }
        if !std::mem::replace(&mut self.finished_writing, true)
            && socket2::SockRef::from(&self.stream)
                .shutdown(std::net::Shutdown::Write)
                .is_err()
        {
            return true;
        }
        let mut away = BytesMut::with_capacity(AWAY_OCTETS);
        for _ in 0..READS_AWAY {
            away.clear();
            match self.stream.try_read_buf(&mut away) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        false
    }
}
