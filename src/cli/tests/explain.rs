//! Explanations and groups, to the letter: the files in `golden/`, which `BLESS=1` writes anew.

use std::path::Path;

use serde_json::Value;

use crate::cli::{explain, groups};
use crate::control::GroupsAnswer;
use crate::control::testing::{self, explained};

fn golden(name: &str, found: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/tests/golden");
    let path = folder.join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(&path, found).expect("a file");
    }
    let expected = std::fs::read_to_string(&path).expect("a golden file");
    assert!(
        found == expected,
        "{name}: found\n{found}\nexpected\n{expected}"
    );
}

/// Both forms of an explanation.
async fn pinned(name: &str, query: &str) {
    let answer = explained(query).await.expect("an explanation");
    golden(&format!("{name}.txt"), &explain::text(&answer));
    let json = serde_json::to_string_pretty(&answer).expect("JSON");
    golden(&format!("{name}.json"), &(json + "\n"));
}

#[tokio::test]
async fn of_five_paths_each_names_the_step_that_decided() {
    pinned("explain-five", "prefix=10.65.1.7").await;
}

#[tokio::test]
async fn a_path_that_import_refused_names_the_rule() {
    pinned("explain-refused", "prefix=10.66.0.0/24").await;
}

#[tokio::test]
async fn a_path_is_not_told_to_its_sender() {
    pinned("explain-sender", "prefix=10.0.0.0/8&to=192.0.2.254").await;
}

#[tokio::test]
async fn a_community_keeps_a_path_in() {
    pinned("explain-no-export", "prefix=10.65.3.0/26&to=192.0.2.254").await;
}

#[tokio::test]
async fn what_the_kernel_said_is_told() {
    pinned("explain-kernel", "prefix=10.65.0.0/26").await;
}

#[tokio::test]
async fn a_prefix_that_nobody_announces_is_told_with_what_is_near_it() {
    let down = "1 of 2 sessions are not established";
    for (query, expected) in [
        (
            "prefix=10.64.0.0/10",
            format!(
                "nobody has announced 10.64.0.0/10 here; {down}; 10.0.0.0/8 contains it, explain \
                 that one; inside it are 10.65.0.0/26, 10.65.1.0/26"
            ),
        ),
        (
            "prefix=198.51.100.0/24",
            format!(
                "nobody has announced 198.51.100.0/24 here; {down}; no known prefix contains it"
            ),
        ),
        (
            "prefix=192.0.2.1",
            format!("no prefix that anybody has announced contains 192.0.2.1; {down}"),
        ),
    ] {
        let error = explained(query).await.expect_err("it is unknown");
        let error: Value = serde_json::from_str(&error).expect("JSON");
        let error = &error["error"];
        assert_eq!(error["code"], "no_such_prefix");
        assert_eq!(error["field"], "prefix");
        assert_eq!(error["message"], expected);
    }
}

#[tokio::test]
async fn groups_show_what_their_members_have_in_common() {
    let groups = testing::views().groups().await.expect("groups");
    golden("updategroups.txt", &groups::text(&GroupsAnswer { groups }));
    let none = groups::text(&GroupsAnswer { groups: Vec::new() });
    assert_eq!(none, "no update groups: no session is established\n");
}
