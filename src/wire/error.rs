//! What can be wrong with a message, and what RFC 4271 §6 and RFC 7606 make of it.

use super::notification::Notification;

/// A fault that ends the session; [`WireError::notification`] is the answer that the RFCs demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct WireError {
    /// One sentence for the log: what was wrong, where, and the value found.
    pub reason: String,
    notification: Notification,
}

impl WireError {
    /// Pairs a reason with its answer.
    pub fn new(reason: impl Into<String>, notification: Notification) -> Self {
        Self {
            reason: reason.into(),
            notification,
        }
    }

    /// The NOTIFICATION to send before the connection is closed.
    pub const fn notification(&self) -> &Notification {
        &self.notification
    }
}

/// How an UPDATE with a fault is handled (RFC 7606 §2), mildest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Close the session with a NOTIFICATION.
    SessionReset,
    /// Withdraw every prefix that the message announces.
    TreatAsWithdraw,
    /// Drop the attribute, keep the rest.
    DiscardAttribute,
}

/// A fault in an attribute that did not end the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeFault {
    /// The attribute type code.
    pub code: u8,
    /// What was done about it.
    pub disposition: Disposition,
    /// One sentence: what was wrong and the first octets in hex.
    pub reason: String,
}
