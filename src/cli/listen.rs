//! What `show summary` says of the listening sockets.

use super::text::counted;
use crate::control::ListenAnswer;

/// What is wrong with the listening sockets; nothing where all is well.
pub(super) fn lines(sockets: &[ListenAnswer]) -> String {
    let mut text = String::new();
    for socket in sockets {
        if let Some(reason) = socket.reason.as_ref().filter(|_| !socket.listening) {
            text.push_str(&format!("not listening on {}: {reason}\n", socket.address));
        }
        let mut refused = socket.refused_passwords.iter();
        if let Some((peer, reason)) = refused.next() {
            let others = match refused.len() {
                0 => String::new(),
                more => format!(" and {}", counted(more, "other")),
            };
            text.push_str(&format!(
                "connections from {peer}{others} to {} are refused: {reason}\n",
                socket.address
            ));
        }
    }
    text
}
