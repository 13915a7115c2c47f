//! Options of BGP's sockets. The one file with `unsafe`: no socket crate knows TCP-MD5 keys or a
//! least TTL.

use std::ffi::{CString, c_int};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::net::Secret;
use crate::plan::PeerPlan;

/// IP precedence "internetwork control", as RFC 4271 appendix E asks for and BIRD sets.
const PRECEDENCE: u32 = 0xc0;

/// Octets that the kernel may hold unsent: less buffered means that a withdrawal overtakes sooner.
const NOT_SENT_LOW_WATER: u32 = 128 * 1024;

/// Connections that the kernel completes before they are accepted: a thousand peers at once. The
/// kernel cuts it to the sysctl `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// The TTL of sessions without TTL security: peers may be hops away.
const TTL: u32 = 64;

/// The TTL that no forwarded packet has (RFC 5082 §3).
const TTL_MAX: u32 = 255;

/// The longest key that Linux takes.
const KEY_OCTETS_MAX: usize = 80;

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
    // N hops away at most means that N − 1 routers may have taken one off.
    let (ttl, least) = match ttl_security {
        Some(hops) => (TTL_MAX, (256 - c_int::from(hops)).min(255)),
        None => (TTL, 0),
    };
    match address {
        IpAddr::V4(_) => {
            socket.set_tos_v4(PRECEDENCE)?;
            socket.set_ttl_v4(ttl)?;
            set(socket, libc::IPPROTO_IP, libc::IP_MINTTL, &least)
        }
        IpAddr::V6(_) => {
            socket.set_tclass_v6(PRECEDENCE)?;
            socket.set_unicast_hops_v6(ttl)?;
            set(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, &least)
        }
    }
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
        set_key(&SockRef::from(&socket), remote.ip(), password)
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
    socket.listen(BACKLOG)
}

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Demands segments signed with `key` from `peer`, and signs those to it (RFC 2385); an earlier key
/// is replaced, for connections that come later.
///
/// # Errors
/// `InvalidInput` for a key that is empty or longer than 80 octets; else the kernel's.
pub(crate) fn set_key(socket: &SockRef<'_>, peer: IpAddr, key: &Secret) -> io::Result<()> {
    if key.reveal().is_empty() || key.reveal().len() > KEY_OCTETS_MAX {
        let reason = format!("it must have 1 to {KEY_OCTETS_MAX} octets");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    put_key(socket, peer, key.reveal())
}

/// Demands no signature from `peer` any more.
pub(crate) fn remove_key(socket: &SockRef<'_>, peer: IpAddr) -> io::Result<()> {
    put_key(socket, peer, &[])
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

/// Linux's `struct tcp_md5sig`, without padding.
#[repr(C, align(8))]
struct Md5Key {
    address: [u8; 128],
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: c_int,
    key: [u8; KEY_OCTETS_MAX],
}

/// Sets a key, or removes it where it is empty.
fn put_key(socket: &SockRef<'_>, peer: IpAddr, key: &[u8]) -> io::Result<()> {
    let mut option = Md5Key {
        address: [0; 128],
        flags: 0,
        prefix_length: 0,
        key_length: u16::try_from(key.len()).unwrap_or(u16::MAX),
        interface: 0,
        key: [0; KEY_OCTETS_MAX],
    };
    option.key[..key.len()].copy_from_slice(key);
    // Family, port and address as `sockaddr_in` and `sockaddr_in6` have them.
    let family = match peer {
        IpAddr::V4(address) => {
            option.address[4..8].copy_from_slice(&address.octets());
            libc::AF_INET
        }
        IpAddr::V6(address) => {
            option.address[8..24].copy_from_slice(&address.octets());
            libc::AF_INET6
        }
    };
    let family = libc::sa_family_t::try_from(family).expect("both families are small numbers");
    option.address[..2].copy_from_slice(&family.to_ne_bytes());
    set(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &option)
}

/// Sets a socket option; `value` is what the kernel expects of `name`, without padding.
#[expect(unsafe_code, reason = "options that no crate wraps")]
fn set<T>(socket: &SockRef<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).expect("options are small");
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the kernel reads `length`
    // octets from `value`, all of which are initialised, and keeps no pointer.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    match status {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number of an interface, if there is one of this name.
#[expect(unsafe_code, reason = "a look-up that no crate wraps")]
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends in a zero octet and lives through the call, which keeps no pointer.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

#[cfg(test)]
mod tests;
