//! What is selected of a destination's paths, and how that changes.

use std::sync::Arc;

use smallvec::SmallVec;

use super::decision::{Against, Candidate, Candidates, select};
use super::path::{Path, Usability};
use super::peers::PeerSlot;
use super::shared::Shared;
use super::table::Destination;
use crate::net::{AddressFamily, PathId, PeerId};

/// What readers of the log can see of a selection.
#[derive(PartialEq)]
pub(crate) struct Selection {
    selected: SmallVec<[Facts; 1]>,
    /// The other paths, if anybody asked; their order means nothing.
    pub(crate) others: Option<Vec<Facts>>,
}

/// Source, identifier, attributes and usability of a path. Attributes are told apart by their pointers:
/// they are interned, and nothing is swept between two looks at one destination.
type Facts = (PeerSlot, PathId, usize, Usability);

impl Selection {
    /// What is selected, and `with_others` also what is not but could be.
    pub(crate) fn of<A: AddressFamily>(destination: &Destination<A>, with_others: bool) -> Self {
        let facts = |path: &Path| {
            let attributes = Arc::as_ptr(path.attributes()) as usize;
            (path.source(), path.path_id(), attributes, path.usability())
        };
        let others = with_others.then(|| {
            let rest = destination.paths.iter().skip(destination.selected.into());
            let rest = rest.filter(|path| path.refusal().is_none());
            let mut others: Vec<_> = rest.map(facts).collect();
            others.sort_unstable_by_key(|(source, path_id, ..)| (*source, *path_id));
            others
        });
        let mut selected = SmallVec::new();
        for path in destination.selected() {
            selected.push(facts(path));
        }
        Self { selected, others }
    }

    /// Whose path is the best.
    pub(crate) fn best(&self) -> Option<PeerSlot> {
        self.selected.first().map(|(source, ..)| *source)
    }
}

/// Whether readers keep what they were told for now: all paths that are left wait for their next hops,
/// or the best one was replaced by one that does. The answer is on its way, and to say otherwise for a
/// few milliseconds would cut traffic.
pub(crate) fn holds<A: AddressFamily>(
    destination: &mut Destination<A>,
    before: &Selection,
) -> bool {
    if let Some((source, path_id, ..)) = before.selected.first() {
        let mut paths = destination.paths.iter_mut();
        if let Some(path) = paths.find(|path| path.is(*source, *path_id) && path.waits()) {
            path.set_holds();
        }
    }
    let was_told = destination.held || !before.selected.is_empty();
    (was_told && destination.waits()) || destination.paths.iter().any(Path::holds)
}

/// Sets the order and the number of selected paths, whatever has changed.
pub(crate) fn decide<A: AddressFamily>(destination: &mut Destination<A>, shared: &Shared) {
    let mut candidates = Candidates::new();
    let mut selectable = 0;
    let alone = destination.paths.len() == 1;
    for (index, path) in destination.paths.iter_mut().enumerate() {
        if path.refusal().is_some() {
            continue;
        }
        let next_hop = path.received().next_hop.address();
        path.set_usability(shared.next_hops.resolve(next_hop).usability);
        if path.usability() == Usability::Waiting {
            continue;
        }
        selectable += 1;
        if !alone {
            let candidate = Candidate::of(index, path, &shared.peers, &shared.next_hops);
            candidates.push(candidate.under(&shared.options.selection, path));
        }
    }
    if alone {
        let med = destination.paths[0].attributes().med;
        destination.set_may_have_med(med.is_some_and(|med| med != 0));
        destination.selected = selectable;
        return;
    }
    destination.set_may_have_med(candidates.iter().any(Candidate::has_med));
    select(&mut candidates, &shared.options.selection);
    for to in 0..candidates.len() {
        let from = candidates[to].index;
        destination.paths.swap(to, from);
        // Whoever stood at `to` stands at `from` now.
        for later in &mut candidates[to + 1..] {
            if later.index == to {
                later.index = from;
            }
        }
    }
    destination.selected =
        u8::try_from(candidates.len()).expect("the bound of load sharing is one octet");
}

/// Does the same where nothing has changed but the path at `at`, which is new, or, where it `replaces`
/// one that was not selected, has changed.
///
/// Without MED the order of paths is total, so the best one is all that a new one has to be compared
/// with. With MED a path that loses may strike or spare others, and so may one that is gone; only the
/// steps before that are as simple.
pub(crate) fn decide_on<A: AddressFamily>(
    destination: &mut Destination<A>,
    at: usize,
    replaces: bool,
    shared: &Shared,
) {
    let (peers, next_hops) = (&shared.peers, &shared.next_hops);
    let rules = &shared.options.selection;
    let may_revive = replaces && !is_total(destination, shared);
    if destination.paths.len() < 2 || destination.selected == 0 || may_revive {
        return decide(destination, shared);
    }
    debug_assert!(
        at >= usize::from(destination.selected),
        "it is not selected"
    );
    let path = &mut destination.paths[at];
    if path.refusal().is_some() {
        return;
    }
    let next_hop = path.received().next_hop.address();
    path.set_usability(next_hops.resolve(next_hop).usability);
    if path.usability() == Usability::Waiting {
        return;
    }
    let new = Candidate::of(at, path, peers, next_hops);
    if new.has_med() {
        destination.set_may_have_med(true);
    }
    let best = Candidate::of(0, &destination.paths[0], peers, next_hops);
    match new.against(&best, rules, destination.may_have_med()) {
        Against::Loses => {}
        Against::Wins => {
            destination.paths.swap(0, at);
            destination.selected = 1;
        }
        Against::Shares { is_best } => share(destination, at, is_best, shared),
        Against::Unclear => decide(destination, shared),
    }
}

/// Whether paths that are not selected have no influence on those that are.
pub(crate) fn is_total<A: AddressFamily>(destination: &Destination<A>, shared: &Shared) -> bool {
    !destination.may_have_med() || shared.options.selection.always_compare_med
}

/// Adds the path at `at` to those selected, which are equally good: the best one, then the others by
/// ascending peer and path id. What is beyond the bound is no longer selected.
fn share<A: AddressFamily>(
    destination: &mut Destination<A>,
    at: usize,
    is_best: bool,
    shared: &Shared,
) {
    let bound = shared.options.selection.multipath_max.max(1);
    if bound == 1 {
        if is_best {
            destination.paths.swap(0, at);
        }
        return;
    }
    let last = usize::from(destination.selected);
    destination.paths.swap(last, at);
    let paths = &mut destination.paths[..=last];
    let key = |path: &Path| -> (PeerId, PathId) {
        (shared.peers.facts(path.source()).peer, path.path_id())
    };
    if is_best {
        paths.rotate_right(1);
        // The best one so far is one of the others.
        let mut at = 1;
        while at < last && key(&paths[at]) > key(&paths[at + 1]) {
            paths.swap(at, at + 1);
            at += 1;
        }
    } else {
        let mut at = last;
        while at > 1 && key(&paths[at - 1]) > key(&paths[at]) {
            paths.swap(at - 1, at);
            at -= 1;
        }
    }
    destination.selected = destination.selected.saturating_add(1).min(bound);
}

#[cfg(test)]
mod tests;
