//! Coming up, capabilities, shutdown with a text, and the record of it all.

use std::collections::BTreeSet;

use crate::lab::Lab;
use crate::setup::{Capability, Family};
use crate::wait::{eventually, holds};

pub(super) fn establishment(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)
}

/// The capabilities that calidris announces by default.
const ANNOUNCED: [Capability; 8] = [
    Capability::Multiprotocol,
    Capability::RouteRefresh,
    Capability::FourOctetAs,
    Capability::GracefulRestart,
    Capability::AddPathReceive,
    Capability::AddPathSend,
    Capability::EnhancedRefresh,
    Capability::ExtendedMessage,
];

pub(super) fn capabilities(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    let can_tell = |capability: &Capability| lab.program.tells.contains(capability);
    let wanted: BTreeSet<_> = ANNOUNCED.into_iter().filter(can_tell).collect();
    eventually("capabilities", || {
        let seen = lab.peer.capabilities(family)?;
        holds(
            seen == wanted,
            format!("wanted {wanted:?}, it sees {seen:?}"),
        )
    })
}

pub(super) fn text_from_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    let text = format!("new cables for IPv{}, 8 to 9", family.digit());
    lab.wait_until_established(family)?;
    lab.peer.shut_down(family, &text)?;
    eventually("the text at calidris", || {
        let session = lab.session(family)?;
        let received = &session["notificationReceived"];
        let told = received["meaning"].as_str().unwrap_or_default();
        // With RFC 8538 it comes inside a Hard Reset.
        let is_shutdown = received["code"] == 6
            && (received["subcode"] == 2 || received["subcode"] == 9)
            && told.contains("Administrative Shutdown");
        holds(is_shutdown && told.contains(&text), received)
    })?;
    lab.peer.enable(family)?;
    lab.wait_until_established(family)
}

pub(super) fn text_to_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    let text = format!("moving rack {} tonight", family.digit());
    lab.wait_until_established(family)?;
    let name = Lab::session_name(family);
    lab.calidris.act(&["shutdown", &name, "--message", &text])?;
    let seen = eventually("the text at the peer", || {
        let account = lab.peer.account(family);
        holds(account.contains(&text), account)
    });
    // Up again in any case, for the cases that follow.
    lab.calidris.act(&["enable", &name])?;
    seen?;
    lab.wait_until_established(family)
}

/// tshark finds no malformed packet.
pub(super) fn capture(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.capture.stop()?;
    let updates = lab.capture.read(family, "bgp.type == 2")?;
    holds(
        updates.len() > 50,
        format!("only {} UPDATEs", updates.len()),
    )?;
    // Debian 12's tshark takes every message beyond 4,096 octets for malformed; it does not know
    // RFC 8654. That the other side reads those of calidris has a case of its own. Segments sent
    // again in other pieces are TCP's business, and more than tshark's reassembly understands.
    let malformed = lab.capture.read(
        family,
        "_ws.malformed && !_ws.malformed.reassembly && !(bgp.length > 4096)",
    )?;
    holds(malformed.is_empty(), &malformed[..malformed.len().min(3)])
}
