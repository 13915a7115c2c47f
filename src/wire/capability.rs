//! Capabilities (RFC 5492): what a speaker says that it can do.

use crate::net::{Asn, PerFamily};

/// The capabilities of one OPEN, known ones by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Multiprotocol (1): the families offered.
    pub families: PerFamily<bool>,
    /// Families offered that calidris does not carry, as (AFI, SAFI) numbers.
    pub other_families: Vec<(u16, u8)>,
    /// Route refresh (2, RFC 2918).
    pub route_refresh: bool,
    /// Enhanced route refresh (70, RFC 7313).
    pub enhanced_route_refresh: bool,
    /// Graceful restart (64, RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
    /// Four-octet AS numbers (65, RFC 6793), with the sender's number.
    pub four_octet_as: Option<Asn>,
    /// ADD-PATH (69, RFC 7911): what the sender is willing to do in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Codes of capabilities that calidris does not know; ignored, and shown.
    pub unknown: Vec<u8>,
}

/// What the sender of an ADD-PATH capability is willing to do (RFC 7911 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AddPathDirection {
    /// Able to receive several paths to a prefix.
    pub receive: bool,
    /// Able to send several paths to a prefix.
    pub send: bool,
}

/// Graceful restart (RFC 4724 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestart {
    /// The R bit: the sender has restarted and waits for End-of-RIB.
    pub restarting: bool,
    /// The N bit (RFC 8538): NOTIFICATION and hold expiry keep routes as well.
    pub notification: bool,
    /// Seconds until the sender's session should be back; 12 bits.
    pub restart_time: u16,
    /// The families whose routes may be kept.
    pub families: PerFamily<Option<GracefulRestartFamily>>,
}

/// One family of a graceful-restart capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestartFamily {
    /// The F bit: the sender kept its forwarding state over the restart.
    pub forwarding_preserved: bool,
}
