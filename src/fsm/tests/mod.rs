//! Tests of the whole machine: one peer by script, two peers against each other, random scripts.

mod behaviour;
mod collisions;
mod endings;
mod scripts;
mod writing;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Action, Backlog, ConnectionId, Direction, Input, Peer, PeerConfig, Received};
use crate::fsm::negotiate::{Resumption, our_open};
use crate::net::{Asn, PerFamily, RouterId};
use crate::wire::{HoldTime, Open};

/// A node of AS 64512 whose identifier and address end in `host`.
pub(super) fn config(host: u8, peer: u8) -> PeerConfig {
    PeerConfig {
        local_as: Asn(64_512),
        remote_as: Asn(64_512),
        router_id: RouterId(Ipv4Addr::new(192, 0, 2, host)),
        remote_address: Ipv4Addr::new(192, 0, 2, peer).into(),
        passive: false,
        families: PerFamily {
            ipv4: true,
            ipv6: true,
        },
        add_path: PerFamily::default(),
        hold_time: HoldTime::new(240).expect("not one or two"),
        keepalive: None,
        connect_delay: Duration::from_secs(2),
        connect_retry: Duration::from_secs(5),
        idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
        restart_time: Some(120),
        long_lived_time: None,
        role: None,
        delay_open: None,
    }
}

/// The OPEN that the peer of `config` would send.
pub(super) fn open_of_peer(config: &PeerConfig) -> Open {
    let peer = PeerConfig {
        local_as: config.remote_as,
        remote_as: config.local_as,
        router_id: match config.remote_address {
            std::net::IpAddr::V4(address) => RouterId(address),
            std::net::IpAddr::V6(_) => config.router_id,
        },
        ..config.clone()
    };
    our_open(&peer, Resumption::Anew)
}

/// Any moment: there is no other way to make one.
#[expect(clippy::disallowed_methods, reason = "tests only count from it")]
pub(super) fn begin() -> Instant {
    Instant::now()
}

/// A peer with a clock, and short words for what happens to it.
pub(super) struct Bench {
    pub(super) peer: Peer,
    pub(super) config: PeerConfig,
    pub(super) now: Instant,
    /// Whether the other side takes what is sent.
    pub(super) takes: bool,
}

impl Bench {
    pub(super) fn new(config: PeerConfig) -> Self {
        let mut bench = Self {
            peer: Peer::new(config.clone(), 1),
            config,
            now: begin(),
            takes: true,
        };
        bench.input(Input::Start);
        bench
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Action> {
        self.peer.handle(self.now, input);
        self.actions()
    }

    /// Takes the actions, and writes what they send.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        let actions: Vec<_> = std::iter::from_fn(|| self.peer.poll_action()).collect();
        for action in &actions {
            if let Action::SendOpen(id, _) | Action::SendKeepalive(id) = action
                && self.takes
            {
                self.wrote(*id, true);
            }
        }
        actions
    }

    pub(super) fn wrote(&mut self, connection: ConnectionId, caught_up: bool) {
        let wrote = Input::Wrote {
            connection,
            caught_up,
        };
        self.peer.handle(self.now, wrote);
    }

    /// Lets the next timer fire.
    pub(super) fn next_timer(&mut self) -> Vec<Action> {
        let (at, _) = self.peer.poll_timeout().expect("a timer runs");
        self.now = self.now.max(at);
        self.peer.handle_timeout(self.now, Backlog::Drained);
        self.actions()
    }

    pub(super) fn wait(&mut self, duration: Duration) -> Vec<Action> {
        let end = self.now + duration;
        let mut actions = Vec::new();
        while let Some((at, _)) = self.peer.poll_timeout()
            && at <= end
        {
            actions.extend(self.next_timer());
        }
        self.now = end;
        actions
    }

    pub(super) fn accept(&mut self, id: u64) -> Vec<Action> {
        self.input(Input::Connected {
            direction: Direction::Incoming,
            connection: ConnectionId(id),
        })
    }

    /// Waits for the dial and lets it succeed.
    pub(super) fn dial(&mut self, id: u64) -> Vec<Action> {
        while !self.next_timer().contains(&Action::Dial) {}
        self.input(Input::Connected {
            direction: Direction::Outgoing,
            connection: ConnectionId(id),
        })
    }

    pub(super) fn receive(&mut self, id: u64, message: Received) -> Vec<Action> {
        self.input(Input::Received {
            connection: ConnectionId(id),
            message,
        })
    }

    pub(super) fn receive_open(&mut self, id: u64) -> Vec<Action> {
        let open = open_of_peer(&self.config);
        self.receive(id, Received::Open(open))
    }

    /// Accepts a connection and brings it to Established.
    pub(super) fn establish(&mut self, id: u64) -> Vec<Action> {
        let mut actions = self.accept(id);
        actions.extend(self.receive_open(id));
        actions.extend(self.receive(id, Received::Keepalive));
        assert_eq!(
            self.peer.established().map(|(id, _)| id),
            Some(ConnectionId(id))
        );
        actions
    }
}
