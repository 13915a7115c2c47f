//! The TCP-MD5 keys of one listening socket.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use socket2::SockRef;
use tracing::{error, info};

use super::{socket, sockopt};
use crate::net::Secret;

/// The keys that peers must sign with, by their address.
pub type Keys = Arc<HashMap<IpAddr, Secret>>;

/// Keys as they should be and as the kernel has them. It fails closed: a peer whose key is not the
/// one in the kernel is let in by nobody who asks [`KeyRing::holds`].
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    installed: HashMap<IpAddr, Secret>,
    refused: BTreeMap<IpAddr, String>,
    /// Peers of whom connections may wait that came under an earlier key.
    unproven: HashSet<IpAddr>,
}

impl KeyRing {
    /// Makes the socket's keys those of `wanted` that are of its family. Peers whose key is another
    /// now are let in after [`KeyRing::prove`].
    pub(super) fn install(&mut self, socket: &SockRef<'_>, is_ipv6: bool, wanted: &Keys) {
        let mut changed = Vec::new();
        let surplus = self
            .installed
            .keys()
            .filter(|peer| !wanted.contains_key(*peer));
        for peer in surplus.copied().collect::<Vec<_>>() {
            // The room that it takes may be needed below.
            match sockopt::remove_key(socket, peer) {
                Ok(()) => {
                    self.installed.remove(&peer);
                    changed.push(peer);
                }
                Err(error) => error!(%peer, reason = %error, "a password cannot be taken back"),
            }
        }
        self.refused.retain(|peer, _| wanted.contains_key(peer));
        for (peer, key) in wanted.iter().filter(|(peer, _)| peer.is_ipv6() == is_ipv6) {
            if self.installed.get(peer) == Some(key) {
                continue;
            }
            match sockopt::set_key(socket, *peer, key) {
                Ok(()) => {
                    self.installed.insert(*peer, key.clone());
                    self.refused.remove(peer);
                }
                Err(error) => self.refuse(*peer, socket::explain_key(&error)),
            }
            changed.push(*peer);
        }
        if !changed.is_empty() {
            info!(
                count = changed.len(),
                "passwords of the listening socket changed"
            );
        }
        self.unproven.extend(changed);
    }

    /// Whether the kernel has demanded exactly this of whatever connection of a peer is accepted now:
    /// this key, or none.
    pub(super) fn holds(&self, peer: IpAddr, password: Option<&Secret>) -> bool {
        self.installed.get(&peer) == password && !self.unproven.contains(&peer)
    }

    /// Whether nothing can wait that came under an earlier key.
    pub(super) fn is_proven(&self) -> bool {
        self.unproven.is_empty()
    }

    /// Notes that everything which came under earlier keys has been taken.
    pub(super) fn prove(&mut self) {
        self.unproven.clear();
    }

    /// The peers whose keys the kernel has refused, with its reason.
    pub(super) const fn refused(&self) -> &BTreeMap<IpAddr, String> {
        &self.refused
    }

    fn refuse(&mut self, peer: IpAddr, reason: String) {
        if self.refused.get(&peer) != Some(&reason) {
            error!(%peer, reason, "connections from this peer are refused");
        }
        self.refused.insert(peer, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_whose_key_changes_is_let_in_once_no_older_connection_can_wait() {
        let socket = socket::bound("127.3.7.1:0".parse().expect("an address")).expect("a socket");
        let socket = SockRef::from(&socket);
        let (peer, key) = (IpAddr::from([127, 3, 0, 2]), Secret::new(b"right"));
        let wanted = Arc::new([(peer, key.clone())].into());
        let mut ring = KeyRing::default();
        assert!(ring.is_proven() && ring.holds(peer, None));
        ring.install(&socket, false, &wanted);
        assert!(!ring.holds(peer, Some(&key)) && !ring.holds(peer, None));
        ring.prove();
        assert!(ring.holds(peer, Some(&key)) && !ring.holds(peer, None));
        // Without a password, too: the old one may be known to more than the peer.
        ring.install(&socket, false, &Keys::default());
        assert!(!ring.holds(peer, None));
        ring.prove();
        assert!(ring.holds(peer, None));
    }
}
