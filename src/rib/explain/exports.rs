//! What each peer is told of a destination, and why not of the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policy_verdict;
use crate::net::{AddressFamily, PathId, PeerId, Prefix};
use crate::policy::{RouteContext, RouteSource, Verdict};
use crate::rib::adj_rib_out::Advertised;
use crate::rib::answer::{advertised_row, source_name};
use crate::rib::decision::{Candidate, Candidates, rank};
use crate::rib::explanation::{ExplainedExport, ExportVerdict, PolicyVerdict};
use crate::rib::import::source_of;
use crate::rib::loc_rib::LocRib;
use crate::rib::path::{Path, Usability};
use crate::rib::peers::Peer;
use crate::rib::query::PathRow;
use crate::rib::shared::Shared;
use crate::rib::table::{DestId, Destination};
use crate::rib::update_group::{Group, GroupKey};
use crate::rib::withheld::Withheld;
use crate::wire::PathAttributes;

/// What a group is told of one path: the attributes, or why it is not told.
struct GroupVerdict {
    index: usize,
    outcome: Result<PathAttributes, Withheld>,
    policy: Option<PolicyVerdict>,
}

impl<A: AddressFamily> LocRib<A> {
    /// What every configured peer is told of a destination, or one of them.
    pub(super) fn exports(
        &self,
        shared: &Shared,
        dest: DestId,
        to: Option<PeerId>,
    ) -> Vec<ExplainedExport> {
        let destination = self.table.get(dest);
        // Members of a group are told the same; what they are told is worked out once.
        let mut verdicts: BTreeMap<usize, Vec<GroupVerdict>> = BTreeMap::new();
        let mut exports = Vec::new();
        for (peer, _, configured) in shared.peers.iter() {
            if to.is_some_and(|to| to != peer) {
                continue;
            }
            let Some(index) = self.group_of_peer(shared, peer) else {
                exports.push(without_session(configured));
                continue;
            };
            let group = &self.groups[index];
            let verdicts = verdicts
                .entry(index)
                .or_insert_with(|| group.key.verdicts(shared, destination));
            let mut export = told(shared, destination, group, verdicts, (peer, configured));
            export.pending = self.pending(group, destination);
            if to.is_some() {
                export.sent = self.sent(shared, destination, group, dest, peer);
            }
            exports.push(export);
        }
        exports.sort_by(|a, b| a.to.cmp(&b.to));
        exports
    }

    /// Why a group may have been told something else so far.
    fn pending(&self, group: &Group, destination: &Destination<A>) -> Option<String> {
        let reason = if destination.held {
            "until the next hop of the path that leads is known, what was told before stays"
        } else if !group.is_built() {
            "the group is being built, and nobody is served before it is"
        } else if group.is_reexporting() {
            "another export policy is being applied"
        } else if destination.version > group.head {
            "the group has not come to the last change yet"
        } else if group.is_reexporting() {
            "what another configuration means for the group is still being looked for"
        } else {
            return None;
        };
        Some(reason.to_owned())
    }

    fn sent(
        &self,
        shared: &Shared,
        destination: &Destination<A>,
        group: &Group,
        dest: DestId,
        peer: PeerId,
    ) -> Vec<PathRow> {
        let told = group.told_to(dest, peer);
        told.iter()
            .enumerate()
            .map(|(rank, told)| PathRow {
                best: rank == 0,
                ..advertised_row(shared, destination, told)
            })
            .collect()
    }
}

fn without_session(peer: &Peer) -> ExplainedExport {
    let reason = match peer.session {
        Some(_) => Withheld::FamilyNotNegotiated,
        None => Withheld::SessionDown,
    };
    ExplainedExport {
        to: Arc::clone(&peer.setup.name),
        group: None,
        told: false,
        withheld: Some(reason),
        paths: Vec::new(),
        pending: None,
        sent: Vec::new(),
        text: format!("withheld: {}", reason.text()),
    }
}

/// What a member of a group is told.
fn told<A: AddressFamily>(
    shared: &Shared,
    destination: &Destination<A>,
    group: &Group,
    verdicts: &[GroupVerdict],
    (id, peer): (PeerId, &Peer),
) -> ExplainedExport {
    let path = |verdict: &GroupVerdict| {
        let path = &destination.paths[verdict.index];
        let withheld = match &verdict.outcome {
            // Whatever the group is told, it is not news to this one.
            _ if shared.peers.facts(path.source()).peer == id => Some(Withheld::SplitHorizon),
            Err(reason) => Some(*reason),
            Ok(attributes) => barred(shared, group, path, attributes, id),
        };
        // Where the member alone is left out, or nobody asked the policy, it decides nothing.
        let decides = matches!(withheld, None | Some(Withheld::Policy | Withheld::PathsMax));
        let policy = verdict.policy.clone().filter(|_| decides);
        ExportVerdict {
            from: source_name(shared, path.source()),
            path_id: path.path_id().0,
            withheld,
            text: verdict_text(withheld, policy.as_ref()),
            policy,
        }
    };
    let paths: Vec<ExportVerdict> = verdicts.iter().map(path).collect();
    ExplainedExport {
        to: Arc::clone(&peer.setup.name),
        group: Some(group.id.0),
        told: paths.iter().any(|path| path.withheld.is_none()),
        withheld: match &paths[..] {
            [only] => only.withheld,
            _ => None,
        },
        text: export_text(&paths),
        paths,
        pending: None,
        sent: Vec::new(),
    }
}

/// Why one member is left out of what its group is told.
fn barred(
    shared: &Shared,
    group: &Group,
    path: &Path,
    attributes: &PathAttributes,
    peer: PeerId,
) -> Option<Withheld> {
    let source = shared.peers.facts(path.source()).peer;
    let advertised = Advertised {
        path_id: PathId(0),
        attributes: Arc::new(attributes.clone()),
        source,
    };
    group
        .bars(&advertised, peer)
        .then_some(Withheld::LeadsToPeer)
}

fn verdict_text(withheld: Option<Withheld>, policy: Option<&PolicyVerdict>) -> String {
    match (withheld, policy) {
        (None, Some(policy)) => format!("told, by {}", policy.text()),
        (None, None) => "told".to_owned(),
        (Some(Withheld::Policy), Some(policy)) => format!("withheld by {}", policy.text()),
        (Some(reason), _) => match reason.section() {
            Some(section) => format!("withheld: {} ({section})", reason.text()),
            None => format!("withheld: {}", reason.text()),
        },
    }
}

fn export_text(paths: &[ExportVerdict]) -> String {
    match paths {
        [] => "withheld: no path is selected".to_owned(),
        [only] if only.withheld.is_none() && &*only.from == "local" => {
            format!("the own route is {}", only.text)
        }
        [only] if only.withheld.is_none() => format!("the path of {} is {}", only.from, only.text),
        [only] => only.text.clone(),
        several => {
            let told = several
                .iter()
                .filter(|path| path.withheld.is_none())
                .count();
            let each = several
                .iter()
                .map(|path| format!("that of {} {}", path.from, path.text));
            let each: Vec<String> = each.collect();
            format!(
                "told {told} of {} paths: {}",
                several.len(),
                each.join("; ")
            )
        }
    }
}

impl GroupKey {
    /// What the group is told of each path that could be told, best first. Takes the same decisions
    /// as the export of routes, of which it is tested to be the image.
    fn verdicts<A: AddressFamily>(
        &self,
        shared: &Shared,
        destination: &Destination<A>,
    ) -> Vec<GroupVerdict> {
        let prefix = destination.prefix.into();
        let Some(best) = destination.best() else {
            return Vec::new();
        };
        let mut verdicts = vec![self.verdict::<A>(shared, prefix, 0, best)];
        if !self.encode.add_path {
            return verdicts;
        }
        let (mut candidates, mut others) = (Candidates::new(), Vec::new());
        for (index, path) in destination.paths.iter().enumerate().skip(1) {
            if path.refusal().is_some() || path.usability() == Usability::Waiting {
                continue;
            }
            let mut verdict = self.verdict::<A>(shared, prefix, index, path);
            if path.usability() == Usability::Unreachable {
                verdict.outcome = Err(Withheld::NextHopUnreachable);
            }
            candidates.push(Candidate::of(index, path, &shared.peers, &shared.next_hops));
            others.push(verdict);
        }
        let left = usize::from(self.paths_max) - usize::from(verdicts[0].outcome.is_ok());
        for index in rank(candidates, usize::MAX, &shared.options.selection) {
            let place = others.iter().position(|other| other.index == index);
            verdicts.extend(place.map(|place| others.swap_remove(place)));
        }
        let able = verdicts[1..]
            .iter_mut()
            .filter(|verdict| verdict.outcome.is_ok());
        for verdict in able.skip(left) {
            verdict.outcome = Err(Withheld::PathsMax);
        }
        verdicts
    }

    fn verdict<A: AddressFamily>(
        &self,
        shared: &Shared,
        prefix: Prefix,
        index: usize,
        path: &Path,
    ) -> GroupVerdict {
        let source = (!path.source().is_local()).then(|| shared.peers.get(path.source()));
        let attributes = path.attributes();
        if let Some(reason) = self.barred_by(source, attributes) {
            return GroupVerdict {
                index,
                outcome: Err(reason),
                policy: None,
            };
        }
        let seen = self.before_policy(source, attributes);
        // As for the real export, what cannot be sent unedited is not shown to the policy.
        if self.finish(A::FAMILY, seen.clone()).is_none() {
            return GroupVerdict {
                index,
                outcome: Err(Withheld::NextHop),
                policy: None,
            };
        }
        let mut met = Vec::new();
        let route = RouteContext {
            prefix,
            attributes: &seen,
            source: source.map_or(RouteSource::Static, |peer| source_of(peer.setup.external)),
        };
        let verdict = self.export.apply_watched(&route, |rule| met.push(rule));
        let policy = policy_verdict(&self.export, &verdict, &met);
        let outcome = match verdict {
            Verdict::Reject { .. } => Err(Withheld::Policy),
            Verdict::Accept { attributes, .. } => {
                let sent = attributes.map_or(seen, |edited| *edited);
                self.finish(A::FAMILY, sent).ok_or(Withheld::NextHop)
            }
        };
        GroupVerdict {
            index,
            outcome,
            policy: Some(policy),
        }
    }
}
