//! The far side of a session: it writes chunks, and decodes what it wrote.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::fixtures::both;
use crate::net::{Family, Ipv4, Ipv6, PathId, PeerId, Prefix};
use crate::rib::{Chunk, Demarcation, GroupId, Version};
use crate::wire::{DecodeContext, Framer, Message, NlriRun, PathAttributes, RefreshKind, decode};

/// What a driver has of one prefix; of several paths, the one with the lowest identifier.
pub(crate) type Told = BTreeMap<Prefix, Arc<PathAttributes>>;

/// What a driver has, by prefix and identifier.
pub(crate) type ToldPaths = BTreeMap<(Prefix, PathId), Arc<PathAttributes>>;

/// The far side of one session in one family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driver {
    pub(crate) told: Told,
    pub(crate) paths: ToldPaths,
    /// The ROUTE-REFRESH messages, each with the number of prefixes announced until then.
    pub(crate) refreshes: Vec<(RefreshKind, usize)>,
    pub(crate) announced: usize,
    /// Withdrawals of what it had; others mean nothing.
    pub(crate) withdrawn: usize,
    /// Where each identifier led when it was first heard: a path keeps its own, and leaves it to none.
    pub(super) leads_to: BTreeMap<(Prefix, PathId), Option<IpAddr>>,
    pub(crate) end_of_ribs: usize,
    pub(crate) detached: usize,
    pub(crate) octets: usize,
    /// Position in the group's publications, while live.
    pub(crate) live: Option<(GroupId, usize)>,
    pub(super) written: Version,
    pub(super) pulling: bool,
    pub(super) four_octet_as: bool,
    pub(super) add_path: bool,
    pub(super) enhanced_refresh: bool,
    /// Made with the session.
    pub(super) demarcation: Option<Demarcation>,
}

impl Driver {
    pub(super) fn write(&mut self, peer: PeerId, family: Family, chunk: &Chunk) {
        for (own, bytes) in &chunk.amends {
            if *own == peer {
                self.take(family, bytes);
            }
        }
        let mut start = 0;
        for mark in &chunk.marks {
            assert!(mark.start < mark.end);
            if mark.source == peer {
                assert!(start <= mark.start as usize);
                self.take(family, &chunk.bytes[start..mark.start as usize]);
                start = mark.end as usize;
            }
        }
        self.take(family, &chunk.bytes[start..]);
        self.written = chunk.upto;
    }

    pub(super) fn take(&mut self, family: Family, bytes: &[u8]) {
        self.octets += bytes.len();
        let context = DecodeContext {
            four_octet_as: self.four_octet_as,
            add_path: both(self.add_path),
            families: both(true),
            external: false,
            extended_next_hop: false,
        };
        let mut framer = Framer::new();
        framer.extend(bytes);
        while let Some(message) = framer.next().expect("whole messages") {
            let update = match decode(&message, &context).expect("valid") {
                Message::Update(update) => update,
                Message::RouteRefresh(refresh) => {
                    assert_eq!(refresh.family, Some(family));
                    self.refreshes.push((refresh.kind, self.announced));
                    continue;
                }
                other => panic!("only routes are packed, not {other:?}"),
            };
            assert!(update.faults.is_empty(), "{:?}", update.faults);
            self.end_of_ribs += usize::from(update.end_of_rib == Some(family));
            for run in &update.withdrawn {
                for route in routes(run) {
                    self.withdrawn += usize::from(self.paths.remove(&route).is_some());
                    self.choose(route.0);
                }
            }
            for announced in &update.announced {
                let attributes = Arc::new(update.path(announced));
                for route in routes(&announced.nlri) {
                    self.announced += 1;
                    let next_hop = announced.next_hop.address();
                    let first = self.leads_to.entry(route).or_insert(next_hop);
                    assert!(
                        !self.add_path || *first == next_hop,
                        "{route:?} is another path"
                    );
                    self.paths.insert(route, Arc::clone(&attributes));
                    self.choose(route.0);
                }
            }
        }
        assert_eq!(framer.buffered(), 0, "no message is cut");
    }

    fn choose(&mut self, prefix: Prefix) {
        let all = (prefix, PathId(0))..=(prefix, PathId(u32::MAX));
        match self.paths.range(all).next() {
            Some((_, attributes)) => self.told.insert(prefix, Arc::clone(attributes)),
            None => self.told.remove(&prefix),
        };
    }
}

fn routes(run: &NlriRun<'_>) -> Vec<(Prefix, PathId)> {
    match run.family {
        Family::Ipv4 => run
            .iter::<Ipv4>()
            .map(|nlri| (nlri.prefix.into(), nlri.path_id))
            .collect(),
        Family::Ipv6 => run
            .iter::<Ipv6>()
            .map(|nlri| (nlri.prefix.into(), nlri.path_id))
            .collect(),
    }
}
