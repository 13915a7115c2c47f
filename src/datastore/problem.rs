//! What is wrong with a document, and where it is.

use std::fmt;
use std::sync::Arc;

use crate::model::ResourceKey;

/// A place in a file; lines and columns count from one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file's path.
    pub file: Arc<str>,
    /// The line; zero means the file as a whole.
    pub line: u64,
    /// The column; zero means the line as a whole.
    pub column: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The resource is refused, or does not mean what its author thinks.
    Error,
    /// The resource is sound, and calidris does not act on all of it.
    Warning,
}

/// One problem; its text is one line with place, resource, field and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub location: Location,
    /// `Kind/name`, as far as it could be told.
    pub resource: Option<String>,
    /// The same as a key, where it is a kind that BGP reads.
    pub key: Option<ResourceKey>,
    /// The field at fault, such as `spec.asNumber`.
    pub field: Option<String>,
    /// The value found, as JSON.
    pub value: Option<String>,
    /// What is wrong with it and what is allowed.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
}

impl Problem {
    /// A problem with a file or a document of which nothing else is known.
    pub(super) fn unidentified(location: Location, message: String) -> Self {
        Self {
            location,
            resource: None,
            key: None,
            field: None,
            value: None,
            message,
            severity: Severity::Error,
        }
    }

    /// The same problem with the resource that it is about.
    pub(super) fn about(mut self, key: Option<ResourceKey>) -> Self {
        self.resource = key.as_ref().map(ToString::to_string);
        self.key = key;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        match (self.resource.as_deref(), self.field.as_deref()) {
            (Some(resource), Some(field)) => {
                write!(f, "{} {}: ", OneLine(resource), OneLine(field))?;
            }
            (Some(what), None) | (None, Some(what)) => write!(f, "{}: ", OneLine(what))?,
            (None, None) => {}
        }
        write!(f, "{}", OneLine(&self.message))
    }
}

/// A text of a file's author, in which nothing ends the line or moves the cursor.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_with_a_name_of_two_lines_is_one_line() {
        let location = Location {
            file: "a.yaml".into(),
            line: 3,
            column: 0,
        };
        let problem = Problem {
            resource: Some("Node/a\nb".to_owned()),
            field: Some("spec.x".to_owned()),
            ..Problem::unidentified(location, "\u{1b}[2J is not a number".to_owned())
        };
        assert_eq!(
            problem.to_string(),
            "a.yaml:3: Node/a\\nb spec.x: \\u{1b}[2J is not a number"
        );
    }
}
