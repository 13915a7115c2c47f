//! BIRD, which announces static routes.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Peer, Program};
use crate::cases::Case;
use crate::feeder;
use crate::routes::{Path, Table, as_numbers};
use crate::setup::{Capability, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::bird::Bird;
use crate::support::namespace::Namespace;

pub(crate) const PROGRAM: Program = Program {
    name: "bird2 2.0.12",
    file: "/usr/sbin/bird",
    changes_user: false,
    relays: false,
    med_crosses: false,
    adds_med: false,
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
        Box::new(BirdPeer {
            namespace,
            bird: None,
            setup: None,
        })
    },
};

fn lacks(_: Case, _: Kind, _: Family) -> Option<&'static str> {
    None
}

struct BirdPeer<'a> {
    namespace: &'a Namespace,
    bird: Option<Bird<'a>>,
    setup: Option<Setup>,
}

impl BirdPeer<'_> {
    fn ask(&self, command: &str) -> Result<String, String> {
        let bird = self.bird.as_ref().ok_or("it is not running")?;
        bird.try_ask(command)
    }
}

fn protocol(family: Family) -> String {
    format!("calidris{}", family.digit())
}

impl Peer for BirdPeer<'_> {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.bird = None;
        self.bird = Some(Bird::start(self.namespace, &configuration(setup)));
        self.setup = Some(setup.clone());
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(bird) = &mut self.bird {
            bird.kill();
        }
    }

    fn recover(&mut self) -> Result<(), String> {
        self.bird.as_mut().ok_or("it was never started")?.recover();
        Ok(())
    }

    fn established(&self, family: Family) -> Result<(), String> {
        let told = self.ask(&format!("show protocols {}", protocol(family)))?;
        told.contains("Established").then_some(()).ok_or(told)
    }

    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String> {
        let told = self.ask(&format!("show protocols all {}", protocol(family)))?;
        let (_, theirs) = told
            .split_once("Neighbor capabilities")
            .ok_or_else(|| told.clone())?;
        let theirs = theirs.split("Session:").next().unwrap_or_default();
        let add_path = theirs.split_once("ADD-PATH").map_or("", |(_, rest)| rest);
        let add_path = |direction: &str| {
            let mut lines = add_path.lines().take(3).map(str::trim);
            lines.any(|line| line.starts_with(direction) && line.ends_with(family.name()))
        };
        let has = |text: &str, capability| theirs.contains(text).then_some(capability);
        Ok([
            has("Multiprotocol", Capability::Multiprotocol),
            has("Route refresh", Capability::RouteRefresh),
            has("Enhanced refresh", Capability::EnhancedRefresh),
            has("4-octet AS", Capability::FourOctetAs),
            has("Graceful restart", Capability::GracefulRestart),
            has("Extended message", Capability::ExtendedMessage),
            add_path("RX:").then_some(Capability::AddPathReceive),
            add_path("TX:").then_some(Capability::AddPathSend),
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn received(&self, family: Family) -> Result<Table, String> {
        let text = self.ask(&format!("show route all protocol {}", protocol(family)))?;
        let kind = self
            .setup
            .as_ref()
            .map_or(Kind::Internal, |setup| setup.kind);
        Ok(table(&text, kind))
    }

    fn count(&self, family: Family) -> Result<usize, String> {
        let told = self.ask(&format!("show route count protocol {}", protocol(family)))?;
        // "10 of 20 routes for 20 networks in table master4"
        let found = told.split_once(" of ");
        let found = found.and_then(|(before, _)| before.split_whitespace().last()?.parse().ok());
        found.ok_or(told)
    }

    fn announce(&mut self, family: Family, routes: &Table) -> Result<(), String> {
        let setup = self.setup.as_mut().ok_or("it was never started")?;
        *setup.announced.of_mut(family) = routes.clone();
        let text = configuration(setup);
        self.bird
            .as_ref()
            .ok_or("it is not running")?
            .configure(&text);
        Ok(())
    }

    fn ask_refresh(&self, family: Family) -> Result<(), String> {
        let told = self.ask(&format!("reload in {}", protocol(family)))?;
        told.contains("reloading").then_some(()).ok_or(told)
    }

    fn shut_down(&self, family: Family, text: &str) -> Result<(), String> {
        let told = self.ask(&format!("disable {} \"{text}\"", protocol(family)))?;
        told.contains("disabled").then_some(()).ok_or(told)
    }

    fn enable(&self, family: Family) -> Result<(), String> {
        let told = self.ask(&format!("enable {}", protocol(family)))?;
        told.contains("enabled").then_some(()).ok_or(told)
    }

    fn account(&self, family: Family) -> String {
        let told = self.ask(&format!("show protocols all {}", protocol(family)));
        let log = self.bird.as_ref().map(|bird| bird.log(200));
        format!(
            "{}\n{}",
            told.unwrap_or_else(|error| error),
            log.unwrap_or_default()
        )
    }
}

fn configuration(setup: &Setup) -> String {
    let mut text = format!(
        "log stderr all;
router id {};
protocol device {{}}
",
        Family::V4.address(PEER)
    );
    for family in Family::ALL {
        let routes = setup.announced.of(family);
        let routes = feeder::statics(family, "own", routes, 0)
            + &feeder::statics(family, "other", routes, 1);
        let (digit, name) = (family.digit(), family.name());
        let mut options = String::new();
        if let Some(password) = setup.password {
            let _ = writeln!(options, "    password \"{password}\";");
        }
        if setup.ttl_security {
            options.push_str("    ttl security on;\n");
        }
        let mut channel = String::new();
        if setup.add_path {
            channel.push_str("add paths on;");
        }
        let _ = writeln!(
            text,
            "{routes}
protocol bgp calidris{digit} {{
    local {} as {};
    neighbor {} as {SPEAKER_AS};
    direct;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    graceful restart on;
    enable extended messages on;
{options}    {name} {{ import all; export where source = RTS_STATIC; {channel} }};
}}",
            family.address(PEER),
            setup.kind.peer_as(),
            family.address(SPEAKER),
        );
    }
    text
}

/// Reads `show route all`: a line for each route, then one for each attribute, and more where the
/// value of one is long.
fn table(text: &str, kind: Kind) -> Table {
    let mut table = Table::new();
    let mut prefix = "";
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.contains("[calidris") {
            let first = line.split_whitespace().next();
            prefix = first.filter(|word| word.contains('/')).unwrap_or(prefix);
            let paths = table.entry(prefix.to_owned()).or_default();
            paths.push(Path::default());
        } else if let Some(attribute) = line.trim().strip_prefix("BGP.")
            && let Some((name, value)) = attribute.split_once(':')
            && let Some(path) = table.get_mut(prefix).and_then(|paths| paths.last_mut())
        {
            let mut value = value.trim().to_owned();
            while let Some(more) = lines.next_if(|line| line.trim().starts_with('(')) {
                value.push_str(more.trim());
            }
            self::attribute(path, name, &value, kind);
        }
    }
    table
}

fn attribute(path: &mut Path, name: &str, value: &str, kind: Kind) {
    let lists = |separator: &str| -> BTreeSet<String> {
        value
            .split(')')
            .map(|item| item.trim().trim_start_matches('('))
            .filter(|item| !item.is_empty())
            .map(|item| item.replace(separator, ":"))
            .collect()
    };
    match name {
        "origin" => path.origin = value.to_lowercase(),
        "as_path" => path.as_path = as_numbers(value),
        "next_hop" => path.next_hop = value.split(' ').next().unwrap_or_default().to_owned(),
        "med" => path.med = value.parse().ok(),
        // What BIRD shows for a route of another AS is its own default.
        "local_pref" if kind == Kind::Internal => path.local_pref = value.parse().ok(),
        "community" => path.communities = lists(","),
        "ext_community" => path.extended = lists(", "),
        "large_community" => path.large = lists(", "),
        _ => {}
    }
}
