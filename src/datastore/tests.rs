use super::*;

#[test]
fn a_datastore_is_named_by_its_scheme() {
    assert_eq!("dir:/etc/x".parse(), Ok(Source::Directory("/etc/x".into())));
    assert_eq!(Source::Directory("/etc/x".into()).to_string(), "dir:/etc/x");
    for text in ["", "dir:", "/etc/x", "etcd://a:1"] {
        let refused = text.parse::<Source>().expect_err("no datastore");
        assert!(refused.to_string().contains("dir:PATH"), "{refused}");
    }
}

#[tokio::test]
async fn following_ends_with_its_receiver_and_at_shutdown() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::Directory(folder.path().to_owned());
    let start = |source: Source, shutdown: Arc<Notify>| {
        let (events, receiver) = mpsc::channel(4);
        let (view, _) = watch::channel(DatastoreView::default());
        let ended = async move { shutdown.notified().await };
        (
            tokio::spawn(run(source, events, view, Arc::default(), ended)),
            receiver,
        )
    };
    let (task, receiver) = start(source.clone(), Arc::default());
    drop(receiver);
    task.await.expect("ends by itself");
    let shutdown = Arc::new(Notify::new());
    let (task, mut receiver) = start(source, Arc::clone(&shutdown));
    assert_eq!(receiver.recv().await, Some(vec![Event::InSync]));
    shutdown.notify_one();
    task.await.expect("ends when told");
    assert_eq!(receiver.recv().await, None);
}
