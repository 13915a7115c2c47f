//! The body of the fuzz target that reads resources, so that stable tests run it over the corpus.

use std::sync::Arc;

use super::document::{Document, parse_documents, split};
use super::problem::{Location, Problem};
use super::validate::load_text;
use crate::model::{Parsed, parse, peek_key};
use crate::plan::{
    Identity, PasswordRules, RouterIdChoice, diff, initial, plan, render_diff, render_diff_json,
    render_plan,
};

/// A text of documents, read as YAML, and as JSON where it looks like that: whatever it says, every
/// document is a resource or a problem with its place, and a plan comes of what is left.
pub fn resource(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        let (store, problems) = load_text("resources.yaml", data);
        assert!(
            store.is_empty() && problems.len() == 1,
            "one problem: the file is not text"
        );
        return;
    };
    check("resources.yaml", text);
    if text.trim_start().starts_with(['{', '[']) {
        check("resources.json", text);
        value(text);
    }
}

fn check(file: &str, text: &str) {
    let documents = parse_documents(file, text);
    let mut resources = 0;
    for document in &documents {
        match document {
            Ok(Document::Resource(location, resource)) => {
                check_place(location, text);
                assert!(!resource.key().to_string().is_empty());
                resources += 1;
            }
            Ok(Document::Unknown(location, kind)) => {
                check_place(location, text);
                assert!(!kind.is_empty());
            }
            Err(problem) => check_problem(problem, text),
        }
    }
    for chunk in split(&Arc::from(file), text) {
        check_place(&chunk.start(), text);
    }
    let (store, problems) = load_text(file, text.as_bytes());
    assert!(
        store.is_in_sync() && store.len() <= resources,
        "a resource comes from a document"
    );
    assert!(problems.is_sorted_by(|a, b| a.location <= b.location));
    for problem in &problems {
        check_problem(problem, text);
    }
    let names: Vec<String> = store
        .nodes()
        .map(|node| node.metadata.name.to_string())
        .collect();
    for node in names.into_iter().take(PLANS_MAX) {
        let identity = Identity {
            node,
            router_id: RouterIdChoice::NodeAddress,
            listen_port: None,
            passwords: PasswordRules::default(),
        };
        match plan(&store, &identity) {
            Ok(planned) => {
                let changes = initial(&planned);
                assert_eq!(diff(&planned, &planned), [], "a plan differs from itself");
                assert!(!render_plan(&planned).is_empty());
                assert!(!render_diff(&changes).is_empty());
                assert!(render_diff_json(&changes).is_array());
                assert_eq!(
                    plan(&store, &identity).as_ref(),
                    Ok(&planned),
                    "plans are repeatable"
                );
            }
            Err(pending) => assert!(!pending.to_string().is_empty()),
        }
    }
}

/// What a resource is called does not depend on how much of it is understood.
fn value(text: &str) {
    let Ok(value) = serde_json::from_str(text) else {
        return;
    };
    match parse(&value) {
        Ok(Parsed::Resource(resource)) => assert_eq!(peek_key(&value), Some(resource.key())),
        Ok(Parsed::Ignored | Parsed::Unknown { .. }) => {}
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
}

fn check_problem(problem: &Problem, text: &str) {
    check_place(&problem.location, text);
    let shown = problem.to_string();
    assert!(
        !shown.is_empty() && !shown.contains('\n'),
        "{shown:?} is not one line"
    );
}

fn check_place(location: &Location, text: &str) {
    // A place may lie behind the last line, where something is missing.
    let lines = text.split(['\n', '\r']).count() as u64 + 1;
    assert!(location.line <= lines, "{location} is not in the text");
}

/// More nodes than this are planned for in no run: one shows as much as a hundred.
const PLANS_MAX: usize = 3;

#[cfg(test)]
mod tests;
