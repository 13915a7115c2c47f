//! One TCP connection to the daemon, played by hand; every octet received is checked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::checker::{self, Route, Rules};
use crate::octets::{KEEPALIVE, NOTIFICATION, OPEN, Octets, UPDATE, hex};
use crate::stage::Stage;

/// How long anything may take that ends well; a passing test never waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// What has arrived on a connection.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The body of the daemon's OPEN.
    pub(crate) open: Option<Octets>,
    pub(crate) keepalives: u32,
    pub(crate) updates: u32,
    /// Code, subcode and data.
    pub(crate) notification: Option<Octets>,
    /// The connection is gone.
    pub(crate) ended: bool,
    /// The routes told and not withdrawn, by prefix as it stands in NLRI.
    pub(crate) routes: HashMap<Octets, Route>,
    /// What was wrong with what the daemon sent.
    pub(crate) complaints: Vec<String>,
}

impl Seen {
    /// Takes the first complaint out that concerns `stage`; those of others are for the witnesses.
    pub(crate) fn complaint(&mut self, stage: &Stage) -> Option<String> {
        let at = self
            .complaints
            .iter()
            .position(|complaint| stage.concerns(complaint))?;
        Some(self.complaints.swap_remove(at))
    }

    /// How the connection ended, for messages of tests.
    pub(crate) fn end(&self) -> String {
        match (&self.notification, self.ended) {
            (Some(octets), _) => {
                format!(
                    "NOTIFICATION {}/{} [{}]",
                    octets[0],
                    octets[1],
                    hex(&octets[2..])
                )
            }
            (None, true) => "closed without a NOTIFICATION".to_owned(),
            (None, false) => "up".to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// A connection; closed when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Connection {
    /// Connects to the daemon at `to` from one of our addresses, and listens.
    pub(crate) fn dial(from: IpAddr, to: IpAddr, rules: Rules) -> std::io::Result<Self> {
        Ok(Self::on(connect(from, to)?, rules))
    }

    /// Listens on a stream that is there already.
    pub(crate) fn on(stream: TcpStream, rules: Rules) -> Self {
        let shared = Arc::new(Shared::default());
        let (reader, shared_too) = (stream.try_clone(), Arc::clone(&shared));
        thread::spawn(move || {
            if let Ok(reader) = reader {
                listen(reader, rules, &shared_too);
            }
            shared_too.lock().ended = true;
            shared_too.changed.notify_all();
        });
        Self { stream, shared }
    }

    /// Writes octets; that the other side has closed will be seen by reading.
    pub(crate) fn send(&self, octets: &[u8]) {
        let _ = (&self.stream).write_all(octets);
    }

    /// What has arrived so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.lock()
    }

    /// Waits until `wanted` finds what it looks for; `None` once patience ends.
    pub(crate) fn wait<T>(&self, wanted: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        self.wait_for(PATIENCE, wanted)
    }

    /// [`Self::wait`] with another patience.
    pub(crate) fn wait_for<T>(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(&Seen) -> Option<T>,
    ) -> Option<T> {
        let until = now() + patience;
        let mut seen = self.seen();
        loop {
            if let Some(found) = wanted(&seen) {
                return Some(found);
            }
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(seen, left);
            seen = waited.expect("no reader panics while it holds the lock").0;
        }
    }

    /// Waits for the end and says how it came.
    pub(crate) fn end(&self) -> String {
        self.wait(|seen| seen.ended.then_some(()));
        self.seen().end()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may be closed already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .expect("no reader panics while it holds the lock")
    }
}

/// A TCP connection from one of our addresses, with nobody reading.
pub(crate) fn connect(from: IpAddr, to: IpAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(SocketAddr::new(to, 179)),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&SocketAddr::new(to, 179).into(), Duration::from_secs(5))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

fn listen(mut reader: TcpStream, rules: Rules, shared: &Shared) {
    let mut unread = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        unread.extend_from_slice(&buffer[..count]);
        let mut at = 0;
        let mut seen = shared.lock();
        loop {
            match checker::length(rules, &unread[at..]) {
                Ok(Some(length)) => {
                    take(&mut seen, rules, &unread[at..at + length]);
                    at += length;
                }
                Ok(None) => break,
                Err(complaint) => {
                    seen.complaints.push(complaint);
                    return;
                }
            }
        }
        drop(seen);
        shared.changed.notify_all();
        unread.drain(..at);
    }
    if !unread.is_empty() {
        shared
            .lock()
            .complaints
            .push(format!("half a message at the end: {}", hex(&unread)));
    }
}

fn take(seen: &mut Seen, rules: Rules, message: &[u8]) {
    if seen.notification.is_some() {
        seen.complaints
            .push(format!("a message behind NOTIFICATION: {}", hex(message)));
    }
    let (kind, body) = (message[18], &message[19..]);
    if seen.open.is_none() && !matches!(kind, OPEN | NOTIFICATION) {
        seen.complaints
            .push(format!("before OPEN: {}", hex(message)));
    }
    match checker::check(rules, message) {
        Ok(changes) => {
            for prefix in changes.withdrawn {
                seen.routes.remove(&prefix);
            }
            seen.routes.extend(changes.announced);
        }
        Err(complaint) => seen.complaints.push(complaint),
    }
    match kind {
        OPEN => seen.open = Some(body.to_vec()),
        KEEPALIVE => seen.keepalives += 1,
        UPDATE => seen.updates += 1,
        NOTIFICATION => seen.notification = Some(body.to_vec()),
        _ => {}
    }
}

/// The clock, for patience.
#[expect(
    clippy::disallowed_methods,
    reason = "tests of real processes run in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
