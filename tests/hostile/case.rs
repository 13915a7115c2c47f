//! A case: what is sent, by whom, and the reaction that its RFC demands; and how it is played.

use crate::checker::{Route, Rules};
use crate::octets::{Octets, hex, keepalive};
use crate::peer::{Connection, Seen};
use crate::stage::{Draft, Family, Setting, Stage};
use crate::world::{Slot, World};

/// One named case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The paragraph that decides.
    pub(crate) rfc: &'static str,
    pub(crate) group: &'static str,
    /// Rows of the list of known faults that this case is a test of.
    pub(crate) rows: &'static [u8],
    pub(crate) settings: Vec<Setting>,
    start: Start,
    /// The OPEN of the script leaves out that the peer speaks RFC 6793.
    two_octets: bool,
    script: Script,
    pub(crate) expect: Expect,
}

/// Messages to send, in order.
pub(crate) type Script = Box<dyn Fn(&Stage) -> Vec<Octets> + Send + Sync>;

/// Octets that depend on who plays.
pub(crate) type Of = Box<dyn Fn(&Stage) -> Octets + Send + Sync>;

/// Where a case begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The session is up, and two prefixes are known.
    Established,
    /// The connection is there, and the daemon's OPEN has come.
    Connected,
}

/// What must happen.
pub(crate) enum Expect {
    /// The session ends with this NOTIFICATION.
    Reset(u8, u8, Data),
    /// The session ends without a NOTIFICATION.
    Closed,
    /// Treat-as-withdraw: the known prefix goes, the fault is counted.
    Withdraw,
    /// The known prefix goes: withdrawn, or replaced by what cannot be used.
    Gone,
    /// Attribute discard: the route is replaced, the fault is counted.
    Discard(Vec<Check>),
    /// The route is replaced.
    Accepted(Vec<Check>),
    /// Nothing happens to the route.
    Unchanged,
    /// The session comes up, or stays up.
    Up,
}

impl Expect {
    /// What a faulty UPDATE is counted as, by the metric's label.
    pub(crate) const fn action(&self) -> Option<&'static str> {
        match self {
            Self::Withdraw => Some("treat_as_withdraw"),
            Self::Discard(_) => Some("attribute_discard"),
            Self::Reset(3, ..) => Some("session_reset"),
            Self::Reset(..)
            | Self::Closed
            | Self::Gone
            | Self::Accepted(_)
            | Self::Unchanged
            | Self::Up => None,
        }
    }

    /// In one word, for the summary.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Reset(..) => "session reset",
            Self::Closed => "closed in silence",
            Self::Withdraw => "treat-as-withdraw",
            Self::Gone => "route gone",
            Self::Discard(_) => "attribute discard",
            Self::Accepted(_) => "accepted",
            Self::Unchanged => "ignored",
            Self::Up => "session up",
        }
    }
}

/// The data of a NOTIFICATION.
pub(crate) enum Data {
    /// These octets.
    Is(Octets),
    /// These octets.
    Of(Of),
    /// Something of what was sent, or nothing.
    Echo,
}

/// What a witness must see of the known prefix.
pub(crate) struct Check {
    side: Side,
    probe: Probe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Internal,
    External,
    Both,
}

enum Probe {
    Absent(u8),
    Is(u8, u8, Of),
    Path(Of),
    NextHop(Of),
    NoRoute,
}

/// Neither witness sees the attribute.
pub(crate) fn absent(code: u8) -> Check {
    Check {
        side: Side::Both,
        probe: Probe::Absent(code),
    }
}

/// The external witness does not see the attribute.
pub(crate) fn absent_outside(code: u8) -> Check {
    Check {
        side: Side::External,
        probe: Probe::Absent(code),
    }
}

/// Both witnesses see exactly this attribute.
pub(crate) fn relayed(flags: u8, code: u8, value: &[u8]) -> Check {
    let value = value.to_vec();
    Check {
        side: Side::Both,
        probe: Probe::Is(code, flags, Box::new(move |_| value.clone())),
    }
}

/// The internal witness sees exactly this attribute.
pub(crate) fn inside(flags: u8, code: u8, value: &[u8]) -> Check {
    Check {
        side: Side::Internal,
        ..relayed(flags, code, value)
    }
}

/// The external witness sees exactly this attribute.
pub(crate) fn outside(flags: u8, code: u8, value: &[u8]) -> Check {
    Check {
        side: Side::External,
        ..relayed(flags, code, value)
    }
}

/// The internal witness sees an AS path of these numbers.
pub(crate) fn path_inside(value: impl Fn(&Stage) -> Octets + Send + Sync + 'static) -> Check {
    Check {
        side: Side::Internal,
        probe: Probe::Path(Box::new(value)),
    }
}

/// The external witness sees an AS path of these numbers.
pub(crate) fn path_outside(value: impl Fn(&Stage) -> Octets + Send + Sync + 'static) -> Check {
    Check {
        side: Side::External,
        probe: Probe::Path(Box::new(value)),
    }
}

/// The internal witness sees this next hop.
pub(crate) fn next_hop_inside(value: impl Fn(&Stage) -> Octets + Send + Sync + 'static) -> Check {
    Check {
        side: Side::Internal,
        probe: Probe::NextHop(Box::new(value)),
    }
}

/// The external witness sees no such route any more.
pub(crate) const fn no_route_outside() -> Check {
    Check {
        side: Side::External,
        probe: Probe::NoRoute,
    }
}

impl Case {
    /// A case on an established session, of all kinds.
    pub(crate) fn new(
        name: &'static str,
        rfc: &'static str,
        script: impl Fn(&Stage) -> Vec<Octets> + Send + Sync + 'static,
        expect: Expect,
    ) -> Self {
        Self {
            name,
            rfc,
            group: "",
            rows: &[],
            settings: Setting::all().filter(|setting| !setting.old).collect(),
            start: Start::Established,
            two_octets: false,
            script: Box::new(script),
            expect,
        }
    }

    /// A case about the known prefix announced again, with something done to it.
    pub(crate) fn draft(
        name: &'static str,
        rfc: &'static str,
        edit: impl Fn(&Stage, Draft) -> Draft + Send + Sync + 'static,
        expect: Expect,
    ) -> Self {
        Self::new(
            name,
            rfc,
            move |s| vec![edit(s, s.again()).octets()],
            expect,
        )
    }

    /// A case on a fresh connection, of all kinds.
    pub(crate) fn connected(
        name: &'static str,
        rfc: &'static str,
        script: impl Fn(&Stage) -> Vec<Octets> + Send + Sync + 'static,
        expect: Expect,
    ) -> Self {
        Self {
            start: Start::Connected,
            ..Self::new(name, rfc, script, expect)
        }
    }

    pub(crate) fn in_group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    pub(crate) fn rows(mut self, rows: &'static [u8]) -> Self {
        self.rows = rows;
        self
    }

    pub(crate) fn v4(self) -> Self {
        self.only(|setting| setting.family == Family::V4)
    }

    pub(crate) fn v6(self) -> Self {
        self.only(|setting| setting.family == Family::V6)
    }

    pub(crate) fn internal(self) -> Self {
        self.only(|setting| !setting.external)
    }

    pub(crate) fn external(self) -> Self {
        self.only(|setting| setting.external)
    }

    /// Between the daemon and a speaker of two-octet AS numbers instead.
    pub(crate) fn old(mut self) -> Self {
        for setting in &mut self.settings {
            setting.old = true;
        }
        self
    }

    /// The script's OPEN makes this a session of two-octet AS numbers.
    pub(crate) fn two_octets(mut self) -> Self {
        self.two_octets = true;
        self
    }

    /// Where the daemon has this role instead.
    pub(crate) fn role(mut self, role: &'static str) -> Self {
        self.settings = Setting::with_roles()
            .filter(|setting| setting.role == Some(role))
            .collect();
        self
    }

    fn only(mut self, wanted: impl Fn(&Setting) -> bool) -> Self {
        self.settings.retain(wanted);
        self
    }

    /// Plays the case once; says what was wrong.
    pub(crate) fn play(&self, world: &World, setting: Setting) -> Result<(), String> {
        let mut slot = world.take(setting);
        let stage = slot.stage(world.number());
        let result = match self.start {
            Start::Established => self.play_established(world, &mut slot, &stage),
            Start::Connected => self.play_connected(world, &mut slot, &stage),
        };
        if result.is_err() {
            slot.session = None;
        }
        world.give_back(slot);
        result
            .and_then(|()| world.witnesses_were_sent_good_messages(Some(&stage)))
            .and_then(|()| world.witnesses_are_up())
            .map_err(|got| {
                format!(
                    "{} ({}; {})\n  expected: {}\n  got: {got}",
                    self.name,
                    setting.name(),
                    self.rfc,
                    self.wanted(&stage)
                )
            })
    }

    fn wanted(&self, stage: &Stage) -> String {
        match &self.expect {
            Expect::Reset(code, subcode, Data::Is(data)) => {
                format!("NOTIFICATION {code}/{subcode} [{}]", hex(data))
            }
            Expect::Reset(code, subcode, Data::Of(data)) => {
                format!("NOTIFICATION {code}/{subcode} [{}]", hex(&data(stage)))
            }
            Expect::Reset(code, subcode, Data::Echo) => format!("NOTIFICATION {code}/{subcode}"),
            other => other.name().to_owned(),
        }
    }

    fn play_established(
        &self,
        world: &World,
        slot: &mut Slot,
        stage: &Stage,
    ) -> Result<(), String> {
        let session = slot.session()?;
        let before = stage
            .announce(&[stage.known(), stage.bystander()].concat())
            .set(1, crate::octets::attribute(0x40, 1, &[2]));
        session.send(&before.octets());
        let both = Audience {
            world,
            stage,
            session,
        };
        both.see("the prefixes announced beforehand", |seen| {
            (is_before(seen.routes.get(&stage.known()))
                && seen.routes.contains_key(&stage.bystander()))
            .then_some(())
        })?;
        let mut sent = Vec::new();
        for octets in (self.script)(stage) {
            session.send(&octets);
            sent.extend(octets);
        }
        match &self.expect {
            Expect::Reset(..) | Expect::Closed => {
                self.check_end(session, stage, &sent)?;
                both.gone(&stage.known())?;
                both.gone(&stage.bystander())?;
            }
            _ => {
                both.round_trip()?;
                self.check_route(&both)?;
                both.see("the bystander", |seen| {
                    is_before(seen.routes.get(&stage.bystander())).then_some(())
                })?;
                for prefix in [stage.known(), stage.bystander(), stage.fresh()] {
                    session.send(&stage.withdraw(&prefix));
                }
            }
        }
        complaint(session, stage)?;
        self.check_counter(world, slot)
    }

    fn play_connected(&self, world: &World, slot: &mut Slot, stage: &Stage) -> Result<(), String> {
        slot.session = None;
        let session = slot.connect(Rules::Headers)?;
        let mut sent = Vec::new();
        for octets in (self.script)(stage) {
            session.send(&octets);
            sent.extend(octets);
        }
        let result = match &self.expect {
            Expect::Reset(..) | Expect::Closed => self.check_end(&session, stage, &sent),
            _ => {
                session.send(&keepalive());
                let mut stage = stage.clone();
                stage.setting.old |= self.two_octets;
                let both = Audience {
                    world,
                    stage: &stage,
                    session: &session,
                };
                both.round_trip().and_then(|()| self.check_route(&both))
            }
        };
        result.and_then(|()| complaint(&session, stage))
    }

    fn check_end(&self, session: &Connection, stage: &Stage, sent: &[u8]) -> Result<(), String> {
        let got = session.end();
        let seen = session.seen();
        if !seen.ended {
            return Err(format!("the connection stays open, {got}"));
        }
        let (wanted, data) = match &self.expect {
            Expect::Reset(code, subcode, data) => (Some([*code, *subcode]), Some(data)),
            _ => (None, None),
        };
        let Some(notification) = &seen.notification else {
            return if wanted.is_none() { Ok(()) } else { Err(got) };
        };
        let (code, rest) = notification.split_at(2);
        let data_is_right = match data {
            None => false,
            Some(Data::Is(data)) => rest == data,
            Some(Data::Of(data)) => rest == data(stage),
            // No octet may be in it that was not received.
            Some(Data::Echo) => {
                rest.is_empty() || sent.windows(rest.len()).any(|window| window == rest)
            }
        };
        if wanted.is_some_and(|wanted| code == wanted) && data_is_right {
            Ok(())
        } else {
            Err(got)
        }
    }

    fn check_route(&self, both: &Audience<'_>) -> Result<(), String> {
        let known = both.stage.known();
        match &self.expect {
            Expect::Withdraw | Expect::Gone => both.gone(&known),
            Expect::Unchanged => both.see("the known route as it was", |seen| {
                is_before(seen.routes.get(&known)).then_some(())
            }),
            Expect::Discard(checks) | Expect::Accepted(checks) => {
                for (external, witness) in both.witnesses() {
                    let mine = || checks.iter().filter(move |check| check.is_for(external));
                    if mine().any(|check| matches!(check.probe, Probe::NoRoute)) {
                        both.gone_at(witness, &known)?;
                        continue;
                    }
                    both.at(witness, "the route announced anew", |seen| {
                        let route = seen.routes.get(&known);
                        (route.is_some() && !is_before(route)).then_some(())
                    })?;
                    let seen = witness.seen();
                    let route = seen.routes.get(&known).ok_or("a route that flaps")?;
                    mine().try_for_each(|check| check.holds(route, both.stage))?;
                }
                Ok(())
            }
            Expect::Reset(..) | Expect::Closed | Expect::Up => Ok(()),
        }
    }

    /// Faults are counted by what was done about them.
    fn check_counter(&self, world: &World, slot: &mut Slot) -> Result<(), String> {
        let counter = match self.expect.action() {
            Some("treat_as_withdraw") => "treatAsWithdraw",
            Some("attribute_discard") => "attributeDiscard",
            Some(_) => "sessionReset",
            None => return Ok(()),
        };
        let last = slot.errors.get(counter).copied().unwrap_or(0);
        let name = slot.name();
        let until = crate::peer::now() + crate::peer::PATIENCE;
        loop {
            let view = world.neighbor(&name);
            let errors = &view["counters"]["updateErrors"];
            if errors[counter].as_u64().is_some_and(|count| count > last) {
                for (action, count) in errors.as_object().into_iter().flatten() {
                    slot.errors
                        .insert(action.clone(), count.as_u64().unwrap_or(0));
                }
                return Ok(());
            }
            if crate::peer::now() > until {
                return Err(format!("not counted as {counter}: {}", view["counters"]));
            }
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
    }
}

impl Check {
    fn is_for(&self, external: bool) -> bool {
        match self.side {
            Side::Both => true,
            Side::Internal => !external,
            Side::External => external,
        }
    }

    fn holds(&self, route: &Route, stage: &Stage) -> Result<(), String> {
        let found = match &self.probe {
            Probe::Absent(code) => {
                let found = route.attributes.get(code);
                return match found {
                    None => Ok(()),
                    Some(found) => Err(format!("attribute {code} was passed on: {found:x?}")),
                };
            }
            Probe::Is(code, flags, value) => {
                let wanted = (*flags, value(stage));
                let found = route.attributes.get(code);
                (found != Some(&wanted)).then(|| {
                    let found = found.map(|(flags, value)| format!("{flags:#x} {}", hex(value)));
                    format!(
                        "attribute {code} is {found:?}, not {flags:#x} {}",
                        hex(&wanted.1)
                    )
                })
            }
            Probe::Path(value) => {
                let (found, wanted) = (route.value(2).unwrap_or_default(), value(stage));
                (numbers(found) != numbers(&wanted))
                    .then(|| format!("AS_PATH is {}, not {}", hex(found), hex(&wanted)))
            }
            Probe::NextHop(value) => {
                let wanted = value(stage);
                (route.next_hop != wanted)
                    .then(|| format!("next hop {}, not {}", hex(&route.next_hop), hex(&wanted)))
            }
            Probe::NoRoute => None,
        };
        found.map_or(Ok(()), Err)
    }
}

/// The two witnesses of a case's family, beside its own session.
pub(crate) struct Audience<'a> {
    pub(crate) world: &'a World,
    pub(crate) stage: &'a Stage,
    pub(crate) session: &'a Connection,
}

impl<'a> Audience<'a> {
    fn witnesses(&self) -> [(bool, &'a Connection); 2] {
        let family = self.stage.setting.family;
        [false, true].map(|external| (external, self.world.witness(external, family)))
    }

    /// Waits until both see what `wanted` looks for.
    pub(crate) fn see(
        &self,
        what: &str,
        wanted: impl Fn(&Seen) -> Option<()>,
    ) -> Result<(), String> {
        self.witnesses()
            .into_iter()
            .try_for_each(|(_, witness)| self.at(witness, what, &wanted))
    }

    /// Waits until neither sees the prefix.
    pub(crate) fn gone(&self, prefix: &[u8]) -> Result<(), String> {
        self.witnesses()
            .into_iter()
            .try_for_each(|(_, witness)| self.gone_at(witness, prefix))
    }

    fn gone_at(&self, witness: &Connection, prefix: &[u8]) -> Result<(), String> {
        let gone = witness.wait(|seen| (!seen.routes.contains_key(prefix)).then_some(()));
        gone.ok_or_else(|| {
            let seen = witness.seen();
            format!("the route stays: {:x?}", seen.routes.get(prefix))
        })
    }

    fn at(
        &self,
        witness: &Connection,
        what: &str,
        wanted: impl Fn(&Seen) -> Option<()>,
    ) -> Result<(), String> {
        let until = crate::peer::now() + crate::peer::PATIENCE;
        loop {
            if witness
                .wait_for(std::time::Duration::from_millis(250), &wanted)
                .is_some()
            {
                return Ok(());
            }
            let own = self.session.seen();
            if own.ended || own.notification.is_some() {
                return Err(format!("the session ended: {}", own.end()));
            }
            drop(own);
            if crate::peer::now() > until {
                let seen = witness.seen();
                let route = seen.routes.get(&self.stage.known());
                return Err(format!(
                    "a witness does not see {what}; the known route: {route:x?}"
                ));
            }
        }
    }

    /// Goes through the daemon twice, so that all that was sent before has had its effect.
    pub(crate) fn round_trip(&self) -> Result<(), String> {
        let sentinel = self.stage.sentinel();
        self.session.send(&self.stage.announce(&sentinel).octets());
        self.see("the sentinel", |seen| {
            seen.routes.contains_key(&sentinel).then_some(())
        })?;
        self.session.send(&self.stage.withdraw(&sentinel));
        self.see("the sentinel gone", |seen| {
            (!seen.routes.contains_key(&sentinel)).then_some(())
        })
    }
}

/// The numbers of a path of sequences of four octets each, however it is cut into segments.
fn numbers(mut path: &[u8]) -> Octets {
    let mut numbers = Vec::new();
    while let [_, count, rest @ ..] = path {
        let (segment, rest) = rest.split_at(rest.len().min(usize::from(*count) * 4));
        numbers.extend_from_slice(segment);
        path = rest;
    }
    numbers
}

/// Whether a route is the one announced beforehand, which has ORIGIN INCOMPLETE.
fn is_before(route: Option<&Route>) -> bool {
    route.is_some_and(|route| route.value(1) == Some(&[2]))
}

fn complaint(session: &Connection, stage: &Stage) -> Result<(), String> {
    let complaint = session.seen().complaint(stage);
    complaint.map_or(Ok(()), |complaint| Err(format!("was sent: {complaint}")))
}
