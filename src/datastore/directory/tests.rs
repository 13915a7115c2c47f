use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::datastore::{Source, run};
use crate::model::Store;

/// Far longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Followed {
    folder: TempDir,
    events: mpsc::Receiver<Vec<Event>>,
    view: watch::Receiver<DatastoreView>,
    reread: Arc<Notify>,
    store: Store,
    task: JoinHandle<()>,
}

impl Followed {
    fn start(folder: TempDir, path: PathBuf) -> Self {
        let (sender, events) = mpsc::channel(4);
        let (publish, view) = watch::channel(DatastoreView::default());
        let reread = Arc::new(Notify::new());
        let hook = Arc::clone(&reread);
        let source = Source::Directory(path);
        let task = tokio::spawn(run(source, sender, publish, hook, std::future::pending()));
        Self {
            folder,
            events,
            view,
            reread,
            store: Store::default(),
            task,
        }
    }

    fn in_new_folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        Self::start(folder, path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Takes events in until the pools are those.
    async fn until_pools(&mut self, wanted: &[&str]) {
        let reached = timeout(PATIENCE, async {
            while self.pools() != wanted || !self.store.is_in_sync() {
                let events = self.events.recv().await.expect("the follower runs");
                events.into_iter().for_each(|event| self.store.apply(event));
            }
        });
        let outcome = reached.await;
        assert!(outcome.is_ok(), "{:?} instead of {wanted:?}", self.pools());
    }

    async fn until_view(&mut self, wanted: impl Fn(&DatastoreView) -> bool) {
        let reached = {
            let waited = timeout(PATIENCE, self.view.wait_for(|view| wanted(view))).await;
            matches!(waited, Ok(Ok(_)))
        };
        assert!(reached, "{:?}", *self.view.borrow());
    }

    fn pools(&self) -> Vec<String> {
        self.store
            .pools()
            .map(|pool| format!("{} {}", pool.metadata.name, pool.cidr))
            .collect()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pool(name: &str, cidr: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {{name: {name}}}\nspec: {{cidr: {cidr}}}\n"
    )
}

#[tokio::test]
async fn files_may_come_change_be_replaced_and_go() {
    let mut followed = Followed::in_new_folder();
    followed.until_pools(&[]).await;
    followed.write("a.yaml", &pool("a", "10.1.0.0/16"));
    followed.until_pools(&["a 10.1.0.0/16"]).await;
    followed.write("a.yaml", &pool("a", "10.2.0.0/16"));
    followed.until_pools(&["a 10.2.0.0/16"]).await;
    followed.write(".new", &pool("a", "10.3.0.0/16"));
    let path = followed.folder.path();
    fs::rename(path.join(".new"), path.join("a.yaml")).expect("renamed");
    followed.until_pools(&["a 10.3.0.0/16"]).await;
    fs::remove_file(followed.folder.path().join("a.yaml")).expect("removed");
    followed.until_pools(&[]).await;
}

#[tokio::test]
async fn hidden_and_foreign_files_are_not_read() {
    let mut followed = Followed::in_new_folder();
    followed.write(".a.yaml", &pool("hidden", "10.1.0.0/16"));
    followed.write("b.txt", &pool("text", "10.2.0.0/16"));
    followed.write("c.yml", &pool("c", "10.3.0.0/16"));
    followed.until_pools(&["c 10.3.0.0/16"]).await;
}

#[tokio::test]
async fn a_bad_document_leaves_the_last_good_one_and_is_shown() {
    let mut followed = Followed::in_new_folder();
    followed.write("a.yaml", &pool("a", "10.1.0.0/16"));
    followed.until_pools(&["a 10.1.0.0/16"]).await;
    followed.write("a.yaml", "kind: [");
    followed
        .until_view(|view| view.rejected.iter().any(|object| object.last_good_kept))
        .await;
    assert_eq!(followed.view.borrow().objects["IPPool"].accepted, 1);
    followed.write("a.yaml", &pool("a", "10.2.0.0/16"));
    followed.until_pools(&["a 10.2.0.0/16"]).await;
    followed
        .until_view(|view| view.rejected.is_empty() && view.up && view.synced)
        .await;
}

#[tokio::test]
async fn the_swap_of_a_mounted_config_map_is_one_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let version = |name: &str, cidr: &str| {
        fs::create_dir(path.join(name)).expect("a folder");
        fs::write(path.join(name).join("a.yaml"), pool("a", cidr)).expect("written");
        symlink(name, path.join("..data_tmp")).expect("linked");
        fs::rename(path.join("..data_tmp"), path.join("..data")).expect("swapped");
    };
    version("..1", "10.1.0.0/16");
    symlink("..data/a.yaml", path.join("a.yaml")).expect("linked");
    let mut followed = Followed::start(folder, path.clone());
    followed.until_pools(&["a 10.1.0.0/16"]).await;
    version("..2", "10.2.0.0/16");
    followed.until_pools(&["a 10.2.0.0/16"]).await;
}

#[tokio::test]
async fn a_missing_folder_is_named_and_awaited_and_losing_it_deletes_nothing() {
    let outer = tempfile::tempdir().expect("a folder");
    let path = outer.path().join("resources");
    let mut followed = Followed::start(outer, path.clone());
    followed
        .until_view(|view| {
            let error = view.last_error.as_deref().unwrap_or_default();
            !view.up && !view.synced && error.contains("resources")
        })
        .await;
    fs::create_dir(&path).expect("created");
    fs::write(path.join("a.yaml"), pool("a", "10.1.0.0/16")).expect("written");
    followed.until_pools(&["a 10.1.0.0/16"]).await;
    fs::rename(&path, path.with_extension("away")).expect("moved");
    followed.reread.notify_one();
    followed.until_view(|view| !view.up && view.synced).await;
    assert!(followed.events.try_recv().is_err(), "nothing is deleted");
    fs::create_dir(&path).expect("created");
    fs::write(path.join("a.yaml"), pool("a", "10.2.0.0/16")).expect("written");
    followed.until_pools(&["a 10.2.0.0/16"]).await;
}

#[tokio::test]
async fn thousands_of_blocks_arrive_as_one_step() {
    let mut followed = Followed::in_new_folder();
    followed.until_pools(&[]).await;
    let block = |index: usize| {
        format!(
            "---\napiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {{name: b{index}}}\n\
             spec: {{node: a, state: confirmed, cidr: 10.{}.{}.{}/26}}\n",
            index / 1024,
            index / 4 % 256,
            index % 4 * 64
        )
    };
    let text: String = (0..4_000).map(block).collect();
    followed.write(".blocks", &text);
    let path = followed.folder.path();
    fs::rename(path.join(".blocks"), path.join("blocks.yaml")).expect("renamed");
    let events = timeout(PATIENCE, followed.events.recv())
        .await
        .expect("in time");
    assert_eq!(events.map(|events| events.len()), Some(4_000));
}
