//! NOTIFICATION (RFC 4271 §4.5, RFC 4486, RFC 8203/9003, RFC 8538).

/// NOTIFICATION as sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The error code.
    pub code: u8,
    /// The error subcode; zero where unspecific.
    pub subcode: u8,
    /// What the code's section says; for Cease 2 and 4 a length-prefixed text.
    pub data: Vec<u8>,
}

/// Subcodes of Cease, code 6 (RFC 4486, RFC 8538, RFC 9384).
pub mod cease {
    /// Maximum number of prefixes reached.
    pub const PREFIX_LIMIT: u8 = 1;
    /// Administrative shutdown.
    pub const ADMIN_SHUTDOWN: u8 = 2;
    /// Peer de-configured.
    pub const PEER_DECONFIGURED: u8 = 3;
    /// Administrative reset.
    pub const ADMIN_RESET: u8 = 4;
    /// Connection rejected.
    pub const CONNECTION_REJECTED: u8 = 5;
    /// Other configuration change.
    pub const CONFIG_CHANGE: u8 = 6;
    /// Connection collision resolution.
    pub const COLLISION: u8 = 7;
    /// Out of resources.
    pub const OUT_OF_RESOURCES: u8 = 8;
    /// Hard reset (RFC 8538).
    pub const HARD_RESET: u8 = 9;
}
