//! BGP's sockets: to dial with, to listen on, accepted.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::sockopt;
use crate::net::Secret;
use crate::plan::PeerPlan;

/// IP precedence "internetwork control", as RFC 4271 appendix E asks for and BIRD sets.
const PRECEDENCE: u32 = 0xc0;

/// Octets that the kernel may hold unsent: less buffered means that a withdrawal overtakes sooner.
const NOT_SENT_LOW_WATER: u32 = 128 * 1024;

/// Connections that the kernel completes before they are accepted: a thousand peers at once. The
/// kernel cuts it to the sysctl `net.core.somaxconn`.
pub(super) const BACKLOG: i32 = 4096;

/// The TTL of sessions without TTL security: peers may be hops away.
const TTL: u32 = 64;

/// The TTL that no forwarded packet has (RFC 5082 §3).
const TTL_MAX: u32 = 255;

/// What a session demands of its sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketTerms {
    /// The TCP-MD5 key (RFC 2385).
    pub(crate) password: Option<Secret>,
    /// Packets must come from at most so many hops away (RFC 5082).
    pub(crate) ttl_security: Option<u8>,
    /// The interface that the peer is reached by.
    pub(crate) interface: Option<Arc<str>>,
}

impl SocketTerms {
    pub(crate) fn new(plan: &PeerPlan) -> Self {
        Self {
            password: plan.password.clone(),
            ttl_security: plan.ttl_security,
            interface: plan.interface.clone(),
        }
    }
}

/// Sets what every BGP connection has: no delay, precedence, a bound on unsent data, its TTL.
pub(crate) fn prepare(
    socket: &SockRef<'_>,
    address: IpAddr,
    ttl_security: Option<u8>,
) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)?;
    let (ttl, least) = match ttl_security {
        Some(hops) => (TTL_MAX, least_ttl(hops)),
        None => (TTL, 0),
    };
    match address {
        IpAddr::V4(_) => {
            socket.set_tos_v4(PRECEDENCE)?;
            socket.set_ttl_v4(ttl)?;
        }
        IpAddr::V6(_) => {
            socket.set_tclass_v6(PRECEDENCE)?;
            socket.set_unicast_hops_v6(ttl)?;
        }
    }
    sockopt::set_least_ttl(socket, address, least)
}

/// Sets the same on an accepted connection. What has arrived by now came before the least TTL was
/// set, so the TTL of the peer's SYN is judged as well.
///
/// # Errors
/// The system's; or that the SYN came from too far away, or is not known (with SYN cookies).
pub(crate) fn prepare_accepted(
    socket: &SockRef<'_>,
    address: IpAddr,
    ttl_security: Option<u8>,
) -> io::Result<()> {
    prepare(socket, address, ttl_security)?;
    let Some(hops) = ttl_security else {
        return Ok(());
    };
    match sockopt::ttl_of_syn(socket)? {
        Some(ttl) if ttl >= least_ttl(hops) => Ok(()),
        Some(ttl) => Err(io::Error::other(format!(
            "the peer is farther away than TTL security allows: its TTL is {ttl}"
        ))),
        None => Err(io::Error::other("the peer's TTL is not known")),
    }
}

/// N hops away at most means that N − 1 routers may have taken one off.
fn least_ttl(hops: u8) -> u8 {
    u8::MAX - hops.saturating_sub(1)
}

/// A non-blocking socket to dial with, bound to `source` and to the interface where there is one.
pub(crate) fn dialler(
    remote: SocketAddr,
    source: Option<IpAddr>,
    terms: &SocketTerms,
) -> io::Result<Socket> {
    let socket = tcp(remote)?;
    prepare(&SockRef::from(&socket), remote.ip(), terms.ttl_security)?;
    if let Some(interface) = &terms.interface {
        socket
            .bind_device(Some(interface.as_bytes()))
            .map_err(|error| io::Error::other(format!("interface {interface}: {error}")))?;
    }
    if let Some(password) = &terms.password {
        sockopt::set_key(&SockRef::from(&socket), remote.ip(), password)
            .map_err(|error| io::Error::other(explain_key(&error)))?;
    }
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

/// A non-blocking socket bound to `local`; one for IPv6 leaves IPv4 to another. It listens after
/// [`listen`]: keys come before, so that no connection slips in without.
pub(crate) fn bound(local: SocketAddr) -> io::Result<Socket> {
    let socket = tcp(local)?;
    socket.set_reuse_address(true)?;
    // A peer with TTL security drops a SYN-ACK that has fewer; the others do not mind.
    match local {
        SocketAddr::V4(_) => socket.set_ttl_v4(TTL_MAX)?,
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_unicast_hops_v6(TTL_MAX)?;
        }
    }
    socket.bind(&local.into())?;
    Ok(socket)
}

/// Begins to listen.
pub(crate) fn listen(socket: &Socket) -> io::Result<()> {
    sockopt::save_syn(&SockRef::from(socket))?;
    socket.listen(BACKLOG)
}

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Says why the kernel has refused a key, and what to do.
pub(crate) fn explain_key(error: &io::Error) -> String {
    let advice = match error.raw_os_error() {
        Some(libc::ENOMEM) => ": a socket's keys need more room; raise net.core.optmem_max",
        Some(libc::ENOPROTOOPT) => ": this kernel is built without TCP-MD5",
        _ => "",
    };
    format!("the kernel refuses the password: {error}{advice}")
}

#[cfg(test)]
mod tests;
