//! Settings that annotations carry (spec/interfaces.md §5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{PlannedSetting, Warnings, selection};
use crate::model::{Metadata, parse_duration};
use crate::net::{AddPathDirection, Family, PerFamily, PrefixLimit, Role};

/// What the names of these annotations begin with.
pub(super) const PREFIX: &str = "calidris.io/";

/// Settings of which each end of a session has its own.
const ONE_ENDED: [&str; 4] = ["passive", "prefix-limit", "role", "add-path"];

/// The largest long-lived stale time that 24 bits on the wire hold (RFC 9494 §3), in seconds.
const LONG_LIVED_TIME_MAX: u32 = 0xff_ffff;
/// The longest wait for the peer's OPEN: the hold time before one is agreed.
const DELAY_OPEN_MAX: Duration = Duration::from_secs(240);
/// The most paths to a prefix that can be asked for.
const ADD_PATH_MAX: u16 = 64;
/// The share of a prefix limit that is warned of where nobody says otherwise, in percent.
const WARN_PERCENT: u8 = 75;
/// The octets of a shutdown text that a NOTIFICATION has room for (RFC 9003 §2).
const SHUTDOWN_OCTETS_MAX: usize = 255;
/// The longest name of an interface in Linux.
const INTERFACE_OCTETS_MAX: usize = 15;

/// What holds for a session besides Calico's own fields; the narrower resource wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionSettings {
    /// Hold time to propose, in seconds.
    pub(super) hold_time: u16,
    /// Delay between dials.
    pub(super) connect_retry: Duration,
    /// First and largest idle hold after an error.
    pub(super) idle_hold: (Duration, Duration),
    /// How long an accepted connection waits for the peer's OPEN.
    pub(super) delay_open: Option<Duration>,
    /// Overrides who dials.
    pub(super) passive: Option<bool>,
    /// The families to offer; `None` for that of the session's address.
    pub(super) families: Option<PerFamily<bool>>,
    /// What to offer of ADD-PATH.
    pub(super) add_path: AddPathDirection,
    /// How many paths to a prefix are sent at most.
    pub(super) add_path_max: u16,
    /// How many prefixes a peer may announce.
    pub(super) prefix_limit: Option<PrefixLimit>,
    /// The role of this side in sessions with other ASes.
    pub(super) role: Option<Role>,
    /// Long-lived stale time to advertise, in seconds.
    pub(super) long_lived_time: Option<u32>,
    /// The interface of a link-local peer.
    pub(super) interface: Option<Arc<str>>,
    /// Set where the session is to be held down, with the message for the peer.
    pub(super) shutdown: Option<Arc<str>>,
    /// Where each value comes from that is not the default.
    pub(super) origins: Arc<BTreeMap<Arc<str>, PlannedSetting>>,
}

impl Default for SessionSettings {
    /// What BIRD's configuration fixed (spec/calico.md §3.9).
    fn default() -> Self {
        Self {
            hold_time: 240,
            connect_retry: Duration::from_secs(5),
            idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
            delay_open: None,
            passive: None,
            families: None,
            add_path: AddPathDirection {
                receive: true,
                send: true,
            },
            add_path_max: 16,
            prefix_limit: None,
            role: None,
            long_lived_time: None,
            interface: None,
            shutdown: None,
            origins: Arc::default(),
        }
    }
}

impl SessionSettings {
    /// These settings, overridden by what a resource says; a bad value changes nothing.
    pub(super) fn overridden_by(
        &self,
        metadata: &Metadata,
        resource: &Arc<str>,
        warnings: &mut Warnings,
    ) -> Self {
        let mut settings = self.clone();
        for (name, value) in &metadata.annotations {
            let Some(setting) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if selection::is_setting(setting) {
                if let Some(message) = selection::fault(setting, value, resource) {
                    warnings.add(Arc::clone(resource), &field(setting), message);
                }
                continue;
            }
            match settings.set(setting, value) {
                Ok(()) => {
                    let origin = PlannedSetting {
                        value: value.as_str().into(),
                        resource: Arc::clone(resource),
                    };
                    Arc::make_mut(&mut settings.origins).insert(setting.into(), origin);
                }
                Err(message) => warnings.add(Arc::clone(resource), &field(setting), message),
            }
            if setting == "shutdown" && value.len() > SHUTDOWN_OCTETS_MAX {
                let message = format!(
                    "the text has {} octets, and the peer is sent the first {SHUTDOWN_OCTETS_MAX}",
                    value.len()
                );
                warnings.add(Arc::clone(resource), &field(setting), message);
            }
        }
        settings
    }

    /// These settings for the sessions back to the nodes that a BGPPeer is for. What its annotations
    /// say of one end only is said of those nodes: they all waiting and their peers as well would
    /// mean no session, and a limit on what clients announce is none on what they are told.
    pub(super) fn reversed(mut self, cluster: &Self) -> Self {
        self.passive = cluster.passive;
        self.prefix_limit = cluster.prefix_limit;
        self.role = cluster.role;
        self.add_path = cluster.add_path;
        for setting in ONE_ENDED {
            self.forget(setting);
            if let Some(origin) = cluster.origins.get(setting) {
                Arc::make_mut(&mut self.origins).insert(setting.into(), origin.clone());
            }
        }
        self
    }

    /// Whether this very resource says what a setting is to be.
    pub(super) fn is_from(&self, setting: &str, resource: &str) -> bool {
        self.origins
            .get(setting)
            .is_some_and(|origin| *origin.resource == *resource)
    }

    /// Takes a setting back that means nothing to a session.
    pub(super) fn forget(&mut self, setting: &str) {
        if self.origins.contains_key(setting) {
            Arc::make_mut(&mut self.origins).remove(setting);
        }
    }

    fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        let refused = |allowed: &str| format!("{value:?} is not {allowed}: the default holds");
        match setting {
            "hold-time" => {
                self.hold_time =
                    hold_time(value).ok_or_else(|| refused("0 or a duration of 3 s to 18 h"))?;
            }
            "connect-retry" => {
                self.connect_retry =
                    delay(value).ok_or_else(|| refused("a duration of 1 s to 720 h"))?;
            }
            "idle-hold" => {
                self.idle_hold = idle_hold(value)
                    .ok_or_else(|| refused("MIN..MAX, two durations of 1 s to 720 h"))?;
            }
            "delay-open" => {
                self.delay_open =
                    delay_open(value).ok_or_else(|| refused("a duration of up to 4 m"))?;
            }
            "passive" => {
                let read = value.parse().map_err(|_| refused("true or false"))?;
                self.passive = Some(read);
            }
            "families" => {
                let read = families(value).ok_or_else(|| refused("ipv4, ipv6 or ipv4,ipv6"))?;
                self.families = Some(read);
            }
            "add-path" => {
                self.add_path =
                    add_path(value).ok_or_else(|| refused("off, receive, send or both"))?;
            }
            "add-path-max" => {
                let read = value.parse().ok();
                self.add_path_max = read
                    .filter(|max| (1..=ADD_PATH_MAX).contains(max))
                    .ok_or_else(|| refused("a whole number of 1–64"))?;
            }
            "prefix-limit" => {
                self.prefix_limit = prefix_limit(value).ok_or_else(|| refused(LIMIT_ALLOWED))?;
            }
            "role" => {
                self.role = role(value)
                    .ok_or_else(|| refused("provider, customer, peer, rs, rs-client or none"))?;
            }
            "llgr-time" => {
                self.long_lived_time = long_lived_time(value)
                    .ok_or_else(|| refused("a duration of whole seconds up to 4660h"))?;
            }
            "interface" => {
                let read = Some(value).filter(|name| is_interface(name));
                self.interface = Some(
                    read.ok_or_else(|| refused("the name of an interface"))?
                        .into(),
                );
            }
            "shutdown" => self.shutdown = Some(value.into()),
            _ => return Err("is not a setting of calidris: it is not used".to_owned()),
        }
        Ok(())
    }
}

/// The field that holds a setting.
pub(super) fn field(setting: &str) -> String {
    format!("metadata.annotations[{PREFIX}{setting}]")
}

/// The bounds of a delay; far beyond the larger one it would exceed what a clock can tell.
const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(720 * 3600);
const LIMIT_ALLOWED: &str = "N[,warn=P%][,restart=DURATION] with N from 1, P of 1–100 and a duration of 1 s to 720 h, or none";

fn hold_time(value: &str) -> Option<u16> {
    let seconds = u16::try_from(whole_seconds(value)?).ok()?;
    matches!(seconds, 0 | 3..=64_800).then_some(seconds)
}

fn delay(value: &str) -> Option<Duration> {
    parse_duration(value).filter(|delay| (DELAY_MIN..=DELAY_MAX).contains(delay))
}

fn idle_hold(value: &str) -> Option<(Duration, Duration)> {
    let (first, largest) = value.split_once("..")?;
    let (first, largest) = (delay(first)?, delay(largest)?);
    (first <= largest).then_some((first, largest))
}

/// Zero switches the delay off.
fn delay_open(value: &str) -> Option<Option<Duration>> {
    let delay = parse_duration(value).filter(|delay| *delay <= DELAY_OPEN_MAX)?;
    Some((!delay.is_zero()).then_some(delay))
}

fn families(value: &str) -> Option<PerFamily<bool>> {
    let mut families = PerFamily::default();
    for name in value.split(',').map(str::trim) {
        let family = Family::ALL
            .into_iter()
            .find(|family| family.name() == name)?;
        *families.get_mut(family) = true;
    }
    Some(families)
}

fn add_path(value: &str) -> Option<AddPathDirection> {
    let (receive, send) = match value {
        "off" => (false, false),
        "receive" => (true, false),
        "send" => (false, true),
        "both" => (true, true),
        _ => return None,
    };
    Some(AddPathDirection { receive, send })
}

fn prefix_limit(value: &str) -> Option<Option<PrefixLimit>> {
    if value == "none" {
        return Some(None);
    }
    let mut parts = value.split(',').map(str::trim);
    let mut limit = PrefixLimit {
        max: parts.next()?.parse().ok().filter(|max| *max > 0)?,
        warn_percent: WARN_PERCENT,
        restart: None,
    };
    for part in parts {
        match part.split_once('=')? {
            ("warn", share) => {
                let percent = share.strip_suffix('%')?.parse().ok();
                limit.warn_percent = percent.filter(|percent| (1..=100).contains(percent))?;
            }
            ("restart", time) => limit.restart = Some(delay(time)?),
            _ => return None,
        }
    }
    Some(Some(limit))
}

fn role(value: &str) -> Option<Option<Role>> {
    if value == "none" {
        return Some(None);
    }
    let roles = [
        Role::Provider,
        Role::Customer,
        Role::Peer,
        Role::Rs,
        Role::RsClient,
    ];
    roles
        .into_iter()
        .find(|role| role.name() == value)
        .map(Some)
}

/// Zero leaves long-lived graceful restart out.
fn long_lived_time(value: &str) -> Option<Option<u32>> {
    let seconds = u32::try_from(whole_seconds(value)?).ok()?;
    (seconds <= LONG_LIVED_TIME_MAX).then_some((seconds > 0).then_some(seconds))
}

fn whole_seconds(value: &str) -> Option<u64> {
    let time = parse_duration(value)?;
    (time.subsec_nanos() == 0).then_some(time.as_secs())
}

fn is_interface(name: &str) -> bool {
    let is_allowed = |octet: u8| octet.is_ascii_graphic() && octet != b'/';
    (1..=INTERFACE_OCTETS_MAX).contains(&name.len())
        && name.bytes().all(is_allowed)
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests;
