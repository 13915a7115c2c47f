//! The neighbour that makes the routes: a BIRD with sessions to calidris, and to peers that pass on
//! what they have from it. All its sessions are internal ones, so that every attribute goes along.

use std::fmt::Write;

use crate::routes::{Path, Table};
use crate::setup::{FEEDERS, Family, Kind, PEER, SPEAKER, SPEAKER_AS};
use crate::support::bird::Bird;
use crate::support::namespace::Namespace;

/// What the feeder announces to whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    /// To calidris, from its first address.
    pub(crate) speaker: PerFamily,
    /// To the peer, from its first address; `None` where it announces routes of its own.
    pub(crate) peer: Option<PerFamily>,
    /// The same prefixes once more from the second address: to calidris, and to the peer.
    pub(crate) twice: bool,
}

/// A table for each family.
pub(crate) type PerFamily = crate::setup::Announced;

/// One BIRD for each of [`FEEDERS`]; the second one is silent unless routes are fed twice. A BIRD has
/// no two sessions with one neighbour.
pub(crate) struct Feeder<'a> {
    birds: [Bird<'a>; 2],
    kind: Kind,
}

impl<'a> Feeder<'a> {
    pub(crate) fn start(namespaces: [&'a Namespace; 2], kind: Kind, feed: &Feed) -> Self {
        let [first, second] = namespaces;
        Self {
            birds: [
                Bird::start(first, &configuration(kind, feed, 0)),
                Bird::start(second, &configuration(kind, feed, 1)),
            ],
            kind,
        }
    }

    /// Has it announce something else.
    pub(crate) fn feed(&self, feed: &Feed) {
        for (index, bird) in self.birds.iter().enumerate() {
            bird.configure(&configuration(self.kind, feed, index));
        }
    }
}

fn configuration(kind: Kind, feed: &Feed, index: usize) -> String {
    let host = FEEDERS[index];
    let mut text = format!(
        "log stderr all;
router id {};
protocol device {{}}
template bgp session {{
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    enable extended messages on;
}}
",
        Family::V4.address(host)
    );
    if index > 0 && !feed.twice {
        return text;
    }
    let second = match index {
        0 => "",
        _ => "bgp_community.add((65299, 2));",
    };
    for family in Family::ALL {
        let mut sessions = vec![("speaker", SPEAKER, SPEAKER_AS, feed.speaker.of(family))];
        if let Some(peer) = &feed.peer {
            sessions.push(("peer", PEER, kind.peer_as(), peer.of(family)));
        }
        for (name, neighbor, as_number, routes) in sessions {
            let (digit, family_name) = (family.digit(), family.name());
            text.push_str(&statics(family, name, routes, 0));
            let _ = writeln!(
                text,
                "protocol bgp {name}{digit}_{host} from session {{
    local {} as {as_number};
    neighbor {} as {as_number};
    {family_name} {{
        next hop self;
        import none;
        export filter {{ if proto = \"{name}{digit}\" then {{ {second} accept; }} reject; }};
    }};
}}",
                family.address(host),
                family.address(neighbor),
            );
        }
    }
    text
}

/// A protocol of BIRD called `name` and the family's digit, with the path of each prefix that has
/// this index.
pub(crate) fn statics(family: Family, name: &str, routes: &Table, index: usize) -> String {
    let mut text = format!(
        "protocol static {name}{} {{\n    {};\n",
        family.digit(),
        family.name()
    );
    for (prefix, paths) in routes {
        if let Some(path) = paths.get(index) {
            let _ = writeln!(text, "    route {prefix} blackhole {{{}}};", edits(path));
        }
    }
    text.push_str("}\n");
    text
}

fn edits(path: &Path) -> String {
    let mut text = format!(" bgp_origin = ORIGIN_{};", path.origin.to_uppercase());
    for number in path.as_path.iter().rev() {
        let _ = write!(text, " bgp_path.prepend({number});");
    }
    if let Some(med) = path.med {
        let _ = write!(text, " bgp_med = {med};");
    }
    if let Some(local_pref) = path.local_pref {
        let _ = write!(text, " bgp_local_pref = {local_pref};");
    }
    for (list, communities) in [
        ("community", &path.communities),
        ("ext_community", &path.extended),
        ("large_community", &path.large),
    ] {
        for community in communities {
            let parts = community.replace(':', ",");
            let _ = write!(text, " bgp_{list}.add(({parts}));");
        }
    }
    text
}
