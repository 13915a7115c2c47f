//! One end of a session, as the target's neighbour.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use super::expect::Heard;
use super::parse::{HEADER, next_message};

/// Octets ready to be sent, to one or many.
pub(crate) type Octets = Arc<Vec<u8>>;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No connection, none wanted.
    Down,
    /// The connection is on its way.
    Connecting,
    /// OPEN is sent, the target's is not there yet.
    Opening,
    /// The target's OPEN is there, its KEEPALIVE not.
    Confirming,
    /// Routes may pass.
    Established,
}

/// A neighbour of the target.
pub(crate) struct Speaker {
    pub(crate) address: Ipv4Addr,
    pub(crate) asn: u32,
    pub(crate) state: State,
    /// What it has heard, if it listens.
    pub(crate) heard: Option<Heard>,
    /// Whether it reads at all.
    pub(crate) reads: bool,
    pub(crate) stream: Option<TcpStream>,
    pub(crate) outbox: VecDeque<(Octets, usize)>,
    /// The beginning of a message whose end has not come.
    pub(crate) partial: Vec<u8>,
    /// Octets of its own that went out since it was established.
    pub(crate) sent: u64,
}

impl Speaker {
    pub(crate) fn new(address: Ipv4Addr, asn: u32) -> Self {
        Self {
            address,
            asn,
            state: State::Down,
            heard: None,
            reads: true,
            stream: None,
            outbox: VecDeque::new(),
            partial: Vec::new(),
            sent: 0,
        }
    }

    /// Begins to connect.
    pub(crate) fn connect(&mut self, target: SocketAddr) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((self.address, 0)).into())?;
        match socket.connect(&target.into()) {
            Err(error) if error.raw_os_error() != Some(EINPROGRESS) => return Err(error),
            _ => {}
        }
        self.stream = Some(TcpStream::from_std(socket.into()));
        self.state = State::Connecting;
        self.partial.clear();
        self.outbox.clear();
        Ok(())
    }

    /// Sends the OPEN once the connection is there.
    pub(crate) fn open(&mut self) {
        self.state = State::Opening;
        let open = open(self.asn, self.address);
        self.outbox.push_back((Arc::new(open), 0));
    }

    /// Writes what can be written, `most` octets at most; whether there was room left for more.
    pub(crate) fn flush(&mut self, most: usize) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        let mut written = 0;
        while let Some((octets, at)) = self.outbox.front_mut() {
            match stream.write(&octets[*at..]) {
                Ok(count) => {
                    *at += count;
                    written += count;
                    self.sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if *at == octets.len() {
                self.outbox.pop_front();
            }
            if written >= most {
                return Ok(!self.outbox.is_empty());
            }
        }
        Ok(false)
    }

    /// Reads once into `room`, after what is left of the last time; how much there is in all, `None`
    /// where nothing came.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let before = self.partial.len();
        loop {
            match stream.read(&mut room[before..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    room[..before].copy_from_slice(&self.partial);
                    self.partial.clear();
                    return Ok(Some(before + count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in what is no UPDATE.
    ///
    /// # Errors
    /// A NOTIFICATION, in words.
    pub(crate) fn hear(&mut self, kind: u8, message: &[u8]) -> Result<(), String> {
        match (kind, self.state) {
            (1, State::Opening) => {
                self.state = State::Confirming;
                self.outbox.push_back((Arc::new(keepalive()), 0));
            }
            (4, State::Confirming) => {
                self.state = State::Established;
                self.sent = 0;
            }
            (3, _) => return Err(format!("NOTIFICATION {:02x?}", &message[HEADER..])),
            _ => {}
        }
        Ok(())
    }
}

/// The messages of `octets`, each handed over with its type; what is left at the end.
pub(crate) fn each_message<'a>(
    octets: &'a [u8],
    mut take: impl FnMut(u8, &'a [u8]) -> Result<(), String>,
) -> Result<&'a [u8], String> {
    let mut rest = octets;
    while let Some((kind, length)) = next_message(rest)? {
        take(kind, &rest[..length])?;
        rest = &rest[length..];
    }
    Ok(rest)
}

/// A KEEPALIVE.
pub(crate) fn keepalive() -> Vec<u8> {
    message(4, &[])
}

fn open(asn: u32, router_id: Ipv4Addr) -> Vec<u8> {
    // IPv4 unicast, route refresh, numbers of four octets.
    let mut capabilities = vec![1, 4, 0, 1, 0, 1, 2, 0, 65, 4];
    capabilities.extend(asn.to_be_bytes());
    let count = u8::try_from(capabilities.len()).expect("few");
    let mut body = vec![4];
    body.extend(u16::try_from(asn).unwrap_or(23_456).to_be_bytes());
    body.extend(HOLD_TIME.to_be_bytes());
    body.extend(router_id.octets());
    body.extend([count + 2, 2, count]);
    body.extend(capabilities);
    message(1, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).expect("short");
    let mut message = vec![0xff; 16];
    message.extend(length.to_be_bytes());
    message.push(kind);
    message.extend(body);
    message
}

const EINPROGRESS: i32 = 115;
/// Seconds; longer than any scenario leaves a speaker alone.
const HOLD_TIME: u16 = 240;
