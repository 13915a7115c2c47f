use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Vec<Result<Document, Problem>> {
    parse_documents("f.yaml", text)
}

/// The one problem of a text, as the line that people see.
fn problem(file: &str, text: &str) -> String {
    let problems: Vec<Problem> = parse_documents(file, text)
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

fn names(documents: &[Result<Document, Problem>]) -> Vec<String> {
    documents
        .iter()
        .map(|document| match document {
            Ok(Document::Resource(location, resource)) => {
                format!("{} {}", location.line, resource.key())
            }
            Ok(Document::Unknown(location, what)) => format!("{} unknown {what}", location.line),
            Err(problem) => format!(
                "{} bad {}",
                problem.location.line,
                problem.resource.clone().unwrap_or_default()
            ),
        })
        .collect()
}

const POOL: &str = "\
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: pods
spec:
  cidr: 10.65.0.0/16
";

const PEER: &str = "\
# The top of rack.
apiVersion: crd.projectcalico.org/v1
kind: BGPPeer
metadata: {name: tor-a}
spec:
  peerIP: 192.0.2.1
  asNumber: abc
";

#[test]
fn each_document_stands_by_itself_and_keeps_its_line() {
    let text = format!("{POOL}---\n{PEER}--- # the last\n\n{POOL}---\n---\n# nothing\n");
    assert_eq!(
        names(&parsed(&text)),
        ["1 IPPool/pods", "14 bad BGPPeer/tor-a", "17 IPPool/pods"]
    );
}

#[test]
fn a_bad_field_is_named_with_line_resource_value_and_what_is_allowed() {
    assert_eq!(
        problem("/r/peers.yaml", &format!("{POOL}---\n{PEER}")),
        "/r/peers.yaml:14:13: BGPPeer/tor-a spec.asNumber: \"abc\" is not an AS number \
         (1–4294967295, as a number, as text such as \"65001\", or asdot such as \"1.10\")"
    );
}

#[test]
fn text_that_is_no_yaml_is_placed_and_still_told_apart() {
    let text = "\n\nkind: Node\nmetadata:\n  name: \"sand-1\"\nspec:\n  bgp: [\n";
    let line = problem("f.yaml", text);
    assert!(line.contains(": Node/sand-1: is not YAML: "), "{line}");
    assert!(!line.contains('\n'));
    let tabs = problem("f.yaml", "kind: BGPPeer\nmetadata:\n\tname: x\nspec: {}\n");
    assert!(tabs.starts_with("f.yaml:3:"), "{tabs}");
    assert!(tabs.contains("BGPPeer/x"), "{tabs}");
}

#[test]
fn the_owner_of_a_broken_affinity_is_guessed() {
    let text = "kind: BlockAffinity\nspec:\n  node: a\n  cidr: 10.65.1.0/26\n  state: [\n";
    let problems: Vec<Problem> = parsed(text).into_iter().filter_map(Result::err).collect();
    assert_eq!(
        problems[0].resource.as_deref(),
        Some("BlockAffinity/a/10.65.1.0/26")
    );
}

#[test]
fn lists_are_taken_apart() {
    let text = "\
apiVersion: v1
kind: List
items:
- {apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: a}, spec: {cidr: 10.0.0.0/8}}
- {apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: b}, spec: {cidr: 10.0.0.0}}
";
    assert_eq!(names(&parsed(text)), ["4 IPPool/a", "5 bad IPPool/b"]);
    assert!(
        problem("f.yaml", text).starts_with("f.yaml:5:86: IPPool/b spec.cidr: "),
        "{}",
        problem("f.yaml", text)
    );
}

#[test]
fn json_files_may_hold_several_values() {
    let value = |name: &str, cidr: &str| {
        format!(
            "{{\"apiVersion\": \"projectcalico.org/v3\",\n\t\"kind\": \"IPPool\", \"metadata\": \
             {{\"name\": \"{name}\"}},\n \"spec\": {{\"cidr\": \"{cidr}\"}}}}\n"
        )
    };
    let text = value("a", "10.0.0.0/8")
        + &value("b", "fd00::/64")
        + "{\"kind\": \"IPPool\", \"metadata\": {\"name\": \"c\"}, ";
    let documents = parse_documents("f.json", &text);
    assert_eq!(names(&documents)[..2], ["1 IPPool/a", "4 IPPool/b"]);
    let problem = documents[2].as_ref().expect_err("cut off");
    assert_eq!(problem.resource.as_deref(), Some("IPPool/c"));
    assert!(problem.message.starts_with("is not JSON: "), "{problem}");
}

#[test]
fn what_a_secret_holds_is_quoted_by_no_problem() {
    const PLANTED: &str = "c0rrect-horse";
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: web}\n";
    for data in [
        format!("stringData: {{a: *{PLANTED}}}\n"),
        format!("stringData: {{a: {PLANTED}, a: {PLANTED}}}\n"),
        format!("stringData: [{PLANTED}\n"),
        format!("stringData:\n  a: {PLANTED}\n {PLANTED}: [\n"),
        format!("stringData: {PLANTED}\n"),
        format!("data: {{a: {PLANTED}}}\n"),
        format!("data: {{a: [{PLANTED}]}}\n"),
        format!("stringData: {{a: !{PLANTED} x}}\n"),
    ] {
        let documents = parsed(&format!("{head}{data}"));
        let shown = format!("{documents:?}");
        assert!(!shown.contains(PLANTED), "{shown}");
        for problem in documents
            .iter()
            .filter_map(|document| document.as_ref().err())
        {
            assert_eq!(problem.resource.as_deref(), Some("Secret/web/s"), "{data}");
        }
    }
    let json = format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": {PLANTED}");
    assert!(!format!("{:?}", parse_documents("f.json", &json)).contains(PLANTED));
}

#[test]
fn foreign_kinds_are_silent_and_unknown_ones_are_not() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";
    assert!(parsed(pod).is_empty());
    let pear = "apiVersion: projectcalico.org/v3\nkind: BGPPear\nmetadata: {name: s}\n";
    assert_eq!(
        names(&parsed(pear)),
        ["1 unknown projectcalico.org/v3 BGPPear"]
    );
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let indented: String = (0..3000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let texts = [
        "- ".repeat(100_000),
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        indented,
    ];
    for text in texts {
        let documents = parsed(&format!(
            "kind: Node\nmetadata: {{name: a}}\nspec:\n  {text}"
        ));
        assert!(documents.iter().all(Result::is_err));
        let documents = parse_documents("f.json", &text);
        assert!(documents.iter().all(Result::is_err));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a-z:\\[\\]{}\"'# \n\t,&*!|>%0-9\u{e9}]{0,200}") {
        let _ = parse_documents("f.yaml", &text);
        let _ = parse_documents("f.json", &text);
    }

    #[test]
    fn no_edit_of_a_document_makes_it_panic(at in 0usize..200, with in "[-a-z:\\[{}\"# \n\t]{0,3}") {
        let mut text = format!("{POOL}---\n{PEER}");
        let at = at.min(text.len());
        text.insert_str(at, &with);
        let _ = parse_documents("f.yaml", &text);
    }
}
