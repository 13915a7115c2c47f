//! What all resources have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{FieldError, Object};

/// Name, labels and annotations of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The resource's name, unique within its kind.
    pub name: Arc<str>,
    /// Labels, which selectors match.
    pub labels: BTreeMap<String, String>,
    /// Annotations, among them the settings of `calidris.io/…`.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads `metadata` of a resource.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let metadata = root.object("metadata")?;
        Ok(Self {
            name: metadata
                .required_text("name", "the resource's name")?
                .into(),
            labels: metadata.text_map("labels")?,
            annotations: metadata.text_map("annotations")?,
        })
    }
}

/// Where a password is: a key of a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKeyRef {
    /// The Secret's name.
    pub name: Arc<str>,
    /// The key within it.
    pub key: Arc<str>,
}

impl SecretKeyRef {
    /// Reads an object with `secretKeyRef`; absent is `None`. No fault shows what stands there: it
    /// may be the password itself, written in the reference's place.
    pub(super) fn read(parent: &Object<'_>, key: &str) -> Result<Option<Self>, FieldError> {
        Self::read_openly(parent, key).map_err(FieldError::without_value)
    }

    fn read_openly(parent: &Object<'_>, key: &str) -> Result<Option<Self>, FieldError> {
        if !parent.is_set(key) {
            return Ok(None);
        }
        let reference = parent.object(key)?.object("secretKeyRef")?;
        Ok(Some(Self {
            name: reference
                .required_text("name", "the name of a Secret")?
                .into(),
            key: reference
                .required_text("key", "a key of the Secret")?
                .into(),
        }))
    }
}
