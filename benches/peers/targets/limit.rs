//! What sockets cost: a program that holds sessions and copies octets from some to all others.
//!
//! It is this very program, started with other arguments, so that its use of the machine is accounted
//! like that of the others.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::{ADDRESS, PORT, Setup, Target, at_once};
use crate::generator::each_message;

/// The argument that makes this program a copier.
pub(crate) const ARGUMENT: &str = "--copy";

pub(crate) const TARGET: Target = Target {
    name: "limit",
    file: "/proc/self/exe",
    version: &[],
    prepare,
    ready: at_once,
};

fn prepare(setup: &Setup, _: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ARGUMENT).arg(setup.asn.to_string());
    for neighbour in &setup.neighbours[..setup.sources] {
        command.arg(neighbour.address.to_string());
    }
    Ok(command)
}

/// One session of the copier.
struct Session {
    stream: TcpStream,
    /// Whether what it says goes to the others.
    is_source: bool,
    is_established: bool,
    partial: Vec<u8>,
    outbox: VecDeque<(Arc<[u8]>, usize)>,
}

/// Copies until it is killed. Arguments: the AS, then the addresses whose octets are copied.
pub(crate) fn copy(arguments: &[String]) -> io::Result<()> {
    let asn: u32 = arguments
        .first()
        .and_then(|text| text.parse().ok())
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut copier = Copier {
        poll: Poll::new()?,
        sessions: Vec::new(),
        greeting: greeting(asn),
        said: Vec::new(),
        by: None,
    };
    let mut listener = TcpListener::bind(SocketAddr::from((ADDRESS, PORT)))?;
    let registry = copier.poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut room = vec![0; 256 << 10];
    loop {
        copier.poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                copier.accept(&listener, &arguments[1..])?;
                continue;
            }
            let Token(session) = event.token();
            if event.is_writable() {
                copier.flush(session);
            }
            if event.is_readable() {
                copier.read(session, &mut room);
            }
        }
        copier.pass_on();
    }
}

struct Copier {
    poll: Poll,
    /// By token; a closed session's place stays empty.
    sessions: Vec<Option<Session>>,
    greeting: Arc<[u8]>,
    /// What sources said since the last turn.
    said: Vec<u8>,
    /// Who said it, if only one did.
    by: Option<usize>,
}

impl Copier {
    fn accept(&mut self, listener: &TcpListener, sources: &[String]) -> io::Result<()> {
        loop {
            let (mut stream, from) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let token = Token(self.sessions.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, token, interest)?;
            self.sessions.push(Some(Session {
                stream,
                is_source: sources.contains(&from.ip().to_string()),
                is_established: false,
                partial: Vec::new(),
                outbox: VecDeque::from([(self.greeting.clone(), 0)]),
            }));
            self.flush(token.0);
        }
    }

    fn read(&mut self, number: usize, room: &mut [u8]) {
        loop {
            let Some(session) = &mut self.sessions[number] else {
                return;
            };
            match session.stream.read(room) {
                Ok(0) => self.sessions[number] = None,
                Ok(count) => {
                    let octets = session.take(&room[..count]);
                    if session.is_source && !octets.is_empty() {
                        let is_alone = self.said.is_empty() || self.by == Some(number);
                        self.by = is_alone.then_some(number);
                        self.said.extend_from_slice(&octets);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.sessions[number] = None,
            }
        }
    }

    /// Copies what was said to all; one that spoke among several hears itself, too.
    fn pass_on(&mut self) {
        if self.said.is_empty() {
            return;
        }
        let octets: Arc<[u8]> = std::mem::take(&mut self.said).into();
        let by = self.by;
        for to in (0..self.sessions.len()).filter(|to| by != Some(*to)) {
            if let Some(session) = &mut self.sessions[to]
                && session.is_established
            {
                session.outbox.push_back((octets.clone(), 0));
                if session.outbox.len() == 1 {
                    self.flush(to);
                }
            }
        }
    }

    fn flush(&mut self, number: usize) {
        if let Some(session) = &mut self.sessions[number]
            && session.flush().is_err()
        {
            self.sessions[number] = None;
        }
    }
}

impl Session {
    /// What came, without the octets that open the session; whole messages only, as each goes out
    /// between others.
    fn take(&mut self, octets: &[u8]) -> Vec<u8> {
        self.partial.extend_from_slice(octets);
        let whole = std::mem::take(&mut self.partial);
        let (mut routes, mut greeted) = (Vec::new(), self.is_established);
        let rest = each_message(&whole, |kind, message| {
            match kind {
                2 => routes.extend_from_slice(message),
                4 => greeted = true,
                _ => {}
            }
            Ok(())
        });
        self.partial = rest.map(<[u8]>::to_vec).unwrap_or_default();
        self.is_established = greeted;
        routes
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some((octets, at)) = self.outbox.front_mut() {
            match self.stream.write(&octets[*at..]) {
                Ok(count) => *at += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if *at == octets.len() {
                self.outbox.pop_front();
            }
        }
        Ok(())
    }
}

/// OPEN and KEEPALIVE.
fn greeting(asn: u32) -> Arc<[u8]> {
    let mut capabilities = vec![1, 4, 0, 1, 0, 1, 65, 4];
    capabilities.extend(asn.to_be_bytes());
    let mut open = vec![0xff; 16];
    open.extend([0, 43, 1, 4]);
    open.extend(u16::try_from(asn).unwrap_or(23_456).to_be_bytes());
    open.extend([0, 240]);
    open.extend(ADDRESS.octets());
    open.extend([14, 2, 12]);
    open.extend(capabilities);
    open.extend([0xff; 16]);
    open.extend([0, 19, 4]);
    open.into()
}

const LISTENER: Token = Token(usize::MAX - 1);
