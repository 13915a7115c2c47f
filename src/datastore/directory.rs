//! A folder of YAML and JSON files, followed live.
//!
//! The kernel's notifications only say *when* to look: every look reads all files and compares their
//! content, so a missed, late or odd event costs time and never a change. Without any event the
//! folder is read every 30 s. Kubernetes' ConfigMap volumes work: their files are links into a hidden
//! folder that is swapped as a whole, and the swap is one event here.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::folder::{Contents, Folder, Step};
use super::view::DatastoreView;
use crate::model::Event;

/// How often the folder is read without any event.
const REREAD_INTERVAL: Duration = Duration::from_secs(30);
/// How often a folder that cannot be read is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Silence after an event before reading, so that a file is seldom read half written.
const SETTLE_TIME: Duration = Duration::from_millis(50);
/// Events in a row that postpone reading; a folder that never rests is read nevertheless.
const SETTLE_ROUNDS_MAX: u32 = 10;
/// Larger files are refused: 20,000 blocks are about 4 MiB.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Follows one folder.
pub(super) struct Follower {
    path: PathBuf,
    events: mpsc::Sender<Vec<Event>>,
    view: watch::Sender<DatastoreView>,
    reread: Arc<Notify>,
    noticed: Arc<Notify>,
    watcher: Option<(notify::RecommendedWatcher, FolderId)>,
    folder: Folder,
    is_in_sync: bool,
}

/// Device and inode of a folder: another folder under the same name has another.
type FolderId = (u64, u64);

impl Follower {
    /// Prepares to follow the folder at `path`.
    pub(super) fn new(
        path: PathBuf,
        url: String,
        events: mpsc::Sender<Vec<Event>>,
        view: watch::Sender<DatastoreView>,
        reread: Arc<Notify>,
    ) -> Self {
        view.send_modify(|view| {
            view.backend = "dir".to_owned();
            view.url = url;
        });
        Self {
            path,
            events,
            view,
            reread,
            noticed: Arc::default(),
            watcher: None,
            folder: Folder::default(),
            is_in_sync: false,
        }
    }

    /// Follows the folder until nobody receives any more.
    pub(super) async fn run(mut self) {
        loop {
            // Watching starts before reading: what changes in between is noticed.
            self.watch();
            let path = self.path.clone();
            let contents = blocking(move || read_folder(&path)).await;
            let wait = match contents {
                Ok(contents) => {
                    if !self.absorb(contents).await {
                        return;
                    }
                    REREAD_INTERVAL
                }
                Err(error) => {
                    self.report_unreadable(&error);
                    RETRY_INTERVAL
                }
            };
            tokio::select! {
                () = self.noticed.notified() => self.settle().await,
                () = self.reread.notified() => {}
                () = self.events.closed() => return,
                () = sleep(wait) => {}
            }
        }
    }

    /// Reads on once the folder has been quiet for a moment.
    async fn settle(&self) {
        for _ in 0..SETTLE_ROUNDS_MAX {
            if timeout(SETTLE_TIME, self.noticed.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Has the kernel tell of changes, unless it does so already for this very folder.
    fn watch(&mut self) {
        let Ok(id) = folder_id(&self.path) else {
            self.watcher = None;
            return;
        };
        if self
            .watcher
            .as_ref()
            .is_some_and(|(_, watched)| *watched == id)
        {
            return;
        }
        let noticed = Arc::clone(&self.noticed);
        let on_event = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| may_have_changed(event.kind)) {
                noticed.notify_one();
            }
        };
        let started = notify::recommended_watcher(on_event).and_then(|mut watcher| {
            watcher.watch(&self.path, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match started {
            Ok(watcher) => self.watcher = Some((watcher, id)),
            Err(error) => {
                self.watcher = None;
                warn!(reason = %error, "folder is not watched, only read every 30 s");
            }
        }
    }

    /// Takes a reading in and tells the planner; `false` once nobody listens.
    async fn absorb(&mut self, contents: Contents) -> bool {
        let mut folder = std::mem::take(&mut self.folder);
        let (folder, mut step) = blocking(move || {
            let step = folder.absorb(contents);
            (folder, step)
        })
        .await;
        self.folder = folder;
        log(&step);
        if !self.is_in_sync {
            self.is_in_sync = true;
            step.events.push(Event::InSync);
        }
        self.report(!step.events.is_empty());
        step.events.is_empty() || self.events.send(step.events).await.is_ok()
    }

    fn report(&self, has_changed: bool) {
        let folder = &self.folder;
        self.view.send_modify(|view| {
            view.up = true;
            view.synced = true;
            view.revision = folder.revision();
            view.relists += 1;
            view.last_error = None;
            if has_changed {
                view.last_event = Some(now());
            }
            view.objects = folder.counts();
            view.rejected = folder.rejected().to_vec();
        });
    }

    fn report_unreadable(&self, error: &io::Error) {
        let message = format!("{}: {error}", self.path.display());
        self.view.send_modify(|view| {
            if view.last_error.as_deref() != Some(message.as_str()) {
                warn!(reason = %message, "datastore cannot be read, trying again");
            }
            view.up = false;
            view.last_error = Some(message);
        });
    }
}

/// Runs a piece of work that may take a while off the tasks' threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => std::panic::resume_unwind(payload),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the last change is shown to people"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Our own reading opens files, which must not look like a change.
const fn may_have_changed(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_))
        || matches!(
            kind,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
        )
}

fn folder_id(path: &Path) -> io::Result<FolderId> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Reads all resource files of a folder.
///
/// # Errors
/// Those of listing it; a file that cannot be read is part of the result.
pub(super) fn read_folder(path: &Path) -> io::Result<Contents> {
    let mut contents = Contents::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if is_resource_file(&path) && !path.is_dir() {
            let content = read_file(&path);
            // A file that went away between listing and reading is simply not there.
            if matches!(&content, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                continue;
            }
            let content = content.map_err(|error| format!("cannot be read: {error}"));
            contents.insert(path.display().to_string(), content);
        }
    }
    Ok(contents)
}

/// Whether a file's name says that it holds resources.
fn is_resource_file(path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !is_hidden && matches!(extension, Some("yaml" | "yml" | "json"))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        let message = format!("{length} bytes are more than {FILE_BYTES_MAX}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    std::fs::read(path)
}

fn log(step: &Step) {
    for object in &step.newly_rejected {
        warn!(
            resource = %object.resource,
            location = %object.location,
            field = object.field.as_deref().unwrap_or_default(),
            reason = %object.reason,
            last_good_kept = object.last_good_kept,
            "resource rejected"
        );
    }
    for (location, kind) in &step.newly_unknown {
        warn!(kind = %kind, location = %location, "kind is not known, its resources are skipped");
    }
    if !step.events.is_empty() {
        info!(count = step.events.len(), "resources changed");
    }
}

#[cfg(test)]
mod tests;
