//! A strict reader of what the daemon sends: anything that an RFC forbids a sender is a complaint.
//!
//! It shares nothing with the codec under test, knows the few families and attributes that the
//! daemon may send here, and forgives nothing: not even what RFC 7606 lets a receiver forgive.

use std::collections::BTreeMap;

use crate::octets::{
    EXTENDED, KEEPALIVE, NOTIFICATION, OPEN, OPTIONAL, Octets, PARTIAL, ROUTE_REFRESH, TRANSITIVE,
    UPDATE, WELL_KNOWN, hex,
};
use crate::stage::{Family, LOCAL_AS, Setting};

/// A route as told: attribute values and flags by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Flags and value by type; MP_REACH_NLRI is left out.
    pub(crate) attributes: BTreeMap<u8, (u8, Octets)>,
    /// The next hop, wherever it stood.
    pub(crate) next_hop: Octets,
}

impl Route {
    /// The value of an attribute.
    pub(crate) fn value(&self, code: u8) -> Option<&[u8]> {
        self.attributes.get(&code).map(|(_, value)| &**value)
    }
}

/// What an UPDATE changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) withdrawn: Vec<Octets>,
    pub(crate) announced: Vec<(Octets, Route)>,
}

/// How strictly a connection's messages are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rules {
    /// Everything, as must be between the daemon and a peer of this kind.
    Whole(Setting),
    /// Headers only: the terms of the session are the case's own.
    Headers,
}

impl Rules {
    /// The longest message that may come.
    const fn longest(self) -> usize {
        match self {
            Self::Whole(_) => 4096,
            // The case may have agreed on RFC 8654.
            Self::Headers => 65_535,
        }
    }
}

/// Reads a whole message whose length field has been obeyed.
pub(crate) fn check(rules: Rules, message: &[u8]) -> Result<Changes, String> {
    let complain = |what: String| {
        let octets: String = message.iter().map(|octet| format!("{octet:02x}")).collect();
        format!("{what}{IN}{octets}")
    };
    check_message(rules, message).map_err(complain)
}

/// Stands between what is wrong and the message that has it.
pub(crate) const IN: &str = ", in ";

/// The length of the message at the front, as soon as its header is there.
pub(crate) fn length(rules: Rules, octets: &[u8]) -> Result<Option<usize>, String> {
    let Some(header) = octets.first_chunk::<19>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if header[..16] != [0xff; 16] {
        return Err(format!("marker {}", hex(&header[..16])));
    }
    if !(19..=rules.longest()).contains(&length) {
        return Err(format!("length {length}"));
    }
    Ok((octets.len() >= length).then_some(length))
}

fn check_message(rules: Rules, message: &[u8]) -> Result<Changes, String> {
    let (kind, body) = (message[18], &message[19..]);
    let bounds = match kind {
        OPEN => 10..=4077,
        UPDATE => 4..=rules.longest() - 19,
        NOTIFICATION => 2..=4077,
        KEEPALIVE => 0..=0,
        ROUTE_REFRESH => 4..=4,
        other => return Err(format!("message type {other}")),
    };
    require(bounds.contains(&body.len()), || {
        format!("length of type {kind}")
    })?;
    match (kind, rules) {
        (OPEN, _) => check_open(body).map(|()| Changes::default()),
        (UPDATE, Rules::Whole(setting)) => check_update(setting, body),
        _ => Ok(Changes::default()),
    }
}

fn check_open(body: &[u8]) -> Result<(), String> {
    require(body[0] == 4, || format!("version {}", body[0]))?;
    let asn = u32::from(u16::from_be_bytes([body[1], body[2]]));
    require(asn == LOCAL_AS, || format!("AS {asn}"))?;
    let hold = u16::from_be_bytes([body[3], body[4]]);
    require(hold == 0 || hold >= 3, || format!("hold time {hold}"))?;
    require(body[5..9] != [0; 4], || "identifier 0.0.0.0".into())?;
    require(usize::from(body[9]) == body.len() - 10, || {
        "length of parameters".into()
    })?;
    let mut left = &body[10..];
    while !left.is_empty() {
        let [2, length, rest @ ..] = left else {
            return Err(format!("parameter {}", hex(left)));
        };
        let (mut inside, rest) = take(rest, usize::from(*length))?;
        while !inside.is_empty() {
            let [_, length, after @ ..] = inside else {
                return Err(format!("capability {}", hex(inside)));
            };
            (_, inside) = take(after, usize::from(*length))?;
        }
        left = rest;
    }
    Ok(())
}

fn check_update(setting: Setting, body: &[u8]) -> Result<Changes, String> {
    let (withdrawn, rest) = section(body)?;
    let (list, nlri) = section(rest)?;
    let mut route = Route::default();
    let (mut reach, mut unreach) = (None, None);
    let mut previous = 0;
    let mut left = list;
    let mut place = 0;
    while !left.is_empty() {
        let (Attribute { flags, code, value }, rest) = attribute(left)?;
        match code {
            14 | 15 => {
                // RFC 7606 §5.1: these come first.
                require(place == 0, || format!("attribute {code} is not the first"))?;
                require(flags & !EXTENDED == OPTIONAL, || {
                    format!("flags {flags:#x} of {code}")
                })?;
                let which = if code == 14 { &mut reach } else { &mut unreach };
                *which = Some(value);
            }
            _ => {
                require(code > previous, || format!("{code} behind {previous}"))?;
                previous = code;
                check_attribute(setting, flags, code, value)?;
                route
                    .attributes
                    .insert(code, (flags & !EXTENDED, value.to_vec()));
            }
        }
        place += 1;
        left = rest;
    }
    let parts = [
        !withdrawn.is_empty(),
        !nlri.is_empty(),
        reach.is_some(),
        unreach.is_some(),
    ];
    // RFC 7606 §5.1 again.
    require(parts.iter().filter(|part| **part).count() <= 1, || {
        "mixed content".into()
    })?;
    let announces = !nlri.is_empty() || reach.is_some();
    require(announces || route.attributes.is_empty(), || {
        "attributes of nothing".into()
    })?;

    let mut changes = Changes::default();
    let v4 = setting.family == Family::V4;
    require(v4 || (nlri.is_empty() && withdrawn.is_empty()), || {
        "IPv4 on an IPv6 session".into()
    })?;
    changes.withdrawn = prefixes(Family::V4, withdrawn)?;
    if let Some(value) = unreach {
        let (family, nlri) = family_of(value)?;
        require(family == setting.family, || "family not negotiated".into())?;
        changes.withdrawn = prefixes(family, nlri)?;
    }
    let mut announced = prefixes(Family::V4, nlri)?;
    if let Some(value) = reach {
        let (family, after) = family_of(value)?;
        require(family == setting.family, || "family not negotiated".into())?;
        let (length, after) = after.split_first().ok_or("no length of next hop")?;
        let wanted: &[u8] = if family == Family::V4 {
            &[4]
        } else {
            &[16, 32]
        };
        require(wanted.contains(length), || {
            format!("next hop of {length} octets")
        })?;
        let (next_hop, after) = take(after, usize::from(*length))?;
        let ([0], nlri) = take(after, 1)? else {
            return Err("the reserved octet".into());
        };
        route.next_hop = next_hop.to_vec();
        announced = prefixes(family, nlri)?;
        require(!announced.is_empty(), || "MP_REACH_NLRI of nothing".into())?;
        require(!route.attributes.contains_key(&3), || {
            "NEXT_HOP beside MP_REACH_NLRI".into()
        })?;
    } else if !nlri.is_empty() {
        route.next_hop = route.value(3).ok_or("no NEXT_HOP")?.to_vec();
    }
    if announces {
        require(route.value(1).is_some(), || "no ORIGIN".into())?;
        require(route.value(2).is_some(), || "no AS_PATH".into())?;
        require(setting.external != route.value(5).is_some(), || {
            "LOCAL_PREF".into()
        })?;
        require(is_host(&route.next_hop), || {
            format!("next hop {}", hex(&route.next_hop))
        })?;
    }
    changes.announced = announced
        .into_iter()
        .map(|prefix| (prefix, route.clone()))
        .collect();
    Ok(changes)
}

/// An attribute as it stands in its list.
struct Attribute<'a> {
    flags: u8,
    code: u8,
    value: &'a [u8],
}

/// The attribute at the front, and what follows.
fn attribute(list: &[u8]) -> Result<(Attribute<'_>, &[u8]), String> {
    let [flags, code, rest @ ..] = list else {
        return Err(format!("attribute header {}", hex(list)));
    };
    require(flags & 0x0f == 0, || format!("flags {flags:#x} of {code}"))?;
    let (length, rest) = if flags & EXTENDED == 0 {
        let (length, rest) = rest.split_first().ok_or("no attribute length")?;
        (usize::from(*length), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or("no attribute length")?;
        let length = usize::from(u16::from_be_bytes(*length));
        // RFC 4271 §4.3: only where it is needed.
        require(length > 255, || {
            format!("extended length of {length} of {code}")
        })?;
        (length, rest)
    };
    let (value, rest) = take(rest, length)?;
    let (flags, code) = (*flags, *code);
    Ok((Attribute { flags, code, value }, rest))
}

fn check_attribute(setting: Setting, flags: u8, code: u8, value: &[u8]) -> Result<(), String> {
    let length = value.len();
    let numbers = if setting.old { 2 } else { 4 };
    let (wanted, good) = match code {
        1 => (WELL_KNOWN, matches!(value, [0..=2])),
        2 => {
            check_path(setting, value)?;
            (WELL_KNOWN, true)
        }
        3 => (WELL_KNOWN, length == 4 && is_host(value)),
        4 => (OPTIONAL, length == 4),
        5 => (WELL_KNOWN, length == 4 && !setting.external),
        6 => (WELL_KNOWN, length == 0),
        7 => (
            TRANSITIVE,
            length == 4 + numbers && value[..numbers] != [0; 4][..numbers],
        ),
        8 => (TRANSITIVE, length > 0 && length.is_multiple_of(4)),
        9 => (OPTIONAL, length == 4 && !setting.external),
        10 => (
            OPTIONAL,
            length > 0 && length.is_multiple_of(4) && !setting.external,
        ),
        16 => (TRANSITIVE, length > 0 && length.is_multiple_of(8)),
        17 => (TRANSITIVE, setting.old && length >= 6),
        18 => (
            TRANSITIVE,
            setting.old && length == 8 && value[..4] != [0; 4],
        ),
        25 => (TRANSITIVE, length > 0 && length.is_multiple_of(20)),
        26 => (OPTIONAL, length >= 11 && !setting.external),
        32 => (
            TRANSITIVE,
            length > 0 && length.is_multiple_of(12) && distinct::<12>(value),
        ),
        35 => (TRANSITIVE, length == 4),
        // Passed on by somebody who does not know it (RFC 4271 §5).
        _ => (TRANSITIVE | PARTIAL, true),
    };
    require(good, || format!("value {} of {code}", hex(value)))?;
    // Optional transitive ones may have met a speaker that did not know them.
    let ignored = if wanted == TRANSITIVE {
        EXTENDED | PARTIAL
    } else {
        EXTENDED
    };
    require(flags & !ignored == wanted & !ignored, || {
        format!("flags {flags:#x} of {code}")
    })
}

/// Sequences only: sets are deprecated (RFC 9774), confederations are none of ours.
fn check_path(setting: Setting, value: &[u8]) -> Result<(), String> {
    let width = if setting.old { 2 } else { 4 };
    let mut left = value;
    let mut first = None;
    while !left.is_empty() {
        let [kind, count, rest @ ..] = left else {
            return Err(format!("path segment {}", hex(left)));
        };
        require(*kind == 2, || format!("segment type {kind}"))?;
        require(*count > 0, || "empty segment".into())?;
        let (numbers, rest) = take(rest, usize::from(*count) * width)?;
        for number in numbers.chunks(width) {
            require(number.iter().any(|octet| *octet != 0), || "AS 0".into())?;
            first.get_or_insert(number);
        }
        left = rest;
    }
    if setting.external {
        let own = &LOCAL_AS.to_be_bytes()[4 - width..];
        require(first == Some(own), || {
            "a path that does not begin with AS 64512".into()
        })?;
    }
    Ok(())
}

fn distinct<const N: usize>(value: &[u8]) -> bool {
    let items: Vec<_> = value.chunks(N).collect();
    items
        .iter()
        .enumerate()
        .all(|(at, item)| !items[..at].contains(item))
}

/// Whether packets can be sent there.
fn is_host(next_hop: &[u8]) -> bool {
    match next_hop {
        [first, _, _, _] => !matches!(first, 0 | 127 | 224..),
        [0xff, ..] => false,
        [head @ .., last] if next_hop.len() >= 16 => {
            !(head.iter().all(|octet| *octet == 0) && *last <= 1)
        }
        _ => false,
    }
}

/// The prefixes of a run in canonical form.
fn prefixes(family: Family, nlri: &[u8]) -> Result<Vec<Octets>, String> {
    let max = if family == Family::V4 { 32 } else { 128 };
    let mut found = Vec::new();
    let mut left = nlri;
    while let Some((bits, rest)) = left.split_first() {
        require(*bits <= max, || format!("prefix length {bits}"))?;
        let (octets, rest) = take(rest, usize::from(bits.div_ceil(8)))?;
        let spare = (8 - bits % 8) % 8;
        let tail = octets
            .last()
            .map_or(0, |octet| u32::from(*octet) % (1 << spare));
        require(tail == 0, || {
            format!("bits beyond the prefix: {bits} {}", hex(octets))
        })?;
        found.push([&[*bits], octets].concat());
        left = rest;
    }
    Ok(found)
}

fn family_of(value: &[u8]) -> Result<(Family, &[u8]), String> {
    match value {
        [0, 1, 1, rest @ ..] => Ok((Family::V4, rest)),
        [0, 2, 1, rest @ ..] => Ok((Family::V6, rest)),
        _ => Err(format!("family {}", hex(value))),
    }
}

fn section(octets: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (length, rest) = octets.split_first_chunk::<2>().ok_or("no section length")?;
    take(rest, usize::from(u16::from_be_bytes(*length)))
}

fn take(octets: &[u8], count: usize) -> Result<(&[u8], &[u8]), String> {
    octets
        .split_at_checked(count)
        .ok_or_else(|| format!("{count} octets of {}", octets.len()))
}

fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octets::{attribute as octets_of, message, update};

    const IBGP: Setting = Setting {
        external: false,
        family: Family::V4,
        old: false,
        role: None,
    };

    fn verdict(attributes: &[Octets], nlri: &[u8]) -> Result<Changes, String> {
        check(Rules::Whole(IBGP), &update(&[], &attributes.concat(), nlri))
    }

    fn good() -> Vec<Octets> {
        vec![
            octets_of(WELL_KNOWN, 1, &[0]),
            octets_of(WELL_KNOWN, 2, &[2, 1, 0, 0, 0xfd, 0xde]),
            octets_of(WELL_KNOWN, 3, &[10, 9, 0, 2]),
            octets_of(WELL_KNOWN, 5, &[0, 0, 0, 100]),
        ]
    }

    #[test]
    fn the_checker_passes_what_is_right() {
        let changes = verdict(&good(), &[24, 10, 1, 2]).expect("it is well-formed");
        assert_eq!(changes.announced[0].0, [24, 10, 1, 2]);
        assert!(check(Rules::Whole(IBGP), &message(KEEPALIVE, &[])).is_ok());
    }

    #[test]
    fn the_checker_sees_what_is_wrong() {
        let with = |extra: Octets| [good(), vec![extra]].concat();
        assert!(verdict(&good()[1..], &[24, 10, 1, 2]).is_err(), "no ORIGIN");
        assert!(
            verdict(&good(), &[23, 10, 1, 3]).is_err(),
            "a bit beyond the prefix"
        );
        assert!(verdict(&good(), &[33, 10, 1, 3, 4, 5]).is_err(), "33 bits");
        assert!(
            verdict(&with(vec![0xd0, 8, 0, 4, 1, 1, 1, 1]), &[0]).is_err(),
            "extended"
        );
        assert!(
            verdict(&with(octets_of(TRANSITIVE, 8, &[])), &[0]).is_err(),
            "empty list"
        );
        assert!(
            verdict(&with(octets_of(TRANSITIVE, 99, &[1])), &[0]).is_err(),
            "not partial"
        );
        assert!(
            verdict(&with(octets_of(WELL_KNOWN, 5, &[0; 4])), &[0]).is_err(),
            "twice"
        );
        assert!(verdict(&good(), &[]).is_err(), "attributes of nothing");
        let bad_keepalive = message(KEEPALIVE, &[0]);
        assert!(check(Rules::Headers, &bad_keepalive).is_err());
    }
}
