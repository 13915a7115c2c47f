//! BGP messages out of recordings in MRT (RFC 6396).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One message as a collector has received it.
pub(crate) struct Recorded<'a> {
    /// Whether the peer is in another AS than the collector.
    pub(crate) external: bool,
    /// The peer's AS and its address as octets.
    pub(crate) peer: (usize, &'a [u8]),
    /// The whole message.
    pub(crate) octets: &'a [u8],
}

/// The folder with recordings, if there is one.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("CALIDRIS_RECORDINGS").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// A recording, unpacked; `None`, said aloud, where it is absent.
pub(crate) fn unpacked(name: &str) -> Option<Vec<u8>> {
    let Some(path) = folder()
        .map(|folder| folder.join(name))
        .filter(|path| path.is_file())
    else {
        println!("SKIPPED: no recording {name} in ../shared/data or $CALIDRIS_RECORDINGS");
        return None;
    };
    let gzip = Command::new("gzip")
        .arg("-dc")
        .arg(&path)
        .output()
        .expect("gzip runs");
    assert!(gzip.status.success(), "{} is not gzip", path.display());
    Some(gzip.stdout)
}

/// The messages of a recording in their order, whatever their types; state changes are left out.
pub(crate) fn messages(recording: &[u8]) -> Vec<Recorded<'_>> {
    let mut messages = Vec::new();
    let mut reader = Reader(recording);
    while !reader.0.is_empty() {
        reader.take(4); // the time
        let (kind, subtype) = (reader.short(), reader.short());
        let length = reader.long();
        let mut record = Reader(reader.take(length));
        match kind {
            BGP4MP => {}
            // The time's microseconds.
            BGP4MP_ET => drop(record.take(4)),
            other => panic!("a record of type {other}"),
        }
        let (peer_as, local_as) = match subtype {
            MESSAGE => (record.short(), record.short()),
            MESSAGE_AS4 => (record.long(), record.long()),
            _ => continue,
        };
        record.take(2); // the interface
        let address = match record.short() {
            1 => size_of::<u32>(),
            _ => size_of::<u128>(),
        };
        let peer = record.take(address);
        record.take(address); // the collector's
        messages.push(Recorded {
            external: peer_as != local_as,
            peer: (peer_as, peer),
            octets: record.0,
        });
    }
    messages
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, count: usize) -> usize {
        self.take(count)
            .iter()
            .fold(0, |sum, octet| sum << 8 | usize::from(*octet))
    }

    fn short(&mut self) -> usize {
        self.number(2)
    }

    fn long(&mut self) -> usize {
        self.number(4)
    }
}

/// The attributes of an UPDATE as they stand: flags, type, value. Independent of the library.
pub(crate) fn raw_attributes(message: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let mut reader = Reader(&message[19..]);
    let withdrawn = reader.short();
    reader.take(withdrawn);
    let length = reader.short();
    let mut list = Reader(reader.take(length));
    let mut attributes = Vec::new();
    while !list.0.is_empty() {
        let (flags, code) = (list.number(1), list.number(1));
        let length = list.number(if flags & 0x10 == 0 { 1 } else { 2 });
        let value = list.take(length);
        let octet = |number: usize| u8::try_from(number).expect("one octet was read");
        attributes.push((octet(flags), octet(code), value));
    }
    attributes
}

/// What a path holds for which a route must be withdrawn; numbers have four octets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BadPath {
    /// An AS_SET (RFC 9774 §3).
    pub(crate) set: bool,
    /// AS 0 (RFC 7607 §2).
    pub(crate) zero: bool,
}

/// Looks for it in AS_PATH.
pub(crate) fn bad_path(message: &[u8]) -> BadPath {
    let mut bad = BadPath::default();
    for (_, code, value) in raw_attributes(message) {
        let mut path = Reader(if code == 2 { value } else { &[] });
        while !path.0.is_empty() {
            bad.set |= path.number(1) != 2;
            let numbers = path.number(1);
            bad.zero |= (0..numbers).filter(|_| path.long() == 0).count() > 0;
        }
    }
    bad
}

/// A capture (pcap) in which each message is one TCP segment from port 179, in sequence.
pub(crate) fn pcap<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 0xffff, RAW_IP] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let mut sequence = 1_u32;
    for (number, message) in messages.into_iter().enumerate() {
        let length = u16::try_from(40 + message.len()).expect("a message has at most 4096 octets");
        let total = u32::from(length);
        for field in [u32::try_from(number).expect("few"), 0, total, total] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&[0x45, 0]);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        out.extend_from_slice(&[0, 179, 0x9c, 0x40]);
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend_from_slice(message);
        sequence += u32::from(length) - 40;
    }
    out
}

/// An address or prefix as text in the one form that both sides are compared in.
pub(crate) fn address(text: &str) -> String {
    text.parse::<IpAddr>()
        .map_or_else(|_| text.to_owned(), |address| address.to_string())
}

const BGP4MP: usize = 16;
const BGP4MP_ET: usize = 17;
const MESSAGE: usize = 1;
const MESSAGE_AS4: usize = 4;
const RAW_IP: u32 = 101;
