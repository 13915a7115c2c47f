//! When this speaker has recovered from its own restart (architecture invariant 11).
//!
//! Until then the kernel's writer adds routes but deletes nothing that an earlier run left. A peer is
//! waited for while it can still come: one that is established until its End-of-RIB, one that is not
//! until it has proven unreachable. A cap bounds the rest.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::session::{PeerState, PeerView};

/// The most that anything is waited for.
const CAP: Duration = Duration::from_secs(120);

/// A peer that does not dial us and that we may not dial: longer than a BIRD in error wait needs.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Dials that must fail before a peer counts as unreachable.
const FAILED_DIALS: u64 = 3;

/// A peer without graceful restart need not send End-of-RIB: its dump is taken as complete after
/// this.
const DUMP_WITHOUT_END: Duration = Duration::from_secs(15);

/// Follows the peers from the first plan on.
#[derive(Debug)]
pub struct Recovery {
    started: Instant,
    established: HashMap<String, Instant>,
}

/// How far the recovery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryState {
    /// These sessions are waited for.
    Waiting(Vec<String>),
    /// Nothing is waited for any more.
    Over,
}

impl Recovery {
    /// Begins when the first plan is applied.
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            established: HashMap::new(),
        }
    }

    /// Judges the sessions as they are.
    pub fn judge<'a>(
        &mut self,
        now: Instant,
        peers: impl Iterator<Item = &'a PeerView>,
    ) -> RecoveryState {
        if now.duration_since(self.started) >= CAP {
            return RecoveryState::Over;
        }
        let waiting: Vec<String> = peers
            .filter(|peer| self.is_awaited(now, peer))
            .map(|peer| peer.name.clone())
            .collect();
        if waiting.is_empty() {
            RecoveryState::Over
        } else {
            RecoveryState::Waiting(waiting)
        }
    }

    fn is_awaited(&mut self, now: Instant, peer: &PeerView) -> bool {
        if peer.state != PeerState::Established {
            self.established.remove(&peer.name);
            // Who is held down does not come.
            let unreachable = peer.failed_dials >= FAILED_DIALS || peer.held.is_some();
            return !unreachable && now.duration_since(self.started) < SILENCE_MAX;
        }
        let since = *self.established.entry(peer.name.clone()).or_insert(now);
        let Some(negotiated) = &peer.negotiated else {
            return true;
        };
        // It waits as we do: two that restart together must not wait for each other (RFC 4724 §4.1).
        if negotiated.peer_restarting {
            return false;
        }
        let complete = negotiated
            .families
            .iter()
            .all(|family| *peer.end_of_rib_received.get(*family));
        let owes_no_end = negotiated.restart_time.is_none();
        !(complete || owes_no_end && now.duration_since(since) >= DUMP_WITHOUT_END)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Family, PerFamily};
    use crate::session::testing::view;

    const SECOND: Duration = Duration::from_secs(1);

    /// A recovery with one peer, driven second by second.
    struct Watch {
        recovery: Recovery,
        started: Instant,
        peer: PeerView,
    }

    impl Watch {
        fn new() -> Self {
            let started = crate::clock::now();
            Self {
                recovery: Recovery::new(started),
                started,
                peer: view("Mesh_192_0_2_2"),
            }
        }

        fn at(&mut self, seconds: u32) -> RecoveryState {
            let peers = std::iter::once(&self.peer);
            self.recovery.judge(self.started + seconds * SECOND, peers)
        }

        fn establish(&mut self, restart_time: Option<u16>) {
            self.peer = crate::session::testing::established(&self.peer.name, restart_time);
        }
    }

    #[test]
    fn a_speaker_without_peers_has_nothing_to_wait_for() {
        let now = crate::clock::now();
        assert_eq!(
            Recovery::new(now).judge(now, std::iter::empty()),
            RecoveryState::Over
        );
    }

    #[test]
    fn an_established_peer_is_awaited_until_its_end_of_rib() {
        let mut watch = Watch::new();
        watch.establish(Some(120));
        assert_eq!(
            watch.at(60),
            RecoveryState::Waiting(vec!["Mesh_192_0_2_2".into()])
        );
        *watch.peer.end_of_rib_received.get_mut(Family::Ipv4) = true;
        assert_eq!(watch.at(61), RecoveryState::Over);
    }

    #[test]
    fn a_peer_that_recovers_itself_is_not_awaited() {
        let mut watch = Watch::new();
        watch.establish(Some(120));
        assert!(matches!(watch.at(1), RecoveryState::Waiting(_)));
        if let Some(negotiated) = &mut watch.peer.negotiated {
            negotiated.peer_restarting = true;
        }
        assert_eq!(watch.at(2), RecoveryState::Over);
    }

    #[test]
    fn a_peer_that_owes_no_end_of_rib_is_awaited_for_a_while_only() {
        let mut watch = Watch::new();
        watch.establish(None);
        assert!(matches!(watch.at(10), RecoveryState::Waiting(_)));
        assert!(matches!(watch.at(24), RecoveryState::Waiting(_)));
        assert_eq!(watch.at(25), RecoveryState::Over);
    }

    #[test]
    fn a_peer_that_cannot_be_reached_is_not_awaited() {
        let mut watch = Watch::new();
        watch.peer.failed_dials = FAILED_DIALS - 1;
        assert!(matches!(watch.at(5), RecoveryState::Waiting(_)));
        watch.peer.failed_dials = FAILED_DIALS;
        assert_eq!(watch.at(6), RecoveryState::Over);
    }

    #[test]
    fn a_silent_peer_is_awaited_for_a_while_and_everything_up_to_the_cap() {
        let mut watch = Watch::new();
        assert!(matches!(watch.at(44), RecoveryState::Waiting(_)));
        assert_eq!(watch.at(45), RecoveryState::Over);
        watch.establish(Some(120));
        watch.peer.end_of_rib_received = PerFamily::default();
        assert!(matches!(watch.at(119), RecoveryState::Waiting(_)));
        assert_eq!(watch.at(120), RecoveryState::Over);
    }
}
