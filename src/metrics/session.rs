//! The families of sessions, and how they fold where a mesh has too many.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::families::Families;
use super::sample::{PeerPrefixes, PeerSample};
use crate::net::Family;

/// The `peer` label of what is summed up over sessions without series of their own.
const REST: &str = "*";

/// Which sessions have series of their own (`--metrics-peers`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerSeries {
    /// All of them.
    #[default]
    All,
    /// Those that are not established.
    Unhealthy,
    /// None.
    None,
}

/// A word that does not name a [`PeerSeries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of all, unhealthy, none")]
pub struct UnknownPeerSeries;

impl FromStr for PeerSeries {
    type Err = UnknownPeerSeries;

    fn from_str(text: &str) -> Result<Self, UnknownPeerSeries> {
        match text {
            "all" => Ok(Self::All),
            "unhealthy" => Ok(Self::Unhealthy),
            "none" => Ok(Self::None),
            _ => Err(UnknownPeerSeries),
        }
    }
}

impl fmt::Display for PeerSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Unhealthy => "unhealthy",
            Self::None => "none",
        })
    }
}

impl PeerSeries {
    /// Whether a session's gauges stand alone.
    fn shows(self, peer: &PeerSample) -> bool {
        match self {
            Self::All => true,
            Self::Unhealthy => !peer.up,
            Self::None => false,
        }
    }

    /// The label under which a session is counted. Counters fold for all sessions or for none: one
    /// that moved between its own series and the sum would make the sum fall, and a falling counter
    /// reads as a restart.
    fn counted_as(self, peer: &PeerSample) -> &str {
        match self {
            Self::All => &peer.peer,
            Self::Unhealthy | Self::None => REST,
        }
    }
}

/// All families of sessions.
pub(super) fn sessions(families: &mut Families, peers: &[PeerSample], series: PeerSeries) {
    totals(families, peers);
    states(families, peers, series);
    prefixes(families, peers, series);
    counters(families, peers, series);
}

fn totals(families: &mut Families, peers: &[PeerSample]) {
    let mut totals = BTreeMap::new();
    for sample in peers.iter().flat_map(|peer| &peer.states) {
        *totals.entry(sample.state).or_insert(0) += u64::from(sample.holds);
    }
    let mut all = families.gauge("calidris_peers", "Sessions by state.");
    for (state, count) in totals {
        all.count(&[("state", state)], count);
    }
}

fn states(families: &mut Families, peers: &[PeerSample], series: PeerSeries) {
    let shown: Vec<&PeerSample> = peers.iter().filter(|peer| series.shows(peer)).collect();
    let mut info = families.gauge(
        "calidris_peer_info",
        "Constants of a session, as labels; the value is always 1.",
    );
    for peer in &shown {
        let labels = [
            ("peer", peer.peer.as_str()),
            ("type", &peer.kind),
            ("remote_as", &peer.remote_as.to_string()),
            ("address", &peer.address),
            (
                "rr_client",
                if peer.reflector_client {
                    "true"
                } else {
                    "false"
                },
            ),
        ];
        info.add(&labels, 1.0);
    }
    let mut up = families.gauge(
        "calidris_peer_up",
        "Whether the session is established (1) or not (0).",
    );
    for peer in &shown {
        up.flag(&[("peer", &peer.peer)], peer.up);
    }
    let mut state = families.gauge(
        "calidris_peer_state",
        "State of the session as in RFC 4271: 1 for the state that it is in, 0 for the others.",
    );
    for peer in &shown {
        for sample in &peer.states {
            let labels = [("peer", peer.peer.as_str()), ("state", sample.state)];
            state.flag(&labels, sample.holds);
        }
    }
    let mut since = families.gauge(
        "calidris_peer_state_since_timestamp_seconds",
        "When the session was last established or lost, in seconds since 1970.",
    );
    for peer in &shown {
        since.add(&[("peer", &peer.peer)], peer.since);
    }
}

fn prefixes(families: &mut Families, peers: &[PeerSample], series: PeerSeries) {
    let mut sums: BTreeMap<(&str, Family), PeerPrefixes> = BTreeMap::new();
    for peer in peers {
        let name = if series.shows(peer) { &peer.peer } else { REST };
        for (family, counts) in &peer.prefixes {
            sums.entry((name, *family)).or_default().add(counts);
        }
    }
    let mut gauge = families.gauge(
        "calidris_peer_prefixes",
        "Prefixes of the session by stage: received from the peer, accepted or filtered by the \
         import policy, best among all paths, advertised to the peer.",
    );
    for ((peer, family), counts) in &sums {
        for (stage, count) in counts.stages() {
            let labels = [("peer", *peer), ("family", family.name()), ("stage", stage)];
            gauge.count(&labels, count);
        }
    }
    let mut refused = families.gauge(
        "calidris_peer_refused_paths",
        "Paths of the session that are not used, by reason. Only reasons that occur are shown.",
    );
    for ((peer, family), counts) in &sums {
        for (reason, count) in &counts.refused {
            let reason = reason.to_lowercase().replace(' ', "_");
            let labels = [
                ("peer", *peer),
                ("family", family.name()),
                ("reason", &*reason),
            ];
            refused.count(&labels, *count);
        }
    }
}

fn counters(families: &mut Families, peers: &[PeerSample], series: PeerSeries) {
    let mut established = Sums::default();
    let mut down = Sums::default();
    let mut messages = Sums::default();
    let mut notifications = Sums::default();
    let mut errors = Sums::default();
    let mut resyncs = Sums::default();
    let mut panics = Sums::default();
    let mut warnings = Sums::default();
    for peer in peers {
        let name = series.counted_as(peer);
        established.add(name, [], peer.established);
        resyncs.add(name, [], peer.resyncs);
        panics.add(name, [], peer.panics);
        warnings.add(name, [], peer.prefix_limit_warnings);
        for (reason, count) in &peer.down {
            down.add(name, [reason.clone()], *count);
        }
        for (direction, kind, count) in &peer.messages {
            messages.add(name, [(*direction).to_owned(), (*kind).to_owned()], *count);
        }
        for (direction, code, subcode, count) in &peer.notifications {
            let labels = [direction.clone(), code.to_string(), subcode.to_string()];
            notifications.add(name, labels, *count);
        }
        for (action, count) in &peer.update_errors {
            errors.add(name, [(*action).to_owned()], *count);
        }
    }
    established.write(
        families,
        "calidris_peer_established_total",
        "How often the session was established.",
        [],
    );
    down.write(
        families,
        "calidris_peer_down_total",
        "How often the session went down, by reason.",
        ["reason"],
    );
    messages.write(
        families,
        "calidris_peer_messages_total",
        "BGP messages by direction and type.",
        ["direction", "type"],
    );
    notifications.write(
        families,
        "calidris_peer_notifications_total",
        "NOTIFICATIONs by direction, error code and subcode (RFC 4271 §4.5).",
        ["direction", "code", "subcode"],
    );
    errors.write(
        families,
        "calidris_update_errors_total",
        "Faulty UPDATEs by what was done about them (RFC 7606 §2).",
        ["action"],
    );
    resyncs.write(
        families,
        "calidris_peer_resyncs_total",
        "How often the peer fell behind its update group and was served from the change log.",
        [],
    );
    panics.write(
        families,
        "calidris_peer_panics_total",
        "How often a defect of calidris ended this session; the log has the message at fault.",
        [],
    );
    warnings.write(
        families,
        "calidris_peer_prefix_limit_warnings_total",
        "How often the peer exceeded the warning threshold of its prefix limit.",
        [],
    );
}

/// Counts by session and further labels; equal labels add up.
struct Sums<'a, const N: usize>(BTreeMap<(&'a str, [String; N]), u64>);

impl<const N: usize> Default for Sums<'_, N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'a, const N: usize> Sums<'a, N> {
    fn add(&mut self, peer: &'a str, labels: [String; N], count: u64) {
        *self.0.entry((peer, labels)).or_insert(0) += count;
    }

    fn write(self, families: &mut Families, name: &str, help: &str, names: [&str; N]) {
        let mut series = families.counter(name, help);
        for ((peer, values), count) in &self.0 {
            let further = names.iter().copied().zip(values.iter().map(String::as_str));
            let labels: Vec<_> = std::iter::once(("peer", *peer)).chain(further).collect();
            series.count(&labels, *count);
        }
    }
}
