//! Clients of every kind: what each announces, and what each says it has from a reflector.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::network::{AS, Family, Machine, Network};
use crate::support::bird::Bird;
use crate::support::calidris::{Calidris, rows};
use crate::support::frr::Bgpd;
use crate::support::gobgp::Gobgpd;
use crate::support::namespace::Namespace;
use crate::support::{expect, wait_for};

/// The LOCAL_PREF of what a calidris announces: that of a route of normal priority.
const CALICO_LOCAL_PREF: u64 = 2_147_482_623;

/// A path as its receiver has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) next_hop: String,
    pub(crate) originator: String,
    pub(crate) clusters: Vec<String>,
    pub(crate) local_pref: u64,
    pub(crate) med: Option<u64>,
    /// `1:2` and `1:2:3`.
    pub(crate) communities: BTreeSet<String>,
}

impl Seen {
    /// What the block of a machine is to look like that came by way of these clusters, the last one
    /// first.
    pub(crate) fn expected(family: Family, from: &Client<'_>, clusters: &[&str]) -> Self {
        let host = from.host;
        let (local_pref, med) = match &from.program {
            Program::Calidris(_) => (CALICO_LOCAL_PREF, None),
            _ => (100 * u64::from(host), Some(u64::from(host))),
        };
        Self {
            next_hop: family.address(host),
            originator: Family::V4.address(host),
            clusters: clusters.iter().map(|&cluster| cluster.to_owned()).collect(),
            local_pref,
            med,
            communities: [format!("{AS}:{host}"), format!("{AS}:1:{host}")].into(),
        }
    }
}

/// A neighbour of reflectors that announces its block in each family.
pub(crate) struct Client<'a> {
    pub(crate) host: u8,
    pub(crate) program: Program<'a>,
}

pub(crate) enum Program<'a> {
    Bird(Bird<'a>),
    Frr(Bgpd<'a>),
    Gobgp(Gobgpd<'a>),
    Calidris(Calidris<'a>),
}

impl<'a> Client<'a> {
    pub(crate) fn bird(namespace: &'a Namespace, host: u8, reflectors: &[u8]) -> Self {
        let bird = Bird::start(namespace, &bird_configuration(host, reflectors));
        Self {
            host,
            program: Program::Bird(bird),
        }
    }

    pub(crate) fn frr(namespace: &'a Namespace, host: u8, reflectors: &[u8]) -> Self {
        let mut bgpd = Bgpd::new(namespace);
        bgpd.write(&frr_configuration(host, reflectors))
            .expect("the folder is ours");
        bgpd.launch().expect("bgpd can be started");
        wait_for("bgpd answers", || bgpd.ready());
        Self {
            host,
            program: Program::Frr(bgpd),
        }
    }

    pub(crate) fn gobgp(namespace: &'a Namespace, host: u8, reflectors: &[u8]) -> Self {
        let mut gobgpd = Gobgpd::new(namespace);
        gobgpd
            .write(&gobgp_configuration(host, reflectors))
            .expect("the folder is ours");
        gobgpd.launch(&[]).expect("gobgpd can be started");
        wait_for("gobgpd answers", || gobgpd.ask(&["neighbor"]).map(drop));
        for family in Family::ALL {
            let command = format!(
                "global rib add -a {} {} nexthop {} local-pref {host}00 med {host} community \
                 {AS}:{host} large-community {AS}:1:{host}",
                family.name(),
                family.block(host),
                family.address(host)
            );
            let words: Vec<&str> = command.split_whitespace().collect();
            gobgpd.ask(&words).expect("a route can be added");
        }
        Self {
            host,
            program: Program::Gobgp(gobgpd),
        }
    }

    pub(crate) fn calidris(
        network: &'a Network,
        namespace: &'a Namespace,
        machine: &Machine<'_>,
    ) -> Self {
        network.give_blocks(machine);
        Self {
            host: machine.host,
            program: Program::Calidris(network.calidris(namespace, machine.name)),
        }
    }

    pub(crate) fn name(&self) -> String {
        let name = match &self.program {
            Program::Bird(_) => "BIRD",
            Program::Frr(_) => "FRR",
            Program::Gobgp(_) => "GoBGP",
            Program::Calidris(_) => "calidris",
        };
        format!("{name} at .{}", self.host)
    }

    /// The paths to a prefix that a reflector has told it: with ADD-PATH there may be several.
    pub(crate) fn seen(
        &self,
        family: Family,
        prefix: &str,
        reflector: u8,
    ) -> Result<Vec<Seen>, String> {
        match &self.program {
            Program::Bird(bird) => {
                let told = bird.try_ask(&format!("show route {prefix} all"))?;
                let session = format!("[r{}_{reflector} ", family.digit());
                Ok(of_bird(&told, &session))
            }
            Program::Frr(bgpd) => {
                let command = format!("show bgp {} unicast {prefix} json", family.name());
                let told = bgpd.ask_json(&command)?;
                let from = family.address(reflector);
                let paths = told["paths"].as_array().into_iter().flatten();
                let paths = paths.filter(|path| path["peer"]["peerId"] == from.as_str());
                Ok(paths.map(of_frr).collect())
            }
            Program::Gobgp(gobgpd) => {
                let from = family.address(reflector);
                let words = ["-j", "neighbor", &from, "adj-in", "-a", family.name()];
                let told = gobgpd.ask(&words)?;
                let told: Value = serde_json::from_str(&told).map_err(|_| told)?;
                let paths = told[prefix].as_array().into_iter().flatten();
                Ok(paths.map(of_gobgp).collect())
            }
            Program::Calidris(calidris) => {
                let session = family.session(reflector);
                let words = ["routes", "--received", &session, "--family", family.name()];
                Ok(of_calidris(&calidris.try_show(&words)?, prefix))
            }
        }
    }

    /// Whether it says that its session with a reflector is established.
    pub(crate) fn is_up(&self, family: Family, reflector: u8) -> Result<bool, String> {
        let address = family.address(reflector);
        match &self.program {
            Program::Bird(bird) => {
                let name = format!("r{}_{reflector}", family.digit());
                let told = bird.try_ask(&format!("show protocols {name}"))?;
                Ok(told.contains("Established"))
            }
            Program::Frr(bgpd) => {
                let told = bgpd.ask_json(&format!("show bgp neighbors {address} json"))?;
                Ok(told[&address]["bgpState"] == "Established")
            }
            Program::Gobgp(gobgpd) => {
                let told = gobgpd.ask(&["neighbor", &address])?;
                Ok(told.contains("BGP state = ESTABLISHED"))
            }
            Program::Calidris(calidris) => {
                let session = calidris.try_session(&family.session(reflector))?;
                Ok(session["state"] == "Established")
            }
        }
    }

    /// Waits until it has the block of `from` by way of `reflector` exactly as expected. Another path
    /// of it, which has come by another reflector before, differs in its clusters only.
    pub(crate) fn wait_for(&self, from: &Client<'_>, reflector: u8, clusters: &[&str]) {
        for family in Family::ALL {
            let block = family.block(from.host);
            let what = format!(
                "{block} of {} at {} from .{reflector}",
                from.name(),
                self.name()
            );
            let wanted = Seen::expected(family, from, clusters);
            let is_sound = |seen: &Seen| {
                let clusters = wanted.clusters.clone();
                seen.clusters.starts_with(&clusters[..1])
                    && Seen {
                        clusters,
                        ..seen.clone()
                    } == wanted
            };
            wait_for(&what, || {
                let seen = self.seen(family, &block, reflector)?;
                let is_there = seen.contains(&wanted) && seen.iter().all(is_sound);
                expect(is_there, (seen, &wanted))
            });
        }
    }
}

/// Waits until each has the blocks of all others by way of `reflector`.
pub(crate) fn wait_for_all(clients: &[Client<'_>], reflector: u8, clusters: &[&str]) {
    for client in clients {
        for from in clients.iter().filter(|from| from.host != client.host) {
            client.wait_for(from, reflector, clusters);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn of_calidris(answer: &Value, prefix: &str) -> Vec<Seen> {
    let rows_of_prefix = rows(answer)
        .into_iter()
        .filter(|row| row["prefix"] == prefix);
    let paths = rows_of_prefix.flat_map(|row| rows(&row["paths"]));
    let seen = paths.map(|path| Seen {
        next_hop: text(&path["nextHop"]),
        originator: text(&path["originatorId"]),
        clusters: texts(&path["clusterList"]),
        local_pref: path["localPref"].as_u64().unwrap_or_default(),
        med: path["med"].as_u64(),
        communities: texts(&path["communities"]).into_iter().collect(),
    });
    seen.collect()
}

fn of_frr(path: &Value) -> Seen {
    let hops = path["nexthops"].as_array().into_iter().flatten();
    let mut hops = hops.filter(|hop| hop["scope"] != "link-local");
    let standard = texts(&path["community"]["list"]);
    let large = texts(&path["largeCommunity"]["list"]);
    Seen {
        next_hop: hops.next().map(|hop| text(&hop["ip"])).unwrap_or_default(),
        originator: text(&path["originatorId"]),
        clusters: texts(&path["clusterList"]["list"]),
        local_pref: path["locPrf"].as_u64().unwrap_or_default(),
        med: path["metric"].as_u64(),
        communities: standard.into_iter().chain(large).collect(),
    }
}

fn of_gobgp(path: &Value) -> Seen {
    let mut seen = Seen::default();
    for attribute in path["attrs"].as_array().into_iter().flatten() {
        match attribute["type"].as_u64() {
            Some(3 | 14) => seen.next_hop = text(&attribute["nexthop"]),
            Some(4) => seen.med = attribute["metric"].as_u64(),
            Some(5) => seen.local_pref = attribute["value"].as_u64().unwrap_or_default(),
            Some(8) => {
                let values = attribute["communities"].as_array().into_iter().flatten();
                let values = values.filter_map(Value::as_u64);
                let texts = values.map(|value| format!("{}:{}", value >> 16, value & 0xffff));
                seen.communities.extend(texts);
            }
            Some(9) => seen.originator = text(&attribute["value"]),
            Some(10) => seen.clusters = texts(&attribute["value"]),
            Some(32) => {
                let values = attribute["value"].as_array().into_iter().flatten();
                seen.communities.extend(values.map(|value| {
                    let (first, second) = (&value["LocalData1"], &value["LocalData2"]);
                    format!("{}:{first}:{second}", value["ASN"])
                }));
            }
            _ => {}
        }
    }
    seen
}

/// The paths of one session out of BIRD's list of all: each has a head with its session in brackets.
fn of_bird(told: &str, session: &str) -> Vec<Seen> {
    let mut paths: Vec<(bool, Seen)> = Vec::new();
    for line in told.lines() {
        let attribute = line.trim().strip_prefix("BGP.");
        match (
            attribute.and_then(|rest| rest.split_once(':')),
            paths.last_mut(),
        ) {
            (Some((name, value)), Some((_, seen))) => take_from_bird(seen, name, value.trim()),
            (None, _) if line.contains(" [") => {
                paths.push((line.contains(session), Seen::default()));
            }
            _ => {}
        }
    }
    let of_session = paths
        .into_iter()
        .filter(|(is_of_session, _)| *is_of_session);
    of_session.map(|(_, seen)| seen).collect()
}

fn take_from_bird(seen: &mut Seen, name: &str, value: &str) {
    let listed = || {
        let items = value
            .split(')')
            .map(|item| item.trim().trim_start_matches('('));
        let items = items.filter(|item| !item.is_empty());
        items.map(|item| item.replace(", ", ":").replace(',', ":"))
    };
    match name {
        "next_hop" => {
            seen.next_hop = value.split(' ').next().unwrap_or_default().to_owned();
        }
        "originator_id" => seen.originator = value.to_owned(),
        "cluster_list" => {
            seen.clusters = value.split_whitespace().map(str::to_owned).collect();
        }
        "local_pref" => seen.local_pref = value.parse().unwrap_or_default(),
        "med" => seen.med = value.parse().ok(),
        "community" | "large_community" => seen.communities.extend(listed()),
        _ => {}
    }
}

fn bird_configuration(host: u8, reflectors: &[u8]) -> String {
    let mut text = format!(
        "log stderr all;
router id {};
protocol device {{}}
protocol direct {{ ipv4; ipv6; }}
",
        Family::V4.address(host)
    );
    for family in Family::ALL {
        let (digit, name, block) = (family.digit(), family.name(), family.block(host));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "protocol static own{digit} {{
    {name};
    route {block} blackhole {{
        bgp_local_pref = {host}00;
        bgp_med = {host};
        bgp_community.add(({AS},{host}));
        bgp_large_community.add(({AS},1,{host}));
    }};
}}"
        );
        for &reflector in reflectors {
            let _ = writeln!(
                text,
                "protocol bgp r{digit}_{reflector} {{
    local {} as {AS};
    neighbor {} as {AS};
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    {name} {{ next hop self; add paths on; import all; export where proto = \"own{digit}\"; }};
}}",
                family.address(host),
                family.address(reflector)
            );
        }
    }
    text
}

fn frr_configuration(host: u8, reflectors: &[u8]) -> String {
    let mut text = format!(
        "log stdout
router bgp {AS}
 bgp router-id {}
 no bgp default ipv4-unicast
 no bgp network import-check
",
        Family::V4.address(host)
    );
    for family in Family::ALL {
        let mut activated = String::new();
        for &reflector in reflectors {
            let address = family.address(reflector);
            let _ = writeln!(
                text,
                " neighbor {address} remote-as {AS}
 neighbor {address} timers connect 1
 neighbor {address} advertisement-interval 0"
            );
            let _ = writeln!(activated, "  neighbor {address} activate");
        }
        let _ = writeln!(
            text,
            " address-family {} unicast
  network {} route-map own
{activated} exit-address-family",
            family.name(),
            family.block(host)
        );
    }
    let _ = writeln!(
        text,
        "exit
route-map own permit 10
 set local-preference {host}00
 set metric {host}
 set community {AS}:{host}
 set large-community {AS}:1:{host}
exit"
    );
    text
}

fn gobgp_configuration(host: u8, reflectors: &[u8]) -> String {
    let mut text = format!(
        "[global.config]
as = {AS}
router-id = \"{}\"
local-address-list = [\"0.0.0.0\", \"::\"]
",
        Family::V4.address(host)
    );
    for family in Family::ALL {
        for &reflector in reflectors {
            let _ = writeln!(
                text,
                "[[neighbors]]
[neighbors.config]
neighbor-address = \"{}\"
peer-as = {AS}
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = \"{}-unicast\"",
                family.address(reflector),
                family.name()
            );
        }
    }
    text
}
