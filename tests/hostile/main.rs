//! Hostile peers at the real program: every message gets the reaction of its RFC.

#![expect(clippy::panic, reason = "that is how a test fails")]

mod case;
mod cases;
mod checker;
mod octets;
mod peer;
mod place;
mod stage;
mod table;
mod world;

#[test]
fn every_case_gets_the_reaction_of_its_rfc() {
    place::run("every_case_gets_the_reaction_of_its_rfc", || {
        table::play(|_| true)
    });
}

#[test]
fn the_table_has_enough_cases_and_no_name_twice() {
    let mut names = table::names();
    assert!(names.len() >= 250, "{} cases", names.len());
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}
