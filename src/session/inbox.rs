//! Received UPDATEs on their way to the RIB: gathered into batches, in arrival order.

use std::collections::VecDeque;

use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId};
use crate::rib::{Command, RouteBatch, Routes};
use crate::wire::{Announced, NlriIter, NlriRun, Update};

/// Gathers the routes of one established connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    source: PeerId,
    ipv4: RouteBatch<<Ipv4 as AddressFamily>::Prefix>,
    ipv6: RouteBatch<<Ipv6 as AddressFamily>::Prefix>,
    ready: VecDeque<Command>,
}

impl Inbox {
    pub(crate) const fn new(source: PeerId) -> Self {
        Self {
            source,
            ipv4: RouteBatch::new(source),
            ipv6: RouteBatch::new(source),
            ready: VecDeque::new(),
        }
    }

    /// Takes one UPDATE; returns the family whose initial dump it ends.
    pub(crate) fn push(&mut self, update: &Update<'_>) -> Option<Family> {
        for run in &update.withdrawn {
            self.push_run(update, run, None);
        }
        for announced in &update.announced {
            self.push_run(update, &announced.nlri, Some(announced));
        }
        if let Some(family) = update.end_of_rib {
            self.flush();
            self.ready.push_back(Command::EndOfRib {
                peer: self.source,
                family,
            });
        }
        update.end_of_rib
    }

    /// Moves what has gathered to `mail`.
    pub(crate) fn drain_into(&mut self, mail: &mut VecDeque<Command>) {
        self.flush();
        mail.append(&mut self.ready);
    }

    /// Adds a run that is announced, or withdrawn where `announced` is not there.
    fn push_run(
        &mut self,
        update: &Update<'_>,
        run: &NlriRun<'_>,
        announced: Option<&Announced<'_>>,
    ) {
        let ready = &mut self.ready;
        match run.family {
            Family::Ipv4 => {
                let nlri = run.iter::<Ipv4>();
                extend::<Ipv4>(&mut self.ipv4, update, announced, nlri, |batch| {
                    ready.push_back(Command::Routes(Routes::V4(batch)));
                });
            }
            Family::Ipv6 => {
                let nlri = run.iter::<Ipv6>();
                extend::<Ipv6>(&mut self.ipv6, update, announced, nlri, |batch| {
                    ready.push_back(Command::Routes(Routes::V6(batch)));
                });
            }
        }
    }

    fn flush(&mut self) {
        if !self.ipv4.is_empty() {
            let batch = self.ipv4.take();
            self.ready.push_back(Command::Routes(Routes::V4(batch)));
        }
        if !self.ipv6.is_empty() {
            let batch = self.ipv6.take();
            self.ready.push_back(Command::Routes(Routes::V6(batch)));
        }
    }
}

/// Adds a run to a batch, and hands batches over as they get full.
fn extend<A: AddressFamily>(
    batch: &mut RouteBatch<A::Prefix>,
    update: &Update<'_>,
    announced: Option<&Announced<'_>>,
    mut nlri: NlriIter<'_, A>,
    mut ready: impl FnMut(RouteBatch<A::Prefix>),
) {
    while !nlri.is_empty() {
        match announced {
            Some(announced) => batch.announce(&update.attributes, announced.next_hop, &mut nlri),
            None => batch.withdraw(&mut nlri),
        }
        if !batch.is_full() {
            return;
        }
        ready(batch.take());
    }
}
