//! Incoming connections: accepted, matched to a peer by address, handed over.
//!
//! A listening socket demands the TCP-MD5 keys of its peers ([`super::keys`]). They are set before it
//! listens and changed under the lock under which connections are accepted: what came under an earlier
//! key is thrown away, so that none reaches a session by a key, or without one, that its plan does not
//! say.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::arrival::{Arrivals, Incoming};
use super::driver::DriverCommand;
use super::keys::{KeyRing, Keys};
use super::socket::{self, SocketTerms};
use super::sockopt;
use super::spec::PeerSpec;
use super::throttle::Throttle;
use crate::clock;

/// Pause after a failure to bind or to accept, so that neither spins.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections without an OPEN beyond two a session.
const ARRIVALS_BESIDE: usize = 64;

/// The sessions that accept connections, by the peer's address. Several share one where it is
/// link-local on several interfaces.
pub type Acceptors = Arc<HashMap<IpAddr, Vec<Acceptor>>>;

/// A session that accepts connections.
#[derive(Clone, Debug)]
pub struct Acceptor {
    commands: mpsc::Sender<DriverCommand>,
    terms: SocketTerms,
}

impl Acceptor {
    /// Hands what a peer opens to its session.
    pub fn new(spec: &PeerSpec, commands: mpsc::Sender<DriverCommand>) -> Self {
        Self {
            commands,
            terms: SocketTerms::new(&spec.plan),
        }
    }

    /// A link-local address means a peer only together with the interface.
    fn is_behind(&self, remote: SocketAddr) -> bool {
        match (&self.terms.interface, remote) {
            (Some(interface), SocketAddr::V6(remote)) if remote.ip().is_unicast_link_local() => {
                sockopt::interface_index(interface) == Some(remote.scope_id())
            }
            _ => true,
        }
    }
}

/// What all listeners of a speaker share.
#[derive(Clone, Debug)]
pub struct Reception {
    /// Who may connect.
    pub acceptors: watch::Receiver<Acceptors>,
    /// What waits for an OPEN.
    pub arrivals: Arrivals,
    /// What the listeners show of themselves.
    pub views: watch::Sender<ListenViews>,
}

/// The listening sockets, by address.
pub type ListenViews = Arc<BTreeMap<SocketAddr, ListenView>>;

/// One listening socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenView {
    /// Whether it listens.
    pub listening: bool,
    /// Why not, once it has been tried.
    pub reason: Option<String>,
    /// Peers whose passwords the kernel has refused, with its reason; their connections are closed.
    pub refused_passwords: BTreeMap<IpAddr, String>,
}

/// A listening socket with its task; dropped, it listens no longer.
#[derive(Debug)]
pub struct Listener {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    local: SocketAddr,
    reception: Reception,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    socket: Option<Arc<TcpListener>>,
    reason: Option<String>,
    wanted: Keys,
    keys: KeyRing,
    refusals: Throttle,
}

impl Listener {
    /// Listens on `local`, demanding `keys`. An address that is not there yet is tried again every
    /// second.
    pub fn spawn(local: SocketAddr, reception: Reception, keys: Keys) -> Self {
        let shared = Arc::new(Shared {
            local,
            reception,
            state: Mutex::new(State {
                socket: None,
                reason: None,
                wanted: keys,
                keys: KeyRing::default(),
                refusals: Throttle::default(),
            }),
        });
        shared.publish(&shared.state());
        Self {
            task: tokio::spawn(run(Arc::clone(&shared))),
            shared,
        }
    }

    /// Demands other keys from here on. What has been accepted of a peer whose key changed is closed.
    pub fn rekey(&self, keys: &Keys) {
        let mut state = self.shared.state();
        state.wanted = Arc::clone(keys);
        let Some(socket) = state.socket.clone() else {
            return;
        };
        let is_ipv6 = self.shared.local.is_ipv6();
        let socket = SockRef::from(&*socket);
        state.keys.install(&socket, is_ipv6, keys);
        self.shared.publish(&state);
        self.shared.prove_keys(&mut state, &socket);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        let local = self.shared.local;
        self.shared.reception.views.send_modify(|views| {
            Arc::make_mut(views).remove(&local);
        });
    }
}

async fn run(shared: Arc<Shared>) {
    let listener = shared.bind().await;
    info!(address = %shared.local, "listening for peers");
    loop {
        if let Err(error) = poll_fn(|context| shared.poll_accept(&listener, context)).await {
            warn!(address = %shared.local, reason = %error, "accepting a connection failed");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bind(&self) -> Arc<TcpListener> {
        loop {
            if let Some(socket) = self.try_bind() {
                return socket;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn try_bind(&self) -> Option<Arc<TcpListener>> {
        let mut state = self.state();
        match self.bound(&mut state) {
            Ok(socket) => {
                let socket = Arc::new(socket);
                state.socket = Some(Arc::clone(&socket));
                state.reason = None;
                self.publish(&state);
                Some(socket)
            }
            Err(error) => {
                let reason = explain(&error);
                if state.reason.as_ref() != Some(&reason) {
                    warn!(address = %self.local, reason, "cannot listen; trying again every second");
                    state.reason = Some(reason);
                    self.publish(&state);
                }
                None
            }
        }
    }

    fn bound(&self, state: &mut State) -> io::Result<TcpListener> {
        let socket = socket::bound(self.local)?;
        let mut keys = KeyRing::default();
        keys.install(&SockRef::from(&socket), self.local.is_ipv6(), &state.wanted);
        // Nothing can have connected yet.
        keys.prove();
        socket::listen(&socket)?;
        state.keys = keys;
        TcpListener::from_std(socket.into())
    }

    fn publish(&self, state: &State) {
        let view = ListenView {
            listening: state.socket.is_some(),
            reason: state.reason.clone(),
            refused_passwords: state.keys.refused().clone(),
        };
        self.reception.views.send_if_modified(|views| {
            let changed = views.get(&self.local) != Some(&view);
            if changed {
                Arc::make_mut(views).insert(self.local, view);
            }
            changed
        });
    }

    /// Accepts a connection and hands it over, with no room for another key in between.
    fn poll_accept(
        &self,
        listener: &TcpListener,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state();
        self.prove_keys(&mut state, &SockRef::from(listener));
        listener
            .poll_accept(context)
            .map(|accepted| match accepted {
                Ok((stream, remote)) => {
                    self.hand_over(&mut state, stream, remote);
                    Ok(())
                }
                // It was gone before it was taken: nothing that the next one would meet too.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(()),
                Err(error) => Err(error),
            })
    }

    /// After a change of keys: takes all that may have connected under the earlier ones. As long as
    /// that fails, as for want of file descriptors, the peers concerned are closed.
    fn prove_keys(&self, state: &mut State, socket: &SockRef<'_>) {
        if state.keys.is_proven() {
            return;
        }
        // They come out in the order in which they went in, and no more of them wait.
        for _ in 0..=socket::BACKLOG {
            match accept_at_once(socket) {
                Ok((stream, remote)) => self.hand_over(state, stream, remote),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::ConnectionAborted => {}
                    _ => return,
                },
            }
        }
        state.keys.prove();
    }

    /// Unknown sources are closed before any state exists for them.
    fn hand_over(&self, state: &mut State, stream: TcpStream, remote: SocketAddr) {
        let Err(reason) = self.try_hand_over(&state.keys, stream, remote) else {
            return;
        };
        // Whoever dials decides how often this happens.
        if let Some(suppressed) = state.refusals.pass(clock::now()) {
            warn!(%remote, reason, suppressed, "connection refused");
        }
    }

    fn try_hand_over(
        &self,
        keys: &KeyRing,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> Result<(), String> {
        let address = remote.ip().to_canonical();
        let acceptors = Arc::clone(&self.reception.acceptors.borrow());
        let sessions = acceptors.get(&address).map_or(&[][..], Vec::as_slice);
        let Some(session) = sessions.iter().find(|session| session.is_behind(remote)) else {
            return Err("no session is planned with this address".to_owned());
        };
        let terms = &session.terms;
        if !keys.holds(address, terms.password.as_ref()) {
            return Err("the session's password is not in force on this socket".to_owned());
        }
        let bound = 2 * acceptors.len() + ARRIVALS_BESIDE;
        let Some(arrival) = self.reception.arrivals.admit(bound) else {
            return Err(format!("{bound} connections wait for an OPEN already"));
        };
        socket::prepare_accepted(&SockRef::from(&stream), address, terms.ttl_security)
            .map_err(|error| format!("socket options cannot be set: {error}"))?;
        let incoming = Incoming {
            stream,
            arrival,
            terms: terms.clone(),
        };
        let handed_over = session
            .commands
            .try_send(DriverCommand::Incoming(Box::new(incoming)));
        handed_over.map_err(|error| match error {
            TrySendError::Full(_) => "the session's command queue is full".to_owned(),
            TrySendError::Closed(_) => "the session has just ended".to_owned(),
        })
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{error}: a port below 1024 needs CAP_NET_BIND_SERVICE")
        }
        io::ErrorKind::AddrInUse => format!("{error}: another BGP speaker runs here"),
        _ => error.to_string(),
    }
}

/// Accepts what is there already; the runtime may not have heard of it.
fn accept_at_once(socket: &SockRef<'_>) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, remote) = socket.accept()?;
    stream.set_nonblocking(true)?;
    let remote = remote
        .as_socket()
        .ok_or_else(|| io::Error::other("not an IP address"))?;
    Ok((TcpStream::from_std(stream.into())?, remote))
}

#[cfg(test)]
mod tests;
