//! The task of one peer.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

use super::connection::{Connection, Readiness};
use super::follow::{Follow, follow_rings};
use super::inbox::Inbox;
use super::mailbox::{RibMail, RibReply};
use super::receive::FaultLog;
use super::record::Record;
use super::spec::PeerSpec;
use super::view::{PeerState, PeerView};
use crate::clock;
use crate::fsm::{self, Backlog, ConnectionId, Direction, Input, StopReason};
use crate::net::{Family, PerFamily};
use crate::plan::ChangeMode;
use crate::rib::Chunk;
use crate::wire::DecodeContext;

/// Commands that wait for one session.
pub(crate) const COMMANDS_MAX: usize = 16;

/// How often changed counters are published; a changed state is published at once.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(500);

/// Reads of what a peer said before a write to it failed.
const READS_AFTER_FAILURE: usize = 16;

/// What the registry tells a session.
#[derive(Debug)]
pub enum DriverCommand {
    /// A connection from the peer's address.
    Incoming(TcpStream),
    /// The peer's parameters changed.
    Reconfigure(Box<PeerSpec>, ChangeMode),
    /// Whether this speaker is still recovering from its own restart (the R and F bits of RFC 4724).
    Restarting(bool),
    /// End the session and the task.
    Stop(StopReason),
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
    rib: mpsc::Sender<RibMail>,
    view: watch::Sender<Arc<PeerView>>,
    pub(super) record: Record,
    pub(super) connections: Vec<Connection>,
    pub(super) dialling: Option<JoinHandle<Result<TcpStream, String>>>,
    pub(super) mail: VecDeque<RibMail>,
    pub(super) session: Option<Session>,
    next_connection: u64,
    published: Instant,
    restarting: bool,
    stopping: bool,
    seed: u64,
}

/// What exists only while the session is established.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: ConnectionId,
    pub(super) context: DecodeContext,
    pub(super) inbox: Inbox,
    pub(super) faults: FaultLog,
    pub(super) replies: mpsc::Receiver<RibReply>,
    pub(super) follow: PerFamily<Follow>,
}

/// Why the task woke up.
enum Wake {
    Command(Option<DriverCommand>),
    Dialled(Result<TcpStream, String>),
    Ready(ConnectionId, Readiness),
    Deadline,
    Mailed,
    Reply(Option<RibReply>),
    Ring(Family, Result<Arc<Chunk>, RecvError>),
}

impl Driver {
    /// Starts the task of a peer that the RIB already knows.
    pub fn spawn(
        spec: PeerSpec,
        rib: mpsc::Sender<RibMail>,
        restarting: bool,
        seed: u64,
    ) -> DriverHandle {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let record = Record::new(clock::wall());
        let (view, watched) = watch::channel(Arc::new(record.view(&spec, PeerState::Idle)));
        let mut fsm = fsm::Peer::new(spec.fsm_config(), seed);
        fsm.set_restarting(restarting);
        let span = info_span!("session", peer = %spec.name);
        let driver = Self {
            spec,
            fsm,
            commands: inbox,
            rib,
            view,
            record,
            connections: Vec::new(),
            dialling: None,
            mail: VecDeque::new(),
            session: None,
            next_connection: 0,
            published: clock::now(),
            restarting,
            stopping: false,
            seed,
        };
        let task = tokio::spawn(driver.run().instrument(span));
        DriverHandle {
            commands,
            view: watched,
            task,
        }
    }

    async fn run(mut self) {
        self.fsm.handle(clock::now(), Input::Start);
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
            rib,
            mail,
            session,
            stopping,
            ..
        } = self;
        let (replies, follow) = match session {
            Some(session) => (Some(&mut session.replies), Some(&mut session.follow)),
            None => (None, None),
        };
        tokio::select! {
            command = commands.recv(), if !*stopping => Wake::Command(command),
            dialled = dialled(dialling) => Wake::Dialled(dialled),
            (id, readiness) = poll_fn(|context| poll_connections(connections, paused, context)) => {
                Wake::Ready(id, readiness)
            }
            () = sleep_until(deadline) => Wake::Deadline,
            permit = rib.reserve(), if paused => match permit {
                Ok(permit) => {
                    if let Some(letter) = mail.pop_front() {
                        permit.send(letter);
                    }
                    Wake::Mailed
                }
                // Without a RIB nothing that this session says is true any more.
                Err(_) => {
                    mail.clear();
                    Wake::Command(None)
                }
            },
            reply = receive(replies) => Wake::Reply(reply),
            (family, chunk) = follow_rings(follow), if has_room => Wake::Ring(family, chunk),
        }
    }

    fn on_wake(&mut self, wake: Wake) {
        match wake {
            Wake::Command(Some(command)) => self.on_command(command),
            Wake::Command(None) => self.stop(StopReason::Silent),
            Wake::Dialled(Ok(stream)) => {
                self.dialling = None;
                self.connected(Direction::Outgoing, stream);
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
            Wake::Ring(family, chunk) => self.on_ring(family, chunk),
        }
    }

    fn on_command(&mut self, command: DriverCommand) {
        match command {
            DriverCommand::Incoming(stream) => self.connected(Direction::Incoming, stream),
            DriverCommand::Reconfigure(spec, ChangeMode::Soft) => {
                self.spec = *spec;
                self.fsm.reconfigure(self.spec.fsm_config());
                self.record.touch();
            }
            DriverCommand::Reconfigure(spec, ChangeMode::Reset(reason)) => {
                tracing::info!(reason, "session reset: its parameters changed");
                self.input(Input::Stop(StopReason::ConfigChange));
                self.perform();
                self.spec = *spec;
                self.fsm = fsm::Peer::new(self.spec.fsm_config(), self.seed);
                self.fsm.set_restarting(self.restarting);
                self.input(Input::Start);
                self.record.touch();
            }
            DriverCommand::Restarting(restarting) => {
                self.restarting = restarting;
                self.fsm.set_restarting(restarting);
            }
            DriverCommand::Stop(reason) => self.stop(reason),
        }
    }

    pub(super) fn stop(&mut self, reason: StopReason) {
        self.stopping = true;
        self.input(Input::Stop(reason));
    }

    fn connected(&mut self, direction: Direction, stream: TcpStream) {
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        match Connection::new(id, stream) {
            Ok(connection) => {
                self.connections.push(connection);
                self.input(Input::Connected {
                    direction,
                    connection: id,
                });
            }
            Err(error) if direction == Direction::Outgoing => {
                self.input(Input::DialFailed {
                    reason: error.to_string(),
                });
            }
            Err(error) => {
                tracing::debug!(reason = %error, "incoming connection was gone at once");
            }
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.fsm.handle(clock::now(), input);
    }

    fn on_deadline(&mut self) {
        let now = clock::now();
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

    /// The connection, unless it is being closed.
    pub(super) fn open_connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|c| c.id == id && c.closing.is_none())
    }

    pub(super) fn mail_more(&mut self) {
        while !self.mail.is_empty() {
            let Ok(permit) = self.rib.try_reserve() else {
                return;
            };
            if let Some(letter) = self.mail.pop_front() {
                permit.send(letter);
            }
        }
    }

    fn write(&mut self) {
        let now = clock::now();
        let mut failed = Vec::new();
        for connection in self.connections.iter_mut().filter(|c| c.closing.is_none()) {
            let id = connection.id;
            match connection.write() {
                Ok(0) => {}
                Ok(_) => {
                    let wrote = Input::Wrote {
                        connection: id,
                        caught_up: !connection.outbox.has_control(),
                    };
                    self.fsm.handle(now, wrote);
                }
                Err(reason) => failed.push((id, reason)),
            }
        }
        for (connection, reason) in failed {
            // The peer's last word may wait unread: a Cease says that nothing is to be kept.
            for _ in 0..READS_AFTER_FAILURE {
                if !self.read(connection) {
                    break;
                }
            }
            if self.open_connection(connection).is_some() {
                self.connections.retain(|c| c.id != connection);
                self.input(Input::Closed { connection, reason });
            }
            self.perform();
        }
    }

    fn close_steps(&mut self) {
        let now = clock::now();
        self.connections
            .retain_mut(|c| c.closing.is_none() || !c.close_step(now));
    }

    fn deadline(&self) -> Option<Instant> {
        let publish = self
            .record
            .is_touched()
            .then(|| self.published + PUBLISH_INTERVAL);
        let closing = self.connections.iter().filter_map(|c| c.closing).min();
        let timer = self.fsm.poll_timeout().map(|(at, _)| at);
        [publish, closing, timer].into_iter().flatten().min()
    }

    fn publish(&mut self) {
        let now = clock::now();
        let state = self.fsm.state();
        let changed = self.view.borrow().state != state;
        if changed || (self.record.is_touched() && now >= self.published + PUBLISH_INTERVAL) {
            self.published = now;
            self.record.published();
            self.view
                .send_replace(Arc::new(self.record.view(&self.spec, state)));
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

fn poll_connections(
    connections: &[Connection],
    paused: bool,
    context: &mut std::task::Context<'_>,
) -> std::task::Poll<(ConnectionId, Readiness)> {
    for connection in connections {
        // What a closing connection still receives is read away once its last message is written.
        let paused = match connection.closing {
            Some(_) => !connection.outbox.is_empty(),
            None => paused,
        };
        if let std::task::Poll::Ready(readiness) = connection.poll_ready(context, paused) {
            return std::task::Poll::Ready((connection.id, readiness));
        }
    }
    std::task::Poll::Pending
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

async fn receive(replies: Option<&mut mpsc::Receiver<RibReply>>) -> Option<RibReply> {
    match replies {
        Some(replies) => replies.recv().await,
        None => pending().await,
    }
}
