//! Options of BGP's sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// IP precedence "internetwork control", as RFC 4271 appendix E asks for and BIRD sets.
const PRECEDENCE: u32 = 0xc0;

/// Octets that the kernel may hold unsent: less buffered means that a withdrawal overtakes sooner.
const NOT_SENT_LOW_WATER: u32 = 128 * 1024;

/// Connections that the kernel completes before they are accepted: a thousand peers at once.
const BACKLOG: i32 = 4096;

/// Sets what every BGP connection has: no delay, precedence, a bound on unsent data.
pub(crate) fn prepare(socket: &SockRef<'_>, address: IpAddr) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)?;
    match address {
        IpAddr::V4(_) => socket.set_tos_v4(PRECEDENCE),
        IpAddr::V6(_) => socket.set_tclass_v6(PRECEDENCE),
    }
}

/// A non-blocking socket to dial with, bound to `source` where there is one.
pub(crate) fn dialler(remote: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(remote),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    prepare(&SockRef::from(&socket), remote.ip())?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

/// A non-blocking listening socket; one for IPv6 leaves IPv4 to another.
pub(crate) fn listener(local: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(local),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if local.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&local.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_listener_leaves_the_port_free_for_ipv4() {
        let six = listener("[::]:0".parse().expect("an address")).expect("a listener");
        let port = six
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an IP socket")
            .port();
        listener(SocketAddr::new(
            "0.0.0.0".parse().expect("an address"),
            port,
        ))
        .expect("the same port, the other family");
    }

    #[test]
    fn a_dialler_is_bound_to_its_source() {
        let remote = "127.0.0.1:179".parse().expect("an address");
        let socket =
            dialler(remote, Some("127.0.0.9".parse().expect("an address"))).expect("a socket");
        let local = socket
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an IP socket");
        assert_eq!(
            local.ip(),
            "127.0.0.9".parse::<IpAddr>().expect("an address")
        );
    }
}
