//! OpenBGPD in its portable edition.
//!
//! Its parts change to users and folders of their own below `/run`, which it gets in a mount
//! namespace, so that nothing of it appears on the machine.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Peer, Program};
use crate::cases::Case;
use crate::routes::{Path, Table, as_numbers, number, text, texts};
use crate::setup::{Capability, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::namespace::{Namespace, Process, last_lines, output};
use crate::wait::eventually;

pub(crate) const PROGRAM: Program = Program {
    name: "openbgpd 7.7",
    file: "/usr/sbin/bgpd",
    changes_user: true,
    relays: true,
    med_crosses: false,
    adds_med: false,
    third_party_next_hop: true,
    tells_absent_med: false,
    tells: &[
        Capability::Multiprotocol,
        Capability::RouteRefresh,
        Capability::EnhancedRefresh,
        Capability::FourOctetAs,
        Capability::GracefulRestart,
        Capability::AddPathReceive,
        Capability::AddPathSend,
    ],
    lacks,
    prepare: |namespace| {
        Box::new(Openbgpd {
            namespace,
            folder: TempDir::new().expect("a temporary folder"),
            kind: Kind::Internal,
            process: None,
        })
    },
};

fn lacks(case: Case, kind: Kind, _: Family) -> Option<&'static str> {
    match case {
        Case::WrongTtl if kind == Kind::Internal => {
            Some("it answers with TTL 255 whoever connects to it")
        }
        Case::GracefulRestart => {
            Some("its graceful restart capability lists no family: it only sends End-of-RIB")
        }
        Case::RefreshBySpeaker => Some(
            "it ignores every request, also of BIRD: its log says \"AID not negotiated\" of a family \
             that it shows as negotiated",
        ),
        Case::LargeToPeer | Case::LargeFromPeer => Some(NO_LARGE_MESSAGES),
        Case::Password | Case::WrongPassword => {
            Some("the portable edition ignores tcp md5sig on Linux: its segments are not signed")
        }
        _ => None,
    }
}

const NO_LARGE_MESSAGES: &str = "it does not know the extended message capability of RFC 8654";

struct Openbgpd<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    kind: Kind,
    process: Option<Process>,
}

const SCRIPT: &str = "mount -t tmpfs tmpfs /run && mkdir /run/openbgpd && exec \"$0\" \"$@\"";

impl Openbgpd<'_> {
    fn launch(&mut self) -> Result<(), String> {
        let file = self.path("bgpd.conf").display().to_string();
        let arguments = [
            "--mount",
            "sh",
            "-c",
            SCRIPT,
            PROGRAM.file,
            "-d",
            "-v",
            "-f",
            &file,
        ];
        let process = self
            .namespace
            .spawn("unshare", &arguments, &self.path("log"))
            .map_err(|error| error.to_string())?;
        self.process = Some(process);
        eventually("bgpd answers", || {
            self.ask(&["show", "summary"])
                .map(drop)
                .map_err(|error| format!("{error}\n{}", last_lines(&self.path("log"), 5)))
        })
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("/usr/sbin/bgpctl");
        command.arg("-s").arg(self.path("ctl")).args(words);
        output(&mut command).map_err(|error| error.to_string())
    }

    fn ask_json(&self, words: &[&str]) -> Result<Value, String> {
        let mut all = vec!["-j"];
        all.extend(words);
        let told = self.ask(&all)?;
        serde_json::from_str(&told).map_err(|error| format!("{error} in {told}"))
    }

    fn neighbor(&self, family: Family) -> Result<Value, String> {
        let answer = self.ask_json(&["show", "neighbor", &family.address(SPEAKER)])?;
        Ok(answer["neighbors"][0].clone())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Peer for Openbgpd<'_> {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.kill();
        self.kind = setup.kind;
        let file = self.path("bgpd.conf");
        fs::write(
            &file,
            configuration(setup, &self.path("ctl").display().to_string()),
        )
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)))
        .map_err(|error| error.to_string())?;
        self.launch()
    }

    fn kill(&mut self) {
        self.process = None;
        let _ = fs::remove_file(self.path("ctl"));
    }

    fn recover(&mut self) -> Result<(), String> {
        self.launch()
    }

    fn established(&self, family: Family) -> Result<(), String> {
        let state = text(&self.neighbor(family)?["state"]);
        (state == "Established").then_some(()).ok_or(state)
    }

    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String> {
        let told = self.neighbor(family)?["session"]["remote"]["capabilities"].clone();
        let has = |name: &str, capability| (told[name] == true).then_some(capability);
        let restart = &told["graceful_restart"]["timeout"];
        let multiprotocol = texts(&told["multiprotocol"]);
        let wanted = format!("IPv{} unicast", family.digit());
        let add_path = text(&told["add-path"][0]["mode"]);
        let both = add_path == "bidir" || add_path == "both";
        let receive = both || add_path == "recv";
        let send = both || add_path == "send";
        Ok([
            multiprotocol
                .contains(&wanted)
                .then_some(Capability::Multiprotocol),
            has("refresh", Capability::RouteRefresh),
            has("enhanced_refresh", Capability::EnhancedRefresh),
            has("as4byte", Capability::FourOctetAs),
            restart.is_u64().then_some(Capability::GracefulRestart),
            receive.then_some(Capability::AddPathReceive),
            send.then_some(Capability::AddPathSend),
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn received(&self, family: Family) -> Result<Table, String> {
        let words = [
            "show",
            "rib",
            "in",
            "neighbor",
            &family.address(SPEAKER),
            "detail",
        ];
        let answer = self.ask_json(&words)?;
        let mut table = Table::new();
        for route in answer["rib"].as_array().into_iter().flatten() {
            let path = Path {
                next_hop: text(&route["exit_nexthop"]),
                origin: text(&route["origin"]).to_lowercase(),
                as_path: as_numbers(&text(&route["aspath"])),
                med: number(&route["metric"]).filter(|med| *med != 0),
                local_pref: number(&route["localpref"]).filter(|_| self.kind == Kind::Internal),
                communities: texts(&route["communities"]),
                extended: texts(&route["extended_communities"])
                    .iter()
                    .map(|item| item.replace("rt ", "rt:").replace("soo ", "ro:"))
                    .collect(),
                large: texts(&route["large_communities"]),
            };
            table.entry(text(&route["prefix"])).or_default().push(path);
        }
        Ok(table)
    }

    fn count(&self, family: Family) -> Result<usize, String> {
        let count = &self.neighbor(family)?["stats"]["prefixes"]["received"];
        Ok(count
            .as_u64()
            .and_then(|count| count.try_into().ok())
            .unwrap_or(0))
    }

    fn announce(&mut self, _: Family, _: &Table) -> Result<(), String> {
        Err("its routes come from the feeder".to_owned())
    }

    fn ask_refresh(&self, family: Family) -> Result<(), String> {
        self.ask(&["neighbor", &family.address(SPEAKER), "refresh"])
            .map(drop)
    }

    fn shut_down(&self, family: Family, text: &str) -> Result<(), String> {
        self.ask(&["neighbor", &family.address(SPEAKER), "down", text])
            .map(drop)
    }

    fn enable(&self, family: Family) -> Result<(), String> {
        self.ask(&["neighbor", &family.address(SPEAKER), "up"])
            .map(drop)
    }

    fn account(&self, family: Family) -> String {
        let told = self.ask(&["show", "neighbor", &family.address(SPEAKER)]);
        let log = last_lines(&self.path("log"), 60);
        format!("{}\n{log}", told.unwrap_or_else(|error| error))
    }
}

fn configuration(setup: &Setup, socket: &str) -> String {
    let peer_as = setup.kind.peer_as();
    let mut text = format!(
        "AS {peer_as}
router-id {}
fib-update no
nexthop qualify via default
connect-retry 1
socket \"{socket}\"
listen on {}
listen on {}
",
        Family::V4.address(PEER),
        Family::V4.address(PEER),
        Family::V6.address(PEER),
    );
    for family in Family::ALL {
        let families = match family {
            Family::V4 => "announce IPv4 unicast\n announce IPv6 none",
            Family::V6 => "announce IPv4 none\n announce IPv6 unicast",
        };
        let mut options = String::new();
        if let Some(password) = setup.password {
            let _ = writeln!(options, " tcp md5sig password {password}");
        }
        if setup.ttl_security {
            options.push_str(" ttl-security yes\n");
        }
        if setup.add_path {
            options.push_str(" announce add-path recv yes\n announce add-path send all\n");
        }
        let _ = writeln!(
            text,
            "neighbor {} {{
 remote-as {SPEAKER_AS}
 announce enhanced refresh yes
 {families}
{options}}}",
            family.address(SPEAKER)
        );
        for &host in setup.feeders() {
            let _ = writeln!(
                text,
                "neighbor {} {{
 remote-as {peer_as}
 route-reflector
 {families}
}}",
                family.address(host)
            );
        }
    }
    text.push_str("allow from any\nallow to any\n");
    text
}
