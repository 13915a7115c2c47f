//! Extended communities (RFC 4360) as text.

/// `rt:65000:1` for a route target, `ro:65000:1` for a route origin, in each of the encodings of RFC
/// 4360 §3 and RFC 5668; anything else as its eight octets in hexadecimal, `0x4004000000000001`.
pub(super) fn text(community: [u8; 8]) -> String {
    const TWO_OCTET_AS: u8 = 0x00;
    const IPV4_ADDRESS: u8 = 0x01;
    const FOUR_OCTET_AS: u8 = 0x02;
    let [kind, subtype, a, b, c, d, e, f] = community;
    let name = match subtype {
        0x02 => "rt",
        0x03 => "ro",
        _ => return hexadecimal(community),
    };
    let low = u16::from_be_bytes([e, f]);
    match kind {
        TWO_OCTET_AS => {
            let (asn, number) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
            format!("{name}:{asn}:{number}")
        }
        IPV4_ADDRESS => format!("{name}:{a}.{b}.{c}.{d}:{low}"),
        FOUR_OCTET_AS => format!("{name}:{}:{low}", u32::from_be_bytes([a, b, c, d])),
        _ => hexadecimal(community),
    }
}

fn hexadecimal(community: [u8; 8]) -> String {
    format!("0x{:016x}", u64::from_be_bytes(community))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn targets_and_origins_are_told_by_name_and_the_rest_in_octets() {
        for (octets, expected) in [
            ([0, 2, 0xfe, 0xb0, 0, 1, 0, 7], "rt:65200:65543"),
            ([0, 3, 0xfe, 0xb0, 0, 0, 0, 8], "ro:65200:8"),
            ([1, 2, 192, 0, 2, 1, 0, 9], "rt:192.0.2.1:9"),
            ([2, 3, 0xfa, 0x56, 0xea, 0x01, 0, 9], "ro:4200000001:9"),
            ([0x40, 4, 0, 0, 0, 0, 0, 1], "0x4004000000000001"),
            ([3, 0x0c, 0, 0, 0, 0, 0, 8], "0x030c000000000008"),
        ] {
            assert_eq!(text(octets), expected);
        }
    }
}
