//! BGPConfiguration: settings of the cluster (`default`) or of one node (`node.NAME`), §2.1.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::metadata::{Metadata, SecretKeyRef};
use super::read::{FieldError, Object, ZeroAsn};
use crate::net::{Asn, PerFamily, Prefix};

/// A BGPConfiguration; what is absent is `None`, so that a node's object overrides only what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpConfiguration {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// `spec.nodeToNodeMeshEnabled`.
    pub mesh_enabled: Option<bool>,
    /// `spec.asNumber`.
    pub asn: Option<Asn>,
    /// `spec.listenPort`.
    pub listen_port: Option<u16>,
    /// `spec.bindMode`.
    pub bind_mode: BindMode,
    /// `spec.communities`, by name.
    pub communities: BTreeMap<Arc<str>, AnyCommunity>,
    /// `spec.prefixAdvertisements`; `None` where the list is absent.
    pub prefix_advertisements: Option<Vec<PrefixAdvertisement>>,
    /// `spec.nodeMeshPassword`.
    pub mesh_password: Option<SecretKeyRef>,
    /// `spec.nodeMeshMaxRestartTime`.
    pub mesh_max_restart_time: Option<Duration>,
    /// `spec.programClusterRoutes`.
    pub program_cluster_routes: ProgramClusterRoutes,
    /// `spec.ipv4NormalRoutePriority` and `spec.ipv6NormalRoutePriority`.
    pub normal_priority: PerFamily<Option<u32>>,
    /// Fields that are set and that only `default` may carry, or that calidris does not act on yet.
    pub set_fields: Vec<&'static str>,
}

/// `spec.bindMode`: the addresses listened on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindMode {
    /// All.
    #[default]
    None,
    /// The node's own.
    NodeIp,
}

/// One of `spec.prefixAdvertisements`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixAdvertisement {
    /// Routes inside get the communities.
    pub cidr: Prefix,
    /// Names or literal values, as written.
    pub communities: Vec<Arc<str>>,
}

/// A community of either size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyCommunity {
    /// `aa:nn`, high half first.
    Standard(u32),
    /// `aa:nn:mm`.
    Large([u32; 3]),
}

/// `spec.programClusterRoutes`: which pools' routes BGP writes to the kernel (§5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProgramClusterRoutes {
    /// None.
    Disabled,
    /// Pools without encapsulation.
    #[default]
    EnabledNoEncapOnly,
    /// Pools with IPIP.
    EnabledIpipOnly,
    /// Both.
    Enabled,
    /// Not a value of Calico's; the default applies, with a warning.
    Unknown(Arc<str>),
}

impl BgpConfiguration {
    /// Reads a BGPConfiguration.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let spec = root.object("spec")?;
        Ok(Self {
            metadata: Metadata::read(root)?,
            mesh_enabled: spec.boolean("nodeToNodeMeshEnabled")?,
            asn: spec.asn("asNumber", ZeroAsn::Refused)?,
            listen_port: spec.integer("listenPort", 1..=65_535)?,
            bind_mode: spec
                .parsed("bindMode", "None or NodeIP", |text| match text {
                    "None" => Some(BindMode::None),
                    "NodeIP" => Some(BindMode::NodeIp),
                    _ => None,
                })?
                .unwrap_or_default(),
            communities: communities(&spec)?,
            prefix_advertisements: prefix_advertisements(&spec)?,
            mesh_password: SecretKeyRef::read(&spec, "nodeMeshPassword")?,
            mesh_max_restart_time: spec.duration("nodeMeshMaxRestartTime")?,
            program_cluster_routes: spec
                .text("programClusterRoutes")?
                .map(ProgramClusterRoutes::from_text)
                .unwrap_or_default(),
            normal_priority: PerFamily {
                ipv4: spec.integer("ipv4NormalRoutePriority", PRIORITIES)?,
                ipv6: spec.integer("ipv6NormalRoutePriority", PRIORITIES)?,
            },
            set_fields: NOTED_FIELDS
                .into_iter()
                .filter(|field| spec.is_set(field.trim_start_matches("spec.")))
                .collect(),
        })
    }
}

impl AnyCommunity {
    /// Reads `aa:nn` (16 bits each) or `aa:nn:mm` (32 bits each).
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [high, low] => {
                let (high, low) = (high.parse::<u16>().ok()?, low.parse::<u16>().ok()?);
                Some(Self::Standard(u32::from(high) << 16 | u32::from(low)))
            }
            [a, b, c] => Some(Self::Large([
                a.parse().ok()?,
                b.parse().ok()?,
                c.parse().ok()?,
            ])),
            _ => None,
        }
    }
}

impl ProgramClusterRoutes {
    fn from_text(text: &str) -> Self {
        match text {
            "Disabled" => Self::Disabled,
            "EnabledNoEncapOnly" => Self::EnabledNoEncapOnly,
            "EnabledIPIPOnly" => Self::EnabledIpipOnly,
            "Enabled" => Self::Enabled,
            other => Self::Unknown(other.into()),
        }
    }

    /// Whether BGP writes routes of pools without encapsulation.
    pub fn programs_plain(&self) -> bool {
        matches!(
            self,
            Self::EnabledNoEncapOnly | Self::Enabled | Self::Unknown(_)
        )
    }

    /// Whether BGP writes routes of IPIP pools.
    pub fn programs_ipip(&self) -> bool {
        matches!(self, Self::EnabledIpipOnly | Self::Enabled)
    }
}

const PRIORITIES: std::ops::RangeInclusive<u64> = 1..=2_147_483_646;

/// The fields whose presence the plan may have to remark on.
const NOTED_FIELDS: [&str; 9] = [
    "spec.nodeToNodeMeshEnabled",
    "spec.asNumber",
    "spec.serviceClusterIPs",
    "spec.serviceExternalIPs",
    "spec.serviceLoadBalancerIPs",
    "spec.nodeMeshPassword",
    "spec.nodeMeshMaxRestartTime",
    "spec.ipv4NormalRoutePriority",
    "spec.ipv6NormalRoutePriority",
];

fn communities(spec: &Object<'_>) -> Result<BTreeMap<Arc<str>, AnyCommunity>, FieldError> {
    const ALLOWED: &str = "a community such as 64512:100 or 64512:7:9";
    spec.objects("communities")?
        .unwrap_or_default()
        .into_iter()
        .map(|entry| {
            let name = entry.required_text("name", "the community's name")?;
            let value = entry
                .parsed("value", ALLOWED, AnyCommunity::parse)?
                .ok_or_else(|| entry.missing("value", ALLOWED))?;
            Ok((Arc::from(name), value))
        })
        .collect()
}

fn prefix_advertisements(
    spec: &Object<'_>,
) -> Result<Option<Vec<PrefixAdvertisement>>, FieldError> {
    spec.objects("prefixAdvertisements")?
        .map(|entries| {
            entries
                .into_iter()
                .map(|entry| {
                    Ok(PrefixAdvertisement {
                        cidr: entry.prefix("cidr")?,
                        communities: entry.texts("communities")?,
                    })
                })
                .collect()
        })
        .transpose()
}
