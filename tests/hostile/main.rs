//! Hostile peers at the real program: every message gets the reaction of its RFC.
//!
//! [`octets`] makes messages of parts, right or wrong, and [`cases`] says which reaction of which
//! paragraph each must get: [`case`] plays them against the daemon over real TCP sessions, internal
//! and external, IPv4 and IPv6. Witnesses watch what the daemon makes of it, and [`checker`], which
//! shares nothing with the codec under test, reads every octet that anybody is sent. [`rows`] has a
//! test for each known fault of other speakers, by number. All tests share one daemon, in a network
//! namespace of their own ([`place`], [`world`]).
//!
//! `cargo test --test hostile -- --nocapture` prints how many cases there are of which kind.

#![expect(clippy::panic, reason = "that is how a test fails")]

mod case;
mod cases;
mod checker;
mod courses;
mod octets;
mod peer;
mod place;
mod rows;
#[path = "../support/skip.rs"]
mod skip;
mod stage;
mod table;
mod world;

#[test]
fn every_case_gets_the_reaction_of_its_rfc() {
    place::run("every_case_gets_the_reaction_of_its_rfc", table::play_all);
}

#[test]
fn the_table_has_enough_cases_and_no_name_twice() {
    let mut names = table::names();
    assert!(names.len() >= 250, "{} cases", names.len());
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}
