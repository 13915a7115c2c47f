//! How paths are chosen: settings of the node, which annotations of BGPConfiguration carry
//! (spec/interfaces.md §5).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::PlannedSetting;
use super::annotations::PREFIX;
use super::speaker::Local;
use crate::policy::SelectionRules;

/// The most paths that may share the load of one prefix.
const MULTIPATH_MAX: u8 = 64;

/// The settings of this kind.
const SETTINGS: [&str; 2] = ["multipath", "always-compare-med"];

/// How paths are chosen, and which resources say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectionPlan {
    /// The rules.
    #[serde(flatten)]
    pub rules: SelectionRules,
    /// Where each comes from that is not the default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<Arc<str>, PlannedSetting>,
}

/// Whether a setting is one of these.
pub(super) fn is_setting(setting: &str) -> bool {
    SETTINGS.contains(&setting)
}

/// What is wrong with such a setting in a resource, if anything is.
pub(super) fn fault(setting: &str, value: &str, resource: &str) -> Option<String> {
    if !resource.starts_with("BGPConfiguration/") {
        let message = "is a setting of a whole node: it is read in BGPConfiguration only";
        return Some(message.to_owned());
    }
    set(&mut SelectionRules::default(), setting, value).err()
}

/// Takes what BGPConfiguration says; the node's own wins. Faults are told where its other settings
/// are read.
pub(super) fn plan(local: &Local<'_>) -> SelectionPlan {
    let mut plan = SelectionPlan::default();
    for configuration in [local.global, local.own].into_iter().flatten() {
        let resource: Arc<str> = format!("BGPConfiguration/{}", configuration.metadata.name).into();
        for (name, value) in &configuration.metadata.annotations {
            let setting = name
                .strip_prefix(PREFIX)
                .filter(|setting| is_setting(setting));
            let Some(setting) = setting else {
                continue;
            };
            if set(&mut plan.rules, setting, value).is_ok() {
                let origin = PlannedSetting {
                    value: value.as_str().into(),
                    resource: Arc::clone(&resource),
                };
                plan.settings.insert(setting.into(), origin);
            }
        }
    }
    plan
}

fn set(rules: &mut SelectionRules, setting: &str, value: &str) -> Result<(), String> {
    let refused = |allowed: &str| format!("{value:?} is not {allowed}: the default holds");
    if setting == "multipath" {
        let read = multipath(value);
        let (max, same_as_path) = read.ok_or_else(|| {
            refused("a whole number of 1–64, or that with \",relax\" or \",strict\" after it")
        })?;
        (rules.multipath_max, rules.multipath_same_as_path) = (max, same_as_path);
    } else {
        let read = value.parse();
        rules.always_compare_med = read.map_err(|_| refused("true or false"))?;
    }
    Ok(())
}

/// Reads `N`, `N,relax` or `N,strict`: how many, and whether AS paths must be the same.
fn multipath(value: &str) -> Option<(u8, bool)> {
    let (max, same_as_path) = match value.split_once(',') {
        None => (value, false),
        Some((max, way)) => match way.trim() {
            "relax" => (max, false),
            "strict" => (max, true),
            _ => return None,
        },
    };
    let max = max.trim().parse().ok()?;
    (1..=MULTIPATH_MAX)
        .contains(&max)
        .then_some((max, same_as_path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_shared_by_paths_of_equal_length_unless_strictness_is_asked_for() {
        for (value, read) in [
            ("1", Some((1, false))),
            ("64", Some((64, false))),
            ("8,relax", Some((8, false))),
            ("8, strict", Some((8, true))),
            ("0", None),
            ("65", None),
            ("many", None),
            ("8,loose", None),
            ("relax", None),
        ] {
            assert_eq!(multipath(value), read, "{value}");
        }
    }

    #[test]
    fn a_session_cannot_choose_how_paths_are_chosen() {
        assert_eq!(fault("multipath", "8", "BGPConfiguration/default"), None);
        let fault = fault("multipath", "8", "BGPPeer/tor").expect("a fault");
        assert!(fault.contains("BGPConfiguration only"), "{fault}");
    }
}
