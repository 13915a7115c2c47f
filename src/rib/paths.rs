//! The paths to one destination: none, one where it is most often, or a list elsewhere.

use std::ops::{Deref, DerefMut};

use super::path::Path;

/// A list of paths in 16 octets; one path needs no more.
#[derive(Debug, Default)]
pub(crate) struct Paths(Few);

#[derive(Debug, Default)]
enum Few {
    #[default]
    None,
    One(Path),
    Several(Box<Several>),
}

/// Two paths or more.
#[derive(Debug)]
struct Several(Vec<Path>);

impl Paths {
    /// Adds a path behind all others.
    pub(crate) fn push(&mut self, path: Path) {
        self.0 = match std::mem::take(&mut self.0) {
            Few::None => Few::One(path),
            Few::One(first) => {
                let mut paths = Vec::with_capacity(2);
                paths.extend([first, path]);
                Few::Several(Box::new(Several(paths)))
            }
            Few::Several(mut several) => {
                let paths = &mut several.0;
                if paths.len() == paths.capacity() {
                    // By a quarter, as what is not used is paid for once per destination.
                    paths.reserve_exact((paths.len() / 4).max(2));
                }
                paths.push(path);
                Few::Several(several)
            }
        };
    }

    /// Keeps the paths that `stays` picks, in their order.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&Path) -> bool) {
        match &mut self.0 {
            Few::None => {}
            Few::One(path) => {
                if !stays(path) {
                    self.0 = Few::None;
                }
            }
            Few::Several(several) => {
                let paths = &mut several.0;
                paths.retain(stays);
                if paths.len() < 2 {
                    self.0 = paths.pop().map_or(Few::None, Few::One);
                } else if paths.capacity() > 2 * paths.len() {
                    paths.shrink_to_fit();
                }
            }
        }
    }
}

impl Deref for Paths {
    type Target = [Path];

    #[inline]
    fn deref(&self) -> &[Path] {
        match &self.0 {
            Few::None => &[],
            Few::One(path) => std::slice::from_ref(path),
            Few::Several(several) => &several.0,
        }
    }
}

impl DerefMut for Paths {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Path] {
        match &mut self.0 {
            Few::None => &mut [],
            Few::One(path) => std::slice::from_mut(path),
            Few::Several(several) => &mut several.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::net::PathId;
    use crate::rib::path::{Epoch, Imported};
    use crate::rib::peers::PeerSlot;
    use crate::wire::{NextHop, PathAttributes};

    fn path(number: u32) -> Path {
        let attributes = Arc::new(PathAttributes::originated(NextHop::Local));
        let id = PathId(number);
        Path::new(
            attributes,
            Imported::AsReceived,
            PeerSlot::LOCAL,
            id,
            Epoch::default(),
        )
    }

    #[test]
    fn a_list_is_as_small_as_documented() {
        assert_eq!(size_of::<Paths>(), 16);
    }

    proptest! {
        #[test]
        fn behaves_as_a_vector(ops in prop::collection::vec((any::<bool>(), 0u32..6), 0..40)) {
            let (mut paths, mut model) = (Paths::default(), Vec::new());
            for (push, number) in ops {
                if push {
                    paths.push(path(number));
                    model.push(number);
                } else {
                    paths.retain(|path| path.path_id().0 != number);
                    model.retain(|known| *known != number);
                }
                let found: Vec<_> = paths.iter().map(|path| path.path_id().0).collect();
                prop_assert_eq!(&found, &model);
                let found: Vec<_> = paths.iter_mut().map(|path| path.path_id().0).collect();
                prop_assert_eq!(&found, &model);
            }
        }
    }
}
