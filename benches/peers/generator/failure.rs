//! Why a scenario did not come to its end.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a scenario did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It took too long; what was missing.
    Late(Duration, String),
    /// The target broke the rules, or a session off.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(limit, missing) => {
                write!(out, "not in {} s ({missing})", limit.as_secs())
            }
            Self::Wrong(what) => out.write_str(what),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}
