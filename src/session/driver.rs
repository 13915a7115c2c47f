//! The task of one peer.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

use super::arrival::Incoming;
use super::connection::{Connection, Readiness};
use super::follow::{Follow, follow_rings};
use super::hold::Holds;
use super::inbox::Inbox;
use super::mail::{Gone, Mail};
use super::mailbox::{RibMailboxes, RibReply};
use super::operate::{OperatorAction, OperatorReply};
use super::receive::FaultLog;
use super::record::Record;
use super::spec::PeerSpec;
use super::throttle::Lines;
use super::transport::poll_connections;
use super::view::{PeerState, PeerView};
use crate::clock;
use crate::fsm::{self, Backlog, ConnectionId, Input, StopReason};
use crate::net::{Family, PerFamily};
use crate::plan::ChangeMode;
use crate::rib::{Chunk, Demarcation, ShardId};
use crate::wire::DecodeContext;

/// Commands that wait for one session.
pub(crate) const COMMANDS_MAX: usize = 16;

/// How often changed counters are published; a changed state is published at once.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(500);

/// What the registry tells a session.
#[derive(Debug)]
pub enum DriverCommand {
    /// A connection from the peer's address.
    Incoming(Incoming),
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
    pub(super) mail: Mail,
    pub(super) session: Option<Session>,
    pub(super) holds: Holds,
    pub(super) panics: u32,
    pub(super) lines: Lines,
    pub(super) restarting: bool,
    pub(super) seed: u64,
    pub(super) next_connection: u64,
    published: Instant,
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
}

/// Why the task woke up.
enum Wake {
    Command(Option<DriverCommand>),
    Dialled(Result<TcpStream, String>),
    Ready(ConnectionId, Readiness),
    Deadline,
    Mailed,
    Gone,
    Reply(Option<(ShardId, RibReply)>),
    Ring((ShardId, Family), Result<Arc<Chunk>, RecvError>),
}

impl Driver {
    /// Starts the task of a peer that the RIB already knows.
    pub fn spawn(spec: PeerSpec, rib: RibMailboxes, options: DriverOptions) -> DriverHandle {
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
        let driver = Self {
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
            stopping: false,
        };
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
            self.request_routes();
            self.write();
            self.close_steps();
            self.publish();
            if self.stopping && self.connections.is_empty() && self.mail.is_empty() {
                break;
            }
            let wake = self.wait().await;
            self.on_wake(wake);
        }
    }

    /// Waits for one event; nothing is half done when another arm wins.
    async fn wait(&mut self) -> Wake {
        let deadline = self.deadline();
        let paused = !self.mail.is_empty();
        let has_room = self.has_room();
        let Self {
            commands,
            dialling,
            connections,
            mail,
            session,
            stopping,
            ..
        } = self;
        let (replies, follow) = match session {
            Some(session) => (Some(&mut session.replies), &mut session.follow[..]),
            None => (None, &mut [][..]),
        };
        tokio::select! {
            command = commands.recv(), if !*stopping => Wake::Command(command),
            dialled = dialled(dialling) => Wake::Dialled(dialled),
            (id, readiness) = poll_fn(|context| poll_connections(connections, paused, context)) => {
                Wake::Ready(id, readiness)
            }
            () = sleep_until(deadline) => Wake::Deadline,
            sent = mail.send_one(), if paused => match sent {
                Ok(()) => Wake::Mailed,
                // Without a RIB nothing that this session says is true any more.
                Err(Gone) => Wake::Gone,
            },
            reply = receive(replies) => Wake::Reply(reply),
            (of, chunk) = follow_rings(follow), if has_room => Wake::Ring(of, chunk),
        }
    }

    fn on_wake(&mut self, wake: Wake) {
        match wake {
            Wake::Command(Some(command)) => self.on_command(command),
            Wake::Command(None) => self.stop(StopReason::Silent),
            Wake::Gone => {
                self.mail.clear();
                self.stop(StopReason::Silent);
            }
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
            Wake::Mailed => self.mail_more(),
            Wake::Reply(reply) => self.on_reply(reply),
            Wake::Ring(of, chunk) => self.on_ring(of, chunk),
        }
    }

    fn on_command(&mut self, command: DriverCommand) {
        match command {
            DriverCommand::Incoming(incoming) => self.accepted(incoming),
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
            let paused = !self.mail.is_empty();
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

    pub(super) fn mail_more(&mut self) {
        self.mail.send_more();
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

async fn dialled(
    dialling: &mut Option<JoinHandle<Result<TcpStream, String>>>,
) -> Result<TcpStream, String> {
    match dialling {
        Some(task) => match task.await {
            Ok(outcome) => outcome,
            Err(error) => Err(error.to_string()),
        },
        None => pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn receive(
    replies: Option<&mut mpsc::Receiver<(ShardId, RibReply)>>,
) -> Option<(ShardId, RibReply)> {
    match replies {
        Some(replies) => replies.recv().await,
        None => pending().await,
    }
}
