//! Dumps that members share: who comes up together is told the same in the same bytes.
//!
//! A stretch of a dump is packed once, with marks as publications have them, and kept while the group's
//! Adj-RIB-Out stays as it is and somebody is behind. Members leave out their own routes by the marks.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::adj_rib_out::Advertised;
use super::chunk::{Barred, Batch};
use super::command::Chunk;
use super::known::Known;
use super::loc_rib::LocRib;
use super::member::{Member, Progress, STEPS_MAX, Served};
use super::table::DestId;
use super::update_group::Group;
use crate::net::{AddressFamily, PeerId};
use crate::wire::Nlri;

/// Stretches kept at a time, 64 KiB each: members do not all ask for the same one at once.
const STRETCHES_MAX: usize = 8;

/// The stretches of one group; the oldest goes where there is no room.
#[derive(Debug, Default)]
pub(crate) struct Dumps(VecDeque<Stretch>);

/// What follows from one destination on.
#[derive(Debug)]
struct Stretch {
    from: DestId,
    chunks: Vec<Chunk>,
    to: DestId,
    is_last: bool,
    /// Next hops and sources, and the member that the next hop belonged to.
    leads: HashMap<(IpAddr, PeerId), Option<PeerId>>,
}

impl Dumps {
    /// Forgets what does not hold any more, or is not needed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Stretch {
    /// Whether the marks are right for a member: none of the routes leads to it that did not when the
    /// stretch was packed.
    fn suits(&self, group: &Group, peer: PeerId) -> bool {
        let leads_there = |(address, source), led: Option<PeerId>| {
            source != peer && led != Some(peer) && group.is_at(peer, address)
        };
        !self.leads.iter().any(|(key, led)| leads_there(*key, *led))
    }
}

impl Group {
    /// The next hop of a path, unless it is the own address, which is no member's.
    pub(crate) fn foreign_next_hop(&self, path: &Advertised) -> Option<IpAddr> {
        let address = path.attributes.next_hop.address();
        address.filter(|address| Some(*address) != self.key.own_next_hop)
    }

    /// Whether the session of a member has this address.
    pub(crate) fn is_at(&self, peer: PeerId, address: IpAddr) -> bool {
        self.addresses.get(&address) == Some(&peer)
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Goes on with the dump of a member that knows nothing; `None` where it needs one of its own.
    pub(crate) fn serve_shared(
        &mut self,
        index: usize,
        peer: PeerId,
        member: &mut Member,
        recovering: bool,
    ) -> Option<Served> {
        let Progress::Dumping {
            next,
            after,
            known: Known::Nothing,
            everything: false,
        } = &mut member.progress
        else {
            return None;
        };
        // The one that asks is not among the members while it is served.
        if self.groups[index].members.is_empty() {
            return None;
        }
        let fits = |stretch: &Stretch| stretch.from == *next;
        if !self.groups[index].dumps.0.iter().any(fits) {
            let stretch = self.stretch(&self.groups[index], *next);
            let stretches = &mut self.groups[index].dumps.0;
            if stretches.len() == STRETCHES_MAX {
                stretches.pop_front();
            }
            stretches.push_back(stretch);
        }
        let group = &self.groups[index];
        let stretch = group.dumps.0.iter().find(|stretch| fits(stretch))?;
        if !stretch.suits(group, peer) {
            return None;
        }
        let upto = *after;
        *next = stretch.to;
        let chunks = stretch.chunks.iter();
        member.ready.extend(chunks.map(|chunk| Chunk {
            upto,
            ..chunk.clone()
        }));
        if stretch.is_last {
            member.progress = Progress::catching_up(upto);
            member.end(group.head, recovering);
        }
        Some(
            member
                .ready
                .pop_front()
                .map_or(Served::Later, Served::Chunk),
        )
    }

    fn stretch(&self, group: &Group, from: DestId) -> Stretch {
        let mut batch = Batch::<A>::new(group.key.encode);
        let (mut to, mut is_last, mut leads) = (from, false, HashMap::new());
        for _ in 0..STEPS_MAX {
            if to >= self.table.end() {
                is_last = true;
                break;
            }
            if let Some(destination) = self.table.live(to) {
                let told = group.rib.get(to);
                if !told.is_empty() && !batch.has_room_for(&told, 0) {
                    break;
                }
                for path in &told {
                    let led = group.led_to(path);
                    let mut barred = Barred::from_iter([path.source]);
                    barred.extend(led.filter(|peer| *peer != path.source));
                    if let Some(address) = group.foreign_next_hop(path) {
                        leads.insert((address, path.source), led);
                    }
                    let (prefix, path_id) = (destination.prefix, path.path_id);
                    batch.announce(Nlri { prefix, path_id }, &path.attributes, &barred);
                }
            }
            to = to.next();
        }
        // What a member has written is its own matter: it is put in when the stretch is handed out.
        let upto = group.head;
        Stretch {
            from,
            chunks: batch.pack(upto, upto),
            to,
            is_last,
            leads,
        }
    }
}
