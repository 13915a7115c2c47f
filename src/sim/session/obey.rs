//! What the machine asks for, done.

use std::time::{Duration, Instant};

use super::super::defect::Defect;
use super::super::link::Network;
use super::super::core::Core;
use super::{STALE_TIME, Session, demarcation};
use crate::fsm::{Action, ConnectionId, Negotiated, SessionDown};
use crate::net::{Family, PerFamily};
use crate::rib::{Command, SessionTerms};
use crate::wire::KEEPALIVE;

impl Session {
    /// Does what the machine asks.
    pub(super) fn obey(&mut self, network: &mut Network, core: &mut Core) {
        let now = network.clock.now();
        let peer = self.peer;
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Dial => {
                    self.dials += 1;
                    self.dial = Some(self.dials);
                    network.dial(self.place, self.remote, self.dials);
                }
                Action::CancelDial => self.dial = None,
                Action::SendOpen(id, open) => {
                    self.send(id, |message| open.encode(message));
                }
                Action::SendKeepalive(id) => {
                    self.send(id, |message| message.extend_from_slice(&KEEPALIVE));
                }
                Action::SendRefresh(id, refresh) => {
                    self.send(id, |message| refresh.encode(message));
                }
                Action::SendNotification(id, notification) => {
                    // Hold timer, Cease, send hold timer: anything else would be a fault of our own.
                    assert!(matches!(notification.code, 4 | 6 | 8), "{notification:?}");
                    self.send(id, |message| notification.encode(message));
                }
                Action::Close(id) => {
                    if let Some(stream) = self.streams.get_mut(&id) {
                        stream.closing = true;
                    }
                }
                Action::Up(_, agreed) => self.on_up(now, core, *agreed),
                Action::Down(down) => self.on_down(now, core, &down),
                Action::Refresh(family) => {
                    self.on_refresh(now, core, family);
                }
                Action::RefreshBegins(family) => {
                    core.tell(now, Command::RefreshBegin { peer, family });
                }
                Action::RefreshEnds(family) => {
                    core.tell(now, Command::RefreshEnd { peer, family });
                }
                Action::RefreshRefused(..) | Action::Failed(_) => {}
            }
        }
        self.pump(network, core);
        self.schedule_wake(network);
    }

    fn send(&mut self, id: ConnectionId, encode: impl FnOnce(&mut Vec<u8>)) {
        if let Some(stream) = self.streams.get_mut(&id) {
            let mut message = Vec::new();
            encode(&mut message);
            stream.outbox.push(message);
        }
    }

    fn on_up(&mut self, now: Instant, core: &mut Core, agreed: Negotiated) {
        self.ups += 1;
        let preserved = |family| {
            let restart = agreed.graceful_restart?;
            let of_family = (*restart.families.get(family))?;
            Some(of_family.forwarding_preserved)
        };
        let session = SessionTerms {
            local_address: None,
            peer: self.peer,
            peer_id: agreed.peer_id,
            families: agreed.families,
            four_octet_as: agreed.four_octet_as,
            add_path: agreed.add_path,
            forwarding_preserved: PerFamily {
                ipv4: preserved(Family::Ipv4).unwrap_or(false),
                ipv6: preserved(Family::Ipv6).unwrap_or(false),
            },
            stale_until: Some(now + STALE_TIME),
            enhanced_refresh: agreed.enhanced_refresh,
            extended_message: agreed.extended_message,
            extended_next_hop: agreed.extended_next_hop,
        };
        core.tell(now, Command::SessionUp(session));
        self.demarcation = demarcation(core.rib.sharding());
        for members in &mut self.members {
            for family in agreed.families.families() {
                members.get_mut(family).begin(now, core);
            }
        }
        self.agreed = Some(agreed);
    }

    fn on_down(&mut self, now: Instant, core: &mut Core, down: &SessionDown) {
        let agreed = self.agreed.take();
        let restart = agreed
            .and_then(|agreed| agreed.graceful_restart)
            .filter(|_| down.keep_routes);
        let until = |family| {
            let restart = restart?;
            (*restart.families.get(family))?;
            Some(now + Duration::from_secs(restart.restart_time.into()))
        };
        for members in &mut self.members {
            members.ipv4.end();
            members.ipv6.end();
        }
        self.queued.clear();
        core.moved = true;
        let command = Command::SessionDown {
            peer: self.peer,
            keep_until: PerFamily {
                ipv4: until(Family::Ipv4),
                ipv6: until(Family::Ipv6),
            },
        };
        if core.defect != Some(Defect::DownUntold) {
            core.tell(now, command);
        }
    }
}
