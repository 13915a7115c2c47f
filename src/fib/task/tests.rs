use super::*;
use crate::fib::memory::MemoryKernel;
use crate::fib::reconcile::Op;
use crate::fib::resolve::Link;
use crate::fib::route::{KernelNextHop, KernelRoute, KernelRouteKind, TABLE_MAIN};
use crate::rib::{FibRoute, FibRouteKind};

const OPTIONS: FibOptions = FibOptions {
    table: TABLE_MAIN,
    protocol: 12,
};

/// The task under test on a kernel in memory; time is the runtime's and moves by itself.
struct Bench {
    kernel: MemoryKernel,
    input: mpsc::Sender<FibInput>,
    output: mpsc::Receiver<FibOutput>,
    view: watch::Receiver<FibView>,
}

impl Bench {
    fn start(kernel: MemoryKernel) -> Self {
        let (input, from_us) = mpsc::channel(4);
        let (to_us, output) = mpsc::channel(1);
        let (shown, view) = watch::channel(FibView::default());
        tokio::spawn(run(
            OPTIONS,
            kernel.clone(),
            from_us,
            to_us,
            shown,
            Arc::new(Metrics::new()),
        ));
        Self {
            kernel,
            input,
            output,
            view,
        }
    }

    async fn send(&self, message: FibInput) {
        self.input.send(message).await.expect("the task runs");
    }

    async fn apply(&mut self, changes: Vec<FibChange>) {
        self.send(FibInput::Changes(changes)).await;
        self.wants_more().await;
    }

    async fn wants_more(&mut self) {
        while self.output.recv().await.expect("the task runs") != FibOutput::WantMore {}
    }

    async fn until(&mut self, holds: impl FnMut(&FibView) -> bool) {
        self.view.wait_for(holds).await.expect("the task runs");
    }
}

fn kernel() -> MemoryKernel {
    let kernel = MemoryKernel::default();
    kernel.lock().is.links.push(Link {
        index: 1,
        name: "eth0".to_owned(),
        is_up: true,
        has_carrier: true,
    });
    let subnet = KernelRouteKind::unicast([KernelNextHop::device(1)]);
    kernel
        .lock()
        .is
        .routes
        .push(route("192.0.2.0/24", subnet, 2));
    kernel
}

fn route(prefix: &str, kind: KernelRouteKind, protocol: u8) -> KernelRoute {
    KernelRoute {
        prefix: prefix.parse().expect("a prefix"),
        kind,
        metric: 0,
        protocol,
        table: TABLE_MAIN,
        has_extras: false,
    }
}

fn blackhole(prefix: &str) -> FibChange {
    FibChange {
        prefix: prefix.parse().expect("a prefix"),
        route: Some(FibRoute {
            kind: FibRouteKind::Blackhole,
            metric: None,
        }),
    }
}

fn ours(prefix: &str) -> KernelRoute {
    route(prefix, KernelRouteKind::Blackhole, 12)
}

#[tokio::test(start_paused = true)]
async fn every_watched_next_hop_is_answered_whenever_it_is_asked_for() {
    let mut bench = Bench::start(kernel());
    let near = "192.0.2.7".parse().expect("an address");
    for _ in 0..2 {
        bench.send(FibInput::Track(vec![near])).await;
        let state = NextHopState::Reachable { metric: 0 };
        assert_eq!(
            bench.output.recv().await,
            Some(FibOutput::NextHops(vec![(near, state)]))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refused_routes_are_tried_again_and_a_lifted_denial_is_noticed() {
    let mut bench = Bench::start(kernel());
    bench.kernel.lock().refuses = Some(libc::EPERM);
    let prefixes: Vec<_> = (0..20).map(|n| format!("10.65.{n}.0/26")).collect();
    bench
        .apply(prefixes.iter().map(|prefix| blackhole(prefix)).collect())
        .await;
    bench
        .until(|view| view.denied.is_some() && view.pending.ipv4 == 20)
        .await;
    let tried = bench.kernel.tried().len();
    tokio::time::sleep(RETRY * 3 + RETRY / 2).await;
    let probes = bench.kernel.tried().len() - tried;
    assert!(
        (1..=4).contains(&probes),
        "one operation a retry, not twenty: {probes}"
    );
    bench.kernel.lock().refuses = None;
    bench
        .until(|view| view.denied.is_none() && view.pending.ipv4 == 0)
        .await;
    assert_eq!(bench.kernel.routes().len(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leads_to_a_reading_and_nothing_is_done_twice() {
    let mut bench = Bench::start(kernel());
    bench.until(|view| view.resyncs.contains_key("start")).await;
    bench.kernel.lock().loses_answers = true;
    bench.apply(vec![blackhole("10.65.0.0/26")]).await;
    bench
        .until(|view| view.routes.ipv4 == 1 && view.pending.ipv4 == 0)
        .await;
    assert_eq!(bench.kernel.tried(), [Op::Add(ours("10.65.0.0/26"))]);
    assert_eq!(bench.view.borrow().resyncs["overrun"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_changes_without_an_event_is_found_within_a_minute_and_counted() {
    let mut bench = Bench::start(kernel());
    bench.apply(vec![blackhole("10.65.0.0/26")]).await;
    bench
        .kernel
        .lock()
        .is
        .routes
        .retain(|route| route.protocol != 12);
    let began = Instant::now();
    bench.until(|view| view.drift_repaired == 1).await;
    bench.until(|view| view.pending.ipv4 == 0).await;
    assert!(bench.kernel.routes().contains(&ours("10.65.0.0/26")));
    assert!(began.elapsed() <= COMPARE);
}

#[tokio::test(start_paused = true)]
async fn lost_events_lead_to_a_reading_that_blames_nobody() {
    let mut bench = Bench::start(kernel());
    bench.apply(vec![blackhole("10.65.0.0/26")]).await;
    bench.kernel.meddle(|state| {
        state.is.routes.retain(|route| route.protocol != 12);
        state.events.push(Event::Overrun);
    });
    bench
        .until(|view| view.resyncs.contains_key("overrun") && view.pending.ipv4 == 0)
        .await;
    assert!(bench.kernel.routes().contains(&ours("10.65.0.0/26")));
    assert_eq!(bench.view.borrow().drift_repaired, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_about_our_route_is_answered_within_the_settling_time() {
    let mut bench = Bench::start(kernel());
    bench.apply(vec![blackhole("10.65.0.0/26")]).await;
    let began = Instant::now();
    bench
        .kernel
        .meddle(|state| state.remove(&ours("10.65.0.0/26")));
    bench.until(|view| view.drift_repaired == 1).await;
    bench.until(|view| view.pending.ipv4 == 0).await;
    assert!(bench.kernel.routes().contains(&ours("10.65.0.0/26")));
    assert!(began.elapsed() <= SETTLE * 2);
}

#[tokio::test(start_paused = true)]
async fn left_overs_go_only_when_the_rib_was_found_empty_after_the_permission() {
    let kernel = kernel();
    kernel.lock().is.routes.push(ours("10.65.8.0/26"));
    kernel.lock().is.routes.push(ours("10.65.9.0/26"));
    let mut bench = Bench::start(kernel);
    bench.send(FibInput::Changes(vec![])).await;
    bench.send(FibInput::AllowSweep).await;
    bench.wants_more().await;
    // The answer to a pull from before the permission.
    bench.send(FibInput::Changes(vec![])).await;
    bench.wants_more().await;
    assert_eq!(bench.kernel.tried(), []);
    bench.apply(vec![blackhole("10.65.8.0/26")]).await;
    assert_eq!(bench.kernel.tried(), []);
    assert!(!bench.view.borrow().sweeping);
    bench.send(FibInput::Changes(vec![])).await;
    bench.until(|view| view.programmed).await;
    assert_eq!(bench.kernel.tried(), [Op::Delete(ours("10.65.9.0/26"))]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_listen_blocks_nothing() {
    let bench = Bench::start(kernel());
    for n in 0..50u8 {
        bench
            .send(FibInput::Track(vec![[192, 0, 2, n].into()]))
            .await;
        bench
            .send(FibInput::Changes(vec![blackhole(&format!(
                "10.65.{n}.0/26"
            ))]))
            .await;
    }
    let (reply, answer) = oneshot::channel();
    let (after, max) = (None, 100);
    bench.send(FibInput::Rows { after, max, reply }).await;
    assert_eq!(answer.await.expect("answered").len(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_when_it_is_told_to_and_routes_stay() {
    let mut bench = Bench::start(kernel());
    bench.apply(vec![blackhole("10.65.0.0/26")]).await;
    bench.send(FibInput::Shutdown).await;
    assert_eq!(bench.output.recv().await, None);
    assert!(bench.kernel.routes().contains(&ours("10.65.0.0/26")));
}
