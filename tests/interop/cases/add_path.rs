//! Several paths of one prefix (RFC 7911), and messages beyond 4,096 octets (RFC 8654).

use super::quiet;
use crate::feeder::Feed;
use crate::lab::{self, Lab, Peering};
use crate::routes::{Path, Side, Table, prefix};
use crate::setup::{Announced, FEEDERS, Family, Setup};
use crate::wait::{eventually, holds};

/// Prefixes with two paths.
const FEW: usize = 100;

/// What the second path of a prefix has beyond the first; the feeder adds it on its second address.
const SECOND: &str = "65299:2";

/// Communities of 4 octets that do not fit into a message of 4,096.
const TOO_MANY: usize = 1_200;

/// Starts the peer again with ADD-PATH; every prefix has two paths.
pub(super) fn prepare(lab: &mut Lab<'_>) {
    lab.kill_peer();
    lab.peerings(&Peering {
        second_feeder: true,
        ..Peering::default()
    });
    let few = lab::announced(Side::Peer, FEW);
    lab.from_peer = few.clone();
    let own = Announced {
        v4: twice(&few.v4),
        v6: twice(&few.v6),
    };
    lab.feed = Feed {
        speaker: lab::announced(Side::Speaker, FEW),
        peer: lab.program.relays.then_some(few),
        twice: true,
    };
    lab.feeder.feed(&lab.feed);
    let setup = Setup {
        add_path: true,
        announced: if lab.program.relays {
            Announced::default()
        } else {
            own
        },
        ..quiet(lab)
    };
    if let Err(error) = lab.peer.start(&setup) {
        println!("it could not be started with ADD-PATH: {error}");
    }
}

fn second(paths: &Path) -> Path {
    let mut path = paths.clone();
    path.communities.insert(SECOND.to_owned());
    path
}

fn map(table: &Table, act: impl Fn(&[Path]) -> Vec<Path>) -> Table {
    let pairs = table.iter();
    pairs
        .map(|(key, paths)| (key.clone(), act(paths)))
        .collect()
}

fn twice(table: &Table) -> Table {
    map(table, |paths| vec![paths[0].clone(), second(&paths[0])])
}

fn joined(mut first: Table, second: Table) -> Table {
    for (prefix, paths) in second {
        first.entry(prefix).or_default().extend(paths);
    }
    first
}

pub(super) fn to_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let first = lab.feed.speaker.of(family);
    let other = map(first, |paths| vec![second(&paths[0])]);
    let wanted = joined(
        lab.wanted_there(family, FEEDERS[0], first),
        lab.wanted_there(family, FEEDERS[1], &other),
    );
    lab.wait_there(family, &wanted)
}

pub(super) fn from_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let first = lab.from_peer.of(family);
    let other = map(first, |paths| vec![second(&paths[0])]);
    let wanted = joined(
        lab.wanted_here(family, FEEDERS[0], first),
        lab.wanted_here(family, FEEDERS[1], &other),
    );
    lab.wait_here(family, &wanted)
}

/// One more route, with more attributes than a message of 4,096 octets holds.
fn large(family: Family, side: Side) -> (String, Path) {
    let path = Path {
        origin: "igp".to_owned(),
        as_path: vec![65_200],
        local_pref: Some(100),
        communities: (0..TOO_MANY)
            .map(|index| format!("65200:{index}"))
            .collect(),
        ..Path::default()
    };
    (prefix(family, side, FEW), path)
}

/// The route is there with all its communities, and the session was not lost over it.
fn arrives(
    prefix: &str,
    lab: &Lab<'_>,
    family: Family,
    table: impl Fn() -> Result<Table, String>,
) -> Result<(), String> {
    let since = lab.session(family)?["since"].clone();
    eventually("a route with 1,200 communities", || {
        let table = table()?;
        let paths = table.get(prefix).ok_or("no such route")?;
        let counts: Vec<usize> = paths.iter().map(|path| path.communities.len()).collect();
        holds(counts.iter().all(|&count| count >= TOO_MANY), counts)
    })?;
    let now = lab.session(family)?;
    holds(now["since"] == since && now["state"] == "Established", now)
}

pub(super) fn large_to_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let (prefix, path) = large(family, Side::Speaker);
    lab.feed
        .speaker
        .of_mut(family)
        .insert(prefix.clone(), vec![path]);
    lab.feeder.feed(&lab.feed);
    arrives(&prefix, lab, family, || lab.peer.received(family))
}

pub(super) fn large_from_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let (prefix, path) = large(family, Side::Peer);
    let mut table = match lab.program.relays {
        true => lab.from_peer.of(family).clone(),
        false => twice(lab.from_peer.of(family)),
    };
    table.insert(prefix.clone(), vec![path]);
    lab.announce_from_peer(family, &table)?;
    arrives(&prefix, lab, family, || lab.received(family))
}
