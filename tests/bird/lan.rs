//! The network that the tests share: `n1`, a calidris in AS 64512, at .1 of one segment, and its
//! neighbours at .2 and on.

use std::fmt::Write;

use crate::support::bird::Bird;
use crate::support::calidris::Calidris;
use crate::support::namespace::{Namespace, Segment};
use crate::support::resources::{self, Resources};

/// The AS of `n1`.
pub(crate) const LOCAL_AS: u32 = 64_512;

/// The blocks of `n1`, one in each family, inside the pools.
pub(crate) const OWN_BLOCKS: [&str; 2] = ["172.30.1.0/26", "fd5a:1:0:1::/122"];

/// The namespaces, and the folder of resources that describes them.
pub(crate) struct Lan {
    pub(crate) resources: Resources,
    pub(crate) speaker: Namespace,
    pub(crate) neighbors: Vec<Namespace>,
    _segment: Segment,
}

impl Lan {
    /// Builds the segment with one neighbour for each AS number, and peerings with all of them.
    pub(crate) fn with_neighbors(as_numbers: &[u32]) -> Self {
        let segment = Segment::create("hub").expect("namespaces can be made");
        let join = |label: &str, host: usize| {
            let namespace = Namespace::create(label).expect("namespaces can be made");
            let addresses = [format!("{}/24", ipv4(host)), format!("{}/64", ipv6(host))];
            segment
                .attach(&namespace, &[&addresses[0], &addresses[1]])
                .expect("links can be made");
            namespace
        };
        let speaker = join("n1", 1);
        let hosts = 2..as_numbers.len() + 2;
        let neighbors = hosts
            .clone()
            .map(|host| join(&format!("p{host}"), host))
            .collect();
        let resources = Resources::create().expect("a temporary folder");
        let mut base = vec![
            resources::configuration(LOCAL_AS, false),
            resources::node("n1", "10.9.0.1/24", "fd09::1/64"),
            resources::pool("pods-v4", "172.30.0.0/16", 26),
            resources::pool("pods-v6", "fd5a:1::/48", 122),
        ];
        for (host, &as_number) in hosts.zip(as_numbers) {
            base.push(resources::peer(
                &format!("p{host}-v4"),
                "n1",
                &ipv4(host),
                as_number,
            ));
            base.push(resources::peer(
                &format!("p{host}-v6"),
                "n1",
                &ipv6(host),
                as_number,
            ));
        }
        let blocks = OWN_BLOCKS.map(|cidr| resources::block("n1", cidr));
        resources
            .write("base.yaml", &resources::documents(&base))
            .expect("the folder is ours");
        resources
            .write("blocks.yaml", &resources::documents(&blocks))
            .expect("the folder is ours");
        Self {
            resources,
            speaker,
            neighbors,
            _segment: segment,
        }
    }

    /// Starts the daemon.
    pub(crate) fn start_speaker(&self) -> Calidris<'_> {
        Calidris::start(&self.speaker, "n1", &self.resources)
    }

    /// Starts BIRD at `neighbor.host`.
    pub(crate) fn start_bird(&self, neighbor: &Neighbor) -> Bird<'_> {
        Bird::start(
            &self.neighbors[neighbor.host - 2],
            &neighbor.configuration(),
        )
    }
}

/// How a BIRD is configured.
pub(crate) struct Neighbor {
    /// The last part of its addresses.
    pub(crate) host: usize,
    /// Its AS.
    pub(crate) as_number: u32,
    /// The restart time that it advertises, in seconds; `None` switches graceful restart off.
    pub(crate) restart_time: Option<u16>,
    /// What it announces, of both families.
    pub(crate) routes: Vec<String>,
    /// Statements of BIRD's filter language that change what it announces.
    pub(crate) edit: &'static str,
}

impl Neighbor {
    /// A neighbour that announces a block in each pool and a prefix outside of them, without
    /// graceful restart.
    pub(crate) fn new(host: usize, as_number: u32) -> Self {
        let routes = blocks_of(host)
            .into_iter()
            .chain(outside_of(host))
            .collect();
        Self {
            host,
            as_number,
            restart_time: None,
            routes,
            edit: "",
        }
    }

    /// The names of the two sessions with it.
    pub(crate) fn sessions(&self) -> [String; 2] {
        sessions_with(self.host)
    }

    /// The configuration file.
    pub(crate) fn configuration(&self) -> String {
        let Self {
            host,
            as_number,
            edit,
            ..
        } = self;
        let mut statics = [String::new(), String::new()];
        for route in &self.routes {
            let family = usize::from(route.contains(':'));
            writeln!(statics[family], "    route {route} blackhole;").expect("writing to a string");
        }
        let [static4, static6] = statics;
        let restart = match self.restart_time {
            Some(seconds) => format!("on;\n    graceful restart time {seconds}"),
            None => "off".to_owned(),
        };
        format!(
            "log stderr all;
router id 10.9.0.{host};
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; ipv6; }}
protocol static {{
    ipv4;
{static4}}}
protocol static {{
    ipv6;
{static6}}}
filter announce {{
    if source != RTS_STATIC then reject;
    {edit}
    accept;
}}
template bgp peering {{
    local as {as_number};
    connect delay time 1;
    connect retry time 2;
    error wait time 1, 2;
    graceful restart {restart};
}}
protocol bgp calidris4 from peering {{
    neighbor 10.9.0.1 as {LOCAL_AS};
    ipv4 {{ import all; export filter announce; }};
}}
protocol bgp calidris6 from peering {{
    neighbor fd09::1 as {LOCAL_AS};
    ipv6 {{ import all; export filter announce; }};
}}
"
        )
    }
}

/// A block of each pool that the neighbour at `host` announces.
pub(crate) fn blocks_of(host: usize) -> [String; 2] {
    [
        format!("172.30.{host}.0/26"),
        format!("fd5a:1:0:{host}::/122"),
    ]
}

/// A prefix of each family outside the pools that the neighbour at `host` announces.
pub(crate) fn outside_of(host: usize) -> [String; 2] {
    [format!("10.77.{host}.0/24"), format!("fd77:{host}::/64")]
}

/// The names of the sessions with the neighbour at `host`, IPv4 and IPv6.
pub(crate) fn sessions_with(host: usize) -> [String; 2] {
    [format!("Node_10_9_0_{host}"), format!("Node_fd09__{host}")]
}

/// The addresses of `host`.
pub(crate) fn ipv4(host: usize) -> String {
    format!("10.9.0.{host}")
}

/// The addresses of `host`.
pub(crate) fn ipv6(host: usize) -> String {
    format!("fd09::{host}")
}
