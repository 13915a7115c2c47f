//! The table, by group.

mod as4;
mod framing;
mod fsm;
mod header;
mod mandatory;
mod multiprotocol;
mod notification;
mod open;
mod open_options;
mod optional;
mod refresh;
mod roles;
mod unknown;

use crate::case::{Case, Expect};
use crate::octets::attribute;

/// All cases, each in its group.
pub(crate) fn all() -> Vec<Case> {
    let groups = [
        ("header", header::cases()),
        ("OPEN", open::cases()),
        ("OPEN options", open_options::cases()),
        ("order of messages", fsm::cases()),
        ("NOTIFICATION", notification::cases()),
        ("ROUTE-REFRESH", refresh::cases()),
        ("UPDATE framing", framing::cases()),
        ("mandatory attributes", mandatory::cases()),
        ("optional attributes", optional::cases()),
        ("multiprotocol", multiprotocol::cases()),
        ("2-octet AS", as4::cases()),
        ("roles", roles::cases()),
        ("unknown attributes", unknown::cases()),
    ];
    let tagged = |(group, cases): (&'static str, Vec<Case>)| {
        cases.into_iter().map(move |case| case.in_group(group))
    };
    groups.into_iter().flat_map(tagged).collect()
}

/// The known prefix announced again with this attribute instead of, or besides, its good ones.
fn with(
    name: &'static str,
    rfc: &'static str,
    flags: u8,
    code: u8,
    value: &[u8],
    expect: Expect,
) -> Case {
    let octets = attribute(flags, code, value);
    Case::draft(
        name,
        rfc,
        move |_, draft| draft.set(code, octets.clone()),
        expect,
    )
}

/// The known prefix announced again with this attribute twice.
fn twice(
    name: &'static str,
    flags: u8,
    code: u8,
    first: &[u8],
    second: &[u8],
    expect: Expect,
) -> Case {
    let octets = [
        attribute(flags, code, first),
        attribute(flags, code, second),
    ]
    .concat();
    Case::draft(
        name,
        "RFC 7606 §3 g",
        move |_, draft| draft.set(code, octets.clone()),
        expect,
    )
    .rows(&[12])
}
