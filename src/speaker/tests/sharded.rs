//! A RIB of several shards behind real sockets.

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

fn all() -> Vec<Option<u8>> {
    (0..ROUTES).map(Some).collect()
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
        let mut heard = Vec::new();
        loop {
            let more = b.hear(1).await;
            if more == [None] {
                break;
            }
            heard.extend(more);
        }
        heard.sort_unstable();
        heard.dedup();
        assert_eq!(heard, all(), "{shards} shards");
        world.wait(B, |view| view.end_of_rib_sent.ipv4).await;

        let mut listed = world.prefixes(RouteTable::Loc).await;
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed.len(), usize::from(ROUTES));

        b.request_refresh().await;
        let mut again = b.hear(usize::from(ROUTES)).await;
        again.sort_unstable();
        assert_eq!(again, all());
        a.withdraw(ROUTES).await;
        let mut gone = b.hear(usize::from(ROUTES)).await;
        gone.sort_unstable();
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
