//! Who is left out of what the others are told, for runs of paths.

use std::sync::Arc;

use super::Group;
use crate::net::PeerId;
use crate::rib::adj_rib_out::Advertised;
use crate::rib::chunk::Barred;

/// The members that are not told a path, kept for the next one: neighbours in the log mostly share
/// attributes and source.
#[derive(Default)]
pub(super) struct Bars {
    of: Option<(usize, PeerId)>,
    barred: Barred,
}

impl Bars {
    /// The members that are not told a path.
    pub(super) fn of(&mut self, group: &Group, path: &Advertised) -> &Barred {
        let of = (Arc::as_ptr(&path.attributes) as usize, path.source);
        if self.of != Some(of) {
            self.of = Some(of);
            self.barred = group.barred(path);
        }
        &self.barred
    }
}
