//! What came of a run.

use std::fmt;

use super::world::World;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How the speakers were connected.
    pub shape: String,
    /// How many shards each of them had.
    pub shards: usize,
    /// How many speakers there were.
    pub speakers: usize,
    /// How many sessions they had configured among them.
    pub sessions: usize,
    /// How many faults and changes were inflicted.
    pub faults: u64,
    /// How often a session came up, both ends counted.
    pub session_ups: u64,
    /// How often a member fell behind its group.
    pub lags: u64,
    /// How many routes were announced and withdrawn, summed over those that were told.
    pub heard: u64,
    /// How many events happened.
    pub events: u64,
    /// How many octets were written.
    pub octets: u64,
    /// A hash over all of them, with their times.
    pub trace: u64,
}

impl Report {
    /// What a world can say of itself; the rest is for whoever made it.
    pub(super) fn of(world: &World, shape: String, sessions: usize, faults: u64) -> Self {
        Self {
            seed: world.seed,
            shape,
            shards: world.options.shards,
            speakers: world.speakers.len(),
            sessions,
            faults,
            session_ups: world.session_ups(),
            lags: world.lags(),
            heard: world.heard(),
            events: world.events(),
            octets: world.octets(),
            trace: world.trace(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} speakers, {} sessions ({}), {} shards, {} faults, {} ups, {} lags, {} \
             routes told, {} events, {} octets, trace {:016x}",
            self.seed,
            self.speakers,
            self.sessions,
            self.shape,
            self.shards,
            self.faults,
            self.session_ups,
            self.lags,
            self.heard,
            self.events,
            self.octets,
            self.trace,
        )
    }
}
