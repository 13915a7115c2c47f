//! The node-to-node mesh (spec/calico.md §3.3).

use std::sync::Arc;

use super::annotations::SessionSettings;
use super::passwords::{self, Password};
use super::peer_fields::restart_time;
use super::peers::Planner;
use super::session::{Session, session_name, sorts_after};
use super::speaker::{address_field, resource_of};
use super::{PeerKind, Provenance, Warnings};
use crate::model::Node;
use crate::net::Family;

/// What all sessions of the mesh have in common.
struct Common {
    restart_time: u16,
    password: Password,
    settings: SessionSettings,
}

impl Planner<'_> {
    /// Adds the mesh, after all BGPPeers: theirs come before it.
    pub(super) fn add_mesh(&mut self, warnings: &mut Warnings) {
        let configuration = self.local.global;
        let enabled = configuration.is_none_or(|global| global.mesh_enabled != Some(false));
        if !enabled || self.local.node.cluster_id.is_some() {
            return;
        }
        let reference = configuration.and_then(|global| global.mesh_password.as_ref());
        let password = reference.map(|reference| {
            let resource = "BGPConfiguration/default".into();
            let field = "spec.nodeMeshPassword.secretKeyRef";
            passwords::find(self.local, reference, &resource, field, warnings)
        });
        let mut settings = self.settings.clone();
        settings.forget("interface");
        let common = Common {
            restart_time: restart_time(
                configuration.and_then(|global| global.mesh_max_restart_time),
            ),
            password: password.unwrap_or_default(),
            settings,
        };
        for node in self.local.store.nodes() {
            if node.cluster_id.is_some() {
                continue;
            }
            for family in Family::ALL {
                self.add_mesh_session(node, family, &common);
            }
        }
    }

    fn add_mesh_session(&mut self, node: &Node, family: Family, common: &Common) {
        let (Some(own), Some(address)) = (self.local.address(family), node.address(family)) else {
            return;
        };
        if own == address || !self.local.is_holder(node, address) {
            return;
        }
        if let Some(by) = self.explicit.get(&address) {
            let cause = format!("{} takes the place of mesh sessions", by.resource);
            self.remarks.add(&by.resource, &by.field, cause, address);
            return;
        }
        let session = Session {
            kind: PeerKind::Mesh,
            node: Some(Arc::clone(&node.metadata.name)),
            address,
            interface: None,
            port: self.local.port_of(node),
            local_as: self.local.local_as(),
            remote_as: self.local.as_of(node),
            passive: sorts_after(address, own),
            password: common.password.clone(),
            provenance: Provenance {
                resource: resource_of(node),
                field: address_field(family).into(),
            },
        };
        let mut planned = self.planned(session, common.settings.clone());
        planned.restart_time = common.restart_time;
        self.peers
            .insert(session_name(PeerKind::Mesh, address, None, None), planned);
    }
}
