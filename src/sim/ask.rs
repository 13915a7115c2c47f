//! What can be asked of a world.

use super::oracle;
use super::session::Session;
use super::violation::Violation;
use super::world::{SpeakerId, World};
use crate::net::{Asn, ClusterId, Prefix, RouterId};
use crate::rib::RouteTable;

/// What can be asked of a world.
impl World {
    /// Compares what is there with what must be there, at rest.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&mut self) -> Result<(), Violation> {
        oracle::check(&mut self.network, &mut self.speakers)
    }

    /// Whether every speaker that runs has a way to every prefix that another one originates, and no
    /// packet goes in circles; at rest, with every link up and no filter.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check_reach(&self) -> Result<(), Violation> {
        oracle::check_reach(&self.speakers)
    }

    /// Whether no speaker holds anything once all routes are gone: no prefix, no path, no set of
    /// attributes, no entry of a log, no route in the kernel.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check_empty(&mut self) -> Result<(), Violation> {
        oracle::check_empty(&mut self.network, &mut self.speakers)
    }

    /// What every speaker has told every peer, at rest: a line each, in order, without path identifiers.
    pub fn told(&mut self) -> Vec<String> {
        oracle::told(&mut self.network, &mut self.speakers)
    }

    /// Whether a speaker has selected a path to a prefix.
    pub fn selects(&mut self, speaker: SpeakerId, prefix: Prefix) -> bool {
        let speaker = &mut self.speakers[speaker.0];
        let rows = speaker.routes(&mut self.network, RouteTable::Loc, prefix.family());
        rows.get(&prefix)
            .is_some_and(|row| row.paths.iter().any(|path| path.best))
    }

    /// The AS of a speaker.
    pub(super) fn asn(&self, speaker: SpeakerId) -> Asn {
        self.speakers[speaker.0].identity.asn
    }

    /// The identifier of a speaker, and of its cluster.
    pub(super) fn identity(&self, speaker: SpeakerId) -> (RouterId, Option<ClusterId>) {
        let identity = &self.speakers[speaker.0].identity;
        (identity.router_id, identity.cluster_id)
    }

    /// Whether a speaker takes another for its client.
    pub(super) fn is_client(&self, of: SpeakerId, other: SpeakerId) -> bool {
        let mut sessions = self.speakers[of.0].sessions.iter().rev();
        let with = sessions.find(|session| session.remote.speaker == other.0);
        with.is_some_and(|session| session.terms.client)
    }

    /// Takes away every route that somebody originates or offers.
    pub fn withdraw_all(&mut self) {
        let now = self.network.clock.now();
        for speaker in &mut self.speakers {
            for prefix in std::mem::take(&mut speaker.originated) {
                speaker.originate(now, prefix, false);
            }
            speaker.silence(now);
            speaker.settle(&mut self.network);
        }
    }

    /// A hash over every octet written, with its time and connection.
    pub const fn trace(&self) -> u64 {
        self.network.trace()
    }

    /// The octets written on all connections.
    pub const fn octets(&self) -> u64 {
        self.network.octets()
    }

    /// The events that have happened.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How often sessions came up, both ends counted.
    pub fn session_ups(&self) -> u64 {
        self.sessions().map(|session| session.ups).sum()
    }

    /// How often members fell behind their groups.
    pub fn lags(&self) -> u64 {
        self.sessions().map(Session::lags).sum()
    }

    /// How many routes were announced and withdrawn, summed over those that were told.
    pub fn heard(&self) -> u64 {
        self.sessions().map(|session| session.heard).sum()
    }
}

