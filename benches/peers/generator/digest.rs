//! One number for what a set of attributes says, whatever the order of its attributes.

use std::net::Ipv4Addr;

use super::parse::Attributes;

/// What becomes of a route between its sender and a receiver, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Nothing: the octets are copied.
    Copied,
    /// From one AS through another to a third: this one is put in front, the next hop and what is
    /// for neighbours only (MED, LOCAL_PREF) are replaced.
    External {
        /// The AS that must be in front.
        through: u32,
    },
    /// Between clients of a reflector: its originator and cluster are added (RFC 4456 §8).
    Reflected,
    /// From another AS to an internal peer: LOCAL_PREF is added, and not compared; nor is the next
    /// hop, which may be replaced.
    Inwards,
}

/// What a receiver must see of a set as its sender has encoded it.
pub(crate) fn wanted(
    attributes: &[u8],
    passage: Passage,
    added: Option<(Ipv4Addr, Ipv4Addr)>,
) -> u64 {
    let mut sum = 0;
    for (code, value) in Attributes(attributes) {
        if is_compared(code, passage) && !matches!((code, passage), (9 | 10, Passage::Reflected)) {
            sum = u64::wrapping_add(sum, of_attribute(code, value));
        }
    }
    if let (Passage::Reflected, Some((originator, cluster))) = (passage, added) {
        let mut list = cluster.octets().to_vec();
        let mut sender = originator.octets().to_vec();
        for (code, value) in Attributes(attributes) {
            match code {
                9 => sender = value.to_vec(),
                10 => list.extend_from_slice(value),
                _ => {}
            }
        }
        sum = sum.wrapping_add(of_attribute(9, &sender));
        sum = sum.wrapping_add(of_attribute(10, &list));
    }
    // Zero stands for no route.
    sum | 1 << 63
}

/// What a receiver sees.
pub(crate) fn seen(attributes: &[u8], passage: Passage) -> u64 {
    let mut sum: u64 = 0;
    for (code, value) in Attributes(attributes) {
        if !is_compared(code, passage) {
            continue;
        }
        sum = sum.wrapping_add(match (code, passage) {
            (2, Passage::External { through }) => without_first(value, through),
            _ => of_attribute(code, value),
        });
    }
    sum | 1 << 63
}

fn is_compared(code: u8, passage: Passage) -> bool {
    match code {
        1 | 2 | 6 | 7 | 8 | 16 | 32 => true,
        3 => !matches!(passage, Passage::External { .. } | Passage::Inwards),
        4 => !matches!(passage, Passage::External { .. }),
        5 => matches!(passage, Passage::Copied | Passage::Reflected),
        9 | 10 => passage == Passage::Reflected,
        _ => false,
    }
}

/// The digest of the AS_PATH behind its first number, which must be `through`.
fn without_first(path: &[u8], through: u32) -> u64 {
    let [2, count, rest @ ..] = path else {
        return 0;
    };
    let Some((first, rest)) = rest.split_first_chunk() else {
        return 0;
    };
    if u32::from_be_bytes(*first) != through {
        return 0;
    }
    let mut whole = [0; 256];
    match count {
        1 => of_attribute(2, rest),
        _ if rest.len() + 2 <= whole.len() => {
            whole[..2].copy_from_slice(&[2, count - 1]);
            whole[2..2 + rest.len()].copy_from_slice(rest);
            of_attribute(2, &whole[..2 + rest.len()])
        }
        _ => of_attribute(2, &[&[2, count - 1], rest].concat()),
    }
}

fn of_attribute(code: u8, value: &[u8]) -> u64 {
    match code {
        // Sets, which some programs sort.
        8 => of_items::<4>(code, value),
        16 => of_items::<8>(code, value),
        32 => of_items::<12>(code, value),
        // MED 0 and none are the same.
        4 if value == [0; 4] => 0,
        _ => of_octets(u64::from(code), value),
    }
}

fn of_items<const SIZE: usize>(code: u8, value: &[u8]) -> u64 {
    let (items, _) = value.as_chunks::<SIZE>();
    items.iter().fold(0, |sum, item| {
        sum.wrapping_add(of_octets(u64::from(code), item))
    })
}

/// Nobody attacks it, so it need only be quick and even.
fn of_octets(seed: u64, octets: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = octets.as_chunks::<8>();
    let mut sum = words
        .iter()
        .fold(mix(seed, octets.len() as u64), |sum, word| {
            mix(sum, u64::from_le_bytes(*word))
        });
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        sum = mix(sum, u64::from_le_bytes(last));
    }
    sum ^ sum >> 29
}
