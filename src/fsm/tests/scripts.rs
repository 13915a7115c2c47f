//! Random scripts: whatever comes in whatever order, what the room promises holds.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::fsm::StopReason;
use crate::fsm::fuzzing::{Letter, Owner, Word, session_script};
use crate::net::Family;

fn letters() -> impl Strategy<Value = Letter> {
    prop_oneof![
        6 => Just(Letter::Open),
        1 => Just(Letter::WrongOpen),
        6 => Just(Letter::Keepalive),
        3 => Just(Letter::Update),
        1 => (0u8..4).prop_map(Letter::Refresh),
        1 => (1u8..=7, 0u8..=9).prop_map(|(code, subcode)| Letter::Notification(code, subcode)),
        1 => Just(Letter::Faulty),
        1 => (0u8..7, vec(any::<u8>(), 0..40)).prop_map(|(kind, body)| Letter::Octets(kind, body)),
    ]
}

fn stops() -> impl Strategy<Value = StopReason> {
    let limit = |restart| StopReason::PrefixLimit {
        family: Family::Ipv4,
        max: 1_000,
        restart,
    };
    prop_oneof![
        Just(StopReason::Silent),
        Just(StopReason::AdminShutdown("maintenance".into())),
        Just(StopReason::AdminReset(String::new())),
        Just(StopReason::HardReset(String::new())),
        Just(limit(None)),
        Just(limit(Some(Duration::from_secs(20)))),
        Just(StopReason::Deconfigured),
        Just(StopReason::ConfigChange),
    ]
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        2 => Just(Word::Start),
        2 => stops().prop_map(Word::Stop),
        2 => any::<bool>().prop_map(|ipv6| Word::RequestRefresh(match ipv6 {
            true => Family::Ipv6,
            false => Family::Ipv4,
        })),
        8 => ((0usize..3), any::<bool>()).prop_map(|(index, all)| Word::Wrote(index, all)),
        8 => Just(Word::Accept),
        8 => any::<bool>().prop_map(Word::AnswerDial),
        4 => (0usize..3).prop_map(Word::Close),
        24 => ((0usize..3), letters()).prop_map(|(index, letter)| Word::Receive(index, letter)),
        6 => (0u32..40_000).prop_map(Word::Wait),
        8 => any::<bool>().prop_map(Word::WaitForTimer),
        1 => (any::<u16>(), option::of(0u16..4_096)).prop_map(|(h, r)| Word::Reconfigure(h, r)),
        1 => any::<bool>().prop_map(Word::Restarting),
    ]
}

fn configs() -> impl Strategy<Value = PeerConfig> {
    (
        any::<bool>(),
        any::<bool>(),
        1u8..=3,
        prop_oneof![Just(0u16), Just(9), Just(240)],
        prop_oneof![Just(None), Just(Some(Duration::from_secs(10)))],
    )
        .prop_map(|(passive, restart, host, hold, delay_open)| PeerConfig {
            passive,
            delay_open,
            restart_time: restart.then_some(120),
            hold_time: HoldTime::new(hold).expect("not one or two"),
            ..config(host, 2 + u8::from(host == 2))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn promises_hold_under_any_script(config in configs(), script in vec(words(), 0..80)) {
        let mut owner = Owner::new(config, 1, begin());
        for word in &script {
            owner.say(word);
        }
    }

    #[test]
    fn equal_seeds_and_scripts_give_equal_actions(
        config in configs(),
        script in vec(words(), 0..40),
        seed: u64,
    ) {
        let start = begin();
        let trace = || {
            let mut owner = Owner::new(config.clone(), seed, start);
            for word in &script {
                owner.say(word);
            }
            format!("{:?}", owner.peer)
        };
        prop_assert_eq!(trace(), trace());
    }

    #[test]
    fn two_machines_agree_on_one_session_whatever_happened_before(
        mut script in vec(any::<u8>(), 8..200),
    ) {
        script[0] |= 1;
        session_script(begin(), &script);
    }
}
