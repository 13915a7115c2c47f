//! Messages in states that do not expect them (RFC 4271 §8.2.2, RFC 6608).

use crate::case::{Case, Data, Expect};
use crate::octets::{
    KEEPALIVE, OPEN, ROUTE_REFRESH, UPDATE, keepalive, notification, refresh, update,
};

const OPEN_SENT: &str = "RFC 6608 §3: OpenSent";
const OPEN_CONFIRM: &str = "RFC 6608 §3: OpenConfirm";

fn unexpected(subcode: u8, kind: u8) -> Expect {
    Expect::Reset(5, subcode, Data::Is(vec![kind]))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::connected(
            "keepalive_before_open",
            OPEN_SENT,
            |_| vec![keepalive()],
            unexpected(1, KEEPALIVE),
        ),
        Case::connected(
            "update_before_open",
            OPEN_SENT,
            |s| vec![s.announce(&s.known()).octets()],
            unexpected(1, UPDATE),
        ),
        Case::connected(
            "end_of_rib_before_open",
            OPEN_SENT,
            |_| vec![update(&[], &[], &[])],
            unexpected(1, UPDATE),
        ),
        Case::connected(
            "malformed_update_before_open",
            OPEN_SENT,
            |_| vec![crate::octets::message(UPDATE, &[0xff; 40])],
            unexpected(1, UPDATE),
        ),
        Case::connected(
            "refresh_before_open",
            OPEN_SENT,
            |_| vec![refresh(1, 0, 1)],
            unexpected(1, ROUTE_REFRESH),
        ),
        Case::connected(
            "notification_before_open",
            "RFC 4271 §8.2.2: OpenSent, event 25",
            |_| vec![notification(6, 5, &[])],
            Expect::Closed,
        ),
        Case::connected(
            "second_open",
            OPEN_CONFIRM,
            |s| vec![s.open().octets().repeat(2)],
            unexpected(2, OPEN),
        ),
        Case::connected(
            "update_before_keepalive",
            OPEN_CONFIRM,
            |s| vec![[s.open().octets(), s.announce(&s.known()).octets()].concat()],
            unexpected(2, UPDATE),
        ),
        Case::connected(
            "refresh_before_keepalive",
            OPEN_CONFIRM,
            |s| vec![[s.open().octets(), refresh(1, 0, 1)].concat()],
            unexpected(2, ROUTE_REFRESH),
        ),
        Case::connected(
            "notification_before_keepalive",
            "RFC 4271 §8.2.2: OpenConfirm, event 25",
            |s| vec![[s.open().octets(), notification(6, 5, &[])].concat()],
            Expect::Closed,
        ),
        Case::connected(
            "open_keepalive_and_routes_at_once",
            "RFC 4271 §8.2.2: OpenConfirm, event 26",
            |s| {
                vec![
                    [
                        s.open().octets(),
                        keepalive(),
                        s.announce(&s.fresh()).octets(),
                    ]
                    .concat(),
                ]
            },
            Expect::Up,
        ),
        Case::new(
            "open_in_established",
            "RFC 6608 §3: Established",
            |s| vec![s.open().octets()],
            unexpected(3, OPEN),
        )
        .rows(&[25]),
        Case::new(
            "malformed_open_in_established",
            "RFC 4271 §6.2, RFC 6608 §3",
            |s| vec![s.open().tail(vec![255, 255, 0, 9]).octets()],
            Expect::Reset(2, 0, Data::Echo),
        )
        .rows(&[25]),
        Case::new(
            "a_hundred_keepalives",
            "RFC 4271 §8.2.2: Established, event 26",
            |_| vec![keepalive().repeat(100)],
            Expect::Unchanged,
        ),
    ]
}
