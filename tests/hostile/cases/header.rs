//! Marker, length, type (RFC 4271 §6.1).

use crate::case::{Case, Data, Expect};
use crate::octets::{
    KEEPALIVE, NOTIFICATION, OPEN, ROUTE_REFRESH, UPDATE, keepalive, message, message_of_length,
};

const MARKER: &str = "RFC 4271 §6.1: marker";
const LENGTH: &str = "RFC 4271 §6.1: length";
const TYPE: &str = "RFC 4271 §6.1: type";

fn bad_length(length: u16) -> Expect {
    Expect::Reset(1, 2, Data::Is(length.to_be_bytes().to_vec()))
}

fn marker(name: &'static str, at: std::ops::Range<usize>, octet: u8) -> Case {
    Case::new(
        name,
        MARKER,
        move |_| {
            let mut octets = keepalive();
            octets[at.clone()].fill(octet);
            vec![octets]
        },
        Expect::Reset(1, 1, Data::Echo),
    )
}

/// A message of this type with a body of `body` octets, whose length field tells the truth.
fn sized(name: &'static str, kind: u8, body: usize, length: u16) -> Case {
    Case::new(
        name,
        LENGTH,
        move |_| vec![message(kind, &vec![0; body])],
        bad_length(length),
    )
}

/// A header with this length field.
fn claimed(name: &'static str, kind: u8, length: u16) -> Case {
    Case::new(
        name,
        LENGTH,
        move |_| vec![message_of_length(kind, &[], length)],
        bad_length(length),
    )
}

fn kind(name: &'static str, kind: u8) -> Case {
    Case::new(
        name,
        TYPE,
        move |_| vec![message(kind, &[0; 10])],
        Expect::Reset(1, 3, Data::Is(vec![kind])),
    )
    .rows(&[24])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        marker("marker_of_zeros", 0..16, 0),
        marker("marker_with_a_zero_in_front", 0..1, 0),
        marker("marker_with_a_zero_at_its_end", 15..16, 0),
        marker("marker_with_one_bit_missing", 7..8, 0xfe),
        claimed("length_0", KEEPALIVE, 0),
        claimed("length_18", KEEPALIVE, 18),
        claimed("length_65535", UPDATE, 65_535),
        claimed("length_4097_of_an_update", UPDATE, 4097).rows(&[32]),
        claimed("length_4097_of_a_notification", NOTIFICATION, 4097),
        claimed("length_32768", UPDATE, 32_768),
        sized("keepalive_of_20_octets", KEEPALIVE, 1, 20).rows(&[41]),
        sized("keepalive_of_4096_octets", KEEPALIVE, 4077, 4096).rows(&[41]),
        claimed("keepalive_of_4097_octets", KEEPALIVE, 4097).rows(&[41]),
        sized("open_of_28_octets", OPEN, 9, 28),
        sized("update_of_19_octets", UPDATE, 0, 19),
        sized("update_of_22_octets", UPDATE, 3, 22),
        sized("notification_of_19_octets", NOTIFICATION, 0, 19),
        sized("notification_of_20_octets", NOTIFICATION, 1, 20),
        sized("refresh_of_22_octets", ROUTE_REFRESH, 3, 22),
        sized("refresh_of_24_octets", ROUTE_REFRESH, 5, 24),
        kind("type_0", 0),
        kind("type_6", 6),
        kind("type_77", 77),
        kind("type_255", 255),
        Case::connected(
            "open_in_which_the_marker_is_wrong",
            MARKER,
            |s| {
                let mut octets = s.open().octets();
                octets[0] = 0x7f;
                vec![octets]
            },
            Expect::Reset(1, 1, Data::Echo),
        ),
        Case::connected(
            "a_web_browser",
            MARKER,
            |_| vec![b"GET / HTTP/1.1\r\nHost: a-web-server\r\n\r\n".to_vec()],
            Expect::Reset(1, 1, Data::Echo),
        ),
        Case::connected(
            "a_tls_client",
            MARKER,
            |_| vec![[&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0x5a; 32]].concat()],
            Expect::Reset(1, 1, Data::Echo),
        ),
        Case::connected(
            "type_6_before_open",
            TYPE,
            |_| vec![message(6, &[])],
            Expect::Reset(1, 3, Data::Is(vec![6])),
        ),
        Case::connected(
            "length_18_before_open",
            LENGTH,
            |_| vec![message_of_length(OPEN, &[], 18)],
            bad_length(18),
        ),
        Case::connected(
            "length_4097_of_an_open",
            "RFC 8654 §4: OPEN stays below 4097",
            |_| vec![message_of_length(OPEN, &[], 4097)],
            bad_length(4097),
        ),
        Case::new(
            "a_message_octet_by_octet",
            "RFC 4271 §4.1: the stream knows no segments",
            |s| {
                s.again()
                    .octets()
                    .into_iter()
                    .map(|octet| vec![octet])
                    .collect()
            },
            Expect::Accepted(vec![]),
        ),
        Case::new(
            "many_messages_in_one_segment",
            "RFC 4271 §4.1: the stream knows no segments",
            |s| {
                let two = [s.withdraw(&s.known()), s.again().octets(), keepalive()].concat();
                vec![two.repeat(20)]
            },
            Expect::Accepted(vec![]),
        ),
        Case::new(
            "a_fault_behind_a_good_message_in_one_segment",
            TYPE,
            |s| vec![[s.again().octets(), message(99, &[])].concat()],
            Expect::Reset(1, 3, Data::Is(vec![99])),
        ),
    ]
}
