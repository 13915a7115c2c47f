//! Two OPENs become the terms of a session.

use std::time::Duration;

use super::config::PeerConfig;
use crate::net::{Asn, Family, PerFamily, RouterId};
use crate::wire::{
    AddPathDirection, Capabilities, DecodeContext, GracefulRestart, GracefulRestartFamily,
    HoldTime, Notification, Open,
};

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The peer's AS.
    pub peer_as: Asn,
    /// The peer's BGP Identifier.
    pub peer_id: RouterId,
    /// Whether the peer is in another AS.
    pub external: bool,
    /// The smaller of the two hold times.
    pub hold_time: HoldTime,
    /// The interval between KEEPALIVEs; `None` where the timers are off.
    pub keepalive: Option<Duration>,
    /// The families of the session.
    pub families: PerFamily<bool>,
    /// Whether AS numbers have four octets.
    pub four_octet_as: bool,
    /// What this side may do with ADD-PATH, in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Whether the peer answers ROUTE-REFRESH.
    pub route_refresh: bool,
    /// Whether both sides mark the begin and the end of a refresh (RFC 7313).
    pub enhanced_refresh: bool,
    /// Whether messages may have up to 65,535 octets (RFC 8654).
    pub extended_message: bool,
    /// Whether IPv4 NLRI may go with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// The peer's graceful-restart terms, where both sides have offered them.
    pub graceful_restart: Option<GracefulRestart>,
    /// All that the peer offered, for `show neighbor`.
    pub peer_capabilities: Capabilities,
}

impl Negotiated {
    /// Compares the peer's OPEN with what is configured (RFC 4271 §6.2).
    ///
    /// # Errors
    /// The first fault found; [`OpenError::notification`] is the answer to it.
    pub fn agree(config: &PeerConfig, open: Open) -> Result<Self, OpenError> {
        let external = config.local_as != config.remote_as;
        if open.asn != config.remote_as {
            return Err(OpenError::BadPeerAs {
                configured: config.remote_as,
                found: open.asn,
            });
        }
        if open.router_id.0.is_unspecified() {
            return Err(OpenError::ZeroRouterId);
        }
        if !external && open.router_id == config.router_id {
            return Err(OpenError::OwnRouterId(open.router_id));
        }
        let families = common_families(config.families, &open.capabilities)?;
        let hold_time = config.hold_time.min(open.hold_time);
        let theirs = open.capabilities;
        Ok(Self {
            peer_as: open.asn,
            peer_id: open.router_id,
            external,
            hold_time,
            keepalive: keepalive_interval(config.keepalive, hold_time),
            families,
            four_octet_as: theirs.four_octet_as.is_some(),
            add_path: common_add_path(families, config.add_path, theirs.add_path),
            route_refresh: theirs.route_refresh,
            enhanced_refresh: false,
            extended_message: false,
            extended_next_hop: false,
            graceful_restart: theirs
                .graceful_restart
                .filter(|_| config.restart_time.is_some()),
            peer_capabilities: theirs,
        })
    }

    /// What the codec must know to read this session's messages.
    pub fn decode_context(&self) -> DecodeContext {
        DecodeContext {
            four_octet_as: self.four_octet_as,
            add_path: PerFamily {
                ipv4: self.add_path.ipv4.receive,
                ipv6: self.add_path.ipv6.receive,
            },
            families: self.families,
            external: self.external,
            extended_next_hop: self.extended_next_hop,
        }
    }
}

/// Why a peer's OPEN is refused, beyond what the codec has checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The peer is in another AS than configured.
    #[error("the peer says AS {found}, configured is AS {configured}")]
    BadPeerAs {
        /// The AS expected.
        configured: Asn,
        /// The AS that the peer claims.
        found: Asn,
    },
    /// The BGP Identifier is zero.
    #[error("the peer's BGP Identifier is zero")]
    ZeroRouterId,
    /// An internal peer has this side's BGP Identifier (RFC 6286 §2.1).
    #[error("the peer in this AS has this speaker's own BGP Identifier {0}")]
    OwnRouterId(RouterId),
    /// No family is offered by both sides.
    #[error("no address family in common: this side offers {}", names(.offered))]
    NoCommonFamily {
        /// What this side offers.
        offered: PerFamily<bool>,
    },
}

impl OpenError {
    /// The NOTIFICATION that RFC 4271 §6.2 and RFC 5492 §3 demand.
    pub fn notification(&self) -> Notification {
        match self {
            Self::BadPeerAs { .. } => Notification::bad_peer_as(),
            Self::ZeroRouterId | Self::OwnRouterId(_) => Notification::bad_bgp_identifier(),
            Self::NoCommonFamily { offered } => Notification::no_common_family(*offered),
        }
    }
}

/// The OPEN that this side sends. While it recovers from a restart of its own, it says so, and that
/// its forwarding state has survived: routes stay in the kernel (RFC 4724 §4.1).
pub(super) fn our_open(config: &PeerConfig, restarting: bool) -> Open {
    let add_path = |family| match config.families.get(family) {
        true => *config.add_path.get(family),
        false => AddPathDirection::default(),
    };
    let restart_family = |offered: bool| {
        offered.then_some(GracefulRestartFamily {
            forwarding_preserved: restarting,
        })
    };
    Open {
        asn: config.local_as,
        hold_time: config.hold_time,
        router_id: config.router_id,
        capabilities: Capabilities {
            families: config.families,
            other_families: Vec::new(),
            route_refresh: true,
            // Offered once the RIB marks its answers with BoRR and EoRR (RFC 7313 §4).
            enhanced_route_refresh: false,
            graceful_restart: config.restart_time.map(|restart_time| GracefulRestart {
                restarting,
                notification: false,
                restart_time,
                families: PerFamily {
                    ipv4: restart_family(config.families.ipv4),
                    ipv6: restart_family(config.families.ipv6),
                },
            }),
            four_octet_as: Some(config.local_as),
            add_path: PerFamily {
                ipv4: add_path(Family::Ipv4),
                ipv6: add_path(Family::Ipv6),
            },
            unknown: Vec::new(),
        },
    }
}

/// The families of the session. A peer that says nothing of multiprotocol speaks IPv4 (RFC 4760 §8),
/// or, on a session for IPv6 alone, is believed to mean that (spec/calico.md §3.9).
fn common_families(
    ours: PerFamily<bool>,
    theirs: &Capabilities,
) -> Result<PerFamily<bool>, OpenError> {
    let silent = theirs.families == PerFamily::default() && theirs.other_families.is_empty();
    let common = match (silent, ours.ipv4) {
        (true, true) => PerFamily {
            ipv4: true,
            ipv6: false,
        },
        (true, false) => ours,
        (false, _) => PerFamily {
            ipv4: ours.ipv4 && theirs.families.ipv4,
            ipv6: ours.ipv6 && theirs.families.ipv6,
        },
    };
    if common == PerFamily::default() {
        return Err(OpenError::NoCommonFamily { offered: ours });
    }
    Ok(common)
}

/// In each family of the session: what this side may receive and send, given what both are able to.
fn common_add_path(
    families: PerFamily<bool>,
    ours: PerFamily<AddPathDirection>,
    theirs: PerFamily<AddPathDirection>,
) -> PerFamily<AddPathDirection> {
    let mut common = PerFamily::default();
    for family in families.families() {
        let (our, their) = (ours.get(family), theirs.get(family));
        *common.get_mut(family) = AddPathDirection {
            receive: our.receive && their.send,
            send: our.send && their.receive,
        };
    }
    common
}

/// A third of the hold time, or what is configured if that is below the hold time.
fn keepalive_interval(configured: Option<Duration>, hold_time: HoldTime) -> Option<Duration> {
    let hold = hold_time.duration()?;
    Some(
        configured
            .filter(|interval| !interval.is_zero() && *interval < hold)
            .unwrap_or(hold / 3),
    )
}

fn names(offered: &PerFamily<bool>) -> String {
    let names: Vec<&str> = offered.families().map(Family::name).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests;
