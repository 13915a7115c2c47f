//! GoBGP.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::{Peer, Program};
use crate::cases::Case;
use crate::routes::{Path, Table, number, numbers, text};
use crate::setup::{Capability, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::gobgp::{GOBGPD, Gobgpd};
use crate::wait::eventually;

pub(crate) const PROGRAM: Program = Program {
    name: "gobgpd 3.10",
    file: GOBGPD,
    changes_user: false,
    relays: true,
    med_crosses: false,
    adds_med: false,
    third_party_next_hop: false,
    tells_absent_med: true,
    tells: &[
        Capability::Multiprotocol,
        Capability::RouteRefresh,
        Capability::FourOctetAs,
        Capability::GracefulRestart,
        Capability::AddPathReceive,
        Capability::AddPathSend,
    ],
    lacks,
    prepare: |namespace| {
        Box::new(Gobgp {
            gobgpd: Gobgpd::new(namespace),
        })
    },
};

fn lacks(case: Case, kind: Kind, _: Family) -> Option<&'static str> {
    match case {
        Case::WrongTtl if kind == Kind::Internal => {
            Some("it always sends TTL 255 to internal peers")
        }
        Case::RefreshByPeer => Some(
            "softresetin works on what it has stored; it never sends ROUTE-REFRESH of its own accord",
        ),
        Case::LargeToPeer | Case::LargeFromPeer => {
            Some("it does not know the extended message capability of RFC 8654")
        }
        _ => None,
    }
}

struct Gobgp<'a> {
    gobgpd: Gobgpd<'a>,
}

impl Gobgp<'_> {
    fn launch(&mut self, options: &[&str]) -> Result<(), String> {
        self.gobgpd.launch(options)?;
        eventually("gobgpd answers", || self.ask(&["neighbor"]).map(drop))
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        self.gobgpd.ask(words)
    }
}

impl Peer for Gobgp<'_> {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.kill();
        self.gobgpd.write(&configuration(setup))?;
        self.launch(&[])
    }

    fn kill(&mut self) {
        self.gobgpd.kill();
    }

    fn recover(&mut self) -> Result<(), String> {
        self.launch(&["--graceful-restart"])
    }

    fn established(&self, family: Family) -> Result<(), String> {
        let told = self.ask(&["neighbor", &family.address(SPEAKER)])?;
        let up = told.contains("BGP state = ESTABLISHED");
        up.then_some(()).ok_or(told)
    }

    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String> {
        let told = self.ask(&["neighbor", &family.address(SPEAKER)])?;
        let is_received = |name: &str| {
            told.lines().any(|line| {
                let line = line.trim();
                line.starts_with(&format!("{name}:")) && line.ends_with("received")
            })
        };
        let has = |name: &str, capability| is_received(name).then_some(capability);
        // The lines of one capability, the far side's part.
        let add_path = told
            .split_once("add-path:")
            .and_then(|(_, rest)| rest.split_once("Remote:"))
            .and_then(|(_, rest)| rest.lines().nth(1))
            .unwrap_or_default();
        let unicast = format!("{}-unicast:", family.name());
        Ok([
            is_received(&unicast[..unicast.len() - 1]).then_some(Capability::Multiprotocol),
            has("route-refresh", Capability::RouteRefresh),
            has("4-octet-as", Capability::FourOctetAs),
            has("graceful-restart", Capability::GracefulRestart),
            add_path
                .contains("receive")
                .then_some(Capability::AddPathReceive),
            add_path.contains("send").then_some(Capability::AddPathSend),
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn received(&self, family: Family) -> Result<Table, String> {
        let address = family.address(SPEAKER);
        let told = self.ask(&["-j", "neighbor", &address, "adj-in", "-a", family.name()])?;
        let answer: Value =
            serde_json::from_str(&told).map_err(|error| format!("{error} in {told}"))?;
        let mut table = Table::new();
        for (prefix, paths) in answer.as_object().into_iter().flatten() {
            let paths: Vec<Path> = paths.as_array().into_iter().flatten().map(path).collect();
            if !paths.is_empty() {
                table.insert(prefix.clone(), paths);
            }
        }
        Ok(table)
    }

    fn count(&self, family: Family) -> Result<usize, String> {
        let told = self.ask(&["neighbor", &family.address(SPEAKER)])?;
        let line = told
            .lines()
            .find_map(|line| line.trim().strip_prefix("Received:"));
        Ok(line
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0))
    }

    fn announce(&mut self, _: Family, _: &Table) -> Result<(), String> {
        Err("its routes come from the feeder".to_owned())
    }

    fn ask_refresh(&self, family: Family) -> Result<(), String> {
        let address = family.address(SPEAKER);
        self.ask(&["neighbor", &address, "softresetin", "-a", family.name()])
            .map(drop)
    }

    fn shut_down(&self, family: Family, text: &str) -> Result<(), String> {
        let address = family.address(SPEAKER);
        self.ask(&["neighbor", &address, "shutdown", "--reason", text])
            .map(drop)
    }

    fn enable(&self, family: Family) -> Result<(), String> {
        self.ask(&["neighbor", &family.address(SPEAKER), "enable"])
            .map(drop)
    }

    fn account(&self, family: Family) -> String {
        let told = self.ask(&["neighbor", &family.address(SPEAKER)]);
        let log = self.gobgpd.log(usize::MAX);
        format!("{}\n{log}", told.unwrap_or_else(|error| error))
    }
}

fn path(told: &Value) -> Path {
    let mut path = Path::default();
    for attribute in told["attrs"].as_array().into_iter().flatten() {
        match attribute["type"].as_u64() {
            Some(1) => {
                let value = attribute["value"].as_u64().unwrap_or(3);
                path.origin = match value {
                    0 => "igp",
                    1 => "egp",
                    2 => "incomplete",
                    _ => "unknown",
                }
                .to_owned();
            }
            Some(2) => {
                let segments = attribute["as_paths"].as_array().into_iter().flatten();
                path.as_path = segments.flat_map(|one| numbers(&one["asns"])).collect();
            }
            Some(3 | 14) => path.next_hop = text(&attribute["nexthop"]),
            Some(4) => path.med = number(&attribute["metric"]),
            Some(5) => path.local_pref = number(&attribute["value"]),
            Some(8) => {
                path.communities = numbers(&attribute["communities"])
                    .into_iter()
                    .map(|value| format!("{}:{}", value >> 16, value & 0xffff))
                    .collect();
            }
            Some(16) => {
                let items = attribute["value"].as_array().into_iter().flatten();
                path.extended = items.map(extended).collect();
            }
            Some(32) => {
                let items = attribute["value"].as_array().into_iter().flatten();
                path.large = items
                    .map(|item| {
                        format!(
                            "{}:{}:{}",
                            item["ASN"], item["LocalData1"], item["LocalData2"]
                        )
                    })
                    .collect();
            }
            _ => {}
        }
    }
    path
}

/// GoBGP writes AS numbers of four octets as two halves.
fn extended(item: &Value) -> String {
    let name = match item["subtype"].as_u64() {
        Some(2) => "rt",
        Some(3) => "ro",
        _ => return item.to_string(),
    };
    let value = text(&item["value"]);
    let halves = value.split_once('.').and_then(|(high, rest)| {
        let (low, number) = rest.split_once(':')?;
        let as_number = high.parse::<u32>().ok()? << 16 | low.parse::<u32>().ok()?;
        Some(format!("{name}:{as_number}:{number}"))
    });
    halves.unwrap_or_else(|| format!("{name}:{value}"))
}

fn configuration(setup: &Setup) -> String {
    let peer_as = setup.kind.peer_as();
    let mut text = format!(
        "[global.config]
as = {peer_as}
router-id = \"{}\"
local-address-list = [\"0.0.0.0\", \"::\"]
",
        Family::V4.address(PEER)
    );
    let timers = "[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.graceful-restart.config]
enabled = true
restart-time = 60
";
    for family in Family::ALL {
        let unicast = format!(
            "[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = \"{}-unicast\"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
",
            family.name()
        );
        let password = setup
            .password
            .map(|password| format!("auth-password = \"{password}\"\n"));
        let _ = writeln!(
            text,
            "[[neighbors]]
[neighbors.config]
neighbor-address = \"{}\"
peer-as = {SPEAKER_AS}
{}{timers}",
            family.address(SPEAKER),
            password.unwrap_or_default(),
        );
        if setup.ttl_security {
            text.push_str("[neighbors.ttl-security.config]\nenabled = true\nttl-min = 255\n");
        }
        text.push_str(&unicast);
        if setup.add_path {
            text.push_str("[neighbors.afi-safis.add-paths.config]\nreceive = true\nsend-max = 8\n");
        }
        for &host in setup.feeders() {
            let _ = writeln!(
                text,
                "[[neighbors]]
[neighbors.config]
neighbor-address = \"{}\"
peer-as = {peer_as}
[neighbors.route-reflector.config]
route-reflector-client = true
route-reflector-cluster-id = \"{}\"
{timers}{unicast}",
                family.address(host),
                Family::V4.address(PEER),
            );
        }
    }
    text
}
