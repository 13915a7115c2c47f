//! The composition root: builds the rooms and ends them in order.

use crate::settings::Settings;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use tokio::sync::watch;

    use crate::control::{
        About, BoxFuture, FibQueries, Listen, QueryError, Readiness, RibQueries, Views, serve,
    };
    use crate::metrics::Metrics;
    use crate::settings::HttpListen;

    struct Nothing;
    impl RibQueries for Nothing {
        fn query(
            &self,
            _: crate::rib::Query,
        ) -> BoxFuture<'_, Result<crate::rib::Answer, QueryError>> {
            Box::pin(std::future::ready(Err(QueryError::Gone(
                "the routing table",
            ))))
        }
    }
    impl FibQueries for Nothing {
        fn rows(&self) -> BoxFuture<'_, Result<Vec<crate::fib::FibRow>, QueryError>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }
    }
    fn fixed<T>(value: T) -> watch::Receiver<T> {
        watch::channel(value).1
    }
    #[expect(clippy::disallowed_methods, reason = "the shell reads the clock")]
    let started = std::time::SystemTime::now();
    let views = Views {
        about: Arc::new(About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("CALIDRIS_COMMIT")
                .unwrap_or("unknown")
                .to_owned(),
            node: settings.node.clone(),
            started,
            peer_series: settings.metrics_peers,
        }),
        peers: fixed(Arc::new(BTreeMap::new())),
        plan: fixed(None),
        datastore: fixed(crate::datastore::DatastoreView::default()),
        fib: fixed(crate::fib::FibView::default()),
        readiness: fixed(Readiness::default()),
        rib: Arc::new(Nothing),
        kernel: Arc::new(Nothing),
    };
    let listen = Listen {
        socket: settings.socket.clone(),
        http: match settings.http {
            HttpListen::Off => None,
            HttpListen::At(address) => Some(address),
        },
    };
    let (stop, stopped) = watch::channel(false);
    let tasks = serve(listen, views, Arc::new(Metrics::new()), stopped).await?;
    tokio::signal::ctrl_c().await?;
    stop.send_replace(true);
    for task in tasks {
        task.await?;
    }
    Ok(())
}
