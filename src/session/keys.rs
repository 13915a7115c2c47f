//! The TCP-MD5 keys of one listening socket.

use std::collections::{BTreeMap, HashMap};
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
}

impl KeyRing {
    /// Makes the socket's keys those of `wanted` that are of its family; returns the addresses whose
    /// key is another now.
    pub(super) fn install(
        &mut self,
        socket: &SockRef<'_>,
        is_ipv6: bool,
        wanted: &Keys,
    ) -> Vec<IpAddr> {
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
        changed
    }

    /// Whether the kernel demands exactly this of a peer: this key, or none.
    pub(super) fn holds(&self, peer: IpAddr, password: Option<&Secret>) -> bool {
        self.installed.get(&peer) == password
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
