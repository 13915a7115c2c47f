//! What the session machine asks for, done.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::connection::Connection;
use super::dial::dial;
use super::driver::{Driver, Session};
use super::follow::Follow;
use super::inbox::Inbox;
use super::mailbox::REPLIES_MAX;
use super::receive::FaultLog;
use super::socket::SocketTerms;
use crate::clock;
use crate::fsm::{Action, ConnectionId, DownReason, Negotiated, SessionDown};
use crate::net::{PeerId, PerFamily};
use crate::rib::{Command, Demarcation, SessionTerms};
use crate::wire::{KEEPALIVE, Notification};

/// How long a closing connection may take to write its last message and hear the peer out.
const LINGER: Duration = Duration::from_secs(1);

/// Connections that linger at a time; beyond it the oldest is cut off.
const CLOSING_MAX: usize = 4;

/// How long routes that a restarted peer has not announced again stay, End-of-RIB or not: twice the
/// restart time that BIRD and calidris advertise.
const STALE_AFTER_RECONNECT: Duration = Duration::from_secs(240);

impl Driver {
    /// Does everything that the machine has asked for.
    pub(super) fn perform(&mut self) {
        while let Some(action) = self.fsm.poll_action() {
            match action {
                Action::Dial => self.dial(),
                Action::CancelDial => self.cancel_dial(),
                Action::SendOpen(id, open) => {
                    self.record.count_sent(|sent| sent.open += 1);
                    self.send(id, |out| open.encode(out));
                }
                Action::SendKeepalive(id) => {
                    self.record.count_sent(|sent| sent.keepalive += 1);
                    self.send(id, |out| out.extend_from_slice(&KEEPALIVE));
                }
                Action::SendRefresh(id, refresh) => {
                    self.record.count_sent(|sent| sent.route_refresh += 1);
                    self.send(id, |out| refresh.encode(out));
                }
                Action::RefreshRefused(family, refusal) => {
                    warn!(family = family.name(), reason = %refusal, "peer not asked for its routes");
                }
                Action::SendNotification(id, notification) => {
                    self.send_notification(id, &notification);
                }
                Action::Close(id) => self.close(id),
                Action::Up(id, negotiated) => self.up(id, &negotiated),
                Action::Down(down) => self.down(&down),
                Action::Failed(reason) => self.failed(&reason),
                Action::Refresh(family) => self.readvertise(family),
                Action::RefreshBegins(family) => {
                    let peer = self.spec.id;
                    self.tell_in_order(Command::RefreshBegin { peer, family });
                }
                Action::RefreshEnds(family) => {
                    let peer = self.spec.id;
                    self.tell_in_order(Command::RefreshEnd { peer, family });
                }
            }
        }
    }

    fn dial(&mut self) {
        let remote = (self.spec.plan.address, self.spec.plan.port).into();
        let source = self.spec.plan.source_address;
        let terms = SocketTerms::new(&self.spec.plan);
        self.cancel_dial();
        self.dialling = Some(tokio::spawn(dial(remote, source, terms)));
    }

    fn failed(&mut self, reason: &DownReason) {
        let hint = self.dial_hint(reason);
        match reason {
            // Said by show and counted; a line every few seconds would say no more. A key that does
            // not fit shows nowhere else, so it is said ever more rarely.
            DownReason::DialFailed(_) if hint.is_empty() || !self.record.dials_doubled() => {
                debug!(%reason, "session attempt failed");
            }
            DownReason::DialFailed(_) => {
                warn!(reason = %format!("{reason}{hint}"), "session attempt failed");
            }
            _ => {
                if let Some(suppressed) = self.lines.failed.pass(clock::now()) {
                    warn!(%reason, suppressed, "session attempt failed");
                }
            }
        }
        self.record.failed(reason, hint, clock::wall());
    }

    /// What the kernel does not tell: a segment with another signature is dropped like any noise.
    fn dial_hint(&self, reason: &DownReason) -> &'static str {
        match (reason, &self.spec.plan.password) {
            (DownReason::DialFailed(_), Some(_)) => {
                "; a peer with another password or none does not answer either"
            }
            _ => "",
        }
    }

    pub(super) fn cancel_dial(&mut self) {
        if let Some(task) = self.dialling.take() {
            task.abort();
        }
    }

    pub(super) fn send(&mut self, id: ConnectionId, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut message = Vec::new();
        encode(&mut message);
        if let Some(connection) = self.open_connection(id) {
            connection.outbox.push_control(Bytes::from(message));
        }
    }

    fn send_notification(&mut self, id: ConnectionId, notification: &Notification) {
        if let Some(suppressed) = self.lines.notified.pass(clock::now()) {
            info!(
                code = notification.code,
                subcode = notification.subcode,
                meaning = notification.meaning(),
                suppressed,
                "notification sent"
            );
        }
        self.record.notification_sent(notification, clock::wall());
        if let Some(connection) = self.open_connection(id) {
            connection.outbox.drop_routes();
        }
        self.send(id, |out| notification.encode(out));
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(connection) = self.open_connection(id) {
            connection.outbox.drop_routes();
            connection.closing = Some(clock::now() + LINGER);
        }
        let closing = |c: &&Connection| c.closing.is_some();
        if self.connections.iter().filter(closing).count() > CLOSING_MAX
            && let Some(oldest) = self.connections.iter().position(|c| c.closing.is_some())
        {
            self.connections.remove(oldest);
        }
    }

    fn up(&mut self, id: ConnectionId, negotiated: &Negotiated) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        let endpoints = (connection.local, connection.remote);
        let sharding = self.mail.sharding();
        let (replies, incoming) = mpsc::channel(REPLIES_MAX * sharding.count());
        let peer = self.spec.id;
        self.mail.attach(peer, &replies);
        let terms = session_terms(peer, negotiated, endpoints.0, clock::now());
        self.mail.command(Command::SessionUp(terms));
        let follow = |on| if on { Follow::Ask } else { Follow::Off };
        let follow = |_| PerFamily {
            ipv4: follow(negotiated.families.ipv4),
            ipv6: follow(negotiated.families.ipv6),
        };
        self.session = Some(Session {
            connection: id,
            context: negotiated.decode_context(),
            inbox: Inbox::new(peer),
            faults: FaultLog::default(),
            replies: incoming,
            follow: sharding.shards().map(follow).collect(),
            demarcation: PerFamily {
                ipv4: Demarcation::new(sharding),
                ipv6: Demarcation::new(sharding),
            },
            enhanced_refresh: negotiated.enhanced_refresh,
            is_laggard: false,
        });
        info!(
            peer_as = %negotiated.peer_as,
            router_id = %negotiated.peer_id,
            hold_time = negotiated.hold_time.seconds(),
            "session up"
        );
        self.record.up(negotiated, endpoints, clock::wall());
    }

    fn down(&mut self, down: &SessionDown) {
        self.flush_inbox();
        let restart = self.record.restart_terms.filter(|_| down.keep_routes);
        self.session = None;
        // A silent stop is the end of the process: told of it, the RIB would withdraw this peer's
        // routes from sessions that end a moment later and must keep them (RFC 4724).
        if down.reason == DownReason::Stopped {
            return self.record.down(&down.reason, None, clock::wall());
        }
        let stay = restart.map_or(Duration::ZERO, |terms| {
            Duration::from_secs(u64::from(terms.restart_time))
        });
        let families = restart.map_or(PerFamily::default(), |terms| terms.families);
        let until = clock::now() + stay;
        let keep_until = PerFamily {
            ipv4: families.ipv4.map(|_| until),
            ipv6: families.ipv6.map(|_| until),
        };
        let kept = keep_until.iter().any(|(_, until)| until.is_some());
        let peer = self.spec.id;
        self.mail.command(Command::SessionDown { peer, keep_until });
        warn!(reason = %down.reason, routes_kept = kept, "session down");
        let stale_until = kept.then(|| clock::wall() + stay);
        self.record.down(&down.reason, stale_until, clock::wall());
    }
}

fn session_terms(
    peer: PeerId,
    negotiated: &Negotiated,
    local: SocketAddr,
    now: Instant,
) -> SessionTerms {
    let preserved = negotiated
        .graceful_restart
        .map_or(PerFamily::default(), |terms| PerFamily {
            ipv4: terms
                .families
                .ipv4
                .is_some_and(|family| family.forwarding_preserved),
            ipv6: terms
                .families
                .ipv6
                .is_some_and(|family| family.forwarding_preserved),
        });
    SessionTerms {
        local_address: Some(local.ip().to_canonical()),
        peer,
        peer_id: negotiated.peer_id,
        families: negotiated.families,
        four_octet_as: negotiated.four_octet_as,
        add_path: negotiated.add_path,
        forwarding_preserved: preserved,
        stale_until: Some(now + STALE_AFTER_RECONNECT),
        enhanced_refresh: negotiated.enhanced_refresh,
        extended_message: negotiated.extended_message,
        extended_next_hop: negotiated.extended_next_hop,
    }
}
