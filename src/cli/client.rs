//! A client of the control API: one request over the unix socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::control::ErrorAnswer;

/// How long the daemon may take to begin its answer, and between two pages of it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("no calidris daemon answers on {}: {reason}", socket.display())]
    NoDaemon {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The socket may not be opened.
    #[error(
        "not allowed to open {}: the control API is for the socket's owner and group",
        .0.display()
    )]
    Forbidden(PathBuf),
    /// The conversation broke off, so that an answer may lack something.
    #[error("the daemon on {} broke off: {reason}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The daemon refused, and said why.
    #[error("{message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The daemon's sentence.
        message: String,
    },
}

/// Asks for an address of the API and reads its JSON.
///
/// # Errors
/// [`ClientError`].
pub(super) async fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, ClientError> {
    ask(socket, Method::GET, path).await
}

/// Has something done and reads the JSON that tells of it.
///
/// # Errors
/// [`ClientError`].
pub(super) async fn post<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, ClientError> {
    ask(socket, Method::POST, path).await
}

async fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
) -> Result<T, ClientError> {
    let (status, bytes) = fetch(socket, method, path).await?;
    if status.is_success() {
        return read(socket, &bytes);
    }
    let message = match serde_json::from_slice::<ErrorAnswer>(&bytes) {
        Ok(answer) => answer.error.message,
        Err(_) => format!("the daemon answered {status}"),
    };
    Err(ClientError::Refused { status, message })
}

/// The same, where another status than 200 has the same JSON (probes).
///
/// # Errors
/// [`ClientError`].
pub(super) async fn probe<T: DeserializeOwned>(
    socket: &Path,
    path: &str,
) -> Result<T, ClientError> {
    let (_, bytes) = fetch(socket, Method::GET, path).await?;
    read(socket, &bytes)
}

/// Encodes a text for a path segment or a parameter (RFC 3986 §2.1).
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                encoded.push(char::from(octet));
            }
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

fn read<T: DeserializeOwned>(socket: &Path, bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|error| ClientError::Broken {
        socket: socket.to_owned(),
        reason: format!("its answer is not what this version expects: {error}"),
    })
}

async fn fetch(
    socket: &Path,
    method: Method,
    path: &str,
) -> Result<(StatusCode, Bytes), ClientError> {
    let broken = |reason: String| ClientError::Broken {
        socket: socket.to_owned(),
        reason,
    };
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => ClientError::Forbidden(socket.to_owned()),
            _ => ClientError::NoDaemon {
                socket: socket.to_owned(),
                reason: error.to_string(),
            },
        })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    // Its failure shows in the response as well.
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "calidris")
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(error.to_string()))?;
    let late = |_| broken(format!("no answer within {} s", ANSWER_TIME_MAX.as_secs()));
    let response = tokio::time::timeout(ANSWER_TIME_MAX, sender.send_request(request))
        .await
        .map_err(late)?
        .map_err(|error| broken(error.to_string()))?;
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = tokio::time::timeout(ANSWER_TIME_MAX, body.frame())
        .await
        .map_err(late)?
    {
        let frame = frame.map_err(|error| broken(error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    connection.abort();
    Ok((status, bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_read_as_syntax_is_encoded() {
        assert_eq!(percent_encode("Mesh_192_0_2_12"), "Mesh_192_0_2_12");
        assert_eq!(percent_encode("10.0.0.0/8"), "10.0.0.0%2F8");
        assert_eq!(percent_encode("a&b=c d/é"), "a%26b%3Dc%20d%2F%C3%A9");
    }

    #[tokio::test]
    async fn without_a_daemon_the_error_is_one_sentence_with_the_socket() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("none.sock");
        let error = get::<serde_json::Value>(&socket, "/")
            .await
            .expect_err("nobody there");
        let text = error.to_string();
        assert!(text.starts_with("no calidris daemon answers on "), "{text}");
        assert!(text.contains("none.sock") && !text.contains('\n'), "{text}");
    }
}
