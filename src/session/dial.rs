//! Outgoing connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use super::sockopt;

/// How long a dial may take; longer than the kernel needs for three lost SYNs.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a connection to `remote` from `source`.
///
/// # Errors
/// What the system said, in one line.
pub(crate) async fn dial(remote: SocketAddr, source: Option<IpAddr>) -> Result<TcpStream, String> {
    let attempt = async {
        let socket = TcpSocket::from_std_stream(sockopt::dialler(remote, source)?.into());
        socket.connect(remote).await
    };
    match tokio::time::timeout(DIAL_TIMEOUT, attempt).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(describe(&error, source)),
        Err(_) => Err(format!("no answer within {} s", DIAL_TIMEOUT.as_secs())),
    }
}

fn describe(error: &io::Error, source: Option<IpAddr>) -> String {
    match (error.kind(), source) {
        (io::ErrorKind::AddrNotAvailable, Some(source)) => {
            format!("source address {source} is not on this machine")
        }
        _ => error.to_string(),
    }
}
