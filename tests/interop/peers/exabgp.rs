//! ExaBGP, which announces what its configuration says and tells every message as a line of JSON.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Peer, Program};
use crate::cases::Case;
use crate::routes::{Path, Table, number, numbers, text, texts};
use crate::setup::{Capability, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::namespace::{Namespace, Process, last_lines, output};

pub(crate) const PROGRAM: Program = Program {
    name: "exabgp 4.2.21",
    file: "/usr/sbin/exabgp",
    changes_user: false,
    relays: false,
    med_crosses: true,
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
        Box::new(Exabgp {
            namespace,
            folder: TempDir::new().expect("a temporary folder"),
            setup: None,
            process: None,
            told: RefCell::default(),
        })
    },
};

fn lacks(case: Case, _: Kind, _: Family) -> Option<&'static str> {
    match case {
        Case::TextFromPeer => Some(
            "its teardown command has no text, and closes the connection without a NOTIFICATION",
        ),
        Case::RefreshBySpeaker => {
            Some("a request makes it drop the connection and come back, also one of BIRD")
        }
        Case::TextToPeer => Some(
            "a NOTIFICATION with a text is more than it can decode (bytes % str in its \
             notification.py): it answers 1/0 and reconnects",
        ),
        _ => None,
    }
}

struct Exabgp<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    setup: Option<Setup>,
    process: Option<Process>,
    told: RefCell<Told>,
}

/// What the lines so far come to, by the address of calidris.
#[derive(Default)]
struct Told {
    read: u64,
    rest: String,
    sessions: BTreeMap<String, Session>,
}

#[derive(Default)]
struct Session {
    is_up: bool,
    open: Value,
    /// By prefix and path identifier.
    routes: BTreeMap<(String, String), Path>,
    /// NOTIFICATIONs and other lines that are no routes.
    account: String,
}

impl Exabgp<'_> {
    /// The helper process: what ExaBGP tells goes into a file, commands come from a pipe. It must
    /// not outlive ExaBGP, nor wait for it.
    fn helper(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "#!/bin/bash
exec 3<&0
cat <&3 >>{folder}/events &
exec setpriv --pdeathsig KILL cat <>{folder}/commands
"
        )
    }

    fn launch(&mut self) -> Result<(), String> {
        let file = self.path("exabgp.conf").display().to_string();
        let arguments = [
            "exabgp.daemon.user=root",
            "exabgp.log.destination=stdout",
            "exabgp.api.cli=false",
            "exabgp.api.ack=false",
            PROGRAM.file,
            &file,
        ];
        let process = self
            .namespace
            .spawn("env", &arguments, &self.path("log"))
            .map_err(|error| error.to_string())?;
        self.process = Some(process);
        Ok(())
    }

    /// Gives it commands, a line each.
    fn command(&self, lines: &str) -> Result<(), String> {
        let mut pipe = File::options()
            .write(true)
            .open(self.path("commands"))
            .map_err(|error| error.to_string())?;
        pipe.write_all(lines.as_bytes())
            .map_err(|error| error.to_string())
    }

    /// Looks at a session after all that was told so far.
    fn look<T>(&self, family: Family, look: impl FnOnce(&Session) -> T) -> Result<T, String> {
        let mut told = self.told.borrow_mut();
        let mut fresh = String::new();
        let mut file = File::open(self.path("events")).map_err(|error| error.to_string())?;
        file.seek(SeekFrom::Start(told.read))
            .and_then(|_| file.read_to_string(&mut fresh))
            .map_err(|error| error.to_string())?;
        told.read += fresh.len() as u64;
        let all = std::mem::take(&mut told.rest) + &fresh;
        let (whole, rest) = all.rsplit_once('\n').unwrap_or(("", &all));
        told.rest = rest.to_owned();
        for line in whole.lines() {
            if let Ok(event) = serde_json::from_str::<Value>(line) {
                let name = text(&event["neighbor"]["address"]["peer"]);
                told.sessions.entry(name).or_default().hear(&event);
            }
        }
        let session = told
            .sessions
            .get(&family.address(SPEAKER))
            .ok_or_else(|| format!("nothing told yet; {}", last_lines(&self.path("log"), 5)))?;
        Ok(look(session))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Session {
    fn hear(&mut self, event: &Value) {
        let neighbor = &event["neighbor"];
        let is_incoming = neighbor["direction"] == "receive";
        match event["type"].as_str() {
            Some("state") => {
                self.is_up = neighbor["state"] == "up";
                if neighbor["state"] == "down" {
                    self.routes.clear();
                }
                let _ = writeln!(self.account, "{neighbor}");
            }
            Some("open") if is_incoming => self.open = neighbor["open"].clone(),
            Some("update") if is_incoming => self.update(&neighbor["message"]["update"]),
            _ => {
                let _ = writeln!(self.account, "{event}");
            }
        }
    }

    fn update(&mut self, update: &Value) {
        for routes in update["withdraw"].as_object().into_iter().flatten() {
            for route in routes.1.as_array().into_iter().flatten() {
                self.routes.remove(&key(route));
            }
        }
        let attributes = &update["attribute"];
        for families in update["announce"].as_object().into_iter().flatten() {
            for (next_hop, routes) in families.1.as_object().into_iter().flatten() {
                for route in routes.as_array().into_iter().flatten() {
                    self.routes.insert(key(route), path(next_hop, attributes));
                }
            }
        }
    }
}

fn key(route: &Value) -> (String, String) {
    (text(&route["nlri"]), text(&route["path-information"]))
}

fn path(next_hop: &str, attributes: &Value) -> Path {
    let lists = |name: &str| -> BTreeSet<String> {
        let items = attributes[name].as_array().into_iter().flatten();
        items
            .map(|parts| {
                let parts: Vec<String> = numbers(parts).iter().map(u32::to_string).collect();
                parts.join(":")
            })
            .collect()
    };
    let extended = attributes["extended-community"].as_array();
    Path {
        next_hop: next_hop.to_owned(),
        origin: text(&attributes["origin"]),
        as_path: numbers(&attributes["as-path"]),
        med: number(&attributes["med"]),
        local_pref: number(&attributes["local-preference"]),
        communities: lists("community"),
        extended: extended
            .into_iter()
            .flatten()
            .filter_map(|item| item["value"].as_u64())
            .map(extended_text)
            .collect(),
        large: lists("large-community"),
    }
}

/// The octets, which are told as a number, as text: ExaBGP's own text is not the same for all.
fn extended_text(value: u64) -> String {
    let [kind, subtype, a, b, c, d, e, f] = value.to_be_bytes();
    let name = match subtype {
        2 => "rt",
        3 => "ro",
        _ => return format!("{value:#018x}"),
    };
    if kind == 0 {
        let (high, low) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
        format!("{name}:{high}:{low}")
    } else {
        let (high, low) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
        format!("{name}:{high}:{low}")
    }
}

impl Peer for Exabgp<'_> {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.kill();
        self.setup = Some(setup.clone());
        self.recover()
    }

    fn kill(&mut self) {
        self.process = None;
    }

    fn recover(&mut self) -> Result<(), String> {
        let setup = self.setup.as_ref().ok_or("it was never started")?;
        let helper = self.path("helper");
        fs::write(&helper, self.helper())
            .and_then(|()| fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)))
            .and_then(|()| {
                let text = configuration(setup, &helper.display().to_string());
                fs::write(self.path("exabgp.conf"), text)
            })
            .map_err(|error| error.to_string())?;
        for name in ["commands", "events"] {
            let _ = fs::remove_file(self.path(name));
        }
        output(Command::new("mkfifo").arg(self.path("commands")))
            .and_then(|_| fs::write(self.path("events"), ""))
            .map_err(|error| error.to_string())?;
        self.told = RefCell::default();
        self.launch()
    }

    fn established(&self, family: Family) -> Result<(), String> {
        let is_up = self.look(family, |session| session.is_up)?;
        is_up.then_some(()).ok_or_else(|| "not up".to_owned())
    }

    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String> {
        let told = self.look(family, |session| session.open["capabilities"].clone())?;
        let unicast = format!("{}/unicast", family.name());
        let has = |code: &str, capability| told[code].is_object().then_some(capability);
        let families = texts(&told["1"]["families"]);
        let add_path = text(&told["69"][&unicast]);
        Ok([
            families
                .contains(&unicast)
                .then_some(Capability::Multiprotocol),
            has("2", Capability::RouteRefresh),
            has("70", Capability::EnhancedRefresh),
            has("65", Capability::FourOctetAs),
            has("64", Capability::GracefulRestart),
            has("6", Capability::ExtendedMessage),
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
        self.look(family, |session| {
            let mut table = Table::new();
            for ((prefix, _), path) in &session.routes {
                table.entry(prefix.clone()).or_default().push(path.clone());
            }
            table
        })
    }

    fn count(&self, family: Family) -> Result<usize, String> {
        self.look(family, |session| session.routes.len())
    }

    fn announce(&mut self, family: Family, routes: &Table) -> Result<(), String> {
        let setup = self.setup.as_mut().ok_or("it was never started")?;
        let before = std::mem::replace(setup.announced.of_mut(family), routes.clone());
        let neighbor = family.address(SPEAKER);
        let own = family.address(PEER);
        let mut lines = String::new();
        for prefix in before.keys().filter(|prefix| !routes.contains_key(*prefix)) {
            let _ = writeln!(
                lines,
                "neighbor {neighbor} withdraw route {prefix} next-hop {own}"
            );
        }
        for (prefix, paths) in routes
            .iter()
            .filter(|(prefix, _)| !before.contains_key(*prefix))
        {
            for (index, path) in paths.iter().enumerate() {
                let route = route(
                    setup.kind,
                    family,
                    prefix,
                    path,
                    (paths.len() > 1).then_some(index),
                );
                let _ = writeln!(lines, "neighbor {neighbor} announce {route}");
            }
        }
        self.command(&lines)
    }

    fn ask_refresh(&self, family: Family) -> Result<(), String> {
        let (neighbor, name) = (family.address(SPEAKER), family.name());
        self.command(&format!(
            "neighbor {neighbor} announce route-refresh {name} unicast\n"
        ))
    }

    fn shut_down(&self, _: Family, _: &str) -> Result<(), String> {
        Err("its teardown command has no text".to_owned())
    }

    fn enable(&self, _: Family) -> Result<(), String> {
        Ok(())
    }

    fn account(&self, family: Family) -> String {
        let told = self.look(family, |session| session.account.clone());
        let log = last_lines(&self.path("log"), usize::MAX);
        format!("{}\n{log}", told.unwrap_or_else(|error| error))
    }
}

fn route(kind: Kind, family: Family, prefix: &str, path: &Path, index: Option<usize>) -> String {
    let mut text = format!(
        "route {prefix} next-hop {} origin {}",
        family.address(PEER),
        path.origin
    );
    if let Some(index) = index {
        let _ = write!(text, " path-information 0.0.0.{}", index + 1);
    }
    if let Some(med) = path.med {
        let _ = write!(text, " med {med}");
    }
    if let Some(local_pref) = path.local_pref {
        let _ = write!(text, " local-preference {local_pref}");
    }
    // ExaBGP does not put its own AS in front.
    let own = (kind == Kind::External).then(|| kind.peer_as());
    let numbers = own.iter().chain(&path.as_path).map(u32::to_string);
    let numbers: Vec<String> = numbers.collect();
    let _ = write!(text, " as-path [ {} ]", numbers.join(" "));
    let extended: BTreeSet<String> = path
        .extended
        .iter()
        .map(|item| item.replace("rt:", "target:").replace("ro:", "origin:"))
        .collect();
    for (name, items) in [
        ("community", &path.communities),
        ("extended-community", &extended),
        ("large-community", &path.large),
    ] {
        if !items.is_empty() {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            let _ = write!(text, " {name} [ {} ]", items.join(" "));
        }
    }
    text
}

fn configuration(setup: &Setup, helper: &str) -> String {
    let mut text = format!("process api {{\n    run {helper};\n    encoder json;\n}}\n");
    for family in Family::ALL {
        let mut routes = String::new();
        for (prefix, paths) in setup.announced.of(family) {
            for (index, path) in paths.iter().enumerate() {
                let route = route(
                    setup.kind,
                    family,
                    prefix,
                    path,
                    (paths.len() > 1).then_some(index),
                );
                let _ = writeln!(routes, "        {route};");
            }
        }
        let mut options = String::new();
        if let Some(password) = setup.password {
            let _ = writeln!(options, "    md5-password \"{password}\";");
        }
        if setup.ttl_security {
            options.push_str("    outgoing-ttl 255;\n    incoming-ttl 255;\n");
        }
        let add_path = if setup.add_path {
            "send/receive"
        } else {
            "disable"
        };
        let _ = writeln!(
            text,
            "neighbor {} {{
    router-id {};
    local-address {};
    local-as {};
    peer-as {SPEAKER_AS};
{options}    family {{ {} unicast; }}
    capability {{
        add-path {add_path};
        graceful-restart 60;
        route-refresh enable;
        extended-message enable;
    }}
    api {{
        processes [ api ];
        neighbor-changes;
        receive {{ parsed; open; update; notification; }}
        send {{ parsed; notification; }}
    }}
    static {{
{routes}    }}
}}",
            family.address(SPEAKER),
            Family::V4.address(PEER),
            family.address(PEER),
            setup.kind.peer_as(),
            family.name(),
        );
    }
    text
}
