use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

fn address_of(socket: &Socket) -> SocketAddr {
    let local = socket.local_addr().expect("bound");
    local.as_socket().expect("an IP socket")
}

fn listening(local: &str, keys: &[(&str, &str)]) -> (TcpListener, SocketAddr) {
    let socket = bound(SocketAddr::new(ip(local), 0)).expect("a socket");
    for (peer, key) in keys {
        sockopt::set_key(&SockRef::from(&socket), ip(peer), &secret(key))
            .expect("TCP-MD5 is there");
    }
    listen(&socket).expect("a listener");
    socket.set_nonblocking(false).expect("a socket");
    let address = address_of(&socket);
    (socket.into(), address)
}

/// Dials and says a word; whether it went through is the listener's to tell.
fn dials(remote: SocketAddr, source: &str, terms: &SocketTerms) -> bool {
    let socket = dialler(remote, Some(ip(source)), terms).expect("a socket");
    socket.set_nonblocking(false).expect("a socket");
    let patience = Duration::from_millis(300);
    socket.connect_timeout(&remote.into(), patience).is_ok()
        && TcpStream::from(socket).write_all(b"hello").is_ok()
}

fn keyed(key: &str) -> SocketTerms {
    SocketTerms {
        password: Some(secret(key)),
        ..SocketTerms::default()
    }
}

#[test]
fn an_ipv6_listener_leaves_the_port_free_for_ipv4() {
    let (_six, address) = listening("::", &[]);
    let four = SocketAddr::new(ip("0.0.0.0"), address.port());
    listen(&bound(four).expect("the same port")).expect("the other family");
}

#[test]
fn a_dialler_is_bound_to_its_source() {
    let remote = "127.0.0.1:179".parse().expect("an address");
    let socket = dialler(remote, Some(ip("127.0.0.9")), &SocketTerms::default()).expect("a socket");
    assert_eq!(address_of(&socket).ip(), ip("127.0.0.9"));
}

#[test]
fn only_the_key_that_was_set_connects() {
    let (_listener, address) = listening("127.0.0.1", &[("127.1.0.2", "right")]);
    assert!(dials(address, "127.1.0.2", &keyed("right")));
    assert!(!dials(address, "127.1.0.2", &keyed("wrong")));
    assert!(!dials(address, "127.1.0.2", &SocketTerms::default()));
    // Its neighbour without a key is let in only without one.
    assert!(dials(address, "127.1.0.3", &SocketTerms::default()));
    assert!(!dials(address, "127.1.0.3", &keyed("right")));
}

#[test]
fn a_key_can_be_replaced_and_removed_while_listening() {
    let (listener, address) = listening("::1", &[("::1", "old")]);
    let socket = SockRef::from(&listener);
    assert!(dials(address, "::1", &keyed("old")));
    sockopt::set_key(&socket, ip("::1"), &secret("new")).expect("replaced");
    assert!(!dials(address, "::1", &keyed("old")));
    assert!(dials(address, "::1", &keyed("new")));
    sockopt::remove_key(&socket, ip("::1")).expect("removed");
    assert!(dials(address, "::1", &SocketTerms::default()));
}

#[test]
fn keys_have_one_to_eighty_octets() {
    let socket = bound("127.0.0.1:0".parse().expect("an address")).expect("a socket");
    let try_key = |octets: usize| {
        sockopt::set_key(
            &SockRef::from(&socket),
            ip("127.1.0.2"),
            &Secret::new(&vec![b'x'; octets]),
        )
    };
    assert!(try_key(80).is_ok());
    for octets in [0, 81] {
        let error = try_key(octets).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{octets}");
    }
}

#[test]
fn a_socket_without_room_for_more_keys_says_which_sysctl_to_raise() {
    let socket = bound("127.0.0.1:0".parse().expect("an address")).expect("a socket");
    let refused = (0..=u16::MAX).find_map(|n| {
        let [high, low] = n.to_be_bytes();
        let peer = IpAddr::from([127, 2, high, low]);
        sockopt::set_key(&SockRef::from(&socket), peer, &secret("key")).err()
    });
    let refused = refused.expect("there is a limit below 65,536 keys");
    let reason = explain_key(&refused);
    assert!(reason.contains("net.core.optmem_max"), "{reason}");
}

#[test]
fn ttl_security_drops_what_comes_from_farther_away() {
    let (listener, address) = listening("127.0.0.1", &[]);
    let says = |hops: Option<u8>| {
        let terms = SocketTerms {
            ttl_security: hops,
            ..SocketTerms::default()
        };
        let socket = dialler(address, None, &terms).expect("a socket");
        socket.set_nonblocking(false).expect("a socket");
        let patience = Duration::from_secs(5);
        socket
            .connect_timeout(&address.into(), patience)
            .expect("the SYN-ACK has a TTL of 255");
        let (accepted, _) = listener.accept().expect("a connection");
        let socket_of = SockRef::from(&accepted);
        let judged = prepare_accepted(&socket_of, address.ip(), Some(1));
        assert_eq!(judged.is_ok(), hops.is_some(), "{judged:?}");
        accepted
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a time-out");
        TcpStream::from(socket).write_all(b"hello").expect("sent");
        let mut word = [0; 5];
        (&accepted).read_exact(&mut word).is_ok()
    };
    assert!(says(Some(1)));
    assert!(!says(None));
}

#[test]
fn ttl_security_is_set_for_ipv6_too() {
    let remote = "[::1]:179".parse().expect("an address");
    let hops = |ttl_security| {
        let terms = SocketTerms {
            ttl_security,
            ..SocketTerms::default()
        };
        let socket = dialler(remote, None, &terms).expect("a socket");
        socket.unicast_hops_v6().expect("an option")
    };
    assert_eq!((hops(Some(1)), hops(None)), (255, 64));
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let terms = SocketTerms {
        interface: Some("none7".into()),
        ..SocketTerms::default()
    };
    let remote = "[fe80::1]:179".parse().expect("an address");
    let error = dialler(remote, None, &terms).expect_err("no such interface");
    assert!(error.to_string().contains("none7"), "{error}");
    assert_eq!(sockopt::interface_index("none7"), None);
    assert_eq!(sockopt::interface_index("lo"), Some(1));
}
