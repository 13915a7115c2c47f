//! The way in: loop checks and the import policy.

use std::net::IpAddr;
use std::sync::Arc;

use super::command::PeerSetup;
use super::intern::Interner;
use super::path::{Edited, Imported, PREFERENCE_BGP, Refusal};
use crate::net::{Family, Prefix};
use crate::policy::{Policy, RouteContext, RouteSource, Verdict};
use crate::wire::PathAttributes;

/// The verdicts on prefixes that a peer announces with one set of attributes.
///
/// Loops are looked for once, and the policy is run once where it does not look at prefixes.
pub(crate) struct Import<'a> {
    policy: &'a Policy,
    source: RouteSource,
    attributes: &'a PathAttributes,
    settled: Option<Imported>,
}

impl<'a> Import<'a> {
    pub(crate) fn new(
        setup: &'a PeerSetup,
        family: Family,
        attributes: &'a PathAttributes,
    ) -> Self {
        let policy = &**setup.import.get(family);
        let unconditional =
            policy.rules.is_empty() && policy.otherwise != crate::policy::Then::Reject;
        let settled = match loop_found(setup, attributes) {
            Some(refusal) => Some(Imported::Refused(refusal)),
            None if unconditional => Some(Imported::AsReceived),
            None => None,
        };
        Self {
            policy,
            source: source_of(setup.external),
            attributes,
            settled,
        }
    }

    /// The verdict on one prefix.
    pub(crate) fn verdict(&mut self, prefix: Prefix, interner: &mut Interner) -> Imported {
        if let Some(settled) = &self.settled {
            return settled.clone();
        }
        let imported = self.run(prefix, interner);
        if !self.policy.looks_at_prefix() {
            self.settled = Some(imported.clone());
        }
        imported
    }

    fn run(&self, prefix: Prefix, interner: &mut Interner) -> Imported {
        let verdict = self.policy.apply(&RouteContext {
            prefix,
            attributes: self.attributes,
            source: self.source,
        });
        match verdict {
            Verdict::Reject { .. } => Imported::Refused(Refusal::Policy),
            Verdict::Accept {
                attributes: None,
                preference: None | Some(PREFERENCE_BGP),
                ..
            } => Imported::AsReceived,
            Verdict::Accept {
                attributes,
                preference,
                ..
            } => {
                let edited = attributes.unwrap_or_else(|| Box::new(self.attributes.clone()));
                Imported::Edited(Arc::new(Edited {
                    attributes: interner.intern(Arc::from(edited)),
                    preference: preference.unwrap_or(PREFERENCE_BGP),
                }))
            }
        }
    }
}

/// Where routes of a peer come from, in the words of policies.
pub(crate) const fn source_of(external: bool) -> RouteSource {
    if external {
        RouteSource::External
    } else {
        RouteSource::Internal
    }
}

/// The loop that a path has come through, if any.
fn loop_found(setup: &PeerSetup, attributes: &PathAttributes) -> Option<Refusal> {
    let allowed = usize::try_from(setup.allowed_local_as).unwrap_or(usize::MAX);
    if attributes.as_path.occurrences(setup.local_as) > allowed {
        return Some(Refusal::AsLoop);
    }
    if attributes.originator_id == Some(setup.router_id) {
        return Some(Refusal::OriginatorLoop);
    }
    // Between reflectors of one cluster a listed cluster is no loop: the other one may be the only
    // way to its clients. As spec/calico.md §3.7 says, client sessions alone are checked.
    let cluster = setup.reflector_client.and(setup.cluster_id);
    if cluster.is_some_and(|cluster| attributes.cluster_list.contains(&cluster)) {
        return Some(Refusal::ClusterLoop);
    }
    let own = |address: IpAddr| {
        setup
            .own_next_hop
            .iter()
            .any(|(_, own)| *own == Some(address))
    };
    attributes
        .next_hop
        .address()
        .is_some_and(own)
        .then_some(Refusal::OwnNextHop)
}
