//! Calico's v3 resources, typed, as far as BGP reads them (spec/calico.md §1, §2), and the Secrets
//! that they refer to.
//!
//! The room turns the JSON form of one resource into a value that cannot be wrong, or into a
//! [`ResourceError`] that names the resource, the field, the value found and what is allowed. It
//! knows neither files nor etcd nor YAML: a datastore hands it a [`serde_json::Value`], whatever the
//! value was written in. Fields that BGP does not read are ignored, and so are kinds that belong to
//! other parts of Calico or Kubernetes ([`Parsed::Ignored`]).
//!
//! A [`Store`] holds what is in force: typed maps in the order of names, so that everything computed
//! from it is repeatable. It changes only by [`Event`]s.
//!
//! ```
//! use calidris::model::{Parsed, Resource, parse};
//!
//! let pool = serde_json::json!({
//!     "apiVersion": "projectcalico.org/v3", "kind": "IPPool",
//!     "metadata": {"name": "pods"}, "spec": {"cidr": "10.65.0.0/16"},
//! });
//! let Ok(Parsed::Resource(Resource::IpPool(pool))) = parse(&pool) else { unreachable!() };
//! assert_eq!(pool.cidr.to_string(), "10.65.0.0/16");
//! ```

mod bgp_configuration;
mod bgp_peer;
mod duration;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod ip_pool;
mod ipam;
mod metadata;
mod node;
mod read;
mod resource;
mod secret;
mod selector;
mod store;

pub use bgp_configuration::{
    AnyCommunity, BgpConfiguration, BindMode, PrefixAdvertisement, ProgramClusterRoutes,
};
pub use bgp_peer::{BgpPeer, NextHopMode, PeerEndpoint, SourceAddress};
pub use duration::parse_duration;
pub use ip_pool::{EncapsulationMode, IpPool};
pub use ipam::{AffinityState, BlockAffinity};
pub use metadata::{Metadata, SecretKeyRef};
pub use node::{Node, NodeAddress};
pub use read::FieldError;
pub use resource::{Kind, Parsed, Resource, ResourceError, ResourceKey, parse, peek_key};
pub use secret::KubernetesSecret;
pub use selector::{Selector, SelectorError};
pub use store::{Event, Revision, Store};
