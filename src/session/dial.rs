//! Outgoing connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use super::socket::{self, SocketTerms};

/// Opens a connection to `remote` from `source`; whoever waits for it gives up in his own time.
///
/// # Errors
/// What the system said, in one line.
pub(crate) async fn dial(
    remote: SocketAddr,
    source: Option<IpAddr>,
    terms: SocketTerms,
) -> Result<TcpStream, String> {
    let attempt = async {
        let socket = socket::dialler(remote, source, &terms)?;
        TcpSocket::from_std_stream(socket.into())
            .connect(remote)
            .await
    };
    attempt.await.map_err(|error| describe(&error, source))
}

fn describe(error: &io::Error, source: Option<IpAddr>) -> String {
    match (error.kind(), source) {
        (io::ErrorKind::AddrNotAvailable, Some(source)) => {
            format!("source address {source} is not on this machine")
        }
        _ => error.to_string(),
    }
}
