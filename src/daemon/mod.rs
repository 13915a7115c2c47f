//! The composition root: builds the rooms, joins them, and takes them down in order.
//!
//! Tasks on one current-thread runtime, the RIB among them unless it has several shards, which have a
//! thread each. Signals: SIGTERM and SIGINT end the process as a graceful restart wants it:
//! connections close without a NOTIFICATION and kernel routes stay. SIGHUP re-reads the datastore.

mod answers;
mod planner;
mod program;
mod supervise;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock;
use crate::control;
use crate::datastore::{self, DatastoreView, Source};
use crate::fib::{self, FibInput, FibOptions, FibView, Netlink};
use crate::metrics::Metrics;
use crate::rib::{ShardOptions, Sharding};
use crate::settings::{DatastoreUrl, FibMode, HttpListen, Settings};
use crate::speaker::{self, FibLink, OPERATIONS_MAX, RibHandle, Speaker};

pub use program::main;

use answers::{KernelAnswers, RibAnswers, Sessions};
use planner::Planned;
use supervise::Supervisor;

/// Batches of changes between the datastore and the planner; when full, the datastore waits.
const CHANGES_MAX: usize = 64;

/// Inputs and reports between the kernel's feed and its writer; when full, each waits for the other's
/// next step, which needs no room.
const FIB_QUEUE: usize = 64;

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// What kept it from starting, with the setting concerned.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let link = Arc::new(FibLink::default());
    // No peer knows it, so none can make one shard do the work of all.
    let seed = RandomState::new().hash_one("shards");
    let options = ShardOptions {
        track_next_hops: settings.fib == FibMode::Kernel,
        recovering: true,
        ..ShardOptions::default()
    };
    let sharding = Sharding::new(settings.rib_shards.count(), seed);
    let metrics = Arc::new(Metrics::new());
    let rib = speaker::spawn_shards(options, sharding, &link, &metrics)
        .context("cannot start the RIB")?;
    let kernel = Kernel::start(&settings, &rib, link, metrics.clone())?;
    let intent = Intent::start(&settings);
    let speaker = Speaker::new(rib.clone());
    let readiness = watch::Sender::new(control::Readiness::default());
    let plan = watch::Sender::new(None);

    let views = control::Views {
        about: Arc::new(about(&settings)),
        peers: speaker.views(),
        listen: speaker.listening(),
        plan: plan.subscribe(),
        datastore: intent.view.clone(),
        fib: kernel.view.clone(),
        readiness: readiness.subscribe(),
        rib: Arc::new(RibAnswers(rib.clone())),
        kernel: Arc::new(KernelAnswers(kernel.input.clone())),
    };
    let stop = watch::Sender::new(false);
    let listen = control::Listen {
        socket: settings.socket.clone(),
        http: match settings.http {
            HttpListen::Off => None,
            HttpListen::At(address) => Some(address),
        },
    };
    let (operator, operations) = mpsc::channel(OPERATIONS_MAX);
    let operators = Arc::new(Sessions(operator));
    let control = control::serve(listen, views, metrics, operators, stop.subscribe()).await?;

    let supervisor = Supervisor {
        speaker,
        rib,
        plans: intent.plans,
        plan,
        datastore: intent.view,
        fib: kernel.view,
        fib_input: kernel.input,
        kernel: kernel.tasks,
        readiness,
        reread: intent.reread,
        operations,
    };
    let outcome = supervisor.run().await;
    stop.send_replace(true);
    for task in control {
        let _ = task.await;
    }
    for task in intent.tasks {
        task.abort();
    }
    outcome
}

fn about(settings: &Settings) -> control::About {
    control::About {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("CALIDRIS_COMMIT").unwrap_or("unknown").into(),
        node: settings.node.clone(),
        started: clock::wall(),
        peer_series: settings.metrics_peers,
    }
}

/// The kernel's writer and its feed; neither runs under `--fib none`.
struct Kernel {
    input: Option<mpsc::Sender<FibInput>>,
    view: watch::Receiver<FibView>,
    tasks: Vec<JoinHandle<()>>,
}

impl Kernel {
    fn start(
        settings: &Settings,
        rib: &RibHandle,
        link: Arc<FibLink>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let view = watch::Sender::new(FibView::default());
        let watched = view.subscribe();
        if settings.fib == FibMode::None {
            return Ok(Self {
                input: None,
                view: watched,
                tasks: vec![],
            });
        }
        let netlink = Netlink::open(settings.table)
            .context("--fib kernel: the kernel's routes cannot be reached over netlink")?;
        let (input, inputs) = mpsc::channel(FIB_QUEUE);
        let (report, reports) = mpsc::channel(FIB_QUEUE);
        let options = FibOptions {
            table: settings.table,
            protocol: settings.route_protocol,
        };
        let tasks = vec![
            tokio::spawn(fib::run(options, netlink, inputs, report, view, metrics)),
            tokio::spawn(speaker::run_fib_feed(
                link,
                rib.clone(),
                input.clone(),
                reports,
            )),
        ];
        Ok(Self {
            input: Some(input),
            view: watched,
            tasks,
        })
    }
}

/// The datastore's reader and the planner.
struct Intent {
    plans: watch::Receiver<Planned>,
    view: watch::Receiver<DatastoreView>,
    reread: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

impl Intent {
    fn start(settings: &Settings) -> Self {
        let (changes, inbox) = mpsc::channel(CHANGES_MAX);
        let view = watch::Sender::new(DatastoreView::default());
        let watched = view.subscribe();
        let plans = watch::Sender::new(Planned::default());
        let planned = plans.subscribe();
        let reread = Arc::new(Notify::new());
        let DatastoreUrl::Directory(path) = settings.datastore.clone();
        let tasks = vec![
            tokio::spawn(datastore::run(
                Source::Directory(path),
                changes,
                view,
                reread.clone(),
                std::future::pending(),
            )),
            tokio::spawn(planner::run(settings.identity(), inbox, plans)),
        ];
        Self {
            plans: planned,
            view: watched,
            reread,
            tasks,
        }
    }
}
