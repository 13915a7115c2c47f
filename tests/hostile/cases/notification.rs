//! NOTIFICATIONs, good and bad: they are obeyed, and never answered (RFC 4271 §6.4).

use crate::case::{Case, Expect};
use crate::octets::notification;

const SHUTDOWN: &str = "RFC 9003 §2";

fn closes(name: &'static str, rfc: &'static str, code: u8, subcode: u8, data: &[u8]) -> Case {
    let octets = notification(code, subcode, data);
    Case::new(name, rfc, move |_| vec![octets.clone()], Expect::Closed)
}

pub(super) fn cases() -> Vec<Case> {
    let text = [&[29][..], "maintenance until six o'clock".as_bytes()].concat();
    vec![
        closes("cease", "RFC 4486 §4", 6, 0, &[]),
        closes("cease_with_a_text", SHUTDOWN, 6, 2, &text),
        closes("cease_without_a_text", SHUTDOWN, 6, 2, &[]),
        closes("cease_with_an_empty_text", SHUTDOWN, 6, 2, &[0]),
        closes(
            "cease_with_a_text_that_is_cut",
            SHUTDOWN,
            6,
            2,
            &[200, b'b', b'y', b'e'],
        )
        .rows(&[21]),
        closes(
            "cease_with_octets_behind_the_text",
            SHUTDOWN,
            6,
            2,
            &[1, b'x', 0, 0, 0],
        ),
        closes(
            "cease_with_a_text_of_255_octets",
            SHUTDOWN,
            6,
            4,
            &[255; 256],
        ),
        closes(
            "cease_with_a_text_that_is_not_utf_8",
            SHUTDOWN,
            6,
            4,
            &[4, 0xff, 0xc0, 0x00, 0x1b],
        ),
        closes(
            "cease_with_terminal_escapes",
            SHUTDOWN,
            6,
            2,
            b"\x09\x1b[2J\x1b[31m",
        ),
        closes("cease_of_an_unknown_subcode", "RFC 4486 §4", 6, 250, &[]),
        closes(
            "hard_reset",
            "RFC 8538 §3",
            6,
            9,
            &[6, 2, 3, b'b', b'y', b'e'],
        ),
        closes("hard_reset_without_a_reason", "RFC 8538 §3", 6, 9, &[]),
        closes("hold_timer_expired", "RFC 4271 §6.5", 4, 0, &[]),
        closes("an_unknown_code", "RFC 4271 §6.4", 99, 99, &[]),
        closes("code_0", "RFC 4271 §6.4", 0, 0, &[]),
        closes(
            "a_notification_of_4096_octets",
            "RFC 4271 §6.4",
            3,
            1,
            &[0x55; 4075],
        )
        .rows(&[21]),
        closes(
            "update_error_with_an_attribute_cut_short",
            "RFC 4271 §6.3",
            3,
            5,
            &[0xd0, 2, 0xff],
        )
        .rows(&[21]),
        closes("send_hold_timer_expired", "RFC 9687 §3", 8, 0, &[]),
        Case::new(
            "messages_behind_a_notification",
            "RFC 4271 §6.4: the connection is closed",
            |s| {
                vec![
                    [
                        notification(6, 0, &[]),
                        s.announce(&s.fresh()).octets(),
                        s.open().octets(),
                    ]
                    .concat(),
                ]
            },
            Expect::Closed,
        ),
    ]
}
