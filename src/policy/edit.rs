//! Edits that a rule makes to a route.

use crate::wire::{Community, LargeCommunity};

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Edit {
    /// Set LOCAL_PREF.
    LocalPref(u32),
    /// Set the preference among sources (spec/calico.md §5.4); not an attribute.
    Preference(u32),
    /// Attach a community unless it is there.
    AddCommunity(Community),
    /// Attach a large community unless it is there.
    AddLargeCommunity(LargeCommunity),
}

/// BGPPeer's `nextHopMode`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum NextHopMode {
    /// Self to eBGP and for own routes, unchanged to iBGP.
    #[default]
    Auto,
    /// Always this side's address.
    #[serde(rename = "Self")]
    Own,
    /// Never changed, but for own routes.
    Keep,
}
