//! What can be found wrong.

use crate::net::Prefix;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Something still moves although all trouble is over.
    #[error("no rest: {0}")]
    Restless(String),
    /// A receiver does not hold what the sender has told it (invariant 5).
    #[error("mirror, {from} to {to}, {prefix}: told {told}, held {held}")]
    Mirror {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// The first prefix that differs.
        prefix: Prefix,
        /// The sender's Adj-RIB-Out.
        told: String,
        /// The receiver's Adj-RIB-In.
        held: String,
    },
    /// Routes of a session that is down.
    #[error("leftovers, speaker {speaker} of {of}: {prefix}")]
    Leftover {
        /// Who has them.
        speaker: usize,
        /// The other end of the session.
        of: usize,
        /// The first such prefix.
        prefix: Prefix,
    },
    /// The selected path is not the best one (invariant 6).
    #[error("decision, speaker {speaker}, {prefix}: selected {selected}, best {best}")]
    Decision {
        /// Who has selected.
        speaker: usize,
        /// The prefix.
        prefix: Prefix,
        /// What was selected.
        selected: String,
        /// What should have been.
        best: String,
    },
    /// A peer was told something else than the selected path (invariant 6).
    #[error("export, {from} to {to}, {prefix}: told {told}, due {due}")]
    Export {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// The prefix.
        prefix: Prefix,
        /// What was told.
        told: String,
        /// What is due.
        due: String,
    },
    /// The kernel was told something else than the selected paths.
    #[error("kernel, speaker {speaker}, {prefix}: told {told}, due {due}")]
    Kernel {
        /// The speaker.
        speaker: usize,
        /// The prefix.
        prefix: Prefix,
        /// What the kernel holds.
        told: String,
        /// What it should hold.
        due: String,
    },
    /// The log is longer than it may be (invariant 7).
    #[error("log, speaker {speaker}: {entries} entries for {prefixes} prefixes")]
    Log {
        /// The speaker.
        speaker: usize,
        /// Entries of its log.
        entries: u64,
        /// Prefixes in its table.
        prefixes: u64,
    },
    /// Memory is held for routes that are gone.
    #[error("not empty, speaker {speaker}: {what}")]
    NotEmpty {
        /// The speaker.
        speaker: usize,
        /// What it holds.
        what: String,
    },
    /// A speaker has no way to a prefix.
    #[error("unheard, speaker {speaker}: {prefix} of {of}")]
    Unheard {
        /// The speaker.
        speaker: usize,
        /// The prefix.
        prefix: Prefix,
        /// Who originates it.
        of: usize,
    },
    /// Packets go in circles.
    #[error("loop, {prefix}: {way:?}")]
    Loop {
        /// Where packets are sent to.
        prefix: Prefix,
        /// The speakers on the way.
        way: Vec<usize>,
    },
    /// More was said than the changes explain.
    #[error("storm: {heard} routes told, {max} would have been plenty")]
    Storm {
        /// Routes announced and withdrawn, summed over those that were told.
        heard: u64,
        /// The most that was expected.
        max: u64,
    },
}
