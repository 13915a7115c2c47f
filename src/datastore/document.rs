//! Documents in a text: split, parsed and typed, each by itself.

use std::sync::Arc;

use serde_json::Value;

use super::locate::locate;
use super::problem::{Location, Problem, Severity};
use crate::model::{Kind, Parsed, Resource, ResourceKey, parse, peek_key};

/// What a sound document turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all documents are resources"
)]
pub enum Document {
    /// A resource that BGP reads, and where it stands.
    Resource(Location, Resource),
    /// A kind that nobody here knows.
    Unknown(Location, String),
}

/// Parses all documents of a text: YAML, or JSON where the file's name says so.
///
/// Lists (`kind: List`, `BGPPeerList`, …) are taken apart. Kinds that are known and not read are
/// left out of the result.
pub fn parse_documents(file: &str, text: &str) -> Vec<Result<Document, Problem>> {
    let file: Arc<str> = file.into();
    split(&file, text)
        .into_iter()
        .flat_map(|chunk| chunk.parse())
        .collect()
}

/// One document's text and the number of lines before it.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    file: Arc<str>,
    text: &'a str,
    lines_before: u64,
    is_json: bool,
}

/// Cuts a text into documents.
pub(super) fn split<'a>(file: &Arc<str>, text: &'a str) -> Vec<Chunk<'a>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = file.ends_with(".json");
    let starts = if is_json {
        json_starts(text)
    } else {
        yaml_starts(text)
    };
    let ends = starts
        .iter()
        .skip(1)
        .map(|(offset, _)| *offset)
        .chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|((start, lines_before), end)| {
            let text = text.get(*start..end)?;
            Some(Chunk {
                file: Arc::clone(file),
                text,
                lines_before: *lines_before,
                is_json,
            })
        })
        .filter(|chunk| !chunk.is_blank())
        .collect()
}

/// Offsets and lines of the markers `---`. At the margin they cannot be part of a value.
fn yaml_starts(text: &str) -> Vec<(usize, u64)> {
    let mut starts = vec![(0, 0)];
    let (mut offset, mut lines) = (0, 0);
    for line in text.split_inclusive('\n') {
        let marker = line.strip_prefix("---");
        if marker.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            starts.push((offset, lines));
        }
        offset += line.len();
        lines += 1;
    }
    starts
}

/// Offsets and lines of JSON values that follow each other; what does not parse is one last value.
fn json_starts(text: &str) -> Vec<(usize, u64)> {
    let mut starts = vec![(0, 0)];
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    while let Some(Ok(_)) = values.next() {
        let offset = values.byte_offset();
        let lines = text
            .get(..offset)
            .map_or(0, |done| done.matches('\n').count());
        starts.push((offset, lines as u64));
    }
    starts
}

impl Chunk<'_> {
    fn is_blank(&self) -> bool {
        self.text.lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with(['#', '%']) || line == "---" || line == "..."
        })
    }

    /// Where a field stands in the file; the whole document where it cannot be found.
    pub(super) fn locate(&self, field: &str) -> Location {
        match locate(self.text, field) {
            Some((line, column)) => self.at(line, column),
            None => self.start(),
        }
    }

    /// The first line that says something.
    pub(super) fn start(&self) -> Location {
        let blank = self.text.lines().take_while(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line.starts_with("---")
        });
        self.at(blank.count() as u64 + 1, 0)
    }

    fn at(&self, line: u64, column: u64) -> Location {
        Location {
            file: Arc::clone(&self.file),
            line: self.lines_before + line,
            column,
        }
    }

    fn parse(&self) -> Vec<Result<Document, Problem>> {
        let value = if self.is_json {
            self.json()
        } else {
            self.yaml()
        };
        match value {
            Ok(Value::Null) => Vec::new(),
            Ok(value) => self.resources(&value),
            Err(problem) => vec![Err(problem.about(guess_key(self.text)))],
        }
    }

    fn yaml(&self) -> Result<Value, Box<Problem>> {
        serde_yaml::from_str(self.text).map_err(|error| {
            let error = error.without_snippet();
            let location = match error.location() {
                Some(place) => self.at(place.line(), place.column()),
                None => self.start(),
            };
            let text = error.to_string();
            let first_line = text.lines().next().unwrap_or_default();
            Box::new(self.unreadable(location, "YAML", first_line))
        })
    }

    fn json(&self) -> Result<Value, Box<Problem>> {
        serde_json::from_str(self.text).map_err(|error| {
            let location = self.at(error.line() as u64, error.column() as u64);
            Box::new(self.unreadable(location, "JSON", &error.to_string()))
        })
    }

    /// A document without sense; what the parser says of it may quote the document, which could
    /// be a Secret.
    fn unreadable(&self, location: Location, format: &str, reason: &str) -> Problem {
        let message = if self.text.contains(Kind::Secret.name()) {
            format!("is not {format}")
        } else {
            format!("is not {format}: {reason}")
        };
        Problem::unidentified(location, message)
    }

    fn resources(&self, value: &Value) -> Vec<Result<Document, Problem>> {
        let kind = value
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let items = value.get("items").and_then(Value::as_array);
        match (kind.strip_suffix("List"), items) {
            (Some(_), Some(items)) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| self.resource(item, &format!("items[{index}]")))
                .collect(),
            _ => self.resource(value, "").into_iter().collect(),
        }
    }

    /// One resource at a path; `None` for kinds that are not read.
    fn resource(&self, value: &Value, path: &str) -> Option<Result<Document, Problem>> {
        let place = || {
            if path.is_empty() {
                self.start()
            } else {
                self.locate(path)
            }
        };
        match parse(value) {
            Ok(Parsed::Resource(resource)) => Some(Ok(Document::Resource(place(), resource))),
            Ok(Parsed::Ignored) => None,
            Ok(Parsed::Unknown { api_version, kind }) => Some(Ok(Document::Unknown(
                place(),
                format!("{api_version} {kind}"),
            ))),
            Err(refused) => {
                let field = refused.error.field();
                let full = if path.is_empty() || field.is_empty() {
                    format!("{path}{field}")
                } else {
                    format!("{path}.{field}")
                };
                Some(Err(Problem {
                    location: self.locate(&full),
                    resource: refused
                        .key
                        .as_ref()
                        .map(ToString::to_string)
                        .or_else(|| described(value)),
                    key: refused.key.or_else(|| peek_key(value)),
                    field: Some(field.to_owned()).filter(|field| !field.is_empty()),
                    value: refused.error.value().map(str::to_owned),
                    message: refused.error.message(),
                    severity: Severity::Error,
                }))
            }
        }
    }
}

/// `Kind/name` of a document that is not a resource, as far as it says.
fn described(value: &Value) -> Option<String> {
    let kind = value.get("kind")?.as_str()?;
    match value
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
    {
        Some(Value::String(name)) => Some(format!("{kind}/{name}")),
        _ => Some(kind.to_owned()),
    }
}

/// Which resource a text that does not parse is about: the words after `kind`, and after `name` in
/// `metadata` (or `node` and `cidr` in `spec`), wherever they stand.
fn guess_key(text: &str) -> Option<ResourceKey> {
    let kind = Kind::from_name(word_after(text, "kind")?)?;
    if kind == Kind::BlockAffinity {
        let (_, spec) = text.split_once("spec")?;
        let value = serde_json::json!({
            "kind": kind.name(),
            "spec": {"node": word_after(spec, "node")?, "cidr": word_after(spec, "cidr")?},
        });
        return peek_key(&value);
    }
    let (_, metadata) = text.split_once("metadata")?;
    let value = serde_json::json!({
        "kind": kind.name(),
        "metadata": {
            "name": word_after(metadata, "name")?,
            "namespace": word_after(metadata, "namespace"),
        },
    });
    peek_key(&value)
}

/// The word after `key:`, without quotes.
fn word_after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.match_indices(key).find_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at + key.len()..)?;
        let rest = rest.strip_prefix('"').unwrap_or(rest).strip_prefix(':')?;
        let is_key = before.is_none_or(|c| c.is_whitespace() || "\"{,".contains(c));
        let rest = rest.split('\n').next().unwrap_or_default();
        let word = rest.split([',', '}', '#']).next().unwrap_or_default();
        let word = word.trim().trim_matches(['"', '\'']);
        (is_key && !word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests;
