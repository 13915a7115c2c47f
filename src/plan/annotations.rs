//! Settings that annotations carry (spec/interfaces.md §5).

use std::time::Duration;

use super::Warnings;
use crate::model::{Metadata, parse_duration};

const PREFIX: &str = "calidris.io/";

/// Settings that are known, and take no effect yet.
const NOT_YET: [&str; 7] = [
    "families",
    "add-path",
    "add-path-max",
    "prefix-limit",
    "role",
    "multipath",
    "llgr-time",
];

/// What holds for a session besides Calico's own fields; the narrower resource wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionSettings {
    /// Hold time to propose, in seconds.
    pub(super) hold_time: u16,
    /// Delay between dials.
    pub(super) connect_retry: Duration,
    /// First and largest idle hold after an error.
    pub(super) idle_hold: (Duration, Duration),
    /// Overrides who dials.
    pub(super) passive: Option<bool>,
    /// The session is to be held down.
    pub(super) is_shut_down: bool,
}

impl Default for SessionSettings {
    /// What BIRD's configuration fixed (spec/calico.md §3.9).
    fn default() -> Self {
        Self {
            hold_time: 240,
            connect_retry: Duration::from_secs(5),
            idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
            passive: None,
            is_shut_down: false,
        }
    }
}

impl SessionSettings {
    /// These settings, overridden by what a resource says; a bad value changes nothing.
    pub(super) fn overridden_by(
        mut self,
        metadata: &Metadata,
        resource: &str,
        warnings: &mut Warnings,
    ) -> Self {
        for (name, value) in &metadata.annotations {
            let Some(setting) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if let Err(message) = self.set(setting, value) {
                warnings.add(resource, &format!("metadata.annotations[{name}]"), message);
            }
        }
        self
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
                    delay(value).ok_or_else(|| refused("a duration of 1 s or more"))?;
            }
            "idle-hold" => {
                self.idle_hold = idle_hold(value)
                    .ok_or_else(|| refused("MIN..MAX, two durations of 1 s or more"))?;
            }
            "passive" => {
                let read = value.parse().map_err(|_| refused("true or false"))?;
                self.passive = Some(read);
            }
            "shutdown" => self.is_shut_down = true,
            _ if NOT_YET.contains(&setting) => return Err(NOT_YET_MESSAGE.to_owned()),
            _ => return Err("is not a setting of calidris: it is not used".to_owned()),
        }
        Ok(())
    }
}

const NOT_YET_MESSAGE: &str = "takes no effect yet: the default holds";

fn hold_time(value: &str) -> Option<u16> {
    let time = parse_duration(value)?;
    let whole = time.subsec_nanos() == 0;
    let seconds = u16::try_from(time.as_secs()).ok()?;
    (whole && matches!(seconds, 0 | 3..=64_800)).then_some(seconds)
}

fn delay(value: &str) -> Option<Duration> {
    parse_duration(value).filter(|delay| *delay >= Duration::from_secs(1))
}

fn idle_hold(value: &str) -> Option<(Duration, Duration)> {
    let (first, largest) = value.split_once("..")?;
    let (first, largest) = (delay(first)?, delay(largest)?);
    (first <= largest).then_some((first, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> (SessionSettings, Vec<String>) {
        let metadata = Metadata {
            name: "x".into(),
            labels: std::collections::BTreeMap::new(),
            annotations: pairs
                .iter()
                .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
                .collect(),
        };
        let mut warnings = Warnings::default();
        let read = SessionSettings::default().overridden_by(&metadata, "BGPPeer/x", &mut warnings);
        let fields = warnings.0.iter().map(|w| w.field.to_string()).collect();
        (read, fields)
    }

    #[test]
    fn settings_are_read() {
        let (read, warnings) = settings(&[
            ("hold-time", "9s"),
            ("connect-retry", "2s"),
            ("idle-hold", "1s..1m"),
            ("passive", "true"),
        ]);
        assert_eq!(
            read,
            SessionSettings {
                hold_time: 9,
                connect_retry: Duration::from_secs(2),
                idle_hold: (Duration::from_secs(1), Duration::from_secs(60)),
                passive: Some(true),
                is_shut_down: false,
            }
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn bad_values_are_named_and_the_default_holds() {
        for (name, value) in [
            ("hold-time", "1s"),
            ("hold-time", "2s"),
            ("hold-time", "3.5s"),
            ("hold-time", "19h"),
            ("connect-retry", "0"),
            ("idle-hold", "30s..5s"),
            ("idle-hold", "5s"),
            ("passive", "yes"),
            ("families", "ipv4,ipv6"),
            ("colour", "blue"),
        ] {
            let (read, warnings) = settings(&[(name, value)]);
            assert_eq!(read, SessionSettings::default(), "{name}: {value}");
            assert_eq!(warnings, [format!("metadata.annotations[{PREFIX}{name}]")]);
        }
    }
}
