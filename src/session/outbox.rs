//! What waits to be written on one connection: control messages first, then routes.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::net::PeerId;
use crate::rib::Chunk;
use crate::wire::HEADER_LENGTH;

/// Route octets beyond which nothing more is fetched for this connection.
pub(crate) const ROUTE_OCTETS_MAX: usize = 128 * 1024;

/// Pieces handed to one vectored write.
const SLICES_MAX: usize = 32;

/// Bytes to write, always in whole messages: a control message goes out at the next message
/// boundary, ahead of every queued route.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The rest of a message of which some octets are written.
    partial: Bytes,
    control: VecDeque<Bytes>,
    routes: VecDeque<Bytes>,
    route_octets: usize,
}

impl Outbox {
    /// Queues one control message ahead of all routes; returns whether it was. One that waits already
    /// is not queued twice: a second KEEPALIVE or ROUTE-REFRESH behind a peer that does not read would
    /// say nothing more, and so the queue holds no more than one of each.
    pub(crate) fn push_control(&mut self, message: Bytes) -> bool {
        let is_new = !self.control.contains(&message);
        if is_new {
            self.control.push_back(message);
        }
        is_new
    }

    /// Queues a chunk without the stretches that stem from `own`; returns the UPDATEs queued.
    pub(crate) fn push_chunk(&mut self, own: PeerId, chunk: &Chunk) -> u64 {
        let mut updates = 0;
        for (peer, bytes) in &chunk.amends {
            if *peer == own {
                updates += self.push_routes(bytes.clone());
            }
        }
        let mut from = 0;
        for mark in chunk.marks.iter().filter(|mark| mark.source == own) {
            updates += self.push_routes(chunk.bytes.slice(from..mark.start as usize));
            from = mark.end as usize;
        }
        updates + self.push_routes(chunk.bytes.slice(from..))
    }

    /// Queues a message that keeps its place among the routes.
    pub(crate) fn push_boundary(&mut self, message: Bytes) {
        self.push_routes(message);
    }

    /// Whether more routes may be fetched.
    pub(crate) fn has_room(&self) -> bool {
        self.route_octets < ROUTE_OCTETS_MAX
    }

    /// Whether control messages wait of which no octet is written.
    pub(crate) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.partial.is_empty() && self.control.is_empty() && self.routes.is_empty()
    }

    /// Forgets all routes but the rest of a message that is half written.
    pub(crate) fn drop_routes(&mut self) {
        self.routes.clear();
        self.route_octets = 0;
    }

    /// The pieces to write next, in order.
    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        std::iter::once(&self.partial)
            .filter(|partial| !partial.is_empty())
            .chain(&self.control)
            .chain(&self.routes)
            .take(SLICES_MAX)
            .map(|piece| IoSlice::new(piece))
            .collect()
    }

    /// Takes off what was written, and keeps the rest at a message boundary.
    pub(crate) fn advance(&mut self, mut written: usize) {
        let step = written.min(self.partial.len());
        self.partial.advance(step);
        written -= step;
        while written > 0 {
            let from_control = !self.control.is_empty();
            let queue = if from_control {
                &mut self.control
            } else {
                &mut self.routes
            };
            let Some(mut piece) = queue.pop_front() else {
                debug_assert!(false, "more was written than was queued");
                return;
            };
            if !from_control {
                self.route_octets -= piece.len();
            }
            if written >= piece.len() {
                written -= piece.len();
                continue;
            }
            let boundary = boundary_after(&piece, written);
            self.partial = piece.split_to(boundary);
            self.partial.advance(written);
            if !piece.is_empty() {
                if !from_control {
                    self.route_octets += piece.len();
                }
                queue.push_front(piece);
            }
            return;
        }
    }

    fn push_routes(&mut self, bytes: Bytes) -> u64 {
        if bytes.is_empty() {
            return 0;
        }
        let count = messages(&bytes).count() as u64;
        self.route_octets += bytes.len();
        self.routes.push_back(bytes);
        count
    }
}

/// The end of the message that holds octet `at - 1`, in a run of whole messages.
fn boundary_after(run: &[u8], at: usize) -> usize {
    messages(run).find(|end| *end >= at).unwrap_or(run.len())
}

/// The ends of the messages in a run of whole messages, by their length fields.
fn messages(run: &[u8]) -> impl Iterator<Item = usize> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let header = run.get(end..end + HEADER_LENGTH)?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        end = (end + length.max(HEADER_LENGTH)).min(run.len());
        Some(end)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rib::{Mark, Version};

    fn message(kind: u8, body: usize) -> Vec<u8> {
        let length = u16::try_from(HEADER_LENGTH + body).expect("a short message");
        let mut bytes = vec![0xff; 16];
        bytes.extend(length.to_be_bytes());
        bytes.push(kind);
        bytes.extend(std::iter::repeat_n(kind, body));
        bytes
    }

    fn chunk(bytes: Vec<u8>, marks: Vec<Mark>, amends: Vec<(PeerId, Bytes)>) -> Chunk {
        Chunk {
            bytes: bytes.into(),
            marks,
            amends,
            upto: Version(1),
            prefixes: 0,
        }
    }

    fn write_all(outbox: &mut Outbox, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !outbox.is_empty() {
            let flat: Vec<u8> = outbox.slices().iter().flat_map(|s| s.to_vec()).collect();
            let n = step.min(flat.len());
            out.extend(&flat[..n]);
            outbox.advance(n);
        }
        out
    }

    #[test]
    fn own_stretches_are_left_out_and_own_amends_come_first() {
        let (a, b, c) = (message(2, 10), message(2, 20), message(2, 30));
        let amend = message(2, 5);
        let all = [a.clone(), b.clone(), c.clone()].concat();
        let mark = Mark {
            source: PeerId(7),
            start: u32::try_from(a.len()).expect("short"),
            end: u32::try_from(a.len() + b.len()).expect("short"),
        };
        let amends = vec![
            (PeerId(7), Bytes::from(amend.clone())),
            (PeerId(8), Bytes::from(message(2, 9))),
        ];
        let chunk = chunk(all.clone(), vec![mark], amends);

        let mut of_the_source = Outbox::default();
        assert_eq!(of_the_source.push_chunk(PeerId(7), &chunk), 3);
        assert_eq!(write_all(&mut of_the_source, 4096), [amend, a, c].concat());

        let mut of_another = Outbox::default();
        assert_eq!(of_another.push_chunk(PeerId(9), &chunk), 3);
        assert_eq!(write_all(&mut of_another, 4096), all);
    }

    #[test]
    fn a_control_message_goes_out_at_the_next_message_boundary() {
        let (a, b) = (message(2, 100), message(2, 50));
        let keepalive = message(4, 0);
        let mut outbox = Outbox::default();
        outbox.push_chunk(
            PeerId(1),
            &chunk([a.clone(), b.clone()].concat(), vec![], vec![]),
        );
        outbox.advance(40);
        outbox.push_control(keepalive.clone().into());
        assert_eq!(
            write_all(&mut outbox, 7),
            [a[40..].to_vec(), keepalive, b].concat()
        );
    }

    #[test]
    fn a_peer_that_does_not_read_has_one_keepalive_waiting() {
        let (keepalive, refresh) = (message(4, 0), message(5, 4));
        let mut outbox = Outbox::default();
        assert!(outbox.push_control(keepalive.clone().into()));
        for _ in 0..100 {
            assert!(!outbox.push_control(keepalive.clone().into()));
            outbox.push_control(refresh.clone().into());
        }
        assert_eq!(
            write_all(&mut outbox, 4096),
            [keepalive.clone(), refresh].concat()
        );
        assert!(outbox.push_control(keepalive.into()));
    }

    #[test]
    fn dropping_routes_keeps_the_message_that_is_half_written() {
        let (a, b) = (message(2, 100), message(2, 50));
        let mut outbox = Outbox::default();
        outbox.push_chunk(PeerId(1), &chunk([a.clone(), b].concat(), vec![], vec![]));
        outbox.advance(1);
        outbox.drop_routes();
        outbox.push_control(message(3, 2).into());
        assert_eq!(
            write_all(&mut outbox, 9),
            [a[1..].to_vec(), message(3, 2)].concat()
        );
        assert!(outbox.has_room());
    }

    proptest! {
        #[test]
        fn any_write_pattern_yields_whole_messages(
            bodies in prop::collection::vec(0usize..300, 1..20),
            steps in prop::collection::vec(1usize..500, 1..60),
        ) {
            let mut outbox = Outbox::default();
            let run: Vec<u8> = bodies.iter().flat_map(|b| message(2, *b)).collect();
            outbox.push_chunk(PeerId(1), &chunk(run, vec![], vec![]));
            let mut out = Vec::new();
            for (i, step) in steps.iter().cycle().enumerate() {
                if outbox.is_empty() {
                    break;
                }
                if i < 5 {
                    outbox.push_control(message(4, 0).into());
                }
                let flat: Vec<u8> = outbox.slices().iter().flat_map(|s| s.to_vec()).collect();
                let n = (*step).min(flat.len());
                out.extend(&flat[..n]);
                outbox.advance(n);
            }
            let ends: Vec<usize> = messages(&out).collect();
            prop_assert_eq!(ends.last().copied(), Some(out.len()));
            let mut start = 0;
            for end in ends {
                let length = u16::from_be_bytes([out[start + 16], out[start + 17]]);
                prop_assert_eq!(usize::from(length), end - start);
                let kind = out[start + 18];
                prop_assert!(out[start + 19..end].iter().all(|b| *b == kind));
                start = end;
            }
        }
    }
}
