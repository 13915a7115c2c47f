//! What is tried with each program, in the order in which a lab tries it.

mod add_path;
mod exchange;
mod protection;
mod restart;
mod session;

use crate::lab::Lab;
use crate::setup::{Family, Setup};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    Establishment,
    Capabilities,
    RoutesToPeer,
    RoutesFromPeer,
    RefreshByPeer,
    RefreshBySpeaker,
    Withdrawal,
    GracefulRestart,
    TextFromPeer,
    TextToPeer,
    Capture,
    AddPathToPeer,
    AddPathFromPeer,
    LargeToPeer,
    LargeFromPeer,
    Password,
    WrongPassword,
    TtlSecurity,
    WrongTtl,
}

impl Case {
    pub(crate) const ALL: [Self; 19] = [
        Self::Establishment,
        Self::Capabilities,
        Self::RoutesToPeer,
        Self::RoutesFromPeer,
        Self::RefreshByPeer,
        Self::RefreshBySpeaker,
        Self::Withdrawal,
        Self::GracefulRestart,
        Self::TextFromPeer,
        Self::TextToPeer,
        Self::Capture,
        Self::AddPathToPeer,
        Self::AddPathFromPeer,
        Self::LargeToPeer,
        Self::LargeFromPeer,
        Self::Password,
        Self::WrongPassword,
        Self::TtlSecurity,
        Self::WrongTtl,
    ];

    /// What the table calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Establishment => "session established",
            Self::Capabilities => "capabilities seen there",
            Self::RoutesToPeer => "10,000 routes to it",
            Self::RoutesFromPeer => "10,000 routes from it",
            Self::RefreshByPeer => "refresh asked by it",
            Self::RefreshBySpeaker => "refresh asked of it",
            Self::Withdrawal => "withdrawal both ways",
            Self::GracefulRestart => "its graceful restart",
            Self::TextFromPeer => "shutdown text from it",
            Self::TextToPeer => "shutdown text to it",
            Self::Capture => "tshark reads the session",
            Self::AddPathToPeer => "ADD-PATH to it",
            Self::AddPathFromPeer => "ADD-PATH from it",
            Self::LargeToPeer => "large message to it",
            Self::LargeFromPeer => "large message from it",
            Self::Password => "TCP MD5",
            Self::WrongPassword => "TCP MD5, wrong password",
            Self::TtlSecurity => "TTL security",
            Self::WrongTtl => "TTL security, wrong TTL",
        }
    }
}

/// Tries everything in one lab.
pub(crate) fn all(lab: &mut Lab<'_>) {
    let both = |lab: &mut Lab<'_>, case, act: fn(&mut Lab<'_>, Family) -> Result<(), String>| {
        for family in Family::ALL {
            lab.case(case, family, act);
        }
    };
    both(lab, Case::Establishment, session::establishment);
    both(lab, Case::Capabilities, session::capabilities);
    both(lab, Case::RoutesToPeer, exchange::routes_to_peer);
    both(lab, Case::RoutesFromPeer, exchange::routes_from_peer);
    both(lab, Case::RefreshByPeer, exchange::refresh_by_peer);
    both(lab, Case::RefreshBySpeaker, exchange::refresh_by_speaker);
    both(lab, Case::Withdrawal, exchange::withdrawal);
    both(lab, Case::TextFromPeer, session::text_from_peer);
    both(lab, Case::TextToPeer, session::text_to_peer);
    restart::graceful_restart(lab);
    both(lab, Case::Capture, session::capture);

    add_path::prepare(lab);
    both(lab, Case::AddPathToPeer, add_path::to_peer);
    both(lab, Case::AddPathFromPeer, add_path::from_peer);
    both(lab, Case::LargeToPeer, add_path::large_to_peer);
    both(lab, Case::LargeFromPeer, add_path::large_from_peer);

    protection::with_password(lab);
    both(lab, Case::Password, protection::session_is_signed);
    protection::with_wrong_password(lab);
    both(lab, Case::WrongPassword, protection::wrong_password);
    protection::with_ttl_security(lab);
    both(lab, Case::TtlSecurity, protection::session_is_near);
    protection::without_ttl_security(lab);
    both(lab, Case::WrongTtl, protection::wrong_ttl);
}

/// A configuration of the lab's peer that announces nothing.
fn quiet(lab: &Lab<'_>) -> Setup {
    Setup::plain(lab.kind, crate::setup::Announced::default())
}
