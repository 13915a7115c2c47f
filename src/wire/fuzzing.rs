//! The bodies of the fuzz targets, so that stable tests run them over the committed corpus.
//!
//! Each takes arbitrary octets and panics only where a promise of this room is broken.

mod draw;
mod round_trip;
#[cfg(test)]
mod tests;

pub use draw::Draw;
pub use round_trip::round_trip;

use super::{
    DecodeContext, EncodeContext, Framer, HEADER_LENGTH, MESSAGE_LENGTH_MAX, Message, MessageKind,
    Update, UpdatePacker, decode, frame::Header,
};
use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PerFamily};

/// A byte stream, cut in pieces of the size that the first octet gives: messages come out as they
/// stood in the stream, and a fault is final.
pub fn framer(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else {
        return;
    };
    let mut framer = Framer::new();
    let mut taken = 0;
    for piece in stream.chunks(usize::from(size).max(1)) {
        framer.extend(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(message)) => {
                    let from = taken;
                    taken += message.len();
                    assert_eq!(stream.get(from..taken), Some(&*message));
                }
                Err(error) => {
                    assert_eq!(framer.next(), Err(error), "a fault is final");
                    return;
                }
            }
        }
        assert!(framer.buffered() < MESSAGE_LENGTH_MAX + usize::from(size));
    }
}

/// One message, header included, behind an octet that gives the session's terms.
pub fn message(data: &[u8]) {
    if let Some((&terms, message)) = data.split_first() {
        check(message, &context(terms));
    }
}

/// The body of an OPEN.
pub fn open(data: &[u8]) {
    check_body(MessageKind::Open, data, &context(0));
}

/// The body of an UPDATE, behind an octet that gives the session's terms.
pub fn update(data: &[u8]) {
    if let Some((&terms, body)) = data.split_first() {
        check_body(MessageKind::Update, body, &context(terms));
    }
}

fn context(terms: u8) -> DecodeContext {
    let bit = |bit: u8| terms & 1 << bit != 0;
    DecodeContext {
        four_octet_as: bit(0),
        add_path: PerFamily {
            ipv4: bit(1),
            ipv6: bit(2),
        },
        external: bit(3),
        // Inverted, so that the plain session is octet zero.
        families: PerFamily {
            ipv4: !bit(4),
            ipv6: !bit(5),
        },
        extended_next_hop: bit(6),
    }
}

fn check_body(kind: MessageKind, body: &[u8], context: &DecodeContext) {
    if body.len() <= MESSAGE_LENGTH_MAX - HEADER_LENGTH {
        let mut message = Vec::new();
        Header::put(kind, body, &mut message);
        check(&message, context);
    }
}

/// Decodes; what is accepted must survive being written and read again.
fn check(octets: &[u8], context: &DecodeContext) {
    let mut out = Vec::new();
    let message = match decode(octets, context) {
        Ok(message) => message,
        Err(error) => {
            error.notification().encode(&mut out);
            assert!(out.len() <= MESSAGE_LENGTH_MAX && !error.to_string().is_empty());
            return;
        }
    };
    match &message {
        Message::Update(update) => {
            check_family::<Ipv4>(update, context);
            check_family::<Ipv6>(update, context);
            return;
        }
        Message::Open(open) => open.encode(&mut out),
        Message::Notification(notification) => {
            assert!(!notification.to_string().is_empty());
            notification.encode(&mut out);
        }
        Message::Keepalive => out.extend_from_slice(&super::KEEPALIVE),
        Message::RouteRefresh(refresh) => refresh.encode(&mut out),
    }
    if !out.is_empty() {
        let again = decode(&out, context).expect("our own messages are in order");
        assert_eq!(again, message);
    }
}

/// Packs the runs of one family again and compares what a reader of that gets.
fn check_family<A: AddressFamily>(update: &Update<'_>, context: &DecodeContext) {
    let add_path = *context.add_path.get(A::FAMILY);
    let mut packer = UpdatePacker::new(EncodeContext {
        four_octet_as: context.four_octet_as,
        add_path,
        extended_next_hop: context.extended_next_hop,
        ..EncodeContext::default()
    });
    // What came from an external peer may hold anything that was left in.
    let reader = DecodeContext {
        external: false,
        families: PerFamily {
            ipv4: A::FAMILY == Family::Ipv4,
            ipv6: A::FAMILY == Family::Ipv6,
        },
        ..*context
    };
    for run in update.withdrawn.iter().filter(|r| r.family == A::FAMILY) {
        let sent: Vec<_> = run.iter::<A>().collect();
        assert_eq!(sent.len(), run.len());
        assert_eq!(
            packer.withdraw::<A>(sent.iter().copied()).withdrawn,
            sent.len()
        );
        let mut got = Vec::new();
        each_update(&packer.take(), &reader, |update| {
            assert!(update.announced.is_empty() && update.faults.is_empty());
            got.extend(update.withdrawn.iter().flat_map(|run| run.iter::<A>()));
        });
        assert_eq!(got, sent);
    }
    for announced in &update.announced {
        if announced.nlri.family != A::FAMILY {
            continue;
        }
        let sent: Vec<_> = announced.nlri.iter::<A>().collect();
        let path = update.path(announced);
        let mut content = Vec::new();
        update
            .attributes
            .put_content(announced.next_hop, &mut content);
        assert!(path.has_content(&content), "{path:?}");
        let packed = packer.announce::<A>(&path, sent.iter().copied());
        let mut got = Vec::new();
        each_update(&packer.take(), &reader, |update| {
            assert_eq!(update.faults, []);
            for again in &update.announced {
                assert_eq!(update.path(again), path);
                got.extend(again.nlri.iter::<A>());
            }
            got.extend(update.withdrawn.iter().flat_map(|run| run.iter::<A>()));
        });
        assert_eq!(packed.announced + packed.withdrawn, sent.len());
        assert_eq!(got, sent);
    }
}

fn each_update(octets: &[u8], context: &DecodeContext, mut check: impl FnMut(&Update<'_>)) {
    let mut framer = Framer::new();
    framer.extend(octets);
    while let Some(message) = framer.next().expect("our own messages are in order") {
        let message = decode(&message, context).expect("our own messages are in order");
        let Message::Update(update) = message else {
            unreachable!("a packer writes UPDATEs");
        };
        check(&update);
    }
    assert_eq!(framer.buffered(), 0);
}
