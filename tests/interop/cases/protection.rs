//! TCP MD5 (RFC 2385) and TTL security (RFC 5082), right and wrong.
//!
//! That a session does not come up is no matter of waiting long enough: the kernel counts each
//! segment that it drops for its signature or its TTL.

use super::quiet;
use crate::feeder::Feed;
use crate::lab::{self, Lab, Peering};
use crate::routes::Side;
use crate::setup::{Family, Setup};
use crate::wait::{eventually, holds};

const PASSWORD: &str = "correct-horse";
const WRONG: &str = "battery-staple";

/// Counters of the kernel for dropped segments.
const BAD_SIGNATURES: &str = "TCPMD5Failure";
const FAR_SEGMENTS: &str = "TCPMinTTLDrop";

/// Starts both sides again; a few routes, so that there is traffic.
fn begin(lab: &mut Lab<'_>, peering: &Peering, setup: Setup) {
    lab.kill_peer();
    lab.peerings(peering);
    let few = lab::announced(Side::Peer, 10);
    lab.from_peer = few.clone();
    lab.feed = Feed {
        speaker: lab::announced(Side::Speaker, 10),
        peer: lab.program.relays.then(|| few.clone()),
        twice: false,
    };
    lab.feeder.feed(&lab.feed);
    if let Err(error) = wait_until_planned(lab, peering) {
        println!("{error}");
    }
    let mut setup = setup;
    if !lab.program.relays {
        setup.announced = few;
    }
    if let Err(error) = lab.peer.start(&setup) {
        println!("it could not be started: {error}");
    }
}

/// Waits until calidris has the new peerings: a connection that it began under other terms could
/// occupy a peer that hears nothing of its end for as long as the peer's hold time.
fn wait_until_planned(lab: &Lab<'_>, peering: &Peering) -> Result<(), String> {
    let hops = peering.ttl_security.then_some(1);
    eventually("calidris has the new peerings", || {
        for family in Family::ALL {
            let session = lab.session(family)?;
            holds(session["ttlSecurity"].as_u64() == hops, session)?;
        }
        Ok(())
    })
}

pub(super) fn with_password(lab: &mut Lab<'_>) {
    let peering = Peering {
        password: Some(PASSWORD),
        ..Peering::default()
    };
    let setup = Setup {
        password: Some(PASSWORD),
        ..quiet(lab)
    };
    begin(lab, &peering, setup);
}

/// The session is up, carries routes both ways, and none without the password would be.
pub(super) fn session_is_signed(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    super::exchange::routes_to_peer(lab, family)?;
    super::exchange::routes_from_peer(lab, family)?;
    let planned = lab.calidris.plan();
    let name = Lab::session_name(family);
    let warnings = planned["warnings"].to_string();
    holds(
        !warnings.contains("password"),
        (&planned["peers"][&name], warnings),
    )
}

pub(super) fn with_wrong_password(lab: &mut Lab<'_>) {
    let peering = Peering {
        password: Some(WRONG),
        ..Peering::default()
    };
    let setup = Setup {
        password: Some(PASSWORD),
        ..quiet(lab)
    };
    begin(lab, &peering, setup);
}

/// The kernel refuses the peer's segments; once calidris is given the right password, the session
/// comes up without a restart of anything.
pub(super) fn wrong_password(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    if family == Family::V4 {
        refused(lab, BAD_SIGNATURES)?;
        lab.peerings(&Peering {
            password: Some(PASSWORD),
            ..Peering::default()
        });
    }
    lab.wait_until_established(family)
}

pub(super) fn with_ttl_security(lab: &mut Lab<'_>) {
    let peering = Peering {
        ttl_security: true,
        ..Peering::default()
    };
    let setup = Setup {
        ttl_security: true,
        ..quiet(lab)
    };
    begin(lab, &peering, setup);
}

pub(super) fn session_is_near(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    super::exchange::routes_to_peer(lab, family)?;
    super::exchange::routes_from_peer(lab, family)
}

pub(super) fn without_ttl_security(lab: &mut Lab<'_>) {
    let peering = Peering {
        ttl_security: true,
        ..Peering::default()
    };
    let setup = quiet(lab);
    begin(lab, &peering, setup);
}

/// The kernel refuses what comes with a lower TTL; once calidris no longer asks for it, the session
/// comes up with the same peer.
pub(super) fn wrong_ttl(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    if family == Family::V4 {
        refused(lab, FAR_SEGMENTS)?;
        lab.peerings(&Peering::default());
        // A connection that the peer accepted, and from which nothing came through, would occupy it
        // for as long as its hold time.
        let setup = quiet(lab);
        lab.kill_peer();
        lab.peer.start(&setup)?;
    }
    lab.wait_until_established(family)
}

/// Waits until the kernel has dropped segments of both families for the reason that `counter`
/// counts, and says whether a session came up all the same.
fn refused(lab: &Lab<'_>, counter: &str) -> Result<(), String> {
    let before = dropped(lab, counter)?;
    eventually(&format!("{counter} grows"), || {
        let dropped = dropped(lab, counter)?;
        holds(dropped >= before + 4, (before, dropped))
    })?;
    for family in Family::ALL {
        let session = lab.session(family)?;
        holds(session["state"] != "Established", session)?;
    }
    Ok(())
}

/// A counter of the kernel in the namespace of calidris.
fn dropped(lab: &Lab<'_>, counter: &str) -> Result<u64, String> {
    let text = lab
        .speaker
        .run("cat", &["/proc/net/netstat"])
        .map_err(|error| error.to_string())?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next(), lines.next());
    let names = names.unwrap_or_default().split_whitespace();
    let values = values.unwrap_or_default().split_whitespace();
    let found = names.zip(values).find(|(name, _)| *name == counter);
    found
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| format!("the kernel has no counter {counter}"))
}
