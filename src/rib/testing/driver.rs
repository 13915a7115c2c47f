//! The far side of a session: it writes chunks, and decodes what it wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fixtures::both;
use crate::net::{Family, Ipv4, Ipv6, PeerId, Prefix};
use crate::rib::{Chunk, GroupId, Version};
use crate::wire::{DecodeContext, Framer, Message, NlriRun, PathAttributes, decode};

/// What a driver has of one prefix.
pub(crate) type Told = BTreeMap<Prefix, Arc<PathAttributes>>;

/// The far side of one session in one family.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    pub(crate) told: Told,
    pub(crate) end_of_ribs: usize,
    pub(crate) octets: usize,
    /// Position in the group's publications, while live.
    pub(super) live: Option<(GroupId, usize)>,
    pub(super) written: Version,
    pub(super) pulling: bool,
    pub(super) four_octet_as: bool,
    pub(super) add_path: bool,
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
            assert!(start <= mark.start as usize && mark.start < mark.end);
            if mark.source == peer {
                self.take(family, &chunk.bytes[start..mark.start as usize]);
                start = mark.end as usize;
            }
        }
        self.take(family, &chunk.bytes[start..]);
        self.written = chunk.upto;
    }

    fn take(&mut self, family: Family, bytes: &[u8]) {
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
            let Message::Update(update) = decode(&message, &context).expect("valid") else {
                panic!("only UPDATEs are packed");
            };
            assert!(update.faults.is_empty(), "{:?}", update.faults);
            self.end_of_ribs += usize::from(update.end_of_rib == Some(family));
            for run in &update.withdrawn {
                for prefix in prefixes(run) {
                    self.told.remove(&prefix);
                }
            }
            for announced in &update.announced {
                let attributes = Arc::new(update.path(announced));
                for prefix in prefixes(&announced.nlri) {
                    self.told.insert(prefix, Arc::clone(&attributes));
                }
            }
        }
        assert_eq!(framer.buffered(), 0, "no message is cut");
    }
}

fn prefixes(run: &NlriRun<'_>) -> Vec<Prefix> {
    match run.family {
        Family::Ipv4 => run.iter::<Ipv4>().map(|nlri| nlri.prefix.into()).collect(),
        Family::Ipv6 => run.iter::<Ipv6>().map(|nlri| nlri.prefix.into()).collect(),
    }
}
