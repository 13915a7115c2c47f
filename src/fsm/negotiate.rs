//! Two OPENs become the terms of a session.

use std::time::Duration;

use super::action::DownReason;
use super::config::PeerConfig;
use super::timer::SEND_HOLD_MIN;
use crate::net::{Asn, Family, PerFamily, Role, RouterId};
use crate::wire::{
    AddPathDirection, Capabilities, DecodeContext, GracefulRestart, GracefulRestartFamily,
    HoldTime, LongLived, LongLivedFamily, Notification, Open,
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
    /// The peer's long-lived terms, where both sides have offered them beside graceful restart (RFC
    /// 9494 §4.2). The restart time of a family that [`Self::graceful_restart`] leaves out is zero.
    pub long_lived: Option<LongLived>,
    /// All that the peer offered, for `show neighbor`.
    pub peer_capabilities: Capabilities,
}

impl Negotiated {
    /// Compares the peer's OPEN with what is configured (RFC 4271 §6.2).
    ///
    /// # Errors
    /// The first fault found; [`OpenError::notification`] is the answer to it.
    pub fn agree(config: &PeerConfig, open: Open) -> Result<Self, OpenError> {
        let external = config.is_external();
        if open.asn != config.remote_as {
            return Err(OpenError::BadPeerAs {
                configured: config.remote_as,
                found: open.asn,
            });
        }
        if open.asn == Asn::TRANS {
            return Err(OpenError::AsTrans);
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
        check_roles(config, theirs.role)?;
        let graceful_restart = theirs
            .graceful_restart
            .filter(|_| config.restart_time.is_some());
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
            enhanced_refresh: theirs.enhanced_route_refresh,
            extended_message: theirs.extended_message,
            extended_next_hop: families.ipv4 && theirs.extended_next_hop,
            graceful_restart,
            long_lived: theirs
                .long_lived
                .filter(|_| graceful_restart.is_some() && config.long_lived_time.is_some()),
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

    /// Whether both sides keep routes over a NOTIFICATION that is not a hard reset, and over the
    /// hold timer's expiry (the N bit of RFC 8538 §2; this side sets it with every restart time).
    pub fn keeps_routes_over_notification(&self) -> bool {
        self.graceful_restart
            .is_some_and(|terms| terms.notification)
    }

    /// Whether the peer's routes stay as stale ones after a session that ended for this reason (RFC
    /// 4724 §4.2, RFC 8538 §4).
    pub fn keeps_routes(&self, reason: &DownReason) -> bool {
        match reason {
            DownReason::ConnectionClosed(_) => self.graceful_restart.is_some(),
            DownReason::NotificationSent(notification, _)
            | DownReason::NotificationReceived(notification) => {
                self.keeps_routes_over_notification() && !notification.is_hard_reset()
            }
            DownReason::DialFailed(_) | DownReason::Stopped => false,
        }
    }

    /// How long the peer may take nothing before the session is given up (RFC 9687 §3.1): eight
    /// minutes or twice the hold time, whichever is longer; `None` where the timers are off.
    pub fn send_hold_time(&self) -> Option<Duration> {
        let hold = self.hold_time.duration()?;
        Some((hold * 2).max(SEND_HOLD_MIN))
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
    /// The peer claims AS_TRANS as its own number, which is nobody's (RFC 6793 §9). Beside a
    /// four-octet number it is only a placeholder, and in order.
    #[error("the peer says that it is in AS 23456, which is reserved")]
    AsTrans,
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
    /// The roles of both sides do not go together (RFC 9234 §4.2).
    #[error("the peer has role {}, this side has role {ours}", role_name(*.theirs))]
    RoleMismatch {
        /// What is configured here.
        ours: Role,
        /// The value that the peer sent.
        theirs: u8,
    },
}

impl OpenError {
    /// The NOTIFICATION that RFC 4271 §6.2 and RFC 5492 §3 demand.
    pub fn notification(&self) -> Notification {
        match self {
            Self::BadPeerAs { .. } | Self::AsTrans => Notification::bad_peer_as(),
            Self::ZeroRouterId | Self::OwnRouterId(_) => Notification::bad_bgp_identifier(),
            Self::NoCommonFamily { offered } => Notification::no_common_family(*offered),
            Self::RoleMismatch { .. } => Notification::role_mismatch(),
        }
    }
}

/// What an OPEN says of the time since the last session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resumption {
    /// Neither R nor F: there was no session, or nothing of it was kept.
    Anew,
    /// F: the connection was lost; what the peer has learned here was forwarded all the time.
    ForwardingKept,
    /// R and F: this side recovers from a restart of its own, and routes have stayed in the kernel
    /// (RFC 4724 §4.1); or a NOTIFICATION has ended a session and both sides have kept its routes,
    /// after which both set R (RFC 8538 §4).
    Restarted,
}

/// The OPEN that this side sends.
pub(super) fn our_open(config: &PeerConfig, resumption: Resumption) -> Open {
    let (restarting, preserved) = match resumption {
        Resumption::Anew => (false, false),
        Resumption::ForwardingKept => (false, true),
        Resumption::Restarted => (true, true),
    };
    let add_path = |family| match config.families.get(family) {
        true => *config.add_path.get(family),
        false => AddPathDirection::default(),
    };
    let restart_family = |offered: bool| {
        offered.then_some(GracefulRestartFamily {
            forwarding_preserved: preserved,
        })
    };
    let long_lived = |stale_time: u32| {
        let family = |offered: bool| {
            offered.then_some(LongLivedFamily {
                forwarding_preserved: preserved,
                stale_time,
            })
        };
        LongLived {
            families: PerFamily {
                ipv4: family(config.families.ipv4),
                ipv6: family(config.families.ipv6),
            },
        }
    };
    Open {
        asn: config.local_as,
        hold_time: config.hold_time,
        router_id: config.router_id,
        capabilities: Capabilities {
            families: config.families,
            other_families: Vec::new(),
            route_refresh: true,
            enhanced_route_refresh: true,
            extended_message: true,
            extended_next_hop: config.families.ipv4,
            role: config.role.filter(|_| config.is_external()).map(Role::wire),
            graceful_restart: config.restart_time.map(|restart_time| GracefulRestart {
                restarting,
                notification: true,
                restart_time,
                families: PerFamily {
                    ipv4: restart_family(config.families.ipv4),
                    ipv6: restart_family(config.families.ipv6),
                },
            }),
            // Without graceful restart it would mean nothing (RFC 9494 §3.1).
            long_lived: config
                .long_lived_time
                .filter(|_| config.restart_time.is_some())
                .map(long_lived),
            four_octet_as: Some(config.local_as),
            add_path: PerFamily {
                ipv4: add_path(Family::Ipv4),
                ipv6: add_path(Family::Ipv6),
            },
            unknown: Vec::new(),
        },
    }
}

/// A peer that names no role is accepted: roles are not strict here (RFC 9234 §4.2). Between internal
/// peers there are none.
fn check_roles(config: &PeerConfig, theirs: Option<u8>) -> Result<(), OpenError> {
    match (config.role.filter(|_| config.is_external()), theirs) {
        (Some(ours), Some(theirs)) if Role::from_wire(theirs) != Some(ours.counterpart()) => {
            Err(OpenError::RoleMismatch { ours, theirs })
        }
        (_, _) => Ok(()),
    }
}

fn role_name(value: u8) -> String {
    Role::from_wire(value).map_or_else(|| value.to_string(), |role| role.to_string())
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
