//! From an UPDATE to what the RIB is told.

use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId};
use crate::rib::{BATCH_ROUTES_MAX, Command, RouteBatch, RouteOp, Routes};
use crate::wire::{Nlri, NlriRun, Update};

/// The commands that an UPDATE of a peer amounts to, in order.
pub(super) fn commands(peer: PeerId, update: &Update<'_>) -> Vec<Command> {
    let mut commands = Vec::new();
    for run in &update.withdrawn {
        add_batches(&mut commands, peer, run, &RouteOp::Withdraw);
    }
    for announced in &update.announced {
        let op = RouteOp::Announce(announced.attributes.clone());
        add_batches(&mut commands, peer, &announced.nlri, &op);
    }
    let ended = update.end_of_rib;
    commands.extend(ended.map(|family| Command::EndOfRib { peer, family }));
    commands
}

fn add_batches(commands: &mut Vec<Command>, peer: PeerId, run: &NlriRun<'_>, op: &RouteOp) {
    match run.family {
        Family::Ipv4 => {
            let routes = batches::<Ipv4>(peer, run, op).into_iter().map(Routes::V4);
            commands.extend(routes.map(Command::Routes));
        }
        Family::Ipv6 => {
            let routes = batches::<Ipv6>(peer, run, op).into_iter().map(Routes::V6);
            commands.extend(routes.map(Command::Routes));
        }
    }
}

fn batches<A: AddressFamily>(
    source: PeerId,
    run: &NlriRun<'_>,
    op: &RouteOp,
) -> Vec<RouteBatch<A::Prefix>> {
    let all: Vec<Nlri<A::Prefix>> = run.iter::<A>().collect();
    let batch = |part: &[Nlri<A::Prefix>]| {
        let count = u32::try_from(part.len()).expect("bounded by the batch");
        RouteBatch {
            source,
            ops: vec![(op.clone(), count)],
            nlri: part.to_vec(),
        }
    };
    all.chunks(BATCH_ROUTES_MAX).map(batch).collect()
}
