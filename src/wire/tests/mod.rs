//! Tests of the room as a whole: round trips, malformed messages, the fuzz corpus.

mod malformed_attribute;
mod malformed_open;
mod malformed_update;
mod reconciliation;
mod round_trip;
mod session;
mod strategy;

use super::*;
use crate::net::{Ipv4, Ipv6, PerFamily};

const BOTH: PerFamily<bool> = PerFamily {
    ipv4: true,
    ipv6: true,
};

/// An internal session with everything but ADD-PATH.
const INTERNAL: DecodeContext = DecodeContext {
    four_octet_as: true,
    add_path: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    families: BOTH,
    external: false,
    extended_next_hop: false,
};

const EXTERNAL: DecodeContext = DecodeContext {
    external: true,
    ..INTERNAL
};

/// An external session with a speaker that knows two-octet AS numbers only.
const OLD: DecodeContext = DecodeContext {
    four_octet_as: false,
    ..EXTERNAL
};

fn message(kind: MessageKind, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::Header::put(kind, body, &mut out);
    out
}

/// An UPDATE of three sections.
fn update(withdrawn: &[u8], attributes: &[&[u8]], nlri: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = |octets: &[u8]| u16::try_from(octets.len()).expect("short").to_be_bytes();
    let body = [
        &length(withdrawn),
        withdrawn,
        &length(&attributes),
        &attributes,
        nlri,
    ]
    .concat();
    message(MessageKind::Update, &body)
}

fn read<'a>(message: &'a [u8], context: &DecodeContext) -> Result<Update<'a>, WireError> {
    match decode(message, context)? {
        Message::Update(update) => Ok(update),
        other => panic!("{other:?}"),
    }
}

/// The prefixes of runs as text, in order.
fn prefixes<'a, 'b: 'a>(runs: impl IntoIterator<Item = &'a NlriRun<'b>>) -> Vec<String> {
    let mut texts = Vec::new();
    for run in runs {
        match run.family {
            crate::net::Family::Ipv4 => {
                texts.extend(run.iter::<Ipv4>().map(|n| n.prefix.to_string()));
            }
            crate::net::Family::Ipv6 => {
                texts.extend(run.iter::<Ipv6>().map(|n| n.prefix.to_string()));
            }
        }
    }
    texts
}

/// The set of the first run.
fn path_of(update: &Update<'_>) -> PathAttributes {
    update.path(&update.announced[0])
}

fn announced(update: &Update<'_>) -> Vec<String> {
    prefixes(update.announced.iter().map(|announced| &announced.nlri))
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
/// 65001 in four octets.
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
/// 65001 in two octets.
const AS_PATH_OLD: &[u8] = &[0x40, 2, 4, 2, 1, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
/// 10.65.0.0/26.
const NLRI: &[u8] = &[26, 10, 65, 0, 0];
/// fd00:65::/32 by fd00::1.
const REACH: &[u8] = &[
    0x80, 14, 26, 0, 2, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0xfd, 0,
    0, 0x65,
];
/// fd00:66::/32.
const UNREACH: &[u8] = &[0x80, 15, 8, 0, 2, 1, 32, 0xfd, 0, 0, 0x66];
