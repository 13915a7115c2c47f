//! Views for the tests of rooms that judge sessions.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use socket2::{SockRef, Socket};

pub(crate) use super::socket::{SocketTerms, dialler};
use super::spec::PeerSpec;
use super::view::{NegotiatedView, PeerState, PeerView};
use super::{socket, sockopt};
use crate::net::{AddPathDirection, Asn, Family, PeerId, PerFamily, RouterId, Secret};
use crate::plan::{PeerKind, PeerName, PeerPlan, Provenance};
use crate::policy::{NextHopMode, Policy, Then};

/// A peer of an IPv4 mesh.
pub(crate) fn spec(name: &str) -> PeerSpec {
    let policy = |name: &str| {
        let policy = Policy {
            name: name.into(),
            rules: vec![],
            otherwise: Then::Accept,
        };
        PerFamily {
            ipv4: Some(Arc::new(policy)),
            ipv6: None,
        }
    };
    let plan = PeerPlan {
        kind: PeerKind::Mesh,
        node: None,
        address: [192, 0, 2, 2].into(),
        port: 179,
        family: Family::Ipv4,
        families: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        local_as: Asn(64_512),
        remote_as: Asn(64_512),
        source_address: None,
        passive: false,
        hold_time: 240,
        keepalive: None,
        connect_delay: Duration::from_secs(2),
        connect_retry: Duration::from_secs(5),
        idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
        delay_open: None,
        restart_time: 120,
        next_hop_mode: NextHopMode::Auto,
        reflector_client: None,
        allowed_local_as: 0,
        password: None,
        ttl_security: None,
        interface: None,
        add_path: AddPathDirection {
            receive: true,
            send: true,
        },
        add_path_max: 16,
        prefix_limit: None,
        role: None,
        long_lived_time: None,
        shutdown: None,
        import: policy("import"),
        export: policy("export"),
        settings: Arc::default(),
        provenance: Provenance {
            resource: "BGPConfiguration/default".into(),
            field: "spec.nodeToNodeMeshEnabled".into(),
        },
    };
    PeerSpec {
        id: PeerId(1),
        name: PeerName(name.into()),
        plan,
        router_id: RouterId([192, 0, 2, 1].into()),
        addresses: PerFamily {
            ipv4: Some([192, 0, 2, 1].into()),
            ipv6: None,
        },
        cluster_id: None,
    }
}

/// A session that is not up and has not tried yet.
pub(crate) fn view(name: &str) -> PeerView {
    super::record::Record::new(SystemTime::UNIX_EPOCH).view(&spec(name), PeerState::Idle, None)
}

/// An established session of IPv4 that has not seen End-of-RIB.
pub(crate) fn established(name: &str, restart_time: Option<u16>) -> PeerView {
    PeerView {
        state: PeerState::Established,
        negotiated: Some(NegotiatedView {
            peer_router_id: RouterId([192, 0, 2, 2].into()),
            hold_time: 240,
            keepalive: 80.0,
            families: vec![Family::Ipv4],
            four_octet_as: true,
            add_path: PerFamily::default(),
            route_refresh: true,
            enhanced_refresh: false,
            extended_message: false,
            extended_next_hop: false,
            peer_role: None,
            keeps_routes_over_notification: false,
            long_lived_times: PerFamily::default(),
            unknown_capabilities: Vec::new(),
            restart_time,
            peer_restarting: false,
            local_endpoint: "192.0.2.1:179".into(),
            remote_endpoint: "192.0.2.2:33333".into(),
        }),
        ..view(name)
    }
}

/// A socket that listens on a port of `local` and demands `key` from `peer`.
pub(crate) fn listener_with_key(local: IpAddr, peer: IpAddr, key: &Secret) -> Socket {
    let socket = socket::bound((local, 0).into()).expect("a socket");
    sockopt::set_key(&SockRef::from(&socket), peer, key).expect("TCP-MD5 is there");
    socket::listen(&socket).expect("a listener");
    socket
}
