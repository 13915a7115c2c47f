use super::*;

#[test]
fn meanings_are_in_the_words_of_the_rfcs() {
    let meanings = [
        (
            Notification::bad_peer_as(),
            "2/2 OPEN Message Error: Bad Peer AS",
        ),
        (Notification::hold_timer_expired(), "4/0 Hold Timer Expired"),
        (
            Notification::unsupported_version(),
            "2/1 OPEN Message Error: Unsupported Version Number (00 04)",
        ),
        (
            Notification::fsm_error(fsm_error::ESTABLISHED),
            "5/3 Finite State Machine Error: Receive Unexpected Message in Established State",
        ),
        (Notification::cease(99), "6/99 Cease: subcode 99"),
        (Notification::new(77, 0), "77/0 Unknown error code"),
    ];
    for (notification, meaning) in meanings {
        assert_eq!(notification.to_string(), meaning);
    }
}

#[test]
fn shutdown_texts_are_shown_escaped() {
    let notification = Notification::admin_shutdown("moving to \"rack 4\"\n");
    assert_eq!(
        notification.meaning(),
        r#"Cease: Administrative Shutdown ("moving to \"rack 4\"\n")"#
    );
}

#[test]
fn shutdown_texts_that_lie_about_their_length_are_left_out() {
    let mut notification = Notification::admin_shutdown("x");
    for data in [vec![], vec![0], vec![9, b'x'], vec![255]] {
        notification.data = data;
        assert_eq!(notification.meaning(), "Cease: Administrative Shutdown");
    }
    notification.data = vec![2, 0xff, b'x', b'y'];
    assert_eq!(
        notification.meaning(),
        "Cease: Administrative Shutdown (\"\u{fffd}x\")"
    );
}

#[test]
fn shutdown_texts_are_cut_at_a_whole_character() {
    let notification = Notification::admin_shutdown(&"ü".repeat(200));
    assert_eq!(notification.data.len(), 255);
    assert_eq!(notification.data.first(), Some(&254));
    assert!(!notification.meaning().contains('\u{fffd}'));
}

#[test]
fn a_hard_reset_around_a_shutdown_shows_its_text() {
    let reason = Notification::admin_shutdown("rack 4 moves");
    let reset = Notification::hard_reset(&reason);
    assert!(reset.is_hard_reset() && !reason.is_hard_reset());
    assert_eq!(reset.encapsulated(), Some(reason));
    assert_eq!(
        reset.to_string(),
        "6/9 Cease: Hard Reset (Cease: Administrative Shutdown (\"rack 4 moves\"))"
    );
}

#[test]
fn hard_resets_in_hard_resets_are_not_followed() {
    let mut nested = Notification::admin_reset("x");
    for _ in 0..1_000 {
        nested = Notification::hard_reset(&nested);
    }
    assert_eq!(nested.meaning(), "Cease: Hard Reset (Cease)");
    let empty = Notification::cease(cease::HARD_RESET);
    assert_eq!(empty.encapsulated(), None);
    assert_eq!(empty.meaning(), "Cease: Hard Reset");
    assert_eq!(Notification::admin_reset("x").encapsulated(), None);
}

#[test]
fn a_prefix_limit_names_family_and_bound() {
    let notification = Notification::prefix_limit(Family::Ipv6, 1_000);
    assert_eq!(notification.data, [0, 2, 1, 0, 0, 0x03, 0xe8]);
    assert_eq!(
        notification.to_string(),
        "6/1 Cease: Maximum Number of Prefixes Reached (ipv6, at most 1000)"
    );
    let foreign = Notification {
        data: vec![0, 25, 70, 0, 0, 0, 9],
        ..notification
    };
    assert_eq!(
        foreign.meaning(),
        "Cease: Maximum Number of Prefixes Reached (AFI 25 SAFI 70, at most 9)"
    );
    let odd = Notification {
        data: vec![0, 2, 1, 0],
        ..notification
    };
    assert_eq!(
        odd.meaning(),
        "Cease: Maximum Number of Prefixes Reached (00 02 01 00)"
    );
}

#[test]
fn every_subcode_in_use_has_a_name() {
    let known = [
        (1, 1..=3),
        (2, 1..=7),
        (2, 11..=11),
        (3, 1..=11),
        (5, 1..=3),
        (6, 1..=10),
        (7, 1..=1),
    ];
    for (code, subcodes) in known {
        for subcode in subcodes {
            let meaning = Notification::new(code, subcode).meaning();
            assert!(!meaning.contains("ubcode "), "{code}/{subcode}: {meaning}");
        }
    }
    assert_eq!(
        Notification::send_hold_timer_expired().to_string(),
        "8/0 Send Hold Timer Expired"
    );
    assert_eq!(
        Notification::role_mismatch().to_string(),
        "2/11 OPEN Message Error: Role Mismatch"
    );
}

#[test]
fn of_an_extended_notification_no_more_is_kept_than_of_an_ordinary_one() {
    let body = [&[3, 5][..], &[7; 60_000]].concat();
    let notification = Notification::decode(&body);
    assert_eq!(notification.data.len(), DATA_OCTETS_MAX);
    let mut out = Vec::new();
    notification.encode(&mut out);
    assert_eq!(out.len(), MESSAGE_LENGTH_MAX);
}

#[test]
fn shutdown_texts_of_255_octets_come_through_whole() {
    let text = "a".repeat(255);
    let notification = Notification::admin_reset(&text);
    assert_eq!(notification.data.len(), 256);
    let mut out = Vec::new();
    notification.encode(&mut out);
    let read = Notification::decode(&out[HEADER_LENGTH..]);
    assert_eq!(
        read.meaning(),
        format!("Cease: Administrative Reset ({text:?})")
    );
}

#[test]
fn a_hard_reset_tells_what_it_holds() {
    let mut notification = Notification::cease(cease::HARD_RESET);
    notification.data = vec![6, 3];
    assert_eq!(
        notification.meaning(),
        "Cease: Hard Reset (Cease: Peer De-configured)"
    );
}

#[test]
fn data_beyond_a_message_is_cut() {
    let mut out = Vec::new();
    Notification::update_error(2, vec![7; 5000]).encode(&mut out);
    assert_eq!(out.len(), MESSAGE_LENGTH_MAX);
}

#[test]
fn families_that_the_peer_lacks_are_named_as_capabilities() {
    let both = PerFamily {
        ipv4: true,
        ipv6: true,
    };
    let data = Notification::no_common_family(both).data;
    assert_eq!(data, [1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1]);
}
