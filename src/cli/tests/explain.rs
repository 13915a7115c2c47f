//! Explanations and groups, to the letter.

use super::same;
use crate::cli::{explain, groups};
use crate::control::GroupsAnswer;
use crate::control::testing::{self, explained};

async fn text(query: &str) -> String {
    explain::text(&explained(query).await.expect("an explanation"))
}

#[tokio::test]
async fn print_all() {
    for q in [
        "prefix=10.65.1.7",
        "prefix=10.65.0.0/26",
        "prefix=10.66.0.0/24",
        "prefix=10.65.3.0/26&to=192.0.2.254",
        "prefix=10.0.0.0/8",
    ] {
        println!("=== {q}\n{}", text(q).await);
    }
    for q in [
        "prefix=10.64.0.0/10",
        "prefix=10.65.1.0/28",
        "prefix=198.51.100.0/24",
        "prefix=192.0.2.1",
    ] {
        println!("=== {q}\n{}", explained(q).await.expect_err("unknown"));
    }
    println!(
        "{}",
        serde_json::to_string_pretty(
            &explained("prefix=10.65.0.0/26&to=Mesh_192_0_2_12")
                .await
                .expect("x")
        )
        .expect("json")
    );
    println!("{}", groups::text(&testing_groups().await));
}

async fn testing_groups() -> GroupsAnswer {
    GroupsAnswer {
        groups: testing::views().groups().await.expect("groups"),
    }
}
