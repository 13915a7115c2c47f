//! FRR's bgpd.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::{Peer, Program};
use crate::cases::Case;
use crate::routes::{Path, Table, number, numbers, text, texts};
use crate::setup::{Capability, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::frr::{BGPD, Bgpd};
use crate::wait::eventually;

pub(crate) const PROGRAM: Program = Program {
    name: "frr 8.4.4",
    file: BGPD,
    changes_user: false,
    relays: true,
    med_crosses: false,
    adds_med: true,
    third_party_next_hop: false,
    tells_absent_med: true,
    tells: &[
        Capability::Multiprotocol,
        Capability::RouteRefresh,
        Capability::EnhancedRefresh,
        Capability::FourOctetAs,
        Capability::GracefulRestart,
        Capability::AddPathReceive,
        Capability::AddPathSend,
        Capability::ExtendedMessage,
    ],
    lacks,
    prepare: |namespace| {
        Box::new(Frr {
            bgpd: Bgpd::new(namespace),
            kind: Kind::Internal,
        })
    },
};

fn lacks(case: Case, kind: Kind, _: Family) -> Option<&'static str> {
    match (case, kind) {
        (Case::WrongTtl, Kind::Internal) => Some("it always sends TTL 255 to internal peers"),
        _ => None,
    }
}

struct Frr<'a> {
    bgpd: Bgpd<'a>,
    kind: Kind,
}

impl Frr<'_> {
    fn launch(&mut self) -> Result<(), String> {
        self.bgpd.launch()?;
        eventually("bgpd answers", || self.bgpd.ready())
    }

    /// The answers, all of JSON, to very many commands.
    fn ask_many(&self, commands: &str) -> Result<Vec<Value>, String> {
        let mut child = self
            .bgpd
            .vtysh()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut input = child.stdin.take().expect("it was asked for");
        let commands = commands.to_owned();
        let writer = std::thread::spawn(move || input.write_all(commands.as_bytes()));
        let told = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let _ = writer.join();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let (mut answers, mut answer) = (Vec::new(), String::new());
        // An answer is what stands between a lone brace and the next one; prompts are in between.
        for line in told.lines() {
            if line == "{" || !answer.is_empty() {
                answer.push_str(line);
            }
            if line == "}" {
                let text = std::mem::take(&mut answer);
                answers.push(serde_json::from_str(&text).map_err(|error| error.to_string())?);
            }
        }
        Ok(answers)
    }

    fn neighbor(&self, family: Family) -> Result<Value, String> {
        let address = family.address(SPEAKER);
        let answer = self
            .bgpd
            .ask_json(&format!("show bgp neighbors {address} json"))?;
        Ok(answer[&address].clone())
    }

    fn configure(&self, line: &str) -> Result<(), String> {
        let router = format!("router bgp {}", self.kind.peer_as());
        self.bgpd
            .ask(&["configure terminal", &router, line])
            .map(drop)
    }

    fn path_of(&self, path: &Value) -> Path {
        let extended = text(&path["extendedCommunity"]["string"]);
        let next_hop = path["nexthops"].as_array().into_iter().flatten();
        let next_hop = next_hop.filter(|hop| hop["scope"] != "link-local");
        Path {
            next_hop: next_hop
                .map(|hop| text(&hop["ip"]))
                .next()
                .unwrap_or_default(),
            origin: text(&path["origin"]).to_lowercase(),
            as_path: path["aspath"]["segments"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|segment| numbers(&segment["list"]))
                .collect(),
            med: number(&path["metric"]),
            // What FRR shows for a route of another AS is its own default.
            local_pref: number(&path["locPrf"]).filter(|_| self.kind == Kind::Internal),
            communities: texts(&path["community"]["list"]),
            extended: extended
                .split_whitespace()
                .map(|item| item.replace("RT:", "rt:").replace("SoO:", "ro:"))
                .collect(),
            large: texts(&path["largeCommunity"]["list"]),
        }
    }
}

impl Peer for Frr<'_> {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.kill();
        self.kind = setup.kind;
        self.bgpd.write(&configuration(setup))?;
        self.launch()
    }

    fn kill(&mut self) {
        self.bgpd.kill();
    }

    fn recover(&mut self) -> Result<(), String> {
        self.launch()
    }

    fn established(&self, family: Family) -> Result<(), String> {
        let neighbor = self.neighbor(family)?;
        let state = text(&neighbor["bgpState"]);
        (state == "Established").then_some(()).ok_or(state)
    }

    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String> {
        let told = self.neighbor(family)?["neighborCapabilities"].clone();
        let unicast = format!("{}Unicast", family.name());
        let received = |value: &Value| text(value).to_lowercase().contains("received");
        let has = |name: &str, capability| received(&told[name]).then_some(capability);
        let add_path = &told["addPath"][&unicast];
        let both = |direction: &str| {
            ["AdvertisedAndReceived", "Received"]
                .iter()
                .any(|end| add_path[format!("{direction}{end}")] == true)
        };
        let multiprotocol = &told["multiprotocolExtensions"][&unicast];
        let is_true = |value: &Value| *value == true;
        Ok([
            is_true(&multiprotocol["advertisedAndReceived"]).then_some(Capability::Multiprotocol),
            has("routeRefresh", Capability::RouteRefresh),
            has("enhancedRouteRefresh", Capability::EnhancedRefresh),
            has("4byteAs", Capability::FourOctetAs),
            has("gracefulRestart", Capability::GracefulRestart),
            has("extendedMessage", Capability::ExtendedMessage),
            // Its words are from its own side.
            both("tx").then_some(Capability::AddPathReceive),
            both("rx").then_some(Capability::AddPathSend),
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn received(&self, family: Family) -> Result<Table, String> {
        let from = family.address(SPEAKER);
        let unicast = format!("show bgp {} unicast", family.name());
        let overview = self.bgpd.ask_json(&format!("{unicast} json"))?;
        let mut questions = String::new();
        for (prefix, paths) in overview["routes"].as_object().into_iter().flatten() {
            let mut paths = paths.as_array().into_iter().flatten();
            if paths.any(|path| path["peerId"] == from.as_str()) {
                let _ = writeln!(questions, "{unicast} {prefix} json");
            }
        }
        let mut table = Table::new();
        for answer in self.ask_many(&questions)? {
            let paths = answer["paths"].as_array().into_iter().flatten();
            let paths = paths.filter(|path| path["peer"]["peerId"] == from.as_str());
            let paths = paths.map(|path| self.path_of(path)).collect();
            table.insert(text(&answer["prefix"]), paths);
        }
        Ok(table)
    }

    fn count(&self, family: Family) -> Result<usize, String> {
        let neighbor = self.neighbor(family)?;
        let name = format!("{}Unicast", family.name());
        let count = &neighbor["addressFamilyInfo"][name]["acceptedPrefixCounter"];
        Ok(count
            .as_u64()
            .and_then(|count| count.try_into().ok())
            .unwrap_or(0))
    }

    fn announce(&mut self, _: Family, _: &Table) -> Result<(), String> {
        Err("its routes come from the feeder".to_owned())
    }

    fn ask_refresh(&self, family: Family) -> Result<(), String> {
        let (name, address) = (family.name(), family.address(SPEAKER));
        let command = format!("clear bgp {name} unicast {address} in");
        self.bgpd.ask(&[&command]).map(drop)
    }

    fn shut_down(&self, family: Family, text: &str) -> Result<(), String> {
        let address = family.address(SPEAKER);
        self.configure(&format!("neighbor {address} shutdown message {text}"))
    }

    fn enable(&self, family: Family) -> Result<(), String> {
        let address = family.address(SPEAKER);
        self.configure(&format!("no neighbor {address} shutdown"))
    }

    fn account(&self, family: Family) -> String {
        let address = family.address(SPEAKER);
        let told = self.bgpd.ask(&[&format!("show bgp neighbors {address}")]);
        let log = self.bgpd.log(usize::MAX);
        format!("{}\n{log}", told.unwrap_or_else(|error| error))
    }
}

/// RFC 8538 is off: it shows no text of a shutdown that comes inside a Hard Reset. The log is where it
/// shows the text otherwise.
fn configuration(setup: &Setup) -> String {
    let peer_as = setup.kind.peer_as();
    let mut text = format!(
        "log stdout
router bgp {peer_as}
 bgp router-id {}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 no bgp graceful-restart notification
 bgp log-neighbor-changes
",
        Family::V4.address(PEER)
    );
    for family in Family::ALL {
        let (speaker, name) = (family.address(SPEAKER), family.name());
        let mut activated = format!("  neighbor {speaker} activate\n");
        let _ = writeln!(text, " neighbor {speaker} remote-as {SPEAKER_AS}");
        let mut neighbors = vec![speaker.clone()];
        for &host in setup.feeders() {
            let feeder = family.address(host);
            let _ = writeln!(text, " neighbor {feeder} remote-as {peer_as}");
            let _ = writeln!(activated, "  neighbor {feeder} activate");
            let _ = writeln!(activated, "  neighbor {feeder} route-reflector-client");
            neighbors.push(feeder);
        }
        for neighbor in neighbors {
            let _ = writeln!(text, " neighbor {neighbor} timers connect 1");
            let _ = writeln!(text, " neighbor {neighbor} advertisement-interval 0");
        }
        if let Some(password) = setup.password {
            let _ = writeln!(text, " neighbor {speaker} password {password}");
        }
        if setup.ttl_security {
            let _ = writeln!(text, " neighbor {speaker} ttl-security hops 1");
        }
        if setup.add_path {
            let _ = writeln!(activated, "  neighbor {speaker} addpath-tx-all-paths");
        }
        let _ = writeln!(
            text,
            " address-family {name} unicast\n{activated} exit-address-family"
        );
    }
    text
}
