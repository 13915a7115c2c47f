//! IPPool: a range of workload addresses and how it is encapsulated (spec/calico.md §2.4).

use super::metadata::Metadata;
use super::read::{FieldError, Object};
use crate::net::Prefix;

/// An IPPool, as far as BGP reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpPool {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// `spec.cidr`.
    pub cidr: Prefix,
    /// `spec.ipipMode`.
    pub ipip_mode: EncapsulationMode,
    /// `spec.vxlanMode`.
    pub vxlan_mode: EncapsulationMode,
    /// `spec.disableBGPExport`.
    pub disable_bgp_export: bool,
}

/// When packets between nodes are encapsulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncapsulationMode {
    /// Not at all.
    #[default]
    Never,
    /// To every other node.
    Always,
    /// To nodes in other subnets.
    CrossSubnet,
}

impl IpPool {
    /// Reads an IPPool.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let spec = root.object("spec")?;
        let pool = Self {
            metadata: Metadata::read(root)?,
            cidr: spec.prefix("cidr")?,
            ipip_mode: mode(&spec, "ipipMode")?,
            vxlan_mode: mode(&spec, "vxlanMode")?,
            disable_bgp_export: spec.boolean("disableBGPExport")?.unwrap_or(false),
        };
        if pool.has_ipip() && pool.has_vxlan() {
            return Err(spec.conflict("vxlanMode", "ipipMode"));
        }
        Ok(pool)
    }

    /// Whether routes of the pool go through IPIP, always or between subnets.
    pub fn has_ipip(&self) -> bool {
        self.ipip_mode != EncapsulationMode::Never
    }

    /// Whether routes of the pool go through VXLAN, always or between subnets.
    pub fn has_vxlan(&self) -> bool {
        self.vxlan_mode != EncapsulationMode::Never
    }
}

fn mode(spec: &Object<'_>, key: &str) -> Result<EncapsulationMode, FieldError> {
    let read = |text: &str| match text {
        "Never" => Some(EncapsulationMode::Never),
        "Always" => Some(EncapsulationMode::Always),
        "CrossSubnet" => Some(EncapsulationMode::CrossSubnet),
        _ => None,
    };
    Ok(spec
        .parsed(key, "Never, Always or CrossSubnet", read)?
        .unwrap_or_default())
}
