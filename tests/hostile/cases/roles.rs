//! Roles and Only-to-Customer (RFC 9234).

use crate::case::{Case, Data, Expect, relayed};
use crate::octets::{Octets, TRANSITIVE, attribute, capability};
use crate::stage::{EXTERNAL_AS, LOCAL_AS};

const AGREE: &str = "RFC 9234 §4.2";
const INGRESS: &str = "RFC 9234 §5: ingress";

/// An OPEN with these capabilities instead of the right role, where the daemon is a provider.
fn open(name: &'static str, role: Octets, expect: Expect) -> Case {
    Case::connected(
        name,
        AGREE,
        move |s| {
            let all = [s.capabilities_without_role(), role.clone()].concat();
            vec![s.open_with(&all).octets()]
        },
        expect,
    )
    .role("provider")
}

/// The known prefix announced again with OTC, where the daemon has this role.
fn otc(name: &'static str, role: &'static str, value: Option<u32>, expect: Expect) -> Case {
    Case::draft(
        name,
        INGRESS,
        move |_, draft| match value {
            Some(value) => draft.add(attribute(TRANSITIVE, 35, &value.to_be_bytes())),
            None => draft,
        },
        expect,
    )
    .role(role)
}

pub(super) fn cases() -> Vec<Case> {
    let mismatch = || Expect::Reset(2, 11, Data::Echo);
    let marked = |value: u32| Expect::Accepted(vec![relayed(TRANSITIVE, 35, &value.to_be_bytes())]);
    vec![
        open("a_customer", capability(9, &[3]), Expect::Up),
        open("a_provider_of_a_provider", capability(9, &[0]), mismatch()),
        open(
            "a_route_server_of_a_provider",
            capability(9, &[1]),
            mismatch(),
        ),
        open("a_client_of_a_provider", capability(9, &[2]), mismatch()),
        open("a_peer_of_a_provider", capability(9, &[4]), mismatch()),
        open("an_undefined_role", capability(9, &[7]), mismatch()),
        open("no_role", Vec::new(), Expect::Up),
        open("one_role_twice", capability(9, &[3]).repeat(2), Expect::Up),
        open(
            "two_roles",
            [capability(9, &[3]), capability(9, &[0])].concat(),
            mismatch(),
        ),
        otc(
            "otc_from_a_customer",
            "provider",
            Some(64_990),
            Expect::Gone,
        ),
        otc(
            "otc_of_the_customer_itself",
            "provider",
            Some(EXTERNAL_AS),
            Expect::Gone,
        ),
        otc(
            "no_otc_from_a_customer",
            "provider",
            None,
            Expect::Accepted(vec![crate::case::absent(35)]),
        ),
        otc(
            "otc_from_a_provider",
            "customer",
            Some(64_990),
            marked(64_990),
        ),
        otc(
            "no_otc_from_a_provider",
            "customer",
            None,
            marked(EXTERNAL_AS),
        ),
        otc(
            "otc_of_the_daemon_from_a_provider",
            "customer",
            Some(LOCAL_AS),
            marked(LOCAL_AS),
        ),
        otc(
            "otc_of_another_from_a_peer",
            "peer",
            Some(64_990),
            Expect::Gone,
        ),
        otc(
            "otc_of_the_peer_itself",
            "peer",
            Some(EXTERNAL_AS),
            marked(EXTERNAL_AS),
        ),
        otc("no_otc_from_a_peer", "peer", None, marked(EXTERNAL_AS)),
        Case::draft(
            "otc_of_3_octets_from_a_provider",
            "RFC 9234 §5",
            |_, draft| draft.add(attribute(TRANSITIVE, 35, &[0, 0xfd, 0xde])),
            Expect::Withdraw,
        )
        .role("customer"),
    ]
}
