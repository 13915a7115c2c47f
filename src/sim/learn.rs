//! From an UPDATE to what the RIB is told.

use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId};
use crate::rib::{Command, RouteBatch, Routes};
use crate::wire::{Announced, NlriRun, Update};

/// The commands that an UPDATE of a peer amounts to, in order.
pub(super) fn commands(peer: PeerId, update: &Update<'_>) -> Vec<Command> {
    let mut commands = Vec::new();
    let withdrawn = update.withdrawn.iter().map(|run| (run, None));
    let announced = update
        .announced
        .iter()
        .map(|announced| (&announced.nlri, Some(announced)));
    for (run, announced) in withdrawn.chain(announced) {
        match run.family {
            Family::Ipv4 => {
                let routes = batches::<Ipv4>(peer, update, run, announced).map(Routes::V4);
                commands.extend(routes.map(Command::Routes));
            }
            Family::Ipv6 => {
                let routes = batches::<Ipv6>(peer, update, run, announced).map(Routes::V6);
                commands.extend(routes.map(Command::Routes));
            }
        }
    }
    let ended = update.end_of_rib;
    commands.extend(ended.map(|family| Command::EndOfRib { peer, family }));
    commands
}

fn batches<A: AddressFamily>(
    source: PeerId,
    update: &Update<'_>,
    run: &NlriRun<'_>,
    announced: Option<&Announced<'_>>,
) -> impl Iterator<Item = RouteBatch<A::Prefix>> {
    let mut left = run.iter::<A>().peekable();
    std::iter::from_fn(move || {
        left.peek()?;
        let mut batch = RouteBatch::new(source);
        match announced {
            Some(announced) => {
                batch.announce(&update.attributes, announced.next_hop, &mut left);
            }
            None => batch.withdraw(&mut left),
        }
        Some(batch)
    })
}
