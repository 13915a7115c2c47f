//! From an UPDATE to what the RIB is told.

use super::defect::Defect;
use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId};
use crate::rib::{Command, RouteBatch, Routes};
use crate::wire::{Announced, NlriRun, Update};

/// The routes that an UPDATE announces and withdraws.
pub(super) fn route_count(update: &Update<'_>) -> u64 {
    let announced = update.announced.iter().map(|announced| &announced.nlri);
    let runs = update.withdrawn.iter().chain(announced);
    let count = |run: &NlriRun<'_>| match run.family {
        Family::Ipv4 => run.iter::<Ipv4>().count(),
        Family::Ipv6 => run.iter::<Ipv6>().count(),
    };
    runs.map(|run| count(run) as u64).sum()
}

/// The commands that an UPDATE of a peer amounts to, in order.
pub(super) fn commands(peer: PeerId, update: &Update<'_>, defect: Option<Defect>) -> Vec<Command> {
    let mut commands = Vec::new();
    let withdrawn = update.withdrawn.iter().map(|run| (run, None));
    let announced = update
        .announced
        .iter()
        .map(|announced| (&announced.nlri, Some(announced)));
    for (run, announced) in withdrawn.chain(announced) {
        if announced.is_none() && defect == Some(Defect::WithdrawalsLost) {
            continue;
        }
        match run.family {
            Family::Ipv4 => {
                let routes =
                    batches::<Ipv4>(peer, update, run, (announced, defect)).map(Routes::V4);
                commands.extend(routes.map(Command::Routes));
            }
            Family::Ipv6 => {
                let routes =
                    batches::<Ipv6>(peer, update, run, (announced, defect)).map(Routes::V6);
                commands.extend(routes.map(Command::Routes));
            }
        }
    }
    let ended = update.end_of_rib;
    let ended = ended.filter(|_| defect != Some(Defect::EndOfRibLost));
    commands.extend(ended.map(|family| Command::EndOfRib { peer, family }));
    commands
}

fn batches<A: AddressFamily>(
    source: PeerId,
    update: &Update<'_>,
    run: &NlriRun<'_>,
    (announced, defect): (Option<&Announced<'_>>, Option<Defect>),
) -> impl Iterator<Item = RouteBatch<A::Prefix>> {
    let mut left = run.iter::<A>().peekable();
    std::iter::from_fn(move || {
        left.peek()?;
        let mut batch = RouteBatch::new(source);
        match announced {
            Some(announced) if defect == Some(Defect::MedLost) => {
                let mut attributes = update.attributes.to_path(announced.next_hop);
                attributes.med = None;
                batch.announce_path(&attributes, &mut left);
            }
            Some(announced) => {
                batch.announce(&update.attributes, announced.next_hop, &mut left);
            }
            None => batch.withdraw(&mut left),
        }
        Some(batch)
    })
}
