//! A RIB of several shards behind real sockets.

use std::collections::BTreeSet;

use super::peer::Run;
use super::world::World;
use super::{A, B};
use crate::net::{ClusterId, PrefixLimit};
use crate::rib::RouteTable;

const ROUTES: u8 = 200;

async fn reflector(local: [u8; 4], shards: usize) -> World {
    let mut world = World::with_shards(local, shards);
    for peer in [A, B] {
        world.add(peer).reflector_client = Some(ClusterId(local.into()));
    }
    world.apply().await;
    world
}

fn all() -> Vec<u8> {
    (0..ROUTES).collect()
}

#[tokio::test]
async fn a_peer_hears_the_routes_of_all_shards_and_then_one_end() {
    for shards in [1, 2, 5] {
        let mut world = reflector([127, 4, 12, u8::try_from(shards).expect("few")], shards).await;
        let mut a = world.establish(A, None).await;
        a.announce(ROUTES, [192, 0, 2, 9]).await;
        world.wait_for_prefixes(ROUTES.into()).await;
        let mut b = world.establish(B, None).await;
        // What changes while it is told may be told twice, but before the end.
        let mut heard = BTreeSet::new();
        while let more = b.hear(1).await
            && more != [None]
        {
            heard.extend(more.into_iter().flatten());
        }
        assert!(heard.into_iter().eq(0..ROUTES), "{shards} shards");
        world.wait(B, |view| view.end_of_rib_sent.ipv4).await;

        let mut listed = world.prefixes(RouteTable::Loc).await;
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed.len(), usize::from(ROUTES));

        b.request_refresh().await;
        let again = b.hear_each(ROUTES.into(), Run::Announced).await;
        assert_eq!(again, all());
        a.withdraw(ROUTES).await;
        let gone = b.hear_each(ROUTES.into(), Run::Withdrawn).await;
        assert_eq!(gone, all());
        world.wait_for_prefixes(0).await;
        // Down and up again there is nothing to tell but that.
        drop(b);
        world.remove(B);
        world.apply().await;
        world.add(B);
        world.apply().await;
        let mut b = world.establish(B, None).await;
        assert_eq!(b.hear(1).await, [None]);
    }
}

#[tokio::test]
async fn a_limit_holds_over_all_shards() {
    let mut world = World::with_shards([127, 4, 13, 1], 4);
    world.add(A).prefix_limit = Some(PrefixLimit {
        max: 100,
        warn_percent: 50,
        restart: None,
    });
    world.apply().await;
    let mut a = world.establish(A, None).await;
    a.announce(100, [192, 0, 2, 9]).await;
    world.wait_for_prefixes(100).await;
    let view = world.wait(A, |view| view.near_prefix_limit.ipv4).await;
    assert_eq!(view.counters.prefix_limit_warnings, 1);
    a.announce(101, [192, 0, 2, 9]).await;
    assert_eq!(a.notification().await, Some((6, 1)));
    let held = world.wait(A, |view| view.held.is_some()).await.held;
    assert!(
        held.expect("waited for")
            .to_string()
            .contains("101 ipv4 prefixes")
    );
    world.wait_for_prefixes(0).await;
}
