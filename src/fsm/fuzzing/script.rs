//! Octets as scripts: which configurations, and what happens.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::owner::{Letter, Word};
use super::world::World;
use crate::fsm::{PeerConfig, StopReason};
use crate::net::{AddPathDirection, Asn, Family, PerFamily, RouterId};
use crate::wire::HoldTime;
use crate::wire::fuzzing::Draw;

/// A node whose identifier ends in `host`, with a peer whose identifier ends in `peer`.
pub(super) fn config(draw: &mut Draw<'_>, host: u8, peer: u8) -> PeerConfig {
    let switches = draw.octet();
    let bit = |bit: u8| switches & 1 << bit != 0;
    let remote_as = if bit(1) { 65_001 } else { 64_512 };
    PeerConfig {
        local_as: Asn(64_512),
        remote_as: Asn(remote_as),
        router_id: RouterId(Ipv4Addr::new(192, 0, 2, host)),
        remote_address: Ipv4Addr::new(192, 0, 2, peer).into(),
        passive: bit(0),
        families: PerFamily {
            ipv4: !bit(2),
            ipv6: bit(2) || bit(3),
        },
        add_path: PerFamily {
            ipv4: AddPathDirection {
                receive: bit(4),
                send: bit(5),
            },
            ipv6: AddPathDirection::default(),
        },
        hold_time: HoldTime::new(draw.short())
            .or(HoldTime::new(0))
            .expect("zero is a hold time"),
        keepalive: bit(6).then_some(Duration::from_secs(1)),
        connect_delay: Duration::from_secs(draw.below(4) as u64),
        connect_retry: Duration::from_secs(5),
        idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
        restart_time: bit(7).then_some(120),
        long_lived_time: bit(7).then_some(3_600),
        role: None,
        delay_open: bit(4).then_some(Duration::from_secs(10)),
    }
}

/// The two ends of one peering, of which at most one waits for the other to dial.
pub(super) fn pair(draw: &mut Draw<'_>) -> [PeerConfig; 2] {
    let mut first = config(draw, 1, 2);
    let mut second = config(draw, 2, 1);
    if draw.flag() {
        std::mem::swap(&mut first.router_id, &mut second.router_id);
    }
    second.local_as = first.remote_as;
    second.remote_as = first.local_as;
    second.families = first.families;
    second.passive &= !first.passive;
    [first, second]
}

/// What happens next to one machine.
pub(super) fn word(draw: &mut Draw<'_>) -> Word {
    match draw.below(24) {
        0 => Word::Start,
        1 => Word::Stop(stop(draw)),
        2..=4 => Word::Accept,
        5..=7 => Word::AnswerDial(draw.flag()),
        8 => Word::Close(draw.below(3)),
        9 => Word::Wait(draw.short().into()),
        10 => Word::Wait(u32::from(draw.short()) * 1_000),
        11..=13 => Word::WaitForTimer(draw.flag()),
        14 => Word::Reconfigure(draw.short(), draw.option(|draw| draw.short() % 4_096)),
        15 => Word::Restarting(draw.flag()),
        22 => Word::RequestRefresh(family(draw)),
        23 => Word::Wrote(draw.below(3), draw.flag()),
        _ => Word::Receive(draw.below(3), letter(draw)),
    }
}

fn family(draw: &mut Draw<'_>) -> Family {
    if draw.flag() {
        Family::Ipv6
    } else {
        Family::Ipv4
    }
}

fn stop(draw: &mut Draw<'_>) -> StopReason {
    match draw.below(7) {
        0 => StopReason::AdminReset(String::new()),
        1 => StopReason::Silent,
        2 => StopReason::AdminShutdown("maintenance".to_owned()),
        3 => StopReason::HardReset("again".to_owned()),
        4 => StopReason::PrefixLimit {
            family: family(draw),
            max: draw.long(),
            restart: draw.option(|draw| Duration::from_secs(draw.octet().into())),
        },
        5 => StopReason::Deconfigured,
        _ => StopReason::ConfigChange,
    }
}

fn letter(draw: &mut Draw<'_>) -> Letter {
    match draw.below(16) {
        0..=3 => Letter::Open,
        4 => Letter::WrongOpen,
        5..=8 => Letter::Keepalive,
        9 => Letter::Update,
        10 => Letter::Refresh(draw.octet()),
        11 => Letter::Notification(draw.octet(), draw.octet()),
        12 => Letter::Faulty,
        _ => {
            let kind = draw.octet();
            let length = draw.octet().into();
            Letter::Octets(kind, draw.octets(length).to_vec())
        }
    }
}

/// What happens next between two machines.
pub(super) fn turn(draw: &mut Draw<'_>, world: &mut World) {
    let side = draw.below(2);
    match draw.below(16) {
        0..=3 => world.dial_arrives(side),
        4 => world.dial_fails(side),
        5..=10 => world.deliver(draw.below(4), side),
        11 => world.wait(Duration::from_millis(draw.short().into())),
        12 | 13 => world.wait_for_timer(),
        14 => world.break_link(draw.below(4)),
        _ => world.restart(side, stop(draw)),
    }
}
