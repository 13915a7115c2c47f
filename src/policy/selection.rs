//! Where operators may have the decision process choose otherwise.

/// How paths are chosen, as far as RFC 4271 §9.1.2.2 leaves it open.
///
/// MED is compared deterministically in any case: the outcome never depends on the order of arrival.
/// That an older external path is kept for being older (RFC 5004) is left out for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectionRules {
    /// The most paths that share the load of one prefix; one or zero switches load sharing off.
    pub multipath_max: u8,
    /// Whether only paths with the very AS path of the best one may share its load; else an equal
    /// length is enough, which is BIRD's way and elsewhere called *multipath-relax*.
    pub multipath_same_as_path: bool,
    /// Whether MED is compared between all paths, not only those through one neighbouring AS.
    pub always_compare_med: bool,
}

impl Default for SelectionRules {
    /// What Calico's BIRD does (spec/calico.md §3.9, §5.5).
    fn default() -> Self {
        Self {
            multipath_max: 16,
            multipath_same_as_path: false,
            always_compare_med: false,
        }
    }
}
