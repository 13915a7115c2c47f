//! Roles between autonomous systems: what ONLY_TO_CUSTOMER (OTC) lets pass (RFC 9234 §5).

use crate::net::{Asn, Role};

/// What becomes of a route and its OTC where it crosses the border to a peer with a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtcVerdict {
    /// The route passes as it is.
    Keep,
    /// The route passes with OTC set to this AS.
    Set(Asn),
    /// The route goes where it may not: a leak.
    Leak,
}

impl OtcVerdict {
    /// On a route received by a speaker in `role` from a peer in `remote_as` (the ingress procedure).
    pub const fn on_import(role: Role, remote_as: Asn, otc: Option<Asn>) -> Self {
        match (role, otc) {
            // A customer passes on what it must not.
            (Role::Provider | Role::Rs, Some(_)) => Self::Leak,
            (Role::Provider | Role::Rs, None) => Self::Keep,
            (Role::Peer, Some(asn)) if asn.0 != remote_as.0 => Self::Leak,
            (Role::Peer | Role::Customer | Role::RsClient, Some(_)) => Self::Keep,
            (Role::Peer | Role::Customer | Role::RsClient, None) => Self::Set(remote_as),
        }
    }

    /// On a route to be told by a speaker of `local_as` in `role` (the egress procedure).
    pub const fn on_export(role: Role, local_as: Asn, otc: Option<Asn>) -> Self {
        match (role, otc) {
            (Role::Provider | Role::Rs | Role::Peer, None) => Self::Set(local_as),
            (Role::Provider | Role::Rs, Some(_)) => Self::Keep,
            (Role::Customer | Role::RsClient, None) => Self::Keep,
            (Role::Customer | Role::RsClient | Role::Peer, Some(_)) => Self::Leak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Asn = Asn(64_512);
    const REMOTE: Asn = Asn(65_001);
    const OTHER: Asn = Asn(65_002);

    #[test]
    fn what_went_down_does_not_come_up_again() {
        for role in [Role::Provider, Role::Rs] {
            let verdict = |otc| OtcVerdict::on_import(role, REMOTE, otc);
            assert_eq!(verdict(Some(REMOTE)), OtcVerdict::Leak);
            assert_eq!(verdict(None), OtcVerdict::Keep);
        }
        let sideways = |otc| OtcVerdict::on_import(Role::Peer, REMOTE, otc);
        assert_eq!(sideways(Some(OTHER)), OtcVerdict::Leak);
        assert_eq!(sideways(Some(REMOTE)), OtcVerdict::Keep);
    }

    #[test]
    fn what_comes_from_above_or_beside_is_marked_with_the_neighbour() {
        for role in [Role::Customer, Role::RsClient, Role::Peer] {
            let verdict = OtcVerdict::on_import(role, REMOTE, None);
            assert_eq!(verdict, OtcVerdict::Set(REMOTE));
        }
        for role in [Role::Customer, Role::RsClient] {
            let verdict = OtcVerdict::on_import(role, REMOTE, Some(OTHER));
            assert_eq!(verdict, OtcVerdict::Keep);
        }
    }

    #[test]
    fn marked_routes_go_down_only_and_whatever_goes_down_or_sideways_is_marked() {
        for role in [Role::Customer, Role::RsClient, Role::Peer] {
            let verdict = OtcVerdict::on_export(role, LOCAL, Some(OTHER));
            assert_eq!(verdict, OtcVerdict::Leak);
        }
        for role in [Role::Provider, Role::Rs, Role::Peer] {
            let verdict = OtcVerdict::on_export(role, LOCAL, None);
            assert_eq!(verdict, OtcVerdict::Set(LOCAL));
        }
        let down = OtcVerdict::on_export(Role::Provider, LOCAL, Some(OTHER));
        assert_eq!(down, OtcVerdict::Keep);
        let up = OtcVerdict::on_export(Role::Customer, LOCAL, None);
        assert_eq!(up, OtcVerdict::Keep);
    }
}
