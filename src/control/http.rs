//! The two listeners and the connections that they accept.

use std::convert::Infallible;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use super::CONNECTIONS_MAX;
use super::api::Api;
use super::view::{Operators, Views};
use crate::clock;
use crate::metrics::Metrics;

/// How long a client may take to send a request's head, and to send the next one.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);

/// After this a connection ends with the response under way; its client opens another.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// How long the last response may take after that; then a reader that has stopped is cut off.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(30);

/// The pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The unix socket.
    pub socket: PathBuf,
    /// The TCP address, if any.
    pub http: Option<SocketAddr>,
}

/// Why the control API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder of the unix socket cannot be made.
    #[error("--socket {}: cannot make the folder {}: {source}", socket.display(), folder.display())]
    Folder {
        /// The socket.
        socket: PathBuf,
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: Error,
    },
    /// Another process answers on the unix socket.
    #[error("--socket {}: another process listens there; is calidris running already?", .0.display())]
    Taken(PathBuf),
    /// Something else than a socket is in its place.
    #[error("--socket {}: the file exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The unix socket cannot be made.
    #[error("--socket {}: {source}", socket.display())]
    Socket {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: Error,
    },
    /// The TCP address is in use.
    #[error("--http {0}: the address is in use by another process")]
    AddressInUse(SocketAddr),
    /// The TCP address cannot be listened on.
    #[error("--http {address}: {source}")]
    Http {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: Error,
    },
}

/// Binds both listeners and serves on them until `shutdown` holds `true` or loses its sender; the
/// socket's file is removed at the end. `operators` are asked on the unix socket only.
///
/// # Errors
/// [`ServeError`] names the flag of the listener that could not be bound; nothing is served then.
pub async fn serve(
    listen: Listen,
    views: Views,
    metrics: Arc<Metrics>,
    operators: Arc<dyn Operators>,
    shutdown: watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, ServeError> {
    let operators = Some(operators);
    let api = Api {
        views,
        metrics,
        operators,
    };
    let tcp = match listen.http {
        Some(address) => Some(bind_tcp(address).await?),
        None => None,
    };
    let unix = bind_unix(&listen.socket).await?;
    info!(socket = %listen.socket.display(), "control API up");
    let mut tasks = vec![tokio::spawn({
        let (api, shutdown) = (api.clone(), shutdown.clone());
        async move {
            accept_unix(unix, api, shutdown).await;
            // It may be gone already, or be another's: nothing can be done about either.
            let _ = std::fs::remove_file(&listen.socket);
        }
    })];
    if let Some(tcp) = tcp {
        if let Ok(address) = tcp.local_addr() {
            info!(%address, "HTTP up");
        }
        let read_only = Api {
            operators: None,
            ..api
        };
        tasks.push(tokio::spawn(accept_tcp(tcp, read_only, shutdown)));
    }
    Ok(tasks)
}

async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => ServeError::AddressInUse(address),
            _ => ServeError::Http { address, source },
        })
}

async fn bind_unix(socket: &Path) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Socket {
        socket: socket.to_owned(),
        source,
    };
    if let Some(folder) = socket
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|source| ServeError::Folder {
            socket: socket.to_owned(),
            folder: folder.to_owned(),
            source,
        })?;
    }
    remove_stale(socket).await?;
    let listener = UnixListener::bind(socket).map_err(failed)?;
    // Owner and group may ask; others may not.
    let mode = std::fs::Permissions::from_mode(0o660);
    std::fs::set_permissions(socket, mode).map_err(failed)?;
    Ok(listener)
}

/// Removes the socket that a process left which did not stop in order.
async fn remove_stale(socket: &Path) -> Result<(), ServeError> {
    let Ok(found) = std::fs::symlink_metadata(socket) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(ServeError::NotASocket(socket.to_owned()));
    }
    if tokio::net::UnixStream::connect(socket).await.is_ok() {
        return Err(ServeError::Taken(socket.to_owned()));
    }
    std::fs::remove_file(socket).map_err(|source| ServeError::Socket {
        socket: socket.to_owned(),
        source,
    })
}

async fn accept_unix(listener: UnixListener, api: Api, mut shutdown: watch::Receiver<bool>) {
    let mut connections = Connections::new(api);
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            accepted = connections.accept(listener.accept()) => {
                if let Some((stream, _)) = accepted {
                    connections.start(stream);
                }
            }
        }
    }
}

async fn accept_tcp(listener: TcpListener, api: Api, mut shutdown: watch::Receiver<bool>) {
    let mut connections = Connections::new(api);
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            accepted = connections.accept(listener.accept()) => {
                if let Some((stream, _)) = accepted {
                    connections.start(stream);
                }
            }
        }
    }
}

/// The connections of one listener; dropping it ends them.
struct Connections {
    api: Api,
    slots: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Connections {
    fn new(api: Api) -> Self {
        Self {
            api,
            slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            tasks: JoinSet::new(),
        }
    }

    /// Accepts once there is a free slot; `None` after a failure, of which the log tells.
    async fn accept<T>(&mut self, accept: impl Future<Output = Result<T, Error>>) -> Option<T> {
        while self.tasks.try_join_next().is_some() {}
        // Nothing closes the semaphore, so this only ever waits.
        let slot = self.slots.acquire().await;
        drop(slot);
        match accept.await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                warn!(reason = %error, "connection to the control API not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    fn start(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        // Only this loop takes slots, and it has just seen a free one.
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let api = self.api.clone();
        self.tasks.spawn(async move {
            converse(stream, api).await;
            drop(slot);
        });
    }
}

/// Serves one connection until its client leaves, errs, or has been here for too long.
pub(super) async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, api: Api) {
    let service = service_fn(|request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(api.respond(&request, clock::wall()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // What a client does wrong on its own connection is its own affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = tokio::time::sleep(CONNECTION_AGE_MAX) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(CLOSE_TIME_MAX, connection).await;
        }
    }
}
