//! Who the process is that a plan is made for, as its settings say.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::net::RouterId;

/// Who this process is, from its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the Node resource that is this node.
    pub node: String,
    /// How the BGP Identifier is chosen.
    pub router_id: RouterIdChoice,
    /// `--listen-port`, which overrides BGPConfiguration.
    pub listen_port: Option<u16>,
    /// Where passwords are, and what holds without one.
    pub passwords: PasswordRules,
}

/// `CALICO_ROUTER_ID` (spec/calico.md §3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouterIdChoice {
    /// The node's IPv4 address; the hash of its name where it has none.
    #[default]
    NodeAddress,
    /// The first four octets of SHA-256 of the node's name.
    Hash,
    /// This one.
    Fixed(RouterId),
}

/// Where passwords are, and what holds without one (§3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The namespace of the Secrets that resources refer to: `--secret-namespace`.
    pub namespace: Arc<str>,
    /// What a session does whose password is missing.
    pub missing: MissingPassword,
}

impl Default for PasswordRules {
    /// As in Calico.
    fn default() -> Self {
        Self {
            namespace: "kube-system".into(),
            missing: MissingPassword::default(),
        }
    }
}

/// `--missing-password`: what a session does whose password is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingPassword {
    /// It runs without, as in Calico.
    #[default]
    Run,
    /// It is held down until the password is there.
    Hold,
}

impl FromStr for MissingPassword {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "run" => Ok(Self::Run),
            "hold" => Ok(Self::Hold),
            _ => Err("must be one of run, hold".to_owned()),
        }
    }
}

impl fmt::Display for MissingPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "run",
            Self::Hold => "hold",
        })
    }
}
