//! From a reference to a password to the password (spec/calico.md §3.8).

use std::sync::Arc;

use super::speaker::Local;
use super::{MissingPassword, Warnings};
use crate::model::{KubernetesSecret, SecretKeyRef};
use crate::net::Secret;

/// The longest key that Linux takes for TCP-MD5, in octets.
const PASSWORD_OCTETS_MAX: usize = 80;

/// What a session gets for its reference.
#[derive(Clone, Debug, Default)]
pub(super) struct Password {
    /// The password, if it is there and can be used.
    pub(super) secret: Option<Secret>,
    /// Set where the session must not run without it, with the reason.
    pub(super) hold: Option<Arc<str>>,
}

/// Why a reference leads to no password; none of the texts holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// There is no such Secret.
    NoSecret,
    /// The Secret has no such key.
    NoKey,
    /// The value has no octets.
    Empty,
    /// The value has more octets than a key may have.
    TooLong(usize),
}

impl Unusable {
    /// What is wrong, as the start of a sentence.
    pub(super) fn describe(self, reference: &SecretKeyRef) -> String {
        let SecretKeyRef { name, key } = reference;
        match self {
            Self::NoSecret => format!("there is no Secret {name:?}"),
            Self::NoKey => format!("Secret {name:?} has no key {key:?}"),
            Self::Empty => format!("key {key:?} of Secret {name:?} is empty"),
            Self::TooLong(octets) => format!(
                "key {key:?} of Secret {name:?} has {octets} octets, and a password at most \
                 {PASSWORD_OCTETS_MAX}"
            ),
        }
    }
}

/// Looks a password up for the sessions of `resource`, whose `field` holds the reference.
pub(super) fn find(
    local: &Local<'_>,
    reference: &SecretKeyRef,
    resource: &Arc<str>,
    field: &str,
    warnings: &mut Warnings,
) -> Password {
    let rules = local.passwords;
    let secret = local.store.secret(&rules.namespace, &reference.name);
    let fault = match usable(secret, &reference.key) {
        Ok(secret) => {
            return Password {
                secret: Some(secret),
                hold: None,
            };
        }
        Err(fault) => fault,
    };
    let place = match fault {
        Unusable::NoSecret => format!(" in namespace {}", rules.namespace),
        _ => String::new(),
    };
    let what = fault.describe(reference);
    // What cannot be used at all was meant to protect, whatever holds for what is not there yet.
    let holds = match fault {
        Unusable::TooLong(_) => true,
        Unusable::NoSecret | Unusable::NoKey | Unusable::Empty => {
            rules.missing == MissingPassword::Hold
        }
    };
    let outcome = if holds {
        "are held down"
    } else {
        "run without a password"
    };
    let message = format!("{what}{place}: its sessions {outcome}");
    warnings.add(Arc::clone(resource), field, message);
    Password {
        secret: None,
        hold: holds.then(|| "the password of the session is missing".into()),
    }
}

/// The password under a key of a Secret.
pub(super) fn usable(secret: Option<&KubernetesSecret>, key: &str) -> Result<Secret, Unusable> {
    let secret = secret.ok_or(Unusable::NoSecret)?;
    let value = secret.data.get(key).ok_or(Unusable::NoKey)?;
    match value.reveal().len() {
        0 => Err(Unusable::Empty),
        1..=PASSWORD_OCTETS_MAX => Ok(value.clone()),
        octets => Err(Unusable::TooLong(octets)),
    }
}
