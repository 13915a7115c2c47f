//! Members that come up together.

use super::*;

/// Lets two clients come up at once, and returns the first answer of each.
fn first_chunks(world: &mut World, clients: [u32; 2]) -> [Chunk; 2] {
    let now = world.now;
    for n in clients {
        world
            .shard
            .handle(now, Command::AddPeer(peer(n, false, true)));
        world.shard.handle(now, Command::SessionUp(terms(n)));
    }
    for n in clients {
        let (peer, family) = (PeerId(n), V4);
        world.shard.handle(now, Command::Pull { peer, family });
    }
    world.shard.turn(now);
    let outputs = std::iter::from_fn(|| world.shard.poll_output());
    let chunks = outputs.filter_map(|output| match output {
        Output::Pulled { chunk, .. } => Some(chunk),
        _ => None,
    });
    chunks
        .collect::<Vec<_>>()
        .try_into()
        .expect("an answer to each")
}

#[test]
fn clients_that_come_up_together_share_the_bytes_of_their_dump() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, true));
    let routes: Vec<_> = (0..3).map(|p| nth(V4, p)).collect();
    world.announce(1, &routes, attributes(address(V4, 1), &[65_001]));
    world.settle();
    let [one, other] = first_chunks(&mut world, [2, 3]);
    assert!(!one.bytes.is_empty());
    assert_eq!(one.bytes.as_ptr(), other.bytes.as_ptr());
    assert_eq!(one.marks, other.marks);
}

#[test]
fn a_client_that_comes_into_a_dump_is_not_told_routes_that_lead_to_it() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, true));
    let routes: Vec<_> = (0..9).map(|p| nth(V4, p)).collect();
    world.announce(1, &routes, attributes(address(V4, 3), &[65_001]));
    world.settle();
    world.peer_up(peer(2, false, true));
    world.turn();
    world.peer_up(peer(3, false, true));
    world.settle();
    assert_eq!(world.told(2, V4).len(), routes.len());
    assert!(world.told(3, V4).is_empty());
}

#[test]
fn the_end_comes_behind_all_that_was_known_though_the_head_is_held_back() {
    let mut world = World::new(false);
    for n in [1, 2] {
        world.peer_up(peer(n, false, true));
    }
    world.settle();
    let now = world.now;
    // The owner lets nothing be published: its members are busy.
    let turn = |world: &mut World| world.shard.turn_paced(now, &mut |_, _| false);
    world.announce(1, &[nth(V4, 1)], attributes(address(V4, 1), &[65_001]));
    while turn(&mut world) {}
    world
        .shard
        .handle(now, Command::AddPeer(peer(3, false, true)));
    world.shard.handle(now, Command::SessionUp(terms(3)));
    let (mut told, mut ended) = (false, false);
    for _ in 0..9 {
        let (peer, family) = (PeerId(3), V4);
        world.shard.handle(now, Command::Pull { peer, family });
        turn(&mut world);
        for output in std::iter::from_fn(|| world.shard.poll_output()) {
            match output {
                Output::Pulled { chunk, .. } => told |= !chunk.bytes.is_empty(),
                Output::Complete {
                    peer: PeerId(3),
                    family: V4,
                } => {
                    assert!(told, "the route was known before");
                    ended = true;
                }
                _ => {}
            }
        }
    }
    assert!(ended);
}
