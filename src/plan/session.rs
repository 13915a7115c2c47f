//! From what distinguishes a session to all that is planned of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::annotations::SessionSettings;
use super::passwords::Password;
use super::peer_fields::DEFAULT_RESTART_TIME;
use super::peers::Planner;
use super::speaker::BGP_PORT;
use super::{PeerKind, PeerName, PeerPlan, Provenance};
use crate::net::{Asn, Family, PerFamily};
use crate::policy::NextHopMode;

/// Delay before the first dial (spec/calico.md §3.9).
const CONNECT_DELAY: Duration = Duration::from_secs(2);

/// What distinguishes one session from another of the same family.
pub(super) struct Session {
    pub(super) kind: PeerKind,
    pub(super) node: Option<Arc<str>>,
    pub(super) address: IpAddr,
    pub(super) interface: Option<Arc<str>>,
    pub(super) port: Option<u16>,
    pub(super) local_as: Asn,
    pub(super) remote_as: Asn,
    pub(super) passive: bool,
    pub(super) password: Password,
    pub(super) provenance: Provenance,
}

impl Planner<'_> {
    /// The session with all that settings say; Calico's own fields are at their defaults.
    pub(super) fn planned(&self, session: Session, mut settings: SessionSettings) -> PeerPlan {
        let family = Family::of(session.address);
        let only = PerFamily {
            ipv4: family == Family::Ipv4,
            ipv6: family == Family::Ipv6,
        };
        let families = settings.families.unwrap_or(only);
        let offered = |family| Some(self.policies.get(family)).filter(|_| *families.get(family));
        let (ipv4, ipv6) = (offered(Family::Ipv4), offered(Family::Ipv6));
        if session.local_as == session.remote_as {
            settings.role = None;
            settings.forget("role");
        }
        PeerPlan {
            kind: session.kind,
            node: session.node,
            address: session.address,
            port: session.port.unwrap_or(BGP_PORT),
            family,
            families,
            local_as: session.local_as,
            remote_as: session.remote_as,
            // The kernel knows the link-local address that belongs to the interface.
            source_address: self
                .local
                .address(family)
                .filter(|_| session.interface.is_none()),
            passive: settings.passive.unwrap_or(session.passive),
            hold_time: settings.hold_time,
            keepalive: None,
            connect_delay: CONNECT_DELAY,
            connect_retry: settings.connect_retry,
            idle_hold: settings.idle_hold,
            delay_open: settings.delay_open,
            restart_time: DEFAULT_RESTART_TIME,
            next_hop_mode: NextHopMode::Auto,
            reflector_client: None,
            allowed_local_as: 0,
            password: session.password.secret,
            ttl_security: None,
            interface: session.interface,
            add_path: settings.add_path,
            add_path_max: settings.add_path_max,
            prefix_limit: settings.prefix_limit,
            role: settings.role,
            long_lived_time: settings.long_lived_time,
            shutdown: settings.shutdown.or(session.password.hold),
            import: PerFamily {
                ipv4: ipv4.map(|policies| Arc::clone(&policies.import)),
                ipv6: ipv6.map(|policies| Arc::clone(&policies.import)),
            },
            export: PerFamily {
                ipv4: ipv4.map(|policies| Arc::clone(&policies.export)),
                ipv6: ipv6.map(|policies| Arc::clone(&policies.export)),
            },
            settings: settings.origins,
            provenance: session.provenance,
        }
    }
}

/// Whether an address comes after another one as text, which is how Calico's nodes agree on who
/// dials (§3.5): the node whose peer sorts after itself waits.
pub(super) fn sorts_after(address: IpAddr, own: IpAddr) -> bool {
    address.to_string() > own.to_string()
}

/// The session's name (§3.2); a link-local address is told from others by its interface.
pub(super) fn session_name(
    kind: PeerKind,
    address: IpAddr,
    interface: Option<&str>,
    port: Option<u16>,
) -> PeerName {
    let prefix = match kind {
        PeerKind::Mesh => "Mesh",
        PeerKind::Global => "Global",
        PeerKind::Node => "Node",
    };
    let address = address.to_string().replace(['.', ':'], "_");
    let mut name = format!("{prefix}_{address}");
    if let Some(interface) = interface {
        name.push_str(&format!("_{interface}"));
    }
    if let Some(port) = port {
        name.push_str(&format!("_port_{port}"));
    }
    PeerName(name.into())
}
