//! Options of TCP sockets that no socket crate knows: keys, a least TTL, the SYN of a connection.
//! With `unsafe`, as is nothing else but the heap's trim.

use std::ffi::{CString, c_int};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use socket2::SockRef;

use crate::net::Secret;

/// The longest key that Linux takes.
const KEY_OCTETS_MAX: usize = 80;

/// The longest IPv6 and TCP headers of a SYN, options and extensions included.
const SYN_OCTETS_MAX: usize = 512;

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

/// Drops what arrives on a socket with a smaller TTL or hop limit (RFC 5082); zero drops nothing.
pub(crate) fn set_least_ttl(socket: &SockRef<'_>, address: IpAddr, least: u8) -> io::Result<()> {
    let (level, name) = match address {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MINTTL),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    set(socket, level, name, &c_int::from(least))
}

/// Keeps the SYN of every connection that a listening socket accepts, for [`ttl_of_syn`].
pub(crate) fn save_syn(socket: &SockRef<'_>) -> io::Result<()> {
    set(
        socket,
        libc::IPPROTO_TCP,
        libc::TCP_SAVE_SYN,
        &c_int::from(true),
    )
}

/// The TTL or hop limit with which an accepted connection's SYN came; `None` where the kernel has not
/// kept it. It can be asked for once.
#[expect(unsafe_code, reason = "an option that no crate wraps")]
pub(crate) fn ttl_of_syn(socket: &SockRef<'_>) -> io::Result<Option<u8>> {
    let mut packet = [0_u8; SYN_OCTETS_MAX];
    let mut length = libc::socklen_t::try_from(packet.len()).expect("a small buffer");
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the kernel writes at most
    // `length` octets to `packet` and their number to `length`, and keeps neither pointer.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_SAVED_SYN,
            packet.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // The version is in the first four bits; the header's place for the TTL follows from it.
    Ok(match (length, packet[0] >> 4) {
        (20.., 4) => Some(packet[8]),
        (40.., 6) => Some(packet[7]),
        _ => None,
    })
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
