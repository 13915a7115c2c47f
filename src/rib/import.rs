//! The way in: loop checks, what RFCs ask of routes from other ASes, and the import policy.
//!
//! Two checks are left out on purpose. The first AS of an external path need not be the peer's, for
//! route servers leave themselves out (RFC 4271 §6.3 leaves it open, BIRD does not ask either); with
//! that an empty external path counts as a short one. And between reflectors of one cluster a listed
//! cluster is no loop, although RFC 4456 §8 would rather ignore such routes: the other reflector may be
//! the only way to its clients. Nothing loops by that, as no reflector passes a route into a cluster
//! that it has been in. As spec/calico.md §3.7 says, client sessions alone are checked.

use std::net::IpAddr;
use std::sync::Arc;

use super::command::PeerSetup;
use super::intern::Interner;
use super::path::{Edited, Imported, PREFERENCE_BGP};
use super::refusal::Refusal;
use crate::net::{Family, Prefix};
use crate::policy::{OtcVerdict, Policy, RouteContext, RouteSource, Verdict};
use crate::wire::{Community, PathAttributes, RareList};

/// The verdicts on prefixes that a peer announces with one set of attributes.
///
/// Loops are looked for once, and the policy is run once where it does not look at prefixes.
pub(crate) struct Import<'a> {
    policy: &'a Policy,
    source: RouteSource,
    /// As received.
    attributes: &'a Arc<PathAttributes>,
    /// The same, where they are not as received.
    admitted: Option<Arc<PathAttributes>>,
    settled: Option<Imported>,
}

impl<'a> Import<'a> {
    /// `local_address` is this side's address of the session, which need not be one of the setup's.
    pub(crate) fn new(
        setup: &'a PeerSetup,
        local_address: Option<IpAddr>,
        family: Family,
        attributes: &'a Arc<PathAttributes>,
    ) -> Self {
        let policy = &**setup.import.get(family);
        let unconditional =
            policy.rules.is_empty() && policy.otherwise != crate::policy::Then::Reject;
        let admitted = match loop_found(setup, local_address, attributes) {
            Some(refusal) => Err(refusal),
            None => admit(setup, attributes),
        };
        let settled = match &admitted {
            Err(refusal) => Some(Imported::Refused(*refusal)),
            Ok(None) if unconditional => Some(Imported::AsReceived),
            Ok(_) => None,
        };
        Self {
            policy,
            source: source_of(setup.external),
            attributes,
            admitted: admitted.ok().flatten().map(Arc::new),
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

    /// What the policy says of one prefix and which rules it meets; `None` where it is not asked, as
    /// the path came through a loop or leaks.
    pub(crate) fn trace(&self, prefix: Prefix, met: impl FnMut(usize)) -> Option<Verdict> {
        if matches!(self.settled, Some(Imported::Refused(refusal)) if refusal != Refusal::Policy) {
            return None;
        }
        Some(self.policy.apply_watched(&self.route(prefix), met))
    }

    /// A prefix as the policy sees it.
    fn route(&self, prefix: Prefix) -> RouteContext<'_> {
        RouteContext {
            prefix,
            attributes: self.admitted.as_deref().unwrap_or(self.attributes),
            source: self.source,
        }
    }

    fn run(&self, prefix: Prefix, interner: &mut Interner) -> Imported {
        let verdict = self.policy.apply(&self.route(prefix));
        let (edited, preference) = match verdict {
            Verdict::Reject { .. } => return Imported::Refused(Refusal::Policy),
            Verdict::Accept {
                attributes,
                preference,
                ..
            } => (attributes.map(Arc::from), preference),
        };
        let preference = preference.unwrap_or(PREFERENCE_BGP);
        let edited = edited.or_else(|| self.admitted.clone());
        if edited.is_none() && preference == PREFERENCE_BGP {
            return Imported::AsReceived;
        }
        Imported::Edited(Arc::new(Edited {
            received: Arc::clone(self.attributes),
            attributes: edited.map_or_else(
                || Arc::clone(self.attributes),
                |edited| interner.intern(edited),
            ),
            preference,
        }))
    }
}

/// Whether other peers may hear otherwise of a peer's paths though those stay as they are.
pub(crate) fn is_told_otherwise(old: &PeerSetup, new: &PeerSetup) -> bool {
    (old.external, old.reflector_client) != (new.external, new.reflector_client)
}

/// Whether the verdicts on a peer's paths, or what other peers hear of them, may have changed.
pub(crate) fn differs(old: &PeerSetup, new: &PeerSetup, family: Family) -> bool {
    let facts = |setup: &PeerSetup| {
        (
            (setup.local_as, setup.router_id, setup.external),
            (setup.remote_as, setup.role),
            (setup.reflector_client, setup.cluster_id),
            (setup.allowed_local_as, setup.own_next_hop, setup.address),
        )
    };
    facts(old) != facts(new) || old.import.get(family) != new.import.get(family)
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
fn loop_found(
    setup: &PeerSetup,
    local_address: Option<IpAddr>,
    attributes: &PathAttributes,
) -> Option<Refusal> {
    let allowed = usize::try_from(setup.allowed_local_as).unwrap_or(usize::MAX);
    if attributes.as_path.occurrences(setup.local_as) > allowed {
        return Some(Refusal::AsLoop);
    }
    if attributes.rare.originator_id == Some(setup.router_id) {
        return Some(Refusal::OriginatorLoop);
    }
    let cluster = setup.reflector_client.and(setup.cluster_id);
    if cluster.is_some_and(|cluster| attributes.rare.cluster_list.contains(&cluster)) {
        return Some(Refusal::ClusterLoop);
    }
    let own = |address: IpAddr| {
        let configured = setup.own_next_hop.iter().map(|(_, own)| *own);
        configured
            .chain([local_address])
            .any(|own| own == Some(address))
    };
    attributes
        .next_hop
        .address()
        .is_some_and(own)
        .then_some(Refusal::OwnNextHop)
}

/// What is made of a path from another AS before the import policy, which may decide otherwise; `None`
/// where it stays as it is.
///
/// - LOCAL_PREF is not the peer's to set (RFC 4271 §5.1.5). It is zero where the peer asks to be left,
///   by GRACEFUL_SHUTDOWN (RFC 8326 §4.2).
/// - A BLACKHOLE route stays within this AS (RFC 7999 §3.2). To discard its traffic is for the operator
///   to ask for; calidris has no means for that.
/// - AIGP counts inside an AS only (RFC 7311 §3.2): it is as if it had not been there.
/// - ONLY_TO_CUSTOMER is set, or tells a leak, by the peer's role (RFC 9234 §5).
fn admit(
    setup: &PeerSetup,
    attributes: &PathAttributes,
) -> Result<Option<PathAttributes>, Refusal> {
    if !setup.external {
        return Ok(None);
    }
    let verdict = setup
        .role
        .map(|role| OtcVerdict::on_import(role, setup.remote_as, attributes.rare.otc));
    let otc = match verdict {
        Some(OtcVerdict::Leak) => return Err(Refusal::RouteLeak),
        Some(OtcVerdict::Set(asn)) => Some(asn),
        Some(OtcVerdict::Keep) | None => attributes.rare.otc,
    };
    let has = |community| attributes.has_community(community);
    let local_pref = has(Community::GRACEFUL_SHUTDOWN).then_some(0);
    let kept_in = has(Community::NO_EXPORT) || has(Community::NO_ADVERTISE);
    let keep_in = has(Community::BLACKHOLE) && !kept_in;
    let drops = !attributes.rare.aigp.is_empty();
    if (otc, local_pref, keep_in, drops)
        == (attributes.rare.otc, attributes.local_pref, false, false)
    {
        return Ok(None);
    }
    let mut admitted = PathAttributes {
        local_pref,
        ..attributes.clone()
    };
    admitted.rare.edit(|rare| {
        rare.otc = otc;
        rare.aigp = RareList::EMPTY;
    });
    if keep_in {
        let communities = attributes.communities.iter().copied();
        admitted.communities = communities.chain([Community::NO_EXPORT]).collect();
    }
    Ok(Some(admitted))
}
