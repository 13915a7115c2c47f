use crate::fsm::fuzzing::session_script;
use crate::fsm::tests::begin;
use crate::net::testing::{Seeds, check_corpus};

/// A configuration of one machine: switches, hold time, delay of the first dial, seed.
const ACTIVE: [u8; 6] = [0, 0x80, 0, 240, 1, 7];
const PASSIVE: [u8; 6] = [0, 0x81, 0, 240, 1, 7];
/// Two ends that both dial, and then which of them has the greater identifier.
const BOTH_DIAL: [u8; 10] = [1, 0x80, 0, 240, 0, 0x80, 0, 240, 0, 0];

/// Words of one machine.
const ACCEPT: &[u8] = &[2];
const DIAL_SUCCEEDS: &[u8] = &[5, 1];
const DIAL_FAILS: &[u8] = &[5, 0];
const TIMER: &[u8] = &[11, 0];
const TIMER_UNREAD: &[u8] = &[11, 1];
const OPEN: &[u8] = &[16, 0, 0];
const OPEN_ON_SECOND: &[u8] = &[16, 1, 0];
const KEEPALIVE: &[u8] = &[16, 0, 5];
const UPDATE: &[u8] = &[16, 0, 9];
const REFRESH: &[u8] = &[16, 0, 10];
const CEASE: &[u8] = &[16, 0, 11, 6, 2];
const FAULTY: &[u8] = &[16, 0, 12];
const CLOSE: &[u8] = &[8, 0];
const STOP: &[u8] = &[1, 0];
const START: &[u8] = &[0];

fn script(head: &[u8], words: &[&[u8]]) -> Vec<u8> {
    [head, &words.concat()].concat()
}

/// A raw OPEN with one capability, on the first connection.
fn raw_open(capability: &[u8]) -> Vec<u8> {
    let length = u8::try_from(capability.len()).expect("short");
    let mut body = vec![4, 0xfb, 0xf0, 0, 90, 192, 0, 2, 2, length + 2, 2, length];
    body.extend_from_slice(capability);
    let mut word = vec![16, 0, 13, 1, u8::try_from(body.len()).expect("short")];
    word.extend_from_slice(&body);
    word
}

fn seeds() -> Seeds {
    let up: [&[u8]; 5] = [TIMER, DIAL_SUCCEEDS, OPEN, KEEPALIVE, UPDATE];
    let and = |more: &[&[u8]]| script(&ACTIVE, &[&up[..], more].concat());
    // Both dials arrive before either side sees its connection.
    let crossing: [&[u8]; 6] = [
        &[0, 12],
        &[0, 0],
        &[1, 0],
        &[0, 5, 0],
        &[1, 5, 0],
        &[1, 5, 1],
    ];
    let world = |more: &[&[u8]]| script(&BOTH_DIAL, &[&crossing[..], more].concat());
    let mut external = BOTH_DIAL;
    external[1] |= 2;
    let mut one_passive = BOTH_DIAL;
    one_passive[5] |= 1;
    vec![
        ("dialled", and(&[])),
        (
            "accepted",
            script(&PASSIVE, &[ACCEPT, OPEN, KEEPALIVE, UPDATE, REFRESH]),
        ),
        (
            "dial-fails",
            script(&ACTIVE, &[TIMER, DIAL_FAILS, TIMER, TIMER, TIMER]),
        ),
        (
            "hold-expires",
            and(&[TIMER, TIMER, TIMER, TIMER, TIMER, TIMER]),
        ),
        (
            "hold-with-backlog",
            and(&[TIMER_UNREAD, TIMER_UNREAD, TIMER_UNREAD, TIMER]),
        ),
        ("peer-ceases", and(&[CEASE, TIMER, DIAL_SUCCEEDS, OPEN])),
        (
            "peer-closes",
            and(&[CLOSE, TIMER, DIAL_SUCCEEDS, OPEN, KEEPALIVE]),
        ),
        (
            "stopped-and-started",
            and(&[STOP, START, TIMER, DIAL_SUCCEEDS]),
        ),
        ("faulty", and(&[FAULTY, TIMER, TIMER])),
        ("takes-over", and(&[ACCEPT, OPEN_ON_SECOND, KEEPALIVE])),
        (
            "unexpected",
            script(&PASSIVE, &[ACCEPT, KEEPALIVE, ACCEPT, UPDATE]),
        ),
        (
            "reconfigured",
            and(&[&[14, 0, 9, 1, 0, 30], &[15, 1], CLOSE, TIMER, DIAL_SUCCEEDS]),
        ),
        (
            "raw-open",
            script(&PASSIVE, &[ACCEPT, &raw_open(&[65, 4, 0, 0, 0xfb, 0xf0])]),
        ),
        (
            "raw-open-restarting",
            script(
                &PASSIVE,
                &[
                    ACCEPT,
                    &raw_open(&[64, 6, 0x80, 120, 0, 1, 1, 0x80]),
                    KEEPALIVE,
                    CLOSE,
                ],
            ),
        ),
        (
            "raw-update",
            and(&[&[16, 0, 13, 2, 4, 0, 0, 0, 0], &[16, 0, 13, 2, 3, 0, 9, 9]]),
        ),
        ("world-both-dial", world(&[])),
        (
            "world-link-breaks",
            world(&[&[0, 14, 0], &[0, 13], &[1, 5, 0], &[0, 5, 0]]),
        ),
        (
            "world-side-restarts",
            world(&[&[1, 15, 1], &[0, 15, 0], &[0, 13]]),
        ),
        (
            "world-slow",
            world(&[&[0, 11, 0xff, 0xff], &[0, 12], &[0, 12], &[0, 12], &[0, 12]]),
        ),
        ("world-external", script(&external, &crossing)),
        ("world-one-passive", script(&one_passive, &crossing)),
        (
            "world-dial-fails",
            script(&BOTH_DIAL, &[&[0, 12], &[0, 4], &[1, 4], &[0, 12]]),
        ),
    ]
}

#[test]
fn the_corpus_does_no_harm() {
    check_corpus("session_script", seeds(), |data| {
        session_script(begin(), data);
    });
}
