//! Where Calico's resources come from: sources that yield changes, merged into one stream.
//!
//! A source reads its resources, says them all once, then [`Event::InSync`], and from there on only
//! what changed. A resource that is wrong is kept out by itself: its last good version stays in
//! force, and the [`DatastoreView`] names it with the place and the reason until it is mended. A
//! source that cannot be read keeps everything in force and tries again; nothing is ever deleted
//! because reading failed.
//!
//! The channel to the planner is bounded. A planner that is busy makes the source wait, and what
//! changes in the meantime is read as one change afterwards, so nothing piles up.

mod directory;
mod document;
mod folder;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod locate;
mod problem;
mod validate;
mod view;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};

use crate::model::Event;

pub use document::{Document, parse_documents};
pub use problem::{Location, Problem, Severity};
pub use validate::{load, validate};
pub use view::{DatastoreView, ObjectCounts, RejectedObject};

/// A datastore, as `--datastore` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `dir:PATH`: a folder of YAML and JSON documents.
    Directory(PathBuf),
}

/// Why a text names no datastore.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The text has a form that nothing here reads.
    #[error("{0:?} is not a datastore: use dir:PATH, a folder of Calico resources")]
    Unknown(String),
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Ok(Self::Directory(path.into())),
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

/// Follows a datastore until `shutdown` completes or nobody receives any more.
///
/// Each message is one consistent step: apply all of it before planning. `reread` makes it look at
/// once, whether or not a change was noticed (SIGHUP).
pub async fn run(
    source: Source,
    events: mpsc::Sender<Vec<Event>>,
    view: watch::Sender<DatastoreView>,
    reread: Arc<Notify>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let url = source.to_string();
    match source {
        Source::Directory(path) => {
            let follower = directory::Follower::new(path, url, events, view, reread);
            tokio::select! {
                () = follower.run() => {}
                () = shutdown => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
