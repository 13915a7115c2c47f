//! What a folder's files say, and which version of each resource is in force; no disk, no clock.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::document::{Document, parse_documents};
use super::problem::{Location, Problem};
use super::view::{ObjectCounts, RejectedObject};
use crate::model::{Event, Resource, ResourceKey, Revision};

/// The files of a folder: by path, the content or why it could not be read.
pub(super) type Contents = BTreeMap<String, Result<Vec<u8>, String>>;

/// The resources of a folder, followed from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Folder {
    files: BTreeMap<String, File>,
    in_force: BTreeMap<ResourceKey, InForce>,
    rejected: Vec<RejectedObject>,
    rejected_keys: Vec<Option<ResourceKey>>,
    unknown: BTreeSet<String>,
    revision: u64,
}

#[derive(Debug)]
struct File {
    digest: [u8; 32],
    documents: Vec<Result<Document, Problem>>,
}

#[derive(Debug)]
struct InForce {
    resource: Resource,
    file: String,
}

/// What came of one reading.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// What changed.
    pub(super) events: Vec<Event>,
    /// Objects refused that were not refused before.
    pub(super) newly_rejected: Vec<RejectedObject>,
    /// Kinds seen for the first time that nobody knows, with a place.
    pub(super) newly_unknown: Vec<(Location, String)>,
}

impl Folder {
    /// Takes a complete reading of the folder.
    pub(super) fn absorb(&mut self, contents: Contents) -> Step {
        let mut has_changed = false;
        self.files.retain(|path, _| {
            let stays = contents.contains_key(path);
            has_changed |= !stays;
            stays
        });
        for (path, content) in contents {
            let digest = digest(&content);
            if self
                .files
                .get(&path)
                .is_some_and(|file| file.digest == digest)
            {
                continue;
            }
            has_changed = true;
            let documents = documents(&path, content);
            self.files.insert(path, File { digest, documents });
        }
        if has_changed {
            self.settle()
        } else {
            Step::default()
        }
    }

    /// Objects refused at present.
    pub(super) fn rejected(&self) -> &[RejectedObject] {
        &self.rejected
    }

    /// Grows with every change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Objects in force and refused, by kind.
    pub(super) fn counts(&self) -> BTreeMap<String, ObjectCounts> {
        let mut counts: BTreeMap<String, ObjectCounts> = BTreeMap::new();
        for key in self.in_force.keys() {
            counts.entry(key.kind.to_string()).or_default().accepted += 1;
        }
        for key in &self.rejected_keys {
            let kind = key.as_ref().map_or("unknown", |key| key.kind.name());
            counts.entry(kind.to_owned()).or_default().rejected += 1;
        }
        counts
    }

    /// Brings what is in force in line with what the files say.
    fn settle(&mut self) -> Step {
        let mut wanted: BTreeMap<ResourceKey, (&Resource, &Location, &str)> = BTreeMap::new();
        let mut problems: Vec<(&str, Problem)> = Vec::new();
        let mut step = Step::default();
        for (path, file) in &self.files {
            for document in &file.documents {
                match document {
                    Ok(Document::Resource(location, resource)) => {
                        let key = resource.key();
                        if let Some((_, first, _)) = wanted.get(&key) {
                            problems.push((path, defined_twice(key, location, first)));
                        } else {
                            wanted.insert(key, (resource, location, path));
                        }
                    }
                    Ok(Document::Unknown(location, what)) => {
                        if self.unknown.insert(what.clone()) {
                            step.newly_unknown.push((location.clone(), what.clone()));
                        }
                    }
                    Err(problem) => problems.push((path, problem.clone())),
                }
            }
        }
        let kept = kept(&self.in_force, &wanted, &problems);
        let revision = Revision(self.revision + 1);
        let gone: Vec<ResourceKey> = self
            .in_force
            .keys()
            .filter(|key| !wanted.contains_key(*key) && !kept.contains(*key))
            .cloned()
            .collect();
        for key in gone {
            self.in_force.remove(&key);
            step.events.push(Event::Delete(key));
        }
        for (key, (resource, _, file)) in &wanted {
            match self.in_force.get_mut(key) {
                Some(found) if found.resource == **resource => {
                    if found.file != *file {
                        found.file = (*file).to_owned();
                    }
                }
                _ => {
                    let event = Event::Upsert((*resource).clone(), revision);
                    step.events.push(event);
                    let found = InForce {
                        resource: (*resource).clone(),
                        file: (*file).to_owned(),
                    };
                    self.in_force.insert(key.clone(), found);
                }
            }
        }
        let rejected = problems.iter().map(|(file, problem)| {
            let last_good_kept = match &problem.key {
                Some(key) => kept.contains(key),
                None => kept.iter().any(|key| is_from(&self.in_force, key, file)),
            };
            rejected(problem, last_good_kept)
        });
        let rejected: Vec<RejectedObject> = rejected.collect();
        let known: BTreeSet<(&str, &str)> = self.rejected.iter().map(fault).collect();
        let is_new = |object: &&RejectedObject| !known.contains(&fault(object));
        step.newly_rejected = rejected.iter().filter(is_new).cloned().collect();
        self.rejected_keys = problems
            .into_iter()
            .map(|(_, problem)| problem.key)
            .collect();
        self.rejected = rejected;
        self.revision = revision.0;
        step
    }
}

/// The resources whose last good version stays: those that a bad document is about, and where that
/// cannot be told, all of its file.
fn kept(
    in_force: &BTreeMap<ResourceKey, InForce>,
    wanted: &BTreeMap<ResourceKey, (&Resource, &Location, &str)>,
    problems: &[(&str, Problem)],
) -> BTreeSet<ResourceKey> {
    let named: BTreeSet<&ResourceKey> = problems
        .iter()
        .filter_map(|(_, problem)| problem.key.as_ref())
        .collect();
    let unclear: BTreeSet<&str> = problems
        .iter()
        .filter(|(_, problem)| problem.key.is_none())
        .map(|(file, _)| *file)
        .collect();
    in_force
        .iter()
        .filter(|(key, found)| named.contains(key) || unclear.contains(found.file.as_str()))
        .map(|(key, _)| key)
        .filter(|key| !wanted.contains_key(*key))
        .cloned()
        .collect()
}

fn is_from(in_force: &BTreeMap<ResourceKey, InForce>, key: &ResourceKey, file: &str) -> bool {
    in_force.get(key).is_some_and(|found| found.file == file)
}

/// A digest of a file's content; reading errors differ from every content.
fn digest(content: &Result<Vec<u8>, String>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    match content {
        Ok(bytes) => {
            hasher.update([0]);
            hasher.update(bytes);
        }
        Err(message) => {
            hasher.update([1]);
            hasher.update(message);
        }
    }
    hasher.finalize().into()
}

fn documents(path: &str, content: Result<Vec<u8>, String>) -> Vec<Result<Document, Problem>> {
    let text = content.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| format!("the file is not text: {error}"))
    });
    match text {
        Ok(text) => parse_documents(path, &text),
        Err(message) => {
            let location = Location {
                file: path.into(),
                line: 0,
                column: 0,
            };
            vec![Err(Problem::unidentified(location, message))]
        }
    }
}

/// A resource that is defined in two places.
pub(super) fn defined_twice(key: ResourceKey, location: &Location, first: &Location) -> Problem {
    let message = format!("is defined at {first} already, which holds: define it once");
    Problem::unidentified(location.clone(), message).about(Some(key))
}

/// What tells one refusal from another.
fn fault(object: &RejectedObject) -> (&str, &str) {
    (&object.location, &object.reason)
}

fn rejected(problem: &Problem, last_good_kept: bool) -> RejectedObject {
    RejectedObject {
        resource: problem
            .resource
            .clone()
            .unwrap_or_else(|| problem.location.file.to_string()),
        location: problem.location.to_string(),
        field: problem.field.clone(),
        reason: problem.message.clone(),
        last_good_kept,
    }
}

#[cfg(test)]
mod tests;
