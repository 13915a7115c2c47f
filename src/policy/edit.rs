//! Edits that a rule makes to a route.

use super::rule::Verdict;
use crate::wire::{Community, LargeCommunity, PathAttributes};

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

/// A route while the rules run over it: the attributes are copied at the first real change.
pub(super) struct Draft<'a> {
    original: &'a PathAttributes,
    edited: Option<Box<PathAttributes>>,
    preference: Option<u32>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(original: &'a PathAttributes) -> Self {
        Self {
            original,
            edited: None,
            preference: None,
        }
    }

    /// The attributes as edited so far.
    pub(super) fn attributes(&self) -> &PathAttributes {
        self.edited.as_deref().unwrap_or(self.original)
    }

    pub(super) fn apply(&mut self, edit: &Edit) {
        match edit {
            Edit::LocalPref(value) => {
                if self.attributes().local_pref != Some(*value) {
                    self.copy().local_pref = Some(*value);
                }
            }
            Edit::Preference(value) => self.preference = Some(*value),
            Edit::AddCommunity(community) => {
                if !self.attributes().has_community(*community) {
                    append(&mut self.copy().communities, *community);
                }
            }
            Edit::AddLargeCommunity(community) => {
                if !self.attributes().rare.large_communities.contains(community) {
                    self.copy().rare.edit(|rare| {
                        let list = &mut rare.large_communities;
                        *list = list.iter().copied().chain([*community]).collect();
                    });
                }
            }
        }
    }

    pub(super) fn accept(self, rule: Option<usize>) -> Verdict {
        Verdict::Accept {
            attributes: self.edited,
            preference: self.preference,
            rule,
        }
    }

    fn copy(&mut self) -> &mut PathAttributes {
        let original = self.original;
        self.edited
            .get_or_insert_with(|| Box::new(original.clone()))
    }
}

fn append<T>(list: &mut Box<[T]>, value: T) {
    let mut grown = std::mem::take(list).into_vec();
    grown.push(value);
    *list = grown.into_boxed_slice();
}
