//! Files checked without running anything: `calidris validate` and `calidris plan`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::read_folder;
use super::document::{Document, parse_documents, split};
use super::folder::{Contents, defined_twice};
use super::problem::{Location, Problem, Severity};
use crate::model::{Event, ResourceKey, Revision, Store};
use crate::plan::{Finding, check};

/// Checks files and folders, and the resources in them against each other; empty where all is well.
pub fn validate(paths: &[PathBuf]) -> Vec<Problem> {
    let mut checked = Checked::default();
    for path in paths {
        checked.add(path);
    }
    checked.finish().1
}

/// Reads files and folders once into a store, with everything that is wrong with them.
///
/// The store is marked as in sync, so that it can be planned from.
pub fn load(paths: &[PathBuf]) -> (Store, Vec<Problem>) {
    let mut checked = Checked::default();
    for path in paths {
        checked.add(path);
    }
    checked.finish()
}

/// The same for one text that stands in no file.
#[cfg(any(test, fuzzing))]
pub(super) fn load_text(path: &str, octets: &[u8]) -> (Store, Vec<Problem>) {
    let mut checked = Checked::default();
    checked.add_file(path.to_owned(), Ok(octets.to_vec()));
    checked.finish()
}

#[derive(Default)]
struct Checked {
    texts: BTreeMap<String, String>,
    store: Store,
    places: BTreeMap<ResourceKey, Location>,
    problems: Vec<Problem>,
}

impl Checked {
    fn add(&mut self, path: &Path) {
        match contents(path) {
            Ok(contents) => {
                for (path, content) in contents {
                    self.add_file(path, content);
                }
            }
            Err(error) => self.refuse_file(&path.display().to_string(), error.to_string()),
        }
    }

    fn add_file(&mut self, path: String, content: Result<Vec<u8>, String>) {
        let text = content.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| format!("the file is not text: {error}"))
        });
        let text = match text {
            Ok(text) => text,
            Err(message) => return self.refuse_file(&path, message),
        };
        for document in parse_documents(&path, &text) {
            self.add_document(document);
        }
        self.texts.insert(path, text);
    }

    fn add_document(&mut self, document: Result<Document, Problem>) {
        match document {
            Ok(Document::Resource(location, resource)) => {
                let key = resource.key();
                if let Some(first) = self.places.get(&key) {
                    self.problems.push(defined_twice(key, &location, first));
                    return;
                }
                self.places.insert(key, location);
                self.store.apply(Event::Upsert(resource, Revision(1)));
            }
            Ok(Document::Unknown(location, kind)) => {
                let message = format!("{kind} is not a kind that calidris knows: it is skipped");
                let mut problem = Problem::unidentified(location, message);
                problem.severity = Severity::Warning;
                self.problems.push(problem);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn refuse_file(&mut self, path: &str, message: String) {
        let location = Location {
            file: path.into(),
            line: 0,
            column: 0,
        };
        self.problems.push(Problem::unidentified(location, message));
    }

    fn finish(mut self) -> (Store, Vec<Problem>) {
        let places: BTreeMap<String, (ResourceKey, Location)> = std::mem::take(&mut self.places)
            .into_iter()
            .map(|(key, location)| (key.to_string(), (key, location)))
            .collect();
        for finding in check(&self.store) {
            if let Some(problem) = self.problem(finding, &places) {
                self.problems.push(problem);
            }
        }
        self.problems.sort_by(|a, b| a.location.cmp(&b.location));
        self.store.apply(Event::InSync);
        (self.store, self.problems)
    }

    fn problem(
        &self,
        finding: Finding,
        places: &BTreeMap<String, (ResourceKey, Location)>,
    ) -> Option<Problem> {
        let Finding { warning, is_error } = finding;
        let (key, location) = places.get(&*warning.resource)?;
        Some(Problem {
            location: self.place_of(location, &warning.field),
            resource: Some(warning.resource.to_string()),
            key: Some(key.clone()),
            field: Some(warning.field.to_string()),
            value: None,
            message: warning.message,
            severity: if is_error {
                Severity::Error
            } else {
                Severity::Warning
            },
        })
    }

    /// The line of a field in the document that starts at a place; lists keep the item's line.
    fn place_of(&self, start: &Location, field: &str) -> Location {
        let text = self.texts.get(&*start.file);
        let chunks = text.map(|text| split(&Arc::clone(&start.file), text));
        chunks
            .into_iter()
            .flatten()
            .find(|chunk| chunk.start() == *start)
            .map_or_else(|| start.clone(), |chunk| chunk.locate(field))
    }
}

fn contents(path: &Path) -> io::Result<Contents> {
    if path.is_dir() {
        return read_folder(path);
    }
    let content = Ok(std::fs::read(path)?);
    Ok(Contents::from([(path.display().to_string(), content)]))
}

#[cfg(test)]
mod tests;
