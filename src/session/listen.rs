//! Incoming connections: accepted, matched to a peer by address, handed over.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use super::driver::DriverCommand;
use super::sockopt;

/// Pause after a failure to bind or to accept, so that neither spins.
const PAUSE: Duration = Duration::from_secs(1);

/// Which session an address belongs to.
pub type Acceptors = Arc<HashMap<IpAddr, mpsc::Sender<DriverCommand>>>;

/// A listening socket with its task; dropped, it listens no longer.
#[derive(Debug)]
pub struct Listener {
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens on `local`. An address that is not there yet is tried again every second.
    pub fn spawn(local: SocketAddr, acceptors: watch::Receiver<Acceptors>) -> Self {
        Self {
            task: tokio::spawn(run(local, acceptors)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(local: SocketAddr, acceptors: watch::Receiver<Acceptors>) {
    let listener = bind(local).await;
    info!(address = %local, "listening for peers");
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => hand_over(stream, remote, &acceptors),
            Err(error) => {
                warn!(address = %local, reason = %error, "accepting a connection failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn bind(local: SocketAddr) -> TcpListener {
    let mut said = false;
    loop {
        match try_bind(local) {
            Ok(listener) => return listener,
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    let reason = explain(&error);
                    warn!(address = %local, reason, "cannot listen; trying again every second");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
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

fn try_bind(local: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(sockopt::listener(local)?.into())
}

/// Unknown sources are closed before any state exists for them.
fn hand_over(stream: TcpStream, remote: SocketAddr, acceptors: &watch::Receiver<Acceptors>) {
    let address = remote.ip().to_canonical();
    let Some(driver) = acceptors.borrow().get(&address).cloned() else {
        info!(remote = %remote, reason = "no session is planned with this address", "connection refused");
        return;
    };
    if let Err(error) = sockopt::prepare(&SockRef::from(&stream), address) {
        debug!(remote = %remote, reason = %error, "socket options not set");
    }
    if let Err(error) = driver.try_send(DriverCommand::Incoming(stream)) {
        let reason = match error {
            TrySendError::Full(_) => "the session's command queue is full",
            TrySendError::Closed(_) => "the session has just ended",
        };
        warn!(remote = %remote, reason, "connection refused");
    }
}
