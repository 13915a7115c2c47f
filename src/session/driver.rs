//! The task of one peer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

use super::alarm::Alarm;
use super::arrival::Incoming;
use super::connection::{Connection, Readiness};
use super::follow::{Follow, poll_rings};
use super::hold::Holds;
use super::inbox::Inbox;
use super::mail::Mail;
use super::mailbox::{RibMailboxes, RibReply};
use super::operate::{OperatorAction, OperatorReply};
use super::receive::FaultLog;
use super::record::Record;
use super::ring::Found;
use super::spec::PeerSpec;
use super::throttle::Lines;
use super::transport::poll_connections;
use super::view::{PeerState, PeerView};
use crate::clock;
use crate::fsm::{self, Backlog, ConnectionId, Input, StopReason};
use crate::net::{Family, PerFamily};
use crate::plan::ChangeMode;
use crate::rib::{Demarcation, ShardId};
use crate::wire::DecodeContext;

/// Commands that wait for one session.
pub(crate) const COMMANDS_MAX: usize = 16;

/// How often changed counters are published; a changed state is published at once.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(500);

/// What the registry tells a session.
#[derive(Debug)]
pub enum DriverCommand {
    /// A connection from the peer's address.
    Incoming(Box<Incoming>),
    /// The peer's parameters changed.
    Reconfigure(Box<PeerSpec>, ChangeMode),
    /// Whether this speaker is still recovering from its own restart (the R and F bits of RFC 4724).
    Restarting(bool),
    /// Do what an operator wishes, and tell him.
    Operate(OperatorAction, OperatorReply),
    /// End the session and the task.
    Stop(StopReason),
}

/// How a session's task begins.
#[derive(Clone, Debug, Default)]
pub struct DriverOptions {
    /// Whether this speaker is recovering from its own restart.
    pub restarting: bool,
    /// Set where an operator has shut the session down: his message.
    pub shutdown: Option<Arc<str>>,
    /// What the jitter of timers comes from.
    pub seed: u64,
}

/// The registry's end of a session.
#[derive(Debug)]
pub struct DriverHandle {
    /// Commands for the task.
    pub commands: mpsc::Sender<DriverCommand>,
    /// What the session shows of itself.
    pub view: watch::Receiver<Arc<PeerView>>,
    /// The task.
    pub task: JoinHandle<()>,
}

/// The task of one peer; see the room's essay.
#[derive(Debug)]
pub struct Driver {
    pub(super) spec: PeerSpec,
    pub(super) fsm: fsm::Peer,
    commands: mpsc::Receiver<DriverCommand>,
    view: watch::Sender<Arc<PeerView>>,
    pub(super) record: Record,
    pub(super) connections: Vec<Connection>,
    pub(super) dialling: Option<JoinHandle<Result<TcpStream, String>>>,
    /// Letters to the RIB; while one waits, nothing more is read.
    pub(super) mail: Mail,
    pub(super) session: Option<Session>,
    pub(super) holds: Holds,
    pub(super) panics: u32,
    pub(super) lines: Lines,
    pub(super) restarting: bool,
    pub(super) seed: u64,
    pub(super) next_connection: u64,
    published: Instant,
    alarm: Alarm,
    output_first: bool,
    stopping: bool,
}

/// What exists only while the session is established.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: ConnectionId,
    pub(super) context: DecodeContext,
    pub(super) inbox: Inbox,
    pub(super) faults: FaultLog,
    pub(super) replies: mpsc::Receiver<(ShardId, RibReply)>,
    /// Each shard's part.
    pub(super) follow: Vec<PerFamily<Follow>>,
    pub(super) demarcation: PerFamily<Demarcation>,
    /// Whether both sides mark the begin and the end of a refresh.
    pub(super) enhanced_refresh: bool,
    /// Whether the log says already that the peer falls behind.
    pub(super) is_laggard: bool,
}

/// Why the task woke up.
enum Wake {
    Command(Option<DriverCommand>),
    Dialled(Result<TcpStream, String>),
    Ready(ConnectionId, Readiness),
    Deadline,
    Mailed,
    Reply(Option<(ShardId, RibReply)>),
    Ring((ShardId, Family), Found),
}

impl Driver {
    /// Starts the task of a peer that the RIB already knows.
    pub fn spawn(spec: PeerSpec, rib: &RibMailboxes, options: DriverOptions) -> DriverHandle {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let record = Record::new(clock::wall());
        let holds = Holds {
            operator: options.shutdown,
            plan: spec.plan.shutdown.clone(),
            ..Holds::default()
        };
        let first = record.view(&spec, PeerState::Idle, holds.view());
        let (view, watched) = watch::channel(Arc::new(first));
        let mut fsm = fsm::Peer::new(spec.fsm_config(), options.seed);
        fsm.set_restarting(options.restarting);
        let span = info_span!("session", peer = %spec.name);
        let driver = Box::new(Self {
            spec,
            fsm,
            commands: inbox,
            view,
            record,
            connections: Vec::new(),
            dialling: None,
            mail: Mail::new(rib),
            session: None,
            holds,
            panics: 0,
            lines: Lines::default(),
            restarting: options.restarting,
            seed: options.seed,
            next_connection: 0,
            published: clock::now(),
            alarm: Alarm::default(),
            output_first: false,
            stopping: false,
        });
        let task = tokio::spawn(driver.run().instrument(span));
        DriverHandle {
            commands,
            view: watched,
            task,
        }
    }

    /// The task's loop; whoever runs it catches its panics.
    pub(super) async fn drive(&mut self) {
        self.start();
        loop {
            self.perform();
            self.write();
            // Writing makes room for more, or ends the session: nothing else tells of either.
            self.perform();
            self.request_routes();
            self.close_steps();
            self.publish();
            if self.stopping && self.connections.is_empty() && !self.mail.is_paused() {
                break;
            }
            let wake = poll_fn(|context| self.poll_wake(context)).await;
            self.on_wake(wake);
        }
    }

    /// Waits for one event; nothing is half done when another comes first.
    ///
    /// One function polls all sources, for a session wakes up for every chunk of routes. Whichever of
    /// input and output was served last comes last, so neither starves the other.
    fn poll_wake(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        if !self.stopping
            && let Poll::Ready(command) = self.commands.poll_recv(context)
        {
            return Poll::Ready(Wake::Command(command));
        }
        if self.alarm.poll(self.deadline(), context).is_ready() {
            return Poll::Ready(Wake::Deadline);
        }
        if let Some(session) = &mut self.session
            && let Poll::Ready(reply) = session.replies.poll_recv(context)
        {
            return Poll::Ready(Wake::Reply(reply));
        }
        self.output_first = !self.output_first;
        for is_output in [self.output_first, !self.output_first] {
            let transfer = match is_output {
                true => self.poll_rings(context),
                false => self.poll_octets(context),
            };
            if transfer.is_ready() {
                return transfer;
            }
        }
        if let Some(dialling) = &mut self.dialling
            && let Poll::Ready(dialled) = Pin::new(dialling).poll(context)
        {
            let dialled = dialled.unwrap_or_else(|error| Err(error.to_string()));
            return Poll::Ready(Wake::Dialled(dialled));
        }
        match self.mail.poll_send(context) {
            Poll::Ready(true) => Poll::Ready(Wake::Mailed),
            // Without a RIB nothing that this session says is true any more.
            Poll::Ready(false) => {
                self.mail.clear();
                Poll::Ready(Wake::Command(None))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_rings(&mut self, context: &Context<'_>) -> Poll<Wake> {
        let has_room = self.has_room();
        let Some(session) = &mut self.session else {
            return Poll::Pending;
        };
        poll_rings(&mut session.follow, has_room, context).map(|(of, found)| Wake::Ring(of, found))
    }

    fn poll_octets(&self, context: &mut Context<'_>) -> Poll<Wake> {
        poll_connections(&self.connections, self.mail.is_paused(), context)
            .map(|(id, readiness)| Wake::Ready(id, readiness))
    }

    fn on_wake(&mut self, wake: Wake) {
        match wake {
            Wake::Command(Some(command)) => self.on_command(command),
            Wake::Command(None) => self.stop(StopReason::Silent),
            Wake::Dialled(Ok(stream)) => {
                self.dialling = None;
                self.connected(stream);
            }
            Wake::Dialled(Err(reason)) => {
                self.dialling = None;
                self.input(Input::DialFailed { reason });
            }
            Wake::Ready(id, Readiness::Readable) => {
                self.read(id);
            }
            Wake::Ready(_, Readiness::Writable) => {}
            Wake::Deadline => self.on_deadline(),
            Wake::Mailed => self.mail.send(),
            Wake::Reply(reply) => self.on_reply(reply),
            Wake::Ring(of, found) => self.on_ring(of, found),
        }
    }

    fn on_command(&mut self, command: DriverCommand) {
        match command {
            DriverCommand::Incoming(incoming) => self.accepted(*incoming),
            DriverCommand::Operate(action, reply) => self.operate(&action, reply),
            DriverCommand::Reconfigure(spec, ChangeMode::Soft) => {
                let limit = self.spec.plan.prefix_limit;
                self.spec = *spec;
                self.fsm.reconfigure(self.spec.fsm_config());
                if self.spec.plan.prefix_limit != limit && self.holds.prefix_limit.take().is_some()
                {
                    self.start();
                }
                self.follow_plan();
                self.record.touch();
            }
            DriverCommand::Reconfigure(spec, ChangeMode::Reset(reason)) => {
                tracing::info!(reason, "session reset: its parameters changed");
                // A session that is to stay down says why, whatever else has changed.
                self.halt(match &spec.plan.shutdown {
                    Some(text) => StopReason::AdminShutdown(text.to_string()),
                    None => StopReason::ConfigChange,
                });
                self.spec = *spec;
                self.fsm = fsm::Peer::new(self.spec.fsm_config(), self.seed);
                self.fsm.set_restarting(self.restarting);
                self.holds.prefix_limit = None;
                self.follow_plan();
                self.start();
            }
            DriverCommand::Restarting(restarting) => {
                self.restarting = restarting;
                self.fsm.set_restarting(restarting);
            }
            DriverCommand::Stop(reason) => self.stop(reason),
        }
    }

    /// Ends the session and the task.
    pub(super) fn stop(&mut self, reason: StopReason) {
        self.stopping = true;
        self.input(Input::Stop(reason));
    }

    /// Seeks a session, unless something holds it down.
    pub(super) fn start(&mut self) {
        if self.holds.is_free() && !self.stopping {
            self.input(Input::Start);
        }
    }

    /// Ends the session until the next [`Driver::start`].
    pub(super) fn halt(&mut self, reason: StopReason) {
        self.input(Input::Stop(reason));
        self.perform();
        self.record.touch();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.fsm.handle(clock::now(), input);
    }

    fn on_deadline(&mut self) {
        let now = clock::now();
        self.release_holds();
        if self.fsm.poll_timeout().is_some_and(|(at, _)| at <= now) {
            let paused = self.mail.is_paused();
            if !paused {
                self.read_everything();
            }
            let backlog = if paused {
                Backlog::Unread
            } else {
                Backlog::Drained
            };
            self.fsm.handle_timeout(now, backlog);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let publish = self
            .record
            .is_touched()
            .then(|| self.published + PUBLISH_INTERVAL);
        let closing = self.connections.iter().filter_map(|c| c.closing).min();
        let timer = self.fsm.poll_timeout().map(|(at, _)| at);
        let held = self.holds.deadline();
        [publish, closing, timer, held].into_iter().flatten().min()
    }

    fn publish(&mut self) {
        let now = clock::now();
        let state = self.fsm.state();
        let held = self.holds.view();
        let changed = {
            let shown = self.view.borrow();
            shown.state != state || shown.held != held
        };
        if changed || (self.record.is_touched() && now >= self.published + PUBLISH_INTERVAL) {
            self.published = now;
            self.record.published();
            self.view
                .send_replace(Arc::new(self.record.view(&self.spec, state, held)));
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(dialling) = &self.dialling {
            dialling.abort();
        }
    }
}
