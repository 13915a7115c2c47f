//! What a speaker offers for the time after a session is lost: graceful restart (RFC 4724, RFC 8538)
//! and its long-lived extension (RFC 9494).

use nom::Parser;
use nom::multi::many0;

use crate::net::{Afi, Family, PerFamily, Safi};
use crate::wire::read::{Read, long, octet, short};

/// Graceful restart (RFC 4724 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestart {
    /// The R bit: the sender has restarted and waits for End-of-RIB.
    pub restarting: bool,
    /// The N bit (RFC 8538): NOTIFICATION and hold expiry keep routes as well.
    pub notification: bool,
    /// Seconds until the sender's session should be back; 12 bits.
    pub restart_time: u16,
    /// The families whose routes may be kept.
    pub families: PerFamily<Option<GracefulRestartFamily>>,
}

/// One family of a graceful-restart capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestartFamily {
    /// The F bit: the sender kept its forwarding state over the restart.
    pub forwarding_preserved: bool,
}

/// Long-lived graceful restart (RFC 9494 §3.1); means nothing without [`GracefulRestart`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongLived {
    /// The families whose routes may stay as long-lived stale ones.
    pub families: PerFamily<Option<LongLivedFamily>>,
}

/// One family of a long-lived graceful-restart capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongLivedFamily {
    /// The F bit, as in [`GracefulRestartFamily::forwarding_preserved`].
    pub forwarding_preserved: bool,
    /// Seconds for which stale routes may stay after the restart time has passed; 24 bits.
    pub stale_time: u32,
}

/// The R bit, above the restart time.
const RESTARTING: u16 = 0x8000;
/// The N bit, above the restart time.
const NOTIFICATION: u16 = 0x4000;
/// The restart time's bits, which also bound it.
const RESTART_TIME: u16 = 0x0fff;
/// The F bit of a family's flags.
const FORWARDING: u8 = 0x80;
/// The stale time's bits, below a family's flags, which also bound it.
const STALE_TIME: u32 = 0x00ff_ffff;

impl GracefulRestart {
    /// The capability's value; a restart time that does not fit is cut to the largest.
    pub(super) fn value(&self) -> Vec<u8> {
        let mut first = self.restart_time.min(RESTART_TIME);
        if self.restarting {
            first |= RESTARTING;
        }
        if self.notification {
            first |= NOTIFICATION;
        }
        let mut value = first.to_be_bytes().to_vec();
        for (family, terms) in self.families.iter() {
            if let Some(terms) = terms {
                put_family(&mut value, family, terms.forwarding_preserved);
            }
        }
        value
    }
}

impl LongLived {
    /// The capability's value; a stale time that does not fit is cut to the largest.
    pub(super) fn value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        for (family, terms) in self.families.iter() {
            if let Some(terms) = terms {
                put_family(&mut value, family, terms.forwarding_preserved);
                let [_, time @ ..] = terms.stale_time.min(STALE_TIME).to_be_bytes();
                value.extend_from_slice(&time);
            }
        }
        value
    }
}

fn put_family(value: &mut Vec<u8>, family: Family, forwarding_preserved: bool) {
    let flags = if forwarding_preserved { FORWARDING } else { 0 };
    value.extend_from_slice(&family.afi().0.to_be_bytes());
    value.extend_from_slice(&[family.safi().0, flags]);
}

/// Flags and time, then AFI, SAFI and flags of each family (RFC 4724 §3).
pub(super) fn graceful_restart(input: &[u8]) -> Read<'_, GracefulRestart> {
    let (input, first) = short(input)?;
    let (input, entries) = many0((short, octet, octet)).parse(input)?;
    let mut families = PerFamily::default();
    for (afi, safi, flags) in entries {
        if let Some(family) = Family::from_wire(Afi(afi), Safi(safi)) {
            *families.get_mut(family) = Some(GracefulRestartFamily {
                forwarding_preserved: flags & FORWARDING != 0,
            });
        }
    }
    Ok((
        input,
        GracefulRestart {
            restarting: first & RESTARTING != 0,
            notification: first & NOTIFICATION != 0,
            restart_time: first & RESTART_TIME,
            families,
        },
    ))
}

/// AFI, SAFI, flags and a time of 24 bits for each family (RFC 9494 §3.1).
pub(super) fn long_lived(input: &[u8]) -> Read<'_, LongLived> {
    // Flags and time are read as one integer: together they have four octets.
    let (input, entries) = many0((short, octet, long)).parse(input)?;
    let mut families = PerFamily::default();
    for (afi, safi, flags_and_time) in entries {
        if let Some(family) = Family::from_wire(Afi(afi), Safi(safi)) {
            let [flags, ..] = flags_and_time.to_be_bytes();
            *families.get_mut(family) = Some(LongLivedFamily {
                forwarding_preserved: flags & FORWARDING != 0,
                stale_time: flags_and_time & STALE_TIME,
            });
        }
    }
    Ok((input, LongLived { families }))
}
