//! Received UPDATEs on their way to the RIB: gathered into batches, in arrival order.

use std::collections::VecDeque;

use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId};
use crate::rib::{BATCH_ROUTES_MAX, Command, RouteBatch, RouteOp, Routes};
use crate::wire::{NlriRun, Update};

/// Gathers the routes of one established connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    source: PeerId,
    ipv4: RouteBatch<<Ipv4 as AddressFamily>::Prefix>,
    ipv6: RouteBatch<<Ipv6 as AddressFamily>::Prefix>,
    ready: VecDeque<Command>,
}

impl Inbox {
    pub(crate) fn new(source: PeerId) -> Self {
        Self {
            source,
            ipv4: empty(source),
            ipv6: empty(source),
            ready: VecDeque::new(),
        }
    }

    /// Takes one UPDATE; returns the family whose initial dump it ends.
    pub(crate) fn push(&mut self, update: &Update<'_>) -> Option<Family> {
        for run in &update.withdrawn {
            self.push_run(*run, &RouteOp::Withdraw);
        }
        for announced in &update.announced {
            self.push_run(
                announced.nlri,
                &RouteOp::Announce(announced.attributes.clone()),
            );
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

    fn push_run(&mut self, run: NlriRun<'_>, op: &RouteOp) {
        match run.family {
            Family::Ipv4 => {
                extend::<Ipv4>(&mut self.ipv4, run, op, &mut self.ready, Routes::V4);
            }
            Family::Ipv6 => {
                extend::<Ipv6>(&mut self.ipv6, run, op, &mut self.ready, Routes::V6);
            }
        }
    }

    fn flush(&mut self) {
        flush(&mut self.ipv4, &mut self.ready, Routes::V4);
        flush(&mut self.ipv6, &mut self.ready, Routes::V6);
    }
}

fn empty<P>(source: PeerId) -> RouteBatch<P> {
    RouteBatch {
        source,
        ops: Vec::new(),
        nlri: Vec::new(),
    }
}

fn flush<P>(
    batch: &mut RouteBatch<P>,
    ready: &mut VecDeque<Command>,
    wrap: fn(RouteBatch<P>) -> Routes,
) {
    if !batch.ops.is_empty() {
        let full = std::mem::replace(batch, empty(batch.source));
        ready.push_back(Command::Routes(wrap(full)));
    }
}

fn extend<A: AddressFamily>(
    batch: &mut RouteBatch<A::Prefix>,
    run: NlriRun<'_>,
    op: &RouteOp,
    ready: &mut VecDeque<Command>,
    wrap: fn(RouteBatch<A::Prefix>) -> Routes,
) {
    let mut count = 0;
    for nlri in run.iter::<A>() {
        if batch.nlri.len() == BATCH_ROUTES_MAX {
            push_op(batch, op, count);
            flush(batch, ready, wrap);
            count = 0;
        }
        batch.nlri.push(nlri);
        count += 1;
    }
    push_op(batch, op, count);
}

fn push_op<P>(batch: &mut RouteBatch<P>, op: &RouteOp, count: u32) {
    if count > 0 {
        batch.ops.push((op.clone(), count));
    }
}
