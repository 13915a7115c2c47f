//! What is explained is what BIRD sees.

use serde_json::Value;

use crate::lan::{self, LOCAL_AS, Lan, Neighbor};
use crate::support::{self, kernel, wait_for};

const EXTERNAL_AS: u32 = 65_001;

/// A prefix in the pool that both neighbours announce, one of them by a longer AS path.
const SHARED: &str = "172.30.77.0/26";

#[test]
fn a_prefix_of_two_neighbours_is_explained_from_hearing_to_telling() {
    let name = "explain::a_prefix_of_two_neighbours_is_explained_from_hearing_to_telling";
    if !support::network_allowed(name) {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, EXTERNAL_AS]);
    let with_shared = |neighbor: Neighbor| {
        let mut routes = neighbor.routes.clone();
        routes.push(SHARED.to_owned());
        Neighbor { routes, ..neighbor }
    };
    let inner = with_shared(Neighbor::new(2, LOCAL_AS));
    let outer = with_shared(Neighbor::new(3, EXTERNAL_AS));
    let (_internal, external) = (lan.start_bird(&inner), lan.start_bird(&outer));
    let speaker = lan.start_speaker();
    let [inner_name, outer_name] = [2, 3].map(|host| lan::sessions_with(host)[0].clone());

    kernel::wait_for_route(&lan.speaker, SHARED, |_| true);
    external.wait_for_route(&lan::blocks_of(2)[0]);
    let explain = |words: &[&str]| speaker.act(&[&["explain"], words].concat());
    let answer = wait_for("both paths", || {
        let text = explain(&[SHARED, "-o", "json"])?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let paths = answer["paths"].as_array().map_or(0, Vec::len);
        let installed = answer["kernel"]["route"]["state"] == "installed";
        if paths == 2 && installed {
            Ok(answer)
        } else {
            Err(text)
        }
    });
    assert_eq!(answer["paths"][0]["from"], inner_name.as_str());
    assert_eq!(answer["paths"][0]["decision"]["outcome"], "best");
    assert_eq!(answer["paths"][1]["from"], outer_name.as_str());
    assert_eq!(answer["paths"][1]["decision"]["step"], "asPathLength");
    let told = |name: &str| {
        let exports = answer["exports"].as_array().expect("a list");
        let mut exports = exports.iter();
        let export = exports.find(|export| export["to"] == name);
        export.expect("a neighbour").clone()
    };
    assert_eq!(told(&outer_name)["told"], true);
    assert_eq!(told(&inner_name)["withheld"], "splitHorizon");

    // An address leads to the same, and the text ends with one sentence.
    let text = explain(&["172.30.77.9"]).expect("an explanation");
    assert!(
        text.starts_with("172.30.77.0/26, the longest match of 172.30.77.9: 2 paths\n"),
        "{text}"
    );
    let last = text.lines().last().expect("a sentence");
    let expected = format!(
        "172.30.77.0/26 goes by the path of {inner_name}, preferred to 1 other path for the shorter \
         AS path; the kernel has it; "
    );
    assert!(last.starts_with(&expected), "{last}");

    let error = explain(&["198.51.100.0/24"]).expect_err("nobody announces it");
    assert!(
        error.contains("nobody has announced 198.51.100.0/24 here"),
        "{error}"
    );

    let groups = speaker.show(&["updategroups", &outer_name]);
    assert_eq!(groups["groups"][0]["external"], true);
    assert_eq!(groups["groups"][0]["lagging"], 0);
}
