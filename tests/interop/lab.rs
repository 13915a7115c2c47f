//! One calidris, one peer and one feeder on a segment, and what came of each case.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::capture::Capture;
use crate::cases::{self, Case};
use crate::feeder::{Feed, Feeder};
use crate::peers::{Peer, Program};
use crate::routes::{self, Hop, MANY, Side, Table};
use crate::setup::{Announced, FEEDERS, Family, Kind, PEER, SPEAKER, SPEAKER_AS, Setup};
use crate::support::calidris::Calidris;
use crate::support::namespace::{Namespace, Segment};
use crate::support::now;
use crate::support::resources::{self, Resources};
use crate::table::{Cell, Outcome};
use crate::wait::{eventually, holds};

/// What a BGPPeer of the lab's peer has besides address and AS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peering {
    /// The password that calidris has for it.
    pub(crate) password: Option<&'static str>,
    /// `ttlSecurity: 1`.
    pub(crate) ttl_security: bool,
    /// The feeder's second address is a neighbour as well.
    pub(crate) second_feeder: bool,
}

pub(crate) struct Lab<'a> {
    pub(crate) program: &'static Program,
    pub(crate) kind: Kind,
    pub(crate) calidris: Calidris<'a>,
    pub(crate) peer: Box<dyn Peer + 'a>,
    pub(crate) feeder: Feeder<'a>,
    pub(crate) feed: Feed,
    /// What the peer has to announce, by itself or from the feeder.
    pub(crate) from_peer: Announced,
    pub(crate) capture: Capture<'a>,
    pub(crate) speaker: &'a Namespace,
    resources: &'a Resources,
    /// Why the session of a family does not come up, since the last change of its configuration.
    given_up: RefCell<BTreeMap<Family, String>>,
    cells: Vec<Cell>,
}

/// Builds a lab for one program and one kind of session, tries everything, takes it down.
pub(crate) fn run(program: &'static Program, kind: Kind) -> Vec<Cell> {
    let segment = Segment::create("hub").expect("namespaces can be made");
    let join = |label: &str, host: u8| {
        let namespace = Namespace::create(label).expect("namespaces can be made");
        let [first, second] = Family::ALL.map(|family| family.interface(host));
        segment
            .attach(&namespace, &[&first, &second])
            .expect("links can be made");
        namespace
    };
    let speaker = join("n1", SPEAKER);
    let there = join("peer", PEER);
    let feeding = FEEDERS.map(|host| join("feeder", host));
    let resources = Resources::create().expect("a temporary folder");

    let of_peer = announced(Side::Peer, MANY);
    let from_peer = of_peer.clone();
    let (own, fed) = match program.relays {
        true => (Announced::default(), Some(of_peer)),
        false => (of_peer, None),
    };
    let feed = Feed {
        speaker: announced(Side::Speaker, MANY),
        peer: fed,
        twice: false,
    };
    write_base(&resources);
    write_peers(&resources, kind, &Peering::default());
    let capture = Capture::start(&speaker);
    let feeder = Feeder::start([&feeding[0], &feeding[1]], kind, &feed);
    let mut peer = (program.prepare)(&there);
    let started = peer.start(&Setup::plain(kind, own));
    let calidris = Calidris::start_with(&speaker, "n1", &resources, &["--fib", "none"]);
    let mut lab = Lab {
        program,
        kind,
        calidris,
        peer,
        feeder,
        feed,
        from_peer,
        capture,
        speaker: &speaker,
        resources: &resources,
        given_up: RefCell::default(),
        cells: Vec::new(),
    };
    if let Err(error) = started {
        println!("{}: it could not be started: {error}", lab.name());
    }
    cases::all(&mut lab);
    lab.cells
}

/// Routes of one side in both families.
pub(crate) fn announced(side: Side, count: usize) -> Announced {
    Announced {
        v4: routes::many(Family::V4, side, count),
        v6: routes::many(Family::V6, side, count),
    }
}

impl Lab<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.program.name, self.kind.name())
    }

    /// Tries one case in one family and notes what came of it.
    pub(crate) fn case(
        &mut self,
        case: Case,
        family: Family,
        act: impl FnOnce(&mut Self, Family) -> Result<(), String>,
    ) {
        let start = now();
        let outcome = match (self.program.lacks)(case, self.kind, family) {
            Some(fact) => Outcome::Lacks(fact),
            None => match catch_unwind(AssertUnwindSafe(|| act(self, family))) {
                Ok(Ok(())) => Outcome::Passed,
                Ok(Err(error)) => Outcome::Failed(error),
                Err(panic) => Outcome::Failed(words(&*panic)),
            },
        };
        let seconds = start.elapsed().as_secs_f64();
        let (name, title, family_name) = (self.name(), case.name(), family.name());
        println!("{name} {family_name}: {title}: {outcome} ({seconds:.1} s)");
        self.cells.push(Cell {
            program: self.program.name,
            kind: self.kind,
            family,
            case,
            outcome,
        });
    }

    /// The name of calidris' session with the peer.
    pub(crate) fn session_name(family: Family) -> String {
        session_name(family, PEER)
    }

    /// Calidris' session with the peer.
    pub(crate) fn session(&self, family: Family) -> Result<Value, String> {
        self.calidris.try_session(&Self::session_name(family))
    }

    /// Waits until both sides say that the session is established.
    ///
    /// After it has waited in vain once, it fails at once until something is changed.
    pub(crate) fn wait_until_established(&self, family: Family) -> Result<(), String> {
        if let Some(error) = self.given_up.borrow().get(&family) {
            return Err(format!("no session, as before: {error}"));
        }
        let waited = eventually("both sides established", || {
            let session = self.session(family)?;
            holds(
                session["state"] == "Established",
                (&session["state"], &session["lastError"]),
            )?;
            self.peer.established(family)
        });
        if let Err(error) = &waited {
            self.given_up.borrow_mut().insert(family, error.clone());
        }
        waited
    }

    /// Ends the peer without notice, and forgets what sessions did not come up.
    pub(crate) fn kill_peer(&mut self) {
        self.given_up.borrow_mut().clear();
        self.peer.kill();
    }

    /// Gives calidris other peerings.
    pub(crate) fn peerings(&self, peering: &Peering) {
        self.given_up.borrow_mut().clear();
        write_peers(self.resources, self.kind, peering);
    }

    /// What calidris has from the peer, before its import policy.
    pub(crate) fn received(&self, family: Family) -> Result<Table, String> {
        let name = Self::session_name(family);
        let words = ["routes", "--received", &name, "--family", family.name()];
        Ok(routes::of_calidris(&self.calidris.try_show(&words)?))
    }

    /// What the peer is to have of the routes fed to calidris from this address of the feeder.
    pub(crate) fn wanted_there(&self, family: Family, feeder: u8, table: &Table) -> Table {
        let hop = Hop {
            local_as: SPEAKER_AS,
            kind: self.kind,
            next_hop: &family.address(match self.kind {
                Kind::Internal => feeder,
                Kind::External => SPEAKER,
            }),
            med_crosses: false,
        };
        hop.after(table)
    }

    /// What calidris is to have of the routes that the peer announces by itself or has from this
    /// address of the feeder.
    pub(crate) fn wanted_here(&self, family: Family, feeder: u8, table: &Table) -> Table {
        let is_kept = self.kind == Kind::Internal || self.program.third_party_next_hop;
        let hop = Hop {
            local_as: self.kind.peer_as(),
            kind: self.kind,
            next_hop: &family.address(match self.program.relays && is_kept {
                true => feeder,
                false => PEER,
            }),
            med_crosses: self.program.med_crosses,
        };
        let mut wanted = hop.after(table);
        if self.kind == Kind::Internal && self.program.adds_med {
            for path in wanted.values_mut().flatten() {
                path.med.get_or_insert(0);
            }
        }
        wanted
    }

    /// Waits until the peer has exactly these routes from calidris.
    pub(crate) fn wait_there(&self, family: Family, wanted: &Table) -> Result<(), String> {
        let mut wanted = wanted.clone();
        if !self.program.tells_absent_med {
            for path in wanted.values_mut().flatten() {
                path.med = path.med.filter(|med| *med != 0);
            }
        }
        // The whole table is much to ask for, again and again.
        let is_many = wanted.len() > 1_000;
        eventually("its routes from calidris", || {
            if is_many {
                let count = self.peer.count(family)?;
                holds(
                    count == wanted.len(),
                    format!("{count} of {}", wanted.len()),
                )?;
            }
            routes::compare(&wanted, &self.peer.received(family)?)
        })
    }

    /// Waits until calidris has exactly these routes from the peer.
    pub(crate) fn wait_here(&self, family: Family, wanted: &Table) -> Result<(), String> {
        let is_many = wanted.len() > 1_000;
        eventually("calidris' routes from it", || {
            if is_many {
                let prefixes = self.session(family)?["prefixes"][family.name()].clone();
                // FRR and others send back what they have from calidris, which it refuses.
                holds(prefixes["accepted"] == wanted.len(), prefixes)?;
            }
            routes::compare(wanted, &self.received(family)?)
        })
    }

    /// Has the peer announce these, itself or by way of the feeder.
    pub(crate) fn announce_from_peer(
        &mut self,
        family: Family,
        table: &Table,
    ) -> Result<(), String> {
        *self.from_peer.of_mut(family) = table.clone();
        match &mut self.feed.peer {
            Some(fed) => {
                *fed.of_mut(family) = table.clone();
                self.feeder.feed(&self.feed);
                Ok(())
            }
            None => self.peer.announce(family, table),
        }
    }
}

/// The name that calidris gives to its session with a host of the lab.
pub(crate) fn session_name(family: Family, host: u8) -> String {
    let address = family.address(host).replace(['.', ':'], "_");
    format!("Node_{address}")
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic".to_owned())
}

/// The cluster: calidris is a route reflector, so that routes of internal peers pass it too.
fn write_base(resources: &Resources) {
    let parts = [
        format!(
            "apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
  annotations:
    calidris.io/connect-retry: 1s
    calidris.io/idle-hold: 1s..2s
spec:
  asNumber: {SPEAKER_AS}
  nodeToNodeMeshEnabled: false
"
        ),
        format!(
            "apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: n1
spec:
  bgp:
    ipv4Address: {}
    ipv6Address: {}
    routeReflectorClusterID: 244.0.0.1
",
            Family::V4.interface(SPEAKER),
            Family::V6.interface(SPEAKER)
        ),
        resources::pool("fed-v4", "100.64.0.0/10", 26),
        resources::pool("fed-v6", "fd5a:1::/32", 122),
    ];
    resources
        .write("base.yaml", &resources::documents(&parts))
        .expect("the folder is ours");
}

fn write_peers(resources: &Resources, kind: Kind, peering: &Peering) {
    let mut parts = Vec::new();
    for family in Family::ALL {
        let hosts = if peering.second_feeder {
            &FEEDERS[..]
        } else {
            &FEEDERS[..1]
        };
        for &host in hosts {
            let name = format!("feeder-{host}-{}", family.name());
            parts.push(resources::peer(
                &name,
                "n1",
                &family.address(host),
                SPEAKER_AS,
            ));
        }
        let name = format!("peer-{}", family.name());
        let mut peer = resources::peer(&name, "n1", &family.address(PEER), kind.peer_as());
        if peering.password.is_some() {
            peer += "  password:\n    secretKeyRef:\n      name: bgp\n      key: peer\n";
        }
        if peering.ttl_security {
            peer += "  ttlSecurity: 1\n";
        }
        parts.push(peer);
    }
    if let Some(password) = peering.password {
        parts.push(format!(
            "apiVersion: v1
kind: Secret
metadata:
  name: bgp
  namespace: kube-system
stringData:
  peer: {password}
"
        ));
    }
    resources
        .write("peers.yaml", &resources::documents(&parts))
        .expect("the folder is ours");
}
