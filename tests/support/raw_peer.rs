//! A peer that sends whatever bytes a test wants.
//!
//! The connection is bash's `/dev/tcp` inside the peer's namespace, with pipes to this process: that
//! spares the test from entering the namespace itself.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::namespace::Namespace;
use super::{PATIENCE, wait_for};

/// One TCP connection; closed when dropped.
pub(crate) struct RawPeer {
    child: Child,
    input: ChildStdin,
    arriving: Receiver<Vec<u8>>,
    unread: Vec<u8>,
}

/// A BGP message: its type and what follows the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawMessage {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

pub(crate) const OPEN: u8 = 1;
pub(crate) const NOTIFICATION: u8 = 3;
pub(crate) const KEEPALIVE: u8 = 4;

const SCRIPT: &str = r#"exec 4<&0 3<>"/dev/tcp/$0/$1" || exit 1; cat <&4 >&3 & exec cat <&3"#;

impl RawPeer {
    /// Connects from `namespace` to port 179 of `address` until the other side sends its OPEN,
    /// which it does only while it wants a connection.
    pub(crate) fn connect(namespace: &Namespace, address: &str) -> (Self, RawMessage) {
        wait_for(&format!("an OPEN from {address}"), || {
            let mut peer = Self::dial(namespace, address);
            match peer.read(Duration::from_secs(2)) {
                Some(message) if message.kind == OPEN => Ok((peer, message)),
                other => Err(format!("{other:?}")),
            }
        })
    }

    fn dial(namespace: &Namespace, address: &str) -> Self {
        let mut child = namespace
            .command("bash")
            .args(["-c", SCRIPT, address, "179"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash can be run");
        let input = child.stdin.take().expect("it was asked for");
        let mut output = child.stdout.take().expect("it was asked for");
        let (sender, arriving) = sync_channel(64);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            arriving,
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The other side may have closed already, which the test will see by reading.
        let _ = self
            .input
            .write_all(bytes)
            .and_then(|()| self.input.flush());
    }

    /// The next message of type `kind`, others skipped.
    ///
    /// # Panics
    /// If the connection ends or nothing comes.
    pub(crate) fn expect(&mut self, kind: u8) -> RawMessage {
        let mut seen = Vec::new();
        while let Some(message) = self.read(PATIENCE) {
            if message.kind == kind {
                return message;
            }
            seen.push((message.kind, message.body.len()));
        }
        let last = seen.len().saturating_sub(10);
        panic!(
            "no message of type {kind} came, only {} others, the last of these types and lengths: {:?}",
            seen.len(),
            &seen[last..]
        );
    }

    /// The next message; `None` at the end of the connection or after `limit` without one.
    fn read(&mut self, limit: Duration) -> Option<RawMessage> {
        loop {
            if self.unread.len() >= 19 {
                let length = usize::from(u16::from_be_bytes([self.unread[16], self.unread[17]]));
                if self.unread.len() >= length {
                    let message: Vec<u8> = self.unread.drain(..length).collect();
                    return Some(RawMessage {
                        kind: message[18],
                        body: message[19..].to_vec(),
                    });
                }
            }
            match self.arriving.recv_timeout(limit) {
                Ok(bytes) => self.unread.extend(bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A whole message around `body`.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("test messages are short");
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

/// An OPEN with the capability of IPv4 unicast and nothing else.
pub(crate) fn open(local_as: u16, hold_time: u16, identifier: [u8; 4]) -> Vec<u8> {
    let capabilities = [2, 6, 1, 4, 0, 1, 0, 1];
    let body = [
        &[4][..],
        &local_as.to_be_bytes(),
        &hold_time.to_be_bytes(),
        &identifier,
        &[8],
        &capabilities,
    ];
    message(OPEN, &body.concat())
}
