//! The daemon, its witnesses, and the peers that the cases play, all on one loopback.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::Duration;
use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::checker::Rules;
use crate::octets::keepalive;
use crate::peer::{Connection, PATIENCE, now};
use crate::stage::{CLUSTER, DAEMON_V4, DAEMON_V6, Family, LOCAL_AS, Setting, Stage};

/// The program that cargo built for this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_calidris");
/// Where the daemon answers questions.
const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9900);
/// Peers of each setting.
const SLOTS: usize = 6;
/// Peers that tests with a course of their own play, by label, with what is special about them.
const SPECIAL: [(&str, &str); 13] = [
    (
        "dual",
        "calidris.io/passive: \"true\"\n    calidris.io/families: ipv4,ipv6\n    ",
    ),
    (
        "limited",
        "calidris.io/passive: \"true\"\n    calidris.io/prefix-limit: \"3\"\n    ",
    ),
    ("deaf", PASSIVE),
    ("flood", PASSIVE),
    ("silent", PASSIVE),
    ("mute", PASSIVE),
    ("clone-1", PASSIVE),
    ("clone-2", PASSIVE),
    ("collision", ""),
    (
        "damped",
        "calidris.io/passive: \"true\"\n    calidris.io/idle-hold: 1s..64s\n    ",
    ),
    ("reflector", PASSIVE),
    ("second", PASSIVE),
    ("idle", PASSIVE),
];
/// Where the peer listens that is dialled.
pub(crate) const DIALLED_PORT: u16 = 1179;
const PASSIVE: &str = "calidris.io/passive: \"true\"\n    calidris.io/idle-hold: 1s..1s\n    ";

/// A configured peer of the daemon, with the session that a case may have left up.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) setting: Setting,
    pub(crate) address: IpAddr,
    pub(crate) identifier: [u8; 4],
    /// Where the daemon dials this peer, if it does: 179 is its own on every address here.
    port: Option<u16>,
    pub(crate) session: Option<Connection>,
    /// Faulty UPDATEs as last seen, by what was done about them.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Slot {
    fn new(number: u16, setting: Setting) -> Self {
        let [high, low] = number.to_be_bytes();
        let (address, identifier) = match setting.family {
            Family::V4 => {
                let octets = [10, 9, 1 + high, low];
                (IpAddr::V4(octets.into()), octets)
            }
            Family::V6 => {
                let address = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x100 + number);
                (IpAddr::V6(address), [10, 19, 1 + high, low])
            }
        };
        Self {
            setting,
            address,
            identifier,
            port: None,
            session: None,
            errors: BTreeMap::new(),
        }
    }

    /// What a case sees of this peer.
    pub(crate) fn stage(&self, number: u16) -> Stage {
        Stage {
            setting: self.setting,
            address: self.address,
            identifier: self.identifier,
            number,
        }
    }

    /// The session's name in the daemon.
    pub(crate) fn name(&self) -> String {
        let address = self.address.to_string().replace(['.', ':'], "_");
        match self.port {
            None => format!("Node_{address}"),
            Some(port) => format!("Node_{address}_port_{port}"),
        }
    }

    /// The daemon's address for this peer.
    pub(crate) fn daemon(&self) -> IpAddr {
        match self.setting.family {
            Family::V4 => IpAddr::V4(DAEMON_V4.into()),
            Family::V6 => IpAddr::V6(DAEMON_V6.into()),
        }
    }

    /// Connects until the daemon sends its OPEN, which it does not during the pause after an error.
    pub(crate) fn connect(&self, rules: Rules) -> Result<Connection, String> {
        let until = now() + PATIENCE;
        loop {
            if let Ok(connection) = Connection::dial(self.address, self.daemon(), rules) {
                let answered = connection.wait(|seen| {
                    (seen.ended || seen.open.is_some()).then_some(seen.open.is_some())
                });
                if answered == Some(true) {
                    return Ok(connection);
                }
            }
            if now() > until {
                return Err(format!("no OPEN came from the daemon to {}", self.address));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A session that is up, as far as this side can see.
    pub(crate) fn establish(&self) -> Result<Connection, String> {
        let connection = self.connect(Rules::Whole(self.setting))?;
        connection.send(&self.stage(0).open().octets());
        connection.send(&keepalive());
        let up = connection.wait(|seen| (seen.ended || seen.keepalives > 0).then_some(!seen.ended));
        match up {
            Some(true) => Ok(connection),
            _ => Err(format!(
                "no session with {}: {}",
                self.address,
                connection.seen().end()
            )),
        }
    }

    /// The session, made anew where the last case has ended it.
    pub(crate) fn session(&mut self) -> Result<&Connection, String> {
        if self
            .session
            .as_ref()
            .is_none_or(|session| session.seen().ended)
        {
            self.session = None;
            self.session = Some(self.establish()?);
        }
        self.session.as_ref().ok_or_else(|| "just made".to_owned())
    }
}

/// Everything that the tests share.
pub(crate) struct World {
    folder: TempDir,
    slots: Mutex<BTreeMap<Setting, Vec<Slot>>>,
    returned: Condvar,
    special: BTreeMap<String, Slot>,
    witnesses: Vec<(Setting, Connection)>,
    next: AtomicU16,
}

impl World {
    /// The world, made at the first call; the daemon dies with the process.
    pub(crate) fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::make)
    }

    fn make() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut number = 0;
        let mut slot = |setting| {
            number += 1;
            Slot::new(number, setting)
        };
        let witnesses: Vec<Slot> = Setting::all().filter(|s| !s.old).map(&mut slot).collect();
        let internal_v4 = Setting {
            external: false,
            family: Family::V4,
            old: false,
            role: None,
        };
        let special: BTreeMap<String, Slot> = SPECIAL
            .iter()
            .map(|(label, annotations)| {
                let mut slot = slot(internal_v4);
                slot.port = annotations.is_empty().then_some(DIALLED_PORT);
                ((*label).to_owned(), slot)
            })
            .collect();
        let mut slots = BTreeMap::new();
        for setting in Setting::all().chain(Setting::with_roles()) {
            let rare = setting.old || setting.role.is_some();
            let count = if rare { SLOTS / 2 } else { SLOTS };
            slots.insert(
                setting,
                (0..count).map(|_| slot(setting)).collect::<Vec<_>>(),
            );
        }

        let plain = witnesses.iter().chain(slots.values().flatten());
        let peers = plain.map(|slot| (slot, PASSIVE)).chain(
            SPECIAL
                .iter()
                .map(|(label, annotations)| (&special[*label], *annotations)),
        );
        let peers: Vec<(&Slot, &str)> = peers.collect();
        fs::write(folder.path().join("resources.yaml"), resources(&peers)).expect("our folder");
        add_addresses(&peers);
        start(folder.path());
        wait_until_it_answers(folder.path());

        let witnesses = witnesses
            .iter()
            .map(|slot| {
                (
                    slot.setting,
                    slot.establish().expect("the witnesses are welcome"),
                )
            })
            .collect();
        Self {
            folder,
            slots: Mutex::new(slots),
            returned: Condvar::new(),
            special,
            witnesses,
            next: AtomicU16::new(1),
        }
    }

    /// Takes a peer of this kind, waiting until one is free.
    pub(crate) fn take(&self, setting: Setting) -> Slot {
        let mut slots = self.slots.lock().expect("nobody panics here");
        loop {
            if let Some(slot) = slots.get_mut(&setting).and_then(Vec::pop) {
                return slot;
            }
            slots = self.returned.wait(slots).expect("nobody panics here");
        }
    }

    /// Gives a peer back.
    pub(crate) fn give_back(&self, slot: Slot) {
        let mut slots = self.slots.lock().expect("nobody panics here");
        slots.entry(slot.setting).or_default().push(slot);
        drop(slots);
        self.returned.notify_all();
    }

    /// A number that no other run has.
    pub(crate) fn number(&self) -> u16 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A peer with a part of its own.
    pub(crate) fn special(&self, label: &str) -> &Slot {
        &self.special[label]
    }

    /// The witness of one kind.
    pub(crate) fn witness(&self, external: bool, family: Family) -> &Connection {
        let found = self
            .witnesses
            .iter()
            .find(|(setting, _)| setting.external == external && setting.family == family);
        &found.expect("there is one of each kind").1
    }

    /// Says whether a witness has gone down.
    pub(crate) fn witnesses_are_up(&self) -> Result<(), String> {
        for (setting, witness) in &self.witnesses {
            let seen = witness.seen();
            if seen.ended || seen.notification.is_some() {
                return Err(format!(
                    "the {} witness is down: {}",
                    setting.name(),
                    seen.end()
                ));
            }
        }
        Ok(())
    }

    /// Says what is wrong with what the witnesses were sent, each thing once; with a stage, only what
    /// concerns that.
    pub(crate) fn witnesses_were_sent_good_messages(
        &self,
        stage: Option<&Stage>,
    ) -> Result<(), String> {
        for (setting, witness) in &self.witnesses {
            let mut seen = witness.seen();
            let complaint = match stage {
                Some(stage) => seen.complaint(stage),
                None => seen.complaints.pop(),
            };
            if let Some(complaint) = complaint {
                return Err(format!(
                    "the {} witness was sent: {complaint}",
                    setting.name()
                ));
            }
        }
        Ok(())
    }

    /// A path of the daemon's HTTP listener.
    pub(crate) fn ask(&self, path: &str) -> String {
        ask(path).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()))
    }

    /// What the daemon shows of a session.
    pub(crate) fn neighbor(&self, name: &str) -> Value {
        let text = self.ask(&format!("/api/v1/neighbors/{name}"));
        let answer: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let inner = answer.get("neighbor").or_else(|| answer.get("neighbors"));
        match inner {
            Some(Value::Array(rows)) => rows.first().cloned().unwrap_or_default(),
            Some(other) => other.clone(),
            None => answer,
        }
    }

    /// Polls until `probe` succeeds.
    pub(crate) fn eventually<T>(&self, what: &str, probe: impl FnMut() -> Result<T, String>) -> T {
        eventually(probe).unwrap_or_else(|seen| panic!("{what}: {seen}\n{}", self.log()))
    }

    /// The end of the daemon's log.
    pub(crate) fn log(&self) -> String {
        last_lines(&self.folder.path().join("log"), 30)
    }
}

fn eventually<T>(mut probe: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let until = now() + PATIENCE;
    loop {
        match probe() {
            Ok(found) => return Ok(found),
            Err(seen) if now() > until => return Err(seen),
            Err(_) => thread::sleep(Duration::from_millis(40)),
        }
    }
}

fn ask(path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&API, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_owned())
}

fn resources(peers: &[(&Slot, &str)]) -> String {
    let [a, b, c, d] = CLUSTER;
    let mut text = format!(
        "apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
spec:
  asNumber: {LOCAL_AS}
  nodeToNodeMeshEnabled: false
---
apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: n1
spec:
  bgp:
    ipv4Address: {}/16
    ipv6Address: {}/64
    routeReflectorClusterID: {a}.{b}.{c}.{d}
",
        Ipv4Addr::from(DAEMON_V4),
        Ipv6Addr::from(DAEMON_V6)
    );
    for (name, cidr) in [("pods-v4", "10.128.0.0/9"), ("pods-v6", "fd5a::/32")] {
        write!(
            text,
            "---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: {name}
spec:
  cidr: {cidr}
"
        )
        .expect("writing to a string");
    }
    for (slot, annotations) in peers {
        let role = slot
            .setting
            .role
            .map(|role| format!("calidris.io/role: {role}"));
        let annotations = format!("{annotations}{}", role.unwrap_or_default());
        let annotations = match annotations.trim_end() {
            "" => String::new(),
            some => format!("\n  annotations:\n    {some}"),
        };
        write!(
            text,
            "---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: {}{annotations}
spec:
  node: n1
  peerIP: \"{}\"
  asNumber: {}
",
            slot.name()
                .to_lowercase()
                .replace('_', "-")
                .replace("--", "-"),
            match slot.port {
                None => slot.address.to_string(),
                Some(port) => SocketAddr::new(slot.address, port).to_string(),
            },
            slot.setting.peer_as()
        )
        .expect("writing to a string");
    }
    text
}

/// Every address of the play is on the loopback.
fn add_addresses(peers: &[(&Slot, &str)]) {
    let own = [IpAddr::V4(DAEMON_V4.into()), IpAddr::V6(DAEMON_V6.into())];
    let mut batch = String::new();
    for address in own
        .into_iter()
        .chain(peers.iter().map(|(slot, _)| slot.address))
    {
        let rest = if address.is_ipv4() {
            "/32"
        } else {
            "/128 nodad"
        };
        let (address, rest) = match rest.split_once(' ') {
            Some((mask, flag)) => (format!("{address}{mask}"), flag),
            None => (format!("{address}{rest}"), ""),
        };
        writeln!(batch, "address add {address} dev lo {rest}").expect("writing to a string");
    }
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("ip can be run");
    let mut input = ip.stdin.take().expect("it was asked for");
    input
        .write_all(batch.as_bytes())
        .expect("ip reads its input");
    drop(input);
    assert!(ip.wait().expect("ip ends").success(), "{batch}");
}

/// Starts the daemon on a thread that outlives all tests: it dies with the thread that started it.
fn start(folder: &Path) {
    let log = fs::File::create(folder.join("log")).expect("our folder");
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            PROGRAM,
            "run",
            "--fib",
            "none",
            "--node",
            "n1",
        ])
        .arg("--datastore")
        .arg(format!("dir:{}", folder.display()))
        .arg("--socket")
        .arg(folder.join("calidris.sock"))
        .args(["--http", &API.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    thread::spawn(move || {
        let daemon: std::io::Result<Child> = command.spawn();
        let ended = daemon.and_then(|mut daemon| daemon.wait());
        println!("the daemon ended: {ended:?}");
    });
}

fn wait_until_it_answers(folder: &Path) {
    let answered = eventually(|| {
        let summary = ask("/api/v1/summary").map_err(|error| error.to_string())?;
        if summary.contains("Node_10_9_1_1") {
            Ok(())
        } else {
            Err(summary)
        }
    });
    if let Err(seen) = answered {
        panic!(
            "the daemon does not answer: {seen}\n{}",
            last_lines(&folder.join("log"), 40)
        );
    }
}

fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
